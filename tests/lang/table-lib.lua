-- table.insert, remove, concat, move, sort, pack, unpack.
local t = {} table.insert(t, "a") table.insert(t, 1, "b") table.insert(t, 3, "c") print(table.concat(t, ","), #t)  --> b,a,c	3
print(pcall(table.insert, t, 6, "x")) print(pcall(table.insert, t, 0, "x")) print(pcall(table.insert, t)) print(pcall(table.insert, t, 1, 2, 3)) print(pcall(table.insert, nil, 1))
--> false	bad argument #2 to 'table.insert' (position out of bounds)
--> false	bad argument #2 to 'table.insert' (position out of bounds)
--> false	wrong number of arguments to 'insert'
--> false	wrong number of arguments to 'insert'
--> false	bad argument #1 to 'table.insert' (table expected, got nil)
print(table.remove(t), table.remove(t, 1), #t, table.remove(t), table.remove(t), #t, table.remove({}), table.remove({}, 0)) print(select(2, pcall(table.remove, {1, 2}, 5)):match "position out of bounds") print(table.remove({1, 2, 3}, 4), table.remove({[0] = "z"}, 0))
--> c	b	1	a	nil	0	nil	nil
--> position out of bounds
--> nil	z
print(table.concat({}), table.concat({1, 2.5, "x"}), table.concat({1, 2, 3}, "-"), table.concat({1, 2, 3}, "-", 2), table.concat({1, 2, 3}, "-", 2, 2), table.concat({1, 2, 3}, "-", 3, 2)) print(pcall(table.concat, {1, 2}, ",", 1, 3)) print(pcall(table.concat, {true}))
--> 	12.5x	1-2-3	2-3	2
--> false	invalid value (nil) at index 3 in table for 'concat'
--> false	invalid value (boolean) at index 1 in table for 'concat'
print(table.unpack(table.move({1, 2, 3}, 1, 3, 2))) print(table.unpack(table.move({1, 2, 3}, 2, 3, 1))) print(table.unpack(table.move({1, 2, 3}, 1, 3, 1, {}))) print(table.unpack(table.move({1, 2, 3}, 1, 0, 5))) print(pcall(table.move, {}, 1, math.maxinteger, 2)) print(pcall(table.move, {}, -1, math.maxinteger, 2))
--> 1	1	2	3
--> 2	3	3
--> 1	2	3
--> 1	2	3
--> false	bad argument #4 to 'table.move' (destination wrap around)
--> false	bad argument #3 to 'table.move' (too many elements to move)
local s = {5, 2, 8, 1, 9, 3} table.sort(s) print(table.concat(s, " ")) table.sort(s, function(a, b) return a > b end) print(table.concat(s, " "))
--> 1 2 3 5 8 9
--> 9 8 5 3 2 1
local w = {"banana", "apple", "Cherry", "date"} table.sort(w) print(table.concat(w, " ")) table.sort(w, function(a, b) return a:lower() < b:lower() end) print(table.concat(w, " "))
--> Cherry apple banana date
--> apple banana Cherry date
print(pcall(table.sort, {1, "x", 2})) print(pcall(table.sort, {3, 2, 1}, 5)) print(pcall(table.sort, {{}, {}}))
--> false	attempt to compare string with number
--> false	bad argument #2 to 'table.sort' (function expected, got number)
--> false	attempt to compare two table values
local big = {} for i = 1, 1000 do big[i] = (i * 7919) % 1009 end table.sort(big) local ok = true for i = 2, 1000 do ok = ok and big[i - 1] <= big[i] end print(ok)
--> true
local f = {3.5, 1, 2.25, -1, 0.5} table.sort(f) print(table.concat(f, " ")) local e = {} table.sort(e) print(#e) local one = {1} table.sort(one, function() error "not called" end)
--> -1 0.5 1 2.25 3.5
--> 0
local p = table.pack() print(p.n, #p) p = table.pack(nil, nil) print(p.n) p = table.pack(1, 2, 3) print(p.n, p[3])
--> 0	0
--> 2
--> 3	3
local proxy = setmetatable({}, {__index = function(_, i) if i <= 3 then return i * 10 end end, __len = function() return 3 end}) print(table.concat(proxy, " "), table.unpack(proxy))
--> 10 20 30	10	20	30
local log = {} local np = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = k; rawset(t, k, v) end}) table.insert(np, "x") table.insert(np, "y") print(table.concat(log, " "))
--> 1 2
print(pcall(table.sort, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, function(a, b) return true end))
--> false	invalid order function for sorting
print(#table.move({1, 2, 3}, 1, 3, 3), select("#", table.unpack({}, 1, 250)), next(table.move({}, 1, 3, 1)))  --> 5	250	nil
