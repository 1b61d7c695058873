-- and, or, not: short circuit, values.
print(nil and 1, false and 1, 0 and 1, "" and 2, 1 and nil, nil or false, false or nil, 1 or error "no")  --> nil	false	1	2	nil	false	nil	1
print(not nil, not 0, not not 1, nil == nil and "yes", 1 and 2 or 3, nil and 2 or 3, false == nil)  --> true	false	true	yes	2	3	false
local calls = {}
local function f(n, v) calls[#calls + 1] = n; return v end
local r = f(1, nil) or f(2, false) or f(3, 7) and f(4, "end") or f(5, 1)
print(r, table.concat(calls, " "))  --> end	1 2 3 4
local a, b = 1
local max = a > (b or 0) and a or b
print(max, (a and b), (b or a), b == nil)  --> 1	nil	1	true
local function many() return 1, 2, 3 end
print((many()), many() and "x", not many(), (many() or 1))  --> 1	x	false	1
if nil or false then print "no" elseif 0 then print "zero is true" end  --> zero is true
local x = false; x = x or {}; print(type(x)); local y = x and x.z and x.z.w; print(y)
--> table
--> nil
while not (x == nil) do x = nil end print(x)  --> nil
