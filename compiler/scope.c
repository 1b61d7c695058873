/* Name resolution. A name is looked up in the stack of active variables of the function, then in its upvalues, then in
 * the functions around it, which makes upvalues on the way. */
#include "compiler/scope.h"

#include "compiler/compile.h"

#include <stdio.h>
#include <string.h>

static inline bool same_name(const RiString *a, const RiString *b)
{
    return a == b; /* equal names of a chunk are one string: ri_lex_string */
}

/* Throw a message with a name in it. */
RI_NORETURN static void name_error(RiUnit *unit, const char *before, const RiString *name, const char *after)
{
    RiSbuf text;
    ri_sbuf_init(&text, unit->heap);
    ri_sbuf_add(&text, before, strlen(before));
    ri_sbuf_add_str(&text, name);
    ri_sbuf_add(&text, after, strlen(after) + 1);
    ri_lex_error_plain(&unit->lexer, text.data);
}

void ri_unit_limit_error(RiUnit *unit, unsigned limit, const char *what)
{
    char message[120], where[40] = "main function";
    uint32_t line = unit->function->line_defined;
    if (line != 0)
        snprintf(where, sizeof where, "function at line %u", (unsigned)line);
    snprintf(message, sizeof message, "too many %s (limit is %u) in %s", what, limit, where);
    ri_lex_error(&unit->lexer, message);
}

void ri_unit_enter(RiUnit *unit)
{
    if (RI_UNLIKELY(++unit->level > RI_LEVELS_MAX))
        ri_diag_throw_depth(&unit->failure, unit->lexer.line, unit->lexer.token.start);
}

/* -- Functions and blocks ---------------------------------------------------------------------------------------- */

void ri_scope_open_function(RiUnit *unit, RiFunction *f, uint32_t line_defined)
{
    f->parent = unit->function;
    f->scope = NULL;
    f->var_base = unit->vars.count;
    f->active_base = unit->actives.count;
    f->label_base = unit->labels.count;
    f->goto_base = unit->gotos.count;
    f->constant_base = unit->constants.count;
    f->site_base = unit->sites.count;
    f->child_base = unit->children.count;
    f->slot_count = 0;
    f->line_defined = f->last_line = line_defined;
    f->param_count = 0;
    f->is_vararg = false;
    f->upvals.block = NULL;
    f->upvals.count = 0;
    ri_vec_start(&f->upvals, f->first_upvals);
    f->env.kind = RI_EXPR_NIL; /* not looked up yet */
    unit->function = f;
}

void ri_scope_close_function(RiUnit *unit)
{
    RiFunction *f = unit->function;
    ri_assert(unit->labels.count == f->label_base && unit->gotos.count == f->goto_base);
    unit->vars.count = f->var_base;
    unit->actives.count = f->active_base;
    unit->constants.count = f->constant_base;
    unit->sites.count = f->site_base;
    unit->children.count = f->child_base;
    if (unit->constant_hash_owner == f)
        unit->constant_hash_owner = NULL;
    unit->function = f->parent;
}

void ri_scope_enter(RiUnit *unit, RiScope *scope, RiLabel *loop_end)
{
    RiFunction *f = unit->function;
    scope->outer = f->scope;
    scope->active_count = unit->actives.count;
    scope->label_count = unit->labels.count;
    scope->goto_count = unit->gotos.count;
    scope->slot_count = f->slot_count;
    scope->loop_end = loop_end;
    scope->inside_to_close = scope->outer != NULL && scope->outer->inside_to_close;
    f->scope = scope;
    if (loop_end != NULL) {
        memset(loop_end, 0, sizeof *loop_end);
        loop_end->active_count = unit->actives.count;
        loop_end->depth = f->slot_count;
    }
}

RI_NORETURN static void undefined_goto_error(RiUnit *unit, const RiPendingGoto *g)
{
    char text[60];
    if (g->name == NULL) {
        snprintf(text, sizeof text, "break outside loop at line %u", (unsigned)g->line);
        ri_lex_error_plain(&unit->lexer, text);
    }
    snprintf(text, sizeof text, "' for <goto> at line %u", (unsigned)g->line);
    name_error(unit, "no visible label '", g->name, text);
}

