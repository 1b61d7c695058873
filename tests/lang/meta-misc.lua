-- __tostring, __name, __pairs, __metatable, __len.
print(tostring(setmetatable({}, {__tostring = function() return "mine" end})))  --> mine
print(pcall(tostring, setmetatable({}, {__tostring = function() return 5 end})))  --> true	5
print((tostring(setmetatable({}, {__name = "My.Type"})):gsub("0x%x+", "ADDR")))  --> My.Type: ADDR
print(pcall(function() return setmetatable({}, {__name = "My.Type"}) + 1 end))
--> false	meta-misc.lua:5: attempt to perform arithmetic on a My.Type value
print(pcall(function() return #setmetatable({}, {__name = "My.Type"}) < setmetatable({}, {__name = "Other"}) end))
--> false	meta-misc.lua:7: attempt to compare number with Other
print(pcall(string.rep, setmetatable({}, {__name = "My.Type"})))  --> false	bad argument #1 to 'string.rep' (string expected, got My.Type)
print(pcall(ipairs))  --> false	bad argument #1 to 'ipairs' (value expected)
local p = setmetatable({}, {__pairs = function(t) return function(_, k) if not k then return 1, "one" end end, t, nil end})
for k, v in pairs(p) do print(k, v) end  --> 1	one
local locked = setmetatable({}, {__metatable = "locked"}); print(getmetatable(locked), pcall(setmetatable, locked, {}))
--> locked	false	cannot change a protected metatable
print(getmetatable(setmetatable({}, {__metatable = false})), getmetatable("x").__index == string, getmetatable("x").__name)
--> false	true	nil
print(pcall(setmetatable, {}, 1)) print(pcall(setmetatable, 1, {})) print(setmetatable({}, nil) ~= nil, getmetatable({}), getmetatable(1))
--> false	bad argument #2 to 'setmetatable' (nil or table expected, got number)
--> false	bad argument #1 to 'setmetatable' (table expected, got number)
--> true	nil	nil
print(#setmetatable({1, 2}, {__len = function() return 42 end}), rawlen({1, 2}), rawlen("abc"), pcall(rawlen, 5))
--> 42	2	3	false	bad argument #1 to 'rawlen' (table or string expected, got number)
print(pcall(table.unpack, setmetatable({}, {__len = function() return 2 end, __index = function(_, i) return i * 5 end})))  --> true	5	10
print(pcall(table.insert, setmetatable({}, {__len = function() return "x" end}), 1))  --> false	object length is not an integer
print(table.concat(setmetatable({}, {__len = function() return 3 end, __index = function(_, i) return "v" .. i end}), ","))  --> v1,v2,v3
print(next({}), type(next), pcall(next, {}, "nokey"))  --> nil	function	false	invalid key to 'next'
print(rawequal(1, 1.0), rawequal("a", "a"), rawget(setmetatable({}, {__index = {x = 1}}), "x"))  --> true	true	nil
print(string.format("%s %s", setmetatable({}, {__tostring = function() return "fmt" end}), nil))  --> fmt nil
local w = setmetatable({}, {__tostring = function() return "w" end}); print(w, tostring(w) .. "!")  --> w	w!
print(pcall(error, setmetatable({}, {__tostring = function() return "err object" end})))  --> false	err object
print(type(getmetatable(io.stdout).__name), tostring(io.stdout):match("^file %("))  --> string	file (
