/* `rille ps`: the processes of a machine that runs. */
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/help.h"

typedef struct Options {
    const char *path;
    bool json;
    RiClientOrder order;
} Options;

/* -1: it is none. */
static int find_order(const char *name)
{
    for (int i = 0; i < RI_ORDER_COUNT; i++) {
        if (strcmp(ri_client_orders[i], name) == 0)
            return i;
    }
    return -1;
}

/* 0, or the exit status of a command line that is not understood. */
static int parse(const RiTool *tool, int first, Options *o)
{
    for (int i = first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "--json") == 0) {
            o->json = true;
        } else if (strcmp(word, "--sort") == 0 || strncmp(word, "--sort=", 7) == 0) {
            const char *name = word[6] == '=' ? word + 7 : i + 1 < tool->argc ? tool->argv[++i] : "";
            int order = find_order(name);
            if (order < 0)
                return ri_help_complain(tool, "ps", "cannot sort by", name);
            o->order = (RiClientOrder)order;
        } else if (word[0] == '-' || o->path != NULL) {
            return ri_help_complain(tool, "ps", "unexpected", word);
        } else {
            o->path = word;
        }
    }
    return 0;
}

static void print_rows(const RiClientSnapshot *snapshot)
{
    char memory[16], pages[16];
    printf("%6s %6s %-8s %3s %6s %9s %7s %7s %8s %9s  %s\n", "PID", "PARENT", "STATE", "THR", "CPU%", "TIME", "MEMORY", "PAGES",
           "FAULTS", "CALLS", "NAME");
    for (size_t i = 0; i < snapshot->count; i++) {
        const RiClientRow *row = &snapshot->rows[i];
        printf("%6u %6u %-8s %3u %6.1f %9.2f %7s %7s %8llu %9llu  %s\n", row->pid, row->parent, row->state, row->threads,
               row->cpu_share * 100, row->cpu, ri_client_size_text(row->memory, memory), ri_client_size_text(row->pages, pages),
               (unsigned long long)row->faults, (unsigned long long)row->calls, row->name);
    }
    if (snapshot->processes > snapshot->count)
        printf("... and %u more\n", snapshot->processes - (uint32_t)snapshot->count);
}

int ri_cmd_ps(RiTool *tool, int first)
{
    Options o = {0};
    RiClient client;
    RiClientSnapshot snapshot = {0};
    const char *problem;
    int status = parse(tool, first, &o);
    if (status != 0)
        return status;
    if (!ri_client_open(&client, tool, "ps", o.path))
        return EXIT_FAILURE;
    char *text = o.json ? ri_client_ask(&client, "{\"op\": \"ps\", \"limit\": 1000000}", &problem) : NULL;
    bool ok = o.json ? text != NULL : ri_client_snapshot(&client, NULL, &snapshot, &problem);
    if (!ok) {
        fprintf(stderr, "%s: ps: %s\n", tool->name, problem);
    } else if (o.json) {
        puts(text);
    } else {
        ri_client_sort(&snapshot, o.order, false);
        print_rows(&snapshot);
    }
    free(text);
    ri_client_forget(&snapshot);
    ri_client_close(&client);
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
