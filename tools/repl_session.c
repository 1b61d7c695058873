/* Running what was typed: its variables outlive it, its values are shown and kept. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/repl.h"
#include "tools/repl_print.h"
#include "vm/exec/call.h"
#include "vm/host/host.h"

void ri_repl_note(const RiRepl *repl, RiStyle style, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%s%s%s\n", ri_repl_style(repl, style), text, ri_repl_style(repl, RI_STYLE_PLAIN));
    fflush(stdout);
}

/* -- Compiling ----------------------------------------------------------------------------------------------------- */

typedef struct Compilation {
    RiRepl *repl;
    RiString *source;
    RiCompileError error;
    bool done;
} Compilation;

/* Forget variables that later ones of the same name hide: functions that know them keep them alive. */
static void drop_hidden(RiSession *session)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < session->vars.count; i++) {
        bool is_hidden = false;
        for (uint32_t later = i + 1; later < session->vars.count && !is_hidden; later++)
            is_hidden = ri_str_equal(session->vars.items[later].name, session->vars.items[i].name);
        if (!is_hidden)
            session->vars.items[kept++] = session->vars.items[i];
    }
    session->vars.count = kept;
}

/* Give the function compiled last its variables: those it has declared come to life. */
static void bind(RiRepl *repl, RiClosure *closure)
{
    RiHeap *heap = repl->T->heap;
    RiSession *session = &repl->session;
    bool declares = false;
    closure->upvals[0] = ri_cell_new(heap, ri_table_value(repl->T->process->globals));
    for (uint32_t i = 1; i < closure->object.aux; i++) {
        RiSessionVar *v = &session->vars.items[session->upvals[i]];
        declares = declares || v->cell == NULL;
        if (v->cell == NULL)
            v->cell = ri_cell_new(heap, ri_nil());
        closure->upvals[i] = v->cell;
    }
    if (declares)
        drop_hidden(session);
}

static void compile(RiThread *T, void *argument)
{
    Compilation *c = argument;
    RiRepl *repl = c->repl;
    char name[32];
    snprintf(name, sizeof name, "=input %u", (unsigned)repl->input_count + 1);
    RiProto *proto = ri_compile_in_session(T->heap, ri_str_cstr(T->heap, c->source), c->source->size, name,
                                           &repl->session, &c->error);
    if (proto == NULL)
        return;
    RiClosure *closure = ri_closure_new(T->heap, ri_feedback_new(T->heap, proto), proto->upval_count);
    ri_push(T, ri_object(closure, RI_TAG_CLOSURE));
    bind(repl, closure);
    c->done = true;
}

/* "stdin:1: … near <eof>": what the parser says when more would have to come. */
static bool is_incomplete(const RiCompileError *error)
{
    static const char mark[] = "<eof>";
    size_t size = sizeof mark - 1;
    return error->message != NULL && error->message->size >= size &&
           memcmp(ri_str_data(error->message) + error->message->size - size, mark, size) == 0;
}

/* Compile before + text + after; RI_PARSED: the function is pushed. */
static RiParsed try_compile(RiRepl *repl, const char *before, const char *text, size_t size, const char *middle,
                            const char *rest, RiCompileError *error, RiString **source)
{
    RiThread *T = repl->T;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, before, strlen(before));
    ri_sbuf_add(&sb, text, size);
    ri_sbuf_add(&sb, middle, strlen(middle));
    ri_sbuf_add(&sb, rest, strlen(rest));
    Compilation c = {.repl = repl, .source = ri_sbuf_finish(&sb)};
    RiValue *top = T->top;
    ptrdiff_t at = top - T->stack;
    RiCallStatus status = ri_try(T, compile, &c);
    if (status != RI_OK) { /* no memory */
        T->top = T->stack + at;
        c.error.message = ri_to_string_raw(T, T->error);
        c.done = false;
    }
    *error = c.error;
    *source = c.source;
    return c.done ? RI_PARSED : is_incomplete(&c.error) ? RI_PARSE_INCOMPLETE : RI_PARSE_ERROR;
}

static const char return_word[] = "return ";

/* Did the parser get further with the text as an expression than as a statement? */
static bool is_further(const RiCompileError *as_expression, const RiCompileError *as_statement)
{
    uint32_t added = as_expression->line == 1 ? sizeof return_word - 1 : 0;
    if (as_expression->line != as_statement->line)
        return as_expression->line > as_statement->line;
    return as_expression->column > as_statement->column + added;
}

/* Several lines, the last one an expression? */
static bool compile_last_expression(RiRepl *repl, const char *text, RiString **source)
{
    RiCompileError error;
    RiString *other;
    const char *last = strrchr(text, '\n');
    if (last == NULL ||
        try_compile(repl, "", text, (size_t)(last - text), "\nreturn ", last + 1, &error, &other) != RI_PARSED)
        return false;
    *source = other;
    return true;
}

