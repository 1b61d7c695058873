-- Damages saved chunks, puts their checksum right, loads them and runs what the verifier lets through. Nothing here may
-- end in anything but an ordinary error.
--
--     rille tests/fuzz/chunks.lua [SEED [COUNT]]
local seed = tonumber(arg and arg[1]) or 1
local count = tonumber(arg and arg[2]) or 20000
math.randomseed(seed)

local sources = {
    [[local t = {1, 2, 3, x = 1, ...} for i = 1, 10 do t[i] = i * 2 end local s = 0
      for k, v in pairs(t) do if v == 4 then goto c end s = s + 1 ::c:: end return s, #t, t.x]],
    [[local function f(a, b, ...) local n = select('#', ...) if a then return b, ... end return a or b end
      local x = f(1, 2, 3, f(4, 5)) return f(nil, x, f())]],
    [[local a, b, c = 1, 2.5, "s" a = a + b b = b * a c = c .. a .. b local u = function() a = a + 1 return a end u()
      while a < 20 do a = a + 1 if a == 15 then break end end repeat local z = a a = a - 1 until z < 3 return a, b, c, u]],
    [[local mt = {__index = function(t, k) return k end, __add = function(a, b) return 1 end, __lt = function() return true end,
                  __close = function() end, __call = function(s, ...) return ... end}
      local o = setmetatable({}, mt) do local x <close> = o local y = o.foo .. o.bar y = o + 1 if o < o then y = o(1, 2, 3) end end
      return o.x, o + 1]],
    [[local t = setmetatable({}, {__index = {m = function(self, a) return self, a end}}) local r = {t:m(1)} t.x = 1 t.y = t.x
      t[1] = r t[1][1] = 5 local q = {a = 1, b = 2, c = {d = 3}} return q.c.d, q, t:m(q.a), #r]],
    [[for i = 10, 1, -1 do local f = function() return i end for j = 0.0, 1, 0.25 do if j > 0.5 and f() then break end end end
      for k in next, {} do end for a, b, c in function(s, c) if c == nil then return 1, 2, 3 end end do local q = a + b end]],
}

local HEADER_SIZE = 42

local function checksum(s)
    local sum = 0xcbf29ce484222325
    s = s .. ("\0"):rep(-#s % 8)
    for i = 1, #s, 8 do
        sum = (sum ~ string.unpack("<i8", s, i)) * 0x100000001b3
        sum = sum ~ (sum >> 32)
    end
    return sum & 0xffffffff
end

local function damaged(chunk)
    local bytes = {chunk:byte(1, -5)}
    for _ = 1, math.random(6) do
        local at, way = math.random(HEADER_SIZE + 1, #bytes), math.random(4)
        if way == 1 then
            bytes[at] = math.random(0, 255)
        elseif way == 2 then
            bytes[at] = bytes[at] ~ (1 << math.random(0, 7))
        elseif way == 3 then
            bytes[at] = math.random(0, 12)
        else
            bytes[at] = bytes[math.random(HEADER_SIZE + 1, #bytes)]
        end
    end
    for i = 1, #bytes do
        bytes[i] = string.char(bytes[i])
    end
    local s = table.concat(bytes)
    return s .. string.pack("<I4", checksum(s))
end

local chunks = {}
for i, source in ipairs(sources) do
    chunks[i] = string.dump(assert(load(source)))
end
local env = {select = select, setmetatable = setmetatable, pairs = pairs, next = next}
local accepted, completed = 0, 0
for _ = 1, count do
    local f = load(damaged(chunks[math.random(#chunks)]), "=damaged", "b", env)
    if f then
        accepted = accepted + 1
        local co = coroutine.create(f)
        debug.sethook(co, function() error("too long") end, "", 2000)
        if coroutine.resume(co, 1, "a", {}) then
            completed = completed + 1
        end
    end
end
print(string.format("seed %d: %d of %d accepted, %d ran to their end", seed, accepted, count, completed))
