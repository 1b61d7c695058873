/* Strings: interning, hashing, concatenation in place, building.
 *
 * The intern table lies in malloc's memory, where the collector does not see it. Its entries form groups of eight; each
 * has a tag of one byte, and the tags of a group are looked at together, as one word:
 *
 *   0 never used      1 its string has died      0x80 … 0xff  seven bits of the hash
 *
 * A string lies in the first group from (hash & mask) on that had room. A group with an unused entry ends the search for
 * it. Most strings are new or there: either way the tags, an eighth of the size, nearly always tell. */
#include "vm/object/str.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"

#define GROUP 8               /* entries */
#define GROUPS_FIRST 8        /* a power of two */
#define SPARSE 4              /* times as large as needed: worth making smaller */
#define INT_CACHE_SIZE 256
#define ADOPT_MIN 4096 /* bytes: smaller results of a builder are copied into a string of the exact size */
#define EXTEND_MIN 64  /* bytes: shorter results of concatenations get no room to grow */
#define SHARE_MIN 2048 /* bytes: shorter pieces of strings are copied */

#define UNUSED 0
#define DEAD 1
#define EACH_BYTE(b) ((uint64_t)(b) * 0x0101010101010101u)
#define TOP_BITS EACH_BYTE(0x80)

typedef struct IntText {
    int64_t i;
    RiString *text; /* NULL: not in use; forgotten at each collection */
} IntText;

/* Two short strings that were joined not long ago: programs join the same ones again and again, and to find the result
 * by its bytes takes a long chain of steps, each waiting for the one before. Emptied by every collection. */
typedef struct Pair {
    const RiString *first, *second;
    RiString *joined;
} Pair;
#define PAIR_CACHE_BITS 8

struct RiStrings {
    uint64_t *tags;     /* of each group */
    RiString **entries; /* garbage where the tag is UNUSED or DEAD */
    uint32_t mask;      /* groups - 1 */
    uint32_t count;     /* strings */
    uint32_t used;      /* entries that are not UNUSED: strings and dead ones */
    IntText *ints; /* INT_CACHE_SIZE; NULL: none needed yet, or memory is short, as with … */
    Pair *pairs;   /* … 1 << PAIR_CACHE_BITS of these */
};

/* -- Hashing ----------------------------------------------------------------------------------------------------- */

static RI_ALWAYS_INLINE uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static RI_ALWAYS_INLINE uint64_t load8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static RI_ALWAYS_INLINE uint64_t load4(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

#define K0 0x9e3779b97f4a7c15u
#define K1 0xd6e8feb86659fd93u
#define K2 0xa0761d6478bd642fu

static RI_ALWAYS_INLINE uint32_t finish_hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t h, size_t size)
{
    h = mix(a ^ K1, b ^ h);
    h = mix(h ^ K2, size ^ seed);
    return (uint32_t)(h ^ h >> 32);
}

/* Two overlapping halves for short strings, 16 bytes at a time for others: every byte counts. */
static RI_ALWAYS_INLINE uint32_t hash_bytes(uint64_t seed, const char *bytes, size_t size)
{
    uint64_t a, b, h = seed ^ K0;
    if (RI_LIKELY(size <= 16)) {
        if (size >= 8) {
            a = load8(bytes);
            b = load8(bytes + size - 8);
        } else if (size >= 4) {
            a = load4(bytes);
            b = load4(bytes + size - 4);
        } else if (size > 0) {
            a = (uint64_t)(uint8_t)bytes[0] << 16 | (uint64_t)(uint8_t)bytes[size >> 1] << 8 |
                (uint64_t)(uint8_t)bytes[size - 1];
            b = 0;
        } else {
            a = b = 0;
        }
    } else {
        const char *last = bytes + size - 16;
        for (; bytes < last; bytes += 16)
            h = mix(load8(bytes) ^ K1, load8(bytes + 8) ^ h);
        a = load8(last);
        b = load8(last + 8);
    }
    return finish_hash(seed, a, b, h, size);
}

