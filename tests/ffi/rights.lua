-- Who may use the library: not a process with limited rights, unless it is allowed to by name.
local process = require "process"
local function child(options, f)
  print(process.wait(process.spawn(f, options)))
end
local function probe()
  local ok, message = pcall(require, "ffi")
  io.write(tostring(ok), " ", ok and tostring(message.C ~= nil) or message:match("permission denied.*"), "\n")
  if ok then
    io.write(tostring(pcall(message.load, "z")), " ", (select(2, pcall(message.load, "/etc/passwd")):match("permission denied") or "allowed"), "\n")
  end
end
probe()                                              --> true true
--> true allowed
child({sandbox = true}, probe)                       --> false permission denied (needs --allow-ffi)
--> 2 exit 0
child({sandbox = true, allow = {ffi = true}}, probe) --> true true
--> true allowed
--> 3 exit 0
child({sandbox = true, allow = {ffi = {"/usr/lib/none"}}}, probe) --> true false
--> false permission denied
--> 4 exit 0
child({deny = {ffi = true}}, probe)                  --> false permission denied (needs --allow-ffi)
--> 5 exit 0

-- a process that holds cdata is not forked, nor is cdata sent
local ffi = require "ffi"
print(pcall(process.fork))                           --> false a userdata (ffi.clib) cannot be forked
local x = ffi.new("int", 5)
print(select(2, pcall(process.spawn, function() return x end)):match("a cdata cannot be copied")) --> a cdata cannot be copied
