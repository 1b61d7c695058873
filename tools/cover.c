/* Coverage as data: files, lines, functions, branches; lcov's format; the table. See cover.h. */
#include "tools/cover.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* -- Data ---------------------------------------------------------------------------------------------------------- */

/* Room for item number `count`, zeroed; false: no memory. */
static bool make_room(void **items, uint32_t *capacity, uint32_t count, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity * 2 + 16;
    char *moved = realloc(*items, wanted * size);
    if (moved == NULL)
        return false;
    memset(moved + *capacity * size, 0, (wanted - *capacity) * size);
    *items = moved;
    *capacity = wanted;
    return true;
}

CoverFile *ri_cover_file(Cover *c, const char *path)
{
    for (uint32_t i = 0; i < c->file_count; i++) {
        if (strcmp(c->files[i]->path, path) == 0)
            return c->files[i];
    }
    if (!make_room((void **)&c->files, &c->file_capacity, c->file_count, sizeof *c->files))
        return NULL;
    CoverFile *file = calloc(1, sizeof *file);
    if (file == NULL)
        return NULL;
    file->path = strdup(path);
    c->files[c->file_count++] = file;
    return file;
}

void ri_cover_line(CoverFile *file, int line, uint64_t hits)
{
    if (line < 1 || line > 10000000)
        return;
    if (line >= file->line_capacity) {
        int wanted = line * 2 + 64;
        CoverLine *lines = realloc(file->lines, (size_t)wanted * sizeof *lines);
        if (lines == NULL)
            return;
        memset(lines + file->line_capacity, 0, (size_t)(wanted - file->line_capacity) * sizeof *lines);
        file->lines = lines;
        file->line_capacity = wanted;
    }
    file->lines[line].has_code = true;
    file->lines[line].hits += hits;
}

CoverFunction *ri_cover_function(CoverFile *file, int line, const char *name)
{
    for (uint32_t i = 0; i < file->function_count; i++) {
        if (file->functions[i].line == line && strcmp(file->functions[i].name, name) == 0)
            return &file->functions[i];
    }
    if (!make_room((void **)&file->functions, &file->function_capacity, file->function_count, sizeof *file->functions))
        return NULL;
    CoverFunction *function = &file->functions[file->function_count++];
    *function = (CoverFunction){.line = line, .name = strdup(name)};
    return function;
}

CoverBranch *ri_cover_branch(CoverFile *file, int line, uint32_t block, uint32_t way)
{
    for (uint32_t i = 0; i < file->branch_count; i++) {
        CoverBranch *b = &file->branches[i];
        if (b->line == line && b->block == block && b->way == way)
            return b;
    }
    if (!make_room((void **)&file->branches, &file->branch_capacity, file->branch_count, sizeof *file->branches))
        return NULL;
    CoverBranch *branch = &file->branches[file->branch_count++];
    *branch = (CoverBranch){.line = line, .block = block, .way = way};
    return branch;
}

CoverSum ri_cover_sum(const CoverFile *file)
{
    CoverSum sum = {.functions = file->function_count, .branches = file->branch_count};
    for (int i = 1; i < file->line_capacity; i++) {
        sum.lines += file->lines[i].has_code;
        sum.lines_hit += file->lines[i].hits > 0;
    }
    for (uint32_t i = 0; i < file->function_count; i++)
        sum.functions_hit += file->functions[i].hits > 0;
    for (uint32_t i = 0; i < file->branch_count; i++)
        sum.branches_hit += file->branches[i].hits > 0;
    return sum;
}

void ri_cover_add_sum(CoverSum *total, CoverSum sum)
{
    total->lines += sum.lines;
    total->lines_hit += sum.lines_hit;
    total->functions += sum.functions;
    total->functions_hit += sum.functions_hit;
    total->branches += sum.branches;
    total->branches_hit += sum.branches_hit;
}

double ri_cover_percent(uint32_t part, uint32_t whole)
{
    return whole > 0 ? 100.0 * part / whole : 100.0;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp((*(CoverFile *const *)a)->path, (*(CoverFile *const *)b)->path);
}

void ri_cover_sort(Cover *c)
{
    if (c->file_count > 0)
        qsort(c->files, c->file_count, sizeof *c->files, compare_files);
}

/* -- lcov ------------------------------------------------------------------------------------------------------------ */

