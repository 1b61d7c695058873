/* Address spaces drawn: see memory_map.h. */
#include "tools/memory_map.h"

#include <inttypes.h>

#include "vm/machine/layout.h"
#include "vm/machine/proc.h"
#include "vm/machine/space.h"

#define WIDTH 1100.0
#define MARGIN 20.0
#define BAR_X 470.0
#define ROW 20.0
#define CELLS_MAX 200u
#define ROWS_MAX 300u /* of regions, of one process */

enum { ABSENT, RESIDENT, DIRTY, SWAPPED, STATE_COUNT };
static const struct {
    const char *fill, *text;
} states[STATE_COUNT] = {
    {"#e6e3da", "not in memory yet"}, {"#8cc66b", "in memory"}, {"#e2685f", "in memory, written to"}, {"#b58ad6", "swapped out"},
};

static const struct Area {
    uint32_t start;
    uint64_t end;
    const char *fill, *name;
} areas[] = {
    {0, RI_NULL_END, "#444444", "null"},
    {RI_IMAGE_START, RI_HEAP_START, "#cfe0f3", "program image"},
    {RI_HEAP_START, RI_MMAP_START, "#d9ecd0", "heap (break)"},
    {RI_MMAP_START, RI_SHM_START, "#f6e6cf", "mapped memory, files"},
    {RI_SHM_START, RI_USER_END, "#ecdcf3", "shared"},
    {RI_USER_END, RI_DEVICE_START, "#bbbbbb", "never mapped"},
    {RI_DEVICE_START, RI_SPACE_BYTES, "#f3d6d6", "devices, info"},
};

static int state_of(const RiSpace *space, uint32_t page)
{
    RiPte pte = ri_pagetable_get(&space->table, page);
    if (ri_pte_is_swapped(pte))
        return SWAPPED;
    if (!(pte & RI_PTE_PRESENT))
        return ABSENT;
    return pte & RI_PTE_DIRTY ? DIRTY : RESIDENT;
}

static void print_text(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&' || *c < 32 || *c > 126)
            fprintf(out, "&#%u;", *c < 32 ? '?' : *c);
        else
            fputc(*c, out);
    }
}

static void print_overview(FILE *out, const RiSpace *space, double y)
{
    const double width = WIDTH - 2 * MARGIN, scale = width / (double)RI_SPACE_BYTES;
    for (size_t i = 0; i < RI_COUNTOF(areas); i++) {
        double x = MARGIN + (double)areas[i].start * scale, w = (double)(areas[i].end - areas[i].start) * scale;
        fprintf(out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"26\" fill=\"%s\"><title>%s</title></rect>\n", x, y,
                w > 0.5 ? w : 0.5, areas[i].fill, areas[i].name);
        if (w > 60) /* in two rows: names are longer than some areas */
            fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"s\">%s</text>\n", x + 3, y + (i % 2 ? 38 : 50), areas[i].name);
    }
    for (uint32_t i = 0; i < space->regions.count; i++) {
        const RiRegion *r = &space->regions.list[i];
        double x = MARGIN + (double)r->first * RI_PAGE_BYTES * scale, w = (double)(r->end - r->first) * RI_PAGE_BYTES * scale;
        fprintf(out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"26\" fill=\"#1a5fb4\"/>\n", x, y, w > 1.5 ? w : 1.5);
    }
}

/* Cells of one or more pages each; of several the state that says most. */
static void print_cells(FILE *out, const RiSpace *space, const RiRegion *r, double y, uint32_t counts[STATE_COUNT])
{
    uint32_t pages = r->end - r->first, cells = pages < CELLS_MAX ? pages : CELLS_MAX;
    double room = WIDTH - MARGIN - BAR_X, width = room / cells < 14 ? room / cells : 14;
    for (uint32_t i = 0; i < cells; i++) {
        uint32_t first = r->first + (uint32_t)((uint64_t)pages * i / cells), end = r->first + (uint32_t)((uint64_t)pages * (i + 1) / cells);
        int most = ABSENT;
        for (uint32_t page = first; page < end; page++) {
            int state = state_of(space, page);
            counts[state]++;
            most = state > most ? state : most;
        }
        fprintf(out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"13\" fill=\"%s\"><title>%08" PRIx64 "</title></rect>\n",
                BAR_X + i * width, y - 10, width > 3 ? width - 0.7 : width, states[most].fill, (uint64_t)first * RI_PAGE_BYTES);
    }
}

