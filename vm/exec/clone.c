/* Cloning processes: the walk of copy.c, over everything. As there, a clone is made at once when its original is
 * met, with the original's contents, and noted in a forwarding map; when its turn comes the references in it are
 * replaced.
 *
 * What a type refers to comes from objects.def, here with edges that are assigned to. How its clones are made is
 * named by a MAKE_… line below for each type, without which this file does not compile. */
#include "vm/exec/clone.h"

#include <stdio.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/debuginfo.h"
#include "vm/exec/forward.h"

#define STACK_SLOTS_SPARE 16 /* free slots of a cloned stack, besides the reserve */

struct RiClone {
    RiHeap *heap;
    RiThread *caller;
    RiProcess *parent, *child;
    RiThread *running;  /* the caller's clone */
    RiAccount *giver; /* while the child's account is charged */
    uint32_t current;   /* the pair that is being worked on */
    uint32_t forked_end; /* the userdata among the pairs before it have been forked */
    bool has_removed;   /* a dictionary has a removed entry whose key was not known when it was walked */
    char refusal[200];  /* "" while there is none */
    RiString *message;
    RiForward forward;
};

/* -- Refusals ----------------------------------------------------------------------------------------------------- */

/* Nothing is thrown: the walk stops at its next turn. */
static void refuse_object(RiClone *c, const char *kind, const char *name, const char *why)
{
    bool has_name = name[0] != '\0';
    snprintf(c->refusal, sizeof c->refusal, "a %s %s%.60s%scannot be forked%s%.100s", kind, has_name ? "(" : "", name,
             has_name ? ") " : "", why != NULL ? ": " : "", why != NULL ? why : "");
}

static void refuse_userdata(RiClone *c, const RiUserdata *u, const char *why)
{
    RiValue name = ri_meta_get(c->heap, u->meta, RI_MM_NAME);
    refuse_object(c, "userdata",
                  u->type != NULL ? u->type->name : ri_is_string(name) ? ri_str_cstr(c->heap, name.p) : "", why);
}

/* The function whose call into Lua began region `jump`. */
static const char *name_of_caller(const RiJump *jump)
{
    const RiThread *T = jump->thread;
    const RiValue *base = T->base;
    while (base != T->stack && (uint32_t)(base - T->stack) >= jump->base) {
        uint32_t delta = RI_LINK_OF(base)->delta;
        base = delta ? base - delta : T->stack;
    }
    if (base == T->stack)
        return "a C function";
    if (T->process->in_finalizer)
        return "a finalizer";
    if (base[-2].tag == RI_TAG_LIBFN)
        return ((const RiLibFn *)base[-2].cp)->name;
    if (base[-2].tag == RI_TAG_NATIVE)
        return ((const RiNative *)base[-2].cp)->fn->name;
    return T->in_hook ? "a hook" : "a C function";
}

/* Frames of the C stack cannot be cloned: only the outermost region may be there, which may catch as well as run. */
static bool has_live_c_frame(RiClone *c)
{
    const RiJump *jump = c->parent->jumps;
    if (jump == NULL || jump->previous == NULL)
        return false;
    snprintf(c->refusal, sizeof c->refusal, "cannot fork inside %.100s", name_of_caller(jump));
    return true;
}

/* -- Making clones ------------------------------------------------------------------------------------------------ */

/* Every kind of object a guest can use as a key has its serial here. */
static void keep_serial(void *copy, const void *source)
{
    memcpy((char *)copy + sizeof(RiObject), (const char *)source + sizeof(RiObject), sizeof(uint32_t));
}

static void *share(RiClone *c, const void *source)
{
    (void)c;
    return (void *)(uintptr_t)source;
}

static void *make_table(RiClone *c, const void *source)
{
    const RiTable *t = source;
    RiTable *copy = ri_table_duplicate(c->heap, t, true);
    copy->flags |= t->flags & (RI_TABLE_WEAK_KEYS | RI_TABLE_WEAK_VALUES | RI_TABLE_LIBRARY);
    copy->meta = t->meta;
    keep_serial(copy, t);
    return copy;
}

static void *make_closure(RiClone *c, const void *source)
{
    const RiClosure *closure = source;
    RiClosure *copy = ri_closure_new(c->heap, closure->feedback, closure->object.aux);
    for (uint32_t i = 0; i < closure->object.aux; i++)
        copy->upvals[i] = closure->upvals[i];
    keep_serial(copy, closure);
    return copy;
}

