/* Tables: arrays by kind, dictionaries, borders, traversal, what inline caches rely on; and a randomized comparison
 * with a plain list of pairs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/object/table.h"

static RiHeap *heap;

static void setup(void)
{
    heap = ri_heap_create(12345);
    ck_assert_ptr_nonnull(heap);
}

static void teardown(void)
{
    ri_heap_destroy(heap);
}

static RiString *str(const char *text)
{
    return ri_str_from_cstr(heap, text);
}

static RiString *numbered(const char *prefix, int n)
{
    char text[100];
    snprintf(text, sizeof text, "%s%d", prefix, n);
    return str(text);
}

static void set(RiTable *t, RiValue key, RiValue value)
{
    ck_assert_int_eq(ri_table_set(heap, t, key, value), RI_KEY_OK);
}

static bool same(RiValue a, RiValue b)
{
    return a.tag == b.tag && (a.tag <= RI_TAG_TRUE || a.u == b.u);
}

#define assert_value(actual, expected) ck_assert(same((actual), (expected)))

/* What table.c promises between calls, and that #t is a border. */
static void check_invariants(const RiTable *t)
{
    const RiArray *a = t->array;
    ck_assert(a->count <= a->capacity);
    ck_assert_int_eq(a->elem_tag, a->kind == RI_ARRAY_INT     ? RI_TAG_INT
                                  : a->kind == RI_ARRAY_FLOAT ? RI_TAG_FLOAT
                                  : a->kind == RI_ARRAY_BOOL  ? RI_ELEM_BOOL
                                                              : 0);
    if (a->count > 0)
        ck_assert(!ri_is_nil(ri_array_load(a, a->count - 1)));
    if (a->kind == RI_ARRAY_ANY) {
        for (uint32_t i = a->count; i < a->capacity; i++)
            ck_assert(ri_is_nil(a->values[i]));
    }
    if (a->kind == RI_ARRAY_NUMBER) {
        for (uint32_t i = 0; i < a->count; i++)
            ck_assert(ri_is_number(a->values[i]));
    }
    if (a->kind == RI_ARRAY_BOOL) {
        for (uint32_t i = 0; i < a->count; i++)
            ck_assert(ri_is_bool(ri_array_load(a, i)));
    }
    uint32_t int_keys = 0;
    for (uint32_t i = 0; t->dict && i < t->dict->count; i++) {
        const RiEntry *entry = &t->dict->entries[i];
        if (entry->key_tag == RI_TAG_INT && (int64_t)entry->key_word >= 1) {
            int_keys++;
            ck_assert(entry->key_word > (uint64_t)a->count + 1);
        }
    }
    if (t->dict)
        ck_assert_uint_eq(t->dict->int_keys, int_keys);
    if (ri_table_is_dict(t))
        ck_assert_ptr_eq(t->slots, &t->dict->entries[0].value);
    int64_t length = ri_table_length(t);
    ck_assert(length == 0 || !ri_is_nil(ri_table_get_int(t, length)));
    ck_assert(ri_is_nil(ri_table_get_int(t, length + 1)));
}

static uint32_t count_pairs(const RiTable *t)
{
    uint64_t position = 0;
    uint32_t count = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value))
        count++;
    return count;
}

/* -- Arrays ---------------------------------------------------------------------------------------------------- */

START_TEST(kinds_follow_the_values)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    ck_assert_ptr_eq(t->array, &ri_array_empty);
    for (int i = 1; i <= 10; i++)
        ri_table_set_int(heap, t, i, ri_int(i * i));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_INT);
    ri_table_set_int(heap, t, 3, ri_float(0.5));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_NUMBER);
    ri_table_append(heap, t, ri_float(1.5));
    ri_table_append(heap, t, ri_int(7));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_NUMBER);
    ri_table_set_int(heap, t, 4, ri_bool(true));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_ANY);
    assert_value(ri_table_get_int(t, 2), ri_int(4));
    assert_value(ri_table_get_int(t, 3), ri_float(0.5));
    assert_value(ri_table_get_int(t, 4), ri_bool(true));
    assert_value(ri_table_get_int(t, 12), ri_int(7));
    check_invariants(t);

    RiTable *floats = ri_table_new(heap, 100, 0);
    ri_table_append(heap, floats, ri_float(1));
    ck_assert_int_eq(floats->array->kind, RI_ARRAY_FLOAT);
    ck_assert_uint_eq(floats->array->capacity, 100);
    ri_table_set_int(heap, floats, 1, ri_nil());
    ri_table_append(heap, floats, ri_int(1));
    ck_assert_int_eq(floats->array->kind, RI_ARRAY_INT);
    check_invariants(floats);
}
END_TEST

