-- Programs of the host get the descriptors of the process that starts them, be these pipes of the machine.
local process, sys = require "process", require "sys"
local function run(f, options)
  local child, pipes = assert(process.spawn(f, options or {stdin = "pipe", stdout = "pipe", stderr = "pipe"}))
  return child, pipes
end

local child, p = run(function()
  io.write("before ")
  print(os.execute("cat; echo out; echo err >&2"))
  io.write("after\n")
end)
p.stdin:write("given ")
p.stdin:close()
print(p.stdout:read("a"), p.stderr:read("a"), select(2, child:wait()))
--> before given out
--> true	exit	0
--> after
--> 	err
--> 	exit	0

-- more than a pipe holds, and what was in it before; who reads waits already
child, p = run(function()
  sys.write(1, ("a"):rep(60000))
  assert(os.execute("head -c 200000 /dev/zero | tr '\\0' b"))
  sys.write(1, "c")
end)
local text = p.stdout:read("a")
print(#text, text:find("^a+b+c$"), select("#", text:gsub("b", "")), select(2, child:wait()))  --> 260001 1 2 exit 0

-- popen: what it leaves alone goes where the process's own goes
child, p = run(function()
  local f = assert(io.popen("echo to stderr >&2; cat", "r"))
  io.write(f:read("a"))
  print(f:close())
  local g = assert(io.popen("tr a-z A-Z", "w"))
  g:write("shouted\n")
  print(g:close())
end)
p.stdin:write("read by cat\n")
p.stdin:close()
print(p.stdout:read("a"), p.stderr:read("a"), select(2, child:wait()))
--> read by cat
--> true	exit	0
--> SHOUTED
--> true	exit	0
--> 	to stderr
--> 	exit	0

-- a reader that has gone: the command gets SIGPIPE, the process EPIPE
child, p = run(function()
  process.parent():receive()
  local ok, what, code = os.execute("yes")
  process.parent():send{ok = ok, code = code % 128, write = select(2, sys.write(1, "x"))}
end)
p.stdout:close()
child:send "go"
local r = child:receive()
print(r.ok, r.code, r.write)  --> nil 13 write: Broken pipe

-- nothing, zeros, closed
child, p = run(function()
  print(io.popen("wc -c"):read("n"))
  assert(sys.call("close", 0))
  print(io.popen("wc -c"):read("n"))
  print(os.execute("echo nowhere >&2"))
end, {stdin = "null", stdout = "pipe", stderr = "null"})
print(p.stdout:read("a"))
--> 0
--> 0
--> true	exit	0
-->
child:wait()

-- all ends of the pipe, wherever they are, go on with it: a child of the child, dup, poll
local r, w = sys.pipe()
local again = sys.call("dup", r)
child = process.spawn(function()
  local grandchild = process.spawn(function() print("grandchild", io.read()) end)
  os.execute("echo command; read line; echo $line")
  grandchild:wait()
end, {stdout = w, stdin = io.popen("echo one; sleep 0.2; echo two")})
sys.call("close", w)
child:wait()
local lines = {}
for line in (sys.read(again, 1000)):gmatch("%S+") do lines[#lines + 1] = line end
table.sort(lines)
print(table.concat(lines, " "), #(sys.read(r, 10) or ""))
--> command grandchild one two 0
