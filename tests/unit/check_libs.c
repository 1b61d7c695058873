/* Every row of every library table is complete, and some program in tests/lang calls the function. */
#include <check.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/libs.h"
#include "vm/exec/intrinsics.h"

static const RiLibrary *const libraries[] = {
    &ri_lib_base, &ri_lib_package, &ri_lib_coroutine, &ri_lib_table, &ri_lib_io,
    &ri_lib_os,   &ri_lib_string,  &ri_lib_utf8,      &ri_lib_math,  &ri_lib_debug,
};

/* All programs of tests/lang in one text. */
static char *read_programs(void)
{
    const char *root = getenv("RILLE_SRCDIR");
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/tests/lang/*.lua", root != NULL ? root : ".");
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    size_t size = 0;
    char *text = NULL;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "rb");
        ck_assert_ptr_nonnull(file);
        for (int c; (c = getc(file)) != EOF; size++) {
            if (size % 65536 == 0)
                text = realloc(text, size + 65536 + 1);
            text[size] = c != '\0' ? (char)c : ' ';
        }
        fclose(file);
    }
    globfree(&found);
    ck_assert_ptr_nonnull(text);
    text[size] = '\0';
    return text;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Does `word` stand somewhere in `text`, not as a part of a longer name? */
static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || !is_name_char(at[-1]) || !is_name_char(word[0])) && !is_name_char(at[size]))
            return true;
    }
    return false;
}

/* "math.floor", or for strings also "s:rep" as ":rep". */
static bool is_called(const char *programs, const char *name)
{
    char method[64];
    if (has_word(programs, name))
        return true;
    const char *dot = strrchr(name, '.');
    if (dot == NULL)
        return false;
    snprintf(method, sizeof method, ":%s", dot + 1);
    return strncmp(name, "string.", 7) == 0 && has_word(programs, method);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t size = strlen(text), part = strlen(ending);
    return size >= part && strcmp(text + size - part, ending) == 0;
}

static bool is_sentence(const char *doc)
{
    return ends_with(doc, ".") || ends_with(doc, "?") || ends_with(doc, "…");
}

START_TEST(rows_are_complete)
{
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        const RiLibrary *library = libraries[i];
        ck_assert_msg(library->count > 0, "%s", library->name);
        for (uint32_t k = 0; k < library->count; k++) {
            const RiLibFn *fn = &library->functions[k];
            ck_assert_ptr_nonnull(fn->name);
            ck_assert_msg(fn->call != NULL, "%s", fn->name);
            ck_assert_msg(fn->usage != NULL && fn->usage[0] != '\0', "%s has no usage", fn->name);
            ck_assert_msg(fn->doc != NULL && strlen(fn->doc) > 5, "%s has no doc", fn->name);
            const char *short_name = strrchr(fn->name, '.') != NULL ? strrchr(fn->name, '.') + 1 : fn->name;
            ck_assert_msg(strstr(fn->usage, short_name) != NULL, "usage of %s: %s", fn->name, fn->usage);
            ck_assert_msg(is_sentence(fn->doc), "doc of %s is no sentence: %s", fn->name, fn->doc);
            ck_assert_uint_lt(fn->intrinsic, RI_INTRINSIC_COUNT);
        }
    }
}
END_TEST

START_TEST(names_belong_to_their_library)
{
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        const RiLibrary *library = libraries[i];
        bool is_base = strcmp(library->name, "_G") == 0;
        for (uint32_t k = 0; k < library->count; k++) {
            const char *name = library->functions[k].name;
            size_t prefix = strlen(library->name);
            ck_assert_msg(is_base ? strchr(name, '.') == NULL
                                  : strncmp(name, library->name, prefix) == 0 && name[prefix] == '.',
                          "%s in %s", name, library->name);
            for (uint32_t other = 0; other < k; other++)
                ck_assert_str_ne(name, library->functions[other].name);
        }
    }
}
END_TEST

START_TEST(intrinsic_numbers_are_given_once)
{
    const char *owner[RI_INTRINSIC_COUNT] = {0};
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        for (uint32_t k = 0; k < libraries[i]->count; k++) {
            const RiLibFn *fn = &libraries[i]->functions[k];
            if (fn->intrinsic == RI_INTRINSIC_NONE)
                continue;
            ck_assert_msg(owner[fn->intrinsic] == NULL, "%s and %s", fn->name, owner[fn->intrinsic]);
            owner[fn->intrinsic] = fn->name;
        }
    }
    ck_assert_uint_eq(ri_libfn_next.intrinsic, RI_INTRINSIC_NEXT);
    ck_assert_uint_eq(ri_libfn_ipairs_iterator.intrinsic, RI_INTRINSIC_IPAIRS_ITERATOR);
}
END_TEST

START_TEST(functions_are_called_by_some_program)
{
    char *programs = read_programs();
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        for (uint32_t k = 0; k < libraries[i]->count; k++) {
            const char *name = libraries[i]->functions[k].name;
            ck_assert_msg(is_called(programs, name), "no program in tests/lang calls %s", name);
        }
    }
    free(programs);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libs");
    TCase *cases = tcase_create("libs");
    tcase_add_test(cases, rows_are_complete);
    tcase_add_test(cases, names_belong_to_their_library);
    tcase_add_test(cases, intrinsic_numbers_are_given_once);
    tcase_add_test(cases, functions_are_called_by_some_program);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
