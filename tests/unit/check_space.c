/* Address spaces, with both MMUs (and, of the software one, with and without a handler of faults): mapping, traps, fork,
 * files, swapping, pins. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/host/fault.h"
#include "vm/machine/shm.h"
#include "vm/machine/space.h"

enum { HOST, SOFT, BARE, MODES }; /* BARE: soft, and no faults can be caught, as in a host that keeps its SIGSEGV */

static RiMachine machine;
static RiProc proc, child_proc;
static RiSpace *space;
static RiTrap trap;
static char text[128], path[32], swap_path[32];

static void begin_proc(RiProc *p, uint32_t pid)
{
    memset(p, 0, sizeof *p);
    p->machine = &machine;
    p->pid = pid;
    for (int i = 0; i < RI_LIMIT_COUNT; i++)
        p->limits[i] = RI_NO_LIMIT;
}

static void begin(int mode, uint64_t frames_max, bool swaps)
{
    memset(&machine, 0, sizeof machine);
    if (mode != BARE)
        ri_fault_install();
    machine.config.mmu = mode == HOST ? RI_MMU_AUTO : RI_MMU_SOFT;
    machine.config.frames_max = frames_max;
    strcpy(swap_path, "/tmp/rille-swap-XXXXXX");
    if (swaps) {
        close(mkstemp(swap_path));
        machine.config.swap_path = swap_path;
    }
    begin_proc(&proc, 1);
    begin_proc(&child_proc, 2);
    child_proc.parent = &proc;
    space = ri_space_of(&proc);
    ck_assert_ptr_nonnull(space);
}

static void end(void)
{
    ri_space_destroy(proc.space);
    ri_space_destroy(child_proc.space);
    ri_shm_forget_proc(&proc);
    if (machine.frames != NULL) {
        ri_shm_destroy(&machine);
        ck_assert_uint_eq(machine.frames->in_use, 0);
        ck_assert_uint_eq(machine.frames->locked, 0);
        ck_assert_uint_eq(machine.frames->pinned, 0);
        if (machine.frames->swap != NULL)
            ck_assert_uint_eq(machine.frames->swap->used, 0);
        ck_assert_uint_eq(proc.memory_bytes, 0);
        ck_assert_uint_eq(child_proc.memory_bytes, 0);
    }
    ri_memory_destroy(&machine);
    if (machine.config.swap_path != NULL)
        remove(swap_path);
}

static RiAddr map(uint64_t size, unsigned prot)
{
    const RiMapRequest request = {.size = size, .prot = prot, .fd = -1};
    int64_t address = ri_space_mmap(space, &request);
    ck_assert_int_gt(address, 0);
    return (RiAddr)address;
}

static const char *why(void)
{
    ri_trap_describe(&trap, text, sizeof text);
    return text;
}

static void put32(RiSpace *s, RiAddr address, uint32_t value)
{
    if (!ri_space_store_u32(s, address, value, &trap))
        ck_abort_msg("store at %x: %s", address, why());
}

static uint32_t get32(RiSpace *s, RiAddr address)
{
    uint32_t value = 0;
    if (!ri_space_load_u32(s, address, &value, &trap))
        ck_abort_msg("load at %x: %s", address, why());
    return value;
}

static void no_store(RiSpace *s, RiAddr address, const char *message)
{
    ck_assert(!ri_space_store_u64(s, address, 1, &trap));
    ck_assert_str_eq(why(), message);
}

static void no_load(RiSpace *s, RiAddr address, const char *message)
{
    uint32_t value;
    ck_assert(!ri_space_load_u32(s, address, &value, &trap));
    ck_assert_str_eq(why(), message);
}

#define BOTH_RIGHTS (RI_PROT_READ | RI_PROT_WRITE)

/* -- Scalars ----------------------------------------------------------------------------------------------------- */

START_TEST(scalars_of_all_sizes)
{
    begin(_i, 0, false);
    RiAddr a = map(3 * RI_PAGE_BYTES, BOTH_RIGHTS);
    uint8_t b;
    uint16_t h;
    uint64_t q;
    ck_assert(ri_space_store_u64(space, a + 8, 0x1122334455667788, &trap));
    ck_assert((space->base != NULL) == (_i == HOST && RI_HAVE_FIXUPS));
    ck_assert(ri_space_load_u8(space, a + 8, &b, &trap) && b == 0x88);
    ck_assert(ri_space_load_u16(space, a + 14, &h, &trap) && h == 0x1122);
    ck_assert_uint_eq(get32(space, a + 12), 0x11223344);
    ck_assert(ri_space_store_u8(space, a + 8, 0xff, &trap));
    ck_assert(ri_space_store_u16(space, a + 10, 0xabcd, &trap));
    ck_assert(ri_space_load_u64(space, a + 8, &q, &trap) && q == 0x11223344abcd77ff);
    for (uint32_t at = RI_PAGE_BYTES - 8; at <= RI_PAGE_BYTES + 1; at++) { /* across pages */
        ck_assert(ri_space_store_u64(space, a + at, 0x0102030405060708 + at, &trap));
        ck_assert(ri_space_load_u64(space, a + at, &q, &trap) && q == UINT64_C(0x0102030405060708) + at);
    }
    ck_assert_uint_eq(get32(space, a + 2 * RI_PAGE_BYTES), 0);
    end();
}
END_TEST

