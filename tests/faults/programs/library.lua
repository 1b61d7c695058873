-- The library on the host: files, programs, time, modules; hot enough to be compiled.
local function check(v, ...)
    if not v then error(..., 0) end
    return v, ...
end
local name = check(os.tmpname())
local f = check(io.open(name, "w"))
check(f:setvbuf("full", 300))
for i = 1, 200 do check(f:write("line ", i, "\n")) end
check(f:close())
local n, sum = 0, 0
for line in check(io.open(name)):lines() do n, sum = n + 1, sum + #line end
check(n == 200 and sum == 1492, "the file has other lines: " .. n .. " " .. sum)
f = check(io.open(name, "r+"))
check(f:seek("end", -4))
check(check(f:read("a")) == "200\n", "other bytes at the end")
check(f:close())
check(os.rename(name, name .. ".2"))
check(os.remove(name .. ".2"))
local pipe = check(io.popen("echo from a program"))
check(check(pipe:read("l")) == "from a program", "the program has said something else")
check(pipe:close())
local tmp = check(io.tmpfile())
check(tmp:write(("x"):rep(10000)))
check(tmp:seek("set"))
check(#check(tmp:read("a")) == 10000, "the temporary file is shorter")
local function hot(k) local s = 0 for i = 1, k do s = s + i % 7 end return s end
local total = 0
for i = 1, 300 do total = total + hot(100) end
local big = {}
for i = 1, 20000 do big[i] = {i, tostring(i)} end
collectgarbage()
check(#big == 20000 and big[777][2] == "777", "damaged")
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
check(co() + co() + co() == 6, "coroutine")
check(package.searchpath("no.such", "./?.lua;./?/x.lua") == nil)
print("done", total, n)
