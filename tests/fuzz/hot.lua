-- Writes random Lua programs whose functions run often, with values of changing types: work for a compiler that watches types.
--   lua hot.lua SEED       prints one program
-- As a chunk called without `arg`: returns the generator, a function (seed) -> text.
--
-- A program is a function body: it gets `note` (takes any values; they are what is compared), and helpers. Functions have
-- parameters of an expected kind, mostly get such, and now and then another one, so that guards fail, metamethods run,
-- and errors are thrown in the middle of hot code, where they are caught and their messages noted. Loops and calls are bounded.

local state

local function seed(n)
  state = (n + 1) * 0x9E3779B97F4A7C15
  state = (state ~ (state >> 30)) * 0xBF58476D1CE4E5B9
  state = (state ~ (state >> 27)) * 0x94D049BB133111EB
  state = state ~ (state >> 31) | 1
end

local function random(n)                -- 1 .. n
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  return (state >> 11) % n + 1
end

local function pick(list) return list[random(#list)] end
local function chance(percent) return random(100) <= percent end

local out, indent, scopes, serial, depth, functions, loops, has_varargs, in_coroutine

local function emit(text) out[#out + 1] = (" "):rep(indent) .. text end
local function fresh(prefix) serial = serial + 1; return prefix .. serial end
local function declare(kind, name) table.insert(scopes[#scopes], {kind, name}) end
local function open() indent = indent + 1; scopes[#scopes + 1] = {} end
local function close() indent = indent - 1; scopes[#scopes] = nil end

local function variable(kind)
  local found = {}
  for _, scope in ipairs(scopes) do
    for _, v in ipairs(scope) do
      if v[1] == kind then found[#found + 1] = v[2] end
    end
  end
  return #found > 0 and found[math.max(random(#found), random(#found))] or nil
end

-- Expressions: by the kind that is expected ---------------------------------

local constants = {
  int = {"0", "1", "2", "3", "-1", "5", "7", "10", "63", "64", "100", "1000", "-7", "65536", "0x7fffffff", "0xffffffff", "math.maxinteger", "math.mininteger", "1 << 53", "4611686018427387904"},
  float = {"0.0", "0.5", "1.0", "-1.5", "2.0", "3.25", "-0.0", "1e15", "2^53", "2^63", "1e300", "0.1", "100.0", "math.huge", "-math.huge", "0/0"},
  str = {"'a'", "'abc'", "''", "'10'", "'0x10'", "'1e1'", "'x'", "'hello'", "' 7 '", "'a longer text that is not interned, is it?'", "'\\0b'"},
  bool = {"true", "false"},
  rec = {"{x = 1, y = 2}", "{x = 1.5}", "{y = 1, x = 2}", "{x = 3, y = 'a', z = 1}", "point(1)", "point(2.5)", "counter(3)", "proxy(4)", "{}", "setmetatable({}, {__index = {x = 9, y = 8}})"},
  arr = {"{1, 2, 3}", "{1.5, 2.5, 3.5}", "{'a', 'b'}", "{1, 2.5, 'x'}", "{}", "{1, 2, 3, 4, 5, 6, 7, 8, 9}", "{true, false, 1}", "{{1}, {2}}", "list(4)", "list(9)"},
}
local kinds = {"int", "int", "int", "float", "str", "bool", "rec", "arr"}
local expression

local function sub(kind) return expression(kind) end
local function inside(kind)             -- of a function without varargs
  local saved = has_varargs
  has_varargs = false
  local text = expression(kind)
  has_varargs = saved
  return text
end
local function number() return sub(pick {"int", "int", "float"}) end
local function field() return pick {"x", "x", "y", "z", "w"} end

local makers = {
  int = {
    function() return ("(%s %s %s)"):format(sub "int", pick {"+", "-", "*", "+", "-", "&", "|", "~"}, sub "int") end,
    function() return ("(%s %s %s)"):format(sub "int", pick {"+", "-", "*", "//", "%", "<<", ">>", "&"}, pick(constants.int)) end,
    function() return ("(%s %s %s)"):format(sub "int", pick {"//", "%", "<<", ">>"}, sub "int") end,
    function() return chance(25) and ("#(%s)"):format(sub "str") or ("%s(%s)"):format(pick {"-", "~", "- -"}, sub "int") end,
    function() return ("#%s"):format(sub "arr") end,
    function() return ("%s.%s"):format(sub "rec", field()) end,
    function() return ("%s[%s]"):format(sub "arr", pick {"1", "2", "3", sub "int"}) end,
    function() return ("(%s and %s or %s)"):format(sub "bool", sub "int", sub "int") end,
    function() return ("math.%s(%s)"):format(pick {"floor", "ceil", "abs", "tointeger"}, number()) end,
    function() return ("math.%s(%s, %s)"):format(pick {"max", "min", "fmod"}, number(), number()) end,
    function() return ("(%s):byte(%s)"):format(sub "str", pick {"", "1", "-1", "2"}) end,
    function() return ("%s:get(%s)"):format(sub "rec", sub "int") end,
    function() return ("select(%s, %s, %s)"):format(pick {"'#'", "1", "2", "-1"}, sub "int", sub "int") end,
    function() return ("tonumber(%s)"):format(sub(pick {"str", "int"})) end,
    function() return ("(%s)(%s)"):format("function(q) return q end", sub "int") end,
    function() return ("rawlen(%s)"):format(sub "arr") end,
  },
  float = {
    function() return ("(%s %s %s)"):format(sub "float", pick {"+", "-", "*", "/"}, number()) end,
    function() return ("(%s %s %s)"):format(number(), pick {"+", "-", "*", "/"}, sub "float") end,
    function() return ("(%s %s %s)"):format(number(), pick {"/", "^", "%", "//"}, pick {"2", "2.0", "0.5", "-3", "3.0"}) end,
    function() return ("(-%s)"):format(sub "float") end,
    function() return ("math.sqrt(%s)"):format(number()) end,
    function() return ("(%s + 0.0)"):format(sub "int") end,
    function() return ("(%s ^ %s)"):format(number(), number()) end,
    function() return ("(%s).%s"):format(sub "rec", field()) end,
    function() return ("math.%s(%s)"):format(pick {"floor", "abs", "sin", "exp"}, sub "float") end,
  },
  str = {
    function() return ("cut(%s .. %s)"):format(sub "str", sub(pick {"str", "int", "float"})) end,
    function() return ("cut(%s .. %s .. %s)"):format(sub "str", sub "int", sub "str") end,
    function() return ("(%s):sub(%s, %s)"):format(sub "str", sub "int", pick {"-1", "2", sub "int"}) end,
    function() return ("tostring(plain(%s))"):format(sub(pick {"int", "float", "bool", "str"})) end,
    function() return ("(%s):%s()"):format(sub "str", pick {"upper", "lower", "reverse"}) end,
    function() return ("type(%s)"):format(sub(pick(kinds))) end,
    function() return ("string.char(%s & 127)"):format(sub "int") end,
    function() return ("(%s and %s or %s)"):format(sub "bool", sub "str", sub "str") end,
    function() return ("math.type(%s)"):format(number()) end,
    function() return ("('%%d %%s'):format(%s, plain(%s))"):format(sub "int", sub "str") end,
    function() return ("cut((%s):rep(%s & 7))"):format(sub "str", sub "int") end,
    function() return ("((%s):gsub('%%w', {a = 'b', b = 1}))"):format(sub "str") end,
  },
  bool = {
    function() return ("(%s %s %s)"):format(sub "int", pick {"<", "<=", ">", ">=", "==", "~="}, sub "int") end,
    function() return ("(%s %s %s)"):format(number(), pick {"<", "<=", ">", ">=", "==", "~="}, number()) end,
    function() return ("(%s %s %s)"):format(sub "int", pick {"<", "<=", ">", ">=", "==", "~="}, pick(constants.int)) end,
    function() return ("(%s %s %s)"):format(sub "str", pick {"<", "==", "~=", "<="}, sub "str") end,
    function() return ("(not %s)"):format(sub(pick {"bool", "int", "rec"})) end,
    function() return ("(%s %s %s)"):format(sub "bool", pick {"and", "or"}, sub "bool") end,
    function() return ("(%s == %s)"):format(sub(pick {"rec", "arr", "str", "bool"}), sub(pick(kinds))) end,
    function() return ("(%s ~= nil)"):format(sub(pick(kinds))) end,
    function() return ("rawequal(%s, %s)"):format(sub "rec", sub "rec") end,
    function() return ("(%s < %s)"):format(sub "rec", sub "rec") end,
    function() return ("math.ult(%s, %s)"):format(sub "int", sub "int") end,
  },
  rec = {
    function() return ("(%s + %s)"):format(sub "rec", sub(pick {"int", "rec"})) end,
    function() return ("{x = %s, y = %s}"):format(sub "int", number()) end,
    function() return ("{x = %s, %s, z = %s}"):format(sub "int", sub "int", sub "str") end,
    function() return ("point(%s)"):format(number()) end,
    function() return ("counter(%s)"):format(sub "int") end,
    function() return ("(%s or %s)"):format(sub "rec", sub "rec") end,
    function() return ("(-%s)"):format(sub "rec") end,
  },
  arr = {
    function() return ("{%s, %s, %s}"):format(sub "int", sub "int", sub "int") end,
    function() return ("{%s, %s}"):format(sub "float", sub "float") end,
    function() return ("list(%d)"):format(random(8)) end,
    function() return ("{%s, n = %s}"):format(sub "int", sub "int") end,
    function() return ("table.pack(%s, %s)"):format(sub "int", sub "str") end,
    function() return has_varargs and "{...}" or "{two(" .. sub "int" .. ")}" end,
  },
}

function expression(kind)
  if chance(3) then kind = pick(kinds) end
  if depth > 2 or chance(45) then
    return chance(75) and variable(kind) or "(" .. pick(constants[kind]) .. ")"
  end
  depth = depth + 1
  local text
  local f = #functions > 0 and chance(8) and kind ~= "rec" and pick(functions)
  if f then
    local args = {}
    for i, expected in ipairs(f.params) do args[i] = expression(expected) end
    text = ("(%s(%s))"):format(f.name, table.concat(args, ", "))
  else
    text = pick(makers[kind])()
  end
  depth = depth - 1
  if text:find "^[^(%a]" or text:find "^function" then text = "(" .. text .. ")" end -- may become what is called or indexed
  return text
end

-- Statements ---------------------------------------------------------------

local block

local function body(n)
  open()
  block(n)
  close()
end

local function new_local()
  local kind = pick(kinds)
  local name, value = fresh(kind:sub(1, 1)), expression(kind)
  emit(("local %s = %s"):format(name, value))
  declare(kind, name)
end

local function assign()
  local kind = pick(kinds)
  local a, b = variable(kind), variable(kind)
  if not a then return new_local() end
  if kind == "int" and chance(40) then
    emit(("%s = %s %s %s"):format(a, a, pick {"+", "-", "*", "~"}, pick {"1", "2", b, expression "int"}))
  elseif chance(20) then
    emit(("%s, %s = %s, %s"):format(a, b, b, expression(kind)))
  else
    emit(("%s = %s"):format(a, expression(kind)))
  end
end

local function store()
  local r, a = variable "rec", variable "arr"
  if r and chance(50) then
    emit(("%s.%s = %s"):format(r, field(), expression(pick {"int", "int", "float", "str", "bool"})))
  elseif a and chance(40) then
    emit(("%s[#%s + 1] = %s"):format(a, a, expression(pick {"int", "int", "float", "str"})))
  elseif a then
    emit(("if %s[%s] then %s[%s] = %s end"):format(a, pick {"1", "2", "3"}, a, pick {"1", "1", "2"}, expression(pick {"int", "float", "str"})))
  else
    new_local()
  end
end

local function update()
  local r = variable "rec"
  if not r then return new_local() end
  local f = field()
  emit(("%s.%s = (%s.%s or 0) + %s"):format(r, f, r, f, expression "int"))
end

local function condition()
  emit(("if %s then"):format(expression "bool"))
  body(random(2))
  if chance(30) then emit(("elseif %s then"):format(expression "bool")); body(random(2)) end
  if chance(45) then emit "else"; body(random(2)) end
  emit "end"
end

local function loop_body(n, before, ticks)
  loops = loops + 1
  open()
  if before then before() end
  if chance(20) or ticks then emit "tick()" end
  local label = chance(15) and fresh "go"
  if label then emit(("do if %s then goto %s end"):format(expression "bool", label)) end
  scopes[#scopes + 1] = {}
  block(n)
  scopes[#scopes] = nil
  if chance(12) then emit(("if %s then break end"):format(expression "bool")) end
  if label then emit(("end ::%s::"):format(label)) end
  close()
  loops = loops - 1
end

local function counting()
  local i = fresh "i"
  local range = pick {"1, %", "1, %", "0, %, 2", "%, 1, -1", "1.0, %", "1, % + 0.5", "%, 10, 3", "math.maxinteger - 3, math.maxinteger", "math.mininteger + 2, math.mininteger, -1", "0.5, 2, 0.5", "1, #%%"}
  range = range:gsub("%%%%", function() return variable "arr" or "{1, 2}" end):gsub("%%", function() return tostring(random(6)) end)
  emit(("for %s = %s do"):format(i, range))
  loop_body(random(4), function() declare(range:find("%.") and "float" or "int", i) end, range:find "#")
  emit "end"
end

local function conditional_loop()
  local n = fresh "n"
  emit(("local %s = %s"):format(n, pick {"0", "0", "0.0", "1"}))
  if chance(60) then
    emit(("while %s < %d do"):format(n, random(6)))
    loop_body(random(3), function() emit(("%s = %s + 1"):format(n, n)) end)
    emit "end"
  else
    emit "repeat"
    open()
    emit(("%s = %s + 1"):format(n, n))
    emit "do"
    body(random(2))
    emit "end"
    close()
    emit(("until %s >= %d or %s"):format(n, random(6), expression "bool"))
  end
end

local function walking()
  local k, v = fresh "k", fresh "v"
  local way = random(6)
  if way == 1 then
    emit(("for %s, %s in ipairs(%s) do"):format(k, v, expression "arr"))
  elseif way == 2 then
    emit(("for %s, %s in pairs(%s) do"):format(k, v, expression "arr"))
  elseif way == 3 then
    emit(("for %s, %s in next, %s do"):format(k, v, expression "arr"))
  elseif way == 4 then
    emit(("for %s, %s in range(%d, %s) do"):format(k, v, random(5), expression "int"))
  elseif way == 5 then
    emit(("for %s, %s in coroutine.wrap(function() for i = 1, %d do coroutine.yield(i, %s) end end) do"):format(k, v, random(5), inside "int"))
  else
    emit(("for %s, %s in pairs(%s) do"):format(v, k, expression "rec"))
    loop_body(1, function() declare("int", k); declare("str", v) end, true)
    emit "end"
    return
  end
  loop_body(random(3), function() declare("int", k); declare("int", v) end, true)
  emit "end"
end

local function noting() emit(("note(%s, %s)"):format(expression(pick(kinds)), expression(pick(kinds)))) end

local function protected()
  local way = random(3)
  if way == 1 then
    emit(("note(pcall(function() return %s end))"):format(inside(pick(kinds))))
  elseif way == 2 then
    emit "note(pcall(function(...)"
    local saved = has_varargs
    has_varargs = true
    body(random(3))
    emit((" return %s"):format(expression(pick(kinds))))
    has_varargs = saved
    emit(("end, %s))"):format(expression(pick(kinds))))
  else
    emit(("note(xpcall(function() local q = %s; return q.x.y + q end, function(m) return show(m) .. '!' end))"):format(inside(pick(kinds))))
  end
end

local function capturing()
  local f, kind = fresh "f", pick {"int", "int", "float", "str"}
  local name = variable(kind)
  if not name then return new_local() end
  if chance(50) then
    emit(("local function %s(q) %s = %s; return %s end"):format(f, name, inside(kind), inside(kind)))
  else
    emit(("local %s = function(q, ...) local z = %s; return z, q, ... end"):format(f, expression(kind)))
  end
  emit(("note(%s(%s), (%s(%s)))"):format(f, expression(kind), f, expression "int"))
end

local function switching()
  if in_coroutine then
    emit(("note(coroutine.yield(%s, %s))"):format(expression "int", expression(pick(kinds))))
    return
  end
  local co, saved = fresh "co", {has_varargs, in_coroutine}
  has_varargs, in_coroutine = true, true
  emit(("local %s = coroutine.wrap(function(...)"):format(co))
  open()
  emit(("for i = 1, %d do"):format(random(4)))
  open()
  declare("int", "i")
  emit(("note(coroutine.yield(i, %s))"):format(expression(pick(kinds))))
  block(random(2))
  close()
  emit "end"
  close()
  emit(("return %s end)"):format(expression(pick(kinds))))
  has_varargs, in_coroutine = saved[1], saved[2]
  emit(("for i = 1, %d do note(pcall(%s, i, %s)) end"):format(random(6), co, expression(pick(kinds))))
end

local function looking()
  emit(pick {
    "note(locals(1))", "note(locals(2))", "note(where())", "note(debug.getinfo(1, 'l').currentline)",
    "do local q = 1; poke('q', 2.5); note(q + 1) end", ("if %s then collectgarbage() end"):format(chance(6) and "r == 1" or "nil"), "note(select('#', table.unpack(list(3))))",
    "watch(3)", "note(pcall(error, {1}, 2))", "note((debug.traceback('t', 1):gsub('0x%x+', '')))",
  })
end

local function libraries()
  local a = variable "arr"
  if not a then return new_local() end
  emit(pick {
    ("table.insert(%s, %s)"):format(a, expression "int"), ("note(table.remove(%s))"):format(a), ("note(table.concat(list(%d), ','))"):format(random(6)),
    ("note(pcall(table.sort, %s, function(p, q) tick() return show(p) < show(q) end))"):format(a), ("note(table.unpack(%s, 1, 3))"):format(a),
    ("note((('abc'):gsub('%%w', function(c) return %s end)))"):format(inside "str"), ("note(next(%s))"):format(a),
    ("%s[#%s] = nil"):format(a, a), ("do local k, v = 1, %s; %s[k] = v end"):format(expression "int", a),
    ("do local r = {two = two, x = %s}; note(r.two(r.x)) end"):format(expression "int"), ("note(deep(%s, %d))"):format(expression "int", random(40)),
    ("note(pcall(deep, %s, %d))"):format(expression "int", random(200) == 1 and 20000 or 100),
("setmetatable(%s, {__index = function(t, k) return k end})"):format(a),
    ("setmetatable(%s, {__newindex = function(t, k, v) rawset(t, k, show(v)) end})"):format(a),
  })
end

local function closing()
  emit "do"
  open()
  emit(("local c <close> = closer(%s)"):format(expression "int"))
  block(random(2))
  close()
  emit "end"
end

local wheel = {}
for _, row in ipairs {
  {new_local, 14}, {assign, 16}, {store, 12}, {update, 8}, {condition, 10}, {counting, 9}, {conditional_loop, 5}, {walking, 6}, {noting, 8},
  {protected, 4}, {capturing, 4}, {switching, 2}, {looking, 2}, {libraries, 4}, {closing, 1},
} do
  for _ = 1, row[2] do wheel[#wheel + 1] = row[1] end
end

local simple = {new_local, assign, assign, store, update, noting}
function block(n)
  for _ = 1, n do
    local statement = pick(wheel)
    if loops > 2 or #scopes > 7 then statement = pick(simple) end
    statement()
  end
end

local function define()
  local f = {name = fresh "f", params = {}}
  local names = {}
  for i = 1, random(4) do
    f.params[i] = pick(kinds)
    names[i] = fresh(f.params[i]:sub(1, 1))
  end
  has_varargs = chance(20)
  local list = table.concat(names, ", ") .. (has_varargs and ", ..." or "")
  if chance(15) then
    emit(("local %s; %s = function(%s)"):format(f.name, f.name, list))
  else
    emit(("local function %s(%s)"):format(f.name, list))
  end
  open()
  for i, name in ipairs(names) do declare(f.params[i], name) end
  emit "tick()"
  block(4 + random(7))
  local result = pick(kinds)
  if chance(10) and #functions > 0 then
    local g, args = pick(functions), {}
    for i, expected in ipairs(g.params) do args[i] = expression(expected) end
    emit(("return %s(%s)"):format(g.name, table.concat(args, ", ")))
  else
    emit(("return %s, %s"):format(expression(result), expression(pick(kinds))))
  end
  close()
  emit "end"
  has_varargs = false
  return f
end

local function argument(kind)
  if chance(12) then kind = pick(kinds) end
  if chance(3) then return "nil" end
  return chance(30) and variable(kind) or "(" .. pick(constants[kind]) .. ")"
end

local function drive(f)
  local args = {}
  for i, kind in ipairs(f.params) do args[i] = argument(kind) end
  if chance(8) then args[#args] = nil end
  if chance(8) then args[#args + 1] = argument "int" end
  local list = table.concat(args, ", ")
  if chance(70) then
    emit(("for r = 1, %d do note(pcall(%s%s)) end"):format(random(9), f.name, #args > 0 and ", " .. list or ""))
  else
    emit(("note(pcall(function() for r = 1, %d do note(%s(%s)) end end))"):format(random(6), f.name, list))
  end
end

local function program(n)
  seed(n)
  out, indent, scopes, serial, depth, functions, loops = {}, 0, {{}}, 0, 0, {}, 0
  has_varargs, in_coroutine = false, false
  emit "local note, tick, show, point, counter, proxy, list, two, range, cut, locals, where, poke, watch, closer, plain, deep = ..."
  for _ = 1, 2 + random(4) do new_local() end
  for _ = 1, 2 + random(3) do
    functions[#functions + 1] = define()
    for _ = 1, 1 + random(3) do drive(pick(functions)) end
  end
  for _ = 1, 3 + random(5) do drive(pick(functions)) end
  return table.concat(out, "\n") .. "\n"
end

if arg then
  io.write(program(math.tointeger(tonumber(arg[1] or 1))))
else
  return program
end
