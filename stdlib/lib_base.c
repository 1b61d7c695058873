/* The basic functions (manual §6.1). pcall and xpcall are the execution layer's; coroutine.* is lib_coroutine.c;
 * `require` belongs to lib_package.c; `next` and the iterator of ipairs lie in vm/exec/intrinsics.c. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/call.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/warn.h"
#include "stdlib/collect.h"
#include "stdlib/libs.h"
#include "vm/ffi/cdata.h"
#include "stdlib/stream.h"
#include "vm/machine/gate.h"

/* -- Types and conversions ------------------------------------------------------------------------------------- */

static int32_t base_type(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (RI_UNLIKELY(nargs == 0))
        ri_arg_check_any(T, args, nargs, 0);
    return ri_return_string(args, ri_stdlib(T)->type_names[ri_type(args[0])]);
}

/* Call the __tostring method of `v`, the dispatch loop's way; the function is resumed with its answer on top. */
static int32_t call_tostring(RiThread *T, RiValue method, RiValue v)
{
    ri_push(T, method);
    ri_push_link(T);
    ri_push(T, v);
    return ri_lib_call_no_yield(T, 1, 1);
}

static RiString *tostring_answer(RiThread *T)
{
    RiString *s = ri_to_string_raw(T, T->top[-1]);
    if (s == NULL)
        ri_error(T, "'__tostring' must return a string");
    return s;
}

static int32_t base_tostring(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *s;
    if (nargs == 0)
        ri_arg_check_any(T, args, nargs, 0);
    bool is_plain = ri_is_nil(ri_metafield(T, args[0], RI_MM_TOSTRING));
    switch (is_plain ? args[0].tag : RI_TAG_NIL) {
    case RI_TAG_INT:
        s = ri_str_from_int(T->heap, args[0].i);
        break;
    case RI_TAG_FLOAT:
        s = ri_str_from_float(T->heap, args[0].n);
        break;
    case RI_TAG_STRING:
        s = args[0].p;
        break;
    default: {
        RiValue method = ri_metafield(T, args[0], RI_MM_TOSTRING);
        if (!ri_is_nil(method))
            return call_tostring(T, method, args[0]);
        s = ri_tostring(T, args[0]);
        break;
    }
    }
    return ri_return_string(T->base, s);
}

static int32_t base_tostring_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    return ri_return_string(args, tostring_answer(T));
}

static int digit_value(unsigned char c)
{
    return isdigit(c) ? c - '0' : toupper(c) - 'A' + 10;
}

/* A whole string as an integer in the given base; wraps around. */
static bool parse_in_base(const char *text, size_t size, unsigned number_base, int64_t *out)
{
    static const char spaces[] = " \f\n\r\t\v";
    const char *at = text, *end = text + size;
    uint64_t n = 0;
    bool negative = false;
    at += strspn(at, spaces);
    if (*at == '-' || *at == '+')
        negative = *at++ == '-';
    if (!isalnum((unsigned char)*at))
        return false;
    for (; isalnum((unsigned char)*at); at++) {
        unsigned digit = (unsigned)digit_value((unsigned char)*at);
        if (digit >= number_base)
            return false;
        n = n * number_base + digit;
    }
    at += strspn(at, spaces);
    *out = (int64_t)(negative ? 0 - n : n);
    return at == end;
}

static int32_t base_tonumber(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t i;
    double n;
    if (ri_arg_is_none_or_nil(args, nargs, 1)) {
        ri_arg_check_any(T, args, nargs, 0);
        if (ri_is_number(args[0]))
            return ri_return1(args, args[0]);
        if (ri_is_cdata(args[0]))
            return ri_return1(T->base, ri_ffi_to_lua_number(T, args[0]));
        if (!ri_is_string(args[0]))
            return ri_return_nil(args);
        const RiString *s = args[0].p;
        switch (ri_num_parse(ri_str_data(s), s->size, &i, &n)) {
        case RI_NUM_INT:
            return ri_return_int(args, i);
        case RI_NUM_FLOAT:
            return ri_return_float(args, n);
        default:
            return ri_return_nil(args);
        }
    }
    int64_t number_base = ri_arg_int(T, args, nargs, 1);
    if (!ri_is_string(args[0])) /* numbers are not taken as strings here */
        ri_arg_type_error(T, args, nargs, 0, "string");
    RI_ARG_CHECK(T, 2 <= number_base && number_base <= 36, 1, "base out of range");
    RiString *s = args[0].p;
    if (parse_in_base(ri_str_cstr(T->heap, s), s->size, (unsigned)number_base, &i))
        return ri_return_int(args, i);
    return ri_return_nil(args);
}

