/* What the libraries keep per process, in process->io: reached without a look into the registry. */
#ifndef RI_STDLIB_STATE_H
#define RI_STDLIB_STATE_H

#include "vm/exec/native.h"

typedef struct RiStdlib { /* data of a userdata that the registry holds; scanned conservatively */
    RiString *type_names[RI_TYPE_COUNT]; /* results of type() */
    RiTable *stream_meta;                /* metatable of files; NULL until the io library is open */
    RiUserdata *input, *output;          /* default files */
    RiUserdata *standard[3];             /* io.stdin, io.stdout, io.stderr; NULL until the io library is open */
    RiTable *package;                    /* the library's table; NULL until it is open */
    RiString *environment;               /* the last value that os.getenv found; NULL: none yet */
    /* collectgarbage remembers these for 5.4's sake; the collector has one mode and one parameter, the pause. */
    int64_t gc_step_credit_bytes; /* of "step"s since the last collection */
    int32_t gc_pause, gc_step_multiplier;
    bool gc_is_generational;
} RiStdlib;

/* Make the state of T's process. Collects: yes. */
RiStdlib *ri_stdlib_new(RiThread *T);

static inline RiStdlib *ri_stdlib(RiThread *T)
{
    RiStdlib *state = T->process->io;
    return RI_LIKELY(state != NULL) ? state : ri_stdlib_new(T);
}

#endif
