/* Control of the collector as programs have it, by collectgarbage and lua_gc. The collector has one mode and one
 * parameter, the pause; the others are remembered for 5.4's sake. */
#ifndef RI_STDLIB_COLLECT_H
#define RI_STDLIB_COLLECT_H

#include "stdlib/state.h"

/* A full collection, and the finalizers that became due. Collects. Traps: no memory. */
void ri_gc_collect(RiThread *T);
/* The work of `size_kb` allocated KB (0: some). True if a cycle was finished. Collects. */
bool ri_gc_step(RiThread *T, int64_t size_kb);
/* Both return the old value. */
int32_t ri_gc_set_pause(RiThread *T, int64_t percent);
int32_t ri_gc_set_step_multiplier(RiThread *T, int64_t percent);
/* Was it generational? */
bool ri_gc_set_generational(RiThread *T, bool generational);

#endif