uint32_t ri_str_hash(const RiHeap *heap, RiString *s)
{
    if (!(s->object.flags & RI_STR_HASHED)) {
        s->object.word = hash_bytes(heap->seed, ri_str_data(s), s->size);
        s->object.flags |= RI_STR_HASHED;
    }
    return s->object.word;
}

/* -- The intern table -------------------------------------------------------------------------------------------- */

static RI_ALWAYS_INLINE uint64_t tag_of(uint32_t hash)
{
    return hash >> 25 | 0x80;
}

/* The top bit of each byte that is `tag`, and perhaps of a few that are not. */
static RI_ALWAYS_INLINE uint64_t find_tag(uint64_t tags, uint64_t tag)
{
    uint64_t differing = tags ^ EACH_BYTE(tag);
    return (differing - EACH_BYTE(1)) & ~differing & TOP_BITS;
}

/* The top bit of each byte that is UNUSED. */
static RI_ALWAYS_INLINE uint64_t find_unused(uint64_t tags)
{
    return ~tags & ~(tags << 7) & TOP_BITS;
}

static RI_ALWAYS_INLINE uint32_t first_byte(uint64_t top_bits)
{
    return (uint32_t)__builtin_ctzll(top_bits) / 8;
}

/* Write down a string that is not there. There is room. */
static RI_ALWAYS_INLINE void enter(RiStrings *strings, RiString *s, uint32_t hash)
{
    uint32_t group = hash & strings->mask;
    uint64_t room;
    while ((room = ~strings->tags[group] & TOP_BITS) == 0)
        group = (group + 1) & strings->mask;
    uint32_t at = first_byte(room);
    uint64_t byte = (uint64_t)0xff << at * 8, old = strings->tags[group];
    strings->used += (old & byte) == UNUSED;
    strings->entries[(size_t)group * GROUP + at] = s;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a collection on another thread sees the string before its tag */
    strings->tags[group] = (old & ~byte) | (tag_of(hash) << at * 8);
}

static RiString *new_plain(RiHeap *heap, size_t size, uint8_t flags, uint32_t hash)
{
    RiString *s = ri_heap_alloc(heap, offsetof(RiString, bytes) + size + 1, RI_SPACE_LEAF);
    ri_object_init(s, RI_TAG_STRING, flags, 0, hash);
    s->size = size;
    ((char *)s)[offsetof(RiString, bytes) + size] = '\0';
    return s;
}

/* The two arrays of an empty table, which are one block. */
static bool allocate_table(RiHeap *heap, RiStrings *strings, uint32_t groups)
{
    char *block = ri_heap_calloc(heap, groups, sizeof(uint64_t) + GROUP * sizeof(RiString *)); /* all UNUSED */
    if (block == NULL)
        return false;
    strings->tags = (uint64_t *)(void *)block;
    strings->entries = (RiString **)(void *)(block + groups * sizeof(uint64_t));
    strings->mask = groups - 1;
    strings->used = 0;
    return true;
}

typedef struct NewTable {
    RiStrings *strings, *other; /* `other`: its arrays, mask and use count */
} NewTable;

/* Lay the table out anew, without the dead. Returns the old block. */
static void *replace_table(void *argument)
{
    NewTable *table = argument;
    RiStrings *strings = table->strings, *other = table->other;
    void *old = strings->tags;
    for (uint32_t group = 0; group <= strings->mask; group++) {
        for (uint64_t full = strings->tags[group] & TOP_BITS; full != 0; full &= full - 1) {
            RiString *s = strings->entries[(size_t)group * GROUP + first_byte(full)];
            enter(other, s, s->object.word);
        }
    }
    strings->tags = other->tags;
    strings->entries = other->entries;
    strings->mask = other->mask;
    strings->used = other->used;
    return old;
}

static bool is_crowded(const RiStrings *strings)
{
    return strings->used >= (strings->mask + 1) * (GROUP - 1);
}

/* So many that the strings there are fill half of them. */
static uint32_t groups_needed(const RiStrings *strings)
{
    uint32_t groups = GROUPS_FIRST;
    while (groups * GROUP < strings->count * 2 + 2)
        groups *= 2;
    return groups;
}

