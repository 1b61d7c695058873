/* A host's object as userdata, by the C API alone: works with any Lua 5.4. The account lives in C; scripts see methods, a
 * length, a text, and errors with the caller's line. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

typedef struct account {
    lua_Integer cents;
    int changes;
} account;

#define TYPE "account"

static account *check(lua_State *L)
{
    return luaL_checkudata(L, 1, TYPE);
}

static int account_new(lua_State *L)
{
    account *a = lua_newuserdatauv(L, sizeof *a, 0);
    *a = (account){luaL_optinteger(L, 1, 0), 0};
    luaL_setmetatable(L, TYPE);
    return 1;
}

static int account_add(lua_State *L)
{
    account *a = check(L);
    lua_Integer cents = luaL_checkinteger(L, 2);
    luaL_argcheck(L, a->cents + cents >= 0, 2, "not so much there");
    a->cents += cents;
    a->changes++;
    lua_settop(L, 1);
    return 1; /* itself, for a:add(1):add(2) */
}

static int account_length(lua_State *L)
{
    lua_pushinteger(L, check(L)->changes);
    return 1;
}

static int account_text(lua_State *L)
{
    const account *a = check(L);
    lua_pushfstring(L, "%d.%s%d", (int)(a->cents / 100), a->cents % 100 < 10 ? "0" : "", (int)(a->cents % 100));
    return 1;
}

static const luaL_Reg methods[] = {{"add", account_add}, {"__len", account_length}, {"__tostring", account_text}, {NULL, NULL}};

int main(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_newmetatable(L, TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_register(L, "account", account_new);
    static const char script[] = "local a = account(500)\n"
                                 "print(a, #a)\n"
                                 "print(a:add(1050):add(-3), #a)\n"
                                 "print(select(2, pcall(a.add, a, -10000)))\n"
                                 "print(select(2, pcall(a.add, io.stdout, 1)))\n"
                                 "a:add('much')\n";
    if (luaL_loadbuffer(L, script, sizeof script - 1, "=script") != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK)
        printf("%s\n", lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
