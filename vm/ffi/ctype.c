/* Types of C: making, comparing, laying out, naming. See ctype.h. */
#include "vm/ffi/ctype.h"

#include <stdio.h>
#include <string.h>

#include "vm/machine/policy.h"

#define SIZE_MAX_BYTES ((uint64_t)1 << 46)

typedef struct Basic {
    const char *name;
    uint8_t kind;
    uint16_t flags;
    uint16_t size, align;
} Basic;

static const Basic basics[RI_C_COUNT] = {
#define CTYPE(id, name, kind, c_type, flags) {name, RI_CK_##kind, flags, sizeof(c_type), _Alignof(c_type)},
#include "vm/ffi/basictypes.def"
};

static const struct {
    const char *name;
    RiCbasic id;
} aliases[] = {
#define CALIAS(name, id) {name, RI_C_##id},
#include "vm/ffi/basictypes.def"
};

/* -- Making ------------------------------------------------------------------------------------------------------- */

static RiCtype *new_type(RiHeap *heap, RiFfi *ffi, RiCkind kind, uint64_t size, uint32_t align)
{
    RiCtype *t = ri_heap_alloc_block(heap, sizeof *t);
    t->kind = (uint8_t)kind;
    t->size = size;
    t->align = align;
    t->plain = t;
    t->id = ++ffi->next_id;
    return t;
}

RiCtype *ri_ctype_new(RiThread *T, RiCkind kind, uint64_t size, uint32_t align)
{
    return new_type(T->heap, ri_ffi_state(T), kind, size, align);
}

RiCtype *ri_ctype_qualified(RiThread *T, RiCtype *type, unsigned qualifiers)
{
    qualifiers |= type->qualifiers;
    RiCtype *plain = type->plain;
    if (type->kind == RI_CK_REFERENCE || qualifiers == type->qualifiers)
        return type;
    if (type->kind == RI_CK_ARRAY) /* C qualifies the elements */
        return ri_ctype_array(T, ri_ctype_qualified(T, type->base, qualifiers), type->count,
                              type->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE));
    if (plain->variants[qualifiers] == NULL) {
        RiCtype *t = ri_ctype_new(T, (RiCkind)plain->kind, plain->size, plain->align);
        t->flags = plain->flags & (uint16_t)~RI_CT_PREPARED;
        t->qualifiers = (uint8_t)qualifiers;
        t->plain = plain;
        t->base = plain->base;
        t->count = plain->count;
        t->name = plain->name;
        t->fields = plain->fields;
        plain->variants[qualifiers] = t;
    }
    return plain->variants[qualifiers];
}

RiCtype *ri_ctype_pointer(RiThread *T, RiCtype *to)
{
    if (to->pointer == NULL) {
        RiCtype *t = ri_ctype_new(T, RI_CK_POINTER, sizeof(void *), _Alignof(void *));
        t->base = to;
        to->pointer = t;
    }
    return to->pointer;
}

RiCtype *ri_ctype_reference(RiThread *T, RiCtype *to)
{
    if (to->kind == RI_CK_REFERENCE)
        return to;
    if (to->reference == NULL) {
        RiCtype *t = ri_ctype_new(T, RI_CK_REFERENCE, sizeof(void *), _Alignof(void *));
        t->base = to;
        to->reference = t;
    }
    return to->reference;
}

static void prepare_part(RiThread *T, RiCtype *part)
{
    if (part->kind == RI_CK_STRUCT || part->kind == RI_CK_ARRAY) {
        ri_ctype_reference(T, part);
        ri_ctype_prepare(T, part);
    }
}

void ri_ctype_prepare(RiThread *T, RiCtype *type)
{
    bool is_struct = type->kind == RI_CK_STRUCT;
    if ((type->flags & RI_CT_PREPARED) || (is_struct && !(type->plain->flags & RI_CT_COMPLETE)))
        return;
    if (type->kind == RI_CK_POINTER && type->base->kind == RI_CK_STRUCT && !(type->base->plain->flags & RI_CT_COMPLETE))
        return;
    type->flags |= RI_CT_PREPARED;
    if (type->kind == RI_CK_POINTER || type->kind == RI_CK_ARRAY || type->kind == RI_CK_REFERENCE)
        prepare_part(T, type->base);
    for (uint64_t i = 0; is_struct && i < type->plain->count; i++)
        prepare_part(T, type->plain->fields[i].type);
}

