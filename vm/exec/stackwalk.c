/* Frames as they are found: see stackwalk.h. Every word is read by ri_walk_read. */
#include "vm/exec/stackwalk.h"

#include "vm/exec/call.h"
#include "vm/host/fault.h"

bool ri_walk_read(const void *address, uint64_t *out)
{
    if (((uintptr_t)address & 7) != 0 || (uintptr_t)address < 4096)
        return false;
#if RI_HAVE_FIXUPS
    if (ri_fault_is_installed())
        return ri_fault_load_64(address, 0, out);
#endif
    *out = *(const uint64_t *)address;
    return true;
}

#define SEARCHED_SLOTS_MAX 1000

static bool read_pointer(const void *address, const void **out)
{
    uint64_t word;
    if (!ri_walk_read(address, &word))
        return false;
    *out = (const void *)(uintptr_t)word; /* NOLINT */
    return true;
}

#define READ_FIELD(object, field, out) read_pointer(&(object)->field, (const void **)(out))

/* The words that a function's links refer to, and how many there are. */
static bool read_code(const RiClosure *closure, const RiProto **proto, const uint32_t **code, uint32_t *count)
{
    const RiFeedback *feedback;
    const RiObject *object;
    uint64_t flags, word;
    if (!READ_FIELD(closure, feedback, &feedback) || !READ_FIELD(feedback, proto, proto))
        return false;
    object = &(*proto)->object;
    if (!ri_walk_read(object, &word) || (uint8_t)(word >> 1) != (uint8_t)(RI_KIND_BYTE(RI_TAG_PROTO) >> 1))
        return false;
    const uint32_t *own, *shared;
    const size_t at = offsetof(RiFeedback, has_own_code) & ~(size_t)7, shift = offsetof(RiFeedback, has_own_code) % 8 * 8;
    if (!ri_walk_read((const char *)feedback + at, &flags) || !READ_FIELD(feedback, code, &own) ||
        !READ_FIELD(*proto, code, &shared))
        return false;
    const size_t count_at = offsetof(RiProto, code_count) & ~(size_t)7, count_shift = offsetof(RiProto, code_count) % 8 * 8;
    if (!ri_walk_read((const char *)*proto + count_at, &word))
        return false;
    *code = (flags >> shift & 0xff) != 0 ? own : shared;
    *count = (uint32_t)(word >> count_shift);
    return true;
}

/* The instruction before the word at `next`. */
static uint32_t index_of(const uint32_t *code, uint32_t count, uintptr_t next)
{
    uintptr_t first = (uintptr_t)code;
    if (next <= first || next > first + (uintptr_t)count * sizeof *code || next % sizeof *code != 0)
        return UINT32_MAX;
    return (uint32_t)((next - first) / sizeof *code) - 1;
}

/* `next`: the word that the frame goes on at, 0: the thread's pc, or a register, says it. */
static bool add_lua(const RiWalkStart *start, const RiClosure *closure, uint32_t saved_pc, uintptr_t next, RiWalkFrame *out)
{
    const RiProto *proto;
    const uint32_t *code;
    uint32_t count;
    if (!read_code(closure, &proto, &code, &count))
        return false;
    uint32_t pc = next != 0 ? index_of(code, count, next) : UINT32_MAX;
    for (uint32_t i = 0; next == 0 && i < start->register_count && pc == UINT32_MAX; i++)
        pc = index_of(code, count, start->registers[i]);
    if (pc == UINT32_MAX)
        pc = saved_pc > 0 && saved_pc <= count ? saved_pc - 1 : 0;
    *out = (RiWalkFrame){.what = proto, .pc = pc, .kind = RI_WALK_LUA};
    return true;
}

/* A slot that is being written may have the tag of a library function and the bits of a number: is it a row with a name and
 * code? */
static bool is_row(const RiLibFn *row)
{
    const char *name;
    const void *call;
    uint64_t word;
    return READ_FIELD(row, name, &name) && READ_FIELD(row, call, &call) &&
           ri_walk_read((const void *)((uintptr_t)name & ~(uintptr_t)7), &word) && /* NOLINT */
           ri_walk_read((const void *)((uintptr_t)call & ~(uintptr_t)7), &word);   /* NOLINT */
}

static bool add_native(const RiNative *native, RiWalkFrame *out)
{
    const RiLibFn *fn;
    uint64_t flags, head;
    if (!ri_walk_read(native, &head) || (uint8_t)(head >> 1) != (uint8_t)(RI_KIND_BYTE(RI_TAG_NATIVE) >> 1) ||
        !READ_FIELD(native, fn, &fn) || !is_row(fn))
        return false;
    const size_t at = offsetof(RiLibFn, flags) & ~(size_t)7, shift = offsetof(RiLibFn, flags) % 8 * 8;
    if (!ri_walk_read((const char *)fn + at, &flags))
        return false;
    *out = (RiWalkFrame){.what = fn, .kind = RI_WALK_LIBRARY};
    uint32_t count = (uint16_t)(head >> 16);
    if ((flags >> shift & RI_LIBFN_C) != 0 && count > 0) { /* the C function is the last upvalue */
        out->kind = RI_WALK_C;
        return READ_FIELD(native, upvals[count - 1].cp, &out->what);
    }
    return true;
}

