/* Emitters: metamethods that are Lua functions, called directly or inlined.
 *
 * Where the operand at hand has a metatable with a function for the event, the shape of such a metatable and the function's
 * feedback are made sure of, and its frame is laid out as ri_call_meta does. A metamethod that is called completes its
 * instruction when it returns, in memory (help_return_meta); one that is inlined does so here. */
#include "jit/core.h"

bool ri_jit_find_handler(RiJit *j, const RiTable *t, RiMetamethod event, uint32_t func, RiJitHandler *out)
{
    RiTable *meta = t->meta;
    RiString *name = j->heap->mm_names[event];
    int32_t at = meta ? ri_table_find_offset(meta, name) : -1;
    RiValue f = meta ? ri_table_get_str(meta, name) : ri_nil();
    if (at < 0 || f.tag != RI_TAG_CLOSURE || !ri_jit_can_call(j, ((RiClosure *)f.p)->feedback, func))
        return false;
    *out = (RiJitHandler){((RiClosure *)f.p)->feedback, f, ri_table_cacheable_shape(j->heap, meta), (uint32_t)at};
    return out->shape != 0;
}

RiReg ri_jit_guard_handler(RiJit *j, RiReg table, const RiJitHandler *h)
{
    RiReg callee = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(table, offsetof(RiTable, meta)));
    ri_x_rr(j->as, RI_X_TEST, RI_RCX, RI_RCX);
    ri_jit_guard_jump(j, RI_CC_E);
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RCX, offsetof(RiTable, shape)), (int32_t)h->shape);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(RI_RCX, offsetof(RiTable, slots)));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RCX, (int64_t)h->offset + 8), RI_TAG_CLOSURE);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, callee, ri_mem(RI_RCX, h->offset));
    return callee;
}

RiJitResult ri_jit_emit_meta_done(RiJit *j, uint32_t pops, int32_t dest)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    if (j->inl) {
        ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)j->base * 16);
        ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    }
    ri_jit_drop_registers(j, true);
    ri_jit_pop(j, pops);
    ri_jit_set_memory(j, dest < 0 ? j->depth : (uint32_t)dest, TYPE_UNKNOWN);
    ri_jit_jump_to_stub(j, j->next_pc);
    return EMIT_END;
}

RiJitResult ri_jit_emit_meta_call(RiJit *j, RiFeedback *fv, uint32_t func, uint32_t nargs, uint32_t flags, uint32_t pops,
                                  int32_t dest)
{
    RiValue link[2];
    uint32_t base = func + 2;
    if (ri_jit_enter_inline(j, fv, base, nargs, 1, flags)) {
        j->inl->pops = pops;
        j->inl->dest = dest;
        return EMIT_ON;
    }
    ri_jit_flush(j);
    for (uint32_t i = nargs; i < fv->param_count; i++) {
        ri_x_store_imm(j->as, ri_jit_payload(base + i), 0);
        ri_x_store_imm(j->as, ri_jit_tag(base + i), RI_TAG_NIL);
    }
    ri_jit_emit_frames(j);
    ri_link_write(&link[1], ri_feedback_words(j->fv) + j->pc + 1, base - j->base, 1, flags, 0);
    ri_x_imm(j->as, RI_RAX, link[0].i);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(base - 1));
    ri_x_imm(j->as, RI_RAX, (int64_t)link[0].tag);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_tag(base - 1));
    RiJitStub *stub = ri_jit_entry_stub(j, fv, base, nargs);
    ri_x_alu(j->as, RI_ALU_ADD, RI_RBX, (int32_t)base * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    stub->where = ri_x_call(j->as, stub->address);
    ri_jit_pop(j, j->depth - func);
    return ri_jit_emit_meta_done(j, pops, dest);
}

static void push_operand(RiJit *j, RiJitOperand o)
{
    if (o.slot < 0)
        ri_jit_set_constant(j, j->depth, o.k);
    else
        ri_jit_set_copy(j, j->depth, (uint32_t)o.slot);
}

/* The table, of the operands, whose metatable is asked: its slot; -1: none is known to be. */
static int32_t find_holder(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, RiValue *sample)
{
    uint8_t type = ri_jit_operand_type(j, a);
    if (type == TYPE_TABLE) {
        bool has = a.slot >= 0 && ri_jit_sample(j, (uint32_t)a.slot, sample) && sample->tag == RI_TAG_TABLE;
        return has ? a.slot : -1;
    }
    (void)event;
    bool asks_b = (type == TYPE_INT || type == TYPE_FLOAT) && b.slot >= 0 && ri_jit_type(j, (uint32_t)b.slot) == TYPE_TABLE;
    return asks_b && ri_jit_sample(j, (uint32_t)b.slot, sample) && sample->tag == RI_TAG_TABLE ? b.slot : -1;
}

/* Numbers have no metatable of their own. */
static void guard_plain_numbers(RiJit *j)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, OF_THREAD(process));
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiProcess, metatables) + RI_TYPE_NUMBER * sizeof(void *)), 0);
    ri_jit_guard_jump(j, RI_CC_NE);
}

bool ri_jit_emit_binary_meta(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest,
                             RiJitResult *result)
{
    RiValue sample;
    RiJitHandler h;
    uint32_t func = j->depth;
    int32_t holder = j->generic_pc == j->pc ? -1 : find_holder(j, event, a, b, &sample);
    if (holder < 0 || j->T->process->metatables[RI_TYPE_NUMBER] || func + 4 + 8 + 8 > RI_JIT_SLOTS_MAX ||
        !ri_jit_find_handler(j, sample.p, event, func, &h) || h.fv->is_vararg)
        return false;
    if (holder != a.slot) {
        if (a.slot >= 0)
            ri_jit_guard(j, (uint32_t)a.slot, ri_jit_type(j, (uint32_t)a.slot));
        guard_plain_numbers(j);
    }
    ri_jit_guard(j, (uint32_t)holder, TYPE_TABLE);
    RiReg callee = ri_jit_guard_handler(j, ri_jit_gpr(j, (uint32_t)holder), &h);
    ri_jit_guard_feedback(j, h.fv, callee, func + 2);
    ri_jit_set_gpr(j, func, TYPE_CLOSURE, callee);
    ri_jit_set_sample(j, func, h.f);
    ri_jit_set_constant(j, func + 1, (RiValue){.tag = RI_TAG_LINK});
    push_operand(j, a);
    push_operand(j, b);
    *result = ri_jit_emit_meta_call(j, h.fv, func, 2, RI_LINK_META, pops, dest);
    return true;
}
