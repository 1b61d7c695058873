-- debug.sethook: call, return, line, count.
local lines = {} local function traced() local a = 1
  a = a + 1
  for i = 1, 2 do
    a = a + i
  end
  return a
end
local base = debug.getinfo(traced, "S").linedefined debug.sethook(function(e, l) local i = debug.getinfo(2, "f") if i.func == traced then lines[#lines + 1] = l - base end end, "l") traced() debug.sethook() print(table.concat(lines, " "))
--> 0 1 2 3 2 3 2 5
local events = {} local function inner() return 1 end local function outer() local r = inner() return r end debug.sethook(function(e) local i = debug.getinfo(2, "nf") if i.func == inner or i.func == outer then events[#events + 1] = e .. ":" .. (i.func == inner and "inner" or "outer") end end, "cr") outer() debug.sethook() print(table.concat(events, " "))
--> call:outer call:inner return:inner return:outer
events = {} local function tail() return inner() end debug.sethook(function(e) local i = debug.getinfo(2, "f") if i.func == inner or i.func == tail then events[#events + 1] = e end end, "cr") tail() debug.sethook() print(table.concat(events, " ")) local n = 0 debug.sethook(function(e) n = n + 1 end, "", 100) for i = 1, 10000 do end debug.sethook() print(n > 50) print(debug.gethook())
--> call tail call return
--> true
--> nil
local h = function() end debug.sethook(h, "crl", 7) local f, m, c = debug.gethook() print(f == h, m, c) debug.sethook() print(pcall(function() debug.sethook(function() error("stopped by hook", 0) end, "", 1000) while true do end end)) debug.sethook() local co = coroutine.create(function() coroutine.yield() local x = 1 return x end) coroutine.resume(co) local seen = 0 debug.sethook(co, function() seen = seen + 1 end, "l") print(debug.gethook(co) ~= nil, debug.gethook()) coroutine.resume(co) print(seen > 0) local depth = 0 debug.sethook(function(e) if e == "call" then depth = depth + 1 end end, "c") string.rep("x", 1) math.abs(1) debug.sethook() print(depth)
--> true	crl	7
--> false	stopped by hook
--> true	nil
--> false
--> 3
do
local function lines_of(source)
  local seen = {}
  local f = assert(load(source, "=lines"))
  debug.sethook(function(_, line) if debug.getinfo(2, "S").source == "=lines" then seen[#seen + 1] = line end end, "l")
  pcall(f)
  debug.sethook()
  return table.concat(seen, " ")
end
print(lines_of "local t = {\n1,\ntype(2),\ntype(3)\n}\nreturn t")
--> 1 2 3 4 5 6
print(lines_of "local a, b = 1, 2\nlocal t = {\na,\nb,\n(type(b))\n}\nreturn t")
--> 1 2 3 4 5 6 7
end
