/* How long calls of the C API take: linked with Rille's library and with another Lua 5.4's by bench/run-capi, which puts
 * them side by side. Each line: a name, nanoseconds per operation (the best of some rounds). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#define N 2000000
#define ROUNDS 5

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* the machine may have other things to do */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int add(lua_State *L)
{
    lua_pushinteger(L, lua_tointeger(L, 1) + lua_tointeger(L, 2));
    return 1;
}

static int checked_add(lua_State *L)
{
    lua_pushinteger(L, luaL_checkinteger(L, 1) + luaL_checkinteger(L, 2));
    return 1;
}

static int counter(lua_State *L)
{
    lua_Integer n = lua_tointeger(L, lua_upvalueindex(1)) + 1;
    lua_pushinteger(L, n);
    lua_copy(L, -1, lua_upvalueindex(1));
    return 1;
}

static int size_of(lua_State *L)
{
    size_t size;
    luaL_checklstring(L, 1, &size);
    lua_pushinteger(L, (lua_Integer)size);
    return 1;
}

static int get_data(lua_State *L)
{
    lua_pushinteger(L, *(int *)luaL_checkudata(L, 1, "bench"));
    return 1;
}

static void run_lua(lua_State *L, const char *code)
{
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        exit(1);
    }
}

static void c_function(lua_State *L)
{
    run_lua(L, "local add, s = add, 0 for i = 1, 2000000 do s = add(s, i) end");
}
static void c_function_checked(lua_State *L)
{
    run_lua(L, "local add, s = checked_add, 0 for i = 1, 2000000 do s = add(s, i) end");
}
static void c_closure(lua_State *L)
{
    run_lua(L, "local f = counter for i = 1, 2000000 do f() end");
}
static void string_argument(lua_State *L)
{
    run_lua(L, "local f, s = size_of, 'some text' for i = 1, 2000000 do f(s) end");
}
static void checked_userdata(lua_State *L)
{
    run_lua(L, "local f, u = get_data, u for i = 1, 2000000 do f(u) end");
}

static void call_lua(lua_State *L)
{
    luaL_loadstring(L, "return function(a) return a end");
    lua_call(L, 0, 1);
    for (int i = 0; i < N; i++) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, i);
        lua_call(L, 1, 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void pcall_lua(lua_State *L)
{
    luaL_loadstring(L, "return function(a) return a end");
    lua_call(L, 0, 1);
    for (int i = 0; i < N; i++) {
        lua_pushvalue(L, -1);
        lua_pushinteger(L, i);
        lua_pcall(L, 1, 1, 0);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void resume_yield(lua_State *L)
{
    lua_State *co = lua_newthread(L);
    int n;
    luaL_loadstring(co, "local yield = coroutine.yield while true do yield(1) end");
    for (int i = 0; i < N; i++) {
        lua_resume(co, L, 0, &n);
        lua_pop(co, n);
    }
    lua_pop(L, 1);
}

static void push_integer(lua_State *L)
{
    for (int i = 0; i < N; i += 10) {
        for (int k = 0; k < 10; k++)
            lua_pushinteger(L, i);
        lua_settop(L, 0);
    }
}

static void push_string(lua_State *L)
{
    for (int i = 0; i < N; i++) {
        lua_pushlstring(L, "some text", 9);
        lua_settop(L, 0);
    }
}

static void raw_geti(lua_State *L)
{
    lua_createtable(L, 100, 0);
    for (int i = 1; i <= 100; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, 1, i);
    }
    for (int i = 0; i < N; i++) {
        lua_rawgeti(L, 1, i % 100 + 1);
        lua_settop(L, 1);
    }
    lua_settop(L, 0);
}

static void raw_seti(lua_State *L)
{
    lua_createtable(L, 100, 0);
    for (int i = 0; i < N; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, 1, i % 100 + 1);
    }
    lua_settop(L, 0);
}

static void get_field(lua_State *L)
{
    lua_newtable(L);
    lua_pushinteger(L, 1);
    lua_setfield(L, 1, "name");
    for (int i = 0; i < N; i++) {
        lua_getfield(L, 1, "name");
        lua_settop(L, 1);
    }
    lua_settop(L, 0);
}

static void set_field(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < N; i++) {
        lua_pushinteger(L, i);
        lua_setfield(L, 1, "name");
    }
    lua_settop(L, 0);
}

