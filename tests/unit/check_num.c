/* Numbers as text: edge cases by hand, random ones against the C library. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static RiNumKind parse(const char *text, int64_t *i, double *n)
{
    return ri_num_parse(text, strlen(text), i, n);
}

START_TEST(integers)
{
    const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {" \t\n 10 \r\v\f", 10},
        {"+7", 7},
        {"00000000000000000000000000000012", 12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0x10", 16},
        {"-0xA", -10},
        {"0Xff", 255},
        {"0xffffffffffffffff", -1},
        {"0x7fffffffffffffffff", -1},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int64_t i = 0;
        double n;
        ck_assert_int_eq(parse(cases[k].text, &i, &n), RI_NUM_INT);
        ck_assert(i == cases[k].value);
    }
}
END_TEST

START_TEST(floats)
{
    const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1.", 1.0},
        {".5", 0.5},
        {"-.5e1", -5.0},
        {"1e3", 1000.0},
        {"1E+2", 100.0},
        {"9223372036854775808", 9223372036854775808.0},
        {"-9223372036854775809", -9223372036854775808.0},
        {"1e400", HUGE_VAL},
        {"1e-400", 0.0},
        {"1e99999999999999999999", HUGE_VAL},
        {"0e99999999999999999999", 0.0},
        {"0x.8", 0.5},
        {"0xA.", 10.0},
        {"0x1p4", 16.0},
        {"0x.1p4", 1.0},
        {"0xffffffffffffffffff.0", 4722366482869645213695.0},
        {"0x1p-1074", 4.9406564584124654e-324},
        {"0x1.8p-1075", 4.9406564584124654e-324},
        {"0x1p-1075", 0.0},
        {"0x1p99999999999999999999", HUGE_VAL},
        {"2.2250738585072012e-308", 2.2250738585072014e-308},
        {"1.00000000000000011102230246251565404236316680908203125", 1.0},
        {"1.00000000000000011102230246251565404236316680908203126", 1.0000000000000002},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int64_t i;
        double n = -1;
        ck_assert_int_eq(parse(cases[k].text, &i, &n), RI_NUM_FLOAT);
        ck_assert_msg(n == cases[k].value, "%s: %a", cases[k].text, n);
    }
}
END_TEST

START_TEST(no_numbers)
{
    const char *const cases[] = {"",     " ",    "-",    "- 1",   "+-1", ".",    "1e",      "1e+",  "0x",    "0x.",
                                 "0x.p1", "0x1p", "1 2",  "1.5.2", "inf", "nan",  "infinity", "0xg",  "1e1.5", "1f",
                                 "0x1.8.1", "e1",  "1_000", "0b1",  "0x1p0x1"};
    int64_t i;
    double n;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        ck_assert_msg(parse(cases[k], &i, &n) == RI_NUM_NONE, "%s", cases[k]);
    ck_assert_int_eq(ri_num_parse("1\0", 2, &i, &n), RI_NUM_NONE);
    ck_assert_int_eq(ri_num_parse("12345", 2, &i, &n), RI_NUM_INT); /* no terminator needed */
    ck_assert_int_eq(i, 12);
}
END_TEST

START_TEST(many_digits)
{
    char text[3000];
    int64_t i;
    double n;
    memset(text, '0', sizeof text);
    text[0] = '1';
    memcpy(text + 2000, "e-1999", 7);
    ck_assert_int_eq(parse(text, &i, &n), RI_NUM_FLOAT);
    ck_assert(n == 1.0);
    memset(text, '0', 1000);
    memcpy(text, "0.", 2);
    memcpy(text + 1000, "125e1000", 9);
    ck_assert_int_eq(parse(text, &i, &n), RI_NUM_FLOAT);
    ck_assert_msg(n == 12.5, "%a", n); /* 998 zeros behind the point */
}
END_TEST

START_TEST(print_integers)
{
    const int64_t cases[] = {0, 1, -1, 9, 10, 99, 100, 12345, -98765, INT64_MAX, INT64_MIN, 1000000000000};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char expected[32], text[RI_NUM_TEXT_MAX];
        snprintf(expected, sizeof expected, "%lld", (long long)cases[k]);
        ck_assert_uint_eq(ri_num_print_int(cases[k], text), strlen(expected));
        ck_assert_str_eq(text, expected);
    }
}
END_TEST

START_TEST(print_floats)
{
    const struct {
        double n;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-25.0, "-25.0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.33333333333333"},
        {1e14, "1e+14"},
        {99999999999999.0, "99999999999999.0"},
        {1e15, "1e+15"},
        {1e100, "1e+100"},
        {1e-5, "1e-05"},
        {0.0001, "0.0001"},
        {123456.789, "123456.789"},
        {5e-324, "4.9406564584125e-324"},
        {HUGE_VAL, "inf"},
        {-HUGE_VAL, "-inf"},
        {9007199254740992.0, "9.007199254741e+15"},
        {9.99999999999999999, "10.0"},
        {999999999999995.0, "1e+15"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char text[RI_NUM_TEXT_MAX];
        ck_assert_uint_eq(ri_num_print_float(cases[k].n, text), strlen(cases[k].text));
        ck_assert_str_eq(text, cases[k].text);
    }
}
END_TEST

static double random_double(unsigned how)
{
    uint64_t bits = next_random();
    double n;
    switch (how % 5) {
    case 0:
        memcpy(&n, &bits, sizeof n);
        return isfinite(n) ? n : 1.5;
    case 1:
        return (double)(int64_t)bits / (double)(UINT64_C(1) << next_random() % 63);
    case 2:
        return (double)((int)(bits % 2000000) - 1000000) / pow(10, (double)(next_random() % 12));
    case 3:
        return ldexp((double)(bits >> 11), (int)(next_random() % 140) - 110);
    default:
        return (double)(bits % 1000000) / 8.0 / (double)(1u << next_random() % 20); /* many ties */
    }
}

START_TEST(random_numbers)
{
    for (unsigned k = 0; k < 100000; k++) {
        char expected[512], text[RI_NUM_TEXT_MAX];
        double n = random_double(k), parsed = 0;
        unsigned precision = 1 + (unsigned)(next_random() % 17);
        int64_t i = 0;
        RiNumKind kind;
        size_t size = ri_num_print_general(n, precision, text);
        snprintf(expected, sizeof expected, "%.*g", (int)precision, n);
        if (size > 0) {
            ck_assert_str_eq(text, expected);
            ck_assert_uint_eq(size, strlen(expected));
        }
        size = ri_num_print_fixed(n, precision, text);
        snprintf(expected, sizeof expected, "%.*f", (int)precision, n);
        if (size > 0)
            ck_assert_str_eq(text, expected);
        snprintf(expected, sizeof expected, k % 2 ? "%.17g" : "%a", n);
        kind = parse(expected, &i, &parsed);
        ck_assert_int_ne(kind, RI_NUM_NONE);
        ck_assert_msg((kind == RI_NUM_INT ? (double)i : parsed) == n, "%s", expected);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("num");
    TCase *cases = tcase_create("num");
    tcase_add_test(cases, integers);
    tcase_add_test(cases, floats);
    tcase_add_test(cases, no_numbers);
    tcase_add_test(cases, many_digits);
    tcase_add_test(cases, print_integers);
    tcase_add_test(cases, print_floats);
    tcase_add_test(cases, random_numbers);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
