/* Strings: interning, hashing, growing in place, comparing, building. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "vm/object/str.h"
#include "vm/object/table.h"

static RiHeap *heap;
static RiTable *root;

static void setup(void)
{
    heap = ri_heap_create(4711);
    root = ri_table_new(heap, 0, 0);
    heap->host = root;
}

static void teardown(void)
{
    ri_heap_destroy(heap);
}

#define collect() ri_heap_collect_above(heap, __builtin_frame_address(0))

static RiString *str(const char *text)
{
    return ri_str_from_cstr(heap, text);
}

static void keep(int64_t key, RiString *s)
{
    ri_table_set_int(heap, root, key, ri_string_value(s));
}

static RiString *kept(int64_t key)
{
    RiValue v = ri_table_get_int(root, key);
    ck_assert(ri_is_string(v));
    return v.p;
}

static void expect(const RiString *s, const char *text)
{
    ck_assert_uint_eq(s->size, strlen(text));
    ck_assert_mem_eq(ri_str_data(s), text, s->size);
}

/* Not the same at two places, nor for two numbers. */
static void fill(char *bytes, size_t size, unsigned number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + number * 7 + (i >> 3) * number);
}

/* -- Interning --------------------------------------------------------------------------------------------------- */

START_TEST(short_strings_are_unique)
{
    char bytes[100];
    for (size_t size = 0; size <= 100; size++) {
        fill(bytes, size, 3);
        RiString *a = ri_str_new(heap, bytes, size), *b = ri_str_new(heap, bytes, size);
        ck_assert_uint_eq(a->size, size);
        ck_assert_mem_eq(ri_str_data(a), bytes, size);
        ck_assert_int_eq(ri_str_data(a)[size], 0);
        ck_assert(ri_str_equal(a, b));
        ck_assert_uint_eq(ri_str_hash(heap, a), ri_str_hash(heap, b));
        ck_assert_int_eq(a == b, size <= RI_STR_SHORT_MAX);
        ck_assert_int_eq(ri_str_is_interned(a), size <= RI_STR_SHORT_MAX);
        if (size > 0) { /* every byte counts */
            for (size_t i = 0; i < size; i++) {
                bytes[i] ^= 1;
                RiString *c = ri_str_new(heap, bytes, size);
                ck_assert(!ri_str_equal(a, c));
                ck_assert(a != c);
                ck_assert_uint_ne(ri_str_hash(heap, a), ri_str_hash(heap, c));
                bytes[i] ^= 1;
            }
        }
    }
}
END_TEST

START_TEST(preallocated)
{
    ck_assert_ptr_eq(ri_str_new(heap, "", 0), heap->empty);
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        RiString *s = ri_str_new(heap, &byte, 1);
        ck_assert_ptr_eq(s, heap->one_byte[c]);
        ck_assert_int_eq(ri_str_data(s)[0], byte);
    }
    ck_assert_ptr_eq(str("__index"), heap->mm_names[RI_MM_INDEX]);
    ck_assert_ptr_eq(str("__bnot"), heap->mm_names[RI_MM_BNOT]);
}
END_TEST

START_TEST(names_of_metamethods_are_flagged)
{
    ck_assert(str("__index")->object.flags & RI_STR_METAMETHOD);
    ck_assert(str("__")->object.flags & RI_STR_METAMETHOD);
    ck_assert(str("__anything")->object.flags & RI_STR_METAMETHOD);
    ck_assert(!(str("_index")->object.flags & RI_STR_METAMETHOD));
    ck_assert(!(str("x__index")->object.flags & RI_STR_METAMETHOD));
}
END_TEST

START_TEST(many_strings_come_and_go)
{
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    uint64_t before = stats.strings_interned;
    char text[40];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 30000; i++) {
            snprintf(text, sizeof text, "string %d", i);
            RiString *s = str(text);
            if (i % 10 == round)
                keep(i / 10 + 1, s);
        }
        ri_heap_stats(heap, &stats);
        ck_assert_uint_ge(stats.strings_interned, 30000);
        collect();
        ri_heap_stats(heap, &stats);
        ck_assert_uint_ge(stats.strings_interned, before + 3000);
        ck_assert_uint_le(stats.strings_interned, before + 3003);
        for (int i = round; i < 30000; i += 10) {
            snprintf(text, sizeof text, "string %d", i);
            ck_assert_ptr_eq(str(text), kept(i / 10 + 1));
        }
    }
}
END_TEST

