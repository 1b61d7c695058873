/* Expressions. Superinstructions are chosen here: an operand that is a local variable in a slot, an upvalue or a constant
 * is named by the instruction instead of being pushed. A slot may be read later than its turn would be, because nothing
 * evaluated in between can assign to a variable that is not captured. */
#include "compiler/emit.h"

/* -- Leaves ------------------------------------------------------------------------------------------------------ */

/* Push a slot; two in a row become one instruction. */
static void push_slot(RiUnit *unit, unsigned slot)
{
    RiCode *code = &unit->code;
    uint32_t pc = code->words.count;
    /* The second may not be the very slot the first has pushed. */
    if (code->last_get + 1 == pc && pc > 0 && code->last_target != pc && slot + 1 < code->depth &&
        code->words.items[pc - 1].line == code->line) {
        RiCodeWord *w = &code->words.items[pc - 1];
        w->word = ri_word_abc(RI_OP_GETLOCAL2, RI_WORD_A(w->word), slot, 0);
        code->last_get = UINT32_MAX;
        if (++code->depth > code->depth_max)
            code->depth_max = code->depth;
        return;
    }
    code->last_get = ri_code_put_abc(unit, RI_OP_GETLOCAL, slot, 0, 0, 1);
}

static void push_local(RiUnit *unit, const RiExpr *x)
{
    const RiVar *v = &unit->vars.items[x->index];
    unsigned slot = ri_code_use(unit, v->slot);
    if (!unit->code.is_fragment && !v->is_captured) {
        push_slot(unit, slot);
        return;
    }
    ri_code_put_abc(unit, v->is_captured ? RI_OP_GETCELL : RI_OP_GETLOCAL, slot, 0, 0, 1);
    ri_code_note_variable(unit, x->index);
}

static void push_constant(RiUnit *unit, const RiExpr *x)
{
    switch (x->kind) {
    case RI_EXPR_NIL:
        ri_code_put_abc(unit, RI_OP_LOADNIL, 1, 0, 0, 1);
        return;
    case RI_EXPR_FALSE:
        ri_code_put(unit, RI_OP_LOADFALSE, 1);
        return;
    case RI_EXPR_TRUE:
        ri_code_put(unit, RI_OP_LOADTRUE, 1);
        return;
    case RI_EXPR_INT:
        if (x->integer >= -RI_E_MAX && x->integer <= RI_E_MAX) {
            ri_code_put_e(unit, RI_OP_LOADINT, (int32_t)x->integer, 1);
            return;
        }
        break;
    case RI_EXPR_FLOAT:
        if (x->number >= -RI_E_MAX && x->number <= RI_E_MAX && x->number == (int32_t)x->number &&
            !(x->number == 0 && __builtin_signbit(x->number))) {
            ri_code_put_e(unit, RI_OP_LOADFLT, (int32_t)x->number, 1);
            return;
        }
        break;
    default:
        break;
    }
    ri_code_put_e(unit, RI_OP_LOADK, (int32_t)ri_code_constant(unit, ri_expr_value(x)), 1);
}

/* Push an operand of an operator: 5.4 has no instruction for it if it is a variable or constant. */
static void push_operand(RiUnit *unit, RiExpr *x)
{
    ri_emit_push(unit, x);
    if (x->kind == RI_EXPR_LOCAL || ri_expr_is_constant(x))
        ri_code_float(unit);
}

/* The index of a constant operand, or -1 if it is none or has no place in the instruction. */
static int64_t constant_operand(RiUnit *unit, const RiExpr *x, uint32_t max)
{
    if (!ri_expr_is_constant(x))
        return -1;
    uint32_t index = ri_code_constant(unit, ri_expr_value(x));
    return index <= max ? (int64_t)index : -1;
}

/* -- Fields and indexing ----------------------------------------------------------------------------------------- */

RiString *ri_emit_field_name(const RiExpr *x)
{
    RiString *name = NULL;
    if (x->kind == RI_EXPR_FIELD)
        name = x->string;
    else if (x->kind == RI_EXPR_INDEX && x->right->kind == RI_EXPR_STRING)
        name = x->right->leaf_string;
    return name != NULL && ri_str_is_interned(name) ? name : NULL;
}

bool ri_emit_has_site(const RiUnit *unit)
{
    /* Fragments leave some for the rest of the function. */
    return ri_code_site_count(unit) <= (unit->code.is_fragment ? RI_WIDE_OPERAND_MAX / 2 : RI_WIDE_OPERAND_MAX);
}

