/* States and the host's threads: made on one and used, or closed, on another; many at once, each with garbage to collect;
 * hooks set from another thread and from a signal handler while compiled code runs. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static int failures;

#define EXPECT(condition, ...) \
    do { \
        if (!(condition)) { \
            printf("line %d: ", __LINE__); \
            printf(__VA_ARGS__); \
            printf("\n"); \
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED); \
        } \
    } while (0)

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

static const char work[] = "local t = {} for i = 1, 3000 do t['k' .. i] = {i, tostring(i)} end\n"
                           "local n = 0 for k, v in pairs(t) do assert(k == 'k' .. v[1] and v[2] == tostring(v[1])) n = n + 1 end\n"
                           "local co = coroutine.wrap(function() for i = 1, 100 do coroutine.yield({i}) end end)\n"
                           "for i = 1, 100 do assert(co()[1] == i) end\n"
                           "kept = {t, kept and kept[1]} return n";

static void do_work(lua_State *L, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        int failed = luaL_dostring(L, work);
        EXPECT(!failed && lua_tointeger(L, -1) == 3000, "%s", lua_tostring(L, -1));
        lua_settop(L, 0);
    }
}

static void *work_on(void *L)
{
    do_work(L, 20);
    return NULL;
}

static void *make_and_work(void *unused)
{
    (void)unused;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    do_work(L, 20);
    return L;
}

static void *close_it(void *L)
{
    do_work(L, 1);
    lua_close(L);
    return NULL;
}

/* Only calls that allocate nothing slowly, from a thread that has never seen the state. */
static void *move_values(void *argument)
{
    lua_State *L = argument;
    for (int i = 0; i < 200000; i++) {
        lua_rawgeti(L, 1, i % 50 + 1);
        lua_createtable(L, 1, 0);
        lua_rotate(L, -2, 1);
        lua_rawseti(L, -2, 1);
        lua_rawseti(L, 1, (i + 7) % 50 + 1);
        if (i % 20 == 0) { /* short chains */
            lua_pushinteger(L, i);
            lua_rawseti(L, 1, i / 20 % 50 + 1);
        }
    }
    return NULL;
}

static void test_many(void)
{
    enum { COUNT = 4 };
    pthread_t threads[3 * COUNT];
    lua_State *states[COUNT], *made[COUNT], *movers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        states[i] = luaL_newstate();
        luaL_openlibs(states[i]);
        movers[i] = luaL_newstate();
        lua_newtable(movers[i]);
        for (int k = 1; k <= 50; k++) {
            lua_pushinteger(movers[i], k);
            lua_rawseti(movers[i], 1, k);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_create(&threads[i], NULL, work_on, states[i]);
        pthread_create(&threads[COUNT + i], NULL, make_and_work, NULL);
        pthread_create(&threads[2 * COUNT + i], NULL, move_values, movers[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        pthread_join(threads[COUNT + i], (void **)&made[i]);
        pthread_join(threads[2 * COUNT + i], NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_create(&threads[i], NULL, close_it, states[i]);
        pthread_create(&threads[COUNT + i], NULL, close_it, made[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        pthread_join(threads[COUNT + i], NULL);
        EXPECT(lua_rawlen(movers[i], 1) == 50, "a table has lost elements");
        lua_close(movers[i]);
    }
}

/* -- Hooks from elsewhere ---------------------------------------------------------------------------------------- */

static volatile long hook_calls;
static volatile int is_done;

static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    hook_calls++;
    lua_sethook(L, NULL, 0, 0);
}

static void *set_hooks(void *L)
{
    while (!is_done) {
        lua_sethook(L, count_hook, LUA_MASKCOUNT | LUA_MASKLINE, 1);
        pause_us(100);
    }
    return NULL;
}

static void test_hooks(double seconds)
{
    pthread_t thread;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    pthread_create(&thread, NULL, set_hooks, L);
    lua_pushnumber(L, seconds);
    lua_setglobal(L, "seconds");
    int failed = luaL_dostring(L, "local stop = os.clock() + seconds local rounds = 0\n"
                                  "repeat local s, f = 0, 0.5 for i = 1, 200000 do s = s + i % 7 f = f * 0.5 + i end\n"
                                  "  assert(s == 599998 or s == 600000 or s > 0) rounds = rounds + 1 until os.clock() > stop return rounds");
    EXPECT(!failed, "%s", lua_tostring(L, -1));
    is_done = 1;
    pthread_join(thread, NULL);
    EXPECT(hook_calls > 100 * seconds, "only %ld hooks", hook_calls);
    lua_close(L);
}

static lua_State *signalled;
static void stop_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted!");
}
static void on_alarm(int number)
{
    (void)number;
    lua_sethook(signalled, stop_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void test_signal(void)
{
    static const char *const loops[] = {"while true do end", "local s = 0 for i = 1, 1e18 do s = s + i end",
                                        "local function f() return f() end f()", "repeat local t = {1} until t == 5"};
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        lua_State *L = signalled = luaL_newstate();
        luaL_openlibs(L);
        signal(SIGALRM, on_alarm);
        alarm(1);
        int failed = luaL_dostring(L, loops[i]);
        EXPECT(failed && strstr(lua_tostring(L, -1), "interrupted!") != NULL, "%s", lua_tostring(L, -1));
        do_work(L, 1);
        lua_close(L);
    }
}

/* A forked host goes on with its states. */
static void test_fork(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    do_work(L, 2);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        do_work(L, 5);
        lua_State *other = luaL_newstate();
        luaL_openlibs(other);
        do_work(other, 2);
        lua_close(other);
        lua_close(L);
        _exit(failures != 0);
    }
    do_work(L, 2);
    int status;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status of the child: %x", status);
    lua_close(L);
}

int main(int argc, char **argv)
{
    test_many();
    test_hooks(argc > 1 ? atof(argv[1]) : 1.0);
    test_signal();
    test_fork();
    return failures != 0;
}
