/* What --jit-stats shows: how much was compiled, what ran compiled, and where and why machine code was left.
 *
 * Only code made while counting is on counts: each instruction and each exit adds to a counter of its own. Without it there is
 * not a byte of this in the code. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jit/core.h"
#include "vm/host/host.h"

#define SHOWN_MAX 25 /* lines of a list */

static const char *const reasons[RI_JIT_EXIT_COUNT] = {
#define EXIT(name, why) why,
#include "jit/exits.def"
#undef EXIT
};

static void emit_add(RiJit *j, const void *counter, int32_t count)
{
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)counter);
    ri_x_alu_mem(j->as, RI_ALU_ADD, ri_mem(RI_RAX, 0), count);
}

void ri_jit_count_instruction(RiJit *j, RiOpcode op, int32_t count)
{
    if (j->counts)
        emit_add(j, &j->counts->native[op], count);
}

void ri_jit_count_exit(RiJit *j, RiJitExit reason, uint32_t pc)
{
    if (!j->counts)
        return;
    RiOpcode op = RI_WORD_OP(j->code[pc]);
    if ((reason == RI_JIT_EXIT_CANNOT || reason == RI_JIT_EXIT_CONDITION) && pc == j->pc)
        ri_jit_count_instruction(j, op, -1); /* the interpreter will do it */
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)&j->counts->reason);
    ri_x_store32_imm(j->as, ri_mem(RI_RAX, 0), (int32_t)(reason | (uint32_t)op << 8));
}

/* The instruction before T->pc: that of the helper by which code was left. */
static RiOpcode instruction_before(const RiThread *T)
{
    const RiWord *code = ((const RiClosure *)T->base[-2].cp)->feedback->proto->code;
    uint32_t pc = 0;
    for (uint32_t next = 0; next < T->pc; next += ri_op_info[RI_WORD_OP(code[next])].words)
        pc = next;
    return RI_WORD_OP(code[pc]);
}

void ri_jit_count_left(RiJit *j, RiNativeExit how)
{
    const RiThread *T = j->heap->running;
    uint32_t reason = j->counts->reason & 0xff, op = j->counts->reason >> 8;
    j->counts->reason = RI_JIT_EXIT_HELPER;
    if (how == RI_NATIVE_LEAVE) {
        reason = RI_JIT_EXIT_LEAVE;
        op = RI_OP_RETURN1;
    } else if (reason == RI_JIT_EXIT_HELPER && T->base[-2].tag == RI_TAG_CLOSURE) {
        op = T->pc ? instruction_before(T) : RI_OP_CALL;
        reason = how == RI_NATIVE_SAFE_POINT ? RI_JIT_EXIT_SAFE_POINT : T->pc ? RI_JIT_EXIT_HELPER : RI_JIT_EXIT_CALLEE;
    }
    j->counts->exits[reason][op & 0xff]++;
}

/* -- Printing ---------------------------------------------------------------------------------------------------------------- */

static uint64_t sum(const uint64_t counts[256])
{
    uint64_t total = 0;
    for (int op = 0; op < 256; op++)
        total += counts[op];
    return total;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* The largest counter, taken out of the list; -1: all are zero. */
static int take_largest(uint64_t *counts, size_t count, uint64_t *out)
{
    size_t most = 0;
    for (size_t i = 1; i < count; i++)
        most = counts[i] > counts[most] ? i : most;
    *out = counts[most];
    counts[most] = 0;
    return *out ? (int)most : -1;
}

static void print_exits(FILE *out, const RiJitCounts *counts)
{
    uint64_t left[RI_JIT_EXIT_COUNT * 256], total = 0, times;
    memcpy(left, counts->exits, sizeof left);
    for (int reason = 0; reason < RI_JIT_EXIT_COUNT; reason++)
        total += sum(counts->exits[reason]);
    fprintf(out, "exits               %16" PRIu64 "\n", total);
    for (int line = 0, i; line < SHOWN_MAX && (i = take_largest(left, RI_COUNTOF(left), &times)) >= 0; line++)
        fprintf(out, "  %-16s  %16" PRIu64 "  %5.1f %%  %s\n", ri_op_info[i % 256].name, times, percent(times, total),
                reasons[i / 256]);
}

static void print_shares(FILE *out, const RiJitCounts *counts, const uint64_t interpreted[256])
{
    uint64_t left[256], native = sum(counts->native), all, times;
    memcpy(left, interpreted, sizeof left);
    left[RI_OP_NATIVE] = left[RI_OP_WARM] = left[RI_OP_BREAK] = 0;
    all = native + sum(left);
    fprintf(out, "instructions        %16" PRIu64 "  %5.1f %% in machine code\n", all, percent(native, all));
    fprintf(out, "interpreted         %16" PRIu64 "\n", all - native);
    for (int line = 0, op; line < SHOWN_MAX && (op = take_largest(left, 256, &times)) >= 0; line++)
        fprintf(out, "  %-16s  %16" PRIu64 "  %5.1f %% of all%s\n", ri_op_info[op].name, times, percent(times, all),
                counts->exits[RI_JIT_EXIT_CANNOT][op] ? "; no emitter for what came" : "");
}

void ri_jit_print_stats(const RiHeap *heap, FILE *out, const uint64_t interpreted[256])
{
    const RiJit *j = heap->jit;
    if (!j) {
        fprintf(out, "machine code: none\n");
        return;
    }
    const RiJitStats *s = &j->stats;
    fprintf(out, "compiled            %16" PRIu64 " functions, %" PRIu64 " versions of blocks, %" PRIu64 " entries\n", s->functions,
            s->blocks, s->entries);
    fprintf(out, "stubs               %16" PRIu64 " reached, %" PRIu64 " of them by a guard that failed\n", s->stubs_hit,
            s->guards_failed);
    fprintf(out, "code                %16" PRIu64 " bytes made, %u in use, %" PRIu64 " times given up\n", s->code_bytes,
            j->hot.at + (uint32_t)j->pages.size - j->cold_bottom, s->flushes);
    uint64_t places, traps;
    ri_jit_witness_count(j->witness, &places, &traps);
    if (places)
        fprintf(out, "traps               %16" PRIu64 " at %" PRIu64 " places\n", traps, places);
    double run_ns = ri_host_cpu_s() * 1e9;
    fprintf(out, "compiling           %16.2f ms, %.1f %% of the processor time\n", (double)s->compile_ns / 1e6,
            run_ns > 0 ? 100.0 * (double)s->compile_ns / run_ns : 0.0);
    if (heap->foreign) {
        fprintf(out, "calls of C          %16" PRIu64 " by the interpreter, %" PRIu64 " of them by libffi\n", heap->foreign_calls,
                heap->foreign_by_libffi);
        fprintf(out, "cdata made          %16" PRIu64 "\n", heap->foreign_made);
    }
    if (j->counts && interpreted) {
        print_shares(out, j->counts, interpreted);
        print_exits(out, j->counts);
    }
}
