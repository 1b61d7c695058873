/* Every function of the C API at work, with its errors: prints what it sees. tests/run-capi links this file with Rille's
 * library and, where there is one, with another Lua 5.4's; both must print the same. No address is printed, and nothing
 * that the manual leaves open. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

/* -- Showing values ---------------------------------------------------------------------------------------------- */

static void show_value(lua_State *L, int i)
{
    switch (lua_type(L, i)) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, i))
            printf("%lld", lua_tointeger(L, i));
        else
            printf("%.14g", lua_tonumber(L, i));
        break;
    case LUA_TSTRING: {
        size_t size;
        const char *s = lua_tolstring(L, i, &size);
        printf("'%.*s'", (int)size, s);
        break;
    }
    case LUA_TBOOLEAN:
        printf(lua_toboolean(L, i) ? "true" : "false");
        break;
    case LUA_TFUNCTION:
        printf(lua_iscfunction(L, i) ? "C function" : "function");
        break;
    default:
        printf("%s", luaL_typename(L, i));
    }
}

static void show(lua_State *L, const char *what)
{
    printf("%s:", what);
    for (int i = 1; i <= lua_gettop(L); i++) {
        printf(" ");
        show_value(L, i);
    }
    printf("\n");
}

/* Call f(L) protected, with what is on the stack as arguments, and show status and stack. */
static void attempt(lua_State *L, const char *what, lua_CFunction f)
{
    lua_pushcfunction(L, f);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    printf("[%d] ", status);
    show(L, what);
    lua_settop(L, 0);
}

static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != LUA_OK) {
        printf("error: ");
        show_value(L, -1);
        printf("\n");
        lua_pop(L, 1);
    }
}

/* -- Stack ------------------------------------------------------------------------------------------------------- */

static void test_stack(lua_State *L)
{
    for (int i = 1; i <= 5; i++)
        lua_pushinteger(L, i * 10);
    printf("%d %d %d %d\n", lua_absindex(L, -1), lua_absindex(L, 2), lua_absindex(L, LUA_REGISTRYINDEX) == LUA_REGISTRYINDEX,
           lua_absindex(L, lua_upvalueindex(3)) == lua_upvalueindex(3));
    lua_rotate(L, 2, 1);
    show(L, "rotate 2 1");
    lua_rotate(L, -3, -2);
    show(L, "rotate -3 -2");
    lua_rotate(L, 1, 0);
    lua_rotate(L, 1, 5);
    show(L, "rotate all");
    lua_insert(L, 1);
    lua_remove(L, 2);
    show(L, "insert, remove");
    lua_pushliteral(L, "new");
    lua_replace(L, 2);
    lua_copy(L, 1, 4);
    show(L, "replace, copy");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    show(L, "pushvalue");
    lua_settop(L, 8);
    show(L, "settop 8");
    lua_settop(L, -7);
    show(L, "settop -7");
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    show(L, "registry");
    lua_settop(L, 0);
    printf("checkstack %d %d %d\n", lua_checkstack(L, 1000), lua_checkstack(L, 900000), lua_checkstack(L, 1000000));
    lua_State *other = lua_newthread(L);
    lua_pushinteger(L, 1);
    lua_pushliteral(L, "two");
    lua_xmove(L, other, 2);
    show(other, "moved");
    show(L, "left");
    lua_xmove(other, other, 1);
    lua_settop(L, 0);
    printf("types: ");
    for (int t = LUA_TNONE; t < LUA_NUMTYPES; t++)
        printf("%s ", lua_typename(L, t));
    printf("\nnone: %d %d %d %d\n", lua_type(L, 1), lua_type(L, lua_upvalueindex(1)), lua_isnone(L, 100), lua_isnoneornil(L, 1));
}

static int many_values(lua_State *L)
{
    int n = (int)luaL_checkinteger(L, 1);
    luaL_checkstack(L, n, "many");
    for (int i = 0; i < n; i++)
        lua_pushinteger(L, i);
    return n;
}

static void test_many(lua_State *L)
{
    lua_register(L, "many", many_values);
    run(L, "print(select('#', many(0)), select('#', many(100)), (select(-1, many(5000))))"
           "print(pcall(many, 1000000)) print(#{many(2000)})");
}

/* -- Values ------------------------------------------------------------------------------------------------------ */

static void convert_all(lua_State *L)
{
    for (int i = 1; i <= lua_gettop(L); i++) {
        int is_number, is_integer;
        lua_Number n = lua_tonumberx(L, i, &is_number);
        lua_Integer k = lua_tointegerx(L, i, &is_integer);
        printf("  ");
        show_value(L, i);
        printf(": %d %.14g %d %lld bool %d num %d str %d int %d ud %d cf %d len %llu\n", is_number, n, is_integer, k, lua_toboolean(L, i),
               lua_isnumber(L, i), lua_isstring(L, i), lua_isinteger(L, i), lua_isuserdata(L, i), lua_iscfunction(L, i),
               lua_rawlen(L, i));
    }
}

static void test_values(lua_State *L)
{
    lua_pushnil(L);
    lua_pushboolean(L, 1);
    lua_pushboolean(L, 0);
    lua_pushinteger(L, LUA_MININTEGER);
    lua_pushnumber(L, 3.0);
    lua_pushnumber(L, 3.5);
    lua_pushnumber(L, 1e300);
    lua_pushliteral(L, "10");
    lua_pushliteral(L, " 0x1p4 ");
    lua_pushliteral(L, "1e1");
    lua_pushliteral(L, "9223372036854775808");
    lua_pushliteral(L, "abc");
    lua_pushliteral(L, "");
    lua_newtable(L);
    lua_pushlightuserdata(L, NULL);
    lua_newuserdatauv(L, 17, 0);
    lua_pushcfunction(L, many_values);
    convert_all(L);
    lua_settop(L, 0);
    size_t size = 99;
    lua_pushinteger(L, 12);
    lua_pushnumber(L, 12.0);
    lua_pushboolean(L, 1);
    printf("%s %s ", lua_tolstring(L, 1, &size), lua_tostring(L, 2));
    printf("%d\n", lua_tolstring(L, 3, &size) == NULL && size == 0);
    show(L, "converted in place");
    const char *numbers[] = {"10", "0x10", "  5  ", "1e2", "5.", "", "x", "1 2", "inf", "0x", "1e", NULL};
    for (int i = 0; numbers[i] != NULL; i++) {
        lua_settop(L, 0);
        printf("'%s' %zu", numbers[i], lua_stringtonumber(L, numbers[i]));
        show(L, "");
    }
    lua_settop(L, 0);
    void *odd[] = {(void *)0x1, (void *)UINTPTR_MAX, (void *)0x8000000000000000u, (void *)0x0007fffffffffff8u};
    for (size_t i = 0; i < 4; i++) {
        lua_pushlightuserdata(L, odd[i]);
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, LUA_REGISTRYINDEX);
    }
    for (size_t i = 0; i < 4; i++)
        printf("%d %d;", lua_touserdata(L, (int)i + 1) == odd[i], lua_rawgetp(L, LUA_REGISTRYINDEX, odd[i]));
    printf("\n");
    lua_settop(L, 0);
    lua_pushlstring(L, "a\0b", 3);
    lua_pushlstring(L, NULL, 0);
    lua_pushstring(L, NULL);
    printf("%d %llu %d\n", memcmp(lua_tostring(L, 1), "a\0b", 4), lua_rawlen(L, 2), lua_isnil(L, 3));
    lua_pushthread(L);
    printf("main %d, itself %d\n", lua_pushthread(L), lua_tothread(L, -1) == L);
    printf("pointers %d %d %d\n", lua_topointer(L, 1) != NULL, lua_topointer(L, 3) == NULL, lua_topointer(L, -1) == lua_topointer(L, -2));
}

