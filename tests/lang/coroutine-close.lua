-- coroutine.close and variables to be closed.
local function closer(name, err) return setmetatable({}, {__close = function(_, e) print("close", name, e); if err then error(err, 0) end end}) end
--> close	b	nil
--> close	a	nil
local co = coroutine.create(function() local a <close> = closer "a"; local b <close> = closer "b"; coroutine.yield() end)
coroutine.resume(co) print(coroutine.close(co)) print(coroutine.status(co)) print(coroutine.close(co)) print(coroutine.resume(co))
--> true
--> dead
--> true
--> false	cannot resume dead coroutine
print(coroutine.close(coroutine.create(print)))
--> true
--> close	y	nil
--> close	x	ey
local bad = coroutine.create(function() local a <close> = closer("x", "ex"); local b <close> = closer("y", "ey"); coroutine.yield() end) coroutine.resume(bad) print(coroutine.close(bad)) print(coroutine.status(bad), coroutine.close(bad))
--> false	ex
--> dead	true
local err = coroutine.create(function() local a <close> = closer "e"; error("oops", 0) end) print(coroutine.resume(err)) print(coroutine.close(err)) print(coroutine.close(err))
--> false	oops
--> close	e	oops
--> false	oops
--> true
print(pcall(coroutine.close, coroutine.running()))  --> false	cannot close a running coroutine
local self; self = coroutine.create(function() return pcall(coroutine.close, self) end) print(coroutine.resume(self))
--> true	false	cannot close a running coroutine
--> close	wrapped	w
local w = coroutine.wrap(function() local c <close> = closer "wrapped"; error("w", 0) end) print(pcall(w))  --> false	w
local y = coroutine.wrap(function() local c <close> = setmetatable({}, {__close = function(_, e) print("closing", e); coroutine.yield "mid"; print "closed" end}); return "result" end) print(y()) print(y())
--> closing	nil
--> mid
--> closed
--> result
local ye = coroutine.wrap(function() return pcall(function() local c <close> = setmetatable({}, {__close = function(_, e) coroutine.yield(e) end}); error("E", 0) end) end) print(ye()) print(ye())
--> E
--> false	E
local it = coroutine.wrap(function() for i in function(_, i) return (i or 0) + 1 end, nil, nil, closer "for" do coroutine.yield(i); if i == 2 then return "out" end end end) print(it(), it()) print(it())
--> 1	2
--> close	for	nil
--> out
