-- The basic functions beyond those that other tests look at.
local function e(...) return (select(2, pcall(...))) end
print(type(nil), type(1), type("x"), type({}), type(print), type(io.stdout), type(coroutine.create(print)))
--> nil	number	string	table	function	userdata	thread
print(pcall(type))
--> false	bad argument #1 to 'type' (value expected)
print(tostring(nil), tostring(true), tostring(-0.0), tostring(1e15), tostring(2^63), tostring(1/0), tostring(12345))
--> nil	true	-0.0	1e+15	9.2233720368548e+18	inf	12345
print(tostring(setmetatable({}, {__tostring = function() return "shown" end})))
--> shown
print(pcall(tostring, setmetatable({}, {__tostring = function() return {} end})))
--> false	'__tostring' must return a string
print((tostring(setmetatable({}, {__name = "Kind"})):gsub("0x%x+", "address")))
--> Kind: address
print(tonumber("10"), tonumber("0x10"), tonumber(" 1e1 "), tonumber("1e"), tonumber("1 2"), tonumber(""), tonumber({}))
--> 10	16	10.0	nil	nil	nil	nil
print(tonumber("zz", 36), tonumber("-ff", 16), tonumber("8", 8), tonumber(" 101 ", 2), tonumber("7fffffffffffffff", 16))
--> 1295	-255	nil	5	9223372036854775807
print(e(tonumber), e(tonumber, 10, 2), e(tonumber, "1", 99), e(tonumber, "1", "x"))
--> bad argument #1 to 'tonumber' (value expected)	bad argument #1 to 'tonumber' (string expected, got number)	bad argument #2 to 'tonumber' (base out of range)	bad argument #2 to 'tonumber' (number expected, got string)
print(tonumber("1\0"), tonumber("0x"), tonumber("1_0"), tonumber("ffffffffffffffffff", 16))
--> nil	nil	nil	-1
print(rawequal(1, 1.0), rawequal("a", "a"), rawequal({}, {}), e(rawequal, 1))
--> true	true	false	bad argument #2 to 'rawequal' (value expected)
print(rawlen({1, 2, 3}), rawlen("abcd"), e(rawlen, 5))
--> 3	4	bad argument #1 to 'rawlen' (table or string expected, got number)
print(rawget(setmetatable({}, {__index = function() return 1 end}), "x"), e(rawget, 1, 2))
--> nil	bad argument #1 to 'rawget' (table expected, got number)
print(rawset({}, "k", 5).k, e(rawset, {}, nil, 1), e(rawset, {}, 0/0, 1))
--> 5	table index is nil	table index is NaN
print(getmetatable("").__index == string, getmetatable({}), getmetatable(setmetatable({}, {__metatable = "locked"})))
--> true	nil	locked
print(pcall(setmetatable, setmetatable({}, {__metatable = 1}), {}))
--> false	cannot change a protected metatable
print(e(setmetatable, {}), e(setmetatable, 1, {}), e(setmetatable, {}, 1))
--> bad argument #2 to 'setmetatable' (nil or table expected, got no value)	bad argument #1 to 'setmetatable' (table expected, got number)	bad argument #2 to 'setmetatable' (nil or table expected, got number)
print(setmetatable({}, nil) ~= nil, getmetatable(setmetatable(setmetatable({}, {}), nil)))
--> true	nil
print(next({}), next({10}), next({10}, 1), next({a = 1}), e(next, {}, "no"), e(next))
--> nil	1	nil	a	invalid key to 'next'	bad argument #1 to 'next' (table expected, got no value)
for k, v in pairs({10, 20, x = 30}) do print(k, v) end
--> 1	10
--> 2	20
--> x	30
for k, v in pairs(setmetatable({}, {__pairs = function(t) return function(_, k) if not k then return 1, 2 end end, t, nil end})) do print(k, v) end
--> 1	2
print(select(2, pairs(setmetatable({}, {__pairs = function() return 1, 2, 3, 4 end}))))
--> 2	3
for i, v in ipairs({1, 2, nil, 4}) do print(i, v) end
--> 1	1
--> 2	2
for i, v in ipairs(setmetatable({}, {__index = function(_, i) if i < 3 then return i * i end end})) do print(i, v) end
--> 1	1
--> 2	4
print(e(ipairs), select("#", ipairs({})), pairs({}) == next)
--> bad argument #1 to 'ipairs' (value expected)	3	true
print(select("#"), select("#", nil, nil), select(2, "a", "b", "c"), select(-1, "a", "b"))
--> 0	2	b	b
print(e(select, 0), e(select, -5, 1), e(select, "x"), select(9, 1, 2))
--> bad argument #1 to 'select' (index out of range)	bad argument #1 to 'select' (index out of range)	bad argument #1 to 'select' (number expected, got string)
print(assert(1, 2, 3), select("#", assert(true)), e(assert), e(assert, false, {} and "m"), e(assert, nil))
--> 1	1	bad argument #1 to 'assert' (value expected)	m	assertion failed!
print(e(error), type(e(error, {}, 2)), e(error, "m", 0), e(error, nil))
--> nil	table	m	nil
-- load
print(load("return 1 + 1")(), load("syntax error here"), load("return ...", "=name")(7))
--> 2	nil	7
local pieces, n = {"return ", "1", "0", nil, "x"}, 0
print(load(function() n = n + 1; return pieces[n] end)())
--> 10
print(pcall(load, function() error("in reader", 0) end))
--> true	nil	in reader
print(pcall(load, function() return {} end))
--> true	nil	reader function must return a string
print(pcall(function() return load(function() return {} end) end))
--> true	nil	lib-base.lua:75: reader function must return a string
print(load("return x", "chunk", "t", {x = "from env"})(), load("x = 1", "c", "b"))
--> from env	nil	attempt to load a text chunk (mode is 'b')
print(load(string.dump(function() return 5 end), "d", "b")(), load(string.dump(function() end), "d", "t"))
--> 5	nil	attempt to load a binary chunk (mode is 't')
print(e(load), e(load, {}), type(load("")))
--> bad argument #1 to 'load' (function expected, got no value)	bad argument #1 to 'load' (function expected, got table)	function
print(load("x ="), load("=", "=here"), load("x =", "@file.lua"))
--> nil	nil	nil	file.lua:1: unexpected symbol near <eof>
print(pcall(load("local function f() error('deep', 2) end f()", "=lvl")))
--> false	lvl:1: deep
-- loadfile, dofile
local name = os.tmpname()
local f = io.open(name, "w"); f:write("#!/usr/bin/env lua\nreturn ..., 'two', debug.getinfo(1, 'l').currentline"); f:close()
print(loadfile(name)(1))
--> 1	two	2
print(dofile(name))
--> nil	two	2
f = io.open(name, "wb"); f:write("\xEF\xBB\xBFreturn x"); f:close()
print(loadfile(name, "t", {x = "env"})(), loadfile(name, "b") == nil)
--> env	true
f = io.open(name, "wb"); f:write("# comment\n", string.dump(function() return "binary" end)); f:close()
print(loadfile(name)(), dofile(name))
--> binary	binary
os.remove(name)
print((select(2, loadfile(name)):gsub(name, "NAME")), (select(2, pcall(dofile, name)):gsub(name, "NAME")))
--> cannot open NAME: No such file or directory	cannot open NAME: No such file or directory
print(coroutine.wrap(function() return dofile("/dev/null"), "done" end)())
--> nil	done
-- xpcall with arguments, pcall across pairs
print(xpcall(function(...) return select("#", ...), ... end, print, 1, nil))
--> true	2	1	nil
print(e(pcall, error, "e"), xpcall(error, function(m) return m .. "!" end, "x"))
--> false	false	x!
-- collectgarbage
print(collectgarbage(), collectgarbage("count") > 0, math.type(collectgarbage("count")), collectgarbage("isrunning"))
--> 0	true	float	true
print(collectgarbage("stop"), collectgarbage("isrunning"), collectgarbage("restart"), collectgarbage("isrunning"))
--> 0	false	0	true
print(collectgarbage("generational"), collectgarbage("incremental"), collectgarbage("incremental"))
--> generational	generational	incremental
print(collectgarbage("setpause", 400), collectgarbage("setpause", 200), collectgarbage("setstepmul", 100), e(collectgarbage, "no"))
--> 200	400	100	bad argument #1 to 'collectgarbage' (invalid option 'no')
print(collectgarbage("step", 1 << 40))
--> true
do local res = 1; setmetatable({}, {__gc = function() res = collectgarbage("count") end}); collectgarbage(); print(res) end
--> nil
do local log = {}; for i = 1, 3 do setmetatable({}, {__gc = function() log[#log + 1] = i end}) end collectgarbage(); print(#log > 0) end
--> true
-- warn is off: nothing to see; arguments are checked
print(e(warn), e(warn, "a", {}), e(warn, "@off"), warn("quiet", 1))
--> bad argument #1 to 'warn' (string expected, got no value)	bad argument #2 to 'warn' (string expected, got table)	nil
print(_VERSION, _G._G == _G, _G.print == print)
--> Lua 5.4	true	true