void ri_scope_leave(RiUnit *unit)
{
    RiFunction *f = unit->function;
    RiScope *scope = f->scope;
    unit->actives.count = scope->active_count;
    unit->labels.count = scope->label_count;
    f->slot_count = scope->slot_count;
    f->scope = scope->outer;
    if (RI_LIKELY(unit->gotos.count == scope->goto_count))
        return;
    if (scope->outer == NULL)
        undefined_goto_error(unit, &unit->gotos.items[scope->goto_count]);
    for (uint32_t i = scope->goto_count; i < unit->gotos.count; i++)
        unit->gotos.items[i].active_count = scope->active_count;
}

/* -- Variables --------------------------------------------------------------------------------------------------- */

uint32_t ri_scope_declare(RiUnit *unit, RiString *name)
{
    RiFunction *f = unit->function;
    /* Declared and active ones count; variables out of scope do not. */
    uint32_t pending = 0;
    for (uint32_t i = unit->vars.count; i > f->var_base && unit->vars.items[i - 1].slot == UINT32_MAX; i--)
        pending++;
    if (RI_UNLIKELY(unit->actives.count - f->active_base + pending >= RI_LOCALS_MAX))
        ri_unit_limit_error(unit, RI_LOCALS_MAX, "local variables");
    RiVar *v = ri_vec_push(unit->heap, &unit->vars, RI_VEC_POINTERS);
    v->name = name;
    v->slot = UINT32_MAX;
    v->kind = RI_VAR_REGULAR;
    v->is_captured = false;
    v->value = ri_nil();
    return unit->vars.count - 1;
}

void ri_scope_activate(RiUnit *unit, uint32_t first, uint32_t count)
{
    RiFunction *f = unit->function;
    for (uint32_t i = first; i < first + count; i++) {
        RiVar *v = &unit->vars.items[i];
        v->slot = v->kind == RI_VAR_COMPILE_TIME ? f->slot_count : f->slot_count++;
        RiActive *a = ri_vec_push(unit->heap, &unit->actives, RI_VEC_POINTERS);
        a->name = v->name;
        a->var = i;
    }
}

static bool find_local(const RiUnit *unit, const RiFunction *f, uint32_t active_end, const RiString *name, uint32_t *var)
{
    const RiActive *a = unit->actives.items;
    for (uint32_t i = active_end; i > f->active_base; i--) {
        if (same_name(a[i - 1].name, name)) {
            *var = a[i - 1].var;
            return true;
        }
    }
    return false;
}

static bool find_upvalue(const RiFunction *f, const RiString *name, uint32_t *index)
{
    for (uint32_t i = f->upvals.count; i > 0; i--) { /* a session's main function may have several of a name */
        if (same_name(f->upvals.items[i - 1].name, name)) {
            *index = i - 1;
            return true;
        }
    }
    return false;
}

static uint32_t add_upvalue(RiUnit *unit, RiFunction *f, RiString *name, bool in_stack, uint32_t index, uint8_t kind)
{
    if (RI_UNLIKELY(f->upvals.count >= RI_UPVALUES_MAX)) {
        unit->function = f; /* the message names this one */
        ri_unit_limit_error(unit, RI_UPVALUES_MAX, "upvalues");
    }
    RiUpvalDesc *u = ri_vec_push(unit->heap, &f->upvals, RI_VEC_POINTERS);
    u->name = name;
    u->in_stack = in_stack;
    u->index = (uint8_t)index;
    u->kind = kind;
    return f->upvals.count - 1;
}

/* -- Variables of the session ------------------------------------------------------------------------------------- */

/* Make variable number `var` of the session an upvalue of the main function. */
static uint32_t add_session_upvalue(RiUnit *unit, RiFunction *f, RiString *name, uint32_t var)
{
    uint32_t index = add_upvalue(unit, f, name, true, 0, unit->session->vars.items[var].kind);
    unit->session->upvals[index] = var;
    return index;
}

