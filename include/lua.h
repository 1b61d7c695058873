/* The C API of Lua 5.4, as far as Rille offers it so far. Names, types and numbers are those of the reference manual (§4),
 * so that modules compiled against either header work. */
#ifndef LUA_H
#define LUA_H

#include <stdarg.h>
#include <stddef.h>

#include "luaconf.h"

#define LUA_VERSION_MAJOR "5"
#define LUA_VERSION_MINOR "4"
#define LUA_VERSION_NUM 504
#define LUA_VERSION "Lua " LUA_VERSION_MAJOR "." LUA_VERSION_MINOR

#define LUA_REGISTRYINDEX (-LUAI_MAXSTACK - 1000)
#define lua_upvalueindex(i) (LUA_REGISTRYINDEX - (i))
#define LUA_MINSTACK 20
#define LUA_MULTRET (-1)

#define LUA_OK 0
#define LUA_YIELD 1
#define LUA_ERRRUN 2
#define LUA_ERRSYNTAX 3
#define LUA_ERRMEM 4
#define LUA_ERRERR 5

#define LUA_TNONE (-1)
#define LUA_TNIL 0
#define LUA_TBOOLEAN 1
#define LUA_TLIGHTUSERDATA 2
#define LUA_TNUMBER 3
#define LUA_TSTRING 4
#define LUA_TTABLE 5
#define LUA_TFUNCTION 6
#define LUA_TUSERDATA 7
#define LUA_TTHREAD 8

#ifdef RI_BUILDING_CAPI
#define lua_State struct RiThread
#else
typedef struct lua_State lua_State;
#endif
typedef LUA_NUMBER lua_Number;
typedef LUA_INTEGER lua_Integer;
typedef int (*lua_CFunction)(lua_State *L);

/* -- Stack -- */
LUA_API int lua_gettop(lua_State *L);
LUA_API void lua_settop(lua_State *L, int index);
LUA_API void lua_pushvalue(lua_State *L, int index);
LUA_API void lua_rotate(lua_State *L, int index, int n);

#define lua_pop(L, n) lua_settop(L, -(n)-1)
#define lua_insert(L, index) lua_rotate(L, (index), 1)
#define lua_remove(L, index) (lua_rotate(L, (index), -1), lua_pop(L, 1))

/* -- Reading values -- */
LUA_API lua_Integer lua_tointegerx(lua_State *L, int index, int *is_number);

#define lua_tointeger(L, index) lua_tointegerx(L, (index), NULL)

/* -- Pushing values -- */
LUA_API void lua_createtable(lua_State *L, int array_count, int field_count);
LUA_API void lua_pushboolean(lua_State *L, int b);
LUA_API const char *lua_pushstring(lua_State *L, const char *text); /* NULL pushes nil */
LUA_API const char *lua_pushfstring(lua_State *L, const char *format, ...); /* %s %d %I %f %p %c %U %% */
LUA_API const char *lua_pushvfstring(lua_State *L, const char *format, va_list args);

#define lua_newtable(L) lua_createtable(L, 0, 0)

/* -- Variables -- */
LUA_API void lua_setglobal(lua_State *L, const char *name);

#endif
