/* --mem, --cpu and their like. */
#include "tools/limits.h"

#include <string.h>

#include "vm/base/quantity.h"

const char ri_limits_help[] =
    "  --mem SIZE            limit of memory: 32M; the program is stopped (exit status 137) beyond it\n"
    "  --cpu TIME            limit of processor time: 300ms, 2s\n"
    "  --time TIME           limit of elapsed time\n"
    "  --fuel N              limit of calls and loop turns: the same on every machine\n"
    "  --output SIZE, --processes N, --threads N, --descriptors N, --stack SLOTS   more limits\n";

/* Does `word` begin with --name, and where is its value? NULL: not at all; "": in the next word. */
static const char *value_of(const char *word, const char *name)
{
    size_t size = strlen(name);
    if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, size) != 0)
        return NULL;
    const char *rest = word + 2 + size;
    return *rest == '=' ? rest + 1 : *rest == '\0' ? "" : NULL;
}

static int find_limit(const char *word, const char **value)
{
    if ((*value = value_of(word, "mem")) != NULL)
        return RI_LIMIT_MEMORY;
    for (int limit = 0; limit < RI_LIMIT_COUNT; limit++) {
        if ((*value = value_of(word, ri_limit_names[limit])) != NULL)
            return limit;
    }
    return -1;
}

int ri_limits_take_option(RiLimits *limits, char **argv, int *i)
{
    const char *value;
    int limit = find_limit(argv[*i], &value);
    if (limit < 0)
        return 0;
    if (*value == '\0' && argv[*i][strlen(argv[*i]) - 1] != '=')
        value = argv[++*i];
    bool is_time = limit == RI_LIMIT_CPU || limit == RI_LIMIT_TIME;
    uint64_t amount;
    if (value == NULL || !(is_time ? ri_parse_duration(value, &amount) : ri_parse_size(value, &amount)) || amount == 0)
        return -1;
    limits->values[limit] = amount;
    return 1;
}

void ri_limits_skip_option(char **argv, int *i)
{
    const char *value;
    if (find_limit(argv[*i], &value) >= 0 && *value == '\0' && argv[*i][strlen(argv[*i]) - 1] != '=')
        ++*i;
}

bool ri_limits_apply(const RiLimits *limits, RiProc *proc)
{
    for (int limit = 0; limit < RI_LIMIT_COUNT; limit++) {
        if (limits->values[limit] != 0 && ri_proc_set_limit(proc, (RiLimit)limit, limits->values[limit]) != 0)
            return false;
    }
    return true;
}
