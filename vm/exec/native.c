/* What library functions are written with: see native.h. */
#include "vm/exec/native.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/chunk.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/hooks.h"
#include "vm/exec/semantics.h"
#include "vm/exec/traceback.h"

int32_t ri_return_top(RiThread *T, uint32_t count)
{
    RiValue *from = T->top - count, *to = T->base - 2;
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&to[i], &from[i]);
    return (int32_t)count;
}

/* -- Errors ------------------------------------------------------------------------------------------------------ */

/* "chunk:line: " of a Lua frame. */
static RiString *position_of(RiThread *T, const RiFrame *frame)
{
    const RiProto *proto = ((const RiClosure *)ri_frame_function(T, frame).cp)->feedback->proto;
    char id[RI_ID_SIZE], text[RI_ID_SIZE + 32];
    int32_t line = ri_proto_line(proto, frame->pc ? frame->pc - 1 : 0);
    if (proto->source)
        ri_chunk_id(id, ri_str_data(proto->source), proto->source->size);
    else
        strcpy(id, "?");
    int n = snprintf(text, sizeof text, "%s:%d: ", id, (int)line);
    return ri_str_new(T->heap, text, (size_t)n);
}

RiString *ri_where(RiThread *T, int level)
{
    RiFrame frame;
    if (ri_frame_at(T, level, &frame) && frame.is_lua) {
        const RiProto *proto = ((const RiClosure *)ri_frame_function(T, &frame).cp)->feedback->proto;
        if (ri_proto_line(proto, frame.pc ? frame.pc - 1 : 0) > 0)
            return position_of(T, &frame);
    }
    return T->heap->empty;
}

static RiString *format_va(RiThread *T, RiString *prefix, const char *format, va_list args)
{
    char text[2048];
    int n = vsnprintf(text, sizeof text, format, args);
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add_str(&sb, prefix);
    if (n > 0)
        ri_sbuf_add(&sb, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    return ri_sbuf_finish(&sb);
}

void ri_error(RiThread *T, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    RiString *message = format_va(T, ri_where(T, 1), format, args);
    va_end(args);
    ri_throw(T, ri_string_value(message));
}

void ri_error_no_position(RiThread *T, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    RiString *message = format_va(T, T->heap->empty, format, args);
    va_end(args);
    ri_throw(T, ri_string_value(message));
}

void ri_runtime_error(RiThread *T, const char *format, ...)
{
    RiFrame frame;
    RiString *prefix = T->heap->empty;
    if (ri_frame_at(T, 0, &frame) && frame.is_lua)
        prefix = position_of(T, &frame);
    va_list args;
    va_start(args, format);
    RiString *message = format_va(T, prefix, format, args);
    va_end(args);
    ri_throw(T, ri_string_value(message));
}

void ri_arg_error(RiThread *T, uint32_t i, const char *extra)
{
    RiFrame frame;
    const char *kind = NULL, *name = NULL;
    uint32_t number = i + 1;
    if (ri_frame_at(T, 0, &frame))
        kind = ri_frame_name(T, &frame, &name);
    if (!name) {
        RiString *global = T->base != T->stack ? ri_global_function_name(T, T->base[-2]) : NULL;
        name = global ? ri_str_cstr(T->heap, global) : "?";
    }
    if (kind && strcmp(kind, "method") == 0) {
        number--;
        if (number == 0)
            ri_error(T, "calling '%s' on bad self (%s)", name, extra);
    }
    ri_error(T, "bad argument #%u to '%s' (%s)", number, name, extra);
}

void ri_arg_type_error(RiThread *T, const RiValue *args, uint32_t nargs, uint32_t i, const char *expected)
{
    char text[200];
    const char *got;
    if (i >= nargs)
        got = "no value";
    else if (args[i].tag == RI_TAG_LIGHT)
        got = "light userdata";
    else
        got = ri_type_name(T, args[i]);
    snprintf(text, sizeof text, "%s expected, got %s", expected, got);
    ri_arg_error(T, i, text);
}

/* -- Arguments ------------------------------------------------------------------------------------------------------ */

int64_t ri_arg_int_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    int64_t value;
    if (i < nargs && ri_to_int(args[i], &value))
        return value;
    double ignored;
    if (i < nargs && ri_to_float(args[i], &ignored))
        ri_arg_error(T, i, "number has no integer representation");
    ri_arg_type_error(T, args, nargs, i, "number");
}

