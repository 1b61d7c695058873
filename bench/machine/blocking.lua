-- One waits in each of the ways there are, again and again; meanwhile this process counts. Each line: the way (a thread of
-- this process waits, or another process), tab, how much of its speed it keeps. Speed is turns by the time that the host
-- thread was not waiting for a processor of the host: on a busy host it means the same as on an idle one, and a host thread
-- that sleeps while there is somebody to run is seen.
local process, thread, sys, signal = require "process", require "thread", require "sys", require "signal"
local SPAN = tonumber((...)) or 0.2
local ROUNDS, MOST_ROUNDS, DOUBTFUL = 3, 9, 0.97

-- Every way waits for 200 ms or more each time it is called. They are passed to processes: no upvalues but these libraries.
local ways = {
  {"io.read of popen", function()
    local f = io.popen("sleep 0.2; echo x")
    local before = io.input()
    io.input(f)
    assert(io.read() == "x")
    io.input(before)
    f:close()
  end},
  {"f:read(\"a\")", function() local f = io.popen("sleep 0.2; echo x") assert(f:read("a") == "x\n") f:close() end},
  {"f:read(\"n\")", function() local f = io.popen("sleep 0.2; echo 12") assert(f:read("n") == 12) f:close() end},
  {"f:read(0)", function() local f = io.popen("sleep 0.2; echo x") assert(f:read(0) == "") f:close() end},
  {"f:lines", function() for _ in io.popen("sleep 0.2; echo x"):lines() do end end},
  {"setvbuf, f:read", function()
    local f = io.popen("sleep 0.2; echo x")
    f:setvbuf("full", 1 << 20)
    assert(f:read(2) == "x\n")
    f:close()
  end},
  {"setvbuf, f:write", function()
    local f = io.popen("sleep 0.2; cat >/dev/null", "w")
    f:setvbuf("full", 1 << 20)
    f:write(("x"):rep(200000))
    f:close()
  end},
  {"popen, close", function() io.popen("sleep 0.2"):close() end},
  {"os.execute", function() os.execute("sleep 0.2") end},
  {"process.sleep", function() require "process".sleep(0.2) end},
  {"process.receive", function() require "process".receive(0.2) end},
  {"process.wait", function()
    local process = require "process"
    process.wait(process.spawn(function() require "process".sleep(0.2) end))
  end},
  {"thread.join", function()
    local thread = require "thread"
    thread.join(thread.create(function() thread.sleep(0.2) end))
  end},
  {"mutex", function()
    local thread = require "thread"
    local m = thread.mutex()
    m:lock()
    local t = thread.create(function() m:lock() m:unlock() end)
    thread.sleep(0.2)
    m:unlock()
    t:join()
  end},
  {"condition", function()
    local thread = require "thread"
    local m, c = thread.mutex(), thread.condition()
    m:lock()
    c:wait(m, 0.2)
    m:unlock()
  end},
  {"sys poll", function()
    local sys = require "sys"
    local r, w = sys.pipe()
    assert(next(sys.poll({[r] = sys.POLLIN}, 200)) == nil)
    sys.call("close", r)
    sys.call("close", w)
  end},
  {"sys read", function()
    local sys, thread = require "sys", require "thread"
    local r, w = sys.pipe()
    local t = thread.create(function() thread.sleep(0.2) sys.write(w, "x") end)
    assert(sys.read(r) == "x")
    t:join()
    sys.call("close", r)
    sys.call("close", w)
  end},
  {"signal.suspend", function()
    local signal = require "signal"
    signal.handle("ALRM", function() end)
    signal.alarm(0.2)
    signal.suspend()
  end},
  {"accept, recv", function()
    local sys, thread = require "sys", require "thread"
    local function call(...) return assert(sys.call(...)) end
    local server = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
    call("bind", server, sys.address("127.0.0.1:0"))
    call("listen", server, 5)
    local a = call("mmap", 0, 4096, 3, 34, -1, 0)
    local size = call("getsockname", server, a, 128)
    local address = require "mem".string(a, size)
    local t = thread.create(function()
      thread.sleep(0.1)
      local client = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
      call("connect", client, address)
      thread.sleep(0.1)
      sys.write(client, "x")
      call("close", client)
    end)
    local fd = call("accept", server, 0, 0)
    assert(call("recv", fd, a, 1, 0) == 1)
    t:join()
    call("close", fd)
    call("close", server)
    call("munmap", a, 4096)
  end},
  {"disk, interrupt", function()
    local device, mem, signal = require "device", require "mem", require "signal"
    local base, R = device.map("ram0"), device.registers("ram0")
    local buffer = mem.map(4096)
    local done = false
    signal.handle("IO", function()
      mem.store_u32(base + R.ACK, 1)
      done = true
    end)
    signal.block("IO")
    mem.store_u32(base + R.CONTROL, R.CONTROL_IRQ)
    mem.store_u32(base + R.LATENCY, 200000)
    mem.store_u32(base + R.ADDRESS, buffer)
    mem.store_u32(base + R.COUNT, 8)
    mem.store_u32(base + R.SECTOR, 0)
    mem.store_u32(base + R.COMMAND, R.COMMAND_READ_DMA)
    while not done do signal.suspend {} end
    mem.unmap(buffer, 4096)
  end, "process"},
  {"clock device", function()
    local sys, mem = require "sys", require "mem"
    local fd = sys.call("open", "/dev/clock", sys.O_RDWR)
    local a = mem.map(4096)
    mem.store_u64(a, 200000000)
    mem.store_u64(a + 8, 0)
    assert(sys.call("ioctl", fd, require "device".ioctl.clock_SET, a, 16))
    assert(sys.call("read", fd, a, 8) == 8)
    sys.call("close", fd)
    mem.unmap(a, 4096)
  end},
  {"connect", function() -- to a server whose queue is full
    local sys, thread, mem = require "sys", require "thread", require "mem"
    local function call(...) return assert(sys.call(...)) end
    local server = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
    call("bind", server, sys.address("127.0.0.1:0"))
    call("listen", server, 0)
    local a = call("mmap", 0, 4096, 3, 34, -1, 0)
    local address = mem.string(a, call("getsockname", server, a, 128))
    local clients = {}
    for i = 1, 3 do -- the last of these waits
      local client = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
      clients[i] = client
      if i == 2 then
        thread.create(function()
          thread.sleep(0.2)
          for _ = 1, 3 do call("close", (call("accept", server, 0, 0))) end
        end)
      end
      call("connect", client, address)
    end
    for _, client in ipairs(clients) do call("close", client) end
    call("close", server)
    call("munmap", a, 4096)
  end},
  {"named pipe", function()
    local thread, name = require "thread", os.tmpname()
    os.remove(name)
    os.execute("mkfifo " .. name)
    local t = thread.create(function() thread.sleep(0.2) local f <close> = io.open(name) return f:read("a") end)
    local f = io.open(name, "w")
    f:write("x")
    f:close()
    assert(select(2, t:join()) == "x")
    os.remove(name)
  end},
}

