/* System calls with arbitrary numbers and registers, from a sandboxed guest that has some pages mapped, some descriptors and some
 * rights: the host is unharmed and the gate's answers are errno numbers or results. Input: calls; registers are small numbers,
 * addresses of the guest's pages, or anything. */
#include <rille.h>

#include "tests/fuzz/fuzz.h"

static const char guest[] =
    "local sys, mem, process = require 'sys', require 'mem', require 'process'\n"
    "local input = (...):gsub('..', function(hex) return string.char(tonumber(hex, 16)) end)\n"
    "local page = mem.map(8 * 4096, 'rw')\n"
    "mem.protect(page + 4096, 4096, 'r')\n"
    "mem.protect(page + 2 * 4096, 4096, '')\n"
    "local at = 1\n"
    "local function byte() local b = input:byte(at) or 0; at = at + 1; return b end\n"
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
    "while at <= #input do\n"
    "  local number, registers = byte(), {}\n"
    "  local count = byte() % 7\n"
    "  for i = 1, count do registers[i] = register() end\n"
    "  local ok, result = pcall(sys.call, number, table.unpack(registers))\n"
    "end\n";

static void ignore_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream, (void)bytes, (void)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    if (inputs++ % 1000 == 0) {
        rille_config config = {.memory_bytes = 16 << 20,
                               .cpu_ms = 200,
                               .wall_ms = 40,
                               .output_bytes = 100000,
                               .descriptors = 32,
                               .processes = 8,
                               .threads = 8,
                               .frames_bytes = 4 << 20,
                               .output = ignore_output};
        rille_machine_free(machine);
        machine = rille_machine_new(&config);
        FUZZ_CHECK(machine != NULL, "%s", rille_config_error());
    }
    char text[2 * 1000 + 1];
    size_t used = size < 1000 ? size : 1000;
    for (size_t i = 0; i < used; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[2 * used] = '\0';
    rille_process *p = rille_spawn_text(machine, "=guest", guest, sizeof guest - 1);
    FUZZ_CHECK(p != NULL, "%s", rille_error(machine));
    FUZZ_CHECK(rille_argument(p, text), "%s", rille_error(machine));
    rille_run(p, RILLE_UNTIL_EXIT);
    rille_process_free(p);
    return 0;
}
