/* `rille mem`: run a program and tell what its memory holds: objects by kind and by where they were made, and a map of its address
 * space.
 *
 * Every allocation is noted with the line that made it. After a collection those that survived are counted: at the end, at the
 * collection that leaves most, or at the first one after some time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/memory_map.h"
#include "tools/tool.h"
#include "vm/base/quantity.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/stackwalk.h"
#include "vm/host/host.h"
#include "vm/machine/machine.h"

#define ROWS 15
#define FRAMES 8 /* looked through for a Lua function */
#define NONE UINT32_MAX

typedef struct Site { /* where objects are made */
    const void *what; /* RiProto, RiLibFn or C function */
    uint32_t pc;
    char text[120];
} Site;

typedef struct Note { /* of a block; what 0: a free entry */
    uintptr_t block;
    uint64_t site_size; /* site << 40 | size */
} Note;

typedef struct Count {
    uint64_t count, bytes;
} Count;

typedef struct Census {
    Count kinds[RI_TAG_COUNT], total;
    Count *sites; /* by site */
    uint32_t site_count;
    double after_s;
} Census;

typedef enum Moment { AT_EXIT, AT_PEAK, AT_TIME } Moment;

typedef struct Mem {
    const RiTool *tool;
    RiMachine *machine;
    RiHeap *heap;
    Moment moment;
    uint64_t at_ns, start_ns;
    const char *map_path;
    uint32_t rows;
    bool is_json, is_counting, is_full;
    Site *sites;
    uint32_t site_count, site_capacity, *site_index, site_index_capacity;
    Note *notes;
    size_t note_count, note_capacity;
    Census census; /* that will be shown */
    FILE *map;
} Mem;

/* For the end of the host process, which os.exit may bring about anywhere: atexit passes no argument. */
static Mem *running;

static const char *const kind_names[RI_TAG_COUNT] = {
    [RI_TAG_STRING] = "strings", [RI_TAG_TABLE] = "tables", [RI_TAG_CLOSURE] = "functions", [RI_TAG_NATIVE] = "library functions",
    [RI_TAG_USERDATA] = "userdata", [RI_TAG_THREAD] = "coroutines", [RI_TAG_CDATA] = "C data", [RI_TAG_CELL] = "captured variables",
    [RI_TAG_PROTO] = "code", [RI_TAG_FEEDBACK] = "code: caches", [RI_TAG_ARRAY] = "tables: arrays", [RI_TAG_DICT] = "tables: dictionaries",
    [RI_TAG_SLOTS] = "tables: fields", [RI_TAG_SHAPE] = "shapes", [RI_TAG_STACK] = "coroutines: stacks", [RI_TAG_BUFFER] = "buffers, numbers",
    [RI_TAG_VALUES] = "lists of values", [RI_TAG_BLOCK] = "library's own",
};

/* -- Sites ---------------------------------------------------------------------------------------------------------------- */

static void describe_site(Site *s, const RiWalkFrame *frame)
{
    char id[RI_ID_SIZE] = "?";
    const RiProto *proto = frame->what;
    if (frame->kind == RI_WALK_LUA) {
        if (proto->source != NULL)
            ri_chunk_id(id, ri_str_data(proto->source), proto->source->size);
        snprintf(s->text, sizeof s->text, "%s:%d", id, (int)ri_proto_line(proto, frame->pc));
    } else {
        snprintf(s->text, sizeof s->text, "%.100s", frame->kind == RI_WALK_LIBRARY ? ((const RiLibFn *)frame->what)->name : "C function");
    }
}

static uint64_t hash_of(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return h ^ h >> 31;
}

static bool grow_sites(Mem *m)
{
    if (m->site_count < m->site_capacity)
        return true;
    uint32_t capacity = m->site_capacity > 0 ? m->site_capacity * 2 : 256, buckets = capacity * 2;
    Site *sites = realloc(m->sites, capacity * sizeof *sites);
    if (sites != NULL)
        m->sites = sites;
    uint32_t *index = sites != NULL ? calloc(buckets, sizeof *index) : NULL;
    if (index == NULL)
        return false;
    free(m->site_index);
    m->site_index = index;
    m->site_index_capacity = buckets;
    m->site_capacity = capacity;
    for (uint32_t i = 0; i < m->site_count; i++) {
        uint32_t at = (uint32_t)hash_of((uintptr_t)m->sites[i].what, m->sites[i].pc) & (buckets - 1);
        while (index[at] != 0)
            at = (at + 1) & (buckets - 1);
        index[at] = i + 1;
    }
    return true;
}

/* The prototype may die and its address be another's: then, at worst, one line's objects are counted as another's. */
static uint32_t site_of(Mem *m, const RiWalkFrame *frame)
{
    if (!grow_sites(m))
        return 0;
    uint32_t mask = m->site_index_capacity - 1, at = (uint32_t)hash_of((uintptr_t)frame->what, frame->pc) & mask;
    for (; m->site_index[at] != 0; at = (at + 1) & mask) {
        const Site *s = &m->sites[m->site_index[at] - 1];
        if (s->what == frame->what && s->pc == frame->pc)
            return m->site_index[at] - 1;
    }
    m->sites[m->site_count] = (Site){.what = frame->what, .pc = frame->pc};
    describe_site(&m->sites[m->site_count], frame);
    m->site_index[at] = m->site_count + 1;
    return m->site_count++;
}

/* The innermost Lua line, or, without one, the innermost library function. */
static uint32_t current_site(Mem *m)
{
    RiWalkStart start = {.thread = m->heap->running};
    RiWalkFrame frames[FRAMES];
    bool is_cut;
    uint32_t count = ri_walk_stack(&start, frames, FRAMES, &is_cut);
    for (uint32_t i = 0; i < count; i++) {
        if (frames[i].kind == RI_WALK_LUA)
            return site_of(m, &frames[i]);
    }
    static const RiLibFn nobody = {.name = "(rille)"};
    const RiWalkFrame none = {.what = &nobody, .kind = RI_WALK_LIBRARY};
    return site_of(m, count > 0 && frames[0].kind == RI_WALK_LIBRARY && strcmp(((const RiLibFn *)frames[0].what)->name, "?") != 0 ?
                          &frames[0] : &none);
}

/* -- Blocks ----------------------------------------------------------------------------------------------------------------- */

static void put_note(Note *notes, size_t capacity, Note note, size_t *count)
{
    size_t mask = capacity - 1, at = hash_of(note.block, 0) & mask;
    while (notes[at].block != 0 && notes[at].block != note.block)
        at = (at + 1) & mask;
    *count += notes[at].block == 0;
    notes[at] = note;
}

/* A table of another size, with all notes, or only those of blocks that have survived the collection just done. */
static bool remake_notes(Mem *m, size_t capacity, bool survivors)
{
    Note *notes = calloc(capacity, sizeof *notes);
    size_t count = 0;
    if (notes == NULL)
        return false;
    for (size_t i = 0; i < m->note_capacity; i++) {
        if (m->notes[i].block != 0 && (!survivors || ri_heap_has_survived((const void *)m->notes[i].block))) /* NOLINT */
            put_note(notes, capacity, m->notes[i], &count);
    }
    free(m->notes);
    m->notes = notes;
    m->note_capacity = capacity;
    m->note_count = count;
    return true;
}

static void on_alloc(RiHeap *heap, const void *block, size_t size)
{
    Mem *m = heap->watcher;
    bool has_room = m->note_count * 2 < m->note_capacity || remake_notes(m, m->note_capacity > 0 ? m->note_capacity * 2 : 65536, false);
    if (!has_room) {
        m->is_full = true;
        return;
    }
    uint64_t site = current_site(m);
    put_note(m->notes, m->note_capacity, (Note){(uintptr_t)block, site << 40 | (uint64_t)size}, &m->note_count);
}

/* -- Counting ------------------------------------------------------------------------------------------------------------------ */

/* Just after a collection: count what has survived. */
static void take_census(Mem *m)
{
    Census c = {.site_count = m->site_count, .after_s = (double)(ri_host_monotonic_ns() - m->start_ns) / 1e9};
    c.sites = calloc(m->site_count + 1, sizeof *c.sites);
    if (c.sites == NULL)
        return;
    for (size_t i = 0; i < m->note_capacity; i++) {
        uint64_t size = m->notes[i].site_size & (((uint64_t)1 << 40) - 1), site = m->notes[i].site_size >> 40;
        unsigned tag = m->notes[i].block != 0 ? ri_object_tag((const void *)m->notes[i].block) : 0; /* NOLINT */
        if (tag == 0 || tag >= RI_TAG_COUNT)
            continue;
        Count *counts[] = {&c.kinds[tag], &c.total, &c.sites[site]};
        for (size_t k = 0; k < RI_COUNTOF(counts); k++) {
            counts[k]->count++;
            counts[k]->bytes += size;
        }
    }
    free(m->census.sites);
    m->census = c;
}

static uint64_t noted_bytes(const Mem *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->note_capacity; i++)
        bytes += m->notes[i].site_size & (((uint64_t)1 << 40) - 1);
    return bytes;
}

static void on_phase(RiHeap *heap, RiPhase phase, bool begins)
{
    Mem *m = heap->watcher;
    if (phase != RI_PHASE_COLLECT || begins || m->is_counting)
        return;
    m->is_counting = true;
    if (remake_notes(m, m->note_capacity > 0 ? m->note_capacity : 65536, true)) {
        uint64_t now = ri_host_monotonic_ns() - m->start_ns;
        bool is_due = m->moment == AT_PEAK ? noted_bytes(m) > m->census.total.bytes :
                      m->moment == AT_TIME && now >= m->at_ns && m->census.sites == NULL;
        if (is_due)
            take_census(m);
    }
    m->is_counting = false;
}

/* -- Showing -------------------------------------------------------------------------------------------------------------------- */

typedef struct Row {
    Count count;
    const char *name;
} Row;

static int by_bytes(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->count.bytes != y->count.bytes)
        return x->count.bytes < y->count.bytes ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Sites of one line come from several instructions: they are one row. */
static uint32_t join_rows(Row *rows, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < kept && strcmp(rows[k].name, rows[i].name) != 0)
            k++;
        if (k == kept) {
            rows[kept++] = rows[i];
            continue;
        }
        rows[k].count.count += rows[i].count.count;
        rows[k].count.bytes += rows[i].count.bytes;
    }
    return kept;
}

static void print_rows(const Mem *m, Row *rows, uint32_t count, uint32_t limit, const char *what)
{
    qsort(rows, count, sizeof *rows, by_bytes);
    if (m->is_json) {
        fprintf(stdout, ",\"%s\":[", what);
        for (uint32_t i = 0; i < count; i++) {
            fprintf(stdout, "%s{\"name\":\"", i > 0 ? "," : "");
            for (const unsigned char *c = (const unsigned char *)rows[i].name; *c != '\0'; c++)
                fprintf(stdout, *c == '"' || *c == '\\' || *c < 32 || *c > 126 ? "\\u%04x" : "%c", *c);
            fprintf(stdout, "\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", rows[i].count.count, rows[i].count.bytes);
        }
        fputs("]", stdout);
        return;
    }
    fprintf(stderr, "\n     bytes      %%     count  %s\n", what);
    for (uint32_t i = 0; i < count && i < limit; i++) {
        double share = m->census.total.bytes > 0 ? 100.0 * (double)rows[i].count.bytes / (double)m->census.total.bytes : 0;
        fprintf(stderr, "%10" PRIu64 "  %5.1f  %8" PRIu64 "  %s\n", rows[i].count.bytes, share, rows[i].count.count, rows[i].name);
    }
    if (count > limit)
        fprintf(stderr, "            … and %" PRIu32 " more\n", count - limit);
}

static void print_census(const Mem *m)
{
    const Census *c = &m->census;
    Row *rows = calloc(c->site_count + RI_TAG_COUNT, sizeof *rows);
    uint32_t count = 0;
    if (rows == NULL)
        return;
    if (m->is_json)
        fprintf(stdout, "{\"after_s\":%.6f,\"count\":%" PRIu64 ",\"bytes\":%" PRIu64, c->after_s, c->total.count, c->total.bytes);
    else
        fprintf(stderr, "rille mem: %" PRIu64 " objects, %" PRIu64 " bytes, after %.3f s%s\n", c->total.count, c->total.bytes, c->after_s,
                m->is_full ? " (some are missing: there was no memory to note them)" : "");
    for (uint32_t i = 0; i < RI_TAG_COUNT; i++) {
        if (c->kinds[i].count > 0)
            rows[count++] = (Row){c->kinds[i], kind_names[i] != NULL ? kind_names[i] : "others"};
    }
    print_rows(m, rows, count, RI_TAG_COUNT, "kind");
    count = 0;
    for (uint32_t i = 0; i < c->site_count; i++) {
        if (c->sites[i].count > 0)
            rows[count++] = (Row){c->sites[i], m->sites[i].text};
    }
    print_rows(m, rows, join_rows(rows, count), m->rows, "made at");
    if (m->is_json)
        fputs("}\n", stdout);
    free(rows);
}

