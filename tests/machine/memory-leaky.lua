-- Under a limit of memory, programs that leave much to the collector go on: files that nobody closes, code that nobody calls again.
--# options --mem 32M
local failed = 0
for i = 1, 20000 do
    if not io.open("/dev/zero") or not pcall(io.lines, "/dev/zero", 1) then failed = failed + 1 end
end
print("files that could not be opened: " .. failed)  --> files that could not be opened: 0
local sum = 0
for i = 1, 14000 do
    sum = sum + load("local a = 0 for i = 1, 310 do a = a + 1 end return a + " .. i)()
end
print(sum)  --> 102347000
-- A function made by load counts towards the limit of the process that keeps it, whatever its host may take.
local process = require "process"
local function keep()
    local t = {}
    for i = 1, 1e6 do t[i] = load("return function(a, b) local x" .. i .. " = a return x" .. i .. " + b end") end
end
local child = process.spawn(keep, {limits = {memory = "8M"}})
print(select(2, process.wait(child)))  --> limit	memory limit 8 MiB
