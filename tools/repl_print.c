/* Values as text for people.
 *
 * A table is first tried on one line; where that is too long, its entries get lines of their own, indented. Sizes are
 * limited in every direction, so a million entries or a cycle cost no more than what is shown. */
#include "tools/repl_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/lex.h"
#include "vm/exec/inspect.h"
#include "vm/exec/semantics.h"
#include "vm/exec/traceback.h"

#define STRING_SHOWN_MAX 400         /* bytes of a string in quotes */
#define TEXT_SHOWN_MAX 100000        /* of one that is shown as it is */
#define TOTAL_BYTES_MAX (256u << 10) /* of one value: then it ends with … */
#define SORTED_MAX 100000            /* keys: more are shown in the order they come */
#define INDENT 2u

typedef struct Level { /* a table that is being printed */
    const struct Level *outer;
    const RiTable *table;
    uint32_t depth;
} Level;

typedef struct Printer {
    RiThread *T;
    RiSbuf *out;
    const RiPrintOptions *options;
    bool is_flat;      /* trying one line … */
    uint32_t flat_end; /* … as long as the text is shorter than this */
    bool is_too_long;
} Printer;

static void add_value(Printer *p, RiValue v, const Level *level, uint32_t indent);

/* -- Text ---------------------------------------------------------------------------------------------------------- */

static void add(Printer *p, const char *text)
{
    ri_sbuf_add(p->out, text, strlen(text));
}

static void begin(Printer *p, RiStyle style)
{
    add(p, ri_style(p->options->color, style));
}

static void end(Printer *p)
{
    add(p, ri_style(p->options->color, RI_STYLE_PLAIN));
}

static void add_styled(Printer *p, RiStyle style, const char *text)
{
    begin(p, style);
    add(p, text);
    end(p);
}

uint32_t ri_print_width(const char *text, size_t size)
{
    uint32_t width = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\x1b') {
            while (i < size && text[i] != 'm')
                i++;
        } else {
            width += ((unsigned char)text[i] & 0xc0) != 0x80;
        }
    }
    return width;
}

/* The value has become longer than anybody reads, or than the line that it was tried on. */
static bool is_full(Printer *p)
{
    if (p->out->size > TOTAL_BYTES_MAX)
        return true;
    if (p->is_flat && !p->is_too_long && p->out->size > p->flat_end)
        p->is_too_long = ri_print_width(p->out->data, p->out->size) > p->flat_end;
    return p->is_too_long;
}