static void test_formats(lua_State *L)
{
    lua_pushfstring(L, "%s|%d|%I|%f|%c|%%|%U|%U|%U|%s", "text", -5, (LUAI_UACINT)1 << 60, 1.5, 'x', 0x41ul, 0x20acul,
                    0x7ffffffful, NULL);
    show(L, "fstring");
    lua_pushfstring(L, "plain");
    lua_pushfstring(L, "");
    lua_pushfstring(L, "%f %f %f", 1e15, 1e100, 2.0);
    char big[3000];
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    lua_pushfstring(L, "%s%s", big, big);
    printf("%llu\n", lua_rawlen(L, -1));
    lua_pop(L, 1);
    show(L, "formats");
    lua_pushfstring(L, "%p", (void *)big);
    char expected[40];
    snprintf(expected, sizeof expected, "%p", (void *)big);
    printf("%d\n", strcmp(lua_tostring(L, -1), expected));
}

static int bad_format(lua_State *L)
{
    lua_pushfstring(L, "%y", 1);
    return 0;
}

/* -- Operators --------------------------------------------------------------------------------------------------- */

static int do_arith(lua_State *L)
{
    int op = (int)lua_tointeger(L, 1);
    lua_remove(L, 1);
    lua_arith(L, op);
    return 1;
}

static int do_compare(lua_State *L)
{
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPEQ));
    lua_pushboolean(L, lua_rawequal(L, 1, 2));
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
    lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLE));
    return 4;
}

static int do_concat(lua_State *L)
{
    lua_concat(L, lua_gettop(L));
    return 1;
}

static int do_len(lua_State *L)
{
    lua_len(L, 1);
    lua_pushinteger(L, luaL_len(L, 1));
    return 2;
}

static void test_operators(lua_State *L)
{
    for (int op = LUA_OPADD; op <= LUA_OPBNOT; op++) {
        lua_pushinteger(L, op);
        lua_pushinteger(L, 17);
        if (op < LUA_OPUNM)
            lua_pushinteger(L, 5);
        attempt(L, "arith", do_arith);
        lua_pushinteger(L, op);
        lua_pushnumber(L, 7.5);
        if (op < LUA_OPUNM)
            lua_pushliteral(L, "3");
        attempt(L, "arith mixed", do_arith);
        lua_pushinteger(L, op);
        lua_newtable(L);
        if (op < LUA_OPUNM)
            lua_pushinteger(L, 1);
        attempt(L, "arith table", do_arith);
    }
    int divisions[] = {LUA_OPMOD, LUA_OPIDIV};
    for (int i = 0; i < 2; i++) {
        lua_pushinteger(L, divisions[i]);
        lua_pushinteger(L, 1);
        lua_pushinteger(L, 0);
        lua_pushcfunction(L, do_arith);
        lua_insert(L, 1);
        printf("%d\n", lua_pcall(L, 3, 1, 0));
        lua_settop(L, 0);
    }
    const char *pairs[] = {"1, 2", "1, 1.0", "'a', 'b'", "'a', 'a'", "m, m2", "2^53, 2^53 + 1", "nil, nil", NULL};
    lua_register(L, "compare", do_compare);
    lua_register(L, "concat", do_concat);
    lua_register(L, "len", do_len);
    run(L, "mt = {__lt = function(a, b) return a.n < b.n end, __le = function(a, b) return a.n <= b.n end,"
           "__eq = function(a, b) return a.n == b.n end, __concat = function(a, b) return 'cat' end,"
           "__len = function() return 42 end} m = setmetatable({n = 1}, mt) m2 = setmetatable({n = 1}, mt)");
    for (int i = 0; pairs[i] != NULL; i++) {
        lua_pushfstring(L, "print(pcall(compare, %s))", pairs[i]);
        run(L, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    run(L, "print(pcall(compare, {}, {})) print(pcall(compare, 1, 'x')) print(pcall(compare, nil, 1)) print(compare(1))"
           "print(concat()) print(concat(1)) print(concat(1, 2.5, 'x')) print(pcall(concat, 'a', {}))"
           "print(concat('a', m)) print(concat(m, 'a', 'b')) print(concat('a', 'b', m, 'c', 'd'))"
           "print(pcall(concat, nil, nil)) print(#concat(('x'):rep(5000), ('y'):rep(5000)))"
           "print(len('abc')) print(len{1, 2}) print(len(m)) print(pcall(len, 5)) mt.__len = function() return 'x' end print(pcall(len, m))"
           "mt.__len = function() return '7' end print(len(m))");
}

/* -- Tables ------------------------------------------------------------------------------------------------------ */

static int get_all(lua_State *L)
{
    printf("%d ", lua_getfield(L, 1, "name"));
    printf("%d ", lua_geti(L, 1, 3));
    lua_pushliteral(L, "key");
    printf("%d\n", lua_gettable(L, 1));
    return 3;
}

static int set_all(lua_State *L)
{
    lua_pushliteral(L, "v1");
    lua_setfield(L, 1, "name");
    lua_pushliteral(L, "v2");
    lua_seti(L, 1, 3);
    lua_pushliteral(L, "key");
    lua_pushliteral(L, "v3");
    lua_settable(L, 1);
    return 0;
}

static int raw_set_nil(lua_State *L)
{
    lua_newtable(L);
    lua_pushnil(L);
    lua_pushinteger(L, 1);
    lua_rawset(L, -3);
    return 0;
}

static int bad_next(lua_State *L)
{
    lua_newtable(L);
    lua_pushliteral(L, "no such key");
    return lua_next(L, -2);
}

static void test_tables(lua_State *L)
{
    lua_createtable(L, 3, 2);
    lua_pushvalue(L, 1);
    attempt(L, "set", set_all);
    run(L, "T = setmetatable({}, {__index = function(t, k) return 'i' .. tostring(k) end,"
           "__newindex = function(t, k, v) rawset(t, k, v .. '!') end})");
    lua_getglobal(L, "T");
    attempt(L, "get by metamethod", get_all);
    lua_getglobal(L, "T");
    attempt(L, "set by metamethod", set_all);
    lua_getglobal(L, "T");
    attempt(L, "get", get_all);
    lua_pushinteger(L, 5);
    attempt(L, "index a number", get_all);
    lua_pushliteral(L, "string");
    attempt(L, "index a string", get_all);
    lua_pushnil(L);
    attempt(L, "assign to nil", set_all);
    attempt(L, "nil as a key", raw_set_nil);
    attempt(L, "bad next", bad_next);
    lua_newtable(L);
    for (int i = 1; i <= 4; i++) {
        lua_pushinteger(L, i * i);
        lua_rawseti(L, 1, i);
    }
    static const char key;
    lua_pushliteral(L, "by address");
    lua_rawsetp(L, 1, &key);
    printf("%d %d %llu\n", lua_rawgetp(L, 1, &key), lua_rawgeti(L, 1, 9), lua_rawlen(L, 1));
    lua_settop(L, 1);
    lua_Integer sum = 0;
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        sum += lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 1000;
        lua_pop(L, 1);
    }
    printf("sum %lld, top %d\n", sum, lua_gettop(L));
    lua_settop(L, 0);
    printf("metatable of a table %d, of a string %d\n", (lua_newtable(L), lua_getmetatable(L, -1)),
           (lua_pushliteral(L, ""), lua_getmetatable(L, -1)));
    lua_settop(L, 0);
    lua_pushinteger(L, 1);
    lua_newtable(L);
    lua_pushliteral(L, "of numbers");
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, 1);
    printf("%d ", luaL_getmetafield(L, 1, "__index"));
    show(L, "metafield");
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_setmetatable(L, 1);
    printf("%d %d\n", lua_getmetatable(L, 1), luaL_getmetafield(L, 1, "__index"));
    lua_settop(L, 0);
    void *u = lua_newuserdatauv(L, 0, 2), *v = lua_newuserdatauv(L, 0, 0);
    printf("unique %d, user values", u != v);
    for (int n = 0; n <= 3; n++) {
        lua_pushinteger(L, n);
        printf(" %d", lua_setiuservalue(L, 1, n));
    }
    for (int n = 0; n <= 3; n++) {
        printf(" %d", lua_getiuservalue(L, 1, n));
        show_value(L, -1);
        lua_pop(L, 1);
    }
    printf("\n");
    lua_settop(L, 0);
    lua_pushinteger(L, 77);
    lua_setglobal(L, "g");
    printf("%d ", lua_getglobal(L, "g"));
    printf("%d ", lua_getglobal(L, "no such global"));
    lua_pushglobaltable(L);
    printf("%d\n", lua_getfield(L, -1, "g"));
    show(L, "globals");
}

