-- math
local function e(...) return (select(2, pcall(...))) end
print(math.abs(-3), math.abs(-3.5), math.abs(math.mininteger), math.abs("-2"))
--> 3	3.5	-9223372036854775808	2.0
print(math.floor(3.7), math.floor(-3.7), math.floor(5), math.floor(1e300), math.ceil(3.2), math.ceil(-3.2), math.ceil(2^53))
--> 3	-4	5	1e+300	4	-3	9007199254740992
print(math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(-7.5, 2), math.fmod(math.mininteger, -1), e(math.fmod, 1, 0))
--> 1	-1	1	-1.5	0	bad argument #2 to 'math.fmod' (zero)
print(math.fmod(1, 0.0), math.fmod(5.5, math.huge))
--> -nan	5.5
print(math.modf(3.7), math.modf(-3.7), math.modf(5), math.modf(math.huge), math.modf(-math.huge))
--> 3	-3	5	inf	-inf	0.0
print(math.tointeger(3.0), math.tointeger(3.5), math.tointeger("8"), math.tointeger({}), math.tointeger(2^63))
--> 3	nil	8	nil	nil
print(math.type(1), math.type(1.0), math.type("1"), e(math.type))
--> integer	float	nil	bad argument #1 to 'math.type' (value expected)
print(math.ult(1, -1), math.ult(-1, 1), math.ult(2, 3))
--> true	false	true
print(math.max(1, 2.5, -1), math.max(2, 2.0), math.min(1, 1.0), math.min(3, "2" + 0), math.max("a", "b"), e(math.max))
--> 2.5	2	1	2	b	bad argument #1 to 'math.max' (value expected)
print(e(math.max, 1, "x"), e(math.min, {}, {}))
--> attempt to compare number with string	attempt to compare two table values
print(math.sqrt(16), math.exp(0), math.log(1), math.log(8, 2), math.log(1000, 10), math.log(27, 3), math.log10(100))
--> 4.0	1.0	0.0	3.0	3.0	3.0	2.0
print(math.pow(2, 10), math.frexp(8), math.ldexp(0.5, 4), math.cosh(0), math.sinh(0), math.tanh(0))
--> 1024.0	0.5	8.0	1.0	0.0	0.0
print(math.sin(0), math.cos(0), math.tan(0), math.asin(0), math.acos(1), math.atan(0), math.atan(1, -1), math.atan2(1, 1))
--> 0.0	1.0	0.0	0.0	0.0	0.0	2.3561944901923	0.78539816339745
print(math.deg(math.pi), math.rad(180), math.pi, math.huge, -math.huge, math.maxinteger, math.mininteger)
--> 180.0	3.1415926535898	3.1415926535898	inf	-inf	9223372036854775807	-9223372036854775808
print(e(math.floor, {}), e(math.sin), e(math.abs, nil), e(math.ldexp, 1, 1.5))
--> bad argument #1 to 'math.floor' (number expected, got table)	bad argument #1 to 'math.sin' (number expected, got no value)	bad argument #1 to 'math.abs' (number expected, got nil)	bad argument #2 to 'math.ldexp' (number has no integer representation)
-- the generator is 5.4's: same seed, same numbers
print(math.randomseed(42))
--> 42	0
print(math.random(100), math.random(1, 6), math.random(-5, 5), math.random(0), math.random())
--> 50	4	0	-7059243630996204619	0.0096006865506838
print(math.random(math.mininteger, math.maxinteger), math.random(3, 3), math.random(1 << 40))
--> 8557396579841723654	3	1083819938969
print(math.randomseed(7, 9))
--> 7	9
for i = 1, 5 do print(math.random(10), math.random(1000000007), string.format("%.17g", math.random())) end
--> 9	943831672	0.54651308084012074
--> 9	921691137	0.12903712950611779
--> 3	300998820	0.92677037070717383
--> 5	857979602	0.91904042152994481
--> 4	213015820	0.20284248044415809
print(e(math.random, 2, 1), e(math.random, 1, 2, 3), e(math.random, 1.5))
--> bad argument #1 to 'math.random' (interval is empty)	wrong number of arguments	bad argument #1 to 'math.random' (number has no integer representation)
do local a, b = math.randomseed(); print(math.type(a), math.type(b)) end
--> integer	integer
for i = 1, 100 do local r = math.random(); assert(r >= 0 and r < 1); assert(math.random(3) <= 3) end
