-- Writes and reads JSON texts of several kinds.
local json = require "json"
local people = {}
for i = 1, 800 do
  people[i] = {id = i, name = "Person " .. i, email = ("p%d@example.org"):format(i), score = i * 0.5, tags = {"a", "b\n", "\"c\""}, nested = {x = {y = {z = i % 7}}}, ok = i % 2 == 0}
end
local total = 0
for round = 1, 24 do
  local text = json.encode(people)
  local back = json.decode(text)
  total = total + #text
  for i, p in ipairs(back) do total = total + p.id + #p.name + p.nested.x.y.z + (p.ok and 1 or 0) end
end
local text = '[' .. ('{"a": [1, 2.5, -3e2, true, null], "b": "\\u00e9\\n text"},\n  '):rep(2000) .. '{}]'
for round = 1, 5 do total = total + #json.decode(text) end
print(total, json.encode {1, "two", {3, {4}}, true})
