/* Which mistake has been asked for: see planted.h. */
#include "vm/base/planted.h"

#ifdef RI_PLANTED_BUG
#include <stdlib.h>
#include <string.h>

int ri_planted(void)
{
    static int found = -1;
    static const char *const names[] = {"",
#define PLANTED(name, target, what) #name,
#include "vm/base/planted.def"
#undef PLANTED
    };
    if (found >= 0)
        return found;
    const char *wanted = getenv("RILLE_PLANTED_BUG");
    found = RI_PLANTED_NONE;
    for (int i = 1; wanted != NULL && i < RI_PLANTED_any; i++) {
        if (strcmp(wanted, names[i]) == 0)
            found = i;
    }
    return found;
}
#else
extern int ri_nothing_planted; /* a file must declare something */
#endif
