-- Keys: floats with integer values, negative, huge, strings that look like numbers.
local t = {} t[1] = "int" t[1.0] = "float is int" print(t[1], #t) t["1"] = "string" print(t[1], t["1"]) t[2^53] = "a" print(t[2^53 | 0], t[2^53]) t[-1] = "neg" t[0] = "zero" print(t[-1], t[0], t[-0.0]) t[1.5] = "half" print(t[1.5], t[3/2]) t[math.maxinteger] = "max" t[math.mininteger] = "min" print(t[math.maxinteger], t[math.mininteger], t[2^63]) t[2^63] = "float key" print(t[2^63], t[math.maxinteger])
--> float is int	1
--> float is int	string
--> a	a
--> neg	zero	zero
--> half	half
--> max	min	nil
--> float key	max
t[true] = 1 t[false] = 2 print(t[true], t[false]) local k = {} t[k] = "table key" print(t[k], t[{}]) print(pcall(function() t[nil] = 1 end)) print(t[nil]) print(pcall(function() t[0/0] = 1 end)) print(t[0/0]) t[1/0] = "inf" t[-1/0] = "-inf" print(t[math.huge], t[-math.huge]) print(next({[1] = "one"}), math.type((next({[1.0] = 1}))), math.type((next({[1.5] = 1})))) print(#{[1] = 1, [2] = 2, [3] = 3}, rawlen({10, 20}), rawget({5}, 1.0), rawset({}, 2.0, "x")[2])
--> 1	2
--> table key	nil
--> false	integer-keys.lua:10: table index is nil
--> nil
--> false	integer-keys.lua:10: table index is NaN
--> nil
--> inf	-inf
--> 1	integer	float
--> 3	2	5	x
local n = 0 for i = -5, 5 do t[i] = i end for i = -5, 5 do n = n + t[i] end print(n, t[0], t[-5]) local h = {} for i = 1, 1000 do h[i * 1000003] = i end n = 0 for _, v in pairs(h) do n = n + v end print(n, h[1000003], h[500 * 1000003]) for i = 1, 1000 do h[i * 1000003] = nil end print(next(h)) local neg = {} for i = -100, -1 do neg[i] = i end print(#neg, neg[-50]) local e = {} e[3] = 3 e[2] = 2 e[1] = 1 print(#e) e[4.0] = 4 print(#e, math.type(#e)) local keys = {} for k in pairs {[1] = 1, [2.0] = 2, [3] = 3} do keys[#keys + 1] = math.type(k) end print(table.concat(keys, " "))
--> 0	0	-5
--> 500500	1	500
--> nil
--> 0	-50
--> 3
--> 4	integer
--> integer integer integer
