/* The word buffer and what is made of it. Jump lists are threaded through the jumps' own offsets: each holds the distance
 * to the list's next jump until it is patched. */
#include "compiler/code.h"

#include <string.h>

/* -- Words ------------------------------------------------------------------------------------------------------- */

void ri_code_start(RiUnit *unit, bool is_fragment, uint32_t depth)
{
    RiCode *code = &unit->code;
    code->words.count = code->relocations.count = code->floating.count = 0;
    code->locals.count = code->loops.count = 0;
    code->depth = code->depth_max = depth;
    code->last_target = code->test_line = 0;
    code->last_get = code->dead_at = UINT32_MAX;
    code->active_slots = 0;
    code->to_close_count = 0;
    code->used_locals = 0;
    code->is_fragment = is_fragment;
}

void ri_code_put_second(RiUnit *unit, uint32_t word)
{
    RiCodeWord *w = ri_vec_push(unit->heap, &unit->code.words, RI_VEC_LEAF);
    w->word = word;
    w->line = w[-1].line;
}

RI_NORETURN static void depth_error(RiUnit *unit)
{
    ri_lex_error(&unit->lexer, "function or expression needs too many registers");
}

static uint32_t field_max(char field)
{
    return field == 'u' ? RI_U_MAX : field == 'd' ? RI_WIDE_OPERAND_MAX : RI_SLOT_OPERAND_MAX;
}

static void remember(RiUnit *unit, char field, uint32_t at, uint32_t var)
{
    RiRelocation *r = ri_vec_push(unit->heap, &unit->code.relocations, RI_VEC_LEAF);
    *r = (RiRelocation){.at = at, .field = field, .var = var};
}

void ri_code_note_slot(RiUnit *unit, char field, uint32_t slot)
{
    if (slot > field_max(field))
        depth_error(unit);
    if (unit->code.is_fragment)
        remember(unit, field, unit->code.words.count - 1, 0);
}

void ri_code_note_variable(RiUnit *unit, uint32_t var)
{
    if (unit->code.is_fragment)
        remember(unit, 'v', unit->code.words.count - 1, var);
}

/* -- Jumps ------------------------------------------------------------------------------------------------------- */

static bool is_short_jump(RiWord word)
{
    return RI_WORD_OP(word) == RI_OP_JMP;
}

/* The word that holds the offset of the jump at `pc` (its last). */
static uint32_t get_offset(const RiCodeWord *words, uint32_t pc)
{
    return is_short_jump(words[pc].word) ? RI_WORD_U(words[pc].word) : words[pc + 1].word;
}

static void set_offset(RiUnit *unit, uint32_t pc, int64_t offset)
{
    RiCodeWord *words = unit->code.words.items;
    if (is_short_jump(words[pc].word)) {
        if (offset > RI_E_MAX || offset < -RI_E_MAX)
            ri_lex_error(&unit->lexer, "control structure too long");
        words[pc].word = ri_word_e(RI_OP_JMP, (int32_t)offset);
    } else {
        words[pc + 1].word = (uint32_t)(int32_t)offset;
    }
}

static uint32_t length(const RiCodeWord *words, uint32_t pc)
{
    return is_short_jump(words[pc].word) ? 1 : 2;
}

/* Lists hold pc + 1; the distance to the next older jump is kept in the offset, 0 ends. */
static void add_to_list(RiUnit *unit, uint32_t pc, uint32_t *list)
{
    set_offset(unit, pc, *list == RI_NO_JUMP ? 0 : (int64_t)pc + 1 - *list);
    *list = pc + 1;
}

void ri_code_jump(RiUnit *unit, uint32_t *list)
{
    add_to_list(unit, ri_code_put_e(unit, RI_OP_JMP, 0, 0), list);
    ri_code_set_dead(unit);
}

void ri_code_branch(RiUnit *unit, RiWord word, int effect, uint32_t *list)
{
    uint32_t pc = ri_code_put(unit, word, effect);
    ri_code_put_second(unit, 0);
    add_to_list(unit, pc, list);
}

void ri_code_branch_to(RiUnit *unit, RiWord word, int effect, uint32_t target)
{
    uint32_t pc = ri_code_put(unit, word, effect);
    ri_code_put_second(unit, (uint32_t)((int32_t)target - (int32_t)(pc + 2)));
}

void ri_code_patch_here(RiUnit *unit, uint32_t *list)
{
    uint32_t target = unit->code.words.count;
    if (*list == RI_NO_JUMP)
        return;
    for (uint32_t pc = *list - 1;;) {
        uint32_t distance = get_offset(unit->code.words.items, pc);
        set_offset(unit, pc, (int64_t)target - pc - length(unit->code.words.items, pc));
        if (distance == 0)
            break;
        pc -= distance;
    }
    *list = RI_NO_JUMP;
    ri_code_label(unit);
}

