/* Values on their way between the embedding program and guests. */
#include "vm/embed/rille_impl.h"

#include <stdlib.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/object/table.h"

#define DEPTH_MAX 100               /* tables within tables */
#define PAIRS_MAX ((size_t)1 << 20) /* of one value: tables that are in it many times count as many times */

/* -- In ------------------------------------------------------------------------------------------------------------ */

static RiValue import(RiThread *T, const rille_value *value, int depth);

static RiValue import_table(RiThread *T, const rille_value *value, int depth)
{
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_stack_reserve(T, 3);
    ri_push(T, ri_table_value(t)); /* for the collector */
    for (size_t i = 0; i < value->as.table.count; i++) {
        const rille_pair *pair = &value->as.table.pairs[i];
        ri_push(T, import(T, &pair->key, depth + 1));
        ri_push(T, import(T, &pair->value, depth + 1));
        if (ri_table_set(T->heap, t, T->top[-2], T->top[-1]) != RI_KEY_OK)
            ri_error_no_position(T, "a key of a table is nil or NaN");
        T->top -= 2;
    }
    T->top--;
    return ri_table_value(t);
}

static RiValue import(RiThread *T, const rille_value *value, int depth)
{
    if (depth > DEPTH_MAX)
        ri_error_no_position(T, "tables are nested too deeply");
    switch (value->type) {
    case RILLE_BOOLEAN:
        return ri_bool(value->as.boolean);
    case RILLE_INTEGER:
        return ri_int(value->as.integer);
    case RILLE_NUMBER:
        return ri_float(value->as.number);
    case RILLE_STRING:
        return ri_string_value(ri_str_new(T->heap, value->as.string.bytes, value->as.string.size));
    case RILLE_TABLE:
        return import_table(T, value, depth);
    case RILLE_NIL:
        return ri_nil();
    }
    ri_error_no_position(T, "a value has no type of rille_type");
}

RiValue ri_rille_import(RiThread *T, const rille_value *value)
{
    return import(T, value, 0);
}

/* -- Out ------------------------------------------------------------------------------------------------------------
 * Twice over the value: how much memory, then into it. */

typedef struct Export {
    RiTable *path[DEPTH_MAX + 1]; /* tables around the one under way */
    size_t pairs, bytes;
    rille_pair *next_pair; /* NULL: only counted */
    char *next_byte;
} Export;

static void export_value(Export *e, RiValue v, int depth, rille_value *out);

static bool is_inside(const Export *e, const RiTable *t, int depth)
{
    for (int i = 0; i < depth; i++) {
        if (e->path[i] == t)
            return true;
    }
    return false;
}

static void export_table(Export *e, RiTable *t, int depth, rille_value *out)
{
    uint64_t at = 0;
    size_t count = 0;
    RiValue key, v;
    if (depth > DEPTH_MAX || is_inside(e, t, depth) || e->pairs > PAIRS_MAX)
        return;
    e->path[depth] = t;
    while (ri_table_next_at(t, &at, &key, &v))
        count++;
    e->pairs += count;
    rille_pair *pairs = e->next_pair;
    if (pairs != NULL) {
        e->next_pair += count;
        *out = rille_table(pairs, count);
    }
    at = 0;
    for (size_t i = 0; ri_table_next_at(t, &at, &key, &v); i++) {
        rille_pair unused, *pair = pairs != NULL ? &pairs[i] : &unused;
        export_value(e, key, depth + 1, &pair->key);
        export_value(e, v, depth + 1, &pair->value);
    }
}

static void export_value(Export *e, RiValue v, int depth, rille_value *out)
{
    *out = rille_nil();
    if (ri_is_string(v)) {
        const RiString *s = v.p;
        e->bytes += s->size + 1;
        if (e->next_byte == NULL)
            return;
        memcpy(e->next_byte, ri_str_data(s), s->size);
        e->next_byte[s->size] = '\0';
        *out = rille_bytes(e->next_byte, s->size);
        e->next_byte += s->size + 1;
    } else if (ri_is_int(v)) {
        *out = rille_integer(v.i);
    } else if (ri_is_float(v)) {
        *out = rille_number(v.n);
    } else if (v.tag == RI_TAG_TRUE || v.tag == RI_TAG_FALSE) {
        *out = rille_boolean(v.tag == RI_TAG_TRUE);
    } else if (ri_is_table(v)) {
        export_table(e, v.p, depth, out);
    }
}

bool ri_rille_export(RiThread *T, RiValue v, rille_value *out, void **block)
{
    (void)T;
    Export e = {.pairs = 0};
    export_value(&e, v, 0, out);
    *block = NULL;
    if (e.pairs > PAIRS_MAX)
        return false;
    size_t pair_bytes = e.pairs * sizeof(rille_pair);
    char *memory = malloc(pair_bytes + e.bytes + 1);
    *block = memory;
    if (memory == NULL)
        return false;
    e.next_pair = (rille_pair *)(void *)memory;
    e.next_byte = memory + pair_bytes;
    export_value(&e, v, 0, out);
    return true;
}
