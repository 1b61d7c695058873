-- A small Markdown to HTML converter: headings, paragraphs, emphasis, code,
-- links, images, lists (nested), quotes, rules, fenced blocks, tables.
--   lua markdown.lua < page.md > page.html

local function escape(s) return (s:gsub("[&<>\"]", {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"})) end

local function inline(s)
  local kept = {}
  local function keep(html) kept[#kept + 1] = html; return "\0" .. #kept .. "\0" end
  s = s:gsub("`([^`]+)`", function(code) return keep("<code>" .. escape(code) .. "</code>") end)
  s = s:gsub("\\(%p)", function(c) return keep(escape(c)) end)
  s = escape(s)
  s = s:gsub("!%[(.-)%]%((.-)%)", function(alt, url) return keep(('<img src="%s" alt="%s">'):format(url, alt)) end)
  s = s:gsub("%[(.-)%]%((.-)%)", function(text, url) return keep(('<a href="%s">'):format(url)) .. text .. keep("</a>") end)
  s = s:gsub("%*%*(.-)%*%*", "<strong>%1</strong>")
  s = s:gsub("%*(.-)%*", "<em>%1</em>")
  s = s:gsub("%f[%w_]_(.-)_%f[^%w_]", "<em>%1</em>")
  return (s:gsub("%z(%d+)%z", function(n) return kept[tonumber(n)] end))
end

local blocks

local function items(lines, i, marker)
  -- Gathers the lines of each list item, without their indentation.
  local found, item = {}, nil
  while i <= #lines do
    local indent, rest = lines[i]:match(marker)
    if indent then
      item = {rest}
      found[#found + 1] = item
    elseif item and lines[i]:match("^  +%S") then
      item[#item + 1] = lines[i]:gsub("^   ?", "", 1)
    else
      break
    end
    i = i + 1
  end
  return found, i
end

local function list(tag, marker)
  return function(lines, i, out)
    local found
    found, i = items(lines, i, marker)
    out("<" .. tag .. ">")
    for _, item in ipairs(found) do
      local first = inline(table.remove(item, 1))
      out("<li>" .. first .. (#item > 0 and "\n" .. blocks(item) or "") .. "</li>")
    end
    out("</" .. tag .. ">")
    return i
  end
end

local function cells(line, tag)
  local row = {}
  for cell in line:gmatch("|%s*([^|]-)%s*%f[|]") do row[#row + 1] = ("<%s>%s</%s>"):format(tag, inline(cell), tag) end
  return "<tr>" .. table.concat(row) .. "</tr>"
end

-- Each rule: a pattern for the first line, and a function that eats lines.
local rules = {
  {"^%s*$", function(_, i) return i + 1 end},
  {"^```", function(lines, i, out)
    local code = {}
    local language = lines[i]:match("^```(%w+)")
    i = i + 1
    while lines[i] and lines[i] ~= "```" do code[#code + 1] = escape(lines[i]); i = i + 1 end
    out(("<pre><code%s>%s</code></pre>"):format(language and ' class="' .. language .. '"' or "", table.concat(code, "\n")))
    return i + 1
  end},
  {"^#+ ", function(lines, i, out)
    local marks, text = lines[i]:match("^(#+) +(.-)%s*#*$")
    out(("<h%d>%s</h%d>"):format(#marks, inline(text), #marks))
    return i + 1
  end},
  {"^%-%-%-+$", function(_, i, out) out "<hr>"; return i + 1 end},
  {"^> ?", function(lines, i, out)
    local quoted = {}
    while lines[i] and lines[i]:find("^>") do quoted[#quoted + 1] = lines[i]:gsub("^> ?", "", 1); i = i + 1 end
    out("<blockquote>\n" .. blocks(quoted) .. "\n</blockquote>")
    return i
  end},
  {"^[%*%-%+] ", list("ul", "^([%*%-%+]) +(.*)")},
  {"^%d+%. ", list("ol", "^(%d+)%. +(.*)")},
  {"^|.*|$", function(lines, i, out)
    out("<table>\n" .. cells(lines[i], "th"))
    if (lines[i + 1] or ""):find("^|[%s:|-]+|$") then i = i + 1 end
    i = i + 1
    while lines[i] and lines[i]:find("^|.*|$") do out(cells(lines[i], "td")); i = i + 1 end
    out("</table>")
    return i
  end},
}

function blocks(lines)
  local result, paragraph = {}, {}
  local function out(html) result[#result + 1] = html end
  local function flush()
    if #paragraph > 0 then out("<p>" .. inline(table.concat(paragraph, "\n")) .. "</p>") end
    paragraph = {}
  end
  local i = 1
  while i <= #lines do
    local eater
    for _, rule in ipairs(rules) do
      if lines[i]:find(rule[1]) then eater = rule[2]; break end
    end
    if eater then
      flush()
      i = eater(lines, i, out)
    else
      paragraph[#paragraph + 1] = lines[i]
      i = i + 1
    end
  end
  flush()
  return table.concat(result, "\n")
end

local lines = {}
for line in io.lines() do lines[#lines + 1] = line end
print(blocks(lines))
