/* Types of C described for machine code: see vm/exec/foreign.h. */
#include "vm/ffi/foreign.h"

#include <errno.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/ffi/native.h"

static bool describe_reference(const RiCtype *t, RiForeignValue *out)
{
    bool known;
    if (t->reference == NULL)
        return false; /* made when the first value is */
    out->kind = RI_FOREIGN_REFERENCE;
    out->made = t->reference;
    out->made_number = t->reference->id;
    out->made_size = ri_ctype_size(t, &known);
    return true;
}

static bool describe_pointer(RiCtype *t, RiForeignValue *out)
{
    out->kind = RI_FOREIGN_POINTER;
    out->made = t->plain;
    out->made_number = t->plain->id;
    out->made_size = sizeof(void *);
    out->takes_strings = (t->base->qualifiers & RI_CQ_CONST) && (t->base->kind == RI_CK_VOID || ri_ctype_is_char(t->base));
    return true;
}

static bool describe_value(RiCtype *t, RiForeignValue *out)
{
    *out = (RiForeignValue){.type = t, .size = (uint8_t)t->plain->size};
    out->is_signed = !(t->plain->flags & RI_CT_UNSIGNED);
    if (t->flags & RI_CT_OPAQUE)
        return false;
    switch (t->kind) {
    case RI_CK_VOID:
        return true;
    case RI_CK_BOOL:
        out->kind = RI_FOREIGN_BOOL;
        return t->plain->size == 1;
    case RI_CK_INT:
    case RI_CK_ENUM:
        out->kind = RI_FOREIGN_INT;
        out->is_boxed = t->kind == RI_CK_ENUM || (t->plain->size == 8 && !out->is_signed);
        out->made = t->plain;
        out->made_number = t->plain->id;
        out->made_size = t->plain->size;
        return t->plain->size <= 8;
    case RI_CK_FLOAT:
        out->kind = RI_FOREIGN_FLOAT;
        return t->size <= 8;
    case RI_CK_POINTER:
        return describe_pointer(t, out);
    case RI_CK_ARRAY:
    case RI_CK_STRUCT:
        return describe_reference(t, out);
    default:
        return false;
    }
}

static bool field_place(RiCtype *t, RiString *name, RiForeignPlace *out)
{
    if (t->kind == RI_CK_POINTER)
        t = t->base;
    if (t->kind != RI_CK_STRUCT)
        return false;
    const RiCfield *f = ri_ctype_field(t, name, &out->offset);
    if (f == NULL || f->bit_width != 0 || !describe_value(f->type, &out->value))
        return false;
    out->is_constant = ((f->type->qualifiers | t->qualifiers) & RI_CQ_CONST) != 0;
    return true;
}

static bool element_place(RiCtype *t, RiForeignPlace *out)
{
    bool known;
    if ((t->kind != RI_CK_POINTER && t->kind != RI_CK_ARRAY) || t->base->kind == RI_CK_VOID || t->base->kind == RI_CK_FUNCTION)
        return false;
    out->step = ri_ctype_size(t->base, &known);
    out->count = t->kind == RI_CK_ARRAY ? t->count : 0;
    out->is_constant = (t->base->qualifiers & RI_CQ_CONST) != 0;
    return known && out->step != 0 && out->step <= INT32_MAX && describe_value(t->base, &out->value);
}

static bool find_place(RiThread *T, RiCtype *type, RiValue key, RiForeignPlace *out)
{
    RiCtype *t = ri_ctype_strip(type);
    *out = (RiForeignPlace){.number = type->id};
    out->is_through = t->kind == RI_CK_POINTER;
    out->is_owned = t == type && !out->is_through;
    if (type == ri_ffi_state(T)->ctype_type || (out->is_through && t != type))
        return false;
    bool found = ri_is_string(key) ? field_place(t, key.p, out) : ri_is_int(key) && element_place(t, out);
    /* a reference into something constant is of another type */
    return found && out->offset <= INT32_MAX && !(out->is_constant && out->value.kind == RI_FOREIGN_REFERENCE);
}

