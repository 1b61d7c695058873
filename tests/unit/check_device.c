/* Devices from below: tables, descriptors, registers, events, what is left when a process ends. Programs that use them are in
 * tests/machine. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/bare_machine.h"
#include "vm/host/host.h"
#include "vm/machine/driver.h"
#include "vm/machine/engine.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"

static RiMachine *machine;
static RiProc *proc;
static RiTask *task;

static BareMachine bare;

static void setup(void)
{
    const RiMachineConfig config = {.mmu = RI_MMU_SOFT};
    bare = bare_machine_open(&config);
    machine = bare.machine;
    proc = bare.proc;
    task = bare.task;
}

static void teardown(void)
{
    bare_machine_close(&bare);
}

/* -- Help ------------------------------------------------------------------------------------------------------- */

static RiFile *open_device(const char *name, uint32_t flags)
{
    RiFile *file = NULL;
    ck_assert_int_eq(ri_device_open(task, name, flags, &file), 0);
    return file;
}

static RiAddr map(const char *name)
{
    int64_t address = ri_device_map(proc, name);
    ck_assert_int_gt(address, 0);
    return (RiAddr)address;
}

static uint32_t load(RiProc *p, RiAddr address)
{
    uint32_t value = 0;
    RiTrap trap = {0};
    ck_assert_msg(ri_space_load_u32(p->space, address, &value, &trap), "load of %08x", address);
    return value;
}

static void store(RiProc *p, RiAddr address, uint32_t value)
{
    RiTrap trap = {0};
    ck_assert_msg(ri_space_store_u32(p->space, address, value, &trap), "store to %08x", address);
}

static RiAddr memory(RiProc *p, uint32_t size, unsigned prot)
{
    const RiMapRequest request = {.size = size, .prot = prot, .fd = -1};
    int64_t address = ri_space_mmap(ri_space_of(p), &request);
    ck_assert_int_gt(address, 0);
    return (RiAddr)address;
}

#define BLOCK(name) (disk + RI_REG_block_##name)

static uint32_t command(RiAddr disk, uint32_t sector, uint32_t count, RiAddr address, uint32_t code)
{
    store(proc, BLOCK(SECTOR), sector);
    store(proc, BLOCK(COUNT), count);
    store(proc, BLOCK(ADDRESS), address);
    store(proc, BLOCK(COMMAND), code);
    return load(proc, BLOCK(ERROR));
}

/* -- Tables ----------------------------------------------------------------------------------------------------- */

START_TEST(the_tables_are_consistent)
{
    uint64_t irqs = 0;
    for (const RiDeviceInfo *info = ri_device_table; info->path != NULL; info++) {
        ck_assert_int_eq(strncmp(info->path, "/dev/", 5), 0);
        ck_assert_uint_ge(info->units, 1);
        ck_assert_int_eq(info->window == RI_DEVICE_NO_WINDOW, info->ops->load == NULL);
        ck_assert_int_eq(info->kind == RI_DEVICE_BLOCK, info->ops->strategy != NULL);
        ck_assert(info->ops->load == NULL || info->ops->channel_bytes >= sizeof(RiChannel));
        for (uint32_t unit = 0; info->irq != RI_DEVICE_NO_IRQ && unit < info->units; unit++) {
            uint64_t bit = (uint64_t)1 << (info->irq + unit);
            ck_assert_uint_eq(irqs & bit, 0);
            irqs |= bit;
        }
        for (const RiDeviceInfo *row = ri_device_table; row != info; row++) {
            if (info->window != RI_DEVICE_NO_WINDOW && row->window != RI_DEVICE_NO_WINDOW)
                ck_assert(info->window >= row->window + row->units * RI_PAGE_BYTES ||
                          row->window >= info->window + info->units * RI_PAGE_BYTES);
        }
    }
    for (const RiRegister *reg = ri_register_table; reg->group != NULL; reg++) {
        if (reg->access == 0)
            continue;
        ck_assert(reg->bytes == 4 || reg->bytes == 8);
        ck_assert_uint_eq(reg->offset % reg->bytes, 0);
    }
}
END_TEST

