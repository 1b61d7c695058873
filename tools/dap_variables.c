/* Frames, scopes, variables and expressions of the Debug Adapter Protocol: dap.h. */
#include "tools/debugger.h"

#ifdef HAVE_JANSSON

#include <stdlib.h>
#include <string.h>

#include "tools/dap.h"
#include "vm/exec/traceback.h"

#define VARIABLES_MAX 10000 /* in one response */

/* -- References ---------------------------------------------------------------------------------------------------- */

void ri_dap_forget(Dap *dap)
{
    if (dap->refs != NULL)
        memset(dap->refs, 0, dap->ref_count * sizeof *dap->refs);
    if (dap->frames != NULL)
        memset(dap->frames, 0, dap->frame_count * sizeof *dap->frames);
    dap->ref_count = dap->frame_count = 0;
}

/* 1 + index; 0: there are too many, or there is no memory. */
static int add_ref(Dap *dap, DapRef **items, uint32_t *count, uint32_t *capacity, DapRef ref)
{
    if (*count == DAP_REFS_MAX)
        return 0;
    if (*count == *capacity) {
        uint32_t wanted = *capacity * 2 + 64;
        DapRef *moved = calloc(wanted, sizeof *moved);
        if (moved == NULL)
            return 0;
        if (*items != NULL) {
            memcpy(moved, *items, *count * sizeof *moved);
            ri_heap_remove_root(dap->debug.heap, *items, *capacity * sizeof *moved);
            free(*items);
        }
        *items = moved;
        *capacity = wanted;
        ri_heap_add_root(dap->debug.heap, moved, wanted * sizeof *moved);
    }
    (*items)[(*count)++] = ref;
    return (int)*count;
}

int ri_dap_add_frame(Dap *dap, RiThread *thread, int level)
{
    DapRef ref = {.thread = thread, .level = level};
    for (uint32_t i = 0; i < dap->frame_count; i++) {
        if (dap->frames[i].thread == thread && dap->frames[i].level == level)
            return (int)i + 1;
    }
    return add_ref(dap, &dap->frames, &dap->frame_count, &dap->frame_capacity, ref);
}

bool ri_dap_frame(const Dap *dap, json_int_t id, RiThread **thread, int *level)
{
    if (id < 1 || id > dap->frame_count)
        return false;
    *thread = dap->frames[id - 1].thread;
    *level = dap->frames[id - 1].level;
    return true;
}

static int new_ref(Dap *dap, DapRefKind kind, RiThread *thread, int level, RiValue value)
{
    DapRef ref = {.value = value, .thread = thread, .level = level, .kind = kind};
    return add_ref(dap, &dap->refs, &dap->ref_count, &dap->ref_capacity, ref);
}

/* -- Values -------------------------------------------------------------------------------------------------------- */

static json_t *json_of_text(char *text)
{
    json_t *json = text != NULL ? json_string(text) : NULL;
    for (char *at = text; json == NULL && at != NULL && *at != '\0'; at++)
        *at = (unsigned char)*at < 128 ? *at : '?';
    if (json == NULL)
        json = json_string(text != NULL ? text : "");
    free(text);
    return json;
}

/* What there is to open in a value: the elements of a table, the upvalues of a function, a metatable. */
static bool has_children(const RiThread *T, RiValue v)
{
    uint64_t position = 0;
    RiValue key, value;
    if (ri_is_table(v))
        return ri_table_next_at(v.p, &position, &key, &value) || ((const RiTable *)v.cp)->meta != NULL;
    if (v.tag == RI_TAG_CLOSURE)
        return ri_upvalue_count(v) > 0;
    return v.tag == RI_TAG_USERDATA && ri_value_meta(T->process, v) != NULL;
}

/* {value, type, variablesReference …}; `thread`, `level`: where expressions about it are evaluated. */
static json_t *describe_value(Dap *dap, RiThread *thread, int level, RiValue v, const char *value_key)
{
    json_t *json = json_object();
    json_object_set_new(json, value_key, json_of_text(ri_scope_text(dap->T, v, 1)));
    json_object_set_new(json, "type", json_string(ri_type_names[ri_type(v)]));
    int ref = has_children(dap->T, v) ? new_ref(dap, DAP_VALUE, thread, level, v) : 0;
    json_object_set_new(json, "variablesReference", json_integer(ref));
    if (ri_is_table(v)) {
        int64_t length = ri_table_length(v.p);
        if (length > 100)
            json_object_set_new(json, "indexedVariables", json_integer(length));
        if (length > 100)
            json_object_set_new(json, "namedVariables", json_integer(1));
    }
    return json;
}

