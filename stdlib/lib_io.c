/* io: files and pipes. What a file is and how bytes move lies in stream.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/intrinsics.h"
#include "vm/host/host.h"
#include "vm/machine/gate.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"

/* Steps of the frame of a function that waits. Of a reading one: one more than the count of results. Of io.close: where the
 * results of a C module's function begin. */
enum {
    STEP_OPEN = 0xffffd,  /* for the other end of a named pipe, the new file on top */
    STEP_FLUSH = 0xffffe, /* until the file, which is on top, can be flushed */
    STEP_CHILD = 0xfffff, /* for a command, its pid on top */
};

/* -- Files among the arguments --------------------------------------------------------------------------------- */

static RiValue file_value(RiUserdata *u)
{
    return ri_object(u, RI_TAG_USERDATA);
}

/* Argument 0 as a stream, open or closed. */
static RiStream *stream_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (RI_LIKELY(nargs > 0 && ri_is_userdata(args[0]))) {
        RiUserdata *u = args[0].p;
        if (RI_LIKELY(u->meta == ri_stdlib(T)->stream_meta && u->type == &ri_stream_type))
            return ri_stream_of(u);
    }
    return ri_arg_udata(T, args, nargs, 0, RI_STREAM_TYPE);
}

static FILE *file_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiStream *stream = stream_arg(T, args, nargs);
    if (RI_UNLIKELY(stream->close == NULL))
        ri_error(T, "attempt to use a closed file");
    return stream->file;
}

static FILE *default_file(RiThread *T, RiUserdata *u, const char *which)
{
    RiStream *stream = ri_stream_of(u);
    if (RI_UNLIKELY(stream->close == NULL))
        ri_error(T, "default %s file is closed", which);
    return stream->file;
}

static const char *text_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
}

/* -- Opening --------------------------------------------------------------------------------------------------- */

static bool mode_is_valid(const char *mode)
{
    if (*mode == '\0' || strchr("rwa", *mode) == NULL)
        return false;
    mode++;
    if (*mode == '+')
        mode++;
    return strspn(mode, "b") == strlen(mode);
}

static int32_t return_opened(RiThread *T, RiUserdata *u, bool ok, const char *name)
{
    if (!ok)
        return ri_return_file_result(T, false, name);
    return ri_return1(T->base, file_value(u));
}

/* Open, or go on opening, a new file for the current frame. RI_OPEN_WAITS: the frame is to wait (RI_LIB_BLOCK), the file
 * above its arguments. */
static RiOpenStatus try_open(RiThread *T, const char *path, const char *mode, RiUserdata **u)
{
    if (ri_lib_step(T) == STEP_OPEN) {
        *u = (--T->top)->p;
    } else {
        ri_stream_make_room(T);
        *u = ri_stream_new(T);
    }
    ri_lib_set_step(T, 0);
    RiOpenStatus status = ri_stream_try_open(T, ri_stream_of(*u), path, mode);
    if (RI_UNLIKELY(status == RI_OPEN_WAITS)) {
        ri_push(T, file_value(*u));
        ri_lib_set_step(T, STEP_OPEN);
    }
    return status;
}

static int32_t io_open(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = text_arg(T, args, nargs, 0);
    const char *mode = ri_arg_is_none_or_nil(args, nargs, 1) ? "r" : text_arg(T, args, nargs, 1);
    RI_ARG_CHECK(T, mode_is_valid(mode), 1, "invalid mode");
    RiUserdata *u;
    RiOpenStatus status = try_open(T, path, mode, &u);
    return status == RI_OPEN_WAITS ? RI_LIB_BLOCK : return_opened(T, u, status == RI_OPEN_DONE, path);
}

/* The new file is above the arguments. */
static int32_t io_open_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return io_open(T, args, nargs - 1);
}

static int32_t io_popen(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *command = text_arg(T, args, nargs, 0);
    const char *mode = ri_arg_is_none_or_nil(args, nargs, 1) ? "r" : text_arg(T, args, nargs, 1);
    RI_ARG_CHECK(T, (mode[0] == 'r' || mode[0] == 'w') && mode[1] == '\0', 1, "invalid mode");
    ri_stream_make_room(T);
    RiUserdata *u = ri_stream_new(T);
    return return_opened(T, u, ri_stream_open_command(T, ri_stream_of(u), command, mode), command);
}

