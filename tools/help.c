/* The texts of `rille --help` and `rille CMD --help`, and suggestions for what was mistyped. All of them come from two tables. */
#include "tools/help.h"

#include <stdio.h>
#include <string.h>

#include "tools/tool.h"

#define COLUMN 24    /* where the explanation of an option begins */
#define WIDTH 100    /* of lines of text */
#define WORD_MAX 40  /* longer words are not compared */

/* Groups of commands, in the order in which they are listed. */
#define GROUPS(X) \
    X(RUN, "Run programs") X(BUILD, "Test, measure, ship") X(LOOK, "Look inside") X(LIVE, "Live processes") X(ABOUT, "Help")

enum {
#define GROUP_ID(id, title) GROUP_##id,
    GROUPS(GROUP_ID)
#undef GROUP_ID
    GROUP_OTHER
};

const char *const ri_help_groups[] = {
#define GROUP_TITLE(id, title) title,
    GROUPS(GROUP_TITLE)
#undef GROUP_TITLE
    "More"
};
const size_t ri_help_group_count = RI_COUNTOF(ri_help_groups);

typedef struct Text {
    const char *command, *text;
    unsigned group;
    bool runs;
} Text;

enum { PLAIN, RUNS };

static const Text texts[] = {
#define HELP(command, group, runs, text) {#command, text, GROUP_##group, runs},
#include "tools/help.def"
};

const RiHelpOption ri_help_options[] = {
#define OPTION(command, spelling, value, text) {#command, spelling, value, text},
#include "tools/help.def"
    {0}
};

const RiHelpExample ri_help_examples[] = {
#define EXAMPLE(command, line, text) {#command, line, text},
#include "tools/help.def"
    {0}
};

const RiHelpStatus ri_help_statuses[] = {
#define STATUS(command, status, text) {#command, status, text},
#include "tools/help.def"
    {0}
};

static const RiHelp commands[] = {
#define COMMAND(name, arguments, summary) {#name, arguments, summary, "", GROUP_OTHER, false},
#include "tools/commands.def"
#undef COMMAND
};

/* -- Looking up -------------------------------------------------------------------------------------------------- */

bool ri_help_command(size_t index, RiHelp *help)
{
    if (index >= RI_COUNTOF(commands))
        return false;
    *help = commands[index];
    for (size_t i = 0; i < RI_COUNTOF(texts); i++) {
        if (strcmp(texts[i].command, help->name) == 0) {
            help->text = texts[i].text;
            help->group = texts[i].group;
            help->runs = texts[i].runs;
        }
    }
    return true;
}

bool ri_help_find(const char *name, RiHelp *help)
{
    for (size_t i = 0; ri_help_command(i, help); i++) {
        if (strcmp(help->name, name) == 0)
            return true;
    }
    return false;
}

bool ri_help_is_spelling(const RiHelpOption *option, const char *word)
{
    for (const char *at = option->spelling; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        bool begins = at[size - 1] == '=' || at[size - 1] == '-';
        if (strncmp(at, word, size) == 0 && (begins || word[size] == '\0'))
            return true;
        at += size;
    }
    return false;
}

/* -- Printing ---------------------------------------------------------------------------------------------------- */

/* Words of `text` between columns `indent` and WIDTH; the first line has begun at column `at`. */
static void print_wrapped(const char *text, size_t at, size_t indent)
{
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        if (at + 1 + size > WIDTH && at > indent) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)size, text);
        at += size;
        text += size + (text[size] == ' ');
    }
    putchar('\n');
}

static void print_option(const RiHelpOption *option)
{
    bool joined = strchr("=-", option->spelling[strlen(option->spelling) - 1]) != NULL;
    int size = printf("  %s%s%s", option->spelling, *option->value == '\0' || joined ? "" : " ", option->value);
    if (size + 2 > COLUMN)
        printf("\n%*s", COLUMN, "");
    else
        printf("%*s", COLUMN - size, "");
    print_wrapped(option->text, COLUMN, COLUMN);
}

static void print_options(const char *command)
{
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        if (strcmp(option->command, command) == 0)
            print_option(option);
    }
}

static bool has_options(const char *command)
{
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        if (strcmp(option->command, command) == 0)
            return true;
    }
    return false;
}

static void print_examples(const char *command)
{
    const char *title = "\nExamples:\n";
    for (const RiHelpExample *example = ri_help_examples; example->command != NULL; example++) {
        if (strcmp(example->command, command) != 0)
            continue;
        printf("%s  %s\n      %s\n", title, example->line, example->text);
        title = "";
    }
}

static void print_statuses(const char *command)
{
    const char *title = "\nExit status:\n";
    for (const RiHelpStatus *row = ri_help_statuses; row->command != NULL; row++) {
        if (strcmp(row->command, command) != 0)
            continue;
        printf("%s  %-5d ", title, row->status);
        print_wrapped(row->text, 8, 8);
        title = "";
    }
}

