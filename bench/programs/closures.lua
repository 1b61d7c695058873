-- Functions that make and call functions.
local function adder(n) return function(x) return x + n end end
local function compose(f, g) return function(x) return f(g(x)) end end
local sum = 0
for i = 1, tonumber(arg[1]) or 1500000 do
  local f = compose(adder(i), adder(-i))
  sum = sum + f(i)
end
print(sum)