static int32_t io_tmpfile(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_stream_make_room(T);
    RiUserdata *u = ri_stream_new(T);
    return return_opened(T, u, ri_stream_open_temporary(T, ri_stream_of(u)), NULL);
}

RI_NORETURN static void cannot_open(RiThread *T, const char *path)
{
    char why[100];
    ri_error(T, "cannot open file '%s' (%s)", path, ri_error_text(T->process->proc, errno, why, sizeof why));
}

/* io.input and io.output: set or get a default file. */
static int32_t set_default_file(RiThread *T, RiValue *args, uint32_t nargs, RiUserdata **which, const char *mode)
{
    if (!ri_arg_is_none_or_nil(args, nargs, 0)) {
        if (ri_is_string(args[0]) || ri_is_number(args[0])) {
            const char *path = text_arg(T, args, nargs, 0);
            RiUserdata *u;
            RiOpenStatus status = try_open(T, path, mode, &u);
            if (status == RI_OPEN_WAITS)
                return RI_LIB_BLOCK;
            if (status == RI_OPEN_FAILED)
                cannot_open(T, path);
            *which = u;
        } else {
            file_arg(T, args, nargs);
            *which = args[0].p;
        }
    }
    return ri_return1(T->base, file_value(*which));
}

static int32_t io_input(RiThread *T, RiValue *args, uint32_t nargs)
{
    return set_default_file(T, args, nargs, &ri_stdlib(T)->input, "r");
}

static int32_t io_output(RiThread *T, RiValue *args, uint32_t nargs)
{
    return set_default_file(T, args, nargs, &ri_stdlib(T)->output, "w");
}

static int32_t io_input_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return io_input(T, args, nargs - 1);
}

static int32_t io_output_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return io_output(T, args, nargs - 1);
}

static int32_t io_type(RiThread *T, RiValue *args, uint32_t nargs)
{
    ri_arg_check_any(T, args, nargs, 0);
    RiStream *stream = ri_test_udata(T, args[0], RI_STREAM_TYPE);
    if (stream == NULL)
        return ri_return_nil(args);
    return ri_return_string(args, ri_str_from_cstr(T->heap, stream->close == NULL ? "closed file" : "file"));
}

/* -- Closing --------------------------------------------------------------------------------------------------- */

static int32_t wait_for_command(RiThread *T, int pid)
{
    int status;
    int32_t signal = ri_stream_wait_command(T, pid, &status);
    if (signal == RI_LIB_BLOCK) {
        ri_lib_set_step(T, STEP_CHILD);
        ri_push(T, ri_int(pid));
        return signal;
    }
    return ri_return_child_result(T, status);
}

/* The file has been flushed before, so that waiting for a slow reader lets others run: whether that went well, or errno says why
 * not. What could not be written then is no longer pending, and closing alone would not tell. */
static bool close_file(RiThread *T, FILE *file, bool flushed)
{
    int reason = errno, fd = ri_host_stream_fd(file);
    uint64_t start = ri_gate_trace_start(T->process->proc);
    ri_stream_forget(T, file);
    bool closed = fclose(file) == 0;
    if (flushed)
        reason = errno;
    ri_gate_trace(T->process->proc, start, "close", "desc", flushed && closed ? 0 : -reason, "%d", fd);
    errno = reason;
    return flushed && closed;
}

