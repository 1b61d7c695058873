/* Syntax tree to instructions. */
#ifndef RI_COMPILER_EMIT_H
#define RI_COMPILER_EMIT_H

#include "compiler/code.h"

/* -- For the parser ---------------------------------------------------------------------------------------------- */

/* The prototype of the function that has just been parsed (unit->function), params in its first variables. Its nodes
 * may be dropped then. Collects: yes. */
RiProto *ri_emit_function(RiUnit *unit, const RiBlock *body);

/* Turn the items of a constructor into a fragment; its item nodes may be dropped then. Collects: yes. */
void ri_emit_fragment(RiUnit *unit, RiConstructor *constructor);

/* -- Between emit_expr.c, emit_table.c and emit_stat.c ----------------------------------------------------------- */

/* Push one value. */
void ri_emit_push(RiUnit *unit, RiExpr *x);
/* Push `wanted` values (-1: all there are, leaving an open depth) of an expression that may have several. */
void ri_emit_push_multiple(RiUnit *unit, RiExpr *x, int wanted);
/* Push `wanted` values of a list, as many as it takes: nils added, surplus evaluated and dropped. */
void ri_emit_push_list(RiUnit *unit, RiExpr *list, uint32_t wanted);
/* Push all values of a list. Returns their number, or -1 if the last one left an open depth. */
int ri_emit_push_all(RiUnit *unit, RiExpr *list);
/* Drop the topmost values. */
void ri_emit_pop(RiUnit *unit, uint32_t count);
/* The function, a frame link and the arguments of a call. Returns the number of arguments (with the object of a
 * method), or -1 if open; *base is the slot of the function. */
int ri_emit_push_call(RiUnit *unit, RiExpr *call, uint32_t *base);
/* Push a new table with the items of a constructor. */
void ri_emit_table(RiUnit *unit, const RiExpr *x);

/* Jump to `list` if the truth of x is `sense`, else go on; nothing stays on the stack. */
void ri_emit_branch(RiUnit *unit, RiExpr *x, bool sense, uint32_t *list);
/* Is the truth of x known? */
bool ri_emit_is_always(const RiExpr *x, bool truth);

/* x is a local variable whose slot may be named by instructions: it is not captured. */
static inline bool ri_emit_is_slot(const RiUnit *unit, const RiExpr *x)
{
    return x->kind == RI_EXPR_LOCAL && !unit->code.is_fragment && !unit->vars.items[x->index].is_captured;
}
/* Its slot, which counts as used. */
static inline unsigned ri_emit_slot(RiUnit *unit, const RiExpr *x)
{
    return ri_code_use(unit, unit->vars.items[x->index].slot);
}
/* Lua reads a local variable that is an operand when it operates, not before it evaluates the other operands; that shows
 * when `other`, evaluated first, calls a function that has captured the variable and assigns to it. May it? */
bool ri_emit_reads_late(const RiUnit *unit, const RiExpr *variable, const RiExpr *other);
/* Push an object and a key, the former below the latter, each read when Lua reads it. */
void ri_emit_push_indexed(RiUnit *unit, RiExpr *object, RiExpr *key);
/* The name of a field that has an interned key: of x.name or x["name"]; else NULL. */
RiString *ri_emit_field_name(const RiExpr *x);
/* May one more instruction with a 16-bit site operand be made? */
bool ri_emit_has_site(const RiUnit *unit);
/* A new site for this key. */
uint32_t ri_emit_site(RiUnit *unit, RiString *key);

/* x := (left op right) in one instruction, if there is one for this; `slot` is x's. */
bool ri_emit_arith_to_slot(RiUnit *unit, unsigned slot, const RiExpr *binary);

#endif
