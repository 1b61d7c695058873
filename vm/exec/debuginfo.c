/* Frames from links, names from the abstract stack. */
#include "vm/exec/debuginfo.h"

#include "vm/exec/abstract.h"
#include "vm/exec/call.h"

#include <string.h>

/* -- Frames ------------------------------------------------------------------------------------------------------ */

uint32_t ri_link_pc(RiValue caller, const RiLink *link)
{
    if (caller.tag != RI_TAG_CLOSURE || link->pc == NULL)
        return 0;
    const RiFeedback *feedback = ((const RiClosure *)caller.cp)->feedback;
    uint64_t index = (uint64_t)(link->pc - ri_feedback_words(feedback));
    return index <= feedback->proto->code_count ? (uint32_t)index : 0;
}

void ri_leave_frame(RiThread *T, const RiLink *link)
{
    T->base = link->delta ? T->base - link->delta : T->stack;
    T->pc = link->delta ? ri_link_pc(T->base[-2], link) : 0;
}

bool ri_frame_caller(const RiThread *T, RiFrame *frame)
{
    const RiValue *base = T->stack + frame->base;
    const RiLink *link = RI_LINK_OF(base);
    if (link->delta == 0)
        return false;
    const RiValue *caller = base - link->delta;
    uint32_t varargs = frame->is_lua ? link->extra : 0; /* they and a copy of the function lie below */
    frame->top = frame->base - 2 - varargs;
    frame->base = (uint32_t)(caller - T->stack);
    frame->pc = ri_link_pc(caller[-2], link);
    frame->is_lua = caller[-2].tag == RI_TAG_CLOSURE;
    frame->is_tail = RI_LINK_OF(caller)->flags & RI_LINK_TAIL;
    return true;
}

bool ri_frame_at(RiThread *T, int level, RiFrame *frame)
{
    if (level < 0 || T->base == T->stack)
        return false;
    frame->base = (uint32_t)(T->base - T->stack);
    frame->top = (uint32_t)(T->top - T->stack);
    frame->pc = T->pc;
    frame->is_lua = T->base[-2].tag == RI_TAG_CLOSURE;
    frame->is_tail = RI_LINK_OF(T->base)->flags & RI_LINK_TAIL;
    for (; level > 0; level--) {
        if (!ri_frame_caller(T, frame))
            return false;
    }
    return true;
}

RiValue ri_frame_function(const RiThread *T, const RiFrame *frame)
{
    return T->stack[frame->base - 2];
}

/* -- Local variables --------------------------------------------------------------------------------------------- */

static const char *text_of(const RiString *s)
{
    if (s == NULL || (s->object.flags & RI_STR_EXTENDED && s->start[s->size] != '\0'))
        return NULL;
    return ri_str_data(s);
}

const char *ri_local_name(const RiProto *proto, uint32_t n, uint32_t pc, uint32_t *slot)
{
    for (uint32_t i = 0; i < proto->local_count && proto->locals[i].start_pc <= pc; i++) {
        if (pc < proto->locals[i].end_pc && --n == 0) {
            *slot = proto->locals[i].slot;
            return text_of(proto->locals[i].name);
        }
    }
    return NULL;
}

const char *ri_local_name_of_slot(const RiProto *proto, uint32_t slot, uint32_t pc)
{
    for (uint32_t i = 0; i < proto->local_count && proto->locals[i].start_pc <= pc; i++) {
        if (pc < proto->locals[i].end_pc && proto->locals[i].slot == slot)
            return text_of(proto->locals[i].name);
    }
    return NULL;
}

/* -- What lies in a slot ----------------------------------------------------------------------------------------- */

/* Kind and producer of one slot before one instruction. */
typedef struct SlotQuery {
    const RiProto *proto;
    uint32_t pc;
    uint32_t slot; /* counted from the top (1: topmost) when from_top */
    int64_t producer;
    bool from_top;
    bool found;
    uint8_t kind;
} SlotQuery;

/* An answer takes a walk over the function, and debuggers, profilers and programs that live by pcall keep asking the same
 * things: a process remembers the last answers. They keep their prototypes alive. */
enum { ANSWER_COUNT = 64 };
typedef struct SlotAnswers {
    RiObject object;
    SlotQuery answers[ANSWER_COUNT]; /* proto NULL: none */
} SlotAnswers;

