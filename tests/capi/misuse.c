/* [Rille only] What a library configured with --enable-api-checks says about misuse of the API: each in a child process, which must
 * abort with a message that names the function and what is wrong. Another library is not asked: there misuse is undefined. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static int too_many_results(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushnil(L);
    return 3;
}

static void settop_below(lua_State *L)
{
    lua_settop(L, -3);
}
static void index_zero(lua_State *L)
{
    lua_type(L, 0);
}
static void index_below(lua_State *L)
{
    lua_pushnil(L);
    lua_type(L, -2);
}
static void index_far_above(lua_State *L)
{
    lua_type(L, 100000);
}
static void push_of_nothing(lua_State *L)
{
    lua_pushvalue(L, 5);
}
static void no_room(lua_State *L)
{
    for (int i = 0; i < 1000000; i++)
        lua_pushinteger(L, i);
}
static void field_of_nothing(lua_State *L)
{
    lua_getfield(L, 3, "x");
}
static void no_value_to_store(lua_State *L)
{
    lua_setglobal(L, "x");
}
static void no_key(lua_State *L)
{
    lua_newtable(L);
    lua_rawset(L, 1);
}
static void no_table(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_rawgeti(L, 1, 1);
}
static void next_of_number(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_pushnil(L);
    lua_next(L, 1);
}
static void metatable_is_number(lua_State *L)
{
    lua_newtable(L);
    lua_pushinteger(L, 1);
    lua_setmetatable(L, 1);
}
static void user_value_of_table(lua_State *L)
{
    lua_newtable(L);
    lua_getiuservalue(L, 1, 1);
}
static void call_without_function(lua_State *L)
{
    lua_call(L, 0, 0);
}
static void call_without_arguments(lua_State *L)
{
    lua_pushcfunction(L, nothing);
    lua_call(L, 2, 0);
}
static void handler_is_number(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_pushcfunction(L, nothing);
    lua_pcall(L, 0, 0, 1);
}
static void results_that_are_not_there(lua_State *L)
{
    lua_pushcfunction(L, too_many_results);
    lua_call(L, 0, LUA_MULTRET);
}
static void closure_without_upvalues(lua_State *L)
{
    lua_pushcclosure(L, nothing, 2);
}
static void arithmetic_with_one(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_arith(L, LUA_OPADD);
}
static void unknown_operation(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_pushinteger(L, 1);
    lua_compare(L, 1, 2, 9);
}
static void concatenation_of_too_many(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_concat(L, 3);
}
static void rotation_of_too_many(lua_State *L)
{
    lua_pushinteger(L, 1);
    lua_rotate(L, 1, 3);
}
static void move_to_stranger(lua_State *L)
{
    lua_State *other = luaL_newstate();
    lua_pushnil(L);
    lua_xmove(L, other, 1);
}
static void error_without_value(lua_State *L)
{
    lua_error(L);
}
static void close_of_plain_slot(lua_State *L)
{
    lua_pushnil(L);
    lua_closeslot(L, 1);
}
static void buffer_out_of_place(lua_State *L)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_pushnil(L);
    luaL_pushresult(&b);
}
static void info_of_number(lua_State *L)
{
    lua_Debug ar;
    lua_pushinteger(L, 1);
    lua_getinfo(L, ">n", &ar);
}
static void join_of_c_functions(lua_State *L)
{
    lua_pushcfunction(L, nothing);
    lua_pushcfunction(L, nothing);
    lua_upvaluejoin(L, 1, 1, 2, 1);
}
static void resume_without_function(lua_State *L)
{
    int n;
    lua_State *co = lua_newthread(L);
    lua_resume(co, L, 2, &n);
}

static const struct Misuse {
    void (*run)(lua_State *L);
    const char *function, *what;
} all[] = {
    {settop_below, "lua_settop", "more values than there are"},
    {index_zero, "", "invalid index"},
    {index_below, "", "invalid index"},
    {index_far_above, "", "unacceptable index"},
    {push_of_nothing, "lua_pushvalue", "invalid index"},
    {no_room, "lua_pushinteger", "stack overflow"},
    {field_of_nothing, "lua_getfield", "invalid index"},
    {no_value_to_store, "lua_setglobal", "not enough values"},
    {no_key, "lua_rawset", "not enough values"},
    {no_table, "lua_rawgeti", "table expected"},
    {next_of_number, "lua_next", "table expected"},
    {metatable_is_number, "lua_setmetatable", "table or nil expected"},
    {user_value_of_table, "lua_getiuservalue", "full userdata expected"},
    {call_without_function, "", "not enough values"},
    {call_without_arguments, "", "not enough values"},
    {handler_is_number, "lua_pcallk", "error handler must be a function"},
    {results_that_are_not_there, "", "not enough values"},
    {closure_without_upvalues, "lua_pushcclosure", "not enough values"},
    {arithmetic_with_one, "lua_arith", "not enough values"},
    {unknown_operation, "lua_compare", "invalid operation"},
    {concatenation_of_too_many, "lua_concat", "not enough values"},
    {rotation_of_too_many, "lua_rotate", "invalid index or number"},
    {move_to_stranger, "lua_xmove", "independent states"},
    {error_without_value, "lua_error", "not enough values"},
    {close_of_plain_slot, "lua_closeslot", "no variable to close"},
    {buffer_out_of_place, "luaL_pushresult", "buffer"},
    {info_of_number, "lua_getinfo", "function expected"},
    {join_of_c_functions, "lua_upvaluejoin", "Lua function expected"},
    {resume_without_function, "lua_resume", "not enough values"},
};

/* Run it in a child: how it ended, and what it wrote to stderr. */
static int run_in_child(const struct Misuse *misuse, char *message, size_t size)
{
    int ends[2], status;
    if (pipe(ends) != 0)
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        alarm(20);
        lua_State *L = luaL_newstate();
        misuse->run(L);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(ends[0], message + used, size - 1 - used)) > 0)
        used += (size_t)n;
    message[used] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

int main(void)
{
    char message[1000];
    int failures = 0;
    int status = run_in_child(&all[0], message, sizeof message);
    if (!WIFSIGNALED(status) && getenv("RILLE_API_CHECKS") == NULL)
        return 0; /* not configured so */
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        status = run_in_child(&all[i], message, sizeof message);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(message, all[i].what) != NULL &&
            strstr(message, all[i].function) != NULL)
            continue;
        printf("misuse %zu (%s): status %x, %s\n", i, all[i].what, status, message);
        failures++;
    }
    return failures != 0;
}
