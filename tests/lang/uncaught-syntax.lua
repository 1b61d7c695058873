print "never"
x = = 1
--! uncaught-syntax.lua:2: unexpected symbol near '='
