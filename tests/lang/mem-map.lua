-- Mapping, rights, the break, what is known of it all.
local mem = require "mem"
local function hex(n) return ("%08x"):format(n) end
print(#mem.map_of(), mem.map_of()[1].kind)           --> 2 image

local a = mem.map(10 * 4096)
print(hex(a))                                        --> 40000000
mem.store_u32(a + 5 * 4096, 5)
print(mem.unmap(a + 2 * 4096, 4096), pcall(mem.load_u8, a + 2 * 4096))
--> true false page fault: read of 1 byte at 0x40002000 (not mapped)
print(mem.protect(a + 5 * 4096, 4096, "r"), mem.load_u32(a + 5 * 4096)) --> true 5
print(pcall(mem.store_u64, a + 5 * 4096 - 4, 1))
--> false page fault: write of 8 bytes at 0x40005000 (read-only)
print(mem.load_u32(a + 5 * 4096 - 4))                --> 0
print(mem.protect(a + 5 * 4096, 4096, "none"), pcall(mem.load_u8, a + 5 * 4096))
--> true false page fault: read of 1 byte at 0x40005000 (no access)
print(mem.protect(a + 5 * 4096, 4096, "w"), mem.load_u32(a + 5 * 4096)) --> true 5
for _, r in ipairs(mem.map_of()) do print(hex(r.address), r.size // 4096, r.prot, r.kind, r.shared) end
--> 00010000 1 r-- image true
--> 40000000 2 rw- memory false
--> 40003000 7 rw- memory false
--> fff00000 1 r-- information true

print(hex(mem.map{size = 1, addr = 0x12000, prot = "r"}))  --> 00012000
print(pcall(mem.store_u64, 0x12ff8, 1))              --> false page fault: write of 8 bytes at 0x00012ff8 (read-only)
print(mem.map{size = 4096, addr = 0x12000})          --> nil File exists 17
print(hex(mem.map{size = 4096, addr = 0x12000, fixed = true})) --> 00012000
mem.store_u64(0x12ff8, 1)
print(mem.map{size = 4096, addr = 0x1000})           --> nil Invalid argument 22
print(mem.map{size = 4096, addr = 0xfff00000, fixed = true}) --> nil Invalid argument 22
print(mem.map(0))                                    --> nil Invalid argument 22
print(mem.map(0xf0000000))                           --> nil Cannot allocate memory 12
print(mem.unmap(a + 1, 4096))                        --> nil Invalid argument 22
print(mem.protect(0x30000, 4096, "r"))               --> nil Cannot allocate memory 12
print(pcall(mem.protect, a, 4096, "q"))              --> false bad argument #3 to 'mem.protect' (bad rights ("rwx" in part, or "none"))
print(pcall(mem.map, {size = -1}))                   --> false bad option 'size' (not a size)
print(pcall(mem.map, {size = 1, file = 5}))          --> false bad option 'file' (open file expected, got number)

-- the break
local top = mem.sbrk()
print(hex(top), mem.sbrk(10000) == top, mem.sbrk() == top + 10000) --> 10000000 true true
mem.store_u8(top + 9999, 7)
print(mem.sbrk(-9000) == top + 10000, pcall(mem.load_u8, top + 9999)) --> true false page fault: read of 1 byte at 0x1000270f (not mapped)
print(mem.sbrk(1 << 40))                             --> nil Cannot allocate memory 12
print(mem.sbrk(-(1 << 40)))                          --> nil Cannot allocate memory 12
print(hex(mem.brk(top + 4096)), mem.load_u8(top + 4095)) --> 10001000 0

-- alignment where asked for
local al = mem.map{size = 4096, aligned = true}
mem.store_u32(al + 4, 9)
print(mem.load_u32(al + 4), pcall(mem.load_u32, al + 2))
--> 9 false alignment fault: read of 4 bytes at 0x40002002 (misaligned)

-- locks and residence
local l = mem.map(8 * 4096)
print((mem.resident(l, 8 * 4096)), mem.lock(l, 4096 * 3), (mem.resident(l, 8 * 4096)) >= 3, mem.unlock(l, 8 * 4096)) --> 0 true true true
print(mem.lock(0x30000, 4096))                       --> nil Cannot allocate memory 12
print(mem.entry(l).present, mem.entry(l).prot, mem.entry(l).dirty, mem.entry(0x30000)) --> true rw- true nil

-- the information page
print(mem.load_u32(mem.info) == 0x454c4952, mem.load_u32(mem.info + 8), mem.load_u32(mem.info + 12)) --> true 4096 1
print(pcall(mem.store_u8, mem.info, 1))              --> false page fault: write of 1 byte at 0xfff00000 (read-only)
local u = mem.usage()
print(u.resident > 0, u.mapped > 0, u.charged_bytes >= 4096, u.mmu == "host" or u.mmu == "soft") --> true true true true
