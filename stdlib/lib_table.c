/* table: concat, insert, move, pack, remove, sort, unpack.
 *
 * A table whose metatable leaves reading, writing and length alone is worked on directly, by the kind of its array
 * part; everything else goes through ri_index and its like, so that metamethods are respected. */
#include <limits.h>
#include <locale.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/call.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/semantics.h"
#include "stdlib/libs.h"

#define POLL_INTERVAL_MASK 255 /* a safe point every 256 elements */
#define CONCAT_AT_ONCE_MAX 65536 /* strings that are joined without a safe point: hardly more than copying */

/* What an object that is not a table must have to pass as one. */
enum { CAN_READ = 1, CAN_WRITE = 2, HAS_LENGTH = 4, CAN_ALL = 7 };

static void check_table(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, unsigned needs)
{
    if (i < nargs && ri_is_table(args[i]))
        return;
    if (i < nargs && (!(needs & CAN_READ) || !ri_is_nil(ri_metafield(T, args[i], RI_MM_INDEX))) &&
        (!(needs & CAN_WRITE) || !ri_is_nil(ri_metafield(T, args[i], RI_MM_NEWINDEX))) &&
        (!(needs & HAS_LENGTH) || !ri_is_nil(ri_metafield(T, args[i], RI_MM_LEN))))
        return;
    ri_arg_type_error(T, args, nargs, i, "table");
}

/* The table if no metamethod can come between, else NULL. */
static RI_ALWAYS_INLINE RiTable *plain_table(RiThread *T, RiValue v)
{
    if (!ri_is_table(v))
        return NULL;
    RiTable *t = v.p, *meta = t->meta;
    if (RI_LIKELY(meta == NULL))
        return t;
    RiHeap *heap = T->heap;
    bool has_none = ri_is_nil(ri_meta_get(heap, meta, RI_MM_INDEX)) &&
                    ri_is_nil(ri_meta_get(heap, meta, RI_MM_NEWINDEX)) && ri_is_nil(ri_meta_get(heap, meta, RI_MM_LEN));
    return has_none ? t : NULL;
}

/* The array part of a plain table if that is all a loop over 1 … #t meets, else NULL. */
static RI_ALWAYS_INLINE RiArray *plain_array(const RiTable *t)
{
    RiArray *a = t->array;
    return a->kind != RI_ARRAY_ANY || ri_table_length(t) == a->count ? a : NULL;
}

/* -- Elements, one by one ----------------------------------------------------------------------------------------
 * Long loops are resumable: what they need lies in the first slots of the frame, T->top right above. At a safe point
 * that is due, and where a metamethod is to be called, they leave with a signal and are entered again by their resume
 * function; the step kept with the frame says what for. Other code may have run meanwhile: tables are looked at anew. */

#define POLL_STEPS 512
#define AT_ONCE_MAX 1024 /* up to here a loop is short enough to run without safe points */

enum {
    STEP_RUN,     /* it was a poll: go on */
    STEP_LENGTH,  /* __len has answered */
    STEP_READ,    /* __index has answered */
    STEP_WRITTEN, /* __newindex is through */
    STEP_REMOVED, /* table.remove: __index has answered for the element to be returned */
    STEP_LAST,    /* __newindex is through for the last time */
    STEP_FAST     /* table.sort: the safe points of a sort of numbers or strings */
};

static int32_t leave(RiThread *T, uint32_t step)
{
    ri_lib_set_step(T, step);
    return RI_LIB_POLL;
}

static int32_t call_function(RiThread *T, uint32_t step, uint32_t slots, RiValue f, RiValue x, RiValue y)
{
    ri_lib_set_step(T, step);
    T->top = T->base + slots;
    ri_push(T, f);
    ri_push_link(T);
    ri_push(T, x);
    ri_push(T, y);
    return ri_lib_call_no_yield(T, 2, 1);
}

static int32_t call_newindex(RiThread *T, uint32_t step, uint32_t slots, RiValue f, RiValue object, int64_t key,
                             RiValue value)
{
    ri_lib_set_step(T, step);
    T->top = T->base + slots;
    ri_push(T, f);
    ri_push_link(T);
    ri_push(T, object);
    ri_push(T, ri_int(key));
    ri_push(T, value);
    return ri_lib_call_no_yield(T, 3, 0);
}

static bool read_slow(RiThread *T, RiValue *object, int64_t key, RiValue *out)
{
    for (int depth = 0; depth < 2000; depth++) {
        RiValue h;
        if (ri_is_table(*object)) {
            RiTable *t = object->p;
            RiValue v = ri_table_get_int(t, key);
            h = ri_meta_get(T->heap, t->meta, RI_MM_INDEX);
            if (!ri_is_nil(v) || ri_is_nil(h)) {
                *out = v;
                return true;
            }
        } else {
            h = ri_metafield(T, *object, RI_MM_INDEX);
            if (ri_is_nil(h))
                ri_runtime_error(T, "attempt to index a %s value", ri_type_name(T, *object));
        }
        if (ri_is_function(h)) {
            *out = h;
            return false;
        }
        *object = h;
    }
    ri_runtime_error(T, "'__index' chain too long; possible loop");
}

/* *out = object[key]; false: instead, the __index function *out must be called with *object. */
static RI_ALWAYS_INLINE bool read_element(RiThread *T, RiValue *object, int64_t key, RiValue *out)
{
    if (RI_LIKELY(ri_is_table(*object))) {
        RiValue v = ri_table_get_int(object->p, key);
        if (RI_LIKELY(!ri_is_nil(v) || !((RiTable *)object->p)->meta)) {
            *out = v;
            return true;
        }
    }
    RiValue o = *object, v; /* so that the caller's may stay in registers */
    bool is_read = read_slow(T, &o, key, &v);
    *object = o;
    *out = v;
    return is_read;
}

static bool write_slow(RiThread *T, RiValue *object, int64_t key, RiValue value, RiValue *handler)
{
    for (int depth = 0; depth < 2000; depth++) {
        RiValue h;
        if (ri_is_table(*object)) {
            RiTable *t = object->p;
            h = ri_meta_get(T->heap, t->meta, RI_MM_NEWINDEX);
            if (ri_is_nil(h) || !ri_is_nil(ri_table_get_int(t, key))) {
                ri_table_set_int(T->heap, t, key, value);
                return true;
            }
        } else {
            h = ri_metafield(T, *object, RI_MM_NEWINDEX);
            if (ri_is_nil(h))
                ri_runtime_error(T, "attempt to index a %s value", ri_type_name(T, *object));
        }
        if (ri_is_function(h)) {
            *handler = h;
            return false;
        }
        *object = h;
    }
    ri_runtime_error(T, "'__newindex' chain too long; possible loop");
}

/* object[key] = value; false: instead, the __newindex function *handler must be called with *object. */
static RI_ALWAYS_INLINE bool write_element(RiThread *T, RiValue *object, int64_t key, RiValue value, RiValue *handler)
{
    if (RI_LIKELY(ri_is_table(*object) && !((RiTable *)object->p)->meta)) {
        if (!ri_table_try_set_int(object->p, key, value))
            ri_table_set_int(T->heap, object->p, key, value);
        return true;
    }
    return write_slow(T, object, key, value, handler);
}

/* #args[0] into *length; false: its __len has to be called first, then the function is resumed with STEP_LENGTH. */
static bool known_length(RiThread *T, RiValue object, int64_t *length)
{
    RiTable *t = plain_table(T, object);
    if (RI_UNLIKELY(!t) && !ri_is_string(object) && ri_is_function(ri_metafield(T, object, RI_MM_LEN)))
        return false;
    *length = t ? ri_table_length(t) : ri_length(T, object);
    return true;
}

