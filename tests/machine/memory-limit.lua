--# options --mem 24M
-- A limit of memory: the first excess is an error, the next ends the process; the first process's limit counts all.
local process = require "process"
local hog = process.spawn(function() local t = {} while true do t[#t + 1] = {} end end, {limits = {memory = "4M"}})
print(select(2, hog:wait()))
--> limit	memory limit 4 MiB
local hog2 = process.spawn(function()
  local t = {}
  print(pcall(function() while true do t[#t + 1] = {} end end))
  while true do t[#t + 1] = {} end
end, {limits = {memory = "4M"}})
print(select(2, hog2:wait()))
--> false	not enough memory
--> limit	memory limit 4 MiB
-- children get no more than their parent has, and all of them together no more than the first process
local full, alive = 0, 0
local kids = {}
for i = 1, 8 do
  local kid = process.spawn(function()
    local ok = pcall(function() local t = {} for i = 1, 100000 do t[i] = {i} end process.parent():send(true); process.receive() end)
    if not ok then process.exit(9) end
  end)
  kids[i] = kid
  if kid:receive(50) then alive = alive + 1 end
end
print(alive < 8, alive > 0)
--> true	true
for _, kid in ipairs(kids) do kid:kill("KILL"); kid:wait() end
collectgarbage()
print(select(3, process.spawn(function() local t = {} for i = 1, 100000 do t[i] = {i} end process.exit(5) end):wait()))
--> 5
