-- dofile, loadfile, require, io.lines and io.open of a named pipe wait for its other end, and for what comes, without holding
-- up other threads or processes.
local thread, process = require "thread", require "process"
local path = os.tmpname()
os.remove(path)
assert(os.execute("mkfifo " .. path))

-- The writer comes late, and writes in two pieces; meanwhile a thread of this process goes on.
local function while_others_run(f, text)
  local writer = process.spawn(function(path, text)
    local process = require "process"
    process.sleep(0.03)
    local file = io.open(path, "w")
    file:setvbuf("no")
    file:write(text:sub(1, 5))
    process.sleep(0.03)
    file:write(text:sub(6))
    file:close()
  end, {args = {path, text}})
  local turns, stop = 0, false
  local other = thread.create(function()
    while not stop do
      turns = turns + 1
      thread.sleep(0.002)
    end
  end)
  print(f())
  stop = true
  other:join()
  writer:wait()
  assert(turns >= 3, turns)
end
while_others_run(function() return dofile(path) end, "return 'dofile', 2")               --> dofile 2
while_others_run(function() return loadfile(path)() end, "return 'loadfile'")            --> loadfile
while_others_run(function() return loadfile(path, "t", {x = "its own"})() end, "return x")  --> its own
while_others_run(function() return (select(2, loadfile(path)):gsub("^[^:]*", "F")) end, "x = = 1")
--> F:1: unexpected symbol near '='
while_others_run(function() return pcall(dofile, path) end, "error('inside', 0)")        --> false inside
while_others_run(function()
  local list = {}
  for line in io.lines(path) do list[#list + 1] = line end
  return table.concat(list, "|")
end, "one\ntwo\nthree\n")  --> one|two|three
while_others_run(function()
  local f <close> = io.open(path)
  f:setvbuf("no")
  return f:read("l", "n", "a")
end, "first\n12 rest")  --> first 12  rest
package.path = path
while_others_run(function() return (require("piped")) end, "return {...} and (...)")     --> piped
print(pcall(dofile, path .. "/none") == false, loadfile("/no/such/file"))
--> true nil cannot open /no/such/file: No such file or directory

-- the other end is a thread of the same process
local w = thread.create(function()
  local f = io.open(path, "w")
  f:write("return 'from a thread'")
  f:close()
end)
print(dofile(path), w:join())  --> from a thread true
os.remove(path)
