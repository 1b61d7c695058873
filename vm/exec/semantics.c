/* Slow paths: what an instruction means when its fast path does not apply. One copy, for both engines. */
#include "vm/exec/semantics.h"
#include "vm/exec/trap.h"

#include <stdio.h>
#include <string.h>

#include "vm/exec/debuginfo.h"
#include "vm/exec/memory.h"
#include "vm/exec/traceback.h"

#define META_CHAIN_MAX 2000 /* as MAXTAGLOOP: an __index chain longer than this is a loop */
#define CACHE_CHAIN_MAX 12  /* longer chains are not cached */

static const RiValue absent_value; /* what the cache of a field known to be missing points at */

/* -- Errors that name the culprit -------------------------------------------------------------------------------- */

/* "(local 'x')" and its like for operand `operand` of the current instruction, with a leading space; "" if unknown. */
static void describe(RiThread *T, uint32_t operand, char *out, size_t size)
{
    const char *kind, *name;
    out[0] = '\0';
    if (T->base == T->stack || T->base[-2].tag != RI_TAG_CLOSURE)
        return;
    const RiProto *proto = ((RiClosure *)T->base[-2].p)->feedback->proto;
    if (ri_describe_operand(T->process, proto, T->pc - 1, operand, &kind, &name))
        snprintf(out, size, " (%s '%s')", kind, name);
}

void ri_error_type(RiThread *T, RiValue culprit, uint32_t operand, const char *action)
{
    char about[160];
    describe(T, operand, about, sizeof about);
    ri_runtime_error(T, "attempt to %s a %s value%s", action, ri_type_name(T, culprit), about);
}

void ri_error_call(RiThread *T, RiValue culprit)
{
    const char *name, *kind = NULL;
    if (T->base != T->stack && T->base[-2].tag == RI_TAG_CLOSURE && T->pc > 0)
        kind = ri_called_name(T->process, ((RiClosure *)T->base[-2].p)->feedback->proto, T->pc - 1, &name);
    if (kind)
        ri_runtime_error(T, "attempt to call a %s value (%s '%s')", ri_type_name(T, culprit), kind, name);
    ri_runtime_error(T, "attempt to call a %s value", ri_type_name(T, culprit));
}

void ri_error_arith(RiThread *T, RiMetamethod event, RiValue a, RiValue b)
{
    bool bitwise = (event >= RI_MM_BAND && event <= RI_MM_SHR) || event == RI_MM_BNOT;
    if (ri_is_number(a) && ri_is_number(b)) {
        if (!bitwise)
            ri_runtime_error(T, "%s", event == RI_MM_MOD ? "attempt to perform 'n%0'" : "attempt to divide by zero");
        int64_t ignored;
        char about[160];
        describe(T, ri_number_to_int(a, &ignored) ? 1 : 0, about, sizeof about);
        ri_runtime_error(T, "number%s has no integer representation", about);
    }
    bool second = ri_is_number(a);
    ri_error_type(T, second ? b : a, second ? 1 : 0,
                  bitwise ? "perform bitwise operation on" : "perform arithmetic on");
}

RI_NORETURN static void error_compare(RiThread *T, RiValue a, RiValue b)
{
    const char *x = ri_type_name(T, a), *y = ri_type_name(T, b);
    if (strcmp(x, y) == 0)
        ri_runtime_error(T, "attempt to compare two %s values", x);
    ri_runtime_error(T, "attempt to compare %s with %s", x, y);
}

/* -- Numbers --------------------------------------------------------------------------------------------------- */

