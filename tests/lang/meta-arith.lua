-- Arithmetic, bitwise, concat and unary metamethods.
local mt = {}
for _, e in ipairs {"add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor", "bxor", "shl", "shr", "concat"} do
  mt["__" .. e] = function(a, b) return e .. ":" .. (type(a) == "table" and "T" or tostring(a)) .. "," .. (type(b) == "table" and "T" or tostring(b)) end
end
for _, e in ipairs {"unm", "bnot", "len"} do mt["__" .. e] = function(a, b) return e .. ":" .. tostring(rawequal(a, b)) end end
local t = setmetatable({}, mt)
print(t + 1, 1 + t, t - 2.5, "a" - t, t * t, t / nil, {} % t, t ^ 2, 7 // t)
--> add:T,1	add:1,T	sub:T,2.5	sub:a,T	mul:T,T	div:T,nil	mod:T,T	pow:T,2	idiv:7,T
print(t & 1, 1 | t, t ~ "x", t << 1, 2 >> t, t .. "s", "s" .. t, 1 .. t, t .. t)
--> band:T,1	bor:1,T	bxor:T,x	shl:T,1	shr:2,T	concat:T,s	concat:s,T	concat:1,T	concat:T,T
print(-t, ~t, #t)  --> unm:true	bnot:true	len:true
print("a" .. "b" .. t, t .. "a" .. "b")  --> aconcat:b,T	concat:T,ab
print(pcall(function() return t + nil end), pcall(function() return {} + 1 end))
--> true	false	meta-arith.lua:14: attempt to perform arithmetic on a table value
print(pcall(function() return -{} end)) print(pcall(function() return #5 end)) print(pcall(function() return ~{} end))
--> false	meta-arith.lua:16: attempt to perform arithmetic on a table value
--> false	meta-arith.lua:16: attempt to get length of a number value
--> false	meta-arith.lua:16: attempt to perform bitwise operation on a table value
local left = setmetatable({}, {__add = function() return "left" end}); local right = setmetatable({}, {__add = function() return "right" end})
print(left + right, right + left, 1 + right)  --> left	right	right
local multi = setmetatable({}, {__add = function() return 1, 2, 3 end, __unm = function() return 4, 5 end}); print((multi + 1), multi + 1, -multi)
--> 1	1	4
local V = {}; V.__index = V; local function vec(x) return setmetatable({x = x}, V) end
V.__add = function(a, b) return vec(a.x + b.x) end; V.__mul = function(a, b) if type(a) == "number" then return vec(a * b.x) end return vec(a.x * b) end
print((vec(1) + vec(2) * 3 + 2 * vec(5)).x)  --> 17
local called = setmetatable({}, {__concat = setmetatable({}, {__call = function(self, a, b) return "callable" end})}); print(called .. 1)
--> callable
print(pcall(function() return setmetatable({}, {__add = 5}) + 1 end))
--> false	meta-arith.lua:29: attempt to call a number value (metamethod 'add')
for i = 1, 3 do local s = i == 2 and setmetatable({}, {__add = function() return "meta" end}) or i; io.write(tostring(s + 1), " ") end print()
--> 2 meta 4
print("10" + 5, "3" * "4", pcall(function() return "x" + 1 end))
--> 15	12	false	meta-arith.lua:33: attempt to add a 'string' with a 'number'
