/* The utf8 library (manual §6.5): sequences of up to six bytes, as the original UTF-8 had them; strict checks unless
 * `lax`. */
#include <string.h>

#include "stdlib/lib_string.h"
#include "stdlib/libs.h"

#define CODE_MAX 0x7fffffffu
#define UNICODE_MAX 0x10ffffu

enum { POLL_BYTES = 65536 };

static bool is_continuation(const char *text, size_t size, size_t i)
{
    return i < size && ((unsigned char)text[i] & 0xc0) == 0x80;
}

/* Of eight bytes. */
static int count_continuations(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return __builtin_popcountll((word >> 7 & ~word >> 6) & 0x0101010101010101u);
}

/* Decode the sequence at text[*i], i < size, and go behind it; false if it is malformed. */
static RI_ALWAYS_INLINE bool decode(const char *text, size_t size, size_t *i, uint32_t *code, bool lax)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000};
    unsigned char lead = (unsigned char)text[*i];
    uint32_t value;
    size_t count;
    if (RI_LIKELY(lead < 0x80)) {
        *code = lead;
        ++*i;
        return true;
    }
    if (lead < 0xc0 || lead >= 0xfe)
        return false;
    count = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf8 ? 3 : lead < 0xfc ? 4 : 5;
    if (count >= size - *i)
        return false;
    value = lead & (0x3fu >> count);
    for (size_t k = 1; k <= count; k++) {
        unsigned char c = (unsigned char)text[*i + k];
        if ((c & 0xc0) != 0x80)
            return false;
        value = value << 6 | (c & 0x3f);
    }
    if (value < least[count])
        return false;
    if (!lax && (value > UNICODE_MAX || (value >= 0xd800 && value <= 0xdfff)))
        return false;
    *code = value;
    *i += count + 1;
    return true;
}

/* Positions count from the end if negative; 0 if that is before the start. */
static int64_t position(int64_t i, size_t size)
{
    if (i >= 0)
        return i;
    return 0 - (uint64_t)i > size ? 0 : (int64_t)size + i + 1;
}

static bool lax_argument(const RiValue *args, uint32_t nargs, uint32_t i)
{
    return i < nargs && !ri_is_falsy(args[i]);
}

static int32_t utf8_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t size = (int64_t)s->size, count = 0;
    int64_t first = position(ri_arg_opt_int(T, args, nargs, 1, 1), s->size);
    int64_t last = position(ri_arg_opt_int(T, args, nargs, 2, -1), s->size);
    bool lax = lax_argument(args, nargs, 3);
    const char *text = ri_str_data(s);
    size_t poll_at;
    RI_ARG_CHECK(T, first >= 1 && first - 1 <= size, 1, "initial position out of bounds");
    RI_ARG_CHECK(T, last - 1 < size, 2, "final position out of bounds");
    poll_at = (size_t)first + POLL_BYTES;
    for (size_t i = (size_t)first - 1; (int64_t)i < last; count++) {
        uint32_t code;
        if (!decode(text, s->size, &i, &code, lax))
            return ri_return2(args, ri_nil(), ri_int((int64_t)i + 1));
        if (RI_UNLIKELY(i > poll_at)) {
            poll_at = i + POLL_BYTES;
            ri_poll(T);
        }
    }
    return ri_return_int(args, count);
}

static int32_t utf8_codepoint(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t first = position(ri_arg_opt_int(T, args, nargs, 1, 1), s->size);
    int64_t last = position(ri_arg_opt_int(T, args, nargs, 2, first), s->size);
    bool lax = lax_argument(args, nargs, 3);
    const char *text = ri_str_data(s);
    uint32_t code, count = 0;
    RI_ARG_CHECK(T, first >= 1, 1, "out of bounds");
    RI_ARG_CHECK(T, last <= (int64_t)s->size, 2, "out of bounds");
    if (first > last)
        return 0;
    if (last - first >= INT32_MAX)
        ri_error(T, "string slice too long");
    if (last - first >= RI_STACK_RESERVE && !ri_stack_try_reserve(T, (uint32_t)(last - first + 1)))
        ri_error(T, "stack overflow (string slice too long)");
    for (size_t i = (size_t)first - 1; (int64_t)i < last; count++) {
        if (!decode(text, s->size, &i, &code, lax))
            ri_error(T, "invalid UTF-8 code");
        ri_push(T, ri_int(code));
    }
    return ri_return_top(T, count);
}

/* Write the sequence of `code`; returns its size. */
static size_t encode(uint32_t code, char out[6])
{
    size_t count = 1;
    uint32_t lead_max = 0x3f; /* what still fits the lead byte */
    char reversed[6];
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    for (size_t k = 0;; k++) {
        reversed[k] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
        lead_max >>= 1;
        count = k + 1;
        if (code <= lead_max)
            break;
    }
    out[0] = (char)((~lead_max << 1) | code);
    for (size_t k = 0; k < count; k++)
        out[1 + k] = reversed[count - 1 - k];
    return count + 1;
}

