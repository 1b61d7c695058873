-- Weak tables: values, keys, both, ephemerons.
local function count(t) local n = 0; for _ in pairs(t) do n = n + 1 end return n end
local v = setmetatable({}, {__mode = "v"}); local strong = {}
v[1] = {}; v[2] = strong; v.x = {}; v.s = "string"; v.n = 5
collectgarbage(); print(count(v), v[1], v[2] == strong, v.x, v.s, v.n)  --> 3	nil	true	nil	string	5
local k = setmetatable({}, {__mode = "k"})
k[{}] = 1; k[strong] = 2; k.s = {}; k[5] = {}
collectgarbage(); print(count(k), k[strong], k.s ~= nil, k[5] ~= nil)  --> 3	2	true	true
local e = setmetatable({}, {__mode = "k"})
do local a, b = {}, {}; e[a] = b; e[b] = a end
e[strong] = {strong}
collectgarbage(); print(count(e), e[strong][1] == strong)  --> 1	true
local chain = setmetatable({}, {__mode = "k"}); local first = {}
do local cur = first; for i = 1, 100 do local nxt = {}; chain[cur] = nxt; cur = nxt end end
collectgarbage(); print(count(chain)); first = nil; collectgarbage(); print(count(chain))
--> 100
--> 0
local kv = setmetatable({}, {__mode = "kv"}); kv[{}] = strong; kv[strong] = {}; kv[1] = strong
collectgarbage(); print(count(kv), kv[1] == strong)  --> 1	true
local late = {{}, {}}; setmetatable(late, {__mode = "v"}); collectgarbage(); print(late[1], late[2])  --> nil	nil
local cache = setmetatable({}, {__mode = "v"}); local function get(n) local o = cache[n] or {n = n}; cache[n] = o; return o end
local g = get(1); print(get(1) == g); collectgarbage(); print(cache[1] == g)
--> true
--> true
local fin = setmetatable({}, {__mode = "v"}); fin.key = setmetatable({}, {__gc = function() end}); collectgarbage(); print(fin.key)  --> nil
local f = setmetatable({}, {__mode = "k"}); f[function() end] = 1; f[coroutine.create(print)] = 2; f[print] = 3; collectgarbage(); print(count(f))
--> 1
