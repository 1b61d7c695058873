-- A guided tour of Lua in one file. Read it from top to bottom, then run it.

local function section(title) print("\n-- " .. title .. " " .. ("-"):rep(50 - #title)) end

section "Values"
-- nil, booleans, integers, floats, strings, functions, tables, coroutines
print(type(nil), type(true), type(42), type("hi"), type(print), type({}))
print(7 // 2, 7 / 2, 7 % 3, 2 ^ 10, -7 // 2, -7 % 3)
print(math.type(1), math.type(1.0), 1 == 1.0, 10 | 3, 1 << 8, ~0)
print("10" + 5, 10 .. 5, #"hello", "a" < "b")

section "Strings"
local greeting = "Hello, World"
print(greeting:upper(), greeting:rep(2, "; "), greeting:sub(-5))
print(("%5.2f|%-6s|%04d|%x"):format(math.pi, "ab", 42, 255))
for word, size in greeting:gmatch("(%a)(%a*)") do io.write(word, "+", size, " ") end
print((greeting:gsub("o", "0")))

section "Tables"
-- One structure is array, record, set and object.
local list = {"one", "two", "three"}
list[#list + 1] = "four"
for i, v in ipairs(list) do io.write(i, "=", v, " ") end
print()
local point = {x = 3, y = 4, ["a key"] = true}
print(point.x, point["y"], point["a key"], point.nothing)
print(table.concat(list, ", "), select("#", table.unpack(list)))

section "Functions"
local function counter(start, step)
  local n = start - (step or 1)
  return function() n = n + (step or 1); return n end
end
local odd, even = counter(1, 2), counter(2, 2)
print(odd(), odd(), odd(), even(), even())
local function sum(...)
  local total = 0
  for _, v in ipairs {...} do total = total + v end
  return total, select("#", ...)
end
print(sum(1, 2, 3, 4))

section "Control"
for i = 10, 1, -3 do io.write(i, " ") end
for i = 1, 3 do
  for j = 1, 3 do
    if i * j == 4 then goto next end
    io.write("(", i, ",", j, ")")
  end
  ::next::
end
print()

section "Objects"
local Animal = {}
Animal.__index = Animal
function Animal.new(name, sound) return setmetatable({name = name, sound = sound}, Animal) end
function Animal:speak() return self.name .. " says " .. self.sound end
local Dog = setmetatable({}, {__index = Animal})
Dog.__index = Dog
Dog.__tostring = function(d) return "Dog(" .. d.name .. ")" end
local rex = setmetatable(Animal.new("Rex", "woof"), Dog)
function Dog:fetch(what) return self.name .. " brings the " .. what end
print(rex:speak(), rex:fetch("stick"), tostring(rex))

section "Metatables"
local V = {}
V.__index = V
local function vec(x, y) return setmetatable({x = x, y = y}, V) end
V.__add = function(a, b) return vec(a.x + b.x, a.y + b.y) end
V.__mul = function(a, k) return vec(a.x * k, a.y * k) end
V.__eq = function(a, b) return a.x == b.x and a.y == b.y end
V.__len = function(a) return math.sqrt(a.x ^ 2 + a.y ^ 2) end
V.__tostring = function(a) return "<" .. a.x .. ", " .. a.y .. ">" end
print(tostring(vec(1, 2) + vec(3, 4) * 2), vec(1, 1) == vec(1, 1), #vec(3, 4))

section "Coroutines"
local function fibonacci(limit)
  return coroutine.wrap(function()
    local a, b = 0, 1
    while a <= limit do coroutine.yield(a); a, b = b, a + b end
  end)
end
for f in fibonacci(100) do io.write(f, " ") end
print()

section "Errors"
print(pcall(error, {code = 7}) and "?" or "caught a table")
print((select(2, pcall(function() local t; return t.x end)):gsub("^.-:%d+: ", "")))
print(select(2, pcall(error, "plain message", 0)))

section "Scopes that close"
do
  local log <close> = setmetatable({}, {__close = function() print "  ...and tidy up" end})
  local answer <const> = 42
  print("  working with", answer)
end
print "That is nearly all of it."
