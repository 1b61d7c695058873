-- Draws an L-system as SVG.
--   lua lsystem.lua [koch|dragon|plant|sierpinski|hilbert] [DEPTH] > picture.svg

local systems = {
  koch = {axiom = "F--F--F", angle = 60, depth = 3, rules = {F = "F+F--F+F"}},
  dragon = {axiom = "FX", angle = 90, depth = 8, rules = {X = "X+YF+", Y = "-FX-Y"}},
  plant = {axiom = "X", angle = 25, depth = 4, start = 65, rules = {X = "F+[[X]-X]-F[-FX]+X", F = "FF"}},
  sierpinski = {axiom = "F-G-G", angle = 120, depth = 4, rules = {F = "F-G+F+G-F", G = "GG"}},
  hilbert = {axiom = "A", angle = 90, depth = 4, rules = {A = "+BF-AFA-FB+", B = "-AF+BFB+FA-"}},
}

local function grow(system, depth)
  local text = system.axiom
  for _ = 1, depth do text = text:gsub(".", system.rules) end
  return text
end

-- A turtle collects strokes: lists of points without lifting the pen.
local function walk(text, angle, heading)
  local x, y, stack, strokes = 0, 0, {}, {}
  local function begin() strokes[#strokes + 1] = {{x, y}} end
  local moves = {
    ["+"] = function() heading = heading + angle end,
    ["-"] = function() heading = heading - angle end,
    ["["] = function() stack[#stack + 1] = {x, y, heading} end,
    ["]"] = function() x, y, heading = table.unpack(table.remove(stack)); begin() end,
  }
  local function forward()
    x, y = x + math.cos(math.rad(heading)), y - math.sin(math.rad(heading))
    table.insert(strokes[#strokes], {x, y})
  end
  moves.F, moves.G = forward, forward
  begin()
  for c in text:gmatch(".") do
    local move = moves[c]
    if move then move() end
  end
  return strokes
end

local function bounds(strokes)
  local left, top, right, bottom = math.huge, math.huge, -math.huge, -math.huge
  for _, stroke in ipairs(strokes) do
    for _, p in ipairs(stroke) do
      left, right = math.min(left, p[1]), math.max(right, p[1])
      top, bottom = math.min(top, p[2]), math.max(bottom, p[2])
    end
  end
  return left, top, right - left, bottom - top
end

local function svg(strokes, size)
  local left, top, width, height = bounds(strokes)
  local scale = size / math.max(width, height)
  print(('<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f">'):format(width * scale + 20, height * scale + 20))
  for _, stroke in ipairs(strokes) do
    if #stroke > 1 then
      local points = {}
      for i, p in ipairs(stroke) do
        -- adding 0.0 turns "-0.0" into "0.0"
        points[i] = ("%.1f,%.1f"):format((p[1] - left) * scale + 10 + 0.0, (p[2] - top) * scale + 10 + 0.0)
      end
      print('<polyline fill="none" stroke="#264" points="' .. table.concat(points, " ") .. '"/>')
    end
  end
  print("</svg>")
end

local system = systems[arg[1] or "plant"] or error("unknown system: " .. arg[1], 0)
local depth = tonumber(arg[2]) or system.depth
svg(walk(grow(system, depth), system.angle, system.start or 0), 400)
