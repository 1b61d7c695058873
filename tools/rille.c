/* The command `rille`: which sub-command, or which Lua, has been asked for.
 *
 * Called by another name (lua, lua5.4) it is the stand-alone interpreter of Lua 5.4, as scripts and tools expect it. */
#include <stdio.h>
#include <string.h>

#include "tools/help.h"
#include "tools/options_jit.h"
#include "tools/tool.h"
#include "vm/host/host.h"

typedef struct Command {
    const char *name;
    int (*run)(RiTool *tool, int first);
} Command;

static const Command commands[] = {
#define COMMAND(name, arguments, summary) {#name, ri_cmd_##name},
#include "tools/commands.def"
#undef COMMAND
};

void ri_tool_version(void)
{
    puts(RI_VERSION_TEXT);
    fflush(stdout);
}

static const char short_options[] =
    "  -e stat   execute string 'stat'\n"
    "  -i        enter interactive mode after executing 'script'\n"
    "  -l mod    require library 'mod' into global 'mod'\n"
    "  -l g=mod  require library 'mod' into global 'g'\n"
    "  -v        show version information\n"
    "  -E        ignore environment variables\n"
    "  -W        turn warnings on\n"
    "  --        stop handling options\n"
    "  -         stop handling options and execute stdin\n";

void ri_tool_usage(const RiTool *tool, const char *bad_option)
{
    char text[600], near[100];
    bool needs_argument = bad_option[1] == 'e' || bad_option[1] == 'l';
    const char *expected = tool->is_lua ? NULL : ri_limits_expected(bad_option);
    if (!tool->is_lua && expected == NULL)
        expected = ri_jit_options_expected(bad_option);
    if (expected != NULL)
        snprintf(text, sizeof text, "'%s' needs %s", bad_option, expected);
    else
        snprintf(text, sizeof text, needs_argument ? "'%s' needs argument" : "unrecognized option '%s'", bad_option);
    if (!tool->is_lua && expected == NULL && ri_help_near_option("run", bad_option, near, sizeof near) != NULL) {
        size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, " (did you mean '%s'?)", near);
    }
    ri_tool_message(tool, text);
    fprintf(stderr, "usage: %s [options] [script [args]]\n", tool->name);
    if (!tool->is_lua)
        fprintf(stderr, "       %s command [arguments]      (%s --help lists the commands)\n", tool->name, tool->name);
    fprintf(stderr, "Available options are:\n%s", short_options);
}

void ri_tool_help(const RiTool *tool)
{
    ri_help_print_all(tool->name);
}

static bool is_called_lua(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strncmp(slash != NULL ? slash + 1 : path, "lua", 3) == 0;
}

static int run_command(RiTool *tool, const Command *command)
{
    const char *word = tool->argc > 2 ? tool->argv[2] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return ri_help_print(tool->name, command->name) ? EXIT_SUCCESS : EXIT_FAILURE;
    return command->run(tool, 2);
}

/* A word that is no file, and nearly a command: it was mistyped. */
static bool is_mistyped(const RiTool *tool, const char *word)
{
    const char *near = word[strcspn(word, "-./")] == '\0' ? ri_help_near_command(word) : NULL;
    if (near == NULL || ri_host_is_readable(word))
        return false;
    fprintf(stderr, "%s: '%s' is neither a command nor a file; did you mean '%s %s'?\n", tool->name, word, tool->name, near);
    return true;
}

int main(int argc, char **argv)
{
    RiTool tool = {.argc = argc, .argv = argv, .name = "rille"};
    if (argc > 0 && argv[0][0] != '\0') {
        tool.name = argv[0];
        tool.is_lua = is_called_lua(argv[0]);
    }
    if (tool.is_lua || argc < 2)
        return ri_cmd_run(&tool, 1);
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(&tool, &commands[i]);
    }
    return is_mistyped(&tool, argv[1]) ? EXIT_FAILURE : ri_cmd_run(&tool, 1);
}