static void print_groups(void)
{
    RiHelp help;
    for (unsigned group = 0; group < ri_help_group_count; group++) {
        const char *title = ri_help_groups[group];
        for (size_t i = 0; ri_help_command(i, &help); i++) {
            if (help.group != group)
                continue;
            if (title != NULL)
                printf("  %s\n", title);
            title = NULL;
            printf("    %-11s", help.name);
            print_wrapped(help.summary, 15, 15);
        }
    }
}

void ri_help_print_all(const char *name)
{
    printf("%s\n\n"
           "usage: %s [options] [script [args]]\n"
           "       %s command [arguments]\n\n"
           "Commands (%s help COMMAND says more; write ./NAME to run a file called so):\n",
           RI_VERSION_TEXT, name, name, name);
    print_groups();
    printf("\nWithout a script: a prompt if standard input is a terminal, else a script is read from there.\n"
           "Inside the script `arg` holds its arguments, and `...` too.\n\n"
           "Options, before the script:\n");
    print_options("run");
    printf("  --                    stop handling options\n"
           "  -                     stop handling options and execute stdin\n\n"
           "To begin with:\n"
           "  %s -e 'print(1 + 1)'         one line of Lua\n"
           "  %s -i prog.lua               run a program, then look at its globals\n"
           "  %s dis prog.lua              see what it was compiled to\n"
           "Environment: LUA_PATH, LUA_CPATH (where modules are), LUA_INIT (run before the script).\n",
           name, name, name);
    fflush(stdout);
}

bool ri_help_print(const char *name, const char *command)
{
    RiHelp help;
    if (!ri_help_find(command, &help))
        return false;
    printf("usage: %s %s %s\n\n", name, help.name, help.arguments);
    print_wrapped(*help.text != '\0' ? help.text : help.summary, 0, 0);
    if (has_options(command)) {
        printf("\nOptions:\n");
        print_options(command);
    }
    if (help.runs && strcmp(command, "run") != 0)
        printf("  options of run        such as --sandbox, --mem 32M, --jit=off: see %s help run\n", name);
    print_examples(command);
    print_statuses(command);
    fflush(stdout);
    return true;
}

/* -- What may have been meant ------------------------------------------------------------------------------------ */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t less = a < b ? a : b;
    return less < c ? less : c;
}

/* Insertions, removals, replacements and swaps of neighbours that make `b` of `a`. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][WORD_MAX + 1];
    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *swapped = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && swapped[j - 2] + 1 < row[j])
                row[j] = swapped[j - 2] + 1;
        }
    }
    return rows[a_size % 3][b_size];
}

/* Is `name` nearer than what was found before? One wrong letter of three is near. */
static bool is_nearer(const char *word, size_t word_size, const char *name, size_t size, size_t *best)
{
    size_t d = distance(word, word_size, name, size);
    if (d >= *best || d > (word_size + 1) / 3)
        return false;
    *best = d;
    return true;
}

const char *ri_help_near_command(const char *word)
{
    const char *found = NULL;
    size_t best = WORD_MAX;
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (is_nearer(word, strlen(word), commands[i].name, strlen(commands[i].name), &best))
            found = commands[i].name;
    }
    return found;
}

static void compare_spellings(const char *word, const RiHelpOption *option, char *out, size_t size, size_t *best)
{
    for (const char *at = option->spelling; *at != '\0'; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ",");
        bool has_value = at[length - 1] == '=';
        size_t compared = strncmp(at, "--", 2) == 0 ? length - has_value : 0; /* one letter is near to any other */
        if (compared > 0 && is_nearer(word, strcspn(word, "="), at, compared, best))
            snprintf(out, size, "%.*s%s", (int)length, at, has_value ? option->value : "");
        at += length;
    }
}

const char *ri_help_near_option(const char *command, const char *word, char *out, size_t size)
{
    RiHelp help;
    size_t best = WORD_MAX;
    bool runs = ri_help_find(command, &help) && help.runs;
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        if (strcmp(option->command, command) == 0 || (runs && strcmp(option->command, "run") == 0))
            compare_spellings(word, option, out, size, &best);
    }
    return best < WORD_MAX ? out : NULL;
}

int ri_help_complain(const RiTool *tool, const char *command, const char *what, const char *word)
{
    RiHelp help;
    char near[100];
    fprintf(stderr, "%s: %s: %s", tool->name, command, what);
    if (word != NULL)
        fprintf(stderr, " '%s'", word);
    if (word != NULL && word[0] == '-' && ri_help_near_option(command, word, near, sizeof near) != NULL)
        fprintf(stderr, " (did you mean '%s'?)", near);
    fputc('\n', stderr);
    if (ri_help_find(command, &help))
        fprintf(stderr, "usage: %s %s %s\n", tool->name, command, help.arguments);
    fprintf(stderr, "       %s %s --help says more\n", tool->name, command);
    return 2;
}