/* Close the open stream of `u`. Streams of C modules have their own close function, which is called with the file. */
static int32_t close_stream(RiThread *T, RiUserdata *u)
{
    RiStream *stream = ri_stream_of(u);
    RiStreamClose close = stream->close;
    if (close == ri_stream_close_standard) {
        RiString *message = ri_str_from_cstr(T->heap, "cannot close standard file");
        return ri_return2(T->base, ri_nil(), ri_string_value(message));
    }
    bool is_own = close == ri_stream_close_file || close == ri_stream_close_command;
    RiWriteStatus status = RI_WRITE_DONE;
    errno = 0;
    if (is_own && ri_host_stream_pending(stream->file) > 0)
        status = ri_stream_try_flush(T, stream->file);
    if (status == RI_WRITE_WAITS) {
        ri_push(T, file_value(u));
        ri_lib_set_step(T, STEP_FLUSH);
        return RI_LIB_BLOCK;
    }
    stream->close = NULL; /* closed, whatever happens from here on */
    if (close == ri_stream_close_file)
        return ri_return_file_result(T, close_file(T, stream->file, status == RI_WRITE_DONE), NULL);
    if (close == ri_stream_close_command) {
        close_file(T, stream->file, status == RI_WRITE_DONE);
        return wait_for_command(T, ((RiOwnStream *)stream)->pid);
    }
    RiValue function = {.tag = RI_TAG_CFUNC};
    memcpy(&function.u, &close, sizeof close);
    ri_lib_set_step(T, (uint32_t)(T->top - T->base));
    ri_push(T, function);
    ri_push_link(T);
    ri_push(T, file_value(u));
    return ri_lib_call(T, 1, -1);
}

static int32_t close_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    if (ri_lib_step(T) == STEP_FLUSH) {
        RiUserdata *u = (--T->top)->p;
        ri_lib_set_step(T, 0);
        if (ri_stream_of(u)->close == NULL)
            ri_error(T, "attempt to use a closed file");
        return close_stream(T, u);
    }
    if (ri_lib_step(T) == STEP_CHILD) {
        T->top--;
        return wait_for_command(T, (int)T->top[0].i);
    }
    return ri_return_top(T, nargs - ri_lib_step(T));
}

static int32_t file_close(RiThread *T, RiValue *args, uint32_t nargs)
{
    file_arg(T, args, nargs);
    return close_stream(T, args[0].p);
}

static int32_t io_close(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (nargs > 0)
        return file_close(T, args, nargs);
    RiUserdata *u = ri_stdlib(T)->output;
    if (ri_stream_of(u)->close == NULL)
        ri_error(T, "attempt to use a closed file");
    return close_stream(T, u);
}

/* __gc and __close */
static int32_t file_finalize(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiStream *stream = stream_arg(T, args, nargs);
    if (stream->close == NULL || stream->file == NULL) /* closed, or a C module has not come to opening it */
        return 0;
    int32_t result = close_stream(T, args[0].p);
    return result < 0 ? result : 0;
}

static int32_t file_tostring(RiThread *T, RiValue *args, uint32_t nargs)
{
    char text[40] = "file (closed)";
    RiStream *stream = stream_arg(T, args, nargs);
    if (stream->close != NULL)
        snprintf(text, sizeof text, "file (%p)", (void *)stream->file);
    RiString *s = ri_str_from_cstr(T->heap, text);
    return ri_return_string(T->base, s);
}

/* -- Reading --------------------------------------------------------------------------------------------------- */

/* A read that waits for more of a pipe, terminal or socket while others run leaves these slots above its arguments and the
 * results it has; the step of its frame is one more than the count of results. */
enum { WAIT_FILE, WAIT_STATE, WAIT_SLOTS };

typedef struct ReadState {
    RiObject object; /* RI_TAG_BLOCK */
    RiSbuf sb;       /* what has been read of the current format */
} ReadState;

/* By one format: what it is, and how much. `i`: argument index, for messages. */
static char read_kind(RiThread *T, RiValue *formats, uint32_t i, size_t *count)
{
    if (ri_is_number(formats[i])) {
        *count = (size_t)ri_arg_int(T, formats, i + 1, i);
        return *count == 0 ? '0' : 'c';
    }
    const char *format = ri_str_cstr(T->heap, ri_arg_str(T, formats, i + 1, i));
    if (*format == '*') /* as 5.2 wrote them */
        format++;
    if (*format == '\0' || strchr("nlLa", *format) == NULL)
        ri_arg_error(T, i, "invalid format");
    return *format;
}

static RiReadStatus read_kind_into(RiThread *T, FILE *file, char kind, size_t count, RiSbuf *sb)
{
    switch (kind) {
    case 'c':
        return ri_stream_take_chars(T, file, sb, count);
    case 'a':
        return ri_stream_take_all(T, file, sb);
    default:
        return ri_stream_take_line(T, file, sb, kind == 'L');
    }
}

