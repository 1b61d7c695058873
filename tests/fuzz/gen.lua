-- Writes random Lua programs that are valid, end soon, and print the same on every Lua 5.4.
--   lua gen.lua SEED              prints one program
--   lua gen.lua SEED COUNT DIR    writes DIR/SEED.lua, DIR/SEED+1.lua ... (COUNT files)
--
-- A program never prints an address, never depends on the order of a traversal, on the
-- collector, on time or on files, and never lets a NaN reach a string (its sign is not defined).
-- Every loop and function calls tick(), which raises an error after a fixed number of steps.

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
local function fmt(text, ...)           -- replaces each $ by the next argument
  local args, i = {...}, 0
  return (text:gsub("%$", function() i = i + 1; return tostring(args[i]) end))
end

-- The program under construction -------------------------------------------

local out, indent, scopes, serial, depth, in_loop, budget, functions, in_vararg

local function emit(text, ...)
  out[#out + 1] = ("  "):rep(indent) .. (select("#", ...) > 0 and fmt(text, ...) or text)
end

local function fresh(prefix) serial = serial + 1; return prefix .. serial end

local function declare(kind, name) table.insert(scopes[#scopes], {kind = kind, name = name}) end

local function variables(kind)
  local found = {}
  for _, scope in ipairs(scopes) do
    for _, v in ipairs(scope) do
      if v.kind == kind and not v.const then found[#found + 1] = v.name end
    end
  end
  return found
end

local function any_variable(kind)
  local found = variables(kind)
  return #found > 0 and found[math.max(random(#found), random(#found))] or nil
end

local function open() indent = indent + 1; scopes[#scopes + 1] = {} end
local function close() indent = indent - 1; scopes[#scopes] = nil end

-- Expressions ---------------------------------------------------------------

local ints = {"0", "1", "-1", "2", "3", "5", "7", "10", "13", "64", "100", "255", "-8", "1000", "0x7f", "65536", "0xffffffff",
  "math.maxinteger", "math.mininteger", "0x7fffffffffffffff", "(1 << 53)", "(1 << 31)", "-9007199254740993"}
local floats = {"0.0", "-0.0", "0.5", "1.0", "-1.5", "2.25", "3.0", "1e10", "0.1", "1e15", "2^53", "2^63", "-2^63", "1e100", "1e308", "5e-324",
  "math.huge", "-math.huge", "math.pi", "123456.789", "7.0"}
local strings = {'""', '"a"', '"b"', '"abc"', '"hello world"', '"10"', '"0x1F"', '"-7"', '"3.5"', '" 12 "', '"a,b,c"', '"key=val; k2=v2"', '"The Quick"',
  '"%d"', '"x.y"', '"a\\nb"', '"\\0z"', '"aaa"', '"(nested (parens))"', '"\\u{e9}t\\u{e9}"', '"1e2"', '"[[x]]"'}

local int, float, str, bool, num, list, any

local function deeper() return depth > 3 or chance(35) end

local function enter(f, ...)
  depth = depth + 1
  local r = f(...)
  depth = depth - 1
  return r
end

local int_makers = {
  function() return fmt("($ $ $)", int(), pick {"+", "-", "*"}, int()) end,
  function() return fmt("($ $ $)", int(), pick {"+", "-", "*", "&", "|", "~"}, int()) end,
  function() return fmt("($ $ $)", int(), pick {"//", "%"}, pick {"3", "-3", "7", "-1", "2", "10", "1000"}) end,
  function() return fmt("remainder($, $, $)", int(), int(), random(2)) end,
  function() return fmt("($ $ $)", int(), pick {"<<", ">>"}, pick {"1", "3", "31", "63", "64", "-2", int()}) end,
  function() return fmt("$$", pick {"-", "~"}, fmt("($)", int())) end,
  function() return fmt("#$", str()) end,
  function() return fmt("#$", list()) end,
  function() return fmt("($ and $ or $)", bool(), int(), int()) end,
  function() return fmt("math.max($, $)", int(), int()) end,
  function() return fmt("(math.tointeger($) or $)", num(), int()) end,
  function() return fmt("math.abs($)", int()) end,
  function() return fmt('select("#", $, $)', any(), any()) end,
  function() return fmt("(($):byte($) or $)", str(), random(4), int()) end,
  function() return fmt("($[$] or $)", list(), pick {"1", "2", int()}, int()) end,
  function() return fmt("(utf8.len($) or -1)", str()) end,
  function() return fmt("math.floor($)", pick {"2.5", "-2.5", "1e3", int()}) end,
  function() return fmt("(tonumber($, $) or 0)", str(), pick {"10", "16", "36", "8"}) end,
  function() return fmt("rank($, $)", any(), any()) end,
  function()
    local f = #functions > 0 and functions[random(#functions)]
    return f and fmt("first($($, $))", f, int(), any()) or int()
  end,
}
function int()
  if deeper() then return chance(55) and any_variable "int" or pick(ints) end
  return enter(pick(int_makers))
end

local float_makers = {
  function() -- x - 0 where x is -0.0: see tests/differences.txt
    local op = pick {"+", "-", "*", "/"}
    return fmt("($ $ $)", float(), op, op == "-" and float() or num())
  end,
  function() return fmt("power($, $)", num(), pick {"2", "0.5", int()}) end,
  function() return fmt("($ $ $)", int(), pick {"/", "+", "*", "-"}, float()) end,
  function() return fmt("($ $ $)", num(), pick {"//", "%"}, pick {"2.0", "-3.0", "0.5", "1e3"}) end,
  function() return fmt("$ ^ $", fmt("($)", num()), pick {"2", "0.5", "-1", "0", "3"}) end,
  function() return fmt("math.sqrt(math.abs($))", num()) end,
  function() return fmt("($ / $)", int(), pick {"2", "3", "4", "0", "7.0"}) end,
  function() return fmt("math.fmod($, $)", float(), pick {"2.0", "3.5", "-1.5"}) end,
  function() return fmt("(-($))", float()) end,
  function() return fmt("(tonumber($) or 0.5) + 0.0", str()) end,
}
function float()
  if deeper() then return chance(55) and any_variable "float" or pick(floats) end
  return "fix(" .. enter(pick(float_makers)) .. ")"
end

function num() return chance(60) and int() or float() end

-- Patterns are short, and so are subjects, so that matching ends soon.
local function pattern()
  local items = {}
  for i = 1, random(3) do
    local item = pick {"%a", "%d", "%s", "%w", "%p", ".", "a", "b", "l", "[abc]", "[^a]", "[%w_]", "x", "%u", "%.", "[a-m]", "%("}
    items[i] = item .. pick {"", "", "*", "+", "-", "?"}
  end
  local body = table.concat(items)
  if chance(30) then body = "(" .. body .. ")" end
  if chance(15) then body = body .. "()" end
  if chance(10) then body = body .. "%f[%W]" end
  if chance(10) then body = body .. "%b()" end
  if chance(15) then body = "^" .. body end
  if chance(8) then body = body .. "$" end
  return '"' .. body .. '"'
end

local str_makers = {
  function() return fmt("cut($ .. $)", str(), pick {str(), int(), "1.5"}) end,
  function() return fmt("($):sub($, $)", str(), pick {"1", "2", "-3", "0", int()}, pick {"-1", "2", "-2", "100"}) end,
  function() return fmt("($):$()", str(), pick {"upper", "lower", "reverse"}) end,
  function() return fmt("cut(($):rep($, $))", str(), random(5) - 1, pick {'""', '","', str()}) end,
  function() return fmt("tostring($)", pick {int(), bool(), "nil", str()}) end,
  function() return fmt("tostring($)", float()) end,
  function() return fmt('("%$d"):format($)', pick {"", "5", "-6", "05", "+", " "}, int()) end,
  function() return fmt('("%$x|%s"):format($, $)', pick {"", "8", "#", "016"}, int(), str()) end,
  function() return fmt('("%$"):format($)', pick {".3f", "g", ".14g", "10.2f", "e", ".0f", "a"}, float()) end,
  function() return fmt('("%$s|%-$s"):format($, $)', pick {"", "10", ".3", "-8.2"}, random(9), fmt('($):gsub("%z", "0")', str()), fmt("(($):gsub('%z', '0'))", str())) end,
  function() return fmt("(($):gsub($, $))", str(), pattern(), pick {'"%0%0"', '"<%0>"', '""', '"%%"', "string.upper"}) end,
  function() return fmt("(($):gsub($, $, $))", str(), pattern(), pick {'{a = "A", b = 2, l = false}', "function(c) tick() return type(c) == 'string' and #c .. c or nil end"}, random(4) - 1) end,
  function() return fmt("(($):match($) or $) .. ''", str(), pattern(), str()) end,
  function() return fmt("cut(table.concat($, $))", list(), pick {'","', '""', '" "'}) end,
  function() return fmt("($ and $ or $)", bool(), str(), str()) end,
  function() return fmt("string.char($)", pick {"72, 105", "65 + " .. random(20), ""}) end,
  function() return fmt('("%q"):format($)', pick {int(), str()}) end,
  function() return fmt("type($)", any()) end,
  function() return fmt("show($)", any()) end,
  function() return fmt("utf8.char($)", pick {"97, 8364", "0x1F600", "233"}) end,
}
function str()
  if deeper() then return chance(55) and any_variable "str" or fmt("($)", pick(strings)) end
  local text = enter(pick(str_makers))
  return "cut(" .. text .. ")"
end

local bool_makers = {
  function() return fmt("($ $ $)", num(), pick {"<", "<=", ">", ">=", "==", "~="}, num()) end,
  function() return fmt("($ $ $)", int(), pick {"<", "<=", ">", ">=", "==", "~="}, int()) end,
  function() return fmt("($ $ $)", str(), pick {"<", "<=", "==", "~=", ">"}, str()) end,
  function() return fmt("not $", bool()) end,
  function() return fmt("($ $ $)", bool(), pick {"and", "or"}, bool()) end,
  function() return fmt("($ == $)", any(), any()) end,
  function() return fmt("math.ult($, $)", int(), int()) end,
  function() return fmt("(($):find($) ~= nil)", str(), pattern()) end,
  function() return fmt("(($):find($, $, true) ~= nil)", str(), str(), pick {"1", "-1", "3"}) end,
  function() return fmt("(math.type($) == 'integer')", num()) end,
  function() return fmt("rawequal($, $)", any(), any()) end,
}
function bool()
  if deeper() then return chance(40) and any_variable "bool" or pick {"true", "false"} end
  return enter(pick(bool_makers))
end

function list()
  if chance(65) or depth > 3 then return any_variable "list" or fmt("({$, $})", pick(ints), pick(ints)) end
  depth = depth + 1
  local items = {}
  for i = 1, random(5) do items[i] = pick {int, int, int}() end
  depth = depth - 1
  return "({" .. table.concat(items, ", ") .. "})"
end

function any()
  local k = random(10)
  if k <= 3 then return int() elseif k <= 4 then return float() elseif k <= 7 then return str() elseif k == 8 then return bool()
  elseif k == 9 then return "nil" else return list() end
end

local makers = {int = int, float = float, str = str, bool = bool, list = list}

-- Statements ----------------------------------------------------------------

local block

local function body(statements, before)
  open()
  if before then before() end
  emit "tick()"
  block(statements)
  close()
end

local function print_some()
  local args = {}
  for i = 1, random(3) do args[i] = any() end
  emit("print(show($))", table.concat(args, "), show("))
end

local function local_variable()
  local kind = pick {"int", "int", "int", "float", "float", "str", "str", "bool", "list"}
  local name, value = fresh(kind:sub(1, 1)), makers[kind]()
  if chance(12) and kind ~= "list" then
    emit("local $ <const> = $", name, value)
    table.insert(scopes[#scopes], {kind = kind, name = name, const = true})
    emit("print('const', show($))", name)
  else
    emit("local $ = $", name, value)
    declare(kind, name)
  end
end

-- Lines that go wrong, mostly with a message that names a variable.
local mistakes = {
  "local q; return q.x", "local q = {}; return q.a.b", "undefined_fn($)", "return undefined_v + $", "local q = $; return q()", "local q = {}; q.m()", "local q = {}; q:m($)",
  "return {} + $", "return $ < {}", "return {} < {}", "return {} .. $", "local q; q.x = $", "return #$", "return -{}", "error($)", "error($, 0)", "error($, 2)", "error({code = $})",
  "return 1 // ($ & 0)", "return $ % ($ & 0)", "return 1.5 | $", "return 2^53 & 1.5", "return ('x') + $", "local t = {}; t[nil] = $", "local t = {}; t[0/0] = $", "for i = 1, 'x' do end",
  "for i = 1, 10, 0 do end", "return ('x'):nomethod()", "return ('xy'):rep(1 << 62)", "return string.rep()", "return ('%d'):format('x')", "return setmetatable(1, {})", "return math.floor({})",
  "return table.concat({1, {}, 3})", "assert(false)", "assert(nil, $)", "assert($)", "return tostring()", "return ipairs()", "return select(0)", "local a <close> = $", "return ('x'):find('[a')",
  "return ('x'):gsub('(x', '')", "return ('x'):gsub('x', '%2')", "return string.char(-1)", "return up1.x.y", "up2()", "return up1 + $", "return ('a' < 1)", "return nil .. 'x'", "return coroutine.resume(1)",
  "coroutine.wrap(function() error('in co ' .. tostring($), 0) end)()", "return table.unpack({}, 1, 1e8)", "return next({}, 'nokey')", "return ~{}", "return 1 << {}", "return math.tointeger(2^63) + 1",
  "local t = setmetatable({}, {__index = function(t, k) error('no field ' .. k, 2) end}); return t.missing", "return load('x = ')()", "return math.random(0, -1)", "return utf8.codepoint('abc', 10)", "return string.pack('i1', 300)",
}
local function safe_any() return pick {any_variable "int" or "1", any_variable "str" or "'s'", "7", "'text'", "2.5", "true"} end

local function mistake()
  local text = pick(mistakes):gsub("%$", function() return safe_any() end)
  if chance(70) then
    emit("print('caught', report(pcall(function() $ end)))", text)
  elseif chance(50) then
    emit("print('handled', report(xpcall(function() $ end, function(m) return {show(m)} end)))", text)
  else
    emit "do"
    open()
    emit("local up1, up2 = nil, $", pick {"5", "{}", "'s'"})
    emit("print('nested', report(pcall(pcall, function() $ end)))", text)
    close()
    emit "end"
  end
end

local function assign()
  local kind = pick {"int", "int", "float", "str", "bool", "list"}
  local a = any_variable(kind)
  if not a then return local_variable() end
  local b = any_variable(kind)
  if chance(30) and b and a ~= b then
    emit("$, $ = $, $", a, b, b, makers[kind]())
  elseif kind == "int" and chance(40) then
    emit("$ = $ $ $", a, a, pick {"+", "-", "*", "~", "&"}, int())
  else
    emit("$ = $", a, makers[kind]())
  end
end

local function conditional()
  emit("if $ then", bool())
  body(random(3))
  if chance(40) then emit("elseif $ then", bool()); body(random(2)) end
  if chance(50) then emit "else"; body(random(2)) end
  emit "end"
end

local function loop_body(before)
  local saved = in_loop
  in_loop = true
  open()
  if before then before() end
  emit "tick()"
  local label = chance(30) and fresh "continue"
  if label then emit("if $ then goto $ end", bool(), label); emit "do"; indent = indent + 1 end
  scopes[#scopes + 1] = {}
  block(random(3))
  if chance(20) then emit("if $ then break end", bool()) end
  scopes[#scopes] = nil
  if label then indent = indent - 1; emit "end"; emit("::$::", label) end
  close()
  in_loop = saved
end

local function numeric_for()
  local i = fresh "i"
  local range = pick {"1, $", "$, 1, -1", "0, 10, 3", "1.0, 3.5, 0.5", "math.maxinteger - $, math.maxinteger", "math.mininteger + $, math.mininteger, -1", "3, 1", "1, 2.9", "-$, $", "#L0, 1, -1"}
  range = range:gsub("%$", function() return tostring(random(5)) end):gsub("L0", function() return list() end)
  emit("for $ = $ do", i, range)
  loop_body(function()
    declare(range:find("%.") and not range:find("math") and "float" or "int", i)
    if range:find "1, 2.9" then scopes[#scopes][1].kind = "int" end
  end)
  emit "end"
end

local function other_loop()
  local n = fresh "n"
  if chance(50) then
    emit("local $ = 0", n)
    emit("while $ < $ and $ do", n, random(6), pick {"true", bool()})
    loop_body(function() emit("$ = $ + 1", n, n) end)
    emit "end"
  else
    emit("local $ = 0", n)
    emit "repeat"
    local saved = in_loop
    in_loop = true
    open()
    emit("$ = $ + 1", n, n)
    emit "tick()"
    scopes[#scopes + 1] = {}
    emit "do"
    block(random(2))
    emit "end"
    scopes[#scopes] = nil
    emit("local done = $ >= $ or $", n, random(5), bool())
    close()
    emit "until done"
    in_loop = saved
  end
end

local function generic_for()
  local k, v = fresh "k", fresh "v"
  local kind = random(4)
  if kind == 1 then
    emit("for $, $ in ipairs($) do", k, v, list())
    loop_body(function() declare("int", k); declare("int", v) end)
    emit "end"
  elseif kind == 2 then
    emit("for $ in ($):gmatch($) do", v, str(), pick {'"%a+"', '"%w"', '"[^,;]+"', '"%d+"'})
    loop_body(function() declare("str", v) end)
    emit "end"
  elseif kind == 3 then
    local s = fresh "sum"
    emit("local $ = 0", s)
    emit("for $, $ in pairs($) do", k, v, pick {list(), fmt("{a = $, b = $, $, [2.5] = $, [-1] = $}", int(), int(), int(), int(), int())})
    emit("  $ = $ ~ rank($, $)", s, s, k, v)
    emit "end"
    emit("print('pairs', $)", s)
  else
    emit("for $, $ in range($, $) do", k, v, random(4), int())
    loop_body(function() declare("int", k); declare("int", v) end)
    emit "end"
  end
end

local function define_function()
  if #scopes > 4 then return print_some() end
  local f, a, b = fresh "f", fresh "a", fresh "b"
  local saved_loop, saved_vararg = in_loop, in_vararg
  in_loop, in_vararg = false, chance(50)
  emit(pick {"local function $($, $$)", "local $; function $($, $$)"}:gsub("^local %$; function", fmt("local $; function", f)):gsub("%$", function() return "$" end), f, a, b, in_vararg and ", ..." or "")
  body(random(4), function()
    declare("int", a)
    emit("local $ = type($) == 'number' and math.type($) or show($)", fresh "s", b, b, b)
    declare("str", "s" .. serial)
    if in_vararg then emit("print('args', select('#', ...), show((...)))") end
  end)
  open()
  emit(pick {"return $, $", "return $", "return $, $, nil", "do return $ end"}, int(), any())
  close()
  emit "end"
  in_loop, in_vararg = saved_loop, saved_vararg
  functions[#functions + 1] = f
  scopes[#scopes].functions = (scopes[#scopes].functions or 0) + 1
  emit("print('call', report(pcall($, $, $$)))", f, int(), any(), chance(50) and ", " .. any() .. ", nil" or "")
end

local function closures()
  local fs = fresh "fs"
  emit("local $ = {}", fs)
  emit("for i = 1, $ do", random(4))
  emit("  local n = $", int())
  emit("  $[i] = {function() n = n $ $; i = i + 1; return n, i end, function() return n, i end}", fs, pick {"+", "-", "*"}, pick {"i", "1", "2", int()})
  emit "end"
  for _ = 1, random(3) do
    emit("print('closure', $[1][$]())", fs, random(2))
    emit("print('closure', $[#$][$]())", fs, fs, random(2))
  end
end

local function objects()
  local c, d, o = fresh "C", fresh "D", fresh "o"
  emit("local $ = {v = $}", c, int())
  emit("$.__index = $", c, c)
  emit("function $:get(k) tick() return self.v $ (k or 1) end", c, pick {"+", "-", "*", "~"})
  for _, event in ipairs {"add", "sub", "mul", "concat", "unm", "len", "eq", "lt", "le", "call", "tostring", "close", "idiv", "band", "shl", "mod"} do
    if chance(45) then
      if event == "eq" or event == "lt" or event == "le" then
        emit("function $.__$(a, b) return rank(a and raw(a), 0) $ rank(b and raw(b), 0) end", c, event, pick {"<", "==", "<="})
      elseif event == "tostring" then
        emit("function $.__tostring(a) return 'object ' .. raw(a) end", c)
      elseif event == "call" then
        emit("function $.__call(self, a, ...) return raw(self), a, select('#', ...) end", c)
      elseif event == "close" then
        emit("function $.__close(self, e) print('close', raw(self), show(e)) end", c)
      else
        emit("function $.__$(a, b) return '$ ' .. tostring(raw(a)) .. ' ' .. tostring(raw(b)) end", c, event, event)
      end
    end
  end
  emit("local $ = setmetatable({v = $}, $)", o, int(), c)
  if chance(50) then
    emit("local $ = setmetatable({extra = $}, {__index = $$})", d, any(), c, chance(40) and ", __newindex = function(t, k, v) print('set', k, show(v)) rawset(t, k, v) end" or "")
    emit("print('inherit', report(pcall($.get, $, $)))", d, d, int())
    emit("$.v = $", d, int())
    emit("$.w, $.extra = $, nil", d, d, any())
    emit("print('fields', show($.v), show($.w), show($.extra), show(rawget($, 'v')))", d, d, d, d)
  end
  emit("print('method', report(pcall($.get, $, $)))", o, o, int())
  emit("print('method', show($:get()))", o)
  for _ = 1, random(4) do
    emit("print('meta', report(pcall(function() return $ end)))", (pick {"# + $", "$ - #", "# .. 's'", "-#", "##", "# == #2", "# < #2", "# <= #2", "#($, 2, nil)", "tostring(#):sub(1, 6)", "# // 2", "$ & #", "# % $", "1 << #", "#.nothing", "#:nomethod()"}
      :gsub("##", "##" .. ""):gsub("#2", function() return fmt("setmetatable({v = $}, $)", random(5), c) end)
      :gsub("[$#]", function(c) return c == "#" and o or int() end)))
  end
end

local function coroutines()
  local co = fresh "co"
  local kind = random(4)
  if kind == 1 then
    emit("local $ = coroutine.wrap(function(...)", co)
    emit("  local got = select('#', ...)")
    emit("  for i = 1, $ do tick() got = coroutine.yield(i, got) end", random(4))
    emit("  $", pick {"return 'end', got", "error('co error', 0)", "error({1})", "return"})
    emit "end)"
    for _ = 1, random(6) do emit("print('wrap', report(pcall($, $)))", co, any()) end
  elseif kind == 2 then
    emit("local $ = coroutine.create(function(a)", co)
    body(random(3), function()
      emit("local z <close> = closer('$')", co)
      emit("print('resumed', show(coroutine.yield(show(a), $)))", int())
      emit("local ok, e = pcall(function() return coroutine.yield('in pcall') + $ end)", pick {"1", "nil", "{}"})
      emit "print('pcall', ok, show(e))"
    end)
    emit "end)"
    for _ = 1, random(4) do emit("print('resume', report(coroutine.resume($, $)))", co, any()) end
    emit("print(coroutine.status($), report(coroutine.close($)))", co, co)
    emit("print(coroutine.status($))", co)
  elseif kind == 3 then
    emit("for v, w in coroutine.wrap(function() for i = 1, $ do tick() coroutine.yield(i, $) end end) do", random(4), int())
    loop_body(function() declare("int", "v"); declare("int", "w") end)
    emit "end"
  else
    emit("local $ = coroutine.wrap(function() local t = setmetatable({}, {__index = function(_, k) return coroutine.yield(k) end, __add = function(a, b) return coroutine.yield('add') end})", co)
    emit("  return t.$, t + $, coroutine.isyieldable() end)", pick {"x", "name"}, int())
    emit("print(show($())) print(show($($))) print(report(pcall($, $)))", co, co, int(), co, any())
  end
end

local function closing()
  emit(pick {"print('block', report(pcall(function()", "print('block', report(pcall(function()"})
  open()
  emit("local x <close> = closer('x'$)", pick {"", "", ", 'x fails'"})
  if chance(60) then emit("local y <close> = closer('y'$)", pick {"", ", 'y fails'"}) end
  if chance(20) then emit "local z <close> = nil" end
  local saved = in_loop
  in_loop = false
  block(random(2))
  in_loop = saved
  emit(pick {"return $", "error('from block', 0)", "do return $, 2 end", "error({})", "for i = 1, 3 do local w <close> = closer('w' .. i) if i == 2 then break end end"}, any())
  close()
  emit "end)))"
end

local function table_work()
  local t = fresh "t"
  emit("local $ = {$, $, $}", t, int(), int(), int())
  declare("list", t)
  for _ = 1, random(5) do
    local k = random(10)
    if k == 1 then emit("table.insert($, $)", t, int())
    elseif k == 2 then emit("table.insert($, $, $)", t, "1", int())
    elseif k == 3 then emit("print('removed', show(table.remove($$)))", t, pick {"", ", 1"})
    elseif k == 4 then emit("table.sort($$)", t, pick {"", ", function(a, b) tick() return a > b end"})
    elseif k == 5 then emit("print('unpacked', table.unpack($, 1, 3))", t)
    elseif k == 6 then emit("table.move($, 1, #$, math.min(#$ + 1, $))", t, t, t, pick {"1", "2", "3"}) -- no hole, hence one border
    elseif k == 7 then emit("for i = 1, $ do $[#$ + 1] = i * $ end", random(8), t, t, int())
    elseif k == 8 then emit("for i = #$, $, -1 do $[i] = nil end", t, random(3), t)
    elseif k == 9 then emit(pick {"$[#$] = nil", "put($, #$, nil)"}, t, t)
    else emit("print('packed', table.pack($, nil, $).n, (select(2, $, $)))", any(), any(), any(), int()) end
  end
  emit("print(show($))", t)
  if chance(50) then
    local h = fresh "h"
    emit("local $ = {x = $, ['y z'] = $, [1.5] = $, [$] = $}", h, any(), any(), int(), random(3), str())
    for _ = 1, random(4) do
      emit("$$ = $", h, pick {".x", ".new", "[1]", "[-1]", "['k' .. 1]", "[2^53]", "[true]"}, pick {any(), "nil", "nil"})
    end
    emit("put($, $, $)", h, pick {"1", "'z'", "2.5", str()}, any())
    emit("for i = 1, $ do $['f' .. i] = i end", random(12), h)
    emit("for i = 2, $, 2 do $['f' .. i] = nil end", random(12), h)
    emit("print(show($), $.x == nil, show($.f1))", h, h, h)
  end
end

local function loading()
  local parts = {}
  for i = 1, random(4) do parts[i] = pick {"local a = ... ", "local b = 1 + 2 ", "x = 5 ", "if x then y = 1 end ", "for i = 1, 3 do x = (x or 0) + i end ", "local t = {1, 2} ", "goto e do end ::e:: ", "local function g(n) return n and n * 2 end "} end
  local tail = pick {"return ...", "return 1, 2", "return x", "return", "x = = 1", "return 1 +", "break", "return #'abc' .. 1", "return 3 // 0", "return y .. ''", "local z <const> = 1; z = 2", "return '\\q'", "goto nowhere"}
  emit("print('load', report(pcall(function() local f, e = load($, '=c', 't', {}) if not f then return 'syntax', e end return f($) end)))",
    ("%q"):format(table.concat(parts) .. tail), any())
end

local function recursion()
  local f = fresh "rec"
  local kind = random(3)
  if kind == 1 then
    emit("local function $(n, acc) if n <= 0 then return acc, n end return $(n - 1, acc $ n) end", f, f, pick {"+", "*", "~", "-"})
    emit("print('tail', $($, $))", f, pick {"10", "200", "1000"}, int())
  elseif kind == 2 then
    emit("local function $(n) tick() if n < 2 then return n end return $(n - 1) + $(n - 2) end", f, f, f)
    emit("print('fib', $($))", f, random(11))
  else
    emit("local function $(n, ...) if n == 0 then return select('#', ...), ... end return $(n - 1, n, ...) end", f, f)
    emit("print('collect', $($))", f, random(9))
  end
end

local function string_work()
  emit("print('find', report(pcall(string.find, $, $$)))", str(), pattern(), pick {"", ", 2", ", -2"})
  emit("print('match', report(pcall(string.match, $, $)))", str(), pattern())
  emit("print('gsub', report(pcall(string.gsub, $, $, $)))", str(), pattern(), pick {'"[%0]"', '"%1"', "{}", "function(...) return select('#', ...) end", '"%%"'})
  if chance(40) then emit("print('bytes', ($):byte(1, 4))", str()) end
  if chance(30) then emit("print('pack', ($):gsub('.', function(c) return ('%02x'):format(c:byte()) end))", fmt("string.pack('$', $ & 0x7f, $)", pick {"<i1 i8", ">B j", "<!4 b j", ">i2 i8"}, int(), int())) end
  if chance(30) then emit("for p, c in ($):gmatch('()(.)') do io_count = (io_count or 0) + p * #c end print('count', io_count)", str()) end
end

local function gotos()
  local l, n = fresh "l", fresh "n"
  emit "do"
  open()
  emit("local $ = 0", n)
  emit("::$::", l)
  emit "tick()"
  emit("local captured = $", n)
  emit("keep = keep or function() return captured end")
  emit("$ = $ + 1", n, n)
  scopes[#scopes + 1] = {}
  emit "do"
  block(random(2))
  emit "end"
  scopes[#scopes] = nil
  emit("if $ < $ then goto $ end", n, random(4), l)
  emit("print('goto', $, keep())", n)
  close()
  emit "end"
end

local statements = {
  {print_some, 12}, {local_variable, 16}, {assign, 14}, {conditional, 7}, {numeric_for, 6}, {other_loop, 4}, {generic_for, 5}, {define_function, 4}, {closures, 3},
  {objects, 4}, {coroutines, 4}, {closing, 3}, {table_work, 5}, {loading, 2}, {recursion, 2}, {string_work, 5}, {gotos, 2}, {mistake, 7},
}
local wheel = {}
for _, row in ipairs(statements) do
  for _ = 1, row[2] do wheel[#wheel + 1] = row[1] end
end

function block(n)
  local count = #functions
  for _ = 1, n do
    budget = budget - 1
    if budget <= 0 or #scopes > 6 then
      print_some()
      break
    end
    -- a limit on locals and on nesting keeps the program valid
    local make = pick(wheel)
    if #scopes > 4 and make ~= assign and make ~= print_some and make ~= mistake then make = pick {assign, print_some, local_variable} end
    make()
  end
  if #scopes > 1 or indent > 0 then
    for i = #functions, count + 1, -1 do functions[i] = nil end
  end
end

local prelude = [[
local steps = 0
local function tick() steps = steps + 1 if steps > 4000 then error("out of steps", 0) end end
local function fix(x) if x ~= x then return 0.25 end return x end
local function cut(s) return #s > 100 and s:sub(1, 100) or s end
local function first(v) return math.type(v) == "integer" and v or 0 end
local function raw(v) return type(v) == "table" and rawget(v, "v") or v end
local show
local function text(v) return (v:gsub("[%c\128-\255]", function(c) return ("\\%d"):format(c:byte()) end):gsub("0x%x%x%x%x%x%x%x+", "ADDRESS")) end
function show(v, level)
  local kind = type(v)
  if kind == "number" then return v ~= v and "nan" or tostring(v) end
  if kind == "string" then return text(#v > 200 and v:sub(1, 200) or v) end
  if kind ~= "table" then return kind == "function" and "function" or kind == "thread" and "thread" or tostring(v) end
  if (level or 0) > 2 then return "{...}" end
  local parts = {}
  for k, w in next, v do parts[#parts + 1] = show(k, 3) .. "=" .. show(w, (level or 0) + 1) end
  table.sort(parts)
  return "{" .. table.concat(parts, " ", 1, math.min(#parts, 30)) .. "}"
end
local function report(...)
  local t = table.pack(...)
  for i = 1, t.n do t[i] = show(t[i]) end
  return table.concat(t, " ", 1, t.n)
end
local function rank(a, b)
  local s = show(a) .. "|" .. show(b)
  local h = #s
  for i = 1, math.min(#s, 40) do h = (h * 33 + s:byte(i)) & 0xffffff end
  return h
end
local function power(a, b) return (a + 0.0) ^ -b end
local function remainder(a, b, way) if b == 0 then return a elseif way == 1 then return a % b end return (a + 1) % b end
local function put(t, k, v) t[k] = v end
local function closer(name, fail) return setmetatable({}, {__close = function(_, e) print("closing " .. name, show(e)) if fail then error(fail, 0) end end}) end
local function range(n, step) return function(s, i) if i < n then return i + 1, (i + 1) * s end end, step, 0 end
local up1, up2
local rawprint = print
local function print(...) rawprint(report(...)) end
]]

local function program(n)
  seed(n)
  out, indent, scopes, serial, depth, in_loop, functions = {}, 0, {{}}, 0, 0, false, {}
  budget = 60 + random(60)
  for line in prelude:gmatch "[^\n]+" do emit((line:gsub("%$", "$"))) end
  -- sections: each has its own locals, and an error ends only the section
  for section = 1, 3 + random(5) do
    emit("print('section', $, report(pcall(function()", section)
    open()
    for _, kind in ipairs {"int", "float", "str", "list"} do
      local name = fresh(kind:sub(1, 1))
      emit("local $ = $", name, makers[kind]())
      declare(kind, name)
    end
    budget = 25
    block(8 + random(10))
    close()
    emit "end)))"
    functions = {}
  end
  if chance(5) then emit("error('the program fails on purpose')") end
  if chance(3) then emit "return nothing.at.all" end
  return table.concat(out, "\n") .. "\n"
end

local first_seed = math.tointeger(tonumber(arg[1] or 1))
if not arg[2] then
  io.write(program(first_seed))
else
  for n = first_seed, first_seed + math.tointeger(tonumber(arg[2])) - 1 do
    local file = assert(io.open(("%s/%d.lua"):format(arg[3], n), "w"))
    file:write(program(n))
    file:close()
  end
end
