/* Values of C: making, reading, writing, converting. See cdata.h. */
#include "vm/ffi/cdata.h"

#include <math.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/host/fault.h"

#define LARGE_BYTES 1024 /* from here on in a buffer of its own, if there are no pointers in it */
#define PAGE_BYTES 4096
#define NULL_PAGE_BYTES 65536 /* nothing is ever mapped below */

/* -- Making ------------------------------------------------------------------------------------------------------- */

static bool has_pointers(const RiCtype *t)
{
    t = t->plain;
    if (t->kind == RI_CK_ARRAY)
        return has_pointers(t->base);
    if (t->kind != RI_CK_STRUCT)
        return t->kind == RI_CK_POINTER || t->kind == RI_CK_REFERENCE;
    for (uint64_t i = 0; i < t->count; i++) {
        if (has_pointers(t->fields[i].type))
            return true;
    }
    return false;
}

static RiCdata *new_header(RiThread *T, RiCtype *type, uint64_t data_bytes)
{
    RiHeap *heap = T->heap;
    if (!(type->flags & RI_CT_PREPARED))
        ri_ctype_prepare(T, type);
    RiCdata *c = ri_heap_alloc(heap, sizeof *c + data_bytes, RI_SPACE_OBJECT);
    ri_object_init(c, RI_TAG_CDATA, 0, 0, type->id);
    heap->foreign_made++;
    c->serial = heap->serial++;
    c->owner = heap->owner;
    c->type = type;
    c->at = c->data;
    return c;
}

