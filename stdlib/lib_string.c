/* The string library (manual §6.4), less format and pack; and the metatable of strings. */
#include "stdlib/lib_string.h"

#include <string.h>

#include "stdlib/libs.h"
#include "stdlib/strpattern.h"
#include "vm/exec/call.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/semantics.h"

#define RESULT_SIZE_MAX ((size_t)INT32_MAX)

/* Make a string of `size` bytes that is filled in by the caller through *bytes: short ones come from `local`. */
typedef struct Draft {
    RiString *string; /* NULL while the bytes lie in `local` */
    char *bytes;
    char local[RI_STR_SHORT_MAX];
} Draft;

static RI_ALWAYS_INLINE void draft_begin(Draft *draft, RiHeap *heap, size_t size)
{
    draft->string = NULL;
    draft->bytes = draft->local;
    if (size > RI_STR_SHORT_MAX) {
        draft->string = ri_str_new_uninit(heap, size);
        draft->bytes = draft->string->bytes;
    }
}

static RI_ALWAYS_INLINE RiString *draft_finish(Draft *draft, RiHeap *heap, size_t size)
{
    return draft->string != NULL ? draft->string : ri_str_new(heap, draft->local, size);
}

/* -- Loops that leave at safe points ------------------------------------------------------------------------------ */

RiTextState *ri_text_state_new(RiThread *T)
{
    RiTextState *state = ri_heap_alloc_block(T->heap, sizeof *state);
    ri_block_describe(state, offsetof(RiTextState, size), false);
    return state;
}

RiTextState *ri_text_save(RiThread *T, const RiSbuf *sb, RiTextState *state)
{
    if (state == NULL)
        state = ri_text_state_new(T);
    state->buffer = sb->buffer;
    state->size = sb->size;
    state->capacity = sb->capacity;
    if (sb->buffer == NULL)
        memcpy(state->inline_bytes, sb->inline_bytes, sb->size);
    return state;
}

void ri_text_restore(RiThread *T, RiSbuf *sb, RiTextState *state)
{
    ri_sbuf_init(sb, T->heap);
    sb->buffer = state->buffer;
    sb->size = state->size;
    sb->capacity = state->capacity;
    if (state->buffer != NULL)
        sb->data = state->buffer->bytes;
    else
        memcpy(sb->inline_bytes, state->inline_bytes, state->size);
    state->buffer = NULL; /* may be freed now */
}

enum {
    SLICE_SIZE = 1 << 16, /* bytes of a large result made between two polls */
    SLICE_VALUES = 1 << 12
};

/* State of a loop that makes a large string of a known size. */
typedef struct Filling {
    RiObject object; /* RI_TAG_BLOCK */
    RiString *result;
    size_t done;
} Filling;

/* Write bytes `from` to `to` of the result; those before are there. */
typedef void FillSlice(RiThread *T, char *result, size_t from, size_t to);

/* Fill `result`, which has been filled up to `done`. The frame keeps the state in `slot` if there is to be one. */
static int32_t fill_by_slices(RiThread *T, RiString *result, size_t done, Filling *state, uint32_t slot,
                              size_t slice, FillSlice *fill)
{
    while (done < result->size) {
        size_t to = result->size - done > slice ? done + slice : result->size;
        fill(T, result->bytes, done, to);
        done = to;
        if (done < result->size && ri_poll_due(T)) {
            if (state == NULL) {
                state = ri_heap_alloc_block(T->heap, sizeof *state);
                ri_block_describe(state, offsetof(Filling, done), false);
            }
            state->result = result;
            state->done = done;
            ri_string_keep(T, slot, state);
            return RI_LIB_POLL;
        }
    }
    return ri_return_string(T->base, result);
}

static int32_t fill_on(RiThread *T, uint32_t slot, size_t slice, FillSlice *fill)
{
    Filling *state = T->base[slot].p;
    return fill_by_slices(T, state->result, state->done, state, slot, slice, fill);
}

static RI_NOINLINE int32_t fill_large(RiThread *T, size_t size, uint32_t slot, size_t slice, FillSlice *fill)
{
    return fill_by_slices(T, ri_str_new_uninit(T->heap, size), 0, NULL, slot, slice, fill);
}

/* -- Bytes ------------------------------------------------------------------------------------------------------- */

static int32_t string_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return_int(args, (int64_t)ri_arg_str(T, args, nargs, 0)->size);
}

static int32_t string_sub(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    size_t start = ri_string_start(ri_arg_int(T, args, nargs, 1), s->size);
    size_t end = ri_string_end(ri_arg_opt_int(T, args, nargs, 2, -1), s->size);
    if (start > end)
        return ri_return_string(args, T->heap->empty);
    return ri_return_string(args, ri_str_slice(T->heap, s, start - 1, end));
}

/* Many codes are pushed above three slots that say what remains: the string, and its first and last position. */
enum { BYTE_STRING, BYTE_FIRST, BYTE_LAST, BYTE_SLOTS };

static int32_t string_byte_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiString *s = args[BYTE_STRING].p;
    const char *bytes = ri_str_data(s);
    size_t at = (size_t)args[BYTE_FIRST].i, last = (size_t)args[BYTE_LAST].i;
    (void)nargs;
    if (!ri_stack_try_reserve(T, (uint32_t)(last - at + 1)))
        ri_error(T, "stack overflow (string slice too long)");
    while (at <= last) {
        size_t end = last - at >= SLICE_VALUES ? at + SLICE_VALUES : last + 1;
        for (; at < end; at++)
            ri_push(T, ri_int((unsigned char)bytes[at - 1]));
        if (at <= last && ri_poll_due(T)) {
            T->base[BYTE_FIRST].i = (int64_t)at;
            return RI_LIB_POLL;
        }
    }
    return ri_return_top(T, (uint32_t)(T->top - T->base) - BYTE_SLOTS);
}

