/* Profiles as text: a table for people, and the formats of other programs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile.h"

#define LABEL_BYTES 400
#define DEPTH_MAX 600

/* -- The table --------------------------------------------------------------------------------------------------------- */

typedef struct Row {
    uint64_t self, total;
    uint32_t index;
} Row;

static int by_self(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->self != y->self)
        return x->self < y->self ? 1 : -1;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static double percent(const RiProf *p, uint64_t part)
{
    return p->total > 0 ? 100.0 * (double)part / (double)p->total : 0;
}

static void print_amount(const RiProf *p, FILE *out, uint64_t amount)
{
    if (!p->is_bytes)
        fprintf(out, "%10.1f ms", (double)amount / 1e6);
    else if (amount < 10240)
        fprintf(out, "%10" PRIu64 " B ", amount);
    else if (amount < (uint64_t)10240 << 10)
        fprintf(out, "%10.1f KB", (double)amount / 1024);
    else
        fprintf(out, "%10.1f MB", (double)amount / 1048576);
}

static void print_functions(const RiProf *p, FILE *out, uint32_t limit)
{
    Row *rows = calloc(p->fn_count, sizeof *rows);
    uint32_t count = 0;
    for (uint32_t i = 1; i < p->fn_count && rows != NULL; i++) {
        if (p->fns[i].kind != RI_PROF_PROCESS && p->fns[i].kind != RI_PROF_COROUTINE)
            rows[count++] = (Row){p->fns[i].self, p->fns[i].total, i};
    }
    if (rows != NULL)
        qsort(rows, count, sizeof *rows, by_self);
    fprintf(out, " self %%  total %%  %-13s %s\n", p->is_bytes ? "    self" : "    self", "function");
    for (uint32_t i = 0; i < count && i < limit; i++) {
        char label[LABEL_BYTES];
        const RiProfFn *fn = &p->fns[rows[i].index];
        ri_prof_label(fn, fn->native_self > fn->self / 2, label, sizeof label);
        fprintf(out, "%6.1f   %6.1f ", percent(p, fn->self), percent(p, fn->total));
        print_amount(p, out, fn->self);
        fprintf(out, "  %s\n", label);
    }
    if (count > limit)
        fprintf(out, "    … and %" PRIu32 " more\n", count - limit);
    free(rows);
}

static void print_lines(const RiProf *p, FILE *out, uint32_t limit)
{
    Row *rows = calloc(p->line_count + 1, sizeof *rows);
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->line_count && rows != NULL; i++)
        rows[count++] = (Row){p->lines[i].self, p->lines[i].total, i};
    if (count == 0) {
        free(rows);
        return;
    }
    qsort(rows, count, sizeof *rows, by_self);
    fprintf(out, "\n self %%  total %%  line\n");
    for (uint32_t i = 0; i < count && i < limit; i++) {
        const RiProfLine *line = &p->lines[rows[i].index];
        const RiProfFn *fn = &p->fns[line->fn];
        fprintf(out, "%6.1f   %6.1f   %s:%d  (%s)\n", percent(p, line->self), percent(p, line->total),
                fn->source != NULL ? fn->source : "?", (int)line->line, fn->name != NULL ? fn->name : "?");
    }
    free(rows);
}

void ri_prof_print_table(const RiProf *p, FILE *out, uint32_t rows)
{
    fprintf(out, "rille prof: %s: ", p->title);
    if (p->is_bytes)
        fprintf(out, "%.1f KB in %" PRIu64 " allocations\n", (double)p->total / 1024, p->samples);
    else
        fprintf(out, "%.3f s of processor time, %" PRIu64 " samples\n", (double)p->total / 1e9, p->samples);
    if (p->lost > 0)
        fprintf(out, "besides, %.3f s for which there was no room\n", (double)p->lost / 1e9);
    if (p->samples == 0)
        return;
    print_functions(p, out, rows);
    print_lines(p, out, rows / 2);
}

/* -- Stacks ------------------------------------------------------------------------------------------------------------- */

/* The functions from the bottom to `node`, outermost first, as nodes. */
static uint32_t path_to(const RiProf *p, uint32_t node, uint32_t path[DEPTH_MAX])
{
    uint32_t count = 0;
    for (uint32_t n = node; n != 0 && count < DEPTH_MAX; n = p->nodes[n].parent)
        path[count++] = n;
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t swapped = path[i];
        path[i] = path[count - 1 - i];
        path[count - 1 - i] = swapped;
    }
    return count;
}

