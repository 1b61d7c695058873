-- Strings to numbers, numbers to strings, floats to integers.
print("10" + 1, "0x10" + 0, " 5 " * 2, "1e1" + 0, "10" // 3, "7" % "4", -"2", "3" ^ 2)  --> 11	16	10	10.0	3	3	-2	9.0
print(math.type("10" + 0), math.type("10.0" + 0), 10 .. "", 1.5 .. "|", -0.0 .. "")  --> integer	float	10	1.5|	-0.0
print(tonumber("0x"), tonumber(""), tonumber(" "), tonumber("1 2"), tonumber("1e"), tonumber("0x1p4"), tonumber("1e1"))
--> nil	nil	nil	nil	nil	16.0	10.0
print(tonumber("  12  "), tonumber("1_000"), tonumber("nan"), tonumber("inf"), tonumber("0b1"), tonumber("."), tonumber(".5"), tonumber("5."))
--> 12	nil	nil	nil	nil	nil	0.5	5.0
print(tonumber("10", 2), tonumber("ff", 16), tonumber("zz", 36), tonumber("8", 8), tonumber("-7", 8), tonumber("1.0", 10))
--> 2	255	1295	nil	-7	nil
print(tonumber("9223372036854775807"), tonumber("9223372036854775808"), tonumber("0xffffffffffffffff"), tonumber("0x1ffffffffffffffff"))
--> 9223372036854775807	9.2233720368548e+18	-1	-1
print(tonumber(nil == nil and "5"), tonumber(true), tonumber({}), pcall(tonumber))
--> 5	nil	nil	false	bad argument #1 to 'tonumber' (value expected)
print(tostring(1e15), tostring(2^31), tostring(-1.0), tostring(1e100), tostring(10 // 1))  --> 1e+15	2147483648.0	-1.0	1e+100	10
print(1 << 1.0, pcall(function() return 1 << 1.5 end))  --> 2	false	conversions.lua:15: number has no integer representation
print(pcall(function() return "1.5" | 0 end))
--> false	conversions.lua:16: attempt to perform bitwise operation on a string value (constant '1.5')
print(pcall(function() return "abc" + 1 end))  --> false	conversions.lua:18: attempt to add a 'string' with a 'number'
print(pcall(function() return {} .. "x" end))  --> false	conversions.lua:19: attempt to concatenate a table value
print(pcall(function() return 2^63 | 0 end))  --> false	conversions.lua:20: number has no integer representation
print(math.tointeger(3.0), math.tointeger(3.5), math.tointeger(2^63), math.tointeger("8"), math.tointeger({}))  --> 3	nil	nil	8	nil
print(string.rep("a", 3.0), pcall(string.rep, "a", 3.5))
--> aaa	false	bad argument #2 to 'string.rep' (number has no integer representation)
print(("x"):rep("2"), #tostring(12345), 1 == "1", "1" < "2")  --> xx	5	false	true
print(pcall(function() return 1 < "2" end))  --> false	conversions.lua:25: attempt to compare number with string
