/* Colours of what is written to a terminal. */
#ifndef RI_TOOLS_REPL_STYLE_H
#define RI_TOOLS_REPL_STYLE_H

#include <stdbool.h>

/* X(NAME, escape sequence) */
#define RI_STYLES(X)                                                                                                   \
    X(PLAIN, "\x1b[0m")                                                                                                \
    X(NUMBER, "\x1b[36m")                                                                                              \
    X(STRING, "\x1b[32m")                                                                                              \
    X(KEYWORD, "\x1b[33m")                                                                                             \
    X(FUNCTION, "\x1b[34m")                                                                                            \
    X(KEY, "\x1b[0m")                                                                                                  \
    X(NOTE, "\x1b[2m")                                                                                                 \
    X(ERROR, "\x1b[31m")                                                                                               \
    X(CARET, "\x1b[1;31m")                                                                                             \
    X(STRONG, "\x1b[1m")

typedef enum RiStyle {
#define STYLE(name, code) RI_STYLE_##name,
    RI_STYLES(STYLE)
#undef STYLE
        RI_STYLE_COUNT
} RiStyle;

/* The escape sequence that begins it (PLAIN ends any), or "" without colours. */
const char *ri_style(bool color, RiStyle style);

/* Is it a terminal with colours, and does nobody mind (NO_COLOR, TERM=dumb)? `fd` 1 or 2. */
bool ri_style_is_wanted(int fd);

#endif
