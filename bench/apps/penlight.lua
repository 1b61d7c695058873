-- Penlight: templates, lexers, pretty printing, lists, string buffers.
local template, lexer, pretty = require "pl.template", require "pl.lexer", require "pl.pretty"
local List, stringx, tablex, seq, Set, OrderedMap = require "pl.List", require "pl.stringx", require "pl.tablex", require "pl.seq", require "pl.Set", require "pl.OrderedMap"
local file = assert(io.open "lua/pl/tablex.lua")
local source = file:read "a"
file:close()
local page = [[
<ul>
# for i, item in ipairs(items) do
  <li class="$(i % 2 == 0 and 'even' or 'odd')">$(item.name:upper()) - $(item.price * 2)</li>
# end
</ul>
]]
local items = {}
for i = 1, 200 do items[i] = {name = "item" .. i, price = i} end
local size = 0
for round = 1, 80 do
  local html = assert(template.substitute(page, {items = items, ipairs = ipairs}))
  size = size + #html
  if round == 1 then print(html:sub(1, 300)) end
end
local kinds = {}
for round = 1, 24 do
  for kind, text in lexer.lua(source) do
    kinds[kind] = (kinds[kind] or 0) + #tostring(text)
  end
end
for kind, n in tablex.sort(kinds) do print(kind, n) end
for round = 1, 100 do
  local text = pretty.write(items)
  size = size + #pretty.read(text)
end
for round = 1, 400 do
  local words = List(stringx.split(source:sub(1, 8000)))
  local sorted = words:map(string.lower):filter(function(w) return #w > 3 end):sort()
  size = size + #sorted + Set.len(Set(sorted))
  local map = OrderedMap()
  for i, w in ipairs(sorted) do map:set(w, i) end
  size = size + #OrderedMap.keys(map) + #stringx.center("x", round) + seq.sum(seq.range(1, round))
end
print(size)