START_TEST(booleans_take_a_byte_each)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 1; i <= 100; i++)
        ri_table_set_int(heap, t, i, ri_bool(i % 3 == 0));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_BOOL);
    check_invariants(t);
    ck_assert(ri_table_try_set_int(t, 7, ri_bool(true)));
    ck_assert(!ri_table_try_set_int(t, 7, ri_nil()));
    ck_assert(!ri_table_try_set_int(t, 7, ri_int(1)));
    RiTable *copy = ri_table_duplicate(heap, t, true), *small = ri_table_duplicate(heap, t, false);
    ri_table_set_int(heap, t, 100, ri_nil());
    ck_assert_int_eq(ri_table_length(t), 99);
    ck_assert_int_eq(t->array->kind, RI_ARRAY_BOOL);
    ri_table_set_int(heap, t, 50, ri_nil());
    ck_assert_int_eq(t->array->kind, RI_ARRAY_ANY);
    ri_table_set_int(heap, copy, 50, ri_float(2));
    ck_assert_int_eq(copy->array->kind, RI_ARRAY_ANY);
    for (int i = 1; i <= 100; i++) {
        RiValue v = ri_bool(i % 3 == 0 || i == 7);
        assert_value(ri_table_get_int(small, i), v);
        assert_value(ri_table_get_int(copy, i), i == 50 ? ri_float(2) : v);
        assert_value(ri_table_get_int(t, i), i == 50 || i == 100 ? ri_nil() : v);
    }
    check_invariants(t);
    check_invariants(copy);
    check_invariants(small);

    RiTable *reserved = ri_table_new(heap, 100, 0); /* as integers, of 8 bytes */
    ri_table_append(heap, reserved, ri_bool(false));
    ck_assert_int_eq(reserved->array->kind, RI_ARRAY_BOOL);
    ri_table_set_int(heap, reserved, 1, ri_nil());
    for (int i = 1; i <= 100; i++)
        ri_table_append(heap, reserved, ri_int(i));
    ck_assert_int_eq(reserved->array->kind, RI_ARRAY_INT);
    assert_value(ri_table_get_int(reserved, 100), ri_int(100));
    check_invariants(reserved);
    RiValue bools[] = {ri_bool(true), ri_bool(false), ri_nil()}, mixed[] = {ri_bool(true), ri_int(1)};
    t = ri_table_new_array(heap, bools, 3);
    ck_assert_int_eq(t->array->kind, RI_ARRAY_BOOL);
    assert_value(ri_table_get_int(t, 2), ri_bool(false));
    check_invariants(t);
    ck_assert_int_eq(ri_table_new_array(heap, mixed, 2)->array->kind, RI_ARRAY_ANY);
}
END_TEST

START_TEST(try_set_stores_what_fits)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    ck_assert(!ri_table_try_set_int(t, 1, ri_int(1)));
    ri_table_append(heap, t, ri_int(1));
    ck_assert(ri_table_try_set_int(t, 1, ri_int(2)));
    ck_assert(!ri_table_try_set_int(t, 1, ri_float(2)));
    ck_assert(!ri_table_try_set_int(t, 2, ri_int(2)));
    ri_table_set_int(heap, t, 1, ri_float(2));
    ck_assert(ri_table_try_set_int(t, 1, ri_float(3)));
    ck_assert(ri_table_try_set_int(t, 1, ri_int(3)) == (t->array->kind == RI_ARRAY_NUMBER));
    ck_assert(!ri_table_try_set_int(t, 1, ri_bool(true)));
}
END_TEST

START_TEST(nil_at_the_end_pops)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 1; i <= 5; i++)
        ri_table_append(heap, t, ri_int(i));
    ri_table_set_int(heap, t, 5, ri_nil());
    ck_assert_int_eq(ri_table_length(t), 4);
    ck_assert_int_eq(t->array->kind, RI_ARRAY_INT);
    ri_table_set_int(heap, t, 3, ri_nil());
    ck_assert_int_eq(t->array->kind, RI_ARRAY_ANY);
    ck_assert_int_eq(ri_table_length(t), 4);
    ri_table_set_int(heap, t, 4, ri_nil());
    ck_assert_int_eq(ri_table_length(t), 2);
    check_invariants(t);
}
END_TEST

START_TEST(constructor_arrays_are_narrow)
{
    RiValue ints[] = {ri_int(1), ri_int(2), ri_nil()};
    RiTable *t = ri_table_new_array(heap, ints, 3);
    ck_assert_int_eq(t->array->kind, RI_ARRAY_INT);
    ck_assert_int_eq(ri_table_length(t), 2);
    RiValue numbers[] = {ri_int(1), ri_float(2)};
    ck_assert_int_eq(ri_table_new_array(heap, numbers, 2)->array->kind, RI_ARRAY_NUMBER);
    RiValue holes[] = {ri_nil(), ri_nil(), ri_int(3)};
    t = ri_table_new_array(heap, holes, 3);
    ck_assert_int_eq(ri_table_length(t), 3);
    check_invariants(t);
    t = ri_table_new_array(heap, holes, 2);
    ck_assert_int_eq(ri_table_length(t), 0);
    ck_assert_ptr_eq(t->array, &ri_array_empty);
}
END_TEST

