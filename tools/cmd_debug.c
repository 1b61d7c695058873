/* `rille debug`: a debugger with a command line.
 *
 * The program stands still while commands are read: at its first line, at breakpoints, after steps, at errors, at Ctrl-C.
 * Commands come from -x files and -c words first, then from the terminal (readline, where there is one) or standard input. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#endif

#include "tools/debugger.h"
#include "tools/help.h"
#include "vm/exec/traceback.h"
#include "vm/machine/signal.h"

#define LINES_AROUND 10 /* of `list` */
#define FRAMES_SHOWN 40
#define THREADS_MAX 400

typedef struct Line { /* a command that waits */
    struct Line *next;
    char *text;
} Line;

typedef struct Display {
    int id;
    char *text;
} Display;

typedef struct Cli {
    RiDebug *debug;
    RiThread *T;       /* on which expressions are evaluated */
    RiThread *of;      /* selected, as is `level` */
    int level;
    Line *lines;
    bool is_terminal, goes_on, has_stopped;
    char *last;        /* command, for an empty line */
    char *list_source; /* what `list` has shown last: a source name, and the line after it */
    int list_next;
    Display displays[20];
    int display_count, next_display;
    int exit_status;
} Cli;

typedef struct Command {
    const char *name, *alias, *arguments, *text;
    void (*run)(Cli *c, char *arguments);
} Command;

static const Command commands[];

/* -- Words --------------------------------------------------------------------------------------------------------- */

static char *skip_blanks(char *text)
{
    return text + strspn(text, " \t");
}

static void trim(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        text[--size] = '\0';
}

/* Cut the first word off; returns what follows. */
static char *split_word(char *text)
{
    char *end = text + strcspn(text, " \t");
    if (*end != '\0')
        *end++ = '\0';
    return skip_blanks(end);
}

/* " if " outside of everything: cut there, *condition is what follows. */
static void split_condition(char *text, char **condition)
{
    *condition = NULL;
    if (strncmp(text, "if ", 3) == 0) {
        *condition = skip_blanks(text + 3);
        *text = '\0';
        return;
    }
    char *at = strstr(text, " if ");
    if (at != NULL) {
        *condition = skip_blanks(at + 4);
        *at = '\0';
        trim(text);
    }
}

/* -- Showing where it stands ------------------------------------------------------------------------------------------ */

static void print_arguments(Cli *c, RiThread *of, const RiFrame *frame)
{
    const RiProto *proto = ri_function_proto(ri_frame_function(of, frame));
    if (proto == NULL)
        return;
    fputs(" (", stdout);
    for (uint32_t n = 1; n <= proto->param_count; n++) {
        uint32_t slot;
        const char *name = frame->pc > 0 ? ri_local_name(proto, n, frame->pc - 1, &slot) : NULL;
        if (name == NULL)
            break;
        RiLocal local = ri_find_local(of, 1, frame, n, false);
        printf("%s%s = ", n > 1 ? ", " : "", name);
        ri_scope_write(stdout, c->T, local.slot != NULL ? ri_visible_value(*local.slot) : ri_nil(), 1);
    }
    uint32_t varargs = 0;
    while (proto->is_vararg && proto->line_defined > 0 && varargs < 5 && ri_find_local(of, 1, frame, -1 - (int64_t)varargs, false).slot != NULL) {
        printf("%s", proto->param_count > 0 || varargs > 0 ? ", " : "");
        ri_scope_write(stdout, c->T, ri_visible_value(*ri_find_local(of, 1, frame, -1 - (int64_t)varargs, false).slot), 1);
        varargs++;
    }
    fputs(")", stdout);
}

static void print_place(const RiThread *of, const RiFrame *frame)
{
    const RiProto *proto = ri_function_proto(ri_frame_function(of, frame));
    char source[300];
    if (proto == NULL) {
        fputs(" in C", stdout);
        return;
    }
    ri_scope_source_name(proto, source, sizeof source);
    int line = ri_proto_line(proto, frame->pc > 0 ? frame->pc - 1 : 0);
    if (line > 0)
        printf(" at %s:%d", source, line);
    else
        printf(" in %s", source);
}

static void print_frame(Cli *c, RiThread *of, int level, const RiFrame *frame)
{
    char name[200];
    ri_scope_function_name(of, frame, name, sizeof name);
    if (level >= 0)
        printf("#%-3d", level);
    fputs(name, stdout);
    print_arguments(c, of, frame);
    print_place(of, frame);
    putchar('\n');
}

static void print_line(Cli *c, const RiProto *proto, int line, bool is_current)
{
    size_t size;
    const char *text = ri_source_line(&c->debug->source, proto->source, line, &size);
    if (text != NULL)
        printf("%s%d\t%.*s\n", is_current ? "-> " : "   ", line, (int)size, text);
}

static const RiProto *proto_of_frame(RiThread *of, int level, RiFrame *frame)
{
    return ri_scope_frame_at(of, level, frame) ? ri_function_proto(ri_frame_function(of, frame)) : NULL;
}

static int line_of_frame(const RiProto *proto, const RiFrame *frame)
{
    return ri_proto_line(proto, frame->pc > 0 ? frame->pc - 1 : 0);
}

