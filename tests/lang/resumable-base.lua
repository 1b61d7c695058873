-- print and tostring with many __tostring; load with a reader: none of them on top of C.
local function obj(n) return setmetatable({}, {__tostring = function() return "obj" .. n end}) end print(obj(1), 2, obj(3), nil, 1.5) print(tostring(obj(4)), pcall(tostring, setmetatable({}, {__tostring = function() return {} end})))
--> obj1 2 obj3 nil 1.5
--> obj4 false '__tostring' must return a string
local function reader(...) local t, i = {...}, 0 return function() i = i + 1 return t[i] end end print(load(reader("return ", "1", "+", 2))(), load(reader("return x"), nil, nil, {x = 7})(), (select(3, pcall(load, function() error("boom", 0) end)))) print(xpcall(load, function(m) return "H:" .. m end, function() error("in reader", 0) end)) print(pcall(load, {}))
--> 3 7 boom
--> true nil H:in reader
--> false bad argument #1 to 'load' (function expected, got table)
