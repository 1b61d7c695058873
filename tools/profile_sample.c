/* Filling a profile from a heap whose programs run.
 *
 * The signal handler writes what it finds into a log: the address in machine code, if that is where it was, and the frames, as
 * addresses of prototypes. The log is read out, addresses becoming functions and lines, when they would begin to mean something
 * else: before a collection, before machine code is given up, and at the end. Prototypes once seen are kept alive, so that one
 * address stays one function. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile.h"
#include "vm/exec/stackwalk.h"
#include "vm/exec/traceback.h"
#include "vm/host/host.h"
#include "vm/host/sampler.h"
#include "vm/machine/machine.h"

#define FRAMES_MAX 500
#define SCANNED_WORDS_MAX 512 /* of the machine stack, for the return address into machine code */
#define LOG_BYTES ((size_t)512 << 20) /* of address space: pages come when they are written */
#define LOG_BYTES_MIN ((size_t)1 << 20)
#define KEPT_MAX 512 /* prototypes in a root */
#define NAME_TRIES 16
enum { REGISTER_BASE = 3, REGISTER_SP = 4, REGISTER_THREAD = 12 }; /* rbx, rsp, r12: jit/core.h */

typedef struct Record {
    uint64_t weight;
    uintptr_t native_pc; /* in machine code; 0: none of it is under way */
    uint32_t pid;
    uint16_t frame_count, native_depth; /* so many callers are machine code, too */
    bool is_native;   /* it was interrupted there; else in what machine code has called */
    bool is_cut;
    uint8_t phase;    /* 1 + RiPhase; 0: none */
    RiWalkFrame frames[];
} Record;

typedef struct Kept {
    struct Kept *next;
    uint32_t count;
    const RiProto *protos[KEPT_MAX]; /* a root */
} Kept;

struct RiSampling {
    RiProf *prof;
    RiHeap *heap;
    RiMachine *machine;
    RiSampler *sampler; /* NULL: of allocations */
    char *log;
    size_t used, capacity;
    uintptr_t code_start, code_end;
    uint64_t carried;   /* weight of what could not be logged */
    volatile uint32_t collecting, compiling;
    volatile bool is_reading;
    bool is_late;       /* at the end: nothing is kept any more */
    Kept *kept;
};

/* -- In the signal handler ---------------------------------------------------------------------------------------------------- */

static bool is_code(const RiSampling *s, uintptr_t address)
{
    return address >= s->code_start && address < s->code_end;
}

/* The first return address into machine code from `sp` on; *at: where it lies. 0: none. */
static uintptr_t find_return(const RiSampling *s, uintptr_t sp, uint32_t words, uintptr_t *at)
{
    for (uint32_t i = 0; i < words; i++) {
        uint64_t word;
        *at = sp + 8 * i;
        if (!ri_walk_read((const void *)*at, &word)) /* NOLINT */
            return 0;
        if (is_code(s, (uintptr_t)word))
            return (uintptr_t)word;
    }
    return 0;
}

/* How many return addresses into machine code lie one above the other, 16 bytes each. The last leads to the way out. */
static uint32_t count_returns(const RiSampling *s, uintptr_t at)
{
    uint32_t count = 0;
    uint64_t word;
    while (count < FRAMES_MAX && ri_walk_read((const void *)at, &word) && is_code(s, (uintptr_t)word)) { /* NOLINT */
        count++;
        at += 16;
    }
    return count > 0 ? count - 1 : 0;
}

static void find_native(const RiSampling *s, const RiSampledState *state, Record *r)
{
    uintptr_t at;
    r->is_native = is_code(s, state->pc);
    if (r->is_native) {
        r->native_pc = state->pc;
        if (find_return(s, state->gpr[REGISTER_SP], 2, &at) != 0)
            r->native_depth = (uint16_t)count_returns(s, at);
        return;
    }
    if (s->heap->native_sp == NULL)
        return;
    uintptr_t back = find_return(s, state->gpr[REGISTER_SP] & ~(uintptr_t)7, SCANNED_WORDS_MAX, &at);
    if (back != 0) {
        r->native_pc = back - 1; /* within the call */
        r->native_depth = (uint16_t)count_returns(s, at + 16);
    }
}

static uint32_t pid_of(const RiHeap *heap)
{
    const RiProcess *process = heap->host;
    uint64_t word;
    const size_t at = offsetof(RiProc, pid) & ~(size_t)7, shift = offsetof(RiProc, pid) % 8 * 8;
    if (process == NULL || !ri_walk_read(&process->proc, &word) || word == 0)
        return 0;
    return ri_walk_read((const char *)(uintptr_t)word + at, &word) ? (uint32_t)(word >> shift) : 0; /* NOLINT */
}

