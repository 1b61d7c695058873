-- Messages that nobody takes are bounded by their bytes: large strings, which are shared, and tables. Who sends more waits.
local process = require "process"

local function sender(make)
  local function body()
    local process = require "process"
    local parent = process.parent()
    while true do parent:send(make()) end
  end
  return process.spawn(body, {limits = {memory = "32M"}})
end

-- How many come to wait here while nobody receives? It has stopped when it is blocked.
local function count(make)
  local child, total, seen = sender(make), 0, 0
  local used
  repeat -- until it uses no more processor time, however slow it is
    used = child:getrusage().cpu
    process.sleep(0.2)
  until child:getrusage().cpu - used < 0.0005
  local stopped = child:getrusage().sent
  process.sleep(0.2)
  local later = child:getrusage().sent
  assert(child:status() == "alive")
  for _ = 1, 3 * later do -- room is made: it goes on
    assert(child:receive(5))
    total = total + 1
  end
  child:kill("KILL")
  child:wait()
  repeat until child:receive(0) == nil
  return stopped == later, stopped, total == 3 * later
end

local function show(what, waits, sent, goes_on, least, most)
  print(what, waits and "waits" or "does not wait", sent >= least and sent <= most and "about 16 MiB" or sent, goes_on)
end
local n = 0
local waits, sent, goes_on = count(function() return ("x"):rep(1 << 20) end)
show("strings", waits, sent, goes_on, 15, 17)
waits, sent, goes_on = count(function() local t = {} for i = 1, 20000 do t[i] = {i} end return t end)
show("tables", waits, sent, goes_on, 5, 20)
waits, sent, goes_on = count(function() return {("y"):rep(100000), ("z"):rep(100000)} end)
show("both", waits, sent, goes_on, 60, 90)
--> strings	waits	about 16 MiB	true
--> tables	waits	about 16 MiB	true
--> both	waits	about 16 MiB	true
