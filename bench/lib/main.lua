-- Runs the micro-benchmarks of one file: lua main.lua FOLDER FILE TARGET_SECONDS PATTERN
-- Prints a line "name<tab>size<tab>nanoseconds a turn" for each.
local folder, file, target, pattern = arg[1], arg[2], tonumber(arg[3]), arg[4] or ""
local sizes = {"small", "middle", "large"}

local function add(name, inputs, f)
  for i = 1, #inputs do
    local title = name .. " " .. sizes[i]
    if title:lower():find(pattern) then
      local n, seconds = 1, 0
      collectgarbage()
      while true do
        local start = os.clock()
        f(n, inputs[i])
        seconds = os.clock() - start
        if seconds >= target or n >= 1 << 40 then break end
        n = seconds < target / 20 and n * 8 or math.max(n + 1, math.floor(n * target / seconds * 1.1))
      end
      print(("%s\t%s\t%.2f"):format(name, sizes[i], seconds / n * 1e9))
      io.stdout:flush()
    end
  end
end

local finish = assert(loadfile(folder .. "/" .. file .. ".lua"))(add)
if finish then finish() end
