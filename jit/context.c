/* Contexts: where the values of a frame's slots are while a block is compiled, and the code that moves them.
 *
 * A value may be in a register and in the memory of its slot at once; several slots may share a register; an alias is a
 * value that still lies in another slot only, as GETLOCAL leaves it. Whoever learns the type of one learns it of all that
 * share it. */
#include <string.h>

#include "jit/core.h"

/* Registers for values: callee-saved ones first, since they outlive calls of C. */
static const RiReg gprs[] = {RI_RBP, RI_R14, RI_R15, RI_RSI, RI_RDI, RI_R8, RI_R9, RI_R10, RI_R11};
#define XMM_FIRST 2
#define XMM_COUNT 14

static bool is_callee_saved(RiReg reg)
{
    return reg == RI_RBP || reg == RI_R14 || reg == RI_R15;
}
static bool in_gpr(const RiJitSlot *s)
{
    return s->where >= IN_GPR && s->where < IN_XMM;
}
static bool in_xmm(const RiJitSlot *s)
{
    return s->where >= IN_XMM;
}
static bool is_singleton(uint8_t type)
{
    return type == TYPE_NIL || type == TYPE_FALSE || type == TYPE_TRUE || type == TYPE_LINK;
}

RiMem ri_jit_payload(uint32_t slot)
{
    return ri_mem(RI_RBX, (int64_t)slot * 16);
}
RiMem ri_jit_tag(uint32_t slot)
{
    return ri_mem(RI_RBX, (int64_t)slot * 16 + 8);
}

static uint32_t source_of(const RiJit *j, uint32_t slot)
{
    return j->slots[slot].where == IN_ALIAS ? j->slots[slot].alias : slot;
}

/* Is the value of `slot` the one in the memory of slot `source`, and nowhere else? */
static bool comes_from(const RiJit *j, uint32_t slot, uint32_t source)
{
    const RiJitSlot *s = &j->slots[slot];
    return (s->where == IN_MEMORY && slot == source) || (s->where == IN_ALIAS && s->alias == source);
}

/* -- Types --------------------------------------------------------------------------------------------------------- */

bool ri_jit_sample(RiJit *j, uint32_t slot, RiValue *out)
{
    if (slot >= j->depth)
        return false;
    if (j->slots[slot].where == IN_CONSTANT) {
        *out = j->slots[slot].k;
        return true;
    }
    if (j->has_sample[slot]) {
        *out = j->samples[slot];
        return true;
    }
    return false;
}

uint8_t ri_jit_type(RiJit *j, uint32_t slot)
{
    if (j->slots[slot].type != TYPE_UNKNOWN)
        return j->slots[slot].type;
    if (j->generic_pc == j->pc)
        return TYPE_UNKNOWN;
    RiValue v;
    if (!ri_jit_sample(j, slot, &v)) {
        j->is_deferred = true;
        return TYPE_UNKNOWN;
    }
    return TYPE_OF((uint8_t)v.tag);
}

uint8_t ri_jit_operand_type(RiJit *j, RiJitOperand o)
{
    return o.slot < 0 ? TYPE_OF(o.k.tag) : ri_jit_type(j, (uint32_t)o.slot);
}

void ri_jit_know(RiJit *j, uint32_t slot, uint8_t type)
{
    uint32_t source = source_of(j, slot);
    j->snap = NULL;
    for (uint32_t i = 0; i < j->depth; i++) {
        RiJitSlot *s = &j->slots[i];
        if (!comes_from(j, i, source) && i != slot)
            continue;
        s->type = type;
        if (i == source)
            s->memtag = type;
        if (is_singleton(type)) {
            s->where = IN_CONSTANT;
            s->k = (RiValue){.u = 0, .tag = (uint64_t)type - 1};
            s->synced = i == source;
        }
    }
}

void ri_jit_guard(RiJit *j, uint32_t slot, uint8_t type)
{
    if (j->slots[slot].type != TYPE_UNKNOWN)
        return;
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_jit_tag(source_of(j, slot)), type - 1);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_know(j, slot, type);
}

/* -- Registers ------------------------------------------------------------------------------------------------------- */

static uint32_t bit_of(uint8_t where)
{
    return where >= IN_XMM ? 1u << (16 + (where - IN_XMM)) : where >= IN_GPR ? 1u << (where - IN_GPR) : 0;
}

/* Registers that hold values, or arrays of tables. */
static uint32_t used_registers(const RiJit *j)
{
    uint32_t used = j->element.address ? 1u << j->element.address : 0;
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++)
        used |= j->held[i].array ? 1u << j->held[i].array : 0;
    for (uint32_t i = 0; i < j->depth; i++)
        used |= bit_of(j->slots[i].where) | (j->slots[i].array ? 1u << j->slots[i].array : 0);
    return used;
}

static void forget_array(RiJit *j, uint8_t reg)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (j->slots[i].array == reg)
            j->slots[i].array = 0;
    j->snap = NULL;
}

/* It is no value yet, only an address. */
static bool is_pending(const RiJitSlot *s)
{
    return s->site && s->site->is_pending;
}

