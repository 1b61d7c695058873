-- A server and a client in one machine, over the host's loopback.
--# options --sandbox --allow-net=127.0.0.1
local sys, thread = require "sys", require "thread"
local function call(...) return assert(sys.call(...)) end
local server = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
call("bind", server, sys.address("127.0.0.1:0"))
call("listen", server, 5)
local a = call("mmap", 0, 4096, 3, 34, -1, 0)
local size = call("getsockname", server, a, 128)
local r, w = sys.pipe()
sys.call("write", w, a, size)
local address = sys.read(r)
print(sys.address_text(address):match("^127%.0%.0%.1:%d+$") ~= nil, size)  --> true 16
local t = thread.create(function()
  local fd = call("accept", server, 0, 0)
  local got = sys.read(fd, 100)
  sys.write(fd, "you said " .. got)
  call("shutdown", fd, 1)
  call("close", fd)
end)
local client = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
call("connect", client, address)
sys.write(client, "hello")
print(sys.read(client), sys.read(client))  --> you said hello nil
thread.join(t)
print(sys.call("connect", client, sys.address("10.1.2.3:80")))  --> nil connect: permission denied (needs --allow-net) 13
local other = call("socket", sys.AF_INET, sys.SOCK_STREAM, 0)
print(select(3, sys.call("connect", other, sys.address("127.0.0.1:1"))) == sys.errno.ECONNREFUSED)  --> true
print(select(3, sys.call("bind", other, "rubbish")) == sys.errno.EINVAL, select(3, sys.call("listen", r, 1)) == sys.errno.ENOTSOCK)
--> true true
local unix = call("socket", sys.AF_UNIX, sys.SOCK_STREAM, 0)
print(select(2, sys.call("bind", unix, sys.address("/tmp/x.sock"))))  --> bind: permission denied (needs --allow-net) 13
