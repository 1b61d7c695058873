-- A small text adventure. Commands come from standard input.
-- The player and the ferryman are coroutines: each says something, then yields.

local rooms = {
  shore = {text = "You stand on a grey shore. A path leads north. A boat waits east.", exits = {north = "wood"}, items = {"shell"}},
  wood = {text = "Tall pines. The shore is south; a hut stands west.", exits = {south = "shore", west = "hut"}, items = {"mushroom"}},
  hut = {text = "A dusty hut with a table. The door is east.", exits = {east = "wood"}, items = {"coin", "lamp"}, dark = false},
  island = {text = "An island with a cave mouth down below.", exits = {down = "cave", west = "shore"}, items = {}},
  cave = {text = "A cave that glitters with crystals.", exits = {up = "island"}, items = {"crystal"}, dark = true},
}

local here, bag, turns = "shore", {}, 0

local function index(list, item)
  for i, v in ipairs(list) do if v == item then return i end end
end
local function move(item, from, to)
  local i = index(from, item)
  if i then table.insert(to, table.remove(from, i)) end
  return i
end
local function keys(t)
  local list = {}
  for k in pairs(t) do list[#list + 1] = k end
  table.sort(list)
  return table.concat(list, ", ")
end

local function look()
  local room = rooms[here]
  if room.dark and not index(bag, "lamp") then return "It is pitch dark. You hear water." end
  local seen = #room.items > 0 and "\nYou see: " .. table.concat(room.items, ", ") .. "." or ""
  return room.text .. seen .. "\nExits: " .. keys(room.exits) .. "."
end

-- The ferryman remembers where the talk was, because he is a coroutine.
local ferryman = coroutine.wrap(function()
  local asked = coroutine.yield("'Cold day,' says the ferryman. 'I row for a coin.'")
  while not index(bag, "coin") do
    asked = coroutine.yield(asked > 2 and "'I told you: a coin. It may lie in the hut.'" or "'No coin, no boat.'")
  end
  move("coin", bag, {})
  rooms.shore.exits.east = "island"
  coroutine.yield("He bites the coin and nods. 'Go east whenever you like.'")
  while true do coroutine.yield("The ferryman hums.") end
end)

local talks = 0
local verbs = {}
function verbs.look() return look() end
function verbs.go(where)
  local target = rooms[here].exits[where]
  if not target then return here == "shore" and where == "east" and "The ferryman bars the way." or "You cannot go there." end
  here = target
  return look()
end
function verbs.take(item)
  if rooms[here].dark and not index(bag, "lamp") then return "You grope in the dark and find nothing." end
  return move(item, rooms[here].items, bag) and "Taken." or "There is no " .. item .. " here."
end
function verbs.drop(item) return move(item, bag, rooms[here].items) and "Dropped." or "You do not have that." end
function verbs.bag() return #bag == 0 and "Your bag is empty." or "You carry: " .. table.concat(bag, ", ") .. "." end
function verbs.talk()
  if here ~= "shore" then return "You talk to yourself." end
  talks = talks + 1
  return ferryman(talks)
end
function verbs.quit() return "You wander off.", true end
verbs.inventory, verbs.get = verbs.bag, verbs.take

local game = coroutine.create(function()
  local line = coroutine.yield(look())
  while true do
    local verb, noun = line:lower():match("^%s*(%a*)%s*(%a*)")
    if rooms[here].exits[verb] then verb, noun = "go", verb end
    local action, answer, over = verbs[verb], nil, nil
    if not action then
      answer = "Try: " .. keys(verbs) .. "."
    else
      turns = turns + 1
      answer, over = action(noun)
    end
    if index(bag, "crystal") then answer, over = "The crystal warms your hand. You have won!", true end
    if over then return ("%s\n(%d turns)"):format(answer, turns) end
    line = coroutine.yield(answer)
  end
end)

local typed = os.execute("test -t 0") == true
local _, text = coroutine.resume(game)
print(text)
while coroutine.status(game) == "suspended" do
  io.write("> ")
  local line = io.read()
  if not line then break end
  if not typed then print(line) end
  _, text = coroutine.resume(game, line)
  print(text)
end
