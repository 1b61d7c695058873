-- A persistent store: a file seen as memory, driven by page faults. No page is read before it is touched, none is written
-- unless it was changed, and what a program changed but did not commit never reaches the file.
--
-- Each page of the store is in one of three states, and its protection says in which:
--
--     none  --first touch: read it from the file-->  r  --first store: note it as dirty-->  rw
--      ^                                             ^                                      |
--      +------------------ rollback -----------------|--------------- commit ---------------+
local mem, process, signal, sys = require "mem", require "process", require "signal", require "sys"

local PAGE <const> = mem.page_size

-- The store -----------------------------------------------------------------------------------------------------------

local Store = {}
Store.__index = Store
local stores = {} -- all that are open: for the handler of faults

function Store.open(path, page_count)
  local size = page_count * PAGE
  local self = setmetatable({size = size, present = {}, dirty = {}}, Store)
  self.fd = assert(sys.call("open", path, sys.O_RDWR | sys.O_CREAT, 384))
  assert(sys.call("ftruncate", self.fd, size))
  self.base = assert(mem.map(size, "none"))
  self.read, self.written = 0, 0 -- pages
  stores[self] = true
  return self
end

-- The load or store that faulted has had no effect. Once its page is right it is simply done again.
signal.handle("SEGV", function(trap)
  for store in pairs(stores) do
    if trap.address >= store.base and trap.address < store.base + store.size then
      store:fault(trap.address & ~(PAGE - 1), trap.access)
      return "retry"
    end
  end
end) -- not ours: no verdict, and the fault becomes an error where it happened

function Store:fault(page, access)
  if not self.present[page] then
    mem.protect(page, PAGE, "rw")
    assert(sys.call("pread", self.fd, page, PAGE, page - self.base))
    mem.protect(page, PAGE, "r")
    self.present[page] = true
    self.read = self.read + 1
  end
  if access == "write" then
    mem.protect(page, PAGE, "rw")
    self.dirty[page] = true
  end
end

function Store:commit()
  for page in pairs(self.dirty) do
    assert(sys.call("pwrite", self.fd, page, PAGE, page - self.base))
    mem.protect(page, PAGE, "r")
    self.written = self.written + 1
  end
  self.dirty = {}
  assert(sys.call("fsync", self.fd))
end

function Store:rollback()
  for page in pairs(self.dirty) do
    mem.protect(page, PAGE, "none")
    self.present[page] = nil
  end
  self.dirty = {}
end

function Store:close()
  stores[self] = nil
  mem.unmap(self.base, self.size)
  sys.call("close", self.fd)
end

-- A dictionary in it --------------------------------------------------------------------------------------------------
-- Plain loads and stores: it knows nothing of pages. Links are offsets, for the store may be mapped elsewhere next time.
--
--     0: end of what is used    4: count    8: heads of 512 lists    node: next u32, value i64, size u16, the key

local HEADS <const>, FIRST <const> = 512, 8 + 512 * 4

local function head_of(store, key)
  local hash = 5381
  for i = 1, #key do hash = (hash * 33 + key:byte(i)) & 0xffffffff end
  return store.base + 8 + hash % HEADS * 4
end

local function find(store, key)
  local offset = mem.load_u32(head_of(store, key))
  while offset ~= 0 do
    local node = store.base + offset
    local size = mem.load_u16(node + 12)
    if size == #key and mem.string(node + 14, size) == key then return node end
    offset = mem.load_u32(node)
  end
end

local function get(store, key)
  local node = find(store, key)
  return node and mem.load_i64(node + 4)
end

local function set(store, key, value)
  local node = find(store, key)
  if node then return mem.store_i64(node + 4, value) end
  local head, offset = head_of(store, key), math.max(mem.load_u32(store.base), FIRST)
  node = store.base + offset
  mem.store_u32(node, mem.load_u32(head))
  mem.store_i64(node + 4, value)
  mem.store_u16(node + 12, #key)
  mem.write(node + 14, key)
  mem.store_u32(head, offset)
  mem.store_u32(store.base, offset + 14 + #key)
  mem.store_u32(store.base + 4, mem.load_u32(store.base + 4) + 1)
end

local function count(store) return mem.load_u32(store.base + 4) end

-- To see it work ------------------------------------------------------------------------------------------------------

local path, PAGES <const> = os.tmpname(), 256 -- 1 MiB

local function report(what, store)
  print(string.format("%-32s %5d entries, %3d pages read, %3d written", what, count(store), store.read, store.written))
end

local store = Store.open(path, PAGES)
for i = 1, 10000 do set(store, "key " .. i, i * i) end
store:commit()
report("10,000 entries committed", store)
store:close()

store = Store.open(path, PAGES)
print("key 77 is", get(store, "key 77"), "no such key:", get(store, "key 0"))
report("two of them looked up", store)
set(store, "key 77", -1)
set(store, "key 10001", 0)
store:rollback()
print("after a rollback key 77 is", get(store, "key 77"), "and key 10001", get(store, "key 10001"))
set(store, "key 77", 5929 + 1)
store:commit()
report("one of them changed", store)
store:close()

-- A process that dies in the middle of its changes leaves the file as it was.
local pid = process.fork()
if pid == 0 then
  local mine = Store.open(path, PAGES)
  for i = 1, 10000 do
    set(mine, "key " .. i, 0)
    if i == 5000 then process.kill(process.getpid(), "KILL") end
  end
  mine:commit()
end
print("the other process ended by", select(2, process.wait(pid)))
store = Store.open(path, PAGES)
print("key 77 is", get(store, "key 77"), "key 5000 is", get(store, "key 5000"))
report("after its death", store)

print(pcall(mem.load_u8, store.base + store.size)) -- beyond the store: an error like any other
store:close()
os.remove(path)