/* i < f, exactly (manual §3.4.4): as floats where that is exact, else by rounding f towards the integer. */
static bool int_less_float(int64_t i, double f)
{
    if (i >= -(1LL << 53) && i <= (1LL << 53))
        return (double)i < f;
    if (f >= 9223372036854775808.0)
        return true;
    if (f > -9223372036854775808.0)
        return i < (int64_t)ceil(f);
    return false; /* also NaN */
}
static bool int_less_equal_float(int64_t i, double f)
{
    if (i >= -(1LL << 53) && i <= (1LL << 53))
        return (double)i <= f;
    if (f >= 9223372036854775808.0)
        return true;
    if (f >= -9223372036854775808.0)
        return i <= (int64_t)floor(f);
    return false;
}
static bool float_less_int(double f, int64_t i)
{
    if (i >= -(1LL << 53) && i <= (1LL << 53))
        return f < (double)i;
    if (f >= 9223372036854775808.0)
        return false;
    if (f >= -9223372036854775808.0)
        return (int64_t)floor(f) < i;
    return f < 0; /* -inf and below; NaN is not */
}
static bool float_less_equal_int(double f, int64_t i)
{
    if (i >= -(1LL << 53) && i <= (1LL << 53))
        return f <= (double)i;
    if (f >= 9223372036854775808.0)
        return false;
    if (f > -9223372036854775808.0)
        return (int64_t)ceil(f) <= i;
    return f < 0;
}

bool ri_number_less(RiValue a, RiValue b)
{
    if (ri_is_int(a))
        return ri_is_int(b) ? a.i < b.i : int_less_float(a.i, b.n);
    return ri_is_float(b) ? a.n < b.n : float_less_int(a.n, b.i);
}

bool ri_number_less_equal(RiValue a, RiValue b)
{
    if (ri_is_int(a))
        return ri_is_int(b) ? a.i <= b.i : int_less_equal_float(a.i, b.n);
    return ri_is_float(b) ? a.n <= b.n : float_less_equal_int(a.n, b.i);
}

static double as_float(RiValue v)
{
    return ri_is_int(v) ? (double)v.i : v.n;
}

static bool arith_ints(RiMetamethod event, int64_t a, int64_t b, RiValue *result)
{
    int64_t r;
    switch (event) {
    case RI_MM_ADD: r = (int64_t)((uint64_t)a + (uint64_t)b); break;
    case RI_MM_SUB: r = (int64_t)((uint64_t)a - (uint64_t)b); break;
    case RI_MM_MUL: r = (int64_t)((uint64_t)a * (uint64_t)b); break;
    case RI_MM_MOD:
        if (b == 0)
            return false;
        r = ri_int_mod(a, b);
        break;
    case RI_MM_IDIV:
        if (b == 0)
            return false;
        r = ri_int_idiv(a, b);
        break;
    case RI_MM_UNM: r = (int64_t)(0 - (uint64_t)a); break;
    case RI_MM_BAND: r = a & b; break;
    case RI_MM_BOR: r = a | b; break;
    case RI_MM_BXOR: r = a ^ b; break;
    case RI_MM_SHL: r = ri_int_shl(a, b); break;
    case RI_MM_SHR: r = ri_int_shr(a, b); break;
    case RI_MM_BNOT: r = ~a; break;
    case RI_MM_DIV: *result = ri_float((double)a / (double)b); return true;
    case RI_MM_POW: *result = ri_float(ri_float_pow((double)a, (double)b)); return true;
    default: ri_unreachable();
    }
    *result = ri_int(r);
    return true;
}

bool ri_arith_numbers(RiMetamethod event, RiValue a, RiValue b, RiValue *result)
{
    if (!ri_is_number(a) || !ri_is_number(b))
        return false;
    if (ri_is_int(a) && ri_is_int(b))
        return arith_ints(event, a.i, b.i, result);
    double x = as_float(a), y = as_float(b), r;
    int64_t i, j;
    switch (event) {
    case RI_MM_ADD: r = x + y; break;
    case RI_MM_SUB: r = x - y; break;
    case RI_MM_MUL: r = x * y; break;
    case RI_MM_DIV: r = x / y; break;
    case RI_MM_MOD: r = ri_float_mod(x, y); break;
    case RI_MM_POW: r = ri_float_pow(x, y); break;
    case RI_MM_IDIV: r = floor(x / y); break;
    case RI_MM_UNM: r = -x; break;
    default:
        return ri_number_to_int(a, &i) && ri_number_to_int(b, &j) && arith_ints(event, i, j, result);
    }
    *result = ri_float(r);
    return true;
}

