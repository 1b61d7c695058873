/* The heap: its life, allocation from own free lists over libgc, and when and how a collection is asked for. What
 * happens in one is in the files beside it: see gcworld.h. doc/gc.md tells the story. */
#include "vm/object/gcworld.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm/host/host.h"
#include "vm/object/shape.h"

#define DEBT_MIN_BYTES ((int64_t)3 << 19)  /* no collection before so much has been allocated: it fits into a cache */
#define DEBT_MAX_RATIO 4                   /* times the live bytes, as long as that is less than … */
#define DEBT_EASY_BYTES ((int64_t)8 << 20) /* … this: a small heap is marked in no time, but not all the time */

#define CLEARED_AT_ONCE_BYTES ((size_t)512 << 10) /* of a larger block, between two looks whether the process is to be stopped */
#define DROPPED_BYTES ((size_t)8 << 20) /* a block so large gives its pages back: a growing array would hold all its former ones */
#define UNLIMITED_BYTES ((size_t)16 << 10) /* memory of the heap's own that no limit asks for */
#define UNSTOPPED_BYTES ((int64_t)4 << 20) /* with so little a collection is over before anybody can wait for it */

#if defined(RI_STRESS) && RI_STRESS
#define CAN_FAIL_ALLOC 1
#else
#define CAN_FAIL_ALLOC 0
#endif

/* -- Life of a heap ---------------------------------------------------------------------------------------------- */

static void read_environment(RiCollector *c)
{
    const char *stress = getenv("RILLE_STRESS");
    const char *gc = stress != NULL ? strstr(stress, "gc") : NULL;
    if (gc != NULL) {
        unsigned long every = gc[2] == '=' ? strtoul(gc + 3, NULL, 10) : 1;
        c->stress_every = c->stress_left = every > 0 ? (uint32_t)every : 1;
    }
    const char *fail = CAN_FAIL_ALLOC ? getenv("RILLE_FAIL_ALLOC") : NULL;
    if (fail != NULL) {
        char *rest;
        c->fail_left = (uint32_t)strtoul(fail, &rest, 10);
        c->fails_on = *rest == '+';
    }
    c->is_testing = c->stress_every != 0 || c->fail_left != 0;
}

/* What every heap has from the start. */
static void fill_heap(RiHeap *heap, void *unused)
{
    (void)unused;
    ri_strings_init(heap);
    ri_shapes_init(heap);
    if (heap->commons != NULL)
        heap->process_template = heap->commons->process_template;
}

RiHeap *ri_heap_create(uint64_t seed)
{
    RiHeap *heap = calloc(1, sizeof *heap);
    RiCollector *c = calloc(1, sizeof *c);
    if (heap == NULL || c == NULL) {
        free(heap);
        free(c);
        return NULL;
    }
    c->heap = heap;
    heap->collector = c;
    heap->account = &c->home;
    heap->commons = __atomic_load_n(&world.commons, __ATOMIC_ACQUIRE);
    heap->seed = heap->commons != NULL ? heap->commons->seed : seed;
    heap->epoch = 1;
    heap->serial = 1;
    pthread_mutex_lock(&world.mutex);
    if (!world.ready)
        ri_gc_init_world();
    ri_heap_enter_thread();
    bool has_stack = ri_gc_reserve_stack(STACK_SLACK);
    ri_gc_link_heap(c);
    pthread_mutex_unlock(&world.mutex);
    c->footprint_base = c->footprint_seen = ri_heap_footprint();
    read_environment(c);
    bool has_home = ri_account_link(heap, &c->home);
    heap->owner = c->home.owner;
    if (!has_stack || !has_home || !ri_heap_try(heap, fill_heap, NULL)) {
        ri_heap_destroy(heap);
        return NULL;
    }
    return heap;
}

void ri_heap_destroy(RiHeap *heap)
{
    if (heap == NULL)
        return;
    RiCollector *c = heap->collector;
    ri_heap_repay(heap);
    ri_shapes_destroy(heap);
    ri_accounts_destroy(heap);
    ri_gc_unlink_heap(c);
    ri_strings_destroy(heap);
    ri_gc_free_spares(c);
    ri_heap_cfree(c->roots);
    ri_heap_cfree(c->stacks);
    free(c);
    free(heap);
}

