/* os: the clock, dates, environment, processes and file names of the host. */
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm/exec/engine.h"
#include "vm/host/host.h"
#include "vm/machine/device.h"
#include "vm/machine/gate.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"

/* A checked string argument as C text. */
static const char *text_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
}

static const char *optional_text_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return ri_arg_is_none_or_nil(args, nargs, i) ? NULL : text_arg(T, args, nargs, i);
}

static int32_t return_text_or_nil(RiThread *T, const char *text)
{
    if (text == NULL)
        return ri_return_nil(T->base);
    RiString *s = ri_str_from_cstr(T->heap, text);
    return ri_return_string(T->base, s);
}

/* -- Dates ----------------------------------------------------------------------------------------------------- */

/* Fields of a date table in the order in which os.time looks at them. */
typedef struct RiDateField {
    const char *name;
    size_t offset; /* of the int in struct tm */
    int delta;     /* Lua's value - C's */
    int fallback;  /* when absent, in Lua's terms; -1: must be there; -2: never read */
} RiDateField;

static const RiDateField date_fields[] = {
    {"year", offsetof(struct tm, tm_year), 1900, -1}, {"month", offsetof(struct tm, tm_mon), 1, -1},
    {"day", offsetof(struct tm, tm_mday), 0, -1},     {"hour", offsetof(struct tm, tm_hour), 0, 12},
    {"min", offsetof(struct tm, tm_min), 0, 0},       {"sec", offsetof(struct tm, tm_sec), 0, 0},
    {"yday", offsetof(struct tm, tm_yday), 1, -2},    {"wday", offsetof(struct tm, tm_wday), 1, -2},
};

static int *date_part(struct tm *parts, const RiDateField *field)
{
    return (int *)(void *)((char *)parts + field->offset);
}

/* As lua_setfield does, so that __newindex of a caller's table is seen. */
static void set_date_fields(RiThread *T, RiValue table, struct tm *parts)
{
    for (size_t i = 0; i < RI_COUNTOF(date_fields); i++) {
        const RiDateField *field = &date_fields[i];
        RiString *key = ri_str_from_cstr(T->heap, field->name);
        ri_set_index(T, table, ri_string_value(key), ri_int((int64_t)*date_part(parts, field) + field->delta));
    }
    if (parts->tm_isdst >= 0) {
        RiString *key = ri_str_from_cstr(T->heap, "isdst");
        ri_set_index(T, table, ri_string_value(key), ri_bool(parts->tm_isdst != 0));
    }
}

static int get_date_field(RiThread *T, RiValue table, const RiDateField *field)
{
    RiValue v = ri_index(T, table, ri_string_value(ri_str_from_cstr(T->heap, field->name)));
    int64_t i;
    if (!ri_to_int(v, &i)) {
        if (!ri_is_nil(v))
            ri_error(T, "field '%s' is not an integer", field->name);
        if (field->fallback < 0)
            ri_error(T, "field '%s' missing in date table", field->name);
        return field->fallback; /* only fields without a delta have one */
    }
    if (i >= 0 ? i - field->delta > INT_MAX : i < INT_MIN + (int64_t)field->delta)
        ri_error(T, "field '%s' is out-of-bound", field->name);
    return (int)(i - field->delta);
}

static int32_t os_time(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t time_s;
    if (ri_arg_is_none_or_nil(args, nargs, 0)) {
        time_s = ri_host_time_s();
    } else {
        struct tm parts = {0};
        RiValue table = ri_table_value(ri_arg_table(T, args, nargs, 0));
        for (size_t i = 0; i < RI_COUNTOF(date_fields); i++) {
            if (date_fields[i].fallback != -2)
                *date_part(&parts, &date_fields[i]) = get_date_field(T, table, &date_fields[i]);
        }
        RiValue isdst = ri_index(T, table, ri_string_value(ri_str_from_cstr(T->heap, "isdst")));
        parts.tm_isdst = ri_is_nil(isdst) ? -1 : !ri_is_falsy(isdst);
        time_s = ri_host_join_time(&parts);
        set_date_fields(T, table, &parts); /* normalized */
    }
    if (time_s == -1)
        ri_error(T, "time result cannot be represented in this installation");
    return ri_return_int(T->base, time_s);
}

