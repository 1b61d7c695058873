-- Type-checks and translates parts of the Teal compiler.
local teal = require "teal"
local compiler = teal.compiler()
for _, name in ipairs {"lexer", "parser", "facts"} do
  local input = assert(compiler:open("teal/" .. name .. ".tl"))
  local code = assert(input:gen())
  io.write("-- ", name, " ", #code, "\n", code)
end