/* -- Shortage of memory ------------------------------------------------------------------------------------------- */

void ri_heap_fail(RiHeap *heap)
{
    if (heap->on_no_memory != NULL)
        heap->on_no_memory(heap);
    ri_panic(__FILE__, __LINE__, "not enough memory");
}

static void leave_try(RiHeap *heap)
{
    longjmp(*heap->collector->rescue, 1);
}

bool ri_heap_try(RiHeap *heap, void (*fn)(RiHeap *heap, void *argument), void *argument)
{
    jmp_buf rescue;
    if (setjmp(rescue)) {
        heap->on_no_memory = NULL;
        return false;
    }
    heap->collector->rescue = &rescue;
    heap->on_no_memory = leave_try;
    fn(heap, argument);
    if (heap->on_no_memory == leave_try)
        heap->on_no_memory = NULL;
    return true;
}

/* Is this the allocation that is to fail, for a test? */
static bool must_fail(RiCollector *c)
{
    if (!CAN_FAIL_ALLOC || RI_LIKELY(c->fail_left == 0))
        return false;
    bool fails = --c->fail_left == 0;
    c->fail_left += fails && c->fails_on;
    return fails;
}

void *ri_heap_calloc(RiHeap *heap, size_t count, size_t size)
{
    if (heap->collector->arena != NULL)
        return ri_commons_alloc(heap->collector, count * size);
    if (must_fail(heap->collector))
        return NULL;
    if (heap->account->limit_bytes != RI_NO_MEMORY_LIMIT && size <= RI_ALLOC_SIZE_MAX / count &&
        count * size > UNLIMITED_BYTES && !ri_quota_admits(heap, count * size))
        return NULL;
    void *block = calloc(count, size);
    if (RI_LIKELY(block != NULL) || size > RI_ALLOC_SIZE_MAX / count)
        return block;
    /* What libgc once had it keeps. If that is all the memory there is, a part of it is to serve. */
    block = GC_malloc_atomic_uncollectable(count * size);
    return block != NULL ? memset(block, 0, count * size) : NULL;
}

void ri_heap_cfree(void *block)
{
    if (block != NULL && GC_base(block) != NULL)
        GC_free(block);
    else if (!is_common(block))
        free(block);
}

/* -- Allocation -------------------------------------------------------------------------------------------------- */

/* After how much allocation since the last collection is the next one due? */
static int64_t debt_bytes(const RiHeap *heap)
{
    int64_t live = heap->collector->live_bytes, more = (int64_t)heap->account->pause_percent - 100;
    int64_t share = more > 0 ? live / 100 * more : 0;
    int64_t easy = live < DEBT_EASY_BYTES / DEBT_MAX_RATIO ? live * DEBT_MAX_RATIO : DEBT_EASY_BYTES;
    int64_t debt = share > easy ? share : easy;
    return debt > DEBT_MIN_BYTES ? debt : DEBT_MIN_BYTES;
}

static bool is_due(const RiHeap *heap)
{
    return ri_heap_since(heap) + heap->collector->dead_bytes >= debt_bytes(heap) && !heap->stopped;
}

/* Before `size` bytes are taken from libgc: collect if it is time. True if the allocation is to fail, for a test. */
static bool before_alloc(RiHeap *heap, size_t size)
{
    RiCollector *c = heap->collector;
    ri_heap_enter_thread();
    if (must_fail(c))
        return true;
    if (RI_UNLIKELY(c->stress_every != 0)) {
        if (--c->stress_left == 0) {
            c->stress_left = c->stress_every;
            ri_heap_collect(heap);
        }
    } else if (RI_UNLIKELY(is_due(heap))) {
        if (ri_heap_since(heap) >= debt_bytes(heap) * 2) {
            ri_heap_collect(heap);
        } else {
            ri_heap_attend(heap);
        }
    }
    if (heap->account->limit_bytes != RI_NO_MEMORY_LIMIT)
        ri_quota_check(heap, size);
    return heap->lender != NULL && !ri_lender_admits(heap, size);
}

/* A block has been taken from libgc. */
static void after_alloc(RiHeap *heap, const void *block, size_t size)
{
    ri_gc_note_block(block, size);
    if (heap->collector->limited_count > 0)
        ri_quota_note_growth(heap);
}

