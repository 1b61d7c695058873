-- Mixed operations convert to float; comparison is exact.
print(1 + 1.0, 2 * 0.5, 3 - 1.5, 10 // 3.0, 10 % 3.5)  --> 2.0	1.0	1.5	3.0	3.0
print(1 == 1.0, 1 < 1.5, 2 > 1.5, 1 <= 1.0, math.maxinteger == 2^63, math.mininteger == -2^63)  --> true	true	true	true	false	true
print(math.maxinteger < 2^63, math.maxinteger + 0.0 == 2^63, math.mininteger <= -2^63)  --> true	true	true
print(2^53 == (1 << 53), 2^53 + 1 == (1 << 53) + 1, (1 << 53) + 1 > 2^53)  --> true	false	true
print(math.maxinteger > 9.2e18, math.maxinteger < math.huge, math.mininteger > -math.huge)  --> true	true	true
print(1 < 0/0, 1 > 0/0, 1 == 0/0)  --> false	false	false
local t = {}
t[1.0] = "a"; t[2] = "b"; t[2^53] = "c"
print(t[1], t[2.0], t[1 << 53], #t, math.type(next(t)))  --> a	b	c	2	integer
t[1.5] = "d"; print(t[1.5], t[3/2])  --> d	d
t[-0.0] = "z"; print(t[0], t[0.0])  --> z	z
print(math.maxinteger // 1.0, -7 // 2.0, -7 % 2.0)  --> 9.2233720368548e+18	-4.0	1.0
print(9007199254740993 < 9007199254740992.0, 9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0)
--> false	false	true
print(-1 < 0.5, 0 >= -0.5, 5 // 0.3, 1e300 * 1e10 == math.huge)  --> true	true	16.0	true
