local function greet(name)
    return "hello " .. name
end
for i, name in ipairs{"one", "two", "three"} do
    io.write(i, " ", greet(name), "\n")
end