uint32_t ri_emit_site(RiUnit *unit, RiString *key)
{
    return ri_code_site(unit, ri_code_constant(unit, ri_string_value(key)));
}

static void push_field(RiUnit *unit, RiExpr *x, RiString *name, bool on_stack)
{
    if (!on_stack) {
        bool is_upvalue = x->left->kind == RI_EXPR_UPVALUE;
        if ((is_upvalue || ri_emit_is_slot(unit, x->left)) && ri_emit_has_site(unit)) {
            unsigned a = is_upvalue ? x->left->index : ri_emit_slot(unit, x->left);
            unit->code.line = x->line;
            ri_code_put_ad(unit, is_upvalue ? RI_OP_GETFIELD_U : RI_OP_GETFIELD_L, a, ri_emit_site(unit, name), 1);
            return;
        }
        ri_emit_push(unit, x->left);
    }
    unit->code.line = x->line;
    ri_code_put_e(unit, RI_OP_GETFIELD, (int32_t)ri_emit_site(unit, name), 0);
}

static bool is_int_in(const RiExpr *x, int64_t max)
{
    return x->kind == RI_EXPR_INT && x->integer >= -max && x->integer <= max;
}

/* Does evaluating x call a function? Metamethods do not count: none is known to assign to its operands' variables. */
static bool is_calling(const RiExpr *x)
{
    switch (x->kind) {
    case RI_EXPR_CALL:
    case RI_EXPR_METHOD:
        return true;
    case RI_EXPR_TABLE:
        return x->constructor->item_count > 0 || x->constructor->fragments != NULL;
    case RI_EXPR_BINARY:
    case RI_EXPR_INDEX:
        return is_calling(x->left) || is_calling(x->right);
    case RI_EXPR_FIELD:
    case RI_EXPR_UNARY:
        return is_calling(x->left);
    default:
        return false;
    }
}

bool ri_emit_reads_late(const RiUnit *unit, const RiExpr *variable, const RiExpr *other)
{
    if (variable->kind != RI_EXPR_LOCAL || unit->code.is_fragment || !unit->vars.items[variable->index].is_captured)
        return false;
    return is_calling(other);
}

void ri_emit_push_indexed(RiUnit *unit, RiExpr *object, RiExpr *key)
{
    if (ri_emit_reads_late(unit, object, key) || (object->kind == RI_EXPR_UPVALUE && is_calling(key))) {
        ri_emit_push(unit, key);
        ri_emit_push(unit, object);
        ri_code_put(unit, RI_OP_SWAP, 0);
        return;
    }
    ri_emit_push(unit, object);
    ri_emit_push(unit, key);
}

static void push_index(RiUnit *unit, RiExpr *x, bool on_stack)
{
    RiExpr *object = on_stack ? NULL : x->left, name;
    RiExpr *key = x->right;
    if (x->kind == RI_EXPR_FIELD) { /* the name is too long for a field */
        name = (RiExpr){.kind = RI_EXPR_STRING, .line = x->line, .leaf_string = x->string};
        key = &name;
    }
    if (object != NULL && ri_emit_is_slot(unit, object)) {
        unsigned slot = ri_emit_slot(unit, object);
        if (ri_emit_is_slot(unit, key)) {
            unit->code.line = x->line;
            ri_code_put_abc(unit, RI_OP_GETINDEX_LL, slot, ri_emit_slot(unit, key), 0, 1);
        } else if (is_int_in(key, INT16_MAX)) {
            unit->code.line = x->line;
            ri_code_put_ad(unit, RI_OP_GETINDEX_LI, slot, (unsigned)key->integer, 1);
        } else {
            ri_emit_push(unit, key);
            unit->code.line = x->line;
            ri_code_put_abc(unit, RI_OP_GETINDEX_OL, slot, 0, 0, 0);
        }
        return;
    }
    if (object != NULL && object->kind == RI_EXPR_UPVALUE && ri_emit_is_slot(unit, key)) {
        unit->code.line = x->line;
        ri_code_put_abc(unit, RI_OP_GETINDEX_UL, object->index, ri_emit_slot(unit, key), 0, 1);
        return;
    }
    bool is_named = ri_emit_is_slot(unit, key) || is_int_in(key, RI_E_MAX);
    if (object != NULL && is_named)
        ri_emit_push(unit, object);
    if (ri_emit_is_slot(unit, key)) {
        unit->code.line = x->line;
        ri_code_put_abc(unit, RI_OP_GETINDEX_KL, ri_emit_slot(unit, key), 0, 0, 0);
    } else if (is_int_in(key, RI_E_MAX)) {
        unit->code.line = x->line;
        ri_code_put_e(unit, RI_OP_GETINDEX_I, (int32_t)key->integer, 0);
    } else {
        if (object != NULL)
            ri_emit_push_indexed(unit, object, key);
        else
            ri_emit_push(unit, key);
        unit->code.line = x->line;
        ri_code_put(unit, RI_OP_GETINDEX, -1);
    }
}

