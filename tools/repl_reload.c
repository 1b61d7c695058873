/* :reload: tools/lua/reload.lua does it; here it gets what it cannot reach itself. */
#include <stdio.h>
#include <string.h>

#include "tools/repl.h"
#include "vm/exec/call.h"

static const char source[] = {
#include "tools/lua/reload.inc"
};

/* The session's variables by number. */
static RiTable *table_of_locals(RiRepl *repl)
{
    RiTable *t = ri_table_new(repl->T->heap, 0, 0);
    ri_push(repl->T, ri_table_value(t));
    for (uint32_t i = 0; i < repl->session.vars.count; i++) {
        const RiCell *cell = repl->session.vars.items[i].cell;
        if (cell != NULL)
            ri_table_set_int(repl->T->heap, t, i + 1, cell->value);
    }
    repl->T->top--;
    return t;
}

static void take_locals(RiRepl *repl, RiTable *t)
{
    for (uint32_t i = 0; i < repl->session.vars.count; i++) {
        RiCell *cell = repl->session.vars.items[i].cell;
        if (cell != NULL)
            cell->value = ri_table_get_int(t, i + 1);
    }
}

/* The threads of the process, as a list: each one's first coroutine. */
static RiTable *list_of_threads(RiThread *T)
{
    RiTable *list = ri_table_new(T->heap, 0, 0);
    uint64_t position = 0;
    RiValue key, value;
    ri_push(T, ri_table_value(list));
    while (T->process->threads != NULL && ri_table_next_at(T->process->threads, &position, &key, &value))
        ri_table_append(T->heap, list, value);
    T->top--;
    return list;
}

/* Push the function of reload.lua for this module; it is called without arguments. */
static void reload(RiRepl *repl, void *argument)
{
    RiThread *T = repl->T;
    RiTable *locals = table_of_locals(repl);
    ri_push(T, ri_table_value(locals));
    if (ri_load(T, source, sizeof source - 1, "=:reload", "t") != RI_OK)
        ri_throw(T, T->top[-1]);
    ri_push_link(T);
    ri_push(T, ri_string_value(ri_str_from_cstr(T->heap, argument)));
    ri_push(T, ri_table_value(locals));
    RiTable *threads = list_of_threads(T);
    ri_push(T, ri_table_value(threads));
    ri_call(T, 3, 1);
    take_locals(repl, locals);
    RiString *text = ri_to_string_raw(T, T->top[-1]);
    ri_repl_note(repl, RI_STYLE_NOTE, "%s", text != NULL ? ri_str_cstr(T->heap, text) : "");
}

RiParsed ri_repl_do_reload(RiRepl *repl, const char *argument)
{
    size_t size = strlen(argument);
    char name[200];
    bool is_quoted = size >= 2 && (argument[0] == '"' || argument[0] == '\'') && argument[size - 1] == argument[0];
    snprintf(name, sizeof name, "%.*s", (int)(is_quoted ? size - 2 : size), argument + is_quoted);
    if (name[0] == '\0')
        ri_repl_note(repl, RI_STYLE_ERROR, "usage: :reload module");
    else
        ri_repl_protect(repl, reload, name);
    return RI_PARSED;
}
