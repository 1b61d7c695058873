/* `rille completion SHELL`: the completion script of a shell. */
#include "tools/help.h"
#include "tools/tool.h"

int ri_cmd_completion(RiTool *tool, int first)
{
    if (first + 1 != tool->argc)
        return ri_help_complain(tool, "completion", "one shell is needed: bash, zsh or fish", NULL);
    if (!ri_help_completion(tool->argv[first]))
        return ri_help_complain(tool, "completion", "no completion for the shell", tool->argv[first]);
    return EXIT_SUCCESS;
}
