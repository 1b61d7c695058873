-- Writes tables as Lua source and loads them again.
local serpent = require "serpent"
local data = {list = {}, names = {}, deep = {}}
for i = 1, 250 do
  data.list[i] = {i, i * 0.25, "item " .. i, {flag = i % 3 == 0, ["key " .. i] = "x\ny"}}
  data.names["name" .. i] = i
end
local d = data.deep
for i = 1, 20 do d.next = {level = i}; d = d.next end
data.shared = data.list[1]
local size = 0
for round = 1, 40 do
  local text = serpent.dump(data, {sortkeys = true, indent = "  ", comment = false})
  local ok, copy = serpent.load(text)
  assert(ok and copy.list[7][3] == "item 7" and copy.shared == copy.list[1])
  size = size + #text + #serpent.line(data, {sortkeys = true, comment = false})
  if round == 1 then io.write(text, "\n") end
end
print(size)
