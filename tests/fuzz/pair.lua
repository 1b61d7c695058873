-- What runs a program of hot.lua, in either engine: returns run(source) -> transcript, the text of all that was noted.
-- tests/fuzz/pair.c runs the same program in two heaps of one process, and compares the transcripts.

local concat, select, type, tostring, pcall = table.concat, select, type, tostring, pcall
local lines, steps

local function short(text)
  text = text:gsub("0x%x%x%x%x%x%x%x+", "ADDRESS")
  return #text > 120 and text:sub(1, 120) or text
end

local function show(v, level)
  local kind = type(v)
  if kind == "number" then return v ~= v and "nan" or tostring(v) end
  if kind == "string" then return short(v) end
  if kind ~= "table" then return kind == "function" and "function" or kind == "thread" and "thread" or tostring(v) end
  level = level or 0
  if level > 2 then return "{...}" end
  local parts = {}
  for k, w in next, v do
    parts[#parts + 1] = show(k, 3) .. "=" .. show(w, level + 1)
    if #parts > 20 then break end
  end
  return "{" .. concat(parts, " ") .. "}"
end

local function note(...)
  local n = select("#", ...)
  if #lines > 3000 then return end
  if n == 1 then
    lines[#lines + 1] = show((...))
  elseif n == 2 then
    local a, b = ...
    lines[#lines + 1] = show(a) .. " " .. show(b)
  else
    local parts = {...}
    for i = 1, n do parts[i] = show(parts[i]) end
    lines[#lines + 1] = concat(parts, " ", 1, n)
  end
end

local function tick()
  steps = steps + 1
  if steps > 600 then error("out of steps", 0) end
end

local Point = {}
Point.__index = Point
function Point:get(k) tick() return self.x + (k or 1) end
function Point.__add(a, b)
  tick() local x, y = type(a) == "table" and a.x or a, type(b) == "table" and b.x or b
  return setmetatable({x = x + y}, Point)
end
function Point.__unm(a) tick() return setmetatable({x = -a.x}, Point) end
function Point.__eq(a, b) tick() return a.x == b.x end
function Point.__lt(a, b) tick() return a.x < b.x end
function Point.__call(self, a) return self.x, a end
local function point(x) return setmetatable({x = x, y = 1}, Point) end

local Counter = setmetatable({}, {__index = Point})
Counter.__index = Counter
function Counter:get(k) self.y = (self.y or 0) + 1 return self.y + (k or 0) end
function Counter.__concat(a, b) return "counter" end
function Counter.__len(a) return a.x end
function Counter.__lt(a, b) return true end
local function counter(x) return setmetatable({y = x, x = x}, Counter) end

local function proxy(x)
  local kept = {x = x}
  return setmetatable({}, {__index = function(_, k) return kept[k] or k == "get" and Point.get or nil end,
    __newindex = function(_, k, v) kept[k] = v end, __add = function(a, b) return b end})
end

local function list(n)
  local t = {}
  for i = 1, n do t[i] = i * i end
  return t
end
local function two(a) return a, a end
local function range(n, step) return function(s, i) if i < n then return i + 1, (i + 1) * s end end, step, 0 end
local function cut(s) return #s > 60 and s:sub(1, 60) or s end

local function locals(level)
  local parts = {}
  for i = 1, 12 do
    local name, value = debug.getlocal(level + 1, i)
    if not name then break end
    parts[#parts + 1] = name .. "=" .. show(value, 2)
  end
  return concat(parts, " ")
end
local function where()
  local info = debug.getinfo(2, "Sltn")
  return ("%s %d %s %s"):format(info.short_src, info.currentline, info.name, info.istailcall)
end
local function poke(name, value)
  for i = 1, 200 do
    local found = debug.getlocal(2, i)
    if not found then return end
    if found == name then debug.setlocal(2, i, value) end
  end
end
-- Count and note a few lines of the caller's by a hook.
local function watch(count)
  debug.sethook(function(_, line)
    note("line", line)
    count = count - 1
    if count <= 0 then debug.sethook() end
  end, "l")
end
local function closer(x) return setmetatable({}, {__close = function(_, e) note("closed", x, e) end}) end

local function plain(v)
  local kind = type(v)
  return (kind == "table" or kind == "function" or kind == "thread") and kind or v
end
local function deep(x, n) if n <= 0 then return x + n end return 1 + deep(x, n - 1) end

return function(source, name)
  lines, steps = {}, 0
  local f, message = load(source, name, "t")
  if not f then return "syntax: " .. message end
  local ok, e = pcall(f, note, tick, show, point, counter, proxy, list, two, range, cut, locals, where, poke, watch, closer, plain, deep)
  debug.sethook()
  lines[#lines + 1] = ok and "done" or "failed: " .. show(e)
  return concat(lines, "\n")
end
