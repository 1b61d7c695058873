-- Wild pointers: whatever a call is told to read or write, it looks at the page table first.
local sys = require "sys"
local E = sys.errno
local function errno_of(...)
  local result, _, errno = sys.call(...)
  return result == nil and E[errno] or result
end
local a = assert(sys.call("mmap", 0, 3 * 4096, 3, 34, -1, 0))
local read_only, hole = a + 4096, a + 8192
assert(sys.call("mprotect", read_only, 4096, 1))
assert(sys.call("munmap", hole, 4096))
local r, w = sys.pipe()
-- reading from memory
print(errno_of("write", w, a, 10), errno_of("write", w, read_only, 10))  --> 10 10
print(errno_of("write", w, hole, 1), errno_of("write", w, hole - 1, 2), errno_of("write", w, 0, 1))  --> EFAULT EFAULT EFAULT
print(errno_of("write", w, 0xffffffff, 2), errno_of("write", w, 1 << 32, 1), errno_of("write", w, -1, 1))  --> EFAULT EFAULT EFAULT
print(errno_of("write", w, a, 1 << 32), errno_of("write", w, a, -1), errno_of("write", w, hole, 0))  --> EFAULT EFAULT 0
print(#sys.read(r, 100))  --> 20
-- writing to memory: nothing is taken from the pipe by a call that fails
sys.write(w, "abcdef")
print(errno_of("read", r, read_only, 3), errno_of("read", r, hole, 3), errno_of("read", r, hole - 2, 3))  --> EFAULT EFAULT EFAULT
print(errno_of("read", r, read_only - 2, 3), errno_of("read", r, 12, 3))  --> EFAULT EFAULT
print(errno_of("read", r, read_only - 3, 3), sys.read(r, 100))  --> 3 def
-- structures
print(errno_of("stat", "/", read_only), errno_of("fstat", r, hole - 79), errno_of("fstat", r, 0))  --> EFAULT EFAULT EFAULT
print(errno_of("pipe", read_only), errno_of("getrusage", 0, hole - 95), errno_of("times", 4))  --> EFAULT EFAULT EFAULT
print(errno_of("nanosleep", hole), errno_of("clock_gettime", 1, read_only), errno_of("clock_gettime", 1))  --> EFAULT EFAULT EFAULT
print(errno_of("poll", hole, 1, 0), errno_of("poll", a, 1 << 28, 0), errno_of("poll", a, -1, 0))  --> EFAULT EINVAL EINVAL
print(errno_of("getcwd", read_only, 1000), errno_of("uname", a, 10), errno_of("getrandom", hole, 1))  --> EFAULT ERANGE EFAULT
-- paths: no NUL before the end of what is mapped; too long; in the null page
sys.call("getrandom", a, 4096)
print(errno_of("open", hole), errno_of("open", 0), errno_of("open", 1 << 33))  --> EFAULT EFAULT EFAULT
print(errno_of("open", ("a/"):rep(3000)), errno_of("open", ("a"):rep(300)), errno_of("open", "a\0b"))  --> ENAMETOOLONG ENAMETOOLONG EINVAL
-- a failed pipe leaves no descriptors behind
local before = sys.call("dup", r)
sys.call("close", before)
for _ = 1, 100 do sys.call("pipe", read_only) end
print(sys.call("dup", r) == before)  --> true
