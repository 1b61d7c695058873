/* Emitters: values of C.
 *
 * What an access or a call means follows from the type of the cdata, whose number is compared. Memory that is known to be there
 * (bytes that ffi.new has made, with an index that has been compared) is simply accessed; through pointers, by instructions that
 * vm/host/fault.h lets fail. What cannot be done is left to the interpreter, which says what is wrong.
 *
 * Most cdata that an expression makes, the reference in `a[i].x`, are gone at once. So each slot of a frame has boxes for what is
 * made in it, or for it, which are used again; code that lets somebody else see one (a store to memory: ri_jit_sync,
 * ri_jit_store_payload) takes them away first, and the next round makes new ones. A context knows by RiJitSlot.site whose box a slot
 * may hold: what is there is not used for a new value. */
#include "jit/core.h"

#include <errno.h>

#include "vm/host/fault.h"

#define NULL_PAGE_BYTES 65536 /* nothing is ever mapped below */
#define SAFE_OFFSET_MAX 4096

/* -- Boxes -------------------------------------------------------------------------------------------------------------- */

void ri_jit_foreign_clear(RiHeap *heap)
{
    for (RiForeignSite *site = heap->foreign_sites; site; site = site->next)
        site->boxes[0] = site->boxes[1] = NULL;
}

void ri_jit_emit_escape(RiJit *j, const RiForeignSite *site)
{
    ri_x_push(j->as, RI_RAX);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)site->boxes);
    ri_x_store_imm(j->as, ri_mem(RI_RAX, 0), 0);
    ri_x_store_imm(j->as, ri_mem(RI_RAX, 8), 0);
    ri_x_pop(j->as, RI_RAX);
}

static void help_make(RiThread *T, RiForeignSite *site)
{
    RiCdata *box = T->heap->foreign->make(T, site);
    site->boxes[0] = box;
}

static void help_make_two(RiThread *T, RiForeignSite *site)
{
    help_make(T, site);
    RiCdata *first = site->boxes[0], *second = T->heap->foreign->make(T, site); /* which may have cleared the first */
    site->boxes[0] = first;
    site->boxes[1] = second;
}

typedef struct Start { /* of an instruction: where it can be begun again */
    uint32_t address;
    RiJitSnap *snap;
} Start;

static Start begin(RiJit *j)
{
    return (Start){j->as->at, ri_jit_snapshot(j)};
}

/* Of values of a type, made for a slot: in whatever version, so one that has been left in a box by one is known in another. */
static RiForeignSite *find_site(RiJit *j, const RiForeignValue *v, uint32_t home)
{
    RiForeignSite *site = j->heap->foreign_sites;
    while (site && (site->pcs != j->pcs || site->home != home || site->type != v->made))
        site = site->next;
    if (site)
        return site;
    site = ri_jit_alloc(j, sizeof *site);
    site->pcs = j->pcs;
    site->home = home;
    site->type = v->made;
    site->size = v->made_size;
    site->is_pointer = v->kind != RI_FOREIGN_REFERENCE;
    site->next = j->heap->foreign_sites;
    j->heap->foreign_sites = site;
    return site;
}

/* The slot that what is made in slot `to` goes to. */
static uint32_t home_of(const RiJit *j, uint32_t to)
{
    RiWord next = j->code[j->next_pc];
    return RI_WORD_OP(next) == RI_OP_SETLOCAL && !j->pcs[j->next_pc].is_merge ? RI_WORD_A(next) : to;
}

RiForeignSite *ri_jit_foreign_home(RiJit *j, uint32_t slot)
{
    RiValue sample;
    RiForeignPointer p;
    RiForeignValue v;
    if (!j->heap->foreign || !ri_jit_sample(j, slot, &sample) || sample.tag != RI_TAG_CDATA)
        return NULL;
    if (j->heap->foreign->integer(j->T, ((const RiCdata *)sample.cp)->type, &v))
        return v.is_boxed ? find_site(j, &v, slot) : NULL;
    if (!j->heap->foreign->pointer(j->T, ((const RiCdata *)sample.cp)->type, &p) || !p.is_through || p.step == 0)
        return NULL;
    return find_site(j, &p.made, slot);
}

static bool in_gpr(const RiJitSlot *s)
{
    return s->where >= IN_GPR && s->where < IN_XMM;
}

/* Compare the box with each slot that may hold one of the site, and take `other` (a CMOVE's operand) where they are the same. Returns
 * how many there are. */
static uint32_t emit_avoid(RiJit *j, const RiForeignSite *site, RiReg box, const RiMem *other)
{
    uint32_t holders = 0, seen = 0;
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i];
        if (s->site != site || (in_gpr(s) && seen >> (s->where - IN_GPR) & 1))
            continue;
        if (in_gpr(s)) {
            seen |= 1u << (s->where - IN_GPR);
            ri_x_rr(j->as, RI_X_CMP, box, (RiReg)(s->where - IN_GPR));
        } else {
            ri_x_rm(j->as, RI_X_CMP, box, ri_jit_payload(s->where == IN_ALIAS ? s->alias : i));
        }
        if (other)
            ri_x_rm(j->as, RI_X_CMOVE, box, *other);
        else
            ri_x_rr(j->as, RI_X_CMOVE, box, RI_RCX);
        holders++;
    }
    return holders;
}

/* box := one of the site that no slot holds; or NULL. Uses rax and rcx. False: no slot can hold any. */
static bool emit_choose(RiJit *j, const RiForeignSite *site, RiReg box)
{
    RiMem second = ri_mem(RI_RAX, sizeof(RiCdata *));
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)site->boxes);
    ri_x_rm(j->as, RI_X_LOAD, box, ri_mem(RI_RAX, 0));
    uint32_t holders = emit_avoid(j, site, box, &second);
    if (holders > 1) {
        ri_x_imm(j->as, RI_RCX, 0);
        emit_avoid(j, site, box, NULL);
    }
    return holders > 0;
}

/* In code that goes back: only the collector sees what is in memory meanwhile. */
static void forget_sites(RiJit *j)
{
    for (uint32_t i = 0; i < j->depth; i++)
        j->slots[i].site = NULL;
    j->snap = NULL;
}

/* A box of a site in a register. Comes first in an instruction: if there is none, one is made, and then looked for again; what takes
 * boxes away would do so for ever. */
static RiReg emit_box(RiJit *j, RiForeignSite *site)
{
    RiReg box = ri_jit_new_gpr(j);
    Start start = begin(j);
    bool is_held = emit_choose(j, site, box);
    ri_x_rr(j->as, RI_X_TEST, box, box);
    uint32_t none = ri_x_jcc(j->as, RI_CC_E, 0);
    RiJitSnap *after = ri_jit_snapshot(j);
    ri_x_patch(j->as, none, ri_jit_cold_begin(j));
    const RiForeignSite *pending = ri_jit_pending(j);
    if (pending) {
        j->depth = pending->depth;
        j->snap = NULL;
    } else {
        forget_sites(j);
    }
    ri_jit_begin_slow(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RSI, (int64_t)(uintptr_t)site);
    ri_jit_call_c(j, is_held ? HELPER(help_make_two) : HELPER(help_make));
    ri_jit_drop_registers(j, true);
    if (pending)
        ri_jit_emit_exit(j, pending->pc, RI_JIT_EXIT_CONDITION);
    else
        ri_jit_rejoin(j, start.snap, start.address);
    ri_jit_cold_end(j);
    ri_jit_restore(j, after);
    return box;
}

/* What the next instructions look at: a value of that type. It steers, nobody follows its address. */
static RiCdata *new_sample(RiJit *j, const RiForeignValue *v)
{
    RiCdata *c = ri_jit_alloc(j, sizeof *c);
    ri_object_init(c, RI_TAG_CDATA, 0, 0, v->made_number);
    c->type = v->made;
    return c;
}

static void set_sample(RiJit *j, uint32_t slot, const RiForeignValue *v)
{
    ri_jit_set_sample(j, slot, ri_object(new_sample(j, v), RI_TAG_CDATA));
}

/* A cdata in `reg` in slot `to`. */
static void set_cdata(RiJit *j, uint32_t to, const RiForeignValue *v, RiForeignSite *site, RiReg reg, RiReg address, uint8_t facts)
{
    ri_jit_set_gpr(j, to, TYPE_CDATA, reg);
    RiJitSlot *s = &j->slots[to];
    s->shape = v->made_number;
    s->facts = facts;
    s->array = (uint8_t)address;
    s->site = site;
}