/* How many bytes at `s` are one well-formed character of UTF-8 above ASCII that can be shown; 0: none. */
static size_t utf8_size(const unsigned char *s, size_t left)
{
    size_t size = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (size == 0 || s[0] >= 0xf5 || size > left)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool is_bad = (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
                  (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90);
    return is_bad ? 0 : size;
}

/* One character of a string; returns its bytes. Bytes that would act on the terminal are written as Lua escapes. */
static size_t add_character(Printer *p, const char *s, size_t left, bool quoted)
{
    static const char letters[] = "abtnvfr"; /* of 7 and on */
    unsigned char c = (unsigned char)s[0];
    char text[8];
    size_t size = c >= 0x80 ? utf8_size((const unsigned char *)s, left) : 0;
    if (size > 0) {
        ri_sbuf_add(p->out, s, size);
        return size;
    }
    if (!quoted && (c == '\n' || c == '\t')) {
        ri_sbuf_add_char(p->out, (char)c);
    } else if (quoted && (c == '"' || c == '\\')) {
        snprintf(text, sizeof text, "\\%c", c);
        add(p, text);
    } else if (c >= 7 && c <= 13) {
        snprintf(text, sizeof text, "\\%c", letters[c - 7]);
        add(p, text);
    } else if (c < ' ' || c >= 0x7f) {
        snprintf(text, sizeof text, c < 0x7f ? "\\%d" : "\\x%02X", c);
        if (c < ' ' && left > 1 && s[1] >= '0' && s[1] <= '9')
            snprintf(text, sizeof text, "\\%03d", c);
        add(p, text);
    } else {
        ri_sbuf_add_char(p->out, (char)c);
    }
    return 1;
}

static void add_string(Printer *p, const RiString *s, bool quoted)
{
    size_t limit = quoted ? STRING_SHOWN_MAX : TEXT_SHOWN_MAX;
    size_t shown = s->size > limit ? limit : s->size;
    const char *bytes = ri_str_data(s);
    begin(p, quoted ? RI_STYLE_STRING : RI_STYLE_PLAIN);
    if (quoted)
        ri_sbuf_add_char(p->out, '"');
    for (size_t i = 0; i < shown;) {
        i += add_character(p, bytes + i, s->size - i, quoted);
        if ((i & 1023) == 0)
            ri_poll(p->T);
    }
    if (quoted)
        ri_sbuf_add_char(p->out, '"');
    end(p);
    if (shown < s->size) {
        char note[60];
        snprintf(note, sizeof note, "… (%zu bytes)", s->size);
        add_styled(p, RI_STYLE_NOTE, note);
    }
}

bool ri_print_is_keyword(const char *text, size_t size)
{
    for (size_t i = 0; ri_lex_keywords[i] != NULL; i++) {
        if (strlen(ri_lex_keywords[i]) == size && memcmp(ri_lex_keywords[i], text, size) == 0)
            return true;
    }
    return false;
}

static bool is_name(const RiString *s)
{
    const char *bytes = ri_str_data(s);
    if (s->size == 0 || (bytes[0] >= '0' && bytes[0] <= '9') || ri_print_is_keyword(bytes, s->size))
        return false;
    for (size_t i = 0; i < s->size; i++) {
        char c = bytes[i];
        if (c != '_' && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z'))
            return false;
    }
    return true;
}

/* -- Functions and other leaves ------------------------------------------------------------------------------------ */

/* "function(a, b, ...) prog.lua:12" */
static void add_lua_function(Printer *p, RiValue v)
{
    const RiProto *proto = ri_function_proto(v);
    char id[RI_ID_SIZE], place[RI_ID_SIZE + 32];
    size_t size;
    const char *source = ri_function_source(p->T, v, &size);
    add(p, "function(");
    for (uint32_t i = 1; i <= proto->param_count; i++) {
        const char *name = ri_parameter_name(v, i);
        add(p, i > 1 ? ", " : "");
        add(p, name != NULL ? name : "?");
    }
    if (proto->is_vararg)
        add(p, proto->param_count > 0 ? ", ..." : "...");
    add(p, ")");
    ri_chunk_id(id, source, size);
    if (proto->line_defined > 0)
        snprintf(place, sizeof place, " %s:%u", id, (unsigned)proto->line_defined);
    else
        snprintf(place, sizeof place, " %s, main chunk", id);
    add_styled(p, RI_STYLE_NOTE, place);
}

static void add_function(Printer *p, RiValue v)
{
    begin(p, RI_STYLE_FUNCTION);
    if (v.tag == RI_TAG_CLOSURE) {
        add_lua_function(p, v);
    } else {
        const RiLibFn *row = v.tag == RI_TAG_LIBFN    ? v.cp
                             : v.tag == RI_TAG_NATIVE ? ((const RiNative *)v.cp)->fn
                                                      : NULL;
        bool is_known = row != NULL && !(row->flags & RI_LIBFN_C) && row->usage != NULL;
        add(p, "function ");
        if (is_known) {
            add(p, row->usage);
            add_styled(p, RI_STYLE_NOTE, " built in");
        } else {
            char text[40];
            snprintf(text, sizeof text, "%p in C", v.cp);
            add(p, text);
        }
    }
    end(p);
}

static void add_plain_text(Printer *p, RiStyle style, RiString *s)
{
    begin(p, style);
    for (size_t i = 0; i < s->size;)
        i += add_character(p, ri_str_data(s) + i, s->size - i, false);
    end(p);
}

static void add_thread(Printer *p, RiValue v)
{
    static const char *const states[] = {"suspended", "running", "normal", "dead", "dead by an error"};
    char text[80];
    const RiThread *co = v.p;
    const char *state = co == p->T ? "running" : states[co->status];
    snprintf(text, sizeof text, "thread %p (%s)", v.cp, co->process->main == co ? "main" : state);
    add_styled(p, RI_STYLE_FUNCTION, text);
}

/* What is neither a table nor has a __tostring. */
static void add_leaf(Printer *p, RiValue v, bool quoted)
{
    switch (v.tag) {
    case RI_TAG_NIL:
        add_styled(p, RI_STYLE_KEYWORD, "nil");
        break;
    case RI_TAG_FALSE:
    case RI_TAG_TRUE:
        add_styled(p, RI_STYLE_KEYWORD, v.tag == RI_TAG_TRUE ? "true" : "false");
        break;
    case RI_TAG_INT:
        add_plain_text(p, RI_STYLE_NUMBER, ri_str_from_int(p->T->heap, v.i));
        break;
    case RI_TAG_FLOAT:
        add_plain_text(p, RI_STYLE_NUMBER, ri_str_from_float(p->T->heap, v.n));
        break;
    case RI_TAG_STRING:
        add_string(p, v.cp, quoted);
        break;
    case RI_TAG_THREAD:
        add_thread(p, v);
        break;
    default:
        if (ri_is_function(v)) {
            add_function(p, v);
        } else {
            char text[40];
            snprintf(text, sizeof text, " %p", v.cp);
            begin(p, RI_STYLE_FUNCTION);
            add(p, ri_type_name(p->T, v));
            add(p, text);
            end(p);
        }
    }
}

/* -- Metamethods --------------------------------------------------------------------------------------------------- */

/* Append what __tostring says. False: there is none. Its errors are shown, unless Ctrl-C has made them. */
static bool add_by_tostring(Printer *p, RiValue v)
{
    RiThread *T = p->T;
    RiValue f = p->options->is_raw ? ri_nil() : ri_metafield(T, v, RI_MM_TOSTRING);
    if (ri_is_nil(f))
        return false;
    ri_stack_reserve(T, 8);
    ri_push(T, f);
    ri_push_link(T);
    ri_push(T, v);
    RiCallStatus status = ri_pcall(T, 1, 1, ri_nil(), NULL);
    RiValue result = T->top[-1];
    T->top--;
    RiString *text = ri_to_string_raw(T, result);
    if (status == RI_OK && text != NULL) {
        add_plain_text(p, RI_STYLE_PLAIN, text);
        return true;
    }
    if (status == RI_KILLED)
        ri_throw_status(T, RI_KILLED, ri_nil());
    if (status != RI_OK && (text != NULL && strstr(ri_str_cstr(T->heap, text), "interrupted!") != NULL))
        ri_throw(T, result);
    begin(p, RI_STYLE_ERROR);
    add(p, status == RI_OK ? "<__tostring gave no string>" : "<error in __tostring: ");
    if (status != RI_OK)
        ri_print_value(T, p->out, result, false,
                       &(RiPrintOptions){.is_raw = true, .depth = 1, .items = 5, .one_line = true});
    add(p, status == RI_OK ? "" : ">");
    end(p);
    return true;
}

/* -- Tables -------------------------------------------------------------------------------------------------------- */

typedef struct Entry {
    RiValue key, value;
} Entry;

typedef struct Entries {
    RI_VEC(Entry) list; /* the shown ones, or all if they are to be sorted */
    uint64_t count;     /* all there are */
} Entries;

static int rank(RiValue key)
{
    return ri_is_number(key) ? 0 : ri_is_string(key) ? 1 : ri_is_bool(key) ? 2 : 3;
}

static int compare_entries(const void *a, const void *b)
{
    RiValue k = ((const Entry *)a)->key, l = ((const Entry *)b)->key;
    if (rank(k) != rank(l))
        return rank(k) - rank(l);
    if (ri_is_number(k))
        return ri_number_less(k, l) ? -1 : ri_number_less(l, k);
    if (ri_is_string(k)) {
        const RiString *s = k.cp, *t = l.cp;
        size_t size = s->size < t->size ? s->size : t->size;
        int order = memcmp(ri_str_data(s), ri_str_data(t), size);
        return order != 0 ? order : s->size < t->size ? -1 : s->size > t->size;
    }
    if (rank(k) == 2)
        return (k.tag > l.tag) - (k.tag < l.tag);
    return k.tag != l.tag ? (k.tag < l.tag ? -1 : 1) : (k.u > l.u) - (k.u < l.u);
}

/* The elements 1, 2 … of a table that are there. */
static int64_t list_length(const RiTable *t, uint32_t limit)
{
    int64_t n = 0;
    while (n < limit && !ri_is_nil(ri_table_get_int(t, n + 1)))
        n++;
    return n;
}

/* All entries but those of the list 1 … `skipped`. */
static void collect_entries(Printer *p, const RiTable *t, int64_t skipped, Entries *entries)
{
    uint64_t position = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value)) {
        if ((++entries->count & 1023) == 0)
            ri_poll(p->T);
        if (ri_is_int(key) && key.i >= 1 && key.i <= skipped)
            continue;
        if (entries->list.count < SORTED_MAX)
            *ri_vec_push(p->T->heap, &entries->list, RI_VEC_POINTERS) = (Entry){key, value};
    }
    if (entries->count <= SORTED_MAX && entries->list.count > 1)
        qsort(entries->list.items, entries->list.count, sizeof(Entry), compare_entries);
}

