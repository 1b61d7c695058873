/* Blocks, versions, stubs, code memory, and the ways in and out of machine code.
 *
 * A stub is a few bytes of cold code that call ri_jit_stub_hit: it compiles what the stub stands for, lets the jump that led
 * to it go there directly from now on, and goes on there itself with all registers as they were. When code memory is full,
 * all of it is given up at the next entry at which no machine code is under way. */
#include "jit/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/debuginfo.h"
#include "vm/host/host.h"

#define CODE_BYTES ((size_t)32 << 20)
#define COLD_CHUNK 8192u
#define HOT_MARGIN 8192u   /* no instruction's code is longer */
#define FN_CODE_MAX 400000u
#define BLOCK_INSTRUCTIONS_MAX 2000u
#define HOT_CALLS 30u
#define STUBS_MARGIN 256u         /* no instruction makes so many */
#define RESERVE_BYTES ((size_t)1 << 20) /* for the compiler when memory is short: more than a function takes */
#define TOUCH_BYTES 32768u
#define ROUTINES_BYTES_MAX 4096u
#define NOTES_PER_BYTE 2u /* what the compiler keeps about code, in bytes for a byte of code memory, at most */
#define NOTES_KEPT ((size_t)4 << 20) /* … after the death of a large process; much of more would be of dead functions */
#define LIMIT_SHARE 4 /* of a limit of memory for all processes is for machine code, and what is kept about it */
#define HOT_LOOPS 300u
/* The first one of a heap that awaits its JIT: opening takes as long as interpreting some thousand instructions, and a host may
 * have very many states, most of them for a few calls. */
#define AWAITED_CALLS 300u
#define AWAITED_CODE_BYTES ((size_t)8 << 20)
#define VERSIONS_LIMIT 10u /* of one block, whatever they differ in; then one that assumes nothing */
/* Return addresses: 16 bytes a call. Whoever is deeper goes on from the interpreter, with the machine stack empty again. A stay
 * within another one, below C functions, shares its room, or gets a little. */
#define NATIVE_STACK_BYTES (128 * 1024)
#define NATIVE_STACK_BYTES_AWAITED (32 * 1024) /* in a host, whose threads may have small ones */
#define NATIVE_STACK_BYTES_MIN 2048

static const RiWord native_word = RI_OP_NATIVE;

static RiJit *ri_jit_of(const RiHeap *heap)
{
    return heap->jit;
}

/* -- Memory of the compiler -------------------------------------------------------------------------------------------- */

void *ri_jit_alloc(RiJit *j, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!j->chunks || j->chunks->size - j->chunks->used < size) {
        size_t bytes = size > 65536 ? size : 65536;
        RiJitChunk *chunk = calloc(1, sizeof *chunk + bytes);
        if (!chunk) { /* what has begun is ended with the reserve; nothing new begins */
            chunk = j->reserve;
            j->reserve = NULL;
            j->full = true;
            if (!chunk || bytes > RESERVE_BYTES)
                ri_panic_no_memory("the compiler's reserve is used up");
            bytes = RESERVE_BYTES;
        }
        j->chunk_bytes += bytes;
        chunk->next = j->chunks;
        chunk->size = bytes;
        j->chunks = chunk;
    }
    void *p = (char *)j->chunks->bytes + j->chunks->used;
    j->chunks->used += size;
    return p;
}

bool ri_jit_keep(RiJit *j, void *object)
{
    RiJitFn *fn = j->fn;
    for (uint32_t i = 0; i < fn->ref_count; i++)
        if (fn->refs[i] == object)
            return true;
    if (fn->ref_count == fn->ref_capacity)
        return false;
    fn->refs[fn->ref_count++] = object;
    return true;
}

RiJitSnap *ri_jit_snapshot(RiJit *j)
{
    if (j->snap)
        return j->snap;
    RiJitSnap *snap = ri_jit_alloc(j, sizeof *snap + j->depth * sizeof(RiJitSlot));
    snap->depth = j->depth;
    memcpy(snap->held, j->held, sizeof j->held);
    memcpy(snap->slots, j->slots, j->depth * sizeof(RiJitSlot));
    j->snap = snap;
    return snap;
}

/* -- Cold code ------------------------------------------------------------------------------------------------------------ */

uint32_t ri_jit_cold_begin(RiJit *j)
{
    if (j->cold_end - j->cold.at < HOT_MARGIN / 2) { /* an exit of a frame with all slots in use takes 2.7 KB */
        ri_assert(j->cold_bottom > j->hot.at + 2 * COLD_CHUNK);
        j->cold_bottom -= COLD_CHUNK * 2;
        j->cold.at = j->cold_bottom;
        j->cold_end = j->cold_bottom + COLD_CHUNK * 2;
        ri_host_code_touch(&j->pages, j->cold_bottom, COLD_CHUNK * 2);
    }
    j->as = &j->cold;
    return j->cold.at;
}

void ri_jit_cold_end(RiJit *j)
{
    j->as = &j->hot;
}

/* -- Stubs ---------------------------------------------------------------------------------------------------------------- */

RiJitStub *ri_jit_stub(RiJit *j, RiJitStubKind kind, RiFeedback *fv, uint32_t pc)
{
    ri_assert(j->stub_count < j->stub_capacity); /* has_room */
    ri_assert(j->as == &j->hot);                 /* it would lie in the way */
    RiJitStub *stub = ri_jit_alloc(j, sizeof *stub);
    uint32_t id = j->stub_count++;
    j->stubs[id] = stub;
    *stub = (RiJitStub){.kind = kind, .pc = pc, .fv = fv, .snap = ri_jit_snapshot(j), .is_begun = j->is_begun};
    stub->inl = kind >= STUB_CALL ? NULL : j->inl;
    RiAsm *as = j->as;
    stub->address = ri_jit_cold_begin(j);
    ri_x_imm(j->as, RI_RAX, id);
    ri_x_jmp(j->as, kind == STUB_CALL ? j->call_thunk_address : j->thunk_address);
    j->as = as;
    return stub;
}

void ri_jit_guard_jump(RiJit *j, RiCond cc)
{
    RiJitStub *stub = ri_jit_stub(j, STUB_GUARD, j->fv, j->pc);
    stub->chain = j->chain;
    stub->where = ri_x_jcc(j->as, cc, stub->address);
}

void ri_jit_stub_at(RiJit *j, RiJitStubKind kind, uint32_t pc, uint32_t where)
{
    RiJitStub *stub = ri_jit_stub(j, kind, j->fv, pc);
    stub->chain = j->chain;
    stub->where = where;
    ri_x_patch(j->as, where, stub->address);
}

