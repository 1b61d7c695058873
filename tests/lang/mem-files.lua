-- Files in memory: shared, private, truncated.
local mem = require "mem"
local name = os.tmpname()
local f = assert(io.open(name, "w+b"))
f:write(("abcdefgh"):rep(2048))                      -- 16 KiB, not flushed: map does that
local a = mem.map{file = f, shared = true}
local p = mem.map{file = f, size = 8192, offset = 4096}
print(mem.string(a, 8), mem.string(p + 8184, 8))     --> abcdefgh abcdefgh
mem.write(a + 4096, "SHARED") mem.write(p, "private")
print(mem.string(a + 4096, 8), mem.string(p, 8))     --> SHAREDgh privateh
print(mem.sync(a, 16384))                            --> true
f:seek("set", 4096) print(f:read(8))                 --> SHAREDgh
f:seek("set", 0) f:write("file") f:flush()
print(mem.string(a, 8))                              --> fileefgh
mem.store_u32(a, 0x64636261)
f:seek("set", 0) print(f:read(4))                    --> abcd

-- beyond the end, and cut off under us
local long = mem.map{file = f, size = 32768, shared = true, prot = "r"}
print(pcall(mem.load_u8, long + 16384))
--> false bus error: read of 1 byte at 0x4000a000 (beyond the end of the file)
print(mem.load_u8(a + 12288), mem.load_u8(a + 8192)) --> 97 97
io.open(name, "w"):write(("x"):rep(100)):close()     -- truncates, then writes
print(pcall(mem.load_u8, a + 12288))                 --> false bus error: read of 1 byte at 0x40003000 (beyond the end of the file)
print(pcall(mem.store_u64, a + 8192, 1))             --> false bus error: write of 8 bytes at 0x40002000 (beyond the end of the file)
print(pcall(mem.string, a, 16384))                   --> false bus error: read of 16384 bytes at 0x40001000 (beyond the end of the file)
print(pcall(function() local v = mem.view("u8", a, 16384) return v[8193] end))
--> false mem-files.lua:27: bus error: read of 1 byte at 0x40002000 (beyond the end of the file)
print(mem.string(a, 4), mem.load_u8(a + 100))        --> xxxx 0
f:close()
print(mem.string(a, 4))                              --> xxxx
local g = io.open(name, "rb")
print(mem.map{file = g, shared = true})              --> nil Permission denied 13
local r = mem.map{file = g, shared = true, prot = "r"}
print(mem.string(r, 3), mem.protect(r, 4096, "rw"))  --> xxx nil Permission denied 13
print(mem.map{file = g, shared = true, prot = "r", offset = 7}) --> nil Invalid argument 22
g:close()
print(pcall(mem.map, {file = g}))                    --> false bad option 'file' (closed file)
print(mem.unmap(a, 16384))                           --> true
os.remove(name)
