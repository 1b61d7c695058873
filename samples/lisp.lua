-- A tiny Lisp. Lists are Lua tables, symbols are strings in a box, tail calls loop.
--   lua lisp.lua < program.lisp

local symbols = {}
local function symbol(name)
  symbols[name] = symbols[name] or setmetatable({name = name}, {__name = "symbol"})
  return symbols[name]
end
local function is_symbol(v) return type(v) == "table" and v.name ~= nil and symbols[v.name] == v end

-- Reader ------------------------------------------------------------------

local finished = {}

local function reader(text)
  local pos = 1
  local function skip()
    pos = text:find("%S", pos)
    while pos and text:sub(pos, pos) == ";" do pos = text:find("%S", text:find("\n", pos) or #text + 1) end
    return pos
  end
  local function read()
    if not skip() then pos = #text + 1; return finished end
    local c = text:sub(pos, pos)
    if c == "'" then pos = pos + 1; return {symbol "quote", read()} end
    if c == "(" then
      pos = pos + 1
      local list = {}
      while skip() and text:sub(pos, pos) ~= ")" do list[#list + 1] = read() end
      if not pos then error("missing )", 0) end
      pos = pos + 1
      return list
    end
    local s, stop = text:match('^"([^"]*)"()', pos)
    if s then pos = stop; return s end
    s, pos = text:match("^([^%s()]+)()", pos)
    if s == "#t" then return true elseif s == "#f" then return false end
    return tonumber(s) or symbol(s)
  end
  return read
end

local function show(v)
  if is_symbol(v) then return v.name end
  if type(v) == "boolean" then return v and "#t" or "#f" end
  if type(v) == "function" or type(v) == "table" and v.body then return "#<procedure>" end
  if type(v) ~= "table" then return tostring(v) end
  local parts = {}
  for i, item in ipairs(v) do parts[i] = show(item) end
  return "(" .. table.concat(parts, " ") .. ")"
end

-- Evaluator ---------------------------------------------------------------

local global = {}
local function scope(outer) return setmetatable({}, {__index = outer}) end

local eval
local special = {}
special["quote"] = function(x) return x[2] end
special["define"] = function(x, env)
  if is_symbol(x[2]) then
    env[x[2]] = eval(x[3], env)
    return x[2]
  end
  env[x[2][1]] = {params = {table.unpack(x[2], 2)}, body = {table.unpack(x, 3)}, env = env}
  return x[2][1]
end
special["lambda"] = function(x, env) return {params = x[2], body = {table.unpack(x, 3)}, env = env} end
special["let"] = function(x, env)
  local inner = scope(env)
  for _, binding in ipairs(x[2]) do inner[binding[1]] = eval(binding[2], env) end
  for i = 3, #x - 1 do eval(x[i], inner) end
  return eval(x[#x], inner)
end

function eval(x, env)
  while true do
    if is_symbol(x) then
      local v = env[x]
      if v == nil then error("unbound symbol " .. x.name, 0) end
      return v
    end
    if type(x) ~= "table" or #x == 0 then return x end
    local head = is_symbol(x[1]) and x[1].name
    if head == "if" then
      if eval(x[2], env) ~= false then x = x[3] else x = x[4] end
    elseif special[head] then
      return special[head](x, env)
    else
      local f, args = eval(x[1], env), {}
      for i = 2, #x do args[i - 1] = eval(x[i], env) end
      if type(f) == "function" then return f(table.unpack(args)) end
      if type(f) ~= "table" or not f.body then error("not a procedure: " .. show(f), 0) end
      env = scope(f.env)
      for i, param in ipairs(f.params) do env[param] = args[i] end
      for i = 1, #f.body - 1 do eval(f.body[i], env) end
      x = f.body[#f.body]              -- the tail call: go around again
    end
  end
end

local function fold(name, op)
  global[symbol(name)] = function(first, ...)
    for _, v in ipairs {...} do first = op(first, v) end
    return first
  end
end
fold("+", function(a, b) return a + b end)
fold("-", function(a, b) return a - b end)
fold("*", function(a, b) return a * b end)
fold("append", function(a, b) return table.move(b, 1, #b, #a + 1, table.move(a, 1, #a, 1, {})) end)
global[symbol "/"] = function(a, b) return a // b end
global[symbol "mod"] = function(a, b) return a % b end
global[symbol "="] = function(a, b) return a == b end
global[symbol "<"] = function(a, b) return a < b end
global[symbol "not"] = function(v) return v == false end
global[symbol "car"] = function(l) return l[1] end
global[symbol "cdr"] = function(l) return {table.unpack(l, 2)} end
global[symbol "cons"] = function(v, l) return {v, table.unpack(l)} end
global[symbol "list"] = function(...) return {...} end
global[symbol "null?"] = function(l) return type(l) == "table" and #l == 0 and not is_symbol(l) end
global[symbol "print"] = function(...)
  local parts = {}
  for i, v in ipairs {...} do parts[i] = type(v) == "string" and v or show(v) end
  print(table.concat(parts, " "))
  return {}
end

local read = reader(io.read("a"))
while true do
  local x = read()
  if x == finished then break end
  local ok, v = pcall(eval, x, global)
  if not ok then print("error: " .. v:gsub("^.-:%d+: ", ""))
  elseif type(v) ~= "table" or next(v) then print("=> " .. show(v)) end
end
