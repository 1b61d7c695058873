-- Operators, metatables of types, conversions.
local ffi = require "ffi"
local function fails(...)
  local ok, message = pcall(...)
  print(ok, (tostring(message):gsub("^[^:]*:%d+: ", "")))
end
ffi.cdef[[
typedef struct { double x, y; } vec;
typedef struct node { int value; struct node *next; } node;
typedef union { uint32_t u; float f; uint8_t b[4]; } bits;
enum mode { OFF, ON, HUGE_ONE = 0x100000000 };
typedef struct { const int fixed; int64_t big; uint64_t ubig; bool flag; enum mode mode; char name[8]; } record;
]]

-- pointers
local a = ffi.new("int[4]", {10, 20, 30, 40})
local p = a + 1
print(p[0], p[-1], (p + 2)[0], (2 + a)[0], p - a, (a + 3) - p) --> 20 10 40 30 1 2
print(p == a + 1, p ~= a, p > a, a <= a + 0, p < a)  --> true true true true false
fails(function() return p - ffi.new("char[1]") end)  --> false attempt to subtract 'int *' and 'char [1]'
fails(function() return p + "x" end)                 --> false attempt to perform arithmetic on 'int *' and 'string'
fails(function() return p < 5 end)                   --> false attempt to compare 'int *' and 'number'
print(p == 5, p == "x", p == {})                     --> false false false

