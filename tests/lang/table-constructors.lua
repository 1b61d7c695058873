-- Constructors, also very large ones.
local t = {1, 2, x = 3, 4, [10] = 5, ["a b"] = 6, [2 + 1] = "seven", 8; 9} print(#t >= 5, t[1], t[2], t[3], t[4], t[5], t.x, t[10], t["a b"])
--> true	1	2	4	8	9	3	5	6
print(#{(function() return 1, 2, 3 end)()}, #{(function() return 1, 2, 3 end)(), 10}, #{((function() return 1, 2, 3 end)())}) print(({1, 2, 3})[2], ({x = {y = "deep"}}).x.y, #{{}, {}, {}})
--> 3	2	1
--> 2	deep	3
local parts = {} for i = 1, 5000 do parts[i] = i end local big = load("return {" .. table.concat(parts, ",") .. "}")() print(#big, big[1], big[5000])
--> 5000	1	5000
for i = 1, 5000 do parts[i] = "k" .. i .. "=" .. i end big = load("return {" .. table.concat(parts, ",") .. "}")() print(big.k1, big.k5000)
--> 1	5000
for i = 1, 3000 do parts[i] = ("'s%d'"):format(i) end big = load("return {" .. table.concat(parts, ",", 1, 3000) .. "}")() print(#big, big[3000])
--> 3000	s3000
for i = 1, 1000 do parts[i] = ("{%d, {%d}}"):format(i, i * 2) end big = load("return {" .. table.concat(parts, ",", 1, 1000) .. "}")() print(#big, big[1000][2][1])
--> 1000	2000
local src = {} for i = 1, 300 do src[i] = ("local function f%d() return %d end"):format(i % 150, i) end print(load(table.concat(src, "\n", 1, 150) .. "\nreturn f149()")())
--> 149
local exprs = {} for i = 1, 400 do exprs[i] = "x" .. i .. " = " .. i .. ".5" end local env = {} load(table.concat(exprs, "\n"), "c", "t", env)() print(env.x1, env.x400)
--> 1.5	400.5
print(#load("return '" .. ("x"):rep(100000) .. "'")(), load("return " .. ("1+"):rep(5000) .. "1")(), #load("return " .. ("'a'.."):rep(150) .. "'b'")())
--> 100000	5001	151
local function make(...) return {..., n = select("#", ...)} end print(make(1, 2, 3).n, #make(1, 2, 3)) local nested = {} local cur = nested for i = 1, 100 do cur.next = {i}; cur = cur.next end cur = nested for i = 1, 100 do cur = cur.next end print(cur[1])
--> 3	1
--> 100
print(#{n = 1, 2, m = 3, 4}, ({[1] = "a", "b"})[1], next({nil, nil}), #{"trailing",}) local s = {f = function(self) return self.v end, v = "method in constructor"} print(s:f())
--> 2	b	nil	1
--> method in constructor
if false then local huge = {} end local e = {[1] = 1, [2.0] = 2, [-0.0] = 0} print(e[1], e[2], e[0])  --> 1	2	0
