/* Emitters: fields, indexing, tables, closures.
 *
 * A field is found as the sample has it: the shape it was seen with is compared, and the offset is a constant. For inherited
 * ones metatable, epoch and the value's address come from the instruction's inline cache, where the collector clears them. */
#include "jit/core.h"

#include <string.h>

/* -- By all rules ---------------------------------------------------------------------------------------------------------- */

/* Where the value of the cache's key in `object` is, if that takes no call. Never throws or collects. */
static const RiValue *help_find_field(RiThread *T, const RiValue *object, RiCache *c)
{
    const RiHeap *heap = T->heap;
    if (object->tag == RI_TAG_TABLE) {
        RiTable *t = object->p;
        if (t->shape == c->shape) {
            const RiValue *v = (const RiValue *)(const void *)((const char *)t->slots + c->offset);
            if (v->tag != RI_TAG_NIL || t->meta == NULL)
                return v;
            if (t->meta == c->meta && c->epoch == heap->epoch)
                return c->target;
        } else if (t->shape == c->next_shape && t->meta == c->meta && c->epoch == heap->epoch) {
            return c->target;
        }
        return ri_find_field(T, t, c);
    }
    bool is_method = object->tag == RI_TAG_STRING && c->next_shape == RI_SHAPE_OF_STRINGS && c->epoch == heap->epoch;
    return is_method ? c->target : NULL;
}

static uintptr_t help_get_field(RiThread *T, RiValue *object, RiCache *cache)
{
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    return ri_jit_finish(T, ri_slow_get_field(T, *object, cache), base, pc);
}

static bool has_no_newindex(const RiTable *t);

static uintptr_t help_set_field(RiThread *T, RiValue *object, RiCache *cache)
{
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    const RiValue *v = T->top - 1;
    if (object->tag == RI_TAG_TABLE) {
        RiTable *t = object->p;
        RiValue *slot = (RiValue *)(void *)((char *)t->slots + cache->offset);
        if (t->shape == cache->shape && ((slot->tag != RI_TAG_NIL && v->tag != RI_TAG_NIL) ||
                                         (has_no_newindex(t) && !(t->flags & RI_TABLE_DELEGATE)))) {
            ri_copy(slot, v);
            return 0;
        }
    }
    return ri_jit_finish(T, ri_slow_set_field(T, *object, cache, *v), base, pc);
}

/* object[key] to *to if that takes no call: true. */
static bool help_find_index(const RiValue *object, const RiValue *key, RiValue *to)
{
    if (object->tag != RI_TAG_TABLE)
        return false;
    const RiTable *t = object->cp;
    RiValue v = key->tag == RI_TAG_INT ? ri_table_get_int(t, key->i)
                : key->tag == RI_TAG_STRING && ri_str_is_interned(key->cp) ? ri_table_get_str(t, key->cp)
                                                                         : ri_table_get(t, *key);
    if (v.tag == RI_TAG_NIL && t->meta != NULL)
        return false;
    ri_store(to, v);
    return true;
}

static bool has_no_newindex(const RiTable *t)
{
    return t->meta == NULL || (t->meta->absent >> RI_MM_NEWINDEX & 1);
}

static uintptr_t help_set_index(RiThread *T, RiValue *object, RiValue *key, RiValue *value)
{
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    RiTable *t = object->p;
    if (object->tag == RI_TAG_TABLE && has_no_newindex(t)) {
        bool done = true;
        if (key->tag == RI_TAG_INT) {
            if (ri_table_try_set_int(t, key->i, *value))
                ;
            else if ((uint64_t)key->i - 1 == t->array->count && value->tag != RI_TAG_NIL)
                ri_table_append(T->heap, t, *value);
            else
                ri_table_set_int(T->heap, t, key->i, *value);
        } else if (key->tag == RI_TAG_STRING && ri_str_is_interned(key->cp)) {
            ri_table_set_str(T->heap, t, key->p, *value);
        } else {
            done = false;
        }
        if (done)
            return 0;
    }
    return ri_jit_finish(T, ri_slow_set_index(T, *object, *key, *value), base, pc);
}

static void load_address(RiJit *j, RiReg reg, const void *address)
{
    ri_x_imm(j->as, reg, (int64_t)(uintptr_t)address);
}

/* -- Reading fields --------------------------------------------------------------------------------------------------------- */

typedef enum FieldPlace { FIELD_UNKNOWN, FIELD_OWN, FIELD_ABSENT, FIELD_INHERITED, FIELD_EMPTY_INHERITED, FIELD_BY_PATH,
                          FIELD_OF_STRING } FieldPlace;

/* From an object to a field that it inherits, by shapes alone: several classes meet here, and the cache knows one of them. */
#define PATH_STEPS_MAX 2u
typedef struct Path {
    struct {
        RiShapeId meta, index; /* shapes of the metatable, and of its __index */
        uint32_t offset;       /* of __index in it */
    } steps[PATH_STEPS_MAX];
    uint32_t count;
} Path;

typedef struct Field {
    FieldPlace place;
    RiShapeId shape;
    uint32_t offset;
    const RiValue *value; /* of the sample */
    Path path;
} Field;

static bool is_ordinary(RiShapeId shape)
{
    return shape < RI_SHAPE_UNIQUE && shape != RI_SHAPE_DICT;
}

static const RiValue *slot_at(const RiTable *t, int32_t offset)
{
    return (const RiValue *)(const void *)((const char *)t->slots + offset);
}

/* The key is absent in t, of an ordinary shape. False: no such path. */
static bool find_path(RiJit *j, RiTable *t, const RiString *key, Field *f)
{
    RiString *name = j->heap->mm_names[RI_MM_INDEX];
    for (uint32_t i = 0; i < PATH_STEPS_MAX; i++) {
        RiTable *meta = t->meta;
        int32_t offset = meta ? ri_table_find_offset(meta, name) : -1;
        if (offset < 0 || slot_at(meta, offset)->tag != RI_TAG_TABLE)
            return false;
        t = slot_at(meta, offset)->p;
        int32_t found = ri_table_find_offset(t, key);
        f->path.steps[i].meta = ri_table_cacheable_shape(j->heap, meta);
        f->path.steps[i].index = found >= 0 ? ri_table_cacheable_shape(j->heap, t) : t->shape;
        f->path.steps[i].offset = (uint32_t)offset;
        f->path.count = i + 1;
        if (!f->path.steps[i].meta || !f->path.steps[i].index)
            return false;
        if (found >= 0) {
            f->offset = (uint32_t)found;
            f->value = slot_at(t, found);
            return !ri_is_nil(*f->value);
        }
        if (!is_ordinary(t->shape))
            return false;
    }
    return false;
}

static Field find_field(RiJit *j, RiTable *t, RiCache *cache)
{
    Field f = {0};
    RiHeap *heap = j->heap;
    int32_t offset = ri_table_find_offset(t, cache->key);
    f.shape = offset >= 0 ? ri_table_cacheable_shape(heap, t) : t->shape;
    if (!f.shape || (offset < 0 && !is_ordinary(f.shape)))
        return f;
    if (offset >= 0) {
        f.offset = (uint32_t)offset;
        f.value = (const RiValue *)(const void *)((const char *)t->slots + offset);
        if (!ri_is_nil(*f.value) || t->meta == NULL) {
            f.place = FIELD_OWN;
            return f;
        }
    }
    if (t->meta == NULL) {
        f.place = FIELD_ABSENT;
        return f;
    }
    if (offset < 0 && j->pcs[j->pc].guards > 0 && find_path(j, t, cache->key, &f)) {
        f.place = FIELD_BY_PATH;
        return f;
    }
    const RiValue *v = ri_find_field(j->T, t, cache);
    if (v && cache->meta == t->meta && cache->epoch == heap->epoch && cache->target == v) {
        f.value = v;
        f.place = offset >= 0 ? FIELD_EMPTY_INHERITED : FIELD_INHERITED;
    }
    return f;
}