double ri_arg_float_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    double value;
    if (i < nargs && ri_to_float(args[i], &value))
        return value;
    ri_arg_type_error(T, args, nargs, i, "number");
}

RiString *ri_arg_str_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiString *s = i < nargs ? ri_to_string_raw(T, args[i]) : NULL;
    if (!s)
        ri_arg_type_error(T, args, nargs, i, "string");
    ri_set_string(&args[i], s);
    return s;
}

RiTable *ri_arg_table(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i >= nargs || !ri_is_table(args[i]))
        ri_arg_type_error(T, args, nargs, i, "table");
    return args[i].p;
}

void ri_arg_check_function(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i >= nargs || !ri_is_function(args[i]))
        ri_arg_type_error(T, args, nargs, i, "function");
}

void ri_arg_check_any(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    (void)args;
    if (i >= nargs)
        ri_arg_error(T, i, "value expected");
}

int ri_arg_option(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *fallback, const char *const *list)
{
    const char *name = fallback;
    if (!fallback || !ri_arg_is_none_or_nil(args, nargs, i))
        name = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
    for (int n = 0; list[n]; n++)
        if (strcmp(list[n], name) == 0)
            return n;
    char text[200];
    snprintf(text, sizeof text, "invalid option '%.100s'", name);
    ri_arg_error(T, i, text);
}

RiTable *ri_type_metatable(RiThread *T, const char *type_name)
{
    RiHeap *heap = T->heap;
    RiString *name = ri_str_from_cstr(heap, type_name);
    RiValue found = ri_table_get_str(T->process->registry, name);
    if (ri_is_table(found))
        return found.p;
    RiTable *meta = ri_table_new(heap, 0, 0);
    ri_table_set_str(heap, meta, heap->mm_names[RI_MM_NAME], ri_string_value(name));
    ri_table_set_str(heap, T->process->registry, name, ri_table_value(meta));
    return meta;
}

void *ri_test_udata(RiThread *T, RiValue v, const char *type_name)
{
    if (!ri_is_userdata(v))
        return NULL;
    RiUserdata *u = v.p;
    if (u->type != NULL && strcmp(u->type->name, type_name) != 0)
        return NULL; /* debug.setmetatable makes nothing else of it */
    RiValue meta = ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, type_name));
    return u->meta && ri_is_table(meta) && meta.p == u->meta ? u->data : NULL;
}

void *ri_arg_udata(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *type_name)
{
    void *data = i < nargs ? ri_test_udata(T, args[i], type_name) : NULL;
    if (!data)
        ri_arg_type_error(T, args, nargs, i, type_name);
    return data;
}

/* -- Conversions ---------------------------------------------------------------------------------------------------- */

bool ri_to_int(RiValue v, int64_t *out)
{
    if (ri_is_string(v)) {
        const RiString *s = v.cp;
        double n;
        switch (ri_num_parse(ri_str_data(s), s->size, out, &n)) {
        case RI_NUM_INT: return true;
        case RI_NUM_FLOAT: return ri_num_float_to_int(n, out);
        default: return false;
        }
    }
    return ri_number_to_int(v, out);
}

bool ri_to_float(RiValue v, double *out)
{
    if (ri_is_float(v)) {
        *out = v.n;
        return true;
    }
    if (ri_is_int(v)) {
        *out = (double)v.i;
        return true;
    }
    if (ri_is_string(v)) {
        const RiString *s = v.cp;
        int64_t i;
        switch (ri_num_parse(ri_str_data(s), s->size, &i, out)) {
        case RI_NUM_INT: *out = (double)i; return true;
        case RI_NUM_FLOAT: return true;
        default: return false;
        }
    }
    return false;
}

RiString *ri_to_string_raw(RiThread *T, RiValue v)
{
    if (ri_is_string(v))
        return v.p;
    if (ri_is_int(v))
        return ri_str_from_int(T->heap, v.i);
    if (ri_is_float(v))
        return ri_str_from_float(T->heap, v.n);
    return NULL;
}