static int32_t call_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    return call_function(T, STEP_LENGTH, nargs, ri_metafield(T, args[0], RI_MM_LEN), args[0], args[0]);
}

/* The answer of __len, which is taken off the stack. */
static int64_t length_answer(RiThread *T)
{
    int64_t length;
    if (!ri_to_int(T->top[-1], &length))
        ri_error(T, "object length is not an integer");
    T->top--;
    return length;
}

/* -- concat ---------------------------------------------------------------------------------------------------- */

/* All strings: the size is known at once. NULL: not all strings, or too short to bother. */
static RiString *concat_strings(RiHeap *heap, const RiArray *a, uint32_t first, uint32_t count,
                                const RiString *separator)
{
    const RiValue *values = a->values + first;
    size_t size = (count - 1) * separator->size;
    for (uint32_t i = 0; i < count; i++) {
        if (!ri_is_string(values[i]))
            return NULL;
        size += ((const RiString *)values[i].p)->size;
    }
    if (size <= RI_STR_SHORT_MAX)
        return NULL;
    RiString *result = ri_str_new_uninit(heap, size);
    char *to = result->bytes;
    for (uint32_t i = 0; i < count; i++) {
        const RiString *s = values[i].p;
        ri_copy_bytes(heap, to, ri_str_data(s), s->size);
        to += s->size;
        if (i + 1 < count) {
            memcpy(to, ri_str_data(separator), separator->size);
            to += separator->size;
        }
    }
    return result;
}

static RI_ALWAYS_INLINE void concat_value(RiThread *T, RiSbuf *sb, RiValue v, int64_t i)
{
    if (ri_is_string(v)) {
        ri_sbuf_add_str(sb, v.p);
    } else if (ri_is_int(v)) {
        ri_sbuf_reserve(sb, RI_NUM_TEXT_MAX);
        sb->size += ri_num_print_int(v.i, sb->data + sb->size);
    } else if (ri_is_float(v)) {
        ri_sbuf_reserve(sb, RI_NUM_TEXT_MAX);
        sb->size += ri_num_print_float(v.n, sb->data + sb->size);
    } else {
        ri_error(T, "invalid value (%s) at index %lld in table for 'concat'", ri_type_names[ri_type(v)], (long long)i);
    }
}

/* What concat has when it leaves for the first time. */
typedef struct ConcatState {
    RiObject object; /* RI_TAG_BLOCK */
    RiSbuf sb;
} ConcatState;

enum { CONCAT_LIST, CONCAT_SEPARATOR, CONCAT_I, CONCAT_LAST, CONCAT_STATE, CONCAT_SLOTS };

static void sbuf_move(RiSbuf *to, const RiSbuf *from)
{
    *to = *from;
    if (from->buffer == NULL)
        to->data = to->inline_bytes;
}

static void concat_save(RiThread *T, ConcatState *state, const RiSbuf *sb, int64_t i, int64_t last)
{
    if (!state) {
        state = ri_heap_alloc_block(T->heap, sizeof *state);
        ri_block_describe(state, offsetof(ConcatState, sb.inline_bytes), false);
        sbuf_move(&state->sb, sb);
    }
    RiValue *slots = T->base;
    ri_set_int(&slots[CONCAT_I], i);
    ri_set_int(&slots[CONCAT_LAST], last);
    ri_set_object(&slots[CONCAT_STATE], state, RI_TAG_BLOCK);
    T->top = slots + CONCAT_SLOTS;
}

/* Go on at element i; `state` is NULL as long as `sb` is on the C stack. `value`: the element, if __index has given it. */
static RI_ALWAYS_INLINE int32_t concat_run(RiThread *T, ConcatState *state, RiSbuf *sb, int64_t i, int64_t last,
                                           const RiValue *value)
{
    const RiString *separator = T->base[CONCAT_SEPARATOR].cp;
    for (;; i++) {
        RiValue object = T->base[CONCAT_LIST], v;
        if (value) {
            v = *value;
            value = NULL;
        } else if (RI_UNLIKELY(!read_element(T, &object, i, &v))) {
            concat_save(T, state, sb, i, last);
            return call_function(T, STEP_READ, CONCAT_SLOTS, v, object, ri_int(i));
        }
        concat_value(T, sb, v, i);
        if (i == last)
            break;
        ri_sbuf_add_str(sb, separator);
        if ((i & POLL_INTERVAL_MASK) == 0 && ri_poll_due(T)) {
            concat_save(T, state, sb, i + 1, last);
            return leave(T, STEP_RUN);
        }
    }
    RiString *result = ri_sbuf_finish(sb);
    return ri_return_string(T->base, result);
}

static int32_t concat_begin(RiThread *T, RiValue *args, uint32_t nargs, int64_t last)
{
    RiString *separator = ri_arg_is_none_or_nil(args, nargs, 1) ? T->heap->empty : ri_arg_str(T, args, nargs, 1);
    int64_t i = ri_arg_opt_int(T, args, nargs, 2, 1);
    last = ri_arg_opt_int(T, args, nargs, 3, last);
    if (i > last)
        return ri_return_string(args, T->heap->empty);

    RiTable *t = plain_table(T, args[0]);
    const RiArray *a = t ? t->array : NULL;
    if (a && i >= 1 && last <= a->count && a->kind == RI_ARRAY_ANY && last - i < CONCAT_AT_ONCE_MAX) {
        RiString *s = concat_strings(T->heap, a, (uint32_t)i - 1, (uint32_t)(last - i + 1), separator);
        if (s)
            return ri_return_string(args, s);
    }
    ri_set_string(&args[CONCAT_SEPARATOR], separator);
    if (nargs <= CONCAT_SEPARATOR)
        T->top = args + CONCAT_SEPARATOR + 1;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    return concat_run(T, NULL, &sb, i, last, NULL);
}

static int32_t table_concat(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t last;
    check_table(T, args, nargs, 0, CAN_READ | HAS_LENGTH);
    if (!known_length(T, args[0], &last))
        return call_len(T, args, nargs);
    return concat_begin(T, args, nargs, last);
}

static int32_t table_concat_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t step = ri_lib_step(T);
    if (step == STEP_LENGTH) {
        int64_t last = length_answer(T);
        return concat_begin(T, args, nargs - 1, last);
    }
    ConcatState *state = args[CONCAT_STATE].p;
    RiValue value = args[nargs - 1];
    return concat_run(T, state, &state->sb, args[CONCAT_I].i, args[CONCAT_LAST].i, step == STEP_READ ? &value : NULL);
}

/* -- insert and remove ----------------------------------------------------------------------------------------- */

/* Move `count` elements within one array part. */
static void move_elements(RiArray *a, uint32_t to, uint32_t from, uint32_t count)
{
    size_t size = ri_array_elem_size(a->elem_tag);
    memmove(&a->tags[to * size], &a->tags[from * size], count * size);
}

#define SHIFT_STEP 65536u /* elements moved between two safe points */

/* The same by one place, up or down: a large part in pieces. */
static void shift_elements(RiThread *T, RiArray *a, uint32_t to, uint32_t from, uint32_t count)
{
    while (RI_UNLIKELY(count > SHIFT_STEP)) {
        count -= SHIFT_STEP;
        if (to < from) {
            move_elements(a, to, from, SHIFT_STEP);
            to += SHIFT_STEP;
            from += SHIFT_STEP;
        } else {
            move_elements(a, to + count, from + count, SHIFT_STEP);
        }
        ri_poll(T);
    }
    move_elements(a, to, from, count);
}