static int32_t string_byte(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t from = ri_arg_opt_int(T, args, nargs, 1, 1);
    size_t start = ri_string_start(from, s->size);
    size_t end = ri_string_end(ri_arg_opt_int(T, args, nargs, 2, from), s->size);
    const char *bytes = ri_str_data(s);
    size_t count;
    if (start > end)
        return 0;
    if (RI_LIKELY(start == end))
        return ri_return_int(args, (unsigned char)bytes[start - 1]);
    count = end - start + 1;
    if (count >= INT32_MAX)
        ri_error(T, "string slice too long");
    if (RI_UNLIKELY(count > SLICE_VALUES)) {
        ri_set_int(&args[BYTE_FIRST], (int64_t)start);
        ri_set_int(&args[BYTE_LAST], (int64_t)end);
        T->top = args + BYTE_SLOTS;
        return string_byte_resume(T, args, BYTE_SLOTS);
    }
    if (count > RI_STACK_RESERVE) {
        if (!ri_stack_try_reserve(T, (uint32_t)count))
            ri_error(T, "stack overflow (string slice too long)");
        args = T->base;
    }
    for (size_t i = 0; i < count; i++)
        ri_set_int(args - 2 + i, (unsigned char)bytes[start - 1 + i]);
    return (int32_t)count;
}

static char char_argument(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    uint64_t c = (uint64_t)ri_arg_int(T, args, nargs, i);
    RI_ARG_CHECK(T, c <= 255, i, "value out of range");
    return (char)c;
}

static void fill_char(RiThread *T, char *result, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        result[i] = char_argument(T, T->base, (uint32_t)to, (uint32_t)i);
}

static int32_t string_char_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    return fill_on(T, nargs - 1, SLICE_VALUES, fill_char);
}

static int32_t string_char(RiThread *T, RiValue *args, uint32_t nargs)
{
    Draft draft;
    if (nargs == 1)
        return ri_return_string(args, T->heap->one_byte[(unsigned char)char_argument(T, args, nargs, 0)]);
    if (RI_UNLIKELY(nargs > SLICE_VALUES))
        return fill_large(T, nargs, nargs, SLICE_VALUES, fill_char);
    draft_begin(&draft, T->heap, nargs);
    for (uint32_t i = 0; i < nargs; i++)
        draft.bytes[i] = char_argument(T, args, nargs, i);
    return ri_return_string(args, draft_finish(&draft, T->heap, nargs));
}

static RI_ALWAYS_INLINE void copy_reversed(char *to, const char *from_end, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t eight;
        from_end -= 8;
        memcpy(&eight, from_end, 8);
        eight = __builtin_bswap64(eight);
        memcpy(to + i, &eight, 8);
    }
    for (; i < size; i++)
        to[i] = *--from_end;
}

enum { CASE_STATE = 1 }; /* slot of reverse, lower and upper */

static void fill_reversed(RiThread *T, char *result, size_t from, size_t to)
{
    const RiString *s = T->base[0].p;
    copy_reversed(result + from, ri_str_data(s) + (s->size - from), to - from);
}

static int32_t string_reverse_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return fill_on(T, CASE_STATE, SLICE_SIZE, fill_reversed);
}

static int32_t string_reverse(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    Draft draft;
    if (RI_UNLIKELY(s->size > SLICE_SIZE))
        return fill_large(T, s->size, CASE_STATE, SLICE_SIZE, fill_reversed);
    draft_begin(&draft, T->heap, s->size);
    copy_reversed(draft.bytes, ri_str_data(s) + s->size, s->size);
    return ri_return_string(args, draft_finish(&draft, T->heap, s->size));
}

/* Copy, with bit 5 of the letters from `first` to `first` + 25 turned over. Eight bytes at a time: adding to the low
 * seven bits of each byte carries into its top bit exactly if it is not below a bound. */
static void copy_turning_case(char *to, const char *from, size_t size, unsigned char first)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t eight, low, letters;
        memcpy(&eight, from + i, 8);
        low = eight & ~tops;
        letters = (low + (0x80u - first) * ones) & ~(low + (0x80u - first - 26) * ones) & ~eight & tops;
        eight ^= letters >> 2;
        memcpy(to + i, &eight, 8);
    }
    for (; i < size; i++) {
        unsigned char c = (unsigned char)from[i];
        to[i] = (char)(c ^ ((unsigned char)(c - first) < 26) << 5);
    }
}

static void fill_lower(RiThread *T, char *result, size_t from, size_t to)
{
    copy_turning_case(result + from, ri_str_data(T->base[0].p) + from, to - from, 'A');
}

static void fill_upper(RiThread *T, char *result, size_t from, size_t to)
{
    copy_turning_case(result + from, ri_str_data(T->base[0].p) + from, to - from, 'a');
}

static int32_t string_lower_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return fill_on(T, CASE_STATE, SLICE_SIZE, fill_lower);
}

static int32_t string_upper_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return fill_on(T, CASE_STATE, SLICE_SIZE, fill_upper);
}

static int32_t string_lower(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    Draft draft;
    if (RI_UNLIKELY(s->size > SLICE_SIZE))
        return fill_large(T, s->size, CASE_STATE, SLICE_SIZE, fill_lower);
    draft_begin(&draft, T->heap, s->size);
    copy_turning_case(draft.bytes, ri_str_data(s), s->size, 'A');
    return ri_return_string(args, draft_finish(&draft, T->heap, s->size));
}

static int32_t string_upper(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    Draft draft;
    if (RI_UNLIKELY(s->size > SLICE_SIZE))
        return fill_large(T, s->size, CASE_STATE, SLICE_SIZE, fill_upper);
    draft_begin(&draft, T->heap, s->size);
    copy_turning_case(draft.bytes, ri_str_data(s), s->size, 'a');
    return ri_return_string(args, draft_finish(&draft, T->heap, s->size));
}

