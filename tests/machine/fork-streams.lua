-- Streams that a fork has copied: they count as the child's descriptors, and go when it is killed.
--# options --descriptors 20
local sys, process = require "sys", require "process"
local E = sys.errno

-- a killed child's streams are closed: the reader sees the end
local r, w = sys.pipe()
local f = sys.file(w, "w")
sys.call("close", w)
f:write("from the parent ")
local pid, child = process.fork()
if pid == 0 then
  f:write("from the child")
  f:flush()
  f:write(" never written")
  process.parent():send(1)
  process.sleep(10)
end
child:receive()
f:close()
print(sys.read(r, 100))  --> from the parent from the child
child:kill("KILL")
print(select(2, child:wait()))  --> signal 9
print(sys.read(r, 100))  --> nil
sys.call("close", r)

-- they are counted, and can be closed for others
local held = {}
for i = 1, 20 do
  held[i] = io.open("/dev/null")
  if not held[i] then break end
end
local count = #held
pid, child = process.fork()
if pid == 0 then
  local _, _, errno = io.open("/dev/null")
  local refused = errno == E.EMFILE
  held[1]:close()
  local again = io.open("/dev/null")
  process.parent():send{refused, io.type(again), (select(3, sys.call("dup", 0))) == E.EMFILE}
  process.exit(0)
end
local answer = child:receive()
child:wait()
print(count, answer[1], answer[2], answer[3])  --> 17 true file true
print(io.type(held[1]), held[1]:read("a") == "")  --> file true
for _, file in ipairs(held) do file:close() end

-- a device, a file of the machine: each side has its own stream over one position
local path = os.tmpname()
f = io.open(path, "w+")
f:write("0123456789")
f:seek("set", 2)
pid, child = process.fork()
if pid == 0 then
  f:write("child")
  f:close()
  process.exit(0)
end
child:wait()
f:write("P")
f:close()
print(io.open(path):read("a"))  --> 01childP89
os.remove(path)
local clock = assert(io.open("/dev/zero", "rb"))
pid, child = process.fork()
if pid == 0 then process.exit(clock:read(3) == "\0\0\0" and 0 or 1) end
print(select(2, child:wait()))  --> exit 0
print(clock:read(2) == "\0\0")  --> true
