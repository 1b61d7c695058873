/* Recursive descent, one function per rule. Every rule that can nest counts levels, so the C stack is safe. */
#include "compiler/parse.h"

#include "compiler/compile.h"
#include "compiler/emit.h"
#include "compiler/fold.h"
#include "compiler/scope.h"

#include <stdio.h>
#include <string.h>

#define STREAM_BYTES ((size_t)24 << 10) /* nodes of a table constructor that are kept before they are emitted */

static RiExpr *parse_expr(RiUnit *unit);
static void parse_statement(RiUnit *unit, RiBlock *block);

/* -- Tokens ------------------------------------------------------------------------------------------------------ */

static inline int kind(const RiUnit *unit)
{
    return unit->lexer.token.kind;
}

static inline void next(RiUnit *unit)
{
    ri_lex_next(&unit->lexer);
}

static inline bool accept(RiUnit *unit, int token)
{
    if (kind(unit) != token)
        return false;
    next(unit);
    return true;
}

RI_NORETURN static void error_expected(RiUnit *unit, int token)
{
    char buffer[RI_TOKEN_TEXT_MAX], message[40];
    snprintf(message, sizeof message, "%s expected", ri_token_text(token, buffer));
    ri_lex_error(&unit->lexer, message);
}

static void check(RiUnit *unit, int token)
{
    if (RI_UNLIKELY(kind(unit) != token))
        error_expected(unit, token);
}

static void expect(RiUnit *unit, int token)
{
    check(unit, token);
    next(unit);
}

/* Expect the token that closes what `opener` began in `line`. */
static void expect_match(RiUnit *unit, int token, int opener, uint32_t line)
{
    if (RI_LIKELY(accept(unit, token)))
        return;
    if (line == unit->lexer.line)
        error_expected(unit, token);
    char first[RI_TOKEN_TEXT_MAX], second[RI_TOKEN_TEXT_MAX], message[80];
    snprintf(message, sizeof message, "%s expected (to close %s at line %u)", ri_token_text(token, first),
             ri_token_text(opener, second), (unsigned)line);
    ri_lex_error(&unit->lexer, message);
}

static RiString *expect_name(RiUnit *unit)
{
    check(unit, RI_TOKEN_NAME);
    RiString *name = unit->lexer.token.string;
    next(unit);
    return name;
}

/* -- Nodes ------------------------------------------------------------------------------------------------------- */

static inline RiExpr *new_expr(RiUnit *unit, RiExprKind expr_kind, uint32_t line, size_t size)
{
    RiExpr *x = ri_arena_alloc(&unit->arena, size);
    x->kind = (uint8_t)expr_kind;
    x->op = 0;
    x->in_parens = false;
    x->line = line;
    x->next = NULL;
    return x;
}

static inline RiExpr *new_leaf(RiUnit *unit, RiExprKind expr_kind)
{
    return new_expr(unit, expr_kind, unit->lexer.line, RI_EXPR_LEAF_SIZE);
}

static RiExpr *new_binary(RiUnit *unit, RiExprKind expr_kind, uint32_t line, RiExpr *left, RiExpr *right)
{
    RiExpr *x = new_expr(unit, expr_kind, line, RI_EXPR_BINARY_SIZE);
    x->left = left;
    x->right = right;
    return x;
}

/* 5.4 loads variables, fields and constants late, when it has seen what follows them: their lines are told by hooks. */
static inline void settle(RiExpr *x, uint32_t line)
{
    bool is_late = x->kind <= RI_EXPR_INDEX && x->kind != RI_EXPR_VARARG && x->kind != RI_EXPR_FUNCTION &&
                   x->kind != RI_EXPR_TABLE;
    if (is_late && !x->in_parens)
        x->line = line;
}

static RiStat *new_stat(RiUnit *unit, RiBlock *block, RiStatKind stat_kind, uint32_t line)
{
    RiStat *s = ri_unit_new(unit, RiStat);
    memset(s, 0, sizeof *s);
    s->kind = (uint8_t)stat_kind;
    s->line = line;
    *block->last = s;
    block->last = &s->next;
    return s;
}

static void start_block(RiBlock *block)
{
    block->first = NULL;
    block->last = &block->first;
}

/* -- Table constructors ------------------------------------------------------------------------------------------ */

static void add_item(RiConstructor *t, RiExpr *item)
{
    *t->last = item;
    t->last = &item->next;
    t->item_count++;
}

