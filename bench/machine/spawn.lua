-- Processes that come and go, and messages to and fro; for bench/run-machine. Each line: name, tab, microseconds.
local process = require "process"
local count = tonumber((...))
local function clock()
  return select(3, process.times())
end
local function body()
  return #string.rep("x", 3) + math.max(1, 2) -- the library is there
end
local start = clock()
for _ = 1, count do process.wait(process.spawn(body)) end
print(("spawn and wait\t%.2f"):format((clock() - start) / count * 1e6))
local echo = process.spawn(function()
  local parent = process.parent()
  repeat
    local message = parent:receive()
    parent:send(message)
  until message == 0
end)
start = clock()
for i = 1, count do
  echo:send(i)
  assert(echo:receive() == i)
end
print(("message\t%.3f"):format((clock() - start) / count / 2 * 1e6))
echo:send(0)
echo:wait()
