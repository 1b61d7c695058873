-- Builds a maze by depth-first search and finds the way through it by flooding.
--   lua maze.lua [WIDTH] [HEIGHT] [SEED]

local width = tonumber(arg[1]) or 20
local height = tonumber(arg[2]) or 10
local state = tonumber(arg[3]) or 1872

-- Our own generator (xorshift), so that every Lua draws the same maze.
local function random(n)
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  return (state >> 1) % n + 1
end
state = state * 0x9E3779B97F4A7C15 | 1

local function at(x, y) return y * width + x end
local directions = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}}

local function inside(x, y) return x >= 0 and x < width and y >= 0 and y < height end

-- open[a][b] is true when cells a and b are joined
local function carve()
  local open = {}
  for cell = 0, width * height - 1 do open[cell] = {} end
  local stack, seen = {{0, 0}}, {[0] = true}
  while #stack > 0 do
    local x, y = table.unpack(stack[#stack])
    local choices = {}
    for _, d in ipairs(directions) do
      local nx, ny = x + d[1], y + d[2]
      if inside(nx, ny) and not seen[at(nx, ny)] then choices[#choices + 1] = {nx, ny} end
    end
    if #choices == 0 then
      table.remove(stack)
    else
      local nx, ny = table.unpack(choices[random(#choices)])
      seen[at(nx, ny)] = true
      open[at(x, y)][at(nx, ny)], open[at(nx, ny)][at(x, y)] = true, true
      stack[#stack + 1] = {nx, ny}
    end
  end
  return open
end

local function route(open, from, to)
  local came, queue, head = {[from] = from}, {from}, 1
  while queue[head] and not came[to] do
    local cell = queue[head]
    head = head + 1
    for _, d in ipairs(directions) do
      local next_ = at(cell % width + d[1], cell // width + d[2])
      if open[cell][next_] and not came[next_] then
        came[next_] = cell
        queue[#queue + 1] = next_
      end
    end
  end
  local path, length = {}, 0
  local cell = to
  while cell ~= from do path[cell] = true; cell = came[cell]; length = length + 1 end
  path[from] = true
  return path, length
end

local function draw(open, path)
  print("+" .. ("---+"):rep(width))
  for y = 0, height - 1 do
    local middle, below = {"|"}, {"+"}
    for x = 0, width - 1 do
      local cell = at(x, y)
      local right = x + 1 < width and open[cell][at(x + 1, y)]
      local down = open[cell][at(x, y + 1)]
      middle[#middle + 1] = (path and path[cell] and " * " or "   ") .. (right and " " or "|")
      below[#below + 1] = (down and "   " or "---") .. "+"
    end
    print(table.concat(middle))
    print(table.concat(below))
  end
end

local open = carve()
draw(open)
local path, length = route(open, at(0, 0), at(width - 1, height - 1))
print(("\nThe way out takes %d steps:\n"):format(length))
draw(open, path)
