-- The load of tests/soak: rille soak.lua SECONDS. Processes are born, fed, killed, forked, swapped, in rounds that are all alike, so
-- whatever the host process has after a round it must have after every later one. Prints a line for each tenth of the time,
-- and fails if memory, descriptors or mappings grow, a counter does not fit, or a process is left over.
local process, mem, sys, signal = require "process", require "mem", require "sys", require "signal"
local seconds = tonumber(arg[1]) or 60
local born, killed, forked, messages = 0, 0, 0, 0

local function read(path)
  local f = io.open(path)
  local text = f and f:read "a" or ""
  if f then f:close() end
  return text
end
local function lines(text) return select(2, text:gsub("\n", "")) end

-- What the host process has: memory of its own in MiB, descriptors, mappings.
local function census()
  collectgarbage() collectgarbage()
  local own = tonumber(read "/proc/self/status":match "RssAnon:%s+(%d+)") or 0
  local files = sys.list and sys.list "/proc/self/fd"
  return {memory = own / 1024, descriptors = files and #files or 0, mappings = lines(read "/proc/self/maps")}
end

local function born_one(f, options)
  local child = assert(process.spawn(f, options))
  born = born + 1
  return child
end

local function echo()
  local process = require "process"
  local parent = process.parent()
  while true do
    local m = process.receive()
    if m == nil or m == "end" then break end
    parent:send(m)
  end
end

local function feed()
  local children = {}
  for i = 1, 20 do children[i] = born_one(echo) end
  for round = 1, 5 do
    for i, c in ipairs(children) do c:send{round, i, ("x"):rep(i * 100)} end
    for _ = 1, #children do
      local m = assert(process.receive())
      assert(#m[3] == m[2] * 100)
      messages = messages + 1
    end
  end
  for _, c in ipairs(children) do c:send "end" end
  for _, c in ipairs(children) do
    local _, what, status = c:wait()
    assert(what == "exit" and status == 0, what)
  end
end

local function kill()
  local children = {}
  for i = 1, 20 do
    children[i] = born_one(function() local t = {} while true do t[#t % 1000 + 1] = {} end end)
  end
  process.yield()
  for i, c in ipairs(children) do c:kill(i % 2 == 0 and "KILL" or "TERM") end
  for _, c in ipairs(children) do
    local _, what, status = c:wait()
    assert(what == "signal" and (status == 9 or status == 15), what)
    killed = killed + 1
  end
end

local function limits()
  local child = born_one(function() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end, {limits = {memory = "1M"}})
  local _, what = child:wait()
  assert(what == "limit" or what == "exit", what)
  child = born_one(function() while true do end end, {limits = {cpu = "5ms"}})
  _, what = child:wait()
  assert(what == "limit", what)
end

local function fork()
  local page = mem.map(64 * 4096, "rw")
  for i = 0, 63 do mem.store_u32(page + i * 4096, i) end
  for _ = 1, 5 do
    local child = assert(process.fork())
    if child == 0 then
      for i = 0, 63 do mem.store_u32(page + i * 4096, mem.load_u32(page + i * 4096) + 1) end
      os.exit(mem.load_u32(page + 63 * 4096))
    end
    forked = forked + 1
    local _, what, status = process.wait(child)
    assert(what == "exit" and status == 64, status)
  end
  for i = 0, 63 do assert(mem.load_u32(page + i * 4096) == i) end
  mem.unmap(page, 64 * 4096)
end

-- More pages than there are frames (tests/soak gives 4 MiB): they go to the swap file and come back.
local function swap()
  local count = 1500
  local page = mem.map(count * 4096, "rw")
  for i = 0, count - 1 do mem.store_u32(page + i * 4096, i * 7) end
  for i = 0, count - 1 do assert(mem.load_u32(page + i * 4096) == i * 7) end
  mem.unmap(page, count * 4096)
end

local function files()
  local r, w = sys.pipe()
  for i = 1, 10 do
    assert(sys.write(w, "piped") == 5)
    assert(sys.read(r) == "piped")
  end
  sys.call("close", r) sys.call("close", w)
  local name = os.tmpname()
  for i = 1, 10 do
    local f = assert(io.open(name, "w"))
    f:write(i)
    if i % 2 == 0 then f:close() end -- the others are the collector's
  end
  os.remove(name)
end

local function signals()
  local count = 0
  signal.handle("USR1", function() count = count + 1 end)
  for _ = 1, 50 do signal.raise "USR1" end
  signal.default "USR1"
  assert(count == 50)
end

local rounds, base, last = 0, nil, os.time()
local start = os.time()
repeat
  feed() kill() limits() fork() swap() files() signals()
  rounds = rounds + 1
  assert(not process.wait(), "a process is left over")
  if rounds == 5 then base = census() end
  if base and os.time() - last >= seconds / 10 then
    local now = census()
    print(("%5d s  %6d born  %5d killed  %5d forked  %7d messages  %6.1f MiB  %3d descriptors  %4d mappings"):format(
      os.time() - start, born, killed, forked, messages, now.memory, now.descriptors, now.mappings))
    last = os.time()
  end
until os.time() - start >= seconds and rounds >= 6

local now = census()
print(("%d rounds: memory %.1f -> %.1f MiB, descriptors %d -> %d, mappings %d -> %d"):format(rounds, base.memory, now.memory,
  base.descriptors, now.descriptors, base.mappings, now.mappings))
assert(now.memory <= base.memory * 1.2 + 8, "memory grows")
assert(now.descriptors <= base.descriptors, "descriptors leak")
assert(now.mappings <= base.mappings * 1.2 + 32, "mappings leak")
assert(born == rounds * 42 and killed == rounds * 20 and forked == rounds * 5 and messages == rounds * 100, "counters")
print "flat"
