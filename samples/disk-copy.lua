-- Copies sectors of a disk in the three ways that a driver can: word by word, by
-- interrupt, and by DMA.   rille disk-copy.lua [times [DEVICE]]
-- With `times` it says how long each took. Another disk: rille --disk FILE disk-copy.lua times disk0

local device, mem, signal = require "device", require "mem", require "signal"

local name = arg and arg[2] or "ram0"
local sectors, source, target = 256, 0, 1024
local BYTES <const> = 512

-- The registers: offsets and bits by name, at a fixed place of the address space.
local base = assert(device.map(name))
local R = device.registers(name)
local DATA, STATUS, COMMAND = base + R.DATA, base + R.STATUS, base + R.COMMAND
local clock = device.map("clock") + device.registers("clock").TIME

local function set(register, value) mem.store_u32(base + R[register], value) end

-- Waits until the disk is not busy, and looks how the request ended.
local function finish()
  local status
  repeat status = mem.load_u32(STATUS) until status & R.STATUS_BUSY == 0
  if status & R.STATUS_ERROR ~= 0 then error("disk error " .. mem.load_u32(base + R.ERROR)) end
end

local function begin(command, sector)
  set("SECTOR", sector)
  mem.store_u32(COMMAND, command)
end

-- 1. Programmed I/O: ask for a sector, wait, move its 128 words.
local function read_words(sector, buffer)
  begin(R.COMMAND_READ, sector)
  finish()
  for at = buffer, buffer + BYTES - 4, 4 do mem.store_u32(at, mem.load_u32(DATA)) end
end

local function write_words(sector, buffer)
  begin(R.COMMAND_WRITE, sector)
  for at = buffer, buffer + BYTES - 4, 4 do mem.store_u32(DATA, mem.load_u32(at)) end
  finish()
end

local function programmed(buffer)
  for i = 0, sectors - 1 do
    read_words(source + i, buffer)
    write_words(target + i, buffer)
  end
end

-- 2. By interrupt: the disk takes its time, the program sleeps (or computes) until the signal comes.
local interrupts = 0

local function sleep_until_done()
  local seen = interrupts
  return function()
    while interrupts == seen do signal.suspend {} end -- lets all signals through while it waits
    finish()
  end
end

local function interrupted(buffer)
  signal.handle("IO", function()
    interrupts = interrupts + 1
    set("ACK", 1)
  end)
  signal.block("IO") -- a request may end before we wait for it
  set("CONTROL", R.CONTROL_IRQ)
  set("LATENCY", 50)
  for i = 0, sectors - 1 do
    local wait = sleep_until_done()
    begin(R.COMMAND_READ, source + i)
    wait()
    for at = buffer, buffer + BYTES - 4, 4 do mem.store_u32(at, mem.load_u32(DATA)) end
    wait = sleep_until_done()
    begin(R.COMMAND_WRITE, target + i)
    for at = buffer, buffer + BYTES - 4, 4 do mem.store_u32(DATA, mem.load_u32(at)) end
    wait()
  end
  signal.unblock("IO")
end

-- 3. DMA: the disk moves many sectors from and to memory by itself, through our page table.
local function dma(buffer)
  local per_request = 64
  set("ADDRESS", buffer)
  set("COUNT", per_request)
  for i = 0, sectors - 1, per_request do
    begin(R.COMMAND_READ_DMA, source + i)
    finish()
    begin(R.COMMAND_WRITE_DMA, target + i)
    finish()
  end
end

-- A DMA into a page that must not be written is noticed where it is begun, and can be repaired there.
local function faulty(buffer)
  mem.protect(buffer, mem.page_size, "r")
  local ok, message = pcall(dma, buffer)
  print("without a handler:", ok, (message:gsub("^[^:]*:%d+: ", ""):gsub("0x%x+", "%%s"):format("the buffer")))
  assert(mem.load_u32(base + R.FAULT) == buffer)
  signal.handle("SEGV", function(trap)
    mem.protect(trap.address & ~(mem.page_size - 1), mem.page_size, "rw")
    return "retry"
  end)
  print("with a handler:", pcall(dma, buffer))
end

-- The disk as a file.
local file = assert(io.open("/dev/" .. name, "r+b"))

local function fill(sector, text)
  file:seek("set", sector * BYTES)
  file:write(text)
  file:flush()
end

local function content(sector)
  file:seek("set", sector * BYTES)
  return file:read(sectors * BYTES)
end

local words = {}
for i = 1, sectors * BYTES // 4 do words[i] = string.pack("<I4", i * 2654435761 & 0xffffffff) end
local text = table.concat(words)
fill(source, text)

for _, way in ipairs {{"programmed I/O", programmed}, {"interrupts", interrupted}, {"DMA", dma}} do
  local buffer = assert(mem.map(64 * BYTES))
  fill(target, ("\0"):rep(sectors * BYTES))
  device.reset(name)
  local start = mem.load_u64(clock)
  way[2](buffer)
  local ns = mem.load_u64(clock) - start
  print(("%d sectors by %s: %s"):format(sectors, way[1], content(target) == text and "equal" or "NOT EQUAL"))
  if arg and arg[1] == "times" then print(("  %.2f us a sector"):format(ns / 1000 / sectors)) end
  mem.unmap(buffer, 64 * BYTES)
end
print("interrupts:", interrupts)
faulty(assert(mem.map(64 * BYTES)))