void ri_jit_branch_to(RiJit *j, RiCond cc, uint32_t pc)
{
    RiJitStub *stub = ri_jit_stub(j, STUB_BRANCH, j->fv, pc);
    stub->where = ri_x_jcc(j->as, cc, stub->address);
}

void ri_jit_jump_to_stub(RiJit *j, uint32_t pc)
{
    RiJitStub *stub = ri_jit_stub(j, STUB_BRANCH, j->fv, pc);
    stub->where = ri_x_jmp(j->as, stub->address);
}

/* -- Exits ---------------------------------------------------------------------------------------------------------------- */

void ri_jit_emit_state(RiJit *j, uint32_t pc)
{
    ri_jit_flush(j);
    ri_jit_save_state(j, pc);
}

void ri_jit_emit_exit(RiJit *j, uint32_t pc, RiJitExit reason)
{
    const RiForeignSite *pending = ri_jit_pending(j);
    if (pending) {
        pc = pending->pc;
        j->depth = pending->depth;
        j->snap = NULL;
    }
    ri_jit_count_exit(j, reason, pc);
    ri_jit_emit_state(j, pc);
    j->is_framed = false;
    ri_x_imm(j->as, RI_RAX, reason == RI_JIT_EXIT_SAFE_POINT ? RI_NATIVE_SAFE_POINT : RI_NATIVE_GO_ON);
    ri_x_jmp(j->as, j->exit_address);
}

void ri_jit_exit_if(RiJit *j, RiCond cc)
{
    RiJitSnap *snap = ri_jit_snapshot(j);
    uint32_t where = ri_x_jcc(j->as, cc, 0), address = ri_jit_cold_begin(j);
    ri_x_patch(&j->hot, where, address);
    ri_jit_emit_exit(j, j->pc, RI_JIT_EXIT_CONDITION);
    ri_jit_cold_end(j);
    ri_jit_restore(j, snap); /* the exit's stores are not on this path */
}

void ri_jit_exit_if_refused(RiJit *j)
{
    RiJitSnap *snap = ri_jit_snapshot(j);
    uint32_t where = ri_x_if_refused(j->as, 0);
    ri_x_patch(&j->hot, where, ri_jit_cold_begin(j));
    ri_jit_emit_exit(j, j->pc, RI_JIT_EXIT_CONDITION);
    ri_jit_cold_end(j);
    ri_jit_restore(j, snap);
}

void ri_jit_restore(RiJit *j, RiJitSnap *snap)
{
    j->depth = snap->depth;
    memcpy(j->held, snap->held, sizeof j->held);
    memcpy(j->slots, snap->slots, snap->depth * sizeof(RiJitSlot));
    j->snap = snap;
}

/* -- Functions --------------------------------------------------------------------------------------------------------------- */

static void note_slot(uint32_t *set, uint32_t slot)
{
    if (slot < RI_JIT_SLOTS_MAX)
        set[slot / 32] |= 1u << slot % 32;
}

static void note_instruction(RiJitLoop *loop, const RiWord *code)
{
    RiOpcode op = RI_WORD_OP(*code);
    uint32_t a = RI_WORD_A(*code);
    for (const char *o = ri_op_info[op].operands; *o; o += o[2] ? 3 : 2)
        if (o[1] == 'L')
            note_slot(loop->used, (uint32_t)ri_op_read_field(code, o[0]));
    switch (op) {
    case RI_OP_SETLOCAL:
    case RI_OP_MOVELOCAL:
    case RI_OP_SETLOCALK:
    case RI_OP_SETLOCALI:
    case RI_OP_NEWCELL:
    case RI_OP_ADD_LLT:
    case RI_OP_SUB_LLT:
    case RI_OP_MUL_LLT:
    case RI_OP_ADD_LKT:
    case RI_OP_SUB_LKT:
    case RI_OP_MUL_LKT:
        note_slot(loop->written, a);
        break;
    case RI_OP_FORPREP:
    case RI_OP_FORLOOP:
        for (uint32_t i = 0; i < 4; i++) {
            note_slot(loop->used, a + i);
            if (i != 2 || op == RI_OP_FORPREP)
                note_slot(loop->written, a + i);
        }
        break;
    case RI_OP_TFORPREP:
    case RI_OP_TFORCALL:
    case RI_OP_TFORLOOP:
        note_slot(loop->written, a + 2);
        note_slot(loop->written, a + 3);
        break;
    default:
        break;
    }
}

uint32_t ri_jit_jump_target(const RiWord *code, uint32_t pc)
{
    const RiOpInfo *info = &ri_op_info[RI_WORD_OP(code[pc])];
    const char *o = strchr(info->operands, 'J');
    return (uint32_t)((int64_t)pc + info->words + ri_op_read_field(code + pc, o[-1]));
}

static void scan_loop(RiJit *j, const RiProto *proto, RiJitPc *pcs, uint32_t head, uint32_t end)
{
    RiJitLoop *loop = pcs[head].loop ? pcs[head].loop : ri_jit_alloc(j, sizeof *loop);
    pcs[head].loop = loop;
    for (uint32_t pc = head; pc <= end; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words)
        note_instruction(loop, proto->code + pc);
}

static bool is_test(RiOpcode op)
{
    return op == RI_OP_TEST || op == RI_OP_TESTKEEP || op == RI_OP_NOT;
}

/* Find merge points and loops. */
void ri_jit_scan(RiJit *j, const RiProto *proto, RiJitPc *pcs)
{
    uint8_t *comers = ri_jit_alloc(j, proto->code_count + 1);
    for (uint32_t pc = 0; pc < proto->code_count;) {
        RiOpcode op = RI_WORD_OP(proto->code[pc]);
        uint32_t next = pc + ri_op_info[op].words;
        if (ri_op_has_flag(op, 'J')) {
            uint32_t target = ri_jit_jump_target(proto->code, pc);
            comers[target] += comers[target] < 100;
            if (target <= pc) {
                scan_loop(j, proto, pcs, target, pc);
                pcs[target].is_merge = true;
            }
        }
        if (!ri_op_has_flag(op, 'F') && next < proto->code_count)
            comers[next] += comers[next] < 100;
        pc = next;
    }
    for (uint32_t pc = 0, next; pc < proto->code_count; pc = next) {
        RiOpcode op = RI_WORD_OP(proto->code[pc]);
        next = pc + ri_op_info[op].words;
        pcs[pc].is_merge |= comers[pc] > 1;
        /* After a call all is in memory: a good place for versions to meet, or straight code would double at every guard. */
        if (op == RI_OP_CALL && RI_WORD_B(proto->code[pc]) > 0)
            pcs[next].is_merge = true;
        if (op >= RI_OP_EQ && op <= RI_OP_GE && !is_test(RI_WORD_OP(proto->code[next]))) /* two ways come here */
            pcs[next].is_merge = true;
    }
}