/* Length of the conversion specifier at `at` (after the '%'): C99's, with E and O modifiers where they mean something. */
static size_t specifier_length(const char *at, size_t size)
{
    static const char plain[] = "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%";
    static const char with_e[] = "cCxXyY", with_o[] = "deHImMSuUVwWy";
    if (size >= 1 && memchr(plain, at[0], sizeof plain - 1) != NULL)
        return 1;
    if (size >= 2 && ((at[0] == 'E' && memchr(with_e, at[1], sizeof with_e - 1) != NULL) ||
                      (at[0] == 'O' && memchr(with_o, at[1], sizeof with_o - 1) != NULL)))
        return 2;
    return 0;
}

static RiString *format_date(RiThread *T, const char *format, size_t size, const struct tm *parts)
{
    enum { ITEM_SIZE_MAX = 250 };
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    const char *end = format + size;
    while (format < end) {
        if (*format != '%') {
            ri_sbuf_add_char(&sb, *format++);
            continue;
        }
        format++;
        size_t length = specifier_length(format, (size_t)(end - format));
        if (length == 0) {
            RiSbuf message;
            ri_sbuf_init(&message, T->heap);
            ri_sbuf_add(&message, "invalid conversion specifier '%", 31);
            ri_sbuf_add(&message, format, strlen(format));
            ri_sbuf_add(&message, "'", 2);
            ri_arg_error(T, 0, message.data);
        }
        char item[4] = {'%', format[0], length == 2 ? format[1] : '\0', '\0'};
        char *to = ri_sbuf_reserve(&sb, ITEM_SIZE_MAX);
        sb.size += strftime(to, ITEM_SIZE_MAX, item, parts);
        format += length;
    }
    return ri_sbuf_finish(&sb);
}

static int32_t os_date(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *format = "%c";
    size_t size = 2;
    struct tm parts;
    if (!ri_arg_is_none_or_nil(args, nargs, 0)) {
        format = text_arg(T, args, nargs, 0);
        size = ((RiString *)args[0].p)->size;
    }
    int64_t time_s = ri_arg_is_none_or_nil(args, nargs, 1) ? ri_host_time_s() : ri_arg_int(T, args, nargs, 1);
    bool utc = *format == '!';
    if (utc) {
        format++;
        size--;
    }
    if (!ri_host_split_time(time_s, utc, &parts))
        ri_error(T, "date result cannot be represented in this installation");
    if (strcmp(format, "*t") != 0) {
        RiString *s = format_date(T, format, size, &parts);
        return ri_return_string(T->base, s);
    }
    RiTable *table = ri_table_new(T->heap, 0, 9);
    set_date_fields(T, ri_table_value(table), &parts);
    return ri_return1(T->base, ri_table_value(table));
}

static int32_t os_difftime(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t to = ri_arg_int(T, args, nargs, 0);
    int64_t from = ri_arg_int(T, args, nargs, 1);
    return ri_return_float(args, difftime((time_t)to, (time_t)from));
}

static int32_t os_clock(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    (void)nargs;
    return ri_return_float(args, ri_host_cpu_s());
}

/* -- Processes and environment --------------------------------------------------------------------------------- */

/* Frame: the command, and the pid of what was started. */
static int32_t execute_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    int status;
    if (ri_stream_wait_command(T, (int)args[nargs - 1].i, &status) == RI_LIB_BLOCK)
        return RI_LIB_BLOCK;
    return ri_return_child_result(T, status);
}

static bool has_host_streams(const RiProc *proc)
{
    return ri_files_standard_is_hosts(proc, 0) && ri_files_standard_is_hosts(proc, 1) && ri_files_standard_is_hosts(proc, 2);
}

