/* Inside the JIT: contexts, versions, stubs, and what the emitters are written with.
 *
 * While machine code runs, four registers are fixed: rbx is the frame's base, r12 the thread, r13 the heap, rsp holds
 * nothing but return addresses (16 bytes per call). rax, rcx, rdx, xmm0 and xmm1 are scratch; the others hold values of slots, as the
 * context says. A context knows of each slot of the frame: its type, where its value is, and what its memory holds.
 *
 * Compilation runs along with execution: a block is compiled when it is about to run, so that the values in the frame are
 * there to be looked at ("samples"). They only steer: what is compiled for a type is guarded by a test of that type. */
#ifndef RI_JIT_CORE_H
#define RI_JIT_CORE_H

#include "jit/asm_x64.h"
#include "jit/jit.h"
#include "vm/exec/call.h"
#include "vm/exec/foreign.h"
#include "vm/exec/opcode.h"
#include "vm/exec/semantics.h"
#include "vm/exec/witness.h"
#include "vm/host/codepages.h"

#define RI_JIT_SLOTS_MAX 96  /* frames with more values are interpreted from there on */
#define RI_JIT_VERSIONS_MAX 3 /* of one block, by types; then one for all */
#define RI_JIT_FACTS_MAX 3    /* more of them, that differ in what is known of tables only */
#define RI_JIT_GUARDS_MAX 24  /* that fail at one instruction, in all versions */
#define RI_JIT_CHAIN_MAX 3    /* guards that fail one after the other at one instruction; then it is compiled for all types */

/* -- Contexts ------------------------------------------------------------------------------------------------------ */

#define TYPE_UNKNOWN 0
#define TYPE_OF(tag) ((uint8_t)((tag) + 1))
#define TYPE_NIL TYPE_OF(RI_TAG_NIL)
#define TYPE_FALSE TYPE_OF(RI_TAG_FALSE)
#define TYPE_TRUE TYPE_OF(RI_TAG_TRUE)
#define TYPE_INT TYPE_OF(RI_TAG_INT)
#define TYPE_FLOAT TYPE_OF(RI_TAG_FLOAT)
#define TYPE_STRING TYPE_OF(RI_TAG_STRING)
#define TYPE_TABLE TYPE_OF(RI_TAG_TABLE)
#define TYPE_CLOSURE TYPE_OF(RI_TAG_CLOSURE)
#define TYPE_LIBFN TYPE_OF(RI_TAG_LIBFN)
#define TYPE_CELL TYPE_OF(RI_TAG_CELL)
#define TYPE_LINK TYPE_OF(RI_TAG_LINK)
#define TYPE_CDATA TYPE_OF(RI_TAG_CDATA)
#define TYPE_USERDATA TYPE_OF(RI_TAG_USERDATA)

enum { /* RiJitSlot.where */
    IN_MEMORY,  /* of the slot itself, tag and payload */
    IN_CONSTANT, /* RiJitSlot.k */
    IN_ALIAS,   /* in the memory of slot `alias` */
    IN_GPR = 16, /* + register: payload; the type is known */
    IN_XMM = 32  /* + register: a float */
};

typedef struct RiJitSlot {
    uint8_t type;   /* TYPE_… of the value */
    uint8_t where;
    uint8_t memtag; /* TYPE_… of the tag that the slot's memory holds, whatever the value is now; 0: not known */
    bool synced;    /* the slot's memory holds the payload */
    uint32_t alias;
    RiValue k;
    /* Of a table: what guards have found and nothing has changed since (calls of C and Lua may) */
    uint8_t facts;  /* FACT_… */
    uint8_t kind;   /* KIND_… of its array part; 0: not known */
    uint8_t array;  /* the register that holds its array's address; 0: none. Of a cdata: where its bytes, or of a pointer what
                       it points to, are */
    RiShapeId shape; /* 0: not known. Of a cdata: the number of its type */
    RiForeignSite *site; /* of a cdata that nobody else has seen yet: whose box it is. See emit_ffi.c */
} RiJitSlot;

enum { /* RiJitSlot.facts */
    FACT_NO_META = 1,
    FACT_NO_NEWINDEX = 2, /* the metatable, if there is one, has no __newindex */
    FACT_NO_DICT = 4,
    FACT_OWNED = 8,   /* of a cdata: its bytes are there for sure; stays when others are forgotten */
    FACT_POINTER = 16, /* of a cdata: it is a pointer */
    FACT_PLAIN = 64, /* of a pointer or struct: no metatable of its type has a say about operators */
    FACT_NOT_NULL = 32 /* of a reference: where its bytes are is not near NULL */
};

/* RiJitSlot.kind: 1 + RiArrayKind, or */
#define KIND_OF(array_kind) ((uint8_t)(1 + (array_kind)))
#define KIND_VALUES 6 /* elements of 16 bytes: NUMBER or ANY */

