/* Capabilities: what lists mean, that denying wins, that children never have more. */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "vm/machine/policy.h"

static RiPolicy *policy;

static void setup(void)
{
    policy = NULL;
}

static void teardown(void)
{
    ri_policy_release(policy);
}

static void option(const char *word)
{
    const char *error = "";
    ck_assert_msg(ri_policy_parse_option(&policy, word, NULL, NULL, &error) == 1, "%s: %s", word, error);
}

START_TEST(no_policy_allows_everything)
{
    for (int i = 0; i < RI_CAP_COUNT; i++) {
        ck_assert(ri_policy_allows(NULL, (RiCapability)i, "x"));
        ck_assert(ri_policy_allows(NULL, (RiCapability)i, NULL));
        ck_assert(ri_policy_allows_some(NULL, (RiCapability)i));
    }
}
END_TEST

START_TEST(a_sandbox_denies_everything)
{
    option("--sandbox");
    for (int i = 0; i < RI_CAP_COUNT; i++) {
        ck_assert(!ri_policy_allows(policy, (RiCapability)i, "/x"));
        ck_assert(!ri_policy_allows(policy, (RiCapability)i, NULL));
        ck_assert(!ri_policy_allows_some(policy, (RiCapability)i));
    }
}
END_TEST

START_TEST(every_capability_has_its_options)
{
    for (int i = 0; i < RI_CAP_COUNT; i++) {
        char word[64];
        policy = NULL;
        option("--sandbox");
        snprintf(word, sizeof word, "--allow-%s", ri_capability_names[i]);
        option(word);
        ck_assert(ri_policy_allows(policy, (RiCapability)i, NULL));
        snprintf(word, sizeof word, "--deny-%s", ri_capability_names[i]);
        option(word);
        ck_assert(!ri_policy_allows(policy, (RiCapability)i, "/x"));
        ck_assert(ri_policy_denies(policy, (RiCapability)i, "/x"));
        for (int k = 0; k < RI_CAP_COUNT; k++)
            ck_assert(!ri_policy_allows_some(policy, (RiCapability)k));
        ri_policy_release(policy);
    }
    policy = NULL;
}
END_TEST

START_TEST(paths_are_compared_by_component)
{
    option("--sandbox");
    option("--allow-read=/a/data,/b/");
    ck_assert(ri_policy_allows(policy, RI_CAP_READ, "/a/data"));
    ck_assert(ri_policy_allows(policy, RI_CAP_READ, "/a/data/x/y"));
    ck_assert(ri_policy_allows(policy, RI_CAP_READ, "/b/z"));
    ck_assert(ri_policy_allows(policy, RI_CAP_READ, "/b"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/a/database"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/a"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/bb"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, NULL));
    ck_assert(!ri_policy_allows(policy, RI_CAP_WRITE, "/a/data"));
    option("--allow-write=/");
    ck_assert(ri_policy_allows(policy, RI_CAP_WRITE, "/etc/passwd"));
}
END_TEST

START_TEST(denying_wins_whatever_the_order)
{
    option("--deny-read=/a/secret");
    option("--allow-read");
    option("--deny-write");
    option("--allow-write=/a");
    ck_assert(ri_policy_allows(policy, RI_CAP_READ, "/a"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/a/secret"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/a/secret/x"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, NULL));
    ck_assert(!ri_policy_allows(policy, RI_CAP_WRITE, "/a/x"));
    ck_assert(!ri_policy_allows_some(policy, RI_CAP_WRITE));
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, "ls")); /* not mentioned, no sandbox */
}
END_TEST

START_TEST(a_list_limits_without_a_sandbox_too)
{
    option("--allow-read=/a");
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/b"));
    ck_assert(ri_policy_allows(policy, RI_CAP_WRITE, "/b"));
    option("--allow-env=");
    ck_assert(!ri_policy_allows(policy, RI_CAP_ENV, "HOME"));
    ck_assert(!ri_policy_allows_some(policy, RI_CAP_ENV));
}
END_TEST

START_TEST(addresses_match_by_host_and_port)
{
    option("--sandbox");
    option("--allow-net=127.0.0.1:80,10.0.0.1,[::1]:5,:99");
    ck_assert(ri_policy_allows(policy, RI_CAP_NET, "127.0.0.1:80"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_NET, "127.0.0.1:8"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_NET, "127.0.0.1:800"));
    ck_assert(ri_policy_allows(policy, RI_CAP_NET, "10.0.0.1:1"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_NET, "10.0.0.11:1"));
    ck_assert(ri_policy_allows(policy, RI_CAP_NET, "[::1]:5"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_NET, "[::1]:6"));
    ck_assert(ri_policy_allows(policy, RI_CAP_NET, "8.8.8.8:99"));
}
END_TEST