static int32_t os_execute(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *command = optional_text_arg(T, args, nargs, 0);
    RiProc *proc = T->process->proc;
    if (command == NULL)
        return ri_return_bool(args, ri_gate_run(proc, "") == 0 && ri_host_system(NULL) != 0);
    if (ri_path_is_plain(proc) && !ri_gate_is_busy(proc) && !ri_gate_is_traced(proc) && has_host_streams(proc)) {
        errno = 0;
        return ri_return_child_result(T, ri_host_system(command));
    }
    int pid = ri_stream_start_command(T, command, "w", NULL);
    if (pid < 0) {
        errno = -pid;
        return ri_return_file_result(T, false, command);
    }
    ri_push(T, ri_int(pid));
    return execute_resume(T, T->base, (uint32_t)(T->top - T->base));
}

#define PATIENCE_MS 1000 /* with whoever is to read the last output */

static int32_t os_exit(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue code = ri_arg(args, nargs, 0);
    int status;
    if (ri_is_bool(code))
        status = ri_is_falsy(code) ? EXIT_FAILURE : EXIT_SUCCESS;
    else
        status = (int)ri_arg_opt_int(T, args, nargs, 0, EXIT_SUCCESS);
    RiProc *proc = T->process->proc;
    if (proc != NULL && proc != proc->machine->init)
        ri_process_exit(T, status & 255); /* of a guest's own process; it is closed in any case */
    if (!ri_is_falsy(ri_arg(args, nargs, 1))) {
        ri_process_close(T->process);
        if (proc != NULL && proc->doom > RI_DOOM_EXIT && proc->machine->overrun != NULL) {
            ri_host_flush_if_free(stdout, PATIENCE_MS);
            proc->machine->overrun(proc->machine); /* a limit has ended its finalizers */
        }
    }
    if (T->process->proc != NULL)
        ri_devices_finish(T->process->proc->machine);
    ri_host_exit(status);
}

static int32_t os_getenv(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    char quoted[160];
    uint64_t start = ri_gate_trace_start(T->process->proc);
    int status = ri_gate_environment(T->process->proc, name);
    if (RI_UNLIKELY(start != 0))
        ri_gate_trace(T->process->proc, start, "getenv", "process", status, "%s", ri_gate_quote(name, strlen(name), quoted));
    if (RI_UNLIKELY(status < 0)) {
        errno = -status;
        return ri_return_file_result(T, false, name);
    }
    const char *text = ri_host_getenv(name);
    RiString **last = &ri_stdlib(T)->environment; /* long values tend to be asked for again */
    if (text != NULL && *last != NULL && strcmp(text, ri_str_data(*last)) == 0)
        return ri_return_string(T->base, *last);
    int32_t count = return_text_or_nil(T, text);
    if (text != NULL)
        *last = T->base[-2].p;
    return count;
}

static int32_t os_setlocale(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const int categories[] = {LC_ALL, LC_COLLATE, LC_CTYPE, LC_MONETARY, LC_NUMERIC, LC_TIME};
    static const char *const names[] = {"all", "collate", "ctype", "monetary", "numeric", "time", NULL};
    const char *locale = optional_text_arg(T, args, nargs, 0);
    int category = ri_arg_option(T, args, nargs, 1, "all", names);
    /* The locale is the host's, for all of it, and may be a file's name. */
    if (locale != NULL && strcmp(locale, "C") != 0 && strcmp(locale, "POSIX") != 0 && T->process->proc != NULL &&
        !ri_policy_allows(T->process->proc->policy, RI_CAP_NATIVE, NULL))
        return ri_return_nil(args);
    return return_text_or_nil(T, setlocale(categories[category], locale));
}

/* -- Files ----------------------------------------------------------------------------------------------------- */

static int32_t os_remove(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = text_arg(T, args, nargs, 0);
    RiProc *proc = T->process->proc;
    char quoted[160];
    uint64_t start = ri_gate_trace_start(proc);
    int status = ri_gate_remove(proc, path, RI_GATE_FILE | RI_GATE_FOLDER);
    if (RI_UNLIKELY(start != 0))
        ri_gate_trace(proc, start, "remove", "file", status, "%s", ri_gate_quote(path, strlen(path), quoted));
    errno = -status;
    return ri_return_file_result(T, status == 0, path);
}

