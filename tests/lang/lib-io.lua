-- io: files, lines, numbers, pipes
local function e(...) return (select(2, pcall(...))) end
local name = os.tmpname()
local function put(text) local f = assert(io.open(name, "wb")); f:write(text); f:close() end
local function hide(...) local t = table.pack(...) for i = 1, t.n do t[i] = (tostring(t[i]):gsub(name:gsub("%p", "%%%0"), "NAME"):gsub("0x%x+", "ADDRESS")) end return table.unpack(t, 1, t.n) end
print(hide(io.open("/no/such/file")), hide(e(io.open, name, "rz")), e(io.open, name, ""), e(io.open))
--> nil	bad argument #2 to 'io.open' (invalid mode)	bad argument #2 to 'io.open' (invalid mode)	bad argument #1 to 'io.open' (string expected, got no value)
local f = io.open(name, "w")
print(io.type(f), io.type(io.stdout), io.type(42), e(io.type), hide(f))
--> file	file	nil	bad argument #1 to 'io.type' (value expected)	file (ADDRESS)
print(f:write("one\n", 2, "\n", 3.5, "\n", 1.0, "\n", "four") == f, f:seek(), f:flush(), f:close())
--> true	16	true	true
print(io.type(f), hide(f), e(f.read, f), e(f.close, f), e(function() return f:lines() end))
--> closed file	file (closed)	attempt to use a closed file	attempt to use a closed file	lib-io.lua:13: attempt to use a closed file
f = io.open(name)
print(f:read(), f:read("n"), f:read("n", "n"), f:read("L"), f:read("l"), f:read("l"), f:read("a"), f:read("a"), f:read(0))
--> one	2	3.5
--> 	four	nil			nil
print(f:seek("set", 1), f:read(2), f:seek("cur"), f:seek("end"), f:read(1), e(f.seek, f, "bad"), f:seek("set", -1))
--> 1	ne	3	16	nil	bad argument #2 to '?' (invalid option 'bad')	nil	Invalid argument	22
f:close()
put("12 -7 0x1F .5 1e3 0x1p4 +3 nan 99")
f = io.open(name)
print(f:read("n", "n", "n", "n", "n", "n", "n", "n"))
--> 12	-7	31	0.5	1000.0	16.0	3	nil
print(f:read("a"))
--> nan 99
f:close()
put("0x 1e+ -  . 1.2.3 " .. ("9"):rep(210) .. " 5")
f = io.open(name)
for i = 1, 9 do print(f:read("n")) end
--> nil
--> nil
--> nil
--> nil
--> 1.2
--> 0.3
--> nil
--> 9999999999
--> 5
f:close()
put("a\n\nb\0c\nlast")
for l in io.lines(name) do print(#l, (l:gsub("\0", "."))) end
--> 1	a
--> 0
--> 3	b.c
--> 4	last
for l in io.lines(name, "L") do print(#l) end
--> 2
--> 1
--> 4
--> 4
for a, b in io.lines(name, 1, "l") do print(a, #b) end
--> a	0
-->
--> 	3
--> l	3
print(type(e(io.lines, name, "x")))
--> function
print(pcall(function() for l in io.lines(name, "x") do end end))
--> false	lib-io.lua:60: bad argument #2 to 'for iterator' (invalid format)
print(select("#", io.lines(name)), hide(select(4, io.lines(name))))
--> 4	file (ADDRESS)
print(hide(e(io.lines, "/no/such")))
--> cannot open file '/no/such' (No such file or directory)
local long = ("x"):rep(5000)
put(long .. "\n" .. long .. long .. "\nend")
for l in io.lines(name) do print(#l) end
--> 5000
--> 10000
--> 3
f = io.open(name)
print(#f:read("a"), f:read("a"), f:read("l"), f:read(10))
--> 15005		nil	nil
f:close()
f = io.open(name)
print(#f:read(7000), #f:read(1 << 30), f:read(1))
--> 7000	8005	nil
f:close()
f = io.open(name)
local it = f:lines()
print(#it(), #it(), it(), it())
--> 5000	10000	end
f:close()
print(pcall(it))
--> false	file is already closed
do local it2 = io.lines(name); while it2() do end; print(pcall(it2)) end
--> false	file is already closed
print(pcall(function() local f <close> = io.open(name); return f:read(3) end))
--> true	xxx
-- modes
put("start")
f = io.open(name, "a")
f:write("+more")
f:close()
f = io.open(name, "r+b")
print(f:read("a"))
--> start+more
f:seek("set")
f:write("S")
f:seek("set")
print(f:read("a"))
--> Start+more
f:close()
f = io.open(name, "w+")
f:write("abc")
f:seek("set", 1)
print(f:read(1))
--> b
f:close()
f = io.open(name, "r")
print(f:write("x"))
--> nil	Bad file descriptor	9
f:close()
f = io.open(name, "w")
print(f:read())
--> nil	Bad file descriptor	9
print(f:read("n", "a"))
--> nil	Bad file descriptor	9
f:close()
print(e(f.write, io.stdout, {}), e(f.write), e(io.read, "z"), e(f.read, io.stdin, {}))
--> bad argument #2 to '?' (string expected, got table)	bad argument #1 to '?' (FILE* expected, got no value)	bad argument #1 to 'io.read' (invalid format)	bad argument #2 to '?' (string expected, got table)
f = io.open(name, "w")
print(f:setvbuf("full", 100), f:setvbuf("no"), f:setvbuf("line"), e(f.setvbuf, f, "x"), e(f.setvbuf, f))
--> true	true	true	bad argument #2 to '?' (invalid option 'x')	bad argument #2 to '?' (string expected, got no value)
f:close()
-- default files
put("in1\nin2\nin3")
print(io.input(name) == io.input(), io.read(), io.read("L"), io.read(2), io.read("a"), io.read("l"))
--> true	in1	in2
--> 	in	3	nil
io.input():close()
print(e(io.read), e(io.lines))
--> default input file is closed	attempt to use a closed file
io.input(io.stdin)
print(hide(e(io.input, "/no/such")), e(io.input, {}))
--> cannot open file '/no/such' (No such file or directory)	bad argument #1 to 'io.input' (FILE* expected, got table)
local old = io.output()
print(io.output(name) ~= old, io.write("to file ", 1, " ", 2.5) == io.output(), io.flush() ~= nil, io.close(), e(io.write, "x"))
--> true	true	true	true	default output file is closed
io.output(old)
print(io.open(name):read("a"), io.output() == io.stdout, e(io.close, 5))
--> to file 1 2.5	true	bad argument #1 to 'io.close' (FILE* expected, got number)
put("p q")
for l in io.lines(name) do print(l) end
--> p q
io.input(name)
for w in io.lines(nil, 1) do print(w) end
--> p
-->
--> q
io.close(io.input())
io.input(io.stdin)
-- temporary files, pipes
f = io.tmpfile()
f:write("tmp")
f:seek("set")
print(f:read("a"), f:close())
--> tmp	true
f = io.popen("echo out; exit 3")
print(f:read("a"))
--> out
-->
print(f:close())
--> nil	exit	3
f = io.popen("cat >/dev/null", "w")
print(f:write("x") == f, f:close())
--> true	true	exit	0
print(pcall(io.popen, "x", "rw"))
--> false	bad argument #2 to 'io.popen' (invalid mode)
print(io.popen("kill -9 $$"):close())
--> nil	signal	9
print(io.stdout:close())
--> nil	cannot close standard file
print(io.stdin:seek("cur", 0) == nil or true, hide(io.stderr), getmetatable(io.stdout).__name)
--> true	file (ADDRESS)	FILE*
print(e(io.lines, name, table.unpack({}, 1, 250)) and true, e(io.lines, name, table.unpack({}, 1, 251)))
--> true	bad argument #252 to 'io.lines' (too many arguments)
print(e(tostring, getmetatable(io.stdout)) and true, e(getmetatable(io.stdout).__tostring, 5), e(io.stdout.write, {}, 5))
--> true	bad argument #1 to '?' (FILE* expected, got number)	bad argument #1 to '?' (FILE* expected, got table)
for _, m in ipairs{"__gc", "__close", "__index", "__tostring"} do print(m, type(getmetatable(io.stdout)[m])) end
--> __gc	function
--> __close	function
--> __index	table
--> __tostring	function
for _, m in ipairs{"close", "flush", "lines", "read", "seek", "setvbuf", "write"} do print(m, io.stdout[m] == getmetatable(io.stdout).__index[m]) end
--> close	true
--> flush	true
--> lines	true
--> read	true
--> seek	true
--> setvbuf	true
--> write	true
do local f = io.open(name); f = nil; collectgarbage() end
os.remove(name)