const char *ri_type_name(RiThread *T, RiValue v)
{
    RiTable *meta = v.tag == RI_TAG_TABLE || v.tag == RI_TAG_USERDATA ? ri_value_meta(T->process, v) : NULL;
    RiValue name = ri_meta_get(T->heap, meta, RI_MM_NAME);
    if (ri_is_string(name))
        return ri_str_cstr(T->heap, name.p);
    return ri_type_names[ri_type(v)];
}

RiValue ri_metafield(RiThread *T, RiValue v, RiMetamethod event)
{
    return ri_meta_get(T->heap, ri_value_meta(T->process, v), event);
}

/* f(a, b[, c]) through C; the first result. */
static RiValue call_handler(RiThread *T, RiValue f, RiValue a, RiValue b, const RiValue *c)
{
    ri_stack_reserve(T, 6);
    ri_push(T, f);
    ri_push_link(T);
    ri_push(T, a);
    ri_push(T, b);
    if (c)
        ri_push(T, *c);
    ri_call(T, c ? 3 : 2, 1);
    T->top--;
    return *T->top;
}

RiString *ri_tostring(RiThread *T, RiValue v)
{
    if (ri_is_string(v))
        return v.p;
    if (ri_is_number(v))
        return ri_to_string_raw(T, v);
    RiValue h = ri_metafield(T, v, RI_MM_TOSTRING);
    if (!ri_is_nil(h)) {
        ri_stack_reserve(T, 4);
        ri_push(T, h);
        ri_push_link(T);
        ri_push(T, v);
        ri_call(T, 1, 1);
        RiValue s = *--T->top;
        if (ri_is_string(s))
            return s.p;
        if (!ri_is_number(s))
            ri_error(T, "'__tostring' must return a string");
        return ri_to_string_raw(T, s);
    }
    char text[256];
    switch (v.tag) {
    case RI_TAG_NIL: return ri_str_from_cstr(T->heap, "nil");
    case RI_TAG_FALSE: return ri_str_from_cstr(T->heap, "false");
    case RI_TAG_TRUE: return ri_str_from_cstr(T->heap, "true");
    default: break;
    }
    const char *name = ri_type_name(T, v);
    const void *at = v.tag == RI_TAG_USERDATA ? ((const RiUserdata *)v.cp)->data : v.cp;
    int n = snprintf(text, sizeof text, "%.200s: %p", name, at);
    return ri_str_new(T->heap, text, (size_t)n);
}

/* -- Operations ------------------------------------------------------------------------------------------------------ */

RiValue ri_index(RiThread *T, RiValue object, RiValue key)
{
    for (int depth = 0; depth < 2000; depth++) {
        RiValue h;
        if (ri_is_table(object)) {
            RiTable *t = object.p;
            RiValue v = ri_table_get(t, key);
            if (!ri_is_nil(v))
                return v;
            h = ri_meta_get(T->heap, t->meta, RI_MM_INDEX);
            if (ri_is_nil(h))
                return v;
        } else {
            h = ri_metafield(T, object, RI_MM_INDEX);
            if (ri_is_nil(h))
                ri_runtime_error(T, "attempt to index a %s value", ri_type_name(T, object));
        }
        if (ri_is_function(h))
            return call_handler(T, h, object, key, NULL);
        object = h;
    }
    ri_runtime_error(T, "'__index' chain too long; possible loop");
}

void ri_set_index(RiThread *T, RiValue object, RiValue key, RiValue value)
{
    for (int depth = 0; depth < 2000; depth++) {
        RiValue h;
        if (ri_is_table(object)) {
            RiTable *t = object.p;
            h = ri_meta_get(T->heap, t->meta, RI_MM_NEWINDEX);
            if (ri_is_nil(h) || !ri_is_nil(ri_table_get(t, key))) {
                RiKeyStatus status = ri_table_set(T->heap, t, key, value);
                if (status != RI_KEY_OK)
                    ri_runtime_error(T, status == RI_KEY_NIL ? "table index is nil" : "table index is NaN");
                return;
            }
        } else {
            h = ri_metafield(T, object, RI_MM_NEWINDEX);
            if (ri_is_nil(h))
                ri_runtime_error(T, "attempt to index a %s value", ri_type_name(T, object));
        }
        if (ri_is_function(h)) {
            (void)call_handler(T, h, object, key, &value);
            return;
        }
        object = h;
    }
    ri_runtime_error(T, "'__newindex' chain too long; possible loop");
}

