-- Division of integers by zero is a trap: an error, unless FPE is handled.
local signal = require "signal"
local zero = 0
print(pcall(function() return 1 // zero end))  --> false divide-trap.lua:4: attempt to divide by zero
print(pcall(function() return 1 % zero end))   --> false divide-trap.lua:5: attempt to perform 'n%0'
local seen = 0
local answer = "skip"
signal.handle("FPE", function(trap)
  seen = seen + 1
  if seen == 1 then print(trap.cause, trap.signal, trap.message, trap.address) end
  if type(answer) == "function" then return answer() end
  return answer
end)
print(1 // zero, 7 % zero, -3 // zero, seen)
--> divide FPE integer divide by zero nil
--> 0 0 0 3
print(1.0 // zero, 1 // 0.0, 5 % 3, seen)  --> inf inf 2 3
answer = nil
print(pcall(function() return 1 // zero end))  --> false divide-trap.lua:19: attempt to divide by zero
print(pcall(function() return 1 % zero end))   --> false divide-trap.lua:20: attempt to perform 'n%0'
answer = function() error("mine", 0) end
print(pcall(function() return 1 // zero end))  --> false mine
local tries = 0
answer = function()
  tries = tries + 1
  return tries < 3 and "retry" or "skip"
end
print(5 % zero, tries)  --> 0 3
-- in a loop, warm; in a coroutine; in a comparator
answer = "skip"
local sum = 0
for i = 1, 2000 do sum = sum + (i // (i % 2)) end -- every other divisor is 0
print(sum)  --> 1000000
print(coroutine.wrap(function() return 10 // zero end)())  --> 0
local t = {3, 1, 2}
table.sort(t, function(a, b) return (a // zero) + a < b end)
print(t[1], t[2], t[3])  --> 1 2 3
-- metamethods come first
print(setmetatable({}, {__idiv = function() return "meta" end}) // 0)  --> meta
signal.default("FPE")
print(pcall(function() return 1 // zero end))  --> false divide-trap.lua:41: attempt to divide by zero
