-- Producer and consumer over shared memory. Two processes have the same pages mapped and pass 100,000 records through a
-- ring of 256 places in them; no record is sent, copied by the machine, or waited for while there is one.
--
-- Who finds the ring empty waits for the signal USR1; who finds it full waits for a message. Both say so in the shared page
-- first, look once more, and only then wait: so no wake-up is lost, whenever the turns change.
--   rille pipeline.lua [records]
local mem, process, signal = require "mem", require "process", require "signal"

local COUNT <const> = tonumber(arg[1]) or 100000
local PLACES <const>, RECORD <const> = 256, 16 -- record: number u32, pad u32, value f64

-- The segment: counters in the first words, the ring in the pages after.
local HEAD <const>, TAIL <const>, CONSUMER_WAITS <const>, PRODUCER_WAITS <const> = 0, 4, 8, 12
local RING <const> = mem.page_size

local id = assert(mem.shm_get(0, RING + PLACES * RECORD, "c"))

local function consume()
  local base = assert(mem.shm_attach(id))
  local producer = process.parent()
  local sum, wakes, last = 0.0, 0, 0
  for _ = 1, COUNT do
    local head = mem.load_u32(base + HEAD)
    while head == mem.load_u32(base + TAIL) do
      mem.store_u32(base + CONSUMER_WAITS, 1)
      if head == mem.load_u32(base + TAIL) then
        signal.suspend({}) -- USR1 is held back but while we wait here
        wakes = wakes + 1
      end
      mem.store_u32(base + CONSUMER_WAITS, 0)
    end
    local record = base + RING + head % PLACES * RECORD
    local number = mem.load_u32(record)
    assert(number == last + 1, "a record was lost, or came twice")
    last, sum = number, sum + mem.load_f64(record + 8)
    mem.store_u32(base + HEAD, head + 1)
    if mem.load_u32(base + PRODUCER_WAITS) == 1 then
      mem.store_u32(base + PRODUCER_WAITS, 0)
      producer:send("there is room")
    end
  end
  producer:send({last = last, sum = sum, waited = wakes > 0})
end

local function produce(consumer)
  local base = assert(mem.shm_attach(id))
  for number = 1, COUNT do
    local tail = mem.load_u32(base + TAIL)
    if tail - mem.load_u32(base + HEAD) == PLACES then
      mem.store_u32(base + PRODUCER_WAITS, 1)
      if tail - mem.load_u32(base + HEAD) == PLACES then
        assert(consumer:receive() == "there is room")
      elseif mem.load_u32(base + PRODUCER_WAITS) == 0 then
        consumer:receive() -- it has seen the note already
      end
      mem.store_u32(base + PRODUCER_WAITS, 0)
    end
    local record = base + RING + tail % PLACES * RECORD
    mem.store_u32(record, number)
    mem.store_f64(record + 8, number / 2)
    mem.store_u32(base + TAIL, tail + 1)
    if mem.load_u32(base + CONSUMER_WAITS) == 1 then signal.kill(consumer, "USR1") end
  end
end

signal.handle("USR1", function() end)
signal.block("USR1")
local pid, consumer = process.fork()
if pid == 0 then
  consume()
  process.exit()
end
produce(consumer)
local result = consumer:receive()
print(string.format("%d records, sum %.1f, expected %.1f", result.last, result.sum, COUNT * (COUNT + 1) / 4))
print("the consumer waited:", result.waited)
print("it ended with", select(2, consumer:wait()))
local status = mem.shm_control(id, "status")
print("processes that have the segment mapped:", status and status.attached)
print("removed:", mem.shm_control(id, "remove"))
