/* Strings: immutable bytes, NUL-terminated.
 *
 *   interned (up to 40 bytes)   header | hash | size | bytes… NUL      equal strings are the same object
 *   long                        the same layout, not interned; hash made when first needed
 *   extended (RI_STR_EXTENDED)  header | hash | size | owner | start   bytes lie elsewhere: in a growable buffer shared
 *                               with shorter prefixes, which is how `s = s .. x` extends in place, or, of a large piece
 *                               of a large string, in that string. Not always NUL-terminated: ri_str_cstr makes sure.
 */
#ifndef RI_OBJECT_STR_H
#define RI_OBJECT_STR_H

#include "vm/object/heap.h"

#define RI_STR_SHORT_MAX 40 /* bytes: up to here strings are interned */

enum {
    RI_STR_INTERNED = 1,
    RI_STR_EXTENDED = 2,
    RI_STR_HASHED = 4,     /* object.word holds the hash (always for interned) */
    RI_STR_METAMETHOD = 8, /* begins with "__": a table that gains it forgets what it knows to be absent */
    RI_STR_RESERVED = 16,  /* a reserved word of Lua; aux holds the token for the lexer */
    RI_STR_JOINED = 32     /* made by ri_str_concat2: the next time something is appended, leave room for more */
};

enum { RI_BUFFER_UNCOUNTED = 1 }; /* the machine's, not the guest's: not in collectgarbage("count") */

typedef struct RiBuffer {
    RiObject object; /* RI_TAG_BUFFER, leaf space */
    size_t capacity; /* of bytes[], terminator included */
    size_t used;     /* end of the longest string that lives here */
    char bytes[];
} RiBuffer;

struct RiString {
    RiObject object; /* word: hash */
    size_t size;     /* bytes */
    union {
        char bytes[8]; /* really size + 1 */
        struct {       /* if extended */
            RiBuffer *buffer; /* the owner of the bytes: if it is no RI_TAG_BUFFER, a plain string */
            const char *start;
        };
    };
};

static inline const char *ri_str_data(const RiString *s)
{
    return RI_UNLIKELY(s->object.flags & RI_STR_EXTENDED) ? s->start : s->bytes;
}
static inline bool ri_str_is_interned(const RiString *s)
{
    return s->object.flags & RI_STR_INTERNED;
}

/* Make (or find) the string of these bytes. Collects: yes. Traps: no memory. `bytes` may point into another string. */
RiString *ri_str_new(RiHeap *heap, const char *bytes, size_t size);
RiString *ri_str_from_cstr(RiHeap *heap, const char *text);
/* A long string (size > RI_STR_SHORT_MAX) with uninitialized bytes, to be filled by the caller before anyone sees it. */
RiString *ri_str_new_uninit(RiHeap *heap, size_t size);
/* a .. b, extending a's buffer in place where a is its last user. Collects: yes. */
RiString *ri_str_concat2(RiHeap *heap, RiString *a, RiString *b);
/* The same for two that ri_str_are_short says are short and not empty; the result is interned. Collects: yes. */
RiString *ri_str_concat_short(RiHeap *heap, const RiString *first, const RiString *second);
static inline bool ri_str_are_short(const RiString *first, const RiString *second)
{
    return first->size - 1 < RI_STR_SHORT_MAX - 1 && second->size - 1 < RI_STR_SHORT_MAX - first->size;
}
/* The same with bytes that the caller keeps, if they lie in collected memory. */
RiString *ri_str_append(RiHeap *heap, RiString *a, const char *bytes, size_t size);

/* memcpy. On some processors the string instruction that C libraries copy 2 KB and more with takes 20 times as long if
 * the target lies just behind the source modulo 4096, as blocks of a heap of pages do all the time: smaller steps.
 * Traps: large copies may be stopped on the way. */