static void *make_native(RiClone *c, const void *source)
{
    const RiNative *native = source;
    RiNative *copy = ri_native_new(c->heap, native->fn, native->object.aux);
    for (uint32_t i = 0; i < native->object.aux; i++)
        ri_copy(&copy->upvals[i], &native->upvals[i]);
    keep_serial(copy, native);
    return copy;
}

/* The data come later: see fill_userdata. */
static void *make_userdata(RiClone *c, const void *source)
{
    const RiUserdata *u = source;
    if (u->type == NULL || u->type->fork == NULL) {
        refuse_userdata(c, u, NULL);
        return NULL;
    }
    RiUserdata *copy = ri_udata_new(c->heap, u->size, u->object.aux);
    copy->type = u->type;
    copy->meta = u->meta;
    for (uint32_t i = 0; i < u->object.aux; i++)
        ri_copy(&copy->uservalues[i], &u->uservalues[i]);
    keep_serial(copy, u);
    return copy;
}

static void *make_cell(RiClone *c, const void *source)
{
    return ri_cell_new(c->heap, ((const RiCell *)source)->value);
}

/* The clone makes its own experience with the code. */
static void *make_feedback(RiClone *c, const void *source)
{
    return ri_feedback_new(c->heap, ((const RiFeedback *)source)->proto);
}

static void *make_buffer(RiClone *c, const void *source)
{
    const RiBuffer *buffer = source;
    size_t size = sizeof *buffer + buffer->capacity;
    RiBuffer *copy = ri_heap_alloc(c->heap, size, RI_SPACE_LEAF);
    memcpy(copy, buffer, size);
    return copy;
}

static void *make_block(RiClone *c, const void *source)
{
    size_t size = ri_heap_size_of(source);
    RiObject *copy = ri_heap_alloc(c->heap, size, RI_SPACE_OBJECT);
    memcpy(copy, source, size);
    return copy;
}

/* The values of T's stack, for a thread that has room for them. Everything else in it is T's, too. */
static void take_over_thread(RiThread *copy, const RiThread *T)
{
    RiThread own = *copy;
    *copy = *T;
    copy->owner = own.owner;
    copy->stack = own.stack;
    copy->stack_limit = own.stack_limit;
    copy->stack_capacity = own.stack_capacity;
    copy->base = own.stack + (T->base - T->stack);
    copy->top = own.stack + (T->top - T->stack);
    for (ptrdiff_t i = 0; i < T->top - T->stack; i++)
        ri_copy(&copy->stack[i], &T->stack[i]);
}

static uint32_t slots_for(const RiThread *T)
{
    return (uint32_t)(T->top - T->stack) + RI_STACK_RESERVE + STACK_SLOTS_SPARE;
}

static void *make_thread(RiClone *c, const void *source)
{
    const RiThread *T = source;
    RiThread *copy = ri_thread_new(c->heap, c->child, T->stack != NULL ? slots_for(T) : 0);
    if (T->stack == NULL)
        ri_thread_drop_stack(copy);
    take_over_thread(copy, T);
    return copy;
}

static void *refuse_cdata(RiClone *c, const void *source)
{
    (void)source;
    refuse_object(c, "cdata", "", NULL);
    return NULL;
}

/* Parts of other objects, which their owners clone. */
static void *refuse_part(RiClone *c, const void *source)
{
    (void)c;
    (void)source;
    ri_unreachable();
}

#define MAKE_STRING share
#define MAKE_TABLE make_table
#define MAKE_CLOSURE make_closure
#define MAKE_NATIVE make_native
#define MAKE_USERDATA make_userdata
#define MAKE_THREAD make_thread
#define MAKE_CDATA refuse_cdata
#define MAKE_CELL make_cell
#define MAKE_PROTO share
#define MAKE_FEEDBACK make_feedback
#define MAKE_ARRAY refuse_part
#define MAKE_DICT refuse_part
#define MAKE_SLOTS refuse_part
#define MAKE_SHAPE share
#define MAKE_STACK refuse_part
#define MAKE_BUFFER make_buffer
#define MAKE_VALUES make_block
#define MAKE_BLOCK make_block

