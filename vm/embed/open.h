/* A process with everything in it: heap, compiler, libraries. How the command and C hosts begin. */
#ifndef RI_EMBED_OPEN_H
#define RI_EMBED_OPEN_H

#include "vm/exec/native.h"
#include "vm/machine/machine.h"

/* A new heap with one process in it, whose main thread is returned; no libraries yet. NULL if memory is short. */
RiThread *ri_open(void);
/* The same with a machine of one's own making; strings in it must stay. */
RiThread *ri_open_machine(const RiMachineConfig *config);

/* The same for the C API: memory is on loan from `allocate` (NULL: from nobody). NULL: no memory. */
RiThread *ri_open_for_host(RiLend *allocate, void *data);
void ri_close_for_host(RiThread *T);

/* Open all of stdlib/libs.h that package.loaded does not have yet. Collects: yes. Traps: yes, so call it in protected mode.
 * LUA_PATH and its like are ignored if registry.LUA_NOENV is true by then. */
void ri_open_libraries(RiThread *T);

/* A new process in the heap of `like`, with all libraries open, in some microseconds and kilobytes: vm/exec/template.h
 * says how. It runs nothing yet and `like` goes on; the caller switches to it by ri_heap_switch(heap,
 * &process->account), and lets it go by ri_account_close. NULL if memory is short. Collects: yes. */
RiProcess *ri_open_sibling(RiProcess *like);

/* Run what is still to be closed or finalized, then give the heap back. */
void ri_close(RiThread *T);

/* Ask the process to raise "interrupted!" at its next safe point. May be called from a signal handler. */
void ri_interrupt(RiProcess *process);

#endif
