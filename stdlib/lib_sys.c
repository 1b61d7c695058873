/* sys: system calls, as the machine has them (doc/syscalls.md), and what makes them handy from Lua.
 *
 * Arguments of sys.call are integers; a string may stand for a path, and for bytes that a call reads (its size is then the
 * string's, if none is given). A call that waits parks only the thread that made it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/handle.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"
#include "vm/host/sockets.h"
#include "vm/machine/gate.h"
#include "vm/machine/sched.h"

/* -- Results ------------------------------------------------------------------------------------------------------------- */

/* nil, "what: why", errno */
static int32_t return_error(RiThread *T, const char *what, int64_t result)
{
    char text[100];
    int error = (int)-result;
    const char *why = ri_error_text(T->process->proc, error, text, sizeof text);
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, what, strlen(what));
    ri_sbuf_add(&sb, ": ", 2);
    ri_sbuf_add(&sb, why, strlen(why));
    RiString *message = ri_sbuf_finish(&sb);
    return ri_return3(T->base, ri_nil(), ri_string_value(message), ri_int(error));
}

static RiTask *task_of(RiThread *T)
{
    RiTask *task = ri_current_task(T);
    if (task == NULL)
        ri_error(T, "this state belongs to no machine");
    return task;
}

/* -- Waiting ------------------------------------------------------------------------------------------------------------- *
 * A function that may wait keeps what it has to know in slots above its arguments; the step of the frame counts them. When
 * it waits it returns RI_LIB_BLOCK, and is entered again with them. */

static uint32_t argument_count(RiThread *T)
{
    return (uint32_t)(T->top - T->base) - ri_lib_step(T);
}

/* The number kept in the only slot; 0 when the function is entered for the first time. */
static int64_t kept_number(RiThread *T)
{
    return ri_lib_step(T) > 0 ? T->top[-1].i : 0;
}

static int32_t wait_with(RiThread *T, int64_t number)
{
    if (ri_lib_step(T) == 0) {
        ri_lib_set_step(T, 1);
        ri_push(T, ri_nil());
    }
    ri_set_int(&T->top[-1], number);
    return RI_LIB_BLOCK;
}

/* Make a call; afterwards the standard streams go where descriptors 0 to 2 lead. */
static int64_t issue(RiThread *T, RiCall *call)
{
    RiTask *task = task_of(T);
    if (call->number == RI_SYS_fork && !call->is_again)
        ri_stream_flush_all(T); /* or both would write it */
    int64_t result = ri_syscall_issue(task, call);
    if (result != RI_SYS_BLOCK)
        ri_stream_follow_descriptors(T, task->proc, ri_stdlib(T));
    return result;
}

/* -- sys.call ------------------------------------------------------------------------------------------------------------ */

static const RiSyscall *row_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    const RiSyscall *row = NULL;
    if (nargs > 0 && ri_is_string(args[0])) {
        row = ri_syscall_by_name(ri_str_cstr(T->heap, args[0].p));
        if (row == NULL)
            ri_arg_error(T, 0, "no system call has this name");
        return row;
    }
    int64_t number = ri_arg_int(T, args, nargs, 0);
    if (number >= 0 && number < RI_SYSCALL_MAX)
        row = ri_syscall_by_number((uint32_t)number);
    return row;
}

/* A string as the memory that argument `i` of the call names. */
static void set_text(RiThread *T, RiCall *call, const RiSyscall *row, uint32_t i, RiString *s)
{
    char letter = row->signature[i];
    if (letter != 'p' && letter != 'r')
        ri_arg_error(T, i + 1, "an integer is expected here, not a string");
    call->host[i] = (char *)(uintptr_t)(letter == 'p' ? ri_str_cstr(T->heap, s) : ri_str_data(s));
    call->host_size[i] = s->size;
}

static uint64_t default_argument(const RiCall *call, const RiSyscall *row, uint32_t i)
{
    if (row->signature[i] == 'm')
        return row->number == RI_SYS_mkdir ? 0777 : 0666;
    return row->signature[i] == 'n' && call->host[i - 1] != NULL ? call->host_size[i - 1] : 0;
}