/* -- Constants --------------------------------------------------------------------------------------------------- */

#define LINEAR_MAX 8 /* constants that are searched without the hash */

static uint32_t add_constant(RiUnit *unit, RiValue value)
{
    uint32_t index = unit->constants.count - unit->function->constant_base;
    if (index > RI_U_MAX)
        ri_unit_limit_error(unit, RI_U_MAX, "constants");
    *ri_vec_push(unit->heap, &unit->constants, RI_VEC_POINTERS) = value;
    return index;
}

static uint32_t hash_value(RiValue v)
{
    return (uint32_t)(((v.u >> 4 ^ v.u) + v.tag) * 0x9e3779b97f4a7c15u >> 32);
}

/* The entry of a constant, or the free one where it belongs. */
static RiConstantIndex *find_entry(RiUnit *unit, RiValue value)
{
    const RiValue *constants = unit->constants.items + unit->function->constant_base;
    uint32_t mask = unit->constant_hash.capacity - 1;
    for (uint32_t at = hash_value(value) & mask;; at = (at + 1) & mask) {
        RiConstantIndex *e = &unit->constant_hash.items[at];
        if (e->generation != unit->constant_generation)
            return e;
        if (constants[e->index].u == value.u && constants[e->index].tag == value.tag)
            return e;
    }
}

/* Let the hash hold the constants of the current function, with room for one more. */
static void prepare_hash(RiUnit *unit)
{
    uint32_t count = unit->constants.count - unit->function->constant_base;
    if (unit->constant_hash_owner == unit->function && count * 2 < unit->constant_hash.capacity)
        return;
    if (count * 2 >= unit->constant_hash.capacity) {
        uint32_t capacity = 64;
        while (count * 2 >= capacity)
            capacity *= 2;
        unit->constant_hash.count = 0;
        ri_vec_reserve(unit->heap, &unit->constant_hash, capacity, RI_VEC_LEAF);
        memset(unit->constant_hash.items, 0, unit->constant_hash.capacity * sizeof(RiConstantIndex));
        unit->constant_generation = 0;
    }
    unit->constant_generation++;
    unit->constant_hash_owner = unit->function;
    const RiValue *constants = unit->constants.items + unit->function->constant_base;
    for (uint32_t i = 0; i < count; i++)
        *find_entry(unit, constants[i]) = (RiConstantIndex){unit->constant_generation, i};
}

uint32_t ri_code_constant(RiUnit *unit, RiValue value)
{
    const RiValue *constants = unit->constants.items + unit->function->constant_base;
    uint32_t count = unit->constants.count - unit->function->constant_base;
    if (count < LINEAR_MAX) {
        for (uint32_t i = 0; i < count; i++) {
            if (constants[i].u == value.u && constants[i].tag == value.tag)
                return i;
        }
        return add_constant(unit, value);
    }
    prepare_hash(unit);
    RiConstantIndex *e = find_entry(unit, value);
    if (e->generation != unit->constant_generation)
        *e = (RiConstantIndex){unit->constant_generation, add_constant(unit, value)};
    return e->index;
}

/* Add a constant even if there is one like it; the hash knows one of equals. */
static void append_constant(RiUnit *unit, RiValue value)
{
    uint32_t index = unit->constants.count - unit->function->constant_base;
    if (index >= LINEAR_MAX) {
        prepare_hash(unit);
        *find_entry(unit, value) = (RiConstantIndex){unit->constant_generation, index};
    }
    add_constant(unit, value);
}

uint32_t ri_code_constants_run(RiUnit *unit, RiString *const *names, uint32_t count)
{
    uint32_t total = unit->constants.count - unit->function->constant_base;
    /* Often the same keys were used before, or all are new. */
    uint32_t first = ri_code_constant(unit, ri_string_value(names[0]));
    const RiValue *constants = unit->constants.items + unit->function->constant_base;
    uint32_t same = 1;
    while (same < count && first + same < total && constants[first + same].cp == names[same])
        same++;
    if (same == count)
        return first;
    if (first + same < total) {
        /* Elsewhere, maybe at the end, where an earlier run of these was put. */
        for (uint32_t start = total > 64 ? total - 64 : 0; start + count <= total; start++) {
            for (same = 0; same < count && constants[start + same].cp == names[same];)
                same++;
            if (same == count)
                return start;
        }
        first = total;
        same = 0;
    }
    /* Consecutive ones at the end. */
    for (; same < count; same++)
        append_constant(unit, ri_string_value(names[same]));
    return first;
}

uint32_t ri_code_site(RiUnit *unit, uint32_t key)
{
    uint32_t index = ri_code_site_count(unit);
    if (index > RI_U_MAX)
        ri_unit_limit_error(unit, RI_U_MAX, "fields");
    ri_vec_push(unit->heap, &unit->sites, RI_VEC_LEAF)->key = key;
    return index;
}