enum { REP_STRING, REP_COUNT, REP_SEPARATOR, REP_STATE };

static void fill_repeated(RiThread *T, char *result, size_t from, size_t to)
{
    const RiString *s = T->base[REP_STRING].p;
    const RiString *separator = ri_is_nil(T->base[REP_SEPARATOR]) ? T->heap->empty : T->base[REP_SEPARATOR].cp;
    size_t unit = s->size + separator->size;
    if (unit == 1 && s->size == 1) {
        memset(result + from, *ri_str_data(s), to - from);
        return;
    }
    while (from < to) {
        size_t phase = from % unit, piece; /* what comes next is also to be found at `phase`, */
        const char *source = result + phase;
        if (from >= unit) {
            piece = from - phase;
        } else if (phase < s->size) { /* or not yet */
            source = ri_str_data(s) + phase;
            piece = s->size - phase;
        } else {
            source = ri_str_data(separator) + (phase - s->size);
            piece = unit - phase;
        }
        if (piece > to - from)
            piece = to - from;
        memcpy(result + from, source, piece);
        from += piece;
    }
}

static int32_t string_rep_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return fill_on(T, REP_STATE, SLICE_SIZE, fill_repeated);
}

static int32_t string_rep(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    int64_t count = ri_arg_int(T, args, nargs, 1);
    RiString *separator = ri_arg_is_none_or_nil(args, nargs, 2) ? T->heap->empty : ri_arg_str(T, args, nargs, 2);
    size_t unit = s->size + separator->size, total, done;
    const char *bytes = ri_str_data(s);
    Draft draft;
    if (count <= 0)
        return ri_return_string(args, T->heap->empty);
    if (unit > RESULT_SIZE_MAX / (uint64_t)count)
        ri_error(T, "resulting string too large");
    if (count == 1 || unit == 0)
        return ri_return_string(args, s);
    total = (size_t)count * unit - separator->size;
    if (RI_UNLIKELY(total > SLICE_SIZE)) {
        if (nargs <= REP_SEPARATOR)
            ri_push(T, ri_nil());
        return fill_large(T, total, REP_STATE, SLICE_SIZE, fill_repeated);
    }
    draft_begin(&draft, T->heap, total);
    if (unit == 1 && s->size == 1) {
        memset(draft.bytes, *bytes, total);
        return ri_return_string(args, draft_finish(&draft, T->heap, total));
    }
    memcpy(draft.bytes, bytes, s->size);
    memcpy(draft.bytes + s->size, ri_str_data(separator), separator->size); /* count > 1, so it fits */
    for (done = unit; done < total;) { /* double what is there, by whole units */
        size_t piece = done < total - done ? done : total - done;
        memcpy(draft.bytes + done, draft.bytes, piece);
        done += piece;
    }
    return ri_return_string(args, draft_finish(&draft, T->heap, total));
}

static int32_t string_dump(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_function(T, args, nargs, 0);
    if (args[0].tag != RI_TAG_CLOSURE)
        ri_error(T, "unable to dump given function");
    const RiProto *proto = ((const RiClosure *)args[0].cp)->feedback->proto;
    RiString *chunk = ri_dump(T, proto, nargs > 1 && !ri_is_falsy(args[1]));
    return ri_return_string(T->base, chunk);
}

/* -- Patterns ---------------------------------------------------------------------------------------------------- */

static RI_COLD RI_NORETURN void throw_pattern_error(RiThread *T, const RiMatch *m)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    ri_error(T, m->error, m->error_index);
#pragma GCC diagnostic pop
}

/* Capture number `i` of a match in `s`; number 0 is the whole match where the pattern has none. */
static RI_ALWAYS_INLINE RiValue capture_value(RiThread *T, const RiMatch *m, RiString *s, uint32_t i)
{
    const RiPattern *pattern = m->pattern;
    const char *start = m->start, *end = m->end;
    if (i < pattern->capture_count) {
        if (RI_UNLIKELY(pattern->capture_kinds[i] != RI_CAPTURE_CLOSED)) {
            if (pattern->capture_kinds[i] == RI_CAPTURE_UNFINISHED)
                ri_error(T, "unfinished capture");
            return ri_int(m->capture_start[i] - m->subject + 1);
        }
        start = m->capture_start[i];
        end = m->capture_end[i];
    } else if (RI_UNLIKELY(i != 0)) {
        ri_error(T, "invalid capture index %%%d", (int)i + 1);
    }
    return ri_string_value(ri_str_slice(T->heap, s, (size_t)(start - m->subject), (size_t)(end - m->subject)));
}

/* The captures as results, behind `skip` results to be stored by the caller. Strings are made before anything is
 * stored: the first results lie over the frame's function and link. */
static RI_ALWAYS_INLINE int32_t return_captures(RiThread *T, const RiMatch *m, RiString *s, uint32_t count, uint32_t skip)
{
    RiValue captures[RI_CAPTURES_MAX];
    RiValue *to;
    if (RI_LIKELY(count == 1)) {
        RiValue only = capture_value(T, m, s, 0);
        ri_store(T->base - 2 + skip, only);
        return (int32_t)(1 + skip);
    }
    for (uint32_t i = 0; i < count; i++) {
        RiValue v = capture_value(T, m, s, i);
        ri_store(&captures[i], v);
    }
    if (count + skip > RI_STACK_RESERVE)
        ri_stack_reserve(T, count + skip);
    to = T->base - 2 + skip;
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&to[i], &captures[i]);
    return (int32_t)(count + skip);
}

static uint32_t capture_result_count(const RiPattern *pattern)
{
    return pattern->capture_count > 0 ? pattern->capture_count : 1;
}

#define FIND_STEP ((size_t)4 << 20) /* bytes searched between two safe points */

