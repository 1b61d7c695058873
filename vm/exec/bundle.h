/* Programs that bring their modules and files along, in one block of bytes: what `rille bundle` appends to a copy of the run
 * time. All numbers are little-endian.
 *
 *     entry    u32 size of the name, u8 kind, u64 size of the data, name, data; one after the other
 *     trailer  "RILLEBND", u32 version, u32 number of entries, u64 size of the entries, u64 hash of them; ends the file
 *
 * The program is an entry of kind RI_BUNDLE_PROGRAM, its name that of its file. Modules and the program are saved chunks,
 * verified when they are loaded, like any others. */
#ifndef RI_EXEC_BUNDLE_H
#define RI_EXEC_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RI_BUNDLE_VERSION 1
#define RI_BUNDLE_TRAILER_SIZE 32

typedef enum RiBundleKind { RI_BUNDLE_PROGRAM = 'P', RI_BUNDLE_MODULE = 'M', RI_BUNDLE_FILE = 'F' } RiBundleKind;

typedef struct RiBundle {
    const char *bytes; /* of the entries */
    size_t size;
    uint32_t count;
} RiBundle;

typedef struct RiBundleEntry {
    RiBundleKind kind;
    const char *name; /* not ended by a NUL */
    size_t name_size;
    const char *data;
    size_t size;
} RiBundleEntry;

/* What a trailer says; false: it is none. */
typedef struct RiBundleTrailer {
    uint32_t version, count;
    uint64_t size, hash;
} RiBundleTrailer;
bool ri_bundle_read_trailer(const char bytes[RI_BUNDLE_TRAILER_SIZE], RiBundleTrailer *trailer);

uint64_t ri_bundle_hash(const char *bytes, size_t size);

/* Do the entries fit into the bytes, and is there a program among them? To be asked before any of the rest. */
bool ri_bundle_is_sound(const RiBundle *bundle);
/* The entry after the one at *at (0 to begin with), which moves on. False: there is none. */
bool ri_bundle_next(const RiBundle *bundle, size_t *at, RiBundleEntry *entry);
/* `bundle` may be NULL: then there is nothing. */
bool ri_bundle_find(const RiBundle *bundle, RiBundleKind kind, const char *name, size_t name_size, RiBundleEntry *entry);

#endif