/* Read what one format asks for and push it, nil at the end of the file. */
static RiReadStatus push_one(RiThread *T, FILE *file, char kind, size_t count, RiSbuf *sb)
{
    RiReadStatus status;
    if (kind == '0') {
        status = ri_stream_look(T, file);
        if (status != RI_READ_WAITS)
            ri_push(T, status == RI_READ_DONE ? ri_string_value(T->heap->empty) : ri_nil());
        return status;
    }
    if (kind == 'n') {
        RiValue number = ri_nil();
        status = ri_stream_take_number(T, file, sb, &number);
        if (status != RI_READ_WAITS)
            ri_push(T, number);
        return status;
    }
    status = read_kind_into(T, file, kind, count, sb);
    if (status == RI_READ_DONE)
        ri_push(T, ri_string_value(ri_sbuf_finish(sb)));
    else if (status == RI_READ_END)
        ri_push(T, ri_nil());
    return status;
}

/* What has been read goes where it can be found again. */
static int32_t wait_for_more(RiThread *T, RiUserdata *u, uint32_t done, const RiSbuf *sb, ReadState *state)
{
    ri_push(T, file_value(u));
    if (state == NULL) {
        state = ri_heap_alloc_block(T->heap, sizeof *state);
        ri_block_describe(state, offsetof(ReadState, sb.inline_bytes), false);
        state->sb = *sb;
        if (sb->buffer == NULL)
            state->sb.data = state->sb.inline_bytes;
    }
    ri_push(T, ri_object(state, RI_TAG_BLOCK));
    ri_lib_set_step(T, done + 1);
    return RI_LIB_BLOCK;
}

/* Read by the formats in arguments first … nargs - 1 of the current frame, or a line without any, and push the results, of
 * which `done` are there: *count of them in the end, the last one nil at the end of the file. `state`: of a format that had
 * to wait, or NULL. RI_LIB_BLOCK; else 1, or 0 after an error, reason in errno. */
static int32_t push_read(RiThread *T, RiUserdata *u, uint32_t first, uint32_t nargs, uint32_t done, ReadState *state,
                         uint32_t *count)
{
    FILE *file = ri_stream_of(u)->file;
    RiSbuf sb;
    uint32_t wanted = nargs > first ? nargs - first : 1;
    if (RI_UNLIKELY(feof_unlocked(file) || ferror_unlocked(file)))
        clearerr(file);
    errno = 0;
    if (wanted > 1)
        ri_stack_reserve(T, wanted + RI_STACK_RESERVE);
    for (; done < wanted; done++, state = NULL) {
        size_t size = 0;
        char kind = nargs <= first ? 'l' : read_kind(T, T->base, first + done, &size);
        if (state == NULL)
            ri_sbuf_init(&sb, T->heap);
        RiReadStatus status = push_one(T, file, kind, size, state != NULL ? &state->sb : &sb);
        if (RI_UNLIKELY(status == RI_READ_WAITS))
            return wait_for_more(T, u, done, &sb, state);
        if (status == RI_READ_END) {
            done++;
            break;
        }
    }
    *count = done;
    return !ferror(file);
}

/* The slots of a read that waited, which go: its file, its state, and how many results lie above the arguments. */
static RiUserdata *take_wait(RiThread *T, ReadState **state, uint32_t *done)
{
    T->top -= WAIT_SLOTS;
    *state = T->top[WAIT_STATE].p;
    *done = ri_lib_step(T) - 1;
    ri_lib_set_step(T, 0);
    return T->top[WAIT_FILE].p;
}

static void trace_read(RiThread *T, FILE *file, uint64_t start, bool ok, uint32_t count)
{
    char quoted[160] = "nil";
    int reason = errno;
    RiValue last = count > 0 ? T->top[-1] : ri_nil();
    if (ri_is_string(last))
        ri_gate_quote(ri_str_data(last.p), ((RiString *)last.p)->size, quoted);
    int64_t size = ri_is_string(last) ? (int64_t)((RiString *)last.p)->size : 0;
    ri_gate_trace(T->process->proc, start, "read", "desc", ok ? size : -reason, "%d, %s", ri_host_stream_fd(file), quoted);
    errno = reason;
}

