/* What the parts of the compiler share during one ri_compile: the lexer, the stacks of names and nodes, the functions
 * being parsed, and the instructions of the one being emitted. All of it lies in ri_compile's C frame or in collected
 * memory. */
#ifndef RI_COMPILER_UNIT_H
#define RI_COMPILER_UNIT_H

#include "compiler/ast.h"
#include "compiler/lex.h"
#include "vm/exec/opcode.h"

#define RI_LOCALS_MAX 200   /* active local variables of a function, as in 5.4 */
#define RI_UPVALUES_MAX 255 /* as in 5.4 */
#define RI_LEVELS_MAX 197   /* nested constructs: what 5.4's limit of 200 C levels leaves to the text */
#define RI_UPVALUES_INLINE 12

typedef enum RiVarKind { /* as RiUpvalDesc.kind */
    RI_VAR_REGULAR,
    RI_VAR_CONST,
    RI_VAR_CLOSE,
    RI_VAR_COMPILE_TIME
} RiVarKind;

typedef struct RiVar { /* a local variable, kept until its function is emitted */
    RiString *name;
    RiValue value; /* of a compile-time constant */
    uint32_t slot;
    uint8_t kind;
    bool is_captured; /* by an inner function: it lives in a cell */
} RiVar;

typedef struct RiActive { /* a name in scope */
    RiString *name;
    uint32_t var; /* in RiUnit.vars */
} RiActive;

typedef struct RiScope { /* a block being parsed */
    struct RiScope *outer; /* in the same function */
    uint32_t active_count, label_count, goto_count, slot_count; /* on entry */
    RiLabel *loop_end; /* of a loop: where break goes */
    bool inside_to_close; /* a return here must close variables first */
} RiScope;

typedef struct RiPendingGoto {
    RiStat *stat;
    RiString *name; /* NULL: break outside a loop */
    uint32_t line;
    uint32_t active_count;
} RiPendingGoto;

typedef struct RiFunction { /* being parsed */
    struct RiFunction *parent;
    RiScope *scope; /* innermost */
    uint32_t var_base, active_base, label_base, goto_base; /* where its part of the stacks begins */
    uint32_t constant_base, site_base, child_base;
    uint32_t slot_count; /* slots of the variables in scope */
    uint32_t line_defined, last_line;
    uint32_t param_count;
    bool is_vararg;
    RI_VEC(RiUpvalDesc) upvals;
    RiUpvalDesc first_upvals[RI_UPVALUES_INLINE];
    RiExpr env; /* _ENV as an upvalue, shared by all globals */
} RiFunction;

typedef struct RiCodeWord {
    RiWord word;
    uint32_t line;
} RiCodeWord;

/* A place in a fragment that is completed when the fragment gets its place in the function. */
typedef struct RiRelocation {
    uint32_t at;
    char field; /* operand holding a slot above the fragment's base: 'a', 'd', 'u'; or 'v': reads the variable `var` */
    uint32_t var;
} RiRelocation;

typedef struct RiCode { /* instructions of the function (or fragment) being emitted */
    RI_VEC(RiCodeWord) words;
    RI_VEC(RiRelocation) relocations;
    RI_VEC(uint32_t) floating; /* pcs of one-word instructions that take the line of what follows them */
    RI_VEC(RiLocalVar) locals;
    RI_VEC(RiLoop) loops;
    uint32_t depth, depth_max;
    uint32_t line;        /* of what is emitted next, unless said otherwise */
    uint32_t test_line;   /* of the TEST of a condition, if not 0 */
    uint32_t last_target; /* pc of the newest jump target: nothing before it may be changed */
    uint32_t last_get;    /* pc of a GETLOCAL that could become GETLOCAL2, or UINT32_MAX */
    uint32_t dead_at;     /* pc after an instruction that never falls through, or UINT32_MAX */
    uint32_t active_slots; /* slots that are variables */
    uint32_t local_of_slot[256]; /* index in `locals` */
    uint32_t to_close[RI_LOCALS_MAX]; /* slots of to-be-closed variables, ascending */
    uint32_t to_close_count;
    uint64_t used_locals; /* in the current loop */
    bool is_fragment; /* whether locals are captured is not known yet; slots count from the table on */
} RiCode;

typedef struct RiConstantIndex { /* hash entry */
    uint32_t generation;
    uint32_t index;
} RiConstantIndex;

typedef struct RiUnit {
    RiHeap *heap;
    RiString *source_name;
    RiString *env_name, *state_name; /* "_ENV", "(for state)" */
    RiFunction *function; /* innermost */
    struct RiSession *session; /* whose variables the chunk shares; NULL: none */
    uint32_t level;       /* nesting of constructs */
    RiLexer lexer;
    RiFailure failure;
    RI_VEC(RiVar) vars;
    RI_VEC(RiActive) actives;
    RI_VEC(RiLabel *) labels;
    RI_VEC(RiPendingGoto) gotos;
    RI_VEC(RiValue) constants;
    RI_VEC(RiSite) sites;
    RI_VEC(RiProto *) children;
    RI_VEC(RiConstantIndex) constant_hash; /* of one function's constants; zeroed, capacity a power of two */
    RiFunction *constant_hash_owner;
    uint32_t constant_generation;
    RiCode code;
    /* first storage of the vectors */
    RiVar first_vars[32];
    RiActive first_actives[32];
    RiCodeWord first_words[128];
    RiValue first_constants[32];
    RiSite first_sites[32];
    RiProto *first_children[16];
    RiArena arena;
} RiUnit;

#define ri_unit_new(unit, type) ((type *)ri_arena_alloc(&(unit)->arena, sizeof(type)))

/* Throw "too many <what> (limit is N) in <function>" near the current token. */
RI_NORETURN void ri_unit_limit_error(RiUnit *unit, unsigned limit, const char *what);

/* One level deeper; throws "C stack overflow" when it is too deep. */
void ri_unit_enter(RiUnit *unit);
static inline void ri_unit_leave(RiUnit *unit)
{
    unit->level--;
}

#endif
