/* Patterns: known cases, and random patterns against a plain recursive matcher written from the manual. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* stpcpy */
#endif
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/strpattern.h"
#include "tests/support/pattern_model.h"

static RiHeap *heap;

static uint64_t random_state = 362436069362436069u;

static uint32_t next_random(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 20) % limit;
}

/* -- Tests ------------------------------------------------------------------------------------------------------- */

static const char *search(RiMatch *m, const char *subject, const char *pattern)
{
    RiPattern *compiled = ri_pattern_compile(heap, pattern, strlen(pattern), false);
    ri_match_init(m, NULL, heap, compiled, subject, strlen(subject));
    return ri_match_search(m, m->subject, NULL) ? m->start : NULL;
}

START_TEST(known_matches)
{
    const struct {
        const char *subject, *pattern;
        int start, end; /* from 0, end exclusive; start -1: none */
    } cases[] = {
        {"alo", "", 0, 0},
        {"aaab", ".*b", 0, 4},
        {"aaa", ".*a", 0, 3},
        {"aaa", ".-a", 0, 1},
        {"alo xyzK", "%w+K", 4, 8},
        {"254 K", "(%d*)K", 4, 5},
        {"alo ", "(%w*)$", 4, 4},
        {"hello world", "o w", 4, 7},
        {"hello", "l+o$", 2, 5},
        {"hello", "^ell", -1, 0},
        {"x(a(b)c)y", "%b()", 1, 8},
        {"THE (quick) fox", "%f[%a]%a+%f[%A]", 0, 3},
        {"aloALO", "%l*", 0, 3},
        {"==[[x]]==", "(=+).-%1", 0, 9},
        {"a]b", "[]]", 1, 2},
        {"a]b", "[^]]", 0, 1},
        {"a-b", "[a-]+", 0, 2},
        {"a^b", "[%^x]", 1, 2},
        {"key = value", "(%w+)%s*=%s*(%w+)", 0, 11},
        {"a.b", "%.", 1, 2},
        {"$5", "$5", 0, 2},
        {"ab", "a$b", -1, 0},
        {"*a", "*a", 0, 2},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        RiMatch m;
        const char *found = search(&m, cases[k].subject, cases[k].pattern);
        ck_assert_msg(m.error == NULL, "%s", cases[k].pattern);
        ck_assert_msg((found != NULL) == (cases[k].start >= 0), "%s", cases[k].pattern);
        if (found != NULL) {
            ck_assert_msg(m.start - m.subject == cases[k].start && m.end - m.subject == cases[k].end, "%s: %d %d",
                          cases[k].pattern, (int)(m.start - m.subject), (int)(m.end - m.subject));
        }
    }
}
END_TEST

START_TEST(known_errors)
{
    const struct {
        const char *subject, *pattern, *error;
    } cases[] = {
        {"a", "a%", "malformed pattern (ends with '%%')"},
        {"b", "a%", NULL}, /* never gets there */
        {"a", "[a", "malformed pattern (missing ']')"},
        {"a", "[]", "malformed pattern (missing ']')"},
        {"a", "[^]", "malformed pattern (missing ']')"},
        {"a", "[a%]", "malformed pattern (missing ']')"},
        {"a", "%b", "malformed pattern (missing arguments to '%%b')"},
        {"a", "%ba", "malformed pattern (missing arguments to '%%b')"},
        {"a", "%f", "missing '[' after '%%f' in pattern"},
        {"a", "%1", "invalid capture index %%%d"},
        {"a", "(%1)", "invalid capture index %%%d"},
        {"a", "%0", "invalid capture index %%%d"},
        {"a", ")", "invalid pattern capture"},
        {"a", "(a))", "invalid pattern capture"},
        {"a", "()%1", NULL},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        RiMatch m;
        ck_assert_ptr_null(search(&m, cases[k].subject, cases[k].pattern));
        if (cases[k].error == NULL)
            ck_assert_ptr_null(m.error);
        else
            ck_assert_str_eq(m.error, cases[k].error);
    }
}
END_TEST

START_TEST(many_captures)
{
    char pattern[200] = "";
    RiMatch m;
    for (int k = 0; k < 32; k++)
        strcat(pattern, "()");
    ck_assert_ptr_nonnull(search(&m, "a", pattern));
    ck_assert_int_eq(m.pattern->capture_count, 32);
    strcat(pattern, "(a)");
    ck_assert_ptr_null(search(&m, "a", pattern));
    ck_assert_str_eq(m.error, "too many captures");
}
END_TEST

START_TEST(depth)
{
    static char pattern[5000], subject[5000];
    RiMatch m;
    for (int count = 80; count <= 2000; count += 1920) {
        *pattern = *subject = '\0';
        for (int k = 0; k < count; k++) {
            memcpy(pattern + 2 * k, ".?", 3);
            memcpy(subject + k, "a", 2);
        }
        const char *found = search(&m, subject, pattern);
        ck_assert(count == 80 ? found != NULL && m.end == m.subject_end : m.error != NULL);
    }
    memset(subject, 'a', 4000);
    subject[4000] = '\0';
    ck_assert_ptr_nonnull(search(&m, subject, "^(a*)(a-)a?$"));
}
END_TEST