/* -- Calls and errors -------------------------------------------------------------------------------------------- */

static int throw_string(lua_State *L)
{
    return luaL_error(L, "message %d", 5);
}
static int throw_value(lua_State *L)
{
    lua_settop(L, 1);
    return lua_error(L);
}
static int handle(lua_State *L)
{
    lua_pushfstring(L, "handled: %s", luaL_tolstring(L, 1, NULL));
    return 1;
}
static int bad_handler(lua_State *L)
{
    return luaL_error(L, "again");
}
static int give_all(lua_State *L)
{
    return lua_gettop(L);
}
static int recurse(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushinteger(L, luaL_checkinteger(L, 1) + 1);
    lua_pushcclosure(L, recurse, 0);
    lua_getglobal(L, "recurse");
    lua_pushinteger(L, lua_tointeger(L, 1) + 1);
    lua_call(L, 1, 1);
    return 1;
}

static void test_calls(lua_State *L)
{
    lua_register(L, "throw", throw_string);
    attempt(L, "error", throw_string);
    lua_pushboolean(L, 0);
    attempt(L, "false as an error", throw_value);
    attempt(L, "nil as an error", throw_value);
    lua_pushcfunction(L, handle);
    lua_pushcfunction(L, throw_string);
    printf("%d ", lua_pcall(L, 0, 0, 1));
    show(L, "with a handler");
    lua_settop(L, 0);
    lua_pushcfunction(L, bad_handler);
    lua_pushcfunction(L, throw_string);
    printf("%d\n", lua_pcall(L, 0, 0, -2));
    lua_settop(L, 0);
    lua_pushinteger(L, 5);
    printf("%d ", lua_pcall(L, 0, 0, 0));
    show(L, "call of a number");
    for (int wanted = -1; wanted <= 4; wanted++) {
        lua_settop(L, 0);
        lua_pushliteral(L, "below");
        lua_pushcfunction(L, give_all);
        lua_pushinteger(L, 1);
        lua_pushinteger(L, 2);
        lua_call(L, 2, wanted);
        show(L, "results");
    }
    lua_settop(L, 0);
    run(L, "local ok, e = pcall(throw) print(ok, e) print(select('#', pcall(throw)))"
           "print(xpcall(throw, function(m) return 'x' .. m end))"
           "callable = setmetatable({}, {__call = function(self, a, b) return b, a end})");
    lua_getglobal(L, "callable");
    lua_pushinteger(L, 1);
    lua_pushinteger(L, 2);
    lua_call(L, 2, LUA_MULTRET);
    show(L, "__call");
    lua_settop(L, 0);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, recurse, 1);
    lua_setglobal(L, "recurse");
    run(L, "local ok, e = pcall(recurse, 1) print(ok, (e:gsub('^.*: ', '')))");
}

static const char *const pieces[] = {"return ", "", "1 + ", NULL};
static const char *read_pieces(lua_State *L, void *data, size_t *size)
{
    int *at = data;
    const char *texts[] = {"local a, b = ...", " return a", " + b, _ENV", NULL};
    (void)L;
    if (texts[*at] == NULL)
        return NULL;
    *size = strlen(texts[*at]);
    return texts[(*at)++];
}
static const char *read_error(lua_State *L, void *data, size_t *size)
{
    (void)data;
    (void)size;
    luaL_error(L, "reader fails");
    return NULL;
}
static int write_all(lua_State *L, const void *bytes, size_t size, void *data)
{
    (void)L;
    luaL_addlstring(data, bytes, size);
    return 0;
}
static int refuse_to_write(lua_State *L, const void *bytes, size_t size, void *data)
{
    (void)L;
    (void)bytes;
    (void)size;
    (void)data;
    return 33;
}

static void test_load(lua_State *L)
{
    int at = 0;
    (void)pieces;
    printf("%d ", lua_load(L, read_pieces, &at, "=pieces", NULL));
    lua_pushinteger(L, 3);
    lua_pushinteger(L, 4);
    lua_call(L, 2, 2);
    lua_pushglobaltable(L);
    printf("env %d ", lua_rawequal(L, -1, -2));
    lua_pop(L, 2);
    show(L, "loaded");
    lua_settop(L, 0);
    printf("%d ", lua_load(L, read_error, NULL, "x", NULL));
    show(L, "reader");
    lua_settop(L, 0);
    printf("%d ", luaL_loadstring(L, "x = = 1"));
    show(L, "syntax");
    lua_settop(L, 0);
    printf("%d ", luaL_loadbufferx(L, "return 1", 8, "=name", "b"));
    show(L, "mode");
    lua_settop(L, 0);
    printf("%d ", luaL_loadfile(L, "/no/such/file"));
    show(L, "no file");
    lua_settop(L, 0);
    luaL_loadstring(L, "local x = ... return x * 2, function() return x end");
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_pushvalue(L, 1);
    luaL_Buffer code;
    luaL_buffinit(L, &code);
    lua_pop(L, 1); /* the function has to be on top */
    lua_settop(L, 1);
    printf("refused %d\n", lua_dump(L, refuse_to_write, NULL, 0));
    lua_pushcfunction(L, give_all);
    printf("of C %d\n", lua_dump(L, refuse_to_write, NULL, 0) != 0);
    lua_settop(L, 0);
    printf("%d ", luaL_loadbuffer(L, "\x1bLua garbage", 12, "=binary") == LUA_ERRSYNTAX);
    show(L, "binary") ;
    lua_settop(L, 0);
}

static int dump_to_string(lua_State *L)
{
    luaL_Buffer b;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    luaL_buffinitsize(L, &b, 10000);
    lua_pushvalue(L, 1);
    lua_dump(L, write_all, &b, 0);
    lua_pop(L, 1);
    luaL_pushresult(&b);
    return 1;
}

/* -- Closures ---------------------------------------------------------------------------------------------------- */

