-- <const> and <close>: order, errors, what may not be assigned.
local function new(name, fail) return setmetatable({}, {__close = function(_, e)
  print("close " .. name, e and tostring(e):gsub("^.-:%d+: ", "") or e); if fail then error(fail, 0) end end}) end
do local a <close> = new "a"; local b <const>, c <close> = 5, new "c"; print("in", b) end
--> in	5
--> close c	nil
--> close a	nil
local function f() local x <close> = new "x"; local y <close> = new "y"; return "r1", "r2" end
print(f())
--> close y	nil
--> close x	nil
--> r1	r2
print(pcall(function() local x <close> = new "x"; error("boom", 0) end))
--> close x	boom
--> false	boom
print(pcall(function() local x <close> = new "x"; local y <close> = new("y", "y fails"); error("boom", 0) end))
--> close y	boom
--> close x	y fails
--> false	y fails
print(pcall(function() local x <close> = new("x", "x fails"); return 1 end))
--> close x	nil
--> false	x fails
for i = 1, 2 do local l <close> = new("loop" .. i); if i == 2 then break end end
--> close loop1	nil
--> close loop2	nil
do local n <close> = nil; local fa <close> = false; print "nil and false need no closing" end  --> nil and false need no closing
print(pcall(function() local bad <close> = 42 end))  --> false	const-close.lua:27: variable 'bad' got a non-closable value
print(pcall(function() local bad <close> = {} end))  --> false	const-close.lua:28: variable 'bad' got a non-closable value
print(load "local x <const> = 1; x = 2")  --> nil	[string "local x <const> = 1; x = 2"]:1: attempt to assign to const variable 'x'
print(load "local x <close> = nil; x = 2")  --> nil	[string "local x <close> = nil; x = 2"]:1: attempt to assign to const variable 'x'
print(load "local x <other> = 1")  --> nil	[string "local x <other> = 1"]:1: unknown attribute 'other'
print(load "local a <close>, b <close> = 1, 2")
--> nil	[string "local a <close>, b <close> = 1, 2"]:1: multiple to-be-closed variables in local list
print(load "local x <const> = 1; return function() x = 3 end")
--> nil	[string "local x <const> = 1; return function() x = 3 ..."]:1: attempt to assign to const variable 'x'
local K <const> = 10; local function g() return K * 2 end print(g())  --> 20
local S <const>, T <const> = "str", nil; print(S .. "!", T)  --> str!	nil
do local i = 0 ::l:: do local z <close> = new("goto" .. i); i = i + 1; if i < 2 then goto l end end end
--> close goto0	nil
--> close goto1	nil
local co = coroutine.wrap(function() local x <close> = new "co"; coroutine.yield(1); return 2 end)
print(co()); print(co())
--> 1
--> close co	nil
--> 2
--> close co2	nil
local co2 = coroutine.create(function() local x <close> = new "co2"; coroutine.yield(1) end)
coroutine.resume(co2); print(coroutine.close(co2), coroutine.status(co2))
--> true	dead
--> close co3	nil
local co3 = coroutine.create(function() local x <close> = new("co3", "cannot"); coroutine.yield(1) end)
coroutine.resume(co3); print(coroutine.close(co3))  --> false	cannot
local yielding = coroutine.wrap(function()
  local y <close> = setmetatable({}, {__close = function() coroutine.yield "from close" end}); return "value" end)
print(yielding()); print(yielding())
--> from close
--> value
local function tail() local x <close> = new "t"; return (function() return "not a tail call" end)() end print(tail())
--> close t	nil
--> not a tail call
