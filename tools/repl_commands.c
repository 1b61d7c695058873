/* What a line that begins with ':' does. Those that measure are in repl_measure.c, :reload in repl_reload.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/stream.h"
#include "tools/docs.h"
#include "tools/repl.h"
#include "tools/repl_print.h"
#include "vm/exec/call.h"
#include "vm/exec/disasm.h"
#include "vm/exec/traceback.h"
#include "vm/host/host.h"
#include "vm/host/newfile.h"

/* -- Finding the command ------------------------------------------------------------------------------------------- */

typedef struct Command {
    const char *name, *arguments, *summary;
    RiReplArgument takes;
    RiParsed (*run)(RiRepl *repl, const char *argument);
} Command;

static const Command commands[] = {
#define REPL_COMMAND(name, takes, text, summary) {#name, text, summary, RI_ARGUMENT_##takes, ri_repl_do_##name},
#include "tools/repl_commands.def"
#undef REPL_COMMAND
};

const char *ri_repl_command_name(size_t i)
{
    return i < RI_COUNTOF(commands) ? commands[i].name : NULL;
}

/* The command that ":name…" means: by its whole name, or a beginning that only one has. NULL: none, *count how many. */
static const Command *find_command(const char *name, size_t size, size_t *count)
{
    const Command *found = NULL;
    *count = 0;
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (strncmp(commands[i].name, name, size) != 0)
            continue;
        if (commands[i].name[size] == '\0')
            return &commands[i];
        found = &commands[i];
        ++*count;
    }
    return *count == 1 ? found : NULL;
}

static size_t name_size(const char *name)
{
    return strcspn(name, " \t\n!");
}

RiReplArgument ri_repl_command_argument(const char *line)
{
    size_t count;
    const Command *command = find_command(line + 1, name_size(line + 1), &count);
    return command != NULL ? command->takes : RI_ARGUMENT_NONE;
}

RiParsed ri_repl_command(RiRepl *repl, const char *line)
{
    const char *name = line + strspn(line, " \t") + 1;
    size_t size = name_size(name), count;
    const Command *command = size > 0 ? find_command(name, size, &count) : NULL;
    if (command == NULL) {
        ri_repl_note(repl, RI_STYLE_ERROR, "no command :%.*s (:help lists them)", (int)size, name);
        return RI_PARSE_ERROR;
    }
    const char *start = name + size;
    start += strspn(start, " \t\n");
    size_t length = strlen(start);
    while (length > 0 && strchr(" \t\n", start[length - 1]) != NULL)
        length--;
    char *argument = strndup(start, length);
    if (argument == NULL)
        return RI_PARSE_ERROR;
    RiParsed parsed = RI_PARSE_ERROR;
    if (length == 0 && command->takes == RI_ARGUMENT_CODE)
        ri_repl_note(repl, RI_STYLE_ERROR, "usage: :%s %s", command->name, command->arguments);
    else
        parsed = command->run(repl, argument);
    free(argument);
    return parsed;
}

/* -- Help ---------------------------------------------------------------------------------------------------------- */

static const char help_end[] = "Anything else is Lua. The values of an expression are shown and kept: _ is the newest, "
                               "_1, _2 … are all of them in order.\n"
                               "A statement goes on in the next lines until it is complete. `local` variables stay; "
                               "`local x <const>` stays constant.\n"
                               "Tab completes. Ctrl-C stops what runs, or drops the line; Ctrl-D leaves. :help NAME "
                               "explains a library function, as\n"
                               "`rille doc NAME` does; :help string lists the functions of a library.\n";

static bool print_command_help(const char *name)
{
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            printf(":%s %s\n  %s\n", name, commands[i].arguments, commands[i].summary);
            return true;
        }
    }
    return false;
}

RiParsed ri_repl_do_help(RiRepl *repl, const char *argument)
{
    if (argument[0] != '\0') {
        const char *name = argument[0] == ':' ? argument + 1 : argument;
        bool found = print_command_help(name);
        if (!found || ri_docs_has(name))
            found = ri_docs_print(stdout, name, repl->options.color, ri_repl_columns()) || found;
        fflush(stdout);
        return found ? RI_PARSED : RI_PARSE_ERROR;
    }
    for (size_t i = 0; i < RI_COUNTOF(commands); i++) {
        char left[60];
        snprintf(left, sizeof left, ":%s %s", commands[i].name, commands[i].arguments);
        printf("  %s%-18s%s %s\n", ri_repl_style(repl, RI_STYLE_STRONG), left, ri_repl_style(repl, RI_STYLE_PLAIN),
               commands[i].summary);
    }
    printf("\n%s", help_end);
    fflush(stdout);
    return RI_PARSED;
}

/* -- Bytecode ------------------------------------------------------------------------------------------------------ */

