/* Values, frames, scopes and source lines as debuggers show them: debug_scope.h. */
#include "tools/debug_scope.h"

#include <stdlib.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/native.h"
#include "vm/exec/traceback.h"

#define FIELDS_MAX 10        /* of a table that are written */
#define STRING_BYTES_MAX 200 /* of a string */

/* -- Values -------------------------------------------------------------------------------------------------------- */

static void write_string(FILE *out, const RiString *s)
{
    const char *bytes = ri_str_data(s);
    size_t size = s->size < STRING_BYTES_MAX ? s->size : STRING_BYTES_MAX;
    fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 32 || c == 127)
            fprintf(out, "\\x%02X", c);
        else
            fputc(c, out);
    }
    fputs(size < s->size ? "…\"" : "\"", out);
    if (size < s->size)
        fprintf(out, " (%zu bytes)", s->size);
}

static bool is_name(RiValue key)
{
    if (!ri_is_string(key))
        return false;
    const RiString *s = key.p;
    const char *bytes = ri_str_data(s);
    if (s->size == 0 || s->size > 60 || (bytes[0] >= '0' && bytes[0] <= '9'))
        return false;
    for (size_t i = 0; i < s->size; i++) {
        char c = bytes[i];
        if (!(c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z')))
            return false;
    }
    return true;
}

static void write_table(FILE *out, RiThread *T, const RiTable *t, int depth)
{
    uint64_t position = 0;
    RiValue key, value;
    int64_t next = 1;
    int count = 0;
    if (depth <= 0) {
        uint64_t at = 0;
        fputs(ri_table_next_at(t, &at, &key, &value) ? "{…}" : "{}", out);
        return;
    }
    fputc('{', out);
    while (ri_table_next_at(t, &position, &key, &value)) {
        if (count == FIELDS_MAX) {
            fputs(", …", out);
            break;
        }
        fputs(count++ > 0 ? ", " : "", out);
        if (ri_is_int(key) && key.i == next) {
            next++;
        } else if (is_name(key)) {
            fprintf(out, "%.*s = ", (int)((const RiString *)key.p)->size, ri_str_data(key.p));
        } else {
            fputc('[', out);
            ri_scope_write(out, T, key, 0);
            fputs("] = ", out);
        }
        ri_scope_write(out, T, value, depth - 1);
    }
    fputc('}', out);
}

static void write_function(FILE *out, RiThread *T, RiValue v)
{
    const RiProto *proto = ri_function_proto(v);
    char source[RI_ID_SIZE];
    if (proto != NULL) {
        ri_scope_source_name(proto, source, sizeof source);
        fprintf(out, "function %s:%u", source, proto->line_defined);
    } else if (v.tag == RI_TAG_LIBFN && ((const RiLibFn *)v.cp)->name != NULL) {
        fprintf(out, "builtin %s", ((const RiLibFn *)v.cp)->name);
    } else {
        fprintf(out, "builtin function %p", (void *)T);
    }
}

void ri_scope_write(FILE *out, RiThread *T, RiValue v, int depth)
{
    char number[RI_NUM_TEXT_MAX];
    switch (ri_type(v)) {
    case RI_TYPE_NIL:
        fputs("nil", out);
        break;
    case RI_TYPE_BOOLEAN:
        fputs(ri_is_falsy(v) ? "false" : "true", out);
        break;
    case RI_TYPE_NUMBER:
        fprintf(out, "%.*s", (int)(ri_is_int(v) ? ri_num_print_int(v.i, number) : ri_num_print_float(v.n, number)), number);
        break;
    case RI_TYPE_STRING:
        write_string(out, v.p);
        break;
    case RI_TYPE_TABLE:
        write_table(out, T, v.p, depth);
        break;
    case RI_TYPE_FUNCTION:
        write_function(out, T, v);
        break;
    default:
        fprintf(out, "%s: %p", ri_type_names[ri_type(v)], v.p);
        break;
    }
}

char *ri_scope_text(RiThread *T, RiValue v, int depth)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out != NULL) {
        ri_scope_write(out, T, v, depth);
        fclose(out);
    }
    return text != NULL ? text : strdup("?");
}

/* -- Frames -------------------------------------------------------------------------------------------------------- */

