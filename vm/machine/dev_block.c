/* What all disks have in common: bytes by descriptor, and the controller in the device window. Both go through the machine's
 * buffer cache, so they see the same.
 *
 *                     COMMAND = READ            after LATENCY            128 loads of DATA
 *              READY ---------------> BUSY ----------------------> DATA -----------------> READY
 *
 *                     COMMAND = WRITE         128 stores to DATA            after LATENCY
 *              READY ---------------> DATA ---------------------> BUSY -------------------> READY
 *
 *                     READ_DMA, WRITE_DMA, FLUSH      after LATENCY
 *              READY --------------------------> BUSY --------------> READY
 *
 * DMA translates its addresses when the request begins: pages are made present and pinned, so they receive what comes even
 * if they are unmapped meanwhile; a page that is not mapped, or not for this, ends the request before anything was moved. */
#include <errno.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/driver.h"

#define DMA_SECTORS_MAX 2048u /* so that no request holds others up for long */
#define LATENCY_US_MAX 10000000u

/* -- Bytes --------------------------------------------------------------------------------------------------------- */

static uint64_t disk_bytes(const RiDevice *device)
{
    return device->block.sector_count * RI_SECTOR_BYTES;
}

/* How much of [offset, offset + size) lies on the disk. */
static size_t within(const RiDevice *device, uint64_t offset, size_t size)
{
    uint64_t end = disk_bytes(device);
    return offset >= end ? 0 : size < end - offset ? size : (size_t)(end - offset);
}

int64_t ri_block_pread(RiTask *task, RiDeviceOpen *open, void *to, size_t size, int64_t offset)
{
    RiDevice *device = open->device;
    (void)task;
    if (offset < 0)
        return -EINVAL;
    size = within(device, (uint64_t)offset, size);
    if (size == 0)
        return 0;
    int status = ri_bufcache_read(device->machine->buffers, &device->block, (uint64_t)offset, to, size);
    return status < 0 ? status : (int64_t)size;
}

int64_t ri_block_pwrite(RiTask *task, RiDeviceOpen *open, const void *from, size_t size, int64_t offset)
{
    RiDevice *device = open->device;
    size_t wanted = size;
    if (offset < 0)
        return -EINVAL;
    size = within(device, (uint64_t)offset, size);
    if (size == 0)
        return wanted == 0 ? 0 : -ENOSPC;
    if (task != NULL && (size = ri_files_count_output(task->proc, size)) == 0) /* NULL: a stream's rest, at the very end */
        return -EFBIG;
    int status = ri_bufcache_write(device->machine->buffers, &device->block, (uint64_t)offset, from, size);
    return status < 0 ? status : (int64_t)size;
}

int64_t ri_block_read(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    int64_t done = ri_block_pread(task, open, to, size, (int64_t)open->file->position);
    open->file->position += done > 0 ? (uint64_t)done : 0;
    return done;
}

int64_t ri_block_write(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    int64_t done = ri_block_pwrite(task, open, from, size, (int64_t)open->file->position);
    open->file->position += done > 0 ? (uint64_t)done : 0;
    return done;
}

int64_t ri_block_seek(RiTask *task, RiDeviceOpen *open, int64_t offset, int whence)
{
    const int64_t starts[] = {0, (int64_t)open->file->position, (int64_t)disk_bytes(open->device)};
    int64_t place;
    (void)task;
    if (whence < RI_SEEK_SET || whence > RI_SEEK_END || __builtin_add_overflow(starts[whence], offset, &place) || place < 0)
        return -EINVAL;
    open->file->position = (uint64_t)place;
    return place;
}

/* Write back, and let the driver bring it to its medium. */
static int flush(RiDevice *device)
{
    const RiBlockRequest nothing = {.is_write = true};
    int status = ri_bufcache_sync(device->machine->buffers, &device->block);
    int flushed = device->block.is_read_only ? 0 : device->block.strategy(&device->block, &nothing);
    return status < 0 ? status : flushed;
}

int ri_block_sync(RiDeviceOpen *open)
{
    return flush(open->device);
}