#define REFS_MIN 16

static bool is_known(const RiJit *j, const RiFeedback *fv)
{
    const RiJitFn *fn = fv->native;
    return fn && fn->generation == j->generation;
}

RiJitFn *ri_jit_function(RiJit *j, RiFeedback *fv)
{
    RiJitFn *fn = fv->native;
    const RiProto *proto = fv->proto;
    if (!fn) {
        uint32_t calls = REFS_MIN;
        for (uint32_t pc = 0; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words)
            calls += ri_op_has_flag(RI_WORD_OP(proto->code[pc]), 'Z') ? 3 : 0;
        fn = ri_heap_alloc_raw(j->heap, sizeof *fn + calls * sizeof(void *), true);
        fn->ref_capacity = calls;
        fv->native = fn;
    }
    if (fn->generation != j->generation) {
        *fn = (RiJitFn){.generation = j->generation, .ref_capacity = fn->ref_capacity};
        memset(fn->refs, 0, fn->ref_capacity * sizeof(void *));
        fn->refused = proto->frame_size > 4096 || proto->code_count > 20000 || proto->param_count > 64;
        if (!fn->refused) {
            fn->pcs = ri_jit_alloc(j, (proto->code_count + 1) * sizeof(RiJitPc));
            ri_jit_scan(j, proto, fn->pcs);
            j->stats.functions++;
        }
    }
    return fn;
}

bool ri_jit_was_hot(const RiJit *j, const RiFeedback *fv)
{
    return is_known(j, fv) || j->always || fv->calls + 1 >= j->hot_calls;
}

bool ri_jit_is_hot(RiJit *j, RiFeedback *fv, uint32_t pc)
{
    if (is_known(j, fv) || j->always)
        return true;
    return pc == 0 ? ++fv->calls >= j->hot_calls : fv->loops >= j->heap->hot_loops;
}

/* -- Compiling ------------------------------------------------------------------------------------------------------------- */

static void begin_function(RiJit *j, RiThread *T, RiFeedback *fv, RiJitInline *inl)
{
    j->T = T;
    j->fn = inl ? inl->root->native : fv->native;
    ri_jit_set_frame(j, fv, inl);
    j->is_framed = false;
    j->as = &j->hot;
    j->pinned = 0;
    j->snap = NULL;
    j->instruction_count = 0;
    j->chain = 0;
    j->is_open = false;
}

/* Does it take too much of the memory that the program is limited to? Most of a long list of functions is dead. */
static bool is_too_much(const RiJit *j)
{
    uint64_t limit = (uint64_t)ri_heap_group_limit(j->heap);
    uint64_t code = j->hot.at + (j->pages.size - j->cold_bottom);
    return limit != 0 && code + j->chunk_bytes + j->stub_capacity * sizeof *j->stubs > limit / LIMIT_SHARE;
}

static bool has_room(RiJit *j)
{
    if (j->stub_count + STUBS_MARGIN > j->stub_capacity) {
        uint32_t capacity = j->stub_capacity * 2 + 8 * STUBS_MARGIN;
        RiJitStub **stubs = realloc(j->stubs, capacity * sizeof *stubs);
        if (stubs) {
            j->stubs = stubs;
            j->stub_capacity = capacity;
        } else {
            j->full = true;
        }
    }
    if (!j->reserve && !j->full)
        j->reserve = calloc(1, sizeof *j->reserve + RESERVE_BYTES);
    j->full |= is_too_much(j) || !j->reserve || j->pages.is_lost || j->chunk_bytes > NOTES_PER_BYTE * j->pages.size;
    if (j->trims != j->heap->trims) {
        j->trims = j->heap->trims;
        j->full |= j->chunk_bytes > NOTES_KEPT;
    }
    if (j->hot.at + 16 * HOT_MARGIN > j->cold_bottom)
        j->full = true;
    if (j->hot.at + HOT_MARGIN > j->touched && !j->full) {
        ri_host_code_touch(&j->pages, j->touched, TOUCH_BYTES);
        j->touched += TOUCH_BYTES;
    }
    return !j->full && j->fn->code_bytes < FN_CODE_MAX;
}

static RiJitExit why_no_room(const RiJit *j)
{
    bool is_large = j->depth + 8 > RI_JIT_SLOTS_MAX || j->fn->code_bytes >= FN_CODE_MAX || j->fn->refused;
    return is_large ? RI_JIT_EXIT_LARGE : RI_JIT_EXIT_ROOM;
}

static RiJitVersion *add_version(RiJit *j, RiJitVersion **list)
{
    RiJitVersion *v = ri_jit_alloc(j, sizeof *v);
    v->snap = ri_jit_snapshot(j);
    v->address = j->hot.at;
    v->next = *list;
    *list = v;
    return v;
}

/* The version that fits and forgets least of what is known; NULL: none. */
static RiJitVersion *find_version(RiJit *j, const RiJitPc *at, bool exact, uint32_t *lost)
{
    RiJitVersion *best = NULL;
    *lost = UINT32_MAX;
    for (RiJitVersion *v = at->versions; v; v = v->next) {
        if (v->snap->depth != j->depth || !ri_jit_fits(j, v->snap, exact))
            continue;
        uint32_t n = ri_jit_facts_lost(j, v->snap);
        if (n < *lost) {
            *lost = n;
            best = v;
        }
    }
    return best;
}

static bool has_types(const RiJit *j, const RiJitPc *at)
{
    for (const RiJitVersion *v = at->versions; v; v = v->next)
        if (ri_jit_same_types(j, v->snap))
            return true;
    return false;
}

/* A version that forgets facts (or none) was found: go on with a new one all the same? With more facts code is better, and in
 * loops that is how guards come to be outside: those of the first round are known in the second. */
static RiJitVersion *choose_version(RiJit *j, RiJitPc *at, RiJitVersion *found, uint32_t lost)
{
    if ((found && lost == 0) || !has_types(j, at))
        return found;
    if (at->fact_count < RI_JIT_FACTS_MAX) {
        at->fact_count++;
        return NULL;
    }
    if (!found) {
        ri_jit_drop_facts(j);
        found = find_version(j, at, true, &lost);
        at->fact_count += !found;
    }
    return found;
}

