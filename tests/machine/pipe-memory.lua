-- The ring of a pipe is charged to who writes to it first, and no longer once the pipe is gone.
local sys, process = require"sys", require"process"
local function mem() return process.getrusage().memory end
collectgarbage() local m0 = mem()
local ps = {}
for i = 1, 100 do local r, w = sys.pipe() ps[i] = {r, w} sys.write(w, "x") end
collectgarbage() print(mem() - m0 > 6400000)                                  --> true
local pid = process.fork()
if pid == 0 then for i = 1, 100 do sys.call("close", ps[i][1]) sys.call("close", ps[i][2]) end collectgarbage() process.exit(mem() >= 0 and 0 or 1) end
print(select(2, process.wait(pid)))                            --> exit 0
for i = 1, 100 do sys.call("close", ps[i][1]) sys.call("close", ps[i][2]) end
collectgarbage() print(mem() - m0 < 300000)                                   --> true
