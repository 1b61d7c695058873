-- Bitwise operators work on 64-bit integers; shifts are logical.
print(5 & 3, 5 | 3, 5 ~ 3, ~5, ~0 >> 60, 1 << 62, 1 << 63, 1 << 64, 1 << -1)  --> 1	7	6	-6	15	4611686018427387904	-9223372036854775808	0	0
print(-1 >> 63, -1 << 63, -1 >> 64, 1 >> -3, 256 >> 4, 2 << 3.0, 0xF0 >> 4 & 3)  --> 1	-9223372036854775808	0	8	16	16	3
print(1 << math.maxinteger, 1 >> math.mininteger, 1 << math.mininteger, -1 >> 1 == math.maxinteger)  --> 0	0	0	true
print(pcall(function() return "7" & 3 end))  --> false	bitwise.lua:5: attempt to perform bitwise operation on a string value (constant '7')
print(0xffffffffffffffff, 0xffffffff & ~0xff, 1 | 2 ~ 3 & 4 << 1)  --> -1	4294967040	3
print(1 + 2 << 3 - 1, 1 .. 2 == "12", (5 & 6) == 4)  --> 12	true	true
print(pcall(function() return 1 & 1.5 end))  --> false	bitwise.lua:8: number has no integer representation
print(pcall(function() return {} | 1 end))  --> false	bitwise.lua:9: attempt to perform bitwise operation on a table value
print(pcall(function() local name = 'x'; return name ~ 1 end))
--> false	bitwise.lua:10: attempt to perform bitwise operation on a string value (local 'name')
print(pcall(function() return 1e100 >> 1 end))  --> false	bitwise.lua:12: number has no integer representation
local n = 0 for i = 0, 63 do if (0x5555555555555555 >> i) & 1 == 1 then n = n + 1 end end print(n)  --> 32
