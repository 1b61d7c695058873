-- Points of the Mandelbrot set.
local size = tonumber(arg[1]) or 500
local inside = 0
for py = 0, size - 1 do
  local ci = 2.0 * py / size - 1.0
  for px = 0, size - 1 do
    local cr, zr, zi, n = 2.0 * px / size - 1.5, 0.0, 0.0, 0
    repeat
      zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
      n = n + 1
    until n == 60 or zr * zr + zi * zi > 4.0
    if n == 60 then inside = inside + 1 end
  end
end
print(inside)
