-- The program image: the saved chunk of what a process runs, read-only at 0x00010000, shared.
local mem, process, sys = require "mem", require "process", require "sys"
local E = sys.errno

-- this program, made at the first touch
if ... == "again" then
  print(load(mem.string(mem.image()), "again", "b") ~= nil)
  return
end
print(mem.string(0x10000, 4) == "\27Lua")  --> true
local base, size = mem.image()
local image = mem.string(base, size)
print(load(image, "image", "b") ~= nil, mem.load_u64(mem.info + 72) == size)  --> true true
load(image, "image", "b")("again")  --> true

-- what cannot be done there
local function trap(f, ...)
  local ok, message = pcall(f, ...)
  print((message:gsub("^.-:%d+: ", "")))
end
trap(mem.store_u64, 0x10000, 1)         --> page fault: write of 8 bytes at 0x00010000 (read-only)
trap(mem.fill, 0x10002, 10)             --> page fault: write of 10 bytes at 0x00010002 (read-only)
trap(mem.load_u8, 0x0ffff)              --> page fault: read of 1 byte at 0x0000ffff (null page)
trap(mem.load_u8, 0x0ffff000)           --> page fault: read of 1 byte at 0x0ffff000 (not mapped)
local pages = (size + 4095) // 4096
local last = 0x10000 + pages * 4096
print(select(2, pcall(mem.load_u32, last - 2)):find(string.format("at 0x%08x (not mapped)", last), 1, true) ~= nil)  --> true
local function refused(value, message, errno)
  for name, number in pairs(E) do
    if number == errno and value == nil then return print(name) end
  end
  print(value, message, errno)
end
refused(mem.map{size = 4096, addr = 0x10000})                 --> EEXIST
refused(mem.map{size = 4096, addr = 0x10000, fixed = true})   --> EPERM
refused(mem.unmap(0x10000, 4096))                             --> EPERM
refused(mem.protect(0x10000, 4096, "rw"))                     --> EACCES
refused(sys.call("getrandom", 0x10000, 16))                   --> EFAULT
refused(mem.shm_detach(0x10000))                              --> EINVAL
print(mem.map{size = 4096, addr = 0x100000} == 0x100000)      --> true
local region = mem.map_of()[1]
print(region.address == 0x10000, region.kind, region.prot, region.shared)  --> true image r-- true
local r, w = sys.pipe()
print(sys.call("write", w, 0x10000, 4), sys.read(r, 10) == "\27Lua")  --> 4 true

-- a spawned function is its own program; those that run the same share one
local function body()
  local mem, process = require "mem", require "process"
  local f = load(mem.string(mem.image()), "image", "b")
  process.parent():send{f ~= nil, select(2, mem.image()), mem.entry(0x10000).frame}
  process.receive()
end
local a, b = process.spawn(body), process.spawn(body)
local of_a, of_b = a:receive(), b:receive()
print(of_a[1], of_a[2] < size, of_a[2] == of_b[2], of_a[3] == of_b[3])  --> true true true true
a:send(1)
a:wait()
local c = process.spawn(body)
print(c:receive()[3] == of_b[3])  --> true
b:kill() c:kill()
b:wait() c:wait()
local before = mem.usage().frames_used
for i = 1, 20 do
  local p = process.spawn(body)
  p:receive()
  p:send(1)
  p:wait()
end
print(mem.usage().frames_used == before)  --> true

-- a fork shares the image, also if nobody has looked before
local pid, handle = process.fork()
if pid == 0 then
  process.parent():send(mem.string(base, size) == image and mem.entry(base).frame)
  process.exit(0)
end
print(handle:receive() == mem.entry(base).frame)  --> true
handle:wait()

-- exec: an empty space, another image
local path = os.tmpname()
local f = io.open(path, "w")
f:write("local mem = require 'mem'\n",
        "print(#mem.map_of(), select(2, mem.image()) == #string.dump(loadfile(arg[0])), pcall(mem.load_u8, 0x40000000))\n")
f:close()
pid, handle = process.fork()
if pid == 0 then
  mem.map(4096)
  process.exec(path)
end
handle:wait()  --> 2 true false page fault: read of 1 byte at 0x40000000 (not mapped)
os.remove(path)
