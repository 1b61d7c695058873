/* Numbers to text and back.
 *
 * Short decimals are converted here by exact integer arithmetic: a double is mantissa * 2^e, so mantissa * 10^k fits 128
 * bits for k up to 22 and can be rounded without any error. The rest (huge and tiny numbers, numerals of many digits)
 * goes to strtod and snprintf of the C library. The locale's decimal point is kept out of the way: strtod is given
 * "digits e exponent" without a point, and snprintf's point is replaced. */
#include "vm/base/num.h"
#include "vm/base/check.h"
#include "vm/base/planted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 Wide;

static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t powers_of_ten[] = {1u,
                                         10u,
                                         100u,
                                         1000u,
                                         10000u,
                                         100000u,
                                         1000000u,
                                         10000000u,
                                         100000000u,
                                         1000000000u,
                                         10000000000u,
                                         100000000000u,
                                         1000000000000u,
                                         10000000000000u,
                                         100000000000000u,
                                         1000000000000000u,
                                         10000000000000000u,
                                         100000000000000000u,
                                         1000000000000000000u,
                                         10000000000000000000u};

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

/* -- Parsing ----------------------------------------------------------------------------------------------------- */

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(unsigned char c)
{
    return (unsigned)c - '0' <= 9;
}

static int hex_digit(unsigned char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Read "[+-]digits" of an exponent; NULL if there is no digit. Clips where no double can be any more. */
static const char *parse_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = false;
    int64_t value = 0;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end || !is_digit((unsigned char)*p))
        return NULL;
    for (; p < end && is_digit((unsigned char)*p); p++) {
        if (value < 1000000000000000)
            value = value * 10 + (*p - '0');
    }
    *exponent = negative ? -value : value;
    return p;
}

/* What follows the digits: an exponent after `letter`, or its capital, which is added to *exponent, or nothing. */
static bool parse_end(const char *p, const char *end, char letter, int64_t *exponent, bool *is_float)
{
    if (p < end && (*p | 0x20) == letter) {
        int64_t written;
        p = parse_exponent(p + 1, end, &written);
        if (p == NULL)
            return false;
        *exponent += written;
        *is_float = true;
    }
    return p == end;
}

/* mantissa * 2^exponent, rounded to nearest even; `sticky` says that the mantissa has non-zero bits below. */
static double assemble_binary(uint64_t mantissa, int64_t exponent, bool sticky)
{
    int shift, drop = 11;
    uint64_t kept, rest, half;
    if (mantissa == 0)
        return 0.0;
    shift = __builtin_clzll(mantissa);
    mantissa <<= shift;
    exponent -= shift;
    if (exponent > 1100)
        return HUGE_VAL;
    if (exponent < -1200)
        return 0.0;
    if (exponent + drop < -1074)
        drop = (int)(-1074 - exponent); /* a subnormal has fewer bits */
    if (drop > 64)
        return 0.0;
    if (drop == 64) { /* less than the smallest subnormal: half of it or more rounds up, the tie goes to even zero */
        return mantissa > UINT64_C(1) << 63 || (mantissa == UINT64_C(1) << 63 && sticky) ? ldexp(1.0, -1074) : 0.0;
    }
    kept = mantissa >> drop;
    rest = mantissa & ((UINT64_C(1) << drop) - 1);
    half = UINT64_C(1) << (drop - 1);
    if (rest > half || (rest == half && ((sticky && !RI_PLANTED(numbers)) || (kept & 1))))
        kept++;
    return ldexp((double)kept, (int)exponent + drop);
}