/* -- Arithmetic and comparison ----------------------------------------------------------------------------------- */

static RiValue binary_handler(RiThread *T, RiMetamethod event, RiValue a, RiValue b)
{
    RiValue h = ri_metafield(T, a, event);
    return ri_is_nil(h) ? ri_metafield(T, b, event) : h;
}

RiAction ri_slow_arith(RiThread *T, RiMetamethod event, RiValue a, RiValue b)
{
    RiValue result;
    if (ri_arith_numbers(event, a, b, &result))
        return ri_finish_instruction(T, result);
    RiValue h = binary_handler(T, event, a, b);
    if (ri_is_nil(h) && (event == RI_MM_IDIV || event == RI_MM_MOD))
        h = ri_exec_division_handler(T, event == RI_MM_MOD, a, b);
    if (ri_is_nil(h))
        ri_error_arith(T, event, a, b);
    return ri_call_meta(T, h, a, b);
}

RiAction ri_slow_compare(RiThread *T, RiMetamethod event, RiValue a, RiValue b)
{
    if (ri_is_number(a) && ri_is_number(b))
        return ri_finish_instruction(T, ri_bool(event == RI_MM_LT ? ri_number_less(a, b) : ri_number_less_equal(a, b)));
    if (ri_is_string(a) && ri_is_string(b)) {
        int order = ri_str_compare(a.p, b.p);
        return ri_finish_instruction(T, ri_bool(event == RI_MM_LT ? order < 0 : order <= 0));
    }
    RiValue h = binary_handler(T, event, a, b);
    if (!ri_is_nil(h))
        return ri_call_meta(T, h, a, b);
    if (event == RI_MM_LE) { /* LUA_COMPAT_LT_LE: a <= b as not (b < a) */
        h = binary_handler(T, RI_MM_LT, b, a);
        if (!ri_is_nil(h))
            return ri_call_meta_negated(T, h, b, a);
    }
    error_compare(T, a, b);
}

static RiValue equal_handler(RiThread *T, RiValue a, RiValue b)
{
    bool has_cdata = a.tag == RI_TAG_CDATA || b.tag == RI_TAG_CDATA; /* compared with whatever it is: NULL == nil */
    if (a.tag != b.tag && has_cdata)
        return ri_meta_get(T->heap, T->process->metatables[RI_TYPE_CDATA], RI_MM_EQ);
    if (a.tag != b.tag || (a.tag != RI_TAG_TABLE && a.tag != RI_TAG_USERDATA && !has_cdata) || a.p == b.p)
        return ri_nil();
    return binary_handler(T, RI_MM_EQ, a, b);
}

RiAction ri_slow_equal(RiThread *T, RiValue a, RiValue b)
{
    RiValue h = equal_handler(T, a, b);
    if (ri_is_nil(h))
        return ri_finish_instruction(T, ri_bool(ri_raw_equal(a, b)));
    return ri_call_meta(T, h, a, b);
}

RiAction ri_slow_len(RiThread *T, RiValue v)
{
    if (ri_is_string(v))
        return ri_finish_instruction(T, ri_int((int64_t)((RiString *)v.p)->size));
    RiValue h = ri_metafield(T, v, RI_MM_LEN);
    if (!ri_is_nil(h))
        return ri_call_meta(T, h, v, v);
    if (!ri_is_table(v))
        ri_error_type(T, v, 0, "get length of");
    return ri_finish_instruction(T, ri_int(ri_table_length(v.p)));
}

/* -- Concatenation ----------------------------------------------------------------------------------------------- */

static bool is_placeholder(RiValue v)
{
    return (uint8_t)v.tag == RI_TAG_LINK;
}
static bool concatenates(RiValue v)
{
    return ri_is_string(v) || ri_is_number(v);
}

static size_t text_of(RiValue v, const char **text, char out[RI_NUM_TEXT_MAX])
{
    if (ri_is_string(v)) {
        *text = ri_str_data(v.p);
        return ((RiString *)v.p)->size;
    }
    *text = out;
    return ri_is_int(v) ? ri_num_print_int(v.i, out) : ri_num_print_float(v.n, out);
}

