/* Text in the pages and pictures that sub-commands write. */
#ifndef RI_TOOLS_MARKUP_H
#define RI_TOOLS_MARKUP_H

#include <stdio.h>

/* Write bytes as text of HTML or SVG, in an attribute too: what means something there becomes an entity; NULs and carriage
 * returns, which may not stand there, are left out. */
void ri_markup_text(FILE *out, const char *bytes, size_t size);

#endif