static const char *find_text(RiThread *T, const char *text, size_t size, const RiString *needle)
{
    const char *wanted = ri_str_data(needle);
    size_t piece = FIND_STEP + needle->size;
    while (RI_UNLIKELY(size > piece)) {
        const char *found = ri_find_bytes(text, piece, wanted, needle->size);
        if (found != NULL)
            return found;
        text += FIND_STEP; /* what begins in the rest of the piece is in the next one too */
        size -= FIND_STEP;
        ri_poll(T);
    }
    return ri_find_bytes(text, size, wanted, needle->size);
}

static int32_t return_plain_find(RiThread *T, RiValue *args, const RiString *s, size_t from, const RiString *needle)
{
    const char *text = ri_str_data(s);
    const char *found = find_text(T, text + from, s->size - from, needle);
    if (found == NULL)
        return ri_return_nil(args);
    int64_t start = found - text + 1;
    return ri_return2(args, ri_int(start), ri_int(start + (int64_t)needle->size - 1));
}

enum { FIND_SUBJECT, FIND_PATTERN, FIND_INIT, FIND_PLAIN, FIND_STATE };
enum { GMATCH_STATE = 0 }; /* the iterator's arguments do not matter */

/* A search in `slot` has been suspended, or met an error. */
static RI_COLD int32_t search_stopped(RiThread *T, const RiMatch *m, RiMatchState *state, uint32_t slot)
{
    if (m->error != ri_match_suspended)
        throw_pattern_error(T, m);
    state = ri_match_save(m, state);
    ri_string_keep(T, slot, state);
    return RI_LIB_POLL;
}

static RI_ALWAYS_INLINE int32_t return_found(RiThread *T, const RiMatch *m, RiString *s)
{
    int32_t count = 0;
    if (m->pattern->capture_count > 0)
        count = return_captures(T, m, s, m->pattern->capture_count, 2) - 2;
    return ri_return2(T->base, ri_int(m->start - m->subject + 1), ri_int(m->end - m->subject)) + count;
}

static int32_t string_find_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = args[FIND_SUBJECT].p;
    RiMatchState *state = args[FIND_STATE].p;
    RiMatch m;
    (void)nargs;
    if (!ri_match_go_on(&m, T, T->heap, state, ri_str_data(s), s->size, NULL))
        return m.error != NULL ? search_stopped(T, &m, state, FIND_STATE) : ri_return_nil(T->base);
    return return_found(T, &m, s);
}

static int32_t string_match_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = args[FIND_SUBJECT].p;
    RiMatchState *state = args[FIND_STATE].p;
    RiMatch m;
    (void)nargs;
    if (!ri_match_go_on(&m, T, T->heap, state, ri_str_data(s), s->size, NULL))
        return m.error != NULL ? search_stopped(T, &m, state, FIND_STATE) : ri_return_nil(T->base);
    return return_captures(T, &m, s, capture_result_count(m.pattern), 0);
}

static int32_t string_find(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    RiString *p = ri_arg_str(T, args, nargs, 1);
    size_t from = ri_string_start(ri_arg_opt_int(T, args, nargs, 2, 1), s->size) - 1;
    RiMatch m;
    if (from > s->size)
        return ri_return_nil(args);
    if ((nargs > 3 && !ri_is_falsy(args[3])) || ri_pattern_is_plain(ri_str_data(p), p->size))
        return return_plain_find(T, args, s, from, p);
    ri_match_init(&m, T, T->heap, ri_pattern_of(T, p, false), ri_str_data(s), s->size);
    if (!ri_match_search(&m, m.subject + from, NULL)) {
        if (m.error != NULL)
            return search_stopped(T, &m, NULL, FIND_STATE);
        return ri_return_nil(T->base);
    }
    return return_found(T, &m, s);
}

static int32_t string_match(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    RiString *p = ri_arg_str(T, args, nargs, 1);
    size_t from = ri_string_start(ri_arg_opt_int(T, args, nargs, 2, 1), s->size) - 1;
    RiMatch m;
    if (from > s->size)
        return ri_return_nil(args);
    ri_match_init(&m, T, T->heap, ri_pattern_of(T, p, false), ri_str_data(s), s->size);
    if (!ri_match_search(&m, m.subject + from, NULL)) {
        if (m.error != NULL)
            return search_stopped(T, &m, NULL, FIND_STATE);
        return ri_return_nil(T->base);
    }
    return return_captures(T, &m, s, capture_result_count(m.pattern), 0);
}

/* Upvalues of the iterator of gmatch. */
enum { GMATCH_SUBJECT, GMATCH_PATTERN, GMATCH_AT, GMATCH_REFUSED, GMATCH_UPVALUES };

static int32_t gmatch_next(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiNative *self = ri_self_native(T);
    RiString *s = self->upvals[GMATCH_SUBJECT].p;
    int64_t at = self->upvals[GMATCH_AT].i, refused = self->upvals[GMATCH_REFUSED].i;
    RiMatch m;
    (void)args;
    (void)nargs;
    if (at > (int64_t)s->size)
        return 0;
    ri_match_init(&m, T, T->heap, ri_pattern_of(T, self->upvals[GMATCH_PATTERN].p, true), ri_str_data(s), s->size);
    if (!ri_match_search(&m, m.subject + at, refused < 0 ? NULL : m.subject + refused)) {
        if (m.error != NULL)
            return search_stopped(T, &m, NULL, GMATCH_STATE);
        return 0;
    }
    self->upvals[GMATCH_AT].i = self->upvals[GMATCH_REFUSED].i = m.end - m.subject;
    return return_captures(T, &m, s, capture_result_count(m.pattern), 0);
}

