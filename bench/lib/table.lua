-- Every function of table, next, pairs, ipairs, select and the raw functions.
local add = ...

local function ints(k) local t = {}; for i = 1, k do t[i] = i * 7919 % 10007 end; return t end
local function words(k) local t = {}; for i = 1, k do t[i] = "w" .. i * 7919 % 10007 end; return t end
local function record(k) local t = {}; for i = 1, k do t["key" .. i] = i end; return t end
local lists, texts, records = {ints(4), ints(100), ints(5000)}, {words(4), words(100), words(5000)}, {record(4), record(100), record(5000)}
local function copy(t) return table.move(t, 1, #t, 1, {}) end

add("table.concat strings", texts, function(n, t) for i = 1, n do local s = table.concat(t, ",") end end)
add("table.concat integers", lists, function(n, t) for i = 1, n do local s = table.concat(t, ",") end end)
add("table.insert end", {4, 100, 5000}, function(n, k) local insert = table.insert; for i = 1, n do local t = {}; for j = 1, k do insert(t, j) end end end)
add("table.insert front", {4, 100, 1000}, function(n, k) for i = 1, n do local t = {}; for j = 1, k do table.insert(t, 1, j) end end end)
add("table.remove end", lists, function(n, l) for i = 1, n do local t = copy(l); while #t > 0 do table.remove(t) end end end)
add("table.remove front", {ints(4), ints(100), ints(1000)}, function(n, l) for i = 1, n do local t = copy(l); while #t > 0 do table.remove(t, 1) end end end)
add("table.move", lists, function(n, t) for i = 1, n do table.move(t, 1, #t, 1, {}) end end)
add("table.pack", {1, 10, 100}, function(n, k) local t = ints(k); for i = 1, n do local p = table.pack(table.unpack(t)) end end)
add("table.unpack", {ints(3), ints(20), ints(200)}, function(n, t) for i = 1, n do local a, b = table.unpack(t) end end)
add("table.sort integers", lists, function(n, l) for i = 1, n do table.sort(copy(l)) end end)
add("table.sort strings", texts, function(n, l) for i = 1, n do table.sort(copy(l)) end end)
add("table.sort function", lists, function(n, l) local f = function(a, b) return a > b end; for i = 1, n do table.sort(copy(l), f) end end)
add("t[#t + 1] =", {4, 100, 5000}, function(n, k) for i = 1, n do local t = {}; for j = 1, k do t[#t + 1] = j end end end)
add("ipairs", lists, function(n, t) for i = 1, n do local s = 0; for _, v in ipairs(t) do s = s + v end end end)
add("pairs array", lists, function(n, t) for i = 1, n do local s = 0; for _, v in pairs(t) do s = s + v end end end)
add("pairs record", records, function(n, t) for i = 1, n do local s = 0; for _, v in pairs(t) do s = s + v end end end)
add("next", records, function(n, t) for i = 1, n do local k, v = next(t); while k do k, v = next(t, k) end end end)
add("select #", {1, 10, 100}, function(n, k) local function f(...) local c = 0; for i = 1, n do c = c + select("#", ...) end return c end; f(table.unpack(ints(k))) end)
add("select n", {1, 10, 100}, function(n, k) local function f(...) for i = 1, n do local v = (select(k, ...)) end end; f(table.unpack(ints(k))) end)
add("rawget rawset", records, function(n, t) for i = 1, n do rawset(t, "key1", rawget(t, "key1")) end end)
add("rawlen rawequal", lists, function(n, t) local k = 0; for i = 1, n do if rawequal(t, t) then k = k + rawlen(t) end end end)
add("fill integer keys", {4, 100, 5000}, function(n, k) for i = 1, n do local t = {}; for j = 1, k do t[j] = j end end end)
add("fill string keys", texts, function(n, keys) for i = 1, n do local t = {}; for j = 1, #keys do t[keys[j]] = j end end end)
add("fill and clear", texts, function(n, keys) for i = 1, n do local t = {}; for j = 1, #keys do t[keys[j]] = j end; for j = 1, #keys do t[keys[j]] = nil end end end)
add("fill float keys", {4, 100, 5000}, function(n, k) for i = 1, n do local t = {}; for j = 1, k do t[j + 0.5] = j end end end)