RiValue ri_index_int(RiThread *T, RiValue object, int64_t key)
{
    if (ri_is_table(object)) {
        RiValue v = ri_table_get_int(object.p, key);
        if (!ri_is_nil(v) || !((RiTable *)object.p)->meta)
            return v;
    }
    return ri_index(T, object, ri_int(key));
}

void ri_set_index_int(RiThread *T, RiValue object, int64_t key, RiValue value)
{
    if (ri_is_table(object) && !((RiTable *)object.p)->meta)
        ri_table_set_int(T->heap, object.p, key, value);
    else
        ri_set_index(T, object, ri_int(key), value);
}

int64_t ri_length(RiThread *T, RiValue object)
{
    if (ri_is_table(object) && !((RiTable *)object.p)->meta)
        return ri_table_length(object.p);
    if (ri_is_string(object))
        return (int64_t)((RiString *)object.p)->size;
    RiValue h = ri_metafield(T, object, RI_MM_LEN);
    if (ri_is_nil(h)) {
        if (!ri_is_table(object))
            ri_runtime_error(T, "attempt to get length of a %s value", ri_type_name(T, object));
        return ri_table_length(object.p);
    }
    RiValue n = call_handler(T, h, object, object, NULL);
    int64_t length;
    if (!ri_to_int(n, &length))
        ri_error(T, "object length is not an integer");
    return length;
}

bool ri_equal(RiThread *T, RiValue a, RiValue b)
{
    bool has_cdata = a.tag == RI_TAG_CDATA || b.tag == RI_TAG_CDATA;
    bool is_comparable = has_cdata || (a.tag == b.tag && (a.tag == RI_TAG_TABLE || a.tag == RI_TAG_USERDATA));
    if (!is_comparable || (a.tag == b.tag && a.p == b.p))
        return ri_raw_equal(a, b);
    RiValue h = ri_metafield(T, a.tag == RI_TAG_CDATA || !has_cdata ? a : b, RI_MM_EQ);
    if (ri_is_nil(h))
        h = ri_metafield(T, b, RI_MM_EQ);
    return !ri_is_nil(h) && !ri_is_falsy(call_handler(T, h, a, b, NULL));
}

bool ri_less(RiThread *T, RiValue a, RiValue b)
{
    if (ri_is_number(a) && ri_is_number(b))
        return ri_number_less(a, b);
    if (ri_is_string(a) && ri_is_string(b))
        return ri_str_compare(a.p, b.p) < 0;
    RiValue h = ri_metafield(T, a, RI_MM_LT);
    if (ri_is_nil(h))
        h = ri_metafield(T, b, RI_MM_LT);
    if (ri_is_nil(h)) {
        const char *x = ri_type_name(T, a), *y = ri_type_name(T, b);
        if (strcmp(x, y) == 0)
            ri_runtime_error(T, "attempt to compare two %s values", x);
        ri_runtime_error(T, "attempt to compare %s with %s", x, y);
    }
    return !ri_is_falsy(call_handler(T, h, a, b, NULL));
}

/* -- Loading ----------------------------------------------------------------------------------------------------------- */

