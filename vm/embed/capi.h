/* The C API of Lua 5.4 (include/lua.h), in terms of the layers below. A lua_State is an RiThread, known to C by the address
 * behind `extra`; the stack that a C function sees is its frame: index 1 is T->base[0]. What C code has not been called from
 * Lua for (the program that made the state) works at the bottom of a thread's stack, where there is no frame.
 *
 *   capi_stack.c   the stack, types, conversions        capi_call.c    calls, continuations, coroutines, errors, chunks
 *   capi_push.c    pushing values, formats              capi_state.c   states and threads: life, memory, warnings
 *   capi_table.c   tables, metatables, user values      capi_debug.c   levels, variables, upvalues, hooks
 *   capi_operate.c arithmetic, comparison, concatenation
 *   capi_aux.c, capi_buffer.c, capi_libs.c              the auxiliary library and the functions that open libraries */
#ifndef RI_EMBED_CAPI_H
#define RI_EMBED_CAPI_H

#include <string.h>

#include "vm/exec/call.h"

/* The API and nothing else can be seen by modules loaded at run time. */
#pragma GCC visibility push(default)
#include "include/lauxlib.h"
#include "include/lualib.h"
#pragma GCC visibility pop

/* RiHooks: what the execution layer needs of the API. */
extern const RiLibFn ri_capi_function;
void ri_capi_call_hook(RiThread *T, RiHookEvent event, int32_t line);
void ri_capi_panic(RiThread *T, RiValue error);

#define RI_STATE_OFFSET (offsetof(RiThread, extra) + sizeof(void *))

/* Without a look at the host's thread: for lua_sethook, which comes from anywhere. */
static inline RiThread *ri_thread_at(const lua_State *L)
{
    return (RiThread *)(void *)((char *)(uintptr_t)L - RI_STATE_OFFSET);
}

/* A thread of the host that the collector does not know would not be stopped while it marks: let it know. */
void ri_capi_enter_thread(RiThread *T);

static RI_ALWAYS_INLINE RiThread *ri_thread_of(const lua_State *L)
{
    RiThread *T = ri_thread_at(L);
    if (RI_UNLIKELY(T->host_thread != __builtin_thread_pointer()))
        ri_capi_enter_thread(T);
    return T;
}
static inline lua_State *ri_state_of(RiThread *T)
{
    return (lua_State *)(void *)((char *)T + RI_STATE_OFFSET);
}

/* What an index without a value stands for: known by this address. */
extern const RiValue ri_capi_none;

/* The value of the registry's or an upvalue's pseudo-index. */
RiValue *ri_capi_pseudo(RiThread *T, int index);

/* A build with --enable-api-checks (for people who write C code for Lua) ends the process with a message where the API is
 * misused; else misuse is undefined, as in any Lua. */
#if defined(RI_API_CHECKS) && RI_API_CHECKS
RI_NORETURN void ri_capi_misuse(const char *function, const char *what);
#define RI_API_CHECK(condition, what) \
    do { \
        if (!(condition)) \
            ri_capi_misuse(__func__, what); \
    } while (0)
#else
#define RI_API_CHECK(condition, what) ((void)0)
#endif
/* As many values are on the stack of the current function. */
#define RI_API_CHECK_COUNT(T, n) RI_API_CHECK((T)->top - (T)->base >= (n), "not enough values on the stack")
/* There is room for one more. */
#define RI_API_CHECK_ROOM(T) \
    RI_API_CHECK((T)->top < (T)->stack_limit + RI_STACK_RESERVE - 3, "stack overflow: lua_checkstack was not called")
/* Something is there. */
#define RI_API_CHECK_VALUE(v) RI_API_CHECK((v) != &ri_capi_none, "invalid index")
#define RI_API_CHECK_TABLE(v) RI_API_CHECK(ri_is_table(v), "table expected")

/* Where the value of any acceptable index lies; &ri_capi_none if there is none. */
static RI_ALWAYS_INLINE RiValue *ri_capi_at(RiThread *T, int index)
{
    if (RI_LIKELY(index > 0)) {
        RiValue *slot = T->base + (index - 1);
        RI_API_CHECK(slot < T->stack_limit + RI_STACK_RESERVE, "unacceptable index");
        return RI_LIKELY(slot < T->top) ? slot : (RiValue *)(uintptr_t)&ri_capi_none;
    }
    RI_API_CHECK(index != 0 && (index <= LUA_REGISTRYINDEX || -index <= T->top - T->base), "invalid index");
    if (RI_LIKELY(index > LUA_REGISTRYINDEX))
        return T->top + index;
    return ri_capi_pseudo(T, index);
}

static inline int ri_capi_type(const RiValue *v)
{
    return RI_UNLIKELY(v == &ri_capi_none) ? LUA_TNONE : (int)ri_type_of_tag[v->tag & 31];
}

/* After an allocation whose result is safe on the stack: collections and finalizers that are due. */
void ri_capi_settle_slow(RiThread *T);
static RI_ALWAYS_INLINE void ri_capi_settle(RiThread *T)
{
    if (RI_UNLIKELY(T->heap->attention))
        ri_capi_settle_slow(T);
}

/* The string of a name that C code passes, most often the same literal again and again: known by its address. */
RiString *ri_capi_name_slow(RiThread *T, const char *text);
typedef struct RiCapiNames {
    RiObject object;
    struct {
        const char *text;
        RiString *string; /* interned; NULL: none */
    } known[64];
} RiCapiNames;
#define RI_CAPI_NAME_PLACE(text) (((uintptr_t)(text) ^ (uintptr_t)(text) >> 6) & 63)

static RI_ALWAYS_INLINE RiString *ri_capi_name(RiThread *T, const char *text)
{
    const RiCapiNames *names = T->process->api_names;
    if (RI_LIKELY(names != NULL)) {
        uintptr_t i = RI_CAPI_NAME_PLACE(text);
        if (RI_LIKELY(names->known[i].text == text && strcmp(names->known[i].string->bytes, text) == 0))
            return names->known[i].string;
    }
    return ri_capi_name_slow(T, text);
}

/* The table of globals, which a program may replace in the registry. */
static inline RiValue ri_capi_globals(RiThread *T)
{
    return ri_table_get_int(T->process->registry, LUA_RIDX_GLOBALS);
}

/* The outermost protected call has ended because its process is to be stopped (RI_KILLED): the status that C code gets. The
 * message replaces the value on top. In rille_state.c. */
int ri_capi_stopped(RiThread *T);

/* Where the function pointer of a C function lies: a light one, or a closure. */
static inline bool ri_capi_is_c(RiValue v)
{
    return v.tag == RI_TAG_CFUNC || v.tag == RI_TAG_LIBFN || v.tag == RI_TAG_NATIVE;
}

/* Close the variables from slot `level` (offset) up, in order, without an error; what lies on top stays. Calls Lua. */
void ri_capi_close_from(RiThread *T, uint32_t level);

/* Let the function below nargs arguments on top be called: put its link slot in between. */
void ri_capi_insert_link(RiThread *T, uint32_t nargs);

/* The value of a library function as C code can call it, and back: capi_libs.c. NULL, false: it is no such function. */
lua_CFunction ri_capi_thunk_of(const RiLibFn *fn);
const RiLibFn *ri_capi_row_of_thunk(lua_CFunction f);

#endif
