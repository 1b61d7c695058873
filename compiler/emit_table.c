/* Table constructors. Elements are stored in batches; {x = …, y = …} and {a, b, c} are single instructions; a large
 * constructor arrives partly as fragments, made while it was parsed. */
#include "compiler/emit.h"

#define BATCH 50       /* elements per SETLIST, as 5.4 has it */
#define RECORD_MAX 16  /* fields of a NEWRECORD */

static void flush(RiUnit *unit, RiConstructor *t, uint32_t *pending)
{
    if (*pending == 0)
        return;
    ri_code_put_abc(unit, RI_OP_SETLIST, *pending, 0, 0, -(int)*pending);
    ri_code_put_second(unit, t->stored + 1);
    t->stored += *pending;
    *pending = 0;
}

static bool has_name(const RiExpr *item)
{
    return item->left->kind == RI_EXPR_STRING && ri_str_is_interned(item->left->leaf_string);
}

/* [key] = value in the table in slot `base`. `is_top`: that is the top of the stack. */
static void put_keyed(RiUnit *unit, RiExpr *item, uint32_t base, bool is_top)
{
    RiExpr *key = item->left;
    if (is_top && has_name(item)) {
        ri_emit_push(unit, item->right);
        unit->code.line = item->line;
        ri_code_put_e(unit, RI_OP_INITFIELD, (int32_t)ri_emit_site(unit, key->leaf_string), -1);
        return;
    }
    if (key->kind == RI_EXPR_INT && key->integer >= INT16_MIN && key->integer <= INT16_MAX) {
        ri_emit_push(unit, item->right);
        unit->code.line = item->line;
        ri_code_put_ad(unit, RI_OP_SETINDEX_LI, base, (unsigned)key->integer, -1);
    } else {
        ri_emit_push(unit, key);
        ri_emit_push(unit, item->right);
        unit->code.line = item->line;
        ri_code_put_abc(unit, RI_OP_SETINDEX_OL, base, 0, 0, -2);
    }
    ri_code_note_slot(unit, 'a', base);
}

/* The items not yet emitted; the table lies on top of the stack. `is_end`: the last may be open. */
static void put_items(RiUnit *unit, RiConstructor *t, bool is_end)
{
    uint32_t base = unit->code.depth - 1, pending = 0;
    bool spare_sites = !is_end || t->fragments != NULL || !ri_emit_has_site(unit);
    /* Elements are stored after up to 50 of them, as in 5.4: {1, [1] = 2} shows it. Names never clash with them. */
    bool may_flush = !t->has_other_keys && !spare_sites;
    for (RiExpr *x = t->first; x != NULL; x = x->next) {
        if (x->kind == RI_EXPR_ITEM) {
            if (may_flush)
                flush(unit, t, &pending);
            put_keyed(unit, x, base, pending == 0 && !spare_sites);
        } else if (is_end && x->next == NULL && ri_expr_is_multiple(x)) {
            ri_emit_push_multiple(unit, x, -1);
            unit->code.line = t->end_line;
            ri_code_put_e(unit, RI_OP_SETLISTV, (int32_t)base, -(int)pending);
            ri_code_note_slot(unit, 'u', base);
            ri_code_put_second(unit, t->stored + 1);
            pending = 0;
        } else {
            ri_emit_push(unit, x);
            if (++pending == BATCH)
                flush(unit, t, &pending);
        }
    }
    if (is_end)
        unit->code.line = t->end_line;
    flush(unit, t, &pending);
}

/* Distinct short names as keys, nothing else. */
static bool is_record(const RiConstructor *t, RiString *names[RECORD_MAX])
{
    uint32_t count = 0;
    if (t->item_count > RECORD_MAX)
        return false;
    for (const RiExpr *x = t->first; x != NULL; x = x->next) {
        if (x->kind != RI_EXPR_ITEM || x->left->kind != RI_EXPR_STRING || !ri_str_is_interned(x->left->leaf_string))
            return false;
        names[count] = x->left->leaf_string;
        for (uint32_t i = 0; i < count; i++) {
            if (names[i] == names[count])
                return false;
        }
        count++;
    }
    return true;
}

static bool ends_open(const RiConstructor *t)
{
    const RiExpr *last = t->first;
    while (last != NULL && last->next != NULL)
        last = last->next;
    return last != NULL && ri_expr_is_multiple(last);
}

/* A new empty table with room for the elements; none if they all come at once, nobody knows how many. */
static void put_new(RiUnit *unit, const RiConstructor *t)
{
    uint32_t elements = t->stored + t->item_count - t->keyed_count;
    if (elements <= BATCH && t->keyed_count == 0 && ends_open(t))
        elements = 0;
    if (ri_emit_has_site(unit))
        ri_code_put_ad(unit, RI_OP_NEWTABLE, elements < 255 ? elements : 255, ri_code_site(unit, RI_NO_KEY), 1);
    else
        ri_code_put_ad(unit, RI_OP_NEWARRAY, 0, 0, 1);
}

/* A table made by one instruction after its items, which begin in another line than it: let its first line be one that
 * hooks and breakpoints know. */
static void mark_line(RiUnit *unit, uint32_t item_line)
{
    if (item_line != unit->code.line)
        ri_code_put(unit, RI_OP_NOP, 0);
}

void ri_emit_table(RiUnit *unit, const RiExpr *x)
{
    RiConstructor *t = x->constructor;
    RiString *names[RECORD_MAX];
    unit->code.line = x->line;
    if (t->fragments == NULL && t->item_count > 0) {
        if (t->keyed_count == 0 && t->item_count <= BATCH) {
            if (!ends_open(t)) {
                mark_line(unit, t->first->line);
                int count = ri_emit_push_all(unit, t->first);
                unit->code.line = t->end_line;
                ri_code_put_ad(unit, RI_OP_NEWARRAY, 0, (unsigned)count, 1 - count);
                return;
            }
        } else if (ri_emit_has_site(unit) && is_record(t, names)) {
            mark_line(unit, t->first->right->line);
            for (RiExpr *item = t->first; item != NULL; item = item->next)
                ri_emit_push(unit, item->right);
            uint32_t site = ri_code_site(unit, ri_code_constants_run(unit, names, t->item_count));
            ri_code_put_ad(unit, RI_OP_NEWRECORD, t->item_count, site, 1 - (int)t->item_count);
            return;
        }
    }
    put_new(unit, t);
    ri_code_splice(unit, t->fragments);
    put_items(unit, t, true);
}

void ri_emit_fragment(RiUnit *unit, RiConstructor *t)
{
    ri_code_start(unit, true, 1);
    unit->code.line = unit->lexer.last_line;
    put_items(unit, t, false);
    RiFragment *f = ri_code_finish_fragment(unit);
    if (t->last_fragment != NULL)
        t->last_fragment->next = f;
    else
        t->fragments = f;
    t->last_fragment = f;
    t->first = NULL;
    t->last = &t->first;
    t->item_count = 0;
    t->keyed_count = 0;
    t->has_other_keys = false;
}
