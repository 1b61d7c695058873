/* Emitters: numeric and generic loops, back-edges. */
#include "jit/core.h"

#include "vm/exec/intrinsics.h"

void ri_jit_emit_safe_point(RiJit *j, uint32_t pc)
{
    RiJitSnap *snap = ri_jit_snapshot(j);
    ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1);
    uint32_t where = ri_x_jcc(j->as, RI_CC_S, 0);
    ri_x_patch(j->as, where, ri_jit_cold_begin(j));
    ri_jit_emit_exit(j, pc, RI_JIT_EXIT_SAFE_POINT);
    ri_jit_cold_end(j);
    ri_jit_restore(j, snap);
    j->poll_end = j->as->at;
}

static RiJitResult emit_back_edge(RiJit *j, uint32_t target)
{
    ri_jit_emit_safe_point(j, target);
    j->next_pc = target;
    return EMIT_ON;
}

static uint32_t target_of(const RiJit *j)
{
    return (uint32_t)((int32_t)j->pc + 2 + (int32_t)j->code[j->pc + 1]);
}

/* -- Numeric ------------------------------------------------------------------------------------------------------------------- */

static int help_prepare(RiThread *T, uint32_t slot)
{
    return ri_for_prepare(T, T->base + slot);
}

static bool is_const_int(RiJit *j, uint32_t slot, int64_t *out)
{
    *out = j->slots[slot].k.i;
    return j->slots[slot].where == IN_CONSTANT && j->slots[slot].type == TYPE_INT;
}

/* An integer loop by step 1: rounds = limit - init, none if that is below zero. */
static RiJitResult prepare_by_one(RiJit *j, uint32_t a)
{
    RiValue init, limit;
    bool runs = !ri_jit_sample(j, a, &init) || !ri_jit_sample(j, a + 1, &limit) || init.i <= limit.i;
    uint32_t next = j->next_pc, skip = target_of(j);
    RiReg i = ri_jit_gpr(j, a), last = ri_jit_gpr(j, a + 1);
    RiReg rounds = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, rounds, last);
    ri_x_rr(j->as, RI_X_CMP, i, last);
    if (!runs)
        ri_jit_guard_jump(j, RI_CC_LE); /* compiled again when it is to run */
    j->depth = a;
    j->snap = NULL;
    if (!runs) {
        j->next_pc = skip;
        return EMIT_ON;
    }
    ri_jit_branch_to(j, RI_CC_G, skip);
    j->depth = a + 3;
    j->snap = NULL;
    ri_x_rr(j->as, RI_X_SUB, rounds, i);
    ri_jit_set_gpr(j, a + 1, TYPE_INT, rounds);
    ri_jit_set_copy(j, a + 3, a);
    j->next_pc = next;
    return EMIT_ON;
}

static RiJitResult prepare_by_helper(RiJit *j, uint32_t a, bool is_int)
{
    int64_t step = 0;
    bool keeps_step = is_const_int(j, a + 2, &step) && is_int;
    RiValue samples[3];
    bool has = ri_jit_sample(j, a, &samples[0]) && ri_jit_sample(j, a + 2, &samples[2]);
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RSI, a);
    ri_jit_call_c(j, HELPER(help_prepare));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    uint32_t next = j->next_pc;
    j->depth = a;
    j->snap = NULL;
    ri_jit_branch_to(j, RI_CC_E, target_of(j));
    uint8_t type = is_int ? TYPE_INT : TYPE_FLOAT;
    for (uint32_t i = 0; i < 4; i++)
        ri_jit_set_memory(j, a + i, type);
    if (keeps_step)
        ri_jit_set_constant(j, a + 2, ri_int(step));
    if (has && is_int)
        ri_jit_set_sample(j, a, samples[0]);
    j->next_pc = next;
    return EMIT_ON;
}

