/* --mem, --cpu and their like. */
#include "tools/limits.h"

#include <string.h>

#include "vm/base/quantity.h"
#include "vm/machine/space.h"

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

typedef enum MachineOption { OPTION_FRAMES, OPTION_SWAP, OPTION_MMU, OPTION_COUNT } MachineOption;

static int find_machine_option(const char *word, const char **value)
{
    static const char *const names[OPTION_COUNT] = {"frames", "swap", "mmu"};
    for (int option = 0; option < OPTION_COUNT; option++) {
        if ((*value = value_of(word, names[option])) != NULL)
            return option;
    }
    return -1;
}

/* The value of the option at argv[*i], behind '=' or in the next word; NULL: there is none. */
static const char *take_value(char **argv, int *i, const char *value)
{
    return *value == '\0' && argv[*i][strlen(argv[*i]) - 1] != '=' ? argv[++*i] : value;
}

static bool set_machine_option(RiMachineConfig *config, MachineOption option, const char *value)
{
    uint64_t bytes;
    if (value == NULL || *value == '\0')
        return false;
    switch (option) {
    case OPTION_FRAMES:
        config->frames_max = ri_parse_size(value, &bytes) ? bytes / RI_PAGE_BYTES : 0;
        return config->frames_max > 0;
    case OPTION_SWAP:
        config->swap_path = value;
        return true;
    case OPTION_MMU:
        config->mmu = strcmp(value, "soft") == 0 ? RI_MMU_SOFT : RI_MMU_HOST;
        return config->mmu == RI_MMU_SOFT || strcmp(value, "host") == 0;
    case OPTION_COUNT:
        break;
    }
    return false;
}

const char *ri_limits_expected(const char *word)
{
    static const char *const machine_values[OPTION_COUNT] = {"a size such as 4M", "a file name", "host or soft"};
    const char *value;
    int option = find_machine_option(word, &value), limit = find_limit(word, &value);
    if (option >= 0)
        return machine_values[option];
    if (limit < 0)
        return NULL;
    if (limit == RI_LIMIT_CPU || limit == RI_LIMIT_TIME)
        return "a time such as 300ms or 2s";
    return limit == RI_LIMIT_MEMORY || limit == RI_LIMIT_OUTPUT ? "a size such as 32M" : "a number";
}

int ri_limits_take_option(RiLimits *limits, char **argv, int *i)
{
    const char *value;
    int option = find_machine_option(argv[*i], &value);
    if (option >= 0)
        return set_machine_option(&limits->machine, (MachineOption)option, take_value(argv, i, value)) ? 1 : -1;
    int limit = find_limit(argv[*i], &value);
    if (limit < 0)
        return 0;
    value = take_value(argv, i, value);
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
    if ((find_machine_option(argv[*i], &value) >= 0 || find_limit(argv[*i], &value) >= 0) && *value == '\0' && argv[*i][strlen(argv[*i]) - 1] != '=')
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
