/* Names: what a name means where it stands, labels and gotos. */
#ifndef RI_COMPILER_SCOPE_H
#define RI_COMPILER_SCOPE_H

#include "compiler/unit.h"

/* -- Functions and blocks -- */
/* Begin a function inside the current one; `function` lies in the caller's frame. */
void ri_scope_open_function(RiUnit *unit, RiFunction *function, uint32_t line_defined);
/* Back to the parent; drops the function's part of the stacks. */
void ri_scope_close_function(RiUnit *unit);

/* Begin a block; a loop gives the label that `break` leads to. */
void ri_scope_enter(RiUnit *unit, RiScope *scope, RiLabel *loop_end);
/* End it: its names and labels go out of scope, gotos that found no label wait for one outside. At the end of a function
 * those are errors. */
void ri_scope_leave(RiUnit *unit);

/* -- Variables -- */
/* A new variable, not in scope yet; its index. Throws if there are too many. */
uint32_t ri_scope_declare(RiUnit *unit, RiString *name);
/* Bring `count` variables from `first` on into scope, in the next slots. A compile-time constant takes none. */
void ri_scope_activate(RiUnit *unit, uint32_t first, uint32_t count);

/* Is this the outermost level of a session's chunk, whose variables outlive it? */
bool ri_scope_is_session(const RiUnit *unit);
/* Declare such a variable, in scope from now on: its index among the upvalues of the main function. Collects: yes. */
uint32_t ri_scope_declare_in_session(RiUnit *unit, RiString *name, uint8_t kind);

/* What `name` means: an RI_EXPR_LOCAL, RI_EXPR_UPVALUE, a constant, or a field of _ENV. Collects: yes. */
RiExpr *ri_scope_resolve(RiUnit *unit, RiString *name, uint32_t line);

/* Throw "attempt to assign to const variable" if x is one. */
void ri_scope_check_assignable(RiUnit *unit, const RiExpr *x);

/* -- Labels -- */
/* A label here; `at_block_end`: nothing but labels and semicolons follow in the block. */
RiLabel *ri_scope_add_label(RiUnit *unit, RiString *name, uint32_t line, bool at_block_end);
/* Throw if a label of this name is visible. */
void ri_scope_check_label(RiUnit *unit, RiString *name);
/* Give the jump `stat` its label, now or when the label comes. `name` NULL: break. */
void ri_scope_add_goto(RiUnit *unit, RiStat *stat, RiString *name, uint32_t line);

#endif