/* A block that takes so long to clear that the process may be stopped meanwhile. Until its header is there it is taken for
 * a free cell: libgc has cleared its first words. Traps: if it is stopped. */
static void *take_large(RiHeap *heap, size_t size)
{
    char *block = GC_generic_malloc(size, world.large_kind);
    for (size_t done = 0; block != NULL && done < size;) {
        size_t part = size - done < CLEARED_AT_ONCE_BYTES ? size - done : CLEARED_AT_ONCE_BYTES;
        memset(block + done, 0, part);
        done += part;
        if (done < size)
            ri_heap_pause_copy(heap);
    }
    return block;
}

/* A heap that is still small takes some cells of a page and leaves the rest to others: a host may have thousands of states,
 * and each has objects of many sizes. */
#define SMALL_HEAP_BYTES ((int64_t)48 << 10)
#define FEW_BYTES 256

typedef struct FewCells {
    void **list, **rest;
    size_t count;
} FewCells;

/* Leave `count` cells in the list, taking them from the rest if it is empty. No collection comes in between. */
static void *share_cells(void *argument)
{
    FewCells *few = argument;
    bool is_full = *few->list != NULL;
    void *cell = is_full ? *few->list : *few->rest, *first = cell;
    for (size_t i = 1; i < few->count && cell != NULL; i++)
        cell = *(void **)cell;
    if (cell == NULL) { /* there are not as many: all of them */
        *few->list = first;
        *few->rest = is_full ? *few->rest : NULL;
        return NULL;
    }
    void *others = *(void **)cell;
    *(void **)cell = NULL;
    *few->list = first;
    *few->rest = others;
    return NULL;
}

static void take_few(size_t size, RiBlockSpace space, void **list)
{
    FewCells few = {list, &world.rest[space][size >> 4], size < FEW_BYTES ? FEW_BYTES / size : 1};
    if (*few.rest != NULL)
        GC_call_with_alloc_lock(share_cells, &few);
    if (*list != NULL)
        return;
    GC_generic_malloc_many(size, world.kind[space], list);
    GC_call_with_alloc_lock(share_cells, &few);
}

/* One block, and, if `list` is not NULL, a list of more there. */
static void *take_from_libgc(RiHeap *heap, size_t size, RiBlockSpace space, void **list)
{
    if (size > CLEARED_AT_ONCE_BYTES && space == RI_SPACE_OBJECT)
        return take_large(heap, size);
    if (list == NULL)
        return GC_generic_malloc(size, world.kind[space]);
    /* libgc stores the list before it gives up its lock: a collection of another heap finds it where it belongs. */
    if (heap->collector->live_bytes + ri_heap_since(heap) < SMALL_HEAP_BYTES)
        take_few(size, space, list);
    else
        GC_generic_malloc_many(size, world.kind[space], list);
    void *first = *list;
    if (first != NULL)
        *list = *(void **)first;
    return first;
}

/* A pointer-free block of middle size. NULL: not one of those, or memory is short. */
static void *alloc_middle(RiHeap *heap, size_t size)
{
    RiCollector *c = heap->collector;
    size_t class = ri_gc_spare_class(size);
    if (class == RI_SPARE_CLASS_COUNT || c->is_testing)
        return NULL;
    void *block = ri_gc_take_spare(c, class);
    if (block == NULL) {
        size_t block_size = ri_gc_spare_size(class);
        void **list = block_size <= RI_GC_SPARE_LIST_MAX ? &c->spares[class].first : NULL;
        block = take_from_libgc(heap, block_size, RI_SPACE_LEAF, list);
        if (block == NULL)
            return NULL;
        ri_gc_know_spare(c, class, block);
        for (void *other = list != NULL ? *list : NULL; other != NULL; other = *(void **)other)
            ri_gc_know_spare(c, class, other);
        after_alloc(heap, block, block_size);
    }
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    return block;
}

/* One more object of the commons. */
static RI_COLD void *alloc_common(RiHeap *heap, size_t size)
{
    void *block = ri_commons_alloc(heap->collector, size);
    if (block == NULL)
        ri_heap_fail(heap);
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    return block;
}

