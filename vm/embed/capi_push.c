/* The C API: pushing values, texts with formats among them. */
#include "vm/embed/capi.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"

void lua_pushnil(lua_State *L)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    ri_set_nil(T->top);
    T->top++;
}

void lua_pushnumber(lua_State *L, lua_Number n)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    ri_set_float(T->top, n);
    T->top++;
}

void lua_pushinteger(lua_State *L, lua_Integer i)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    ri_set_int(T->top, i);
    T->top++;
}

void lua_pushboolean(lua_State *L, int b)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    ri_set_bool(T->top, b != 0);
    T->top++;
}

void lua_pushlightuserdata(lua_State *L, void *p)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_ROOM(T);
    ri_set_object(T->top, p, RI_TAG_LIGHT);
    T->top++;
}

int lua_pushthread(lua_State *L)
{
    RiThread *T = ri_thread_of(L);
    ri_push(T, ri_object(T, RI_TAG_THREAD));
    return T == T->process->main;
}

static const char *push_string(RiThread *T, RiString *s)
{
    RI_API_CHECK_ROOM(T);
    ri_push(T, ri_string_value(s));
    const char *bytes = ri_str_is_interned(s) ? s->bytes : ri_str_cstr(T->heap, s);
    ri_capi_settle(T);
    return bytes;
}

const char *lua_pushlstring(lua_State *L, const char *bytes, size_t size)
{
    RiThread *T = ri_thread_of(L);
    return push_string(T, size == 0 ? T->heap->empty : ri_str_new(T->heap, bytes, size));
}

const char *lua_pushstring(lua_State *L, const char *text)
{
    RiThread *T = ri_thread_of(L);
    if (text == NULL) {
        ri_push(T, ri_nil());
        return NULL;
    }
    return push_string(T, ri_capi_name(T, text)); /* most often a literal, as names are */
}

void lua_pushcclosure(lua_State *L, lua_CFunction function, int upvalue_count)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK(upvalue_count >= 0 && upvalue_count <= 255, "invalid number of upvalues");
    RI_API_CHECK_COUNT(T, upvalue_count);
    RI_API_CHECK_ROOM(T);
    RiValue f = {.tag = RI_TAG_CFUNC};
    memcpy(&f.p, &function, sizeof function); /* no cast leads from a function to a data pointer */
    if (upvalue_count == 0) {
        const RiLibFn *row = ri_capi_row_of_thunk(function);
        ri_push(T, row != NULL ? ri_object(row, RI_TAG_LIBFN) : f);
        return;
    }
    RiNative *closure = ri_native_new(T->heap, &ri_capi_function, (uint32_t)upvalue_count + 1);
    T->top -= upvalue_count;
    for (int i = 0; i < upvalue_count; i++)
        ri_copy(&closure->upvals[i], &T->top[i]);
    ri_store(&closure->upvals[upvalue_count], f);
    ri_push(T, ri_object(closure, RI_TAG_NATIVE));
    ri_capi_settle(T);
}

/* -- Formats ----------------------------------------------------------------------------------------------------- */

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
        ri_runtime_error(T, "invalid conversion '%%%c' to 'lua_pushfstring'", c);
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
    return push_string(T, ri_sbuf_finish(&sb));
}

const char *lua_pushvfstring(lua_State *L, const char *format, va_list args)
{
    va_list copy;
    va_copy(copy, args);
    const char *text = push_formatted(ri_thread_of(L), format, &copy);
    va_end(copy);
    return text;
}

const char *lua_pushfstring(lua_State *L, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = push_formatted(ri_thread_of(L), format, &args);
    va_end(args);
    return text;
}
