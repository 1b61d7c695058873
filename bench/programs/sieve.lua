-- Prime numbers, by crossing out.
local limit = tonumber(arg[1]) or 4000000
local crossed, count = {}, 0
for i = 1, limit do crossed[i] = false end
for i = 2, limit do
  if not crossed[i] then
    count = count + 1
    for k = i * i, limit, i do crossed[k] = true end
  end
end
print(count)
