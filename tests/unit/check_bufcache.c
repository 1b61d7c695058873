/* The buffer cache over a disk that counts, fails and remembers the order of its requests. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "vm/machine/bufcache.h"

enum { SECTORS = 8 * 20 + 3, BYTES = SECTORS * RI_SECTOR_BYTES, BUFFERS = 4 };

typedef struct Disk {
    RiBlockDevice device;
    uint8_t bytes[BYTES];
    uint64_t order[64]; /* sectors of writes */
    uint32_t write_count;
    bool fails_reads, fails_writes;
} Disk;

static Disk disk, other;
static RiBufCache *cache;

static int move(RiBlockDevice *device, const RiBlockRequest *request)
{
    Disk *d = device->data;
    ck_assert_uint_ge(request->count, 1);
    ck_assert_uint_le(request->sector + request->count, SECTORS);
    uint8_t *place = d->bytes + request->sector * RI_SECTOR_BYTES;
    if (request->is_write ? d->fails_writes : d->fails_reads)
        return -EIO;
    if (request->is_write) {
        memcpy(place, request->bytes, request->count * RI_SECTOR_BYTES);
        d->order[d->write_count++ % 64] = request->sector;
    } else {
        memcpy(request->bytes, place, request->count * RI_SECTOR_BYTES);
    }
    return 0;
}

static void make(Disk *d)
{
    memset(d, 0, sizeof *d);
    d->device = (RiBlockDevice){.strategy = move, .data = d, .sector_count = SECTORS};
    for (uint32_t i = 0; i < BYTES; i++)
        d->bytes[i] = (uint8_t)(i / 7);
}

static void setup(void)
{
    make(&disk);
    make(&other);
    cache = ri_bufcache_new(BUFFERS);
    ck_assert_ptr_nonnull(cache);
}

static void teardown(void)
{
    ri_bufcache_destroy(cache);
}

static void write_byte(Disk *d, uint64_t at, uint8_t byte)
{
    ck_assert_int_eq(ri_bufcache_write(cache, &d->device, at, &byte, 1), 0);
}

static uint8_t read_byte(Disk *d, uint64_t at)
{
    uint8_t byte = 0;
    ck_assert_int_eq(ri_bufcache_read(cache, &d->device, at, &byte, 1), 0);
    return byte;
}

START_TEST(bytes_come_from_the_disk_once)
{
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(read_byte(&disk, 5000), (uint8_t)(5000 / 7));
    ck_assert_uint_eq(disk.device.stats.misses, 1);
    ck_assert_uint_eq(disk.device.stats.hits, 9);
    ck_assert_uint_eq(disk.device.stats.reads, 1);
}
END_TEST

START_TEST(ranges_span_blocks_and_end_at_the_last_sector)
{
    static uint8_t all[BYTES];
    ck_assert_int_eq(ri_bufcache_read(cache, &disk.device, 1, all, BYTES - 1), 0);
    ck_assert_mem_eq(all, disk.bytes + 1, BYTES - 1);
    memset(all, 0xab, sizeof all);
    ck_assert_int_eq(ri_bufcache_write(cache, &disk.device, 100, all, BYTES - 100), 0);
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), 0);
    ck_assert_mem_eq(disk.bytes + 100, all, BYTES - 100);
    ck_assert_uint_eq(disk.bytes[99], 99 / 7);
    ck_assert_int_eq(ri_bufcache_read(cache, &disk.device, BYTES, all, 0), 0);
}
END_TEST

START_TEST(writes_wait_and_are_written_in_order)
{
    write_byte(&disk, 2 * RI_BLOCK_BYTES, 1);
    write_byte(&disk, 0, 2);
    ck_assert_uint_eq(disk.write_count, 0);
    ck_assert_uint_eq(disk.device.stats.dirty, 2);
    ck_assert_uint_eq(read_byte(&disk, 0), 2);
    ck_assert_int_eq(ri_bufcache_sync(cache, &other.device), 0);
    ck_assert_uint_eq(disk.write_count, 0);
    ck_assert_int_eq(ri_bufcache_sync(cache, &disk.device), 0);
    ck_assert_uint_eq(disk.write_count, 2);
    ck_assert_uint_eq(disk.order[0], 0);
    ck_assert_uint_eq(disk.order[1], 16);
    ck_assert_uint_eq(disk.device.stats.dirty, 0);
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), 0);
    ck_assert_uint_eq(disk.write_count, 2);
}
END_TEST

START_TEST(more_than_half_dirty_are_written)
{
    for (uint32_t i = 0; i <= BUFFERS / 2; i++)
        write_byte(&disk, (uint64_t)i * RI_BLOCK_BYTES, 9);
    ck_assert_uint_eq(disk.write_count, BUFFERS / 2 + 1);
    ck_assert_uint_eq(disk.device.stats.dirty, 0);
}
END_TEST

