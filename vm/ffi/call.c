/* Calls of C functions: by ri_ffi_invoke where it knows how, else through libffi. */
#include <errno.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/ffi/native.h"

#define ARGUMENTS_MAX 250
#define SMALL_ARGUMENTS 16
#define SMALL_BYTES 512

/* -- Errors of callbacks ------------------------------------------------------------------------------------------ */

RI_NORETURN static void wrong_count(RiThread *T, const RiCtype *type, uint32_t nargs)
{
    bool is_variadic = (type->flags & RI_CT_VARIADIC) != 0;
    if (is_variadic && nargs > ARGUMENTS_MAX)
        ri_error(T, "too many arguments for function call (%u, at most %u)", nargs, ARGUMENTS_MAX);
    ri_error(T, "wrong number of arguments for function call (%s%u expected, got %u)", is_variadic ? "at least " : "",
             (uint32_t)type->count, nargs);
}

/* A callback has failed below the C function that has just returned: go on failing, now that it is safe. */
static void rethrow(RiThread *T, RiFfi *ffi)
{
    if (!ffi->has_error)
        return;
    RiCallStatus status = (RiCallStatus)ffi->error_status;
    RiValue error = ffi->error;
    ffi->has_error = false;
    ffi->error_status = RI_OK;
    ri_set_nil(&ffi->error);
    if (status == RI_OK) /* see ri_ffi_callback */
        ri_error(T, "a callback was called on another thread, or in another process");
    ri_throw_status(T, status, error);
}

/* -- Directly ----------------------------------------------------------------------------------------------------- */

/* An integer as the ABI wants it in a register: extended to 32 bits at least. */
static uint64_t extended(const RiCtype *t, uint64_t bits)
{
    unsigned shift = 64 - 8 * (unsigned)t->plain->size;
    if ((t->plain->flags & RI_CT_UNSIGNED) || t->kind == RI_CK_POINTER)
        return bits << shift >> shift;
    return (uint64_t)((int64_t)(bits << shift) >> shift);
}

/* What an argument for `...` is passed as: C's default promotions. */
static RiCtype *variable_type(RiThread *T, RiFfi *ffi, RiValue v);

static void pass_float(RiThread *T, RiCtype *t, RiValue v, RiCinvocation *r)
{
    double real = 0;
    if (t->size == sizeof real && ri_is_float(v))
        real = v.n;
    else
        ri_ffi_store(T, t, (char *)&real, v, false); /* a float in the lower half */
    ri_ffi_invoke_float(r, real);
}

static void pass_integer(RiThread *T, RiCtype *t, RiValue v, RiCinvocation *r)
{
    uint64_t word = 0;
    const RiCdata *c = v.cp;
    if (ri_is_cdata(v) && c->type == t->plain && t->plain->size <= sizeof word)
        memcpy(&word, c->at, t->plain->size);
    else
        ri_ffi_store(T, t, (char *)&word, v, false);
    ri_ffi_invoke_integer(r, extended(t, word));
}

/* A struct or union of its own is known to be there. */
static void pass_bytes(RiThread *T, RiCtype *t, RiValue v, char *to)
{
    const RiCdata *c = v.cp;
    if (ri_is_cdata(v) && c->type->plain == t->plain)
        memcpy(to, c->at, t->plain->size);
    else
        ri_ffi_store(T, t, to, v, false);
}

/* One argument, without the detour through memory for the frequent ones. */
static void pass(RiThread *T, RiCtype *t, const RiCpassing *how, RiValue v, RiCinvocation *r)
{
    uint64_t parts[2] = {0};
    switch (how->way) {
    case RI_WAY_FLOAT:
        pass_float(T, t, v, r);
        return;
    case RI_WAY_PARTS:
        pass_bytes(T, t, v, (char *)parts);
        ri_ffi_invoke_parts(r, parts, how->count, how->is_float);
        return;
    case RI_WAY_MEMORY:
        r->stack[r->stack_count + (t->plain->size - 1) / 8] = 0;
        pass_bytes(T, t, v, (char *)&r->stack[r->stack_count]);
        r->stack_count += (t->plain->size + 7) / 8;
        return;
    default:
        pass_integer(T, t, v, r);
        return;
    }
}

