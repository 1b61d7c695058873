/* Blocks of disks in memory: see bufcache.h. */
#include "vm/machine/bufcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTORS_PER_BLOCK (RI_BLOCK_BYTES / RI_SECTOR_BYTES)

typedef struct Buffer {
    RiNode lru;
    struct Buffer *next;   /* in its bucket */
    RiBlockDevice *device; /* NULL: holds nothing */
    uint64_t block;
    bool is_dirty;
    uint8_t bytes[RI_BLOCK_BYTES];
} Buffer;

struct RiBufCache {
    RiNode lru;       /* the most recently used first */
    Buffer **buckets;
    uint32_t bucket_mask;
    uint32_t count, count_max; /* buffers there are, may be */
    uint32_t dirty_count;
};

static Buffer *buffer_of(RiNode *node)
{
    return (Buffer *)(void *)((char *)node - offsetof(Buffer, lru));
}

static Buffer **bucket_of(const RiBufCache *cache, const RiBlockDevice *device, uint64_t block)
{
    uint64_t hash = (block ^ (uint64_t)(uintptr_t)device) * 0x9e3779b97f4a7c15u;
    return &cache->buckets[hash >> 32 & cache->bucket_mask];
}

RiBufCache *ri_bufcache_new(uint32_t buffers)
{
    RiBufCache *cache = calloc(1, sizeof *cache);
    uint32_t buckets = 16;
    ri_assert(buffers > 0 && buffers <= 1u << 24);
    while (buckets < buffers)
        buckets *= 2;
    if (cache == NULL || (cache->buckets = calloc(buckets, sizeof *cache->buckets)) == NULL) {
        free(cache);
        return NULL;
    }
    ri_node_init(&cache->lru);
    cache->bucket_mask = buckets - 1;
    cache->count_max = buffers;
    return cache;
}

void ri_bufcache_destroy(RiBufCache *cache)
{
    if (cache == NULL)
        return;
    while (ri_node_is_linked(&cache->lru)) {
        Buffer *buffer = buffer_of(cache->lru.next);
        ri_node_remove(&buffer->lru);
        free(buffer);
    }
    free(cache->buckets);
    free(cache);
}

/* -- Moving blocks ------------------------------------------------------------------------------------------------- */

static int move(const Buffer *buffer, bool is_write)
{
    RiBlockDevice *device = buffer->device;
    uint64_t sector = buffer->block * SECTORS_PER_BLOCK, left = device->sector_count - sector;
    const RiBlockRequest request = {
        .is_write = is_write,
        .sector = sector,
        .count = left < SECTORS_PER_BLOCK ? (uint32_t)left : SECTORS_PER_BLOCK,
        .bytes = (uint8_t *)(uintptr_t)buffer->bytes,
    };
    int status = device->strategy(device, &request);
    if (status == 0)
        *(is_write ? &device->stats.writes : &device->stats.reads) += 1;
    return status;
}

static void set_dirty(RiBufCache *cache, Buffer *buffer, bool is_dirty)
{
    if (buffer->is_dirty == is_dirty)
        return;
    buffer->is_dirty = is_dirty;
    cache->dirty_count += is_dirty ? 1 : -1u;
    buffer->device->stats.dirty += is_dirty ? 1 : (uint64_t)-1;
}

static int write_back(RiBufCache *cache, Buffer *buffer)
{
    int status = buffer->is_dirty ? move(buffer, true) : 0;
    if (status == 0)
        set_dirty(cache, buffer, false);
    return status;
}

/* The buffer holds nothing from now on. */
static void empty(RiBufCache *cache, Buffer *buffer)
{
    Buffer **link = bucket_of(cache, buffer->device, buffer->block);
    set_dirty(cache, buffer, false);
    while (*link != buffer)
        link = &(*link)->next;
    *link = buffer->next;
    buffer->device = NULL;
}

/* -- Finding ------------------------------------------------------------------------------------------------------- */

static void use_first(RiBufCache *cache, Buffer *buffer)
{
    ri_node_remove(&buffer->lru);
    ri_node_insert(cache->lru.next, &buffer->lru);
}

static Buffer *find(RiBufCache *cache, const RiBlockDevice *device, uint64_t block)
{
    Buffer *buffer = *bucket_of(cache, device, block);
    while (buffer != NULL && (buffer->device != device || buffer->block != block))
        buffer = buffer->next;
    return buffer;
}

/* The least recently used buffer that can be given up, empty now. NULL and *status: none could be written. */
static Buffer *evict(RiBufCache *cache, int *status)
{
    *status = -ENOMEM;
    for (RiNode *node = cache->lru.prev; node != &cache->lru; node = node->prev) {
        Buffer *buffer = buffer_of(node);
        if (buffer->device == NULL)
            return buffer;
        int failed = write_back(cache, buffer);
        if (failed == 0) {
            buffer->device->stats.evictions++;
            empty(cache, buffer);
            return buffer;
        }
        *status = failed;
    }
    return NULL;
}

