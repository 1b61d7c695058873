/* The built-in manual of the library. A function's synopsis and meaning stand in its row, beside its code; what more
 * there is to say, and an example, in stdlib/docs.def, which also has those that are in no library's table: methods,
 * constants, topics. */
#include "tools/docs.h"

#include <string.h>

#include "stdlib/libs.h"
#include "tools/repl_style.h"
#include "vm/base/check.h"

typedef struct Entry {
    const char *name;
    const char *usage, *meaning; /* NULL: those of the library's row */
    const char *more;            /* NULL: nothing */
    const char *example;
} Entry;

static const Entry entries[] = {
#define DOC(name, more, example) {name, NULL, NULL, more, example},
#define DOC_OF(name, usage, meaning, more, example) {name, usage, meaning, more, example},
#define DOC_LIBRARY(name, title)
#include "stdlib/docs.def"
#undef DOC
#undef DOC_OF
#undef DOC_LIBRARY
};

typedef struct Topic {
    const char *name, *title;
} Topic;

static const Topic libraries[] = {
#define DOC(name, more, example)
#define DOC_OF(name, usage, meaning, more, example)
#define DOC_LIBRARY(name, title) {#name, title},
#include "stdlib/docs.def"
#undef DOC
#undef DOC_OF
#undef DOC_LIBRARY
};

static const RiLibrary *const rows[] = {&ri_lib_base,
                                        &ri_lib_package,
                                        &ri_lib_coroutine,
                                        &ri_lib_table,
                                        &ri_lib_io,
                                        &ri_lib_os,
                                        &ri_lib_string,
                                        &ri_lib_utf8,
                                        &ri_lib_math,
                                        &ri_lib_debug,
#define MACHINE(name) &ri_lib_##name,
                                        RI_MACHINE_LIBRARIES(MACHINE)
#undef MACHINE
};

/* -- Looking up ---------------------------------------------------------------------------------------------------- */

static const RiLibFn *find_row(const char *name)
{
    for (size_t i = 0; i < RI_COUNTOF(rows); i++) {
        for (uint32_t k = 0; k < rows[i]->count; k++) {
            if (strcmp(rows[i]->functions[k].name, name) == 0)
                return &rows[i]->functions[k];
        }
    }
    return NULL;
}

static const Entry *find_entry(const char *name)
{
    for (size_t i = 0; i < RI_COUNTOF(entries); i++) {
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    }
    return NULL;
}

static const char *usage_of(const Entry *e)
{
    const RiLibFn *row = e->usage == NULL ? find_row(e->name) : NULL;
    return row != NULL ? row->usage : e->usage != NULL ? e->usage : e->name;
}

static const char *meaning_of(const Entry *e)
{
    const RiLibFn *row = e->meaning == NULL ? find_row(e->name) : NULL;
    return row != NULL ? row->doc : e->meaning != NULL ? e->meaning : "";
}

static const char *last_part(const char *name)
{
    const char *end = name + strlen(name);
    while (end > name && end[-1] != '.' && end[-1] != ':')
        end--;
    return end;
}

/* Is it about no name of a program? Then it begins its usage with a capital letter. */
static bool is_topic(const Entry *e)
{
    return e->usage != NULL && e->usage[0] >= 'A' && e->usage[0] <= 'Z';
}

/* Does the entry belong to that library (or type: "file")? */
static bool is_of(const Entry *e, const char *library)
{
    size_t size = strlen(library);
    if (strcmp(library, "basic") == 0)
        return strpbrk(e->name, ".:") == NULL && !is_topic(e);
    return strncmp(e->name, library, size) == 0 && (e->name[size] == '.' || e->name[size] == ':');
}

/* -- Text ---------------------------------------------------------------------------------------------------------- */

static uint32_t width_of(const char *text, size_t size)
{
    uint32_t width = 0;
    for (size_t i = 0; i < size; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Words of text[0 … size - 1] in lines of at most `columns`, each after `indent` blanks; the first begins at column
 * `at`. */
static void print_paragraph(FILE *out, const char *text, size_t size, uint32_t indent, uint32_t at, uint32_t columns)
{
    const char *end = text + size;
    bool is_first = at > 0;
    while (text < end) {
        size_t word = strcspn(text, " \n");
        uint32_t width = width_of(text, word);
        if (at > indent && at + 1 + width > columns) {
            fputc('\n', out);
            at = 0;
        }
        if (at == 0)
            at = (uint32_t)fprintf(out, "%*s", (int)indent, "");
        else if (!is_first)
            at += (uint32_t)fprintf(out, " ");
        is_first = false;
        fwrite(text, 1, word, out);
        at += width;
        text += word + 1;
    }
    fputc('\n', out);
}

/* The same for each line of a text; those that begin with a blank are laid out by hand. */
static void print_wrapped(FILE *out, const char *text, uint32_t indent, uint32_t at, uint32_t columns)
{
    do {
        size_t size = strcspn(text, "\n");
        if (text[0] == ' ')
            fprintf(out, "%*s%.*s\n", (int)indent, "", (int)size, text);
        else
            print_paragraph(out, text, size, indent, at, columns);
        at = 0;
        text += size + (text[size] == '\n');
    } while (*text != '\0');
}

static void print_example(FILE *out, const char *text, bool color)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        const char *mark = strstr(text, "-->");
        size_t code = mark != NULL && mark < text + size ? (size_t)(mark - text) : size;
        fprintf(out, "    %.*s%s%.*s%s\n", (int)code, text, ri_style(color && code < size, RI_STYLE_NOTE),
                (int)(size - code), text + code, ri_style(color && code < size, RI_STYLE_PLAIN));
        text += size + (text[size] == '\n');
    }
}