static int count_up(lua_State *L)
{
    lua_pushinteger(L, lua_tointeger(L, lua_upvalueindex(1)) + 1);
    lua_copy(L, -1, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushinteger(L, lua_type(L, lua_upvalueindex(3)));
    return 3;
}

static void test_closures(lua_State *L)
{
    lua_pushinteger(L, 10);
    lua_pushliteral(L, "second");
    lua_pushcclosure(L, count_up, 2);
    for (int i = 0; i < 3; i++) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 3);
    }
    show(L, "closure");
    lua_settop(L, 1);
    printf("same function %d\n", lua_tocfunction(L, 1) == count_up);
    for (int n = 0; n <= 3; n++) {
        const char *name = lua_getupvalue(L, 1, n);
        printf("%d '%s' ", n, name != NULL ? name : "-");
    }
    lua_settop(L, 1);
    lua_pushinteger(L, 100);
    printf("'%s' ", lua_setupvalue(L, 1, 1));
    lua_pushinteger(L, 100);
    printf("%d ", lua_setupvalue(L, 1, 3) == NULL);
    lua_settop(L, 1);
    printf("ids %d %d\n", lua_upvalueid(L, 1, 1) != lua_upvalueid(L, 1, 2), lua_upvalueid(L, 1, 3) == NULL);
    lua_call(L, 0, 1);
    show(L, "set");
    lua_settop(L, 0);
    run(L, "local a, b = 1, 2 function f1() return a end function f2() return b end function f3() return a, b end");
    lua_getglobal(L, "f1");
    lua_getglobal(L, "f2");
    lua_getglobal(L, "f3");
    printf("%s %d %d\n", lua_getupvalue(L, 1, 1), lua_upvalueid(L, 1, 1) == lua_upvalueid(L, 3, 1), lua_getupvalue(L, 1, 2) == NULL);
    lua_settop(L, 3);
    lua_upvaluejoin(L, 1, 1, 2, 1);
    lua_pushinteger(L, 20);
    lua_setupvalue(L, 2, 1);
    run(L, "print(f1(), f2(), f3())");
    lua_settop(L, 0);
    lua_pushcfunction(L, count_up);
    lua_pushcfunction(L, count_up);
    printf("equal %d, %d\n", lua_rawequal(L, 1, 2), lua_rawequal(L, 1, 3));
}

/* -- Coroutines and continuations -------------------------------------------------------------------------------- */

static int yield_twice_k(lua_State *L, int status, lua_KContext context)
{
    printf("  continued: status %d, context %d, top %d\n", status, (int)context, lua_gettop(L));
    if (context < 3) {
        lua_pushinteger(L, context);
        return lua_yieldk(L, 1, context + 1, yield_twice_k);
    }
    return lua_gettop(L);
}
static int yield_twice(lua_State *L)
{
    return yield_twice_k(L, LUA_OK, 0);
}
static int yield_plain(lua_State *L)
{
    return lua_yield(L, lua_gettop(L));
}
static int after_call(lua_State *L, int status, lua_KContext context)
{
    printf("  after call: status %d, context %d", status, (int)context);
    show(L, "");
    return lua_gettop(L);
}
static int call_k(lua_State *L)
{
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 7, after_call);
    return after_call(L, LUA_OK, 7);
}
static int pcall_k(lua_State *L)
{
    int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 8, after_call);
    return after_call(L, status, 8);
}
static int xpcall_k(lua_State *L)
{
    lua_pushcfunction(L, handle);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 9, after_call);
    return after_call(L, status, 9);
}
static int call_plain(lua_State *L)
{
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}
static int is_yieldable(lua_State *L)
{
    lua_pushboolean(L, lua_isyieldable(L));
    return 1;
}

/* Resume until it ends, showing what comes. */
static void drive(lua_State *L, lua_State *co, int narg)
{
    int status, n, rounds = 0;
    do {
        status = lua_resume(co, L, narg, &n);
        if (status > LUA_YIELD) { /* what else is on the stack is the failed function's */
            printf("  resume: %d, status %d; ", status, lua_status(co));
            show_value(co, -1);
            printf("\n");
            return;
        }
        printf("  resume: %d, %d results, status %d, top %d;", status, n, lua_status(co), lua_gettop(co));
        show(co, "");
        lua_pop(co, n);
        narg = 0;
        if (status == LUA_YIELD) {
            lua_pushfstring(co, "r%d", rounds++);
            narg = 1;
        }
    } while (status == LUA_YIELD && rounds < 10);
}

static void drive_code(lua_State *L, const char *code)
{
    lua_State *co = lua_newthread(L);
    printf("%s\n", code);
    if (luaL_loadstring(co, code) != LUA_OK)
        show(co, "?");
    drive(L, co, 0);
    printf("  then %d\n", lua_resetthread(co));
    show(co, "  left");
    lua_settop(L, 0);
}

static void test_coroutines(lua_State *L)
{
    lua_register(L, "yield2", yield_twice);
    lua_register(L, "yieldc", yield_plain);
    lua_register(L, "callk", call_k);
    lua_register(L, "pcallk", pcall_k);
    lua_register(L, "xpcallk", xpcall_k);
    lua_register(L, "callc", call_plain);
    lua_register(L, "yieldable", is_yieldable);
    lua_register(L, "throw", throw_string);
    drive_code(L, "local a = coroutine.yield(1, 2) local b, c = coroutine.yield(a) return b, c, 'end'");
    drive_code(L, "return yieldc(1, 2, 3)");
    drive_code(L, "return 'got', yield2()");
    drive_code(L, "return callk(coroutine.yield, 'x', 'y')");
    drive_code(L, "return callk(function(...) local r = coroutine.yield(...) return r, ... end, 'x')");
    drive_code(L, "return pcallk(function(...) local r = coroutine.yield(...) return r, ... end, 'x')");
    drive_code(L, "return pcallk(function(...) local r = coroutine.yield(...) error('after ' .. r, 0) end, 'x')");
    drive_code(L, "return xpcallk(function(...) local r = coroutine.yield(...) error('after ' .. r, 0) end, 'x')");
    drive_code(L, "return pcallk(error, 'at once')");
    drive_code(L, "return pcallk(pcallk, callk, yield2)");
    drive_code(L, "return pcallk(callk, pcallk, function() coroutine.yield() error({}) end)");
    drive_code(L, "return pcall(function() local r = pcallk(yieldc, 1) error(r) end)");
    drive_code(L, "return pcall(callc, coroutine.yield, 1)");
    drive_code(L, "return callc(yieldable), callk(yieldable), pcallk(yieldable), yieldable()");
    drive_code(L, "local t = setmetatable({}, {__close = function() print('closed', coroutine.yield('in close')) end})"
                  "return pcallk(function() local x <close> = t coroutine.yield(1) error('e', 0) end)");
    drive_code(L, "for i = 1, 3 do pcallk(function() coroutine.yield(i) error(i) end) end return 'done'");
    drive_code(L, "error('at once')");
    drive_code(L, "coroutine.yield() throw()");
    drive_code(L, "local t <close> = setmetatable({}, {__close = function(_, e) print('closing', e) end}) coroutine.yield() error('err')");
    drive_code(L, "local co = coroutine.wrap(function(...) yieldc(...) return yield2() end)"
                  "print(co(1, 2)) print(co()) print(co('a')) print(co('b')) return co('c')");
    drive_code(L, "return pcall(string.gsub, 'x', 'x', yieldc)");
    drive_code(L, "return pcall(table.sort, {3, 2, 1}, function() return callk(yieldc) end)");

    lua_State *co = lua_newthread(L);
    int n;
    printf("empty %d ", lua_resume(co, L, 0, &n));
    show(co, "");
    lua_settop(co, 0);
    lua_pushcfunction(co, throw_string);
    printf("%d ", lua_resume(co, L, 0, &n));
    show(co, "failed");
    printf("%d ", lua_resume(co, L, 0, &n));
    show(co, "dead");
    printf("reset %d ", lua_resetthread(co));
    printf("%d %d\n", lua_status(co), lua_gettop(co));
    lua_settop(co, 0);
    lua_pushcfunction(co, give_all);
    lua_pushliteral(co, "again");
    int status = lua_resume(co, L, 1, &n);
    printf("%d %d\n", status, n);
    show(co, "used again");
    lua_settop(co, 0);
    /* a thread that is not resumed but called in */
    luaL_loadstring(co, "return coroutine.running(), coroutine.isyieldable(), ...");
    lua_pushinteger(co, 5);
    printf("%d ", lua_pcall(co, 1, LUA_MULTRET, 0));
    show(co, "called in");
    lua_settop(co, 0);
    luaL_loadstring(co, "coroutine.yield()");
    printf("%d ", lua_pcall(co, 0, 0, 0));
    show(co, "cannot yield");
    lua_settop(co, 0);
    lua_settop(L, 0);
    run(L, "co = coroutine.create(function(...) local a = ... while true do a = coroutine.yield(a) end end)");
    lua_getglobal(L, "co");
    co = lua_tothread(L, 1);
    printf("%d %d\n", lua_status(co), lua_gettop(co));
    lua_pushliteral(co, "one");
    status = lua_resume(co, L, 1, &n);
    printf("%d %d ", status, n);
    show(co, "from C");
    lua_pop(co, n);
    run(L, "print(coroutine.resume(co, 'two')) print(coroutine.status(co))");
    printf("%d %d\n", lua_status(co), lua_gettop(co));
    lua_pushliteral(co, "three");
    status = lua_resume(co, L, 1, &n);
    printf("%d %d ", status, n);
    show(co, "from C again");
    lua_pop(co, n);
    run(L, "print(coroutine.close(co), coroutine.status(co))");
    lua_settop(L, 0);
    lua_newthread(L);
    lua_setglobal(L, "fresh");
    run(L, "print(coroutine.status(fresh), coroutine.resume(fresh))");
    lua_getglobal(L, "fresh");
    lua_pushcfunction(lua_tothread(L, 1), give_all);
    run(L, "print(coroutine.status(fresh)) print(coroutine.resume(fresh, 1, 2)) print(coroutine.status(fresh))");
    lua_settop(L, 0);
    printf("main: %d %d\n", lua_isyieldable(L), lua_status(L));
    attempt(L, "yield of the main thread", yield_plain);
    lua_register(L, "give", give_all);
    luaL_loadstring(L, "return coroutine.yield(1, 2), give(coroutine.isyieldable())");
    drive(NULL, L, 0);
    lua_settop(L, 0);
}