static bool try_resize_table(RiHeap *heap)
{
    RiStrings *strings = heap->strings;
    RiStrings other;
    if (!allocate_table(heap, &other, groups_needed(strings)))
        return false;
    NewTable table = {strings, &other};
    ri_heap_cfree(ri_heap_locked(replace_table, &table));
    return true;
}

/* Without memory for a larger table this one serves until it is crowded. */
static RI_COLD void grow_table(RiHeap *heap)
{
    if (try_resize_table(heap) || !is_crowded(heap->strings))
        return;
    ri_heap_collect(heap);
    if (is_crowded(heap->strings) && !try_resize_table(heap))
        heap->on_no_memory(heap);
}

/* Add a string that is not there. */
static void insert(RiHeap *heap, RiString *s, uint32_t hash)
{
    RiStrings *strings = heap->strings;
    if (RI_UNLIKELY(strings->used >= (strings->mask + 1) * (GROUP - 2)))
        grow_table(heap);
    strings->count++;
    enter(strings, s, hash);
}

static RI_ALWAYS_INLINE bool same_bytes(const char *a, const char *b, size_t size);

/* The string of these bytes in a heap's table; NULL if it is not there. */
static RI_ALWAYS_INLINE RiString *find(const RiStrings *strings, const char *bytes, size_t size, uint32_t hash)
{
    for (uint32_t group = hash & strings->mask;; group = (group + 1) & strings->mask) {
        uint64_t tags = strings->tags[group];
        for (uint64_t found = find_tag(tags, tag_of(hash)); found != 0; found &= found - 1) {
            RiString *s = strings->entries[(size_t)group * GROUP + first_byte(found)];
            if (s->object.word == hash && s->size == size && same_bytes(s->bytes, bytes, size))
                return s;
        }
        if (RI_LIKELY(find_unused(tags) != 0))
            return NULL;
    }
}

/* A string that this heap's table does not have: of the commons, or new. */
static RI_NOINLINE RiString *intern_new(RiHeap *heap, const char *bytes, size_t size, uint32_t hash)
{
    RiString *common = heap->commons != NULL ? find(heap->commons->strings, bytes, size, hash) : NULL;
    if (common != NULL)
        return common;
    uint8_t flags = RI_STR_INTERNED | RI_STR_HASHED;
    if (size >= 2 && bytes[0] == '_' && bytes[1] == '_')
        flags |= RI_STR_METAMETHOD;
    RiString *s = new_plain(heap, size, flags, hash);
    memcpy(s->bytes, bytes, size);
    insert(heap, s, hash);
    return s;
}

/* Equality of up to RI_STR_SHORT_MAX bytes. */
static RI_ALWAYS_INLINE bool same_bytes(const char *a, const char *b, size_t size)
{
    if (size >= 8) {
        const char *a_last = a + size - 8, *b_last = b + size - 8;
        for (; a < a_last; a += 8, b += 8) {
            if (load8(a) != load8(b))
                return false;
        }
        return load8(a_last) == load8(b_last);
    }
    if (size >= 4)
        return load4(a) == load4(b) && load4(a + size - 4) == load4(b + size - 4);
    return size == 0 || (a[0] == b[0] && a[size >> 1] == b[size >> 1] && a[size - 1] == b[size - 1]);
}

static RI_ALWAYS_INLINE RiString *intern(RiHeap *heap, const char *bytes, size_t size)
{
    uint32_t hash = hash_bytes(heap->seed, bytes, size);
    RiString *s = find(heap->strings, bytes, size, hash);
    return RI_LIKELY(s != NULL) ? s : intern_new(heap, bytes, size, hash);
}

/* -- Two short strings ------------------------------------------------------------------------------------------- */

/* Up to SMALL_MAX bytes, the first lowest; zero behind them. */
typedef unsigned __int128 Small;
#define SMALL_MAX 16

/* An interned string's bytes: its block, a multiple of 16 bytes with room for a NUL, can be read so far. */
static RI_ALWAYS_INLINE Small small_of(const RiString *s)
{
    Small all = (Small)load8(s->bytes + 8) << 64 | load8(s->bytes);
    return s->size == SMALL_MAX ? all : all & (((Small)1 << s->size * 8) - 1);
}

