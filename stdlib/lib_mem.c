/* mem.*: the paged memory of the process (doc/machine.md): mapping, typed loads and stores, views, moves.
 *
 * Accesses that cannot be made are traps, see vm/exec/trap.h: an error, or a call of the program's handler, after which the
 * function is carried out again. So nothing here keeps state of its own between a trap and its repetition: the arguments
 * stay in the frame. Functions that ask the machine for something return nil, a message and an errno when it refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/handle.h"
#include "stdlib/libs.h"
#include "stdlib/mempointer.h"
#include "stdlib/stream.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/memory.h"
#include "vm/exec/trap.h"
#include "vm/machine/device.h"
#include "vm/machine/image.h"
#include "vm/machine/mmu.h"
#include "vm/machine/shm.h"

#define VIEW_TYPE "mem.view"
#define CHUNK_BYTES ((uint64_t)64 << 10) /* moved between two safe points */

/* -- Arguments ---------------------------------------------------------------------------------------------------- */

static RiAddr address_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    int64_t address = ri_arg_int(T, args, nargs, i);
    RI_ARG_CHECK(T, address >= 0 && address <= UINT32_MAX, i, "address out of range");
    return (RiAddr)address;
}

static uint64_t size_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    int64_t size = ri_arg_int(T, args, nargs, i);
    RI_ARG_CHECK(T, size >= 0 && (uint64_t)size <= RI_SPACE_BYTES, i, "size out of range");
    return (uint64_t)size;
}

static RiMemType type_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    static const char *const names[] = {
#define MEMTYPE(id, name, bits, c_type, set) name,
#include "vm/exec/memtypes.def"
#undef MEMTYPE
        NULL};
    return (RiMemType)ri_arg_option(T, args, nargs, i, NULL, names);
}

static bool parse_prot(const char *text, unsigned *prot)
{
    *prot = RI_PROT_NONE;
    if (strcmp(text, "none") == 0)
        return true;
    for (; *text != '\0'; text++) {
        if (*text == 'r')
            *prot |= RI_PROT_READ;
        else if (*text == 'w')
            *prot |= RI_PROT_WRITE;
        else if (*text == 'x')
            *prot |= RI_PROT_EXEC;
        else if (*text != '-')
            return false;
    }
    return true;
}

static unsigned prot_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *fallback)
{
    unsigned prot;
    const char *text = ri_arg_is_none_or_nil(args, nargs, i) ? fallback : ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
    RI_ARG_CHECK(T, parse_prot(text, &prot), i, "bad rights (\"rwx\" in part, or \"none\")");
    return prot;
}

/* A result of the machine: a number to be returned, or a negative errno. */
static int32_t return_result(RiThread *T, int64_t result)
{
    return result < 0 ? ri_return_errno(T, (int)-result) : ri_return_int(T->base, result);
}

static int32_t return_done(RiThread *T, int error)
{
    return error < 0 ? ri_return_errno(T, -error) : ri_return_bool(T->base, true);
}

/* -- Typed loads and stores ---------------------------------------------------------------------------------------- */

static int32_t load(RiThread *T, RiMemType type, RiAddr address)
{
    RiTrap trap;
    RiValue v;
    if (ri_memory_try_load(T, type, address, &v))
        return ri_return1(T->base, v);
    if (!ri_memory_load(ri_memory_need_space(T), type, address, &v, &trap))
        return ri_exec_trap(T, &trap);
    return ri_return1(T->base, v);
}

static int32_t store(RiThread *T, RiMemType type, RiAddr address, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiTrap trap;
    uint64_t bits;
    RiValue v = ri_arg(args, nargs, i);
    if (ri_memory_try_store(T, type, address, &v))
        return 0;
    if (!ri_memory_bits(type, v, &bits)) { /* says what is wrong */
        if (ri_mem_types[type].is_float)
            (void)ri_arg_float(T, args, nargs, i);
        else
            (void)ri_arg_int(T, args, nargs, i);
    }
    if (!ri_memory_store(ri_memory_need_space(T), type, address, bits, &trap))
        return ri_exec_trap(T, &trap);
    return 0;
}

