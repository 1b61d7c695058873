/* string.pack, packsize, unpack (manual §6.4.2). */
#include "stdlib/lib_string.h"
#include "vm/base/planted.h"

#include <stdio.h>
#include <string.h>

enum {
    INTEGER_SIZE_MAX = 16, /* bytes of a packed integer */
    ALIGNMENT_NATIVE = 8,
    NATIVE_INTEGER = 8, /* bytes of a Lua integer */
    POLL_BYTES = 1024 /* of the format, between two polls */
};

typedef enum Option {
    OPTION_INT,
    OPTION_UINT,
    OPTION_FLOAT,  /* 4 bytes */
    OPTION_DOUBLE, /* 8 bytes */
    OPTION_CHARS,  /* fixed size */
    OPTION_STRING, /* size in front */
    OPTION_ZERO,   /* ends with \0 */
    OPTION_PADDING,
    OPTION_ALIGN,
    OPTION_NONE
} Option;

typedef struct Format {
    RiThread *T;
    const char *at; /* NUL-terminated */
    bool little;
    int alignment_max;
} Format;

typedef struct Detail {
    Option option;
    int size;
    int padding; /* bytes before it, for alignment */
} Detail;

static void format_begin(Format *f, RiThread *T, RiString *format)
{
    f->T = T;
    f->at = ri_str_cstr(T->heap, format);
    f->little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    f->alignment_max = 1;
}

/* Where the loop over a format is, for its next activation. */
static void format_save(const Format *f, RiTextState *state, RiString *format)
{
    state->at = (size_t)(f->at - ri_str_cstr(f->T->heap, format));
    state->little = f->little;
    state->alignment_max = f->alignment_max;
}

static void format_restore(Format *f, RiThread *T, RiString *format, const RiTextState *state)
{
    format_begin(f, T, format);
    f->at += state->at;
    f->little = state->little;
    f->alignment_max = state->alignment_max;
}

/* Is it time to look for a safe point, and is one due? */
static RI_ALWAYS_INLINE bool format_poll_due(const Format *f, const char **poll_at)
{
    if (RI_LIKELY(f->at < *poll_at))
        return false;
    *poll_at = f->at + POLL_BYTES;
    return ri_poll_due(f->T);
}

static bool at_digit(const Format *f)
{
    return *f->at >= '0' && *f->at <= '9';
}

static int read_number(Format *f, int fallback)
{
    int n = 0;
    if (!at_digit(f))
        return fallback;
    if (f->at[1] < '0' || f->at[1] > '9')
        return *f->at++ - '0';
    do {
        n = n * 10 + (*f->at++ - '0');
    } while (at_digit(f) && n <= (INT32_MAX - 9) / 10);
    return n;
}

static int read_integer_size(Format *f, int fallback)
{
    int size = read_number(f, fallback);
    if (size > INTEGER_SIZE_MAX || size <= 0)
        ri_error(f->T, "integral size (%d) out of limits [1,%d]", size, INTEGER_SIZE_MAX);
    return size;
}

static RI_ALWAYS_INLINE Option read_option(Format *f, int *size)
{
    char letter = *f->at++;
    *size = 0;
    switch (letter) {
    case 'b':
        *size = 1;
        return OPTION_INT;
    case 'B':
        *size = 1;
        return OPTION_UINT;
    case 'h':
        *size = sizeof(short);
        return OPTION_INT;
    case 'H':
        *size = sizeof(short);
        return OPTION_UINT;
    case 'l':
        *size = sizeof(long);
        return OPTION_INT;
    case 'L':
        *size = sizeof(long);
        return OPTION_UINT;
    case 'j':
        *size = NATIVE_INTEGER;
        return OPTION_INT;
    case 'J':
        *size = NATIVE_INTEGER;
        return OPTION_UINT;
    case 'T':
        *size = sizeof(size_t);
        return OPTION_UINT;
    case 'f':
        *size = sizeof(float);
        return OPTION_FLOAT;
    case 'n':
    case 'd':
        *size = sizeof(double);
        return OPTION_DOUBLE;
    case 'i':
        *size = read_integer_size(f, sizeof(int));
        return OPTION_INT;
    case 'I':
        *size = read_integer_size(f, sizeof(int));
        return OPTION_UINT;
    case 's':
        *size = read_integer_size(f, sizeof(size_t));
        return OPTION_STRING;
    case 'c':
        *size = read_number(f, -1);
        if (*size == -1)
            ri_error(f->T, "missing size for format option 'c'");
        return OPTION_CHARS;
    case 'z':
        return OPTION_ZERO;
    case 'x':
        *size = 1;
        return OPTION_PADDING;
    case 'X':
        return OPTION_ALIGN;
    case ' ':
        break;
    case '<':
        f->little = true;
        break;
    case '>':
        f->little = false;
        break;
    case '=':
        f->little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
        break;
    case '!':
        f->alignment_max = read_integer_size(f, ALIGNMENT_NATIVE);
        break;
    default:
        ri_error(f->T, "invalid format option '%c'", letter);
    }
    return OPTION_NONE;
}

