/* The walk: a work list of jump targets, each with the state in which it is reached. */
#include "vm/exec/abstract.h"
#include "vm/base/planted.h"

#include <string.h>

#define SNAPSHOT_BYTES_MAX ((size_t)64 << 20)
#define SMALL_BYTES 4096 /* what most functions need in all: then no memory is allocated */

typedef struct Snapshot { /* state at a jump target; NULL in Walk.snapshots: not reached so far */
    uint32_t depth;
    int64_t *producers; /* after the kinds, or NULL */
    uint8_t kinds[];
} Snapshot;

enum { WORD_IS_START = 1, WORD_IS_TARGET = 2, WORD_IS_QUEUED = 4 };

typedef struct Walk {
    const RiProto *proto;
    uint32_t pc; /* of the instruction in hand */
    const RiWord *code;
    const char *rule; /* first one broken */
    uint8_t *words;   /* WORD_… per word of code */
    Snapshot **snapshots; /* per word */
    uint8_t *used_sites;  /* per site: an instruction has it */
    uint32_t *queue;
    uint32_t queue_count;
    size_t snapshot_bytes;
    char *room, *room_end; /* for the first snapshots */
    bool has_allocated;    /* some of the others */
    uint64_t steps_left;
    uint64_t listed; /* elements of tables that the code up to here stores */
    int previous_op; /* of the instruction before in program order; -1 if jumped to */
    /* state in hand */
    uint32_t depth;
    bool open;
    uint8_t *kinds;
    int64_t *producers;
} Walk;

static bool fail(Walk *w, const char *rule)
{
    if (w->rule == NULL)
        w->rule = rule;
    return false;
}

#define CHECK(cond, text)                                                                          \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return fail(w, text);                                                                  \
    } while (0)

/* -- Operands ---------------------------------------------------------------------------------------------------- */

static bool is_name_constant(const RiProto *proto, uint32_t index)
{
    return index < proto->constant_count && ri_is_string(proto->constants[index]) &&
           ri_str_is_interned(proto->constants[index].p);
}

static bool check_jump(Walk *w, int64_t offset)
{
    int64_t target = (int64_t)w->pc + ri_op_info[RI_WORD_OP(*w->code)].words + offset;
    CHECK(target >= 0 && (target < w->proto->code_count || RI_PLANTED(verifier)), "jump out of the function");
    CHECK(w->words[target] & WORD_IS_START, "jump into the middle of an instruction");
    CHECK(target > w->pc || ri_op_has_flag(RI_WORD_OP(*w->code), 'P'), "backward jump without a safe point");
    w->words[target] |= WORD_IS_TARGET;
    return true;
}

/* A site belongs to one instruction, as its cache's fields mean different things to different ones. */
static bool check_site(Walk *w, uint32_t index)
{
    RiOpcode op = RI_WORD_OP(*w->code);
    CHECK(!w->used_sites[index], "site used twice");
    w->used_sites[index] = 1;
    uint32_t key = w->proto->sites[index].key;
    if (op == RI_OP_NEWTABLE) {
        CHECK(key == RI_NO_KEY, "site of NEWTABLE has a key");
        return true;
    }
    uint32_t count = op == RI_OP_NEWRECORD ? RI_WORD_A(*w->code) : 1;
    CHECK(count > 0, "record without fields");
    CHECK(key != RI_NO_KEY, "site without a key");
    for (uint32_t i = 0; i < count; i++)
        CHECK(is_name_constant(w->proto, key + i), "key of a site is not a short string");
    return true;
}

/* What does not depend on the stack. */
static bool check_operands(Walk *w)
{
    const RiProto *p = w->proto;
    for (const char *o = ri_op_info[RI_WORD_OP(*w->code)].operands; *o; o += o[2] ? 3 : 2) {
        int64_t value = ri_op_read_field(w->code, o[0]);
        switch (o[1]) {
        case 'K':
            CHECK(value < p->constant_count, "no such constant");
            break;
        case 'S':
            CHECK(value < p->site_count, "no such site");
            if (!check_site(w, (uint32_t)value))
                return false;
            break;
        case 'U':
            CHECK(value < p->upval_count, "no such upvalue");
            break;
        case 'P':
            CHECK(value < p->proto_count, "no such nested function");
            break;
        case 'X':
            CHECK(value <= 1, "sense is not 0 or 1");
            break;
        case 'L':
            CHECK(value < p->frame_size, "no such local slot");
            break;
        case 'J':
            if (!check_jump(w, value))
                return false;
            break;
        default:
            break;
        }
    }
    return true;
}

