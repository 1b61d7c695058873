-- Concatenation of many values, of long and short strings.
print("a" .. "b" .. "c" .. 1 .. 2.5 .. "d", "x" .. 1 + 2, 1 .. 2) local s = "" for i = 1, 10 do s = s .. i .. "," end print(s) local t = {} for i = 1, 300 do t[i] = "'" .. i .. "'" end print(#load("return " .. table.concat(t, "..", 1, 100))()) local a, b = ("x"):rep(100), ("y"):rep(100) local c = a .. b print(#c, c:sub(100, 101), c == a .. b, a .. "" == a, "" .. "" == "")
--> abc12.5d	x3	12
--> 1,2,3,4,5,6,7,8,9,10,
--> 192
--> 200	xy	true	true	true
local kept = {} local r = "" for i = 1, 50 do r = r .. "ab"; kept[i] = r end print(#kept[1], #kept[25], #kept[50], kept[2], kept[25] == ("ab"):rep(25)) local p = "base" local q = p .. "1" local w = p .. "2" print(p, q, w) local l = ("z"):rep(5000) local m = l .. "!" local n = l .. "?" print(#m, m:sub(-1), n:sub(-1), #l, l:find "!") for _, f in ipairs {function() return "a" .. nil end, function() return {} .. "a" end, function() return "a" .. "b" .. true end, function() return print .. "" end, function() local v; return 1 .. v end, function() return ("x") .. (nil) .. "y" end} do print(select(2, pcall(f))) end
--> 2	50	100	abab	true
--> base	base1	base2
--> 5001	!	?	5000	nil
--> concat.lua:7: attempt to concatenate a nil value
--> concat.lua:7: attempt to concatenate a table value
--> concat.lua:7: attempt to concatenate a boolean value
--> concat.lua:7: attempt to concatenate a function value (global 'print')
--> concat.lua:7: attempt to concatenate a nil value (local 'v')
--> concat.lua:7: attempt to concatenate a nil value
local mt = {__concat = function(x, y) return (type(x) == "table" and "T" or x) .. "+" .. (type(y) == "table" and "T" or y) end} local o = setmetatable({}, mt) print(o .. "a", "a" .. o, "a" .. "b" .. o .. "c" .. "d", o .. o, 1 .. o, o .. 2.5) local parts = {} for i = 1, 1000 do parts[#parts + 1] = i % 10 end print(#table.concat(parts), table.concat(parts, "", 991)) local u = "é" u = u .. u .. u print(#u, utf8.len(u)) local z = "a\0b" .. "\0" print(#z, z:byte(1, -1))
--> T+a	a+T	abT+cd	T+T	1+T	T+2.5
--> 1000	1234567890
--> 6	3
--> 4	97	0	98	0
-- however a short string came about, it is the same one, and again after a collection
local bytes = "a\0\255b\128cdefghij\0klmnopqrstuvwxyz\200\201ABCDEFGHIJKLMN"
local known, wrong = {}, 0
for n = 1, #bytes do known[bytes:sub(1, n)] = n end
for round = 1, 3 do
  for n = 2, #bytes do
    for k = 1, n - 1 do
      local joined = bytes:sub(1, k) .. bytes:sub(k + 1, n)
      if known[joined] ~= n or #joined ~= n or joined ~= bytes:sub(1, n) then wrong = wrong + 1 end
    end
    if n % 10 == 0 then collectgarbage() end
  end
end
print(#bytes, wrong)
--> 46	0
local parts = {}
for i = 1, 600 do parts[i] = ("%x"):format(i * 7919) end
local function joined_wrongly(turn)
  local count = 0
  for i = 1, #parts do
    local s = parts[i] .. parts[#parts + 1 - i]
    if s ~= ("%s%s"):format(parts[i], parts[#parts + 1 - i]) then count = count + 1 end
    if i % 100 == turn then collectgarbage() end
  end
  return count
end
print(joined_wrongly(1), joined_wrongly(1), joined_wrongly(50))
--> 0	0	0