static char *aligned(char *p, uint64_t align)
{
    return (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
}

RiCdata *ri_cdata_new(RiThread *T, RiCtype *type, uint64_t size)
{
    uint64_t align = ri_ctype_align(type), slack = align > 16 ? align : 0;
    if (size > RI_ALLOC_SIZE_MAX)
        ri_error_memory(T);
    if (size < LARGE_BYTES || has_pointers(type)) {
        RiCdata *c = new_header(T, type, size + slack);
        c->at = aligned(c->data, align > 16 ? align : 16);
        c->size = size;
        return c;
    }
    RiCdata *c = new_header(T, type, 0);
    size_t capacity = size + slack + 16;
    RiBuffer *buffer = ri_heap_alloc(T->heap, sizeof *buffer + capacity, RI_SPACE_LEAF);
    ri_object_init(buffer, RI_TAG_BUFFER, 0, 0, 0);
    buffer->capacity = buffer->used = capacity;
    memset(buffer->bytes, 0, capacity);
    c->keep = buffer;
    c->at = aligned(buffer->bytes, align > 16 ? align : 16);
    c->size = size;
    return c;
}

RiCdata *ri_cdata_reference(RiThread *T, RiCtype *type, void *at, void *keep)
{
    bool known;
    RiCdata *c = new_header(T, ri_ctype_reference(T, type), 0);
    c->at = at;
    c->keep = keep;
    c->size = ri_ctype_size(type, &known);
    return c;
}

RiCdata *ri_cdata_pointer(RiThread *T, RiCtype *type, const void *p, void *keep)
{
    RiCdata *c = new_header(T, type, sizeof p);
    memcpy(c->data, &p, sizeof p);
    c->keep = keep;
    c->size = sizeof p;
    return c;
}

RiValue ri_cdata_of_type(RiThread *T, RiCtype *type)
{
    return ri_cdata_value(ri_cdata_pointer(T, ri_ffi_state(T)->ctype_type, type, NULL));
}

RiCtype *ri_cdata_as_type(RiThread *T, RiValue v)
{
    RiCtype *type;
    if (!ri_is_cdata(v) || ((const RiCdata *)v.cp)->type != ri_ffi_state(T)->ctype_type)
        return NULL;
    memcpy(&type, ((const RiCdata *)v.cp)->at, sizeof type);
    return type;
}

bool ri_cdata_address(RiThread *T, const RiCdata *c, char **address)
{
    const RiCtype *t = ri_cdata_type(c);
    if (t->kind == RI_CK_ARRAY || t->kind == RI_CK_STRUCT || t->kind == RI_CK_FUNCTION) {
        *address = c->at;
        return true;
    }
    if (t->kind != RI_CK_POINTER)
        return false;
    ri_ffi_read(T, c->at, address, sizeof *address);
    return true;
}

/* -- Bytes -------------------------------------------------------------------------------------------------------- */

RI_NORETURN static void bad_address(RiThread *T, const void *at, bool writes)
{
    if (at == NULL)
        ri_error(T, "attempt to %s through a NULL pointer", writes ? "write" : "read");
    ri_error(T, "attempt to %s at a bad address (%p)", writes ? "write" : "read", at);
}

static bool load_byte(const char *at, uint8_t *out)
{
#if RI_HAVE_FIXUPS
    return ri_fault_load_8(at, 0, out);
#else
    *out = *(const volatile uint8_t *)at;
    return true;
#endif
}

static bool store_byte(char *at, uint8_t byte)
{
#if RI_HAVE_FIXUPS
    return ri_fault_store_8(at, 0, byte);
#else
    *(volatile char *)at = (char)byte;
    return true;
#endif
}

void ri_ffi_probe(RiThread *T, const void *at, uint64_t size, bool writes)
{
    const char *p = at, *end = p + size;
    uint8_t byte;
    if (size == 0)
        return;
    if ((uintptr_t)p < NULL_PAGE_BYTES || (uintptr_t)p + size < size)
        bad_address(T, at, writes);
    while (p < end) {
        if (!load_byte(p, &byte) || (writes && !store_byte((char *)(uintptr_t)p, byte)))
            bad_address(T, p, writes);
        p = (const char *)(((uintptr_t)p | (PAGE_BYTES - 1)) + 1);
    }
}

static bool read_word(const char *at, void *out, uint64_t size)
{
#if RI_HAVE_FIXUPS
    switch (size) {
    case 1: return ri_fault_load_8(at, 0, out);
    case 2: return ri_fault_load_16(at, 0, out);
    case 4: return ri_fault_load_32(at, 0, out);
    case 8: return ri_fault_load_64(at, 0, out);
    default: return false;
    }
#else
    memcpy(out, at, size);
    return true;
#endif
}

static bool write_word(char *at, const void *from, uint64_t size)
{
#if RI_HAVE_FIXUPS
    uint64_t word = 0;
    memcpy(&word, from, size);
    switch (size) {
    case 1: return ri_fault_store_8(at, 0, (uint8_t)word);
    case 2: return ri_fault_store_16(at, 0, (uint16_t)word);
    case 4: return ri_fault_store_32(at, 0, (uint32_t)word);
    case 8: return ri_fault_store_64(at, 0, word);
    default: return false;
    }
#else
    memcpy(at, from, size);
    return true;
#endif
}

static bool is_word_size(uint64_t size)
{
    return size == 8 || size == 4 || size == 1 || size == 2;
}

void ri_ffi_read(RiThread *T, const void *at, void *out, uint64_t size)
{
    if (is_word_size(size)) {
        if ((uintptr_t)at < NULL_PAGE_BYTES || !read_word(at, out, size))
            bad_address(T, at, false);
        return;
    }
    ri_ffi_probe(T, at, size, false);
    memmove(out, at, size);
}

void ri_ffi_write(RiThread *T, void *at, const void *from, uint64_t size)
{
    if (is_word_size(size)) {
        if ((uintptr_t)at < NULL_PAGE_BYTES || !write_word(at, from, size))
            bad_address(T, at, true);
        return;
    }
    ri_ffi_probe(T, at, size, true);
    memmove(at, from, size);
}

uint64_t ri_ffi_string_size(RiThread *T, const char *at, uint64_t limit)
{
    uint64_t size = 0;
    while (size < limit) {
        uint64_t in_page = PAGE_BYTES - ((uintptr_t)(at + size) & (PAGE_BYTES - 1));
        uint64_t part = limit - size < in_page ? limit - size : in_page;
        ri_ffi_probe(T, at + size, 1, false);
        const char *end = memchr(at + size, '\0', part);
        if (end != NULL)
            return (uint64_t)(end - at);
        size += part;
    }
    return size;
}

/* -- Numbers ------------------------------------------------------------------------------------------------------ */

static int64_t float_to_int(double n)
{
    if (n >= -0x1p63 && n < 0x1p63)
        return (int64_t)n;
    return n >= 0x1p63 && n < 0x1p64 ? (int64_t)(uint64_t)n : INT64_MIN;
}

int64_t ri_cnumber_int(RiCnumber n)
{
    return n.kind == RI_CN_FLOAT ? float_to_int(n.n) : n.i;
}

double ri_cnumber_float(RiCnumber n)
{
    return n.kind == RI_CN_FLOAT ? n.n : n.kind == RI_CN_UINT ? (double)n.u : (double)n.i;
}

RiValue ri_cnumber_value(RiThread *T, RiCnumber n)
{
    if (n.kind == RI_CN_FLOAT)
        return ri_float(n.n);
    if (n.kind == RI_CN_INT)
        return ri_int(n.i);
    RiCdata *c = ri_cdata_new(T, ri_ffi_state(T)->basic[RI_C_ULONG], sizeof n.u);
    memcpy(c->at, &n.u, sizeof n.u);
    return ri_cdata_value(c);
}

RiValue ri_ffi_to_lua_number(RiThread *T, RiValue v)
{
    RiCnumber n;
    if (!ri_is_cdata(v) || !ri_ffi_number(T, v, true, &n))
        return ri_is_number(v) ? v : ri_nil();
    if (n.kind == RI_CN_UINT)
        return n.u <= INT64_MAX ? ri_int(n.i) : ri_float((double)n.u);
    return n.kind == RI_CN_INT ? ri_int(n.i) : ri_float(n.n);
}

static void extend(const RiCtype *t, uint64_t bits, unsigned width, RiCnumber *out)
{
    unsigned shift = 64 - width;
    bool is_unsigned = (t->plain->flags & RI_CT_UNSIGNED) != 0 || t->kind == RI_CK_BOOL;
    out->kind = is_unsigned && width == 64 ? RI_CN_UINT : RI_CN_INT;
    out->u = bits << shift;
    out->i = is_unsigned ? (int64_t)(out->u >> shift) : out->i >> shift;
}

/* The number of type t there. */
static bool load_number(RiThread *T, const RiCtype *t, const char *at, RiCnumber *out)
{
    uint64_t bits = 0;
    float f;
    long double l;
    if (ri_ctype_is_integer(t)) {
        ri_ffi_read(T, at, &bits, t->plain->size);
        extend(t, bits, (unsigned)t->plain->size * 8, out);
        return true;
    }
    if (t->kind != RI_CK_FLOAT || (t->flags & RI_CT_OPAQUE))
        return false;
    out->kind = RI_CN_FLOAT;
    if (t->size == sizeof f) {
        ri_ffi_read(T, at, &f, sizeof f);
        out->n = (double)f;
    } else if (t->size == sizeof out->n) {
        ri_ffi_read(T, at, &out->n, sizeof out->n);
    } else {
        ri_ffi_read(T, at, &l, sizeof l);
        out->n = (double)l;
    }
    return true;
}

bool ri_ffi_number(RiThread *T, RiValue v, bool booleans, RiCnumber *out)
{
    if (ri_is_int(v)) {
        *out = (RiCnumber){.kind = RI_CN_INT, .i = v.i};
        return true;
    }
    if (ri_is_float(v)) {
        *out = (RiCnumber){.kind = RI_CN_FLOAT, .n = v.n};
        return true;
    }
    if (booleans && ri_is_bool(v)) {
        *out = (RiCnumber){.kind = RI_CN_INT, .i = v.tag == RI_TAG_TRUE};
        return true;
    }
    if (!ri_is_cdata(v))
        return false;
    const RiCdata *c = v.cp;
    return load_number(T, ri_cdata_type(c), c->at, out);
}

static void store_number(RiThread *T, const RiCtype *t, char *at, RiCnumber n)
{
    if (t->kind == RI_CK_FLOAT) {
        double d = ri_cnumber_float(n);
        float f = (float)d;
        long double l = n.kind == RI_CN_UINT  ? (long double)n.u
                        : n.kind == RI_CN_INT ? (long double)n.i
                                              : (long double)n.n;
        ri_ffi_write(T, at, t->size == sizeof f ? (void *)&f : t->size == sizeof d ? (void *)&d : (void *)&l, t->size);
        return;
    }
    int64_t bits = ri_cnumber_int(n);
    if (t->kind == RI_CK_BOOL)
        bits = n.kind == RI_CN_FLOAT ? n.n != 0 : n.i != 0;
    ri_ffi_write(T, at, &bits, t->plain->size);
}

/* -- To Lua ------------------------------------------------------------------------------------------------------- */

/* A value of its own, with a copy of the bytes. */
static RiValue boxed(RiThread *T, RiCtype *t, const char *at)
{
    RiCdata *c = ri_cdata_new(T, t->plain, t->plain->size);
    ri_ffi_read(T, at, c->at, t->plain->size);
    return ri_cdata_value(c);
}

RiValue ri_ffi_load(RiThread *T, RiCtype *t, char *at, void *keep)
{
    RiCnumber n;
    char *p;
    switch (t->kind) {
    case RI_CK_BOOL:
        return ri_bool(load_number(T, t, at, &n) && n.i != 0);
    case RI_CK_INT:
    case RI_CK_FLOAT:
        if (load_number(T, t, at, &n) && n.kind != RI_CN_UINT)
            return n.kind == RI_CN_FLOAT ? ri_float(n.n) : ri_int(n.i);
        return boxed(T, t, at);
    case RI_CK_POINTER:
        ri_ffi_read(T, at, &p, sizeof p);
        return ri_cdata_value(ri_cdata_pointer(T, t->plain, p, NULL));
    case RI_CK_REFERENCE:
        ri_ffi_read(T, at, &p, sizeof p);
        if (t->base->kind != RI_CK_STRUCT && t->base->kind != RI_CK_ARRAY && t->base->kind != RI_CK_FUNCTION)
            return ri_ffi_load(T, t->base, p, NULL);
        return ri_cdata_value(ri_cdata_reference(T, t->base, p, NULL));
    case RI_CK_ARRAY:
    case RI_CK_STRUCT:
        if ((uintptr_t)at < NULL_PAGE_BYTES)
            bad_address(T, at, false);
        return ri_cdata_value(ri_cdata_reference(T, t, at, keep));
    case RI_CK_FUNCTION:
        return ri_cdata_value(ri_cdata_reference(T, t, at, keep));
    case RI_CK_VOID:
        ri_error(T, "attempt to read a value of type 'void'");
    default:
        return boxed(T, t, at);
    }
}

static uint64_t load_bits(RiThread *T, const RiCfield *f, const char *at)
{
    uint8_t bytes[16] = {0};
    unsigned first = f->bit_offset / 8, shift = f->bit_offset % 8, count = (shift + f->bit_width + 7) / 8;
    ri_ffi_read(T, at + first, bytes, count);
    uint64_t low, high;
    memcpy(&low, bytes, 8);
    memcpy(&high, bytes + 8, 8);
    return shift > 0 ? low >> shift | high << (64 - shift) : low;
}

static void store_bits(RiThread *T, const RiCfield *f, char *at, uint64_t bits)
{
    uint8_t bytes[16] = {0};
    unsigned first = f->bit_offset / 8, shift = f->bit_offset % 8, count = (shift + f->bit_width + 7) / 8;
    ri_ffi_read(T, at + first, bytes, count);
    for (unsigned i = 0; i < f->bit_width; i++) {
        unsigned k = shift + i, bit = 1u << (k % 8);
        bytes[k / 8] = (uint8_t)(bits >> i & 1 ? bytes[k / 8] | bit : bytes[k / 8] & ~bit);
    }
    ri_ffi_write(T, at + first, bytes, count);
}

RiValue ri_ffi_load_field(RiThread *T, const RiCfield *f, char *at, void *keep)
{
    if (f->bit_width == 0)
        return ri_ffi_load(T, f->type, at, keep);
    RiCnumber n;
    extend(f->type, load_bits(T, f, at), f->bit_width, &n);
    if (f->type->kind == RI_CK_BOOL)
        return ri_bool(n.i != 0);
    if (f->type->kind == RI_CK_ENUM) {
        RiCdata *c = ri_cdata_new(T, f->type->plain, f->type->plain->size);
        memcpy(c->at, &n.u, f->type->plain->size);
        return ri_cdata_value(c);
    }
    return ri_cnumber_value(T, n);
}

/* -- From Lua ----------------------------------------------------------------------------------------------------- */

const char *ri_ffi_type_text(RiThread *T, RiValue v)
{
    return ri_is_cdata(v) ? ri_ctype_text(T, ((const RiCdata *)v.cp)->type) : ri_type_name(T, v);
}

void ri_ffi_cannot_convert(RiThread *T, RiValue v, const RiCtype *t)
{
    RiFfi *ffi = ri_ffi_state(T);
    const char *from = ri_ffi_type_text(T, v), *to = ri_ctype_text(T, t);
    uint32_t argument = ffi->argument;
    ffi->argument = 0;
    if (argument > 0)
        ri_error(T, "bad argument #%u (cannot convert '%s' to '%s')", argument, from, to);
    ri_error(T, "cannot convert '%s' to '%s'", from, to);
}

static void *string_to_pointer(RiThread *T, RiCtype *t, RiValue v, bool casts)
{
    const RiCtype *base = t->base;
    bool fits = base->kind == RI_CK_VOID || ri_ctype_is_char(base);
    if (!fits || (!casts && !(base->qualifiers & RI_CQ_CONST)))
        ri_ffi_cannot_convert(T, v, t);
    return (void *)(uintptr_t)ri_str_cstr(T->heap, v.p);
}

static void *cdata_to_pointer(RiThread *T, RiCtype *t, RiValue v, bool casts, void **keep)
{
    RiCdata *c = v.p;
    RiCtype *from = ri_cdata_type(c);
    RiCnumber n;
    char *p;
    if (c->type == ri_ffi_state(T)->ctype_type)
        ri_ffi_cannot_convert(T, v, t);
    if (ri_cdata_address(T, c, &p)) {
        bool is_pointer = from->kind == RI_CK_POINTER;
        RiCtype *pointee = is_pointer || from->kind == RI_CK_ARRAY ? from->base : from;
        bool alike = ri_ctype_points_alike(t->base, pointee) ||
                     (from->kind == RI_CK_ARRAY && ri_ctype_points_alike(t->base, from)) ||
                     (t->base->kind == RI_CK_FUNCTION && pointee->kind == RI_CK_FUNCTION);
        if (!casts && !alike)
            ri_ffi_cannot_convert(T, v, t);
        *keep = is_pointer ? c->keep : c->keep != NULL && c->type->kind == RI_CK_REFERENCE ? c->keep : c;
        return p;
    }
    if (!casts || !ri_ffi_number(T, v, false, &n)) {
        /* A reference to a number where a pointer to it is wanted. */
        if (c->type->kind == RI_CK_REFERENCE && ri_ctype_points_alike(t->base, from)) {
            *keep = c;
            return c->at;
        }
        ri_ffi_cannot_convert(T, v, t);
    }
    return (void *)(uintptr_t)ri_cnumber_int(n);
}

/* A full userdata is its bytes; a file of io its FILE *. */
static void *userdata_to_pointer(RiThread *T, RiCtype *t, RiValue v)
{
    RiUserdata *u = v.p;
    void *file;
    bool is_file = u->type != NULL && strcmp(u->type->name, "FILE*") == 0;
    if (is_file && t->base->kind == RI_CK_STRUCT && u->size >= sizeof file) {
        memcpy(&file, u->data, sizeof file);
        return file;
    }
    if (t->base->kind != RI_CK_VOID)
        ri_ffi_cannot_convert(T, v, t);
    return u->data;
}

void *ri_ffi_to_pointer(RiThread *T, RiCtype *t, RiValue v, bool casts, void **keep)
{
    *keep = NULL;
    switch (v.tag) {
    case RI_TAG_NIL:
        return NULL;
    case RI_TAG_LIGHT:
        return v.p;
    case RI_TAG_CDATA:
        return cdata_to_pointer(T, t, v, casts, keep);
    case RI_TAG_STRING:
        *keep = v.p;
        return string_to_pointer(T, t, v, casts);
    case RI_TAG_USERDATA:
        *keep = v.p;
        return userdata_to_pointer(T, t, v);
    case RI_TAG_INT:
    case RI_TAG_FLOAT:
        if (!casts)
            break;
        return (void *)(uintptr_t)(ri_is_int(v) ? v.i : float_to_int(v.n));
    default:
        if (ri_is_function(v) && t->base->kind == RI_CK_FUNCTION)
            return ri_ffi_callback(T, t->base, v);
        break;
    }
    ri_ffi_cannot_convert(T, v, t);
}

/* The constant of an enum. */
static bool enum_constant(const RiCtype *t, const RiString *name, RiCnumber *out)
{
    t = t->plain;
    for (uint64_t i = 0; i < t->count; i++) {
        if (ri_str_equal(t->fields[i].name, name)) {
            *out = (RiCnumber){.kind = RI_CN_INT, .u = t->fields[i].offset};
            return true;
        }
    }
    return false;
}

static void store_scalar(RiThread *T, RiCtype *t, char *at, RiValue v, bool casts)
{
    RiCnumber n;
    if (ri_ffi_number(T, v, true, &n)) {
        store_number(T, t, at, n);
        return;
    }
    if (t->kind == RI_CK_ENUM && ri_is_string(v) && enum_constant(t, v.p, &n)) {
        store_number(T, t, at, n);
        return;
    }
    bool is_address = ri_is_cdata(v) || v.tag == RI_TAG_LIGHT || ri_is_nil(v) || ri_is_string(v);
    if (casts && t->kind != RI_CK_FLOAT && is_address) {
        void *keep;
        n = (RiCnumber){.kind = RI_CN_INT,
                        .i = (int64_t)(intptr_t)ri_ffi_to_pointer(T, ri_ffi_state(T)->void_pointer, v, true, &keep)};
        store_number(T, t, at, n);
        return;
    }
    ri_ffi_cannot_convert(T, v, t);
}

static void store_complex(RiThread *T, RiCtype *t, char *at, RiValue v)
{
    RiFfi *ffi = ri_ffi_state(T);
    RiCtype *part = ffi->basic[t->size == 8 ? RI_C_FLOAT : RI_C_DOUBLE];
    if (ri_is_cdata(v)) {
        const RiCdata *c = v.cp;
        if (ri_cdata_type(c)->kind == RI_CK_COMPLEX && ri_cdata_type(c)->size == t->size) {
            ri_ffi_write(T, at, c->at, t->size);
            return;
        }
    }
    if (t->flags & RI_CT_OPAQUE)
        ri_ffi_cannot_convert(T, v, t);
    RiValue real = v, imaginary = ri_int(0);
    if (ri_is_table(v)) {
        real = ri_table_get_int(v.p, 1);
        imaginary = ri_table_get_int(v.p, 2);
        if (ri_is_nil(imaginary))
            imaginary = ri_int(0);
    }
    store_scalar(T, part, at, real, false);
    store_scalar(T, part, at + part->size, imaginary, false);
}

/* From a struct or array of the same type, or a number that cannot be computed with. */
static bool store_copy(RiThread *T, RiCtype *t, char *at, RiValue v)
{
    if (!ri_is_cdata(v))
        return false;
    const RiCdata *c = v.cp;
    const RiCtype *from = ri_cdata_type(c);
    bool known;
    uint64_t size = ri_ctype_size(t, &known);
    if (!known)
        size = c->size;
    if (!ri_ctype_same(t, from, true)) {
        bool arrays = t->kind == RI_CK_ARRAY && from->kind == RI_CK_ARRAY && ri_ctype_same(t->base, from->base, true);
        if (!arrays)
            return false;
        if (c->size < size)
            size = c->size;
    }
    ri_ffi_probe(T, c->at, size, false);
    ri_ffi_probe(T, at, size, true);
    memmove(at, c->at, size);
    return true;
}

static void store_initialized(RiThread *T, RiCtype *t, char *at, RiValue v)
{
    bool known;
    uint64_t size = ri_ctype_size(t, &known);
    if (!ri_is_table(v) && !(ri_is_string(v) && t->kind == RI_CK_ARRAY && ri_ctype_is_char(t->base)))
        ri_ffi_cannot_convert(T, v, t);
    ri_ffi_initialize(T, t, at, size, &v, 1);
}

void ri_ffi_store(RiThread *T, RiCtype *t, char *at, RiValue v, bool casts)
{
    void *keep, *p;
    switch (t->kind) {
    case RI_CK_BOOL:
    case RI_CK_INT:
    case RI_CK_FLOAT:
    case RI_CK_ENUM:
        if (ri_ctype_is_integer(t) || !((t->flags & RI_CT_OPAQUE) || t->kind == RI_CK_INT))
            store_scalar(T, t, at, v, casts);
        else if (!store_copy(T, t, at, v))
            ri_ffi_cannot_convert(T, v, t);
        return;
    case RI_CK_COMPLEX:
        store_complex(T, t, at, v);
        return;
    case RI_CK_POINTER:
        p = ri_ffi_to_pointer(T, t, v, casts, &keep);
        ri_ffi_write(T, at, &p, sizeof p);
        return;
    case RI_CK_REFERENCE:
        p = ri_ffi_to_pointer(T, ri_ctype_pointer(T, t->base), v, casts, &keep);
        ri_ffi_write(T, at, &p, sizeof p);
        return;
    case RI_CK_ARRAY:
    case RI_CK_STRUCT:
        if (!store_copy(T, t, at, v))
            store_initialized(T, t, at, v);
        return;
    default:
        ri_ffi_cannot_convert(T, v, t);
    }
}

void ri_ffi_store_field(RiThread *T, const RiCfield *f, char *at, RiValue v)
{
    RiCnumber n;
    if (f->bit_width == 0) {
        ri_ffi_store(T, f->type, at, v, false);
        return;
    }
    if (!ri_ffi_number(T, v, true, &n) &&
        !(f->type->kind == RI_CK_ENUM && ri_is_string(v) && enum_constant(f->type, v.p, &n)))
        ri_ffi_cannot_convert(T, v, f->type);
    int64_t bits = ri_cnumber_int(n);
    store_bits(T, f, at, f->type->kind == RI_CK_BOOL ? bits != 0 : (uint64_t)bits);
}

/* -- Initializers ------------------------------------------------------------------------------------------------- */

uint64_t ri_ctype_size_with(RiThread *T, const RiCtype *t, uint64_t count)
{
    const RiCtype *plain = t->plain, *array = plain;
    uint64_t offset = 0, bytes;
    if (plain->kind == RI_CK_STRUCT) {
        const RiCfield *last = &plain->fields[plain->count - 1];
        array = last->type;
        offset = last->offset;
    }
    bool known;
    uint64_t size = ri_ctype_size(array->base, &known);
    if (!known || __builtin_mul_overflow(size, count, &bytes) || bytes > RI_ALLOC_SIZE_MAX)
        ri_error(T, "size of C type is unknown or too large");
    return offset + bytes > plain->size ? offset + bytes : plain->size;
}

RI_NORETURN static void too_many(RiThread *T, const RiCtype *t)
{
    ri_error(T, "too many initializers for '%s'", ri_ctype_text(T, t));
}

typedef struct Source { /* of initializers: values on the stack, or a table */
    const RiValue *values;
    const RiTable *table;
    uint64_t next, count; /* count of `values` */
    uint64_t base;        /* of a table: its first index, 0 or 1 */
} Source;

static RiValue peek(const Source *s)
{
    if (s->table != NULL)
        return ri_table_get_int(s->table, (int64_t)(s->base + s->next));
    return s->next < s->count ? s->values[s->next] : ri_nil();
}

static bool has_more(const Source *s)
{
    return s->table != NULL ? !ri_is_nil(peek(s)) : s->next < s->count;
}

/* Elements one after the other; a single one fills an array of fixed size. */
static void initialize_array(RiThread *T, RiCtype *t, char *at, uint64_t size, Source *s, bool only)
{
    RiCtype *element = t->base;
    uint64_t step = element->kind == RI_CK_ARRAY ? element->size : element->plain->size, given = 0;
    uint64_t count = step > 0 ? size / step : 0;
    for (; has_more(s); s->next++) {
        if (given == count) {
            if (only)
                too_many(T, t);
            return;
        }
        ri_ffi_store(T, element, at + given++ * step, peek(s), false);
        ri_heap_pause_copy(T->heap);
    }
    if (given == 1 && !(t->flags & (RI_CT_VARIABLE | RI_CT_UNSIZED))) {
        for (uint64_t i = 1; i < count; i++)
            memmove(at + i * step, at, step);
    } else if (s->table != NULL && given < count) {
        memset(at + given * step, 0, (count - given) * step);
    }
}

static bool is_flexible(const RiCtype *t)
{
    return t->kind == RI_CK_ARRAY && (t->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE));
}