/* -- Guards, unless it is known already ------------------------------------------------------------------------------------ */

static void guard_shape(RiJit *j, RiReg table, RiShapeId shape)
{
    if (ri_jit_facts(j, table)->shape == shape)
        return;
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(table, offsetof(RiTable, shape)), (int32_t)shape);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_learn_shape(j, table, shape);
}

static void guard_no_meta(RiJit *j, RiReg table)
{
    if (ri_jit_facts(j, table)->facts & FACT_NO_META)
        return;
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(table, offsetof(RiTable, meta)), 0);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_learn(j, table, FACT_NO_META | FACT_NO_NEWINDEX);
}

/* The metatable of the table in reg, if any, has no __newindex. Uses rcx. */
static void guard_no_newindex(RiJit *j, RiReg reg, const RiTable *sample)
{
    if (ri_jit_facts(j, reg)->facts & FACT_NO_NEWINDEX)
        return;
    if (sample->meta == NULL) {
        guard_no_meta(j, reg);
        return;
    }
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(reg, offsetof(RiTable, meta)));
    ri_x_rr(j->as, RI_X_TEST, RI_RCX, RI_RCX);
    uint32_t none = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_x_test8_mem(j->as, ri_mem(RI_RCX, offsetof(RiTable, absent)), 1 << RI_MM_NEWINDEX);
    ri_jit_guard_jump(j, RI_CC_E);
    ri_x_land(j->as, none);
    ri_jit_learn(j, reg, FACT_NO_NEWINDEX);
}

static void guard_no_dict(RiJit *j, RiReg table)
{
    if (ri_jit_facts(j, table)->facts & FACT_NO_DICT)
        return;
    ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(table, offsetof(RiTable, dict)), 0);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_learn(j, table, FACT_NO_DICT);
}

/* KIND_… as far as who loads from `a` has to know it. */
static uint8_t kind_to_load(const RiArray *a)
{
    return a->elem_tag ? KIND_OF(a->kind) : KIND_VALUES;
}

static bool is_kind_known(const RiJit *j, RiReg table, uint8_t kind)
{
    uint8_t known = ri_jit_facts(j, table)->kind;
    bool has_values = known == KIND_OF(RI_ARRAY_NUMBER) || known == KIND_OF(RI_ARRAY_ANY);
    return known == kind || (kind == KIND_VALUES && has_values);
}

/* The flags are set: equal if the array is of that kind. */
static void compare_kind(RiJit *j, RiReg array, uint8_t kind)
{
    RiMem elem_tag = ri_mem(array, offsetof(RiArray, elem_tag));
    if (kind == KIND_VALUES)
        ri_x_alu8_mem(j->as, RI_ALU_CMP, elem_tag, 0);
    else
        ri_x_alu8_mem(j->as, RI_ALU_CMP, ri_mem(array, offsetof(RiArray, kind)), (int8_t)(kind - 1));
}

/* The array of the table, at `array`, is of that kind. */
static void guard_kind(RiJit *j, RiReg table, RiReg array, uint8_t kind)
{
    if (is_kind_known(j, table, kind))
        return;
    compare_kind(j, array, kind);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_jit_learn_kind(j, table, kind);
}

/* -- Finding fields ------------------------------------------------------------------------------------------------------------ */

/* What a cache of methods has found, if it still holds: in rax's memory. */
static RiMem emit_cached_target(RiJit *j)
{
    ri_x_rm(j->as, RI_X_LOAD32, RI_RAX, ri_mem(RI_RCX, offsetof(RiCache, epoch)));
    ri_x_rm(j->as, RI_X_CMP32, RI_RAX, OF_HEAP(epoch));
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RCX, offsetof(RiCache, target)));
    return ri_mem(RI_RAX, 0);
}

static void guard_shape_of(RiJit *j, RiReg table, RiShapeId shape)
{
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(table, offsetof(RiTable, shape)), (int32_t)shape);
    ri_jit_guard_jump(j, RI_CC_NE);
}

static RiMem emit_walk(RiJit *j, const Field *f, RiReg reg)
{
    for (uint32_t i = 0; i < f->path.count; i++) {
        uint32_t offset = f->path.steps[i].offset;
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(i ? RI_RCX : reg, offsetof(RiTable, meta)));
        ri_x_rr(j->as, RI_X_TEST, RI_RCX, RI_RCX);
        ri_jit_guard_jump(j, RI_CC_E);
        guard_shape_of(j, RI_RCX, f->path.steps[i].meta);
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RCX, offsetof(RiTable, slots)));
        ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, (int64_t)offset + 8), RI_TAG_TABLE);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_x_rm(j->as, RI_X_LOAD, RI_RCX, ri_mem(RI_RAX, offset));
        guard_shape_of(j, RI_RCX, f->path.steps[i].index);
    }
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RCX, offsetof(RiTable, slots)));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, (int64_t)f->offset + 8), RI_TAG_NIL);
    ri_jit_guard_jump(j, RI_CC_E);
    return ri_mem(RI_RAX, f->offset);
}

/* Where the value of field f of the object in `reg` is, all that it takes made sure of. Uses rax and rcx. */
static RiMem emit_find(RiJit *j, const Field *f, RiReg reg, const RiCache *cache)
{
    if (f->place == FIELD_OF_STRING) {
        load_address(j, RI_RCX, cache);
        ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RCX, offsetof(RiCache, next_shape)), (int32_t)RI_SHAPE_OF_STRINGS);
        ri_jit_guard_jump(j, RI_CC_NE);
        return emit_cached_target(j);
    }
    guard_shape(j, reg, f->shape);
    if (f->place == FIELD_BY_PATH)
        return emit_walk(j, f, reg);
    if (f->place == FIELD_OWN || f->place == FIELD_EMPTY_INHERITED) {
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiTable, slots)));
        if (f->place == FIELD_OWN)
            return ri_mem(RI_RAX, f->offset);
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, (int64_t)f->offset + 8), RI_TAG_NIL);
        ri_jit_guard_jump(j, RI_CC_NE);
    }
    load_address(j, RI_RCX, cache);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiTable, meta)));
    ri_x_rm(j->as, RI_X_CMP, RI_RAX, ri_mem(RI_RCX, offsetof(RiCache, meta)));
    ri_jit_guard_jump(j, RI_CC_NE);
    return emit_cached_target(j);
}

/* The value of a field that is nil with no metatable to ask. */
static void emit_nil_field(RiJit *j, const Field *f, RiReg reg)
{
    guard_shape(j, reg, f->shape);
    guard_no_meta(j, reg);
    if (f->place == FIELD_OWN) {
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiTable, slots)));
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, (int64_t)f->offset + 8), RI_TAG_NIL);
        ri_jit_guard_jump(j, RI_CC_NE);
    }
}

static RiCache *cache_of(RiJit *j, uint32_t site)
{
    return j->fv->caches + site;
}

/* What comes after the field's value on the stack. */
typedef enum FieldUse { USE_VALUE, USE_CALL, USE_SELF } FieldUse;

