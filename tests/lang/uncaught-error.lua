-- An uncaught error ends the program with a message and a traceback.
print "before"  --> before
local function inner(t) return t.field.sub end
local function outer() local r = inner {}; return r end
outer()
--! uncaught-error.lua:
--! attempt to index a nil value (field 'field')
--! stack traceback:
--! in main chunk