/* The loop of insert, remove and move: target[to] = source[from] for `left` elements upwards, or downwards if it is
 * negative. insert and remove then store `value` at the place where it stops. */
enum { COPY_SOURCE, COPY_TARGET, COPY_FROM, COPY_TO, COPY_LEFT, COPY_VALUE, COPY_SLOTS };

static void copy_begin(RiThread *T, uint32_t target, int64_t from, int64_t to, int64_t left, RiValue value)
{
    RiValue *slots = T->base;
    ri_copy(&slots[COPY_TARGET], &slots[target]);
    ri_set_int(&slots[COPY_FROM], from);
    ri_set_int(&slots[COPY_TO], to);
    ri_set_int(&slots[COPY_LEFT], left);
    ri_store(&slots[COPY_VALUE], value);
    T->top = slots + COPY_SLOTS;
}

static void copy_save(RiThread *T, int64_t from, int64_t to, int64_t left)
{
    RiValue *slots = T->base;
    slots[COPY_FROM].i = from;
    slots[COPY_TO].i = to;
    slots[COPY_LEFT].i = left;
}

/* 0: done; else a signal. `value`: the next element, if __index has given it. */
static int32_t copy_run(RiThread *T, const RiValue *value)
{
    const RiValue *slots = T->base;
    int64_t from = slots[COPY_FROM].i, to = slots[COPY_TO].i, left = slots[COPY_LEFT].i;
    const int64_t up = left < 0 ? -1 : 1;
    const RiValue all_source = slots[COPY_SOURCE], all_target = slots[COPY_TARGET];
    while (left != 0) {
        RiValue source = all_source, target = all_target, v, handler;
        if (value) {
            v = *value;
            value = NULL;
        } else if (RI_UNLIKELY(!read_element(T, &source, from, &v))) {
            copy_save(T, from, to, left);
            return call_function(T, STEP_READ, COPY_SLOTS, v, source, ri_int(from));
        }
        bool is_written = write_element(T, &target, to, v, &handler);
        int64_t here = to;
        from = (int64_t)((uint64_t)from + (uint64_t)up); /* the last step may lead out of the range of integers */
        to = (int64_t)((uint64_t)to + (uint64_t)up);
        left -= up;
        if (RI_UNLIKELY(!is_written)) {
            copy_save(T, from, to, left);
            return call_newindex(T, STEP_WRITTEN, COPY_SLOTS, handler, target, here, v);
        }
        if ((left & POLL_INTERVAL_MASK) == 0 && ri_poll_due(T)) {
            copy_save(T, from, to, left);
            return leave(T, STEP_RUN);
        }
    }
    T->base[COPY_TO].i = to;
    return 0;
}

static int32_t copy_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue value = args[nargs - 1];
    T->top = args + COPY_SLOTS;
    return copy_run(T, ri_lib_step(T) == STEP_READ ? &value : NULL);
}

/* Store `value` where the loop has stopped. 0: done; else a signal. */
static int32_t copy_finish(RiThread *T, RiValue value)
{
    RiValue target = T->base[COPY_TARGET], handler;
    int64_t to = T->base[COPY_TO].i;
    if (write_element(T, &target, to, value, &handler))
        return 0;
    return call_newindex(T, STEP_LAST, COPY_SLOTS, handler, target, to, value);
}

static int32_t insert_at(RiThread *T, RiValue *args, uint32_t nargs, int64_t size)
{
    RiTable *t = plain_table(T, args[0]);
    RiArray *a = t ? plain_array(t) : NULL;
    int64_t end = (int64_t)((uint64_t)size + 1);
    int64_t position = end;
    if (nargs == 3) {
        position = ri_arg_int(T, args, nargs, 1);
        RI_ARG_CHECK(T, (uint64_t)position - 1 < (uint64_t)end, 1, "position out of bounds");
    } else if (nargs != 2) {
        ri_error(T, "wrong number of arguments to 'insert'");
    }
    if (a && end > 1 && position < end) {
        uint32_t count = a->count;
        ri_table_append(T->heap, t, ri_array_load(a, count - 1));
        a = t->array;
        if (a->count > count) { /* else it was laid out anew, and the loop below does it all */
            shift_elements(T, a, (uint32_t)position, (uint32_t)position - 1, count - (uint32_t)position);
            end = position;
        }
    }
    if (t && end == position) {
        ri_table_set_int(T->heap, t, position, args[nargs - 1]);
        return 0;
    }
    copy_begin(T, 0, (int64_t)((uint64_t)end - 1), end, (int64_t)((uint64_t)position - (uint64_t)end), args[nargs - 1]);
    int32_t signal = copy_run(T, NULL);
    return signal ? signal : copy_finish(T, T->base[COPY_VALUE]);
}

static int32_t table_insert(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = nargs > 0 ? plain_table(T, args[0]) : NULL;
    if (RI_LIKELY(t && nargs == 2 && !ri_is_nil(args[1]) && plain_array(t))) {
        ri_table_append(T->heap, t, args[1]);
        return 0;
    }
    int64_t size;
    check_table(T, args, nargs, 0, CAN_ALL);
    if (!known_length(T, args[0], &size))
        return call_len(T, args, nargs);
    return insert_at(T, args, nargs, size);
}

static int32_t table_insert_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t step = ri_lib_step(T);
    if (step == STEP_LENGTH) {
        int64_t size = length_answer(T);
        return insert_at(T, args, nargs - 1, size);
    }
    if (step == STEP_LAST)
        return 0;
    int32_t signal = copy_resume(T, args, nargs);
    return signal ? signal : copy_finish(T, T->base[COPY_VALUE]);
}

/* The element to be removed is kept in slot COPY_VALUE; shift what follows. */
static int32_t remove_shift(RiThread *T)
{
    int32_t signal = copy_run(T, NULL);
    if (!signal)
        signal = copy_finish(T, ri_nil());
    return signal ? signal : ri_return1(T->base, T->base[COPY_VALUE]);
}

static int32_t remove_at(RiThread *T, RiValue *args, uint32_t nargs, int64_t size)
{
    int64_t position = ri_arg_opt_int(T, args, nargs, 1, size);
    if (nargs > 1 && position != size)
        RI_ARG_CHECK(T, (uint64_t)position - 1 <= (uint64_t)size, 1, "position out of bounds");

    RiTable *t = plain_table(T, args[0]);
    RiArray *a = t ? plain_array(t) : NULL;
    if (RI_LIKELY(a && position >= 1 && position <= a->count)) {
        RiValue removed = ri_array_load(a, (uint32_t)position - 1);
        shift_elements(T, a, (uint32_t)position - 1, (uint32_t)position, a->count - (uint32_t)position);
        if (a->kind == RI_ARRAY_ANY)
            ri_table_set_int(T->heap, t, a->count, ri_nil());
        else
            a->count--;
        return ri_return1(args, removed);
    }
    RiValue object = args[0], removed;
    int64_t left = position < size ? (int64_t)((uint64_t)size - (uint64_t)position) : 0;
    bool is_read = read_element(T, &object, position, &removed);
    copy_begin(T, 0, (int64_t)((uint64_t)position + 1), position, left, is_read ? removed : ri_nil());
    if (!is_read)
        return call_function(T, STEP_REMOVED, COPY_SLOTS, removed, object, ri_int(position));
    return remove_shift(T);
}

static int32_t table_remove(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t size;
    check_table(T, args, nargs, 0, CAN_ALL);
    if (!known_length(T, args[0], &size))
        return call_len(T, args, nargs);
    return remove_at(T, args, nargs, size);
}