static void parse_item(RiUnit *unit, RiConstructor *t)
{
    RiExpr *key;
    if (kind(unit) == RI_TOKEN_NAME && ri_lex_peek(&unit->lexer) == '=') {
        key = new_leaf(unit, RI_EXPR_STRING);
        key->leaf_string = expect_name(unit);
    } else if (kind(unit) == '[') {
        next(unit);
        key = parse_expr(unit);
        expect(unit, ']');
    } else {
        add_item(t, parse_expr(unit));
        return;
    }
    expect(unit, '=');
    RiExpr *value = parse_expr(unit);
    t->keyed_count++;
    t->has_other_keys |= key->kind != RI_EXPR_STRING;
    add_item(t, new_binary(unit, RI_EXPR_ITEM, unit->lexer.last_line, key, value));
}

static RiExpr *parse_constructor(RiUnit *unit)
{
    uint32_t line = unit->lexer.line;
    RiExpr *x = new_expr(unit, RI_EXPR_TABLE, unit->lexer.last_line, RI_EXPR_LEAF_SIZE);
    RiConstructor *t = x->constructor = ri_unit_new(unit, RiConstructor);
    memset(t, 0, sizeof *t);
    t->last = &t->first;
    RiExpr *item = NULL;
    RiArenaMark mark = ri_arena_mark(&unit->arena);
    expect(unit, '{');
    while (kind(unit) != '}') {
        size_t bytes = ri_arena_used_bytes(&unit->arena) - mark.bytes;
        /* Where 5.4 stores its elements, or else when it is really much. */
        if (RI_UNLIKELY(bytes > STREAM_BYTES &&
                        ((t->item_count - t->keyed_count) % 50 == 0 || bytes > 16 * STREAM_BYTES))) {
            ri_emit_fragment(unit, t);
            ri_arena_release(&unit->arena, mark);
        }
        RiExpr **place = t->last;
        parse_item(unit, t);
        item = *place;
        if (!accept(unit, ',') && !accept(unit, ';'))
            break;
        settle(item, unit->lexer.last_line);
    }
    expect_match(unit, '}', '{', line);
    t->end_line = unit->lexer.last_line;
    if (item != NULL)
        settle(item, unit->lexer.last_line);
    return x;
}

/* -- Functions --------------------------------------------------------------------------------------------------- */

static void parse_statements(RiUnit *unit, RiBlock *block);

static void parse_parameters(RiUnit *unit, bool is_method)
{
    RiFunction *f = unit->function;
    uint32_t first = unit->vars.count;
    if (is_method)
        ri_scope_declare(unit, ri_str_new(unit->heap, "self", 4));
    if (kind(unit) != ')') {
        do {
            if (kind(unit) == RI_TOKEN_NAME) {
                ri_scope_declare(unit, expect_name(unit));
            } else if (accept(unit, RI_TOKEN_DOTS)) {
                f->is_vararg = true;
            } else {
                ri_lex_error(&unit->lexer, "<name> or '...' expected");
            }
        } while (!f->is_vararg && accept(unit, ','));
    }
    f->param_count = unit->vars.count - first;
    ri_scope_activate(unit, first, f->param_count);
}

/* From the parameter list on. The function is emitted and its nodes dropped before the one made here. */
static RiExpr *parse_function_body(RiUnit *unit, bool is_method, uint32_t line)
{
    RiFunction function;
    RiScope scope;
    RiBlock body;
    ri_scope_open_function(unit, &function, line);
    RiArenaMark mark = ri_arena_mark(&unit->arena);
    ri_scope_enter(unit, &scope, NULL);
    expect(unit, '(');
    parse_parameters(unit, is_method);
    expect(unit, ')');
    start_block(&body);
    parse_statements(unit, &body);
    function.last_line = unit->lexer.line;
    expect_match(unit, RI_TOKEN_END, RI_TOKEN_FUNCTION, line);
    body.end_line = unit->lexer.last_line;
    ri_scope_leave(unit);
    RiProto *proto = ri_emit_function(unit, &body);
    ri_scope_close_function(unit);
    ri_arena_release(&unit->arena, mark);
    RiExpr *x = new_expr(unit, RI_EXPR_FUNCTION, unit->lexer.last_line, RI_EXPR_LEAF_SIZE);
    x->index = unit->children.count - unit->function->child_base;
    *ri_vec_push(unit->heap, &unit->children, RI_VEC_POINTERS) = proto;
    return x;
}

/* -- Expressions ------------------------------------------------------------------------------------------------- */