START_TEST(traps_say_why)
{
    begin(_i, 0, false);
    const RiMapRequest request = {.address = 0x12000, .size = RI_PAGE_BYTES, .prot = RI_PROT_READ, .flags = RI_MAP_AT, .fd = -1};
    ck_assert_int_eq(ri_space_mmap(space, &request), 0x12000);
    no_store(space, 0x12ff8, "page fault: write of 8 bytes at 0x00012ff8 (read-only)");
    no_store(space, 0x20000, "page fault: write of 8 bytes at 0x00020000 (not mapped)");
    no_load(space, 0, "page fault: read of 4 bytes at 0x00000000 (null page)");
    no_load(space, 0xfffe, "page fault: read of 4 bytes at 0x0000fffe (null page)");
    no_load(space, 0xffffffff, "page fault: read of 4 bytes at 0xffffffff (beyond the address space)");
    no_load(space, 0xfffffffc, "page fault: read of 4 bytes at 0xfffffffc (not mapped)");
    ck_assert_uint_eq(get32(space, 0x12ffc), 0);
    no_load(space, 0x12ffd, "page fault: read of 4 bytes at 0x00013000 (not mapped)");
    ck_assert_int_eq(ri_space_mprotect(space, 0x12000, RI_PAGE_BYTES, RI_PROT_NONE), 0);
    no_load(space, 0x12ffc, "page fault: read of 4 bytes at 0x00012ffc (no access)");
    ck_assert_int_eq(ri_space_mprotect(space, 0x12000, RI_PAGE_BYTES, RI_PROT_WRITE), 0);
    put32(space, 0x12ffc, 5);
    ck_assert_uint_eq(get32(space, 0x12ffc), 5);
    end();
}
END_TEST

START_TEST(a_refused_store_across_pages_has_no_effect)
{
    begin(_i, 0, false);
    RiAddr a = map(2 * RI_PAGE_BYTES, BOTH_RIGHTS);
    ck_assert(ri_space_fill(space, a, 0x55, 2 * RI_PAGE_BYTES, &trap));
    ck_assert_int_eq(ri_space_mprotect(space, a + RI_PAGE_BYTES, RI_PAGE_BYTES, RI_PROT_READ), 0);
    ck_assert_uint_eq(get32(space, a + RI_PAGE_BYTES), 0x55555555);
    ck_assert(!ri_space_store_u64(space, a + RI_PAGE_BYTES - 4, 0, &trap));
    ck_assert_uint_eq(trap.address, a + RI_PAGE_BYTES);
    ck_assert_uint_eq(get32(space, a + RI_PAGE_BYTES - 4), 0x55555555);
    ck_assert_uint_eq(get32(space, a + RI_PAGE_BYTES), 0x55555555);
    ck_assert_int_eq(ri_space_mprotect(space, a + RI_PAGE_BYTES, RI_PAGE_BYTES, BOTH_RIGHTS), 0);
    ck_assert(ri_space_store_u64(space, a + RI_PAGE_BYTES - 4, 0, &trap));
    ck_assert_uint_eq(get32(space, a + RI_PAGE_BYTES), 0);
    end();
}
END_TEST

START_TEST(alignment_where_asked_for)
{
    begin(_i, 0, false);
    const RiMapRequest request = {.size = RI_PAGE_BYTES, .prot = BOTH_RIGHTS, .flags = RI_MAP_ALIGNED, .fd = -1};
    RiAddr a = (RiAddr)ri_space_mmap(space, &request);
    put32(space, a + 4, 7);
    put32(space, a + 4, 8);
    ck_assert_uint_eq(get32(space, a + 4), 8);
    ck_assert(!ri_space_store_u32(space, a + 6, 0, &trap));
    ck_assert_int_eq(trap.cause, RI_TRAP_ALIGNMENT);
    ck_assert_uint_eq(get32(space, a + 4), 8);
    end();
}
END_TEST

/* -- Mapping ----------------------------------------------------------------------------------------------------- */

START_TEST(mapping_and_unmapping)
{
    begin(_i, 0, false);
    RiAddr a = map(100 * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (uint32_t i = 0; i < 100; i++)
        put32(space, a + i * RI_PAGE_BYTES, i);
    uint64_t charged = proc.memory_bytes;
    ck_assert_uint_ge(charged, 100 * RI_PAGE_BYTES);
    ck_assert_int_eq(ri_space_munmap(space, a + 10 * RI_PAGE_BYTES, 20 * RI_PAGE_BYTES), 0);
    ck_assert_uint_eq(proc.memory_bytes, charged - 20 * RI_PAGE_BYTES);
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t value;
        bool ok = ri_space_load_u32(space, a + i * RI_PAGE_BYTES, &value, &trap);
        ck_assert(ok == (i < 10 || i >= 30));
        if (ok)
            ck_assert_uint_eq(value, i);
    }
    const RiMapRequest again = {.address = a + 10 * RI_PAGE_BYTES, .size = 1, .prot = BOTH_RIGHTS, .flags = RI_MAP_AT, .fd = -1};
    ck_assert_int_eq(ri_space_mmap(space, &again), (int64_t)a + 10 * RI_PAGE_BYTES);
    ck_assert_int_eq(ri_space_mmap(space, &again), -EEXIST);
    ck_assert_uint_eq(get32(space, a + 10 * RI_PAGE_BYTES), 0);
    ck_assert_int_eq(ri_space_munmap(space, a, 100 * RI_PAGE_BYTES), 0);
    no_load(space, a, "page fault: read of 4 bytes at 0x40000000 (not mapped)");
    end();
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    begin(_i, 0, false);
    RiMapRequest request = {.size = 0, .prot = BOTH_RIGHTS, .fd = -1};
    ck_assert_int_eq(ri_space_mmap(space, &request), -EINVAL);
    request.size = (uint64_t)1 << 40;
    ck_assert_int_eq(ri_space_mmap(space, &request), -ENOMEM);
    request.size = UINT64_MAX;
    ck_assert_int_eq(ri_space_mmap(space, &request), -ENOMEM);
    request = (RiMapRequest){.address = 0x1000, .size = 4096, .flags = RI_MAP_FIXED, .fd = -1};
    ck_assert_int_eq(ri_space_mmap(space, &request), -EINVAL);
    request.address = RI_INFO_START;
    ck_assert_int_eq(ri_space_mmap(space, &request), -EINVAL);
    request.address = RI_USER_END - 4096;
    request.size = 8192;
    ck_assert_int_eq(ri_space_mmap(space, &request), -EINVAL);
    request = (RiMapRequest){.size = 4096, .fd = 9999};
    ck_assert_int_eq(ri_space_mmap(space, &request), -EBADF);
    ck_assert_int_eq(ri_space_munmap(space, RI_INFO_START, 4096), -EINVAL);
    ck_assert_int_eq(ri_space_munmap(space, 0x40000001, 4096), -EINVAL);
    ck_assert_int_eq(ri_space_mprotect(space, 0x40000000, 4096, RI_PROT_READ), -ENOMEM);
    ck_assert_int_eq(ri_space_mprotect(space, 0x40000000, UINT64_MAX, RI_PROT_READ), -EINVAL);
    end();
}
END_TEST

