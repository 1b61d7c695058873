/* See fuzz_guest.h. */
#include "tests/support/fuzz_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_PER_MACHINE 1000

static const char prelude[] =
    "local input = (...):gsub('..', function(hex) return string.char(tonumber(hex, 16)) end)\n"
    "local at = 1\n"
    "local function byte() local b = input:byte(at) or 0; at = at + 1; return b end\n"
    "local function more() return at <= #input end\n";

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

void fuzz_guest_machine(rille_machine **machine, unsigned *inputs, const rille_config *config)
{
    if ((*inputs)++ % INPUTS_PER_MACHINE != 0)
        return;
    rille_machine_free(*machine);
    *machine = rille_machine_new(config);
    if (*machine == NULL)
        die(rille_config_error());
}

rille_result fuzz_guest_run(rille_machine *machine, const char *source, const uint8_t *data, size_t size, size_t limit)
{
    char text[2 * FUZZ_GUEST_INPUT_MAX + 1], program[8192];
    size_t used = size < limit ? size : limit;
    int length = snprintf(program, sizeof program, "%s%s", prelude, source);
    if (used > FUZZ_GUEST_INPUT_MAX || length >= (int)sizeof program)
        die("input or program too long");
    for (size_t i = 0; i < used; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[2 * used] = '\0';
    rille_process *p = rille_spawn_text(machine, "=guest", program, (size_t)length);
    if (p == NULL || !rille_argument(p, text))
        die(rille_error(machine));
    rille_result result = rille_run(p, RILLE_UNTIL_EXIT);
    rille_process_free(p);
    return result;
}

void fuzz_guest_ignore(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream, (void)bytes, (void)size;
}
