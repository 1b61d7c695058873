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

static int64_t checked_length(RiThread *T, RiValue *args, uint32_t nargs, unsigned needs)
{
    check_table(T, args, nargs, 0, needs | HAS_LENGTH);
    RiTable *t = plain_table(T, args[0]);
    return t ? ri_table_length(t) : ri_length(T, args[0]);
}

/* args[0][i] and its like, wherever the stack lies by now. */
static RiValue get(RiThread *T, uint32_t arg, int64_t i)
{
    RiValue object = T->base[arg];
    return ri_is_table(object) && !((RiTable *)object.p)->meta ? ri_table_get_int(object.p, i)
                                                               : ri_index_int(T, object, i);
}

static void set(RiThread *T, uint32_t arg, int64_t i, RiValue value)
{
    RiValue object = T->base[arg];
    if (ri_is_table(object) && !((RiTable *)object.p)->meta)
        ri_table_set_int(T->heap, object.p, i, value);
    else
        ri_set_index_int(T, object, i, value);
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
        ri_copy_bytes(to, ri_str_data(s), s->size);
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

static int32_t table_concat(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t last = checked_length(T, args, nargs, CAN_READ);
    args = T->base;
    RiString *separator = ri_arg_is_none_or_nil(args, nargs, 1) ? T->heap->empty : ri_arg_str(T, args, nargs, 1);
    int64_t i = ri_arg_opt_int(T, args, nargs, 2, 1);
    last = ri_arg_opt_int(T, args, nargs, 3, last);
    if (i > last)
        return ri_return_string(args, T->heap->empty);

    RiTable *t = plain_table(T, args[0]);
    const RiArray *a = t ? t->array : NULL;
    if (a && i >= 1 && last <= a->count && a->kind == RI_ARRAY_ANY) {
        RiString *s = concat_strings(T->heap, a, (uint32_t)i - 1, (uint32_t)(last - i + 1), separator);
        if (s)
            return ri_return_string(args, s);
    }
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    for (;; i++) {
        concat_value(T, &sb, t ? ri_table_get_int(t, i) : ri_index_int(T, T->base[0], i), i);
        if (i == last)
            break;
        ri_sbuf_add_str(&sb, separator);
        if ((i & POLL_INTERVAL_MASK) == 0) {
            ri_poll(T);
            t = plain_table(T, T->base[0]);
        }
    }
    RiString *result = ri_sbuf_finish(&sb);
    return ri_return_string(T->base, result);
}

/* -- insert and remove ----------------------------------------------------------------------------------------- */

/* Move `count` elements within one array part. */
static void shift_elements(RiArray *a, uint32_t to, uint32_t from, uint32_t count)
{
    if (a->elem_tag)
        memmove(&a->words[to], &a->words[from], (size_t)count * sizeof a->words[0]);
    else
        memmove(&a->values[to], &a->values[from], (size_t)count * sizeof a->values[0]);
}

static int32_t table_insert(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = nargs > 0 ? plain_table(T, args[0]) : NULL;
    RiArray *a = t ? plain_array(t) : NULL;
    if (RI_LIKELY(a && nargs == 2 && !ri_is_nil(args[1]))) {
        ri_table_append(T->heap, t, args[1]);
        return 0;
    }
    int64_t end = (int64_t)((uint64_t)checked_length(T, args, nargs, CAN_READ | CAN_WRITE) + 1);
    args = T->base;
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
            shift_elements(a, (uint32_t)position, (uint32_t)position - 1, count - (uint32_t)position);
            end = position;
        }
    }
    for (int64_t i = end; i > position; i--) {
        set(T, 0, i, get(T, 0, i - 1));
        if ((i & POLL_INTERVAL_MASK) == 0)
            ri_poll(T);
    }
    set(T, 0, position, T->base[nargs - 1]);
    return 0;
}

static int32_t table_remove(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t size = checked_length(T, args, nargs, CAN_READ | CAN_WRITE);
    args = T->base;
    int64_t position = ri_arg_opt_int(T, args, nargs, 1, size);
    if (nargs > 1 && position != size)
        RI_ARG_CHECK(T, (uint64_t)position - 1 <= (uint64_t)size, 1, "position out of bounds");

    RiTable *t = plain_table(T, args[0]);
    RiArray *a = t ? plain_array(t) : NULL;
    if (RI_LIKELY(a && position >= 1 && position <= a->count)) {
        RiValue removed = ri_array_load(a, (uint32_t)position - 1);
        shift_elements(a, (uint32_t)position - 1, (uint32_t)position, a->count - (uint32_t)position);
        if (a->kind == RI_ARRAY_ANY)
            ri_table_set_int(T->heap, t, a->count, ri_nil());
        else
            a->count--;
        return ri_return1(args, removed);
    }
    RiValue removed = get(T, 0, position);
    ri_push(T, removed); /* kept alive there: below, metamethods run */
    for (; position < size; position++) {
        set(T, 0, position, get(T, 0, position + 1));
        if ((position & POLL_INTERVAL_MASK) == 0)
            ri_poll(T);
    }
    set(T, 0, position, ri_nil());
    return ri_return1(T->base, removed);
}