static int32_t table_remove_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    switch (ri_lib_step(T)) {
    case STEP_LENGTH: {
        int64_t size = length_answer(T);
        return remove_at(T, args, nargs - 1, size);
    }
    case STEP_REMOVED:
        ri_copy(&args[COPY_VALUE], &args[nargs - 1]);
        T->top = args + COPY_SLOTS;
        return remove_shift(T);
    case STEP_LAST:
        return ri_return1(args, args[COPY_VALUE]);
    default: {
        int32_t signal = copy_resume(T, args, nargs);
        if (!signal)
            signal = copy_finish(T, ri_nil());
        return signal ? signal : ri_return1(T->base, T->base[COPY_VALUE]);
    }
    }
}

/* -- move, pack, unpack ----------------------------------------------------------------------------------------- */

static int32_t move_begin(RiThread *T, RiValue *args, uint32_t target, bool is_disjoint)
{
    int64_t from = args[1].i, end = args[2].i, to = args[3].i, count = end - from + 1;
    if (is_disjoint)
        copy_begin(T, target, from, to, count, ri_nil());
    else
        copy_begin(T, target, end, to + count - 1, -count, ri_nil());
    int32_t signal = copy_run(T, NULL);
    return signal ? signal : ri_return1(T->base, T->base[COPY_TARGET]);
}

static int32_t table_move(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t from = ri_arg_int(T, args, nargs, 1), end = ri_arg_int(T, args, nargs, 2);
    int64_t to = ri_arg_int(T, args, nargs, 3);
    uint32_t target = ri_arg_is_none_or_nil(args, nargs, 4) ? 0 : 4;
    check_table(T, args, nargs, 0, CAN_READ);
    check_table(T, args, nargs, target, CAN_WRITE);
    if (end < from)
        return ri_return1(args, args[target]);
    RI_ARG_CHECK(T, from > 0 || end < INT64_MAX + from, 2, "too many elements to move");
    RI_ARG_CHECK(T, to <= INT64_MAX - (end - from), 3, "destination wrap around");
    ri_set_int(&args[1], from);
    ri_set_int(&args[2], end);
    ri_set_int(&args[3], to);
    bool is_disjoint = to > end || to <= from || (target != 0 && !ri_equal(T, args[0], args[target]));
    return move_begin(T, T->base, target, is_disjoint);
}

static int32_t table_move_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    int32_t signal = copy_resume(T, args, nargs);
    return signal ? signal : ri_return1(T->base, T->base[COPY_TARGET]);
}

static int32_t table_pack(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiHeap *heap = T->heap;
    RiString *key = heap->one_byte['n'];
    RiShapeId shape = ri_shape_for_keys(heap, &key, 1);
    RiValue count = ri_int(nargs);
    RiTable *t = shape ? ri_table_new_record(heap, shape, &count, 1) : ri_table_new(heap, 0, 0);
    if (!shape)
        ri_table_set_str(heap, t, key, count);
    ri_table_fill_array(heap, t, args, nargs);
    return ri_return1(args, ri_table_value(t));
}

/* The slow way: what to unpack lies in three slots, the results pile up above. */
enum { UNPACK_LIST, UNPACK_FIRST, UNPACK_COUNT, UNPACK_SLOTS };

static int32_t unpack_run(RiThread *T)
{
    const int64_t first = T->base[UNPACK_FIRST].i, count = T->base[UNPACK_COUNT].i;
    for (int64_t i = T->top - T->base - UNPACK_SLOTS; i < count; i++) {
        RiValue object = T->base[UNPACK_LIST], v;
        if (RI_UNLIKELY(!read_element(T, &object, first + i, &v)))
            return call_function(T, STEP_READ, UNPACK_SLOTS + (uint32_t)i, v, object, ri_int(first + i));
        ri_push(T, v);
        if ((i & POLL_INTERVAL_MASK) == POLL_INTERVAL_MASK && ri_poll_due(T))
            return leave(T, STEP_RUN);
    }
    return ri_return_top(T, (uint32_t)count);
}

static int32_t unpack_range(RiThread *T, RiValue *args, uint32_t nargs, int64_t i, int64_t end)
{
    if (i > end)
        return 0;
    uint64_t more = (uint64_t)end - (uint64_t)i;
    if (more >= INT_MAX || (more >= RI_STACK_RESERVE - 4 && !ri_stack_try_reserve(T, (uint32_t)more + 1)))
        ri_error(T, "too many results to unpack");
    uint32_t count = (uint32_t)more + 1;
    args = T->base;
    RiTable *t = nargs > 0 ? plain_table(T, args[0]) : NULL;
    if (t && count <= AT_ONCE_MAX) { /* straight to where results belong; from here on nothing collects */
        RiValue *to = args - 2;
        const RiArray *a = t->array;
        if (i >= 1 && end <= a->count) {
            for (uint32_t k = 0; k < count; k++) {
                RiValue v = ri_array_load(a, (uint32_t)i - 1 + k);
                ri_store(&to[k], v);
            }
        } else {
            for (uint32_t k = 0; k < count; k++) {
                RiValue v = ri_table_get_int(t, i + (int64_t)k);
                ri_store(&to[k], v);
            }
        }
        return (int32_t)count;
    }
    if (nargs == 0)
        ri_set_nil(&args[0]); /* so that there is an argument to index, and to complain about */
    ri_set_int(&args[UNPACK_FIRST], i);
    ri_set_int(&args[UNPACK_COUNT], count);
    T->top = args + UNPACK_SLOTS;
    ri_stack_reserve(T, count); /* arguments in excess have gone; or there were less than slots */
    return unpack_run(T);
}

static int32_t table_unpack(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t i = ri_arg_opt_int(T, args, nargs, 1, 1), end;
    if (!ri_arg_is_none_or_nil(args, nargs, 2))
        end = ri_arg_int(T, args, nargs, 2);
    else if (RI_UNLIKELY(!known_length(T, ri_arg(args, nargs, 0), &end)))
        return call_len(T, args, nargs);
    return unpack_range(T, args, nargs, i, end);
}

static int32_t table_unpack_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (ri_lib_step(T) == STEP_LENGTH) {
        int64_t end = length_answer(T);
        return unpack_range(T, args, nargs - 1, ri_arg_opt_int(T, args, nargs - 1, 1, 1), end);
    }
    return unpack_run(T); /* the answer of __index, if it was that, lies where it belongs */
}

/* -- Sorting in C ------------------------------------------------------------------------------------------------
 * Merge sorts throughout: they make few comparisons and end after a bounded number of them whatever the order function
 * answers. Numbers and strings are sorted in a copy, so that a program that runs at a safe point never meets a table
 * half sorted. `polling` is the thread that may be left at safe points, or NULL. */

/* Where a merge sort stands. */
typedef struct Merge {
    size_t width;    /* of the sorted runs; 0: there are none yet */
    size_t low;      /* the runs to be merged next begin here */
    size_t i, j, k;  /* in a pair of runs: next of the left one, of the right one, of the result */
    bool is_in_pair;
    bool is_swapped; /* the runs lie in b[] */
} Merge;

#define MERGE_POLL()                                                                               \
    if (RI_UNLIKELY(fuel <= 0)) {                                                                  \
        fuel = POLL_STEPS;                                                                         \
        if (polling && ri_poll_due(polling)) {                                                     \
            *m = (Merge){m->width, low, i, j, k, true, m->is_swapped};                             \
            return false;                                                                          \
        }                                                                                          \
    }