static void add_key(Printer *p, RiValue key, const Level *level)
{
    if (ri_is_string(key) && is_name(key.cp)) {
        begin(p, RI_STYLE_KEY);
        ri_sbuf_add_str(p->out, key.cp);
        end(p);
    } else {
        add(p, "[");
        if (ri_is_table(key) || ri_is_userdata(key))
            add_leaf(p, key, true); /* a key is known by its identity */
        else
            add_value(p, key, level, 0);
        add(p, "]");
    }
    add(p, " = ");
}

static void add_break(Printer *p, uint32_t indent)
{
    if (p->is_flat) {
        add(p, " ");
        return;
    }
    add(p, "\n");
    for (uint32_t i = 0; i < indent; i++)
        add(p, " ");
}

/* The entries between the braces. */
static void add_entries(Printer *p, RiTable *t, const Level *level, uint32_t indent)
{
    uint32_t limit = p->options->items, shown = 0;
    int64_t in_list = list_length(t, limit);
    Entries entries = {.count = 0};
    collect_entries(p, t, in_list, &entries);
    for (; shown < in_list && !is_full(p); shown++) {
        add(p, shown > 0 ? "," : "");
        if (shown > 0 || !p->is_flat)
            add_break(p, indent);
        add_value(p, ri_table_get_int(t, shown + 1), level, indent);
    }
    for (uint32_t i = 0; i < entries.list.count && shown < limit && !is_full(p); i++, shown++) {
        add(p, shown > 0 ? "," : "");
        if (shown > 0 || !p->is_flat)
            add_break(p, indent);
        add_key(p, entries.list.items[i].key, level);
        add_value(p, entries.list.items[i].value, level, indent);
    }
    if (shown < entries.count && !p->is_too_long) {
        char note[60];
        snprintf(note, sizeof note, "… %llu more", (unsigned long long)(entries.count - shown));
        add(p, shown > 0 ? "," : "");
        if (shown > 0 || !p->is_flat)
            add_break(p, indent);
        add_styled(p, RI_STYLE_NOTE, note);
    }
}

