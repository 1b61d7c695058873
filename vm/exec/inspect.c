/* What a debugger sees of functions: inspect.h. Nothing here can break the virtual machine: stack slots that the machine
 * itself relies on (loop states, arguments of library functions) are shown but not changed. */
#include "vm/exec/inspect.h"

#include "vm/exec/call.h"
#include "vm/exec/opcode.h"
#include "vm/exec/traceback.h"

/* -- Local variables ------------------------------------------------------------------------------------------- */

RiValue ri_visible_value(RiValue v)
{
    if (v.tag == RI_TAG_CELL)
        v = ((RiCell *)v.p)->value;
    return v.tag < RI_TAG_CELL && v.tag != RI_TAG_LINK ? v : ri_nil();
}

/* Variable argument number `n` (from 1) of a Lua frame: they lie below it, see enter_lua in vm/exec/call.c. */
static RiLocal find_vararg(RiThread *of, const RiFrame *frame, const RiProto *proto, int64_t n)
{
    RiLocal local = {0};
    RiValue *base = of->stack + frame->base;
    uint32_t extra = RI_LINK_OF(base)->extra;
    if (proto->is_vararg && extra >= 2 && n <= (int64_t)extra - 2 - proto->param_count) {
        local.name = "(vararg)";
        local.slot = base - extra + proto->param_count + (n - 1);
        local.is_writable = true;
    }
    return local;
}

/* How many slots of a frame count. Above what is in use there are more, which only a hook that interrupts the function
 * gets to see: as in 5.4, whose hooks run above a function's whole frame. */
static int64_t visible_slot_count(RiThread *of, int level, const RiFrame *frame, const RiProto *proto)
{
    int64_t used = (int64_t)frame->top - (int64_t)frame->base;
    if (proto != NULL && used < proto->frame_size && ri_is_hooked_frame(of, level))
        return proto->frame_size;
    return used;
}

RiLocal ri_find_local(RiThread *of, int level, const RiFrame *frame, int64_t n, bool to_write)
{
    RiLocal local = {0};
    const RiProto *proto = ri_function_proto(ri_frame_function(of, frame));
    RiValue *base = of->stack + frame->base;
    uint32_t slot;
    if (n < 0)
        return proto != NULL ? find_vararg(of, frame, proto, -n) : local;
    if (proto != NULL && frame->pc > 0 && n <= UINT8_MAX) {
        local.name = ri_local_name(proto, (uint32_t)n, frame->pc - 1, &slot);
        if (local.name == NULL)
            slot = (uint32_t)n - 1;
    } else {
        slot = (uint32_t)n - 1;
    }
    if (local.name == NULL) {
        if (n < 1 || n > visible_slot_count(of, level, frame, proto))
            return local;
        local.name = proto != NULL ? "(temporary)" : "(C temporary)";
    }
    bool is_transferred = n >= of->transfer_first && n - of->transfer_first < of->transfer_count &&
                          ri_is_hooked_frame(of, level);
    if (proto == NULL || (!to_write && (local.name[0] != '(' || is_transferred))) { /* what has a name can be read */
        local.slot = base + slot;
        return local;
    }
    switch (ri_slot_use(of->process, proto, frame->pc > 0 ? frame->pc - 1 : 0, slot)) {
    case RI_SLOT_NONE:
        break;
    case RI_SLOT_VALUE:
    case RI_SLOT_CELL:
        local.is_writable = true;
        local.slot = base + slot;
        break;
    default:
        local.slot = base + slot;
        break;
    }
    return local;
}

const char *ri_parameter_name(RiValue function, int64_t n)
{
    const RiProto *proto = ri_function_proto(function);
    uint32_t slot;
    return proto != NULL && n > 0 && n <= UINT8_MAX ? ri_local_name(proto, (uint32_t)n, 0, &slot) : NULL;
}

void ri_set_local(RiThread *of, RiLocal *local, RiValue v)
{
    if (!local->is_writable)
        return;
    if (of->heap->native_sp != NULL)
        of->hook_mask |= RI_HOOK_CHANGED;
    if (local->slot->tag == RI_TAG_CELL)
        ri_store(&((RiCell *)local->slot->p)->value, v);
    else
        ri_store(local->slot, v);
}

/* -- Upvalues and lines ---------------------------------------------------------------------------------------- */

uint32_t ri_upvalue_count(RiValue function)
{
    switch (function.tag) {
    case RI_TAG_CLOSURE:
        return ((const RiObject *)function.p)->aux;
    case RI_TAG_NATIVE:
        return ri_native_upval_count(function.cp);
    default:
        return 0;
    }
}

bool ri_find_upvalue(RiThread *T, RiValue function, int64_t n, const char **name, RiValue **value)
{
    if (n < 1 || n > (int64_t)ri_upvalue_count(function))
        return false;
    if (function.tag == RI_TAG_NATIVE) {
        *name = "";
        *value = &((RiNative *)function.p)->upvals[n - 1];
        return true;
    }
    RiClosure *closure = function.p;
    RiString *known = closure->feedback->proto->upvals[n - 1].name;
    *name = known != NULL ? ri_str_cstr(T->heap, known) : "(no name)";
    *value = &closure->upvals[n - 1]->value;
    return true;
}

bool ri_may_set_upvalue(RiValue function)
{
    return function.tag == RI_TAG_CLOSURE ||
           (function.tag == RI_TAG_NATIVE && ((const RiNative *)function.cp)->fn->flags & RI_LIBFN_C);
}

void *ri_upvalue_id(RiValue function, int64_t n)
{
    if (n < 1 || n > (int64_t)ri_upvalue_count(function))
        return NULL;
    if (function.tag == RI_TAG_NATIVE)
        return &((RiNative *)function.p)->upvals[n - 1];
    return ((RiClosure *)function.p)->upvals[n - 1];
}

RiValue ri_active_lines(RiThread *T, RiValue function)
{
    const RiProto *proto = ri_function_proto(function);
    if (proto == NULL)
        return ri_nil();
    RiTable *lines = ri_table_new(T->heap, 0, 0);
    if (proto->has_lines) {
        for (uint32_t pc = 0; pc < proto->code_count; pc += ri_op_info[RI_WORD_OP(proto->code[pc])].words) {
            int32_t line = ri_proto_line(proto, pc);
            if (line >= 0)
                ri_table_set_int(T->heap, lines, line, ri_bool(true));
        }
    }
    return ri_table_value(lines);
}
