/* Address spaces and their page tables against plain arrays of bytes and rights: map, unmap, protect, load, store, break, fork,
 * in few frames with swapping. Input: a byte of flags (software MMU, frames), then operations. */
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/bare_machine.h"
#include "vm/host/fault.h"
#include "vm/machine/space.h"

#define PAGES 24 /* that are looked at */
#define BASE 0x20000000u
#define AREA (PAGES * RI_PAGE_BYTES)

typedef struct Model {
    uint8_t bytes[AREA];
    uint8_t rights[PAGES]; /* RI_PROT_…, 0xff: nothing is mapped */
} Model;

typedef struct Side {
    RiSpace *space;
    Model model;
} Side;

static Side sides[2]; /* a process and maybe its child */

static bool may(const Side *s, uint32_t offset, uint32_t size, unsigned right)
{
    for (uint32_t page = offset / RI_PAGE_BYTES; page <= (offset + size - 1) / RI_PAGE_BYTES; page++) {
        if (page >= PAGES || s->model.rights[page] == 0xff || !(s->model.rights[page] & right))
            return false;
    }
    return true;
}

/* The machine has no more memory, or may not give it. */
static bool is_short(const RiTrap *trap)
{
    return trap->reason == RI_REASON_NO_FRAME || trap->reason == RI_REASON_LIMIT || trap->reason == RI_REASON_SWAP_ERROR;
}

static void map(Side *s, uint32_t first, uint32_t count, unsigned prot)
{
    const RiMapRequest request = {
        .address = BASE + first * RI_PAGE_BYTES, .size = count * RI_PAGE_BYTES, .prot = prot, .flags = RI_MAP_FIXED, .fd = -1};
    int64_t at = ri_space_mmap(s->space, &request);
    if (at < 0)
        return; /* out of frames, or something lies there: nothing has happened */
    FUZZ_CHECK(at == request.address, "mapped at %llx", (long long)at);
    memset(s->model.bytes + first * RI_PAGE_BYTES, 0, count * RI_PAGE_BYTES);
    memset(s->model.rights + first, (int)prot, count);
}

static void unmap(Side *s, uint32_t first, uint32_t count)
{
    if (ri_space_munmap(s->space, BASE + first * RI_PAGE_BYTES, (uint64_t)count * RI_PAGE_BYTES) == 0)
        memset(s->model.rights + first, 0xff, count);
}

static void protect(Side *s, uint32_t first, uint32_t count, unsigned prot)
{
    bool is_mapped = true;
    for (uint32_t i = first; i < first + count; i++)
        is_mapped = is_mapped && s->model.rights[i] != 0xff;
    int result = ri_space_mprotect(s->space, BASE + first * RI_PAGE_BYTES, (uint64_t)count * RI_PAGE_BYTES, prot);
    FUZZ_CHECK((result == 0) == is_mapped, "protect: %d, mapped %d", result, is_mapped);
    if (result == 0)
        memset(s->model.rights + first, (int)prot, count);
}