/* The next option and its alignment at `position`. */
static RI_ALWAYS_INLINE Detail read_detail(Format *f, size_t position)
{
    Detail d;
    int alignment;
    d.option = read_option(f, &d.size);
    d.padding = 0;
    alignment = d.size;
    if (d.option == OPTION_ALIGN) { /* aligns as the option after it would be */
        if (*f->at == '\0' || read_option(f, &alignment) == OPTION_CHARS || alignment == 0)
            ri_arg_error(f->T, 0, "invalid next option for option 'X'");
    }
    if (alignment > 1 && f->alignment_max > 1 && d.option != OPTION_CHARS) {
        if (alignment > f->alignment_max)
            alignment = f->alignment_max;
        if ((alignment & (alignment - 1)) != 0)
            ri_arg_error(f->T, 0, "format asks for alignment not power of 2");
        d.padding = (alignment - (int)(position & (size_t)(alignment - 1))) & (alignment - 1);
    }
    return d;
}

/* -- Packing ----------------------------------------------------------------------------------------------------- */

static void add_zeros(RiSbuf *out, size_t count)
{
    if (count == 0)
        return;
    memset(ri_sbuf_reserve(out, count), 0, count);
    out->size += count;
}

static void add_integer(RiSbuf *out, uint64_t n, bool little, int size, bool is_negative)
{
    unsigned char *p = (unsigned char *)ri_sbuf_reserve(out, (size_t)size);
    out->size += (size_t)size;
    for (int i = 0; i < size; i++) {
        p[little ? i : size - 1 - i] = i < NATIVE_INTEGER ? (unsigned char)n : is_negative && !RI_PLANTED(packing) ? 0xff : 0;
        n >>= 8;
    }
}

/* Copy a native number of `size` bytes to or from its packed form. */
static void copy_number(void *to, const void *from, size_t size, bool little)
{
    unsigned char *bytes = to;
    memcpy(to, from, size);
    if (little != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)) {
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = bytes[i];
            bytes[i] = bytes[size - 1 - i];
            bytes[size - 1 - i] = byte;
        }
    }
}

/* Too few values: the reference finds a nil of its own there, and says so. */
RI_NORETURN static void missing_value(RiThread *T, Option option, uint32_t i)
{
    ri_arg_error(T, i, option < OPTION_CHARS ? "number expected, got nil" : "string expected, got nil");
}

/* Argument i by one option of the format; those of OPTION_PADDING and on take none. */
static RI_ALWAYS_INLINE void pack_one(RiThread *T, RiSbuf *out, const Detail *d, bool little, RiValue *args,
                                      uint32_t nargs, uint32_t i, size_t *total)
{
    switch (d->option) {
    case OPTION_INT: {
        int64_t n = ri_arg_int(T, args, nargs, i);
        if (d->size < NATIVE_INTEGER) {
            int64_t limit = (int64_t)1 << (d->size * 8 - 1);
            RI_ARG_CHECK(T, -limit <= n && n < limit, i, "integer overflow");
        }
        add_integer(out, (uint64_t)n, little, d->size, n < 0);
        break;
    }
    case OPTION_UINT: {
        uint64_t n = (uint64_t)ri_arg_int(T, args, nargs, i);
        if (d->size < NATIVE_INTEGER)
            RI_ARG_CHECK(T, n < (uint64_t)1 << d->size * 8, i, "unsigned overflow");
        add_integer(out, n, little, d->size, false);
        break;
    }
    case OPTION_FLOAT: {
        float n = (float)ri_arg_float(T, args, nargs, i);
        copy_number(ri_sbuf_reserve(out, sizeof n), &n, sizeof n, little);
        out->size += sizeof n;
        break;
    }
    case OPTION_DOUBLE: {
        double n = ri_arg_float(T, args, nargs, i);
        copy_number(ri_sbuf_reserve(out, sizeof n), &n, sizeof n, little);
        out->size += sizeof n;
        break;
    }
    case OPTION_CHARS: {
        RiString *s = ri_arg_str(T, args, nargs, i);
        RI_ARG_CHECK(T, s->size <= (size_t)d->size, i, "string longer than given size");
        ri_sbuf_add_str(out, s);
        add_zeros(out, (size_t)d->size - s->size);
        break;
    }
    case OPTION_STRING: {
        RiString *s = ri_arg_str(T, args, nargs, i);
        RI_ARG_CHECK(T, d->size >= (int)sizeof(size_t) || s->size < (size_t)1 << d->size * 8, i,
                     "string length does not fit in given size");
        add_integer(out, s->size, little, d->size, false);
        ri_sbuf_add_str(out, s);
        *total += s->size;
        break;
    }
    case OPTION_ZERO: {
        RiString *s = ri_arg_str(T, args, nargs, i);
        RI_ARG_CHECK(T, memchr(ri_str_data(s), '\0', s->size) == NULL, i, "string contains zeros");
        ri_sbuf_add_str(out, s);
        ri_sbuf_add_char(out, '\0');
        *total += s->size + 1;
        break;
    }
    case OPTION_PADDING:
        ri_sbuf_add_char(out, '\0');
        break;
    case OPTION_ALIGN:
    case OPTION_NONE:
        break;
    }
}

