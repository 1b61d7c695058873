/* device: registers of devices in the address space (doc/devices.md), and which devices there are. Their contents are read
 * and written by opening /dev/NAME (io.open, sys.call "open"), their registers by the library mem. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/libs.h"
#include "stdlib/stream.h"
#include "vm/machine/device.h"
#include "vm/machine/gate.h"
#include "vm/machine/layout.h"

static RiProc *proc_of(RiThread *T)
{
    if (T->process->proc == NULL)
        ri_error(T, "this state belongs to no machine");
    return T->process->proc;
}

/* nil, "name: why", errno */
static int32_t return_error(RiThread *T, const char *name, int64_t result)
{
    char why[100], text[200];
    snprintf(text, sizeof text, "%.60s: %.120s", name, ri_error_text(T->process->proc, (int)-result, why, sizeof why));
    RiString *message = ri_str_from_cstr(T->heap, text);
    return ri_return3(T->base, ri_nil(), ri_string_value(message), ri_int(-result));
}

/* "disk0" or "/dev/disk0". */
static const char *name_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0));
    return strncmp(name, "/dev/", 5) == 0 ? name + 5 : name;
}

static int32_t device_map(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiProc *proc = proc_of(T);
    const char *name = name_arg(T, args, nargs);
    ri_clear_denied(proc);
    int64_t address = ri_device_map(proc, name);
    return address < 0 ? return_error(T, name, address) : ri_return_int(T->base, address);
}

static int32_t device_reset(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiProc *proc = proc_of(T);
    const char *name = name_arg(T, args, nargs);
    ri_clear_denied(proc);
    int status = ri_device_reset(proc, name);
    return status < 0 ? return_error(T, name, status) : ri_return_bool(T->base, true);
}

static void set_field(RiThread *T, RiTable *t, const char *name, RiValue value)
{
    ri_push(T, value);
    RiString *key = ri_str_from_cstr(T->heap, name);
    ri_table_set_str(T->heap, t, key, T->top[-1]);
    T->top--;
}

static int32_t device_registers(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t unit;
    const char *name = name_arg(T, args, nargs);
    const RiDeviceInfo *info = ri_device_find(name, &unit);
    if (info == NULL)
        return return_error(T, name, -ENOENT);
    RiTable *t = ri_table_new(T->heap, 0, 32);
    ri_push(T, ri_table_value(t));
    for (const RiRegister *reg = ri_register_table; reg->group != NULL; reg++) {
        if (strcmp(reg->group, info->group) == 0)
            set_field(T, t, reg->name, ri_int(reg->offset));
    }
    return ri_return1(T->base, T->top[-1]);
}

/* The bit of each interrupt that has not been acknowledged. */
static int32_t device_pending(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint32_t unit;
    uint64_t pending = ri_device_pending(proc_of(T));
    if (ri_arg_is_none_or_nil(args, nargs, 0))
        return ri_return_int(T->base, (int64_t)pending);
    const char *name = name_arg(T, args, nargs);
    const RiDeviceInfo *info = ri_device_find(name, &unit);
    if (info == NULL)
        return return_error(T, name, -ENOENT);
    return ri_return_bool(T->base, info->irq != RI_DEVICE_NO_IRQ && (pending >> (info->irq + unit) & 1) != 0);
}

static void add_device(RiThread *T, RiTable *list, const RiDeviceInfo *info, uint32_t unit)
{
    char name[24];
    RiTable *t = ri_table_new(T->heap, 0, 8);
    ri_push(T, ri_table_value(t));
    ri_device_name(info, unit, name);
    set_field(T, t, "name", ri_string_value(ri_str_from_cstr(T->heap, name)));
    set_field(T, t, "kind", ri_string_value(ri_str_from_cstr(T->heap, info->kind == RI_DEVICE_BLOCK ? "block" : "character")));
    set_field(T, t, "doc", ri_string_value(ri_str_from_cstr(T->heap, info->doc)));
    if (info->window != RI_DEVICE_NO_WINDOW)
        set_field(T, t, "address", ri_int((int64_t)RI_DEVICE_START + info->window + unit * RI_PAGE_BYTES));
    if (info->irq != RI_DEVICE_NO_IRQ)
        set_field(T, t, "irq", ri_int(info->irq + unit));
    ri_table_append(T->heap, list, ri_table_value(t));
    T->top--;
}

static int32_t device_list(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiMachine *machine = proc_of(T)->machine;
    RiTable *list = ri_table_new(T->heap, 0, 0);
    (void)args;
    (void)nargs;
    ri_push(T, ri_table_value(list));
    for (const RiDeviceInfo *info = ri_device_table; info->path != NULL; info++) {
        for (uint32_t unit = 0; unit < info->units; unit++) {
            if (ri_device_exists(machine, info, unit))
                add_device(T, list, info, unit);
        }
    }
    return ri_return1(T->base, T->top[-1]);
}

/* -- Table of functions -------------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN(device_map, "device.map", "device.map(name)",
          "The address of the device's registers in this process, mapped if need be; or nil, message, errno."),
    RI_FN(device_registers, "device.registers", "device.registers(name)",
          "A table: offsets of its registers, by name, and values of their bits, as STATUS_BUSY."),
    RI_FN(device_pending, "device.pending", "device.pending([name])",
          "Has it an interrupt that this process has not acknowledged? Without a name: all of them, as bits."),
    RI_FN(device_reset, "device.reset", "device.reset(name)",
          "Put the process's registers back to what they were at first; what is under way is given up."),
    RI_FN(device_list, "device.list", "device.list()", "The devices of the machine: tables with name, kind, doc, address, irq."),
};

static void open_device(RiThread *T, RiTable *library)
{
    RiTable *requests = ri_table_new(T->heap, 0, 8);
    ri_push(T, ri_table_value(requests));
#define IOCTL(group, id, number, bytes, argument, doc) set_field(T, requests, #group "_" #id, ri_int(number));
#include "vm/machine/ioctls.def"
#undef IOCTL
    set_field(T, library, "ioctl", T->top[-1]);
    T->top--;
}

const RiLibrary ri_lib_device = {"device", functions, RI_COUNTOF(functions), open_device};
