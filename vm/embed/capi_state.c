/* The C API: the life of states and threads, memory, warnings. */
#include "vm/embed/capi.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/embed/open.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/warn.h"
#include "stdlib/collect.h"

const char lua_ident[] = "$LuaVersion: " LUA_RELEASE "  Rille $"
                         "$LuaAuthors: " LUA_AUTHORS " $";

/* -- States ------------------------------------------------------------------------------------------------------ */

lua_State *lua_newstate(lua_Alloc allocate, void *data)
{
    RiThread *T = ri_open_for_host(allocate, data);
    if (T == NULL)
        return NULL;
    T->is_exposed = true;
    T->process->has_warn = true; /* none, until there is a function for it */
    return ri_state_of(T);
}

/* What luaL_newstate says it allocates with: nothing of the state's own comes from here. */
static void *default_allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    (void)data;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static int default_panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    if (message == NULL)
        message = "error object is not a string";
    fprintf(stderr, "PANIC: unprotected error in call to Lua API (%s)\n", message);
    fflush(stderr);
    return 0;
}

lua_State *luaL_newstate(void)
{
    RiThread *T = ri_open_for_host(NULL, NULL);
    if (T == NULL)
        return NULL;
    T->is_exposed = true;
    T->process->allocate = default_allocate;
    T->process->panic = default_panic;
    return ri_state_of(T);
}

void lua_close(lua_State *L)
{
    ri_close_for_host(ri_thread_of(L)->process->main);
}

lua_CFunction lua_atpanic(lua_State *L, lua_CFunction panic)
{
    RiProcess *process = ri_thread_of(L)->process;
    lua_CFunction before = process->panic;
    process->panic = panic;
    return before;
}

lua_Number lua_version(lua_State *L)
{
    (void)L;
    return LUA_VERSION_NUM;
}

lua_Alloc lua_getallocf(lua_State *L, void **data)
{
    const RiProcess *process = ri_thread_of(L)->process;
    if (data != NULL)
        *data = process->allocate_data;
    return process->allocate != NULL ? process->allocate : default_allocate;
}

void lua_setallocf(lua_State *L, lua_Alloc allocate, void *data)
{
    RiProcess *process = ri_thread_of(L)->process;
    process->allocate = allocate;
    process->allocate_data = data;
    (void)ri_heap_borrow(process->heap, allocate, data); /* too little is felt at the next allocation */
}

/* -- Threads ----------------------------------------------------------------------------------------------------- */

lua_State *lua_newthread(lua_State *L)
{
    RiThread *T = ri_thread_of(L);
    RiThread *co = ri_coroutine_new(T, ri_nil());
    ri_push(T, ri_object(co, RI_TAG_THREAD));
    ri_thread_expose(co);
    co->top = co->stack;
    ri_capi_settle(T);
    return ri_state_of(co);
}

int lua_closethread(lua_State *L, lua_State *from)
{
    RiThread *co = ri_thread_of(L), *T = from != NULL ? ri_thread_of(from) : co->heap->running;
    RiValue error;
    int status = co->status == RI_THREAD_FAILED ? co->failure : LUA_OK;
    bool is_running = co == co->heap->running;
    ri_thread_expose(co);
    if (!ri_coroutine_close(T, co, &error)) {
        if (status == LUA_OK)
            status = LUA_ERRRUN;
        ri_push(co, error);
    }
    co->status = is_running ? RI_THREAD_RUNNING : RI_THREAD_READY;
    co->hook_allowed = true;
    co->in_hook = false;
    return status;
}

int lua_resetthread(lua_State *L)
{
    return lua_closethread(L, NULL);
}

/* -- Memory ------------------------------------------------------------------------------------------------------ */

int lua_gc(lua_State *L, int what, ...)
{
    RiThread *T = ri_thread_of(L);
    if (T->process->in_finalizer) /* no collection, nor a look at it */
        return -1;
    int result = 0;
    va_list args;
    va_start(args, what);
    switch (what) {
    case LUA_GCSTOP:
    case LUA_GCRESTART:
        T->heap->stopped = what == LUA_GCSTOP;
        break;
    case LUA_GCCOLLECT:
        ri_gc_collect(T);
        break;
    case LUA_GCCOUNT:
        result = (int)(ri_heap_count_bytes(T->heap) >> 10);
        break;
    case LUA_GCCOUNTB:
        result = (int)(ri_heap_count_bytes(T->heap) & 1023);
        break;
    case LUA_GCSTEP:
        result = ri_gc_step(T, va_arg(args, int));
        break;
    case LUA_GCSETPAUSE:
        result = ri_gc_set_pause(T, va_arg(args, int));
        break;
    case LUA_GCSETSTEPMUL:
        result = ri_gc_set_step_multiplier(T, va_arg(args, int));
        break;
    case LUA_GCISRUNNING:
        result = !T->heap->stopped;
        break;
    case LUA_GCGEN:
        result = ri_gc_set_generational(T, true) ? LUA_GCGEN : LUA_GCINC;
        break;
    case LUA_GCINC: {
        int pause = va_arg(args, int), step_multiplier = va_arg(args, int);
        if (pause != 0)
            ri_gc_set_pause(T, pause);
        if (step_multiplier != 0)
            ri_gc_set_step_multiplier(T, step_multiplier);
        result = ri_gc_set_generational(T, false) ? LUA_GCGEN : LUA_GCINC;
        break;
    }
    default:
        result = -1;
    }
    va_end(args);
    return result;
}

/* -- Warnings ---------------------------------------------------------------------------------------------------- */

void lua_setwarnf(lua_State *L, lua_WarnFunction warn, void *data)
{
    RiProcess *process = ri_thread_of(L)->process;
    process->warn = warn;
    process->warn_data = data;
    process->has_warn = true;
}

void lua_warning(lua_State *L, const char *message, int continues)
{
    ri_warn(ri_thread_of(L)->process, message, continues != 0);
}
