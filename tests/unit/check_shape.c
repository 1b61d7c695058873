/* Shapes: transitions, lookup along shared and branching chains, limits, ids over several heaps. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/object/shape.h"

static RiHeap *heap;

static void setup(void)
{
    heap = ri_heap_create(99);
    ck_assert_ptr_nonnull(heap);
}

static void teardown(void)
{
    ri_heap_destroy(heap);
}

static RiString *key(const char *prefix, int n)
{
    char text[40];
    snprintf(text, sizeof text, "%s%d", prefix, n);
    return ri_str_from_cstr(heap, text);
}

START_TEST(transitions_are_shared)
{
    RiString *x = ri_str_from_cstr(heap, "x"), *y = ri_str_from_cstr(heap, "y");
    RiShapeId a = ri_shape_after_add(heap, RI_SHAPE_EMPTY, x);
    ck_assert_uint_ge(a, RI_SHAPE_FIRST);
    ck_assert_uint_eq(ri_shape_after_add(heap, RI_SHAPE_EMPTY, x), a);
    RiShapeId b = ri_shape_after_add(heap, a, y);
    ck_assert_uint_ne(b, a);
    RiShapeId c = ri_shape_after_add(heap, ri_shape_after_add(heap, RI_SHAPE_EMPTY, y), x);
    ck_assert_uint_ne(c, b); /* the order of fields matters */
    ck_assert_uint_eq(ri_shape_field_count(heap, RI_SHAPE_EMPTY), 0);
    ck_assert_uint_eq(ri_shape_field_count(heap, b), 2);
    ck_assert_int_eq(ri_shape_find(b, x), 0);
    ck_assert_int_eq(ri_shape_find(b, y), 1);
    ck_assert_int_eq(ri_shape_find(a, y), -1);
    ck_assert_ptr_eq(ri_shape_key(b, 0), x);
    ck_assert_ptr_eq(ri_shape_key(b, 1), y);
}
END_TEST

START_TEST(some_additions_are_refused)
{
    RiString *x = ri_str_from_cstr(heap, "x");
    RiShapeId a = ri_shape_after_add(heap, RI_SHAPE_EMPTY, x);
    ck_assert_uint_eq(ri_shape_after_add(heap, a, x), 0);
    ck_assert_uint_eq(ri_shape_after_add(heap, RI_SHAPE_DICT, x), 0);
    ck_assert_uint_eq(ri_shape_after_add(heap, RI_SHAPE_UNIQUE + 5, x), 0);
    RiString *text = ri_str_from_cstr(heap, "a string of more than forty bytes is not interned");
    ck_assert_uint_eq(ri_shape_after_add(heap, RI_SHAPE_EMPTY, text), 0);
    RiString *twice[] = {x, ri_str_from_cstr(heap, "y"), x};
    ck_assert_uint_eq(ri_shape_for_keys(heap, twice, 3), 0);
    ck_assert_uint_eq(ri_shape_for_keys(heap, twice, 0), RI_SHAPE_EMPTY);
}
END_TEST

START_TEST(chains_end_at_the_limit)
{
    RiShapeId chain[RI_SHAPE_FIELDS_MAX + 1] = {RI_SHAPE_EMPTY};
    for (int i = 0; i < RI_SHAPE_FIELDS_MAX; i++) {
        chain[i + 1] = ri_shape_after_add(heap, chain[i], key("f", i));
        ck_assert_uint_ne(chain[i + 1], 0);
    }
    ck_assert_uint_eq(ri_shape_after_add(heap, chain[RI_SHAPE_FIELDS_MAX], key("f", 1000)), 0);
    for (int length = 0; length <= RI_SHAPE_FIELDS_MAX; length++) {
        for (int i = 0; i < RI_SHAPE_FIELDS_MAX; i++)
            ck_assert_int_eq(ri_shape_find(chain[length], key("f", i)), i < length ? i : -1);
    }
}
END_TEST

