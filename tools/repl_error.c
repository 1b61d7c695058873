/* What is said of an error: the message, the line it happened in with a mark below the culprit, the variables of that
 * line, and who called whom. The report is made by the message handler, while the stack is still there. */
#include <stdio.h>
#include <string.h>

#include "compiler/diag.h"
#include "tools/repl.h"
#include "tools/repl_print.h"
#include "vm/exec/call.h"
#include "vm/exec/inspect.h"
#include "vm/exec/traceback.h"
#include "vm/host/host.h"

#define LEVELS_SHOWN 8
#define LEVELS_SEEN_MAX 200 /* looked at for the place that the message names */
#define VARIABLES_SHOWN 6
#define LINE_SHOWN_MAX 200 /* bytes of a source line */

typedef struct Report {
    RiRepl *repl;
    RiThread *T;
    RiSbuf out;
    const char *message; /* NULL: the error is no string */
    RiFrame frame;       /* where it happened */
    int level;           /* of it; -1: not known */
    int32_t line;
    char source_line[LINE_SHOWN_MAX + 1];
} Report;

static void add(Report *r, const char *text)
{
    ri_sbuf_add(&r->out, text, strlen(text));
}

static void add_styled(Report *r, RiStyle style, const char *text)
{
    add(r, ri_repl_style(r->repl, style));
    add(r, text);
    add(r, ri_repl_style(r->repl, RI_STYLE_PLAIN));
}

/* -- The line ------------------------------------------------------------------------------------------------------ */

/* Line number `line` of `text` into `out`. */
static bool line_of_text(const char *text, size_t size, int32_t line, char *out)
{
    const char *end = text + size;
    for (; line > 1 && text < end; text++)
        line -= *text == '\n';
    if (line > 1 || text >= end)
        return false;
    size_t length = 0;
    for (; text < end && *text != '\n' && *text != '\r' && length < LINE_SHOWN_MAX; text++)
        out[length++] = (unsigned char)*text < ' ' ? ' ' : *text;
    out[length] = '\0';
    return true;
}

static bool line_of_file(const char *path, int32_t line, char *out)
{
    FILE *file = ri_host_open(path, "r");
    if (file == NULL)
        return false;
    char text[1024];
    bool found = false, is_whole = true;
    while (!found && fgets(text, sizeof text, file) != NULL) {
        if (is_whole && --line == 0)
            found = line_of_text(text, strlen(text), 1, out);
        is_whole = strchr(text, '\n') != NULL;
    }
    fclose(file);
    return found;
}

/* The text of the line that the report is about; false if nobody has it. */
static bool find_source_line(Report *r, const RiProto *proto)
{
    unsigned number;
    if (proto->source == NULL)
        return false;
    const char *source = ri_str_cstr(r->T->heap, proto->source);
    if (sscanf(source, "=input %u", &number) == 1) {
        RiValue text = ri_table_get_int(r->repl->inputs, number);
        return ri_is_string(text) &&
               line_of_text(ri_str_data(text.p), ((const RiString *)text.p)->size, r->line, r->source_line);
    }
    if (source[0] == '@')
        return line_of_file(source + 1, r->line, r->source_line);
    return source[0] != '=' && line_of_text(source, strlen(source), r->line, r->source_line);
}

/* The frame whose place the message begins with ("prog.lua:3: "), else the innermost Lua function. */
static bool find_place(Report *r)
{
    RiFrame frame;
    r->level = -1;
    for (int level = 1; level < LEVELS_SEEN_MAX && ri_frame_at(r->T, level, &frame); level++) {
        int32_t line = frame.is_lua ? ri_frame_line(r->T, &frame) : -1;
        if (line <= 0)
            continue;
        char id[RI_ID_SIZE], place[RI_ID_SIZE + 32];
        size_t size;
        const char *source = ri_function_source(r->T, ri_frame_function(r->T, &frame), &size);
        ri_chunk_id(id, source, size);
        snprintf(place, sizeof place, "%s:%d: ", id, (int)line);
        bool is_named = r->message != NULL && strncmp(r->message, place, strlen(place)) == 0;
        if (r->level < 0 || is_named) {
            r->level = level;
            r->frame = frame;
            r->line = line;
        }
        if (is_named)
            break;
    }
    return r->level >= 0;
}

