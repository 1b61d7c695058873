-- A pipeline of coroutines: numbers, filtered twice, summed.
local wrap, yield = coroutine.wrap, coroutine.yield
local function numbers(n) return wrap(function() for i = 1, n do yield(i) end end) end
local function without(multiples, source)
  return wrap(function() for i in source do if i % multiples ~= 0 then yield(i) end end end)
end
local sum = 0
for i in without(3, without(2, numbers(tonumber(arg[1]) or 1000000))) do sum = sum + i end
print(sum)
