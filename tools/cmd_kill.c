/* `rille kill`: a signal to processes of a machine that runs. */
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/help.h"
#include "vm/machine/signal.h"

static void list_signals(void)
{
    for (uint32_t number = 1; number < RI_SIGNAL_COUNT; number++) {
        if (strcmp(ri_signal_name(number), "?") != 0)
            printf("%2u %s\n", number, ri_signal_name(number));
    }
    fflush(stdout);
}

/* A number from 1 on; 0: it is none. */
static uint32_t parse_pid(const char *word)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);
    return *end == '\0' && word[0] >= '1' && word[0] <= '9' && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* "9", "KILL", "SIGKILL" -> "KILL"; NULL: no signal. */
static const char *parse_signal(const char *word)
{
    uint32_t number = parse_pid(word);
    if (number == 0)
        number = ri_signal_number(word);
    const char *name = number > 0 && number < RI_SIGNAL_COUNT ? ri_signal_name(number) : "?";
    return strcmp(name, "?") != 0 ? name : NULL;
}

int ri_cmd_kill(RiTool *tool, int first)
{
    const char *signal = "TERM", *path = NULL, *problem;
    int pids = 0, status = EXIT_SUCCESS;
    RiClient client;
    for (int i = first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "-l") == 0 || strcmp(word, "--list") == 0) {
            list_signals();
            return EXIT_SUCCESS;
        } else if (word[0] == '-' && word[1] != '\0') {
            const char *name = strcmp(word, "-s") == 0 ? (i + 1 < tool->argc ? tool->argv[++i] : "") : word + 1;
            signal = word[1] == '-' ? NULL : parse_signal(name);
            if (signal == NULL)
                return ri_help_complain(tool, "kill", word[1] == '-' ? "unexpected" : "there is no signal",
                                        word[1] == '-' ? word : name);
        } else if (parse_pid(word) != 0) {
            tool->argv[first + pids++] = tool->argv[i];
        } else if (path == NULL && pids == 0) {
            path = word;
        } else {
            return ri_help_complain(tool, "kill", "not the number of a process:", word);
        }
    }
    if (pids == 0)
        return ri_help_complain(tool, "kill", "the number of a process is needed", NULL);
    if (!ri_client_open(&client, tool, "kill", path))
        return EXIT_FAILURE;
    for (int i = 0; i < pids; i++) {
        if (!ri_client_kill(&client, parse_pid(tool->argv[first + i]), signal, &problem)) {
            fprintf(stderr, "%s: kill: %s: %s\n", tool->name, tool->argv[first + i], problem);
            status = EXIT_FAILURE;
        }
    }
    ri_client_close(&client);
    return status;
}