/* -- The mark ------------------------------------------------------------------------------------------------------ */

static bool is_name_byte(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Where `name` stands in the line as a word of its own; NULL: nowhere. `after`, `before`: one of these bytes must stand
 * in front of it, behind it (blanks do not count); NULL: any. */
static const char *find_word(const char *line, const char *name, size_t size, const char *after, const char *before)
{
    const char *found = NULL;
    for (const char *at = line; (at = strstr(at, name)) != NULL; at++) {
        bool is_word = (at == line || !is_name_byte(at[-1])) && !is_name_byte(at[size]);
        const char *next = at + size + strspn(at + size, " ");
        if (is_word && (after == NULL || (at > line && strchr(after, at[-1]) != NULL)) &&
            (before == NULL || (*next != '\0' && strchr(before, *next) != NULL)))
            found = at; /* the last one: names are declared before they are used */
    }
    return found;
}

/* What stands behind a name where it is used as the message says; NULL: anything. */
static const char *bytes_after_use(const char *message)
{
    if (strstr(message, "attempt to index") != NULL)
        return ".[:";
    if (strstr(message, "attempt to call") != NULL || strstr(message, "bad argument") != NULL)
        return "({\"'[";
    return NULL;
}

/* The name that the message is about: "(local 'x')", "bad argument #1 to 'insert'", …; else error or assert, if called.
 */
static const char *find_culprit(Report *r, size_t *size)
{
    char name[80];
    const char *quote = r->message != NULL ? strrchr(r->message, '\'') : NULL;
    const char *start = NULL;
    if (quote != NULL) {
        for (start = quote; start > r->message && start[-1] != '\'';)
            start--;
    }
    if (start != NULL && start > r->message && (size_t)(quote - start) < sizeof name && quote > start) {
        *size = (size_t)(quote - start);
        memcpy(name, start, *size);
        name[*size] = '\0';
        bool is_field = strstr(r->message, "field '") != NULL || strstr(r->message, "method '") != NULL;
        const char *before = bytes_after_use(r->message), *after = is_field ? ".:" : NULL;
        const char *at = find_word(r->source_line, name, *size, after, before);
        at = at != NULL ? at : find_word(r->source_line, name, *size, after, NULL);
        at = at != NULL ? at : find_word(r->source_line, name, *size, NULL, NULL);
        if (at != NULL)
            return at;
    }
    static const char *const callers[] = {"error", "assert"};
    for (size_t i = 0; i < RI_COUNTOF(callers); i++) {
        *size = strlen(callers[i]);
        const char *at = find_word(r->source_line, callers[i], *size, NULL, NULL);
        if (at != NULL)
            return at;
    }
    return NULL;
}

static void add_line(Report *r)
{
    char number[32];
    snprintf(number, sizeof number, "%6d | ", (int)r->line);
    add_styled(r, RI_STYLE_NOTE, number);
    add(r, r->source_line);
    add(r, "\n");
    size_t size;
    const char *culprit = find_culprit(r, &size);
    if (culprit == NULL)
        return;
    add_styled(r, RI_STYLE_NOTE, "       | ");
    uint32_t before = ri_print_width(r->source_line, (size_t)(culprit - r->source_line));
    for (uint32_t i = 0; i < before; i++)
        add(r, " ");
    add(r, ri_repl_style(r->repl, RI_STYLE_CARET));
    for (size_t i = 0; i < size; i++)
        add(r, "^");
    add(r, ri_repl_style(r->repl, RI_STYLE_PLAIN));
    add(r, "\n");
}

/* -- The variables ------------------------------------------------------------------------------------------------- */

/* The value of a local variable, upvalue or global called `name`, seen from the frame. */
static bool find_variable(Report *r, const char *name, RiValue *value)
{
    RiThread *T = r->T;
    RiValue function = ri_frame_function(T, &r->frame);
    bool found = false;
    for (int64_t i = 1;; i++) {
        RiLocal local = ri_find_local(T, r->level, &r->frame, i, false);
        if (local.name == NULL || strcmp(local.name, "(temporary)") == 0)
            break;
        if (strcmp(local.name, name) == 0 && local.slot != NULL) { /* the last one hides the others */
            *value = ri_visible_value(*local.slot);
            found = true;
        }
    }
    const char *upvalue;
    RiValue *slot;
    for (int64_t i = 1; !found && ri_find_upvalue(T, function, i, &upvalue, &slot); i++) {
        if (strcmp(upvalue, name) == 0) {
            *value = ri_visible_value(*slot);
            return true;
        }
    }
    return found;
}

/* The names in the line that are variables, with their values. */
static void add_variables(Report *r)
{
    const RiPrintOptions options = {r->repl->options.color, .is_raw = true,  .depth = 1, .items = 4,
                                    .columns = 60,          .one_line = true};
    char seen[LINE_SHOWN_MAX + 2] = ",", name[80], listed[84];
    unsigned count = 0;
    for (const char *at = r->source_line; *at != '\0' && count < VARIABLES_SHOWN;) {
        size_t size = 0;
        while (is_name_byte(at[size]))
            size++;
        bool is_field = at > r->source_line && (at[-1] == '.' || at[-1] == ':');
        if (size > 0 && size < sizeof name && !is_field) {
            RiValue value;
            memcpy(name, at, size);
            name[size] = '\0';
            snprintf(listed, sizeof listed, ",%s,", name);
            if (strstr(seen, listed) == NULL && strcmp(name, "_ENV") != 0 && find_variable(r, name, &value)) {
                add(r, count++ == 0 ? "         " : "   ");
                add(r, name);
                add(r, " = ");
                ri_print_value(r->T, &r->out, value, true, &options);
                if (strlen(seen) + size + 2 < sizeof seen)
                    strcat(seen, listed + 1);
            }
        }
        at += size > 0 ? size : 1;
    }
    if (count > 0)
        add(r, "\n");
}

/* -- The trace ----------------------------------------------------------------------------------------------------- */

static void add_level(Report *r, const RiFrame *frame, RiValue function)
{
    char id[RI_ID_SIZE], text[RI_ID_SIZE + 120];
    size_t size;
    const char *source = ri_function_source(r->T, function, &size), *name = NULL;
    const RiProto *proto = ri_function_proto(function);
    ri_chunk_id(id, source, size);
    RiString *global = ri_global_function_name(r->T, function);
    const char *kind = global != NULL ? "function" : ri_frame_name(r->T, frame, &name);
    if (kind != NULL && strcmp(kind, "upvalue") == 0)
        kind = "local"; /* of whoever, to the reader */
    if (global != NULL)
        name = ri_str_cstr(r->T->heap, global);
    if (kind == NULL && proto != NULL && proto->line_defined == 0)
        snprintf(text, sizeof text, "  in main chunk");
    else if (kind == NULL || name == NULL)
        snprintf(text, sizeof text, "  in a function");
    else
        snprintf(text, sizeof text, "  in %s '%.60s'", kind, name);
    add(r, text);
    int32_t line = ri_frame_line(r->T, frame);
    if (proto == NULL)
        snprintf(text, sizeof text, "  built in\n");
    else if (line > 0)
        snprintf(text, sizeof text, "  %s:%d\n", id, (int)line);
    else
        snprintf(text, sizeof text, "  %s\n", id);
    add_styled(r, RI_STYLE_NOTE, text);
}

/* A function of the prompt itself, where what was typed begins. */
static bool is_prompt(RiValue function)
{
    const RiLibFn *row = function.tag == RI_TAG_LIBFN    ? function.cp
                         : function.tag == RI_TAG_NATIVE ? ((const RiNative *)function.cp)->fn
                                                         : NULL;
    return row != NULL && row->name != NULL && row->name[0] == '?';
}

/* Who called whom; nothing if it is only the input itself. */
static void add_trace(Report *r)
{
    RiFrame frame;
    uint32_t levels = 0, lua_levels = 0;
    for (int level = 1; level < LEVELS_SEEN_MAX && ri_frame_at(r->T, level, &frame); level++) {
        RiValue function = ri_frame_function(r->T, &frame);
        if (is_prompt(function))
            break;
        levels++;
        lua_levels += frame.is_lua;
    }
    if (lua_levels < 2)
        return;
    for (uint32_t i = 0; i < levels && i < LEVELS_SHOWN; i++) {
        if (ri_frame_at(r->T, (int)i + 1, &frame))
            add_level(r, &frame, ri_frame_function(r->T, &frame));
    }
    if (levels > LEVELS_SHOWN) {
        char note[60];
        snprintf(note, sizeof note, "  … %u more levels\n", (unsigned)(levels - LEVELS_SHOWN));
        add_styled(r, RI_STYLE_NOTE, note);
    }
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

/* Is it the outermost function of something typed? */
static bool is_input(RiValue function)
{
    const RiProto *proto = ri_function_proto(function);
    return proto != NULL && proto->line_defined == 0 && proto->source != NULL &&
           strncmp(ri_str_data(proto->source), "=input ", 7) == 0;
}

/* The message, where variables of the session are called what they were declared as. */
static void add_error_text(Report *r)
{
    static const char upvalue[] = "(upvalue '";
    bool is_ours = r->level >= 0 && is_input(ri_frame_function(r->T, &r->frame));
    const char *at = is_ours ? strstr(r->message, upvalue) : NULL;
    add(r, ri_repl_style(r->repl, RI_STYLE_ERROR));
    if (strcmp(r->message, "interrupted!") == 0) {
        add(r, "interrupted");
    } else if (at != NULL) {
        ri_sbuf_add(&r->out, r->message, (size_t)(at - r->message));
        add(r, "(local '");
        add(r, at + sizeof upvalue - 1);
    } else {
        add(r, r->message);
    }
    add(r, ri_repl_style(r->repl, RI_STYLE_PLAIN));
}

static void add_message(Report *r, RiValue error)
{
    if (r->message != NULL) {
        add_error_text(r);
    } else {
        const RiPrintOptions options = {r->repl->options.color, .depth = r->repl->options.depth,
                                        .items = r->repl->options.items, .columns = ri_repl_columns()};
        add_styled(r, RI_STYLE_ERROR, "error: ");
        ri_print_value(r->T, &r->out, error, true, &options);
    }
    add(r, "\n");
}

static int32_t make_report(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiRepl *repl = ((const RiNative *)args[-2].cp)->upvals[0].p;
    RiValue error = ri_arg(args, nargs, 0);
    RiString *text = ri_to_string_raw(T, error);
    Report *r = &(Report){.repl = repl, .T = T, .message = text != NULL ? ri_str_cstr(T->heap, text) : NULL};
    ri_sbuf_init(&r->out, T->heap);
    bool is_placed = find_place(r);
    add_message(r, error);
    if (is_placed) {
        const RiProto *proto = ri_function_proto(ri_frame_function(T, &r->frame));
        if (find_source_line(r, proto)) {
            add_line(r);
            add_variables(r);
        }
        add_trace(r);
    }
    while (r->out.size > 0 && r->out.data[r->out.size - 1] == '\n')
        r->out.size--;
    RiString *report = ri_sbuf_finish(&r->out);
    return ri_return_string(T->base, report);
}

RiNative *ri_repl_make_handler(RiRepl *repl)
{
    static const RiLibFn row = {.name = "?", .call = make_report};
    RiNative *handler = ri_native_new(repl->T->heap, &row, 1);
    handler->upvals[0] = (RiValue){.p = repl, .tag = RI_TAG_LIGHT};
    return handler;
}

void ri_repl_tell_syntax(RiRepl *repl, const RiCompileError *error, const RiString *source, const char *typed)
{
    RiSbuf out;
    RiCompileError shown = *error;
    ri_sbuf_init(&out, repl->T->heap);
    if (error->line > 0) { /* in the text as it was typed: `return ` may have been put before it */
        size_t added = source->size - strlen(typed);
        if (shown.line == 1 && shown.column > added && added <= strlen("return "))
            shown.column -= (uint32_t)added;
        ri_diag_render(&shown, typed, strlen(typed), &out);
    } else if (error->message != NULL) {
        ri_sbuf_add_str(&out, error->message);
        ri_sbuf_add_char(&out, '\n');
    }
    size_t first = 0;
    while (first < out.size && out.data[first] != '\n')
        first++;
    printf("%s%.*s%s", ri_repl_style(repl, RI_STYLE_ERROR), (int)first, out.data, ri_repl_style(repl, RI_STYLE_PLAIN));
    fwrite(out.data + first, 1, out.size - first, stdout);
    fflush(stdout);
}