/* An upvalue of the outermost function that is known to hold a value of C, as nothing has been stored to upvalues since that was made
 * sure of: so a loop asks once. */
typedef struct RiJitHeld {
    uint16_t upvalue; /* 1 + index; 0: none */
    bool is_pointer;
    uint8_t array;    /* as in RiJitSlot */
    uint32_t number;  /* of its type */
    uint64_t size;    /* RiCdata.size */
} RiJitHeld;
#define RI_JIT_HELD_MAX 3

typedef struct RiJitSnap { /* a context, kept */
    uint32_t depth;
    RiJitHeld held[RI_JIT_HELD_MAX];
    RiJitSlot slots[];
} RiJitSnap;

/* -- Functions, versions, stubs ------------------------------------------------------------------------------------ */

typedef struct RiJitVersion { /* of the block at a merge point, or of a function's entry */
    struct RiJitVersion *next;
    RiJitSnap *snap;
    uint32_t address; /* of an entry: of its prologue */
} RiJitVersion;

typedef struct RiJitPc { /* what is known of an instruction */
    RiJitVersion *versions;
    uint32_t entry;    /* for the interpreter, all in memory; 0: none */
    uint8_t version_count;
    uint8_t guards;        /* that failed at it */
    uint8_t fact_count;    /* of those versions, how many differ from another one in facts only */
    bool is_merge;     /* control comes here from several places */
    bool is_plain;     /* references of C are made here, not left pending */
    struct RiJitLoop *loop; /* of which this is the head */
    struct RiJitInline *inlines; /* of a call: the functions that were compiled in its place */
} RiJitPc;

/* A function compiled in place of one of its calls: see inline.c. */
typedef struct RiJitInline {
    struct RiJitInline *next;  /* of the same call */
    struct RiJitInline *outer; /* in whose code the call is; NULL: in that of a function by itself */
    RiFeedback *fv, *caller;   /* the function; that of the call */
    RiFeedback *root;          /* of the outermost function, whose code it is */
    RiJitPc *pcs;
    uint32_t pc;    /* of the call */
    uint32_t base;  /* the slot of the outermost frame that is the function's slot 0 */
    uint32_t flags; /* RI_LINK_… */
    int32_t wanted, given; /* results; given: -1 only if that is not known, either */
    bool is_often; /* in a loop */
    uint32_t pops; /* of a metamethod: what its instruction takes off the stack, */
    int32_t dest;  /* and the slot of its result; -1: push */
} RiJitInline;

typedef struct RiJitHandler { /* a metamethod, and where it was found */
    RiFeedback *fv;
    RiValue f;
    RiShapeId shape; /* of the metatable */
    uint32_t offset;
} RiJitHandler;

typedef struct RiJitLoop {
    uint32_t used[(RI_JIT_SLOTS_MAX + 31) / 32], written[(RI_JIT_SLOTS_MAX + 31) / 32];
} RiJitLoop;

typedef struct RiJitFn { /* RiFeedback.native: a collected block; `refs` keep alive what its machine code names */
    uint64_t generation; /* of the code memory; another one: forget it */
    RiJitPc *pcs;
    RiJitVersion *entries;
    uint32_t entry_count, code_bytes;
    bool refused;
    const void *call_entry; /* prologue and entry for all types, for calls that do not know the callee; NULL: none yet */
    uint32_t ref_count, ref_capacity;
    void *refs[];
} RiJitFn;

typedef enum RiJitStubKind {
    STUB_BRANCH, /* go on at another instruction */
    STUB_LATER,  /* go on with this block, now that there is more to be seen */
    STUB_GUARD,  /* a type was not as expected: the same instruction for another one */
    STUB_CALL,   /* entry of another function */
    STUB_FRAME   /* go on in a function's own code, after that inlined: its frame is current, all in memory */
} RiJitStubKind;

typedef struct RiJitStub {
    RiJitStubKind kind;
    bool is_begun; /* the instruction at pc has been counted */
    uint32_t pc, where, where2; /* displacements that lead here; 0: none */
    uint32_t address;
    uint8_t chain; /* of a guard: how many failed before it, one after the other */
    RiFeedback *fv;
    RiJitInline *inl; /* in which pc is; NULL: in fv's own code */
    RiJitSnap *snap;
} RiJitStub;

typedef struct RiJitChunk {
    struct RiJitChunk *next;
    size_t used, size;
    max_align_t bytes[];
} RiJitChunk;

typedef enum RiJitExit {
#define EXIT(name, why) RI_JIT_EXIT_##name,
#include "jit/exits.def"
#undef EXIT
    RI_JIT_EXIT_COUNT
} RiJitExit;