/* -- Variables, loops -------------------------------------------------------------------------------------------- */

void ri_code_open_local(RiUnit *unit, uint32_t slot, RiString *name)
{
    RiCode *code = &unit->code;
    ri_assert(slot == code->active_slots && slot < RI_COUNTOF(code->local_of_slot));
    code->local_of_slot[slot] = code->locals.count;
    code->active_slots = slot + 1;
    RiLocalVar *v = ri_vec_push(unit->heap, &code->locals, RI_VEC_POINTERS);
    *v = (RiLocalVar){.name = name, .start_pc = code->words.count, .end_pc = UINT32_MAX, .slot = slot};
}

void ri_code_close_locals(RiUnit *unit, uint32_t slot)
{
    RiCode *code = &unit->code;
    for (uint32_t i = slot; i < code->active_slots; i++)
        code->locals.items[code->local_of_slot[i]].end_pc = code->words.count;
    if (code->active_slots > slot)
        code->active_slots = slot;
}

uint32_t ri_code_begin_loop(RiUnit *unit, uint64_t *outer_used)
{
    RiCode *code = &unit->code;
    RiLoop *loop = ri_vec_push(unit->heap, &code->loops, RI_VEC_LEAF);
    *loop = (RiLoop){.start_pc = code->words.count};
    *outer_used = code->used_locals;
    code->used_locals = 0;
    return code->loops.count - 1;
}

void ri_code_end_loop(RiUnit *unit, uint32_t loop, uint64_t outer_used)
{
    RiCode *code = &unit->code;
    code->loops.items[loop].end_pc = code->words.count;
    code->loops.items[loop].used_locals = code->used_locals;
    code->used_locals |= outer_used;
}

static void settle_lines(RiCode *code)
{
    RiCodeWord *words = code->words.items;
    for (uint32_t i = code->floating.count; i-- > 0;) {
        uint32_t pc = code->floating.items[i];
        if (pc + 1 < code->words.count)
            words[pc].line = words[pc + 1].line;
    }
}

/* -- Fragments --------------------------------------------------------------------------------------------------- */

RiFragment *ri_code_finish_fragment(RiUnit *unit)
{
    RiCode *code = &unit->code;
    settle_lines(code);
    size_t words_size = code->words.count * sizeof(RiCodeWord);
    size_t relocations_size = code->relocations.count * sizeof(RiRelocation);
    RiFragment *f = ri_heap_alloc_block(unit->heap, sizeof *f);
    f->block_size = 16 + words_size + relocations_size;
    char *block = f->block = ri_heap_alloc(unit->heap, f->block_size, RI_SPACE_LEAF);
    ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
    f->words = (RiCodeWord *)(void *)(block + 16);
    f->relocations = (RiRelocation *)(void *)(block + 16 + words_size);
    f->word_count = code->words.count;
    f->relocation_count = code->relocations.count;
    f->depth_max = code->depth_max;
    memcpy(f->words, code->words.items, words_size);
    if (relocations_size > 0)
        memcpy(f->relocations, code->relocations.items, relocations_size);
    return f;
}

/* Complete one instruction of a fragment that begins at pc `start` and whose table lies in slot `base`. */
static void relocate(RiUnit *unit, const RiRelocation *r, uint32_t start, uint32_t base)
{
    RiCode *code = &unit->code;
    RiWord *word = &code->words.items[start + r->at].word;
    if (code->is_fragment)
        remember(unit, r->field, start + r->at, r->var);
    if (r->field == 'v') {
        const RiVar *v = &unit->vars.items[r->var];
        ri_code_use(unit, v->slot);
        if (v->is_captured)
            *word = ri_word_abc(RI_OP_GETCELL, v->slot, 0, 0);
        return;
    }
    uint32_t slot = base;
    switch (r->field) {
    case 'a':
        slot += RI_WORD_A(*word);
        *word = (*word & ~0xff00u) | slot << 8;
        break;
    case 'd':
        slot += RI_WORD_D(*word);
        *word = (*word & 0xffffu) | slot << 16;
        break;
    default:
        slot += RI_WORD_U(*word);
        *word = (*word & 0xffu) | slot << 8;
        break;
    }
    if (slot > field_max(r->field))
        depth_error(unit);
}

static void splice_one(RiUnit *unit, const RiFragment *fragment)
{
    RiCode *code = &unit->code;
    uint32_t start = code->words.count, base = code->depth - 1;
    memcpy(code->words.items + start, fragment->words, fragment->word_count * sizeof(RiCodeWord));
    code->words.count += fragment->word_count;
    for (uint32_t i = 0; i < fragment->relocation_count; i++)
        relocate(unit, &fragment->relocations[i], start, base);
    if (base + fragment->depth_max > code->depth_max)
        code->depth_max = base + fragment->depth_max;
}