int64_t ri_block_ioctl(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size)
{
    const uint64_t bytes = disk_bytes(open->device);
    (void)task;
    switch (request) {
    case RI_IOCTL_block_SIZE:
        memcpy(argument, &bytes, size);
        return 0;
    case RI_IOCTL_block_STATS:
        memcpy(argument, &open->device->block.stats, size);
        return 0;
    default:
        return flush(open->device);
    }
}

int ri_block_open(RiTask *task, RiDeviceOpen *open)
{
    (void)task;
    bool wants_write = (open->file->flags & RI_O_ACCESS) != RI_O_RDONLY;
    return wants_write && open->device->block.is_read_only ? -EROFS : 0;
}

void ri_block_close(RiDeviceOpen *open)
{
    RiDevice *device = open->device;
    if ((open->file->flags & RI_O_ACCESS) != RI_O_RDONLY)
        (void)ri_bufcache_sync(device->machine->buffers, &device->block); /* who wants to hear of errors calls fsync */
}

/* -- The controller ------------------------------------------------------------------------------------------------ */

typedef enum State { READY, BUSY, DATA_IN, DATA_OUT } State;
enum { NO_ERROR = 0 };

typedef struct BlockChannel {
    RiChannel channel;
    RiDeviceEvent event;  /* the end of the request */
    State state;
    uint32_t sector, count, address, control, latency_us; /* registers */
    uint32_t error, fault;
    uint32_t command;     /* the last one: of the request under way, if there is one */
    uint64_t from_sector; /* what it is about: registers may change meanwhile */
    uint32_t position;    /* of DATA in `bytes` */
    bool is_pinned;
    RiPin pin;
    uint8_t bytes[RI_SECTOR_BYTES];
} BlockChannel;

_Static_assert(sizeof(BlockChannel) <= RI_BLOCK_CHANNEL_BYTES, "RI_BLOCK_CHANNEL_BYTES is too small");

static BlockChannel *block_of(RiChannel *channel)
{
    return (BlockChannel *)(void *)channel;
}

static void unpin(BlockChannel *block, uint64_t written)
{
    if (block->is_pinned)
        ri_space_unpin(&block->pin, written);
    block->is_pinned = false;
}

static uint32_t error_code(int status)
{
    if (status == 0)
        return NO_ERROR;
    return status == -EROFS ? RI_BIT_block_ERROR_E_PROTECTED :
           status == -ENOMEM ? RI_BIT_block_ERROR_E_MEMORY : RI_BIT_block_ERROR_E_IO;
}

static void finish(BlockChannel *block, State state, uint32_t error)
{
    block->state = error == NO_ERROR ? state : READY;
    block->error = error;
    block->position = 0;
    if (block->control & RI_BIT_block_CONTROL_IRQ)
        ri_channel_interrupt(&block->channel);
}

/* Move the sectors of a DMA request from or to the pinned memory. */
static int move_pinned(BlockChannel *block, bool is_write)
{
    RiDevice *device = block->channel.device;
    uint64_t at = block->from_sector * RI_SECTOR_BYTES;
    int status = 0;
    uint64_t moved = 0;
    for (uint32_t i = 0; i < block->pin.count && status == 0; i++) {
        const RiPinPart *part = &block->pin.parts[i];
        status = is_write ?
                     ri_bufcache_write(device->machine->buffers, &device->block, at + moved, part->bytes, part->size) :
                     ri_bufcache_read(device->machine->buffers, &device->block, at + moved, part->bytes, part->size);
        moved += status == 0 ? part->size : 0;
    }
    unpin(block, is_write ? 0 : moved);
    return status;
}

static int write_bytes(BlockChannel *block)
{
    RiDevice *device = block->channel.device;
    return ri_bufcache_write(device->machine->buffers, &device->block, block->from_sector * RI_SECTOR_BYTES, block->bytes,
                             RI_SECTOR_BYTES);
}

static int read_bytes(BlockChannel *block)
{
    RiDevice *device = block->channel.device;
    return ri_bufcache_read(device->machine->buffers, &device->block, block->from_sector * RI_SECTOR_BYTES, block->bytes,
                            RI_SECTOR_BYTES);
}

