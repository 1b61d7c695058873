/* Tracing of system calls: see trace.h. */
#include "vm/machine/trace.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/host.h"
#include "vm/machine/mount.h"
#include "vm/machine/signal.h"

#define BYTES_SHOWN 32 /* of what is read and written */
#define TEXT_SHOWN 100 /* of paths */

static void add(char *out, size_t size, const char *format, ...) RI_PRINTF(3, 4);
static void add(char *out, size_t size, const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, size - used, format, args);
    va_end(args);
}

static void quote(char *out, size_t out_size, const char *bytes, size_t size, size_t shown)
{
    add(out, out_size, "\"");
    for (size_t i = 0; i < size && i < shown; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\n')
            add(out, out_size, "\\n");
        else if (c == '"' || c == '\\')
            add(out, out_size, "\\%c", c);
        else if (isprint(c))
            add(out, out_size, "%c", c);
        else
            add(out, out_size, "\\x%02x", c);
    }
    add(out, out_size, size > shown ? "\"…" : "\"");
}

void ri_trace_quote(char *out, size_t out_size, const char *bytes, size_t size)
{
    quote(out, out_size, bytes, size, BYTES_SHOWN);
}

static void add_open_flags(char *out, uint32_t flags)
{
    static const char *const access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "3"};
    add(out, RI_TRACE_TEXT_SIZE, "%s", access[flags & RI_O_ACCESS]);
    for (const RiNumber *n = ri_sys_constants; n->name != NULL; n++) {
        bool is_flag = strncmp(n->name, "O_", 2) == 0 && n->value > RI_O_ACCESS;
        if (is_flag && (flags & (uint32_t)n->value) == (uint32_t)n->value)
            add(out, RI_TRACE_TEXT_SIZE, "|%s", n->name);
    }
}

/* Bytes that a call reads are shown; those that it writes, only as an address: they may not be there yet. */
static void add_argument(const RiCall *call, uint32_t i, char letter, char out[RI_TRACE_TEXT_SIZE])
{
    const size_t size = RI_TRACE_TEXT_SIZE;
    static const char *const whences[] = {"SEEK_SET", "SEEK_CUR", "SEEK_END"};
    uint64_t value = call->args[i];
    switch (letter) {
    case 'p':
        if (call->pointer[i] != NULL)
            quote(out, size, call->pointer[i], strlen(call->pointer[i]), TEXT_SHOWN);
        else
            add(out, size, "0x%llx", (unsigned long long)value);
        break;
    case 'r':
        if (call->pointer[i] != NULL)
            quote(out, size, call->pointer[i], call->args[i + 1], BYTES_SHOWN);
        else
            add(out, size, "0x%llx", (unsigned long long)value);
        break;
    case 'o':
        add_open_flags(out, (uint32_t)value);
        break;
    case 'm':
        add(out, size, "0%llo", (unsigned long long)value);
        break;
    case 'g':
        add(out, size, "SIG%s", ri_signal_name((uint32_t)value));
        break;
    case 'e':
        add(out, size, "%s", value < RI_COUNTOF(whences) ? whences[value] : "?");
        break;
    case 'x':
        add(out, size, "0x%llx", (unsigned long long)value);
        break;
    case 'a':
    case 'w':
    case 'b':
    case 'V':
    case 'S':
    case 'T':
    case 't':
    case 'U':
    case 'W':
    case 'L':
    case 'Z':
    case 'P':
        add(out, size, call->host[i] != NULL ? "…" : "0x%llx", (unsigned long long)value);
        break;
    default:
        add(out, size, "%lld", (long long)value);
    }
}

void ri_trace_format(RiTask *task, const RiSyscall *row, const RiCall *call, char out[RI_TRACE_TEXT_SIZE])
{
    (void)task;
    out[0] = '\0';
    for (uint32_t i = 0; row->signature[i] != '\0'; i++) {
        add(out, RI_TRACE_TEXT_SIZE, "%s", i > 0 ? ", " : "");
        add_argument(call, i, row->signature[i], out);
    }
}

void ri_trace_emit(RiTask *task, const char *name, const char *group, const char *arguments, int64_t result,
                   uint64_t start_ns)
{
    char note[80];
    RiMachine *machine = task->proc->machine;
    if (machine->trace == NULL)
        return;
    RiTraceEvent event = {
        .task = task,
        .name = name,
        .group = group,
        .arguments = arguments,
        .pid = task->proc->pid,
        .result = result,
        .start_ns = start_ns,
        .duration_ns = ri_host_monotonic_ns() - start_ns,
    };
    if (result < 0)
        event.note = ri_error_text(task->proc, (int)-result, note, sizeof note);
    machine->trace(machine, &event);
}

void ri_trace_note(RiProc *proc, const char *group, const char *text)
{
    RiMachine *machine = proc->machine;
    if (machine->trace == NULL)
        return;
    RiTraceEvent event = {
        .task = machine->current,
        .name = text,
        .group = group,
        .pid = proc->pid,
        .note = text,
        .start_ns = ri_host_monotonic_ns(),
    };
    machine->trace(machine, &event);
}