/* Send the values in a register that is not pinned to memory. */
static uint8_t evict(RiJit *j, uint32_t candidates)
{
    uint32_t best = 0, best_cost = UINT32_MAX;
    for (uint32_t i = 0; i < j->depth; i++)
        if (is_pending(&j->slots[i]))
            candidates &= ~bit_of(j->slots[i].where);
    for (uint32_t i = 0; i < j->depth; i++) {
        uint8_t reg = j->slots[i].array;
        if (reg && candidates >> reg & 1) {
            forget_array(j, reg);
            return (uint8_t)(IN_GPR + reg);
        }
    }
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++) {
        uint8_t reg = j->held[i].array;
        if (reg && candidates >> reg & 1) {
            j->held[i].array = 0;
            j->snap = NULL;
            return (uint8_t)(IN_GPR + reg);
        }
    }
    for (uint32_t i = 0; i < j->depth; i++) {
        uint32_t bit = bit_of(j->slots[i].where);
        if (!(bit & candidates))
            continue;
        uint32_t cost = (j->slots[i].synced ? 0 : 100) + i;
        if (cost < best_cost) {
            best_cost = cost;
            best = j->slots[i].where;
        }
    }
    ri_assert(best);
    for (uint32_t i = 0; i < j->depth; i++) {
        if (j->slots[i].where == best) {
            ri_jit_sync(j, i);
            j->slots[i].where = IN_MEMORY;
        }
    }
    j->snap = NULL;
    return (uint8_t)best;
}

RiReg ri_jit_new_gpr(RiJit *j)
{
    uint32_t used = used_registers(j) | j->pinned, candidates = 0;
    for (size_t i = 0; i < RI_COUNTOF(gprs); i++) {
        if (!(used >> gprs[i] & 1)) {
            j->pinned |= 1u << gprs[i];
            return gprs[i];
        }
        if (!(j->pinned >> gprs[i] & 1))
            candidates |= 1u << gprs[i];
    }
    if (j->element.address) {
        j->element.address = 0;
        return ri_jit_new_gpr(j);
    }
    RiReg reg = (RiReg)(evict(j, candidates) - IN_GPR);
    j->pinned |= 1u << reg;
    return reg;
}

RiXmm ri_jit_new_xmm(RiJit *j)
{
    uint32_t used = used_registers(j) | j->pinned, candidates = 0;
    for (int i = XMM_FIRST; i < XMM_FIRST + XMM_COUNT; i++) {
        if (!(used >> (16 + i) & 1)) {
            j->pinned |= 1u << (16 + i);
            return i;
        }
        if (!(j->pinned >> (16 + i) & 1))
            candidates |= 1u << (16 + i);
    }
    RiXmm reg = evict(j, candidates) - IN_XMM;
    j->pinned |= 1u << (16 + reg);
    return reg;
}

/* A register that holds nothing, if there are enough of them; else RI_NO_REG. */
static RiReg spare_gpr(RiJit *j)
{
    uint32_t used = used_registers(j) | j->pinned, free = 0;
    RiReg last = RI_NO_REG;
    for (size_t i = 0; i < RI_COUNTOF(gprs); i++) {
        if (used >> gprs[i] & 1)
            continue;
        free++;
        last = gprs[i];
    }
    return free > 2 ? last : RI_NO_REG;
}

bool ri_jit_owns_gpr(RiJit *j, RiReg reg, uint32_t slot)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (i != slot && j->slots[i].where == IN_GPR + (int)reg)
            return false;
    return true;
}

/* What lay in the memory of `source` is now in register `where` as well. */
static void now_in(RiJit *j, uint32_t source, uint8_t where)
{
    for (uint32_t i = 0; i < j->depth; i++) {
        if (!comes_from(j, i, source))
            continue;
        j->slots[i].where = where;
        j->slots[i].synced = i == source;
        if (i != source)
            j->slots[i].memtag = 0;
    }
    j->snap = NULL;
}

RiReg ri_jit_gpr(RiJit *j, uint32_t slot)
{
    RiJitSlot *s = &j->slots[slot];
    if (!in_gpr(s)) {
        RiReg reg = ri_jit_new_gpr(j);
        s = &j->slots[slot];
        if (s->where == IN_CONSTANT) {
            ri_x_imm(j->as, reg, s->k.i);
            s->where = (uint8_t)(IN_GPR + (int)reg);
            j->snap = NULL;
        } else {
            uint32_t source = source_of(j, slot);
            ri_x_rm(j->as, RI_X_LOAD, reg, ri_jit_payload(source));
            now_in(j, source, (uint8_t)(IN_GPR + (int)reg));
        }
    }
    RiReg reg = (RiReg)(j->slots[slot].where - IN_GPR);
    j->pinned |= 1u << reg;
    return reg;
}

RiXmm ri_jit_xmm(RiJit *j, uint32_t slot)
{
    RiJitSlot *s = &j->slots[slot];
    if (!in_xmm(s)) {
        RiXmm reg = ri_jit_new_xmm(j);
        s = &j->slots[slot];
        if (s->where == IN_CONSTANT) {
            ri_x_imm(j->as, RI_RAX, s->k.i);
            ri_x_rr(j->as, RI_X_MOVQ_X, reg, RI_RAX);
            s->where = (uint8_t)(IN_XMM + reg);
            j->snap = NULL;
        } else {
            uint32_t source = source_of(j, slot);
            ri_x_rm(j->as, RI_X_MOVSD, reg, ri_jit_payload(source));
            now_in(j, source, (uint8_t)(IN_XMM + reg));
        }
    }
    RiXmm reg = j->slots[slot].where - IN_XMM;
    j->pinned |= 1u << (16 + reg);
    return reg;
}

