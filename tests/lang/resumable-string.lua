-- Loops of the string and utf8 libraries leave at safe points and go on where they were. Long enough for that: under
-- RILLE_STRESS every one of them is interrupted many times, and collections and other processes come in between.

local function digest(s)
  local h = #s
  for i = 1, #s, math.max(1, #s // 97) do
    h = (h * 31 + s:byte(i)) & 0xffffffff
  end
  return h
end

-- Patterns that fail often before they match, with captures of every kind.
local text = {}
for i = 1, 120 do text[i] = ("key%d=%s;"):format(i, ("v"):rep(i % 7)) end
text = table.concat(text)

print(text:find("(%a+)(%d+)=()(v*);key99"))              --> 965	976	key	98	971	
print(text:match("^(.-)key50=(.-);"):len())              --> 481
print(text:match("key(%d+)=(v+);key(%d+)=(v+);key(%d+)=%2v;")) --> nil
print(text:match("(v+);.-=%1v;.-=%1vv;"))                --> v
print(text:find("(((v)v)v);key120"))                     --> nil
print(text:find("%f[%d]120%f[%D]()"))                    --> 1205	1207	1208
print(text:find("x", 1, true), text:find("=;key11[^2]")) --> nil	1123	1130
print(("a"):rep(14):find(("a-"):rep(6) .. "b"))          --> nil
print(("a"):rep(14):match(("a?"):rep(14) .. ("a"):rep(14))) --> aaaaaaaaaaaaaa
print(("a"):rep(40) == ("a"):rep(40):match(("a?"):rep(40) .. "a*$")) --> true
print(("(((x)"):rep(5):find("%b()"))                     --> 3	5
print((("(((x)"):rep(5) .. "|"):find("%b()|"))           --> 23	26
print(("abc"):rep(20):find("(%w*)(%w*)(%w*)d"))          --> nil
print(("abc"):rep(20):find("^(%w-)(%w-)ca(%w*)$"))       --> 1	60		ab	bcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc

-- More instructions than the matcher keeps choices for in place.
local many = {}
for i = 1, 33 do many[i] = "[ab]-" end
print(("ab"):rep(2):find(table.concat(many) .. "c"))     --> nil
print(("ab"):rep(2):find("(" .. table.concat(many, "", 1, 30) .. ")(b?a?)$")) --> 1	4	aba	b

-- A suspended search raises the errors that a whole one does.
print(pcall(string.find, "aaab", "a-b(%z"))              --> true	nil
print(pcall(string.find, "xaab", "a-b%"))                --> false	malformed pattern (ends with '%')
print(pcall(string.match, "xaab", "(a-b"))               --> false	unfinished capture
print(pcall(string.gsub, "xaab", "a-b", "%2"))           --> false	invalid capture index %2
print(select(2, pcall(string.rep, "x", -1)) == "")       --> true

