-- __newindex: functions, tables, rawset.
local log = {}
local t = setmetatable({old = 1}, {__newindex = function(t, k, v) log[#log + 1] = tostring(k) .. "=" .. tostring(v); rawset(t, k, v) end})
t.old = 2; t.new = 3; t.new = 4; t[1] = "a"; t[1] = nil; t[1] = "b"
print(table.concat(log, " "), t.old, t.new, t[1])  --> new=3 1=a 1=b	2	4	b
local store = {}; local p = setmetatable({}, {__newindex = store, __index = store})
p.x = 5; p[1] = 6; print(rawget(p, "x"), store.x, p.x, p[1], #p, #store)  --> nil	5	5	6	0	1
local chain = setmetatable({}, {__newindex = setmetatable({}, {__newindex = function(_, k, v) print("end", k, v) end})}); chain.key = "v"
--> end	key	v
local ro = setmetatable({}, {__newindex = function(_, k) error("read-only: " .. k, 2) end})
print(pcall(function() ro.z = 1 end))  --> false	meta-newindex.lua:11: read-only: z
t.old = nil; t.old = 7; print(log[#log], t.old)  --> old=7	7
print(pcall(function() setmetatable({}, {__newindex = 4}).x = 1 end))  --> false	meta-newindex.lua:13: attempt to index a number value
local nilv = setmetatable({}, {__newindex = function(_, k, v) print("set", k, v) end}); nilv.a = nil; nilv[1] = nil
--> set	a	nil
--> set	1	nil
table.insert(p, "ins"); print(store[2], rawlen(p))  --> nil	0
print(rawset(p, "raw", 1) == p, rawget(p, "raw"), store.raw)  --> true	1	nil
print(pcall(rawset, {}, nil, 1)) print(pcall(function() local q = {}; q[nil] = 1 end)) print(pcall(function() local q = {}; q[0/0] = 1 end))
--> false	table index is nil
--> false	meta-newindex.lua:19: table index is nil
--> false	meta-newindex.lua:19: table index is NaN
local d = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}); for i = 1, 3 do d[i] = i end print(d[1], d[2], d[3], #d)
--> 2	4	6	3
setmetatable(d, nil); d[4] = 4; print(d[4])  --> 4
for k = 1, 2 do local x = setmetatable({}, {__newindex = k == 1 and store or nil}); x.who = k; print(rawget(x, "who"), store.who) end
--> nil	1
--> 2	1
