-- __call, with chains and varargs.
local f = setmetatable({}, {__call = function(self, ...) return select("#", ...), ... end})
print(f(), (f(1, 2))) print(f(nil, nil)) print(f "s") print(f {} == 1)
--> 0	2
--> 2	nil	nil
--> 1	s
--> true
local g = setmetatable({}, {__call = f}); print(select("#", g(1)), (g(1)))  --> 3	2
local h = setmetatable({}, {__call = g}); print((h()))  --> 2
print(pcall(setmetatable({}, {__call = 1}))) print(pcall({})) print(pcall(function() local t = {}; t() end)) print(pcall(function() local t = {x = 1}; t.x() end))
--> false	attempt to call a number value
--> false	attempt to call a table value
--> false	meta-call.lua:10: attempt to call a table value (local 't')
--> false	meta-call.lua:10: attempt to call a number value (field 'x')
local sum = setmetatable({}, {__call = function(_, a, b) return a + b end}); print(sum(1, 2), pcall(sum, 3, 4))  --> 3	true	7
print(select(2, xpcall(sum, print, 5, 6)), pcall(coroutine.wrap, sum))
--> 11	false	bad argument #1 to 'coroutine.wrap' (function expected, got table)
local t = setmetatable({}, {__call = function(self, n) if n == 0 then return "done" end return self(n - 1) end}); print(t(100000))  --> done
print(table.concat({("x"):gsub("x", function() return f() .. "" end)}, " "))  --> 0 1
table.sort({3, 1, 2}, setmetatable({}, {__call = function(_, a, b) return a < b end}) and function(a, b) return a < b end)
local Class = setmetatable({}, {__call = function(c, ...) local o = setmetatable({}, c); o:init(...); return o end}); Class.__index = Class
function Class:init(a) self.a = a end; print(Class(9).a)  --> 9
local obj = {m = setmetatable({}, {__call = function(self, obj, x) return obj.v, x end}), v = "val"}; print(obj:m(4))  --> val	4
for v in setmetatable({n = 0}, {__call = function(s) s.n = s.n + 1; if s.n < 4 then return s.n end end}) do io.write(v, " ") end print()
--> 1 2 3
