-- A ring of 10,000 processes. A number goes round; each process adds 1 and hands it on. Processes cost a few KiB and
-- microseconds each, so a program may have one for every thing that it deals with.
--   rille ring.lua [processes [rounds]]
local process = require "process"

local COUNT <const>, ROUNDS <const> = tonumber(arg[1]) or 10000, tonumber(arg[2]) or 3

-- What each of them does: the function is copied into the new process with the number of the next one.
local function link(next)
  while true do
    local value = process.receive()
    process.send(next, value and value + 1) -- false: the end, for the next one, too
    if not value then return end
  end
end

-- The last one made is the first of the ring; the one made first hands on to this process.
local next = process.self()
for _ = 1, COUNT do next = assert(process.spawn(link, {args = {next}, name = "link"})) end
print("processes", #process.list())

local value = 0
for round = 1, ROUNDS do
  next:send(value)
  value = process.receive()
  print("round", round, "value", value)
end

next:send(false)
print("the end came round:", process.receive())
local ended = 0
while true do
  local pid, what, code = process.wait()
  if not pid then break end
  assert(what == "exit" and code == 0)
  ended = ended + 1
end
print("ended", ended, "left", #process.list())
local usage = process.getrusage()
print("messages of this process: sent", usage.sent, "received", usage.received)
