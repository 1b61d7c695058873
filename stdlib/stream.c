/* Streams: opening, refilling and flushing stdio files for Lua programs. */
#include "stdlib/stream.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/host/host.h"

/* -- Life ------------------------------------------------------------------------------------------------------ */

int ri_stream_close_file(void *state)
{
    (void)state;
    return 0;
}

int ri_stream_close_command(void *state)
{
    (void)state;
    return 1; /* bodies differ so that no linker folds the marks into one */
}

int ri_stream_close_standard(void *state)
{
    (void)state;
    return 2;
}

static bool fork_stream(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    const RiStream *source = (const RiStream *)(const void *)from->data;
    RiStream *stream = ri_stream_of(u);
    (void)clone;
    *stream = *source;
    if (source->close == NULL || source->close == ri_stream_close_standard)
        return true;
    if (source->close != ri_stream_close_file && source->close != ri_stream_close_command) {
        *why = "a C module closes it";
        return false;
    }
    stream->close = ri_stream_close_file;
    stream->file = ri_host_duplicate(source->file);
    if (stream->file == NULL)
        *why = strerror(errno);
    return stream->file != NULL;
}

static void drop_stream(RiUserdata *u)
{
    RiStream *stream = ri_stream_of(u);
    if (stream->close == ri_stream_close_file)
        fclose(stream->file);
    stream->close = NULL;
}

const RiUserType ri_stream_type = {.name = RI_STREAM_TYPE, .fork = fork_stream, .drop = drop_stream};

RiUserdata *ri_stream_new(RiThread *T)
{
    RiUserdata *u = ri_udata_new(T->heap, sizeof(RiStream), 0);
    u->type = &ri_stream_type;
    u->meta = ri_stdlib(T)->stream_meta;
    if (!T->process->closing) {
        ri_heap_register_finalizer(T->heap, ri_object(u, RI_TAG_USERDATA));
        u->object.flags |= RI_UDATA_FINALIZER;
    }
    return u;
}

/* -- The gate ---------------------------------------------------------------------------------------------------
 * Everything below that may block goes through one of these. */

static bool opened(RiStream *stream, FILE *file, RiStreamClose close)
{
    stream->file = file;
    stream->close = file != NULL ? close : NULL;
    return file != NULL;
}

bool ri_stream_open_file(RiThread *T, RiStream *stream, const char *path, const char *mode)
{
    (void)T;
    errno = 0;
    return opened(stream, ri_host_open(path, mode), ri_stream_close_file);
}

bool ri_stream_open_command(RiThread *T, RiStream *stream, const char *command, const char *mode)
{
    (void)T;
    errno = 0;
    return opened(stream, ri_host_open_command(command, mode), ri_stream_close_command);
}

bool ri_stream_open_temporary(RiThread *T, RiStream *stream)
{
    (void)T;
    errno = 0;
    return opened(stream, ri_host_open_temporary(), ri_stream_close_file);
}

/* The next byte of a locked file whose buffer is empty; refills it. EOF at the end. */
static int refill(FILE *file)
{
    return getc_unlocked(file);
}

static size_t fill_block(FILE *file, char *to, size_t size)
{
    return fread(to, 1, size, file);
}

bool ri_stream_write(RiThread *T, FILE *file, const char *bytes, size_t size)
{
    (void)T;
    return fwrite(bytes, 1, size, file) == size;
}

bool ri_stream_flush(RiThread *T, FILE *file)
{
    (void)T;
    return fflush(file) == 0;
}

/* -- Reading --------------------------------------------------------------------------------------------------- */

typedef enum RiLineEnd { LINE_GOES_ON, LINE_NEWLINE, LINE_EOF } RiLineEnd;

/* Move bytes of the current line to `to` until the newline (consumed, not stored), the end of the file, or `room` bytes.
 * The file is locked. */
static RiLineEnd take_line(FILE *file, char *to, size_t room, size_t *taken)
{
    size_t count = 0;
    RiLineEnd end = LINE_GOES_ON;
    while (count < room) {
#ifdef __GLIBC__
        /* Look into the buffer that getc_unlocked reads from: memchr beats a loop of it many times over. */
        size_t ready = (size_t)(file->_IO_read_end - file->_IO_read_ptr);
        if (ready > 0) {
            size_t part = ready < room - count ? ready : room - count;
            char *newline = memchr(file->_IO_read_ptr, '\n', part);
            if (newline != NULL)
                part = (size_t)(newline - file->_IO_read_ptr);
            memcpy(to + count, file->_IO_read_ptr, part);
            file->_IO_read_ptr += part;
            count += part;
            if (newline != NULL) {
                file->_IO_read_ptr++;
                end = LINE_NEWLINE;
                break;
            }
            continue;
        }
#endif
        int c = refill(file);
        if (c == EOF || c == '\n') {
            end = c == EOF ? LINE_EOF : LINE_NEWLINE;
            break;
        }
        to[count++] = (char)c;
    }
    *taken = count;
    return end;
}