static RiNumKind parse_hex(const char *p, const char *end, bool negative, int64_t *integer, double *number)
{
    uint64_t wrapped = 0, mantissa = 0;
    int64_t exponent = 0;
    unsigned significant = 0, digit_count = 0;
    bool sticky = false, has_point = false, is_float = false;
    for (; p < end; p++) {
        int digit = hex_digit((unsigned char)*p);
        if (digit < 0) {
            if (*p != '.' || has_point)
                break;
            has_point = is_float = true;
            continue;
        }
        digit_count++;
        wrapped = wrapped << 4 | (uint64_t)digit;
        if (significant == 0 && digit == 0) {
            exponent -= has_point ? 4 : 0;
        } else if (significant < 16) {
            significant++;
            mantissa = mantissa << 4 | (uint64_t)digit;
            exponent -= has_point ? 4 : 0;
        } else {
            sticky |= digit != 0;
            exponent += has_point ? 0 : 4;
        }
    }
    if (digit_count == 0)
        return RI_NUM_NONE;
    if (!parse_end(p, end, 'p', &exponent, &is_float))
        return RI_NUM_NONE;
    if (!is_float) {
        *integer = (int64_t)(negative ? 0 - wrapped : wrapped);
        return RI_NUM_INT;
    }
    *number = assemble_binary(mantissa, exponent, sticky);
    if (negative)
        *number = -*number;
    return RI_NUM_FLOAT;
}

/* The hard cases of decimal: hand strtod the significant digits without a point. 770 digits decide every rounding; if
 * more non-zero ones follow, a final 1 stands for them. */
static RI_COLD double convert_digits(const char *first, const char *end, int64_t exponent)
{
    enum { DIGITS_MAX = 800 };
    char text[DIGITS_MAX + 32];
    size_t count = 0;
    bool sticky = false;
    for (const char *p = first; p < end; p++) {
        if (!is_digit((unsigned char)*p)) /* the point */
            continue;
        if (count == 0 && *p == '0')
            continue;
        if (count < DIGITS_MAX) {
            text[count++] = *p;
        } else {
            sticky |= *p != '0';
            exponent++;
        }
    }
    if (sticky) {
        text[count++] = '1';
        exponent--;
    }
    if (count == 0)
        return 0.0;
    if (exponent > 100000)
        exponent = 100000;
    if (exponent < -100000)
        exponent = -100000;
    snprintf(text + count, 32, "e%d", (int)exponent);
    return strtod(text, NULL);
}

static RiNumKind parse_decimal(const char *p, const char *end, bool negative, int64_t *integer, double *number)
{
    const char *first = p, *digits_end;
    uint64_t mantissa = 0;
    int64_t exponent = 0; /* of the digit string read as an integer */
    unsigned significant = 0, digit_count = 0;
    bool has_point = false, is_float = false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9) {
            if (*p != '.' || has_point)
                break;
            has_point = is_float = true;
            continue;
        }
        digit_count++;
        if (significant < 19) {
            mantissa = mantissa * 10 + digit;
            significant += significant > 0 || digit > 0;
        } else {
            significant++;
        }
        exponent -= has_point;
    }
    if (digit_count == 0)
        return RI_NUM_NONE;
    digits_end = p;
    if (!parse_end(p, end, 'e', &exponent, &is_float))
        return RI_NUM_NONE;
    if (!is_float && significant <= 19 && mantissa <= (uint64_t)INT64_MAX + negative) {
        *integer = (int64_t)(negative ? 0 - mantissa : mantissa);
        return RI_NUM_INT;
    }
    if (significant <= 19 && mantissa <= UINT64_C(1) << 53 && exponent >= -22 && exponent <= 22)
        *number = exponent < 0 ? (double)mantissa / exact_powers[-exponent] : (double)mantissa * exact_powers[exponent];
    else
        *number = convert_digits(first, digits_end, exponent);
    if (negative)
        *number = -*number;
    return RI_NUM_FLOAT;
}

RiNumKind ri_num_parse(const char *text, size_t size, int64_t *integer, double *number)
{
    const char *p = text, *end = text + size;
    bool negative = false;
    while (p < end && is_space((unsigned char)*p))
        p++;
    while (p < end && is_space((unsigned char)end[-1]))
        end--;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p == end)
        return RI_NUM_NONE;
    if (end - p >= 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
        return parse_hex(p + 2, end, negative, integer, number);
    return parse_decimal(p, end, negative, integer, number);
}

/* -- Printing ---------------------------------------------------------------------------------------------------- */

static unsigned count_digits(uint64_t u)
{
    unsigned count = 1;
    for (; u >= 10000; u /= 10000)
        count += 4;
    return count + (u >= 10) + (u >= 100) + (u >= 1000);
}

