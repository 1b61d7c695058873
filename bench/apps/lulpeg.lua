-- LuLPeg: LPeg in pure Lua. Arithmetic, CSV, JSON-like texts, and a re grammar.
local lpeg = require "lulpeg"
local P, R, S, V, C, Ct, Cc = lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C, lpeg.Ct, lpeg.Cc
local space = S " \t\n" ^ 0
local number = C(P "-" ^ -1 * R "09" ^ 1 * (P "." * R "09" ^ 1) ^ -1) / tonumber * space
local function token(s) return P(s) * space end
local expression = P {
  "exp",
  exp = Ct(V "term" * (C(S "+-") * space * V "term") ^ 0),
  term = Ct(V "factor" * (C(S "*/") * space * V "factor") ^ 0),
  factor = number + token "(" * V "exp" * token ")",
} * -1
local function evaluate(t)
  if type(t) == "number" then return t end
  local v = evaluate(t[1])
  for i = 2, #t, 2 do
    local w = evaluate(t[i + 1])
    if t[i] == "+" then v = v + w elseif t[i] == "-" then v = v - w elseif t[i] == "*" then v = v * w else v = v / w end
  end
  return v
end
local field = P '"' * lpeg.Cs(((P(1) - '"') + P '""' / '"') ^ 0) * '"' + C((1 - S ',\n"') ^ 0)
local record = Ct(field * ("," * field) ^ 0) * P "\n"
local value = P {
  "value",
  value = space * (V "object" + V "array" + V "string" + number + C "true" + C "null") * space,
  string = P '"' * C((1 - S '"\\' + P "\\" * 1) ^ 0) * '"',
  array = Ct(P "[" * (V "value" * (P "," * V "value") ^ 0) ^ -1 * "]"),
  object = Ct(P "{" * (space * V "string" * space * ":" * V "value" * (P "," * space * V "string" * space * ":" * V "value") ^ 0) ^ -1 * "}"),
}
local total = 0
for round = 1, 300 do
  local text = ("(%d + 2 * (3 - 4.5)) * 7 - 10 / (1 + 1)"):format(round)
  total = total + evaluate(expression:match(text .. (" + " .. text):rep(20)))
  local line = record:match('a,"b ""q""",c d,,' .. round .. "\n")
  total = total + #line + #line[2]
  local json = '[' .. ('{"name": "n%d", "list": [1, 2, {"x": -3.5}], "t": true},'):rep(15):format(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) .. 'null]'
  total = total + #value:match(json)
end
print(total)
local anywhere = P {P "needle" * lpeg.Cp() + 1 * V(1)}
print(anywhere:match(("hay "):rep(100) .. "needle"))
local words = Ct((C(R("az", "AZ") ^ 1) + 1) ^ 0)
local list = words:match(("The quick, brown fox; "):rep(20000))
print(#list, list[1], list[#list])