RiCtype *ri_ctype_array(RiThread *T, RiCtype *element, uint64_t count, unsigned flags)
{
    bool known;
    uint64_t size = ri_ctype_size(element, &known), bytes;
    if (!known || element->kind == RI_CK_FUNCTION || element->kind == RI_CK_REFERENCE)
        ri_error_no_position(T, "array of '%s', which has no size", ri_ctype_text(T, element));
    if (__builtin_mul_overflow(size, count, &bytes) || bytes > SIZE_MAX_BYTES)
        ri_error_no_position(T, "size of C type is too large");
    for (RiCtype *a = element->arrays; a != NULL; a = a->next) {
        if (a->count == count && (a->flags & ~RI_CT_PREPARED) == flags)
            return a;
    }
    RiCtype *t = ri_ctype_new(T, RI_CK_ARRAY, bytes, ri_ctype_align(element));
    t->base = element;
    t->count = count;
    t->flags = (uint16_t)flags;
    t->next = element->arrays;
    element->arrays = t;
    return t;
}

RiCtype *ri_ctype_aligned(RiThread *T, const RiCtype *type, uint32_t align)
{
    RiCtype *t = ri_ctype_new(T, (RiCkind)type->kind, 0, 0);
    RiObject object = t->object;
    uint32_t id = t->id;
    *t = *type;
    t->object = object;
    t->id = id;
    t->pointer = t->reference = t->arrays = t->next = NULL;
    memset(t->variants, 0, sizeof t->variants);
    t->align = align;
    t->plain = t;
    return t;
}

/* -- The state of a process --------------------------------------------------------------------------------------- */

static void declare_type(RiHeap *heap, RiFfi *ffi, const char *name, RiCtype *type)
{
    RiCdecl *decl = ri_heap_alloc_block(heap, sizeof *decl);
    decl->kind = RI_CD_TYPE;
    decl->type = type;
    ri_table_set_str(heap, ffi->names, ri_str_from_cstr(heap, name), ri_block_value(decl));
}

/* What gcc calls __builtin_va_list: an array of one struct of 24 bytes. */
static void declare_va_list(RiThread *T, RiFfi *ffi)
{
    RiCtype *tag = ri_ctype_new(T, RI_CK_STRUCT, 24, 8);
    tag->flags = RI_CT_COMPLETE;
    tag->name = ri_str_from_cstr(T->heap, "__va_list_tag");
    RiCtype *list = ri_ctype_array(T, tag, 1, 0);
    declare_type(T->heap, ffi, "__builtin_va_list", list);
    declare_type(T->heap, ffi, "va_list", list);
}

static RiFfi *make_state(RiThread *T)
{
    RiHeap *heap = T->heap;
    RiFfi *ffi = ri_heap_alloc_block(heap, sizeof *ffi);
    ffi->names = ri_table_new(heap, 0, 0);
    ffi->tags = ri_table_new(heap, 0, 0);
    ffi->parsed = ri_table_new(heap, 0, 0);
    ffi->anchors = ri_table_new(heap, 0, 0);
    ffi->void_type = new_type(heap, ffi, RI_CK_VOID, 0, 1);
    ffi->void_type->name = ri_str_from_cstr(heap, "void");
    for (int i = 0; i < RI_C_COUNT; i++) {
        RiCtype *t = new_type(heap, ffi, (RiCkind)basics[i].kind, basics[i].size, basics[i].align);
        t->flags = basics[i].flags;
        t->name = ri_str_from_cstr(heap, basics[i].name);
        ffi->basic[i] = t;
    }
    for (size_t i = 0; i < RI_COUNTOF(aliases); i++)
        declare_type(heap, ffi, aliases[i].name, ffi->basic[aliases[i].id]);
    ffi->ctype_type = new_type(heap, ffi, RI_CK_VOID, sizeof(void *), sizeof(void *));
    ffi->ctype_type->name = ri_str_from_cstr(heap, "ctype");
    T->process->ffi = ffi;
    ffi->void_pointer = ri_ctype_pointer(T, ffi->void_type);
    ffi->char_pointer = ri_ctype_pointer(T, ri_ctype_qualified(T, ffi->basic[RI_C_CHAR], RI_CQ_CONST));
    declare_va_list(T, ffi);
    return ffi;
}

