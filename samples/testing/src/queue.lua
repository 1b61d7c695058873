-- A queue: first in, first out.
local Queue = {}
Queue.__index = Queue

function Queue.new(...)
    local queue = setmetatable({first = 1, last = 0, items = {}}, Queue)
    for _, item in ipairs{...} do
        queue:push(item)
    end
    return queue
end

function Queue:push(item)
    if item == nil then
        error("nil cannot be queued", 2)
    end
    self.last = self.last + 1
    self.items[self.last] = item
end

function Queue:pop()
    if self.first > self.last then
        return nil
    end
    local item = self.items[self.first]
    self.items[self.first] = nil
    self.first = self.first + 1
    return item
end

function Queue:__len()
    return self.last - self.first + 1
end

return Queue
