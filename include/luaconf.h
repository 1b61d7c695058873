/* What Lua 5.4 leaves to an implementation, as Rille has it: not meant to be changed. */
#ifndef LUACONF_H
#define LUACONF_H

#define LUA_NUMBER double
#define LUA_INTEGER long long
#define LUAI_MAXSTACK 1000000 /* slots of one thread */
#define LUA_EXTRASPACE (sizeof(void *))
#define LUA_IDSIZE 60 /* of a short source name */

#ifdef __cplusplus
#define LUA_API extern "C"
#else
#define LUA_API extern
#endif
#define LUALIB_API LUA_API
#define LUAMOD_API LUA_API

#endif