static int32_t gmatch_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiNative *self = ri_self_native(T);
    RiString *s = self->upvals[GMATCH_SUBJECT].p;
    int64_t refused = self->upvals[GMATCH_REFUSED].i;
    RiMatchState *state = args[GMATCH_STATE].p;
    const char *subject = ri_str_data(s);
    RiMatch m;
    (void)nargs;
    if (!ri_match_go_on(&m, T, T->heap, state, subject, s->size, refused < 0 ? NULL : subject + refused))
        return m.error != NULL ? search_stopped(T, &m, state, GMATCH_STATE) : 0;
    self->upvals[GMATCH_AT].i = self->upvals[GMATCH_REFUSED].i = m.end - m.subject;
    return return_captures(T, &m, s, capture_result_count(m.pattern), 0);
}

static const RiLibFn gmatch_iterator = RI_FN_RESUMABLE(gmatch_next, gmatch_resume, "for iterator", "iterator()",
                                                       "The next match of a string.gmatch.");

static int32_t string_gmatch(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    RiString *p = ri_arg_str(T, args, nargs, 1);
    size_t from = ri_string_start(ri_arg_opt_int(T, args, nargs, 2, 1), s->size) - 1;
    RiNative *iterator = ri_native_new(T->heap, &gmatch_iterator, GMATCH_UPVALUES);
    ri_set_string(&iterator->upvals[GMATCH_SUBJECT], s);
    ri_set_string(&iterator->upvals[GMATCH_PATTERN], p);
    ri_set_int(&iterator->upvals[GMATCH_AT], (int64_t)(from > s->size ? s->size + 1 : from));
    ri_set_int(&iterator->upvals[GMATCH_REFUSED], -1);
    return ri_return1(args, ri_object(iterator, RI_TAG_NATIVE));
}

/* -- gsub -------------------------------------------------------------------------------------------------------- */

enum { GSUB_SUBJECT, GSUB_PATTERN, GSUB_REPLACEMENT, GSUB_MAX, GSUB_STATE, GSUB_SLOTS };

/* State of a substitution. It lies on the C stack, or in a collected block in the frame: from the beginning if a function
 * gives the replacements, for that one is called from the dispatch loop, and gsub goes on when it has returned; else from
 * the first safe point on. */
typedef struct Gsub {
    RiObject object; /* RI_TAG_BLOCK */
    RiPattern *pattern;
    RiBuffer *buffer; /* the result so far; NULL while it fits into inline_bytes */
    RiMatchState *search;
    size_t size, capacity;
    size_t at;          /* where the next search begins */
    size_t copied;      /* the subject up to here is in the result, or was replaced */
    size_t match_start, match_end;
    int64_t refused;    /* end of the last match, -1 at first */
    int64_t count, max; /* matches */
    bool is_done;
    bool is_in_frame;
    bool is_calling;   /* the function */
    bool is_searching; /* the search was suspended: `search` */
    char inline_bytes[400];
} Gsub;

static char *gsub_bytes(Gsub *g)
{
    return g->buffer != NULL ? g->buffer->bytes : g->inline_bytes;
}

static RI_NOINLINE void gsub_grow(RiThread *T, Gsub *g, size_t extra)
{
    size_t capacity = g->capacity * 2;
    RiBuffer *bigger;
    if (extra > RESULT_SIZE_MAX || g->size + extra > RESULT_SIZE_MAX)
        ri_error_memory(T);
    while (capacity < g->size + extra + 1)
        capacity *= 2;
    bigger = ri_heap_alloc(T->heap, sizeof(RiBuffer) + capacity, RI_SPACE_LEAF);
    ri_object_init(bigger, RI_TAG_BUFFER, 0, 0, 0);
    bigger->capacity = capacity;
    bigger->used = 0;
    memcpy(bigger->bytes, gsub_bytes(g), g->size);
    if (g->buffer != NULL)
        ri_heap_free(T->heap, g->buffer, sizeof(RiBuffer) + g->buffer->capacity);
    g->buffer = bigger;
    g->capacity = capacity;
}

static RI_ALWAYS_INLINE void gsub_add(RiThread *T, Gsub *g, const char *bytes, size_t size)
{
    if (RI_UNLIKELY(size >= g->capacity - g->size)) /* one byte stays free for the terminator */
        gsub_grow(T, g, size);
    char *to = gsub_bytes(g) + g->size;
    g->size += size;
    if (size < 8) { /* most pieces are short: no call */
        while (size-- > 0)
            *to++ = *bytes++;
    } else {
        memcpy(to, bytes, size);
    }
}

static RI_ALWAYS_INLINE void gsub_begin(Gsub *g, RiPattern *pattern, int64_t max)
{
    g->pattern = pattern;
    g->buffer = NULL;
    g->size = 0;
    g->capacity = sizeof g->inline_bytes;
    g->at = g->copied = g->match_start = g->match_end = 0;
    g->refused = -1;
    g->count = 0;
    g->max = max;
    g->is_done = g->is_in_frame = g->is_calling = g->is_searching = false;
    g->search = NULL;
}

/* A state for the frame: the one that the last gsub of this process left, or a new one. */
static Gsub *gsub_new_state(RiThread *T)
{
    void **spare = ri_pattern_spare(T);
    if (spare != NULL && *spare != NULL) {
        Gsub *g = *spare;
        *spare = NULL;
        return g;
    }
    Gsub *g = ri_heap_alloc_block(T->heap, sizeof *g);
    ri_block_describe(g, offsetof(Gsub, size), false);
    return g;
}

static void gsub_leave_state(RiThread *T, Gsub *g)
{
    void **spare = ri_pattern_spare(T);
    g->pattern = NULL;
    g->buffer = NULL;
    g->search = NULL;
    if (spare != NULL)
        *spare = g;
}

