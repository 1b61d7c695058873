/* The auxiliary library: arguments, errors, types, references, loading. Most of it could be written with lua.h alone. */
#include "vm/embed/capi.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "vm/exec/traceback.h"
#include "vm/exec/intrinsics.h"
#include "stdlib/stream.h"

void luaL_checkversion_(lua_State *L, lua_Number version, size_t sizes)
{
    RiThread *T = ri_thread_of(L);
    if (sizes != LUAL_NUMSIZES)
        ri_error(T, "core and library have incompatible numeric types");
    if (version != LUA_VERSION_NUM)
        ri_error(T, "version mismatch: app. needs %.1f, Lua core provides %.1f", version, (lua_Number)LUA_VERSION_NUM);
}

/* -- Metamethods and texts --------------------------------------------------------------------------------------- */

int luaL_getmetafield(lua_State *L, int index, const char *event)
{
    RiThread *T = ri_thread_of(L);
    RiTable *meta = ri_value_meta(T->process, *ri_capi_at(T, index));
    if (meta == NULL)
        return LUA_TNIL;
    RiValue v = ri_table_get(meta, ri_string_value(ri_str_from_cstr(T->heap, event)));
    if (!ri_is_nil(v))
        ri_push(T, v);
    return (int)ri_type(v);
}

int luaL_callmeta(lua_State *L, int index, const char *event)
{
    index = lua_absindex(L, index);
    if (luaL_getmetafield(L, index, event) == LUA_TNIL)
        return 0;
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    return 1;
}

const char *luaL_tolstring(lua_State *L, int index, size_t *size)
{
    RiThread *T = ri_thread_of(L);
    RiString *s = ri_tostring(T, *ri_capi_at(T, index));
    ri_push(T, ri_string_value(s));
    return lua_tolstring(L, -1, size);
}

void luaL_traceback(lua_State *L, lua_State *of, const char *message, int level)
{
    RiThread *T = ri_thread_of(L);
    RiString *s = ri_traceback(T, ri_thread_of(of), message, level);
    ri_push(T, ri_string_value(s));
}

lua_Integer luaL_len(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    return ri_length(T, *ri_capi_at(T, index));
}

/* -- Arguments --------------------------------------------------------------------------------------------------- */

int luaL_argerror(lua_State *L, int arg, const char *extra)
{
    RiThread *T = ri_thread_of(L);
    if (T->base == T->stack)
        luaL_error(L, "bad argument #%d (%s)", arg, extra);
    ri_arg_error(T, (uint32_t)arg - 1, extra);
}

/* Beside those of type_name: what a value is called whose metatable has a name, or that is light. */
int luaL_typeerror(lua_State *L, int arg, const char *expected)
{
    const char *got;
    if (luaL_getmetafield(L, arg, "__name") == LUA_TSTRING)
        got = lua_tostring(L, -1);
    else if (lua_type(L, arg) == LUA_TLIGHTUSERDATA)
        got = "light userdata";
    else
        got = luaL_typename(L, arg);
    return luaL_argerror(L, arg, lua_pushfstring(L, "%s expected, got %s", expected, got));
}

static void type_error(lua_State *L, int arg, int type)
{
    luaL_typeerror(L, arg, lua_typename(L, type));
}

void luaL_checktype(lua_State *L, int arg, int type)
{
    if (RI_UNLIKELY(lua_type(L, arg) != type))
        type_error(L, arg, type);
}

void luaL_checkany(lua_State *L, int arg)
{
    if (RI_UNLIKELY(lua_type(L, arg) == LUA_TNONE))
        luaL_argerror(L, arg, "value expected");
}

void luaL_checkstack(lua_State *L, int slots, const char *message)
{
    if (RI_LIKELY(lua_checkstack(L, slots)))
        return;
    if (message != NULL)
        luaL_error(L, "stack overflow (%s)", message);
    luaL_error(L, "stack overflow");
}

const char *luaL_checklstring(lua_State *L, int arg, size_t *size)
{
    const char *text = lua_tolstring(L, arg, size);
    if (RI_UNLIKELY(text == NULL))
        type_error(L, arg, LUA_TSTRING);
    return text;
}

