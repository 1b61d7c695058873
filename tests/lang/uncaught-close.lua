-- Variables to be closed are closed on the way out; the last error wins.
local a <close> = setmetatable({}, {__close = function(_, e) print("a", (tostring(e):gsub("^.-:%d+: ", ""))) end})
local b <close> = setmetatable({}, {__close = function(_, e) print("b", (tostring(e):gsub("^.-:%d+: ", ""))); error("from b", 0) end})
error "first"
--! from b
--> b	first
--> stack traceback:
--> 	[C]: in function 'error'
--> 	uncaught-close.lua:4: in main chunk
--> 	[C]: in ?
--> a	in function <uncaught-close.lua:3>
--> 	[C]: in ?
