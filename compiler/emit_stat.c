/* Statements and functions. Between statements the stack holds the local variables in scope and nothing else. */
#include "compiler/emit.h"

static void emit_statements(RiUnit *unit, const RiBlock *block);

static inline RiCode *code_of(RiUnit *unit)
{
    return &unit->code;
}

/* -- Variables and blocks ---------------------------------------------------------------------------------------- */

/* A variable's value has been put in place: from here on it has a name. */
static void open_variable(RiUnit *unit, uint32_t var)
{
    const RiVar *v = &unit->vars.items[var];
    if (v->kind != RI_VAR_COMPILE_TIME)
        ri_code_open_local(unit, v->slot, v->name);
}

static void make_cell(RiUnit *unit, uint32_t var)
{
    const RiVar *v = &unit->vars.items[var];
    if (v->is_captured) {
        ri_code_put_abc(unit, RI_OP_NEWCELL, ri_code_use(unit, v->slot), 0, 0, 0);
        ri_code_float(unit);
    }
}

static void open_variables(RiUnit *unit, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        open_variable(unit, i);
    for (uint32_t i = first; i < first + count; i++)
        make_cell(unit, i);
}

static bool has_to_close(const RiUnit *unit, uint32_t slot)
{
    const RiCode *code = &unit->code;
    return code->to_close_count > 0 && code->to_close[code->to_close_count - 1] >= slot;
}

/* Control leaves towards a place with `depth` slots, by an instruction that drops the rest itself if `drops`. */
static void leave_to(RiUnit *unit, uint32_t depth, bool drops)
{
    RiCode *code = code_of(unit);
    if (has_to_close(unit, depth)) {
        uint32_t lowest = code->to_close_count - 1;
        while (lowest > 0 && code->to_close[lowest - 1] >= depth)
            lowest--;
        ri_code_put_abc(unit, RI_OP_CLOSE, code->to_close[lowest], 0, 0, 0);
    }
    if (!drops)
        ri_emit_pop(unit, code->depth - depth);
}

/* The block's variables, in slots from `depth` on, go out of scope. */
static void close_block(RiUnit *unit, uint32_t depth, bool drops)
{
    RiCode *code = code_of(unit);
    if (!ri_code_is_dead(unit))
        leave_to(unit, depth, drops);
    ri_code_close_locals(unit, depth);
    while (has_to_close(unit, depth))
        code->to_close_count--;
    code->depth = depth;
}

static void emit_block(RiUnit *unit, const RiBlock *block, bool drops)
{
    uint32_t depth = code_of(unit)->depth;
    emit_statements(unit, block);
    unit->code.line = block->end_line;
    close_block(unit, depth, drops);
}

/* -- Jumps ------------------------------------------------------------------------------------------------------- */

static void emit_jump(RiUnit *unit, RiLabel *label)
{
    RiCode *code = code_of(unit);
    uint32_t depth = code->depth;
    leave_to(unit, label->depth, label->placed);
    if (label->placed) { /* backwards: a safe point */
        ri_code_branch_to(unit, ri_word_abc(RI_OP_LOOP, label->depth, 0, 0), 0, label->pc);
        ri_code_set_dead(unit);
    } else {
        ri_code_jump(unit, &label->jumps);
    }
    code->depth = depth; /* of what follows, which only a label can reach */
}

static void emit_label(RiUnit *unit, RiLabel *label)
{
    RiCode *code = code_of(unit);
    if (label->at_block_end)
        close_block(unit, label->depth, false);
    ri_assert(code->depth == label->depth);
    ri_code_patch_here(unit, &label->jumps);
    label->pc = ri_code_label(unit);
    label->placed = true;
}

/* Where break leads to. */
static void emit_loop_end(RiUnit *unit, RiLabel *label)
{
    ri_assert(code_of(unit)->depth == label->depth);
    ri_code_patch_here(unit, &label->jumps);
}

/* The jump that is all of this block, if it needs nothing but jumping forwards from here. */
static RiLabel *plain_jump(const RiUnit *unit, const RiBlock *block)
{
    const RiStat *s = block->first;
    if (s == NULL || s->kind != RI_STAT_JUMP || s->next != NULL || s->label->placed)
        return NULL;
    return s->label->depth == unit->code.depth && !has_to_close(unit, s->label->depth) ? s->label : NULL;
}