START_TEST(lists_end_where_the_constructor_does)
{
    RiValue list[] = {ri_nil(), ri_int(2), ri_nil(), ri_nil(), ri_int(5)};
    RiTable *t = ri_table_new(heap, 0, 0);
    ri_table_set_list(heap, t, 1, list, 5);
    ck_assert_int_eq(ri_table_length(t), 5);
    ri_table_set_list(heap, t, 6, list, 5);
    ck_assert_int_eq(ri_table_length(t), 10);
    ck_assert_uint_eq(count_pairs(t), 4);
    check_invariants(t);

    t = ri_table_new(heap, 5, 0); /* {[3] = true, [2] = true, nil, 2, nil, nil, 5} */
    ri_table_set_int(heap, t, 3, ri_bool(true));
    ri_table_set_int(heap, t, 2, ri_bool(true));
    for (int i = 0; i < 5; i++)
        ri_table_set_int(heap, t, i + 1, list[i]);
    ck_assert_int_eq(ri_table_length(t), 5);
    ck_assert_uint_eq(count_pairs(t), 2);
    check_invariants(t);

    t = ri_table_new(heap, 0, 0);
    ri_table_set_int(heap, t, 3, ri_bool(true));
    ri_table_set_int(heap, t, 6, ri_bool(true));
    ri_table_reserve_array(heap, t, 5);
    ri_table_set_int(heap, t, 5, ri_int(5));
    check_invariants(t);
    ck_assert_int_eq(ri_table_length(t), 6);
    assert_value(ri_table_get_int(t, 3), ri_bool(true));
    ck_assert_uint_eq(count_pairs(t), 3);
}
END_TEST

START_TEST(filled_downwards_ends_in_the_array)
{
    for (int n = 1; n < 300; n = n * 3 / 2 + 1) {
        RiTable *t = ri_table_new(heap, 0, 0);
        for (int i = n; i >= 1; i--) {
            ri_table_set_int(heap, t, i, ri_int(i));
            check_invariants(t);
        }
        ck_assert_int_eq(t->array->count, n);
        ck_assert_int_eq(ri_table_length(t), n);
        for (int i = 1; i <= n; i++)
            assert_value(ri_table_get_int(t, i), ri_int(i));
    }
}
END_TEST

START_TEST(filled_from_two_ends_in_the_array)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 2; i <= 1000; i++)
        ri_table_set_int(heap, t, i, ri_int(i));
    check_invariants(t);
    ck_assert_int_eq(t->array->count, 1000);
    ri_table_set_int(heap, t, 1, ri_int(1));
    check_invariants(t);
    ck_assert_int_eq(ri_table_length(t), 1000);
}
END_TEST

START_TEST(gap_filled_moves_followers)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    ri_table_set_int(heap, t, 2, ri_int(2));
    ri_table_set_int(heap, t, 3, ri_int(3));
    ri_table_set_int(heap, t, 5, ri_int(5));
    ri_table_set_int(heap, t, 1, ri_int(1));
    ck_assert_int_eq(ri_table_length(t), 3);
    ck_assert_int_eq(t->array->kind, RI_ARRAY_INT);
    check_invariants(t);
    ri_table_set_int(heap, t, 4, ri_int(4));
    ck_assert_int_eq(ri_table_length(t), 5);
    ck_assert_ptr_null(t->dict);
    check_invariants(t);
}
END_TEST

START_TEST(queue_does_not_grow_for_ever)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    int64_t head = 1, tail = 0;
    for (int i = 0; i < 200000; i++) {
        ri_table_set_int(heap, t, ++tail, ri_int(i));
        if (tail - head > 100)
            ri_table_set_int(heap, t, head++, ri_nil());
    }
    check_invariants(t);
    ck_assert(t->array->capacity < 2000);
    ck_assert(t->dict == NULL || t->dict->capacity < 2000);
    for (int64_t i = head; i <= tail; i++)
        assert_value(ri_table_get_int(t, i), ri_int(i - 1));
    ck_assert_uint_eq(count_pairs(t), (uint32_t)(tail - head + 1));
}
END_TEST

START_TEST(sparse_keys_stay_out_of_the_array)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 1; i <= 100; i++)
        ri_table_append(heap, t, ri_int(i));
    for (int i = 1; i <= 100; i++)
        ri_table_set_int(heap, t, (int64_t)i << 40, ri_int(i));
    ri_table_set_int(heap, t, INT64_MAX, ri_int(-1));
    ri_table_set_int(heap, t, INT64_MIN, ri_int(-2));
    ri_table_set_int(heap, t, 0, ri_int(0));
    ck_assert_int_eq(t->array->kind, RI_ARRAY_INT);
    ck_assert_int_eq(t->array->count, 100);
    assert_value(ri_table_get_int(t, INT64_MAX), ri_int(-1));
    assert_value(ri_table_get_int(t, INT64_MIN), ri_int(-2));
    assert_value(ri_table_get_int(t, 0), ri_int(0));
    assert_value(ri_table_get_int(t, 7ll << 40), ri_int(7));
    check_invariants(t);
}
END_TEST