static void *(*const makers[RI_TAG_COUNT])(RiClone *c, const void *source) = {
#define OBJECT(tag, type, size, edges) [RI_TAG_##tag] = MAKE_##tag,
#include "vm/object/objects.def"
#undef OBJECT
};

void *ri_clone_of(RiClone *c, const void *object)
{
    if (object == NULL)
        return NULL;
    RiTag tag = ri_object_tag(object);
    if (tag == RI_TAG_STRING || tag == RI_TAG_PROTO) /* the most frequent of those that are shared */
        return (void *)(uintptr_t)object;
    void *copy = ri_forward_find(&c->forward, object);
    if (copy != NULL)
        return copy;
    copy = makers[tag](c, object);
    if (copy == NULL) /* refused: no harm is done by what is thrown away soon */
        return (void *)(uintptr_t)object;
    if (copy != object)
        ri_forward_add(&c->forward, object, copy);
    return copy;
}

/* -- References --------------------------------------------------------------------------------------------------- */

static RI_ALWAYS_INLINE void replace_value(RiClone *c, RiValue *v)
{
    if ((uint8_t)v->tag >= RI_TAG_TABLE)
        v->p = ri_clone_of(c, v->cp);
}

static void replace_values(RiClone *c, RiValue *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        replace_value(c, &values[i]);
}

/* Let a removed entry's key be that of the clone, if there is a clone. Traversals may still stand there. */
static bool replace_removed_key(RiClone *c, RiEntry *entry)
{
    void *copy = ri_forward_find(&c->forward, entry->key_object);
    if (copy != NULL)
        entry->key_object = copy;
    return copy != NULL;
}

static void replace_entries(RiClone *c, RiEntry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        RiEntry *entry = &entries[i];
        if (entry->key_tag >= RI_TAG_TABLE) {
            if (ri_is_nil(entry->value)) {
                c->has_removed = true; /* replaced when all clones are known */
                continue;
            }
            entry->key_object = ri_clone_of(c, entry->key_object);
        }
        replace_value(c, &entry->value);
    }
}

/* Words of a C struct. They may point into objects: to the bytes of a buffer, or of the struct itself. */
static void replace_words(RiClone *c, void **words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *object = ri_heap_object_of(words[i]);
        if (object != NULL)
            words[i] = (char *)ri_clone_of(c, object) + ((char *)words[i] - object);
    }
}

static void fill_block(RiClone *c, RiObject *block)
{
    size_t size = ri_heap_size_of(block), end = size;
    if (block->flags & RI_BLOCK_DESCRIBED)
        end = block->aux * sizeof(void *);
    replace_words(c, (void **)(void *)block + 1, end / sizeof(void *) - 1);
    if (block->flags & RI_BLOCK_VALUES)
        replace_values(c, (RiValue *)(void *)((char *)block + end), (size - end) / sizeof(RiValue));
}

static void fill_userdata(RiClone *c, const RiUserdata *source, RiUserdata *u)
{
    const char *why = NULL;
    u->meta = ri_clone_of(c, source->meta);
    replace_values(c, u->uservalues, u->object.aux);
    if (!source->type->fork(c, source, u, &why))
        refuse_userdata(c, source, why);
    else
        c->forked_end = c->current + 1;
}

static void fill_part(RiClone *c, void *part);

/* Replace what the clone, or a part of one, refers to. */
static void fill(RiClone *c, void *copy)
{
    switch (ri_object_tag(copy)) {
#define EDGE(p) (p) = ri_clone_of(c, (p))
#define EDGES(first, count)                                                                        \
    for (uint32_t i_ = 0; i_ < (count); i_++)                                                      \
        EDGE((first)[i_])
#define STORAGE(p) fill_part(c, (p))
#define VALUES(first, count) replace_values(c, (first), (count))
#define ENTRIES(first, count) replace_entries(c, (first), (count))
#define WORDS(first, bytes) replace_words(c, (void **)(void *)(first), (bytes) / sizeof(void *))
#define CACHES(p) (void)(p)
#define STACK(p) replace_values(c, (p)->stack, (size_t)((p)->top - (p)->stack)) /* links refer to code: shared */
#define BLOCK_SIZE(p) ri_heap_size_of(p)
#define OWNED(number, size) (void)(number)
#define OBJECT(tag, type, size, edges)                                                             \
    case RI_TAG_##tag: {                                                                           \
        type *o = copy;                                                                            \
        edges;                                                                                     \
        break;                                                                                     \
    }
#include "vm/object/objects.def"
#undef OBJECT
    default:
        ri_unreachable();
    }
}

