/* System calls with arbitrary numbers and registers, from a sandboxed guest that has some pages mapped, some descriptors and some
 * rights: the host is unharmed and the gate's answers are errno numbers or results. Input: calls; registers are small numbers,
 * addresses of the guest's pages, or anything. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_guest.h"

static const char guest[] =
    "local sys, mem, process = require 'sys', require 'mem', require 'process'\n"
    "local page = mem.map(8 * 4096, 'rw')\n"
    "mem.protect(page + 4096, 4096, 'r')\n"
    "mem.protect(page + 2 * 4096, 4096, '')\n"
    "local function register()\n"
    "  local how = byte()\n"
    "  if how < 90 then return how % 16 end\n"
    "  if how < 170 then return page + (how % 9) * 4096 - byte() % 32 end\n"
    "  if how < 190 then return 1 << (byte() % 64) end\n"
    "  if how < 210 then return -byte() end\n"
    "  local n = 0\n"
    "  for i = 1, 8 do n = n << 8 | byte() end\n"
    "  return n\n"
    "end\n"
    "while more() do\n"
    "  local number, registers = byte(), {}\n"
    "  local count = byte() % 7\n"
    "  for i = 1, count do registers[i] = register() end\n"
    "  local ok, result = pcall(sys.call, number, table.unpack(registers))\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    static const rille_config config = {.memory_bytes = 16 << 20,
                                        .cpu_ms = 200,
                                        .wall_ms = 40,
                                        .output_bytes = 100000,
                                        .descriptors = 32,
                                        .processes = 8,
                                        .threads = 8,
                                        .frames_bytes = 4 << 20,
                                        .output = fuzz_guest_ignore};
    fuzz_guest_machine(&machine, &inputs, &config);
    fuzz_guest_run(machine, guest, data, size, 1000);
    return 0;
}