void ri_scope_source_name(const RiProto *proto, char *out, size_t size)
{
    char id[RI_ID_SIZE];
    if (proto->source == NULL) {
        snprintf(out, size, "?");
        return;
    }
    const char *source = ri_str_data(proto->source);
    if (source[0] == '@') {
        snprintf(out, size, "%.*s", (int)(proto->source->size - 1), source + 1);
        return;
    }
    ri_chunk_id(id, source, proto->source->size);
    snprintf(out, size, "%s", id);
}

void ri_scope_function_name(RiThread *of, const RiFrame *frame, char *out, size_t size)
{
    RiValue function = ri_frame_function(of, frame);
    const RiProto *proto = ri_function_proto(function);
    const char *name = NULL;
    if (proto != NULL && proto->line_defined == 0) {
        snprintf(out, size, "main chunk");
        return;
    }
    if (ri_frame_name(of, frame, &name) != NULL && name != NULL)
        snprintf(out, size, "%s", name);
    else if (proto != NULL)
        snprintf(out, size, "function <%u>", proto->line_defined);
    else if (function.tag == RI_TAG_LIBFN && ((const RiLibFn *)function.cp)->name != NULL)
        snprintf(out, size, "%s", ((const RiLibFn *)function.cp)->name);
    else
        snprintf(out, size, "[C]");
}

static bool is_of_program(const RiThread *of, const RiFrame *frame)
{
    RiValue function = ri_frame_function(of, frame);
    return function.tag != RI_TAG_LIBFN || RI_LINK_OF(of->stack + frame->base)->delta != 0 ||
           strcmp(((const RiLibFn *)function.cp)->name, "?") != 0;
}

bool ri_scope_frame_at(RiThread *of, int level, RiFrame *frame)
{
    return ri_frame_at(of, level, frame) && is_of_program(of, frame);
}

bool ri_scope_frame_caller(RiThread *of, RiFrame *frame)
{
    return ri_frame_caller(of, frame) && is_of_program(of, frame);
}

uint32_t ri_scope_frame_count(RiThread *of)
{
    RiFrame frame;
    uint32_t count = 0;
    for (bool more = ri_scope_frame_at(of, 0, &frame); more; more = ri_scope_frame_caller(of, &frame))
        count++;
    return count;
}

/* -- Names --------------------------------------------------------------------------------------------------------- */

static bool frame_with_base(RiThread *of, uint32_t base, RiFrame *frame)
{
    for (bool more = ri_frame_at(of, 0, frame); more; more = ri_frame_caller(of, frame)) {
        if (frame->base == base)
            return true;
    }
    return false;
}

/* The innermost local variable of that name. */
static bool find_local(RiThread *of, const RiFrame *frame, const char *name, bool to_write, RiLocal *found)
{
    const RiProto *proto = ri_function_proto(ri_frame_function(of, frame));
    int64_t last = 0;
    uint32_t slot;
    const char *known;
    if (proto == NULL || frame->pc == 0)
        return false;
    for (uint32_t n = 1; (known = ri_local_name(proto, n, frame->pc - 1, &slot)) != NULL; n++) {
        if (strcmp(known, name) == 0)
            last = n;
    }
    if (last == 0)
        return false;
    *found = ri_find_local(of, 1, frame, last, to_write);
    return found->slot != NULL;
}

static bool find_upvalue(RiThread *of, RiValue function, const char *name, RiValue **slot)
{
    const char *known;
    if (function.tag != RI_TAG_CLOSURE)
        return false;
    for (int64_t n = 1; ri_find_upvalue(of, function, n, &known, slot); n++) {
        if (strcmp(known, name) == 0)
            return true;
    }
    return false;
}

static bool get_variable(RiThread *of, const RiFrame *frame, const char *name, RiValue *v)
{
    RiLocal local;
    RiValue *slot;
    if (find_local(of, frame, name, false, &local)) {
        *v = ri_visible_value(*local.slot);
        return true;
    }
    if (!find_upvalue(of, ri_frame_function(of, frame), name, &slot))
        return false;
    *v = ri_visible_value(*slot);
    return true;
}

