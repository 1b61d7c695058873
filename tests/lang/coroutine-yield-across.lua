-- Yields across pcall, metamethods, iterators; refused in sort and gsub.
local y = coroutine.yield
local function run(f, ...) local co = coroutine.create(f); local r = table.pack(coroutine.resume(co, ...)); while coroutine.status(co) == "suspended" do io.write("<", tostring(r[2]), "> "); r = table.pack(coroutine.resume(co, r[2])) end print(table.unpack(r, 1, r.n)) end
run(function() return pcall(function() return y(1) + 1 end) end)  --> <1> true	true	2
run(function() return pcall(function() y "a"; error("after", 0) end) end)  --> <a> true	false	after
run(function() return xpcall(function() y "a"; error("after", 0) end, function(m) return m .. " handled" end) end)
--> <a> true	false	after handled
run(function() return select(2, pcall(pcall, pcall, function() y(1); return "deep" end)) end)  --> <1> true	true	true	deep
local mt = {__add = function(a, b) return y "add" end, __index = function(t, k) return y("index " .. k) end, __newindex = function(t, k, v) y "newindex"; rawset(t, k, v) end, __call = function(self, x) return y "call", x end, __eq = function() return y "eq" end, __lt = function() return y "lt" end, __le = function() return not y "le" end, __concat = function() return y "concat" end, __len = function() return y "len" end, __unm = function() return y "unm" end, __bnot = function() return y "bnot" end, __close = function() y "close" end}
local function T() return setmetatable({}, mt) end
run(function() return T() + 1, 2 * 3 end) run(function() return T().field end) run(function() local t = T(); t.x = 1; return rawget(t, "x") end) run(function() return T()(5) end) run(function() return T() == T(), T() ~= T() end)
--> <add> true	add	6
--> <index field> true	index field
--> <newindex> true	1
--> <call> true	call	5
--> <eq> <eq> true	true	false
run(function() return T() < T(), T() <= T(), T() > 1 end) run(function() return "a" .. "b" .. T() .. "c" end) run(function() return #T(), -T(), ~T() end) run(function() do local c <close> = T() end return "closed" end) run(function() if T() == T() then return "yes" else return "no" end end)
--> <lt> <le> <lt> true	true	false	true
--> <concat> true	abconcat
--> <len> <unm> <bnot> true	len	unm	bnot
--> <close> true	closed
--> <eq> true	yes
run(function() local s = 0; for v in function(_, v) return y(v) and (v or 0) < 3 and (v or 0) + 1 or nil end, nil, 0 do s = s + v end return s end)
--> <0> <1> <2> <3> true	6
run(function() for k, v in pairs(setmetatable({}, {__pairs = function() y "pairs"; return next, {10}, nil end})) do return k, v end end)
--> <pairs> true	1	10
print(coroutine.resume(coroutine.create(function() table.sort({3, 2, 1}, function(a, b) y(); return a < b end) end)))
--> false	attempt to yield across a C-call boundary
print(coroutine.resume(coroutine.create(function() return (("x"):gsub("x", function() y() end)) end)))
--> false	attempt to yield across a C-call boundary
print(coroutine.resume(coroutine.create(function() return tostring(setmetatable({}, {__tostring = function() y() end})) end)))
--> false	attempt to yield across a C-call boundary
print(coroutine.resume(coroutine.create(function() return load(function() y() end) end)))
--> true	nil	attempt to yield across a C-call boundary
print(coroutine.wrap(function() local r; table.sort({2, 1}, function(a, b) r = coroutine.isyieldable(); return a < b end) return r end)())
--> false
run(function() return table.unpack({y(1), y(2), y(3)}) end) run(function() return y(y(y(1))) end) run(function() local a, b = y "p", y "q"; return b, a end) run(function(...) return select("#", ...), y(...), ... end, "v1", "v2")
--> <1> <2> <3> true	1	2	3
--> <1> <1> <1> true	1
--> <p> <q> true	q	p
--> <v1> true	2	v1	v1	v2
run(function() local t = {}; t[y "key"] = y "val"; return next(t) end) run(function() return dofile and "dofile" end) run(coroutine.wrap(function() y(1) end)) run(y, 5) run(pcall, y, 6)
--> <key> <val> true	key	val
--> true	dofile
--> true	1
--> <5> true	5
--> <6> true	true	6
