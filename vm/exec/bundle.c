/* Reading bundles: see bundle.h. */
#include "vm/exec/bundle.h"

#include <string.h>

#define HEADER_SIZE 13u /* of an entry */

static uint64_t read_number(const char *bytes, size_t size)
{
    uint64_t n = 0;
    while (size-- > 0)
        n = n << 8 | (uint8_t)bytes[size];
    return n;
}

bool ri_bundle_read_trailer(const char bytes[RI_BUNDLE_TRAILER_SIZE], RiBundleTrailer *trailer)
{
    *trailer = (RiBundleTrailer){.version = (uint32_t)read_number(bytes + 8, 4),
                                 .count = (uint32_t)read_number(bytes + 12, 4),
                                 .size = read_number(bytes + 16, 8),
                                 .hash = read_number(bytes + 24, 8)};
    return memcmp(bytes, "RILLEBND", 8) == 0;
}

/* FNV-1a: against damage, not against whoever wants to deceive. */
uint64_t ri_bundle_hash(const char *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3u;
    return hash;
}

bool ri_bundle_next(const RiBundle *bundle, size_t *at, RiBundleEntry *entry)
{
    size_t left = bundle->size - *at;
    const char *bytes = bundle->bytes + *at;
    if (left < HEADER_SIZE)
        return false;
    uint64_t name_size = read_number(bytes, 4), size = read_number(bytes + 5, 8);
    left -= HEADER_SIZE;
    if (name_size > left || size > left - name_size)
        return false;
    *entry = (RiBundleEntry){.kind = (RiBundleKind)bytes[4],
                             .name = bytes + HEADER_SIZE,
                             .name_size = (size_t)name_size,
                             .data = bytes + HEADER_SIZE + name_size,
                             .size = (size_t)size};
    *at += HEADER_SIZE + (size_t)name_size + (size_t)size;
    return true;
}

bool ri_bundle_is_sound(const RiBundle *bundle)
{
    RiBundleEntry entry;
    size_t at = 0;
    uint32_t count = 0, programs = 0;
    while (ri_bundle_next(bundle, &at, &entry)) {
        count++;
        programs += entry.kind == RI_BUNDLE_PROGRAM;
    }
    return at == bundle->size && count == bundle->count && programs == 1;
}

bool ri_bundle_find(const RiBundle *bundle, RiBundleKind kind, const char *name, size_t name_size, RiBundleEntry *entry)
{
    size_t at = 0;
    while (bundle != NULL && ri_bundle_next(bundle, &at, entry)) {
        if (entry->kind == kind && entry->name_size == name_size && memcmp(entry->name, name, name_size) == 0)
            return true;
    }
    return false;
}
