-- Who has used more than its turn, by collections of a large heap, is in debt. It does not pay by being looked at: two that
-- exchange messages make the scheduler look hundreds of thousands of times a second. Those that are less urgent get a share.
local process = require "process"
local hog = process.spawn(function()
  local t = {}
  for i = 1, 800000 do t[i] = {i} end -- a collection takes longer than a turn, on any machine
  while true do collectgarbage() end
end)
local partner = process.spawn(function()
  local process = require "process"
  local pong = process.spawn(function()
    local process = require "process"
    while true do process.send(process.parent(), process.receive()) end
  end, {priority = 7})
  local turns = 0
  while true do
    pong:send(1)
    pong:receive()
    turns = turns + 1
  end
end, {priority = 7})
process.sleep(0.5) -- the hog has its heap
local had, other = hog:getrusage().cpu, partner:getrusage().cpu
process.sleep(1.5)
had, other = hog:getrusage().cpu - had, partner:getrusage().cpu - other
print(other > had / 16 and "a share" or ("hog %.3f s, less urgent %.3f s"):format(had, other))
hog:kill("KILL") partner:kill("KILL") hog:wait() partner:wait()
--> a share