static bool may_use(const RiProcess *process)
{
    return process->proc == NULL || ri_policy_allows_some(process->proc->policy, RI_CAP_FFI);
}

RiFfi *ri_ffi_state(RiThread *T)
{
    if (!may_use(T->process))
        ri_error(T, "ffi: permission denied (needs --allow-ffi)");
    if (T->process->ffi != NULL)
        return T->process->ffi;
    return make_state(T);
}

RiCdecl *ri_ffi_find(RiThread *T, RiString *name)
{
    RiValue v = ri_table_get(ri_ffi_state(T)->names, ri_string_value(name));
    return ri_is_nil(v) ? NULL : v.p;
}

/* -- Asking ------------------------------------------------------------------------------------------------------- */

uint64_t ri_ctype_size(const RiCtype *t, bool *known)
{
    const RiCtype *plain = t->plain;
    switch (t->kind) {
    case RI_CK_VOID:
    case RI_CK_FUNCTION:
        *known = false;
        return 0;
    case RI_CK_STRUCT:
    case RI_CK_ENUM:
        *known = (plain->flags & RI_CT_COMPLETE) != 0;
        return *known ? plain->size : 0;
    case RI_CK_ARRAY:
        *known = !(t->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE));
        return t->size;
    default:
        *known = true;
        return t->size;
    }
}

uint32_t ri_ctype_align(const RiCtype *t)
{
    uint32_t align = t->kind == RI_CK_ARRAY ? ri_ctype_align(t->base) : t->plain->align;
    if (t->kind == RI_CK_ARRAY && t->align > align)
        align = t->align;
    return align != 0 ? align : 1;
}

static bool same_parameters(const RiCtype *a, const RiCtype *b)
{
    if (a->count != b->count || (a->flags & RI_CT_VARIADIC) != (b->flags & RI_CT_VARIADIC))
        return false;
    for (uint64_t i = 0; i < a->count; i++) {
        if (!ri_ctype_same(a->fields[i].type, b->fields[i].type, false))
            return false;
    }
    return true;
}

/* `deep`: qualifiers below the top count. */
static bool same(const RiCtype *a, const RiCtype *b, bool ignore_all)
{
    if (a->plain == b->plain)
        return true;
    if (a->kind != b->kind)
        return false;
    const uint16_t shape = RI_CT_UNSIZED | RI_CT_VARIABLE;
    switch (a->kind) {
    case RI_CK_VOID:
        return a->name == b->name;
    case RI_CK_BOOL:
    case RI_CK_INT:
    case RI_CK_FLOAT:
    case RI_CK_COMPLEX:
        return a->size == b->size && !((a->flags ^ b->flags) & RI_CT_UNSIGNED);
    case RI_CK_POINTER:
    case RI_CK_REFERENCE:
        return (ignore_all || a->base->qualifiers == b->base->qualifiers) && same(a->base, b->base, ignore_all);
    case RI_CK_ARRAY:
        return a->count == b->count && !((a->flags ^ b->flags) & shape) &&
               (ignore_all || a->base->qualifiers == b->base->qualifiers) && same(a->base, b->base, ignore_all);
    case RI_CK_FUNCTION:
        return same(a->base, b->base, ignore_all) && same_parameters(a, b);
    default:
        return false;
    }
}

bool ri_ctype_same(const RiCtype *a, const RiCtype *b, bool ignore_all)
{
    return same(a, b, ignore_all);
}

bool ri_ctype_points_alike(const RiCtype *to, const RiCtype *from)
{
    unsigned lost = from->qualifiers & ~(unsigned)to->qualifiers;
    const RiCtype *element = from;
    while (element->kind == RI_CK_ARRAY)
        element = element->base;
    lost |= element->qualifiers & ~(unsigned)(to->kind == RI_CK_ARRAY ? element->qualifiers : to->qualifiers);
    if (lost & RI_CQ_CONST)
        return false;
    if (to->kind == RI_CK_VOID || from->kind == RI_CK_VOID)
        return true;
    if (to->kind == RI_CK_INT && from->kind == RI_CK_INT) /* signed or not */
        return to->size == from->size;
    if ((to->kind == RI_CK_ENUM && from->kind == RI_CK_INT) || (to->kind == RI_CK_INT && from->kind == RI_CK_ENUM))
        return to->plain->size == from->plain->size;
    if (to->kind == RI_CK_POINTER && from->kind == RI_CK_POINTER)
        return ri_ctype_same(to->base, from->base, true);
    if (to->kind == RI_CK_ARRAY && from->kind == RI_CK_ARRAY && (to->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE)))
        return ri_ctype_points_alike(to->base, from->base);
    return same(to, from, true);
}