static bool set_variable(RiThread *of, const RiFrame *frame, const char *name, RiValue v)
{
    RiLocal local;
    RiValue *slot;
    if (find_local(of, frame, name, true, &local) && local.is_writable) {
        ri_set_local(of, &local, v);
        return true;
    }
    if (!find_upvalue(of, ri_frame_function(of, frame), name, &slot))
        return false;
    ri_store(slot, v);
    return true;
}

bool ri_scope_get(RiThread *of, int level, const char *name, RiValue *v)
{
    RiFrame frame;
    return ri_frame_at(of, level, &frame) && get_variable(of, &frame, name, v);
}

bool ri_scope_set(RiThread *of, int level, const char *name, RiValue v)
{
    RiFrame frame;
    return ri_frame_at(of, level, &frame) && set_variable(of, &frame, name, v);
}

/* -- Expressions: their _ENV is an empty table that looks names up in the frame ------------------------------------------ */

enum { UP_THREAD, UP_BASE, UP_GLOBALS, UP_COUNT }; /* of both functions; UP_THREAD nil: the frame may have gone */

/* The frame, if the evaluation is still under way, and the name. */
static bool is_about_variable(RiThread *T, const RiNative *self, RiValue key, RiThread **of, RiFrame *frame)
{
    (void)T;
    if (self->upvals[UP_THREAD].tag != RI_TAG_THREAD || !ri_is_string(key))
        return false;
    *of = self->upvals[UP_THREAD].p;
    return frame_with_base(*of, (uint32_t)self->upvals[UP_BASE].i, frame);
}

static int32_t scope_index(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiNative *self = ri_self_native(T);
    RiValue key = ri_arg(args, nargs, 1), v;
    RiThread *of;
    RiFrame frame;
    if (is_about_variable(T, self, key, &of, &frame) && get_variable(of, &frame, ri_str_cstr(T->heap, key.p), &v))
        return ri_return1(args, v);
    v = ri_index(T, self->upvals[UP_GLOBALS], key);
    return ri_return1(T->base, v);
}

static int32_t scope_newindex(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiNative *self = ri_self_native(T);
    RiValue key = ri_arg(args, nargs, 1), v = ri_arg(args, nargs, 2);
    RiThread *of;
    RiFrame frame;
    if (is_about_variable(T, self, key, &of, &frame) && set_variable(of, &frame, ri_str_cstr(T->heap, key.p), v))
        return 0;
    ri_set_index(T, self->upvals[UP_GLOBALS], key, v);
    return 0;
}

static const RiLibFn scope_functions[] = {
    RI_FN(scope_index, "scope.__index", "__index(_, name)", "A variable of the frame, or a global."),
    RI_FN(scope_newindex, "scope.__newindex", "__newindex(_, name, value)", "Sets it."),
};

/* Push the table that stands for the scope; its functions are written to natives. */
static void push_scope(RiThread *T, RiThread *of, const RiFrame *frame, RiNative *natives[2])
{
    RiValue globals = ri_table_value((frame != NULL ? of : T)->process->globals), env;
    if (frame != NULL && get_variable(of, frame, "_ENV", &env))
        globals = env;
    ri_push(T, globals);
    RiTable *proxy = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(proxy));
    RiTable *meta = ri_table_new(T->heap, 0, 2);
    ri_push(T, ri_table_value(meta));
    for (int i = 0; i < 2; i++) {
        RiNative *native = natives[i] = ri_native_new(T->heap, &scope_functions[i], UP_COUNT);
        ri_push(T, ri_object(native, RI_TAG_NATIVE));
        if (frame != NULL) {
            ri_store(&native->upvals[UP_THREAD], ri_object(of, RI_TAG_THREAD));
            ri_store(&native->upvals[UP_BASE], ri_int(frame->base));
        }
        ri_store(&native->upvals[UP_GLOBALS], globals);
        ri_table_set_str(T->heap, meta, T->heap->mm_names[i == 0 ? RI_MM_INDEX : RI_MM_NEWINDEX], T->top[-1]);
        T->top--;
    }
    ri_table_set_meta(T->heap, proxy, meta);
    T->top -= 3;
    ri_push(T, ri_table_value(proxy));
}

