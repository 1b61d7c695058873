-- A product of two square matrices.
local n = tonumber(arg[1]) or 220
local function matrix(f)
  local m = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = f(i, j) end
    m[i] = row
  end
  return m
end
local a, b = matrix(function(i, j) return (i - j) / n end), matrix(function(i, j) return (i + j) / n end)
local c = matrix(function(i, j)
  local sum, row = 0.0, a[i]
  for k = 1, n do sum = sum + row[k] * b[k][j] end
  return sum
end)
print(("%.6f"):format(c[(n - n % 2) / 2][(n - n % 3) / 3]))