/* -- Calls ------------------------------------------------------------------------------------------------------- */

/* Is there one instruction that pushes this function and the link? */
static bool is_fused_function(const RiUnit *unit, const RiExpr *f)
{
    if (f->kind == RI_EXPR_UPVALUE || ri_emit_is_slot(unit, f))
        return true;
    return ri_emit_field_name(f) != NULL && (f->left->kind == RI_EXPR_UPVALUE || ri_emit_is_slot(unit, f->left)) &&
           ri_emit_has_site(unit);
}

static void push_function(RiUnit *unit, RiExpr *f)
{
    if (!is_fused_function(unit, f)) {
        ri_emit_push(unit, f);
        ri_code_put(unit, RI_OP_MARK, 1);
        return;
    }
    unit->code.line = f->line;
    if (f->kind == RI_EXPR_UPVALUE) {
        ri_code_put_abc(unit, RI_OP_GETUPVAL_M, f->index, 0, 0, 2);
    } else if (f->kind == RI_EXPR_LOCAL) {
        ri_code_put_abc(unit, RI_OP_GETLOCAL_M, ri_emit_slot(unit, f), 0, 0, 2);
    } else {
        uint32_t site = ri_emit_site(unit, ri_emit_field_name(f));
        if (f->left->kind == RI_EXPR_UPVALUE)
            ri_code_put_ad(unit, RI_OP_GETFIELD_UM, f->left->index, site, 2);
        else
            ri_code_put_ad(unit, RI_OP_GETFIELD_LM, ri_emit_slot(unit, f->left), site, 2);
    }
}

static void put_get_slot(RiUnit *unit, uint32_t slot)
{
    ri_code_put_abc(unit, RI_OP_GETLOCAL, slot, 0, 0, 1);
    ri_code_note_slot(unit, 'a', slot);
}

/* o -- f link o by hand, for a name that is too long for a field. */
static void push_long_method(RiUnit *unit, const RiExpr *x)
{
    uint32_t slot = unit->code.depth - 1;
    ri_code_put(unit, RI_OP_MARK, 1);
    put_get_slot(unit, slot);
    put_get_slot(unit, slot);
    ri_code_put_e(unit, RI_OP_LOADK, (int32_t)ri_code_constant(unit, ri_string_value(x->method)), 1);
    ri_code_put(unit, RI_OP_GETINDEX, -1);
    ri_code_put_abc(unit, RI_OP_SETLOCAL, slot, 0, 0, -1);
    ri_code_note_slot(unit, 'a', slot);
}

static void push_method(RiUnit *unit, RiExpr *x, bool on_stack)
{
    bool is_name = ri_str_is_interned(x->method);
    if (!on_stack && is_name && ri_emit_is_slot(unit, x->left) && ri_emit_has_site(unit)) {
        unsigned slot = ri_emit_slot(unit, x->left);
        unit->code.line = x->method_line;
        ri_code_put_ad(unit, RI_OP_SELF_L, slot, ri_emit_site(unit, x->method), 3);
        return;
    }
    if (!on_stack)
        ri_emit_push(unit, x->left);
    unit->code.line = x->method_line;
    if (is_name)
        ri_code_put_e(unit, RI_OP_SELF, (int32_t)ri_emit_site(unit, x->method), 2);
    else
        push_long_method(unit, x);
}

static int push_call_parts(RiUnit *unit, RiExpr *x, bool on_stack, uint32_t *base)
{
    *base = unit->code.depth - on_stack;
    if (x->kind == RI_EXPR_METHOD)
        push_method(unit, x, on_stack);
    else if (on_stack)
        ri_code_put(unit, RI_OP_MARK, 1);
    else
        push_function(unit, x->left);
    int count = ri_emit_push_all(unit, x->args);
    if (count >= 0 && x->kind == RI_EXPR_METHOD)
        count++;
    if (count > 255)
        ri_lex_error(&unit->lexer, "function or expression needs too many registers");
    unit->code.line = x->line;
    return count;
}

