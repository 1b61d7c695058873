/* Numbers with units. */
#include "vm/base/quantity.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "vm/base/check.h"

typedef struct Unit {
    const char *name;
    double size;
} Unit;

static bool parse(const char *text, const Unit *units, uint32_t unit_count, uint64_t *out)
{
    char *end;
    if (*text != '.' && (*text < '0' || *text > '9'))
        return false;
    double number = strtod(text, &end);
    for (uint32_t i = 0; i < unit_count; i++) {
        if (strcasecmp(end, units[i].name) == 0) {
            double amount = number * units[i].size;
            if (!(amount < 18446744073709549568.0))
                return false;
            *out = (uint64_t)llround(amount < 9e18 ? amount : 9e18);
            return true;
        }
    }
    return false;
}

bool ri_parse_size(const char *text, uint64_t *bytes)
{
    static const Unit units[] = {
        {"", 1},          {"B", 1},           {"K", 0x1p10},   {"KB", 0x1p10},  {"KiB", 0x1p10}, {"M", 0x1p20},
        {"MB", 0x1p20},   {"MiB", 0x1p20},    {"G", 0x1p30},   {"GB", 0x1p30},  {"GiB", 0x1p30}, {"T", 0x1p40},
        {"TB", 0x1p40},   {"TiB", 0x1p40},
    };
    return parse(text, units, RI_COUNTOF(units), bytes);
}

bool ri_parse_duration(const char *text, uint64_t *ns)
{
    static const Unit units[] = {
        {"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9},
    };
    return parse(text, units, RI_COUNTOF(units), ns);
}
