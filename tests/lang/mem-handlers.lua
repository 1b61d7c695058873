-- Traps go to the handlers of signals, which repair, skip or raise.
local mem, signal = require "mem", require "signal"
local seen
local function map_page(trap)
  seen = trap
  assert(mem.map{addr = trap.address & ~4095, size = 4096})
  return "retry"
end
signal.handle("SEGV", map_page)
mem.store_u64(0x20ff8, 77)
print(mem.load_u64(0x20ff8), seen.message)  --> 77 page fault: write of 8 bytes at 0x00020ff8 (not mapped)
print(seen.cause, seen.signal, seen.access, seen.reason, seen.address, seen.size) --> page SEGV write not mapped 135160 8
mem.store_u64(0x30ffc, 0x1234567890abcdef)            -- two pages, two faults
print(mem.load_u64(0x30ffc) == 0x1234567890abcdef)    --> true
print(mem.string(0x40000, 9000) == ("\0"):rep(9000))  --> true
local v = mem.view("u32", 0x50000, 2000)
v[1500] = 5
print(v[1500], v[1], #mem.string(0x60000, 1))         --> 5 0 1

-- inside pcall, coroutines, metamethods, a sort comparator
print(pcall(mem.load_u8, 0x70000))                    --> true 0
print(coroutine.wrap(function() coroutine.yield(mem.load_u8(0x80000)) end)()) --> 0
local t = setmetatable({}, {__index = function(_, k) return mem.load_u8(k) end})
print(t[0x90000], t[0x91000])                         --> 0 0
local list = {5, 3, 8, 1, 9, 2}
table.sort(list, function(x, y) mem.store_u8(0xa0000 + x * 4096, x) return x < y end)
print(table.concat(list, " "), mem.load_u8(0xa0000 + 8 * 4096)) --> 1 2 3 5 8 9 8
print((("abc"):gsub(".", function(c) return mem.load_u8(0xc0000 + c:byte() * 4096) end))) --> 000
for i, x in ipairs(mem.view("u8", 0x100000, 3)) do io.write(i, "=", x, " ") end print() --> 1=0 2=0 3=0

-- the handler makes a fault of its own
signal.handle("SEGV", function(trap)
  if trap.address < 0x200000 then mem.store_u8(trap.address + 0x100000, 1) end
  return map_page(trap)
end)
print(mem.load_u8(0x190000), mem.load_u8(0x290000))   --> 0 1

-- skip, decline, raise, answer nonsense
signal.handle("SEGV", function() return "skip" end)
print(mem.load_u32(0x300000), mem.store_u32(0x300000, 1), mem.view("f64", 0x300000, 1)[1]) --> 0 0 0
signal.handle("SEGV", function() end)
print(pcall(mem.load_u32, 0x300000))                  --> false page fault: read of 4 bytes at 0x00300000 (not mapped)
print(pcall(function() return mem.view("f64", 0x300000, 1)[1] end)) --> false mem-handlers.lua:43: page fault: read of 8 bytes at 0x00300000 (not mapped)
signal.handle("SEGV", function(trap) error({trap.address}) end)
print((select(2, pcall(mem.load_u32, 0x300000)))[1])  --> 3145728
signal.handle("SEGV", function() return 5 end)
print(pcall(mem.load_u32, 0x300000))                  --> false a trap handler must return "retry", "skip" or nothing, not number
signal.handle("SEGV", function(trap) coroutine.yield(trap.address) return map_page(trap) end)
local co = coroutine.wrap(function() return mem.load_u32(0x300000) end)
print(co(), co())                                     --> 3145728 0
signal.handle("SEGV", map_page)
signal.block("SEGV")
print(pcall(mem.load_u32, 0x400000) == false)         --> true
signal.unblock("SEGV")
print(pcall(mem.load_u32, 0x400000))                  --> true 0
signal.default("SEGV")
print(pcall(mem.load_u32, 0x500000) == false)         --> true

-- a store kept by a read-only page
local log, page = {}, mem.map(4096)
mem.protect(page, 4096, "r")
signal.handle("SEGV", function(trap)
  log[#log + 1] = trap.address - page
  mem.protect(trap.address & ~4095, 4096, "rw")
  return "retry"
end)
for i = 0, 3 do mem.store_u32(page + 4 * i, i + 1) end
print(#log, log[1], mem.load_u32(page + 12))          --> 1 0 4
signal.handle("BUS", function(trap) return trap.cause == "alignment" and "skip" or nil end)
print(mem.load_u32(mem.map{size = 4096, aligned = true} + 1)) --> 0