static bool find_session_variable(RiUnit *unit, RiFunction *f, RiString *name, uint32_t *index)
{
    const RiSession *session = unit->session;
    if (session == NULL || f->parent != NULL)
        return false;
    for (uint32_t i = session->vars.count; i > 0; i--) {
        if (ri_str_equal(session->vars.items[i - 1].name, name)) {
            *index = add_session_upvalue(unit, f, name, i - 1);
            return true;
        }
    }
    return false;
}

bool ri_scope_is_session(const RiUnit *unit)
{
    return unit->session != NULL && unit->function->parent == NULL && unit->function->scope->outer == NULL;
}

uint32_t ri_scope_declare_in_session(RiUnit *unit, RiString *name, uint8_t kind)
{
    RiSession *session = unit->session;
    RiSessionVar *v = ri_vec_push(unit->heap, &session->vars, RI_VEC_POINTERS);
    v->name = name;
    v->cell = NULL;
    v->kind = kind;
    return add_session_upvalue(unit, unit->function, name, session->vars.count - 1);
}

typedef enum Meaning { MEANS_NOTHING, MEANS_LOCAL, MEANS_CONSTANT, MEANS_UPVALUE } Meaning;

/* What `name` is for the function f, whose active variables end at `active_end`. */
static Meaning find(RiUnit *unit, RiFunction *f, uint32_t active_end, RiString *name, uint32_t *index)
{
    if (f == NULL)
        return MEANS_NOTHING;
    if (find_local(unit, f, active_end, name, index))
        return unit->vars.items[*index].kind == RI_VAR_COMPILE_TIME ? MEANS_CONSTANT : MEANS_LOCAL;
    if (find_upvalue(f, name, index) || find_session_variable(unit, f, name, index))
        return MEANS_UPVALUE;
    Meaning outside = find(unit, f->parent, f->active_base, name, index);
    if (outside == MEANS_LOCAL) {
        RiVar *v = &unit->vars.items[*index];
        v->is_captured = true;
        *index = add_upvalue(unit, f, name, true, v->slot, v->kind);
        return MEANS_UPVALUE;
    }
    if (outside == MEANS_UPVALUE)
        *index = add_upvalue(unit, f, name, false, *index, f->parent->upvals.items[*index].kind);
    return outside;
}

static RiExpr *known_variable(RiUnit *unit, Meaning meaning, uint32_t index, uint32_t line)
{
    RiExpr *x = ri_arena_alloc(&unit->arena, meaning == MEANS_CONSTANT ? RI_EXPR_BINARY_SIZE : RI_EXPR_LEAF_SIZE);
    x->kind = meaning == MEANS_UPVALUE ? RI_EXPR_UPVALUE : RI_EXPR_LOCAL;
    x->op = 0;
    x->in_parens = false;
    x->line = line;
    x->next = NULL;
    x->index = index;
    if (meaning == MEANS_CONSTANT) {
        x->op = RI_NAMED_CONSTANT;
        x->string = unit->vars.items[index].name;
        ri_expr_set_value(x, unit->vars.items[index].value);
    }
    return x;
}

static RiExpr *environment(RiUnit *unit, uint32_t line)
{
    RiFunction *f = unit->function;
    uint32_t index;
    Meaning meaning = find(unit, f, unit->actives.count, unit->env_name, &index);
    if (meaning != MEANS_UPVALUE)
        return known_variable(unit, meaning, index, line);
    f->env = (RiExpr){.kind = RI_EXPR_UPVALUE, .line = line, .index = index};
    return &f->env;
}

RiExpr *ri_scope_resolve(RiUnit *unit, RiString *name, uint32_t line)
{
    uint32_t index;
    Meaning meaning = find(unit, unit->function, unit->actives.count, name, &index);
    if (meaning != MEANS_NOTHING)
        return known_variable(unit, meaning, index, line);
    RiExpr *env = environment(unit, line);
    RiExpr *x = ri_arena_alloc(&unit->arena, RI_EXPR_BINARY_SIZE);
    x->kind = RI_EXPR_FIELD;
    x->in_parens = false;
    x->line = line;
    x->next = NULL;
    x->left = env;
    x->string = name;
    return x;
}

