/* Warnings: warn(), errors in finalizers; and what is said of errors that nobody caught. */
#include "vm/exec/warn.h"

#include <stdio.h>
#include <string.h>

#include "vm/machine/sched.h"
#include "vm/machine/file.h"

/* Where the process's messages go; NULL: to a stream of the host. */
static RiFile *error_file(const RiProcess *process, FILE **stream)
{
    RiProc *proc = process->proc;
    RiFile *file = proc != NULL && proc->files != NULL ? ri_files_get(proc, 2) : NULL;
    *stream = file != NULL && ri_file_is_standard(file) && file->host_fd == 1 ? stdout : stderr;
    return file != NULL && !ri_file_is_standard(file) ? file : NULL;
}

static void put(RiFile *file, FILE *stream, RiTask *task, const char *text)
{
    size_t size = strlen(text);
    while (file != NULL && task != NULL && size > 0) {
        int64_t written = ri_file_write(task, file, text, size);
        if (written == RI_SYS_BLOCK)
            ri_task_ready(task); /* takes back the wait that it has declared */
        if (written < 0)
            break;
        text += written;
        size -= (size_t)written;
    }
    fwrite(text, 1, size, stream);
}

void ri_process_complain(RiProcess *process, const char *const *parts, size_t count)
{
    FILE *stream;
    RiFile *file = error_file(process, &stream);
    RiTask *task = process->proc != NULL ? process->proc->machine->current : NULL;
    for (size_t i = 0; i < count; i++)
        put(file, stream, task, parts[i]);
    fflush(stream);
}

void ri_warn(RiProcess *process, const char *message, bool continues)
{
    if (process->has_warn) {
        if (process->warn != NULL)
            process->warn(process->warn_data, message, continues);
        return;
    }
    /* Only a shown warning is ever "to be continued": while warnings are off each piece is looked at alone. */
    if (!process->warning_continues) {
        if (!continues && message[0] == '@') {
            if (strcmp(message, "@on") == 0)
                process->warnings_on = true;
            else if (strcmp(message, "@off") == 0)
                process->warnings_on = false;
            return;
        }
        if (!process->warnings_on)
            return;
    }
    const char *parts[] = {process->warning_continues ? "" : "Lua warning: ", message, continues ? "" : "\n"};
    ri_process_complain(process, parts, RI_COUNTOF(parts));
    process->warning_continues = continues;
}
