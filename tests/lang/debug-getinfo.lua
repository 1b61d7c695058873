-- debug.getinfo.
local function f(a, b, ...) local i = debug.getinfo(1, "nSlutf") return i end local i = f(1) print(i.name, i.namewhat, i.short_src, i.linedefined, i.lastlinedefined, i.what, i.currentline, i.nups, i.nparams, i.isvararg, i.istailcall, i.func == f, i.source)
--> f	local	debug-getinfo.lua	2	2	Lua	2	1	2	true	false	true	@debug-getinfo.lua
i = debug.getinfo(print) print(i.what, i.short_src, i.currentline, i.linedefined, i.nups, i.nparams, i.isvararg, i.func == print, i.name) i = debug.getinfo(1) print(i.what, i.name, i.currentline) print(debug.getinfo(100), pcall(debug.getinfo, 1, "X")) print(pcall(debug.getinfo, "x")) local function tail() return f() end i = tail() print(i.istailcall, i.name)
--> C	[C]	-1	-1	0	0	true	true	nil
--> main	nil	4
--> nil	false	bad argument #2 to 'debug.getinfo' (invalid option)
--> false	bad argument #1 to 'debug.getinfo' (number expected, got string)
--> true	nil
local lines = {} for l in pairs(debug.getinfo(function()
  local a = 1

  return a
end, "L").activelines) do lines[#lines + 1] = l end print(#lines)   --> 3
local t = {m = function() return debug.getinfo(1, "n") end} print(t.m().name, t.m().namewhat) print(t:m().name, t:m().namewhat) function G() return (debug.getinfo(1, "n")) end print(G().name, G().namewhat) local up = function() return (debug.getinfo(1, "n")) end print((function() local r = up() return r.name, r.namewhat end)()) print(setmetatable({}, {__index = function() return (debug.getinfo(1, "n")) end}).x.name, (setmetatable({}, {__add = function() return (debug.getinfo(1, "n")) end}) + 1).name) for n in function(_, c) if not c then return debug.getinfo(1, "n") end end do print(n.name, n.namewhat) end
--> m	field
--> m	method
--> G	global
--> up	upvalue
--> index	add
--> for iterator	for iterator
local co = coroutine.create(function(x) local y = x coroutine.yield() end) coroutine.resume(co, 5) print(debug.getinfo(co, 1, "l").currentline, debug.getinfo(co, 0, "S").what, debug.getinfo(co, 5)) print(debug.getlocal(co, 1, 1)) print(debug.getlocal(co, 1, 2)) local chunk = load("return debug.getinfo(1, 'S')", "=custom") print(chunk().short_src, chunk().what) print(load("return debug.getinfo(1, 'S').short_src", "line one\nline two")(), load("return debug.getinfo(1, 'S').short_src", "@" .. ("x"):rep(100))()) print(debug.getinfo(load "return 1", "S").linedefined, debug.getinfo(1, "r") and debug.getinfo(1, "r").ftransfer)
--> 22	C	nil
--> x	5
--> y	5
--> custom	main
--> [string "line one..."]	...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
--> 0	0
