-- debug: what programs can see of their own execution
local function e(...) return (select(2, pcall(...))) end
local function f(a, b, ...) local c = 3; local info = debug.getinfo(1); return info end
local i = f(1, 2)
print(i.what, i.name, i.namewhat, i.nups, i.nparams, i.isvararg, i.currentline, i.linedefined, i.lastlinedefined, i.short_src, i.source, i.func == f, i.istailcall)
--> Lua	f	local	1	2	true	3	3	3	lib-debug.lua	@lib-debug.lua	true	false
i = debug.getinfo(type)
print(i.what, i.short_src, i.source, i.currentline, i.linedefined, i.nups, i.isvararg, i.nparams, i.name, i.activelines)
--> C	[C]	=[C]	-1	-1	0	true	0	nil	nil
print(e(debug.getinfo, 1, "X"), e(debug.getinfo, type, ">"), debug.getinfo(99), e(debug.getinfo), e(debug.getinfo, "x"))
--> bad argument #2 to 'debug.getinfo' (invalid option)	bad argument #2 to 'debug.getinfo' (invalid option '>')	nil	bad argument #1 to 'debug.getinfo' (number expected, got no value)	bad argument #1 to 'debug.getinfo' (number expected, got string)
print(debug.getinfo(1, "l").currentline, debug.getinfo(1, "S").what, debug.getinfo(1, "n").name, debug.getinfo(1, "t").istailcall, debug.getinfo(1, "r").ftransfer)
--> 12	main	nil	false	0
local lines = {} for l in pairs(debug.getinfo(load("local x = 1\n\nlocal y = x\nreturn y"), "L").activelines) do lines[#lines + 1] = l end table.sort(lines)
print(table.concat(lines, " "))
--> 1 3 4
local t = {method = function() return debug.getinfo(1, "n") end, field = function() return debug.getinfo(1, "n") end}
local n = t:method()
print(n.name, n.namewhat) n = t.field()
--> method	method
print(n.name, n.namewhat)
--> field	field
function globalfn() local n = debug.getinfo(1, "n") return n.name, n.namewhat end
print(globalfn())
--> globalfn	global
local up = function() local n = debug.getinfo(1, "n") return n.name, n.namewhat end
print((function() local a, b = up() return a .. " " .. b end)())
--> up upvalue
print((function() return debug.getinfo(1, "t").istailcall end)())
--> false
local function tail() return f() end
print(tail().istailcall, tail().name)
--> true	nil
local mt = setmetatable({}, {__index = function() local n = debug.getinfo(1, "n") return n.name .. " " .. n.namewhat end, __add = function() local n = debug.getinfo(1, "n") return n.name .. " " .. n.namewhat end, __lt = function() local n = debug.getinfo(1, "n") print(n.name, n.namewhat) return true end})
print(mt.x, mt + 1, mt < mt)
--> lt	metamethod
--> index metamethod	add metamethod	true
for n, w in (function() local n = debug.getinfo(1, "n") if not done then done = true return n.name, n.namewhat end end) do print(n, w) end
--> for iterator	for iterator
-- locals
local function locals(a, b, ...) local c <const> = "con"; local d = a; do local inner = 1 end local r = {} for k = 1, 9 do local name, v = debug.getlocal(1, k) if not name or name:sub(1, 1) == "(" then break end r[#r + 1] = name .. "=" .. tostring(v) end return table.concat(r, " ") end
print(locals(1, 2, 3, 4):gsub("r=.*", ""))
--> a=1 b=2 d=1 	1
local function va(...) return debug.getlocal(1, -1), debug.getlocal(1, -2), debug.getlocal(1, -3) end
print(va("x", "y"))
--> (vararg)	(vararg)	nil
print((debug.getlocal(1, -1)))
--> nil
local function setva(...) return debug.setlocal(1, -1, "new"), ..., debug.setlocal(1, -9, 1) end
print(setva("old", 2))
--> (vararg)	new	nil
local function set(a) local b = 5; print(debug.setlocal(1, 1, "A"), debug.setlocal(1, 2, "B"), debug.setlocal(1, 200, 0)); return a, b end
print(set(1))
--> a	b	nil
--> A	B
local function captured(a) local g = function() return a end; debug.setlocal(1, 1, "through cell"); return g(), select(2, debug.getlocal(1, 1)) end
print(captured(1))
--> through cell	through cell
print(debug.getlocal(f, 1), debug.getlocal(f, 2), debug.getlocal(f, 3), debug.getlocal(type, 1))
--> a	b	nil	nil
print(e(debug.getlocal, 99, 1), e(debug.setlocal, 99, 1, 1), e(debug.getlocal, 1), e(debug.setlocal, 1, 1))
--> bad argument #1 to 'debug.getlocal' (level out of range)	bad argument #1 to 'debug.setlocal' (level out of range)	bad argument #2 to 'debug.getlocal' (number expected, got no value)	bad argument #3 to 'debug.setlocal' (value expected)
print((debug.getlocal(0, 1)), select(2, debug.getlocal(0, 1)))
--> (C temporary)	0
for k = 1, 1 do print((debug.getlocal(1, 18))) end
--> k
local co = coroutine.create(function(x) local y = x * 2; coroutine.yield(y) end) coroutine.resume(co, 21)
print(debug.getlocal(co, 1, 1))
--> x	21
print(debug.getlocal(co, 1, 2))
--> y	42
print(debug.setlocal(co, 1, 2, "changed"), select(2, debug.getlocal(co, 1, 2)))
--> y	changed
print(debug.getinfo(co, 1, "l").currentline, debug.getinfo(co, 0, "S").what, debug.getinfo(co, 5))
--> 67	C	nil
-- upvalues
local u1, u2 = 1, 2 local function reads() return u1, u2 end
local function other() return u2 end
print(debug.getupvalue(reads, 1))
--> u1	1
print(debug.getupvalue(reads, 2))
--> u2	2
print(debug.getupvalue(reads, 3))
-->
print(debug.setupvalue(reads, 1, "one"), u1)
--> u1	one
print(debug.setupvalue(reads, 9, 0))
-->
print(debug.upvalueid(reads, 2) == debug.upvalueid(other, 1), debug.upvalueid(reads, 1) == debug.upvalueid(other, 1), debug.upvalueid(reads, 3), type(debug.upvalueid(reads, 1)))
--> true	false	nil	userdata
debug.upvaluejoin(other, 1, reads, 1)
print(other())
--> one
print(e(debug.upvaluejoin, type, 1, reads, 1), e(debug.upvaluejoin, reads, 1, reads, 9), e(debug.upvaluejoin, string.gmatch("", ""), 1, reads, 1))
--> bad argument #2 to 'debug.upvaluejoin' (invalid upvalue index)	bad argument #4 to 'debug.upvaluejoin' (invalid upvalue index)	bad argument #1 to 'debug.upvaluejoin' (Lua function expected)
print((debug.getupvalue(string.gmatch("x", "x"), 1)), debug.getupvalue(type, 1), e(debug.getupvalue, 1, 1), e(debug.getupvalue, type), e(debug.setupvalue, reads, 1))
--> 	nil	bad argument #1 to 'debug.getupvalue' (function expected, got number)	bad argument #2 to 'debug.getupvalue' (number expected, got no value)	bad argument #3 to 'debug.setupvalue' (value expected)
print((debug.getupvalue(load(string.dump(reads, true)), 1)))
--> (no name)
-- metatables, user values, registry
print(debug.getmetatable("").__index == string, debug.getmetatable(1), debug.setmetatable(10, {__index = {half = "5"}}) == 10, (10).half, debug.setmetatable(10, nil))
--> true	nil	true	5	10
print(pcall(function() return (10).half end))
--> false	lib-debug.lua:103: attempt to index a number value
print(e(debug.setmetatable, {}), e(debug.setmetatable, {}, 1), e(debug.getmetatable))
--> bad argument #2 to 'debug.setmetatable' (nil or table expected, got no value)	bad argument #2 to 'debug.setmetatable' (nil or table expected, got number)	bad argument #1 to 'debug.getmetatable' (value expected)
debug.setmetatable(nil, {__call = function(_, x) return "called nil", x end})
print((nil)(5))
--> called nil	5
debug.setmetatable(nil, nil)
print(debug.getuservalue(io.stdout), debug.getuservalue(1), debug.setuservalue(io.stdout, 5), e(debug.setuservalue, 1, 2), debug.getuservalue(io.stdout, 2))
--> nil	nil	nil	bad argument #1 to 'debug.setuservalue' (userdata expected, got number)	nil
print(type(debug.getregistry()), debug.getregistry()[2] == _G, debug.getregistry()._LOADED == package.loaded)
--> table	true	true
-- hooks
local events = {} debug.sethook(function(e, l) events[#events + 1] = e .. (l and ":" .. l or "") end, "l")
local x = 1
x = x + 1
debug.sethook()
print(table.concat(events, " "), debug.gethook())
--> line:117 line:118 line:119	nil
events = {} local function callee() return 1 end
debug.sethook(function(e) local i = debug.getinfo(2, "nS") events[#events + 1] = e .. " " .. tostring(i.name) end, "cr") callee()
debug.sethook()
print(table.concat(events, ", "))
--> return sethook, call callee, return callee, call sethook
local count = 0 debug.sethook(function(e) count = count + 1 end, "", 100)
for i = 1, 10000 do end
local h, m, c = debug.gethook()
debug.sethook()
print(count > 50, type(h), m, c)
--> true	function		100
print(e(debug.sethook, 1, "c"), e(debug.sethook, print), e(debug.sethook, print, {}))
--> bad argument #1 to 'debug.sethook' (function expected, got number)	bad argument #2 to 'debug.sethook' (string expected, got no value)	bad argument #2 to 'debug.sethook' (string expected, got table)
local hc = coroutine.create(function() local a = 1; return a end)
debug.sethook(hc, function() end, "l", 7)
print(select(2, debug.gethook(hc)), select(3, debug.gethook(hc)), debug.gethook())
--> l	7	nil
-- tracebacks
print(debug.traceback("msg"))
--> msg
--> stack traceback:
--> 	lib-debug.lua:140: in main chunk
--> 	[C]: in ?
print(debug.traceback("msg", 99))
--> msg
--> stack traceback:
print(debug.traceback(nil))
--> stack traceback:
--> 	lib-debug.lua:148: in main chunk
--> 	[C]: in ?
print(debug.traceback({} and 5, 0))
--> 5
--> stack traceback:
--> 	[C]: in function 'debug.traceback'
--> 	lib-debug.lua:152: in main chunk
--> 	[C]: in ?
print(debug.traceback(print) == print, (debug.traceback(co)))
--> true	stack traceback:
--> 	[C]: in function 'coroutine.yield'
--> 	lib-debug.lua:67: in function <lib-debug.lua:67>
local function deep(n) if n == 0 then return debug.traceback("deep") end local r = deep(n - 1) return r end
print((deep(5)))
--> deep
--> stack traceback:
--> 	lib-debug.lua:162: in upvalue 'deep'
--> 	lib-debug.lua:162: in upvalue 'deep'
--> 	lib-debug.lua:162: in upvalue 'deep'
--> 	lib-debug.lua:162: in upvalue 'deep'
--> 	lib-debug.lua:162: in upvalue 'deep'
--> 	lib-debug.lua:162: in local 'deep'
--> 	lib-debug.lua:163: in main chunk
--> 	[C]: in ?
print(select(2, xpcall(function() local a = nil + 1 end, debug.traceback)))
--> lib-debug.lua:174: attempt to perform arithmetic on a nil value
--> stack traceback:
--> 	lib-debug.lua:174: in function <lib-debug.lua:174>
--> 	[C]: in function 'xpcall'
--> 	lib-debug.lua:174: in main chunk
--> 	[C]: in ?
print(select(2, xpcall(string.rep, debug.traceback)))
--> bad argument #1 to 'string.rep' (string expected, got no value)
--> stack traceback:
--> 	[C]: in function 'string.rep'
--> 	[C]: in function 'xpcall'
--> 	lib-debug.lua:181: in main chunk
--> 	[C]: in ?
print(select(2, xpcall(function() string.rep() end, debug.traceback)))
--> lib-debug.lua:188: bad argument #1 to 'rep' (string expected, got no value)
--> stack traceback:
--> 	[C]: in function 'string.rep'
--> 	lib-debug.lua:188: in function <lib-debug.lua:188>
--> 	[C]: in function 'xpcall'
--> 	lib-debug.lua:188: in main chunk
--> 	[C]: in ?
print(debug.setcstacklimit(200), e(debug.setcstacklimit), type(debug.debug))
--> 200	bad argument #1 to 'debug.setcstacklimit' (number expected, got no value)	function
