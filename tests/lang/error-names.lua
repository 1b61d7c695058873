-- Messages name the variable that was at fault.
local function try(s, ...) local f = assert(load(s, "=c")); local ok, e = pcall(f, ...); print(e) end
try "local a; a.b = 1" try "local a; return a.b" try "return x.y" try "x.y.z = 1" try "return x.y.z" try "local a = {}; return a.b.c"
--> c:1: attempt to index a nil value (local 'a')
--> c:1: attempt to index a nil value (local 'a')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to index a nil value (field 'b')
try "local a = {}; a.b.c = 1" try "local a = {}; return a[1][2]" try "local a; (function() return a.x end)()" try "local a; (function() a.x = 1 end)()"
--> c:1: attempt to index a nil value (field 'b')
--> c:1: attempt to index a nil value (field 'integer index')
--> c:1: attempt to index a nil value (upvalue 'a')
--> c:1: attempt to index a nil value (upvalue 'a')
try "f()"  --> c:1: attempt to call a nil value (global 'f')
try "local f; f()" try "x.f()" try "local t = {}; t.f()" try "local t = {}; t:m()" try "local t = {}; t.a.b()" try "('x'):bad()" try "local s = 'x'; s.y.z()" try "local a; (function() a() end)()"
--> c:1: attempt to call a nil value (local 'f')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to call a nil value (field 'f')
--> c:1: attempt to call a nil value (method 'm')
--> c:1: attempt to index a nil value (field 'a')
--> c:1: attempt to call a nil value (method 'bad')
--> c:1: attempt to index a nil value (field 'y')
--> c:1: attempt to call a nil value (upvalue 'a')
try "return 1 + nil" try "local a = {}; return a + 1" try "return x + 1" try "local t = {}; return t.x + 1" try "return 1 + {}" try "local a = 'x'; return a + 1" try "return 'abc' * 2" try "return -{}" try "local t = {}; return -t.x" try "return - x"
--> c:1: attempt to perform arithmetic on a nil value
--> c:1: attempt to perform arithmetic on a table value (local 'a')
--> c:1: attempt to perform arithmetic on a nil value (global 'x')
--> c:1: attempt to perform arithmetic on a nil value (field 'x')
--> c:1: attempt to perform arithmetic on a table value
--> c:1: attempt to add a 'string' with a 'number'
--> c:1: attempt to mul a 'string' with a 'number'
--> c:1: attempt to perform arithmetic on a table value
--> c:1: attempt to perform arithmetic on a nil value (field 'x')
--> c:1: attempt to perform arithmetic on a nil value (global 'x')
try "return 'a' .. {}" try "local a; return a .. 'x'" try "return x .. 'y'" try "local t = {}; return 'p' .. t.q" try "return 1 .. nil" try "local a, b; return 'a' .. 'b' .. a .. b"
--> c:1: attempt to concatenate a table value
--> c:1: attempt to concatenate a nil value (local 'a')
--> c:1: attempt to concatenate a nil value (global 'x')
--> c:1: attempt to concatenate a nil value (field 'q')
--> c:1: attempt to concatenate a nil value
--> c:1: attempt to concatenate a nil value (local 'a')
try "return #x" try "local a = 5; return #a" try "local t = {}; return #t.n" try "return 1 < {}" try "return {} < {}" try "return nil < 1" try "return 'a' < 1" try "return x <= y"
--> c:1: attempt to get length of a nil value (global 'x')
--> c:1: attempt to get length of a number value (local 'a')
--> c:1: attempt to get length of a nil value (field 'n')
--> c:1: attempt to compare number with table
--> c:1: attempt to compare two table values
--> c:1: attempt to compare nil with number
--> c:1: attempt to compare string with number
--> c:1: attempt to compare two nil values
try "local a = 1.5; return a | 1" try "return 1 & 2.5" try "return x | 1" try "local t = {}; return t.x << 1" try "return 1 // 0" try "return 1 % 0" try "return 2^53 | 1.5" try "return ~'a'" try "return 'a' | 1" try "return '3.5' & 1"
--> c:1: number (local 'a') has no integer representation
--> c:1: number has no integer representation
--> c:1: attempt to perform bitwise operation on a nil value (global 'x')
--> c:1: attempt to perform bitwise operation on a nil value (field 'x')
--> c:1: attempt to divide by zero
--> c:1: attempt to perform 'n%0'
--> c:1: number has no integer representation
--> c:1: attempt to perform bitwise operation on a string value (constant 'a')
--> c:1: attempt to perform bitwise operation on a string value (constant 'a')
--> c:1: attempt to perform bitwise operation on a string value (constant '3.5')
try "local t = {}; t[nil] = 1" try "local t = {}; t[0/0] = 1" try "for i = 1, 'x' do end" try "for i = 'x', 1 do end" try "for i = 1, 2, {} do end" try "for i in 1 do end" try "for i in nil do end"
--> c:1: table index is nil
--> c:1: table index is NaN
--> c:1: bad 'for' limit (number expected, got string)
--> c:1: bad 'for' initial value (number expected, got string)
--> c:1: bad 'for' step (number expected, got table)
--> c:1: attempt to call a number value (for iterator 'for iterator')
--> c:1: attempt to call a nil value (for iterator 'for iterator')
try "string.rep()" try "string.rep('x', 'y')" try "('x'):rep({})" try "math.floor({})" try "setmetatable(1, 2)" try "string.format('%d', 'x')" try "string.format('%d', 1.5)" try "table.concat({{}})" try "tonumber('1', 99)" try "('x'):rep(1, 2, 3):bad()"
--> c:1: bad argument #1 to 'rep' (string expected, got no value)
--> c:1: bad argument #2 to 'rep' (number expected, got string)
--> c:1: bad argument #1 to 'rep' (number expected, got table)
--> c:1: bad argument #1 to 'floor' (number expected, got table)
--> c:1: bad argument #1 to 'setmetatable' (table expected, got number)
--> c:1: bad argument #2 to 'format' (number expected, got string)
--> c:1: bad argument #2 to 'format' (number has no integer representation)
--> c:1: invalid value (table) at index 1 in table for 'concat'
--> c:1: bad argument #2 to 'tonumber' (base out of range)
--> c:1: attempt to call a nil value (method 'bad')
try "error('with position')" try "error('none', 0)" try "error('level 2', 2)" try "local function f() error('up', 2) end\nf()" try "\n\nlocal x = y.z" try "return _ENV.x.y" try "local _ENV = {}; return x.y" try "local _ENV = nil; return x" try "local a <const> = nil; return a.b" try "return (nil).x" try "return ('x').y.z" try "return ({})['k']['j']" try "local t, i = {}, 'k'; return t[i].x" try "local t = {}; local i = 1; return t[i]()" try "goto_ = 1; return goto_.x.y" try "local a = ...; a.b()" try "string.nofunction('x')" try "return math.nofield.x"
--> c:1: with position
--> none
--> level 2
--> c:2: up
--> c:3: attempt to index a nil value (global 'y')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to index a nil value (global 'x')
--> c:1: attempt to index a nil value (local '_ENV')
--> c:1: attempt to index a nil value
--> c:1: attempt to index a nil value
--> c:1: attempt to index a nil value (field 'y')
--> c:1: attempt to index a nil value (field 'k')
--> c:1: attempt to index a nil value (field '?')
--> c:1: attempt to call a nil value (field '?')
--> c:1: attempt to index a number value (global 'goto_')
--> c:1: attempt to index a nil value (local 'a')
--> c:1: attempt to call a nil value (field 'nofunction')
--> c:1: attempt to index a nil value (field 'nofield')