static void read_arguments(RiThread *T, RiValue *args, uint32_t nargs, const RiSyscall *row, RiCall *call)
{
    uint32_t count = (uint32_t)strlen(row->signature);
    for (uint32_t i = 0; i < count; i++) {
        if (ri_arg_is_none_or_nil(args, nargs, i + 1))
            call->args[i] = default_argument(call, row, i);
        else if (ri_is_string(args[i + 1]))
            set_text(T, call, row, i, args[i + 1].p);
        else
            call->args[i] = (uint64_t)ri_arg_int(T, args, nargs, i + 1);
    }
}

/* What a standard stream has buffered goes out before its descriptor becomes another: true if that has to wait. */
static bool flush_must_wait(RiThread *T, const RiCall *call)
{
    uint64_t n = call->number == RI_SYS_close ? call->args[0] : call->number == RI_SYS_dup2 ? call->args[1] : 0;
    if (n != 1 && n != 2)
        return false;
    FILE *stream = ri_stream_standard(T, (int)n);
    return ri_host_stream_pending(stream) > 0 && ri_stream_try_flush(T, stream) == RI_WRITE_WAITS;
}

/* The step of a frame that only waits for the handlers of signals: its result is its only value. */
#define DELIVERS 0xfffff

static int32_t sys_call(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    if (ri_lib_step(T) == DELIVERS)
        return ri_deliver_resume(T, args, nargs);
    uint32_t count = argument_count(T);
    (void)nargs;
    const RiSyscall *row = row_arg(T, args, count);
    if (row == NULL)
        return return_error(T, "call", -ENOSYS);
    ri_call_init(&call, row->number);
    read_arguments(T, args, count, row, &call);
    call.is_again = ri_lib_step(T) > 0;
    call.deadline_ns = (uint64_t)kept_number(T);
    if (flush_must_wait(T, &call))
        return wait_with(T, 0);
    int64_t result = issue(T, &call);
    if (result == RI_SYS_BLOCK)
        return wait_with(T, (int64_t)call.deadline_ns);
    if (row->number == RI_SYS_exec && result == 0)
        return ri_process_exec_granted(T);
    if (result >= 0 || result < -4095) { /* masks and the like may be anything else */
        ri_lib_set_step(T, DELIVERS);
        return ri_deliver(T, ri_int(result));
    }
    const char *what = row->signature[0] == 'p' && call.host[0] != NULL ? call.host[0] : row->name;
    return return_error(T, what, result);
}

/* -- Reading and writing strings ------------------------------------------------------------------------------------------- */

static int32_t sys_read_string(RiThread *T, RiValue *args, uint32_t nargs)
{
    enum { STEP = 1 << 20 };
    RiCall call;
    uint32_t count = argument_count(T);
    (void)nargs;
    ri_call_init(&call, RI_SYS_read);
    call.args[0] = (uint64_t)ri_arg_int(T, args, count, 0);
    int64_t size = ri_arg_opt_int(T, args, count, 1, 4096);
    RI_ARG_CHECK(T, size >= 0, 1, "size is negative");
    call.args[2] = (uint64_t)(size < STEP ? size : STEP);
    call.is_again = ri_lib_step(T) > 0;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    call.host[1] = ri_sbuf_reserve(&sb, (size_t)call.args[2]);
    call.host_size[1] = (size_t)call.args[2];
    int64_t result = issue(T, &call);
    if (result == RI_SYS_BLOCK)
        return wait_with(T, 0);
    if (result < 0)
        return return_error(T, "read", result);
    if (result == 0 && size > 0)
        return ri_return_nil(T->base);
    sb.size = (size_t)result;
    RiString *s = ri_sbuf_finish(&sb);
    return ri_return_string(T->base, s);
}

static int32_t sys_write_string(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    uint32_t count = argument_count(T);
    (void)nargs;
    int64_t fd = ri_arg_int(T, args, count, 0), done = kept_number(T);
    RiString *s = ri_arg_str(T, args, count, 1);
    do {
        ri_call_init(&call, RI_SYS_write);
        call.args[0] = (uint64_t)fd;
        call.host[1] = (char *)(uintptr_t)ri_str_data(s) + done;
        call.host_size[1] = call.args[2] = s->size - (size_t)done;
        call.is_again = ri_lib_step(T) > 0;
        int64_t result = issue(T, &call);
        if (result == RI_SYS_BLOCK)
            return wait_with(T, done);
        if (result == -EAGAIN && done > 0)
            break; /* a file that does not wait has taken a part */
        if (result < 0)
            return return_error(T, "write", result);
        done += result;
    } while ((size_t)done < s->size && T->process->proc->doom == RI_DOOM_NONE);
    return ri_return_int(T->base, done);
}

