-- middleclass: a small simulation with classes, mixins and inheritance.
local class = require "middleclass"
local Shape = class "Shape"
function Shape:initialize(x, y) self.x, self.y = x, y end
function Shape:move(dx, dy) self.x, self.y = self.x + dx, self.y + dy; return self end
function Shape:area() return 0 end
function Shape.__eq(a, b) return a.x == b.x and a.y == b.y end
function Shape.__lt(a, b) return a:area() < b:area() end
local Scaled = {scale = function(self, k) self.k = (self.k or 1) * k; return self end}
local Circle = class("Circle", Shape):include(Scaled)
function Circle:initialize(x, y, r) Shape.initialize(self, x, y); self.r = r end
function Circle:area() return 3 * self.r * self.r * (self.k or 1) end
local Box = class("Box", Shape):include(Scaled)
Box.static.made = 0
function Box.static:make(...) self.made = self.made + 1; return self:new(...) end
function Box:initialize(x, y, w, h) Shape.initialize(self, x, y); self.w, self.h = w, h end
function Box:area() return self.w * self.h * (self.k or 1) end
local Square = class("Square", Box)
function Square:initialize(x, y, w) Box.initialize(self, x, y, w, w) end
function Square:__tostring() return ("Square(%d,%d,%d)"):format(self.x, self.y, self.w) end
local total = 0
for round = 1, 160 do
  local shapes = {}
  for i = 1, 1000 do
    local k = i % 3
    shapes[i] = k == 0 and Circle(i, i, i % 10) or k == 1 and Box:make(i, 0, 2, i % 7) or Square(0, i, i % 5)
  end
  for step = 1, 3 do
    for i, s in ipairs(shapes) do
      total = total + s:move(step, 1):area()
      if s:isInstanceOf(Box) then total = total + 1 end
    end
  end
  table.sort(shapes, function(a, b) return a:area() < b:area() end)
  total = total + #tostring(Square(1, 2, round)) + (Square(1, 1, 1) == Square(1, 1, 2) and 1 or 0) + (shapes[1] < shapes[1000] and 1 or 0)
end
for round = 1, 300 do
  local K = class("K" .. round, Square)
  function K:area() return Square.area(self) + 1 end
  total = total + K(1, 1, round):area() + (K:isSubclassOf(Shape) and 1 or 0)
end
print(total, Box.made, tostring(Square), Square.name)
