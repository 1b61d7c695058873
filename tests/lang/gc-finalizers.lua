-- __gc: order, resurrection, at exit.
local log = {}
local function new(name) return setmetatable({name = name}, {__gc = function(o) log[#log + 1] = o.name end}) end
do local a, b, c = new "a", new "b", new "c" end
collectgarbage(); collectgarbage()
print(table.concat(log, " "))
local saved
do local r = setmetatable({v = 1}, {__gc = function(o) saved = o end}) end
collectgarbage(); collectgarbage()
print(saved and saved.v)
local count = 0
saved = setmetatable({}, {__gc = function(o) count = count + 1; setmetatable(o, getmetatable(o)) end})
saved = nil; collectgarbage(); collectgarbage(); collectgarbage(); print(count >= 2)
local mt = {}; do local o = setmetatable({}, mt) end mt.__gc = function() print "never: set too late" end; collectgarbage()
do local o = setmetatable({}, {__gc = true}) end collectgarbage()
do local o = setmetatable({}, {__gc = function(o) log.mt = getmetatable(o) ~= nil end}) end collectgarbage(); print(log.mt)
print(type(collectgarbage "count"), collectgarbage "step" ~= nil, collectgarbage "isrunning")
collectgarbage "stop"; print(collectgarbage "isrunning"); collectgarbage "restart"
print(collectgarbage "incremental", collectgarbage "generational", collectgarbage "incremental")
print(pcall(collectgarbage, "nonsense"))
local keep = setmetatable({}, {__gc = function() print "at exit" end})
local keep2 = setmetatable({}, {__gc = function() print "at exit, newest first" end})
EXIT = keep2
print "end"
--> c b a
--> 1
--> true
--> true
--> number	true	true
--> false
--> generational	incremental	generational
--> false	bad argument #1 to 'collectgarbage' (invalid option 'nonsense')
--> end
--> at exit, newest first
--> at exit
