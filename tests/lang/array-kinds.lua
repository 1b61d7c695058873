-- Arrays that change what they hold.
local t = {} for i = 1, 10 do t[i] = i end t[5] = 5.5 print(table.concat(t, " ")) t[6] = "six" print(table.concat(t, " ")) t[7] = nil print(t[6], t[7], t[8]) t[7] = true print(tostring(t[7])) for i = 1, 10 do t[i] = i * 0.5 end print(table.concat(t, " ")) print(math.type(t[2]), t[2] == 1)
--> 1 2 3 4 5.5 6 7 8 9 10
--> 1 2 3 4 5.5 six 7 8 9 10
--> six	nil	8
--> true
--> 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 4.5 5.0
--> float	true
local ints, floats, mixed = {1, 2, 3}, {1.0, 2.0, 3.0}, {1, 2.0, 3} local function sum(a) local s = 0 for i = 1, #a do s = s + a[i] end return s end for i = 1, 50 do sum(ints) sum(floats) sum(mixed) end print(sum(ints), sum(floats), sum(mixed)) ints[2] = 2.5 print(sum(ints)) ints[2] = "4" print(sum(ints)) ints[2] = {} print(pcall(sum, ints)) print(math.type(ints[1]), math.type(floats[1]), math.type(mixed[3]))
--> 6	6.0	6.0
--> 6.5
--> 8
--> false	array-kinds.lua:9: attempt to perform arithmetic on a table value (field '?')
--> integer	float	integer
local a = {} for i = 1, 100 do a[#a + 1] = i end for i = 1, 50 do a[#a] = nil end a[#a + 1] = "x" print(#a, a[51], a[52]) a[0] = "zero" a[-1] = "neg" print(a[0], a[-1], #a) a[1000] = "far" print(a[1000], a[999]) a[2^53] = "huge" print(a[2^53]) a[51] = nil print(#a) for i = 51, 60 do a[i] = i + 0.25 end print(a[60], #a)
--> 51	x	nil
--> zero	neg	51
--> far	nil
--> huge
--> 50
--> 60.25	60
local m = {} for i = 1, 5 do m[i] = {} for j = 1, 5 do m[i][j] = i * j end end local d = 0 for i = 1, 5 do d = d + m[i][i] end print(d) local r = {} for i = 10, 1, -1 do r[i] = i end print(#r, r[1], r[10]) local s = {n = 0} for i = 1, 10 do s[i] = i s.n = s.n + 1 end print(s.n, #s) local z = {0, -0.0, 0/0} print(z[1], z[2], z[3] ~= z[3]) z[3] = nil print(#z) local b = {true, false, nil, true} print(b[1], b[2], b[3], b[4]) local f = {math.huge, -math.huge, 2^63, math.mininteger} print(table.concat(f, " ")) local u = {1, 2, 3} u[1.0] = "one" u["1"] = "str" print(u[1], u["1"]) table.sort(f) print(f[1], f[2], f[4])
--> 55
--> 10	1	10
--> 10	10
--> 0	-0.0	true
--> 2
--> true	false	nil	true
--> inf -inf 9.2233720368548e+18 -9223372036854775808
--> one	str
--> -inf	-9223372036854775808	inf
local q = {} for i = 1, 1000 do q[i] = i end for i = 1, 1000 do if i % 2 == 0 then q[i] = tostring(i) end end local n, c = 0, 0 for i, v in ipairs(q) do if type(v) == "string" then c = c + 1 else n = n + v end end print(n, c) local v = {} v[3] = "c" v[2] = "b" v[1] = "a" print(#v, table.concat(v)) local e = {nil, nil, 3} print(e[3], #e == 3 or #e == 0) local w = table.pack(1, nil, 2.5, "s") print(w.n, w[1], w[2], w[3], w[4])
--> 250000	500
--> 3	abc
--> 3	true
--> 4	1	nil	2.5	s
