-- :reload of the prompt: load a module anew and let everything that is alive use its new code.
--
-- Functions of the old module and the new one are paired by name: fields of the module's tables, and the local variables that
-- they use. A new function gets the old one's variables where they have the same name, so what the module remembers stays;
-- then each reference to an old function, wherever it is, becomes one to the new function. What runs just now (a coroutine
-- that waits in an old function) ends in the old code.
--
-- Arguments: the module's name; the session's local variables, by number, which may be changed; a list of threads. Returns the
-- text to be shown. Errors: the module cannot be loaded; then nothing has been replaced.
local name, locals, threads = ...

local getmetatable, getupvalue, setupvalue = debug.getmetatable, debug.getupvalue, debug.setupvalue
local getinfo, upvalueid, upvaluejoin = debug.getinfo, debug.upvalueid, debug.upvaluejoin

local replaced, replaced_count, added, kept, gone = {}, 0, {}, {}, {}
local cells = {} -- new variable (its id) -> {old function, number}: the variable to be used instead

local function is_lua(f)
  return type(f) == "function" and getinfo(f, "S").what ~= "C"
end

local function show(v)
  return type(v) == "string" and ("%q"):format(v) or tostring(v)
end

-- -- Pairing -----------------------------------------------------------------------------------------------------------

local pair, merge