local stat = assert(io.open("/proc/self/schedstat"))
stat:setvbuf("no")
local function host_wait()
  stat:seek("set")
  local _, waited = stat:read("n", "n")
  return waited / 1e9
end
local function clock()
  return select(3, process.times())
end

-- Turns a second.
local function count_for(seconds)
  local start, waited, turns = clock(), host_wait(), 0
  repeat
    for _ = 1, 10000 do turns = turns + 1 end
  until clock() - start >= seconds
  return turns / (clock() - start - (host_wait() - waited))
end

-- Both speeds are measured several times, in turns, and the best of each compared: what else the host does makes either
-- lower. A few times if nobody can doubt the answer, else more often.
local function measure(name, begin, finish)
  local free, beside, rounds = 0, 0, 0
  repeat
    rounds = rounds + 1
    free = math.max(free, count_for(SPAN))
    local waiter = begin()
    beside = math.max(beside, count_for(SPAN))
    finish(waiter)
  until rounds >= ROUNDS and (beside >= DOUBTFUL * free or rounds >= MOST_ROUNDS)
  print(("%s\t%.4f"):format(name, beside / free))
end

for _, way in ipairs(ways) do
  local name, wait_once = way[1], way[2]
  measure(name .. ", process", function()
    return process.spawn(function() while true do wait_once() end end)
  end, function(child)
    child:kill("KILL")
    child:wait()
  end)
  local done
  if name ~= "signal.suspend" and way[3] ~= "process" then
    measure(name .. ", thread", function()
      done = false
      return thread.create(function() while not done do wait_once() end end)
    end, function(t)
      done = true
      assert(t:join())
    end)
  end
end
