-- gsub with strings, tables, functions, limits, anchors; gmatch.
print(("hello"):gsub("l", "L")) print(("hello"):gsub("l", "L", 1)) print(("hello"):gsub("", "-")) print(("hello"):gsub("x*", "-")) print(("abc"):gsub("%w", "%0%0")) print(("abc def"):gsub("(%w+) (%w+)", "%2 %1")) print(("hello"):gsub("l", "%%")) print(("abc"):gsub("b", "", 0))
--> heLLo	2
--> heLlo	1
--> -h-e-l-l-o-	6
--> -h-e-l-l-o-	6
--> aabbcc	3
--> def abc	1
--> he%%o	2
--> abc	0
print(("$name is $age"):gsub("%$(%w+)", {name = "Bob", age = 42})) print(("$a $b"):gsub("%$(%w+)", {a = false, b = "B"})) print(("abc"):gsub(".", {a = 1, b = true and "B"})) print(("abc"):gsub("%w", function(c) if c ~= "b" then return c:upper() end end)) print(("abc"):gsub("(a)(b)", function(x, y) return y .. x, "ignored" end)) print(("a1b2"):gsub("()%d", function(p) return p end)) print(("abc"):gsub("b", function() return false end))
--> Bob is 42	2
--> $a B	2
--> 1Bc	3
--> AbC	3
--> bac	1
--> a2b4	2
--> abc	1
print(pcall(string.gsub, "a", "a", "%2")) print(pcall(string.gsub, "a", "a", "%")) print(pcall(string.gsub, "a", "a", "%x")) print(pcall(string.gsub, "a", "a", function() return {} end)) print(pcall(string.gsub, "a", "a", {a = true})) print(pcall(string.gsub, "a", "a")) print(pcall(string.gsub, "a", "a", true)) print(pcall(string.gsub, "abc", "b", function() error("in callback", 0) end))
--> false	invalid capture index %2
--> false	invalid use of '%' in replacement string
--> false	invalid use of '%' in replacement string
--> false	invalid replacement value (a table)
--> false	invalid replacement value (a boolean)
--> false	bad argument #3 to 'string.gsub' (string/function/table expected, got no value)
--> false	bad argument #3 to 'string.gsub' (string/function/table expected, got boolean)
--> false	in callback
print(("hello world"):gsub("^h", "H")) print(("aaa"):gsub("^a", "b")) print(("abc"):gsub("$", "!")) print(("abc"):gsub("%s*$", "")) print(("  x "):gsub("^%s+", "")) print(("a,b,c"):gsub(",", "\n", 1)) print(("x"):gsub("x", 5), (("x"):gsub("x", 1.5))) print(("one two"):gsub("%w+", "<%0>"))
--> Hello world	1
--> baa	1
--> abc!	1
--> abc	1
--> x 	1
--> a
--> b,c	1
--> 5	1.5
--> <one> <two>	2
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do io.write(k, v, " ") end print() for w in ("the quick fox"):gmatch("%a+") do io.write(w, ".") end print() for p in ("abc"):gmatch("()") do io.write(p, " ") end print() for c in ("abc"):gmatch("") do io.write("[", c, "]") end print() for a in ("xaxbx"):gmatch("x(.-)%f[x]") do io.write(a, ";") end print()
--> a1 b2
--> the.quick.fox.
--> 1 2 3 4
--> [][][][]
--> a;b;
for w in ("abc def"):gmatch("%a+", 3) do io.write(w, " ") end print() for w in ("abc"):gmatch("^a") do io.write(w, "|") end print() local it = ("x y"):gmatch("%a") print(it(), it(), it()) print(pcall(string.gmatch, "x")) for a, b in ("k1v1k2v2"):gmatch("(k%d)(v%d)") do io.write(b, a, " ") end print()
--> c def
-->
--> x	y
--> false	bad argument #2 to 'string.gmatch' (string expected, got no value)
--> v1k1 v2k2
print((("x"):rep(1000):gsub("x", "yy")):len(), select(2, ("x"):rep(1000):gsub("x", "yy"))) print(("äöü"):gsub("[\x80-\xff]+", "?")) local n = 0 local r = ("a b c"):gsub("%a", function(c) n = n + 1; return c .. n end) print(r, n) print(("abc"):gsub("", {[""] = "_"})) print(("path/to/file"):gsub("/", "\\"), ("a.b.c"):gsub("%.", "/")) print(("test123abc"):gsub("%d+", function(d) return d * 2 end)) print(string.gsub("hello", "(h)(e)(l)", "%3%2%1%0"))
--> 2000	1000
--> ?	1
--> a1 b2 c3	3
--> _a_b_c_	4
--> path\to\file	a/b/c	2
--> test246abc	1
--> lehhello	1
