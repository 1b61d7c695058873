/* Types of C as libffi wants them.
 *
 * libffi knows neither unions nor bit-fields nor packed structs. So an aggregate is not described to it by its fields,
 * but as what the System V ABI for x86-64 makes of them: each eight bytes are of class INTEGER or SSE, and a struct of
 * integers and doubles of the same classes is passed alike. Aggregates of more than 16 bytes go by memory, whatever is
 * in them. */
#include "vm/ffi/native.h"

#include <string.h>

typedef enum Class { NONE, SSE, INTEGER, MEMORY } Class;

typedef struct Classes {
    Class of[2]; /* eightbytes */
    bool has_long_double;
} Classes;

static void classify(const RiCtype *t, uint64_t at, Classes *c);

static void classify_scalar(const RiCtype *t, uint64_t at, Class found, Classes *c)
{
    uint64_t size = t->plain->size;
    uint64_t part = size < 8 ? size : 8;
    if (part != 0 && at % part != 0) { /* a packed field */
        c->of[0] = MEMORY;
        return;
    }
    for (uint64_t i = at / 8; i <= (at + size - 1) / 8 && i < 2; i++) {
        if (found > c->of[i])
            c->of[i] = found;
    }
}

static void classify_fields(const RiCtype *t, uint64_t at, Classes *c)
{
    t = t->plain;
    for (uint64_t i = 0; i < t->count; i++) {
        const RiCfield *f = &t->fields[i];
        if (f->bit_width == 0 && !(f->name == NULL && f->type->kind != RI_CK_STRUCT)) {
            classify(f->type, at + f->offset, c);
        } else if (f->name != NULL) {
            uint64_t start = at + f->offset, first = start + f->bit_offset / 8;
            uint64_t last = start + (f->bit_offset + f->bit_width - 1) / 8;
            for (uint64_t k = first / 8; k <= last / 8 && k < 2; k++) {
                if (c->of[k] < INTEGER)
                    c->of[k] = INTEGER;
            }
        }
    }
}

static void classify(const RiCtype *t, uint64_t at, Classes *c)
{
    switch (t->kind) {
    case RI_CK_FLOAT:
        c->has_long_double |= t->size == 16;
        classify_scalar(t, at, SSE, c);
        break;
    case RI_CK_COMPLEX:
        for (uint64_t part = 0; part < 2; part++) {
            uint64_t k = (at + part * t->size / 2) / 8;
            if (k < 2 && c->of[k] < SSE)
                c->of[k] = SSE;
        }
        break;
    case RI_CK_ARRAY:
        for (uint64_t i = 0; i < t->count && at + i * (t->size / t->count) < 16; i++)
            classify(t->base, at + i * (t->size / t->count), c);
        break;
    case RI_CK_STRUCT:
        classify_fields(t, at, c);
        break;
    default:
        classify_scalar(t, at, INTEGER, c);
        break;
    }
}

RI_NORETURN static void cannot_pass(RiThread *T, const RiCtype *t)
{
    ri_error(T, "NYI: cannot pass '%s' by value", ri_ctype_text(T, t));
}

/* The eight (or, at the end, fewer) bytes at `at`: at most 8 elements. */
static uint32_t add_eightbyte(ffi_type **elements, Class found, uint64_t left)
{
    uint32_t count = 0;
    if (found == SSE) {
        elements[count++] = left >= 8 ? &ffi_type_double : &ffi_type_float;
    } else if (found == INTEGER && left >= 8) {
        elements[count++] = &ffi_type_uint64;
    } else if (found == INTEGER) {
        while (count < left)
            elements[count++] = &ffi_type_uint8;
    }
    return count;
}

static ffi_type *aggregate(RiThread *T, RiCtype *t)
{
#if defined(__x86_64__) && !defined(_WIN32)
    Classes c = {{NONE, NONE}, false};
    uint64_t size = t->plain->size;
    uint32_t count = 0;
    struct {
        ffi_type type;
        ffi_type *elements[20];
    } *made = ri_heap_alloc_raw(T->heap, sizeof *made, true);
    if (size == 0 || (t->plain->flags & RI_CT_VARIABLE))
        cannot_pass(T, t);
    if (size > 16) {
        made->elements[count++] = &ffi_type_uint64;
    } else {
        classify(t, 0, &c);
        if (c.of[0] == MEMORY)
            cannot_pass(T, t);
        if (c.has_long_double) {
            made->elements[count++] = &ffi_type_longdouble;
        } else {
            count = add_eightbyte(made->elements, c.of[0], size);
            if (size > 8)
                count += add_eightbyte(made->elements + count, c.of[1], size - 8);
        }
    }
    made->type.size = size;
    made->type.alignment = (unsigned short)ri_ctype_align(t);
    made->type.type = FFI_TYPE_STRUCT;
    made->type.elements = made->elements;
    t->plain->native = made;
    return &made->type;
#else
    cannot_pass(T, t);
#endif
}

