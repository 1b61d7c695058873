-- /dev lists the devices; "/" shows it, however the name space is made.
--# options --sandbox --mount .:/ --allow-read=/
local sys = require "sys"
local function listed(path)
  local names = {}
  for _, name in ipairs(assert(sys.list(path))) do
    assert(not names[name], name)
    names[name] = true
  end
  return names
end
print(listed("/").dev, listed("/")["dev-folder.lua"], listed("/dev").clock, listed("/dev/").ram0, listed("dev").null)
--> true true true true true
print(sys.stat("/dev").type, sys.stat("/dev/null").type)  --> directory character
for name in pairs(listed("/dev")) do assert(sys.stat("/dev/" .. name), name) end
local fd = assert(sys.call("open", "/dev", sys.O_RDONLY | sys.O_DIRECTORY))
print(sys.call("fstat", fd, 0))  --> nil fstat: Bad address 14
print((select(2, sys.call("read", fd, require("mem").map(4096), 10))))  --> read: Is a directory
print((select(2, sys.call("open", "/dev", sys.O_WRONLY))))  --> /dev: Is a directory
-- small pieces, and again from the start
local mem = require "mem"
local a = mem.map(4096)
local function entries(size)
  local list = {}
  sys.call("lseek", fd, 0, 0)
  while true do
    local got = assert(sys.call("getdents", fd, a, size))
    if got == 0 then return list end
    local at = 0
    while at < got do
      list[#list + 1] = mem.cstring(a + at + 19)
      at = at + mem.load_u16(a + at + 16)
    end
  end
end
print(table.concat(entries(4096), " ") == table.concat(entries(32), " "), #entries(100) > 10)  --> true true
sys.call("lseek", fd, 0, 0)
print((select(2, sys.call("getdents", fd, a, 8))))  --> getdents: Invalid argument
sys.call("close", fd)
