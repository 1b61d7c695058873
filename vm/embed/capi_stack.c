/* The C API: the stack, types, and values as C sees them. */
#include "vm/embed/capi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/semantics.h"

const RiValue ri_capi_none = {.tag = RI_TAG_NIL};

#if defined(RI_API_CHECKS) && RI_API_CHECKS
void ri_capi_misuse(const char *function, const char *what)
{
    fprintf(stderr, "%s: %s\n", function, what);
    abort();
}
#endif

RiValue *ri_capi_pseudo(RiThread *T, int index)
{
    if (index == LUA_REGISTRYINDEX) {
        T->scratch = ri_table_value(T->process->registry);
        return &T->scratch;
    }
    int n = LUA_REGISTRYINDEX - index;
    if (T->base != T->stack && T->base[-2].tag == RI_TAG_NATIVE) {
        RiNative *self = T->base[-2].p;
        if (n <= (int)ri_native_upval_count(self))
            return &self->upvals[n - 1];
    }
    return (RiValue *)(uintptr_t)&ri_capi_none;
}

void ri_capi_enter_thread(RiThread *T)
{
    T->host_thread = __builtin_thread_pointer();
    ri_heap_enter_thread();
}

void ri_capi_settle_slow(RiThread *T)
{
    RiHeap *heap = T->heap;
    heap->attention = false;
    ri_collect_if_due(T);
    if (ri_heap_has_finalizable(heap))
        ri_run_finalizers(T);
}

/* -- Stack ------------------------------------------------------------------------------------------------------- */

int lua_absindex(lua_State *L, int index)
{
    const RiThread *T = ri_thread_of(L);
    return index > 0 || index <= LUA_REGISTRYINDEX ? index : (int)(T->top - T->base) + index + 1;
}

int lua_gettop(lua_State *L)
{
    const RiThread *T = ri_thread_of(L);
    return (int)(T->top - T->base);
}

void ri_capi_close_from(RiThread *T, uint32_t level)
{
    while (ri_has_tbc(T, level)) {
        RiValue v = ri_pop_tbc_value(T);
        ri_stack_reserve(T, 5);
        ri_push(T, ri_metafield(T, v, RI_MM_CLOSE));
        ri_push_link(T);
        ri_push(T, v);
        ri_push(T, ri_nil());
        ri_call(T, 2, 0);
    }
}

void lua_settop(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RiValue *top = index >= 0 ? T->base + index : T->top + index + 1;
    RI_API_CHECK(top >= T->base, "more values than there are");
    if (top <= T->top) {
        uint32_t level = (uint32_t)(top - T->stack);
        if (RI_UNLIKELY(T->tbc_count > 0) && ri_has_tbc(T, level)) {
            ri_capi_close_from(T, level);
            top = T->stack + level;
        }
        T->top = top;
        return;
    }
    if (RI_UNLIKELY(top > T->stack_limit + RI_STACK_RESERVE - 2)) {
        ri_stack_reserve(T, (uint32_t)(top - T->top));
        top = T->base + index;
    }
    for (; T->top < top; T->top++)
        ri_set_nil(T->top);
}

void lua_closeslot(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    uint32_t level = (uint32_t)(ri_capi_at(T, index) - T->stack);
    RI_API_CHECK(ri_has_tbc(T, level) && ri_innermost_tbc(T) == level, "no variable to close at given level");
    ri_capi_close_from(T, level);
    ri_set_nil(&T->stack[level]);
}

void lua_toclose(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RI_API_CHECK(!ri_has_tbc(T, (uint32_t)(ri_capi_at(T, index) - T->stack)), "given index below or equal a marked one");
    ri_mark_tbc(T, ri_capi_at(T, index));
}

void lua_pushvalue(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    ri_copy(T->top, ri_capi_at(T, index));
    T->top++;
}

static void reverse(RiValue *from, RiValue *to)
{
    for (; from < to; from++, to--) {
        RiValue v = *from;
        ri_copy(from, to);
        ri_store(to, v);
    }
}

void lua_rotate(lua_State *L, int index, int n)
{
    RiThread *T = ri_thread_of(L);
    RiValue *first = ri_capi_at(T, index), *last = T->top - 1;
    RI_API_CHECK(first != &ri_capi_none && (n >= 0 ? n : -n) <= last - first + 1, "invalid index or number");
    RiValue *split = n >= 0 ? last - n : first - n - 1; /* end of the part that goes up */
    reverse(first, split);
    reverse(split + 1, last);
    reverse(first, last);
}

void lua_copy(lua_State *L, int from, int to)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, from));
    RI_API_CHECK_VALUE(ri_capi_at(T, to));
    RiValue v = *ri_capi_at(T, from);
    ri_store(ri_capi_at(T, to), v);
}

typedef struct Reserve {
    uint32_t slots;
    bool done;
} Reserve;

static void try_reserve(RiThread *T, void *argument)
{
    Reserve *r = argument;
    r->done = ri_stack_try_reserve(T, r->slots);
}

int lua_checkstack(lua_State *L, int n)
{
    RiThread *T = ri_thread_of(L);
    if (n < 0)
        return 0;
    if (RI_LIKELY(T->stack_limit - T->top >= n)) /* there are more: what the API itself needs */
        return 1;
    Reserve r = {.slots = (uint32_t)n};
    if ((uint64_t)(T->top - T->stack) + r.slots > T->process->stack_slots_max - RI_STACK_RESERVE)
        return 0;
    return ri_try(T, try_reserve, &r) == RI_OK && r.done;
}

