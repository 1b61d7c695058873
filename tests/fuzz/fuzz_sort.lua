-- Library functions that call back: table.sort with order functions that are right, lie, fail, yield (refused) or change the
-- table; gsub with functions; the results that can be known are compared. Input: the kind of test, a seed, then elements.

local function check(what, ok) if not ok then error(what, 2) end end

local function elements(input)
  local t, kind = {}, (input:byte(2) or 0) % 4
  for k = 3, math.min(#input, 203) do
    local b = input:byte(k)
    t[#t + 1] = kind == 0 and b or kind == 1 and b / 3 or kind == 2 and ("k" .. b) or b % 2 == 0 and b or b + 0.5
  end
  return t
end

local function is_sorted(t, less)
  for k = 2, #t do if less(t[k], t[k - 1]) then return false end end
  return true
end

local function same_elements(a, b)
  local count = {}
  for _, v in ipairs(a) do count[v] = (count[v] or 0) + 1 end
  for _, v in ipairs(b) do count[v] = (count[v] or 0) - 1 end
  for _, n in pairs(count) do if n ~= 0 then return false end end
  return #a == #b
end

local orders = {
  function(a, b) return a < b end,
  function(a, b) return a > b end,
  function(a, b) return tostring(a) < tostring(b) end,
}

local function run_bad(kind, t, seed)
  local calls = 0
  return pcall(table.sort, t, function(a, b)
    calls = calls + 1
    if kind == 4 then return true end
    if kind == 5 then return (calls * 7919 + seed) % 3 == 0 end
    if kind == 6 and calls % 17 == seed % 17 then error("stop") end
    if kind == 7 then t[calls % 9 + 1] = calls end
    if kind == 8 then t[#t] = nil end
    if kind == 9 and calls % 5 == 0 then coroutine.yield() end
    if kind == 10 then return coroutine.wrap(function() coroutine.yield(a < b) end)() end
    if kind == 11 and calls < 4 then table.sort({3, 1, 2}, function(x, y) return x < y end) end
    return a < b
  end)
end

return function(input)
  local kind, seed = (input:byte(1) or 0) % 14, input:byte(2) or 0
  local t = elements(input)
  local copy = table.move(t, 1, #t, 1, {})
  if kind < 3 then
    table.sort(t, orders[kind + 1])
    check("sorted", is_sorted(t, orders[kind + 1]))
    check("elements", same_elements(t, copy))
  elseif kind == 3 then
    table.sort(t)
    check("sorted", is_sorted(t, orders[1]) and same_elements(t, copy))
  elseif kind < 12 then
    if seed % 4 == 2 then return end -- strings and numbers that callbacks put in do not compare: nothing to be known
    local inside = coroutine.wrap(function() return run_bad(kind, t, seed) end)
    local ok = inside()
    if kind == 9 and #copy > 12 then check("yield is refused", not ok) end
    if ok and (kind == 10 or kind == 11) then check("sorted", is_sorted(t, orders[1])) end
    if kind == 4 or kind == 5 or kind == 6 then check("no element is lost", not ok or same_elements(t, copy)) end
  else
    local s, list = input:sub(3, 203), {}
    local r, n = s:gsub("..?", function(pair)
      list[#list + 1] = pair
      if kind == 13 and #list % 7 == 0 then return false end
      return pair
    end)
    check("gsub", r == s and n == #list and table.concat(list) == s)
  end
end
