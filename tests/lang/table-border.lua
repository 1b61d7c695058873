-- The length operator, pops and holes at the end.
local t = {1, 2, 3} t[#t] = nil print(#t) t[#t + 1] = "x" print(#t, t[3]) t[#t] = nil t[#t] = nil t[#t] = nil print(#t, next(t))
--> 2
--> 3	x
--> 0	nil
for i = 1, 100 do t[i] = i end for i = 100, 51, -1 do t[i] = nil end print(#t) for i = 51, 60 do t[i] = i end print(#t) for i = 60, 1, -1 do t[i] = nil end print(#t, next(t))
--> 50
--> 60
--> 0	nil
print(#{}, #{nil}, #{1, 2, nil} == 2, #{n = 1}, #{[1] = 1, [2] = 2}, #{1, 2, [3] = 3}) local h = {} h[1] = 1 h[2] = 2 h[4] = 4 print(#h == 2 or #h == 4)
--> 0	0	true	0	2	3
--> true
local back = {} for i = 10, 1, -1 do back[i] = i end print(#back) back[11] = 11 print(#back)
--> 10
--> 11
local s = {} for i = 1, 20 do s[#s + 1] = i end local sum = 0 while #s > 0 do sum = sum + table.remove(s) end print(sum, #s)  --> 210	0
local q = {} local head, tail = 1, 0 for i = 1, 100 do tail = tail + 1; q[tail] = i; if i % 3 == 0 then q[head] = nil; head = head + 1 end end print(tail - head + 1, q[head], q[tail])
--> 67	34	100
local f = {} f[0] = "z" f[-1] = "m" f[1.5] = "h" print(#f, f[0], f[-1], f[1.5]) local m = {10, 20, 30, x = 1, y = 2} m.x = nil m[2] = nil m[2] = 21 print(#m, m[2], m.y)
--> 0	z	m	h
--> 3	21	2
local big = {} for i = 1, 1e5 do big[i] = i end print(#big) for i = 1e5, 2, -1 do big[i] = nil end print(#big, big[1])
--> 100000
--> 1	1
print(#"", #"abc", #"\0\0", rawlen {1, 2}, rawlen "four") local mixed = {} mixed[1] = 1 mixed[2] = 2.5 mixed[3] = "s" mixed[4] = {} mixed[5] = true print(#mixed, mixed[2], mixed[5]) mixed[5] = nil mixed[4] = nil print(#mixed)
--> 0	3	2	2	4
--> 5	2.5	true
--> 3
local sparse = {} for i = 1, 10 do sparse[i * 1000] = i end local n = 0 for _ in pairs(sparse) do n = n + 1 end print(n, sparse[5000], sparse[1])
--> 10	5	nil