static int32_t os_rename(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *from = text_arg(T, args, nargs, 0);
    const char *to = text_arg(T, args, nargs, 1);
    RiProc *proc = T->process->proc;
    char quoted[160], quoted_to[160];
    uint64_t start = ri_gate_trace_start(proc);
    int status = ri_gate_rename(proc, from, to);
    if (RI_UNLIKELY(start != 0))
        ri_gate_trace(proc, start, "rename", "file", status, "%s, %s", ri_gate_quote(from, strlen(from), quoted),
                      ri_gate_quote(to, strlen(to), quoted_to));
    errno = -status;
    return ri_return_file_result(T, status == 0, NULL);
}

/* A new file below the process's own /tmp. */
static bool make_temporary(RiThread *T, char name[RI_HOST_TEMPORARY_NAME_SIZE])
{
    RiProc *proc = T->process->proc;
    if (ri_path_is_plain(proc))
        return ri_host_temporary_name(name);
    for (int tries = 0; tries < 100; tries++) {
        snprintf(name, RI_HOST_TEMPORARY_NAME_SIZE, "/tmp/lua_%012llx", (unsigned long long)(ri_host_random_seed() >> 16));
        int fd = ri_gate_open(proc, name, RI_O_RDWR | RI_O_CREAT | RI_O_EXCL, 0600);
        if (fd >= 0)
            ri_host_fd_close(fd);
        if (fd != -EEXIST)
            return fd >= 0;
    }
    return false;
}

static int32_t os_tmpname(RiThread *T, RiValue *args, uint32_t nargs)
{
    char name[RI_HOST_TEMPORARY_NAME_SIZE], why[100];
    (void)args;
    (void)nargs;
    ri_clear_denied(T->process->proc);
    if (!make_temporary(T, name)) {
        if (ri_denied(T->process->proc) >= 0)
            ri_error(T, "unable to generate a unique filename (%s)", ri_error_text(T->process->proc, EACCES, why, sizeof why));
        ri_error(T, "unable to generate a unique filename");
    }
    return return_text_or_nil(T, name);
}

/* -- Table of functions ---------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN(os_clock, "os.clock", "os.clock()", "Processor time used so far, in seconds."),
    RI_FN(os_date, "os.date", "os.date([format [, time]])",
          "A date as text, by strftime's format; \"*t\" gives a table of fields; a leading \"!\" means UTC."),
    RI_FN(os_difftime, "os.difftime", "os.difftime(t2, t1)", "Seconds from time t1 to time t2."),
    RI_FN_RESUMABLE(os_execute, execute_resume, "os.execute", "os.execute([command])",
          "Run a shell command: true or nil, \"exit\" or \"signal\", and the code. Without it: is there a shell?"),
    RI_FN(os_exit, "os.exit", "os.exit([code [, close]])",
          "End the program with a code (or true, false); `close` closes the state first. In a child process: only that."),
    RI_FN(os_getenv, "os.getenv", "os.getenv(name)", "The value of an environment variable, or nil."),
    RI_FN(os_remove, "os.remove", "os.remove(filename)", "Delete a file or an empty folder."),
    RI_FN(os_rename, "os.rename", "os.rename(oldname, newname)", "Rename a file or folder."),
    RI_FN(os_setlocale, "os.setlocale", "os.setlocale([locale [, category]])",
          "Set the locale of the host process and return its name; without `locale`: ask for it."),
    RI_FN(os_time, "os.time", "os.time([table])",
          "The current time in seconds, or that of a table with year, month, day, hour, min, sec, isdst."),
    RI_FN(os_tmpname, "os.tmpname", "os.tmpname()", "The name of a new, empty file for temporary use."),
};

const RiLibrary ri_lib_os = {"os", functions, RI_COUNTOF(functions), NULL};
