-- sub, byte, reverse, rep, find (plain), upper, lower, comparison, concat: against loops over single bytes.
-- Input: two small integers, the length of the first text, both texts.

local function check(what, ok) if not ok then error(what, 2) end end


local function model_sub(list, i, j)
  local n, part = #list, {}
  if i < 0 then i = math.max(n + i + 1, 1) elseif i == 0 then i = 1 end
  if j < 0 then j = n + j + 1 elseif j > n then j = n end
  for k = i, j do part[#part + 1] = string.char(list[k]) end
  return table.concat(part)
end

local function model_find(s, t, from)
  for i = from, #s - #t + 1 do
    local k = 0
    while k < #t and s:byte(i + k) == t:byte(1 + k) do k = k + 1 end
    if k == #t then return i, i + k - 1 end
  end
end

local function model_less(a, b)
  for i = 1, math.min(#a, #b) do if a[i] ~= b[i] then return a[i] < b[i] end end
  return #a < #b
end

return function(input)
  local i, j = (input:byte(1) or 0) - 128, (input:byte(2) or 0) - 128
  local size = input:byte(3) or 0
  local s = input:sub(4, 3 + size)
  local t = input:sub(4 + size, 303 + size)
  local a, b = {s:byte(1, -1)}, {t:byte(1, -1)}
  check("byte", #a == #s and #b == #t)
  check("char", string.char(table.unpack(a)) == s)
  check("sub", s:sub(i, j) == model_sub(a, i, j))
  local sub = {s:byte(i, j)}
  check("byte of a part", string.char(table.unpack(sub)) == s:sub(i, j))
  local backwards = {}
  for k = #a, 1, -1 do backwards[#backwards + 1] = string.char(a[k]) end
  check("reverse", s:reverse() == table.concat(backwards))
  local n = (input:byte(1) or 0) % 9
  local times = {}
  for k = 1, n do times[k] = s end
  check("rep", s:rep(n, t) == table.concat(times, t))
  local from = #s > 0 and (input:byte(2) or 0) % #s + 1 or 1
  local needle = t:sub(1, n)
  local x, y = s:find(needle, from, true)
  local u, v = model_find(s, needle, from)
  check("find", x == u and y == v)
  local hay = s .. t .. s
  check("find in all", hay:find(t, 1, true) == model_find(hay, t, 1))
  check("less", (s < t) == model_less(a, b) and (s <= t) == not model_less(b, a))
  check("equal", (s == t) == (not model_less(a, b) and not model_less(b, a)))
  check("key", ({[s .. ""] = 1})[s] == 1 and (s == t or ({[s] = 1})[t] == nil))
  local upper = s:gsub("%l", function(c) return string.char(c:byte() - 32) end)
  check("upper", s:upper() == upper)
  check("length", #hay == 2 * #s + #t)
end
