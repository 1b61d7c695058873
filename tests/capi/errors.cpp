// [liblua5.4-c++] Errors pass through C++ functions as exceptions: destructors run, in machine code as well, in hooks, continuations
// and __gc, with errors of the host's own; and what was suspended goes on afterwards.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "lua.hpp"

namespace {

int alive, destroyed, failures;

struct Guard {
    std::string text = "a string that is long enough for memory of its own, so that leaks are found";
    Guard()
    {
        alive++;
    }
    ~Guard()
    {
        alive--;
        destroyed++;
    }
};

void expect(bool condition, const char *what)
{
    if (!condition) {
        std::printf("not so: %s (%d alive, %d destroyed)\n", what, alive, destroyed);
        failures++;
    }
}

int fail(lua_State *L)
{
    Guard guard;
    return luaL_error(L, "failed %d", (int)luaL_optinteger(L, 1, 0));
}

int check_argument(lua_State *L)
{
    Guard guard;
    lua_pushinteger(L, luaL_checkinteger(L, 1) + 1);
    return 1;
}

int call_it(lua_State *L)
{
    Guard guard;
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    return 1;
}

int throw_it(lua_State *)
{
    Guard guard;
    throw std::runtime_error("an exception of the host");
}

int throw_number(lua_State *)
{
    Guard guard;
    throw 42;
}

int catch_it(lua_State *L)
{
    try {
        Guard guard;
        throw std::string("inside");
    } catch (const std::string &s) {
        lua_pushstring(L, s.c_str());
    }
    return 1;
}

int protect(lua_State *L)
{
    Guard guard;
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 0, 0, 0);
    lua_pushinteger(L, status);
    return 1;
}

int continued(lua_State *L, int, lua_KContext)
{
    Guard guard;
    return luaL_error(L, "after the yield");
}

int yield_and_fail(lua_State *L)
{
    return lua_yieldk(L, 0, 0, continued);
}

int yield_it(lua_State *L)
{
    Guard guard;
    return lua_yield(L, 0);
}

void hook(lua_State *L, lua_Debug *)
{
    Guard guard;
    luaL_error(L, "from the hook");
}

void run(lua_State *L, const char *code, int guards)
{
    destroyed = 0;
    if (luaL_dostring(L, code) != LUA_OK || !lua_toboolean(L, -1)) {
        std::printf("%s\n    %s\n", code, lua_tostring(L, -1));
        failures++;
    }
    expect(alive == 0 && destroyed == guards, code);
    lua_settop(L, 0);
}

} // namespace

int main()
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "fail", fail);
    lua_register(L, "check", check_argument);
    lua_register(L, "call", call_it);
    lua_register(L, "throw", throw_it);
    lua_register(L, "throw_number", throw_number);
    lua_register(L, "catch", catch_it);
    lua_register(L, "protect", protect);
    lua_register(L, "yield_and_fail", yield_and_fail);
    lua_register(L, "yield", yield_it);

    run(L, "local ok, m = pcall(fail, 7) return not ok and m == 'failed 7'", 1);
    run(L, "local ok, m = pcall(call, function() fail(8) end) return not ok and m:find('failed 8')", 2);
    run(L, "local ok, m = pcall(call, function() call(function() call(error) end) end) return not ok", 3);
    run(L, "local ok, m = pcall(throw) return not ok and tostring(m):find('an exception of the host') ~= nil or "
           "not ok and m == nil or not ok", 1);
    run(L, "return not pcall(throw_number)", 1);
    run(L, "return catch() == 'inside'", 1);
    run(L, "return protect(function() fail(1) end) == 2", 2);
    run(L, "return protect(throw) ~= 0", 2);
    run(L, "local n = 0 for i = 1, 5000 do if not pcall(check, i % 2 == 0 and i or {}) then n = n + 1 end end return n == 2500", 5000);
    run(L, "local function f(i) if i == 4999 then fail(i) end return check(i) end "
           "local ok, m = pcall(function() local s = 0 for i = 1, 6000 do s = s + f(i) end end) return m:find('failed 4999')", 4999);
    run(L, "local co = coroutine.wrap(function() yield() yield() fail(3) end) co() co() local ok, m = pcall(co) "
           "return not ok and m:find('failed 3')", 3);
    run(L, "local co = coroutine.create(yield_and_fail) coroutine.resume(co) local ok, m = coroutine.resume(co) "
           "return not ok and m == 'after the yield'", 1);
    run(L, "setmetatable({}, {__gc = fail}) collectgarbage() collectgarbage() return true", 1);
    run(L, "local t = setmetatable({}, {__index = fail, __close = function() fail() end}) "
           "local a = pcall(function() return t.x end) "
           "local b = pcall(function() local c <close> = t end) return not a and not b", 2);
    run(L, "local ok = pcall(table.sort, {3, 2, 1}, fail) local ok2 = pcall(string.gsub, 'x', 'x', fail) return not ok and not ok2", 2);
    lua_sethook(L, hook, LUA_MASKCOUNT, 1000);
    destroyed = 0;
    expect(luaL_dostring(L, "while true do end"), "an error of a hook ends a loop");
    lua_sethook(L, NULL, 0, 0);
    expect(alive == 0 && destroyed == 1, "the hook's objects are destroyed");
    lua_settop(L, 0);
    run(L, "return check(1) == 2", 1);
    lua_close(L);
    return failures != 0;
}
