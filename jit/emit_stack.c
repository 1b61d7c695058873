/* Emitters: constants, locals, cells, upvalues; and the dispatcher to the other families. */
#include "jit/core.h"

/* rax := the cell of upvalue `index`. */
static void load_upvalue_cell(RiJit *j, uint32_t index)
{
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + index * sizeof(RiCell *))));
}

void ri_jit_push_value_at(RiJit *j, RiMem at, const RiValue *sample)
{
    uint32_t slot = j->depth;
    RiMem tag = at;
    tag.disp += 8;
    if (!sample || sample->tag > RI_TAG_CDATA || j->generic_pc == j->pc) {
        ri_x_rm(j->as, RI_X_LOAD, RI_RDX, tag);
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, at);
        ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_jit_payload(slot));
        ri_x_rm(j->as, RI_X_STORE, RI_RDX, ri_jit_tag(slot));
        ri_jit_set_memory(j, slot, TYPE_UNKNOWN);
        return;
    }
    ri_x_alu32_mem(j->as, RI_ALU_CMP, tag, (int32_t)sample->tag);
    ri_jit_guard_jump(j, RI_CC_NE);
    if (sample->tag == RI_TAG_FLOAT) {
        RiXmm reg = ri_jit_new_xmm(j);
        ri_x_rm(j->as, RI_X_MOVSD, reg, at);
        ri_jit_set_xmm(j, slot, reg);
    } else if (sample->tag <= RI_TAG_TRUE) {
        ri_jit_set_constant(j, slot, (RiValue){.u = 0, .tag = sample->tag});
    } else {
        RiReg reg = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LOAD, reg, at);
        ri_jit_set_gpr(j, slot, TYPE_OF(sample->tag), reg);
    }
    ri_jit_set_sample(j, slot, *sample);
}

static RiJitResult emit_get_upvalue(RiJit *j, uint32_t index)
{
    const RiClosure *self = ri_jit_self(j);
    load_upvalue_cell(j, index);
    ri_jit_push_value_at(j, ri_mem(RI_RAX, offsetof(RiCell, value)), self ? &self->upvals[index]->value : NULL);
    return EMIT_ON;
}

static RiJitResult emit_set_upvalue(RiJit *j, uint32_t index)
{
    load_upvalue_cell(j, index);
    ri_jit_store_value(j, j->depth - 1, ri_mem(RI_RAX, offsetof(RiCell, value)));
    ri_jit_pop(j, 1);
    ri_jit_drop_held(j);
    return EMIT_ON;
}

static RiJitResult emit_get_cell(RiJit *j, uint32_t slot)
{
    RiValue cell;
    if (j->slots[slot].type != TYPE_CELL)
        ri_jit_know(j, slot, TYPE_CELL); /* as the compiler has it */
    RiReg reg = ri_jit_gpr(j, slot);
    const RiValue *sample = NULL;
    if (ri_jit_sample(j, slot, &cell) && cell.tag == RI_TAG_CELL)
        sample = &((const RiCell *)cell.cp)->value;
    ri_jit_push_value_at(j, ri_mem(reg, offsetof(RiCell, value)), sample);
    return EMIT_ON;
}

static RiJitResult emit_set_cell(RiJit *j, uint32_t slot)
{
    if (j->slots[slot].type != TYPE_CELL)
        ri_jit_know(j, slot, TYPE_CELL);
    ri_jit_store_value(j, j->depth - 1, ri_mem(ri_jit_gpr(j, slot), offsetof(RiCell, value)));
    ri_jit_pop(j, 1);
    ri_jit_drop_held(j);
    return EMIT_ON;
}

static void push_link(RiJit *j)
{
    ri_jit_set_constant(j, j->depth, (RiValue){.u = 0, .tag = RI_TAG_LINK});
}

static RiJitResult emit_swap(RiJit *j)
{
    uint32_t below = j->depth - 2, top = j->depth - 1;
    RiValue samples[2];
    bool has[2];
    for (uint32_t i = 0; i < 2; i++) {
        ri_jit_sync(j, below + i);
        has[i] = ri_jit_sample(j, below + i, &samples[i]);
    }
    for (int offset = 0; offset < 16; offset += 8) {
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RBX, (int64_t)below * 16 + offset));
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(RI_RBX, (int64_t)top * 16 + offset));
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_mem(RI_RBX, (int64_t)top * 16 + offset));
        ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_mem(RI_RBX, (int64_t)below * 16 + offset));
    }
    uint8_t type_below = j->slots[below].type;
    ri_jit_set_memory(j, below, j->slots[top].type);
    ri_jit_set_memory(j, top, type_below);
    for (uint32_t i = 0; i < 2; i++)
        if (has[i])
            ri_jit_set_sample(j, top - i, samples[i]);
    return EMIT_ON;
}