local function pair_variables(old, new, path)
  local number = {}
  for i = 1, math.huge do
    local variable = getupvalue(old, i)
    if variable == nil then break end
    number[variable] = i
  end
  for i = 1, math.huge do
    local variable, value = getupvalue(new, i)
    if variable == nil then break end
    local j = number[variable]
    local id = upvalueid(new, i)
    if j and cells[id] == nil and id ~= upvalueid(old, j) then
      cells[id] = {old, j}
      local _, before = getupvalue(old, j)
      if is_lua(before) and is_lua(value) then
        pair(before, value, variable)
      elseif type(before) == "table" and type(value) == "table" then
        merge(before, value, variable, false)
      elseif variable == "_ENV" then
        -- the same globals
      elseif type(before) ~= type(value) and (is_lua(before) or is_lua(value)) then
        setupvalue(old, j, value)
      elseif before ~= value and type(value) ~= "table" and value ~= nil then
        kept[#kept + 1] = ("%s = %s (the file says %s)"):format(variable, show(before), show(value))
      end
    end
  end
end

function pair(old, new, path)
  if old == new or replaced[old] then return end
  replaced[old] = new
  replaced_count = replaced_count + 1
  pair_variables(old, new, path)
end

local merged = {}
-- Let the table `old` have the functions of `new`; of other fields, if `all`, those that it does not have yet.
function merge(old, new, path, all)
  if old == new or merged[old] or old == _G or old == package.loaded then return end
  merged[old] = true
  for k, v in next, new do
    local before = rawget(old, k)
    local here = path .. "." .. tostring(k)
    if is_lua(v) and is_lua(before) then
      pair(before, v, here)
      rawset(old, k, v)
    elseif type(v) == "table" and type(before) == "table" then
      merge(before, v, here, false)
    elseif before == nil and (all or is_lua(v)) then
      rawset(old, k, v)
      added[#added + 1] = here
    elseif all and before ~= v then
      if is_lua(v) or is_lua(before) then
        rawset(old, k, v)
      else
        kept[#kept + 1] = ("%s = %s (the file says %s)"):format(here, show(before), show(v))
      end
    end
  end
  if all then
    for k, v in next, old do
      if rawget(new, k) == nil and is_lua(v) then gone[#gone + 1] = path .. "." .. tostring(k) end
    end
  end
  local meta, new_meta = getmetatable(old), getmetatable(new)
  if type(meta) == "table" and type(new_meta) == "table" then merge(meta, new_meta, path .. "'s metatable", false) end
end

-- -- Loading ------------------------------------------------------------------------------------------------------------

local old = package.loaded[name]
if old == nil then error(("module '%s' is not loaded: require it first"):format(name), 0) end
local path = package.searchpath(name, package.path)
if path == nil then error(("module '%s' was not loaded from a Lua file that can be found along package.path"):format(name), 0) end
local chunk, message = loadfile(path)
if chunk == nil then error(message, 0) end
local globals = {}
for k, v in next, _G do globals[k] = v end
local new = chunk(name, path)

if type(old) == "table" and type(new) == "table" then
  merge(old, new, name, true)
elseif is_lua(old) and is_lua(new) then
  pair(old, new, name)
  package.loaded[name] = new
elseif new ~= nil then
  package.loaded[name] = new
end
for k, before in next, globals do -- modules that define globals
  local now = rawget(_G, k)
  if now ~= before and is_lua(now) and is_lua(before) then pair(before, now, tostring(k)) end
end

-- -- Variables of functions that are new: those of the old ones where they share them -------------------------------------

local joined = {}
local function join(v)
  local list = {v}
  while #list > 0 do
    local x = table.remove(list)
    if x ~= nil and not joined[x] and x ~= _G and x ~= package.loaded then
      joined[x] = true
      if is_lua(x) and getinfo(x, "S").source == "@" .. path then
        for i = 1, math.huge do
          local variable, value = getupvalue(x, i)
          if variable == nil then break end
          local cell = cells[upvalueid(x, i)]
          if cell then upvaluejoin(x, i, cell[1], cell[2]) end
          if type(value) == "function" or type(value) == "table" then list[#list + 1] = value end
        end
      elseif type(x) == "table" then
        for _, value in next, x do
          if type(value) == "function" or type(value) == "table" then list[#list + 1] = value end
        end
        list[#list + 1] = getmetatable(x)
      end
    end
  end
end
for _, f in next, replaced do join(f) end
join(new)
join(old)

-- -- Everything that is alive ----------------------------------------------------------------------------------------------

local seen = {[replaced] = true, [cells] = true, [joined] = true, [globals] = true, [merged] = true}
seen[seen] = true
local todo = {debug.getregistry(), locals, getmetatable(""), getmetatable(0), getmetatable(nil), getmetatable(true),
              getmetatable(print), getmetatable(coroutine.running())}
for i = 1, threads and #threads or 0 do todo[#todo + 1] = threads[i] end
local running = coroutine.running()
local followed = {table = true, ["function"] = true, userdata = true, thread = true}
local references = 0

local function note(v)
  if followed[type(v)] and not seen[v] then todo[#todo + 1] = v end
end

local function visit_table(t)
  local keys
  for k, v in next, t do
    local fresh = replaced[v]
    if fresh then
      rawset(t, k, fresh)
      references = references + 1
      v = fresh
    end
    if replaced[k] then
      keys = keys or {}
      keys[k] = v
    end
    note(k)
    note(v)
  end
  for k, v in next, keys or {} do
    rawset(t, k, nil)
    rawset(t, replaced[k], v)
    references = references + 1
  end
end

local function visit_function(f)
  for i = 1, math.huge do
    local variable, v = getupvalue(f, i)
    if variable == nil then break end
    if replaced[v] then
      setupvalue(f, i, replaced[v])
      references = references + 1
      v = replaced[v]
    end
    note(v)
  end
end

local function visit_thread(co)
  if co == running then return end
  for level = 0, math.huge do
    local info = getinfo(co, level, "f")
    if info == nil then break end
    note(info.func) -- it goes on with the code it has
    for _, step in ipairs{1, -1} do
      for n = step, step * math.huge, step do
        local variable, v = debug.getlocal(co, level, n)
        if variable == nil then break end
        if replaced[v] then
          debug.setlocal(co, level, n, replaced[v])
          references = references + 1
          v = replaced[v]
        end
        note(v)
      end
    end
  end
end

while #todo > 0 do
  local v = table.remove(todo)
  if v ~= nil and not seen[v] then
    seen[v] = true
    local kind = type(v)
    if kind == "table" then
      visit_table(v)
    elseif kind == "function" then
      visit_function(v)
    elseif kind == "thread" then
      visit_thread(v)
    elseif kind == "userdata" then
      for n = 1, math.huge do
        local value, there = debug.getuservalue(v, n)
        if not there then break end
        if replaced[value] then debug.setuservalue(v, replaced[value], n) end
        note(value)
      end
    end
    note(getmetatable(v))
  end
end

local hook, mask, count = debug.gethook()
if replaced[hook] then debug.sethook(replaced[hook], mask, count) end
local signal = package.loaded.signal
if type(signal) == "table" and type(signal.names) == "table" then
  for signal_name in next, signal.names do
    local ok, handler = pcall(signal.get, signal_name)
    if ok and replaced[handler] then signal.handle(signal_name, replaced[handler]) end
  end
end

-- -- What has been done ------------------------------------------------------------------------------------------------------

local function number(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

local lines = {("%s from %s: %s replaced (%s)%s"):format(name, path, number(replaced_count, "function"),
               number(references, "further reference"), #added > 0 and ", new: " .. table.concat(added, ", ") or "")}
table.sort(kept)
for _, text in ipairs(kept) do lines[#lines + 1] = "  kept: " .. text end
table.sort(gone)
for _, text in ipairs(gone) do lines[#lines + 1] = "  no longer in the file, kept: " .. text end
return table.concat(lines, "\n")
