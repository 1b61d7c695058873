/* The auxiliary library of Lua 5.4 (manual §5), as far as Rille offers it so far. */
#ifndef LAUXLIB_H
#define LAUXLIB_H

#include "lua.h"

typedef struct luaL_Reg {
    const char *name;
    lua_CFunction func; /* NULL: a placeholder, set to false */
} luaL_Reg;

#define LUAL_NUMSIZES (sizeof(lua_Integer) * 16 + sizeof(lua_Number))

LUALIB_API void luaL_checkversion_(lua_State *L, lua_Number version, size_t sizes);
/* Set the functions of a list that ends with {NULL, NULL} in the table on top, with `upvalue_count` shared upvalues. */
LUALIB_API void luaL_setfuncs(lua_State *L, const luaL_Reg *list, int upvalue_count);

#define luaL_checkversion(L) luaL_checkversion_(L, LUA_VERSION_NUM, LUAL_NUMSIZES)
#define luaL_newlibtable(L, list) lua_createtable(L, 0, (int)(sizeof(list) / sizeof((list)[0])) - 1)
#define luaL_newlib(L, list) (luaL_checkversion(L), luaL_newlibtable(L, list), luaL_setfuncs(L, list, 0))

#endif
