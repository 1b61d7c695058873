/* The template JIT: bytecode to machine code by lazy basic-block versioning (see doc/jit.md). All that others see of it.
 *
 * A heap gets a JIT or does without. The interpreter asks it by RiHooks.enter_native, at calls, returns and back-edges. */
#ifndef RI_JIT_JIT_H
#define RI_JIT_JIT_H

#include <stdio.h>

#include "vm/exec/hooks.h"
#include "vm/exec/state.h"
#include "vm/host/codepages.h"

#define RI_JIT_CODE_BYTES_MIN ((size_t)512 << 10)
#define RI_JIT_CODE_BYTES_MAX ((size_t)1 << 30) /* jumps reach 2 GB */

/* How it is to be; all zero is a good default. */
typedef struct RiJitOptions {
    bool always; /* compile what runs, at once; else what has been called or has looped often enough: */
    uint32_t hot_calls, hot_loops; /* 0: 30 calls, 300 rounds */
    size_t code_bytes; /* of code memory, at most, from RI_JIT_CODE_BYTES_MIN on; 0: 32 MB, less where address space is short */
    RiCodeViews views; /* how that is mapped: vm/host/codepages.h */
    bool counts; /* count for ri_jit_print_stats: slower code */
    struct RiWitness *witness; /* to be told of the state before each instruction; NULL: none. See jit/witness.c */
    bool traps; /* for tests: leave the code before each instruction, the second, fourth, eighth … time it is done */
    bool gdb; /* tell debuggers of machine code */
    bool lists; /* keep what ri_jit_print_listing and ri_jit_places_at need */
    bool perf_map, perf_lines; /* write /tmp/perf-PID.map: names for perf; of functions, or of lines too */
} RiJitOptions;

/* Give `heap` a JIT. False if the host has no memory for code, or this processor is none we know: then programs are
 * interpreted. Collects: no. */
bool ri_jit_open(RiHeap *heap, const RiJitOptions *options);
/* `heap` gets a JIT as soon as something in it has been called or has looped often enough: a state of a host that may have
 * thousands costs nothing more until then. With 8 MB of code memory, and little of the host's stack. Collects: no. */
void ri_jit_await(RiHeap *heap);
/* Before the heap is destroyed. Without a JIT: nothing. */
void ri_jit_close(RiHeap *heap);

/* For RiHooks.enter_native, which see. */
RiNativeExit ri_jit_enter(RiThread *T);
/* For RiHooks.code_changed: if the function may have machine code, or be part of some, all goes as soon as none is under way, and none is entered before. Machine code
 * under way leaves by RI_HOOK_CHANGED, which the caller sets in the threads concerned. Without a JIT: nothing. */
void ri_jit_code_changed(RiHeap *heap, const RiFeedback *feedback);

/* What was compiled so far, in this heap. */
typedef struct RiJitStats {
    uint64_t functions, blocks, stubs_hit, guards_failed, code_bytes, compile_ns, flushes, entries;
} RiJitStats;
bool ri_jit_stats(const RiHeap *heap, RiJitStats *out);
/* The text of --jit-stats. `interpreted`: how often the interpreter did each opcode (RiStats.opcodes), or NULL. */
void ri_jit_print_stats(const RiHeap *heap, FILE *out, const uint64_t interpreted[256]);
/* Machine code beside bytecode, of all functions that have some. Needs RiJitOptions.lists. Collects. */
typedef void RiJitPrintCode(FILE *out, const uint8_t *bytes, size_t size, uint32_t offset); /* lines for some instructions */
void ri_jit_print_listing(RiHeap *heap, FILE *out, RiJitPrintCode *print_code);

/* For profilers: where the heap's machine code lies, [*start, *end), which never changes. False: there is none. */
bool ri_jit_code_range(const RiHeap *heap, uintptr_t *start, uintptr_t *end);
/* Which instruction an address in machine code belongs to, as of now: out[0], and, if it was inlined, the calls in whose place
 * it stands, the outermost last. 0: not known (a routine of the JIT's). Needs RiJitOptions.lists. Collects: no. */
#define RI_JIT_PLACES_MAX 4
typedef struct RiJitPlace {
    const RiProto *proto;
    uint32_t pc;
} RiJitPlace;
uint32_t ri_jit_places_at(RiHeap *heap, uintptr_t pc, RiJitPlace out[RI_JIT_PLACES_MAX]);

#endif
