-- Spawning, waiting, exit codes, messages.
local process = require "process"

local child = process.spawn(function(a, b) process.exit(a + b) end, {args = {3, 4}})
local pid, what, code = process.wait(child)
print(pid == child:pid(), what, code)
--> true	exit	7
print(process.wait(child))
--> nil	No child processes	10
print(child:status())
--> gone

-- messages to and fro
local echo = process.spawn(function()
  local process = require "process"
  local parent = process.parent()
  while true do
    local m = parent:receive()
    if m == "stop" then break end
    parent:send({got = m, n = #m})
  end
end)
for i = 1, 3 do
  echo:send({i, i * i})
  local r = echo:receive()
  print(r.got[1], r.got[2], r.n)
end
echo:send("stop")
print(select(2, echo:wait()), (select(3, process.wait())))
--> 1	1	2
--> 2	4	2
--> 3	9	2
--> exit	10

-- upvalues travel as copies
local counter, t = 10, {x = 1}
local c = process.spawn(function() counter = counter + 1; t.x = 99; process.parent():send({counter, t.x}) end)
local r = c:receive()
print(r[1], r[2], counter, t.x)
--> 11	99	10	1
c:wait()

-- what cannot be copied is named
print(pcall(process.spawn, function() return coroutine.running() end, {args = {{a = {coroutine.create(print)}}}}))
--> false	args[1].a[1]: a coroutine cannot be copied

-- a child's globals are its own
x = 1
local g = process.spawn(function() x = (x or 0) + 100; process.parent():send(x); string.rep = nil end)
print((g:receive()), x, type(string.rep))
--> 100	1	function
g:wait()

-- signals and exit codes
local s = process.spawn(function() while true do end end)
print(s:kill("KILL"))
print(select(2, s:wait()))
--> true
--> signal	9
local s2 = process.spawn(function() process.receive() end)
s2:kill()
print(select(2, s2:wait()))
--> signal	15

-- stop and continue
local busy = process.spawn(function() local i = 0; while true do i = i + 1; if i % 1000 == 0 then process.parent():send(i) end end end)
busy:receive()
busy:kill("STOP")
print(select(2, busy:wait("stopped")), busy:status())
while busy:receive(0) do end
print(busy:receive(0.02))
busy:kill("CONT")
print(type(busy:receive()))
busy:kill("KILL")
print(select(2, busy:wait()))
while process.receive(0) do end
--> stop	stopped
--> nil	timeout
--> number
--> signal	9

-- limits
local spin = process.spawn(function() pcall(function() while true do end end) while true do end end, {limits = {cpu = "20ms"}})
print(select(2, spin:wait()))
--> limit	cpu limit 20 ms
local fuel = process.spawn(function() for i = 1, 1e9 do end end, {limits = {fuel = 100000}})
print(select(2, fuel:wait()))
--> limit	fuel limit 100000 safe points

-- time
local t0 = process.times()
print(process.sleep(0.01))
--> 0.0
local sl = process.spawn(function() process.parent():send(process.sleep(100) > 50) end)
process.sleep(0.005)
print(process.wakeup(sl), (sl:receive()))
--> true	true
sl:wait()

-- many
local n = 200
local ring = {}
for i = 1, n do
  ring[i] = process.spawn(function(next)
    while true do
      local v = process.receive()
      if v == "end" then break end
      process.send(next, v + 1)
    end
  end, {args = {i == 1 and process.getpid() or ring[i - 1]:pid()}})
end
ring[n]:send(0)
print((process.receive()))
for i = 1, n do ring[i]:send("end") end
local dead = 0
while process.wait() do dead = dead + 1 end
print(dead)
--> 200
--> 200
print(pcall(process.receive))
--> false	deadlock: every process and thread waits for another
