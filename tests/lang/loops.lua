-- while, repeat, numeric for; scopes and steps.
local n = 0
while n < 5 do n = n + 1; if n == 4 then break end end
print(n)  --> 4
repeat local stop = n > 6; n = n + 1 until stop
print(n)  --> 8
for i = 1, 3 do local i = i * 2; io.write(i, " ") end print()  --> 2 4 6
for i = 3, 1 do print "never" end
for i = 3, 1, -1 do io.write(i, " ") end print()  --> 3 2 1
for i = 1, 2, 0.5 do io.write(i, " ") end print()  --> 1 1.5 2
for i = 1.0, 3 do io.write(i, " ") end print()  --> 1 2 3
for i = 1, 3.9 do io.write(i, " ") end print()  --> 1 2 3
for i = 10, 1, -4 do io.write(i, " ") end print()  --> 10 6 2
print(pcall(function() for i = 1, 10, 0 do end end))  --> false	loops.lua:14: 'for' step is zero
print(pcall(function() for i = "a", 10 do end end))  --> false	loops.lua:15: bad 'for' initial value (number expected, got string)
print(pcall(function() for i = 1, {} do end end))  --> false	loops.lua:16: bad 'for' limit (number expected, got table)
print(pcall(function() for i = 1, 10, print do end end))  --> false	loops.lua:17: bad 'for' step (number expected, got function)
print(pcall(function() for i = 1, "10" do end end))  --> true
local function bounds(a, b, c) io.write("[", tostring(a), " ", tostring(b), "] ") return a, b, c end
for i = bounds(1, 2), 2 do io.write(i, " ") end print()  --> [1 2] 1 2
local t = {}
for i = 1, 3 do t[i] = function() i = i + 1; return i end end
print(t[1](), t[1](), t[2](), t[3]())  --> 2	3	3	4
for i = 1, 2 do for j = 1, 2 do if j == 2 then break end io.write(i, j, " ") end end print()  --> 11 21
local i = 100; for i = 1, 1 do end print(i)  --> 100
while true do if i > 102 then break else i = i + 1 end end print(i)  --> 103
