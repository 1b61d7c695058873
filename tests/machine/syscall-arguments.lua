-- Every system call with every kind of argument: an error, a result or nil with an errno, never the end of the host.
local sys = require "sys"
local numbers = sys.names()
-- These end, stop, wait or write to the terminal by design; what they refuse is tested below.
local special = {exit = true, wait = true, waitpid = true, sleep = true, nanosleep = true, sigsuspend = true, poll = true,
  alarm = true, setitimer = true, kill = true, fork = true, setrlimit = true, sigaction = true, sigmask = true}
local a = assert(sys.call("mmap", 0, 16384, 3, 34, -1, 0))
sys.call("mprotect", a + 8192, 4096, 1)
local r, w = sys.pipe()
local values = {
  0, 1, -1, 2, r, w, 99, 65535, 65536, a, a + 1, a + 4095, a + 8192, a + 16380, a + 16384, 0xfff, 0x10000, 0xe0000000,
  0xf0000000, 0xfff00000, 0xffffffff, 0x100000000, -4096, 1 << 31, -(1 << 31), 1 << 40, math.maxinteger, math.mininteger,
  "", "x", "/", "..", "\0", ("y"):rep(5000), {}, true, print, 1.5, 2.0, 0/0, 1/0, coroutine.create(print), io.stdout,
}
local state = 12345
local function random(n)
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return state % n + 1
end
local counts = {errors = 0, refused = 0, done = 0}
for name, number in pairs(numbers) do
  if not special[name] then
    for turn = 1, 300 do
      local args = {}
      for i = 1, 6 do args[i] = values[random(#values)] end
      if args[1] == 0 or args[1] == 1 or args[1] == 2 or args[1] == 2.0 then args[1] = r end -- not the test's own streams
      if (name == "close" or name == "dup2") and (args[2] == nil or args[1] == r) then args[1] = 77 end
      if name == "dup2" then args[2] = 1000 end
      if name == "read" or name == "write" or name == "recv" or name == "send" then args[1] = 50 + random(50) end
      if name == "unlink" or name == "rmdir" or name == "remove" or name == "rename" or name == "open"
        or name == "mkdir" or name == "link" or name == "symlink" or name == "chdir" then
        if type(args[1]) == "string" then args[1] = "/no/such/" .. args[1] end
        if type(args[2]) == "string" then args[2] = "/no/such/" .. args[2] end
      end
      local ok, result, message, errno = pcall(sys.call, name, table.unpack(args, 1, 6))
      if not ok then
        counts.errors = counts.errors + 1
      elseif result == nil then
        assert(type(message) == "string" and type(errno) == "number" and errno > 0, name)
        counts.refused = counts.refused + 1
      else
        assert(math.type(result) == "integer", name)
        counts.done = counts.done + 1
      end
    end
  end
end
print(counts.errors > 1000, counts.refused > 1000, counts.done > 100)  --> true true true
-- numbers that are no calls
local found = 0
for number = -5, 2000 do
  local row = pcall(sys.usage, number) and sys.usage(number)
  if not row then
    local result, _, errno = sys.call(number)
    assert(result == nil and errno == sys.errno.ENOSYS, number)
  else
    found = found + 1
  end
end
local known = 0
for _ in pairs(numbers) do known = known + 1 end
print(found == known)  --> true
print(sys.call(math.maxinteger), sys.call(-1))  --> nil nil call: Function not implemented 38
print(pcall(sys.call, "nothing"))  --> false bad argument #1 to 'sys.call' (no system call has this name)
print(select("#", pcall(sys.call)), (pcall(sys.call, {})))  --> 2 false