/* The time of the request is over: do it. */
static void complete(RiDeviceEvent *event, uint64_t now_ns)
{
    BlockChannel *block = (BlockChannel *)(void *)((char *)event - offsetof(BlockChannel, event));
    (void)now_ns;
    switch (block->command) {
    case RI_BIT_block_COMMAND_READ:
        finish(block, DATA_IN, error_code(read_bytes(block)));
        break;
    case RI_BIT_block_COMMAND_WRITE:
        finish(block, READY, error_code(write_bytes(block)));
        break;
    case RI_BIT_block_COMMAND_READ_DMA:
    case RI_BIT_block_COMMAND_WRITE_DMA:
        finish(block, READY, error_code(move_pinned(block, block->command == RI_BIT_block_COMMAND_WRITE_DMA)));
        break;
    default:
        finish(block, READY, error_code(flush(block->channel.device)));
    }
}

static void begin(BlockChannel *block)
{
    block->state = BUSY;
    if (block->latency_us == 0) {
        complete(&block->event, 0);
    } else if (!ri_event_set(block->channel.device->devices, &block->event,
                             ri_host_monotonic_ns() + (uint64_t)block->latency_us * 1000)) {
        unpin(block, 0);
        finish(block, READY, RI_BIT_block_ERROR_E_MEMORY);
    }
}

/* What is wrong with moving `count` sectors from SECTOR on? */
static uint32_t check_request(const BlockChannel *block, uint64_t count, bool is_write)
{
    const RiDevice *device = block->channel.device;
    if (count == 0 || count > DMA_SECTORS_MAX)
        return RI_BIT_block_ERROR_E_COUNT;
    if (block->sector + count > device->block.sector_count)
        return RI_BIT_block_ERROR_E_RANGE;
    if (!is_write)
        return NO_ERROR;
    if (device->block.is_read_only || !block->channel.may_write)
        return RI_BIT_block_ERROR_E_PROTECTED;
    size_t size = (size_t)count * RI_SECTOR_BYTES;
    return ri_files_count_output(block->channel.proc, size) == size ? NO_ERROR : RI_BIT_block_ERROR_E_IO;
}

/* Translate and pin the memory of a DMA request. False: the trap. */
static bool begin_dma(BlockChannel *block, RiTrap *trap)
{
    bool is_write = block->command == RI_BIT_block_COMMAND_WRITE_DMA;
    RiTrap fault = {0};
    block->is_pinned = ri_space_pin(block->channel.proc->space, block->address, (uint64_t)block->count * RI_SECTOR_BYTES,
                                    is_write ? RI_ACCESS_READ : RI_ACCESS_WRITE, &block->pin, &fault);
    if (block->is_pinned) {
        begin(block);
        return true;
    }
    block->fault = fault.address;
    finish(block, READY, fault.cause == RI_TRAP_QUOTA_MEMORY ? RI_BIT_block_ERROR_E_MEMORY : RI_BIT_block_ERROR_E_FAULT);
    if (block->control & RI_BIT_block_CONTROL_QUIET)
        return true;
    *trap = fault;
    return false;
}

static bool start_command(BlockChannel *block, uint32_t command, RiTrap *trap)
{
    bool is_dma = command == RI_BIT_block_COMMAND_READ_DMA || command == RI_BIT_block_COMMAND_WRITE_DMA;
    bool is_write = command == RI_BIT_block_COMMAND_WRITE || command == RI_BIT_block_COMMAND_WRITE_DMA;
    bool moves = is_dma || is_write || command == RI_BIT_block_COMMAND_READ;
    block->command = command;
    block->from_sector = block->sector;
    block->error = block->fault = block->position = 0;
    uint32_t error = moves ? check_request(block, is_dma ? block->count : 1, is_write) :
                     command != RI_BIT_block_COMMAND_FLUSH ? RI_BIT_block_ERROR_E_COMMAND : NO_ERROR;
    if (error != NO_ERROR)
        finish(block, READY, error);
    else if (is_dma)
        return begin_dma(block, trap);
    else if (command == RI_BIT_block_COMMAND_WRITE)
        block->state = DATA_OUT;
    else
        begin(block);
    return true;
}

static void give_up(BlockChannel *block)
{
    ri_event_cancel(block->channel.device->devices, &block->event);
    unpin(block, 0);
    block->state = READY;
    block->error = block->fault = block->position = 0;
}

