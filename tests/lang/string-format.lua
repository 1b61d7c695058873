-- string.format: every conversion.
print(("%d %5d %-5d| %05d %+d %i %3.2d"):format(42, 42, 42, 42, 42, 7, 3)) print(("%d %d"):format(3.0, "10")) print(pcall(string.format, "%u", 5) or "no %u")
--> 42    42 42   | 00042 +42 7  03
--> 3 10
--> true
print(("%x %X %#x %o %#o %08x"):format(255, 255, 255, 8, 8, 48879)) print(("%x"):format(-1), ("%o"):format(-1)) print(("%c%c%c"):format(72, 105, 33), #("%c"):format(0), ("%5c|%-3c|"):format(65, 66))
--> ff FF 0xff 10 010 0000beef
--> ffffffffffffffff	1777777777777777777777
--> Hi!	1	    A|B  |
print(("%f %.2f %10.3f %-10.1f| %+.1f %.0f"):format(1.5, 2.345, math.pi, 2.55, 3, 2.5)) print(("%e %.2e %E %g %g %g %G"):format(12345.678, 12345.678, 0.0001, 1e20, 0.0001, 100000, 1e-10)) print(("%a %.3a %A"):format(1, 0.5, 255.5)) print(("%.14g %.17g %.3g %#g"):format(0.1, 0.1, 1234.5, 1.0))
--> 1.500000 2.35      3.142 2.5       | +3.0 2
--> 1.234568e+04 1.23e+04 1.000000E-04 1e+20 0.0001 100000 1E-10
--> 0x1p+0 0x1.000p-1 0X1.FFP+7
--> 0.1 0.10000000000000001 1.23e+03 1.00000
print(("%f %g %e"):format(1/0, -1/0, 1/0), ("%.1f"):format(0/0):gsub("-", "")) print(("%5.1f|%-8.3e|% d|% d"):format(-1.25, 12.5, 5, -5)) print(("%s %10s %-10s| %.2s %5.1s|"):format("abc", "abc", "abc", "abc", "abc")) print(("%s %s %s %s"):format(nil, true, 1.0, 12)) print(("%s"):format(setmetatable({}, {__tostring = function() return "T!" end})), ("%10.3s|"):format(setmetatable({}, {__tostring = function() return "long" end})))
--> inf -inf inf	nan	1
-->  -1.2|1.250e+01| 5|-5
--> abc        abc abc       | ab     a|
--> nil true 1.0 12
--> T!	       lon|
print((("%q"):format('a "quoted" \\ string\n\r\t\0001\0'):gsub("%c", "^"))) print(("%q %q %q %q"):format(1, 1.5, true, nil)) print(("%q %q %q"):format(1/0, -1/0, math.mininteger), (("%q"):format(0/0))) print(("%q"):format(0.1)) print(pcall(string.format, "%q", {})) print(pcall(string.format, "%10q", "x")) print(load("return " .. ("%q"):format("\200\0\n\"\\x"))() == "\200\0\n\"\\x", load("return " .. ("%q"):format(0.1))() == 0.1)
--> "a \"quoted\" \\ string\^\13\9\0001\0"
--> 1 0x1.8p+0 true nil
--> 1e9999 -1e9999 0x8000000000000000	(0/0)
--> 0x1.999999999999ap-4
--> false	bad argument #2 to 'string.format' (value has no literal form)
--> false	specifier '%q' cannot have modifiers
--> true	true
print(("100%%"):format(), ("%%%d%%"):format(5), ("no args"):format(1, 2), ("%5s|%-5s|"):format(1, 2)) print(#("%99d"):format(1), #("%.99f"):format(1/3)) print(("%.20s|"):format(("x"):rep(30)), #("%s"):format(("x"):rep(1000)), ("%-20s|"):format("left"))
--> 100%	%5%	no args	    1|2    |
--> 99	101
--> xxxxxxxxxxxxxxxxxxxx|	1000	left                |
for _, a in ipairs {{"%d", "x"}, {"%d", 1.5}, {"%d"}, {"%y", 1}, {"%", 1}, {"%10"}, {"%s"}, {"%c", "x"}, {"%d", "1.5"}, {"%100d", 1}, {"%.100f", 1}, {"%0-+ #5d", 1}, {"%-010d", 1}, {"%#d", 1}, {"%x", 1.5}, {"%s%s", 1}, {"%i", 2^63}, {"%p"}, {"%5.5c", 65}, {"%#i", 3}, {"% s", "x"}} do print(select(2, pcall(string.format, table.unpack(a)))) end
--> bad argument #2 to 'string.format' (number expected, got string)
--> bad argument #2 to 'string.format' (number has no integer representation)
--> bad argument #2 to 'string.format' (no value)
--> invalid conversion '%y' to 'format'
--> invalid conversion '%' to 'format'
--> bad argument #2 to 'string.format' (no value)
--> bad argument #2 to 'string.format' (no value)
--> bad argument #2 to 'string.format' (number expected, got string)
--> bad argument #2 to 'string.format' (number has no integer representation)
--> invalid conversion specification: '%100d'
--> invalid conversion specification: '%.100f'
--> invalid conversion specification: '%0-+ #5d'
--> 1
--> invalid conversion specification: '%#d'
--> bad argument #2 to 'string.format' (number has no integer representation)
--> bad argument #3 to 'string.format' (no value)
--> bad argument #2 to 'string.format' (number has no integer representation)
--> bad argument #2 to 'string.format' (no value)
--> invalid conversion specification: '%5.5c'
--> invalid conversion specification: '%#i'
--> invalid conversion specification: '% s'
local a, b = {}, {} print(("%p"):format(1), ("%p"):format(nil), ("%p"):format(a) ~= ("%p"):format(b), ("%p"):format("x") == ("%p"):format("x"), #("%20p"):format(print)) print(#string.format("%s", "a\0b"), #("%s"):format("a\0b"), pcall(string.format, "%5s", "a\0b")) print(("%i"):format(-3), ("%+i % i"):format(3, 3), ("%.0d|"):format(0), ("%.3d"):format(-5), ("%+05d"):format(7), ("%.10d"):format(123))
--> (null)	(null)	true	true	20
--> 3	3	false	bad argument #2 to 'string.format' (string contains zeros)
--> -3	+3  3	|	-005	+0007	0000000123
