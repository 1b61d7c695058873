/* [Rille only] Memory through the allocation function of lua_newstate: what is charged, what happens when it refuses, what is
 * left. (5.4.4 fails here, at one of its thousands of requests.) */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

typedef struct Budget {
    long calls, fail_at; /* all requests from this one on fail; 0: none */
    bool once;
    size_t held, limit;  /* bytes; limit 0: none */
    long blocks;
} Budget;

static int failures;

#define EXPECT(condition, ...) \
    do { \
        if (!(condition)) { \
            printf("line %d: ", __LINE__); \
            printf(__VA_ARGS__); \
            printf("\n"); \
            failures++; \
        } \
    } while (0)

static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    Budget *b = data;
    if (block == NULL)
        old_size = 0;
    if (new_size == 0) {
        b->held -= old_size;
        b->blocks -= block != NULL;
        free(block);
        return NULL;
    }
    if (new_size > old_size) {
        b->calls++;
        if (b->fail_at != 0 && (b->once ? b->calls == b->fail_at : b->calls >= b->fail_at))
            return NULL;
        if (b->limit != 0 && b->held + new_size - old_size > b->limit)
            return NULL;
    }
    void *grown = realloc(block, new_size);
    if (grown == NULL)
        return NULL;
    b->held += new_size - old_size;
    b->blocks += block == NULL;
    return grown;
}

static void check_charge(lua_State *L, const Budget *b, const char *when)
{
    double count = lua_gc(L, LUA_GCCOUNT) * 1024.0 + lua_gc(L, LUA_GCCOUNTB);
    EXPECT((double)b->held >= count / 2 && (double)b->held <= count * 2, "%s: charged %zu, in use %.0f", when, b->held, count);
}

static int open_all(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

static void test_charge(void)
{
    Budget b = {0};
    lua_State *L = lua_newstate(allocate, &b);
    EXPECT(L != NULL && b.held > 0, "a state for nothing");
    lua_pushcfunction(L, open_all);
    EXPECT(lua_pcall(L, 0, 0, 0) == LUA_OK, "libraries");
    check_charge(L, &b, "with libraries");
    const char *steps[] = {"t = {} for i = 1, 1e5 do t[i] = i + 0.5 end", "for i = 1, 1e5 do t[i] = {i} end",
                           "s = {} for i = 1, 2e4 do s[i] = ('x'):rep(100) .. i end", "s = nil collectgarbage()",
                           "t = nil collectgarbage()", "b = ('y'):rep(5e6)", "b = nil collectgarbage() collectgarbage()"};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        EXPECT(luaL_dostring(L, steps[i]) == LUA_OK, "%s", lua_tostring(L, -1));
        check_charge(L, &b, steps[i]);
    }
    void *data = NULL;
    EXPECT(lua_getallocf(L, &data) == allocate && data == &b, "getallocf");
    lua_close(L);
    EXPECT(b.held == 0 && b.blocks == 0, "after close: %zu bytes in %ld blocks", b.held, b.blocks);
}

static int use_memory(lua_State *L)
{
    luaL_openlibs(L);
    lua_createtable(L, 100, 10);
    for (int i = 0; i < 50; i++) {
        lua_newuserdatauv(L, 200, 1);
        lua_rawseti(L, -2, i + 1);
        lua_pushfstring(L, "a rather long key that is not a short string, number %d", i);
        lua_newthread(L);
        lua_rawset(L, -3);
    }
    int status = luaL_loadstring(L, "local t = {} for i = 1, 300 do t['k' .. i] = {i, tostring(i), function() return i end} end "
                       "return table.concat({('z'):rep(2000), #string.format('%50s', 'x'), tostring(coroutine.create(print)):sub(1, 6)})");
    if (status != LUA_OK) /* load catches what it lacks memory for */
        return lua_error(L);
    lua_call(L, 0, 1);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; i < 300; i++)
        luaL_addstring(&b, "0123456789");
    luaL_pushresult(&b);
    return 1;
}

