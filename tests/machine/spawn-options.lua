-- Options of process.spawn, with a file: arguments, limits, capabilities; and what is wrong with them.
--# args first
local process, sys = require "process", require "sys"
if (...) == "child" then
  local parent = process.parent()
  print(#arg, arg[0] ~= nil, arg[2], select(2, ...), math.type(select(3, ...)))  --> 3 true one one integer
  print(process.getrlimit("memory"), process.getrlimit("cpu"))  --> 8388608 1.5
  local mine = io.open("spawn-options.lua")
  print(mine, (select(2, io.open("spawn-options.lua"))))  --> nil spawn-options.lua: permission denied (needs --allow-read)
  print(io.type(io.open("../lang/goto.lua")), sys.allowed("write"), sys.allowed("env"))  --> file false false
  parent:send{done = parent:receive().job + 1}
  process.exit(3)
end
-- the child's own program lies where it must not read: it is loaded with the parent's rights
local child = assert(process.spawn(arg[0], {args = {"child", "one", 2}, limits = {memory = "8M", cpu = 1.5},
                                            allow = {read = {"../lang"}}}))
child:send{job = 1}
print(child:receive().done)  --> 2
print(select(2, process.wait(child)))  --> exit 3

print(process.spawn("no-such-file.lua"))  --> nil cannot open no-such-file.lua: No such file or directory 2
print(select(3, process.spawn("../local.mk")) == require("sys").errno.ENOEXEC)  --> true
local function refused(options) print(select(2, pcall(process.spawn, print, options))) end
refused{alow = {}}              --> bad option 'alow' (known are args, limits, allow, deny, sandbox, priority, name, stdin, stdout, stderr, files)
refused{[1] = 2}                --> bad option 'number' (known are args, limits, allow, deny, sandbox, priority, name, stdin, stdout, stderr, files)
refused{limits = {mem = 1}}     --> bad option 'limits': no limit is called 'mem'
refused{limits = {cpu = "x"}}   --> bad option 'limits.cpu' (a time expected: seconds, or such as "300ms")
refused{limits = {memory = {}}} --> bad option 'limits.memory' (a number expected, or such as "8M")
refused{args = 1}               --> bad option 'args' (table expected, got number)
print(#process.list())  --> 1

-- Who waits for messages of one process is told when that one has died, parent or not; so is who waits to send.
local sleeper = process.spawn(function() process.sleep(0.01) end)
local sibling = process.spawn(function(other) process.parent():send{other:receive()} end, {args = {sleeper}})
print(table.unpack(sibling:receive(), 1, 2))  --> nil closed
print(process.spawn(function() process.sleep(0.01) end):receive())  --> nil closed
local full = process.spawn(function() process.sleep(0.05) end)
local ok, message
repeat ok, message = full:send(true) until not ok
print(message)  --> No such process

-- Nobody signals those it does not come from.
local rebel = process.spawn(function()
  local signal = require "signal"
  print(signal.kill(1, "KILL"))  --> nil Operation not permitted 1
  print(process.kill(1, "KILL"))  --> nil Operation not permitted 1
end, {sandbox = true})
print(select(2, rebel:wait()))  --> exit 0