static bool add_frame(const RiWalkStart *start, const RiValue *base, uint32_t saved_pc, uintptr_t next, RiWalkFrame *out)
{
    const void *function;
    uint64_t tag;
    if (!READ_FIELD(&base[-2], cp, &function) || !ri_walk_read(&base[-2].tag, &tag))
        return false;
    switch ((uint8_t)tag) {
    case RI_TAG_CLOSURE:
        return add_lua(start, function, saved_pc, next, out);
    case RI_TAG_NATIVE:
        return add_native(function, out);
    case RI_TAG_LIBFN:
        if (!is_row(function))
            return false;
        *out = (RiWalkFrame){.what = function, .kind = RI_WALK_LIBRARY};
        return true;
    case RI_TAG_CFUNC:
        *out = (RiWalkFrame){.what = function, .kind = RI_WALK_C};
        return true;
    default:
        return false;
    }
}

static bool is_function(const RiValue *slot)
{
    uint64_t tag;
    if (!ri_walk_read(&slot->tag, &tag))
        return false;
    return (uint8_t)tag == RI_TAG_CLOSURE || (uint8_t)tag == RI_TAG_NATIVE || (uint8_t)tag == RI_TAG_LIBFN ||
           (uint8_t)tag == RI_TAG_CFUNC;
}

/* A frame that is just returning may have its results over its function and link: the base of the frame below. Its values lie
 * in between, among them empty links of calls whose arguments are not complete. NULL: not found. */
static const RiValue *find_caller(const RiValue *stack, const RiValue *base)
{
    const RiValue *end = base - stack > SEARCHED_SLOTS_MAX ? base - SEARCHED_SLOTS_MAX : stack + 1;
    for (const RiValue *at = base - 2; at >= end; at--) {
        uint64_t tag;
        if (!ri_walk_read(&at->tag, &tag))
            return NULL;
        bool is_link = (uint8_t)tag == RI_TAG_LINK && ((tag >> RI_LINK_DELTA_SHIFT & RI_LINK_DELTA_MASK) != 0 || at == stack + 1);
        if (is_link && is_function(at - 1))
            return at + 1;
    }
    return NULL;
}

static bool is_frame(const RiValue *base)
{
    uint64_t tag;
    return ri_walk_read(&base[-1].tag, &tag) && (uint8_t)tag == RI_TAG_LINK && is_function(&base[-2]);
}

/* The frames of one thread. False: what was found is no frame. */
static bool walk_thread(const RiWalkStart *start, const RiThread *T, const RiValue *base, RiWalkFrame *out, uint32_t capacity,
                        uint32_t *count)
{
    const RiValue *stack;
    uint64_t word;
    const size_t at = offsetof(RiThread, stack_capacity);
    _Static_assert(offsetof(RiThread, stack_capacity) % 8 == 0 && offsetof(RiThread, pc) == offsetof(RiThread, stack_capacity) + 4,
                   "read together");
    if (!READ_FIELD(T, stack, &stack) || stack == NULL || !ri_walk_read((const char *)T + at, &word))
        return false;
    uint32_t slots = (uint32_t)word, saved_pc = (uint32_t)(word >> 32);
    uintptr_t next = 0;
    if (base >= stack + 2 && base <= stack + slots && !is_frame(base))
        base = find_caller(stack, base);
    while (*count < capacity && base != NULL) {
        uint64_t tag, pc;
        if (base < stack + 2 || base > stack + slots || !ri_walk_read(&base[-1].tag, &tag) || !ri_walk_read(&base[-1], &pc) ||
            (uint8_t)tag != RI_TAG_LINK || !add_frame(start, base, saved_pc, next, &out[*count]))
            return false;
        uint32_t flags = (uint32_t)(tag >> 8 & 0xff);
        out[*count].is_tail = (flags & RI_LINK_TAIL) != 0;
        out[*count].is_called = (flags & (RI_LINK_ENTRY | RI_LINK_UNWIND | RI_LINK_LIB | RI_LINK_CORO)) == 0;
        ++*count;
        uint32_t delta = (uint32_t)(tag >> RI_LINK_DELTA_SHIFT & RI_LINK_DELTA_MASK);
        if (delta == 0)
            return true;
        base -= delta;
        next = (uintptr_t)pc;
        if (next == 0)
            saved_pc = 0;
    }
    return false;
}

uint32_t ri_walk_stack(const RiWalkStart *start, RiWalkFrame *out, uint32_t capacity, bool *is_cut)
{
    const RiThread *T = start->thread;
    const RiValue *base = start->base;
    RiWalkStart now = *start;
    uint32_t count = 0;
    while (T != NULL && count < capacity) {
        const RiThread *resumer;
        if ((base == NULL && !READ_FIELD(T, base, &base)) || !walk_thread(&now, T, base, out, capacity, &count))
            break;
        if (!READ_FIELD(T, resumer, &resumer) || resumer == NULL || count == capacity)
            break;
        const RiWalkFrame *first = &out[count - 1];
        out[count] = (RiWalkFrame){.what = first->kind == RI_WALK_LUA ? first->what : NULL, .kind = RI_WALK_COROUTINE};
        count++;
        T = resumer;
        base = NULL;
        now.register_count = 0;
    }
    *is_cut = count == capacity;
    return count;
}
