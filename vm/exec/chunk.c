/* Writing and reading saved chunks. The reader believes nothing: every count is compared with the bytes that are left
 * before memory is asked for, and the result passes through the verifier. */
#include "vm/exec/chunk.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/planted.h"
#include "vm/exec/verify.h"

#define NESTING_MAX 250

/* PUC's header, its two test numbers, our own mark. */
static const unsigned char header[] = {
    0x1b, 'L', 'u', 'a', 0x54, 0, 0x19, 0x93, '\r', '\n', 0x1a, '\n', 4, 8, 8,
    0x78, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x28, 0x77, 0x40, 'R', 'I', 'L', 'L', 'E', RI_CHUNK_VERSION,
};

#define FLAGS_AT sizeof(header)
#define SIZE_AT (FLAGS_AT + 1)
#define BODY_AT (SIZE_AT + 4)
#define CHECKSUM_SIZE 4

enum { CHUNK_STRIPPED = 1 };
enum { PROTO_VARARG = 1, PROTO_LINES = 2 };

static uint64_t little_endian(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

/* Eight bytes at a time, the last ones filled up with zeros. */
static uint32_t checksum(const char *bytes, size_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        sum = (sum ^ little_endian(word)) * 0x100000001b3u;
        sum ^= sum >> 32;
    }
    if (size > 0) {
        uint64_t word = 0;
        memcpy(&word, bytes, size);
        sum = (sum ^ little_endian(word)) * 0x100000001b3u;
        sum ^= sum >> 32;
    }
    return (uint32_t)sum;
}

/* -- Writing ----------------------------------------------------------------------------------------------------- */

typedef struct Writer {
    RiHeap *heap;
    RiSbuf *strings, *body;
    RiTable *numbers; /* string -> its number in the table */
    uint32_t string_count;
    bool strip;
} Writer;

static void put_byte(RiSbuf *out, unsigned byte)
{
    ri_sbuf_add_char(out, (char)byte);
}

static void put_u32(RiSbuf *out, uint32_t u)
{
    char *to = ri_sbuf_reserve(out, 4);
    for (int i = 0; i < 4; i++)
        to[i] = (char)(u >> 8 * i);
    out->size += 4;
}

static void put_varint(RiSbuf *out, uint64_t u)
{
    char *to = ri_sbuf_reserve(out, 10), *start = to;
    for (; u >= 0x80; u >>= 7)
        *to++ = (char)((u & 0x7f) | 0x80);
    *to++ = (char)u;
    out->size += (size_t)(to - start);
}

/* A reference to a string: 0 for none, else its number + 1. */
static void put_string(Writer *w, RiString *s)
{
    if (s == NULL) {
        put_varint(w->body, 0);
        return;
    }
    RiValue number = ri_table_get(w->numbers, ri_string_value(s));
    if (ri_is_nil(number)) {
        number = ri_int(w->string_count++);
        if (ri_table_set(w->heap, w->numbers, ri_string_value(s), number) != RI_KEY_OK)
            ri_unreachable();
        put_varint(w->strings, s->size);
        ri_sbuf_add_str(w->strings, s);
    }
    put_varint(w->body, (uint64_t)number.i + 1);
}

static void put_constant(Writer *w, RiValue v)
{
    put_byte(w->body, (unsigned)v.tag);
    switch (v.tag) {
    case RI_TAG_INT:
        put_varint(w->body, v.u << 1 ^ (uint64_t)(v.i >> 63));
        break;
    case RI_TAG_FLOAT:
        put_u32(w->body, (uint32_t)v.u);
        put_u32(w->body, (uint32_t)(v.u >> 32));
        break;
    case RI_TAG_STRING:
        put_string(w, v.p);
        break;
    default: /* nil and booleans are all tag */
        ri_assert(v.tag <= RI_TAG_TRUE);
        break;
    }
}

static void put_debug_data(Writer *w, const RiProto *p)
{
    put_varint(w->body, p->line_mark_count);
    ri_sbuf_add(w->body, (const char *)p->line_deltas, p->code_count);
    for (uint32_t i = 0; i < p->line_mark_count; i++) {
        put_varint(w->body, p->line_marks[i].pc);
        put_varint(w->body, p->line_marks[i].line);
    }
}