static int32_t read_on(RiThread *T, RiUserdata *u, uint32_t first, uint32_t nargs, uint32_t done, ReadState *state)
{
    uint32_t count;
    uint64_t start = ri_gate_trace_start(T->process->proc);
    int32_t status = push_read(T, u, first, nargs, done, state, &count);
    if (RI_UNLIKELY(status == RI_LIB_BLOCK))
        return status;
    if (RI_UNLIKELY(start != 0))
        trace_read(T, ri_stream_of(u)->file, start, status == 1, count);
    if (RI_UNLIKELY(status == 0))
        return ri_return_file_result(T, false, NULL);
    return count == 1 ? ri_return1(T->base, T->top[-1]) : ri_return_top(T, count);
}

static int32_t io_read(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    RiUserdata *u = ri_stdlib(T)->input;
    default_file(T, u, "input");
    return read_on(T, u, 0, nargs, 0, NULL);
}

static int32_t file_read(RiThread *T, RiValue *args, uint32_t nargs)
{
    file_arg(T, args, nargs);
    return read_on(T, args[0].p, 1, nargs, 0, NULL);
}

static int32_t resume_read(RiThread *T, uint32_t first)
{
    ReadState *state;
    uint32_t done;
    RiUserdata *u = take_wait(T, &state, &done);
    if (ri_stream_of(u)->close == NULL)
        ri_error(T, "attempt to use a closed file"); /* by another thread, meanwhile */
    return read_on(T, u, first, (uint32_t)(T->top - T->base) - done, done, state);
}

static int32_t io_read_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return resume_read(T, 0);
}

static int32_t file_read_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    return resume_read(T, 1);
}

/* -- Lines ------------------------------------------------------------------------------------------------------ */

/* Upvalues of the iterator. */
enum { LINES_FILE, LINES_CLOSES, LINES_FORMATS };

#define LINES_FORMATS_MAX 250

static int32_t next_line(RiThread *T, RiUserdata *u, uint32_t nargs, uint32_t done, ReadState *state)
{
    uint32_t count;
    uint64_t start = ri_gate_trace_start(T->process->proc);
    int32_t status = push_read(T, u, 1, nargs, done, state, &count);
    if (RI_UNLIKELY(status == RI_LIB_BLOCK))
        return status;
    if (RI_UNLIKELY(start != 0))
        trace_read(T, ri_stream_of(u)->file, start, status == 1, count);
    if (RI_UNLIKELY(status == 0))
        ri_error(T, "%s", strerror(errno));
    if (RI_LIKELY(!ri_is_nil(T->top[-(ptrdiff_t)count])))
        return count == 1 ? ri_return1(T->base, T->top[-1]) : ri_return_top(T, count);
    if (!ri_is_falsy(ri_self_native(T)->upvals[LINES_CLOSES]))
        close_stream(T, u); /* a file, never a command: it does not wait */
    return 0;
}

static int32_t lines_iterator(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiNative *self = ri_self_native(T);
    RiUserdata *u = self->upvals[LINES_FILE].p;
    uint32_t format_count = self->object.aux - LINES_FORMATS;
    (void)args;
    (void)nargs;
    if (ri_stream_of(u)->close == NULL)
        ri_error(T, "file is already closed");
    /* The formats become the arguments 1, 2 … of this frame: where messages count them. */
    T->top = T->base;
    ri_stack_reserve(T, format_count + RI_STACK_RESERVE);
    ri_push(T, self->upvals[LINES_FILE]);
    for (uint32_t i = 0; i < format_count; i++)
        ri_push(T, self->upvals[LINES_FORMATS + i]);
    return next_line(T, u, 1 + format_count, 0, NULL);
}

static int32_t lines_iterator_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    ReadState *state;
    uint32_t done;
    (void)args;
    (void)nargs;
    RiUserdata *u = take_wait(T, &state, &done);
    if (ri_stream_of(u)->close == NULL)
        ri_error(T, "file is already closed");
    return next_line(T, u, (uint32_t)(T->top - T->base) - done, done, state);
}

static const RiLibFn lines_iterator_fn =
    RI_FN_RESUMABLE(lines_iterator, lines_iterator_resume, "lines iterator", "(iterator of lines)()", "The next line, or what the formats say; nothing at the end.");

