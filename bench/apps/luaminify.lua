-- LuaMinify: parses and shrinks its own sources.
local ParseLua, minify = require "ParseLua".ParseLua, require "FormatMini"
for round = 1, 6 do
math.randomseed(round) -- it invents names
for _, name in ipairs {"ParseLua", "FormatMini", "FormatBeautiful", "Scope", "FormatIdentity", "Util"} do
  local file = assert(io.open(name .. ".lua"))
  local text = file:read "a"
  file:close()
  local ok, tree = ParseLua(text)
  if ok then
    local small = minify(tree)
    io.write("-- ", name, " ", #text, " ", #small, "\n", small, "\n")
  else
    io.write("-- ", name, " ", tostring(tree), "\n")
  end
end
end