const RiCfield *ri_ctype_field(const RiCtype *t, const RiString *name, uint64_t *offset)
{
    const RiCtype *s = t->plain;
    for (uint64_t i = 0; i < s->count; i++) {
        const RiCfield *f = &s->fields[i];
        if (f->name != NULL && ri_str_equal(f->name, name)) {
            *offset = f->offset;
            return f;
        }
        if (f->name == NULL && f->type->kind == RI_CK_STRUCT) {
            const RiCfield *inner = ri_ctype_field(f->type, name, offset);
            if (inner != NULL) {
                *offset += f->offset;
                return inner;
            }
        }
    }
    return NULL;
}

/* -- Layout ------------------------------------------------------------------------------------------------------- */

typedef struct Layout {
    uint64_t bits;  /* where the next field may begin */
    uint64_t bytes; /* end of the largest member so far */
    uint32_t align;
    bool is_union, is_packed;
    uint32_t pack;
} Layout;

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* The alignment that a field has: its type's, less where packed, more where an attribute asks for it. */
static uint32_t field_align(const Layout *l, const RiCfield *f, uint32_t wanted, bool *is_packed)
{
    uint32_t align = ri_ctype_align(f->type);
    *is_packed = l->is_packed || (wanted & RI_CT_PACKED_FIELD);
    if (*is_packed)
        align = 1;
    wanted &= ~RI_CT_PACKED_FIELD;
    if (wanted > align)
        align = wanted;
    return l->pack != 0 && align > l->pack ? l->pack : align;
}

static void place_bits(Layout *l, RiCfield *f, uint32_t align, bool is_packed, bool is_aligned)
{
    uint64_t unit = f->type->plain->size * 8;
    if (is_aligned)
        l->bits = round_up(l->bits, (uint64_t)align * 8);
    else if (!is_packed && l->pack == 0 && l->bits / unit != (l->bits + f->bit_width - 1) / unit)
        l->bits = round_up(l->bits, unit);
    f->offset = l->bits / unit * (unit / 8);
    f->bit_offset = (uint32_t)(l->bits - f->offset * 8);
    if (f->bit_offset + f->bit_width > 64) { /* packed across the unit: count from a nearer byte */
        f->offset = l->bits / 8;
        f->bit_offset = (uint32_t)(l->bits % 8);
    }
    l->bits += f->bit_width;
}

static bool place(Layout *l, RiCfield *f, uint32_t wanted)
{
    bool known, is_packed;
    uint64_t size = ri_ctype_size(f->type, &known);
    uint32_t align = field_align(l, f, wanted, &is_packed);
    if (l->is_union)
        l->bits = 0;
    if (f->bit_offset == UINT32_MAX) { /* a bit-field */
        if (f->bit_width == 0) {       /* the next one begins a new unit */
            f->bit_offset = 0;
            l->bits = round_up(l->bits, ri_ctype_align(f->type) * 8);
            return true;
        }
        place_bits(l, f, align, is_packed, (wanted & ~RI_CT_PACKED_FIELD) != 0);
        if (f->name == NULL)
            align = 1;
    } else {
        uint64_t at = round_up(round_up(l->bits, 8) / 8, align);
        f->offset = at;
        if (at + size > SIZE_MAX_BYTES)
            return false;
        l->bits = (at + size) * 8;
    }
    if (align > l->align)
        l->align = align;
    if (round_up(l->bits, 8) / 8 > l->bytes)
        l->bytes = round_up(l->bits, 8) / 8;
    return true;
}