/* Everything is in memory as the helper has left it. */
static void field_pushed(RiJit *j, FieldUse use)
{
    ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
    if (use != USE_VALUE) {
        ri_jit_set_constant(j, j->depth, (RiValue){.tag = RI_TAG_LINK});
        j->slots[j->depth - 1].memtag = TYPE_LINK;
        j->slots[j->depth - 1].synced = true;
    }
    if (use == USE_SELF)
        ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
}

/* rsi := the address of the object: of a slot, or of upvalue `upvalue` (slot -1). */
static void load_object_address(RiJit *j, int32_t slot, uint32_t upvalue)
{
    if (slot >= 0) {
        ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload((uint32_t)slot));
        return;
    }
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RSI, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + upvalue * sizeof(RiCell *))));
    ri_x_alu(j->as, RI_ALU_ADD, RI_RSI, offsetof(RiCell, value));
}

static void copy_value(RiJit *j, RiMem to, RiMem from)
{
    RiMem to_tag = to, from_tag = from;
    to_tag.disp += 8;
    from_tag.disp += 8;
    ri_x_rm(j->as, RI_X_LOAD, RI_RCX, from);
    ri_x_rm(j->as, RI_X_LOAD, RI_RDX, from_tag);
    ri_x_rm(j->as, RI_X_STORE, RI_RCX, to);
    ri_x_rm(j->as, RI_X_STORE, RI_RDX, to_tag);
}

/* object.key by the cache as it is at run time; `pops` the object. */
static RiJitResult emit_slow_field(RiJit *j, int32_t slot, uint32_t upvalue, uint32_t pops, FieldUse use, RiCache *cache)
{
    RiValue sample;
    bool has = slot >= 0 && ri_jit_sample(j, (uint32_t)slot, &sample);
    uint32_t to = j->depth - pops;
    ri_jit_flush_for_call(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    load_object_address(j, slot, upvalue);
    load_address(j, RI_RDX, cache);
    ri_jit_call_pure(j, HELPER(help_find_field));
    ri_x_rr(j->as, RI_X_TEST, RI_RAX, RI_RAX);
    uint32_t missing = ri_x_jcc(j->as, RI_CC_E, 0);
    if (use == USE_SELF)
        copy_value(j, ri_jit_payload(to + 2), ri_jit_payload((uint32_t)slot));
    copy_value(j, ri_jit_payload(to), ri_mem(RI_RAX, 0));
    if (use != USE_VALUE)
        ri_x_store_imm(j->as, ri_jit_tag(to + 1), RI_TAG_LINK);
    uint32_t done = j->as->at;
    ri_x_patch(j->as, missing, ri_jit_cold_begin(j));
    ri_jit_begin_slow(j);
    load_object_address(j, slot, upvalue);
    load_address(j, RI_RDX, cache);
    ri_jit_end_slow(j, HELPER(help_get_field));
    ri_x_jmp(j->as, done);
    ri_jit_cold_end(j);
    ri_jit_pop(j, pops);
    field_pushed(j, use);
    if (has && use == USE_SELF)
        ri_jit_set_sample(j, j->depth - 1, sample);
    return EMIT_ON;
}

/* The object (in `reg`, of type `type`) may be where the value comes to lie: it is popped when all guards are passed. */
static void push_field(RiJit *j, const Field *f, RiReg reg, uint8_t type, const RiCache *cache, uint32_t slot, uint32_t pops,
                       FieldUse use)
{
    bool is_nil = f->place == FIELD_ABSENT || (f->place == FIELD_OWN && ri_is_nil(*f->value));
    RiValue sample = j->samples[slot];
    bool has = j->has_sample[slot];
    if (is_nil) {
        emit_nil_field(j, f, reg);
        ri_jit_pop(j, pops);
        ri_jit_set_constant(j, j->depth, ri_nil());
    } else {
        ri_jit_push_value_at(j, emit_find(j, f, reg, cache), f->value);
        if (pops)
            ri_jit_move_down(j);
    }
    if (use != USE_VALUE)
        ri_jit_set_constant(j, j->depth, (RiValue){.tag = RI_TAG_LINK});
    if (use != USE_SELF)
        return;
    uint32_t self = j->depth;
    if (pops == 0)
        ri_jit_set_copy(j, self, slot);
    else
        ri_jit_set_gpr(j, self, type, reg);
    if (has)
        ri_jit_set_sample(j, self, sample);
}

/* The same of a cdata, or of a library of C. */
static bool emit_foreign_field(RiJit *j, int32_t slot, uint32_t upvalue, RiString *key, uint32_t pops, FieldUse use)
{
    RiJitOperand name = {.slot = -1, .k = ri_string_value(key)};
    if (j->heap->foreign == NULL)
        return false;
    uint8_t type = slot >= 0 ? ri_jit_type(j, (uint32_t)slot) : TYPE_UNKNOWN;
    if (slot >= 0 && type != TYPE_CDATA && type != TYPE_USERDATA)
        return false;
    if (!ri_jit_emit_foreign_symbol(j, slot, upvalue, key, pops) &&
        (j->is_deferred || use != USE_VALUE || !ri_jit_emit_foreign_get(j, slot, upvalue, name, pops)))
        return false;
    if (use == USE_CALL)
        ri_jit_set_constant(j, j->depth, (RiValue){.tag = RI_TAG_LINK});
    return true;
}

static RiJitResult emit_get_field(RiJit *j, uint32_t slot, uint32_t pops, uint32_t site, FieldUse use)
{
    RiCache *cache = cache_of(j, site);
    uint8_t type = ri_jit_type(j, slot);
    RiValue o;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (use != USE_SELF && emit_foreign_field(j, (int32_t)slot, 0, cache->key, pops, use))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    bool is_string = type == TYPE_STRING && cache->next_shape == RI_SHAPE_OF_STRINGS && cache->epoch == j->heap->epoch;
    if ((type != TYPE_TABLE && !is_string) || j->generic_pc == j->pc)
        return emit_slow_field(j, (int32_t)slot, 0, pops, use, cache);
    if (!ri_jit_sample(j, slot, &o)) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    Field f = {.place = FIELD_OF_STRING, .value = cache->target};
    if (!is_string)
        f = find_field(j, o.p, cache);
    if (f.place == FIELD_UNKNOWN)
        return emit_slow_field(j, (int32_t)slot, 0, pops, use, cache);
    ri_jit_guard(j, slot, type);
    push_field(j, &f, ri_jit_gpr(j, slot), type, cache, slot, pops, use);
    return EMIT_ON;
}

/* U(A).key: the table is loaded into a register for this instruction. */
static RiJitResult emit_get_upvalue_field(RiJit *j, uint32_t index, uint32_t site, FieldUse use)
{
    RiCache *cache = cache_of(j, site);
    const RiClosure *self = ri_jit_self(j);
    const RiValue *o = self ? &self->upvals[index]->value : NULL;
    Field f = {0};
    if (o && o->tag == RI_TAG_TABLE && j->generic_pc != j->pc)
        f = find_field(j, o->p, cache);
    if (f.place == FIELD_UNKNOWN && use != USE_SELF && emit_foreign_field(j, -1, index, cache->key, 0, use))
        return EMIT_ON;
    if (f.place == FIELD_UNKNOWN)
        return emit_slow_field(j, -1, index, 0, use, cache);
    RiReg reg = ri_jit_new_gpr(j);
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + index * sizeof(RiCell *))));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCell, value) + 8), RI_TAG_TABLE);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, reg, ri_mem(RI_RAX, offsetof(RiCell, value)));
    push_field(j, &f, reg, TYPE_TABLE, cache, j->depth, 0, use);
    return EMIT_ON;
}

