-- Every system call, each of its arguments with every kind of value, the others being what the call expects: a result, an
-- error of the library, or nil and an errno; never the end of the machine. Each call has a process of its own, and what waits is
-- interrupted.
local sys, process = require "sys", require "process"

local function try(name, signature)
  local sys, process, signal, mem = require "sys", require "process", require "signal", require "mem"
  local folder = os.tmpname()
  os.remove(folder)
  assert(sys.call("mkdir", folder, 448))
  assert(sys.call("chdir", folder))
  io.open("file", "w"):write("contents of the file\n"):close()
  sys.call("symlink", "loop", "loop")

  -- descriptors of every kind
  local r, w = sys.pipe()
  local full_r, full_w = sys.pipe()
  local kept = {}
  for n = 1, 60 do -- so that full_w, being non-blocking, is full
    sys.call("fcntl", full_w, 4, sys.O_NONBLOCK)
    if not sys.write(full_w, ("x"):rep(4096)) then break end
  end
  local half_r, half_w = sys.pipe()
  sys.call("close", half_w)
  local no_reader_r, no_reader = sys.pipe()
  sys.call("close", no_reader_r)
  local handles = {
    assert(sys.call("open", "file", sys.O_RDONLY)), assert(sys.call("open", "file", sys.O_RDWR)),
    assert(sys.call("open", "file", sys.O_WRONLY | sys.O_APPEND)), assert(sys.call("open", ".", sys.O_RDONLY | sys.O_DIRECTORY)),
    assert(sys.call("open", "/dev", sys.O_RDONLY)), assert(sys.call("open", "/dev/zero", sys.O_RDWR)),
    assert(sys.call("open", "/dev/clock", sys.O_RDWR)), assert(sys.call("open", "/dev/ram0", sys.O_RDWR)),
    assert(sys.call("open", "/dev/mailbox0", sys.O_RDWR)), r, w, full_w, half_r, no_reader,
    assert(sys.call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)), assert(sys.call("socket", sys.AF_UNIX, sys.SOCK_DGRAM, 0)),
  }
  local closed = assert(sys.call("dup", r))
  sys.call("close", closed)

  -- addresses of every kind
  local page = mem.map(8 * 4096)
  mem.protect(page + 2 * 4096, 4096, "r")
  mem.protect(page + 3 * 4096, 4096, "none")
  mem.unmap(page + 6 * 4096, 4096)
  local id = mem.shm_get(0, 4096)
  local segment = mem.shm_attach(id)
  local file_map = mem.map{size = 8192, file = io.open("file", "r+"), shared = true}
  local clock = mem.map{device = "clock"}
  mem.write(page + 64, "file\0")
  local addresses = {
    0, 1, 0xffff, 0x10000, 0x10004, 0x0fffffff, 0x10000000, page, page + 1, page + 64, page + 4090, page + 2 * 4096, page + 3 * 4096,
    page + 6 * 4096 - 4, page + 8 * 4096 - 2, page + 8 * 4096, segment, segment + 4095, file_map + 100, file_map + 4096, clock,
    0xdfffffff, 0xe0000000, 0xf0000000, 0xffefffff, 0xfff00000, 0xfff00ffc, 0xfff01000, 0xffffffff,
  }
  local texts = {"", "file", ".", "..", "/", "/dev/null", "loop", "no/such", "file/x", ("y"):rep(300), ("z/"):rep(3000), "a\0b"}
  local numbers = {
    0, 1, 2, 3, 4, 7, 8, 31, 32, 63, 64, 65, 100, 255, 256, 4095, 4096, 4097, 65535, 65536, 1 << 20, (1 << 20) + 1, 0x7fffffff,
    0x80000000, 0xffffffff, 0x100000000, 1 << 40, math.maxinteger, -1, -2, -100, -4096, -0x80000000, -0x80000001, math.mininteger,
  }
  local others = {{}, true, print, 1.5, 3.0, 0/0, 1/0, -1/0, "12", "0x10", coroutine.create(print), io.stdout, sys}
  local function usual(letter, i)
    if letter == "h" then return r end
    if letter == "p" or letter == "r" then return "file" end
    if ("awbVSTtUWLZP"):find(letter, 1, true) then return page + 256 * i end
    return ({n = 16, c = 1, k = 1, e = 0, g = 0, m = 384, o = 0, x = 0, d = 700})[letter] or 1
  end

  local in_call = false
  signal.handle("ALRM", function() if in_call then error("it waits") end end)
  for _, name in ipairs{"PIPE", "IO", "CHLD", "USR1", "TERM", "HUP", "INT"} do signal.ignore(name) end
  local alone = ({exit = 1, kill = 1, fork = 1, exec = 1, setrlimit = 1, sigaction = 1, sigmask = 1, alarm = 1, setitimer = 1})[name]
  local counts = {done = 0, refused = 0, errors = 0}
  local function guarded(...)
    in_call = true
    local result, message, errno = sys.call(name, ...)
    in_call = false
    return result, message, errno
  end
  local function call(...)
    local ok, result, message, errno = pcall(guarded, ...)
    in_call = false
    if not ok then
      assert(type(result) == "string", name)
      counts.errors = counts.errors + 1
    elseif result == nil then
      assert(type(message) == "string" and errno > 0 and errno < 4096, name)
      counts.refused = counts.refused + 1
    else
      assert(math.type(result) == "integer", name)
      counts.done = counts.done + 1
    end
    return ok and result
  end
  local function attempt(args)
    if alone then -- it may end this process, or change what is used here
      local pid = assert(process.fork())
      if pid == 0 then
        call(table.unpack(args, 1, 6))
        process.exit(0)
      end
      process.wait(pid)
      counts.done = counts.done + 1
      return
    end
    signal.timer("real", 0.002, 0.002)
    local result = call(table.unpack(args, 1, 6))
    signal.timer("real", 0)
    for _, fd in ipairs{0, 1, 2} do assert(sys.call("fcntl", fd, 1, 0), name) end
    if result and (name == "open" or name == "dup" or name == "socket" or name == "accept" or name == "dup2") and result > 2 then
      sys.call("close", result)
    end
    if name == "chdir" then sys.call("chdir", folder) end
    io.open(folder .. "/file", "a"):close()
  end

  if signature == "" then attempt{} end
  for position = 1, #signature do
    local letter = signature:sub(position, position)
    local function with(values)
      for _, v in ipairs(values) do
        local args = {}
        for i = 1, #signature do args[i] = usual(signature:sub(i, i), i) end
        args[position] = v
        local dangerous = (name == "close" or name == "dup2") and math.tointeger(args[name == "dup2" and 2 or 1])
        if not (dangerous and dangerous >= 0 and dangerous < 3) then attempt(args) end
      end
    end
    if letter == "h" or letter == "d" then
      if name ~= "close" then with(handles) end
      with{closed, -1, 65535, 65536, 1 << 31, 1 << 32, math.mininteger}
    end
    with(numbers)
    with(addresses)
    with(texts)
    with(others)
  end
  sys.call("chdir", "/")
  for _, entry in ipairs(sys.list(folder)) do os.remove(folder .. "/" .. entry) end
  os.remove(folder)
  process.parent():send(counts)
end

local total = {done = 0, refused = 0, errors = 0}
-- Root may run this: nothing but the test's own folder and the machine's devices can be changed.
local allow = {read = true, net = true, env = true, write = {
  os.tmpname():match("^(.*)/"), "/dev/ram0", "/dev/zero", "/dev/clock", "/dev/mailbox0"}}
local names = {}
for name in pairs(sys.names()) do
  if name ~= "sigsuspend" then names[#names + 1] = name end -- it would wait for signals that it holds back itself
end
table.sort(names)
for _, name in ipairs(names) do
  local _, signature = sys.usage(name)
  local child = assert(process.spawn(function(...)
    local ok, message = xpcall(try, debug.traceback, ...)
    if not ok then require("process").parent():send(message) end
  end, {args = {name, signature}, name = name, allow = allow, limits = {time = 60, memory = "256M"},
        stdin = "null", stdout = "null", stderr = "null"}))
  local counts = child:receive()
  local _, what, status = child:wait()
  if type(counts) ~= "table" then
    print(name, what, status, counts)
    counts = nil
  end
  for key, count in pairs(counts or {}) do total[key] = total[key] + count end
end
print(total.done > 1000, total.refused > 5000, total.errors > 1000)  --> true true true
print(#process.list())  --> 1
