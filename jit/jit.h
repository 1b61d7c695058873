/* The template JIT: bytecode to machine code by lazy basic-block versioning (see doc/jit.md). All that others see of it.
 *
 * A heap gets a JIT or does without. The interpreter asks it by RiHooks.enter_native, at calls, returns and back-edges. */
#ifndef RI_JIT_JIT_H
#define RI_JIT_JIT_H

#include "vm/exec/hooks.h"
#include "vm/exec/state.h"

/* Give `heap` a JIT. `always`: compile what runs, at once; else what has been called or has looped often enough. False if
 * the host has no memory for code, or this processor is none we know: then programs are interpreted. Collects: no. */
bool ri_jit_open(RiHeap *heap, bool always);
/* Before the heap is destroyed. Without a JIT: nothing. */
void ri_jit_close(RiHeap *heap);

/* For RiHooks.enter_native, which see. */
RiNativeExit ri_jit_enter(RiThread *T);

/* What was compiled so far; for --jit-stats and tests. */
typedef struct RiJitStats {
    uint64_t functions, blocks, stubs_hit, guards_failed, code_bytes, compile_ns, flushes, entries;
} RiJitStats;
bool ri_jit_stats(const RiHeap *heap, RiJitStats *out);
void ri_jit_print_exits(const RiHeap *heap); /* by opcode, to stderr */

#endif
