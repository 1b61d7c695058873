-- mem.fill, copy and find of large ranges let other threads run, and come to the same.
local mem, thread = require "mem", require "thread"
local size <const> = 48 << 20
local a, b = mem.map(size), mem.map(size)
local turns, over = 0, false
local other = thread.create(function() while not over do turns = turns + 1 thread.sleep(0) end end)
local function gained(f)
  thread.sleep(0)
  local before = turns
  f()
  return turns > before
end
print(gained(function() for i = 1, 4 do mem.fill(a, size, i) end end))                  --> true
mem.store_u32(a + size - 4, 0x01020304)
mem.store_u32(a, 0x05060708)
print(gained(function() for _ = 1, 4 do mem.copy(b, a, size) end end))                  --> true
print(mem.load_u32(b) == 0x05060708, mem.load_u32(b + size - 4) == 0x01020304)          --> true true
mem.copy(b + 5, b, size - 5) -- from its end
print(mem.load_u32(b + 5) == 0x05060708, mem.load_u8(b + size - 1) == 4)                --> true true
mem.copy(b, b + 5, size - 5)
print(mem.load_u32(b) == 0x05060708)                                                    --> true
print(gained(function()
  for _ = 1, 4 do assert(mem.find(a, size, "\4\3\2\1") == a + size - 4 and not mem.find(a, size, 77)) end
end))                                                                                   --> true
print(mem.find(a, size, 8) == a, mem.find(a, 0, "x"), mem.find(a, 3, "") == a)          --> true nil true
print(pcall(mem.fill, 4096, size, 1)) --> false page fault: write of 50331648 bytes at 0x00001000 (null page)
over = true
other:join()
