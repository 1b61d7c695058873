/* Memory for machine code that is never writable and executable at once. Either two views of the same pages, one to write
 * through and one to run from; or, where the host refuses that, one view whose protection is switched for each writing. Where
 * that is refused as well there is none, and programs are interpreted.
 *
 * After a fork of the host process the child has a copy of its own, at the same addresses: the views are shared memory, which
 * a fork would leave shared, so what is in use is copied before it and put in place in the child. */
#ifndef RI_HOST_CODEPAGES_H
#define RI_HOST_CODEPAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RiCodeViews {
    RI_CODE_ANY,    /* two views, else one */
    RI_CODE_TWO,
    RI_CODE_SWITCHED, /* one view */
    RI_CODE_NONE      /* as if the host refused both: to test that */
} RiCodeViews;

typedef struct RiCodePages {
    uint8_t *write;       /* the view to write through, between begin and end */
    const uint8_t *run;   /* the same bytes, executable; the same address with one view */
    size_t size;          /* bytes; pages not written to take no memory */
    size_t low, high;     /* bytes below low, and from high on, are in use (or, see touch, soon will be) */
    bool is_lost;         /* in a forked child that got no memory for its copy: never write again, run nothing new */
    struct RiCodePages *next; /* all there are, for forks */
    void *copy;           /* between fork's beginning and its end */
} RiCodePages;

/* Map `size` bytes, rounded up to pages; with one view at most 2 MB (see pages->size). False, with errno, if the host has none or forbids it. `pages` must stay where it
 * is until it is unmapped. */
bool ri_host_code_map(RiCodePages *pages, size_t size, RiCodeViews views);
void ri_host_code_unmap(RiCodePages *pages);
/* Around each writing; they do not nest. With two views they do nothing. */
void ri_host_code_begin(RiCodePages *pages);
void ri_host_code_end(RiCodePages *pages);
/* These bytes are about to be used, after all that is in use below, or before all that is in use at the end: gets their pages
 * in one go. Call it first: copies for forked children hold no others. */
void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size);
/* Only what lies below `low` is in use from now on: give the memory of the other pages back. They read as zeros then. */
void ri_host_code_clear(RiCodePages *pages, size_t low);

#endif