/* `state`: where the loop left at a safe point, or NULL. */
static RI_ALWAYS_INLINE int32_t pack(RiThread *T, RiValue *args, uint32_t nargs, RiTextState *state)
{
    Format f;
    RiSbuf out;
    uint32_t i = 0;
    size_t total = 0;
    RiString *format = ri_arg_str(T, args, nargs, 0);
    const char *poll_at;
    if (state == NULL) {
        format_begin(&f, T, format);
        ri_sbuf_init(&out, T->heap);
    } else {
        format_restore(&f, T, format, state);
        ri_text_restore(T, &out, state);
        i = state->i;
        total = state->total;
    }
    poll_at = f.at + 1 + ri_string_poll_after(T, POLL_BYTES, state != NULL);
    while (*f.at != '\0') {
        if (format_poll_due(&f, &poll_at)) {
            state = ri_text_save(T, &out, state);
            format_save(&f, state, format);
            state->i = i;
            state->total = total;
            ri_string_keep(T, nargs, state);
            return RI_LIB_POLL;
        }
        Detail d = read_detail(&f, total);
        total += (size_t)(d.padding + d.size);
        add_zeros(&out, (size_t)d.padding);
        i++;
        if (RI_UNLIKELY(i >= nargs) && d.option < OPTION_PADDING)
            missing_value(T, d.option, i);
        pack_one(T, &out, &d, f.little, args, nargs, i, &total);
        if (d.option >= OPTION_PADDING)
            i--;
    }
    return ri_return_string(T->base, ri_sbuf_finish(&out));
}

int32_t ri_string_pack(RiThread *T, RiValue *args, uint32_t nargs)
{
    return pack(T, args, nargs, NULL);
}

int32_t ri_string_pack_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return pack(T, args, nargs - 1, args[nargs - 1].p);
}

enum { PACKSIZE_STATE = 1 };

static RI_ALWAYS_INLINE int32_t packsize(RiThread *T, RiValue *args, uint32_t nargs, RiTextState *state)
{
    Format f;
    size_t total = 0;
    RiString *format = ri_arg_str(T, args, nargs, 0);
    const char *poll_at;
    if (state == NULL) {
        format_begin(&f, T, format);
    } else {
        format_restore(&f, T, format, state);
        total = state->total;
    }
    poll_at = f.at + 1 + ri_string_poll_after(T, POLL_BYTES, state != NULL);
    while (*f.at != '\0') {
        if (format_poll_due(&f, &poll_at)) {
            if (state == NULL)
                state = ri_text_state_new(T);
            format_save(&f, state, format);
            state->total = total;
            ri_string_keep(T, PACKSIZE_STATE, state);
            return RI_LIB_POLL;
        }
        Detail d = read_detail(&f, total);
        size_t size = (size_t)d.size + (size_t)d.padding;
        RI_ARG_CHECK(T, d.option != OPTION_STRING && d.option != OPTION_ZERO, 0, "variable-length format");
        RI_ARG_CHECK(T, total <= (size_t)INT32_MAX - size, 0, "format result too large");
        total += size;
    }
    return ri_return_int(args, (int64_t)total);
}

int32_t ri_string_packsize(RiThread *T, RiValue *args, uint32_t nargs)
{
    return packsize(T, args, nargs, NULL);
}

int32_t ri_string_packsize_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return packsize(T, args, nargs, args[PACKSIZE_STATE].p);
}

/* -- Unpacking --------------------------------------------------------------------------------------------------- */

static int64_t read_integer(RiThread *T, const char *bytes, bool little, int size, bool is_signed)
{
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t n = 0;
    int limit = size < NATIVE_INTEGER ? size : NATIVE_INTEGER;
    if (little && size == sizeof(int32_t)) { /* by far the most frequent one */
        uint32_t word = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        return is_signed ? (int64_t)(int32_t)word : (int64_t)word;
    }
    for (int i = limit - 1; i >= 0; i--)
        n = n << 8 | p[little ? i : size - 1 - i];
    if (size < NATIVE_INTEGER) {
        if (is_signed) {
            uint64_t sign = (uint64_t)1 << (size * 8 - 1);
            n = (n ^ sign) - sign;
        }
    } else {
        unsigned char rest = is_signed && (int64_t)n < 0 ? 0xff : 0;
        for (int i = limit; i < size; i++) {
            if (p[little ? i : size - 1 - i] != rest)
                ri_error(T, "%d-byte integer does not fit into Lua Integer", size);
        }
    }
    return (int64_t)n;
}

