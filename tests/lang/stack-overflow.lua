-- Runaway recursion is an error that can be caught.
local function rec(n) return 1 + rec(n + 1) end
local ok, e = pcall(rec, 1); print(ok, e:match "stack overflow")  --> false	stack overflow
local function even(n) local ok, e = pcall(even, n + 1); return 1 + even(n) end
local ok2, e2 = pcall(function() local function f() local x = f(); return x end f() end); print(ok2, e2:find("stack overflow", 1, true) ~= nil)
--> false	true
local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}); local ok3, e3 = pcall(function() return t[1] end); print(ok3, e3:find "overflow" ~= nil)
--> false	true
local s = setmetatable({}, {__tostring = function(s) return tostring(s) end}); print((pcall(tostring, s)))  --> false
local c = setmetatable({}, {__concat = function(a, b) return a .. b end}); print((pcall(function() return c .. c end)))  --> false
local function nested(n) if n == 0 then return "ok" end local r = nested(n - 1); return r end print(nested(10000))  --> ok
local co = coroutine.create(function() return rec(1) end); local ok4, e4 = coroutine.resume(co); print(ok4, e4:match "stack overflow", coroutine.status(co))
--> false	stack overflow	dead
print(pcall(string.rep, "x", 1 << 40))  --> false	resulting string too large
local ok5, e5 = pcall(load, ("("):rep(1000) .. "1" .. (")"):rep(1000)); local f, msg = load(("("):rep(1000) .. "1" .. (")"):rep(1000)); print(f, msg:match "overflow" or msg:match "too many" )
--> nil	overflow
print(select("#", xpcall(rec, function(m) return m:match "stack overflow" end, 1)), (select(2, xpcall(rec, function(m) return m:match "stack overflow" end, 1))))
--> 2	stack overflow
local n = 0; local function count() n = n + 1; count() end; pcall(count); local n1 = n; n = 0; pcall(count); print(n == n1, n > 10000)
--> false	true
