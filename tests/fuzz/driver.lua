-- Runs many programs in one process, to save the start of a process for each.
--   lua driver.lua FILE ...
-- Each program gets its own globals; its output follows a line "\1NAME", its outcome is in a line "\2...".

local write, tostring, select = io.write, tostring, select

local function print(...)
  for i = 1, select("#", ...) do
    if i > 1 then write "\t" end
    write(tostring((select(i, ...))))
  end
  write "\n"
end

for _, name in ipairs(arg) do
  write("\1", name:match "[^/]*$", "\n")
  local env = setmetatable({print = print}, {__index = _G})
  local file = assert(io.open(name))
  local f, message = load(file:read "a", "=program", "t", env)
  file:close()
  local ok, e = f ~= nil, message
  if f then ok, e = pcall(f) end
  write("\2", tostring(ok), ok and "" or " " .. (type(e) == "string" and e or type(e)), "\n")
  io.stdout:flush()
end
