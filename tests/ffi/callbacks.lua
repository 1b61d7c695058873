-- Callbacks: structs by value, errors, nesting, collection, freeing, limits.
local ffi = require "ffi"
ffi.cdef[[
typedef struct { double a; int b; } pair;
typedef int (*compare)(const void *, const void *);
void qsort(void *base, size_t n, size_t size, compare c);
void *bsearch(const void *key, const void *base, size_t n, size_t size, compare c);
]]
local function fails(...)
  local ok, message = pcall(...)
  print(ok, (tostring(message):gsub("^[^:]*:%d+: ", "")))
end
local swap = ffi.cast("pair (*)(pair, float, pair *)", function(p, f, q) q.b = p.b return ffi.new("pair", p.b + f, p.a) end)
local out = ffi.new("pair")
local got = swap(ffi.new("pair", 2, 3), 0.5, out)
print(got.a, got.b, out.b)                           --> 3.5 2 3

-- on a thread that is none of Lua's
ffi.cdef[[
typedef unsigned long pthread_t;
int pthread_create(pthread_t *id, void *attributes, void *(*f)(void *), void *argument);
int pthread_join(pthread_t id, void **result);
]]
local ran = 0
local other = ffi.cast("void *(*)(void *)", function(p) ran = ran + 1 return p end)
local id = ffi.new("pthread_t[1]")
fails(function() ffi.C.pthread_create(id, nil, other, nil) ffi.C.pthread_join(id[0], nil) end)
                                                     --> false	a callback was called on another thread, or in another process
print(ran)                                           --> 0
other:free()

-- collections in a callback, and of what is passed
local churn = ffi.cast("const char *(*)(const char *)", function(s) collectgarbage() return s end)
print(ffi.string(churn("still here")))               --> still here

-- nested: C calls Lua calls C calls Lua
local a = ffi.new("int[4]", {4, 2, 3, 1})
local inner = 0
ffi.C.qsort(a, 4, 4, function(x, y)
  local b = ffi.new("int[2]", {2, 1})
  ffi.C.qsort(b, 2, 4, function() inner = inner + 1 return 1 end)
  return ffi.cast("const int *", x)[0] - ffi.cast("const int *", y)[0]
end)
print(a[0], a[1], a[2], a[3], inner > 0)             --> 1 2 3 4 true
local calls = 0
fails(ffi.C.qsort, a, 4, 4, function() calls = calls + 1 error("stop", 0) end) --> false stop
print(calls)                                         --> 1
local inside
fails(ffi.C.qsort, a, 4, 4, function() -- the inner error comes out of the inner call
  inside = select(2, pcall(ffi.C.qsort, a, 2, 4, function() error("inner", 0) end))
  error("outer", 0)
end)                                                 --> false outer
print(inside)                                        --> inner
fails(ffi.C.qsort, a, 4, 4, function() return "x" end) --> false cannot convert 'string' to 'int'
local co = coroutine.wrap(function() ffi.C.qsort(a, 4, 4, function() coroutine.yield() end) end)
fails(co)                                            --> false attempt to yield across a C-call boundary

-- freed ones
local cb = ffi.cast("int (*)(int)", function(n) return n + 1 end)
print(cb(1), cb(-128))                               --> 2 -127
cb:set(function(n) return n * 2 end)
print(cb(4))                                         --> 8
cb:free()
fails(cb, 1)                                         --> false a callback that has been freed was called
fails(cb.free, cb)                                   --> false bad callback
fails(cb.set, cb, print)                             --> false bad callback
for i = 1, 1000 do
  local c = ffi.cast("int (*)(int)", function(n) return n + i end)
  assert(c(1) == i + 1)
  c:free()
end

-- endless recursion through C ends
local function deep() ffi.C.qsort(a, 2, 4, deep) return 0 end
local ok, message = pcall(deep)
print(ok, message:match("overflow"))                 --> false overflow

-- a process is stopped in a callback, too
local process = require "process"
print(select(2, process.wait(process.spawn(function()
  local ffi = require "ffi"
  ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"
  local b = ffi.new("int[2]")
  while true do pcall(ffi.C.qsort, b, 2, 4, function() while true do end end) end
end, {limits = {cpu = 0.1}})))) --> limit cpu limit 100 ms