RiParsed ri_repl_compile(RiRepl *repl, const char *text, RiCompileError *error, RiString **source)
{
    RiCompileError expression_error;
    RiString *expression;
    const char *line = text + strspn(text, " \t\r\n");
    if (line[0] == '=') /* as in the days of 5.2 */
        return try_compile(repl, return_word, line + 1, strlen(line + 1), "", "", error, source);
    RiParsed as_expression =
        try_compile(repl, return_word, text, strlen(text), "", "", &expression_error, &expression);
    if (as_expression == RI_PARSED) {
        *source = expression;
        return RI_PARSED;
    }
    RiParsed parsed = try_compile(repl, "", text, strlen(text), "", "", error, source);
    if (parsed == RI_PARSED || compile_last_expression(repl, text, source))
        return RI_PARSED;
    if (parsed == RI_PARSE_ERROR && is_further(&expression_error, error)) {
        *error = expression_error;
        *source = expression;
        return as_expression; /* `1 +` goes on, `1 + * 2` is wrong in its middle */
    }
    return parsed;
}

RiParsed ri_repl_compile_or_tell(RiRepl *repl, const char *text)
{
    RiCompileError error;
    RiString *source;
    RiParsed parsed = ri_repl_compile(repl, text, &error, &source);
    if (parsed == RI_PARSE_INCOMPLETE)
        return parsed;
    if (parsed == RI_PARSED) {
        RiString *typed = ri_str_from_cstr(repl->T->heap, text);
        ri_table_set_int(repl->T->heap, repl->inputs, ++repl->input_count, ri_string_value(typed));
        if (repl->session.closed != NULL)
            ri_repl_note(repl, RI_STYLE_NOTE,
                         "note: '%s' is <close>: it and the locals declared with it end with this input",
                         ri_str_cstr(repl->T->heap, repl->session.closed));
    } else {
        ri_repl_tell_syntax(repl, &error, source, text);
    }
    return parsed;
}

/* -- Calling ------------------------------------------------------------------------------------------------------- */

bool ri_repl_call(RiRepl *repl, uint32_t *count)
{
    RiThread *T = repl->T;
    uint32_t results = 0;
    RiNative *handler = ri_repl_make_handler(repl);
    ri_push_link(T);
    RiCallStatus status = ri_tool_call_patiently(T, 0, -1, ri_object(handler, RI_TAG_NATIVE), &results);
    *count = results;
    if (status == RI_OK)
        return true;
    if (status == RI_KILLED)
        ri_throw_status(T, RI_KILLED, ri_nil()); /* os.exit and its like */
    RiString *report = ri_to_string_raw(T, T->top[-1]);
    fflush(stdout);
    fprintf(stdout, "%s\n", report != NULL ? ri_str_cstr(T->heap, report) : "(error without a message)");
    fflush(stdout);
    T->top--;
    return false;
}

typedef struct Protected {
    RiRepl *repl;
    void (*fn)(RiRepl *repl, void *argument);
    void *argument;
} Protected;

static int32_t call_protected(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    (void)nargs;
    const Protected *c = ((const RiNative *)args[-2].cp)->upvals[0].cp;
    c->fn(c->repl, c->argument);
    return 0;
}

bool ri_repl_protect(RiRepl *repl, void (*fn)(RiRepl *repl, void *argument), void *argument)
{
    static const RiLibFn row = {.name = "?", .call = call_protected};
    Protected c = {repl, fn, argument};
    uint32_t count;
    RiNative *function = ri_native_new(repl->T->heap, &row, 1);
    function->upvals[0] = (RiValue){.p = &c, .tag = RI_TAG_LIGHT};
    ri_push(repl->T, ri_object(function, RI_TAG_NATIVE));
    bool ok = ri_repl_call(repl, &count);
    if (ok)
        repl->T->top -= count;
    return ok;
}

/* -- Results ------------------------------------------------------------------------------------------------------- */

bool ri_repl_find_name(RiRepl *repl, const char *name, size_t size, RiValue *value)
{
    const RiSession *session = &repl->session;
    for (uint32_t i = session->vars.count; i > 0; i--) {
        const RiSessionVar *v = &session->vars.items[i - 1];
        if (v->name->size == size && memcmp(ri_str_data(v->name), name, size) == 0 && v->cell != NULL) {
            *value = v->cell->value;
            return true;
        }
    }
    *value = ri_table_get(repl->T->process->globals, ri_string_value(ri_str_new(repl->T->heap, name, size)));
    return !ri_is_nil(*value);
}