START_TEST(repeated_searches)
{
    RiPattern *pattern = ri_pattern_compile(heap, "%a*", 3, false);
    RiMatch m;
    const char *from, *refused = NULL;
    int count = 0;
    const char subject[] = "ab, c";
    ri_match_init(&m, NULL, heap, pattern, subject, 5);
    for (from = subject; ri_match_search(&m, from, refused); from = refused = m.end)
        count++;
    ck_assert_int_eq(count, 3); /* "ab", "" before the blank, "c" */
}
END_TEST

START_TEST(anchors)
{
    RiMatch m;
    ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, "^a", 2, true), "b^a", 3);
    ck_assert(ri_match_search(&m, m.subject, NULL));
    ck_assert_ptr_eq(m.start, m.subject + 1);
    ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, "^a", 2, false), "baa", 3);
    ck_assert(!ri_match_search(&m, m.subject, NULL));
    ck_assert(ri_match_search(&m, m.subject + 1, NULL));
}
END_TEST

START_TEST(zero_bytes)
{
    RiMatch m;
    ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, "\0%z", 3, false), "ab\0\0c", 5);
    ck_assert(ri_match_search(&m, m.subject, NULL));
    ck_assert_int_eq(m.end - m.subject, 4);
    ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, "[^\0]+$", 6, false), "ab\0\0c", 5);
    ck_assert(ri_match_search(&m, m.subject, NULL));
    ck_assert_int_eq(m.start - m.subject, 4);
}
END_TEST

/* A pattern of random pieces; some are malformed. */
static size_t random_pattern(char *out, bool malformed)
{
    static const char *const pieces[] = {"a",  "b",   "ab",  "c",    ".",  "%a",   "%d", "%s",  "%w",     "%A",  "%.", "[ab]",
                                         "[^a]", "[a-c]", "[%d_]", "1", "(", ")",  "(", ")", "()",  "%b()", "%f[%w]", "%1", "%2",
                                         "[^%s,]", ",", " ", "%W", "$"};
    static const char *const broken[] = {"%", "[", "[^", "%f", "%b", "%ba", ")", "%0", "%9", "[a%"};
    static const char suffixes[] = "*+-?";
    char *p = out;
    unsigned count = next_random(6);
    if (next_random(6) == 0)
        *p++ = '^';
    for (unsigned k = 0; k < count; k++) {
        const char *piece = pieces[next_random(sizeof pieces / sizeof pieces[0])];
        p = stpcpy(p, piece);
        if (*piece != '(' && *piece != ')' && next_random(2) == 0)
            *p++ = suffixes[next_random(4)];
    }
    if (malformed)
        p = stpcpy(p, broken[next_random(sizeof broken / sizeof broken[0])]);
    if (next_random(5) == 0)
        *p++ = '$';
    return (size_t)(p - out);
}

START_TEST(random_patterns)
{
    for (unsigned k = 0; k < 300000; k++) {
        char pattern[120], subject[24];
        size_t pattern_size = random_pattern(pattern, k % 8 == 0), size = next_random(14);
        const char *start = NULL, *end = NULL;
        RiMatch m;
        PatternModel model = {.steps = 10000000};
        for (size_t i = 0; i < size; i++)
            subject[i] = "aabbc1 ,.()aA_"[next_random(14)];
        subject[size] = '\0';
        pattern[pattern_size] = '\0';
        bool expected = pattern_model_search(&model, subject, size, pattern, pattern_size, &start, &end);
        ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, pattern, pattern_size, false), subject, size);
        bool found = ri_match_search(&m, subject, NULL);
        ck_assert_msg((model.error == NULL) == (m.error == NULL), "'%s' in '%s': error %s, expected %s", pattern, subject,
                      m.error ? m.error : "none", model.error ? model.error : "none");
        if (model.error != NULL) {
            ck_assert_str_eq(model.error, m.error);
            ck_assert_int_eq(model.error_index, m.error_index);
            continue;
        }
        ck_assert_msg(found == expected, "'%s' in '%s'", pattern, subject);
        if (!found)
            continue;
        ck_assert_msg(m.start == start && m.end == end, "'%s' in '%s': %d..%d, expected %d..%d", pattern, subject,
                      (int)(m.start - subject), (int)(m.end - subject), (int)(start - subject), (int)(end - subject));
        ck_assert_int_eq(m.pattern->capture_count, model.level);
        for (int i = 0; i < model.level; i++) {
            long capture = model.captures[i].size;
            int kind = capture == -1 ? RI_CAPTURE_UNFINISHED : capture == -2 ? RI_CAPTURE_POSITION : RI_CAPTURE_CLOSED;
            ck_assert_int_eq(m.pattern->capture_kinds[i], kind);
            ck_assert_msg(m.capture_start[i] == model.captures[i].start &&
                              (capture < 0 || m.capture_end[i] - m.capture_start[i] == capture),
                          "'%s' in '%s': capture %d", pattern, subject, i + 1);
        }
    }
}
END_TEST

