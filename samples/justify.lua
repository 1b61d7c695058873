-- Sets paragraphs to a width: the breaks with the least raggedness over the
-- whole paragraph (as TeX does, without hyphens), then spaces spread evenly.
--   lua justify.lua [WIDTH] [left|right|centre|full] < text

local width = math.tointeger(tonumber(arg[1] or 46))
local style = arg[2] or "full"

-- Columns, not bytes: an accented letter counts once.
local function columns(s) return utf8.len(s) or #s end

-- best[i] is the least cost of setting words i.. to the end.
local function breaks(words)
  local best, after = {[#words + 1] = 0}, {}
  for i = #words, 1, -1 do
    best[i] = math.huge
    local length = -1
    for j = i, #words do
      length = length + 1 + columns(words[j])
      if length > width and j > i then break end
      local slack = math.max(width - length, 0)
      local cost = (j == #words and 0 or slack ^ 3) + best[j + 1]
      if cost < best[i] then best[i], after[i] = cost, j + 1 end
    end
  end
  local lines, i = {}, 1
  while i <= #words do
    lines[#lines + 1] = table.move(words, i, after[i] - 1, 1, {})
    i = after[i]
  end
  return lines
end

local styles = {}
function styles.left(line) return table.concat(line, " ") end
function styles.right(line)
  local text = table.concat(line, " ")
  return (" "):rep(width - columns(text)) .. text
end
function styles.centre(line)
  local text = table.concat(line, " ")
  return (" "):rep((width - columns(text)) // 2) .. text
end
function styles.full(line, number, last)
  if last or #line == 1 then return table.concat(line, " ") end
  local used = 0
  for _, word in ipairs(line) do used = used + columns(word) end
  local gaps, spaces = #line - 1, width - used
  local parts = {}
  for i, word in ipairs(line) do
    parts[#parts + 1] = word
    if i <= gaps then
      -- odd lines put wide gaps left, even lines right, so that no rivers form
      local k = number % 2 == 1 and i or gaps - i + 1
      parts[#parts + 1] = (" "):rep(spaces // gaps + (k <= spaces % gaps and 1 or 0))
    end
  end
  return table.concat(parts)
end

local set = styles[style] or error("unknown style " .. style, 0)

local function paragraphs(text)
  return coroutine.wrap(function()
    for block in (text .. "\n\n"):gmatch("(.-)\n%s*\n") do
      local words = {}
      for word in block:gmatch("%S+") do words[#words + 1] = word end
      if #words > 0 then coroutine.yield(words) end
    end
  end)
end

local first = true
for words in paragraphs(io.read("a")) do
  if not first then print() end
  first = false
  local lines = breaks(words)
  for i, line in ipairs(lines) do print(set(line, i, i == #lines)) end
end