static size_t encode_argument(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, char out[6])
{
    uint64_t code = (uint64_t)ri_arg_int(T, args, nargs, i);
    RI_ARG_CHECK(T, code <= CODE_MAX, i, "value out of range");
    return encode((uint32_t)code, out);
}

static int32_t utf8_char(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[6];
    RiSbuf out;
    if (nargs == 1) {
        size_t size = encode_argument(T, args, nargs, 0, text);
        return ri_return_string(args, ri_str_new(T->heap, text, size));
    }
    ri_sbuf_init(&out, T->heap);
    for (uint32_t i = 0; i < nargs; i++) {
        size_t size = encode_argument(T, args, nargs, i, text);
        ri_sbuf_add(&out, text, size);
    }
    return ri_return_string(args, ri_sbuf_finish(&out));
}

static int32_t utf8_offset(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t n = ri_arg_int(T, args, nargs, 1);
    int64_t at = position(ri_arg_opt_int(T, args, nargs, 2, n >= 0 ? 1 : (int64_t)s->size + 1), s->size);
    const char *text = ri_str_data(s);
    size_t size = s->size, i;
    RI_ARG_CHECK(T, at >= 1 && at - 1 <= (int64_t)size, 2, "position out of bounds");
    i = (size_t)at - 1;
    if (n == 0) { /* the start of the character that i lies in */
        while (i > 0 && is_continuation(text, size, i))
            i--;
        return ri_return_int(args, (int64_t)i + 1);
    }
    if (is_continuation(text, size, i))
        ri_error(T, "initial position is a continuation byte");
    if (n < 0) {
        while (n < 0 && i > 0) {
            do {
                i--;
            } while (i > 0 && is_continuation(text, size, i));
            n++;
        }
    } else {
        n--; /* the first one is where we are */
        for (; n > 8 && size - i > 8; i += 8)
            n -= 8 - count_continuations(text + i + 1);
        while (n > 0 && i < size) {
            do {
                i++;
            } while (is_continuation(text, size, i));
            n--;
        }
    }
    return n == 0 ? ri_return_int(args, (int64_t)i + 1) : ri_return_nil(args);
}

static RI_ALWAYS_INLINE int32_t next_code(RiThread *T, RiValue *args, uint32_t nargs, bool lax)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    const char *text = ri_str_data(s);
    int64_t control = 0;
    size_t i;
    uint32_t code;
    if (nargs > 1 && !ri_to_int(args[1], &control))
        control = 0;
    i = (size_t)control;
    while (is_continuation(text, s->size, i)) /* behind the character before */
        i++;
    if (i >= s->size)
        return 0;
    control = (int64_t)i + 1;
    if (!decode(text, s->size, &i, &code, lax) || is_continuation(text, s->size, i))
        ri_error(T, "invalid UTF-8 code");
    return ri_return2(args, ri_int(control), ri_int(code));
}

static int32_t next_code_strict(RiThread *T, RiValue *args, uint32_t nargs)
{
    return next_code(T, args, nargs, false);
}

static int32_t next_code_lax(RiThread *T, RiValue *args, uint32_t nargs)
{
    return next_code(T, args, nargs, true);
}

static const RiLibFn iterators[] = {
    RI_FN(next_code_strict, "for iterator", "iterator(s, i)", "The next position and code of utf8.codes."),
    RI_FN(next_code_lax, "for iterator", "iterator(s, i)", "The next position and code of utf8.codes, lax."),
};

static int32_t utf8_codes(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    bool lax = lax_argument(args, nargs, 1);
    RI_ARG_CHECK(T, !is_continuation(ri_str_data(s), s->size, 0), 0, "invalid UTF-8 code");
    return ri_return3(args, ri_object(&iterators[lax], RI_TAG_LIBFN), ri_string_value(s), ri_int(0));
}

static const RiLibFn functions[] = {
    RI_FN(utf8_char, "utf8.char", "utf8.char(…)", "The string of these code points in UTF-8."),
    RI_FN(utf8_codepoint, "utf8.codepoint", "utf8.codepoint(s [, i [, j [, lax]]])",
          "Code points of the characters that begin between bytes i and j."),
    RI_FN(utf8_codes, "utf8.codes", "utf8.codes(s [, lax])", "For loops over position and code point of each character."),
    RI_FN(utf8_len, "utf8.len", "utf8.len(s [, i [, j [, lax]]])",
          "Number of characters that begin between bytes i and j; nil and a position if s is not UTF-8 there."),
    RI_FN(utf8_offset, "utf8.offset", "utf8.offset(s, n [, i])", "Where the n-th character counted from byte i begins."),
};

static void open_utf8(RiThread *T, RiTable *library)
{
    static const char one_character[] = "[\0-\x7F\xC2-\xFD][\x80-\xBF]*";
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, "charpattern"),
                     ri_string_value(ri_str_new(T->heap, one_character, sizeof one_character - 1)));
}

const RiLibrary ri_lib_utf8 = {"utf8", functions, RI_COUNTOF(functions), open_utf8};
