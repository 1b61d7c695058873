-- Blocks, shadowing, functions that see themselves.
local x = 1 do local x = 2; print(x) end print(x) local x = x + 10 print(x)
--> 2
--> 1
--> 11
local function f() return x end x = 5 print(f()) local x = 6 print(f(), x)
--> 5
--> 5	6
local g = function() return g end print(g()) local function h() return h ~= nil end print(h())
--> nil
--> true
if true then local y = 1 end print(y) for i = 1, 1 do local z = i end print(i, z)
--> nil
--> nil	nil
local a <const>, b = 1, 2 b = a + b print(a, b) do local function inner() return b end b = 7; print(inner()) end
--> 1	3
--> 7
repeat local done = true; local v = 3 until done and v == 3 print(done, v)  --> nil	nil
local t = {} for i = 1, 3 do local i = i * i; t[i] = function() return i end end print(t[1](), t[4](), t[9]())  --> 1	4	9
function outer() local n = 0; local function step() n = n + 1; return n end step(); return step() end print(outer())  --> 2
local s = 0; for i = 1, 3 do for i = i, 3 do s = s + i end end print(s)  --> 14
