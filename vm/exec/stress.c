/* Stress modes: make happen at every safe point what may happen at any. */
#include "vm/exec/stress.h"

#include <stdlib.h>
#include <string.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"

uint32_t ri_stress_modes(void)
{
    const char *words = getenv("RILLE_STRESS");
    uint32_t modes = 0;
    if (words) {
        const char *gc = strstr(words, "gc");
        if (gc) {
            unsigned long every = gc[2] == '=' ? strtoul(gc + 3, NULL, 10) : 1;
            modes |= RI_STRESS_GC | (uint32_t)(every > 0 ? every : 1) << RI_STRESS_EVERY_SHIFT;
        }
        modes |= strstr(words, "stack") ? RI_STRESS_STACK : 0;
        modes |= strstr(words, "preempt") ? RI_STRESS_PREEMPT : 0;
        modes |= strstr(words, "break") ? RI_STRESS_BREAK : 0;
    }
    return modes;
}

static const char intruder_source[] =
    "local n, keep = 0, {}\n"
    "local function deep(d) if d > 0 then return 1 + deep(d - 1) end return 0 end\n"
    "return function()\n"
    "  n = n + 1\n"
    "  local t = {n, {n}, 'text' .. n, x = {y = n}}\n"
    "  keep[n % 32 + 1] = t\n"
    "  if n % 16 == 0 then deep(n % 300) end\n"
    "  return t[1] == n and t.x.y == n and #t == 3\n"
    "end\n";

/* The other process, made at its first turn. Its function lies in its stack's first slot. */
static RiProcess *intruder_of(RiProcess *process)
{
    if (!process->intruder) {
        RiHeap *heap = process->heap;
        RiProcess *other = ri_process_new(heap, process->hooks);
        process->intruder = other;
        other->intruder = process; /* and no stress of its own */
        other->stress = 0;
        RiThread *T = other->main;
        if (ri_load(T, intruder_source, sizeof intruder_source - 1, "=intruder", "t") != RI_OK)
            ri_unreachable();
        ri_push_link(T);
        ri_call(T, 0, 1);
        ri_heap_switch(heap, &process->account);
    }
    return process->intruder;
}

static void let_intruder_run(RiThread *T)
{
    RiProcess *process = T->process;
    RiHeap *heap = T->heap;
    uint32_t turns = ++process->stress_turns;
    process->stress = 0; /* one level of it */
    bool exact_budget = heap->exact_budget; /* of the process that it intrudes on; it has no limits of its own */
    heap->exact_budget = false;
    RiProcess *other = intruder_of(process);
    RiThread *U = other->main;
    ri_heap_switch(heap, &other->account);
    ri_push(U, U->top[-1]);
    ri_push_link(U);
    ri_call(U, 0, 1);
    ri_assert(U->top[-1].tag == RI_TAG_TRUE);
    U->top--;
    if (turns % 512 == 0)
        ri_heap_collect(heap);
    ri_heap_switch(heap, &process->account);
    heap->exact_budget = exact_budget;
    process->stress = RI_STRESS_PREEMPT;
}

#define EASY_STACK_SLOTS 512

/* Moving or marking a stack as deep as a runaway recursion's at every single safe point would take forever. */
static bool is_skipped(const RiThread *T)
{
    RiProcess *process = T->process;
    uint32_t every = T->stack_capacity / EASY_STACK_SLOTS + 1;
    if (process->stress & RI_STRESS_GC)
        every *= process->stress >> RI_STRESS_EVERY_SHIFT;
    return ++process->stress_turns % every != 0;
}

void ri_stress(RiThread *T, bool is_poll)
{
    RiProcess *process = T->process;
    uint32_t modes = process->stress;
    if (modes & (RI_STRESS_GC | RI_STRESS_STACK) && is_skipped(T))
        return;
    if (modes & RI_STRESS_GC)
        ri_heap_collect(T->heap);
    if (modes & RI_STRESS_STACK && !is_poll)
        ri_thread_resize_stack(T, T->stack_capacity);
    if (modes & RI_STRESS_PREEMPT) {
        let_intruder_run(T);
        process->stress = modes;
    }
}

/* -- Breakpoints ---------------------------------------------------------------------------------------------------- */

typedef struct Breaks { /* a block that the first process refers to */
    RiObject object;
    RiDebugger debugger;
    uint64_t hits;
} Breaks;

static void strew_breakpoints(RiDebugger *d, RiFeedback *feedback)
{
    const RiProto *proto = feedback->proto;
    uint32_t n = (uint32_t)((Breaks *)d->data)->hits;
    for (uint32_t pc = 0; pc < proto->code_count; pc = ri_code_next(proto, pc)) {
        if (n++ % 5 == 0)
            ri_breakpoint_set(d->heap, feedback, pc);
    }
}

/* Moves the stack, takes its breakpoint away, or sets others in code that may have been compiled. */
static void meet_breakpoint(RiDebugger *d, RiThread *T)
{
    Breaks *breaks = d->data;
    RiFeedback *feedback = ((const RiClosure *)T->base[-2].cp)->feedback;
    breaks->hits++;
    if (breaks->hits % 16 == 0 && T->stack_capacity < EASY_STACK_SLOTS)
        ri_thread_resize_stack(T, T->stack_capacity);
    if (breaks->hits % 3 == 0)
        ri_breakpoint_clear(feedback, T->pc - 1);
    if (breaks->hits % 1000 == 0)
        strew_breakpoints(d, feedback);
}

void ri_stress_with_breakpoints(RiProcess *process)
{
    Breaks *breaks = ri_heap_alloc_block(process->heap, sizeof *breaks);
    process->breaks = breaks;
    breaks->debugger = (RiDebugger){.data = breaks, .on_function = strew_breakpoints, .on_break = meet_breakpoint};
    ri_debugger_attach(process->heap, &breaks->debugger);
}
