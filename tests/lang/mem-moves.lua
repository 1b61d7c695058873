-- Strings, fill, copy, find.
local mem = require "mem"
local a = mem.map(1 << 20)
print(mem.write(a, "hello world"), mem.string(a, 11), mem.cstring(a + 6)) --> 11 hello world world
local big = ("0123456789"):rep(30000)
mem.write(a + 5, big)
assert(mem.string(a + 5, #big) == big)
mem.copy(a + 12, a + 5, #big) assert(mem.string(a + 12, #big) == big)
mem.copy(a + 1, a + 12, #big) assert(mem.string(a + 1, #big) == big)
mem.copy(a + 200001, a + 1, #big) assert(mem.string(a + 200001, #big) == big)
mem.fill(a, 1 << 20) assert(mem.string(a, 1 << 20) == ("\0"):rep(1 << 20))
mem.fill(a + 3, 100000, 0x41) print(mem.load_u8(a + 2), mem.load_u8(a + 3), mem.load_u8(a + 100002), mem.load_u8(a + 100003)) --> 0 65 65 0

mem.write(a + 65530, "needle in hay")
print(mem.find(a, 1 << 20, "needle") - a, mem.find(a, 65535, "needle"), mem.find(a, 65536, "needle") - a) --> 65530 nil 65530
print(mem.find(a, 1 << 20, 0x41) - a, mem.find(a, 100, 7), mem.find(a, 10, "") == a, mem.find(a, 0, "x")) --> 3 nil true nil
print(mem.find(a + 100003, 1 << 19, "\0\0") - a)     --> 100003
print(mem.string(a, 0) == "", mem.string(0, 0) == "") --> true true

local function fails(f, ...) print((select(2, pcall(f, ...)))) end
mem.protect(a + 4096, 4096, "r")
local before = mem.string(a, 8192)
fails(mem.fill, a, 8192, 1)                          --> page fault: write of 8192 bytes at 0x40001000 (read-only)
fails(mem.write, a + 4090, "1234567")                --> page fault: write of 7 bytes at 0x40001000 (read-only)
fails(mem.copy, a + 100, a + 20000, 5000)            --> page fault: write of 5000 bytes at 0x40001000 (read-only)
assert(mem.string(a, 8192) == before)                -- none of them had an effect
fails(mem.string, a + (1 << 20) - 5, 6)              --> page fault: read of 6 bytes at 0x40100000 (not mapped)
fails(mem.string, a, 1 << 33)                        --> bad argument #2 to 'mem.string' (size out of range)
fails(mem.string, a, -1)                             --> bad argument #2 to 'mem.string' (size out of range)
fails(mem.cstring, 0)                                --> page fault: read of 4096 bytes at 0x00000000 (null page)
fails(mem.find, a, 1 << 21, "x")                     --> page fault: read of 2097152 bytes at 0x40100000 (not mapped)
fails(mem.find, a, 10, 256)                          --> bad argument #3 to 'mem.find' (no byte)