static void put_locals(Writer *w, const RiProto *p)
{
    put_varint(w->body, w->strip ? 0 : p->local_count);
    for (uint32_t i = 0; !w->strip && i < p->local_count; i++) {
        put_string(w, p->locals[i].name);
        put_varint(w->body, p->locals[i].start_pc);
        put_varint(w->body, p->locals[i].end_pc - RI_PLANTED(chunks));
        put_varint(w->body, p->locals[i].slot);
    }
    put_varint(w->body, p->loop_count);
    for (uint32_t i = 0; i < p->loop_count; i++) {
        put_varint(w->body, p->loops[i].start_pc);
        put_varint(w->body, p->loops[i].end_pc);
        put_varint(w->body, p->loops[i].used_locals);
    }
}

static void put_proto(Writer *w, const RiProto *p)
{
    bool lines = p->has_lines && !w->strip;
    put_byte(w->body, (p->is_vararg ? PROTO_VARARG : 0u) | (lines ? PROTO_LINES : 0u));
    put_byte(w->body, p->param_count);
    put_varint(w->body, p->frame_size);
    put_varint(w->body, p->line_defined);
    put_varint(w->body, p->last_line_defined);
    put_string(w, w->strip ? NULL : p->source);
    put_varint(w->body, p->code_count);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    ri_sbuf_add(w->body, (const char *)p->code, p->code_count * sizeof(uint32_t));
#else
    for (uint32_t i = 0; i < p->code_count; i++)
        put_u32(w->body, p->code[i]);
#endif
    put_varint(w->body, p->constant_count);
    for (uint32_t i = 0; i < p->constant_count; i++)
        put_constant(w, p->constants[i]);
    put_varint(w->body, p->upval_count);
    for (uint32_t i = 0; i < p->upval_count; i++) {
        put_string(w, w->strip ? NULL : p->upvals[i].name);
        put_byte(w->body, p->upvals[i].in_stack);
        put_byte(w->body, p->upvals[i].index);
        put_byte(w->body, p->upvals[i].kind);
    }
    put_varint(w->body, p->site_count);
    for (uint32_t i = 0; i < p->site_count; i++)
        put_varint(w->body, (uint32_t)(p->sites[i].key + 1)); /* RI_NO_KEY becomes 0 */
    if (lines)
        put_debug_data(w, p);
    put_locals(w, p);
    put_varint(w->body, p->proto_count);
    for (uint32_t i = 0; i < p->proto_count; i++)
        put_proto(w, p->protos[i]);
}

RiString *ri_chunk_dump(RiHeap *heap, const RiProto *proto, bool strip)
{
    RiSbuf strings, body, out;
    ri_sbuf_init(&strings, heap);
    ri_sbuf_init(&body, heap);
    ri_sbuf_init(&out, heap);
    Writer w = {heap, &strings, &body, ri_table_new(heap, 0, 0), 0, strip};
    put_proto(&w, proto);

    RiSbuf count;
    ri_sbuf_init(&count, heap);
    put_varint(&count, w.string_count);
    ri_sbuf_add(&out, (const char *)header, sizeof header);
    put_byte(&out, strip ? CHUNK_STRIPPED : 0);
    put_u32(&out, (uint32_t)(count.size + strings.size + body.size));
    ri_sbuf_add(&out, count.data, count.size);
    ri_sbuf_add(&out, strings.data, strings.size);
    ri_sbuf_add(&out, body.data, body.size);
    put_u32(&out, checksum(out.data, out.size));
    return ri_sbuf_finish(&out);
}

/* -- Reading ----------------------------------------------------------------------------------------------------- */

typedef struct Reader {
    RiHeap *heap;
    const unsigned char *at, *end;
    const char *problem; /* first one met; reading goes on with zeros */
    RiString **strings;
    uint32_t string_count;
} Reader;

static void problem(Reader *r, const char *text)
{
    if (r->problem == NULL)
        r->problem = text;
    r->at = r->end;
}

static unsigned get_byte(Reader *r)
{
    if (r->at == r->end) {
        problem(r, "function data ends too early");
        return 0;
    }
    return *r->at++;
}

static uint32_t get_u32(Reader *r)
{
    uint32_t u = 0;
    if (r->end - r->at < 4) {
        problem(r, "function data ends too early");
        return 0;
    }
    for (int i = 0; i < 4; i++)
        u |= (uint32_t)r->at[i] << 8 * i;
    r->at += 4;
    return u;
}

static RI_NOINLINE uint64_t get_long_varint(Reader *r)
{
    uint64_t u = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        unsigned byte = get_byte(r);
        if (shift == 63 && byte > 1)
            break;
        u |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return u;
    }
    problem(r, "integer overflow");
    return 0;
}