/* -- Writing fields --------------------------------------------------------------------------------------------------------- */

static void guard_no_delegate(RiJit *j, RiReg reg)
{
    ri_x_test8_mem(j->as, ri_mem(reg, offsetof(RiTable, flags)), RI_TABLE_DELEGATE);
    ri_jit_guard_jump(j, RI_CC_NE);
}

static RiJitResult emit_slow_set_field(RiJit *j, int32_t slot, uint32_t upvalue, uint32_t pops, RiCache *cache, bool keeps)
{
    ri_jit_begin_slow(j);
    load_object_address(j, slot, upvalue);
    load_address(j, RI_RDX, cache);
    ri_jit_end_slow(j, HELPER(help_set_field));
    ri_jit_pop(j, keeps ? 1 : pops);
    return EMIT_ON;
}

/* How a store of a value (nil or not) finds table t. */
typedef enum StorePlace { STORE_UNKNOWN, STORE_OVER, STORE_EMPTY, STORE_NEW } StorePlace;

static StorePlace find_store(RiJit *j, RiTable *t, RiCache *cache, bool is_nil, RiShapeId *shape, uint32_t *offset, RiShapeId *next)
{
    RiString *key = cache->key;
    int32_t at = ri_table_find_offset(t, key);
    bool guarded = !has_no_newindex(t) || t->flags & RI_TABLE_DELEGATE || key->object.flags & RI_STR_METAMETHOD;
    if (at >= 0) {
        const RiValue *slot = (const RiValue *)(const void *)((const char *)t->slots + at);
        *shape = ri_table_cacheable_shape(j->heap, t);
        *offset = (uint32_t)at;
        if (!*shape || key->object.flags & RI_STR_METAMETHOD)
            return STORE_UNKNOWN;
        if (!ri_is_nil(*slot) && !is_nil)
            return STORE_OVER;
        return guarded ? STORE_UNKNOWN : STORE_EMPTY;
    }
    if (guarded || is_nil || cache->shape != 0 || cache->epoch != t->shape || !is_ordinary(t->shape))
        return STORE_UNKNOWN; /* new: once the helper has learnt it */
    *shape = t->shape;
    *offset = cache->offset;
    *next = cache->next_shape;
    return STORE_NEW;
}

/* The table in `reg` (like `t`) . key := top of the stack. */
static bool emit_store_field(RiJit *j, RiReg reg, RiTable *t, RiCache *cache)
{
    uint32_t value = j->depth - 1, offset;
    RiShapeId shape, next = 0;
    uint8_t type = j->slots[value].type; /* known */
    StorePlace place = find_store(j, t, cache, type == TYPE_NIL, &shape, &offset, &next);
    if (place == STORE_UNKNOWN)
        return false;
    guard_shape(j, reg, shape);
    if (place != STORE_OVER) {
        guard_no_newindex(j, reg, t);
        guard_no_delegate(j, reg);
    }
    if (place == STORE_NEW) {
        ri_x_alu8_mem(j->as, RI_ALU_CMP, ri_mem(reg, 15), (int8_t)(offset / sizeof(RiValue))); /* slot_capacity */
        ri_jit_guard_jump(j, RI_CC_BE);
    }
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(reg, offsetof(RiTable, slots)));
    if (place == STORE_OVER) {
        ri_x_alu_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, (int64_t)offset + 8), RI_TAG_NIL);
        ri_jit_guard_jump(j, RI_CC_E);
    }
    ri_jit_store_value(j, value, ri_mem(RI_RAX, offset));
    if (place == STORE_NEW) {
        ri_x_store32_imm(j->as, ri_mem(reg, offsetof(RiTable, shape)), (int32_t)next);
        ri_jit_shape_changes(j, reg, shape, next);
    }
    return true;
}

/* S(slot).key := top; pops `pops`; INITFIELD keeps the table. */
static RiJitResult emit_set_field(RiJit *j, uint32_t slot, uint32_t pops, uint32_t site, bool keeps)
{
    RiCache *cache = cache_of(j, site);
    uint32_t value = j->depth - 1;
    uint8_t type = ri_jit_type(j, slot), value_type = ri_jit_type(j, value);
    RiValue o;
    if (j->is_deferred)
        return EMIT_DEFER;
    RiJitOperand name = {.slot = -1, .k = ri_string_value(cache->key)};
    if (type == TYPE_CDATA && !keeps && ri_jit_emit_foreign_set(j, (int32_t)slot, 0, name, value, pops))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (type != TYPE_TABLE || value_type == TYPE_UNKNOWN || j->generic_pc == j->pc)
        return emit_slow_set_field(j, (int32_t)slot, 0, pops, cache, keeps);
    if (!ri_jit_sample(j, slot, &o)) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    ri_jit_guard(j, slot, TYPE_TABLE);
    ri_jit_guard(j, value, value_type);
    RiReg reg = ri_jit_gpr(j, slot);
    if (!emit_store_field(j, reg, o.p, cache))
        return emit_slow_set_field(j, (int32_t)slot, 0, pops, cache, keeps);
    ri_jit_pop(j, keeps ? 1 : pops);
    return EMIT_ON;
}

static RiJitResult emit_set_upvalue_field(RiJit *j, uint32_t index, uint32_t site)
{
    RiCache *cache = cache_of(j, site);
    const RiClosure *self = ri_jit_self(j);
    RiValue o = self ? self->upvals[index]->value : ri_nil();
    uint32_t value = j->depth - 1;
    uint8_t value_type = ri_jit_type(j, value);
    if (j->is_deferred)
        return EMIT_DEFER;
    RiJitOperand name = {.slot = -1, .k = ri_string_value(cache->key)};
    if (o.tag == RI_TAG_CDATA && ri_jit_emit_foreign_set(j, -1, index, name, value, 1))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (o.tag != RI_TAG_TABLE || value_type == TYPE_UNKNOWN || j->generic_pc == j->pc)
        return emit_slow_set_field(j, -1, index, 1, cache, false);
    ri_jit_guard(j, value, value_type);
    RiReg reg = ri_jit_new_gpr(j);
    ri_jit_emit_self(j, RI_RAX);
    ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + index * sizeof(RiCell *))));
    ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCell, value) + 8), RI_TAG_TABLE);
    ri_jit_guard_jump(j, RI_CC_NE);
    ri_x_rm(j->as, RI_X_LOAD, reg, ri_mem(RI_RAX, offsetof(RiCell, value)));
    if (!emit_store_field(j, reg, o.p, cache))
        return emit_slow_set_field(j, -1, index, 1, cache, false);
    ri_jit_pop(j, 1);
    return EMIT_ON;
}

/* -- Indexing ------------------------------------------------------------------------------------------------------------------ */

typedef struct Index {
    RiJitOperand object, key; /* object.slot -1: the upvalue */
    uint32_t upvalue, pops;
} Index;

