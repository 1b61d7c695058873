/* What `rille cover` counts: lines, functions and branches that have run, by source. The reports are in cover_report.c and
 * cover_html.c. */
#ifndef RI_TOOLS_COVER_H
#define RI_TOOLS_COVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct CoverLine {
    bool has_code;
    uint64_t hits;
} CoverLine;

typedef struct CoverFunction {
    int line, last;
    char *name; /* malloc'ed, as all texts here */
    uint64_t hits;
} CoverFunction;

typedef struct CoverBranch { /* a way that a conditional instruction can take */
    int line;
    uint32_t block, way; /* numbers in the file: lcov's */
    uint64_t hits;
} CoverBranch;

typedef struct CoverFile {
    char *path;
    CoverLine *lines; /* [0] is not used */
    int line_capacity;
    CoverFunction *functions;
    uint32_t function_count, function_capacity;
    CoverBranch *branches;
    uint32_t branch_count, branch_capacity;
} CoverFile;

typedef struct Cover {
    CoverFile **files;
    uint32_t file_count, file_capacity;
} Cover;

typedef struct CoverSum {
    uint32_t lines, lines_hit, functions, functions_hit, branches, branches_hit;
} CoverSum;

/* The file of that name, made if need be; NULL: no memory. */
CoverFile *ri_cover_file(Cover *c, const char *path);
/* A line with code; and so many more hits. */
void ri_cover_line(CoverFile *file, int line, uint64_t hits);
CoverFunction *ri_cover_function(CoverFile *file, int line, const char *name);
CoverBranch *ri_cover_branch(CoverFile *file, int line, uint32_t block, uint32_t way);
CoverSum ri_cover_sum(const CoverFile *file);
void ri_cover_add_sum(CoverSum *total, CoverSum sum);
double ri_cover_percent(uint32_t part, uint32_t whole); /* 100 of nothing */
void ri_cover_sort(Cover *c); /* by path */

/* lcov's trace files. Read: adds to what is there; false: it cannot be read, or is no trace file. */
bool ri_cover_write_lcov(const Cover *c, FILE *out);
bool ri_cover_read_lcov(Cover *c, FILE *in);
/* One page with all sources, which needs nothing else. */
bool ri_cover_write_html(const Cover *c, FILE *out, const char *title);
/* A table for terminals. */
void ri_cover_write_table(const Cover *c, FILE *out, bool colours);

#endif
