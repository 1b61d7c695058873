/* A profile as a flame graph: one SVG file that needs nothing else. With a browser's scripts a click zooms, a word searches;
 * without, it is a picture with tooltips. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/markup.h"
#include "tools/profile.h"

#define WIDTH 1200.0
#define MARGIN 10.0
#define ROW 17u
#define HEAD 64u
#define FOOT 48u
#define LABEL_BYTES 400
#define SHARE_MIN 0.0002 /* narrower frames are left out */
#define DEPTH_MAX 600u

typedef struct Flame {
    const RiProf *prof;
    FILE *out;
    uint32_t bottom, depth; /* the deepest row that is shown */
    uint64_t total;
} Flame;

static const struct Colour {
    const char *class, *fill, *text;
} colours[] = {
    {"l", "#f0a45d", "Lua"},      {"j", "#8cc66b", "Lua, machine code [J]"}, {"b", "#7db0e0", "library"},
    {"c", "#d8c95f", "C"},        {"g", "#e2685f", "collector, compiler"},   {"o", "#c9a2dd", "coroutine, process"},
};

static const char *class_of(const RiProfFn *fn, bool is_native)
{
    switch (fn->kind) {
    case RI_PROF_LUA:
        return is_native ? "j" : "l";
    case RI_PROF_LIBRARY:
        return "b";
    case RI_PROF_C:
        return "c";
    case RI_PROF_COROUTINE:
    case RI_PROF_PROCESS:
        return "o";
    default:
        return "g";
    }
}

static void print_text(FILE *out, const char *text)
{
    ri_markup_text(out, text, strlen(text));
}

static void print_amount(const RiProf *p, FILE *out, uint64_t amount)
{
    if (p->is_bytes)
        fprintf(out, "%.1f KB", (double)amount / 1024);
    else
        fprintf(out, "%.1f ms", (double)amount / 1e6);
}

static bool is_wide(const Flame *f, uint32_t node)
{
    return (double)f->prof->nodes[node].total >= SHARE_MIN * (double)f->total;
}

static uint32_t depth_below(const Flame *f, uint32_t node, uint32_t depth)
{
    uint32_t deepest = depth;
    for (uint32_t n = f->prof->nodes[node].child; n != 0 && depth < DEPTH_MAX; n = f->prof->nodes[n].sibling) {
        uint32_t below = is_wide(f, n) ? depth_below(f, n, depth + 1) : 0;
        deepest = below > deepest ? below : deepest;
    }
    return deepest;
}

/* -- Frames -------------------------------------------------------------------------------------------------------------- */

/* As much of the text as fits; scripts do it again when they zoom. */
static void print_fitting(Flame *f, const char *label, double width)
{
    size_t room = width > 14 ? (size_t)((width - 6) / 6.6) : 0, size = strlen(label);
    char text[LABEL_BYTES];
    if (room < 3)
        return;
    if (size > room)
        size = room - 2;
    while (size > 0 && size < strlen(label) && ((unsigned char)label[size] & 0xc0) == 0x80)
        size--;
    snprintf(text, sizeof text, "%.*s%s", (int)size, label, size < strlen(label) ? ".." : "");
    print_text(f->out, text);
}

static void print_frame(Flame *f, uint32_t node, double x, uint32_t depth)
{
    const RiProf *p = f->prof;
    const RiProfNode *n = &p->nodes[node];
    const RiProfFn *fn = &p->fns[n->fn];
    double share = f->total > 0 ? (double)n->total / (double)f->total : 1, width = share * (WIDTH - 2 * MARGIN);
    uint32_t y = HEAD + (f->depth - depth) * ROW;
    char label[LABEL_BYTES];
    ri_prof_label(fn, n->is_native, label, sizeof label);
    fprintf(f->out, "<g class=\"f %s\" data-x=\"%.6f\" data-w=\"%.6f\" data-d=\"%" PRIu32 "\"><title>", class_of(fn, n->is_native), x,
            share, depth);
    print_text(f->out, label);
    fputs(" (", f->out);
    print_amount(p, f->out, n->total);
    fprintf(f->out, ", %.2f %%; self ", share * 100);
    print_amount(p, f->out, n->self);
    fprintf(f->out, ")</title><rect x=\"%.2f\" y=\"%" PRIu32 "\" width=\"%.2f\" height=\"%u\"/><text x=\"%.2f\" y=\"%" PRIu32 "\">",
            MARGIN + x * (WIDTH - 2 * MARGIN), y, width > 0.4 ? width - 0.3 : width, ROW - 1, MARGIN + x * (WIDTH - 2 * MARGIN) + 3,
            y + 12);
    print_fitting(f, label, width);
    fputs("</text></g>\n", f->out);
}