static SlotQuery *answer_place(RiProcess *process, const SlotQuery *q)
{
    SlotAnswers *all = process->slot_answers;
    if (all == NULL)
        process->slot_answers = all = ri_heap_alloc_block(process->heap, sizeof *all);
    uint64_t hash = ((uint64_t)(uintptr_t)q->proto >> 4) + q->pc * 5u + q->slot * 3u + q->from_top;
    return &all->answers[hash * 0x9e3779b97f4a7c15u >> 58];
}
_Static_assert(ANSWER_COUNT == 1 << (64 - 58), "the hash has as many bits");

static void answer_slot_query(void *context, uint32_t pc, const RiAbstractState *state)
{
    SlotQuery *q = context;
    if (pc != q->pc)
        return;
    uint32_t slot = q->from_top ? state->depth - q->slot : q->slot;
    q->found = slot < state->depth;
    if (q->found) {
        q->kind = state->kinds[slot];
        q->producer = state->producers[slot];
    }
}

/* Fill in what is found. `process` may be NULL: nothing is remembered then. */
static bool ask(RiProcess *process, SlotQuery *q)
{
    SlotQuery *known = process != NULL ? answer_place(process, q) : NULL;
    if (known != NULL && known->proto == q->proto && known->pc == q->pc && known->slot == q->slot &&
        known->from_top == q->from_top) {
        *q = *known;
        return q->found;
    }
    uint32_t bad_pc;
    if (ri_abstract_walk(q->proto, true, answer_slot_query, q, &bad_pc) != NULL) /* memory is short */
        return false;
    if (known != NULL)
        *known = *q;
    return q->found;
}

RiSlotUse ri_slot_use(RiProcess *process, const RiProto *proto, uint32_t pc, uint32_t slot)
{
    SlotQuery query = {.proto = proto, .pc = pc, .slot = slot};
    if (!ask(process, &query))
        return RI_SLOT_NONE;
    switch (RI_KIND_OF(query.kind)) {
    case RI_KIND_VALUE:
        return query.kind & RI_KIND_TBC ? RI_SLOT_FIXED : RI_SLOT_VALUE;
    case RI_KIND_TABLE: /* not a variable: the walk knows those as values */
        return RI_SLOT_FIXED;
    case RI_KIND_CELL:
        return RI_SLOT_CELL;
    case RI_KIND_LINK:
        return RI_SLOT_NONE;
    default:
        return RI_SLOT_STATE;
    }
}

/* -- Operands ---------------------------------------------------------------------------------------------------- */

typedef struct Name {
    const char *kind, *name;
} Name;

static bool set_name(Name *out, const char *kind, const char *name)
{
    out->kind = kind;
    out->name = name != NULL ? name : "?";
    return name != NULL;
}

static const char *upvalue_name(const RiProto *p, uint32_t index)
{
    return text_of(p->upvals[index].name);
}

static bool is_env(const char *name)
{
    return name != NULL && strcmp(name, "_ENV") == 0;
}

static const char *constant_text(const RiProto *p, uint32_t index)
{
    return ri_is_string(p->constants[index]) ? text_of(p->constants[index].p) : NULL;
}

static bool describe(RiProcess *process, const RiProto *p, uint32_t pc, uint32_t index, unsigned level, Name *out);

/* Is operand 0 of the indexing instruction at `pc` the variable _ENV? Then what it finds is a global. */
static bool indexes_env(RiProcess *process, const RiProto *p, uint32_t pc, unsigned level)
{
    Name object;
    return describe(process, p, pc, 0, level, &object) && (object.kind[0] == 'l' || object.kind[0] == 'u') && is_env(object.name);
}

static bool name_field(RiProcess *process, const RiProto *p, uint32_t pc, const char *key, unsigned level, Name *out)
{
    return set_name(out, indexes_env(process, p, pc, level) ? "global" : "field", key);
}

