-- What compiled code has assumed changes under it, in the middle of a loop: metatables, metamethods, methods,
-- globals and library functions.

do -- metamethods come, change and go
    local meta = {__index = function(_, k) return k * 2 end}
    local object = setmetatable({}, meta)
    local sum = 0
    for i = 1, 400 do
        if i == 100 then
            meta.__index = function(_, k) return k * 3 end
        elseif i == 150 then
            meta.__index = {[160] = 7}
        elseif i == 200 then
            meta.__index = nil
        elseif i == 250 then
            setmetatable(object, {__newindex = function(t, k, v) rawset(t, k, v + 1) end})
        elseif i == 300 then
            setmetatable(object, nil)
        end
        sum = sum + (object[i] or 1000)
        if i > 240 then
            object[i + 1000] = i
            sum = sum + object[i + 1000]
        end
    end
    print(sum) --> 329912
end

do -- a method is overridden, inherited again, made the object's own, and a value that is called
    local Base = {}
    Base.__index = Base
    function Base:m() return 1 end
    local Derived = setmetatable({}, Base)
    Derived.__index = Derived
    local object, sum = setmetatable({}, Derived), 0
    local changes = {
        [100] = function() function Derived:m() return 2 end end,
        [200] = function() Derived.m = nil end,
        [250] = function() function Base:m() return 3 end end,
        [300] = function() object.m = function() return 4 end end,
        [350] = function()
            object.m = nil
            setmetatable(Derived, {__index = function() return function() return 5 end end})
        end,
        [400] = function() setmetatable(object, {__index = Base}) end,
        [450] = function() Base.m = setmetatable({}, {__call = function(_, o) return o == object and 7 or 8 end}) end,
    }
    for i = 1, 500 do
        if changes[i] then
            changes[i]()
        end
        sum = sum + object:m()
        if i % 100 == 0 then
            print(sum)
        end
    end
    --> 101
    --> 300
    --> 503
    --> 952
    --> 1456
end

do -- comparison and length
    local meta = {__lt = function() return 1 end, __le = function() return nil end, __len = function() return 42 end}
    local object, count = setmetatable({}, meta), 0
    for i = 1, 200 do
        if i == 120 then
            meta.__lt = function() return false end
        elseif i == 150 then
            meta.__len = nil
        end
        count = count + (object < 1 and 1 or 0) + (1 <= object and 1000 or 0) + (object > 2 and 0 or 7) + #object
    end
    print(count) --> 6944
end

do -- metatables of types
    local strings = getmetatable("")
    local index, seen = strings.__index, {}
    for i = 1, 200 do
        if i == 100 then
            strings.__index = function(_, k) return function() return k end end
        elseif i == 150 then
            strings.__index = index
        end
        seen[tostring(("ab"):len())] = (seen[tostring(("ab"):len())] or 0) + 1
    end
    print(seen["2"], seen.len) --> 150 50
    local last
    debug.setmetatable(1, {__index = function(n, k) return n .. k end, __call = function(n, a) return n * a end})
    for i = 1, 100 do
        last = (i).foo .. (i)(3)
    end
    debug.setmetatable(1, nil)
    print(last, pcall(function() return (1).foo end))
    --> 100foo300 false hot-changes.lua:96: attempt to index a number value
end

do -- globals and library functions
    local floor, sum = math.floor, 0
    local function rounded(x) return math.floor(x) end
    for i = 1, 300 do
        if i == 150 then
            math.floor = function() return 100 end
        end
        sum = sum + rounded(i + 0.5)
    end
    math.floor = nil
    print(sum, (select(2, pcall(rounded, 1.5))))
    --> 26275 hot-changes.lua:102: attempt to call a nil value (field 'floor')
    math.floor = floor
    function global() return 1 end
    sum = 0
    for i = 1, 300 do
        if i == 100 then
            global = function() return 2 end
        elseif i == 200 then
            _G.global = function() return 3, 4 end
        end
        sum = sum + global()
    end
    print(sum) --> 602
    local saved = pairs
    sum = 0
    for round = 1, 200 do
        if round == 100 then
            pairs = function() return function(_, k) if not k then return 1, 1000 end end end
        end
        for _, v in pairs{5} do
            sum = sum + v
        end
    end
    pairs = saved
    print(sum) --> 101495
end

do -- a callee changes the caller's local, from integer to float and to string
    local function poke(value)
        debug.setlocal(2, 2, value)
    end
    local function victim(value)
        local s = 1
        for i = 1, 100 do
            if i == 50 then
                poke(value)
            end
            s = s + 1
        end
        return s
    end
    for i = 1, 60 do
        victim(i)
    end
    print(victim(1000), victim(1.5), victim("10"), pcall(victim, "x"))
    --> 1051 52.5 61 false hot-changes.lua:148: attempt to add a 'string' with a 'number'
end
