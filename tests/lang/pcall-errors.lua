-- pcall, xpcall, error: values, levels, handlers.
print(pcall(error)) print(pcall(error, nil)) print(pcall(error, "m")) print(pcall(error, "m", 0)) print(pcall(error, "m", 1)) print(pcall(error, "m", 2))
--> false	nil
--> false	nil
--> false	m
--> false	m
--> false	m
--> false	pcall-errors.lua:2: m
print(pcall(error, 42)) print(pcall(error, true)) local t = {}; print(select(2, pcall(error, t)) == t)
--> false	42
--> false	true
--> true
local function lvl(n) error("lvl" .. n, n) end
print(pcall(lvl, 0)) print(pcall(lvl, 1)) print(pcall(function() lvl(2) end))
--> false	lvl0
--> false	pcall-errors.lua:13: lvl1
--> false	pcall-errors.lua:14: lvl2
print(pcall(function() error "here" end)) print(pcall(function() error("x" .. 1, 1) end)) print(pcall(function() error() end))
--> false	pcall-errors.lua:18: here
--> false	pcall-errors.lua:18: x1
--> false	nil
print(pcall(pcall)) print(pcall(pcall, error, "e")) print(pcall(xpcall)) print(pcall(xpcall, print))
--> false	bad argument #1 to 'pcall' (value expected)
--> true	false	e
--> false	bad argument #2 to 'xpcall' (function expected, got no value)
--> false	bad argument #2 to 'xpcall' (function expected, got no value)
print(xpcall(function(...) return ... end, print, 1, 2)) print(xpcall(error, function(m) return "H:" .. m end, "msg"))
--> true	1	2
--> false	H:msg
print(xpcall(function() local x = nil; return x.y end, function(m) return (m:gsub("^.-:%d+: ", "")) .. "!" end))
--> false	attempt to index a nil value (local 'x')!
print(xpcall(error, function() return 1, 2, 3 end, "x"))  --> false	1
print(xpcall(error, function(m) error("again", 0) end, "x"))  --> false	error in error handling
print(select(2, xpcall(function() error {code = 7} end, function(e) return e.code + 1 end)))  --> 8
print(pcall(function() return 1, 2, nil end)) print(pcall(function() end)) print(pcall(print, "inside"))
--> true	1	2	nil
--> true
--> inside
--> true
print(pcall(assert, false)) print(pcall(assert, nil, "why")) print(pcall(assert, false, {1} and 5)) print(assert(1, 2, 3)) print(pcall(assert))
--> false	assertion failed!
--> false	why
--> false	5
--> 1	2	3
--> false	bad argument #1 to 'assert' (value expected)
local function nested() local ok, e = pcall(error, "inner", 0); error("outer after " .. e, 0) end print(pcall(nested))
--> false	outer after inner
print(pcall(string.rep)) print(pcall(("x").rep, "x", {})) print(pcall(setmetatable, {})) print(pcall(ipairs)) print(pcall(string.char, 256)) print(pcall(string.char, -1))
--> false	bad argument #1 to 'string.rep' (string expected, got no value)
--> false	bad argument #2 to 'string.rep' (number expected, got table)
--> false	bad argument #2 to 'setmetatable' (nil or table expected, got no value)
--> false	bad argument #1 to 'ipairs' (value expected)
--> false	bad argument #1 to 'string.char' (value out of range)
--> false	bad argument #1 to 'string.char' (value out of range)
print(pcall(math.floor, "a")) print(pcall(table.concat, {1, {}, 3})) print(pcall(tostring)) print(pcall(next, {}, 1)) print(pcall(io.open)) print(pcall(math.random, 0, -1))
--> false	bad argument #1 to 'math.floor' (number expected, got string)
--> false	invalid value (table) at index 2 in table for 'concat'
--> false	bad argument #1 to 'tostring' (value expected)
--> false	invalid key to 'next'
--> false	bad argument #1 to 'io.open' (string expected, got no value)
--> false	bad argument #1 to 'math.random' (interval is empty)
local ok, e = pcall(function() local a; a() end) print(e) local ok, e = pcall(function() return #nil end) print(e)
--> pcall-errors.lua:62: attempt to call a nil value (local 'a')
--> pcall-errors.lua:62: attempt to get length of a nil value
local results = {}; for i = 1, 3 do results[i] = pcall(error, i) and "ok" or "failed" end print(table.concat(results, " "))
--> failed failed failed
print(select("#", pcall(error))) print(pcall(select(2, load "return ...") or load "return ...", "arg"))
--> 2
--> true	arg