static void access_word(Side *s, FuzzInput *in, bool is_store)
{
    uint32_t offset = fuzz_below(in, AREA - 8), size = 1u << fuzz_byte(in) % 4;
    uint64_t value = fuzz_word(in, 8), got = 0;
    RiTrap trap;
    bool done;
    if (is_store) {
        done = size == 1   ? ri_space_store_u8(s->space, BASE + offset, (uint8_t)value, &trap)
               : size == 2 ? ri_space_store_u16(s->space, BASE + offset, (uint16_t)value, &trap)
               : size == 4 ? ri_space_store_u32(s->space, BASE + offset, (uint32_t)value, &trap)
                           : ri_space_store_u64(s->space, BASE + offset, value, &trap);
        bool expected = may(s, offset, size, RI_PROT_WRITE);
        FUZZ_CHECK(done == expected || (expected && is_short(&trap)), "store at +%x: %d, expected %d", offset,
                   done, expected);
        if (done)
            memcpy(s->model.bytes + offset, &value, size);
        return;
    }
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    done = size == 1   ? ri_space_load_u8(s->space, BASE + offset, &u8, &trap)
           : size == 2 ? ri_space_load_u16(s->space, BASE + offset, &u16, &trap)
           : size == 4 ? ri_space_load_u32(s->space, BASE + offset, &u32, &trap)
                       : ri_space_load_u64(s->space, BASE + offset, &got, &trap);
    got |= (uint64_t)u8 | u16 | u32;
    bool expected = may(s, offset, size, RI_PROT_READ);
    FUZZ_CHECK(done == expected || (expected && is_short(&trap)), "load at +%x: %d, expected %d", offset, done,
               expected);
    FUZZ_CHECK(!done || memcmp(&got, s->model.bytes + offset, size) == 0, "load at +%x gives other bytes", offset);
}

static void check_all(Side *s)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        for (uint32_t at = page * RI_PAGE_BYTES; at < (page + 1) * RI_PAGE_BYTES; at += 512) {
            uint64_t got;
            RiTrap trap;
            if (may(s, at, 8, RI_PROT_READ) && ri_space_load_u64(s->space, BASE + at, &got, &trap))
                FUZZ_CHECK(memcmp(&got, s->model.bytes + at, 8) == 0, "bytes at +%x", at);
        }
    }
}

static void operate(BareMachine *bare, FuzzInput *in, RiProc *child)
{
    uint8_t op = fuzz_byte(in);
    Side *s = &sides[sides[1].space != NULL && op & 1];
    uint32_t first = fuzz_byte(in) % PAGES, count = fuzz_byte(in) % 4 + 1;
    if (first + count > PAGES)
        count = PAGES - first;
    static const unsigned rights[] = {RI_PROT_READ, RI_PROT_READ | RI_PROT_WRITE, RI_PROT_READ | RI_PROT_WRITE, 0};
    unsigned prot = rights[op / 2 % 4];
    (void)bare;
    if (op < 40)
        map(s, first, count, prot);
    else if (op < 56)
        unmap(s, first, count);
    else if (op < 80)
        protect(s, first, count, prot);
    else if (op < 150)
        access_word(s, in, true);
    else if (op < 230)
        access_word(s, in, false);
    else if (op < 240)
        check_all(s);
    else if (sides[1].space == NULL && (sides[1].space = ri_space_fork(sides[0].space, child)) != NULL)
        sides[1].model = sides[0].model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char swap_path[] = "/tmp/rille-fuzz-swap-XXXXXX";
    static bool is_set_up;
    if (!is_set_up) {
        is_set_up = true;
        ri_fault_install();
        close(mkstemp(swap_path));
        unlink(swap_path);
    }
    FuzzInput in = fuzz_input(data, size);
    uint8_t flags = fuzz_byte(&in);
    RiMachineConfig config = {.mmu = flags & 1 ? RI_MMU_SOFT : RI_MMU_AUTO,
                              .frames_max = flags & 2 ? 8 : 0,
                              .swap_path = flags & 2 ? swap_path : NULL};
    BareMachine bare = bare_machine_open(&config);
    RiProc *child = ri_proc_new(bare.machine, bare.proc, "child");
    FUZZ_CHECK(child != NULL, "no process");
    memset(sides, 0, sizeof sides);
    memset(sides[0].model.rights, 0xff, PAGES);
    sides[0].space = ri_space_of(bare.proc);
    FUZZ_CHECK(sides[0].space != NULL, "no space");
    for (unsigned steps = 0; !fuzz_is_empty(&in) && steps < 400; steps++)
        operate(&bare, &in, child);
    check_all(&sides[0]);
    if (sides[1].space != NULL)
        check_all(&sides[1]);
    bare_machine_close(&bare);
    unlink(swap_path);
    return 0;
}
