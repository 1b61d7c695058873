-- What the libraries keep in the registry, upvalues and metatables of basic types is replaced by junk, and they are used.
local r = debug.getregistry()
local junk = {1, "x", {}, rawlen, 1.5, true, io.stdout, coroutine.create(rawlen), setmetatable({}, {__index = error, __newindex = error})}
local keys = {} for k in pairs(r) do keys[#keys + 1] = k end for _, k in ipairs{"thread", "mutex", "process", "mem.view", "ffi.state", "ffi.clib", "_HOOKKEY", "_LOADED", "_PRELOAD", "_CLIBS", "_IO_input", "_IO_output", "FILE*", 1, 2} do keys[#keys+1] = k end
local uses = {function() io.write("") end, function() return require "thread" end, function() require"thread".create(rawlen):join() end, function() return require"thread".mutex():lock() end, function() return io.open("/dev/null"):close() end,
  function() local p = require"process" return p.spawn(function() end):wait() end, function() return io.lines("/dev/null")() end, function() return load("return 1")() end, function() return coroutine.wrap(function() coroutine.yield(_G) end)() end,
  function() package.loaded = 5 return require "nothing" end, function() package.searchers = 7 return require "x" end, function() package.path = {} return require"y" end, function() debug.sethook(function() end, "l") local x = 1 debug.sethook() end,
  function() local m = require"mem" local v = m.view("u8", m.map(4096), 3) return v[1], #v end, function() return require"sys".stat("/") end, function() return string.format("%s", io.stdout) end, function() local pid = require"process".fork() if pid == 0 then os.exit(0) end return require"process".wait(pid) end,
  function() local p = require"process" p.spawn(rawlen, {allow = {read = {"/"}}}) p.send(p.getpid(), {1}) return p.receive(0) end, function() setmetatable({}, {__gc = function() end}) collectgarbage() end, function() warn("@on") warn("@off") end, function() return require"signal".raise("USR1") end}
for _, k in ipairs(keys) do for _, j in ipairs(junk) do local old = r[k] r[k] = j
  for _, u in ipairs(uses) do local co = coroutine.create(u) coroutine.resume(co) end r[k] = old end
  local old = r[k] r[k] = nil for _, u in ipairs(uses) do coroutine.resume(coroutine.create(u)) end r[k] = old end
for i, f in ipairs{string.gsub, table.sort, pcall, io.write, require, load} do for n = 1, 5 do debug.getupvalue(f, n) debug.setupvalue(f, n, {}) pcall(debug.upvalueid, f, n) pcall(debug.upvaluejoin, f, n, function() return r end, 1) end end
for _, v in ipairs{nil, 1, "x", true, rawlen, coroutine.create(rawlen)} do local old = debug.getmetatable(v) for _, m in ipairs{{__index = function() error() end, __gc = rawlen, __close = print, __len = error, __eq = error, __lt = error, __call = error, __name = 5, __tostring = error}} do debug.setmetatable(v, m) for _, u in ipairs(uses) do coroutine.resume(coroutine.create(u)) end debug.setmetatable(v, old) end end
print "alive"
--> alive