/* Strings that share a run in the table with dead ones must still be found. */
START_TEST(sweeping_leaves_no_gaps)
{
    char text[40];
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 700; i++) {
            snprintf(text, sizeof text, "s%d-%d", round, i);
            RiString *s = str(text);
            if (i % 3 == 0)
                keep(i / 3 + 1, s);
        }
        collect();
        for (int i = 0; i < 700; i += 3) {
            snprintf(text, sizeof text, "s%d-%d", round, i);
            ck_assert_ptr_eq(str(text), kept(i / 3 + 1));
        }
    }
}
END_TEST

START_TEST(seed_changes_the_hash)
{
    RiHeap *other = ri_heap_create(4712);
    uint32_t same = 0;
    for (int i = 0; i < 100; i++) {
        char text[20];
        snprintf(text, sizeof text, "text %d", i);
        same += str(text)->object.word == ri_str_from_cstr(other, text)->object.word;
    }
    ck_assert_uint_le(same, 1);
    ri_heap_destroy(other);
}
END_TEST

/* -- Growing ----------------------------------------------------------------------------------------------------- */

START_TEST(concatenation)
{
    char a[120], b[120], both[240];
    for (size_t n = 0; n <= 100; n += 7) {
        for (size_t m = 0; m <= 100; m += 9) {
            fill(a, n, 1);
            fill(b, m, 2);
            memcpy(both, a, n);
            memcpy(both + n, b, m);
            RiString *s = ri_str_concat2(heap, ri_str_new(heap, a, n), ri_str_new(heap, b, m));
            ck_assert_uint_eq(s->size, n + m);
            ck_assert_mem_eq(ri_str_data(s), both, n + m);
            ck_assert(ri_str_equal(s, ri_str_new(heap, both, n + m)));
            ck_assert_int_eq(ri_str_is_interned(s), n + m <= RI_STR_SHORT_MAX);
        }
    }
}
END_TEST

START_TEST(appending_many_times_is_fast_and_right)
{
    RiString *s = heap->empty;
    char *expected = malloc(400000);
    size_t size = 0;
    int64_t allocated = heap->credit_bytes;
    for (int i = 0; i < 60000; i++) {
        char text[20];
        int n = snprintf(text, sizeof text, "%d,", i);
        memcpy(expected + size, text, (size_t)n);
        size += (size_t)n;
        s = ri_str_concat2(heap, s, ri_str_new(heap, text, (size_t)n));
        if (i % 20000 == 0)
            ri_heap_collect(heap);
    }
    ck_assert_uint_eq(s->size, size);
    ck_assert_mem_eq(ri_str_data(s), expected, size);
    ck_assert_int_lt(allocated - heap->credit_bytes, 20 << 20); /* and not 10 GB */
    ck_assert_mem_eq(ri_str_cstr(heap, s), expected, size);
    ck_assert_int_eq(ri_str_cstr(heap, s)[size], 0);
    free(expected);
}
END_TEST

START_TEST(prefixes_of_a_buffer_stay)
{
    RiString *base = str("0123456789012345678901234567890123456789012345678901234567890123456789");
    RiString *s = ri_str_concat2(heap, base, str("first"));
    s = ri_str_concat2(heap, s, str(" second"));
    ck_assert(s->object.flags & RI_STR_EXTENDED);
    RiString *left = ri_str_concat2(heap, s, str(" left")); /* in place */
    RiString *right = ri_str_concat2(heap, s, str(" right")); /* s is no longer the last user */
    ck_assert_ptr_eq(left->buffer, s->buffer);
    ck_assert_ptr_ne(right->buffer, s->buffer);
    RiString *twice = ri_str_concat2(heap, left, left);
    const char *tail = " second left";
    ck_assert_mem_eq(ri_str_data(left) + left->size - strlen(tail), tail, strlen(tail));
    tail = " second right";
    ck_assert_mem_eq(ri_str_data(right) + right->size - strlen(tail), tail, strlen(tail));
    ck_assert_uint_eq(twice->size, left->size * 2);
    ck_assert_mem_eq(ri_str_data(twice), ri_str_data(left), left->size);
    ck_assert_mem_eq(ri_str_data(twice) + left->size, ri_str_data(left), left->size);
    ck_assert_int_lt(ri_str_compare(left, right), 0);
    keep(1, left);
    keep(2, s);
    collect();
    ck_assert_uint_eq(kept(1)->size, kept(2)->size + 5);
    ck_assert_mem_eq(ri_str_data(kept(1)), ri_str_data(kept(2)), kept(2)->size);
}
END_TEST