START_TEST(rights_of_parts_change)
{
    begin(_i, 0, false);
    RiAddr a = map(256 * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (uint32_t i = 0; i < 256; i++)
        put32(space, a + i * RI_PAGE_BYTES, i);
    for (uint32_t i = 0; i < 256; i += 2)
        ck_assert_int_eq(ri_space_mprotect(space, a + i * RI_PAGE_BYTES, RI_PAGE_BYTES, RI_PROT_READ), 0);
    for (uint32_t i = 0; i < 256; i++) {
        ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i);
        ck_assert(ri_space_store_u32(space, a + i * RI_PAGE_BYTES, i + 1, &trap) == (i % 2 != 0));
    }
    uint32_t regions = space->regions.count;
    ck_assert_int_eq(ri_space_mprotect(space, a, 256 * RI_PAGE_BYTES, BOTH_RIGHTS), 0);
    ck_assert_uint_lt(space->regions.count, regions - 200); /* joined again */
    put32(space, a, 77);
    end();
}
END_TEST

START_TEST(the_break_moves)
{
    begin(_i, 0, false);
    ck_assert_int_eq(ri_space_sbrk(space, 0), RI_HEAP_START);
    ck_assert_int_eq(ri_space_sbrk(space, 10000), RI_HEAP_START);
    put32(space, RI_HEAP_START + 9996, 5);
    ck_assert_int_eq(ri_space_sbrk(space, -9000), RI_HEAP_START + 10000);
    ck_assert_int_eq(ri_space_brk(space, 0), RI_HEAP_START + 1000);
    no_load(space, RI_HEAP_START + 8192, "page fault: read of 4 bytes at 0x10002000 (not mapped)");
    ck_assert_int_eq(ri_space_sbrk(space, 9000), RI_HEAP_START + 1000);
    ck_assert_uint_eq(get32(space, RI_HEAP_START + 9996), 0);
    ck_assert_int_eq(ri_space_sbrk(space, INT64_MIN), -ENOMEM);
    ck_assert_int_eq(ri_space_sbrk(space, INT64_MAX), -ENOMEM);
    ck_assert_int_eq(ri_space_brk(space, RI_HEAP_START - 1), -ENOMEM);
    end();
}
END_TEST

