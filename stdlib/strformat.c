/* string.format (manual §6.4): own parser of specifications, with short ways for the frequent ones; libc's snprintf does
 * the rest, with a specification that has been checked. */
#include "stdlib/lib_string.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/base/planted.h"

enum {
    SPEC_SIZE_MAX = 32,  /* 5.4's limit: longer ones are refused */
    ITEM_SIZE_MAX = 512, /* "%.99f" of the largest float takes 410 bytes */
    PAD_SIZE_MAX = 99,
    POLL_BYTES = 1024 /* of the format, between two polls */
};

typedef struct Spec {
    uint8_t has_left, has_plus, has_space, has_alternate, has_zero;
    int width;     /* 0: none */
    int precision; /* -1: none */
    char text[SPEC_SIZE_MAX]; /* "%-5.2d": for messages and for snprintf */
    size_t size;   /* of text */
} Spec;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

/* Sets of flags, digits and '.': bit c - 32. */
#define CHARACTER(c) (UINT32_C(1) << ((c)-' '))
#define FLAGS_STRING CHARACTER('-')
#define FLAGS_SIGNED (CHARACTER('-') | CHARACTER('+') | CHARACTER('0') | CHARACTER(' '))
#define FLAGS_UNSIGNED (CHARACTER('-') | CHARACTER('0'))
#define FLAGS_BASE (CHARACTER('-') | CHARACTER('#') | CHARACTER('0'))
#define FLAGS_FLOAT (FLAGS_SIGNED | CHARACTER('#'))

static bool is_in(uint32_t set, char c)
{
    unsigned bit = (unsigned)(unsigned char)c - ' ';
    return bit < 32 && (set >> bit & 1);
}

/* Copy the specification behind '%' at p, up to its letter. Returns the address of the letter (maybe the end). */
static const char *read_spec(RiThread *T, const char *p, const char *end, Spec *spec)
{
    const uint32_t digits = UINT32_C(0x3ff) << ('0' - ' ');
    size_t size = 0;
    while (p + size < end && is_in(FLAGS_FLOAT | digits | CHARACTER('.'), p[size]))
        size++;
    if (size + 1 >= SPEC_SIZE_MAX - 10)
        ri_error(T, "invalid format (too long)");
    spec->text[0] = '%';
    for (size_t i = 0; i < size; i++)
        spec->text[1 + i] = p[i];
    spec->text[size + 1] = p + size < end ? p[size] : '\0';
    spec->text[size + 2] = '\0';
    spec->size = size + 2;
    return p + size;
}

/* Two digits at most; -1 if there is none. */
static const char *read_number(const char *p, int *number)
{
    *number = -1;
    if (is_digit(*p)) {
        *number = *p++ - '0';
        if (is_digit(*p))
            *number = *number * 10 + (*p++ - '0');
    }
    return p;
}

/* Take the specification apart; throws if it has flags or a precision that its letter does not accept. */
static void check_spec(RiThread *T, Spec *spec, uint32_t flags, bool accepts_precision)
{
    const char *p = spec->text + 1;
    spec->has_left = spec->has_plus = spec->has_space = spec->has_alternate = spec->has_zero = false;
    spec->width = 0;
    spec->precision = -1;
    for (; is_in(flags, *p); p++) {
        spec->has_left |= *p == '-';
        spec->has_plus |= *p == '+';
        spec->has_space |= *p == ' ';
        spec->has_alternate |= *p == '#';
        spec->has_zero |= *p == '0';
    }
    if (*p != '0') { /* a width cannot begin with 0 */
        int width;
        p = read_number(p, &width);
        spec->width = width < 0 ? 0 : width;
        if (*p == '.' && accepts_precision) {
            p = read_number(p + 1, &spec->precision);
            if (spec->precision < 0)
                spec->precision = 0;
        }
    }
    if (!is_letter(*p))
        ri_error(T, "invalid conversion specification: '%s'", spec->text);
}