/* The name of value number `nth` that the instruction at `pc` pushed. */
static bool name_product(RiProcess *process, const RiProto *p, uint32_t pc, uint32_t nth, unsigned level, Name *out)
{
    const RiWord *code = p->code + pc;
    uint32_t a = RI_WORD_A(*code);
    switch (RI_WORD_OP(*code)) {
    case RI_OP_GETLOCAL:
    case RI_OP_GETLOCAL_M:
    case RI_OP_GETCELL:
        return set_name(out, "local", ri_local_name_of_slot(p, a, pc));
    case RI_OP_GETLOCAL2:
        return set_name(out, "local", ri_local_name_of_slot(p, nth == 0 ? a : RI_WORD_B(*code), pc));
    case RI_OP_GETUPVAL:
    case RI_OP_GETUPVAL_M:
        return set_name(out, "upvalue", upvalue_name(p, a));
    case RI_OP_LOADK:
        return set_name(out, "constant", constant_text(p, RI_WORD_U(*code)));
    case RI_OP_GETFIELD:
        return name_field(process, p, pc, constant_text(p, p->sites[RI_WORD_U(*code)].key), level, out);
    case RI_OP_GETFIELD_L:
    case RI_OP_GETFIELD_LM:
    case RI_OP_GETFIELD_U:
    case RI_OP_GETFIELD_UM:
        return name_field(process, p, pc, constant_text(p, p->sites[RI_WORD_D(*code)].key), level, out);
    case RI_OP_SELF:
        return nth == 0 && set_name(out, "method", constant_text(p, p->sites[RI_WORD_U(*code)].key));
    case RI_OP_SELF_L:
        if (nth == 0)
            return set_name(out, "method", constant_text(p, p->sites[RI_WORD_D(*code)].key));
        return nth == 2 && set_name(out, "local", ri_local_name_of_slot(p, a, pc));
    case RI_OP_GETINDEX:
    case RI_OP_GETINDEX_KL:
    case RI_OP_GETINDEX_OL:
    case RI_OP_GETINDEX_LL:
    case RI_OP_GETINDEX_UL: {
        Name key;
        bool is_constant = describe(process, p, pc, 1, level, &key) && key.kind[0] == 'c';
        return name_field(process, p, pc, is_constant ? key.name : "?", level, out);
    }
    case RI_OP_GETINDEX_I:
    case RI_OP_GETINDEX_LI:
        return set_name(out, "field", "integer index");
    default:
        return false;
    }
}

/* The value in a stack slot (from the top when from_top) before the instruction at `pc`. */
static bool name_slot(RiProcess *process, const RiProto *p, uint32_t pc, uint32_t slot, bool from_top, unsigned level, Name *out)
{
    SlotQuery query = {.proto = p, .pc = pc, .slot = slot, .from_top = from_top};
    if (!from_top && set_name(out, "local", ri_local_name_of_slot(p, slot, pc)))
        return true;
    if (level == 0 || !ask(process, &query) || query.producer == RI_NO_PRODUCER)
        return false;
    return name_product(process, p, RI_PRODUCER_PC(query.producer), RI_PRODUCER_NTH(query.producer), level - 1, out);
}

/* Instructions whose named operands come before those on the stack. */
static bool names_first(RiOpcode op)
{
    switch (op) {
    case RI_OP_SETFIELD_L:
    case RI_OP_SETFIELD_U:
    case RI_OP_GETINDEX_OL:
    case RI_OP_SETINDEX_OL:
    case RI_OP_SETINDEX_LL:
    case RI_OP_SETINDEX_LI:
        return true;
    default:
        return false;
    }
}

/* Named operand number `n` of an instruction; `skip` leaves out a destination. *count gets how many there are. */
static bool name_word_operand(const RiProto *p, uint32_t pc, uint32_t n, uint32_t skip, uint32_t *count, Name *out)
{
    const RiWord *code = p->code + pc;
    bool found = false;
    *count = 0;
    for (const char *o = ri_op_info[RI_WORD_OP(*code)].operands; *o; o += o[2] ? 3 : 2) {
        if (o[1] == 'X' || o[1] == 'J' || skip-- > 0)
            continue;
        skip = 0;
        if ((*count)++ != n)
            continue;
        uint32_t value = (uint32_t)ri_op_read_field(code, o[0]);
        if (o[1] == 'L')
            found = set_name(out, "local", ri_local_name_of_slot(p, value, pc));
        else if (o[1] == 'U')
            found = set_name(out, "upvalue", upvalue_name(p, value));
        else if (o[1] == 'K')
            found = set_name(out, "constant", constant_text(p, value));
        else if (o[1] == 'S' && p->sites[value].key != RI_NO_KEY)
            found = set_name(out, "constant", constant_text(p, p->sites[value].key));
    }
    return found;
}

