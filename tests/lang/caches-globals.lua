-- Code that ran with one global sees the next one.
local function get() return value end local function call() return fn() end local function lib(s) return string.upper(s) end
local out = {} for i = 1, 200 do if i == 50 then value = "set" elseif i == 100 then value = nil elseif i == 150 then value = 7 end local v = get() if i % 25 == 0 then out[#out + 1] = tostring(v) end end print(table.concat(out, " "))
--> nil set set nil nil 7 7 7
function fn() return "first" end for i = 1, 100 do call() end print(call()) function fn() return "second" end print(call()) fn = nil print(pcall(call)) fn = setmetatable({}, {__call = function() return "callable" end}) print(call()) fn = math.abs print(pcall(call))
--> first
--> second
--> false	caches-globals.lua:2: attempt to call a nil value (global 'fn')
--> callable
--> false	caches-globals.lua:2: bad argument #1 to 'fn' (number expected, got no value)
for i = 1, 100 do lib "a" end print(lib "a") local old = string.upper string.upper = function(s) return "mine:" .. s end print(lib "a", ("a"):upper()) string.upper = old print(lib "a") local s = string string = nil print(pcall(lib, "a")) string = {upper = function() return "table" end} print(lib "a") string = s print(lib "b")
--> A
--> mine:a	mine:a
--> A
--> false	caches-globals.lua:2: attempt to index a nil value (global 'string')
--> table
--> B
local function ab(x) return math.abs(x), math.floor(x) end for i = 1, 100 do ab(-i) end print(ab(-2.5)) math.floor = math.ceil print(ab(-2.5)) math.floor = function() return "f" end print(ab(1))
--> 2.5	-3
--> 2.5	-2
--> 1	f
for i = 1, 300 do _G["g" .. i] = i end local sum = 0 for i = 1, 300 do sum = sum + _G["g" .. i] end print(sum, g1, g300) for i = 1, 300 do _G["g" .. i] = nil end print(g1, g300) local function counter() count = (count or 0) + 1 end for i = 1, 1000 do counter() end print(count) count = 5 counter() print(count) setmetatable(_G, {__index = function() return "meta" end}) print(get() , undefined_thing) value = nil print(get()) setmetatable(_G, nil) print(get())
--> 45150	1	300
--> nil	nil
--> 1000
--> 6
--> 7	meta
--> meta
--> nil