static RiExpr *parse_expr_list(RiUnit *unit)
{
    RiExpr *first = parse_expr(unit), *last = first;
    while (accept(unit, ',')) {
        settle(last, unit->lexer.last_line);
        last = last->next = parse_expr(unit);
    }
    return first;
}

static RiExpr *last_of(RiExpr *list)
{
    while (list->next != NULL)
        list = list->next;
    return list;
}

/* Arguments of `call`, whose function stands in `left` already. */
static void parse_arguments(RiUnit *unit, RiExpr *call)
{
    uint32_t line = unit->lexer.line;
    call->line = line;
    call->args = NULL;
    switch (kind(unit)) {
    case '(':
        next(unit);
        if (kind(unit) != ')')
            call->args = parse_expr_list(unit);
        expect_match(unit, ')', '(', line);
        if (call->args != NULL)
            settle(last_of(call->args), unit->lexer.last_line);
        break;
    case '{':
        call->args = parse_constructor(unit);
        break;
    case RI_TOKEN_STRING:
        call->args = new_leaf(unit, RI_EXPR_STRING);
        call->args->leaf_string = unit->lexer.token.string;
        next(unit);
        break;
    default:
        ri_lex_error(&unit->lexer, "function arguments expected");
    }
}

static RiExpr *parse_primary(RiUnit *unit)
{
    if (kind(unit) == RI_TOKEN_NAME) {
        RiString *name = unit->lexer.token.string;
        uint32_t line = unit->lexer.line;
        next(unit);
        return ri_scope_resolve(unit, name, line);
    }
    if (kind(unit) != '(')
        ri_lex_error(&unit->lexer, "unexpected symbol");
    uint32_t line = unit->lexer.line;
    next(unit);
    RiExpr *x = parse_expr(unit);
    expect_match(unit, ')', '(', line);
    settle(x, unit->lexer.last_line);
    x->in_parens = true;
    return x;
}

static RiExpr *parse_field(RiUnit *unit, RiExpr *object)
{
    next(unit); /* the dot or colon */
    RiExpr *x = new_expr(unit, RI_EXPR_FIELD, unit->lexer.line, RI_EXPR_BINARY_SIZE);
    x->left = object;
    x->string = expect_name(unit);
    return x;
}

static RiExpr *parse_suffixed(RiUnit *unit)
{
    RiExpr *x = parse_primary(unit);
    for (;;) {
        RiExpr *call;
        switch (kind(unit)) {
        case '.':
            x = parse_field(unit, x);
            break;
        case '[': {
            next(unit);
            RiExpr *key = parse_expr(unit);
            expect(unit, ']');
            x = new_binary(unit, RI_EXPR_INDEX, unit->lexer.last_line, x, key);
            break;
        }
        case ':': {
            next(unit);
            RiString *method = expect_name(unit);
            call = new_expr(unit, RI_EXPR_METHOD, unit->lexer.line, sizeof(RiExpr));
            call->left = x;
            call->method = method;
            call->method_line = unit->lexer.last_line;
            parse_arguments(unit, call);
            x = call;
            break;
        }
        case '(':
        case '{':
        case RI_TOKEN_STRING:
            call = new_expr(unit, RI_EXPR_CALL, unit->lexer.line, RI_EXPR_BINARY_SIZE);
            call->left = x;
            parse_arguments(unit, call);
            x = call;
            break;
        default:
            return x;
        }
    }
}

static RiExpr *parse_simple(RiUnit *unit)
{
    RiExpr *x;
    switch (kind(unit)) {
    case RI_TOKEN_INT:
        x = new_leaf(unit, RI_EXPR_INT);
        x->integer = unit->lexer.token.integer;
        break;
    case RI_TOKEN_FLOAT:
        x = new_leaf(unit, RI_EXPR_FLOAT);
        x->number = unit->lexer.token.number;
        break;
    case RI_TOKEN_STRING:
        x = new_leaf(unit, RI_EXPR_STRING);
        x->leaf_string = unit->lexer.token.string;
        break;
    case RI_TOKEN_NIL:
        x = new_leaf(unit, RI_EXPR_NIL);
        break;
    case RI_TOKEN_TRUE:
        x = new_leaf(unit, RI_EXPR_TRUE);
        break;
    case RI_TOKEN_FALSE:
        x = new_leaf(unit, RI_EXPR_FALSE);
        break;
    case RI_TOKEN_DOTS:
        if (!unit->function->is_vararg)
            ri_lex_error(&unit->lexer, "cannot use '...' outside a vararg function");
        x = new_leaf(unit, RI_EXPR_VARARG);
        break;
    case '{':
        return parse_constructor(unit);
    case RI_TOKEN_FUNCTION:
        next(unit);
        return parse_function_body(unit, false, unit->lexer.line);
    default:
        return parse_suffixed(unit);
    }
    next(unit);
    return x;
}

