-- rille trace: one line for each call of the chosen groups, with arguments, result and reason; -e, -o.
--# options trace -e file,close,pipe -o /dev/stdout --deny-read=/etc
local sys = require "sys"
io.stdout:setvbuf("line")
local fd = sys.call("open", "trace.lua")  --> open("trace.lua", O_RDONLY, 0666) = 3
sys.call("close", fd)           --> close(3) = 0
sys.call("close", fd)           --> close(3) = -1 EBADF (Bad file descriptor)
io.open("/no/such")             --> open("/no/such", "r") = -1 ENOENT (No such file or directory)
io.open("/etc/passwd")          --> open("/etc/passwd", "r") = -1 EACCES (permission denied (needs --allow-read))
sys.call("open", "x", sys.O_RDWR | sys.O_EXCL)  --> open("x", O_RDWR|O_EXCL, 0666) = -1 ENOENT (No such file or directory)
os.remove("/no/such")           --> remove("/no/such") = -1 ENOENT (No such file or directory)
sys.call("pipe", 12)            --> pipe(0xc) = -1 EFAULT (Bad address)
os.getenv("HOME")
