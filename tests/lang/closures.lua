-- Closures share and keep variables.
local function counter() local n = 0; return function() n = n + 1; return n end, function() return n end end
local inc, get = counter(); local inc2, get2 = counter()
inc(); inc(); inc2()
print(get(), get2())  --> 2	1
local fs = {}
for i = 1, 3 do local j = i * 10; fs[i] = {function() i = i + 1; return i, j end, function() j = j + 1; return i, j end} end
print(fs[1][1]()) print(fs[1][2]()) print(fs[2][2]())
--> 2	10
--> 2	11
--> 2	21
local function make() local a, b = 1, 2; local function x() a = a + b; return a end; local function y() b = b * 2; return b end; return x, y end
local x, y = make(); x(); y(); print(x(), y(), x())  --> 7	8	15
local function deep() local v = 1; return function() return function() return function() v = v + 1; return v end end end end
local d = deep(); print(d()()(), d()()())  --> 2	3
local while_fs, i = {}, 1
while i <= 3 do local k = i; while_fs[i] = function() k = k + 1; return k end; i = i + 1 end
print(while_fs[1](), while_fs[1](), while_fs[3]())  --> 2	3	4
repeat local z = 5; local f = function() z = z + 1; return z end; until f() == 6
local function fact(n) return n <= 1 and 1 or n * fact(n - 1) end print(fact(10))  --> 3628800
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
print(even(10), odd(7), even(7))  --> true	true	false
local function args(a, b) local function f() a, b = b, a; return a, b end; f(); return f() end print(args(1, 2))  --> 1	2
local function vararg(...) local t = {...}; return function(i) return t[i] end end print(vararg(5, 6)(2))  --> 6
local t = {}; for k = 1, 2 do t[k] = function(v) if v then k = v end return k end end
t[1](50); print(t[1](), t[2]())  --> 50	2
local co = coroutine.wrap(function() local n = 7; coroutine.yield(function() n = n + 1; return n end); coroutine.yield(n) end)
local f = co(); f(); f(); print(co(), f())  --> 9	10
print((function(...) return select("#", ...) end)(nil, nil))  --> 2
