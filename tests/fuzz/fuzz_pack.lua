-- string.pack, packsize, unpack. Input: the length of the format, the format as indices of its options, then data: what is
-- unpacked from it must, packed again, be the same bytes; and any text as a format does no harm.

local options = {"<", ">", "=", "!", "!2", "!4", "!8", "b", "B", "h", "H", "i", "I", "l", "L", "j", "J", "T", "f", "d", "n",
  "s", "s1", "s2", "z", "x", "X4", "Xi8", " ", "i1", "i3", "I5", "i7", "i9", "I16", "i16", "c0", "c5", "s4"}

local function check(what, ok) if not ok then error(what, 2) end end

local function same(a, b) return a == b or a ~= a and b ~= b end

return function(input)
  local size = (input:byte(1) or 0) % 12
  local parts = {}
  for k = 1, size do parts[k] = options[(input:byte(1 + k) or 0) % #options + 1] end
  local format, data = table.concat(parts), input:sub(2 + size)
  local r = table.pack(pcall(string.unpack, format, data))
  if r[1] then
    local after = r[r.n]
    check("position", after >= 1 and after <= #data + 1)
    local p = table.pack(pcall(string.pack, format, table.unpack(r, 2, r.n - 1)))
    check("values that were unpacked can be packed: " .. tostring(p[2]), p[1])
    check("size", #p[2] == after - 1)
    local again = table.pack(string.unpack(format, p[2]))
    check("count", again.n == r.n - 1)
    for k = 1, again.n do check("value " .. k, same(again[k], r[k + 1])) end
    local ok, fixed = pcall(string.packsize, format)
    check("packsize", not ok or fixed == #p[2])
  end
  local wild = input:sub(2, 20):gsub("(%d%d%d%d%d)%d+", "%1") -- 'c999999999' is a gigabyte
  pcall(string.unpack, wild, data)
  pcall(string.packsize, wild)
  pcall(string.pack, wild, size, data, size + 0.5, size)
end