/* -- Keys ------------------------------------------------------------------------------------------------------ */

START_TEST(float_keys_are_normalized)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    set(t, ri_float(1), ri_int(10));
    set(t, ri_float(-0.0), ri_int(20));
    set(t, ri_float(1.5), ri_int(30));
    set(t, ri_float(1e300), ri_int(40));
    assert_value(ri_table_get(t, ri_int(1)), ri_int(10));
    assert_value(ri_table_get(t, ri_int(0)), ri_int(20));
    assert_value(ri_table_get(t, ri_float(0.0)), ri_int(20));
    assert_value(ri_table_get(t, ri_float(1.5)), ri_int(30));
    assert_value(ri_table_get(t, ri_float(1e300)), ri_int(40));
    ck_assert_int_eq(ri_table_length(t), 1);
    uint64_t position;
    ck_assert(ri_table_position_after(t, ri_float(1), &position));
    ck_assert(ri_table_position_after(t, ri_float(0), &position));
}
END_TEST

START_TEST(nil_and_nan_are_refused)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    double nan = strtod("nan", NULL);
    ck_assert_int_eq(ri_table_set(heap, t, ri_nil(), ri_int(1)), RI_KEY_NIL);
    ck_assert_int_eq(ri_table_set(heap, t, ri_float(nan), ri_int(1)), RI_KEY_NAN);
    ck_assert(ri_is_nil(ri_table_get(t, ri_nil())));
    ck_assert(ri_is_nil(ri_table_get(t, ri_float(nan))));
    ck_assert_uint_eq(count_pairs(t), 0);
}
END_TEST

START_TEST(long_strings_compare_by_content)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    char text[600];
    for (int i = 0; i < 100; i++) {
        memset(text, 'a', sizeof text);
        text[i * 5] = 'b';
        set(t, ri_string_value(ri_str_new(heap, text, 500 + (size_t)i)), ri_int(i));
    }
    for (int i = 0; i < 100; i++) {
        memset(text, 'a', sizeof text);
        text[i * 5] = 'b';
        assert_value(ri_table_get(t, ri_string_value(ri_str_new(heap, text, 500 + (size_t)i))), ri_int(i));
    }
    ck_assert_uint_eq(count_pairs(t), 100);
    ck_assert_uint_eq(t->shape, RI_SHAPE_EMPTY);
    set(t, ri_string_value(str("short")), ri_int(1));
    ck_assert(!ri_table_is_dict(t));
    ck_assert_uint_eq(count_pairs(t), 101);
}
END_TEST

START_TEST(any_value_is_a_key)
{
    RiTable *t = ri_table_new(heap, 0, 0), *objects[50];
    for (int i = 0; i < 50; i++) {
        objects[i] = ri_table_new(heap, 0, 0);
        set(t, ri_table_value(objects[i]), ri_int(i));
        set(t, ri_object((void *)(uintptr_t)i, RI_TAG_LIGHT), ri_int(1000 + i));
    }
    set(t, ri_bool(true), ri_int(1));
    set(t, ri_bool(false), ri_int(2));
    for (int i = 0; i < 50; i++) {
        assert_value(ri_table_get(t, ri_table_value(objects[i])), ri_int(i));
        assert_value(ri_table_get(t, ri_object((void *)(uintptr_t)i, RI_TAG_LIGHT)), ri_int(1000 + i));
    }
    assert_value(ri_table_get(t, ri_bool(true)), ri_int(1));
    assert_value(ri_table_get(t, ri_bool(false)), ri_int(2));
    ck_assert_uint_eq(count_pairs(t), 102);
}
END_TEST

/* -- Fields ---------------------------------------------------------------------------------------------------- */

START_TEST(records_share_a_shape)
{
    RiString *keys[] = {str("x"), str("y"), str("z")};
    RiShapeId shape = ri_shape_for_keys(heap, keys, 3);
    ck_assert_uint_ge(shape, RI_SHAPE_FIRST);
    RiValue values[] = {ri_int(1), ri_nil(), ri_int(3)};
    RiTable *t = ri_table_new_record(heap, shape, values, 3);
    assert_value(ri_table_get_str(t, keys[0]), ri_int(1));
    assert_value(ri_table_get_str(t, keys[1]), ri_nil());
    assert_value(ri_table_get_str(t, keys[2]), ri_int(3));
    ck_assert_int_eq(ri_table_find_offset(t, keys[2]), 32);
    ck_assert_uint_eq(count_pairs(t), 2);
    RiTable *u = ri_table_new(heap, 0, 0);
    for (int i = 0; i < 3; i++)
        ri_table_set_str(heap, u, keys[i], ri_int(i));
    ck_assert_uint_eq(u->shape, shape);
}
END_TEST

