-- Tail calls use no stack; other calls do.
local function loop(n) if n > 0 then return loop(n - 1) end return "done" end
print(loop(1000000))  --> done
local function a(n) if n == 0 then return "a" end return b(n - 1) end
function b(n) if n == 0 then return "b" end return a(n - 1) end
local a0 = a; function b(n) if n == 0 then return "b" end return a0(n - 1) end
print(a(200001))  --> b
local t = {}; function t:m(n, ...) if n == 0 then return ... end return self:m(n - 1, n, ...) end print(select("#", t:m(100)))  --> 100
local function va(...) if select("#", ...) > 50 then return ... end return va(1, ...) end print(select("#", va()))  --> 51
local function p(n) return pcall(function() return n end) end print(p(4))  --> true	4
local function into_c(s) return string.rep(s, 3) end print(into_c "ab")  --> ababab
local function args(x, y, z) return select("#", x, y, z), x, y, z end
local function few() return args(1) end local function more() return args(1, 2, 3, 4) end print(few()) print(more())
--> 3	1	nil	nil
--> 3	1	2	3
local function closing(n) local c <close> = nil; if n == 0 then return "closed" end return closing(n - 1) end print(closing(100))
--> closed
local function up() local x = 1; local function g() x = x + 1; return x end; return g() end print(up())  --> 2
print((function(n) if n == 0 then return "anon" end return (function(m) return m end)(n) end)(3))  --> 3
local co = coroutine.wrap(function() local function y(n) if n == 0 then return "end" end coroutine.yield(n); return y(n - 1) end return y(3) end)
print(co(), co(), co(), co())  --> 3	2	1	end
local depth = 0; local function rec() depth = depth + 1; return 1 + rec() end
print(pcall(rec) == false, depth > 1000)  --> true	true
