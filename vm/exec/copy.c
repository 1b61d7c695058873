/* Copying graphs between processes: breadth first over the pairs of a forwarding map, so a list of a million tables
 * takes no more C stack than one.
 *
 * When an object is met its copy is made at once, holding what the original holds, and noted in the map; when its
 * turn comes, what must not be shared is replaced in place. So storage is copied in blocks, and a half-made copy is
 * at any time something the collector can walk. The map keeps originals and copies alive, also those that only weak
 * tables know.
 *
 * What is refused is described by a walk back from the culprit: the copies' parents come before them in the map. */
#include "vm/exec/copy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/planted.h"
#include "vm/exec/call.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/forward.h"
#include "vm/object/shape.h"

typedef struct Copy {
    RiHeap *heap;
    RiProcess *from, *to;
    const char *name; /* of the value as a whole */
    RiValue value, copy;
    RiAccount *sender;
    bool is_receiving; /* the receiver's account is in use */
    bool has_finalizers;
    bool is_done;
    uint64_t string_bytes; /* of the strings met, which are shared */
    uint32_t current; /* the pair that is being worked on; of no meaning for the value itself */
    RiValue culprit;  /* what cannot be copied … */
    const char *why;  /* … and, if not for its type alone, why */
    RiValue library;  /* the name of one that the receiver lacks */
    RiString *refusal;
    RiForward forward;
} Copy;

/* -- Whose memory it is ------------------------------------------------------------------------------------------- */

/* From here on objects are made for the receiver. */
static void begin_receiving(Copy *c)
{
    c->sender = ri_heap_begin_gift(c->heap, &c->to->account);
    c->is_receiving = true;
}

static void end_receiving(Copy *c)
{
    if (c->is_receiving)
        ri_heap_end_gift(c->heap, c->sender);
    c->is_receiving = false;
}

/* -- Objects ------------------------------------------------------------------------------------------------------ */

static bool refuse(Copy *c, RiValue culprit, const char *why)
{
    c->culprit = culprit;
    c->why = why;
    return false;
}

static RiTable *loaded_modules(const RiProcess *process)
{
    RiValue loaded = ri_table_get_str(process->registry, ri_str_from_cstr(process->heap, "_LOADED"));
    return ri_is_table(loaded) ? loaded.p : NULL;
}

/* Find the counterpart of a table that a library was opened into. False: refused; *copy NULL: an ordinary table now. */
static bool find_library(Copy *c, const RiTable *t, RiTable **copy)
{
    RiTable *ours = loaded_modules(c->from), *theirs = loaded_modules(c->to);
    uint64_t position = 0;
    RiValue key, module;
    if (t == ours && theirs != NULL) {
        *copy = theirs;
        return true;
    }
    while (ours != NULL && ri_table_next_at(ours, &position, &key, &module)) {
        if (module.tag != RI_TAG_TABLE || module.cp != t)
            continue;
        RiValue counterpart = theirs != NULL ? ri_table_get(theirs, key) : ri_nil();
        if (!ri_is_table(counterpart)) {
            c->library = key;
            return refuse(c, ri_table_value(t), NULL);
        }
        *copy = counterpart.p;
        return true;
    }
    return true;
}

/* The receiver's counterpart of a table that every process has its own of; NULL if t is none. False: refused. */
static RI_ALWAYS_INLINE bool find_counterpart(Copy *c, const RiTable *t, RiTable **copy)
{
    const RiProcess *from = c->from;
    *copy = NULL;
    if (RI_UNLIKELY(t == from->globals)) {
        *copy = c->to->globals;
        return true;
    }
    if (RI_UNLIKELY(t == from->registry))
        return refuse(c, ri_table_value(t), "the registry cannot be copied");
    if (RI_UNLIKELY(t->flags & RI_TABLE_LIBRARY))
        return find_library(c, t, copy);
    for (int type = 0; type < RI_TYPE_COUNT; type++) {
        if (RI_UNLIKELY(t == from->metatables[type]) && c->to->metatables[type] != NULL)
            *copy = c->to->metatables[type];
    }
    return true;
}

static bool copy_table(Copy *c, const RiTable *t, RiTable **copy)
{
    if (!find_counterpart(c, t, copy))
        return false;
    if (*copy == NULL && (*copy = ri_forward_find(&c->forward, t)) == NULL) {
        *copy = ri_table_duplicate(c->heap, t, false);
        ri_forward_add(&c->forward, t, *copy);
    }
    return true;
}