START_TEST(branches_do_not_see_each_other)
{
    RiShapeId trunk = RI_SHAPE_EMPTY;
    for (int i = 0; i < 10; i++)
        trunk = ri_shape_after_add(heap, trunk, key("trunk", i));
    RiShapeId branches[100];
    for (int b = 0; b < 100; b++) {
        branches[b] = ri_shape_after_add(heap, trunk, key("branch", b));
        branches[b] = ri_shape_after_add(heap, branches[b], key("leaf", b));
    }
    for (int b = 0; b < 100; b++) {
        ck_assert_uint_eq(ri_shape_field_count(heap, branches[b]), 12);
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(ri_shape_find(branches[b], key("trunk", i)), i);
        for (int i = 0; i < 100; i++) {
            ck_assert_int_eq(ri_shape_find(branches[b], key("branch", i)), i == b ? 10 : -1);
            ck_assert_int_eq(ri_shape_find(branches[b], key("leaf", i)), i == b ? 11 : -1);
        }
        const RiShape *branch = ri_shape_directory[branches[b]].shape->parent;
        ck_assert_uint_eq(ri_shape_after_add(heap, trunk, key("branch", b)), branch->object.word);
    }
}
END_TEST

START_TEST(computed_keys_make_few_shapes)
{
    RiShapeId id = RI_SHAPE_EMPTY;
    int fields = 0;
    for (RiShapeId next; (next = ri_shape_after_dynamic_add(heap, id, key("f", fields))) != 0; fields++)
        id = next;
    ck_assert_int_eq(fields, 8);
    RiShapeId base = ri_shape_after_add(heap, RI_SHAPE_EMPTY, key("base", 0));
    int children = 0;
    while (children < 1000 && ri_shape_after_dynamic_add(heap, base, key("child", children)))
        children++;
    ck_assert_int_eq(children, 32);
    ck_assert_uint_ne(ri_shape_after_dynamic_add(heap, base, key("child", 5)), 0); /* there already */
    ck_assert_uint_ne(ri_shape_after_add(heap, base, key("child", 500)), 0);
}
END_TEST

START_TEST(ids_belong_to_one_heap_and_come_back)
{
    RiHeap *other = ri_heap_create(7);
    RiShapeId mine = ri_shape_after_add(heap, RI_SHAPE_EMPTY, ri_str_from_cstr(heap, "x"));
    RiShapeId theirs = ri_shape_after_add(other, RI_SHAPE_EMPTY, ri_str_from_cstr(other, "x"));
    ck_assert_uint_ne(mine, theirs);
    ri_heap_destroy(other);
    ck_assert_uint_eq(ri_shape_after_add(heap, RI_SHAPE_EMPTY, ri_str_from_cstr(heap, "y")), theirs);
    ck_assert_int_eq(ri_shape_find(mine, ri_str_from_cstr(heap, "x")), 0);
}
END_TEST

START_TEST(ids_run_out_gracefully)
{
    if (getenv("RILLE_STRESS") != NULL)
        return; /* some 100,000 shapes, and a collection for each */
    RiShapeId id = 1;
    int made = 0;
    while (made <= RI_SHAPE_IDS && id) {
        RiShapeId first = ri_shape_after_add(heap, RI_SHAPE_EMPTY, key("a", made / 64));
        id = first ? ri_shape_after_add(heap, first, key("b", made)) : 0;
        made++;
    }
    ck_assert_uint_eq(id, 0);
    RiTable *t = ri_table_new(heap, 0, 0);
    ri_table_set_str(heap, t, key("new", 0), ri_int(5));
    ck_assert(ri_table_is_dict(t));
    ck_assert_int_eq(ri_table_get_str(t, key("new", 0)).i, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *tests = tcase_create("shape");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, transitions_are_shared);
    tcase_add_test(tests, some_additions_are_refused);
    tcase_add_test(tests, chains_end_at_the_limit);
    tcase_add_test(tests, branches_do_not_see_each_other);
    tcase_add_test(tests, computed_keys_make_few_shapes);
    tcase_add_test(tests, ids_belong_to_one_heap_and_come_back);
    tcase_add_test(tests, ids_run_out_gracefully);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
