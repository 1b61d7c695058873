-- Descriptors that spawn gives to a child: streams, numbers, pipes.
local sys, process = require "sys", require "process"
local E = sys.errno

-- capture: what a child prints, and its error
local child, pipes = process.spawn(function(...)
  print("hello", ...)
  for line in io.lines() do io.write("<", line, ">") end
  error("no more", 0)
end, {args = {1, "x"}, stdin = "pipe", stdout = "pipe", stderr = "stdout"})
pipes.stdin:write("one\ntwo\n")
pipes.stdin:close()
local text = pipes.stdout:read("a")
print((text:gsub("%[%d+%]", "[N]"):gsub("\nstack.*", "")))
--> hello 1 x
--> <one><two>rille: [N] no more
print(select(2, child:wait()))  --> exit 1
print(io.type(pipes.stdin), io.type(pipes.stdout), pipes.stderr)  --> closed file file nil
pipes.stdout:close()

-- much more than a pipe holds, both ways at once
child, pipes = process.spawn(function()
  for line in io.lines() do print(line:rep(10)) end
end, {stdin = "pipe", stdout = "pipe"})
local writer = require("thread").create(function()
  for i = 1, 5000 do pipes.stdin:write("line ", i, "\n") end
  pipes.stdin:close()
end)
local count, bytes = 0, 0
for line in pipes.stdout:lines() do
  count, bytes = count + 1, bytes + #line
end
print(count, bytes, writer:join())  --> 5000 438930 true
child:wait()

-- a pipeline of two children
local r, w = sys.pipe()
local a = process.spawn(function() for i = 1, 3 do print(i) end end, {stdout = w})
local b, p = process.spawn(function() print("sum", io.read("n", "n", "n")) end, {stdin = r, stdout = "pipe"})
sys.call("close", r)
sys.call("close", w)
print(p.stdout:read("l"))  --> sum 1 2 3
a:wait()
b:wait()

-- streams and other numbers; what is buffered comes first
local path = os.tmpname()
local f = io.open(path, "w")
f:write("parent\n")
child = process.spawn(function()
  print("child")
  local s = require "sys"
  s.write(5, "by number\n")
  print(s.call("fstat", 4, 0))
end, {stdout = f, files = {[5] = f}})
child:wait()
f:write("parent again\n")
f:close()
for line in io.lines(path) do print(line) end
--> parent
--> child
--> by number
--> nil fstat: Bad file descriptor 9
--> parent again

-- what goes through a pipe counts as output once
child, p = process.spawn(function() for i = 1, 1000 do print("0123456789") end end, {stdout = "pipe", limits = {output = 105}})
print(#p.stdout:read("a") >= 99, select(2, child:wait()))  --> true limit output limit 105 bytes
child, p = process.spawn(function()
  local process = require "process"
  print("0123456789")
  io.write("0123456789\n")
  io.flush()
  process.parent():send(process.getrusage().output)
end, {stdout = "pipe"})
print(p.stdout:read("a") == "0123456789\n0123456789\n", (child:receive()))  --> true 22
child:wait()
