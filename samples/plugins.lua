-- A host for plug-ins that nobody has vetted. Each runs in a process of its own, in a sandbox: it may do what its row says
-- and no more, and when it passes a limit it is ended, whatever it does about it. The host only reports, and goes on.
local process = require "process"

-- What the plug-ins are (elsewhere they would be files), what they may do, and how much of it.
local plugins = {
  {name = "well-behaved", source = [[
    local text = host.ask("text")
    local count = 0
    for _ in text:gmatch("%a+") do count = count + 1 end
    return "counted " .. count .. " words"]]},
  {name = "reader", allow = {read = {"expected"}}, source = [[
    local file = assert(io.open("expected/words.in"))
    return "first line: " .. file:read()]]},
  {name = "spy", allow = {read = {"expected"}}, source = [[
    local file = assert(io.open("expected/../../README.md"))
    return "got " .. file:read()]]},
  {name = "vandal", source = [[
    assert(os.remove("plugins.lua"))]]},
  {name = "caller of programs", source = [[
    return "got " .. assert(io.popen("id")):read()]]},
  {name = "collector of secrets", allow = {env = {"LANG"}}, source = [[
    assert(os.getenv("HOME"))]]},
  {name = "loop", source = [[
    while true do pcall(error) end]]},
  {name = "loop that catches", source = [[
    while true do
      pcall(function() local t <close> = setmetatable({}, {__close = function() while true do end end}) error() end)
    end]]},
  {name = "pattern", source = [[
    return ("a"):rep(40):find(("a-"):rep(20) .. "b")]]},
  {name = "memory eater", source = [[
    local list
    while true do -- "not enough memory" can be caught once; who goes on taking is ended
      pcall(function() while true do list = {list} end end)
    end]]},
  {name = "string eater", source = [[
    local s = "x"
    while true do s = s .. s end]]},
  {name = "fork bomb", source = [[
    while true do require "process".fork() end]]},
  {name = "talker", source = [[
    while true do io.stderr:write(("spam"):rep(1000)) end]]},
  {name = "sleeper", source = [[
    require "process".sleep(1000)]]},
  {name = "murderer", source = [[
    local process = require "process"
    return "killing the host: " .. select(2, process.kill(process.getppid(), "KILL"))]]},
  {name = "traitor", source = [[
    error({"a table", "for", "the", "host"})]]},
  {name = "nonsense", source = [[
    this is not Lua]]},
}

local LIMITS <const> = {cpu = "100ms", time = "10s", memory = "4M", output = 100, processes = 1, threads = 2}

-- In the plug-in's process: its whole world is Lua's library, what the policy lets through, and `host`.
local function guest(program)
  local parent = process.parent()
  host = {ask = function(what)
    parent:send({ask = what})
    return parent:receive()
  end}
  local ok, result = pcall(program)
  parent:send({ok = ok, result = type(result) == "string" and result or type(result)})
end

-- Serve one plug-in until it ends. Returns what is to be said about it.
local function serve(plugin)
  local program, message = load(plugin.source, "=" .. plugin.name, "t")
  if not program then return "refused: " .. message end
  local limits = {}
  for name, amount in pairs(LIMITS) do limits[name] = amount end
  if plugin.name == "sleeper" then limits.time = "50ms" end
  local child = assert(process.spawn(guest, {args = {program}, name = plugin.name, sandbox = true, allow = plugin.allow,
                                             limits = limits}))
  local answer
  while true do
    local request = child:receive()
    if request == nil then break end
    if request.ask == "text" then
      child:send("five words of the host")
    else
      answer = request
    end
  end
  local _, what, code = child:wait()
  if what ~= "exit" then return "stopped: " .. code end
  if not answer then return "ended with " .. code end
  return (answer.ok and "ok: " or "error: ") .. answer.result
end

for _, plugin in ipairs(plugins) do
  print(string.format("%-22s %s", plugin.name, serve(plugin)))
end
print("processes left", #process.list())
