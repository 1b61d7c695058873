/* Completion: names, fields, methods, keys and modules in strings, keywords, :commands.
 *
 * The line is read from its beginning to see whether the cursor stands in a string or comment; from the word backwards
 * to find the path before it (`a.b[1].c`, `("x"):`). A path is followed raw: through tables, and through __index where
 * that is a table. What would have to be called is not. */
#include "tools/repl_complete.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/lex.h"
#include "tools/docs.h"
#include "tools/repl_print.h"
#include "vm/exec/call.h"
#include "vm/host/files.h"

#define COMPLETIONS_MAX 2000
#define KEYS_SEEN_MAX 200000 /* of one table */
#define FOLDER_LEVELS_MAX 4  /* of folders that modules are looked for in */
#define FILES_SEEN_MAX 20000
#define INDEX_LEVELS_MAX 20 /* tables on the way along __index */

typedef struct Search {
    RiRepl *repl;
    RiThread *T;
    RiCompletions *out;
    const char *prefix;
    size_t prefix_size;
    uint32_t files_seen; /* while looking for modules */
} Search;

static bool is_name_byte(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_name_byte(text[i]))
            return false;
    }
    return size > 0 && !(text[0] >= '0' && text[0] <= '9');
}

/* -- Candidates ---------------------------------------------------------------------------------------------------- */

static void add_candidate(Search *s, const char *name, size_t size)
{
    RiCompletions *c = s->out;
    if (size < s->prefix_size || memcmp(name, s->prefix, s->prefix_size) != 0 || c->count >= COMPLETIONS_MAX)
        return;
    if (memchr(name, '\0', size) != NULL)
        return;
    for (size_t i = 0; i < c->count; i++) {
        if (strlen(c->names[i]) == size && memcmp(c->names[i], name, size) == 0)
            return;
    }
    if (c->count + 1 >= c->capacity) {
        size_t capacity = c->capacity == 0 ? 64 : c->capacity * 2;
        char **names = realloc(c->names, capacity * sizeof *names);
        if (names == NULL)
            return;
        c->names = names;
        c->capacity = capacity;
    }
    char *text = strndup(name, size);
    if (text != NULL)
        c->names[c->count++] = text;
}

static void add_text(Search *s, const char *name)
{
    add_candidate(s, name, strlen(name));
}

typedef enum FieldUse { FIELD, METHOD, KEY } FieldUse;

/* The fields of v, and those it inherits through tables. */
static void add_fields(Search *s, RiValue v, FieldUse use)
{
    for (int level = 0; level < INDEX_LEVELS_MAX; level++) {
        RiTable *meta = ri_value_meta(s->T->process, v);
        uint64_t position = 0, seen = 0;
        RiValue key, value;
        while (ri_is_table(v) && seen++ < KEYS_SEEN_MAX && ri_table_next_at(v.p, &position, &key, &value)) {
            if (!ri_is_string(key))
                continue;
            const RiString *name = key.cp;
            bool fits = use == KEY ||
                        (is_name(ri_str_data(name), name->size) && !ri_print_is_keyword(ri_str_data(name), name->size));
            if (use == METHOD)
                fits = fits && (ri_is_function(value) || ri_value_meta(s->T->process, value) != NULL);
            if (fits)
                add_candidate(s, ri_str_data(name), name->size);
        }
        if (meta == NULL)
            return;
        v = ri_table_get_str(meta, s->T->heap->mm_names[RI_MM_INDEX]);
    }
}

static void add_names(Search *s)
{
    const RiSession *session = &s->repl->session;
    for (uint32_t i = session->vars.count; i > 0; i--) {
        const RiString *name = session->vars.items[i - 1].name;
        if (ri_str_data(name)[0] != '_' || s->prefix_size > 0)
            add_candidate(s, ri_str_data(name), name->size);
    }
    add_fields(s, ri_table_value(s->T->process->globals), FIELD);
    for (size_t i = 0; ri_lex_keywords[i] != NULL; i++)
        add_text(s, ri_lex_keywords[i]);
}

/* -- Modules ------------------------------------------------------------------------------------------------------- */

static void add_keys_of(Search *s, RiValue table)
{
    uint64_t position = 0;
    RiValue key, value;
    while (ri_is_table(table) && ri_table_next_at(table.p, &position, &key, &value)) {
        if (ri_is_string(key))
            add_candidate(s, ri_str_data(key.p), ((const RiString *)key.p)->size);
    }
}