/* As hash_bytes has it. */
static RI_ALWAYS_INLINE uint32_t hash_small(uint64_t seed, Small bytes, size_t size)
{
    uint64_t a = (uint64_t)bytes, b = 0;
    if (size >= 8) {
        b = (uint64_t)(bytes >> (size - 8) * 8);
    } else if (size >= 4) {
        b = a >> (size - 4) * 8;
        a = (uint32_t)a;
    } else {
        a = (a & 0xff) << 16 | (a >> (size >> 1) * 8 & 0xff) << 8 | a >> (size - 1) * 8;
    }
    return finish_hash(seed, a, b, seed ^ K0, size);
}

/* Joined in registers: bytes that went through memory could be hashed only after their stores have met there. */
static RiString *join_small(RiHeap *heap, const RiString *first, const RiString *second)
{
    const RiStrings *strings = heap->strings;
    size_t size = first->size + second->size;
    Small bytes = small_of(first) | small_of(second) << first->size * 8;
    uint32_t hash = hash_small(heap->seed, bytes, size);
    for (uint32_t group = hash & strings->mask;; group = (group + 1) & strings->mask) {
        uint64_t tags = strings->tags[group];
        for (uint64_t found = find_tag(tags, tag_of(hash)); found != 0; found &= found - 1) {
            RiString *s = strings->entries[(size_t)group * GROUP + first_byte(found)];
            if (s->object.word == hash && s->size == size && small_of(s) == bytes)
                return s;
        }
        if (RI_LIKELY(find_unused(tags) != 0)) {
            char text[SMALL_MAX];
            memcpy(text, &bytes, sizeof text);
            return intern_new(heap, text, size, hash);
        }
    }
}

static RI_NOINLINE RiString *join_short(RiHeap *heap, const RiString *first, const RiString *second, Pair *pair)
{
    RiString *joined;
    size_t size = first->size + second->size;
    if (size <= SMALL_MAX && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        joined = join_small(heap, first, second);
    } else {
        char text[RI_STR_SHORT_MAX];
        memcpy(text, first->bytes, first->size);
        memcpy(text + first->size, second->bytes, second->size);
        joined = intern(heap, text, size);
    }
    if (pair == NULL)
        return joined;
    pair->first = NULL; /* a collection on another thread finds no half of it */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    pair->second = second;
    pair->joined = joined;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    pair->first = first;
    return joined;
}

RiString *ri_str_concat_short(RiHeap *heap, const RiString *first, const RiString *second)
{
    RiStrings *strings = heap->strings;
    if (RI_UNLIKELY(strings->pairs == NULL)) {
        strings->pairs = ri_heap_calloc(heap, (size_t)1 << PAIR_CACHE_BITS, sizeof(Pair));
        if (strings->pairs == NULL)
            return join_short(heap, first, second, NULL);
    }
    uint64_t mixed = ((uintptr_t)first + (uintptr_t)second * 8) * K0;
    Pair *pair = &strings->pairs[mixed >> (64 - PAIR_CACHE_BITS)];
    if (RI_LIKELY(pair->first == first && pair->second == second))
        return pair->joined;
    return join_short(heap, first, second, pair);
}

void ri_strings_sweep(RiHeap *heap, bool (*is_live)(const void *object))
{
    RiStrings *strings = heap->strings;
    if (strings == NULL)
        return;
    for (uint32_t group = 0; group <= strings->mask; group++) {
        uint64_t tags = strings->tags[group], dead = 0;
        for (uint64_t full = tags & TOP_BITS; full != 0; full &= full - 1) {
            uint32_t at = first_byte(full);
            if (!is_live(strings->entries[(size_t)group * GROUP + at]))
                dead |= (uint64_t)0xff << at * 8;
        }
        if (dead == 0)
            continue;
        uint32_t count = (uint32_t)__builtin_popcountll(dead) / 8;
        strings->count -= count;
        tags &= ~dead;
        if (find_unused(strings->tags[group]) != 0)
            strings->used -= count; /* no search has ever gone on from here */
        else
            tags |= dead & EACH_BYTE(DEAD);
        strings->tags[group] = tags;
    }
    if (strings->pairs != NULL)
        memset(strings->pairs, 0, sizeof(Pair) << PAIR_CACHE_BITS);
    for (size_t i = 0; strings->ints != NULL && i < INT_CACHE_SIZE; i++) {
        if (strings->ints[i].text != NULL && !is_live(strings->ints[i].text))
            strings->ints[i].text = NULL;
    }
}