/* An iterator over file `u` with the arguments first … nargs - 1 as formats. */
static RiNative *new_lines_iterator(RiThread *T, RiUserdata *u, uint32_t nargs, bool closes)
{
    uint32_t format_count = nargs > 1 ? nargs - 1 : 0;
    RI_ARG_CHECK(T, format_count <= LINES_FORMATS_MAX, LINES_FORMATS_MAX + 1, "too many arguments");
    RiNative *iterator = ri_native_new(T->heap, &lines_iterator_fn, LINES_FORMATS + format_count);
    iterator->upvals[LINES_FILE] = file_value(u);
    iterator->upvals[LINES_CLOSES] = ri_bool(closes);
    for (uint32_t i = 0; i < format_count; i++)
        ri_copy(&iterator->upvals[LINES_FORMATS + i], &T->base[1 + i]);
    return iterator;
}

static int32_t file_lines(RiThread *T, RiValue *args, uint32_t nargs)
{
    file_arg(T, args, nargs);
    RiNative *iterator = new_lines_iterator(T, args[0].p, nargs, false);
    return ri_return1(T->base, ri_object(iterator, RI_TAG_NATIVE));
}

static int32_t io_lines(RiThread *T, RiValue *args, uint32_t nargs)
{
    if (ri_arg_is_none_or_nil(args, nargs, 0)) {
        RiUserdata *input = ri_stdlib(T)->input;
        if (ri_stream_of(input)->close == NULL)
            ri_error(T, "attempt to use a closed file");
        RiNative *iterator = new_lines_iterator(T, input, nargs, false);
        return ri_return1(T->base, ri_object(iterator, RI_TAG_NATIVE));
    }
    const char *path = text_arg(T, args, nargs, 0);
    RiUserdata *u;
    RiOpenStatus status = try_open(T, path, "r", &u);
    if (status == RI_OPEN_WAITS)
        return RI_LIB_BLOCK;
    if (status == RI_OPEN_FAILED)
        cannot_open(T, path);
    RiNative *iterator = new_lines_iterator(T, u, nargs, true);
    RiValue *results = T->base - 2; /* iterator, state, control, and the file to be closed at the end of the loop */
    ri_set_object(&results[0], iterator, RI_TAG_NATIVE);
    ri_set_nil(&results[1]);
    ri_set_nil(&results[2]);
    ri_set_object(&results[3], u, RI_TAG_USERDATA);
    return 4;
}

static int32_t io_lines_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return io_lines(T, args, nargs - 1);
}

/* -- Writing --------------------------------------------------------------------------------------------------- */

/* A write that waits leaves these slots above its arguments: the file, what it is to return, the argument it is at, how much of that
 * has gone, whether all went well; and step 1. */
enum { WRITE_FILE, WRITE_ARG, WRITE_DONE, WRITE_OK, WRITE_SLOTS };

typedef struct WritePlace {
    uint32_t i;  /* argument */
    size_t done; /* bytes of it */
    bool ok;
} WritePlace;

/* Argument i as text. */
static const char *written_text(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, char number[RI_NUM_TEXT_MAX], size_t *size)
{
    if (RI_LIKELY(ri_is_string(args[i]))) {
        *size = ((RiString *)args[i].p)->size;
        return ri_str_data(args[i].p);
    }
    if (ri_is_int(args[i]))
        *size = ri_num_print_int(args[i].i, number);
    else if (ri_is_float(args[i]))
        *size = (size_t)snprintf(number, RI_NUM_TEXT_MAX, "%.14g", args[i].n); /* no ".0" here, unlike tostring */
    else
        ri_arg_type_error(T, args, nargs, i, "string");
    return number;
}

static int32_t wait_to_write(RiThread *T, RiUserdata *u, const WritePlace *at)
{
    ri_push(T, file_value(u));
    ri_push(T, ri_int(at->i));
    ri_push(T, ri_int((int64_t)at->done));
    ri_push(T, ri_bool(at->ok));
    ri_lib_set_step(T, 1);
    return RI_LIB_BLOCK;
}