static void fill_part(RiClone *c, void *part)
{
    if (part != NULL && part != &ri_array_empty)
        fill(c, part);
}

static void fill_pair(RiClone *c, RiForwardPair pair)
{
    RiTag tag = ri_object_tag(pair.copy);
    if (tag == RI_TAG_USERDATA)
        fill_userdata(c, pair.source, pair.copy);
    else if (tag == RI_TAG_BLOCK)
        fill_block(c, pair.copy);
    else if (tag != RI_TAG_FEEDBACK) /* that is complete as it is */
        fill(c, pair.copy);
}

/* -- When all clones are known ------------------------------------------------------------------------------------ */

static void replace_removed_keys(RiClone *c, const RiTable *t)
{
    for (uint32_t i = 0; t->dict != NULL && i < t->dict->count; i++) {
        RiEntry *entry = &t->dict->entries[i];
        if (ri_is_nil(entry->value) && entry->key_tag >= RI_TAG_TABLE && !replace_removed_key(c, entry))
            entry->key_tag = RI_TAG_LINK; /* no key has that tag: nobody will find it */
    }
}

static RiFeedback *feedback_of(const RiValue *base)
{
    return base[-2].tag == RI_TAG_CLOSURE ? ((const RiClosure *)base[-2].cp)->feedback : NULL;
}

/* Functions in flight go on with their caches; and in code of their own, if a debugger has given them some. `original`: T is
 * its copy. */
static void warm_frames(RiHeap *heap, RiThread *T, const RiThread *original)
{
    for (RiValue *base = T->base; base != T->stack;) {
        if (feedback_of(base) != NULL)
            ri_feedback_warm(heap, feedback_of(base));
        uint32_t delta = RI_LINK_OF(base)->delta;
        base = delta ? base - delta : T->stack;
    }
    for (RiValue *base = T->base; base != T->stack;) {
        RiLink *link = RI_LINK_OF(base);
        RiValue *caller = link->delta ? base - link->delta : T->stack;
        if (link->delta && link->pc != NULL && feedback_of(caller) != NULL && feedback_of(caller)->has_own_code)
            link->pc = ri_feedback_words(feedback_of(caller)) + ri_link_pc(original->stack[caller - T->stack - 2], link);
        base = caller;
    }
}

static void finish_pairs(RiClone *c)
{
    for (uint32_t i = 0; i < c->forward.count; i++) {
        void *copy = c->forward.pairs[i].copy;
        if (ri_object_tag(copy) == RI_TAG_THREAD)
            warm_frames(c->heap, copy, c->forward.pairs[i].source);
        else if (c->has_removed && ri_object_tag(copy) == RI_TAG_TABLE)
            replace_removed_keys(c, copy);
    }
}

/* -- Finalizers --------------------------------------------------------------------------------------------------- */

/* What has a finalizer is there until that has been called, even if nothing else refers to it any more. A
 * collection may re-order what is not known yet: all has been met when a pass adds nothing. */
static void meet_registered(RiClone *c)
{
    uint32_t before;
    do {
        RiValue object;
        before = c->forward.count;
        for (size_t i = 0; ri_account_registered_at(&c->parent->account, i, &object); i++)
            (void)ri_clone_of(c, object.cp);
    } while (c->forward.count > before && c->refusal[0] == '\0');
}

static void register_clones(RiClone *c)
{
    RiValue object;
    for (size_t i = 0; ri_account_registered_at(&c->parent->account, i, &object); i++)
        ri_heap_register_finalizer(c->heap, ri_object(ri_clone_of(c, object.cp), (RiTag)object.tag));
}

/* -- The process -------------------------------------------------------------------------------------------------- */