START_TEST(c_strings_stay_terminated)
{
    RiString *s = str("0123456789012345678901234567890123456789012345678901234567890123456789");
    for (int i = 0; i < 5; i++)
        s = ri_str_concat2(heap, s, str("abc"));
    ck_assert(s->object.flags & RI_STR_EXTENDED);
    RiString *longer = ri_str_concat2(heap, s, str("xyz"));
    ck_assert_ptr_eq(longer->buffer, s->buffer);
    const char *prefix = ri_str_cstr(heap, s), *whole = ri_str_cstr(heap, longer);
    ck_assert_uint_eq(strlen(prefix), s->size);
    ck_assert_uint_eq(strlen(whole), longer->size);
    ck_assert_ptr_eq(ri_str_cstr(heap, longer), whole);
    RiString *longest = ri_str_concat2(heap, longer, str("!!!")); /* must not write over the NUL */
    ck_assert_uint_eq(strlen(whole), longer->size);
    ck_assert_uint_eq(strlen(ri_str_cstr(heap, longest)), longest->size);
    ck_assert_str_eq(ri_str_cstr(heap, str("short")), "short");
}
END_TEST

START_TEST(slices)
{
    RiString *s = str("a string that is certainly longer than forty bytes, is it not?");
    ck_assert_ptr_eq(ri_str_slice(heap, s, 0, s->size), s);
    ck_assert_ptr_eq(ri_str_slice(heap, s, 5, 5), heap->empty);
    ck_assert_ptr_eq(ri_str_slice(heap, s, 5, 2), heap->empty);
    ck_assert_ptr_eq(ri_str_slice(heap, s, 2, 3), heap->one_byte['s']);
    ck_assert_ptr_eq(ri_str_slice(heap, s, 2, 8), str("string"));
    expect(ri_str_slice(heap, s, 1, s->size), " string that is certainly longer than forty bytes, is it not?");
    ck_assert_ptr_eq(ri_str_slice(heap, heap->empty, 0, 0), heap->empty);
}
END_TEST

/* -- Comparing --------------------------------------------------------------------------------------------------- */

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static int compare(const char *a, size_t n, const char *b, size_t m)
{
    int forth = sign(ri_str_compare(ri_str_new(heap, a, n), ri_str_new(heap, b, m)));
    ck_assert_int_eq(forth, -sign(ri_str_compare(ri_str_new(heap, b, m), ri_str_new(heap, a, n))));
    return forth;
}

static void check_order(void)
{
    ck_assert_int_eq(compare("a", 1, "b", 1), -1);
    ck_assert_int_eq(compare("a", 1, "a", 1), 0);
    ck_assert_int_eq(compare("", 0, "a", 1), -1);
    ck_assert_int_eq(compare("", 0, "\0", 1), -1);
    ck_assert_int_eq(compare("alo", 3, "alo1", 4), -1);
    ck_assert_int_eq(compare("alo\0alo", 7, "alo\0b", 5), -1);
    ck_assert_int_eq(compare("alo\0alo\0\0", 9, "alo\0alo\0", 8), 1);
    ck_assert_int_eq(compare("alo\0alo", 7, "alo", 3), 1);
    ck_assert_int_eq(compare("alo\0", 4, "alo", 3), 1);
    ck_assert_int_eq(compare("alo\0z", 5, "alo\0z", 5), 0);
    ck_assert_int_eq(compare("x\0y", 3, "x\0\0", 3), 1);
    RiString *s = heap->empty;
    for (int i = 0; i < 50; i++)
        s = ri_str_concat2(heap, s, str("abcdef"));
    ck_assert_int_gt(ri_str_compare(ri_str_concat2(heap, s, str("b")), ri_str_concat2(heap, s, str("a"))), 0);
    ck_assert_int_lt(ri_str_compare(s, ri_str_concat2(heap, s, str("a"))), 0);
}

