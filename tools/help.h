/* What the command knows about its sub-commands and their options, from commands.def and help.def: texts for people, manual
 * pages, completions, and the nearest name to one that was mistyped. */
#ifndef RI_TOOLS_HELP_H
#define RI_TOOLS_HELP_H

#include <stdbool.h>
#include <stddef.h>

struct RiTool;

typedef struct RiHelpOption {
    const char *command, *spelling, *value, *text;
} RiHelpOption;

typedef struct RiHelpExample {
    const char *command, *line, *text;
} RiHelpExample;

typedef struct RiHelpStatus {
    const char *command;
    int status;
    const char *text;
} RiHelpStatus;

/* One command. `group` is an index of ri_help_groups; `text` is "" if help.def has nothing about it. */
typedef struct RiHelp {
    const char *name, *arguments, *summary, *text;
    unsigned group;
    bool runs; /* the options of `run` may stand before its script */
} RiHelp;

extern const char *const ri_help_groups[];
extern const size_t ri_help_group_count;

/* Tables, each ended by a row whose first member is NULL. */
extern const RiHelpOption ri_help_options[];
extern const RiHelpExample ri_help_examples[];
extern const RiHelpStatus ri_help_statuses[];

/* Fill in the command number `index`, in the order of commands.def. False: there are fewer. */
bool ri_help_command(size_t index, RiHelp *help);
bool ri_help_find(const char *name, RiHelp *help);

/* Does an option's row have this spelling? "-o, --out" has two; a spelling that ends with '=' or '-' begins a word. */
bool ri_help_is_spelling(const RiHelpOption *option, const char *word);

/* The whole of `rille --help`, and of `rille CMD --help`, to stdout. */
void ri_help_print_all(const char *name);
bool ri_help_print(const char *name, const char *command); /* false: there is no such command */

/* The command, or the option of `command`, whose name is nearest to `word`; NULL if none is near. The text of an option is
 * written to `out`. */
const char *ri_help_near_command(const char *word);
const char *ri_help_near_option(const char *command, const char *word, char *out, size_t size);

/* "NAME: CMD: WHAT 'WORD' (did you mean …?)", the usage and where more is said, to stderr. Returns 2, the exit status of a command
 * line that is not understood. `word` NULL: no word is to blame. */
int ri_help_complain(const struct RiTool *tool, const char *command, const char *what, const char *word);

void ri_help_man(const char *command);      /* roff to stdout; NULL: rille(1). Of a command that exists */
bool ri_help_completion(const char *shell); /* to stdout; false: the shell is not known */

#endif