/* Write the arguments from a place on; the file is the result. */
static int32_t write_on(RiThread *T, RiUserdata *u, uint32_t nargs, WritePlace at)
{
    FILE *file = ri_stream_of(u)->file;
    RiValue *args = T->base;
    errno = 0;
    for (; at.i < nargs; at.i++, at.done = 0) {
        char number[RI_NUM_TEXT_MAX];
        size_t size;
        const char *text = written_text(T, args, nargs, at.i, number, &size);
        RiWriteStatus status = ri_stream_put(T, file, text, size, &at.done);
        if (RI_UNLIKELY(status == RI_WRITE_WAITS))
            return wait_to_write(T, u, &at);
        at.ok = at.ok && status == RI_WRITE_DONE;
    }
    return RI_LIKELY(at.ok) ? ri_return1(args, file_value(u)) : ri_return_file_result(T, false, NULL);
}

static int32_t write_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    T->top -= WRITE_SLOTS;
    RiUserdata *u = T->top[WRITE_FILE].p;
    WritePlace at = {(uint32_t)T->top[WRITE_ARG].i, (size_t)T->top[WRITE_DONE].i, !ri_is_falsy(T->top[WRITE_OK])};
    if (ri_stream_of(u)->close == NULL)
        ri_error(T, "attempt to use a closed file"); /* by another thread, meanwhile */
    return write_on(T, u, nargs - WRITE_SLOTS, at);
}

static int32_t io_write(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    RiUserdata *u = ri_stdlib(T)->output;
    default_file(T, u, "output");
    return write_on(T, u, nargs, (WritePlace){0, 0, true});
}

static int32_t file_write(RiThread *T, RiValue *args, uint32_t nargs)
{
    file_arg(T, args, nargs);
    return write_on(T, args[0].p, nargs, (WritePlace){1, 0, true});
}

static int32_t flush(RiThread *T, FILE *file)
{
    errno = 0;
    RiWriteStatus status = ri_stream_try_flush(T, file);
    return status == RI_WRITE_WAITS ? RI_LIB_BLOCK : ri_return_file_result(T, status == RI_WRITE_DONE, NULL);
}

static int32_t io_flush(RiThread *T, RiValue *args, uint32_t nargs)
{
    FILE *file = default_file(T, ri_stdlib(T)->output, "output");
    (void)args;
    (void)nargs;
    return flush(T, file);
}

static int32_t file_flush(RiThread *T, RiValue *args, uint32_t nargs)
{
    FILE *file = file_arg(T, args, nargs);
    return flush(T, file);
}

/* -- Position and buffering ------------------------------------------------------------------------------------ */

