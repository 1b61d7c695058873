/* Coverage as one page of HTML: a table of files, and the text of each with what has run. See cover.h. */
#include <stdlib.h>
#include <string.h>

#include "tools/cover.h"
#include "tools/markup.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
static const char style[] =
    "</title>\n<style>\n"
    ":root{--bg:#fff;--fg:#1f2328;--dim:#6e7781;--line:#d0d7de;--hit:#e6ffec;--hitbar:#2da44e;--miss:#ffebe9;--missbar:#cf222e;"
    "--part:#fff8c5;--partbar:#bf8700;--head:#f6f8fa;--link:#0969da}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#8d96a0;--line:#30363d;--hit:#0f2a19;--hitbar:#3fb950;"
    "--miss:#3c1618;--missbar:#f85149;--part:#332a0a;--partbar:#d29922;--head:#161b22;--link:#4493f8}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1100px;padding:24px;background:var(--bg);color:var(--fg);"
    "font:14px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:22px;margin:0 0 4px}p.sub{color:var(--dim);margin:0 0 20px}a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\n"
    "table.sum{border-collapse:collapse;width:100%;margin-bottom:28px}.sum th,.sum td{padding:6px 10px;border-bottom:1px solid var(--line);"
    "text-align:right;white-space:nowrap}.sum th{background:var(--head);font-weight:600}.sum th:first-child,.sum td:first-child{text-align:left;white-space:normal;word-break:break-all}\n"
    ".sum tr.total td{font-weight:600;border-top:2px solid var(--line)}.bar{display:inline-block;width:110px;height:9px;border-radius:5px;"
    "background:var(--line);overflow:hidden;vertical-align:middle;margin-left:8px}.bar i{display:block;height:100%}\n"
    ".good i{background:var(--hitbar)}.fair i{background:var(--partbar)}.poor i{background:var(--missbar)}small{color:var(--dim)}\n"
    "details{border:1px solid var(--line);border-radius:8px;margin-bottom:18px;overflow:hidden}summary{background:var(--head);padding:9px 14px;"
    "cursor:pointer;font-weight:600}summary small{font-weight:400;margin-left:10px}.code{overflow-x:auto}\n"
    ".code table{border-collapse:collapse;min-width:100%;font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}.code td{padding:0 10px;white-space:pre;tab-size:4}\n"
    ".code td.n{color:var(--dim);text-align:right;user-select:none;width:1%;border-right:3px solid transparent}.code td.b{color:var(--partbar);width:1%;text-align:center;padding:0 4px}\n"
    "tr.hit{background:var(--hit)}tr.hit td.n{border-right-color:var(--hitbar)}tr.miss{background:var(--miss)}tr.miss td.n{border-right-color:var(--missbar)}\n"
    "tr.part{background:var(--part)}tr.part td.n{border-right-color:var(--partbar)}\n"
    ".key span{display:inline-block;padding:1px 10px;border-radius:4px;margin-right:8px}ul.fn{margin:8px 14px 12px;padding:0;list-style:none;color:var(--dim)}"
    "ul.fn b{color:var(--missbar);font-weight:600}\n"
    "</style></head>\n<body>\n";

static void write_part(FILE *out, uint32_t part, uint32_t whole, bool bar)
{
    double percent = ri_cover_percent(part, whole);
    if (whole == 0) {
        fputs("<td><small>none</small></td>", out);
        return;
    }
    fprintf(out, "<td>%.1f&nbsp;%% <small>%u/%u</small>", percent, part, whole);
    if (bar)
        fprintf(out, "<span class=\"bar %s\"><i style=\"width:%.1f%%\"></i></span>",
                percent >= 90 ? "good" : percent >= 60 ? "fair" : "poor", percent);
    fputs("</td>", out);
}

static void write_row(FILE *out, CoverSum sum)
{
    write_part(out, sum.lines_hit, sum.lines, true);
    write_part(out, sum.functions_hit, sum.functions, false);
    write_part(out, sum.branches_hit, sum.branches, false);
    fputs("</tr>\n", out);
}

