-- A left operand that is a local variable is read when the operation is done, as PUC Lua does: it shows when the right
-- operand calls a function that assigns to the variable. Concatenation takes its operands in turn.
local i = 1
local function f() i = i + 1 return i end
print(i + f(), i - f() * 2, i < f(), i == f(), i .. f())  --> 4	-3	false	true	56
if i < f() then print("lt") else print("ge") end  --> ge
if not (i == f()) then print("ne") else print("eq") end  --> eq
local t = {10, 20, 30}
local k = 1
local function step() k = k + 1 return k end
print(t[k] + step(), (k) * step(), -k + step())  --> 12	9	1
print(select(2, pcall(function() local q = 1 local function h() q = nil return 1 end return q + h() end)))
--> operand-order.lua:12: attempt to perform arithmetic on a nil value (local 'q')