/* An empty buffer. */
static Buffer *take(RiBufCache *cache, int *status)
{
    if (cache->count < cache->count_max) {
        Buffer *buffer = malloc(sizeof *buffer);
        if (buffer != NULL) {
            buffer->device = NULL;
            buffer->is_dirty = false;
            ri_node_init(&buffer->lru);
            ri_node_insert(cache->lru.next, &buffer->lru);
            cache->count++;
            return buffer;
        }
    }
    return evict(cache, status);
}

/* The buffer of a block, filled unless all of it will be written over. */
static int get(RiBufCache *cache, RiBlockDevice *device, uint64_t block, bool fill, Buffer **out)
{
    int status = 0;
    Buffer *buffer = find(cache, device, block);
    if (buffer != NULL) {
        device->stats.hits++;
        use_first(cache, buffer);
        *out = buffer;
        return 0;
    }
    device->stats.misses++;
    buffer = take(cache, &status);
    if (buffer == NULL)
        return status;
    buffer->device = device;
    buffer->block = block;
    if (fill && (status = move(buffer, false)) < 0) {
        buffer->device = NULL;
        return status;
    }
    Buffer **bucket = bucket_of(cache, device, block);
    buffer->next = *bucket;
    *bucket = buffer;
    use_first(cache, buffer);
    *out = buffer;
    return 0;
}

/* -- Bytes --------------------------------------------------------------------------------------------------------- */

static size_t part_of(uint64_t offset, size_t size)
{
    size_t part = RI_BLOCK_BYTES - (size_t)(offset % RI_BLOCK_BYTES);
    return size < part ? size : part;
}

static void check_range(const RiBlockDevice *device, uint64_t offset, size_t size)
{
    uint64_t end = device->sector_count * RI_SECTOR_BYTES;
    ri_assert(offset <= end && size <= end - offset);
}

int ri_bufcache_read(RiBufCache *cache, RiBlockDevice *device, uint64_t offset, void *to, size_t size)
{
    check_range(device, offset, size);
    for (size_t done = 0, part; done < size; done += part) {
        Buffer *buffer;
        part = part_of(offset + done, size - done);
        int status = get(cache, device, (offset + done) / RI_BLOCK_BYTES, true, &buffer);
        if (status < 0)
            return status;
        memcpy((char *)to + done, buffer->bytes + (offset + done) % RI_BLOCK_BYTES, part);
    }
    return 0;
}

int ri_bufcache_write(RiBufCache *cache, RiBlockDevice *device, uint64_t offset, const void *from, size_t size)
{
    check_range(device, offset, size);
    if (device->is_read_only)
        return -EROFS;
    for (size_t done = 0, part; done < size; done += part) {
        Buffer *buffer;
        part = part_of(offset + done, size - done);
        int status = get(cache, device, (offset + done) / RI_BLOCK_BYTES, part < RI_BLOCK_BYTES, &buffer);
        if (status < 0)
            return status;
        memcpy(buffer->bytes + (offset + done) % RI_BLOCK_BYTES, (const char *)from + done, part);
        set_dirty(cache, buffer, true);
    }
    if (cache->dirty_count > cache->count_max / 2)
        (void)ri_bufcache_sync(cache, NULL); /* what fails stays dirty, and is reported when its room is needed */
    return 0;
}

/* -- Writing back -------------------------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const Buffer *x = *(Buffer *const *)a, *y = *(Buffer *const *)b;
    if (x->device != y->device)
        return (uintptr_t)x->device < (uintptr_t)y->device ? -1 : 1;
    return x->block < y->block ? -1 : x->block > y->block;
}

int ri_bufcache_sync(RiBufCache *cache, RiBlockDevice *device)
{
    enum { FEW = 64 };
    Buffer *some[FEW];
    if (cache->dirty_count == 0)
        return 0;
    Buffer **list = cache->dirty_count <= FEW ? some : malloc(cache->dirty_count * sizeof(Buffer *));
    uint32_t count = 0, room = list != NULL ? cache->dirty_count : FEW;
    int first = 0;
    if (list == NULL)
        list = some; /* memory is short: some, then the others in any order */
    for (RiNode *node = cache->lru.next; node != &cache->lru; node = node->next) {
        Buffer *buffer = buffer_of(node);
        if (!buffer->is_dirty || (device != NULL && buffer->device != device))
            continue;
        if (count < room) {
            list[count++] = buffer;
            continue;
        }
        int status = write_back(cache, buffer);
        first = first == 0 ? status : first;
    }
    qsort(list, count, sizeof *list, compare_places);
    for (uint32_t i = 0; i < count; i++) {
        int status = write_back(cache, list[i]);
        first = first == 0 ? status : first;
    }
    if (list != some)
        free(list);
    return first;
}

void ri_bufcache_forget(RiBufCache *cache, RiBlockDevice *device)
{
    for (RiNode *node = cache->lru.next; node != &cache->lru; node = node->next) {
        Buffer *buffer = buffer_of(node);
        if (buffer->device == device)
            empty(cache, buffer);
    }
}
