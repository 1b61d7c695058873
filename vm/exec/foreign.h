/* Values of C as machine code sees them: how the ffi library describes its types to the JIT, which knows none of them.
 *
 * A type is told by the number in the header of its values: `object.word`. What an access or a call means follows from the
 * type alone, and types do not change, so a compare of that number guards all of it. */
#ifndef RI_EXEC_FOREIGN_H
#define RI_EXEC_FOREIGN_H

#include "vm/exec/state.h"

struct RiCtype;

typedef struct RiCdata {
    RiObject object; /* RI_TAG_CDATA; flags as a userdata's; word: number of its type */
    uint32_t serial; /* identity for hashing */
    uint32_t owner;
    struct RiCtype *type; /* a reference: `at` is the address of what it refers to; ctype_type: the type lies at `at` */
    char *at;
    void *keep;      /* the object that the bytes, or what it points to, belong to; NULL: not ours */
    uint64_t size;   /* bytes at `at`; 0: not known */
    RiValue finalizer;
    char data[];
} RiCdata;
_Static_assert(offsetof(RiCdata, data) % 16 == 0, "data is aligned like malloc's");

typedef enum RiForeignKind {
    RI_FOREIGN_VOID,
    RI_FOREIGN_BOOL,
    RI_FOREIGN_INT,
    RI_FOREIGN_FLOAT,
    RI_FOREIGN_POINTER,
    RI_FOREIGN_REFERENCE /* a struct or array, where it is */
} RiForeignKind;

typedef struct RiForeignValue { /* what a value of a type is */
    RiForeignKind kind;
    uint8_t size;       /* bytes, of what is loaded or stored */
    bool is_signed;
    bool is_boxed;      /* an integer that Lua has as a cdata: its first `size` bytes are in the lower half of eight */
    bool takes_strings; /* a pointer to constant bytes */
    struct RiCtype *type;
    struct RiCtype *made; /* of the cdata that stands for it: POINTER, REFERENCE, an integer that is boxed */
    uint32_t made_number; /* of that type */
    uint64_t made_size;   /* RiCdata.size */
} RiForeignValue;

typedef struct RiForeignPlace { /* what object.name or object[index] is */
    RiForeignValue value;
    uint32_t number;   /* of the object's type */
    bool is_through;   /* the object is a pointer: the address is in its bytes */
    bool is_owned;     /* it is neither a pointer nor a reference: RiCdata.size is that of all its elements */
    bool is_constant;  /* must not be stored to */
    uint64_t offset;   /* of a field, bytes */
    uint64_t step;     /* of elements, bytes; 0: a field */
    uint64_t count;    /* of elements that there are for sure */
} RiForeignPlace;

#define RI_FOREIGN_PARAMETERS_MAX 14
typedef struct RiForeignCall { /* of a function all of whose arguments go in registers */
    struct RiCtype *type;
    uint32_t number; /* of the function's, or pointer's, type */
    bool is_through; /* a pointer to a function */
    uint32_t count;
    RiForeignValue result, parameters[RI_FOREIGN_PARAMETERS_MAX];
    int *errno_value;      /* where errno is kept between calls */
    const bool *has_error; /* a callback has failed meanwhile: `deliver` throws */
    const RiLibFn *frame;  /* whose frame the call has, as calls by the interpreter do */
} RiForeignCall;

typedef struct RiForeignPointer { /* what pointers are computed and compared with: a pointer, an array, a struct */
    uint32_t number; /* of the object's type */
    bool is_through; /* a pointer: the address is in its bytes */
    uint64_t step;   /* bytes of what it points to; 0: nothing can be added */
    RiForeignValue made; /* what pointer + n is */
    struct RiCtype *described; /* the struct whose metatable could say otherwise; NULL: none */
    RiTable *const *meta;      /* where that is: NULL, or the operators are its */
} RiForeignPointer;

/* The cdata that machine code makes of one type for one place of a frame, used again and again as long as nobody else gets to see
 * them: code that lets one be seen clears `boxes` first. Every collection clears them, too. There are two, so that a new value can
 * be made while the place has the old one. */
typedef struct RiForeignSite {
    RiCdata *boxes[2]; /* NULL: to be made */
    struct RiForeignSite *next;
    struct RiCtype *type;
    uint64_t size;      /* for RiCdata.size */
    bool is_pointer;    /* has bytes of its own, for an address */
    /* The JIT's: the function and the slot; and, of one that is pending (see emit_ffi.c), where to go back to, and what a value is
     * like */
    const void *pcs;
    uint32_t home;
    uint32_t pc, depth;
    int32_t offset; /* to add to the address in the register */
    bool is_pending;
    RiCdata *sample;
} RiForeignSite;

/* What the library lends (RiHeap.foreign; NULL: it is not loaded). None of `place`, `pointer`, `call`, `address` and `symbol` collects
 * or throws; what they say no to is to be done by the general way. */
typedef struct RiForeign {
    /* The place that a string (a field) or an integer (an element) names in objects of that type. */
    bool (*place)(RiThread *T, struct RiCtype *type, RiValue key, RiForeignPlace *out);
    bool (*pointer)(RiThread *T, struct RiCtype *type, RiForeignPointer *out);
    bool (*call)(RiThread *T, struct RiCtype *type, RiForeignCall *out);
    /* Is a cdata of that type an integer? */
    bool (*integer)(RiThread *T, struct RiCtype *type, RiForeignValue *out);
    /* The constant of an enum, of such a cdata's type, by its name. */
    bool (*constant)(RiThread *T, struct RiCtype *type, const RiString *name, int64_t *out);
    /* What arithmetic makes of two integers one of which is an unsigned one of 64 bits. */
    void (*wide)(RiThread *T, RiForeignValue *out);
    /* May a cdata of type `from` be passed, or stored, as a pointer of type `to`? 0: no; 1: its address is RiCdata.at; 2: the
     * address is in its bytes. */
    int (*address)(RiThread *T, struct RiCtype *to, struct RiCtype *from);
    /* userdata.key, a function or constant of a library of C that has been looked up before: it never changes. */
    bool (*symbol)(RiThread *T, const RiUserdata *library, RiString *key, RiValue *out);
    RiCdata *(*make)(RiThread *T, const RiForeignSite *site); /* Collects. Traps: no memory */
    /* What a library function would do with that result: its value to the frame, and the count. Traps: errors of callbacks */
    int32_t (*deliver)(RiThread *T, const RiForeignCall *call, uint64_t word, double real);
} RiForeign;

#endif