START_TEST(large_records)
{
    RiString *keys[64];
    RiValue values[64];
    for (int i = 0; i < 64; i++) {
        keys[i] = numbered("field", i);
        values[i] = ri_int(i);
    }
    for (uint32_t count = 30; count <= 64; count++) {
        RiShapeId shape = ri_shape_for_keys(heap, keys, count);
        RiTable *t = ri_table_new_record(heap, shape, values, count);
        ri_table_set_str(heap, t, keys[5], ri_int(-5));
        for (uint32_t i = 0; i < count; i++)
            assert_value(ri_table_get_str(t, keys[i]), ri_int(i == 5 ? -5 : (int64_t)i));
        ri_table_set_str(heap, t, str("one more"), ri_int(1));
        /* Shapes made by constructors and copies may go on growing, up to the limit. */
        ck_assert_int_eq(ri_table_is_dict(t), count == RI_SHAPE_FIELDS_MAX);
        assert_value(ri_table_get_str(t, keys[count - 1]), ri_int(count - 1));
    }
}
END_TEST

START_TEST(computed_keys_make_dictionaries)
{
    RiTable *t = ri_table_new(heap, 0, 2);
    set(t, ri_float(0.5), ri_int(-1));
    for (int i = 0; i < 1000; i++) {
        ri_table_set_str(heap, t, numbered("key", i), ri_int(i));
        check_invariants(t);
    }
    ck_assert_uint_eq(t->shape, RI_SHAPE_DICT);
    for (int i = 0; i < 1000; i++)
        assert_value(ri_table_get_str(t, numbered("key", i)), ri_int(i));
    assert_value(ri_table_get(t, ri_float(0.5)), ri_int(-1));
    ck_assert_uint_eq(count_pairs(t), 1001);
}
END_TEST

START_TEST(dictionary_keeps_insertion_order)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 0; i < 500; i++)
        ri_table_set_str(heap, t, numbered("k", i), ri_int(i));
    for (int i = 0; i < 500; i += 3)
        ri_table_set_str(heap, t, numbered("k", i), ri_nil());
    for (int i = 500; i < 1000; i++)
        ri_table_set_str(heap, t, numbered("k", i), ri_int(i));
    uint64_t position = 0;
    int64_t last = -1;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value)) {
        ck_assert_int_gt(value.i, last);
        last = value.i;
    }
    ck_assert_int_eq(last, 999);
}
END_TEST

START_TEST(dictionary_of_changing_keys_stays_small)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 0; i < 100000; i++) {
        ri_table_set_int(heap, t, -i, ri_int(i));
        if (i >= 20)
            ri_table_set_int(heap, t, -(i - 20), ri_nil());
    }
    ck_assert_uint_le(t->dict->capacity, 64);
    ck_assert_uint_eq(count_pairs(t), 20);
}
END_TEST

START_TEST(cached_shapes_hold_until_laid_out_anew)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 0; i < 100; i++)
        ri_table_set_str(heap, t, numbered("k", i), ri_int(i));
    RiShapeId id = ri_table_cacheable_shape(heap, t);
    ck_assert(id >= RI_SHAPE_UNIQUE);
    ck_assert_uint_eq(ri_table_cacheable_shape(heap, t), id);
    int32_t offset = ri_table_find_offset(t, numbered("k", 42));
    ck_assert_int_ge(offset, 0);
    for (int i = 100; i < 400; i++) {
        ri_table_set_str(heap, t, numbered("k", i), ri_int(i));
        if (t->shape == id)
            assert_value(*(RiValue *)(void *)((char *)t->slots + offset), ri_int(42));
        else
            ck_assert_uint_eq(t->shape, RI_SHAPE_DICT);
    }
    ck_assert_uint_eq(t->shape, RI_SHAPE_DICT);
    ck_assert_uint_ne(ri_table_cacheable_shape(heap, t), id);
}
END_TEST

START_TEST(slots_outgrow_the_header)
{
    RiTable *t = ri_table_new(heap, 0, 2);
    uint32_t hint = 2;
    ri_table_sample(heap, t, &hint);
    for (int i = 0; i < 6; i++)
        ri_table_set_str(heap, t, numbered("slot", i), ri_int(i));
    bool is_forgotten = getenv("RILLE_STRESS") != NULL; /* collections in between */
    if (!is_forgotten)
        ck_assert_uint_eq(hint, 6);
    for (int i = 0; i < 6; i++)
        assert_value(ri_table_get_str(t, numbered("slot", i)), ri_int(i));
    for (int i = 6; i < 20; i++)
        ri_table_set_str(heap, t, numbered("slot", i), ri_int(i));
    ck_assert(ri_table_is_dict(t));
    if (!is_forgotten)
        ck_assert_uint_eq(hint, 0);
}
END_TEST