typedef struct Priority {
    uint8_t left, right; /* right < left: right associative */
} Priority;

static const Priority priorities[RI_OPERATOR_COUNT] = {
    [RI_OR] = {1, 1},     [RI_AND] = {2, 2},     [RI_EQ] = {3, 3},    [RI_NE] = {3, 3},   [RI_LT] = {3, 3},
    [RI_LE] = {3, 3},     [RI_GT] = {3, 3},      [RI_GE] = {3, 3},    [RI_BOR] = {4, 4},  [RI_BXOR] = {5, 5},
    [RI_BAND] = {6, 6},   [RI_SHL] = {7, 7},     [RI_SHR] = {7, 7},   [RI_CONCAT] = {9, 8}, [RI_ADD] = {10, 10},
    [RI_SUB] = {10, 10},  [RI_MUL] = {11, 11},   [RI_DIV] = {11, 11}, [RI_IDIV] = {11, 11}, [RI_MOD] = {11, 11},
    [RI_POW] = {14, 13},
};
#define UNARY_PRIORITY 12

static RiOperator binary_operator(int token)
{
    switch (token) {
    case '+':
        return RI_ADD;
    case '-':
        return RI_SUB;
    case '*':
        return RI_MUL;
    case '/':
        return RI_DIV;
    case '%':
        return RI_MOD;
    case '^':
        return RI_POW;
    case RI_TOKEN_IDIV:
        return RI_IDIV;
    case '&':
        return RI_BAND;
    case '|':
        return RI_BOR;
    case '~':
        return RI_BXOR;
    case RI_TOKEN_SHL:
        return RI_SHL;
    case RI_TOKEN_SHR:
        return RI_SHR;
    case RI_TOKEN_CONCAT:
        return RI_CONCAT;
    case RI_TOKEN_EQ:
        return RI_EQ;
    case RI_TOKEN_NE:
        return RI_NE;
    case '<':
        return RI_LT;
    case RI_TOKEN_LE:
        return RI_LE;
    case '>':
        return RI_GT;
    case RI_TOKEN_GE:
        return RI_GE;
    case RI_TOKEN_AND:
        return RI_AND;
    case RI_TOKEN_OR:
        return RI_OR;
    default:
        return RI_OPERATOR_COUNT;
    }
}

static RiOperator unary_operator(int token)
{
    switch (token) {
    case RI_TOKEN_NOT:
        return RI_NOT;
    case '-':
        return RI_UNM;
    case '~':
        return RI_BNOT;
    case '#':
        return RI_LEN;
    default:
        return RI_OPERATOR_COUNT;
    }
}

/* A comparison happens where its second operand ends, other operators where they stand, as in 5.4. */
static RiExpr *make_binary(RiUnit *unit, RiOperator op, RiExpr *left, RiExpr *right, uint32_t line)
{
    settle(left->kind == RI_EXPR_BINARY && left->op >= RI_AND ? left->right : left, line);
    if (ri_fold_binary(op, left, right)) {
        left->line = unit->lexer.last_line;
        left->op = 0;
        return left;
    }
    RiExpr *x = new_binary(unit, RI_EXPR_BINARY, op >= RI_EQ && op <= RI_GE ? unit->lexer.last_line : line, left, right);
    x->op = (uint8_t)op;
    return x;
}

static RiExpr *parse_operators(RiUnit *unit, unsigned limit)
{
    RiExpr *x;
    ri_unit_enter(unit);
    RiOperator op = unary_operator(kind(unit));
    if (op != RI_OPERATOR_COUNT) {
        uint32_t line = unit->lexer.line;
        next(unit);
        x = parse_operators(unit, UNARY_PRIORITY);
        if (!ri_fold_unary(op, x)) {
            x = new_binary(unit, RI_EXPR_UNARY, op == RI_NOT ? unit->lexer.last_line : line, x, NULL);
            x->op = (uint8_t)op;
        } else {
            x->op = 0;
        }
    } else {
        x = parse_simple(unit);
    }
    while ((op = binary_operator(kind(unit))) != RI_OPERATOR_COUNT && priorities[op].left > limit) {
        uint32_t line = unit->lexer.line;
        next(unit);
        RiExpr *right = parse_operators(unit, priorities[op].right);
        x = make_binary(unit, op, x, right, line);
    }
    ri_unit_leave(unit);
    return x;
}

