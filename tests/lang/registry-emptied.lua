-- A program may empty its registry: what the libraries keep there is not lost to the collector.
local r, kept = debug.getregistry(), {}
for k, v in pairs(r) do kept[k] = v end
for k in pairs(r) do r[k] = nil end
kept = nil
for i = 1, 5 do
  collectgarbage()
  local t = {}
  for j = 1, 10000 do t[j] = {j} end
  pcall(require, "x")
  pcall(io.open, "/dev/null")
  io.write("")
end
print(type(io.stdout), type(os.getenv("PATH"))) --> userdata string