int ri_emit_push_call(RiUnit *unit, RiExpr *call, uint32_t *base)
{
    if (call->kind == RI_EXPR_CALL && is_fused_function(unit, call->left))
        return push_call_parts(unit, call, false, base);
    *base = unit->code.depth;
    if (call->kind == RI_EXPR_METHOD && ri_emit_is_slot(unit, call->left))
        return push_call_parts(unit, call, false, base);
    ri_emit_push(unit, call->left);
    return push_call_parts(unit, call, true, base);
}

static void push_results(RiUnit *unit, RiExpr *x, bool on_stack, int wanted)
{
    uint32_t base;
    int count = push_call_parts(unit, x, on_stack, &base);
    int effect = (int)base + (wanted > 0 ? wanted : 0) - (int)unit->code.depth;
    if (count >= 0) {
        ri_code_put_abc(unit, RI_OP_CALL, (unsigned)count, (unsigned)(wanted + 1), 0, effect);
    } else {
        ri_code_put_ad(unit, RI_OP_CALLV, (unsigned)(wanted + 1), base, effect);
        ri_code_note_slot(unit, 'd', base);
    }
}

/* -- Operators --------------------------------------------------------------------------------------------------- */

typedef struct Forms { /* of an instruction; NOP (0) where there is none */
    uint8_t plain, with_slot, with_constant, two_slots, slot_constant;
} Forms;

#define FORMS_L(name) .plain = RI_OP_##name, .with_slot = RI_OP_##name##_L, .with_constant = RI_OP_##name##_K
#define FORMS_K(name) .plain = RI_OP_##name, .with_constant = RI_OP_##name##_K
#define FORMS_ALL(name) FORMS_L(name), .two_slots = RI_OP_##name##_LL, .slot_constant = RI_OP_##name##_LK

static const Forms arith_forms[] = {
    [RI_ADD] = {FORMS_ALL(ADD)},
    [RI_SUB] = {FORMS_ALL(SUB)},
    [RI_MUL] = {FORMS_ALL(MUL)},
    [RI_DIV] = {FORMS_ALL(DIV)},
    [RI_MOD] = {FORMS_ALL(MOD)},
    [RI_POW] = {FORMS_K(POW)},
    [RI_IDIV] = {FORMS_K(IDIV), .slot_constant = RI_OP_IDIV_LK},
    [RI_BAND] = {FORMS_ALL(BAND)},
    [RI_BOR] = {FORMS_K(BOR)},
    [RI_BXOR] = {FORMS_L(BXOR)},
    [RI_SHL] = {FORMS_K(SHL), .slot_constant = RI_OP_SHL_LK},
    [RI_SHR] = {FORMS_K(SHR), .slot_constant = RI_OP_SHR_LK},
};

/* Both operands of a binary operation, left below right. */
static void push_operands(RiUnit *unit, RiExpr *left, RiExpr *right, bool on_stack)
{
    if (!on_stack && ri_emit_reads_late(unit, left, right)) {
        push_operand(unit, right);
        push_operand(unit, left);
        ri_code_put(unit, RI_OP_SWAP, 0);
        return;
    }
    if (!on_stack)
        push_operand(unit, left);
    push_operand(unit, right);
}

static void push_arith(RiUnit *unit, RiExpr *x, bool on_stack)
{
    const Forms *forms = &arith_forms[x->op];
    RiExpr *right = x->right;
    bool right_is_slot = ri_emit_is_slot(unit, right);
    int64_t k = ri_expr_is_number(right) ? constant_operand(unit, right, RI_WIDE_OPERAND_MAX) : -1;
    if (!on_stack && ri_emit_is_slot(unit, x->left)) {
        if (right_is_slot && forms->two_slots) {
            unsigned left = ri_emit_slot(unit, x->left);
            unit->code.line = x->line;
            ri_code_put_abc(unit, forms->two_slots, left, ri_emit_slot(unit, right), 0, 1);
            return;
        }
        if (k >= 0 && forms->slot_constant) {
            unit->code.line = x->line;
            ri_code_put_ad(unit, forms->slot_constant, ri_emit_slot(unit, x->left), (unsigned)k, 1);
            return;
        }
    }
    bool is_named = (right_is_slot && forms->with_slot) || (k >= 0 && forms->with_constant);
    if (!on_stack && is_named)
        push_operand(unit, x->left);
    if (right_is_slot && forms->with_slot) {
        unit->code.line = x->line;
        ri_code_put_abc(unit, forms->with_slot, ri_emit_slot(unit, right), 0, 0, 0);
    } else if (k >= 0 && forms->with_constant) {
        unit->code.line = x->line;
        ri_code_put_ad(unit, forms->with_constant, 0, (unsigned)k, 0);
    } else {
        push_operands(unit, x->left, right, on_stack);
        unit->code.line = x->line;
        ri_code_put(unit, forms->plain, -1);
    }
}

