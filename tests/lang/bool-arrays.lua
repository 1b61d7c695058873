-- Lists of booleans are kept apart from others: what is stored, where it goes, and what leaves that form again.
local function show(t, n)
  local out = {}
  for i = 1, n or #t do out[#out + 1] = tostring(t[i]) end
  return table.concat(out, " ")
end

local function fill(n)
  local t = {}
  for i = 1, n do t[i] = i % 3 == 0 end
  return t
end

local t = fill(7)
print(#t, show(t))                      --> 7	false false true false false true false
t[3] = nil
print(#t, show(t))                      --> 7	false false nil false false true false
t = fill(7)
t[7] = nil
print(#t, show(t, 7))                   --> 6	false false true false false true nil
t[8] = true
print(t[8], t[7], #t == 6 or #t == 8)   --> true	nil	true

-- other types come in, in loops that are hot
local function store(t, i, v) t[i] = v end
local function load_(t, i) return t[i] end
local kinds = {true, false, 1, 2.5, "s", nil, print}
for round = 1, 200 do
  for k = 1, 7 do
    local u = fill(20)
    store(u, 5, kinds[k])
    assert(load_(u, 5) == kinds[k])
    for i = 1, 20 do
      assert(i == 5 or load_(u, i) == (i % 3 == 0))
    end
  end
end
for round = 1, 100 do
  local u = {}
  for i = 1, 30 do store(u, i, i % 2 == 0) end
  for i = 1, 30 do store(u, i, not u[i]) end
  for i = 1, 30 do assert(u[i] == (i % 2 == 1)) end
  store(u, 31, 1)
  assert(u[31] == 1 and u[30] == false and u[1] == true)
end

-- a sieve; counts by value, by type, by ipairs and pairs
local function sieve(n)
  local p = {}
  for i = 1, n do p[i] = true end
  p[1] = false
  for i = 2, n do
    if p[i] then
      for k = i + i, n, i do p[k] = false end
    end
  end
  return p
end
local p = sieve(10000)
local count, seen, each = 0, 0, 0
for i = 1, #p do if p[i] then count = count + 1 end end
for i, v in ipairs(p) do seen = seen + i; if v then each = each + 1 end end
print(count, seen, each)                --> 1229	50005000	1229
local yes, no = 0, 0
for _, v in pairs(p) do
  if v == true then yes = yes + 1 elseif v == false then no = no + 1 end
end
print(yes, no, next(p))                 --> 1229	8771	1	false

-- a value of either kind lives on: in locals, upvalues, fields, results, concatenation fails
local last, flips = p[1], 0
for i = 2, 1000 do
  local now = p[i]
  if now ~= last then flips = flips + 1 end
  last = now
end
print(flips, last)                      --> 334	false
print(pcall(function() return p[2] .. "" end) == false, pcall(function() return p[2] + 1 end) == false) --> true	true

-- the library
t = fill(6)
table.insert(t, true)
table.insert(t, 1, true)
table.insert(t, 4, false)
print(#t, show(t))                      --> 9	true false false false true false false true true
print(table.remove(t), table.remove(t, 1), table.remove(t, 4), show(t)) --> true	true	true	false false false false false true
print(table.unpack(t, 4))               --> false	false	true
t = table.move(t, 1, 6, 3)
print(show(t))                          --> false false false false false false false true
print(show(table.move(fill(3), 1, 3, 2, {1, 2}))) --> 1 false false true
print(pcall(table.sort, fill(5)))       --> false	attempt to compare two boolean values
t = fill(9)
table.sort(t, function(a, b) return a and not b end)
print(show(t))                          --> true true true false false false false false false
print(pcall(table.concat, fill(3)))     --> false	invalid value (boolean) at index 1 in table for 'concat'
print(select("#", table.unpack(fill(5)))) --> 5
print(show(table.pack(true, false, true))) --> true false true
for i = 1, 60 do
  local s = {}
  for k = 1, i do table.insert(s, k % 2 == 0) end
  for k = i, 1, -1 do assert(table.remove(s) == (k % 2 == 0)) end
  assert(#s == 0 and s[1] == nil)
  s[1] = i
  assert(s[1] == i)
end

-- reserved for something else, emptied, filled with something else
t = {true, false}
t[2] = nil
t[1] = nil
for i = 1, 40 do t[i] = i end
print(#t, t[40])                        --> 40	40
for i = 40, 1, -1 do t[i] = nil end
for i = 1, 40 do t[i] = i > 20 end
print(#t, t[20], t[21])                 --> 40	false	true
t = {}
for i = 40, 1, -1 do t[i] = true end
print(#t, t[1], t[40])                  --> 40	true	true
