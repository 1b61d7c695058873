-- What an access to guest memory costs; for bench/mem. Each line: name, tab, nanoseconds a turn.
local mem, process, signal = require "mem", require "process", require "signal"
local clock, what = os.clock, ...
local N <const> = 5000000

local function report(name, start, count)
  print(("%s\t%.3f"):format(name, (clock() - start) / count * 1e9))
end

local function loops()
  local size = 1 << 20
  local a = mem.map(size)
  for i = 0, size - 4, 4 do mem.store_u32(a + i, i) end
  for _, t in ipairs{"u8", "u32", "f64"} do
    local load, store, width = mem["load_" .. t], mem["store_" .. t], mem.size_of(t)
    local mask = size - width
    local start, sum = clock(), 0
    for i = 1, N do sum = sum + load(a + (i * width & mask)) end
    report("load " .. t, start, N)
    start = clock()
    for i = 1, N do store(a + (i * width & mask), i) end
    report("store " .. t, start, N)
    local v, last = mem.view(t, a, size // width), size // width - 1
    start, sum = clock(), 0
    for i = 1, N do sum = sum + v[(i & last) + 1] end
    report("view " .. t, start, N)
    start = clock()
    for i = 1, N do v[(i & last) + 1] = i end
    report("view " .. t .. " =", start, N)
  end
end

local function traps()
  local load, count = mem.load_u8, 100000
  mem.store_u8(mem.map(4096), 1) -- the MMU is chosen at the first access
  local start = clock()
  for _ = 1, count do pcall(load, 0x20000) end
  report("trap to error, in pcall", start, count)
  local pages = 5000
  local a = mem.map(pages * 4096)
  mem.fill(a, pages * 4096, 1)
  mem.protect(a, pages * 4096, "r")
  for i = 0, pages - 1 do load(a + i * 4096) end
  signal.handle("SEGV", function(trap)
    mem.protect(trap.address & ~4095, 4096, "rw")
    return "retry"
  end)
  start = clock()
  for i = 0, pages - 1 do mem.store_u8(a + i * 4096, 1) end
  report("handler, mem.protect and resume", start, pages)
end

-- Writes at random to 16 MiB, all of which are then looked at.
local function swap()
  local size, count, seed = 16 << 20, 200000, 42
  local a, model = mem.map(size), {}
  local start = clock()
  for i = 1, count do
    seed = seed * 6364136223846793005 + 1442695040888963407
    local at = (seed >> 33) % (size // 8) * 8
    mem.store_u64(a + at, i)
    model[at] = i
  end
  report("random write, 4 MiB of 16", start, count)
  for at = 0, size - 8, 8 do
    local x = mem.load_u64(a + at)
    if x ~= (model[at] or 0) then error(("at %d: %d is not %d"):format(at, x, model[at] or 0)) end
  end
end

local function fork(mib, dirty)
  local a = mem.map(mib << 20)
  mem.fill(a, mib << 20, 1)
  local best = math.huge
  for round = 1, 7 do
    for page = 0, (mib << 20) - 1, 4096 do
      if round == 1 or not dirty or page // 4096 % 10 == 0 then mem.store_u8(a + page, round) end
    end
    local start = clock()
    local child = process.fork()
    if child == 0 then
      local ok = mem.load_u8(a) == round
      mem.store_u8(a, 77)
      process.exit(ok and mem.load_u8(a) == 77 and 0 or 1)
    end
    best = math.min(best, clock() - start)
    mem.store_u8(a, 99)
    local _, _, code = process.wait(child)
    assert(code == 0 and mem.load_u8(a) == 99, "parent and child see each other's writes")
  end
  print(("fork of %d MiB%s\t%.0f"):format(mib, dirty and ", 10 % dirtied" or "", best * 1e9))
  mem.unmap(a, mib << 20)
end

if what == "loops" then loops()
elseif what == "traps" then traps()
elseif what == "swap" then swap()
else fork(1) fork(256) fork(256, true) fork(320)
end