START_TEST(sample_is_forgotten_by_a_collection)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    uint32_t hint = 0;
    ri_table_sample(heap, t, &hint);
    ri_heap_collect(heap);
    ri_table_set_str(heap, t, str("x"), ri_int(1));
    ck_assert_uint_eq(hint, 0);
}
END_TEST

/* -- Metatables and delegates ----------------------------------------------------------------------------------- */

START_TEST(absence_is_remembered_and_forgotten)
{
    RiTable *meta = ri_table_new(heap, 0, 0);
    ck_assert(ri_is_nil(ri_meta_get(heap, meta, RI_MM_INDEX)));
    ck_assert(meta->absent & 1 << RI_MM_INDEX);
    ri_table_set_str(heap, meta, str("__index"), ri_int(1));
    assert_value(ri_meta_get(heap, meta, RI_MM_INDEX), ri_int(1));
    ri_table_set_str(heap, meta, str("__index"), ri_nil());
    ck_assert(ri_is_nil(ri_meta_get(heap, meta, RI_MM_INDEX)));
    ri_table_set_str(heap, meta, str("__index"), ri_int(2));
    assert_value(ri_meta_get(heap, meta, RI_MM_INDEX), ri_int(2));
    ck_assert(ri_is_nil(ri_meta_get(heap, NULL, RI_MM_INDEX)));
    ck_assert(ri_is_nil(ri_meta_get(heap, meta, RI_MM_SHL)));
}
END_TEST

START_TEST(weak_modes_come_from_the_metatable)
{
    RiTable *t = ri_table_new(heap, 0, 0), *meta = ri_table_new(heap, 0, 0);
    ri_table_set_str(heap, meta, str("__mode"), ri_string_value(str("kv")));
    ri_table_set_meta(heap, t, meta);
    ck_assert(t->flags & RI_TABLE_WEAK_KEYS && t->flags & RI_TABLE_WEAK_VALUES);
    ri_table_set_meta(heap, t, NULL);
    ck_assert(!(t->flags & (RI_TABLE_WEAK_KEYS | RI_TABLE_WEAK_VALUES)));
}
END_TEST

static bool raises_epoch(RiTable *t, RiString *key, RiValue value)
{
    uint32_t before = heap->epoch;
    ri_table_set_str(heap, t, key, value);
    return heap->epoch != before;
}

static void check_delegate(RiTable *t)
{
    RiString *a = str("a"), *event = str("__add");
    ck_assert(!raises_epoch(t, a, ri_nil()));
    ri_table_mark_delegate(t);
    ck_assert(raises_epoch(t, a, ri_int(1)));
    ck_assert(!raises_epoch(t, a, ri_int(2)));
    ck_assert(raises_epoch(t, a, ri_nil()));
    ck_assert(raises_epoch(t, a, ri_int(3)));
    ck_assert(raises_epoch(t, event, ri_int(1)));
    ck_assert(raises_epoch(t, event, ri_int(2)));
    uint32_t before = heap->epoch;
    ri_table_set_meta(heap, t, ri_table_new(heap, 0, 0));
    ck_assert_uint_ne(heap->epoch, before);
    for (int i = 0; i < 200; i++) {
        const RiValue *slots = t->slots;
        before = heap->epoch;
        ri_table_set_str(heap, t, numbered("more", i), ri_int(i));
        ck_assert(heap->epoch != before || slots == t->slots);
    }
    /* keys of other kinds move the entries of a dictionary as well */
    for (int i = 0; i < 200; i++) {
        const RiValue *slots = t->slots;
        before = heap->epoch;
        ri_table_set_int(heap, t, -i, ri_int(i));
        ck_assert(heap->epoch != before || slots == t->slots);
    }
}

START_TEST(delegates_raise_the_epoch)
{
    check_delegate(ri_table_new(heap, 0, 0));
    RiTable *t = ri_table_new(heap, 0, 4);
    for (int i = 0; i < 30; i++)
        ri_table_set_str(heap, t, numbered("k", i), ri_int(i));
    check_delegate(t);
}
END_TEST

/* -- Traversal ------------------------------------------------------------------------------------------------- */

static RiTable *mixed_table(void)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    for (int i = 1; i <= 20; i++)
        ri_table_append(heap, t, i % 3 ? ri_int(i) : ri_string_value(str("x")));
    for (int i = 0; i < 5; i++)
        ri_table_set_str(heap, t, numbered("field", i), ri_int(i));
    for (int i = 0; i < 30; i++) {
        set(t, ri_float(i + 0.5), ri_int(i));
        ri_table_set_int(heap, t, 1000 + i * 1000, ri_int(i));
    }
    return t;
}

/* As pairs does, by keys, removing each one met. */
static uint32_t remove_all(RiTable *t)
{
    uint32_t count = 0;
    uint64_t position;
    RiValue key = ri_nil(), value;
    for (;;) {
        ck_assert(ri_table_position_after(t, key, &position));
        if (!ri_table_next_at(t, &position, &key, &value))
            return count;
        set(t, key, ri_nil());
        count++;
        ck_assert_uint_lt(count, 10000);
    }
}

