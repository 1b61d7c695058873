-- Integers of C that Lua has as cdata (uint64_t, enums) and pointers: read, compared, computed, passed and returned by machine code.
local ffi = require "ffi"
ffi.cdef[[
enum color { RED, GREEN = 5, LAST = -3 };
enum big { HUGE = 0xffffffffffffffff };
typedef struct { uint64_t u; enum color c; size_t n; uint8_t b; enum big h; const uint64_t k; void *p; } rec;
size_t strlen(const char *); char *strchr(const char *, int); unsigned long strtoul(const char *, char **, int);
void *memset(void *, int, size_t); unsigned long long strtoull(const char *, char **, int);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
]]
local C, N = ffi.C, 120
local a = ffi.new("rec[?]", N)
local max = ffi.cast("uint64_t", -1)
for i = 0, N - 1 do a[i].u, a[i].c, a[i].n, a[i].b, a[i].h = i, i % 2 == 0 and "GREEN" or "LAST", i * i, i, "HUGE" end

-- what is kept is a value of its own, whoever reads after it
local kept = {}
for i = 0, N - 1 do
  local u, c = a[i].u, a[i].c
  if i % 10 == 0 then kept[#kept + 1] = u kept[#kept + 1] = c end
  assert(u == i and i == u and not (u ~= i) and u == a[i].u and type(u) == "cdata")
  assert((c == "GREEN") == (i % 2 == 0) and (c == 5) == (i % 2 == 0) and (c == -3) == (i % 2 == 1) and c ~= "RED" and c ~= 4)
  assert(not (c == "nothing"))
  assert(u < i + 1 and u <= i and u >= i and u > i - 1 == (i > 0))
  assert(u < -1 and max == -1 and max > i and a[i].h == max)
end
for i = 1, #kept, 2 do assert(kept[i] == (i - 1) * 5 and kept[i + 1] == ((i - 1) * 5 % 2 == 0 and "GREEN" or "LAST")) end

-- conversions
local sum, odd = 0, 0
for round = 1, 20 do
  for i = 0, N - 1 do
    sum = sum + tonumber(a[i].u) + tonumber(a[i].c) + tonumber(a[i].n) + tonumber(i) + tonumber(0.5)
    if round == 20 then a[i].u = max end
    if tonumber(a[i].u) == 2.0^64 then odd = odd + 1 assert(math.type(tonumber(a[i].u)) == "float") end
    a[i].u = i
  end
end
assert(sum == 20 * (N * (N - 1) // 2 * 2 + N // 2 * 2 + (N - 1) * N * (2 * N - 1) // 6 + N / 2) and odd == N)

-- arithmetic
local s, t, x = ffi.new("uint64_t", 0), ffi.cast("uint64_t", 1), ffi.new("uint64_t", 0)
local all = {}
for i = 1, 1000 do
  s = s + a[i % N].u
  t = t * 3 + 1
  x = (x ~ s) & 0xffff | 1
  if i % 100 == 0 then all[#all + 1] = {s, t, x, s - t, 5 - s, -1 + s} end
end
local S, T, X = 0, 1, 0
for i = 1, 1000 do
  S = S + i % N
  T = T * 3 + 1
  X = (X ~ S) & 0xffff | 1
  if i % 100 == 0 then
    local row = all[i // 100]
    assert(row[1] == S and row[2] == T and row[3] == X and row[4] == S - T and row[5] == 5 - S and row[6] == S - 1)
    for k = 1, 6 do assert(tostring(row[k]):sub(-3) == "ULL") end
  end
end
local function swap(n) local p, q = ffi.new("uint64_t", 1), ffi.new("uint64_t", 2) for i = 1, n do p, q = q, p + q end return p, q end
local p, q = swap(80)
assert(p == 61305790721611591 and q == 99194853094755497)
for i = 1, 60 do
  local e = a[i].c
  assert(e + 1 == (i % 2 == 0 and 6 or -2) and math.type(e + 1) == "integer" and a[i].b + 1 == i + 1)
end

-- stores and arguments, of cdata and from the wrong ones
local wide = ffi.new("struct { uint64_t u; int32_t i; uint8_t b; double d; enum color c; }[4]")
for i = 0, 300 do
  local w, r = wide[i & 3], a[i % N]
  w.u = r.u w.i = r.u w.b = r.n w.c = r.c
  assert(w.u == i % N and w.i == i % N and w.b == (i % N) ^ 2 // 1 & 255 and w.c == r.c)
  w.u = r.c
  assert(w.u == tonumber(r.c))
end
local bytes = ffi.new("char[200]")
for i = 1, 150 do
  assert(C.memset(bytes, 65, a[i % N].u + 1) == bytes and C.strlen(bytes) == math.max(i % N + 1, i > 119 and 120 or 0))
end
local function wrong(f, what)
  for i = 1, 100 do
    local ok, message = pcall(f, i)
    assert(i < 60 and ok or i >= 60 and not ok and message:find(what, 1, true), message)
  end
end
wrong(function(i) if i < 60 then return a[0].u == 1 end a[0].k = a[0].u end, "constant")
wrong(function(i) return a[i < 60 and i or N].u == 1 end, "out of bounds")
wrong(function(i) wide[0].i = i < 60 and a[0].u or "x" end, "cannot convert")
wrong(function(i) return a[0].u + (i < 60 and 1 or {}) end, "arithmetic")

-- results of calls, kept and not
local lengths, places = {}, {}
for i = 1, 200 do
  local text = ("x"):rep(i % 7)
  local n, at = C.strlen(text), C.strchr("abcdefgh", 97 + i % 9)
  if i % 20 == 0 then lengths[#lengths + 1] = n places[#places + 1] = at end
  assert(n == i % 7 and tonumber(C.strlen(text)) == i % 7 and (at == nil) == (i % 9 == 8))
  if at ~= nil then assert(ffi.string(at) == ("abcdefgh"):sub(i % 9 + 1) and at[0] == 97 + i % 9) end
  local v = C.strtoull("18446744073709551615", nil, 10)
  assert(v == max and C.strtoul("77", nil, 10) == 77 and select("#", C.strlen("")) == 1)
  local both = {C.strlen("a"), C.strlen("bc")}
  assert(both[1] == 1 and both[2] == 2)
end
for i = 1, 10 do
  assert(lengths[i] == i * 20 % 7)
  if i * 20 % 9 ~= 8 then assert(places[i][0] == 97 + i * 20 % 9) else assert(places[i] == nil) end
end
collectgarbage()

-- the list that a call's results end, calls that give nothing there, calls from functions compiled in place of their call
local function length(s) return C.strlen(s) end
local function nothing(v) return C.qsort(v, 2, 4, nil) end
local order = ffi.cast("int (*)(const void *, const void *)", function(x, y)
  collectgarbage "step"
  return ffi.cast("int *", x)[0] - ffi.cast("int *", y)[0]
end)
local ints = ffi.new("int[3]")
for i = 1, 150 do
  ints[0], ints[1], ints[2] = 3, i, 1
  assert(select("#", C.qsort(ints, 3, 4, order)) == 0 and ints[0] == 1)
  assert(length("four") == 4 and tonumber(length("four")) == 4)
  local n = C.strlen(ffi.string(bytes, i))
  ints[0] = 9
  C.qsort(ints, 3, 4, order) -- collects while the result is held
  assert(n == math.min(i, 120))
end
order:free()

-- hooks see calls whose results are in boxes
local lines = 0
debug.sethook(function() lines = lines + 1 end, "l")
for i = 1, 100 do
  local n = C.strlen("hooked")
  assert(n == 6)
end
debug.sethook()
assert(lines > 200)
print "ok"