/* -- Facts of tables -------------------------------------------------------------------------------------------------- */

static bool is_in(const RiJitSlot *s, RiReg reg)
{
    return s->where == IN_GPR + (int)reg && (s->type == TYPE_TABLE || s->type == TYPE_CDATA);
}

const RiJitSlot *ri_jit_facts(const RiJit *j, RiReg table)
{
    static const RiJitSlot nothing;
    for (uint32_t i = 0; i < j->depth; i++)
        if (is_in(&j->slots[i], table))
            return &j->slots[i];
    return &nothing;
}

void ri_jit_learn(RiJit *j, RiReg table, uint8_t facts)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (is_in(&j->slots[i], table))
            j->slots[i].facts |= facts;
    j->snap = NULL;
}

void ri_jit_unlearn(RiJit *j, uint8_t facts)
{
    for (uint32_t i = 0; i < j->depth; i++)
        j->slots[i].facts &= (uint8_t)~facts;
    j->snap = NULL;
}

void ri_jit_learn_kind(RiJit *j, RiReg table, uint8_t kind)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (is_in(&j->slots[i], table))
            j->slots[i].kind = kind;
    j->snap = NULL;
}

void ri_jit_learn_shape(RiJit *j, RiReg table, RiShapeId shape)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (is_in(&j->slots[i], table))
            j->slots[i].shape = shape;
    j->snap = NULL;
}

/* Others may be the same table: those that were known to have the shape as well. */
void ri_jit_shape_changes(RiJit *j, RiReg table, RiShapeId from, RiShapeId to)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (j->slots[i].shape == from)
            j->slots[i].shape = 0;
    ri_jit_learn_shape(j, table, to);
}

/* Load what a slot's `array` is of the object in `reg`. */
static void load_array(RiJit *j, RiReg to, RiReg reg, bool is_table, bool is_pointer)
{
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(reg, is_table ? (int64_t)offsetof(RiTable, array) : (int64_t)offsetof(RiCdata, at)));
    if (is_pointer)
        ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(to, 0));
}

static RiReg array_of(RiJit *j, RiReg object, bool is_table, bool is_pointer)
{
    const RiJitSlot *s = ri_jit_facts(j, object);
    RiReg reg = (RiReg)s->array;
    if (!reg) {
        reg = s->type != TYPE_UNKNOWN ? spare_gpr(j) : RI_NO_REG;
        if (reg == RI_NO_REG)
            reg = RI_RAX;
        load_array(j, reg, object, is_table, is_pointer);
        for (uint32_t i = 0; i < j->depth && reg != RI_RAX; i++)
            if (is_in(&j->slots[i], object))
                j->slots[i].array = (uint8_t)reg;
        j->snap = NULL;
    }
    j->pinned |= 1u << reg;
    return reg;
}

RiReg ri_jit_array(RiJit *j, RiReg table)
{
    return array_of(j, table, true, false);
}

RiReg ri_jit_bytes(RiJit *j, RiReg cdata, bool is_pointer)
{
    if (is_pointer)
        ri_jit_learn(j, cdata, FACT_POINTER);
    return array_of(j, cdata, false, is_pointer);
}

void ri_jit_emit_held(RiJit *j, RiReg to, uint32_t upvalue)
{
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(RI_RBX, -32));
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(to, (int64_t)(offsetof(RiClosure, upvals) + upvalue * sizeof(RiCell *))));
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(to, offsetof(RiCell, value)));
}

static void load_held(RiJit *j, RiReg to, const RiJitHeld *held)
{
    ri_jit_emit_held(j, to, held->upvalue - 1u);
    load_array(j, to, to, false, held->is_pointer);
}

RiReg ri_jit_held_bytes(RiJit *j, RiJitHeld *held)
{
    RiReg reg = (RiReg)held->array;
    if (!held->array) {
        reg = spare_gpr(j);
        if (reg == RI_NO_REG)
            reg = RI_RAX;
        load_held(j, reg, held);
        held->array = reg == RI_RAX ? 0 : (uint8_t)reg;
        j->snap = NULL;
    }
    j->pinned |= 1u << reg;
    return reg;
}

void ri_jit_drop_held(RiJit *j)
{
    memset(j->held, 0, sizeof j->held);
    j->element.address = 0; /* it may be of an upvalue */
    j->snap = NULL;
}

void ri_jit_forget_pointers(RiJit *j)
{
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++)
        if (j->held[i].is_pointer)
            j->held[i].array = 0;
    for (uint32_t i = 0; i < j->depth; i++)
        if (j->slots[i].facts & FACT_POINTER)
            j->slots[i].array = 0;
    j->snap = NULL;
}

void ri_jit_drop_facts(RiJit *j)
{
    memset(j->held, 0, sizeof j->held);
    for (uint32_t i = 0; i < j->depth; i++) {
        RiJitSlot *s = &j->slots[i];
        s->kind = s->array = 0;
        if (s->type == TYPE_CDATA) { /* its type does not change */
            s->facts &= (uint8_t)~FACT_PLAIN;
            continue;
        }
        s->facts = 0;
        s->shape = 0;
    }
    j->snap = NULL;
}

