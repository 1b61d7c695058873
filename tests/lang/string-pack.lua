-- string.pack, unpack, packsize.
local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
print(hex(string.pack("<i4", 1)), hex(string.pack(">i4", 1)), hex(string.pack("<i2", -2)), hex(string.pack(">I3", 0x010203)), hex(string.pack("b", -1)), hex(string.pack("B", 255)), hex(string.pack("<h", 258)), hex(string.pack(">H", 258)), hex(string.pack("<l", 1)), hex(string.pack("<j", -1)), hex(string.pack("<J", 7)), hex(string.pack("<T", 9)))
--> 01000000	00000001	feff	010203	ff	ff	0201	0102	0100000000000000	ffffffffffffffff	0700000000000000	0900000000000000
print(hex(string.pack("<f", 1.5)), hex(string.pack(">d", -2)), hex(string.pack("<n", 0.1)), hex(string.pack("<i16", -3)), hex(string.pack(">I16", 5))) print(hex(string.pack("z", "abc")), hex(string.pack("<s1", "hi")), hex(string.pack("<s2", "hi")), hex(string.pack("<s", "x")), hex(string.pack("c5", "ab")), hex(string.pack("c2", "ab")))
--> 0000c03f	c000000000000000	9a9999999999b93f	fdffffffffffffffffffffffffffffff	00000000000000000000000000000005
--> 61626300	026869	02006869	010000000000000078	6162000000	6162
print(hex(string.pack("<bxh", 1, 2)), hex(string.pack("<!4 b i4", 1, 2)), hex(string.pack("<!8 b Xi8 i8", 1, 2)), hex(string.pack(">!2 i1 !4 i4", 1, 2)), hex(string.pack("< b > h = b", 1, 2, 3))) print(string.packsize "i4", string.packsize "!8 b i8", string.packsize "b b h", string.packsize "c10", string.packsize "<!4 i1 i4 i1 Xi4", string.packsize "d f n j")
--> 01000200	0100000002000000	01000000000000000200000000000000	0100000000000002	01000203
--> 4	16	4	10	12	28
print(string.unpack("<i4", "\1\0\0\0")) print(string.unpack(">I2 <I2", "\1\2\1\2")) print(string.unpack("z B", "abc\0\5")) print(string.unpack("<s1 s1", "\2hi\1x")) print(string.unpack("<i2", "\xfe\xff")) print(string.unpack("<d", string.pack("<d", math.pi))) print(string.unpack("<f", string.pack("<f", 0.1))) print(string.unpack("c3", "abcdef", 2)) print(string.unpack("<i4", "xxxx\5\0\0\0", 5)) print(string.unpack("B", "abc", -1)) print(string.unpack("<j", string.pack("<j", math.mininteger))) print(string.unpack("<i16", string.pack("<i16", -12345))) print(string.unpack("<!4 b i4", string.pack("<!4 b i4", 1, -2))) print(select("#", string.unpack("", "")))
--> 1	5
--> 258	513	5
--> abc	5	6
--> hi	x	6
--> -2	3
--> 3.1415926535898	9
--> 0.10000000149012	5
--> bcd	5
--> 5	9
--> 99	4
--> -9223372036854775808	9
--> -12345	17
--> 1	-2	9
--> 1
for _, a in ipairs {{"i1", 128}, {"B", 256}, {"i17", 1}, {"i0", 1}, {"c2", "abc"}, {"z", "a\0b"}, {"s1", ("x"):rep(256)}, {"q", 1}, {"i4", "x"}, {"i4", 1.5}, {"c", "x"}, {"!3 i4", 1}, {"!17 b", 1}, {"X", 1}, {"Xz", 1}, {"i4"}, {"I1", -1}} do local ok, e = pcall(string.pack, table.unpack(a)) print(a[1], ok, e) end
--> i1	false	bad argument #2 to 'string.pack' (integer overflow)
--> B	false	bad argument #2 to 'string.pack' (unsigned overflow)
--> i17	false	integral size (17) out of limits [1,16]
--> i0	false	integral size (0) out of limits [1,16]
--> c2	false	bad argument #2 to 'string.pack' (string longer than given size)
--> z	false	bad argument #2 to 'string.pack' (string contains zeros)
--> s1	false	bad argument #2 to 'string.pack' (string length does not fit in given size)
--> q	false	invalid format option 'q'
--> i4	false	bad argument #2 to 'string.pack' (number expected, got string)
--> i4	false	bad argument #2 to 'string.pack' (number has no integer representation)
--> c	false	missing size for format option 'c'
--> !3 i4	false	bad argument #1 to 'string.pack' (format asks for alignment not power of 2)
--> !17 b	false	integral size (17) out of limits [1,16]
--> X	false	bad argument #1 to 'string.pack' (invalid next option for option 'X')
--> Xz	false	bad argument #1 to 'string.pack' (invalid next option for option 'X')
--> i4	false	bad argument #2 to 'string.pack' (number expected, got nil)
--> I1	false	bad argument #2 to 'string.pack' (unsigned overflow)
for _, a in ipairs {{"i4", "abc"}, {"z", "abc"}, {"s1", "\5ab"}, {"c5", "abc"}, {"i9", ("\255"):rep(8) .. "\1"}, {"B", "a", 3}, {"B", "a", -5}} do print(a[1], pcall(string.unpack, table.unpack(a))) end print(pcall(string.packsize, "s")) print(pcall(string.packsize, "z")) print(string.unpack("<I16", ("\255"):rep(8) .. ("\0"):rep(8)))
--> i4	false	bad argument #2 to 'string.unpack' (data string too short)
--> z	false	bad argument #2 to 'string.unpack' (unfinished string for format 'z')
--> s1	false	bad argument #2 to 'string.unpack' (data string too short)
--> c5	false	bad argument #2 to 'string.unpack' (data string too short)
--> i9	false	9-byte integer does not fit into Lua Integer
--> B	false	bad argument #3 to 'string.unpack' (initial position out of string)
--> B	true	97	2
--> false	bad argument #1 to 'string.packsize' (variable-length format)
--> false	bad argument #1 to 'string.packsize' (variable-length format)
--> -1	17
local vals = {-100, 3000, 70000, 1.25, "text", "z"} local p = string.pack("<i1 i2 i4 d s2 z", table.unpack(vals)) local u = {string.unpack("<i1 i2 i4 d s2 z", p)} print(#p, table.concat(u, " "))
--> 23	-100 3000 70000 1.25 text z 24