#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    static int32_t load_##id(RiThread *T, RiValue *args, uint32_t nargs)                           \
    {                                                                                              \
        return load(T, RI_MEM_##id, address_arg(T, args, nargs, 0));                               \
    }                                                                                              \
    static int32_t store_##id(RiThread *T, RiValue *args, uint32_t nargs)                          \
    {                                                                                              \
        return store(T, RI_MEM_##id, address_arg(T, args, nargs, 0), args, nargs, 1);              \
    }
#include "vm/exec/memtypes.def"
#undef MEMTYPE

static int32_t load_any(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiMemType type = type_arg(T, args, nargs, 0);
    return load(T, type, address_arg(T, args, nargs, 1));
}

static int32_t store_any(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiMemType type = type_arg(T, args, nargs, 0);
    return store(T, type, address_arg(T, args, nargs, 1), args, nargs, 2);
}

static int32_t size_of(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return_int(args, ri_mem_types[type_arg(T, args, nargs, 0)].size);
}

/* -- Views --------------------------------------------------------------------------------------------------------- */

static RiUserdata *view_userdata(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue v = ri_arg(args, nargs, 0);
    if (!ri_is_userdata(v) || ((RiUserdata *)v.p)->type != &ri_view_type)
        ri_arg_type_error(T, args, nargs, 0, VIEW_TYPE);
    return v.p;
}

static RiView *view_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_view_of(view_userdata(T, args, nargs));
}

/* The element that args[1] names; false: there is none. */
static bool element_of(const RiView *view, RiValue key, RiAddr *address)
{
    int64_t i;
    if (!ri_is_number(key) || !ri_to_int(key, &i) || (uint64_t)i - 1 >= view->count)
        return false;
    *address = view->address + (RiAddr)((uint64_t)(i - 1) * ri_mem_types[view->type].size);
    return true;
}

/* view.address, view.type, view.size */
static int32_t view_property(RiThread *T, const RiView *view, const RiString *key)
{
    const char *name = ri_str_data(key);
    const RiMemTypeInfo *type = &ri_mem_types[view->type];
    if (strcmp(name, "address") == 0)
        return ri_return_int(T->base, view->address);
    if (strcmp(name, "type") == 0)
        return ri_return_string(T->base, ri_str_from_cstr(T->heap, type->name));
    if (strcmp(name, "size") == 0)
        return ri_return_int(T->base, (int64_t)view->count * type->size);
    return ri_return_nil(T->base);
}

static int32_t view_index(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address;
    const RiView *view = view_arg(T, args, nargs);
    RiValue key = ri_arg(args, nargs, 1);
    if (ri_is_string(key))
        return view_property(T, view, key.p);
    if (!element_of(view, key, &address))
        return ri_return_nil(args);
    return load(T, (RiMemType)view->type, address);
}

static int32_t view_newindex(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address;
    const RiView *view = view_arg(T, args, nargs);
    if (!element_of(view, ri_arg(args, nargs, 1), &address)) {
        RiString *key = ri_tostring(T, ri_arg(args, nargs, 1));
        ri_error(T, "index %s out of bounds of a view of %u elements", ri_str_cstr(T->heap, key), view->count);
    }
    return store(T, (RiMemType)view->type, address, args, nargs, 2);
}

static int32_t view_len(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return_int(args, view_arg(T, args, nargs)->count);
}

static int32_t view_tostring(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[64];
    const RiView *view = view_arg(T, args, nargs);
    snprintf(text, sizeof text, "mem.view: %s[%u] at 0x%08x", ri_mem_types[view->type].name, view->count, view->address);
    return ri_return_string(T->base, ri_str_from_cstr(T->heap, text));
}

static int32_t view_eq(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiValue other = ri_arg(args, nargs, 1);
    const RiView *a = view_arg(T, args, nargs);
    if (!ri_is_userdata(other) || ((RiUserdata *)other.p)->type != &ri_view_type)
        return ri_return_bool(args, false);
    const RiView *b = ri_view_of(other.p);
    return ri_return_bool(args, a->address == b->address && a->count == b->count && a->type == b->type);
}

static const RiLibFn view_methods[] = {
    RI_FN_RESUMABLE(view_index, ri_exec_trap_resume, "mem.view.__index", "view[i]", "Load element i, from 1; nil beyond the end."),
    RI_FN_RESUMABLE(view_newindex, ri_exec_trap_resume, "mem.view.__newindex", "view[i] = v", "Store element i."),
    RI_FN(view_len, "mem.view.__len", "#view", "How many elements."),
    RI_FN(view_eq, "mem.view.__eq", "view == other", "The same elements of the same type?"),
    RI_FN(view_tostring, "mem.view.__tostring", "tostring(view)", "Type, count and address."),
};

static int32_t new_view(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiMemType type = type_arg(T, args, nargs, 0);
    RiAddr address = address_arg(T, args, nargs, 1);
    int64_t count = ri_arg_int(T, args, nargs, 2);
    uint64_t room = (RI_SPACE_BYTES - address) / ri_mem_types[type].size;
    RI_ARG_CHECK(T, count >= 0 && (uint64_t)count <= room && count <= UINT32_MAX, 2, "count out of range");
    RiTable *meta = ri_type_metatable(T, VIEW_TYPE);
    ri_push(T, ri_table_value(meta));
    if (ri_is_nil(ri_table_get_str(meta, T->heap->mm_names[RI_MM_INDEX])))
        ri_library_fill(T, meta, view_methods, RI_COUNTOF(view_methods));
    RiUserdata *u = ri_udata_new(T->heap, sizeof(RiView), 0);
    u->type = &ri_view_type;
    u->meta = meta;
    *ri_view_of(u) = (RiView){address, (uint32_t)count, (uint8_t)type};
    return ri_return1(T->base, ri_object(u, RI_TAG_USERDATA));
}

/* -- Moving bytes -------------------------------------------------------------------------------------------------- */

static uint64_t chunk_of(uint64_t left)
{
    return left < CHUNK_BYTES ? left : CHUNK_BYTES;
}

static int32_t read_string(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    RiSpace *space = ri_memory_need_space(T);
    RiSbuf sb;
    if (!ri_space_check(space, address, size, RI_ACCESS_READ, &trap))
        return ri_exec_trap(T, &trap);
    ri_sbuf_init(&sb, T->heap);
    for (uint64_t done = 0; done < size;) {
        uint64_t part = chunk_of(size - done);
        if (!ri_space_copyin(space, address + (RiAddr)done, ri_sbuf_reserve(&sb, part), part, &trap))
            return ri_exec_trap(T, &trap);
        sb.size += part;
        done += part;
        ri_poll(T);
    }
    return ri_return_string(T->base, ri_sbuf_finish(&sb));
}

static int32_t read_cstring(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr address = address_arg(T, args, nargs, 0);
    RiSpace *space = ri_memory_need_space(T);
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    for (;;) {
        const uint64_t step = RI_PAGE_BYTES - address % RI_PAGE_BYTES; /* not beyond a page that the text ends in */
        int64_t n = ri_space_copyin_string(space, address, ri_sbuf_reserve(&sb, step), step, &trap);
        if (n == -EFAULT)
            return ri_exec_trap(T, &trap);
        sb.size += n >= 0 ? (uint64_t)n : step;
        if (n >= 0)
            return ri_return_string(T->base, ri_sbuf_finish(&sb));
        address += (RiAddr)step;
        ri_poll(T);
    }
}

static int32_t write_string(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr address = address_arg(T, args, nargs, 0);
    const RiString *s = ri_arg_str(T, args, nargs, 1);
    RiSpace *space = ri_memory_need_space(T);
    if (!ri_space_check(space, address, s->size, RI_ACCESS_WRITE, &trap))
        return ri_exec_trap(T, &trap);
    for (uint64_t done = 0; done < s->size;) {
        uint64_t part = chunk_of(s->size - done);
        if (!ri_space_copyout(space, address + (RiAddr)done, ri_str_data(s) + done, part, &trap))
            return ri_exec_trap(T, &trap);
        done += part;
        ri_poll(T);
    }
    return ri_return_int(T->base, (int64_t)s->size);
}

/* Large ranges are gone through in chunks, between which others may run, threads of the same process too. What is left to do
 * is in the frame's first arguments; so a trap on the way is also one of the rest. */
enum { STEP_POLLED = 2 }; /* of the frame's step: it goes on after a poll, the range has been checked */

static int32_t go_on_later(RiThread *T)
{
    ri_lib_set_step(T, STEP_POLLED);
    return RI_LIB_POLL;
}

static bool goes_on(RiThread *T)
{
    if (ri_lib_step(T) != STEP_POLLED)
        return false;
    ri_lib_set_step(T, 0);
    return true;
}

static int32_t fill(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    uint8_t byte = (uint8_t)ri_arg_opt_int(T, args, nargs, 2, 0);
    RiSpace *space = ri_memory_need_space(T);
    if (!goes_on(T) && !ri_space_check(space, address, size, RI_ACCESS_WRITE, &trap))
        return ri_exec_trap(T, &trap);
    while (size > 0) {
        uint64_t part = chunk_of(size);
        if (!ri_space_fill(space, address, byte, part, &trap))
            return ri_exec_trap(T, &trap);
        address += (RiAddr)part;
        size -= part;
        args[0] = ri_int(address);
        args[1] = ri_int((int64_t)size);
        if (ri_poll_due(T))
            return go_on_later(T);
    }
    return 0;
}

static int32_t fill_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_lib_step(T) == STEP_POLLED ? fill(T, args, nargs) : ri_exec_trap_resume(T, args, nargs);
}