int32_t ri_ffi_deliver(RiThread *T, RiCtype *t, char *result)
{
    rethrow(T, ri_ffi_own(T));
    if (t->kind == RI_CK_VOID)
        return 0;
    return ri_return1(T->base, ri_ffi_load(T, t, result, NULL));
}

static int32_t deliver(RiThread *T, RiFfi *ffi, RiCtype *t, char *result)
{
    ffi->errno_value = errno;
    return ri_ffi_deliver(T, t, result);
}

static int32_t deliver_aggregate(RiThread *T, RiFfi *ffi, const RiCtype *t, RiCdata *returned)
{
    ffi->errno_value = errno;
    rethrow(T, ffi);
    returned->size = t->plain->size;
    return ri_return1(T->base, ri_cdata_value(returned));
}

/* The bytes of a small aggregate that a call has returned. */
static void take_parts(const RiCinvocation *r, const RiCpassing *how, char *out)
{
    uint32_t integers = 0, floats = 0;
    for (uint32_t i = 0; i < how->count; i++) {
        const void *from = how->is_float[i] ? (const void *)&r->float_results[floats++] : &r->integer_results[integers++];
        memcpy(out + 8 * i, from, 8);
    }
}

/* Whatever its size, it goes in one register for integers. */
static bool is_word(const RiCtype *t)
{
    return t->kind == RI_CK_POINTER || (ri_ctype_is_integer(t) && t->plain->size <= 8);
}

/* Arguments for `...`, and their number: false if one of them is passed in another way. */
static bool can_invoke(RiThread *T, RiFfi *ffi, const RiCcall *call, const RiCtype *type, const RiValue *args, uint32_t nargs)
{
    if (!call->is_invoked || call->stack_words + 2 * (nargs - type->count) > RI_INVOKE_STACK_MAX)
        return false;
    for (uint32_t i = (uint32_t)type->count; i < nargs; i++) {
        if (ri_is_cdata(args[i])) {
            ffi->argument = i + 1;
            RiCtype *t = variable_type(T, ffi, args[i]);
            if (is_word(t))
                continue;
            ri_ffi_native_type(T, t); /* or it is an error */
            uint8_t way = ri_ffi_passing(t).way;
            if (way == RI_WAY_NONE || way == RI_WAY_MEMORY)
                return false;
        }
    }
    return true;
}

static void pass_variable(RiThread *T, RiFfi *ffi, RiValue v, RiCinvocation *r)
{
    if (ri_is_int(v)) {
        ri_ffi_invoke_integer(r, v.u);
    } else if (ri_is_float(v)) {
        ri_ffi_invoke_float(r, v.n);
    } else {
        RiCtype *t = variable_type(T, ffi, v);
        RiCpassing how = is_word(t) ? (RiCpassing){.way = RI_WAY_INTEGER} : ri_ffi_passing(t);
        pass(T, t, &how, v, r);
    }
}

