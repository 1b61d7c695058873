-- Who may use a shared segment: by policies.
local mem, process, sys = require "mem", require "process", require "sys"
local E = sys.errno
local function outcome(value, message, errno)
  if value then return "yes" end
  for name, number in pairs(E) do
    if number == errno then return name end
  end
end
local private = mem.shm_get(7, 4096, "cx")
local public = mem.shm_get(8, 4096, "cxp")
local a = mem.shm_attach(public)
mem.store_u32(a, 42)

-- the same policy: everybody's
local child = process.spawn(function(private)
  local mem, process = require "mem", require "process"
  process.parent():send{mem.shm_get(7, 0, "") == private, mem.shm_attach(private) ~= nil}
end, {args = {private}})
print(table.unpack((child:receive())))  --> true true
child:wait()

-- a sandbox: neither by number nor by key, unless it is public
local function boxed(private, public, outcome)
  local mem, process = require "mem", require "process"
  local own = mem.shm_get(7, 8192, "cx") -- a key of its own
  local at = mem.shm_attach(mem.shm_get(8, 0, ""))
  process.parent():send{outcome(mem.shm_attach(private)), outcome(mem.shm_control(private)), own, mem.load_u32(at),
    outcome(mem.shm_attach(public)), outcome(mem.shm_control(private, "remove")), outcome(mem.shm_get(9, 0, ""))}
  process.receive()
end
local options = {sandbox = true, args = {private, public, outcome}}
local one, two = process.spawn(boxed, options), process.spawn(boxed, options)
local of_one, of_two = one:receive(), two:receive()
for i, v in ipairs(of_one) do
  if i ~= 3 then print(v) end
end
--> EACCES
--> EACCES
--> 42
--> yes
--> EPERM
--> ENOENT
print(of_one[3] ~= of_two[3], of_one[3] ~= private, mem.shm_get(7, 0, "") == private)  --> true true true
print(outcome(mem.shm_attach(of_one[3])), mem.shm_control(of_one[3]).size)  --> yes 8192

-- what a sandbox offers under a key is found by nobody above it
local thief = process.spawn(function()
  local mem, process = require "mem", require "process"
  mem.shm_get(10, 4096, "cp")
  process.parent():send(true)
  process.receive()
end, {sandbox = true})
thief:receive()
print(outcome(mem.shm_get(10, 0, "")))  --> ENOENT
for _, p in ipairs{one, two, thief} do
  p:send(1)
  p:wait()
end
print(pcall(mem.shm_get, 1, 1, "z"))
--> false bad argument #3 to 'mem.shm_get' (bad flags ("c": create, "x": it must be new, "p": for everybody))