/* -- Values into slots ------------------------------------------------------------------------------------------------ */

/* Copy the memory of slot `from` to slot `to`, tag and all. */
static void copy_memory(RiJit *j, uint32_t to, uint32_t from, uint8_t type)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_jit_payload(from));
    if (type == TYPE_UNKNOWN)
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_jit_tag(from));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(to));
    if (type == TYPE_UNKNOWN)
        ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_jit_tag(to));
    else if (j->slots[to].memtag != type)
        ri_x_store_imm(j->as, ri_jit_tag(to), type - 1);
}

static void resolve_alias(RiJit *j, uint32_t slot)
{
    RiJitSlot *s = &j->slots[slot];
    if (s->where != IN_ALIAS)
        return;
    copy_memory(j, slot, s->alias, s->type);
    s->where = IN_MEMORY;
    s->memtag = s->type;
    s->synced = true;
    j->snap = NULL;
}

void ri_jit_before_write(RiJit *j, uint32_t slot)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (j->slots[i].where == IN_ALIAS && j->slots[i].alias == slot)
            resolve_alias(j, i);
}

static RiJitSlot *begin_set(RiJit *j, uint32_t slot, uint8_t type, uint8_t where)
{
    j->snap = NULL;
    ri_assert(slot < RI_JIT_SLOTS_MAX);
    if (slot >= j->depth) {
        j->depth = slot + 1;
        j->slots[slot].memtag = 0;
    } else {
        ri_jit_before_write(j, slot);
    }
    RiJitSlot *s = &j->slots[slot];
    if (slot == j->element.object || slot == j->element.key)
        j->element.address = 0;
    s->type = type;
    s->where = where;
    s->synced = false;
    s->facts = s->kind = s->array = 0;
    s->shape = 0;
    s->site = NULL;
    j->has_sample[slot] = false;
    return s;
}

/* What is known of the table that `from` was is known of its copy in s. */
static void copy_facts(RiJitSlot *s, const RiJitSlot *from)
{
    s->facts = from->facts;
    s->kind = from->kind;
    s->array = from->array;
    s->shape = from->shape;
    s->site = from->site;
}

void ri_jit_set_gpr(RiJit *j, uint32_t slot, uint8_t type, RiReg reg)
{
    begin_set(j, slot, type, (uint8_t)(IN_GPR + (int)reg));
}
void ri_jit_set_xmm(RiJit *j, uint32_t slot, RiXmm reg)
{
    begin_set(j, slot, TYPE_FLOAT, (uint8_t)(IN_XMM + reg));
}
void ri_jit_set_constant(RiJit *j, uint32_t slot, RiValue k)
{
    begin_set(j, slot, TYPE_OF((uint8_t)k.tag), IN_CONSTANT)->k = k;
}
void ri_jit_set_memory(RiJit *j, uint32_t slot, uint8_t type)
{
    RiJitSlot *s = begin_set(j, slot, type, IN_MEMORY);
    s->memtag = type;
    s->synced = true;
}

void ri_jit_set_copy(RiJit *j, uint32_t slot, uint32_t from)
{
    if (slot == from)
        return;
    RiJitSlot s = j->slots[from];
    RiValue sample = j->samples[from];
    bool has_sample = j->has_sample[from];
    if (s.where == IN_ALIAS && s.alias == slot)
        return; /* it is there already */
    if ((s.where == IN_MEMORY || s.where == IN_ALIAS) && slot < source_of(j, from)) { /* the copy outlives its source */
        ri_jit_before_write(j, slot);
        copy_memory(j, slot, source_of(j, from), s.type);
        ri_jit_set_memory(j, slot, s.type);
    } else if (s.where == IN_MEMORY || s.where == IN_ALIAS) {
        uint32_t source = source_of(j, from);
        begin_set(j, slot, s.type, IN_ALIAS)->alias = source;
    } else {
        begin_set(j, slot, s.type, s.where)->k = s.k;
    }
    copy_facts(&j->slots[slot], &s);
    j->samples[slot] = sample;
    j->has_sample[slot] = has_sample;
}

void ri_jit_move_down(RiJit *j)
{
    ri_jit_set_copy(j, j->depth - 2, j->depth - 1);
    ri_jit_pop(j, 1);
}

void ri_jit_set_sample(RiJit *j, uint32_t slot, RiValue sample)
{
    j->samples[slot] = sample;
    j->has_sample[slot] = true;
}

void ri_jit_pop(RiJit *j, uint32_t count)
{
    j->depth -= count;
    j->snap = NULL;
}

/* -- To memory -------------------------------------------------------------------------------------------------------- */

static void store_payload(RiJit *j, uint32_t slot)
{
    const RiJitSlot *s = &j->slots[slot];
    if (in_gpr(s)) {
        ri_x_rm(j->as, RI_X_STORE, s->where - IN_GPR, ri_jit_payload(slot));
    } else if (in_xmm(s)) {
        ri_x_rm(j->as, RI_X_MOVSD_ST, s->where - IN_XMM, ri_jit_payload(slot));
    } else if (s->k.i == (int32_t)s->k.i) {
        ri_x_store_imm(j->as, ri_jit_payload(slot), (int32_t)s->k.i);
    } else {
        ri_x_imm(j->as, RI_RAX, s->k.i);
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(slot));
    }
}

