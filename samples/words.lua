-- Word frequency: the commonest words of a text as a bar chart, and some numbers.
--   lua words.lua [HOW_MANY] < text

local many = tonumber(arg[1]) or 12

local counts, total, lines, letters = {}, 0, 0, 0
local firsts, longest = {}, ""
for line in io.lines() do
  lines = lines + 1
  for word in line:lower():gmatch("%a[%a']*") do
    word = word:gsub("'s?$", "")
    counts[word] = (counts[word] or 0) + 1
    firsts[word] = firsts[word] or lines
    total, letters = total + 1, letters + #word
    if #word > #longest then longest = word end
  end
end

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)

print(("%d lines, %d words, %d different, %.2f letters each"):format(lines, total, #words, letters / total))
print(("longest: %s (line %d)\n"):format(longest, firsts[longest]))

local widest, most = 0, counts[words[1]] or 1
for i = 1, math.min(many, #words) do widest = math.max(widest, #words[i]) end
for i = 1, math.min(many, #words) do
  local word = words[i]
  local bar = ("#"):rep(counts[word] * 40 // most)
  print(("%" .. widest .. "s %4d %5.1f%% %s"):format(word, counts[word], counts[word] * 100 / total, bar))
end

-- How words are spread over lengths.
local by_length, top = {}, 0
for word, n in pairs(counts) do
  by_length[#word] = (by_length[#word] or 0) + n
  top = math.max(top, #word)
end
print "\nlength  words"
for n = 1, top do print(("%6d  %d"):format(n, by_length[n] or 0)) end

-- Words used once only, in the order of the text.
local once = {}
for _, word in ipairs(words) do if counts[word] == 1 then once[#once + 1] = word end end
table.sort(once, function(a, b)
  if firsts[a] ~= firsts[b] then return firsts[a] < firsts[b] end
  return a < b
end)
print(("\n%d words occur once, for instance: %s"):format(#once, table.concat(once, " ", 1, math.min(8, #once))))