static void set_box(RiJit *j, uint32_t to, const RiForeignValue *v, RiForeignSite *site, RiReg box, RiReg address, uint8_t facts)
{
    set_cdata(j, to, v, site, box, address, facts);
    j->snap = NULL;
    set_sample(j, to, v);
}

/* -- References that are used at once ------------------------------------------------------------------------------------- */

/* In `a[i].x` and `a[i].x = e` the reference is gone some instructions later, and all between are such as can be done twice. Then it
 * is not made at all: its slot is pending, an address in a register. Code that is left meanwhile, or would have to store it, begins
 * again with the instruction that it comes from. */

#define LOOK_AHEAD_MAX 24

const RiForeignSite *ri_jit_pending(const RiJit *j)
{
    for (uint32_t i = 0; i < j->depth; i++)
        if (j->slots[i].site && j->slots[i].site->is_pending)
            return j->slots[i].site;
    return NULL;
}

void ri_jit_roll_back(RiJit *j, const RiForeignSite *site)
{
    RiJitSnap *snap = ri_jit_snapshot(j);
    bool is_begun = j->is_begun;
    j->pcs[site->pc].is_plain = true;
    j->depth = site->depth;
    j->snap = NULL;
    j->is_begun = false;
    if (j->as == &j->cold)
        ri_jit_emit_exit(j, site->pc, RI_JIT_EXIT_CONDITION);
    else
        ri_jit_jump_to_stub(j, site->pc);
    j->is_begun = is_begun;
    ri_jit_restore(j, snap);
}

static bool is_pure(RiOpcode op)
{
    switch (op) {
    case RI_OP_LOADINT:
    case RI_OP_LOADK:
    case RI_OP_GETLOCAL:
    case RI_OP_GETLOCAL2:
    case RI_OP_GETUPVAL:
    case RI_OP_GETFIELD:
    case RI_OP_GETFIELD_L:
    case RI_OP_GETFIELD_U:
    case RI_OP_GETINDEX:
    case RI_OP_GETINDEX_KL:
    case RI_OP_GETINDEX_OL:
    case RI_OP_GETINDEX_LL:
    case RI_OP_GETINDEX_UL:
    case RI_OP_GETINDEX_I:
    case RI_OP_GETINDEX_LI:
        return true;
    default:
        return op >= RI_OP_ADD && op < RI_OP_ADD_LLT && ri_op_info[op].pushes == 1 && op != RI_OP_CONCAT;
    }
}

/* Is what the current instruction pushes the object of a load or store soon, and nothing else? */
static bool is_used_at_once(const RiJit *j)
{
    int above = 0; /* values on top of it */
    uint32_t pc = j->next_pc;
    for (int n = 0; n < LOOK_AHEAD_MAX; n++) {
        RiOpcode op = RI_WORD_OP(j->code[pc]);
        if (j->pcs[pc].is_merge)
            return false;
        if (op == RI_OP_SETFIELD || op == RI_OP_SETINDEX)
            return above == (op == RI_OP_SETFIELD ? 1 : 2);
        if (above == 0 && (op == RI_OP_GETFIELD || op == RI_OP_GETINDEX_I || op == RI_OP_GETINDEX_KL))
            return true;
        if (above == 1 && op == RI_OP_GETINDEX)
            return true;
        if (!is_pure(op) || ri_op_info[op].pops < 0 || ri_op_info[op].pops > above)
            return false;
        above += ri_op_info[op].pushes - ri_op_info[op].pops;
        pc += ri_op_info[op].words;
    }
    return false;
}

static bool can_be_pending(const RiJit *j, const RiForeignSite *object, uint32_t pops)
{
    return !j->witness && !j->pcs[j->pc].is_plain && (pops == 0 || object) && is_used_at_once(j);
}

static RiForeignSite *pending_of(const RiJit *j, int32_t slot)
{
    RiForeignSite *site = slot >= 0 ? j->slots[slot].site : NULL;
    return site && site->is_pending ? site : NULL;
}

/* Does the register hold another object for a slot, but slot `to` and what is above? What is known of a register holds for all its slots. */
static bool is_shared(const RiJit *j, RiReg reg, uint32_t number, int32_t offset, uint32_t to)
{
    for (uint32_t i = 0; i < to; i++) {
        const RiJitSlot *s = &j->slots[i];
        if (s->where == IN_GPR + (int)reg && (s->shape != number || !s->site || s->site->offset != offset))
            return true;
    }
    return false;
}

/* At address + offset. */
static void push_pending(RiJit *j, const RiForeignValue *v, RiReg address, int32_t offset, uint8_t facts, const RiForeignSite *object,
                         uint32_t pops)
{
    RiForeignSite *site = ri_jit_alloc(j, sizeof *site);
    if (is_shared(j, address, v->made_number, offset, j->depth - pops)) {
        RiReg copy = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LEA, copy, ri_mem(address, offset));
        address = copy;
        offset = 0;
    }
    site->offset = offset;
    site->is_pending = true;
    site->pc = object ? object->pc : j->pc;
    site->depth = object ? object->depth : j->depth;
    site->sample = new_sample(j, v);
    ri_jit_pop(j, pops);
    uint32_t to = j->depth;
    set_cdata(j, to, v, site, address, address, facts);
    ri_jit_set_sample(j, to, ri_object(site->sample, RI_TAG_CDATA));
}

/* -- The object ------------------------------------------------------------------------------------------------------------ */

typedef struct Object {
    int32_t slot; /* -1: an upvalue */
    uint32_t upvalue;
    RiReg reg;
    RiJitHeld *held; /* an upvalue that is known already: reg is none. Else NULL */
    bool is_owned; /* its bytes are there for sure */
} Object;

static bool sample_object(RiJit *j, int32_t slot, uint32_t upvalue, uint8_t tag, RiValue *out)
{
    if (slot < 0) {
        const RiClosure *self = ri_jit_self(j);
        *out = self ? self->upvals[upvalue]->value : ri_nil();
        return out->tag == tag;
    }
    if (ri_jit_type(j, (uint32_t)slot) != TYPE_OF(tag))
        return false;
    if (ri_jit_sample(j, (uint32_t)slot, out))
        return out->tag == tag;
    j->is_deferred = true;
    return false;
}

/* The object in a register, of the tag `tag`. Uses rax. */
static Object load_object(RiJit *j, int32_t slot, uint32_t upvalue, uint8_t tag)
{
    Object o = {.slot = slot, .upvalue = upvalue};
    if (slot >= 0) {
        ri_jit_guard(j, (uint32_t)slot, TYPE_OF(tag));
        o.reg = ri_jit_gpr(j, (uint32_t)slot);
        return o;
    }
    o.reg = ri_jit_new_gpr(j);
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + upvalue * sizeof(RiCell *))));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCell, value) + 8), tag);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, o.reg, ri_mem(RI_RAX, offsetof(RiCell, value)));
    return o;
}

static void guard_number(RiJit *j, RiReg reg, uint32_t number)
{
    if (ri_jit_facts(j, reg)->shape == number)
        return;
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(reg, offsetof(RiObject, word)), (int32_t)number);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_learn_shape(j, reg, number);
}

/* Of an upvalue: what is known of it, or is made sure of here, once for the loop around. Upvalues of inlined functions, and those that
 * turned out to differ, are looked at each time. NULL: so is this one. Uses rax. */
static RiJitHeld *hold(RiJit *j, const RiForeignPlace *p, uint32_t upvalue)
{
    const RiClosure *self = ri_jit_self(j);
    uint32_t free = 0;
    if (j->inl || j->chain || !self)
        return NULL;
    while (free < RI_JIT_HELD_MAX && j->held[free].upvalue && j->held[free].upvalue != upvalue + 1)
        free++;
    if (free == RI_JIT_HELD_MAX)
        return NULL;
    RiJitHeld *held = &j->held[free];
    if (held->upvalue)
        return held->number == p->number ? held : NULL;
    uint64_t size = p->is_owned ? ((const RiCdata *)self->upvals[upvalue]->value.cp)->size : 0;
    if (size > INT32_MAX)
        return NULL;
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + upvalue * sizeof(RiCell *))));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCell, value) + 8), RI_TAG_CDATA);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, offsetof(RiCell, value)));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiObject, word)), (int32_t)p->number);
    ri_jit_guard_jump(j, RI_CC_NE);
    if (p->is_owned) {
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCdata, size)), (int32_t)size);
        ri_jit_guard_jump(j, RI_CC_NE);
    }
    *held = (RiJitHeld){.upvalue = (uint16_t)(upvalue + 1), .is_pointer = p->is_through, .number = p->number, .size = size};
    j->snap = NULL;
    return held;
}