bool ri_emit_arith_to_slot(RiUnit *unit, unsigned slot, const RiExpr *x)
{
    static const uint8_t with_slots[] = {RI_OP_ADD_LLT, RI_OP_SUB_LLT, RI_OP_MUL_LLT};
    static const uint8_t with_constant[] = {RI_OP_ADD_LKT, RI_OP_SUB_LKT, RI_OP_MUL_LKT};
    if (x->kind != RI_EXPR_BINARY || x->op > RI_MUL || !ri_emit_is_slot(unit, x->left))
        return false;
    int64_t k = -1;
    if (!ri_emit_is_slot(unit, x->right)) {
        if (!ri_expr_is_number(x->right) || (k = constant_operand(unit, x->right, RI_SLOT_OPERAND_MAX)) < 0)
            return false;
    }
    unsigned left = ri_emit_slot(unit, x->left);
    unit->code.line = x->line;
    if (k >= 0)
        ri_code_put_abc(unit, with_constant[x->op], slot, left, (unsigned)k, 0);
    else
        ri_code_put_abc(unit, with_slots[x->op], slot, left, ri_emit_slot(unit, x->right), 0);
    return true;
}

static void push_comparison(RiUnit *unit, RiExpr *x, bool on_stack)
{
    static const uint8_t ops[] = {RI_OP_EQ, RI_OP_NE, RI_OP_LT, RI_OP_LE, RI_OP_GT, RI_OP_GE};
    push_operands(unit, x->left, x->right, on_stack);
    unit->code.line = x->line;
    ri_code_put(unit, ops[x->op - RI_EQ], -1);
}

static bool is_operator(const RiExpr *x, RiOperator op)
{
    return x->kind == RI_EXPR_BINARY && x->op == op;
}

/* a .. b .. c is one instruction, where its last operator stands. */
static void push_concat(RiUnit *unit, RiExpr *x)
{
    uint32_t line = 0, count = 1;
    for (; is_operator(x, RI_CONCAT); x = x->right) {
        ri_emit_push(unit, x->left);
        line = x->line;
        count++;
    }
    ri_emit_push(unit, x);
    unit->code.line = line;
    ri_code_put_abc(unit, RI_OP_CONCAT, count, 0, 0, 1 - (int)count);
}

static void push_unary(RiUnit *unit, RiExpr *x)
{
    RiExpr *operand = x->left;
    if (x->op == RI_LEN && ri_emit_is_slot(unit, operand)) {
        unit->code.line = x->line;
        ri_code_put_abc(unit, RI_OP_LEN_L, ri_emit_slot(unit, operand), 0, 0, 1);
        return;
    }
    if (x->op == RI_NOT && (is_operator(operand, RI_EQ) || is_operator(operand, RI_NE))) {
        operand->op = operand->op == RI_EQ ? RI_NE : RI_EQ;
        ri_emit_push(unit, operand);
        return;
    }
    push_operand(unit, operand);
    unit->code.line = x->line;
    RiOpcode op = x->op == RI_UNM ? RI_OP_UNM : x->op == RI_BNOT ? RI_OP_BNOT : x->op == RI_NOT ? RI_OP_NOT : RI_OP_LEN;
    ri_code_put(unit, op, 0);
}

/* -- Conditions -------------------------------------------------------------------------------------------------- */

bool ri_emit_is_always(const RiExpr *x, bool truth)
{
    return ri_expr_is_constant(x) && (x->kind > RI_EXPR_FALSE) == truth;
}

static bool is_logical(const RiExpr *x)
{
    return x->kind == RI_EXPR_BINARY && x->op >= RI_AND;
}

static bool is_comparison(const RiExpr *x)
{
    return x->kind == RI_EXPR_BINARY && x->op >= RI_EQ && x->op <= RI_GE;
}

typedef struct Operand {
    RiExpr *expr;
    uint32_t line; /* of the operator after it: it is tested there */
} Operand;

