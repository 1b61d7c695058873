/* Policies: options in any order, and a child's under its parent's, allow what the rules of doc/syscalls.md say: what is denied is
 * denied; what is allowed is named, or nothing was limited; a child has no more than its parent. Input: options, then questions. */
#include "tests/fuzz/fuzz.h"
#include "vm/machine/policy.h"

#define RULES_MAX 12

typedef struct Rule {
    bool denies, all;
    RiCapability capability;
    char name[40];
} Rule;

typedef struct Model {
    bool is_sandbox;
    int count;
    Rule rules[RULES_MAX];
} Model;

static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c", "/ab", "/a/bc", "/b", "/b/a", "/etc/passwd", "/a/"};
static const char *const variables[] = {"HOME", "HOME*", "HO*", "PATH", "*", "HOMER", "P"};
static const RiCapability capabilities[] = {RI_CAP_READ, RI_CAP_WRITE, RI_CAP_ENV, RI_CAP_NATIVE};

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    if (size > 0 && folder[size - 1] == '/')
        size--;
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool names(const Rule *rule, const char *what)
{
    if (rule->all)
        return true;
    if (rule->capability != RI_CAP_ENV)
        return is_below(what, rule->name);
    size_t size = strlen(rule->name);
    return rule->name[size - 1] == '*' ? strncmp(what, rule->name, size - 1) == 0 : strcmp(what, rule->name) == 0;
}

static bool allowed_by(const Model *model, RiCapability capability, const char *what)
{
    bool is_limited = model->is_sandbox, is_allowed = false;
    for (int i = 0; i < model->count; i++) {
        const Rule *rule = &model->rules[i];
        if (rule->capability != capability)
            continue;
        if (rule->denies && names(rule, what))
            return false;
        is_limited |= !rule->denies;
        is_allowed |= !rule->denies && names(rule, what);
    }
    return is_allowed || !is_limited;
}

static const char *some_name(FuzzInput *in, RiCapability capability)
{
    if (capability == RI_CAP_ENV)
        return variables[fuzz_byte(in) % (sizeof variables / sizeof *variables)];
    return paths[fuzz_byte(in) % (sizeof paths / sizeof *paths)];
}

static RiCapability some_capability(FuzzInput *in)
{
    return capabilities[fuzz_byte(in) % (sizeof capabilities / sizeof *capabilities)];
}

static void add_option(RiPolicy **policy, Model *model, FuzzInput *in)
{
    char word[100];
    const char *error;
    uint8_t how = fuzz_byte(in);
    if (how % 8 == 7) {
        model->is_sandbox = true;
        FUZZ_CHECK(ri_policy_parse_option(policy, "--sandbox", NULL, NULL, &error) == 1, "%s", error);
        return;
    }
    Rule *rule = &model->rules[model->count++];
    rule->capability = some_capability(in);
    rule->denies = how & 1;
    rule->all = how % 8 == 6;
    snprintf(rule->name, sizeof rule->name, "%s", some_name(in, rule->capability));
    snprintf(word, sizeof word, "--%s-%s%s%s", rule->denies ? "deny" : "allow", ri_capability_names[rule->capability], rule->all ? "" : "=",
             rule->all ? "" : rule->name);
    FUZZ_CHECK(ri_policy_parse_option(policy, word, NULL, NULL, &error) == 1, "%s: %s", word, error);
}

/* The child is made of rules, as process.spawn does it. */
static RiPolicy *make_child(RiPolicy *parent, Model *model, FuzzInput *in)
{
    model->is_sandbox = fuzz_byte(in) & 1;
    RiPolicy *child = ri_policy_new(parent, model->is_sandbox);
    for (int n = fuzz_byte(in) % RULES_MAX; n > 0; n--) {
        Rule *rule = &model->rules[model->count++];
        rule->capability = some_capability(in);
        rule->denies = fuzz_byte(in) & 1;
        rule->all = fuzz_byte(in) % 8 == 0;
        snprintf(rule->name, sizeof rule->name, "%s", some_name(in, rule->capability));
        const char *what = rule->all ? NULL : rule->name;
        int status = rule->denies ? ri_policy_deny(child, rule->capability, what) : ri_policy_allow(child, rule->capability, what);
        FUZZ_CHECK(status == 0, "%d", status);
    }
    return child;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = fuzz_input(data, size);
    Model model = {0}, child_model = {0};
    RiPolicy *policy = NULL;
    for (int n = fuzz_byte(&in) % RULES_MAX; n > 0; n--)
        add_option(&policy, &model, &in);
    RiPolicy *child = make_child(policy, &child_model, &in);
    FUZZ_CHECK(child != NULL && ri_policy_is_within(child, policy) && (policy == NULL || !ri_policy_is_within(policy, child)), "kinship");
    for (int i = 0; i < 40; i++) {
        RiCapability capability = some_capability(&in);
        const char *what = some_name(&in, capability);
        bool expected = allowed_by(&model, capability, what);
        FUZZ_CHECK(ri_policy_allows(policy, capability, what) == expected, "%s %s", ri_capability_names[capability], what);
        expected = expected && allowed_by(&child_model, capability, what);
        FUZZ_CHECK(ri_policy_allows(child, capability, what) == expected, "child: %s %s", ri_capability_names[capability], what);
        FUZZ_CHECK(!expected || ri_policy_allows_some(child, capability), "some %s", ri_capability_names[capability]);
    }
    ri_policy_release(policy);
    ri_policy_release(child);
    return 0;
}
