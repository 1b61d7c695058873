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
-- So are the object and the key of an index, of an assigned one too; an upvalue once the key is there.
do local t = {10} local o = t local function f() t = {20} return 1 end print(t[f()], o[1]) end  --> 20	10
do local t = {10} local o = t local function f() t = {20} return 1 end t[f()] = 7 print(t[1], o[1]) end  --> 7	10
do local t = {10} local o = t local function f() t = {20} return 5 end t[1] = f() print(t[1], o[1]) end  --> 5	10
do local t = {10} local o = t local function f() t = {20} return 5 end t.x = f() print(t.x, o.x) end  --> 5	nil
do local t, k = {10, 20}, 1 local function f() k = 2 return 5 end t[k] = f() print(t[1], t[2]) end  --> 10	5
do local t, k = {10, 20}, 1 local o = t local function f() t = {1, 2} k = 2 return 5 end t[k] = f() print(t[1], t[2], o[1]) end  --> 1	5	10
do local t = {10} local o = t local function f() t = {20} return 5 end t.x, t.y = f(), 2 print(t.x, o.x, t.y, o.y) end  --> 5	nil	2	nil
do local t = {10} local o = t local function f() t = {20} return 1 end local function g() t[f()] = 9 end g() print(t[1], o[1]) end  --> 9	10
do local t = {10} local o = t local function f() t = {20} return 1 end local function g() return t[f()] end print(g()) end  --> 20
print(pcall(function() local t = {} local function f() t = nil return 1 end return t[f()] end))  --> false	operand-order.lua:24: attempt to index a nil value (local 't')
print(pcall(function() local t = {} local function f() t = nil return 1 end t.x = f() end))  --> false	operand-order.lua:25: attempt to index a nil value (local 't')
print(pcall(function() local t = {} local function f() t = nil return 1 end t[f()] = 2 end))  --> false	operand-order.lua:26: attempt to index a nil value (local 't')
print(pcall(function() local t, k = {}, 1 local function f() k = nil return 1 end t[k] = f() end))  --> false	operand-order.lua:27: table index is nil
