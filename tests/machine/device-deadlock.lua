-- Nobody will ever send: who waits alone is told, however it waits; afterwards waiting works as before.
local sys, process = require "sys", require "process"
local fd = sys.call("open", "/dev/mailbox0", sys.O_RDWR)
print(sys.read(fd))                              --> nil read: Resource deadlock avoided 35
local file = io.open("/dev/mailbox0", "r+b")
file:setvbuf("no")
print(file:read(4))                              --> nil Resource deadlock avoided 35
local r, w = sys.pipe()
print(sys.read(r))                               --> nil read: Resource deadlock avoided 35
local child = process.spawn(function()
  local process = require "process"
  local f = io.open("/dev/mailbox0", "r+b")
  f:setvbuf("no")
  process.sleep(0.01)
  f:write("late")
end)
print(sys.read(fd, 4))                           --> late
process.wait(child)
