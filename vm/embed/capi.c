/* The C API of Lua 5.4: lua_State is RiThread, and a C function's stack is its frame: index 1 is T->base[0]. */
#include "vm/embed/capi.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"

/* The API and nothing else can be seen by modules loaded at run time. */
#pragma GCC visibility push(default)
#define RI_BUILDING_CAPI
#include "include/lauxlib.h"
#pragma GCC visibility pop

int32_t ri_capi_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    lua_CFunction function;
    memcpy(&function, &args[-2].p, sizeof function); /* no cast leads from a data pointer to a function */
    return function(T);
}

/* The value at an index: NULL for indices beyond the top and pseudo-indices. */
static RiValue *at(RiThread *T, int index)
{
    if (index > 0)
        return T->base + index <= T->top ? T->base + index - 1 : NULL;
    ri_assert(index > LUA_REGISTRYINDEX && index != 0 && -index <= T->top - T->base);
    return T->top + index;
}

static RiValue value_at(RiThread *T, int index)
{
    if (index == LUA_REGISTRYINDEX)
        return ri_table_value(T->process->registry);
    const RiValue *slot = index < LUA_REGISTRYINDEX ? NULL : at(T, index);
    return slot != NULL ? *slot : ri_nil();
}

/* -- Stack ------------------------------------------------------------------------------------------------------- */

int lua_gettop(lua_State *T)
{
    return (int)(T->top - T->base);
}

void lua_settop(lua_State *T, int index)
{
    RiValue *top = index >= 0 ? T->base + index : T->top + index + 1;
    if (top > T->stack_limit + RI_STACK_RESERVE - 2) {
        ri_stack_reserve(T, (uint32_t)(top - T->top));
        top = T->base + index;
    }
    while (T->top < top)
        ri_push(T, ri_nil());
    T->top = top;
}

void lua_pushvalue(lua_State *T, int index)
{
    ri_push(T, value_at(T, index));
}

static void reverse(RiValue *from, RiValue *to)
{
    for (; from < to; from++, to--) {
        RiValue v = *from;
        ri_copy(from, to);
        ri_store(to, v);
    }
}

void lua_rotate(lua_State *T, int index, int n)
{
    RiValue *first = at(T, index), *last = T->top - 1;
    ri_assert(first != NULL && (n >= 0 ? n : -n) <= last - first + 1);
    RiValue *split = n >= 0 ? last - n : first - n - 1; /* end of the part that goes up */
    reverse(first, split);
    reverse(split + 1, last);
    reverse(first, last);
}

/* -- Reading values ---------------------------------------------------------------------------------------------- */

lua_Integer lua_tointegerx(lua_State *T, int index, int *is_number)
{
    int64_t i = 0;
    bool ok = ri_to_int(value_at(T, index), &i);
    if (is_number != NULL)
        *is_number = ok;
    return ok ? i : 0;
}

/* -- Pushing values ---------------------------------------------------------------------------------------------- */

void lua_createtable(lua_State *T, int array_count, int field_count)
{
    uint32_t slots = field_count < 32 ? (uint32_t)field_count : 32;
    ri_push(T, ri_table_value(ri_table_new(T->heap, (uint32_t)array_count, slots)));
}

void lua_pushboolean(lua_State *T, int b)
{
    ri_push(T, ri_bool(b != 0));
}

const char *lua_pushstring(lua_State *T, const char *text)
{
    if (text == NULL) {
        ri_push(T, ri_nil());
        return NULL;
    }
    RiString *s = ri_str_from_cstr(T->heap, text);
    ri_push(T, ri_string_value(s));
    return ri_str_cstr(T->heap, s);
}

static void add_utf8(RiSbuf *sb, unsigned long code)
{
    char bytes[8];
    int n = 0;
    if (code < 0x80) {
        ri_sbuf_add_char(sb, (char)code);
        return;
    }
    unsigned long first_max = 0x3f; /* what fits into the first byte */
    do {
        bytes[n++] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
        first_max >>= 1;
    } while (code > first_max);
    bytes[n++] = (char)((~first_max << 1) | code);
    while (n > 0)
        ri_sbuf_add_char(sb, bytes[--n]);
}