void ri_strings_trim(RiHeap *heap)
{
    if (heap->strings->mask + 1 >= groups_needed(heap->strings) * SPARSE)
        (void)try_resize_table(heap);
}

/* "", the strings of one byte, and those that the machine knows by name. */
static void make_known_strings(RiHeap *heap)
{
    const uint8_t flags = RI_STR_INTERNED | RI_STR_HASHED;
    heap->one_byte = ri_heap_calloc(heap, 256, sizeof(RiString *));
    if (heap->one_byte == NULL)
        heap->on_no_memory(heap);
    heap->empty = new_plain(heap, 0, flags, hash_bytes(heap->seed, "", 0));
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        heap->one_byte[c] = new_plain(heap, 1, flags, hash_bytes(heap->seed, &byte, 1));
        heap->one_byte[c]->bytes[0] = byte;
    }
    static const char *const names[RI_MM_COUNT] = {
#define MM(id, text) text,
#include "vm/object/metamethods.def"
#undef MM
    };
    for (int i = 0; i < RI_MM_COUNT; i++)
        heap->mm_names[i] = ri_str_from_cstr(heap, names[i]);
    static const char *const events[RI_HOOK_EVENT_COUNT] = {"call", "tail call", "return", "line", "count"};
    for (int i = 0; i < RI_HOOK_EVENT_COUNT; i++)
        heap->hook_names[i] = ri_str_from_cstr(heap, events[i]);
}

static void take_known_strings(RiHeap *heap, const RiHeap *commons)
{
    heap->one_byte = commons->one_byte;
    heap->empty = commons->empty;
    memcpy(heap->mm_names, commons->mm_names, sizeof heap->mm_names);
    memcpy(heap->hook_names, commons->hook_names, sizeof heap->hook_names);
}

void ri_strings_init(RiHeap *heap)
{
    RiStrings *strings = ri_heap_calloc(heap, 1, sizeof *strings);
    if (strings == NULL || !allocate_table(heap, strings, GROUPS_FIRST)) {
        ri_heap_cfree(strings);
        heap->on_no_memory(heap);
    }
    heap->strings = strings;
    if (heap->commons != NULL)
        take_known_strings(heap, heap->commons);
    else
        make_known_strings(heap);
}

void ri_strings_destroy(RiHeap *heap)
{
    if (heap->commons == NULL)
        ri_heap_cfree(heap->one_byte);
    if (heap->strings != NULL) {
        ri_heap_cfree(heap->strings->tags);
        ri_heap_cfree(heap->strings->ints);
        ri_heap_cfree(heap->strings->pairs);
    }
    ri_heap_cfree(heap->strings);
    heap->strings = NULL;
}

uint64_t ri_strings_count(const RiHeap *heap)
{
    return heap->strings->count;
}

/* -- Making strings ---------------------------------------------------------------------------------------------- */

static RiString *new_long(RiHeap *heap, const char *bytes, size_t size)
{
    RiString *s = ri_str_new_uninit(heap, size);
    ri_copy_bytes(heap, s->bytes, bytes, size);
    if (ri_commons_hold(s)) /* it cannot be written to later */
        ri_str_hash(heap, s);
    return s;
}

RiString *ri_str_new(RiHeap *heap, const char *bytes, size_t size)
{
    if (RI_LIKELY(size - 2 <= RI_STR_SHORT_MAX - 2))
        return intern(heap, bytes, size);
    if (size == 0)
        return heap->empty;
    if (size == 1)
        return heap->one_byte[(uint8_t)bytes[0]];
    return new_long(heap, bytes, size);
}

RiString *ri_str_from_cstr(RiHeap *heap, const char *text)
{
    return ri_str_new(heap, text, strlen(text));
}