static void list_function(RiRepl *repl, void *argument)
{
    const RiValue *function = argument;
    const RiProto *proto = ri_function_proto(*function);
    RiSbuf out;
    (void)repl;
    ri_sbuf_init(&out, repl->T->heap);
    ri_disasm_proto(&out, proto, RI_DISASM_NESTED | RI_DISASM_TABLES);
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
}

/* Is it the name of a value, `a.b:c`, and nothing more? Then its value is meant, else the text itself. */
static bool is_path(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == '\0';
}

RiParsed ri_repl_do_dis(RiRepl *repl, const char *argument)
{
    RiThread *T = repl->T;
    RiParsed parsed = ri_repl_compile_or_tell(repl, argument);
    if (parsed != RI_PARSED)
        return parsed;
    RiValue function = T->top[-1];
    if (is_path(argument)) {
        uint32_t count;
        ri_push(T, function);
        if (!ri_repl_call(repl, &count))
            return RI_PARSED;
        if (count > 0 && ri_is_function(T->top[-(int64_t)count]))
            function = T->top[-(int64_t)count];
    }
    if (function.tag == RI_TAG_CLOSURE)
        ri_repl_protect(repl, list_function, &function);
    else
        ri_repl_note(repl, RI_STYLE_NOTE, "%s is built in: it has no bytecode", argument);
    return RI_PARSED;
}

/* -- What there is ------------------------------------------------------------------------------------------------- */

static bool is_result_name(const RiString *name)
{
    const char *text = ri_str_data(name);
    return name->size > 0 && text[0] == '_' && strspn(text + 1, "0123456789") == name->size - 1;
}

static void list_variables(RiRepl *repl, void *argument)
{
    const bool *results = argument;
    const RiSession *session = &repl->session;
    uint32_t shown = 0, first = 0;
    if (*results) { /* the newest twenty */
        uint32_t there = 0;
        for (uint32_t i = session->vars.count; i > 0 && there < 20; i--) {
            there += is_result_name(session->vars.items[i - 1].name);
            first = i - 1;
        }
    }
    for (uint32_t i = first; i < session->vars.count; i++) {
        const RiSessionVar *v = &session->vars.items[i];
        bool is_it = is_result_name(v->name) == *results && v->cell != NULL && !(*results && v->name->size == 1);
        if (!is_it)
            continue;
        RiSbuf out;
        RiPrintOptions options = {repl->options.color, .depth = 1, .items = 8, .columns = 1000, .one_line = true};
        ri_sbuf_init(&out, repl->T->heap);
        ri_print_value(repl->T, &out, v->cell->value, true, &options);
        printf("%s%s = %.*s\n", ri_str_cstr(repl->T->heap, v->name), v->kind != 0 ? " <const>" : "", (int)out.size,
               out.data);
        shown++;
    }
    if (shown == 0)
        ri_repl_note(repl, RI_STYLE_NOTE,
                     *results ? "no results yet" : "no local variables yet: local x = 1 makes one");
    fflush(stdout);
}

RiParsed ri_repl_do_locals(RiRepl *repl, const char *argument)
{
    bool results = false;
    (void)argument;
    ri_repl_protect(repl, list_variables, &results);
    return RI_PARSED;
}

RiParsed ri_repl_do_results(RiRepl *repl, const char *argument)
{
    bool results = true;
    (void)argument;
    ri_repl_protect(repl, list_variables, &results);
    return RI_PARSED;
}

/* -- Files --------------------------------------------------------------------------------------------------------- */

static char *unquoted(const char *argument)
{
    size_t size = strlen(argument);
    bool is_quoted = size >= 2 && (argument[0] == '"' || argument[0] == '\'') && argument[size - 1] == argument[0];
    return is_quoted ? strndup(argument + 1, size - 2) : strdup(argument);
}

RiParsed ri_repl_do_load(RiRepl *repl, const char *argument)
{
    RiThread *T = repl->T;
    char *path = unquoted(argument);
    if (path == NULL || path[0] == '\0') {
        ri_repl_note(repl, RI_STYLE_ERROR, "usage: :load file");
        free(path);
        return RI_PARSE_ERROR;
    }
    int status = ri_load_file(T, path, NULL);
    uint32_t count = 0;
    free(path);
    if (status != RI_OK) {
        RiString *message = ri_to_string_raw(T, T->top[-1]);
        ri_repl_note(repl, RI_STYLE_ERROR, "%s",
                     message != NULL ? ri_str_cstr(T->heap, message) : "cannot load the file");
        return RI_PARSE_ERROR;
    }
    if (ri_repl_call(repl, &count))
        ri_repl_show_results(repl, count);
    return RI_PARSED;
}