static void walk(const RiSampling *s, const RiSampledState *state, Record *r)
{
    RiWalkStart start = {.thread = s->heap->running};
    if (!r->is_native) {
        start.registers = state->gpr;
        start.register_count = RI_SAMPLER_REGISTERS;
    } else if (state->gpr[REGISTER_THREAD] == (uintptr_t)s->heap->running) {
        start.base = (const RiValue *)state->gpr[REGISTER_BASE]; /* NOLINT */
    }
    uint32_t count = ri_walk_stack(&start, r->frames, FRAMES_MAX, &r->is_cut);
    if (count == 0 && start.base != NULL) { /* on the way in or out */
        start.base = NULL;
        count = ri_walk_stack(&start, r->frames, FRAMES_MAX, &r->is_cut);
    }
    r->frame_count = (uint16_t)count;
}

static void on_sample(void *argument, const RiSampledState *state)
{
    RiSampling *s = argument;
    if (s->is_reading || s->used + sizeof(Record) + FRAMES_MAX * sizeof(RiWalkFrame) > s->capacity) {
        s->carried += s->is_reading ? 0 : state->cpu_ns;
        return;
    }
    Record *r = (Record *)(s->log + s->used);
    *r = (Record){.weight = state->cpu_ns, .pid = pid_of(s->heap)};
    r->phase = s->collecting ? 1 + RI_PHASE_COLLECT : s->compiling ? 1 + RI_PHASE_COMPILE : 0;
    if (s->code_start == 0)
        ri_jit_code_range(s->heap, &s->code_start, &s->code_end);
    find_native(s, state, r);
    walk(s, state, r);
    s->used += sizeof *r + r->frame_count * sizeof r->frames[0];
}

/* -- Functions and their names --------------------------------------------------------------------------------------------------- */

static void keep(RiSampling *s, const RiProto *proto)
{
    if (s->is_late)
        return;
    if (s->kept == NULL || s->kept->count == KEPT_MAX) {
        Kept *more = calloc(1, sizeof *more);
        if (more == NULL)
            return;
        more->next = s->kept;
        s->kept = more;
        ri_heap_add_root(s->heap, more->protos, sizeof more->protos);
    }
    s->kept->protos[s->kept->count++] = proto;
}

static void set_name(RiProfFn *fn, const char *name)
{
    free(fn->name);
    fn->name = strdup(name);
}

static void set_source(RiProfFn *fn, const RiProto *proto)
{
    char id[RI_ID_SIZE] = "?";
    if (proto->source != NULL)
        ri_chunk_id(id, ri_str_data(proto->source), proto->source->size);
    fn->source = strdup(id);
    fn->line = (int32_t)proto->line_defined;
}

static uint32_t lua_fn(RiSampling *s, const RiProto *proto)
{
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_LUA, proto, &is_new);
    if (is_new) {
        RiProfFn *fn = &s->prof->fns[n];
        keep(s, proto);
        set_source(fn, proto);
        set_name(fn, fn->line == 0 ? "main chunk" : "function");
        fn->tries = fn->line == 0 ? NAME_TRIES : 0;
    }
    return n;
}

/* What the instruction `pc` of the caller calls it. */
static void try_name(RiProfFn *fn, const RiProto *caller, uint32_t pc)
{
    const char *name = NULL;
    if (fn->tries >= NAME_TRIES || pc >= caller->code_count)
        return;
    fn->tries++;
    const char *kind = ri_called_name(NULL, caller, pc, &name);
    if (kind == NULL || name == NULL || strcmp(name, "?") == 0)
        return;
    char text[100];
    snprintf(text, sizeof text, strcmp(kind, "metamethod") == 0 ? "__%.90s" : "%.90s", name);
    if (strcmp(kind, "for iterator") == 0)
        snprintf(text, sizeof text, "iterator");
    set_name(fn, text);
    fn->tries = NAME_TRIES;
}

static uint32_t coroutine_fn(RiSampling *s, const RiProto *proto)
{
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_COROUTINE, proto, &is_new);
    if (is_new) {
        set_name(&s->prof->fns[n], "coroutine");
        if (proto != NULL) {
            keep(s, proto);
            set_source(&s->prof->fns[n], proto);
        }
    }
    return n;
}

