-- Pointers in compiled loops: those that are kept, copied, swapped, stored, collected are all different values.
local ffi = require "ffi"
ffi.cdef[[
typedef struct cell { struct cell *next, *prev; int v; uint8_t bytes[4]; } cell;
typedef struct { double x, y; } vec;
]]
local N = 300
local cells = ffi.new("cell[?]", N)
for i = 0, N - 1 do
  cells[i].v = i
  if i < N - 1 then cells[i].next = cells + (i + 1) end
  if i > 0 then cells[i].prev = cells + i - 1 end
end
local last = cells + (N - 1)

local function forward(p) local s = 0 while p ~= nil do s = s + p.v p = p.next end return s end
local function backward(p) local s = 0 while nil ~= p do s = s + p.v p = p.prev end return s end
local function both(p, q) -- two that change places
  local s = 0
  while p ~= nil and q ~= nil do
    s = s * 3 + p.v - q.v & 0xffffff
    p, q = q.next, p
  end
  return s
end
local function trailing(p) -- the one before, and the one before that
  local a, b, s = nil, nil, 0
  while p ~= nil do
    if b ~= nil then assert(b + 2 == p and a + 1 == p and b.v == p.v - 2 and a.v == p.v - 1) s = s + b.v end
    b = a
    a = p
    p = p.next
  end
  return s
end
local function kept(p)
  local all = {}
  while p ~= nil do all[#all + 1] = p local q = p p = q.next end
  for i = 1, #all do assert(all[i].v == i - 1) end
  return #all
end
local function reversed()
  local a = ffi.new("cell[?]", 20)
  for i = 0, 19 do a[i].v = i if i < 19 then a[i].next = a + i + 1 end end
  local p, r = a + 0, ffi.cast("cell *", nil)
  while p ~= nil do local n = p.next p.next = r r = p p = n end
  local s = ""
  while r ~= nil do s = s .. r.v .. "," r = r.next end
  return s
end
local function captured(p)
  local f
  for i = 1, 50 do
    local q = p + i
    if i == 25 then f = function() return q.v end end
    q = q + 1
    p = p.next
    p = p - 1
  end
  return f()
end
local want = reversed()
for round = 1, 40 do
  assert(forward(cells + 0) == N * (N - 1) // 2 and backward(last) == N * (N - 1) // 2)
  assert(both(cells + 0, cells + 1) == both(cells + 0, cells + 1))
  assert(trailing(cells + 0) == (N - 2) * (N - 3) // 2)
  assert(kept(cells + 0) == N and reversed() == want)
  assert(captured(cells + 0) == 26)
end

-- arithmetic and order
local function sums(base, n)
  local s, p, e = 0, base, base + n
  while p < e do s = s + p.v p = p + 1 end
  while p > base do p = p - 1 s = s - p.v end
  while p ~= e do p = 1 + p s = s + (p - base) + (base - p) // 2 end
  for i = 0, n - 1 do s = s + (base + i).v + (e - i - 1).v + (base + i).bytes[i & 3] end
  return s
end
for round = 1, 40 do assert(sums(cells + 0, N) == sums(last - (N - 1), N)) end
local bytes = ffi.cast("char *", cells)
for i = 1, 200 do assert((bytes + i * 3) - bytes == i * 3 and bytes + i > bytes and not (bytes + i <= bytes)) end
local odd = ffi.cast("int *", bytes + 1)
for i = 1, 200 do assert(odd - ffi.cast("int *", bytes) == 0 and ffi.cast("int *", bytes) - odd == 0) end
for i = 1, 200 do assert(last - cells == N - 1 and cells - last == 1 - N and cells == cells + 0 and cells ~= last) end

-- pointers that belong to garbage keep it
for i = 1, 300 do
  local p = ffi.new("cell[8]") + 3
  p.v = i
  p = p + 1
  p = p - 1
  if i % 20 == 0 then collectgarbage() end
  assert(p.v == i)
end

-- a metatable that comes when all is compiled
local v = ffi.new("vec[4]")
local function step(p) local q = p + 1 return q end
local function same(p, q) return p == q end
for i = 1, 300 do assert(step(v + 1) - v == 2 and same(v + 1, v + 1)) end
ffi.metatype("vec", {__add = function() return "sum" end, __eq = function() return false end})
assert(step(v) - v == 1 and step(ffi.cast("vec *", v)) == "sum" and not same(ffi.cast("vec *", v), ffi.cast("vec *", v)))

-- mistakes, in the middle of it
local function fails(f, what)
  for i = 1, 100 do
    local ok, message = pcall(f, i)
    assert(i < 60 and ok or i >= 60 and not ok and tostring(message):find(what, 1, true), message)
  end
end
local wild, null = ffi.cast("cell *", 0x7123456789a0), ffi.cast("cell *", 0)
fails(function(i) local p = i < 60 and cells + 0 or wild for k = 1, 3 do p = p.next end end, "bad address")
fails(function(i) local p = i < 60 and cells + 0 or wild for k = 1, 3 do (p + k).v = (p + k).v end end, "bad address")
fails(function(i) local p = i < 60 and cells + 0 or null for k = 1, 3 do p = p.next end end, "NULL")
fails(function(i) local p = i < 60 and cells + 0 or wild local s = 0.5 for k = 1, 3 do s = s + p[k].bytes[1] end end, "bad address")
fails(function(i) local a = cells + 0 return a < (i < 60 and last or bytes) end, "compare")
fails(function(i) local a = cells + 0 return a - (i < 60 and last or bytes) end, "subtract")
fails(function(i) local a = cells + 0 return a + (i < 60 and 1 or {}) end, "arithmetic")
print "ok"