static void forget_list(Cli *c)
{
    free(c->list_source);
    c->list_source = NULL;
}

static void show_here(Cli *c, bool with_frame)
{
    RiFrame frame;
    forget_list(c);
    if (!ri_scope_frame_at(c->of, c->level, &frame)) {
        puts("no frame");
        return;
    }
    if (with_frame)
        print_frame(c, c->of, c->level, &frame);
    const RiProto *proto = proto_of_frame(c->of, c->level, &frame);
    if (proto != NULL && line_of_frame(proto, &frame) > 0)
        print_line(c, proto, line_of_frame(proto, &frame), true);
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

/* True: *count values on top of c->T. Else the message has been printed. The caller restores the top. */
static bool evaluate(Cli *c, const char *text, uint32_t *count)
{
    if (ri_scope_eval(c->T, c->of, c->level, text, count))
        return true;
    RiString *message = ri_to_string_raw(c->T, c->T->top[-1]);
    printf("error: %s\n", message != NULL ? ri_str_cstr(c->T->heap, message) : "(no message)");
    return false;
}

static void print_values(Cli *c, const char *prefix, char *text)
{
    ptrdiff_t top = c->T->top - c->T->stack;
    uint32_t count;
    if (evaluate(c, text, &count)) {
        fputs(prefix, stdout);
        for (uint32_t i = 0; i < count; i++) {
            fputs(i > 0 ? "\t" : "", stdout);
            ri_scope_write(stdout, c->T, c->T->top[(ptrdiff_t)i - (ptrdiff_t)count], 3);
        }
        if (count > 0 || prefix[0] != '\0')
            putchar('\n');
    }
    c->T->top = c->T->stack + top;
}

static void run_print(Cli *c, char *arguments)
{
    if (arguments[0] == '\0')
        puts("print what? An expression, or statements: print x + 1");
    else
        print_values(c, "", arguments);
}

static void run_set(Cli *c, char *arguments)
{
    if (strncmp(arguments, "var ", 4) == 0)
        arguments = skip_blanks(arguments + 4);
    if (strchr(arguments, '=') == NULL)
        puts("set NAME = EXPRESSION");
    else
        print_values(c, "", arguments);
}

static void show_displays(Cli *c)
{
    for (int i = 0; i < c->display_count; i++) {
        char prefix[300];
        snprintf(prefix, sizeof prefix, "%d: %.280s = ", c->displays[i].id, c->displays[i].text);
        print_values(c, prefix, c->displays[i].text);
    }
}

static void run_display(Cli *c, char *arguments)
{
    if (arguments[0] != '\0' && c->display_count < (int)RI_COUNTOF(c->displays))
        c->displays[c->display_count++] = (Display){.id = ++c->next_display, .text = strdup(arguments)};
    show_displays(c);
}

static void run_undisplay(Cli *c, char *arguments)
{
    int kept = 0, id = atoi(arguments);
    for (int i = 0; i < c->display_count; i++) {
        if (arguments[0] == '\0' || c->displays[i].id == id)
            free(c->displays[i].text);
        else
            c->displays[kept++] = c->displays[i];
    }
    c->display_count = kept;
}

static void run_locals(Cli *c, char *arguments)
{
    RiFrame frame;
    const RiProto *proto = proto_of_frame(c->of, c->level, &frame);
    uint32_t slot, count = 0;
    const char *name;
    (void)arguments;
    for (uint32_t n = 1; proto != NULL && frame.pc > 0 && (name = ri_local_name(proto, n, frame.pc - 1, &slot)) != NULL; n++) {
        RiLocal local = ri_find_local(c->of, 1, &frame, n, false);
        if (name[0] == '(' || local.slot == NULL)
            continue;
        printf("%s = ", name);
        ri_scope_write(stdout, c->T, ri_visible_value(*local.slot), 2);
        putchar('\n');
        count++;
    }
    for (int64_t n = 1; proto != NULL && proto->is_vararg; n++) {
        RiLocal local = ri_find_local(c->of, 1, &frame, -n, false);
        if (local.slot == NULL)
            break;
        printf("... [%lld] = ", (long long)n);
        ri_scope_write(stdout, c->T, ri_visible_value(*local.slot), 2);
        putchar('\n');
        count++;
    }
    if (count == 0)
        puts("no local variables");
}

static void run_upvalues(Cli *c, char *arguments)
{
    RiFrame frame;
    const char *name;
    RiValue *slot;
    (void)arguments;
    if (!ri_scope_frame_at(c->of, c->level, &frame))
        return;
    RiValue function = ri_frame_function(c->of, &frame);
    if (ri_upvalue_count(function) == 0)
        puts("no upvalues");
    for (int64_t n = 1; ri_find_upvalue(c->T, function, n, &name, &slot); n++) {
        printf("%s = ", name);
        if (strcmp(name, "_ENV") == 0)
            fputs("(the globals)", stdout);
        else
            ri_scope_write(stdout, c->T, ri_visible_value(*slot), 2);
        putchar('\n');
    }
}

/* -- Frames -------------------------------------------------------------------------------------------------------- */

static void run_backtrace(Cli *c, char *arguments)
{
    RiFrame frame;
    int level = 0, limit = arguments[0] != '\0' ? atoi(arguments) : FRAMES_SHOWN;
    bool more = ri_scope_frame_at(c->of, 0, &frame);
    for (; more && level < limit; more = ri_scope_frame_caller(c->of, &frame), level++)
        print_frame(c, c->of, level, &frame);
    if (more)
        printf("… and %u more: backtrace N shows N\n", ri_scope_frame_count(c->of) - (uint32_t)level);
    if (level == 0)
        puts("no frames");
    if (c->of->resumer != NULL)
        puts("(a coroutine; `info threads` shows who has resumed it)");
}

static void select_frame(Cli *c, int level)
{
    RiFrame frame;
    if (level < 0 || !ri_scope_frame_at(c->of, level, &frame)) {
        puts(level < 0 ? "this is the innermost frame" : "there is no such frame");
        return;
    }
    c->level = level;
    show_here(c, true);
}

static void run_up(Cli *c, char *arguments)
{
    select_frame(c, c->level + (arguments[0] != '\0' ? atoi(arguments) : 1));
}

static void run_down(Cli *c, char *arguments)
{
    select_frame(c, c->level - (arguments[0] != '\0' ? atoi(arguments) : 1));
}

static void run_frame(Cli *c, char *arguments)
{
    select_frame(c, arguments[0] != '\0' ? atoi(arguments) : c->level);
}

/* -- Source -------------------------------------------------------------------------------------------------------- */

static const RiProto *find_source(Cli *c, const char *name)
{
    RiDebug *d = c->debug;
    for (uint32_t i = 0; i < d->known_count; i++) {
        if (ri_debug_is_source(name, d->known[i]->proto->source))
            return d->known[i]->proto;
    }
    return NULL;
}

static void list_lines(Cli *c, const RiProto *proto, int from, int current)
{
    size_t size;
    char name[400];
    if (from < 1)
        from = 1;
    ri_scope_source_name(proto, name, sizeof name);
    int line = from;
    for (; line < from + LINES_AROUND; line++) {
        if (ri_source_line(&c->debug->source, proto->source, line, &size) == NULL)
            break;
        print_line(c, proto, line, line == current);
    }
    if (line == from)
        printf("no line %d in %s\n", from, name);
    forget_list(c);
    c->list_source = strdup(name);
    c->list_next = line;
}

static void run_list(Cli *c, char *arguments)
{
    RiFrame frame;
    const RiProto *proto = proto_of_frame(c->of, c->level, &frame);
    int current = proto != NULL ? line_of_frame(proto, &frame) : 0;
    char *colon = strrchr(arguments, ':');
    if (arguments[0] == '\0' && c->list_source != NULL && find_source(c, c->list_source) != NULL) {
        list_lines(c, find_source(c, c->list_source), c->list_next, current);
        return;
    }
    if (colon != NULL) {
        *colon = '\0';
        proto = find_source(c, arguments);
        if (proto == NULL) {
            printf("no source %s has been run\n", arguments);
            return;
        }
        list_lines(c, proto, atoi(colon + 1) - LINES_AROUND / 2, 0);
        return;
    }
    if (proto == NULL || proto->source == NULL)
        puts("no source here");
    else
        list_lines(c, proto, (arguments[0] != '\0' ? atoi(arguments) : current) - LINES_AROUND / 2, current);
}

/* -- Breakpoints ---------------------------------------------------------------------------------------------------- */

static void describe_point(const RiDebugPoint *point)
{
    if (point->file != NULL)
        printf("%s:%d", point->file, point->bound > 0 ? point->bound : point->line);
    else
        printf("function %s", point->function);
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* FILE:LINE, LINE or FUNCTION; empty: here. */
static RiDebugPoint *add_point(Cli *c, char *where)
{
    RiFrame frame;
    const RiProto *proto = proto_of_frame(c->of, c->level, &frame);
    char *colon = strrchr(where, ':'), source[400];
    if (where[0] != '\0' && !is_number(where) && (colon == NULL || !is_number(colon + 1)))
        return ri_debug_add_point(c->debug, NULL, 0, where);
    if (colon != NULL) {
        *colon = '\0';
        return ri_debug_add_point(c->debug, where, atoi(colon + 1), NULL);
    }
    if (proto == NULL || proto->source == NULL) {
        puts("no source here: break FILE:LINE");
        return NULL;
    }
    int line = where[0] != '\0' ? atoi(where) : line_of_frame(proto, &frame);
    if (ri_str_data(proto->source)[0] == '@')
        ri_scope_source_name(proto, source, sizeof source);
    else
        snprintf(source, sizeof source, "%.*s", (int)proto->source->size, ri_str_data(proto->source));
    return ri_debug_add_point(c->debug, source, line, NULL);
}

static void set_break(Cli *c, char *arguments, bool temporary)
{
    char *condition;
    split_condition(arguments, &condition);
    RiDebugPoint *point = add_point(c, arguments);
    if (point == NULL)
        return;
    point->temporary = temporary;
    point->condition = condition != NULL ? strdup(condition) : NULL;
    printf("%s %d: ", temporary ? "Temporary breakpoint" : "Breakpoint", point->id);
    describe_point(point);
    printf("%s\n", point->bound > 0 ? "" : " (not loaded or not called yet)");
    point->is_told = true;
}

static void run_break(Cli *c, char *arguments)
{
    set_break(c, arguments, false);
}

static void run_tbreak(Cli *c, char *arguments)
{
    set_break(c, arguments, true);
}

static RiDebugPoint *point_named(Cli *c, const char *text)
{
    RiDebugPoint *point = is_number(text) ? ri_debug_find_point(c->debug, atoi(text)) : NULL;
    if (point == NULL)
        printf("there is no breakpoint %s\n", text[0] != '\0' ? text : "(which one?)");
    return point;
}

static RiDebugWatch *find_watch(const Cli *c, int id)
{
    for (uint32_t i = 0; i < c->debug->watch_count; i++) {
        if (c->debug->watches[i]->id == id)
            return c->debug->watches[i];
    }
    return NULL;
}

static void run_delete(Cli *c, char *arguments)
{
    RiDebug *d = c->debug;
    if (arguments[0] == '\0') {
        while (d->point_count > 0)
            ri_debug_delete_point(d, d->points[0]);
        while (d->watch_count > 0)
            ri_debug_delete_watch(d, d->watches[0]);
        return;
    }
    while (arguments[0] != '\0') {
        char *next = split_word(arguments);
        RiDebugWatch *watch = find_watch(c, atoi(arguments));
        RiDebugPoint *point = watch == NULL ? point_named(c, arguments) : NULL;
        if (watch != NULL)
            ri_debug_delete_watch(d, watch);
        else if (point != NULL)
            ri_debug_delete_point(d, point);
        arguments = next;
    }
}

static void set_disabled(Cli *c, char *arguments, bool disabled)
{
    for (uint32_t i = 0; i < c->debug->point_count && arguments[0] == '\0'; i++)
        c->debug->points[i]->disabled = disabled;
    while (arguments[0] != '\0') {
        char *next = split_word(arguments);
        RiDebugPoint *point = point_named(c, arguments);
        if (point != NULL)
            point->disabled = disabled;
        arguments = next;
    }
}

static void run_enable(Cli *c, char *arguments)
{
    set_disabled(c, arguments, false);
}

static void run_disable(Cli *c, char *arguments)
{
    set_disabled(c, arguments, true);
}

static void run_ignore(Cli *c, char *arguments)
{
    char *count = split_word(arguments);
    RiDebugPoint *point = point_named(c, arguments);
    if (point == NULL)
        return;
    point->ignore = strtoull(count, NULL, 10);
    printf("The next %llu hits of breakpoint %d are passed over.\n", (unsigned long long)point->ignore, point->id);
}

static void run_condition(Cli *c, char *arguments)
{
    char *text = split_word(arguments);
    RiDebugPoint *point = point_named(c, arguments);
    if (point == NULL)
        return;
    free(point->condition);
    point->condition = text[0] != '\0' ? strdup(text) : NULL;
    printf("Breakpoint %d %s\n", point->id, text[0] != '\0' ? "has a condition now." : "has no condition any more.");
}

static void run_log(Cli *c, char *arguments)
{
    char *text = split_word(arguments);
    RiDebugPoint *point = point_named(c, arguments);
    if (point == NULL)
        return;
    free(point->log);
    point->log = text[0] != '\0' ? strdup(text) : NULL;
}

static void watch_memory(Cli *c, char *arguments)
{
    char *message = NULL;
    ptrdiff_t top = c->T->top - c->T->stack;
    uint32_t count;
    int64_t numbers[2] = {0, 1};
    for (int i = 0; i < 2 && arguments[0] != '\0'; i++) {
        char *next = split_word(arguments);
        if (!evaluate(c, arguments, &count))
            break;
        if (count == 0 || !ri_to_int(c->T->top[-(ptrdiff_t)count], &numbers[i])) {
            puts("watch -m ADDRESS [SIZE]: numbers are expected");
            c->T->top = c->T->stack + top;
            return;
        }
        c->T->top = c->T->stack + top;
        arguments = next;
    }
    RiDebugWatch *watch = ri_debug_watch_memory(c->debug, c->of, (uint32_t)numbers[0], (uint32_t)numbers[1], &message);
    if (watch != NULL)
        printf("Watchpoint %d: %u bytes at 0x%x\n", watch->id, watch->size, watch->address);
    else
        printf("%s\n", message != NULL ? message : "no memory");
    free(message);
}

static void run_watch(Cli *c, char *arguments)
{
    char *message = NULL;
    if (strncmp(arguments, "-m ", 3) == 0) {
        watch_memory(c, skip_blanks(arguments + 3));
        return;
    }
    if (arguments[0] == '\0') {
        puts("watch EXPRESSION, or watch -m ADDRESS [SIZE] for guest memory");
        return;
    }
    RiDebugWatch *watch = ri_debug_add_watch(c->debug, c->T, c->of, c->level, arguments, &message);
    if (watch != NULL)
        printf("Watchpoint %d: %s (now %s)\n", watch->id, watch->text, watch->last);
    else
        printf("error: %s\n", message != NULL ? message : "no memory");
    free(message);
}

static void run_catch(Cli *c, char *arguments)
{
    RiDebug *d = c->debug;
    char *what = split_word(arguments);
    bool on = strncmp(what, "off", 3) != 0;
    if (strcmp(arguments, "error") == 0 || strcmp(arguments, "errors") == 0) {
        d->catches_uncaught = on;
        d->catches_caught = on && strcmp(what, "uncaught") != 0;
        puts(!on ? "Errors do not stop the program." : d->catches_caught ? "All errors stop the program, caught ones too."
                                                                         : "Errors that nobody catches stop the program.");
    } else if (strcmp(arguments, "signal") == 0) {
        uint32_t number = ri_signal_number(strncmp(what, "SIG", 3) == 0 ? what + 3 : what);
        if (what[0] != '\0' && number == 0) {
            printf("there is no signal %s\n", what);
            return;
        }
        d->signals = number != 0 ? d->signals | ri_signal_bit(number) : on ? UINT64_MAX : 0;
        puts(d->signals == 0 ? "Signals do not stop the program." : "These signals stop the program.");
    } else {
        puts("catch error [uncaught|off], catch signal [NAME|off]");
    }
}

/* -- Going on ------------------------------------------------------------------------------------------------------ */

static void go(Cli *c, RiDebugMode mode, int line)
{
    RiThread *of = c->of;
    int level = c->level;
    if (mode == RI_DEBUG_INTO || mode == RI_DEBUG_OVER) {
        of = c->T;
        level = 0;
    }
    ri_debug_set_step(c->debug, of, level, mode, line);
    c->goes_on = true;
}

static void run_continue(Cli *c, char *arguments)
{
    (void)arguments;
    go(c, RI_DEBUG_RUN, 0);
}

/* N times: the command waits as often in front of all others. */
static void repeat(Cli *c, const char *command, const char *arguments)
{
    for (long n = arguments[0] != '\0' ? strtol(arguments, NULL, 10) : 1; n > 1 && n < 100000; n--) {
        Line *line = calloc(1, sizeof *line);
        if (line == NULL)
            return;
        line->text = strdup(command);
        line->next = c->lines;
        c->lines = line;
    }
}

static void run_step(Cli *c, char *arguments)
{
    repeat(c, "step", arguments);
    go(c, RI_DEBUG_INTO, 0);
}

static void run_next(Cli *c, char *arguments)
{
    repeat(c, "next", arguments);
    go(c, RI_DEBUG_OVER, 0);
}

static void run_finish(Cli *c, char *arguments)
{
    RiFrame frame;
    (void)arguments;
    if (!ri_scope_frame_at(c->of, c->level + 1, &frame) && c->of->resumer == NULL)
        puts("this is the outermost frame: the program runs on");
    go(c, RI_DEBUG_OUT, 0);
}

static void run_until(Cli *c, char *arguments)
{
    RiFrame frame;
    const RiProto *proto = proto_of_frame(c->of, c->level, &frame);
    if (arguments[0] == '\0') {
        go(c, RI_DEBUG_UNTIL, proto != NULL ? line_of_frame(proto, &frame) : 0);
        return;
    }
    char *colon = strrchr(arguments, ':');
    if (!ri_debug_run_to(c->debug, c->of, c->level, atoi(colon != NULL ? colon + 1 : arguments))) {
        puts("this function has no code on that line");
        return;
    }
    c->goes_on = true;
}

static void run_quit(Cli *c, char *arguments)
{
    c->debug->is_ending = true;
    fflush(stdout);
    exit(arguments[0] != '\0' ? atoi(arguments) : 0);
}

/* -- info ---------------------------------------------------------------------------------------------------------- */

static void info_breakpoints(Cli *c)
{
    RiDebug *d = c->debug;
    if (d->point_count + d->watch_count == 0)
        puts("no breakpoints");
    for (uint32_t i = 0; i < d->point_count; i++) {
        const RiDebugPoint *point = d->points[i];
        printf("%-3d %-8s ", point->id, point->disabled ? "disabled" : point->temporary ? "once" : "enabled");
        describe_point(point);
        if (point->bound == 0)
            fputs(" (pending)", stdout);
        if (point->condition != NULL)
            printf(" if %s", point->condition);
        if (point->log != NULL)
            printf(" log %s", point->log);
        printf(", %llu hits\n", (unsigned long long)point->hits);
    }
    for (uint32_t i = 0; i < d->watch_count; i++) {
        const RiDebugWatch *watch = d->watches[i];
        if (watch->text != NULL)
            printf("%-3d watch    %s = %s\n", watch->id, watch->text, watch->last);
        else
            printf("%-3d watch    %u bytes at 0x%x of process %u\n", watch->id, watch->size, watch->address, watch->pid);
    }
}

static void info_threads(Cli *c)
{
    static const char *const states[] = {"suspended", "running", "has resumed another", "dead", "failed"};
    RiDebugThread *list = calloc(THREADS_MAX, sizeof *list);
    uint32_t count = list != NULL ? ri_debug_threads(c->debug, list, THREADS_MAX) : 0;
    for (uint32_t i = 0; i < count; i++) {
        RiThread *T = list[i].thread;
        RiFrame frame;
        bool is_current = T == c->T;
        printf("%c%-3u process %u (%s) %s %s", T == c->of ? '*' : ' ', i + 1, list[i].pid, list[i].name,
               list[i].is_coroutine ? "coroutine" : "thread",
               is_current ? "here" : list[i].is_coroutine ? states[T->status] : "waiting");
        bool found = ri_scope_frame_at(T, 0, &frame);
        while (found && !frame.is_lua && ri_scope_frame_caller(T, &frame))
            continue;
        if (found)
            print_place(T, &frame);
        putchar('\n');
    }
    free(list);
}

static void info_sources(Cli *c)
{
    RiDebug *d = c->debug;
    for (uint32_t i = 0; i < d->known_count; i++) {
        char name[300];
        if (d->known[i]->proto->line_defined != 0)
            continue;
        ri_scope_source_name(d->known[i]->proto, name, sizeof name);
        puts(name);
    }
}

static void run_info(Cli *c, char *arguments)
{
    if (arguments[0] == 'b' || arguments[0] == 'w')
        info_breakpoints(c);
    else if (arguments[0] == 't' || arguments[0] == 'p' || arguments[0] == 'c')
        info_threads(c);
    else if (arguments[0] == 's')
        info_sources(c);
    else if (arguments[0] == 'l')
        run_locals(c, arguments);
    else if (arguments[0] == 'u')
        run_upvalues(c, arguments);
    else if (arguments[0] == 'f')
        show_here(c, true);
    else if (arguments[0] == 'd')
        show_displays(c);
    else
        puts("info breakpoints, threads (processes and coroutines), sources, locals, upvalues, frame, display");
}

static void run_threads(Cli *c, char *arguments)
{
    (void)arguments;
    info_threads(c);
}

static void run_thread(Cli *c, char *arguments)
{
    RiDebugThread *list = calloc(THREADS_MAX, sizeof *list);
    uint32_t count = list != NULL ? ri_debug_threads(c->debug, list, THREADS_MAX) : 0, n = (uint32_t)atoi(arguments);
    if (arguments[0] == '\0') {
        info_threads(c);
    } else if (n < 1 || n > count) {
        printf("there is no thread %s: see info threads\n", arguments);
    } else {
        c->of = list[n - 1].thread;
        c->level = 0;
        RiFrame frame;
        while (ri_scope_frame_at(c->of, c->level, &frame) && !frame.is_lua && ri_scope_frame_at(c->of, c->level + 1, &frame))
            c->level++;
        show_here(c, true);
    }
    free(list);
}

/* -- help ---------------------------------------------------------------------------------------------------------- */

static void run_help(Cli *c, char *arguments);
static void run_source(Cli *c, char *arguments);

static const Command commands[] = {
    {"break", "b", "[FILE:LINE | LINE | FUNCTION] [if CONDITION]", "stop there; a file that is not loaded yet will do", run_break},
    {"tbreak", "tb", "[FILE:LINE | LINE | FUNCTION]", "the same, once", run_tbreak},
    {"condition", "", "N [EXPRESSION]", "breakpoint N stops only if this is true; without: always", run_condition},
    {"ignore", "", "N COUNT", "pass over the next COUNT hits of breakpoint N", run_ignore},
    {"log", "", "N [TEXT {EXPRESSION} …]", "breakpoint N prints this and does not stop; without: it stops", run_log},
    {"enable", "", "[N …]", "breakpoints that were disabled; without: all", run_enable},
    {"disable", "", "[N …]", "breakpoints stay, but do not stop the program", run_disable},
    {"delete", "d", "[N …]", "breakpoints and watches; without: all", run_delete},
    {"watch", "w", "EXPRESSION | -m ADDRESS [SIZE]", "stop when its value changes; -m: when these bytes of guest memory do", run_watch},
    {"catch", "", "error [uncaught|off] | signal [NAME|off]", "stop where errors are thrown, signals delivered", run_catch},
    {"run", "r", "", "start the program (as continue)", run_continue},
    {"continue", "c", "", "go on to the next breakpoint", run_continue},
    {"step", "s", "[N]", "go on to the next line, into calls", run_step},
    {"next", "n", "[N]", "go on to the next line, over calls", run_next},
    {"finish", "fin", "", "go on until the selected function has returned", run_finish},
    {"until", "u", "[LINE]", "go on to a later line of this function: out of loops", run_until},
    {"backtrace", "bt", "[N]", "the calls that led here, with arguments", run_backtrace},
    {"where", "", "[N]", "the same", run_backtrace},
    {"up", "", "[N]", "select the caller", run_up},
    {"down", "", "[N]", "select the callee", run_down},
    {"frame", "f", "[N]", "select a frame by its number", run_frame},
    {"locals", "", "", "local variables and varargs of the selected frame", run_locals},
    {"upvalues", "", "", "variables of enclosing functions that it uses", run_upvalues},
    {"print", "p", "EXPRESSION", "evaluate in the selected frame; assignments and calls are fine", run_print},
    {"eval", "", "STATEMENTS", "the same", run_print},
    {"set", "", "NAME = EXPRESSION", "assign to a local, an upvalue, a global or a field", run_set},
    {"display", "", "[EXPRESSION]", "print it at every stop", run_display},
    {"undisplay", "", "[N]", "no more", run_undisplay},
    {"list", "l", "[LINE | FILE:LINE]", "source around a line; again: what follows", run_list},
    {"info", "i", "breakpoints | threads | sources | locals | upvalues | frame", "what there is", run_info},
    {"threads", "ps", "", "processes, their threads, coroutines", run_threads},
    {"thread", "t", "N", "look at another thread, process or coroutine", run_thread},
    {"source", "", "FILE", "do the commands in a file", run_source},
    {"help", "h", "[COMMAND]", "this", run_help},
    {"quit", "q", "[STATUS]", "end the program and the debugger", run_quit},
};

static const Command *find_command(const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (strcmp(commands[i].name, word) == 0 || (commands[i].alias[0] != '\0' && strcmp(commands[i].alias, word) == 0))
            return &commands[i];
    }
    const Command *found = NULL;
    for (size_t i = 0; i < RI_COUNTOF(commands) && size > 1; i++) {
        if (strncmp(commands[i].name, word, size) == 0) {
            if (found != NULL)
                return NULL;
            found = &commands[i];
        }
    }
    return found;
}

static void run_help(Cli *c, char *arguments)
{
    (void)c;
    const Command *one = arguments[0] != '\0' ? find_command(arguments) : NULL;
    if (arguments[0] != '\0' && one == NULL)
        printf("there is no command %s\n", arguments);
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (one == NULL ? arguments[0] == '\0' : one == &commands[i])
            printf("%s%s%s %s\n      %s\n", commands[i].name, commands[i].alias[0] != '\0' ? ", " : "", commands[i].alias,
                   commands[i].arguments, commands[i].text);
    }
    if (arguments[0] == '\0')
        puts("An empty line repeats the last command. Ctrl-C stops the program where it is. Commands can be cut short.");
}