static json_t *describe_variable(Dap *dap, const DapRef *of, const char *name, RiValue v, const char *evaluate_name)
{
    RiThread *thread = of->thread;
    int level = of->level;
    json_t *json = describe_value(dap, thread, level, v, "value");
    json_object_set_new(json, "name", json_of_text(strdup(name)));
    if (evaluate_name != NULL)
        json_object_set_new(json, "evaluateName", json_string(evaluate_name));
    return json;
}

/* -- Lists of variables ---------------------------------------------------------------------------------------------- */

typedef struct Listing {
    Dap *dap;
    DapRef of;
    json_t *list;
    json_int_t skip, left; /* of what is asked for */
} Listing;

static bool is_wanted(Listing *l)
{
    if (l->skip > 0) {
        l->skip--;
        return false;
    }
    return l->left > 0 && l->left-- > 0;
}

static void add(Listing *l, const char *name, RiValue v, const char *evaluate_name)
{
    if (is_wanted(l))
        json_array_append_new(l->list, describe_variable(l->dap, &l->of, name, v, evaluate_name));
}

static void list_locals(Listing *l)
{
    RiFrame frame;
    const char *name;
    uint32_t slot;
    if (!ri_frame_at(l->of.thread, l->of.level, &frame))
        return;
    const RiProto *proto = ri_function_proto(ri_frame_function(l->of.thread, &frame));
    for (uint32_t n = 1; proto != NULL && frame.pc > 0 && (name = ri_local_name(proto, n, frame.pc - 1, &slot)) != NULL; n++) {
        RiLocal local = ri_find_local(l->of.thread, 1, &frame, n, false);
        if (name[0] != '(' && local.slot != NULL)
            add(l, name, ri_visible_value(*local.slot), name);
    }
    for (int64_t n = 1; proto != NULL && proto->is_vararg; n++) {
        RiLocal local = ri_find_local(l->of.thread, 1, &frame, -n, false);
        char text[40];
        if (local.slot == NULL)
            break;
        snprintf(text, sizeof text, "...[%lld]", (long long)n);
        add(l, text, ri_visible_value(*local.slot), NULL);
    }
}

static void list_upvalues(Listing *l, RiValue function)
{
    const char *name;
    RiValue *slot;
    for (int64_t n = 1; ri_find_upvalue(l->dap->T, function, n, &name, &slot); n++)
        add(l, name, ri_visible_value(*slot), name);
}

static int compare_keys(const void *a, const void *b)
{
    const RiString *x = ((const RiValue *)a)->cp, *y = ((const RiValue *)b)->cp;
    size_t size = x->size < y->size ? x->size : y->size;
    int difference = memcmp(ri_str_data(x), ri_str_data(y), size);
    return difference != 0 ? difference : x->size < y->size ? -1 : x->size > y->size;
}

static void list_named(Listing *l, const RiTable *t, int64_t length)
{
    uint64_t position = 0;
    RiValue key, value;
    size_t count = 0, capacity = 0;
    RiValue *names = NULL; /* strings sorted; the table keeps them alive */
    while (ri_table_next_at(t, &position, &key, &value)) {
        if (ri_is_string(key)) {
            if (count == capacity) {
                capacity = capacity * 2 + 32;
                RiValue *more = realloc(names, capacity * sizeof *names);
                if (more == NULL)
                    break;
                names = more;
            }
            names[count++] = key;
        } else if (!ri_is_int(key) || key.i < 1 || key.i > length) {
            char *text = ri_scope_text(l->dap->T, key, 0), name[300];
            snprintf(name, sizeof name, "[%.290s]", text);
            free(text);
            add(l, name, value, NULL);
        }
    }
    if (count > 0)
        qsort(names, count, sizeof *names, compare_keys);
    for (size_t i = 0; i < count; i++)
        add(l, ri_str_cstr(l->dap->T->heap, names[i].p), ri_table_get(t, names[i]), NULL);
    free(names);
    if (t->meta != NULL)
        add(l, "[metatable]", ri_table_value(t->meta), NULL);
}

