/* Full userdata. */
#include "vm/object/udata.h"

#include <string.h>

bool ri_udata_fork_bytes(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    (void)clone;
    (void)why;
    memcpy(u->data, from->data, from->size);
    return true;
}

RiUserdata *ri_udata_new(RiHeap *heap, size_t size, uint32_t uservalue_count)
{
    ri_assert(uservalue_count <= UINT16_MAX);
    /* A size that cannot be had fails as one that does not overflow. */
    size_t bytes = size < RI_ALLOC_SIZE_MAX ? ri_udata_size(size, uservalue_count) : SIZE_MAX;
    RiUserdata *u = ri_heap_alloc(heap, bytes, RI_SPACE_OBJECT);
    ri_object_init(u, RI_TAG_USERDATA, 0, (uint16_t)uservalue_count, 0);
    u->serial = heap->serial++;
    u->owner = heap->owner;
    u->size = size;
    if (uservalue_count > 0)
        u->uservalues = (RiValue *)(u->data + ((size + 15) & ~(size_t)15));
    return u;
}