/* Every suspended search ends as one that was not: same match, same captures, same error. */
static void compare_suspended(RiThread *T, const char *subject, size_t size, const char *pattern, size_t pattern_size)
{
    RiMatch whole, parts;
    RiPattern *compiled = ri_pattern_compile(heap, pattern, pattern_size, false);
    RiMatchState *state = NULL;
    ri_match_init(&whole, NULL, heap, compiled, subject, size);
    bool expected = ri_match_search(&whole, subject, NULL), found;
    heap->budget = 0; /* every poll is due */
    ri_match_init(&parts, T, heap, compiled, subject, size);
    found = ri_match_search(&parts, subject, NULL);
    while (!found && parts.error == ri_match_suspended) {
        RiMatchState *saved = ri_match_save(&parts, state);
        ck_assert(state == NULL || saved == state);
        state = saved;
        memset(&parts, 0xa5, sizeof parts);
        heap->budget = 0;
        found = ri_match_go_on(&parts, T, heap, state, subject, size, NULL);
    }
    ck_assert_msg(found == expected, "'%s' in '%s'", pattern, subject);
    ck_assert_ptr_eq(parts.error, whole.error);
    if (!found)
        return;
    ck_assert_ptr_eq(parts.start, whole.start);
    ck_assert_ptr_eq(parts.end, whole.end);
    for (uint32_t i = 0; i < compiled->capture_count; i++) {
        ck_assert_ptr_eq(parts.capture_start[i], whole.capture_start[i]);
        if (compiled->capture_kinds[i] == RI_CAPTURE_CLOSED)
            ck_assert_ptr_eq(parts.capture_end[i], whole.capture_end[i]);
    }
}

START_TEST(suspended_searches)
{
    static const char *const cases[][2] = {
        {"aaaaaaaaaab", "a-a-a-b"}, {"aaaaaaaaaa", "a-a-a-b"},     {"key=value; k=v", "(%w-)=(v);?()"},
        {"abcabcabd", "(a?)(b*)c-d"}, {"((((", "%b()"},            {"aXbXc", "(%a)X()(%a)$"},
        {"abcabc", "(%w+)%1"},      {"aab", "^(a-)%f[b]b$"},       {"aaa", "^a-b"},
        {"xx", "x-()y?$"},          {"aab", "a-b%"},               {"aaaa", "(a*)(a*)(a*)b"},
    };
    RiThread T = {.heap = heap};
    for (size_t i = 0; i < RI_COUNTOF(cases); i++)
        compare_suspended(&T, cases[i][0], strlen(cases[i][0]), cases[i][1], strlen(cases[i][1]));
    char pattern[256] = ""; /* more instructions than choices are kept for in place */
    for (int i = 0; i < 40; i++)
        strcat(pattern, "[ab]?");
    strcat(pattern, "c");
    compare_suspended(&T, "ab", 2, pattern, strlen(pattern));
}
END_TEST

START_TEST(suspended_random_searches)
{
    static const char pieces[][6] = {"a", "b", ".", "a-", "b-", ".-", "a*", "b*", ".*", "a?", "[ab]+", "(a-)", "(b*)",
                                     "()", "(.-)", "%f[b]", "$", "ab", "%bab"};
    RiThread T = {.heap = heap};
    for (int round = 0; round < 20000; round++) {
        char subject[16], pattern[64] = "";
        size_t size = next_random(sizeof subject);
        for (size_t i = 0; i < size; i++)
            subject[i] = "aabbc"[next_random(5)];
        for (uint32_t i = 1 + next_random(5); i > 0; i--)
            strcat(pattern, pieces[next_random(RI_COUNTOF(pieces))]);
        compare_suspended(&T, subject, size, pattern, strlen(pattern));
    }
}
END_TEST

START_TEST(find_bytes)
{
    const char text[] = "abc\0abcd";
    ck_assert_ptr_eq(ri_find_bytes(text, 8, "", 0), text);
    ck_assert_ptr_eq(ri_find_bytes(text, 8, "abcd", 4), text + 4);
    ck_assert_ptr_eq(ri_find_bytes(text, 8, "\0", 1), text + 3);
    ck_assert_ptr_null(ri_find_bytes(text, 8, "abcde", 5));
    ck_assert_ptr_null(ri_find_bytes(text, 2, "abc", 3));
    ck_assert(ri_pattern_is_plain("abc", 3));
    ck_assert(!ri_pattern_is_plain("a\0%", 3));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pattern");
    TCase *cases = tcase_create("pattern");
    heap = ri_heap_create(1);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, known_matches);
    tcase_add_test(cases, known_errors);
    tcase_add_test(cases, many_captures);
    tcase_add_test(cases, depth);
    tcase_add_test(cases, repeated_searches);
    tcase_add_test(cases, anchors);
    tcase_add_test(cases, zero_bytes);
    tcase_add_test(cases, random_patterns);
    tcase_add_test(cases, suspended_searches);
    tcase_add_test(cases, suspended_random_searches);
    tcase_add_test(cases, find_bytes);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