static bool find_pointer(RiThread *T, RiCtype *type, RiForeignPointer *out)
{
    RiCtype *t = ri_ctype_strip(type);
    bool known;
    *out = (RiForeignPointer){.number = type->id};
    out->is_through = t->kind == RI_CK_POINTER;
    if (type == ri_ffi_state(T)->ctype_type || (out->is_through && t != type))
        return false;
    if (t->kind != RI_CK_POINTER && t->kind != RI_CK_ARRAY && t->kind != RI_CK_STRUCT)
        return false;
    RiCtype *described = out->is_through ? t->base : t;
    if (described->kind == RI_CK_STRUCT) {
        out->described = described->plain;
        out->meta = &described->plain->meta;
    }
    if (t->kind == RI_CK_STRUCT)
        return true;
    uint64_t size = t->base->kind == RI_CK_VOID ? 1 : ri_ctype_size(t->base, &known);
    if (t->base->kind == RI_CK_FUNCTION || t->base->pointer == NULL || size > INT32_MAX || !describe_value(t->base->pointer, &out->made))
        return true;
    out->step = size;
    return true;
}

static bool describe_call(RiThread *T, RiCtype *type, RiForeignCall *out)
{
    RiFfi *ffi = ri_ffi_state(T);
    RiCtype *f = type->kind == RI_CK_POINTER ? type->base->plain : ri_ctype_strip(type)->plain;
    memset(out, 0, sizeof *out);
    if (type == ffi->ctype_type || f->kind != RI_CK_FUNCTION || f->call == NULL || !f->call->is_direct)
        return false;
    out->type = f;
    out->number = type->id;
    out->is_through = type->kind == RI_CK_POINTER;
    out->count = (uint32_t)f->count;
    for (uint32_t i = 0; i < out->count; i++) {
        if (!describe_value(f->fields[i].type, &out->parameters[i]) || out->parameters[i].kind == RI_FOREIGN_REFERENCE)
            return false;
    }
    out->errno_value = &ffi->errno_value;
    out->has_error = &ffi->has_error;
    out->frame = ri_ffi_call_operator();
    return describe_value(f->base, &out->result);
}

static bool find_integer(RiThread *T, RiCtype *type, RiForeignValue *out)
{
    bool is_integer = type != ri_ffi_state(T)->ctype_type && (type->kind == RI_CK_INT || type->kind == RI_CK_ENUM);
    return is_integer && type == type->plain && describe_value(type, out) && out->kind == RI_FOREIGN_INT;
}

static bool find_constant(RiThread *T, RiCtype *type, const RiString *name, int64_t *out)
{
    (void)T;
    for (uint64_t i = 0; type->kind == RI_CK_ENUM && i < type->plain->count; i++) {
        if (ri_str_equal(type->plain->fields[i].name, name)) {
            *out = (int64_t)type->plain->fields[i].offset;
            return true;
        }
    }
    return false;
}

static void describe_wide(RiThread *T, RiForeignValue *out)
{
    (void)describe_value(ri_ffi_state(T)->basic[RI_C_ULONG], out);
}

static int find_address(RiThread *T, RiCtype *to, RiCtype *type)
{
    RiCtype *from = ri_ctype_strip(type);
    if (type == ri_ffi_state(T)->ctype_type)
        return 0;
    if (from->kind == RI_CK_POINTER)
        return from == type && ri_ctype_points_alike(to->base, from->base) ? 2 : 0;
    if (from->kind == RI_CK_ARRAY)
        return ri_ctype_points_alike(to->base, from->base) || ri_ctype_points_alike(to->base, from);
    return from->kind == RI_CK_STRUCT && ri_ctype_points_alike(to->base, from);
}

const RiUserType ri_ffi_library_type = {.name = RI_FFI_LIBRARY};

static bool find_symbol(RiThread *T, const RiUserdata *library, RiString *key, RiValue *out)
{
    (void)T;
    if (library->type != &ri_ffi_library_type || library->uservalues == NULL || !ri_is_table(library->uservalues[0]))
        return false;
    *out = ri_table_get(library->uservalues[0].p, ri_string_value(key));
    return !ri_is_nil(*out);
}

static RiCdata *make(RiThread *T, const RiForeignSite *site)
{
    RiCdata *c = ri_cdata_pointer(T, site->type, NULL, NULL);
    c->size = site->size;
    return c;
}

static int32_t deliver(RiThread *T, const RiForeignCall *call, uint64_t word, double real)
{
    char result[16] = {0};
    bool is_float = call->result.kind == RI_FOREIGN_FLOAT;
    memcpy(result, is_float ? (const void *)&real : (const void *)&word, sizeof word);
    return ri_ffi_deliver(T, call->type->base, result);
}

const RiForeign ri_ffi_foreign = {find_place, find_pointer, describe_call, find_integer, find_constant, describe_wide, find_address, find_symbol, make, deliver};
