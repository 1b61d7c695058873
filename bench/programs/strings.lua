-- Text built, byte by byte and line by line.
local lines = {}
for i = 1, tonumber(arg[1]) or 150000 do
  local s = ("%d:%x:%s"):format(i, i, i % 3 == 0 and "fizz" or "no")
  local sum = 0
  for k = 1, #s do sum = (sum * 31 + s:byte(k)) % 65521 end
  lines[#lines + 1] = s .. "/" .. sum
end
local text = table.concat(lines, "\n")
print(#text, text:sub(-12))
