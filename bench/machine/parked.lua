-- Many processes that wait for a message: what each takes of the host's memory, and how long a collection takes with them.
local process = require "process"
local count = tonumber((...))
local function rss()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s*(%d+)")
    if kib then return tonumber(kib) * 1024 end
  end
end
local function clock()
  return select(3, process.times())
end
local function body()
  process.exit(process.receive())
end

collectgarbage()
local before, pids = rss(), {}
for i = 1, count do pids[i] = process.spawn(body):pid() end
process.yield() -- all of them run until they wait
print(("bytes\t%.0f"):format((rss() - before) / count))
local start = clock()
collectgarbage()
print(("collection ms\t%.1f"):format((clock() - start) * 1e3))
for i = 1, count do process.send(pids[i], i % 256) end
local sum = 0
for _ = 1, count do
  local _, _, code = process.wait()
  sum = sum + code
end
local expected = 0
for i = 1, count do expected = expected + i % 256 end
assert(sum == expected, "all have had their message")
