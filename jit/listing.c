/* Machine code beside the bytecode it was made from, for `rille dis --native` and `rille prof`.
 *
 * While it is on, the compiler notes which bytes each instruction became; later, functions are listed in the order in which
 * they were first compiled, their pieces in the order of addresses: code in line first, then code on the side (exits, stubs,
 * slow paths). Who asks prints the bytes. Profilers ask the notes what an address belongs to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/core.h"
#include "vm/exec/disasm.h"

#define PROTOS_MAX 4096 /* functions that can be listed */

typedef struct Note {
    uint32_t start, end, proto, pc;
    uint32_t number; /* in the order in which they were made: code may be written over by later code */
    const RiFeedback *fv;
    const RiJitInline *inl; /* NULL: fv's own code */
} Note;

struct RiJitListing {
    Note *notes;
    size_t count, capacity;
    uint32_t proto_count;
    bool is_open; /* the instruction `now` began at `mark` */
    bool is_sorted; /* by addresses, for ri_jit_places_at */
    RiJitMark mark;
    Note now;
    const RiProto *protos[PROTOS_MAX]; /* a root */
};

RiJitListing *ri_jit_listing_open(RiHeap *heap)
{
    RiJitListing *listing = calloc(1, sizeof *listing);
    if (listing)
        ri_heap_add_root(heap, listing->protos, sizeof listing->protos);
    return listing;
}

void ri_jit_listing_close(RiJitListing *listing, RiHeap *heap)
{
    if (!listing)
        return;
    ri_heap_remove_root(heap, listing->protos, sizeof listing->protos);
    free(listing->notes);
    free(listing);
}

void ri_jit_listing_forget(RiJitListing *listing)
{
    if (listing)
        listing->count = 0;
}

/* -- Taking notes -------------------------------------------------------------------------------------------------------- */

static void add(RiJitListing *listing, uint32_t start, uint32_t end)
{
    if (start >= end)
        return;
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity * 2 + 1024;
        Note *notes = realloc(listing->notes, capacity * sizeof *notes);
        if (!notes)
            return;
        listing->notes = notes;
        listing->capacity = capacity;
    }
    Note *note = &listing->notes[listing->count];
    *note = listing->now;
    note->start = start;
    note->end = end;
    note->number = (uint32_t)listing->count++;
    listing->is_sorted = false;
}

static uint32_t number_of(RiJitListing *listing, const RiProto *proto)
{
    uint32_t i = listing->proto_count;
    while (i > 0 && listing->protos[i - 1] != proto)
        i--;
    if (i > 0)
        return i - 1;
    if (listing->proto_count == PROTOS_MAX)
        return PROTOS_MAX - 1;
    listing->protos[listing->proto_count] = proto;
    return listing->proto_count++;
}

void ri_jit_listing_end(RiJit *j)
{
    RiJitListing *listing = j->listing;
    if (!listing || !listing->is_open)
        return;
    listing->is_open = false;
    add(listing, listing->mark.hot, j->hot.at);
    add(listing, listing->mark.cold_end == j->cold_end ? listing->mark.cold : j->cold_bottom, j->cold.at);
}

void ri_jit_listing_begin(RiJit *j, uint32_t pc)
{
    RiJitListing *listing = j->listing;
    if (!listing)
        return;
    ri_jit_listing_end(j);
    listing->now.proto = number_of(listing, j->fv->proto);
    listing->now.pc = pc;
    listing->now.fv = j->fv;
    listing->now.inl = j->inl;
    listing->mark = ri_jit_mark(j);
    listing->is_open = true;
}

/* -- Looking up ----------------------------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    const Note *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The last note that begins at or before `at`; NULL: none. */
static const Note *find(RiJitListing *listing, uint32_t at)
{
    if (!listing->is_sorted)
        qsort(listing->notes, listing->count, sizeof *listing->notes, by_start);
    listing->is_sorted = true;
    size_t low = 0, high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing->notes[middle].start <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && at < listing->notes[low - 1].end ? &listing->notes[low - 1] : NULL;
}

bool ri_jit_code_range(const RiHeap *heap, uintptr_t *start, uintptr_t *end)
{
    const RiJit *j = heap->jit;
    if (!j)
        return false;
    *start = (uintptr_t)j->pages.run;
    *end = *start + j->pages.size;
    return true;
}

uint32_t ri_jit_places_at(RiHeap *heap, uintptr_t pc, RiJitPlace out[RI_JIT_PLACES_MAX])
{
    RiJit *j = heap->jit;
    uintptr_t start = j ? (uintptr_t)j->pages.run : 0;
    if (!j || !j->listing || pc < start || pc >= start + j->pages.size)
        return 0;
    const Note *note = find(j->listing, (uint32_t)(pc - start));
    if (!note)
        return 0;
    uint32_t count = 0;
    out[count++] = (RiJitPlace){note->fv->proto, note->pc};
    for (const RiJitInline *inl = note->inl; inl && count < RI_JIT_PLACES_MAX; inl = inl->outer)
        out[count++] = (RiJitPlace){inl->caller->proto, inl->pc};
    return count;
}

/* -- Printing -------------------------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const Note *x = a, *y = b;
    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void print_heading(FILE *out, RiHeap *heap, const RiProto *proto, uint32_t pc)
{
    RiSbuf text;
    ri_sbuf_init(&text, heap);
    ri_disasm_instruction(&text, proto, pc);
    fprintf(out, "%.*s\n", (int)text.size, text.data);
}

void ri_jit_print_listing(RiHeap *heap, FILE *out, RiJitPrintCode *print_code)
{
    RiJit *j = heap->jit;
    RiJitListing *listing = j ? j->listing : NULL;
    if (!listing)
        return;
    ri_jit_listing_end(j);
    listing->is_sorted = false;
    qsort(listing->notes, listing->count, sizeof *listing->notes, by_address);
    uint32_t proto = UINT32_MAX;
    for (size_t i = 0; i < listing->count; i++) {
        const Note *note = &listing->notes[i];
        RiJitPiece piece = {.proto = listing->protos[note->proto]};
        if (note->proto != proto) {
            char name[RI_JIT_NAME_BYTES];
            ri_jit_piece_name(&piece, false, name);
            fprintf(out, "%s%s\n", proto == UINT32_MAX ? "" : "\n", name);
        }
        proto = note->proto;
        bool is_on_side = note->start >= j->cold_bottom;
        if (is_on_side && (i == 0 || listing->notes[i - 1].proto != proto || listing->notes[i - 1].start < j->cold_bottom))
            fprintf(out, "  on the side:\n");
        print_heading(out, heap, piece.proto, note->pc);
        print_code(out, j->pages.run + note->start, note->end - note->start, note->start);
    }
}