void ri_code_splice(RiUnit *unit, RiFragment *first)
{
    size_t words = 0;
    if (first == NULL)
        return;
    for (const RiFragment *f = first; f != NULL; f = f->next)
        words += f->word_count;
    ri_assert(words < INT32_MAX);
    ri_vec_reserve(unit->heap, &unit->code.words, words, RI_VEC_LEAF);
    while (first != NULL) {
        RiFragment *f = first;
        first = f->next;
        splice_one(unit, f);
        ri_heap_free(unit->heap, f->block, f->block_size);
        ri_heap_free(unit->heap, f, sizeof *f);
    }
    ri_code_label(unit);
}

/* -- The prototype ----------------------------------------------------------------------------------------------- */

/* Collected memory with a copy of `count` items; NULL for none. */
static void *copy_items(RiUnit *unit, const void *items, size_t count, size_t size, bool has_pointers)
{
    if (count == 0)
        return NULL;
    void *copy = ri_proto_alloc(unit->heap, count * size, has_pointers);
    memcpy(copy, items, count * size);
    return copy;
}

#define LINE_MARK_EVERY 128 /* words */
#define FRAME_SLOTS_MAX 32000

static bool needs_mark(const RiCodeWord *w, uint32_t pc, uint32_t marked_pc)
{
    if (pc == 0 || pc - marked_pc >= LINE_MARK_EVERY)
        return true;
    int64_t delta = (int64_t)w[pc].line - w[pc - 1].line;
    return delta <= INT8_MIN || delta > INT8_MAX;
}

static void make_lines(RiUnit *unit, RiProto *p)
{
    const RiCodeWord *w = unit->code.words.items;
    uint32_t count = unit->code.words.count, marks = 0, marked = 0;
    for (uint32_t pc = 0; pc < count; pc++) {
        if (needs_mark(w, pc, marked)) {
            marked = pc;
            marks++;
        }
    }
    p->line_deltas = ri_proto_alloc(unit->heap, count, false);
    p->line_marks = ri_proto_alloc(unit->heap, marks * sizeof(RiLineMark), false);
    marked = 0;
    for (uint32_t pc = 0; pc < count; pc++) {
        if (needs_mark(w, pc, marked)) {
            marked = pc;
            p->line_marks[p->line_mark_count++] = (RiLineMark){pc, w[pc].line};
            p->line_deltas[pc] = INT8_MIN;
        } else {
            p->line_deltas[pc] = (int8_t)((int64_t)w[pc].line - w[pc - 1].line);
        }
    }
    p->has_lines = 1;
}

static void copy_code(RiUnit *unit, RiProto *p)
{
    const RiCode *code = &unit->code;
    p->code = ri_proto_alloc(unit->heap, code->words.count * sizeof(RiWord), false);
    for (uint32_t i = 0; i < code->words.count; i++)
        p->code[i] = code->words.items[i].word;
    p->code_count = code->words.count;
    make_lines(unit, p);
}

RiProto *ri_code_finish(RiUnit *unit)
{
    const RiFunction *f = unit->function;
    RiCode *code = &unit->code;
    settle_lines(code);
    if (code->depth_max > FRAME_SLOTS_MAX)
        depth_error(unit);
    RiProto *p = ri_proto_new(unit->heap);
    p->param_count = (uint8_t)f->param_count;
    p->is_vararg = f->is_vararg;
    p->frame_size = code->depth_max;
    p->source = unit->source_name;
    p->line_defined = f->line_defined;
    p->last_line_defined = f->last_line;
    copy_code(unit, p);
    p->constant_count = unit->constants.count - f->constant_base;
    p->constants = copy_items(unit, unit->constants.items + f->constant_base, p->constant_count, sizeof(RiValue), true);
    p->proto_count = unit->children.count - f->child_base;
    p->protos = copy_items(unit, unit->children.items + f->child_base, p->proto_count, sizeof(RiProto *), true);
    p->upval_count = f->upvals.count;
    p->upvals = copy_items(unit, f->upvals.items, p->upval_count, sizeof(RiUpvalDesc), true);
    p->site_count = unit->sites.count - f->site_base;
    p->sites = copy_items(unit, unit->sites.items + f->site_base, p->site_count, sizeof(RiSite), false);
    p->local_count = code->locals.count;
    p->locals = copy_items(unit, code->locals.items, p->local_count, sizeof(RiLocalVar), true);
    p->loop_count = code->loops.count;
    p->loops = copy_items(unit, code->loops.items, p->loop_count, sizeof(RiLoop), false);
    return p;
}