typedef struct RiJitCounts { /* of --jit-stats */
    uint64_t native[256]; /* instructions done by machine code */
    uint64_t exits[RI_JIT_EXIT_COUNT][256];
    uint32_t reason; /* of the exit under way: RiJitExit, and the opcode above */
} RiJitCounts;

typedef struct RiJitPiece { /* of machine code, just made */
    uint32_t start, end;
    const RiProto *proto; /* NULL: a routine */
    uint32_t pc;          /* the instruction it begins with */
    const char *what;     /* of the routine; else NULL, or "cold" */
} RiJitPiece;
typedef struct RiJitMark {
    uint32_t hot, cold, cold_end;
} RiJitMark;
typedef struct RiJitPerfMap RiJitPerfMap;
typedef struct RiJitWitness RiJitWitness;
typedef struct RiJitListing RiJitListing;
typedef struct RiJitObject RiJitObject;

typedef struct RiJitSwitch { /* a coroutine resumed by machine code: how to come back. See switch.c */
    const RiThread *resumer, *co;
    const void *rsp;  /* where the return address lies */
    uint64_t stamp;   /* of the stay in machine code */
    ptrdiff_t base;   /* of the resumer's frame, a slot offset */
    uint32_t delta;   /* to the base of what it has called */
} RiJitSwitch;
#define RI_JIT_SWITCHES_MAX 64

typedef struct RiJitLanding { /* what the routines of switch.c go by */
    const RiValue *base; /* for rbx */
    const void *rsp, *target;
} RiJitLanding;

typedef struct RiJit {
    RiHeap *heap;
    RiCodePages pages;
    RiAsm hot, cold;     /* cold code comes in chunks from the end */
    uint32_t cold_end, cold_bottom;
    RiAsm *as;           /* &hot, or &cold while an exit is written */
    bool always, full;
    bool stale;          /* its code is not to be entered, but some is under way */
    uint32_t hot_calls;
    uint32_t stack_bytes; /* of the native stack that machine code may take below whoever enters it */
    uint32_t touched; /* pages below have been asked for */
    uint64_t generation;
    RiJitChunk *chunks, *reserve;
    size_t chunk_bytes;
    uint32_t trims; /* heap->trims, when it was looked at last */
    RiJitStub **stubs;
    uint32_t stub_count, stub_capacity;
    uint32_t prologue_end; /* of the routines below */
    uint32_t enter_address, exit_address, bottom_address, thunk_address, call_thunk_address, jump_thunk_address, call_address;
    uint32_t land_address, switch_in_address, switch_out_address, return_address;
    RiJitLanding landing;
    uint64_t stamp; /* of the newest stay in machine code */
    uint32_t switch_count;
    RiJitSwitch switches[RI_JIT_SWITCHES_MAX];
    const RiWord *hot_word;
    RiJitStats stats;
    RiJitCounts *counts; /* NULL: off */
    RiJitPerfMap *perf_map; /* NULL: none */
    RiJitWitness *witness; /* NULL: none */
    RiJitListing *listing; /* NULL: none */
    bool tells_gdb;
    RiJitObject *objects; /* that it was told of */
    uint32_t witness_begin_address, witness_end_address;
    RiLink returned; /* link of the frame that help_return has left: results may lie over it */

    /* of the block being compiled */
    RiThread *T;
    RiFeedback *fv;
    RiJitFn *fn; /* whose code it is: fv's, or of the outermost function that it was inlined into */
    RiJitInline *inl; /* NULL: it is not inlined */
    RiJitPc *pcs;
    uint32_t base; /* the slot that is slot 0 of fv's frame */
    bool is_framed; /* inlined, and the code emitted last has made its frame the current one */
    const RiWord *code;
    uint32_t pc, next_pc, generic_pc;
    uint8_t chain; /* guards that failed at the current instruction, in the code that led here */
    uint32_t depth;
    RiJitHeld held[RI_JIT_HELD_MAX];
    RiJitSlot slots[RI_JIT_SLOTS_MAX];
    RiValue samples[RI_JIT_SLOTS_MAX];
    bool has_sample[RI_JIT_SLOTS_MAX];
    uint32_t poll_end; /* where the branch of a safe point ends, that was emitted last; it goes to cold code */
    uint32_t pinned; /* general registers and (from bit 16) xmm registers in use by the current instruction */
    struct { /* an element whose address has been computed, and nothing has changed since; address 0: none */
        uint32_t object, key; /* slots; object: ~index of an upvalue of the function that `inl` says */
        const struct RiJitInline *inl;
        uint32_t number; /* of the object's type */
        uint8_t address; /* the register it is in */
        uint8_t facts;
    } element;
    RiJitSnap *snap;   /* of the context as it is now, if one was made */
    bool is_open;    /* more values than `depth` are on the stack: T->top says how many */
    bool is_deferred; /* an emitter has asked for a type that is not known yet */
    uint32_t instruction_count;
    bool is_begun; /* code that counts the current instruction, and tells a witness of it, has been emitted */
} RiJit;

