-- A limit that strikes while os.exit closes the state, in a finalizer, ends the command as it would anywhere else.
--# options --cpu 100ms
setmetatable({}, {__gc = function() while true do end end})
os.exit(true, true)  --! stopped: cpu limit 100 ms
