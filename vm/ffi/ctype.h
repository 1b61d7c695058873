/* Types of C, as the ffi library knows them: what they are made of, how large they are, what they are called.
 *
 * A type is a collected block. Pointers, references, arrays and qualified variants are made once for each type they are
 * derived from, so these can be compared by address; functions, and integers of different names, are compared by
 * ri_ctype_same. A struct, union or enum is one block from its first mention, completed in place when its body is met;
 * its qualified variants share its content through `plain`. */
#ifndef RI_FFI_CTYPE_H
#define RI_FFI_CTYPE_H

#include "vm/exec/native.h"

typedef enum RiCkind {
    RI_CK_VOID,
    RI_CK_BOOL,
    RI_CK_INT,
    RI_CK_FLOAT,
    RI_CK_COMPLEX,
    RI_CK_ENUM,
    RI_CK_POINTER,
    RI_CK_REFERENCE, /* as an alias of what it refers to, like C++'s */
    RI_CK_ARRAY,
    RI_CK_STRUCT, /* and unions */
    RI_CK_FUNCTION
} RiCkind;

enum { /* RiCtype.flags */
    RI_CT_UNSIGNED = 1,
    RI_CT_CHAR = 2,      /* plain char */
    RI_CT_UNION = 4,
    RI_CT_COMPLETE = 8,  /* a struct, union or enum whose body is known */
    RI_CT_VARIADIC = 16, /* a function with `...` */
    RI_CT_UNSIZED = 32,  /* an array [] */
    RI_CT_VARIABLE = 64, /* an array [?]; a struct that ends in one, or in [] */
    RI_CT_OPAQUE = 128,  /* values can be neither computed with nor passed, only kept */
    RI_CT_PACKED = 256,
    RI_CT_PREPARED = 512 /* types of references into its values have been made: ri_ctype_prepare */
};
enum { RI_CQ_CONST = 1, RI_CQ_VOLATILE = 2, RI_CQ_ALL = 3 };

typedef enum RiCbasic {
#define CTYPE(id, name, kind, c_type, flags) RI_C_##id,
#include "vm/ffi/basictypes.def"
    RI_C_COUNT
} RiCbasic;

typedef struct RiCtype RiCtype;
struct RiCcall;

typedef struct RiCfield { /* of a struct or union; a parameter of a function; a constant of an enum */
    RiString *name;       /* interned; NULL: none (an anonymous struct, padding bits, an unnamed parameter) */
    RiCtype *type;
    uint64_t offset;      /* bytes; the value of a constant */
    uint32_t bit_width;   /* 0: no bit-field */
    uint32_t bit_offset;  /* of a bit-field, from the lowest bit of the byte at `offset` */
} RiCfield;

struct RiCtype {
    RiObject object; /* a RI_TAG_BLOCK */
    uint8_t kind;    /* RiCkind */
    uint8_t qualifiers;
    uint16_t flags;
    uint32_t align;     /* bytes */
    uint64_t size;      /* bytes; 0 for what has none */
    uint64_t count;     /* of elements (array), fields, parameters or constants */
    RiCtype *plain;     /* the same without qualifiers; itself, if it has none */
    RiCtype *base;      /* what it points to, its element, its result, an enum's integer */
    RiString *name;     /* of a basic type; the tag of a struct, union or enum; NULL: it has none */
    RiCfield *fields;
    /* What has been derived from it; NULL: not yet. */
    RiCtype *variants[RI_CQ_ALL + 1];
    RiCtype *pointer, *reference;
    RiCtype *arrays;    /* a list, by `next` */
    RiCtype *next;
    RiCtype *element;   /* of an integer type with another alignment: not used by others */
    RiTable *meta;      /* ffi.metatype; kept with the plain type */
    struct RiCcall *call;    /* a function: how it is called; a struct: how it is passed. In call.c */
    void *native;       /* ffi_type of a struct or union */
    uint32_t id;        /* number of its making, from 1 */
    uint32_t line;      /* where its body was declared */
};

/* What an identifier of C stands for. */
typedef enum RiCdeclKind { RI_CD_TYPE, RI_CD_CONSTANT, RI_CD_FUNCTION, RI_CD_VARIABLE } RiCdeclKind;
typedef struct RiCdecl {
    RiObject object; /* a RI_TAG_BLOCK */
    RiCdeclKind kind;
    RiCtype *type;
    uint64_t value;   /* of a constant */
    RiString *symbol; /* its name in the library, if __asm__ gives one; else NULL */
} RiCdecl;

/* The library's state in one process: a collected block, kept by the process. */
typedef struct RiFfi {
    RiObject object;
    RiTable *names;   /* identifiers: RiCdecl */
    RiTable *tags;    /* of structs, unions and enums: RiCtype */
    RiTable *parsed;  /* texts of types met: RiCtype */
    uint32_t parsed_count;
    uint32_t next_id;
    RiCtype *void_type;
    RiCtype *basic[RI_C_COUNT];
    RiCtype *ctype_type;  /* of cdata that stand for a type */
    RiCtype *void_pointer, *char_pointer; /* const char * */
    struct RiCallback *callbacks; /* in callback.c */
    bool has_error;   /* a callback has failed, and the C functions above it are still to return */
    int error_status; /* RiCallStatus; RI_OK: where none may be called */
    int errno_value;
    uint32_t argument; /* number of the argument being converted, for messages; 0: none */
    RiTable *anchors; /* what lives as long as the process: functions of callbacks */
    RiValue error;    /* what it failed with */
} RiFfi;