static void list_indexed(Listing *l, const RiTable *t, int64_t length)
{
    int64_t i = 1 + l->skip;
    l->skip = 0;
    for (; i <= length && l->left > 0; i++) {
        char name[40];
        snprintf(name, sizeof name, "[%lld]", (long long)i);
        add(l, name, ri_table_get_int(t, i), NULL);
    }
}

static void list_value(Listing *l, RiValue v, const char *filter)
{
    if (v.tag == RI_TAG_CLOSURE) {
        list_upvalues(l, v);
    } else if (!ri_is_table(v)) {
        const RiTable *meta = ri_value_meta(l->dap->T->process, v);
        if (meta != NULL)
            add(l, "[metatable]", ri_table_value((RiTable *)(uintptr_t)meta), NULL);
    } else {
        int64_t length = ri_table_length(v.p);
        if (filter == NULL || strcmp(filter, "indexed") == 0) {
            json_int_t skip = l->skip;
            list_indexed(l, v.p, length);
            l->skip = filter == NULL && skip > length ? skip - length : 0;
        }
        if (filter == NULL || strcmp(filter, "named") == 0)
            list_named(l, v.p, length);
    }
}

void ri_dap_variables(Dap *dap, const json_t *request, const json_t *arguments)
{
    json_int_t ref = json_integer_value(json_object_get(arguments, "variablesReference"));
    json_int_t start = json_integer_value(json_object_get(arguments, "start"));
    json_int_t count = json_integer_value(json_object_get(arguments, "count"));
    if (ref < 1 || ref > dap->ref_count) {
        ri_dap_refuse(&dap->wire, request, "there is nothing behind variablesReference %lld", (long long)ref);
        return;
    }
    Listing l = {.dap = dap, .of = dap->refs[ref - 1], .list = json_array(), .skip = start > 0 ? start : 0,
                 .left = count > 0 && count < VARIABLES_MAX ? count : VARIABLES_MAX};
    RiFrame frame;
    switch (l.of.kind) {
    case DAP_LOCALS:
        list_locals(&l);
        break;
    case DAP_UPVALUES:
        if (ri_frame_at(l.of.thread, l.of.level, &frame))
            list_upvalues(&l, ri_frame_function(l.of.thread, &frame));
        break;
    case DAP_GLOBALS:
    case DAP_VALUE:
        list_value(&l, l.of.value, json_string_value(json_object_get(arguments, "filter")));
        break;
    }
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "variables", l.list));
}

void ri_dap_scopes(Dap *dap, const json_t *request, const json_t *arguments)
{
    RiThread *thread;
    int level;
    RiFrame frame;
    if (!ri_dap_frame(dap, json_integer_value(json_object_get(arguments, "frameId")), &thread, &level) ||
        !ri_frame_at(thread, level, &frame)) {
        ri_dap_refuse(&dap->wire, request, "there is no such frame");
        return;
    }
    json_t *scopes = json_array();
    RiValue function = ri_frame_function(thread, &frame);
    if (frame.is_lua)
        json_array_append_new(scopes, json_pack("{s:s, s:s, s:i, s:b}", "name", "Locals", "presentationHint", "locals",
                                                "variablesReference", new_ref(dap, DAP_LOCALS, thread, level, ri_nil()),
                                                "expensive", 0));
    if (ri_upvalue_count(function) > 0)
        json_array_append_new(scopes, json_pack("{s:s, s:i, s:b}", "name", "Upvalues", "variablesReference",
                                                new_ref(dap, DAP_UPVALUES, thread, level, ri_nil()), "expensive", 0));
    RiValue globals = ri_table_value(thread->process->globals);
    json_array_append_new(scopes, json_pack("{s:s, s:i, s:b}", "name", "Globals", "variablesReference",
                                            new_ref(dap, DAP_GLOBALS, thread, level, globals), "expensive", 1));
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "scopes", scopes));
}

/* -- Expressions ----------------------------------------------------------------------------------------------------- */

/* True: *count values on top of dap->T. Else the request has been refused, unless it is NULL. */
static bool evaluate(Dap *dap, const json_t *request, RiThread *of, int level, const char *text, uint32_t *count)
{
    if (ri_scope_eval(dap->T, of, level, text, count))
        return true;
    RiString *message = ri_to_string_raw(dap->T, dap->T->top[-1]);
    if (request != NULL)
        ri_dap_refuse(&dap->wire, request, "%s", message != NULL ? ri_str_cstr(dap->T->heap, message) : "an error without a message");
    return false;
}