static int32_t gsub_finish(RiThread *T, Gsub *g)
{
    RiString *s = T->base[GSUB_SUBJECT].p, *result = s;
    if (g->size > 0 || g->copied > 0) { /* something was replaced */
        gsub_add(T, g, ri_str_data(s) + g->copied, s->size - g->copied);
        if (g->buffer == NULL) {
            result = ri_str_new(T->heap, g->inline_bytes, g->size);
        } else {
            RiSbuf sb; /* knows when a buffer may become the string's storage without a copy */
            ri_sbuf_init(&sb, T->heap);
            sb.buffer = g->buffer;
            sb.data = g->buffer->bytes;
            sb.size = g->size;
            sb.capacity = g->capacity;
            result = ri_sbuf_finish(&sb);
        }
    }
    if (g->is_in_frame)
        gsub_leave_state(T, g);
    return ri_return2(T->base, ri_string_value(result), ri_int(g->count));
}

/* Leave at a safe point. The state moves into the frame. */
static RI_COLD int32_t gsub_suspend(RiThread *T, Gsub *g)
{
    if (!g->is_in_frame) {
        Gsub *kept = gsub_new_state(T);
        const RiObject header = kept->object;
        *kept = *g;
        kept->object = header;
        kept->is_in_frame = true;
        ri_string_keep(T, GSUB_STATE, kept);
    }
    return RI_LIB_POLL;
}

/* There was no further match, or the search met an error or was suspended. */
static int32_t gsub_end(RiThread *T, Gsub *g, const RiMatch *m)
{
    if (RI_LIKELY(m->error == NULL))
        return gsub_finish(T, g);
    if (m->error != ri_match_suspended)
        throw_pattern_error(T, m);
    g->search = ri_match_save(m, g->search);
    g->is_searching = true;
    return gsub_suspend(T, g);
}

static RI_ALWAYS_INLINE void gsub_note_match(Gsub *g, const RiMatch *m)
{
    g->count++;
    g->match_start = (size_t)(m->start - m->subject);
    g->match_end = (size_t)(m->end - m->subject);
    g->at = g->match_end;
    g->refused = (int64_t)g->match_end;
}

/* Find the next match; false: see gsub_end. */
static RI_ALWAYS_INLINE bool gsub_search(Gsub *g, RiMatch *m)
{
    if (g->is_done || g->count >= g->max)
        return false;
    g->is_done = g->pattern->anchored;
    if (!ri_match_search(m, m->subject + g->at, g->refused < 0 ? NULL : m->subject + g->refused))
        return false;
    gsub_note_match(g, m);
    return true;
}

static RI_COLD bool gsub_search_on(RiThread *T, Gsub *g, RiMatch *m, RiString *s)
{
    const char *subject = ri_str_data(s);
    g->is_searching = false;
    if (!ri_match_go_on(m, T, T->heap, g->search, subject, s->size, g->refused < 0 ? NULL : subject + g->refused))
        return false;
    gsub_note_match(g, m);
    return true;
}

/* The same for the first match of a C function's activation: prepares m. */
static RI_ALWAYS_INLINE bool gsub_search_first(RiThread *T, Gsub *g, RiMatch *m, RiString *s)
{
    if (RI_UNLIKELY(g->is_searching))
        return gsub_search_on(T, g, m, s);
    ri_match_init(m, T, T->heap, g->pattern, ri_str_data(s), s->size);
    return gsub_search(g, m);
}

/* Bring the unchanged text before the match into the result; the match itself counts as replaced. */
static RI_ALWAYS_INLINE void gsub_copy_before(RiThread *T, Gsub *g, const char *subject)
{
    gsub_add(T, g, subject + g->copied, g->match_start - g->copied);
    g->copied = g->match_end;
}

/* Replace the match by `v`, unless it is nil or false. */
static void gsub_add_value(RiThread *T, Gsub *g, const char *subject, RiValue v)
{
    RiString *text;
    if (ri_is_falsy(v))
        return;
    text = ri_is_string(v) ? v.p : ri_to_string_raw(T, v);
    if (RI_UNLIKELY(text == NULL))
        ri_error(T, "invalid replacement value (a %s)", ri_type_names[ri_type(v)]);
    gsub_copy_before(T, g, subject);
    gsub_add(T, g, ri_str_data(text), text->size);
}

/* Replace the match by the text, with %0 to %9 filled in. */
static void gsub_add_template(RiThread *T, Gsub *g, const RiMatch *m, RiString *s, const char *p, const char *end)
{
    const char *escape;
    while (p < end && (escape = memchr(p, '%', (size_t)(end - p))) != NULL) {
        char c = escape + 1 < end ? escape[1] : '\0';
        gsub_add(T, g, p, (size_t)(escape - p));
        if (c == '%') {
            gsub_add(T, g, "%", 1);
        } else if (c == '0') {
            gsub_add(T, g, m->start, (size_t)(m->end - m->start));
        } else if (c >= '1' && c <= '9') {
            uint32_t i = (uint32_t)(c - '1');
            if (i < m->pattern->capture_count && m->pattern->capture_kinds[i] == RI_CAPTURE_CLOSED) {
                gsub_add(T, g, m->capture_start[i], (size_t)(m->capture_end[i] - m->capture_start[i]));
            } else {
                RiValue v = capture_value(T, m, s, i);
                RiString *text = ri_to_string_raw(T, v);
                gsub_add(T, g, ri_str_data(text), text->size);
            }
        } else {
            ri_error(T, "invalid use of '%%' in replacement string");
        }
        p = escape + 2;
    }
    if (p < end)
        gsub_add(T, g, p, (size_t)(end - p));
}

static int32_t gsub_by_text(RiThread *T, Gsub *g, RiString *s, RiString *text)
{
    RiMatch m;
    const char *bytes = ri_str_data(text);
    bool is_plain = memchr(bytes, '%', text->size) == NULL;
    for (bool found = gsub_search_first(T, g, &m, s); found; found = gsub_search(g, &m)) {
        gsub_copy_before(T, g, m.subject);
        if (is_plain)
            gsub_add(T, g, bytes, text->size);
        else
            gsub_add_template(T, g, &m, s, bytes, bytes + text->size);
        if (ri_match_poll_due(&m))
            return gsub_suspend(T, g);
    }
    return gsub_end(T, g, &m);
}