static bool store_command(BlockChannel *block, uint64_t command, RiTrap *trap)
{
    if (command == RI_BIT_block_COMMAND_RESET) {
        give_up(block);
        return true;
    }
    return block->state == BUSY || start_command(block, (uint32_t)command, trap);
}

static uint32_t load_data(BlockChannel *block)
{
    uint32_t word = 0;
    if (block->state != DATA_IN)
        return 0;
    memcpy(&word, block->bytes + block->position, sizeof word);
    block->position += (uint32_t)sizeof word;
    if (block->position == RI_SECTOR_BYTES)
        block->state = READY;
    return word;
}

static void store_data(BlockChannel *block, uint32_t word)
{
    if (block->state != DATA_OUT)
        return;
    memcpy(block->bytes + block->position, &word, sizeof word);
    block->position += (uint32_t)sizeof word;
    if (block->position == RI_SECTOR_BYTES)
        begin(block);
}

static uint32_t status_of(const BlockChannel *block)
{
    static const uint8_t bits[] = {
        [READY] = RI_BIT_block_STATUS_READY,
        [BUSY] = RI_BIT_block_STATUS_BUSY,
        [DATA_IN] = RI_BIT_block_STATUS_DATA,
        [DATA_OUT] = RI_BIT_block_STATUS_DATA,
    };
    return bits[block->state] | (block->error != NO_ERROR ? RI_BIT_block_STATUS_ERROR : 0u) |
           (block->channel.interrupt ? RI_BIT_block_STATUS_INTERRUPT : 0u);
}

bool ri_block_load(RiChannel *channel, uint32_t offset, uint64_t *value, RiTrap *trap)
{
    BlockChannel *block = block_of(channel);
    uint64_t sectors = channel->device->block.sector_count;
    (void)trap;
    switch (offset) {
    case RI_REG_block_SECTOR:
        *value = block->sector;
        return true;
    case RI_REG_block_COUNT:
        *value = block->count;
        return true;
    case RI_REG_block_ADDRESS:
        *value = block->address;
        return true;
    case RI_REG_block_STATUS:
        *value = status_of(block);
        return true;
    case RI_REG_block_DATA:
        *value = load_data(block);
        return true;
    case RI_REG_block_ERROR:
        *value = block->error;
        return true;
    case RI_REG_block_FAULT:
        *value = block->fault;
        return true;
    case RI_REG_block_CONTROL:
        *value = block->control;
        return true;
    case RI_REG_block_LATENCY:
        *value = block->latency_us;
        return true;
    case RI_REG_block_SECTORS:
        *value = sectors < UINT32_MAX ? sectors : UINT32_MAX;
        return true;
    default:
        return false;
    }
}

bool ri_block_store(RiChannel *channel, uint32_t offset, uint64_t value, RiTrap *trap)
{
    BlockChannel *block = block_of(channel);
    switch (offset) {
    case RI_REG_block_SECTOR:
        block->sector = (uint32_t)value;
        return true;
    case RI_REG_block_COUNT:
        block->count = (uint32_t)value;
        return true;
    case RI_REG_block_ADDRESS:
        block->address = (uint32_t)value;
        return true;
    case RI_REG_block_COMMAND:
        return store_command(block, value, trap);
    case RI_REG_block_DATA:
        store_data(block, (uint32_t)value);
        return true;
    case RI_REG_block_CONTROL:
        block->control = value & (RI_BIT_block_CONTROL_IRQ | RI_BIT_block_CONTROL_QUIET);
        return true;
    case RI_REG_block_ACK:
        channel->interrupt = false;
        return true;
    case RI_REG_block_LATENCY:
        block->latency_us = value < LATENCY_US_MAX ? (uint32_t)value : LATENCY_US_MAX;
        return true;
    default:
        return false;
    }
}

int ri_block_attach(RiChannel *channel)
{
    block_of(channel)->event.fire = complete;
    return 0;
}

void ri_block_reset(RiChannel *channel)
{
    BlockChannel *block = block_of(channel);
    give_up(block);
    block->sector = block->count = block->address = block->control = block->latency_us = 0;
}

void ri_block_detach(RiChannel *channel)
{
    RiDevice *device = channel->device;
    ri_block_reset(channel);
    if (channel->may_write)
        (void)ri_bufcache_sync(device->machine->buffers, &device->block);
}