/* -- To-be-closed slots ------------------------------------------------------------------------------------------ */

static int use_closable(lua_State *L)
{
    lua_settop(L, 2);
    lua_getglobal(L, "closable");
    lua_toclose(L, -1);
    lua_pushinteger(L, 1);
    lua_getglobal(L, "closable");
    lua_toclose(L, -1);
    if (lua_toboolean(L, 1))
        luaL_error(L, "on purpose");
    if (lua_toboolean(L, 2)) {
        lua_closeslot(L, -1);
        printf("  slot closed: %d\n", lua_type(L, -1));
        lua_settop(L, 3);
        printf("  settop done\n");
        lua_pop(L, 1);
        printf("  pop done\n");
    }
    lua_pushliteral(L, "result");
    return 1;
}

static int not_closable(lua_State *L)
{
    lua_newtable(L);
    lua_toclose(L, -1);
    return 0;
}

static void test_close(lua_State *L)
{
    run(L, "local n = 0 closable = setmetatable({}, {__close = function(_, e) n = n + 1 print('  close', n, e) end})");
    lua_pushboolean(L, 0);
    lua_pushboolean(L, 0);
    attempt(L, "return", use_closable);
    lua_pushboolean(L, 1);
    attempt(L, "error", use_closable);
    lua_pushboolean(L, 0);
    lua_pushboolean(L, 1);
    attempt(L, "closeslot", use_closable);
    attempt(L, "not closable", not_closable);
}

/* -- The auxiliary library --------------------------------------------------------------------------------------- */

static int check_arguments(lua_State *L)
{
    static const char *const options[] = {"one", "two", NULL};
    const char *kind = luaL_checkstring(L, 1);
    size_t size;
    if (strcmp(kind, "integer") == 0)
        printf("  %lld\n", luaL_checkinteger(L, 2));
    else if (strcmp(kind, "number") == 0)
        printf("  %.14g\n", luaL_checknumber(L, 2));
    else if (strcmp(kind, "string") == 0)
        printf("  %s ", luaL_checklstring(L, 2, &size)), printf("%zu\n", size);
    else if (strcmp(kind, "option") == 0)
        printf("  %d\n", luaL_checkoption(L, 2, "two", options));
    else if (strcmp(kind, "optint") == 0)
        printf("  %lld\n", luaL_optinteger(L, 2, -1));
    else if (strcmp(kind, "optnum") == 0)
        printf("  %.14g\n", luaL_optnumber(L, 2, -1.5));
    else if (strcmp(kind, "optstr") == 0)
        printf("  %s\n", luaL_optstring(L, 2, "default"));
    else if (strcmp(kind, "any") == 0)
        luaL_checkany(L, 2);
    else if (strcmp(kind, "table") == 0)
        luaL_checktype(L, 2, LUA_TTABLE);
    else if (strcmp(kind, "udata") == 0)
        printf("  %d\n", luaL_checkudata(L, 2, "type one") != NULL);
    else if (strcmp(kind, "cond") == 0)
        luaL_argcheck(L, lua_toboolean(L, 2), 2, "must be true");
    else if (strcmp(kind, "expected") == 0)
        luaL_argexpected(L, lua_istable(L, 2), 2, "nice thing");
    else if (strcmp(kind, "stack") == 0)
        luaL_checkstack(L, 10000000, "too much");
    return 0;
}

static void test_arguments(lua_State *L)
{
    lua_register(L, "check", check_arguments);
    luaL_newmetatable(L, "type one");
    lua_newuserdatauv(L, 4, 1);
    luaL_setmetatable(L, "type one");
    lua_setglobal(L, "u1");
    printf("new %d", luaL_newmetatable(L, "type one"));
    printf(" %d\n", luaL_newmetatable(L, "type two"));
    lua_newuserdatauv(L, 4, 1);
    luaL_setmetatable(L, "type two");
    printf("test %d %d\n", luaL_testudata(L, -1, "type two") != NULL, luaL_testudata(L, -1, "type one") != NULL);
    lua_setglobal(L, "u2");
    lua_settop(L, 0);
    run(L, "object = {check = check, light = io.stdout}"
           "local values = {5, 5.5, '7', 'x', {}, u1, u2, print, true}"
           "for _, kind in ipairs{'integer', 'number', 'string', 'option', 'optint', 'optnum', 'optstr', 'any', 'table', 'udata', 'cond', 'expected'} do"
           "  for i = 0, #values do local v = values[i] print(kind, type(v), pcall(check, kind, v)) end"
           "  print(kind, 'none', pcall(check, kind)) end "
           "print(pcall(check, 'stack')) print(pcall(function() object.check('integer', {}) end))"
           "print(pcall(function() object:check() end)) print(pcall(function() check('table', 1) end))"
           "local up = check print(pcall(function() up('udata', setmetatable({}, {__name = 'Named'})) end))");
}