static Index decode_index(RiWord w, uint32_t depth)
{
    int32_t top = (int32_t)depth - 1, a = RI_WORD_A(w), b = RI_WORD_B(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_GETINDEX:
        return (Index){{.slot = top - 1}, {.slot = top}, 0, 2};
    case RI_OP_GETINDEX_KL:
        return (Index){{.slot = top}, {.slot = a}, 0, 1};
    case RI_OP_GETINDEX_OL:
        return (Index){{.slot = a}, {.slot = top}, 0, 1};
    case RI_OP_GETINDEX_LL:
        return (Index){{.slot = a}, {.slot = b}, 0, 0};
    case RI_OP_GETINDEX_UL:
        return (Index){{.slot = -1}, {.slot = b}, (uint32_t)a, 0};
    case RI_OP_GETINDEX_I:
        return (Index){{.slot = top}, {.slot = -1, .k = ri_int(RI_WORD_E(w))}, 0, 1};
    case RI_OP_GETINDEX_LI:
        return (Index){{.slot = a}, {.slot = -1, .k = ri_int(RI_WORD_S(w))}, 0, 0};
    default:
        ri_unreachable();
    }
}

static uintptr_t help_get_index(RiThread *T, RiValue *object, RiValue *key)
{
    uint32_t pc = T->pc;
    ptrdiff_t base = T->base - T->stack;
    return ri_jit_finish(T, ri_slow_index(T, *object, *key), base, pc);
}

/* `reg` := the address of the key: of its slot, or of a constant kept for it. */
static void load_key_address(RiJit *j, RiReg reg, RiJitOperand key)
{
    if (key.slot >= 0) {
        ri_x_rm(j->as, RI_X_LEA, reg, ri_jit_payload((uint32_t)key.slot));
        return;
    }
    RiValue *k = ri_jit_alloc(j, sizeof *k);
    *k = key.k;
    load_address(j, reg, k);
}

static RiJitResult slow_index(RiJit *j, const Index *x)
{
    uint32_t to = j->depth - x->pops;
    ri_jit_flush_for_call(j);
    load_object_address(j, x->object.slot, x->upvalue);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_RSI);
    load_key_address(j, RI_RSI, x->key);
    ri_x_rm(j->as, RI_X_LEA, RI_RDX, ri_jit_payload(to));
    ri_jit_call_pure(j, HELPER(help_find_index));
    ri_x_test_imm(j->as, RI_RAX, 0xff);
    uint32_t missing = ri_x_jcc(j->as, RI_CC_E, 0), done = j->as->at;
    ri_x_patch(j->as, missing, ri_jit_cold_begin(j));
    ri_jit_begin_slow(j);
    load_object_address(j, x->object.slot, x->upvalue);
    load_key_address(j, RI_RDX, x->key);
    ri_jit_end_slow(j, HELPER(help_get_index));
    ri_x_jmp(j->as, done);
    ri_jit_cold_end(j);
    ri_jit_pop(j, x->pops);
    ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
    return EMIT_ON;
}

static const RiValue *constant_of(const RiJit *j, const RiJitOperand *o)
{
    return o->slot < 0 ? &o->k : j->slots[o->slot].where == IN_CONSTANT ? &j->slots[o->slot].k : NULL;
}

/* An element's place in an array. */
typedef struct Element {
    RiReg array, index; /* rcx: index from 0; RI_NO_REG: it is constant */
    int64_t at;
} Element;

/* rcx := index from 0, unless it is a constant that compares as an immediate. */
static Element begin_element(RiJit *j, RiReg table, const RiJitOperand *key)
{
    Element e = {.index = RI_RCX};
    const RiValue *k = constant_of(j, key);
    if (!k)
        ri_jit_gpr(j, (uint32_t)key->slot); /* before the array's register is chosen */
    e.array = ri_jit_array(j, table);
    if (k && k->i > 0 && k->i < 1 << 24) {
        e.index = RI_NO_REG;
        e.at = k->i - 1;
    } else if (k) {
        ri_x_imm(j->as, RI_RCX, (int64_t)((uint64_t)k->i - 1));
    } else {
        ri_x_rm(j->as, RI_X_LEA, RI_RCX, ri_mem(ri_jit_gpr(j, (uint32_t)key->slot), -1));
    }
    return e;
}

/* The element of the table is there (or is not), or the guard fails. Uses rax, rcx, rdx. */
static Element emit_array_access(RiJit *j, RiReg table, const RiJitOperand *key, bool is_outside)
{
    Element e = begin_element(j, table, key);
    RiMem count = ri_mem(e.array, offsetof(RiArray, count));
    if (e.index == RI_NO_REG) {
        ri_x_alu32_mem(j->as, RI_ALU_CMP, count, (int32_t)e.at);
        ri_jit_guard_jump(j, is_outside ? RI_CC_A : RI_CC_BE);
        return e;
    }
    ri_x_rm(j->as, RI_X_LOAD32, RI_RDX, count);
    ri_x_rr(j->as, RI_X_CMP, RI_RCX, RI_RDX);
    ri_jit_guard_jump(j, is_outside ? RI_CC_B : RI_CC_AE);
    return e;
}

/* Its payload (of a boolean: its tag), in an array with that elem_tag. Changes rcx if it has to. */
static RiMem element_place(RiJit *j, const Element *e, uint8_t elem_tag)
{
    int size = (int)ri_array_elem_size(elem_tag);
    if (e->index == RI_NO_REG)
        return ri_mem(e->array, RI_ARRAY_HEADER_SIZE + e->at * size);
    if (size == 16)
        ri_x_shift(j->as, RI_SHIFT_LEFT, RI_RCX, 4);
    return ri_mem_index(e->array, RI_RCX, size == 16 ? 1 : size, RI_ARRAY_HEADER_SIZE);
}

/* Push the boolean at `at`: the one that v is, or at an instruction compiled for all types whichever it is. */
static void push_bool(RiJit *j, RiMem at, RiValue v)
{
    if (j->generic_pc != j->pc) {
        ri_x_alu8_mem(j->as, RI_ALU_CMP, at, (int8_t)v.tag);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_jit_set_constant(j, j->depth, v);
        return;
    }
    ri_x_rm(j->as, RI_X_LOADBYTE, RI_RDX, at);
    ri_x_store_imm(j->as, ri_jit_payload(j->depth), 0);
    ri_x_rm(j->as, RI_X_STORE, RI_RDX, ri_jit_tag(j->depth));
    ri_jit_set_memory(j, j->depth, TYPE_UNKNOWN);
}

/* Push the element, which is v in the array like `a` seen now. */
static void push_element(RiJit *j, const RiArray *a, RiReg table, const Element *e, RiValue v, uint32_t pops)
{
    guard_kind(j, table, e->array, kind_to_load(a));
    RiMem at = element_place(j, e, a->elem_tag);
    if (a->elem_tag == RI_TAG_INT) {
        RiReg d = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LOAD, d, at);
        ri_jit_pop(j, pops);
        ri_jit_set_gpr(j, j->depth, TYPE_INT, d);
        ri_jit_set_sample(j, j->depth - 1, v);
        return;
    }
    if (a->elem_tag == RI_TAG_FLOAT) {
        RiXmm d = ri_jit_new_xmm(j);
        ri_x_rm(j->as, RI_X_MOVSD, d, at);
        ri_jit_pop(j, pops);
        ri_jit_set_xmm(j, j->depth, d);
        ri_jit_set_sample(j, j->depth - 1, v);
        return;
    }
    if (ri_is_nil(v))
        guard_no_meta(j, table);
    if (a->elem_tag == RI_ELEM_BOOL)
        push_bool(j, at, v);
    else
        ri_jit_push_value_at(j, at, &v);
    for (uint32_t i = 0; i < pops; i++)
        ri_jit_move_down(j);
}