/* The object of a place, which is of the place's type. */
static Object load_place_object(RiJit *j, const RiForeignPlace *p, int32_t slot, uint32_t upvalue)
{
    RiJitHeld *held = slot < 0 ? hold(j, p, upvalue) : NULL;
    if (held)
        return (Object){.slot = slot, .upvalue = upvalue, .reg = RI_NO_REG, .held = held};
    Object o = load_object(j, slot, upvalue, RI_TAG_CDATA);
    guard_number(j, o.reg, p->number);
    return o;
}

static uint8_t facts_of(const RiJit *j, const Object *o)
{
    return o->held ? 0 : ri_jit_facts(j, o->reg)->facts;
}

/* -- Places ---------------------------------------------------------------------------------------------------------------- */

typedef struct Place {
    RiMem at;      /* without an index */
    bool is_there; /* for sure: else the host may refuse */
    bool is_not_null;
} Place;

/* rcx := offset of the element, whose index is in a slot; it is one of `count`, or (count 0) of those in RiCdata.size, or the guard
 * fails. */
static void emit_offset(RiJit *j, const RiForeignPlace *p, const Object *o, uint32_t key, bool is_bounded)
{
    RiReg index = ri_jit_gpr(j, key);
    uint64_t count = p->count == 0 && o->held ? (o->held->size + p->step - 1) / p->step : p->count;
    if (is_bounded && count > 0 && count <= INT32_MAX) {
        ri_x_alu(j->as, RI_ALU_CMP, index, (int32_t)count);
        ri_jit_guard_jump(j, RI_CC_AE);
    }
    if (p->step == 1)
        ri_x_rr(j->as, RI_X_LOAD, RI_RCX, index);
    else
        ri_x_imul(j->as, RI_RCX, index, (int32_t)p->step);
    if (is_bounded && count == 0 && p->step != 1)
        ri_jit_guard_jump(j, RI_CC_O);
    if (is_bounded && count == 0) {
        ri_x_rm(j->as, RI_X_CMP, RI_RCX, ri_mem(o->reg, offsetof(RiCdata, size)));
        ri_jit_guard_jump(j, RI_CC_AE);
    }
}

/* The offset is a constant; false: out of bounds. */
static bool emit_constant_bound(RiJit *j, const RiForeignPlace *p, const Object *o, int64_t index)
{
    if (p->count > 0)
        return (uint64_t)index < p->count;
    if (index < 0)
        return false;
    if (o->held)
        return (uint64_t)index * p->step < o->held->size;
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(o->reg, offsetof(RiCdata, size)), (int32_t)(index * (int64_t)p->step));
    ri_jit_guard_jump(j, RI_CC_BE);
    return true;
}

static const RiValue *constant_key(const RiJit *j, const RiJitOperand *key)
{
    return key->slot < 0 ? &key->k : j->slots[key->slot].where == IN_CONSTANT ? &j->slots[key->slot].k : NULL;
}

/* Where the place is. Uses rax and rcx; the result may be based on either. */
static bool emit_place(RiJit *j, const RiForeignPlace *p, Object *o, RiJitOperand key, Place *out)
{
    bool is_owned = p->is_owned || (!p->is_through && (facts_of(j, o) & FACT_OWNED));
    bool can_bound = is_owned && (p->is_owned || p->count > 0) && j->chain == 0;
    const RiValue *k = p->step ? constant_key(j, &key) : NULL;
    int64_t offset = (int64_t)p->offset;
    if (p->step && p->is_owned)
        can_bound = true; /* beyond it is an error */
    if (k && ((uint64_t)k->i > (1u << 24) || __builtin_mul_overflow(k->i, (int64_t)p->step, &offset) || offset > INT32_MAX))
        return false;
    if (p->step && can_bound && k && !emit_constant_bound(j, p, o, k->i))
        return false;
    if (p->step && !k)
        ri_jit_gpr(j, (uint32_t)key.slot); /* before the address's register is chosen */
    RiReg base = o->held ? ri_jit_held_bytes(j, o->held) : ri_jit_bytes(j, o->reg, p->is_through);
    o->is_owned = is_owned && (!p->step || can_bound);
    out->is_there = o->is_owned;
    out->is_not_null = !p->is_through && !p->step && (facts_of(j, o) & FACT_NOT_NULL);
    const RiForeignSite *pending = pending_of(j, o->slot);
    int64_t more = pending ? pending->offset : 0;
    if (!p->step || k) {
        out->at = ri_mem(base, offset + more);
        return offset + more <= INT32_MAX;
    }
    emit_offset(j, p, o, (uint32_t)key.slot, can_bound);
    out->at = ri_mem_index(base, RI_RCX, 1, more);
    return true;
}

/* rax := the address, which is not near NULL; or leave to the interpreter. */
static void emit_address(RiJit *j, RiMem at)
{
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, at);
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, NULL_PAGE_BYTES);
    ri_jit_exit_if(j, RI_CC_B);
}

/* Where the place is, if it is there; what is emitted next is one access to it. Uses rax. */
static RiMem emit_access(RiJit *j, const Place *place)
{
    if (place->is_there)
        return place->at;
    if (ri_fault_is_installed()) {
        ri_jit_exit_if_refused(j);
        return place->at;
    }
    if (place->is_not_null)
        return place->at;
    emit_address(j, place->at);
    return ri_mem(RI_RAX, 0);
}

/* -- Loads ------------------------------------------------------------------------------------------------------------------ */

static RiForm load_form(const RiForeignValue *v)
{
    switch (v->size) {
    case 1:
        return v->is_signed ? RI_X_LOADSBYTE : RI_X_LOADBYTE;
    case 2:
        return v->is_signed ? RI_X_LOADSHALF : RI_X_LOADHALF;
    case 4:
        return v->is_signed ? RI_X_LOADS32 : RI_X_LOAD32;
    default:
        return RI_X_LOAD;
    }
}

/* The lower bytes of `from` as a whole integer. */
static void emit_extend(RiJit *j, const RiForeignValue *v, RiReg to, RiReg from)
{
    int unused = 64 - 8 * v->size;
    if (v->size == 4) {
        ri_x_rr(j->as, v->is_signed ? RI_X_LOADS32 : RI_X_LOAD32, to, from);
        return;
    }
    if (to != from)
        ri_x_rr(j->as, RI_X_LOAD, to, from);
    if (unused) {
        ri_x_shift(j->as, RI_SHIFT_LEFT, to, unused);
        ri_x_shift(j->as, v->is_signed ? RI_SHIFT_ARITHMETIC : RI_SHIFT_RIGHT, to, unused);
    }
}

/* Push a boolean: true if the byte in rax is not 0. */
static void push_boolean(RiJit *j, uint32_t pops)
{
    ri_x_rr(j->as, RI_X_ZEROBYTE, RI_RAX, RI_RAX);
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    ri_x_setcc(j->as, RI_CC_NE, RI_RAX);
    ri_x_alu(j->as, RI_ALU_ADD, RI_RAX, RI_TAG_FALSE);
    ri_jit_pop(j, pops);
    uint32_t to = j->depth;
    ri_x_push(j->as, RI_RAX);
    ri_jit_before_write(j, to);
    ri_x_pop(j->as, RI_RAX);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_tag(to));
    ri_x_store_imm(j->as, ri_jit_payload(to), 0);
    ri_jit_set_memory(j, to, TYPE_UNKNOWN);
}

static bool push_number(RiJit *j, const RiForeignValue *v, const Place *place, uint32_t pops)
{
    bool is_float = v->kind == RI_FOREIGN_FLOAT;
    RiReg to = is_float || v->kind == RI_FOREIGN_BOOL ? RI_RAX : ri_jit_new_gpr(j);
    RiXmm real = is_float ? ri_jit_new_xmm(j) : 0;
    if (is_float && v->size == 4)
        ri_x_rr(j->as, RI_X_XORPS, real, real);
    RiMem at = emit_access(j, place);
    ri_x_rm(j->as, !is_float ? load_form(v) : v->size == 4 ? RI_X_CVTSS2SD : RI_X_MOVSD, is_float ? real : (int)to, at);
    if (v->kind == RI_FOREIGN_BOOL) {
        push_boolean(j, pops);
        return true;
    }
    ri_jit_pop(j, pops);
    if (is_float)
        ri_jit_set_xmm(j, j->depth, real);
    else
        ri_jit_set_gpr(j, j->depth, TYPE_INT, to);
    ri_jit_set_sample(j, j->depth - 1, is_float ? ri_float(1.5) : ri_int(1));
    return true;
}