static RiCell *copy_cell(Copy *c, const RiCell *cell)
{
    RiCell *copy = ri_forward_find(&c->forward, cell);
    if (copy == NULL) {
        copy = ri_cell_new(c->heap, cell->value);
        ri_forward_add(&c->forward, cell, copy);
    }
    return copy;
}

/* The receiver makes its own experience with the code. */
static RiFeedback *copy_feedback(Copy *c, const RiFeedback *feedback)
{
    RiFeedback *copy = ri_forward_find(&c->forward, feedback);
    if (copy == NULL) {
        copy = ri_feedback_new(c->heap, feedback->proto);
        ri_forward_add(&c->forward, feedback, copy);
    }
    return copy;
}

static RiClosure *copy_closure(Copy *c, const RiClosure *closure)
{
    RiClosure *copy = ri_forward_find(&c->forward, closure);
    if (copy == NULL) {
        copy = ri_closure_new(c->heap, closure->feedback, closure->object.aux);
        for (uint32_t i = 0; i < closure->object.aux; i++)
            copy->upvals[i] = closure->upvals[i];
        ri_forward_add(&c->forward, closure, copy);
    }
    return copy;
}

static RiNative *copy_native(Copy *c, const RiNative *native)
{
    RiNative *copy = ri_forward_find(&c->forward, native);
    if (copy == NULL) {
        copy = ri_native_new(c->heap, native->fn, native->object.aux);
        for (uint32_t i = 0; i < native->object.aux; i++)
            ri_copy(&copy->upvals[i], &native->upvals[i]);
        ri_forward_add(&c->forward, native, copy);
    }
    return copy;
}

static bool copy_userdata(Copy *c, const RiUserdata *u, RiUserdata **out)
{
    RiUserdata *copy = ri_forward_find(&c->forward, u);
    if (copy == NULL) {
        const char *why = NULL;
        if (u->type != NULL && u->type->copy != NULL)
            copy = u->type->copy(c->to, u, &why);
        if (copy == NULL)
            return refuse(c, ri_object(u, RI_TAG_USERDATA), why);
        for (uint32_t i = 0; i < u->object.aux && i < copy->object.aux; i++)
            ri_copy(&copy->uservalues[i], &u->uservalues[i]);
        ri_forward_add(&c->forward, u, copy);
    }
    *out = copy;
    return true;
}

/* -- What they refer to ------------------------------------------------------------------------------------------- */

/* *v, in a copy, is of the sender: replace it. */
static bool copy_object(Copy *c, RiValue *v)
{
    RiTable *t;
    RiUserdata *u;
    switch (v->tag) {
    case RI_TAG_TABLE:
        if (!copy_table(c, v->cp, &t))
            return false;
        ri_set_table(v, t);
        if (RI_PLANTED(messages) && t->dict != NULL && t->dict->count == 1)
            ri_set_nil(v);
        return true;
    case RI_TAG_CLOSURE:
        ri_set_object(v, copy_closure(c, v->cp), RI_TAG_CLOSURE);
        return true;
    case RI_TAG_NATIVE:
        ri_set_object(v, copy_native(c, v->cp), RI_TAG_NATIVE);
        return true;
    case RI_TAG_USERDATA:
        if (!copy_userdata(c, v->cp, &u))
            return false;
        ri_set_object(v, u, RI_TAG_USERDATA);
        return true;
    default:
        return refuse(c, *v, NULL);
    }
}

static RI_ALWAYS_INLINE bool replace_value(Copy *c, RiValue *v)
{
    if (v->tag == RI_TAG_STRING)
        c->string_bytes += ((const RiString *)v->cp)->size;
    return v->tag < RI_TAG_TABLE || copy_object(c, v);
}

static bool replace_values(Copy *c, RiValue *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!replace_value(c, &values[i]))
            return false;
    }
    return true;
}

static bool replace_entries(Copy *c, RiTable *t)
{
    RiDict *d = t->dict;
    bool is_moved = false;
    for (uint32_t i = 0; i < d->count; i++) {
        RiEntry *entry = &d->entries[i];
        if (ri_is_nil(entry->value)) /* a weak one, taken out by the collector just now */
            continue;
        if (entry->key_tag >= RI_TAG_TABLE) {
            RiValue key = {.u = entry->key_word, .tag = entry->key_tag};
            if (!copy_object(c, &key))
                return false;
            entry->key_object = key.p;
            is_moved = true;
        }
        if (!replace_value(c, &entry->value))
            return false;
    }
    if (is_moved)
        ri_table_relink(t);
    return true;
}

