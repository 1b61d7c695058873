-- Locals of hot frames that are changed from outside: by a callee, below functions of C, from another thread.
local function poke(level, name, value)
  for i = 1, 100 do
    local found = debug.getlocal(level + 1, i)
    if found == name then debug.setlocal(level + 1, i, value) return end
  end
end

local function direct(at)
  local x, s = 1, 0
  for i = 1, 400 do
    if i == at then poke(1, "x", 0.5) end
    s = s + x
  end
  return s, x
end
print(direct(0))                        --> 400 1
print(direct(200))                      --> 299.5 0.5
print(direct(400))                      --> 399.5 0.5

-- below table.sort, string.gsub, pcall
local function sorting(value)
  local x, s = 1, 0
  for i = 1, 300 do
    local t = {3, 1, 2}
    if i == 150 then
      table.sort(t, function(a, b) poke(3, "x", value) return a < b end)
    else
      table.sort(t, function(a, b) return a < b end)
    end
    s = s + x
  end
  return s, x
end
print(sorting(2))                       --> 451 2
print(sorting(0.25))                    --> 186.75 0.25
print((pcall(sorting, {})))             --> false
local function replacing(value)
  local x, s = 1, ""
  for i = 1, 300 do
    ("ab"):gsub("a", function() if i == 299 then poke(3, "x", value) end end)
    s = x
  end
  return s
end
print(replacing("text"))                --> text
print(replacing(false))                 --> false
local function catching(value)
  local x, n = 1, 0
  for i = 1, 300 do
    pcall(function() if i % 100 == 0 then poke(3, "x", value) end end)
    n = n + x
  end
  return n
end
print(catching(10))                     --> 2109

-- two levels up, through compiled code that is returned to
local function inner(i) if i == 250 then poke(3, "x", 7.5) end return i end
local function middle(i) return inner(i) + 0 end
local function outer()
  local x, s = 1, 0
  for i = 1, 300 do middle(i) s = s + x end
  return s
end
print(outer())                          --> 631.5

-- from a coroutine that was resumed, and of one that is suspended
local function resumer()
  local x, s = 1, 0
  local main = coroutine.running()
  for i = 1, 300 do
    coroutine.wrap(function()
      if i == 200 then
        for n = 1, 100 do
          if debug.getlocal(main, 1, n) == "x" then debug.setlocal(main, 1, n, 2.5) break end
        end
      end
    end)()
    s = s + x
  end
  return s
end
print(resumer())                        --> 451.5
local co = coroutine.create(function()
  local x, s = 1, 0
  for i = 1, 300 do
    if i % 100 == 0 then coroutine.yield() end
    s = s + x
  end
  return s
end)
coroutine.resume(co)
for n = 1, 10 do
  if debug.getlocal(co, 1, n) == "x" then debug.setlocal(co, 1, n, 0.5) end
end
coroutine.resume(co)
coroutine.resume(co)
print(coroutine.resume(co))             --> true 199.5
print(debug.gethook())                  --> nil
