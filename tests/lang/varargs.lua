-- Varargs, select, table.pack and unpack.
local function f(...) return select("#", ...), ... end
print(f()) print(f(nil)) print(f(nil, nil)) print((f(1, 2))) print(f(1, nil, 3))
--> 0
--> 1	nil
--> 2	nil	nil
--> 2
--> 3	1	nil	3
local function g(a, ...) local b, c = ...; return a, b, c end
print(g(1)) print(g(1, 2)) print(g(1, 2, 3, 4))
--> 1	nil	nil
--> 1	2	nil
--> 1	2	3
print(select(2, "a", "b", "c"), select(-1, "a", "b"), (select(-2, "a", "b", "c")))  --> b	b	b
print(pcall(select, 0)) print(pcall(select, -5, 1))  print(select(5, 1, 2))
--> false	bad argument #1 to 'select' (index out of range)
--> false	bad argument #1 to 'select' (index out of range)
-->
local t = table.pack(1, nil, 3, nil); print(t.n, t[1], t[3])  --> 4	1	3
print(table.unpack({1, 2, 3}, 2)) print(table.unpack({1, 2, 3}, 2, 3)) print(table.unpack({}, 1, 3)) print(table.unpack({1, 2}, 3, 2))
--> 2	3
--> 2	3
--> nil	nil	nil
-->
print(table.unpack({1, 2, 3}, -1, 1))  --> nil	nil	1
local function h(...) local t = {..., "end"}; local u = {"start", ...}; return #t, #u end
print(h(1, 2, 3)) print(h())
--> 2	4
--> 2	1
local function sum(...) local s = 0; for _, v in ipairs {...} do s = s + v end return s end
print(sum(1, 2, 3), sum(), sum(table.unpack({1, 2, 3, 4, 5})))  --> 6	0	15
local function count(...) return select("#", ...) end
local big = {} for i = 1, 5000 do big[i] = i end
print(count(table.unpack(big)), (select(4999, table.unpack(big))))  --> 5000	4999
print(pcall(table.unpack, {}, 1, 1e8))  --> false	too many results to unpack
print(pcall(table.unpack, {}, 1, math.maxinteger))  --> false	too many results to unpack
local function pass(...) return ... end
print(pass(1, 2), pass(3, 4)) print((pass(1, 2))) print(pass(), pass()) print(pass(pass(1, 2), pass(3)))
--> 1	3	4
--> 1
--> nil
--> 1	3
local function rec(n, ...) if n == 0 then return ... end return rec(n - 1, n, ...) end print(rec(5))  --> 1	2	3	4	5
print((function(...) local a <const>, b = ...; return function() return a, b end end)(8, 9)())  --> 8	9
print(string.char(table.unpack {72, 105}), math.max(table.unpack {3, 9, 2}), count(pass(), 1), count(1, pass()))  --> Hi	9	2	1