/* What an emitter says. */
typedef enum RiJitResult {
    EMIT_ON,     /* go on with j->next_pc */
    EMIT_END,    /* the block has ended */
    EMIT_DEFER,  /* wait until the types are known: nothing was changed, only guards were emitted */
    EMIT_CANNOT  /* leave it to the interpreter */
} RiJitResult;

typedef struct RiJitOperand {
    int32_t slot; /* -1: the constant k */
    RiValue k;
} RiJitOperand;

/* -- core.c -------------------------------------------------------------------------------------------------------- */
void *ri_jit_alloc(RiJit *j, size_t size); /* until the code is flushed; zeroed; aborts the process when there is none */
RiJitStub *ri_jit_stub(RiJit *j, RiJitStubKind kind, RiFeedback *fv, uint32_t pc); /* not while cold code is emitted */
/* Let the jump whose displacement lies at `where`, in cold code say, lead to a stub with the context as it is now. */
void ri_jit_stub_at(RiJit *j, RiJitStubKind kind, uint32_t pc, uint32_t where);
RiJitSnap *ri_jit_snapshot(RiJit *j);
void ri_jit_restore(RiJit *j, RiJitSnap *snap); /* after code that other paths do not run */
/* Emit: if cc, this is not what the block was compiled for. */
void ri_jit_guard_jump(RiJit *j, RiCond cc);
/* Emit: if cc, go to instruction `pc` (with the context as it is now). */
void ri_jit_branch_to(RiJit *j, RiCond cc, uint32_t pc);
void ri_jit_jump_to_stub(RiJit *j, uint32_t pc);
/* Emit: make the frame, T->pc and T->top what the interpreter has them when it is about to do instruction `pc`. */
void ri_jit_emit_state(RiJit *j, uint32_t pc);
/* End the block at instruction `pc`, all values in memory: leave for `reason`, with RI_NATIVE_SAFE_POINT or RI_NATIVE_GO_ON. */
void ri_jit_emit_exit(RiJit *j, uint32_t pc, RiJitExit reason);
/* Emit: if cc, leave to the interpreter at the current instruction. */
void ri_jit_exit_if(RiJit *j, RiCond cc);
void ri_jit_exit_if_refused(RiJit *j); /* emit: the same if the host refuses the access that comes next */

uint32_t ri_jit_cold_begin(RiJit *j); /* emit into cold code from here on; says where */
void ri_jit_cold_end(RiJit *j);
RiJitFn *ri_jit_function(RiJit *j, RiFeedback *fv); /* Collects */
/* Has the function been called (pc 0), or looped, often enough to be compiled? Counts the calls. */
bool ri_jit_is_hot(RiJit *j, RiFeedback *fv, uint32_t pc);
uint32_t ri_jit_jump_target(const RiWord *code, uint32_t pc); /* of the jump at `pc` */
bool ri_jit_was_hot(const RiJit *j, const RiFeedback *fv); /* by its calls; does not count one */
void ri_jit_scan(RiJit *j, const RiProto *proto, RiJitPc *pcs); /* find merge points and loops */
/* Does a breakpoint stand at the instruction? Then no code is made of it, or of what comes after it; inlined or not. */
static inline bool ri_jit_is_break(const RiFeedback *fv, uint32_t pc)
{
    return RI_UNLIKELY(fv->has_own_code) && RI_WORD_OP(fv->code[pc]) == RI_OP_BREAK;
}
bool ri_jit_has_stack(const RiHeap *heap); /* for one more call of machine code */
uint32_t ri_jit_entry(RiJit *j, RiThread *T, uint32_t pc); /* Collects. 0: none */
void ri_jit_make_call_entry(RiJit *j, RiThread *T); /* for the function of T's frame, about to run; there is an entry at 0 */
static inline const void *ri_jit_run_address(const RiJit *j, uint32_t offset)
{
    return j->pages.run + offset;
}
bool ri_jit_keep(RiJit *j, void *object); /* as a reference of the function being compiled; false: no room */

/* Emit: a safe point at instruction `pc`, whose context is the one now. */
void ri_jit_emit_safe_point(RiJit *j, uint32_t pc);

/* -- inline.c ------------------------------------------------------------------------------------------------------ */
void ri_jit_set_frame(RiJit *j, RiFeedback *fv, RiJitInline *inl); /* what is compiled from here on */
/* The instruction with its locals as slots of the outermost frame. */
RiWord ri_jit_relocate(const RiJit *j, RiWord w);
/* The function of fv, made sure of, is called: base - 2 and above hold the function, a link and `nargs` arguments. Go on with its
 * code in place of the call. False: nothing was done. */
