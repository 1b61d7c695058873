-- A process that may read and write one folder tries to get at the one beside it, by every name it can think of.
local process = require "process"
local here = os.tmpname()
os.remove(here)
assert(os.execute(("mkdir -p %s/in/sub %s/out; cd %s; echo secret >out/secret; echo fine >in/ok; ln -s ../out in/link;" ..
  "ln -s ../out/secret in/slink; ln -s /proc/self in/proc"):format(here, here, here)))

local function attack(here)
  local sys, process, mem, thread = require"sys", require"process", require"mem", require"thread"
  local inn, out = here .. "/in", here .. "/out"
  local bad, tried = {}, 0
  local function no(name, v, m) tried = tried + 1 if v then bad[#bad + 1] = name .. " -> " .. tostring(v) end end
  local O = sys
  for _, p in ipairs{out .. "/secret", inn .. "/../out/secret", inn .. "/link/secret", inn .. "/slink", inn .. "/sub/../../out/secret", inn .. "/link/../out/secret",
    inn .. "//..//out//secret", inn .. "/./link/./secret", inn .. "/ok/../../out/secret", "/../" .. out .. "/secret", inn .. "/proc/cwd/out/secret", inn .. "/proc/root" .. out .. "/secret",
    "/proc/self/cwd", "/proc/self/mem", "/proc/1/environ", "/dev/fd/0", "/dev/stdin", "/proc/thread-self/root", inn .. "/slink\0", inn .. "/link/secret\0", "", ".", "..", inn .. "/.." , inn .. "x", inn .. "/link", inn .. "/link/"} do
    for _, mode in ipairs{"r", "w", "a", "r+", "w+", "a+", "rb"} do
      local f = io.open(p, mode)
      if f then no("open " .. mode .. " " .. p, f) end
    end
    do
    no("stat " .. p, sys.stat(p)) no("list " .. p, sys.list(p))
    if not p:find("slink") and not p:find("link$") then no("lstat " .. p, sys.lstat(p)) end
    no("chdir " .. p, sys.call("chdir", p)) no("loadfile " .. p, loadfile(p)) no("lines " .. p, (pcall(io.lines, p)))
    no("mkdir", sys.call("mkdir", p .. "/d")) no("map", select(2, pcall(mem.map, {size=4096, file=p})) and nil)
    no("readlink", not p:find"slink" and not p:find("link$") and sys.call("readlink", p, mem.map(4096), 4096)) no("searchpath " .. p, package.searchpath("secret", p .. "/?"))
    no("loadlib", package.loadlib(p, "*"))
    no("rename", not p:find"link" and os.rename(p, inn .. "/got")) no("rename to", os.rename(inn .. "/ok", out .. "/put")) no("link " .. p, not p:find"link" and sys.call("link", p, inn .. "/got2")) no("spawn", p ~= "" and process.spawn(p)) no("exec", p ~= "" and select(2,pcall(process.exec,p)) and nil)
    end
  end
  no("symlink up", sys.call("symlink", "..", inn .. "/up") and io.open(inn .. "/up/out/secret"))
  no("symlink abs", sys.call("symlink", "/", inn .. "/abs") and io.open(inn .. "/abs" .. out .. "/secret"))
  no("symlink chain", sys.call("symlink", "up/out/secret", inn .. "/chain") and io.open(inn .. "/chain"))
  no("dangling create", sys.call("symlink", out .. "/new", inn .. "/dang") and io.open(inn .. "/dang", "w"))
  no("rename dir out", os.rename(inn .. "/sub", out .. "/sub"))
  no("rename over link", (function() sys.call("symlink", out, inn .. "/d2") return sys.call("mkdir", inn .. "/d2/made") end)())
  no("rmdir via", sys.call("rmdir", inn .. "/link")) no("unlink via", os.remove(inn .. "/link/secret"))
  no("rename root of permission", os.rename(inn, here .. "/else"))
  -- races: swap a folder for a link while others open through it
  sys.call("mkdir", inn .. "/race") local f = io.open(inn .. "/race/secret", "w") f:write("mine") f:close()
  local stop = false
  local t = thread.create(function() while not stop do os.rename(inn .. "/race", inn .. "/race2") sys.call("symlink", "../out", inn .. "/race") os.remove(inn .. "/race") os.rename(inn .. "/race2", inn .. "/race") end end)
  local deadline = os.clock() + 0.5
  while os.clock() < deadline do local f = io.open(inn .. "/race/secret") if f then local s = f:read("a") f:close() if s ~= "mine" then no("race", s) break end end end
  stop = true t:join() tried = tried + 1
  -- a policy table that changes while it is asked
  local n = 0
  local shifty = setmetatable({}, {__index = function(t, k) n = n + 1 if k == "read" then return {"/"} end end, __pairs = function() return function(_, k) if not k then return "read", true end end end, __len = function() return 1 end})
  local peek = function(P) local f = io.open(P) require"process".parent():send(f and f:read("a") or "no") end
  for name, opts in pairs{meta = {allow = shifty}, metaall = setmetatable({}, {__index = function(_, k) if k == "allow" then return {read = true} end end}), all = {allow = {all = true}}, sandbox0 = {sandbox = false}, root = {allow = {read = {"/"}}},
    dots = {allow = {read = {inn .. "/.."}}}, dotlink = {allow = {read = {inn .. "/link"}}}, lists = {allow = {read = setmetatable({}, {__index = function(_, i) return i == 1 and "/" or nil end, __len = function() return 1 end})}}} do
    if type(rawget(opts, "args")) == "nil" then rawset(opts, "args", {out .. "/secret"}) end
    local ok, child, m = pcall(process.spawn, peek, opts)
    if ok and child then local r = child:receive(5) child:wait() no("child " .. name, r and r ~= "no" and r) else tried = tried + 1 end
  end
  no("fork", (function() local pid = process.fork() if pid == 0 then process.exit(io.open(out .. "/secret") and 7 or 0) end return select(3, process.wait(pid)) == 7 end)())
  no("env", os.getenv"HOME") no("popen", io.popen"ls") no("exec", os.execute"ls") no("tmpname", pcall(os.tmpname)) no("tmpfile", io.tmpfile())
  no("ffi", (function() local ok, ffi = pcall(require, "ffi") if not ok then return end return select(1, pcall(function() return ffi.load"c" end)) or pcall(function() return ffi.C.getpid() end) end)())
  no("cpath", (function() package.cpath = "/usr/lib/x86_64-linux-gnu/lua/5.4/?.so" return pcall(require, "lfs") end)())
  no("searcher", (function() package.path = out .. "/?" return pcall(require, "secret") end)())
  no("preload getreg", (function() local r = debug.getregistry() for k, v in pairs(r) do if type(v) == "function" then local ok, x = pcall(v, out .. "/secret") if ok and type(x) == "userdata" then return x end end end end)())
  no("sys open", sys.call("open", out .. "/secret", 0)) no("openat", sys.call("open", inn .. "/../out/secret", 0, 0)) no("socket", sys.call("socket", 2, 1, 0)) no("sock unix", sys.call("socket", 1, 1, 0))
  for fd = 0, 300 do if fd > 2 then local s = sys.stat(fd) if s and s.type ~= "pipe" then no("inherited fd " .. fd, s.type) end end end
  no("bytecode", (function() local s = string.dump(function(p) return io.open(p) end) for i = 1, #s do for _, c in ipairs{0, 255} do local g = load(s:sub(1, i - 1) .. string.char(c) .. s:sub(i + 1), "x", "b") if g then local ok, f = pcall(g, out .. "/secret") if ok and io.type(f) then return i end end end end end)())
  for _, b in ipairs(bad) do io.write("got through: ", b, "\n") end
  print(tried > 300, #bad)
end

local child = assert(process.spawn(attack, {args = {here}, sandbox = true, limits = {cpu = "60s"},
                                            allow = {read = {here .. "/in"}, write = {here .. "/in"}}}))
print(select(2, child:wait()))
print(io.open(here .. "/out/secret"):read("a"), #require"sys".list(here .. "/out"))
os.execute("rm -r " .. here)
--> true 0
--> exit 0
--> secret
--> 	1