static int32_t sys_pipe_ends(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    int32_t ends[2];
    (void)nargs;
    ri_call_init(&call, RI_SYS_pipe);
    call.host[0] = ends;
    call.host_size[0] = sizeof ends;
    int64_t result = issue(T, &call);
    if (result < 0)
        return return_error(T, "pipe", result);
    return ri_return2(args, ri_int(ends[0]), ri_int(ends[1]));
}

/* -- What files are ---------------------------------------------------------------------------------------------------------- */

static void set_number(RiThread *T, RiTable *t, const char *name, int64_t value)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), ri_int(value));
}

static const char *type_name(uint32_t mode)
{
    switch (mode & RI_S_TYPE) {
    case RI_S_FILE:
        return "file";
    case RI_S_DIRECTORY:
        return "directory";
    case RI_S_LINK:
        return "link";
    case RI_S_FIFO:
        return "pipe";
    case RI_S_SOCKET:
        return "socket";
    case RI_S_BLOCK:
        return "block";
    default:
        return "character";
    }
}

static RiTable *info_table(RiThread *T, const RiFileInfo *info)
{
    RiTable *t = ri_table_new(T->heap, 0, 8);
    ri_push(T, ri_table_value(t));
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, "type"),
                     ri_string_value(ri_str_from_cstr(T->heap, type_name(info->mode))));
    set_number(T, t, "mode", info->mode & 07777);
    set_number(T, t, "size", info->size);
    set_number(T, t, "links", info->links);
    set_number(T, t, "inode", (int64_t)info->inode);
    set_number(T, t, "device", (int64_t)info->device);
    set_number(T, t, "mtime", info->mtime_ns);
    set_number(T, t, "atime", info->atime_ns);
    set_number(T, t, "ctime", info->ctime_ns);
    return t;
}

static int32_t file_info(RiThread *T, RiValue *args, uint32_t nargs, uint32_t number)
{
    RiCall call;
    RiFileInfo info;
    bool by_number = nargs > 0 && ri_is_int(args[0]);
    ri_call_init(&call, by_number ? RI_SYS_fstat : number);
    if (by_number) {
        call.args[0] = (uint64_t)args[0].i;
    } else {
        RiString *path = ri_arg_str(T, args, nargs, 0);
        call.host[0] = (char *)(uintptr_t)ri_str_cstr(T->heap, path);
        call.host_size[0] = path->size;
    }
    call.host[1] = &info;
    call.host_size[1] = sizeof info;
    int64_t result = issue(T, &call);
    if (result < 0)
        return return_error(T, by_number ? "fstat" : call.host[0], result);
    RiTable *t = info_table(T, &info);
    return ri_return1(T->base, ri_table_value(t));
}

static int32_t sys_stat_table(RiThread *T, RiValue *args, uint32_t nargs)
{
    return file_info(T, args, nargs, RI_SYS_stat);
}

static int32_t sys_lstat_table(RiThread *T, RiValue *args, uint32_t nargs)
{
    return file_info(T, args, nargs, RI_SYS_lstat);
}

/* Append the names in a block of entries. */
static void add_names(RiThread *T, RiTable *names, const char *block, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint16_t record;
        memcpy(&record, block + at + 16, sizeof record);
        const char *name = block + at + 19;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            ri_table_append(T->heap, names, ri_string_value(ri_str_from_cstr(T->heap, name)));
        at += record;
    }
}

static int32_t sys_list(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    char block[4096];
    RiTask *task = task_of(T);
    RiString *path = ri_arg_str(T, args, nargs, 0);
    const char *text = ri_str_cstr(T->heap, path);
    ri_call_init(&call, RI_SYS_open);
    call.host[0] = (char *)(uintptr_t)text;
    call.host_size[0] = path->size;
    call.args[1] = RI_O_RDONLY | RI_O_DIRECTORY | RI_O_CLOEXEC;
    int64_t fd = issue(T, &call);
    if (fd < 0)
        return return_error(T, text, fd);
    RiTable *names = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(names));
    int64_t size;
    do {
        ri_call_init(&call, RI_SYS_getdents);
        call.args[0] = (uint64_t)fd;
        call.args[2] = sizeof block;
        call.host[1] = block;
        call.host_size[1] = sizeof block;
        size = issue(T, &call);
        add_names(T, names, block, size > 0 ? (size_t)size : 0);
    } while (size > 0);
    ri_files_close(task->proc, fd);
    if (size < 0)
        return return_error(T, text, size);
    return ri_return1(T->base, ri_table_value(names));
}

