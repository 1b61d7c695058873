-- mem.pointer: guest pages and C share bytes.
local ffi, mem = require "ffi", require "mem"
ffi.cdef[[void *memset(void *, int, size_t); size_t strlen(const char *); int memcmp(const void *, const void *, size_t);]]
local C = ffi.C
local addr = mem.map(5 * 4096)
local p = mem.pointer(addr, 5 * 4096)
print(ffi.typeof(p) == ffi.typeof("uint8_t *"))  --> true
C.memset(p, 65, 5 * 4096)
print(mem.load_u8(addr), mem.load_u8(addr + 5 * 4096 - 1)) --> 65 65
mem.store_u32(addr + 4094, 0x31323334)
print(p[4094], p[4095], p[4096], p[4097])            --> 52 51 50 49
local q = ffi.cast("uint32_t *", p + 8)
for i = 0, 999 do q[i] = i * 3 end
local sum = 0
for i = 0, 999 do sum = sum + mem.load_u32(addr + 8 + 4 * i) end
print(sum)                                           --> 1498500

-- pages whose frames do not follow each other: made in another order
local size = 16 * 4096
local mixed = mem.map(size)
for page = 15, 0, -1 do
  mem.store_u8(mixed + page * 4096, page)
  if page % 3 == 0 then mem.store_u8(mem.map(4096), 1) end
end
local r = mem.pointer(mixed + 100, size - 200)
for page = 1, 15 do assert(r[page * 4096 - 100] == page) end
for i = 0, size - 201, 511 do r[i] = i & 255 end
for i = 0, size - 201, 511 do assert(mem.load_u8(mixed + 100 + i) == i & 255) end

-- the pointer outlives the mapping, and what is derived keeps the pages
local part = r + 4096
r = nil
collectgarbage() collectgarbage()
local before = part[1]
mem.unmap(mixed, size)
for i = 1, 50 do mem.store_u8(mem.map(4096), 255) end
print(part[1] == before)                             --> true
part = nil
for i = 1, 300 do mem.pointer(addr, 4096) end
collectgarbage() collectgarbage()

-- reading only, and mistakes
local c = mem.pointer(addr, 10, "r")
print(pcall(function() c[0] = 1 end))                --> false memory.lua:44: attempt to write to constant location
local only = mem.map(4096, "r")
print((pcall(mem.pointer, only, 10)))                --> false
print((pcall(mem.pointer, 8, 10)))                   --> false
print((pcall(mem.pointer, addr, 0)))                 --> false
print((pcall(mem.pointer, addr, 1 << 33)))           --> false
print((pcall(mem.pointer, -1, 10)))                  --> false
local process = require "process"
print(select(2, pcall(process.fork)):match("cannot be forked")) --> cannot be forked
