/* Emitters: new objects, in line.
 *
 * A block is taken off the heap's free list of its size and filled in, word by word as object/table.c and object/func.c have
 * it. If the list is empty, the instruction takes a detour: a helper does all of it, and what the code had in registers is
 * brought back there. */
#include "jit/core.h"
#include "vm/object/shape.h"

#define INLINE_SLOTS_MAX 32
#define ARRAY_VALUES_MAX 16
#define LEARN_EVERY 1024 /* tables of a constructor: a power of two */

/* -- Helpers ----------------------------------------------------------------------------------------------------------- */

static void help_new_table(RiThread *T, uint32_t array_capacity, RiCache *c)
{
    RiTable *t = ri_table_new(T->heap, array_capacity, c->offset);
    ri_set_table(T->top, t);
    uint32_t samples = c->epoch++;
    if (RI_UNLIKELY((samples & (samples - 1)) == 0))
        ri_table_sample(T->heap, t, &c->offset);
}

static void help_new_record(RiThread *T, uint32_t count, RiCache *c)
{
    RiValue *values = T->top - count;
    if (RI_LIKELY(c->shape)) {
        ri_set_table(values, ri_table_new_record(T->heap, c->shape, values, count));
        return;
    }
    const RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    const RiValue *first = fv->constants + fv->proto->sites[c - fv->caches].key;
    RiString *keys[256] = {NULL};
    for (uint32_t i = 0; i < count; i++)
        keys[i] = first[i].p;
    c->shape = ri_shape_for_keys(T->heap, keys, count);
    if (c->shape) {
        ri_set_table(values, ri_table_new_record(T->heap, c->shape, values, count));
        return;
    }
    RiTable *t = ri_table_new(T->heap, 0, count);
    for (uint32_t i = 0; i < count; i++)
        ri_table_set_str(T->heap, t, first[i].p, values[i]);
    ri_set_table(values, t);
}

static void help_new_array(RiThread *T, uint32_t count)
{
    RiValue *values = T->top - count;
    ri_set_table(values, ri_table_new_array(T->heap, values, count));
}

static void help_new_closure(RiThread *T, uint32_t index)
{
    const RiValue *base = T->base;
    const RiClosure *self = base[-2].cp;
    RiFeedback *child = ri_feedback_child(T->heap, self->feedback, index);
    const RiProto *proto = child->proto;
    RiClosure *closure = ri_closure_new(T->heap, child, proto->upval_count);
    for (uint32_t i = 0; i < proto->upval_count; i++) {
        const RiUpvalDesc *desc = &proto->upvals[i];
        closure->upvals[i] = desc->in_stack ? base[desc->index].p : self->upvals[desc->index];
    }
    ri_set_object(T->top, closure, RI_TAG_CLOSURE);
}

static void help_new_cell(RiThread *T, uint32_t slot)
{
    RiValue *at = T->base + slot, v = *at;
    RiCell *cell = ri_cell_new(T->heap, v);
    at->tag = RI_TAG_CELL;
    at->p = cell;
}

/* -- Detours ----------------------------------------------------------------------------------------------------------- */

typedef struct New { /* an instruction that makes an object */
    uintptr_t helper; /* (T, number, cache): stores the result over the values */
    uint32_t number;
    const void *cache;
    uint32_t pops;
    uint32_t slot; /* where the result goes */
    uint8_t type;
    RiShapeId shape; /* of a table made in line */
    uint8_t kind;    /* of its array: KIND_…; 0: it has none */
} New;

typedef struct Detour { /* the jumps that begin it, and the context there */
    RiJitSnap *before;
    uint32_t jumps[4], count;
} Detour;

static Detour begin_detour(RiJit *j)
{
    return (Detour){.before = ri_jit_snapshot(j)};
}

static void detour_if(RiJit *j, Detour *d, RiCond cc)
{
    d->jumps[d->count++] = ri_x_jcc(j->as, cc, 0);
}

static void emit_helper(RiJit *j, const New *n)
{
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_imm(j->as, RI_RSI, n->number);
    if (n->cache)
        ri_x_imm(j->as, RI_RDX, (int64_t)(uintptr_t)n->cache);
    ri_jit_call_c(j, n->helper);
    ri_jit_pop(j, n->pops);
    ri_jit_set_memory(j, n->slot, n->type);
}

static RiJitResult emit_by_helper(RiJit *j, const New *n)
{
    emit_helper(j, n);
    return EMIT_ON;
}

