// The C API of Lua for C++. The headers declare everything extern "C" themselves.
#ifndef lua_hpp
#define lua_hpp

extern "C" {
#include "lua.h"
#include "lualib.h"
#include "lauxlib.h"
}

#endif