/* The state of T's process, made when first asked for. Throws if the process may not use the library at all (policy.h).
 * Collects. Traps. */
RiFfi *ri_ffi_state(RiThread *T);
/* The same for what gives no access to anything by itself: without the question whether that is allowed. */
static inline RiFfi *ri_ffi_own(RiThread *T)
{
    return RI_LIKELY(T->process->ffi != NULL) ? T->process->ffi : ri_ffi_state(T);
}

/* -- Making types. All collect and trap for want of memory -------------------------------------------------------- */
RiCtype *ri_ctype_new(RiThread *T, RiCkind kind, uint64_t size, uint32_t align);
RiCtype *ri_ctype_qualified(RiThread *T, RiCtype *type, unsigned qualifiers); /* added to those it has */
RiCtype *ri_ctype_pointer(RiThread *T, RiCtype *to);
RiCtype *ri_ctype_reference(RiThread *T, RiCtype *to);
/* Make the types of references to what is in a value of that type, which descriptions for machine code (foreign.c) take as they
 * find them. */
void ri_ctype_prepare(RiThread *T, RiCtype *type);
/* flags: 0, RI_CT_UNSIZED or RI_CT_VARIABLE, both with count 0. Throws if it is too large or of what has no size. */
RiCtype *ri_ctype_array(RiThread *T, RiCtype *element, uint64_t count, unsigned flags);
/* The type with another alignment: what __attribute__((aligned)) of a typedef makes. */
RiCtype *ri_ctype_aligned(RiThread *T, const RiCtype *type, uint32_t align);

/* -- Asking ------------------------------------------------------------------------------------------------------- */
static inline bool ri_ctype_is_number(const RiCtype *t)
{
    return t->kind >= RI_CK_BOOL && t->kind <= RI_CK_FLOAT && !(t->flags & RI_CT_OPAQUE) && t->size <= 16;
}
static inline bool ri_ctype_is_integer(const RiCtype *t) /* of at most 64 bits; enums and bool, too */
{
    return (t->kind == RI_CK_INT || t->kind == RI_CK_BOOL || t->kind == RI_CK_ENUM) && t->size <= 8;
}
static inline bool ri_ctype_is_char(const RiCtype *t) /* one byte: what strings are made of */
{
    return t->kind == RI_CK_INT && t->size == 1;
}
/* Through references. */
static inline RiCtype *ri_ctype_strip(RiCtype *t)
{
    return t->kind == RI_CK_REFERENCE ? t->base : t;
}
/* Size and alignment in bytes; sizes of what has none, or none yet, are 0 (and then *known is false). */
uint64_t ri_ctype_size(const RiCtype *t, bool *known);
uint32_t ri_ctype_align(const RiCtype *t);
/* The same type, qualifiers at the top (or, `ignore_all`, anywhere) aside. */
bool ri_ctype_same(const RiCtype *a, const RiCtype *b, bool ignore_all);
/* May a pointer to `from` be taken for one to `to`, as C would without a cast? */
bool ri_ctype_points_alike(const RiCtype *to, const RiCtype *from);
/* The field of that name, in anonymous members too, and its offset in bytes from the start of t; NULL: none. */
const RiCfield *ri_ctype_field(const RiCtype *t, const RiString *name, uint64_t *offset);
/* As C writes it: "const char *", "int (*)[3]". */
RiString *ri_ctype_name(RiThread *T, const RiCtype *t);
const char *ri_ctype_text(RiThread *T, const RiCtype *t); /* the same, for messages */

/* Lay out the fields of a struct or union, which becomes complete: `packed` as by the attribute, `align_min` by aligned(n)
 * (0: none), `pack` by #pragma pack (0: none). Field types are complete; fields' own alignments lie in `aligns` (0: the
 * type's; with RI_CT_PACKED_FIELD: 1). false: too large. As the System V ABI and gcc have it. */
#define RI_CT_PACKED_FIELD 0x80000000u
RI_MUST_CHECK bool ri_ctype_lay_out(RiCtype *t, const uint32_t *aligns, bool packed, uint32_t align_min, uint32_t pack);

/* -- The parser: parse.c ------------------------------------------------------------------------------------------ */
/* Declarations (ffi.cdef). `params` are `count` values for the $ in the text. Throws "input:LINE: … near 'TOKEN'"; what
 * was declared before the error stays. */
void ri_ffi_declare(RiThread *T, RiString *text, const RiValue *params, uint32_t count);
/* The text of a type: "struct foo *[3]". */
RiCtype *ri_ffi_parse_type(RiThread *T, RiString *text, const RiValue *params, uint32_t count);
/* A constant expression; *type is its type. */
uint64_t ri_ffi_evaluate(RiThread *T, RiString *text, RiCtype **type);
/* What a name stands for; NULL: nothing has been declared. */
RiCdecl *ri_ffi_find(RiThread *T, RiString *name);

/* A number or block in a table. */
static inline RiValue ri_block_value(const void *block)
{
    return ri_object(block, RI_TAG_BLOCK);
}

#endif
