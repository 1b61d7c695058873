-- C functions and callbacks.
local ffi = require "ffi"
ffi.cdef [[
int strcmp(const char *, const char *);
void qsort(void *, size_t, size_t, int (*)(const int *, const int *));
typedef struct { double x, y; } point;
]]
local list = ffi.new("int[5]", {5, 3, 4, 1, 2})
local compare = ffi.cast("int (*)(const int *, const int *)", function(a, b) return a[0] - b[0] end)
ffi.C.qsort(list, 5, 4, compare)
compare:free()
for i = 0, 4 do assert(list[i] == i + 1) end
local sum = 0
for i = 1, 300 do sum = sum + ffi.C.strcmp("a", i % 2 == 0 and "a" or "b") end
assert(sum < 0)
local p = ffi.new("point", 1, 2)
assert(p.x + p.y == 3)
print("done")