bool ri_jit_enter_inline(RiJit *j, RiFeedback *fv, uint32_t base, uint32_t nargs, int32_t wanted, uint32_t flags);
/* How many values a call of the function gives where so many are wanted; -1: that depends. */
int32_t ri_jit_results_of(const RiProto *proto, int32_t wanted);
/* The same for a return of `count` values from slot `first` on. */
RiJitResult ri_jit_leave_inline(RiJit *j, uint32_t first, uint32_t count);
/* What is in the way there: end inlined code at instruction `pc`, and go on in the function's own, as if called. */
RiJitResult ri_jit_emit_outline(RiJit *j, uint32_t pc);
void ri_jit_emit_frames(RiJit *j); /* emit: links of the inlined frames, as a call would have left them; uses rax */
void ri_jit_make_frames(RiThread *T, const RiJitInline *inl); /* the same by hand; the last one becomes T's current frame */
void ri_jit_emit_self(RiJit *j, RiReg to); /* emit: load the running closure; nothing else changes */
const RiClosure *ri_jit_self(RiJit *j); /* one like it; NULL: not known */

/* -- stats.c: nothing unless --jit-stats is on ------------------------------------------------------------------------ */
void ri_jit_count_instruction(RiJit *j, RiOpcode op, int32_t count); /* emit: add `count`; uses rax */
void ri_jit_count_exit(RiJit *j, RiJitExit reason, uint32_t pc); /* emit; uses rax */
void ri_jit_count_left(RiJit *j, RiNativeExit how); /* machine code has been left; needs j->counts */

/* -- pieces.c: nothing unless somebody wants to know of new code ----------------------------------------------------- */
#define RI_JIT_NAME_BYTES 160
RiJitMark ri_jit_mark(const RiJit *j);
/* What was made since then: code of `proto`, from `pc` on. */
void ri_jit_tell(RiJit *j, RiJitMark since, const RiProto *proto, uint32_t pc);
void ri_jit_tell_routines(RiJit *j);
void ri_jit_piece_name(const RiJitPiece *piece, bool line, char out[RI_JIT_NAME_BYTES]);

/* -- witness.c: nothing unless there is a witness, or traps ------------------------------------------------------------- */
RiJitWitness *ri_jit_witness_open(RiWitness *witness, bool traps);
void ri_jit_witness_close(RiJitWitness *w);
void ri_jit_emit_witness(RiJit *j, uint32_t pc); /* emit: instruction `pc` is about to be done; uses rax and rcx */
void ri_jit_witness_begin(RiThread *T, uint32_t depth);
int ri_jit_witness_end(RiThread *T, uint32_t place);
void ri_jit_witness_count(const RiJitWitness *w, uint64_t *places, uint64_t *traps);

/* -- listing.c: nothing unless a listing is wanted ------------------------------------------------------------------------ */
RiJitListing *ri_jit_listing_open(RiHeap *heap); /* NULL: no memory */
void ri_jit_listing_close(RiJitListing *listing, RiHeap *heap);
void ri_jit_listing_forget(RiJitListing *listing); /* all code has been given up */
void ri_jit_listing_begin(RiJit *j, uint32_t pc); /* what is emitted from here on belongs to this instruction */
void ri_jit_listing_end(RiJit *j);

/* -- gdb.c ----------------------------------------------------------------------------------------------------------------- */
void ri_jit_gdb_add(RiJit *j, RiJitPiece piece);
void ri_jit_gdb_forget(RiJit *j); /* all pieces */

/* -- perfmap.c --------------------------------------------------------------------------------------------------------- */
RiJitPerfMap *ri_jit_perf_open(bool lines); /* NULL: no file can be made */
void ri_jit_perf_close(RiJitPerfMap *map);
void ri_jit_perf_add(RiJitPerfMap *map, const RiJit *j, RiJitPiece piece);

/* -- context.c ----------------------------------------------------------------------------------------------------- */
RiMem ri_jit_payload(uint32_t slot);
RiMem ri_jit_tag(uint32_t slot);
/* TYPE_… that the value of slot has or, as the sample says, will have: a guard makes sure. TYPE_UNKNOWN: compile for all
 * types, or j->is_deferred was set. */