const char *luaL_optlstring(lua_State *L, int arg, const char *fallback, size_t *size)
{
    if (!lua_isnoneornil(L, arg))
        return luaL_checklstring(L, arg, size);
    if (size != NULL)
        *size = fallback != NULL ? strlen(fallback) : 0;
    return fallback;
}

lua_Number luaL_checknumber(lua_State *L, int arg)
{
    int ok;
    lua_Number n = lua_tonumberx(L, arg, &ok);
    if (RI_UNLIKELY(!ok))
        type_error(L, arg, LUA_TNUMBER);
    return n;
}

lua_Number luaL_optnumber(lua_State *L, int arg, lua_Number fallback)
{
    return lua_isnoneornil(L, arg) ? fallback : luaL_checknumber(L, arg);
}

lua_Integer luaL_checkinteger(lua_State *L, int arg)
{
    int ok;
    lua_Integer i = lua_tointegerx(L, arg, &ok);
    if (RI_UNLIKELY(!ok)) {
        if (lua_isnumber(L, arg))
            luaL_argerror(L, arg, "number has no integer representation");
        type_error(L, arg, LUA_TNUMBER);
    }
    return i;
}

lua_Integer luaL_optinteger(lua_State *L, int arg, lua_Integer fallback)
{
    return lua_isnoneornil(L, arg) ? fallback : luaL_checkinteger(L, arg);
}

int luaL_checkoption(lua_State *L, int arg, const char *fallback, const char *const list[])
{
    const char *name = fallback != NULL ? luaL_optstring(L, arg, fallback) : luaL_checkstring(L, arg);
    for (int i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0)
            return i;
    }
    return luaL_argerror(L, arg, lua_pushfstring(L, "invalid option '%s'", name));
}

/* -- Userdata with a type ---------------------------------------------------------------------------------------- */

int luaL_newmetatable(lua_State *L, const char *type_name)
{
    if (luaL_getmetatable(L, type_name) != LUA_TNIL) /* the name is taken: that is on top */
        return 0;
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, type_name);
    return 1;
}

void luaL_setmetatable(lua_State *L, const char *type_name)
{
    luaL_getmetatable(L, type_name);
    lua_setmetatable(L, -2);
}

void *luaL_testudata(lua_State *L, int index, const char *type_name)
{
    RiThread *T = ri_thread_of(L);
    RiValue v = *ri_capi_at(T, index);
    const RiTable *meta = ri_is_userdata(v) || v.tag == RI_TAG_LIGHT ? ri_value_meta(T->process, v) : NULL;
    if (meta == NULL)
        return NULL;
    RiString *name = ri_capi_name(T, type_name);
    RiValue wanted = ri_table_get(T->process->registry, ri_string_value(name));
    if (!ri_is_table(wanted) || wanted.p != meta)
        return NULL;
    return ri_is_userdata(v) ? ((RiUserdata *)v.p)->data : v.p;
}

void *luaL_checkudata(lua_State *L, int index, const char *type_name)
{
    void *data = luaL_testudata(L, index, type_name);
    luaL_argexpected(L, data != NULL, index, type_name);
    return data;
}

/* -- Errors and results ------------------------------------------------------------------------------------------ */

void luaL_where(lua_State *L, int level)
{
    RiThread *T = ri_thread_of(L);
    RiString *where = ri_where(T, level);
    ri_push(T, ri_string_value(where));
}

int luaL_error(lua_State *L, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    luaL_where(L, 1);
    lua_pushvfstring(L, format, args);
    va_end(args);
    lua_concat(L, 2);
    return lua_error(L);
}

int luaL_fileresult(lua_State *L, int ok, const char *file_name)
{
    int number = errno;
    if (ok) {
        lua_pushboolean(L, 1);
        return 1;
    }
    const char *why = number != 0 ? strerror(number) : "(no extra info)";
    luaL_pushfail(L);
    if (file_name != NULL)
        lua_pushfstring(L, "%s: %s", file_name, why);
    else
        lua_pushstring(L, why);
    lua_pushinteger(L, number);
    return 3;
}