/* -- move, pack, unpack ----------------------------------------------------------------------------------------- */

static int32_t table_move(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t from = ri_arg_int(T, args, nargs, 1), end = ri_arg_int(T, args, nargs, 2);
    int64_t to = ri_arg_int(T, args, nargs, 3);
    uint32_t target = ri_arg_is_none_or_nil(args, nargs, 4) ? 0 : 4;
    check_table(T, args, nargs, 0, CAN_READ);
    check_table(T, args, nargs, target, CAN_WRITE);
    if (end >= from) {
        RI_ARG_CHECK(T, from > 0 || end < INT64_MAX + from, 2, "too many elements to move");
        int64_t count = end - from + 1;
        RI_ARG_CHECK(T, to <= INT64_MAX - count + 1, 3, "destination wrap around");
        bool is_disjoint = to > end || to <= from;
        if (is_disjoint || (target != 0 && !ri_equal(T, args[0], args[target]))) {
            for (int64_t i = 0; i < count; i++) {
                set(T, target, to + i, get(T, 0, from + i));
                if ((i & POLL_INTERVAL_MASK) == POLL_INTERVAL_MASK)
                    ri_poll(T);
            }
        } else {
            for (int64_t i = count - 1; i >= 0; i--) {
                set(T, target, to + i, get(T, 0, from + i));
                if ((i & POLL_INTERVAL_MASK) == POLL_INTERVAL_MASK)
                    ri_poll(T);
            }
        }
    }
    return ri_return1(T->base, T->base[target]);
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

static int32_t table_unpack(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = nargs > 0 ? plain_table(T, args[0]) : NULL;
    int64_t i = ri_arg_opt_int(T, args, nargs, 1, 1), end;
    if (!ri_arg_is_none_or_nil(args, nargs, 2))
        end = ri_arg_int(T, args, nargs, 2);
    else
        end = t ? ri_table_length(t) : ri_length(T, ri_arg(args, nargs, 0));
    if (i > end)
        return 0;
    uint64_t more = (uint64_t)end - (uint64_t)i;
    if (more >= INT_MAX || (more >= RI_STACK_RESERVE - 4 && !ri_stack_try_reserve(T, (uint32_t)more + 1)))
        ri_error(T, "too many results to unpack");
    uint32_t count = (uint32_t)more + 1;
    args = T->base;
    if (t) { /* straight to where results belong; from here on nothing collects */
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
    if (nargs == 0) {
        ri_push(T, ri_nil()); /* so that there is an argument to index, and to complain about */
        nargs = 1;
    }
    for (uint32_t k = 0; k < count; k++) {
        RiValue v = ri_index_int(T, T->base[0], i + (int64_t)k);
        ri_push(T, v);
    }
    return ri_return_top(T, count);
}

/* -- Sorting in C ------------------------------------------------------------------------------------------------
 * Merge sorts throughout: they make few comparisons and end after a bounded number of them whatever the order function
 * answers. */

/* Sort a[0..n) by LESS(x, y), using b[0..n): returns the one of the two that holds the result. */
#define DEFINE_MERGE_SORT(name, Item, LESS, COPY)                                                  \
    static Item *name(Item *a, Item *b, size_t n)                                                  \
    {                                                                                              \
        enum { RUN = 8 };                                                                          \
        for (size_t low = 0; low < n; low += RUN) {                                                \
            size_t high = low + RUN < n ? low + RUN : n;                                           \
            for (size_t i = low + 1; i < high; i++) {                                              \
                Item x = a[i];                                                                     \
                size_t j = i;                                                                      \
                for (; j > low && LESS(x, a[j - 1]); j--)                                          \
                    COPY(&a[j], &a[j - 1]);                                                        \
                COPY(&a[j], &x);                                                                   \
            }                                                                                      \
        }                                                                                          \
        for (size_t width = RUN; width < n; width *= 2) {                                          \
            for (size_t low = 0; low < n; low += 2 * width) {                                      \
                size_t mid = low + width < n ? low + width : n;                                    \
                size_t high = low + 2 * width < n ? low + 2 * width : n;                           \
                size_t i = low, j = mid, k = low;                                                  \
                if (mid < high && LESS(a[mid], a[mid - 1])) {                                      \
                    while (i < mid && j < high) {                                                  \
                        if (LESS(a[j], a[i]))                                                      \
                            COPY(&b[k++], &a[j++]);                                                \
                        else                                                                       \
                            COPY(&b[k++], &a[i++]);                                                \
                    }                                                                              \
                }                                                                                  \
                while (i < mid)                                                                    \
                    COPY(&b[k++], &a[i++]);                                                        \
                while (j < high)                                                                   \
                    COPY(&b[k++], &a[j++]);                                                        \
            }                                                                                      \
            Item *swap = a;                                                                        \
            a = b;                                                                                 \
            b = swap;                                                                              \
        }                                                                                          \
        return a;                                                                                  \
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

/* Least significant byte first, leaving out the bytes that all words share. */
static uint64_t *sort_words(uint64_t *a, uint64_t *b, size_t n)
{
    if (n < RADIX_MIN)
        return merge_sort_words(a, b, n);
    uint32_t counts[8][256];
    memset(counts, 0, sizeof counts);
    bool is_sorted = true;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = a[i];
        is_sorted = is_sorted && (i == 0 || a[i - 1] <= word);
        for (int digit = 0; digit < 8; digit++)
            counts[digit][word >> digit * 8 & 255]++;
    }
    for (int digit = 0; digit < 8 && !is_sorted; digit++) {
        uint32_t *count = counts[digit], start = 0;
        if (count[a[0] >> digit * 8 & 255] == n)
            continue;
        for (int value = 0; value < 256; value++) {
            uint32_t of_value = count[value];
            count[value] = start;
            start += of_value;
        }
        for (size_t i = 0; i < n; i++)
            b[count[a[i] >> digit * 8 & 255]++] = a[i];
        uint64_t *swap = a;
        a = b;
        b = swap;
    }
    return a;
}

/* Words whose unsigned order is that of the integers or floats: the sign flipped, negative floats upside down. NaNs go
 * to the ends. */
static void words_to_keys(uint64_t *words, uint32_t count, uint8_t kind)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sign = words[i] >> 63;
        words[i] ^= (kind == RI_ARRAY_FLOAT ? -sign : 0) | (uint64_t)1 << 63;
    }
}