static RiJitResult emit_moves(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_NOP:
        return EMIT_ON;
    case RI_OP_LOADNIL:
        if (j->depth + a + 8 > RI_JIT_SLOTS_MAX)
            return EMIT_CANNOT;
        for (uint32_t i = 0; i < a; i++)
            ri_jit_set_constant(j, j->depth, ri_nil());
        return EMIT_ON;
    case RI_OP_LOADTRUE:
    case RI_OP_LOADFALSE:
        ri_jit_set_constant(j, j->depth, ri_bool(RI_WORD_OP(w) == RI_OP_LOADTRUE));
        return EMIT_ON;
    case RI_OP_LOADINT:
        ri_jit_set_constant(j, j->depth, ri_int(RI_WORD_E(w)));
        return EMIT_ON;
    case RI_OP_LOADFLT:
        ri_jit_set_constant(j, j->depth, ri_float((double)RI_WORD_E(w)));
        return EMIT_ON;
    case RI_OP_LOADK:
        ri_jit_set_constant(j, j->depth, j->fv->constants[RI_WORD_U(w)]);
        return EMIT_ON;
    case RI_OP_SWAP:
        return emit_swap(j);
    case RI_OP_POP:
        ri_jit_pop(j, a);
        return EMIT_ON;
    case RI_OP_GETLOCAL:
        ri_jit_set_copy(j, j->depth, a);
        return EMIT_ON;
    case RI_OP_GETLOCAL2:
        ri_jit_set_copy(j, j->depth, a);
        ri_jit_set_copy(j, j->depth, RI_WORD_B(w));
        return EMIT_ON;
    case RI_OP_GETLOCAL_M:
        ri_jit_set_copy(j, j->depth, a);
        push_link(j);
        return EMIT_ON;
    case RI_OP_MARK:
        push_link(j);
        return EMIT_ON;
    case RI_OP_SETLOCAL:
        ri_jit_set_copy(j, a, j->depth - 1);
        ri_jit_pop(j, 1);
        return EMIT_ON;
    case RI_OP_MOVELOCAL:
        ri_jit_set_copy(j, a, RI_WORD_B(w));
        return EMIT_ON;
    case RI_OP_SETLOCALK:
        ri_jit_set_constant(j, a, j->fv->constants[RI_WORD_D(w)]);
        return EMIT_ON;
    case RI_OP_SETLOCALI:
        ri_jit_set_constant(j, a, ri_int(RI_WORD_S(w)));
        return EMIT_ON;
    default:
        return EMIT_CANNOT;
    }
}

static RiJitResult emit_cells(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w);
    RiJitResult result;
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_NEWCELL:
        return ri_jit_emit_new_cell(j, a);
    case RI_OP_GETCELL:
        return emit_get_cell(j, a);
    case RI_OP_SETCELL:
        return emit_set_cell(j, a);
    case RI_OP_GETUPVAL:
        return emit_get_upvalue(j, a);
    case RI_OP_GETUPVAL_M:
        result = emit_get_upvalue(j, a);
        push_link(j);
        return result;
    case RI_OP_SETUPVAL:
        return emit_set_upvalue(j, a);
    default:
        return EMIT_CANNOT;
    }
}

RiJitResult ri_jit_emit(RiJit *j, RiWord w)
{
    RiOpcode op = RI_WORD_OP(w);
    if (op <= RI_OP_SETLOCALI || op == RI_OP_MARK || op == RI_OP_GETLOCAL_M)
        return emit_moves(j, w);
    if (op <= RI_OP_SETUPVAL || op == RI_OP_GETUPVAL_M)
        return emit_cells(j, w);
    if (op <= RI_OP_SETLISTV || op == RI_OP_GETFIELD_UM || op == RI_OP_GETFIELD_LM || op == RI_OP_CLOSURE)
        return ri_jit_emit_table(j, w);
    if (op < RI_OP_EQ)
        return ri_jit_emit_arith(j, w);
    if (op <= RI_OP_JGE_LK)
        return ri_jit_emit_branch(j, w);
    if (op <= RI_OP_TFORLOOP)
        return ri_jit_emit_loop(j, w);
    if (op <= RI_OP_TAILCALLV || op == RI_OP_VARARG || op == RI_OP_CLOSE || op == RI_OP_TBC)
        return ri_jit_emit_call(j, w);
    if (op <= RI_OP_RETURNV)
        return ri_jit_emit_return(j, w);
    return EMIT_CANNOT;
}