static RI_ALWAYS_INLINE uint64_t get_varint(Reader *r)
{
    return RI_LIKELY(r->at < r->end && *r->at < 0x80) ? *r->at++ : get_long_varint(r);
}

static uint32_t get_number(Reader *r)
{
    uint64_t u = get_varint(r);
    if (u > INT32_MAX) {
        problem(r, "number too large");
        return 0;
    }
    return (uint32_t)u;
}

/* A count of things that take at least `size` bytes each. */
static uint32_t get_count(Reader *r, size_t size)
{
    uint32_t count = get_number(r);
    if (count > (size_t)(r->end - r->at) / size) {
        problem(r, "count exceeds the data");
        return 0;
    }
    return count;
}

static void *get_array(Reader *r, uint32_t count, size_t size, bool has_pointers)
{
    return count > 0 ? ri_proto_alloc(r->heap, count * size, has_pointers) : NULL;
}

static void get_strings(Reader *r)
{
    uint32_t count = get_count(r, 1);
    r->strings = get_array(r, count, sizeof(RiString *), true);
    r->string_count = count;
    for (uint32_t i = 0; i < count && r->problem == NULL; i++) {
        uint32_t size = get_count(r, 1);
        if (r->problem == NULL)
            r->strings[i] = ri_str_new(r->heap, (const char *)r->at, size);
        r->at += size;
    }
}

static RiString *get_string(Reader *r)
{
    uint64_t number = get_varint(r);
    if (number == 0)
        return NULL;
    if (number > r->string_count) {
        problem(r, "no such string");
        return NULL;
    }
    return r->strings[number - 1];
}

static RiValue get_constant(Reader *r)
{
    unsigned tag = get_byte(r);
    switch (tag) {
    case RI_TAG_NIL:
        return ri_nil();
    case RI_TAG_FALSE:
    case RI_TAG_TRUE:
        return ri_bool(tag == RI_TAG_TRUE);
    case RI_TAG_INT: {
        uint64_t u = get_varint(r);
        return ri_int((int64_t)(u >> 1 ^ (0 - (u & 1))));
    }
    case RI_TAG_FLOAT: {
        uint64_t low = get_u32(r);
        return (RiValue){.u = low | (uint64_t)get_u32(r) << 32, .tag = RI_TAG_FLOAT};
    }
    case RI_TAG_STRING: {
        RiString *s = get_string(r);
        if (s == NULL) {
            problem(r, "constant string is missing");
            return ri_nil();
        }
        return ri_string_value(s);
    }
    default:
        problem(r, "constant of a kind that is not allowed");
        return ri_nil();
    }
}

static void get_code(Reader *r, RiProto *p)
{
    uint32_t count = get_count(r, 4);
    p->code = get_array(r, count, sizeof(uint32_t), false);
    p->code_count = count;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (count > 0)
        memcpy(p->code, r->at, count * sizeof(uint32_t));
    r->at += count * sizeof(uint32_t);
#else
    for (uint32_t i = 0; i < count; i++)
        p->code[i] = get_u32(r);
#endif
}

static void get_tables(Reader *r, RiProto *p)
{
    uint32_t count = get_count(r, 1);
    p->constants = get_array(r, count, sizeof(RiValue), true);
    p->constant_count = count;
    for (uint32_t i = 0; i < count; i++) {
        RiValue v = get_constant(r);
        ri_store(&p->constants[i], v);
    }
    count = get_count(r, 4);
    p->upvals = get_array(r, count, sizeof(RiUpvalDesc), true);
    p->upval_count = count;
    for (uint32_t i = 0; i < count; i++) {
        p->upvals[i].name = get_string(r);
        p->upvals[i].in_stack = get_byte(r) != 0;
        p->upvals[i].index = (uint8_t)get_byte(r);
        p->upvals[i].kind = (uint8_t)get_byte(r);
    }
    count = get_count(r, 1);
    p->sites = get_array(r, count, sizeof(RiSite), false);
    p->site_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t key = get_number(r);
        p->sites[i].key = key == 0 ? RI_NO_KEY : key - 1;
    }
}

static void get_lines(Reader *r, RiProto *p)
{
    uint32_t count = get_count(r, 2);
    if (p->code_count > (size_t)(r->end - r->at)) {
        problem(r, "count exceeds the data");
        return;
    }
    p->has_lines = 1;
    p->line_deltas = get_array(r, p->code_count, 1, false);
    if (p->code_count > 0)
        memcpy(p->line_deltas, r->at, p->code_count);
    r->at += p->code_count;
    p->line_marks = get_array(r, count, sizeof(RiLineMark), false);
    p->line_mark_count = count;
    for (uint32_t i = 0; i < count; i++) {
        p->line_marks[i].pc = get_number(r);
        p->line_marks[i].line = get_number(r);
    }
}