static int32_t call_directly(RiThread *T, RiFfi *ffi, const RiCcall *call, RiCtype *type, void *function, RiValue *args,
                             uint32_t nargs)
{
    RiCinvocation r;
    RiCdata *returned = NULL;
    uint8_t way = call->result.way;
    r.integer_count = r.float_count = r.stack_count = 0;
    if (way == RI_WAY_PARTS || way == RI_WAY_MEMORY)
        returned = ri_cdata_new(T, type->base->plain, type->base->plain->size < 16 ? 16 : type->base->plain->size);
    if (way == RI_WAY_MEMORY)
        ri_ffi_invoke_integer(&r, (uint64_t)(uintptr_t)returned->at);
    for (uint32_t i = 0; i < nargs; i++) {
        ffi->argument = i + 1;
        if (i < type->count && ri_is_int(args[i]) && call->passings[i].way == RI_WAY_INTEGER && type->fields[i].type->kind == RI_CK_INT)
            ri_ffi_invoke_integer(&r, extended(type->fields[i].type, args[i].u));
        else if (i < type->count)
            pass(T, type->fields[i].type, &call->passings[i], args[i], &r);
        else
            pass_variable(T, ffi, args[i], &r);
    }
    ffi->argument = 0;
    errno = ffi->errno_value;
    ri_ffi_invoke(function, &r);
    if (returned == NULL)
        return deliver(T, ffi, type->base, way == RI_WAY_FLOAT ? (char *)r.float_results : (char *)r.integer_results);
    if (way == RI_WAY_PARTS)
        take_parts(&r, &call->result, returned->at);
    return deliver_aggregate(T, ffi, type->base, returned);
}

/* -- Through libffi ----------------------------------------------------------------------------------------------- */

static RiCtype *variable_type(RiThread *T, RiFfi *ffi, RiValue v)
{
    switch (v.tag) {
    case RI_TAG_INT:
        return ffi->basic[RI_C_LONG];
    case RI_TAG_FLOAT:
        return ffi->basic[RI_C_DOUBLE];
    case RI_TAG_FALSE:
    case RI_TAG_TRUE:
        return ffi->basic[RI_C_INT];
    case RI_TAG_STRING:
        return ffi->char_pointer;
    case RI_TAG_NIL:
    case RI_TAG_LIGHT:
    case RI_TAG_USERDATA:
        return ffi->void_pointer;
    case RI_TAG_CDATA:
        break;
    default:
        ri_ffi_cannot_convert(T, v, ffi->void_pointer);
    }
    RiCtype *t = ri_cdata_type(v.p);
    if (((const RiCdata *)v.cp)->type == ffi->ctype_type)
        ri_ffi_cannot_convert(T, v, ffi->void_pointer);
    if (t->kind == RI_CK_ARRAY)
        return ri_ctype_pointer(T, t->base);
    if (t->kind == RI_CK_FUNCTION)
        return ri_ctype_pointer(T, t);
    if (t->kind == RI_CK_FLOAT && t->size < 8)
        return ffi->basic[RI_C_DOUBLE];
    if (ri_ctype_is_integer(t) && t->plain->size < 4)
        return ffi->basic[RI_C_INT];
    return t->plain;
}

typedef struct Passing { /* of one call; in collected memory if it is large */
    ffi_type **types; /* of the parts, where there are variable arguments */
    void **pointers;
    uint32_t count;   /* of parts */
    char *bytes, *end;
} Passing;

static void make_room(RiThread *T, Passing *p, uint32_t count, uint64_t bytes)
{
    p->types = ri_heap_alloc_raw(T->heap, (2 * count + 1) * sizeof *p->types, true);
    p->pointers = ri_heap_alloc_raw(T->heap, (2 * count + 1) * sizeof *p->pointers, true);
    p->bytes = ri_heap_alloc_raw(T->heap, bytes, true);
    p->end = p->bytes + bytes;
}

static char *take(Passing *p, uint64_t size)
{
    char *at = p->bytes;
    p->bytes += (size + 15) & ~(uint64_t)15;
    ri_assert(p->bytes <= p->end);
    return at;
}

/* The bytes that the arguments for `...` take. */
static uint64_t variable_bytes(RiThread *T, RiFfi *ffi, const RiCtype *type, RiValue *args, uint32_t nargs)
{
    uint64_t bytes = 0;
    for (uint32_t i = (uint32_t)type->count; i < nargs; i++) {
        ffi->argument = i + 1;
        bytes += (ri_ffi_native_type(T, variable_type(T, ffi, args[i]))->size + 31) & ~(uint64_t)15;
    }
    return bytes;
}

