-- len, sub, upper, lower, rep, reverse, byte, char.
print(("hello"):sub(2, 3), ("hello"):sub(-3), ("hello"):sub(2), ("hello"):sub(-3, -2), ("hello"):sub(0), ("hello"):sub(10), ("hello"):sub(3, 2), ("hello"):sub(-100, 100), ("hello"):sub(math.mininteger, math.maxinteger))
--> el	llo	ello	ll	hello			hello	hello
print(("abc"):upper(), ("ABC"):lower(), ("abc"):reverse(), (""):reverse(), ("abc"):len(), #"a\0b", ("aé"):upper())  --> ABC	abc	cba		3	3	Aé
print(("ab"):rep(3), ("ab"):rep(3, ","), ("ab"):rep(1, ","), ("ab"):rep(0), ("ab"):rep(-1), (""):rep(10), ("x"):rep(0, "sep"))
--> ababab	ab,ab,ab	ab
print(("abc"):byte(), ("abc"):byte(-1), ("abc"):byte(1, -1)) print(("abc"):byte(10)) print((""):byte()) print(string.char(), string.char(72, 105), string.char(0, 255):byte(1, 2))
--> 97	99	97	98	99
-->
-->
--> 	Hi	0	255
print(pcall(string.char, 256)) print(pcall(string.char, "x")) print(pcall(string.rep)) print(pcall(string.rep, "x", 1e10)) print(pcall(string.sub)) print(pcall(string.upper, {})) print(pcall(string.len))
--> false	bad argument #1 to 'string.char' (value out of range)
--> false	bad argument #1 to 'string.char' (number expected, got string)
--> false	bad argument #1 to 'string.rep' (string expected, got no value)
--> false	resulting string too large
--> false	bad argument #1 to 'string.sub' (string expected, got no value)
--> false	bad argument #1 to 'string.upper' (string expected, got table)
--> false	bad argument #1 to 'string.len' (string expected, got no value)
local s = "" for i = 1, 100 do s = s .. i end print(#s, s:sub(1, 11), s:sub(-6)) local long = ("abc"):rep(1000) print(#long, long:sub(2999), long == ("abc"):rep(1000), long < long .. "x")
--> 192	12345678910	899100
--> 3000	bc	true	true
local parts = {} for c in ("héllo"):gmatch "[\0-\x7F\xC2-\xFD][\x80-\xBF]*" do parts[#parts + 1] = c end print(#parts, parts[2])  --> 5	é
print(1 .. "", 1.0 .. "", -0.0 .. "", 2^63 .. "", math.mininteger .. "", 1e100 .. "") print(#("a" .. "b" .. 1 .. 2.5), "a" .. "b" == "ab", ("a"):byte() + 1)
--> 1	1.0	-0.0	9.2233720368548e+18	-9223372036854775808	1e+100
--> 6	true	98
for i = 1, 3 do io.write(("abc"):sub(i, i), ("abc"):byte(i), " ") end print() print(tostring(nil) .. tostring(true), tostring("x") == "x")
--> a97 b98 c99
--> niltrue	true
