/* Machine code that tells a witness (vm/exec/witness.h) of the state before each instruction, and that may be left there.
 *
 * What is told is what an exit at this place would leave behind: the very code of an exit writes the frame, the state is folded
 * and compared with what the interpreter says in another run; then the frame's memory is put back as it was, as the
 * context counts on it. With traps the code really is left there, at every place the second time it is gone through, the
 * fourth, the eighth, …: so the interpreter goes on from every state there is. */
#include <stdlib.h>
#include <string.h>

#include "jit/core.h"

struct RiJitWitness {
    RiWitness *witness; /* NULL: only traps */
    bool traps;
    uint32_t *times; /* each place was gone through */
    uint32_t place_count, place_capacity;
    uint64_t trap_count;
    /* between begin and end */
    uint32_t pc, depth;
    RiValue *top, *base, saved[RI_JIT_SLOTS_MAX];
};

RiJitWitness *ri_jit_witness_open(RiWitness *witness, bool traps)
{
    RiJitWitness *w = calloc(1, sizeof *w);
    if (w) {
        w->witness = witness;
        w->traps = traps;
    }
    return w;
}

void ri_jit_witness_close(RiJitWitness *w)
{
    if (w)
        free(w->times);
    free(w);
}

void ri_jit_witness_count(const RiJitWitness *w, uint64_t *places, uint64_t *traps)
{
    *places = w ? w->place_count : 0;
    *traps = w ? w->trap_count : 0;
}

/* For the routines in core.c that save all registers. */
void ri_jit_witness_begin(RiThread *T, uint32_t depth)
{
    RiJitWitness *w = ((RiJit *)T->heap->jit)->witness;
    w->pc = T->pc;
    w->top = T->top;
    w->base = T->base;
    w->depth = depth;
    memcpy(w->saved, T->base, depth * sizeof(RiValue));
}

int ri_jit_witness_end(RiThread *T, uint32_t place)
{
    RiJitWitness *w = ((RiJit *)T->heap->jit)->witness;
    if (w->witness)
        ri_witness_tell(w->witness, T);
    uint32_t times = ++w->times[place];
    if (w->traps && times >= 2 && (times & (times - 1)) == 0) {
        w->trap_count++;
        return 1;
    }
    T->pc = w->pc;
    T->top = w->top;
    T->base = w->base;
    memcpy(T->base, w->saved, w->depth * sizeof(RiValue));
    return 0;
}

static bool new_place(RiJitWitness *w)
{
    if (w->place_count == w->place_capacity) {
        uint32_t capacity = w->place_capacity * 2 + 1024;
        uint32_t *times = realloc(w->times, capacity * sizeof *times);
        if (!times)
            return false;
        w->times = times;
        w->place_capacity = capacity;
    }
    w->times[w->place_count++] = 0;
    return true;
}

void ri_jit_emit_witness(RiJit *j, uint32_t pc)
{
    if (!j->witness || !new_place(j->witness))
        return;
    RiJitSnap *snap = ri_jit_snapshot(j);
    uint32_t to = ri_x_jmp(j->as, 0), back = j->as->at;
    ri_x_patch(j->as, to, ri_jit_cold_begin(j));
    ri_x_imm(j->as, RI_RAX, j->depth);
    ri_x_call(j->as, j->witness_begin_address);
    ri_jit_emit_state(j, pc);
    j->is_framed = false; /* the routine takes it back, or it is an exit */
    ri_x_imm(j->as, RI_RAX, j->witness->place_count - 1);
    ri_x_call(j->as, j->witness_end_address);
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    ri_x_jcc(j->as, RI_CC_E, back);
    ri_jit_count_instruction(j, RI_WORD_OP(j->code[pc]), -1);
    ri_jit_count_exit(j, RI_JIT_EXIT_TRAP, pc);
    ri_x_imm(j->as, RI_RAX, RI_NATIVE_GO_ON);
    ri_x_jmp(j->as, j->exit_address);
    ri_jit_cold_end(j);
    ri_jit_restore(j, snap);
}
