-- table.sort: orders, stability is not promised, comparators.
local function check(t, f) for i = 2, #t do if f(t[i], t[i - 1]) then return false end end return true end local function lt(a, b) return a < b end local function gt(a, b) return a > b end
for _, n in ipairs {0, 1, 2, 3, 5, 10, 99, 100, 101, 500, 2000} do local t = {} for i = 1, n do t[i] = (i * 7919) % 1013 end table.sort(t) local ok = check(t, lt) table.sort(t, gt) ok = ok and check(t, gt) for i = 1, n do t[i] = i end table.sort(t) ok = ok and check(t, lt) table.sort(t, gt) ok = ok and check(t, gt) for i = 1, n do t[i] = 5 end table.sort(t) ok = ok and check(t, lt) io.write(n, ":", tostring(ok), " ") end print()
--> 0:true 1:true 2:true 3:true 5:true 10:true 99:true 100:true 101:true 500:true 2000:true
local words = {} for w in ("the quick brown fox jumps over the lazy dog"):gmatch "%a+" do words[#words + 1] = w end table.sort(words) print(table.concat(words, " ")) table.sort(words, function(a, b) if #a ~= #b then return #a < #b end return a < b end) print(table.concat(words, " ")) local recs = {} for i = 1, 50 do recs[i] = {k = i * 17 % 50, n = i} end table.sort(recs, function(a, b) return a.k < b.k end) print(recs[1].n, recs[25].n, recs[50].n) local mixed = {3, 1.5, 2, -1.5, 2.25, 0} table.sort(mixed) print(table.concat(mixed, " "))
--> brown dog fox jumps lazy over quick the the
--> dog fox the the lazy over brown jumps quick
--> 50	22	47
--> -1.5 0 1.5 2 2.25 3
print(pcall(table.sort, {3, "a", 1})) print(pcall(table.sort, {1, 2, 3}, function() error("in compare", 0) end)) print(pcall(table.sort, {1, nil, 3})) local inf = {math.huge, 1, -math.huge, 0} table.sort(inf) print(table.concat(inf, " ")) local calls = 0 table.sort({5, 4, 3, 2, 1}, function(a, b) calls = calls + 1; return a < b end) print(calls > 3 and calls < 30) local nested = {} table.sort({2, 1}, function(a, b) local t = {3, 2, 1}; table.sort(t); nested = t; return a < b end) print(table.concat(nested)) print(select("#", table.sort {}), pcall(table.sort)) local objs = {} for i = 1, 5 do objs[i] = setmetatable({v = 6 - i}, {__lt = function(a, b) return a.v < b.v end}) end table.sort(objs) print(objs[1].v, objs[5].v)
--> false	attempt to compare string with number
--> false	in compare
--> false	attempt to compare nil with number
--> -inf 0 1 inf
--> true
--> 123
--> 0	false	bad argument #1 to 'table.sort' (table expected, got no value)
--> 1	5