void *ri_heap_alloc_slow(RiHeap *heap, size_t size, RiBlockSpace space)
{
    if (size == 0)
        size = 1;
    if (RI_UNLIKELY(heap->collector->arena != NULL))
        return alloc_common(heap, size);
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap, size)))
        ri_heap_fail(heap);
    size_t granules = (size + 15) >> 4;
    if (size > RI_GC_SPARE_SIZE_MIN && space == RI_SPACE_LEAF) {
        void *middle = alloc_middle(heap, size);
        if (RI_LIKELY(middle != NULL))
            return middle;
    }
    bool is_small = granules < RI_SIZE_CLASS_COUNT && !heap->collector->is_testing;
    size_t block_size = is_small ? granules << 4 : ri_heap_block_size(size);
    void **list = is_small ? &heap->free[space][granules] : NULL;
    void *block = take_from_libgc(heap, is_small ? block_size : size, space, list);
    if (RI_UNLIKELY(block == NULL)) {
        ri_heap_collect(heap);
        block = take_from_libgc(heap, is_small ? block_size : size, space, list);
        if (block == NULL)
            ri_heap_fail(heap);
    }
    heap->credit_bytes -= (int64_t)block_size;
    after_alloc(heap, block, block_size);
    if (RI_UNLIKELY(heap->on_alloc != NULL))
        heap->on_alloc(heap, block, block_size);
    return block;
}

void ri_heap_watch_allocations(RiHeap *heap, void (*on_alloc)(RiHeap *heap, const void *block, size_t size))
{
    heap->collector->is_testing = true;
    memset(heap->free, 0, sizeof heap->free); /* unmarked cells: the next collection finds them */
    heap->on_alloc = on_alloc;
}

bool ri_heap_has_survived(const void *block)
{
    return ri_gc_is_live(block);
}

void *ri_heap_alloc_block(RiHeap *heap, size_t size)
{
    if (size < sizeof(RiObject))
        size = sizeof(RiObject);
    void *block = ri_heap_alloc(heap, size, RI_SPACE_OBJECT);
    ri_object_init(block, RI_TAG_BLOCK, 0, 0, 0);
    return block;
}

void *ri_heap_alloc_raw(RiHeap *heap, size_t size, bool has_pointers)
{
    if (size == 0)
        size = 1;
    if (RI_UNLIKELY(heap->collector->arena != NULL))
        return alloc_common(heap, size);
    if (RI_UNLIKELY(size > RI_ALLOC_SIZE_MAX || before_alloc(heap, size)))
        ri_heap_fail(heap);
    void *block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
    if (RI_UNLIKELY(block == NULL)) {
        ri_heap_collect(heap);
        block = has_pointers ? GC_malloc(size) : GC_malloc_atomic(size);
        if (block == NULL)
            ri_heap_fail(heap);
    }
    if (!has_pointers)
        memset(block, 0, size);
    heap->credit_bytes -= (int64_t)ri_heap_block_size(size);
    ri_heap_uncount(heap, size);
    after_alloc(heap, block, size);
    return block;
}

void *ri_heap_object_of(const void *p)
{
    RiObject *object = p != NULL ? GC_base((void *)(uintptr_t)p) : NULL;
    if (object == NULL)
        return NULL;
    size_t size;
    int kind = GC_get_kind_and_size(object, &size);
    bool is_ours = kind == world.kind[RI_SPACE_OBJECT] || kind == world.kind[RI_SPACE_LEAF] || kind == world.large_kind;
    return is_ours && object->kind_byte & 1 ? object : NULL;
}

size_t ri_heap_size_of(const void *object)
{
    return GC_size(object);
}

void ri_heap_uncount(RiHeap *heap, size_t size)
{
    heap->account->uncounted_bytes += (int64_t)ri_heap_block_size(size);
}

