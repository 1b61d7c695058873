/* /dev/mailbox0 …: two processes exchange 32-bit words, through a queue of 64 in each direction.
 *
 * The first process that opens or maps a mailbox has one end, the second the other; a third is refused (EBUSY). An end is
 * free again when nothing of the process refers to it; the other one then reads what is left and the end of file, and both
 * queues are empty again once both are free. A descriptor carries the bytes of words, the lowest first. */
#include <errno.h>
#include <string.h>

#include "vm/machine/driver.h"

#define QUEUE_WORDS 64u

typedef struct Queue {
    uint32_t words[QUEUE_WORDS];
    uint32_t head, count;
} Queue;

typedef struct End {
    uint32_t pid;      /* whose it is; 0: nobody's */
    uint32_t refs;     /* descriptors and registers */
    bool was_left;     /* by a process, since the queues were emptied */
    Queue incoming;
} End;

typedef struct Mailbox {
    End ends[2];
} Mailbox;

typedef struct MailboxChannel {
    RiChannel channel;
    uint32_t side;
    uint32_t control;
    bool overrun;
} MailboxChannel;

static MailboxChannel *mailbox_of(RiChannel *channel)
{
    return (MailboxChannel *)(void *)channel;
}

static End *end_of(const RiDevice *device, uint32_t side)
{
    return &((Mailbox *)device->data)->ends[side];
}

static int start_mailbox(RiDevice *device)
{
    device->data = calloc(1, sizeof(Mailbox));
    return device->data != NULL ? 0 : -ENOMEM;
}

static void stop_mailbox(RiDevice *device)
{
    free(device->data);
}

/* -- Ends ---------------------------------------------------------------------------------------------------------- */

/* Tell the process at `side`, by its registers and descriptors, that something has changed. */
static void tell(RiDevice *device, uint32_t side, uint32_t why)
{
    for (RiNode *node = device->channels.next; node != &device->channels; node = node->next) {
        MailboxChannel *box = mailbox_of((RiChannel *)(void *)node);
        if (box->side == side && box->control & why)
            ri_channel_interrupt(&box->channel);
    }
    ri_device_changed(device);
}

/* One more reference to the process's end, or a free one. -EBUSY: there is none. */
static int take_end(RiDevice *device, const RiProc *proc)
{
    int side = -1;
    for (int i = 1; i >= 0; i--) {
        const End *end = end_of(device, (uint32_t)i);
        if (end->refs == 0 && (side < 0 || end_of(device, (uint32_t)side)->pid != proc->pid))
            side = i;
        if (end->refs > 0 && end->pid == proc->pid)
            side = i;
    }
    if (side < 0)
        return -EBUSY;
    End *end = end_of(device, (uint32_t)side);
    bool is_new = end->refs++ == 0;
    end->pid = proc->pid;
    if (is_new)
        tell(device, (uint32_t)!side, 0);
    return side;
}

static void leave_end(RiDevice *device, uint32_t side)
{
    End *end = end_of(device, side), *other = end_of(device, !side);
    if (--end->refs > 0)
        return;
    *end = (End){.was_left = true}; /* what it was sent is lost; what it has sent can still be read */
    if (other->refs == 0)
        memset(device->data, 0, sizeof(Mailbox));
    else
        tell(device, !side, RI_BIT_mailbox_CONTROL_ON_WORD | RI_BIT_mailbox_CONTROL_ON_ROOM);
}

/* -- Words --------------------------------------------------------------------------------------------------------- */

static bool take_word(RiDevice *device, uint32_t side, uint32_t *word)
{
    Queue *queue = &end_of(device, side)->incoming;
    if (queue->count == 0)
        return false;
    *word = queue->words[queue->head];
    queue->head = (queue->head + 1) % QUEUE_WORDS;
    if (queue->count-- == QUEUE_WORDS)
        tell(device, !side, RI_BIT_mailbox_CONTROL_ON_ROOM);
    return true;
}

static bool put_word(RiDevice *device, uint32_t side, uint32_t word)
{
    Queue *queue = &end_of(device, !side)->incoming;
    if (queue->count == QUEUE_WORDS)
        return false;
    queue->words[(queue->head + queue->count++) % QUEUE_WORDS] = word;
    tell(device, !side, RI_BIT_mailbox_CONTROL_ON_WORD);
    return true;
}

static bool is_alone(const RiDevice *device, uint32_t side) /* somebody was there, and has gone */
{
    return end_of(device, !side)->refs == 0 && end_of(device, !side)->was_left;
}

/* -- Descriptors --------------------------------------------------------------------------------------------------- */

/* Streams read and write byte by byte if they have no buffer: a word that was taken or given in part. */
typedef struct OpenMailbox {
    uint32_t side;
    uint32_t in_count, out_count; /* bytes that wait in these */
    uint8_t in[sizeof(uint32_t)], out[sizeof(uint32_t)];
} OpenMailbox;

static uint32_t side_of(const RiDeviceOpen *open)
{
    return ((const OpenMailbox *)open->data)->side;
}

static int open_mailbox(RiTask *task, RiDeviceOpen *open)
{
    OpenMailbox *box = calloc(1, sizeof *box);
    int side = box != NULL ? take_end(open->device, task->proc) : -ENOMEM;
    if (side < 0) {
        free(box);
        return side;
    }
    box->side = (uint32_t)side;
    open->data = box;
    return 0;
}

static void close_mailbox(RiDeviceOpen *open)
{
    leave_end(open->device, side_of(open));
    free(open->data);
}