static RiExpr *parse_expr(RiUnit *unit)
{
    return parse_operators(unit, 0);
}

/* -- Statements -------------------------------------------------------------------------------------------------- */

/* Does the current token end a block? "until" does, but its scope goes on. */
static bool ends_block(const RiUnit *unit, bool with_until)
{
    switch (kind(unit)) {
    case RI_TOKEN_ELSE:
    case RI_TOKEN_ELSEIF:
    case RI_TOKEN_END:
    case RI_TOKEN_EOS:
        return true;
    case RI_TOKEN_UNTIL:
        return with_until;
    default:
        return false;
    }
}

static void parse_statements(RiUnit *unit, RiBlock *block)
{
    while (!ends_block(unit, true)) {
        bool is_return = kind(unit) == RI_TOKEN_RETURN;
        parse_statement(unit, block);
        if (is_return)
            break;
    }
    block->end_line = unit->lexer.last_line;
}

static void parse_block(RiUnit *unit, RiBlock *block)
{
    RiScope scope;
    ri_scope_enter(unit, &scope, NULL);
    start_block(block);
    parse_statements(unit, block);
    ri_scope_leave(unit);
}

static RiBlock *parse_new_block(RiUnit *unit)
{
    RiBlock *block = ri_unit_new(unit, RiBlock);
    parse_block(unit, block);
    return block;
}

static void parse_if(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_IF, line);
    RiClause **last = &s->clauses;
    for (bool is_last = false; !is_last;) {
        RiClause *clause = ri_unit_new(unit, RiClause);
        clause->next = NULL;
        clause->condition = NULL;
        is_last = kind(unit) == RI_TOKEN_ELSE;
        next(unit); /* if, elseif, else */
        if (!is_last) {
            clause->condition = parse_expr(unit);
            expect(unit, RI_TOKEN_THEN);
            settle(clause->condition, unit->lexer.last_line);
        }
        clause->then_line = unit->lexer.last_line;
        parse_block(unit, &clause->body);
        *last = clause;
        last = &clause->next;
        if (kind(unit) != RI_TOKEN_ELSE && kind(unit) != RI_TOKEN_ELSEIF)
            is_last = true;
    }
    expect_match(unit, RI_TOKEN_END, RI_TOKEN_IF, line);
}

static void parse_while(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiScope scope;
    RiStat *s = new_stat(unit, block, RI_STAT_WHILE, line);
    next(unit);
    s->loop.values = parse_expr(unit);
    s->loop.end = ri_unit_new(unit, RiLabel);
    ri_scope_enter(unit, &scope, s->loop.end);
    s->loop.do_line = unit->lexer.last_line;
    expect(unit, RI_TOKEN_DO);
    s->loop.body = parse_new_block(unit);
    expect_match(unit, RI_TOKEN_END, RI_TOKEN_WHILE, line);
    s->end_line = unit->lexer.last_line;
    ri_scope_leave(unit);
}

static void parse_repeat(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiScope loop_scope, scope;
    RiStat *s = new_stat(unit, block, RI_STAT_REPEAT, line);
    s->loop.end = ri_unit_new(unit, RiLabel);
    ri_scope_enter(unit, &loop_scope, s->loop.end);
    ri_scope_enter(unit, &scope, NULL);
    next(unit);
    s->loop.body = ri_unit_new(unit, RiBlock);
    start_block(s->loop.body);
    parse_statements(unit, s->loop.body);
    expect_match(unit, RI_TOKEN_UNTIL, RI_TOKEN_REPEAT, line);
    s->loop.values = parse_expr(unit); /* sees the locals of the body */
    s->end_line = unit->lexer.last_line;
    ri_scope_leave(unit);
    ri_scope_leave(unit);
}

/* `do` block of a for loop; the variables from first on, the state among them, are declared. */
static void parse_for_body(RiUnit *unit, RiStat *s, uint32_t state_count)
{
    RiScope scope;
    uint32_t first = s->loop.first_var;
    ri_scope_activate(unit, first, state_count);
    if (s->kind == RI_STAT_FOR_IN)
        unit->function->scope->inside_to_close = true;
    expect(unit, RI_TOKEN_DO);
    s->loop.do_line = unit->lexer.last_line;
    ri_scope_enter(unit, &scope, NULL);
    ri_scope_activate(unit, first + state_count, s->loop.var_count - state_count);
    s->loop.body = parse_new_block(unit);
    ri_scope_leave(unit);
}

