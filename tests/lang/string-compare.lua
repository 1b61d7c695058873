-- Strings compared in hot loops: interned and not, equal and ordered, mixed with numbers, errors and metamethods.
local function fresh(s) -- the same bytes, another object
  return (s .. "x"):sub(1, -2)
end

local long = ("abcdefghij"):rep(20)
local words = {"", "a", "b", "abc", "abd", "a\0b", "a\0c", "a\0", "\xff", long, long .. "a", fresh(long), fresh(long .. "b")}

local function count(list, other)
  local eq, ne, lt, le, gt, ge = 0, 0, 0, 0, 0, 0
  for i = 1, #list do
    for k = 1, #other do
      local a, b = list[i], other[k]
      if a == b then eq = eq + 1 end
      if a ~= b then ne = ne + 1 end
      if a < b then lt = lt + 1 end
      if a <= b then le = le + 1 end
      if not (a <= b) then gt = gt + 1 end
      if a >= b then ge = ge + 1 end
    end
  end
  return eq, ne, lt, le, gt, ge
end

local copies = {}
for i, w in ipairs(words) do copies[i] = fresh(w) end
for _ = 1, 200 do
  count(words, copies)
end
print(count(words, words))
print(count(words, copies))
print(count({1, 2.5, 3}, {1.0, 2, 3}))

-- against constants, as values
local function is_key(s) return s == "a key that is longer than what is interned by itself, surely it is", s < "b", "b" <= s end
local key = fresh("a key that is longer than what is interned by itself, surely it is")
for _ = 1, 200 do is_key(key) end
print(is_key(key), is_key("c"), is_key(fresh("b")))

-- one place, many kinds
local ordered = setmetatable({}, {__lt = function() return true end, __le = function() return 1 end})
local function less(a, b) return a < b, a <= b, a == b end
for _ = 1, 100 do less("a", "b") less(1, 2) less(1.5, 2) end
print(less("b", "a"), less(2, 1), less(ordered, "x"))
print(less("x", ordered))
print(pcall(less, "10", 9))
print(pcall(less, 9, "10"))
print(pcall(less, "a", nil))
print(pcall(less, {}, "a"))
table.sort(copies)
print(table.concat(copies, ","):gsub("[^%g ]", "?"))

-- one call, many library functions
local functions = {math.floor, math.type, tostring, math.ult, type, select, string.len, math.max, pcall, coroutine.wrap(function(...)
  while true do coroutine.yield(...) end
end)}
local function sum(n)
  local t = {}
  for i = 1, n do
    for k = 1, #functions do
      local a, b, c = functions[k](i, i, 2)
      t[k] = tostring(a) .. tostring(b) .. tostring(c)
    end
  end
  return table.concat(t, " ")
end
print(sum(200))
local function open(...)
  local n = 0
  for k = 1, 5 do n = n + select("#", functions[k](...)) end
  return n, (select("#", ...)), select(-1, ...)
end
for _ = 1, 200 do open(1, 2, 3) end
print(open(7, 8, 9))
print(pcall(open, 1, 2))
for _, f in ipairs(functions) do
  local ok, message = pcall(function() for i = 1, 100 do f(i % 99 == 98 and {} or 1) end end)
  print(ok, ok or message:gsub("^.-:%d+:", ""), nil)
end
