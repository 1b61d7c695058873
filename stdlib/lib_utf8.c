/* The utf8 library (manual §6.5): sequences of up to six bytes, as the original UTF-8 had them; strict checks unless
 * `lax`. */
#include <string.h>

#include "stdlib/lib_string.h"
#include "stdlib/libs.h"
#include "vm/base/planted.h"

#define CODE_MAX 0x7fffffffu
#define UNICODE_MAX 0x10ffffu

enum {
    POLL_BYTES = 65536, /* looked at between two polls */
    POLL_VALUES = 4096
};

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
    if (value < least[count] && !(RI_PLANTED(utf8) && count == 2))
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

/* At a safe point a loop leaves its numbers in the slots of its arguments: its resume function finds them there. */
static int32_t leave_at_poll(RiThread *T, uint32_t slots)
{
    T->top = T->base + slots;
    return RI_LIB_POLL;
}

enum { LEN_STRING, LEN_AT, LEN_LAST, LEN_LAX, LEN_COUNT, LEN_SLOTS };

static RI_ALWAYS_INLINE int32_t count_from(RiThread *T, RiString *s, size_t i, int64_t last, bool lax, int64_t count,
                                           bool resumed)
{
    const char *text = ri_str_data(s);
    size_t poll_at = i + ri_string_poll_after(T, POLL_BYTES, resumed);
    for (; (int64_t)i < last; count++) {
        uint32_t code;
        if (!decode(text, s->size, &i, &code, lax))
            return ri_return2(T->base, ri_nil(), ri_int((int64_t)i + 1));
        if (RI_UNLIKELY(i > poll_at)) {
            poll_at = i + POLL_BYTES;
            if (ri_poll_due(T)) {
                ri_set_int(&T->base[LEN_AT], (int64_t)i);
                ri_set_int(&T->base[LEN_LAST], last);
                ri_set_bool(&T->base[LEN_LAX], lax);
                ri_set_int(&T->base[LEN_COUNT], count + 1);
                return leave_at_poll(T, LEN_SLOTS);
            }
        }
    }
    return ri_return_int(T->base, count);
}

static int32_t utf8_len_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return count_from(T, args[LEN_STRING].p, (size_t)args[LEN_AT].i, args[LEN_LAST].i, !ri_is_falsy(args[LEN_LAX]),
                      args[LEN_COUNT].i, true);
}

static int32_t utf8_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t size = (int64_t)s->size;
    int64_t first = position(ri_arg_opt_int(T, args, nargs, 1, 1), s->size);
    int64_t last = position(ri_arg_opt_int(T, args, nargs, 2, -1), s->size);
    bool lax = lax_argument(args, nargs, 3);
    RI_ARG_CHECK(T, first >= 1 && first - 1 <= size, 1, "initial position out of bounds");
    RI_ARG_CHECK(T, last - 1 < size, 2, "final position out of bounds");
    return count_from(T, s, (size_t)first - 1, last, lax, 0, false);
}

/* Many codes are pushed above these slots. */
enum { CODEPOINT_STRING, CODEPOINT_AT, CODEPOINT_LAST, CODEPOINT_LAX, CODEPOINT_SLOTS };

static int32_t utf8_codepoint_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = args[CODEPOINT_STRING].p;
    const char *text = ri_str_data(s);
    size_t i = (size_t)args[CODEPOINT_AT].i;
    int64_t last = args[CODEPOINT_LAST].i;
    bool lax = !ri_is_falsy(args[CODEPOINT_LAX]);
    (void)nargs;
    if (!ri_stack_try_reserve(T, (uint32_t)(last - (int64_t)i + 1)))
        ri_error(T, "stack overflow (string slice too long)");
    while ((int64_t)i < last) {
        for (int left = POLL_VALUES; left > 0 && (int64_t)i < last; left--) {
            uint32_t code;
            if (!decode(text, s->size, &i, &code, lax))
                ri_error(T, "invalid UTF-8 code");
            ri_push(T, ri_int(code));
        }
        if ((int64_t)i < last && ri_poll_due(T)) {
            T->base[CODEPOINT_AT].i = (int64_t)i;
            return RI_LIB_POLL;
        }
    }
    return ri_return_top(T, (uint32_t)(T->top - T->base) - CODEPOINT_SLOTS);
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
    if (RI_UNLIKELY(last - first > POLL_VALUES)) {
        ri_set_int(&args[CODEPOINT_AT], first - 1);
        ri_set_int(&args[CODEPOINT_LAST], last);
        ri_set_bool(&args[CODEPOINT_LAX], lax);
        T->top = args + CODEPOINT_SLOTS;
        return utf8_codepoint_resume(T, args, CODEPOINT_SLOTS);
    }
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

