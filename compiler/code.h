/* The instructions of one function: words with lines, stack depth, jumps, constants, sites; and the prototype made of
 * them in the end. Knows the machine, not the syntax tree. */
#ifndef RI_COMPILER_CODE_H
#define RI_COMPILER_CODE_H

#include "compiler/unit.h"

/* Part of a table constructor, emitted early: words with lines and relocations, in one leaf block. */
struct RiFragment {
    RiObject object;
    RiFragment *next;
    uint32_t word_count, relocation_count;
    uint32_t depth_max; /* slots above the table's */
    RiCodeWord *words;
    RiRelocation *relocations;
    void *block; /* that holds both */
    size_t block_size;
};

#define RI_NO_JUMP 0u /* an empty list of jumps */
#define RI_SLOT_OPERAND_MAX 255 /* largest slot an instruction can name in a byte */
#define RI_WIDE_OPERAND_MAX 65535

/* -- Beginning and end -- */
/* Forget all instructions. For a fragment: one slot, the table's, is on the stack. */
void ri_code_start(RiUnit *unit, bool is_fragment, uint32_t depth);
/* The prototype of unit->function. Collects: yes. */
RiProto *ri_code_finish(RiUnit *unit);
/* The instructions so far as a fragment. Collects: yes. */
RiFragment *ri_code_finish_fragment(RiUnit *unit);
/* Append fragments, which are used up; the table lies on top of the stack. */
void ri_code_splice(RiUnit *unit, RiFragment *first);

/* -- Words -- */
/* Append an instruction of one word at unit->code.line. `effect`: change of the stack depth. Returns its pc. */
static inline uint32_t ri_code_put(RiUnit *unit, RiWord word, int effect)
{
    RiCode *code = &unit->code;
    RiCodeWord *w = ri_vec_push(unit->heap, &code->words, RI_VEC_LEAF);
    w->word = word;
    w->line = code->line;
    code->depth += (uint32_t)effect;
    if (code->depth > code->depth_max)
        code->depth_max = code->depth;
    return code->words.count - 1;
}
static inline uint32_t ri_code_put_abc(RiUnit *unit, RiOpcode op, unsigned a, unsigned b, unsigned c, int effect)
{
    return ri_code_put(unit, ri_word_abc(op, a, b, c), effect);
}
static inline uint32_t ri_code_put_ad(RiUnit *unit, RiOpcode op, unsigned a, unsigned d, int effect)
{
    return ri_code_put(unit, ri_word_ad(op, a, d), effect);
}
static inline uint32_t ri_code_put_e(RiUnit *unit, RiOpcode op, int32_t e, int effect)
{
    return ri_code_put(unit, ri_word_e(op, e), effect);
}
/* The second word of an instruction. */
void ri_code_put_second(RiUnit *unit, uint32_t word);
/* The last instruction names slot `slot` in `field`; a fragment must remember that. Throws if the slot has no place in
 * the operand. */
void ri_code_note_slot(RiUnit *unit, char field, uint32_t slot);
/* In a fragment: the last instruction, a GETLOCAL, reads this variable. */
void ri_code_note_variable(RiUnit *unit, uint32_t var);

/* The last instruction has nothing that answers to it in 5.4 (dropping variables, making cells, pushing an operand that
 * 5.4 names): it gets the line of the next one, so that line hooks do not see it. */
static inline void ri_code_float(RiUnit *unit)
{
    *ri_vec_push(unit->heap, &unit->code.floating, RI_VEC_LEAF) = unit->code.words.count - 1;
}

/* Slots that are named by an instruction count as used in the current loop. */
static inline unsigned ri_code_use(RiUnit *unit, uint32_t slot)
{
    unit->code.used_locals |= 1ull << (slot < 63 ? slot : 63);
    return slot;
}

/* -- Jumps -- */
/* Append a jump (a JMP, or any instruction with a second word for the offset) to the list of jumps to be patched. */
void ri_code_jump(RiUnit *unit, uint32_t *list);                                 /* JMP */
void ri_code_branch(RiUnit *unit, RiWord word, int effect, uint32_t *list);      /* first word; adds the second */
void ri_code_branch_to(RiUnit *unit, RiWord word, int effect, uint32_t target);  /* to a known place */
/* All jumps of the list come here. The stack has `depth` slots then. */
void ri_code_patch_here(RiUnit *unit, uint32_t *list);
/* This pc may be jumped to. */
static inline uint32_t ri_code_label(RiUnit *unit)
{
    unit->code.last_target = unit->code.words.count;
    return unit->code.words.count;
}
/* What was emitted last never goes on here. */
static inline void ri_code_set_dead(RiUnit *unit)
{
    unit->code.dead_at = unit->code.words.count;
}
static inline bool ri_code_is_dead(const RiUnit *unit)
{
    const RiCode *code = &unit->code;
    return code->dead_at == code->words.count && code->last_target != code->words.count;
}

/* -- Constants, sites -- */
uint32_t ri_code_constant(RiUnit *unit, RiValue value); /* index; equal ones share */
uint32_t ri_code_constants_run(RiUnit *unit, RiString *const *names, uint32_t count); /* first of consecutive ones */
uint32_t ri_code_site(RiUnit *unit, uint32_t key);
/* Sites so far: only 65,536 can be named in most instructions. */
static inline uint32_t ri_code_site_count(const RiUnit *unit)
{
    return unit->sites.count - unit->function->site_base;
}

/* -- Variables -- */
/* Slot `slot` is called `name` from here on. */
void ri_code_open_local(RiUnit *unit, uint32_t slot, RiString *name);
/* Variables in slots from `slot` on end here. */
void ri_code_close_locals(RiUnit *unit, uint32_t slot);

/* -- Loops -- */
/* Begin the range of a loop; `*outer_used` keeps what ri_code_end_loop wants back. */
uint32_t ri_code_begin_loop(RiUnit *unit, uint64_t *outer_used);
void ri_code_end_loop(RiUnit *unit, uint32_t loop, uint64_t outer_used);

#endif