/* Add bytes padded with blanks to the width. */
static void add_padded(RiSbuf *out, const Spec *spec, const char *bytes, size_t size)
{
    size_t padding = size < (size_t)spec->width ? (size_t)spec->width - size : 0;
    if (RI_PLANTED(formatting) && spec->precision >= 0 && padding > 0)
        padding--;
    char *p = ri_sbuf_reserve(out, size + padding);
    if (!spec->has_left) {
        memset(p, ' ', padding);
        p += padding;
    }
    memcpy(p, bytes, size);
    if (spec->has_left)
        memset(p + size, ' ', padding);
    out->size += size + padding;
}

/* -- Integers ---------------------------------------------------------------------------------------------------- */

/* d, i, u, o, x, X: digits by hand, then precision, sign, prefix and padding as C has them. */
static void add_integer(RiSbuf *out, const Spec *spec, char letter, int64_t n)
{
    char digits[24], text[PAD_SIZE_MAX + 8];
    size_t count = 0, size = 0, zeros = 0;
    char sign = '\0';
    const char *prefix = "";
    uint64_t u = (uint64_t)n;
    if (letter == 'd' || letter == 'i') {
        sign = n < 0 ? '-' : spec->has_plus ? '+' : spec->has_space ? ' ' : '\0';
        if (n < 0)
            u = 0 - u;
    }
    if (letter == 'x' || letter == 'X') {
        const char *set = letter == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
        if (spec->has_alternate && u != 0)
            prefix = letter == 'x' ? "0x" : "0X";
        for (; u != 0; u >>= 4)
            digits[count++] = set[u & 15];
    } else if (letter == 'o') {
        for (; u != 0; u >>= 3)
            digits[count++] = (char)('0' + (u & 7));
        if (spec->has_alternate && spec->precision <= (int)count)
            zeros = 1;
    } else {
        for (; u != 0; u /= 10)
            digits[count++] = (char)('0' + u % 10);
    }
    if (spec->precision < 0 && count == 0)
        digits[count++] = '0';
    if (letter == 'o' && zeros == 1 && count > 0 && digits[count - 1] == '0')
        zeros = 0;
    if (spec->precision > (int)count)
        zeros = (size_t)spec->precision - count;
    if (sign != '\0')
        text[size++] = sign;
    while (*prefix != '\0')
        text[size++] = *prefix++;
    if (spec->has_zero && !spec->has_left && spec->precision < 0 && (size_t)spec->width > size + zeros + count)
        zeros = (size_t)spec->width - size - count;
    memset(text + size, '0', zeros);
    size += zeros;
    while (count > 0)
        text[size++] = digits[--count];
    add_padded(out, spec, text, size);
}

/* -- Floats ------------------------------------------------------------------------------------------------------ */

/* By libc. */
static void add_float_by_libc(RiSbuf *out, Spec *spec, double n)
{
    char *p = ri_sbuf_reserve(out, ITEM_SIZE_MAX);
    out->size += ri_num_print_libc(spec->text, n, p, ITEM_SIZE_MAX);
}

static void add_float(RiSbuf *out, Spec *spec, char letter, double n)
{
    char text[RI_NUM_TEXT_MAX];
    size_t size = 0;
    int precision = spec->precision < 0 ? 6 : spec->precision;
    if (!(spec->has_plus || spec->has_space || spec->has_alternate || spec->has_zero)) {
        if (letter == 'f' && precision <= 17)
            size = ri_num_print_fixed(n, (unsigned)precision, text);
        else if (letter == 'g' && precision <= 17)
            size = ri_num_print_general(n, precision == 0 ? 1 : (unsigned)precision, text);
    }
    if (size > 0)
        add_padded(out, spec, text, size);
    else
        add_float_by_libc(out, spec, n);
}

/* -- %q ---------------------------------------------------------------------------------------------------------- */