void lua_xmove(lua_State *from, lua_State *to, int n)
{
    RiThread *source = ri_thread_of(from), *target = ri_thread_of(to);
    if (source == target)
        return;
    if (RI_UNLIKELY(target->stack_limit + RI_STACK_RESERVE - 4 - target->top < n))
        ri_stack_reserve(target, (uint32_t)n);
    RI_API_CHECK_COUNT(source, n);
    RI_API_CHECK(source->process == target->process, "moving among independent states");
    source->top -= n;
    for (int i = 0; i < n; i++)
        ri_copy(&target->top[i], &source->top[i]);
    target->top += n;
}

/* -- Types ------------------------------------------------------------------------------------------------------- */

int lua_type(lua_State *L, int index)
{
    return ri_capi_type(ri_capi_at(ri_thread_of(L), index));
}

const char *lua_typename(lua_State *L, int type)
{
    (void)L;
    return type == LUA_TNONE ? "no value" : ri_type_names[type];
}

int lua_isnumber(lua_State *L, int index)
{
    double n;
    return ri_to_float(*ri_capi_at(ri_thread_of(L), index), &n);
}

int lua_isstring(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    return ri_is_string(v) || ri_is_number(v);
}

int lua_iscfunction(lua_State *L, int index)
{
    return ri_capi_is_c(*ri_capi_at(ri_thread_of(L), index));
}

int lua_isinteger(lua_State *L, int index)
{
    return ri_is_int(*ri_capi_at(ri_thread_of(L), index));
}

int lua_isuserdata(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    return ri_is_userdata(v) || v.tag == RI_TAG_LIGHT;
}

int lua_rawequal(lua_State *L, int index1, int index2)
{
    RiThread *T = ri_thread_of(L);
    const RiValue *a = ri_capi_at(T, index1), *b = ri_capi_at(T, index2);
    return a != &ri_capi_none && b != &ri_capi_none && ri_raw_equal(*a, *b);
}

/* -- Values ------------------------------------------------------------------------------------------------------ */

lua_Number lua_tonumberx(lua_State *L, int index, int *is_number)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    double n = 0;
    bool ok = ri_to_float(v, &n);
    if (is_number != NULL)
        *is_number = ok;
    return ok ? n : 0;
}

lua_Integer lua_tointegerx(lua_State *L, int index, int *is_number)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    int64_t i = v.i;
    bool ok = RI_LIKELY(ri_is_int(v)) || ri_to_int(v, &i);
    if (is_number != NULL)
        *is_number = ok;
    return ok ? i : 0;
}

int lua_toboolean(lua_State *L, int index)
{
    return !ri_is_falsy(*ri_capi_at(ri_thread_of(L), index));
}

const char *lua_tolstring(lua_State *L, int index, size_t *size)
{
    RiThread *T = ri_thread_of(L);
    RiValue *slot = ri_capi_at(T, index);
    if (RI_UNLIKELY(!ri_is_string(*slot))) {
        RiString *converted = ri_to_string_raw(T, *slot);
        if (converted == NULL) {
            if (size != NULL)
                *size = 0;
            return NULL;
        }
        ri_set_string(slot, converted);
    }
    RiString *s = slot->p;
    if (size != NULL)
        *size = s->size;
    return ri_str_cstr(T->heap, s);
}

lua_Unsigned lua_rawlen(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    switch (v.tag) {
    case RI_TAG_STRING:
        return ((const RiString *)v.p)->size;
    case RI_TAG_USERDATA:
        return ((const RiUserdata *)v.p)->size;
    case RI_TAG_TABLE:
        return (lua_Unsigned)ri_table_length(v.p);
    default:
        return 0;
    }
}

lua_CFunction lua_tocfunction(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    lua_CFunction f = NULL;
    if (v.tag == RI_TAG_NATIVE && ((const RiNative *)v.p)->fn->flags & RI_LIBFN_C)
        v = ((const RiNative *)v.p)->upvals[ri_native_upval_count(v.p)];
    if (v.tag == RI_TAG_CFUNC)
        memcpy(&f, &v.p, sizeof f); /* no cast leads from a data pointer to a function */
    else if (v.tag == RI_TAG_LIBFN)
        f = ri_capi_thunk_of(v.cp);
    else if (v.tag == RI_TAG_NATIVE)
        f = ri_capi_thunk_of(((const RiNative *)v.p)->fn);
    return f;
}

void *lua_touserdata(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    if (ri_is_userdata(v))
        return ((RiUserdata *)v.p)->data;
    return v.tag == RI_TAG_LIGHT ? v.p : NULL;
}

lua_State *lua_tothread(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    if (v.tag != RI_TAG_THREAD)
        return NULL;
    ri_thread_expose(v.p);
    return ri_state_of(v.p);
}

const void *lua_topointer(lua_State *L, int index)
{
    RiValue v = *ri_capi_at(ri_thread_of(L), index);
    if (ri_is_userdata(v))
        return ((const RiUserdata *)v.p)->data;
    return ri_tag_is_object(v.tag) || ri_is_function(v) || v.tag == RI_TAG_LIGHT ? v.cp : NULL;
}

size_t lua_stringtonumber(lua_State *L, const char *text)
{
    RiThread *T = ri_thread_of(L);
    size_t size = strlen(text);
    int64_t i;
    double n;
    switch (ri_num_parse(text, size, &i, &n)) {
    case RI_NUM_INT:
        ri_push(T, ri_int(i));
        return size + 1;
    case RI_NUM_FLOAT:
        ri_push(T, ri_float(n));
        return size + 1;
    default:
        return 0;
    }
}