/* The value of s is stored where others look. */
static void escape(RiJit *j, RiJitSlot *s)
{
    if (!s->site)
        return;
    ri_jit_emit_escape(j, s->site);
    s->site = NULL;
    j->snap = NULL;
}

void ri_jit_sync(RiJit *j, uint32_t slot)
{
    RiJitSlot *s = &j->slots[slot];
    if (s->where == IN_MEMORY)
        return;
    if (s->where == IN_ALIAS) {
        resolve_alias(j, slot);
        return;
    }
    if (is_pending(s)) {
        ri_jit_roll_back(j, s->site);
        ri_jit_set_memory(j, slot, TYPE_CDATA); /* not reached */
        return;
    }
    escape(j, s);
    if (!s->synced && s->type != TYPE_LINK)
        store_payload(j, slot);
    if (s->memtag != s->type)
        ri_x_store_imm(j->as, ri_jit_tag(slot), s->type - 1);
    if (!s->synced || s->memtag != s->type)
        j->snap = NULL;
    s->synced = true;
    s->memtag = s->type;
}

static RiReg scratch_beside(RiMem at)
{
    return at.base == RI_RDX ? RI_RCX : RI_RDX;
}

void ri_jit_store_payload(RiJit *j, uint32_t slot, RiMem at)
{
    const RiJitSlot *s = &j->slots[slot];
    RiReg scratch = scratch_beside(at);
    escape(j, &j->slots[slot]);
    if (in_gpr(s)) {
        ri_x_rm(j->as, RI_X_STORE, s->where - IN_GPR, at);
    } else if (in_xmm(s)) {
        ri_x_rm(j->as, RI_X_MOVSD_ST, s->where - IN_XMM, at);
    } else if (s->where == IN_CONSTANT && s->k.i == (int32_t)s->k.i) {
        ri_x_store_imm(j->as, at, (int32_t)s->k.i);
    } else {
        if (s->where == IN_CONSTANT)
            ri_x_imm(j->as, scratch, s->k.i);
        else
            ri_x_rm(j->as, RI_X_LOAD, scratch, ri_jit_payload(source_of(j, slot)));
        ri_x_rm(j->as, RI_X_STORE, scratch, at);
    }
}

void ri_jit_store_value(RiJit *j, uint32_t slot, RiMem at)
{
    const RiJitSlot *s = &j->slots[slot];
    RiMem tag = at;
    RiReg scratch = scratch_beside(at);
    tag.disp += 8;
    ri_jit_store_payload(j, slot, at);
    if (s->type != TYPE_UNKNOWN) {
        ri_x_store_imm(j->as, tag, s->type - 1);
    } else {
        ri_x_rm(j->as, RI_X_LOAD, scratch, ri_jit_tag(source_of(j, slot)));
        ri_x_rm(j->as, RI_X_STORE, scratch, tag);
    }
}

void ri_jit_flush(RiJit *j)
{
    for (uint32_t i = 0; i < j->depth; i++)
        ri_jit_sync(j, i);
}

void ri_jit_drop_registers(RiJit *j, bool all)
{
    j->element.address = 0;
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++)
        if (j->held[i].array && !is_callee_saved((RiReg)j->held[i].array))
            j->held[i].array = 0;
    for (uint32_t i = 0; i < j->depth; i++) {
        RiJitSlot *s = &j->slots[i];
        if (in_xmm(s) || (in_gpr(s) && (all || !is_callee_saved((RiReg)(s->where - IN_GPR)))))
            s->where = IN_MEMORY;
        if (s->array && !is_callee_saved((RiReg)s->array))
            s->array = 0;
    }
    if (all)
        ri_jit_drop_facts(j);
    j->snap = NULL;
}

/* The slot's value is in its memory: of that type. */
static void keep_type_only(RiJitSlot *s, uint8_t type)
{
    *s = (RiJitSlot){.type = type, .where = IN_MEMORY, .synced = true, .memtag = type};
    if (is_singleton(type)) {
        s->where = IN_CONSTANT;
        s->k = (RiValue){.tag = (uint64_t)type - 1};
    }
}

void ri_jit_forget(RiJit *j)
{
    ri_jit_flush(j);
    ri_jit_drop_held(j);
    for (uint32_t i = 0; i < j->depth; i++) {
        uint8_t type = j->slots[i].type;
        keep_type_only(&j->slots[i], type == TYPE_LINK || type == TYPE_CELL ? type : TYPE_UNKNOWN);
    }
    j->snap = NULL;
}

void ri_jit_generalize(RiJit *j, const RiJitVersion *versions)
{
    ri_jit_flush(j);
    ri_jit_drop_held(j);
    for (uint32_t i = 0; i < j->depth; i++) {
        uint8_t type = j->slots[i].type;
        for (const RiJitVersion *v = versions; v; v = v->next)
            if (v->snap->slots[i].type != type)
                type = TYPE_UNKNOWN;
        keep_type_only(&j->slots[i], type);
    }
    j->snap = NULL;
}

void ri_jit_flush_for_call(RiJit *j)
{
    ri_jit_flush(j);
    ri_jit_drop_registers(j, false);
}

/* The outermost frame, where rbx points, is the current one again. */
static void emit_unframe(RiJit *j)
{
    if (j->is_framed)
        ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
    j->is_framed = false;
}

