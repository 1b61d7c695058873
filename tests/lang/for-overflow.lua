-- The numeric for never overflows its counter.
local max, min = math.maxinteger, math.mininteger
local n = 0
for i = max - 2, max do n = n + 1 end print(n)  --> 3
for i = min + 2, min, -1 do n = n + 1 end print(n)  --> 6
for i = max, max + 1.0 do n = n + 1 end print(n)  --> 7
for i = 1, math.huge do n = n + 1; if i == 3 then break end end print(n)  --> 10
for i = 1, -math.huge do n = -1 end print(n)  --> 10
for i = 1, -math.huge, -1 do n = n + 1; if i < -1 then break end end print(n)  --> 14
for i = min, max, max do io.write(i, " ") end print()  --> -9223372036854775808 -1 9223372036854775806
for i = max, min, min do io.write(i, " ") end print()  --> 9223372036854775807 -1
for i = 1, 10, max do io.write(i, " ") end print()  --> 1
for i = -1, -10, min do io.write(i, " ") end print()  --> -1
for i = 1, 0/0 do n = -1 end print(n)  --> 14
for i = 0.1, 0.5, 0.1 do io.write(("%.1f "):format(i)) end print()  --> 0.1 0.2 0.3 0.4 0.5
for i = 1, 3, 1.0 do io.write(i, " ") end print()  --> 1 2 3
for i = max - 1, max, 2 do io.write(i, " ") end print()  --> 9223372036854775806
for i = 3, 2.5, -1 do io.write(i, " ") end print()  --> 3
for i = 1, 2.999 do io.write(i, " ") end print()  --> 1 2
for i = -1, -2.5, -1 do io.write(i, " ") end print()  --> -1 -2
print(pcall(function() for i = 1, 2, 0.0 do end end))  --> false	for-overflow.lua:21: 'for' step is zero
