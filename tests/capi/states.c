/* Many states: each is by itself, whatever they share; what one costs; weak tables, finalizers and paths of the later ones. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#define MANY 2000
#define BYTES_MAX (24 << 10) /* of a state with its libraries */
#define NS_MAX 40000.0

static lua_State *states[MANY];
static int failures;

static void expect(int condition, const char *what)
{
    if (!condition) {
        printf("not so: %s\n", what);
        failures++;
    }
}

/* What the code returns must be true. */
static void run(lua_State *L, const char *code)
{
    int status = luaL_dostring(L, code);
    if (status != LUA_OK || !lua_toboolean(L, -1)) {
        printf("%s\n    %s\n", code, status != LUA_OK ? lua_tostring(L, -1) : "false");
        failures++;
    }
    lua_settop(L, 0);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long resident_bytes(void)
{
    long ignored, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * 4096;
}

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    return L;
}

/* The least of some rounds: other programs run, too. */
static void check_costs(void)
{
    double best_ns = 1e30;
    long bytes = 0;
    for (int round = 0; round < 4; round++) {
        long before = resident_bytes();
        double start = now_ns();
        for (int i = 0; i < MANY; i++)
            states[i] = open_state();
        double took = (now_ns() - start) / MANY;
        best_ns = took < best_ns ? took : best_ns;
        if (round == 0)
            bytes = (resident_bytes() - before) / MANY;
        if (round < 3)
            for (int i = 0; i < MANY; i++)
                lua_close(states[i]);
    }
    if (getenv("RILLE_LINK_FLAGS") != NULL && strstr(getenv("RILLE_LINK_FLAGS"), "sanitize") != NULL)
        return;
    if (strstr(lua_ident, "Rille") == NULL || getenv("RILLE_STRESS") != NULL)
        return;
    if (bytes > BYTES_MAX || best_ns > NS_MAX) {
        printf("a state takes %ld bytes, %.0f ns\n", bytes, best_ns);
        failures++;
    }
}

static void check_isolation(void)
{
    lua_State *a = states[0], *b = states[1];
    run(a, "string.own = 1; string.rep = nil; math.pi = 3; own = 1; _VERSION = 'x'; package.loaded.own = 1 return true");
    run(a, "getmetatable('').__index = function(s, k) return k end; io.write = nil; getmetatable(io.stdout).own = 1 return true");
    run(a, "return string.own == 1 and not string.rep and own == 1 and _G._VERSION == 'x' and ('').foo == 'foo'");
    run(b, "return string.own == nil and ('x'):rep(3) == 'xxx' and math.pi > 3.1 and own == nil and _VERSION == 'Lua 5.4'");
    run(b, "return package.loaded.own == nil and io.write ~= nil and getmetatable(io.stdout).own == nil");
    run(b, "local n = 0 for k, v in pairs(_G) do n = n + 1 end return n > 30 and rawlen(package.searchers) == 4");
    run(b, "for i = 1, 100 do _G['x' .. i] = i end print = 7 return x100 == 100");
    run(b, "for k in pairs(string) do string[k] = nil end return next(string) == nil");
    run(states[2], "return next(string) ~= nil and print ~= 7");
    lua_State *fresh = open_state();
    run(fresh, "return string.rep('x', 3) == 'xxx' and ('%d'):format(7) == '7' and math.pi > 3.1 and own == nil");
    lua_close(fresh);
}