void ri_jit_save_state(RiJit *j, uint32_t pc)
{
    if (j->inl) {
        ri_jit_emit_frames(j);
        ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->base));
        ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(base));
        j->is_framed = true;
    }
    ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)pc);
    if (j->is_open)
        return;
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
}

void ri_jit_call_pure(RiJit *j, uintptr_t function)
{
    ri_x_imm(j->as, RI_RAX, (int64_t)function);
    ri_x_call_reg(j->as, RI_RAX);
}

void ri_jit_call_c(RiJit *j, uintptr_t function)
{
    ri_jit_call_pure(j, function);
    ri_jit_drop_facts(j);
    emit_unframe(j);
}

void ri_jit_begin_slow(RiJit *j)
{
    ri_jit_flush(j);
    ri_jit_save_state(j, j->pc + 1);
}

void ri_jit_end_slow(RiJit *j, uintptr_t helper)
{
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_pure(j, helper);
    ri_jit_drop_facts(j);
    ri_x_rr(j->as, RI_X_TEST, RI_RAX, RI_RAX);
    bool is_cold = j->as == &j->cold;
    uint32_t where = ri_x_jcc(j->as, is_cold ? RI_CC_E : RI_CC_NE, 0), done = j->as->at;
    if (!is_cold)
        ri_x_patch(j->as, where, ri_jit_cold_begin(j));
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, RI_NATIVE_SAFE_POINT);
    ri_x_jcc(j->as, RI_CC_BE, j->exit_address);
    ri_jit_drop_registers(j, true);
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_call(j->as, j->jump_thunk_address); /* a metamethod: it returns as ri_finish_instruction does */
    if (is_cold) {
        ri_x_land(j->as, where);
    } else {
        ri_x_jmp(j->as, done);
        ri_jit_cold_end(j);
    }
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    if (j->inl)
        ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)j->base * 16);
    emit_unframe(j);
}

/* -- Meeting another context ----------------------------------------------------------------------------------------- */

static bool same_place(const RiJitSlot *a, const RiJitSlot *b)
{
    if (a->where == IN_CONSTANT && b->where == IN_CONSTANT)
        return a->k.u == b->k.u && a->k.tag == b->k.tag;
    return a->where == b->where && (in_gpr(a) || in_xmm(a));
}

/* Slots that share a register in `target` must share their value here. */
static bool shares_alike(const RiJit *j, const RiJitSnap *target, uint32_t slot)
{
    const RiJitSlot *t = &target->slots[slot];
    for (uint32_t i = 0; i < slot; i++) {
        const RiJitSlot *u = &target->slots[i];
        if (u->where == t->where && !same_place(&j->slots[i], &j->slots[slot]))
            return false;
    }
    return true;
}

static bool arrays_alike(const RiJit *j, const RiJitSnap *target, uint32_t slot)
{
    const RiJitSlot *s = &j->slots[slot];
    for (uint32_t i = 0; i < slot; i++) {
        const RiJitSlot *u = &j->slots[i];
        if (target->slots[i].array == target->slots[slot].array && !(s->array && u->array == s->array) && !same_place(s, u))
            return false;
    }
    return true;
}

static bool knows_kind(uint8_t kind, uint8_t wanted)
{
    return wanted == 0 || kind == wanted ||
           (wanted == KIND_VALUES && (kind == KIND_OF(RI_ARRAY_NUMBER) || kind == KIND_OF(RI_ARRAY_ANY)));
}

static bool knows_facts(const RiJitSlot *s, const RiJitSlot *target)
{
    return (target->facts & ~s->facts) == 0 && knows_kind(s->kind, target->kind) &&
           (target->shape == 0 || s->shape == target->shape);
}

/* The one among those of a context that says the same; NULL: none. */
static const RiJitHeld *find_held(const RiJitHeld *held, const RiJitHeld *like)
{
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++)
        if (held[i].upvalue == like->upvalue && held[i].number == like->number && held[i].size == like->size)
            return &held[i];
    return NULL;
}

static bool knows_held(const RiJit *j, const RiJitSnap *target)
{
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++)
        if (target->held[i].upvalue && !find_held(j->held, &target->held[i]))
            return false;
    return true;
}

uint32_t ri_jit_facts_lost(const RiJit *j, const RiJitSnap *target)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++) {
        const RiJitHeld *found = find_held(target->held, &j->held[i]);
        lost += j->held[i].upvalue && (!found || (j->held[i].array && !found->array));
    }
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i], *t = &target->slots[i];
        lost += (uint32_t)__builtin_popcount(s->facts & ~t->facts) + !knows_kind(t->kind, s->kind) +
                (s->shape != 0 && t->shape != s->shape) + (s->array && !t->array) + (t->type != s->type ? 4 : 0);
    }
    return lost;
}

bool ri_jit_same_types(const RiJit *j, const RiJitSnap *target)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (target->slots[i].type != j->slots[i].type)
            return false;
    return true;
}

bool ri_jit_fits(RiJit *j, const RiJitSnap *target, bool exact)
{
    ri_assert(target->depth == j->depth);
    if (!knows_held(j, target))
        return false;
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i], *t = &target->slots[i];
        if (t->type != s->type && (t->type != TYPE_UNKNOWN || exact))
            return false;
        if (t->where == IN_CONSTANT && !is_singleton(t->type) && !same_place(s, t))
            return false;
        if ((in_gpr(t) || in_xmm(t)) && !shares_alike(j, target, i))
            return false;
        if (!knows_facts(s, t) || (t->array && !arrays_alike(j, target, i)))
            return false;
    }
    return true;
}

