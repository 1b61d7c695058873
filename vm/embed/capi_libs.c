/* The functions that open Lua's libraries, and library functions as C sees them: rows of a table become lua_CFunctions by
 * thunks, which are numbered like the rows of all libraries one after the other. */
#include "vm/embed/capi.h"

#include <string.h>

#include "vm/embed/open.h"
#include "vm/exec/intrinsics.h"
#include "stdlib/libs.h"

static const RiLibrary *const libraries[] = {
    &ri_lib_base, &ri_lib_package, &ri_lib_coroutine, &ri_lib_table, &ri_lib_io,
    &ri_lib_os,   &ri_lib_string,  &ri_lib_utf8,      &ri_lib_math,  &ri_lib_debug,
};
/* Rows of no library's table. */
static const RiLibFn *const others[] = {&ri_libfn_next, &ri_libfn_ipairs_iterator};

/* -- Opening ----------------------------------------------------------------------------------------------------- */

static int open_library(lua_State *L, const RiLibrary *library)
{
    RiThread *T = ri_thread_of(L);
    RiTable *table = ri_library_make(T, library);
    ri_push(T, ri_table_value(table));
    return 1;
}

int luaopen_base(lua_State *L)
{
    ri_library_open(ri_thread_of(L), &ri_lib_base);
    lua_pushglobaltable(L);
    return 1;
}

#define LUAOPEN(name, library) \
    int luaopen_##name(lua_State *L) \
    { \
        return open_library(L, &library); \
    }
LUAOPEN(package, ri_lib_package)
LUAOPEN(coroutine, ri_lib_coroutine)
LUAOPEN(table, ri_lib_table)
LUAOPEN(io, ri_lib_io)
LUAOPEN(os, ri_lib_os)
LUAOPEN(string, ri_lib_string)
LUAOPEN(utf8, ri_lib_utf8)
LUAOPEN(math, ri_lib_math)
LUAOPEN(debug, ri_lib_debug)

void luaL_openlibs(lua_State *L)
{
    ri_open_libraries(ri_thread_of(L));
}

/* -- Library functions as C functions ---------------------------------------------------------------------------- */

static const RiLibFn *row_at(uint32_t n)
{
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        if (n < libraries[i]->count)
            return &libraries[i]->functions[n];
        n -= libraries[i]->count;
    }
    return n < RI_COUNTOF(others) ? others[n] : NULL;
}

/* Called by C, or by Lua as a C function: call the row with the same arguments. */
static int call_row(lua_State *L, uint32_t n)
{
    RiThread *T = ri_thread_of(L);
    uint32_t nargs = (uint32_t)(T->top - T->base);
    ri_stack_reserve(T, 4);
    ri_push(T, ri_nil());
    for (RiValue *p = T->top - 1; p > T->base; p--)
        ri_copy(p, p - 1);
    *T->base = ri_object(row_at(n), RI_TAG_LIBFN);
    ri_capi_insert_link(T, nargs);
    return (int)ri_call(T, nargs, LUA_MULTRET);
}

#define THUNKS_16(X, n) \
    X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9) X(n##a) X(n##b) X(n##c) X(n##d) X(n##e) X(n##f)
#define THUNKS(X) \
    THUNKS_16(X, 0x0) THUNKS_16(X, 0x1) THUNKS_16(X, 0x2) THUNKS_16(X, 0x3) THUNKS_16(X, 0x4) THUNKS_16(X, 0x5) \
    THUNKS_16(X, 0x6) THUNKS_16(X, 0x7) THUNKS_16(X, 0x8) THUNKS_16(X, 0x9) THUNKS_16(X, 0xa) THUNKS_16(X, 0xb)
/* In a section of their own, whose bounds tell a thunk from any other function. */
#define THUNK(n) \
    __attribute__((section("ri_thunks"))) static int thunk_##n(lua_State *L) \
    { \
        return call_row(L, n); \
    }
THUNKS(THUNK)
#define THUNK_NAME(n) thunk_##n,
static const lua_CFunction thunks[] = {THUNKS(THUNK_NAME)};

extern const char __start_ri_thunks[], __stop_ri_thunks[]; /* by the linker */

lua_CFunction ri_capi_thunk_of(const RiLibFn *fn)
{
    uint32_t n = 0;
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++) {
        if (fn >= libraries[i]->functions && fn < libraries[i]->functions + libraries[i]->count)
            return thunks[n + (uint32_t)(fn - libraries[i]->functions)];
        n += libraries[i]->count;
    }
    for (size_t i = 0; i < RI_COUNTOF(others); i++) {
        if (fn == others[i])
            return thunks[n + i];
    }
    return NULL;
}

const RiLibFn *ri_capi_row_of_thunk(lua_CFunction f)
{
    if (RI_LIKELY((uintptr_t)f - (uintptr_t)__start_ri_thunks >= (uintptr_t)__stop_ri_thunks - (uintptr_t)__start_ri_thunks))
        return NULL;
    for (uint32_t i = 0; i < RI_COUNTOF(thunks); i++) {
        if (thunks[i] == f)
            return row_at(i);
    }
    return NULL;
}