START_TEST(residence_and_locks)
{
    uint8_t resident[8];
    begin(_i, 1024, false);
    RiAddr a = map(8 * RI_PAGE_BYTES, BOTH_RIGHTS);
    put32(space, a + 3 * RI_PAGE_BYTES, 1);
    ck_assert_int_eq(ri_space_mincore(space, a, 8 * RI_PAGE_BYTES, resident), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(resident[i], i == 3);
    ck_assert_int_eq(ri_space_mlock(space, a, 4 * RI_PAGE_BYTES, true), 0);
    ck_assert_int_eq(ri_space_mincore(space, a, 8 * RI_PAGE_BYTES, resident), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(resident[i], i < 4);
    ck_assert_int_eq(ri_space_mlock(space, a, 9 * RI_PAGE_BYTES, true), -ENOMEM);
    ck_assert_int_eq(ri_space_mlock(space, map(600 * RI_PAGE_BYTES, BOTH_RIGHTS), 600 * RI_PAGE_BYTES, true), -EAGAIN);
    ck_assert_int_eq(ri_space_mlock(space, a, 4 * RI_PAGE_BYTES, false), 0);
    end();
}
END_TEST

START_TEST(the_information_page_is_read_only)
{
    begin(_i, 0, false);
    RiInfoPage info;
    ck_assert_uint_eq(get32(space, RI_INFO_START), RI_INFO_MAGIC);
    ck_assert_uint_eq(get32(space, RI_INFO_START + offsetof(RiInfoPage, pid)), 1);
    ck_assert(ri_space_copyin(space, RI_INFO_START, &info, sizeof info, &trap));
    ck_assert_uint_eq(info.page_bytes, RI_PAGE_BYTES);
    uint64_t before = info.monotonic_ns;
    ck_assert(ri_space_copyin(space, RI_INFO_START, &info, sizeof info, &trap));
    ck_assert_uint_ge(info.monotonic_ns, before);
    no_store(space, RI_INFO_START, "page fault: write of 8 bytes at 0xfff00000 (read-only)");
    ck_assert_int_eq(get32(space, RI_INFO_START + 4092), 0);
    end();
}
END_TEST

START_TEST(quotas_stop_growth)
{
    begin(_i, 0, false);
    proc.limits[RI_LIMIT_MEMORY] = 100 * RI_PAGE_BYTES;
    RiAddr a = map(1000 * RI_PAGE_BYTES, BOTH_RIGHTS);
    uint32_t count = 0;
    while (count < 1000 && ri_space_store_u32(space, a + count * RI_PAGE_BYTES, 1, &trap))
        count++;
    ck_assert_uint_eq(count, 100);
    ck_assert_str_eq(why(), "not enough memory: write of 4 bytes at 0x40064000 (memory limit)");
    ck_assert_int_eq(ri_space_munmap(space, a, 50 * RI_PAGE_BYTES), 0);
    put32(space, a + count * RI_PAGE_BYTES, 1);
    end();
}
END_TEST

/* -- Ranges ------------------------------------------------------------------------------------------------------ */

START_TEST(ranges_are_copied)
{
    begin(_i, 0, false);
    RiAddr a = map(64 * RI_PAGE_BYTES, BOTH_RIGHTS);
    char out[20000], back[20000];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 13);
    ck_assert(ri_space_copyout(space, a + 4000, out, sizeof out, &trap));
    ck_assert(ri_space_copyin(space, a + 4000, back, sizeof back, &trap));
    ck_assert_mem_eq(out, back, sizeof out);
    ck_assert(ri_space_move(space, a + 4100, a + 4000, sizeof out, &trap)); /* overlaps, upwards */
    ck_assert(ri_space_copyin(space, a + 4100, back, sizeof back, &trap));
    ck_assert_mem_eq(out, back, sizeof out);
    ck_assert(ri_space_move(space, a + 3, a + 4100, sizeof out, &trap)); /* downwards */
    ck_assert(ri_space_copyin(space, a + 3, back, sizeof back, &trap));
    ck_assert_mem_eq(out, back, sizeof out);
    ck_assert(ri_space_fill(space, a + 5, 0xee, 9000, &trap));
    ck_assert(ri_space_copyin(space, a + 4, back, 9002, &trap));
    ck_assert_int_eq(back[0], out[1]);
    ck_assert_int_eq((uint8_t)back[1], 0xee);
    ck_assert_int_eq((uint8_t)back[9000], 0xee);
    ck_assert_int_eq(back[9001], out[9002]);
    ck_assert(ri_space_copyout(space, a + 8190, "hello", 6, &trap));
    ck_assert_int_eq(ri_space_copyin_string(space, a + 8190, back, 100, &trap), 5);
    ck_assert_str_eq(back, "hello");
    ck_assert_int_eq(ri_space_copyin_string(space, a + 8190, back, 3, &trap), -ENAMETOOLONG);
    end();
}
END_TEST

START_TEST(a_refused_range_copies_nothing)
{
    begin(_i, 0, false);
    RiAddr a = map(3 * RI_PAGE_BYTES, BOTH_RIGHTS);
    char out[2 * RI_PAGE_BYTES];
    memset(out, 1, sizeof out);
    ck_assert_int_eq(ri_space_mprotect(space, a + 2 * RI_PAGE_BYTES, RI_PAGE_BYTES, RI_PROT_READ), 0);
    ck_assert(!ri_space_copyout(space, a + RI_PAGE_BYTES, out, RI_PAGE_BYTES + 1, &trap));
    ck_assert_uint_eq(trap.address, a + 2 * RI_PAGE_BYTES);
    ck_assert_uint_eq(trap.size, RI_PAGE_BYTES + 1);
    ck_assert_uint_eq(get32(space, a + RI_PAGE_BYTES), 0);
    ck_assert(!ri_space_fill(space, a, 1, 3 * RI_PAGE_BYTES, &trap));
    ck_assert_uint_eq(get32(space, a), 0);
    ck_assert(!ri_space_check(space, a, (uint64_t)1 << 33, RI_ACCESS_READ, &trap));
    ck_assert(ri_space_check(space, a, 3 * RI_PAGE_BYTES, RI_ACCESS_READ, &trap));
    ck_assert(ri_space_check(space, 0, 0, RI_ACCESS_READ, &trap));
    end();
}
END_TEST

/* -- Fork -------------------------------------------------------------------------------------------------------- */

START_TEST(fork_copies_on_write)
{
    begin(_i, 0, false);
    const uint32_t count = 300;
    RiAddr a = map(count * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (uint32_t i = 0; i < count; i++)
        put32(space, a + i * RI_PAGE_BYTES, i);
    uint32_t in_use = machine.frames->in_use;
    RiSpace *child = ri_space_fork(space, &child_proc);
    ck_assert_ptr_nonnull(child);
    ck_assert_uint_eq(machine.frames->in_use, in_use);
    ck_assert_uint_eq(child_proc.memory_bytes, proc.memory_bytes);
    for (uint32_t i = 0; i < count; i += 3)
        put32(space, a + i * RI_PAGE_BYTES, i + 1000); /* the parent writes, the child reads the old */
    for (uint32_t i = 0; i < count; i++)
        ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES), i);
    for (uint32_t i = 1; i < count; i += 3)
        put32(child, a + i * RI_PAGE_BYTES, i + 2000); /* and the reverse */
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i % 3 == 0 ? i + 1000 : i);
        ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES), i % 3 == 1 ? i + 2000 : i);
    }
    ri_space_destroy(child);
    ck_assert_ptr_null(child_proc.space);
    for (uint32_t i = 0; i < count; i++)
        put32(space, a + i * RI_PAGE_BYTES, ~i);
    for (uint32_t i = 0; i < count; i++)
        ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), ~i);
    end();
}
END_TEST

