-- Values of C in upvalues: machine code looks at them once for a loop, so whatever changes them meanwhile has to be seen.
local ffi = require "ffi"
ffi.cdef[[
typedef struct { int x; double y; struct { float weight; int more[4]; } part; } point;
int abs(int);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
]]
local N = 200
local function fill(count, by)
  local p = ffi.new("point[?]", count)
  for i = 0, count - 1 do p[i].x, p[i].y = i * by, 0.5 p[i].part.more[3] = -i end
  return p
end

-- what is stored to the upvalue in the loop itself, by a function it calls, by one that is compiled in its place, by the debug library
local one, two = fill(N, 1), fill(N, 10)
local points = one
local function swap(to) points = to end
local function sum_direct(n) local s = 0 for i = 0, n - 1 do if i == 50 then points = two end s = s + points[i].x end return s end
local function sum_inlined(n) local s = 0 for i = 0, n - 1 do if i == 50 then swap(two) end s = s + points[i].x end return s end
local function sum_called(n)
  local s = 0
  for i = 0, n - 1 do if i == 50 then pcall(swap, two) end s = s + points[i].x end
  return s
end
local function sum_debug(n)
  local s, self = 0, debug.getinfo(1, "f").func
  local function index(f) for i = 1, 9 do if debug.getupvalue(f, i) == "points" then return i end end end
  local where = index(self)
  for i = 0, n - 1 do if i == 50 then debug.setupvalue(self, where, two) end s = s + points[i].x end
  return s
end
local meta = setmetatable({}, {__index = function(_, k) points = two return 0 end})
local function sum_meta(n) local s = 0 for i = 0, n - 1 do if i == 50 then s = s + meta.k end s = s + points[i].x end return s end
local function sum_callback(n)
  local s, v = 0, ffi.new("int[2]")
  local order = ffi.cast("int (*)(const void *, const void *)", function() points = two return 0 end)
  for i = 0, n - 1 do if i == 50 then ffi.C.qsort(v, 2, 4, order) end s = s + points[i].x end
  order:free()
  return s
end
local function sum_joined(n)
  local s, self = 0, debug.getinfo(1, "f").func
  local other = two
  local function holder() return other end
  local at
  for i = 1, 9 do if debug.getupvalue(self, i) == "points" then at = i end end
  for i = 0, n - 1 do
    if i == 50 then debug.upvaluejoin(self, at, holder, 1) end
    s = s + points[i].x
  end
  return s
end
local want = 49 * 50 // 2 + 10 * (199 * 200 // 2 - 49 * 50 // 2)
local ways = {sum_direct, sum_inlined, sum_called, sum_debug, sum_meta, sum_callback}
for round = 1, 40 do
  for k = 1, #ways do
    points = one
    assert(ways[k](N) == want, k)
  end
end
points = one
assert(sum_joined(N) == want)

-- a shorter array, another type, no value of C: each as it would be without
local function read(i) return points[i].x end
local function reads(n) local s = 0 for i = 0, n - 1 do s = s + points[i].x end return s end
for round = 1, 60 do
  points = one assert(reads(N) == 199 * 100)
  points = fill(7, 2)
  assert(reads(7) == 42)
  local ok, message = pcall(reads, 8)
  assert(not ok and message:find("out of bounds", 1, true), message)
  points = ffi.new("struct { double x; }[3]", {{1.5}, {2}, {3}}) assert(reads(3) == 6.5)
  points = {[0] = {x = 4}, {x = 5}} assert(reads(2) == 9)
  points = ffi.cast("point *", one) + 1 assert(reads(N - 1) == 199 * 100)
  points = nil assert(not pcall(reads, 1) and not pcall(read, 0))
end

-- pointers: what they point to changes by stores through them, and by stores to them
local cell = ffi.new("point *[1]", {one})
local pointer = ffi.cast("point *", one)
local nothing = ffi.cast("point *", nil)
local function through(n) local s = 0 for i = 0, n - 1 do if i == 100 then cell[0] = two end s = s + cell[0][i].x end return s end
local function moved(n)
  local s = 0
  for i = 0, n - 1 do
    if i == 100 then ffi.copy(cell, ffi.new("point *[1]", {one}), 8) end
    s = s + cell[0][i].x
  end
  return s
end
local function writes(n) for i = 0, n - 1 do pointer[i].y = pointer[i].y + pointer[i].x pointer[i].part.weight = i end end
local function part(n) local s = 0 for i = 0, n - 1 do s = s + points[i].part.more[3] + pointer[i].part.more[i & 3] end return s end
local function null(n) local s = 0 for i = 0, n - 1 do s = s + nothing[i].part.more[1] end return s end
for round = 1, 60 do
  cell[0] = one
  assert(through(N) == 99 * 50 + 10 * (199 * 100 - 99 * 50) and moved(N) == 99 * 50 * 10 + 199 * 100 - 99 * 50)
  writes(N)
  assert(one[N - 1].y == 0.5 + round * 199 and one[7].part.weight == 7)
  points = one
  assert(part(8) == -28 - 3 - 7)
  local ok, message = pcall(null, 3)
  assert(not ok and message:find("NULL", 1, true), message)
end

-- a function that many closures are made of, each with its own array
local function make(count)
  local own, total = fill(count, 1), ffi.new("struct { int64_t sum; double mean; }")
  return function()
    total.sum = 0
    for i = 0, count - 1 do total.sum = total.sum + own[i].x end
    total.mean = total.sum / count
    return total.mean
  end
end
for round = 1, 3 do
  for count = 1, 60 do
    local f = make(count)
    for i = 1, 5 do assert(f() == (count - 1) / 2) end
  end
end

-- loops in loops, with more values than registers
local rows = ffi.new("double[20][30]")
local function grid(a, b, c, d, e, f)
  local s = 0
  for y = 0, 19 do
    for x = 0, 29 do rows[y][x] = rows[y][x] + x * a + y * b s = s + rows[y][x] end
    a, b, c, d, e, f = b, c, d, e, f, a
    for x = 29, 0, -1 do rows[y][x] = rows[y][x] - x * f - y * a end
  end
  return s + a + b + c + d + e + f
end
local first = grid(1, 2, 3, 4, 5, 6)
local again = ffi.new("double[20][30]", rows)
for i = 1, 50 do rows = ffi.new("double[20][30]") assert(grid(1, 2, 3, 4, 5, 6) == first) end
for y = 0, 19 do for x = 0, 29 do assert(rows[y][x] == again[y][x]) end end

-- pointers whose type gets a metatable while a loop runs
ffi.cdef "typedef struct { int v; } late;"
local late = ffi.new("late[40]")
local function walk(n, at)
  local p, steps = ffi.cast("late *", late), 0
  for i = 1, n do
    if i == at then ffi.metatype("late", {__add = function(a, b) return b end}) end
    p = p + 1
    if type(p) == "number" or p == 1 then return steps end
    steps = steps + 1
  end
  return steps
end
for i = 1, 60 do assert(walk(30) == 30) end
assert(walk(30, 20) == 19)
print "ok"
