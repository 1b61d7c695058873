-- io: open modes, read formats, write, seek, lines, buffering.
local name = os.tmpname() local f = assert(io.open(name, "w")) print(io.type(f), f:write("line 1\n", 2, " ", 3.5, "\nlast") == f, f:seek "cur", f:seek("set", 0), f:seek "end") print(f:close(), io.type(f), io.type(5), tostring(f)) print(pcall(f.write, f, "x"))
for line in io.lines(name) do io.write("[", line, "] ") end print() for line in io.lines(name, "L") do io.write(#line, " ") end print() for a, b in io.lines(name, 1, 2) do io.write(a, "|", b and b:gsub("\n", "$") or "nil", " ") end print()
f = io.open(name) print(f:read()) print(f:read "n", f:read "n", f:read "n") print(f:read "l", f:read "L") print(f:read(0), f:read "a", f:read "a", f:read "l", f:read(0)) f:seek "set" print(f:read(3), f:read(4), f:read "l") f:seek("set", 2) print(f:read "a") f:close() f = io.open(name, "a") f:write "\nappended" f:close() f = io.open(name, "r+") f:write "LINE" f:seek("set", 0) print(f:read "a") f:close()
f = io.open(name, "wb") f:write("12 0x1F -3.5e2 .5 nan 0x1p4 99") f:close() f = io.open(name) print(f:read("n", "n", "n", "n")) print(f:read "n") print(f:read "l") f:close() f = io.open(name, "w") f:write("a\n\nb\r\nc\0d\n") f:close() for l in io.lines(name) do io.write(#l, " ") end print() f = io.open(name) print(#f:read "a") print(f:read "a", f:read "l", f:read(1)) f:close()
print(io.open("/no/such/file")) print(select("#", io.open "/no/such/file")) print(pcall(io.open, name, "bad")) print(pcall(io.lines, "/no/such/file")) print(pcall(function() for l in io.lines(name, "x") do end end)) f = io.open(name) print(pcall(f.read, f, "z")) print(pcall(f.seek, f, "bad")) print(f:setvbuf "no", f:setvbuf("full", 1024), f:flush() == f) f:close() print(pcall(f.read, f)) print(pcall(io.close, f)) print(pcall(function() return f:lines() end))
io.output(name) io.write("via default\n", 1, 2) io.close() io.output(io.stdout) io.input(name) print(io.read()) print(io.read "n", io.read "a") io.close(io.input()) io.input(io.stdin) do local g <close> = io.open(name) print(g:read(3)) end local p = io.popen("echo from popen; exit 2") print(p:read "a" == "from popen\n", p:close()) local w = io.popen("cat >" .. name, "w") w:write "piped" print(w:close()) print(io.open(name):read "a") print(pcall(io.popen, "true", "x")) local t = io.tmpfile() t:write "tmp" t:seek "set" print(t:read "a", t:close()) os.remove(name) print(io.stdout == io.output(), io.type(io.stderr), io.write "" == io.stdout)
local it do local n2 = os.tmpname() local h = io.open(n2, "w") for i = 1, 5 do h:write(i, "\n") end h:close() local s = 0 for l in io.lines(n2) do s = s + l end print(s) h = io.open(n2) local c = 0 for a in h:lines "n" do c = c + a end print(c, h:read "a" == "\n", io.type(h)) h:close() it = io.lines(n2) while it() do end print(pcall(it)) os.remove(n2) end
--> file	true	17	0	17
--> true	closed file	nil	file (closed)
--> false	attempt to use a closed file
--> [line 1] [2 3.5] [last]
--> 7 6 4
--> l|in e| 1
--> |2  3|.5
--> |la s|t
--> line 1
--> 2	3.5	nil
--> last	nil
--> nil			nil	nil
--> lin	e 1
--> 	2 3.5
--> ne 1
--> 2 3.5
--> last
--> LINE 1
--> 2 3.5
--> last
--> appended
--> 12	31	-350.0	0.5
--> nil
--> nan 0x1p4 99
--> 1 0 2 3
--> 10
--> 	nil	nil
--> nil	/no/such/file: No such file or directory	2
--> 3
--> false	bad argument #2 to 'io.open' (invalid mode)
--> false	cannot open file '/no/such/file' (No such file or directory)
--> false	io-files.lua:6: bad argument #2 to 'for iterator' (invalid format)
--> false	bad argument #2 to '?' (invalid format)
--> false	bad argument #2 to '?' (invalid option 'bad')
--> true	true	false
--> false	attempt to use a closed file
--> false	attempt to use a closed file
--> false	io-files.lua:6: attempt to use a closed file
--> via default
--> 12
--> via
--> true	nil	exit	2
--> true	exit	0
--> piped
--> false	bad argument #2 to 'io.popen' (invalid mode)
--> tmp	true
--> true	file	true
--> 15
--> 15	false	file
--> false	file is already closed