/* Jump. Behind a safe point, whose branch comes last, that branch is turned round: one less is taken, or come by, in each round. */
static void emit_arrival(RiJit *j, uint32_t address)
{
    uint32_t branch = j->hot.at - 6;
    if (j->poll_end != j->hot.at || j->poll_end == 0) {
        ri_x_jmp(j->as, address);
        return;
    }
    int32_t distance;
    memcpy(&distance, &j->hot.code[branch + 2], sizeof distance);
    uint32_t served = (uint32_t)((int64_t)j->hot.at + distance);
    j->hot.at = branch;
    ri_x_jcc(j->as, RI_CC_NS, address);
    ri_x_jmp(j->as, served);
}

/* Control arrives at merge point `pc`: true if it has gone to a version that is there; else a new one begins here. */
static bool arrive(RiJit *j, uint32_t pc)
{
    RiJitPc *at = &j->pcs[pc];
    j->pc = pc;
    uint32_t types = (uint32_t)at->version_count - at->fact_count, lost;
    ri_jit_prepare_merge(j, pc, at->version_count + 1 >= RI_JIT_VERSIONS_MAX);
    RiJitVersion *v = find_version(j, at, true, &lost);
    if (!v && at->loop) {
        ri_jit_prepare_loop(j, at->loop);
        v = find_version(j, at, true, &lost);
    }
    bool is_new = !has_types(j, at), is_crowded = at->version_count >= VERSIONS_LIMIT;
    if (!is_crowded)
        v = choose_version(j, at, v, lost);
    if (!v && (is_crowded || (is_new && types >= RI_JIT_VERSIONS_MAX))) {
        v = find_version(j, at, false, &lost);
        if (!v && !is_crowded)
            ri_jit_generalize(j, at->versions);
        else if (!v)
            ri_jit_forget(j);
    }
    if (v) {
        ri_jit_transition(j, v->snap);
        emit_arrival(j, v->address);
        return true;
    }
    at->version_count++;
    j->stats.blocks++;
    add_version(j, &at->versions);
    return false;
}

/* Emit code from instruction `pc` on until the block ends. is_begun: code before has counted that instruction. */
static void compile(RiJit *j, uint32_t pc, bool is_begun)
{
    uint32_t start = j->hot.at, first = pc;
    j->is_begun = is_begun;
    for (;;) {
        j->pc = pc;
        j->next_pc = pc + ri_op_info[RI_WORD_OP(j->code[pc])].words;
        ri_jit_listing_begin(j, pc);
        j->pinned = 0;
        j->is_deferred = false;
        if (j->instruction_count++ > BLOCK_INSTRUCTIONS_MAX && !j->is_open && has_room(j)) {
            ri_jit_jump_to_stub(j, pc); /* enough for once */
            break;
        }
        if (j->depth + 8 > RI_JIT_SLOTS_MAX || !has_room(j)) {
            ri_jit_emit_exit(j, pc, why_no_room(j));
            break;
        }
        if (ri_jit_is_break(j->fv, pc) && j->is_open) {
            ri_jit_emit_exit(j, pc, RI_JIT_EXIT_BREAK);
            break;
        }
        if (ri_jit_is_break(j->fv, pc)) { /* the stub is not replaced by code before the breakpoint has gone */
            RiJitStub *stub = ri_jit_stub(j, STUB_LATER, j->fv, pc);
            stub->where = ri_x_jmp(j->as, stub->address);
            break;
        }
        if (!j->is_begun) {
            ri_jit_count_instruction(j, RI_WORD_OP(j->code[pc]), 1);
            ri_jit_emit_witness(j, pc);
            j->is_begun = true;
        }
        bool was_open = j->is_open;
        const RiJitInline *inl = j->inl;
        RiWord w = j->code[pc];
        RiJitResult result = ri_jit_emit(j, ri_jit_relocate(j, w));
        if (was_open && RI_WORD_OP(w) != RI_OP_CLOSE && result == EMIT_ON)
            j->is_open = RI_WORD_OP(w) == RI_OP_CALLV && RI_WORD_A(w) == 0;
        ri_assert(j->as == &j->hot);
        if (result == EMIT_DEFER && pc == first && j->generic_pc != pc) {
            j->generic_pc = pc; /* there is no more to be seen */
            continue;
        }
        if (result == EMIT_DEFER) {
            ri_assert(pc != j->generic_pc);
            RiJitStub *stub = ri_jit_stub(j, STUB_LATER, j->fv, pc);
            stub->where = ri_x_jmp(j->as, stub->address);
            break;
        }
        if (result == EMIT_CANNOT) {
            ri_jit_emit_exit(j, pc, RI_JIT_EXIT_CANNOT);
            break;
        }
        if (result == EMIT_END)
            break;
        pc = j->next_pc;
        j->chain = 0;
        j->is_begun = false;
        if (j->inl != inl)
            first = UINT32_MAX;
        if (j->pcs[pc].is_merge && arrive(j, pc))
            break;
    }
    ri_jit_listing_end(j);
    j->fn->code_bytes += j->hot.at - start;
    j->stats.code_bytes += j->hot.at - start;
}

/* Where the values of a stub's context are when it is hit. */
typedef struct SavedRegisters {
    double xmm[16];
    uint64_t gpr[16]; /* by number; those that hold values are filled in */
} SavedRegisters;

static void take_samples(RiJit *j, const SavedRegisters *saved)
{
    const RiValue *base = j->T->base;
    for (uint32_t i = 0; i < j->depth; i++) {
        const RiJitSlot *s = &j->slots[i];
        RiValue v = base[i];
        if (s->type == TYPE_LINK)
            continue;
        if (s->where == IN_CONSTANT)
            v = s->k;
        else if (s->where == IN_ALIAS)
            v = base[s->alias];
        else if (s->where >= IN_XMM)
            v.n = saved->xmm[s->where - IN_XMM];
        else if (s->where >= IN_GPR)
            v.u = saved->gpr[s->where - IN_GPR];
        if (s->site && s->site->is_pending)
            v.p = s->site->sample;
        if (s->type != TYPE_UNKNOWN)
            v.tag = (uint64_t)s->type - 1;
        if (v.tag < 32)
            ri_jit_set_sample(j, i, v);
    }
}

static uint32_t emit_prologue(RiJit *j)
{
    uint32_t address = j->hot.at;
    j->pc = 0;
    ri_x_alu(j->as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1);
    uint32_t poll = ri_x_jcc(j->as, RI_CC_S, 0);
    ri_x_rm(j->as, RI_X_CMP, RI_RSP, OF_HEAP(native_limit));
    uint32_t deep = ri_x_jcc(j->as, RI_CC_B, 0);
    ri_x_patch(&j->hot, poll, ri_jit_cold_begin(j));
    ri_jit_emit_exit(j, 0, RI_JIT_EXIT_SAFE_POINT);
    ri_x_patch(&j->hot, deep, ri_jit_cold_begin(j));
    ri_jit_emit_exit(j, 0, RI_JIT_EXIT_DEEP);
    ri_jit_cold_end(j);
    return address;
}

