-- Every method of every kind of userdata, called with every other kind under its metatable (debug.setmetatable).
local uds = {}
local function add(name, f, ...) local ok, u = pcall(f, ...) if ok and u ~= nil then uds[#uds+1] = {name, u} end end
add("file", io.tmpfile) add("stdout", function() return io.stdout end)
local closed = io.tmpfile() closed:close() add("closed", function() return closed end)
local thread, process, mem, sys, signal = require"thread", require"process", require"mem", require"sys", require"signal"
add("mutex", thread.mutex) add("cond", thread.condition)
add("thr", thread.create, function() end) add("view", function() return mem.view("u8", mem.map(4096), 10) end)
add("proc", process.spawn, function() end)
local okf, ffi = pcall(require, "ffi")
if okf then add("cdata", function() return ffi.new("int[4]") end) add("ctype", function() return ffi.typeof("int") end) add("clib", function() return ffi.C end) add("cptr", function() return ffi.cast("char*", 0) end) end
add("table", function() return {} end) add("num", function() return 1 end) add("fn", function() return print end) add("co", coroutine.create, print)
add("str", function() return "abc" end)
for k, v in pairs(debug.getregistry()) do if type(v) == "userdata" then add("reg " .. tostring(k), function() return v end) end end
local metas = {}
for _, e in ipairs(uds) do local m = debug.getmetatable(e[2]) if m then metas[#metas+1] = {e[1], m} end end
for k, v in pairs(debug.getregistry()) do if type(v) == "table" and type(k) == "string" then metas[#metas+1] = {"reg " .. k, v} end end
local skip = {exit = true, wait=true, join=true, receive=true, kill=true}
local count = 0
local args = {{}, {1}, {"x"}, {1, 2, 3}, {"a", "b"}, {-1}, {2^53|0}, {{}}, {print}, {nil, 1}}
for _, e in ipairs(uds) do
  for _, m in ipairs(metas) do
    local old = debug.getmetatable(e[2])
    local fns = {}
    for k, v in pairs(m[2]) do if type(v) == "function" and not skip[k] then fns[k] = v end end
    local idx = rawget(m[2], "__index") if type(idx) == "table" then for k, v in pairs(idx) do if type(v) == "function" and not skip[k] then fns["i" .. tostring(k)] = v end end end
    for k, f in pairs(fns) do for _, a in ipairs(args) do
      if e[1] ~= "stdout" and not(k:find"lock" or k == "icond" or k:find"wait") then
      if type(e[2])=="userdata" or e[1]=="table" then pcall(debug.setmetatable, e[2], m[2]) end
      count = count + 1
            local co = coroutine.create(f)
      coroutine.resume(co, e[2], table.unpack(a, 1, 3))
      end
      if type(e[2])=="userdata" then pcall(debug.setmetatable, e[2], old) end
    end end
  end
end
collectgarbage() collectgarbage()
print("alive", count > 10000)
--> alive true