/* The new object is in reg: the result; and the detour, which ends here as well. */
static RiJitResult finish(RiJit *j, const Detour *d, const New *n, RiReg reg)
{
    ri_jit_pop(j, n->pops);
    ri_jit_set_gpr(j, n->slot, n->type, reg);
    if (n->type == TYPE_TABLE) {
        ri_jit_learn(j, reg, FACT_NO_META | FACT_NO_NEWINDEX | FACT_NO_DICT);
        ri_jit_learn_shape(j, reg, n->shape);
        ri_jit_learn_kind(j, reg, n->kind);
    }
    RiJitSnap *after = ri_jit_snapshot(j);
    uint32_t done = j->as->at, cold = ri_jit_cold_begin(j);
    for (uint32_t i = 0; i < d->count; i++)
        ri_x_patch(j->as, d->jumps[i], cold);
    j->depth = d->before->depth;
    ri_jit_restore(j, d->before);
    emit_helper(j, n);
    ri_jit_transition(j, after);
    ri_x_jmp(j->as, done);
    ri_jit_cold_end(j);
    j->depth = after->depth;
    ri_jit_restore(j, after);
    return EMIT_ON;
}

/* -- Blocks -------------------------------------------------------------------------------------------------------------- */

static RiMem free_list(RiBlockSpace space, size_t granules)
{
    return ri_mem(RI_R13, (int64_t)(offsetof(RiHeap, free) + (space * RI_SIZE_CLASS_COUNT + granules) * sizeof(void *)));
}

/* reg := the first block of a free list; it stays there until it is taken. */
static void emit_look(RiJit *j, Detour *d, RiReg reg, RiMem list)
{
    ri_x_rm(j->as, RI_X_LOAD, reg, list);
    ri_x_rr(j->as, RI_X_TEST, reg, reg);
    detour_if(j, d, RI_CC_E);
}

static void emit_take(RiJit *j, RiReg reg, RiBlockSpace space, size_t granules)
{
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(reg, 0));
    ri_x_rm(j->as, RI_X_STORE, RI_RCX, free_list(space, granules));
    ri_x_alu_mem(j->as, RI_ALU_SUB, OF_HEAP(credit_bytes), (int32_t)granules * 16);
}

static void emit_new_block(RiJit *j, Detour *d, RiReg reg, size_t size)
{
    size_t granules = (size + 15) >> 4;
    emit_look(j, d, reg, free_list(RI_SPACE_OBJECT, granules));
    emit_take(j, reg, RI_SPACE_OBJECT, granules);
}

static void store_word(RiJit *j, RiReg reg, size_t offset, uint64_t word)
{
    if ((int64_t)word == (int32_t)word) {
        ri_x_store_imm(j->as, ri_mem(reg, (int64_t)offset), (int32_t)word);
        return;
    }
    ri_x_imm(j->as, RI_RCX, (int64_t)word);
    ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_mem(reg, (int64_t)offset));
}

/* As ri_object_init has it. */
static uint64_t header(RiTag tag, uint32_t aux, uint32_t word)
{
    return (uint64_t)RI_KIND_BYTE(tag) | (uint64_t)aux << 16 | (uint64_t)word << 32;
}

static void store_serial(RiJit *j, RiReg reg, size_t offset)
{
    ri_x_rm(j->as, RI_X_LOAD32, RI_RCX, OF_HEAP(serial));
    ri_x_rm(j->as, RI_X_STORE32, RI_RCX, ri_mem(reg, (int64_t)offset));
    ri_x_alu32_mem(j->as, RI_ALU_ADD, OF_HEAP(serial), 1);
    ri_x_rm(j->as, RI_X_LOAD32, RI_RCX, OF_HEAP(owner));
}

/* The header of a table with so many inline slots; what else the block holds is zero. Without `array`: the empty one. */
static void init_table(RiJit *j, RiReg reg, RiShapeId shape, uint32_t slots, bool has_array)
{
    store_word(j, reg, 0, header(RI_TAG_TABLE, 0, shape));
    store_serial(j, reg, offsetof(RiTable, serial));
    if (slots > 0)
        ri_x_alu32(j->as, RI_ALU_OR, RI_RCX, (int32_t)(slots << 24));
    ri_x_rm(j->as, RI_X_STORE32, RI_RCX, ri_mem(reg, offsetof(RiTable, serial) + sizeof(uint32_t)));
    if (slots > 0) {
        ri_x_rm(j->as, RI_X_LEA, RI_RCX, ri_mem(reg, offsetof(RiTable, inline_slots)));
        ri_x_rm(j->as, RI_X_STORE, RI_RCX, ri_mem(reg, offsetof(RiTable, slots)));
    }
    if (!has_array)
        store_word(j, reg, offsetof(RiTable, array), (uintptr_t)&ri_array_empty);
}

