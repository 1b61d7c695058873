-- Threads whose process is at its memory limit when they end: the process ends by it, others do not.
local process, thread = require "process", require "thread"
for _ = 1, 5 do
  local child = process.spawn(function()
    local thread = require "thread"
    local function fill() local t = {} while true do t[#t + 1] = {} end end
    for i = 1, 5 do thread.create(fill) end
    fill()
  end, {limits = {memory = "4M"}})
  print(select(2, child:wait()))                    --> limit memory limit 4 MiB
end                                                 --> limit memory limit 4 MiB
                                                    --> limit memory limit 4 MiB
                                                    --> limit memory limit 4 MiB
                                                    --> limit memory limit 4 MiB
local t = thread.create(function() return 1, nil, "x" end)
print(t:join())                                     --> true 1 nil x
