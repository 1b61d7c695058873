/* fork: a process as it is, once more. Everything it can reach is cloned, the frames of its threads included, so
 * that the clone goes on where the original is; what is immutable (strings, prototypes, shapes) is shared. Objects
 * keep the serials they hash by, so tables need no rehash and iterate alike in both. */
#ifndef RI_EXEC_CLONE_H
#define RI_EXEC_CLONE_H

#include "vm/exec/state.h"

typedef struct RiClone RiClone;

/* Clone `parent`, whose heap->running is inside a library function called by the dispatch loop. *running gets the
 * clone of that thread: its current frame is that library function's, which is to return other results there
 * (ri_run_again). NULL: refused, and *refusal says why: a C function waits for one that it has called ("cannot fork
 * inside string.format"), or there is a userdata whose type has no fork ("a userdata (socket) cannot be forked");
 * or memory was short: then it is parent->memory_message. Nothing is left behind then. The caller keeps the clone
 * alive. Registered finalizers are those of the parent, in their order. Streams: see ri_stream_type. Not taken
 * over: compiled patterns, machine code, what the host keeps about the process. Collects: yes. Traps: no. */
RiProcess *ri_process_clone(RiProcess *parent, RiThread **running, RiString **refusal);

/* For the fork of a userdata type: the counterpart of an object (may be NULL) that its data refer to. Traps. */
void *ri_clone_of(RiClone *clone, const void *object);
RiProcess *ri_clone_parent(const RiClone *clone);

#endif
