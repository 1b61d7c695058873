/* [Rille only] From a second thread, every 100 us: rille_kill, lua_sethook, while compiled code runs, allocates, matches, sorts and calls
 * back. Each stop is an error that no program catches, and the state goes on. Argument: seconds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"
#include "rille.h"

static volatile int is_done;
static volatile long hook_calls;
static int failures;

static const char *const programs[] = {
    "local s = 0 while true do s = s + 1 end",
    "local t = {} while true do for i = 1, 100 do t[i] = {i, tostring(i)} end end",
    "while true do pcall(function() while true do pcall(error) end end) end",
    "local s = ('a'):rep(1000) while true do s:find('.-.-.-b') end",
    ("local t = {} for i = 1, 500 do t[i] = i * 7919 % 503 end while true do local u = table.move(t, 1, 500, 1, {}) "
     "table.sort(u, function(a, b) return a < b end) end"),
    "local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) while true do co() end",
    "while true do call(function() for i = 1, 50 do call(function() return i end) end end) end",
    "local c = setmetatable({}, {__close = function() while true do end end}) while true do local x <close> = c end",
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    (void)ar;
    hook_calls++;
}

static void *disturb(void *argument)
{
    lua_State *L = argument;
    rille_process *p = rille_process_of(L);
    const struct timespec pause = {0, 100000};
    for (long turn = 0; !is_done; turn++) {
        if (turn % 3 == 0)
            lua_sethook(L, turn % 2 ? count_hook : NULL, turn % 2 ? LUA_MASKCOUNT | LUA_MASKCALL : 0, 1000);
        if (turn % 8 == 7)
            rille_kill(p);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int call(lua_State *L)
{
    lua_settop(L, 1);
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1.5, end = now() + seconds;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "call", call);
    long stops = 0;
    rille_process_of(L);
    pthread_t thread;
    pthread_create(&thread, NULL, disturb, L);
    while (now() < end || stops < 20) {
        const char *program = programs[stops % (long)(sizeof programs / sizeof programs[0])];
        if (luaL_loadstring(L, program) != LUA_OK) { /* it may be stopped there as well */
            lua_settop(L, 0);
            continue;
        }
        int status = lua_pcall(L, 0, 0, 0);
        const char *message = lua_tostring(L, -1);
        if (status != LUA_ERRRUN || message == NULL || strstr(message, "stopped") == NULL) {
            printf("%s: status %d, %s\n", program, status, message != NULL ? message : "(no text)");
            failures++;
            break;
        }
        lua_settop(L, 0);
        stops++;
    }
    is_done = 1;
    pthread_join(thread, NULL);
    lua_sethook(L, NULL, 0, 0);
    int is_usable = 0;
    for (int i = 0; i < 3 && !is_usable; i++) { /* the last kill may come late */
        is_usable = luaL_dostring(L, "return #('x'):rep(10) == 10") == LUA_OK && lua_toboolean(L, -1);
        lua_settop(L, 0);
    }
    if (!is_usable) {
        printf("the state is not usable after %ld stops\n", stops);
        failures++;
    }
    lua_close(L);
    if (argc > 1)
        printf("%ld stops, %ld hooks\n", stops, hook_calls);
    return failures != 0;
}
