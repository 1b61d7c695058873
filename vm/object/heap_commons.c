/* The commons: what all heaps of a host process have in common, made once. See heap.h. */
#include "vm/object/gcworld.h"

#include <sys/mman.h>

#include "vm/object/shape.h"

#define ARENA_BYTES ((size_t)256 << 10) /* pages are taken as they are touched */

typedef struct Making {
    bool (*fill)(RiHeap *commons);
    bool done;
} Making;

void *ri_commons_alloc(RiCollector *c, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > (size_t)(c->arena_end - c->arena))
        return NULL;
    char *block = c->arena;
    c->arena += size;
    return block;
}

bool ri_commons_hold(const void *p)
{
    return is_common(p);
}

static void fill_commons(RiHeap *heap, void *argument)
{
    Making *making = argument;
    ri_strings_init(heap);
    ri_shapes_init(heap);
    making->done = making->fill(heap);
}

/* A heap with nothing in it, whose objects will lie in the arena. No collection knows of it. */
static RiHeap *new_commons(uint64_t seed, char *arena)
{
    RiHeap *heap = (RiHeap *)(void *)arena;
    RiCollector *c = (RiCollector *)(void *)(heap + 1);
    c->arena = arena + ((sizeof *heap + sizeof *c + 15) & ~(size_t)15);
    c->arena_end = arena + ARENA_BYTES;
    c->heap = heap;
    heap->collector = c;
    heap->account = &c->home;
    heap->seed = seed;
    heap->epoch = 1;
    heap->serial = 1;
    return heap;
}

static RiHeap *make(uint64_t seed, bool (*fill)(RiHeap *commons))
{
    void *arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return NULL;
    world.commons_start = arena;
    world.commons_end = (char *)arena + ARENA_BYTES;
    RiHeap *heap = new_commons(seed, arena);
    Making making = {.fill = fill};
    bool is_linked = ri_account_link(heap, heap->account);
    bool done = is_linked && ri_heap_try(heap, fill_commons, &making) && making.done;
    ri_owner_blocks_release(heap->collector);
    if (!done) {
        ri_shapes_destroy(heap);
        world.commons_start = world.commons_end = NULL;
        munmap(arena, ARENA_BYTES);
        return NULL;
    }
    mprotect(arena, ARENA_BYTES, PROT_READ); /* that nothing is written to it does not depend on this */
    return heap;
}

bool ri_commons_make(uint64_t seed, bool (*fill)(RiHeap *commons))
{
    if (RI_LIKELY(__atomic_load_n(&world.commons, __ATOMIC_ACQUIRE) != NULL))
        return true;
    pthread_mutex_lock(&world.mutex);
    if (!world.ready)
        ri_gc_init_world();
    pthread_mutex_unlock(&world.mutex);
    pthread_mutex_lock(&world.commons_mutex);
    if (world.commons == NULL)
        __atomic_store_n(&world.commons, make(seed, fill), __ATOMIC_RELEASE);
    pthread_mutex_unlock(&world.commons_mutex);
    return world.commons != NULL;
}
