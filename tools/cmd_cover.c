/* `rille cover`: which lines, functions and ways of conditions of a program have run.
 *
 * Each line begins with a breakpoint that goes at its first hit (exec/breakpoint.h): code that has run once is as fast as
 * ever. With --branches the conditional instructions keep theirs until both ways have been taken; which one was is seen by
 * breakpoints at both ends, one of which is met next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cover.h"
#include "tools/debug_scope.h"
#include "tools/help.h"
#include "tools/tool.h"
#include "vm/exec/breakpoint.h"
#include "vm/host/newfile.h"

typedef struct Condition { /* a conditional instruction */
    const RiProto *proto;
    uint32_t pc, target, next;
    CoverFile *file;
    int line;
    uint32_t block;
    bool seen[2]; /* went to target; went on */
} Condition;

typedef struct Pending { /* a thread has come to a condition, and is about to go one of its ways */
    const RiThread *thread;
    uint32_t base;
    RiFeedback *feedback; /* NULL: none */
    uint32_t condition;
} Pending;

typedef struct Coverage {
    RiDebugger core;
    RiTool *tool;
    Cover cover;
    Condition *conditions;
    uint32_t condition_count, condition_capacity;
    Pending pending;       /* a root */
    RiSourceText source;
    const char *lcov, *html, *only;
    bool branches, appends, is_quiet, is_written;
    double fail_under;     /* percent of lines; negative: none */
    bool has_failed;
} Coverage;

/* For the end of the host process, which os.exit may bring about anywhere: atexit passes no argument. */
static Coverage *running;

/* -- What there is --------------------------------------------------------------------------------------------------- */

static bool is_wanted(const Coverage *c, const RiProto *proto)
{
    if (!proto->has_lines || proto->source == NULL || proto->source->size < 2 || ri_str_data(proto->source)[0] != '@')
        return false;
    return c->only == NULL || strstr(ri_str_data(proto->source), c->only) != NULL;
}

static CoverFile *file_of(Coverage *c, const RiProto *proto)
{
    char path[4200];
    ri_scope_source_name(proto, path, sizeof path);
    return ri_cover_file(&c->cover, strncmp(path, "./", 2) == 0 ? path + 2 : path);
}

static bool is_condition(RiOpcode op)
{
    return ri_op_has_flag(op, 'J') && !ri_op_has_flag(op, 'F') && !ri_op_has_flag(op, 'P') && op != RI_OP_FORPREP;
}

/* The `return` at a function's `end`, which is no line of anybody's. */
static bool is_end(const RiProto *proto, uint32_t pc)
{
    return pc + 1 == proto->code_count && RI_WORD_OP(proto->code[pc]) == RI_OP_RETURN0 && pc > 0;
}

