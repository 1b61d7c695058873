--# args first
-- exec: another program in the same process
local process = require "process"
if (...) == "first" then
  print(process.getpid(), process.exec("no-such-file.lua"))
  local c = process.spawn(arg[0], {args = {"child"}})
  print(select(2, process.wait(c)))
  require "thread".create(function() while true do end end)
  process.exec(arg[0], "second", "x")
elseif (...) == "child" then
  local ok = process.exec(arg[0], "third")
  print("not reached", ok)
elseif (...) == "third" then
  print("third", process.getpid())
  process.exit(7)
else
  print("second", (...), arg[2], process.getpid(), #process.list())
end
--> 1	nil	cannot open no-such-file.lua: No such file or directory 2
--> third	2
--> exit	7
--> second	second	x	1	1