/* What the place's object belongs to, into the box. A box that is used again does not belong to anybody. */
static void emit_keep(RiJit *j, bool is_through, const Object *o, RiReg box)
{
    RiReg reg = o->held ? RI_RCX : o->reg;
    if (o->held)
        ri_jit_emit_held(j, reg, o->upvalue);
    if (!is_through && (o->held || !ri_jit_facts(j, reg)->site)) {
        ri_x_rm(j->as, RI_X_STORE, reg, ri_mem(box, offsetof(RiCdata, keep)));
        return;
    }
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(reg, offsetof(RiCdata, keep)));
    if (!is_through) {
        ri_x_rr(j->as, RI_X_TEST, RI_RCX, RI_RCX);
        ri_x_rr(j->as, RI_X_CMOVE, RI_RCX, o->reg);
    }
    ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_mem(box, offsetof(RiCdata, keep)));
}

/* A reference in `box`, or (RI_NO_REG) left pending. */
static bool push_reference(RiJit *j, const RiForeignPlace *p, const Object *o, RiJitOperand key, const Place *place, RiReg box,
                           uint32_t pops)
{
    const RiForeignSite *pending = pending_of(j, o->slot);
    uint8_t facts = o->is_owned ? FACT_OWNED : FACT_NOT_NULL;
    bool is_sure = place->is_there || place->is_not_null || (box == RI_NO_REG && ri_fault_is_installed());
    if (is_sure && !place->is_there && !place->is_not_null)
        facts = 0;
    if (box == RI_NO_REG && pending && is_sure && place->at.base == o->reg && place->at.index == RI_NO_REG) {
        push_pending(j, &p->value, o->reg, (int32_t)place->at.disp, facts, pending, pops);
        return true;
    }
    RiReg address = ri_jit_new_gpr(j);
    ri_x_rm(j->as, RI_X_LEA, address, place->at);
    if (!is_sure) {
        ri_x_alu(j->as, RI_ALU_CMP, address, NULL_PAGE_BYTES);
        ri_jit_exit_if(j, RI_CC_B);
    }
    if (box == RI_NO_REG) {
        push_pending(j, &p->value, address, 0, facts, pending, pops);
        if (!pending && key.slot >= 0) {
            j->element.object = o->slot < 0 ? ~o->upvalue : (uint32_t)o->slot;
            j->element.inl = j->inl;
            j->element.key = (uint32_t)key.slot;
            j->element.number = p->number;
            j->element.address = (uint8_t)address;
            j->element.facts = j->slots[j->depth - 1].facts;
        }
        return true;
    }
    ri_x_rm(j->as, RI_X_STORE, address, ri_mem(box, offsetof(RiCdata, at)));
    emit_keep(j, p->is_through, o, box);
    ri_jit_pop(j, pops);
    set_box(j, j->depth, &p->value, find_site(j, &p->value, home_of(j, j->depth)), box, address, facts);
    return true;
}

static bool push_pointer(RiJit *j, const RiForeignPlace *p, const Place *place, RiReg box, uint32_t pops)
{
    RiReg address = ri_jit_new_gpr(j);
    RiMem at = emit_access(j, place);
    ri_x_rm(j->as, RI_X_LOAD, address, at);
    ri_x_rm(j->as, RI_X_STORE, address, ri_mem(box, offsetof(RiCdata, data)));
    ri_x_store_imm(j->as, ri_mem(box, offsetof(RiCdata, keep)), 0);
    ri_jit_pop(j, pops);
    set_box(j, j->depth, &p->value, find_site(j, &p->value, home_of(j, j->depth)), box, address, FACT_POINTER);
    return true;
}

/* A box with that integer, which belongs to nobody. */
static void fill_box(RiJit *j, RiReg box, RiReg value)
{
    ri_x_rm(j->as, RI_X_STORE, value, ri_mem(box, offsetof(RiCdata, data)));
    ri_x_store_imm(j->as, ri_mem(box, offsetof(RiCdata, keep)), 0);
}

static bool push_boxed(RiJit *j, const RiForeignValue *v, const Place *place, RiReg box, uint32_t pops)
{
    RiReg value = ri_jit_new_gpr(j);
    RiMem at = emit_access(j, place);
    ri_x_rm(j->as, load_form(v), value, at);
    fill_box(j, box, value);
    ri_jit_pop(j, pops);
    set_box(j, j->depth, v, find_site(j, v, home_of(j, j->depth)), box, RI_RAX, 0);
    return true;
}

/* The same element of the same array as just before. */
static bool push_same_element(RiJit *j, const RiForeignPlace *p, int32_t slot, uint32_t upvalue, RiJitOperand key, uint32_t pops)
{
    RiReg address = (RiReg)j->element.address;
    uint32_t object = slot < 0 ? ~upvalue : (uint32_t)slot;
    if (!address || object != j->element.object || (slot < 0 && j->element.inl != j->inl) || key.slot != (int32_t)j->element.key || p->number != j->element.number ||
        p->value.kind != RI_FOREIGN_REFERENCE || !can_be_pending(j, NULL, pops))
        return false;
    push_pending(j, &p->value, address, 0, j->element.facts, NULL, pops);
    return true;
}

/* The place that the key names, in an object like the sample. The object and the key are made sure of. */
static bool find_place(RiJit *j, int32_t slot, uint32_t upvalue, RiJitOperand key, RiForeignPlace *out)
{
    RiValue o;
    if (!j->heap->foreign || j->generic_pc == j->pc || !sample_object(j, slot, upvalue, RI_TAG_CDATA, &o))
        return false;
    uint8_t key_type = ri_jit_operand_type(j, key);
    RiValue k = key.slot < 0 ? key.k : ri_int(0);
    return !j->is_deferred && (key_type == TYPE_INT || key.slot < 0) &&
           j->heap->foreign->place(j->T, ((const RiCdata *)o.cp)->type, k, out);
}

bool ri_jit_emit_foreign_get(RiJit *j, int32_t slot, uint32_t upvalue, RiJitOperand key, uint32_t pops)
{
    RiForeignPlace p;
    Place place;
    if (!find_place(j, slot, upvalue, key, &p) || p.value.kind == RI_FOREIGN_VOID)
        return false;
    if (push_same_element(j, &p, slot, upvalue, key, pops))
        return true;
    const RiForeignSite *pending = pending_of(j, slot);
    bool waits = p.value.kind == RI_FOREIGN_REFERENCE && can_be_pending(j, pending, pops);
    if (p.value.kind == RI_FOREIGN_REFERENCE && pending && !waits)
        return false;
    RiReg box = RI_NO_REG;
    if (p.value.kind == RI_FOREIGN_POINTER || p.value.is_boxed || (p.value.kind == RI_FOREIGN_REFERENCE && !waits))
        box = emit_box(j, find_site(j, &p.value, home_of(j, j->depth - pops)));
    if (key.slot >= 0)
        ri_jit_guard(j, (uint32_t)key.slot, TYPE_INT);
    Object o = load_place_object(j, &p, slot, upvalue);
    if (!emit_place(j, &p, &o, key, &place))
        return false;
    switch (p.value.kind) {
    case RI_FOREIGN_REFERENCE:
        return push_reference(j, &p, &o, key, &place, box, pops);
    case RI_FOREIGN_POINTER:
        return push_pointer(j, &p, &place, box, pops);
    default:
        return p.value.is_boxed ? push_boxed(j, &p.value, &place, box, pops) : push_number(j, &p.value, &place, pops);
    }
}

/* -- Stores ------------------------------------------------------------------------------------------------------------------ */

/* Can a Lua value like the sample of that slot become one of C? Its type is made sure of, and of a cdata the number. */
typedef struct Source {
    uint8_t type;
    int address; /* of a cdata: RiForeign.address; 3: it is an integer */
    uint32_t number;
    RiForeignValue integer;
} Source;

/* The integer that a cdata like the slot's sample is. */
static bool find_integer(RiJit *j, uint32_t slot, RiForeignValue *out)
{
    RiValue sample;
    if (!ri_jit_sample(j, slot, &sample)) {
        j->is_deferred = true;
        return false;
    }
    return sample.tag == RI_TAG_CDATA && j->heap->foreign->integer(j->T, ((const RiCdata *)sample.cp)->type, out);
}

static bool find_integer_source(RiJit *j, uint32_t slot, Source *out)
{
    if (!find_integer(j, slot, &out->integer))
        return false;
    out->number = out->integer.made_number;
    out->address = 3;
    return true;
}

