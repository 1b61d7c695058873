/* Manual pages in roff, of the same texts that --help prints. */
#include <stdio.h>
#include <string.h>

#include "tools/help.h"
#include "tools/tool.h"

/* Text as roff wants it: a line must not begin with a dot or an apostrophe, and '-' and '\' are written as what they
 * are. */
static void print_escaped(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\'')
            fputs("\\(aq", stdout);
        else if (*text == '`')
            fputs("\\(ga", stdout);
        else
            putchar(*text);
    }
}

static void print_paragraph(const char *text)
{
    print_escaped(text);
    putchar('\n');
}

static void print_options(const char *command)
{
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        if (strcmp(option->command, command) != 0)
            continue;
        bool joined = strchr("=-", option->spelling[strlen(option->spelling) - 1]) != NULL;
        printf(".TP\n\\fB");
        print_escaped(option->spelling);
        printf("\\fR");
        if (*option->value != '\0') {
            printf("%s\\fI", joined ? "" : " ");
            print_escaped(option->value);
            printf("\\fR");
        }
        putchar('\n');
        print_paragraph(option->text);
    }
}

static void print_examples(const char *command)
{
    printf(".SH EXAMPLES\n");
    for (const RiHelpExample *example = ri_help_examples; example->command != NULL; example++) {
        if (strcmp(example->command, command) != 0)
            continue;
        printf(".TP\n.B ");
        print_escaped(example->line);
        putchar('\n');
        print_paragraph(example->text);
    }
}

static void print_statuses(const char *command)
{
    const char *title = ".SH EXIT STATUS\n";
    for (const RiHelpStatus *row = ri_help_statuses; row->command != NULL; row++) {
        if (strcmp(row->command, command) != 0)
            continue;
        printf("%s.TP\n.B %d\n", title, row->status);
        print_paragraph(row->text);
        title = "";
    }
}

static void print_head(const char *page, const char *summary)
{
    printf(".TH \"%s\" 1 \"\" \"Rille %s\" \"User Commands\"\n.SH NAME\n", page, PACKAGE_VERSION);
    print_escaped(page);
    printf(" \\- ");
    print_paragraph(summary);
    printf(".SH SYNOPSIS\n");
}

static void print_command(const RiHelp *help)
{
    char page[64];
    snprintf(page, sizeof page, "rille-%s", help->name);
    print_head(page, help->summary);
    printf(".B rille %s\n", help->name);
    print_paragraph(help->arguments);
    printf(".SH DESCRIPTION\n");
    print_paragraph(*help->text != '\0' ? help->text : help->summary);
    printf(".SH OPTIONS\n");
    print_options(help->name);
    if (help->runs && strcmp(help->name, "run") != 0)
        printf(".TP\n.I options of run\nsuch as \\-\\-sandbox, \\-\\-mem 32M, \\-\\-jit=off: see rille\\-run(1)\n");
    print_examples(help->name);
    print_statuses(help->name);
    printf(".SH SEE ALSO\n.BR rille (1)\n");
}

static void print_all(void)
{
    RiHelp help;
    print_head("rille", "run Lua programs, test them, look into them");
    printf(".B rille\n[options] [script [args]]\n.br\n.B rille\ncommand [arguments]\n.SH DESCRIPTION\n");
    print_paragraph(
        "A virtual machine for Lua 5.4 that runs programs the way an operating system runs processes. Without a "
        "script: a prompt if standard input is a terminal, else a script is read from there. Called by the name "
        "lua or lua5.4 it is that interpreter, without commands and long options.");
    printf(".SH COMMANDS\n");
    for (size_t i = 0; ri_help_command(i, &help); i++) {
        printf(".TP\n.BR rille\\-%s (1)\n", help.name);
        print_paragraph(help.summary);
    }
    printf(".SH OPTIONS\n");
    print_options("run");
    print_examples("run");
    print_statuses("run");
    printf(".SH ENVIRONMENT\n.TP\n.B LUA_PATH, LUA_CPATH\nwhere modules are\n.TP\n.B LUA_INIT\nrun before the script\n"
           ".TP\n.B NO_COLOR\nno colours, whatever the terminal can do\n");
}

void ri_help_man(const char *command)
{
    RiHelp help;
    if (command == NULL)
        print_all();
    else if (ri_help_find(command, &help))
        print_command(&help);
    fflush(stdout);
}