RiString *ri_stream_read_line(RiThread *T, FILE *file, bool keep_newline)
{
    RiSbuf sb;
    RiLineEnd end;
    ri_sbuf_init(&sb, T->heap);
    do { /* memory grows only while the file is not locked: a throw must not leave the lock behind */
        char *to = ri_sbuf_reserve(&sb, 500);
        size_t taken;
        flockfile(file);
        end = take_line(file, to, sb.capacity - sb.size, &taken);
        funlockfile(file);
        sb.size += taken;
    } while (end == LINE_GOES_ON);
    if (end == LINE_EOF && sb.size == 0)
        return NULL;
    if (keep_newline && end == LINE_NEWLINE)
        ri_sbuf_add_char(&sb, '\n');
    return ri_sbuf_finish(&sb);
}

RiString *ri_stream_read_chars(RiThread *T, FILE *file, size_t count)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    while (sb.size < count) { /* by steps: a huge count must not cost memory that the file does not fill */
        size_t step = sb.size < 65536 ? 65536 : sb.size;
        if (step > count - sb.size)
            step = count - sb.size;
        size_t got = fill_block(file, ri_sbuf_reserve(&sb, step), step);
        sb.size += got;
        if (got < step)
            break;
    }
    return sb.size > 0 ? ri_sbuf_finish(&sb) : NULL;
}

RiString *ri_stream_read_all(RiThread *T, FILE *file)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    size_t step = ri_host_remaining_size(file) + 1; /* one more, to see the end in the same call */
    if (step < 4096)
        step = sizeof sb.inline_bytes;
    for (;;) {
        size_t got = fill_block(file, ri_sbuf_reserve(&sb, step), step);
        sb.size += got;
        if (got < step)
            return ri_sbuf_finish(&sb);
        step = sb.size < 4096 ? 4096 : sb.size;
    }
}

bool ri_stream_has_more(RiThread *T, FILE *file)
{
    (void)T;
    int c = getc(file);
    ungetc(c, file); /* nothing if c is EOF */
    return c != EOF;
}

#define NUMERAL_SIZE_MAX 200 /* bytes; longer numerals are not read */

typedef struct RiNumeral {
    FILE *file;
    int next; /* look-ahead */
    size_t size;
    bool too_long;
    char text[NUMERAL_SIZE_MAX];
} RiNumeral;

/* Keep the look-ahead and read another; false when the numeral is too long. */
static bool accept(RiNumeral *numeral)
{
    if (numeral->size >= NUMERAL_SIZE_MAX) {
        numeral->too_long = true;
        return false;
    }
    numeral->text[numeral->size++] = (char)numeral->next;
    numeral->next = refill(numeral->file);
    return true;
}

static bool accept_either(RiNumeral *numeral, int a, int b)
{
    return (numeral->next == a || numeral->next == b) && accept(numeral);
}

static uint32_t accept_digits(RiNumeral *numeral, bool hex)
{
    uint32_t count = 0;
    while ((hex ? isxdigit(numeral->next) : isdigit(numeral->next)) && accept(numeral))
        count++;
    return count;
}

static void scan_numeral(RiNumeral *numeral)
{
    uint32_t digits = 0;
    bool hex = false;
    char point = localeconv()->decimal_point[0];
    do
        numeral->next = refill(numeral->file);
    while (isspace(numeral->next));
    accept_either(numeral, '+', '-');
    if (accept_either(numeral, '0', '0')) {
        if (accept_either(numeral, 'x', 'X'))
            hex = true;
        else
            digits = 1;
    }
    digits += accept_digits(numeral, hex);
    if (accept_either(numeral, (unsigned char)point, '.'))
        digits += accept_digits(numeral, hex);
    if (digits > 0 && accept_either(numeral, hex ? 'p' : 'e', hex ? 'P' : 'E')) {
        accept_either(numeral, '+', '-');
        accept_digits(numeral, false);
    }
    ungetc(numeral->next, numeral->file);
}