static RiJitResult emit_prepare(RiJit *j, uint32_t a)
{
    uint8_t type[3];
    int64_t step;
    for (uint32_t i = 0; i < 3; i++)
        type[i] = ri_jit_type(j, a + i);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type[0] == TYPE_UNKNOWN || type[1] == TYPE_UNKNOWN || type[2] == TYPE_UNKNOWN)
        return EMIT_CANNOT;
    for (uint32_t i = 0; i < 3; i++)
        ri_jit_guard(j, a + i, type[i]);
    bool is_int = type[0] == TYPE_INT && type[2] == TYPE_INT;
    if (is_int && type[1] == TYPE_INT && is_const_int(j, a + 2, &step) && step == 1)
        return prepare_by_one(j, a);
    return prepare_by_helper(j, a, is_int);
}

static RiJitResult next_int(RiJit *j, uint32_t a)
{
    int64_t step;
    uint32_t after = j->next_pc, head = target_of(j);
    bool by_constant = is_const_int(j, a + 2, &step) && step == (int32_t)step;
    RiReg rounds = ri_jit_gpr(j, a + 1), i = ri_jit_gpr(j, a), by = by_constant ? RI_RAX : ri_jit_gpr(j, a + 2);
    RiValue v;
    bool has = ri_jit_sample(j, a, &v);
    if (!ri_jit_owns_gpr(j, rounds, a + 1)) {
        RiReg to = ri_jit_new_gpr(j);
        ri_x_rr(j->as, RI_X_LOAD, to, rounds);
        rounds = to;
    }
    ri_x_alu(j->as, RI_ALU_SUB, rounds, 1);
    uint32_t depth = j->depth;
    j->depth = a;
    j->snap = NULL;
    ri_jit_branch_to(j, RI_CC_B, after);
    j->depth = depth < a + 3 ? a + 3 : depth;
    j->snap = NULL;
    ri_jit_set_gpr(j, a + 1, TYPE_INT, rounds);
    j->depth = a + 3; /* the variable goes */
    j->snap = NULL;
    if (!ri_jit_owns_gpr(j, i, a)) {
        RiReg to = ri_jit_new_gpr(j);
        if (by_constant)
            ri_x_rm(j->as, RI_X_LEA, to, ri_mem(i, step));
        else
            ri_x_rm(j->as, RI_X_LEA, to, ri_mem_index(i, by, 1, 0));
        i = to;
    } else if (by_constant) {
        ri_x_alu(j->as, RI_ALU_ADD, i, (int32_t)step);
    } else {
        ri_x_rr(j->as, RI_X_ADD, i, by);
    }
    ri_jit_set_gpr(j, a, TYPE_INT, i);
    if (has)
        ri_jit_set_sample(j, a, ri_int((int64_t)(v.u + (by_constant ? (uint64_t)step : 1))));
    ri_jit_set_copy(j, a + 3, a);
    return emit_back_edge(j, head);
}

static RiJitResult next_float(RiJit *j, uint32_t a)
{
    uint32_t after = j->next_pc, head = target_of(j);
    RiValue step;
    bool has = ri_jit_sample(j, a + 2, &step);
    if (!has) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    RiXmm i = ri_jit_xmm(j, a), limit = ri_jit_xmm(j, a + 1), by = ri_jit_xmm(j, a + 2), to = ri_jit_new_xmm(j);
    bool up = step.n > 0;
    ri_x_rr(j->as, RI_X_XORPS, 0, 0); /* the step's sign is what it was taken for */
    ri_x_rr(j->as, RI_X_UCOMISD, up ? by : 0, up ? 0 : by);
    ri_jit_guard_jump(j, RI_CC_BE);
    ri_x_rr(j->as, RI_X_MOVAPS, to, i);
    ri_x_rr(j->as, RI_X_ADDSD, to, by);
    ri_x_rr(j->as, RI_X_UCOMISD, up ? limit : to, up ? to : limit);
    uint32_t depth = j->depth;
    j->depth = a;
    j->snap = NULL;
    ri_jit_branch_to(j, RI_CC_B, after); /* unordered as well: then the loop ends */
    j->depth = depth < a + 3 ? a + 3 : depth;
    j->snap = NULL;
    j->depth = a + 3;
    ri_jit_set_xmm(j, a, to);
    ri_jit_set_copy(j, a + 3, a);
    return emit_back_edge(j, head);
}