static void get_locals(Reader *r, RiProto *p)
{
    uint32_t count = get_count(r, 4);
    p->locals = get_array(r, count, sizeof(RiLocalVar), true);
    p->local_count = count;
    for (uint32_t i = 0; i < count; i++) {
        p->locals[i].name = get_string(r);
        p->locals[i].start_pc = get_number(r);
        p->locals[i].end_pc = get_number(r);
        p->locals[i].slot = get_number(r);
    }
    count = get_count(r, 3);
    p->loops = get_array(r, count, sizeof(RiLoop), false);
    p->loop_count = count;
    for (uint32_t i = 0; i < count; i++) {
        p->loops[i].start_pc = get_number(r);
        p->loops[i].end_pc = get_number(r);
        p->loops[i].used_locals = get_varint(r);
    }
}

static RiProto *get_proto(Reader *r, unsigned level)
{
    if (level > NESTING_MAX) {
        problem(r, "functions nested too deep");
        return NULL;
    }
    RiProto *p = ri_proto_new(r->heap);
    unsigned flags = get_byte(r);
    p->is_vararg = (flags & PROTO_VARARG) != 0;
    p->param_count = (uint8_t)get_byte(r);
    p->frame_size = get_number(r);
    p->line_defined = get_number(r);
    p->last_line_defined = get_number(r);
    p->source = get_string(r);
    get_code(r, p);
    get_tables(r, p);
    if (flags & PROTO_LINES)
        get_lines(r, p);
    get_locals(r, p);
    uint32_t count = get_count(r, 10); /* even an empty function takes more */
    p->protos = get_array(r, count, sizeof(RiProto *), true);
    p->proto_count = count;
    for (uint32_t i = 0; i < count && r->problem == NULL; i++)
        p->protos[i] = get_proto(r, level + 1);
    return p;
}

/* What is wrong with the first bytes, or NULL. */
static const char *check_header(const char *bytes, size_t size)
{
    static const struct {
        size_t end;
        const char *problem;
    } parts[] = {
        {4, "not a binary chunk"},          {5, "version mismatch"},    {6, "format mismatch"},
        {12, "corrupted chunk"},            {13, "Instruction size mismatch"}, {14, "lua_Integer size mismatch"},
        {15, "lua_Number size mismatch"},   {23, "integer format mismatch"},   {31, "float format mismatch"},
        {36, "bytecode of another Lua"},    {37, "bytecode of another version of Rille"},
    };
    size_t common = size < sizeof header ? size : sizeof header;
    for (size_t i = 0, part = 0; i < common; i++) {
        while (i >= parts[part].end)
            part++;
        if ((unsigned char)bytes[i] != header[i])
            return parts[part].problem;
    }
    return size < BODY_AT ? "truncated chunk" : NULL;
}

static RiProto *refuse(const char **error, char message[160], const char *why)
{
    snprintf(message, 160, "%s", why); /* `why` may be a text that ends with the caller's frame */
    *error = message;
    return NULL;
}

RiProto *ri_chunk_load(RiHeap *heap, const char *bytes, size_t size, const char **error, char message[160])
{
    const char *why = check_header(bytes, size);
    if (why != NULL)
        return refuse(error, message, why);
    Reader sizes = {.at = (const unsigned char *)bytes + SIZE_AT, .end = (const unsigned char *)bytes + BODY_AT};
    size_t body_size = get_u32(&sizes);
    if (size - BODY_AT < body_size || size - BODY_AT - body_size < CHECKSUM_SIZE)
        return refuse(error, message, "truncated chunk");
    const unsigned char *body = (const unsigned char *)bytes + BODY_AT;
    Reader sum = {.at = body + body_size, .end = body + body_size + CHECKSUM_SIZE};
    if (get_u32(&sum) != checksum(bytes, BODY_AT + body_size))
        return refuse(error, message, "corrupted chunk");

    Reader r = {.heap = heap, .at = body, .end = body + body_size};
    get_strings(&r);
    RiProto *proto = get_proto(&r, 0);
    if (r.problem == NULL && r.at != r.end)
        problem(&r, "data after the main function");
    if (r.problem != NULL)
        return refuse(error, message, r.problem);
    char rule[128];
    uint32_t pc;
    why = ri_verify(proto, rule, &pc);
    return why != NULL ? refuse(error, message, why) : proto;
}
