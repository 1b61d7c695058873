-- Descriptors: exhaustion, numbers that are not open, both tables (those of sys, and the files of io) under one limit.
--# options --descriptors 40
local sys = require "sys"
local E = sys.errno
local held = {}
while true do
  local fd, message, errno = sys.call("open", "/dev/null", sys.O_RDONLY)
  if not fd then
    print(message, errno == E.EMFILE)  --> /dev/null: Too many open files true
    break
  end
  held[#held + 1] = fd
end
print(#held, held[1], held[#held])  --> 37 3 39
print(select(2, sys.pipe()), (select(2, io.open("/dev/null"))))  --> pipe: Too many open files /dev/null: Too many open files
print(select(3, io.popen("true")) == E.EMFILE, select(3, io.tmpfile()) == E.EMFILE)  --> true true
sys.call("close", held[1])
local f = assert(io.open("/dev/null"))
print(sys.call("dup", held[2]), select(3, sys.call("dup", held[2])) == E.EMFILE)  --> nil true
f:close()
print(sys.call("dup", held[2]))  --> 3
print(sys.call("dup2", held[2], held[3]) == held[3], select(3, sys.call("dup2", 3, 39 + 1)) == E.EMFILE)  --> true true
for _, fd in ipairs(held) do sys.call("close", fd) end
for _, fd in ipairs{3, -1, 100, 65535, 65536, 1 << 20} do
  assert(select(3, sys.call("close", fd)) == E.EBADF, fd)
  assert(select(3, sys.call("lseek", fd, 0, 0)) == E.EBADF, fd)
end
print(select(3, sys.call("close", 1 << 40)) == E.EBADF)  --> true
-- files that nobody closes are closed by the collector, and count no more
for _ = 1, 200 do
  if not io.open("/dev/null") then collectgarbage() assert(io.open("/dev/null")) end
end
-- a closed end: end of file for readers, EPIPE for writers
local r, w = sys.pipe()
sys.call("close", w)
print(sys.read(r))  --> nil
r, w = sys.pipe()
sys.call("close", r)
print(sys.write(w, "x"))  --> nil write: Broken pipe 32