/* Push nil for an index outside of the array part of a table that has no other. */
static void push_absent(RiJit *j, RiReg table, uint32_t pops)
{
    guard_no_dict(j, table);
    guard_no_meta(j, table);
    ri_jit_pop(j, pops);
    ri_jit_set_constant(j, j->depth, ri_nil());
}

/* The sample of a table with nothing but an array part and, may be, fields; NULL: it is none, or not known yet. */
static const RiTable *sample_list(RiJit *j, uint32_t slot)
{
    RiValue o;
    if (!ri_jit_sample(j, slot, &o)) {
        j->is_deferred = true;
        return NULL;
    }
    const RiTable *t = o.cp;
    return t->meta || t->dict ? NULL : t;
}

bool ri_jit_push_list_element(RiJit *j, uint32_t table, uint32_t key, int64_t index, uint32_t after)
{
    const RiTable *t = sample_list(j, table);
    const RiArray *a = t ? t->array : NULL;
    if (!t || (uint64_t)index - 1 >= a->count)
        return false;
    RiValue v = ri_array_load(a, (uint32_t)(index - 1));
    if (v.tag == RI_TAG_NIL || v.tag > RI_TAG_THREAD)
        return false;
    RiReg reg = ri_jit_gpr(j, table), k = ri_jit_gpr(j, key);
    guard_no_meta(j, reg);
    guard_no_dict(j, reg);
    Element e = {.array = ri_jit_array(j, reg), .index = RI_RCX};
    ri_x_rm(j->as, RI_X_LOAD32, RI_RDX, ri_mem(e.array, offsetof(RiArray, count)));
    ri_x_rr(j->as, RI_X_LOAD, RI_RCX, k);
    ri_x_rr(j->as, RI_X_CMP, RI_RCX, RI_RDX);
    ri_jit_branch_to(j, RI_CC_AE, after);
    if (j->chain == 0 || a->elem_tag) {
        push_element(j, a, reg, &e, v, 0);
        return true;
    }
    guard_kind(j, reg, e.array, KIND_VALUES); /* they are of several types: any but nil */
    RiMem at = element_place(j, &e, 0), tag = at;
    tag.disp += 8;
    ri_x_alu32_mem(j->as, RI_ALU_CMP, tag, RI_TAG_NIL);
    ri_jit_guard_jump(j, RI_CC_E);
    ri_jit_push_value_at(j, at, NULL);
    return true;
}

static RiJitResult emit_get_index(RiJit *j, RiWord w)
{
    Index x = decode_index(w, j->depth);
    const RiClosure *self = ri_jit_self(j);
    RiValue o = self && x.object.slot < 0 ? self->upvals[x.upvalue]->value : ri_nil(), k;
    uint8_t object_type = x.object.slot < 0 ? TYPE_OF(o.tag) : ri_jit_operand_type(j, x.object);
    uint8_t key_type = ri_jit_operand_type(j, x.key);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (object_type == TYPE_CDATA && ri_jit_emit_foreign_get(j, x.object.slot, x.upvalue, x.key, x.pops))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (object_type != TYPE_TABLE || key_type != TYPE_INT || j->generic_pc == j->pc)
        return slow_index(j, &x);
    bool has = true;
    if (x.object.slot >= 0)
        has = ri_jit_sample(j, (uint32_t)x.object.slot, &o);
    if (x.key.slot < 0)
        k = x.key.k;
    else
        has = has && ri_jit_sample(j, (uint32_t)x.key.slot, &k);
    if (!has) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    const RiTable *t = o.cp;
    uint64_t index = (uint64_t)k.i - 1;
    bool is_outside = index >= t->array->count;
    if (is_outside ? t->dict || t->meta : t->meta && ri_is_nil(ri_array_load(t->array, (uint32_t)index)))
        return slow_index(j, &x);
    if (x.key.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.key.slot, TYPE_INT);
    RiReg reg;
    if (x.object.slot >= 0) {
        ri_jit_guard(j, (uint32_t)x.object.slot, TYPE_TABLE);
        reg = ri_jit_gpr(j, (uint32_t)x.object.slot);
    } else {
        reg = ri_jit_new_gpr(j);
        ri_jit_emit_self(j, RI_RAX);
        ri_x_rm(j->as, RI_X_LOAD, RI_RAX, ri_mem(RI_RAX, (int64_t)(offsetof(RiClosure, upvals) + x.upvalue * sizeof(RiCell *))));
        ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(RI_RAX, offsetof(RiCell, value) + 8), RI_TAG_TABLE);
        ri_jit_guard_jump(j, RI_CC_NE);
        ri_x_rm(j->as, RI_X_LOAD, reg, ri_mem(RI_RAX, offsetof(RiCell, value)));
    }
    Element e = emit_array_access(j, reg, &x.key, is_outside);
    if (is_outside)
        push_absent(j, reg, x.pops);
    else
        push_element(j, t->array, reg, &e, ri_array_load(t->array, (uint32_t)index), x.pops);
    return EMIT_ON;
}

typedef struct Store {
    RiJitOperand object, key, value;
    uint32_t pops;
    bool at_end; /* key does not matter */
} Store;

static Store decode_store(RiWord w, uint32_t depth)
{
    int32_t top = (int32_t)depth - 1, a = RI_WORD_A(w), b = RI_WORD_B(w), c = RI_WORD_C(w);
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_SETINDEX:
        return (Store){{.slot = top - 2}, {.slot = top - 1}, {.slot = top}, 3, false};
    case RI_OP_SETINDEX_OL:
        return (Store){{.slot = a}, {.slot = top - 1}, {.slot = top}, 2, false};
    case RI_OP_SETINDEX_LL:
        return (Store){{.slot = a}, {.slot = b}, {.slot = top}, 1, false};
    case RI_OP_SETINDEX_LLL:
        return (Store){{.slot = a}, {.slot = b}, {.slot = c}, 0, false};
    case RI_OP_SETINDEX_LI:
        return (Store){{.slot = a}, {.slot = -1, .k = ri_int(RI_WORD_S(w))}, {.slot = top}, 1, false};
    default:
        ri_unreachable();
    }
}

static RiJitResult slow_store(RiJit *j, const Store *x)
{
    ri_jit_begin_slow(j);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload((uint32_t)x->object.slot));
    load_key_address(j, RI_RDX, x->key);
    ri_x_rm(j->as, RI_X_LEA, RI_RCX, ri_jit_payload((uint32_t)x->value.slot));
    ri_jit_end_slow(j, HELPER(help_set_index));
    ri_jit_pop(j, x->pops);
    return EMIT_ON;
}

/* The kind of array part that has place for a value of this type, once it is there: that of `a` or, where that must change
 * (an empty one has none yet), the next wider one. */
static uint8_t kind_to_store(const RiArray *a, uint8_t type)
{
    bool is_number = type == TYPE_INT || type == TYPE_FLOAT, is_bool = type == TYPE_TRUE || type == TYPE_FALSE;
    if (is_bool && (a->count == 0 ? a->kind != RI_ARRAY_ANY : a->kind == RI_ARRAY_BOOL))
        return KIND_OF(RI_ARRAY_BOOL);
    if (!is_number)
        return KIND_OF(RI_ARRAY_ANY);
    if (a->count == 0)
        return type == TYPE_INT ? KIND_OF(RI_ARRAY_INT) : KIND_OF(RI_ARRAY_FLOAT);
    return a->elem_tag && TYPE_OF(a->elem_tag) == type ? KIND_OF(a->kind) : KIND_VALUES;
}

