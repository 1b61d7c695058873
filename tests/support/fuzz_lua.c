/* See fuzz_lua.h. */
#include "tests/support/fuzz_lua.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_PER_STATE 20000

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static lua_State *open_state(const char *source)
{
    char path[1000];
    lua_State *L = luaL_newstate();
    if (L == NULL)
        die("no memory");
    luaL_openlibs(L);
    int size = snprintf(path, sizeof path, "%s..", source);
    if (size >= (int)sizeof path || size < 5)
        die("bad path");
    memcpy(path + size - 3, "lua", 3); /* instead of "c" */
    if (luaL_dofile(L, path) != LUA_OK)
        die(lua_tostring(L, -1));
    return L;
}

int fuzz_lua(const char *source, const uint8_t *data, size_t size)
{
    static lua_State *L;
    static unsigned inputs;
    if (inputs++ % INPUTS_PER_STATE == 0) {
        if (L != NULL)
            lua_close(L);
        L = open_state(source);
    }
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        die(luaL_tolstring(L, -1, NULL));
    return 0;
}
