/* Options of policies and mounts: see options_policy.h. */
#include "tools/options_policy.h"

#include <string.h>

#include "vm/machine/mount.h"

static bool is_mount(const char *word)
{
    return strcmp(word, "--mount") == 0 || strncmp(word, "--mount=", 8) == 0;
}

int ri_policy_take_option(char **argv, int *i)
{
    const char *word = argv[*i], *error = NULL;
    if (is_mount(word)) {
        if (word[7] == '\0')
            ++*i;
        return argv[*i] != NULL ? 1 : -1;
    }
    /* Names are looked at here, lists when they are used. */
    char name[32];
    size_t size = strcspn(word, "=");
    if (size >= sizeof name)
        return 0;
    memcpy(name, word, size);
    name[size] = '\0';
    RiPolicy *scratch = NULL;
    int taken = ri_policy_parse_option(&scratch, name, NULL, NULL, &error);
    ri_policy_release(scratch);
    return taken < 0 ? -1 : taken;
}

static const char *mount_text(char **argv, int *i)
{
    return argv[*i][7] == '=' ? argv[*i] + 8 : argv[++*i];
}

bool ri_policy_mount_options(RiProc *proc, char **argv, int first, int limit, const char **bad, const char **error)
{
    for (int i = first; i < limit; i++) {
        if (!is_mount(argv[i]))
            continue;
        *bad = mount_text(argv, &i);
        if (ri_mount_parse(proc->machine, *bad, error) < 0)
            return false;
    }
    return true;
}

bool ri_policy_of_options(RiProc *proc, char **argv, int first, int limit, RiPolicy **policy, const char **bad,
                          const char **error)
{
    *policy = NULL;
    for (int i = first; i < limit; i++) {
        *bad = argv[i];
        if (strcmp(argv[i], "-e") == 0 || strcmp(argv[i], "-l") == 0 || strcmp(argv[i], "--mount") == 0) {
            i++; /* what follows is no option */
        } else if (ri_policy_parse_option(policy, argv[i], ri_path_complete, proc, error) < 0) {
            ri_policy_release(*policy);
            return false;
        }
    }
    return true;
}

bool ri_policy_apply_options(RiProc *proc, char **argv, int first, int limit, const char **bad, const char **error)
{
    RiPolicy *policy;
    if (!ri_policy_mount_options(proc, argv, first, limit, bad, error) ||
        !ri_policy_of_options(proc, argv, first, limit, &policy, bad, error))
        return false;
    if (policy != NULL)
        ri_policy_set(proc, policy);
    return true;
}