typedef struct Child {
    const char *name;
    uint32_t node;
    int32_t line;
} Child;

static int by_name(const void *a, const void *b)
{
    const Child *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order != 0)
        return order;
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : x->node < y->node ? -1 : x->node > y->node;
}

static void print_tree(Flame *f, uint32_t node, double x, uint32_t depth)
{
    const RiProf *p = f->prof;
    uint32_t count = 0;
    print_frame(f, node, x, depth);
    for (uint32_t n = p->nodes[node].child; n != 0; n = p->nodes[n].sibling)
        count++;
    Child *children = count > 0 && depth < f->depth ? calloc(count, sizeof *children) : NULL;
    if (children == NULL)
        return;
    count = 0;
    for (uint32_t n = p->nodes[node].child; n != 0; n = p->nodes[n].sibling) {
        const RiProfFn *fn = &p->fns[p->nodes[n].fn];
        children[count++] = (Child){fn->name != NULL ? fn->name : "", n, fn->line};
    }
    qsort(children, count, sizeof *children, by_name);
    for (uint32_t i = 0; i < count; i++) {
        if (is_wide(f, children[i].node))
            print_tree(f, children[i].node, x, depth + 1);
        x += (double)p->nodes[children[i].node].total / (double)(f->total > 0 ? f->total : 1);
    }
    free(children);
}

/* -- What is around them -------------------------------------------------------------------------------------------------- */

static const char script[] =
    "<script type=\"text/ecmascript\"><![CDATA[\n"
    "(function () {\n"
    "'use strict';\n"
    "var W = 1200, M = 10, svg = document.documentElement;\n"
    "var frames = Array.prototype.slice.call(document.querySelectorAll('g.f'));\n"
    "var details = document.getElementById('details'), matched = document.getElementById('matched');\n"
    "var resetButton = document.getElementById('reset'), searchButton = document.getElementById('search');\n"
    "var nodes = frames.map(function (g) {\n"
    "  var title = g.querySelector('title').textContent;\n"
    "  return {g: g, rect: g.querySelector('rect'), text: g.querySelector('text'), title: title,\n"
    "    label: title.replace(/ \\([^()]*\\)$/, ''), x: +g.getAttribute('data-x'), w: +g.getAttribute('data-w'),\n"
    "    d: +g.getAttribute('data-d')};\n"
    "});\n"
    "var E = 1e-7, zoomed = nodes[0], term = null;\n"
    "function fit(label, width) {\n"
    "  var room = Math.floor((width - 6) / 6.6);\n"
    "  if (width <= 14 || room < 3) return '';\n"
    "  return label.length <= room ? label : label.slice(0, room - 2) + '..';\n"
    "}\n"
    "function zoom(to) {\n"
    "  zoomed = to;\n"
    "  nodes.forEach(function (n) {\n"
    "    var inside = n.x >= to.x - E && n.x + n.w <= to.x + to.w + E;\n"
    "    var around = n.d < to.d && n.x <= to.x + E && n.x + n.w >= to.x + to.w - E;\n"
    "    n.g.style.display = inside && n.d >= to.d || around ? '' : 'none';\n"
    "    n.g.style.opacity = around ? 0.5 : 1;\n"
    "    var left = around ? 0 : (n.x - to.x) / to.w, width = (around ? 1 : n.w / to.w) * (W - 2 * M);\n"
    "    var x = M + left * (W - 2 * M);\n"
    "    n.rect.setAttribute('x', x.toFixed(2));\n"
    "    n.rect.setAttribute('width', Math.max(width > 0.4 ? width - 0.3 : width, 0).toFixed(2));\n"
    "    n.text.setAttribute('x', (x + 3).toFixed(2));\n"
    "    n.text.textContent = fit(n.label, width);\n"
    "  });\n"
    "  resetButton.style.display = to === nodes[0] ? 'none' : '';\n"
    "}\n"
    "function search(word) {\n"
    "  var test = null, spans = [], sum = 0, end = -1;\n"
    "  if (word) {\n"
    "    try { test = new RegExp(word, 'i'); }\n"
    "    catch (e) { test = {test: function (s) { return s.toLowerCase().indexOf(word.toLowerCase()) >= 0; }}; }\n"
    "  }\n"
    "  term = word || null;\n"
    "  nodes.forEach(function (n) {\n"
    "    var hit = test !== null && test.test(n.label);\n"
    "    n.g.classList.toggle('hit', hit);\n"
    "    if (hit) spans.push([n.x, n.x + n.w]);\n"
    "  });\n"
    "  spans.sort(function (a, b) { return a[0] - b[0]; });\n"
    "  spans.forEach(function (s) { if (s[1] > end) { sum += s[1] - Math.max(s[0], end); end = s[1]; } });\n"
    "  matched.textContent = test ? 'matched: ' + (sum * 100).toFixed(1) + ' %' : '';\n"
    "  searchButton.textContent = test ? 'clear search' : 'search';\n"
    "}\n"
    "function ask() {\n"
    "  if (term) { search(null); return; }\n"
    "  var word = window.prompt('Search for (a regular expression):', '');\n"
    "  if (word) search(word);\n"
    "}\n"
    "nodes.forEach(function (n) {\n"
    "  n.g.addEventListener('click', function (e) { e.stopPropagation(); zoom(n); });\n"
    "  n.g.addEventListener('mouseover', function () { details.textContent = n.title; });\n"
    "  n.g.addEventListener('mouseout', function () { details.textContent = ' '; });\n"
    "});\n"
    "resetButton.addEventListener('click', function () { zoom(nodes[0]); });\n"
    "searchButton.addEventListener('click', ask);\n"
    "window.addEventListener('keydown', function (e) {\n"
    "  if (e.key === 'Escape') { if (term) search(null); else zoom(nodes[0]); }\n"
    "  else if (e.key === '/' || (e.ctrlKey && e.key === 'f')) { e.preventDefault(); ask(); }\n"
    "});\n"
    "svg.rille = {nodes: nodes, zoom: zoom, search: search};\n"
    "zoom(nodes[0]);\n"
    "}());\n"
    "]]></script>\n";