-- numbers
local u, i = ffi.new("uint64_t", 7), ffi.new("int64_t", -7)
print(u / 2, u % 4, u ^ 2, i / 2, i % 4, i // 2)     --> 3ULL 3ULL 49ULL -3 -3 -4
print(u + 1, u - 8, i + 1, -u, ~u, u << 60, u >> 1)  --> 8ULL 18446744073709551615ULL -6 18446744073709551609ULL 18446744073709551608ULL 8070450532247928832ULL 3ULL
print(u == 7, u == 7.0, u == 7.5, i < 0, u > 6.5, i == ffi.cast("int8_t", -7)) --> true true false true true true
print(ffi.new("double", 1.5) + 1, ffi.new("float", 0.5) * 3, u * 0.5) --> 2.5 1.5 3.5
fails(function() return u / 0 end)                   --> false attempt to perform division by zero
print(tostring(i), tostring(u), tostring(ffi.new("int", 5)):match("^cdata<int>: ")) --> -7LL 7ULL cdata<int>: 
print(tonumber(u), tonumber(ffi.cast("uint64_t", -1)), tonumber(ffi.new("bool", true)), tonumber(p)) --> 7 1.844674407371e+19 1 nil

-- structs
local r = ffi.new("record", {5, 1 << 62, -1, true, "ON", "rille"})
print(r.fixed, r.big, r.ubig, r.flag, tonumber(r.mode), ffi.string(r.name)) --> 5 4611686018427387904 18446744073709551615ULL true 1 rille
print(r.mode == "ON", r.mode == 1, ffi.sizeof("enum mode")) --> true true 8
local v0 = ffi.new("node")
fails(function() r.fixed = 6 end)                    --> false attempt to write to constant location
fails(function() v0.nothing = 6 end)                 --> false 'struct node' has no member named 'nothing'
r.name = "longer than it"
print(ffi.string(r.name))                            --> longer t
local b = ffi.new("bits", 0x3f800000)
print(b.f, b.b[3])                                   --> 1.0 63
local list
for n = 3, 1, -1 do list = ffi.new("node", n, list) keep = {list, keep} end
local sum, at = 0, list
while at ~= nil do sum, at = sum + at.value, at.next end
print(sum)                                           --> 6

-- metatables of types
local vec
vec = ffi.metatype("vec", {
  __add = function(v, w) return vec(v.x + w.x, v.y + w.y) end,
  __eq = function(v, w) return v.x == w.x and v.y == w.y end,
  __lt = function(v, w) return v.x < w.x end,
  __le = function(v, w) return v.x <= w.x end,
  __len = function(v) return 2 end,
  __unm = function(v) return vec(-v.x, -v.y) end,
  __call = function(v, k, ...) return k, v.x, ... end,
  __concat = function(v, w) return "joined" end,
  __tostring = function(v) return "<" .. v.x .. "," .. v.y .. ">" end,
  __pairs = function(v) return function(_, k) if not k then return "x", v.x elseif k == "x" then return "y", v.y end end, v end,
  __index = {norm = function(v) return (v.x ^ 2 + v.y ^ 2) ^ 0.5 end, origin = "zero"},
  __newindex = function(v, k, value) print("new", k, value) end,
})
local v = vec(3, 4)
print(v:norm(), tostring(v + v), tostring(-v), #v, v == vec(3, 4), v ~= vec(3, 5)) --> 5.0 <6.0,8.0> <-3.0,-4.0> 2 true true
print(v < vec(4, 0), v <= vec(3, 0), v .. 1, vec.origin, v(1, 2, 3)) --> true true joined zero 1 3.0 2 3
v.z = 1                                              --> new z 1
for k, x in pairs(v) do io.write(k, tostring(x), ";") end print() --> x3.0;y4.0;
print(ffi.cast("vec *", v):norm(), ffi.new("vec[2]")[1]:norm()) --> 5.0 0.0
fails(ffi.metatype, "vec", {})                       --> false cannot change a protected metatable
fails(function() return #a end)                      --> false attempt to get length of 'int [4]'
fails(function() return a .. "x" end)                --> false attempt to concatenate 'int [4]' and 'string'
fails(function() return a() end)                     --> false 'int [4]' is not callable
fails(pairs, a)                                      --> false attempt to iterate over 'int [4]'

-- coroutines may be left from within methods and operators
ffi.cdef "typedef struct { int n; } yielder;"
local yielder = ffi.metatype("yielder", {__add = function(x, y) return coroutine.yield(x.n + y) end,
                                         __index = function(x, k) return coroutine.yield(k) end})
local co = coroutine.wrap(function() local y = yielder(5) local got = y + 1 return got, y.field end)
print(co(), co("a"), co("b"))                        --> 6 field a b

-- finalizers
local log = {}
do
  local x = ffi.gc(ffi.new("int"), function(c) log[#log + 1] = "gc" end)
  local y = ffi.gc(ffi.new("int"), function() log[#log + 1] = "never" end)
  ffi.gc(y, nil)
end
for _ = 1, 3 do local _ = {} collectgarbage() end
print(table.concat(log, " "))                        --> gc

-- keys of tables: by identity
local t = {}
t[a], t[p] = 1, 2
print(t[a], t[p], t[ffi.new("int")])                 --> 1 2 nil

-- types
print(ffi.typeof("int") == ffi.typeof("signed int"), ffi.typeof("int") == ffi.typeof("long")) --> true false
print(ffi.istype("vec", v), ffi.istype("vec", ffi.cast("vec *", v)), ffi.istype("vec *", v), ffi.istype("int", 5)) --> true true false false
print(ffi.sizeof("int[?]", 5), ffi.sizeof("int[]"), ffi.alignof("double"), ffi.offsetof("vec", "q")) --> 20 nil 8 nil
fails(ffi.new, "struct unknown")                     --> false size of C type 'struct unknown' is unknown
fails(ffi.new, "void")                               --> false size of C type 'void' is unknown
fails(ffi.new, "int[?]")                             --> false number of elements expected for 'int [?]'
fails(ffi.new, "int[?]", 1 << 60)                    --> false size of C type is unknown or too large
fails(ffi.new, "int[2]", {1, 2, 3})                  --> false too many initializers for 'int [2]'
fails(ffi.cast, "vec", v)                            --> false bad argument #1 to 'ffi.cast' (number or pointer type expected)
fails(ffi.typeof, "int x y")                         --> false 'x' unexpected in a type
