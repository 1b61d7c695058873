-- __eq, __lt, __le.
local log = 0
local mt = {__eq = function(a, b) log = log + 1; return a.v == b.v end, __lt = function(a, b) return (type(a) == "table" and a.v or a) < (type(b) == "table" and b.v or b) end,
  __le = function(a, b) return (type(a) == "table" and a.v or a) <= (type(b) == "table" and b.v or b) end}
local function N(v) return setmetatable({v = v}, mt) end
local a, b, c = N(1), N(1), N(2)
print(a == b, a ~= b, a == c, a ~= c, log, a == a, log, rawequal(a, b))  --> true	false	false	true	4	true	4	false
print(a == 1, 1 == a, a == nil, log, a == {v = 1}, ({v = 1}) == a)  --> false	false	false	4	true	true
print(a < c, c < a, a <= b, a > c, c >= a, 1 < c, c < 1, 2 <= c, c <= 1)  --> true	false	true	false	true	true	false	true	false
local other = setmetatable({v = 1}, {}); print(a == other, other == a)  --> true	true
print(pcall(function() return {} < a end)) print(pcall(function() return setmetatable({}, {}) < {} end))
--> false	meta-eq-lt-le.lua:3: attempt to compare table with number
--> false	meta-eq-lt-le.lua:11: attempt to compare two table values
local truthy = setmetatable({}, {__eq = function() return 1 end, __lt = function() return nil end, __le = function() return "x" end})
local u = setmetatable({}, getmetatable(truthy)); print(truthy == u, truthy ~= u, truthy < u, truthy <= u, truthy > 1)
--> true	false	false	true	false
local only_lt = setmetatable({}, {__lt = function() return true end}); print(pcall(function() return only_lt <= only_lt end))
--> true	false
local list = {N(3), N(1), N(2)}; table.sort(list); print(list[1].v, list[2].v, list[3].v)  --> 1	2	3
local t = {}; t[a] = "a"; print(t[b], t[a])  --> nil	a
print(math.max(1, 2), (pcall(math.max, {}, "x")))  --> 2	false
local s = setmetatable({}, {__lt = function(x, y) return type(x) .. "<" .. type(y) end}); print(s < "str", "str" < s, s < 1, 1.5 > s)
--> true	true	true	true
if not (a == c) and (a == b or error "x") then print "conditions" end  --> conditions
local n = 0; while N(n) < N(3) do n = n + 1 end print(n)  --> 3
print(pcall(function() local x = setmetatable({}, {__eq = function() error("eq!", 0) end}); return x == setmetatable({}, getmetatable(x)) end))
--> false	eq!
