-- Devices and several processes: registers of one's own, mailboxes, death during a request, capabilities.
local device, mem, process, signal = require "device", require "mem", require "process", require "signal"
local R, base = device.registers("ram0"), device.map("ram0")
mem.store_u32(base + R.SECTOR, 42)

-- fork: the same window, other registers
local child = process.fork()
if child == nil or child == 0 then
  local sector = mem.load_u32(base + R.SECTOR)
  mem.store_u32(base + R.SECTOR, 7)
  process.exit(sector)
end
print(select(3, process.wait(child)), mem.load_u32(base + R.SECTOR)) --> 0 42

-- a process ends, or is killed, while the disk works for it: pages are released each time
local used
for i = 1, 50 do
  local worker = process.spawn(function(waits)
    local device, mem, process = require "device", require "mem", require "process"
    local R, base = device.registers("ram0"), device.map("ram0")
    mem.store_u32(base + R.ADDRESS, mem.map(64 * 4096))
    mem.store_u32(base + R.COUNT, 512)
    mem.store_u32(base + R.LATENCY, 10000000)
    mem.store_u32(base + R.COMMAND, R.COMMAND_READ_DMA)
    if waits then process.sleep(100) end
  end, {args = {i % 2 == 0}})
  if i % 2 == 0 then
    process.yield()
    process.sleep(0.002)
    process.kill(worker, "KILL")
  end
  process.wait(worker)
  local usage = mem.usage()
  used = used or usage.frames_used
  if usage.frames_used ~= used then print("frames", used, usage.frames_used) end
end

-- two ends of a mailbox, as files: words come in order, an end that is left is the end of the file
local mine = assert(io.open("/dev/mailbox0", "r+b"))
mine:setvbuf("no")
local other = process.spawn(function()
  local f = assert(io.open("/dev/mailbox0", "r+b"))
  f:setvbuf("no")
  for _ = 1, 200 do
    local word = string.unpack("<I4", f:read(4))
    f:write(string.pack("<I4", word * 2))
  end
end)
local sum = 0
for i = 1, 200 do
  mine:write(string.pack("<I4", i))
  sum = sum + string.unpack("<I4", mine:read(4))
end
print(sum, mine:read(4))                         --> 40200 nil
process.wait(other)
mine:close()

-- in registers, by interrupt
local M = device.registers("mailbox1")
local box = device.map("mailbox1")
local words = {}
signal.handle("IO", function()
  mem.store_u32(box + M.ACK, 1)
  while mem.load_u32(box + M.STATUS) & M.STATUS_READABLE ~= 0 do words[#words + 1] = mem.load_u32(box + M.DATA) end
end)
mem.store_u32(box + M.CONTROL, M.CONTROL_ON_WORD)
other = process.spawn(function()
  local device, mem, process = require "device", require "mem", require "process"
  local M, box = device.registers("mailbox1"), device.map("mailbox1")
  for i = 1, 20 do
    while mem.load_u32(box + M.STATUS) & M.STATUS_WRITABLE == 0 do process.yield() end
    mem.store_u32(box + M.DATA, i)
  end
  assert(mem.load_u32(box + M.PEER) == process.getppid())
end)
process.wait(other)
while #words < 20 do process.sleep(0.001) end
print(#words, words[1], words[20])               --> 20 1 20

-- capabilities
other = process.spawn(function()
  local device, process = require "device", require "process"
  local out = {}
  for _, path in ipairs{"/dev/null", "/dev/ram0", "/dev/mailbox2", "/dev/console", "/dev/clock"} do
    out[#out + 1] = io.open(path) and "yes" or "no"
  end
  out[#out + 1] = tostring(select(2, device.map("ram0")))
  process.parent():send(table.concat(out, " "))
end, {allow = {}})
print((other:receive()))                    --> yes no no no yes ram0: permission denied (needs --allow-read)
process.wait(other)
print(device.map("mailbox0") ~= nil, io.open("/dev/null") ~= nil) --> true true