enum { UNPACK_FORMAT, UNPACK_STRING, UNPACK_STATE };

/* Leave at a safe point. The state takes the place of the third argument: the results so far lie above it. */
static RI_COLD int32_t unpack_suspend(RiThread *T, const Format *f, RiTextState *state, size_t at, uint32_t count)
{
    RiString *format = T->base[UNPACK_FORMAT].p;
    if (state == NULL)
        state = ri_text_state_new(T);
    format_save(f, state, format);
    state->total = at;
    state->i = count;
    if (T->top - count == T->base + UNPACK_STATE) {
        for (RiValue *p = T->top; p > T->base + UNPACK_STATE; p--)
            ri_copy(p, p - 1);
        T->top++;
    }
    ri_set_object(&T->base[UNPACK_STATE], state, RI_TAG_BLOCK);
    return RI_LIB_POLL;
}

static RI_ALWAYS_INLINE int32_t unpack(RiThread *T, RiValue *args, uint32_t nargs, RiTextState *state)
{
    Format f;
    RiString *format = ri_arg_str(T, args, nargs, UNPACK_FORMAT);
    RiString *s = ri_arg_str(T, args, nargs, UNPACK_STRING);
    const char *data, *poll_at;
    size_t at, size = s->size;
    uint32_t count = 0;
    if (state == NULL) {
        at = ri_string_start(ri_arg_opt_int(T, args, nargs, 2, 1), size) - 1;
        RI_ARG_CHECK(T, at <= size, 2, "initial position out of string");
        format_begin(&f, T, format);
    } else {
        at = state->total;
        count = state->i;
        format_restore(&f, T, format, state);
    }
    data = ri_str_data(s);
    poll_at = f.at + 1 + ri_string_poll_after(T, POLL_BYTES, state != NULL);
    while (*f.at != '\0') {
        if (format_poll_due(&f, &poll_at))
            return unpack_suspend(T, &f, state, at, count);
        Detail d = read_detail(&f, at);
        RiValue v = ri_nil();
        bool has_value = true;
        RI_ARG_CHECK(T, (size_t)d.padding + (size_t)d.size <= size - at, 1, "data string too short");
        at += (size_t)d.padding;
        if (RI_UNLIKELY(T->top >= T->stack_limit) && !ri_stack_try_reserve(T, RI_STACK_RESERVE))
            ri_error(T, "stack overflow (too many results)");
        switch (d.option) {
        case OPTION_INT:
        case OPTION_UINT:
            v = ri_int(read_integer(T, data + at, f.little, d.size, d.option == OPTION_INT));
            break;
        case OPTION_FLOAT: {
            float n;
            copy_number(&n, data + at, sizeof n, f.little);
            v = ri_float((double)n);
            break;
        }
        case OPTION_DOUBLE: {
            double n;
            copy_number(&n, data + at, sizeof n, f.little);
            v = ri_float(n);
            break;
        }
        case OPTION_CHARS:
            v = ri_string_value(ri_str_slice(T->heap, s, at, at + (size_t)d.size));
            break;
        case OPTION_STRING: {
            size_t length = (size_t)read_integer(T, data + at, f.little, d.size, false);
            size_t start = at + (size_t)d.size;
            RI_ARG_CHECK(T, length <= size - start, 1, "data string too short");
            v = ri_string_value(ri_str_slice(T->heap, s, start, start + length));
            at += length;
            break;
        }
        case OPTION_ZERO: {
            const char *end = memchr(data + at, '\0', size - at);
            RI_ARG_CHECK(T, end != NULL, 1, "unfinished string for format 'z'");
            v = ri_string_value(ri_str_slice(T->heap, s, at, (size_t)(end - data)));
            at = (size_t)(end - data) + 1;
            break;
        }
        case OPTION_PADDING:
        case OPTION_ALIGN:
        case OPTION_NONE:
            has_value = false;
            break;
        }
        at += (size_t)d.size;
        if (has_value) {
            ri_push(T, v);
            count++;
        }
    }
    ri_push(T, ri_int((int64_t)at + 1));
    return ri_return_top(T, count + 1);
}

int32_t ri_string_unpack(RiThread *T, RiValue *args, uint32_t nargs)
{
    return unpack(T, args, nargs, NULL);
}

int32_t ri_string_unpack_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return unpack(T, args, nargs, args[UNPACK_STATE].p);
}
