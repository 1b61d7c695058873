/* Capturing what the libraries make in a process, and making it again: see template.h. */
#include "vm/exec/template.h"

#include <string.h>

#define PIECES_MAX 128
#define PATCHES_MAX 512
#define MAIN_THREAD 0 /* the first piece */
#define STACK_SLOTS 40 /* of a main thread, at first: enough for a library function, and small programs */
#define NO_PIECE (-1)

typedef struct Piece {
    void *model;
    uint8_t tag;
    bool is_shared;       /* a table */
    int16_t meta; /* piece, or NO_PIECE */
    uint16_t field_count;
    uint16_t first_patch, patch_count;
} Piece;

/* A reference to a piece. Fields, array elements and upvalues are numbered on from 0, words of userdata, too. */
typedef struct Patch {
    uint16_t position;
    uint16_t piece;
    uint32_t tag;
} Patch;

typedef struct RiTemplate {
    RiObject object; /* RI_TAG_BLOCK */
    uint32_t piece_count, patch_count;
    int16_t registry, globals, io;
    int16_t metatables[RI_TYPE_COUNT];
    Piece pieces[PIECES_MAX];
    Patch patches[PATCHES_MAX];
} RiTemplate;

/* -- Capturing --------------------------------------------------------------------------------------------------- */

typedef struct Capture {
    RiHeap *heap;
    RiTemplate *template;
    const void *sources[PIECES_MAX]; /* what the pieces are copies of */
    bool failed;
} Capture;

static bool is_copied(uint64_t tag)
{
    return tag == RI_TAG_TABLE || tag == RI_TAG_USERDATA || tag == RI_TAG_NATIVE || tag == RI_TAG_THREAD;
}

static int16_t find_piece(const Capture *c, const void *source)
{
    for (uint32_t i = 0; i < c->template->piece_count; i++) {
        if (c->sources[i] == source)
            return (int16_t)i;
    }
    return NO_PIECE;
}

/* The number of the piece that stands for `source`, a new one if need be. */
static int16_t piece_of(Capture *c, const void *source, uint64_t tag)
{
    if (source == NULL)
        return NO_PIECE;
    int16_t number = find_piece(c, source);
    RiTemplate *template = c->template;
    if (number != NO_PIECE)
        return number;
    /* The main thread comes first: there is no other. */
    if (template->piece_count == PIECES_MAX || (tag == RI_TAG_THREAD && template->piece_count > 0)) {
        c->failed = true;
        return NO_PIECE;
    }
    c->sources[template->piece_count] = source;
    template->pieces[template->piece_count] = (Piece){.tag = (uint8_t)tag, .meta = NO_PIECE};
    return (int16_t)template->piece_count++;
}

static void add_patch(Capture *c, Piece *piece, Patch patch)
{
    RiTemplate *template = c->template;
    if (template->patch_count == PATCHES_MAX) {
        c->failed = true;
        return;
    }
    if (piece->patch_count++ == 0)
        piece->first_patch = (uint16_t)template->patch_count;
    template->patches[template->patch_count++] = patch;
}

/* Replace what refers to pieces among the values of a model by patches. */
static void take_references(Capture *c, Piece *piece, RiValue *values, uint32_t count, uint32_t first_position)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_copied(values[i].tag)) {
            c->failed |= ri_tag_is_object(values[i].tag) && !ri_is_string(values[i]);
            continue;
        }
        int16_t target = piece_of(c, values[i].p, values[i].tag);
        add_patch(c, piece, (Patch){(uint16_t)(first_position + i), (uint16_t)target, (uint32_t)values[i].tag});
        ri_set_nil(&values[i]);
    }
}

static void capture_table(Capture *c, Piece *piece, const RiTable *source)
{
    RiTable *model = ri_table_new_model(c->heap, source);
    if (model == NULL) {
        c->failed = true;
        return;
    }
    uint32_t fields = ri_shape_field_count(c->heap, model->shape);
    piece->model = model;
    piece->field_count = (uint16_t)fields;
    model->absent = source->absent;
    model->flags |= source->flags & RI_TABLE_LIBRARY;
    piece->meta = piece_of(c, source->meta, RI_TAG_TABLE);
    take_references(c, piece, model->slots, fields, 0);
    if (model->array->kind == RI_ARRAY_ANY)
        take_references(c, piece, model->array->values, model->array->count, fields);
    piece->is_shared = fields > 0 && piece->patch_count == 0 && model->array->count == 0;
}