void ri_dap_evaluate(Dap *dap, const json_t *request, const json_t *arguments)
{
    const char *text = json_string_value(json_object_get(arguments, "expression"));
    json_t *id = json_object_get(arguments, "frameId");
    RiThread *of = dap->T;
    int level = -1;
    uint32_t count;
    if (text == NULL) {
        ri_dap_refuse(&dap->wire, request, "evaluate needs an expression");
        return;
    }
    if (id != NULL && !ri_dap_frame(dap, json_integer_value(id), &of, &level)) {
        ri_dap_refuse(&dap->wire, request, "there is no such frame");
        return;
    }
    ptrdiff_t top = dap->T->top - dap->T->stack;
    if (evaluate(dap, request, of, level, text, &count)) {
        RiValue first = count > 0 ? dap->T->top[-(ptrdiff_t)count] : ri_nil();
        json_t *body = describe_value(dap, of, level, first, "result");
        if (count == 0)
            json_object_set_new(body, "result", json_string(""));
        if (count > 1) {
            char *all = NULL;
            size_t size;
            FILE *out = open_memstream(&all, &size);
            for (uint32_t i = 0; out != NULL && i < count; i++) {
                fputs(i > 0 ? "\t" : "", out);
                ri_scope_write(out, dap->T, dap->T->top[(ptrdiff_t)i - (ptrdiff_t)count], 1);
            }
            if (out != NULL)
                fclose(out);
            json_object_set_new(body, "result", json_of_text(all));
        }
        ri_dap_respond(&dap->wire, request, body);
    }
    dap->T->top = dap->T->stack + top;
}

/* The key that a name in a listing stands for. */
static RiValue key_of_name(Dap *dap, const char *name)
{
    uint32_t count;
    if (name[0] != '[')
        return ri_string_value(ri_str_from_cstr(dap->T->heap, name));
    char *text = strndup(name + 1, strlen(name) - 1);
    if (text == NULL)
        return ri_nil();
    if (text[0] != '\0')
        text[strlen(text) - 1] = '\0';
    bool ok = evaluate(dap, NULL, dap->T, -1, text, &count) && count > 0;
    free(text);
    return ok ? dap->T->top[-(ptrdiff_t)count] : ri_nil();
}

static bool assign(Dap *dap, const DapRef *ref, const char *name, RiValue v)
{
    RiFrame frame;
    const char *known;
    RiValue *slot;
    RiValue function = ref->value;
    switch (ref->kind) {
    case DAP_LOCALS:
        return ri_scope_set(ref->thread, ref->level, name, v);
    case DAP_UPVALUES:
        if (!ri_frame_at(ref->thread, ref->level, &frame))
            return false;
        function = ri_frame_function(ref->thread, &frame);
        break;
    default:
        break;
    }
    if (ri_is_table(function)) {
        RiValue key = key_of_name(dap, name);
        if (ri_is_nil(key) || (ri_is_float(key) && key.n != key.n))
            return false;
        return ri_table_set(dap->T->heap, function.p, key, v) == RI_KEY_OK;
    }
    for (int64_t n = 1; ri_find_upvalue(dap->T, function, n, &known, &slot); n++) {
        if (strcmp(known, name) == 0 && ri_may_set_upvalue(function)) {
            ri_store(slot, v);
            return true;
        }
    }
    return false;
}

void ri_dap_set_variable(Dap *dap, const json_t *request, const json_t *arguments)
{
    json_int_t number = json_integer_value(json_object_get(arguments, "variablesReference"));
    const char *name = json_string_value(json_object_get(arguments, "name"));
    const char *text = json_string_value(json_object_get(arguments, "value"));
    uint32_t count;
    if (number < 1 || number > dap->ref_count || name == NULL || text == NULL) {
        ri_dap_refuse(&dap->wire, request, "setVariable needs a variablesReference, a name and a value");
        return;
    }
    DapRef ref = dap->refs[number - 1];
    ptrdiff_t top = dap->T->top - dap->T->stack;
    if (evaluate(dap, request, ref.thread, ref.level, text, &count)) {
        RiValue v = count > 0 ? dap->T->top[-(ptrdiff_t)count] : ri_nil();
        if (assign(dap, &ref, name, v))
            ri_dap_respond(&dap->wire, request, describe_value(dap, ref.thread, ref.level, v, "value"));
        else
            ri_dap_refuse(&dap->wire, request, "'%s' cannot be assigned to", name);
    }
    dap->T->top = dap->T->stack + top;
}