static void add_quoted(RiSbuf *out, const RiString *s)
{
    const unsigned char *p = (const unsigned char *)ri_str_data(s), *end = p + s->size;
    ri_sbuf_add_char(out, '"');
    for (; p < end; p++) {
        if (*p == '"' || *p == '\\' || *p == '\n') {
            char escaped[2] = {'\\', (char)*p};
            ri_sbuf_add(out, escaped, 2);
        } else if (*p < 32 || *p == 127) {
            char escaped[8];
            bool digit_follows = p + 1 < end && is_digit((char)p[1]);
            int size = snprintf(escaped, sizeof escaped, digit_follows ? "\\%03d" : "\\%d", *p);
            ri_sbuf_add(out, escaped, (size_t)size);
        } else {
            ri_sbuf_add_char(out, (char)*p);
        }
    }
    ri_sbuf_add_char(out, '"');
}

static void add_literal(RiThread *T, RiSbuf *out, uint32_t i, RiValue v)
{
    char text[ITEM_SIZE_MAX];
    size_t size = 0;
    switch (ri_type(v)) {
    case RI_TYPE_STRING:
        add_quoted(out, v.cp);
        return;
    case RI_TYPE_NUMBER:
        if (ri_is_int(v)) {
            if (v.i == INT64_MIN)
                size = (size_t)snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)v.i);
            else
                size = ri_num_print_int(v.i, text);
        } else if (isnan(v.n)) {
            size = (size_t)snprintf(text, sizeof text, "(0/0)");
        } else if (isinf(v.n)) {
            size = (size_t)snprintf(text, sizeof text, v.n > 0 ? "1e9999" : "-1e9999");
        } else {
            size = ri_num_print_libc("%a", v.n, text, sizeof text);
        }
        ri_sbuf_add(out, text, size);
        return;
    case RI_TYPE_NIL:
        ri_sbuf_add(out, "nil", 3);
        return;
    case RI_TYPE_BOOLEAN:
        if (ri_is_falsy(v))
            ri_sbuf_add(out, "false", 5);
        else
            ri_sbuf_add(out, "true", 4);
        return;
    default:
        ri_arg_error(T, i, "value has no literal form");
    }
}

/* -- %s, %p, %c -------------------------------------------------------------------------------------------------- */

static void add_string(RiThread *T, RiSbuf *out, Spec *spec, uint32_t i, RiValue v)
{
    RiString *s = ri_is_string(v) ? v.p : ri_tostring(T, v);
    const char *bytes = ri_str_data(s);
    size_t size = s->size;
    if (spec->size == 2) { /* no modifiers */
        ri_sbuf_add(out, bytes, size);
        return;
    }
    RI_ARG_CHECK(T, memchr(bytes, '\0', size) == NULL, i, "string contains zeros");
    check_spec(T, spec, FLAGS_STRING, true);
    if (spec->precision >= 0 && (size_t)spec->precision < size)
        size = (size_t)spec->precision;
    add_padded(out, spec, bytes, size);
}

static void add_pointer(RiThread *T, RiSbuf *out, Spec *spec, RiValue v)
{
    const void *p = ri_tag_is_object(v.tag) || v.tag == RI_TAG_LIGHT || v.tag == RI_TAG_LIBFN || v.tag == RI_TAG_CFUNC
                        ? (v.tag == RI_TAG_USERDATA ? (const void *)((const RiUserdata *)v.cp)->data : v.cp)
                        : NULL;
    char text[32];
    int size;
    check_spec(T, spec, FLAGS_STRING, false);
    if (p != NULL)
        size = snprintf(text, sizeof text, "%p", p);
    else
        size = snprintf(text, sizeof text, "(null)");
    add_padded(out, spec, text, (size_t)size);
}

/* -- The function ------------------------------------------------------------------------------------------------ */