/* The operands of a chain x1 and x2 and …, or of the same with or. */
static Operand *logical_operands(RiUnit *unit, RiExpr *x, uint32_t *count)
{
    uint8_t op = x->op;
    uint32_t n = 1;
    for (RiExpr *e = x; is_operator(e, op); e = e->left)
        n++;
    Operand *operands = ri_arena_alloc(&unit->arena, n * sizeof(Operand));
    *count = n;
    operands[n - 1].line = 0;
    for (; is_operator(x, op); x = x->left) {
        operands[--n].expr = x->right;
        operands[n - 1].line = x->line;
    }
    operands[0].expr = x;
    return operands;
}

static const Forms branch_forms[] = {
    {RI_OP_JEQ, RI_OP_JEQ_L, RI_OP_JEQ_K, RI_OP_JEQ_LL, RI_OP_JEQ_LK},
    {RI_OP_JLT, RI_OP_JLT_L, RI_OP_JLT_K, RI_OP_JLT_LL, RI_OP_JLT_LK},
    {RI_OP_JLE, RI_OP_JLE_L, RI_OP_JLE_K, RI_OP_JLE_LL, RI_OP_JLE_LK},
    {RI_OP_JGT, RI_OP_JGT_L, RI_OP_JGT_K, RI_OP_JGT_LL, RI_OP_JGT_LK},
    {RI_OP_JGE, RI_OP_JGE_L, RI_OP_JGE_K, RI_OP_JGE_LL, RI_OP_JGE_LK},
};
enum { FORM_EQ, FORM_LT, FORM_LE, FORM_GT, FORM_GE };
static const uint8_t mirrored_form[] = {FORM_EQ, FORM_GT, FORM_GE, FORM_LT, FORM_LE};

static void put_branch(RiUnit *unit, const RiExpr *x, RiWord word, int effect, uint32_t *list)
{
    unit->code.line = x->line;
    ri_code_branch(unit, word, effect, list);
}

/* A comparison with its left operand in a slot. False if the general way is as good. */
static bool branch_on_slot(RiUnit *unit, const RiExpr *x, const RiExpr *left, RiExpr *right, unsigned form, bool sense,
                           uint32_t *list)
{
    const Forms *forms = &branch_forms[form];
    unsigned slot = ri_emit_slot(unit, left);
    if (ri_emit_is_slot(unit, right)) {
        put_branch(unit, x, ri_word_abc(forms->two_slots, slot, ri_emit_slot(unit, right), sense), 0, list);
        return true;
    }
    if (ri_expr_is_constant(right)) {
        int64_t k = constant_operand(unit, right, RI_SLOT_OPERAND_MAX);
        if (k < 0)
            return false;
        put_branch(unit, x, ri_word_abc(forms->slot_constant, slot, (unsigned)k, sense), 0, list);
        return true;
    }
    if (form == FORM_EQ) /* __eq would see its operands exchanged */
        return false;
    push_operand(unit, right);
    put_branch(unit, x, ri_word_abc(branch_forms[mirrored_form[form]].with_slot, slot, 0, sense), -1, list);
    return true;
}

static void branch_comparison(RiUnit *unit, RiExpr *x, bool sense, uint32_t *list)
{
    static const uint8_t form_of[] = {FORM_EQ, FORM_EQ, FORM_LT, FORM_LE, FORM_GT, FORM_GE};
    RiExpr *left = x->left, *right = x->right;
    unsigned form = form_of[x->op - RI_EQ];
    if (x->op == RI_NE)
        sense = !sense;
    if (ri_expr_is_constant(left) && !ri_expr_is_constant(right)) {
        RiExpr *constant = left;
        left = right;
        right = constant;
        form = mirrored_form[form];
    }
    const Forms *forms = &branch_forms[form];
    if (ri_emit_is_slot(unit, left) && branch_on_slot(unit, x, left, right, form, sense, list))
        return;
    int64_t k;
    if (ri_emit_reads_late(unit, left, right)) {
        push_operands(unit, left, right, false);
        put_branch(unit, x, ri_word_abc(forms->plain, 0, 0, sense), -2, list);
        return;
    }
    push_operand(unit, left);
    if (ri_emit_is_slot(unit, right)) {
        put_branch(unit, x, ri_word_abc(forms->with_slot, ri_emit_slot(unit, right), 0, sense), -1, list);
    } else if ((k = constant_operand(unit, right, RI_WIDE_OPERAND_MAX)) >= 0) {
        put_branch(unit, x, ri_word_ad(forms->with_constant, sense, (unsigned)k), -1, list);
    } else {
        push_operand(unit, right);
        put_branch(unit, x, ri_word_abc(forms->plain, 0, 0, sense), -2, list);
    }
}