/* -- Tables ---------------------------------------------------------------------------------------------------------------- */

static RiJitResult emit_new_table(RiJit *j, uint32_t array_capacity, RiCache *c)
{
    New n = {HELPER(help_new_table), array_capacity, c, 0, j->depth, TYPE_TABLE, RI_SHAPE_EMPTY, 0};
    uint32_t slots = c->offset;
    if (array_capacity > 0 || slots > INLINE_SLOTS_MAX)
        return emit_by_helper(j, &n);
    RiReg reg = ri_jit_new_gpr(j);
    Detour d = begin_detour(j);
    ri_x_imm(j->as, RI_RAX, (int64_t)(uintptr_t)c);
    ri_x_test_imm_mem(j->as, ri_mem(RI_RAX, offsetof(RiCache, epoch)), LEARN_EVERY - 1);
    detour_if(j, &d, RI_CC_E);
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCache, offset)), (int32_t)slots);
    detour_if(j, &d, RI_CC_NE);
    emit_new_block(j, &d, reg, sizeof(RiTable) + slots * sizeof(RiValue));
    ri_x_alu32_mem(j->as, RI_ALU_ADD, ri_mem(RI_RAX, offsetof(RiCache, epoch)), 1);
    init_table(j, reg, RI_SHAPE_EMPTY, slots, false);
    return finish(j, &d, &n, reg);
}

static RiJitResult emit_new_record(RiJit *j, uint32_t count, RiCache *c)
{
    uint32_t first = j->depth - count;
    New n = {HELPER(help_new_record), count, c, count, first, TYPE_TABLE, c->shape, 0};
    if (!c->shape || count > INLINE_SLOTS_MAX)
        return emit_by_helper(j, &n);
    RiReg reg = ri_jit_new_gpr(j);
    Detour d = begin_detour(j);
    emit_new_block(j, &d, reg, sizeof(RiTable) + count * sizeof(RiValue));
    init_table(j, reg, c->shape, count, false);
    for (uint32_t i = 0; i < count; i++)
        ri_jit_store_value(j, first + i, ri_mem(reg, (int64_t)(sizeof(RiTable) + i * sizeof(RiValue))));
    return finish(j, &d, &n, reg);
}

/* The kind of array that these values make, their types made sure of as far as that takes; -1: leave it to the helper. */
static int kind_of_values(RiJit *j, uint32_t first, uint32_t count)
{
    uint8_t type = ri_jit_type(j, j->depth - 1);
    if (type == TYPE_UNKNOWN || type == TYPE_NIL)
        return -1;
    bool is_number = type == TYPE_INT || type == TYPE_FLOAT;
    for (uint32_t i = first; is_number && i < j->depth - 1; i++)
        if (ri_jit_type(j, i) != type)
            return -1;
    if (j->is_deferred)
        return -1;
    for (uint32_t i = is_number ? 0 : count - 1; i < count; i++)
        ri_jit_guard(j, first + i, type);
    return type == TYPE_INT ? RI_ARRAY_INT : type == TYPE_FLOAT ? RI_ARRAY_FLOAT : RI_ARRAY_ANY;
}

static void init_array(RiJit *j, RiReg reg, int kind, uint32_t first, uint32_t count)
{
    uint32_t elem_tag = kind == RI_ARRAY_INT ? RI_TAG_INT : kind == RI_ARRAY_FLOAT ? RI_TAG_FLOAT : 0;
    store_word(j, reg, 0, header(RI_TAG_ARRAY, (uint32_t)kind | elem_tag << 8, count));
    store_word(j, reg, offsetof(RiArray, capacity), count);
    for (uint32_t i = 0; i < count; i++) {
        RiMem at = ri_mem(reg, (int64_t)(RI_ARRAY_HEADER_SIZE + i * (elem_tag ? sizeof(uint64_t) : sizeof(RiValue))));
        if (elem_tag)
            ri_jit_store_payload(j, first + i, at);
        else
            ri_jit_store_value(j, first + i, at);
    }
}