static bool find_source(RiJit *j, const RiForeignValue *v, uint32_t slot, Source *out)
{
    RiValue sample;
    *out = (Source){.type = ri_jit_type(j, slot)};
    if (j->is_deferred)
        return false;
    switch (v->kind) {
    case RI_FOREIGN_INT:
        if (out->type == TYPE_CDATA)
            return find_integer_source(j, slot, out);
        return out->type == TYPE_INT || out->type == TYPE_FLOAT;
    case RI_FOREIGN_FLOAT:
        return out->type == TYPE_INT || out->type == TYPE_FLOAT;
    case RI_FOREIGN_BOOL:
        return out->type == TYPE_FALSE || out->type == TYPE_TRUE;
    case RI_FOREIGN_POINTER:
        if (out->type == TYPE_NIL || (out->type == TYPE_STRING && v->takes_strings))
            return true;
        if (out->type != TYPE_CDATA)
            return false;
        if (!ri_jit_sample(j, slot, &sample)) {
            j->is_deferred = true;
            return false;
        }
        out->number = ((const RiObject *)sample.cp)->word;
        out->address = j->heap->foreign->address(j->T, v->type, ((const RiCdata *)sample.cp)->type);
        return out->address != 0;
    default:
        return false;
    }
}

/* Floats that become integers are cut off; the few that do not fit are left to the interpreter. */
static void guard_source(RiJit *j, const RiForeignValue *v, uint32_t slot, const Source *s)
{
    ri_jit_guard(j, slot, s->type);
    if (s->type == TYPE_CDATA) {
        guard_number(j, ri_jit_gpr(j, slot), s->number);
    } else if (s->type == TYPE_STRING) {
        ri_x_test8_mem(j->as, ri_mem(ri_jit_gpr(j, slot), offsetof(RiObject, flags)), RI_STR_EXTENDED);
        ri_jit_exit_if(j, RI_CC_NE);
    } else if (s->type == TYPE_FLOAT && v->kind == RI_FOREIGN_INT) {
        ri_x_rr(j->as, RI_X_CVTTSD2SI, RI_RAX, ri_jit_xmm(j, slot));
        ri_x_imm(j->as, RI_RCX, INT64_MIN);
        ri_x_rr(j->as, RI_X_CMP, RI_RAX, RI_RCX);
        ri_jit_exit_if(j, RI_CC_E);
    }
}

/* to := the payload of the slot. Neither its register nor other ones change. */
static void load_payload(RiJit *j, RiReg to, uint32_t slot)
{
    const RiJitSlot *s = &j->slots[slot];
    if (s->where == IN_CONSTANT)
        ri_x_imm(j->as, to, s->k.i);
    else if (in_gpr(s))
        ri_x_rr(j->as, RI_X_LOAD, to, (RiReg)(s->where - IN_GPR));
    else if (s->where >= IN_XMM)
        ri_x_rr(j->as, RI_X_MOVQ_R, s->where - IN_XMM, to);
    else
        ri_x_rm(j->as, RI_X_LOAD, to, ri_jit_payload(s->where == IN_ALIAS ? s->alias : slot));
}

/* to := the slot's value as the bits of an integer or pointer of C; of 64 bits. Uses xmm0. */
static void load_word(RiJit *j, const RiForeignValue *v, RiReg to, uint32_t slot, const Source *s)
{
    switch (s->type) {
    case TYPE_NIL:
    case TYPE_FALSE:
        ri_x_imm(j->as, to, 0);
        return;
    case TYPE_TRUE:
        ri_x_imm(j->as, to, 1);
        return;
    case TYPE_FLOAT:
        load_payload(j, to, slot);
        ri_x_rr(j->as, RI_X_MOVQ_X, 0, to);
        ri_x_rr(j->as, RI_X_CVTTSD2SI, to, 0);
        return;
    case TYPE_STRING:
        load_payload(j, to, slot);
        ri_x_alu(j->as, RI_ALU_ADD, to, offsetof(RiString, bytes));
        return;
    case TYPE_CDATA:
        load_payload(j, to, slot);
        ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(to, offsetof(RiCdata, at)));
        if (s->address > 1)
            ri_x_rm(j->as, s->address == 3 ? load_form(&s->integer) : RI_X_LOAD, to, ri_mem(to, 0));
        return;
    default:
        (void)v;
        load_payload(j, to, slot);
        return;
    }
}

/* to := the slot's value as a float of C, of its size. */
static void load_real(RiJit *j, const RiForeignValue *v, RiXmm to, uint32_t slot, const Source *s)
{
    const RiJitSlot *slot_of = &j->slots[slot];
    if (s->type == TYPE_INT) {
        RiReg from = in_gpr(slot_of) ? (RiReg)(slot_of->where - IN_GPR) : RI_RAX;
        if (from == RI_RAX)
            load_payload(j, RI_RAX, slot);
        ri_x_rr(j->as, RI_X_XORPS, to, to);
        ri_x_rr(j->as, RI_X_CVTSI2SD, to, from);
    } else if (slot_of->where >= IN_XMM) {
        ri_x_rr(j->as, RI_X_MOVAPS, to, slot_of->where - IN_XMM);
    } else if (slot_of->where == IN_CONSTANT) {
        ri_x_imm(j->as, RI_RAX, slot_of->k.i);
        ri_x_rr(j->as, RI_X_MOVQ_X, to, RI_RAX);
    } else {
        ri_x_rm(j->as, RI_X_MOVSD, to, ri_jit_payload(slot_of->where == IN_ALIAS ? slot_of->alias : slot));
    }
    if (v->size == 4)
        ri_x_rr(j->as, RI_X_CVTSD2SS, to, to);
}

static RiForm store_form(uint8_t size)
{
    return size == 1 ? RI_X_STOREBYTE : size == 2 ? RI_X_STOREHALF : size == 4 ? RI_X_STORE32 : RI_X_STORE;
}

static void emit_store(RiJit *j, const RiForeignValue *v, const Place *place, uint32_t value, const Source *s)
{
    RiMem at = place->at;
    bool is_float = v->kind == RI_FOREIGN_FLOAT;
    if (at.base == RI_RAX) { /* that is wanted for the value */
        RiReg base = ri_jit_new_gpr(j);
        ri_x_rr(j->as, RI_X_LOAD, base, RI_RAX);
        at.base = base;
    }
    RiXmm real = is_float && v->size == 8 && j->slots[value].where >= IN_XMM ? j->slots[value].where - IN_XMM : 1;
    if (is_float && real == 1)
        load_real(j, v, 1, value, s);
    else if (!is_float)
        load_word(j, v, RI_RDX, value, s);
    Place where = *place;
    where.at = at;
    at = emit_access(j, &where);
    if (is_float)
        ri_x_rm(j->as, v->size == 4 ? RI_X_MOVSS_ST : RI_X_MOVSD_ST, real, at);
    else
        ri_x_rm(j->as, store_form(v->size), RI_RDX, at);
}

bool ri_jit_emit_foreign_set(RiJit *j, int32_t slot, uint32_t upvalue, RiJitOperand key, uint32_t value, uint32_t pops)
{
    RiForeignPlace p;
    Place place;
    Source source;
    if (!find_place(j, slot, upvalue, key, &p) || p.is_constant || !find_source(j, &p.value, value, &source) ||
        source.type == TYPE_STRING)
        return false;
    if (key.slot >= 0)
        ri_jit_guard(j, (uint32_t)key.slot, TYPE_INT);
    Object o = load_place_object(j, &p, slot, upvalue);
    guard_source(j, &p.value, value, &source);
    if (!emit_place(j, &p, &o, key, &place))
        return false;
    emit_store(j, &p.value, &place, value, &source);
    if (p.value.kind == RI_FOREIGN_POINTER)
        ri_jit_forget_pointers(j);
    ri_jit_pop(j, pops);
    return true;
}

/* -- Pointers --------------------------------------------------------------------------------------------------------------------- */

/* What the cdata of an operand is as a pointer. */
static bool find_pointer(RiJit *j, RiJitOperand o, RiForeignPointer *out)
{
    RiValue sample;
    return o.slot >= 0 && j->heap->foreign && j->generic_pc != j->pc &&
           sample_object(j, o.slot, 0, RI_TAG_CDATA, &sample) &&
           j->heap->foreign->pointer(j->T, ((const RiCdata *)sample.cp)->type, out) &&
           (!out->described || (!*out->meta && ri_jit_keep(j, out->described)));
}