void ri_heap_free(RiHeap *heap, void *block, size_t size)
{
    if (block == NULL)
        return;
    ri_debug_assert(((const RiObject *)block)->kind_byte & 1);
    heap->credit_bytes += (int64_t)ri_heap_block_size(size);
    if (RI_UNLIKELY(heap->collector->arena != NULL))
        return; /* the commons are made by few, and once */
    size_t block_size;
    int kind = GC_get_kind_and_size(block, &block_size);
    RiBlockSpace space = kind == world.kind[RI_SPACE_OBJECT] ? RI_SPACE_OBJECT : RI_SPACE_LEAF;
    size_t granules = block_size >> 4, class = ri_gc_spare_class(block_size);
    bool is_testing = heap->collector->is_testing;
    if (kind == world.kind[RI_SPACE_LEAF] && class < RI_SPARE_CLASS_COUNT && block_size == ri_gc_spare_size(class) &&
        !is_testing) {
        ri_gc_give_spare(heap->collector, class, block); /* it may be known */
        return;
    }
    if (kind != world.kind[space] || granules >= RI_SIZE_CLASS_COUNT || is_testing) {
        if (block_size >= DROPPED_BYTES)
            ri_gc_drop_pages(block, block_size);
        GC_free(block);
        return;
    }
    if (space == RI_SPACE_OBJECT)
        memset((char *)block + sizeof(void *), 0, block_size - sizeof(void *));
    *(void **)block = heap->free[space][granules];
    heap->free[space][granules] = block;
}

/* -- Collection -------------------------------------------------------------------------------------------------- */

uint64_t ri_heap_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Pieces of what memcpy copied last stay in vector registers, and the lazy binding of a call saves all of those on the
 * stack. */