/* -- Reading commands ------------------------------------------------------------------------------------------------ */

static void add_line(Line **end, const char *text)
{
    Line *line = calloc(1, sizeof *line);
    while (*end != NULL)
        end = &(*end)->next;
    if (line != NULL)
        line->text = strdup(text);
    *end = line;
}

/* The lines of a file, in front of what waits. */
static bool add_file(Cli *c, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    Line *rest = c->lines;
    if (file == NULL)
        return false;
    c->lines = NULL;
    while (getline(&text, &capacity, file) >= 0) {
        text[strcspn(text, "\n")] = '\0';
        add_line(&c->lines, text);
    }
    free(text);
    if (file != stdin)
        fclose(file);
    Line **end = &c->lines;
    while (*end != NULL)
        end = &(*end)->next;
    *end = rest;
    return true;
}

static void run_source(Cli *c, char *arguments)
{
    if (!add_file(c, arguments))
        printf("cannot read %s\n", arguments);
}

/* The next command, malloc'ed; NULL: there are no more. */
static char *read_command(Cli *c)
{
    if (c->lines != NULL) {
        Line *line = c->lines;
        char *text = line->text;
        c->lines = line->next;
        free(line);
        printf("(debug) %s\n", text);
        return text;
    }
#ifdef HAVE_READLINE
    if (c->is_terminal) {
        fflush(stdout);
        char *text = readline("(debug) ");
        if (text != NULL && text[0] != '\0')
            add_history(text);
        return text;
    }
#endif
    char *text = NULL;
    size_t capacity = 0;
    fputs("(debug) ", stdout);
    fflush(stdout);
    if (getline(&text, &capacity, stdin) < 0) {
        free(text);
        return NULL;
    }
    text[strcspn(text, "\n")] = '\0';
    if (!c->is_terminal)
        puts(text);
    return text;
}