START_TEST(fork_of_much_that_is_written)
{
    begin(_i, 0, false);
    const uint32_t count = 64 * 40; /* more extents than are protected one by one */
    RiAddr a = map(count * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < count; i++)
            put32(space, a + i * RI_PAGE_BYTES, i + round);
        RiSpace *child = ri_space_fork(space, &child_proc);
        put32(space, a, 99);
        put32(child, a + 4, 98);
        for (uint32_t i = 1; i < count; i++) {
            ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i + round);
            ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES), i + round);
        }
        ck_assert_uint_eq(get32(child, a), round);
        ck_assert_uint_eq(get32(space, a + 4), 0);
        ri_space_destroy(child);
    }
    end();
}
END_TEST

START_TEST(a_grandchild_sees_the_same)
{
    begin(_i, 0, false);
    RiProc third;
    begin_proc(&third, 3);
    RiAddr a = map(2 * RI_PAGE_BYTES, BOTH_RIGHTS);
    put32(space, a, 1);
    RiSpace *child = ri_space_fork(space, &child_proc), *grandchild = ri_space_fork(child, &third);
    put32(child, a, 2);
    put32(space, a, 3);
    ck_assert_uint_eq(get32(grandchild, a), 1);
    ri_space_destroy(child);
    put32(grandchild, a, 4);
    ck_assert_uint_eq(get32(space, a), 3);
    ri_space_destroy(grandchild);
    ck_assert_uint_eq(third.memory_bytes, 0);
    end();
}
END_TEST

START_TEST(shared_memory_stays_shared)
{
    begin(_i, 0, false);
    const RiMapRequest request = {.size = 100 * RI_PAGE_BYTES, .prot = BOTH_RIGHTS, .flags = RI_MAP_SHARED, .fd = -1};
    RiAddr a = (RiAddr)ri_space_mmap(space, &request);
    put32(space, a, 1);
    RiSpace *child = ri_space_fork(space, &child_proc);
    put32(child, a, 2);
    put32(child, a + 50 * RI_PAGE_BYTES, 3);
    ck_assert_uint_eq(get32(space, a), 2);
    ck_assert_uint_eq(get32(space, a + 50 * RI_PAGE_BYTES), 3);
    put32(space, a, 4);
    ck_assert_uint_eq(get32(child, a), 4);
    end();
}
END_TEST

START_TEST(fork_fails_at_the_childs_limit)
{
    begin(_i, 0, false);
    RiAddr a = map(100 * RI_PAGE_BYTES, BOTH_RIGHTS);
    ck_assert(ri_space_fill(space, a, 1, 100 * RI_PAGE_BYTES, &trap));
    child_proc.limits[RI_LIMIT_MEMORY] = 10 * RI_PAGE_BYTES;
    ck_assert_ptr_null(ri_space_fork(space, &child_proc));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(child_proc.space);
    put32(space, a, 2);
    end();
}
END_TEST

/* -- Files ------------------------------------------------------------------------------------------------------- */

static int make_file(uint32_t pages)
{
    strcpy(path, "/tmp/rille-space-XXXXXX");
    int fd = mkstemp(path);
    for (uint32_t i = 0; i < pages * RI_PAGE_BYTES / 4; i++)
        ck_assert_int_eq(write(fd, &i, 4), 4);
    return fd;
}

static RiAddr map_fd(int fd, uint64_t size, unsigned prot, unsigned flags, uint64_t offset)
{
    const RiMapRequest request = {.size = size, .prot = prot, .flags = flags, .fd = fd, .offset = offset};
    int64_t address = ri_space_mmap(space, &request);
    ck_assert_int_gt(address, 0);
    return (RiAddr)address;
}

START_TEST(shared_files_are_written)
{
    begin(_i, 0, false);
    int fd = make_file(4);
    uint32_t value;
    RiAddr a = map_fd(fd, 4 * RI_PAGE_BYTES, BOTH_RIGHTS, RI_MAP_SHARED, 0);
    RiAddr b = map_fd(fd, RI_PAGE_BYTES, BOTH_RIGHTS, RI_MAP_SHARED, 2 * RI_PAGE_BYTES);
    ck_assert_uint_eq(get32(space, a + 8), 2);
    ck_assert_uint_eq(get32(space, b), 2048);
    put32(space, a + 8, 1234);
    put32(space, b + 4, 4321);
    ck_assert_uint_eq(get32(space, a + 2 * RI_PAGE_BYTES + 4), 4321);
    ck_assert_int_eq(ri_space_msync(space, a, 4 * RI_PAGE_BYTES), 0);
    ck_assert_int_eq(pread(fd, &value, 4, 8), 4);
    ck_assert_uint_eq(value, 1234);
    value = 77;
    ck_assert_int_eq(pwrite(fd, &value, 4, 12), 4);
    ck_assert_uint_eq(get32(space, a + 12), 77);
    close(fd); /* the mapping has its own */
    put32(space, a + 12, 78);
    RiSpace *child = ri_space_fork(space, &child_proc);
    put32(child, a + 12, 79);
    ck_assert_uint_eq(get32(space, a + 12), 79);
    remove(path);
    end();
}
END_TEST

