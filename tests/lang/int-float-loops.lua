-- Arithmetic that changes type or overflows in the middle of a hot loop.
local function sum(n, start, step) local s = start for i = 1, n do s = s + step end return s end print(sum(1000, 0, 1), sum(1000, 0.0, 1), sum(1000, 0, 0.5), sum(10, math.maxinteger - 5, 1), sum(100, 0, "2"))
--> 1000	1000.0	500.0	-9223372036854775804	200
local x = math.maxinteger - 50 for i = 1, 100 do x = x + 1 end print(x) x = 1 for i = 1, 70 do x = x * 2 end print(x) x = 1.0 for i = 1, 70 do x = x * 2 end print(x) x = 1 for i = 1, 200 do if i == 100 then x = x + 0.5 else x = x + 1 end end print(x) x = 0 for i = 1, 100 do x = x + (i % 10 == 0 and 0.1 or 1) end print(("%.6f"):format(x))
--> -9223372036854775759
--> 0
--> 1.1805916207174e+21
--> 200.5
--> 91.000000
local function f(a, b) return a + b, a - b, a * b, a // b, a % b, a < b, a == b end for i = 1, 100 do f(i, 3) end print(f(7, 2)) print(f(7.0, 2)) print(f(7, 2.0)) print(pcall(f, 7, 0)) print(f(7, 0.0)) print(pcall(f, {}, 1)) print(pcall(f, 7, nil))
--> 9	5	14	3	1	false	false
--> 9.0	5.0	14.0	3.0	1.0	false	false
--> 9.0	5.0	14.0	3.0	1.0	false	false
--> false	int-float-loops.lua:10: attempt to divide by zero
--> 7.0	7.0	0.0	inf	-nan	false	false
--> false	int-float-loops.lua:10: attempt to perform arithmetic on a table value (local 'a')
--> false	int-float-loops.lua:10: attempt to perform arithmetic on a nil value (local 'b')
local function div(a, b) return a // b, a % b end for i = -50, 50 do if i ~= 0 then local q, r = div(100, i) assert(q * i + r == 100) end end print(div(-100, 7), div(100, -7), div(math.mininteger, -1)) print(pcall(div, 1, 0)) local h = 0 for i = 1, 1000 do h = (h * 31 + i) & 0xffffffff end print(h) h = 5381 for i = 1, 1000 do h = h << 5 ~ h >> 3 ~ i end print(h) local fib = {[0] = 0, 1} for i = 2, 95 do fib[i] = fib[i - 1] + fib[i - 2] end print(fib[92], fib[93], fib[95]) local p = 1 for i = 1, 25 do p = p * i end print(p) local d = 1 for i = 1, 30 do d = d / 2 end print(d) local c = 0 for i = 1, 100 do if i / 2 == i // 2 then c = c + 1 end end print(c) for i = 1, 3 do local v = ({1, 1.5, "2"})[i] print(v + 1, v * 2, -v, v // 1) end
--> -15	-15	-9223372036854775808	0
--> false	int-float-loops.lua:18: attempt to divide by zero
--> 262015092
--> -1142578384670586485
--> 7540113804746346429	-6246583658587674878	-4953053512429003327
--> 7034535277573963776
--> 9.3132257461548e-10
--> 50
--> 2	2	-1	1
--> 2.5	3.0	-1.5	1.0
--> 3	4	-2	2
local cmp = 0 for i = 1, 100 do local v = i % 3 == 0 and i or i % 3 == 1 and i + 0.5 or i * 1.0 if v > 50 then cmp = cmp + 1 end if v == 50 then cmp = cmp + 1000 end end print(cmp) local neg = 0 for i = 1, 10 do neg = -(neg + i) end print(neg, -math.mininteger == math.mininteger) local w = 0 while w < 10 do w = w + 3 end print(w) w = 0.1 while w < 1 do w = w + 0.3 end print(("%.1f"):format(w))
--> 1050
--> -5	true
--> 12
--> 1.0