/* Words that point to a piece: all pieces are known. */
static void capture_userdata(Capture *c, Piece *piece, const RiUserdata *source)
{
    RiUserdata *model = ri_udata_new(c->heap, source->size, 0);
    piece->model = model;
    c->failed |= source->object.aux != 0;
    model->type = source->type;
    memcpy(model->data, source->data, source->size);
    void **words = (void **)(void *)model->data;
    for (uint32_t i = 0; i < source->size / sizeof(void *); i++) {
        int16_t target = words[i] != NULL ? find_piece(c, words[i]) : NO_PIECE;
        if (target == NO_PIECE)
            continue;
        add_patch(c, piece, (Patch){.position = (uint16_t)i, .piece = (uint16_t)target});
        words[i] = NULL;
    }
}

static void capture_native(Capture *c, Piece *piece, const RiNative *source)
{
    uint32_t count = source->object.aux;
    RiNative *model = ri_native_new(c->heap, source->fn, count);
    piece->model = model;
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&model->upvals[i], &source->upvals[i]);
    take_references(c, piece, model->upvals, count, 0);
}

static void capture_piece(Capture *c, uint32_t number)
{
    Piece *piece = &c->template->pieces[number];
    const void *source = c->sources[number];
    switch (piece->tag) {
    case RI_TAG_TABLE:
        capture_table(c, piece, source);
        break;
    case RI_TAG_USERDATA: /* its data come when all pieces are known */
        piece->meta = piece_of(c, ((const RiUserdata *)source)->meta, RI_TAG_TABLE);
        break;
    case RI_TAG_NATIVE:
        capture_native(c, piece, source);
        break;
    default:
        break;
    }
}

/* All pieces that can be reached from what a process refers to. */
static void capture_all(Capture *c, const RiProcess *source)
{
    RiTemplate *template = c->template;
    piece_of(c, source->main, RI_TAG_THREAD);
    template->registry = piece_of(c, source->registry, RI_TAG_TABLE);
    template->globals = piece_of(c, source->globals, RI_TAG_TABLE);
    for (int type = 0; type < RI_TYPE_COUNT; type++)
        template->metatables[type] = piece_of(c, source->metatables[type], RI_TAG_TABLE);
    for (uint32_t i = 0; i < template->piece_count && !c->failed; i++)
        capture_piece(c, i);
    template->io = NO_PIECE;
    for (uint32_t i = 0; i < template->piece_count; i++) {
        const RiUserdata *u = c->sources[i];
        if (template->pieces[i].tag != RI_TAG_USERDATA)
            continue;
        capture_userdata(c, &template->pieces[i], u);
        if (source->io == u->data)
            template->io = (int16_t)i;
    }
    c->failed |= source->io != NULL && template->io == NO_PIECE;
}

bool ri_template_capture(RiProcess *source)
{
    RiHeap *heap = source->heap;
    Capture c = {.heap = heap};
    c.template = ri_heap_alloc_block(heap, sizeof(RiTemplate));
    capture_all(&c, source);
    if (!c.failed)
        heap->process_template = c.template;
    return !c.failed;
}

/* -- Making processes -------------------------------------------------------------------------------------------- */

static void *copy_piece(RiHeap *heap, const Piece *piece)
{
    switch (piece->tag) {
    case RI_TAG_TABLE: {
        RiTable *t = piece->is_shared ? ri_table_new_shared(heap, piece->model) : ri_table_new_like(heap, piece->model);
        t->absent = ((const RiTable *)piece->model)->absent;
        t->flags |= ((const RiTable *)piece->model)->flags;
        return t;
    }
    case RI_TAG_USERDATA: {
        const RiUserdata *model = piece->model;
        RiUserdata *u = ri_udata_new(heap, model->size, 0);
        u->type = model->type;
        memcpy(u->data, model->data, model->size);
        return u;
    }
    default: {
        ri_debug_assert(piece->tag == RI_TAG_NATIVE);
        const RiNative *model = piece->model;
        RiNative *native = ri_native_new(heap, model->fn, model->object.aux);
        for (uint32_t i = 0; i < model->object.aux; i++)
            ri_copy(&native->upvals[i], &model->upvals[i]);
        return native;
    }
    }
}