START_TEST(private_files_are_copied)
{
    begin(_i, 0, false);
    int fd = make_file(4);
    uint32_t value;
    RiAddr a = map_fd(fd, 4 * RI_PAGE_BYTES, BOTH_RIGHTS, 0, 0);
    ck_assert_uint_eq(get32(space, a + 8), 2);
    put32(space, a + 8, 1234);
    ck_assert_uint_eq(get32(space, a + 8), 1234);
    ck_assert_uint_eq(get32(space, a + 12), 3);
    ck_assert_uint_eq(get32(space, a + 3 * RI_PAGE_BYTES), 3072);
    ck_assert_int_eq(pread(fd, &value, 4, 8), 4);
    ck_assert_uint_eq(value, 2);
    RiSpace *child = ri_space_fork(space, &child_proc);
    put32(child, a + 8, 5);
    put32(child, a + 3 * RI_PAGE_BYTES, 6);
    ck_assert_uint_eq(get32(space, a + 8), 1234);
    ck_assert_uint_eq(get32(space, a + 3 * RI_PAGE_BYTES), 3072);
    close(fd);
    remove(path);
    end();
}
END_TEST

START_TEST(a_truncated_file_gives_a_bus_trap)
{
    begin(_i, 0, false);
    int fd = make_file(4);
    char bytes[16];
    RiAddr a = map_fd(fd, 6 * RI_PAGE_BYTES, BOTH_RIGHTS, RI_MAP_SHARED, 0);
    no_load(space, a + 4 * RI_PAGE_BYTES, "bus error: read of 4 bytes at 0x40004000 (beyond the end of the file)");
    put32(space, a + 2 * RI_PAGE_BYTES, 5);
    put32(space, a + 3 * RI_PAGE_BYTES, 5);
    ck_assert_int_eq(ftruncate(fd, 2 * RI_PAGE_BYTES + 100), 0);
    no_load(space, a + 3 * RI_PAGE_BYTES, "bus error: read of 4 bytes at 0x40003000 (beyond the end of the file)");
    no_store(space, a + 3 * RI_PAGE_BYTES + 8, "bus error: write of 8 bytes at 0x40003008 (beyond the end of the file)");
    ck_assert(!ri_space_copyin(space, a + 3 * RI_PAGE_BYTES - 8, bytes, 16, &trap));
    ck_assert_int_eq(trap.cause, RI_TRAP_BUS);
    ck_assert_uint_eq(trap.address, a + 3 * RI_PAGE_BYTES);
    ck_assert_uint_eq(get32(space, a + 2 * RI_PAGE_BYTES), 5);
    ck_assert_uint_eq(get32(space, a + 2 * RI_PAGE_BYTES + 200), 0);
    put32(space, a + 2 * RI_PAGE_BYTES + 200, 9); /* behind the end, in the last page: kept by nobody */
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 2 * RI_PAGE_BYTES + 100);
    ck_assert_int_eq(ftruncate(fd, 4 * RI_PAGE_BYTES), 0);
    ck_assert_uint_eq(get32(space, a + 3 * RI_PAGE_BYTES), 0);
    close(fd);
    remove(path);
    end();
}
END_TEST

START_TEST(rights_of_files_hold)
{
    begin(_i, 0, false);
    close(make_file(1));
    int fd = open(path, O_RDONLY);
    RiMapRequest request = {.size = 4096, .prot = BOTH_RIGHTS, .flags = RI_MAP_SHARED, .fd = fd};
    ck_assert_int_eq(ri_space_mmap(space, &request), -EACCES);
    request.offset = 1;
    request.prot = RI_PROT_READ;
    ck_assert_int_eq(ri_space_mmap(space, &request), -EINVAL);
    RiAddr a = map_fd(fd, 4096, RI_PROT_READ, RI_MAP_SHARED, 0);
    ck_assert_int_eq(ri_space_mprotect(space, a, 4096, BOTH_RIGHTS), -EACCES);
    RiAddr b = map_fd(fd, 4096, RI_PROT_READ, 0, 0);
    ck_assert_int_eq(ri_space_mprotect(space, b, 4096, BOTH_RIGHTS), 0);
    put32(space, b, 9);
    ck_assert_uint_eq(get32(space, a), 0);
    close(fd);
    int null = open("/dev/null", O_RDWR);
    request = (RiMapRequest){.size = 4096, .prot = RI_PROT_READ, .fd = null};
    ck_assert_int_eq(ri_space_mmap(space, &request), -ENODEV);
    close(null);
    remove(path);
    end();
}
END_TEST