static void convert(RiThread *T, RiFfi *ffi, const RiCcall *call, RiCtype *type, RiValue *args, uint32_t nargs,
                    Passing *p)
{
    RiCregisters registers = {.integers = type->base->kind == RI_CK_STRUCT && type->base->plain->size > 16};
    bool is_variadic = (type->flags & RI_CT_VARIADIC) != 0;
    for (uint32_t i = 0; i < nargs; i++) {
        RiCtype *t = i < type->count ? type->fields[i].type : variable_type(T, ffi, args[i]);
        uint64_t size = t->plain->size < 8 ? 8 : t->plain->size;
        ffi->argument = i + 1;
        uint32_t parts = is_variadic ? ri_ffi_parts(T, t, &registers, p->types + p->count) : call->parts[i];
        char *at = take(p, size);
        ri_ffi_store(T, t, at, args[i], false);
        for (uint32_t k = 0; k < parts; k++)
            p->pointers[p->count++] = at + 8 * k;
    }
    ffi->argument = 0;
}

static bool is_aggregate(const RiCtype *t)
{
    return t->kind == RI_CK_STRUCT || t->kind == RI_CK_COMPLEX || (t->kind == RI_CK_INT && t->size > 8);
}

static int32_t call_through(RiThread *T, RiFfi *ffi, RiCcall *call, RiCtype *type, void *function, RiValue *args,
                            uint32_t nargs)
{
    ffi_type *types[2 * SMALL_ARGUMENTS];
    void *pointers[2 * SMALL_ARGUMENTS];
    _Alignas(16) char bytes[SMALL_BYTES];
    _Alignas(16) char result[32] = {0};
    Passing p = {types, pointers, 0, bytes, bytes + sizeof bytes};
    ffi_cif variadic, *cif = &call->parts_cif;
    uint64_t needed = call->arguments_bytes;
    RiCdata *returned = NULL;
    if (type->flags & RI_CT_VARIADIC)
        needed += variable_bytes(T, ffi, type, args, nargs);
    if (nargs > SMALL_ARGUMENTS || needed > sizeof bytes)
        make_room(T, &p, nargs, needed);
    convert(T, ffi, call, type, args, nargs, &p);
    if (type->flags & RI_CT_VARIADIC) {
        cif = &variadic;
        if (ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, call->part_count, p.count, call->cif.rtype, p.types) != FFI_OK)
            ri_error(T, "cannot call a function of type '%s'", ri_ctype_text(T, type));
    }
    if (is_aggregate(type->base))
        returned = ri_cdata_new(T, type->base->plain, type->base->plain->size < 16 ? 16 : type->base->plain->size);
    T->heap->foreign_by_libffi++;
    errno = ffi->errno_value;
    ffi_call(cif, FFI_FN(function), returned != NULL ? returned->at : result, p.pointers);
    if (returned == NULL)
        return deliver(T, ffi, type->base, result);
    return deliver_aggregate(T, ffi, type->base, returned);
}

int32_t ri_ffi_call(RiThread *T, RiCtype *type, void *function, RiValue *args, uint32_t nargs)
{
    RiFfi *ffi = ri_ffi_state(T);
    type = type->plain;
    if (nargs < type->count || (nargs > type->count && !(type->flags & RI_CT_VARIADIC)) || nargs > ARGUMENTS_MAX)
        wrong_count(T, type, nargs);
    if ((uintptr_t)function < 4096)
        ri_error(T, "attempt to call a NULL pointer");
    ffi->argument = 0;
    T->heap->foreign_calls++;
    RiCcall *call = ri_ffi_call_interface(T, type);
    if (can_invoke(T, ffi, call, type, args, nargs))
        return call_directly(T, ffi, call, type, function, args, nargs);
    return call_through(T, ffi, call, type, function, args, nargs);
}
