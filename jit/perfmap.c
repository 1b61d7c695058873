/* Names for machine code, for profilers: lines `start size name` in /tmp/perf-PID.map, as perf reads them.
 *
 * A function's code comes in pieces, made as they are about to run; each is a line of its own under the function's name, or,
 * if lines are wanted, under the name and the line of source its first instruction is from. After code has been given up
 * its addresses are used again: perf then takes the later line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jit/core.h"
#include "vm/exec/debuginfo.h"
#include "vm/host/host.h"

struct RiJitPerfMap {
    FILE *file;
    bool lines;
};

RiJitPerfMap *ri_jit_perf_open(bool lines)
{
    char path[64];
    RiJitPerfMap *map = calloc(1, sizeof *map);
    snprintf(path, sizeof path, "/tmp/perf-%" PRIu64 ".map", ri_host_process_id());
    if (map)
        map->file = fopen(path, "w");
    if (!map || !map->file) {
        free(map);
        return NULL;
    }
    map->lines = lines;
    return map;
}

void ri_jit_perf_close(RiJitPerfMap *map)
{
    if (map)
        fclose(map->file);
    free(map);
}

void ri_jit_perf_add(RiJitPerfMap *map, const RiJit *j, RiJitPiece piece)
{
    char name[RI_JIT_NAME_BYTES];
    ri_jit_piece_name(&piece, map->lines, name);
    fprintf(map->file, "%" PRIxPTR " %x %s\n", (uintptr_t)ri_jit_run_address(j, piece.start), piece.end - piece.start, name);
    fflush(map->file); /* the process may be ended at any time */
}
