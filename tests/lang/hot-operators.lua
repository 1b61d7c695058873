-- Every operator on every pair of odd values, often enough to be compiled, for one pair of types and then for all:
-- the sums over results and messages are those of the reference implementation.

local values = {1, 2.5, "3", -0.0, math.maxinteger, math.mininteger, 2^63, 0/0, 1/0, -1/0, "0x7fffffffffffffff",
    "1e1", true, false, {}, "abc"}
local operators = {
    function(a, b) return a + b, a - b, a * b end,
    function(a, b) return a / b, a ^ b end,
    function(a, b) return a // b end,
    function(a, b) return a % b end,
    function(a, b) return a & b, a | b, a ~ b end,
    function(a, b) return a << b, a >> b end,
    function(a, b) return a .. b end,
    function(a, b) return a < b, a <= b, a > b end,
    function(a, b) return a == b, a ~= b, a and b end,
    function(a) return -a end,
    function(a) return ~a end,
    function(a) return a + 1, 1 - a, a * 2.5 end,
    function(a) return a // 3, a % -7, a % 8 end,
    function(a) return a & 255, a << 63, a >> 1 end,
    function(a) return a % 1, a // 1, a // -1 end,
    function(a) return a % -1, a // 0.0, a * -1 end,
    function(a) return a % math.mininteger, a // math.mininteger end,
    function(a) return a < 10 and 1 or 2, 1.5 >= a and 3 or 4 end,
    function(a) return a == 1, a ~= 2.5, a == "3" end,
    function(a, b) return a * 3 + b * 5 - a * 7 end,
    function(a, b)
        local s = a
        for _ = 1, 3 do
            s = s + b
        end
        return s
    end,
}

local function show(v)
    if v ~= v then
        return "nan"
    elseif type(v) == "table" then
        return "table"
    end
    return v == 0 and tostring(v) .. tostring(1 / v) or tostring(v)
end

local function sum_of(operator)
    local hash = 0
    for i = 1, #values do
        for j = 1, #values do
            local ok, x, y, z = pcall(operator, values[i], values[j])
            local text = ok and show(x) .. show(y) .. show(z) or x:gsub("^.-:%d+: ", "")
            for k = 1, #text do
                hash = (hash * 33 + text:byte(k)) % 4294967291
            end
        end
    end
    return hash
end

for round = 1, 3 do
    for i = 1, #operators do
        local sum = sum_of(operators[i])
        if round == 3 then
            print(i, sum)
        end
    end
end
--> 1 1868636741
--> 2 784564008
--> 3 4032193292
--> 4 1656801364
--> 5 3569879937
--> 6 2547563466
--> 7 3071489698
--> 8 2719530812
--> 9 3374393298
--> 10 1148890984
--> 11 3411965162
--> 12 1829232137
--> 13 3555843513
--> 14 3485915969
--> 15 2455365124
--> 16 3008068198
--> 17 4103378829
--> 18 504716669
--> 19 1248736290
--> 20 1603413951
--> 21 696829542
