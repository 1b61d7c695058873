-- Ways to build a string of 1000 words. Run it with: rille bench samples/bench/concat.lua

local WORDS = 1000

return {
    {"..", function()
        local s = ""
        for i = 1, WORDS do
            s = s .. i .. " "
        end
        return s
    end},
    {"table.concat", function()
        local parts = {}
        for i = 1, WORDS do
            parts[i] = i
        end
        return table.concat(parts, " ")
    end},
    {name = "format", setup = function() return ("%d "):rep(100) end, run = function(pattern)
        local parts = {}
        for i = 1, WORDS // 100 do
            local n = i * 100
            parts[i] = pattern:format(table.unpack(setmetatable({}, {__index = function(_, k) return n + k end}), 1, 100))
        end
        return table.concat(parts)
    end},
}