START_TEST(traversal_survives_removal)
{
    ck_assert_uint_eq(remove_all(mixed_table()), 85);
    RiTable *t = mixed_table();
    for (int i = 0; i < 100; i++)
        ri_table_set_str(heap, t, numbered("more", i), ri_int(i));
    ck_assert_uint_eq(remove_all(t), 185);
    ck_assert_uint_eq(count_pairs(t), 0);
}
END_TEST

START_TEST(traversal_survives_pops)
{
    RiTable *t = mixed_table();
    uint64_t position;
    RiValue key = ri_nil(), value;
    uint32_t others = 0;
    for (;;) {
        ck_assert(ri_table_position_after(t, key, &position));
        if (!ri_table_next_at(t, &position, &key, &value))
            break;
        others += !(ri_is_int(key) && key.i <= 20);
        ri_table_set_int(heap, t, ri_table_length(t), ri_nil());
    }
    ck_assert_uint_eq(others, 65);
}
END_TEST

START_TEST(dead_entry_is_not_taken_for_the_array)
{
    /* a key that was in the dictionary, was removed there, and is in the array now, popped during a traversal */
    RiTable *t = ri_table_new(heap, 0, 0);
    ri_table_set_int(heap, t, 5, ri_int(5));
    ri_table_set_int(heap, t, -1, ri_int(-1));
    ri_table_set_int(heap, t, 5, ri_nil());
    for (int i = 1; i <= 5; i++)
        ri_table_append(heap, t, ri_int(i));
    check_invariants(t);
    ck_assert_uint_eq(remove_all(t), 6);
}
END_TEST

START_TEST(unknown_keys_have_no_position)
{
    RiTable *t = mixed_table();
    uint64_t position;
    ck_assert(!ri_table_position_after(t, ri_int(999999), &position));
    ck_assert(!ri_table_position_after(t, ri_int(-1), &position));
    ck_assert(!ri_table_position_after(t, ri_float(0.25), &position));
    ck_assert(!ri_table_position_after(t, ri_bool(true), &position));
    ck_assert(!ri_table_position_after(t, ri_string_value(str("nowhere")), &position));
    ck_assert(!ri_table_position_after(ri_table_new(heap, 0, 0), ri_int(1), &position));
}
END_TEST

/* -- Against a model ------------------------------------------------------------------------------------------- */

#define MODEL_KEYS 420

typedef struct Model {
    RiValue keys[MODEL_KEYS], values[MODEL_KEYS];
} Model;

static uint64_t random_state;

static uint32_t rnd(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % limit);
}

static RiString *long_string(uint32_t n)
{
    char text[80];
    snprintf(text, sizeof text, "a rather long string that is not interned, number %u", n);
    return str(text);
}

static RiValue model_key(uint32_t i)
{
    if (i < 200)
        return ri_int(1 + i);
    if (i < 230)
        return ri_int((int64_t)(i - 215) * 997);
    if (i < 240)
        return ri_float(i + 0.25);
    if (i < 360)
        return ri_string_value(numbered("s", (int)i));
    if (i < 380)
        return ri_string_value(long_string(i));
    if (i < 382)
        return ri_bool(i & 1);
    if (i < 400)
        return ri_table_value(ri_table_new(heap, 0, 0));
    return ri_object((void *)(uintptr_t)(i * 8), RI_TAG_LIGHT);
}

static RiValue random_value(uint32_t mix)
{
    if (rnd(100) < (mix & 1 ? 50u : 15u))
        return ri_nil();
    switch (mix >> 1 & 3) {
    case 0:
        return ri_int(rnd(1000));
    case 1:
        return ri_float(rnd(1000) + 0.5);
    case 2:
        return rnd(2) ? ri_int(rnd(1000)) : ri_float(rnd(1000));
    default:
        return rnd(2) ? ri_bool(rnd(2)) : ri_string_value(numbered("v", (int)rnd(20)));
    }
}

/* Equal by content: a new copy of a long string now and then. */
static RiValue same_key(RiValue key, uint32_t i)
{
    if (i >= 360 && i < 380 && rnd(2))
        return ri_string_value(long_string(i));
    if (ri_is_int(key) && rnd(8) == 0)
        return ri_float((double)key.i);
    return key;
}

static void check_against_model(const RiTable *t, const Model *m)
{
    uint32_t expected = 0, met = 0;
    for (uint32_t i = 0; i < MODEL_KEYS; i++) {
        assert_value(ri_table_get(t, same_key(m->keys[i], i)), m->values[i]);
        expected += !ri_is_nil(m->values[i]);
        RiValue key = m->keys[i];
        if (ri_is_string(key) && ri_str_is_interned(key.p)) {
            int32_t offset = ri_table_find_offset(t, key.p);
            if (offset >= 0)
                assert_value(*(RiValue *)(void *)((char *)t->slots + offset), m->values[i]);
            else
                ck_assert(ri_is_nil(m->values[i]));
        }
    }
    uint64_t position = 0, again;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value)) {
        met++;
        assert_value(ri_table_get(t, key), value);
        ck_assert(ri_table_position_after(t, key, &again));
        ck_assert_uint_eq(position, again);
    }
    ck_assert_uint_eq(met, expected);
    check_invariants(t);
}