/* -- Completions ----------------------------------------------------------------------------------------------------- */

static void complete(json_t *targets, const char *name, size_t size, const char *prefix, size_t prefix_size, const char *type)
{
    if (size < prefix_size || memcmp(name, prefix, prefix_size) != 0 || json_array_size(targets) >= 500)
        return;
    json_t *label = json_stringn(name, size);
    if (label != NULL)
        json_array_append_new(targets, json_pack("{s:o, s:s}", "label", label, "type", type));
}

static void complete_fields(json_t *targets, RiThread *T, RiValue v, const char *prefix, size_t prefix_size)
{
    for (int depth = 0; depth < 5; depth++) {
        const RiTable *meta = ri_value_meta(T->process, v);
        uint64_t position = 0;
        RiValue key, value;
        while (ri_is_table(v) && ri_table_next_at(v.p, &position, &key, &value)) {
            if (ri_is_string(key))
                complete(targets, ri_str_data(key.p), ((const RiString *)key.p)->size, prefix, prefix_size,
                         ri_type(value) == RI_TYPE_FUNCTION ? "function" : "field");
        }
        if (meta == NULL)
            return;
        v = ri_table_get_str(meta, T->heap->mm_names[RI_MM_INDEX]);
    }
}

static void complete_variables(json_t *targets, Dap *dap, RiThread *of, int level, const char *prefix, size_t size)
{
    RiFrame frame;
    const char *name;
    uint32_t slot;
    RiValue *value;
    if (level < 0 || !ri_frame_at(of, level, &frame))
        return;
    RiValue function = ri_frame_function(of, &frame);
    const RiProto *proto = ri_function_proto(function);
    for (uint32_t n = 1; proto != NULL && frame.pc > 0 && (name = ri_local_name(proto, n, frame.pc - 1, &slot)) != NULL; n++)
        complete(targets, name, strlen(name), prefix, size, "variable");
    for (int64_t n = 1; ri_find_upvalue(dap->T, function, n, &name, &value); n++)
        complete(targets, name, strlen(name), prefix, size, "variable");
}

void ri_dap_completions(Dap *dap, const json_t *request, const json_t *arguments)
{
    const char *text = json_string_value(json_object_get(arguments, "text"));
    json_int_t column = json_integer_value(json_object_get(arguments, "column"));
    RiThread *of = dap->T;
    int level = -1;
    char path[400];
    if (text == NULL || column < 1 || (size_t)column > strlen(text) + 1 || strlen(text) >= sizeof path) {
        ri_dap_refuse(&dap->wire, request, "completions needs a text and a column in it");
        return;
    }
    (void)ri_dap_frame(dap, json_integer_value(json_object_get(arguments, "frameId")), &of, &level);
    size_t end = (size_t)column - 1, begin = end;
    while (begin > 0 && (text[begin - 1] == '_' || text[begin - 1] == '.' || text[begin - 1] == ':' ||
                         (text[begin - 1] >= '0' && text[begin - 1] <= '9') || ((text[begin - 1] | 32) >= 'a' && (text[begin - 1] | 32) <= 'z')))
        begin--;
    snprintf(path, sizeof path, "%.*s", (int)(end - begin), text + begin);
    json_t *targets = json_array();
    char *prefix = path, *part;
    RiValue v = ri_table_value(of->process->globals);
    bool is_first = true;
    while ((part = strpbrk(prefix, ".:")) != NULL) { /* raw all the way: typing must not run code */
        *part = '\0';
        if (!(is_first && level >= 0 && ri_scope_get(of, level, prefix, &v)))
            v = ri_is_table(v) ? ri_table_get(v.p, ri_string_value(ri_str_from_cstr(dap->T->heap, prefix))) : ri_nil();
        prefix = part + 1;
        is_first = false;
    }
    if (is_first)
        complete_variables(targets, dap, of, level, prefix, strlen(prefix));
    complete_fields(targets, dap->T, v, prefix, strlen(prefix));
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "targets", targets));
}

#endif
