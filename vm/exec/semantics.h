/* What Lua's operations mean: the slow paths, for the interpreter and the JIT alike, and the arithmetic both inline. */
#ifndef RI_EXEC_SEMANTICS_H
#define RI_EXEC_SEMANTICS_H

#include <math.h>

#include "vm/base/num.h"
#include "vm/exec/call.h"
#include "vm/exec/opcode.h"

/* -- Arithmetic (manual §3.4.1, §3.4.2) ------------------------------------------------------------------------ */
static inline int64_t ri_int_idiv(int64_t a, int64_t b) /* b != 0 */
{
    if (RI_UNLIKELY((uint64_t)b + 1 <= 1))
        return (int64_t)(0 - (uint64_t)a); /* b == -1; avoids overflow */
    int64_t q = a / b;
    return (a ^ b) < 0 && q * b != a ? q - 1 : q;
}
static inline int64_t ri_int_mod(int64_t a, int64_t b) /* b != 0 */
{
    if (RI_UNLIKELY((uint64_t)b + 1 <= 1))
        return 0;
    int64_t r = a % b;
    return r != 0 && (r ^ b) < 0 ? r + b : r;
}
static inline double ri_float_mod(double a, double b)
{
    if (a >= 0 && a < b)
        return a;
    if (b >= 1 && b < 0x1p53 && a > -0x1p53 && a < 0x1p53) { /* whole numbers: far quicker than fmod */
        int64_t i = (int64_t)a, k = (int64_t)b;
        if ((double)i == a && (double)k == b) {
            int64_t left = i % k;
            return left < 0 ? (double)(left + k) : i < 0 && left == 0 ? -0.0 : (double)left;
        }
    }
    double r = fmod(a, b);
    return (r > 0 ? b < 0 : r < 0 && b > 0) ? r + b : r;
}
static inline double ri_float_pow(double a, double b)
{
    return b == 2.0 ? a * a : pow(a, b);
}
static inline int64_t ri_int_shl(int64_t a, int64_t b)
{
    if (b <= -64 || b >= 64)
        return 0;
    return b >= 0 ? (int64_t)((uint64_t)a << b) : (int64_t)((uint64_t)a >> -b);
}
static inline int64_t ri_int_shr(int64_t a, int64_t b)
{
    if (b <= -64 || b >= 64)
        return 0;
    return b >= 0 ? (int64_t)((uint64_t)a >> b) : (int64_t)((uint64_t)a << -b);
}

/* Number to integer without rounding; strings are not looked at. */
static inline bool ri_number_to_int(RiValue v, int64_t *out)
{
    if (ri_is_int(v)) {
        *out = v.i;
        return true;
    }
    return ri_is_float(v) && ri_num_float_to_int(v.n, out);
}

/* a < b, a <= b for numbers of any mix (exact, manual §3.4.4). */
bool ri_number_less(RiValue a, RiValue b);
bool ri_number_less_equal(RiValue a, RiValue b);

/* Primitive arithmetic on numbers only: true and the result, or false (not numbers; float without integer
 * representation in bitwise operations; integer division by zero, which the caller reports). */
bool ri_arith_numbers(RiMetamethod event, RiValue a, RiValue b, RiValue *result);

/* -- Slow paths of instructions --------------------------------------------------------------------------------
 * All are called with T->pc, T->top saved (operands still on the stack) and complete the instruction: by storing the
 * result, or by setting up a metamethod's frame that will. Then the engine goes on with heap->running's frame. */
RiAction ri_slow_arith(RiThread *T, RiMetamethod event, RiValue a, RiValue b);
RiAction ri_slow_compare(RiThread *T, RiMetamethod event, RiValue a, RiValue b); /* LT or LE; operands in order of the event */
RiAction ri_slow_equal(RiThread *T, RiValue a, RiValue b);
RiAction ri_slow_len(RiThread *T, RiValue v);
RiAction ri_slow_concat(RiThread *T, uint32_t count);
RiAction ri_slow_index(RiThread *T, RiValue object, RiValue key);
RiAction ri_slow_set_index(RiThread *T, RiValue object, RiValue key, RiValue value);
/* The same for constant keys, filling the inline cache. */
/* A cache miss on a table: where the value of the cache's key is, learning it; NULL: it takes a metamethod (or a chain
 * too long to remember). Never calls Lua, never throws. */
const RiValue *ri_find_field(RiThread *T, RiTable *t, RiCache *cache);
RiAction ri_slow_get_field(RiThread *T, RiValue object, RiCache *cache);
/* In RiCache.next_shape of a method looked up on strings: compared with nothing a table can have. */
#define RI_SHAPE_OF_STRINGS 0xffffffffu
RiAction ri_slow_set_field(RiThread *T, RiValue object, RiCache *cache, RiValue value);

/* Prepare a numeric loop whose state is at `state`: false if it does not run; throws on bad types. */
bool ri_for_prepare(RiThread *T, RiValue *state);

RI_NORETURN void ri_error_call(RiThread *T, RiValue culprit); /* it is not callable */
/* Arithmetic that neither numbers nor metamethods can do. */
RI_NORETURN void ri_error_arith(RiThread *T, RiMetamethod event, RiValue a, RiValue b);
RI_NORETURN void ri_error_type(RiThread *T, RiValue culprit, uint32_t operand, const char *action);

/* Counters of --stats. */
typedef struct RiStats {
    bool with_native; /* machine code may run beside; what it does is not counted here (--jit-stats) */
    uint64_t opcodes[256];
    uint64_t cache_misses_get, cache_misses_set;
    struct RiWitness *witness; /* told of each instruction; NULL: none */
} RiStats;

#endif