int luaL_execresult(lua_State *L, int status)
{
    const char *what = "exit";
    if (status != 0 && errno != 0)
        return luaL_fileresult(L, 0, NULL);
    if (WIFEXITED(status)) {
        status = WEXITSTATUS(status);
    } else if (WIFSIGNALED(status)) {
        status = WTERMSIG(status);
        what = "signal";
    }
    if (*what == 'e' && status == 0)
        lua_pushboolean(L, 1);
    else
        luaL_pushfail(L);
    lua_pushstring(L, what);
    lua_pushinteger(L, status);
    return 3;
}

/* -- References -------------------------------------------------------------------------------------------------- */

/* Where a table keeps the list of its free references: 0 or the first one, which has the next. */
enum { FREE_LIST = LUA_RIDX_LAST + 1 };

int luaL_ref(lua_State *L, int index)
{
    int ref = 0;
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return LUA_REFNIL;
    }
    index = lua_absindex(L, index);
    if (lua_rawgeti(L, index, FREE_LIST) == LUA_TNIL) {
        lua_pushinteger(L, 0);
        lua_rawseti(L, index, FREE_LIST);
    } else {
        ref = (int)lua_tointeger(L, -1);
    }
    lua_pop(L, 1);
    if (ref != 0) {
        lua_rawgeti(L, index, ref);
        lua_rawseti(L, index, FREE_LIST);
    } else {
        ref = (int)lua_rawlen(L, index) + 1;
    }
    lua_rawseti(L, index, ref);
    return ref;
}

void luaL_unref(lua_State *L, int index, int ref)
{
    if (ref < 0)
        return;
    index = lua_absindex(L, index);
    lua_rawgeti(L, index, FREE_LIST);
    lua_rawseti(L, index, ref);
    lua_pushinteger(L, ref);
    lua_rawseti(L, index, FREE_LIST);
}

/* -- Chunks ------------------------------------------------------------------------------------------------------ */

typedef struct Piece {
    const char *bytes;
    size_t size;
} Piece;

static const char *read_piece(lua_State *L, void *data, size_t *size)
{
    Piece *piece = data;
    (void)L;
    if (piece->size == 0)
        return NULL;
    *size = piece->size;
    piece->size = 0;
    return piece->bytes;
}

int luaL_loadbufferx(lua_State *L, const char *bytes, size_t size, const char *name, const char *mode)
{
    Piece piece = {bytes, size};
    return lua_load(L, read_piece, &piece, name, mode);
}

int luaL_loadstring(lua_State *L, const char *text)
{
    return luaL_loadbuffer(L, text, strlen(text), text);
}

int luaL_loadfilex(lua_State *L, const char *path, const char *mode)
{
    RiThread *T = ri_thread_of(L);
    RiThread *before = T->heap->running;
    T->heap->running = T;
    int status = ri_load_guest_file(T, path, mode);
    T->heap->running = before;
    if (status == LUA_OK) {
        RiClosure *closure = T->top[-1].p;
        RiValue globals = ri_capi_globals(T);
        if (closure->object.aux > 0)
            ri_store(&closure->upvals[0]->value, globals);
    }
    return status;
}

/* -- Tables and libraries ---------------------------------------------------------------------------------------- */

void luaL_setfuncs(lua_State *L, const luaL_Reg *list, int upvalue_count)
{
    luaL_checkstack(L, upvalue_count, "too many upvalues");
    for (; list->name != NULL; list++) {
        if (list->func == NULL) {
            lua_pushboolean(L, 0);
        } else {
            for (int i = 0; i < upvalue_count; i++)
                lua_pushvalue(L, -upvalue_count);
            lua_pushcclosure(L, list->func, upvalue_count);
        }
        lua_setfield(L, -(upvalue_count + 2), list->name);
    }
    lua_pop(L, upvalue_count);
}

int luaL_getsubtable(lua_State *L, int index, const char *name)
{
    if (lua_getfield(L, index, name) == LUA_TTABLE)
        return 1;
    lua_pop(L, 1);
    index = lua_absindex(L, index);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, index, name);
    return 0;
}

void luaL_requiref(lua_State *L, const char *name, lua_CFunction open, int is_global)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, name);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushcfunction(L, open);
        lua_pushstring(L, name);
        lua_call(L, 1, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, name);
    }
    lua_remove(L, -2);
    if (is_global) {
        lua_pushvalue(L, -1);
        lua_setglobal(L, name);
    }
}