/* Sort a[0..n) by LESS(x, y), using b[0..n). true: done, in b if m->is_swapped; false: a safe point is due. */
#define DEFINE_MERGE_SORT(name, Item, LESS, COPY)                                                  \
    static bool name(RiThread *polling, Merge *m, Item *a, Item *b, size_t n)                      \
    {                                                                                              \
        enum { RUN = 8 };                                                                          \
        int64_t fuel = POLL_STEPS;                                                                 \
        if (m->width == 0) {                                                                       \
            for (size_t low = m->low; low < n; low += RUN) {                                       \
                size_t high = low + RUN < n ? low + RUN : n;                                       \
                for (size_t i = low + 1; i < high; i++) {                                          \
                    Item x = a[i];                                                                 \
                    size_t j = i;                                                                  \
                    for (; j > low && LESS(x, a[j - 1]); j--)                                      \
                        COPY(&a[j], &a[j - 1]);                                                    \
                    COPY(&a[j], &x);                                                               \
                }                                                                                  \
                if ((low & (POLL_STEPS - 1)) == POLL_STEPS - RUN && polling && ri_poll_due(polling)) { \
                    m->low = low + RUN;                                                            \
                    return false;                                                                  \
                }                                                                                  \
            }                                                                                      \
            m->low = 0;                                                                            \
            m->width = RUN;                                                                        \
        }                                                                                          \
        for (; m->width < n; m->width *= 2, m->low = 0, m->is_swapped = !m->is_swapped) {          \
            const size_t width = m->width;                                                         \
            const Item *from = m->is_swapped ? b : a;                                              \
            Item *to = m->is_swapped ? a : b;                                                      \
            for (size_t low = m->low; low < n; low += 2 * width) {                                 \
                size_t mid = low + width < n ? low + width : n;                                    \
                size_t high = low + 2 * width < n ? low + 2 * width : n;                           \
                size_t i = low, j = mid, k = low;                                                  \
                bool is_mixed;                                                                     \
                if (RI_UNLIKELY(m->is_in_pair)) {                                                  \
                    m->is_in_pair = false;                                                         \
                    i = m->i;                                                                      \
                    j = m->j;                                                                      \
                    k = m->k;                                                                      \
                    is_mixed = true;                                                               \
                } else {                                                                           \
                    is_mixed = mid < high && LESS(from[mid], from[mid - 1]);                       \
                }                                                                                  \
                while (is_mixed && i < mid && j < high) {                                          \
                    /* So many steps at least before one of them is used up. */                    \
                    size_t steps = mid - i < high - j ? mid - i : high - j;                        \
                    if (steps > POLL_STEPS)                                                        \
                        steps = POLL_STEPS;                                                        \
                    fuel -= (int64_t)steps;                                                        \
                    for (; steps > 0; steps--) {                                                   \
                        if (LESS(from[j], from[i]))                                                \
                            COPY(&to[k++], &from[j++]);                                            \
                        else                                                                       \
                            COPY(&to[k++], &from[i++]);                                            \
                    }                                                                              \
                    MERGE_POLL()                                                                   \
                }                                                                                  \
                while (i < mid) {                                                                  \
                    COPY(&to[k++], &from[i++]);                                                    \
                    fuel--;                                                                        \
                    MERGE_POLL()                                                                   \
                }                                                                                  \
                while (j < high) {                                                                 \
                    COPY(&to[k++], &from[j++]);                                                    \
                    fuel--;                                                                        \
                    MERGE_POLL()                                                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return true;                                                                               \
    }

#define WORD_LESS(x, y) ((x) < (y))
#define PLAIN_COPY(to, from) (*(to) = *(from))
DEFINE_MERGE_SORT(merge_sort_words, uint64_t, WORD_LESS, PLAIN_COPY)

static bool number_less(RiValue x, RiValue y)
{
    if (ri_is_int(x) && ri_is_int(y))
        return x.i < y.i;
    return ri_is_float(x) && ri_is_float(y) ? x.n < y.n : ri_number_less(x, y);
}
DEFINE_MERGE_SORT(merge_sort_numbers, RiValue, number_less, ri_copy)

typedef struct StringItem {
    uint64_t prefix; /* first bytes, big-endian; 0 where the locale orders otherwise than by bytes */
    RiString *string;
} StringItem;

static bool string_less(StringItem x, StringItem y)
{
    if (x.prefix != y.prefix)
        return x.prefix < y.prefix;
    return x.string != y.string && ri_str_compare(x.string, y.string) < 0;
}
DEFINE_MERGE_SORT(merge_sort_strings, StringItem, string_less, PLAIN_COPY)

#define RADIX_MIN 512

/* Where a radix sort stands: least significant byte first, leaving out the bytes that all words share. */
typedef struct Radix {
    size_t i;
    int digit; /* -1: counting */
    bool is_unsorted, is_swapped;
    uint32_t counts[8][256];
} Radix;

static void radix_begin(Radix *r)
{
    memset(r, 0, sizeof *r);
    r->digit = -1;
}

/* From how many words of a digit's value there are to where the first of them goes. */
static void radix_count_to_start(uint32_t *count)
{
    uint32_t start = 0;
    for (int value = 0; value < 256; value++) {
        uint32_t of_value = count[value];
        count[value] = start;
        start += of_value;
    }
}

/* As the merge sorts. */
static bool radix_sort(RiThread *polling, Radix *r, uint64_t *a, uint64_t *b, size_t n)
{
    while (r->digit < 0) {
        size_t end = n - r->i > POLL_STEPS ? r->i + POLL_STEPS : n;
        bool is_unsorted = r->is_unsorted;
        for (size_t i = r->i; i < end; i++) {
            uint64_t word = a[i];
            is_unsorted = is_unsorted || (i > 0 && a[i - 1] > word);
            for (int digit = 0; digit < 8; digit++)
                r->counts[digit][word >> digit * 8 & 255]++;
        }
        r->is_unsorted = is_unsorted;
        r->i = end;
        if (end == n) {
            r->digit = is_unsorted ? 0 : 8;
            r->i = 0;
        }
        if (polling && ri_poll_due(polling))
            return false;
    }
    while (r->digit < 8) {
        const uint64_t *from = r->is_swapped ? b : a;
        uint64_t *to = r->is_swapped ? a : b;
        uint32_t *count = r->counts[r->digit];
        const int shift = r->digit * 8;
        if (r->i == 0) {
            if (count[from[0] >> shift & 255] == n) {
                r->digit++;
                continue;
            }
            radix_count_to_start(count);
        }
        size_t end = n - r->i > POLL_STEPS ? r->i + POLL_STEPS : n;
        for (size_t i = r->i; i < end; i++)
            to[count[from[i] >> shift & 255]++] = from[i];
        r->i = end;
        if (end == n) {
            r->digit++;
            r->i = 0;
            r->is_swapped = !r->is_swapped;
        }
        if (polling && ri_poll_due(polling))
            return false;
    }
    return true;
}

/* -- Sorting numbers and strings --------------------------------------------------------------------------------- */

typedef enum SortKind { SORT_INTS, SORT_FLOATS, SORT_NUMBERS, SORT_STRINGS, SORT_OTHERS } SortKind;
enum { FAST_READ, FAST_ORDER, FAST_WRITE };
enum { SORT_TABLE, SORT_LESS, SORT_STATE, SORT_SLOTS };

typedef struct FastSort {
    RiObject object; /* RI_TAG_BLOCK, where it has to outlive a safe point */
    uint8_t kind, phase;
    bool by_bytes;     /* strings */
    size_t count, i;
    RiObject *scratch; /* room for all elements twice */
    size_t scratch_size;
    Merge merge;
    Radix radix; /* for SORT_INTS, SORT_FLOATS */
} FastSort;

#define SCRATCH_HEADER 32 /* at least a RiBuffer; the elements behind it are aligned */

static void *scratch_items(const FastSort *s)
{
    return (char *)s->scratch + SCRATCH_HEADER;
}

/* `room` (may be NULL) is memory on the C stack that is used if it suffices; else only strings lie in memory that is
 * scanned. */
static void fast_begin(RiThread *T, FastSort *s, SortKind kind, size_t count, void *room, size_t room_size)
{
    size_t item_size = kind <= SORT_FLOATS ? sizeof(uint64_t) : sizeof(RiValue);
    size_t size = SCRATCH_HEADER + 2 * count * item_size;
    s->kind = (uint8_t)kind;
    s->phase = FAST_READ;
    s->count = count;
    s->i = 0;
    s->merge = (Merge){0};
    s->scratch_size = size;
    if (kind == SORT_STRINGS) {
        const char *locale = setlocale(LC_COLLATE, NULL);
        s->by_bytes = locale && (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0);
    }
    if (size <= room_size) {
        s->scratch = room;
        s->scratch_size = 0;
    } else if (kind == SORT_STRINGS) {
        s->scratch = ri_heap_alloc_block(T->heap, size);
        ri_block_describe(s->scratch, SCRATCH_HEADER, false); /* strings are shared by clones */
    } else {
        s->scratch = ri_heap_alloc(T->heap, size, RI_SPACE_LEAF);
        ri_object_init(s->scratch, RI_TAG_BUFFER, 0, 0, 0);
        RiBuffer *buffer = (RiBuffer *)(void *)s->scratch;
        buffer->capacity = size - sizeof *buffer;
        buffer->used = 0;
    }
    if (kind <= SORT_FLOATS && count >= RADIX_MIN)
        radix_begin(&s->radix);
}

static void fast_free(RiHeap *heap, FastSort *s)
{
    if (s->scratch_size > 0)
        ri_heap_free(heap, s->scratch, s->scratch_size);
}

static uint64_t string_prefix(const RiString *s)
{
    unsigned char bytes[8] = {0};
    memcpy(bytes, ri_str_data(s), s->size < 8 ? s->size : 8);
    uint64_t prefix = 0;
    for (int i = 0; i < 8; i++)
        prefix = prefix << 8 | bytes[i];
    return prefix;
}

/* Words whose unsigned order is that of the integers or floats: the sign flipped, negative floats upside down. NaNs go
 * to the ends. */
static uint64_t word_to_key(uint64_t word, bool is_float)
{
    return word ^ ((is_float ? -(word >> 63) : 0) | (uint64_t)1 << 63);
}

static uint64_t key_to_word(uint64_t key, bool is_float)
{
    return key ^ ((is_float ? -(~key >> 63) : 0) | (uint64_t)1 << 63);
}

/* Copy elements s->i … end - 1 of the table; false: there are others among them. */
static bool fast_read(FastSort *s, const RiTable *t, size_t end)
{
    const RiArray *a = t->array;
    if (a->count < end)
        return false;
    switch (s->kind) {
    case SORT_INTS:
    case SORT_FLOATS: {
        const bool is_float = s->kind == SORT_FLOATS;
        uint64_t *keys = scratch_items(s);
        if (a->elem_tag != (is_float ? RI_TAG_FLOAT : RI_TAG_INT))
            return false;
        for (size_t i = s->i; i < end; i++)
            keys[i] = word_to_key(a->words[i], is_float);
        return true;
    }
    case SORT_NUMBERS: {
        RiValue *values = scratch_items(s);
        for (size_t i = s->i; i < end; i++) {
            RiValue v = ri_array_load(a, (uint32_t)i);
            if (!ri_is_number(v))
                return false;
            ri_store(&values[i], v);
        }
        return true;
    }
    default: {
        StringItem *items = scratch_items(s);
        for (size_t i = s->i; i < end; i++) {
            RiValue v = ri_array_load(a, (uint32_t)i);
            if (!ri_is_string(v))
                return false;
            items[i] = (StringItem){s->by_bytes ? string_prefix(v.p) : 0, v.p};
        }
        return true;
    }
    }
}

static bool fast_order(RiThread *polling, FastSort *s)
{
    size_t n = s->count;
    if (s->kind <= SORT_FLOATS) {
        uint64_t *keys = scratch_items(s);
        return n < RADIX_MIN ? merge_sort_words(polling, &s->merge, keys, keys + n, n)
                             : radix_sort(polling, &s->radix, keys, keys + n, n);
    }
    if (s->kind == SORT_NUMBERS) {
        RiValue *values = scratch_items(s);
        return merge_sort_numbers(polling, &s->merge, values, values + n, n);
    }
    StringItem *items = scratch_items(s);
    return merge_sort_strings(polling, &s->merge, items, items + n, n);
}

/* Write elements s->i … end - 1 back, without metamethods: the table had none when this began. */
static void fast_write(RiHeap *heap, FastSort *s, RiTable *t, size_t end)
{
    const bool is_radix = s->kind <= SORT_FLOATS && s->count >= RADIX_MIN;
    const size_t first = (is_radix ? s->radix.is_swapped : s->merge.is_swapped) ? s->count : 0;
    if (s->kind <= SORT_FLOATS) {
        const bool is_float = s->kind == SORT_FLOATS;
        const RiTag tag = is_float ? RI_TAG_FLOAT : RI_TAG_INT;
        const uint64_t *keys = (uint64_t *)scratch_items(s) + first;
        RiArray *a = t->array;
        if (RI_LIKELY(a->elem_tag == tag && a->count >= end)) {
            for (size_t i = s->i; i < end; i++)
                a->words[i] = key_to_word(keys[i], is_float);
            return;
        }
        for (size_t i = s->i; i < end; i++)
            ri_table_set_int(heap, t, (int64_t)i + 1, (RiValue){.u = key_to_word(keys[i], is_float), .tag = tag});
        return;
    }
    for (size_t i = s->i; i < end; i++) {
        RiValue v = s->kind == SORT_NUMBERS ? ((RiValue *)scratch_items(s))[first + i]
                                            : ri_string_value(((StringItem *)scratch_items(s))[first + i].string);
        if (!ri_table_try_set_int(t, (int64_t)i + 1, v))
            ri_table_set_int(heap, t, (int64_t)i + 1, v);
    }
}

typedef enum FastResult { FAST_DONE, FAST_POLL, FAST_OTHERS } FastResult;

/* Go on sorting. FAST_OTHERS: there are elements of another kind, and nothing has happened. */
static FastResult fast_run(RiThread *T, RiThread *polling, FastSort *s, RiTable *t)
{
    while (s->phase == FAST_READ) {
        size_t end = polling && s->count - s->i > POLL_STEPS ? s->i + POLL_STEPS : s->count;
        if (!fast_read(s, t, end)) {
            fast_free(T->heap, s);
            return FAST_OTHERS;
        }
        s->i = end;
        if (end == s->count) {
            s->i = 0;
            s->phase = FAST_ORDER;
        }
        if (polling && ri_poll_due(T))
            return FAST_POLL;
    }
    if (s->phase == FAST_ORDER) {
        if (!fast_order(polling, s))
            return FAST_POLL;
        s->phase = FAST_WRITE;
    }
    while (s->i < s->count) {
        size_t end = polling && s->count - s->i > POLL_STEPS ? s->i + POLL_STEPS : s->count;
        fast_write(T->heap, s, t, end);
        s->i = end;
        if (polling && ri_poll_due(T))
            return FAST_POLL;
    }
    fast_free(T->heap, s);
    return FAST_DONE;
}

static RI_NOINLINE bool fast_at_once(RiThread *T, RiTable *t, SortKind kind, size_t count)
{
    FastSort sort;
    RiValue room[2 + 2 * 16];
    fast_begin(T, &sort, kind, count, room, sizeof room);
    return fast_run(T, NULL, &sort, t) == FAST_DONE;
}

/* By the first element; the others are looked at as they are read. */
static SortKind sort_kind(const RiArray *a)
{
    RiValue v = ri_array_load(a, 0);
    if (a->elem_tag == RI_TAG_INT || a->elem_tag == RI_TAG_FLOAT)
        return a->elem_tag == RI_TAG_INT ? SORT_INTS : SORT_FLOATS;
    return ri_is_number(v) ? SORT_NUMBERS : ri_is_string(v) ? SORT_STRINGS : SORT_OTHERS;
}

/* -- Sorting by an order function --------------------------------------------------------------------------------
 * A bottom-up merge sort of a copy, written as a machine that stops at every comparison: the order function runs in the
 * dispatch loop, not on top of C. State and elements lie in one block, held by the stack slot after both arguments. */

typedef struct SortState {
    RiObject object; /* RI_TAG_BLOCK */
    size_t count, width;
    size_t low, mid, high; /* the runs being merged: [low, mid) and [mid, high) */
    size_t i, j, k;        /* next of the left run, of the right run, of the result */
    int32_t fuel;          /* steps until the next poll */
    uint8_t phase;
    bool is_swapped; /* the runs lie in the second half of values[], the result goes to the first */
    bool all_less; /* every comparison has said yes so far */
    RiValue values[];
} SortState;

enum { SORT_READ, SORT_PROBE, SORT_MERGE, SORT_REST, SORT_VERIFY, SORT_WRITE };

#define PROBE_WIDTH_MIN 4 /* from here on it pays to ask first whether two runs are in order as they stand */
#define VERIFY_COUNT_MIN 4

static RI_ALWAYS_INLINE RiValue *sort_from(SortState *s, size_t i)
{
    return &s->values[s->is_swapped ? s->count + i : i];
}

static void sort_take(SortState *s, size_t *i)
{
    ri_copy(&s->values[s->is_swapped ? s->k : s->count + s->k], sort_from(s, *i));
    s->k++;
    ++*i;
}

#define AHEAD 4 /* comparisons that a load from memory takes, more or less */

/* Element i will soon be compared, unless the run ends before it. The objects of a long list lie anywhere, and an order
 * function looks into them first of all: have that under way. */
static RI_ALWAYS_INLINE void sort_look_ahead(SortState *s, size_t i, size_t end)
{
    if (i >= end)
        return;
    const RiValue *v = sort_from(s, i);
    if (ri_tag_is_object(v->tag)) {
        __builtin_prefetch(v->cp);
        __builtin_prefetch((const char *)v->cp + 64);
    }
}

static size_t sort_state_size(size_t count)
{
    return sizeof(SortState) + 2 * count * sizeof(RiValue);
}

/* Set up the merge of the two runs that begin at `low`. */
static void sort_begin_pair(SortState *s, size_t low)
{
    s->low = s->i = s->k = low;
    s->mid = s->j = low + s->width < s->count ? low + s->width : s->count;
    s->high = low + 2 * s->width < s->count ? low + 2 * s->width : s->count;
    s->phase = s->mid == s->high ? SORT_REST : s->width >= PROBE_WIDTH_MIN ? SORT_PROBE : SORT_MERGE;
}

static void sort_end_pass(SortState *s)
{
    s->is_swapped = !s->is_swapped;
    s->width *= 2;
    if (s->width < s->count) {
        sort_begin_pair(s, 0);
    } else if (s->all_less && s->count >= VERIFY_COUNT_MIN) {
        s->phase = SORT_VERIFY; /* reversed input, or a function that always says yes */
    } else {
        s->phase = SORT_WRITE;
        s->i = 0;
    }
}

/* Copy what is left of the runs, up to the next poll, and go on to the next pair after that. */
static void sort_copy_rest(SortState *s)
{
    for (; s->i < s->mid && s->fuel > 0; s->fuel--)
        sort_take(s, &s->i);
    for (; s->j < s->high && s->fuel > 0; s->fuel--)
        sort_take(s, &s->j);
    if (s->i < s->mid || s->j < s->high)
        return;
    if (s->high < s->count)
        sort_begin_pair(s, s->high);
    else
        sort_end_pass(s);
}

static void sort_answer(RiThread *T, SortState *s, bool is_less)
{
    s->all_less = s->all_less && is_less;
    switch (s->phase) {
    case SORT_PROBE:
        s->phase = is_less ? SORT_MERGE : SORT_REST;
        break;
    case SORT_MERGE:
        sort_take(s, is_less ? &s->j : &s->i);
        sort_look_ahead(s, is_less ? s->j + AHEAD : s->i + AHEAD, is_less ? s->high : s->mid);
        if (s->i == s->mid || s->j == s->high)
            s->phase = SORT_REST;
        break;
    default:
        if (is_less)
            ri_error(T, "invalid order function for sorting");
        s->phase = SORT_WRITE;
        s->i = 0;
        break;
    }
}

/* Copy the elements. 0: done; else a signal. `value`: the next element, if __index has given it. */
static int32_t sort_read(RiThread *T, SortState *s, const RiValue *value)
{
    for (; s->i < s->count; s->i++) {
        RiValue object = T->base[SORT_TABLE], v;
        int64_t key = (int64_t)s->i + 1;
        if (value) {
            v = *value;
            value = NULL;
        } else if (RI_UNLIKELY(!read_element(T, &object, key, &v))) {
            return call_function(T, STEP_READ, SORT_SLOTS, v, object, ri_int(key));
        }
        ri_store(&s->values[s->i], v);
        if ((key & POLL_INTERVAL_MASK) == 0 && ri_poll_due(T)) {
            s->i++;
            return leave(T, STEP_RUN);
        }
    }
    s->width = 1;
    s->all_less = true;
    s->fuel = POLL_STEPS;
    sort_begin_pair(s, 0);
    return 0;
}

/* Write the elements back. */
static int32_t sort_write(RiThread *T, SortState *s)
{
    while (s->i < s->count) {
        RiValue object = T->base[SORT_TABLE], value = *sort_from(s, s->i), handler;
        int64_t key = (int64_t)++s->i;
        if (RI_UNLIKELY(!write_element(T, &object, key, value, &handler)))
            return call_newindex(T, STEP_WRITTEN, SORT_SLOTS, handler, object, key, value);
        if ((key & POLL_INTERVAL_MASK) == 0 && ri_poll_due(T))
            return leave(T, STEP_RUN);
    }
    ri_set_nil(&T->base[SORT_STATE]);
    ri_heap_free(T->heap, s, sort_state_size(s->count));
    return 0;
}

/* x < y of no order function, into *is_less; false: the metamethod *handler must be called. */
static bool less_known(RiThread *T, RiValue x, RiValue y, bool *is_less, RiValue *handler)
{
    if (!(ri_is_number(x) && ri_is_number(y)) && !(ri_is_string(x) && ri_is_string(y))) {
        *handler = ri_metafield(T, x, RI_MM_LT);
        if (ri_is_nil(*handler))
            *handler = ri_metafield(T, y, RI_MM_LT);
        if (!ri_is_nil(*handler))
            return false;
    }
    *is_less = ri_less(T, x, y);
    return true;
}

/* Go on to the next comparison that needs a call, or to the end. */
static int32_t sort_run(RiThread *T, SortState *s)
{
    while (s->phase != SORT_WRITE) {
        if (RI_UNLIKELY(s->fuel <= 0)) {
            s->fuel = POLL_STEPS;
            if (ri_poll_due(T)) {
                T->top = T->base + SORT_SLOTS;
                return leave(T, STEP_RUN);
            }
        }
        if (s->phase == SORT_REST) {
            sort_copy_rest(s);
            continue;
        }
        const RiValue *x, *y;
        if (s->phase == SORT_MERGE) {
            x = sort_from(s, s->j);
            y = sort_from(s, s->i);
        } else if (s->phase == SORT_PROBE) {
            x = sort_from(s, s->mid);
            y = sort_from(s, s->mid - 1);
        } else {
            x = sort_from(s, s->count - 1);
            y = sort_from(s, 0);
        }
        s->fuel--;
        RiValue *slots = T->base, *call = slots + SORT_SLOTS;
        if (RI_LIKELY(!ri_is_nil(slots[SORT_LESS]))) {
            ri_copy(&call[0], &slots[SORT_LESS]);
        } else {
            bool is_less;
            RiValue handler;
            T->top = call;
            if (less_known(T, *x, *y, &is_less, &handler)) {
                sort_answer(T, s, is_less);
                continue;
            }
            ri_store(&call[0], handler);
        }
        T->top = call + 1;
        ri_push_link(T);
        ri_copy(&call[2], x);
        ri_copy(&call[3], y);
        T->top = call + 4;
        return ri_lib_call_no_yield(T, 2, 1);
    }
    T->top = T->base + SORT_SLOTS;
    return sort_write(T, s);
}

static int32_t sort_generally(RiThread *T, size_t count)
{
    SortState *s = ri_heap_alloc_block(T->heap, sort_state_size(count));
    ri_block_describe(s, offsetof(SortState, values), true);
    T->top = T->base + SORT_SLOTS;
    ri_set_object(&T->base[SORT_STATE], s, RI_TAG_BLOCK);
    ri_lib_set_step(T, STEP_RUN);
    s->count = count;
    int32_t signal = sort_read(T, s, NULL);
    return signal ? signal : sort_run(T, s);
}

static int32_t sort_fast(RiThread *T, FastSort *s)
{
    switch (fast_run(T, T, s, T->base[SORT_TABLE].p)) {
    case FAST_POLL:
        return leave(T, STEP_FAST);
    case FAST_OTHERS: {
        size_t count = s->count;
        return sort_generally(T, count);
    }
    default:
        ri_set_nil(&T->base[SORT_STATE]);
        ri_heap_free(T->heap, s, sizeof *s);
        return 0;
    }
}

static int32_t sort_begin(RiThread *T, RiValue *args, uint32_t nargs, int64_t count)
{
    if (count < 2)
        return 0;
    RI_ARG_CHECK(T, count < INT_MAX, 0, "array too big");
    bool has_order = !ri_arg_is_none_or_nil(args, nargs, 1);
    if (has_order)
        ri_arg_check_function(T, args, nargs, 1);
    RiTable *t = plain_table(T, args[0]);
    const RiArray *a = t && !has_order ? plain_array(t) : NULL;
    SortKind kind = a && a->count == count ? sort_kind(a) : SORT_OTHERS;
    if (kind != SORT_OTHERS && count <= AT_ONCE_MAX) {
        if (fast_at_once(T, t, kind, (size_t)count))
            return 0;
        kind = SORT_OTHERS;
    }
    if (nargs == 1)
        ri_set_nil(&args[SORT_LESS]);
    ri_set_nil(&args[SORT_STATE]);
    T->top = args + SORT_SLOTS;
    if (kind == SORT_OTHERS)
        return sort_generally(T, (size_t)count);
    FastSort *s = ri_heap_alloc_block(T->heap, sizeof *s);
    ri_block_describe(s, offsetof(FastSort, scratch) + sizeof s->scratch, false);
    ri_set_object(&T->base[SORT_STATE], s, RI_TAG_BLOCK);
    fast_begin(T, s, kind, (size_t)count, NULL, 0);
    return sort_fast(T, s);
}

static int32_t table_sort(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t count;
    check_table(T, args, nargs, 0, CAN_ALL);
    if (!known_length(T, args[0], &count))
        return call_len(T, args, nargs);
    return sort_begin(T, args, nargs, count);
}

static int32_t table_sort_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t step = ri_lib_step(T);
    if (RI_UNLIKELY(step == STEP_LENGTH)) {
        int64_t count = length_answer(T);
        ri_lib_set_step(T, STEP_RUN);
        return sort_begin(T, args, nargs - 1, count);
    }
    if (step == STEP_FAST)
        return sort_fast(T, args[SORT_STATE].p);
    SortState *s = args[SORT_STATE].p;
    if (RI_LIKELY(s->phase == SORT_MERGE && nargs > SORT_SLOTS)) {
        sort_answer(T, s, !ri_is_falsy(args[nargs - 1]));
        return sort_run(T, s);
    }
    if (RI_UNLIKELY(s->phase == SORT_READ)) {
        RiValue value = args[nargs - 1];
        T->top = args + SORT_SLOTS;
        ri_lib_set_step(T, STEP_RUN);
        int32_t signal = sort_read(T, s, step == STEP_READ ? &value : NULL);
        return signal ? signal : sort_run(T, s);
    }
    if (s->phase == SORT_WRITE)
        return sort_write(T, s);
    if (nargs > SORT_SLOTS) /* else it was a poll */
        sort_answer(T, s, !ri_is_falsy(args[nargs - 1]));
    return sort_run(T, s);
}

/* -- Table of functions ------------------------------------------------------------------------------------------ */

static const RiLibFn functions[] = {
    {.name = "table.concat", .usage = "table.concat(list [, sep [, i [, j]]])",
     .doc = "The strings and numbers list[i] … list[j] as one string, with `sep` between them.",
     .call = table_concat, .resume = table_concat_resume, .intrinsic = RI_INTRINSIC_TABLE_CONCAT},
    {.name = "table.insert", .usage = "table.insert(list, [pos,] value)",
     .doc = "Insert `value` at position `pos`, shifting up what stands there and after; at the end without `pos`.",
     .call = table_insert, .resume = table_insert_resume, .intrinsic = RI_INTRINSIC_TABLE_INSERT},
    RI_FN_RESUMABLE(table_move, table_move_resume, "table.move", "table.move(a1, f, e, t [, a2])",
                    "Copy a1[f] … a1[e] to a2[t] and on (a2 is a1 if absent), as if all at once. Returns a2."),
    RI_FN(table_pack, "table.pack", "table.pack(…)",
          "A table with all arguments as elements 1, 2 …, and their number as n."),
    {.name = "table.remove", .usage = "table.remove(list [, pos])",
     .doc = "Remove and return the element at `pos`, shifting down what follows; the last one without `pos`.",
     .call = table_remove, .resume = table_remove_resume, .intrinsic = RI_INTRINSIC_TABLE_REMOVE},
    RI_FN_RESUMABLE(table_sort, table_sort_resume, "table.sort", "table.sort(list [, comp])",
                    "Sort the elements in place by `<`, or by comp(a, b), which tells whether a must come before b."),
    {.name = "table.unpack", .usage = "table.unpack(list [, i [, j]])",
     .doc = "The values list[i] … list[j]: by default, 1 and #list.",
     .call = table_unpack, .resume = table_unpack_resume, .intrinsic = RI_INTRINSIC_TABLE_UNPACK},
};

const RiLibrary ri_lib_table = {"table", functions, RI_COUNTOF(functions), NULL};
