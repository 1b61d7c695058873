-- Records sorted by a function.
local n = tonumber(arg[1]) or 150000
local records, seed = {}, 1
for i = 1, n do
  seed = (seed * 16807) % 2147483647
  records[i] = {key = seed % 1000, number = i}
end
table.sort(records, function(a, b)
  if a.key ~= b.key then return a.key < b.key end
  return a.number < b.number
end)
print(records[1].number, records[n].number)