static void print_region(FILE *out, const RiSpace *space, const RiRegion *r, double y)
{
    static const char *const kinds[] = {"memory", "file", "shared segment", "device"};
    uint32_t counts[STATE_COUNT] = {0}, pages = r->end - r->first;
    print_cells(out, space, r, y, counts);
    fprintf(out, "<text x=\"%.0f\" y=\"%.1f\">%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %s%s%s</text>\n", MARGIN, y,
            (uint64_t)r->first * RI_PAGE_BYTES, (uint64_t)r->end * RI_PAGE_BYTES, r->prot & RI_PROT_READ ? 'r' : '-',
            r->prot & RI_PROT_WRITE ? 'w' : '-', r->prot & RI_PROT_EXEC ? 'x' : '-', r->flags & RI_REGION_SHARED ? 's' : 'p',
            r->flags & RI_REGION_HEAP ? "heap" : r->kind < RI_COUNTOF(kinds) ? kinds[r->kind] : "?",
            r->flags & RI_REGION_LOCKED ? ", locked" : "", r->flags & RI_REGION_SYSTEM ? ", system" : "");
    fprintf(out, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\" class=\"s\">%" PRIu32 " K: %" PRIu32 " in, %" PRIu32 " written, %" PRIu32
                 " swapped</text>\n",
            BAR_X - 8, y, pages * (RI_PAGE_BYTES / 1024), (counts[RESIDENT] + counts[DIRTY]) * (RI_PAGE_BYTES / 1024),
            counts[DIRTY] * (RI_PAGE_BYTES / 1024), counts[SWAPPED] * (RI_PAGE_BYTES / 1024));
}

static double height_of(const RiProc *proc)
{
    uint32_t rows = proc->space == NULL ? 0 : proc->space->regions.count;
    return 110 + ROW * (rows < ROWS_MAX ? rows : ROWS_MAX + 1);
}

static double heights(const RiProc *proc)
{
    double sum = height_of(proc);
    for (const RiNode *node = proc->children.next; node != &proc->children; node = node->next)
        sum += heights(ri_proc_of_node((RiNode *)(uintptr_t)node)); /* NOLINT */
    return sum;
}

static double print_process(FILE *out, const RiProc *proc, double y)
{
    const RiSpace *space = proc->space;
    fprintf(out, "<text x=\"%.0f\" y=\"%.1f\" class=\"h\">process %" PRIu32 " ", MARGIN, y + 16, proc->pid);
    print_text(out, proc->name);
    if (space != NULL)
        fprintf(out, ": %" PRIu32 " K mapped, %" PRIu32 " K in memory", ri_space_mapped(space) * (RI_PAGE_BYTES / 1024),
                ri_space_resident(space) * (RI_PAGE_BYTES / 1024));
    fputs(space == NULL ? ": no address space in use</text>\n" : "</text>\n", out);
    if (space != NULL)
        print_overview(out, space, y + 28);
    for (uint32_t i = 0; space != NULL && i < space->regions.count && i < ROWS_MAX; i++)
        print_region(out, space, &space->regions.list[i], y + 100 + ROW * i);
    if (space != NULL && space->regions.count > ROWS_MAX)
        fprintf(out, "<text x=\"%.0f\" y=\"%.1f\">and %" PRIu32 " more</text>\n", MARGIN, y + 100 + ROW * ROWS_MAX,
                space->regions.count - ROWS_MAX);
    y += height_of(proc);
    for (const RiNode *node = proc->children.next; node != &proc->children; node = node->next)
        y = print_process(out, ri_proc_of_node((RiNode *)(uintptr_t)node), y); /* NOLINT */
    return y;
}

void ri_memory_map_print(const RiMachine *machine, FILE *out)
{
    double height = 60 + (machine->init != NULL ? heights(machine->init) : 0), x = MARGIN;
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                 "viewBox=\"0 0 %.0f %.0f\">\n<style>text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#222}"
                 ".s{font-size:10px;fill:#555}.h{font-size:14px;font-weight:bold}</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fbfaf7\"/>\n",
            WIDTH, height, WIDTH, height);
    for (int i = 0; i < STATE_COUNT; i++, x += 190)
        fprintf(out, "<rect x=\"%.0f\" y=\"16\" width=\"13\" height=\"13\" fill=\"%s\"/><text x=\"%.0f\" y=\"27\">%s</text>\n", x, states[i].fill,
                x + 19, states[i].text);
    if (machine->init != NULL)
        (void)print_process(out, machine->init, 40);
    fputs("</svg>\n", out);
}
