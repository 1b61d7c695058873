-- The utf8 library.
print(utf8.char(72, 228, 8364, 128512), utf8.char(), #utf8.char(0x7FFFFFFF), utf8.charpattern == "[\0-\x7F\xC2-\xFD][\x80-\xBF]*") print(utf8.len "häß€😀", utf8.len "", utf8.len("häß", 2), utf8.len("häß", -2), utf8.len("abc", 4), utf8.len("abc", 2, 1)) print(utf8.len "ab\xff") print(utf8.len "\xC0\x80") print(utf8.len("\u{D800}")) print(utf8.len("\u{D800}", 1, -1, true)) print(utf8.len "\u{7FFFFFFF}") print(utf8.len("\u{7FFFFFFF}", 1, -1, true)) print(utf8.len("\xe4\xbd"))
--> Hä€😀		6	true
--> 5	0	2	1	0	0
--> nil	3
--> nil	1
--> nil	1
--> 1
--> nil	1
--> 1
--> nil	1
print(utf8.codepoint("häß", 1, -1)) print(utf8.codepoint "A") print(utf8.codepoint("€", 1)) print(pcall(utf8.codepoint, "€", 2)) print(pcall(utf8.codepoint, "abc", 4)) print(pcall(utf8.codepoint, "abc", 0)) print(pcall(utf8.len, "abc", 5)) print(pcall(utf8.char, -1)) print(pcall(utf8.char, "x"))
--> 104	228	223
--> 65
--> 8364
--> false	invalid UTF-8 code
--> false	bad argument #3 to 'utf8.codepoint' (out of bounds)
--> false	bad argument #2 to 'utf8.codepoint' (out of bounds)
--> false	bad argument #2 to 'utf8.len' (initial position out of bounds)
--> false	bad argument #1 to 'utf8.char' (value out of range)
--> false	bad argument #1 to 'utf8.char' (number expected, got string)
print(utf8.offset("häß€", 1), utf8.offset("häß€", 3), utf8.offset("häß€", -1), utf8.offset("häß€", 5), utf8.offset("häß€", 6), utf8.offset("häß€", 0, 3), utf8.offset("abc", 0), utf8.offset("aß", -1), utf8.offset("", 1)) print(pcall(utf8.offset, "ß", 1, 2)) print(pcall(utf8.offset, "abc", 1, 6))
--> 1	4	6	9	nil	2	1	2	1
--> false	initial position is a continuation byte
--> false	bad argument #3 to 'utf8.offset' (position out of bounds)
for p, c in utf8.codes "aß€" do io.write(p, ":", c, " ") end print() print(pcall(function() for _ in utf8.codes "a\xffb" do end end)) print(pcall(function() for _ in utf8.codes "\u{D800}" do end end)) for _, c in utf8.codes("\u{D800}\u{200000}", true) do io.write(c, " ") end print() for c in ("xß€"):gmatch(utf8.charpattern) do io.write(#c, " ") end print()
--> 1:97 2:223 4:8364
--> false	utf8.lua:26: invalid UTF-8 code
--> false	utf8.lua:26: invalid UTF-8 code
--> 55296 2097152
--> 1 2 3
local t = {} for _, c in utf8.codes "aßc" do t[#t + 1] = c end print(utf8.char(table.unpack(t))) local s = "один два" local r = {} for _, c in utf8.codes(s) do table.insert(r, 1, utf8.char(c)) end print(table.concat(r)) print(s:sub(utf8.offset(s, 6)), utf8.len(s), #s)
--> aßc
--> авд нидо
--> два	8	15