/* Is the table on its way already? How many levels up; 0: no. */
static uint32_t levels_up(const Level *level, const RiTable *t)
{
    uint32_t up = 1;
    for (; level != NULL; level = level->outer, up++) {
        if (level->table == t)
            return up;
    }
    return 0;
}

static void add_cycle(Printer *p, uint32_t up)
{
    char text[40];
    if (up == 1)
        snprintf(text, sizeof text, "<this table>");
    else
        snprintf(text, sizeof text, "<the table %u up>", (unsigned)(up - 1));
    add_styled(p, RI_STYLE_NOTE, text);
}

/* What a table calls itself: __name of its metatable. */
static void add_type_name(Printer *p, const RiTable *t)
{
    RiValue name = t->meta != NULL ? ri_table_get_str(t->meta, ri_str_from_cstr(p->T->heap, "__name")) : ri_nil();
    if (!ri_is_string(name))
        return;
    add_plain_text(p, RI_STYLE_KEYWORD, (RiString *)name.p);
    add(p, " ");
}

/* `{…}` on the rest of the line, if it fits. */
static bool add_flat(Printer *p, RiTable *t, const Level *level, uint32_t indent)
{
    size_t start = p->out->size, line = start;
    while (line > 0 && p->out->data[line - 1] != '\n')
        line--;
    uint32_t used = ri_print_width(p->out->data + line, start - line);
    uint32_t room = p->options->one_line             ? UINT32_MAX / 2
                    : p->options->columns > used + 2 ? p->options->columns - used - 2
                                                     : 0;
    RiSbuf text;
    ri_sbuf_init(&text, p->T->heap);
    Printer flat = {p->T, &text, p->options, .is_flat = true, .flat_end = room};
    ri_sbuf_add_char(&text, '{');
    add_entries(&flat, t, level, indent);
    ri_sbuf_add_char(&text, '}');
    if (is_full(&flat))
        return false;
    ri_sbuf_add(p->out, text.data, text.size);
    return true;
}