/* Entry of the function of T's frame for the argument types in j's context. Returns its address. */
static uint32_t compile_entry(RiJit *j, bool always)
{
    RiJitFn *fn = j->fn;
    for (RiJitVersion *v = fn->entries; v; v = v->next)
        if (ri_jit_fits(j, v->snap, true))
            return v->address;
    if (fn->entry_count >= RI_JIT_VERSIONS_MAX && !always) {
        for (uint32_t i = 0; i < j->depth; i++)
            j->slots[i] = (RiJitSlot){.where = IN_MEMORY, .synced = true};
        ri_jit_drop_held(j);
        return compile_entry(j, true);
    }
    fn->entry_count++;
    add_version(j, &fn->entries);
    uint32_t address = emit_prologue(j);
    if (!fn->pcs[0].is_merge || !arrive(j, 0))
        compile(j, 0, false);
    return address;
}

static void patch_stub(RiJit *j, RiJitStub *stub, uint32_t target)
{
    if (stub->where)
        ri_x_patch(&j->hot, stub->where, target);
    if (stub->where2)
        ri_x_patch(&j->hot, stub->where2, target);
    RiAsm as = {.code = j->hot.code, .at = stub->address};
    ri_x_jmp(&as, target);
}

/* A stub that could not be compiled leaves to the interpreter from now on. */
static uint32_t exit_of_stub(RiJit *j, const RiJitStub *stub)
{
    if (j->hot.at + 4 * HOT_MARGIN > j->cold_bottom || j->pages.is_lost)
        return 0;
    uint32_t address = ri_jit_cold_begin(j);
    if (stub->kind == STUB_CALL)
        ri_x_alu32_mem(j->as, RI_ALU_SUB, OF_HEAP(budget), 1);
    ri_jit_emit_exit(j, stub->pc, why_no_room(j));
    ri_jit_cold_end(j);
    return address;
}

static uint32_t compile_stub(RiJit *j, RiThread *T, RiJitStub *stub, const SavedRegisters *saved)
{
    begin_function(j, T, stub->fv, stub->inl);
    ri_jit_load_snap(j, stub->snap);
    take_samples(j, saved);
    if (!has_room(j) || j->fn->refused)
        return exit_of_stub(j, stub);
    if (stub->kind == STUB_CALL)
        return compile_entry(j, false);
    RiJitPc *at = &j->pcs[stub->pc];
    if (stub->kind <= STUB_LATER && stub->where && stub->where + 4 == j->hot.at && j->hot.code[stub->where - 1] == 0xe9) {
        j->hot.at = stub->where - 1; /* the jump is the last thing that was emitted: go on in its place */
        stub->where = 0;
    }
    uint32_t address = j->hot.at;
    if (stub->kind == STUB_GUARD) {
        at->guards += at->guards < 255;
        if (stub->chain >= RI_JIT_CHAIN_MAX || at->guards > RI_JIT_GUARDS_MAX)
            j->generic_pc = stub->pc;
        j->chain = (uint8_t)(stub->chain + 1);
        compile(j, stub->pc, stub->is_begun);
    } else if (stub->kind == STUB_LATER) {
        compile(j, stub->pc, stub->is_begun);
    } else if (!at->is_merge || !arrive(j, stub->pc)) {
        compile(j, stub->pc, false);
    }
    return address;
}

/* No memory for code, or a breakpoint: leave by hand. */
static const void *emergency_exit(RiJit *j, RiThread *T, const RiJitStub *stub, const SavedRegisters *saved)
{
    ri_jit_load_snap(j, stub->snap);
    j->T = T;
    for (uint32_t i = 0; i < j->depth; i++)
        j->has_sample[i] = false;
    take_samples(j, saved);
    for (uint32_t i = 0; i < j->depth; i++) {
        if (stub->snap->slots[i].type == TYPE_LINK)
            T->base[i].tag = RI_TAG_LINK;
        else if (stub->snap->slots[i].where != IN_MEMORY)
            ri_store(&T->base[i], j->samples[i]);
    }
    T->pc = stub->pc;
    T->top = T->base + j->depth;
    ri_jit_make_frames(T, stub->inl);
    return ri_jit_run_address(j, j->exit_address);
}

/* Called from the thunks: a stub's code has been reached. Returns where to go on. */
static const void *stub_hit(RiThread *T, uint32_t id, const SavedRegisters *saved)
{
    RiJit *j = ri_jit_of(T->heap);
    RiJitStub *stub = j->stubs[id];
    uint64_t began = ri_host_monotonic_ns();
    j->stats.stubs_hit++;
    j->stats.guards_failed += stub->kind == STUB_GUARD;
    if (stub->kind >= STUB_CALL) { /* the frame has been set up: all is exact */
        T->pc = stub->pc;
        T->top = T->base + stub->snap->depth;
        if (stub->kind == STUB_CALL && (!ri_jit_is_hot(j, stub->fv, 0) || ri_jit_is_break(stub->fv, 0) || j->stale)) {
            T->heap->budget--;
            return ri_jit_run_address(j, j->exit_address);
        }
        if ((j->full && !is_known(j, stub->fv)) || ri_jit_is_break(stub->fv, stub->pc))
            return emergency_exit(j, T, stub, saved);
        ri_jit_function(j, stub->fv);
    } else if (ri_jit_is_break(stub->fv, stub->pc)) {
        return emergency_exit(j, T, stub, saved);
    }
    RiJitMark mark = ri_jit_mark(j);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, true);
    ri_host_code_begin(&j->pages);
    uint32_t address = compile_stub(j, T, stub, saved);
    if (address)
        patch_stub(j, stub, address);
    ri_host_code_end(&j->pages);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, false);
    ri_jit_tell(j, mark, stub->fv->proto, stub->pc);
    j->stats.compile_ns += ri_host_monotonic_ns() - began;
    if (!address)
        return emergency_exit(j, T, stub, saved);
    return ri_jit_run_address(j, address);
}

/* -- Helpers that may have set up a frame ---------------------------------------------------------------------------------- */

bool ri_jit_has_stack(const RiHeap *heap)
{
    return (const char *)__builtin_frame_address(0) > (const char *)heap->native_limit;
}

