-- debug.getlocal and setlocal, varargs and temporaries.
local function f(a, b, ...) local c = a + b; local names = {} for i = 1, 10 do local n, v = debug.getlocal(1, i) if not n then break end names[#names + 1] = n .. "=" .. tostring(v):gsub("table: .*", "T") end return table.concat(names, " ") end print(f(1, 2, 3))
--> a=1 b=2 c=3 names=T (for state)=5 (for state)=4 (for state)=1 i=8
local function va(...) print(debug.getlocal(1, -1)) print(debug.getlocal(1, -2)) print(debug.getlocal(1, -3)) print(debug.setlocal(1, -1, "changed")) return ... end print(va("x", "y")) print(debug.getlocal(f, 1), debug.getlocal(f, 2), debug.getlocal(f, 3)) local function set() local v = 1; print(debug.setlocal(1, 1, 99)); return v end print(set()) print(debug.setlocal(1, 200, 1)) print(pcall(debug.getlocal, 500, 1)) print(debug.getlocal(print, 1))
--> (vararg)	x
--> (vararg)	y
--> nil
--> (vararg)
--> changed	y
--> a	b	nil
--> v
--> 99
--> nil
--> false	bad argument #1 to 'debug.getlocal' (level out of range)
--> nil
do local function caller() local secret = "s"; local function callee() local n, v = debug.getlocal(2, 1); debug.setlocal(2, 1, "t"); return n, v end local n, v = callee(); return n, v, secret end print(caller()) end for i = 1, 1 do local ok = false for k = 1, 50 do local n = debug.getlocal(1, k) if n == "i" then ok = true end end print(ok) end
--> secret	s	t
--> true
local function scopes() do local inner = 1 end local outer = 2; local r = {} for k = 1, 20 do local n, v = debug.getlocal(1, k) if n == nil then break end if n:sub(1, 1) ~= "(" then r[#r + 1] = n end end return table.concat(r, " ") end print(scopes())
--> outer r k