START_TEST(every_device_opens_or_says_why)
{
    char name[24];
    for (const RiDeviceInfo *info = ri_device_table; info->path != NULL; info++) {
        for (uint32_t unit = 0; unit < info->units; unit++) {
            RiFile *file = NULL;
            uint32_t found;
            ri_device_name(info, unit, name);
            ck_assert_ptr_eq(ri_device_find(name, &found), info);
            ck_assert_uint_eq(found, unit);
            int64_t status = ri_device_open(task, name, RI_O_RDONLY, &file);
            ck_assert_int_eq(status, info->ops == &ri_disk_ops ? -ENXIO : 0);
            ck_assert_int_eq(ri_device_exists(machine, info, unit), status == 0);
            ri_file_release(file);
        }
    }
    static const char *const wrong[] = {"", "nul", "null0", "disk", "disk4", "disk00", "ram1", "mailbox", "../dev/null", "null/", "/dev/", "/dev//dev/null"};
    for (size_t i = 0; i < RI_COUNTOF(wrong); i++) {
        RiFile *file;
        ck_assert_int_eq(ri_device_open(task, wrong[i], RI_O_RDWR, &file), -ENOENT);
    }
}
END_TEST

START_TEST(simple_devices)
{
    char bytes[64];
    RiFile *null = open_device("null", RI_O_RDWR), *zero = open_device("zero", RI_O_RDWR), *full = open_device("full", RI_O_RDWR);
    RiFile *noise = open_device("random", RI_O_RDWR);
    memset(bytes, 1, sizeof bytes);
    ck_assert_int_eq(ri_file_read(task, null, bytes, sizeof bytes), 0);
    ck_assert_int_eq(ri_file_write(task, null, bytes, sizeof bytes), sizeof bytes);
    ck_assert_int_eq(ri_file_read(task, zero, bytes, sizeof bytes), sizeof bytes);
    ck_assert_int_eq(bytes[63], 0);
    ck_assert_int_eq(ri_file_write(task, full, bytes, 1), -ENOSPC);
    ck_assert_int_eq(ri_file_read(task, noise, bytes, sizeof bytes), sizeof bytes);
    bool any = false;
    for (size_t i = 0; i < sizeof bytes; i++)
        any = any || bytes[i] != 0;
    ck_assert(any);
    ck_assert_int_lt(ri_file_write(task, noise, bytes, 1), 0);
    ck_assert_int_eq(null->ops->ioctl(task, null, RI_IOCTL_block_SIZE, bytes, 8), -ENOTTY);
    RiFile *releases[] = {null, zero, full, noise};
    for (size_t i = 0; i < RI_COUNTOF(releases); i++)
        ri_file_release(releases[i]);
}
END_TEST

/* -- Disks ------------------------------------------------------------------------------------------------------ */

START_TEST(a_disk_by_descriptor)
{
    char bytes[16];
    uint64_t size = 0, stats[6];
    RiFile *file = open_device("ram0", RI_O_RDWR);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_block_SIZE, &size, 8), 0);
    ck_assert_uint_eq(size, RI_RAM_BYTES_USUAL);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_block_SIZE, &size, 7), -EINVAL);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_block_SIZE, NULL, 8), -EINVAL);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_clock_GET, bytes, 16), -ENOTTY);
    ck_assert_int_eq(file->ops->seek(task, file, -4, RI_SEEK_END), (int64_t)size - 4);
    ck_assert_int_eq(ri_file_write(task, file, "abcdefgh", 8), 4);
    ck_assert_int_eq(ri_file_write(task, file, "efgh", 4), -ENOSPC);
    ck_assert_int_eq(ri_file_read(task, file, bytes, 4), 0);
    ck_assert_int_eq(file->ops->pread(task, file, bytes, 16, (int64_t)size - 6), 6);
    ck_assert_mem_eq(bytes, "\0\0abcd", 6);
    ck_assert_int_eq(file->ops->pread(task, file, bytes, 16, -1), -EINVAL);
    ck_assert_int_eq(file->ops->pread(task, file, bytes, 16, INT64_MAX), 0);
    ck_assert_int_eq(file->ops->seek(task, file, INT64_MAX, RI_SEEK_CUR), -EINVAL);
    ck_assert_int_eq(file->ops->seek(task, file, -1, RI_SEEK_SET), -EINVAL);
    ck_assert_int_eq(file->ops->seek(task, file, 0, 77), -EINVAL);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_block_SYNC, NULL, 0), 0);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_block_STATS, stats, sizeof stats), 0);
    ck_assert_uint_eq(stats[1], 1); /* one block was missed */
    ck_assert_uint_eq(stats[5], 0); /* and none is dirty */
    ri_file_release(file);
}
END_TEST