uintptr_t ri_jit_finish_frame(RiThread *T, RiAction action, ptrdiff_t base, bool done)
{
    const RiHeap *heap = T->heap;
    if (action == RI_LEAVE)
        return RI_NATIVE_LEAVE;
    if (heap->running != T || T->hook_mask)
        return RI_NATIVE_GO_ON;
    if (T->base - T->stack == base)
        return done ? 0 : RI_NATIVE_GO_ON;
    bool is_callee = T->base > T->stack + base && T->pc == 0 && ri_jit_has_stack(heap) &&
                     ((RiClosure *)T->base[-2].p)->feedback->is_warm;
    RiJit *j = heap->jit;
    uint32_t address = is_callee ? ri_jit_entry(j, T, 0) : 0;
    return address ? (uintptr_t)ri_jit_run_address(j, address) : RI_NATIVE_GO_ON;
}

uintptr_t ri_jit_finish(RiThread *T, RiAction action, ptrdiff_t base, uint32_t pc)
{
    return ri_jit_finish_frame(T, action, base, T->pc == pc);
}

/* -- From the interpreter ----------------------------------------------------------------------------------------------------- */

/* Is the frame at a place from which compiled code can take over? */
static bool is_enterable(const RiJit *j, const RiThread *T, uint32_t pc)
{
    RiOpcode op = RI_WORD_OP(j->code[pc]);
    return T->top - T->base + 8 <= RI_JIT_SLOTS_MAX && !ri_op_has_flag(op, 'I') && op != RI_OP_CLOSE;
}

/* The kinds of slots that only the compiler of Lua knows of, as their tags tell. */
static void context_of_frame(RiJit *j, const RiThread *T)
{
    j->depth = (uint32_t)(T->top - T->base);
    memset(j->has_sample, 0, sizeof j->has_sample);
    memset(j->held, 0, sizeof j->held);
    j->poll_end = 0;
    for (uint32_t i = 0; i < j->depth; i++) {
        RiJitSlot *s = &j->slots[i];
        *s = (RiJitSlot){.where = IN_MEMORY, .synced = true};
        uint8_t tag = (uint8_t)T->base[i].tag;
        if (tag == RI_TAG_LINK) {
            *s = (RiJitSlot){.type = TYPE_LINK, .where = IN_CONSTANT, .k = {.tag = RI_TAG_LINK}};
        } else {
            if (tag == RI_TAG_CELL)
                s->type = s->memtag = TYPE_CELL;
            ri_jit_set_sample(j, i, T->base[i]);
        }
    }
    j->snap = NULL;
}

uint32_t ri_jit_entry(RiJit *j, RiThread *T, uint32_t pc)
{
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    if (j->stale || ri_jit_is_break(fv, pc) || (j->full && !is_known(j, fv)))
        return 0;
    RiJitFn *fn = ri_jit_function(j, fv);
    if (fn->refused)
        return 0;
    if (fn->pcs[pc].entry)
        return fn->pcs[pc].entry;
    uint64_t began = ri_host_monotonic_ns();
    begin_function(j, T, fv, NULL);
    if (!is_enterable(j, T, pc) || !has_room(j))
        return 0;
    context_of_frame(j, T);
    RiJitMark mark = ri_jit_mark(j);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, true);
    ri_host_code_begin(&j->pages);
    uint32_t address = j->hot.at;
    fn->pcs[pc].entry = address;
    if (!fn->pcs[pc].is_merge || !arrive(j, pc))
        compile(j, pc, false);
    ri_host_code_end(&j->pages);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, false);
    ri_jit_tell(j, mark, fv->proto, pc);
    j->stats.entries++;
    j->stats.compile_ns += ri_host_monotonic_ns() - began;
    return address;
}

void ri_jit_make_call_entry(RiJit *j, RiThread *T)
{
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    RiJitFn *fn = fv->native;
    if (fn->call_entry || fv->is_vararg)
        return;
    begin_function(j, T, fv, NULL);
    if (!has_room(j))
        return;
    context_of_frame(j, T);
    RiJitMark mark = ri_jit_mark(j);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, true);
    ri_host_code_begin(&j->pages);
    fn->call_entry = ri_jit_run_address(j, emit_prologue(j));
    ri_x_jmp(j->as, fn->pcs[0].entry);
    ri_host_code_end(&j->pages);
    ri_heap_tell_phase(j->heap, RI_PHASE_COMPILE, false);
    ri_jit_tell(j, mark, fv->proto, 0);
}

/* A frame returns to its caller, and the machine code of that call is not on the stack: where to go on, NULL: in the
 * interpreter. T->base is still the callee's. covered 1: its link is kept in j->returned; 2: the frame has been left. */
static const void *bottom(RiThread *T, uint32_t covered)
{
    RiJit *j = ri_jit_of(T->heap);
    if (covered < 2) {
        const RiLink link = covered ? j->returned : ri_link_load(T->base);
        RiValue *func = T->base - 2 - link.extra;
        if (link.wanted_plus_1 > 0)
            T->top = func + link.wanted_plus_1 - 1;
        ri_leave_frame(T, &link);
    }
    uint32_t address = ri_jit_entry(j, T, T->pc);
    if (!address && j->counts)
        j->counts->reason = RI_JIT_EXIT_RETURN | RI_OP_RETURN1 << 8;
    return address ? ri_jit_run_address(j, address) : NULL;
}