void ri_emit_branch(RiUnit *unit, RiExpr *x, bool sense, uint32_t *list)
{
    while (x->kind == RI_EXPR_UNARY && x->op == RI_NOT) {
        x = x->left;
        sense = !sense;
    }
    if (ri_expr_is_constant(x)) {
        if (ri_emit_is_always(x, sense))
            ri_code_jump(unit, list);
    } else if (is_logical(x)) {
        bool decided = x->op == RI_OR; /* the truth of an operand that decides */
        uint32_t count, skip = RI_NO_JUMP;
        Operand *operands = logical_operands(unit, x, &count);
        uint32_t test_line = unit->code.test_line;
        for (uint32_t i = 0; i + 1 < count; i++) {
            unit->code.test_line = operands[i].line;
            ri_emit_branch(unit, operands[i].expr, decided, decided == sense ? list : &skip);
        }
        unit->code.test_line = test_line;
        ri_emit_branch(unit, operands[count - 1].expr, sense, list);
        ri_code_patch_here(unit, &skip);
    } else if (is_comparison(x)) {
        branch_comparison(unit, x, sense, list);
    } else if (ri_emit_is_slot(unit, x)) {
        unit->code.line = unit->code.test_line ? unit->code.test_line : x->line;
        ri_code_branch(unit, ri_word_abc(RI_OP_TEST_L, ri_emit_slot(unit, x), 0, sense), 0, list);
    } else {
        ri_emit_push(unit, x);
        if (unit->code.test_line)
            unit->code.line = unit->code.test_line;
        ri_code_branch(unit, ri_word_abc(RI_OP_TEST, 0, 0, sense), -1, list);
    }
}

/* If the truth of x is `sense`, jump to `list` with its value on the stack; else go on without it. `line`: where that is
 * tested. */
static void keep(RiUnit *unit, RiExpr *x, bool sense, uint32_t line, uint32_t *list)
{
    uint32_t skip = RI_NO_JUMP;
    if (ri_emit_is_always(x, !sense))
        return;
    if (is_logical(x)) {
        bool decided = x->op == RI_OR;
        uint32_t count;
        Operand *operands = logical_operands(unit, x, &count);
        for (uint32_t i = 0; i + 1 < count; i++) {
            unit->code.test_line = operands[i].line;
            if (decided == sense)
                keep(unit, operands[i].expr, sense, operands[i].line, list);
            else
                ri_emit_branch(unit, operands[i].expr, decided, &skip);
        }
        unit->code.test_line = 0;
        keep(unit, operands[count - 1].expr, sense, line, list);
    } else if (is_comparison(x) || (x->kind == RI_EXPR_UNARY && x->op == RI_NOT)) {
        ri_emit_branch(unit, x, !sense, &skip);
        ri_code_put(unit, sense ? RI_OP_LOADTRUE : RI_OP_LOADFALSE, 1);
        ri_code_jump(unit, list);
        unit->code.depth--;
    } else {
        ri_emit_push(unit, x);
        if (ri_expr_is_constant(x)) {
            ri_code_jump(unit, list);
            unit->code.depth--;
        } else {
            unit->code.line = line;
            ri_code_branch(unit, ri_word_abc(RI_OP_TESTKEEP, 0, 0, sense), -1, list);
        }
    }
    ri_code_patch_here(unit, &skip);
}

static void push_logical(RiUnit *unit, RiExpr *x)
{
    bool decided = x->op == RI_OR;
    uint32_t count, i = 0, end = RI_NO_JUMP;
    Operand *operands = logical_operands(unit, x, &count);
    /* A constant that decides makes the rest unreachable. */
    for (; i + 1 < count && !ri_emit_is_always(operands[i].expr, decided); i++)
        keep(unit, operands[i].expr, decided, operands[i].line, &end);
    ri_emit_push(unit, operands[i].expr);
    ri_code_patch_here(unit, &end);
}

/* -- Everything -------------------------------------------------------------------------------------------------- */

/* Has x a first operand that is pushed before x does its work? */
static bool has_left(const RiExpr *x)
{
    switch (x->kind) {
    case RI_EXPR_FIELD:
    case RI_EXPR_INDEX:
    case RI_EXPR_CALL:
    case RI_EXPR_METHOD:
        return true;
    case RI_EXPR_BINARY:
        return x->op < RI_CONCAT || is_comparison(x);
    default:
        return false;
    }
}

