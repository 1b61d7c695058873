-- The C library sorts an array of structs; the comparison is a Lua function.
local ffi = require "ffi"
ffi.cdef[[
typedef struct { char name[12]; int year; } language;
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *a, const void *b));
]]

local known = {{"Lua", 1993}, {"C", 1972}, {"Lisp", 1960}, {"Python", 1991}, {"Scheme", 1975}, {"Fortran", 1957}, {"Rust", 2015}}
local languages = ffi.new("language[?]", #known)
for i, row in ipairs(known) do languages[i - 1] = row end

local function sort(compare)
  local callback = ffi.cast("int (*)(const void *, const void *)", function(a, b)
    return compare(ffi.cast("const language *", a), ffi.cast("const language *", b))
  end)
  ffi.C.qsort(languages, #known, ffi.sizeof("language"), callback)
  callback:free()
end

local function show(title)
  local names = {}
  for i = 0, #known - 1 do names[#names + 1] = ffi.string(languages[i].name) end
  print(title .. ":", table.concat(names, " "))
end

sort(function(a, b) return a.year - b.year end)
show("by year")
sort(function(a, b)
  local s, t = ffi.string(a.name), ffi.string(b.name)
  return s < t and -1 or s > t and 1 or 0
end)
show("by name")

-- An error in the comparison comes out of qsort's caller, not out of the middle of qsort.
print(pcall(sort, function() error("cannot compare these", 0) end))