/* Set a variable of the session, which is declared if need be. */
static void set_variable(RiRepl *repl, const char *name, RiValue value)
{
    RiHeap *heap = repl->T->heap;
    RiSession *session = &repl->session;
    RiString *s = ri_str_from_cstr(heap, name);
    for (uint32_t i = session->vars.count; i > 0; i--) {
        RiSessionVar *v = &session->vars.items[i - 1];
        if (ri_str_equal(v->name, s) && v->cell != NULL) {
            v->cell->value = value;
            return;
        }
    }
    RiCell *cell = ri_cell_new(heap, value);
    *ri_vec_push(heap, &session->vars, RI_VEC_POINTERS) = (RiSessionVar){.name = s, .cell = cell, .kind = 0};
}

/* Forget result number `n`: its variable goes. */
static void drop_result(RiRepl *repl, uint32_t n)
{
    char name[16];
    RiSession *session = &repl->session;
    snprintf(name, sizeof name, "_%u", (unsigned)n);
    for (uint32_t i = 0; i < session->vars.count; i++) {
        const RiString *s = session->vars.items[i].name;
        if (s->size == strlen(name) && memcmp(ri_str_data(s), name, s->size) == 0) {
            memmove(&session->vars.items[i], &session->vars.items[i + 1],
                    (session->vars.count - i - 1) * sizeof session->vars.items[0]);
            session->vars.count--;
            return;
        }
    }
}

static void keep_result(RiRepl *repl, RiValue value)
{
    char name[16];
    snprintf(name, sizeof name, "_%u", (unsigned)++repl->result_count);
    if (repl->result_count > RI_REPL_RESULTS_MAX)
        drop_result(repl, repl->result_count - RI_REPL_RESULTS_MAX);
    set_variable(repl, name, value);
}

typedef struct Shown {
    const RiValue *values; /* copies, in a collected block */
    uint32_t count;
} Shown;

static void show(RiRepl *repl, void *argument)
{
    const Shown *shown = argument;
    RiPrintOptions options = {repl->options.color, .depth = repl->options.depth, .items = repl->options.items,
                              .columns = ri_repl_columns()};
    RiSbuf all;
    ri_sbuf_init(&all, repl->T->heap);
    for (uint32_t i = 0; i < shown->count; i++) {
        if (i > 0)
            ri_sbuf_add_char(&all, '\r'); /* no value has one of its own */
        ri_print_value(repl->T, &all, shown->values[i], false, &options);
    }
    bool is_long = memchr(all.data, '\n', all.size) != NULL ||
                   ri_print_width(all.data, all.size) + 7 * shown->count > options.columns;
    for (size_t i = 0; i < all.size; i++) { /* several short ones share a line, as print's do */
        if (all.data[i] == '\r')
            all.data[i] = is_long ? '\n' : '\t';
    }
    ri_sbuf_add_char(&all, '\n');
    fwrite(all.data, 1, all.size, stdout);
    fflush(stdout);
}

/* The numbers of a block of values that the collector finds from the C stack. */
typedef struct ValueBlock {
    RiObject object;
    uint64_t reserved;
    RiValue values[];
} ValueBlock;

void ri_repl_show_results(RiRepl *repl, uint32_t count)
{
    RiThread *T = repl->T;
    if (count == 0)
        return;
    uint32_t kept = count < RI_REPL_RESULTS_MAX ? count : RI_REPL_RESULTS_MAX;
    ValueBlock *block = ri_heap_alloc_block(T->heap, sizeof *block + kept * sizeof(RiValue));
    for (uint32_t i = 0; i < kept; i++)
        ri_copy(&block->values[i], T->top - count + i);
    T->top -= count;
    ri_push(T, ri_object(block, RI_TAG_BLOCK));
    for (uint32_t i = 0; i < kept; i++)
        keep_result(repl, block->values[i]);
    set_variable(repl, "_", block->values[0]);
    Shown shown = {block->values, kept};
    ri_repl_protect(repl, show, &shown);
    if (kept < count)
        ri_repl_note(repl, RI_STYLE_NOTE, "… %u more values", (unsigned)(count - kept));
    T->top--;
}

/* -- A whole input ------------------------------------------------------------------------------------------------- */

RiParsed ri_repl_run(RiRepl *repl, const char *text)
{
    RiParsed parsed = ri_repl_compile_or_tell(repl, text);
    if (parsed != RI_PARSED)
        return parsed;
    uint32_t count;
    uint64_t start = ri_host_monotonic_ns();
    RiString *typed = ri_str_from_cstr(repl->T->heap, text);
    ri_push(repl->T, ri_string_value(typed));
    ri_copy(repl->T->top, repl->T->top - 2);
    repl->T->top++;
    bool ok = ri_repl_call(repl, &count);
    uint64_t end = ri_host_monotonic_ns();
    if (ok) {
        ri_table_set_int(repl->T->heap, repl->saved, ++repl->saved_count, ri_string_value(typed));
        ri_repl_show_results(repl, count);
    }
    if (repl->options.timing)
        ri_repl_note(repl, RI_STYLE_NOTE, "%.3f ms", (double)(end - start) / 1e6);
    return RI_PARSED;
}