static void add_entries(Search *s, const char *path, const char *module_folder, const char *ending, int depth);

/* An entry of the folder `path`, where modules are files with this ending: its module, or those in the folder it is. */
static void add_entry(Search *s, const char *path, const char *module_folder, const char *name, const char *ending,
                      bool is_folder, int depth)
{
    char module[RI_NAME_SIZE * 2], inside[RI_PATH_SIZE];
    size_t size = strlen(name), tail = strlen(ending);
    if (name[0] == '.' || ++s->files_seen > FILES_SEEN_MAX)
        return;
    if (is_folder && is_name(name, size) && depth < FOLDER_LEVELS_MAX) {
        if (snprintf(module, sizeof module, "%s%s.", module_folder, name) >= (int)sizeof module)
            return;
        size_t both = strlen(module) < s->prefix_size ? strlen(module) : s->prefix_size;
        int length = snprintf(inside, sizeof inside, "%s/%s", path, name);
        if (memcmp(module, s->prefix, both) == 0 && length < (int)sizeof inside)
            add_entries(s, inside, module, ending, depth + 1);
    } else if (!is_folder && size > tail && strcmp(name + size - tail, ending) == 0 &&
               memchr(name, '.', size - tail) == NULL) {
        if (snprintf(module, sizeof module, "%s%.*s", module_folder, (int)(size - tail), name) < (int)sizeof module)
            add_text(s, module);
    }
}

/* Modules in the host's folder `path`. */
static void add_entries(Search *s, const char *path, const char *module_folder, const char *ending, int depth)
{
    char block[4096] __attribute__((aligned(8)));
    int fd = ri_host_fd_open(path, RI_O_RDONLY | RI_O_DIRECTORY, 0);
    if (fd < 0)
        return;
    int64_t size;
    while ((size = ri_host_fd_entries(fd, block, sizeof block)) > 0) {
        for (int64_t at = 0; at < size;) {
            uint16_t length;
            memcpy(&length, block + at + 16, sizeof length);
            bool is_folder = block[at + 18] == 4; /* as the host's DT_DIR */
            add_entry(s, path, module_folder, block + at + 19, ending, is_folder, depth);
            at += (length + 7) & ~7;
        }
    }
    ri_host_fd_close(fd);
}

/* Modules along package.path: the templates that have a "?" as part of their last component. */
static void add_modules_of_template(Search *s, const char *template, size_t size)
{
    char path[RI_PATH_SIZE], ending[64];
    const char *mark = memchr(template, '?', size);
    size_t before = mark != NULL ? (size_t)(mark - template) : 0, after = mark != NULL ? size - before - 1 : 0;
    if (mark == NULL || after >= sizeof ending || before + 2 >= sizeof path)
        return;
    memcpy(ending, mark + 1, after);
    ending[after] = '\0';
    if (strchr(ending, '/') != NULL)
        return; /* ?/init.lua: few, and found by the other templates if they have more in them */
    memcpy(path, template, before);
    path[before] = '\0';
    while (before > 1 && path[before - 1] == '/')
        path[--before] = '\0';
    add_entries(s, before > 0 ? path : ".", "", ending, 0);
}

static void add_modules(Search *s)
{
    RiHeap *heap = s->T->heap;
    RiTable *registry = s->T->process->registry;
    RiValue loaded = ri_table_get_str(registry, ri_str_from_cstr(heap, "_LOADED"));
    add_keys_of(s, loaded);
    add_keys_of(s, ri_table_get_str(registry, ri_str_from_cstr(heap, "_PRELOAD")));
    RiValue package = ri_is_table(loaded) ? ri_table_get_str(loaded.p, ri_str_from_cstr(heap, "package")) : ri_nil();
    static const char *const paths[] = {"path", "cpath"};
    for (size_t i = 0; i < RI_COUNTOF(paths) && ri_is_table(package); i++) {
        RiValue path = ri_table_get_str(package.p, ri_str_from_cstr(heap, paths[i]));
        const char *at = ri_is_string(path) ? ri_str_cstr(heap, path.p) : "";
        while (*at != '\0') {
            size_t size = strcspn(at, ";");
            add_modules_of_template(s, at, size);
            at += size + (at[size] == ';');
        }
    }
}

/* -- Paths --------------------------------------------------------------------------------------------------------- */

