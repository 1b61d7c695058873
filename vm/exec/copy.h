/* Copies of values from one process to another that lives on the same heap: messages, and what a spawned function
 * brings along. Strings, prototypes and shapes are immutable and shared; all else is copied. */
#ifndef RI_EXEC_COPY_H
#define RI_EXEC_COPY_H

#include "vm/exec/state.h"

bool ri_copy_graph(RiProcess *from, RiProcess *to, RiValue v, const char *name, RiValue *out, RiString **refusal);

/* Copy `v`, a value of process `from`, for process `to`: the whole graph, with cycles and shared references as they
 * are, tables in the same order, metatables, functions with their variables. In it, the globals of `from`, its
 * library tables (found by identity in package.loaded) and the metatables of the basic types become those of `to`.
 * False: something in it cannot be copied. *refusal tells what, where and why, `name` being what v is called in it
 * ("message.items[3].file: a userdata (FILE*) cannot be copied"); or memory was short: then it is
 * from->memory_message. `to` is as before in either case. *out is written on success only, and may be in memory
 * that is not scanned: the caller stores it where the collector finds it before the next allocation. To be called
 * on the thread that runs (heap->running). Collects: yes. Traps: no. */
static inline bool ri_copy_value_as(RiProcess *from, RiProcess *to, RiValue v, const char *name, RiValue *out,
                                    RiString **refusal)
{
    if (v.tag < RI_TAG_TABLE) {
        ri_store(out, v);
        return true;
    }
    return ri_copy_graph(from, to, v, name, out, refusal);
}

static inline bool ri_copy_value(RiProcess *from, RiProcess *to, RiValue v, RiValue *out, RiString **refusal)
{
    return ri_copy_value_as(from, to, v, "message", out, refusal);
}

/* Throw what was refused. */
RI_NORETURN void ri_copy_refuse(RiThread *T, RiString *refusal);

#endif
