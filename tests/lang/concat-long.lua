-- Concatenations whose results are long: by pieces, appended to the first, of more values than are looked up at once.
local long, longer = ("x"):rep(300), ("yz"):rep(900)
local function sum(s)
    local h = #s
    for i = 1, #s do h = (h * 31 + s:byte(i)) & 0xffffffff end
    return h
end
local total = 0
local function note(...)
    for _, v in ipairs {...} do total = (total * 31 + (type(v) == "string" and sum(v) or v)) & 0xffffffff end
end
for _, s in ipairs {"", "a", ("b"):rep(129), ("c"):rep(250), long, longer} do
    for i = -1, 100, 50 do
        note(sum(s .. i), sum(i .. s), sum(s .. "-" .. i .. s), sum(s .. i .. s .. i .. s),
             sum(i / 2 .. s .. longer .. i))
        note(sum(s .. i .. s .. i .. s .. i .. s .. i), sum(i .. s .. i .. s .. i .. s .. i .. s .. i .. s),
              sum(longer .. i .. s .. i .. s .. i .. s .. i .. s .. i), sum("" .. s .. "" .. s .. "" .. i))
    end
end
local grown, whole = "", {}
for i = 1, 2000 do
    grown = grown .. i .. "," .. i % 7 .. ";"
    whole[#whole + 1] = i .. "," .. i % 7 .. ";"
end
print(total, grown == table.concat(whole)) --> 450232803 true
total = 0
local many = load("local s = ... return " .. ("s .. "):rep(150) .. "s")
note(#many("ab"), sum(many(long)), sum(many(longer)), sum(many(1.5)), sum(many(1 << 62)))
local called = setmetatable({}, {__concat = function(a, b)
    return "(" .. #tostring(type(a) == "table" and b or a) .. ")"
end})
note(long .. 1 .. called, called .. longer .. 2 .. long, long .. called .. long)
print(total) --> 3261591122
print(pcall(function() return long .. 1 .. {} end)) --> false concat-long.lua:34: attempt to concatenate a table value
for size = 500, 1100, 25 do -- strings of the sizes of which a page holds a few, dying and living
    local keep, s = {}, ("k"):rep(size)
    for i = 1, 400 do
        local made = s .. i .. s
        keep[i % 50] = s .. i
        assert(#made == 2 * size + #tostring(i))
    end
    for i = 1, 50 do assert(keep[i % 50] == s .. i + 350) end
end