#define RI_COPY_STEP ((size_t)1536)
void ri_copy_large(RiHeap *heap, char *to, const char *from, size_t size);
static RI_ALWAYS_INLINE void ri_copy_bytes(RiHeap *heap, char *to, const char *from, size_t size)
{
    if (RI_LIKELY(size <= RI_COPY_STEP))
        __builtin_memcpy(to, from, size);
    else
        ri_copy_large(heap, to, from, size);
}

/* NUL-terminated bytes that stay valid as long as the string lives. May copy an extended string's bytes. */
const char *ri_str_cstr(RiHeap *heap, RiString *s);

uint32_t ri_str_hash(const RiHeap *heap, RiString *s); /* of any string; cached */
bool ri_str_equal_slow(const RiString *a, const RiString *b);
static inline bool ri_str_equal(const RiString *a, const RiString *b)
{
    return a == b || (!(a->object.flags & b->object.flags & RI_STR_INTERNED) && a->size == b->size &&
                      ri_str_equal_slow(a, b));
}
int ri_str_compare(const RiString *a, const RiString *b); /* as l_strcmp: strcoll by NUL-separated pieces; memcmp in C locale */

/* s:sub(i+1, j) by zero-based half-open range, without allocation for 0 and 1 bytes. A large piece, if it is at least
 * half of what it would keep alive, shares the bytes. */
RiString *ri_str_slice(RiHeap *heap, RiString *s, size_t start, size_t end);

/* Text of an integer, with a cache of small ones; of a float. */
RiString *ri_str_from_int(RiHeap *heap, int64_t i);
RiString *ri_str_from_float(RiHeap *heap, double n);

/* Intern table, used by heap.c: start and end of life; forget strings that are not live. The sweep runs while the world
 * is stopped: it neither allocates nor changes the table if all strings are live. `trim` makes a table that has become far
 * too large smaller; not during a collection. */
void ri_strings_init(RiHeap *heap);
void ri_strings_destroy(RiHeap *heap);
uint64_t ri_strings_count(const RiHeap *heap);
void ri_strings_sweep(RiHeap *heap, bool (*is_live)(const void *object));
void ri_strings_trim(RiHeap *heap);

/* -- Building strings ------------------------------------------------------------------------------------------
 * RiSbuf sb; ri_sbuf_init(&sb, heap); ri_sbuf_add(&sb, p, n); RiString *s = ri_sbuf_finish(&sb);
 * Lives on the C stack; small results stay in `inline_bytes`, larger ones in collected memory found by the conservative
 * scan: a throw past it leaks nothing. Collects: yes where it grows. */
typedef struct RiSbuf {
    char *data;
    size_t size, capacity;
    RiHeap *heap;
    RiBuffer *buffer; /* NULL while inline */
    char inline_bytes[1000];
} RiSbuf;

void ri_sbuf_grow(RiSbuf *sb, size_t extra); /* make room for `extra` more bytes */
static inline void ri_sbuf_init(RiSbuf *sb, RiHeap *heap)
{
    sb->data = sb->inline_bytes;
    sb->size = 0;
    sb->capacity = sizeof sb->inline_bytes;
    sb->heap = heap;
    sb->buffer = NULL;
}
static inline char *ri_sbuf_reserve(RiSbuf *sb, size_t extra)
{
    if (RI_UNLIKELY(extra > sb->capacity - sb->size))
        ri_sbuf_grow(sb, extra);
    return sb->data + sb->size;
}
static inline void ri_sbuf_add(RiSbuf *sb, const char *bytes, size_t size)
{
    char *to = ri_sbuf_reserve(sb, size);
    ri_copy_bytes(sb->heap, to, bytes, size);
    sb->size += size;
}
static inline void ri_sbuf_add_char(RiSbuf *sb, char c)
{
    *ri_sbuf_reserve(sb, 1) = c;
    sb->size++;
}
static inline void ri_sbuf_add_str(RiSbuf *sb, const RiString *s)
{
    ri_sbuf_add(sb, ri_str_data(s), s->size);
}
RiString *ri_sbuf_finish(RiSbuf *sb); /* the string; a large buffer becomes its storage without a copy */

#endif
