-- A page fault repaired by a handler in the middle of a sort: the comparator's load is done again, and the sort goes on as
-- if nothing had happened. The records lie in pages that are taken away again and again while it runs.
local mem, signal = require "mem", require "signal"
local COUNT <const>, SIZE <const> = 4096, 8
local base = assert(mem.map(COUNT * SIZE, "rw"))
local x = 42
for i = 0, COUNT - 1 do
  x = (x * 1103515245 + 12345) % 2147483648
  mem.store_i64(base + i * SIZE, x)
end
local function take_away() mem.protect(base, COUNT * SIZE, "none") end

local faults, others = 0, 0
signal.handle("SEGV", function(trap)
  if trap.access ~= "read" or trap.size ~= 8 or trap.cause ~= "page" then others = others + 1 end
  faults = faults + 1
  mem.protect(trap.address & ~(mem.page_size - 1), mem.page_size, "rw")
  return "retry"
end)
local order, calls = {}, 0
for i = 1, COUNT do order[i] = base + (i - 1) * SIZE end
take_away()
table.sort(order, function(a, b)
  calls = calls + 1
  if calls % 1000 == 0 then take_away() end
  return mem.load_i64(a) < mem.load_i64(b)
end)
local unsorted = 0
for i = 2, COUNT do
  if mem.load_i64(order[i - 1]) > mem.load_i64(order[i]) then unsorted = unsorted + 1 end
end
print(unsorted, others, faults > 2 * (calls // 1000), calls > COUNT)
--> 0	0	true	true

-- in a coroutine within pcall within the comparator, in a metamethod, and through a view
take_away()
local view = mem.view("i64", base, COUNT)
local number = setmetatable({}, {__lt = function() return view[1] < view[2] end})
print(pcall(function()
  local t = {3, 1, 2}
  table.sort(t, function(a, b)
    take_away()
    local ok, less = pcall(coroutine.wrap(function() return a < b, view[a] end))
    assert(ok and (number < number) == (view[1] < view[2]))
    return less
  end)
  return table.concat(t, " ")
end))
--> true	1 2 3

-- a handler that declines: the fault is an error in the comparator, which ends the sort
signal.handle("SEGV", function() end)
take_away()
local ok, message = pcall(table.sort, {base, base + 8, base + 16}, function(a, b) return mem.load_i64(a) < mem.load_i64(b) end)
print(ok, (message:gsub("0x%x+", "ADDRESS")))
--> false	fault-in-sort.lua:54: page fault: read of 8 bytes at ADDRESS (no access)

-- "skip": the load gives 0, and the sort ends
signal.handle("SEGV", function() return "skip" end)
local zeros = {base, base + 8, base + 16}
table.sort(zeros, function(a, b) return mem.load_i64(a) < mem.load_i64(b) end)
print(#zeros, mem.load_i64(base))
--> 3	0

-- an error in the handler comes out of the sort
signal.handle("SEGV", function(trap) error("no repair of " .. trap.access, 0) end)
print(pcall(table.sort, {base, base + 8}, function(a, b) return mem.load_i64(a) < mem.load_i64(b) end))
--> false	no repair of read
