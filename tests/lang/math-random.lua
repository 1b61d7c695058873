-- A fixed seed gives the same numbers everywhere: xoshiro256**.
math.randomseed(42) local a = {} for i = 1, 8 do a[i] = math.random(100) end print(table.concat(a, " ")) math.randomseed(42) for i = 1, 8 do assert(a[i] == math.random(100)) end
--> 50 76 86 54 64 7 25 3
math.randomseed(123, 456) print(math.random(0), math.random(1, 10), ("%.12f"):format(math.random()), math.random(-5, 5), math.random(math.mininteger, math.maxinteger), math.random(7)) math.randomseed(1.0) print(math.random(1000), math.random(1 << 40)) math.randomseed(2^40) print(math.random(1000))
--> -7482266044409867603	3	0.592406528803	2	-4658956412393638437	4
--> 414	1018361365992
--> 99
for i = 1, 1000 do local r = math.random(); assert(r >= 0 and r < 1); local n = math.random(3); assert(n >= 1 and n <= 3 and math.type(n) == "integer"); local m = math.random(-2, 2); assert(m >= -2 and m <= 2) end
print(pcall(math.random, 0, -1)) print(pcall(math.random, 2, 1)) print(pcall(math.random, 1, 2, 3)) print(pcall(math.random, 1.5)) print(pcall(math.random, -1)) print(math.random(5, 5), math.type(math.random(0)), select("#", math.randomseed(7)) >= 0) local seen = {} for i = 1, 300 do seen[math.random(6)] = true end print(#seen)
--> false	bad argument #1 to 'math.random' (interval is empty)
--> false	bad argument #1 to 'math.random' (interval is empty)
--> false	wrong number of arguments
--> false	bad argument #1 to 'math.random' (number has no integer representation)
--> false	bad argument #1 to 'math.random' (interval is empty)
--> 5	integer	true
--> 6
math.randomseed(-1) print(math.random(0)) math.randomseed(0) print(math.random(0), math.random(2^31 | 0), math.random(1, math.maxinteger))
--> -6532212821526904015
--> 4554719557422691265	1935532553	1277915526958806956