static int32_t sys_directory(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    char path[RI_PATH_SIZE];
    (void)args;
    (void)nargs;
    ri_call_init(&call, RI_SYS_getcwd);
    call.host[0] = path;
    call.host_size[0] = call.args[1] = sizeof path;
    int64_t result = issue(T, &call);
    if (result < 0)
        return return_error(T, "getcwd", result);
    RiString *s = ri_str_new(T->heap, path, (size_t)result - 1);
    return ri_return_string(T->base, s);
}

/* -- Waiting for several ------------------------------------------------------------------------------------------------------ */

typedef struct PollEntry {
    int32_t fd;
    int16_t events, revents;
} PollEntry;

/* {[fd] = events} as an array in `sb`. */
static uint32_t poll_entries(RiThread *T, RiTable *wanted, RiSbuf *sb)
{
    uint64_t position = 0;
    uint32_t count = 0;
    RiValue key, value;
    while (ri_table_next_at(wanted, &position, &key, &value)) {
        if (!ri_is_int(key) || !ri_is_int(value) || key.i < 0 || key.i > INT32_MAX)
            ri_arg_error(T, 0, "a table {[descriptor] = events} is expected");
        PollEntry entry = {.fd = (int32_t)key.i, .events = (int16_t)value.i};
        ri_sbuf_add(sb, (const char *)&entry, sizeof entry);
        count++;
    }
    return count;
}

static int32_t sys_poll_table(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    RiSbuf sb;
    uint32_t count = argument_count(T);
    (void)nargs;
    RiTable *wanted = ri_arg_table(T, args, count, 0);
    ri_sbuf_init(&sb, T->heap);
    ri_call_init(&call, RI_SYS_poll);
    call.args[1] = poll_entries(T, wanted, &sb);
    call.args[2] = (uint64_t)ri_arg_opt_int(T, args, count, 1, -1);
    call.host[0] = sb.data;
    call.host_size[0] = sb.size;
    call.is_again = ri_lib_step(T) > 0;
    call.deadline_ns = (uint64_t)kept_number(T);
    int64_t result = issue(T, &call);
    if (result == RI_SYS_BLOCK)
        return wait_with(T, (int64_t)call.deadline_ns);
    if (result < 0)
        return return_error(T, "poll", result);
    RiTable *found = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(found));
    for (uint64_t i = 0; i < call.args[1]; i++) {
        PollEntry entry;
        memcpy(&entry, sb.data + i * sizeof entry, sizeof entry);
        if (entry.revents != 0)
            ri_table_set_int(T->heap, found, entry.fd, ri_int(entry.revents));
    }
    return ri_return1(T->base, ri_table_value(found));
}

/* -- Files over descriptors -------------------------------------------------------------------------------------------------- */

static int32_t sys_file(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const modes[] = {"r", "w", "a", "r+", "w+", "a+", NULL};
    int64_t fd = ri_arg_int(T, args, nargs, 0);
    const char *mode = modes[ri_arg_option(T, args, nargs, 1, "r", modes)];
    RiUserdata *u = ri_stream_new(T);
    if (!ri_stream_open_descriptor(T, ri_stream_of(u), fd, mode))
        return ri_return_file_result(T, false, NULL);
    return ri_return1(T->base, ri_object(u, RI_TAG_USERDATA));
}

/* -- Addresses, names ------------------------------------------------------------------------------------------------------------ */

static int32_t sys_address(RiThread *T, RiValue *args, uint32_t nargs)
{
    char bytes[RI_ADDRESS_SIZE];
    size_t size = ri_host_parse_address(ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0)), bytes);
    RI_ARG_CHECK(T, size > 0, 0, "not an address: 127.0.0.1:80, [::1]:80, /path");
    RiString *s = ri_str_new(T->heap, bytes, size);
    return ri_return_string(T->base, s);
}

static int32_t sys_address_text(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[200];
    RiString *bytes = ri_arg_str(T, args, nargs, 0);
    if (!ri_host_address_text(ri_str_data(bytes), bytes->size, text, sizeof text))
        return ri_return_nil(args);
    RiString *s = ri_str_from_cstr(T->heap, text);
    return ri_return_string(T->base, s);
}