static bool fill_table(Copy *c, const RiTable *from, RiTable *t)
{
    const RiTable *meta = from->meta;
    if (t->array->kind == RI_ARRAY_ANY) {
        for (uint32_t i = 0; i < t->array->count; i++) { /* the collector may shorten it */
            if (!replace_value(c, &t->array->values[i]))
                return false;
        }
    }
    if (!ri_table_is_dict(t) && !replace_values(c, t->slots, ri_shape_fields(t->shape)))
        return false;
    if (t->dict != NULL && !replace_entries(c, t))
        return false;
    if (meta != NULL) {
        RiTable *copy;
        if (!copy_table(c, meta, &copy))
            return false;
        ri_table_set_meta(c->heap, t, copy);
        c->has_finalizers = c->has_finalizers || from->flags & RI_TABLE_FINALIZER;
    }
    return true;
}

static bool fill(Copy *c, const void *source, void *copy)
{
    RiClosure *closure;
    RiNative *native;
    RiUserdata *u;
    switch (ri_object_tag(copy)) {
    case RI_TAG_TABLE:
        return fill_table(c, source, copy);
    case RI_TAG_CELL:
        return replace_value(c, &((RiCell *)copy)->value);
    case RI_TAG_CLOSURE:
        closure = copy;
        closure->feedback = copy_feedback(c, closure->feedback);
        for (uint32_t i = 0; i < closure->object.aux; i++) {
            if (closure->upvals[i] != NULL)
                closure->upvals[i] = copy_cell(c, closure->upvals[i]);
        }
        return true;
    case RI_TAG_NATIVE:
        native = copy;
        return replace_values(c, native->upvals, native->object.aux);
    case RI_TAG_USERDATA:
        u = copy;
        return replace_values(c, u->uservalues, u->object.aux);
    default: /* a feedback, complete as it is */
        return true;
    }
}

/* All or nothing: nothing below can be refused any more, and what cannot be registered is disarmed by `disarm`. */
static void register_finalizers(Copy *c)
{
    const RiForward *f = &c->forward;
    for (uint32_t i = 0; c->has_finalizers && !c->to->closing && i < f->count; i++) {
        const RiObject *source = f->pairs[i].source;
        if (ri_object_tag(source) == RI_TAG_TABLE && source->flags & RI_TABLE_FINALIZER)
            ri_heap_register_finalizer(c->heap, ri_table_value(f->pairs[i].copy));
    }
}

static void disarm(const RiForward *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (ri_object_tag(f->pairs[i].copy) == RI_TAG_TABLE)
            ((RiTable *)f->pairs[i].copy)->meta = NULL;
    }
}

/* -- Refusals ----------------------------------------------------------------------------------------------------- */

typedef enum StepKind { STEP_FIELD, STEP_KEY, STEP_META, STEP_UPVALUE, STEP_CELL, STEP_USERVALUE } StepKind;

typedef struct Step { /* from an object to something it refers to */
    StepKind kind;
    const void *object;
    RiValue key;    /* of a field */
    uint32_t index; /* of an upvalue or user value */
} Step;

enum { STEPS_MAX = 12 }; /* that are told */

static bool find_in_table(const RiTable *t, const void *target, Step *step)
{
    uint64_t position = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value)) {
        bool is_key = key.tag >= RI_TAG_TABLE && key.cp == target;
        if (is_key || (value.tag >= RI_TAG_TABLE && value.cp == target)) {
            step->kind = is_key ? STEP_KEY : STEP_FIELD;
            step->key = key;
            return true;
        }
    }
    step->kind = STEP_META;
    return t->meta == target;
}

static bool find_in_values(const RiValue *values, uint32_t count, const void *target, Step *step)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].tag >= RI_TAG_TABLE && values[i].cp == target) {
            step->index = i;
            return true;
        }
    }
    return false;
}

/* Does `object` refer to `target`? */
static bool find_step(const void *object, const void *target, Step *step)
{
    const RiClosure *closure;
    const RiUserdata *u;
    step->object = object;
    switch (ri_object_tag(object)) {
    case RI_TAG_TABLE:
        return find_in_table(object, target, step);
    case RI_TAG_CELL:
        step->kind = STEP_CELL;
        return find_in_values(&((const RiCell *)object)->value, 1, target, step);
    case RI_TAG_NATIVE:
        step->kind = STEP_UPVALUE;
        return find_in_values(((const RiNative *)object)->upvals, ((const RiObject *)object)->aux, target, step);
    case RI_TAG_USERDATA:
        u = object;
        step->kind = STEP_USERVALUE;
        return find_in_values(u->uservalues, u->object.aux, target, step);
    case RI_TAG_CLOSURE:
        closure = object;
        step->kind = STEP_UPVALUE;
        for (step->index = 0; step->index < closure->object.aux; step->index++) {
            if (closure->upvals[step->index] == target)
                return true;
        }
        return false;
    default:
        return false;
    }
}

