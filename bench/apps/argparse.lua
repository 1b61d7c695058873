-- Builds command line parsers, parses words, prints usage and help.
local argparse = require "argparse"
local out = 0
for round = 1, 1500 do
  local parser = argparse("tool", "An example of a tool."):epilog "More text at the end."
  parser:argument("input", "Input file.")
  parser:option("-o --output", "Output file.", "a.out")
  parser:option("-I --include", "Include locations."):count "*"
  parser:option("-l --level"):convert(tonumber):default "3"
  parser:flag("-v --verbose", "More words."):count "0-3":target "verbosity"
  parser:flag "-q --quiet"
  parser:mutex(parser:flag "--fast", parser:flag "--slow")
  parser:require_command(false)
  parser:command_target "command"
  local add = parser:command("add a", "Adds things.")
  add:argument("what"):args "*"
  add:option "--where":convert {here = 1, there = 2}
  parser:command("remove", "Removes things."):flag "--force"
  local help, usage = parser:get_help(), parser:get_usage()
  for i = 1, 6 do
    local result = parser:parse {"one", "-I", "src", "-Ilib", "--level=7", "-vv", "--fast", "add", "x", "y" .. i, "--where", "here"}
    out = out + #result.what + result.verbosity + result.level + #result.include
  end
  local ok, message = parser:pparse {"one", "--fast", "--slow"}
  assert(not ok)
  out = out + #help + #usage + #message
  if round == 1 then print(help); print(usage); print(message) end
end
print(out)