static bool write_inputs(RiRepl *repl, FILE *file)
{
    bool ok = true;
    for (uint32_t i = 1; i <= repl->saved_count; i++) {
        RiValue text = ri_table_get_int(repl->saved, i);
        const char *line = ri_str_cstr(repl->T->heap, text.p);
        bool is_expression = line[strspn(line, " \t")] == '=';
        if (!is_expression) { /* `1 + 1` alone is no statement */
            char chunk[] = "=save";
            is_expression = ri_load(repl->T, line, strlen(line), chunk, "t") != RI_OK;
            repl->T->top--;
        }
        if (is_expression)
            ok = fprintf(file, "print(%s)\n", line + (line[strspn(line, " \t")] == '=' ? strspn(line, " \t") + 1 : 0)) >
                     0 &&
                 ok;
        else
            ok = fprintf(file, "%s\n", line) > 0 && ok;
    }
    return ok;
}

RiParsed ri_repl_do_save(RiRepl *repl, const char *argument)
{
    bool replaces = argument[0] == '!';
    char *path = unquoted(argument + (replaces ? 1 + strspn(argument + 1, " ") : 0));
    if (path == NULL || path[0] == '\0') {
        ri_repl_note(repl, RI_STYLE_ERROR, "usage: :save file");
    } else if (!replaces && ri_host_is_readable(path)) {
        ri_repl_note(repl, RI_STYLE_ERROR, "%s is there already; :save! %s replaces it", path, path);
    } else {
        RiNewFile new;
        bool ok = ri_newfile_open(&new, path);
        if (ok)
            ok = ri_newfile_close(&new, write_inputs(repl, new.file));
        if (ok)
            ri_repl_note(repl, RI_STYLE_NOTE, "%u input%s written to %s", (unsigned)repl->saved_count,
                         repl->saved_count == 1 ? "" : "s", path);
        else
            ri_repl_note(repl, RI_STYLE_ERROR, "cannot write %s: %s", path, strerror(errno));
    }
    free(path);
    return RI_PARSED;
}

/* -- Settings ------------------------------------------------------------------------------------------------------ */

typedef enum SettingType { SWITCH, NUMBER } SettingType;
typedef struct Setting {
    const char *name, *values, *summary;
    SettingType type;
    size_t offset;
} Setting;

static const Setting settings[] = {
#define REPL_SETTING(name, type, field, values, summary) {#name, values, summary, type, offsetof(RiReplOptions, field)},
#include "tools/repl_settings.def"
#undef REPL_SETTING
};

const char *ri_repl_setting_name(size_t i)
{
    return i < RI_COUNTOF(settings) ? settings[i].name : NULL;
}

static void show_setting(const RiRepl *repl, const Setting *s)
{
    const void *field = (const char *)&repl->options + s->offset;
    char value[32];
    if (s->type == SWITCH)
        snprintf(value, sizeof value, "%s", *(const bool *)field ? "on" : "off");
    else
        snprintf(value, sizeof value, "%u", (unsigned)*(const uint32_t *)field);
    printf("  %-8s %-6s %s(%s)%s %s\n", s->name, value, ri_repl_style(repl, RI_STYLE_NOTE), s->values,
           ri_repl_style(repl, RI_STYLE_PLAIN), s->summary);
    fflush(stdout);
}

static bool change_setting(RiRepl *repl, const Setting *s, const char *text)
{
    void *field = (char *)&repl->options + s->offset;
    if (s->type == SWITCH) {
        bool on = strcmp(text, "on") == 0;
        if (!on && strcmp(text, "off") != 0)
            return false;
        *(bool *)field = on;
        return true;
    }
    char *end;
    unsigned long limit = strtoul(strrchr(s->values, ' '), NULL, 10), number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 || number > limit)
        return false;
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

RiParsed ri_repl_do_set(RiRepl *repl, const char *argument)
{
    size_t size = strcspn(argument, " =");
    const char *value = argument + size;
    value += strspn(value, " =");
    for (size_t i = 0; i < RI_COUNTOF(settings); i++) {
        const Setting *s = &settings[i];
        if (size == 0) {
            show_setting(repl, s);
        } else if (strncmp(s->name, argument, size) == 0 && s->name[size] == '\0') {
            if (*value != '\0' && !change_setting(repl, s, value))
                ri_repl_note(repl, RI_STYLE_ERROR, "%s is one of: %s", s->name, s->values);
            else
                show_setting(repl, s);
            return RI_PARSED;
        }
    }
    if (size > 0)
        ri_repl_note(repl, RI_STYLE_ERROR, "no setting %.*s (:set lists them)", (int)size, argument);
    return RI_PARSED;
}

RiParsed ri_repl_do_quit(RiRepl *repl, const char *argument)
{
    (void)argument;
    repl->is_ending = true;
    return RI_PARSED;
}