void ri_scope_check_assignable(RiUnit *unit, const RiExpr *x)
{
    const RiString *name = NULL;
    if (x->kind == RI_EXPR_LOCAL) {
        const RiVar *v = &unit->vars.items[x->index];
        if (v->kind != RI_VAR_REGULAR)
            name = v->name;
    } else if (x->kind == RI_EXPR_UPVALUE) {
        const RiUpvalDesc *u = &unit->function->upvals.items[x->index];
        if (u->kind != RI_VAR_REGULAR)
            name = u->name;
    } else if (ri_expr_is_constant(x) && x->op == RI_NAMED_CONSTANT) {
        name = x->string;
    }
    if (name != NULL)
        name_error(unit, "attempt to assign to const variable '", name, "'");
}

/* -- Labels ------------------------------------------------------------------------------------------------------ */

static RiLabel *find_label(const RiUnit *unit, const RiString *name)
{
    for (uint32_t i = unit->function->label_base; i < unit->labels.count; i++) {
        if (same_name(unit->labels.items[i]->name, name))
            return unit->labels.items[i];
    }
    return NULL;
}

void ri_scope_check_label(RiUnit *unit, RiString *name)
{
    const RiLabel *label = find_label(unit, name);
    if (label != NULL) {
        char text[60];
        snprintf(text, sizeof text, "' already defined on line %u", (unsigned)label->line);
        name_error(unit, "label '", name, text);
    }
}

RI_NORETURN static void jump_into_scope_error(RiUnit *unit, const RiPendingGoto *g)
{
    RiSbuf text;
    char middle[80];
    const RiString *variable = unit->actives.items[g->active_count].name;
    ri_sbuf_init(&text, unit->heap);
    ri_sbuf_add(&text, "<goto ", 6);
    ri_sbuf_add_str(&text, g->name);
    int size = snprintf(middle, sizeof middle, "> at line %u jumps into the scope of local '", (unsigned)g->line);
    ri_sbuf_add(&text, middle, (size_t)size);
    ri_sbuf_add_str(&text, variable);
    ri_sbuf_add(&text, "'", 2);
    ri_lex_error_plain(&unit->lexer, text.data);
}

RiLabel *ri_scope_add_label(RiUnit *unit, RiString *name, uint32_t line, bool at_block_end)
{
    RiFunction *f = unit->function;
    RiLabel *label = ri_unit_new(unit, RiLabel);
    memset(label, 0, sizeof *label);
    label->name = name;
    label->line = line;
    label->at_block_end = at_block_end;
    label->active_count = at_block_end ? f->scope->active_count : unit->actives.count;
    label->depth = at_block_end ? f->scope->slot_count : f->slot_count;
    *ri_vec_push(unit->heap, &unit->labels, RI_VEC_POINTERS) = label;
    /* Gotos of this block, or of blocks inside it, that were waiting. */
    uint32_t kept = f->scope->goto_count;
    for (uint32_t i = kept; i < unit->gotos.count; i++) {
        RiPendingGoto *g = &unit->gotos.items[i];
        if (g->name == NULL || !same_name(g->name, name)) {
            unit->gotos.items[kept++] = *g;
            continue;
        }
        if (g->active_count < label->active_count)
            jump_into_scope_error(unit, g);
        g->stat->label = label;
    }
    unit->gotos.count = kept;
    return label;
}

void ri_scope_add_goto(RiUnit *unit, RiStat *stat, RiString *name, uint32_t line)
{
    if (name == NULL) {
        for (const RiScope *s = unit->function->scope; s != NULL; s = s->outer) {
            if (s->loop_end != NULL) {
                stat->label = s->loop_end;
                return;
            }
        }
    } else if ((stat->label = find_label(unit, name)) != NULL) {
        return;
    }
    RiPendingGoto *g = ri_vec_push(unit->heap, &unit->gotos, RI_VEC_POINTERS);
    *g = (RiPendingGoto){.stat = stat, .name = name, .line = line, .active_count = unit->actives.count};
}