/* Fail at every request there is, one after the other: an error, and a state that works once there is memory again. */
static void test_failure(bool once)
{
    long errors = 0;
    for (long n = 1;; n++) {
        Budget b = {.fail_at = n, .once = once};
        lua_State *L = lua_newstate(allocate, &b);
        if (L == NULL) {
            EXPECT(b.held == 0 && b.blocks == 0, "no state, but %zu bytes", b.held);
            continue;
        }
        lua_pushcfunction(L, use_memory);
        int status = lua_pcall(L, 0, 1, 0);
        if (status != LUA_OK) {
            errors++;
            EXPECT(status == LUA_ERRMEM || status == LUA_ERRRUN, "fail at %ld: status %d", n, status);
            EXPECT(strcmp(lua_tostring(L, -1), "not enough memory") == 0, "fail at %ld: message %s", n,
                   lua_tostring(L, -1));
        }
        bool was_reached = b.calls >= n;
        b.fail_at = 0;
        lua_settop(L, 0);
        lua_pushcfunction(L, use_memory);
        status = lua_pcall(L, 0, 1, 0);
        EXPECT(status == LUA_OK, "after failure %ld: %s", n, lua_tostring(L, -1));
        lua_close(L);
        EXPECT(b.held == 0 && b.blocks == 0, "after failure %ld and close: %zu bytes", n, b.held);
        if (!was_reached)
            break;
    }
    EXPECT(once || errors > 5, "only %ld errors", errors);
}

/* A limit is met by an error, again and again, and the state goes on. */
static void test_limit(void)
{
    Budget b = {0};
    lua_State *L = lua_newstate(allocate, &b);
    luaL_openlibs(L);
    b.limit = b.held + ((size_t)4 << 20);
    for (int i = 0; i < 20; i++) {
        int status = luaL_dostring(L, "local t = {} for i = 1, 1e7 do t[i] = {i} end");
        EXPECT(status != LUA_OK, "no error");
        EXPECT(lua_isstring(L, -1) && strstr(lua_tostring(L, -1), "not enough memory"), "%s", lua_tostring(L, -1));
        lua_settop(L, 0);
        status = luaL_dostring(L, "local s = 0 for i = 1, 1000 do local t = {i} s = s + #t end assert(s == 1000)");
        EXPECT(status == LUA_OK, "%s", lua_tostring(L, -1));
        lua_settop(L, 0);
    }
    EXPECT(luaL_dostring(L, "local ok, e = pcall(string.rep, 'x', 1e8) assert(not ok and e == 'not enough memory')"
                            "assert(#('x'):rep(1e5) == 1e5)") == LUA_OK, "%s", lua_tostring(L, -1));
    EXPECT(b.held <= b.limit, "%zu of %zu", b.held, b.limit);
    lua_close(L);
    EXPECT(b.held == 0, "%zu bytes left", b.held);
}

/* The function may be replaced: a program counts what goes through it. */
static Budget wrapped;
static lua_Alloc inner;
static void *inner_data;
static void *count_through(void *data, void *block, size_t old_size, size_t new_size)
{
    (void)data;
    wrapped.calls++;
    return inner(inner_data, block, old_size, new_size);
}

static void test_replace(void)
{
    lua_State *L = luaL_newstate();
    inner = lua_getallocf(L, &inner_data);
    lua_setallocf(L, count_through, NULL);
    EXPECT(lua_getallocf(L, NULL) == count_through, "not replaced");
    luaL_openlibs(L);
    EXPECT(luaL_dostring(L, "t = {} for i = 1, 1e5 do t[i] = {} end") == LUA_OK, "?");
    EXPECT(wrapped.calls > 0, "never called");
    lua_close(L);
}

int main(void)
{
    test_charge();
    test_failure(false);
    test_failure(true);
    test_limit();
    test_replace();
    return failures != 0;
}
