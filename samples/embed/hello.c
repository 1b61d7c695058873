/* The classic host: six lines, any Lua 5.4's. Two more, of rille.h, and no script can hang it.
 *
 *     cc hello.c $(pkg-config --cflags --libs lua5.4 rille) && ./a.out */
#include <lauxlib.h>
#include <lualib.h>
#include <rille.h>
#include <stdio.h>

int main(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    rille_process *process = rille_process_of(L); /* one … */
    rille_set_limit(process, RILLE_LIMIT_CPU_MS, 100); /* … and two */
    if (luaL_dostring(L, "print('Hello from ' .. _VERSION)") != LUA_OK)
        puts(lua_tostring(L, -1));
    if (luaL_dostring(L, "while true do pcall(function() while true do end end) end") != LUA_OK)
        puts(lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
