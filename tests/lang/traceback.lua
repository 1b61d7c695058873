-- debug.traceback and what it shows.
local function plain(s) return (s:gsub("0x%x+", "ADDR"):gsub("\t", "  ")) end
local function c() return debug.traceback("msg") end
local function b() local r = c(); return r end
local function a() local r = b(); return r end
print(plain(a()))
print(plain((debug.traceback("level 2", 2))))
print(debug.traceback(5), debug.traceback({}) ~= nil, debug.traceback(nil) == nil or "nil gives a traceback")
local co = coroutine.create(function() local function inner() coroutine.yield() end inner() end)
coroutine.resume(co); print(plain(debug.traceback(co))); print(plain(debug.traceback(co, "with msg"))); print(plain(debug.traceback(co, nil, 1)))
coroutine.resume(co); print(plain(debug.traceback(co)))
local dead = coroutine.create(function() local x = nil + 1 end); coroutine.resume(dead); print(plain(debug.traceback(dead)))
local M = {}; function M.method() local s = debug.traceback("in method"); return s end; local s = M.method(); print(plain(s))
function Global() local s = debug.traceback("in global"); return s end print(plain(Global()))
print(plain(select(2, xpcall(function() local x; x() end, debug.traceback))))
local t = setmetatable({}, {__index = function(_, k) local s = debug.traceback("meta"); return s end}); print(plain(t.x))
local function tail() return c() end print(plain(tail()))
for line in (function() local s = debug.traceback("iterator"); local done; return function() if not done then done = true; return s end end end)() do print(plain(line)) end
local function deep(n) if n == 0 then local s = debug.traceback("deep"); return s end local r = deep(n - 1); return r end
local s = deep(40); print(select(2, s:gsub("\n", "\n")), s:find("...", 1, true) ~= nil, s:match "skipping %d+ levels")
--> msg
--> stack traceback:
-->   traceback.lua:3: in upvalue 'c'
-->   traceback.lua:4: in upvalue 'b'
-->   traceback.lua:5: in local 'a'
-->   traceback.lua:6: in main chunk
-->   [C]: in ?
--> level 2
--> stack traceback:
-->   [C]: in ?
--> 5
--> stack traceback:
--> 	traceback.lua:8: in main chunk
--> 	[C]: in ?	true	nil gives a traceback
--> stack traceback:
-->   [C]: in function 'coroutine.yield'
-->   traceback.lua:9: in local 'inner'
-->   traceback.lua:9: in function <traceback.lua:9>
--> with msg
--> stack traceback:
-->   [C]: in function 'coroutine.yield'
-->   traceback.lua:9: in local 'inner'
-->   traceback.lua:9: in function <traceback.lua:9>
--> stack traceback:
-->   traceback.lua:9: in local 'inner'
-->   traceback.lua:9: in function <traceback.lua:9>
--> stack traceback:
--> stack traceback:
-->   traceback.lua:12: in function <traceback.lua:12>
--> in method
--> stack traceback:
-->   traceback.lua:13: in field 'method'
-->   traceback.lua:13: in main chunk
-->   [C]: in ?
--> in global
--> stack traceback:
-->   traceback.lua:14: in function 'Global'
-->   traceback.lua:14: in main chunk
-->   [C]: in ?
--> traceback.lua:15: attempt to call a nil value (local 'x')
--> stack traceback:
-->   traceback.lua:15: in function <traceback.lua:15>
-->   [C]: in function 'xpcall'
-->   traceback.lua:15: in main chunk
-->   [C]: in ?
--> meta
--> stack traceback:
-->   traceback.lua:16: in metamethod 'index'
-->   traceback.lua:16: in main chunk
-->   [C]: in ?
--> msg
--> stack traceback:
-->   traceback.lua:3: in function <traceback.lua:3>
-->   (...tail calls...)
-->   traceback.lua:17: in main chunk
-->   [C]: in ?
--> iterator
--> stack traceback:
-->   traceback.lua:18: in function <traceback.lua:18>
-->   traceback.lua:18: in main chunk
-->   [C]: in ?
--> 23	true	skipping 21 levels
