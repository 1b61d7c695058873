-- All placements of queens that threaten nobody.
local n = tonumber(arg[1]) or 11
local columns, rising, falling, found = {}, {}, {}, 0
local function place(row)
  if row > n then
    found = found + 1
    return
  end
  for c = 1, n do
    if not (columns[c] or rising[row + c] or falling[row - c + n]) then
      columns[c], rising[row + c], falling[row - c + n] = true, true, true
      place(row + 1)
      columns[c], rising[row + c], falling[row - c + n] = false, false, false
    end
  end
end
place(1)
print(found)
