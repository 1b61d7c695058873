-- Multiple assignment evaluates everything before it assigns.
local a, b, c = 1, 2; print(a, b, c)  --> 1	2	nil
a, b = b, a; print(a, b)  --> 2	1
local i, t = 1, {}
i, t[i] = i + 1, 20; print(i, t[1], t[2])  --> 2	20	nil
local x, y, z = (function() return 1, 2, 3 end)(); print(x, y, z)  --> 1	2	3
x, y, z = (function() return 1, 2, 3 end)(), 10; print(x, y, z)  --> 1	10	nil
x, y, z = 0, (function() return 1, 2, 3 end)(); print(x, y, z)  --> 0	1	2
x, y = ((function() return 1, 2 end)()); print(x, y)  --> 1	nil
local p = {1, 2, 3}; p[1], p[2], p[3] = p[3], p[1], p[2]; print(p[1], p[2], p[3])  --> 3	1	2
do local a = {}; local b = a; a.x, a = 1, nil; print(b.x, a) end  --> 1	nil
local log = {}
local proxy = setmetatable({}, {__newindex = function(_, k, v) log[#log + 1] = k .. "=" .. tostring(v) end})
proxy.a, proxy.b, proxy.c = 1, 2; table.sort(log); print(table.concat(log, " "))  --> a=1 b=2 c=nil
local q = {n = 0}; function q:next() self.n = self.n + 1; return self.n end
local r = {q:next(), q:next(), [10] = q:next(), q:next()}; print(r[1], r[2], r[10], r[3])  --> 1	2	3	4
local s = {f = {g = {}}}; s.f.g.h = 5; s["f"]["g"].i = 6; print(s.f.g.h + s.f.g.i)  --> 11
local m, m = 1, 2; print(m)  --> 2
local n = 5; local n = n + 1; print(n)  --> 6
g1, g2 = 1, 2; g1, g2 = g2, g1; print(g1, g2, _G.g1, _ENV.g2); g1, g2 = nil  --> 2	1	2	1
do local a <const> = 5; local b = a; b = b + a; print(b) end  --> 10