START_TEST(a_disk_in_a_file)
{
    char path[] = "/tmp/rille-disk-XXXXXX", bytes[8] = "";
    int fd = mkstemp(path);
    ck_assert_int_eq(ftruncate(fd, 5 * 512 + 100), 0);
    ck_assert_int_eq(ri_device_configure(machine, "disk0", path), 0);
    ck_assert_int_eq(ri_device_configure(machine, "disk0", path), -EBUSY);
    ck_assert_int_eq(ri_device_configure(machine, "disk1", path), -EBUSY); /* locked */
    ck_assert_int_eq(ri_device_configure(machine, "disk1", "/nowhere/at/all"), -ENOENT);
    ck_assert_int_eq(ri_device_configure(machine, "disk1", "/dev"), -EINVAL);
    ck_assert_int_eq(ri_device_configure(machine, "disk1", "/dev/zero"), -EINVAL);
    ck_assert_int_eq(ri_device_configure(machine, "disk9", path), -ENOENT);
    RiFile *file = open_device("disk0", RI_O_RDWR);
    ck_assert_int_eq(file->ops->seek(task, file, 0, RI_SEEK_END), 5 * 512);
    ck_assert_int_eq(file->ops->pwrite(task, file, "written", 7, 1000), 7);
    ck_assert_int_eq(pread(fd, bytes, 7, 1000), 7);
    ck_assert_int_eq(bytes[0], 0);
    ck_assert_int_eq(file->ops->sync(task, file), 0);
    ck_assert_int_eq(pread(fd, bytes, 7, 1000), 7);
    ck_assert_str_eq(bytes, "written");
    ck_assert_int_eq(file->ops->pwrite(task, file, "closed", 7, 0), 7);
    ri_file_release(file);
    ck_assert_int_eq(pread(fd, bytes, 7, 0), 7);
    ck_assert_str_eq(bytes, "closed");
    ck_assert_int_eq(ftruncate(fd, 512), 0); /* by somebody else */
    const RiDeviceInfo *info = ri_device_table;
    uint32_t unit;
    info = ri_device_find("disk0", &unit);
    ck_assert(ri_device_exists(machine, info, unit));
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(ram_sizes)
{
    ck_assert_int_eq(ri_device_configure(machine, "ram0", "5G"), -EINVAL);
    ck_assert_int_eq(ri_device_configure(machine, "ram0", "many"), -EINVAL);
    ck_assert_int_eq(ri_device_configure(machine, "ram0", "1000"), 0);
    RiAddr disk = map("ram0");
    ck_assert_uint_eq(load(proc, BLOCK(SECTORS)), 2);
}
END_TEST

START_TEST(words_go_through_data)
{
    RiAddr disk = map("ram0");
    ck_assert_int_eq(ri_device_map(proc, "ram0"), disk);
    store(proc, BLOCK(SECTOR), 7);
    ck_assert_uint_eq(load(proc, BLOCK(DATA)), 0);
    store(proc, BLOCK(DATA), 1); /* nobody asked for it */
    store(proc, BLOCK(COMMAND), RI_BIT_block_COMMAND_WRITE);
    for (uint32_t i = 0; i < 128; i++) {
        ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_DATA);
        store(proc, BLOCK(DATA), i * 3);
    }
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY);
    store(proc, BLOCK(COMMAND), RI_BIT_block_COMMAND_READ);
    for (uint32_t i = 0; i < 128; i++)
        ck_assert_uint_eq(load(proc, BLOCK(DATA)), i * 3);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY);
    ck_assert_uint_eq(load(proc, BLOCK(DATA)), 0);
}
END_TEST

START_TEST(wild_requests)
{
    RiAddr disk = map("ram0"), page = memory(proc, 8192, RI_PROT_READ | RI_PROT_WRITE);
    uint32_t sectors = load(proc, BLOCK(SECTORS));
    static const uint32_t codes[] = {1, 2, 3, 4};
    for (size_t i = 0; i < RI_COUNTOF(codes); i++) {
        ck_assert_uint_eq(command(disk, sectors, 1, page, codes[i]), RI_BIT_block_ERROR_E_RANGE);
        ck_assert_uint_eq(command(disk, UINT32_MAX, 1, page, codes[i]), RI_BIT_block_ERROR_E_RANGE);
    }
    ck_assert_uint_eq(command(disk, sectors - 1, 2, page, 3), RI_BIT_block_ERROR_E_RANGE);
    ck_assert_uint_eq(command(disk, 0, 0, page, 3), RI_BIT_block_ERROR_E_COUNT);
    ck_assert_uint_eq(command(disk, 0, 2049, page, 3), RI_BIT_block_ERROR_E_COUNT);
    ck_assert_uint_eq(command(disk, 0, UINT32_MAX, page, 4), RI_BIT_block_ERROR_E_COUNT);
    ck_assert_uint_eq(command(disk, 0, 1, page, 0), RI_BIT_block_ERROR_E_COMMAND);
    ck_assert_uint_eq(command(disk, 0, 1, page, 0xffffffff), RI_BIT_block_ERROR_E_COMMAND);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY | RI_BIT_block_STATUS_ERROR);
    store(proc, BLOCK(CONTROL), UINT32_MAX); /* QUIET among others */
    ck_assert_uint_eq(load(proc, BLOCK(CONTROL)), RI_BIT_block_CONTROL_IRQ | RI_BIT_block_CONTROL_QUIET);
    static const RiAddr wrong[] = {0, 0xfff, 0x80000000, 0xfffff000, 0xffffffff, RI_INFO_START, RI_DEVICE_START + 0x20000};
    for (size_t i = 0; i < RI_COUNTOF(wrong); i++) {
        ck_assert_uint_eq(command(disk, 0, 8, wrong[i], 3), RI_BIT_block_ERROR_E_FAULT);
        ck_assert_uint_ge(load(proc, BLOCK(FAULT)), wrong[i]);
    }
    ck_assert_uint_eq(command(disk, 0, 16, page + 4096, 3), RI_BIT_block_ERROR_E_FAULT);
    ck_assert_uint_eq(load(proc, BLOCK(FAULT)), page + 8192);
    ck_assert_uint_eq(command(disk, 0, 16, page, 3), 0);
    ck_assert_uint_eq(command(disk, 0, 15, page + 511, 3), 0);
    ck_assert_uint_eq(machine->frames->pinned, 0);
}
END_TEST

