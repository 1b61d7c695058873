-- What machine code does with values of C is what the interpreter does: loops long enough to be compiled.
local ffi = require "ffi"
ffi.cdef[[
typedef struct { int8_t a; uint8_t b; int16_t c; uint16_t d; int e; uint32_t f; int64_t g; uint64_t h; } ints;
typedef struct { float x; double y; bool on; char *text; } mixed;
typedef struct link { struct link *next; ints i; mixed m[2]; int grid[3][4]; } link;
int abs(int); long labs(long); double ldexp(double, int); float fabsf(float); int isalpha(int);
char *strchr(const char *, int); void *memset(void *, int, size_t); int strcmp(const char *, const char *);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
int close(int);
]]
local C = ffi.C
local N = 400

-- all integers, both ways, with values that do not fit
local a = ffi.new("ints[?]", N)
local function store(n)
  for i = 0, n - 1 do
    local v = i * 0x123456789 - 77
    a[i].a = v a[i].b = v a[i].c = v a[i].d = v a[i].e = v a[i].f = v a[i].g = v a[i].h = v
  end
end
local function load(n)
  local s = 0
  for i = 0, n - 1 do local p = a[i] s = s + p.a + p.b * 2 + p.c * 3 + p.d * 5 + a[i].e + a[i].f + a[i].g end
  return s
end
store(3)
local want = load(3)
for i = 1, 30 do store(N) end
for i = 1, 30 do assert(load(3) == want) load(N) end
local v = 5 * 0x123456789 - 77
assert(a[5].a == (v + 128 & 255) - 128 and a[5].b == v & 255 and a[5].d == v & 65535 and a[5].g == v)
assert(a[5].h == ffi.cast("uint64_t", v))

-- floats, booleans, strings and pointers
local m = ffi.new("mixed[4]")
local word = ffi.new("char[4]", "abc")
for i = 1, N do
  local k = i & 3
  m[k].x = i m[k].y = i / 2 m[k].on = i % 3 == 0 m[k].text = word
  assert(m[k].x == i and m[k].y == i / 2 and m[k].on == (i % 3 == 0) and m[k].text == word)
  m[k].text = nil
  assert(m[k].text == nil)
  local n = i + 0.75
  a[0].e = n a[0].b = -n
  assert(a[0].e == i and a[0].b == (-i & 255))
end

-- structs in structs, arrays of arrays, lists
local l = ffi.new("link[10]")
for i = 0, 8 do l[i].next = l + (i + 1) end
for round = 1, N do
  for i = 0, 9 do
    l[i].i.e = i + round
    l[i].m[1].y = round
    for y = 0, 2 do for x = 0, 3 do l[i].grid[y][x] = i * y + x + round end end
  end
end
local p, sum = l[0], 0
local q = l + 0
while q ~= nil do
  sum = sum + q.i.e + q.m[1].y + q.grid[2][3]
  q = q.next
end
assert(sum == 10 * N + 45 + 10 * N + 90 + 30 + 10 * N)

-- references that escape are all different
local kept = {}
for i = 0, N - 1 do
  local r = a[i]
  r.e = i
  if i % 3 == 0 then kept[i] = r end
end
for i, r in pairs(kept) do assert(r.e == i) end
local function make(i) local r = a[i] return r, r.e end
for i = 1, N - 1 do local r, e = make(i) local s = make(i - 1) assert(r.e == i and e == i and s.e == i - 1) end
local last
for i = 0, N - 1 do local r = a[i] if last then assert(last.e == i - 1) end last = r end

-- what belongs to garbage lives as long as its parts
local function part(i) local t = ffi.new("link[3]") t[1].i.e = i return t[1].i end
for i = 1, N do
  local r = part(i)
  if i % 50 == 0 then collectgarbage() end
  assert(r.e == i)
end

-- calls
local text = ("x"):rep(100)
for i = 1, N do
  assert(C.abs(-i) == i and C.labs(-i) == i and C.ldexp(i, 1) == 2 * i and C.fabsf(-i) == i and C.abs(i + 0.5) == i)
  assert(C.strchr("hello", 108) ~= nil and C.strchr("hello", 120) == nil)
  assert(C.strcmp("a", text .. i) < 0 and C.strcmp(word, word) == 0)
  C.memset(word, 64 + i % 26, 1)
  assert(word[0] == 64 + i % 26)
  assert(C.close(-1) == -1 and ffi.errno() == 9)
  ffi.errno(0)
end

-- callbacks: they call back, fail, collect, yield not
local numbers = ffi.new("int[20]")
local calls = 0
local compare = ffi.cast("int (*)(const void *, const void *)", function(x, y)
  calls = calls + 1
  return ffi.cast("const int *", x)[0] - ffi.cast("const int *", y)[0]
end)
for round = 1, 60 do
  for i = 0, 19 do numbers[i] = (i * 7 + round) % 20 end
  C.qsort(numbers, 20, 4, compare)
  for i = 0, 19 do assert(numbers[i] == i) end
end
assert(calls > 1000)
compare:set(function() error("from below", 0) end)
local failed = 0
for round = 1, 60 do
  numbers[0] = 1 numbers[1] = 0
  local ok, message = pcall(C.qsort, numbers, 20, 4, compare)
  assert(not ok and message == "from below")
  local ok, message = pcall(function() for k = 1, 3 do C.qsort(numbers, 20, 4, compare) end end)
  failed = failed + (not ok and message == "from below" and 1 or 0)
end
assert(failed == 60)
compare:free()

-- mistakes are errors, with the right line, also when it is compiled
local function wrong(f, what)
  for i = 1, 100 do
    local ok, message = pcall(f, i)
    assert(i < 60 and ok or i >= 60 and not ok and message:find(what, 1, true), message)
  end
end
local nothing, wild = ffi.cast("link *", 0), ffi.cast("link *", 0x7123456789a0)
wrong(function(i) return a[i < 60 and i or N].e end, "out of bounds")
wrong(function(i) a[i < 60 and i or -1].e = 1 end, "out of bounds")
wrong(function(i) return (i < 60 and l or nothing)[0].i.e end, "NULL")
wrong(function(i) local t = i < 60 and l or wild t[0].i.e = 3 end, "bad address")
wrong(function(i) return (i < 60 and l or wild)[0].next end, "bad address")
wrong(function(i) return C.abs(i < 60 and i or "no") end, "cannot convert")
wrong(function(i) return C.strcmp("x", i < 60 and "y" or i) end, "cannot convert")
wrong(function(i) if i < 60 then return C.abs(i) end return C.abs() end, "wrong number of arguments")
wrong(function(i) a[1].e = i < 60 and i or {} end, "cannot convert")
wrong(function(i) return a[1][i < 60 and "e" or "z"] end, "no member named 'z'")
local constant = ffi.new("const int[2]", 1, 2)
wrong(function(i) (i < 60 and numbers or constant)[0] = 3 end, "constant")
print "ok"