uint8_t ri_jit_type(RiJit *j, uint32_t slot);
uint8_t ri_jit_operand_type(RiJit *j, RiJitOperand o);
void ri_jit_guard(RiJit *j, uint32_t slot, uint8_t type);
void ri_jit_know(RiJit *j, uint32_t slot, uint8_t type); /* it is so */
bool ri_jit_sample(RiJit *j, uint32_t slot, RiValue *out);
RiReg ri_jit_gpr(RiJit *j, uint32_t slot);   /* its payload, in a register that stays for this instruction */
RiXmm ri_jit_xmm(RiJit *j, uint32_t slot);   /* of a float */
RiReg ri_jit_new_gpr(RiJit *j);
RiXmm ri_jit_new_xmm(RiJit *j);
/* Tables, by the register that their address is in. Facts hold until a call; what an emitter changes itself it must say. */
const RiJitSlot *ri_jit_facts(const RiJit *j, RiReg table);  /* never NULL: nothing known */
void ri_jit_learn(RiJit *j, RiReg table, uint8_t facts);
void ri_jit_unlearn(RiJit *j, uint8_t facts); /* of all tables */
void ri_jit_learn_kind(RiJit *j, RiReg table, uint8_t kind);
void ri_jit_learn_shape(RiJit *j, RiReg table, RiShapeId shape);
void ri_jit_shape_changes(RiJit *j, RiReg table, RiShapeId from, RiShapeId to);
RiReg ri_jit_array(RiJit *j, RiReg table); /* its array: in a register that stays, or rax */
RiReg ri_jit_bytes(RiJit *j, RiReg cdata, bool is_pointer); /* where a cdata's bytes are, or point to: likewise */
/* The same of a held upvalue. */
RiReg ri_jit_held_bytes(RiJit *j, RiJitHeld *held);
void ri_jit_emit_held(RiJit *j, RiReg to, uint32_t upvalue); /* emit: to := the payload of the outermost function's upvalue */
void ri_jit_drop_held(RiJit *j); /* upvalues have been stored to */
void ri_jit_forget_pointers(RiJit *j); /* bytes of a pointer may have changed */
bool ri_jit_owns_gpr(RiJit *j, RiReg reg, uint32_t slot); /* no other slot's value is in it */
/* Put a value where slot is (slot == depth: push). */
void ri_jit_set_gpr(RiJit *j, uint32_t slot, uint8_t type, RiReg reg);
void ri_jit_set_xmm(RiJit *j, uint32_t slot, RiXmm reg);
void ri_jit_set_constant(RiJit *j, uint32_t slot, RiValue k);
void ri_jit_set_memory(RiJit *j, uint32_t slot, uint8_t type); /* its memory holds it; 0: of whatever type */
void ri_jit_set_copy(RiJit *j, uint32_t slot, uint32_t from);
void ri_jit_move_down(RiJit *j); /* the top of the stack replaces the value below it */
void ri_jit_set_sample(RiJit *j, uint32_t slot, RiValue sample);
void ri_jit_before_write(RiJit *j, uint32_t slot); /* its memory will change: save what others look for there */
void ri_jit_pop(RiJit *j, uint32_t count);
void ri_jit_sync(RiJit *j, uint32_t slot);
void ri_jit_store_value(RiJit *j, uint32_t slot, RiMem at); /* a copy, elsewhere; uses rdx, or rcx if `at` has that */
void ri_jit_store_payload(RiJit *j, uint32_t slot, RiMem at); /* the same without the tag */
void ri_jit_flush(RiJit *j);          /* all values to memory; registers stay valid */
/* After flush: a call is to come; not `all`: one of C. all: nothing is known of tables any more, either. */
void ri_jit_drop_registers(RiJit *j, bool all);
void ri_jit_drop_facts(RiJit *j);
/* Does the context as it is do for code made for `target`? exact: the types are the same. Facts of target must be known here. */
bool ri_jit_fits(RiJit *j, const RiJitSnap *target, bool exact);
bool ri_jit_same_types(const RiJit *j, const RiJitSnap *target);
/* How much is known here and not in target? 0: target knows it all. */
uint32_t ri_jit_facts_lost(const RiJit *j, const RiJitSnap *target);
void ri_jit_transition(RiJit *j, const RiJitSnap *target);
/* The same and jump to `address`, where the context is `snap`, as it is from here on: the end of code on the side. What snap
 * says of tables is true, types are the same. */
void ri_jit_rejoin(RiJit *j, RiJitSnap *snap, uint32_t address);
void ri_jit_prepare_merge(RiJit *j, uint32_t pc, bool demote);
void ri_jit_prepare_loop(RiJit *j, const RiJitLoop *loop);
void ri_jit_load_snap(RiJit *j, const RiJitSnap *snap);
void ri_jit_forget(RiJit *j); /* all in memory, nothing known; emits what that takes */
/* The same, but of types only those are forgotten that differ in one of the versions. */
void ri_jit_generalize(RiJit *j, const RiJitVersion *versions);

/* Push the value at `at`, in memory elsewhere, expecting it to be like `sample` (NULL: of any type). Guards come first.
 * Uses rcx and rdx. */
void ri_jit_push_value_at(RiJit *j, RiMem at, const RiValue *sample);