enum {
    PIECES_MAX = 8,   /* values whose texts are looked up once; those of more are looked up twice */
    SMALL_SIZE = 256, /* bytes */
};

typedef struct {
    const char *text;
    size_t size;
} Piece;

static size_t add_size(RiThread *T, size_t total, size_t size)
{
    if (RI_UNLIKELY(size > (size_t)PTRDIFF_MAX - 64 - total))
        ri_runtime_error(T, "string length overflow");
    return total + size;
}

/* The texts of `count` values, those of numbers in `numbers` (RI_NUM_TEXT_MAX bytes each); the size of all. */
static size_t get_pieces(RiThread *T, const RiValue *values, uint32_t count, Piece pieces[], char *numbers)
{
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++, numbers += RI_NUM_TEXT_MAX) {
        pieces[i].size = text_of(values[i], &pieces[i].text, numbers);
        total = add_size(T, total, pieces[i].size);
    }
    return total;
}

static char *put_pieces(RiHeap *heap, char *to, const Piece *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ri_copy_bytes(heap, to, pieces[i].text, pieces[i].size);
        to += pieces[i].size;
    }
    return to;
}

/* s = s .. a .. b grows s.  At most half of the size is left for the next of these, so they nest little. */
static bool is_most(RiValue head, size_t total)
{
    return ri_is_string(head) && ((RiString *)head.p)->size > total / 2;
}

static RiString *join(RiThread *T, const RiValue *values, uint32_t count);

static RiString *append_rest(RiThread *T, const RiValue *values, uint32_t count)
{
    return ri_str_concat2(T->heap, values[0].p, join(T, values + 1, count - 1));
}

static RiString *join_many(RiThread *T, const RiValue *values, uint32_t count)
{
    char number[RI_NUM_TEXT_MAX];
    const char *text;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total = add_size(T, total, text_of(values[i], &text, number));
    if (is_most(values[0], total))
        return append_rest(T, values, count);
    RiString *s = ri_str_new_uninit(T->heap, total);
    char *to = s->bytes;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = text_of(values[i], &text, number);
        ri_copy_bytes(T->heap, to, text, size);
        to += size;
    }
    *to = '\0';
    return s;
}

/* A result of more than SMALL_SIZE bytes, or a first string that is long and may grow where it is. */
static RiString *join_long(RiThread *T, const RiValue *values, uint32_t count)
{
    RiString *head = ri_is_string(values[0]) ? values[0].p : NULL;
    Piece pieces[PIECES_MAX];
    char numbers[PIECES_MAX * RI_NUM_TEXT_MAX];
    if (count == 2 && head != NULL && ri_is_string(values[1]))
        return ri_str_concat2(T->heap, head, values[1].p);
    if (count > PIECES_MAX)
        return join_many(T, values, count);
    size_t total = get_pieces(T, values, count, pieces, numbers);
    if (head != NULL && total - head->size <= SMALL_SIZE) {
        char small[SMALL_SIZE];
        put_pieces(T->heap, small, pieces + 1, count - 1);
        return ri_str_append(T->heap, head, small, total - head->size);
    }
    if (is_most(values[0], total))
        return append_rest(T, values, count);
    RiString *s = ri_str_new_uninit(T->heap, total);
    *put_pieces(T->heap, s->bytes, pieces, count) = '\0';
    return s;
}

/* The concatenation of `count` strings or numbers. */
static RiString *join(RiThread *T, const RiValue *values, uint32_t count)
{
    char number[RI_NUM_TEXT_MAX];
    char small[SMALL_SIZE];
    const char *text;
    size_t total = 0;
    if (ri_is_string(values[0]) && ((RiString *)values[0].p)->size > SMALL_SIZE / 2)
        return join_long(T, values, count);
    for (uint32_t i = 0; i < count; i++) {
        /* A number is printed where it is to be: reading it from elsewhere would have to wait for its bytes. */
        bool in_place = total + RI_NUM_TEXT_MAX <= sizeof small;
        size_t size = text_of(values[i], &text, in_place ? small + total : number);
        if (size > sizeof small - total)
            return join_long(T, values, count);
        if (text != small + total)
            memcpy(small + total, text, size);
        total += size;
    }
    return ri_str_new(T->heap, small, total);
}

