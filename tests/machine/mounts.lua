-- Nothing outside of a mount can be reached, by io, by sys, by require.
--# options --mount .:/here:ro --mount ../lang:/lang
local sys = require "sys"
print(io.open("/here/mounts.lua"):read("l"))  --> -- Nothing outside of a mount can be reached, by io, by sys, by require.
local ways = {"/etc/passwd", "/here/../../../etc/passwd", "/here/../../README.md", "../README.md", "mounts.lua", "/proc/self/root/etc/passwd",
  "/here/../../../../../../../proc/self/mem", "//etc/passwd", "/lang/../../unit", "/dev/sda", "/"}
for _, path in ipairs(ways) do
  assert(not io.open(path), path)
  assert(not io.open(path, "w"), path)
  if path ~= "/" then assert(not sys.stat(path), path) end
  assert(not loadfile(path))
  assert(not os.remove(path))
  assert(not sys.call("open", path, sys.O_RDONLY) or path == "/")
end
print(io.open("/here/new", "w"))  --> nil /here/new: Read-only file system 30
print(os.remove("/here/mounts.lua"))  --> nil /here/mounts.lua: Read-only file system 30
print(sys.directory(), sys.stat("/").type, select(3, sys.call("mkdir", "/x")) == sys.errno.ENOENT)  --> / directory true
local names = sys.list("/")
table.sort(names)
print(table.concat(names, " "))  --> dev here lang
print(sys.call("chdir", "/here"), sys.directory(), io.open("mounts.lua") ~= nil, io.open("../../README.md"))
--> 0 /here true nil ../../README.md: No such file or directory 2
print(pcall(dofile, "/here/none.lua"))  --> false cannot open /here/none.lua: No such file or directory