static int with_buffer(lua_State *L)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    int top = lua_gettop(L);
    luaL_addstring(&b, "start ");
    luaL_addchar(&b, 'c');
    luaL_addlstring(&b, " a\0b", 4);
    lua_pushinteger(L, 42);
    luaL_addvalue(&b);
    for (int i = 0; i < 2000; i++)
        luaL_addstring(&b, "0123456789");
    memcpy(luaL_prepbuffsize(&b, 20000), "end", 3);
    luaL_addsize(&b, 3);
    luaL_buffsub(&b, 1);
    luaL_addgsub(&b, "x.y.z", ".", "::");
    printf("  length %zu, slots %d\n", luaL_bufflen(&b), lua_gettop(L) - top);
    luaL_pushresult(&b);
    char *p = luaL_buffinitsize(L, &b, 5000);
    memset(p, 'q', 5000);
    luaL_pushresultsize(&b, 5000);
    luaL_buffinit(L, &b);
    luaL_pushresult(&b);
    return 3;
}

static int after_error(lua_State *L)
{
    luaL_where(L, 0);
    luaL_where(L, 1);
    luaL_where(L, 2);
    luaL_where(L, 100);
    return 4;
}

static int trace(lua_State *L)
{
    luaL_traceback(L, L, "a message", 0);
    luaL_traceback(L, L, NULL, 1);
    return 2;
}

static int open_mine(lua_State *L)
{
    static const luaL_Reg list[] = {{"give", give_all}, {"count", count_up}, {"later", NULL}, {NULL, NULL}};
    printf("  opening %s\n", lua_tostring(L, 1));
    luaL_newlibtable(L, list);
    lua_pushinteger(L, 100);
    lua_pushliteral(L, "shared");
    luaL_setfuncs(L, list, 2);
    return 1;
}

static void test_auxiliary(lua_State *L)
{
    lua_register(L, "where", after_error);
    lua_register(L, "buffer", with_buffer);
    lua_register(L, "trace", trace);
    lua_register(L, "dump", dump_to_string);
    run(L, "local a, b, c = buffer() print(#a, a:sub(1, 15):byte(-1), a:sub(-12), #b, #c)");
    run(L, "print(where())\nprint((function() return where() end)())");
    const char *code = "local function f() return trace() end\nfunction g(...) return (f()) end\nprint(g())";
    luaL_loadbuffer(L, code, strlen(code), "@chunk.lua");
    lua_call(L, 0, 0);
    run(L, "local f = load(dump(function(a, b) return a + b end)) print(f(3, 4)) print(pcall(dump, print))");
    luaL_requiref(L, "mine", open_mine, 1);
    luaL_requiref(L, "mine", open_mine, 0);
    printf("same %d\n", lua_rawequal(L, 1, 2));
    lua_settop(L, 0);
    run(L, "print(mine.give(1, 2), mine.later, package.loaded.mine == mine) print(mine.count()) print(mine.count())");
    lua_newtable(L);
    printf("%d", luaL_getsubtable(L, 1, "sub"));
    printf("%d\n", luaL_getsubtable(L, 1, "sub"));
    show(L, "subtable");
    lua_settop(L, 0);
    lua_newtable(L);
    int refs[6];
    for (int i = 0; i < 4; i++) {
        lua_pushinteger(L, i);
        refs[i] = luaL_ref(L, 1);
    }
    lua_pushnil(L);
    refs[4] = luaL_ref(L, 1);
    luaL_unref(L, 1, refs[1]);
    luaL_unref(L, 1, refs[2]);
    luaL_unref(L, 1, LUA_REFNIL);
    luaL_unref(L, 1, LUA_NOREF);
    lua_pushliteral(L, "new");
    refs[5] = luaL_ref(L, 1);
    printf("refs: nil %d, reused %d, different %d\n", refs[4] == LUA_REFNIL, refs[5] == refs[2], refs[0] != refs[1]);
    lua_rawgeti(L, 1, refs[5]);
    lua_rawgeti(L, 1, refs[3]);
    show(L, "refs");
    lua_settop(L, 0);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushcfunction(L, give_all);
    lua_setfield(L, -2, "__some");
    lua_pushliteral(L, "a name");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, 1);
    printf("callmeta %d", luaL_callmeta(L, 1, "__none"));
    printf(" %d", luaL_callmeta(L, 1, "__some"));
    printf(" %d\n", lua_rawequal(L, 1, 2));
    printf("%.7s\n", luaL_tolstring(L, 1, NULL));
    lua_settop(L, 0);
    for (int i = 0; i < 4; i++) {
        switch (i) {
        case 0: lua_pushnil(L); break;
        case 1: lua_pushboolean(L, 1); break;
        case 2: lua_pushnumber(L, 2.0); break;
        default: lua_pushliteral(L, "text");
        }
        size_t size;
        printf("%s ", luaL_tolstring(L, -1, &size));
        printf("%zu;", size);
    }
    printf("\n%s\n", luaL_gsub(L, "a%b%%c", "%", "per"));
    lua_settop(L, 0);
    errno = ENOENT;
    printf("%d ", luaL_fileresult(L, 0, "file"));
    printf("%d ", luaL_fileresult(L, 1, "file"));
    errno = ENOENT;
    printf("%d\n", luaL_fileresult(L, 0, NULL));
    show(L, "file results");
    lua_settop(L, 0);
    int statuses[] = {0, 256, 9, 0x300};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        printf("%d ", luaL_execresult(L, statuses[i]));
    }
    show(L, "exec results");
    lua_settop(L, 0);
    luaL_checkversion(L);
    printf("version %.0f\n", lua_version(L));
}

static int wrong_version(lua_State *L)
{
    luaL_checkversion_(L, 503, LUAL_NUMSIZES);
    return 0;
}
static int wrong_sizes(lua_State *L)
{
    luaL_checkversion_(L, 504, 72);
    return 0;
}

/* -- Debugging --------------------------------------------------------------------------------------------------- */

static int inspect(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        int ok = lua_getinfo(L, "nSltur", &ar);
        printf("  %d %d: %s '%s' %s %s:%d %d-%d ups %d params %d vararg %d tail %d src %.5s\n", level, ok, ar.namewhat,
               ar.name != NULL ? ar.name : "-", ar.what, ar.short_src, ar.currentline, ar.linedefined, ar.lastlinedefined, ar.nups,
               ar.nparams, ar.isvararg, ar.istailcall, ar.source);
        for (int n = 1; n <= 3; n++) {
            const char *name = lua_getlocal(L, &ar, n);
            if (name == NULL)
                break;
            if (name[0] != '(') { /* temporaries are each implementation's own */
                printf("    %s = ", name);
                show_value(L, -1);
                printf("\n");
            }
            lua_pop(L, 1);
        }
    }
    printf("  beyond %d %d\n", lua_getstack(L, 100, &ar), lua_getstack(L, -1, &ar));
    lua_getstack(L, 1, &ar);
    lua_pushliteral(L, "changed");
    lua_getinfo(L, "S", &ar);
    const char *set = lua_setlocal(L, &ar, 1);
    printf("  set %s\n", *ar.what == 'C' || set == NULL ? "-" : set);
    const char *vararg = lua_getlocal(L, &ar, -1);
    printf("  vararg %s\n", vararg != NULL ? vararg : "-");
    if (vararg != NULL)
        lua_pop(L, 1);
    printf("  bad option %d\n", lua_getinfo(L, "X", &ar));
    lua_getinfo(L, "f", &ar);
    printf("  function %d\n", lua_type(L, -1));
    return 0;
}