static int32_t copy(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr to = address_arg(T, args, nargs, 0), from = address_arg(T, args, nargs, 1);
    uint64_t size = size_arg(T, args, nargs, 2);
    RiSpace *space = ri_memory_need_space(T);
    if (!goes_on(T) && (!ri_space_check(space, from, size, RI_ACCESS_READ, &trap) ||
                        !ri_space_check(space, to, size, RI_ACCESS_WRITE, &trap)))
        return ri_exec_trap(T, &trap);
    while (size > 0) {
        bool backwards = to > from && to - from < size;
        uint64_t part = chunk_of(size), at = backwards ? size - part : 0;
        if (!ri_space_move(space, to + (RiAddr)at, from + (RiAddr)at, part, &trap))
            return ri_exec_trap(T, &trap);
        size -= part;
        if (!backwards) {
            to += (RiAddr)part;
            from += (RiAddr)part;
        }
        args[0] = ri_int(to);
        args[1] = ri_int(from);
        args[2] = ri_int((int64_t)size);
        if (ri_poll_due(T))
            return go_on_later(T);
    }
    return 0;
}

static int32_t copy_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_lib_step(T) == STEP_POLLED ? copy(T, args, nargs) : ri_exec_trap_resume(T, args, nargs);
}

/* What find looks for: a string, or a number as one byte. */
static RiString *needle_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i < nargs && ri_is_int(args[i])) {
        char byte = (char)args[i].i;
        RI_ARG_CHECK(T, args[i].i >= 0 && args[i].i <= UINT8_MAX, i, "no byte");
        return ri_str_new(T->heap, &byte, 1);
    }
    return ri_arg_str(T, args, nargs, i);
}

