/* What `rille doc` and :help know of library functions: stdlib/docs.def, joined with the rows of the libraries. */
#ifndef RI_TOOLS_DOCS_H
#define RI_TOOLS_DOCS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Print what there is about `name`: a function ("string.find", "file:read"), a library ("string"), the last part of a
 * name
 * ("find") or a topic ("patterns"), in lines of at most `columns`. If there is nothing: what comes close to it, and
 * false. */
bool ri_docs_print(FILE *out, const char *name, bool color, uint32_t columns);
/* Is there an entry or a library of exactly that name? */
bool ri_docs_has(const char *name);
/* The libraries and topics. */
void ri_docs_print_index(FILE *out, bool color, uint32_t columns);
/* Entries whose texts contain `word`, one a line; how many there are. */
uint32_t ri_docs_search(FILE *out, const char *word, bool color, uint32_t columns);

/* Call fn with the name of each entry. */
void ri_docs_each(void (*fn)(const char *name, void *argument), void *argument);

#endif
