-- Binary trees, made and thrown away.
local function make(depth)
  if depth == 0 then return {} end
  return {left = make(depth - 1), right = make(depth - 1)}
end
local function count(tree) return tree.left and 1 + count(tree.left) + count(tree.right) or 1 end
local depth, nodes = tonumber(arg[1]) or 14, 0
for _ = 1, 30 do nodes = nodes + count(make(depth)) end
print(nodes)