bool ri_stream_read_number(RiThread *T, FILE *file, RiValue *number)
{
    (void)T;
    RiNumeral numeral = {.file = file};
    int64_t i;
    double n;
    flockfile(file);
    scan_numeral(&numeral);
    funlockfile(file);
    if (numeral.too_long)
        return false;
    switch (ri_num_parse(numeral.text, numeral.size, &i, &n)) {
    case RI_NUM_INT:
        *number = ri_int(i);
        return true;
    case RI_NUM_FLOAT:
        *number = ri_float(n);
        return true;
    default:
        return false;
    }
}

/* -- Results --------------------------------------------------------------------------------------------------- */

int32_t ri_return_file_result(RiThread *T, bool ok, const char *name)
{
    int reason = errno; /* before anything changes it */
    if (ok)
        return ri_return_bool(T->base, true);
    const char *text = reason != 0 ? strerror(reason) : "(no extra info)";
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    if (name != NULL) {
        ri_sbuf_add(&sb, name, strlen(name));
        ri_sbuf_add(&sb, ": ", 2);
    }
    ri_sbuf_add(&sb, text, strlen(text));
    RiString *message = ri_sbuf_finish(&sb);
    return ri_return3(T->base, ri_nil(), ri_string_value(message), ri_int(reason));
}

int32_t ri_return_child_result(RiThread *T, int wait_status)
{
    if (wait_status != 0 && errno != 0)
        return ri_return_file_result(T, false, NULL);
    const char *what;
    int code = ri_host_child_result(wait_status, &what);
    bool ok = *what == 'e' && code == 0;
    RiString *how = ri_str_from_cstr(T->heap, what);
    return ri_return3(T->base, ok ? ri_bool(true) : ri_nil(), ri_string_value(how), ri_int(code));
}

/* -- Chunks from files ------------------------------------------------------------------------------------------- */

/* Where the chunk proper begins in the bytes of a file. `line_skipped`: a first line with '#' was left out. */
static size_t chunk_start(const char *bytes, size_t size, bool *line_skipped)
{
    size_t start = 0;
    *line_skipped = false;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        start = 3;
    if (start < size && bytes[start] == '#') {
        *line_skipped = true;
        const char *newline = memchr(bytes + start, '\n', size - start);
        start = newline != NULL ? (size_t)(newline - bytes) : size;
    }
    return start;
}

static int push_file_error(RiThread *T, const char *what, const char *name, int reason)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    const char *parts[] = {"cannot ", what, " ", name, reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : ""};
    for (size_t i = 0; i < RI_COUNTOF(parts); i++)
        ri_sbuf_add(&sb, parts[i], strlen(parts[i]));
    ri_push(T, ri_string_value(ri_sbuf_finish(&sb)));
    return RI_ERRFILE;
}

int ri_load_file(RiThread *T, const char *path, const char *mode)
{
    FILE *file = stdin;
    const char *name = path != NULL ? path : "stdin";
    errno = 0;
    if (path != NULL && (file = ri_host_open(path, "r")) == NULL)
        return push_file_error(T, "open", name, errno);
    errno = 0;
    /* A memory error in here leaks the open file; there is no one who could close it earlier than exit does. */
    RiString *text = ri_stream_read_all(T, file);
    int reason = errno;
    bool failed = ferror(file);
    if (path != NULL)
        fclose(file);
    if (failed)
        return push_file_error(T, "read", name, reason);

    RiSbuf chunkname;
    ri_sbuf_init(&chunkname, T->heap);
    ri_sbuf_add_char(&chunkname, path != NULL ? '@' : '=');
    ri_sbuf_add(&chunkname, name, strlen(name) + 1);

    /* On the stack while it is being compiled: `bytes` alone does not keep it alive. */
    ri_push(T, ri_string_value(text));
    bool line_skipped;
    const char *bytes = ri_str_cstr(T->heap, text);
    size_t start = chunk_start(bytes, text->size, &line_skipped);
    /* The newline of a skipped line stays, to keep line numbers right; but a saved chunk begins after it. */
    if (line_skipped && start + 1 < text->size && bytes[start + 1] == '\x1b')
        start++;
    int status = (int)ri_load(T, bytes + start, text->size - start, chunkname.data, mode != NULL ? mode : "bt");
    ri_copy(T->top - 2, T->top - 1);
    T->top--;
    return status;
}