static void emit_condition(RiUnit *unit, RiExpr *condition, uint32_t line, bool sense, uint32_t *list)
{
    unit->code.line = unit->code.test_line = line;
    ri_emit_branch(unit, condition, sense, list);
    unit->code.test_line = 0;
}

static void emit_if(RiUnit *unit, const RiStat *s)
{
    uint32_t end = RI_NO_JUMP;
    for (RiClause *c = s->clauses; c != NULL; c = c->next) {
        uint32_t otherwise = RI_NO_JUMP;
        RiLabel *target = plain_jump(unit, &c->body);
        if (c->condition != NULL && target != NULL) {
            emit_condition(unit, c->condition, c->then_line, true, &target->jumps);
            continue;
        }
        if (c->condition != NULL)
            emit_condition(unit, c->condition, c->then_line, false, &otherwise);
        emit_block(unit, &c->body, false);
        if (c->next != NULL && !ri_code_is_dead(unit))
            ri_code_jump(unit, &end);
        ri_code_patch_here(unit, &otherwise);
    }
    ri_code_patch_here(unit, &end);
}

/* -- Loops ------------------------------------------------------------------------------------------------------- */

static void put_loop(RiUnit *unit, uint32_t depth, uint32_t top)
{
    ri_code_branch_to(unit, ri_word_abc(RI_OP_LOOP, depth, 0, 0), 0, top);
    ri_code_set_dead(unit);
}

static void emit_while(RiUnit *unit, const RiStat *s)
{
    uint32_t depth = code_of(unit)->depth, end = RI_NO_JUMP;
    uint64_t outer_used;
    uint32_t top = ri_code_label(unit);
    uint32_t loop = ri_code_begin_loop(unit, &outer_used);
    emit_condition(unit, s->loop.values, s->loop.do_line, false, &end);
    emit_block(unit, s->loop.body, true);
    if (!ri_code_is_dead(unit))
        put_loop(unit, depth, top);
    ri_code_end_loop(unit, loop, outer_used);
    ri_code_patch_here(unit, &end);
    emit_loop_end(unit, s->loop.end);
}

/* The condition sees the variables of the body; they are closed on both ways out of it. */
static void emit_repeat(RiUnit *unit, const RiStat *s)
{
    uint32_t depth = code_of(unit)->depth, end = RI_NO_JUMP;
    uint64_t outer_used;
    uint32_t top = ri_code_label(unit);
    uint32_t loop = ri_code_begin_loop(unit, &outer_used);
    emit_statements(unit, s->loop.body);
    if (!ri_code_is_dead(unit) && !ri_emit_is_always(s->loop.values, true)) {
        emit_condition(unit, s->loop.values, s->end_line, true, &end);
        leave_to(unit, depth, true);
        put_loop(unit, depth, top);
    }
    ri_code_end_loop(unit, loop, outer_used);
    ri_code_patch_here(unit, &end);
    unit->code.line = s->end_line;
    close_block(unit, depth, false);
    emit_loop_end(unit, s->loop.end);
}

static void emit_for_number(RiUnit *unit, const RiStat *s)
{
    RiCode *code = code_of(unit);
    uint32_t depth = code->depth, end = RI_NO_JUMP, first = s->loop.first_var;
    uint64_t outer_used;
    for (RiExpr *x = s->loop.values; x != NULL; x = x->next)
        ri_emit_push(unit, x);
    if (code->depth == depth + 2)
        ri_code_put_e(unit, RI_OP_LOADINT, 1, 1);
    for (uint32_t i = 0; i < 3; i++)
        open_variable(unit, first + i);
    unit->code.line = s->loop.do_line;
    ri_code_branch(unit, ri_word_abc(RI_OP_FORPREP, depth, 0, 0), 1, &end);
    uint32_t top = ri_code_label(unit);
    uint32_t loop = ri_code_begin_loop(unit, &outer_used);
    for (uint32_t i = 0; i < 4; i++)
        ri_code_use(unit, depth + i);
    open_variables(unit, first + 3, 1);
    emit_block(unit, s->loop.body, true);
    ri_code_close_locals(unit, depth + 3);
    code->depth = depth;
    unit->code.line = s->line;
    if (!ri_code_is_dead(unit))
        ri_code_branch_to(unit, ri_word_abc(RI_OP_FORLOOP, depth, 0, 0), 0, top);
    ri_code_end_loop(unit, loop, outer_used);
    ri_code_close_locals(unit, depth);
    ri_code_patch_here(unit, &end);
    emit_loop_end(unit, s->loop.end);
}

