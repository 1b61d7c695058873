-- One field access meeting many shapes, changes and deletions.
local function get(o) return o.x end local function set(o, v) o.x = v end
local shapes = {{x = 1}, {y = 0, x = 2}, {x = 3, y = 0}, {a = 1, b = 2, c = 3, x = 4}, setmetatable({}, {__index = {x = 5}}), setmetatable({}, {__index = function() return 6 end}), {}, {[1] = 1, x = 8}} local out = {} for round = 1, 50 do for i, o in ipairs(shapes) do out[i] = tostring(get(o)) end end print(table.concat(out, " "))
for round = 1, 50 do for i, o in ipairs(shapes) do set(o, i * 10) end end for i, o in ipairs(shapes) do out[i] = get(o) end print(table.concat(out, " ")) local o = {x = 1} for i = 1, 100 do get(o) end o.x = nil print(get(o)) o.y = 1 o.x = "back" print(get(o)) setmetatable(o, {__index = {x = "meta"}}) print(get(o)) o.x = nil print(get(o)) setmetatable(o, nil) print(get(o))
local p = {} for i = 1, 100 do p["f" .. i] = i end print(p.f1, p.f64, p.f65, p.f100) for i = 1, 100, 2 do p["f" .. i] = nil end print(p.f1, p.f2, p.f99, p.f100) p.f1 = "again" print(p.f1) local n = 0 for k in pairs(p) do n = n + 1 end print(n) p.x = 5 print(get(p)) p.x = nil print(get(p))
local log = {} local w = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = v; rawset(t, k, v) end}) for i = 1, 5 do set(w, i) end w.x = nil set(w, "n") print(table.concat(log, " ")) for _, v in ipairs {1, "s", 2.5} do print(pcall(get, v)) end print(pcall(get, nil)) print(get "str", pcall(set, "str", 1)) local mt = getmetatable "" mt.__index = function(s, k) return s .. "." .. k end print(get "str") mt.__index = string print(get "str")
local function make(i) local t = {} if i % 2 == 0 then t.a = 1 end t.x = i if i % 3 == 0 then t.b = 2 end return t end local sum = 0 for i = 1, 300 do sum = sum + get(make(i)) end print(sum) local big = setmetatable({}, {__index = make(7)}) for i = 1, 100 do get(big) end getmetatable(big).__index = {x = "swapped"} print(get(big)) getmetatable(big).__index = nil print(get(big))
local q = {x = 1} for i = 1, 1000 do q.x = q.x + 1 if i == 500 then q.x = q.x + 0.5 end end print(q.x) local names = {"x", "y", "z"} local r = {} for i = 1, 30 do r[names[i % 3 + 1]] = i end print(r.x, r.y, r.z) local keys = {1, "1", 1.5, true, print} for i, k in ipairs(keys) do r[k] = i end for i, k in ipairs(keys) do io.write(r[k], " ") end print()
--> 1 2 3 4 5 6 nil 8
--> 10 20 30 40 50 60 70 80
--> nil
--> back
--> back
--> meta
--> nil
--> 1	64	65	100
--> nil	2	nil	100
--> again
--> 51
--> 5
--> nil
--> 1 n
--> false	caches-fields.lua:2: attempt to index a number value (local 'o')
--> true	nil
--> false	caches-fields.lua:2: attempt to index a number value (local 'o')
--> false	caches-fields.lua:2: attempt to index a nil value (local 'o')
--> nil	false	caches-fields.lua:2: attempt to index a string value (local 'o')
--> str.x
--> nil
--> 45150
--> swapped
--> nil
--> 1001.5
--> 30	28	29
--> 1 2 3 4 5