/* -- Errors ---------------------------------------------------------------------------------------------------- */

static int32_t throw_with_position(RiThread *T, RiValue error, int level)
{
    if (ri_is_string(error) && level > 0) {
        RiString *where = ri_where(T, level);
        if (where->size > 0)
            error = ri_string_value(ri_str_concat2(T->heap, where, error.p));
    }
    ri_throw(T, error);
}

static int32_t base_error(RiThread *T, RiValue *args, uint32_t nargs)
{
    return throw_with_position(T, ri_arg(args, nargs, 0), (int)ri_arg_opt_int(T, args, nargs, 1, 1));
}

static int32_t base_assert(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (RI_LIKELY(nargs > 0 && !ri_is_falsy(args[0]))) {
        if (nargs == 1)
            return ri_return1(args, args[0]);
        return ri_return_top(T, nargs);
    }
    ri_arg_check_any(T, args, nargs, 0);
    RiValue message = nargs > 1 ? args[1] : ri_string_value(ri_str_from_cstr(T->heap, "assertion failed!"));
    return throw_with_position(T, message, 1);
}

static int32_t base_warn(RiThread *T, RiValue *args, uint32_t nargs)
{
    /* All arguments are checked first: an error must not leave half a warning. */
    ri_arg_str(T, args, nargs, 0);
    for (uint32_t i = 1; i < nargs; i++)
        ri_arg_str(T, args, nargs, i);
    for (uint32_t i = 0; i < nargs; i++)
        ri_warn(T->process, ri_str_cstr(T->heap, T->base[i].p), i + 1 < nargs);
    return 0;
}

/* -- Tables without metamethods -------------------------------------------------------------------------------- */

static int32_t base_rawequal(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    ri_arg_check_any(T, args, nargs, 1);
    return ri_return_bool(args, ri_raw_equal(args[0], args[1]));
}

static int32_t base_rawlen(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue v = ri_arg(args, nargs, 0);
    if (ri_is_table(v))
        return ri_return_int(args, ri_table_length(v.p));
    if (ri_is_string(v))
        return ri_return_int(args, (int64_t)((RiString *)v.p)->size);
    ri_arg_type_error(T, args, nargs, 0, "table or string");
}

static int32_t base_rawget(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = ri_arg_table(T, args, nargs, 0);
    ri_arg_check_any(T, args, nargs, 1);
    return ri_return1(args, ri_table_get(t, args[1]));
}

static int32_t base_rawset(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = ri_arg_table(T, args, nargs, 0);
    ri_arg_check_any(T, args, nargs, 1);
    ri_arg_check_any(T, args, nargs, 2);
    switch (ri_table_set(T->heap, t, args[1], args[2])) {
    case RI_KEY_NIL:
        ri_error_no_position(T, "table index is nil");
    case RI_KEY_NAN:
        ri_error_no_position(T, "table index is NaN");
    default:
        return ri_return1(args, args[0]);
    }
}

/* -- Metatables ------------------------------------------------------------------------------------------------ */

static int32_t base_getmetatable(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    RiTable *meta = ri_value_meta(T->process, args[0]);
    if (meta == NULL)
        return ri_return_nil(args);
    RiValue shown = ri_meta_get(T->heap, meta, RI_MM_METATABLE);
    return ri_return1(args, ri_is_nil(shown) ? ri_table_value(meta) : shown);
}

