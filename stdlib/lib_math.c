/* math: functions of numbers, and the random generator (xoshiro256**, seeded and projected as in 5.4, so that the same
 * seed gives the same numbers). Includes the functions that 5.3 had deprecated: pow, cosh, ldexp … */
#include <math.h>

#include "vm/base/num.h"
#include "vm/exec/intrinsics.h"
#include "vm/host/host.h"
#include "stdlib/libs.h"

#define PI 3.141592653589793238462643383279502884

/* -- Functions of one float ------------------------------------------------------------------------------------ */

#define FLOAT_FUNCTION(name, expression)                                                           \
    static int32_t math_##name(RiThread *T, RiValue *args, uint32_t nargs)                         \
    {                                                                                              \
        double x = ri_arg_float(T, args, nargs, 0);                                                \
        return ri_return_float(args, expression);                                                  \
    }

FLOAT_FUNCTION(acos, acos(x))
FLOAT_FUNCTION(asin, asin(x))
FLOAT_FUNCTION(cos, cos(x))
FLOAT_FUNCTION(cosh, cosh(x))
FLOAT_FUNCTION(deg, x * (180.0 / PI))
FLOAT_FUNCTION(exp, exp(x))
FLOAT_FUNCTION(log10, log10(x))
FLOAT_FUNCTION(rad, x * (PI / 180.0))
FLOAT_FUNCTION(sin, sin(x))
FLOAT_FUNCTION(sinh, sinh(x))
FLOAT_FUNCTION(sqrt, sqrt(x))
FLOAT_FUNCTION(tan, tan(x))
FLOAT_FUNCTION(tanh, tanh(x))

/* -- Rounding and integers ------------------------------------------------------------------------------------- */

/* A float with an integral value as an integer, if it fits. */
static RiValue integral(double n)
{
    int64_t i;
    return ri_num_float_to_int(n, &i) ? ri_int(i) : ri_float(n);
}

static int32_t math_abs(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0 && ri_is_int(args[0])) {
        int64_t i = args[0].i;
        return ri_return_int(args, i < 0 ? (int64_t)(0 - (uint64_t)i) : i);
    }
    return ri_return_float(args, fabs(ri_arg_float(T, args, nargs, 0)));
}

static int32_t math_floor(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0 && ri_is_int(args[0]))
        return ri_return1(args, args[0]);
    return ri_return1(args, integral(floor(ri_arg_float(T, args, nargs, 0))));
}

static int32_t math_ceil(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0 && ri_is_int(args[0]))
        return ri_return1(args, args[0]);
    return ri_return1(args, integral(ceil(ri_arg_float(T, args, nargs, 0))));
}

static int32_t math_modf(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0 && ri_is_int(args[0]))
        return ri_return2(args, args[0], ri_float(0.0));
    double n = ri_arg_float(T, args, nargs, 0);
    double whole = n < 0 ? ceil(n) : floor(n);
    /* The test is for infinities, whose difference would be NaN. */
    return ri_return2(args, integral(whole), ri_float(n == whole ? 0.0 : n - whole));
}

static int32_t math_fmod(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 1 && ri_is_int(args[0]) && ri_is_int(args[1])) {
        int64_t divisor = args[1].i;
        RI_ARG_CHECK(T, divisor != 0, 1, "zero");
        return ri_return_int(args, divisor == -1 ? 0 : args[0].i % divisor); /* minint % -1 would trap */
    }
    double x = ri_arg_float(T, args, nargs, 0);
    return ri_return_float(args, fmod(x, ri_arg_float(T, args, nargs, 1)));
}

static int32_t math_tointeger(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t i;
    ri_arg_check_any(T, args, nargs, 0);
    return ri_to_int(args[0], &i) ? ri_return_int(args, i) : ri_return_nil(args);
}

static int32_t math_type(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    if (!ri_is_number(args[0]))
        return ri_return_nil(args);
    return ri_return_string(args, ri_str_from_cstr(T->heap, ri_is_int(args[0]) ? "integer" : "float"));
}

static int32_t math_ult(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t a = ri_arg_int(T, args, nargs, 0);
    int64_t b = ri_arg_int(T, args, nargs, 1);
    return ri_return_bool(args, (uint64_t)a < (uint64_t)b);
}

/* -- Functions of more numbers --------------------------------------------------------------------------------- */

static int32_t math_atan(RiThread *T, RiValue *args, uint32_t nargs)
{
    double y = ri_arg_float(T, args, nargs, 0);
    double x = ri_arg_is_none_or_nil(args, nargs, 1) ? 1.0 : ri_arg_float(T, args, nargs, 1);
    return ri_return_float(args, atan2(y, x));
}