START_TEST(a_dma_fault_traps_and_is_retried)
{
    RiAddr disk = map("ram0"), page = memory(proc, 8192, RI_PROT_READ | RI_PROT_WRITE);
    RiTrap trap = {0};
    char text[200];
    ck_assert_int_eq(ri_space_mprotect(proc->space, page + 4096, 4096, RI_PROT_READ), 0);
    store(proc, BLOCK(COUNT), 1);
    store(proc, BLOCK(ADDRESS), page + 4096 - 100);
    ck_assert(!ri_space_store_u32(proc->space, BLOCK(COMMAND), RI_BIT_block_COMMAND_READ_DMA, &trap));
    ri_trap_describe(&trap, text, sizeof text);
    ck_assert_uint_eq(trap.cause, RI_TRAP_PAGE);
    ck_assert_uint_eq(trap.address, page + 4096);
    ck_assert_uint_eq(trap.access, RI_ACCESS_WRITE);
    ck_assert_ptr_nonnull(strstr(text, "write of 512 bytes"));
    ck_assert_uint_eq(load(proc, BLOCK(ERROR)), RI_BIT_block_ERROR_E_FAULT);
    ck_assert_uint_eq(load(proc, BLOCK(FAULT)), page + 4096);
    ck_assert_uint_eq(command(disk, 0, 1, page + 4096 - 100, RI_BIT_block_COMMAND_WRITE_DMA), 0); /* only reads memory */
    ck_assert_int_eq(ri_space_mprotect(proc->space, page + 4096, 4096, RI_PROT_READ | RI_PROT_WRITE), 0);
    store(proc, BLOCK(COMMAND), RI_BIT_block_COMMAND_READ_DMA);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY);
    ck_assert(!ri_space_store_u32(proc->space, disk + 0x30, 1, &trap)); /* the next trap is the window's own again */
    ck_assert_uint_eq(trap.cause, RI_TRAP_BUS);
    ck_assert_uint_eq(trap.address, disk + 0x30);
}
END_TEST

START_TEST(accesses_that_no_register_takes)
{
    RiAddr disk = map("ram0"), clock = map("clock");
    RiTrap trap;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    ck_assert(!ri_space_load_u8(proc->space, disk, &u8, &trap));
    ck_assert(!ri_space_load_u16(proc->space, disk, &u16, &trap));
    ck_assert(!ri_space_load_u32(proc->space, disk + 2, &u32, &trap));
    ck_assert(!ri_space_load_u64(proc->space, disk, &u64, &trap));
    ck_assert(!ri_space_load_u32(proc->space, BLOCK(COMMAND), &u32, &trap)); /* only to be stored */
    ck_assert(!ri_space_store_u32(proc->space, BLOCK(STATUS), 1, &trap));
    ck_assert(!ri_space_load_u32(proc->space, disk + 4092, &u32, &trap));
    ck_assert(!ri_space_load_u32(proc->space, disk + 4096, &u32, &trap));
    ck_assert(ri_space_load_u64(proc->space, clock + RI_REG_clock_TIME, &u64, &trap));
    ck_assert(!ri_space_store_u64(proc->space, clock + RI_REG_clock_TIME, 1, &trap));
    char bytes[4096];
    ck_assert(!ri_space_copyin(proc->space, disk, bytes, sizeof bytes, &trap));
    ck_assert_int_lt(ri_space_munmap(proc->space, disk, 4096), 0);
}
END_TEST

/* -- Requests that take time ------------------------------------------------------------------------------------ */

