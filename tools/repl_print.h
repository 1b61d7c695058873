/* Values as text for people: `{1, 2, x = {…}}`, strings in quotes, functions with the place they come from. */
#ifndef RI_TOOLS_REPL_PRINT_H
#define RI_TOOLS_REPL_PRINT_H

#include "tools/repl_style.h"
#include "vm/exec/native.h"

typedef struct RiPrintOptions {
    bool color;
    bool is_raw;      /* no metamethods: nothing of the program runs */
    uint32_t depth;   /* tables inside tables are shown so deep */
    uint32_t items;   /* entries shown of one table */
    uint32_t columns; /* where lines end */
    bool one_line;    /* whatever its length */
} RiPrintOptions;

/* Append `v`. A string is quoted if `quoted` (inside tables it always is). Calls __tostring and looks at __name unless
 * raw; never __index, __pairs or __len. Collects. Traps: what __tostring raises is shown, not thrown; Ctrl-C is thrown.
 */
void ri_print_value(RiThread *T, RiSbuf *out, RiValue v, bool quoted, const RiPrintOptions *options);

/* Is it a reserved word of Lua? */
bool ri_print_is_keyword(const char *text, size_t size);

/* How many columns `text` takes: escape sequences none, a character of UTF-8 one. */
uint32_t ri_print_width(const char *text, size_t size);

#endif