static int32_t math_log(RiThread *T, RiValue *args, uint32_t nargs)
{
    double x = ri_arg_float(T, args, nargs, 0);
    if (ri_arg_is_none_or_nil(args, nargs, 1))
        return ri_return_float(args, log(x));
    double base = ri_arg_float(T, args, nargs, 1);
    if (base == 2.0)
        return ri_return_float(args, log2(x));
    if (base == 10.0)
        return ri_return_float(args, log10(x));
    return ri_return_float(args, log(x) / log(base));
}

static int32_t math_pow(RiThread *T, RiValue *args, uint32_t nargs)
{
    double x = ri_arg_float(T, args, nargs, 0);
    return ri_return_float(args, pow(x, ri_arg_float(T, args, nargs, 1)));
}

static int32_t math_frexp(RiThread *T, RiValue *args, uint32_t nargs)
{
    int exponent;
    double fraction = frexp(ri_arg_float(T, args, nargs, 0), &exponent);
    return ri_return2(args, ri_float(fraction), ri_int(exponent));
}

static int32_t math_ldexp(RiThread *T, RiValue *args, uint32_t nargs)
{
    double x = ri_arg_float(T, args, nargs, 0);
    return ri_return_float(args, ldexp(x, (int)ri_arg_int(T, args, nargs, 1)));
}

/* a < b for any two values; two numbers of one type do not leave this function. */
static bool is_less(RiThread *T, RiValue a, RiValue b)
{
    if (ri_is_int(a) && ri_is_int(b))
        return a.i < b.i;
    if (ri_is_float(a) && ri_is_float(b))
        return a.n < b.n;
    return ri_less(T, a, b);
}

/* Any values that compare will do, also with __lt: as in 5.4, arguments need not be numbers. */
static int32_t math_max(RiThread *T, RiValue *args, uint32_t nargs)
{
    RI_ARG_CHECK(T, nargs > 0, 0, "value expected");
    RiValue best = args[0];
    for (uint32_t i = 1; i < nargs; i++) {
        RiValue candidate = T->base[i];
        if (is_less(T, best, candidate))
            best = candidate;
    }
    return ri_return1(T->base, best);
}

static int32_t math_min(RiThread *T, RiValue *args, uint32_t nargs)
{
    RI_ARG_CHECK(T, nargs > 0, 0, "value expected");
    RiValue best = args[0];
    for (uint32_t i = 1; i < nargs; i++) {
        RiValue candidate = T->base[i];
        if (is_less(T, candidate, best))
            best = candidate;
    }
    return ri_return1(T->base, best);
}

