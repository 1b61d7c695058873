-- Many upvalues, deep nesting, loops that make closures, coroutines that share them.
local src = {} for i = 1, 60 do src[#src + 1] = ("local v%d = %d"):format(i, i) end src[#src + 1] = "local function f() return " for i = 1, 60 do src[#src + 1] = "v" .. i .. (i < 60 and " + " or "") end src[#src + 1] = " end v60 = 1000 return f()" print(load(table.concat(src, "\n"))()) local many = {} for i = 1, 256 do many[i] = "local u" .. i .. " = " .. i end local f, e = load(table.concat(many, "\n", 1, 190) .. "\nreturn function() return u1 + u190 end") print(f()()) print((select(2, load(table.concat(many, "\n")))):match "too many local variables")
--> 2770
--> 191
--> too many local variables
local shared = 0 local function inc() shared = shared + 1 end local co = coroutine.wrap(function() while true do inc(); coroutine.yield(shared) end end) print(co(), co(), shared) shared = 100 print(co(), shared) local function gen() local n = 0; return coroutine.wrap(function() while true do n = n + 1; coroutine.yield(n) end end), function() return n end, function(v) n = v end end local g, get, set = gen() g() g() print(get()) set(50) print(g(), get()) local fs = {} for i = 1, 3 do local a = i for j = 1, 2 do local b = j fs[#fs + 1] = function(x) a = a + x; b = b + a; return a, b end end end print(fs[1](1)) print(fs[2](1)) print(fs[3](10)) print(fs[1](1)) print(fs[4](0))
--> 1	2	2
--> 101	101
--> 2
--> 51	51
--> 2	3
--> 3	5
--> 12	13
--> 4	7
--> 12	14
local function nest(a) return function(b) return function(c) return function(d) a = a + 1; return a + b + c + d end end end end local n1 = nest(1)(2)(3) print(n1(4), n1(4)) local acc = {} do local i = 1 while i <= 3 do local j = i; acc[i] = function() j = j * 2; return j end; i = i + 1 end end print(acc[1](), acc[2](), acc[3](), acc[3]()) local function swap() local a, b = 1, 2; local function s() a, b = b, a end s() return a, b end print(swap()) local function param(p) local function g() p = p .. "!"; return p end g() return p, g() end print(param "x") local r = {} for _, w in ipairs {"a", "b"} do r[#r + 1] = function() w = w .. w; return w end end print(r[1](), r[1](), r[2]()) local function va(...) local a, b = ...; return function() a, b = b, a; return a, b end end local v = va(1, 2) v() print(v())
--> 11	12
--> 2	4	6	12
--> 2	1
--> x!	x!!
--> aa	aaaa	bb
--> 1	2