static int32_t sys_names(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(t));
    for (uint32_t i = 0; i < RI_SYSCALL_MAX; i++) {
        const RiSyscall *row = ri_syscall_by_number(i);
        if (row != NULL)
            set_number(T, t, row->name, row->number);
    }
    return ri_return1(T->base, ri_table_value(t));
}

static int32_t sys_usage(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[300];
    const RiSyscall *row = row_arg(T, args, nargs);
    if (row == NULL)
        return ri_return_nil(args);
    snprintf(text, sizeof text, "%s(%s): %s", row->name, row->arguments, row->doc);
    RiString *usage = ri_str_from_cstr(T->heap, text), *signature = ri_str_from_cstr(T->heap, row->signature);
    return ri_return2(T->base, ri_string_value(usage), ri_string_value(signature));
}

static int32_t sys_may(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCall call;
    static const char *const names[] = {
#define CAPABILITY(id, name, subject, doc) name,
#include "vm/machine/capabilities.def"
#undef CAPABILITY
        NULL,
    };
    ri_call_init(&call, RI_SYS_allowed);
    call.args[0] = (uint64_t)ri_arg_option(T, args, nargs, 0, NULL, names);
    RiString *what = ri_arg_is_none_or_nil(args, nargs, 1) ? T->heap->empty : ri_arg_str(T, args, nargs, 1);
    call.host[1] = (char *)(uintptr_t)ri_str_cstr(T->heap, what);
    call.host_size[1] = what->size;
    return ri_return_bool(T->base, issue(T, &call) == 1);
}

/* -- Table of functions ---------------------------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN_RESUMABLE(sys_call, sys_call, "sys.call", "sys.call(name or number, …)",
                    "A system call with integers (and strings for paths and bytes): its result, or nil, message, errno."),
    RI_FN_RESUMABLE(sys_read_string, sys_read_string, "sys.read", "sys.read(fd [, size])",
                    "At most `size` bytes (4096) as a string, waiting for the first; nil at the end."),
    RI_FN_RESUMABLE(sys_write_string, sys_write_string, "sys.write", "sys.write(fd, text)",
                    "Write all of a string, waiting where needed; the number of bytes."),
    RI_FN_RESUMABLE(sys_poll_table, sys_poll_table, "sys.poll", "sys.poll({[fd] = events} [, timeout_ms])",
                    "Wait until a descriptor is ready; a table of what is."),
    RI_FN(sys_pipe_ends, "sys.pipe", "sys.pipe()", "A pipe: the descriptors for reading and for writing."),
    RI_FN(sys_file, "sys.file", "sys.file(fd [, mode])", "A file of the io library over a descriptor, which stays open by itself."),
    RI_FN(sys_stat_table, "sys.stat", "sys.stat(path or fd)", "A table: type, mode, size, links, inode, device, times in ns."),
    RI_FN(sys_lstat_table, "sys.lstat", "sys.lstat(path or fd)", "The same; of a symbolic link itself."),
    RI_FN(sys_list, "sys.list", "sys.list(path)", "The names in a folder, in no order."),
    RI_FN(sys_directory, "sys.directory", "sys.directory()", "The working directory."),
    RI_FN(sys_address, "sys.address", "sys.address(text)", "\"127.0.0.1:80\", \"[::1]:80\" or a path, as system calls want it."),
    RI_FN(sys_address_text, "sys.address_text", "sys.address_text(bytes)", "The inverse; nil if it is no address."),
    RI_FN(sys_names, "sys.names", "sys.names()", "A table from the names of all system calls to their numbers."),
    RI_FN(sys_usage, "sys.usage", "sys.usage(name or number)", "What a system call does, and its signature."),
    RI_FN(sys_may, "sys.allowed", "sys.allowed(capability [, what])", "May this process do that? Without `what`: everything of the kind?"),
};

static void open_sys(RiThread *T, RiTable *library)
{
    RiTable *errors = ri_table_new(T->heap, 0, 0);
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, "errno"), ri_table_value(errors));
    for (const RiNumber *n = ri_errno_numbers; n->name != NULL; n++) {
        set_number(T, errors, n->name, n->value);
        ri_table_set_int(T->heap, errors, n->value, ri_string_value(ri_str_from_cstr(T->heap, n->name)));
    }
    for (const RiNumber *n = ri_sys_constants; n->name != NULL; n++)
        set_number(T, library, n->name, n->value);
}

const RiLibrary ri_lib_sys = {"sys", functions, RI_COUNTOF(functions), open_sys};