static void wait_until_idle(RiAddr disk)
{
    for (int i = 0; i < 5000 && load(proc, BLOCK(STATUS)) & RI_BIT_block_STATUS_BUSY; i++)
        usleep(1000);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)) & RI_BIT_block_STATUS_BUSY, 0);
}

START_TEST(the_end_of_a_request_interrupts)
{
    RiAddr disk = map("ram0"), page = memory(proc, 4096, RI_PROT_READ | RI_PROT_WRITE);
    ck_assert_int_eq(ri_signal_set_action(proc, RI_SIGIO, RI_SIGNAL_HANDLED), 0);
    store(proc, BLOCK(CONTROL), RI_BIT_block_CONTROL_IRQ);
    store(proc, BLOCK(LATENCY), 50000);
    ck_assert_uint_eq(command(disk, 0, 8, page, RI_BIT_block_COMMAND_READ_DMA), 0);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_BUSY);
    ck_assert_uint_eq(machine->frames->pinned, 1);
    ck_assert_uint_eq(ri_device_pending(proc), 0);
    ck_assert_uint_ne(ri_devices_next_ns(machine), 0);
    store(proc, BLOCK(COMMAND), RI_BIT_block_COMMAND_WRITE); /* ignored */
    wait_until_idle(disk);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY | RI_BIT_block_STATUS_INTERRUPT);
    ck_assert_uint_eq(ri_device_pending(proc), 1 << 16);
    ck_assert_uint_eq(ri_signal_pending(task), ri_signal_bit(RI_SIGIO));
    store(proc, BLOCK(ACK), 0);
    ck_assert_uint_eq(ri_device_pending(proc), 0);
    ck_assert_uint_eq(machine->frames->pinned, 0);
    ck_assert_uint_eq(ri_devices_next_ns(machine), 0);
    ck_assert_uint_eq(machine->tick_users, 0);
}
END_TEST

START_TEST(memory_unmapped_meanwhile)
{
    RiAddr disk = map("ram0"), page = memory(proc, 4096, RI_PROT_READ | RI_PROT_WRITE);
    store(proc, BLOCK(LATENCY), 2000);
    ck_assert_uint_eq(command(disk, 0, 8, page, RI_BIT_block_COMMAND_READ_DMA), 0);
    ck_assert_int_eq(ri_space_munmap(proc->space, page, 4096), 0);
    wait_until_idle(disk);
    ck_assert_uint_eq(load(proc, BLOCK(ERROR)), 0);
    ck_assert_uint_eq(machine->frames->pinned, 0);
    ck_assert_uint_eq(machine->frames->in_use, 0);
}
END_TEST

START_TEST(registers_change_meanwhile)
{
    RiAddr disk = map("ram0"), page = memory(proc, 8192, RI_PROT_READ | RI_PROT_WRITE);
    store(proc, page, 0x11);
    store(proc, page + 4096, 0x22);
    store(proc, BLOCK(LATENCY), 2000);
    ck_assert_uint_eq(command(disk, 5, 1, page, RI_BIT_block_COMMAND_WRITE_DMA), 0);
    store(proc, BLOCK(SECTOR), 0xffffffff);
    store(proc, BLOCK(ADDRESS), 0);
    store(proc, BLOCK(COUNT), 0);
    wait_until_idle(disk);
    store(proc, BLOCK(LATENCY), 0);
    ck_assert_uint_eq(command(disk, 5, 1, page + 4096, RI_BIT_block_COMMAND_READ_DMA), 0);
    ck_assert_uint_eq(load(proc, page + 4096), 0x11);
}
END_TEST

START_TEST(a_reset_gives_up)
{
    RiAddr disk = map("ram0"), page = memory(proc, 4096, RI_PROT_READ | RI_PROT_WRITE);
    store(proc, BLOCK(LATENCY), UINT32_MAX);
    ck_assert_uint_eq(load(proc, BLOCK(LATENCY)), 10000000);
    ck_assert_uint_eq(command(disk, 0, 1, page, RI_BIT_block_COMMAND_READ_DMA), 0);
    store(proc, BLOCK(COMMAND), RI_BIT_block_COMMAND_RESET);
    ck_assert_uint_eq(load(proc, BLOCK(STATUS)), RI_BIT_block_STATUS_READY);
    ck_assert_uint_eq(machine->frames->pinned, 0);
    ck_assert_uint_eq(command(disk, 0, 1, page, RI_BIT_block_COMMAND_READ_DMA), 0);
    ck_assert_int_eq(ri_device_reset(proc, "ram0"), 0);
    ck_assert_uint_eq(load(proc, BLOCK(LATENCY)), 0);
    ck_assert_uint_eq(machine->frames->pinned, 0);
    ck_assert_uint_eq(ri_devices_next_ns(machine), 0);
}
END_TEST