static void emit_element_store(RiJit *j, uint8_t kind, const Element *e, uint32_t value)
{
    if (kind == KIND_OF(RI_ARRAY_FLOAT))
        ri_x_rm(j->as, RI_X_MOVSD_ST, ri_jit_xmm(j, value), element_place(j, e, RI_TAG_FLOAT));
    else if (kind == KIND_OF(RI_ARRAY_INT))
        ri_x_rm(j->as, RI_X_STORE, ri_jit_gpr(j, value), element_place(j, e, RI_TAG_INT));
    else if (kind == KIND_OF(RI_ARRAY_BOOL))
        ri_x_store8_imm(j->as, element_place(j, e, RI_ELEM_BOOL), (int8_t)(j->slots[value].type - 1));
    else
        ri_jit_store_value(j, value, element_place(j, e, 0));
}

/* Append to t's array. Is it of that kind now, and has t no dictionary? */
static uint32_t help_append(RiThread *T, RiTable *t, const RiValue *value, uint32_t kind)
{
    ri_table_append(T->heap, t, *value);
    return t->dict == NULL && (kind == KIND_VALUES ? !t->array->elem_tag : KIND_OF(t->array->kind) == kind);
}

/* Cold code for an array that is full, or empty and not of the kind yet: `full` and `other` lead there (0: none). Then on at
 * `join`, or, if the array has become something else, at the next instruction, nothing known. */
static void emit_grow(RiJit *j, const Store *x, uint8_t kind, RiReg table, RiReg array, uint32_t full, uint32_t other,
                      RiJitSnap *before)
{
    RiJitSnap *after = ri_jit_snapshot(j);
    uint32_t join = j->as->at, address = ri_jit_cold_begin(j), filled = 0;
    ri_jit_restore(j, before);
    if (other) {
        ri_x_patch(j->as, other, address);
        ri_x_alu32_mem(j->as, RI_ALU_CMP, ri_mem(array, offsetof(RiArray, count)), 0);
        filled = ri_x_jcc(j->as, RI_CC_NE, 0);
    }
    ri_x_land(j->as, full);
    ri_jit_begin_slow(j);
    ri_x_rr(j->as, RI_X_LOAD, RI_RSI, table);
    ri_x_rm(j->as, RI_X_LEA, RI_RDX, ri_jit_payload((uint32_t)x->value.slot));
    ri_x_imm(j->as, RI_RCX, kind);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_jit_call_c(j, HELPER(help_append));
    ri_x_rr(j->as, RI_X_TEST32, RI_RAX, RI_RAX);
    uint32_t changed = ri_x_jcc(j->as, RI_CC_E, 0);
    ri_jit_drop_registers(j, true);
    RiJitSnap *called = ri_jit_snapshot(j);
    ri_jit_rejoin(j, after, join);
    ri_jit_cold_end(j);
    if (other) {
        ri_jit_restore(j, before);
        ri_jit_stub_at(j, STUB_GUARD, j->pc, filled);
    }
    ri_jit_restore(j, called);
    ri_jit_pop(j, x->pops);
    ri_jit_stub_at(j, STUB_BRANCH, j->next_pc, changed);
    ri_jit_restore(j, after);
}

/* The table in `reg` gets its next element; it has no dictionary, of whose elements one might have to follow. */
static void emit_append(RiJit *j, const Store *x, RiReg table, uint8_t kind)
{
    uint32_t other = 0;
    guard_no_dict(j, table);
    Element e = {.index = RI_RCX};
    if (x->at_end)
        e.array = ri_jit_array(j, table);
    else
        e = begin_element(j, table, &x->key);
    ri_x_rm(j->as, RI_X_LOAD32, RI_RDX, ri_mem(e.array, offsetof(RiArray, count)));
    if (x->at_end) {
        ri_x_rr(j->as, RI_X_LOAD, RI_RCX, RI_RDX);
    } else {
        if (e.index == RI_NO_REG)
            ri_x_alu(j->as, RI_ALU_CMP, RI_RDX, (int32_t)e.at);
        else
            ri_x_rr(j->as, RI_X_CMP, RI_RCX, RI_RDX);
        ri_jit_guard_jump(j, RI_CC_NE);
    }
    RiJitSnap *before = ri_jit_snapshot(j);
    if (!is_kind_known(j, table, kind)) {
        compare_kind(j, e.array, kind);
        other = ri_x_jcc(j->as, RI_CC_NE, 0);
        ri_jit_learn_kind(j, table, kind);
    }
    ri_x_rm(j->as, RI_X_CMP32, RI_RDX, ri_mem(e.array, offsetof(RiArray, capacity)));
    uint32_t full = ri_x_jcc(j->as, RI_CC_AE, 0);
    ri_x_alu32_mem(j->as, RI_ALU_ADD, ri_mem(e.array, offsetof(RiArray, count)), 1);
    emit_element_store(j, kind, &e, (uint32_t)x->value.slot);
    emit_grow(j, x, kind, table, e.array, full, other, before);
}

/* Numbers that go to a compact array have to be in registers, before rax and rcx are in use. */
static void load_to_store(RiJit *j, uint8_t kind, uint32_t value)
{
    if (kind == KIND_OF(RI_ARRAY_INT))
        ri_jit_gpr(j, value);
    else if (kind == KIND_OF(RI_ARRAY_FLOAT))
        ri_jit_xmm(j, value);
}

static RiJitResult emit_set_index(RiJit *j, RiWord w)
{
    Store x = decode_store(w, j->depth);
    RiValue o, k;
    uint8_t object_type = ri_jit_operand_type(j, x.object), key_type = ri_jit_operand_type(j, x.key);
    uint8_t value_type = ri_jit_operand_type(j, x.value);
    if (j->is_deferred)
        return EMIT_DEFER;
    if (object_type == TYPE_CDATA &&
        ri_jit_emit_foreign_set(j, x.object.slot, 0, x.key, (uint32_t)x.value.slot, x.pops))
        return EMIT_ON;
    if (j->is_deferred)
        return EMIT_DEFER;
    if (object_type != TYPE_TABLE || key_type != TYPE_INT || value_type == TYPE_UNKNOWN || j->generic_pc == j->pc)
        return slow_store(j, &x);
    bool has = ri_jit_sample(j, (uint32_t)x.object.slot, &o);
    if (x.key.slot < 0)
        k = x.key.k;
    else
        has = has && ri_jit_sample(j, (uint32_t)x.key.slot, &k);
    if (!has) {
        j->is_deferred = true;
        return EMIT_DEFER;
    }
    const RiTable *t = o.cp;
    const RiArray *a = t->array;
    uint64_t index = (uint64_t)k.i - 1;
    bool appends = index >= a->count && index < UINT32_MAX && t->dict == NULL; /* who runs ahead of execution is beyond */
    if ((index >= a->count && !appends) || value_type == TYPE_NIL || !has_no_newindex(t))
        return slow_store(j, &x);
    uint8_t kind = kind_to_store(a, value_type);
    ri_jit_guard(j, (uint32_t)x.object.slot, TYPE_TABLE);
    if (x.key.slot >= 0)
        ri_jit_guard(j, (uint32_t)x.key.slot, TYPE_INT);
    ri_jit_guard(j, (uint32_t)x.value.slot, value_type);
    RiReg reg = ri_jit_gpr(j, (uint32_t)x.object.slot);
    load_to_store(j, kind, (uint32_t)x.value.slot);
    guard_no_newindex(j, reg, t);
    if (appends) {
        emit_append(j, &x, reg, kind);
    } else {
        Element e = emit_array_access(j, reg, &x.key, false);
        guard_kind(j, reg, e.array, kind);
        emit_element_store(j, kind, &e, (uint32_t)x.value.slot);
    }
    ri_jit_pop(j, x.pops);
    return EMIT_ON;
}

