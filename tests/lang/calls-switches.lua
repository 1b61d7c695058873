-- Calls by way of the library and switches of coroutines, often enough to be compiled: every result is checked.
local function many(...) return 1, 2, 3, 4, 5, 6, 7 end
local function two(a, b) return b, a end
local function count(...) return select("#", ...) end

local function results()
  local a, b, c = two(1, 2)
  assert(a == 2 and b == 1 and c == nil)
  assert(count(many()) == 7 and count(many(1, 2)) == 7 and count(two(1, 2)) == 2)
  local x, y, z = many("x")
  assert(x == 1 and y == 2 and z == 3)
  two(1, 2)
  return many(a, b)
end
for i = 1, 200 do assert(count(results()) == 7) end

-- tail calls: arguments that change places, too few and too many, into varargs and the library
local function swap(n, a, b, c) if n == 0 then return a, b, c end return swap(n - 1, c, a, b, n) end
local function fewer(n, a, b) if n == 0 then return a, b end return fewer(n - 1, b) end
local function var(n, ...) if n == 0 then return ... end return var(n - 1, n, ...) end
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
for i = 1, 60 do
  local a, b, c = swap(4, 1, 2.5, "x")
  assert(a == "x" and b == 1 and c == 2.5)
  a, b = fewer(1, 1, 2)
  assert(a == 2 and b == nil)
  assert(count(var(20)) == 20 and select(20, var(20)) == 20)
  assert(even(100) and not odd(100))
end
local deep = 0
local function forever(n) deep = n if n == 300000 then return "end" end return forever(n + 1) end
assert(forever(1) == "end" and deep == 300000)

-- callbacks
local function cmp(a, b) return a > b end
for i = 1, 50 do
  local t = {}
  for k = 1, 40 do t[k] = (k * 7919) % 101 end
  table.sort(t, cmp)
  for k = 2, 40 do assert(t[k - 1] >= t[k]) end
  assert(("a b c"):gsub("%a", function(c) return c .. c end) == "aa bb cc")
  local ok, v, w = pcall(two, i, "w")
  assert(ok and v == "w" and w == i)
  ok, v = pcall(pcall, pcall, two, 1)
  assert(ok and v == true)
  ok, v = pcall(error, {i})
  assert(not ok and v[1] == i)
  ok, v = pcall(table.sort, {3, 2, 1}, function() error("no", 0) end)
  assert(not ok and v == "no")
  ok, v = xpcall(function(a) return a.b.c end, function(m) return "H:" .. m:match("index") end, {})
  assert(not ok and v == "H:index")
end
print(select("#", pcall(many)))                         --> 8

-- __call, iterators
local C = setmetatable({}, {__call = function(self, a, ...) return a, self, ... end})
local function iter(n, i) if i < n then return i + 1, -i end end
for i = 1, 100 do
  local a, b, c = C(i, 2, 3)
  assert(a == i and b == C and c == 2)
  assert(C() == nil)
  local s = 0
  for k, v in iter, 10, 0 do s = s + k * v end
  assert(s == -330)
end

-- coroutines
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * 2) end return "over" end) end
local sum, over = 0, 0
for k = 1, 200 do
  for a, b in gen(10) do if a == "over" then over = over + 1 break end sum = sum + a + b end
end
print(sum, over)                                         --> 33000 200

local function walk(t) if type(t) == "table" then for _, v in ipairs(t) do walk(v) end else coroutine.yield(t) end end
local tree = {1, {2, 3, {4}}, {{5}, 6}}
local seen = 0
for i = 1, 100 do for v in coroutine.wrap(walk), tree do seen = seen + v if v == 6 then break end end end
print(seen)                                              --> 2100

local function nested(depth)
  if depth == 0 then local got = coroutine.yield("bottom") return got end
  local co = coroutine.create(nested)
  local ok, v = coroutine.resume(co, depth - 1)
  assert(ok)
  local got = coroutine.yield(v)
  ok, v = coroutine.resume(co, got)
  assert(ok and coroutine.status(co) == "dead")
  return v
end
for i = 1, 50 do
  local co = coroutine.wrap(nested)
  assert(co(5) == "bottom" and co(i) == i)
end

local log = {}
for i = 1, 60 do
  local co = coroutine.create(function(a)
    local ok, e = pcall(function() local b = coroutine.yield(a + 1) error("oops" .. b, 0) end)
    log[#log + 1] = e
    local x, y = coroutine.yield(ok)
    local t <close> = setmetatable({}, {__close = function() coroutine.yield("closing") log[#log + 1] = "closed" end})
    return x, y
  end)
  local _, v = coroutine.resume(co, i)
  assert(v == i + 1)
  _, v = coroutine.resume(co, i)
  assert(v == false)
  _, v = coroutine.resume(co, "x", "y")
  assert(v == "closing")
  local _, x, y = coroutine.resume(co)
  assert(x == "x" and y == "y" and not coroutine.resume(co))
end
print(#log, log[1], log[2], log[119])                    --> 120 oops1 closed oops60

-- an error passes through what is compiled; a yield is refused where it must be
for i = 1, 50 do
  local co = coroutine.create(function(n) local function f(k) if k == 0 then error("deep", 0) end f(k - 1) return k end f(n) end)
  local ok, e = coroutine.resume(co, 20)
  assert(not ok and e == "deep" and coroutine.status(co) == "dead")
  ok, e = coroutine.resume(coroutine.create(function()
    table.sort({2, 1, 3}, function(a, b) coroutine.yield() return a < b end)
  end))
  assert(not ok and e:find("C%-call boundary"))
end

-- coroutines that resume each other in turn, and one that is resumed from several places
local ping, pong
ping = coroutine.wrap(function(n) while true do n = coroutine.yield(n + 1) end end)
pong = coroutine.wrap(function(n) while true do n = coroutine.yield(ping(n) + 1) end end)
local n = 0
for i = 1, 1000 do n = pong(n) if i % 3 == 0 then n = ping(n) end end
print(n)                                                 --> 2333

-- what hooks and tracebacks see
local lines = 0
for i = 1, 40 do
  local co = coroutine.create(function() local function inner() coroutine.yield(debug.traceback("t")) end inner() end)
  local _, tb = coroutine.resume(co)
  assert(select(2, tb:gsub("\n", "\n")) == 3, tb)
  assert(debug.traceback(co):find("in upvalue 'inner'") or debug.traceback(co):find("in local 'inner'"))
end
debug.sethook(function() lines = lines + 1 end, "c")
for i = 1, 10 do pcall(two, 1, 2) end
debug.sethook()
print(lines > 20)                                        --> true
