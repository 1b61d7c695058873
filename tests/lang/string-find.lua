-- find and match: patterns, anchors, captures, positions.
print(("hello world"):find("wor")) print(("hello"):find("l")) print(("hello"):find("xyz")) print(("hello"):find("")) print(("hello"):find("", 6)) print(("hello"):find("", 7)) print(("hello"):find("l", -2)) print(("a.b"):find(".", 1, true)) print(("a.b"):find("%.")) print(("a+b"):find("+", 1, true))
--> 7	9
--> 3	3
--> nil
--> 1	0
--> 6	5
--> nil
--> 4	4
--> 2	2
--> 2	2
--> 2	2
print(("hello"):find("(l)(l)")) print(("key = value"):match("^(%w+)%s*=%s*(%w+)$")) print(("2024-01-15"):match("(%d+)-(%d+)-(%d+)")) print(("hello"):match(".-l")) print(("hello"):match(".*l")) print(("hello"):match("()ll()")) print(("  trim  "):match("^%s*(.-)%s*$") .. "|")
--> 3	4	l	l
--> key	value
--> 2024	01	15
--> hel
--> hell
--> 3	5
--> trim|
print(("abc123"):match("%a+"), ("abc123"):match("%d+"), ("abc"):match("%d*"), ("abc"):match("^b"), ("abc"):match("b", 2), ("abc"):match("^b", 2), ("a$"):match("a$$"), ("a^"):match("a^"))
--> abc	123		nil	b	b	a$	a^
print(("[x]"):match("%[(.-)%]"), ("a]b"):match("[]]"), ("a-b"):match("[a%-]+"), ("a^b"):match("[%^]"), ("x^"):match("[x^]+"), ("abc"):match("[^a]+"), ("aZ9_"):match("[a-zA-Z]+"), ("-"):match("[a-]"), ("é"):match("[\xc3]") ~= nil)
--> x	]	a-	^	x^	bc	aZ	-	true
print(("f(a(b)c)d"):match("%b()"), ("[[x]]"):match("%b[]"), ("no"):match("%b()"), ("if (x"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)")) print(("THE (quick) fox"):gsub("%f[%a]%a+", string.lower)) print(("foo.bar"):match("%f[%w]%w+$"), ("x"):find("%f[%z]"), ("hello"):find("%f[%l]"))
--> (a(b)c)	[[x]]	nil	nil	5	11	quick
--> the (quick) fox	3
--> bar	2	1	0
print(("abab"):match("(ab)%1"), ("abcabc"):match("(a)(b)c%1%2"), ('"quoted" text'):match("([\"'])(.-)%1")) print(("x = 'it'"):match("(['\"])(.*)%1"))
--> ab	a	"	quoted
--> '	it
print(("a\0b"):find("\0"), #("a\0b"):match("%z"), ("a\nb"):match("a.b") ~= nil, ("\t "):match("%s+") == "\t ", ("aaa"):match("a-"), ("aaa"):match("a-$"), ("aaab"):match("a-b"), ("abc"):match("x?b"), ("abc"):match("bx?"), ("ac"):match("ab?c"))
--> 2	1	true	true		aaa	aaab	b	b	ac
for _, p in ipairs {"(", ")", "%", "[a", "[", "[^", "(()", "%1", "(%1)", "%b", "%bx", "%f", "a)", "[%", "(a)%2"} do io.write(p, ": ", tostring(select(2, pcall(string.find, "abc", p))), "\n") end
--> (: unfinished capture
--> ): nil
--> %: malformed pattern (ends with '%')
--> [a: malformed pattern (missing ']')
--> [: malformed pattern (missing ']')
--> [^: malformed pattern (missing ']')
--> ((): unfinished capture
--> %1: invalid capture index %1
--> (%1): invalid capture index %1
--> %b: malformed pattern (missing arguments to '%b')
--> %bx: malformed pattern (missing arguments to '%b')
--> %f: missing '[' after '%f' in pattern
--> a): nil
--> [%: malformed pattern (missing ']')
--> (a)%2: invalid capture index %2
print(pcall(string.find, "a", ("("):rep(40) .. ("a)"):rep(40))) print(("x"):rep(20):match((".?"):rep(20) .. ("x"):rep(20)) ~= nil) print(("a,b,,c"):find(",", 4), ("abc"):find("b", -1), ("abc"):find("b", -10), ("abc"):find("c", 100), ("a b"):find(" ", nil, true))
--> false	too many captures
--> true
--> 4	nil	2	nil	2	2
print(pcall(string.match, "x", {})) print(("%d"):match("%%d"), ("a.b*c"):gsub("%p", "%%%0")) print(("x"):match("((x))")) print(("abc"):match("()")) print(("abc"):find("(()b())")) print(("0x1F"):match("^0[xX](%x+)$"), ("A1"):match("%u%d"), ("\1"):match("%c") == "\1", ("a"):match("%g"), (" "):match("%g"), ("ab"):match("%A"), ("1a"):match("%D"), ("aB"):match("%L"), ("Ab"):match("%U"), ("a b"):match("%S+$"), ("a_b"):match("%W"))
--> false	bad argument #2 to 'string.match' (string expected, got table)
--> %d	a%.b%*c	2
--> x	x
--> 1
--> 2	2	b	2	3
--> 1F	A1	true	a	nil	nil	a	B	b	b	_