static const char *find_bytes(const char *bytes, uint64_t size, const RiString *needle)
{
    const char *data = ri_str_data(needle), *end = bytes + size - needle->size;
    for (const char *at = bytes; at <= end; at++) {
        at = memchr(at, data[0], (size_t)(end - at) + 1);
        if (at == NULL)
            return NULL;
        if (memcmp(at, data, needle->size) == 0)
            return at;
    }
    return NULL;
}

static int32_t find(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTrap trap;
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    RiString *needle = needle_arg(T, args, nargs, 2);
    RiSpace *space = ri_memory_need_space(T);
    if (!goes_on(T) && !ri_space_check(space, address, size, RI_ACCESS_READ, &trap))
        return ri_exec_trap(T, &trap);
    if (needle->size == 0)
        return ri_return_int(T->base, address);
    args[2] = ri_string_value(needle); /* alive */
    RiSbuf sb; /* a window of chunks that overlap by the needle */
    ri_sbuf_init(&sb, T->heap);
    while (size >= needle->size) {
        uint64_t step = chunk_of(size - needle->size + 1), part = step + needle->size - 1;
        char *bytes = ri_sbuf_reserve(&sb, part);
        if (!ri_space_copyin(space, address, bytes, part, &trap))
            return ri_exec_trap(T, &trap);
        const char *found = find_bytes(bytes, part, needle);
        if (found != NULL)
            return ri_return_int(T->base, (int64_t)address + (found - bytes));
        address += (RiAddr)step;
        size -= step;
        args[0] = ri_int(address);
        args[1] = ri_int((int64_t)size);
        if (ri_poll_due(T))
            return go_on_later(T);
    }
    return ri_return_nil(T->base);
}

static int32_t find_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_lib_step(T) == STEP_POLLED ? find(T, args, nargs) : ri_exec_trap_resume(T, args, nargs);
}

/* -- Mapping ------------------------------------------------------------------------------------------------------- */

static RiValue option(RiThread *T, RiTable *options, const char *name)
{
    return ri_table_get_str(options, ri_str_from_cstr(T->heap, name));
}

static uint64_t size_option(RiThread *T, RiTable *options, const char *name)
{
    int64_t n;
    RiValue v = option(T, options, name);
    if (ri_is_nil(v))
        return 0;
    if (!ri_to_int(v, &n) || n < 0)
        ri_error(T, "bad option '%s' (not a size)", name);
    return (uint64_t)n;
}

static bool flag_option(RiThread *T, RiTable *options, const char *name)
{
    return !ri_is_falsy(option(T, options, name));
}

/* file = an open file of io. What it has buffered goes to the file first. */
static int file_option(RiThread *T, RiTable *options)
{
    RiValue v = option(T, options, "file");
    if (ri_is_nil(v))
        return -1;
    const RiStream *stream = ri_test_udata(T, v, RI_STREAM_TYPE);
    if (stream == NULL)
        ri_error(T, "bad option 'file' (open file expected, got %s)", ri_type_name(T, v));
    if (stream->close == NULL || stream->file == NULL)
        ri_error(T, "bad option 'file' (closed file)");
    fflush(stream->file);
    int fd = fileno(stream->file);
    if (fd < 0)
        ri_error(T, "bad option 'file' (no file of the host)");
    return fd;
}