static void get_seti(lua_State *L)
{
    lua_createtable(L, 100, 0);
    for (int i = 0; i < N; i++) {
        lua_pushinteger(L, i);
        lua_seti(L, 1, i % 100 + 1);
        lua_geti(L, 1, i % 100 + 1);
        lua_settop(L, 1);
    }
    lua_settop(L, 0);
}

static void get_settable(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < N; i++) {
        lua_pushliteral(L, "name");
        lua_pushinteger(L, i);
        lua_settable(L, 1);
        lua_pushliteral(L, "name");
        lua_gettable(L, 1);
        lua_settop(L, 1);
    }
    lua_settop(L, 0);
}

static void to_string(lua_State *L)
{
    lua_pushliteral(L, "some text");
    for (int i = 0; i < N; i++) {
        size_t size;
        if (lua_tolstring(L, 1, &size) == NULL || lua_type(L, 1) != LUA_TSTRING)
            abort();
    }
    lua_settop(L, 0);
}

static void push_closure(lua_State *L)
{
    for (int i = 0; i < N; i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, add, 1);
        lua_settop(L, 0);
    }
}

static void ref_unref(lua_State *L)
{
    for (int i = 0; i < N; i++) {
        lua_pushboolean(L, 1);
        luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
    }
}

#define STATES 2000

static void new_states(lua_State *L)
{
    static lua_State *states[STATES];
    (void)L;
    for (int i = 0; i < STATES; i++) {
        states[i] = luaL_newstate();
        luaL_openlibs(states[i]);
    }
    for (int i = 0; i < STATES; i++)
        lua_close(states[i]);
}

static void next_loop(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < 1000; i++) {
        lua_pushfstring(L, "key %d", i);
        lua_pushinteger(L, i);
        lua_rawset(L, 1);
    }
    for (int i = 0; i < N / 1000; i++) {
        lua_pushnil(L);
        while (lua_next(L, 1) != 0)
            lua_pop(L, 1);
    }
    lua_settop(L, 0);
}

static void new_userdata(lua_State *L)
{
    for (int i = 0; i < N; i++) {
        lua_newuserdatauv(L, 16, 0);
        luaL_setmetatable(L, "bench");
        lua_settop(L, 0);
    }
}

static void new_table(lua_State *L)
{
    for (int i = 0; i < N; i++) {
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, i);
        lua_setfield(L, -2, "x");
        lua_settop(L, 0);
    }
}

static void buffer(lua_State *L)
{
    for (int i = 0; i < N / 10; i++) {
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        for (int k = 0; k < 10; k++)
            luaL_addlstring(&b, "some text", 9);
        luaL_pushresult(&b);
        lua_settop(L, 0);
    }
}

static const struct Case {
    const char *name;
    void (*run)(lua_State *L);
    int count; /* operations; 0: N */
} cases[] = {
    {"c_function", c_function, 0}, {"c_function_checked", c_function_checked, 0}, {"c_closure", c_closure, 0},
    {"string_argument", string_argument, 0}, {"checked_userdata", checked_userdata, 0}, {"call_lua", call_lua, 0},
    {"pcall_lua", pcall_lua, 0}, {"resume_yield", resume_yield, 0}, {"push_integer", push_integer, 0},
    {"push_string", push_string, 0}, {"raw_geti", raw_geti, 0}, {"raw_seti", raw_seti, 0}, {"get_field", get_field, 0},
    {"set_field", set_field, 0}, {"next_loop", next_loop, 0}, {"new_userdata", new_userdata, 0}, {"new_table", new_table, 0},
    {"buffer", buffer, 0},
    {"get_seti", get_seti, 0}, {"get_settable", get_settable, 0}, {"to_string", to_string, 0},
    {"push_closure", push_closure, 0}, {"ref_unref", ref_unref, 0}, {"new_close_states", new_states, STATES},
};

int main(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "add", add);
    lua_register(L, "checked_add", checked_add);
    lua_register(L, "size_of", size_of);
    lua_register(L, "get_data", get_data);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, counter, 1);
    lua_setglobal(L, "counter");
    luaL_newmetatable(L, "bench");
    lua_pop(L, 1);
    memset(lua_newuserdatauv(L, sizeof(int), 0), 0, sizeof(int));
    luaL_setmetatable(L, "bench");
    lua_setglobal(L, "u");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double best = 1e30;
        for (int round = 0; round < ROUNDS; round++) {
            double start = now_ns();
            cases[i].run(L);
            double took = now_ns() - start;
            best = took < best ? took : best;
        }
        printf("%s %.1f\n", cases[i].name, best / (cases[i].count ? cases[i].count : N));
    }
    lua_close(L);
    return 0;
}
