/* The syntax tree of one function, without the functions inside it: those are prototypes already when their parent is
 * emitted. Nodes live in the arena; lists are linked by `next`.
 *
 * A chain like a.b.c.d() or a + b + c + … is deep in its `left` pointers and may be of any length: whoever walks a tree
 * follows `left` in a loop. All other depth is limited by the parser. */
#ifndef RI_COMPILER_AST_H
#define RI_COMPILER_AST_H

#include "compiler/mem.h"

typedef enum RiExprKind {
    /* constants; RI_EXPR_STRING is the last of them */
    RI_EXPR_NIL,
    RI_EXPR_FALSE,
    RI_EXPR_TRUE,
    RI_EXPR_INT,
    RI_EXPR_FLOAT,
    RI_EXPR_STRING,
    /* other leaves */
    RI_EXPR_VARARG,
    RI_EXPR_FUNCTION, /* index: nested prototype */
    RI_EXPR_TABLE,
    RI_EXPR_LOCAL,   /* index: of the variable */
    RI_EXPR_UPVALUE, /* index */
    /* with a left operand */
    RI_EXPR_FIELD,  /* left.string; a global is a field of _ENV */
    RI_EXPR_INDEX,  /* left[right] */
    RI_EXPR_CALL,   /* left(args) */
    RI_EXPR_METHOD, /* left:method(args) */
    RI_EXPR_BINARY, /* left op right */
    RI_EXPR_UNARY,  /* op left */
    RI_EXPR_ITEM    /* [left] = right, in a table constructor only */
} RiExprKind;

/* Operators; the first twelve in the order of the metamethods' events and of the instructions. */
typedef enum RiOperator {
    RI_ADD,
    RI_SUB,
    RI_MUL,
    RI_DIV,
    RI_MOD,
    RI_POW,
    RI_IDIV,
    RI_BAND,
    RI_BOR,
    RI_BXOR,
    RI_SHL,
    RI_SHR,
    RI_CONCAT,
    RI_EQ,
    RI_NE,
    RI_LT,
    RI_LE,
    RI_GT,
    RI_GE,
    RI_AND,
    RI_OR,
    RI_OPERATOR_COUNT, /* of binary ones; also: no operator */
    RI_UNM,
    RI_BNOT,
    RI_NOT,
    RI_LEN,
    RI_NAMED_CONSTANT /* mark of a constant that was written as a variable; its name is `string` */
} RiOperator;

struct RiConstructor;

typedef struct RiExpr {
    uint8_t kind;    /* RiExprKind */
    uint8_t op;      /* RiOperator */
    bool in_parens;  /* one value; not assignable */
    uint32_t line;   /* of the instruction it ends in */
    struct RiExpr *next;
    union { /* nodes are allocated no longer than their kind needs */
        int64_t integer;
        double number;
        uint32_t index;
        RiString *leaf_string;
        struct RiConstructor *constructor;
        struct RiExpr *left;
    };
    union {
        RiString *string;
        struct RiExpr *right;
        struct RiExpr *args;
    };
    RiString *method;
    uint32_t method_line;
} RiExpr;

#define RI_EXPR_LEAF_SIZE offsetof(RiExpr, string)
#define RI_EXPR_BINARY_SIZE offsetof(RiExpr, method)

static inline bool ri_expr_is_constant(const RiExpr *x)
{
    return x->kind <= RI_EXPR_STRING;
}
static inline bool ri_expr_is_number(const RiExpr *x)
{
    return x->kind == RI_EXPR_INT || x->kind == RI_EXPR_FLOAT;
}
/* More than one value, or none, if it comes last in a list. */
static inline bool ri_expr_is_multiple(const RiExpr *x)
{
    return !x->in_parens && (x->kind == RI_EXPR_CALL || x->kind == RI_EXPR_METHOD || x->kind == RI_EXPR_VARARG);
}

RiValue ri_expr_value(const RiExpr *constant);
/* Make a node a constant; it has at least the size of a leaf. */
void ri_expr_set_value(RiExpr *x, RiValue value);

/* Instructions made early for part of a large table constructor, so that its nodes could be dropped. */
typedef struct RiFragment RiFragment; /* code.h */

typedef struct RiConstructor {
    RiExpr *first, **last; /* items not in fragments: expressions, or RI_EXPR_ITEM */
    RiFragment *fragments, *last_fragment;
    uint32_t stored;      /* elements the fragments store */
    uint32_t item_count;  /* in `first` */
    uint32_t keyed_count; /* of them, [key] = value */
    bool has_other_keys;  /* in `first`, that are no string constants */
    uint32_t end_line;    /* of the closing brace, where the last elements are stored */
} RiConstructor;

struct RiStat;

typedef struct RiBlock {
    struct RiStat *first, **last;
    uint32_t end_line; /* of the last token inside */
} RiBlock;

/* The place a goto or break leads to. */
typedef struct RiLabel {
    RiString *name;
    uint32_t line;
    uint32_t active_count; /* variables in scope there, as a position in the stack of active variables */
    uint32_t depth;        /* slots in use there */
    bool at_block_end;     /* the locals of its block are out of scope already */
    bool placed;           /* emitter: pc is known */
    uint32_t pc;
    uint32_t jumps;        /* emitter: list of jumps to it */
} RiLabel;

typedef enum RiStatKind {
    RI_STAT_LOCAL,
    RI_STAT_LOCAL_FUNCTION,
    RI_STAT_ASSIGN,
    RI_STAT_CALL,
    RI_STAT_DO,
    RI_STAT_WHILE,
    RI_STAT_REPEAT,
    RI_STAT_IF,
    RI_STAT_FOR_NUMBER,
    RI_STAT_FOR_IN,
    RI_STAT_RETURN,
    RI_STAT_JUMP, /* goto and break */
    RI_STAT_LABEL
} RiStatKind;

typedef struct RiClause { /* of an if statement; without condition: else */
    struct RiClause *next;
    RiExpr *condition;
    uint32_t then_line;
    RiBlock body;
} RiClause;

#define RI_NO_VAR UINT32_MAX

typedef struct RiStat {
    uint8_t kind;
    bool is_constant;   /* local: the last variable is a compile-time constant and has no slot */
    uint32_t line;      /* where the loop or definition is said to be */
    uint32_t end_line;  /* of the last token */
    struct RiStat *next;
    union {
        struct {
            uint32_t first_var, var_count;
            uint32_t to_close; /* variable, or RI_NO_VAR */
            RiExpr *values;
        } local; /* local function: values is the function */
        struct {
            RiExpr *targets, *values;
        } assign;
        RiExpr *expr; /* call; values of return */
        RiBlock *body; /* do */
        RiClause *clauses;
        RiLabel *label; /* jump, label */
        struct { /* all loops */
            RiExpr *values; /* condition; start, limit, step; iterator expressions */
            RiBlock *body;
            RiLabel *end;
            uint32_t first_var, var_count;
            uint32_t do_line;
        } loop;
    };
} RiStat;

#endif