static void write_file(const CoverFile *file, FILE *out)
{
    CoverSum sum = ri_cover_sum(file);
    fprintf(out, "SF:%s\n", file->path);
    for (uint32_t i = 0; i < file->function_count; i++)
        fprintf(out, "FN:%d,%s\n", file->functions[i].line, file->functions[i].name);
    for (uint32_t i = 0; i < file->function_count; i++)
        fprintf(out, "FNDA:%llu,%s\n", (unsigned long long)file->functions[i].hits, file->functions[i].name);
    fprintf(out, "FNF:%u\nFNH:%u\n", sum.functions, sum.functions_hit);
    for (uint32_t i = 0; i < file->branch_count; i++) {
        const CoverBranch *b = &file->branches[i];
        fprintf(out, "BRDA:%d,%u,%u,", b->line, b->block, b->way);
        if (b->line < file->line_capacity && file->lines[b->line].hits > 0)
            fprintf(out, "%llu\n", (unsigned long long)b->hits);
        else
            fputs("-\n", out); /* the branch has never been come to */
    }
    if (file->branch_count > 0)
        fprintf(out, "BRF:%u\nBRH:%u\n", sum.branches, sum.branches_hit);
    for (int i = 1; i < file->line_capacity; i++) {
        if (file->lines[i].has_code)
            fprintf(out, "DA:%d,%llu\n", i, (unsigned long long)file->lines[i].hits);
    }
    fprintf(out, "LF:%u\nLH:%u\nend_of_record\n", sum.lines, sum.lines_hit);
}

bool ri_cover_write_lcov(const Cover *c, FILE *out)
{
    fputs("TN:\n", out);
    for (uint32_t i = 0; i < c->file_count; i++)
        write_file(c->files[i], out);
    return !ferror(out);
}

static void read_function_hits(CoverFile *file, const char *text)
{
    const char *comma = strchr(text, ',');
    for (uint32_t i = 0; i < file->function_count && comma != NULL; i++) {
        if (strcmp(file->functions[i].name, comma + 1) == 0) {
            file->functions[i].hits += strtoull(text, NULL, 10);
            return;
        }
    }
}

/* One line of a trace file that belongs to `file`. */
static void read_record(CoverFile *file, const char *text)
{
    int line, n = 0;
    unsigned block, way;
    unsigned long long hits = 0;
    if (sscanf(text, "DA:%d,%llu", &line, &hits) == 2) {
        ri_cover_line(file, line, hits);
    } else if (sscanf(text, "FN:%d,%n", &line, &n) == 1 && n > 0) {
        ri_cover_function(file, line, text + n);
    } else if (strncmp(text, "FNDA:", 5) == 0) {
        read_function_hits(file, text + 5);
    } else if (sscanf(text, "BRDA:%d,%u,%u,%n", &line, &block, &way, &n) == 3 && n > 0) {
        CoverBranch *branch = ri_cover_branch(file, line, block, way);
        if (branch != NULL)
            branch->hits += strtoull(text + n, NULL, 10); /* "-": 0 */
    }
}

bool ri_cover_read_lcov(Cover *c, FILE *in)
{
    CoverFile *file = NULL;
    char *text = NULL;
    size_t capacity = 0;
    bool is_empty = true, is_trace = false;
    while (getline(&text, &capacity, in) >= 0) {
        text[strcspn(text, "\r\n")] = '\0';
        is_empty &= text[0] == '\0';
        if (strncmp(text, "SF:", 3) == 0)
            file = ri_cover_file(c, text + 3);
        else if (strcmp(text, "end_of_record") == 0)
            file = NULL;
        else if (file != NULL)
            read_record(file, text);
        is_trace |= strncmp(text, "SF:", 3) == 0 || strncmp(text, "TN:", 3) == 0;
    }
    free(text);
    return !ferror(in) && (is_empty || is_trace);
}

/* -- The table ------------------------------------------------------------------------------------------------------- */

static const char *colour_of(double percent)
{
    return percent >= 90 ? "\033[32m" : percent >= 60 ? "\033[33m" : "\033[31m";
}

static void write_part(FILE *out, uint32_t part, uint32_t whole, bool colours)
{
    double percent = ri_cover_percent(part, whole);
    if (whole == 0)
        fprintf(out, "  %6s %11s", "-", "");
    else
        fprintf(out, "  %s%5.1f%%%s %5u/%-5u", colours ? colour_of(percent) : "", percent, colours ? "\033[0m" : "", part, whole);
}

static void write_row(FILE *out, const char *name, int width, CoverSum sum, bool colours)
{
    size_t size = strlen(name);
    const char *shown = size > (size_t)width ? name + size - (size_t)width : name;
    fprintf(out, "%-*s", width, shown);
    write_part(out, sum.lines_hit, sum.lines, colours);
    write_part(out, sum.functions_hit, sum.functions, colours);
    write_part(out, sum.branches_hit, sum.branches, colours);
    fputc('\n', out);
}

void ri_cover_write_table(const Cover *c, FILE *out, bool colours)
{
    CoverSum total = {0};
    int width = 10;
    for (uint32_t i = 0; i < c->file_count; i++) {
        int size = (int)strlen(c->files[i]->path);
        width = size > width ? size : width;
    }
    width = width > 46 ? 46 : width;
    fprintf(out, "%-*s  %-18s  %-18s  %s\n", width, "file", "lines", "functions", "branches");
    for (uint32_t i = 0; i < c->file_count; i++) {
        CoverSum sum = ri_cover_sum(c->files[i]);
        ri_cover_add_sum(&total, sum);
        write_row(out, c->files[i]->path, width, sum, colours);
    }
    if (c->file_count != 1)
        write_row(out, "total", width, total, colours);
}