static void read_options(RiThread *T, RiTable *options, RiMapRequest *request)
{
    uint64_t address = size_option(T, options, "addr");
    RiValue prot = option(T, options, "prot");
    if (address > UINT32_MAX)
        ri_error(T, "bad option 'addr' (address out of range)");
    if (!ri_is_nil(prot) && (!ri_is_string(prot) || !parse_prot(ri_str_cstr(T->heap, prot.p), &request->prot)))
        ri_error(T, "bad option 'prot' (\"rwx\" in part, or \"none\")");
    request->address = (RiAddr)address;
    request->size = size_option(T, options, "size");
    request->offset = size_option(T, options, "offset");
    request->fd = file_option(T, options);
    if (address != 0)
        request->flags |= flag_option(T, options, "fixed") ? RI_MAP_FIXED : RI_MAP_AT;
    if (flag_option(T, options, "shared"))
        request->flags |= RI_MAP_SHARED;
    if (flag_option(T, options, "aligned"))
        request->flags |= RI_MAP_ALIGNED;
    if (flag_option(T, options, "locked"))
        request->flags |= RI_MAP_LOCKED;
    if (request->fd >= 0 && request->size == 0) {
        int64_t size = ri_pages_file_size(request->fd);
        request->size = size > 0 && (uint64_t)size > request->offset ? (uint64_t)size - request->offset : 0;
    }
}

/* mem.map{device = "ram0"}: its registers; all else is decided by the device. */
static int32_t map_device(RiThread *T, RiValue name)
{
    if (!ri_is_string(name))
        ri_error(T, "bad option 'device' (string expected, got %s)", ri_type_name(T, name));
    (void)ri_memory_need_space(T);
    return return_result(T, ri_device_map(T->process->proc, ri_str_cstr(T->heap, name.p)));
}

static int32_t map(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiMapRequest request = {.prot = RI_PROT_READ | RI_PROT_WRITE, .fd = -1};
    if (nargs > 0 && ri_is_table(args[0])) {
        RiValue device = option(T, args[0].p, "device");
        if (!ri_is_nil(device))
            return map_device(T, device);
        read_options(T, args[0].p, &request);
    } else {
        request.size = size_arg(T, args, nargs, 0);
        request.prot = prot_arg(T, args, nargs, 1, "rw");
    }
    return return_result(T, ri_space_mmap(ri_memory_need_space(T), &request));
}

static int32_t unmap(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    return return_done(T, ri_space_munmap(ri_memory_need_space(T), address, size));
}

static int32_t protect(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    unsigned prot = prot_arg(T, args, nargs, 2, "rw");
    return return_done(T, ri_space_mprotect(ri_memory_need_space(T), address, size, prot));
}

static int32_t sync_file(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    return return_done(T, ri_space_msync(ri_memory_need_space(T), address, size));
}

static int32_t lock_pages(RiThread *T, RiValue *args, uint32_t nargs, bool lock)
{
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    return return_done(T, ri_space_mlock(ri_memory_need_space(T), address, size, lock));
}

static int32_t lock(RiThread *T, RiValue *args, uint32_t nargs)
{
    return lock_pages(T, args, nargs, true);
}

static int32_t unlock(RiThread *T, RiValue *args, uint32_t nargs)
{
    return lock_pages(T, args, nargs, false);
}

/* In chunks: a range can have a million pages. */
static int32_t resident(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint8_t bytes[256];
    RiAddr address = address_arg(T, args, nargs, 0);
    uint64_t size = size_arg(T, args, nargs, 1);
    RiSpace *space = ri_memory_need_space(T);
    RiTable *t = ri_table_new(T->heap, 0, 0);
    int64_t count = 0, index = 0;
    ri_push(T, ri_table_value(t));
    for (uint64_t done = 0; done < size; done += sizeof bytes * RI_PAGE_BYTES) {
        uint64_t part = size - done < sizeof bytes * RI_PAGE_BYTES ? size - done : sizeof bytes * RI_PAGE_BYTES;
        int error = ri_space_mincore(space, address + (RiAddr)done, part, bytes);
        if (error != 0)
            return ri_return_errno(T, -error);
        for (uint64_t i = 0; i < (part + RI_PAGE_BYTES - 1) / RI_PAGE_BYTES; i++) {
            ri_table_set_int(T->heap, t, ++index, ri_bool(bytes[i]));
            count += bytes[i];
        }
        ri_poll(T);
    }
    return ri_return2(T->base, ri_int(count), ri_table_value(t));
}