static void emit_for_in(RiUnit *unit, const RiStat *s)
{
    RiCode *code = code_of(unit);
    uint32_t depth = code->depth, enter = RI_NO_JUMP;
    uint32_t first = s->loop.first_var, count = s->loop.var_count - 4;
    uint64_t outer_used;
    s->loop.end->depth = depth + 4; /* break comes to where the closing value is closed */
    ri_emit_push_list(unit, s->loop.values, 4);
    for (uint32_t i = 0; i < 4; i++)
        open_variable(unit, first + i);
    unit->code.line = s->loop.do_line;
    ri_code_branch(unit, ri_word_abc(RI_OP_TFORPREP, depth, 0, 0), 0, &enter);
    code->to_close[code->to_close_count++] = depth + 3;
    uint32_t top = ri_code_label(unit);
    uint32_t loop = ri_code_begin_loop(unit, &outer_used);
    for (uint32_t i = 0; i < 4; i++)
        ri_code_use(unit, depth + i);
    code->depth = depth + 4 + count;
    if (code->depth_max < depth + 8) /* the iterator, its link and arguments */
        code->depth_max = depth + 8;
    if (code->depth_max < code->depth)
        code->depth_max = code->depth;
    open_variables(unit, first + 4, count);
    emit_block(unit, s->loop.body, true);
    ri_code_close_locals(unit, depth + 4);
    unit->code.line = s->line;
    code->depth = depth + 4; /* TFORCALL drops the variables itself */
    ri_code_patch_here(unit, &enter);
    ri_code_put_abc(unit, RI_OP_TFORCALL, depth, count, 0, 0);
    ri_code_branch_to(unit, ri_word_abc(RI_OP_TFORLOOP, depth, count, 0), 0, top);
    ri_code_end_loop(unit, loop, outer_used);
    emit_loop_end(unit, s->loop.end);
    unit->code.line = s->end_line;
    close_block(unit, depth, false);
}

/* -- Local variables --------------------------------------------------------------------------------------------- */

static void emit_local(RiUnit *unit, const RiStat *s)
{
    RiCode *code = code_of(unit);
    uint32_t count = s->local.var_count - s->is_constant, slot = code->depth;
    RiExpr *values = s->local.values;
    code->line = s->line;
    if (s->is_constant) { /* the last value is not computed */
        for (uint32_t i = 0; i < count; i++, values = values->next)
            ri_emit_push(unit, values);
    } else {
        ri_emit_push_list(unit, values, count);
    }
    ri_assert(code->depth == slot + count);
    code->line = s->end_line;
    for (uint32_t i = 0; i < count; i++)
        open_variable(unit, s->local.first_var + i);
    if (s->local.to_close != RI_NO_VAR) {
        slot = unit->vars.items[s->local.to_close].slot;
        ri_code_put_abc(unit, RI_OP_TBC, slot, 0, 0, 0);
        code->to_close[code->to_close_count++] = slot;
    }
    for (uint32_t i = 0; i < count; i++)
        make_cell(unit, s->local.first_var + i);
}

static void emit_local_function(RiUnit *unit, const RiStat *s)
{
    const RiVar *v = &unit->vars.items[s->local.first_var];
    unit->code.line = s->local.values->line;
    if (v->is_captured) {
        ri_code_put_abc(unit, RI_OP_LOADNIL, 1, 0, 0, 1);
        ri_code_put_abc(unit, RI_OP_NEWCELL, v->slot, 0, 0, 0);
        ri_emit_push(unit, s->local.values);
        ri_code_put_abc(unit, RI_OP_SETCELL, ri_code_use(unit, v->slot), 0, 0, -1);
    } else {
        ri_emit_push(unit, s->local.values);
    }
    open_variable(unit, s->local.first_var); /* debug information sees it from here on, as in 5.4 */
}

