-- Traversal, and changes during it.
local t = {} for i = 1, 100 do t[i] = i; t["k" .. i] = i end
local n, sum = 0, 0 for k, v in pairs(t) do n = n + 1; sum = sum + v; t[k] = nil end print(n, sum, next(t))  --> 200	10100	nil
for i = 1, 50 do t[i] = i end for k, v in pairs(t) do t[k] = v * 2 end sum = 0 for _, v in pairs(t) do sum = sum + v end print(sum)
--> 2550
t = {a = 1, b = 2, c = 3} for k in pairs(t) do t[k] = nil end print(next(t) == nil)  --> true
local keys = {} for k in pairs {10, 20, 30, x = 1, y = 2, [1.5] = 3, [true] = 4} do keys[#keys + 1] = tostring(k) end table.sort(keys) print(table.concat(keys, " "))
--> 1 1.5 2 3 true x y
local order = {} for i, v in ipairs {"a", "b", "c"} do order[#order + 1] = i .. v end print(table.concat(order, " "))  --> 1a 2b 3c
print(next({})) print(next({5})) print(next({5}, 1)) print(pcall(next, {1, 2}, 3)) print(rawequal(next, pairs {} ), (pairs {}) == next)
--> nil
--> 1	5
--> nil
--> false	invalid key to 'next'
--> true	true
local grow = {1} local cnt = 0 for i, v in ipairs(grow) do cnt = cnt + 1; if i < 5 then grow[i + 1] = i + 1 end end print(cnt)  --> 5
local shrink = {1, 2, 3, 4, 5} for i in ipairs(shrink) do shrink[#shrink] = nil end print(#shrink)  --> 2
local nested = 0 local tt = {1, 2, 3} for _ in pairs(tt) do for _ in pairs(tt) do nested = nested + 1 end end print(nested)  --> 9
print(pcall(pairs)) print(pcall(function() for k in pairs(nil) do end end)) print(pcall(ipairs)) print(select("#", pairs {}), select("#", ipairs {}))
--> false	bad argument #1 to 'pairs' (value expected)
--> false	next-pairs.lua:19: bad argument #1 to 'for iterator' (table expected, got nil)
--> false	bad argument #1 to 'ipairs' (value expected)
--> 3	3
local k, v = next {z = 26} print(k, v) local big = {} for i = 1, 5000 do big["k" .. i % 700] = i end n = 0 for _ in pairs(big) do n = n + 1 end print(n)
--> z	26
--> 700
for k in pairs(big) do if #k > 3 then big[k] = nil end end n = 0 for _ in pairs(big) do n = n + 1 end print(n)  --> 100
local co = coroutine.wrap(function() for k, v in pairs {5} do coroutine.yield(k, v) end end) print(co())  --> 1	5
local objs = {} local a, b = {}, {} objs[a] = "a" objs[b] = "b" objs[print] = "p" print(objs[a], objs[b], objs[print], objs[{}])
--> a	b	p	nil
n = 0 for k, v in next, {1, 2, nil, 4} do n = n + 1 end print(n) t = {1, 2, 3, nil, 5} n = 0 for i in ipairs(t) do n = i end print(n)
--> 3
--> 3
