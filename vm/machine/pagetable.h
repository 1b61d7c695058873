/* The page table: the truth about a process's pages; host mappings and TLBs are caches of it.
 *
 *      address   31       22 21       12 11        0
 *               | directory |   page    |  offset   |
 *                    |           |
 *     directory[1024]+--> leaf[1024] --> entry, 32 bits:
 *
 *               31                                8   7    6    5     4     3 2 1    0
 *              +-----------------------------------+------+---+-----+--------+-----+-------+
 *              | frame number, or swap slot        | file |cow|dirty|accessed|x w r|present|
 *              +-----------------------------------+------+---+-----+--------+-----+-------+
 *
 *     present       the frame number says where the page is (0 with `file`: in the file, mapped by the host)
 *     r w x         kinds of access allowed
 *     accessed      since the replacement's hand last came by
 *     dirty         written to; only then the host maps it writable
 *     cow           another process or a file may have the same page: copied before it is written
 *     file          the page belongs to an object (file, shared segment), not to the process
 *     not present, but not 0: the page is in that slot of the swap device
 *     0             nothing yet: the region that the page lies in says what it will be
 *
 * Leaves are shared by processes after fork (`refs` > 1): then all their private pages count as cow, whatever their
 * entries say. Who changes a leaf makes it its own first. Collects: no. Traps: no. */
#ifndef RI_MACHINE_PAGETABLE_H
#define RI_MACHINE_PAGETABLE_H

#include "vm/machine/frame.h"

typedef uint32_t RiPte;
enum {
    RI_PTE_PRESENT = 1,
    RI_PTE_READ = 2, /* RI_PROT_… << RI_PTE_PROT_SHIFT */
    RI_PTE_WRITE = 4,
    RI_PTE_EXEC = 8,
    RI_PTE_ACCESSED = 16,
    RI_PTE_DIRTY = 32,
    RI_PTE_COW = 64,
    RI_PTE_FILE = 128,
    RI_PTE_PROT = RI_PTE_READ | RI_PTE_WRITE | RI_PTE_EXEC
};
#define RI_PTE_PROT_SHIFT 1
#define RI_PTE_NUMBER_SHIFT 8

#define RI_LEAF_PAGES 1024u
#define RI_LEAF_COUNT (RI_SPACE_PAGES / RI_LEAF_PAGES)

typedef struct RiLeaf {
    uint32_t refs;
    uint32_t used; /* entries that are not 0 */
    RiPte entries[RI_LEAF_PAGES];
} RiLeaf;

typedef struct RiPageTable {
    RiLeaf *directory[RI_LEAF_COUNT]; /* NULL: all entries 0 */
} RiPageTable;

static inline uint32_t ri_pte_number(RiPte pte)
{
    return pte >> RI_PTE_NUMBER_SHIFT;
}
static inline RiPte ri_pte_make(uint32_t number, unsigned flags)
{
    return number << RI_PTE_NUMBER_SHIFT | flags;
}
static inline unsigned ri_pte_prot(RiPte pte) /* as RI_PROT_… */
{
    return (pte & RI_PTE_PROT) >> RI_PTE_PROT_SHIFT;
}
static inline bool ri_pte_is_swapped(RiPte pte)
{
    return !(pte & RI_PTE_PRESENT) && pte != 0;
}
static inline bool ri_pte_is_private(RiPte pte) /* a page of the process's own: charged to it */
{
    return pte != 0 && !(pte & RI_PTE_FILE);
}

static inline RiLeaf *ri_pagetable_leaf(const RiPageTable *table, uint32_t page)
{
    return table->directory[page / RI_LEAF_PAGES];
}
static inline RiPte ri_pagetable_get(const RiPageTable *table, uint32_t page)
{
    const RiLeaf *leaf = ri_pagetable_leaf(table, page);
    return leaf != NULL ? leaf->entries[page % RI_LEAF_PAGES] : 0;
}
/* May the page be written to without looking at the frame? */
static inline bool ri_pagetable_is_writable(const RiPageTable *table, uint32_t page)
{
    const RiLeaf *leaf = ri_pagetable_leaf(table, page);
    const RiPte wanted = RI_PTE_PRESENT | RI_PTE_WRITE | RI_PTE_DIRTY;
    return leaf != NULL && leaf->refs == 1 && (leaf->entries[page % RI_LEAF_PAGES] & (wanted | RI_PTE_COW)) == wanted;
}

/* The leaf that `page` lies in, made if missing, and this table's own from now on. NULL: memory is short. */
RiLeaf *ri_pagetable_own(RiFrames *frames, RiPageTable *table, uint32_t page);
/* Change an entry of a leaf from ri_pagetable_own. References of frames and slots are the caller's matter. */
static inline void ri_leaf_set(RiLeaf *leaf, uint32_t page, RiPte pte)
{
    RiPte *entry = &leaf->entries[page % RI_LEAF_PAGES];
    leaf->used += (uint32_t)(pte != 0) - (uint32_t)(*entry != 0);
    *entry = pte;
}
/* What the entry refers to is let go. */
void ri_pte_release(RiFrames *frames, RiPte pte);
/* Empty the entries of `count` pages from `first` on. Returns how many of them were private. False in *ok: memory was short
 * for a leaf of the table's own, and nothing was done beyond that point. */
uint32_t ri_pagetable_clear(RiFrames *frames, RiPageTable *table, uint32_t first, uint32_t count, bool *ok);
/* `to`, which is empty, gets the same pages: leaves are shared. */
void ri_pagetable_share(RiPageTable *to, const RiPageTable *from);
/* How many of these pages are private, how many there are at all. */
uint32_t ri_pagetable_count(const RiPageTable *table, uint32_t first, uint32_t count, uint32_t *present);

#endif
