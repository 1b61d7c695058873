/* What it takes the host to take back the memory of this process when it ends: processor time that is the process's, but
 * comes when nothing can be done about it any more. Some 0.06 ms per MiB of a process's own, three times as much of files
 * in memory; hosts differ, so it is measured. Collects: no. Traps: no. */
#ifndef RI_HOST_RELEASE_H
#define RI_HOST_RELEASE_H

#include <stdint.h>

typedef struct RiReleaseCost {
    uint32_t own_ns, file_ns; /* per page of memory of its own, of a file in memory; 0: not measured */
} RiReleaseCost;

/* Measure it, with a MiB of each that is made and given back: a millisecond. Leaves 0 where there is no memory to try it
 * with. */
void ri_host_measure_release(RiReleaseCost *cost);

#endif