static int32_t gsub_by_table(RiThread *T, Gsub *g, RiString *s)
{
    RiMatch m;
    for (bool found = gsub_search_first(T, g, &m, s); found; found = gsub_search(g, &m)) {
        RiValue key = capture_value(T, &m, s, 0);
        RiTable *table = T->base[GSUB_REPLACEMENT].p;
        RiValue v = table->meta == NULL ? ri_table_get(table, key) : ri_index(T, ri_table_value(table), key);
        m.subject = ri_str_data(s); /* __index may have run */
        m.subject_end = m.subject + s->size;
        gsub_add_value(T, g, m.subject, v);
        if (ri_match_poll_due(&m))
            return gsub_suspend(T, g);
    }
    return gsub_end(T, g, &m);
}

/* Call the function for the next match, or finish. */
static int32_t gsub_step(RiThread *T, Gsub *g)
{
    RiString *s = T->base[GSUB_SUBJECT].p;
    RiMatch m;
    uint32_t count;
    if (!gsub_search_first(T, g, &m, s))
        return gsub_end(T, g, &m);
    count = capture_result_count(m.pattern);
    if (count + 2 > RI_STACK_RESERVE - GSUB_SLOTS)
        ri_stack_reserve(T, count + 2);
    ri_push(T, T->base[GSUB_REPLACEMENT]);
    ri_push_link(T);
    for (uint32_t i = 0; i < count; i++) {
        RiValue v = capture_value(T, &m, s, i);
        ri_push(T, v);
    }
    g->is_calling = true;
    return ri_lib_call_no_yield(T, count, 1);
}

/* The function has returned, or a safe point has been served. */
static int32_t string_gsub_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    Gsub *g = args[GSUB_STATE].p;
    RiString *s = args[GSUB_SUBJECT].p;
    if (RI_LIKELY(g->is_calling)) {
        RiValue v = args[nargs - 1];
        g->is_calling = false;
        gsub_add_value(T, g, ri_str_data(s), v);
        T->top = T->base + GSUB_SLOTS;
        if (RI_UNLIKELY((g->count & 255) == 0 || T->heap->budget <= 0) && ri_poll_due(T))
            return RI_LIB_POLL;
        return gsub_step(T, g);
    }
    switch (args[GSUB_REPLACEMENT].tag) {
    case RI_TAG_STRING:
        return gsub_by_text(T, g, s, args[GSUB_REPLACEMENT].p);
    case RI_TAG_TABLE:
        return gsub_by_table(T, g, s);
    default:
        return gsub_step(T, g);
    }
}

static int32_t string_gsub(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s = ri_arg_str(T, args, nargs, 0);
    RiString *p = ri_arg_str(T, args, nargs, 1);
    RiType type = nargs > 2 ? ri_type(args[2]) : RI_TYPE_NONE;
    int64_t max = ri_arg_opt_int(T, args, nargs, 3, (int64_t)s->size + 1);
    RiPattern *pattern;
    if (type == RI_TYPE_FUNCTION) {
        pattern = ri_pattern_of(T, p, false);
        Gsub *g = gsub_new_state(T);
        gsub_begin(g, pattern, max);
        g->is_in_frame = true;
        if (nargs < GSUB_MAX + 1)
            ri_set_nil(&args[GSUB_MAX]);
        ri_set_object(&args[GSUB_STATE], g, RI_TAG_BLOCK);
        T->top = args + GSUB_SLOTS;
        return gsub_step(T, g);
    }
    if (type == RI_TYPE_TABLE) {
        Gsub g;
        pattern = ri_pattern_of(T, p, false);
        gsub_begin(&g, pattern, max);
        return gsub_by_table(T, &g, s);
    }
    if (type != RI_TYPE_STRING && type != RI_TYPE_NUMBER)
        ri_arg_type_error(T, args, nargs, 2, "string/function/table");
    RiString *text = ri_arg_str(T, args, nargs, 2);
    Gsub g;
    pattern = ri_pattern_of(T, p, false);
    gsub_begin(&g, pattern, max);
    return gsub_by_text(T, &g, s, text);
}

/* -- Arithmetic on strings (metamethods) ------------------------------------------------------------------------- */

static bool to_number(RiValue v, RiValue *out)
{
    const RiString *s = v.cp;
    int64_t i;
    double n;
    if (ri_is_number(v)) {
        *out = v;
        return true;
    }
    if (!ri_is_string(v))
        return false;
    switch (ri_num_parse(ri_str_data(s), s->size, &i, &n)) {
    case RI_NUM_INT:
        *out = ri_int(i);
        return true;
    case RI_NUM_FLOAT:
        *out = ri_float(n);
        return true;
    default:
        return false;
    }
}

static int32_t arith(RiThread *T, RiValue *args, uint32_t nargs, RiMetamethod event, const char *name)
{
    RiValue a = ri_arg(args, nargs, 0), b = ri_arg(args, nargs, 1), x, y, handler;
    if (to_number(a, &x) && to_number(b, &y)) {
        RiValue result;
        if (ri_arith_numbers(event, x, y, &result))
            return ri_return1(args, result);
        ri_error_no_position(T, event == RI_MM_MOD ? "attempt to perform 'n%%0'" : "attempt to divide by zero");
    }
    handler = ri_is_string(b) ? ri_nil() : ri_metafield(T, b, event);
    if (ri_is_nil(handler))
        ri_error(T, "attempt to %s a '%s' with a '%s'", name, ri_type_names[ri_type(a)], ri_type_names[ri_type(b)]);
    ri_push(T, handler);
    ri_push_link(T);
    ri_push(T, a);
    ri_push(T, b);
    return ri_lib_call_no_yield(T, 2, 1);
}