/* Frames are separated by ';', and the weight follows the last blank. */
void ri_prof_print_collapsed(const RiProf *p, FILE *out)
{
    uint32_t path[DEPTH_MAX], bottom = ri_prof_bottom(p);
    for (uint32_t i = 1; i < p->node_count; i++) {
        uint64_t weight = p->is_bytes ? p->nodes[i].self : (p->nodes[i].self + 500) / 1000;
        uint32_t count = weight > 0 ? path_to(p, i, path) : 0, shown = 0;
        for (uint32_t k = 0; k < count; k++) {
            char label[LABEL_BYTES];
            if (path[k] == bottom && count > 1)
                continue;
            ri_prof_label(&p->fns[p->nodes[path[k]].fn], p->nodes[path[k]].is_native, label, sizeof label);
            for (char *c = label; *c != '\0'; c++) {
                if (*c == ';' || *c == '\n')
                    *c = ',';
            }
            fprintf(out, "%s%s", shown++ > 0 ? ";" : "", label);
        }
        if (count > 0)
            fprintf(out, " %" PRIu64 "\n", weight);
    }
}

static void print_json(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 32)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static uint32_t outermost(const RiProf *p, uint32_t node)
{
    while (p->nodes[node].parent != 0)
        node = p->nodes[node].parent;
    return node;
}

/* The stacks of one process; frames are numbered 2 * function, plus 1 for machine code. */
static void print_speedscope_process(const RiProf *p, FILE *out, uint32_t process)
{
    uint32_t path[DEPTH_MAX];
    const RiProfFn *fn = &p->fns[p->nodes[process].fn];
    fprintf(out, "{\"type\":\"sampled\",\"name\":");
    print_json(out, fn->name);
    fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRIu64 ",\"samples\":[", p->is_bytes ? "bytes" : "nanoseconds",
            p->nodes[process].total);
    const char *comma = "";
    for (uint32_t i = 1; i < p->node_count; i++) {
        if (p->nodes[i].self == 0 || outermost(p, i) != process)
            continue;
        uint32_t count = path_to(p, i, path);
        fprintf(out, "%s[", comma);
        for (uint32_t k = 1; k < count; k++)
            fprintf(out, "%s%" PRIu32, k > 1 ? "," : "", p->nodes[path[k]].fn * 2 + p->nodes[path[k]].is_native);
        fprintf(out, "]");
        comma = ",\n";
    }
    fprintf(out, "],\"weights\":[");
    comma = "";
    for (uint32_t i = 1; i < p->node_count; i++) {
        if (p->nodes[i].self == 0 || outermost(p, i) != process)
            continue;
        fprintf(out, "%s%" PRIu64, comma, p->nodes[i].self);
        comma = ",";
    }
    fprintf(out, "]}");
}

void ri_prof_print_speedscope(const RiProf *p, FILE *out)
{
    fprintf(out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"rille\",\"name\":");
    print_json(out, p->title);
    fprintf(out, ",\"activeProfileIndex\":0,\"shared\":{\"frames\":[");
    for (uint32_t i = 0; i < p->fn_count * 2; i++) {
        const RiProfFn *fn = &p->fns[i / 2];
        char name[LABEL_BYTES];
        snprintf(name, sizeof name, "%s%s", fn->name != NULL ? fn->name : "?", i % 2 ? " [J]" : "");
        fprintf(out, "%s{\"name\":", i > 0 ? ",\n" : "");
        print_json(out, name);
        if (fn->source != NULL && fn->source[0] != '\0') {
            fprintf(out, ",\"file\":");
            print_json(out, fn->source);
            if (fn->line > 0)
                fprintf(out, ",\"line\":%d", (int)fn->line);
        }
        fprintf(out, "}");
    }
    fprintf(out, "]},\"profiles\":[");
    for (uint32_t n = p->nodes[0].child; n != 0; n = p->nodes[n].sibling) {
        print_speedscope_process(p, out, n);
        fprintf(out, "%s", p->nodes[n].sibling != 0 ? ",\n" : "");
    }
    fprintf(out, "]}\n");
}