static size_t checked_size(RiHeap *heap, size_t size)
{
    if (RI_UNLIKELY(size >= RI_ALLOC_SIZE_MAX))
        heap->on_no_memory(heap);
    return size;
}

RiString *ri_str_new_uninit(RiHeap *heap, size_t size)
{
    ri_assert(size > RI_STR_SHORT_MAX);
    return new_plain(heap, checked_size(heap, size), 0, 0);
}

static RiBuffer *new_buffer(RiHeap *heap, size_t capacity)
{
    RiBuffer *buffer = ri_heap_alloc(heap, sizeof(RiBuffer) + checked_size(heap, capacity), RI_SPACE_LEAF);
    ri_object_init(buffer, RI_TAG_BUFFER, 0, 0, 0);
    buffer->capacity = capacity;
    buffer->used = 0;
    return buffer;
}

/* A string of `size` bytes from `start` on, which lie in the owner. */
static RiString *new_extended(RiHeap *heap, RiBuffer *owner, const char *start, size_t size, uint8_t flags)
{
    RiString *s = ri_heap_alloc(heap, sizeof(RiString), RI_SPACE_OBJECT);
    ri_object_init(s, RI_TAG_STRING, RI_STR_EXTENDED | flags, 0, 0);
    s->size = size;
    s->buffer = owner;
    s->start = start;
    return s;
}

static RiBuffer *growable(const RiString *s)
{
    return s->object.flags & RI_STR_EXTENDED && s->buffer->object.kind_byte == RI_KIND_BYTE(RI_TAG_BUFFER) ? s->buffer
                                                                                                          : NULL;
}

/* A large piece of a large string, which keeps at most as much again alive. NULL: to be copied. */
static RiString *share(RiHeap *heap, RiString *s, size_t start, size_t size)
{
    RiBuffer *owner = s->object.flags & RI_STR_EXTENDED ? s->buffer : (RiBuffer *)(void *)s;
    size_t held = growable(s) != NULL ? owner->capacity : ((RiString *)(void *)owner)->size;
    if (size < held / 2)
        return NULL;
    const char *from = ri_str_data(s) + start;
    return new_extended(heap, owner, from, size, 0);
}

RiString *ri_str_slice(RiHeap *heap, RiString *s, size_t start, size_t end)
{
    ri_debug_assert(end <= s->size);
    size_t size = end > start ? end - start : 0;
    if (size == s->size)
        return s;
    if (RI_UNLIKELY(size >= SHARE_MIN)) {
        RiString *piece = share(heap, s, start, size);
        if (piece != NULL)
            return piece;
    }
    return ri_str_new(heap, ri_str_data(s) + start, size);
}

const char *ri_str_cstr(RiHeap *heap, RiString *s)
{
    if (!(s->object.flags & RI_STR_EXTENDED))
        return s->bytes;
    RiBuffer *buffer = growable(s);
    if (buffer != NULL) {
        size_t end = (size_t)(s->start - buffer->bytes) + s->size;
        if (buffer->used == end && buffer->capacity > end) {
            buffer->bytes[end] = '\0';
            buffer->used++; /* nobody writes there any more: the string has become the last in this buffer */
        }
        if (buffer->used > end && buffer->bytes[end] == '\0')
            return s->start;
    } else if (s->start[s->size] == '\0') { /* plain strings do not change, and end with a NUL */
        return s->start;
    }
    RiBuffer *copy = new_buffer(heap, s->size + 1);
    ri_copy_bytes(heap, copy->bytes, s->start, s->size);
    copy->bytes[s->size] = '\0';
    copy->used = s->size + 1;
    s->buffer = copy;
    s->start = copy->bytes;
    return copy->bytes;
}

/* -- Copying ----------------------------------------------------------------------------------------------------- */

#define UNWATCHED_BYTES_MAX ((size_t)1 << 20) /* bytes between two looks at the budget */

/* The C library's memcpy: of a size in reach, compilers make the string instruction in place, which is slower here. */
static RI_ALWAYS_INLINE void copy_step(char *to, const char *from, size_t size)
{
    __asm__("" : "+r"(size)); /* hide its range */
    memcpy(to, from, size);
}