static void parse_for_number(RiUnit *unit, RiStat *s, RiString *name)
{
    s->kind = RI_STAT_FOR_NUMBER;
    s->loop.first_var = ri_scope_declare(unit, unit->state_name);
    ri_scope_declare(unit, unit->state_name);
    ri_scope_declare(unit, unit->state_name);
    ri_scope_declare(unit, name);
    s->loop.var_count = 4;
    next(unit); /* = */
    s->loop.values = parse_expr(unit);
    expect(unit, ',');
    RiExpr *limit = s->loop.values->next = parse_expr(unit);
    if (accept(unit, ','))
        limit->next = parse_expr(unit);
    parse_for_body(unit, s, 3);
}

static void parse_for_in(RiUnit *unit, RiStat *s, RiString *name)
{
    s->kind = RI_STAT_FOR_IN;
    s->loop.first_var = ri_scope_declare(unit, unit->state_name);
    for (int i = 0; i < 3; i++)
        ri_scope_declare(unit, unit->state_name);
    ri_scope_declare(unit, name);
    s->loop.var_count = 5;
    while (accept(unit, ',')) {
        ri_scope_declare(unit, expect_name(unit));
        s->loop.var_count++;
    }
    expect(unit, RI_TOKEN_IN);
    s->line = unit->lexer.line; /* the iterator is called where the expressions stand */
    s->loop.values = parse_expr_list(unit);
    parse_for_body(unit, s, 4);
}

static void parse_for(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiScope scope;
    RiStat *s = new_stat(unit, block, RI_STAT_FOR_IN, line);
    s->loop.end = ri_unit_new(unit, RiLabel);
    ri_scope_enter(unit, &scope, s->loop.end);
    next(unit);
    RiString *name = expect_name(unit);
    switch (kind(unit)) {
    case '=':
        parse_for_number(unit, s, name);
        break;
    case ',':
    case RI_TOKEN_IN:
        parse_for_in(unit, s, name);
        break;
    default:
        ri_lex_error(&unit->lexer, "'=' or 'in' expected");
    }
    expect_match(unit, RI_TOKEN_END, RI_TOKEN_FOR, line);
    s->end_line = unit->lexer.last_line;
    ri_scope_leave(unit);
}

static void parse_function_statement(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_ASSIGN, line);
    bool is_method = false;
    next(unit);
    check(unit, RI_TOKEN_NAME);
    RiExpr *target = parse_primary(unit);
    while (kind(unit) == '.')
        target = parse_field(unit, target);
    if (kind(unit) == ':') {
        is_method = true;
        target = parse_field(unit, target);
    }
    s->assign.targets = target;
    s->assign.values = parse_function_body(unit, is_method, line);
    s->end_line = line; /* the definition happens in its first line */
    ri_scope_check_assignable(unit, target);
}

/* -- Variables of a session: declaring them is assigning to upvalues ---------------------------------------------- */

static RiExpr *declare_in_session(RiUnit *unit, RiString *name, uint8_t kind, uint32_t line)
{
    uint32_t index = ri_scope_declare_in_session(unit, name, kind);
    RiExpr *x = new_expr(unit, RI_EXPR_UPVALUE, line, RI_EXPR_LEAF_SIZE);
    x->index = index;
    return x;
}

static void parse_session_function(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_ASSIGN, line);
    s->assign.targets = declare_in_session(unit, expect_name(unit), RI_VAR_REGULAR, line);
    s->assign.values = parse_function_body(unit, false, unit->lexer.line);
    s->end_line = unit->lexer.last_line;
}

/* The statement `s` has been parsed as a declaration of locals: let it declare variables of the session instead. They
 * were not in scope yet, so nothing refers to them. */
