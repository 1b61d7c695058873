-- Numeric literals.
print(3, 345, 0xff, 0xBEBADA, 0xA, 1e2, 0.5, .5, 5., 3.1416, 314.16e-2, 0.31416E1, 34e1)
--> 3	345	255	12499674	10	100.0	0.5	0.5	5.0	3.1416	3.1416	3.1416	340.0
print(0x.1p4, 0xA.8p0, 0x1p-2, 0X1P+3, 0xA23p-4, 0x.8, 0x8.)  --> 1.0	10.5	0.25	8.0	162.1875	0.5	8.0
print(9223372036854775807, 9223372036854775808, 0x7fffffffffffffff, 0x8000000000000000, 0x10000000000000001)
--> 9223372036854775807	9.2233720368548e+18	9223372036854775807	-9223372036854775808	1
print(1e308, 1e309, 5e-325, 100000000000000000000, 0e12, 0x0p12)  --> 1e+308	inf	0.0	1e+20	0.0	0.0
for _, s in ipairs {"3x", "0x", "1e", "1..2", "0xg", "3in"} do print(select(2, load("return " .. s))) end
--> [string "return 3x"]:1: malformed number near '3x'
--> [string "return 0x"]:1: malformed number near '0x'
--> [string "return 1e"]:1: malformed number near '1e'
--> [string "return 1..2"]:1: malformed number near '1..2'
--> [string "return 0xg"]:1: malformed number near '0xg'
--> [string "return 3in"]:1: malformed number near '3i'
print(load "return 08"(), load "return 1e+1"())  --> 8	10.0
print(math.type(1), math.type(1.), math.type(1e0), math.type(0x1p0), math.type(0x10))  --> integer	float	float	float	integer
print(1//1, 3--[[comment]]-1, 1 --[==[ long
comment ]==] + 1)  --> 1	2	2
print(0x7fffffffffffffff + 1 == 0x8000000000000000, 1e1 == 10, 00012)  --> true	true	12