/* The process itself is the first pair, its main thread the second. */
static void begin_process(RiClone *c)
{
    RiProcess *parent = c->parent, *child = c->child;
    ri_forward_add(&c->forward, parent, child);
    ri_forward_add(&c->forward, parent->main, child->main);
    ri_thread_resize_stack(child->main, slots_for(parent->main));
    take_over_thread(child->main, parent->main);
    c->running = ri_clone_of(c, c->caller);
    child->registry = ri_clone_of(c, parent->registry);
    child->globals = ri_clone_of(c, parent->globals);
    for (int type = 0; type < RI_TYPE_COUNT; type++)
        child->metatables[type] = ri_clone_of(c, parent->metatables[type]);
    child->signal_handlers = ri_clone_of(c, parent->signal_handlers);
    if (parent->io != NULL) {
        RiUserdata *holder = ri_clone_of(c, (char *)parent->io - offsetof(RiUserdata, data));
        child->io = holder->data;
        child->io_holder = holder;
    }
    child->warnings_on = parent->warnings_on;
    child->warning_continues = parent->warning_continues;
    child->stack_slots_max = parent->stack_slots_max;
    memcpy(child->rng, parent->rng, sizeof child->rng);
    child->memory_message = parent->memory_message;
    child->stats = parent->stats;
    child->stress = parent->stress;
    child->stress_turns = parent->stress_turns;
    child->host_data = parent->host_data;
    child->program = parent->program;
}

static void clone_all(RiClone *c)
{
    begin_process(c);
    meet_registered(c);
    for (c->current = 1; c->current < c->forward.count && c->refusal[0] == '\0'; c->current++)
        fill_pair(c, c->forward.pairs[c->current]);
    if (c->refusal[0] != '\0')
        return;
    finish_pairs(c);
    register_clones(c);
    c->heap->serial = c->parent->account.serial;
}

static void run_clone(RiThread *T, void *argument)
{
    RiClone *c = argument;
    (void)T;
    c->giver = ri_heap_begin_gift(c->heap, &c->child->account);
    clone_all(c);
    c->child->account.running = c->running;
    ri_heap_end_gift(c->heap, c->giver);
    c->giver = NULL;
}

static void alloc_child(RiHeap *heap, void *argument)
{
    RiClone *c = argument;
    c->child = ri_process_alloc(heap, c->parent->hooks, 0);
}

static bool make_child(RiClone *c)
{
    RiHeap *heap = c->heap;
    RiAccount *mine = heap->account;
    void (*on_no_memory)(RiHeap *) = heap->on_no_memory;
    bool done = ri_heap_try(heap, alloc_child, c);
    RiAccount *made = heap->account;
    ri_heap_switch(heap, mine);
    heap->on_no_memory = on_no_memory;
    if (!done && made != mine)
        ri_account_close(made);
    return done;
}

/* Give back what has been obtained outside the heap. */
static void undo(RiClone *c)
{
    for (uint32_t i = 0; i < c->forked_end; i++) {
        void *copy = c->forward.pairs[i].copy;
        if (ri_object_tag(copy) == RI_TAG_USERDATA && ((RiUserdata *)copy)->type->drop != NULL)
            ((RiUserdata *)copy)->type->drop(copy);
    }
    ri_account_close(&c->child->account);
}

static void make_message(RiThread *T, void *argument)
{
    RiClone *c = argument;
    c->message = ri_str_from_cstr(T->heap, c->refusal);
}

static RiString *message_of(RiClone *c)
{
    c->message = c->parent->memory_message;
    if (c->refusal[0] != '\0')
        (void)ri_try(c->caller, make_message, c);
    return c->message;
}

/* True if there is a clone, to be kept. */
static bool try_clone(RiClone *c)
{
    if (has_live_c_frame(c) || !make_child(c))
        return false;
    bool done = ri_try(c->caller, run_clone, c) == RI_OK;
    if (c->giver != NULL)
        ri_heap_end_gift(c->heap, c->giver);
    done = done && c->refusal[0] == '\0';
    if (!done)
        undo(c);
    return done;
}

RiProcess *ri_clone_parent(const RiClone *clone)
{
    return clone->parent;
}

RiProcess *ri_process_clone(RiProcess *parent, RiThread **running, RiString **refusal)
{
    RiHeap *heap = parent->heap;
    RiClone c = {.heap = heap, .caller = heap->running, .parent = parent};
    ri_assert(heap->account == &parent->account);
    ri_forward_init(&c.forward, heap);
    bool done = try_clone(&c);
    ri_forward_free(&c.forward);
    *running = c.running;
    if (!done)
        *refusal = message_of(&c);
    return done ? c.child : NULL;
}
