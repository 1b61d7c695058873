-- Float arithmetic follows IEEE 754.
print(0.1 + 0.2 == 0.3, 0.5 + 0.25, 1 / 3 * 3 == 1)  --> false	0.75	true
print(1 / 0, -1 / 0, 0 / 0 ~= 0 / 0, math.huge - math.huge ~= 0)  --> inf	-inf	true	true
print(5.0 // 0, -5.0 // 0, 5.0 % math.huge, -5.0 % math.huge, 5 % -math.huge)  --> inf	-inf	5.0	inf	-inf
print(7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 7.5 % -2, -7.5 % -2)  --> 3.0	-4.0	1.5	0.5	-0.5	-1.5
print(0.0, -0.0, 0.0 == -0.0, 1 / -0.0)  --> 0.0	-0.0	true	-inf
print(2 ^ 0.5 == math.sqrt(2), 2 ^ -1, (-2) ^ 2, -2 ^ 2, 2 ^ 3 ^ 2, 0 ^ 0)  --> true	0.5	4.0	-4.0	512.0	1.0
print(10 / 2, 3 | 0, 3.0 | 0, 1e308 * 10, -1e308 * 10)  --> 5.0	3	3	inf	-inf
print(1e15, 1e16, 1e100, 123456.789, 1e-5, 5e-324, 2^63, -2^63)
--> 1e+15	1e+16	1e+100	123456.789	1e-05	4.9406564584125e-324	9.2233720368548e+18	-9.2233720368548e+18
print(3.14159265358979, 100.0, 1e14, 123456789012345.0, 0.1, 1/3)  --> 3.1415926535898	100.0	1e+14	1.2345678901234e+14	0.1	0.33333333333333
local nan = 0 / 0
print(nan == nan, nan < nan, nan > 1, nan ~= nan, not (nan <= nan))  --> false	false	false	true	true
print(math.type(1e3), math.type(10 // 2.0), math.type(2 ^ 2), math.type(7 % 2.0))  --> float	float	float	float
print(1 % 0.0 ~= 1 % 0.0, 3.7 % 1, -3.5 % 1)  --> true	0.7	0.5
print(string.format("%.17g %.17g", 0.1, 2 / 3))  --> 0.10000000000000001 0.66666666666666663