static int32_t move_break(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t increment = ri_arg_opt_int(T, args, nargs, 0, 0);
    return return_result(T, ri_space_sbrk(ri_memory_need_space(T), increment));
}

static int32_t set_break(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address = nargs > 0 ? address_arg(T, args, nargs, 0) : 0;
    return return_result(T, ri_space_brk(ri_memory_need_space(T), address));
}

/* -- Shared segments ------------------------------------------------------------------------------------------------ */

static int32_t id_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t id = ri_arg_int(T, args, nargs, 0);
    return id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
}

static int32_t shm_get(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t key = ri_arg_opt_int(T, args, nargs, 0, RI_SHM_PRIVATE);
    uint64_t size = ri_arg_is_none_or_nil(args, nargs, 1) ? 0 : size_arg(T, args, nargs, 1);
    const char *how = ri_arg_is_none_or_nil(args, nargs, 2) ? "c" : ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 2));
    RI_ARG_CHECK(T, key >= INT32_MIN && key <= INT32_MAX, 0, "key out of range");
    RI_ARG_CHECK(T, strspn(how, "cxp") == strlen(how), 2,
                 "bad flags (\"c\": create, \"x\": it must be new, \"p\": for everybody)");
    unsigned flags = (strchr(how, 'c') != NULL ? RI_SHM_CREATE : 0u) | (strchr(how, 'x') != NULL ? RI_SHM_EXCLUSIVE : 0u) |
                     (strchr(how, 'p') != NULL ? RI_SHM_PUBLIC : 0u);
    RiSpace *space = ri_memory_need_space(T);
    return return_result(T, ri_shm_get(space->proc, (int32_t)key, size, flags));
}

static int32_t shm_attach(RiThread *T, RiValue *args, uint32_t nargs)
{
    int32_t id = id_arg(T, args, nargs);
    unsigned prot = prot_arg(T, args, nargs, 1, "rw");
    RiAddr address = ri_arg_is_none_or_nil(args, nargs, 2) ? 0 : address_arg(T, args, nargs, 2);
    return return_result(T, ri_shm_attach(ri_memory_need_space(T), id, address, !(prot & RI_PROT_WRITE)));
}

static int32_t shm_detach(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiAddr address = address_arg(T, args, nargs, 0);
    return return_done(T, ri_shm_detach(ri_memory_need_space(T), address));
}

static void set_int(RiThread *T, RiTable *t, const char *name, uint64_t value)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), ri_int((int64_t)value));
}

static void set_text(RiThread *T, RiTable *t, const char *name, const char *text)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), ri_string_value(ri_str_from_cstr(T->heap, text)));
}

static RiTable *push_table(RiThread *T)
{
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(t));
    return t;
}

static int32_t shm_control(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const commands[] = {"status", "remove", NULL};
    RiShmStatus status;
    int32_t id = id_arg(T, args, nargs);
    bool removes = ri_arg_option(T, args, nargs, 1, "status", commands) == 1;
    RiSpace *space = ri_memory_need_space(T);
    int error = ri_shm_control(space->proc, id, removes ? RI_SHM_REMOVE : RI_SHM_STATUS, &status);
    if (error != 0 || removes)
        return return_done(T, error);
    RiTable *t = push_table(T);
    set_int(T, t, "size", status.size);
    set_int(T, t, "key", (uint64_t)status.key);
    set_int(T, t, "creator", status.creator);
    set_int(T, t, "attached", status.attached);
    set_int(T, t, "resident", status.resident);
    return ri_return1(T->base, ri_table_value(t));
}

/* -- Looking at it -------------------------------------------------------------------------------------------------- */

/* The program's image: made, if nobody has looked before. */
static int32_t image(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args, (void)nargs;
    RiSpace *space = ri_memory_need_space(T);
    int status = ri_image_map(space);
    if (status != 0)
        return return_done(T, status);
    return ri_return2(T->base, ri_int(RI_IMAGE_START), ri_int((int64_t)ri_image_size(space)));
}

static int32_t usage(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args, (void)nargs;
    RiSpace *space = ri_memory_need_space(T);
    const RiFrames *frames = space->frames;
    const RiFrameStats *stats = &frames->stats;
    RiTable *t = push_table(T);
    set_int(T, t, "mapped", ri_space_mapped(space));
    set_int(T, t, "resident", ri_space_resident(space));
    set_int(T, t, "charged_bytes", space->proc->memory_bytes);
    set_int(T, t, "frames", frames->limit);
    set_int(T, t, "frames_used", frames->in_use);
    set_int(T, t, "frames_locked", frames->locked);
    set_int(T, t, "swap_used", frames->swap != NULL ? frames->swap->used : 0);
    set_int(T, t, "minor_faults", stats->minor_faults);
    set_int(T, t, "major_faults", stats->major_faults);
    set_int(T, t, "zero_fills", stats->zero_fills);
    set_int(T, t, "copies", stats->copies);
    set_int(T, t, "swap_in", stats->swap_in);
    set_int(T, t, "swap_out", stats->swap_out);
    set_int(T, t, "tlb_fills", stats->tlb_fills);
    set_int(T, t, "tlb_flushes", stats->tlb_flushes);
    set_text(T, t, "mmu", space->base != NULL || space->wants_host ? "host" : "soft");
    return ri_return1(T->base, ri_table_value(t));
}

