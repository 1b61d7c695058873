-- An error object with __tostring is shown by it.
error(setmetatable({}, {__tostring = function() return "custom error object" end}))
--! custom error object
