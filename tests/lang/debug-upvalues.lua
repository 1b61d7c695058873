-- Upvalues, ids, joins, metatables, registry, user values.
local a, b = 1, 2 local function f() return a, b end local function g() return b, a end print(debug.getupvalue(f, 1)) print(debug.getupvalue(f, 2)) print(debug.getupvalue(f, 3)) print(debug.setupvalue(f, 1, 10), a, f()) print(debug.setupvalue(f, 9, 1)) print(debug.upvalueid(f, 1) == debug.upvalueid(g, 2), debug.upvalueid(f, 1) == debug.upvalueid(g, 1)) print(pcall(debug.upvalueid, f, 10))
local function mk() local v = 0 return function() v = v + 1 return v end end local x, y = mk(), mk() x() x() debug.upvaluejoin(y, 1, x, 1) print(y(), x(), debug.upvalueid(x, 1) == debug.upvalueid(y, 1)) print(pcall(debug.upvaluejoin, x, 5, y, 1)) print(pcall(debug.upvaluejoin, print, 1, y, 1)) print(debug.getupvalue(print, 1)) print((debug.getupvalue(load "return x", 1))) local fs = {} for i = 1, 2 do fs[i] = function() return i end end print(debug.upvalueid(fs[1], 1) ~= debug.upvalueid(fs[2], 1)) print(pcall(debug.getupvalue, 1, 1))
print(type(debug.getregistry()), debug.getmetatable("").__index == string, debug.getmetatable(1)) debug.setmetatable(1, {__index = function(n, k) return k .. n end, __call = function(n, m) return n * m end, __len = function() return "len" end}) print((5).x, (5)(6), #5) debug.setmetatable(1, nil) print(pcall(function() return (5).x end)) debug.setmetatable(nil, {__index = function() return "nil!" end}) print((nil).x, undefinedvar.y) debug.setmetatable(nil, nil) debug.setmetatable(print, {__add = function(p, q) return "sum of functions" end}) print(print + print) debug.setmetatable(print, nil) debug.setmetatable(true, {__tostring = function(v) return v and "YES" or "NO" end}) print(true, tostring(false)) debug.setmetatable(true, nil) print(true)
print(debug.setuservalue and debug.getuservalue(io.stdout, 1), debug.getuservalue(5)) print(debug.setmetatable({}, {__name = "n"}) ~= nil, pcall(debug.setmetatable, {}, 5)) local locked = setmetatable({}, {__metatable = "no"}) print(getmetatable(locked), type(debug.getmetatable(locked))) print(debug.sethook ~= nil, debug.traceback ~= nil, type(debug.debug))
--> a	1
--> b	2
-->
--> a	10	10	2
-->
--> true	false
--> true	nil
--> 3	4	true
--> false	bad argument #2 to 'debug.upvaluejoin' (invalid upvalue index)
--> false	bad argument #2 to 'debug.upvaluejoin' (invalid upvalue index)
-->
--> _ENV
--> true
--> false	bad argument #1 to 'debug.getupvalue' (function expected, got number)
--> table	true	nil
--> x5	30	len
--> false	debug-upvalues.lua:4: attempt to index a number value
--> nil!	nil!
--> sum of functions
--> YES	NO
--> true
--> nil	nil
--> true	false	bad argument #2 to 'debug.setmetatable' (nil or table expected, got number)
--> no	table
--> true	true	function
