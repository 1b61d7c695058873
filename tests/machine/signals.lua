local process, signal = require "process", require "signal"
local got = {}
print(signal.handle("USR1", function(name, number) got[#got + 1] = name .. number end))
--> default
process.kill(process.getpid(), "USR1")
for i = 1, 10 do end
print(#got, got[1])
--> 1	USR110
-- blocked: merges
signal.block("USR1")
for i = 1, 5 do process.kill(process.getpid(), "USR1") end
print(#got, table.concat(signal.pending(), " "))
--> 1	USR1
signal.unblock("USR1")
for i = 1, 10 do end
print(#got, #signal.pending())
--> 2	0
-- an error in a handler is thrown at the interrupted point
signal.handle("USR2", function() error("out of the handler", 0) end)
print(pcall(function() signal.raise("USR2"); for i = 1, 1e6 do end return "not reached" end))
--> false	out of the handler
print(table.concat(signal.mask(), " "))
-->
-- KILL and STOP
print(pcall(signal.handle, "KILL", print))
--> false	signal KILL cannot be caught, blocked or ignored
print(pcall(signal.ignore, "STOP"))
--> false	signal STOP cannot be caught, blocked or ignored
-- ignored
signal.ignore("USR1")
process.kill(process.getpid(), "USR1")
for i = 1, 10 do end
print(#got, signal.get("USR1"), signal.default("USR1"))
--> 2	ignore	ignore
-- alarm
local rang = false
signal.handle("ALRM", function() rang = true end)
signal.alarm(0.005)
while not rang do end
print(rang, signal.alarm())
--> true	0.0
local ticks = 0
signal.handle("ALRM", function() ticks = ticks + 1 end)
signal.timer("real", 0.002, 0.002)
while ticks < 5 do end
print(signal.timer("real", 0) > 0, ticks >= 5) -- one more may come meanwhile
--> true	true
local v = 0
signal.handle("VTALRM", function() v = v + 1 end)
signal.timer("virtual", 0.002, 0.002)
while v < 3 do end
signal.timer("virtual", 0)
print(v)
--> 3
-- suspend
signal.handle("ALRM", function() end)
signal.alarm(0.005)
print(signal.suspend())
--> true
-- CHLD
local chld = 0
signal.handle("CHLD", function() chld = chld + 1 end)
local c = process.spawn(function() end)
process.wait(c)
print(chld)
--> 1
-- a handler in the middle of a library call does not disturb it
local t = {}
for i = 1, 20000 do t[i] = (i * 7919) % 20011 end
ticks = 0
signal.handle("ALRM", function() ticks = ticks + 1; local x = {}; for i = 1, 100 do x[i] = tostring(i) end end)
signal.timer("real", 0.001, 0.001)
for i = 1, 10 do
  local u = table.move(t, 1, #t, 1, {})
  table.sort(u, function(a, b) return a < b end)
  for k = 2, #u do if u[k - 1] > u[k] then print("unsorted") end end
end
signal.timer("real", 0)
print(ticks > 0)
--> true
