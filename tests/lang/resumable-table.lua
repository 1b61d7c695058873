-- Long loops of the table library leave at safe points and go on: with RILLE_STRESS they do so all the time.
local function sum(t) local n = 0 for i = 1, #t do n = n * 31 % 1000003 + #tostring(t[i]) + (tonumber(t[i]) or 0) // 1 end return n end
local function sorted(t, n) if #t ~= n then return false end for i = 2, n do if t[i] < t[i - 1] then return false end end return true end
local seed = 42 local function rnd(n) seed = seed * 1103515245 + 12345 & 0x7fffffff return seed >> 8 & 0x7fff % n end
local N <const> = 1100
-- Sorts by kind: integers, floats, both, strings (equal beginnings too), already in order, by functions of each sort.
local makers = {function() return rnd(30000) - 10000 end, function() return (rnd(30000) - 10000) / 8 end, function() return rnd(2) == 0 and rnd(9999) or rnd(9999) + .5 end, function() return "k" .. rnd(30000) end, function() return ("same beginning"):rep(rnd(3)) .. rnd(99) end}
for _, make in ipairs(makers) do local t, want = {}, 0 for i = 1, N do t[i] = make() end local counts = {} for i = 1, N do counts[t[i]] = (counts[t[i]] or 0) + 1 end table.sort(t) local ok = sorted(t, N) table.sort(t) ok = ok and sorted(t, N) for i = 1, N do counts[t[i]] = counts[t[i]] - 1 end for _, c in pairs(counts) do ok = ok and c == 0 end table.sort(t, function(a, b) return a > b end) for i = 2, N do ok = ok and t[i - 1] >= t[i] end io.write(tostring(ok), " ") end print()
--> true true true true true
local u = {} for i = 1, N do u[i] = i * 7919 % 1103 end table.sort(u, math.ult) print(sorted(u, N)) local one = {} for i = 1, 1025 do one[i] = 1026 - i end table.sort(one) print(one[1], one[1025]) one[600] = "x" print(pcall(table.sort, one)) one[600] = nil print(pcall(table.sort, one)) print(#one >= 599)
--> true
--> 1 1025
--> false attempt to compare string with number
--> false attempt to compare nil with number
--> true
-- Metamethods in all places: __lt, __index, __newindex, __len.
local V = {} V.__lt = function(a, b) return a.v < b.v end local objects = {} for i = 1, 700 do objects[i] = setmetatable({v = i * 7919 % 701}, V) end table.sort(objects) local ok = true for i = 1, 700 do ok = ok and objects[i].v == i end print(ok)
--> true
local reads, writes, lengths = 0, 0, 0 local function proxy(data) return setmetatable({}, {__index = function(_, k) reads = reads + 1 return data[k] end, __newindex = function(_, k, v) writes = writes + 1 data[k] = v end, __len = function() lengths = lengths + 1 return #data end}) end
local data = {} for i = 1, 1000 do data[i] = i * 7919 % 1009 end local p = proxy(data) table.sort(p) print(sorted(data, 1000), reads >= 1000, writes > 900, lengths)  --> true true true 1
table.sort(p, function(a, b) return a > b end) print(data[1] > data[2], data[999] > data[1000], #table.concat(p, ",") == #table.concat(data, ","), table.concat(p, "", 1, 3) == table.concat(data, "", 1, 3))  --> true true true true
table.insert(p, 1, "first") table.insert(p, "last") print(data[1], data[1001] == table.remove(p, 1001), data[1001], #data, table.remove(p, 1), data[1] > data[2], #data, table.remove(p), #data) --> first true last 1001 first true 1000 last 999
reads, writes = 0, 0 table.move(p, 1, 600, 301) print(reads, writes, data[301] == data[1], #data) print(select("#", table.unpack(p)), (select(300, table.unpack(p))) == data[300], reads)
--> 600 600 true 999
--> 999 true 2598
local chain = setmetatable({}, {__index = setmetatable({}, {__index = p}), __len = function() return 3 end}) print(table.concat(chain, " ") == table.concat(data, " ", 1, 3), (table.unpack(chain)) == data[1]) print(pcall(table.concat, setmetatable({}, {__len = function() return "x" end}))) print(pcall(table.insert, setmetatable({}, {__len = function() error("len", 0) end}), 1)) print(pcall(table.unpack, setmetatable({}, {__index = function() error("index", 0) end}), 1, 2)) print(pcall(table.move, {1, 2}, 1, 2, 1, setmetatable({}, {__newindex = function() error("newindex", 0) end})))
--> true true
--> false object length is not an integer
--> false len
--> false index
--> false newindex
-- No yields from there, as ever.
print(coroutine.wrap(function() return pcall(table.concat, setmetatable({}, {__index = function() coroutine.yield() end}), "", 1, 1) end)()) print(coroutine.wrap(function() return pcall(table.sort, {3, 2, 1}, function() coroutine.yield() end) end)())
--> false attempt to yield across a C-call boundary
--> false attempt to yield across a C-call boundary
-- Large: concat of strings, of numbers, of both; unpack; move each way; insert and remove where there is no array.
local s = {} for i = 1, 1500 do s[i] = "item" .. i end local text = table.concat(s, ", ") print(#text, text:sub(-8), select(2, text:gsub(",", ","))) s[3] = 3 print(#table.concat(s, ", ") == #text - 4, #table.concat(u), #table.concat(u, "; ") - #table.concat(u)) s[1400] = {} print(pcall(table.concat, s))
--> 13891 item1500 1499
--> true 3295 2198
--> false invalid value (table) at index 1400 in table for 'concat'
print(select("#", table.unpack(s)), (select(-1, table.unpack(s))), (select(500, table.unpack(s, 1001))), #table.pack(table.unpack(s)), pcall(table.unpack, s, 1, 1e7))  --> 1500 item1500 item1500 1500 false too many results to unpack
local m = {} for i = 1, 3000 do m[i] = i end table.move(m, 1, 3000, 1001) print(#m, m[1000], m[1001], m[2001], m[4000]) table.move(m, 1001, 4000, 1) print(m[1], m[3000]) local far = table.move(m, 1, 3000, 1 << 40, {}) print(far[1 << 40], far[(1 << 40) + 2999], #far)
--> 4000 1000 1 1001 3000
--> 1 3000
--> 1 3000 0
local sparse = setmetatable({}, {__len = function() return 4000 end}) for i = 4000, 1, -1 do sparse[i] = i end table.insert(sparse, 1, 0) print(sparse[1], sparse[2], sparse[4001]) print(table.remove(sparse, 1), sparse[1], sparse[3999], sparse[4000], sparse[4001]) print(table.move({1, 2, 3}, math.maxinteger - 1, math.maxinteger, 1)[3], pcall(table.move, {}, 1, 3, math.maxinteger - 1))
--> 0 1 4000
--> 0 1 3999 nil 4000
--> 3 false bad argument #4 to 'table.move' (destination wrap around)
-- The table changes under the comparator, the reader, the writer.
local t = {} for i = 1, 2000 do t[i] = i * 7919 % 2003 end table.sort(t, function(a, b) for i = #t, #t - 5, -1 do t[i] = nil end t.x = a return a < b end) print(#t, sorted(t, 2000)) local gone = setmetatable({}, {__index = function(self, k) if k == 500 then setmetatable(self, nil) end return k end, __len = function() return 1000 end}) print(pcall(table.concat, gone)) local list = {} for i = 1, 1500 do list[i] = i end list[700] = nil setmetatable(list, {__index = function(self) for i = #self, 1, -1 do self[i] = nil end return "hole" end}) print(#table.concat(list, ",", 1, 1500))
--> 2000 true
--> false invalid value (nil) at index 501 in table for 'concat'
--> 6692
-- A function as the result of a loop that has left.
local fs = setmetatable({}, {__index = function() return print end, __len = function() return 2 end}) print(select("#", table.unpack(fs)), table.unpack(fs) == print, table.remove(setmetatable({}, {__len = function() return 1 end, __index = function() return function() return "f" end end}))())  --> 2 true f
