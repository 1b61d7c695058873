/* Two levels, the lower one shared after fork. */
#include "vm/machine/pagetable.h"

#include <stdlib.h>
#include <string.h>

void ri_pte_release(RiFrames *frames, RiPte pte)
{
    uint32_t number = ri_pte_number(pte);
    if (number == 0)
        return;
    if (pte & RI_PTE_PRESENT)
        ri_frame_unref(frames, number);
    else
        ri_swap_unref(frames->swap, number);
}

/* One more entry like `pte`. */
static void retain(RiFrames *frames, RiPte pte)
{
    uint32_t number = ri_pte_number(pte);
    if (number == 0)
        return;
    if (pte & RI_PTE_PRESENT)
        ri_frame_ref(frames, number);
    else
        ri_swap_ref(frames->swap, number);
}

/* A copy of a shared leaf. From now on the entries of both say what sharing said: private pages are cow. */
static RiLeaf *split(RiFrames *frames, RiLeaf *shared)
{
    RiLeaf *leaf = malloc(sizeof *leaf);
    if (leaf == NULL)
        return NULL;
    leaf->refs = 1;
    leaf->used = shared->used;
    for (uint32_t i = 0; i < RI_LEAF_PAGES; i++) {
        RiPte pte = shared->entries[i];
        if (pte != 0) {
            retain(frames, pte);
            if (pte & RI_PTE_PRESENT && !(pte & RI_PTE_FILE))
                pte |= RI_PTE_COW;
            shared->entries[i] = pte;
        }
        leaf->entries[i] = pte;
    }
    shared->refs--;
    return leaf;
}

RiLeaf *ri_pagetable_own(RiFrames *frames, RiPageTable *table, uint32_t page)
{
    RiLeaf **place = &table->directory[page / RI_LEAF_PAGES];
    if (RI_LIKELY(*place != NULL && (*place)->refs == 1))
        return *place;
    RiLeaf *leaf;
    if (*place == NULL) {
        leaf = calloc(1, sizeof *leaf);
        if (leaf != NULL)
            leaf->refs = 1;
    } else {
        leaf = split(frames, *place);
    }
    if (leaf != NULL)
        *place = leaf;
    return leaf;
}

/* Of a whole leaf: a loop of a known length and without branches is one that compilers make vectors of. Forks count all leaves. */
static uint32_t count_whole(const RiLeaf *leaf, uint32_t *present)
{
    uint32_t private_count = 0, present_count = 0;
    for (uint32_t i = 0; i < RI_LEAF_PAGES; i++) {
        RiPte pte = leaf->entries[i];
        private_count += (uint32_t)(pte != 0) & (uint32_t)((pte & RI_PTE_FILE) == 0);
        present_count += pte & RI_PTE_PRESENT;
    }
    *present += present_count;
    return private_count;
}

static uint32_t count_private(const RiLeaf *leaf, uint32_t first, uint32_t count, uint32_t *present)
{
    if (count == RI_LEAF_PAGES)
        return count_whole(leaf, present);
    uint32_t private_count = 0;
    for (uint32_t i = first; i < first + count; i++) {
        private_count += ri_pte_is_private(leaf->entries[i]);
        *present += leaf->entries[i] & RI_PTE_PRESENT;
    }
    return private_count;
}

static void clear_entries(RiFrames *frames, RiLeaf *leaf, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count && leaf->used > 0; i++) {
        RiPte pte = leaf->entries[i];
        if (pte != 0) {
            ri_leaf_set(leaf, i, 0);
            ri_pte_release(frames, pte);
        }
    }
}

/* Clear a part of the leaf at *place; an empty leaf goes. */
static bool clear_part(RiFrames *frames, RiPageTable *table, uint32_t page, uint32_t count)
{
    RiLeaf **place = &table->directory[page / RI_LEAF_PAGES];
    if ((*place)->refs > 1 && count == RI_LEAF_PAGES) {
        (*place)->refs--;
        *place = NULL;
        return true;
    }
    RiLeaf *leaf = ri_pagetable_own(frames, table, page);
    if (leaf == NULL)
        return false;
    clear_entries(frames, leaf, page % RI_LEAF_PAGES, count);
    if (leaf->used == 0) {
        free(leaf);
        *place = NULL;
    }
    return true;
}

uint32_t ri_pagetable_clear(RiFrames *frames, RiPageTable *table, uint32_t first, uint32_t count, bool *ok)
{
    uint32_t private_count = 0, present = 0;
    *ok = true;
    for (uint32_t page = first, end = first + count; page < end;) {
        uint32_t part = RI_LEAF_PAGES - page % RI_LEAF_PAGES;
        if (part > end - page)
            part = end - page;
        const RiLeaf *leaf = ri_pagetable_leaf(table, page);
        if (leaf != NULL) {
            uint32_t part_private = count_private(leaf, page % RI_LEAF_PAGES, part, &present);
            if (!clear_part(frames, table, page, part)) {
                *ok = false;
                break;
            }
            private_count += part_private;
        }
        page += part;
    }
    return private_count;
}

void ri_pagetable_share(RiPageTable *to, const RiPageTable *from)
{
    memcpy(to->directory, from->directory, sizeof to->directory);
    for (uint32_t i = 0; i < RI_LEAF_COUNT; i++) {
        if (to->directory[i] != NULL)
            to->directory[i]->refs++;
    }
}

uint32_t ri_pagetable_count(const RiPageTable *table, uint32_t first, uint32_t count, uint32_t *present)
{
    uint32_t private_count = 0;
    *present = 0;
    for (uint32_t page = first, end = first + count; page < end;) {
        uint32_t part = RI_LEAF_PAGES - page % RI_LEAF_PAGES;
        if (part > end - page)
            part = end - page;
        const RiLeaf *leaf = ri_pagetable_leaf(table, page);
        if (leaf != NULL)
            private_count += count_private(leaf, page % RI_LEAF_PAGES, part, present);
        page += part;
    }
    return private_count;
}
