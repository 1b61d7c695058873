/* Debug hooks: call, return, line and count events (manual §6.10, debug.sethook). While a hook is set the dispatch loop
 * goes through its hooked table, so programs without hooks pay nothing. */
#include "vm/exec/call.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/semantics.h"

/* Who sets it has stored which one. */
static void begin_hook(RiThread *T, uint32_t mask, int32_t count)
{
    T->hook_mask = (uint8_t)(mask | (T->hook_mask & (RI_HOOK_CHANGED | RI_HOOK_ENTER)));
    T->skips_hook = false;
    T->hook_count = count;
    T->hook_left = count;
    T->hook_last_pc = T->pc ? T->pc - 1 : 0;
    if (mask) { /* frames already there fire their return event too, and returns reset the line */
        RiValue *base = T->base;
        while (base != T->stack) {
            RiLink *link = RI_LINK_OF(base);
            link->flags |= RI_LINK_HOOK;
            base = link->delta ? base - link->delta : T->stack;
        }
        /* the caller is a Lua frame in the dispatch loop: its oldpc is where it stands */
        if (T->base != T->stack) {
            const RiLink *link = RI_LINK_OF(T->base);
            uint32_t caller_pc = link->delta ? ri_link_pc(T->base[-(int32_t)link->delta - 2], link) : 0;
            T->hook_last_pc = caller_pc ? caller_pc - 1 : 0;
        }
        ri_heap_attend(T->heap); /* let the loop notice */
    }
}

void ri_set_hook(RiThread *T, RiValue hook, uint32_t mask, int32_t count)
{
    if (ri_is_nil(hook) || mask == 0) {
        hook = ri_nil();
        mask = 0;
    }
    T->hook_is_wanted = false;
    T->c_hook = NULL;
    ri_store(&T->hook, hook);
    begin_hook(T, mask, count);
}

/* lua_sethook only leaves a note, as it may be called at any moment. */
void ri_apply_wanted_hook(RiThread *T)
{
    T->hook_is_wanted = false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t mask = T->wanted_mask;
    T->c_hook = mask != 0 ? T->wanted_hook : NULL;
    ri_set_nil(&T->hook);
    begin_hook(T, T->c_hook != NULL ? mask : 0, T->wanted_count);
}

static void call_c_hook(RiThread *T, RiHookEvent event, int32_t line)
{
    ptrdiff_t top = T->top - T->stack;
    ri_stack_reserve(T, RI_STACK_RESERVE);
    T->in_hook = true;
    T->hook_event = (uint8_t)event;
    T->process->hooks->call_hook(T, event, line);
    T->in_hook = false;
    T->top = T->stack + top;
    T->hook_allowed = true;
    if (T->hook_is_wanted)
        ri_apply_wanted_hook(T);
    if (RI_UNLIKELY(T->hook_yields)) { /* the instruction is yet to be done: it begins again, without its hook */
        T->hook_yields = false;
        T->skips_hook = true;
        T->pc--;
        T->yield_count = 0;
        ri_yield(T);
    }
}

void ri_fire_hook(RiThread *T, RiHookEvent event, int32_t line)
{
    if (!T->hook_allowed || (ri_is_nil(T->hook) && T->c_hook == NULL))
        return;
    T->hook_allowed = false;
    if (T->c_hook != NULL) {
        call_c_hook(T, event, line);
        return;
    }
    ptrdiff_t top = T->top - T->stack;
    ri_stack_reserve(T, 6);
    ri_push(T, T->hook);
    ri_push_link(T);
    ri_push(T, ri_string_value(T->heap->hook_names[event]));
    ri_push(T, line >= 0 ? ri_int(line) : ri_nil());
    T->in_hook = true;
    ri_call(T, 2, 0);
    T->in_hook = false;
    T->top = T->stack + top;
    T->hook_allowed = true;
}

void ri_fire_transfer_hook(RiThread *T, RiHookEvent event, uint32_t first, uint32_t count)
{
    if (!T->hook_allowed)
        return;
    T->transfer_first = first;
    T->transfer_count = count;
    ri_fire_hook(T, event, -1);
    T->transfer_first = T->transfer_count = 0;
}

bool ri_is_hooked_frame(RiThread *T, int level)
{
    RiFrame callee;
    if (T->in_hook && T->c_hook != NULL)
        return level == 0;
    return T->in_hook && ri_frame_at(T, level - 1, &callee) &&
           RI_LINK_OF(T->stack + callee.base)->flags & RI_LINK_ENTRY;
}

/* Are the words `from` and `to` of the same line? from < to. */
static bool same_line(const RiProto *proto, uint32_t from, uint32_t to)
{
    int32_t difference = 0;
    if (from >= proto->code_count)
        return false;
    for (uint32_t at = from + 1; at <= to; at++) {
        if (proto->line_deltas[at] == INT8_MIN) /* a mark says */
            return ri_proto_line(proto, from) == ri_proto_line(proto, to);
        difference += proto->line_deltas[at];
    }
    return difference == 0;
}

void ri_hook_instruction(RiThread *T)
{
    uint8_t mask = T->hook_mask;
    if (!T->hook_allowed)
        return;
    if (RI_UNLIKELY(T->skips_hook)) {
        T->skips_hook = false;
        T->hook_last_pc = T->pc - 1;
        return;
    }
    if (mask & RI_HOOK_COUNT && --T->hook_left <= 0) {
        T->hook_left = T->hook_count;
        ri_fire_hook(T, RI_HOOKED_COUNT, -1);
    }
    if (mask & RI_HOOK_LINE && T->base[-2].tag == RI_TAG_CLOSURE) {
        const RiProto *proto = ((RiClosure *)T->base[-2].p)->feedback->proto;
        uint32_t pc = T->pc - 1, last = T->hook_last_pc;
        bool fresh = pc == 0 || pc <= last; /* stripped: only at entry and in loops, without a line */
        if (!fresh && proto->has_lines)
            fresh = !same_line(proto, last, pc);
        T->hook_last_pc = pc;
        if (fresh)
            ri_fire_hook(T, RI_HOOKED_LINE, ri_proto_line(proto, pc));
    }
}