/* -- Swapping ---------------------------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

START_TEST(more_than_memory_is_swapped)
{
    begin(_i, 128, true);
    const uint32_t words = 512 * RI_PAGE_BYTES / 4;
    uint32_t *model = calloc(words, 4);
    uint64_t state = 88172645463325252;
    RiAddr a = map(512 * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (int i = 0; i < 40000; i++) {
        uint32_t at = (uint32_t)(next_random(&state) % words);
        ck_assert_uint_eq(get32(space, a + 4 * at), model[at]);
        model[at] = (uint32_t)state;
        put32(space, a + 4 * at, model[at]);
        ck_assert_uint_le(machine.frames->in_use, 128);
    }
    for (uint32_t i = 0; i < words; i++)
        ck_assert_uint_eq(get32(space, a + 4 * i), model[i]);
    ck_assert_uint_gt(machine.frames->stats.swap_out, 512);
    ck_assert_uint_gt(machine.frames->stats.swap_in, 512);
    ck_assert_uint_gt(machine.frames->stats.second_chances, 0);
    free(model);
    end();
}
END_TEST

START_TEST(forked_pages_are_swapped)
{
    begin(_i, 128, true);
    const uint32_t pages = 200;
    RiAddr a = map(pages * RI_PAGE_BYTES, BOTH_RIGHTS);
    const RiMapRequest request = {.size = pages * RI_PAGE_BYTES, .prot = BOTH_RIGHTS, .flags = RI_MAP_SHARED, .fd = -1};
    RiAddr b = (RiAddr)ri_space_mmap(space, &request);
    for (uint32_t i = 0; i < pages; i++) {
        put32(space, a + i * RI_PAGE_BYTES, i);
        put32(space, b + i * RI_PAGE_BYTES, i);
    }
    RiSpace *child = ri_space_fork(space, &child_proc);
    ck_assert_ptr_nonnull(child);
    for (uint32_t round = 1; round < 4; round++) {
        for (uint32_t i = 0; i < pages; i++) {
            put32(child, a + i * RI_PAGE_BYTES + 4, i * round);
            put32(space, a + i * RI_PAGE_BYTES + 8, i * round);
            put32(i % 2 ? space : child, b + i * RI_PAGE_BYTES, i * round);
        }
        for (uint32_t i = 0; i < pages; i++) {
            ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES), i);
            ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES + 4), i * round);
            ck_assert_uint_eq(get32(child, a + i * RI_PAGE_BYTES + 8), 0);
            ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES + 4), 0);
            ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES + 8), i * round);
            ck_assert_uint_eq(get32(i % 2 ? child : space, b + i * RI_PAGE_BYTES), i * round);
        }
    }
    end();
}
END_TEST

START_TEST(clean_pages_are_not_written_twice)
{
    begin(_i, 128, true);
    RiAddr a = map(512 * RI_PAGE_BYTES, BOTH_RIGHTS);
    for (uint32_t i = 0; i < 512; i++)
        put32(space, a + i * RI_PAGE_BYTES, i);
    for (uint32_t i = 0; i < 512; i++)
        ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i);
    uint64_t written = machine.frames->stats.swap_out;
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 512; i++)
            ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i);
    }
    ck_assert_uint_le(machine.frames->stats.swap_out, written + 128); /* what was still dirty */
    end();
}
END_TEST

START_TEST(locked_pages_stay)
{
    uint8_t resident[16];
    begin(_i, 128, true);
    RiAddr a = map(16 * RI_PAGE_BYTES, BOTH_RIGHTS), b = map(512 * RI_PAGE_BYTES, BOTH_RIGHTS);
    ck_assert_int_eq(ri_space_mlock(space, a, 16 * RI_PAGE_BYTES, true), 0);
    for (uint32_t i = 0; i < 2048; i++)
        put32(space, b + i % 512 * RI_PAGE_BYTES, i);
    ck_assert_int_eq(ri_space_mincore(space, a, sizeof resident * RI_PAGE_BYTES, resident), 0);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(resident[i], 1);
    end();
}
END_TEST

START_TEST(without_swap_memory_ends)
{
    begin(_i, 128, false);
    RiAddr a = map(512 * RI_PAGE_BYTES, BOTH_RIGHTS);
    uint32_t count = 0;
    while (count < 512 && ri_space_store_u32(space, a + count * RI_PAGE_BYTES, 1, &trap))
        count++;
    ck_assert_uint_eq(count, 128);
    ck_assert_int_eq(trap.cause, RI_TRAP_QUOTA_MEMORY);
    ck_assert_int_eq(trap.reason, RI_REASON_NO_FRAME);
    end();
}
END_TEST

/* -- Pins -------------------------------------------------------------------------------------------------------- */

START_TEST(pins_hold_their_pages)
{
    RiPin pin;
    begin(_i, 128, true);
    RiAddr a = map(4 * RI_PAGE_BYTES, BOTH_RIGHTS), b = map(512 * RI_PAGE_BYTES, BOTH_RIGHTS);
    ck_assert(ri_space_pin(space, a + 100, 2 * RI_PAGE_BYTES, RI_ACCESS_WRITE, &pin, &trap));
    size_t total = 0;
    for (uint32_t i = 0; i < pin.count; i++)
        total += pin.parts[i].size;
    ck_assert_uint_eq(total, 2 * RI_PAGE_BYTES);
    for (uint32_t i = 0; i < 2048; i++)
        put32(space, b + i % 512 * RI_PAGE_BYTES, i); /* pressure */
    memcpy(pin.parts[0].bytes, "host", 4);
    RiSpace *child = ri_space_fork(space, &child_proc);
    memcpy(pin.parts[0].bytes, "HOST", 4);
    put32(space, a + 200, 5);
    ck_assert_uint_eq(get32(space, a + 100), 0x54534f48);
    ck_assert_uint_eq(get32(child, a + 100), 0x74736f68);
    ck_assert_int_eq(ri_space_munmap(space, a, 4 * RI_PAGE_BYTES), 0);
    memcpy(pin.parts[0].bytes, "gone", 4); /* nobody sees it, nobody is hurt */
    ri_space_unpin(&pin, 4);
    end();
}
END_TEST

START_TEST(pins_of_files_are_written_back)
{
    RiPin pin;
    begin(_i, 0, false);
    int fd = make_file(2);
    RiAddr a = map_fd(fd, 2 * RI_PAGE_BYTES, BOTH_RIGHTS, RI_MAP_SHARED, 0);
    ck_assert(ri_space_pin(space, a + RI_PAGE_BYTES - 4, 8, RI_ACCESS_WRITE, &pin, &trap));
    memcpy(pin.parts[0].bytes, "abcd", 4);
    memcpy(pin.parts[1].bytes, "efgh", 4);
    ri_space_unpin(&pin, 6);
    char bytes[9] = "";
    ck_assert_int_eq(pread(fd, bytes, 8, RI_PAGE_BYTES - 4), 8);
    ck_assert_mem_eq(bytes, "abcdef", 6);
    ck_assert_mem_ne(bytes + 6, "gh", 2);
    ck_assert(!ri_space_pin(space, a + RI_PAGE_BYTES, 2 * RI_PAGE_BYTES, RI_ACCESS_READ, &pin, &trap));
    close(fd);
    remove(path);
    end();
}
END_TEST

