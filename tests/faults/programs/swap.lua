-- More pages than there are frames.
local mem = require "mem"
local pages = 2000
local base, why = mem.map(pages * 4096, "rw")
if not base then error(why, 0) end
for round = 1, 2 do
    for i = 0, pages - 1 do
        local at = base + i * 4096
        assert(mem.load_u32(at) == (round == 1 and 0 or i + 1), "a page has other contents")
        mem.store_u32(at, i + round)
    end
end
print("done")