/* A node with a left operand; `on_stack`: that has been pushed. */
static void push_node(RiUnit *unit, RiExpr *x, bool on_stack, int wanted)
{
    switch (x->kind) {
    case RI_EXPR_FIELD:
    case RI_EXPR_INDEX: {
        RiString *name = ri_emit_field_name(x);
        if (name != NULL)
            push_field(unit, x, name, on_stack);
        else
            push_index(unit, x, on_stack);
        break;
    }
    case RI_EXPR_CALL:
    case RI_EXPR_METHOD:
        push_results(unit, x, on_stack, wanted);
        break;
    default:
        if (is_comparison(x))
            push_comparison(unit, x, on_stack);
        else
            push_arith(unit, x, on_stack);
        break;
    }
}

/* a.b.c(d).e + f …: go down to the first operand, turning the pointers around, and come back doing the work. */
static void push_chain(RiUnit *unit, RiExpr *x, int wanted)
{
    RiExpr *above = NULL;
    while (has_left(x->left) && !(x->kind == RI_EXPR_CALL && is_fused_function(unit, x->left))) {
        RiExpr *left = x->left;
        x->left = above;
        above = x;
        x = left;
    }
    push_node(unit, x, false, above != NULL ? 1 : wanted);
    while (above != NULL) {
        RiExpr *left = x;
        x = above;
        above = x->left;
        x->left = left;
        push_node(unit, x, true, above != NULL ? 1 : wanted);
    }
}

void ri_emit_push_multiple(RiUnit *unit, RiExpr *x, int wanted)
{
    if (has_left(x)) {
        push_chain(unit, x, wanted);
        return;
    }
    unit->code.line = x->line;
    switch (x->kind) {
    case RI_EXPR_LOCAL:
        push_local(unit, x);
        break;
    case RI_EXPR_UPVALUE:
        ri_code_put_abc(unit, RI_OP_GETUPVAL, x->index, 0, 0, 1);
        break;
    case RI_EXPR_VARARG:
        ri_code_put_abc(unit, RI_OP_VARARG, (unsigned)(wanted + 1), 0, 0, wanted > 0 ? wanted : 0);
        break;
    case RI_EXPR_FUNCTION:
        ri_code_put_e(unit, RI_OP_CLOSURE, (int32_t)x->index, 1);
        break;
    case RI_EXPR_TABLE:
        ri_emit_table(unit, x);
        break;
    case RI_EXPR_BINARY:
        if (is_logical(x))
            push_logical(unit, x);
        else
            push_concat(unit, x);
        break;
    case RI_EXPR_UNARY:
        push_unary(unit, x);
        break;
    default:
        push_constant(unit, x);
        break;
    }
}

void ri_emit_push(RiUnit *unit, RiExpr *x)
{
    ri_emit_push_multiple(unit, x, 1);
}

void ri_emit_pop(RiUnit *unit, uint32_t count)
{
    for (; count > 255; count -= 255)
        ri_code_put_abc(unit, RI_OP_POP, 255, 0, 0, -255);
    if (count > 0) {
        ri_code_put_abc(unit, RI_OP_POP, count, 0, 0, -(int)count);
        ri_code_float(unit);
    }
}

int ri_emit_push_all(RiUnit *unit, RiExpr *list)
{
    int count = 0;
    for (RiExpr *x = list; x != NULL; x = x->next, count++) {
        if (x->next == NULL && ri_expr_is_multiple(x)) {
            ri_emit_push_multiple(unit, x, -1);
            return -1;
        }
        ri_emit_push(unit, x);
    }
    return count;
}

void ri_emit_push_list(RiUnit *unit, RiExpr *list, uint32_t wanted)
{
    uint32_t count = 0;
    for (RiExpr *x = list; x != NULL; x = x->next, count++) {
        if (x->next == NULL && ri_expr_is_multiple(x)) {
            ri_emit_push_multiple(unit, x, wanted > count ? (int)(wanted - count) : 0);
            if (count < wanted)
                return;
            break;
        }
        ri_emit_push(unit, x);
    }
    if (count < wanted)
        ri_code_put_abc(unit, RI_OP_LOADNIL, wanted - count, 0, 0, (int)(wanted - count));
    else
        ri_emit_pop(unit, count - wanted);
}
