/* Sequences of C API calls on a state whose stack is modelled by its height: every call is one that the manual allows, whatever
 * it returns. Errors are caught by a protected call around each sequence. Input: a byte for each call, with operands. */
#include <lauxlib.h>
#include <lualib.h>

#include "tests/fuzz/fuzz.h"

#define HEIGHT_MAX 40
#define CALLS_MAX 300

typedef struct Run {
    FuzzInput in;
} Run;

static int identity(lua_State *L)
{
    return lua_gettop(L);
}

static int fails(lua_State *L)
{
    return luaL_error(L, "%s at %d", "failure", lua_gettop(L));
}

static int continues(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return context > lua_gettop(L) ? lua_gettop(L) : (int)context;
}

static int yields(lua_State *L)
{
    return lua_yieldk(L, lua_gettop(L), 1, continues);
}

static void push(lua_State *L, FuzzInput *in)
{
    static const lua_CFunction functions[] = {identity, fails, yields};
    size_t size;
    const char *bytes;
    switch (fuzz_byte(in) % 14) {
    case 0:
        lua_pushnil(L);
        break;
    case 1:
        lua_pushinteger(L, fuzz_integer(in));
        break;
    case 2:
        lua_pushnumber(L, (double)fuzz_integer(in) / 4);
        break;
    case 3:
        bytes = fuzz_bytes(in, 60, &size);
        FUZZ_CHECK(strlen(lua_pushlstring(L, bytes, size)) <= size, "a string ends with NUL");
        break;
    case 4:
        lua_pushboolean(L, fuzz_byte(in) & 1);
        break;
    case 5:
        lua_createtable(L, fuzz_byte(in) % 8, fuzz_byte(in) % 8);
        break;
    case 6:
        lua_newuserdatauv(L, fuzz_byte(in), fuzz_byte(in) % 4);
        break;
    case 7:
        lua_pushlightuserdata(L, (void *)(uintptr_t)fuzz_integer(in));
        break;
    case 8:
        lua_pushcfunction(L, functions[fuzz_byte(in) % 3]);
        break;
    case 9:
        lua_newthread(L);
        break;
    case 10:
        lua_pushglobaltable(L);
        break;
    case 11: {
        int n = lua_gettop(L) > 0 ? fuzz_byte(in) % 4 : 0;
        for (int i = 0; i < n; i++)
            lua_pushvalue(L, 1);
        lua_pushcclosure(L, identity, n);
        break;
    }
    case 12:
        if (luaL_loadstring(L, "local a, b = ... return b, a, #tostring(a)") != LUA_OK)
            lua_error(L);
        break;
    default:
        lua_pushfstring(L, "%d %s %f %c %p %U %%", (int)fuzz_byte(in), "text", 1.5, 'x', (void *)L, 8364L);
        break;
    }
}

/* A call that leaves `change` more on the stack. */
static void expect_height(lua_State *L, int before, int change, uint8_t op)
{
    FUZZ_CHECK(lua_gettop(L) == before + change, "op %u: height %d, expected %d", op, lua_gettop(L), before + change);
}

static void look(lua_State *L, int index)
{
    size_t size;
    int is_number;
    int type = lua_type(L, index);
    FUZZ_CHECK(type >= 0 && type < LUA_NUMTYPES, "type %d", type);
    FUZZ_CHECK(lua_isnil(L, index) == (type == LUA_TNIL), "nil");
    (void)lua_typename(L, type);
    lua_Integer i = lua_tointegerx(L, index, &is_number);
    if (is_number && lua_isinteger(L, index))
        FUZZ_CHECK(lua_tonumber(L, index) == (double)i, "number of an integer");
    (void)lua_topointer(L, index);
    (void)lua_rawlen(L, index);
    (void)lua_touserdata(L, index);
    (void)lua_tothread(L, index);
    (void)lua_tocfunction(L, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        const char *s = lua_tolstring(L, -1, &size);
        FUZZ_CHECK(s != NULL && s[size] == '\0', "tolstring");
        lua_pop(L, 1);
    }
}

