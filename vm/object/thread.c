/* Threads and their VM stacks. A stack is a block of slots, the first of which is its header: it belongs to its thread
 * alone, which has it traced up to `top`; what lies above is never looked at. */
#include "vm/object/thread.h"

#include <string.h>

#include "vm/object/str.h"

static size_t stack_size(uint32_t slots)
{
    return ((size_t)slots + 1) * sizeof(RiValue);
}

static RiValue *new_stack(RiHeap *heap, uint32_t slots)
{
    RiValue *block = ri_heap_alloc(heap, stack_size(slots), RI_SPACE_LEAF);
    ri_object_init(block, RI_TAG_STACK, 0, 0, slots);
    block->tag = RI_TAG_NIL;
    return block + 1;
}

static void use_stack(RiThread *thread, RiValue *stack, uint32_t slots)
{
    thread->stack = stack;
    thread->stack_capacity = slots;
    thread->stack_limit = stack + slots - RI_STACK_RESERVE;
}

RiThread *ri_thread_new(RiHeap *heap, struct RiProcess *process, uint32_t slots)
{
    if (slots > 0 && slots < RI_STACK_RESERVE)
        slots = RI_STACK_RESERVE;
    RiThread *thread = ri_heap_alloc(heap, sizeof *thread, RI_SPACE_OBJECT);
    ri_object_init(thread, RI_TAG_THREAD, 0, 0, 0);
    thread->serial = heap->serial++;
    thread->owner = heap->owner;
    thread->process = process;
    thread->heap = heap;
    thread->status = RI_THREAD_READY;
    if (slots > 0)
        use_stack(thread, new_stack(heap, slots), slots);
    thread->base = thread->top = thread->stack;
    return thread;
}

void ri_thread_resize_stack(RiThread *thread, uint32_t slots)
{
    RiValue *old = thread->stack;
    size_t used = old != NULL ? (size_t)(thread->top - old) : 0, base = old != NULL ? (size_t)(thread->base - old) : 0;
    uint32_t old_slots = thread->stack_capacity;
    ri_assert(slots >= used && slots >= RI_STACK_RESERVE);
    RiValue *stack = new_stack(thread->heap, slots);
    /* A library function keeps values of its own in the slots above top until it pushes them. */
    size_t copied = old_slots < slots ? old_slots : slots;
    if (copied > 0)
        ri_copy_bytes(thread->heap, (char *)stack, (const char *)old, copied * sizeof(RiValue));
    use_stack(thread, stack, slots);
    thread->base = stack + base;
    thread->top = stack + used;
    if (old != NULL)
        ri_heap_free(thread->heap, old - 1, stack_size(old_slots));
}

void ri_thread_drop_stack(RiThread *thread)
{
    RiValue *old = thread->stack;
    uint32_t slots = thread->stack_capacity;
    if (old == NULL)
        return;
    thread->stack = thread->base = thread->top = thread->stack_limit = NULL;
    thread->stack_capacity = 0;
    ri_heap_free(thread->heap, old - 1, stack_size(slots));
}