static RiJitResult emit_new_array(RiJit *j, uint32_t count)
{
    uint32_t first = j->depth - count;
    int kind = count > 0 && count <= ARRAY_VALUES_MAX ? kind_of_values(j, first, count) : -1;
    New n = {HELPER(help_new_array), count, NULL, count, first, TYPE_TABLE, RI_SHAPE_EMPTY, KIND_OF(kind)};
    if (j->is_deferred)
        return EMIT_DEFER;
    if (kind < 0)
        return emit_by_helper(j, &n);
    RiBlockSpace space = kind == RI_ARRAY_ANY ? RI_SPACE_OBJECT : RI_SPACE_LEAF;
    size_t size = RI_ARRAY_HEADER_SIZE + count * (kind == RI_ARRAY_ANY ? sizeof(RiValue) : sizeof(uint64_t));
    size_t granules = (size + 15) >> 4, table_granules = sizeof(RiTable) >> 4;
    bool same_list = space == RI_SPACE_OBJECT && granules == table_granules;
    RiReg reg = ri_jit_new_gpr(j), array = ri_jit_new_gpr(j);
    Detour d = begin_detour(j);
    emit_look(j, &d, reg, free_list(RI_SPACE_OBJECT, table_granules));
    emit_look(j, &d, array, same_list ? ri_mem(reg, 0) : free_list(space, granules));
    if (!same_list)
        emit_take(j, array, space, granules);
    else
        ri_x_alu_mem(j->as, RI_ALU_SUB, OF_HEAP(credit_bytes), (int32_t)table_granules * 16);
    emit_take(j, same_list ? array : reg, RI_SPACE_OBJECT, table_granules);
    init_table(j, reg, RI_SHAPE_EMPTY, 0, true);
    ri_x_rm(j->as, RI_X_STORE, array, ri_mem(reg, offsetof(RiTable, array)));
    init_array(j, array, kind, first, count);
    return finish(j, &d, &n, reg);
}

/* -- Closures, cells --------------------------------------------------------------------------------------------------------- */

static RiJitResult emit_new_closure(RiJit *j, uint32_t index)
{
    New n = {HELPER(help_new_closure), index, NULL, 0, j->depth, TYPE_CLOSURE, 0, 0};
    RiFeedback *child = j->fv->children ? j->fv->children[index] : NULL;
    if (!child) /* not made yet */
        return emit_by_helper(j, &n);
    const RiProto *proto = child->proto;
    size_t size = sizeof(RiClosure) + proto->upval_count * sizeof(RiCell *);
    if (size > 1024)
        return emit_by_helper(j, &n);
    RiReg reg = ri_jit_new_gpr(j);
    Detour d = begin_detour(j);
    emit_new_block(j, &d, reg, size);
    store_word(j, reg, 0, header(RI_TAG_CLOSURE, proto->upval_count, 0));
    store_serial(j, reg, offsetof(RiClosure, serial));
    ri_x_rm(j->as, RI_X_STORE32, RI_RCX, ri_mem(reg, offsetof(RiClosure, owner)));
    store_word(j, reg, offsetof(RiClosure, feedback), (uintptr_t)child);
    ri_jit_emit_self(j, RI_RAX);
    for (uint32_t i = 0; i < proto->upval_count; i++) {
        const RiUpvalDesc *desc = &proto->upvals[i];
        RiMem at = ri_mem(reg, (int64_t)(offsetof(RiClosure, upvals) + i * sizeof(RiCell *)));
        if (desc->in_stack) {
            ri_jit_store_payload(j, j->base + desc->index, at);
        } else {
            ri_x_rm(j->as, RI_X_LOAD, RI_RCX,
                    ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + desc->index * sizeof(RiCell *))));
            ri_x_rm(j->as, RI_X_STORE, RI_RCX, at);
        }
    }
    return finish(j, &d, &n, reg);
}

RiJitResult ri_jit_emit_new_cell(RiJit *j, uint32_t slot)
{
    New n = {HELPER(help_new_cell), slot - j->base, NULL, 0, slot, TYPE_CELL, 0, 0};
    RiReg reg = ri_jit_new_gpr(j);
    Detour d = begin_detour(j);
    emit_new_block(j, &d, reg, sizeof(RiCell));
    store_word(j, reg, 0, header(RI_TAG_CELL, 0, 0));
    ri_jit_store_value(j, slot, ri_mem(reg, offsetof(RiCell, value)));
    return finish(j, &d, &n, reg);
}

/* -- setmetatable ------------------------------------------------------------------------------------------------------------ */

#define ABSENT_BIT(event) (1u << (16 + (event))) /* of a table's first word */

/* Has the table neither finalizer nor weak references to give, as a metatable? Remembers it. Never collects. */
static bool help_is_plain_metatable(RiThread *T, RiTable *meta)
{
    return ri_is_nil(ri_meta_get(T->heap, meta, RI_MM_GC)) && ri_is_nil(ri_meta_get(T->heap, meta, RI_MM_MODE));
}