RiAction ri_slow_concat(RiThread *T, uint32_t count)
{
    RiValue *first = T->top - count;
    if (count == 2 && ri_is_string(first[0]) && ri_is_string(first[1]) && ri_str_are_short(first[0].p, first[1].p)) {
        ri_set_string(first, ri_str_concat_short(T->heap, first[0].p, first[1].p));
        T->top = first + 1;
        return RI_GO;
    }
    uint32_t live = count;
    while (live > 0 && is_placeholder(first[live - 1]))
        live--;
    while (live > 1) {
        RiValue a = first[live - 2], b = first[live - 1];
        if (!concatenates(a) || !concatenates(b)) {
            RiValue h = binary_handler(T, RI_MM_CONCAT, a, b);
            if (ri_is_nil(h)) {
                bool second = concatenates(a);
                ri_error_type(T, second ? b : a, live - (second ? 1 : 2), "concatenate");
            }
            return ri_call_meta(T, h, a, b);
        }
        uint32_t run = 2;
        while (run < live && concatenates(first[live - run - 1]))
            run++;
        RiString *s = join(T, first + live - run, run);
        ri_set_string(&first[live - run], s);
        for (uint32_t i = 1; i < run; i++) {
            first[live - i].u = 0;
            first[live - i].tag = RI_TAG_LINK;
        }
        live -= run - 1;
    }
    T->top = first + 1;
    return RI_GO;
}

RiAction ri_concat_continue(RiThread *T, RiValue v, uint32_t count)
{
    RiValue *first = T->top - count;
    uint32_t live = count;
    while (is_placeholder(first[live - 1]))
        live--;
    ri_store(&first[live - 2], v);
    first[live - 1].u = 0;
    first[live - 1].tag = RI_TAG_LINK;
    return ri_slow_concat(T, count);
}

/* -- Indexing ---------------------------------------------------------------------------------------------------- */

/* What is indexed has no __index; only the object the instruction names (depth 0) can be described. */
RI_NORETURN static void error_index(RiThread *T, RiValue object, int depth)
{
    if (depth == 0)
        ri_error_type(T, object, 0, "index");
    ri_runtime_error(T, "attempt to index a %s value", ri_type_name(T, object));
}

static inline bool is_view(RiValue v)
{
    return ri_is_userdata(v) && ((const RiUserdata *)v.cp)->type == &ri_view_type;
}

RiAction ri_slow_index(RiThread *T, RiValue object, RiValue key)
{
    RiValue element;
    if (is_view(object) && !ri_memory_has_missed(T) && ri_view_try_get(T, object.cp, &key, &element))
        return ri_finish_instruction(T, element);
    for (int depth = 0; depth < META_CHAIN_MAX; depth++) {
        RiValue h;
        if (ri_is_table(object)) {
            RiTable *t = object.p;
            RiValue v = ri_table_get(t, key);
            if (!ri_is_nil(v))
                return ri_finish_instruction(T, v);
            h = ri_meta_get(T->heap, t->meta, RI_MM_INDEX);
            if (ri_is_nil(h))
                return ri_finish_instruction(T, v);
        } else {
            h = ri_metafield(T, object, RI_MM_INDEX);
            if (ri_is_nil(h))
                error_index(T, object, depth);
        }
        if (ri_is_function(h))
            return ri_call_meta(T, h, object, key);
        object = h;
    }
    ri_runtime_error(T, "'__index' chain too long; possible loop");
}

RI_NORETURN static void error_key(RiThread *T, RiKeyStatus status)
{
    ri_runtime_error(T, status == RI_KEY_NIL ? "table index is nil" : "table index is NaN");
}

/* Store raw, checking the key. */
static void raw_set(RiThread *T, RiTable *t, RiValue key, RiValue value)
{
    RiKeyStatus status = ri_table_set(T->heap, t, key, value);
    if (status != RI_KEY_OK)
        error_key(T, status);
}