typedef struct Move {
    uint8_t to, from; /* IN_GPR…, IN_XMM… */
} Move;

static void move_register(RiJit *j, uint8_t to, uint8_t from)
{
    if (to >= IN_XMM)
        ri_x_rr(j->as, RI_X_MOVAPS, to - IN_XMM, from - IN_XMM);
    else
        ri_x_rr(j->as, RI_X_LOAD, to - IN_GPR, from - IN_GPR);
}

/* Register to register, all at once: a move whose target nobody needs any more goes first; cycles go through scratch. */
static void move_registers(RiJit *j, Move *moves, uint32_t count)
{
    while (count > 0) {
        uint32_t i = 0;
        for (; i < count; i++) {
            uint32_t k = 0;
            while (k < count && (k == i || moves[k].from != moves[i].to))
                k++;
            if (k == count)
                break;
        }
        if (i < count) {
            move_register(j, moves[i].to, moves[i].from);
            moves[i] = moves[--count];
            continue;
        }
        uint8_t scratch = moves[0].from >= IN_XMM ? IN_XMM : IN_GPR; /* xmm0, rax */
        uint8_t from = moves[0].from;
        move_register(j, scratch, from);
        for (uint32_t k = 0; k < count; k++)
            if (moves[k].from == from)
                moves[k].from = scratch;
    }
}

/* The registers that `target` wants arrays in: all else is as it is there. */
static void load_arrays(RiJit *j, const RiJitSnap *target, uint64_t done)
{
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *t = &target->slots[i];
        if (!t->array || done >> (IN_GPR + t->array) & 1)
            continue;
        done |= 1ull << (IN_GPR + t->array);
        RiReg object = in_gpr(t) ? (RiReg)(t->where - IN_GPR) : RI_RAX;
        if (!in_gpr(t))
            ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_jit_payload(i));
        load_array(j, t->array, object, t->type != TYPE_CDATA, t->facts & FACT_POINTER);
    }
}

/* The same of those of upvalues. */
static void load_held_arrays(RiJit *j, const RiJitSnap *target)
{
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++) {
        const RiJitHeld *t = &target->held[i], *s = t->upvalue ? find_held(j->held, t) : NULL;
        if (t->array && !(s && s->array))
            load_held(j, (RiReg)t->array, t);
    }
}

static uint32_t move_held(const RiJit *j, const RiJitSnap *target, Move *moves)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RI_JIT_HELD_MAX; i++) {
        const RiJitHeld *t = &target->held[i], *s = t->upvalue ? find_held(j->held, t) : NULL;
        if (t->array && s && s->array && s->array != t->array)
            moves[count++] = (Move){(uint8_t)(IN_GPR + t->array), (uint8_t)(IN_GPR + s->array)};
    }
    return count;
}

static void load_into(RiJit *j, uint8_t where, uint32_t slot)
{
    const RiJitSlot *s = &j->slots[slot];
    if (s->where == IN_CONSTANT) {
        ri_x_imm(j->as, where >= IN_XMM ? RI_RAX : (RiReg)(where - IN_GPR), s->k.i);
        if (where >= IN_XMM)
            ri_x_rr(j->as, RI_X_MOVQ_X, where - IN_XMM, RI_RAX);
    } else if (where >= IN_XMM) {
        ri_x_rm(j->as, RI_X_MOVSD, where - IN_XMM, ri_jit_payload(slot));
    } else {
        ri_x_rm(j->as, RI_X_LOAD, where - IN_GPR, ri_jit_payload(slot));
    }
}

void ri_jit_transition(RiJit *j, const RiJitSnap *target)
{
    j->element.address = 0;
    Move moves[32];
    uint32_t count = 0;
    for (uint32_t i = 0; i < j->depth; i++)
        resolve_alias(j, i);
    for (uint32_t i = 0; i < j->depth; i++) { /* to memory, while the registers are as they were */
        RiJitSlot *s = &j->slots[i];
        const RiJitSlot *t = &target->slots[i];
        bool needs_value = t->where == IN_MEMORY || t->synced;
        if (s->site && s->site != t->site)
            escape(j, s);
        if (needs_value && t->type != TYPE_LINK) {
            ri_jit_sync(j, i);
        } else if (t->memtag != TYPE_UNKNOWN && t->memtag != s->memtag) {
            ri_x_store_imm(j->as, ri_jit_tag(i), t->memtag - 1);
            s->memtag = t->memtag;
        }
    }
    uint64_t done = 0; /* registers taken care of */
    count = move_held(j, target, moves);
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i], *t = &target->slots[i];
        if ((in_gpr(t) || in_xmm(t)) && (in_gpr(s) || in_xmm(s)) && !(done >> t->where & 1)) {
            done |= 1ull << t->where;
            if (s->where != t->where)
                moves[count++] = (Move){t->where, s->where};
        }
        if (s->array && t->array && !(done >> (IN_GPR + t->array) & 1)) {
            done |= 1ull << (IN_GPR + t->array);
            if (s->array != t->array)
                moves[count++] = (Move){(uint8_t)(IN_GPR + t->array), (uint8_t)(IN_GPR + s->array)};
        }
    }
    move_registers(j, moves, count);
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i], *t = &target->slots[i];
        if ((in_gpr(t) || in_xmm(t)) && !(in_gpr(s) || in_xmm(s)) && !(done >> t->where & 1)) {
            done |= 1ull << t->where;
            load_into(j, t->where, i);
        }
    }
    load_arrays(j, target, done);
    load_held_arrays(j, target);
}