static void keys_to_words(uint64_t *words, uint32_t count, uint8_t kind)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t was_negative = ~words[i] >> 63;
        words[i] ^= (kind == RI_ARRAY_FLOAT ? -was_negative : 0) | (uint64_t)1 << 63;
    }
}

/* Room for `bytes` of what the table being sorted holds as well: it is not scanned. */
static RiBuffer *new_scratch(RiHeap *heap, size_t bytes)
{
    RiBuffer *scratch = ri_heap_alloc(heap, sizeof(RiBuffer) + bytes, RI_SPACE_LEAF);
    ri_object_init(scratch, RI_TAG_BUFFER, 0, 0, 0);
    scratch->capacity = bytes;
    scratch->used = 0;
    return scratch;
}

static void free_scratch(RiHeap *heap, RiBuffer *scratch)
{
    ri_heap_free(heap, scratch, sizeof(RiBuffer) + scratch->capacity);
}

static void sort_compact(RiHeap *heap, RiArray *a)
{
    size_t bytes = a->count * sizeof(uint64_t);
    RiBuffer *scratch = new_scratch(heap, bytes);
    words_to_keys(a->words, a->count, a->kind);
    uint64_t *sorted = sort_words(a->words, (uint64_t *)(void *)scratch->bytes, a->count);
    if (sorted != a->words)
        memcpy(a->words, sorted, bytes);
    keys_to_words(a->words, a->count, a->kind);
    free_scratch(heap, scratch);
}