/* -- Windows ----------------------------------------------------------------------------------------------------- */

static uint32_t device_register;

static bool read_register(RiWindow *window, RiSpace *s, uint32_t offset, void *out, uint32_t size)
{
    (void)window, (void)s;
    if (offset != 8 || size != 4)
        return false;
    device_register++;
    memcpy(out, &device_register, 4);
    return true;
}

static bool write_register(RiWindow *window, RiSpace *s, uint32_t offset, const void *value, uint32_t size)
{
    (void)window, (void)s;
    if (offset != 8 || size != 4)
        return false;
    memcpy(&device_register, value, 4);
    return true;
}

static void forget_window(RiMapObject *object)
{
    (void)object;
    device_register = 4242;
}

START_TEST(each_access_to_a_window_is_an_action)
{
    begin(_i, 0, false);
    RiWindow window = {.object = {1, forget_window}, .read = read_register, .write = write_register};
    RiAddr a = (RiAddr)ri_space_map_window(space, 0, 4096, BOTH_RIGHTS, &window);
    ck_assert_uint_eq(a, RI_DEVICE_START);
    put32(space, a + 8, 10);
    ck_assert_uint_eq(get32(space, a + 8), 11);
    ck_assert_uint_eq(get32(space, a + 8), 12);
    no_load(space, a + 12, "bus error: read of 4 bytes at 0xf000000c (no such device register)");
    no_store(space, a + 8, "bus error: write of 8 bytes at 0xf0000008 (no such device register)");
    ck_assert_int_eq(ri_space_munmap(space, a, 4096), -EINVAL);
    end();
    ck_assert_uint_eq(device_register, 4242);
}
END_TEST

/* -- Limits of the host ------------------------------------------------------------------------------------------ */

START_TEST(many_small_mappings)
{
    begin(_i, 0, false);
    const uint32_t pages = 20000;
    RiAddr a = map((uint64_t)pages * RI_PAGE_BYTES, BOTH_RIGHTS);
    if (machine.frames != NULL)
        machine.frames->mappings_max = 500;
    for (uint32_t i = 0; i < pages; i++)
        put32(space, a + i * RI_PAGE_BYTES, i);
    for (uint32_t i = 0; i < pages; i += 2)
        ck_assert_int_eq(ri_space_mprotect(space, a + i * RI_PAGE_BYTES, RI_PAGE_BYTES, RI_PROT_READ), 0);
    for (uint32_t i = 0; i < pages; i++)
        ck_assert_uint_eq(get32(space, a + i * RI_PAGE_BYTES), i);
    ck_assert_uint_le(machine.frames->mappings, 500);
    end();
}
END_TEST

START_TEST(many_spaces)
{
    begin(_i, 0, false);
    enum { COUNT = 300 };
    static RiProc procs[COUNT];
    machine.frames->mappings_max = 600; /* some of them do without the host */
    for (uint32_t i = 0; i < COUNT; i++) {
        begin_proc(&procs[i], i + 10);
        const RiMapRequest request = {.size = 4 * RI_PAGE_BYTES, .prot = BOTH_RIGHTS, .fd = -1};
        RiAddr a = (RiAddr)ri_space_mmap(ri_space_of(&procs[i]), &request);
        put32(procs[i].space, a, i);
        put32(procs[i].space, a + 3 * RI_PAGE_BYTES, ~i);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        ck_assert_uint_eq(get32(procs[i].space, RI_MMAP_START), i);
        ck_assert_uint_eq(get32(procs[i].space, RI_MMAP_START + 3 * RI_PAGE_BYTES), ~i);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        ri_space_destroy(procs[i].space);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("space");
    TCase *tests = tcase_create("both MMUs");
    tcase_set_timeout(tests, 120);
#define RUN(test) tcase_add_loop_test(tests, test, 0, MODES)
    RUN(scalars_of_all_sizes);
    RUN(traps_say_why);
    RUN(a_refused_store_across_pages_has_no_effect);
    RUN(alignment_where_asked_for);
    RUN(mapping_and_unmapping);
    RUN(bad_requests_are_refused);
    RUN(rights_of_parts_change);
    RUN(the_break_moves);
    RUN(residence_and_locks);
    RUN(the_information_page_is_read_only);
    RUN(quotas_stop_growth);
    RUN(ranges_are_copied);
    RUN(a_refused_range_copies_nothing);
    RUN(fork_copies_on_write);
    RUN(fork_of_much_that_is_written);
    RUN(a_grandchild_sees_the_same);
    RUN(shared_memory_stays_shared);
    RUN(fork_fails_at_the_childs_limit);
    RUN(shared_files_are_written);
    RUN(private_files_are_copied);
    RUN(a_truncated_file_gives_a_bus_trap);
    RUN(rights_of_files_hold);
    RUN(more_than_memory_is_swapped);
    RUN(forked_pages_are_swapped);
    RUN(clean_pages_are_not_written_twice);
    RUN(locked_pages_stay);
    RUN(without_swap_memory_ends);
    RUN(pins_hold_their_pages);
    RUN(pins_of_files_are_written_back);
    RUN(each_access_to_a_window_is_an_action);
    RUN(many_small_mappings);
    RUN(many_spaces);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