-- gmatch: one search after the other, and empty matches.
local n, sum = 0, 0
for k, at, v in text:gmatch("key(%d+)()=(v-);") do n, sum = n + 1, sum + k * #v + at end
print(n, sum)                                            --> 120	92847
local parts = {}
for w in ("one  two"):gmatch("%a*") do parts[#parts + 1] = "<" .. w .. ">" end
print(table.concat(parts))                               --> <one><><two>
local iterator = ("aab"):rep(3):gmatch("a-b")
print(iterator(), iterator(1, 2, 3, 4, 5), (iterator())) --> aab	aab	aab
print(iterator())                                        -->

-- gsub, by text, table and function; results that outgrow the state.
print((text:gsub("key(%d+)=v+;", "%1,")):sub(1, 40))     --> 1,2,3,4,5,6,key7=;8,9,10,11,12,13,key14=
print(text:gsub("(%d+)=", {["1"] = "one:", ["2"] = false, ["120"] = 120}):sub(1, 24)) --> keyone:v;key2=vv;key3=vv
print(select(2, text:gsub("%w-=", "%0%0", 33)))          --> 33
local calls = 0
local result, count = text:gsub("(k)ey(%d-)=", function(k, d)
  calls = calls + 1
  if d % 3 == 0 then return d .. k:gsub("k", string.upper) .. ":" end
end)
print(calls, count, result:sub(1, 30))                   --> 120	120	key1=v;key2=vv;3K:vvv;key4=vvv
local lazy = setmetatable({}, {__index = function(_, k) return k:gsub(".", {a = "<b>"}) .. "|" end})
print(("abcabc"):rep(2):gsub("a.", lazy))                --> <b>b|c<b>b|c<b>b|c<b>b|c	4
print(digest(text:gsub(".", string.upper)), digest(text:upper())) --> 2258623501	2258623501
local long = ("abcdefgh "):rep(3000)
local replaced, words = long:gsub("%w+", "(%0%0)")
print(#replaced, words, digest(replaced))                --> 57000	3000	1730005583
print(digest((long:gsub("[aeiou]", {a = "A", e = 3.5})))) --> 535355705
print(long:gsub("^a", "x"):sub(1, 4), select(2, long:gsub("^a", "x"))) --> xbcd	1
print(("hello"):gsub("", "-"), (("x"):rep(5):gsub("x*", "%0.")))      --> -h-e-l-l-o-	xxxxx.

-- Errors out of the middle of a loop, in pcall, and iteration after them.
for _, r in ipairs {"%9", 1, {a = {}}, function() error("stop", 0) end} do
  local ok, message, n = pcall(string.gsub, ("ba"):rep(2000), "a", r)
  print(ok, #message, n)
end
--> false	24	nil
--> true	4000	2000
--> false	35	nil
--> false	4	nil
print(select(2, pcall(function() for w in ("aab"):rep(9):gmatch("(a-b)(") do print(w) end end)):match(": (.*)")) --> unfinished capture

-- Large results made in slices.
local ab = ("ab"):rep(50001)
print(#ab, digest(ab), ab:sub(-3))                       --> 100002	2107170882	bab
print(digest(("x"):rep(200000)), digest(("x"):rep(70000, "yz")), digest((""):rep(70000, ", "))) --> 1166974016	1681708495	4120727186
print(digest(("x"):rep(3, ("-"):rep(70001))), digest(long:rep(7, ";;")), digest(string.rep(12, 50000, 3))) --> 2960138842	1978498236	1102530640
local bytes = {}
for i = 0, 255 do bytes[i + 1] = i end
local all = string.char(table.unpack(bytes)):rep(400) .. "tail"
print(digest(all:upper()), digest(all:lower()), digest(all:reverse())) --> 996676211	3191534163	2481216556
print(all:reverse():reverse() == all, all:upper():lower() == all:lower(), #all:rep(3)) --> true	true	307212
print(pcall(string.rep, "x", 1 << 40))                   --> false	resulting string too large

-- Many results and many arguments, on a stack of their own.
coroutine.wrap(function()
  local codes = {all:byte(1, 30000)}
  print(#codes, codes[1], codes[29000], codes[#codes])     --> 30000	0	71	47
  print(select("#", all:byte(101, 9100)), (select(9000, all:byte(101, 9100)))) --> 9000	139
  local head = table.move(codes, 1, 20000, 1, {})
  print(string.char(table.unpack(head)) == all:sub(1, 20000)) --> true
  head[15000] = "65"
  head[15001] = 66.0
  print(string.char(table.unpack(head)):sub(14999, 15002):byte(1, -1)) --> 150	65	66	153
  head[19999] = 256
  print(pcall(string.char, table.unpack(head)))            --> false	bad argument #19999 to 'string.char' (value out of range)
  head[19999] = {}
  print(pcall(string.char, table.unpack(head)))            --> false	bad argument #19999 to 'string.char' (number expected, got table)
end)()

-- format: between directives, with a text that outgrows its first buffer.
local directives, values = {}, {}
for i = 1, 600 do
  directives[i] = ({"%d", "<%5s>", "%%%q", "%-8.3f|", "%x,"})[i % 5 + 1]
  values[i] = ({i, "s" .. i, i, i / 7, i * 11})[i % 5 + 1]
end
local formatted = table.concat(directives):format(table.unpack(values))
print(#formatted, digest(formatted), formatted:sub(1, 40)) --> 3240	1791548136	<   s1>%20.429   |2c,5<   s6>%71.143   |
local named = setmetatable({}, {__tostring = function() return ("n"):rep(3) end})
print(("%s %s"):rep(3, "%%"):format(named, 1, "x", named, nil, named)) --> nnn 1%x nnn%nil nnn
print(pcall(string.format, ("%d"):rep(700), table.unpack(bytes))) --> false	bad argument #258 to 'string.format' (no value)
print(#("%%"):rep(9000):format())                        --> 9000

-- pack, packsize and unpack: between items.
local items = ("i4 >I2 z <s1 !4 d Xi4 x b"):rep(90)
local packed = {}
for i = 1, 90 do
  for _, v in ipairs {-i, i * 3, "z" .. i, ("s"):rep(i), i / 3, i} do packed[#packed + 1] = v end
end
local data = items:pack(table.unpack(packed))
print(#data, digest(data))                               --> 6290	1192541418
local unpacked = {items:unpack(data)}
print(#unpacked, unpacked[#unpacked])                    --> 541	6291
for i = 1, #packed do
  if packed[i] ~= unpacked[i] then print("differs", i) end
end
print(select("#", ("b"):rep(3000):unpack(("x"):rep(3005), 4, "more"))) --> 3001
print((select(3001, ("b"):rep(3000):unpack(("x"):rep(3005), 4, "more", "and more")))) --> 3004
print(("!8 b Xi8 i2"):rep(700):packsize(), ("b  "):rep(9000):packsize()) --> 5602	9000
print(pcall(string.unpack, ("b"):rep(3000), ("x"):rep(2900))) --> false	bad argument #2 to 'string.unpack' (data string too short)
print(pcall(string.pack, ("b"):rep(3000), table.unpack(bytes, 1, 100))) --> false	bad argument #102 to 'string.pack' (number expected, got nil)

-- utf8.
local mixed = ("aé€𐍈"):rep(30000)
print(utf8.len(mixed), utf8.len(mixed .. "\xff"), utf8.len(mixed .. "\xff", 1, -2)) --> 120000	nil	120000
print(utf8.len(mixed, 2, 299998), utf8.len(mixed .. utf8.char(0x7fffffff), 1, -1, true)) --> 119999	120001
print(utf8.offset(mixed, 100000), utf8.offset(mixed, -100000), utf8.offset(mixed, 0, 299997)) --> 249997	50001	299997
print(utf8.offset(mixed, 120001), utf8.offset(mixed, 120002), utf8.offset(mixed, -120001)) --> 300001	nil	nil
local continuations = "a" .. ("\x80"):rep(200000)
print(utf8.offset(continuations, 0, -1), utf8.offset(continuations, 2), utf8.offset(continuations .. "b", -2)) --> 1	200002	1
print(pcall(utf8.codepoint, mixed .. "\xff", 290000, -1)) --> false	invalid UTF-8 code
coroutine.wrap(function()
  local points = {utf8.codepoint(mixed, 1, 25000)}
  print(select("#", utf8.codepoint(mixed, 1, 25000)), (select(9999, utf8.codepoint(mixed, 1, 25000)))) --> 10000	8364
  print(utf8.char(table.unpack(points)) == mixed:sub(1, 25000)) --> true
  print(utf8.char(table.unpack(points, 1, 4096)) == mixed:sub(1, utf8.offset(mixed, 4097) - 1)) --> true
  points[9000] = -1
  print(pcall(utf8.char, table.unpack(points)))          --> false	bad argument #9000 to 'utf8.char' (value out of range)
end)()
local last, total = 0, 0
for p, c in utf8.codes(mixed:sub(1, 500)) do last, total = p, total + c end
print(last, total)                                       --> 497	3753500
print(pcall(utf8.codes(continuations), continuations, 1)) --> true

-- Inside coroutines, and with the state of one loop while another of the same kind runs.
local co = coroutine.wrap(function()
  for w in ("aaab"):rep(4):gmatch("a-b") do coroutine.yield((w:gsub("a-b", "%0%0"))) end
end)
print(co(), ("aab"):rep(3):gsub("a-b", co), (co()))      --> aaabaaab	aaabaaabaaabaaabaaabaaab	nil
print(pcall(pcall, string.find, ("a"):rep(30) .. "b", "(a-)b()")) --> true	true	1	31	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa	32
print(select(2, xpcall(string.gsub, debug.traceback ~= nil and function(m) return m end, "ab", "a-b", error))) --> ab
print((("ab"):rep(5):gsub("a-b", function(w) return (w:rep(2):gsub("b", function(b) return b:upper() end)) end))) --> aBaBaBaBaBaBaBaBaBaB