static void print_entry(FILE *out, const Entry *e, bool color, uint32_t columns)
{
    fprintf(out, "%s%s%s\n", ri_style(color, RI_STYLE_STRONG), usage_of(e), ri_style(color, RI_STYLE_PLAIN));
    print_wrapped(out, meaning_of(e), 2, 0, columns);
    if (e->more != NULL)
        print_wrapped(out, e->more, 2, 0, columns);
    if (e->example != NULL) {
        fprintf(out, "  Example:\n");
        print_example(out, e->example, color);
    }
}

static void print_line(FILE *out, const Entry *e, bool color, uint32_t columns)
{
    const char *usage = usage_of(e);
    uint32_t width = width_of(usage, strlen(usage));
    fprintf(out, "  %s%s%s", ri_style(color, RI_STYLE_STRONG), usage, ri_style(color, RI_STYLE_PLAIN));
    if (width > 30) {
        fputc('\n', out);
        print_wrapped(out, meaning_of(e), 34, 0, columns);
    } else {
        fprintf(out, "%*s", (int)(32 - width), "");
        print_wrapped(out, meaning_of(e), 34, 34, columns);
    }
}

static const Topic *find_library(const char *name)
{
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        if (strcmp(libraries[i].name, name) == 0)
            return &libraries[i];
    }
    return NULL;
}

static void print_library(FILE *out, const Topic *library, bool color, uint32_t columns)
{
    fprintf(out, "%s%s%s: %s\n\n", ri_style(color, RI_STYLE_STRONG), library->name, ri_style(color, RI_STYLE_PLAIN),
            library->title);
    for (size_t i = 0; i < RI_COUNTOF(entries); i++) {
        if (is_of(&entries[i], library->name))
            print_line(out, &entries[i], color, columns);
    }
}

bool ri_docs_has(const char *name)
{
    return find_entry(name) != NULL || find_library(name) != NULL;
}

/* -- The interface ------------------------------------------------------------------------------------------------- */

bool ri_docs_print(FILE *out, const char *name, bool color, uint32_t columns)
{
    const Topic *library = find_library(name);
    const Entry *exact = find_entry(name);
    uint32_t found = 0;
    if (exact != NULL)
        print_entry(out, exact, color, columns);
    if (library != NULL) {
        if (exact != NULL)
            fputc('\n', out);
        print_library(out, library, color, columns);
    }
    if (exact != NULL || library != NULL)
        return true;
    for (size_t i = 0; i < RI_COUNTOF(entries); i++) {
        if (strcmp(last_part(entries[i].name), name) == 0) {
            if (found++ > 0)
                fputc('\n', out);
            print_entry(out, &entries[i], color, columns);
        }
    }
    if (found > 0)
        return true;
    fprintf(out, "nothing is known of '%s'\n", name);
    const char *part = last_part(name);
    if (part[0] == '\0' || ri_docs_search(out, part, color, columns) == 0)
        fprintf(out, "the libraries: rille doc, or :help string and its like\n");
    return false;
}

void ri_docs_print_index(FILE *out, bool color, uint32_t columns)
{
    fprintf(out, "Libraries and types:\n");
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        fprintf(out, "  %s%-12s%s", ri_style(color, RI_STYLE_STRONG), libraries[i].name,
                ri_style(color, RI_STYLE_PLAIN));
        print_wrapped(out, libraries[i].title, 14, 14, columns);
    }
    fprintf(out, "Topics:\n");
    for (size_t i = 0; i < RI_COUNTOF(entries); i++) {
        if (!is_topic(&entries[i]))
            continue;
        fprintf(out, "  %s%-12s%s", ri_style(color, RI_STYLE_STRONG), entries[i].name, ri_style(color, RI_STYLE_PLAIN));
        print_wrapped(out, entries[i].meaning, 14, 14, columns);
    }
}

static bool contains(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (; text != NULL && *text != '\0'; text++) {
        size_t same = 0;
        while (same < size && (text[same] | 32) == (word[same] | 32))
            same++;
        if (same == size)
            return true;
    }
    return false;
}

uint32_t ri_docs_search(FILE *out, const char *word, bool color, uint32_t columns)
{
    uint32_t count = 0;
    for (size_t i = 0; i < RI_COUNTOF(entries); i++) {
        const Entry *e = &entries[i];
        if (contains(e->name, word) || contains(meaning_of(e), word) || contains(e->more, word)) {
            print_line(out, e, color, columns);
            count++;
        }
    }
    return count;
}

void ri_docs_each(void (*fn)(const char *name, void *argument), void *argument)
{
    for (size_t i = 0; i < RI_COUNTOF(entries); i++)
        fn(entries[i].name, argument);
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++)
        fn(libraries[i].name, argument);
}
