/* What the files of the heap, account.c and quota.c share about a heap, and nobody else sees. */
#ifndef RI_OBJECT_COLLECTOR_H
#define RI_OBJECT_COLLECTOR_H

#include <pthread.h>
#include <setjmp.h>

#include "vm/object/heap.h"

typedef struct RiRegistered { /* an object with a finalizer */
    void *object;
    uint64_t tag;
} RiRegistered;

/* Copy items to where they do not overlap, or lower. Word by word: vector registers would keep pieces of them, which the
 * lazy binding of a call leaves on the C stack. */
static inline void ri_registered_copy(RiRegistered *to, const RiRegistered *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i].object = from[i].object;
        to[i].tag = from[i].tag;
        __asm__ volatile("" : : : "memory");
    }
}

typedef struct RiRoot {
    void *start;
    size_t size;
} RiRoot;

/* Pointer-free blocks of one middle size: see heap_spare.c. */
enum { RI_SPARE_CLASS_COUNT = 14 };
typedef struct RiSpares {
    void *first;          /* free blocks; link in word 0 */
    void **known;         /* blocks taken from libgc since the last collection, and those kept by it */
    uint32_t known_count, known_capacity; /* at most SPARE_BYTES_MAX / size */
    uint32_t taken;                       /* allocations since the last collection */
} RiSpares;

#define RI_OWNERS_PER_BLOCK 1024u /* ids of processes are given to heaps in blocks of so many */
#define RI_OWNER_BLOCKS 16384u    /* of which block 0 is never given */

struct RiCollector {
    RiHeap *heap;
    RiCollector *next, *previous; /* all heaps of the host process; guarded by libgc's lock */
    bool collecting;   /* by `thread`; see on_event */
    pthread_t thread;

    /* Guarded by libgc's lock, as collections of other heaps look at them too. */
    RiRoot *roots;
    size_t root_count, root_capacity;
    RiAccount **accounts; /* [0, account_end): one each, or the next free index (ri_collector_account) */
    uint32_t account_count, account_end, account_capacity;
    uint32_t account_free;                 /* an index that is free; account_end: none */
    uint16_t *owner_blocks;                /* of the accounts, by index / RI_OWNERS_PER_BLOCK; 0: none. Behind them */
    RiNativeStack **stacks;
    uint32_t stack_count, stack_capacity;

    char *arena, *arena_end;      /* of the commons while they are made: what is left of their memory. Else NULL */
    RiSpares spares[RI_SPARE_CLASS_COUNT];
    RiAccount home;               /* the heap's own account: index 0 */
    uint32_t turn;                /* which account comes first in the next collection */
    RiNativeStack *stack;         /* the running one; NULL: the host thread's own … */
    void *stack_bottom;           /* … which ends here. Known once a stack has been added */
    int64_t live_bytes;           /* after the last collection, of all accounts */
    int64_t dead_bytes;           /* of those, of accounts closed since */
    int64_t list_bytes;           /* that the lists of the last collection took */
    uint32_t limited_count;       /* accounts with a limit */
    int64_t footprint_base;       /* ri_heap_footprint without anything in the heap */
    int64_t footprint_seen;       /* ri_heap_footprint when it was last charged to an account */
    int64_t resident_base;        /* the host process's resident bytes without the only account that has a limit */
    int64_t group_limit_bytes;    /* of all accounts together; 0: none */
    uint64_t refused_ns;          /* when ri_quota_admits last said no for their sake */
    int64_t resident_left;        /* what may be allocated until they are looked at again */
    uint32_t releases_due; /* so many collections are to give free pages back to the host */
    bool is_quota_collection;     /* the collection under way is to free as much as possible */
    bool settled;                 /* the last collection was carried through */
    uint32_t stress_every, stress_left; /* RILLE_STRESS=gc; 0: off */
    uint32_t fail_left;                 /* RILLE_FAIL_ALLOC; 0: off */
    bool fails_on;                      /* so do all after it */
    bool is_testing;                    /* one of these: every block is taken by itself, none by the fast path */
    jmp_buf *rescue;                    /* of ri_heap_try */
    uint64_t collections, collect_ns, allocated_bytes;
};

#define RI_PAUSE_PERCENT 200

/* NULL: this index is free. */
static inline RiAccount *ri_collector_account(const RiCollector *c, uint32_t index)
{
    RiAccount *account = c->accounts[index];
    return (uintptr_t)account & 1 ? NULL : account;
}

/* Allocated since the last collection, by one account or all. */
static inline int64_t ri_account_since(const RiAccount *account)
{
    const RiHeap *heap = account->heap;
    return account->credit_base - (heap->account == account ? heap->credit_bytes : account->credit_bytes);
}

static inline int64_t ri_heap_since(const RiHeap *heap)
{
    return heap->elsewhere_bytes + heap->account->credit_base - heap->credit_bytes;
}

/* -- lender.c: only if heap->lender is not NULL ------------------------------------------------------------------ */

/* May `size` more bytes be allocated? */
bool ri_lender_admits(RiHeap *heap, size_t size);
void ri_lender_after_collect(RiHeap *heap);

/* -- heap.c ------------------------------------------------------------------------------------------------------ */

/* Throw "not enough memory". */
RI_NORETURN void ri_heap_fail(RiHeap *heap);

/* A block of ids for the owners of this heap; 0 if there is none left. And all of them back; libgc's lock is held, or nobody
 * else knows of the heap. */
uint16_t ri_owner_block_claim(RiCollector *c, uint32_t first_index);
void ri_owner_blocks_release(RiCollector *c);

/* Bytes that the host process's collected heap keeps in use: whole pages, with what it takes to manage them. */
int64_t ri_heap_footprint(void);

/* Is there no other heap in the host process? */
bool ri_heap_is_alone(const RiCollector *c);

/* Give pages without objects back to the host. */
void ri_heap_release_pages(RiHeap *heap);

uint64_t ri_heap_now_ns(void);

/* -- heap_commons.c ---------------------------------------------------------------------------------------------- */

/* A zeroed block of the memory that the commons are made in; NULL if it is used up. */
void *ri_commons_alloc(RiCollector *c, size_t size);

/* -- account.c --------------------------------------------------------------------------------------------------- */

/* Enter an account in the heap's list. False if memory is short. */
bool ri_account_link(RiHeap *heap, RiAccount *account);
void ri_accounts_destroy(RiHeap *heap);

/* -- quota.c ----------------------------------------------------------------------------------------------------- */

/* Before `size` bytes are taken for the current account, which has a limit: collect, or refuse. Does not return if there
 * is no room. */
void ri_quota_check(RiHeap *heap, size_t size);

/* Is there room for `size` bytes more, without a collection? */
bool ri_quota_admits(RiHeap *heap, size_t size);

/* The heap's footprint may have grown: charge it to the current account. */
void ri_quota_note_growth(RiHeap *heap);

/* After every collection that was carried through. */
void ri_quota_after_collect(RiCollector *c);

/* What the limit is compared with. */
int64_t ri_quota_used(const RiAccount *account);

#endif
