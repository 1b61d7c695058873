-- The math library.
print(math.floor(3.7), math.floor(-3.7), math.ceil(3.2), math.ceil(-3.2), math.floor(5), math.ceil(2^70), math.floor(-2^70), math.floor(1e15 + 0.5)) print(math.max(1, 5, 3), math.min(4, 2.5, 8), math.max(1, 2.0), math.max(2.0, 2), math.min(-0.0, 0), math.max(5), math.max(-1, -2.5)) print(pcall(math.max)) print(pcall(math.floor, "x")) print(math.floor "3.7", math.floor "8")
--> 3	-4	4	-3	5	1.1805916207174e+21	-1.1805916207174e+21	1000000000000000
--> 5	2.5	2.0	2.0	-0.0	5	-1
--> false	bad argument #1 to 'math.max' (value expected)
--> false	bad argument #1 to 'math.floor' (number expected, got string)
--> 3	8
print(math.abs(-5), math.abs(-5.5), math.abs(5), math.abs(-0.0), math.sqrt(16), math.sqrt(2), math.exp(0), math.log(1), math.log(8, 2), math.log(100, 10), math.log(27, 3), math.log(0)) print(("%.6f %.6f %.6f %.6f %.6f"):format(math.sin(1), math.cos(1), math.tan(1), math.asin(0.5), math.acos(0.5)), ("%.6f %.6f %.6f"):format(math.atan(1), math.atan(1, -1), math.atan(-1, 0)))
--> 5	5.5	5	0.0	4.0	1.4142135623731	1.0	0.0	3.0	2.0	3.0	-inf
--> 0.841471 0.540302 1.557408 0.523599 1.047198	0.785398 2.356194 -1.570796
print(math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(7.5, 2), math.fmod(-7.5, 2), math.fmod(math.mininteger, -1), math.fmod(5, math.huge)) print(pcall(math.fmod, 1, 0)) print(math.fmod(1, 0.0) ~= math.fmod(1, 0.0)) print(math.modf(3.7), (math.modf(-3.7)), math.modf(5), math.modf(math.huge), math.modf(-2.0)) print(select(2, math.modf(3.25)), select(2, math.modf(-1/0)))
--> 1	-1	1	1.5	-1.5	0	5.0
--> false	bad argument #2 to 'math.fmod' (zero)
--> true
--> 3	-3	5	inf	-2	0.0
--> 0.25	0.0
print(math.tointeger(3), math.tointeger(3.0), math.tointeger(3.1), math.tointeger("3"), math.tointeger(2^53), math.tointeger(1/0), math.type(1), math.type(1.0), math.type("1"), math.type(nil)) print(pcall(math.type)) print(math.ult(1, 2), math.ult(-1, 2), math.ult(2, -1), math.ult(1, 1)) print(math.pi, -math.pi, math.huge, -math.huge, math.maxinteger, math.mininteger) print(math.deg(math.pi), math.rad(180) == math.pi)
--> 3	3	nil	3	9007199254740992	nil	integer	float	nil	nil
--> false	bad argument #1 to 'math.type' (value expected)
--> true	false	true	false
--> 3.1415926535898	-3.1415926535898	inf	-inf	9223372036854775807	-9223372036854775808
--> 180.0	true
print(8 // 3, 8.0 // 3, 2^2, 7 / 7, math.type(2^2), 1e3 // 1, -(-3), 3 - -3) local big = 2^53 print(big + 1 == big, math.tointeger(big) + 1 == math.tointeger(big)) print(math.floor(-0.0), 1 / math.floor(-0.0) , math.ceil(-0.5), math.sqrt(-1) ~= math.sqrt(-1))
--> 2	2.0	4.0	1.0	float	1000.0	3	6
--> true	false
--> 0	inf	0	true
