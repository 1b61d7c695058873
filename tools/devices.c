/* --disk and --ramdisk. */
#include "tools/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"--disk", "--ramdisk"};

/* Which option `word` is, and its value behind '='; NULL in *value: in the next word. -1: none of these. */
static int find_option(const char *word, const char **value)
{
    for (int option = 0; option < (int)RI_COUNTOF(names); option++) {
        size_t size = strlen(names[option]);
        if (strncmp(word, names[option], size) != 0 || (word[size] != '\0' && word[size] != '='))
            continue;
        *value = word[size] == '=' ? word + size + 1 : NULL;
        return option;
    }
    return -1;
}

int ri_device_options_take(RiDeviceOptions *options, char **argv, int *i)
{
    const char *value;
    uint32_t unit = 0;
    int option = find_option(argv[*i], &value);
    if (option < 0)
        return 0;
    if (value == NULL)
        value = argv[++*i];
    if (value == NULL || *value == '\0')
        return -1;
    if (option == 1) {
        options->ram_size = value;
        return 1;
    }
    while (unit < RI_DISKS_MAX && options->disks[unit] != NULL && options->disks[unit] != value)
        unit++; /* the same word again: options are looked at twice */
    if (unit == RI_DISKS_MAX)
        return -1;
    options->disks[unit] = value;
    return 1;
}

void ri_device_options_skip(char **argv, int *i)
{
    const char *value;
    if (find_option(argv[*i], &value) >= 0 && value == NULL)
        ++*i;
}

static const char *text_of(int status, bool is_disk)
{
    if (status == -EINVAL)
        return is_disk ? "no regular file of at least one sector" : "no size up to 4G";
    return status == -EBUSY ? "in use by another machine" : strerror(-status);
}

/* What the command line gives may be used, unless the command line denies it, too. */
static int grant(RiPolicy *policy, const char *path)
{
    static const RiCapability needed[] = {RI_CAP_READ, RI_CAP_WRITE};
    for (size_t i = 0; policy != NULL && i < RI_COUNTOF(needed); i++) {
        if (ri_policy_allows(policy, needed[i], path) || ri_policy_denies(policy, needed[i], path))
            continue;
        int status = ri_policy_allow(policy, needed[i], path);
        if (status < 0)
            return status;
    }
    return 0;
}

static bool configure(RiProc *proc, const char *name, const char *value, char problem[RI_DEVICE_PROBLEM_BYTES])
{
    char path[32];
    snprintf(path, sizeof path, "/dev/%.20s", name);
    int status = ri_device_configure(proc->machine, name, value);
    if (status == 0)
        status = grant(proc->policy, path);
    if (status < 0)
        snprintf(problem, RI_DEVICE_PROBLEM_BYTES, "%.8s '%.300s': %.60s", name, value, text_of(status, name[0] == 'd'));
    return status == 0;
}

bool ri_device_options_apply(const RiDeviceOptions *options, RiProc *proc, char problem[RI_DEVICE_PROBLEM_BYTES])
{
    char name[8] = "disk0";
    for (uint32_t unit = 0; unit < RI_DISKS_MAX; unit++) {
        name[4] = (char)('0' + unit);
        if (options->disks[unit] != NULL && !configure(proc, name, options->disks[unit], problem))
            return false;
    }
    return options->ram_size == NULL || configure(proc, "ram0", options->ram_size, problem);
}
