-- __index: tables, functions, chains.
local A = {x = 1}; local B = setmetatable({y = 2}, {__index = A}); local C = setmetatable({z = 3}, {__index = B})
print(C.x, C.y, C.z, C.w, rawget(C, "x"))  --> 1	2	3	nil	nil
A.w = "new"; print(C.w); A.w = nil; print(C.w)
--> new
--> nil
B.x = 10; print(C.x, A.x); B.x = nil; print(C.x)
--> 10	1
--> 1
local log = {}
local F = setmetatable({}, {__index = function(t, k) log[#log + 1] = tostring(k); return k end})
print(F.a, F[1], F[true], F[1.5], table.concat(log, " "))  --> a	1	true	1.5	a 1 true 1.5
local G = setmetatable({}, {__index = F}); print(G.q, rawget(G, "q"))  --> q	nil
local mixed = setmetatable({}, {__index = setmetatable({}, {__index = function(_, k) return k .. "!" end})}); print(mixed.deep)  --> deep!
print(pcall(function() return setmetatable({}, {__index = 5}).x end))  --> false	meta-index.lua:15: attempt to index a number value
print(setmetatable({}, {__index = "str"}).len == string.len, ("x").y)  --> true	nil
local mt = {}; local t = setmetatable({}, mt); print(t.k); mt.__index = {k = "late"}; print(t.k); mt.__index = {k = "later"}; print(t.k); mt.__index = nil; print(t.k)
--> nil
--> late
--> later
--> nil
local own = setmetatable({k = nil}, {__index = function() return "missing" end}); print(own.k); own.k = false; print(own.k)
--> missing
--> false
local loop = {}; setmetatable(loop, {__index = loop}); print(pcall(function() return loop.x end))
--> false	meta-index.lua:25: '__index' chain too long; possible loop
local arr = setmetatable({1, 2}, {__index = function(_, i) return i * 100 end}); print(arr[1], arr[2], arr[3], arr[0], #arr)
--> 1	2	300	0	2
for i, v in ipairs(setmetatable({}, {__index = function(_, i) if i < 4 then return i * i end end})) do io.write(i, ":", v, " ") end print()
--> 1:1 2:4 3:9
local n = 0; local counted = setmetatable({}, {__index = function(t, k) n = n + 1; rawset(t, k, k); return k end})
local _ = counted.a, counted.a, counted.b; print(n)  --> 2
setmetatable(F, nil); print(F.gone, getmetatable(F))  --> nil	nil
local proxy = setmetatable({}, {__index = function(t, ...) return select("#", ...) end}); print(proxy.x)  --> 1
print(pcall(function() local u = setmetatable({}, {__index = function() error("in index", 0) end}); return u.x end))  --> false	in index
