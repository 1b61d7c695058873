/* Memory for machine code that is never writable and executable at once: two views of the same pages, one to write
 * through and one to run from. Where the host refuses that there is none, and programs are interpreted. */
#ifndef RI_HOST_CODEPAGES_H
#define RI_HOST_CODEPAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RiCodePages {
    uint8_t *write;       /* the view to write through */
    const uint8_t *run;   /* the same bytes, executable */
    size_t size;          /* bytes; pages not written to take no memory */
    volatile int *native; /* 1 in the host process that made the pages, 0 in one forked from it: the pages are the parent's */
} RiCodePages;

/* Map `size` bytes (rounded up to pages). False, with errno, if the host has none or forbids it. */
bool ri_host_code_map(RiCodePages *pages, size_t size);
void ri_host_code_unmap(RiCodePages *pages);
/* Code is about to be written to and run from these bytes: get their pages in one go. Only for speed. */
void ri_host_code_touch(RiCodePages *pages, size_t offset, size_t size);
/* Give the memory of all pages back; they read as zeros then. */
void ri_host_code_clear(RiCodePages *pages);

#endif
