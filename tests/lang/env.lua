-- _ENV: locals, parameters, upvalues, sandboxes.
x = 1 print(_ENV == _G, _G._G == _G, _ENV.x, _G["x"]) do local _ENV = {x = 2, print = print} print(x) y = 3 print(_ENV.y) end print(x, y)
--> true	true	1	1
--> 2
--> 3
--> 1	nil
local function sandbox(_ENV) z = 5; return z end local e = {} print(sandbox(e), e.z, z) local f do local _ENV = {v = 10} function f() v = v + 1; return v end end print(f(), f()) print(pcall(function() local _ENV <const> = {}; return print end)) print(select(2, pcall(function() local _ENV = nil; return a end)))
--> 5	5	nil
--> 11	12
--> true	nil
--> env.lua:7: attempt to index a nil value (local '_ENV')
local g = load("a = 1; local function h() b = a + 1 end h(); return _ENV", "c", "t", {}) local r = g() print(r.a, r.b, a, b) setmetatable(_G, {__index = function(_, k) return "undefined " .. k end, __newindex = function(t, k, v) rawset(t, k, v .. "!") end}) print(nothing) newglobal = "set" print(newglobal) setmetatable(_G, nil) print(nothing)
--> 1	2	nil	nil
--> undefined nothing
--> set!
--> nil
local saved = print do local print = function(...) saved("local print", ...) end print(1) end print = function(...) saved("global print", ...) end print(2) print = saved _G.print = function(...) saved("via _G", ...) end print(3) print = saved
--> local print	1
--> global print	2
--> via _G	3
for k in pairs {} do end local t = setmetatable({}, {__index = _G}) local h = load("w = 1; return print ~= nil and w", "c", "t", t) print(h(), t.w, w) local _ENV = setmetatable({}, {__index = _ENV}) q = "own" print(q, _G.q, rawget(_ENV, "q")) function fn() return q end print(fn(), _G.fn, debug.getupvalue(fn, 1)== "_ENV")
--> 1	1	nil
--> own	nil	own
--> own	nil	true
