/* Emitters: mem.load_… and mem.store_… where the host translates addresses.
 *
 * The access itself is a leaf routine of vm/host/fault.c, since only code known to the linker can have a fix-up. What the host
 * refuses, and all addresses of devices, is left to the interpreter: an exit, after which it comes back. */
#include "jit/core.h"

#include "vm/exec/intrinsics.h"
#include "vm/exec/memory.h"

#if RI_HAVE_FIXUPS

typedef struct Access {
    RiMemType type;
    bool is_store;
    const char *leaf;
} Access;

#define MEMTYPE(id, name, bits, c_type, set) {RI_MEM_##id, false, ri_fault_leaf_load_##bits},
static const Access loads[] = {
#include "vm/exec/memtypes.def"
};
#undef MEMTYPE
#define MEMTYPE(id, name, bits, c_type, set) {RI_MEM_##id, true, ri_fault_leaf_store_##bits},
static const Access stores[] = {
#include "vm/exec/memtypes.def"
};
#undef MEMTYPE

static const Access *access_of(uint32_t intrinsic)
{
    if (intrinsic < RI_INTRINSIC_MEM_FIRST)
        return NULL;
    uint32_t i = intrinsic - RI_INTRINSIC_MEM_FIRST;
    return i < RI_MEM_COUNT ? &loads[i] : &stores[i - RI_MEM_COUNT];
}

/* rax := the host address of guest address 0; rcx, the guest address, is below where devices begin. Or leave. Uses rdx. */
static void load_base(RiJit *j)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, OF_THREAD(process));
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, offsetof(RiProcess, proc)));
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, offsetof(RiProc, space)));
    ri_x_rr(j->as, RI_X_TEST, RI_RAX, RI_RAX);
    ri_jit_exit_if(j, RI_CC_E);
    ri_x_rm(j->as, RI_X_LOAD32, RI_RDX, ri_mem(RI_RAX, offsetof(RiSpace, host_end)));
    ri_x_rr(j->as, RI_X_CMP, RI_RCX, RI_RDX);
    ri_jit_exit_if(j, RI_CC_AE);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, offsetof(RiSpace, base)));
}

/* rdx := the value as it is to lie in memory. */
static void load_value(RiJit *j, RiMemType type, uint32_t slot)
{
    if (!ri_mem_types[type].is_float) {
        ri_x_rr(j->as, RI_X_LOAD, RI_RDX, ri_jit_gpr(j, slot));
    } else if (j->slots[slot].type == TYPE_FLOAT) {
        ri_x_rr(j->as, RI_X_MOVQ_R, ri_jit_xmm(j, slot), RI_RDX);
    } else {
        RiReg reg = ri_jit_gpr(j, slot);
        ri_x_rr(j->as, RI_X_XORPS, 0, 0);
        ri_x_rr(j->as, RI_X_CVTSI2SD, 0, reg);
        ri_x_rr(j->as, RI_X_MOVQ_R, 0, RI_RDX);
    }
}

/* Push what is in rdx, as a value of that type. */
static void push_loaded(RiJit *j, RiMemType type)
{
    if (ri_mem_types[type].is_float) {
        RiXmm to = ri_jit_new_xmm(j);
        ri_x_rr(j->as, RI_X_MOVQ_X, to, RI_RDX);
        ri_jit_set_xmm(j, j->depth, to);
        ri_jit_set_sample(j, j->depth - 1, ri_float(1.0));
        return;
    }
    RiReg to = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, to, RI_RDX);
    if (type == RI_MEM_I8 || type == RI_MEM_I16 || type == RI_MEM_I32) {
        int unused = 64 - 8 * (int)ri_mem_types[type].size;
        ri_x_shift(j->as, RI_SHIFT_LEFT, to, unused);
        ri_x_shift(j->as, RI_SHIFT_ARITHMETIC, to, unused);
    }
    ri_jit_set_gpr(j, j->depth, TYPE_INT, to);
    ri_jit_set_sample(j, j->depth - 1, ri_int(1));
}

bool ri_jit_emit_memory(RiJit *j, uint32_t intrinsic, uint32_t func, uint32_t nargs, int32_t wanted)
{
    const Access *a = access_of(intrinsic);
    const RiSpace *space = ri_memory_space(j->T);
    if (!a || a->type == RI_MEM_F32 || nargs != 1u + a->is_store || wanted != !a->is_store || !space || space->host_end == 0)
        return false;
    uint8_t address = ri_jit_type(j, func + 2), value = a->is_store ? ri_jit_type(j, func + 3) : TYPE_INT;
    bool takes_float = ri_mem_types[a->type].is_float;
    if (j->is_deferred || address != TYPE_INT || (value != TYPE_INT && !(takes_float && value == TYPE_FLOAT)))
        return false;
    ri_jit_guard(j, func + 2, address);
    RiReg reg = ri_jit_gpr(j, func + 2), leaf = ri_jit_new_gpr(j);
    if (a->is_store) {
        ri_jit_guard(j, func + 3, value);
        if (value == TYPE_FLOAT)
            ri_jit_xmm(j, func + 3);
        else
            ri_jit_gpr(j, func + 3);
    }
    ri_x_rr(j->as, RI_X_LOAD, RI_RCX, reg);
    load_base(j);
    if (a->is_store)
        load_value(j, a->type, func + 3);
    ri_x_imm(j->as, leaf, (int64_t)(uintptr_t)a->leaf);
    ri_x_call_reg(j->as, leaf);
    ri_jit_exit_if(j, RI_CC_B);
    if (a->is_store) {
        ri_jit_pop(j, j->depth - func);
        return true;
    }
    push_loaded(j, a->type);
    ri_jit_set_copy(j, func, j->depth - 1);
    ri_jit_pop(j, j->depth - func - 1);
    return true;
}

#else

bool ri_jit_emit_memory(RiJit *j, uint32_t intrinsic, uint32_t func, uint32_t nargs, int32_t wanted)
{
    (void)j, (void)intrinsic, (void)func, (void)nargs, (void)wanted;
    return false;
}

#endif
