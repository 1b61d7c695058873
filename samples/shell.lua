-- A tiny shell. Each program of a pipeline is a process of the machine: fork makes it, dup2 puts pipes where its input
-- and output were, wait asks how it ended. Try:  rille shell.lua   or   rille shell.lua < expected/shell.in
local process, sys = require "process", require "sys"

-- Programs ------------------------------------------------------------------------------------------------------------
-- They read with io.read, write with io.write, and return an exit code (nothing: 0).

local function fail(...)
  io.stderr:write(string.format(...), "\n")
  return 1
end

-- What the named files hold, or the input if none is named.
local function lines_of(files)
  return coroutine.wrap(function()
    if #files == 0 then files = {false} end
    for _, name in ipairs(files) do
      local file = name and assert(io.open(name)) or io.input()
      for line in file:lines() do coroutine.yield(line) end
    end
  end)
end

local programs = {}

function programs.cat(...)
  for line in lines_of{...} do io.write(line, "\n") end
end

function programs.ls(folder)
  local names, message = sys.list(folder or ".")
  if not names then return fail("ls: %s", message) end
  table.sort(names)
  for _, name in ipairs(names) do
    if not name:find("^%.") then io.write(name, "\n") end
  end
end

function programs.grep(pattern, ...)
  local found
  for line in lines_of{...} do
    if line:find(pattern) then
      io.write(line, "\n")
      found = true
    end
  end
  return found and 0 or 1
end

function programs.wc(...)
  local lines, words, bytes = 0, 0, 0
  for line in lines_of{...} do
    lines, words, bytes = lines + 1, words + select(2, line:gsub("%S+", "")), bytes + #line + 1
  end
  io.write(lines, " ", words, " ", bytes, "\n")
end

function programs.sort(...)
  local all = {}
  for line in lines_of{...} do all[#all + 1] = line end
  table.sort(all)
  for _, line in ipairs(all) do io.write(line, "\n") end
end

function programs.head(count, ...)
  count = tonumber(count) or 10
  for line in lines_of{...} do
    if count == 0 then break end
    io.write(line, "\n")
    count = count - 1
  end
end

function programs.echo(...) io.write(table.concat({...}, " "), "\n") end
function programs.sleep(seconds) process.sleep(tonumber(seconds) or 1) end
function programs.spin() while true do end end
programs["true"] = function() end
programs["false"] = function() return 1 end

function programs.yes(word) -- until nobody reads any more
  repeat until not io.write(word or "y", "\n")
  return 1
end

function programs.limit(what, amount, ...) -- limit cpu 20ms spin
  local ok, message = process.setrlimit(what, amount)
  if not ok then return fail("limit: %s", message) end
  return programs[...](select(2, ...))
end

-- Starting pipelines --------------------------------------------------------------------------------------------------

-- In the child: input and output become descriptors 0 and 1, and the program runs to its end.
local function become(words, input, output, others)
  if input then sys.call("dup2", input, 0) end
  if output then sys.call("dup2", output, 1) end
  for _, fd in pairs(others) do sys.call("close", fd) end
  local ok, result = pcall(programs[words[1]], table.unpack(words, 2))
  if not ok then result = fail("%s: %s", words[1], result) end
  process.exit(result) -- what is buffered is written
end

-- Start all commands of a pipeline at once; the last one's output is the shell's. Returns their numbers.
local function start(commands)
  local pids, input = {}, nil
  io.stdout:flush() -- what the shell has written comes before what they write
  for i, words in ipairs(commands) do
    local read_end, write_end
    if i < #commands then read_end, write_end = sys.pipe() end
    local pid = assert(process.fork())
    if pid == 0 then become(words, input, write_end, {input, write_end, read_end}) end
    pids[i] = pid
    if input then sys.call("close", input) end
    if write_end then sys.call("close", write_end) end
    input = read_end
  end
  return pids
end

-- Jobs ----------------------------------------------------------------------------------------------------------------

local jobs, status = {}, 0

local function code_of(what, code) -- as other shells count
  if what == "exit" then return code end
  return what == "signal" and 128 + code or 137
end

-- Wait until the job ends or is stopped; with "nohang", only look. The last process says how it ended.
local function settle(job, how)
  while #job.pids > 0 do
    local pid, what, code = process.wait(job.pids[1], "stopped", how)
    if not pid then return end
    job.state = what
    if what == "stop" then return end
    table.remove(job.pids, 1)
    job.code = code_of(what, code)
    job.reason = what == "signal" and "signal " .. code or what == "limit" and "stopped: " .. code
  end
  job.state = "done"
end

local function describe(job)
  local state = job.state == "done" and (job.reason or "exit " .. job.code) or job.state == "stop" and "stopped" or "running"
  io.write(string.format("[%d] %-12s %s\n", job.number, state, job.text))
end

local function finish(job) -- in the foreground
  settle(job)
  if job.state == "stop" then
    describe(job)
    status = 147
  else
    if job.reason then io.write(job.reason, "\n") end
    status, jobs[job.number] = job.code, nil
  end
end

local function job_of(word)
  return jobs[tonumber((word or ""):match("^%%(%d+)$"))] or fail("no such job: %s", word or "(none)") and nil
end

local function run(text)
  local background = text:match("^(.-)%s*&%s*$")
  local commands = {}
  for part in (background or text):gmatch("[^|]+") do
    local words = {}
    for word in part:gmatch("%S+") do words[#words + 1] = word:gsub("^%$%?$", tostring(status)) end
    if not programs[words[1]] then
      status = 127
      return io.write((words[1] or "nothing"), ": no such program\n")
    end
    commands[#commands + 1] = words
  end
  local number = #jobs + 1
  local job = {number = number, text = background or text, pids = start(commands), state = "running"}
  jobs[number] = job
  if background then
    io.write("[", number, "] ", table.concat(job.pids, " "), "\n")
  else
    finish(job)
  end
end

-- What must happen in the shell itself --------------------------------------------------------------------------------

local builtins = {}

function builtins.cd(folder)
  local ok, message = sys.call("chdir", folder or "/")
  if not ok then io.write("cd: ", message, "\n") end
  status = ok and 0 or 1
end

function builtins.jobs()
  for number = 1, 100 do
    local job = jobs[number]
    if job then
      settle(job, "nohang")
      describe(job)
      if job.state == "done" then jobs[number] = nil end
    end
  end
  status = 0
end

function builtins.kill(name, word) -- kill TERM %1
  local job = job_of(word)
  for _, pid in ipairs(job and job.pids or {}) do process.kill(pid, name) end
  status = job and 0 or 1
end

function builtins.fg(word)
  local job = job_of(word)
  if not job then status = 1 return end
  for _, pid in ipairs(job.pids) do process.kill(pid, "CONT") end
  job.state = "running"
  finish(job)
end

function builtins.exit(code) os.exit(tonumber(code) or status) end

-- The loop ------------------------------------------------------------------------------------------------------------

for line in io.stdin:lines() do
  io.write("$ ", line, "\n")
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = word end
  if words[1] and words[1]:sub(1, 1) ~= "#" then
    local builtin = builtins[words[1]]
    if builtin then
      builtin(table.unpack(words, 2))
    else
      run(line)
    end
  end
end
for _, job in pairs(jobs) do
  for _, pid in ipairs(job.pids) do process.kill(pid, "KILL") end
end
