/* libgc's start, the list of heaps, and the host's threads. libgc is one for the host process; so is `ri_gc_world`. */
#include "vm/object/gcworld.h"

#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_HEAP_BYTES ((size_t)8 << 20) /* what libgc reserves at the start; pages come when touched */

RiGcWorld ri_gc_world = {.mutex = PTHREAD_MUTEX_INITIALIZER, .commons_mutex = PTHREAD_MUTEX_INITIALIZER};
__thread RiGcThread ri_gc_thread;

/* -- Host process and threads ------------------------------------------------------------------------------------ */

static void forget_thread(void *unused)
{
    (void)unused;
    GC_unregister_my_thread();
}

void *ri_gc_set_stack_bottom(void *base)
{
    GC_set_stackbottom(NULL, base);
    return NULL;
}

static RI_COLD void enter_thread(void)
{
    struct GC_stack_base base;
    if (!GC_thread_is_registered() && GC_get_stack_base(&base) == GC_SUCCESS &&
        GC_register_my_thread(&base) == GC_SUCCESS) {
        GC_call_with_alloc_lock(ri_gc_set_stack_bottom, &base); /* libgc may have known an earlier thread by this id */
        pthread_setspecific(world.thread_key, &world);
    }
    ri_gc_thread.handle = GC_get_my_stackbottom(&base);
    ri_gc_thread.bottom = base.mem_base;
    ri_gc_thread.is_known = true;
}

void ri_heap_enter_thread(void)
{
    if (RI_UNLIKELY(!ri_gc_thread.is_known))
        enter_thread();
}

void *ri_heap_locked(void *(*fn)(void *argument), void *argument)
{
    return GC_call_with_alloc_lock(fn, argument);
}

#ifdef __GLIBC__
extern void *__libc_stack_end; /* where the stack of the main thread was when the process began */
#endif

/* A host that uses libgc itself keeps the settings it has made. */
void ri_gc_init_world(void)
{
    pthread_key_create(&world.thread_key, forget_thread);
    world.is_ours = !GC_is_init_called();
    if (world.is_ours) {
        GC_set_all_interior_pointers(0);
        GC_set_no_dls(1);
        GC_set_dont_precollect(1);
        GC_set_markers_count(1);
        GC_set_warn_proc(GC_ignore_warn_proc);
        /* Left to itself libgc takes this thread for the main one, and reads /proc to find its stack (60 us). */
        struct GC_stack_base base = {.mem_base = NULL};
        bool is_main = syscall(SYS_gettid) == getpid();
#ifdef __GLIBC__
        if (is_main)
            base.mem_base = __libc_stack_end;
#endif
        if (base.mem_base != NULL || GC_get_stack_base(&base) == GC_SUCCESS)
            GC_set_stackbottom(NULL, &base);
        GC_INIT();
        if (!is_main)
            pthread_setspecific(world.thread_key, &world);
        GC_set_disable_automatic_collection(1);
        GC_expand_hp(FIRST_HEAP_BYTES);
    }
    GC_allow_register_threads();

    ri_gc_define_kinds();
    ri_gc_init_pages();
    ri_gc_set_callbacks();
    world.ready = true;
}

/* -- The list of heaps -------------------------------------------------------------------------------------------- */

uint16_t ri_owner_block_claim(RiCollector *c, uint32_t first_index)
{
    for (uint32_t n = 1; n < RI_OWNER_BLOCKS; n++) {
        uint32_t i = world.owner_block_next = world.owner_block_next % (RI_OWNER_BLOCKS - 1) + 1;
        if (world.owner_blocks[i].c == NULL) {
            world.owner_blocks[i].c = c;
            world.owner_blocks[i].first_index = first_index;
            return (uint16_t)i;
        }
    }
    return 0;
}

void ri_owner_blocks_release(RiCollector *c)
{
    for (uint32_t i = 0; c->accounts != NULL && i <= c->account_capacity / RI_OWNERS_PER_BLOCK; i++) {
        if (c->owner_blocks[i] != 0)
            world.owner_blocks[c->owner_blocks[i]].c = NULL;
    }
}

static void *link_heap(void *collector)
{
    RiCollector *c = collector;
    c->next = world.heaps;
    if (c->next != NULL)
        c->next->previous = c;
    world.heaps = c;
    world.heap_count++;
    return NULL;
}

static void *unlink_heap(void *collector)
{
    RiCollector *c = collector;
    if (c->next != NULL)
        c->next->previous = c->previous;
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        world.heaps = c->next;
    world.heap_count--;
    return NULL;
}

void ri_gc_link_heap(RiCollector *c)
{
    GC_call_with_alloc_lock(link_heap, c);
}

void ri_gc_unlink_heap(RiCollector *c)
{
    GC_call_with_alloc_lock(unlink_heap, c);
}