static void print_head(const Flame *f, uint32_t height)
{
    const RiProf *p = f->prof;
    fprintf(f->out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" height=\"%" PRIu32
            "\" viewBox=\"0 0 %.0f %" PRIu32 "\">\n<style>\ntext{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#222}\n"
            ".f{cursor:pointer}.f text{pointer-events:none}.f:hover rect{stroke:#222;stroke-width:.8}\n"
            ".hit rect{fill:#d64fd6}\n.b2{cursor:pointer;fill:#1a5fb4}\n",
            WIDTH, height, WIDTH, height);
    for (size_t i = 0; i < RI_COUNTOF(colours); i++)
        fprintf(f->out, ".%s rect,rect.%s{fill:%s}\n", colours[i].class, colours[i].class, colours[i].fill);
    fprintf(f->out, ".hit rect{fill:#d64fd6 !important}\n</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fbfaf7\"/>\n"
                    "<text x=\"%.0f\" y=\"24\" text-anchor=\"middle\" style=\"font-size:16px\">", WIDTH / 2);
    print_text(f->out, p->title);
    if (p->is_bytes)
        fprintf(f->out, ": %.1f KB allocated", (double)p->total / 1024);
    else
        fprintf(f->out, ": %.3f s of processor time, %" PRIu64 " samples", (double)p->total / 1e9, p->samples);
    fprintf(f->out, "</text>\n<text id=\"reset\" class=\"b2\" x=\"10\" y=\"24\" style=\"display:none\">reset zoom</text>\n"
                    "<text id=\"search\" class=\"b2\" x=\"%.0f\" y=\"24\" text-anchor=\"end\">search</text>\n"
                    "<text id=\"matched\" x=\"%.0f\" y=\"42\" text-anchor=\"end\"> </text>\n<text id=\"details\" x=\"10\" y=\"52\"> </text>\n",
            WIDTH - MARGIN, WIDTH - MARGIN);
}

static void print_legend(const Flame *f, uint32_t y)
{
    double x = MARGIN;
    for (size_t i = 0; i < RI_COUNTOF(colours); i++) {
        fprintf(f->out, "<rect class=\"%s\" x=\"%.0f\" y=\"%" PRIu32 "\" width=\"12\" height=\"12\"/><text x=\"%.0f\" y=\"%" PRIu32 "\">%s</text>\n",
                colours[i].class, x, y, x + 16, y + 10, colours[i].text);
        x += 40 + 6.6 * (double)strlen(colours[i].text);
    }
}

void ri_prof_print_svg(const RiProf *p, FILE *out)
{
    Flame f = {.prof = p, .out = out, .bottom = ri_prof_bottom(p)};
    f.total = p->nodes[f.bottom].total;
    f.depth = depth_below(&f, f.bottom, 0);
    uint32_t height = HEAD + (f.depth + 1) * ROW + FOOT;
    print_head(&f, height);
    print_tree(&f, f.bottom, 0, 0);
    print_legend(&f, height - FOOT + 20);
    fputs(script, out);
    fputs("</svg>\n", out);
}
