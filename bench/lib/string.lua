-- Every function of string and utf8, on small, middle and large inputs.
-- add(name, inputs, f): f(n, input) does the work n times; inputs are {small, middle, large}.
local add = ...

local function texts(unit) return {unit, unit:rep(20), unit:rep(2000)} end
local plain = texts "The quick brown fox, 1234. "
local long = texts "abcdefghij"

add("string.byte", plain, function(n, s) local byte = string.byte; for i = 1, n do byte(s, i % #s + 1) end end)
add("string.byte range", plain, function(n, s) local m = math.min(#s, 200); for i = 1, n do local a = s:byte(1, m) end end)
add("string.char", {1, 10, 100}, function(n, k) local t = {}; for i = 1, k do t[i] = 65 + i % 26 end; for i = 1, n do local s = string.char(table.unpack(t)) end end)
add("string.find plain", plain, function(n, s) for i = 1, n do s:find("@", 1, true) end end)
add("string.find pattern", plain, function(n, s) for i = 1, n do s:find "%d%d%d%d%d" end end)
add("string.find anchored", plain, function(n, s) for i = 1, n do s:find "^(%a+) (%a+)" end end)
add("string.match captures", plain, function(n, s) for i = 1, n do s:match "(%a+), (%d+)" end end)
add("string.match lazy", plain, function(n, s) for i = 1, n do s:match "^(.-)%s*$" end end)
add("string.gmatch", plain, function(n, s) for i = 1, n do for w in s:gmatch "%a+" do end end end)
add("string.gsub string", plain, function(n, s) for i = 1, n do s:gsub("o", "0") end end)
add("string.gsub captures", plain, function(n, s) for i = 1, n do s:gsub("(%a)(%a)", "%2%1") end end)
add("string.gsub function", plain, function(n, s) local f = function(c) return c end; for i = 1, n do s:gsub("%a+", f) end end)
add("string.gsub table", plain, function(n, s) local t = {quick = "slow"}; for i = 1, n do s:gsub("%a+", t) end end)
add("string.format %d", {"%d", "%d %d %d", ("%d "):rep(20)}, function(n, f) local k = select(2, f:gsub("%%", "%%")); local t = {}; for i = 1, k do t[i] = i * 37 end; for i = 1, n do local s = f:format(table.unpack(t)) end end)
add("string.format %s", plain, function(n, s) for i = 1, n do local r = ("<%s>"):format(s) end end)
add("string.format %5.2f", {1.5, 123456.789, 1e15}, function(n, v) for i = 1, n do local r = ("%5.2f"):format(v) end end)
add("string.format %q", plain, function(n, s) for i = 1, n do local r = ("%q"):format(s) end end)
add("string.len", plain, function(n, s) local k = 0; for i = 1, n do k = k + s:len() end end)
add("string.lower", plain, function(n, s) for i = 1, n do local r = s:lower() end end)
add("string.upper", plain, function(n, s) for i = 1, n do local r = s:upper() end end)
add("string.rep", {1, 20, 2000}, function(n, k) for i = 1, n do local r = ("abc"):rep(k) end end)
add("string.reverse", plain, function(n, s) for i = 1, n do local r = s:reverse() end end)
add("string.sub 1", plain, function(n, s) for i = 1, n do local r = s:sub(3, 3) end end)
add("string.sub half", plain, function(n, s) local h = #s // 2; for i = 1, n do local r = s:sub(1, h) end end)
add("string.pack", {"<i4", "<i4 d i8 z", "<" .. ("i4"):rep(20)}, function(n, f) local t = {}; for i = 1, 20 do t[i] = i end; if f:find "z" then t = {1, 2.5, 3, "zero"} end; for i = 1, n do local r = string.pack(f, table.unpack(t)) end end)
add("string.unpack", {"<i4", "<i4 d i8 z", "<" .. ("i4"):rep(20)}, function(n, f) local s = ("\1"):rep(80) .. "\0"; for i = 1, n do local a = string.unpack(f, s) end end)
add("string.packsize", {"<i4", "<i4 d i8", "<" .. ("i4"):rep(20)}, function(n, f) for i = 1, n do string.packsize(f) end end)
add("string.dump", {1, 10, 100}, function(n, k) local f = load(("local a = 1 + 2 print(a)\n"):rep(k)); for i = 1, n do string.dump(f) end end)
add("string == ", long, function(n, s) local t = s .. "x"; local u = t:sub(1, -2); local k = 0; for i = 1, n do if s == u then k = k + 1 end end end)
add("string <", long, function(n, s) local t, k = s .. "x", 0; for i = 1, n do if s < t then k = k + 1 end end end)
add("string # and index", long, function(n, s) local k = 0; for i = 1, n do k = k + #s end end)
add("tostring(int)", {7, 123456, math.maxinteger}, function(n, v) for i = 1, n do local s = tostring(v + i % 2) end end)
add("tostring(float)", {0.5, 3.14159265, 1e100}, function(n, v) for i = 1, n do local s = tostring(v) end end)
add("tonumber(string)", {"7", "123456.789", "0x7fffffffffffffff"}, function(n, s) for i = 1, n do local v = tonumber(s) end end)
add("tonumber(string, base)", {"7", "ff00", "zzzzzzzz"}, function(n, s) for i = 1, n do local v = tonumber(s, 36) end end)
local wide = texts "héllo wörld € "
add("utf8.len", wide, function(n, s) for i = 1, n do utf8.len(s) end end)
add("utf8.char", {97, 8364, 0x1F600}, function(n, c) for i = 1, n do local s = utf8.char(c, c) end end)
add("utf8.codepoint", wide, function(n, s) for i = 1, n do local a = utf8.codepoint(s, 1, 4) end end)
add("utf8.codes", wide, function(n, s) for i = 1, n do for _, c in utf8.codes(s) do end end end)
add("utf8.offset", wide, function(n, s) local k = utf8.len(s) // 2; for i = 1, n do utf8.offset(s, k) end end)