/* -- Assignment -------------------------------------------------------------------------------------------------- */

/* Pop the top of the stack into a variable. */
static void store_to_variable(RiUnit *unit, const RiExpr *target)
{
    if (target->kind == RI_EXPR_UPVALUE) {
        ri_code_put_abc(unit, RI_OP_SETUPVAL, target->index, 0, 0, -1);
    } else {
        const RiVar *v = &unit->vars.items[target->index];
        RiOpcode op = v->is_captured ? RI_OP_SETCELL : RI_OP_SETLOCAL;
        ri_code_put_abc(unit, op, ri_code_use(unit, v->slot), 0, 0, -1);
    }
}

static void assign_slot(RiUnit *unit, const RiStat *s, RiExpr *value)
{
    unsigned slot = ri_emit_slot(unit, s->assign.targets);
    if (ri_emit_arith_to_slot(unit, slot, value))
        return;
    unit->code.line = s->end_line;
    if (ri_emit_is_slot(unit, value)) {
        ri_code_put_abc(unit, RI_OP_MOVELOCAL, slot, ri_emit_slot(unit, value), 0, 0);
        return;
    }
    if (value->kind == RI_EXPR_INT && value->integer >= INT16_MIN && value->integer <= INT16_MAX) {
        ri_code_put_ad(unit, RI_OP_SETLOCALI, slot, (unsigned)value->integer, 0);
        return;
    }
    if (ri_expr_is_constant(value)) {
        uint32_t k = ri_code_constant(unit, ri_expr_value(value));
        if (k <= RI_WIDE_OPERAND_MAX) {
            ri_code_put_ad(unit, RI_OP_SETLOCALK, slot, k, 0);
            return;
        }
    }
    ri_emit_push(unit, value);
    unit->code.line = s->end_line;
    ri_code_put_abc(unit, RI_OP_SETLOCAL, slot, 0, 0, -1);
}

static void assign_field(RiUnit *unit, const RiStat *s, RiExpr *target, RiString *name, RiExpr *value)
{
    bool is_upvalue = target->left->kind == RI_EXPR_UPVALUE;
    if ((is_upvalue || ri_emit_is_slot(unit, target->left)) && ri_emit_has_site(unit)) {
        unsigned a = is_upvalue ? target->left->index : ri_emit_slot(unit, target->left);
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        ri_code_put_ad(unit, is_upvalue ? RI_OP_SETFIELD_U : RI_OP_SETFIELD_L, a, ri_emit_site(unit, name), -1);
        return;
    }
    bool is_late = ri_emit_reads_late(unit, target->left, value);
    if (!is_late)
        ri_emit_push(unit, target->left);
    ri_emit_push(unit, value);
    if (is_late) {
        ri_emit_push(unit, target->left);
        ri_code_put(unit, RI_OP_SWAP, 0);
    }
    unit->code.line = s->end_line;
    ri_code_put_e(unit, RI_OP_SETFIELD, (int32_t)ri_emit_site(unit, name), -2);
}

/* The key of an indexed target; of a field with a name that is too long for one, the name, made in *constant. */
static RiExpr *index_key(const RiExpr *target, RiExpr *constant)
{
    if (target->kind == RI_EXPR_INDEX)
        return target->right;
    *constant = (RiExpr){.kind = RI_EXPR_STRING, .line = target->line, .leaf_string = target->string};
    return constant;
}

static bool is_short_int(const RiExpr *x)
{
    return x->kind == RI_EXPR_INT && x->integer >= INT16_MIN && x->integer <= INT16_MAX;
}

/* Read a variable into a slot of the operand stack. */
static void read_into(RiUnit *unit, RiExpr *variable, uint32_t slot)
{
    ri_emit_push(unit, variable);
    ri_code_put_abc(unit, RI_OP_SETLOCAL, slot, 0, 0, -1);
    ri_code_note_slot(unit, 'a', slot);
}

