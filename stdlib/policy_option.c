/* Policies from tables: see policy_option.h. */
#include "stdlib/policy_option.h"

#include <stdio.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/machine/mount.h"

typedef struct Making {
    RiThread *T;
    RiProc *child;
    RiPolicy *policy;
    RiValue allow, deny;
} Making;

/* The same word as on the command line, so that there is one meaning of lists. */
static void add_word(Making *m, const char *kind, const char *capability, const char *item)
{
    char word[RI_PATH_SIZE + 40];
    const char *error = "";
    if (item != NULL && (strchr(item, ',') != NULL || strlen(item) >= RI_PATH_SIZE))
        ri_error(m->T, "bad option '%s.%s' (names contain no ',')", kind, capability);
    snprintf(word, sizeof word, "--%s-%s%s%s", kind, capability, item != NULL ? "=" : "", item != NULL ? item : "");
    if (ri_policy_parse_option(&m->policy, word, ri_path_complete, m->T->process->proc, &error) != 1)
        ri_error(m->T, "bad option '%s.%s' (%s)", kind, capability, error);
}

static void add_table(Making *m, const char *kind, RiValue t)
{
    uint64_t position = 0;
    RiValue key, value;
    if (ri_is_nil(t))
        return;
    if (!ri_is_table(t))
        ri_error(m->T, "bad option '%s' (table expected, got %s)", kind, ri_type_name(m->T, t));
    while (ri_table_next_at(t.p, &position, &key, &value)) {
        const char *capability = ri_is_string(key) ? ri_str_cstr(m->T->heap, key.p) : "?";
        if (ri_is_string(value)) {
            add_word(m, kind, capability, ri_str_cstr(m->T->heap, value.p));
        } else if (value.tag == RI_TAG_TRUE) {
            add_word(m, kind, capability, NULL);
        } else if (ri_is_table(value)) {
            add_word(m, kind, capability, ""); /* even an empty list is one */
            for (int64_t i = 1; i <= ri_table_length(value.p); i++) {
                RiString *item = ri_to_string_raw(m->T, ri_table_get_int(value.p, i));
                if (item == NULL)
                    ri_error(m->T, "bad option '%s.%s' (a list of strings expected)", kind, capability);
                add_word(m, kind, capability, ri_str_cstr(m->T->heap, item));
            }
        } else if (value.tag != RI_TAG_FALSE) {
            ri_error(m->T, "bad option '%s.%s' (true, a string or a list expected)", kind, capability);
        }
    }
}

static void fill(RiThread *T, void *argument)
{
    (void)T;
    Making *m = argument;
    add_table(m, "allow", m->allow);
    add_table(m, "deny", m->deny);
}

void ri_set_policy_options(RiThread *T, RiProc *child, RiValue sandbox, RiValue allow, RiValue deny)
{
    if (ri_is_falsy(sandbox) && ri_is_nil(allow) && ri_is_nil(deny))
        return;
    bool strict = !ri_is_falsy(sandbox) || !ri_is_nil(allow);
    Making m = {.T = T, .child = child, .allow = allow, .deny = deny};
    m.policy = ri_policy_new(child->policy, strict);
    if (m.policy == NULL)
        ri_error_memory(T);
    RiCallStatus status = ri_try(T, fill, &m);
    if (status != RI_OK) {
        ri_policy_release(m.policy);
        ri_throw(T, T->error);
    }
    ri_policy_set(child, m.policy);
}