static RiJitResult emit_next(RiJit *j, uint32_t a)
{
    if (j->depth < a + 4)
        return EMIT_CANNOT;
    uint8_t type = ri_jit_type(j, a + 2);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type != TYPE_INT && type != TYPE_FLOAT)
        return EMIT_CANNOT;
    for (uint32_t i = 0; i < 3; i++) /* all three are alike: checked once */
        ri_jit_guard(j, a + i, type);
    return type == TYPE_INT ? next_int(j, a) : next_float(j, a);
}

/* -- Generic -------------------------------------------------------------------------------------------------------------------- */

static void help_tbc(RiThread *T, uint32_t slot)
{
    RiValue *state = T->base + slot;
    ri_mark_tbc(T, state + 3);
    if (state[3].tag == RI_TAG_NIL)
        state[3].u = 0;
}

static RiJitResult emit_prepare_generic(RiJit *j, uint32_t a)
{
    if (j->slots[a + 3].where == IN_CONSTANT && j->slots[a + 3].type == TYPE_NIL) { /* position 0 hides in it */
        j->next_pc = target_of(j);
        return EMIT_ON;
    }
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RSI, a);
    ri_jit_call_c(j, HELPER(help_tbc));
    ri_jit_set_memory(j, a + 3, TYPE_UNKNOWN); /* a position hides in it */
    j->next_pc = target_of(j);
    return EMIT_ON;
}

/* One step of pairs or ipairs: 1 with the values stored, 0 at the end, -1: call the iterator. Calls nothing, never throws. */
static int help_iterate(RiValue *state, uint32_t results)
{
    RiValue key, value;
    if (state[0].tag != RI_TAG_LIBFN || state[1].tag != RI_TAG_TABLE)
        return -1;
    const RiTable *t = state[1].cp;
    if (state[0].cp == &ri_libfn_next && state[3].tag == RI_TAG_NIL) {
        uint64_t pos = state[3].u;
        if (pos == 0 && state[2].tag != RI_TAG_NIL && !ri_table_position_after(t, state[2], &pos))
            return -1;
        if (!ri_table_next_at(t, &pos, &key, &value))
            return 0;
        state[3].u = pos;
    } else if (state[0].cp == &ri_libfn_ipairs_iterator && state[2].tag == RI_TAG_INT) {
        key = ri_int((int64_t)(state[2].u + 1));
        value = ri_table_get_int(t, key.i);
        if (value.tag == RI_TAG_NIL)
            return t->meta != NULL ? -1 : 0;
    } else {
        return -1;
    }
    ri_store(&state[2], key);
    ri_store(&state[4], key);
    if (results >= 2)
        ri_store(&state[5], value);
    for (uint32_t i = 2; i < results; i++)
        ri_set_nil(&state[4 + i]);
    return 1;
}

/* The iterator is the library function f. */
static void guard_iterator(RiJit *j, uint32_t slot, RiValue f)
{
    if (j->slots[slot].where == IN_CONSTANT)
        return;
    ri_jit_guard(j, slot, TYPE_LIBFN);
    ri_x_imm(j->as, RI_RAX, f.i);
    ri_x_rr(j->as, RI_X_CMP, RI_RAX, ri_jit_gpr(j, slot));
    ri_jit_guard_jump(j, RI_CC_NE);
}

