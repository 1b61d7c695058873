--# options --frames 1M --swap mem-swap.tmp
-- More memory than there is: pages go to the swap file and come back.
local mem = require "mem"
local size = 4 << 20
local a, b = mem.map(size), mem.map{size = size // 2, shared = true}
local seed = 12345
local function random()
  seed = seed * 1103515245 + 12345 & 0x7fffffff
  return seed >> 3
end
local written = {}
for i = 1, 20000 do
  local at = random() % (size // 8) * 8
  mem.store_u64(a + at, i)
  written[at] = i
  mem.store_u64(b + at // 2, i)
end
local wrong = 0
for at, i in pairs(written) do
  if mem.load_u64(a + at) ~= i then wrong = wrong + 1 end
end
local u = mem.usage()
print(wrong, u.frames, u.frames_used <= 256, u.swap_in > 100, u.swap_out > 100, u.swap_used > 0) --> 0 256 true true true true
assert(mem.lock(a, 100 * 4096))
mem.fill(b, size // 2, 3)
print((mem.resident(a, 100 * 4096)), mem.lock(a, size)) --> 100 nil Resource temporarily unavailable 11
print(mem.unmap(a, size), mem.unmap(b, size // 2), mem.usage().swap_used) --> true true 0
os.remove("mem-swap.tmp")
