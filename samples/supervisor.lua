-- A supervisor in the manner of Erlang: workers are processes that may crash; whoever does is replaced, with nothing lost
-- but the job that it choked on; who crashes too often is given up. The workers share nothing, so that a crash, an endless
-- loop or a memory leak in one of them cannot harm the others.
local process = require "process"

-- Workers -------------------------------------------------------------------------------------------------------------

local kinds = {}

function kinds.square(job) return job * job end

function kinds.fragile(job)
  if job % 4 == 0 then error("I do not like " .. job, 0) end
  return -job
end

function kinds.greedy(job)
  if job == 3 then
    local leak = {}
    for i = 1, math.huge do leak[i] = {i} end
  end
  return "took " .. job
end

function kinds.lost(job)
  while job == 5 do end -- nobody will ever see the end of this
  return "done " .. job
end

function kinds.hopeless() process.exit(7) end

-- In the worker: answer jobs one at a time.
local function serve(work)
  local supervisor = process.parent()
  while true do
    local job = supervisor:receive()
    if job == "stop" then return end
    local ok, result = pcall(work, job)
    if not ok then
      io.stderr:write(process.getpid(), ": ", tostring(result), "\n")
      process.exit(1)
    end
    supervisor:send(result)
  end
end

-- The supervisor ------------------------------------------------------------------------------------------------------

local RESTARTS_MAX <const> = 3

local function start(kind)
  return assert(process.spawn(serve, {args = {kinds[kind]}, name = kind, limits = {memory = "4M", cpu = "100ms"}}))
end

-- Give the jobs 1 … count to a worker of that kind, replacing it when it dies. Returns a report.
local function supervise(kind, count)
  local worker, report, restarts = start(kind), {}, 0
  for job = 1, count do
    worker:send(job)
    local result, closed = worker:receive()
    if result ~= nil then
      report[#report + 1] = tostring(result)
    elseif closed == "closed" then
      local _, what, code = worker:wait()
      report[#report + 1] = string.format("<%s %s>", what, code)
      if restarts == RESTARTS_MAX then
        report[#report + 1] = "given up"
        return report
      end
      worker, restarts = start(kind), restarts + 1
    end
  end
  worker:send("stop")
  worker:wait()
  report[#report + 1] = restarts .. " restarts"
  return report
end

for _, kind in ipairs{"square", "fragile", "greedy", "lost", "hopeless"} do
  print(kind, table.concat(supervise(kind, 8), ", "))
end
print("processes left", #process.list())
