/* Fuzz targets whose input is acted out by a guest: a Lua program in a machine of its own. */
#ifndef TESTS_SUPPORT_FUZZ_GUEST_H
#define TESTS_SUPPORT_FUZZ_GUEST_H

#include <rille.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_GUEST_INPUT_MAX 1000 /* bytes; what goes beyond is cut off */

/* *machine, replaced by a new one of `config` at the first call and after every 1000th, so that what one input leaves behind
 * does not last. Aborts if there is none to be had. */
void fuzz_guest_machine(rille_machine **machine, unsigned *inputs, const rille_config *config);

/* Run `source` in a new process until it ends, however it does. Before it stand the locals `input`, a string of at most `limit`
 * (up to FUZZ_GUEST_INPUT_MAX) bytes of `data`, and `byte()`, its next byte, 0 behind the end; `more()` says whether there are
 * any. Returns what rille_run does. */
rille_result fuzz_guest_run(rille_machine *machine, const char *source, const uint8_t *data, size_t size, size_t limit);

/* An output function that drops everything. */
void fuzz_guest_ignore(void *data, rille_process *process, int stream, const char *bytes, size_t size);

#endif