/* The steps that lead to the culprit, the last one first; *is_cut: and some more before them. */
static uint32_t trace_back(const Copy *c, Step *steps, bool *is_cut)
{
    const RiForward *f = &c->forward;
    const void *target = c->culprit.cp;
    uint32_t count = 0, i = c->current + 1;
    *is_cut = false;
    if (f->count == 0) /* the value as a whole */
        return 0;
    while (i-- > 0) {
        Step step = {.index = 0};
        if (!find_step(f->pairs[i].source, target, &step))
            continue;
        if (count == STEPS_MAX) {
            *is_cut = true;
            break;
        }
        steps[count++] = step;
        if (step.kind == STEP_UPVALUE)
            break; /* that the function has a name and a place is enough */
        target = step.object;
    }
    return count;
}

static bool is_identifier(const RiString *s)
{
    const char *bytes = ri_str_data(s);
    for (size_t i = 0; i < s->size; i++) {
        if (!(isalpha((unsigned char)bytes[i]) || bytes[i] == '_' || (i > 0 && isdigit((unsigned char)bytes[i]))))
            return false;
    }
    return s->size > 0 && s->size <= 60;
}

static void add_text(RiSbuf *sb, const char *text)
{
    ri_sbuf_add(sb, text, strlen(text));
}

static void add_key(RiSbuf *sb, RiValue key)
{
    char text[64];
    if (ri_is_string(key) && is_identifier(key.p)) {
        add_text(sb, ".");
        ri_sbuf_add_str(sb, key.p);
        return;
    }
    if (ri_is_string(key)) {
        const RiString *s = key.p;
        const char *bytes = ri_str_data(s);
        add_text(sb, "[\"");
        for (size_t i = 0; i < s->size && i < 40; i++)
            ri_sbuf_add_char(sb, isprint((unsigned char)bytes[i]) ? bytes[i] : '?');
        add_text(sb, s->size > 40 ? "...\"]" : "\"]");
        return;
    }
    if (ri_is_int(key))
        snprintf(text, sizeof text, "[%lld]", (long long)key.i);
    else if (ri_is_float(key))
        snprintf(text, sizeof text, "[%.14g]", key.n);
    else if (ri_is_bool(key))
        snprintf(text, sizeof text, "[%s]", ri_is_falsy(key) ? "false" : "true");
    else
        snprintf(text, sizeof text, "[%s]", ri_type_names[ri_type(key)]);
    add_text(sb, text);
}

static void add_function(RiSbuf *sb, const RiProto *proto)
{
    char id[RI_ID_SIZE] = "?", text[RI_ID_SIZE + 40];
    if (proto->source != NULL)
        ri_chunk_id(id, ri_str_data(proto->source), proto->source->size);
    snprintf(text, sizeof text, "function <%s:%u>", id, proto->line_defined);
    add_text(sb, text);
}

static void add_upvalue(RiSbuf *sb, const Step *step)
{
    char number[40];
    snprintf(number, sizeof number, "upvalue %u", step->index + 1);
    if (ri_object_tag(step->object) == RI_TAG_NATIVE) {
        add_text(sb, number);
        add_text(sb, " of library function '");
        add_text(sb, ((const RiNative *)step->object)->fn->name);
        add_text(sb, "'");
        return;
    }
    const RiProto *proto = ((const RiClosure *)step->object)->feedback->proto;
    const RiString *name = step->index < proto->upval_count ? proto->upvals[step->index].name : NULL;
    if (name != NULL) {
        add_text(sb, "upvalue '");
        ri_sbuf_add_str(sb, name);
        add_text(sb, "'");
    } else {
        add_text(sb, number);
    }
    add_text(sb, " of ");
    add_function(sb, proto);
}

