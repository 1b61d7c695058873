-- Shared segments.
local mem = require "mem"
local id = mem.shm_get(77, 10000)
print(id == mem.shm_get(77), id == mem.shm_get(77, 5000)) --> true true
print(mem.shm_get(77, 10000, "cx"))                  --> nil File exists 17
print(mem.shm_get(78, 10000, ""))                    --> nil No such file or directory 2
local a, b = mem.shm_attach(id), mem.shm_attach(id, "r")
mem.store_u32(a + 8000, 42)
print(mem.load_u32(b + 8000), a ~= b)                --> 42 true
print(pcall(mem.store_u8, b, 1) == false, mem.protect(b, 4096, "rw")) --> true nil Permission denied 13
local s = mem.shm_control(id)
print(s.size, s.key, s.attached, s.resident, s.creator) --> 10000 77 2 1 1
print(mem.shm_control(id, "remove"), mem.load_u32(b + 8000), mem.shm_attach(id)) --> true 42 nil Invalid argument 22
print(mem.shm_detach(a), pcall(mem.load_u8, a) == false, mem.load_u32(b + 8000)) --> true true 42
print(mem.shm_detach(a))                             --> nil Invalid argument 22
print(mem.shm_detach(b), mem.shm_detach(b + 1))      --> true nil Invalid argument 22
print(mem.shm_get(0, 4096) ~= mem.shm_get(0, 4096))  --> true
print(mem.shm_attach(-5))                            --> nil Invalid argument 22
local c = mem.map{size = 8192, shared = true}
mem.store_u8(c, 1) print(mem.load_u8(c), mem.unmap(c, 8192)) --> 1 true