/* -- switch.c -------------------------------------------------------------------------------------------------------- */
/* For helpers that have let call.c do what a library function, or the end of one's callee, asked for: the address at which
 * machine code goes on, with the return address of a Lua frame on top of the machine stack; or RI_NATIVE_GO_ON. That frame:
 * `base` (a slot offset; -1: unknown) on T's stack, `delta` slots below what it has called. rsp: where the return address
 * lies, or will; NULL: no switch to a coroutine is followed. */
const void *ri_jit_follow(RiThread *T, ptrdiff_t base, uint32_t delta, const void *rsp);
/* The same for a library function that has just signalled and been called by the Lua frame `delta` slots below: serves that,
 * if it is a usual switch of coroutines. NULL: it is not, nothing has been done. */
const void *ri_jit_switch(RiThread *T, int32_t signal, uint32_t delta, const void *rsp);
/* The Lua frame that has called T's current one by way of library functions only, as above. -1: none. */
ptrdiff_t ri_jit_lua_caller(const RiThread *T, uint32_t *delta);
void ri_jit_emit_switch_routines(RiJit *j);

/* -- For emitters ---------------------------------------------------------------------------------------------------- */
#define OF_THREAD(field) ri_mem(RI_R12, offsetof(RiThread, field))
#define OF_HEAP(field) ri_mem(RI_R13, offsetof(RiHeap, field))
void ri_jit_save_state(RiJit *j, uint32_t pc); /* T->pc, T->top */
void ri_jit_call_c(RiJit *j, uintptr_t function); /* arguments are in place */
void ri_jit_call_pure(RiJit *j, uintptr_t function); /* of one that changes no table */
void ri_jit_flush_for_call(RiJit *j);
/* Call helper(T, …) that completes the instruction and says what ri_jit_finish does: other arguments are set by the caller
 * after ri_jit_begin_slow. Afterwards the slots below depth are as before, in memory. */
void ri_jit_begin_slow(RiJit *j);
void ri_jit_end_slow(RiJit *j, uintptr_t helper);
/* For helpers: 0 if the frame at `base` (offset) goes on at `pc`; how to leave; or the address of the code of a metamethod
 * whose frame has been set up. */
uintptr_t ri_jit_finish(RiThread *T, RiAction action, ptrdiff_t base, uint32_t pc);
/* The same when something else than `T->pc == pc` says that the instruction is done. */
uintptr_t ri_jit_finish_frame(RiThread *T, RiAction action, ptrdiff_t base, bool done);
RiJitResult ri_jit_emit(RiJit *j, RiWord w);

RiJitResult ri_jit_emit_arith(RiJit *j, RiWord w);
RiJitResult ri_jit_emit_branch(RiJit *j, RiWord w);
RiJitResult ri_jit_emit_loop(RiJit *j, RiWord w);
RiJitResult ri_jit_emit_table(RiJit *j, RiWord w);
void ri_jit_emit_call_routine(RiJit *j);
void ri_jit_emit_return_routine(RiJit *j);
RiJitResult ri_jit_emit_new(RiJit *j, RiWord w);
RiJitResult ri_jit_emit_new_cell(RiJit *j, uint32_t slot);
/* Emit setmetatable's work in place of its call; false: as any other (or is_deferred). */
bool ri_jit_emit_setmetatable(RiJit *j, uint32_t func, uint32_t nargs, int32_t wanted);
RiJitResult ri_jit_emit_call(RiJit *j, RiWord w);
/* -- emit_call.c, for calls of C -- */
void ri_jit_emit_link(RiJit *j, uint32_t base, int32_t wanted);
void ri_jit_emit_serve(RiJit *j, uint32_t func, int32_t wanted); /* a library function has signalled, or been hooked: eax */
RiJitResult ri_jit_results(RiJit *j, uint32_t func, int32_t wanted);
/* Emit: the closure in reg is one of fv's, and there is room for its frame at slot `base`. */
void ri_jit_guard_feedback(RiJit *j, const RiFeedback *fv, RiReg reg, int64_t base);
bool ri_jit_can_call(RiJit *j, const RiFeedback *fv, uint32_t func); /* directly, the function at slot `func` */
/* Call it; the closure is in `callee`, all has been made sure of. */
RiJitResult ri_jit_emit_guarded_call(RiJit *j, RiFeedback *fv, RiReg callee, uint32_t func, uint32_t nargs, int32_t wanted,
                                     uint32_t flags);
/* Emit: behind a call of compiled code, rbx is the callee's base as called (not: of a metamethod). */
void ri_jit_emit_return_point(RiJit *j, uint32_t func);
/* Context: a call at slot `func` has been done; says how to go on. */
RiJitResult ri_jit_called(RiJit *j, uint32_t func, int32_t wanted);
RiJitStub *ri_jit_entry_stub(RiJit *j, RiFeedback *fv, uint32_t first, uint32_t nargs);

