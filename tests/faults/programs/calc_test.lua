describe("calc", function()
    it("adds", function() assert.equal(4, 2 + 2) end)
    it("concatenates", function() assert.equal("ab", "a" .. "b") end)
end)
