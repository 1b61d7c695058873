/* The C API: levels of the stack, variables, upvalues, hooks. A lua_Debug names a frame by its place in the stack, which
 * stays the same as long as the function runs. */
#include "vm/embed/capi.h"

#include "vm/embed/cxx.h"
#include "vm/exec/inspect.h"
#include "vm/exec/traceback.h"

static struct CallInfo *frame_mark(const RiFrame *frame)
{
    return (struct CallInfo *)(uintptr_t)frame->base;
}

/* The frame that `ar` names: its level, -1 if it is gone. */
static int find_frame(RiThread *T, const lua_Debug *ar, RiFrame *frame)
{
    uintptr_t base = (uintptr_t)ar->i_ci;
    for (int level = 0; ri_frame_at(T, level, frame); level++) {
        if (frame->base == base)
            return level;
        if (frame->base < base)
            break;
    }
    return -1;
}

int lua_getstack(lua_State *L, int level, lua_Debug *ar)
{
    RiFrame frame;
    if (level < 0 || !ri_frame_at(ri_thread_of(L), level, &frame))
        return 0;
    ar->i_ci = frame_mark(&frame);
    return 1;
}

/* -- getinfo ----------------------------------------------------------------------------------------------------- */

static void get_source(RiThread *T, RiValue function, lua_Debug *ar)
{
    const RiProto *proto = ri_function_proto(function);
    ar->source = ri_function_source(T, function, &ar->srclen);
    ar->what = proto == NULL ? "C" : proto->line_defined == 0 ? "main" : "Lua";
    ar->linedefined = proto != NULL ? (int)proto->line_defined : -1;
    ar->lastlinedefined = proto != NULL ? (int)proto->last_line_defined : -1;
    ri_chunk_id(ar->short_src, ar->source, ar->srclen);
}

static void get_parameters(RiValue function, lua_Debug *ar)
{
    const RiProto *proto = ri_function_proto(function);
    ar->nups = (unsigned char)ri_upvalue_count(function);
    ar->nparams = proto != NULL ? proto->param_count : 0;
    ar->isvararg = proto == NULL || proto->is_vararg;
}

static void get_name(RiThread *T, const RiFrame *frame, lua_Debug *ar)
{
    ar->name = NULL;
    const char *kind = frame != NULL ? ri_frame_name(T, frame, &ar->name) : NULL;
    if (kind == NULL || ar->name == NULL) {
        kind = "";
        ar->name = NULL;
    }
    ar->namewhat = kind;
}

static void get_transfer(RiThread *T, int level, lua_Debug *ar)
{
    bool is_hooked = level >= 0 && ri_is_hooked_frame(T, level);
    ar->ftransfer = is_hooked ? (unsigned short)T->transfer_first : 0;
    ar->ntransfer = is_hooked ? (unsigned short)T->transfer_count : 0;
}

/* Fill in what one letter asks for. `frame` NULL, level -1: the function does not run. False: no such letter. */
static bool get_info(RiThread *T, char what, RiValue function, RiFrame *frame, int level, lua_Debug *ar)
{
    switch (what) {
    case 'S':
        get_source(T, function, ar);
        return true;
    case 'l':
        ar->currentline = frame != NULL ? (int)ri_frame_line(T, frame) : -1;
        return true;
    case 'u':
        get_parameters(function, ar);
        return true;
    case 't':
        ar->istailcall = frame != NULL && frame->is_tail;
        return true;
    case 'n':
        get_name(T, frame, ar);
        return true;
    case 'r':
        get_transfer(T, level, ar);
        return true;
    case 'L':
    case 'f': /* pushed at the end */
        return true;
    default:
        return false;
    }
}

int lua_getinfo(lua_State *L, const char *what, lua_Debug *ar)
{
    RiThread *T = ri_thread_of(L);
    RiFrame frame;
    RiValue function;
    int level = -1, ok = 1;
    if (*what == '>') {
        RI_API_CHECK_COUNT(T, 1);
        RI_API_CHECK(ri_is_function(T->top[-1]), "function expected");
        what++;
        function = *--T->top;
    } else {
        level = find_frame(T, ar, &frame);
        if (level < 0)
            return 0;
        function = ri_frame_function(T, &frame);
    }
    for (const char *letter = what; *letter != '\0'; letter++) {
        if (!get_info(T, *letter, function, level >= 0 ? &frame : NULL, level, ar))
            ok = 0;
    }
    if (strchr(what, 'f') != NULL)
        ri_push(T, function);
    if (strchr(what, 'L') != NULL) {
        RiValue lines = ri_active_lines(T, function);
        ri_push(T, lines);
    }
    return ok;
}

/* -- Variables --------------------------------------------------------------------------------------------------- */

const char *lua_getlocal(lua_State *L, const lua_Debug *ar, int n)
{
    RiThread *T = ri_thread_of(L);
    RiFrame frame;
    if (ar == NULL) { /* a parameter of the function on top */
        const char *name = ri_parameter_name(T->top[-1], n);
        T->top--;
        return name;
    }
    int level = find_frame(T, ar, &frame);
    if (level < 0)
        return NULL;
    RiLocal local = ri_find_local(T, level, &frame, n, false);
    if (local.name != NULL)
        ri_push(T, local.slot != NULL ? ri_visible_value(*local.slot) : ri_nil());
    return local.name;
}

