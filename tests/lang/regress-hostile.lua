-- Found by hostile programs: each of these once went wrong.

-- assert puts the position before its message, as error does
print(pcall(function() assert(false) end))
--> false	regress-hostile.lua:4: assertion failed!
print(pcall(function() assert(nil, "x") end))
--> false	regress-hostile.lua:6: x
print(pcall(assert, nil, "x"))
--> false	x
print(select("#", pcall(assert, false, {})), pcall(assert, false, 5))
--> 2	false	5

-- an error handler that fails over and over leaves no C depth behind
for i = 1, 50 do
  xpcall(error, function(m) error(m) end, "x")
  xpcall(error, error, "x")
  xpcall(error, function(m) return coroutine.wrap(function() error(m) end)() end, "x")
end
local function nest(n) return coroutine.wrap(function() if n == 0 then return 0 end return 1 + nest(n - 1)() end) end
print(nest(100)(), pcall(string.rep, "x", 3))
--> 100	true	xxx
print((("abc"):gsub(".", function(c) return (c:gsub(".", function(d) return d .. d end)) end)))
--> aabbcc

-- a __close that is gone when it is needed
print(pcall(function()
  local v = setmetatable({}, {__close = print})
  do
    local x <close> = v
    getmetatable(v).__close = nil
  end
end))
--> false	regress-hostile.lua:30: attempt to call a nil value (metamethod 'close')
