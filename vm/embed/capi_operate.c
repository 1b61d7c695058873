/* The C API: what Lua's operators do. */
#include "vm/embed/capi.h"

#include "vm/base/num.h"
#include "vm/exec/semantics.h"

/* f(a, b), through C: the first result. */
static RiValue call_binary(RiThread *T, RiValue f, RiValue a, RiValue b)
{
    ri_stack_reserve(T, 5);
    ri_push(T, f);
    ri_push_link(T);
    ri_push(T, a);
    ri_push(T, b);
    ri_call(T, 2, 1);
    T->top--;
    return *T->top;
}

static RiValue binary_handler(RiThread *T, RiMetamethod event, RiValue a, RiValue b)
{
    RiValue h = ri_metafield(T, a, event);
    return ri_is_nil(h) ? ri_metafield(T, b, event) : h;
}

/* -- Arithmetic -------------------------------------------------------------------------------------------------- */

void lua_arith(lua_State *L, int op)
{
    static const uint8_t events[] = {RI_MM_ADD, RI_MM_SUB,  RI_MM_MUL, RI_MM_MOD,  RI_MM_POW, RI_MM_DIV, RI_MM_IDIV,
                                     RI_MM_BAND, RI_MM_BOR, RI_MM_BXOR, RI_MM_SHL, RI_MM_SHR, RI_MM_UNM, RI_MM_BNOT};
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK(op >= 0 && op < (int)RI_COUNTOF(events), "invalid operation");
    RI_API_CHECK_COUNT(T, op == LUA_OPUNM || op == LUA_OPBNOT ? 1 : 2);
    RiMetamethod event = (RiMetamethod)events[op];
    if (op == LUA_OPUNM || op == LUA_OPBNOT) /* the operand counts twice */
        ri_push(T, T->top[-1]);
    RiValue a = T->top[-2], b = T->top[-1], result;
    if (!ri_arith_numbers(event, a, b, &result)) {
        RiValue h = binary_handler(T, event, a, b);
        if (ri_is_nil(h))
            ri_error_arith(T, event, a, b);
        result = call_binary(T, h, a, b);
    }
    T->top--;
    ri_store(&T->top[-1], result);
}

/* -- Comparison -------------------------------------------------------------------------------------------------- */

static bool less_equal(RiThread *T, RiValue a, RiValue b)
{
    if (ri_is_number(a) && ri_is_number(b))
        return ri_number_less_equal(a, b);
    if (ri_is_string(a) && ri_is_string(b))
        return ri_str_compare(a.p, b.p) <= 0;
    RiValue h = binary_handler(T, RI_MM_LE, a, b);
    if (!ri_is_nil(h))
        return !ri_is_falsy(call_binary(T, h, a, b));
    if (!ri_is_nil(binary_handler(T, RI_MM_LT, b, a))) /* as LUA_COMPAT_LT_LE */
        return !ri_less(T, b, a);
    return ri_less(T, a, b); /* says what is wrong */
}

int lua_compare(lua_State *L, int index1, int index2, int op)
{
    RiThread *T = ri_thread_of(L);
    const RiValue *a = ri_capi_at(T, index1), *b = ri_capi_at(T, index2);
    if (a == &ri_capi_none || b == &ri_capi_none)
        return 0;
    RI_API_CHECK(op >= LUA_OPEQ && op <= LUA_OPLE, "invalid operation");
    RiValue x = *a, y = *b;
    switch (op) {
    case LUA_OPEQ:
        return ri_equal(T, x, y);
    case LUA_OPLT:
        return ri_less(T, x, y);
    default:
        return less_equal(T, x, y);
    }
}

/* -- Length and concatenation ------------------------------------------------------------------------------------ */

void lua_len(lua_State *L, int index)
{
    RiThread *T = ri_thread_of(L);
    RiValue v = *ri_capi_at(T, index);
    if (ri_is_string(v)) {
        ri_push(T, ri_int((int64_t)((const RiString *)v.p)->size));
        return;
    }
    RiValue h = ri_metafield(T, v, RI_MM_LEN);
    if (!ri_is_nil(h)) {
        RiValue result = call_binary(T, h, v, v);
        ri_push(T, result);
        return;
    }
    if (!ri_is_table(v))
        ri_runtime_error(T, "attempt to get length of a %s value", ri_type_name(T, v));
    ri_push(T, ri_int(ri_table_length(v.p)));
}

static bool concatenates(RiValue v)
{
    return ri_is_string(v) || ri_is_number(v);
}

static void add_value(RiSbuf *sb, RiValue v)
{
    char text[RI_NUM_TEXT_MAX];
    if (ri_is_string(v))
        ri_sbuf_add_str(sb, v.p);
    else
        ri_sbuf_add(sb, text, ri_is_int(v) ? ri_num_print_int(v.i, text) : ri_num_print_float(v.n, text));
}

/* Join the strings and numbers on top, as many as there are among the `count` topmost values; how many there were. */
static uint32_t join_top(RiThread *T, uint32_t count)
{
    uint32_t n = 0;
    RiSbuf sb;
    while (n < count && concatenates(T->top[-1 - (int32_t)n]))
        n++;
    if (n < 2)
        return n;
    ri_sbuf_init(&sb, T->heap);
    for (uint32_t i = n; i > 0; i--)
        add_value(&sb, T->top[-(int32_t)i]);
    RiString *s = ri_sbuf_finish(&sb);
    T->top -= n - 1;
    ri_set_string(&T->top[-1], s);
    return n;
}

/* Replace the two topmost values by what their __concat makes of them. */
static void concat_by_metamethod(RiThread *T)
{
    RiValue a = T->top[-2], b = T->top[-1];
    RiValue h = binary_handler(T, RI_MM_CONCAT, a, b);
    if (ri_is_nil(h))
        ri_runtime_error(T, "attempt to concatenate a %s value", ri_type_name(T, concatenates(a) ? b : a));
    RiValue result = call_binary(T, h, a, b);
    T->top--;
    ri_store(&T->top[-1], result);
}

void lua_concat(lua_State *L, int n)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, n);
    if (n == 0)
        ri_push(T, ri_string_value(T->heap->empty));
    for (uint32_t left = (uint32_t)n; left > 1;) {
        uint32_t joined = join_top(T, left);
        if (joined >= 2) {
            left -= joined - 1;
        } else {
            concat_by_metamethod(T);
            left--;
        }
    }
    ri_capi_settle(T);
}