static void do_command(Cli *c, const char *text)
{
    char *words = strdup(text);
    if (words == NULL)
        return;
    char *start = skip_blanks(words);
    trim(start);
    if (start[0] != '\0' && start[0] != '#') {
        char *arguments = split_word(start);
        const Command *command = find_command(start);
        if (command == NULL)
            printf("unknown command %s: help lists them\n", start);
        else
            command->run(c, arguments);
    }
    free(words);
}

static void read_commands(Cli *c)
{
    c->goes_on = false;
    while (!c->goes_on) {
        bool is_script = c->lines != NULL;
        char *text = read_command(c);
        if (text == NULL) { /* the end of the input */
            putchar('\n');
            run_quit(c, (char[]){""});
        }
        bool is_empty = text[strspn(text, " \t")] == '\0';
        if (is_empty && !is_script && c->last != NULL) {
            free(text);
            text = strdup(c->last);
        } else if (!is_empty) {
            free(c->last);
            c->last = strdup(text);
        }
        if (text != NULL)
            do_command(c, text);
        free(text);
        fflush(stdout);
    }
}

/* -- Events -------------------------------------------------------------------------------------------------------- */

static void print_results(Cli *c, const RiDebugStop *how)
{
    if (how->result_count == 0)
        return;
    RiValue *top = c->T->top;
    RiFrame frame;
    const RiProto *proto = proto_of_frame(c->T, 0, &frame);
    if (proto == NULL || frame.pc < 2 || top <= c->T->base)
        return;
    RiWord call = proto->code[frame.pc - 2];
    if (RI_WORD_OP(call) != RI_OP_CALL || RI_WORD_B(call) == 1)
        return;
    uint32_t wanted = RI_WORD_B(call) == 0 ? 1 : RI_WORD_B(call) - 1;
    fputs("Value returned: ", stdout);
    for (uint32_t i = 0; i < wanted && i < 5; i++) {
        fputs(i > 0 ? "\t" : "", stdout);
        ri_scope_write(stdout, c->T, ri_visible_value(top[(ptrdiff_t)i - (ptrdiff_t)wanted]), 2);
    }
    putchar('\n');
}

