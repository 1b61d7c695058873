-- load, loadstring forms, string.dump.
print(load "return 1 + 1"()) print(load("return ...", "n")(5, 6)) print(type(load(function() return nil end)))
local parts, i = {"return ", "4", "2"}, 0 print(load(function() i = i + 1; return parts[i] end)()) print(pcall(load, 5)) print(load(function() error("reader", 0) end)) print(load(function() return {} end))
print(load("return x", "c", "t", {x = "env"})()) local env = {} load("y = 7; z = y * 2", "c", "t", env)() print(env.y, env.z, y) print(load("x =", "=(name)")) print(load("x =", "@f.lua")) print(load("x =", "some text")) print(load("return 1", "c", "b")) print(load(string.dump(function() end), "c", "t"))
local d = string.dump(function(a, b) return a + b, "k", 2.5, nil, true end) print(load(d, "d", "b")(3, 4)) print(type(d), d:sub(1, 4) == "\27Lua", load(d, "d")(1, 2)) local s = string.dump(load "local t = {}; for i = 1, 5 do t[i] = i * i end; return table.concat(t, ' ')", true) print(load(s)())
local n = 10 local function up() n = n + 1; return n end local f = load(string.dump(up)) print(pcall(f)) debug.setupvalue(f, 1, 41) print(f(), f(), up()) print(pcall(string.dump, print)) local ok = load(string.dump(function() return _ENV end)) print(ok() == _G)
local bad = d:sub(1, #d - 3) print((load(bad, "bad", "b"))) print(load("\27Lua", "bad", "b") == nil) local nested = load(string.dump(function(x) return function(y) return function(z) return x + y + z end end end)) print(nested(1)(2)(3))
local va = load(string.dump(function(...) return select("#", ...), ... end)) print(va(1, nil)) print(pcall(load(string.dump(function() error("after load") end)))) print(load("return " .. ("("):rep(50) .. "1" .. (")"):rep(50))()) print(dofile == nil, loadfile("no such file.lua"))
local g = load(string.dump(function() goto l; do return "skipped" end ::l:: local c <const> = 3; return c, 1 // 1, 2^2, "x" .. c end)) print(g()) print(load ""())
--> 2
--> 5	6
--> function
--> 42
--> true	nil	[string "5"]:1: unexpected symbol near '5'
--> nil	reader
--> stack traceback:
--> 	[C]: in function 'error'
--> 	load-dump.lua:3: in function <load-dump.lua:3>
--> 	[C]: in function 'load'
--> 	load-dump.lua:3: in main chunk
--> 	[C]: in ?
--> nil	load-dump.lua:3: reader function must return a string
--> stack traceback:
--> 	[C]: in function 'load'
--> 	load-dump.lua:3: in main chunk
--> 	[C]: in ?
--> env
--> 7	14	nil
--> nil	(name):1: unexpected symbol near <eof>
--> nil	f.lua:1: unexpected symbol near <eof>
--> nil	[string "some text"]:1: unexpected symbol near <eof>
--> nil	attempt to load a text chunk (mode is 'b')
--> nil	attempt to load a binary chunk (mode is 't')
--> 7	k	2.5	nil	true
--> string	true	3	k	2.5	nil	true
--> 1 4 9 16 25
--> false	load-dump.lua:6: attempt to perform arithmetic on a table value (upvalue 'n')
--> 42	43	11
--> false	unable to dump given function
--> true
--> nil
--> true
--> 6
--> 2	1	nil
--> false	load-dump.lua:8: after load
--> 1
--> false	nil	cannot open no such file.lua: No such file or directory
--> 3	1	4.0	x3
-->
