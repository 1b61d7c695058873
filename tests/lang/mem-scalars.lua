-- Typed loads and stores: wrap-around, conversion, unaligned and across pages.
local mem = require "mem"
local a = mem.map(4 * mem.page_size)
print(mem.page_size, a % 4096, mem == require "mem", _G.mem)     --> 4096 0 true nil

mem.store_u64(a, 0x8877665544332211)
print(mem.load_u8(a), mem.load_i8(a + 7), mem.load_u8(a + 7))     --> 17 -120 136
print(mem.load_u16(a), mem.load_i16(a + 6), mem.load_u16(a + 6))  --> 8721 -30601 34935
print(mem.load_u32(a), mem.load_i32(a + 4), mem.load_u32(a + 4))  --> 1144201745 -2005440939 2289526357
print(mem.load_u64(a) == 0x8877665544332211, mem.load_i64(a) < 0) --> true true
print(mem.load_ptr(a))                                            --> 1144201745

mem.store_u8(a, 256 + 7) mem.store_i16(a + 2, 65535) mem.store_u32(a + 4, -1)
print(mem.load_u8(a), mem.load_i16(a + 2), mem.load_u32(a + 4))   --> 7 -1 4294967295
mem.store_f64(a + 8, 1 / 3) mem.store_f32(a + 16, 0.1) mem.store_f32(a + 20, 3)
print(mem.load_f64(a + 8) == 1 / 3, mem.load_f32(a + 16) == 0.1, mem.load_f32(a + 20)) --> true false 3.0
mem.store_i32(a, 3.0) print(mem.load_i32(a))                      --> 3
mem.store_u8(a, "12") print(mem.load_u8(a))                       --> 12
mem.store_f64(a, "0x10") print(mem.load_f64(a))                   --> 16.0

for at = a + 4089, a + 4096 do                                    -- every way to lie across two pages
  mem.store_u64(at, at * 0x01000193) assert(mem.load_u64(at) == at * 0x01000193)
  mem.store_u16(at + 7, 0xabcd) assert(mem.load_u16(at + 7) == 0xabcd)
end

for _, t in ipairs{"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "ptr"} do
  mem.store(t, a + 100, 100)
  assert(mem.load(t, a + 100) == 100 and mem["load_" .. t](a + 100) == 100)
  assert(mem.size_of(t) == tonumber(t:match("%d+") or 32) // 8)
end

-- results: none of a store, one of a load, wherever they stand
print(select("#", mem.store_u8(a, 1)), select("#", mem.load_u8(a))) --> 0 1
local x, y = mem.load_u8(a) print(x, y)                           --> 1 nil
print((mem.store_u8(a, 2)), mem.load_u8(a), (mem.load_u8(a)))     --> nil 2 2
print(pcall(mem.load_u8, a))                                      --> true 2

local function fails(f, ...) print((select(2, pcall(f, ...)))) end
fails(mem.load_u32)            --> bad argument #1 to 'mem.load_u32' (number expected, got no value)
fails(mem.load_u32, "x")       --> bad argument #1 to 'mem.load_u32' (number expected, got string)
fails(mem.load_u32, -1)        --> bad argument #1 to 'mem.load_u32' (address out of range)
fails(mem.load_u32, 1 << 32)   --> bad argument #1 to 'mem.load_u32' (address out of range)
fails(mem.load_u32, 1.5)       --> bad argument #1 to 'mem.load_u32' (number has no integer representation)
fails(mem.store_u32, a)        --> bad argument #2 to 'mem.store_u32' (number expected, got no value)
fails(mem.store_u32, a, {})    --> bad argument #2 to 'mem.store_u32' (number expected, got table)
fails(mem.store_u32, a, 1.5)   --> bad argument #2 to 'mem.store_u32' (number has no integer representation)
fails(mem.store_f64, a, true)  --> bad argument #2 to 'mem.store_f64' (number expected, got boolean)
fails(mem.load, "u24", a)      --> bad argument #1 to 'mem.load' (invalid option 'u24')