static void flush(RiJit *j)
{
    ri_heap_tell_phase(j->heap, RI_PHASE_DROP_CODE, true);
    for (RiJitChunk *chunk = j->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    j->chunks = NULL;
    j->chunk_bytes = 0;
    j->stub_count = 0;
    ri_host_code_clear(&j->pages, j->prologue_end);
    j->touched = j->prologue_end;
    j->generation++;
    j->full = j->stale = false;
    j->hot.at = j->prologue_end;
    j->cold_bottom = j->cold_end = j->cold.at = (uint32_t)j->pages.size;
    j->stats.flushes++;
    j->heap->foreign_sites = NULL;
    ri_jit_listing_forget(j->listing);
    ri_jit_gdb_forget(j);
}

typedef RiNativeExit Enter(RiThread *T, const void *address, uint64_t stamp);

/* A part of what address space there is: programs need the rest. It is taken twice over, for two views. */
static size_t usual_code_bytes(void)
{
    uint64_t part = ri_host_address_space() / 64;
    if (part < RI_JIT_CODE_BYTES_MIN)
        return RI_JIT_CODE_BYTES_MIN;
    return part < CODE_BYTES ? (size_t)part : CODE_BYTES;
}

/* Something runs that may be worth the JIT that the heap awaits. NULL: not yet, or there is none to be had. */
static RI_NOINLINE RiJit *open_awaited(const RiThread *T)
{
    RiHeap *heap = T->heap;
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    if (heap->hot_code == NULL || !fv->is_warm)
        return NULL;
    if (T->pc == 0 ? ++fv->calls < AWAITED_CALLS : fv->loops < heap->hot_loops)
        return NULL;
    size_t code_bytes = usual_code_bytes();
    RiJitOptions options = {.code_bytes = code_bytes < AWAITED_CODE_BYTES ? code_bytes : AWAITED_CODE_BYTES};
    if (!ri_jit_open(heap, &options)) {
        heap->hot_code = NULL;
        return NULL;
    }
    ri_jit_of(heap)->stack_bytes = NATIVE_STACK_BYTES_AWAITED;
    return ri_jit_of(heap);
}

RiNativeExit ri_jit_enter(RiThread *T)
{
    RiHeap *heap = T->heap;
    RiJit *j = ri_jit_of(heap);
    if (RI_UNLIKELY(j == NULL)) {
        j = open_awaited(T);
        if (j == NULL)
            return RI_NATIVE_STAY;
    }
    if (RI_UNLIKELY((j->full || j->stale) && !heap->native_sp && !heap->native_parked))
        flush(j);
    RiFeedback *fv = ((RiClosure *)T->base[-2].p)->feedback;
    if (!fv->is_warm || !ri_jit_is_hot(j, fv, T->pc) || j->pages.is_lost || j->stale || ri_jit_is_break(fv, T->pc))
        return RI_NATIVE_STAY;
    const RiJitFn *fn = fv->native;
    uint32_t address = 0;
    if (fn && fn->generation == j->generation && !fn->refused)
        address = fn->pcs[T->pc].entry;
    if (!address)
        address = ri_jit_entry(j, T, T->pc);
    if (!address) {
        if (T->pc == 0 && fv->native && ((const RiJitFn *)fv->native)->refused)
            fv->start = fv->code;
        return RI_NATIVE_STAY;
    }
    Enter *enter;
    const void *code = ri_jit_run_address(j, j->enter_address);
    memcpy(&enter, &code, sizeof enter);
    const char *limit = heap->native_limit;
    const char *here = __builtin_frame_address(0);
    if (!heap->native_sp)
        heap->native_limit = here - j->stack_bytes;
    else if (here - NATIVE_STACK_BYTES_MIN < limit)
        heap->native_limit = here - NATIVE_STACK_BYTES_MIN;
    uint32_t switches = heap->native_sp ? j->switch_count : 0;
    j->switch_count = switches;
    RiNativeExit how = enter(T, ri_jit_run_address(j, address), ++j->stamp);
    j->switch_count = switches;
    heap->native_limit = limit;
    if (RI_UNLIKELY(j->counts != NULL))
        ri_jit_count_left(j, how);
    return how;
}

void ri_jit_code_changed(RiHeap *heap, const RiFeedback *feedback)
{
    RiJit *j = ri_jit_of(heap);
    if (j != NULL && ri_jit_was_hot(j, feedback))
        j->stale = true;
}

/* -- Routines ----------------------------------------------------------------------------------------------------------------- */

static const RiReg saved_by_thunk[] = {RI_RBP, RI_RSI, RI_RDI, RI_R8, RI_R9, RI_R10, RI_R11, RI_R14, RI_R15};
static const RiReg callee_saved[] = {RI_RBX, RI_RBP, RI_R12, RI_R13, RI_R14, RI_R15};

/* enter(T, address, stamp): the C function by which machine code is entered; and the way back, with the exit's code in eax. */
/* (gdb.c knows how much is pushed here.) */
static void emit_enter(RiJit *j)
{
    RiAsm *as = j->as;
    j->enter_address = as->at;
    for (size_t i = 0; i < RI_COUNTOF(callee_saved); i++)
        ri_x_push(as, callee_saved[i]);
    ri_x_rr(as, RI_X_LOAD, RI_R12, RI_RDI);
    ri_x_rm(as, RI_X_LOAD, RI_R13, OF_THREAD(heap));
    ri_x_rm(as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_rm(as, RI_X_LOAD, RI_RAX, OF_HEAP(native_sp));
    ri_x_push(as, RI_RDX);
    ri_x_push(as, RI_RDX); /* the stamp of this stay: above the old native_sp */
    ri_x_push(as, RI_RAX);
    ri_x_rm(as, RI_X_STORE, RI_RSP, OF_HEAP(native_sp));
    /* as if called from `bottom`: rsp is a multiple of 16 now */
    ri_x_imm(as, RI_RAX, (int64_t)(uintptr_t)ri_jit_run_address(j, j->bottom_address));
    ri_x_push(as, RI_RAX);
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_jmp_reg(as, RI_RSI);

    j->exit_address = as->at;
    ri_x_rm(as, RI_X_LOAD, RI_RSP, OF_HEAP(native_sp));
    ri_x_pop(as, RI_RCX);
    ri_x_rm(as, RI_X_STORE, RI_RCX, OF_HEAP(native_sp));
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, 16);
    for (size_t i = RI_COUNTOF(callee_saved); i-- > 0;)
        ri_x_pop(as, callee_saved[i]);
    ri_x_ret(as);
}

/* Returning to a frame that has no return address on the machine stack. */
static void emit_bottom(RiJit *j)
{
    RiAsm *as = j->as;
    j->bottom_address = as->at; /* ecx: see emit_leave_frame */
    ri_x_rr(as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rr(as, RI_X_LOAD, RI_RSI, RI_RCX);
    ri_jit_call_c(j, HELPER(bottom)); /* rsp is a multiple of 16 */
    ri_x_rr(as, RI_X_TEST, RI_RAX, RI_RAX);
    uint32_t where = ri_x_jcc(as, RI_CC_E, 0);
    ri_x_rm(as, RI_X_LOAD, RI_RBX, OF_THREAD(base));
    ri_x_imm(as, RI_RCX, (int64_t)(uintptr_t)ri_jit_run_address(j, j->bottom_address));
    ri_x_push(as, RI_RCX);
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_jmp_reg(as, RI_RAX);
    ri_x_land(as, where);
    ri_x_imm(as, RI_RAX, RI_NATIVE_GO_ON);
    ri_x_jmp(as, j->exit_address);
}

#define SAVED_BYTES ((int)sizeof(SavedRegisters))

/* To the SavedRegisters at rsp, or (!save) back from there. */
static void save_registers(RiAsm *as, bool save)
{
    for (size_t i = 0; i < RI_COUNTOF(saved_by_thunk); i++)
        ri_x_rm(as, save ? RI_X_STORE : RI_X_LOAD, saved_by_thunk[i], ri_mem(RI_RSP, 128 + 8 * (int)saved_by_thunk[i]));
    for (int i = 0; i < 16; i++)
        ri_x_rm(as, save ? RI_X_MOVSD_ST : RI_X_MOVSD, i, ri_mem(RI_RSP, 8 * i));
}

/* To be called: helper(T, eax), its result in rax; rcx and rdx are lost. rsp is a multiple of 16, less 8. */
static void emit_witness_routine(RiJit *j, uint32_t *address, uintptr_t helper)
{
    RiAsm *as = j->as;
    *address = as->at;
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, SAVED_BYTES + 8);
    save_registers(as, true);
    ri_x_rr(as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rr(as, RI_X_LOAD, RI_RSI, RI_RAX);
    ri_jit_call_c(j, helper);
    save_registers(as, false);
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, SAVED_BYTES + 8);
    ri_x_ret(as);
}

static void emit_thunks(RiJit *j)
{
    RiAsm *as = j->as;
    j->thunk_address = as->at; /* eax: the stub's number; rsp is a multiple of 16 */
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, SAVED_BYTES);
    save_registers(as, true);
    ri_x_rr(as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rr(as, RI_X_LOAD, RI_RSI, RI_RAX);
    ri_x_rr(as, RI_X_LOAD, RI_RDX, RI_RSP);
    ri_jit_call_c(j, HELPER(stub_hit));
    save_registers(as, false);
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, SAVED_BYTES);
    ri_x_rr(as, RI_X_LOAD, RI_RDX, RI_RAX);
    ri_x_imm(as, RI_RAX, RI_NATIVE_GO_ON); /* should it be the exit */
    ri_x_jmp_reg(as, RI_RDX);

    j->call_thunk_address = as->at; /* the same where a function is entered: no registers in use, a return address on top */
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_rr(as, RI_X_LOAD, RI_RDI, RI_R12);
    ri_x_rr(as, RI_X_LOAD, RI_RSI, RI_RAX);
    ri_x_imm(as, RI_RDX, 0);
    ri_jit_call_c(j, HELPER(stub_hit));
    ri_x_alu(as, RI_ALU_ADD, RI_RSP, 8);
    ri_x_rr(as, RI_X_LOAD, RI_RDX, RI_RAX);
    ri_x_imm(as, RI_RAX, RI_NATIVE_GO_ON);
    ri_x_jmp_reg(as, RI_RDX);

    emit_witness_routine(j, &j->witness_begin_address, HELPER(ri_jit_witness_begin));
    emit_witness_routine(j, &j->witness_end_address, HELPER(ri_jit_witness_end));

    j->jump_thunk_address = as->at; /* to be called: go to the code at rax as if it had been */
    ri_x_alu(as, RI_ALU_SUB, RI_RSP, 8);
    ri_x_jmp_reg(as, RI_RAX);
}