const char *lua_setlocal(lua_State *L, const lua_Debug *ar, int n)
{
    RiThread *T = ri_thread_of(L);
    RiFrame frame;
    int level = find_frame(T, ar, &frame);
    RiLocal local = {0};
    if (level >= 0) {
        T->top--; /* the value is no variable */
        local = ri_find_local(T, level, &frame, n, true);
        T->top++;
        if (local.name != NULL && local.slot != NULL && !frame.is_lua)
            local.is_writable = true;
        if (local.name != NULL)
            ri_set_local(T, &local, T->top[-1]);
    }
    T->top--;
    return local.name;
}

const char *lua_getupvalue(lua_State *L, int index, int n)
{
    RiThread *T = ri_thread_of(L);
    const char *name;
    RiValue *value;
    if (!ri_find_upvalue(T, *ri_capi_at(T, index), n, &name, &value))
        return NULL;
    ri_push(T, ri_visible_value(*value));
    return name;
}

const char *lua_setupvalue(lua_State *L, int index, int n)
{
    RiThread *T = ri_thread_of(L);
    RiValue function = *ri_capi_at(T, index);
    const char *name;
    RiValue *value;
    if (!ri_find_upvalue(T, function, n, &name, &value))
        return NULL;
    T->top--;
    if (ri_may_set_upvalue(function))
        ri_copy(value, T->top);
    return name;
}

void *lua_upvalueid(lua_State *L, int index, int n)
{
    return ri_upvalue_id(*ri_capi_at(ri_thread_of(L), index), n);
}

void lua_upvaluejoin(lua_State *L, int index1, int n1, int index2, int n2)
{
    RiThread *T = ri_thread_of(L);
    RiValue f = *ri_capi_at(T, index1), g = *ri_capi_at(T, index2);
    RI_API_CHECK(f.tag == RI_TAG_CLOSURE && g.tag == RI_TAG_CLOSURE, "Lua function expected");
    RI_API_CHECK(ri_upvalue_id(f, n1) != NULL && ri_upvalue_id(g, n2) != NULL, "invalid upvalue index");
    if (f.tag != RI_TAG_CLOSURE || g.tag != RI_TAG_CLOSURE || ri_upvalue_id(f, n1) == NULL || ri_upvalue_id(g, n2) == NULL)
        return;
    ((RiClosure *)f.p)->upvals[n1 - 1] = ((RiClosure *)g.p)->upvals[n2 - 1];
}

/* -- Hooks ------------------------------------------------------------------------------------------------------- */

/* May be called at any moment, in a signal handler or another thread: it writes a few words, and the running thread
 * looks at them at its next safe point. */
void lua_sethook(lua_State *L, lua_Hook hook, int mask, int count)
{
    RiThread *T = ri_thread_at(L);
    if (hook == NULL || mask == 0) {
        hook = NULL;
        mask = 0;
    }
    T->wanted_hook = hook;
    T->wanted_mask = (uint8_t)mask;
    T->wanted_count = count;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    T->hook_is_wanted = true;
    ri_heap_attend(T->heap);
}

/* Stands for hooks that debug.sethook has set. */
static void lua_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    (void)ar;
}

lua_Hook lua_gethook(lua_State *L)
{
    const RiThread *T = ri_thread_of(L);
    if (T->hook_is_wanted)
        return T->wanted_hook;
    return ri_is_nil(T->hook) ? T->c_hook : lua_hook;
}

int lua_gethookmask(lua_State *L)
{
    const RiThread *T = ri_thread_of(L);
    return T->hook_is_wanted ? T->wanted_mask : (int)(T->hook_mask & RI_HOOK_EVENTS);
}

int lua_gethookcount(lua_State *L)
{
    const RiThread *T = ri_thread_of(L);
    return T->hook_is_wanted ? T->wanted_count : T->hook_count;
}

static int32_t hook_plainly(void *T, void *ar, uint32_t count)
{
    (void)count;
    ((RiThread *)T)->c_hook(ri_state_of(T), ar);
    return 0;
}

void ri_capi_call_hook(RiThread *T, RiHookEvent event, int32_t line)
{
    static const uint8_t events[] = {[RI_HOOKED_CALL] = LUA_HOOKCALL, [RI_HOOKED_TAIL_CALL] = LUA_HOOKTAILCALL,
                                     [RI_HOOKED_RETURN] = LUA_HOOKRET, [RI_HOOKED_LINE] = LUA_HOOKLINE,
                                     [RI_HOOKED_COUNT] = LUA_HOOKCOUNT};
    lua_Debug ar = {.event = events[event], .currentline = (int)line};
    RiFrame frame;
    if (ri_frame_at(T, 0, &frame))
        ar.i_ci = frame_mark(&frame);
    T->is_exposed = true;
    if (RI_UNLIKELY(ri_cxx_stay != NULL))
        ri_cxx_stay(T, hook_plainly, &ar, 0);
    else
        hook_plainly(T, &ar, 0);
}

int lua_setcstacklimit(lua_State *L, unsigned int limit)
{
    (void)L;
    (void)limit;
    return RI_C_DEPTH_MAX;
}