/* It is one of those, and no metatable of its type says otherwise. */
static Object guard_pointer(RiJit *j, RiJitOperand o, const RiForeignPointer *p)
{
    Object object = load_object(j, o.slot, 0, RI_TAG_CDATA);
    guard_number(j, object.reg, p->number);
    if (p->described && !(ri_jit_facts(j, object.reg)->facts & FACT_PLAIN)) {
        ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)p->meta);
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, 0), 0);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_jit_learn(j, object.reg, FACT_PLAIN);
    }
    return object;
}

/* Its address, in a register of its own that stays. */
static RiReg load_address(RiJit *j, const Object *o, const RiForeignPointer *p)
{
    const RiForeignSite *pending = pending_of(j, o->slot);
    RiReg reg = ri_jit_bytes(j, o->reg, p->is_through), to = reg;
    if (reg == RI_RAX || (pending && pending->offset)) {
        to = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LEA, to, ri_mem(reg, pending ? pending->offset : 0));
    }
    return to;
}

/* to := base + or - index * step. Uses rcx. */
static void emit_moved(RiJit *j, RiReg to, RiReg base, RiJitOperand index, int64_t step, bool is_less)
{
    const RiValue *k = constant_key(j, &index);
    if (k) {
        int64_t by = (int64_t)((is_less ? 0 - k->u : k->u) * (uint64_t)step);
        ri_x_imm(j->as, RI_RCX, by);
    } else {
        ri_x_imul(j->as, RI_RCX, ri_jit_gpr(j, (uint32_t)index.slot), (int32_t)step);
        if (is_less)
            ri_x_neg(j->as, RI_RCX);
    }
    ri_x_rm(j->as, RI_X_LEA, to, ri_mem_index(base, RI_RCX, 1, 0));
}

static bool emit_pointer_sum(RiJit *j, RiJitOperand a, RiJitOperand b, bool is_less, uint32_t pops, int32_t dest)
{
    RiForeignPointer p;
    if (!find_pointer(j, a, &p) || p.step == 0)
        return false;
    const RiForeignSite *pending = pending_of(j, a.slot);
    bool waits = dest < 0 && can_be_pending(j, pending, pops);
    if (pending && !waits)
        return false;
    uint32_t to = dest < 0 ? j->depth - pops : (uint32_t)dest;
    RiForeignSite *site = waits ? NULL : find_site(j, &p.made, dest < 0 ? home_of(j, to) : to);
    RiReg box = waits ? RI_NO_REG : emit_box(j, site);
    if (b.slot >= 0)
        ri_jit_guard(j, (uint32_t)b.slot, TYPE_INT);
    Object o = guard_pointer(j, a, &p);
    RiReg base = load_address(j, &o, &p), address = ri_jit_new_gpr(j);
    emit_moved(j, address, base, b, (int64_t)p.step, is_less);
    if (waits) {
        push_pending(j, &p.made, address, 0, FACT_POINTER, pending, pops);
        return true;
    }
    ri_x_rm(j->as, RI_X_STORE, address, ri_mem(box, offsetof(RiCdata, data)));
    emit_keep(j, p.is_through, &o, box);
    uint8_t is_plain = p.is_through ? ri_jit_facts(j, o.reg)->facts & FACT_PLAIN : 0;
    ri_jit_pop(j, pops);
    set_box(j, to, &p.made, site, box, address, FACT_POINTER | is_plain);
    return true;
}

/* rax := rax / step, cut off towards zero. Uses rcx and rdx. */
static void emit_divide(RiJit *j, uint64_t step)
{
    if (step & (step - 1)) {
        ri_x_imm(j->as, RI_RCX, (int64_t)step);
        ri_x_cqo(j->as);
        ri_x_idiv(j->as, RI_RCX);
    } else if (step > 1) {
        ri_x_rr(j->as, RI_X_LOAD, RI_RDX, RI_RAX);
        ri_x_shift(j->as, RI_SHIFT_ARITHMETIC, RI_RDX, 63);
        ri_x_alu(j->as, RI_ALU_AND, RI_RDX, (int32_t)step - 1);
        ri_x_rr(j->as, RI_X_ADD, RI_RAX, RI_RDX);
        ri_x_shift(j->as, RI_SHIFT_ARITHMETIC, RI_RAX, __builtin_ctzll(step));
    }
}

static bool emit_distance(RiJit *j, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest)
{
    RiForeignPointer p, q;
    if (!find_pointer(j, a, &p) || !find_pointer(j, b, &q) || p.step == 0 || q.step == 0 || p.made.type != q.made.type)
        return false;
    Object x = guard_pointer(j, a, &p), y = guard_pointer(j, b, &q);
    RiReg from = load_address(j, &x, &p), to = load_address(j, &y, &q), result = ri_jit_new_gpr(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RAX, from);
    ri_x_rr(j->as, RI_X_SUB, RI_RAX, to);
    emit_divide(j, p.step);
    ri_x_rr(j->as, RI_X_LOAD, result, RI_RAX);
    ri_jit_pop(j, pops);
    uint32_t slot = dest < 0 ? j->depth : (uint32_t)dest;
    ri_jit_set_gpr(j, slot, TYPE_INT, result);
    ri_jit_set_sample(j, slot, ri_int(1));
    return true;
}

/* -- Integers of 64 bits, and enums --------------------------------------------------------------------------------------------- */

/* The integer of the cdata in a slot, in a register of its own. */
static RiReg load_integer(RiJit *j, uint32_t slot, const RiForeignValue *v)
{
    ri_jit_guard(j, slot, TYPE_CDATA);
    RiReg object = ri_jit_gpr(j, slot);
    guard_number(j, object, v->made_number);
    RiReg to = ri_jit_new_gpr(j);
    if (ri_jit_facts(j, object)->site) {
        ri_x_rm(j->as, load_form(v), to, ri_mem(object, offsetof(RiCdata, data)));
        return to;
    }
    ri_x_rm(j->as, RI_X_LOAD, to, ri_mem(object, offsetof(RiCdata, at)));
    ri_x_rm(j->as, load_form(v), to, ri_mem(to, 0));
    return to;
}

typedef struct Integer { /* an operand */
    RiJitOperand o;
    bool is_cdata, is_known; /* known: `value` */
    RiForeignValue v;
    int64_t value;
} Integer;

static bool is_wide(const Integer *i)
{
    return i->is_cdata && i->v.size == 8 && !i->v.is_signed;
}

/* other: the operand beside it, of whose enum a string is a constant; NULL: strings are none. */
static bool find_operand(RiJit *j, RiJitOperand o, const Integer *other, Integer *out)
{
    uint8_t type = ri_jit_operand_type(j, o);
    *out = (Integer){.o = o, .is_cdata = type == TYPE_CDATA};
    if (out->is_cdata)
        return o.slot >= 0 && find_integer(j, (uint32_t)o.slot, &out->v);
    const RiValue *k = constant_key(j, &o);
    if (k && k->tag == RI_TAG_STRING && other && other->is_cdata) {
        out->is_known = true;
        return j->heap->foreign->constant(j->T, other->v.type, k->cp, &out->value);
    }
    return type == TYPE_INT;
}

static RiReg load_operand(RiJit *j, const Integer *i)
{
    if (i->is_cdata)
        return load_integer(j, (uint32_t)i->o.slot, &i->v);
    if (i->o.slot >= 0 && !i->is_known) {
        ri_jit_guard(j, (uint32_t)i->o.slot, TYPE_INT);
        return ri_jit_gpr(j, (uint32_t)i->o.slot);
    }
    RiReg to = ri_jit_new_gpr(j);
    ri_x_imm(j->as, to, i->is_known ? i->value : i->o.k.i);
    return to;
}

static bool find_operands(RiJit *j, RiJitOperand a, RiJitOperand b, bool has_names, Integer *x, Integer *y)
{
    if (!j->heap->foreign || j->generic_pc == j->pc)
        return false;
    bool is_first = ri_jit_operand_type(j, a) == TYPE_CDATA;
    if (j->is_deferred || !find_operand(j, is_first ? a : b, NULL, is_first ? x : y))
        return false;
    return find_operand(j, is_first ? b : a, has_names ? is_first ? x : y : NULL, is_first ? y : x);
}

static bool compare_integers(RiJit *j, RiJitOperand a, RiJitOperand b, bool orders)
{
    Integer x, y;
    if (!find_operands(j, a, b, true, &x, &y) || (orders && !is_wide(&x) && !is_wide(&y)))
        return false;
    RiReg left = load_operand(j, &x), right = load_operand(j, &y);
    ri_x_rr(j->as, RI_X_CMP, left, right);
    return true;
}