/* -- Random numbers -------------------------------------------------------------------------------------------- */

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t next_random(uint64_t state[4])
{
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

static void seed_random(uint64_t state[4], uint64_t seed1, uint64_t seed2)
{
    state[0] = seed1;
    state[1] = 0xff; /* never all zero */
    state[2] = seed2;
    state[3] = 0;
    for (int i = 0; i < 16; i++)
        next_random(state);
}

/* A uniform number in [0, limit] made from `random`: masked to the bits of the limit, drawn again while too large. */
static uint64_t project(uint64_t random, uint64_t limit, uint64_t state[4])
{
    if ((limit & (limit + 1)) == 0)
        return random & limit;
    uint64_t mask = UINT64_MAX >> __builtin_clzll(limit);
    while ((random &= mask) > limit)
        random = next_random(state);
    return random;
}

static int32_t math_random(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t *state = T->process->rng;
    if (RI_UNLIKELY((state[0] | state[1] | state[2] | state[3]) == 0)) /* as it never is again */
        seed_random(state, ri_host_random_seed(), ri_host_random_seed());
    uint64_t random = next_random(state);
    int64_t low = 1, high;
    switch (nargs) {
    case 0:
        return ri_return_float(args, (double)(random >> 11) * 0x1p-53);
    case 1:
        high = ri_arg_int(T, args, nargs, 0);
        if (high == 0)
            return ri_return_int(args, (int64_t)random);
        break;
    case 2:
        low = ri_arg_int(T, args, nargs, 0);
        high = ri_arg_int(T, args, nargs, 1);
        break;
    default:
        ri_error(T, "wrong number of arguments");
    }
    RI_ARG_CHECK(T, low <= high, 0, "interval is empty");
    return ri_return_int(args, (int64_t)(project(random, (uint64_t)high - (uint64_t)low, state) + (uint64_t)low));
}

static int32_t math_randomseed(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t seed1, seed2;
    if (nargs == 0) {
        seed1 = ri_host_random_seed();
        seed2 = ri_host_random_seed();
    } else {
        seed1 = (uint64_t)ri_arg_int(T, args, nargs, 0);
        seed2 = (uint64_t)ri_arg_opt_int(T, args, nargs, 1, 0);
    }
    seed_random(T->process->rng, seed1, seed2);
    return ri_return2(args, ri_int((int64_t)seed1), ri_int((int64_t)seed2));
}

/* -- Table of functions ---------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN_INTRINSIC(MATH_ABS, math_abs, "math.abs", "math.abs(x)", "The absolute value."),
    RI_FN(math_acos, "math.acos", "math.acos(x)", "Arc cosine, in radians."),
    RI_FN(math_asin, "math.asin", "math.asin(x)", "Arc sine, in radians."),
    RI_FN(math_atan, "math.atan", "math.atan(y [, x])", "Arc tangent of y/x in radians, in the right quadrant; x is 1 if absent."),
    RI_FN(math_atan, "math.atan2", "math.atan2(y, x)", "math.atan, as older versions called it."),
    RI_FN_INTRINSIC(MATH_CEIL, math_ceil, "math.ceil", "math.ceil(x)", "The smallest integer not below x."),
    RI_FN_INTRINSIC(MATH_COS, math_cos, "math.cos", "math.cos(x)", "Cosine of an angle in radians."),
    RI_FN(math_cosh, "math.cosh", "math.cosh(x)", "Hyperbolic cosine."),
    RI_FN(math_deg, "math.deg", "math.deg(x)", "An angle in radians as degrees."),
    RI_FN_INTRINSIC(MATH_EXP, math_exp, "math.exp", "math.exp(x)", "e to the power x."),
    RI_FN_INTRINSIC(MATH_FLOOR, math_floor, "math.floor", "math.floor(x)", "The largest integer not above x."),
    RI_FN_INTRINSIC(MATH_FMOD, math_fmod, "math.fmod", "math.fmod(x, y)",
                    "Remainder of x / y, with the quotient rounded towards zero."),
    RI_FN(math_frexp, "math.frexp", "math.frexp(x)", "m and e such that x is m * 2^e and m lies in [0.5, 1)."),
    RI_FN(math_ldexp, "math.ldexp", "math.ldexp(m, e)", "m * 2^e."),
    RI_FN_INTRINSIC(MATH_LOG, math_log, "math.log", "math.log(x [, base])", "Logarithm; the natural one without `base`."),
    RI_FN(math_log10, "math.log10", "math.log10(x)", "Logarithm to base 10."),
    RI_FN_INTRINSIC(MATH_MAX, math_max, "math.max", "math.max(x, …)", "The largest argument."),
    RI_FN_INTRINSIC(MATH_MIN, math_min, "math.min", "math.min(x, …)", "The smallest argument."),
    RI_FN(math_modf, "math.modf", "math.modf(x)", "The integral and the fractional part of x."),
    RI_FN(math_pow, "math.pow", "math.pow(x, y)", "x ^ y."),
    RI_FN(math_rad, "math.rad", "math.rad(x)", "An angle in degrees as radians."),
    RI_FN_INTRINSIC(MATH_RANDOM, math_random, "math.random", "math.random([m [, n]])",
                    "A random float in [0, 1), or an integer in [1, m] or [m, n]; math.random(0) gives 64 random bits."),
    RI_FN(math_randomseed, "math.randomseed", "math.randomseed([x [, y]])",
          "Seed the random generator, with something unforeseeable if no argument is given; returns the two seeds."),
    RI_FN_INTRINSIC(MATH_SIN, math_sin, "math.sin", "math.sin(x)", "Sine of an angle in radians."),
    RI_FN(math_sinh, "math.sinh", "math.sinh(x)", "Hyperbolic sine."),
    RI_FN_INTRINSIC(MATH_SQRT, math_sqrt, "math.sqrt", "math.sqrt(x)", "The square root."),
    RI_FN(math_tan, "math.tan", "math.tan(x)", "Tangent of an angle in radians."),
    RI_FN(math_tanh, "math.tanh", "math.tanh(x)", "Hyperbolic tangent."),
    RI_FN_INTRINSIC(MATH_TOINTEGER, math_tointeger, "math.tointeger", "math.tointeger(x)",
                    "x as an integer if it has an integral value; else nil."),
    RI_FN_INTRINSIC(MATH_TYPE, math_type, "math.type", "math.type(x)", "\"integer\", \"float\", or nil if x is no number."),
    RI_FN_INTRINSIC(MATH_ULT, math_ult, "math.ult", "math.ult(m, n)", "m < n, both taken as unsigned integers."),
};

static void open_math(RiThread *T, RiTable *library)
{
    const struct {
        const char *name;
        RiValue value;
    } constants[] = {
        {"pi", ri_float(PI)},
        {"huge", ri_float(HUGE_VAL)},
        {"maxinteger", ri_int(INT64_MAX)},
        {"mininteger", ri_int(INT64_MIN)},
    };
    for (size_t i = 0; i < RI_COUNTOF(constants); i++)
        ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, constants[i].name), constants[i].value);
}

const RiLibrary ri_lib_math = {"math", functions, RI_COUNTOF(functions), open_math};
