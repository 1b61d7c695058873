-- Mutexes in a forked process: held by the copy of the thread that forked, or free.
local process, thread = require "process", require "thread"
local mine, others, free = thread.mutex(), thread.mutex(), thread.mutex()
mine:lock()
local holds = false
local t = thread.create(function()
  others:lock()
  holds = true
  process.sleep(5)
end)
while not holds do thread.yield() end
local function in_child(f)
  local pid = process.fork()
  if pid ~= 0 then return select(2, process.wait(pid)) end
  local ok, message = pcall(f)
  if not ok then print(message) end
  process.exit(ok and 0 or 1)
end
print(in_child(function()
  assert(not mine:trylock())
  assert(not pcall(mine.lock, mine)) -- this thread has it already
  mine:unlock()
  assert(mine:trylock())
  assert(others:trylock() and free:trylock())
  -- a copy of the copy
  assert(in_child(function()
    mine:unlock()
    others:unlock()
    free:unlock()
    assert(not pcall(free.unlock, free))
  end) == "exit")
  -- another thread waits for the one that the main thread got with the fork
  local waits = thread.create(function()
    mine:lock()
    return "got it"
  end)
  thread.yield()
  mine:unlock()
  local ok, what = waits:join()
  assert(ok and what == "got it")
end))  --> exit 0

-- forked by a thread that is not the main one, and that holds a mutex itself
local child_said = thread.create(function()
  local own = thread.mutex()
  own:lock()
  return in_child(function()
    own:unlock()
    assert(mine:trylock()) -- the main thread's: it is not there
  end)
end)
print(child_said:join())  --> true exit 0
process.exit(0)