bool ri_ctype_lay_out(RiCtype *t, const uint32_t *aligns, bool packed, uint32_t align_min, uint32_t pack)
{
    Layout l = {.align = 1, .is_union = (t->flags & RI_CT_UNION) != 0, .is_packed = packed, .pack = pack};
    for (uint64_t i = 0; i < t->count; i++) {
        if (!place(&l, &t->fields[i], aligns[i]))
            return false;
    }
    if (!l.is_union && round_up(l.bits, 8) / 8 > l.bytes)
        l.bytes = round_up(l.bits, 8) / 8;
    if (align_min > l.align)
        l.align = align_min;
    t->align = l.align;
    t->size = round_up(l.bytes, l.align);
    if (t->count > 0) {
        const RiCtype *last = t->fields[t->count - 1].type;
        if (last->kind == RI_CK_ARRAY && (last->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE)))
            t->flags |= RI_CT_VARIABLE;
    }
    t->flags |= RI_CT_COMPLETE;
    return true;
}

/* -- Names -------------------------------------------------------------------------------------------------------- */

#define NAME_SIZE 800

typedef struct Name {
    char text[NAME_SIZE]; /* the declarator grows from the middle to both sides */
    size_t start, end;
} Name;

static void add_before(Name *n, const char *text)
{
    size_t size = strlen(text);
    if (size > n->start)
        return;
    n->start -= size;
    memcpy(n->text + n->start, text, size);
}

static void add_after(Name *n, const char *text)
{
    size_t size = strlen(text);
    if (size > NAME_SIZE - 1 - n->end)
        return;
    memcpy(n->text + n->end, text, size);
    n->end += size;
}

static void add_word(Name *n, const char *word) /* before, with a space between words */
{
    char c = n->start < n->end ? n->text[n->start] : '\0';
    if (c != '\0' && c != ')' && c != ',')
        add_before(n, " ");
    add_before(n, word);
}

static void add_qualifiers(Name *n, unsigned qualifiers)
{
    if (qualifiers & RI_CQ_VOLATILE)
        add_word(n, "volatile");
    if (qualifiers & RI_CQ_CONST)
        add_word(n, "const");
}

static void add_parameters(RiThread *T, Name *n, const RiCtype *t)
{
    add_after(n, "(");
    for (uint64_t i = 0; i < t->count; i++) {
        add_after(n, i > 0 ? ", " : "");
        add_after(n, ri_ctype_text(T, t->fields[i].type));
    }
    if (t->flags & RI_CT_VARIADIC)
        add_after(n, t->count > 0 ? ", ..." : "...");
    add_after(n, ")");
}

static void add_base(RiThread *T, Name *n, const RiCtype *t)
{
    char number[24];
    const RiCtype *plain = t->plain;
    if (plain->name != NULL) {
        add_word(n, ri_str_cstr(T->heap, plain->name));
    } else {
        snprintf(number, sizeof number, "%u", plain->id);
        add_word(n, number);
    }
    if (t->kind == RI_CK_STRUCT)
        add_word(n, plain->flags & RI_CT_UNION ? "union" : "struct");
    else if (t->kind == RI_CK_ENUM)
        add_word(n, "enum");
    add_qualifiers(n, t->qualifiers);
}

/* Wrap what is there in parentheses, if it begins with a pointer. */
static void close_group(Name *n)
{
    if (n->start < n->end && (n->text[n->start] == '*' || n->text[n->start] == '&')) {
        add_before(n, "(");
        add_after(n, ")");
    }
}

RiString *ri_ctype_name(RiThread *T, const RiCtype *t)
{
    Name n;
    char number[24];
    n.start = n.end = NAME_SIZE / 2;
    for (;; t = t->base) {
        switch (t->kind) {
        case RI_CK_POINTER:
            add_qualifiers(&n, t->qualifiers);
            add_before(&n, "*");
            continue;
        case RI_CK_REFERENCE:
            add_before(&n, "&");
            continue;
        case RI_CK_ARRAY:
            close_group(&n);
            snprintf(number, sizeof number, "[%llu]", (unsigned long long)t->count);
            add_after(&n, t->flags & RI_CT_UNSIZED ? "[]" : t->flags & RI_CT_VARIABLE ? "[?]" : number);
            continue;
        case RI_CK_FUNCTION:
            close_group(&n);
            add_parameters(T, &n, t);
            continue;
        default:
            break;
        }
        break;
    }
    add_base(T, &n, t);
    return ri_str_new(T->heap, n.text + n.start, n.end - n.start);
}

const char *ri_ctype_text(RiThread *T, const RiCtype *t)
{
    return ri_str_cstr(T->heap, ri_ctype_name(T, t));
}