static void sort_numbers(RiHeap *heap, RiArray *a)
{
    size_t bytes = a->count * sizeof(RiValue);
    RiBuffer *scratch = new_scratch(heap, bytes);
    RiValue *sorted = merge_sort_numbers(a->values, (RiValue *)(void *)scratch->bytes, a->count);
    if (sorted != a->values)
        memcpy(a->values, sorted, bytes);
    free_scratch(heap, scratch);
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

static void sort_strings(RiHeap *heap, RiArray *a)
{
    uint32_t count = a->count;
    const char *locale = setlocale(LC_COLLATE, NULL);
    bool by_bytes = locale && (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0);
    size_t bytes = 2 * (size_t)count * sizeof(StringItem);
    RiBuffer *scratch = new_scratch(heap, bytes);
    StringItem *items = (StringItem *)(void *)scratch->bytes;
    for (uint32_t i = 0; i < count; i++) {
        RiString *s = a->values[i].p;
        items[i] = (StringItem){by_bytes ? string_prefix(s) : 0, s};
    }
    const StringItem *sorted = merge_sort_strings(items, items + count, count);
    for (uint32_t i = 0; i < count; i++)
        a->values[i].p = sorted[i].string;
    free_scratch(heap, scratch);
}

/* Sort a plain array of numbers or of strings; false: it is neither. */
static bool sort_array(RiHeap *heap, RiArray *a)
{
    if (a->elem_tag) {
        sort_compact(heap, a);
        return true;
    }
    bool numbers = true, strings = true;
    for (uint32_t i = 0; i < a->count && (numbers || strings); i++) {
        numbers = numbers && ri_is_number(a->values[i]);
        strings = strings && ri_is_string(a->values[i]);
    }
    if (numbers)
        sort_numbers(heap, a);
    else if (strings)
        sort_strings(heap, a);
    return numbers || strings;
}

/* -- Sorting by an order function --------------------------------------------------------------------------------
 * A bottom-up merge sort of a copy, written as a machine that stops at every comparison: the order function runs in the
 * dispatch loop, not on top of C. State and elements lie in one block, held by the stack slot after both arguments. */

typedef struct SortState {
    RiObject object; /* RI_TAG_BLOCK */
    size_t count, width;
    size_t low, mid, high; /* the runs being merged: [low, mid) and [mid, high) */
    size_t i, j, k;        /* next of the left run, of the right run, of the result */
    uint8_t phase;
    bool is_swapped; /* the runs lie in the second half of values[], the result goes to the first */
    bool all_less; /* every comparison has said yes so far */
    RiValue values[];
} SortState;

enum { SORT_PROBE, SORT_MERGE, SORT_VERIFY, SORT_DONE };

#define PROBE_WIDTH_MIN 4 /* from here on it pays to ask first whether two runs are in order as they stand */
#define VERIFY_COUNT_MIN 4

static RiValue *sort_from(SortState *s, size_t i)
{
    return &s->values[s->is_swapped ? s->count + i : i];
}

static void sort_take(SortState *s, size_t *i)
{
    ri_copy(&s->values[s->is_swapped ? s->k : s->count + s->k], sort_from(s, *i));
    s->k++;
    ++*i;
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
    s->phase = s->width >= PROBE_WIDTH_MIN ? SORT_PROBE : SORT_MERGE;
}

static void sort_copy_rest(SortState *s)
{
    while (s->i < s->mid)
        sort_take(s, &s->i);
    while (s->j < s->high)
        sort_take(s, &s->j);
}

static void sort_end_pass(SortState *s)
{
    s->is_swapped = !s->is_swapped;
    s->width *= 2;
    if (s->width < s->count)
        sort_begin_pair(s, 0);
    else if (s->all_less && s->count >= VERIFY_COUNT_MIN)
        s->phase = SORT_VERIFY; /* reversed input, or a function that always says yes */
    else
        s->phase = SORT_DONE;
}

/* Go on to the next comparison "*x < *y ?"; false: sorted. */
static bool sort_next(SortState *s, RiValue **x, RiValue **y)
{
    for (;;) {
        switch (s->phase) {
        case SORT_PROBE:
            if (s->mid < s->high) {
                *x = sort_from(s, s->mid);
                *y = sort_from(s, s->mid - 1);
                return true;
            }
            break;
        case SORT_MERGE:
            if (s->i < s->mid && s->j < s->high) {
                *x = sort_from(s, s->j);
                *y = sort_from(s, s->i);
                return true;
            }
            break;
        case SORT_VERIFY:
            *x = sort_from(s, s->count - 1);
            *y = sort_from(s, 0);
            return true;
        default:
            return false;
        }
        sort_copy_rest(s);
        if (s->high < s->count)
            sort_begin_pair(s, s->high);
        else
            sort_end_pass(s);
    }
}

static void sort_answer(RiThread *T, SortState *s, bool is_less)
{
    s->all_less = s->all_less && is_less;
    switch (s->phase) {
    case SORT_PROBE:
        s->phase = SORT_MERGE;
        if (!is_less)
            sort_copy_rest(s);
        break;
    case SORT_MERGE:
        sort_take(s, is_less ? &s->j : &s->i);
        break;
    default:
        if (is_less)
            ri_error(T, "invalid order function for sorting");
        s->phase = SORT_DONE;
        break;
    }
}

/* Copy the elements of args[0] into a state that is pushed at args[2]. */
static SortState *sort_begin(RiThread *T, size_t count)
{
    SortState *s = ri_heap_alloc_block(T->heap, sort_state_size(count));
    ri_push(T, ri_object(s, RI_TAG_BLOCK));
    s->count = count;
    s->width = 1;
    s->all_less = true;
    for (size_t i = 0; i < count; i++) {
        RiValue v = get(T, 0, (int64_t)i + 1);
        ri_store(&s->values[i], v);
        if ((i & POLL_INTERVAL_MASK) == POLL_INTERVAL_MASK)
            ri_poll(T);
    }
    sort_begin_pair(s, 0);
    return s;
}

/* Write the elements back. */
static int32_t sort_end(RiThread *T, SortState *s)
{
    for (size_t i = 0; i < s->count; i++) {
        set(T, 0, (int64_t)i + 1, *sort_from(s, i));
        if ((i & POLL_INTERVAL_MASK) == POLL_INTERVAL_MASK)
            ri_poll(T);
    }
    ri_set_nil(&T->base[2]);
    ri_heap_free(T->heap, s, sort_state_size(s->count));
    return 0;
}

static int32_t sort_call(RiThread *T, SortState *s)
{
    RiValue *x, *y;
    if (!sort_next(s, &x, &y))
        return sort_end(T, s);
    T->top = T->base + 3;
    ri_push(T, T->base[1]);
    ri_push_link(T);
    ri_push(T, *x);
    ri_push(T, *y);
    return ri_lib_call_no_yield(T, 2, 1);
}

static int32_t table_sort_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    SortState *s = args[2].p;
    sort_answer(T, s, !ri_is_falsy(args[nargs - 1]));
    return sort_call(T, s);
}