static int32_t base_setmetatable(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = ri_arg_table(T, args, nargs, 0);
    if (nargs < 2 || !(ri_is_table(args[1]) || ri_is_nil(args[1])))
        ri_arg_type_error(T, args, nargs, 1, "nil or table");
    if (RI_UNLIKELY(t->meta != NULL && !ri_is_nil(ri_meta_get(T->heap, t->meta, RI_MM_METATABLE))))
        ri_error(T, "cannot change a protected metatable");
    ri_value_set_meta(T, args[0], ri_is_nil(args[1]) ? NULL : args[1].p);
    return ri_return1(args, args[0]);
}

/* -- Iteration and arguments ----------------------------------------------------------------------------------- */

static int32_t base_pairs(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    RiValue object = args[0];
    RiTable *meta = ri_value_meta(T->process, object);
    RiValue method = ri_meta_get(T->heap, meta, RI_MM_PAIRS);
    if (RI_LIKELY(ri_is_nil(method)))
        return ri_return3(args, ri_libfn_value(&ri_libfn_next), object, ri_nil());
    ri_push(T, method);
    ri_push_link(T);
    ri_push(T, object);
    return ri_lib_call(T, 1, 3);
}

static int32_t base_pairs_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return ri_return_top(T, 3);
}

static int32_t base_ipairs(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    return ri_return3(args, ri_libfn_value(&ri_libfn_ipairs_iterator), args[0], ri_int(0));
}

static int32_t base_select(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0 && ri_is_string(args[0]) && *ri_str_data(args[0].p) == '#')
        return ri_return_int(args, (int64_t)nargs - 1);
    int64_t index = ri_arg_int(T, args, nargs, 0);
    if (index < 0)
        index = (int64_t)nargs + index;
    else if (index > (int64_t)nargs)
        index = nargs;
    RI_ARG_CHECK(T, index >= 1, 0, "index out of range");
    return ri_return_top(T, nargs - (uint32_t)index);
}

/* -- Output ---------------------------------------------------------------------------------------------------- */

#define PRINT_POLL_MASK 255
#define PRINT_RESUMABLE_MAX ((uint32_t)1 << 17) /* arguments from there on have no number that fits in a step */

/* Write one argument's text. */
static void print_text(RiThread *T, uint32_t i, const char *text, size_t size)
{
    if (i > 0)
        ri_stream_write(T, ri_stream_standard(T, 1), "\t", 1);
    ri_stream_write(T, ri_stream_standard(T, 1), text, size);
}

/* Go on with argument i. The step kept with the frame: twice its number, plus 1 where __tostring has been called. */
static int32_t print_from(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    for (; i < nargs; i++) {
        char number[RI_NUM_TEXT_MAX + 1];
        size_t size;
        RiValue v = args[i];
        number[0] = '\t';
        if (ri_is_int(v)) {
            size = ri_num_print_int(v.i, number + 1);
        } else if (ri_is_float(v)) {
            size = ri_num_print_float(v.n, number + 1);
        } else {
            if (!ri_is_string(v) && i < PRINT_RESUMABLE_MAX) {
                RiValue method = ri_metafield(T, v, RI_MM_TOSTRING);
                if (!ri_is_nil(method)) {
                    ri_lib_set_step(T, i << 1 | 1);
                    return call_tostring(T, method, v);
                }
            }
            const RiString *s = ri_tostring(T, v); /* may run Lua code and move the stack */
            args = T->base;
            print_text(T, i, ri_str_data(s), s->size);
            continue;
        }
        ri_stream_write(T, ri_stream_standard(T, 1), number + (i == 0), size + (i > 0));
        if ((i & PRINT_POLL_MASK) == PRINT_POLL_MASK && i < PRINT_RESUMABLE_MAX && ri_poll_due(T)) {
            ri_lib_set_step(T, (i + 1) << 1);
            return RI_LIB_POLL;
        }
    }
    ri_stream_write(T, ri_stream_standard(T, 1), "\n", 1);
    ri_stream_flush(T, ri_stream_standard(T, 1));
    return 0;
}

/* While the machine has others to run the line is written as a whole, so that it can wait for a slow reader between any two
 * bytes. First all arguments become strings, as above; then one slot is left, the line, and a second one with the count of
 * bytes that have gone. Steps: those of print_from with PRINT_POLITE added; and for the line: */