static void test_debug(lua_State *L)
{
    lua_register(L, "inspect", inspect);
    luaL_loadstring(L, "local function f(a, b, ...)\n  local c = 5\n  inspect(a)\n  print(a, b, c)\nend\nf('x', 'y', 'z', 'w')\n"
                       "local t = {m = function(self) return inspect() end} t:m() pcall(inspect)");
    lua_call(L, 0, 0);
    lua_Debug ar;
    luaL_loadstring(L, "local a = 1\nfunction F(p, q, ...)\n\n  return a\nend");
    lua_getinfo(L, ">SuL", &ar);
    printf("%s %d %d %d\n", ar.what, ar.nups, ar.linedefined, ar.lastlinedefined);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        show_value(L, -2);
        printf(" ");
    }
    printf("\n");
    lua_settop(L, 0);
    lua_pushcfunction(L, give_all);
    lua_getinfo(L, ">Snl", &ar);
    printf("%s %s %d %d '%s'\n", ar.what, ar.short_src, ar.currentline, ar.linedefined, ar.namewhat);
    luaL_loadstring(L, "return function(first, second) end");
    lua_call(L, 0, 1);
    lua_pushvalue(L, -1);
    printf("%s ", lua_getlocal(L, NULL, 1));
    lua_pushvalue(L, 1);
    printf("%s ", lua_getlocal(L, NULL, 2));
    lua_pushvalue(L, 1);
    printf("%d\n", lua_getlocal(L, NULL, 3) == NULL);
    printf("at the bottom %d\n", lua_getstack(L, 0, &ar));
}

static int hook_events[8];
static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    hook_events[ar->event]++;
}
static void line_hook(lua_State *L, lua_Debug *ar)
{
    lua_getinfo(L, "Sl", ar);
    printf("%d ", ar->currentline);
}
static void stop_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "stopped");
}
static void yield_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_yield(L, 0);
}

static void test_hooks(lua_State *L)
{
    const char *code = "local function f(n)\n if n > 0 then\n return f(n - 1)\n end\n return 0\nend\nfor i = 1, 3 do\n f(i)\nend\nmath.abs(1)\n";
    luaL_loadstring(L, code);
    lua_sethook(L, count_hook, LUA_MASKCALL | LUA_MASKRET, 0);
    printf("hook set %d %d %d\n", lua_gethook(L) == count_hook, lua_gethookmask(L), lua_gethookcount(L));
    lua_call(L, 0, 0);
    lua_sethook(L, NULL, 0, 0);
    printf("calls %d, tail calls %d, returns %d; none %d\n", hook_events[LUA_HOOKCALL], hook_events[LUA_HOOKTAILCALL],
           hook_events[LUA_HOOKRET], lua_gethook(L) == NULL && lua_gethookmask(L) == 0);
    luaL_loadstring(L, code);
    lua_sethook(L, line_hook, LUA_MASKLINE, 0);
    lua_call(L, 0, 0);
    lua_sethook(L, NULL, 0, 0);
    printf("\n");
    luaL_loadstring(L, "while true do end");
    lua_sethook(L, stop_hook, LUA_MASKCOUNT, 1000);
    printf("%d ", lua_pcall(L, 0, 0, 0));
    show(L, "count hook");
    lua_settop(L, 0);
    lua_sethook(L, stop_hook, LUA_MASKLINE, 0);
    printf("%d ", luaL_dostring(L, "local x = 1"));
    show(L, "line hook");
    lua_settop(L, 0);
    lua_State *co = lua_newthread(L);
    luaL_loadstring(co, "local a = 1\nlocal b = 2\nreturn a + b");
    lua_sethook(co, yield_hook, LUA_MASKLINE, 0);
    int status, n, rounds = 0;
    while ((status = lua_resume(co, L, 0, &n)) == LUA_YIELD && rounds < 20) {
        lua_Debug ar;
        lua_getstack(co, 0, &ar);
        lua_getinfo(co, "l", &ar);
        printf("yielded at %d with %d; ", ar.currentline, n);
        rounds++;
    }
    printf("%d, %d rounds", status, rounds);
    show(co, ", result");
    lua_settop(L, 0);
    co = lua_newthread(L);
    luaL_loadstring(co, "local s = 0 for i = 1, 100 do s = s + i end return s");
    lua_sethook(co, yield_hook, LUA_MASKCOUNT, 50);
    rounds = 0;
    while ((status = lua_resume(co, L, 0, &n)) == LUA_YIELD && rounds < 1000)
        rounds++;
    printf("count hook: %d, yields %d", status, rounds > 2 && rounds < 1000);
    show(co, ", result");
    lua_settop(L, 0);
    run(L, "debug.sethook(function() end, 'l')");
    printf("Lua's hook %d %d\n", lua_gethook(L) != NULL, lua_gethookmask(L));
    run(L, "debug.sethook()");
    lua_sethook(L, count_hook, LUA_MASKLINE, 0);
    run(L, "print(debug.gethook())");
    lua_sethook(L, NULL, 0, 0);
}

/* -- States ------------------------------------------------------------------------------------------------------ */

static void warn_to(void *data, const char *message, int continues)
{
    printf("warning %s '%s' %d\n", (const char *)data, message, continues);
}

enum { GARBAGE = 16 };
static int garbage_count;

static int count_garbage(lua_State *L)
{
    (void)L;
    garbage_count++;
    return 0;
}

/* A collector that looks for pointers in C stacks may find some that earlier calls have left there: so they are many, made
 * further down, and most of them have to go. */
static __attribute__((noinline)) void make_garbage(lua_State *L)
{
    volatile char deeper[4096];
    deeper[0] = 0;
    for (int i = 0; i < GARBAGE; i++) {
        lua_newuserdatauv(L, 10, 0);
        lua_newtable(L);
        lua_pushcfunction(L, count_garbage);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
    }
    lua_settop(L, deeper[0]);
}

static int finalize(lua_State *L)
{
    printf("finalizer of %s\n", (const char *)lua_touserdata(L, 1));
    return 0;
}

static void make_finalized(lua_State *L, const char *name)
{
    strcpy(lua_newuserdatauv(L, strlen(name) + 1, 0), name);
    lua_newtable(L);
    lua_pushcfunction(L, finalize);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
}

static int never(lua_State *L)
{
    printf("panic function called\n");
    return (int)lua_gettop(L);
}