static const char *kind_name(const RiRegion *region)
{
    switch ((RiRegionKind)region->kind) {
    case RI_REGION_MEMORY:
        return region->flags & RI_REGION_HEAP ? "heap" : "memory";
    case RI_REGION_FILE:
        return "file";
    case RI_REGION_SEGMENT:
        return region->first < RI_HEAP_START >> RI_PAGE_SHIFT ? "image" : "segment";
    case RI_REGION_DEVICE:
        return region->first == RI_INFO_START >> RI_PAGE_SHIFT ? "information" : "device";
    }
    return "?";
}

static void prot_text(unsigned prot, char out[4])
{
    out[0] = prot & RI_PROT_READ ? 'r' : '-';
    out[1] = prot & RI_PROT_WRITE ? 'w' : '-';
    out[2] = prot & RI_PROT_EXEC ? 'x' : '-';
    out[3] = '\0';
}

/* The index-th region as a table, pushed. */
static void push_region(RiThread *T, const RiSpace *space, uint32_t index)
{
    char prot[4];
    uint32_t present;
    const RiRegion region = space->regions.list[index];
    RiTable *t = push_table(T);
    (void)ri_pagetable_count(&space->table, region.first, region.end - region.first, &present);
    prot_text(region.prot, prot);
    set_int(T, t, "address", (uint64_t)region.first << RI_PAGE_SHIFT);
    set_int(T, t, "size", (uint64_t)(region.end - region.first) << RI_PAGE_SHIFT);
    set_int(T, t, "resident", present);
    set_text(T, t, "prot", prot);
    set_text(T, t, "kind", kind_name(&region));
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, "shared"), ri_bool(region.flags & RI_REGION_SHARED));
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, "locked"), ri_bool(region.flags & RI_REGION_LOCKED));
}

static int32_t map_of(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args, (void)nargs;
    RiSpace *space = ri_memory_need_space(T);
    (void)ri_image_map(space);
    RiTable *list = push_table(T);
    for (uint32_t i = 0; i < space->regions.count; i++) {
        push_region(T, space, i);
        ri_table_append(T->heap, list, T->top[-1]);
        T->top--;
        ri_poll(T);
    }
    return ri_return1(T->base, ri_table_value(list));
}

/* The page table entry of an address. */
static int32_t entry(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const struct {
        const char *name;
        RiPte flag;
    } flags[] = {{"present", RI_PTE_PRESENT}, {"accessed", RI_PTE_ACCESSED}, {"dirty", RI_PTE_DIRTY}, {"cow", RI_PTE_COW},
                 {"file", RI_PTE_FILE}};
    char prot[4];
    RiAddr address = address_arg(T, args, nargs, 0);
    const RiSpace *space = ri_memory_need_space(T);
    RiPte pte = ri_pagetable_get(&space->table, address >> RI_PAGE_SHIFT);
    if (pte == 0)
        return ri_return_nil(args);
    RiTable *t = push_table(T);
    for (size_t i = 0; i < RI_COUNTOF(flags); i++)
        ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, flags[i].name), ri_bool(pte & flags[i].flag));
    prot_text(ri_pte_prot(pte), prot);
    set_text(T, t, "prot", prot);
    set_int(T, t, pte & RI_PTE_PRESENT ? "frame" : "slot", ri_pte_number(pte));
    return ri_return1(T->base, ri_table_value(t));
}

/* -- Table of functions --------------------------------------------------------------------------------------------- */

#define TRAPS(c_name, lua_name, usage_text, doc_text)                                              \
    RI_FN_RESUMABLE(c_name, ri_exec_trap_resume, lua_name, usage_text, doc_text)