enum { PRINT_POLITE = 0x40000, PRINT_WRITE = 0xffffe, PRINT_FLUSH = 0xfffff };

static int32_t print_flush(RiThread *T)
{
    if (ri_stream_try_flush(T, ri_stream_standard(T, 1)) == RI_WRITE_WAITS) {
        ri_lib_set_step(T, PRINT_FLUSH);
        return RI_LIB_BLOCK;
    }
    return 0;
}

static int32_t print_line(RiThread *T)
{
    RiString *line = T->base[0].p;
    size_t done = (size_t)T->base[1].i;
    RiWriteStatus status = ri_stream_put(T, ri_stream_standard(T, 1), ri_str_data(line), line->size, &done);
    ri_set_int(&T->base[1], (int64_t)done);
    if (status == RI_WRITE_WAITS) {
        ri_lib_set_step(T, PRINT_WRITE);
        return RI_LIB_BLOCK;
    }
    return print_flush(T);
}

/* All arguments are strings. */
static int32_t print_joined(RiThread *T, uint32_t nargs)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    for (uint32_t i = 0; i < nargs; i++) {
        const RiString *s = T->base[i].p;
        if (i > 0)
            ri_sbuf_add_char(&sb, '\t');
        ri_sbuf_add(&sb, ri_str_data(s), s->size);
    }
    ri_sbuf_add_char(&sb, '\n');
    RiString *line = ri_sbuf_finish(&sb);
    T->top = T->base;
    ri_push(T, ri_string_value(line));
    ri_push(T, ri_int(0));
    return print_line(T);
}

/* Argument i and those behind it become strings; those before it are. */
static int32_t print_politely(RiThread *T, uint32_t nargs, uint32_t i)
{
    for (; i < nargs; i++) {
        RiValue v = T->base[i];
        if (ri_is_string(v))
            continue;
        RiValue method = i < PRINT_RESUMABLE_MAX ? ri_metafield(T, v, RI_MM_TOSTRING) : ri_nil();
        if (!ri_is_nil(method)) {
            ri_lib_set_step(T, PRINT_POLITE | i << 1 | 1);
            return call_tostring(T, method, v);
        }
        RiString *s = ri_tostring(T, v); /* may run Lua code and move the stack */
        ri_store(&T->base[i], ri_string_value(s));
        if ((i & PRINT_POLL_MASK) == PRINT_POLL_MASK && i < PRINT_RESUMABLE_MAX && ri_poll_due(T)) {
            ri_lib_set_step(T, PRINT_POLITE | (i + 1) << 1);
            return RI_LIB_POLL;
        }
    }
    return print_joined(T, nargs);
}

static int32_t base_print(RiThread *T, RiValue *args, uint32_t nargs)
{
    return RI_UNLIKELY(ri_gate_is_busy(T->process->proc)) ? print_politely(T, nargs, 0) : print_from(T, args, nargs, 0);
}

static int32_t base_print_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t step = ri_lib_step(T), i = (step & ~(uint32_t)PRINT_POLITE) >> 1;
    bool is_polite = step & PRINT_POLITE;
    if (step == PRINT_FLUSH)
        return print_flush(T);
    if (step == PRINT_WRITE)
        return print_line(T);
    if (!(step & 1))
        return is_polite ? print_politely(T, nargs, i) : print_from(T, args, nargs, i);
    RiString *s = tostring_answer(T);
    T->top--;
    nargs--;
    if (is_polite) {
        ri_store(&args[i], ri_string_value(s));
        return print_politely(T, nargs, i + 1);
    }
    print_text(T, i, ri_str_data(s), s->size);
    return print_from(T, args, nargs, i + 1);
}

/* -- Loading --------------------------------------------------------------------------------------------------- */

/* The function or message of a load is on top of the stack: return it as load and loadfile do. `env` is an argument
 * index; the value becomes the first upvalue if the argument was given. */
static int32_t return_loaded(RiThread *T, int status, uint32_t nargs, uint32_t env)
{
    RiValue loaded = T->top[-1];
    if (status != RI_OK)
        return ri_return2(T->base, ri_nil(), loaded);
    RiClosure *closure = loaded.p;
    if (env < nargs && closure->object.aux > 0)
        ri_copy(&closure->upvals[0]->value, &T->base[env]);
    return ri_return1(T->base, loaded);
}

