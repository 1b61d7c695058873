-- Method lookup after classes change under way.
local A = {} A.__index = A function A:m() return "A.m" end function A:n() return "A.n" end local B = setmetatable({}, A) B.__index = B local C = setmetatable({}, B) C.__index = C
local function call(o) return o:m() end local a, b, c = setmetatable({}, A), setmetatable({}, B), setmetatable({}, C) for i = 1, 100 do call(a) call(b) call(c) end print(call(a), call(b), call(c)) function B:m() return "B.m" end print(call(a), call(b), call(c)) C.m = function() return "C.m" end print(call(a), call(b), call(c)) B.m = nil print(call(b), call(c)) C.m = nil print(call(c)) A.m = function() return "A.m2" end print(call(a), call(b), call(c))
--> A.m	A.m	A.m
--> A.m	B.m	B.m
--> A.m	B.m	C.m
--> A.m	C.m
--> A.m
--> A.m2	A.m2	A.m2
rawset(c, "m", function() return "own" end) print(call(c)) c.m = nil print(call(c)) setmetatable(B, {__index = function(_, k) return function() return "dynamic " .. k end end}) print(call(a), call(b), call(c)) setmetatable(B, nil) print(call(a), pcall(call, b)) setmetatable(B, A) print(call(b)) C.__index = {m = function() return "replaced" end} print(call(c)) setmetatable(c, A) print(call(c)) A.m = nil print(pcall(call, a)) A.__index = function() return function() return "fn" end end print(call(a)) A.__index = A A.m = function(self) return self.v end a.v = 1 print(call(a))
--> own
--> A.m2
--> A.m2	dynamic m	dynamic m
--> A.m2	false	caches-methods.lua:3: attempt to call a nil value (method 'm')
--> A.m2
--> replaced
--> A.m2
--> false	caches-methods.lua:3: attempt to call a nil value (method 'm')
--> fn
--> 1
local objs = {} for i = 1, 20 do local K = {} K.__index = K K.m = function() return i end objs[i] = setmetatable({}, K) end local s = 0 for r = 1, 10 do for i = 1, 20 do s = s + call(objs[i]) end end print(s) getmetatable(objs[5]).m = function() return 1000 end s = 0 for i = 1, 20 do s = s + call(objs[i]) end print(s)
--> 2100
--> 1205
for _, f in ipairs {"upper", "len", "reverse"} do io.write(tostring(("abc")[f]("abc")), " ") end print() function string:shout() return self:upper() .. "!" end print(("hi"):shout()) string.shout = nil print(pcall(function() return ("hi"):shout() end)) local P = setmetatable({}, {__index = function(t, k) local f = function() return k end rawset(t, k, f) return f end}) print(P:one(), P:one(), rawget(P, "one") ~= nil) local M = {__eq = function() return true end} local x, y = setmetatable({}, M), setmetatable({}, M) for i = 1, 100 do local _ = x == y end M.__eq = nil print(x == y) M.__eq = function() return true end print(x == y) M.__add = function() return "added" end print(x + y) M.__add = nil print(pcall(function() return x + y end))
--> ABC 3 cba
--> HI!
--> false	caches-methods.lua:24: attempt to call a nil value (method 'shout')
--> one	one	true
--> false
--> true
--> added
--> false	caches-methods.lua:24: attempt to perform arithmetic on a table value (upvalue 'x')