static void print_reason(const RiDebugStop *how)
{
    switch (how->reason) {
    case RI_DEBUG_BREAKPOINT:
        if (how->text != NULL)
            printf("The condition of breakpoint %d failed: %s\n", how->point->id, how->text);
        printf("%s %d, ", how->point->temporary ? "Temporary breakpoint" : "Breakpoint", how->point->id);
        break;
    case RI_DEBUG_PAUSE:
        puts(how->is_idle ? "\nInterrupted; everything waits." : "\nInterrupted.");
        break;
    case RI_DEBUG_ERROR:
        printf("Error%s: %s\n", how->is_caught ? " (that will be caught)" : "", how->text);
        break;
    case RI_DEBUG_SIGNAL:
        printf("Signal %s.\n", how->text);
        break;
    case RI_DEBUG_WATCH:
        printf("Watchpoint %d: %s\nOld value: %s\nNew value: %s\n", how->watch->id, how->watch->text, how->text,
               how->watch->last != NULL ? how->watch->last : "(out of scope)");
        break;
    case RI_DEBUG_MEMORY:
        printf("Watchpoint %d: memory at 0x%x has been written: %s\n", how->watch->id, how->watch->address, how->text);
        break;
    default:
        break;
    }
}

static void on_stop(RiDebug *d, const RiDebugStop *how)
{
    Cli *c = d->front;
    bool was_elsewhere = c->of != how->T || c->has_stopped == false;
    c->T = c->of = how->T;
    c->level = 0;
    c->has_stopped = true;
    RiFrame frame;
    while ((how->reason == RI_DEBUG_ERROR || how->reason == RI_DEBUG_PAUSE || how->reason == RI_DEBUG_SIGNAL) &&
           ri_scope_frame_at(c->of, c->level, &frame) && !frame.is_lua && ri_scope_frame_at(c->of, c->level + 1, &frame))
        c->level++; /* error, string.gsub …: the Lua function that has called them is what people look for */
    print_reason(how);
    if (how->reason == RI_DEBUG_FINISHED)
        print_results(c, how);
    show_here(c, how->reason != RI_DEBUG_STEP || was_elsewhere);
    show_displays(c);
    ptrdiff_t top = c->T->top - c->T->stack;
    read_commands(c);
    c->T->top = c->T->stack + top;
}

