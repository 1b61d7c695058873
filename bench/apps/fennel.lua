-- Compiles the Fennel compiler's own sources with the bootstrap compiler.
local fennel = dofile "bootstrap/fennel.lua"
local allowed = {}
for name in pairs(_G) do allowed[#allowed + 1] = name end
for round = 1, 2 do
for _, name in ipairs {"utils", "parser", "specials", "compiler", "view"} do
  local file = assert(io.open("src/fennel/" .. name .. ".fnl"))
  local text = file:read "a"
  file:close()
  local code = fennel.compileString(text, {["compiler-env"] = _G, allowedGlobals = allowed, useMetadata = false, filename = name})
  print(name, #code, select(2, code:gsub("\n", "")), load(code) ~= nil)
end
end
