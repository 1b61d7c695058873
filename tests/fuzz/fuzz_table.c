/* Tables against a list of pairs: set, get, length, next, by keys that make arrays of each kind, holes, shapes and dictionaries.
 * Input: operations, a byte each with its operands. */
#include <math.h>

#include "tests/fuzz/fuzz.h"
#include "vm/base/num.h"
#include "vm/object/table.h"

#define PAIRS_MAX 400

typedef struct Pair {
    RiValue key, value;
} Pair;

typedef struct Model {
    Pair pairs[PAIRS_MAX];
    uint32_t count;
} Model;

static RiHeap *heap;
static RiString *names[64];

static void set_up(void)
{
    heap = ri_heap_create(7);
    for (int i = 0; i < 64; i++) {
        char text[100];
        snprintf(text, sizeof text, i % 8 ? "k%d" : "a key that is too long to be interned, with a number at its end: %d", i);
        names[i] = ri_str_from_cstr(heap, text); /* the table of names is no root: see below */
    }
}

static bool same(RiValue a, RiValue b)
{
    return a.tag == b.tag && (a.tag <= RI_TAG_TRUE || a.u == b.u);
}

static RiValue take_key(FuzzInput *in)
{
    uint8_t how = fuzz_byte(in);
    if (how < 96)
        return ri_int(how % 48 + 1);
    if (how < 160)
        return ri_string_value(names[how % 64]);
    if (how < 176)
        return ri_int(fuzz_integer(in));
    if (how < 192)
        return ri_float((double)fuzz_byte(in) / 2);
    return how < 200 ? ri_bool(how & 1) : ri_int(how - 199);
}

static RiValue take_value(FuzzInput *in)
{
    uint8_t how = fuzz_byte(in);
    if (how < 60)
        return ri_nil();
    if (how < 140)
        return ri_int(how);
    if (how < 200)
        return ri_float(how);
    return how < 230 ? ri_bool(how & 1) : ri_string_value(names[how % 64]);
}

static Pair *find(Model *m, RiValue key)
{
    int64_t i;
    if (key.tag == RI_TAG_FLOAT && ri_num_float_to_int(key.n, &i))
        key = ri_int(i);
    for (uint32_t k = 0; k < m->count; k++) {
        if (same(m->pairs[k].key, key))
            return &m->pairs[k];
    }
    if (m->count == PAIRS_MAX)
        return NULL;
    m->pairs[m->count] = (Pair){key, ri_nil()};
    return &m->pairs[m->count++];
}

static void check_length(const RiTable *t, Model *m)
{
    int64_t length = ri_table_length(t);
    FUZZ_CHECK(length >= 0, "length %lld", (long long)length);
    if (length > 0)
        FUZZ_CHECK(!ri_is_nil(ri_table_get_int(t, length)), "no border: nothing at %lld", (long long)length);
    if (length < INT64_MAX)
        FUZZ_CHECK(ri_is_nil(ri_table_get_int(t, length + 1)), "no border: something at %lld", (long long)length + 1);
    (void)m;
}

static void check_all(const RiTable *t, Model *m)
{
    uint32_t expected = 0, seen = 0;
    for (uint32_t k = 0; k < m->count; k++) {
        RiValue v = ri_table_get(t, m->pairs[k].key);
        FUZZ_CHECK(same(v, m->pairs[k].value), "pair %u: tag %u, expected %u", k, (unsigned)v.tag, (unsigned)m->pairs[k].value.tag);
        expected += !ri_is_nil(v);
    }
    uint64_t at = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &at, &key, &value)) {
        Pair *pair = find(m, key);
        FUZZ_CHECK(pair != NULL && same(pair->value, value), "next gives a pair that is not there");
        uint64_t after;
        FUZZ_CHECK(ri_table_position_after(t, key, &after) && after == at, "position after a key");
        seen++;
    }
    FUZZ_CHECK(seen == expected, "next gives %u pairs, expected %u", seen, expected);
    check_length(t, m);
}

static void set(RiTable *t, Model *m, RiValue key, RiValue value)
{
    Pair *pair = find(m, key);
    if (pair == NULL)
        return;
    FUZZ_CHECK(ri_table_set(heap, t, key, value) == RI_KEY_OK, "set refused");
    pair->value = value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned runs;
    if (runs++ % 4096 == 0) {
        if (heap != NULL)
            ri_heap_destroy(heap);
        set_up();
        heap->stopped = true; /* nothing here is reachable by the collector's rules */
    }
    FuzzInput in = fuzz_input(data, size);
    static Model m;
    m.count = 0;
    RiTable *t = ri_table_new(heap, fuzz_below(&in, 20), fuzz_below(&in, 9));
    for (unsigned steps = 0; !fuzz_is_empty(&in) && steps < 600; steps++) {
        uint8_t op = fuzz_byte(&in);
        if (op < 128) {
            RiValue key = take_key(&in);
            set(t, &m, key, take_value(&in));
        } else if (op < 160) { /* append a few */
            for (int64_t n = op % 8 + 1; n > 0; n--)
                set(t, &m, ri_int(ri_table_length(t) + 1), ri_int(n));
        } else if (op < 176) { /* take away at the end */
            for (int64_t n = op % 8 + 1; n > 0 && ri_table_length(t) > 0; n--)
                set(t, &m, ri_int(ri_table_length(t)), ri_nil());
        } else if (op < 200) {
            RiValue key = take_key(&in);
            Pair *pair = find(&m, key);
            FUZZ_CHECK(pair == NULL || same(ri_table_get(t, key), pair->value), "get");
        } else if (op < 210) {
            check_all(t, &m);
        } else {
            check_length(t, &m);
        }
    }
    check_all(t, &m);
    return 0;
}