/* Fields in order, those of anonymous structs as if they were the struct's own. */
static void initialize_fields(RiThread *T, const RiCtype *t, char *at, uint64_t size, Source *s)
{
    t = t->plain;
    for (uint64_t i = 0; i < t->count && has_more(s); i++) {
        const RiCfield *f = &t->fields[i];
        if (f->name == NULL) {
            if (f->type->kind != RI_CK_STRUCT)
                continue;
            initialize_fields(T, f->type, at + f->offset, f->type->plain->size, s);
        } else if (is_flexible(f->type)) {
            RiValue v = peek(s);
            uint64_t left = size > f->offset ? size - f->offset : 0;
            if (ri_is_table(v) || ri_is_string(v)) {
                ri_ffi_initialize(T, f->type, at + f->offset, left, &v, 1);
                s->next++;
            } else {
                initialize_array(T, f->type, at + f->offset, left, s, false);
            }
        } else {
            ri_ffi_store_field(T, f, at + f->offset, peek(s));
            s->next++;
        }
        if (t->flags & RI_CT_UNION)
            break;
    }
}

/* {name = value, …} */
static void initialize_named(RiThread *T, const RiCtype *t, char *at, uint64_t size, const RiTable *table)
{
    t = t->plain;
    for (uint64_t i = 0; i < t->count; i++) {
        const RiCfield *f = &t->fields[i];
        if (f->name == NULL) {
            if (f->type->kind == RI_CK_STRUCT)
                initialize_named(T, f->type, at + f->offset, f->type->plain->size, table);
            continue;
        }
        RiValue v = ri_table_get(table, ri_string_value(f->name));
        if (ri_is_nil(v))
            continue;
        if (is_flexible(f->type))
            ri_ffi_initialize(T, f->type, at + f->offset, size > f->offset ? size - f->offset : 0, &v, 1);
        else
            ri_ffi_store_field(T, f, at + f->offset, v);
    }
}

