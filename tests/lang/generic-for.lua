-- Generic for: iterators, state, control, closing value.
local function range(n) return function(s, i) if i < s then return i + 1, (i + 1) ^ 2 end end, n, 0 end
for i, q in range(3) do io.write(i, "=", q, " ") end print()  --> 1=1 2=4 3=9
for k in next, {10} do print(k) end  --> 1
for i, v in ipairs {1, 2, nil, 4} do io.write(i, v, " ") end print()  --> 11 22
local function words(s) local pos = 1
  return function() local a, b = s:find("%a+", pos); if a then pos = b + 1; return s:sub(a, b) end end end
for w in words "one two,three" do io.write(w, ".") end print()  --> one.two.three.
print(pcall(function() for i in 5 do end end))  --> false	generic-for.lua:9: attempt to call a number value (for iterator 'for iterator')
print(pcall(function() for i in nil do end end))  --> false	generic-for.lua:10: attempt to call a nil value (for iterator 'for iterator')
print(pcall(function() local it; for i in it do end end))
--> false	generic-for.lua:11: attempt to call a nil value (for iterator 'for iterator')
do
  local closing = setmetatable({}, {__close = function(_, e) print("closed", e) end})
  for i in function(_, i) if i < 3 then return i + 1 end end, nil, 0, closing do io.write(i, " ") end  --> 1 2 3 closed	nil
  for i in function(_, i) return i + 1 end, nil, 0, closing do if i == 2 then break end end  --> closed	nil
  print(pcall(function() for i in function(_, i) return i + 1 end, nil, 0, closing do error "stop" end end))
  --> closed	generic-for.lua:17: stop
  --> false	generic-for.lua:17: stop
  local function f() for i in function(_, i) return i + 1 end, nil, 0, closing do return i * 10 end end
  print(f())
  --> closed	nil
  --> 10
end
local callable = setmetatable({}, {__call = function(self, s, i) i = i + 1; if i <= s then return i end end})
for i in callable, 2, 0 do io.write(i, " ") end print()  --> 1 2
local fs = {}
for _, v in ipairs {"a", "b"} do fs[#fs + 1] = function() return v end end
print(fs[1](), fs[2]())  --> a	b
local sum = 0; for k, v in pairs {a = 1, b = 2, 3} do sum = sum + v end print(sum)  --> 6
for a, b, c, d in function(s, c) if not c then return 1, 2, 3 end end do print(a, b, c, d) end  --> 1	2	3	nil
local k = 0; for i = 1, 3 do for _, v in ipairs {10, 20} do k = k + v * i end end print(k)  --> 180
