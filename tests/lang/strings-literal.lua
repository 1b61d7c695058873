-- String escapes, long strings, comments.
print("a\tb", "tab\x41\65\065\u{48}\u{20AC}", 'single "double"', "double 'single'", "\"\'\\")
--> a	b	tabAAAH€	single "double"	double 'single'	"'\
print(#"\a\b\f\n\r\t\v\\\"\'", #"\0", #"\z
      skipped", "one\z   two", "line\
continued")
--> 10	1	7	onetwo	line
--> continued
print([[long]], [==[with ]] inside]==], [[
first newline dropped]], #[[

]])  --> long	with ]] inside	first newline dropped	1
print(#"\u{7FFFFFFF}", "\u{0}" == "\0", ("\u{7FF}"):byte(1, -1))  --> 6	true	223	191
print("\x7e\126", "\1234", "\x414", #"\255\xff")  --> ~~	{4	A4	2
--[[ a comment
over lines ]] print "after a comment" --[==[ ]] ]==]  --> after a comment
---[[ not a long comment
print "visible"  --> visible
--]]
print(load [[return "\q"]])  --> nil	[string "return "\q""]:1: invalid escape sequence near '"\q'
print(load [[return "\300"]])  --> nil	[string "return "\300""]:1: decimal escape too large near '"\300"'
print(load [[return "\xag"]])  --> nil	[string "return "\xag""]:1: hexadecimal digit expected near '"\xag'
print(load [[return "\u{110000000}"]])  --> nil	[string "return "\u{110000000}""]:1: UTF-8 value too large near '"\u{110000000'
print(load [[return "abc]])  --> nil	[string "return "abc"]:1: unfinished string near <eof>
print(load "return [[abc")  --> nil	[string "return [[abc"]:1: unfinished long string (starting at line 1) near <eof>
print(load "return [=abc")  --> nil	[string "return [=abc"]:1: invalid long string delimiter near '[='
print(load "x = 'a\nb'")  --> nil	[string "x = 'a..."]:1: unfinished string near ''a'
print(#[[a

b]], [[\n]] == "\\n", "" == [[]])  --> 4	true	true
print(("x"):len(), #"" , ("%d"):format(3), #'\z

   ab')  --> 1	0	3	2