/* -- insert, remove ------------------------------------------------------------------------------------------------------------ */

bool ri_jit_emit_insert(RiJit *j, uint32_t func)
{
    Store x = {.object = {.slot = (int32_t)func + 2}, .value = {.slot = (int32_t)func + 3}, .pops = j->depth - func, .at_end = true};
    const RiTable *t = sample_list(j, func + 2);
    uint8_t type = j->slots[func + 3].type;
    if (!t || type == TYPE_NIL)
        return false;
    uint8_t kind = kind_to_store(t->array, type);
    RiReg reg = ri_jit_gpr(j, func + 2);
    load_to_store(j, kind, func + 3);
    guard_no_meta(j, reg);
    emit_append(j, &x, reg, kind);
    ri_jit_pop(j, x.pops);
    return true;
}

/* Push the element of an array like `a`, whose index is in rcx, and clear its place. The one before it must not be a hole. */
static void push_last(RiJit *j, const RiArray *a, const Element *e, RiValue v)
{
    RiMem at = element_place(j, e, a->elem_tag);
    if (a->elem_tag == RI_TAG_INT) {
        RiReg d = ri_jit_new_gpr(j);
        ri_x_rm(j->as, RI_X_LOAD, d, at);
        ri_jit_set_gpr(j, j->depth, TYPE_INT, d);
    } else if (a->elem_tag == RI_ELEM_BOOL) {
        push_bool(j, at, v);
    } else if (a->elem_tag) {
        RiXmm d = ri_jit_new_xmm(j);
        ri_x_rm(j->as, RI_X_MOVSD, d, at);
        ri_jit_set_xmm(j, j->depth, d);
    } else {
        RiMem tag = at, tag_below = at;
        tag.disp += 8;
        tag_below.disp -= 8;
        uint32_t first = ri_x_jcc(j->as, RI_CC_E, 0); /* of the shift of rcx */
        ri_x_alu_mem(j->as, RI_ALU_CMP, tag_below, RI_TAG_NIL);
        ri_jit_guard_jump(j, RI_CC_E);
        ri_x_land(j->as, first);
        ri_jit_push_value_at(j, at, &v);
        ri_x_store_imm(j->as, at, 0);
        ri_x_store_imm(j->as, tag, RI_TAG_NIL);
    }
    ri_jit_set_sample(j, j->depth - 1, v);
}

bool ri_jit_emit_remove(RiJit *j, uint32_t func, int32_t wanted)
{
    const RiTable *t = sample_list(j, func + 2);
    if (!t || t->array->count == 0)
        return false;
    const RiArray *a = t->array;
    RiValue v = ri_array_load(a, a->count - 1);
    if (v.tag > RI_TAG_THREAD)
        return false;
    RiReg reg = ri_jit_gpr(j, func + 2);
    guard_no_meta(j, reg);
    guard_no_dict(j, reg);
    Element e = {.array = ri_jit_array(j, reg), .index = RI_RCX};
    RiMem count = ri_mem(e.array, offsetof(RiArray, count));
    ri_x_rm(j->as, RI_X_LOAD32, RI_RCX, count);
    ri_x_alu(j->as, RI_ALU_SUB, RI_RCX, 1);
    ri_jit_guard_jump(j, RI_CC_B);
    guard_kind(j, reg, e.array, kind_to_load(a));
    push_last(j, a, &e, v);
    ri_x_alu32_mem(j->as, RI_ALU_SUB, count, 1);
    if (wanted > 0)
        ri_jit_set_copy(j, func, j->depth - 1);
    ri_jit_pop(j, j->depth - func - (uint32_t)wanted);
    return true;
}

/* -- Lists ----------------------------------------------------------------------------------------------------------------------- */

static void help_set_list(RiThread *T, RiValue *t, uint32_t count, int32_t first)
{
    ri_table_set_list(T->heap, t->p, first, t + 1, count);
}

static RiJitResult emit_set_list(RiJit *j, uint32_t count)
{
    uint32_t slot = j->depth - count - 1;
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(slot));
    ri_x_imm(j->as, RI_RDX, count);
    ri_x_imm(j->as, RI_RCX, (int32_t)j->code[j->pc + 1]);
    ri_jit_call_c(j, HELPER(help_set_list));
    ri_jit_pop(j, count);
    return EMIT_ON;
}

static void help_set_open_list(RiThread *T, RiValue *t, int32_t first)
{
    help_set_list(T, t, (uint32_t)(T->top - t - 1), first);
}

/* All values above the table in `slot`, of which T->top knows how many. */
static RiJitResult emit_set_open_list(RiJit *j, uint32_t slot)
{
    ri_jit_flush_for_call(j);
    ri_jit_save_state(j, j->pc + 1);
    ri_x_rr(j->as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rm(j->as, RI_X_LEA, RI_RSI, ri_jit_payload(slot));
    ri_x_imm(j->as, RI_RDX, (int32_t)j->code[j->pc + 1]);
    ri_jit_call_c(j, HELPER(help_set_open_list));
    ri_jit_pop(j, j->depth - slot - 1);
    return EMIT_ON;
}

RiJitResult ri_jit_emit_table(RiJit *j, RiWord w)
{
    uint32_t a = RI_WORD_A(w), d = RI_WORD_D(w), u = RI_WORD_U(w), top = j->depth - 1;
    switch ((RiOpcode)RI_WORD_OP(w)) {
    case RI_OP_GETFIELD:
        return emit_get_field(j, top, 1, u, USE_VALUE);
    case RI_OP_GETFIELD_L:
        return emit_get_field(j, a, 0, d, USE_VALUE);
    case RI_OP_GETFIELD_U:
        return emit_get_upvalue_field(j, a, d, USE_VALUE);
    case RI_OP_GETFIELD_UM:
        return emit_get_upvalue_field(j, a, d, USE_CALL);
    case RI_OP_GETFIELD_LM:
        return emit_get_field(j, a, 0, d, USE_CALL);
    case RI_OP_SELF:
        return emit_get_field(j, top, 1, u, USE_SELF);
    case RI_OP_SELF_L:
        return emit_get_field(j, a, 0, d, USE_SELF);
    case RI_OP_SETFIELD:
        return emit_set_field(j, top - 1, 2, u, false);
    case RI_OP_SETFIELD_L:
        return emit_set_field(j, a, 1, d, false);
    case RI_OP_SETFIELD_U:
        return emit_set_upvalue_field(j, a, d);
    case RI_OP_INITFIELD:
        return emit_set_field(j, top - 1, 2, u, true);
    case RI_OP_SETINDEX:
    case RI_OP_SETINDEX_OL:
    case RI_OP_SETINDEX_LL:
    case RI_OP_SETINDEX_LI:
    case RI_OP_SETINDEX_LLL:
        return emit_set_index(j, w);
    case RI_OP_NEWTABLE:
    case RI_OP_NEWRECORD:
    case RI_OP_NEWARRAY:
    case RI_OP_CLOSURE:
        return ri_jit_emit_new(j, w);
    case RI_OP_SETLIST:
        return emit_set_list(j, a);
    case RI_OP_SETLISTV:
        return j->is_open ? emit_set_open_list(j, u) : emit_set_list(j, j->depth - u - 1);
    default:
        return emit_get_index(j, w);
    }
}
