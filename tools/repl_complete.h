/* What can follow what has been typed, found without running anything of the program. */
#ifndef RI_TOOLS_REPL_COMPLETE_H
#define RI_TOOLS_REPL_COMPLETE_H

#include "tools/repl.h"

/* What is to be completed. */
typedef enum RiCompletionKind { RI_COMPLETE_NAMES, RI_COMPLETE_FILES } RiCompletionKind;

typedef struct RiCompletions {
    RiCompletionKind kind; /* FILES: `names` is empty, the names of files are wanted */
    size_t start;          /* the word to be replaced begins here in the line */
    char **names;          /* malloc'ed, each malloc'ed; what may stand there instead of the word */
    size_t count, capacity;
    bool is_string; /* the word stands in a string */
} RiCompletions;

/* Complete the word that ends at `end` of `line`. Collects; never calls Lua. Free with ri_completions_free. */
void ri_complete(RiRepl *repl, const char *line, size_t end, RiCompletions *out);
void ri_completions_free(RiCompletions *c);

#endif
