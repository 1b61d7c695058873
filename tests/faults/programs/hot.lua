local function work(n)
    local s = 0
    for i = 1, n do
        s = s + i % 7
    end
    return s
end
local total = 0
for _ = 1, 3000 do
    total = total + work(1000)
end
print(total)