START_TEST(a_process_ends_in_the_middle)
{
    RiProc *child = ri_proc_new(machine, proc, "child");
    RiAddr page = memory(child, 64 * 4096, RI_PROT_READ | RI_PROT_WRITE);
    RiAddr disk = (RiAddr)ri_device_map(child, "ram0"), clock = (RiAddr)ri_device_map(child, "clock");
    store(child, BLOCK(LATENCY), 1000000);
    store(child, BLOCK(COUNT), 500);
    store(child, BLOCK(ADDRESS), page);
    store(child, BLOCK(COMMAND), RI_BIT_block_COMMAND_READ_DMA);
    store(child, clock + RI_REG_clock_CONTROL, 1);
    ck_assert_uint_gt(machine->frames->pinned, 60);
    ri_proc_forget(child);
    ck_assert_uint_eq(machine->frames->pinned, 0);
    ck_assert_uint_eq(machine->frames->in_use, 0);
    ck_assert_uint_eq(ri_devices_next_ns(machine), 0);
    ck_assert_uint_eq(machine->tick_users, 0);
}
END_TEST

START_TEST(each_process_has_its_own_registers)
{
    RiAddr disk = map("ram0");
    store(proc, BLOCK(SECTOR), 42);
    RiProc *child = ri_proc_new(machine, proc, "child");
    ck_assert_ptr_nonnull(ri_space_fork(proc->space, child));
    ck_assert_uint_eq(load(child, BLOCK(SECTOR)), 0); /* mapped by the fork, and new */
    store(child, BLOCK(SECTOR), 43);
    ck_assert_uint_eq(load(proc, BLOCK(SECTOR)), 42);
    ri_devices_forget(child); /* as exec does */
    ck_assert_int_eq(ri_device_map(child, "ram0"), disk);
    ck_assert_uint_eq(load(child, BLOCK(SECTOR)), 0);
    ri_proc_forget(child);
    ck_assert_uint_eq(load(proc, BLOCK(SECTOR)), 42);
}
END_TEST

START_TEST(guarded_devices_need_capabilities)
{
    RiProc *child = ri_proc_new(machine, proc, "child");
    RiAddr disk = map("ram0");
    RiFile *file = NULL;
    ck_assert_ptr_nonnull(ri_space_fork(proc->space, child));
    child->policy = ri_policy_new(NULL, true);
    ck_assert_int_eq(ri_device_open(child->main, "ram0", RI_O_RDONLY, &file), -EACCES);
    ck_assert_int_eq(ri_device_map(child, "ram0"), -EACCES);
    ck_assert_int_eq(ri_device_map(child, "mailbox0"), -EACCES);
    RiTrap trap;
    uint32_t value;
    ck_assert(!ri_space_load_u32(child->space, BLOCK(STATUS), &value, &trap)); /* though it is mapped */
    ck_assert_int_eq(ri_device_open(child->main, "null", RI_O_RDWR, &file), 0);
    ri_file_release(file);
    ck_assert_int_gt(ri_device_map(child, "clock"), 0);
    ck_assert_int_eq(ri_policy_allow(child->policy, RI_CAP_READ, "/dev/ram0"), 0);
    ck_assert_int_eq(ri_device_open(child->main, "ram0", RI_O_RDWR, &file), -EACCES);
    ck_assert_int_eq(ri_device_open(child->main, "ram0", RI_O_RDONLY, &file), 0);
    ri_file_release(file);
    store(child, BLOCK(COMMAND), RI_BIT_block_COMMAND_WRITE);
    ck_assert_uint_eq(load(child, BLOCK(ERROR)), RI_BIT_block_ERROR_E_PROTECTED);
    ri_proc_forget(child);
}
END_TEST

/* -- Clock and mailbox ------------------------------------------------------------------------------------------ */

