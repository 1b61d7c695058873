/* The options about machine code. */
#ifndef RI_TOOLS_OPTIONS_JIT_H
#define RI_TOOLS_OPTIONS_JIT_H

#include "tools/tool.h"

/* An option at argv[*i], its value maybe in the next word, which *i is moved to. 1: taken; 0: it is no such option; -1: it
 * is, but its value is missing or not right. */
int ri_jit_options_take(RiTool *tool, char **argv, int *i);
/* Only move *i past the value of the option there, if it has one in the next word. */
void ri_jit_options_skip(char **argv, int *i);
/* What the value of such an option is to be like, for a message; NULL: it is none. */
const char *ri_jit_options_expected(const char *word);

#endif