/* Object or key, or both, are variables to be read after `value` has been evaluated: their room is made first. */
static void assign_index_late(RiUnit *unit, const RiStat *s, RiExpr *object, RiExpr *key, RiExpr *value)
{
    bool late_object = ri_emit_reads_late(unit, object, value), late_key = ri_emit_reads_late(unit, key, value);
    uint32_t slot = unit->code.depth;
    if (slot + 1 > RI_SLOT_OPERAND_MAX)
        ri_lex_error(&unit->lexer, "function or expression needs too many registers");
    if (late_object)
        ri_code_put_abc(unit, RI_OP_LOADNIL, 1, 0, 0, 1);
    else
        ri_emit_push(unit, object);
    if (late_key)
        ri_code_put_abc(unit, RI_OP_LOADNIL, 1, 0, 0, 1);
    else
        ri_emit_push(unit, key);
    ri_emit_push(unit, value);
    if (late_object)
        read_into(unit, object, slot);
    if (late_key)
        read_into(unit, key, slot + 1);
    unit->code.line = s->end_line;
    ri_code_put(unit, RI_OP_SETINDEX, -3);
}

static void assign_index(RiUnit *unit, const RiStat *s, RiExpr *target, RiExpr *value)
{
    RiExpr constant, *object = target->left, *key = index_key(target, &constant);
    if (ri_emit_reads_late(unit, object, value) || ri_emit_reads_late(unit, key, value)) {
        assign_index_late(unit, s, object, key, value);
        return;
    }
    if (!ri_emit_is_slot(unit, object)) {
        ri_emit_push_indexed(unit, object, key);
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        ri_code_put(unit, RI_OP_SETINDEX, -3);
        return;
    }
    unsigned slot = ri_emit_slot(unit, object);
    if (ri_emit_is_slot(unit, key)) {
        unsigned key_slot = ri_emit_slot(unit, key);
        if (ri_emit_is_slot(unit, value)) {
            unit->code.line = s->end_line;
            ri_code_put_abc(unit, RI_OP_SETINDEX_LLL, slot, key_slot, ri_emit_slot(unit, value), 0);
            return;
        }
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        ri_code_put_abc(unit, RI_OP_SETINDEX_LL, slot, key_slot, 0, -1);
    } else if (is_short_int(key)) {
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        ri_code_put_ad(unit, RI_OP_SETINDEX_LI, slot, (unsigned)key->integer, -1);
    } else {
        ri_emit_push(unit, key);
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        ri_code_put_abc(unit, RI_OP_SETINDEX_OL, slot, 0, 0, -2);
    }
}

static void assign_one(RiUnit *unit, const RiStat *s, RiExpr *target, RiExpr *value)
{
    RiString *name = ri_emit_field_name(target);
    if (name != NULL) {
        assign_field(unit, s, target, name, value);
    } else if (target->kind >= RI_EXPR_FIELD) {
        assign_index(unit, s, target, value);
    } else if (ri_emit_is_slot(unit, target)) {
        assign_slot(unit, s, value);
    } else {
        ri_emit_push(unit, value);
        unit->code.line = s->end_line;
        store_to_variable(unit, target);
    }
}

/* Where the parts of a target of a multiple assignment are kept while the values are computed: variables that the
 * statement does not assign stay where they are, everything else is pushed and named by its slot. */
typedef struct Target {
    RiExpr *expr;
    RiExpr *late_object, *late_key; /* captured variables, to be read again when the values are there; or NULL */
    uint32_t object, key; /* slots; or the index of an upvalue */
    bool is_upvalue;
} Target;

static bool assigns(const RiStat *s, const RiExpr *variable)
{
    for (const RiExpr *t = s->assign.targets; t != NULL; t = t->next) {
        if (t->kind == variable->kind && t->index == variable->index)
            return true;
    }
    return false;
}

/* x, if it is a variable that the statement's values may assign to. */
static RiExpr *late_operand(const RiUnit *unit, const RiStat *s, RiExpr *x)
{
    if (x->kind != RI_EXPR_LOCAL || assigns(s, x))
        return NULL;
    for (const RiExpr *value = s->assign.values; value != NULL; value = value->next) {
        if (ri_emit_reads_late(unit, x, value))
            return x;
    }
    return NULL;
}

