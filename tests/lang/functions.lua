-- Definitions, calls without parentheses, adjusting arguments and results.
local function two() return 1, 2 end local function none() end
print(two(), two()) print((two())) print(two(), none()) print(none() == nil, select("#", none())) print(#{two(), two()})
--> 1	1	2
--> 1
--> 1
--> true	0
--> 3
local function opt(a, b) return a or "da", b or "db" end print(opt()) print(opt(1)) print(opt(1, 2, 3)) print(opt(nil, 2))
--> da	db
--> 1	db
--> 1	2
--> da	2
local function str(s) return "<" .. s .. ">" end print(str "a", str [[b]], str 'c') local function tab(t) return #t end print(tab {1, 2}, tab {})
--> <a>	<b>	<c>
--> 2	0
print(type(function() end), (function(a) return a end)(5), (function() return 1, 2 end)()) local t = {f = function(...) return ... end} print(t.f(1, 2), t["f"](3)) print(#{t.f(1, 2, 3)}, #{t.f(1, 2, 3), 4})
--> function	5	1	2
--> 1	3
--> 3	2
local function compose(f, g) return function(...) return f(g(...)) end end print(compose(math.abs, tonumber)("-5"), compose(two, two)()) local function curry(f, a) return function(...) return f(a, ...) end end print(curry(math.max, 10)(3, 20))
--> 5	1	2
--> 20
function t.a(x) return x * 2 end function t:b(x) return self == t, x end print(t.a(4), t:b(5)) local many = {} for i = 1, 255 do many[i] = "a" .. i end print(pcall(load("local function f(" .. table.concat(many, ",", 1, 150) .. ") return a150 end return f(" .. ("1,"):rep(149) .. "'last')")))
--> 8	true	5
--> true	last
print(load("local function f(" .. table.concat(many, ",") .. ") end")) print(#table.pack((function(...) return ... end)(table.unpack(many)))) print(string.format("%s %s", two())) print(math.max(two()), (string.gsub("abc", "b", "x"))) return 1
--> nil	[string "local function f(a1,a2,a3,a4,a5,a6,a7,a8,a9,a..."]:1: too many local variables (limit is 200) in function at line 1 near ','
--> 255
--> 1 2
--> 2	axc