static void emit_routines(RiJit *j)
{
    j->as = &j->hot;
    j->hot.at = 16;
    for (int round = 0; round < 2; round++) { /* they name each other */
        j->hot.at = 16;
        emit_enter(j);
        emit_bottom(j);
        emit_thunks(j);
        ri_jit_emit_call_routine(j);
        ri_jit_emit_return_routine(j);
        ri_jit_emit_switch_routines(j);
        j->hot.at = (j->hot.at + 63) & ~63u;
    }
    j->prologue_end = j->hot.at;
}

/* -- Life --------------------------------------------------------------------------------------------------------------------- */

static bool is_supported(void)
{
#if RI_ENABLE_JIT && defined(__x86_64__)
    return __builtin_cpu_supports("sse4.1");
#else
    return false;
#endif
}

bool ri_jit_open(RiHeap *heap, const RiJitOptions *options)
{
    if (!is_supported())
        return false;
    size_t code_bytes = options->code_bytes ? options->code_bytes : usual_code_bytes();
    if (code_bytes < RI_JIT_CODE_BYTES_MIN || code_bytes > RI_JIT_CODE_BYTES_MAX)
        return false;
    RiJit *j = calloc(1, sizeof *j);
    if (!j)
        return false;
    j->reserve = calloc(1, sizeof *j->reserve + RESERVE_BYTES);
    j->counts = options->counts ? calloc(1, sizeof *j->counts) : NULL;
    if (!j->reserve || !ri_host_code_map(&j->pages, code_bytes, options->views)) {
        free(j->counts);
        free(j->reserve);
        free(j);
        return false;
    }
    j->heap = heap;
    j->always = options->always;
    j->generation = 1;
    j->stack_bytes = NATIVE_STACK_BYTES;
    j->hot.code = j->cold.code = j->pages.write;
    j->cold_bottom = j->cold_end = j->cold.at = (uint32_t)j->pages.size;
    ri_host_code_touch(&j->pages, 0, ROUTINES_BYTES_MAX);
    ri_host_code_begin(&j->pages);
    emit_routines(j);
    ri_host_code_end(&j->pages);
    ri_assert(j->prologue_end <= ROUTINES_BYTES_MAX);
    if (options->perf_map)
        j->perf_map = ri_jit_perf_open(options->perf_lines);
    j->tells_gdb = options->gdb;
    ri_jit_tell_routines(j);
    if (options->witness || options->traps)
        j->witness = ri_jit_witness_open(options->witness, options->traps);
    if (options->lists)
        j->listing = ri_jit_listing_open(heap);
    heap->jit = j;
    heap->foreign_clear = ri_jit_foreign_clear;
    heap->hot_code = &native_word;
    j->hot_calls = options->hot_calls ? options->hot_calls : HOT_CALLS;
    heap->hot_loops = options->always ? 0 : options->hot_loops ? options->hot_loops : HOT_LOOPS;
    return true;
}

void ri_jit_await(RiHeap *heap)
{
    if (!is_supported() || heap->hot_code != NULL)
        return;
    heap->hot_code = &native_word;
    heap->hot_loops = HOT_LOOPS;
}

void ri_jit_close(RiHeap *heap)
{
    RiJit *j = ri_jit_of(heap);
    if (!j)
        return;
    flush(j);
    ri_jit_perf_close(j->perf_map);
    ri_jit_witness_close(j->witness);
    ri_jit_listing_close(j->listing, heap);
    ri_host_code_unmap(&j->pages);
    free(j->stubs);
    free(j->counts);
    free(j->reserve);
    free(j);
    heap->jit = NULL;
    heap->hot_code = NULL;
}

bool ri_jit_stats(const RiHeap *heap, RiJitStats *out)
{
    const RiJit *j = ri_jit_of(heap);
    if (!j)
        return false;
    *out = j->stats;
    return true;
}