/* The characters of the arguments from `i` on, behind the text in `out`. */
static int32_t encode_from(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, RiSbuf *out, RiTextState *state)
{
    char text[6];
    while (i < nargs) {
        size_t size = encode_argument(T, args, nargs, i++, text);
        ri_sbuf_add(out, text, size);
        if (RI_UNLIKELY((i & (POLL_VALUES - 1)) == 0) && ri_poll_due(T)) {
            state = ri_text_save(T, out, state);
            state->i = i;
            ri_string_keep(T, nargs, state);
            return RI_LIB_POLL;
        }
    }
    return ri_return_string(args, ri_sbuf_finish(out));
}

static int32_t utf8_char_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTextState *state = args[nargs - 1].p;
    RiSbuf out;
    ri_text_restore(T, &out, state);
    return encode_from(T, args, nargs - 1, state->i, &out, state);
}

static int32_t utf8_char(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiSbuf out;
    if (nargs == 1) {
        char text[6];
        size_t size = encode_argument(T, args, nargs, 0, text);
        return ri_return_string(args, ri_str_new(T->heap, text, size));
    }
    ri_sbuf_init(&out, T->heap);
    return encode_from(T, args, nargs, 0, &out, NULL);
}

/* What remains: characters to go, and where the loop is; ri_lib_step says where to. */
enum { OFFSET_STRING, OFFSET_LEFT, OFFSET_AT, OFFSET_SLOTS };
enum { OFFSET_START, OFFSET_BACK, OFFSET_FORWARD };

static int32_t offset_leave(RiThread *T, uint32_t step, int64_t n, size_t i)
{
    ri_set_int(&T->base[OFFSET_LEFT], n);
    ri_set_int(&T->base[OFFSET_AT], (int64_t)i);
    ri_lib_set_step(T, step);
    return leave_at_poll(T, OFFSET_SLOTS);
}

static RI_ALWAYS_INLINE int32_t offset_from(RiThread *T, RiString *s, uint32_t step, int64_t n, size_t i,
                                            bool resumed)
{
    const char *text = ri_str_data(s);
    size_t size = s->size, interval = ri_string_poll_after(T, POLL_BYTES, resumed) + 8, stop;
    switch (step) {
    case OFFSET_START: /* of the character that i lies in */
        while (i > 0 && is_continuation(text, size, i)) {
            stop = i > interval ? i - interval : 0;
            while (i > stop && is_continuation(text, size, i))
                i--;
            if (i == stop && i > 0 && ri_poll_due(T))
                return offset_leave(T, step, n, i);
        }
        break;
    case OFFSET_BACK:
        while (n < 0 && i > 0) {
            stop = i > interval ? i - interval : 0;
            while (n < 0 && i > stop) {
                i--;
                if (i == 0 || !is_continuation(text, size, i))
                    n++;
            }
            if (n < 0 && i > 0 && ri_poll_due(T))
                return offset_leave(T, step, n, i);
        }
        break;
    default:
        while (n > 0 && i < size) {
            stop = size - i > interval ? i + interval : size;
            for (; n > 8 && stop - i > 8; i += 8)
                n -= 8 - count_continuations(text + i + 1);
            while (n > 0 && i < stop) {
                do {
                    i++;
                } while (i < stop && ((unsigned char)text[i] & 0xc0) == 0x80);
                if (RI_UNLIKELY(i == stop) && is_continuation(text, size, i)) /* go on inside the character */
                    break;
                n--;
            }
            if (n > 0 && i < size && ri_poll_due(T))
                return offset_leave(T, step, n, i);
        }
        break;
    }
    return n == 0 ? ri_return_int(T->base, (int64_t)i + 1) : ri_return_nil(T->base);
}

