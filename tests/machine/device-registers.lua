-- The disk controller in the device window: words, DMA, its faults, interrupts, wild values.
local device, mem, signal = require "device", require "mem", require "signal"
local R, base = device.registers("ram0"), assert(mem.map{device = "ram0"})
local function get(name) return mem.load_u32(base + R[name]) end
local function set(name, value) mem.store_u32(base + R[name], value) end
local function request(command, sector, count, address)
  set("SECTOR", sector) set("COUNT", count) set("ADDRESS", address)
  set("COMMAND", R["COMMAND_" .. command])
  return get "ERROR"
end
print(base == device.map("ram0"), get "SECTORS", get "STATUS" == R.STATUS_READY) --> true 2048 true

-- word by word
request("WRITE", 3, 0, 0)
for i = 1, 128 do set("DATA", i * 0x01010101 & 0xffffffff) end
request("READ", 3, 0, 0)
local sum = 0
for _ = 1, 128 do sum = sum + (get "DATA" & 255) end
print(sum, get "STATUS" == R.STATUS_READY, get "DATA")           --> 8256 true 0

-- DMA, unaligned and across pages
local page = mem.page_size
local buffer = mem.map(4 * page)
print(request("READ_DMA", 3, 1, buffer + page - 101), mem.load_u8(buffer + page - 101), mem.load_u8(buffer + page - 101 + 508)) --> 0 1 128
mem.fill(buffer, 4 * page, 7)
print(request("WRITE_DMA", 2044, 4, buffer + 1), request("READ_DMA", 2047, 1, buffer), get "ERROR") --> 0 0 0
print(request("READ_DMA", 2047, 2, buffer) == R.ERROR_E_RANGE, request("READ_DMA", 0, 0, buffer) == R.ERROR_E_COUNT) --> true true
print(request("READ_DMA", 0xffffffff, 1, buffer) == R.ERROR_E_RANGE, request("WRITE_DMA", 0, 0xffffffff, buffer) == R.ERROR_E_COUNT) --> true true
set("COMMAND", 0xdeadbeef)
print(get "ERROR" == R.ERROR_E_COMMAND, get "STATUS" == R.STATUS_READY | R.STATUS_ERROR) --> true true

-- faults of the DMA are traps of the store that began it
mem.protect(buffer + page, page, "r")
local ok, message = pcall(request, "READ_DMA", 0, 16, buffer)
print(ok, (message:gsub("^.-: ", ""):gsub("0x%x+", function(a) return tonumber(a) - buffer end))) --> false page fault: write of 8192 bytes at 4096 (read-only)
print(get "ERROR" == R.ERROR_E_FAULT, get "FAULT" - buffer, request("WRITE_DMA", 0, 16, buffer)) --> true 4096 0
for _, address in ipairs{0, 0xfffff000, 0x80000000, base, 0xfff00000, buffer + 4 * page - 1} do
  assert(not pcall(request, "READ_DMA", 0, 1, address))
  assert(get "ERROR" == R.ERROR_E_FAULT)
end
set("CONTROL", R.CONTROL_QUIET)
print(request("READ_DMA", 0, 16, buffer) == R.ERROR_E_FAULT)     --> true
set("CONTROL", 0)
signal.handle("SEGV", function(trap)
  mem.protect(trap.address, page, "rw")
  return "retry"
end)
print(request("READ_DMA", 0, 16, buffer), mem.load_u8(buffer + page)) --> 0 7
signal.default("SEGV")

-- interrupts
local count = 0
signal.handle("IO", function()
  assert(device.pending("ram0") and device.pending() == 1 << 16)
  set("ACK", 1)
  count = count + 1
end)
signal.block("IO")
set("CONTROL", R.CONTROL_IRQ)
set("LATENCY", 200000)
set("COMMAND", R.COMMAND_READ_DMA)
local busy = get "STATUS"
set("COMMAND", R.COMMAND_WRITE)                                   -- ignored
while count == 0 do signal.suspend {} end
print(busy & ~R.STATUS_INTERRUPT == R.STATUS_BUSY, count, device.pending(), get "STATUS" == R.STATUS_READY) --> true 1 0 true
set("COMMAND", 99)                                                -- an error interrupts, too
while count == 1 do signal.suspend {} end
print(count)                                                      --> 2
signal.ignore("IO")
signal.unblock("IO")

-- what no register takes
for _, access in ipairs{{"load_u8", 0}, {"load_u16", 0}, {"load_u64", 0}, {"load_u32", 2}, {"load_u32", R.COMMAND}, {"load_u32", 0xffc}} do
  local ok, message = pcall(mem[access[1]], base + access[2])
  assert(not ok and message:find("bus error: read of %d bytes? at 0x%x+ %(no such device register%)"), message)
end
print(pcall(mem.store_u32, base + R.STATUS, 1))  --> false bus error: write of 4 bytes at 0xf0020010 (no such device register)
print(pcall(mem.string, base, page))             --> false bus error: read of 4096 bytes at 0xf0020000 (no such device register)
print(mem.unmap(base, page))                     --> nil Invalid argument 22

-- wild values everywhere end in an error code or in nothing
local random = math.random
math.randomseed(42)
local names = {"SECTOR", "COUNT", "ADDRESS", "COMMAND", "DATA", "CONTROL", "ACK", "LATENCY"}
local wild = {0, 1, 2, 3, 4, 5, 6, 7, 8, 512, 2047, 2048, 2049, buffer, buffer + 1, buffer + 4 * page - 512, 0x7fffffff, 0x80000000, 0xffffffff}
for _ = 1, 20000 do
  local name = names[random(#names)]
  pcall(set, name, name ~= "LATENCY" and wild[random(#wild)] or random(0, 20))
end
print(device.reset("ram0"), get "STATUS" == R.STATUS_READY, get "LATENCY") --> true true 0