static RiValue get_raw(RiThread *T, RiValue v, RiValue key)
{
    for (int level = 0; level < INDEX_LEVELS_MAX; level++) {
        RiTable *meta = ri_value_meta(T->process, v);
        if (ri_is_table(v)) {
            RiValue found = ri_table_get(v.p, key);
            if (!ri_is_nil(found))
                return found;
        }
        if (meta == NULL)
            break;
        v = ri_table_get_str(meta, T->heap->mm_names[RI_MM_INDEX]);
    }
    return ri_nil();
}

/* Where the path begins that ends before line[end]: "a.b[1].c", "(\"x\")". */
static size_t path_start(const char *line, size_t end)
{
    size_t at = end;
    while (at > 0) {
        char c = line[at - 1];
        if (is_name_byte(c) || c == '.' || c == ':') {
            at--;
        } else if (c == ']') {
            size_t open = at - 1;
            while (open > 0 && line[open] != '[')
                open--;
            if (line[open] != '[' || open == 0)
                return at;
            at = open;
        } else if ((c == '"' || c == '\'' || c == ')') && at == end) {
            char ends = c == ')' ? '(' : c;
            size_t open = at - 1;
            while (open > 0 && line[open - 1] != ends)
                open--;
            return open > 0 ? open - 1 : at;
        } else {
            break;
        }
    }
    return at;
}

/* `[1]`, `["k"]`: the key, and where it ends; false if it is anything else. */
static bool read_key(RiThread *T, const char *text, size_t size, size_t *used, RiValue *key)
{
    char *end;
    if (size > 3 && (text[1] == '"' || text[1] == '\'')) {
        const char *close = memchr(text + 2, text[1], size - 2);
        if (close == NULL || close + 1 >= text + size || close[1] != ']')
            return false;
        *key = ri_string_value(ri_str_new(T->heap, text + 2, (size_t)(close - text - 2)));
        *used = (size_t)(close + 2 - text);
        return true;
    }
    *key = ri_int(strtoll(text + 1, &end, 10));
    *used = (size_t)(end + 1 - text);
    return end > text + 1 && *end == ']';
}

/* The value of a path; false if it cannot be known without running something. */
static bool follow(Search *s, const char *path, size_t size, RiValue *v)
{
    RiThread *T = s->T;
    size_t at = 0;
    while (at < size && is_name_byte(path[at]))
        at++;
    if (size > 0 &&
        (path[0] == '"' || path[0] == '\'' || (path[0] == '(' && size > 2 && (path[1] == '"' || path[1] == '\'')))) {
        *v = ri_string_value(ri_str_new(T->heap, "", 0)); /* a literal: any string has the same methods */
        return true;
    }
    if (!is_name(path, at) || !ri_repl_find_name(s->repl, path, at, v))
        return false;
    while (at < size) {
        RiValue key;
        size_t used;
        if (path[at] == '[') {
            if (!read_key(T, path + at, size - at, &used, &key))
                return false;
        } else {
            for (used = 1; at + used < size && is_name_byte(path[at + used]);)
                used++;
            key = ri_string_value(ri_str_new(T->heap, path + at + 1, used - 1));
        }
        *v = get_raw(T, *v, key);
        at += used;
    }
    return !ri_is_nil(*v);
}

/* -- Where the cursor stands --------------------------------------------------------------------------------------- */

/* The quote of the string that is open at `end` of the line, and where it began; 0: none. A comment counts as '-'. */
static char open_quote(const char *line, size_t end, size_t *start)
{
    char quote = 0;
    for (size_t i = 0; i < end; i++) {
        if (quote == 0 && (line[i] == '"' || line[i] == '\'')) {
            quote = line[i];
            *start = i;
        } else if (quote != 0 && line[i] == '\\') {
            i++;
        } else if (quote != 0 && line[i] == quote) {
            quote = 0;
        } else if (quote == 0 && line[i] == '-' && i + 1 < end && line[i + 1] == '-') {
            return '-';
        }
    }
    return quote;
}

/* Does the string that begins at `start` stand behind the word `require`? */
static bool is_required(const char *line, size_t start)
{
    static const char word[] = "require";
    size_t size = sizeof word - 1;
    while (start > 0 && (line[start - 1] == ' ' || line[start - 1] == '('))
        start--;
    return start >= size && memcmp(line + start - size, word, size) == 0 &&
           (start == size || !is_name_byte(line[start - size - 1]));
}

