-- Words of a text, found, counted and put together again.
local words = {}
for i = 1, 2000 do words[i] = string.char(97 + i % 26, 97 + i * 7 % 26, 97 + i * 11 % 26) .. i % 10 end
local text = table.concat(words, " ")
local total = 0
for _ = 1, tonumber(arg[1]) or 800 do
  local seen, out = {}, {}
  for word in text:gmatch("%a+%d") do seen[word] = (seen[word] or 0) + 1 end
  for word, count in pairs(seen) do out[#out + 1] = word:upper() .. "=" .. count end
  local replaced = table.concat(out, ","):gsub("(%u)(%u)", "%2%1")
  total = total + #replaced
end
print(total)
