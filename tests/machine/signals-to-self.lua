-- A signal that a thread sends to itself, or lets through, has been handled before the call returns.
local process, signal, sys = require "process", require "signal", require "sys"
local count = 0
signal.handle("USR1", function() count = count + 1 end)
local me = process.getpid()
print(process.kill(me, "USR1"), count)  --> true 1
print(signal.raise("USR1"), count)  --> true 2
print(signal.kill(process.self(), "USR1"), count)  --> true 3
print(sys.call("kill", me, 10), count)  --> 0 4
signal.block("USR1")
for _ = 1, 3 do process.kill(me, "USR1") end -- they merge
print(count, signal.unblock("USR1")[1], count)  --> 4 USR1 5
signal.setmask{"USR1"}
process.kill(me, "USR1")
print(count, signal.setmask{}[1], count)  --> 5 USR1 6
sys.call("sigmask", 1 << 9)
process.kill(me, "USR1")
print(count, sys.call("sigmask", 0), count)  --> 6 512 7
-- what the handler raises is raised by the call
signal.handle("USR1", function() error("thrown", 0) end)
print(pcall(process.kill, me, "USR1"))  --> false thrown
print(pcall(sys.call, "kill", me, 10))  --> false thrown
print(coroutine.wrap(function() return pcall(signal.raise, "USR1") end)())  --> false thrown
-- a default action ends the process before the next statement
local child = process.spawn(function()
  local process = require "process"
  process.kill(process.getpid(), "TERM")
  process.parent():send("still there")
end)
print(child:receive())  --> nil closed
print(select(2, child:wait()))  --> signal 15
