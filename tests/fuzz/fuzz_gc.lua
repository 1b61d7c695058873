-- A graph of tables, some weak, some with finalizers, is changed at random and collected; what the model says can be reached
-- is still there with its contents, what a finalizer has been called for could not be reached. Input: operations.

local function check(what, ok) if not ok then error(what, 2) end end

local MODES = {[0] = false, [1] = "k", [2] = "v", [3] = "kv"}

return function(input)
  local nodes, roots = setmetatable({}, {__mode = "v"}), {} -- by number: weakly; those that are held
  local model = {}                                          -- number: {mode, edges = {key: {key node, value node}}}
  local finalized, count, at = {}, 0, 1
  local function byte() local b = input:byte(at) or 0; at = at + 1; return b end

  local function make(how)
    count = count + 1
    local n, mode = count, MODES[how % 4]
    local mt = {}
    if mode then mt.__mode = mode end
    if how % 5 == 0 and not mode then mt.__gc = function() finalized[n] = true end end
    nodes[n] = setmetatable({id = n}, mt)
    roots[n] = nodes[n]
    model[n] = {mode = mode or "", edges = {}}
  end

  local function reached()
    local seen, list = {}, {}
    local new = {}
    local function walk(n) if not seen[n] then new[n] = true end end
    for n in pairs(roots) do walk(n) end
    while next(new) do
      for n in pairs(new) do seen[n] = true; list[#list + 1] = n end
      new = {}
      for _, n in ipairs(list) do
        local m = model[n]
        for _, e in ipairs(m.edges) do
          if m.mode == "" then walk(e[1]) walk(e[2])
          elseif m.mode == "v" and seen[e[2]] then walk(e[1])
          elseif m.mode == "k" and seen[e[1]] then walk(e[2]) end
        end
      end
    end
    return seen
  end

  local function verify()
    collectgarbage() collectgarbage()
    local seen = reached()
    for n in pairs(seen) do
      local t = nodes[n]
      check("reachable " .. n .. " is there", t and rawget(t, "id") == n)
      check("no finalizer of reachable " .. n, not finalized[n])
      local m, kept = model[n], {}
      for _, e in ipairs(m.edges) do
        local weak_key, weak_value = m.mode:find "k" and not seen[e[1]], m.mode:find "v" and not seen[e[2]]
        if not weak_key and not weak_value then
          check("an edge of " .. n, t[nodes[e[1]]] == nodes[e[2]])
          kept[#kept + 1] = e
        end
      end
      m.edges = kept
    end
    for n in pairs(model) do if not seen[n] then model[n] = nil end end
  end

  make(0)
  for _ = 1, 120 do
    if at > #input then break end
    local op, a, b, c = byte(), byte() % count + 1, byte() % count + 1, byte() % count + 1
    if op < 80 then
      make(op)
    elseif op < 200 then
      if roots[a] and roots[b] and roots[c] then
        local edges = model[a].edges
        for i = #edges, 1, -1 do if edges[i][1] == b then table.remove(edges, i) end end
        roots[a][roots[b]] = roots[c]
        edges[#edges + 1] = {b, c}
      end
    elseif op < 235 then
      roots[a] = nil
    elseif op < 245 then
      verify()
    else
      for _ = 1, op do local garbage = {{}} end
      collectgarbage("step", a)
    end
  end
  verify()
end