/* -- emit_meta.c ------------------------------------------------------------------------------------------------------- */
/* The Lua function that table t's metatable has for the event. False: none that can be called directly. */
bool ri_jit_find_handler(RiJit *j, const RiTable *t, RiMetamethod event, uint32_t func, RiJitHandler *out);
RiReg ri_jit_guard_handler(RiJit *j, RiReg table, const RiJitHandler *h); /* the closure's register */
/* Emit a binary operation (by its event) by a direct call of the operand's metamethod. False: nothing was done. */
bool ri_jit_emit_binary_meta(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest,
                             RiJitResult *result);
/* Call or inline the metamethod of fv, whose frame is laid out at slot `func`, the instruction's operands below. `flags`:
 * RI_LINK_META and more. */
RiJitResult ri_jit_emit_meta_call(RiJit *j, RiFeedback *fv, uint32_t func, uint32_t nargs, uint32_t flags, uint32_t pops,
                                  int32_t dest);
/* A metamethod that was called directly has returned: its instruction is done, all is in memory. */
RiJitResult ri_jit_emit_meta_done(RiJit *j, uint32_t pops, int32_t dest);
/* TFORCALL of an iterator that is none of the known ones; j->depth is that of the loop's state. */
RiJitResult ri_jit_emit_iterator_call(RiJit *j, uint32_t state, uint32_t results);
RiJitResult ri_jit_emit_return(RiJit *j, RiWord w);
/* Push element key + 1 of the table, both in slots that are known to be so; behind the end of the list go to instruction
 * `after`. index: what key + 1 is now. False: nothing was done (or is_deferred). */
bool ri_jit_push_list_element(RiJit *j, uint32_t table, uint32_t key, int64_t index, uint32_t after);
/* table.insert(t, v), table.remove(t), whose types are known. False: call it. */
bool ri_jit_emit_insert(RiJit *j, uint32_t func);
bool ri_jit_emit_remove(RiJit *j, uint32_t func, int32_t wanted);
/* -- emit_ffi.c: values of C. Each says whether it has emitted the instruction; false: as any other (or is_deferred) -- */
/* Push object.key or object[key] (key a constant, or an integer in a slot); the object is in a slot (-1: an upvalue). */
bool ri_jit_emit_foreign_get(RiJit *j, int32_t slot, uint32_t upvalue, RiJitOperand key, uint32_t pops);
bool ri_jit_emit_foreign_set(RiJit *j, int32_t slot, uint32_t upvalue, RiJitOperand key, uint32_t value, uint32_t pops);
/* Push a function or constant of a library of C. */
bool ri_jit_emit_foreign_symbol(RiJit *j, int32_t slot, uint32_t upvalue, RiString *key, uint32_t pops);
/* pointer + n, n + pointer, pointer - n, pointer - pointer; the result to local `dest` (-1: pushed). */
bool ri_jit_emit_foreign_arith(RiJit *j, RiMetamethod event, RiJitOperand a, RiJitOperand b, uint32_t pops, int32_t dest);
/* tonumber of a cdata in a slot, as an integer. */
bool ri_jit_emit_foreign_tonumber(RiJit *j, uint32_t slot, RiReg *result);
/* Compare two pointers, two integers of which one is an unsigned one of 64 bits (or, not `orders`, any two), or (not `orders`: only whether they are equal) one with nil: in the flags, as unsigned integers. */
bool ri_jit_emit_foreign_compare(RiJit *j, RiJitOperand a, RiJitOperand b, bool orders);
/* The site whose boxes a local of a loop will hold, going by its sample; NULL: none. It may hold others as well. */
RiForeignSite *ri_jit_foreign_home(RiJit *j, uint32_t slot);
bool ri_jit_emit_foreign_call(RiJit *j, uint32_t func, uint32_t nargs, int32_t wanted, RiJitResult *result);
/* The reference that has been left pending first: the interpreter has to begin again where it comes from. NULL: none. */
const RiForeignSite *ri_jit_pending(const RiJit *j);
void ri_jit_roll_back(RiJit *j, const RiForeignSite *site); /* emit: begin again there, and make it this time */
void ri_jit_emit_escape(RiJit *j, const RiForeignSite *site); /* emit: others may see its box from here on; no register changes */
void ri_jit_foreign_clear(RiHeap *heap); /* RiHeap.foreign_clear */
/* The same for mem.load_… and mem.store_…. */
bool ri_jit_emit_memory(RiJit *j, uint32_t intrinsic, uint32_t func, uint32_t nargs, int32_t wanted);
/* Emit the call of a library function in place of its call; false: as any other. */
bool ri_jit_emit_intrinsic(RiJit *j, const RiLibFn *fn, uint32_t func, uint32_t nargs, int32_t wanted);

#define HELPER(fn) ((uintptr_t)(void (*)(void))(fn))

#endif
