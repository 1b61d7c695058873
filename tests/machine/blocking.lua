-- While one waits in each of the ways there are, others run; and what was waited for is whole.
local process, thread, sys = require "process", require "thread", require "sys"
local turns = 0
local done = false
local counter = thread.create(function()
  while not done do turns = turns + 1 thread.yield() end
end)
local function waits(what, f, ...)
  local before = turns
  local result = table.pack(f(...))
  assert(turns - before > 10, what .. " let nobody run: " .. turns - before)
  return table.unpack(result, 1, result.n)
end
local r, w = sys.pipe()
local function later(ms, f) return thread.create(function() sys.call("sleep", ms * 1000000) f() end) end

print(waits("sleep", sys.call, "sleep", 30000000))  --> 0
later(30, function() sys.write(w, "one") end)
print(waits("sys.read", sys.read, r, 100))  --> one
local filler = ("x"):rep(65536)
sys.write(w, filler)
later(30, function() assert(#sys.read(r, 65536) == 65536) end)
print(waits("sys.write", sys.write, w, ("y"):rep(10000)))  --> 10000
print(#sys.read(r, 65536))  --> 10000
print(next(waits("sys.poll", sys.poll, {[r] = sys.POLLIN}, 30)))  --> nil
later(30, function() sys.write(w, "p") end)
print(waits("sys.poll", sys.poll, {[r] = sys.POLLIN, [0] = 0}, 5000)[r], sys.read(r))  --> 1 p
print(waits("os.execute", os.execute, "sleep 0.05; exit 3"))  --> nil exit 3
local f = io.popen("sleep 0.05; printf 'l1\\nl2'; sleep 0.05; printf 'more\\n12'; sleep 0.05; echo 34; sleep 0.05; printf rest")
print(waits("a line", f.read, f))  --> l1
print(waits("the rest of a line", f.read, f, "l"))  --> l2more
print(waits("a number", f.read, f, "n"))  --> 1234
print(waits("all", f.read, f, "L", "a"))
-->
--> 	rest
print(f:close())  --> true exit 0
f = io.popen("for i in 1 2 3 4 5; do sleep 0.02; printf 'abcde'; done")
print(waits("bytes", f.read, f, 22, 10, 1))  --> abcdeabcdeabcdeabcdeab cde nil
print(f:read(1), f:close())  --> nil true exit 0
f = io.popen("for i in 1 2 3; do sleep 0.03; echo $i; done")
print(waits("lines", function() local t = {} for l in f:lines() do t[#t + 1] = l end return table.concat(t, ",") end))  --> 1,2,3
f:close()
f = io.popen("sleep 0.05; exit 7")
print(waits("close", f.close, f))  --> nil exit 7
f = io.popen("sleep 0.05; wc -c", "w")
print(waits("io.write", function() f:write(("z"):rep(200000)) return f:close() end))
--> 200000
--> true exit 0
local child = process.spawn(function() require "sys".call("sleep", 30000000) end)
print(waits("process.wait", process.wait, child) ~= nil)  --> true
-- os.exit in a child ends only that
print(select(2, process.wait(process.spawn(function() os.exit(3) end))))  --> exit 3
print(select(2, process.wait(process.spawn(function() os.exit(false, true) end))))  --> exit 1
-- files over descriptors
local reader, writer = assert(sys.file(r, "r")), assert(sys.file(w, "w"))
later(30, function() writer:write("over a pipe\n") writer:flush() end)
print(reader:read())  --> over a pipe
local slow, text = assert(sys.file(w, "w")), ("0123456789"):rep(20000)
slow:setvbuf("full", 1 << 20)
local reading = thread.create(function() thread.sleep(0.03) return reader:read(#text) end)
print(waits("a large buffer", function() slow:write(text) return slow:flush() end))  --> true
print(select(2, thread.join(reading)) == text)  --> true
-- looking for more
f = io.popen("sleep 0.05; echo x")
print(waits("f:read(0)", f.read, f, 0), f:read(), f:read(0))  --> 	x	nil
f:close()
-- the other end of a named pipe
local name = os.tmpname()
os.remove(name)
os.execute("mkfifo " .. name)
local got
local function read_later()
  return thread.create(function() thread.sleep(0.03) local f <close> = assert(io.open(name)) got = f:read("a") end)
end
local reads = read_later()
local fifo = waits("io.open", io.open, name, "w")
print(fifo:write("opened"):close(), thread.join(reads), got)  --> true true opened
reads = read_later()
waits("io.output", io.output, name)
io.write("output")
io.close()
io.output(io.stdout)
print(thread.join(reads), got)  --> true output
os.remove(name)
done = true
thread.join(counter)