START_TEST(order_in_the_c_locale)
{
    check_order();
    ck_assert_int_eq(compare("\xff", 1, "a", 1), 1);
    ck_assert_int_eq(compare("Z", 1, "a", 1), -1);
}
END_TEST

START_TEST(order_in_another_locale)
{
    if (setlocale(LC_COLLATE, "C.UTF-8") == NULL && setlocale(LC_COLLATE, "en_US.UTF-8") == NULL)
        return;
    check_order();
    setlocale(LC_COLLATE, "C");
}
END_TEST

/* -- Numbers, building ------------------------------------------------------------------------------------------- */

START_TEST(numbers)
{
    for (int round = 0; round < 2; round++) {
        for (int64_t i = -600; i <= 600; i++) {
            char text[20];
            snprintf(text, sizeof text, "%d", (int)i);
            ck_assert_ptr_eq(ri_str_from_int(heap, i), str(text));
        }
        collect();
    }
    expect(ri_str_from_int(heap, INT64_MIN), "-9223372036854775808");
    expect(ri_str_from_int(heap, INT64_MAX), "9223372036854775807");
    expect(ri_str_from_float(heap, 1.5), "1.5");
    expect(ri_str_from_float(heap, 100), "100.0");
    expect(ri_str_from_float(heap, 1e300), "1e+300");
}
END_TEST

START_TEST(building)
{
    static const size_t sizes[] = {0, 1, 5, 40, 41, 999, 1000, 1001, 5000, 100000, 3000000};
    for (size_t k = 0; k < RI_COUNTOF(sizes); k++) {
        char *expected = malloc(sizes[k] + 1);
        fill(expected, sizes[k], 5);
        RiSbuf sb;
        ri_sbuf_init(&sb, heap);
        for (size_t at = 0, step = 1; at < sizes[k]; at += step, step = step * 3 % 1009 + 1) {
            if (step > sizes[k] - at)
                step = sizes[k] - at;
            if (step == 1)
                ri_sbuf_add_char(&sb, expected[at]);
            else
                ri_sbuf_add(&sb, expected + at, step);
            if (step % 50 == 0)
                ri_heap_collect(heap); /* the buffer is found on the C stack */
        }
        RiString *s = ri_sbuf_finish(&sb);
        ck_assert_uint_eq(s->size, sizes[k]);
        ck_assert_mem_eq(ri_str_data(s), expected, sizes[k]);
        const char *text = ri_str_cstr(heap, s);
        ck_assert_mem_eq(text, expected, sizes[k]);
        ck_assert_int_eq(text[sizes[k]], 0);
        ck_assert_uint_eq(sb.size, 0); /* may be used again */
        ri_sbuf_add(&sb, "again", 5);
        expect(ri_sbuf_finish(&sb), "again");
        free(expected);
    }
}
END_TEST

START_TEST(reserving)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, heap);
    ri_sbuf_add(&sb, "x", 1);
    char *p = ri_sbuf_reserve(&sb, 50000);
    memset(p, 'y', 50000);
    sb.size += 50000;
    ri_sbuf_add_str(&sb, str("z"));
    RiString *s = ri_sbuf_finish(&sb);
    ck_assert_uint_eq(s->size, 50002);
    ck_assert_int_eq(ri_str_data(s)[0], 'x');
    ck_assert_int_eq(ri_str_data(s)[50000], 'y');
    ck_assert_int_eq(ri_str_data(s)[50001], 'z');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("str");
    TCase *tc = tcase_create("str");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, short_strings_are_unique);
    tcase_add_test(tc, preallocated);
    tcase_add_test(tc, names_of_metamethods_are_flagged);
    tcase_add_test(tc, many_strings_come_and_go);
    tcase_add_test(tc, sweeping_leaves_no_gaps);
    tcase_add_test(tc, seed_changes_the_hash);
    tcase_add_test(tc, concatenation);
    tcase_add_test(tc, appending_many_times_is_fast_and_right);
    tcase_add_test(tc, prefixes_of_a_buffer_stay);
    tcase_add_test(tc, c_strings_stay_terminated);
    tcase_add_test(tc, slices);
    tcase_add_test(tc, order_in_the_c_locale);
    tcase_add_test(tc, order_in_another_locale);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, building);
    tcase_add_test(tc, reserving);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
