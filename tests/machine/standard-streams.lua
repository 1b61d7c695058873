-- io.stdin, io.stdout, io.stderr, print and error messages go where descriptors 0, 1 and 2 lead.
local sys, process = require "sys", require "process"
local E = sys.errno
local path = os.tmpname()
local function contents()
  local f <close> = assert(io.open(path))
  return f:read("a")
end
local function open_for_writing()
  return assert(sys.call("open", path, sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC))
end
local function redirected(f, n)
  local fd = open_for_writing()
  local saved = assert(sys.call("dup", n or 1))
  assert(sys.call("dup2", fd, n or 1))
  sys.call("close", fd)
  f()
  assert(sys.call("dup2", saved, n or 1))
  sys.call("close", saved)
  return contents()
end

-- what was written before goes to where it was meant to go, what is written now to the new place
io.write("before")
local text = redirected(function()
  print("printed", 1)
  io.write("written ", 2, "\n")
  io.stdout:write("to the stream\n")
  os.execute("echo by a program of the host")
  assert(process.wait(process.spawn(function() print("by a child") end)))
  local pid = process.fork()
  if pid == 0 then
    io.write("by a copy\n")
    process.exit(0)
  end
  process.wait(pid)
  sys.write(1, "by number\n") -- behind what the stream has buffered: nothing now
  io.write("buffered\n")
end)
print(":")  --> before:
io.write(text)
--> printed 1
--> written 2
--> to the stream
--> by a program of the host
--> by a child
--> by a copy
--> by number
--> buffered

-- nothing is written twice by a copy
text = redirected(function()
  local f = io.open(path .. "2", "w")
  f:write("once ")
  io.write("too ")
  local pid = process.fork()
  if pid == 0 then
    f:write("child ")
    f:close()
    process.exit(0)
  end
  process.wait(pid)
  f:close()
end)
print(text, io.open(path .. "2"):read("a"))  --> too  once child 
os.remove(path .. "2")

-- standard error: by the library, by warnings, by an uncaught error
text = redirected(function()
  io.stderr:write("written\n")
  warn("@on")
  warn("beware")
  process.wait(process.spawn(function()
    io.write("") -- nothing
    error("nobody catches this", 0)
  end))
end, 2)
print((text:gsub("%[%d+%]", "[N]"):gsub("\nstack.*", "")))
--> written
--> Lua warning: beware
--> rille: [N] nobody catches this

-- standard input, of the libraries and of load
local f = io.open(path, "w")
f:write("first line\n12 rest\nreturn 42\n")
f:close()
local fd = sys.call("open", path, sys.O_RDONLY)
local saved = sys.call("dup", 0)
sys.call("dup2", fd, 0)
print(io.read("L", "n", "l"))
--> first line
-->  12  rest
print(dofile())  --> 42
print(io.read("a") == "", io.read())  --> true nil
sys.call("lseek", 0, 0, 0)
io.stdin:seek("set", 0)
print(io.lines()())  --> first line
sys.call("dup2", saved, 0)

-- closed
saved = sys.call("dup", 1)
sys.call("close", 1)
local ok, message, errno = io.stdout:write("nowhere")
print("not shown")
local flushed = io.stdout:flush()
sys.call("dup2", saved, 1)
print(ok, message, errno == E.EBADF, flushed)  --> nil Bad file descriptor true true
print(io.stdout:close())  --> nil cannot close standard file

-- a pipe of the machine: its reader is a thread of the same process
local thread = require "thread"
local r, w = sys.pipe()
saved = sys.call("dup", 1)
sys.call("dup2", w, 1)
sys.call("close", w)
local t = thread.create(function()
  local parts = {}
  repeat
    local part = sys.read(r, 1000)
    parts[#parts + 1] = part
  until not part
  return #table.concat(parts)
end)
for i = 1, 20000 do io.write("0123456789") end
sys.call("dup2", saved, 1)
print(t:join())  --> true 200000
os.remove(path)