START_TEST(the_least_recently_used_goes)
{
    for (uint32_t i = 0; i < BUFFERS; i++)
        read_byte(&disk, (uint64_t)i * RI_BLOCK_BYTES);
    read_byte(&disk, 0); /* block 1 is the oldest now */
    read_byte(&other, 0);
    uint64_t reads = disk.device.stats.reads;
    read_byte(&disk, 0);
    ck_assert_uint_eq(disk.device.stats.reads, reads);
    read_byte(&disk, RI_BLOCK_BYTES);
    ck_assert_uint_eq(disk.device.stats.reads, reads + 1);
    ck_assert_uint_eq(disk.device.stats.evictions, 2);
}
END_TEST

START_TEST(whole_blocks_are_not_read_before_they_are_written)
{
    static uint8_t block[RI_BLOCK_BYTES];
    ck_assert_int_eq(ri_bufcache_write(cache, &disk.device, RI_BLOCK_BYTES, block, sizeof block), 0);
    ck_assert_uint_eq(disk.device.stats.reads, 0);
    write_byte(&disk, 3 * RI_BLOCK_BYTES + 5, 1);
    ck_assert_uint_eq(disk.device.stats.reads, 1);
    ck_assert_uint_eq(read_byte(&disk, 3 * RI_BLOCK_BYTES + 6), (uint8_t)((3 * RI_BLOCK_BYTES + 6) / 7));
}
END_TEST

START_TEST(what_cannot_be_written_stays)
{
    disk.fails_writes = true;
    for (uint32_t i = 0; i < BUFFERS; i++)
        write_byte(&disk, (uint64_t)i * RI_BLOCK_BYTES, (uint8_t)(i + 1));
    uint8_t byte;
    ck_assert_int_eq(ri_bufcache_read(cache, &other.device, 0, &byte, 1), -EIO);
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), -EIO);
    for (uint32_t i = 0; i < BUFFERS; i++)
        ck_assert_uint_eq(read_byte(&disk, (uint64_t)i * RI_BLOCK_BYTES), i + 1);
    disk.fails_writes = false;
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), 0);
    ck_assert_uint_eq(disk.bytes[0], 1);
    ck_assert_uint_eq(read_byte(&other, 7), 1);
}
END_TEST

START_TEST(what_cannot_be_read_is_not_kept)
{
    uint8_t byte;
    disk.fails_reads = true;
    ck_assert_int_eq(ri_bufcache_read(cache, &disk.device, 0, &byte, 1), -EIO);
    ck_assert_int_eq(ri_bufcache_write(cache, &disk.device, 0, &byte, 1), -EIO);
    disk.fails_reads = false;
    ck_assert_uint_eq(read_byte(&disk, 14), 2);
}
END_TEST

START_TEST(read_only_disks_and_disks_that_go)
{
    uint8_t byte = 1;
    disk.device.is_read_only = true;
    ck_assert_int_eq(ri_bufcache_write(cache, &disk.device, 0, &byte, 1), -EROFS);
    write_byte(&other, 0, 77);
    ri_bufcache_forget(cache, &other.device);
    ck_assert_uint_eq(other.device.stats.dirty, 0);
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), 0);
    ck_assert_uint_eq(other.bytes[0], 0);
    ck_assert_uint_eq(read_byte(&other, 0), 0);
}
END_TEST

/* Against an array, with few buffers and much going to and fro. */
START_TEST(it_is_a_disk)
{
    static uint8_t model[BYTES], some[20000];
    uint64_t seed = 12345;
    memcpy(model, disk.bytes, BYTES);
    for (int round = 0; round < 5000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t size = (size_t)(seed >> 33) % (seed >> 62 == 0 ? sizeof some : 300), at = (size_t)(seed >> 13) % (BYTES - size);
        if (seed >> 60 & 1) {
            memset(some, (int)(seed >> 50), size);
            memcpy(model + at, some, size);
            ck_assert_int_eq(ri_bufcache_write(cache, &disk.device, at, some, size), 0);
        } else {
            ck_assert_int_eq(ri_bufcache_read(cache, &disk.device, at, some, size), 0);
            ck_assert_mem_eq(some, model + at, size);
        }
    }
    ck_assert_int_eq(ri_bufcache_sync(cache, NULL), 0);
    ck_assert_mem_eq(disk.bytes, model, BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bufcache");
    TCase *tc = tcase_create("bufcache");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, bytes_come_from_the_disk_once);
    tcase_add_test(tc, ranges_span_blocks_and_end_at_the_last_sector);
    tcase_add_test(tc, writes_wait_and_are_written_in_order);
    tcase_add_test(tc, more_than_half_dirty_are_written);
    tcase_add_test(tc, the_least_recently_used_goes);
    tcase_add_test(tc, whole_blocks_are_not_read_before_they_are_written);
    tcase_add_test(tc, what_cannot_be_written_stays);
    tcase_add_test(tc, what_cannot_be_read_is_not_kept);
    tcase_add_test(tc, read_only_disks_and_disks_that_go);
    tcase_add_test(tc, it_is_a_disk);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