static uint32_t c_fn(RiSampling *s, const void *address)
{
    char name[64], file[64], text[64];
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_C, address, &is_new);
    if (is_new) {
        ri_host_symbol_at(address, name, file);
        snprintf(text, sizeof text, "C %" PRIxPTR, (uintptr_t)address);
        set_name(&s->prof->fns[n], name[0] != '\0' ? name : text);
        s->prof->fns[n].source = strdup(file);
    }
    return n;
}

static uint32_t library_fn(RiSampling *s, const RiLibFn *row)
{
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_LIBRARY, row, &is_new);
    if (is_new)
        set_name(&s->prof->fns[n], row->name);
    return n;
}

static uint32_t process_fn(RiSampling *s, uint32_t pid)
{
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_PROCESS, (const void *)(uintptr_t)pid, &is_new); /* NOLINT */
    if (is_new) {
        char text[200];
        const RiProc *proc = ri_proc_find(s->machine, pid);
        snprintf(text, sizeof text, "process %" PRIu32 "%s%.100s", pid, proc != NULL && proc->name[0] != '\0' ? " " : "",
                 proc != NULL ? proc->name : "");
        set_name(&s->prof->fns[n], text);
    }
    return n;
}

static uint32_t vm_fn(RiSampling *s, const char *name)
{
    bool is_new;
    uint32_t n = ri_prof_fn(s->prof, RI_PROF_VM, name, &is_new);
    if (is_new)
        set_name(&s->prof->fns[n], name);
    return n;
}

/* -- Reading the log ---------------------------------------------------------------------------------------------------------------- */

typedef struct Stack { /* innermost first */
    RiProfPlace places[FRAMES_MAX + RI_JIT_PLACES_MAX + 4];
    uint32_t count;
    const RiWalkFrame *callee; /* of the frame to come: what its instruction calls */
    uint32_t callee_fn;
    uint32_t native_left; /* so many Lua frames to come are machine code */
} Stack;

static void push(Stack *stack, uint32_t fn, int32_t line, bool is_native)
{
    if (fn != UINT32_MAX && stack->count < RI_COUNTOF(stack->places))
        stack->places[stack->count++] = (RiProfPlace){fn, line, is_native};
}

/* The instructions that machine code was at, in place of that one frame. */
static void push_places(RiSampling *s, Stack *stack, const RiJitPlace *places, uint32_t count)
{
    uint32_t fn = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t inner = fn;
        fn = lua_fn(s, places[i].proto);
        if (inner != UINT32_MAX)
            try_name(&s->prof->fns[inner], places[i].proto, places[i].pc);
        push(stack, fn, ri_proto_line(places[i].proto, places[i].pc), true);
    }
    stack->callee_fn = fn;
}

static void push_frame(RiSampling *s, Stack *stack, const RiWalkFrame *frame)
{
    stack->callee_fn = UINT32_MAX;
    if (frame->kind == RI_WALK_LIBRARY) {
        if (strcmp(((const RiLibFn *)frame->what)->name, "?") != 0) /* the command's own */
            push(stack, library_fn(s, frame->what), 0, false);
        return;
    }
    if (frame->kind == RI_WALK_C) {
        push(stack, c_fn(s, frame->what), 0, false);
        return;
    }
    if (frame->kind == RI_WALK_COROUTINE) {
        push(stack, coroutine_fn(s, frame->what), 0, false);
        return;
    }
    stack->callee_fn = lua_fn(s, frame->what);
    push(stack, stack->callee_fn, ri_proto_line(frame->what, frame->pc), stack->native_left > 0);
    stack->native_left -= stack->native_left > 0;
}

/* Which of the first frames the machine code under way belongs to; UINT32_MAX: none of them. */
static uint32_t find_frame(const Record *r, const RiJitPlace *places, uint32_t count)
{
    const RiProto *root = count > 0 ? places[count - 1].proto : NULL;
    for (uint32_t i = 0; i < r->frame_count && i < 3 && root != NULL; i++) {
        if (r->frames[i].kind == RI_WALK_LUA && r->frames[i].what == root)
            return i;
        if (!r->is_native && r->frames[i].kind == RI_WALK_LUA)
            return UINT32_MAX;
    }
    return UINT32_MAX;
}