static RiCallStatus load(RiThread *T, const char *bytes, size_t size, const char *chunkname, const char *mode)
{
    RiHeap *heap = T->heap;
    bool binary = size > 0 && bytes[0] == '\x1b';
    char message[200];
    if (mode && !strchr(mode, binary ? 'b' : 't')) {
        int n = snprintf(message, sizeof message, "attempt to load a %s chunk (mode is '%s')", binary ? "binary" : "text", mode);
        ri_push(T, ri_string_value(ri_str_new(heap, message, (size_t)n)));
        return RI_ERRSYNTAX;
    }
    RiProto *proto;
    if (binary) {
        const char *error;
        char id[RI_ID_SIZE];
        proto = ri_chunk_load(heap, bytes, size, &error, message);
        if (!proto) {
            char text[300];
            if (*chunkname == '@' || *chunkname == '=')
                snprintf(id, sizeof id, "%s", chunkname + 1);
            else
                snprintf(id, sizeof id, "%s", *chunkname == '\x1b' ? "binary string" : chunkname);
            int n = snprintf(text, sizeof text, "%s: bad binary format (%s)", id, error);
            ri_push(T, ri_string_value(ri_str_new(heap, text, (size_t)n)));
            return RI_ERRSYNTAX;
        }
    } else {
        RiString *error = NULL;
        proto = T->process->hooks->compile(heap, bytes, size, chunkname, &error);
        if (!proto) {
            ri_push(T, ri_string_value(error));
            return RI_ERRSYNTAX;
        }
    }
    RiClosure *closure = ri_closure_new(heap, ri_feedback_new(heap, proto), proto->upval_count);
    ri_push(T, ri_object(closure, RI_TAG_CLOSURE));
    for (uint32_t i = 0; i < proto->upval_count; i++)
        closure->upvals[i] = ri_cell_new(heap, i == 0 ? ri_table_value(T->process->globals) : ri_nil());
    return RI_OK;
}

typedef struct Load {
    const char *bytes;
    size_t size;
    const char *chunkname, *mode;
    RiCallStatus status;
} Load;

static void load_protected(RiThread *T, void *argument)
{
    Load *l = argument;
    l->status = load(T, l->bytes, l->size, l->chunkname, l->mode);
}

RiCallStatus ri_load(RiThread *T, const char *bytes, size_t size, const char *chunkname, const char *mode)
{
    Load l = {bytes, size, chunkname, mode, RI_OK};
    RiCallStatus status = ri_try(T, load_protected, &l);
    if (status == RI_OK)
        return l.status;
    ri_push(T, T->error); /* not enough memory */
    return status;
}

RiString *ri_dump(RiThread *T, const RiProto *proto, bool strip)
{
    return ri_chunk_dump(T->heap, proto, strip);
}

/* -- Libraries ----------------------------------------------------------------------------------------------------------- */

void ri_library_fill(RiThread *T, RiTable *table, const RiLibFn *functions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *dot = strrchr(functions[i].name, '.');
        const char *colon = strrchr(functions[i].name, ':');
        const char *last = colon ? colon : dot;
        RiString *key = ri_str_from_cstr(T->heap, last ? last + 1 : functions[i].name);
        ri_table_set_str(T->heap, table, key, (RiValue){.cp = &functions[i], .tag = RI_TAG_LIBFN});
    }
}

RiTable *ri_library_make(RiThread *T, const RiLibrary *library)
{
    RiTable *table = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(table));
    ri_library_fill(T, table, library->functions, library->count);
    if (library->open)
        library->open(T, table);
    T->top--;
    return table;
}

void ri_library_open(RiThread *T, const RiLibrary *library)
{
    RiHeap *heap = T->heap;
    RiProcess *process = T->process;
    bool basic = strcmp(library->name, "_G") == 0;
    RiTable *table = basic ? process->globals : ri_table_new(heap, 0, 0);
    table->flags |= RI_TABLE_LIBRARY;
    ri_push(T, ri_table_value(table));
    ri_library_fill(T, table, library->functions, library->count);
    if (!basic)
        ri_table_set_str(heap, process->globals, ri_str_from_cstr(heap, library->name), ri_table_value(table));
    RiString *loaded_key = ri_str_from_cstr(heap, "_LOADED");
    RiValue loaded = ri_table_get_str(process->registry, loaded_key);
    if (!ri_is_table(loaded)) {
        loaded = ri_table_value(ri_table_new(heap, 0, 0));
        ((RiTable *)loaded.p)->flags |= RI_TABLE_LIBRARY;
        ri_table_set_str(heap, process->registry, loaded_key, loaded);
    }
    ri_table_set_str(heap, loaded.p, ri_str_from_cstr(heap, library->name), ri_table_value(table));
    if (library->open)
        library->open(T, table);
    T->top--;
}
