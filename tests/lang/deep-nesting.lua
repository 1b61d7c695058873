-- Deeply nested data, calls and blocks.
local t = {} local c = t for i = 1, 10000 do c[1] = {}; c = c[1] end local d = 0 c = t while c[1] do c = c[1]; d = d + 1 end print(d) local function down(n) if n == 0 then return 0 end return 1 + down(n - 1) end print(down(15000)) local function mutual(n) if n == 0 then return "z" end local r = pcall(function() end) and mutual(n - 1) return r end print(mutual(5000)) print(load(("do "):rep(100) .. "return 'blocks' " .. ("end "):rep(100))()) print(load("return " .. ("{"):rep(100) .. ("}"):rep(100)) ~= nil, load("return " .. ("not "):rep(150) .. "nil")()) print(load("local x = 0 " .. ("if true then "):rep(80) .. "x = 1 " .. ("end "):rep(80) .. "return x")()) print(load("return " .. ("function() return "):rep(50) .. "7" .. (" end"):rep(50))()()() ~= nil)
--> 10000
--> 15000
--> z
--> blocks
--> true	false
--> 1
--> true
local co local function chain(n) if n == 0 then return "bottom" end return coroutine.wrap(function() return chain(n - 1) end)() end print(chain(50)) local function pc(n) if n == 0 then error("deep", 0) end local ok, e = pcall(pc, n - 1); error(e, 0) end print(pcall(pc, 150)) local m = setmetatable({}, {__index = function(t, k) if k == 0 then return "base" end return t[k - 1] end}) print(m[100]) local p = {} for i = 1, 60 do p = setmetatable({}, {__index = p}) end print(p.x) local s = "x" for i = 1, 12 do s = s .. s end print(#s) print(#string.rep(("ab"):rep(100), 100, ",")) print(select("#", table.unpack({}, 1, 5000)), (select(200, table.unpack({}, 1, 200)))) print(tostring(down):match "^function: ", tostring(t):match "^table: ", tostring(coroutine.create(print)):match "^thread: ")
--> bottom
--> false	deep
--> base
--> nil
--> 4096
--> 20099
--> 5000	nil
--> function: 	table: 	thread:
