/* What a profile holds: functions, a tree of calls, lines. */
#include "tools/profile.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* -- Numbered things, found by what they are ---------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu ^ b;
    h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

static uint64_t hash_fn(const RiProf *p, uint32_t i)
{
    return mix((uint64_t)(uintptr_t)p->fns[i].key, (uint64_t)p->fns[i].kind);
}

static uint64_t hash_node(const RiProf *p, uint32_t i)
{
    return mix((uint64_t)p->nodes[i].parent << 32 | p->nodes[i].fn, p->nodes[i].is_native);
}

static uint64_t hash_line(const RiProf *p, uint32_t i)
{
    return mix(p->lines[i].fn, (uint64_t)(uint32_t)p->lines[i].line);
}

static void insert(RiProfIndex *index, uint64_t hash, uint32_t number)
{
    uint32_t mask = index->capacity - 1, at = (uint32_t)hash & mask;
    while (index->entries[at] != 0)
        at = (at + 1) & mask;
    index->entries[at] = number + 1;
    index->count++;
}

/* Room for one more. */
static bool grow_index(RiProf *p, RiProfIndex *index, uint64_t (*hash)(const RiProf *, uint32_t))
{
    if (index->count * 2 < index->capacity)
        return true;
    RiProfIndex larger = {.capacity = index->capacity > 0 ? index->capacity * 2 : 256};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL)
        return false;
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->entries[i] != 0)
            insert(&larger, hash(p, index->entries[i] - 1), index->entries[i] - 1);
    }
    free(index->entries);
    *index = larger;
    return true;
}

static bool grow_array(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t larger = *capacity > 0 ? *capacity * 2 : 64;
    void *moved = realloc(*array, larger * size);
    if (moved == NULL)
        return false;
    *array = moved;
    *capacity = larger;
    return true;
}

uint32_t ri_prof_fn(RiProf *p, RiProfKind kind, const void *key, bool *is_new)
{
    *is_new = false;
    if (!grow_index(p, &p->fn_index, hash_fn) || !grow_array((void **)&p->fns, p->fn_count, &p->fn_capacity, sizeof *p->fns))
        return NONE;
    uint64_t hash = mix((uint64_t)(uintptr_t)key, (uint64_t)kind);
    uint32_t mask = p->fn_index.capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask, n; (n = p->fn_index.entries[at]) != 0; at = (at + 1) & mask) {
        if (p->fns[n - 1].key == key && p->fns[n - 1].kind == kind)
            return n - 1;
    }
    p->fns[p->fn_count] = (RiProfFn){.kind = kind, .key = key};
    insert(&p->fn_index, hash, p->fn_count);
    *is_new = true;
    return p->fn_count++;
}

static uint32_t child_of(RiProf *p, uint32_t parent, const RiProfPlace *place)
{
    if (!grow_index(p, &p->node_index, hash_node) ||
        !grow_array((void **)&p->nodes, p->node_count, &p->node_capacity, sizeof *p->nodes))
        return parent;
    uint64_t hash = mix((uint64_t)parent << 32 | place->fn, place->is_native);
    uint32_t mask = p->node_index.capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask, n; (n = p->node_index.entries[at]) != 0; at = (at + 1) & mask) {
        const RiProfNode *node = &p->nodes[n - 1];
        if (node->parent == parent && node->fn == place->fn && node->is_native == place->is_native)
            return n - 1;
    }
    p->nodes[p->node_count] = (RiProfNode){
        .fn = place->fn, .parent = parent, .sibling = p->nodes[parent].child, .is_native = place->is_native};
    p->nodes[parent].child = p->node_count;
    insert(&p->node_index, hash, p->node_count);
    return p->node_count++;
}

static RiProfLine *line_of(RiProf *p, uint32_t fn, int32_t line)
{
    if (!grow_index(p, &p->line_index, hash_line) ||
        !grow_array((void **)&p->lines, p->line_count, &p->line_capacity, sizeof *p->lines))
        return NULL;
    uint64_t hash = mix(fn, (uint64_t)(uint32_t)line);
    uint32_t mask = p->line_index.capacity - 1;
    for (uint32_t at = (uint32_t)hash & mask, n; (n = p->line_index.entries[at]) != 0; at = (at + 1) & mask) {
        if (p->lines[n - 1].fn == fn && p->lines[n - 1].line == line)
            return &p->lines[n - 1];
    }
    p->lines[p->line_count] = (RiProfLine){.fn = fn, .line = line};
    insert(&p->line_index, hash, p->line_count);
    return &p->lines[p->line_count++];
}

/* -- Stacks -------------------------------------------------------------------------------------------------------------- */

static void add_line(RiProf *p, const RiProfPlace *place, uint64_t weight, bool is_leaf)
{
    RiProfLine *line = place->line > 0 ? line_of(p, place->fn, place->line) : NULL;
    if (line == NULL)
        return;
    if (line->stamp != p->stamp)
        line->total += weight;
    line->stamp = p->stamp;
    if (is_leaf)
        line->self += weight;
}

/* Recursion counts once. Where the collector works, the line that made it do so still has its share. */
void ri_prof_add(RiProf *p, const RiProfPlace *stack, uint32_t count, uint64_t weight)
{
    uint32_t node = 0;
    p->stamp++;
    p->samples++;
    p->total += weight;
    for (uint32_t i = 0; i < count; i++) {
        RiProfFn *fn = &p->fns[stack[i].fn];
        node = child_of(p, node, &stack[i]);
        if (fn->stamp != p->stamp)
            fn->total += weight;
        fn->stamp = p->stamp;
        add_line(p, &stack[i], weight, i + 1 == count);
    }
    p->nodes[node].self += weight;
    if (count > 0) {
        p->fns[stack[count - 1].fn].self += weight;
        p->fns[stack[count - 1].fn].native_self += stack[count - 1].is_native ? weight : 0;
    }
}

void ri_prof_sum(RiProf *p)
{
    for (uint32_t i = 0; i < p->node_count; i++)
        p->nodes[i].total = p->nodes[i].self;
    for (uint32_t i = p->node_count; i-- > 1;) /* parents come first */
        p->nodes[p->nodes[i].parent].total += p->nodes[i].total;
}

uint32_t ri_prof_bottom(const RiProf *p)
{
    uint32_t child = p->nodes[0].child;
    bool is_single = child != 0 && p->nodes[child].sibling == 0 && p->fns[p->nodes[child].fn].kind == RI_PROF_PROCESS;
    return is_single ? child : 0;
}

void ri_prof_label(const RiProfFn *fn, bool is_native, char *out, size_t size)
{
    const char *name = fn->name != NULL ? fn->name : "?", *source = fn->source != NULL ? fn->source : "";
    const char *mark = is_native ? " [J]" : "";
    if (fn->line > 0)
        snprintf(out, size, "%s %s:%d%s", name, source, (int)fn->line, mark);
    else
        snprintf(out, size, "%s%s%s%s", name, *source != '\0' ? " " : "", source, mark);
}

/* -- The whole ------------------------------------------------------------------------------------------------------------- */

RiProf *ri_prof_new(bool is_bytes, const char *title)
{
    RiProf *p = calloc(1, sizeof *p);
    bool is_new;
    if (p == NULL)
        return NULL;
    p->is_bytes = is_bytes;
    p->title = title;
    if (ri_prof_fn(p, RI_PROF_VM, NULL, &is_new) == NONE ||
        !grow_array((void **)&p->nodes, 0, &p->node_capacity, sizeof *p->nodes)) {
        ri_prof_free(p);
        return NULL;
    }
    p->fns[0].name = strdup("all");
    p->nodes[p->node_count++] = (RiProfNode){0};
    return p;
}

void ri_prof_free(RiProf *p)
{
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->fn_count; i++) {
        free(p->fns[i].name);
        free(p->fns[i].source);
    }
    free(p->fns);
    free(p->nodes);
    free(p->lines);
    free(p->fn_index.entries);
    free(p->node_index.entries);
    free(p->line_index.entries);
    free(p);
}
