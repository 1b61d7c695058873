-- os
local function e(...) return (select(2, pcall(...))) end
print(os.time({year = 2020, month = 1, day = 1, hour = 0}) - os.time({year = 2019, month = 12, day = 31, hour = 0}))
--> 86400
print(os.date("!%Y-%m-%d %H:%M:%S", 0), os.date("!%c", 86400), os.date("!%x %X %p %A %B %j %U %w %y %Z %%", 1e9))
--> 1970-01-01 00:00:00	Fri Jan  2 00:00:00 1970	09/09/01 01:46:40 AM Sunday September 252 36 0 01 GMT %
local t = os.date("!*t", 1000000000)
print(t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst)
--> 2001	9	9	1	46	40	1	252	false
print(os.date("!%D %e %F %g %G %h %I %M %n %R %t %T %u %V %W", 1e9 // 1 | 0))
--> 09/09/01  9 2001-09-09 01 2001 Sep 01 46
-->  01:46 	 01:46:40 7 36 36
print(os.date("!%Ey %Od", 0), os.date("", 0), os.date("plain"))
--> 70 01		plain
print(e(os.date, "%E"), e(os.date, "%Q"), e(os.date, "%"), e(os.date, "%Ez", 0))
--> bad argument #1 to 'os.date' (invalid conversion specifier '%E')	bad argument #1 to 'os.date' (invalid conversion specifier '%Q')	bad argument #1 to 'os.date' (invalid conversion specifier '%')	bad argument #1 to 'os.date' (invalid conversion specifier '%Ez')
print(e(os.date, "*t", 2^70), e(os.date, "%Y", "x"), e(os.date, "*t", math.maxinteger))
--> bad argument #2 to 'os.date' (number has no integer representation)	bad argument #2 to 'os.date' (number expected, got string)	date result cannot be represented in this installation
local d = {year = 2021, month = 14, day = -3, hour = 25, min = 61, sec = 61}
os.time(d)
print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday)
--> 2022	1	29	2	2	1	7	29
print(e(os.time, {}), e(os.time, {year = 2020}), e(os.time, {year = 2020, month = 1}))
--> field 'year' missing in date table	field 'month' missing in date table	field 'day' missing in date table
print(e(os.time, {year = 2020, month = "x", day = 1}), e(os.time, {year = 2020, month = 1.5, day = 1}))
--> field 'month' is not an integer	field 'month' is not an integer
print(e(os.time, {year = 1 << 40, month = 1, day = 1}), e(os.time, {year = 2020, month = -(1 << 40), day = 1}), e(os.time, 5))
--> field 'year' is out-of-bound	field 'month' is out-of-bound	bad argument #1 to 'os.time' (table expected, got number)
print(pcall(os.time, {year = -(1 << 31) + 1900, month = 1, day = 1, hour = "12"}))
--> true	-67768040609697600
print(os.time(setmetatable({year = 2020}, {__index = {month = 2, day = "3"}})) == os.time({year = 2020, month = 2, day = 3, hour = 12}))
--> true
print(os.difftime(10, 4), e(os.difftime, 1), math.type(os.time()), math.type(os.clock()), os.clock() >= 0)
--> 6.0	bad argument #2 to 'os.difftime' (number expected, got no value)	integer	float	true
print(os.getenv("SURELY_NOT_SET"), type(os.getenv("PATH")), e(os.getenv))
--> nil	string	bad argument #1 to 'os.getenv' (string expected, got no value)
print(os.execute("exit 3"), os.execute("true"), os.execute("kill -9 $$"), os.execute())
--> nil	true	nil	true
local name = os.tmpname()
print(type(name), io.open(name) ~= nil, os.rename(name, name .. ".x"), os.remove(name .. ".x"))
--> string	true	true	true
print((select(2, os.remove(name)):gsub(name, "NAME")), select(3, os.remove(name)), (select(2, os.rename(name, name .. "2")):gsub(name, "NAME")))
--> NAME: No such file or directory	2	No such file or directory
print(os.setlocale(), os.setlocale("C"), os.setlocale(nil, "numeric"), os.setlocale("no_such"), e(os.setlocale, "C", "x"))
--> C	C	C	nil	bad argument #2 to 'os.setlocale' (invalid option 'x')
os.exit(true, true)