static void clear_vector_registers(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile("vzeroall\n"
                         "vpxorq %%zmm16, %%zmm16, %%zmm16\nvpxorq %%zmm17, %%zmm17, %%zmm17\n"
                         "vpxorq %%zmm18, %%zmm18, %%zmm18\nvpxorq %%zmm19, %%zmm19, %%zmm19\n"
                         "vpxorq %%zmm20, %%zmm20, %%zmm20\nvpxorq %%zmm21, %%zmm21, %%zmm21\n"
                         "vpxorq %%zmm22, %%zmm22, %%zmm22\nvpxorq %%zmm23, %%zmm23, %%zmm23\n"
                         "vpxorq %%zmm24, %%zmm24, %%zmm24\nvpxorq %%zmm25, %%zmm25, %%zmm25\n"
                         "vpxorq %%zmm26, %%zmm26, %%zmm26\nvpxorq %%zmm27, %%zmm27, %%zmm27\n"
                         "vpxorq %%zmm28, %%zmm28, %%zmm28\nvpxorq %%zmm29, %%zmm29, %%zmm29\n"
                         "vpxorq %%zmm30, %%zmm30, %%zmm30\nvpxorq %%zmm31, %%zmm31, %%zmm31\n"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    else if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                           "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

/* For functions whose own frame is scanned, or cleared: a sanitizer's frames have parts that are neither. */
#define PLAIN_FRAME __attribute__((no_sanitize_address)) RI_NOINLINE

/* The frames of libgc's functions will lie where those of earlier calls left pointers behind. */
static PLAIN_FRAME void clear_stack_below(void)
{
    char frame[6000];
    memset(frame, 0, sizeof frame);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void clear_traces(void)
{
    clear_stack_below();
    clear_vector_registers();
}

static int is_stopped(void)
{
    return is_given_up();
}

static void collect_now(void)
{
    if (world.stop != NULL)
        GC_try_to_collect(is_stopped);
    else
        GC_gcollect();
}

/* Collect with the C stack scanned from `rest` up to `bottom`, and this function's callees. No other heap can begin a
 * collection meanwhile: there is none, and world.mutex is held. */
static PLAIN_FRAME void collect_with_rest(void *rest, void *bottom)
{
    struct GC_stack_base here = {.mem_base = __builtin_frame_address(0)};
    if ((char *)rest <= (char *)here.mem_base || (char *)rest > (char *)bottom) {
        collect_now();
        return;
    }
    world.stack_rest = rest;
    world.stack_end = bottom;
    GC_call_with_alloc_lock(ri_gc_set_stack_bottom, &here);
    clear_traces();
    collect_now();
    here.mem_base = bottom;
    GC_call_with_alloc_lock(ri_gc_set_stack_bottom, &here);
    world.stack_rest = NULL;
}

/* The registers that libgc takes for roots may hold what the caller has done with. */
static PLAIN_FRAME void forget_registers(void *rest, void *bottom)
{
    clear_stack_below(); /* the next frame has holes as well */
#ifdef __x86_64__
    __asm__ volatile("xorl %%ebx, %%ebx\nxorl %%r12d, %%r12d\nxorl %%r13d, %%r13d\n"
                     "xorl %%r14d, %%r14d\nxorl %%r15d, %%r15d"
                     :
                     :
                     : "rbx", "r12", "r13", "r14", "r15", "cc");
#endif
    collect_with_rest(rest, bottom);
    __asm__ volatile("" : : : "memory"); /* no tail call: the registers lie saved in this frame, which is not scanned */
}

/* With the stack that is running, down from its end, or from `frame` if that is not NULL. */
static void collect_from(RiHeap *heap, void *frame)
{
    RiCollector *c = heap->collector;
    struct GC_stack_base bottom = {.mem_base = c->stack != NULL ? c->stack->high : ri_gc_thread.bottom};
    if (c->stack != NULL)
        GC_call_with_alloc_lock(ri_gc_set_stack_bottom, &bottom);
    bool is_above = frame != NULL && world.is_ours && pthread_mutex_trylock(&world.mutex) == 0;
    if (is_above && world.heap_count == 1) {
        forget_registers(frame, bottom.mem_base);
    } else {
        clear_traces();
        collect_now();
    }
    if (is_above)
        pthread_mutex_unlock(&world.mutex);
    bottom.mem_base = NO_STACK;
    if (c->stack != NULL)
        GC_call_with_alloc_lock(ri_gc_set_stack_bottom, &bottom);
}

void ri_heap_collect_above(RiHeap *heap, void *frame)
{
    RiCollector *c = heap->collector;
    if (heap->stop_collection || c->arena != NULL)
        return;
    ri_heap_tell_phase(heap, RI_PHASE_COLLECT, true);
    uint64_t start = ri_heap_now_ns();
    ri_heap_enter_thread();
    c->allocated_bytes += (uint64_t)ri_heap_since(heap);
    c->thread = pthread_self();
    c->collecting = true;
    if (heap->stoppable && world.heap_count == 1 && c->live_bytes + ri_heap_since(heap) > UNSTOPPED_BYTES)
        world.stop = &heap->stop_collection;
    c->settled = false;
    collect_from(heap, frame);
    world.stop = NULL;
    if (c->settled)
        ri_quota_after_collect(c);
    if (c->settled && c->releases_due > 0) {
        c->releases_due--;
        ri_heap_release_pages(heap);
    }
    c->collecting = false;
    GC_call_with_alloc_lock(ri_gc_trim_lists, NULL);
    if (heap->lender != NULL)
        ri_lender_after_collect(heap);
    ri_shapes_on_collect(heap);
    uint64_t spent = ri_heap_now_ns() - start;
    c->collections++;
    c->collect_ns += spent;
    heap->account->collections++;
    heap->account->collect_ns += spent;
    ri_heap_tell_phase(heap, RI_PHASE_COLLECT, false);
}

void ri_heap_collect(RiHeap *heap)
{
    ri_heap_collect_above(heap, NULL);
}

bool ri_heap_collect_if_due(RiHeap *heap, void *frame)
{
    bool due = is_due(heap);
    if (due)
        ri_heap_collect_above(heap, frame);
    return due;
}

uint64_t ri_heap_count_bytes(const RiHeap *heap)
{
    const RiAccount *account = heap->account;
    int64_t bytes = account->live_bytes + ri_account_since(account) - account->uncounted_bytes;
    return bytes > 0 ? (uint64_t)bytes : 0;
}

void ri_heap_trim(RiHeap *heap)
{
    heap->collector->is_quota_collection = true;
    ri_heap_collect(heap);
    heap->collector->is_quota_collection = false;
    heap->trims++;
    ri_strings_trim(heap);
    ri_heap_release_pages(heap);
    ri_host_trim();
}

void ri_heap_set_pause(RiHeap *heap, unsigned pause_percent)
{
    heap->account->pause_percent = pause_percent;
}

void ri_heap_stats(const RiHeap *heap, RiHeapStats *out)
{
    const RiCollector *c = heap->collector;
    int64_t since = ri_heap_since(heap);
    *out = (RiHeapStats){
        .collections = c->collections,
        .collect_ns = c->collect_ns,
        .allocated_bytes = c->allocated_bytes + (uint64_t)since,
        .live_bytes = (uint64_t)c->live_bytes,
        .heap_bytes = GC_get_heap_size(),
        .strings_interned = ri_strings_count(heap),
        .accounts = c->account_count - 1,
    };
}