START_TEST(timers_in_registers)
{
    RiAddr clock = map("clock");
    RiTrap trap;
    uint64_t now = 0, halves;
    ck_assert(ri_space_load_u64(proc->space, clock + RI_REG_clock_TIME, &now, &trap));
    halves = load(proc, clock + RI_REG_clock_TIME);
    halves |= (uint64_t)load(proc, clock + RI_REG_clock_TIME + 4) << 32;
    ck_assert(halves >= now && halves - now < 10000000000u);
    ck_assert(ri_space_store_u64(proc->space, clock + RI_REG_clock_INTERVAL, 1, &trap));
    ck_assert(ri_space_load_u64(proc->space, clock + RI_REG_clock_INTERVAL, &halves, &trap));
    ck_assert_uint_eq(halves, 100000);
    store(proc, clock + RI_REG_clock_CONTROL, UINT32_MAX);
    ck_assert(ri_space_store_u64(proc->space, clock + RI_REG_clock_COMPARE, now, &trap));
    usleep(2000);
    ck_assert_uint_ge(load(proc, clock + RI_REG_clock_COUNT), 5);
    ck_assert_uint_eq(ri_device_pending(proc), 1);
    store(proc, clock + RI_REG_clock_CONTROL, 0);
    uint32_t count = load(proc, clock + RI_REG_clock_COUNT);
    store(proc, clock + RI_REG_clock_ACK, 0);
    usleep(1000);
    ck_assert_uint_eq(load(proc, clock + RI_REG_clock_COUNT), count);
    ck_assert_uint_eq(load(proc, clock + RI_REG_clock_STATUS), 0);
    ck_assert(ri_space_store_u64(proc->space, clock + RI_REG_clock_COMPARE, UINT64_MAX, &trap));
    store(proc, clock + RI_REG_clock_CONTROL, 1);
    ck_assert_uint_eq(ri_devices_next_ns(machine), INT64_MAX);
}
END_TEST

START_TEST(timers_by_descriptor)
{
    RiFile *file = open_device("clock", RI_O_RDWR);
    uint64_t times = 0, values[2] = {1000000, 0};
    ck_assert_int_eq(ri_file_read(task, file, &times, 8), -EINVAL);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_clock_SET, values, 16), 0);
    ck_assert_int_eq(ri_file_read(task, file, &times, 7), -EINVAL);
    ck_assert_uint_eq(ri_file_poll(file, RI_EVENT_IN), 0);
    int64_t result = ri_file_read(task, file, &times, 8);
    ck_assert(result == RI_SYS_BLOCK || result == 8);
    usleep(2000);
    ri_devices_check(machine);
    if (result != 8)
        ck_assert_int_eq(ri_file_read(task, file, &times, 8), 8);
    ck_assert_uint_eq(times, 1);
    values[0] = UINT64_MAX;
    values[1] = UINT64_MAX;
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_clock_SET, values, 16), 0);
    ck_assert_int_eq(file->ops->ioctl(task, file, RI_IOCTL_clock_GET, values, 16), 0);
    ck_assert_uint_gt(values[0], 1000000000);
    ri_file_release(file);
    ck_assert_uint_eq(ri_devices_next_ns(machine), 0);
}
END_TEST

START_TEST(many_timers_in_any_order)
{
    RiFile *files[100];
    uint64_t seed = 7, last = 0;
    for (int i = 0; i < 100; i++) {
        files[i] = open_device("clock", RI_O_RDWR);
        seed = seed * 6364136223846793005u + 1;
        uint64_t values[2] = {1000000000 + (seed >> 30), 0};
        ck_assert_int_eq(files[i]->ops->ioctl(task, files[i], RI_IOCTL_clock_SET, values, 16), 0);
    }
    for (int left = 100; left > 0; left--) {
        uint64_t next = ri_devices_next_ns(machine), now = ri_host_monotonic_ns();
        ck_assert_uint_ge(next, last);
        last = next;
        for (int i = 0; i < 100; i++) { /* close the one that is next */
            uint64_t values[2] = {0, 0};
            if (files[i] == NULL)
                continue;
            ck_assert_int_eq(files[i]->ops->ioctl(task, files[i], RI_IOCTL_clock_GET, values, 16), 0);
            if (now + values[0] <= next + 1000000 && ((RiDeviceEvent *)((RiDeviceOpen *)files[i]->data)->data)->due_ns == next) {
                ri_file_release(files[i]);
                files[i] = NULL;
                break;
            }
        }
    }
    ck_assert_uint_eq(ri_devices_next_ns(machine), 0);
}
END_TEST