void ri_copy_large(RiHeap *heap, char *to, const char *from, size_t size)
{
    for (size_t unwatched = 0; size > RI_COPY_STEP; size -= RI_COPY_STEP) {
        copy_step(to, from, RI_COPY_STEP);
        to += RI_COPY_STEP;
        from += RI_COPY_STEP;
        unwatched += RI_COPY_STEP;
        if (RI_UNLIKELY(unwatched >= UNWATCHED_BYTES_MAX)) {
            unwatched = 0;
            ri_heap_pause_copy(heap);
        }
    }
    copy_step(to, from, size);
}

/* -- Concatenation ----------------------------------------------------------------------------------------------- */

/* a and more in a buffer with as much room again. */
static RiString *append_in_new_buffer(RiHeap *heap, const RiString *a, const char *bytes, size_t added)
{
    size_t size = a->size + added;
    RiBuffer *buffer = new_buffer(heap, size + size / 2 + 64);
    ri_copy_bytes(heap, buffer->bytes, ri_str_data(a), a->size);
    ri_copy_bytes(heap, buffer->bytes + a->size, bytes, added);
    buffer->used = size;
    return new_extended(heap, buffer, buffer->bytes, size, RI_STR_JOINED);
}

RiString *ri_str_append(RiHeap *heap, RiString *a, const char *bytes, size_t added)
{
    size_t size = checked_size(heap, a->size + added);
    if (size <= RI_STR_SHORT_MAX) {
        char whole[RI_STR_SHORT_MAX];
        memcpy(whole, ri_str_data(a), a->size);
        memcpy(whole + a->size, bytes, added);
        return ri_str_new(heap, whole, size);
    }
    RiBuffer *buffer = growable(a);
    if (buffer != NULL) {
        size_t end = (size_t)(a->start - buffer->bytes) + a->size;
        if (buffer->used == end && buffer->capacity - end >= added) {
            ri_copy_bytes(heap, buffer->bytes + end, bytes, added);
            buffer->used = end + added;
            return new_extended(heap, buffer, a->start, size, RI_STR_JOINED);
        }
    }
    /* A string that is itself the result of a concatenation and grows by little is likely to go on growing. */
    if ((a->object.flags & RI_STR_JOINED) && size >= EXTEND_MIN && added <= a->size)
        return append_in_new_buffer(heap, a, bytes, added);
    RiString *s = ri_str_new_uninit(heap, size);
    char *to = s->bytes;
    ri_copy_bytes(heap, to, ri_str_data(a), a->size);
    ri_copy_bytes(heap, to + a->size, bytes, added);
    s->object.flags |= RI_STR_JOINED;
    return s;
}

RiString *ri_str_concat2(RiHeap *heap, RiString *a, RiString *b)
{
    if (b->size == 0)
        return a;
    if (a->size == 0)
        return b;
    RiString *s = ri_str_append(heap, a, ri_str_data(b), b->size);
    __asm__ volatile("" : : "r"(b)); /* still known here: a collection finds it */
    return s;
}

/* -- Comparing --------------------------------------------------------------------------------------------------- */

bool ri_str_equal_slow(const RiString *a, const RiString *b)
{
    if (a->object.flags & b->object.flags & RI_STR_HASHED && a->object.word != b->object.word)
        return false;
    return memcmp(ri_str_data(a), ri_str_data(b), a->size) == 0;
}

static bool locale_is_plain(void)
{
    const char *name = setlocale(LC_COLLATE, NULL);
    return name == NULL || (name[0] == 'C' && name[1] == '\0') || strcmp(name, "POSIX") == 0;
}

/* Bytes that are followed by a NUL, in *copy if need be. Without memory for it, NULL. */
static const char *terminated(const RiString *s, char **copy)
{
    *copy = NULL;
    if (!(s->object.flags & RI_STR_EXTENDED))
        return s->bytes;
    *copy = malloc(s->size + 1);
    if (*copy != NULL) {
        memcpy(*copy, ri_str_data(s), s->size);
        (*copy)[s->size] = '\0';
    }
    return *copy;
}

