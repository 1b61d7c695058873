/* Mistakes on purpose, to see whether they are found: planted.def. In every other build RI_PLANTED(name) is 0 and leaves nothing. */
#ifndef RI_BASE_PLANTED_H
#define RI_BASE_PLANTED_H

enum {
    RI_PLANTED_NONE,
#define PLANTED(name, target, what) RI_PLANTED_##name,
#include "vm/base/planted.def"
#undef PLANTED
    RI_PLANTED_any /* the one that RILLE_PLANTED_BUG names when the program runs; none without it */
};

#ifndef RI_PLANTED_BUG
#define RI_PLANTED(name) 0
#else
#define RI_PLANTED(name) (RI_PLANTED_BUG == RI_PLANTED_any ? ri_planted() == RI_PLANTED_##name : RI_PLANTED_BUG == RI_PLANTED_##name)
int ri_planted(void); /* which one RILLE_PLANTED_BUG names; RI_PLANTED_NONE */
#endif

#endif