/* Push the function of the text: as an expression, if it is one. */
static bool load_text(RiThread *T, const char *text)
{
    size_t size = strlen(text) + 16;
    char *expression = malloc(size);
    if (expression == NULL)
        return false;
    snprintf(expression, size, "return %s", text);
    bool ok = ri_load(T, expression, strlen(expression), "=(eval)", "t") == RI_OK;
    free(expression);
    if (ok)
        return true;
    T->top--;
    return ri_load(T, text, strlen(text), "=(eval)", "t") == RI_OK;
}

static uint32_t push_varargs(RiThread *T, RiThread *of, const RiFrame *frame)
{
    uint32_t count = 0;
    for (; frame != NULL && frame->is_lua && count < 200; count++) {
        RiLocal local = ri_find_local(of, 1, frame, -1 - (int64_t)count, false);
        if (local.name == NULL || local.slot == NULL || !ri_stack_try_reserve(T, 8))
            break;
        local = ri_find_local(of, 1, frame, -1 - (int64_t)count, false); /* the stack may have moved */
        ri_push(T, ri_visible_value(*local.slot));
    }
    return count;
}

bool ri_scope_eval(RiThread *T, RiThread *of, int level, const char *text, uint32_t *count)
{
    RiFrame frame;
    const RiFrame *at = level >= 0 && ri_frame_at(of, level, &frame) ? &frame : NULL;
    RiNative *natives[2];
    *count = 0;
    if (!ri_stack_try_reserve(T, 16)) {
        ri_push(T, ri_string_value(T->process->memory_message));
        return false;
    }
    push_scope(T, of, at, natives);
    if (!load_text(T, text)) {
        ri_copy(T->top - 2, T->top - 1);
        T->top--;
        return false;
    }
    RiClosure *closure = T->top[-1].p;
    closure->upvals[0] = ri_cell_new(T->heap, T->top[-2]);
    ri_copy(T->top - 2, T->top - 1); /* the function in the place of its environment, which it keeps alive */
    T->top--;
    ri_push_link(T);
    T->process->interrupt = false;
    RiCallStatus status = ri_pcall(T, push_varargs(T, of, at), -1, ri_nil(), count);
    for (int i = 0; i < 2; i++)
        ri_set_nil(&natives[i]->upvals[UP_THREAD]);
    return status == RI_OK;
}

/* -- Source -------------------------------------------------------------------------------------------------------- */

void ri_source_forget(RiSourceText *s)
{
    free(s->name);
    free(s->text);
    *s = (RiSourceText){0};
}

static void read_file(RiSourceText *s, const char *path)
{
    FILE *file = fopen(path, "rbe");
    FILE *out = file != NULL ? open_memstream(&s->text, &s->size) : NULL;
    char block[4096];
    size_t n;
    while (out != NULL && (n = fread(block, 1, sizeof block, file)) > 0)
        fwrite(block, 1, n, out);
    if (out != NULL)
        fclose(out);
    if (file != NULL)
        fclose(file);
}

const char *ri_source_text(RiSourceText *s, const RiString *source, size_t *size)
{
    if (source == NULL)
        return NULL;
    const char *name = ri_str_data(source);
    if (name[0] != '@') {
        *size = source->size;
        return name[0] == '=' ? NULL : name;
    }
    if (s->name == NULL || strlen(s->name) != source->size || memcmp(s->name, name, source->size) != 0) {
        ri_source_forget(s);
        s->name = strndup(name, source->size);
        if (s->name != NULL)
            read_file(s, s->name + 1);
    }
    *size = s->size;
    return s->text;
}

const char *ri_source_line(RiSourceText *s, const RiString *source, int line, size_t *size)
{
    size_t left;
    const char *at = ri_source_text(s, source, &left);
    if (at == NULL || line < 1)
        return NULL;
    for (; line > 1; line--) {
        const char *end = memchr(at, '\n', left);
        if (end == NULL)
            return NULL;
        left -= (size_t)(end + 1 - at);
        at = end + 1;
    }
    const char *end = memchr(at, '\n', left);
    *size = end != NULL ? (size_t)(end - at) : left;
    if (end == NULL && left == 0)
        return NULL;
    if (*size > 0 && at[*size - 1] == '\r')
        --*size;
    return at;
}