static void initialize_string(RiThread *T, char *at, uint64_t size, const RiString *s)
{
    ri_ffi_write(T, at, ri_str_data(s), s->size < size ? s->size + 1 : size);
}

static void initialize_struct(RiThread *T, RiCtype *t, char *at, uint64_t size, Source *s)
{
    bool is_list = s->table == NULL || has_more(s);
    if (!is_list) {
        initialize_named(T, t, at, size, s->table);
        return;
    }
    initialize_fields(T, t, at, size, s);
    if (has_more(s))
        too_many(T, t);
}

void ri_ffi_initialize(RiThread *T, RiCtype *t, char *at, uint64_t size, const RiValue *values, uint32_t count)
{
    RiValue first = count > 0 ? values[0] : ri_nil();
    Source s = {.values = values, .count = count};
    if (count == 0 || (count == 1 && ri_is_nil(first)))
        return;
    if (t->kind != RI_CK_ARRAY && t->kind != RI_CK_STRUCT) {
        if (count > 1)
            too_many(T, t);
        ri_ffi_store(T, t, at, first, false);
        return;
    }
    if (count == 1 && t->kind == RI_CK_ARRAY && ri_is_string(first) && ri_ctype_is_char(t->base)) {
        ri_ffi_probe(T, at, size, true);
        initialize_string(T, at, size, first.p);
        return;
    }
    if (count == 1 && store_copy(T, t, at, first))
        return;
    if (count == 1 && ri_is_table(first)) {
        s = (Source){.table = first.p};
        s.base = ri_is_nil(ri_table_get_int(first.p, 0)) ? 1 : 0;
    }
    ri_ffi_probe(T, at, size, true);
    if (t->kind == RI_CK_ARRAY)
        initialize_array(T, t, at, size, &s, true);
    else
        initialize_struct(T, t, at, size, &s);
}
