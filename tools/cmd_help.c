/* `rille help`: what there is to know about commands, as text or as manual pages. */
#include <stdio.h>
#include <string.h>

#include "tools/help.h"
#include "tools/tool.h"

static int print_names(void)
{
    RiHelp help;
    for (size_t i = 0; ri_help_command(i, &help); i++)
        puts(help.name);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int ri_cmd_help(RiTool *tool, int first)
{
    bool man = false;
    const char *command = NULL;
    RiHelp help;
    for (int i = first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "--man") == 0)
            man = true;
        else if (strcmp(word, "--names") == 0)
            return print_names();
        else if (word[0] == '-' || command != NULL)
            return ri_help_complain(tool, "help", "unexpected", word);
        else
            command = word;
    }
    if (command != NULL && !ri_help_find(command, &help)) {
        const char *near = ri_help_near_command(command);
        fprintf(stderr, near != NULL ? "%s: help: there is no command '%s'; did you mean '%s'?\n"
                                     : "%s: help: there is no command '%s' (%s --help lists them)\n",
                tool->name, command, near != NULL ? near : tool->name);
        return 2;
    }
    if (man)
        ri_help_man(command);
    else if (command != NULL)
        ri_help_print(tool->name, command);
    else
        ri_help_print_all(tool->name);
    return EXIT_SUCCESS;
}