static void on_log(RiDebug *d, RiThread *T, const RiDebugPoint *point, const char *text)
{
    (void)d, (void)T, (void)point;
    printf("%s\n", text);
    fflush(stdout);
}

static void on_bound(RiDebug *d, const RiDebugPoint *point)
{
    (void)d;
    if (point->file == NULL || point->bound == point->line || point->bound == 0)
        return;
    printf("Breakpoint %d is at line %d: there is no code on line %d\n", point->id, point->bound, point->line);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

/* Options up to the first that is not the debugger's; -1 - the index of a bad one. */
static int parse_options(const RiTool *tool, int i, Cli *c)
{
    for (; i < tool->argc && tool->argv[i][0] == '-'; i += 2) {
        const char *word = tool->argv[i];
        char *value = i + 1 < tool->argc ? tool->argv[i + 1] : NULL;
        if (strcmp(word, "-x") != 0 && strcmp(word, "-c") != 0)
            break;
        if (value == NULL)
            return -1 - i;
        if (word[1] == 'c') {
            add_line(&c->lines, value);
        } else {
            Cli file = {0};
            if (!add_file(&file, value)) {
                fprintf(stderr, "%s: debug: cannot read %s\n", tool->name, value);
                return -1 - i;
            }
            Line **end = &c->lines;
            while (*end != NULL)
                end = &(*end)->next;
            *end = file.lines;
        }
    }
    return i;
}

int ri_cmd_debug(RiTool *tool, int first)
{
    RiDebug *d = calloc(1, sizeof *d);
    Cli *c = calloc(1, sizeof *c);
    if (d == NULL || c == NULL)
        return EXIT_FAILURE;
    int next = parse_options(tool, first, c);
    if (next < 0)
        return ri_help_complain(tool, "debug", "this option needs an argument that can be used", tool->argv[-1 - next]);
    if (next >= tool->argc)
        return ri_help_complain(tool, "debug", "there is no script", NULL);
    *d = (RiDebug){.tool = tool, .front = c, .stopped = on_stop, .logged = on_log, .bound = on_bound,
                   .stops_at_entry = true, .catches_uncaught = true};
    c->debug = d;
    c->is_terminal = isatty(STDIN_FILENO);
    tool->on_machine = ri_debug_attach;
    tool->on_machine_argument = d;
    tool->on_close = ri_debug_detach;
    int status = ri_cmd_run(tool, next);
    if (c->has_stopped)
        printf("[The program has ended with status %d.]\n", status);
    return status;
}