/* By `<` with whatever metamethods. */
static int32_t sort_by_less(RiThread *T, size_t count)
{
    SortState *s = sort_begin(T, count);
    RiValue *x, *y;
    while (sort_next(s, &x, &y))
        sort_answer(T, s, ri_less(T, *x, *y));
    return sort_end(T, s);
}

static int32_t table_sort(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t count = checked_length(T, args, nargs, CAN_READ | CAN_WRITE);
    if (count < 2)
        return 0;
    args = T->base;
    RI_ARG_CHECK(T, count < INT_MAX, 0, "array too big");
    bool has_order = !ri_arg_is_none_or_nil(args, nargs, 1);
    if (has_order)
        ri_arg_check_function(T, args, nargs, 1);
    RiTable *t = plain_table(T, args[0]);
    RiArray *a = t ? plain_array(t) : NULL;
    if (a && !has_order && sort_array(T->heap, a))
        return 0;
    if (nargs == 1)
        ri_set_nil(&args[1]);
    T->top = args + 2;
    return has_order ? sort_call(T, sort_begin(T, (size_t)count)) : sort_by_less(T, (size_t)count);
}

/* -- Table of functions ------------------------------------------------------------------------------------------ */

static const RiLibFn functions[] = {
    RI_FN_INTRINSIC(TABLE_CONCAT, table_concat, "table.concat", "table.concat(list [, sep [, i [, j]]])",
                    "The strings and numbers list[i] … list[j] as one string, with `sep` between them."),
    RI_FN_INTRINSIC(TABLE_INSERT, table_insert, "table.insert", "table.insert(list, [pos,] value)",
                    "Insert `value` at position `pos`, shifting up what stands there and after; at the end without `pos`."),
    RI_FN(table_move, "table.move", "table.move(a1, f, e, t [, a2])",
          "Copy a1[f] … a1[e] to a2[t] and on (a2 is a1 if absent), as if all at once. Returns a2."),
    RI_FN(table_pack, "table.pack", "table.pack(…)",
          "A table with all arguments as elements 1, 2 …, and their number as n."),
    RI_FN_INTRINSIC(TABLE_REMOVE, table_remove, "table.remove", "table.remove(list [, pos])",
                    "Remove and return the element at `pos`, shifting down what follows; the last one without `pos`."),
    RI_FN_RESUMABLE(table_sort, table_sort_resume, "table.sort", "table.sort(list [, comp])",
                    "Sort the elements in place by `<`, or by comp(a, b), which tells whether a must come before b."),
    RI_FN_INTRINSIC(TABLE_UNPACK, table_unpack, "table.unpack", "table.unpack(list [, i [, j]])",
                    "The values list[i] … list[j]: by default, 1 and #list."),
};

const RiLibrary ri_lib_table = {"table", functions, RI_COUNTOF(functions), NULL};
