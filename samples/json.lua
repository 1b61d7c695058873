-- A JSON tool: reads JSON on standard input, prints it neatly, or one part of it.
--   lua json.lua [PATH] < data.json       PATH: .people[2].name

local null = setmetatable({}, {__tostring = function() return "null" end})

-- Parser ------------------------------------------------------------------

local escapes = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/"}

local function parse(text)
  local pos = 1
  local value

  local function fail(what)
    local _, line = text:sub(1, pos):gsub("\n", "")
    error(("line %d: %s expected near '%s'"):format(line + 1, what, text:sub(pos, pos + 9)), 0)
  end
  local function skip() pos = text:find("%S", pos) or #text + 1 end
  local function accept(c)
    skip()
    if text:sub(pos, pos) == c then pos = pos + 1; return true end
  end
  local function expect(c) if not accept(c) then fail("'" .. c .. "'") end end

  local function string_()
    local parts = {}
    while true do
      local plain, stop = text:match('^([^"\\]*)()', pos)
      parts[#parts + 1], pos = plain, stop
      if text:sub(pos, pos) == '"' then pos = pos + 1; return table.concat(parts) end
      local e = text:sub(pos + 1, pos + 1)
      if e == "u" then
        parts[#parts + 1] = utf8.char(tonumber(text:sub(pos + 2, pos + 5), 16) or fail "hex digits")
        pos = pos + 6
      else
        parts[#parts + 1] = escapes[e] or fail "escape or '\"'"
        pos = pos + 2
      end
    end
  end

  function value()
    if accept '"' then return string_() end
    if accept "{" then
      local object = {keys = {}, map = {}}
      if accept "}" then return object end
      repeat
        expect '"'
        local key = string_()
        expect ":"
        if object.map[key] == nil then table.insert(object.keys, key) end
        object.map[key] = value()
      until not accept ","
      expect "}"
      return object
    end
    if accept "[" then
      local array = {}
      if accept "]" then return array end
      repeat array[#array + 1] = value() until not accept ","
      expect "]"
      return array
    end
    local word = text:match("^%a+", pos)
    if word == "true" or word == "false" or word == "null" then
      pos = pos + #word
      if word == "null" then return null end
      return word == "true"
    end
    local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", pos)
    if not number then fail "value" end
    pos = pos + #number
    return tonumber(number)
  end

  local v = value()
  skip()
  if pos <= #text then fail "end of text" end
  return v
end

-- Printer -----------------------------------------------------------------

local function quote(s)
  return '"' .. s:gsub('[%c"\\]', function(c)
    for k, v in pairs(escapes) do if v == c and k ~= "/" then return "\\" .. k end end
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local function show(v, indent)
  if type(v) == "string" then return quote(v) end
  if type(v) ~= "table" or v == null then return tostring(v) end
  local inner, items = indent .. "  ", {}
  for _, key in ipairs(v.keys or v) do
    items[#items + 1] = v.keys and quote(key) .. ": " .. show(v.map[key], inner) or show(key, inner)
  end
  local open, close = "[", "]"
  if v.keys then open, close = "{", "}" end
  if #items == 0 then return open .. close end
  local line = open .. table.concat(items, ", ") .. close
  if #line + #indent < 60 and not line:find("\n") then return line end
  return open .. "\n" .. inner .. table.concat(items, ",\n" .. inner) .. "\n" .. indent .. close
end

-- Command -----------------------------------------------------------------

local ok, v = pcall(parse, io.read("a"))
if not ok then print("error: " .. v); os.exit(1) end
for key, index in (arg[1] or ""):gmatch("([%w_]*)%[?(%d*)%]?") do
  if key ~= "" then v = v and v.map and v.map[key] end
  if index ~= "" then v = type(v) == "table" and v[tonumber(index)] end
end
print(v == nil and "nothing there" or show(v, ""))
