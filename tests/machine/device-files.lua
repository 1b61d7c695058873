--# options --ramdisk 64K
-- Devices as files: io, system calls, poll.
local device, mem, sys = require "device", require "mem", require "sys"
for _, d in ipairs(device.list()) do io.write(d.name, " ") end print()
--> null zero full random urandom console clock mailbox0 mailbox1 mailbox2 mailbox3 ram0
print(io.open("/dev/null"):read(1), io.open("/dev/zero"):read(3) == "\0\0\0", #io.open("/dev/random"):read(100)) --> nil true 100
local full = io.open("/dev/full", "w")
full:setvbuf("no")
print(full:write("x"))                                          --> nil No space left on device 28
print(io.open("/dev/disk0"))                                    --> nil /dev/disk0: No such device or address 6
print(io.open("/dev//dev/null"))                                --> nil /dev//dev/null: No such file or directory 2

-- a disk
local f = assert(io.open("/dev/ram0", "r+b"))
print(f:seek("end"))                                            --> 65536
f:seek("set", 4090)
f:write("across two blocks")
f:seek("set", 4088)
print((f:read(21):gsub("%z", ".")))                             --> ..across two blocks..
f:seek("set", 65530)
f:setvbuf("full")
f:write(("x"):rep(10))
print(select(2, f:flush()))                                     --> No space left on device 28
f:close()

-- descriptors
local fd = assert(sys.call("open", "/dev/ram0", sys.O_RDWR))
local buffer = mem.map(8192)
print(sys.call("pwrite", fd, "hello", 5, 100), sys.call("pread", fd, buffer, 7, 99), mem.string(buffer + 1, 5)) --> 5 7 hello
print(sys.call("lseek", fd, 0, 2), sys.call("read", fd, buffer, 10), sys.call("lseek", fd, -1, 0)) --> 65536 0 nil lseek: Invalid argument 22
print(sys.call("ioctl", fd, device.ioctl.block_SIZE, buffer, 8), mem.load_u64(buffer)) --> 0 65536
print(sys.call("ioctl", fd, device.ioctl.block_SIZE, buffer, 4)) --> nil ioctl: Invalid argument 22
print(sys.call("ioctl", fd, device.ioctl.clock_GET, buffer, 16)) --> nil ioctl: Inappropriate ioctl for device 25
print(sys.call("ioctl", fd, device.ioctl.block_STATS, buffer, 48), mem.load_u64(buffer) > 0, mem.load_u64(buffer + 40)) --> 0 true 1
print(sys.call("fsync", fd), sys.call("ioctl", fd, device.ioctl.block_STATS, buffer, 48), mem.load_u64(buffer + 40)) --> 0 0 0
print(sys.stat(fd).type, sys.stat(fd).size, sys.call("ftruncate", fd, 0)) --> block 65536 nil ftruncate: Invalid argument 22
print(sys.stat("/dev/ram0").size, sys.stat("/dev/null").type, (sys.stat("/dev/disk0"))) --> 65536 character nil
print(sys.call("read", fd, 0x1000, 10))                         --> nil read: Bad address 14
print(sys.call("mmap", 0, 4096, 1, 1, fd, 0) == nil)            --> true
sys.call("close", fd)

-- a timer by descriptor, waited for with poll
fd = assert(sys.call("open", "/dev/clock", sys.O_RDWR))
print(sys.call("read", fd, buffer, 8))                          --> nil read: Invalid argument 22
mem.store_u64(buffer, 2000000)
mem.store_u64(buffer + 8, 1000000)
print(sys.call("ioctl", fd, device.ioctl.clock_SET, buffer, 16)) --> 0
print(next(sys.poll({[fd] = sys.POLLIN}, 5000)) == fd, sys.call("read", fd, buffer, 8), mem.load_u64(buffer) >= 1) --> true 8 true
print(sys.call("read", fd, buffer, 8), mem.load_u64(buffer) >= 1) --> 8 true
sys.call("close", fd)