bool ri_jit_emit_foreign_tonumber(RiJit *j, uint32_t slot, RiReg *result)
{
    RiForeignValue v;
    if (!j->heap->foreign || j->generic_pc == j->pc || !find_integer(j, slot, &v))
        return false;
    *result = load_integer(j, slot, &v);
    if (v.size == 8 && !v.is_signed) { /* larger ones are floats */
        ri_x_rr(j->as, RI_X_TEST, *result, *result);
        ri_jit_exit_if(j, RI_CC_S);
    }
    return true;
}

static bool integer_form(RiMetamethod event, RiForm *out)
{
    switch (event) {
    case RI_MM_ADD:
        *out = RI_X_ADD;
        return true;
    case RI_MM_SUB:
        *out = RI_X_SUB;
        return true;
    case RI_MM_BAND:
        *out = RI_X_AND;
        return true;
    case RI_MM_BOR:
        *out = RI_X_OR;
        return true;
    case RI_MM_BXOR:
        *out = RI_X_XOR;
        return true;
    case RI_MM_MUL:
        *out = RI_X_IMUL;
        return true;
    default:
        return false;
    }
}

static bool emit_wide(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest)
{
    Integer x, y;
    RiForm form;
    RiForeignValue v;
    if (!integer_form(event, &form) || !find_operands(j, a, b, false, &x, &y) || (!is_wide(&x) && !is_wide(&y)))
        return false;
    j->heap->foreign->wide(j->T, &v);
    uint32_t to = dest < 0 ? j->depth - pops : (uint32_t)dest;
    RiForeignSite *site = find_site(j, &v, dest < 0 ? home_of(j, to) : to);
    RiReg box = emit_box(j, site), left = load_operand(j, &x), right = load_operand(j, &y);
    ri_x_rr(j->as, RI_X_LOAD, RI_RAX, left);
    ri_x_rr(j->as, form, RI_RAX, right);
    fill_box(j, box, RI_RAX);
    ri_jit_pop(j, pops);
    set_box(j, to, &v, site, box, RI_RAX, 0);
    return true;
}

bool ri_jit_emit_foreign_arith(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest)
{
    uint8_t ta = ri_jit_operand_type(j, a), tb = ri_jit_operand_type(j, b);
    if (emit_wide(j, event, a, b, pops, dest))
        return true;
    if (j->is_deferred || (event != RI_MM_ADD && event != RI_MM_SUB))
        return false;
    if (ta == TYPE_CDATA && tb == TYPE_CDATA)
        return event == RI_MM_SUB && emit_distance(j, a, b, pops, dest);
    if (ta == TYPE_INT && event == RI_MM_ADD)
        return emit_pointer_sum(j, b, a, false, pops, dest);
    return ta == TYPE_CDATA && tb == TYPE_INT && emit_pointer_sum(j, a, b, event == RI_MM_SUB, pops, dest);
}

bool ri_jit_emit_foreign_compare(RiJit *j, RiJitOperand a, RiJitOperand b, bool orders)
{
    RiForeignPointer p, q;
    if (compare_integers(j, a, b, orders))
        return true;
    if (j->is_deferred)
        return false;
    if (ri_jit_operand_type(j, a) != TYPE_CDATA) {
        RiJitOperand other = a;
        a = b;
        b = other;
    }
    uint8_t type = ri_jit_operand_type(j, b);
    if (type == TYPE_NIL && !orders && find_pointer(j, a, &p)) {
        if (b.slot >= 0)
            ri_jit_guard(j, (uint32_t)b.slot, TYPE_NIL);
        Object o = guard_pointer(j, a, &p);
        RiReg reg = load_address(j, &o, &p);
        ri_x_rr(j->as, RI_X_TEST, reg, reg);
        return true;
    }
    if (type != TYPE_CDATA || !find_pointer(j, a, &p) || !find_pointer(j, b, &q) ||
        (orders && (p.step == 0 || q.step == 0 || p.made.type != q.made.type)))
        return false;
    Object x = guard_pointer(j, a, &p), y = guard_pointer(j, b, &q);
    RiReg left = load_address(j, &x, &p), right = load_address(j, &y, &q);
    ri_x_rr(j->as, RI_X_CMP, left, right);
    return true;
}

/* -- Symbols of libraries ------------------------------------------------------------------------------------------------------ */

bool ri_jit_emit_foreign_symbol(RiJit *j, int32_t slot, uint32_t upvalue, RiString *key, uint32_t pops)
{
    RiValue library, v;
    if (!j->heap->foreign || j->generic_pc == j->pc || !sample_object(j, slot, upvalue, RI_TAG_USERDATA, &library) ||
        !j->heap->foreign->symbol(j->T, library.cp, key, &v))
        return false;
    if (!ri_jit_keep(j, library.p) || (v.tag >= RI_TAG_STRING && !ri_jit_keep(j, v.p)))
        return false;
    Object o = load_object(j, slot, upvalue, RI_TAG_USERDATA);
    ri_x_imm(j->as, RI_RAX, library.i);
    ri_x_rr(j->as, RI_X_CMP, RI_RAX, o.reg);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_pop(j, pops);
    ri_jit_set_constant(j, j->depth, v);
    if (v.tag == RI_TAG_CDATA)
        j->slots[j->depth - 1].shape = ((const RiObject *)v.cp)->word;
    return true;
}

/* -- Calls ------------------------------------------------------------------------------------------------------------------------ */

static const RiReg argument_gprs[] = {RI_RDI, RI_RSI, RI_RDX, RI_RCX, RI_R8, RI_R9};

/* Where this host thread has errno, from where its own memory begins: the same for all. */
static int32_t errno_offset(void)
{
    uintptr_t self;
    __asm__("mov %%fs:0, %0" : "=r"(self));
    return (int32_t)((intptr_t)&errno - (intptr_t)self);
}

/* Arguments to their registers: all values are in memory, or in registers that no argument is passed in. */
static void load_arguments(RiJit *j, const RiForeignCall *call, uint32_t first, const Source *sources)
{
    uint32_t integers = 0;
    RiXmm floats = 0;
    for (uint32_t i = 0; i < call->count; i++) /* these use xmm0 */
        if (call->parameters[i].kind != RI_FOREIGN_FLOAT) {
            RiReg to = argument_gprs[integers++];
            load_word(j, &call->parameters[i], to, first + i, &sources[i]);
            if (call->parameters[i].kind == RI_FOREIGN_INT && call->parameters[i].size < 8)
                emit_extend(j, &call->parameters[i], to, to);
        }
    for (uint32_t i = 0; i < call->count; i++)
        if (call->parameters[i].kind == RI_FOREIGN_FLOAT)
            load_real(j, &call->parameters[i], floats++, first + i, &sources[i]);
}

/* The frame that the call would have in the interpreter, where callbacks and messages look. */
static void emit_frame(RiJit *j, const RiForeignCall *call, uint32_t func, int32_t wanted)
{
    ri_x_store32_imm(j->as, OF_THREAD(pc), (int32_t)j->pc + 1);
    ri_jit_emit_link(j, func + 2, wanted);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)call->frame);
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, ri_jit_payload(func));
    ri_x_store_imm(j->as, ri_jit_tag(func), RI_TAG_LIBFN);
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(top));
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(func + 2));
    ri_x_rm(j->as, RI_X_STORE, RI_RAX, OF_THREAD(base));
}

/* r11 := the address of the function, which is not near NULL. */
static void emit_callee(RiJit *j, const RiForeignCall *call, uint32_t func)
{
    const RiJitSlot *s = &j->slots[func];
    if (s->where == IN_CONSTANT && !call->is_through) {
        ri_x_imm(j->as, RI_R11, (int64_t)(uintptr_t)((const RiCdata *)s->k.cp)->at);
        return;
    }
    load_payload(j, RI_R11, func);
    ri_x_rm(j->as, RI_X_LOAD, RI_R11, ri_mem(RI_R11, offsetof(RiCdata, at)));
    if (call->is_through)
        ri_x_rm(j->as, RI_X_LOAD, RI_R11, ri_mem(RI_R11, 0));
}

static void guard_callee(RiJit *j, const RiForeignCall *call, uint32_t func)
{
    const RiJitSlot *s = &j->slots[func];
    if (s->where == IN_CONSTANT && !call->is_through && (uintptr_t)((const RiCdata *)s->k.cp)->at >= NULL_PAGE_BYTES)
        return;
    ri_jit_guard(j, func, TYPE_CDATA);
    RiReg reg = ri_jit_gpr(j, func);
    guard_number(j, reg, call->number);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiCdata, at)));
    if (call->is_through)
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, 0));
    ri_x_alu(j->as, RI_ALU_CMP, RI_RAX, 4096);
    ri_jit_exit_if(j, RI_CC_B);
}

