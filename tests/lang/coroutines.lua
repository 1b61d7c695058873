-- Coroutines: create, resume, yield, status, wrap, errors.
local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b); local d, e = coroutine.yield(c * 2); return "end", d, e end)
print(coroutine.status(co)) print(coroutine.resume(co, 1, 2)) print(coroutine.status(co)) print(coroutine.resume(co, 10)) print(coroutine.resume(co, "x", "y")) print(coroutine.status(co)) print(coroutine.resume(co))
--> suspended
--> true	3
--> suspended
--> true	20
--> true	end	x	y
--> dead
--> false	cannot resume dead coroutine
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(gen(), gen(), gen(), gen()) print(pcall(gen))
--> 1	2	3
--> false	cannot resume dead coroutine
local co2 = coroutine.create(function() error("inside", 0) end) print(coroutine.resume(co2)) print(coroutine.status(co2), coroutine.resume(co2))
--> false	inside
--> dead	false	cannot resume dead coroutine
local co3 = coroutine.create(function() error {1} end) print(type(select(2, coroutine.resume(co3))))  --> table
print(pcall(coroutine.wrap(function() error "with position" end)))  --> false	coroutines.lua:18: with position
print(coroutine.isyieldable(), coroutine.wrap(function() return coroutine.isyieldable() end)())  --> false	true
print(pcall(coroutine.isyieldable, nil))  --> false	bad argument #1 to 'coroutine.isyieldable' (thread expected, got nil)
local main, ismain = coroutine.running() print(type(main), ismain, coroutine.status(main)) print(select(2, coroutine.wrap(function() return coroutine.running() end)()))
--> thread	true	running
--> false
print(pcall(coroutine.yield, 1)) print(coroutine.resume(main)) print(pcall(coroutine.create, 1)) print(pcall(coroutine.resume, 1)) print(pcall(coroutine.status))
--> false	attempt to yield from outside a coroutine
--> false	cannot resume non-suspended coroutine
--> false	bad argument #1 to 'coroutine.create' (function expected, got number)
--> false	bad argument #1 to 'coroutine.resume' (thread expected, got number)
--> false	bad argument #1 to 'coroutine.status' (thread expected, got no value)
local a; a = coroutine.create(function() return coroutine.resume(a) end) print(coroutine.resume(a))
--> true	false	cannot resume non-suspended coroutine
local outer = coroutine.create(function() local inner = coroutine.create(function(o) return coroutine.status(o) end); return select(2, coroutine.resume(inner, coroutine.running())) end) print(coroutine.resume(outer))
--> true	normal
local function tree(t) if t then tree(t.l); coroutine.yield(t.v); tree(t.r) end end
local t = {v = 4, l = {v = 2, l = {v = 1}, r = {v = 3}}, r = {v = 6}} for v in coroutine.wrap(function() tree(t) end) do io.write(v, " ") end print()
--> 1 2 3 4 6
local function permgen(a, n) n = n or #a; if n <= 1 then coroutine.yield(table.concat(a)) else for i = 1, n do a[n], a[i] = a[i], a[n]; permgen(a, n - 1); a[n], a[i] = a[i], a[n] end end end
for p in coroutine.wrap(function() permgen {1, 2, 3} end) do io.write(p, " ") end print()  --> 231 321 312 132 213 123
local many = {} for i = 1, 1000 do many[i] = coroutine.wrap(function() local s = i; while true do s = s + coroutine.yield(s) end end); many[i]() end
local sum = 0 for i = 1, 1000 do sum = sum + many[i](1) end print(sum)  --> 501500
print(select("#", coroutine.resume(coroutine.create(function(...) return coroutine.yield(...) end), nil, nil, nil)))  --> 4
local vr = coroutine.wrap(function(...) local n = select("#", ...); while true do n = n + select("#", coroutine.yield(n)) end end) print(vr(1, 2), vr(), vr(nil, nil, nil))
--> 2	2	5
local function producer() return coroutine.create(function() for _, w in ipairs {"a", "b"} do coroutine.yield(w) end return nil end) end
local function filter(p) return coroutine.create(function() while true do local _, v = coroutine.resume(p); if not v then return nil end coroutine.yield(v:upper()) end end) end
local f = filter(producer()) while true do local _, v = coroutine.resume(f); if not v then break end io.write(v, " ") end print()  --> A B
