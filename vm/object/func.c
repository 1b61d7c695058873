/* Functions: prototypes, feedback vectors, closures, cells, library functions with upvalues. */
#include "vm/object/func.h"

RiClosure *ri_closure_new(RiHeap *heap, RiFeedback *feedback, uint32_t upval_count)
{
    RiClosure *closure =
        ri_heap_alloc(heap, sizeof *closure + upval_count * sizeof closure->upvals[0], RI_SPACE_OBJECT);
    ri_object_init(closure, RI_TAG_CLOSURE, 0, (uint16_t)upval_count, 0);
    closure->serial = heap->serial++;
    closure->owner = heap->owner;
    closure->feedback = feedback;
    return closure;
}

RiCell *ri_cell_new(RiHeap *heap, RiValue value)
{
    RiCell *cell = ri_heap_alloc(heap, sizeof *cell, RI_SPACE_OBJECT);
    ri_object_init(cell, RI_TAG_CELL, 0, 0, 0);
    ri_store(&cell->value, value);
    return cell;
}

RiNative *ri_native_new(RiHeap *heap, const RiLibFn *fn, uint32_t upval_count)
{
    RiNative *native = ri_heap_alloc(heap, sizeof *native + upval_count * sizeof native->upvals[0], RI_SPACE_OBJECT);
    ri_object_init(native, RI_TAG_NATIVE, 0, (uint16_t)upval_count, 0);
    native->serial = heap->serial++;
    native->owner = heap->owner;
    native->fn = fn;
    return native;
}

/* -- Prototypes and feedback ------------------------------------------------------------------------------------- */

RiProto *ri_proto_new(RiHeap *heap)
{
    RiProto *proto = ri_heap_alloc(heap, sizeof *proto, RI_SPACE_OBJECT);
    ri_object_init(proto, RI_TAG_PROTO, 0, 0, 0);
    ri_heap_uncount(heap, sizeof *proto);
    return proto;
}

void *ri_proto_alloc(RiHeap *heap, size_t size, bool has_pointers)
{
    return ri_heap_alloc_raw(heap, size, has_pointers);
}

RiFeedback *ri_feedback_new(RiHeap *heap, RiProto *proto)
{
    RiFeedback *feedback = ri_heap_alloc(heap, sizeof *feedback, RI_SPACE_OBJECT);
    ri_object_init(feedback, RI_TAG_FEEDBACK, 0, 0, 0);
    ri_heap_uncount(heap, sizeof *feedback);
    feedback->proto = proto;
    feedback->constants = proto->constants;
    feedback->frame_size = proto->frame_size;
    feedback->param_count = proto->param_count;
    feedback->is_vararg = proto->is_vararg;
    if (heap->warm_code != NULL)
        feedback->code = feedback->start = heap->warm_code;
    else
        ri_feedback_warm(heap, feedback);
    return feedback;
}

RiFeedback *ri_feedback_child(RiHeap *heap, RiFeedback *feedback, uint32_t index)
{
    if (!feedback->children)
        feedback->children = ri_proto_alloc(heap, feedback->proto->proto_count * sizeof(RiFeedback *), true);
    if (!feedback->children[index])
        feedback->children[index] = ri_feedback_new(heap, feedback->proto->protos[index]);
    return feedback->children[index];
}

void ri_feedback_warm(RiHeap *heap, RiFeedback *feedback)
{
    const RiProto *proto = feedback->proto;
    if (feedback->is_warm)
        return;
    if (proto->site_count > 0) {
        size_t size = proto->site_count * sizeof(RiCache), block_size = sizeof(RiBuffer) + size;
        RiBuffer *buffer = ri_heap_alloc(heap, block_size, RI_SPACE_LEAF);
        ri_object_init(buffer, RI_TAG_BUFFER, RI_BUFFER_UNCOUNTED, 0, 0);
        ri_heap_uncount(heap, block_size);
        buffer->capacity = buffer->used = size;
        RiCache *caches = (RiCache *)(void *)buffer->bytes;
        for (uint32_t i = 0; i < proto->site_count; i++) {
            uint32_t key = proto->sites[i].key;
            caches[i] = (RiCache){0};
            if (key < proto->constant_count && proto->constants[key].tag == RI_TAG_STRING)
                caches[i].key = proto->constants[key].p;
        }
        feedback->caches = caches;
    }
    feedback->code = proto->code;
    feedback->start = heap->hot_code ? heap->hot_code : proto->code;
    feedback->is_warm = true;
    if (RI_UNLIKELY(heap->on_warm != NULL))
        heap->on_warm(heap, feedback);
}

/* -- Lines ------------------------------------------------------------------------------------------------------- */

int32_t ri_proto_line(const RiProto *proto, uint32_t pc)
{
    if (!proto->has_lines || pc >= proto->code_count)
        return -1;
    /* The last mark at or before pc. */
    uint32_t low = 0, high = proto->line_mark_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (proto->line_marks[middle].pc <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t at = 0;
    int32_t line = (int32_t)proto->line_defined;
    if (low > 0) {
        at = proto->line_marks[low - 1].pc + 1;
        line = (int32_t)proto->line_marks[low - 1].line;
    }
    for (; at <= pc; at++)
        line += proto->line_deltas[at];
    return line;
}
