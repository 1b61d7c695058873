-- goto: continue, nested breaks, loops, closures.
for i = 1, 5 do
  if i % 2 == 0 then goto continue end
  io.write(i, " ")
  ::continue::
end
print()  --> 1 3 5
for i = 1, 3 do
  for j = 1, 3 do
    if i * j == 4 then goto done end
    io.write(i * j, " ")
  end
end
::done:: print "out"  --> 1 2 3 2 out
do
  local i = 1
  ::top::
  if i <= 3 then io.write(i, ";"); i = i + 1; goto top end
  print()  --> 1;2;3;
end
-- each turn through a block makes a new local
local fs = {}
do
  local n = 0
  ::again::
  local x = n
  fs[#fs + 1] = function() x = x + 10; return x end
  n = n + 1
  if n < 3 then goto again end
end
print(fs[1](), fs[1](), fs[2](), fs[3]())  --> 10	20	11	12
print(load "goto nowhere")  --> nil	[string "goto nowhere"]:1: no visible label 'nowhere' for <goto> at line 1
print(load "do local x; goto l; local y; ::l:: print(y) end")
--> nil	[string "do local x; goto l; local y; ::l:: print(y) e..."]:1: <goto l> at line 1 jumps into the scope of local 'y'
print(load "::a:: ::a::")  --> nil	[string "::a:: ::a::"]:1: label 'a' already defined on line 1
print(load "do goto l end; do ::l:: end")  --> nil	[string "do goto l end; do ::l:: end"]:1: no visible label 'l' for <goto> at line 1
print(load "break")  --> nil	[string "break"]:1: break outside loop at line 1
print(load "repeat if x then goto c end; local y; ::c:: until y")
--> nil	[string "repeat if x then goto c end; local y; ::c:: u..."]:1: <goto c> at line 1 jumps into the scope of local 'y'
print(load "goto f; local x; ::f::" ~= nil)  --> true
local function state(s)
  goto a
  ::b:: do s = s .. "b"; if #s > 5 then return s end; goto a end
  ::a:: do s = s .. "a"; goto b end
end
print(state "x")  --> xababab