static void declare_local_in_session(RiUnit *unit, RiStat *s, uint32_t line)
{
    uint32_t first = s->local.first_var, count = s->local.var_count;
    RiExpr *values = s->local.values, *targets = NULL, **end = &targets;
    for (uint32_t i = first; i < first + count; i++) {
        const RiVar *v = &unit->vars.items[i];
        *end = declare_in_session(unit, v->name, v->kind == RI_VAR_REGULAR ? RI_VAR_REGULAR : RI_VAR_CONST, line);
        end = &(*end)->next;
    }
    unit->vars.count = first;
    s->kind = RI_STAT_ASSIGN;
    s->is_constant = false;
    s->assign.targets = targets;
    s->assign.values = values != NULL ? values : new_expr(unit, RI_EXPR_NIL, line, RI_EXPR_LEAF_SIZE);
    s->end_line = unit->lexer.last_line;
}

static void parse_local_function(RiUnit *unit, RiBlock *block, uint32_t line)
{
    if (ri_scope_is_session(unit)) {
        parse_session_function(unit, block, line);
        return;
    }
    RiStat *s = new_stat(unit, block, RI_STAT_LOCAL_FUNCTION, line);
    s->local.first_var = ri_scope_declare(unit, expect_name(unit));
    s->local.var_count = 1;
    ri_scope_activate(unit, s->local.first_var, 1);
    s->local.values = parse_function_body(unit, false, unit->lexer.line);
    s->end_line = unit->lexer.last_line;
}

static RiVarKind parse_attribute(RiUnit *unit)
{
    if (!accept(unit, '<'))
        return RI_VAR_REGULAR;
    RiString *name = expect_name(unit);
    expect(unit, '>');
    if (name->size == 5 && memcmp(ri_str_data(name), "const", 5) == 0)
        return RI_VAR_CONST;
    if (name->size == 5 && memcmp(ri_str_data(name), "close", 5) == 0)
        return RI_VAR_CLOSE;
    RiSbuf message;
    ri_sbuf_init(&message, unit->heap);
    ri_sbuf_add(&message, "unknown attribute '", 19);
    ri_sbuf_add_str(&message, name);
    ri_sbuf_add(&message, "'", 2);
    ri_lex_error_plain(&unit->lexer, message.data);
}

static void parse_local(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_LOCAL, line);
    uint32_t var;
    s->local.to_close = RI_NO_VAR;
    do {
        var = ri_scope_declare(unit, expect_name(unit));
        if (s->local.var_count++ == 0)
            s->local.first_var = var;
        RiVarKind var_kind = parse_attribute(unit);
        unit->vars.items[var].kind = (uint8_t)var_kind;
        if (var_kind == RI_VAR_CLOSE) {
            if (s->local.to_close != RI_NO_VAR)
                ri_lex_error_plain(&unit->lexer, "multiple to-be-closed variables in local list");
            s->local.to_close = var;
        }
    } while (accept(unit, ','));
    uint32_t count = 0;
    RiExpr *last = NULL;
    if (accept(unit, '=')) {
        s->local.values = parse_expr_list(unit);
        for (RiExpr *x = s->local.values; x != NULL; x = x->next) {
            last = x;
            count++;
        }
    }
    if (ri_scope_is_session(unit)) {
        if (s->local.to_close == RI_NO_VAR) {
            declare_local_in_session(unit, s, line);
            return;
        }
        unit->session->closed = unit->vars.items[s->local.to_close].name;
    }
    if (count == s->local.var_count && unit->vars.items[var].kind == RI_VAR_CONST && ri_expr_is_constant(last)) {
        unit->vars.items[var].kind = RI_VAR_COMPILE_TIME;
        unit->vars.items[var].value = ri_expr_value(last);
        s->is_constant = true;
    }
    ri_scope_activate(unit, s->local.first_var, s->local.var_count);
    if (s->local.to_close != RI_NO_VAR)
        unit->function->scope->inside_to_close = true;
    s->end_line = unit->lexer.last_line;
}

static void check_target(RiUnit *unit, const RiExpr *x)
{
    bool is_variable = x->kind >= RI_EXPR_LOCAL && x->kind <= RI_EXPR_INDEX;
    if (x->in_parens || !(is_variable || (ri_expr_is_constant(x) && x->op == RI_NAMED_CONSTANT)))
        ri_lex_error(&unit->lexer, "syntax error");
    ri_scope_check_assignable(unit, x);
}

static void parse_assignment(RiUnit *unit, RiBlock *block, RiExpr *target, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_ASSIGN, line);
    uint32_t level = unit->level;
    s->assign.targets = target;
    check_target(unit, target);
    while (accept(unit, ',')) {
        target = target->next = parse_suffixed(unit);
        ri_unit_enter(unit); /* 5.4 recurses here */
        check_target(unit, target);
    }
    expect(unit, '=');
    s->assign.values = parse_expr_list(unit);
    s->end_line = unit->lexer.last_line;
    unit->level = level;
}

