-- fork goes on in both processes, wherever it is called
local process = require "process"
local function exit_of(pid) return select(3, process.wait(pid)) end

local t = {1, 2, {x = "y"}}
local pid = process.fork()
if pid == 0 then
  t[3].x = "child"
  process.exit(#t + (t[3].x == "child" and 10 or 0))
end
print(exit_of(pid), t[3].x)
--> 13	y

-- in pcall, a coroutine, a comparator, a metamethod, an iterator
local function in_child(n) process.exit(n) end
print(exit_of(select(2, pcall(function() local p = process.fork(); if p == 0 then in_child(1) end return p end))))
--> 1
local co = coroutine.wrap(function() local p = process.fork(); coroutine.yield(p) end)
local p = co()
if p == 0 then in_child(2) end
print(exit_of(p))
--> 2
local forked
local list = {5, 3, 8, 1, 9, 2}
table.sort(list, function(a, b) if not forked then forked = process.fork() end return a < b end)
if forked == 0 then in_child(table.concat(list) == "123589" and 3 or 99) end
print(exit_of(forked), table.concat(list))
--> 3	123589
local m = setmetatable({}, {__add = function(a, b) return process.fork() end, __index = function(_, k) return process.fork() end})
p = m + 1
if p == 0 then in_child(4) end
print(exit_of(p))
--> 4
p = m.field
if p == 0 then in_child(5) end
print(exit_of(p))
--> 5
local sum = 0
for k, v in pairs({a = 1, b = 2, c = 3}) do
  sum = sum + v
  if k == "b" then p = process.fork() end
end
if p == 0 then in_child(sum) end
print(exit_of(p))
--> 6
for w in ("one two three"):gmatch("%a+") do
  if w == "two" then p = process.fork() end
  if p == 0 and w == "three" then in_child(7) end
end
print(exit_of(p))
--> 7

-- a C frame is in the way
print(pcall(string.format, "%s", setmetatable({}, {__tostring = function() return process.fork() and "x" or "y" end})))
--> false	fork.lua:54: cannot fork inside string.format

-- memory, signals, time
local signal = require "signal"
signal.handle("USR1", function() process.exit(42) end)
p = process.fork()
if p == 0 then while true do end end
process.kill(p, "USR1")
print(exit_of(p))
--> 42

-- a tree of processes; each prints once
local depth = 0
for i = 1, 3 do if process.fork() == 0 then depth = depth + 1 end end
local n = 1
while true do
  local who, what, code = process.wait()
  if not who then break end
  n = n + code
end
if process.getpid() ~= 1 then process.exit(n) end
print(n)
--> 8

-- what the child closes, closes there
do
  local closed = 0
  local pid
  do
    local c <close> = setmetatable({}, {__close = function() closed = closed + 1 end})
    pid = process.fork()
  end
  if pid == 0 then process.exit(closed) end
  print(closed, exit_of(pid))
end
--> 1	1
