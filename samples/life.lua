-- Conway's Game of Life on a torus.
--   lua life.lua [GENERATIONS] [PATTERN]     patterns: glider gun rpentomino acorn
-- On a terminal it is animated; otherwise the first and last generations are printed.

local width, height = 60, 20

local patterns = {
  glider = {".O.", "..O", "OOO"},
  rpentomino = {".OO", "OO.", ".O."},
  acorn = {".O.....", "...O...", "OO..OOO"},
  gun = {
    "........................O...........",
    "......................O.O...........",
    "............OO......OO............OO",
    "...........O...O....OO............OO",
    "OO........O.....O...OO..............",
    "OO........O...O.OO....O.O...........",
    "..........O.....O.......O...........",
    "...........O...O....................",
    "............OO......................",
  },
}

local function empty()
  local grid = {}
  for y = 0, height - 1 do
    grid[y] = {}
    for x = 0, width - 1 do grid[y][x] = false end
  end
  return grid
end

local function place(grid, rows, left, top)
  for j, row in ipairs(rows) do
    for i = 1, #row do
      grid[(top + j) % height][(left + i) % width] = row:sub(i, i) == "O"
    end
  end
  return grid
end

local function neighbours(grid, x, y)
  local n = 0
  for dy = -1, 1 do
    local row = grid[(y + dy) % height]
    for dx = -1, 1 do
      if (dx ~= 0 or dy ~= 0) and row[(x + dx) % width] then n = n + 1 end
    end
  end
  return n
end

local function step(grid)
  local new = empty()
  for y = 0, height - 1 do
    for x = 0, width - 1 do
      local n = neighbours(grid, x, y)
      new[y][x] = n == 3 or n == 2 and grid[y][x]
    end
  end
  return new
end

local function draw(grid, generation)
  local lines, alive = {}, 0
  for y = 0, height - 1 do
    local cells = {}
    for x = 0, width - 1 do
      cells[#cells + 1] = grid[y][x] and "O" or "."
      if grid[y][x] then alive = alive + 1 end
    end
    lines[#lines + 1] = table.concat(cells)
  end
  return ("generation %d, %d alive\n%s"):format(generation, alive, table.concat(lines, "\n"))
end

local generations = math.tointeger(tonumber(arg[1] or 60))
local rows = patterns[arg[2] or "gun"] or error("no such pattern: " .. arg[2], 0)
local animated = os.execute("test -t 1") == true
local grid = place(empty(), rows, (width - #rows[1]) // 2 - 1, (height - #rows) // 2 - 1)

print(draw(grid, 0))
for generation = 1, generations do
  grid = step(grid)
  if animated then
    io.write("\27[H\27[2J", draw(grid, generation), "\n")
    local wake = os.clock() + 0.05
    repeat until os.clock() > wake
  elseif generation == generations then
    print(draw(grid, generation))
  end
end