/* Also in those beyond the first hundreds. */
static void check_collections(void)
{
    int numbers[] = {3, 300, 700, MANY - 1};
    for (int i = 0; i < 4; i++) {
        lua_State *L = states[numbers[i]];
        /* Words left on the C stack may keep some of them. */
        run(L, "local function keeps(mode) local t = setmetatable({}, {__mode = mode}) t.a, t.text, t.own = 1, 'text', t "
               "for i = 1, 40 do t[mode == 'k' and {} or i] = mode == 'k' and 1 or {} end collectgarbage() "
               "local n = 0 for k in pairs(t) do n = n + 1 end return t.a == 1 and t.text == 'text' and t.own == t and n end "
               "for try = 1, 20 do if keeps('k') < 40 and keeps('v') < 40 then return true end end");
        run(L, "closed = 0 for try = 1, 20 do for i = 1, 10 do setmetatable({}, {__gc = function() closed = closed + 1 end}) end "
               "collectgarbage() end return closed > 100");
        run(L, "local t = {} for c = 65, 90 do t[string.char(c)] = c end local n = 0 "
               "for k in next, t do t[k] = nil collectgarbage() n = n + 1 end return n == 26 and next(t) == nil");
        run(L, "local t = {} for i = 1, 2000 do t[#t + 1] = tostring(i) .. 'k' end collectgarbage() return t[9] == '9k'");
    }
}

static void check_paths(void)
{
    lua_State *L = open_state();
    run(L, "before = package.path return package.path:find('?.lua', 1, true)");
    setenv("LUA_PATH", "/own/?.lua;;", 1);
    setenv("LUA_CPATH_5_4", "/own/?.so", 1);
    lua_State *own = open_state();
    run(own, "return package.path:sub(1, 12) == '/own/?.lua;/' and package.cpath == '/own/?.so'");
    lua_State *without = luaL_newstate();
    lua_pushboolean(without, 1);
    lua_setfield(without, LUA_REGISTRYINDEX, "LUA_NOENV");
    luaL_openlibs(without);
    run(without, "return not package.path:find('own', 1, true) and package.cpath ~= '/own/?.so'");
    unsetenv("LUA_PATH");
    unsetenv("LUA_CPATH_5_4");
    lua_State *again = open_state();
    run(again, "return not package.path:find('own', 1, true)");
    lua_close(L);
    lua_close(own);
    lua_close(without);
    lua_close(again);
}

/* Libraries opened into a state that has been used, and one by one. */
static void check_opening(void)
{
    lua_State *L = luaL_newstate();
    lua_pushinteger(L, 5);
    lua_setglobal(L, "mine");
    luaL_openlibs(L);
    run(L, "return mine == 5 and string.format('%d', mine) == '5'");
    lua_close(L);
    L = luaL_newstate();
    luaL_requiref(L, "str", luaopen_string, 1);
    run(L, "return str.rep('a', 2) == 'aa' and print == nil");
    luaL_openlibs(L);
    run(L, "return str.rep('a', 2) == 'aa' and string.rep and print ~= nil and package.loaded._G == _G");
    lua_close(L);
    L = luaL_newstate();
    lua_pushglobaltable(L);
    const void *globals = lua_topointer(L, -1);
    luaL_openlibs(L);
    luaL_openlibs(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    expect(lua_topointer(L, -1) == globals, "the table of globals stays");
    lua_getglobal(L, "_G");
    expect(lua_topointer(L, -1) == globals, "_G is it");
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    expect(lua_tothread(L, -1) == L, "the main thread is in the registry");
    lua_pushinteger(L, 1);
    expect(luaL_ref(L, LUA_REGISTRYINDEX) == 4, "the first reference is 4");
    lua_settop(L, 0);
    run(L, "return type(debug.getregistry()._LOADED) == 'table' and package.loaded == debug.getregistry()._LOADED");
    lua_close(L);
}

static void *use_states(void *argument)
{
    int first = (int)(size_t)argument;
    for (int i = 0; i < 200; i++) {
        lua_State *L = i % 2 ? states[first + i] : open_state();
        if (luaL_dostring(L, "local t = {} for i = 1, 50 do t[i] = ('x'):rep(i) .. i end return #t") != LUA_OK)
            return "error";
        if (i % 2 == 0)
            lua_close(L);
    }
    return NULL;
}

static void check_threads(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use_states, (void *)(800 + i * 200));
    for (size_t i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        expect(result == NULL, "states on several threads at a time");
    }
}

int main(void)
{
    check_costs();
    check_isolation();
    check_collections();
    check_paths();
    check_opening();
    check_threads();
    for (int i = MANY; i-- > 0;)
        lua_close(states[i]);
    return failures != 0;
}
