-- Many processes with 1 MB live each count; one more collects all it can at its memory quota ("hog"), spins ("spin") or is
-- not there ("none"). Prints the turns that the many did for a second of the host thread's processor time.
local process = require "process"
local other, count, seconds = ..., 100, 4
local function host_cpu()
  local f <close> = assert(io.open("/proc/self/schedstat"))
  return f:read("n") / 1e9
end

local function worker()
  local process = require "process"
  local data, turns = {}, 0
  for i = 1, 16000 do data[i] = {i} end
  process.parent():send("ready")
  process.receive()
  repeat
    for i = 1, 2000 do turns = turns + data[i % 16000 + 1][1] % 3 // 2 end
  until process.receive(0)
  process.parent():send(turns)
end

local function hog()
  local t = {}
  while true do
    pcall(function() while true do t[#t + 1] = {} end end)
    for i = 1, 2000 do t[#t] = nil end
  end
end

local workers = {}
for i = 1, count do workers[i] = process.spawn(worker) end
for i = 1, count do workers[i]:receive() end
local companion
if other == "hog" then companion = process.spawn(hog, {limits = {memory = "8M"}}) end
if other == "spin" then companion = process.spawn(function() while true do end end) end
process.sleep(0.3)
local start = host_cpu()
for i = 1, count do workers[i]:send("go") end
process.sleep(seconds)
local used, sum = host_cpu() - start, 0
for i = 1, count do workers[i]:send("stop") end
for i = 1, count do sum = sum + workers[i]:receive() end
print(("turns\t%.0f"):format(sum / used))
if companion then
  assert(companion:status() == "alive", "the companion has ended")
  print(("collections\t%d"):format(companion:getrusage().collections))
  companion:kill("KILL")
end