static int32_t help_deliver(RiThread *T, const RiForeignCall *call, uint64_t word, double real)
{
    return T->heap->foreign->deliver(T, call, word, real);
}

/* The result, in rax or xmm0, to slot func. `start` is where a box could be made: there is none, as the call has been done. */
static void set_result(RiJit *j, const RiForeignValue *v, uint32_t func)
{
    if (v->kind == RI_FOREIGN_FLOAT) {
        RiXmm to = ri_jit_new_xmm(j);
        ri_x_rr(j->as, v->size == 4 ? RI_X_CVTSS2SD : RI_X_MOVAPS, to, 0);
        ri_jit_set_xmm(j, func, to);
        ri_jit_set_sample(j, func, ri_float(1.5));
    } else if (v->kind == RI_FOREIGN_INT && !v->is_boxed) {
        RiReg to = ri_jit_new_gpr(j);
        emit_extend(j, v, to, RI_RAX);
        ri_jit_set_gpr(j, func, TYPE_INT, to);
        ri_jit_set_sample(j, func, ri_int(1));
    } else if (v->kind == RI_FOREIGN_BOOL) {
        push_boolean(j, 0);
    } else {
        ri_jit_set_constant(j, func, ri_nil());
    }
}

/* Is the result a number, or the like, or one in a box? */
static bool is_boxed_result(const RiForeignValue *v)
{
    return v->kind == RI_FOREIGN_POINTER || v->is_boxed;
}

static void push_all(RiJit *j)
{
    ri_x_push(j->as, RI_RAX);
    ri_x_push(j->as, RI_RAX);
}

static void pop_all(RiJit *j)
{
    ri_x_pop(j->as, RI_RAX);
    ri_x_pop(j->as, RI_RAX);
}

/* rdx := a box with the result that is in rax. The frame is still the function's, as where the library makes the result. No slot has a
 * box now: all of them went with their values to memory, before the call. */
static void emit_result_box(RiJit *j, const RiForeignValue *v, RiForeignSite *site)
{
    RiJitSnap *snap = ri_jit_snapshot(j);
    uint32_t start = j->as->at;
    ri_x_imm(j->as, RI_RDX, (int64_t)(uintptr_t)site->boxes);
    ri_x_rm(j->as, RI_X_LOAD, RI_RDX, ri_mem(RI_RDX, 0));
    ri_x_rr(j->as, RI_X_TEST, RI_RDX, RI_RDX);
    uint32_t none = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_x_patch(j->as, none, ri_jit_cold_begin(j));
    push_all(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RSI, (int64_t)(uintptr_t)site);
    ri_jit_call_pure(j, HELPER(help_make));
    pop_all(j);
    ri_x_jmp(j->as, start);
    ri_jit_cold_end(j);
    ri_jit_restore(j, snap);
    if (v->kind == RI_FOREIGN_INT)
        emit_extend(j, v, RI_RAX, RI_RAX);
    fill_box(j, RI_RDX, RI_RAX);
}

/* The result by the library, on the side or (a cdata) always. */
static void emit_deliver(RiJit *j, const RiForeignCall *kept)
{
    ri_x_rr(j->as, RI_X_LOAD, RI_RDX, RI_RAX);
    ri_x_imm(j->as, RI_RSI, (int64_t)(uintptr_t)kept);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_pure(j, HELPER(help_deliver));
}

static void emit_native_call(RiJit *j, const RiForeignCall *kept, uint32_t func, const Source *sources)
{
    int32_t offset = errno_offset();
    int64_t distance = (int64_t)((uintptr_t)kept->has_error - (uintptr_t)kept->errno_value);
    load_arguments(j, kept, func + 2, sources);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)kept->errno_value);
    ri_x_rm(j->as, RI_X_LOAD32, RI_RAX, ri_mem(RI_RAX, 0));
    ri_x_fs(j->as, true, RI_RAX, offset);
    ri_x_call_reg(j->as, RI_R11);
    ri_jit_drop_facts(j);
    ri_x_fs(j->as, false, RI_RDX, offset);
    ri_x_imm(j->as, RI_RCX, (int64_t)(uintptr_t)kept->errno_value);
    ri_x_rm(j->as, RI_X_STORE32, RI_RDX, ri_mem(RI_RCX, 0));
    ri_x_rm(j->as, RI_X_LOADBYTE, RI_RCX, ri_mem(RI_RCX, distance));
    ri_x_rm(j->as, RI_X_LOADBYTE, RI_RDX, OF_THREAD(hook_mask));
    ri_x_rr(j->as, RI_X_OR, RI_RCX, RI_RDX);
}

/* rbx and T->base are the caller's again. */
static void emit_leave_frame(RiJit *j, uint32_t func)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_alu(j->as, RI_ALU_SUB, RI_RBX, (int32_t)(func + 2) * 16);
    ri_x_rm(j->as, RI_X_STORE, RI_RBX, OF_THREAD(base));
}

/* A callback has failed, or hooks were set: as a library function that returns in the interpreter. */
static void emit_odd_return(RiJit *j, const RiForeignCall *kept, uint32_t func, int32_t wanted, uint32_t odd, RiJitSnap *before)
{
    RiJitSnap *after = ri_jit_snapshot(j);
    ri_x_patch(j->as, odd, ri_jit_cold_begin(j));
    ri_jit_restore(j, before);
    emit_deliver(j, kept);
    ri_jit_emit_serve(j, func, wanted);
    RiJitSnap *served = ri_jit_snapshot(j);
    uint32_t go_on = ri_x_jmp(j->as, 0);
    ri_jit_cold_end(j);
    ri_jit_restore(j, served);
    ri_jit_stub_at(j, STUB_BRANCH, j->next_pc, go_on);
    ri_jit_restore(j, after);
}

bool ri_jit_emit_foreign_call(RiJit *j, uint32_t func, uint32_t nargs, int32_t wanted, RiJitResult *result)
{
    RiForeignCall call;
    Source sources[RI_FOREIGN_PARAMETERS_MAX];
    RiValue f;
    if (!j->heap->foreign || j->is_open || wanted > 1 || !sample_object(j, (int32_t)func, 0, RI_TAG_CDATA, &f) ||
        !j->heap->foreign->call(j->T, ((const RiCdata *)f.cp)->type, &call) || nargs != call.count)
        return false;
    if (wanted < 0) /* it is known how many there are */
        wanted = call.result.kind != RI_FOREIGN_VOID;
    if (wanted == 1 && call.result.kind == RI_FOREIGN_REFERENCE)
        return false;
    for (uint32_t i = 0; i < nargs; i++)
        if (!find_source(j, &call.parameters[i], func + 2 + i, &sources[i]))
            return false;
    guard_callee(j, &call, func);
    for (uint32_t i = 0; i < nargs; i++)
        guard_source(j, &call.parameters[i], func + 2 + i, &sources[i]);
    RiForeignCall *kept = ri_jit_alloc(j, sizeof *kept);
    *kept = call;
    ri_x_rm(j->as, RI_X_LEA, RI_RAX, ri_jit_payload(j->depth + 4));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, OF_THREAD(stack_limit));
    ri_jit_exit_if(j, RI_CC_A);
    ri_jit_flush_for_call(j);
    ri_jit_emit_frames(j);
    emit_callee(j, kept, func);
    emit_frame(j, kept, func, wanted);
    emit_native_call(j, kept, func, sources);
    bool is_boxed = wanted == 1 && is_boxed_result(&call.result);
    uint32_t odd = ri_x_jcc(j->as, RI_CC_NE, 0);
    RiJitSnap *before = ri_jit_snapshot(j);
    RiForeignSite *site = is_boxed ? find_site(j, &call.result, home_of(j, func)) : NULL;
    if (is_boxed)
        emit_result_box(j, &call.result, site);
    emit_leave_frame(j, func);
    *result = ri_jit_results(j, func, 0);
    if (is_boxed) {
        RiReg box = ri_jit_new_gpr(j);
        ri_x_rr(j->as, RI_X_LOAD, box, RI_RDX);
        set_box(j, func, &call.result, site, box, RI_RAX, call.result.kind == RI_FOREIGN_POINTER ? FACT_POINTER : 0);
    } else if (wanted == 1) {
        set_result(j, &call.result, func);
    }
    emit_odd_return(j, kept, func, wanted, odd, before);
    return true;
}
