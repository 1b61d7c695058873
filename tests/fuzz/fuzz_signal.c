/* Signals: a process that blocks, raises, handles, ignores its own signals, and handlers that do the same, against a model of what
 * pending, merging, masks and order mean (doc/machine.md). Input: operations. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_guest.h"

static const char guest[] =
    "local signal, process = require 'signal', require 'process'\n"
    "local me = process.getpid()\n"
    "local names = {'HUP', 'USR1', 'USR2', 'PIPE', 'TERM', 'CHLD', 'WINCH'}\n" /* in the order of their numbers */
    "local action, masked, pending, own, expected, got = {}, {}, {}, {}, {}, {}\n" /* own: sent to the thread, not the process */
    "local function check(what, ok) if not ok then print('WRONG: ' .. what) os.exit(1) end end\n"
    /* what the model does: signals that are let through and pending are delivered, the lowest number first */
    "local function settle()\n"
    "  for i = 1, #names do\n"
    "    for _, set in ipairs{own, pending} do\n"
    "      if set[i] and not masked[i] then\n"
    "        set[i] = nil\n"
    "        if action[i] == 'handle' then expected[#expected + 1] = names[i] end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local function send(i, set) if action[i] ~= 'ignore' then set[i] = true end settle() end\n"
    "for i, name in ipairs(names) do\n"
    "  action[i] = 'handle'\n"
    "  signal.handle(name, function(n) got[#got + 1] = n end)\n"
    "end\n"
    "while more() do\n"
    "  local op, i = byte() % 8, byte() % #names + 1\n"
    "  local name = names[i]\n"
    "  if op == 0 then signal.block(name) masked[i] = true\n"
    "  elseif op == 1 then masked[i] = nil settle() signal.unblock(name)\n"
    "  elseif op == 2 then send(i, pending) process.kill(me, name)\n"
    "  elseif op == 3 then send(i, own) signal.raise(name)\n"
    "  elseif op == 4 then\n"
    "    action[i] = 'ignore' pending[i], own[i] = nil, nil signal.ignore(name)\n"
    "  elseif op == 5 then\n"
    "    action[i] = 'handle' signal.handle(name, function(n) got[#got + 1] = n end)\n"
    "  elseif op == 6 then\n"
    "    local set = {}\n"
    "    local bits = byte()\n"
    "    for k = 1, #names do\n"
    "      masked[k] = bits >> k & 1 == 1 or nil\n"
    "      if masked[k] then set[#set + 1] = names[k] end\n"
    "    end\n"
    "    settle() signal.setmask(set)\n"
    "  else\n"
    "    local set = signal.mask()\n"
    "    table.sort(set)\n"
    "    local wanted = {}\n"
    "    for k = 1, #names do if masked[k] then wanted[#wanted + 1] = names[k] end end\n"
    "    table.sort(wanted)\n"
    "    check('mask', table.concat(set, ' ') == table.concat(wanted, ' '))\n"
    "  end\n"
    "  check('handled ' .. table.concat(got, ' ') .. ', expected ' .. table.concat(expected, ' '),\n"
    "    table.concat(got, ' ') == table.concat(expected, ' '))\n"
    "  if #got > 50 then got, expected = {}, {} end\n"
    "end\n";

static void look_at_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream;
    FUZZ_CHECK(size == 0, "%.*s", (int)size, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    static const rille_config config = {.memory_bytes = 16 << 20, .wall_ms = 20000, .output = look_at_output};
    fuzz_guest_machine(&machine, &inputs, &config);
    fuzz_guest_run(machine, guest, data, size, 300);
    return 0;
}