/* The table in slot `meta` is such a one: by its shape, or as it remembers, or, the first time, by the helper. */
static void guard_plain_metatable(RiJit *j, uint32_t meta, bool is_known)
{
    RiReg reg = ri_jit_gpr(j, meta);
    int32_t absent = (int32_t)(ABSENT_BIT(RI_MM_GC) | ABSENT_BIT(RI_MM_MODE));
    if (is_known) {
        ri_x_alu32_mem(j->as, RI_ALU_OR, ri_mem(reg, 0), absent);
        return;
    }
    ri_x_rm(j->as, RI_X_LOAD32, RI_RAX, ri_mem(reg, 0));
    ri_x_alu32(j->as, RI_ALU_AND, RI_RAX, absent);
    ri_x_alu32(j->as, RI_ALU_CMP, RI_RAX, absent);
    RiJitSnap *before = ri_jit_snapshot(j);
    uint32_t unknown = ri_x_jcc(j->as, RI_CC_NE, 0), back = j->as->at;
    ri_x_patch(j->as, unknown, ri_jit_cold_begin(j));
    ri_jit_flush_for_call(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rm(j->as, RI_X_LOAD, RI_RSI, ri_jit_payload(meta));
    ri_jit_call_pure(j, HELPER(help_is_plain_metatable));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    RiJitSnap *after = ri_jit_snapshot(j);
    uint32_t other = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_jit_rejoin(j, before, back);
    ri_jit_cold_end(j);
    ri_jit_restore(j, after);
    ri_jit_stub_at(j, STUB_GUARD, j->pc, other);
    ri_jit_restore(j, before);
}

/* A table of this shape has no such metamethods. */
static bool is_plain_shape(const RiJit *j, RiShapeId shape)
{
    return shape != 0 && shape < RI_SHAPE_UNIQUE && shape != RI_SHAPE_DICT &&
           ri_shape_find(shape, j->heap->mm_names[RI_MM_GC]) < 0 && ri_shape_find(shape, j->heap->mm_names[RI_MM_MODE]) < 0;
}

/* A new table gets its metatable: none before, no finalizer, not weak. Anything else is the library's. */
bool ri_jit_emit_setmetatable(RiJit *j, uint32_t func, uint32_t nargs, int32_t wanted)
{
    uint32_t object = func + 2, meta = func + 3;
    RiValue m, t;
    if (nargs != 2 || wanted < 0 || wanted > 1)
        return false;
    uint8_t type = ri_jit_type(j, object), meta_type = ri_jit_type(j, meta);
    if (j->is_deferred || type != TYPE_TABLE || meta_type != TYPE_TABLE)
        return false;
    bool is_known = is_plain_shape(j, j->slots[meta].shape);
    if (!is_known && !ri_jit_sample(j, meta, &m)) {
        j->is_deferred = true;
        return false;
    }
    if ((!is_known && !help_is_plain_metatable(j->T, m.p)) ||
        (ri_jit_sample(j, object, &t) && (((RiTable *)t.p)->meta || ((RiTable *)t.p)->flags & RI_TABLE_DELEGATE)))
        return false;
    ri_jit_guard(j, object, TYPE_TABLE);
    ri_jit_guard(j, meta, TYPE_TABLE);
    guard_plain_metatable(j, meta, is_known);
    RiReg reg = ri_jit_gpr(j, object), meta_reg = ri_jit_gpr(j, meta);
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(reg, offsetof(RiTable, meta)), 0);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_test8_mem(j->as, ri_mem(reg, offsetof(RiTable, flags)), RI_TABLE_DELEGATE);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_STORE, meta_reg, ri_mem(reg, offsetof(RiTable, meta)));
    ri_jit_unlearn(j, FACT_NO_META | FACT_NO_NEWINDEX);
    if (wanted > 0)
        ri_jit_set_copy(j, func, object);
    ri_jit_pop(j, j->depth - func - (uint32_t)wanted);
    return true;
}

RiJitResult ri_jit_emit_new(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w), d = RI_WORD_D(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_NEWTABLE:
        return emit_new_table(j, a, &j->fv->caches[d]);
    case RI_OP_NEWRECORD:
        return emit_new_record(j, a, &j->fv->caches[d]);
    case RI_OP_NEWARRAY:
        return emit_new_array(j, d);
    case RI_OP_CLOSURE:
        return emit_new_closure(j, RI_WORD_U(w));
    default:
        return EMIT_CANNOT;
    }
}