static void add_table(Printer *p, RiTable *t, const Level *outer, uint32_t indent)
{
    Level level = {outer, t, outer != NULL ? outer->depth + 1 : 1};
    uint32_t up = levels_up(outer, t);
    uint64_t position = 0;
    RiValue key, value;
    if (up > 0) {
        add_cycle(p, up);
        return;
    }
    ri_poll(p->T);
    add_type_name(p, t);
    if (!ri_table_next_at(t, &position, &key, &value)) {
        add(p, "{}");
    } else if (level.depth > p->options->depth) {
        add_styled(p, RI_STYLE_NOTE, "{…}");
    } else if (p->is_flat) {
        add(p, "{");
        add_entries(p, t, &level, indent);
        add(p, "}");
    } else if (!add_flat(p, t, &level, indent)) {
        add(p, "{");
        add_entries(p, t, &level, indent + INDENT);
        add_break(p, indent);
        add(p, "}");
    }
}

static void add_value(Printer *p, RiValue v, const Level *level, uint32_t indent)
{
    if (is_full(p))
        return;
    if (v.tag >= RI_TAG_TABLE && add_by_tostring(p, v))
        return;
    if (v.tag == RI_TAG_CDATA && !p->options->is_raw) {
        add_plain_text(p, RI_STYLE_FUNCTION, ri_tostring(p->T, v));
        return;
    }
    if (ri_is_table(v))
        add_table(p, v.p, level, indent);
    else
        add_leaf(p, v, true);
}

void ri_print_value(RiThread *T, RiSbuf *out, RiValue v, bool quoted, const RiPrintOptions *options)
{
    Printer p = {T, out, options, .is_flat = options->one_line, .flat_end = UINT32_MAX / 2};
    if (!quoted && ri_is_string(v))
        add_string(&p, v.cp, false);
    else
        add_value(&p, v, NULL, 0);
    if (out->size > TOTAL_BYTES_MAX)
        add_styled(&p, RI_STYLE_NOTE, " … and more");
}
