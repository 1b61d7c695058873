-- Runs hostile programs as child processes, one after the other: `rille host.lua TABLE`, a file that returns
-- {{name=, path=, sandbox=, limits=, ends=}, ...}. After each, another process does some work and must do it right; in the end the
-- memory of this process and of the whole host process must be what it was. Reports on standard error.
local process = require "process"

local function say(...)
    io.stderr:write("host: ", string.format(...), "\n")
end

-- What the host's kernel says of this command, KiB.
local function resident()
    local file = io.open("/proc/self/statm")
    if not file then
        return 0
    end
    local _, pages = file:read("n", "n")
    file:close()
    return pages * 4
end

-- A process of good will: strings, tables, patterns, coroutines, the collector, and a globals table as it should be.
local function work()
    local process = require "process"
    local t = {}
    for i = 1, 2000 do t[i] = {i, "text" .. i} end
    table.sort(t, function(a, b) return a[1] > b[1] end)
    collectgarbage()
    local sum = 0
    for _, v in ipairs(t) do sum = sum + v[1] + #v[2]:gsub("%d", "") end
    local co = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end)
    for i = 1, 10 do assert(co() == i) end
    assert(getmetatable("").__index == string and debug.getmetatable(1) == nil and debug.getmetatable(print) == nil)
    assert(_G._G == _G and math.type(3) == "integer" and os.exit and pcall == _ENV.pcall and package.loaded.string == string)
    assert(debug.gethook() == nil and sum == 2000 * 2001 // 2 + 2000 * 4, sum)
    process.parent():send("done")
end

local function check_health()
    local child = assert(process.spawn(work, {limits = {cpu = 5, memory = "32M"}}))
    local answer = child:receive(60)
    local _, what, status = process.wait(child)
    return answer == "done" and what == "exit" and status == 0, what, status
end

local function run(program)
    local child = assert(process.spawn(program.path, {limits = program.limits, name = program.name, sandbox = program.sandbox}))
    local _, what, status = process.wait(child, 120)
    if what == "timeout" then
        process.kill(child, "KILL")
        process.wait(child)
        return "nothing"
    end
    return what == "limit" and status:match("^%w+") or what == "exit" and (status == 0 and "ok" or "error") or what
end

local function count_processes()
    local count = 0
    for _, p in ipairs(process.list()) do
        count = count + 1
        if p.pid ~= process.getpid() then process.kill(p.pid, "KILL") end
    end
    return count
end

local programs = dofile((...))
local failed = 0
local function fail(...)
    failed = failed + 1
    say("FAIL %s", string.format(...))
end

check_health()
collectgarbage()
local before, memory = resident(), process.getrusage().memory
for _, program in ipairs(programs) do
    local end_ = run(program)
    if not program.ends[end_] then
        fail("%s: ended by %s", program.name, end_)
    end
    while process.wait(nil, "nohang") do end
    if count_processes() > 1 then
        process.sleep(0.05) -- what a fork bomb left
        while process.wait(nil, "nohang") do end
    end
    local well, what, status = check_health()
    if not well then
        fail("%s: the process after it: %s %s", program.name, what, status)
    end
end
programs = #programs
collectgarbage()
collectgarbage()
local after, memory_after = resident(), process.getrusage().memory
say("memory of the host process: %d KiB before, %d KiB after; of this program: %d, %d bytes", before, after, memory, memory_after)
if after > before + 16384 or memory_after > memory + (1 << 20) then
    fail("memory has grown")
end
say("%d passed, %d failed", programs - failed, failed)
os.exit(failed == 0)