static void table_call(lua_State *L, FuzzInput *in, uint8_t op, int index, int height)
{
    if (!lua_istable(L, index))
        return;
    switch (op % 8) {
    case 0:
        if (!lua_isnil(L, height) && lua_rawequal(L, height, height)) { /* no NaN */
            lua_pushvalue(L, height);
            lua_pushinteger(L, 1);
            lua_rawset(L, index);
            expect_height(L, height, 0, op);
        }
        break;
    case 1:
        lua_pushinteger(L, fuzz_integer(in));
        lua_rawseti(L, index, fuzz_integer(in));
        break;
    case 2:
        FUZZ_CHECK(lua_rawgeti(L, index, fuzz_integer(in)) == lua_type(L, -1), "type of rawgeti");
        break;
    case 3:
        FUZZ_CHECK(lua_getfield(L, index, "key") == lua_type(L, -1), "type of getfield");
        break;
    case 4:
        lua_pushboolean(L, 1);
        lua_setfield(L, index, "key");
        break;
    case 5:
        for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
            expect_height(L, height, 2, op);
        break;
    case 6:
        lua_len(L, index);
        break;
    default:
        lua_pushvalue(L, index);
        lua_setmetatable(L, index);
        break;
    }
}

static void call(lua_State *L, FuzzInput *in, int height)
{
    int nargs = fuzz_byte(in) % 4, wanted = fuzz_byte(in) % 5 - 1;
    if (height < nargs + 1)
        return;
    int status = lua_pcall(L, nargs, wanted, 0);
    if (status != LUA_OK)
        expect_height(L, height, -nargs, 0);
    else if (wanted >= 0)
        expect_height(L, height, wanted - nargs - 1, 0);
}

static void resume(lua_State *L, FuzzInput *in, int index)
{
    lua_State *co = lua_tothread(L, index);
    int count, status;
    if (co == NULL || co == L || !lua_checkstack(co, 10))
        return;
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        lua_pushcfunction(co, fuzz_byte(in) & 1 ? yields : identity);
    lua_pushinteger(co, 7);
    status = lua_resume(co, L, 1, &count);
    FUZZ_CHECK(status > LUA_YIELD || lua_gettop(co) >= count, "results of resume");
    if (status > LUA_YIELD || fuzz_byte(in) < 60)
        lua_closethread(co, L);
    else
        lua_pop(co, count);
}

static void step(lua_State *L, FuzzInput *in)
{
    int height = lua_gettop(L);
    uint8_t op = fuzz_byte(in);
    int index = height > 0 ? fuzz_byte(in) % height + 1 : 0;
    if (height >= HEIGHT_MAX) {
        lua_settop(L, HEIGHT_MAX / 2);
    } else if (op < 90 || height == 0) {
        push(L, in);
        expect_height(L, height, 1, op);
    } else if (op < 110) {
        look(L, index);
        expect_height(L, height, 0, op);
    } else if (op < 120) {
        lua_pushvalue(L, index);
        FUZZ_CHECK(lua_rawequal(L, index, -1) || lua_tonumber(L, -1) != lua_tonumber(L, -1), "a copy is equal");
    } else if (op < 130) {
        lua_rotate(L, index, fuzz_byte(in) % (height - index + 2) - 1 < 0 ? 0 : 1);
        expect_height(L, height, 0, op);
    } else if (op < 140) {
        lua_remove(L, index);
        expect_height(L, height, -1, op);
    } else if (op < 150) {
        lua_copy(L, index, -1);
    } else if (op < 200) {
        table_call(L, in, op, index, height);
    } else if (op < 220) {
        call(L, in, height);
    } else if (op < 228) {
        resume(L, in, index);
    } else if (op < 236) {
        lua_compare(L, index, height, LUA_OPEQ);
        (void)luaL_tolstring(L, index, NULL);
    } else if (op < 244) {
        if (height >= 2)
            lua_concat(L, 2);
    } else if (op < 250) {
        lua_gc(L, LUA_GCSTEP, 1);
    } else {
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        for (int i = fuzz_byte(in) * 8; i > 0; i--)
            luaL_addchar(&b, 'x');
        luaL_pushresult(&b);
        expect_height(L, height, 1, op);
    }
}

static int run(lua_State *L)
{
    Run *r = lua_touserdata(L, 1);
    luaL_checkstack(L, HEIGHT_MAX + 20, NULL);
    lua_settop(L, 0);
    for (int i = 0; i < CALLS_MAX && !fuzz_is_empty(&r->in); i++)
        step(L, &r->in);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    static unsigned inputs;
    if (inputs++ % 500 == 0) {
        if (L != NULL)
            lua_close(L);
        L = luaL_newstate();
        luaL_openlibs(L);
    }
    Run r = {fuzz_input(data, size)};
    for (int rounds = 0; rounds < 20 && !fuzz_is_empty(&r.in); rounds++) { /* an error ends a round */
        lua_settop(L, 0);
        lua_pushcfunction(L, run);
        lua_pushlightuserdata(L, &r);
        int status = lua_pcall(L, 1, 0, 0);
        FUZZ_CHECK(lua_gettop(L) == (status != LUA_OK), "height after a protected call");
    }
    return 0;
}