static bool describe(RiProcess *process, const RiProto *p, uint32_t pc, uint32_t index, unsigned level, Name *out)
{
    const RiWord *code = p->code + pc;
    RiOpcode op = RI_WORD_OP(*code);
    uint32_t a = RI_WORD_A(*code), ignored;
    uint32_t above_link = index > 0; /* arguments lie above function and link */
    switch (op) {
    case RI_OP_CALL:
    case RI_OP_TAILCALL:
        return index <= a && name_slot(process, p, pc, a + 2 - index - above_link, true, level, out);
    case RI_OP_CALLV:
        return name_slot(process, p, pc, RI_WORD_D(*code) + index + above_link, false, level, out);
    case RI_OP_TAILCALLV:
        return name_slot(process, p, pc, RI_WORD_U(*code) + index + above_link, false, level, out);
    case RI_OP_TFORCALL:
        return index == 0 && set_name(out, "for iterator", "for iterator");
    case RI_OP_CONCAT:
        return index < a && name_slot(process, p, pc, a - index, true, level, out);
    case RI_OP_FORPREP:
    case RI_OP_TFORPREP:
        return name_slot(process, p, pc, a + index, false, level, out);
    case RI_OP_TBC:
        return set_name(out, "local", ri_local_name_of_slot(p, a, pc));
    case RI_OP_ADD_LLT:
    case RI_OP_SUB_LLT:
    case RI_OP_MUL_LLT:
    case RI_OP_ADD_LKT:
    case RI_OP_SUB_LKT:
    case RI_OP_MUL_LKT:
        return name_word_operand(p, pc, index, 1, &ignored, out);
    default:
        break;
    }
    if (ri_op_info[op].pops < 0)
        return false;
    uint32_t pops = (uint32_t)ri_op_info[op].pops, names;
    if (!names_first(op)) {
        bool keyed = (op == RI_OP_SETFIELD || op == RI_OP_INITFIELD) && index > 0; /* o key v: the key is in the site */
        if (keyed)
            return index == 1 ? name_word_operand(p, pc, 0, 0, &names, out) : name_slot(process, p, pc, 1, true, level, out);
        if (index < pops)
            return name_slot(process, p, pc, pops - index, true, level, out);
        return name_word_operand(p, pc, index - pops, 0, &names, out);
    }
    if (name_word_operand(p, pc, index, 0, &names, out))
        return true;
    return index >= names && index - names < pops && name_slot(process, p, pc, pops - (index - names), true, level, out);
}

bool ri_describe_operand(RiProcess *process, const RiProto *proto, uint32_t pc, uint32_t index, const char **kind,
                         const char **name)
{
    Name out;
    if (!describe(process, proto, pc, index, 3, &out))
        return false;
    *kind = out.kind;
    *name = out.name;
    return true;
}

/* -- Chunk names ------------------------------------------------------------------------------------------------- */

void ri_chunk_id(char *out, const char *source, size_t size)
{
    static const char prefix[] = "[string \"", dots[] = "...", suffix[] = "\"]";
    const size_t room = RI_ID_SIZE - 1; /* without the NUL */
    if (size > 0 && (*source == '=' || *source == '@')) {
        bool is_file = *source == '@';
        source++;
        size--;
        size_t shown = size <= room ? size : room;
        if (size <= room) {
            memcpy(out, source, size);
        } else if (is_file) { /* the end of a path says more than its beginning */
            size_t lead = sizeof dots - 1;
            memcpy(out, dots, lead);
            memcpy(out + lead, source + size - (room - lead), room - lead);
        } else {
            memcpy(out, source, room);
        }
        out[shown] = '\0';
        return;
    }
    const char *newline = memchr(source, '\n', size);
    const size_t text_room = room - (sizeof prefix - 1) - (sizeof dots - 1) - (sizeof suffix - 1);
    size_t shown = newline != NULL ? (size_t)(newline - source) : size;
    bool cut = newline != NULL || size >= text_room;
    if (shown > text_room)
        shown = text_room;
    char *p = out;
    memcpy(p, prefix, sizeof prefix - 1);
    p += sizeof prefix - 1;
    memcpy(p, source, shown);
    p += shown;
    if (cut) {
        memcpy(p, dots, sizeof dots - 1);
        p += sizeof dots - 1;
    }
    memcpy(p, suffix, sizeof suffix);
}
