/* Functions: prototypes (shared, immutable), feedback (per process and prototype), closures, cells, library functions. */
#ifndef RI_OBJECT_FUNC_H
#define RI_OBJECT_FUNC_H

#include "vm/object/table.h"

/* A captured local variable: born with the variable, so VM stacks may move and closures outlive coroutines. */
typedef struct RiCell {
    RiObject object;
    uint64_t reserved;
    RiValue value;
} RiCell;

typedef struct RiUpvalDesc {
    RiString *name; /* NULL when stripped */
    uint8_t in_stack; /* 1: cell in the enclosing function's local slot `index`; 0: its upvalue `index` */
    uint8_t index;
    uint8_t kind; /* RiVarKind: regular, const, close, compile-time */
} RiUpvalDesc;

typedef struct RiLocalVar { /* for debugging: slot `slot` is called `name` in [start_pc, end_pc) */
    RiString *name;
    uint32_t start_pc, end_pc;
    uint32_t slot;
} RiLocalVar;

typedef struct RiLoop { /* for the JIT: locals used in the loop body [start_pc, end_pc) */
    uint32_t start_pc, end_pc;
    uint64_t used_locals; /* bit i: local slot i is read or written (slots from 63 on share bit 63) */
} RiLoop;

/* One place that caches: GETFIELD and its like (key: a string constant), NEWTABLE (key: RI_NO_KEY), NEWRECORD (record). */
#define RI_NO_KEY 0xffffffffu
typedef struct RiSite {
    uint32_t key; /* constant index of the key, or RI_NO_KEY */
} RiSite;

/* Code and everything that goes with it. Immutable once verified; arrays are heap blocks (RI_TAG_VALUES / leaf
 * buffers) or belong to the same collected memory; shared by all processes of a machine. */
typedef struct RiProto {
    RiObject object;
    uint8_t param_count;
    uint8_t is_vararg;
    uint8_t flags;
    uint8_t reserved;
    uint32_t frame_size; /* slots from base: locals + deepest operand stack */
    uint32_t *code;      /* instruction words; opcode.h */
    RiValue *constants;
    struct RiProto **protos; /* nested functions */
    RiUpvalDesc *upvals;
    RiSite *sites;
    int8_t *line_deltas;    /* per word: line difference to the word before; INT8_MIN: look in line_marks */
    struct RiLineMark *line_marks; /* sorted by pc; at least one every 128 words */
    RiLocalVar *locals;
    RiLoop *loops;
    RiString *source; /* chunk name with its '@' or '='; NULL when stripped */
    uint32_t code_count, constant_count, proto_count, upval_count, site_count, line_mark_count, local_count, loop_count;
    uint32_t line_defined, last_line_defined;
    uint32_t has_lines; /* 0 when stripped */
} RiProto;

typedef struct RiLineMark {
    uint32_t pc, line;
} RiLineMark;

/* One inline cache, 64 bytes. Which fields mean something depends on the instruction:
 *   own field       shape, offset
 *   new field       shape -> next_shape, offset (of the slot added)
 *   inherited       shape, meta, epoch -> target (address of the value in the delegate's slots), with the own slot absent;
 *                   does not keep meta and holder alive: the collector empties the cache when one of them dies
 *   constructor     hint (inline slots), samples */
typedef struct RiCache {
    RiString *key;
    RiShapeId shape;      /* 0: empty */
    uint32_t offset;      /* bytes from t->slots */
    RiShapeId next_shape; /* after adding the key; or: shape of the receiver of an inherited field */
    uint32_t epoch;       /* heap->epoch when `target` was found */
    RiTable *meta;
    RiTable *holder; /* keeps `target` alive */
    RiValue *target;
    RiTable *index;       /* the metatable's __index */
    RiShapeId meta_shape; /* 0: metatables are told by identity alone */
    uint32_t meta_offset;
} RiCache;

/* Per (process, prototype). `code` points to a one-word warm-up routine until the first call, then to the prototype's
 * words (or to a private copy with breakpoints). */
struct RiFeedback {
    RiObject object;
    RiProto *proto;
    const uint32_t *code;
    const uint32_t *start; /* where a call begins: `code`, or the heap's `hot_code` in front of it */
    RiValue *constants;
    RiCache *caches; /* NULL until warm */
    uint32_t frame_size;
    uint8_t param_count;
    uint8_t is_vararg;
    uint8_t is_warm;
    uint8_t has_own_code; /* 1: `code` is a copy of the prototype's words, in which a debugger may set breakpoints; 2: and the
                             function has run since */
    uint32_t calls, loops;         /* counters of the JIT */
    void *native;                  /* what the JIT knows of it, a collected block; NULL: nothing */
    struct RiFeedback **children;  /* one per nested prototype, made when first closed over */
};

