-- Planets on their way around a sun, integrated with the leapfrog method and
-- plotted in ASCII.   lua nbody.lua [STEPS]

local steps = math.tointeger(tonumber(arg and arg[1] or 2000))
local dt = 0.002

local Body = {}
Body.__index = Body

local function body(mark, mass, x, y, vx, vy)
  return setmetatable({mark = mark, mass = mass, x = x, y = y, vx = vx, vy = vy, ax = 0.0, ay = 0.0, trail = {}}, Body)
end

-- A planet at distance r on a nearly circular path; k < 1 makes an ellipse.
local function planet(mark, mass, r, angle, k)
  local v = math.sqrt(1 / r) * (k or 1)
  local c, s = math.cos(angle), math.sin(angle)
  return body(mark, mass, r * c, r * s, -v * s, v * c)
end

function Body:kick() self.vx, self.vy = self.vx + self.ax * dt / 2, self.vy + self.ay * dt / 2 end
function Body:drift() self.x, self.y = self.x + self.vx * dt, self.y + self.vy * dt end

local bodies = {
  body("@", 1.0, 0, 0, 0, 0),
  planet("a", 1e-6, 0.35, 0.0),
  planet("b", 3e-6, 0.7, 2.0),
  planet("c", 1e-5, 1.05, 4.0),
  planet("d", 2e-7, 1.45, 5.5, 0.8),
}

local function accelerate()
  for _, b in ipairs(bodies) do b.ax, b.ay = 0.0, 0.0 end
  for i = 1, #bodies do
    local p = bodies[i]
    for j = i + 1, #bodies do
      local q = bodies[j]
      local dx, dy = q.x - p.x, q.y - p.y
      local d2 = dx * dx + dy * dy
      local f = 1 / (d2 * math.sqrt(d2))
      p.ax, p.ay = p.ax + dx * f * q.mass, p.ay + dy * f * q.mass
      q.ax, q.ay = q.ax - dx * f * p.mass, q.ay - dy * f * p.mass
    end
  end
end

local function energy()
  local e = 0.0
  for i, p in ipairs(bodies) do
    e = e + p.mass * (p.vx ^ 2 + p.vy ^ 2) / 2
    for j = i + 1, #bodies do
      local q = bodies[j]
      e = e - p.mass * q.mass / math.sqrt((p.x - q.x) ^ 2 + (p.y - q.y) ^ 2)
    end
  end
  return e
end

local columns, rows, reach = 70, 33, 1.6

local function plot()
  local grid = {}
  for y = 1, rows do
    grid[y] = {}
    for x = 1, columns do grid[y][x] = " " end
  end
  local function put(x, y, mark)
    local column = math.floor((x / reach + 1) / 2 * (columns - 1) + 1.5)
    local row = math.floor((1 - y / reach) / 2 * (rows - 1) + 1.5)
    if grid[row] and grid[row][column] then grid[row][column] = mark end
  end
  for _, b in ipairs(bodies) do
    for _, p in ipairs(b.trail) do put(p[1], p[2], ".") end
  end
  for _, b in ipairs(bodies) do put(b.x, b.y, b.mark) end
  for y = 1, rows do print((table.concat(grid[y]):gsub("%s+$", ""))) end
end

local before = energy()
accelerate()
for step = 1, steps do
  for _, b in ipairs(bodies) do b:kick(); b:drift() end
  accelerate()
  for _, b in ipairs(bodies) do b:kick() end
  if step % 20 == 0 then
    for _, b in ipairs(bodies) do table.insert(b.trail, {b.x, b.y}) end
  end
end
plot()
print(("after %d steps (%.1f time units); energy kept to within %s of a percent")
  :format(steps, steps * dt, math.abs(energy() / before - 1) < 1e-4 and "a hundredth" or "more than a hundredth"))
for _, b in ipairs(bodies) do
  print(("  %s  distance %.2f  speed %.2f"):format(b.mark, math.sqrt(b.x ^ 2 + b.y ^ 2), math.sqrt(b.vx ^ 2 + b.vy ^ 2)))
end