static const char *optional_text(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *fallback)
{
    return ri_arg_is_none_or_nil(args, nargs, i) ? fallback : ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
}

/* Load what T->base[0], a string, holds. */
static int32_t load_text(RiThread *T, uint32_t nargs)
{
    RiValue *args = T->base;
    RiString *text = args[0].p;
    const char *mode = optional_text(T, args, nargs, 2, "bt");
    const char *chunkname = optional_text(T, args, nargs, 1, NULL);
    if (chunkname == NULL)
        chunkname = ri_str_cstr(T->heap, text);
    int status = (int)ri_load(T, ri_str_cstr(T->heap, text), text->size, chunkname, mode);
    return return_loaded(T, status, nargs, 3);
}

/* The pieces of a chunk, as a reader gives them. The block lies in the slot after the arguments. */
typedef struct LoadState {
    RiObject object; /* RI_TAG_BLOCK */
    uint32_t nargs;
    RiSbuf sb;
} LoadState;

enum { LOAD_STATE = 4, LOAD_SLOTS }; /* after reader, name, mode, environment */

static int32_t load_call_reader(RiThread *T)
{
    T->top = T->base + LOAD_SLOTS;
    ri_push(T, T->base[0]);
    ri_push_link(T);
    ri_lib_catch(T);
    return ri_lib_call_no_yield(T, 0, 1);
}

static int32_t base_load(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *text = ri_to_string_raw(T, ri_arg(args, nargs, 0));
    if (text != NULL) {
        ri_set_string(&args[0], text); /* kept alive there, also if it was a number */
        return load_text(T, nargs);
    }
    optional_text(T, args, nargs, 2, NULL);
    if (ri_arg_is_none_or_nil(args, nargs, 1)) {
        RiString *name = ri_str_from_cstr(T->heap, "=(load)");
        if (nargs > 1)
            ri_set_string(&args[1], name);
    } else {
        ri_arg_str(T, args, nargs, 1);
    }
    ri_arg_check_function(T, args, nargs, 0);
    LoadState *state = ri_heap_alloc_block(T->heap, sizeof *state);
    ri_block_describe(state, offsetof(LoadState, sb.inline_bytes), false);
    state->nargs = nargs;
    ri_sbuf_init(&state->sb, T->heap);
    for (uint32_t i = nargs; i < LOAD_STATE; i++)
        ri_set_nil(&args[i]);
    if (nargs == 1)
        ri_set_string(&args[1], ri_str_from_cstr(T->heap, "=(load)"));
    ri_set_object(&args[LOAD_STATE], state, RI_TAG_BLOCK);
    return load_call_reader(T);
}

/* The reader has returned. What it raises is caught in this frame and becomes load's result. */
static int32_t base_load_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    LoadState *state = args[LOAD_STATE].p;
    RiValue piece = args[nargs - 1];
    if (!ri_is_nil(piece) && !ri_is_string(piece) && !ri_is_number(piece))
        ri_error(T, "reader function must return a string");
    const RiString *text = ri_is_nil(piece) ? T->heap->empty : ri_to_string_raw(T, piece);
    if (text->size > 0) {
        ri_sbuf_add_str(&state->sb, text);
        return load_call_reader(T);
    }
    ri_lib_set_step(T, 0);
    RiString *all = ri_sbuf_finish(&state->sb);
    ri_set_string(&args[0], all);
    T->top = args + LOAD_SLOTS;
    return load_text(T, state->nargs > 1 ? state->nargs : 2);
}

static int32_t base_loadfile(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = optional_text(T, args, nargs, 0, NULL);
    const char *mode = optional_text(T, args, nargs, 1, NULL);
    int status;
    if (ri_load_in_frame(T, nargs, path, mode, &status) == RI_LIB_BLOCK)
        return RI_LIB_BLOCK;
    return return_loaded(T, status, nargs, 2);
}

static int32_t base_loadfile_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return base_loadfile(T, args, nargs - RI_LOADING_SLOTS);
}

