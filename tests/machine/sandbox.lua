-- Everything that reaches out is refused in a sandbox, by name; what is inside still works.
--# options --sandbox
local sys = require "sys"
local function why(...)
  local result, message, errno = ...
  assert(not result, message)
  assert(errno == 13, message)
  return (message:match("needs %-%-allow%-(%a+)"))
end
print(why(io.open("/etc/passwd")), why(io.open("new", "w")), why(io.tmpfile()), why(io.popen("ls")))  --> read write write run
print(why(os.remove("x")), why(os.rename("x", "y")), why(os.getenv("HOME")), why(os.execute("true")))  --> write read env run
print(why(sys.call("open", "/")), why(sys.call("stat", "x", 0)), why(sys.stat("x")), why(sys.list(".")))  --> read read read read
print(why(sys.call("socket", 2, 1, 0)), why(sys.call("mkdir", "x")), why(sys.call("symlink", "a", "b")))  --> net write read
print(why(sys.call("chdir", "/")), why(sys.directory()), why(sys.call("readlink", "/proc/self/exe", 0, 0)))  --> read read read
for _, f in ipairs{os.tmpname, function() return require "nothing" end, function() dofile("x") end, function() io.lines("x") end} do
  local ok, message = pcall(f)
  assert(not ok and message:find("needs %-%-allow%-%a+"), message)
end
print((select(2, loadfile("x"))))  --> cannot open x: permission denied (needs --allow-read)
print(select(2, package.loadlib("./x.so", "*")))  --> ./x.so: permission denied (needs --allow-native) open
print(os.setlocale("de_DE"), os.setlocale("C"), os.execute())  --> nil C false
print(sys.allowed("read"), sys.allowed("net", "127.0.0.1:80"), sys.allowed("env", "HOME"))  --> false false false
local r, w = sys.pipe()
print(sys.write(w, "still here"), sys.read(r))  --> 10 still here
-- a child has no more, whatever it is given
local process = require "process"
local child = process.spawn(function()
  local f, message = io.open("/etc/passwd")
  print(f, message)
end, {allow = {read = true, all = true}})
process.wait(child)
--> nil /etc/passwd: permission denied (needs --allow-read)