/* Digits of `u`, without a terminator. */
static char *put_unsigned(char *out, uint64_t u)
{
    char *end = out + count_digits(u), *p = end;
    while (u >= 100) {
        p -= 2;
        memcpy(p, digit_pairs + u % 100 * 2, 2);
        u /= 100;
    }
    if (u >= 10)
        memcpy(out, digit_pairs + u * 2, 2);
    else
        *out = (char)('0' + u);
    return end;
}

/* Exactly `count` digits of `u`, with leading zeros. */
static char *put_padded(char *out, uint64_t u, unsigned count)
{
    for (unsigned i = count; i-- > 0; u /= 10)
        out[i] = (char)('0' + u % 10);
    return out + count;
}

size_t ri_num_print_int(int64_t i, char out[RI_NUM_TEXT_MAX])
{
    char *p = out;
    if (i < 0)
        *p++ = '-';
    p = put_unsigned(p, i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
    *p = '\0';
    return (size_t)(p - out);
}

/* n * 10^power (n > 0, finite), rounded to the nearest integer, ties to even, without error. False if it is not that
 * simple or exceeds 64 bits. */
static bool scale_decimal(double n, int power, uint64_t *out)
{
    uint64_t bits, mantissa;
    int exponent;
    memcpy(&bits, &n, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent == 0) /* subnormal */
        return false;
    mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    exponent -= 1075;
    if (power >= 0) {
        Wide product;
        if (power > 22)
            return false;
        product = power > 19 ? (Wide)mantissa * powers_of_ten[19] * powers_of_ten[power - 19]
                             : (Wide)mantissa * powers_of_ten[power];
        if (exponent < 0) {
            Wide rest, half;
            if (exponent < -126)
                return false;
            half = (Wide)1 << (-exponent - 1);
            rest = product & ((half << 1) - 1);
            product >>= -exponent;
            if (rest > half || (rest == half && ((uint64_t)product & 1)))
                product++;
        } else {
            if (exponent > 10 || product >> (64 - exponent) != 0)
                return false;
            product <<= exponent;
        }
        if (product >> 64 != 0)
            return false;
        *out = (uint64_t)product;
        return true;
    } else {
        Wide whole;
        uint64_t divisor, quotient, rest;
        if (power < -19 || exponent > 60)
            return false;
        if (exponent <= -64) {
            return false;
        } else if (exponent < 0) { /* large powers of small numbers do not occur; keep the fraction as stickiness */
            uint64_t fraction = exponent <= -53 ? mantissa : mantissa & ((UINT64_C(1) << -exponent) - 1);
            if (fraction != 0)
                return false;
            whole = mantissa >> -exponent;
        } else {
            whole = (Wide)mantissa << exponent;
        }
        divisor = powers_of_ten[-power];
        if (whole / divisor >> 64 != 0)
            return false;
        quotient = (uint64_t)(whole / divisor);
        rest = (uint64_t)(whole % divisor);
        if (rest > divisor - rest || (rest == divisor - rest && (quotient & 1)))
            quotient++;
        *out = quotient;
        return true;
    }
}

static size_t print_special(double n, char *out)
{
    const char *text = isnan(n) ? (signbit(n) ? "-nan" : "nan") : (n < 0 ? "-inf" : "inf");
    size_t size = strlen(text);
    memcpy(out, text, size + 1);
    return size;
}

size_t ri_num_print_libc(const char *format, double n, char *out, size_t out_size)
{
    int written;
    char *from, *to;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    written = snprintf(out, out_size, format, n);
#pragma GCC diagnostic pop
    if (written < 0 || (size_t)written >= out_size)
        return 0;
    /* A foreign decimal point (maybe of several bytes) is what is no letter, digit, sign or space. */
    for (from = to = out; *from != '\0'; from++) {
        unsigned char c = (unsigned char)*from, lower = c | 0x20;
        if (is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '+' || c == '-' || c == ' ')
            *to++ = (char)c;
        else if (to == out || to[-1] != '.')
            *to++ = '.';
    }
    *to = '\0';
    return (size_t)(to - out);
}

size_t ri_num_print_fixed(double n, unsigned decimals, char out[RI_NUM_TEXT_MAX])
{
    char *p = out;
    uint64_t scaled = 0;
    double magnitude = fabs(n);
    if (decimals > 17 || !(magnitude < 1e18))
        return 0;
    if (magnitude != 0 && !scale_decimal(magnitude, (int)decimals, &scaled)) {
        if (magnitude >= 1e-20)
            return 0;
        scaled = 0;
    }
    if (signbit(n))
        *p++ = '-';
    p = put_unsigned(p, scaled / powers_of_ten[decimals]);
    if (decimals > 0) {
        *p++ = '.';
        p = put_padded(p, scaled % powers_of_ten[decimals], decimals);
    }
    *p = '\0';
    return (size_t)(p - out);
}

size_t ri_num_print_general(double n, unsigned precision, char out[RI_NUM_TEXT_MAX])
{
    uint64_t digits, low, high;
    int exponent; /* decimal, of the first digit */
    unsigned count;
    char *p = out;
    double magnitude = fabs(n);
    if (precision < 1 || precision > 17)
        return 0;
    if (!isfinite(n))
        return print_special(n, out);
    if (signbit(n))
        *p++ = '-';
    if (magnitude == 0) {
        *p++ = '0';
        *p = '\0';
        return (size_t)(p - out);
    }
    if (magnitude < 1e-20 || magnitude > 1e30)
        return 0;
    low = powers_of_ten[precision - 1];
    high = powers_of_ten[precision];
    if (magnitude < 1e15 && magnitude >= 1) { /* whole numbers are the most frequent ones */
        uint64_t whole = (uint64_t)magnitude;
        if ((double)whole == magnitude && whole < high) {
            p = put_unsigned(p, whole);
            *p = '\0';
            return (size_t)(p - out);
        }
    }
    {
        int binary = 0;
        frexp(magnitude, &binary);
        exponent = (int)floor((binary - 1) * 0.30102999566398120); /* right or one too small */
    }
    if (!scale_decimal(magnitude, (int)precision - 1 - exponent, &digits))
        return 0;
    if (digits >= high) {
        exponent++;
        if (!scale_decimal(magnitude, (int)precision - 1 - exponent, &digits))
            return 0;
    }
    if (digits < low || digits > high)
        return 0;
    if (digits == high) { /* rounded up to the next power of ten */
        exponent++;
        digits = low;
    }
    count = precision;
    while (count > 1 && digits % 10 == 0) {
        digits /= 10;
        count--;
    }
    if (exponent < -4 || exponent >= (int)precision) {
        char text[20];
        put_padded(text, digits, count);
        *p++ = text[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, text + 1, count - 1);
            p += count - 1;
        }
        *p++ = 'e';
        *p++ = exponent < 0 ? '-' : '+';
        p = put_padded(p, (uint64_t)(exponent < 0 ? -exponent : exponent), 2);
    } else if (exponent < 0) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', (size_t)(-exponent - 1));
        p += -exponent - 1;
        p = put_padded(p, digits, count);
    } else if (count <= (unsigned)exponent + 1) {
        p = put_padded(p, digits, count);
        memset(p, '0', (unsigned)exponent + 1 - count);
        p += (unsigned)exponent + 1 - count;
    } else {
        char text[20];
        put_padded(text, digits, count);
        memcpy(p, text, (unsigned)exponent + 1);
        p += exponent + 1;
        *p++ = '.';
        memcpy(p, text + exponent + 1, count - (unsigned)exponent - 1);
        p += count - (unsigned)exponent - 1;
    }
    *p = '\0';
    return (size_t)(p - out);
}

size_t ri_num_print_float(double n, char out[RI_NUM_TEXT_MAX])
{
    size_t size = ri_num_print_general(n, 14, out);
    if (size == 0)
        size = ri_num_print_libc("%.14g", n, out, RI_NUM_TEXT_MAX);
    for (size_t i = out[0] == '-'; i < size; i++) {
        if (!is_digit((unsigned char)out[i])) /* a point, an exponent, "inf" or "nan" */
            return size;
    }
    memcpy(out + size, ".0", 3);
    return size + 2;
}
