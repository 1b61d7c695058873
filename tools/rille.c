/* The command `rille`: which sub-command, or which Lua, has been asked for.
 *
 * Called by another name (lua, lua5.4) it is the stand-alone interpreter of Lua 5.4, as scripts and tools expect it. */
#include <stdio.h>
#include <string.h>

#include "tools/options_jit.h"
#include "tools/options_policy.h"
#include "tools/tool.h"

typedef struct Command {
    const char *name, *arguments, *summary;
    int (*run)(RiTool *tool, int first);
} Command;

static const Command commands[] = {
#define COMMAND(name, arguments, summary) {#name, arguments, summary, ri_cmd_##name},
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
    char text[400];
    bool needs_argument = bad_option[1] == 'e' || bad_option[1] == 'l';
    const char *expected = tool->is_lua ? NULL : ri_limits_expected(bad_option);
    if (!tool->is_lua && expected == NULL)
        expected = ri_jit_options_expected(bad_option);
    if (expected != NULL)
        snprintf(text, sizeof text, "'%s' needs %s", bad_option, expected);
    else
        snprintf(text, sizeof text, needs_argument ? "'%s' needs argument" : "unrecognized option '%s'", bad_option);
    ri_tool_message(tool, text);
    fprintf(stderr, "usage: %s [options] [script [args]]\n", tool->name);
    if (!tool->is_lua)
        fprintf(stderr, "       %s command [arguments]      (%s --help lists the commands)\n", tool->name, tool->name);
    fprintf(stderr, "Available options are:\n%s", short_options);
}

void ri_tool_help(const RiTool *tool)
{
    printf("%s\n\n"
           "usage: %s [options] [script [args]]\n"
           "       %s command [arguments]\n\n"
           "Without a script: a prompt if standard input is a terminal, else a script is read from there.\n"
           "Inside the script `arg` holds its arguments, and `...` too.\n\n"
           "Options, before the script:\n%s"
           "%s%s%s%s"
           "  --stats[=all]         say at the end what was executed and how memory was used; all: every opcode\n"
           "  --help, --version\n\n"
           "Commands (write ./NAME to run a file called so):\n",
           RI_VERSION_TEXT, tool->name, tool->name, short_options, ri_jit_options_help, ri_limits_help, ri_device_options_help,
           ri_policy_help);
    for (size_t i = 0; i < RI_COUNTOF(commands); i++)
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
    printf("\nTo begin with:\n"
           "  %s -e 'print(1 + 1)'         one line of Lua\n"
           "  %s -i prog.lua               run a program, then look at its globals\n"
           "  %s dis prog.lua              see what it was compiled to\n"
           "Environment: LUA_PATH, LUA_CPATH (where modules are), LUA_INIT (run before the script).\n",
           tool->name, tool->name, tool->name);
    fflush(stdout);
}

static bool is_called_lua(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strncmp(slash != NULL ? slash + 1 : path, "lua", 3) == 0;
}

int main(int argc, char **argv)
{
    RiTool tool = {.argc = argc, .argv = argv, .name = "rille"};
    if (argc > 0 && argv[0][0] != '\0') {
        tool.name = argv[0];
        tool.is_lua = is_called_lua(argv[0]);
    }
    if (!tool.is_lua && argc > 1) {
        for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
            if (strcmp(argv[1], commands[i].name) == 0)
                return commands[i].run(&tool, 2);
        }
    }
    return ri_cmd_run(&tool, 1);
}