static ffi_type *integer_type(const RiCtype *t)
{
    bool is_unsigned = (t->plain->flags & RI_CT_UNSIGNED) != 0;
    switch (t->plain->size) {
    case 1: return is_unsigned ? &ffi_type_uint8 : &ffi_type_sint8;
    case 2: return is_unsigned ? &ffi_type_uint16 : &ffi_type_sint16;
    case 4: return is_unsigned ? &ffi_type_uint32 : &ffi_type_sint32;
    default: return is_unsigned ? &ffi_type_uint64 : &ffi_type_sint64;
    }
}

ffi_type *ri_ffi_native_type(RiThread *T, RiCtype *t)
{
    bool known;
    ri_ctype_size(t, &known);
    if (t->kind == RI_CK_VOID)
        return &ffi_type_void;
    if (!known || (t->flags & RI_CT_OPAQUE))
        cannot_pass(T, t);
    switch (t->kind) {
    case RI_CK_POINTER:
    case RI_CK_REFERENCE:
        return &ffi_type_pointer;
    case RI_CK_FLOAT:
        return t->size == 4 ? &ffi_type_float : t->size == 8 ? &ffi_type_double : &ffi_type_longdouble;
    case RI_CK_BOOL:
    case RI_CK_ENUM:
        return integer_type(t);
    case RI_CK_INT:
        if (t->size <= 8)
            return integer_type(t);
        break;
    default:
        break;
    }
    return t->plain->native != NULL ? t->plain->native : aggregate(T, t);
}

/* -- Call interfaces ---------------------------------------------------------------------------------------------- */

static bool is_in_register(const RiCtype *t, uint32_t *integers, uint32_t *floats)
{
    if (t->kind == RI_CK_FLOAT && t->size <= 8)
        return ++*floats <= 8;
    return (ri_ctype_is_integer(t) || t->kind == RI_CK_POINTER || t->kind == RI_CK_REFERENCE) && ++*integers <= 6;
}

static bool is_direct(const RiCtype *t)
{
#if defined(__x86_64__) && !defined(_WIN32)
    uint32_t integers = 0, floats = 0, ignored = 0;
    if (t->flags & RI_CT_VARIADIC)
        return false;
    for (uint64_t i = 0; i < t->count; i++) {
        if (!is_in_register(t->fields[i].type, &integers, &floats))
            return false;
    }
    return t->base->kind == RI_CK_VOID || is_in_register(t->base, &ignored, &ignored);
#else
    (void)is_in_register;
    (void)t;
    return false;
#endif
}

static bool take_registers(RiCregisters *r, const Class *classes, uint32_t count)
{
    uint32_t integers = 0, floats = 0;
    for (uint32_t i = 0; i < count; i++) {
        integers += classes[i] == INTEGER;
        floats += classes[i] == SSE;
    }
    if (r->integers + integers > 6 || r->floats + floats > 8)
        return false;
    r->integers += integers;
    r->floats += floats;
    return true;
}

uint32_t ri_ffi_parts(RiThread *T, RiCtype *t, RiCregisters *registers, ffi_type *out[2])
{
    Classes c = {{NONE, NONE}, false};
    uint64_t size = t->plain->size;
    out[0] = ri_ffi_native_type(T, t);
    if (size > 16 || (t->kind == RI_CK_FLOAT && size == 16))
        return 1;
    classify(t, 0, &c);
    uint32_t count = size > 8 && c.of[1] != NONE ? 2 : 1;
    bool is_aggregate = out[0]->type == FFI_TYPE_STRUCT;
    if (c.has_long_double || c.of[0] == NONE || !take_registers(registers, c.of, count) || !is_aggregate)
        return 1;
    for (uint32_t i = 0; i < count; i++)
        out[i] = c.of[i] == SSE ? &ffi_type_double : &ffi_type_uint64;
    return count;
}

static bool is_returned_by_memory(const RiCtype *t)
{
    return (t->kind == RI_CK_STRUCT || t->kind == RI_CK_COMPLEX) && t->plain->size > 16;
}

