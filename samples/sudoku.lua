-- Sudoku solver: bit sets of candidates, the tightest cell first, backtracking.
--   lua sudoku.lua [81 digits, 0 or . for empty]

local puzzles = {
  "530070000600195000098000060800060003400803001700020006060000280000419005000080079",
  "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
  "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9",
}
if arg[1] then puzzles = {arg[1]} end

local peers = {}                       -- cell -> the twenty cells it sees
for cell = 0, 80 do
  local row, column, seen = cell // 9, cell % 9, {}
  for other = 0, 80 do
    local r, c = other // 9, other % 9
    if other ~= cell and (r == row or c == column or r // 3 == row // 3 and c // 3 == column // 3) then
      seen[#seen + 1] = other
    end
  end
  peers[cell] = seen
end

local bits, digit_of = {}, {}          -- set of digits -> size; single bit -> digit
for set = 0, 511 do
  local n, s = 0, set
  while s ~= 0 do s = s & (s - 1); n = n + 1 end
  bits[set] = n
end
for digit = 1, 9 do digit_of[1 << (digit - 1)] = digit end

local function read(text)
  local grid, n = {}, 0
  for c in text:gmatch("[%d.]") do grid[n] = tonumber(c) or 0; n = n + 1 end
  assert(n == 81, "a puzzle has 81 cells")
  return grid
end

local function candidates(grid, cell)
  local free = 511
  for _, other in ipairs(peers[cell]) do
    local digit = grid[other]
    if digit ~= 0 then free = free & ~(1 << (digit - 1)) end
  end
  return free
end

local function solve(grid, count)
  local best, best_set, best_size = nil, 0, 10
  for cell = 0, 80 do
    if grid[cell] == 0 then
      local set = candidates(grid, cell)
      if bits[set] < best_size then best, best_set, best_size = cell, set, bits[set] end
      if best_size <= 1 then break end
    end
  end
  if not best then return true, count end
  while best_set ~= 0 do
    local low = best_set & -best_set
    best_set = best_set ~ low
    grid[best] = digit_of[low]
    local ok
    ok, count = solve(grid, count + 1)
    if ok then return true, count end
  end
  grid[best] = 0
  return false, count
end

local function show(grid)
  for row = 0, 8 do
    if row % 3 == 0 and row > 0 then print("------+-------+------") end
    local line = {}
    for column = 0, 8 do
      if column % 3 == 0 and column > 0 then line[#line + 1] = "|" end
      local digit = grid[row * 9 + column]
      line[#line + 1] = digit == 0 and "." or tostring(digit)
    end
    print(table.concat(line, " "))
  end
end

for i = 1, arg[1] and 1 or 2 do
  local grid = read(puzzles[i])
  show(grid)
  local solved, tries = solve(grid, 0)
  print(solved and ("\nSolved in %d tries:\n"):format(tries) or "\nNo solution.")
  if solved then show(grid) end
  print()
end
