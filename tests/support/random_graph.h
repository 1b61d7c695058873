/* Lua source of a random graph of values: tables of all kinds with cycles, functions that share variables, and what the
 * test adds. For tests that copy whole graphs. */
#ifndef TESTS_SUPPORT_RANDOM_GRAPH_H
#define TESTS_SUPPORT_RANDOM_GRAPH_H

/* `seed` is set before; afterwards `nodes` is the list of at most `count` tables and of functions, `random` math.random.
 * `also`: statements for one node in six, with the variables a and b and the function value() at hand. */
#define RANDOM_GRAPH(count, also)                                                                                      \
    "math.randomseed(seed)\n"                                                                                          \
    "local random = math.random\n"                                                                                     \
    "local nodes = {}\n"                                                                                               \
    "local function scalar()\n"                                                                                        \
    "  local r = random(6)\n"                                                                                          \
    "  if r == 1 then return random(0) elseif r == 2 then return random() elseif r == 3 then return 's' .. random(50)\n" \
    "  elseif r == 4 then return ('long'):rep(random(10, 30)) .. random(9)\n"                                          \
    "  elseif r == 5 then return random(2) == 1 end\n"                                                                 \
    "  return random(20)\n"                                                                                            \
    "end\n"                                                                                                            \
    "local count = random(" #count ")\n"                                                                               \
    "for i = 1, count do nodes[i] = {} end\n"                                                                          \
    "local function value() if random(3) == 1 then return scalar() end return nodes[random(#nodes)] end\n"             \
    "for i = 1, count do\n"                                                                                            \
    "  local t = nodes[i]\n"                                                                                           \
    "  local kind = random(6)\n"                                                                                       \
    "  for n = 1, random(0, kind == 6 and 120 or 12) do\n"                                                             \
    "    if kind == 1 then t[n] = n elseif kind == 2 then t[n] = n + 0.5 elseif kind == 3 then t[n] = value()\n"       \
    "    elseif kind == 4 then t['f' .. random(20)] = value()\n"                                                       \
    "    else t[value()] = value() end\n"                                                                              \
    "  end\n"                                                                                                          \
    "  for n = 1, random(0, 5) do local k = next(t) if k ~= nil and random(2) == 1 then t[k] = nil end end\n"          \
    "  if random(4) == 1 then setmetatable(t, nodes[random(count)]) end\n"                                             \
    "  if random(6) == 1 then\n"                                                                                       \
    "    local a, b = value(), value()\n"                                                                              \
    "    nodes[#nodes + 1] = function(x) a = x or a return a, b end\n" also                                            \
    "  end\n"                                                                                                          \
    "end\n"

#endif
