/* The C API: tables, metatables, userdata and their user values. */
#include "vm/embed/capi.h"

#include "vm/exec/intrinsics.h"

RiString *ri_capi_name_slow(RiThread *T, const char *text)
{
    RiProcess *process = T->process;
    RiString *s = ri_str_from_cstr(T->heap, text);
    if (!ri_str_is_interned(s))
        return s;
    if (process->api_names == NULL)
        process->api_names = ri_heap_alloc_block(T->heap, sizeof(RiCapiNames));
    RiCapiNames *names = process->api_names;
    uintptr_t i = RI_CAPI_NAME_PLACE(text);
    names->known[i].text = text;
    names->known[i].string = s;
    return s;
}

/* Push a value found; its type. */
static int push_found(RiThread *T, RiValue v)
{
    ri_store(T->top, v);
    T->top++;
    return (int)ri_type_of_tag[v.tag & 31];
}

/* -- Reading ----------------------------------------------------------------------------------------------------- */

/* object[key], where key is a string. */
static RI_ALWAYS_INLINE RiValue get_named(RiThread *T, RiValue object, RiString *key)
{
    if (ri_is_table(object) && ri_str_is_interned(key)) {
        const RiTable *t = object.p;
        RiValue v = ri_table_get_str(t, key);
        if (!ri_is_nil(v) || t->meta == NULL)
            return v;
    }
    return ri_index(T, object, ri_string_value(key));
}

static int get_field(RiThread *T, RiValue object, const char *name)
{
    return push_found(T, get_named(T, object, ri_capi_name(T, name)));
}

int lua_getglobal(lua_State *L, const char *name)
{
    RiThread *T = ri_thread_of(L);
    return get_field(T, ri_capi_globals(T), name);
}

int lua_getfield(lua_State *L, int index, const char *name)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    return get_field(T, *ri_capi_at(T, index), name);
}

int lua_gettable(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RI_API_CHECK_COUNT(T, 1);
    RiValue object = *ri_capi_at(T, index), key = T->top[-1];
    RiValue v = ri_is_string(key) ? get_named(T, object, key.p) : ri_index(T, object, key);
    ri_store(&T->top[-1], v);
    return (int)ri_type(v);
}

int lua_geti(lua_State *L, int index, lua_Integer key)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    return push_found(T, ri_index_int(T, *ri_capi_at(T, index), key));
}

int lua_rawget(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    RiValue v = ri_table_get(ri_capi_at(T, index)->p, T->top[-1]);
    ri_store(&T->top[-1], v);
    return (int)ri_type(v);
}

int lua_rawgeti(lua_State *L, int index, lua_Integer key)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    return push_found(T, ri_table_get_int(ri_capi_at(T, index)->p, key));
}

int lua_rawgetp(lua_State *L, int index, const void *p)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    return push_found(T, ri_table_get(ri_capi_at(T, index)->p, ri_object(p, RI_TAG_LIGHT)));
}

int lua_next(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    const RiTable *t = ri_capi_at(T, index)->p;
    uint64_t position;
    if (!ri_table_position_after(t, T->top[-1], &position))
        ri_runtime_error(T, "invalid key to 'next'");
    if (!ri_table_next_at(t, &position, &T->top[-1], &T->top[0])) {
        T->top--;
        return 0;
    }
    T->top++;
    return 1;
}

/* -- Writing ----------------------------------------------------------------------------------------------------- */

/* Store to a field that is there, where nobody has to be told. False: it is another case. */
static RI_ALWAYS_INLINE bool store_present(RiValue object, const RiString *key, RiValue value)
{
    if (!ri_is_table(object) || !ri_str_is_interned(key) || ri_is_nil(value))
        return false;
    RiTable *t = object.p;
    if (t->meta != NULL || t->flags & (RI_TABLE_DELEGATE | RI_TABLE_SHARED))
        return false;
    int32_t offset = ri_table_find_offset(t, key);
    RiValue *slot = (RiValue *)(void *)((char *)t->slots + (offset >= 0 ? offset : 0));
    if (offset < 0 || ri_is_nil(*slot))
        return false;
    ri_store(slot, value);
    return true;
}

static void set_field(RiThread *T, RiValue object, const char *name)
{
    RiString *key = ri_capi_name(T, name);
    if (RI_LIKELY(store_present(object, key, T->top[-1]))) {
        T->top--;
        return;
    }
    ri_push(T, ri_string_value(key)); /* a metamethod may be called */
    ri_set_index(T, object, ri_string_value(key), T->top[-2]);
    T->top -= 2;
}

