/* The one place where a broken invariant ends the process. */
#include "vm/base/check.h"

#include <stdio.h>

void ri_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "rille: internal error at %s:%d: %s\n", file, line, what);
    abort();
}

void ri_panic_no_memory(const char *what)
{
    fprintf(stderr, "rille: not enough memory: %s\n", what);
    abort();
}