static const RiLibFn functions[] = {
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    RI_FN_INTRINSIC_RESUMABLE(MEM_LOAD_##id, load_##id, ri_exec_trap_resume, "mem.load_" name, "mem.load_" name "(addr)", \
                              "The " name " at an address."),                                      \
    RI_FN_INTRINSIC_RESUMABLE(MEM_STORE_##id, store_##id, ri_exec_trap_resume, "mem.store_" name,  \
                              "mem.store_" name "(addr, v)", "Store a " name " at an address."),
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    TRAPS(load_any, "mem.load", "mem.load(type, addr)", "A scalar of the named type: \"u8\" … \"i64\", \"f32\", \"f64\", \"ptr\"."),
    TRAPS(store_any, "mem.store", "mem.store(type, addr, v)", "Store a scalar of the named type."),
    RI_FN(size_of, "mem.size_of", "mem.size_of(type)", "Bytes of a scalar type."),
    RI_FN(new_view, "mem.view", "mem.view(type, addr, count)",
          "An array of scalars in memory: v[1] … v[count], #v, ipairs(v); v.address, v.type, v.size."),
    TRAPS(read_string, "mem.string", "mem.string(addr, size)", "The bytes from an address on."),
    TRAPS(read_cstring, "mem.cstring", "mem.cstring(addr)", "The bytes from an address on, up to a zero byte."),
    TRAPS(write_string, "mem.write", "mem.write(addr, s)", "Store the bytes of a string; returns their count."),
    RI_FN_RESUMABLE(copy, copy_resume, "mem.copy", "mem.copy(to, from, size)", "Copy bytes; the ranges may overlap."),
    RI_FN_RESUMABLE(fill, fill_resume, "mem.fill", "mem.fill(addr, size [, byte])", "Store one byte (0) everywhere."),
    RI_FN_RESUMABLE(find, find_resume, "mem.find", "mem.find(addr, size, what)",
          "Address of the first occurrence of a string, or of a byte given as a number; nil if there is none."),
    TRAPS(ri_mem_pointer, "mem.pointer", "mem.pointer(addr, size [, \"r\"])",
          "Memory for C functions, a cdata `uint8_t *` (with \"r\" const); its pages stay where they are while the pointer lives."),
    RI_FN(map, "mem.map", "mem.map(size [, prot]) or mem.map{size=, addr=, prot=, file=, offset=, shared=, fixed=, aligned=, locked=} or "
          "mem.map{device=}",
          "Map memory, a file or the registers of a device: its address; nil, message, errno if that is refused."),
    RI_FN(unmap, "mem.unmap", "mem.unmap(addr, size)", "Unmap whole pages."),
    RI_FN(protect, "mem.protect", "mem.protect(addr, size, prot)", "Set the rights of pages: \"rw\", \"r\", \"rx\", \"none\"."),
    RI_FN(sync_file, "mem.sync", "mem.sync(addr, size)", "Shared pages of files are on the disk when it returns."),
    RI_FN(resident, "mem.resident", "mem.resident(addr, size)", "How many pages are in memory, and a list of booleans."),
    RI_FN(lock, "mem.lock", "mem.lock(addr, size)", "Keep pages in memory."),
    RI_FN(unlock, "mem.unlock", "mem.unlock(addr, size)", "Let pages be swapped out again."),
    RI_FN(move_break, "mem.sbrk", "mem.sbrk([increment])", "Move the end of the heap; returns where it was."),
    RI_FN(set_break, "mem.brk", "mem.brk([addr])", "Set the end of the heap; returns where it is."),
    RI_FN(shm_get, "mem.shm_get", "mem.shm_get([key [, size [, flags]]])",
          "The id of the shared segment with that key (0: a new one); flags \"c\": make it, \"x\": it must be new, \"p\": what is made is "
          "for everybody."),
    RI_FN(shm_attach, "mem.shm_attach", "mem.shm_attach(id [, prot [, addr]])", "Map a shared segment: its address."),
    RI_FN(shm_detach, "mem.shm_detach", "mem.shm_detach(addr)", "Unmap a shared segment."),
    RI_FN(shm_control, "mem.shm_control", "mem.shm_control(id [, \"status\" | \"remove\"])",
          "What is known of a segment; or let it go when nobody has it attached any more."),
    RI_FN(image, "mem.image", "mem.image()",
          "The address and size of the program's image, the saved chunk of what runs; nil, message, errno if there is none."),
    RI_FN(usage, "mem.usage", "mem.usage()", "Counters of the process's memory and of the machine's."),
    RI_FN(map_of, "mem.map_of", "mem.map_of()", "The regions of the address space, in order."),
    RI_FN(entry, "mem.entry", "mem.entry(addr)", "The page table entry of an address; nil if there is nothing yet."),
};

static void open_mem(RiThread *T, RiTable *library)
{
    set_int(T, library, "page_size", RI_PAGE_BYTES);
    set_int(T, library, "info", RI_INFO_START);
}

const RiLibrary ri_lib_mem = {"mem", functions, RI_COUNTOF(functions), open_mem};
