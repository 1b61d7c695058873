/* `rille prof`: run a program and tell where its time, or its memory, goes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/help.h"
#include "tools/profile.h"
#include "tools/tool.h"
#include "vm/machine/machine.h"

#define HZ 500 /* a signal and what the switch to it costs: 1 to 2 % of the time */
#define HZ_MAX 20000
#define ROWS 20

typedef void Print(const RiProf *p, FILE *out);
typedef struct Output {
    const char *option, *path;
    Print *print;
    FILE *file; /* opened before the program runs */
} Output;

typedef struct Prof {
    const RiTool *tool;
    RiProf *prof;
    RiSampling *sampling;
    Output outputs[3];
    unsigned hz;
    uint32_t rows;
    bool of_allocations, is_quiet;
} Prof;

/* For the end of the host process, which os.exit may bring about anywhere: atexit passes no argument. */
static Prof *running;

static void complain(const RiTool *tool, const char *what, const char *path, const char *why)
{
    char text[400];
    snprintf(text, sizeof text, "prof: %s%.200s: %.100s", what, path, why);
    ri_tool_message(tool, text);
}

static void write_output(const Prof *x, Output *o)
{
    if (o->file == NULL)
        return;
    o->print(x->prof, o->file);
    bool ok = fflush(o->file) == 0 && !ferror(o->file);
    if (o->file != stdout)
        ok = fclose(o->file) == 0 && ok;
    if (!ok)
        complain(x->tool, "cannot write ", o->path, strerror(errno));
    o->file = NULL;
}

/* The program is over; its heap is still there. */
static void finish(void)
{
    Prof *x = running;
    if (x == NULL)
        return;
    running = NULL;
    ri_sampling_end(x->sampling);
    ri_prof_sum(x->prof);
    fflush(stdout);
    for (size_t i = 0; i < RI_COUNTOF(x->outputs); i++)
        write_output(x, &x->outputs[i]);
    if (!x->is_quiet)
        ri_prof_print_table(x->prof, stderr, x->rows);
    fflush(stderr);
    ri_prof_free(x->prof);
}

static void close_profile(void *argument)
{
    (void)argument;
    finish();
}

static void attach(struct RiMachine *machine, void *argument)
{
    Prof *x = argument;
    x->sampling = ri_sampling_start(x->prof, machine, x->of_allocations ? 0 : x->hz);
    if (x->sampling == NULL) {
        complain(x->tool, "cannot take samples", "", strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* -- The command line ------------------------------------------------------------------------------------------------------- */

static bool take_number(const char *value, unsigned max, unsigned *out)
{
    char *end;
    unsigned long number = value != NULL ? strtoul(value, &end, 10) : 0;
    if (value == NULL || end == value || *end != '\0' || number == 0 || number > max)
        return false;
    *out = (unsigned)number;
    return true;
}

/* The value of --name=value or --name value, or -o value. NULL: it is not that option. */
static const char *value_of(const RiTool *tool, int *i, const char *name)
{
    const char *word = tool->argv[*i];
    size_t size = strlen(name);
    if (strncmp(word, name, size) != 0)
        return NULL;
    if (word[size] == '=' && size > 2)
        return word + size + 1;
    if (word[size] != '\0' || *i + 1 >= tool->argc)
        return NULL;
    return tool->argv[++*i];
}

/* 1: taken, 0: not of this command, -1: wrong. */
static int take_option(Prof *x, int *i)
{
    const char *word = x->tool->argv[*i], *value;
    for (size_t k = 0; k < RI_COUNTOF(x->outputs); k++) {
        value = value_of(x->tool, i, x->outputs[k].option);
        if (value != NULL) {
            x->outputs[k].path = value;
            return *value != '\0' ? 1 : -1;
        }
    }
    if ((value = value_of(x->tool, i, "--hz")) != NULL)
        return take_number(value, HZ_MAX, &x->hz) ? 1 : -1;
    if ((value = value_of(x->tool, i, "--top")) != NULL)
        return take_number(value, 100000, &x->rows) ? 1 : -1;
    if (strcmp(word, "--alloc") == 0)
        x->of_allocations = true;
    else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
        x->is_quiet = true;
    else
        return 0;
    return 1;
}

static bool parse_options(Prof *x, int *i)
{
    for (; *i < x->tool->argc && x->tool->argv[*i][0] == '-' && x->tool->argv[*i][1] != '\0'; ++*i) {
        const char *word = x->tool->argv[*i];
        int taken = take_option(x, i);
        if (taken < 0) {
            complain(x->tool, "bad value for ", word, "see `rille help prof`");
            return false;
        }
        if (taken == 0) {
            bool needs = strcmp(word, "-o") == 0 || strcmp(word, "--hz") == 0 || strcmp(word, "--top") == 0 ||
                         strcmp(word, "--collapsed") == 0 || strcmp(word, "--speedscope") == 0;
            if (needs)
                complain(x->tool, "no value for ", word, "see `rille help prof`");
            return !needs; /* the options of run, and the script */
        }
    }
    return true;
}

static bool open_outputs(Prof *x)
{
    for (size_t i = 0; i < RI_COUNTOF(x->outputs); i++) {
        Output *o = &x->outputs[i];
        if (o->path == NULL)
            continue;
        o->file = strcmp(o->path, "-") == 0 ? stdout : fopen(o->path, "we");
        if (o->file == NULL) {
            complain(x->tool, "cannot open ", o->path, strerror(errno));
            return false;
        }
    }
    return true;
}

/* What is run, for headings: the first word that can be a script. */
static const char *title_of(const RiTool *tool, int next)
{
    for (int i = next; i < tool->argc; i++) {
        size_t size = strlen(tool->argv[i]);
        if (tool->argv[i][0] != '-' && size > 4 && strcmp(tool->argv[i] + size - 4, ".lua") == 0)
            return tool->argv[i];
    }
    return tool->argv[next];
}

int ri_cmd_prof(RiTool *tool, int first)
{
    static Prof x; /* until the end of the host process */
    x = (Prof){.tool = tool, .hz = HZ, .rows = ROWS,
               .outputs = {{"-o", NULL, ri_prof_print_svg, NULL},
                           {"--collapsed", NULL, ri_prof_print_collapsed, NULL},
                           {"--speedscope", NULL, ri_prof_print_speedscope, NULL}}};
    int next = first;
    if (!parse_options(&x, &next))
        return EXIT_FAILURE;
    if (next >= tool->argc) {
        complain(tool, "which program? ", "", "see `rille help prof`");
        return EXIT_FAILURE;
    }
    x.prof = open_outputs(&x) ? ri_prof_new(x.of_allocations, title_of(tool, next)) : NULL;
    if (x.prof == NULL)
        return EXIT_FAILURE;
    tool->jit.lists = true;
    tool->on_machine = attach;
    tool->on_machine_argument = &x;
    tool->on_close = close_profile;
    tool->on_end = finish;
    running = &x;
    atexit(finish);
    return ri_cmd_run(tool, next);
}