static bool is_name_character(char c)
{
    return c == '_' || c == '.' || c == ':' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* As it is defined: "function a.b(", "local function c(", "d = function("; else by its line. */
static void name_of(Coverage *c, const RiProto *proto, char *out, size_t size)
{
    size_t length;
    char text[400];
    const char *line = ri_source_line(&c->source, proto->source, (int)proto->line_defined, &length);
    snprintf(out, size, proto->line_defined == 0 ? "(main)" : "(function at %u)", proto->line_defined);
    if (line == NULL || proto->line_defined == 0)
        return;
    snprintf(text, sizeof text, "%.*s", (int)(length < 399 ? length : 399), line);
    const char *word = strstr(text, "function");
    if (word == NULL)
        return;
    const char *name = word + 8 + strspn(word + 8, " \t");
    size_t n = 0;
    if (*name != '(') {
        while (is_name_character(name[n]))
            n++;
    } else {
        const char *end = word;
        while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        if (end == text || end[-1] != '=')
            return;
        for (end--; end > text && (end[-1] == ' ' || end[-1] == '\t'); end--)
            continue;
        for (name = end; name > text && is_name_character(name[-1]); name--)
            n++;
    }
    if (n > 0)
        snprintf(out, size, "%.*s", (int)n, name);
}

static void add_condition(Coverage *c, const RiProto *proto, uint32_t pc, CoverFile *file)
{
    if (c->condition_count == c->condition_capacity) {
        uint32_t capacity = c->condition_capacity * 2 + 64;
        Condition *more = realloc(c->conditions, capacity * sizeof *more);
        if (more == NULL)
            return;
        c->conditions = more;
        c->condition_capacity = capacity;
    }
    uint32_t block = file->branch_count / 2;
    int line = ri_proto_line(proto, pc);
    c->conditions[c->condition_count++] =
        (Condition){.proto = proto, .pc = pc, .next = ri_code_next(proto, pc), .file = file, .line = line, .block = block,
                    .target = (uint32_t)((int32_t)pc + 2 + (int32_t)proto->code[pc + 1])};
    ri_cover_branch(file, line, block, 0);
    ri_cover_branch(file, line, block, 1);
}

/* Everything in a chunk, run or not. */
static void take_stock(Coverage *c, const RiProto *proto, CoverFile *file)
{
    char name[200];
    name_of(c, proto, name, sizeof name);
    if (proto->line_defined > 0)
        ri_cover_function(file, (int)proto->line_defined, name);
    for (uint32_t pc = 0; pc < proto->code_count; pc = ri_code_next(proto, pc)) {
        if (pc >= ri_code_entry(proto) && !is_end(proto, pc))
            ri_cover_line(file, ri_proto_line(proto, pc), 0);
        if (c->branches && is_condition(RI_WORD_OP(proto->code[pc])))
            add_condition(c, proto, pc, file);
    }
    for (uint32_t i = 0; i < proto->proto_count; i++)
        take_stock(c, proto->protos[i], file);
}

/* -- What has run ----------------------------------------------------------------------------------------------------- */

static bool is_line_hit(const CoverFile *file, int line)
{
    return line < 1 || line >= file->line_capacity || file->lines[line].hits > 0;
}

static bool begins_line(const RiProto *proto, uint32_t last, uint32_t pc)
{
    uint32_t entry = ri_code_entry(proto);
    return pc >= entry && !is_end(proto, pc) && (pc == entry || ri_code_begins_line(proto, last, pc));
}

/* In the order of prototypes and of instructions; UINT32_MAX: none. */
static uint32_t find_condition(const Coverage *c, const RiProto *proto, uint32_t pc)
{
    for (uint32_t i = 0; i < c->condition_count; i++) {
        if (c->conditions[i].proto == proto && c->conditions[i].pc == pc)
            return i;
    }
    return UINT32_MAX;
}

static bool is_open(const Condition *condition)
{
    return !condition->seen[0] || !condition->seen[1];
}

static void on_function(RiDebugger *core, RiFeedback *feedback)
{
    Coverage *c = core->data;
    const RiProto *proto = feedback->proto;
    char name[200];
    if (!is_wanted(c, proto))
        return;
    CoverFile *file = file_of(c, proto);
    if (file == NULL)
        return;
    if (proto->line_defined == 0 && (!c->branches || find_condition(c, proto, UINT32_MAX) == UINT32_MAX)) {
        bool is_known = file->line_capacity > 0 && c->branches; /* run again: the same branches, other prototypes */
        if (!is_known)
            take_stock(c, proto, file);
    }
    name_of(c, proto, name, sizeof name);
    CoverFunction *function = proto->line_defined > 0 ? ri_cover_function(file, (int)proto->line_defined, name) : NULL;
    if (function != NULL)
        function->hits++;
    uint32_t last = UINT32_MAX;
    for (uint32_t pc = 0; pc < proto->code_count; last = pc, pc = ri_code_next(proto, pc)) {
        uint32_t condition = c->branches && is_condition(RI_WORD_OP(proto->code[pc])) ? find_condition(c, proto, pc) : UINT32_MAX;
        if ((begins_line(proto, last, pc) && !is_line_hit(file, ri_proto_line(proto, pc))) ||
            (condition != UINT32_MAX && is_open(&c->conditions[condition])))
            ri_breakpoint_set(core->heap, feedback, pc);
    }
}

/* The way that the pending condition has gone, if T stands at the end of one. */
static void settle_condition(Coverage *c, const RiThread *T, const RiFeedback *feedback, uint32_t pc)
{
    const Pending *p = &c->pending;
    if (p->feedback != feedback || p->thread != T || p->base != (uint32_t)(T->base - T->stack))
        return;
    Condition *condition = &c->conditions[p->condition];
    if (pc != condition->target && pc != condition->next)
        return;
    uint32_t way = pc == condition->target ? 0 : 1;
    CoverBranch *branch = ri_cover_branch(condition->file, condition->line, condition->block, way);
    if (branch != NULL && !condition->seen[way])
        branch->hits++;
    condition->seen[way] = true;
    c->pending = (Pending){0};
}

static void on_break(RiDebugger *core, RiThread *T)
{
    Coverage *c = core->data;
    RiFeedback *feedback = ((const RiClosure *)T->base[-2].cp)->feedback;
    const RiProto *proto = feedback->proto;
    uint32_t pc = T->pc - 1;
    CoverFile *file = file_of(c, proto);
    int line = ri_proto_line(proto, pc);
    if (file == NULL)
        return;
    settle_condition(c, T, feedback, pc);
    if (!is_line_hit(file, line))
        ri_cover_line(file, line, 1);
    uint32_t found = c->branches && is_condition(RI_WORD_OP(proto->code[pc])) ? find_condition(c, proto, pc) : UINT32_MAX;
    if (found == UINT32_MAX || !is_open(&c->conditions[found])) {
        ri_breakpoint_clear(feedback, pc);
        return;
    }
    c->pending = (Pending){.thread = T, .base = (uint32_t)(T->base - T->stack), .feedback = feedback, .condition = found};
    ri_breakpoint_set(core->heap, feedback, c->conditions[found].target);
    ri_breakpoint_set(core->heap, feedback, c->conditions[found].next);
}

/* -- Reports ---------------------------------------------------------------------------------------------------------- */

static void complain(const Coverage *c, const char *what, const char *path)
{
    char text[600];
    snprintf(text, sizeof text, "cover: cannot %s %.400s: %s", what, path, strerror(errno));
    ri_tool_message(c->tool, text);
}

static void append_old(Coverage *c)
{
    FILE *in = fopen(c->lcov, "re");
    if (in == NULL && errno == ENOENT)
        return;
    errno = EINVAL;
    if (in == NULL || !ri_cover_read_lcov(&c->cover, in)) {
        complain(c, "add to", c->lcov);
        c->has_failed = true;
    }
    if (in != NULL)
        fclose(in);
}

static void write_to(Coverage *c, const char *path, bool html)
{
    RiNewFile new;
    const char *title = c->tool->first < c->tool->argc ? c->tool->argv[c->tool->first] : "";
    bool ok = ri_newfile_open(&new, path);
    if (ok)
        ok = ri_newfile_close(&new, html ? ri_cover_write_html(&c->cover, new.file, title) : ri_cover_write_lcov(&c->cover, new.file));
    if (!ok) {
        complain(c, "write", path);
        c->has_failed = true;
    }
}

static void finish(void)
{
    Coverage *c = running;
    CoverSum total = {0};
    if (c == NULL || c->is_written)
        return;
    c->is_written = true;
    fflush(stdout);
    if (c->appends)
        append_old(c);
    ri_cover_sort(&c->cover);
    if (!c->has_failed) {
        write_to(c, c->lcov, false);
        write_to(c, c->html, true);
    }
    if (!c->is_quiet)
        ri_cover_write_table(&c->cover, stderr, isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL);
    for (uint32_t i = 0; i < c->cover.file_count; i++)
        ri_cover_add_sum(&total, ri_cover_sum(c->cover.files[i]));
    double percent = ri_cover_percent(total.lines_hit, total.lines);
    if (c->fail_under > percent) {
        char text[100];
        snprintf(text, sizeof text, "cover: %.1f %% of the lines have run, less than %g %%", percent, c->fail_under);
        ri_tool_message(c->tool, text);
        c->has_failed = true;
    }
}

/* os.exit has ended the program: its status is not the last word. */
static void finish_at_exit(void)
{
    Coverage *c = running;
    bool was_written = c == NULL || c->is_written;
    finish();
    if (!was_written && c->has_failed) {
        fflush(NULL);
        _exit(EXIT_FAILURE);
    }
}

/* -- The command -------------------------------------------------------------------------------------------------------- */

static void attach(struct RiMachine *machine, void *argument)
{
    Coverage *c = argument;
    c->core = (RiDebugger){.data = c, .on_function = on_function, .on_break = on_break};
    ri_debugger_attach(machine->engine_data, &c->core);
    ri_heap_add_root(machine->engine_data, &c->pending, sizeof c->pending);
}

/* Options up to the first that is not ours; its index, or -1 - the index of a bad one. */
static int parse_options(const RiTool *tool, int i, Coverage *c)
{
    for (; i < tool->argc && tool->argv[i][0] == '-'; i++) {
        const char *word = tool->argv[i], *value = i + 1 < tool->argc ? tool->argv[i + 1] : NULL;
        char *end = NULL;
        bool takes_value = true;
        if (strcmp(word, "-o") == 0)
            c->lcov = value;
        else if (strcmp(word, "--html") == 0)
            c->html = value;
        else if (strcmp(word, "--only") == 0)
            c->only = value;
        else if (strcmp(word, "--fail-under") == 0)
            c->fail_under = value != NULL ? strtod(value, &end) : 0;
        else
            takes_value = false;
        if (takes_value && (value == NULL || (end != NULL && (end == value || *end != '\0' || c->fail_under > 100))))
            return -1 - i;
        i += takes_value;
        if (takes_value)
            continue;
        if (strcmp(word, "--branches") == 0)
            c->branches = true;
        else if (strcmp(word, "--append") == 0)
            c->appends = true;
        else if (strcmp(word, "--quiet") == 0)
            c->is_quiet = true;
        else
            break;
    }
    return i;
}

int ri_cmd_cover(RiTool *tool, int first)
{
    Coverage *c = calloc(1, sizeof *c);
    if (c == NULL)
        return EXIT_FAILURE;
    *c = (Coverage){.tool = tool, .lcov = "lcov.info", .html = "cover.html", .fail_under = -1};
    int next = parse_options(tool, first, c);
    if (next < 0)
        return ri_help_complain(tool, "cover", "this option needs a value that can be used", tool->argv[-1 - next]);
    if (next >= tool->argc)
        return ri_help_complain(tool, "cover", "there is no script", NULL);
    tool->on_machine = attach;
    tool->on_machine_argument = c;
    tool->on_end = finish;
    tool->first = next;
    running = c;
    atexit(finish_at_exit);
    int status = ri_cmd_run(tool, next);
    finish();
    return status == EXIT_SUCCESS && c->has_failed ? EXIT_FAILURE : status;
}