START_TEST(two_ends_of_a_mailbox)
{
    RiProc *child = ri_proc_new(machine, proc, "child"), *third = ri_proc_new(machine, proc, "third");
    RiFile *mine = open_device("mailbox0", RI_O_RDWR), *again = open_device("mailbox0", RI_O_RDWR), *other, *no;
    uint32_t words[100], pid = 0;
    ck_assert_int_eq(ri_device_open(child->main, "mailbox0", RI_O_RDWR, &other), 0);
    ck_assert_int_eq(ri_device_open(third->main, "mailbox0", RI_O_RDWR, &no), -EBUSY);
    ck_assert_int_eq(mine->ops->ioctl(task, mine, RI_IOCTL_mailbox_PEER, &pid, 4), 0);
    ck_assert_uint_eq(pid, child->pid);
    for (uint32_t i = 0; i < 100; i++)
        words[i] = i * i;
    ck_assert_int_eq(ri_file_write(task, mine, words, sizeof words), 64 * 4 + 3); /* a word goes off with its fourth byte */
    ck_assert_uint_eq(ri_file_poll(mine, RI_EVENT_OUT), 0);
    memset(words, 0, sizeof words);
    ck_assert_int_eq(ri_file_read(child->main, other, words, 10), 10);
    ck_assert_uint_eq(words[1], 1);
    ck_assert_uint_ne(ri_file_poll(other, RI_EVENT_IN), 0);
    ck_assert_int_eq(ri_file_read(child->main, other, (char *)words + 10, 2), 2);
    ck_assert_uint_eq(words[2], 4);
    ck_assert_int_eq(ri_file_read(child->main, other, words, sizeof words), 61 * 4);
    ck_assert_uint_eq(words[60], 63 * 63);
    ck_assert_int_eq(ri_file_write(task, mine, "\x00", 1), 1); /* and now it has */
    ck_assert_int_eq(ri_file_read(child->main, other, words, sizeof words), 4);
    ck_assert_uint_eq(words[0], 64 * 64);
    ck_assert_int_eq(ri_file_write(child->main, other, words, 4), 4);
    ri_file_release(other);
    ck_assert_int_eq(ri_file_read(task, again, words, 8), 4); /* what is left, then the end */
    ck_assert_int_eq(ri_file_read(task, again, words, 8), 0);
    ck_assert_int_eq(ri_file_write(task, again, words, 4), -EPIPE);
    ck_assert_int_eq(ri_device_open(third->main, "mailbox0", RI_O_RDWR, &other), 0);
    ck_assert_int_eq(ri_file_write(task, again, words, 4), 4);
    ri_file_release(mine);
    ri_file_release(again);
    ri_file_release(other);
    mine = open_device("mailbox0", RI_O_RDWR);
    ck_assert_uint_eq(ri_file_poll(mine, RI_EVENT_IN | RI_EVENT_OUT), RI_EVENT_OUT);
    ri_file_release(mine);
}
END_TEST

START_TEST(mailbox_registers)
{
    RiProc *child = ri_proc_new(machine, proc, "child");
    RiAddr box = map("mailbox1");
    ck_assert_int_eq(ri_device_map(child, "mailbox1"), box);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_PEER), child->pid);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_DATA), 0);
    store(proc, box + RI_REG_mailbox_CONTROL, UINT32_MAX);
    store(child, box + RI_REG_mailbox_DATA, 99);
    ck_assert_uint_eq(ri_device_pending(proc), 1 << 5);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_COUNT), 1);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_DATA), 99);
    store(proc, box + RI_REG_mailbox_ACK, 1);
    for (uint32_t i = 0; i < 64; i++)
        store(proc, box + RI_REG_mailbox_DATA, i);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_STATUS), RI_BIT_mailbox_STATUS_PEER);
    store(proc, box + RI_REG_mailbox_DATA, 64);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_STATUS), RI_BIT_mailbox_STATUS_PEER | RI_BIT_mailbox_STATUS_OVERRUN);
    ck_assert_uint_eq(load(child, box + RI_REG_mailbox_DATA), 0);
    ck_assert_uint_eq(ri_device_pending(proc), 1 << 5); /* there is room again */
    ri_proc_forget(child);
    ck_assert_uint_eq(load(proc, box + RI_REG_mailbox_PEER), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device");
    TCase *tc = tcase_create("device");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_tables_are_consistent);
    tcase_add_test(tc, every_device_opens_or_says_why);
    tcase_add_test(tc, simple_devices);
    tcase_add_test(tc, a_disk_by_descriptor);
    tcase_add_test(tc, a_disk_in_a_file);
    tcase_add_test(tc, ram_sizes);
    tcase_add_test(tc, words_go_through_data);
    tcase_add_test(tc, wild_requests);
    tcase_add_test(tc, a_dma_fault_traps_and_is_retried);
    tcase_add_test(tc, accesses_that_no_register_takes);
    tcase_add_test(tc, the_end_of_a_request_interrupts);
    tcase_add_test(tc, memory_unmapped_meanwhile);
    tcase_add_test(tc, registers_change_meanwhile);
    tcase_add_test(tc, a_reset_gives_up);
    tcase_add_test(tc, a_process_ends_in_the_middle);
    tcase_add_test(tc, each_process_has_its_own_registers);
    tcase_add_test(tc, guarded_devices_need_capabilities);
    tcase_add_test(tc, timers_in_registers);
    tcase_add_test(tc, timers_by_descriptor);
    tcase_add_test(tc, many_timers_in_any_order);
    tcase_add_test(tc, two_ends_of_a_mailbox);
    tcase_add_test(tc, mailbox_registers);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
