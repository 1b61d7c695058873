-- os.exit closes the state when asked to.
local c <close> = setmetatable({}, {__close = function() print "closed" end}) io.write "before\n" os.exit(true, true)
--> before
--> closed