static int32_t utf8_offset_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return offset_from(T, args[OFFSET_STRING].p, ri_lib_step(T), args[OFFSET_LEFT].i, (size_t)args[OFFSET_AT].i,
                       true);
}

static int32_t utf8_offset(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t n = ri_arg_int(T, args, nargs, 1);
    int64_t at = position(ri_arg_opt_int(T, args, nargs, 2, n >= 0 ? 1 : (int64_t)s->size + 1), s->size);
    size_t i;
    RI_ARG_CHECK(T, at >= 1 && at - 1 <= (int64_t)s->size, 2, "position out of bounds");
    i = (size_t)at - 1;
    if (n == 0)
        return offset_from(T, s, OFFSET_START, n, i, false);
    if (is_continuation(ri_str_data(s), s->size, i))
        ri_error(T, "initial position is a continuation byte");
    if (n < 0)
        return offset_from(T, s, OFFSET_BACK, n, i, false);
    return offset_from(T, s, OFFSET_FORWARD, n - 1, i, false); /* the first one is where we are */
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
    while (is_continuation(text, s->size, i)) { /* behind the character before */
        i++;
        if (RI_UNLIKELY((i & (POLL_BYTES - 1)) == 0) && ri_poll_due(T)) { /* entered again, it goes on from there */
            ri_set_int(&args[1], (int64_t)i);
            return leave_at_poll(T, 2);
        }
    }
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
    RI_FN_RESUMABLE(next_code_strict, next_code_strict, "for iterator", "iterator(s, i)",
                    "The next position and code of utf8.codes."),
    RI_FN_RESUMABLE(next_code_lax, next_code_lax, "for iterator", "iterator(s, i)",
                    "The next position and code of utf8.codes, lax."),
};

static int32_t utf8_codes(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    bool lax = lax_argument(args, nargs, 1);
    RI_ARG_CHECK(T, !is_continuation(ri_str_data(s), s->size, 0), 0, "invalid UTF-8 code");
    return ri_return3(args, ri_object(&iterators[lax], RI_TAG_LIBFN), ri_string_value(s), ri_int(0));
}

static const RiLibFn functions[] = {
    RI_FN_RESUMABLE(utf8_char, utf8_char_resume, "utf8.char", "utf8.char(…)", "The string of these code points in UTF-8."),
    RI_FN_RESUMABLE(utf8_codepoint, utf8_codepoint_resume, "utf8.codepoint", "utf8.codepoint(s [, i [, j [, lax]]])",
          "Code points of the characters that begin between bytes i and j."),
    RI_FN(utf8_codes, "utf8.codes", "utf8.codes(s [, lax])", "For loops over position and code point of each character."),
    RI_FN_RESUMABLE(utf8_len, utf8_len_resume, "utf8.len", "utf8.len(s [, i [, j [, lax]]])",
          "Number of characters that begin between bytes i and j; nil and a position if s is not UTF-8 there."),
    RI_FN_RESUMABLE(utf8_offset, utf8_offset_resume, "utf8.offset", "utf8.offset(s, n [, i])",
                    "Where the n-th character counted from byte i begins."),
};

static void open_utf8(RiThread *T, RiTable *library)
{
    static const char one_character[] = "[\0-\x7F\xC2-\xFD][\x80-\xBF]*";
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, "charpattern"),
                     ri_string_value(ri_str_new(T->heap, one_character, sizeof one_character - 1)));
}

const RiLibrary ri_lib_utf8 = {"utf8", functions, RI_COUNTOF(functions), open_utf8};
