-- Comparison of strings, numbers and different types.
print("a" < "b", "a" < "B", "" < "a", "a" < "aa", "Z" < "a", "10" < "9", "a\0b" < "a\0c", "a\0" > "a")
--> true	false	true	true	true	true	true	true
print(1 == "1", 0 == false, nil == false, {} == {}, "a" == "a", print == print)  --> false	false	false	false	true	true
local t = {}; local u = t
print(t == u, t ~= u, rawequal(t, u), rawequal("a" .. "b", "ab"))  --> true	false	true	true
for _, f in ipairs {
  function() return 1 < {} end, function() return {} < {} end, function() return "a" < 1 end,
  function() return nil > 1 end, function() return print <= 1 end, function() return true < false end,
} do print(select(2, pcall(f))) end
--> compare.lua:8: attempt to compare number with table
--> compare.lua:8: attempt to compare two table values
--> compare.lua:8: attempt to compare string with number
--> compare.lua:9: attempt to compare number with nil
--> compare.lua:9: attempt to compare function with number
--> compare.lua:9: attempt to compare two boolean values
print(1 < 2 == true, not 1 == 2, not (1 == 2), "x" ~= "y")  --> true	false	true	true
print(2 < 10, "2" < "10", -1 < 0, -1.5 < -1, math.huge > math.maxinteger)  --> true	false	true	true	true
