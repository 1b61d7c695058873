-- Two threads and a third mutate one table while others sort, walk, concatenate, unpack it. Nothing is promised about what they see,
-- only that nothing breaks. (RILLE_SOAK_S: for how long.)
local thread = require "thread"
local seconds = tonumber(os.getenv "RILLE_SOAK_S") or 1
local finish = os.time() + seconds
local t, stop = {}, false
for i = 1, 300 do t[i] = i end
local function running() return not stop end
local jobs = {
  function() local n = 0; while running() do n = n + 1; t[n % 500 + 1] = n; if n % 7 == 0 then t[n % 400] = nil end; if n % 1000 == 0 then t.x = (t.x or 0) + 1 end end end,
  function() local n = 0; while running() do n = n + 1; table.insert(t, n); if #t > 600 then for i = 1, 300 do table.remove(t) end end; t["k" .. n % 90] = n end end,
  function() while running() do pcall(table.sort, t, function(a, b) return (a or 0) < (b or 0) end) end end,
  function() while running() do pcall(function() for k, v in next, t do if k == nil then error() end end end) end end,
  function() while running() do pcall(table.concat, t, ",") end end,
  function() while running() do pcall(table.unpack, t, 1, 200) end end,
  function() while running() do (("x"):rep(200)):gsub("x", t); (("abc"):rep(50)):gsub("%w", function(c) t[c] = c; return t[#t] and c end) end end,
  function() while running() do pcall(table.move, t, 1, 200, 50); local c = table.pack(pcall(ipairs, t)) end end,
}
local threads = {}
for i, f in ipairs(jobs) do threads[i] = thread.create(f) end
while os.time() <= finish do thread.sleep(0.05) end
stop = true
for i, h in ipairs(threads) do
  local ok, e = h:join()
  if not ok then print(i, e) end
end
print("done")
--> done