/* Add what conversion `c` makes of the next argument. `*args` cannot be passed on by value: each call takes one. */
static void add_converted(RiThread *T, RiSbuf *sb, char c, va_list *args)
{
    char text[RI_NUM_TEXT_MAX];
    size_t size = 0;
    switch (c) {
    case 's': {
        const char *s = va_arg(*args, const char *);
        if (s == NULL)
            s = "(null)";
        ri_sbuf_add(sb, s, strlen(s));
        return;
    }
    case 'c':
        ri_sbuf_add_char(sb, (char)va_arg(*args, int));
        return;
    case 'd':
        size = ri_num_print_int(va_arg(*args, int), text);
        break;
    case 'I':
        size = ri_num_print_int(va_arg(*args, lua_Integer), text);
        break;
    case 'f':
        size = ri_num_print_float(va_arg(*args, lua_Number), text);
        break;
    case 'p':
        size = (size_t)snprintf(text, sizeof text, "%p", va_arg(*args, void *));
        break;
    case 'U':
        add_utf8(sb, va_arg(*args, unsigned long));
        return;
    case '%':
        text[size++] = '%';
        break;
    default:
        ri_error_no_position(T, "invalid conversion '%%%c' to 'lua_pushfstring'", c);
    }
    ri_sbuf_add(sb, text, size);
}

static const char *push_formatted(RiThread *T, const char *format, va_list *args)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    for (const char *percent; (percent = strchr(format, '%')) != NULL; format = percent + 2) {
        ri_sbuf_add(&sb, format, (size_t)(percent - format));
        add_converted(T, &sb, percent[1], args);
    }
    ri_sbuf_add(&sb, format, strlen(format));
    RiString *s = ri_sbuf_finish(&sb);
    ri_push(T, ri_string_value(s));
    return ri_str_cstr(T->heap, s);
}

const char *lua_pushvfstring(lua_State *T, const char *format, va_list args)
{
    va_list copy;
    va_copy(copy, args);
    const char *text = push_formatted(T, format, &copy);
    va_end(copy);
    return text;
}

const char *lua_pushfstring(lua_State *T, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = push_formatted(T, format, &args);
    va_end(args);
    return text;
}

/* -- Variables --------------------------------------------------------------------------------------------------- */

void lua_setglobal(lua_State *T, const char *name)
{
    RiValue globals = ri_table_get_int(T->process->registry, 2); /* LUA_RIDX_GLOBALS */
    RiValue key = ri_string_value(ri_str_from_cstr(T->heap, name)), value = T->top[-1];
    ri_set_index(T, globals, key, value);
    T->top--;
}

/* -- The auxiliary library --------------------------------------------------------------------------------------- */

void luaL_checkversion_(lua_State *T, lua_Number version, size_t sizes)
{
    if (sizes != LUAL_NUMSIZES)
        ri_error(T, "core and library have incompatible numeric types");
    if (version != LUA_VERSION_NUM)
        ri_error(T, "version mismatch: app./lib. needs Lua %.0f, this is Lua %d", version, LUA_VERSION_NUM);
}

void luaL_setfuncs(lua_State *T, const luaL_Reg *list, int upvalue_count)
{
    if (upvalue_count != 0)
        ri_error_no_position(T, "C functions with upvalues are not there yet");
    RiValue table = T->top[-1];
    for (; list->name != NULL; list++) {
        RiValue function = ri_bool(false);
        if (list->func != NULL) {
            function = (RiValue){.tag = RI_TAG_CFUNC};
            memcpy(&function.p, &list->func, sizeof list->func);
        }
        ri_set_index(T, table, ri_string_value(ri_str_from_cstr(T->heap, list->name)), function);
    }
}