RiAction ri_slow_set_index(RiThread *T, RiValue object, RiValue key, RiValue value)
{
    if (is_view(object) && !ri_memory_has_missed(T) && ri_view_try_set(T, object.cp, &key, &value))
        return ri_finish_instruction(T, ri_nil());
    for (int depth = 0; depth < META_CHAIN_MAX; depth++) {
        RiValue h;
        if (ri_is_table(object)) {
            RiTable *t = object.p;
            h = ri_meta_get(T->heap, t->meta, RI_MM_NEWINDEX);
            if (ri_is_nil(h) || !ri_is_nil(ri_table_get(t, key))) {
                raw_set(T, t, key, value);
                return ri_finish_instruction(T, ri_nil());
            }
        } else {
            h = ri_metafield(T, object, RI_MM_NEWINDEX);
            if (ri_is_nil(h))
                error_index(T, object, depth);
        }
        if (ri_is_function(h))
            return ri_call_meta3(T, h, object, key, value);
        object = h;
    }
    ri_runtime_error(T, "'__newindex' chain too long; possible loop");
}

/* -- Fields with inline caches ------------------------------------------------------------------------------------- */

static bool shape_is_ordinary(RiShapeId shape)
{
    return shape < RI_SHAPE_UNIQUE && shape != RI_SHAPE_DICT;
}

/* Look `key` up along meta's __index chain, marking what is passed as delegates. On success the value's address and the
 * table that holds it (absent: &absent_value); NULL if it cannot be cached. */
static const RiValue *find_inherited(RiThread *T, RiTable *meta, const RiString *key, RiTable **holder)
{
    *holder = NULL;
    for (int depth = 0; depth < CACHE_CHAIN_MAX; depth++) {
        if (!meta)
            return &absent_value;
        ri_table_mark_delegate(meta);
        RiValue h = ri_meta_get(T->heap, meta, RI_MM_INDEX);
        if (ri_is_nil(h))
            return &absent_value;
        if (!ri_is_table(h))
            return NULL;
        RiTable *t = h.p;
        ri_table_mark_delegate(t);
        int32_t offset = ri_table_find_offset(t, key);
        if (offset >= 0) {
            const RiValue *v = (const RiValue *)(const void *)((const char *)t->slots + offset);
            if (!ri_is_nil(*v)) {
                *holder = t;
                return v;
            }
        }
        meta = t->meta;
    }
    return NULL;
}

/* While the epoch lasts, the key of `cache` looked up through `meta` leads to `value` in `holder`. A receiver known by
 * another metatable is forgotten. */
static void remember_inherited(RiThread *T, RiCache *cache, RiTable *meta, const RiValue *value, RiTable *holder)
{
    cache->meta = meta;
    cache->holder = holder;
    cache->target = (RiValue *)value;
    cache->epoch = T->heap->epoch;
    cache->index = NULL;
    cache->meta_shape = 0;
    if (meta && shape_is_ordinary(meta->shape)) {
        int32_t offset = ri_table_find_offset(meta, T->heap->mm_names[RI_MM_INDEX]);
        const RiValue *index = offset < 0 ? NULL : (const RiValue *)(const void *)((const char *)meta->slots + offset);
        if (index && ri_is_table(*index)) {
            cache->index = index->p;
            cache->meta_shape = meta->shape;
            cache->meta_offset = (uint32_t)offset;
        }
    }
}

/* Does `meta`, another metatable than the cache's, have the same __index? Objects made with a metatable of their own do. */
static bool has_same_index(const RiTable *meta, const RiCache *cache)
{
    if (!meta || meta->shape != cache->meta_shape)
        return false;
    const RiValue *index = (const RiValue *)(const void *)((const char *)meta->slots + cache->meta_offset);
    return index->tag == RI_TAG_TABLE && index->p == cache->index;
}