/* Let a copied piece refer to its fellows. */
static void connect_piece(const RiTemplate *template, const Piece *piece, void *object, void *const *made)
{
    const Patch *patch = &template->patches[piece->first_patch], *end = patch + piece->patch_count;
    RiTable *meta = piece->meta != NO_PIECE ? made[piece->meta] : NULL;
    RiValue *values = NULL;
    if (piece->tag == RI_TAG_USERDATA) {
        ((RiUserdata *)object)->meta = meta;
        for (; patch < end; patch++)
            ((void **)(void *)((RiUserdata *)object)->data)[patch->position] = made[patch->piece];
    } else if (piece->tag == RI_TAG_NATIVE) {
        values = ((RiNative *)object)->upvals;
    } else {
        RiTable *t = object;
        t->meta = meta;
        values = t->slots;
        for (; patch < end && patch->position < piece->field_count; patch++)
            ri_set_object(&values[patch->position], made[patch->piece], patch->tag);
        values = t->array->values - piece->field_count;
    }
    for (; patch < end; patch++)
        ri_set_object(&values[patch->position], made[patch->piece], patch->tag);
}

/* The tables that a process has already are taken instead of new ones. */
static void *make_piece(const RiTemplate *template, RiProcess *process, uint32_t number)
{
    const Piece *piece = &template->pieces[number];
    RiTable *present = NULL;
    if (number == (uint32_t)template->globals)
        present = process->globals;
    else if (number == (uint32_t)template->registry)
        present = process->registry;
    return present != NULL ? present : copy_piece(process->heap, piece);
}

/* Globals before the registry: without that the libraries are opened anew. */
static void fill_present_table(const RiTemplate *template, RiProcess *process, RiTable *t, uint32_t number)
{
    const RiTable *model = template->pieces[number].model;
    if (t != NULL) {
        ri_table_become_like(process->heap, t, model);
        t->absent = model->absent;
        t->flags |= model->flags;
    }
}

static void fill_process(const RiTemplate *template, RiProcess *process)
{
    void *made[PIECES_MAX]; /* kept alive by the scan of the C stack */
    made[MAIN_THREAD] = process->main;
    for (uint32_t i = 1; i < template->piece_count; i++)
        made[i] = make_piece(template, process, i);
    fill_present_table(template, process, process->globals, (uint32_t)template->globals);
    fill_present_table(template, process, process->registry, (uint32_t)template->registry);
    for (uint32_t i = 1; i < template->piece_count; i++)
        connect_piece(template, &template->pieces[i], made[i], made);
    process->registry = made[template->registry];
    process->globals = made[template->globals];
    for (int type = 0; type < RI_TYPE_COUNT; type++) {
        if (template->metatables[type] != NO_PIECE)
            process->metatables[type] = made[template->metatables[type]];
    }
    if (template->io != NO_PIECE) {
        process->io_holder = made[template->io];
        process->io = ((RiUserdata *)process->io_holder)->data;
    }
}

static bool is_untouched(const RiTable *t, uint32_t array_count)
{
    return t->shape == RI_SHAPE_EMPTY && t->dict == NULL && t->meta == NULL && t->flags == 0 &&
           t->array->count == array_count;
}

bool ri_template_fits(const RiProcess *process)
{
    if (process->heap->process_template == NULL || process->io != NULL || !is_untouched(process->globals, 0) ||
        !is_untouched(process->registry, 2))
        return false;
    for (int type = 0; type < RI_TYPE_COUNT; type++) {
        if (process->metatables[type] != NULL)
            return false;
    }
    return ri_table_get_int(process->registry, 2).cp == process->globals;
}

void ri_template_fill(RiProcess *process)
{
    fill_process(process->heap->process_template, process);
}

static void make_process(RiHeap *heap, void *argument)
{
    RiProcess **process = argument;
    const RiProcess *like = *process;
    *process = ri_process_alloc(heap, like->hooks, STACK_SLOTS);
    (*process)->memory_message = like->memory_message;
    (*process)->stress = like->stress;
    fill_process(heap->process_template, *process);
}

RiProcess *ri_process_new_like(RiHeap *heap, const RiProcess *like)
{
    RiProcess *process = (RiProcess *)(uintptr_t)like;
    RiAccount *mine = heap->account;
    void (*on_no_memory)(RiHeap *) = heap->on_no_memory;
    bool done = ri_heap_try(heap, make_process, &process);
    RiAccount *made = heap->account;
    ri_heap_switch(heap, mine);
    heap->on_no_memory = on_no_memory;
    if (!done && made != mine)
        ri_account_close(made);
    return done ? process : NULL;
}
