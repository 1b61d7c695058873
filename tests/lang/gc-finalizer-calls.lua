-- How a finalizer is called: its name, whoever has let the collector run; __call; what cannot be called.
local function tell() local info = debug.getinfo(2, "n") print(info.namewhat, info.name) end
local function named() tell() local inner = function() tell() end inner() string.gsub("a", "a", inner) pcall(inner) end
setmetatable({}, {__gc = named}) collectgarbage()          --> metamethod	__gc
                                                           --> local	inner
                                                           --> 	nil
                                                           --> 	nil
setmetatable({}, {__gc = function() print((debug.traceback("trace"):match("in metamethod '__gc'"))) end})
collectgarbage()                                           --> in metamethod '__gc'
setmetatable({}, {__gc = setmetatable({}, {__call = function(self, o) print(type(self), type(o)) end})})
collectgarbage()                                           --> table	table
warn("@on")
setmetatable({}, {__gc = 5}) collectgarbage() --! Lua warning: error in __gc (attempt to call a number value (metamethod '__gc'))
error("the end", 0)