static int compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t common = a_size < b_size ? a_size : b_size;
    if (common > 0 && a[0] != b[0])
        return (unsigned char)a[0] < (unsigned char)b[0] ? -1 : 1;
    int order = memcmp(a, b, common);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* By the order of the locale, one piece up to the next NUL after the other. */
static int compare_pieces(const char *a, size_t a_size, const char *b, size_t b_size)
{
    for (;;) {
        int order = strcoll(a, b);
        if (order != 0)
            return order;
        size_t piece = strlen(a); /* equal, if not in bytes, then both up to a NUL */
        size_t b_piece = strlen(b);
        if (b_piece == b_size)
            return a_size > piece;
        if (piece == a_size)
            return -1;
        a += piece + 1;
        a_size -= piece + 1;
        b += b_piece + 1;
        b_size -= b_piece + 1;
    }
}

int ri_str_compare(const RiString *a, const RiString *b)
{
    if (a == b)
        return 0;
    if (RI_LIKELY(locale_is_plain()))
        return compare_bytes(ri_str_data(a), a->size, ri_str_data(b), b->size);
    char *a_copy, *b_copy;
    const char *a_text = terminated(a, &a_copy), *b_text = terminated(b, &b_copy);
    int order = a_text != NULL && b_text != NULL
                    ? compare_pieces(a_text, a->size, b_text, b->size)
                    : compare_bytes(ri_str_data(a), a->size, ri_str_data(b), b->size);
    free(a_copy);
    free(b_copy);
    return order;
}

/* -- Numbers ----------------------------------------------------------------------------------------------------- */

RiString *ri_str_from_int(RiHeap *heap, int64_t i)
{
    RiStrings *strings = heap->strings;
    if (RI_UNLIKELY(strings->ints == NULL))
        strings->ints = ri_heap_calloc(heap, INT_CACHE_SIZE, sizeof(IntText));
    IntText *cached = strings->ints != NULL ? &strings->ints[(uint64_t)i % INT_CACHE_SIZE] : NULL;
    if (RI_LIKELY(cached != NULL) && cached->i == i && cached->text != NULL)
        return cached->text;
    char text[RI_NUM_TEXT_MAX];
    RiString *s = ri_str_new(heap, text, ri_num_print_int(i, text));
    if (cached != NULL) {
        cached->i = i;
        cached->text = s;
    }
    return s;
}

RiString *ri_str_from_float(RiHeap *heap, double n)
{
    char text[RI_NUM_TEXT_MAX];
    return ri_str_new(heap, text, ri_num_print_float(n, text));
}

/* -- Building ---------------------------------------------------------------------------------------------------- */

RI_NOINLINE void ri_sbuf_grow(RiSbuf *sb, size_t extra)
{
    size_t needed = checked_size(sb->heap, extra) + sb->size;
    /* One large piece is often all that comes: then the buffer becomes the string's, without a copy. */
    size_t capacity = sb->capacity * 2 > needed ? sb->capacity * 2 : needed + needed / 8;
    RiBuffer *old = sb->buffer, *buffer = new_buffer(sb->heap, capacity);
    ri_copy_bytes(sb->heap, buffer->bytes, sb->data, sb->size);
    sb->buffer = buffer;
    sb->data = buffer->bytes;
    sb->capacity = capacity;
    if (old != NULL)
        ri_heap_free(sb->heap, old, sizeof(RiBuffer) + old->capacity);
}

RiString *ri_sbuf_finish(RiSbuf *sb)
{
    RiBuffer *buffer = sb->buffer;
    RiString *s;
    if (buffer != NULL && sb->size >= ADOPT_MIN && sb->size >= buffer->capacity / 2) {
        buffer->used = sb->size;
        s = new_extended(sb->heap, buffer, buffer->bytes, sb->size, RI_STR_JOINED);
    } else {
        s = ri_str_new(sb->heap, sb->data, sb->size);
        if (buffer != NULL)
            ri_heap_free(sb->heap, buffer, sizeof(RiBuffer) + buffer->capacity);
    }
    ri_sbuf_init(sb, sb->heap);
    return s;
}