static void add_step(RiSbuf *sb, const Step *step)
{
    char text[40];
    switch (step->kind) {
    case STEP_FIELD:
        add_key(sb, step->key);
        break;
    case STEP_KEY:
        add_text(sb, ".(key)");
        break;
    case STEP_META:
        add_text(sb, ".(metatable)");
        break;
    case STEP_UPVALUE:
        add_upvalue(sb, step);
        break;
    case STEP_CELL:
        break;
    case STEP_USERVALUE:
        snprintf(text, sizeof text, ".(user value %u)", step->index + 1);
        add_text(sb, text);
        break;
    }
}

static void add_userdata_reason(RiSbuf *sb, RiHeap *heap, const RiUserdata *u, const char *why)
{
    RiValue name = ri_meta_get(heap, u->meta, RI_MM_NAME);
    add_text(sb, "a userdata ");
    if (u->type != NULL || ri_is_string(name)) {
        add_text(sb, "(");
        if (u->type != NULL)
            add_text(sb, u->type->name);
        else
            ri_sbuf_add_str(sb, name.p);
        add_text(sb, ") ");
    }
    add_text(sb, "cannot be copied");
    if (why != NULL) {
        add_text(sb, ": ");
        add_text(sb, why);
    }
}

static void add_reason(RiSbuf *sb, const Copy *c)
{
    switch (c->culprit.tag) {
    case RI_TAG_TABLE:
        if (c->why != NULL) {
            add_text(sb, c->why);
            break;
        }
        add_text(sb, "the receiver has no library '");
        if (ri_is_string(c->library))
            ri_sbuf_add_str(sb, c->library.p);
        add_text(sb, "'");
        break;
    case RI_TAG_USERDATA:
        add_userdata_reason(sb, c->heap, c->culprit.p, c->why);
        break;
    default:
        add_text(sb, c->culprit.tag == RI_TAG_THREAD ? "a coroutine cannot be copied" : "a cdata cannot be copied");
        break;
    }
}

static RI_NOINLINE RiString *describe_refusal(const Copy *c)
{
    Step steps[STEPS_MAX];
    bool is_cut;
    uint32_t count = trace_back(c, steps, &is_cut);
    RiSbuf sb;
    ri_sbuf_init(&sb, c->heap);
    if (count == 0 || steps[count - 1].kind != STEP_UPVALUE)
        add_text(&sb, c->name);
    if (is_cut)
        add_text(&sb, "...");
    while (count-- > 0)
        add_step(&sb, &steps[count]);
    add_text(&sb, ": ");
    add_reason(&sb, c);
    return ri_sbuf_finish(&sb);
}

/* -- The whole ---------------------------------------------------------------------------------------------------- */

static bool copy_all(Copy *c)
{
    c->copy = c->value;
    if (!copy_object(c, &c->copy))
        return false;
    for (c->current = 0; c->current < c->forward.count; c->current++) {
        RiForwardPair pair = c->forward.pairs[c->current];
        if (!fill(c, pair.source, pair.copy))
            return false;
    }
    register_finalizers(c);
    return true;
}

static void run_copy(RiThread *T, void *argument)
{
    Copy *c = argument;
    (void)T;
    begin_receiving(c);
    uint64_t before = ri_heap_count_bytes(c->heap);
    c->is_done = copy_all(c);
    uint64_t after = ri_heap_count_bytes(c->heap); /* a collection meanwhile makes it look like less */
    c->to->copied_bytes = c->string_bytes + (after > before ? after - before : 0);
    end_receiving(c);
    if (!c->is_done)
        c->refusal = describe_refusal(c);
}

bool ri_copy_graph(RiProcess *from, RiProcess *to, RiValue v, const char *name, RiValue *out, RiString **refusal)
{
    RiHeap *heap = from->heap;
    Copy c;
    c.heap = heap;
    c.from = from;
    c.to = to;
    c.name = name;
    c.value = v;
    c.string_bytes = 0;
    c.is_receiving = c.has_finalizers = c.is_done = false;
    ri_forward_init(&c.forward, heap);
    ri_assert(to->heap == heap);
    if (ri_try(heap->running, run_copy, &c) != RI_OK) {
        end_receiving(&c);
        disarm(&c.forward);
        c.is_done = false;
        c.refusal = from->memory_message;
    }
    ri_forward_free(&c.forward);
    if (c.is_done)
        ri_copy(out, &c.copy);
    else
        *refusal = c.refusal;
    return c.is_done;
}

void ri_copy_refuse(RiThread *T, RiString *refusal)
{
    if (refusal == T->process->memory_message)
        ri_error_memory(T);
    ri_error(T, "%s", ri_str_cstr(T->heap, refusal));
}