static int32_t file_seek(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const int origins[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    static const char *const names[] = {"set", "cur", "end", NULL};
    FILE *file = file_arg(T, args, nargs);
    int origin = ri_arg_option(T, args, nargs, 1, "cur", names);
    int64_t offset = ri_arg_opt_int(T, args, nargs, 2, 0);
    errno = 0;
    if (!ri_host_seek(file, offset, origins[origin]))
        return ri_return_file_result(T, false, NULL);
    return ri_return_int(args, ri_host_tell(file));
}

static int32_t file_setvbuf(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const int modes[] = {_IONBF, _IOFBF, _IOLBF};
    static const char *const names[] = {"no", "full", "line", NULL};
    FILE *file = file_arg(T, args, nargs);
    int mode = ri_arg_option(T, args, nargs, 1, NULL, names);
    int64_t size = ri_arg_opt_int(T, args, nargs, 2, 1024);
    errno = 0;
    return ri_return_file_result(T, setvbuf(file, NULL, modes[mode], (size_t)size) == 0, NULL);
}

/* -- Tables of functions --------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN_RESUMABLE(io_close, close_resume, "io.close", "io.close([file])", "Close a file, or the default output."),
    RI_FN_RESUMABLE(io_flush, io_flush, "io.flush", "io.flush()", "Write out what the default output has buffered."),
    RI_FN_RESUMABLE(io_input, io_input_resume, "io.input", "io.input([file])",
          "Set the default input, a file or the name of one to open; returns the default input."),
    RI_FN_RESUMABLE(io_lines, io_lines_resume, "io.lines", "io.lines([filename, …])",
          "For a loop over a file's lines (or what the read formats say): for line in io.lines(name) do … end."),
    RI_FN_RESUMABLE(io_open, io_open_resume, "io.open", "io.open(filename [, mode])",
          "Open a file, mode \"r\", \"w\", \"a\", with \"+\" and \"b\"; nil, message and error number if it fails."),
    RI_FN_RESUMABLE(io_output, io_output_resume, "io.output", "io.output([file])",
          "Set the default output, a file or the name of one to open; returns the default output."),
    RI_FN(io_popen, "io.popen", "io.popen(command [, mode])", "Start a command and read its output, or write its input (\"w\")."),
    RI_FN_RESUMABLE(io_read, io_read_resume, "io.read", "io.read(…)", "Read from the default input, as file:read."),
    RI_FN(io_tmpfile, "io.tmpfile", "io.tmpfile()", "A new file for reading and writing that is removed in the end."),
    RI_FN(io_type, "io.type", "io.type(v)", "\"file\", \"closed file\", or nil if v is no file."),
    RI_FN_RESUMABLE(io_write, write_resume, "io.write", "io.write(…)", "Write strings and numbers to the default output."),
};

static const RiLibFn methods[] = {
    RI_FN_RESUMABLE(file_close, close_resume, "file:close", "file:close()",
                    "Close the file; of a pipe: true or nil, \"exit\" or \"signal\", and the code."),
    RI_FN_RESUMABLE(file_flush, file_flush, "file:flush", "file:flush()", "Write out what is buffered."),
    RI_FN(file_lines, "file:lines", "file:lines(…)", "For a loop over lines, or what the read formats say."),
    RI_FN_RESUMABLE(file_read, file_read_resume, "file:read", "file:read(…)",
          "Read by formats: \"l\" a line, \"L\" with its end, \"n\" a number, \"a\" all, a count of bytes; nil at the end."),
    RI_FN(file_seek, "file:seek", "file:seek([whence [, offset]])",
          "Set the position from \"set\", \"cur\" or \"end\"; returns it in bytes from the start."),
    RI_FN(file_setvbuf, "file:setvbuf", "file:setvbuf(mode [, size])", "Set buffering: \"no\", \"full\" or \"line\"."),
    RI_FN_RESUMABLE(file_write, write_resume, "file:write", "file:write(…)", "Write strings and numbers; returns the file."),
};

static const RiLibFn metamethods[] = {
    RI_FN_RESUMABLE(file_finalize, close_resume, "file:__close", "(close a file)(file)", "Closes a file at the end of its variable's scope."),
    RI_FN_RESUMABLE(file_finalize, close_resume, "file:__gc", "(collect a file)(file)", "Closes a file that nobody can reach."),
    RI_FN(file_tostring, "file:__tostring", "tostring(file)", "\"file (address)\" or \"file (closed)\"."),
};

static void set_functions(RiThread *T, RiTable *t, const RiLibFn *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        RiString *key = ri_str_from_cstr(T->heap, strchr(rows[i].name, ':') + 1);
        ri_table_set_str(T->heap, t, key, ri_libfn_value(&rows[i]));
    }
}

static RiUserdata *add_standard_file(RiThread *T, RiTable *library, const char *name, FILE *file, RiUserdata **slot)
{
    RiUserdata *u = ri_stream_new(T);
    ri_stream_of(u)->file = file;
    ri_stream_of(u)->close = ri_stream_close_standard;
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, name), file_value(u));
    *slot = u;
    return u;
}

static void open_io(RiThread *T, RiTable *library)
{
    RiStdlib *state = ri_stdlib(T);
    RiTable *meta = ri_type_metatable(T, RI_STREAM_TYPE);
    state->stream_meta = meta;
    set_functions(T, meta, metamethods, RI_COUNTOF(metamethods));
    RiTable *index = ri_table_new(T->heap, 0, RI_COUNTOF(methods));
    ri_table_set_str(T->heap, meta, T->heap->mm_names[RI_MM_INDEX], ri_table_value(index));
    set_functions(T, index, methods, RI_COUNTOF(methods));
    state->input = add_standard_file(T, library, "stdin", stdin, &state->standard[0]);
    state->output = add_standard_file(T, library, "stdout", stdout, &state->standard[1]);
    add_standard_file(T, library, "stderr", stderr, &state->standard[2]);
}

const RiLibrary ri_lib_io = {"io", functions, RI_COUNTOF(functions), open_io};