START_TEST(variables_match_by_name_or_beginning)
{
    option("--sandbox");
    option("--allow-env=HOME,LC_*");
    ck_assert(ri_policy_allows(policy, RI_CAP_ENV, "HOME"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_ENV, "HOMER"));
    ck_assert(ri_policy_allows(policy, RI_CAP_ENV, "LC_ALL"));
    ck_assert(!ri_policy_allows(policy, RI_CAP_ENV, "LANG"));
}
END_TEST

START_TEST(commands_with_a_shell_in_them_match_no_list)
{
    static const char *const bad[] = {
        "ls; rm x", "ls | sh", "ls && sh", "ls $(rm x)", "ls `rm x`", "ls > x", "ls < x", "ls\nrm x", "LS=1 ls", "ls\"\"",
        "l's'", "(ls)", "{ ls", "ls #", "lsx", "/bin/ls", "", " ", "ls\\\nrm", "ls *", "ls ~", "! ls", "ls ${X}", "rm",
    };
    option("--sandbox");
    option("--allow-run=ls,/bin/cat");
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, "ls"));
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, " ls\t-l /x"));
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, "/bin/cat x=y"));
    for (size_t i = 0; i < RI_COUNTOF(bad); i++)
        ck_assert_msg(!ri_policy_allows(policy, RI_CAP_RUN, bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_denied_program_cannot_hide)
{
    static const char *const bad[] = {"rm x", "/bin/rm x", "true; rm x", "r\\m x", "$R x", "sh -c 'rm x'", "./rm"};
    option("--deny-run=rm");
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, "ls -l"));
    ck_assert(ri_policy_allows(policy, RI_CAP_RUN, "rmdir x"));
    for (size_t i = 0; i < RI_COUNTOF(bad); i++)
        ck_assert_msg(!ri_policy_allows(policy, RI_CAP_RUN, bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_child_has_never_more_than_its_parent)
{
    option("--sandbox");
    option("--allow-read=/a");
    RiPolicy *child = ri_policy_new(policy, true);
    ck_assert_int_eq(ri_policy_allow(child, RI_CAP_READ, NULL), 0);
    ck_assert_int_eq(ri_policy_allow(child, RI_CAP_WRITE, NULL), 0);
    RiPolicy *grandchild = ri_policy_new(child, false);
    ck_assert_int_eq(ri_policy_deny(grandchild, RI_CAP_READ, "/a/x"), 0);
    ri_policy_release(child); /* held by its own child */
    ck_assert(ri_policy_allows(grandchild, RI_CAP_READ, "/a/y"));
    ck_assert(!ri_policy_allows(grandchild, RI_CAP_READ, "/a/x"));
    ck_assert(!ri_policy_allows(grandchild, RI_CAP_READ, "/b"));
    ck_assert(!ri_policy_allows(grandchild, RI_CAP_WRITE, "/a/y"));
    ck_assert(!ri_policy_allows_some(grandchild, RI_CAP_WRITE));
    ri_policy_release(grandchild);
}
END_TEST

START_TEST(long_chains_are_released)
{
    policy = ri_policy_new(NULL, true);
    for (int i = 0; i < 100000; i++) {
        RiPolicy *next = ri_policy_new(policy, true);
        ri_policy_release(policy);
        policy = next;
    }
    ck_assert(!ri_policy_allows(policy, RI_CAP_READ, "/"));
}
END_TEST

START_TEST(other_words_are_not_options)
{
    const char *error = "";
    ck_assert_int_eq(ri_policy_parse_option(&policy, "--stats", NULL, NULL, &error), 0);
    ck_assert_int_eq(ri_policy_parse_option(&policy, "-e", NULL, NULL, &error), 0);
    ck_assert_ptr_null(policy);
    ck_assert_int_eq(ri_policy_parse_option(&policy, "--allow-fly", NULL, NULL, &error), -EINVAL);
    ck_assert_int_eq(ri_policy_parse_option(&policy, "--deny-", NULL, NULL, &error), -EINVAL);
    ck_assert_int_eq(ri_policy_parse_option(&policy, "--allow-all=x", NULL, NULL, &error), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tc = tcase_create("policy");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, no_policy_allows_everything);
    tcase_add_test(tc, a_sandbox_denies_everything);
    tcase_add_test(tc, every_capability_has_its_options);
    tcase_add_test(tc, paths_are_compared_by_component);
    tcase_add_test(tc, denying_wins_whatever_the_order);
    tcase_add_test(tc, a_list_limits_without_a_sandbox_too);
    tcase_add_test(tc, addresses_match_by_host_and_port);
    tcase_add_test(tc, variables_match_by_name_or_beginning);
    tcase_add_test(tc, commands_with_a_shell_in_them_match_no_list);
    tcase_add_test(tc, a_denied_program_cannot_hide);
    tcase_add_test(tc, a_child_has_never_more_than_its_parent);
    tcase_add_test(tc, long_chains_are_released);
    tcase_add_test(tc, other_words_are_not_options);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