const RiValue *ri_find_field(RiThread *T, RiTable *t, RiCache *cache)
{
    RiHeap *heap = T->heap;
    const RiString *key = cache->key;
    RiTable *holder;
    if (cache->epoch == heap->epoch && cache->meta_shape && has_same_index(t->meta, cache)) {
        bool is_absent = t->shape == cache->next_shape;
        if (is_absent || (t->shape == cache->shape &&
                          ri_is_nil(*(const RiValue *)(const void *)((const char *)t->slots + cache->offset)))) {
            ri_table_mark_delegate(t->meta);
            cache->meta = t->meta;
            return cache->target;
        }
    }
    if (T->process->stats)
        ((RiStats *)T->process->stats)->cache_misses_get++;
    int32_t offset = ri_table_find_offset(t, key);
    if (offset >= 0) {
        const RiValue *v = (const RiValue *)(const void *)((const char *)t->slots + offset);
        bool is_nil = ri_is_nil(*v);
        const RiValue *inherited = NULL;
        if (is_nil && t->meta) {
            inherited = find_inherited(T, t->meta, key, &holder); /* an empty slot: what the metatable gives instead */
            if (!inherited)
                return NULL;
        }
        RiShapeId shape = ri_table_cacheable_shape(heap, t);
        if (shape) {
            cache->shape = shape;
            cache->offset = (uint32_t)offset;
            if (inherited)
                remember_inherited(T, cache, t->meta, inherited, holder);
        }
        return inherited ? inherited : v;
    }
    const RiValue *v = find_inherited(T, t->meta, key, &holder);
    if (v && shape_is_ordinary(t->shape)) {
        cache->next_shape = t->shape;
        remember_inherited(T, cache, t->meta, v, holder);
    }
    return v;
}

RiAction ri_slow_get_field(RiThread *T, RiValue object, RiCache *cache)
{
    RiString *key = cache->key;
    if (ri_is_string(object)) {
        RiTable *holder, *meta = T->process->metatables[RI_TYPE_STRING];
        const RiValue *v = find_inherited(T, meta, key, &holder);
        if (v && holder) {
            cache->next_shape = RI_SHAPE_OF_STRINGS;
            remember_inherited(T, cache, NULL, v, holder);
            return ri_finish_instruction(T, *v);
        }
    }
    return ri_slow_index(T, object, ri_string_value(key));
}

/* Add a field that no metamethod guards; learn the transition. */
static void add_field(RiThread *T, RiTable *t, RiCache *cache, RiValue value)
{
    RiHeap *heap = T->heap;
    RiString *key = cache->key;
    RiShapeId old = t->shape;
    if (!shape_is_ordinary(old) || t->flags & RI_TABLE_DELEGATE || key->object.flags & RI_STR_METAMETHOD) {
        ri_table_set_str(heap, t, key, value);
        return;
    }
    RiShapeId next = ri_shape_after_add(heap, old, key);
    if (!next) {
        ri_table_set_str(heap, t, key, value);
        return;
    }
    uint32_t index = ri_shape_field_count(heap, old);
    if (index >= t->slot_capacity)
        ri_table_grow_slots(heap, t);
    ri_store(&t->slots[index], value);
    t->shape = next;
    cache->epoch = old;
    cache->next_shape = next;
    cache->offset = index * (uint32_t)sizeof(RiValue);
    cache->shape = 0;
}

static void cache_existing(RiThread *T, RiCache *cache, RiTable *t)
{
    int32_t offset = ri_table_find_offset(t, cache->key);
    RiShapeId shape = offset >= 0 ? ri_table_cacheable_shape(T->heap, t) : 0;
    if (shape) {
        cache->shape = shape;
        cache->offset = (uint32_t)offset;
        cache->epoch = 0;
    }
}

