-- Views: arrays of scalars in memory.
local mem = require "mem"
local a = mem.map(1 << 16)
local v = mem.view("f64", a, 1000)
for i = 1, #v do v[i] = i / 4 end
print(#v, v[1], v[1000], v[0], v[1001], v[-1], v[1.0], v[1.5], v.x)  --> 1000 0.25 250.0 nil nil nil 0.25 nil nil
local sum = 0
for i, x in ipairs(v) do sum = sum + x end
print(sum)                                           --> 125125.0
print(mem.load_f64(a + 8 * 999), v.address == a, v.type, v.size) --> 250.0 true f64 8000
print(tostring(v) == ("mem.view: f64[1000] at 0x%08x"):format(a)) --> true
print(v == mem.view("f64", a, 1000), v == mem.view("f64", a, 999), v == 1) --> true false false

-- overlapping views see each other
local b = mem.view("u8", a, 8)
v[1] = 1.0
print(b[8], b[7])                                    --> 63 240
b[8] = 191
print(v[1])                                          --> -1.0

-- all types, elements apart
for _, t in ipairs{"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "ptr"} do
  local w = mem.view(t, a + 16, 100)
  for i = 1, 100 do w[i] = i end
  for i = 1, 100 do assert(w[i] == i, t) end
  w[5] = 7 assert(w[4] == 4 and w[5] == 7 and w[6] == 6)
  assert(w.size == 100 * mem.size_of(t))
end
local w = mem.view("i8", a, 2)
w[1], w[2] = 200, -200
print(w[1], w[2])                                    --> -56 56

local function fails(f) print((select(2, pcall(f)))) end
fails(function() v[1001] = 1 end)                    --> mem-views.lua:34: index 1001 out of bounds of a view of 1000 elements
fails(function() v[0] = 1 end)                       --> mem-views.lua:35: index 0 out of bounds of a view of 1000 elements
fails(function() v.x = 1 end)                        --> mem-views.lua:36: index x out of bounds of a view of 1000 elements
fails(function() v[1] = "x" end)                     --> mem-views.lua:37: bad argument #3 to 'newindex' (number expected, got string)
fails(function() mem.view("u64", 0xfffffff9, 1) end) --> mem-views.lua:38: bad argument #3 to 'view' (count out of range)
fails(function() mem.view("u64", 0, 1 << 61) end)    --> mem-views.lua:39: bad argument #3 to 'view' (count out of range)
fails(function() return mem.view("u32", 0x20000, 5)[2] end) --> mem-views.lua:40: page fault: read of 4 bytes at 0x00020004 (not mapped)
fails(function() mem.view("u32", 0, 5)[1] = 1 end)   --> mem-views.lua:41: page fault: write of 4 bytes at 0x00000000 (null page)
fails(function() for _ in ipairs(mem.view("u8", 0x20000, 5)) do end end) --> page fault: read of 1 byte at 0x00020000 (not mapped)

-- a view whose metatable was taken away is still safe
debug.setmetatable(b, nil)
print(b[1] ~= nil, pcall(function() return b.type end)) --> true false mem-views.lua:46: attempt to index a userdata value (upvalue 'b')
debug.setmetatable(b, {__index = function(_, k) return k end})
print(b.type, b[9])                                  --> type nil
