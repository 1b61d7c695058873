-- Functions, structs, arrays and pointers of C.
local ffi = require "ffi"
ffi.cdef[[
typedef struct point { int x, y; double z; struct { char c; short s; }; unsigned a:3, b:7; } point;
struct div_t { int quot, rem; };
enum color { RED, GREEN = 5, BLUE };
static const int ANSWER = 42;
size_t strlen(const char *s);
double sqrt(double);
float sqrtf(float);
int abs(int);
int snprintf(char *to, size_t size, const char *format, ...);
struct div_t div(int a, int b);
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
void *malloc(size_t);
void free(void *);
]]
local C = ffi.C
print(C.strlen("hello"), C.strlen("hello") == 5, tonumber(C.strlen("hello"))) --> 5ULL true 5
print(C.sqrt(2) == 2 ^ 0.5, C.sqrtf(2) == 2 ^ 0.5, C.abs(-3)) --> true false 3
local d = C.div(17, 5)
print(d.quot, d.rem)                                 --> 3 2

local p = ffi.new("point", 1, 2, 3.5)
p.c, p.s, p.a, p.b = 7, -3, 9, 100
print(p.x, p.y, p.z, p.c, p.s, p.a, p.b)             --> 1 2 3.5 7 -3 1 100
print(ffi.sizeof(p), ffi.offsetof("point", "b"))     --> 24 20 3 7
print(tostring(ffi.typeof(p)), tostring(ffi.typeof("int (*)[3]"))) --> ctype<struct point> ctype<int (*)[3]>
print(type(p), type(ffi.typeof("int")))              --> cdata cdata
print(C.ANSWER, C.RED, C.BLUE, ffi.new("enum color", "GREEN") == 5) --> 42 0 6 true

local a = ffi.new("int[5]", {5, 3, 1, 4, 2})
C.qsort(a, 5, 4, function(x, y) return ffi.cast("const int *", x)[0] - ffi.cast("const int *", y)[0] end)
print(a[0], a[1], a[2], a[3], a[4])                  --> 1 2 3 4 5

-- varargs
local buffer = ffi.new("char[64]")
print(C.snprintf(buffer, 64, "%d %s %g %c %ld", 5, "x", 1.5, 65, ffi.new("long", -7))) --> 12
print(ffi.string(buffer))                            --> 5 x 1.5 A -7

-- NULL is nil for ==
local n = ffi.cast("void *", 0)
print(n == nil, nil == n, n ~= nil, rawequal(n, nil), a == nil) --> true true false false false
local count = 0
for i = 1, 300 do
  if ffi.cast("void *", i % 2) == nil then count = count + 1 end
end
print(count)                                         --> 150

-- 64 bits
local u = ffi.cast("uint64_t", -1)
print(u, u + 1, u > 5, u == -1, -u)                  --> 18446744073709551615ULL 0ULL true true 1ULL
print(math.type(ffi.new("int64_t[1]", -1)[0]), tonumber(ffi.new("int64_t", 7))) --> integer 7

-- wrong use
local function fails(...)
  local ok, message = pcall(...)
  print(ok, (tostring(message):gsub("^[^:]*:%d+: ", "")))
end
fails(function() return n.x end)                     --> false 'void *' has no member named 'x'
fails(function() return ffi.cast("int *", 0)[0] end) --> false attempt to read through a NULL pointer
fails(C.strlen)                                      --> false wrong number of arguments for function call (1 expected, got 0)
print((pcall(ffi.cdef, "\1\2 x;")))                   --> false
print((pcall(ffi.cdef, "int a;\0 int b;")))           --> false
-- an enum that is not known yet has no size to be cut to
print(pcall(ffi.cdef, "int a_[(enum unknown_) 3];"))  --> false input:1: integer type expected in a constant expression near ']'
fails(C.strlen, 5)                                   --> false bad argument #1 (cannot convert 'number' to 'const char *')
fails(C.qsort, a, 5, 4, function() error("boo", 0) end) --> false boo
fails(function() return a[5] end)                    --> false index 5 is out of bounds of 'int [5]'
print(pcall(ffi.cdef, "struct bad {\n int a;\n bogus b; };")) --> false input:3: undeclared or implicit type near 'bogus'
