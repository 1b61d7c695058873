-- Integer arithmetic wraps around and stays integer.
print(1 + 2, 3 - 5, 4 * 5, 7 // 2, 7 % 4)  --> 3	-2	20	3	3
print(math.maxinteger + 1 == math.mininteger, math.mininteger - 1 == math.maxinteger)  --> true	true
print(math.maxinteger * 2, math.mininteger * -1 == math.mininteger)  --> -2	true
print(-math.mininteger == math.mininteger, math.abs(math.mininteger) == math.mininteger)  --> true	true
print(7 // -2, -7 // 2, -7 // -2, 7 % -3, -7 % 3, -7 % -3)  --> -4	-4	3	-2	2	-1
print(0 // 5, 0 % 5, -0, 5 // 1, 5 % 1)  --> 0	0	0	5	0
print(math.mininteger // -1 == math.mininteger, math.mininteger % -1)  --> true	0
print(math.maxinteger // -1, math.maxinteger % -2, math.mininteger // 2, math.mininteger % 3)
--> -9223372036854775807	-1	-4611686018427387904	1
print(pcall(function() return 1 // 0 end))  --> false	int-arith.lua:11: attempt to divide by zero
print(pcall(function() return 1 % 0 end))  --> false	int-arith.lua:12: attempt to perform 'n%0'
local function at(a, b) return a // b, a % b end
for _, a in ipairs {13, -13} do
  for _, b in ipairs {4, -4} do
    local q, r = at(a, b)
    print(a, b, q, r, q * b + r == a)
    --> 13	4	3	1	true
    --> 13	-4	-4	-3	true
    --> -13	4	-4	3	true
    --> -13	-4	3	-1	true
  end
end
print(2^53 == 2^53 + 1, (1 << 53) == (1 << 53) + 1)  --> true	false
print(1e15 // 1, 123456789 * 987654321, 0x7fffffffffffffff + 0)  --> 1e+15	121932631112635269	9223372036854775807
local x = 5; x = x + 1; x = x * 2 - 3; print(x, x / 3, x // 3)  --> 9	3.0	3