static int32_t base_dofile(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = optional_text(T, args, nargs, 0, NULL);
    int status;
    if (ri_load_in_frame(T, nargs, path, NULL, &status) == RI_LIB_BLOCK)
        return RI_LIB_BLOCK;
    if (status != RI_OK)
        ri_throw(T, T->top[-1]);
    ri_lib_set_step(T, nargs); /* what lies above is the chunk's results */
    ri_push_link(T);
    return ri_lib_call(T, 0, -1);
}

static int32_t base_dofile_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (ri_is_loading(T))
        return base_dofile(T, args, nargs - RI_LOADING_SLOTS);
    return ri_return_top(T, nargs - ri_lib_step(T));
}

/* -- Garbage collection ---------------------------------------------------------------------------------------- */

static int32_t set_gc_mode(RiThread *T, bool generational)
{
    const char *previous = ri_gc_set_generational(T, generational) ? "generational" : "incremental";
    return ri_return_string(T->base, ri_str_from_cstr(T->heap, previous));
}

static int32_t base_collectgarbage(RiThread *T, RiValue *args, uint32_t nargs)
{
    enum { STOP, RESTART, COLLECT, COUNT, STEP, SETPAUSE, SETSTEPMUL, ISRUNNING, GENERATIONAL, INCREMENTAL };
    static const char *const options[] = {"stop",     "restart",    "collect",   "count",        "step",
                                          "setpause", "setstepmul", "isrunning", "generational", "incremental",
                                          NULL};
    int option = ri_arg_option(T, args, nargs, 0, "collect", options);
    if (T->process->in_finalizer) /* no collection, nor a look at it */
        return ri_return_nil(args);
    switch (option) {
    case STOP:
    case RESTART:
        T->heap->stopped = option == STOP;
        return ri_return_int(args, 0);
    case COLLECT:
        ri_gc_collect(T);
        return ri_return_int(T->base, 0);
    case COUNT:
        return ri_return_float(args, (double)ri_heap_count_bytes(T->heap) / 1024.0);
    case STEP: {
        bool done = ri_gc_step(T, ri_arg_opt_int(T, args, nargs, 1, 0));
        return ri_return_bool(T->base, done);
    }
    case SETPAUSE:
        return ri_return_int(args, ri_gc_set_pause(T, ri_arg_opt_int(T, args, nargs, 1, 0)));
    case SETSTEPMUL:
        return ri_return_int(args, ri_gc_set_step_multiplier(T, ri_arg_opt_int(T, args, nargs, 1, 0)));
    case ISRUNNING:
        return ri_return_bool(args, !T->heap->stopped);
    case GENERATIONAL:
        ri_arg_opt_int(T, args, nargs, 1, 0);
        ri_arg_opt_int(T, args, nargs, 2, 0);
        return set_gc_mode(T, true);
    default: {
        int64_t pause = ri_arg_opt_int(T, args, nargs, 1, 0);
        int64_t step_multiplier = ri_arg_opt_int(T, args, nargs, 2, 0);
        ri_arg_opt_int(T, args, nargs, 3, 0);
        if (pause != 0)
            ri_gc_set_pause(T, pause);
        if (step_multiplier != 0)
            ri_gc_set_step_multiplier(T, step_multiplier);
        return set_gc_mode(T, false);
    }
    }
}

