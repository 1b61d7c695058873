-- Serializes objects to binary strings and back.
local binser = require "binser"
local Point = {}
Point.__index = Point
binser.register(Point, "Point")
local data = {}
for i = 1, 1200 do
  data[i] = {i, -i * 1000, i / 3, "string " .. i % 50, {i % 2 == 0, true}, setmetatable({x = i, y = -i}, Point), big = i << 40}
end
local bytes, sum = 0, 0
for round = 1, 40 do
  local text = binser.serialize(data, round)
  local values, n = binser.deserialize(text)
  assert(n == 2 and values[2] == round)
  for _, v in ipairs(values[1]) do sum = sum + v[1] + v.big % 1000 + v[6].x + #v[4] end
  bytes = bytes + #text
end
print(bytes, sum)