static void parse_expr_statement(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiExpr *x = parse_suffixed(unit);
    if (kind(unit) == '=' || kind(unit) == ',') {
        parse_assignment(unit, block, x, line);
        return;
    }
    if ((x->kind != RI_EXPR_CALL && x->kind != RI_EXPR_METHOD) || x->in_parens)
        ri_lex_error(&unit->lexer, "syntax error");
    RiStat *s = new_stat(unit, block, RI_STAT_CALL, line);
    s->expr = x;
    s->end_line = unit->lexer.last_line;
}

static void parse_return(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_RETURN, line);
    next(unit);
    if (!ends_block(unit, true) && kind(unit) != ';')
        s->expr = parse_expr_list(unit);
    s->end_line = unit->lexer.last_line;
    accept(unit, ';');
}

static void parse_goto(RiUnit *unit, RiBlock *block, uint32_t line)
{
    RiStat *s = new_stat(unit, block, RI_STAT_JUMP, line);
    bool is_break = kind(unit) == RI_TOKEN_BREAK;
    next(unit);
    if (!is_break)
        line = unit->lexer.line;
    ri_scope_add_goto(unit, s, is_break ? NULL : expect_name(unit), line);
    s->end_line = unit->lexer.last_line;
}

static void parse_label(RiUnit *unit, RiBlock *block, uint32_t line)
{
    next(unit);
    RiString *name = expect_name(unit);
    expect(unit, RI_TOKEN_DBCOLON);
    while (kind(unit) == ';' || kind(unit) == RI_TOKEN_DBCOLON)
        parse_statement(unit, block); /* more of what does nothing */
    ri_scope_check_label(unit, name);
    RiStat *s = new_stat(unit, block, RI_STAT_LABEL, line);
    s->label = ri_scope_add_label(unit, name, line, ends_block(unit, false));
    s->end_line = unit->lexer.last_line;
}

static void parse_statement(RiUnit *unit, RiBlock *block)
{
    uint32_t line = unit->lexer.line;
    ri_unit_enter(unit);
    switch (kind(unit)) {
    case ';':
        next(unit);
        break;
    case RI_TOKEN_IF:
        parse_if(unit, block, line);
        break;
    case RI_TOKEN_WHILE:
        parse_while(unit, block, line);
        break;
    case RI_TOKEN_DO: {
        RiStat *s = new_stat(unit, block, RI_STAT_DO, line);
        next(unit);
        s->body = parse_new_block(unit);
        expect_match(unit, RI_TOKEN_END, RI_TOKEN_DO, line);
        break;
    }
    case RI_TOKEN_FOR:
        parse_for(unit, block, line);
        break;
    case RI_TOKEN_REPEAT:
        parse_repeat(unit, block, line);
        break;
    case RI_TOKEN_FUNCTION:
        parse_function_statement(unit, block, line);
        break;
    case RI_TOKEN_LOCAL:
        next(unit);
        if (accept(unit, RI_TOKEN_FUNCTION))
            parse_local_function(unit, block, line);
        else
            parse_local(unit, block, line);
        break;
    case RI_TOKEN_DBCOLON:
        parse_label(unit, block, line);
        break;
    case RI_TOKEN_RETURN:
        parse_return(unit, block, line);
        break;
    case RI_TOKEN_BREAK:
    case RI_TOKEN_GOTO:
        parse_goto(unit, block, line);
        break;
    default:
        parse_expr_statement(unit, block, line);
        break;
    }
    ri_unit_leave(unit);
}

/* -- Chunks ------------------------------------------------------------------------------------------------------ */

RiProto *ri_parse_chunk(RiUnit *unit)
{
    RiFunction function;
    RiScope scope;
    RiBlock body;
    ri_scope_open_function(unit, &function, 0);
    function.is_vararg = true;
    *ri_vec_push(unit->heap, &function.upvals, RI_VEC_POINTERS) =
        (RiUpvalDesc){.name = unit->env_name, .in_stack = 1, .index = 0, .kind = RI_VAR_REGULAR};
    ri_scope_enter(unit, &scope, NULL);
    next(unit);
    start_block(&body);
    parse_statements(unit, &body);
    check(unit, RI_TOKEN_EOS);
    ri_scope_leave(unit);
    RiProto *proto = ri_emit_function(unit, &body);
    ri_scope_close_function(unit);
    return proto;
}
