/* Constant folding, as 5.4 does it: only numbers, never what would raise an error, and no result that is NaN or zero as
 * a float (0.0 and -0.0 are equal as constants). */
#ifndef RI_COMPILER_FOLD_H
#define RI_COMPILER_FOLD_H

#include "compiler/ast.h"

/* Make *x the value of (x op y) if both are numbers and it may be folded. Collects: no. */
bool ri_fold_binary(RiOperator op, RiExpr *x, const RiExpr *y);

/* The same for a unary operator; `not` of any constant is folded. */
bool ri_fold_unary(RiOperator op, RiExpr *x);

#endif