/* ipairs over a list without metatable. False: not so; or is_deferred, when only guards were emitted. */
static bool emit_ipairs(RiJit *j, uint32_t a, uint32_t results)
{
    RiValue key;
    uint32_t depth = j->depth;
    if (ri_jit_type(j, a + 1) != TYPE_TABLE || ri_jit_type(j, a + 2) != TYPE_INT || results > 2)
        return false;
    ri_jit_guard(j, a + 1, TYPE_TABLE);
    ri_jit_guard(j, a + 2, TYPE_INT);
    if (!ri_jit_sample(j, a + 2, &key)) {
        j->is_deferred = true;
        return false;
    }
    int64_t index = (int64_t)(key.u + 1);
    if (!ri_jit_push_list_element(j, a + 1, a + 2, index, j->pc + 3))
        return false;
    ri_jit_set_copy(j, a + 5, depth);
    RiReg k = ri_jit_gpr(j, a + 2), next = ri_jit_owns_gpr(j, k, a + 2) ? k : ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LEA, next, ri_mem(k, 1));
    ri_jit_set_gpr(j, a + 2, TYPE_INT, next);
    ri_jit_set_sample(j, a + 2, ri_int(index));
    ri_jit_set_copy(j, a + 4, a + 2);
    ri_jit_pop(j, j->depth - a - 4 - results);
    return true;
}

static RiJitResult emit_iterate(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w), results = RI_WORD_B(w), loop = j->pc + 1;
    RiValue f;
    bool has = ri_jit_sample(j, a, &f);
    if (!has && j->generic_pc != j->pc) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    if (a + 4 + results + 8 > RI_JIT_SLOTS_MAX)
        return EMIT_CANNOT;
    j->depth = a + 4;
    j->snap = NULL;
    if (!has || j->generic_pc == j->pc || f.tag != RI_TAG_LIBFN || (f.cp != &ri_libfn_next && f.cp != &ri_libfn_ipairs_iterator))
        return ri_jit_emit_iterator_call(j, a, results);
    uint32_t head = (uint32_t)((int32_t)loop + 2 + (int32_t)j->code[loop + 1]);
    guard_iterator(j, a, f);
    if (f.cp == &ri_libfn_ipairs_iterator && emit_ipairs(j, a, results))
        return emit_back_edge(j, head);
    if (j->is_deferred)
        return EMIT_DEFER;
    ri_jit_flush_for_call(j);
    ri_x_rm(j->as, RI_X_LEA, RI_RDI, ri_jit_payload(a));
    ri_x_imm(j->as, RI_RSI, results);
    ri_jit_call_pure(j, HELPER(help_iterate));
    ri_x_alu32(j->as, RI_ALU_CMP, RI_RAX, 0);
    ri_jit_guard_jump(j, RI_CC_L);
    ri_jit_set_memory(j, a + 2, TYPE_UNKNOWN);
    ri_jit_set_memory(j, a + 3, TYPE_UNKNOWN);
    ri_jit_branch_to(j, RI_CC_E, loop + 2);
    for (uint32_t i = 0; i < results; i++)
        ri_jit_set_memory(j, a + 4 + i, TYPE_UNKNOWN);
    return emit_back_edge(j, head);
}

static RiJitResult emit_next_generic(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w), next = j->next_pc;
    uint8_t type = ri_jit_type(j, a + 4);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type == TYPE_UNKNOWN) {
        ri_jit_sync(j, a + 4);
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_jit_tag(a + 4), RI_TAG_NIL);
        uint32_t depth = j->depth;
        j->depth = a + 4;
        j->snap = NULL;
        ri_jit_branch_to(j, RI_CC_E, next);
        j->depth = depth;
        j->snap = NULL;
        ri_jit_set_copy(j, a + 2, a + 4);
        return emit_back_edge(j, target_of(j));
    }
    ri_jit_guard(j, a + 4, type);
    if (type == TYPE_NIL) {
        j->depth = a + 4;
        j->snap = NULL;
        j->next_pc = next;
        return EMIT_ON;
    }
    ri_jit_set_copy(j, a + 2, a + 4);
    return emit_back_edge(j, target_of(j));
}

RiJitResult ri_jit_emit_loop(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_LOOP:
        j->depth = a;
        j->snap = NULL;
        return emit_back_edge(j, target_of(j));
    case RI_OP_FORPREP:
        return emit_prepare(j, a);
    case RI_OP_FORLOOP:
        return emit_next(j, a);
    case RI_OP_TFORPREP:
        return emit_prepare_generic(j, a);
    case RI_OP_TFORCALL:
        return emit_iterate(j, w);
    default:
        return emit_next_generic(j, w);
    }
}