/* -- Table of functions ---------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN_INTRINSIC(ASSERT, base_assert, "assert", "assert(v [, message])",
                    "Its arguments, if `v` is true; else the error `message` (\"assertion failed!\")."),
    RI_FN(base_collectgarbage, "collectgarbage", "collectgarbage([option [, arg]])",
          "Control the collector: \"collect\", \"count\" (KB in use), \"step\", \"stop\", \"restart\", …"),
    RI_FN_RESUMABLE(base_dofile, base_dofile_resume, "dofile", "dofile([filename])",
                    "Run the chunk in a file (or standard input) and return its results."),
    RI_FN(base_error, "error", "error(message [, level])",
          "Raise an error. The position of the function at `level` (1: the caller) is put before a string."),
    RI_FN_INTRINSIC(GETMETATABLE, base_getmetatable, "getmetatable", "getmetatable(object)",
                    "The metatable of a value or what its __metatable field says; nil if it has none."),
    RI_FN_INTRINSIC(IPAIRS, base_ipairs, "ipairs", "ipairs(t)",
                    "For a loop over t[1], t[2], … up to the first nil: for i, v in ipairs(t) do … end."),
    {.name = "load", .usage = "load(chunk [, chunkname [, mode [, env]]])",
     .doc = "Compile a chunk, given as a string or a function that returns its pieces; nil and a message if it fails.",
     .call = base_load, .resume = base_load_resume, .flags = RI_LIBFN_CATCHES | RI_LIBFN_CATCHES_AS_NIL},
    RI_FN_RESUMABLE(base_loadfile, base_loadfile_resume, "loadfile", "loadfile([filename [, mode [, env]]])",
          "Compile the chunk in a file (or standard input), as load does."),
    {.name = "pairs", .usage = "pairs(t)",
     .doc = "For a loop over all keys and values: for k, v in pairs(t) do … end. Calls __pairs, if there is one.",
     .call = base_pairs, .resume = base_pairs_resume, .intrinsic = RI_INTRINSIC_PAIRS},
    {.name = "pcall", .usage = "pcall(f [, …])",
     .doc = "Call a function and catch errors: true and its results, or false and the error.",
     .call = ri_lib_pcall, .resume = ri_lib_pcall_resume, .flags = RI_LIBFN_CATCHES},
    RI_FN_RESUMABLE(base_print, base_print_resume, "print", "print(…)",
                    "Write the arguments as tostring shows them, with tabs between, and a newline."),
    RI_FN_INTRINSIC(RAWEQUAL, base_rawequal, "rawequal", "rawequal(a, b)", "a == b without metamethods."),
    RI_FN_INTRINSIC(RAWGET, base_rawget, "rawget", "rawget(table, key)", "table[key] without metamethods."),
    RI_FN_INTRINSIC(RAWLEN, base_rawlen, "rawlen", "rawlen(v)", "#v of a table or string without metamethods."),
    RI_FN_INTRINSIC(RAWSET, base_rawset, "rawset", "rawset(table, key, value)",
                    "table[key] = value without metamethods; returns the table."),
    RI_FN_INTRINSIC(SELECT, base_select, "select", "select(n, …)",
                    "The arguments after the n-th (from the end if negative), or with \"#\" how many there are."),
    RI_FN_INTRINSIC(SETMETATABLE, base_setmetatable, "setmetatable", "setmetatable(table, metatable)",
                    "Give a table a metatable (nil: take it away); returns the table."),
    RI_FN_INTRINSIC(TONUMBER, base_tonumber, "tonumber", "tonumber(v [, base])",
                    "A number, or a string that reads as one (an integer in `base`), as a number; else nil."),
    {.name = "tostring", .usage = "tostring(v)", .doc = "Any value as readable text; calls __tostring, uses __name.",
     .call = base_tostring, .resume = base_tostring_resume, .intrinsic = RI_INTRINSIC_TOSTRING},
    RI_FN_INTRINSIC(TYPE, base_type, "type", "type(v)", "The name of the value's type: \"nil\", \"number\", \"table\", …"),
    RI_FN(base_warn, "warn", "warn(message, …)",
          "Show a warning made of all arguments. \"@on\" and \"@off\" switch warnings."),
    {.name = "xpcall", .usage = "xpcall(f, handler [, …])",
     .doc = "As pcall, but errors go through `handler`, which is called where they happen.",
     .call = ri_lib_xpcall, .resume = ri_lib_xpcall_resume, .flags = RI_LIBFN_CATCHES | RI_LIBFN_HANDLER},
};

static void open_base(RiThread *T, RiTable *library)
{
    RiHeap *heap = T->heap;
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "next"), ri_libfn_value(&ri_libfn_next));
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "_G"), ri_table_value(library));
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "_VERSION"),
                     ri_string_value(ri_str_from_cstr(heap, "Lua 5.4")));
}

const RiLibrary ri_lib_base = {"_G", functions, RI_COUNTOF(functions), open_base};
