/* Scheduling: a tree of processes that send each other numbered messages, sleep, yield, end or are killed, in whatever order the
 * scheduler chooses. From each sender messages come in order, none twice, none but the last ones of who was killed is lost;
 * every child is waited for once, with the status that it has. Input: what each child does. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_guest.h"

static const char guest[] =
    "local process = require 'process'\n"
    "local function wrong(what) print('WRONG: ' .. what) os.exit(1) end\n"
    "local function check(what, ok) if not ok then wrong(what) end end\n"
    "local children, total = {}, 0\n"
    "local function work(id, count, how, status)\n"
    "  local process = require 'process'\n"
    "  local parent = process.parent()\n"
    "  for n = 1, count do\n"
    "    parent:send{id = id, n = n}\n"
    "    if how % 4 == 1 then process.yield() elseif how % 4 == 2 then local s = 0 for i = 1, n * 50 do s = s + i end\n"
    "    elseif how % 4 == 3 then coroutine.wrap(process.yield)() end\n"
    "  end\n"
    "  parent:send{id = id, n = 'end'}\n"
    "  if how >= 128 then while true do process.yield() end end\n"
    "  os.exit(status)\n"
    "end\n"
    "for id = 1, byte() % 6 + 1 do\n"
    "  local count, how, status = byte() % 20, byte(), byte()\n"
    "  local child, message = process.spawn(work, {args = {id, count, how, status}})\n"
    "  check('spawn: ' .. tostring(message), child)\n"
    "  children[id] = {child = child, count = count, how = how, status = status, seen = 0}\n"
    "  total = total + count + 1\n"
    "end\n"
    "for _ = 1, total do\n"
    "  local m = process.receive()\n"
    "  local c = children[m.id]\n"
    "  if m.n == 'end' then\n"
    "    check('the end comes last', c.seen == c.count and not c.ended)\n"
    "    c.ended = true\n"
    "    if c.how >= 128 then c.child:kill('KILL') end\n"
    "  else\n"
    "    check('in order: ' .. m.n .. ' after ' .. c.seen, m.n == c.seen + 1)\n"
    "    c.seen = m.n\n"
    "  end\n"
    "end\n"
    "for id, c in ipairs(children) do\n"
    "  local pid, what, status = c.child:wait()\n"
    "  if c.how >= 128 then check('killed: ' .. tostring(what) .. tostring(status), what == 'signal' and status == 9)\n"
    "  else check('status: ' .. tostring(what) .. tostring(status) .. ' for ' .. c.status, what == 'exit' and status == c.status) end\n"
    "end\n"
    "check('nobody is left', not process.wait())\n";

static void look_at_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream;
    FUZZ_CHECK(size == 0, "%.*s", (int)size, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    static const rille_config config = {.memory_bytes = 64 << 20, .wall_ms = 30000, .output = look_at_output};
    fuzz_guest_machine(&machine, &inputs, &config);
    fuzz_guest_run(machine, guest, data, size, 40);
    return 0;
}
