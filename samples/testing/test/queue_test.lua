-- Tests of src/queue.lua. In samples/testing: rille test
local Queue = require "queue"

describe("a queue", function()
    local queue

    before_each(function()
        queue = Queue.new("a", "b")
    end)

    it("gives back what came first", function()
        assert.equal("a", queue:pop())
        assert.equal("b", queue:pop())
    end)

    it("knows how many there are", function()
        assert.equal(2, #queue)
        queue:pop()
        assert.equal(1, #queue)
    end)

    it("refuses nil", function()
        assert.error(function() queue:push(nil) end, "nil cannot be queued")
    end)

    describe("that is empty", function()
        before_each(function()
            queue:pop()
            queue:pop()
        end)

        it("gives nil", function()
            assert.is_nil(queue:pop())
        end)

        it("can be filled again", function()
            queue:push{1, 2, {3}}
            assert.same({1, 2, {3}}, queue:pop())
        end)
    end)

    pending("can be copied")
end)