static int64_t read_mailbox(RiTask *task, RiDeviceOpen *open, void *to, size_t size)
{
    OpenMailbox *box = open->data;
    size_t done = 0;
    uint32_t word;
    for (; done < size; done++) {
        if (box->in_count == 0 && take_word(open->device, box->side, &word)) {
            memcpy(box->in, &word, sizeof word);
            box->in_count = sizeof word;
        }
        if (box->in_count == 0)
            break;
        ((uint8_t *)to)[done] = box->in[sizeof word - box->in_count--];
    }
    if (done > 0 || size == 0 || is_alone(open->device, box->side))
        return (int64_t)done;
    return ri_file_wait(task, open->file, RI_EVENT_IN);
}

static int64_t write_mailbox(RiTask *task, RiDeviceOpen *open, const void *from, size_t size)
{
    OpenMailbox *box = open->data;
    size_t done = 0;
    uint32_t word;
    if (is_alone(open->device, box->side))
        return -EPIPE;
    for (; done < size; done++) {
        box->out[box->out_count] = ((const uint8_t *)from)[done];
        memcpy(&word, box->out, sizeof word);
        if (box->out_count == sizeof word - 1 && !put_word(open->device, box->side, word))
            break;
        box->out_count = (box->out_count + 1) % sizeof word;
    }
    return done > 0 || size == 0 ? (int64_t)done : ri_file_wait(task, open->file, RI_EVENT_OUT);
}

static unsigned poll_mailbox(RiDeviceOpen *open)
{
    uint32_t side = side_of(open);
    bool is_readable = ((const OpenMailbox *)open->data)->in_count > 0 || end_of(open->device, side)->incoming.count > 0;
    bool is_writable = end_of(open->device, !side)->incoming.count < QUEUE_WORDS;
    return (is_readable ? RI_EVENT_IN : 0u) | (is_writable ? RI_EVENT_OUT : 0u) |
           (is_alone(open->device, side) ? RI_EVENT_HANGUP : 0u);
}

static int64_t control_mailbox(RiTask *task, RiDeviceOpen *open, uint32_t request, void *argument, size_t size)
{
    (void)task;
    (void)request;
    memcpy(argument, &end_of(open->device, !side_of(open))->pid, size);
    return 0;
}

/* -- Registers ----------------------------------------------------------------------------------------------------- */

static int attach_mailbox(RiChannel *channel)
{
    int side = take_end(channel->device, channel->proc);
    mailbox_of(channel)->side = side > 0;
    return side < 0 ? side : 0;
}

static void detach_mailbox(RiChannel *channel)
{
    leave_end(channel->device, mailbox_of(channel)->side);
}

static void reset_mailbox(RiChannel *channel)
{
    mailbox_of(channel)->control = 0;
    mailbox_of(channel)->overrun = false;
}

static uint32_t mailbox_status(const MailboxChannel *box)
{
    const RiDevice *device = box->channel.device;
    const End *mine = end_of(device, box->side), *other = end_of(device, !box->side);
    return (mine->incoming.count > 0 ? RI_BIT_mailbox_STATUS_READABLE : 0u) |
           (other->incoming.count < QUEUE_WORDS ? RI_BIT_mailbox_STATUS_WRITABLE : 0u) |
           (other->refs > 0 ? RI_BIT_mailbox_STATUS_PEER : 0u) | (box->overrun ? RI_BIT_mailbox_STATUS_OVERRUN : 0u) |
           (box->channel.interrupt ? RI_BIT_mailbox_STATUS_INTERRUPT : 0u);
}

static bool load_mailbox(RiChannel *channel, uint32_t offset, uint64_t *value, RiTrap *trap)
{
    MailboxChannel *box = mailbox_of(channel);
    uint32_t word = 0;
    (void)trap;
    switch (offset) {
    case RI_REG_mailbox_DATA:
        (void)take_word(channel->device, box->side, &word); /* 0 if there is none */
        break;
    case RI_REG_mailbox_STATUS:
        word = mailbox_status(box);
        break;
    case RI_REG_mailbox_COUNT:
        word = end_of(channel->device, box->side)->incoming.count;
        break;
    case RI_REG_mailbox_CONTROL:
        word = box->control;
        break;
    case RI_REG_mailbox_PEER:
        word = end_of(channel->device, !box->side)->pid;
        break;
    default:
        return false;
    }
    *value = word;
    return true;
}

static bool store_mailbox(RiChannel *channel, uint32_t offset, uint64_t value, RiTrap *trap)
{
    MailboxChannel *box = mailbox_of(channel);
    (void)trap;
    switch (offset) {
    case RI_REG_mailbox_DATA:
        if (!channel->may_write || !put_word(channel->device, box->side, (uint32_t)value))
            box->overrun = true;
        return true;
    case RI_REG_mailbox_CONTROL:
        box->control = value & (RI_BIT_mailbox_CONTROL_ON_WORD | RI_BIT_mailbox_CONTROL_ON_ROOM);
        if (box->control & RI_BIT_mailbox_CONTROL_ON_WORD && end_of(channel->device, box->side)->incoming.count > 0)
            ri_channel_interrupt(channel); /* words that have come already are not overlooked */
        return true;
    case RI_REG_mailbox_ACK:
        channel->interrupt = box->overrun = false;
        return true;
    default:
        return false;
    }
}

const RiDeviceOps ri_mailbox_ops = {
    .start = start_mailbox,
    .stop = stop_mailbox,
    .open = open_mailbox,
    .close = close_mailbox,
    .read = read_mailbox,
    .write = write_mailbox,
    .poll = poll_mailbox,
    .ioctl = control_mailbox,
    .channel_bytes = sizeof(MailboxChannel),
    .attach = attach_mailbox,
    .detach = detach_mailbox,
    .reset = reset_mailbox,
    .load = load_mailbox,
    .store = store_mailbox,
};
