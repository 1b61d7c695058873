-- os: time, date, getenv, rename, remove, tmpname, execute, clock.
print(os.time {year = 2020, month = 1, day = 1, hour = 12} - os.time {year = 2020, month = 1, day = 1, hour = 0}) print(os.date("!%Y-%m-%d %H:%M:%S", 0), os.date("!%j %y %p %%", 86400 * 40)) local d = os.date("!*t", 1e9 // 1 | 0) print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst) local t = {year = 2021, month = 14, day = -3, hour = 12} os.time(t) print(t.year, t.month, t.day)
--> 43200
--> 1970-01-01 00:00:00	041 70 AM %
--> 2001	9	9	1	46	40	1	252	false
--> 2022	1	28
print(type(os.time()), math.type(os.time()), type(os.clock()), os.getenv "NO_SUCH_VARIABLE_X", type(os.getenv "PATH")) print(pcall(os.date, "%Ez", 0)) print(pcall(os.date, "%Q", 0)) print(pcall(os.time, {year = 2020})) print(pcall(os.time, {year = 2020, month = "x", day = 1})) print(pcall(os.time, {year = 2020, month = 1.5, day = 1})) print(pcall(os.date, "*t", 2^60)) print(os.difftime(10, 5), #os.date() > 10)
--> number	integer	number	nil	string
--> false	bad argument #1 to 'os.date' (invalid conversion specifier '%Ez')
--> false	bad argument #1 to 'os.date' (invalid conversion specifier '%Q')
--> false	field 'month' missing in date table
--> false	field 'month' is not an integer
--> false	field 'month' is not an integer
--> false	date result cannot be represented in this installation
--> 5.0	true
local name = os.tmpname() local f = assert(io.open(name, "w")) f:write "x" f:close() print(os.rename(name, name .. ".2")) print(os.remove(name .. ".2")) print((os.remove(name))) print(select("#", os.remove(name)), select(3, os.remove(name))) print((os.rename(name, name .. ".3"))) print(os.execute "exit 3") print(os.execute "true") print(os.execute() == true) print(os.execute "kill -9 $$") print(os.setlocale "C", os.setlocale(nil, "numeric"), os.setlocale("no_such_locale"), pcall(os.setlocale, "C", "bad"))
--> true
--> true
--> nil
--> 3	2
--> nil
--> nil	exit	3
--> true	exit	0
--> true
--> nil	signal	9
--> C	C	nil	false	bad argument #2 to 'os.setlocale' (invalid option 'bad')
