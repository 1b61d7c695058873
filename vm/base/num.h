/* Numbers to text and back, by the rules of Lua 5.4 (manual §3.1, §3.4.3). No locale, no allocation.
 * Collects: no. Traps: no. */
#ifndef RI_BASE_NUM_H
#define RI_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RiNumKind { RI_NUM_NONE, RI_NUM_INT, RI_NUM_FLOAT } RiNumKind;

/* Parse the whole of text[0..size) as a Lua numeral with optional sign and surrounding white space, as
 * lua_stringtonumber does: decimal and hexadecimal integers (hex wraps around; decimal integers that overflow become
 * floats), decimal and hexadecimal floats; "inf" and "nan" refused; embedded NUL refused.
 * text[size] need not be NUL. Result kind says which of *integer, *number was written. */
RiNumKind ri_num_parse(const char *text, size_t size, int64_t *integer, double *number);

#define RI_NUM_TEXT_MAX 48 /* bytes, NUL included, enough for both printers below */

/* Write `i` in decimal; returns the length. NUL-terminated. */
size_t ri_num_print_int(int64_t i, char out[RI_NUM_TEXT_MAX]);

/* Write `n` as tostring does: "%.14g", with ".0" added if it looks like an integer; inf, -inf, nan, -nan as C prints
 * them. Returns the length. NUL-terminated. */
size_t ri_num_print_float(double n, char out[RI_NUM_TEXT_MAX]);

/* Write finite `n` as printf's "%.<decimals>f" would, exactly rounded. Returns the length, or 0 if this is not one of the
 * simple cases done here (decimals <= 17, about 19 digits in all): the caller asks libc then. NUL-terminated. */
size_t ri_num_print_fixed(double n, unsigned decimals, char out[RI_NUM_TEXT_MAX]);

/* The same for "%.<precision>g", precision 1 to 17. */
size_t ri_num_print_general(double n, unsigned precision, char out[RI_NUM_TEXT_MAX]);

/* snprintf with a "%…" conversion of one double, always with '.' as its decimal point. Returns the length. */
size_t ri_num_print_libc(const char *format, double n, char *out, size_t out_size);

/* Float to integer if the float has an exact int64 representation (manual §3.4.3). */
static inline bool ri_num_float_to_int(double n, int64_t *out)
{
    if (n >= -9223372036854775808.0 && n < 9223372036854775808.0) {
        int64_t i = (int64_t)n;
        if ((double)i == n) {
            *out = i;
            return true;
        }
    }
    return false;
}

#endif