static uint32_t keep_operand(RiUnit *unit, const RiStat *s, RiExpr *x)
{
    if (ri_emit_is_slot(unit, x) && !assigns(s, x))
        return ri_emit_slot(unit, x);
    ri_emit_push(unit, x);
    uint32_t slot = unit->code.depth - 1;
    if (slot > RI_SLOT_OPERAND_MAX)
        ri_lex_error(&unit->lexer, "function or expression needs too many registers");
    return slot;
}

static void prepare_target(RiUnit *unit, const RiStat *s, Target *t)
{
    RiExpr constant, *x = t->expr;
    if (x->kind < RI_EXPR_FIELD)
        return;
    bool is_name = ri_emit_field_name(x) != NULL;
    t->is_upvalue = is_name && x->left->kind == RI_EXPR_UPVALUE && !assigns(s, x->left) && ri_emit_has_site(unit);
    if (t->is_upvalue) {
        t->object = x->left->index;
        return;
    }
    t->object = keep_operand(unit, s, x->left);
    t->late_object = late_operand(unit, s, x->left);
    if (!(is_name && ri_emit_has_site(unit)) && !(x->kind == RI_EXPR_INDEX && is_short_int(x->right))) {
        RiExpr *key = index_key(x, &constant);
        t->key = keep_operand(unit, s, key);
        t->late_key = late_operand(unit, s, key);
    } else {
        t->key = UINT32_MAX;
    }
}

/* Pop the top of the stack into the target. */
static void store_to_target(RiUnit *unit, const Target *t)
{
    const RiExpr *x = t->expr;
    if (x->kind < RI_EXPR_FIELD) {
        store_to_variable(unit, x);
    } else if (!t->is_upvalue && t->key != UINT32_MAX) {
        ri_code_put_abc(unit, RI_OP_SETINDEX_LL, t->object, t->key, 0, -1);
    } else if (x->kind == RI_EXPR_INDEX && is_short_int(x->right)) {
        ri_code_put_ad(unit, RI_OP_SETINDEX_LI, t->object, (unsigned)x->right->integer, -1);
    } else {
        uint32_t site = ri_emit_site(unit, ri_emit_field_name(x));
        ri_code_put_ad(unit, t->is_upvalue ? RI_OP_SETFIELD_U : RI_OP_SETFIELD_L, t->object, site, -1);
    }
}

/* Values are stored from the last to the first, as in 5.4. */
static void assign_many(RiUnit *unit, const RiStat *s)
{
    uint32_t count = 0, depth = unit->code.depth;
    for (const RiExpr *t = s->assign.targets; t != NULL; t = t->next)
        count++;
    Target *targets = ri_arena_alloc(&unit->arena, count * sizeof(Target));
    count = 0;
    for (RiExpr *t = s->assign.targets; t != NULL; t = t->next, count++) {
        targets[count] = (Target){.expr = t};
        prepare_target(unit, s, &targets[count]);
    }
    ri_emit_push_list(unit, s->assign.values, count);
    unit->code.line = s->end_line;
    for (uint32_t i = 0; i < count; i++) {
        if (targets[i].late_object)
            read_into(unit, targets[i].late_object, targets[i].object);
        if (targets[i].late_key)
            read_into(unit, targets[i].late_key, targets[i].key);
    }
    while (count > 0)
        store_to_target(unit, &targets[--count]);
    ri_emit_pop(unit, unit->code.depth - depth);
}

static void emit_assign(RiUnit *unit, const RiStat *s)
{
    if (s->assign.targets->next == NULL && s->assign.values->next == NULL)
        assign_one(unit, s, s->assign.targets, s->assign.values);
    else
        assign_many(unit, s);
}

/* -- Return ------------------------------------------------------------------------------------------------------ */

/* Before a return: close what is to be closed. */
static void close_all(RiUnit *unit)
{
    if (unit->code.to_close_count > 0)
        ri_code_put_abc(unit, RI_OP_CLOSE, unit->code.to_close[0], 0, 0, 0);
}

