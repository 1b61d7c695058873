-- tostring of numbers and back: nothing is lost.
for _, v in ipairs {0, 1, -1, 123456789, math.maxinteger, math.mininteger, 0.1, 1/3, 100.0, 1e15, 1e16, 1e100, -2.5, 2^53, 2^63, 1e-10, 123456.789e3, 3.14159265358979} do local s = tostring(v); print(s, math.type(v), math.type(tonumber(s)) == math.type(v), tonumber(s) == v or ("%.14g"):format(v) == ("%.14g"):format(tonumber(s))) end
--> 0	integer	true	true
--> 1	integer	true	true
--> -1	integer	true	true
--> 123456789	integer	true	true
--> 9223372036854775807	integer	true	true
--> -9223372036854775808	integer	true	true
--> 0.1	float	true	true
--> 0.33333333333333	float	true	true
--> 100.0	float	true	true
--> 1e+15	float	true	true
--> 1e+16	float	true	true
--> 1e+100	float	true	true
--> -2.5	float	true	true
--> 9.007199254741e+15	float	true	true
--> 9.2233720368548e+18	float	true	true
--> 1e-10	float	true	true
--> 123456789.0	float	true	true
--> 3.1415926535898	float	true	true
print(1e300 * 1e10, -1e300 * 1e10, tostring(0/0):gsub("-", "")) print(255 // 1, 255 / 1, 0xff, 1e2, 1e2 // 1 | 0, 3 % -2, 3.0 % -2, 5 // 0.0, -5 // 0.0) print(string.format("%.3f", 2 / 3), string.format("%5.1f|%g|%g", 3.14159, 1e20, 0.1), 7.0, 7.10, -0.0, 1e0) print(8 | 1, "0x" .. string.format("%x", 255), tonumber("0x1p-1"), tonumber("1e+2"), tonumber("- 1"), tonumber("-1"), tonumber("+1"), tonumber("--1"))
--> inf	-inf	nan	1
--> 255	255.0	255	100.0	100	-1	-1.0	inf	-inf
--> 0.667	  3.1|1e+20|0.1	7.0	7.1	-0.0	1.0
--> 9	0xff	0.5	100.0	nil	-1	1	nil
for i = 1, 20 do local f = i / 7 assert(tonumber(("%.17g"):format(f)) == f) assert(tonumber(("%a"):format(f)) == f) end for i = 0, 62 do assert(tonumber(tostring(1 << i)) == 1 << i) assert(math.tointeger(2.0 ^ i) == 1 << i) end print "round trips"
--> round trips
