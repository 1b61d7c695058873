/* Calls from C whose errors, results and yields take the short ways: C functions that C calls, threads that are used without being
 * resumed, and states in which something has become machine code meanwhile. Prints what any Lua 5.4 prints. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static int thrower(lua_State *L)
{
    return luaL_error(L, "from C %d", (int)lua_tointeger(L, 1));
}

static int calls_thrower(lua_State *L)
{
    lua_pushcfunction(L, thrower);
    lua_pushinteger(L, 7);
    lua_call(L, 1, 0);
    return 0;
}

/* In a thread that nobody has resumed. */
static int throws_elsewhere(lua_State *L)
{
    lua_State *co = lua_newthread(L);
    lua_pushcfunction(co, thrower);
    lua_pushinteger(co, 9);
    lua_call(co, 1, 0);
    return 0;
}

static int throws_elsewhere_in_lua(lua_State *L)
{
    lua_State *co = lua_newthread(L);
    luaL_loadstring(co, "error('from Lua', 0)");
    lua_call(co, 0, 0);
    return 0;
}

static int yielder(lua_State *L)
{
    return lua_yield(L, 0);
}

static int calls_yielder(lua_State *L)
{
    lua_pushcfunction(L, yielder);
    lua_call(L, 0, 0);
    return 0;
}

static int deep(lua_State *L)
{
    lua_pushcfunction(L, deep);
    lua_call(L, 0, 0);
    return 0;
}

static int five(lua_State *L)
{
    for (int i = 0; i < 5; i++)
        lua_pushinteger(L, i);
    return 5;
}

static void count_results(lua_State *L)
{
    static const int wanted[] = {LUA_MULTRET, 0, 1, 2, 5, 7};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        lua_pushcfunction(L, five);
        lua_call(L, 0, wanted[i]);
        int called = lua_gettop(L), last = lua_type(L, -1);
        lua_settop(L, 0);
        lua_pushcfunction(L, five);
        lua_pcall(L, 0, wanted[i], 0);
        printf("%d: %d %d, %d %d\n", wanted[i], called, last, lua_gettop(L), lua_type(L, -1));
        lua_settop(L, 0);
    }
}

static const char program[] =
    "for i = 1, 1000 do local ok, e = pcall(calls_thrower) assert(not ok and e == 'from C 7', e) end\n"
    "for i = 1, 1000 do\n"
    "  local co = coroutine.create(function() local _, e = pcall(calls_thrower) yielder() return e end)\n"
    "  assert(coroutine.resume(co)) assert(select(2, coroutine.resume(co)) == 'from C 7')\n"
    "end\n"
    "local co = coroutine.create(function() local _, e = pcall(calls_yielder) yielder() return e end)\n"
    "assert(coroutine.resume(co)) print(select(2, coroutine.resume(co)))\n"
    "print(pcall(deep)) print(pcall(throws_elsewhere)) print(pcall(throws_elsewhere_in_lua)) print(pcall(calls_thrower))\n"
    "print(xpcall(calls_thrower, function(m) return 'handled: ' .. m end))\n"
    "print(select(2, xpcall(calls_thrower, debug.traceback)))\n";

int main(void)
{
    static const luaL_Reg functions[] = {{"calls_thrower", calls_thrower}, {"throws_elsewhere", throws_elsewhere},
                                         {"throws_elsewhere_in_lua", throws_elsewhere_in_lua}, {"yielder", yielder},
                                         {"calls_yielder", calls_yielder}, {"deep", deep}, {NULL, NULL}};
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushglobaltable(L);
    luaL_setfuncs(L, functions, 0);
    if (luaL_dostring(L, program) != LUA_OK)
        printf("%s\n", lua_tostring(L, -1));
    lua_settop(L, 0);
    count_results(L);
    luaL_loadstring(L, "local t <close> = setmetatable({}, {__close = function() error('closing', 0) end}) error('body')");
    for (int i = 0; i < 1000; i++) {
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 0, 0, 0) != LUA_ERRRUN || i == 999)
            printf("%s\n", lua_tostring(L, -1));
        lua_settop(L, 1);
    }
    lua_close(L);
    return 0;
}
