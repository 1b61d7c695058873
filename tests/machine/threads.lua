local thread = require "thread"
local t = thread.create(function(a, b) return a + b, "x" end, 1, 2)
print(t:join())
--> true	3	x
print(thread.create(function() error("oops", 0) end):join())
--> false	oops
local m, n = thread.mutex(), 0
local list = {}
for i = 1, 8 do
  list[i] = thread.create(function()
    for k = 1, 500 do
      m:lock()
      local before = n
      for j = 1, 20 do end
      n = before + 1
      m:unlock()
    end
  end)
end
for _, h in ipairs(list) do assert(h:join()) end
print(n)
--> 4000
-- producer and consumer
local c, queue, sum = thread.condition(), {}, 0
local consumer = thread.create(function()
  while true do
    m:lock()
    while #queue == 0 do c:wait(m) end
    local v = table.remove(queue, 1)
    m:unlock()
    if v == "end" then return sum end
    sum = sum + v
  end
end)
for i = 1, 100 do m:lock(); queue[#queue + 1] = i; m:unlock(); c:signal() end
m:lock(); queue[#queue + 1] = "end"; m:unlock(); c:signal()
print(consumer:join())
--> true	5050
-- pre-emption: a loop without end does not keep others from running
local stop = false
local spinner = thread.create(function() while not stop do end return "stopped" end)
thread.sleep(0.01)
stop = true
print(spinner:join())
--> true	stopped
print(m:trylock(), m:trylock(), pcall(m.lock, m))
--> true	false	false	this thread has locked the mutex already
local other = thread.create(function() return m:lock(0.01) end)
print(other:join())
--> true	false
m:unlock()
print(pcall(m.unlock, m))
--> false	this thread has not locked the mutex
print(thread.create(function() thread.sleep(5) end):join(0.01))
--> nil	timeout