static int32_t arith_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    return ri_return1(args, args[nargs - 1]);
}

#define ARITH(name, event)                                                                                             \
    static int32_t string_arith_##name(RiThread *T, RiValue *args, uint32_t nargs)                                     \
    {                                                                                                                  \
        return arith(T, args, nargs, event, #name);                                                                    \
    }
ARITH(add, RI_MM_ADD)
ARITH(sub, RI_MM_SUB)
ARITH(mul, RI_MM_MUL)
ARITH(mod, RI_MM_MOD)
ARITH(pow, RI_MM_POW)
ARITH(div, RI_MM_DIV)
ARITH(idiv, RI_MM_IDIV)
ARITH(unm, RI_MM_UNM)
#undef ARITH

#define ARITH_FN(c_name, lua_name) RI_FN_RESUMABLE(c_name, arith_resume, lua_name, lua_name "(a, b)", "Arithmetic on numeric strings.")

static const struct {
    RiMetamethod event;
    RiLibFn fn;
} arith_metamethods[] = {
    {RI_MM_ADD, ARITH_FN(string_arith_add, "__add")},   {RI_MM_SUB, ARITH_FN(string_arith_sub, "__sub")},
    {RI_MM_MUL, ARITH_FN(string_arith_mul, "__mul")},   {RI_MM_MOD, ARITH_FN(string_arith_mod, "__mod")},
    {RI_MM_POW, ARITH_FN(string_arith_pow, "__pow")},   {RI_MM_DIV, ARITH_FN(string_arith_div, "__div")},
    {RI_MM_IDIV, ARITH_FN(string_arith_idiv, "__idiv")}, {RI_MM_UNM, ARITH_FN(string_arith_unm, "__unm")},
};

/* -- Table of functions ------------------------------------------------------------------------------------------ */

static const RiLibFn functions[] = {
    RI_FN_INTRINSIC_RESUMABLE(STRING_BYTE, string_byte, string_byte_resume, "string.byte", "string.byte(s [, i [, j]])",
                    "Codes of the bytes s[i] to s[j]; i is 1 if absent, j is i."),
    RI_FN_INTRINSIC_RESUMABLE(STRING_CHAR, string_char, string_char_resume, "string.char", "string.char(…)",
                              "The string of these byte codes."),
    RI_FN(string_dump, "string.dump", "string.dump(f [, strip])",
          "Function f as a binary chunk, to be loaded again; without debug information if strip is true."),
    RI_FN_RESUMABLE(string_find, string_find_resume, "string.find", "string.find(s, pattern [, init [, plain]])",
          "Where the pattern first matches in s: start, end and captures, or nil."),
    RI_FN_INTRINSIC_RESUMABLE(STRING_FORMAT, ri_string_format, ri_string_format_resume, "string.format",
                              "string.format(format, …)",
                    "The arguments in the format given, after the rules of C's sprintf."),
    RI_FN(string_gmatch, "string.gmatch", "string.gmatch(s, pattern [, init])",
          "An iterator over all matches of the pattern in s: its captures, or the whole match."),
    RI_FN_RESUMABLE(string_gsub, string_gsub_resume, "string.gsub", "string.gsub(s, pattern, replacement [, n])",
                    "A copy of s with all (or n) matches replaced by a string, a table's field or a function's result; "
                    "and the number of matches."),
    RI_FN_INTRINSIC(STRING_LEN, string_len, "string.len", "string.len(s)", "Size of s in bytes."),
    RI_FN_RESUMABLE(string_lower, string_lower_resume, "string.lower", "string.lower(s)", "A copy of s in lower case."),
    RI_FN_RESUMABLE(string_match, string_match_resume, "string.match", "string.match(s, pattern [, init])",
          "Captures of the first match of the pattern in s, or the whole match; nil if there is none."),
    RI_FN_RESUMABLE(ri_string_pack, ri_string_pack_resume, "string.pack", "string.pack(format, …)",
                    "The values packed into bytes."),
    RI_FN_RESUMABLE(ri_string_packsize, ri_string_packsize_resume, "string.packsize", "string.packsize(format)",
                    "Size of what string.pack makes of this format."),
    RI_FN_RESUMABLE(string_rep, string_rep_resume, "string.rep", "string.rep(s, n [, sep])",
                    "n copies of s, with sep between them."),
    RI_FN_RESUMABLE(string_reverse, string_reverse_resume, "string.reverse", "string.reverse(s)",
                    "s with its bytes in reverse order."),
    RI_FN_INTRINSIC(STRING_SUB, string_sub, "string.sub", "string.sub(s, i [, j])",
                    "The part of s from i to j; negative positions count from the end."),
    RI_FN_RESUMABLE(ri_string_unpack, ri_string_unpack_resume, "string.unpack", "string.unpack(format, s [, pos])",
          "The values packed in s, and the position after them."),
    RI_FN_RESUMABLE(string_upper, string_upper_resume, "string.upper", "string.upper(s)", "A copy of s in upper case."),
};

static void open_string(RiThread *T, RiTable *library)
{
    RiTable *meta = ri_table_new(T->heap, 0, 0);
    T->process->metatables[RI_TYPE_STRING] = meta;
    for (size_t i = 0; i < RI_COUNTOF(arith_metamethods); i++)
        ri_table_set_str(T->heap, meta, T->heap->mm_names[arith_metamethods[i].event],
                         ri_libfn_value(&arith_metamethods[i].fn));
    ri_table_set_str(T->heap, meta, T->heap->mm_names[RI_MM_INDEX], ri_table_value(library));
}

const RiLibrary ri_lib_string = {"string", functions, RI_COUNTOF(functions), open_string};