static void complete_string(Search *s, const char *line, size_t start, size_t end)
{
    RiValue v;
    s->out->start = start + 1;
    s->out->is_string = true;
    s->prefix = line + start + 1;
    s->prefix_size = end - start - 1;
    if (is_required(line, start)) {
        add_modules(s);
    } else if (start > 0 && line[start - 1] == '[') {
        size_t from = path_start(line, start - 1);
        if (follow(s, line + from, start - 1 - from, &v))
            add_fields(s, v, KEY);
    } else {
        s->out->kind = RI_COMPLETE_FILES;
    }
}

static void complete_code(Search *s, const char *line, size_t from, size_t end)
{
    size_t start = end, quoted_from = 0;
    char quote = open_quote(line + from, end - from, &quoted_from);
    if (quote == '-') {
        s->out->start = end;
        return;
    }
    if (quote != 0) {
        complete_string(s, line, from + quoted_from, end);
        return;
    }
    while (start > from && is_name_byte(line[start - 1]))
        start--;
    s->out->start = start;
    s->prefix = line + start;
    s->prefix_size = end - start;
    bool is_field = start > from && (line[start - 1] == '.' || line[start - 1] == ':');
    bool is_concat = start > from + 1 && line[start - 1] == '.' && line[start - 2] == '.';
    if (!is_field || is_concat) {
        if (s->prefix_size > 0 || start == from || !is_concat)
            add_names(s);
        return;
    }
    RiValue v;
    size_t begin = path_start(line, start - 1);
    begin = begin < from ? from : begin;
    if (follow(s, line + begin, start - 1 - begin, &v))
        add_fields(s, v, line[start - 1] == ':' ? METHOD : FIELD);
}

/* -- Commands ------------------------------------------------------------------------------------------------------ */

static void set_word(Search *s, const char *line, size_t start, size_t end)
{
    s->out->start = start;
    s->prefix = line + start;
    s->prefix_size = end - start;
}

static void add_topic(const char *topic, void *search)
{
    add_text(search, topic);
}

static void complete_command(Search *s, const char *line, size_t at, size_t end)
{
    size_t argument = at + strcspn(line + at, " ");
    if (argument >= end) {
        set_word(s, line, at + 1, end);
        for (size_t i = 0; ri_repl_command_name(i) != NULL; i++)
            add_text(s, ri_repl_command_name(i));
        return;
    }
    argument += strspn(line + argument, " ");
    size_t word = end;
    while (word > argument && line[word - 1] != ' ')
        word--;
    switch (ri_repl_command_argument(line + at)) {
    case RI_ARGUMENT_CODE:
        complete_code(s, line, argument, end);
        break;
    case RI_ARGUMENT_FILE:
        set_word(s, line, argument, end);
        s->out->kind = RI_COMPLETE_FILES;
        break;
    case RI_ARGUMENT_MODULE:
        set_word(s, line, word, end);
        add_keys_of(s, ri_table_get_str(s->T->process->registry, ri_str_from_cstr(s->T->heap, "_LOADED")));
        break;
    case RI_ARGUMENT_TOPIC:
        set_word(s, line, word, end);
        ri_docs_each(add_topic, s);
        break;
    case RI_ARGUMENT_SETTING:
        set_word(s, line, word, end);
        for (size_t i = 0; ri_repl_setting_name(i) != NULL; i++)
            add_text(s, ri_repl_setting_name(i));
        break;
    case RI_ARGUMENT_NONE:
        set_word(s, line, word, end);
        break;
    }
}

typedef struct Request {
    Search search;
    const char *line;
    size_t end;
} Request;

static void complete(RiThread *T, void *argument)
{
    Request *r = argument;
    size_t at = strspn(r->line, " \t");
    (void)T;
    if (r->line[at] == ':' && r->line[at + 1] != ':' && at < r->end)
        complete_command(&r->search, r->line, at, r->end);
    else
        complete_code(&r->search, r->line, 0, r->end);
}

void ri_complete(RiRepl *repl, const char *line, size_t end, RiCompletions *out)
{
    *out = (RiCompletions){.start = end};
    Request r = {{.repl = repl, .T = repl->T, .out = out, .prefix = ""}, line, end};
    (void)ri_try(repl->T, complete, &r); /* no memory: nothing is offered */
}

void ri_completions_free(RiCompletions *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->names[i]);
    free(c->names);
}