static void put_tail_call(RiUnit *unit, RiExpr *call)
{
    uint32_t base;
    int count = ri_emit_push_call(unit, call, &base);
    if (count >= 0)
        ri_code_put_abc(unit, RI_OP_TAILCALL, (unsigned)count, 0, 0, 0);
    else
        ri_code_put_e(unit, RI_OP_TAILCALLV, (int32_t)base, 0);
}

static void put_return(RiUnit *unit, const RiStat *s)
{
    RiExpr *values = s->expr;
    uint32_t depth = unit->code.depth;
    unit->code.line = s->end_line;
    if (values == NULL) {
        close_all(unit);
        ri_code_put(unit, RI_OP_RETURN0, 0);
        return;
    }
    if (values->next == NULL && unit->code.to_close_count == 0) {
        if (ri_emit_is_slot(unit, values)) {
            ri_code_put_abc(unit, RI_OP_RETURN_L, ri_emit_slot(unit, values), 0, 0, 0);
            return;
        }
        bool is_prompt = unit->session != NULL && unit->function->parent == NULL; /* traces show the chunk */
        if (ri_expr_is_multiple(values) && values->kind != RI_EXPR_VARARG && !is_prompt) {
            put_tail_call(unit, values);
            return;
        }
    }
    int count = ri_emit_push_all(unit, values);
    unit->code.line = s->end_line;
    close_all(unit);
    if (count < 0)
        ri_code_put_e(unit, RI_OP_RETURNV, (int32_t)depth, 0);
    else if (count == 1)
        ri_code_put(unit, RI_OP_RETURN1, 0);
    else
        ri_code_put_ad(unit, RI_OP_RETURN, 0, (unsigned)count, 0);
}

static void emit_return(RiUnit *unit, const RiStat *s)
{
    uint32_t depth = unit->code.depth;
    put_return(unit, s);
    unit->code.depth = depth;
    ri_code_set_dead(unit);
}

/* -- Everything -------------------------------------------------------------------------------------------------- */

static void emit_statement(RiUnit *unit, const RiStat *s)
{
    unit->code.line = s->line;
    switch (s->kind) {
    case RI_STAT_LOCAL:
        emit_local(unit, s);
        break;
    case RI_STAT_LOCAL_FUNCTION:
        emit_local_function(unit, s);
        break;
    case RI_STAT_ASSIGN:
        emit_assign(unit, s);
        break;
    case RI_STAT_CALL:
        ri_emit_push_multiple(unit, s->expr, 0);
        break;
    case RI_STAT_DO:
        emit_block(unit, s->body, false);
        break;
    case RI_STAT_WHILE:
        emit_while(unit, s);
        break;
    case RI_STAT_REPEAT:
        emit_repeat(unit, s);
        break;
    case RI_STAT_IF:
        emit_if(unit, s);
        break;
    case RI_STAT_FOR_NUMBER:
        emit_for_number(unit, s);
        break;
    case RI_STAT_FOR_IN:
        emit_for_in(unit, s);
        break;
    case RI_STAT_RETURN:
        emit_return(unit, s);
        break;
    case RI_STAT_JUMP:
        emit_jump(unit, s->label);
        break;
    case RI_STAT_LABEL:
        emit_label(unit, s->label);
        break;
    default:
        ri_unreachable();
    }
}

static void emit_statements(RiUnit *unit, const RiBlock *block)
{
    for (const RiStat *s = block->first; s != NULL; s = s->next)
        emit_statement(unit, s);
}

RiProto *ri_emit_function(RiUnit *unit, const RiBlock *body)
{
    const RiFunction *f = unit->function;
    ri_code_start(unit, false, f->param_count);
    open_variables(unit, f->var_base, f->param_count);
    emit_statements(unit, body);
    unit->code.line = body->end_line;
    if (!ri_code_is_dead(unit))
        close_all(unit);
    ri_code_put(unit, RI_OP_RETURN0, 0); /* reachable or not: `end` is an active line of every function */
    ri_code_close_locals(unit, 0);
    return ri_code_finish(unit);
}
