/* The grammar of Lua 5.4 (manual §9). */
#ifndef RI_COMPILER_PARSE_H
#define RI_COMPILER_PARSE_H

#include "compiler/unit.h"

/* Parse the whole chunk; functions are emitted as they end. Returns the main function. Throws syntax errors. */
RiProto *ri_parse_chunk(RiUnit *unit);

#endif