START_TEST(random_operations_agree_with_the_model)
{
    static Model m; /* too large for some stacks; the keys are held by `keep` */
    random_state = 0x1234567 + (uint64_t)_i * 7919;
    RiTable *keep = ri_table_new(heap, 0, 0);
    for (uint32_t i = 0; i < MODEL_KEYS; i++) {
        m.keys[i] = model_key(i);
        m.values[i] = ri_nil();
        ri_table_set_int(heap, keep, i + 1, m.keys[i]);
    }
    static const struct {
        uint32_t first, count;
    } ranges[] = {{0, 420}, {0, 10}, {0, 64}, {0, 200}, {240, 7}, {240, 120}, {200, 220}, {360, 60}};
    RiTable *t = ri_table_new(heap, rnd(3) ? 0 : rnd(50), rnd(3) ? 0 : rnd(10));
    if (rnd(2))
        ri_table_mark_delegate(t);
    for (int round = 0; round < 40; round++) {
        uint32_t range = rnd(RI_COUNTOF(ranges)), mix = rnd(8), style = rnd(5);
        uint32_t first = ranges[range].first, count = ranges[range].count;
        for (uint32_t step = 0; step < 300; step++) {
            uint32_t i = style == 0 ? step % count : style == 1 ? count - 1 - step % count : rnd(count);
            i += first;
            RiValue value = random_value(mix);
            if (style == 2 && range < 4) { /* a stack */
                int64_t length = ri_table_length(t);
                if (length < 200 && rnd(3)) {
                    i = (uint32_t)length;
                } else if (length > 0) {
                    i = (uint32_t)length - 1;
                    value = ri_nil();
                }
            }
            set(t, same_key(m.keys[i], i), value);
            m.values[i] = value;
            assert_value(ri_table_get(t, m.keys[i]), value);
            if (rnd(500) == 0)
                ri_table_reserve_array(heap, t, rnd(100));
            if (rnd(20) == 0)
                (void)ri_table_cacheable_shape(heap, t);
        }
        check_against_model(t, &m);
        if (rnd(10) == 0) {
            uint32_t expected = count_pairs(t);
            ck_assert_uint_eq(remove_all(t), expected);
            for (uint32_t i = 0; i < MODEL_KEYS; i++)
                m.values[i] = ri_nil();
            check_against_model(t, &m);
        }
    }
    ck_assert_uint_eq(ri_table_length(keep), MODEL_KEYS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, kinds_follow_the_values);
    tcase_add_test(tests, booleans_take_a_byte_each);
    tcase_add_test(tests, try_set_stores_what_fits);
    tcase_add_test(tests, nil_at_the_end_pops);
    tcase_add_test(tests, constructor_arrays_are_narrow);
    tcase_add_test(tests, lists_end_where_the_constructor_does);
    tcase_add_test(tests, filled_downwards_ends_in_the_array);
    tcase_add_test(tests, filled_from_two_ends_in_the_array);
    tcase_add_test(tests, gap_filled_moves_followers);
    tcase_add_test(tests, queue_does_not_grow_for_ever);
    tcase_add_test(tests, sparse_keys_stay_out_of_the_array);
    tcase_add_test(tests, float_keys_are_normalized);
    tcase_add_test(tests, nil_and_nan_are_refused);
    tcase_add_test(tests, long_strings_compare_by_content);
    tcase_add_test(tests, any_value_is_a_key);
    tcase_add_test(tests, records_share_a_shape);
    tcase_add_test(tests, large_records);
    tcase_add_test(tests, computed_keys_make_dictionaries);
    tcase_add_test(tests, dictionary_keeps_insertion_order);
    tcase_add_test(tests, dictionary_of_changing_keys_stays_small);
    tcase_add_test(tests, cached_shapes_hold_until_laid_out_anew);
    tcase_add_test(tests, slots_outgrow_the_header);
    tcase_add_test(tests, sample_is_forgotten_by_a_collection);
    tcase_add_test(tests, absence_is_remembered_and_forgotten);
    tcase_add_test(tests, weak_modes_come_from_the_metatable);
    tcase_add_test(tests, delegates_raise_the_epoch);
    tcase_add_test(tests, traversal_survives_removal);
    tcase_add_test(tests, traversal_survives_pops);
    tcase_add_test(tests, dead_entry_is_not_taken_for_the_array);
    tcase_add_test(tests, unknown_keys_have_no_position);
    tcase_add_loop_test(tests, random_operations_agree_with_the_model, 0, 40);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