/* A list goes on where some instruction before has stopped: an index out of the blue would make a table of any size. */
static bool check_list(Walk *w)
{
    switch (RI_WORD_OP(*w->code)) {
    case RI_OP_NEWARRAY:
        w->listed += RI_WORD_D(*w->code);
        break;
    case RI_OP_SETLIST:
    case RI_OP_SETLISTV:
        CHECK((int32_t)w->code[1] >= 1, "list does not start at a positive index");
        CHECK(w->code[1] <= w->listed + 1, "list starts beyond what has been stored");
        w->listed += RI_WORD_OP(*w->code) == RI_OP_SETLIST ? RI_WORD_A(*w->code) : 0;
        break;
    default:
        break;
    }
    return true;
}

static bool scan(Walk *w)
{
    const RiProto *p = w->proto;
    for (w->pc = 0; w->pc < p->code_count; w->pc += ri_op_info[RI_WORD_OP(*w->code)].words) {
        w->code = p->code + w->pc;
        CHECK(RI_WORD_OP(*w->code) < RI_OP_COUNT, "no such instruction");
        CHECK(RI_WORD_OP(*w->code) < RI_OP_NATIVE, "internal instruction");
        CHECK(ri_op_info[RI_WORD_OP(*w->code)].words <= p->code_count - w->pc, "half an instruction at the end");
        w->words[w->pc] = WORD_IS_START;
    }
    for (w->pc = 0; w->pc < p->code_count; w->pc += ri_op_info[RI_WORD_OP(*w->code)].words) {
        w->code = p->code + w->pc;
        if (!check_operands(w) || !check_list(w))
            return false;
    }
    return true;
}

/* -- The abstract stack ------------------------------------------------------------------------------------------ */

static bool is_value(const Walk *w, uint32_t slot)
{
    return RI_KIND_OF(w->kinds[slot]) <= RI_KIND_TABLE;
}

static bool push(Walk *w, RiKind kind, uint32_t nth)
{
    CHECK(w->depth < w->proto->frame_size, "stack deeper than the frame");
    w->kinds[w->depth] = (uint8_t)kind;
    if (w->producers != NULL)
        w->producers[w->depth] = RI_PRODUCER(w->pc, nth < 3 ? nth : 3);
    w->depth++;
    return true;
}

static bool push_values(Walk *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!push(w, RI_KIND_VALUE, i))
            return false;
    }
    return true;
}

/* Take the stack down to `depth`, whatever lies there. */
static bool drop_to(Walk *w, uint32_t depth)
{
    CHECK(depth <= w->depth, "stack underflow");
    for (uint32_t i = depth; i < w->depth; i++)
        CHECK(!(w->kinds[i] & RI_KIND_TBC), "to-be-closed variable dropped without CLOSE");
    w->depth = depth;
    return true;
}

static bool pop_values(Walk *w, uint32_t count)
{
    CHECK(count <= w->depth, "stack underflow");
    for (uint32_t i = w->depth - count; i < w->depth; i++) {
        CHECK(is_value(w, i), "operand is not a value");
        CHECK(!(w->kinds[i] & RI_KIND_TBC), "to-be-closed variable dropped without CLOSE");
    }
    w->depth -= count;
    return true;
}

static bool check_read(Walk *w, uint32_t slot)
{
    CHECK(slot < w->depth, "local slot above the stack");
    CHECK(is_value(w, slot), "local slot read does not hold a value");
    return true;
}

static void set_slot(Walk *w, uint32_t slot, RiKind kind)
{
    w->kinds[slot] = (uint8_t)kind;
    if (w->producers != NULL)
        w->producers[slot] = RI_NO_PRODUCER;
}