void ri_jit_rejoin(RiJit *j, RiJitSnap *snap, uint32_t address)
{
    ri_jit_transition(j, snap);
    ri_x_jmp(j->as, address);
    ri_jit_restore(j, snap);
}

/* Before a context becomes, or meets, that of a merge point. demote: constants are values like any other. */
void ri_jit_prepare_merge(RiJit *j, uint32_t pc, bool demote)
{
    const RiJitLoop *loop = j->pcs[pc].loop;
    j->element.address = 0;
    for (uint32_t i = 0; i < j->depth; i++) {
        resolve_alias(j, i);
        RiJitSlot *s = &j->slots[i];
        if (loop && s->site && s->site->home != i)
            escape(j, s);
        if (loop && !s->site && s->type == TYPE_CDATA && loop->written[i / 32] >> i % 32 & 1) {
            s->site = ri_jit_foreign_home(j, i); /* the next round makes one there */
            j->snap = NULL;
        }
        if (s->where != IN_CONSTANT || is_singleton(s->type))
            continue;
        if (demote || (loop && loop->written[i / 32] >> i % 32 & 1)) {
            if (s->type == TYPE_INT)
                ri_jit_gpr(j, i);
            else if (s->type == TYPE_FLOAT)
                ri_jit_xmm(j, i);
            else {
                ri_jit_sync(j, i);
                s->where = IN_MEMORY;
            }
            j->pinned = 0;
        }
    }
    j->snap = NULL;
}

#define LOOP_GPRS 7
#define LOOP_XMMS 10

#define LOOP_SPARE 4 /* registers for what the body computes */

static bool is_used(const RiJitLoop *loop, uint32_t slot)
{
    return loop->used[slot / 32] >> slot % 32 & 1;
}

/* Where registers are short, what only the loops around use waits in memory. */
static void make_room_for_loop(RiJit *j, const RiJitLoop *loop)
{
    uint32_t free = RI_COUNTOF(gprs) - (uint32_t)__builtin_popcount(used_registers(j) & 0xffff), wanted = LOOP_SPARE;
    for (uint32_t i = 0; i < j->depth; i++)
        wanted += is_used(loop, i) && j->slots[i].where == IN_MEMORY && j->slots[i].type != TYPE_FLOAT;
    for (uint32_t i = 0; i < j->depth && free < wanted; i++) {
        RiJitSlot *s = &j->slots[i];
        if (!in_gpr(s) || is_used(loop, i))
            continue;
        free += ri_jit_owns_gpr(j, (RiReg)(s->where - IN_GPR), i);
        ri_jit_sync(j, i);
        s->where = IN_MEMORY;
        s->array = 0;
    }
}

/* At the head of a loop: what the body uses goes into registers, its type made sure of. */
void ri_jit_prepare_loop(RiJit *j, const RiJitLoop *loop)
{
    uint32_t count[2] = {LOOP_GPRS, LOOP_XMMS};
    make_room_for_loop(j, loop);
    uint32_t used = used_registers(j);
    for (int i = 0; i < 16; i++)
        count[0] -= (used >> i & 1) && count[0] > 0;
    for (int i = 16; i < 32; i++)
        count[1] -= (used >> i & 1) && count[1] > 0;
    for (uint32_t i = 0; i < j->depth; i++) {
        RiJitSlot *s = &j->slots[i];
        if (!is_used(loop, i) || s->where == IN_CONSTANT)
            continue;
        RiValue v;
        uint8_t type = s->type;
        if (type == TYPE_UNKNOWN && ri_jit_sample(j, i, &v))
            type = TYPE_OF((uint8_t)v.tag);
        if (type != TYPE_INT && type != TYPE_FLOAT && type != TYPE_TABLE && type != TYPE_CDATA)
            continue;
        if (s->type == TYPE_UNKNOWN)
            ri_jit_guard(j, i, type);
        if (s->where == IN_MEMORY && count[type == TYPE_FLOAT] > 0) {
            count[type == TYPE_FLOAT]--;
            if (type == TYPE_FLOAT)
                ri_jit_xmm(j, i);
            else
                ri_jit_gpr(j, i);
            j->pinned = 0;
        }
        if (loop->written[i / 32] >> i % 32 & 1 && s->where != IN_MEMORY)
            s->synced = false; /* so that the back-edge need not store it */
    }
    j->snap = NULL;
}

void ri_jit_load_snap(RiJit *j, const RiJitSnap *snap)
{
    j->depth = snap->depth;
    memcpy(j->held, snap->held, sizeof j->held);
    memcpy(j->slots, snap->slots, snap->depth * sizeof(RiJitSlot));
    memset(j->has_sample, 0, sizeof j->has_sample);
    j->pinned = 0;
    j->element.address = 0;
    j->poll_end = 0;
    j->snap = (RiJitSnap *)snap;
}