static void write_summary(const Cover *c, FILE *out)
{
    CoverSum total = {0};
    fputs("<table class=\"sum\"><tr><th>File</th><th>Lines</th><th>Functions</th><th>Branches</th></tr>\n", out);
    for (uint32_t i = 0; i < c->file_count; i++) {
        CoverSum sum = ri_cover_sum(c->files[i]);
        ri_cover_add_sum(&total, sum);
        fprintf(out, "<tr><td><a href=\"#f%u\">", i);
        ri_markup_text(out, c->files[i]->path, strlen(c->files[i]->path));
        fputs("</a></td>", out);
        write_row(out, sum);
    }
    fputs("<tr class=\"total\"><td>Total</td>", out);
    write_row(out, total);
    fputs("</table>\n<p class=\"key\"><span style=\"background:var(--hit)\">has run</span>"
          "<span style=\"background:var(--part)\">has run, but not every way</span><span style=\"background:var(--miss)\">has not run</span></p>\n", out);
}

/* How many ways out of this line there are, and how many have been taken. */
static void count_ways(const CoverFile *file, int line, uint32_t *ways, uint32_t *taken)
{
    *ways = *taken = 0;
    for (uint32_t i = 0; i < file->branch_count; i++) {
        *ways += file->branches[i].line == line;
        *taken += file->branches[i].line == line && file->branches[i].hits > 0;
    }
}

static void write_line(const CoverFile *file, uint32_t index, int number, const char *text, size_t size, FILE *out)
{
    bool has_code = number < file->line_capacity && file->lines[number].has_code;
    bool is_hit = has_code && file->lines[number].hits > 0;
    uint32_t ways, taken;
    count_ways(file, number, &ways, &taken);
    const char *class = !has_code ? "" : !is_hit ? "miss" : taken < ways ? "part" : "hit";
    fprintf(out, "<tr class=\"%s\" id=\"f%u-%d\"><td class=\"n\">%d</td><td class=\"b\">", class, index, number, number);
    if (ways > 0 && is_hit)
        fprintf(out, "<span title=\"%u of %u ways taken\">%u/%u</span>", taken, ways, taken, ways);
    fputs("</td><td>", out);
    ri_markup_text(out, text, size);
    fputs("</td></tr>\n", out);
}

static void write_missed_functions(const CoverFile *file, uint32_t index, FILE *out)
{
    bool any = false;
    for (uint32_t i = 0; i < file->function_count; i++) {
        const CoverFunction *f = &file->functions[i];
        if (f->hits > 0)
            continue;
        fprintf(out, "%s<a href=\"#f%u-%d\"><b>", any ? ", " : "<ul class=\"fn\"><li>never called: ", index, f->line);
        ri_markup_text(out, f->name, strlen(f->name));
        fputs("</b></a>", out);
        any = true;
    }
    fputs(any ? "</li></ul>\n" : "", out);
}

static void write_source(const CoverFile *file, uint32_t index, FILE *out)
{
    FILE *in = fopen(file->path, "re");
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size;
    if (in == NULL) {
        fputs("<p class=\"sub\">&nbsp; The source cannot be read.</p>\n", out);
        return;
    }
    fputs("<div class=\"code\"><table>\n", out);
    for (int number = 1; (size = getline(&text, &capacity, in)) >= 0; number++) {
        size_t length = (size_t)size;
        if (length > 0 && text[length - 1] == '\n')
            length--;
        write_line(file, index, number, text, length, out);
    }
    fputs("</table></div>\n", out);
    free(text);
    fclose(in);
}

bool ri_cover_write_html(const Cover *c, FILE *out, const char *title)
{
    fputs(head, out);
    ri_markup_text(out, title, strlen(title));
    fputs(style, out);
    fputs("<h1>Coverage of ", out);
    ri_markup_text(out, title, strlen(title));
    fputs("</h1>\n<p class=\"sub\">written by rille cover</p>\n", out);
    write_summary(c, out);
    for (uint32_t i = 0; i < c->file_count; i++) {
        const CoverFile *file = c->files[i];
        CoverSum sum = ri_cover_sum(file);
        fprintf(out, "<details id=\"f%u\"%s><summary>", i, c->file_count <= 20 ? " open" : "");
        ri_markup_text(out, file->path, strlen(file->path));
        fprintf(out, "<small>%.1f&nbsp;%% of %u lines</small></summary>\n", ri_cover_percent(sum.lines_hit, sum.lines), sum.lines);
        write_missed_functions(file, i, out);
        write_source(file, i, out);
        fputs("</details>\n", out);
    }
    fputs("<script>addEventListener('hashchange',function(){var e=document.getElementById(location.hash.slice(1));"
          "if(e){var d=e.closest('details');if(d)d.open=true;e.scrollIntoView()}})</script>\n</body></html>\n", out);
    return !ferror(out);
}