static void push_frames(RiSampling *s, Stack *stack, const Record *r)
{
    RiJitPlace places[RI_JIT_PLACES_MAX];
    uint32_t count = r->native_pc != 0 ? ri_jit_places_at(s->heap, r->native_pc, places) : 0;
    uint32_t at = find_frame(r, places, count), first = at != UINT32_MAX && r->is_native ? at : 0;
    stack->native_left = r->native_depth + (r->native_pc != 0);
    for (uint32_t i = first; i < r->frame_count; i++) {
        const RiWalkFrame *frame = &r->frames[i], *callee = stack->callee;
        uint32_t callee_fn = stack->callee_fn, pc = i == at ? places[count - 1].pc : frame->pc;
        if (i == at) {
            push_places(s, stack, places, count);
            stack->native_left -= stack->native_left > 0;
        } else {
            push_frame(s, stack, frame);
        }
        bool says = callee_fn != UINT32_MAX && callee != NULL && frame->kind == RI_WALK_LUA && callee->is_called && !callee->is_tail;
        if (says)
            try_name(&s->prof->fns[callee_fn], frame->what, pc);
        stack->callee = frame;
    }
}

static void add_record(RiSampling *s, const Record *r)
{
    Stack stack = {.callee_fn = UINT32_MAX};
    RiProfPlace outward[RI_COUNTOF(stack.places)];
    if (r->phase != 0)
        push(&stack, vm_fn(s, r->phase == 1 + RI_PHASE_COLLECT ? "(garbage collection)" : "(JIT compiler)"), 0, false);
    push_frames(s, &stack, r);
    if (stack.count == 0)
        push(&stack, vm_fn(s, "(rille: starting, loading, ending)"), 0, false);
    if (r->is_cut) {
        stack.count = FRAMES_MAX;
        push(&stack, vm_fn(s, "(further out)"), 0, false);
        s->prof->cut++;
    }
    push(&stack, process_fn(s, r->pid != 0 ? r->pid : 1), 0, false); /* 0: before the first one runs, or after it */
    for (uint32_t i = 0; i < stack.count; i++)
        outward[i] = stack.places[stack.count - 1 - i];
    ri_prof_add(s->prof, outward, stack.count, r->weight);
}

static void read_log(RiSampling *s)
{
    s->is_reading = true;
    for (size_t at = 0; at < s->used;) {
        const Record *r = (const Record *)(s->log + at);
        add_record(s, r);
        at += sizeof *r + r->frame_count * sizeof r->frames[0];
    }
    s->used = 0;
    s->prof->lost += s->carried;
    s->carried = 0;
    ri_sampler_forgive(s->sampler);
    s->is_reading = false;
}

/* -- What the heap tells ------------------------------------------------------------------------------------------------------------- */

static void on_phase(RiHeap *heap, RiPhase phase, bool begins)
{
    RiSampling *s = heap->watcher;
    if (phase != RI_PHASE_COMPILE && begins && s->sampler != NULL && !s->is_reading)
        read_log(s);
    if (phase == RI_PHASE_COLLECT)
        s->collecting += begins ? 1 : -1u;
    else if (phase == RI_PHASE_COMPILE)
        s->compiling += begins ? 1 : -1u;
}

static void on_alloc(RiHeap *heap, const void *block, size_t size)
{
    RiSampling *s = heap->watcher;
    RiWalkStart start = {.thread = heap->running};
    Record *r = (Record *)s->log;
    (void)block;
    *r = (Record){.weight = size, .pid = pid_of(heap)};
    r->frame_count = (uint16_t)ri_walk_stack(&start, r->frames, FRAMES_MAX, &r->is_cut);
    add_record(s, r);
}

/* -- Beginning and end ----------------------------------------------------------------------------------------------------------------- */

RiSampling *ri_sampling_start(RiProf *p, RiMachine *machine, unsigned hz)
{
    RiHeap *heap = machine->engine_data;
    RiSampling *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->prof = p;
    s->heap = heap;
    s->machine = machine;
    for (s->capacity = LOG_BYTES; s->log == NULL && s->capacity >= LOG_BYTES_MIN; s->capacity /= 2)
        s->log = malloc(s->capacity);
    s->capacity *= 2;
    if (s->log == NULL) {
        free(s);
        return NULL;
    }
    heap->watcher = s;
    heap->on_phase = on_phase;
    if (hz == 0) {
        ri_heap_watch_allocations(heap, on_alloc);
        return s;
    }
    s->sampler = ri_sampler_start(hz, on_sample, s);
    if (s->sampler == NULL) {
        heap->on_phase = NULL;
        free(s->log);
        free(s);
        return NULL;
    }
    return s;
}

void ri_sampling_end(RiSampling *s)
{
    if (s == NULL)
        return;
    RiSampler *sampler = s->sampler;
    s->sampler = NULL;
    ri_sampler_stop(sampler);
    s->is_late = true;
    read_log(s);
    s->heap->on_phase = NULL;
    s->heap->on_alloc = NULL;
}
