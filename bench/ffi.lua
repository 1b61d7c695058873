-- Calls and memory of C, for bench/run-ffi: LIBRARY NAME ROUNDS; prints nanoseconds a round. LuaJIT runs it, too.
local ffi = require "ffi"
ffi.cdef[[
int add(int, int); int add_all(int, ...);
typedef struct { int x; double y; struct { float weight; } part; } point;
typedef struct node { struct node *next; int v; } node;
]]
local library, name, rounds = ffi.load(arg[1]), arg[2], tonumber(arg[3])
local COUNT = 1000
local points, nodes = ffi.new("point[?]", COUNT), ffi.new("node[?]", COUNT)
local pointer = ffi.cast("point *", points)
for i = 0, COUNT - 2 do nodes[i].next = nodes + (i + 1) end
local one = ffi.new("int", 1)

local bench = {}
function bench.call(n) local s = 0 for i = 1, n do s = library.add(s, i) end return s end
function bench.variable(n) local s = 0 for i = 1, n do s = library.add_all(s, one) end return s end
function bench.array(n)
  for k = 1, n / COUNT do
    for i = 0, COUNT - 1 do points[i].y = points[i].y + points[i].x points[i].part.weight = i end
  end
end
function bench.pointer(n)
  for k = 1, n / COUNT do
    for i = 0, COUNT - 1 do pointer[i].y = pointer[i].y + pointer[i].x pointer[i].part.weight = i end
  end
end
function bench.moving(n)
  local s = 0
  for k = 1, n / COUNT do
    local p, last = pointer, pointer + COUNT
    while p ~= last do s = s + p.x p = p + 1 end
  end
  return s
end
function bench.list(n)
  local s = 0
  for k = 1, n / COUNT do
    local p = nodes[0].next
    while p ~= nil do s = s + p.v p = p.next end
  end
  return s
end

local f = bench[name]
f(rounds / 10)
local start = os.clock()
f(rounds)
print((os.clock() - start) * 1e9 / rounds)
