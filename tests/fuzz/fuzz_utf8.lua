-- utf8.len, codepoint, char, offset, codes against a decoder written from the manual. Input: a byte of flags, then the text.

-- The character that starts at byte i of s: its code and the byte after it; nothing if there is none.
local function decode(s, i, lax)
  local c = s:byte(i)
  if not c then return end
  if c < 0x80 then return c, i + 1 end
  if c < 0xC0 then return end
  local count = c < 0xE0 and 1 or c < 0xF0 and 2 or c < 0xF8 and 3 or c < 0xFC and 4 or c < 0xFE and 5
  if not count then return end
  local code = c & ((1 << (6 - count)) - 1)
  for k = 1, count do
    local b = s:byte(i + k)
    if not b or b & 0xC0 ~= 0x80 then return end
    code = code << 6 | b & 0x3F
  end
  local least = {0x80, 0x800, 0x10000, 0x200000, 0x4000000}
  if code < least[count] then return end
  if not lax and (code > 0x10FFFF or code >= 0xD800 and code <= 0xDFFF) then return end
  return code, i + count + 1
end

local function model_length(s, i, j, lax)
  local n = 0
  while i <= j do
    local _, after = decode(s, i, lax)
    if not after then return nil, i end
    n, i = n + 1, after
  end
  return n
end

local function check(what, ok) if not ok then error(what, 2) end end

return function(input)
  local flags, s = input:byte(1) or 0, input:sub(2, 400)
  local lax = flags & 1 == 1
  local i = #s > 0 and (flags >> 1) % #s + 1 or 1
  local n, bad = utf8.len(s, i, -1, lax)
  local m, model_bad = model_length(s, i, #s, lax)
  check("len", n == m and bad == model_bad)
  if m and i <= #s then
    local codes = {utf8.codepoint(s, i, -1, lax)}
    check("count of codepoint", #codes == m)
    local at = i
    for k = 1, m do
      local code, after = decode(s, at, lax)
      check("codepoint", codes[k] == code)
      check("char", utf8.char(code) == s:sub(at, after - 1))
      check("offset", utf8.offset(s, k, i) == at)
      at = after
    end
    check("char of all", utf8.char(table.unpack(codes)) == s:sub(i))
    check("charpattern", select(2, s:sub(i):gsub(utf8.charpattern, "")) == m)
  else
    check("codepoint of what is none", m or not pcall(utf8.codepoint, s, i, -1, lax))
  end
  local seen, at = 0, 1
  local ok = pcall(function()
    for p, c in utf8.codes(s, lax) do
      local code, after = decode(s, at, lax)
      check("codes", p == at and c == code)
      seen, at = seen + 1, after
    end
  end)
  local all = model_length(s, 1, #s, lax)
  check("codes to the end", ok == (all ~= nil) and (not ok or seen == all))
end