static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    (void)old_size;
    ++*(int *)data;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static void test_states(lua_State *L)
{
    void *data = NULL;
    printf("getallocf %d\n", lua_getallocf(L, &data) != NULL);
    void *p = lua_getallocf(L, &data)(data, NULL, 0, 100);
    p = lua_getallocf(L, &data)(data, p, 100, 10000);
    printf("allocates %d, frees %d\n", p != NULL, lua_getallocf(L, NULL)(data, p, 10000, 0) == NULL);
    lua_setwarnf(L, warn_to, "data");
    lua_warning(L, "one", 1);
    lua_warning(L, "two", 0);
    run(L, "warn('from ', 'Lua') warn('@on')");
    lua_setwarnf(L, NULL, NULL);
    lua_warning(L, "nobody", 0);
    lua_CFunction before = lua_atpanic(L, never);
    printf("panic %d %d\n", before != never, lua_atpanic(L, before) == never);
    printf("gc: stop %d", lua_gc(L, LUA_GCSTOP));
    printf(" running %d", lua_gc(L, LUA_GCISRUNNING));
    printf(" restart %d", lua_gc(L, LUA_GCRESTART));
    printf(" running %d", lua_gc(L, LUA_GCISRUNNING));
    printf(" collect %d", lua_gc(L, LUA_GCCOLLECT));
    printf(" pause %d", lua_gc(L, LUA_GCSETPAUSE, 150));
    printf(" %d", lua_gc(L, LUA_GCSETPAUSE, 200));
    printf(" mul %d", lua_gc(L, LUA_GCSETSTEPMUL, 200));
    printf(" gen %d", lua_gc(L, LUA_GCGEN, 0, 0) == LUA_GCINC);
    printf(" inc %d", lua_gc(L, LUA_GCINC, 0, 0, 0) == LUA_GCGEN);
    printf(" count %d", lua_gc(L, LUA_GCCOUNT) > 2);
    printf(" bad %d\n", lua_gc(L, 77));
    make_garbage(L);
    lua_gc(L, LUA_GCCOLLECT);
    printf("garbage finalized %d\n", garbage_count > GARBAGE / 2);
    *(void **)lua_getextraspace(L) = &data;
    lua_State *co = lua_newthread(L);
    printf("extra space %d\n", *(void **)lua_getextraspace(co) == &data);
    *(void **)lua_getextraspace(co) = NULL;
    printf("its own %d\n", *(void **)lua_getextraspace(L) == &data);
    printf("main thread %d\n", (lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD), lua_tothread(L, -1) == L));
    lua_settop(L, 0);
    lua_pushliteral(L, "first");
    printf("first reference %d\n", luaL_ref(L, LUA_REGISTRYINDEX));
    int count = 0;
    lua_State *bare = lua_newstate(allocate, &count);
    printf("bare state %d, globals", bare != NULL && count > 0);
    lua_pushglobaltable(bare);
    lua_pushnil(bare);
    printf(" %d\n", lua_next(bare, -2));
    lua_settop(bare, 0);
    luaL_requiref(bare, "_G", luaopen_base, 1);
    luaL_requiref(bare, "string", luaopen_string, 1);
    run(bare, "print(('x'):rep(3), math, io)");
    make_finalized(bare, "one at the end");
    make_finalized(bare, "two at the end");
    lua_close(bare);
    lua_State *fresh = luaL_newstate();
    luaL_openlibs(fresh);
    run(fresh, "mark = 1 string.mine = 2");
    luaL_openlibs(fresh);
    run(fresh, "print(mark, string.mine, #package.searchers)");
    run(fresh, "setmetatable({}, {__gc = function() print('gc of a table at the end') end})"
               "local keep <close> = setmetatable({}, {__close = function() print('never printed twice') end})");
    lua_close(fresh);
}

static void test_libraries(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } list[] = {{"coroutine", luaopen_coroutine}, {"table", luaopen_table}, {"io", luaopen_io}, {"os", luaopen_os},
                {"string", luaopen_string}, {"utf8", luaopen_utf8}, {"math", luaopen_math}, {"debug", luaopen_debug},
                {"package", luaopen_package}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        lua_pushcfunction(L, list[i].open);
        lua_pushstring(L, list[i].name);
        lua_call(L, 1, 1);
        int n = 0;
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
            n++;
        printf("%s %d: %d\n", list[i].name, lua_istable(L, -1), n);
        lua_settop(L, 0);
    }
    lua_getglobal(L, "print");
    lua_CFunction print = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    lua_pushcfunction(L, print);
    lua_getglobal(L, "print");
    printf("same %d, C %d\n", lua_rawequal(L, 1, 2), lua_iscfunction(L, 1));
    lua_settop(L, 0);
    lua_pushliteral(L, "called directly");
    printf("%d\n", print(L));
    lua_settop(L, 0);
    lua_getglobal(L, "select");
    lua_CFunction sel = lua_tocfunction(L, -1);
    lua_settop(L, 0);
    lua_pushinteger(L, 2);
    lua_pushliteral(L, "a");
    lua_pushliteral(L, "b");
    lua_pushliteral(L, "c");
    int n = sel(L);
    printf("%d ", n);
    show_value(L, -1);
    printf("\n");
    lua_settop(L, 0);
}

static void test_errors(lua_State *L)
{
    lua_pushcfunction(L, bad_format);
    printf("bad format %d\n", lua_pcall(L, 0, 0, 0)); /* 5.4.8 has another text than 5.4.4 */
    lua_settop(L, 0);
    attempt(L, "version", wrong_version);
    attempt(L, "sizes", wrong_sizes);
}

/* -- What the others leave out ------------------------------------------------------------------------------------- */

static const char *push_list(lua_State *L, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const char *text = lua_pushvfstring(L, format, list);
    va_end(list);
    return text;
}

static int close_in_thread(lua_State *L)
{
    printf("closed %s\n", luaL_typename(L, 2));
    return 0;
}

/* 5.4.6 has it: earlier libraries do not. */
__attribute__((weak)) int lua_closethread(lua_State *L, lua_State *from);

static void test_closethread(lua_State *L)
{
    lua_State *co = lua_newthread(L);
    lua_newtable(co);
    lua_newtable(co);
    lua_pushcfunction(co, close_in_thread);
    lua_setfield(co, -2, "__close");
    lua_setmetatable(co, -2);
    lua_toclose(co, 1);
    int status = lua_closethread ? lua_closethread(co, L) : lua_resetthread(co);
    printf("closethread %d %d %d\n", status, lua_gettop(co), lua_status(co));
    lua_settop(L, 0);
}

static void test_rest(lua_State *L)
{
    const char *text = push_list(L, "%s %d %f %c %% %I %U", "text", 12, 0.5, 'c', (LUAI_UACINT)1 << 40, 0x20ACL);
    printf("%d ", text == lua_tostring(L, -1));
    show(L, "pushvfstring");
    lua_settop(L, 0);
    (void)luaL_dostring(L, "return setmetatable({10, x = 1}, {__index = function() return 'meta' end})");
    lua_pushliteral(L, "x");
    printf("%s ", lua_typename(L, lua_rawget(L, 1)));
    lua_pushinteger(L, 1);
    printf("%s ", lua_typename(L, lua_rawget(L, 1)));
    lua_pushliteral(L, "none");
    printf("%s ", lua_typename(L, lua_rawget(L, 1)));
    show(L, "rawget");
    lua_settop(L, 0);
    printf("setcstacklimit %d\n", lua_setcstacklimit(L, 400));
    luaL_requiref(L, "again", luaopen_utf8, 0);
    lua_getfield(L, -1, "charpattern");
    printf("utf8 %s %d\n", luaL_typename(L, 1), (int)lua_rawlen(L, -1));
    lua_settop(L, 0);
    test_closethread(L);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(lua_State *L);
    } tests[] = {{"stack", test_stack}, {"many", test_many}, {"values", test_values}, {"formats", test_formats},
                 {"operators", test_operators}, {"tables", test_tables}, {"calls", test_calls}, {"load", test_load},
                 {"closures", test_closures}, {"coroutines", test_coroutines}, {"close", test_close},
                 {"arguments", test_arguments}, {"auxiliary", test_auxiliary}, {"debug", test_debug}, {"hooks", test_hooks},
                 {"states", test_states}, {"libraries", test_libraries}, {"errors", test_errors},
                 {"rest", test_rest}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        lua_State *L = luaL_newstate();
        printf("== %s\n", tests[i].name);
        luaL_openlibs(L);
        tests[i].run(L);
        lua_close(L);
    }
    return 0;
}
