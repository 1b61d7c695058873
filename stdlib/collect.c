/* Control of the collector: collect.h. */
#include "stdlib/collect.h"

#include "vm/exec/call.h"

void ri_gc_collect(RiThread *T)
{
    ri_stdlib(T)->gc_step_credit_bytes = 0;
    ri_collect(T);
    ri_run_finalizers(T);
}

/* The collector does not work in steps, so they add up until they are worth a cycle. */
bool ri_gc_step(RiThread *T, int64_t size_kb)
{
    enum { BASIC_STEP_KB = 400 };
    RiStdlib *state = ri_stdlib(T);
    if (size_kb <= 0)
        size_kb = BASIC_STEP_KB;
    if (size_kb < INT64_MAX >> 11)
        state->gc_step_credit_bytes += size_kb * 1024;
    else
        state->gc_step_credit_bytes = INT64_MAX >> 1;
    if ((uint64_t)state->gc_step_credit_bytes < ri_heap_count_bytes(T->heap))
        return false;
    ri_gc_collect(T);
    return true;
}

/* 5.4 keeps these parameters in a byte, by fours; programs see that when they ask for the old value. */
static int32_t swap_parameter(int32_t *parameter, int64_t value)
{
    int32_t previous = *parameter;
    *parameter = (int32_t)((uint8_t)((int32_t)value / 4)) * 4;
    return previous;
}

int32_t ri_gc_set_pause(RiThread *T, int64_t percent)
{
    RiStdlib *state = ri_stdlib(T);
    int32_t previous = swap_parameter(&state->gc_pause, percent);
    ri_heap_set_pause(T->heap, state->gc_pause > 100 ? (unsigned)state->gc_pause : 100);
    return previous;
}

int32_t ri_gc_set_step_multiplier(RiThread *T, int64_t percent)
{
    return swap_parameter(&ri_stdlib(T)->gc_step_multiplier, percent);
}

bool ri_gc_set_generational(RiThread *T, bool generational)
{
    RiStdlib *state = ri_stdlib(T);
    bool previous = state->gc_is_generational;
    state->gc_is_generational = generational;
    return previous;
}