/* One conversion with flags, width or precision, or one that is rare: argument i by `letter`. */
static void add_by_spec(RiThread *T, RiSbuf *out, Spec *spec, char letter, RiValue *args, uint32_t nargs, uint32_t i)
{
    switch (letter) {
    case 'c':
        check_spec(T, spec, FLAGS_STRING, false);
        letter = (char)ri_arg_int(T, args, nargs, i);
        add_padded(out, spec, &letter, 1);
        break;
    case 'd':
    case 'i': {
        int64_t n = ri_arg_int(T, args, nargs, i);
        check_spec(T, spec, FLAGS_SIGNED, true);
        add_integer(out, spec, letter, n);
        break;
    }
    case 'u': {
        int64_t n = ri_arg_int(T, args, nargs, i);
        check_spec(T, spec, FLAGS_UNSIGNED, true);
        add_integer(out, spec, letter, n);
        break;
    }
    case 'o':
    case 'x':
    case 'X': {
        int64_t n = ri_arg_int(T, args, nargs, i);
        check_spec(T, spec, FLAGS_BASE, true);
        add_integer(out, spec, letter, n);
        break;
    }
    case 'a':
    case 'A':
        check_spec(T, spec, FLAGS_FLOAT, true);
        add_float_by_libc(out, spec, ri_arg_float(T, args, nargs, i));
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G': {
        double n = ri_arg_float(T, args, nargs, i);
        check_spec(T, spec, FLAGS_FLOAT, true);
        add_float(out, spec, letter, n);
        break;
    }
    case 'p':
        add_pointer(T, out, spec, args[i]);
        break;
    case 'q':
        if (spec->size != 2)
            ri_error(T, "specifier '%%q' cannot have modifiers");
        add_literal(T, out, i, args[i]);
        break;
    case 's':
        add_string(T, out, spec, i, args[i]);
        break;
    default:
        ri_error(T, "invalid conversion '%s' to 'format'", spec->text);
    }
}

/* `state`: where the loop left at a safe point, or NULL. */
static RI_ALWAYS_INLINE int32_t format_by(RiThread *T, RiValue *args, uint32_t nargs, RiTextState *state)
{
    RiString *format = ri_arg_str(T, args, nargs, 0);
    size_t at = 0, poll_at;
    uint32_t i = 0;
    RiSbuf out;
    if (state == NULL) {
        ri_sbuf_init(&out, T->heap);
    } else {
        ri_text_restore(T, &out, state);
        at = state->at;
        i = state->i;
    }
    poll_at = at + 1 + ri_string_poll_after(T, POLL_BYTES, state != NULL);
    while (at < format->size) {
        if (RI_UNLIKELY(at >= poll_at)) {
            poll_at = at + POLL_BYTES;
            if (ri_poll_due(T)) {
                state = ri_text_save(T, &out, state);
                state->at = at;
                state->i = i;
                ri_string_keep(T, nargs, state);
                return RI_LIB_POLL;
            }
        }
        const char *bytes = ri_str_data(format); /* looked up again: metamethods may have run */
        const char *p = bytes + at, *end = bytes + format->size;
        const char *escape = memchr(p, '%', (size_t)(end - p));
        Spec spec;
        char letter;
        if (escape == NULL) {
            ri_sbuf_add(&out, p, (size_t)(end - p));
            break;
        }
        ri_sbuf_add(&out, p, (size_t)(escape - p));
        p = escape + 1;
        at = (size_t)(p - bytes) + 1;
        letter = p < end ? *p : '\0';
        if (letter == '%') {
            ri_sbuf_add_char(&out, '%');
            continue;
        }
        if (++i >= nargs)
            ri_arg_error(T, i, "no value");
        args = T->base;
        if (letter == 's') {
            ri_sbuf_add_str(&out, ri_is_string(args[i]) ? args[i].p : ri_tostring(T, args[i]));
            continue;
        }
        if (letter == 'd') {
            char text[RI_NUM_TEXT_MAX];
            int64_t n = ri_arg_int(T, args, nargs, i);
            ri_sbuf_add(&out, text, ri_num_print_int(n, text));
            continue;
        }
        p = read_spec(T, p, end, &spec);
        letter = p < end ? *p : '\0';
        at = (size_t)(p - bytes) + 1;
        add_by_spec(T, &out, &spec, letter, args, nargs, i);
    }
    return ri_return_string(T->base, ri_sbuf_finish(&out));
}

int32_t ri_string_format(RiThread *T, RiValue *args, uint32_t nargs)
{
    return format_by(T, args, nargs, NULL);
}

int32_t ri_string_format_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return format_by(T, args, nargs - 1, args[nargs - 1].p);
}