/* The words that links into the function refer to: always the same for one feedback, once it has been called. */
static RI_ALWAYS_INLINE const uint32_t *ri_feedback_words(const RiFeedback *feedback)
{
    return RI_UNLIKELY(feedback->has_own_code) ? feedback->code : feedback->proto->code;
}

/* caches[] stand in a buffer of their own (`used`: their bytes); NULL if there are none. */
static inline RiBuffer *ri_feedback_cache_buffer(const RiFeedback *feedback)
{
    return feedback->caches ? (RiBuffer *)((char *)feedback->caches - offsetof(RiBuffer, bytes)) : NULL;
}

typedef struct RiClosure {
    RiObject object; /* aux: number of upvalues */
    uint32_t serial;
    uint32_t owner;
    RiFeedback *feedback;
    RiCell *upvals[];
} RiClosure;

/* -- Library functions ----------------------------------------------------------------------------------------- */
/* The fast ABI. `args[0..nargs)` are the arguments in place on the VM stack, T->top == args + nargs, at least
 * RI_STACK_RESERVE free slots above top. Returns the number of results, which it has stored at args[-2], args[-1],
 * args[0] … (the slots of the function and of the frame link come first); or a negative RiLibSignal.
 * The stack may move at anything that calls Lua or ri_stack_reserve: re-read `args` as T->base afterwards. */
typedef int32_t (*RiLibCall)(RiThread *T, RiValue *args, uint32_t nargs);

#define RI_STACK_RESERVE 24 /* free slots a library function finds above its arguments */

typedef struct RiLibFn {
    const char *name;  /* "string.rep" */
    const char *usage; /* "string.rep(s, n [, sep])" */
    const char *doc;   /* one or two sentences for :help */
    RiLibCall call;
    RiLibCall resume; /* continuation after RI_LIB_CALL; NULL if it never signals */
    uint32_t flags;   /* RI_LIBFN_… */
    uint32_t intrinsic; /* number the interpreter and the JIT know it by; 0: none */
} RiLibFn;

typedef struct RiNative { /* library function with upvalues (gmatch's iterator, coroutine.wrap), or closure of the C API: its
                             row says RI_LIBFN_C, and its lua_CFunction is one more upvalue, the last */
    RiObject object;      /* aux: number of upvalues */
    uint32_t serial;
    uint32_t owner;
    const RiLibFn *fn;
    RiValue upvals[];
} RiNative;

/* RiLibFn.flags: here the one that the object model knows, the others in exec/native.h. */
enum { RI_LIBFN_C = 16 }; /* calls a lua_CFunction */

/* How many upvalues a program sees. */
static inline uint32_t ri_native_upval_count(const RiNative *native)
{
    return native->object.aux - (native->fn->flags & RI_LIBFN_C ? 1u : 0u);
}

RiClosure *ri_closure_new(RiHeap *heap, RiFeedback *feedback, uint32_t upval_count); /* upvals NULL; Collects */
RiCell *ri_cell_new(RiHeap *heap, RiValue value);
RiNative *ri_native_new(RiHeap *heap, const RiLibFn *fn, uint32_t upval_count); /* upvals nil; Collects */
RiProto *ri_proto_new(RiHeap *heap);
RiFeedback *ri_feedback_new(RiHeap *heap, RiProto *proto);
/* The feedback of a nested prototype, made when it is first closed over. Collects. */
RiFeedback *ri_feedback_child(RiHeap *heap, RiFeedback *feedback, uint32_t index);
/* Make caches[] from the prototype's sites and let `code` point to the real code; heap->on_warm is told. Collects. */
void ri_feedback_warm(RiHeap *heap, RiFeedback *feedback);
/* Collected memory for a prototype's arrays. `has_pointers`: scanned conservatively. Zeroed. Collects. */
void *ri_proto_alloc(RiHeap *heap, size_t size, bool has_pointers);

/* Source line of the word at `pc`, or -1 if the prototype was stripped. */
int32_t ri_proto_line(const RiProto *proto, uint32_t pc);

#endif
