-- Strings in arithmetic: results, metamethods of strings, concatenation of numbers.
print("10" + "5", "10" - 3, "3" * "4", "10" / "4", "7" // "2", "7" % "3", "2" ^ "3", -"5", "0x10" + 0, "1e1" * 1, " 7 " + 0, "10" + 0.5) print(math.type("10" + 1), math.type("10" + 1.0), math.type("10.0" + 1), math.type("9223372036854775808" + 0)) print(10 .. 20, 1.5 .. "x", -1 .. "", 2^63 .. "", 1e15 .. "|" .. 1e16) print("10" == 10, "abc" < "abd", "10" < "9", pcall(function() return 10 < "9" end)) for _, s in ipairs {"", " ", "abc", "1a", "0x", "1e", "--1", "1 2", "nan", "inf", "0x1g", "1..2"} do print(pcall(function() return s + 1 end)) end
--> 15	7	12	2.5	3	1	8.0	-5	16	10.0	7	10.5
--> integer	float	float	float
--> 1020	1.5x	-1	9.2233720368548e+18	1e+15|1e+16
--> false	true	true	false	string-coercion.lua:2: attempt to compare number with string
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
--> false	string-coercion.lua:2: attempt to add a 'string' with a 'number'
print(pcall(function() for i = "1", 2 do io.write(i, " ") end end))  --> 1 2 true