/* The interface for calls. */
static bool prepare_parts(RiThread *T, RiCcall *call, const RiCtype *t)
{
    RiCregisters registers = {.integers = is_returned_by_memory(t->base)};
    uint32_t count = (uint32_t)t->count;
    call->part_types = ri_heap_alloc_raw(T->heap, (2 * count + 1) * sizeof *call->part_types, true);
    call->parts = ri_heap_alloc_raw(T->heap, count + 1, false);
    for (uint32_t i = 0; i < count; i++) {
        call->parts[i] = (uint8_t)ri_ffi_parts(T, t->fields[i].type, &registers, call->part_types + call->part_count);
        call->part_count += call->parts[i];
    }
    ffi_type *result = call->cif.rtype;
    return ffi_prep_cif(&call->parts_cif, FFI_DEFAULT_ABI, call->part_count, result, call->part_types) == FFI_OK;
}

RiCpassing ri_ffi_passing(const RiCtype *t)
{
    RiCpassing p = {.way = RI_WAY_NONE};
    Classes c = {{NONE, NONE}, false};
    uint64_t size = t->plain->size;
    if (!RI_HAVE_INVOKE || (t->flags & RI_CT_OPAQUE))
        return p;
    if (t->kind == RI_CK_FLOAT) {
        p.way = size <= 8 ? RI_WAY_FLOAT : RI_WAY_NONE;
    } else if (t->kind == RI_CK_STRUCT && size > 16) {
        p.way = ri_ctype_align(t) <= 8 ? RI_WAY_MEMORY : RI_WAY_NONE;
    } else if (t->kind == RI_CK_STRUCT && size > 0) {
        classify(t, 0, &c);
        p.count = size > 8 ? 2 : 1;
        bool is_sure = !c.has_long_double && ri_ctype_align(t) <= 8 && c.of[0] != NONE && c.of[0] != MEMORY &&
                       (p.count == 1 || (c.of[1] != NONE && c.of[1] != MEMORY));
        p.way = is_sure ? RI_WAY_PARTS : RI_WAY_NONE;
        p.is_float[0] = c.of[0] == SSE;
        p.is_float[1] = c.of[1] == SSE;
    } else if (t->kind == RI_CK_VOID || t->kind == RI_CK_POINTER || t->kind == RI_CK_REFERENCE ||
               (ri_ctype_is_integer(t) && size <= 8)) {
        p.way = RI_WAY_INTEGER;
    }
    return p;
}

/* Can ri_ffi_invoke do it? */
static void prepare_invocation(RiThread *T, RiCcall *call, const RiCtype *t)
{
    call->passings = ri_heap_alloc_raw(T->heap, (t->count + 1) * sizeof *call->passings, false);
    call->result = ri_ffi_passing(t->base);
    call->is_invoked = call->result.way != RI_WAY_NONE;
    for (uint64_t i = 0; i < t->count; i++) {
        const RiCtype *parameter = t->fields[i].type;
        RiCpassing *p = &call->passings[i];
        *p = ri_ffi_passing(parameter);
        if (p->way == RI_WAY_NONE || parameter->plain->size > 8 * RI_INVOKE_STACK_MAX)
            call->is_invoked = false;
        else
            call->stack_words += p->way == RI_WAY_MEMORY ? (uint32_t)((parameter->plain->size + 7) / 8) : p->way == RI_WAY_PARTS ? p->count : 1;
    }
    if (call->stack_words > RI_INVOKE_STACK_MAX)
        call->is_invoked = false;
}

RiCcall *ri_ffi_call_interface(RiThread *T, RiCtype *t)
{
    if (t->call != NULL)
        return t->call;
    RiCcall *call = ri_heap_alloc_block(T->heap, sizeof *call);
    uint32_t count = (uint32_t)t->count;
    call->types = ri_heap_alloc_raw(T->heap, (count + 1) * sizeof *call->types, true);
    for (uint32_t i = 0; i < count; i++) {
        call->types[i] = ri_ffi_native_type(T, t->fields[i].type);
        call->arguments_bytes += (call->types[i]->size + 31) & ~(uint64_t)15;
    }
    ffi_type *result = ri_ffi_native_type(T, t->base);
    if (ffi_prep_cif(&call->cif, FFI_DEFAULT_ABI, count, result, call->types) != FFI_OK || !prepare_parts(T, call, t))
        ri_error(T, "cannot call a function of type '%s'", ri_ctype_text(T, t));
    call->is_direct = is_direct(t);
    prepare_invocation(T, call, t);
    t->call = call;
    return call;
}