void lua_setglobal(lua_State *L, const char *name)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    set_field(T, ri_capi_globals(T), name);
}

void lua_setfield(lua_State *L, int index, const char *name)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RI_API_CHECK_COUNT(T, 1);
    set_field(T, *ri_capi_at(T, index), name);
}

void lua_settable(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RI_API_CHECK_COUNT(T, 2);
    RiValue object = *ri_capi_at(T, index), key = T->top[-2];
    if (!ri_is_string(key) || !store_present(object, key.p, T->top[-1]))
        ri_set_index(T, object, key, T->top[-1]);
    T->top -= 2;
}

void lua_seti(lua_State *L, int index, lua_Integer key)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RI_API_CHECK_COUNT(T, 1);
    ri_set_index_int(T, *ri_capi_at(T, index), key, T->top[-1]);
    T->top--;
}

static void raw_set(RiThread *T, RiTable *t, RiValue key, RiValue value)
{
    RiKeyStatus status = ri_table_set(T->heap, t, key, value);
    if (RI_UNLIKELY(status != RI_KEY_OK))
        ri_runtime_error(T, status == RI_KEY_NIL ? "table index is nil" : "table index is NaN");
}

void lua_rawset(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 2);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    raw_set(T, ri_capi_at(T, index)->p, T->top[-2], T->top[-1]);
    T->top -= 2;
    ri_capi_settle(T);
}

void lua_rawseti(lua_State *L, int index, lua_Integer key)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    RiTable *t = ri_capi_at(T, index)->p;
    if (!ri_table_try_set_int(t, key, T->top[-1]))
        ri_table_set_int(T->heap, t, key, T->top[-1]);
    T->top--;
    ri_capi_settle(T);
}

void lua_rawsetp(lua_State *L, int index, const void *p)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK_TABLE(*ri_capi_at(T, index));
    raw_set(T, ri_capi_at(T, index)->p, ri_object(p, RI_TAG_LIGHT), T->top[-1]);
    T->top--;
}

void lua_createtable(lua_State *L, int array_count, int field_count)
{
    RiThread *T = ri_thread_of(L);
    uint32_t slots = field_count < 32 ? (uint32_t)field_count : 32;
    ri_push(T, ri_table_value(ri_table_new(T->heap, (uint32_t)array_count, slots)));
    ri_capi_settle(T);
}

/* -- Metatables, userdata ---------------------------------------------------------------------------------------- */

int lua_getmetatable(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RiTable *meta = ri_value_meta(T->process, *ri_capi_at(T, index));
    if (meta == NULL)
        return 0;
    ri_push(T, ri_table_value(meta));
    return 1;
}

int lua_setmetatable(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK_VALUE(ri_capi_at(T, index));
    RiValue meta = T->top[-1];
    RI_API_CHECK(ri_is_nil(meta) || ri_is_table(meta), "table or nil expected");
    ri_value_set_meta(T, *ri_capi_at(T, index), ri_is_nil(meta) ? NULL : meta.p);
    T->top--;
    return 1;
}

void *lua_newuserdatauv(lua_State *L, size_t size, int uservalue_count)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK(uservalue_count >= 0 && uservalue_count < 65535, "invalid number of user values");
    RiUserdata *u = ri_udata_new(T->heap, size, (uint32_t)uservalue_count);
    ri_push(T, ri_object(u, RI_TAG_USERDATA));
    ri_capi_settle(T);
    return u->data;
}

int lua_getiuservalue(lua_State *L, int index, int n)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK(ri_is_userdata(*ri_capi_at(T, index)), "full userdata expected");
    const RiUserdata *u = ri_capi_at(T, index)->p;
    if (n <= 0 || n > u->object.aux) {
        ri_push(T, ri_nil());
        return LUA_TNONE;
    }
    return push_found(T, u->uservalues[n - 1]);
}

int lua_setiuservalue(lua_State *L, int index, int n)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RI_API_CHECK(ri_is_userdata(*ri_capi_at(T, index)), "full userdata expected");
    RiUserdata *u = ri_capi_at(T, index)->p;
    T->top--;
    if (n <= 0 || n > u->object.aux)
        return 0;
    ri_copy(&u->uservalues[n - 1], T->top);
    return 1;
}