RiAction ri_slow_set_field(RiThread *T, RiValue object, RiCache *cache, RiValue value)
{
    RiHeap *heap = T->heap;
    RiString *key = cache->key;
    if (ri_is_table(object)) {
        RiTable *t = object.p;
        /* a transition seen before, but with another metatable or no room when the fast path looked */
        int32_t offset = ri_table_find_offset(t, key);
        RiValue *slot = offset >= 0 ? (RiValue *)(void *)((char *)t->slots + offset) : NULL;
        if (T->process->stats)
            ((RiStats *)T->process->stats)->cache_misses_set++;
        if (slot && !ri_is_nil(*slot)) {
            ri_table_set_str(heap, t, key, value);
            if (!(key->object.flags & RI_STR_METAMETHOD))
                cache_existing(T, cache, t);
            return ri_finish_instruction(T, ri_nil());
        }
        if (!t->meta || ri_is_nil(ri_meta_get(heap, t->meta, RI_MM_NEWINDEX))) {
            if (slot && !(key->object.flags & RI_STR_METAMETHOD)) {
                ri_table_set_str(heap, t, key, value);
                cache_existing(T, cache, t);
            } else if (slot || ri_is_nil(value))
                ri_table_set_str(heap, t, key, value);
            else
                add_field(T, t, cache, value);
            return ri_finish_instruction(T, ri_nil());
        }
    }
    return ri_slow_set_index(T, object, ri_string_value(key), value);
}

/* -- Loops ------------------------------------------------------------------------------------------------------- */

RI_NORETURN static void error_for(RiThread *T, RiValue v, const char *what)
{
    ri_runtime_error(T, "bad 'for' %s (number expected, got %s)", what, ri_type_name(T, v));
}

/* The integer limit of an integer loop; true if the loop does not run at all. */
static bool clip_limit(int64_t init, RiValue limit, int64_t step, int64_t *out)
{
    if (ri_is_int(limit)) {
        *out = limit.i;
    } else {
        double f = step < 0 ? ceil(limit.n) : floor(limit.n);
        if (!ri_num_float_to_int(f, out)) {
            if (limit.n > 0) { /* beyond the integers */
                if (step < 0)
                    return true;
                *out = INT64_MAX;
            } else { /* below them, or NaN */
                if (step > 0)
                    return true;
                *out = INT64_MIN;
                if (limit.n != limit.n)
                    return true;
            }
        }
    }
    return step > 0 ? init > *out : init < *out;
}

/* Numeric strings serve as numbers (as luaV_tonumber_), though only floats come of them but for an integer limit. */
static RiValue for_number(RiThread *T, RiValue v, const char *what)
{
    if (ri_is_number(v))
        return v;
    RiValue number;
    const RiString *s = v.cp;
    if (ri_is_string(v)) {
        switch (ri_num_parse(ri_str_data(s), s->size, &number.i, &number.n)) {
        case RI_NUM_INT: return ri_int(number.i);
        case RI_NUM_FLOAT: return ri_float(number.n);
        default: break;
        }
    }
    error_for(T, v, what);
}

bool ri_for_prepare(RiThread *T, RiValue *state)
{
    RiValue init = state[0], limit = state[1], step = state[2];
    if (ri_is_int(init) && ri_is_int(step)) {
        if (step.i == 0)
            ri_runtime_error(T, "'for' step is zero");
        int64_t last;
        if (clip_limit(init.i, for_number(T, limit, "limit"), step.i, &last))
            return false;
        uint64_t rounds;
        if (step.i > 0)
            rounds = ((uint64_t)last - (uint64_t)init.i) / (uint64_t)step.i;
        else
            rounds = ((uint64_t)init.i - (uint64_t)last) / ((uint64_t)(-(step.i + 1)) + 1u);
        state[1].u = rounds; /* rounds after the first */
        state[1].tag = RI_TAG_INT;
        ri_copy(&state[3], &state[0]);
        return true;
    }
    limit = for_number(T, limit, "limit");
    step = for_number(T, step, "step");
    init = for_number(T, init, "initial value");
    double i = as_float(init), l = as_float(limit), s = as_float(step);
    if (s == 0)
        ri_runtime_error(T, "'for' step is zero");
    if (s > 0 ? !(i <= l) : !(l <= i))
        return false;
    ri_set_float(&state[0], i);
    ri_set_float(&state[1], l);
    ri_set_float(&state[2], s);
    ri_copy(&state[3], &state[0]);
    return true;
}
