-- Moses: functional operations over arrays and objects.
local M = require "moses"
local total = 0
local numbers = M.range(1, 2000)
local words = {}
for i = 1, 500 do words[i] = ("w%d"):format(i * 7919 % 313) end
for round = 1, 66 do
  local r = M.chain(numbers):map(function(v) return v * round end):filter(function(v) return v % 3 == 0 end):reject(function(v) return v % 5 == 0 end):value()
  total = total + #r + (M.reduce(r, function(a, b) return a + b end) or 0)
  total = total + #M.unique(words) + #M.flatten {numbers, {words, {1, {2}}}} + #M.chunk(numbers, function(v) return v % 7 == 0 end)
  local groups = M.groupBy(numbers, function(v) return v % 10 end)
  for k = 0, 9 do total = total + #groups[k] end
  local counts = M.countBy(words, function(v) return #v end)
  total = total + (counts[2] or 0) * 2 + (counts[4] or 0)
  total = total + #M.sort(M.clone(words)) + M.max(numbers) + #M.zip(numbers, words) + #M.intersection(words, M.first(words, 50)) + #M.difference(M.first(numbers, 300), M.first(numbers, 100))
  total = total + M.sum(M.first(numbers, 20))
  for part in M.partition(numbers, 10) do total = total + #part end
  local memo = M.memoize(function(n) return n * 2 end)
  for i = 1, 2000 do total = total + memo(i % 20) end
  total = total + M.compose(function(v) return v + 1 end, function(v) return v * 2 end)(round)
end
print(total)