static bool write_slot(Walk *w, uint32_t slot)
{
    CHECK(slot < w->depth, "local slot above the stack");
    CHECK(is_value(w, slot), "local slot written does not hold a value");
    CHECK(!(w->kinds[slot] & RI_KIND_TBC), "to-be-closed variable written");
    set_slot(w, slot, RI_KIND_VALUE);
    return true;
}

static bool check_cell(Walk *w, uint32_t slot)
{
    CHECK(slot < w->depth && RI_KIND_OF(w->kinds[slot]) == RI_KIND_CELL, "local slot does not hold a cell");
    return true;
}

/* -- Where paths meet -------------------------------------------------------------------------------------------- */

static bool enqueue(Walk *w, uint32_t target)
{
    if (!(w->words[target] & WORD_IS_QUEUED)) {
        w->words[target] |= WORD_IS_QUEUED;
        w->queue[w->queue_count++] = target;
    }
    return true;
}

static size_t align8(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* sizeof(Snapshot) is a multiple of 8, and so is what is left of the room. */
static Snapshot *new_snapshot(Walk *w, size_t size)
{
    if (size > (size_t)(w->room_end - w->room)) {
        w->has_allocated = true;
        return malloc(size);
    }
    Snapshot *s = (Snapshot *)(void *)w->room;
    w->room += align8(size) <= (size_t)(w->room_end - w->room) ? align8(size) : (size_t)(w->room_end - w->room);
    return s;
}

static bool first_arrival(Walk *w, uint32_t target)
{
    size_t kinds_size = align8(w->depth);
    size_t size = sizeof(Snapshot) + kinds_size + (w->producers != NULL ? w->depth * sizeof(int64_t) : 0);
    w->snapshot_bytes += size;
    CHECK(w->snapshot_bytes <= SNAPSHOT_BYTES_MAX, "function too complex to verify");
    Snapshot *s = new_snapshot(w, size);
    CHECK(s != NULL, "not enough memory to verify");
    s->depth = w->depth;
    s->producers = NULL;
    memcpy(s->kinds, w->kinds, w->depth);
    if (w->producers != NULL) {
        s->producers = (int64_t *)((char *)s->kinds + kinds_size);
        memcpy(s->producers, w->producers, w->depth * sizeof(int64_t));
    }
    w->snapshots[target] = s;
    return enqueue(w, target);
}

/* The ends of loops drop what the body has left: paths that meet there may do so at different depths. */
static bool drop_leftovers(Walk *w, RiWord word)
{
    uint32_t depth = RI_WORD_A(word);
    if (RI_WORD_OP(word) == RI_OP_FORLOOP || RI_WORD_OP(word) == RI_OP_TFORCALL)
        depth += 4;
    else if (RI_WORD_OP(word) != RI_OP_LOOP)
        return true;
    return depth >= w->depth || drop_to(w, depth);
}

/* The state in hand becomes part of what is known at `target`. */
static bool merge(Walk *w, uint32_t target)
{
    Snapshot *s = w->snapshots[target];
    if (s == NULL)
        return first_arrival(w, target);
    CHECK(s->depth == w->depth, "stack depths differ at a join");
    bool changed = false;
    for (uint32_t i = 0; i < w->depth; i++) {
        if (s->kinds[i] != w->kinds[i]) {
            CHECK((s->kinds[i] | w->kinds[i]) == RI_KIND_TABLE, "kinds of a slot differ at a join");
            changed |= s->kinds[i] != RI_KIND_VALUE;
            s->kinds[i] = RI_KIND_VALUE;
        }
        if (s->producers != NULL && s->producers[i] != w->producers[i] && s->producers[i] != RI_NO_PRODUCER) {
            s->producers[i] = RI_NO_PRODUCER;
            changed = true;
        }
    }
    return changed ? enqueue(w, target) : true;
}

/* The state in hand flows to `target`; the other edge of a branch goes on with it unchanged. */
static bool arrive(Walk *w, uint32_t target)
{
    uint32_t depth = w->depth;
    CHECK(!w->open, "open stack at a join");
    bool ok = drop_leftovers(w, w->proto->code[target]) && merge(w, target);
    w->depth = depth;
    return ok;
}

static bool jump(Walk *w)
{
    const RiOpInfo *info = &ri_op_info[RI_WORD_OP(*w->code)];
    const char *j = strchr(info->operands, 'J');
    return arrive(w, (uint32_t)((int64_t)w->pc + info->words + ri_op_read_field(w->code, j[-1])));
}

/* -- Instructions ------------------------------------------------------------------------------------------------ */

/* Results of a call or of VARARG: wanted + 1 in `r`. */
static bool push_results(Walk *w, uint32_t r)
{
    if (r > 0)
        return push_values(w, r - 1);
    w->open = true;
    return true;
}

/* The function in slot `function`, its link, and values up to the top are used up. */
static bool take_call(Walk *w, uint32_t function)
{
    CHECK(function + 2 <= w->depth, "stack underflow");
    uint32_t nargs = w->depth - function - 2;
    if (!pop_values(w, nargs))
        return false;
    CHECK(w->kinds[function + 1] == RI_KIND_LINK, "no frame link below the arguments");
    CHECK(is_value(w, function), "no function below the frame link");
    return drop_to(w, function);
}

static bool check_kinds(Walk *w, uint32_t slot, RiKind first, uint32_t count)
{
    CHECK(slot + count <= w->depth, "stack underflow");
    for (uint32_t i = 0; i < count; i++)
        CHECK(RI_KIND_OF(w->kinds[slot + i]) == first + i, "no loop state in these slots");
    return true;
}

static bool step_for_loops(Walk *w, RiOpcode op, uint32_t a)
{
    uint32_t count = RI_WORD_B(*w->code);
    switch (op) {
    case RI_OP_FORPREP:
        CHECK(w->depth == a + 3, "depth at FORPREP");
        if (!pop_values(w, 3) || !jump(w))
            return false;
        return push(w, RI_KIND_COUNTER, 0) && push(w, RI_KIND_LIMIT, 1) && push(w, RI_KIND_STEP, 2) &&
               push(w, RI_KIND_VALUE, 3);
    case RI_OP_FORLOOP:
        CHECK(w->depth >= a + 4, "depth at FORLOOP");
        if (!check_kinds(w, a, RI_KIND_COUNTER, 3) || !drop_to(w, a + 4))
            return false;
        set_slot(w, a + 3, RI_KIND_VALUE);
        if (w->producers != NULL)
            w->producers[a + 3] = RI_NO_PRODUCER;
        return jump(w) && drop_to(w, a);
    case RI_OP_TFORPREP:
        CHECK(w->depth == a + 4, "depth at TFORPREP");
        if (!pop_values(w, 4))
            return false;
        for (uint32_t i = 0; i < 4; i++) {
            if (!push(w, RI_KIND_ITERATOR + i, i))
                return false;
        }
        w->kinds[a + 3] |= RI_KIND_TBC;
        return jump(w);
    case RI_OP_TFORCALL: {
        uint32_t next = w->pc + 1;
        CHECK(w->depth >= a + 4, "depth at TFORCALL");
        CHECK(count > 0, "generic loop without variables");
        CHECK(next < w->proto->code_count && RI_WORD_OP(w->code[1]) == RI_OP_TFORLOOP &&
                  RI_WORD_A(w->code[1]) == a && RI_WORD_B(w->code[1]) == count,
              "TFORCALL without its TFORLOOP");
        CHECK(!(w->words[next] & WORD_IS_TARGET), "jump to a TFORLOOP");
        return check_kinds(w, a, RI_KIND_ITERATOR, 4) && drop_to(w, a + 4) && push_values(w, count);
    }
    case RI_OP_TFORLOOP:
        CHECK(w->previous_op == RI_OP_TFORCALL, "TFORLOOP without its TFORCALL");
        return jump(w) && drop_to(w, a + 4);
    default:
        ri_unreachable();
    }
}

static bool step_closure(Walk *w)
{
    const RiProto *child = w->proto->protos[RI_WORD_U(*w->code)];
    for (uint32_t i = 0; i < child->upval_count; i++) {
        if (!child->upvals[i].in_stack)
            CHECK(child->upvals[i].index < w->proto->upval_count, "captured upvalue does not exist");
        else if (!check_cell(w, child->upvals[i].index))
            return false;
    }
    return push(w, RI_KIND_VALUE, 0);
}

/* Rows whose named locals are all read and whose stack effect stands in the table. */
static bool step_plain(Walk *w, const RiOpInfo *info)
{
    if (!pop_values(w, (uint32_t)info->pops))
        return false;
    for (const char *o = info->operands; *o; o += o[2] ? 3 : 2) {
        if (o[1] == 'L' && !check_read(w, (uint32_t)ri_op_read_field(w->code, o[0])))
            return false;
    }
    return push_values(w, (uint32_t)info->pushes);
}

static bool step_tables(Walk *w, RiOpcode op, uint32_t a)
{
    switch (op) {
    case RI_OP_INITFIELD:
        if (!pop_values(w, 1))
            return false;
        break;
    case RI_OP_NEWTABLE:
        return push(w, RI_KIND_TABLE, 0);
    case RI_OP_NEWRECORD:
        return pop_values(w, a) && push(w, RI_KIND_TABLE, 0);
    case RI_OP_NEWARRAY:
        return pop_values(w, RI_WORD_D(*w->code)) && push(w, RI_KIND_TABLE, 0);
    case RI_OP_SETLIST:
        if (!pop_values(w, a))
            return false;
        break;
    default: /* SETLISTV */
        CHECK(RI_WORD_U(*w->code) < w->depth, "stack underflow");
        if (!pop_values(w, w->depth - RI_WORD_U(*w->code) - 1))
            return false;
        break;
    }
    CHECK(w->depth > 0 && RI_KIND_OF(w->kinds[w->depth - 1]) == RI_KIND_TABLE, "no table under construction");
    return true;
}

static bool close_slots(Walk *w, uint32_t first)
{
    CHECK(first <= w->depth, "stack underflow");
    for (uint32_t i = first; i < w->depth; i++)
        w->kinds[i] &= (uint8_t)~RI_KIND_TBC;
    return true;
}

/* Execute the instruction in hand; its jump edge is followed here, its fall edge by the caller. */
static bool step(Walk *w)
{
    RiOpcode op = RI_WORD_OP(*w->code);
    const RiOpInfo *info = &ri_op_info[op];
    uint32_t a = RI_WORD_A(*w->code);
    if (op == RI_OP_CLOSE && w->open) /* operands stay: `return f()` past a variable to be closed */
        return close_slots(w, a);
    CHECK(w->open == ri_op_has_flag(op, 'I'), w->open ? "open stack not taken at once" : "no open stack to take");
    w->open = false;
    switch (op) {
    case RI_OP_LOADNIL:
        return push_values(w, a);
    case RI_OP_POP:
        CHECK(a <= w->depth, "stack underflow");
        return drop_to(w, w->depth - a);
    case RI_OP_SWAP: /* the names go along with the values */
        if (!pop_values(w, 2))
            return false;
        if (w->producers != NULL) {
            int64_t lower = w->producers[w->depth];
            w->producers[w->depth] = w->producers[w->depth + 1];
            w->producers[w->depth + 1] = lower;
        }
        w->kinds[w->depth] = w->kinds[w->depth + 1] = RI_KIND_VALUE;
        w->depth += 2;
        return true;
    case RI_OP_SETLOCAL:
        return pop_values(w, 1) && write_slot(w, a);
    case RI_OP_MOVELOCAL:
        return check_read(w, RI_WORD_B(*w->code)) && write_slot(w, a);
    case RI_OP_SETLOCALK:
    case RI_OP_SETLOCALI:
        return write_slot(w, a);
    case RI_OP_ADD_LLT:
    case RI_OP_SUB_LLT:
    case RI_OP_MUL_LLT:
        return check_read(w, RI_WORD_B(*w->code)) && check_read(w, RI_WORD_C(*w->code)) && write_slot(w, a);
    case RI_OP_ADD_LKT:
    case RI_OP_SUB_LKT:
    case RI_OP_MUL_LKT:
        return check_read(w, RI_WORD_B(*w->code)) && write_slot(w, a);
    case RI_OP_NEWCELL:
        if (!check_read(w, a))
            return false;
        w->kinds[a] = RI_KIND_CELL | (w->kinds[a] & RI_KIND_TBC);
        return true;
    case RI_OP_GETCELL:
        return check_cell(w, a) && push(w, RI_KIND_VALUE, 0);
    case RI_OP_SETCELL:
        return pop_values(w, 1) && check_cell(w, a);
    case RI_OP_SELF:
        return pop_values(w, 1) && push(w, RI_KIND_VALUE, 0) && push(w, RI_KIND_LINK, 1) && push(w, RI_KIND_VALUE, 2);
    case RI_OP_SELF_L:
        return check_read(w, a) && push(w, RI_KIND_VALUE, 0) && push(w, RI_KIND_LINK, 1) &&
               push(w, RI_KIND_VALUE, 2);
    case RI_OP_INITFIELD:
    case RI_OP_NEWTABLE:
    case RI_OP_NEWRECORD:
    case RI_OP_NEWARRAY:
    case RI_OP_SETLIST:
    case RI_OP_SETLISTV:
        return step_tables(w, op, a);
    case RI_OP_CONCAT:
        CHECK(a >= 2, "concatenation of fewer than two values");
        return pop_values(w, a) && push(w, RI_KIND_VALUE, 0);
    case RI_OP_LOOP:
        return drop_to(w, a) && jump(w);
    case RI_OP_TESTKEEP:
        return pop_values(w, 1) && push(w, RI_KIND_VALUE, 3) && jump(w) && pop_values(w, 1);
    case RI_OP_FORPREP:
    case RI_OP_FORLOOP:
    case RI_OP_TFORPREP:
    case RI_OP_TFORCALL:
    case RI_OP_TFORLOOP:
        return step_for_loops(w, op, a);
    case RI_OP_MARK:
        return push(w, RI_KIND_LINK, 0);
    case RI_OP_GETLOCAL_M:
    case RI_OP_GETFIELD_LM:
        if (!check_read(w, a))
            return false;
        return push(w, RI_KIND_VALUE, 0) && push(w, RI_KIND_LINK, 1);
    case RI_OP_GETUPVAL_M:
    case RI_OP_GETFIELD_UM:
        return push(w, RI_KIND_VALUE, 0) && push(w, RI_KIND_LINK, 1);
    case RI_OP_CALL:
        CHECK(a + 2 <= w->depth, "stack underflow");
        return take_call(w, w->depth - a - 2) && push_results(w, RI_WORD_B(*w->code));
    case RI_OP_CALLV:
        return take_call(w, RI_WORD_D(*w->code)) && push_results(w, a);
    case RI_OP_TAILCALL:
        CHECK(a + 2 <= w->depth, "stack underflow");
        return take_call(w, w->depth - a - 2) && drop_to(w, 0);
    case RI_OP_TAILCALLV:
        return take_call(w, RI_WORD_U(*w->code)) && drop_to(w, 0);
    case RI_OP_RETURN0:
        return drop_to(w, 0);
    case RI_OP_RETURN1:
        return pop_values(w, 1) && drop_to(w, 0);
    case RI_OP_RETURN_L:
        return check_read(w, a) && drop_to(w, 0);
    case RI_OP_RETURN:
        return pop_values(w, RI_WORD_D(*w->code)) && drop_to(w, 0);
    case RI_OP_RETURNV:
        CHECK(RI_WORD_U(*w->code) <= w->depth, "stack underflow");
        return pop_values(w, w->depth - RI_WORD_U(*w->code)) && drop_to(w, 0);
    case RI_OP_VARARG:
        CHECK(w->proto->is_vararg, "varargs in a function without");
        return push_results(w, a);
    case RI_OP_CLOSURE:
        return step_closure(w);
    case RI_OP_TBC:
        CHECK(a < w->depth && RI_KIND_OF(w->kinds[a]) <= RI_KIND_CELL && RI_KIND_OF(w->kinds[a]) != RI_KIND_LINK,
              "to-be-closed slot does not hold a variable");
        w->kinds[a] |= RI_KIND_TBC;
        return true;
    case RI_OP_CLOSE:
        return close_slots(w, a);
    default:
        ri_assert(info->pops >= 0 && info->pushes >= 0);
        return step_plain(w, info) && (!ri_op_has_flag(op, 'J') || jump(w));
    }
}

/* A slot with a name may be written by a debugger, so a table in it is just a value. Called with rising pcs of one run:
 * *next is the first variable not looked at. */
static void demote_named_tables(Walk *w, uint32_t *next)
{
    const RiProto *p = w->proto;
    for (; *next < p->local_count && p->locals[*next].start_pc <= w->pc; ++*next) {
        uint32_t slot = p->locals[*next].slot;
        if (slot < w->depth && w->pc < p->locals[*next].end_pc && w->kinds[slot] == RI_KIND_TABLE)
            w->kinds[slot] = RI_KIND_VALUE;
    }
}

/* From a jump target (or the start) on, until control leaves or meets a target. */
static bool run_from(Walk *w, uint32_t start, RiAbstractVisit *visit, void *context)
{
    const Snapshot *s = w->snapshots[start];
    uint32_t next_local = 0;
    w->words[start] &= (uint8_t)~WORD_IS_QUEUED;
    w->pc = start;
    w->depth = s->depth;
    w->open = false;
    w->previous_op = -1;
    memcpy(w->kinds, s->kinds, s->depth);
    if (w->producers != NULL)
        memcpy(w->producers, s->producers, s->depth * sizeof(int64_t));
    for (;;) {
        w->code = w->proto->code + w->pc;
        RiOpcode op = RI_WORD_OP(*w->code);
        CHECK(w->steps_left-- > 0, "function too complex to verify");
        demote_named_tables(w, &next_local);
        if (visit != NULL) {
            RiAbstractState state = {w->depth, w->open, w->kinds, w->producers};
            visit(context, w->pc, &state);
        }
        if (!step(w))
            return false;
        if (ri_op_has_flag(op, 'F'))
            return true;
        w->previous_op = op;
        uint32_t next = w->pc + ri_op_info[op].words;
        CHECK(next < w->proto->code_count, "control falls off the end");
        if (w->words[next] & WORD_IS_TARGET)
            return arrive(w, next);
        w->pc = next;
    }
}

static bool run_all(Walk *w, RiAbstractVisit *visit, void *context)
{
    w->depth = 0;
    w->open = false;
    for (uint32_t i = 0; i < w->proto->param_count; i++) {
        w->pc = 0;
        if (!push(w, RI_KIND_VALUE, 0))
            return false;
        set_slot(w, i, RI_KIND_VALUE);
    }
    w->pc = 0;
    w->words[0] |= WORD_IS_TARGET;
    if (!arrive(w, 0))
        return false;
    while (w->queue_count > 0) {
        if (!run_from(w, w->queue[--w->queue_count], visit, context))
            return false;
    }
    return true;
}

/* Place what the walk needs in `memory` and clear what must be clear; returns the bytes used. NULL: only count them. */
static size_t lay_out(Walk *w, char *memory, bool want_producers)
{
    const RiProto *p = w->proto;
    size_t words = p->code_count, slots = (size_t)p->frame_size + 1;
    size_t clear = words * sizeof(Snapshot *) + align8(words) + align8(p->site_count);
    size_t producers = want_producers ? slots * sizeof(int64_t) : 0;
    if (memory != NULL) {
        memset(memory, 0, clear);
        w->snapshots = (Snapshot **)(void *)memory;
        w->words = (uint8_t *)(w->snapshots + words);
        w->used_sites = w->words + align8(words);
        w->producers = want_producers ? (int64_t *)(void *)(memory + clear) : NULL;
        w->queue = (uint32_t *)(void *)(memory + clear + producers);
        w->kinds = (uint8_t *)(w->queue + words);
    }
    return align8(clear + producers + words * sizeof(uint32_t) + slots);
}

/* Everything that neither lay_out nor run_from sets. */
static void start_walk(Walk *w, const RiProto *proto)
{
    w->proto = proto;
    w->pc = 0;
    w->rule = NULL;
    w->queue_count = 0;
    w->snapshot_bytes = 0;
    w->has_allocated = false;
    w->steps_left = 64 * (uint64_t)proto->code_count + 100000;
    w->producers = NULL;
    w->listed = 0;
}

const char *ri_abstract_walk(const RiProto *proto, bool want_producers, RiAbstractVisit *visit, void *context, uint32_t *pc)
{
    *pc = 0;
    if (proto->code_count == 0)
        return "function without code";
    if (proto->frame_size > RI_FRAME_SIZE_MAX || proto->param_count > proto->frame_size)
        return "bad frame size";
    uint64_t small[SMALL_BYTES / sizeof(uint64_t)];
    Walk walk; /* not zeroed: as many instructions as a small function takes in all */
    start_walk(&walk, proto);
    size_t size = lay_out(&walk, NULL, want_producers);
    char *memory = size <= sizeof small ? (char *)small : malloc(size);
    if (memory == NULL)
        return "not enough memory to verify";
    lay_out(&walk, memory, want_producers);
    walk.room = memory + size;
    walk.room_end = size <= sizeof small ? (char *)small + sizeof small : walk.room;
    if (scan(&walk))
        run_all(&walk, visit, context);
    *pc = walk.pc;
    for (size_t i = 0; walk.has_allocated && i < proto->code_count; i++) {
        char *snapshot = (char *)walk.snapshots[i];
        if (snapshot != NULL && (snapshot < memory || snapshot >= walk.room_end))
            free(snapshot);
    }
    if (memory != (char *)small)
        free(memory);
    return walk.rule;
}

uint32_t ri_abstract_depth_after(const RiWord *code, uint32_t depth)
{
    RiOpcode op = RI_WORD_OP(*code);
    const RiOpInfo *info = &ri_op_info[op];
    uint32_t a = RI_WORD_A(*code), b = RI_WORD_B(*code), d = RI_WORD_D(*code);
    switch (op) {
    case RI_OP_LOADNIL:
        return depth + a;
    case RI_OP_POP:
        return depth - a;
    case RI_OP_NEWRECORD:
    case RI_OP_CONCAT:
        return depth - a + 1;
    case RI_OP_NEWARRAY:
        return depth - d + 1;
    case RI_OP_SETLIST:
        return depth - a;
    case RI_OP_SETLISTV:
        return RI_WORD_U(*code) + 1;
    case RI_OP_LOOP:
    case RI_OP_FORLOOP:
        return a;
    case RI_OP_TESTKEEP:
        return depth - 1;
    case RI_OP_FORPREP:
    case RI_OP_TFORLOOP:
        return a + 4;
    case RI_OP_TFORCALL:
        return a + 4 + b;
    case RI_OP_CALL:
        return depth - a - 2 + (b > 0 ? b - 1 : 0);
    case RI_OP_CALLV:
        return d + (a > 0 ? a - 1 : 0);
    case RI_OP_VARARG:
        return depth + (a > 0 ? a - 1 : 0);
    case RI_OP_TAILCALL:
    case RI_OP_TAILCALLV:
    case RI_OP_RETURN:
    case RI_OP_RETURNV:
        return 0;
    default:
        return depth - (uint32_t)info->pops + (uint32_t)info->pushes;
    }
}

uint32_t ri_instruction_at(const RiProto *proto, uint32_t word)
{
    uint32_t pc = 0;
    while (pc < proto->code_count) {
        uint32_t next = pc + ri_op_info[RI_WORD_OP(proto->code[pc])].words;
        if (next > word)
            break;
        pc = next;
    }
    return pc;
}
