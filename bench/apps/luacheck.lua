-- Checks luacheck's own sources.
local luacheck = require "luacheck"
local names = {"lexer", "parser", "options", "filter", "config", "main", "runner", "format", "cache", "utils", "check_state", "decoder"}
local texts = {}
for i, name in ipairs(names) do
  local file = assert(io.open("src/luacheck/" .. name .. ".lua"))
  texts[i] = file:read "a"
  file:close()
end
for round = 1, 5 do
  local report = luacheck.check_strings(texts, {std = "max"})
  print(report.warnings, report.errors, report.fatals)
  for i, warnings in ipairs(report) do
    for _, w in ipairs(warnings) do print(names[i], w.code, w.line, w.column) end
  end
end
