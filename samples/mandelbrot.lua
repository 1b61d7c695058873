-- The Mandelbrot set, or the Julia set of a point, in characters.
--   lua mandelbrot.lua [COLUMNS] [ROWS] [CENTRE_X CENTRE_Y ZOOM] [julia]

local columns = tonumber(arg[1]) or 76
local rows = tonumber(arg[2]) or 30
local cx, cy = tonumber(arg[3]) or -0.6, tonumber(arg[4]) or 0
local zoom = tonumber(arg[5]) or 1
local julia = arg[6] == "julia"
local shades = " .,:;+*oxOX%#@"

local function escape(x, y, a, b, limit)
  for n = 1, limit do
    local xx, yy = x * x, y * y
    if xx + yy > 4 then return n end
    x, y = xx - yy + a, 2 * x * y + b
  end
  return limit
end

local function shade(n, limit)
  if n == limit then return shades:sub(-1) end
  local i = math.floor((n / limit) ^ 0.5 * (#shades - 1)) + 1
  return shades:sub(i, i)
end

local function picture(width, height, x0, y0, scale, limit)
  local lines = {}
  for row = 0, height - 1 do
    local y = y0 + (row - (height - 1) / 2) / height * 2.4 / scale
    local line = {}
    for column = 0, width - 1 do
      local x = x0 + (column - (width - 1) / 2) / width * 3.0 / scale
      local n
      if julia then n = escape(x, y, -0.7, 0.27015, limit) else n = escape(0, 0, x, y, limit) end
      line[#line + 1] = shade(n, limit)
    end
    lines[#lines + 1] = (table.concat(line):gsub(" +$", ""))
  end
  return lines
end

print(table.concat(picture(columns, rows, cx, cy, zoom, 100), "\n"))

if not arg[1] then
  print("\nCloser, around (-0.745, 0.11):\n")
  print(table.concat(picture(columns, rows, -0.745, 0.11, 30, 300), "\n"))
  julia = true
  print("\nThe Julia set of (-0.7, 0.27015):\n")
  print(table.concat(picture(columns, 24, 0, 0, 0.9, 120), "\n"))
end