static int complain(const RiTool *tool, const char *what, const char *word)
{
    char text[400];
    snprintf(text, sizeof text, "mem: %s %.250s", what, word);
    ri_tool_message(tool, text);
    return -1;
}

/* The program is over; its process is still there. */
static void finish(bool collects)
{
    Mem *m = running;
    if (m == NULL)
        return;
    running = NULL;
    if (m->heap == NULL) /* wrong options: there has been no program */
        return;
    if (collects && m->census.sites == NULL)
        ri_heap_collect(m->heap);
    m->heap->on_phase = NULL;
    m->heap->on_alloc = NULL;
    if (m->census.sites == NULL)
        take_census(m);
    fflush(stdout);
    print_census(m);
    fflush(stderr);
    if (m->map != NULL) {
        ri_memory_map_print(m->machine, m->map);
        bool ok = ferror(m->map) == 0;
        if (fclose(m->map) != 0 || !ok)
            (void)complain(m->tool, strerror(errno), m->map_path);
    }
}

static void finish_open(void)
{
    finish(true);
}

static void finish_ended(void)
{
    finish(false);
}

/* -- The command ---------------------------------------------------------------------------------------------------------------- */

static void attach(struct RiMachine *machine, void *argument)
{
    Mem *m = argument;
    m->machine = machine;
    m->heap = machine->engine_data;
    m->start_ns = ri_host_monotonic_ns();
    m->heap->watcher = m;
    m->heap->on_phase = on_phase;
    ri_heap_watch_allocations(m->heap, on_alloc);
}

static int take_moment(Mem *m, const char *value)
{
    if (strcmp(value, "exit") == 0)
        m->moment = AT_EXIT;
    else if (strcmp(value, "peak") == 0)
        m->moment = AT_PEAK;
    else if (ri_parse_duration(value, &m->at_ns))
        m->moment = AT_TIME;
    else
        return complain(m->tool, "--at needs exit, peak or a time such as 2s, not", value);
    return 0;
}

static int take_value(Mem *m, const char *word, const char *value)
{
    if (value == NULL)
        return complain(m->tool, "no value for", word);
    if (strcmp(word, "--at") == 0)
        return take_moment(m, value);
    if (strcmp(word, "--top") == 0) {
        m->rows = (uint32_t)strtoul(value, NULL, 10);
        return m->rows > 0 ? 0 : complain(m->tool, "--top needs a number, not", value);
    }
    m->map_path = value;
    return 0;
}

static int parse_options(Mem *m, int i)
{
    for (; i < m->tool->argc && m->tool->argv[i][0] == '-'; i++) {
        const char *word = m->tool->argv[i];
        if (strcmp(word, "--json") == 0) {
            m->is_json = true;
        } else if (strcmp(word, "--at") == 0 || strcmp(word, "--top") == 0 || strcmp(word, "-o") == 0) {
            if (take_value(m, word, i + 1 < m->tool->argc ? m->tool->argv[i + 1] : NULL) != 0)
                return -1;
            i++;
        } else {
            break; /* the options of run, and the script */
        }
    }
    return i;
}

int ri_cmd_mem(RiTool *tool, int first)
{
    static Mem m; /* until the end of the host process */
    m = (Mem){.tool = tool, .rows = ROWS};
    int next = parse_options(&m, first);
    if (next >= tool->argc)
        (void)complain(tool, "which program?", "See `rille help mem`");
    if (next < 0 || next >= tool->argc)
        return EXIT_FAILURE;
    if (m.map_path != NULL && (m.map = fopen(m.map_path, "we")) == NULL) {
        (void)complain(tool, strerror(errno), m.map_path);
        return EXIT_FAILURE;
    }
    tool->on_machine = attach;
    tool->on_machine_argument = &m;
    tool->on_return = finish_open;
    tool->on_end = finish_ended;
    running = &m;
    atexit(finish_open);
    return ri_cmd_run(tool, next);
}
