/* Messages of the Debug Adapter Protocol in and out: dap.h. */
#include "tools/debugger.h"

#ifdef HAVE_JANSSON

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/dap.h"

#define MESSAGE_BYTES_MAX (64u << 20)
#define HEADER_BYTES_MAX 4096u

/* -- Out ----------------------------------------------------------------------------------------------------------- */

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the client has gone: the reader will notice */
        bytes += n;
        size -= (size_t)n;
    }
}

/* The lock is held. */
static void send_locked(DapWire *w, json_t *message)
{
    char header[60];
    json_object_set_new(message, "seq", json_integer(++w->seq));
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text == NULL)
        return;
    int size = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", strlen(text));
    write_all(w->out, header, (size_t)size);
    write_all(w->out, text, strlen(text));
    free(text);
}

static void send_message(DapWire *w, json_t *message)
{
    pthread_mutex_lock(&w->lock);
    send_locked(w, message);
    pthread_mutex_unlock(&w->lock);
}

static json_t *new_event(const char *event, json_t *body)
{
    json_t *message = json_pack("{s:s, s:s}", "type", "event", "event", event);
    if (body != NULL)
        json_object_set_new(message, "body", body);
    return message;
}

void ri_dap_event(DapWire *w, const char *event, json_t *body)
{
    send_message(w, new_event(event, body));
}

static json_t *new_response(const json_t *request, bool success)
{
    json_t *seq = json_object_get(request, "seq"), *command = json_object_get(request, "command");
    return json_pack("{s:s, s:I, s:b, s:s}", "type", "response", "request_seq",
                     json_is_integer(seq) ? json_integer_value(seq) : (json_int_t)0, "success", success, "command",
                     json_is_string(command) ? json_string_value(command) : "");
}

void ri_dap_respond(DapWire *w, const json_t *request, json_t *body)
{
    json_t *message = new_response(request, true);
    if (body != NULL)
        json_object_set_new(message, "body", body);
    send_message(w, message);
}

void ri_dap_refuse(DapWire *w, const json_t *request, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_t *message = new_response(request, false), *said = json_string(text);
    if (said == NULL)
        said = json_string("an error whose message is no UTF-8");
    json_object_set(message, "message", said);
    json_object_set_new(message, "body", json_pack("{s:{s:i, s:o, s:b}}", "error", "id", 1, "format", said, "showUser", 1));
    send_message(w, message);
}

/* -- In ------------------------------------------------------------------------------------------------------------ */

static bool read_all(int fd, char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static void complain(DapWire *w, const char *what)
{
    char text[320];
    snprintf(text, sizeof text, "rille dap: %s\n", what);
    ri_dap_event(w, "output", json_pack("{s:s, s:s}", "category", "important", "output", text));
}

/* The header lines of a message. True: *size bytes follow; false: the end, or (is_bad) no protocol. */
static bool read_header(DapWire *w, size_t *size)
{
    char header[HEADER_BYTES_MAX + 1];
    size_t n = 0;
    while (n < HEADER_BYTES_MAX) {
        if (!read_all(w->in, &header[n], 1))
            return false;
        header[++n] = '\0';
        if (n < 4 || memcmp(header + n - 4, "\r\n\r\n", 4) != 0)
            continue;
        for (char *line = header; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
            char *end;
            if (strncasecmp(line, "content-length:", 15) != 0)
                continue;
            unsigned long long value = strtoull(line + 15, &end, 10);
            if (end != line + 15 && *end == '\r' && value <= MESSAGE_BYTES_MAX) {
                *size = (size_t)value;
                return true;
            }
        }
        break;
    }
    w->is_bad = true;
    complain(w, n >= HEADER_BYTES_MAX ? "a header of more than 4096 bytes: this is not the Debug Adapter Protocol"
                                      : "a header without a Content-Length that can be used");
    return false;
}

static json_t *parse(DapWire *w, const char *bytes, size_t size)
{
    json_error_t error;
    char text[300];
    json_t *json = json_loadb(bytes, size, 0, &error);
    if (json == NULL) {
        snprintf(text, sizeof text, "a message is no JSON: line %d, column %d: %.200s", error.line, error.column, error.text);
        complain(w, text);
        return NULL;
    }
    const char *type = json_string_value(json_object_get(json, "type"));
    if (type == NULL || strcmp(type, "request") != 0 || !json_is_string(json_object_get(json, "command"))) {
        complain(w, "a message is no request with a command");
        json_decref(json);
        return NULL;
    }
    return json;
}

static bool read_message(DapWire *w)
{
    size_t size;
    if (!read_header(w, &size))
        return false;
    char *bytes = malloc(size + 1);
    if (bytes == NULL || !read_all(w->in, bytes, size)) {
        free(bytes);
        return false;
    }
    json_t *json = parse(w, bytes, size);
    free(bytes);
    DapMessage *message = json != NULL ? calloc(1, sizeof *message) : NULL;
    if (message == NULL)
        return true;
    message->json = json;
    pthread_mutex_lock(&w->lock);
    *w->last = message;
    w->last = &message->next;
    pthread_cond_broadcast(&w->arrived);
    pthread_mutex_unlock(&w->lock);
    return true;
}

static void *read_messages(void *argument)
{
    DapWire *w = argument;
    while (read_message(w))
        w->on_message(w->context);
    pthread_mutex_lock(&w->lock);
    w->is_over = true;
    pthread_cond_broadcast(&w->arrived);
    pthread_mutex_unlock(&w->lock);
    w->on_message(w->context);
    return NULL;
}

json_t *ri_dap_take(DapWire *w, bool wait)
{
    pthread_mutex_lock(&w->lock);
    while (w->first == NULL && wait && !w->is_over)
        pthread_cond_wait(&w->arrived, &w->lock);
    DapMessage *message = w->first;
    if (message != NULL) {
        w->first = message->next;
        if (w->first == NULL)
            w->last = &w->first;
    }
    pthread_mutex_unlock(&w->lock);
    json_t *json = message != NULL ? message->json : NULL;
    free(message);
    return json;
}

/* -- What the program writes ------------------------------------------------------------------------------------------- */

/* Text that may be no UTF-8, as JSON: other bytes become U+FFFD. */
static json_t *text_of(const char *bytes, size_t size)
{
    json_t *json = json_stringn(bytes, size);
    if (json != NULL)
        return json;
    char *fixed = malloc(size * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; fixed != NULL && i < size; i++) {
        if ((unsigned char)bytes[i] < 128) {
            fixed[n++] = bytes[i];
        } else {
            memcpy(fixed + n, "\xef\xbf\xbd", 3);
            n += 3;
        }
    }
    json = fixed != NULL ? json_stringn(fixed, n) : json_string("");
    free(fixed);
    return json;
}

/* How much of it does not end within a character. */
static size_t whole_characters(const char *bytes, size_t size)
{
    size_t tail = 0;
    while (tail < 3 && tail < size && ((unsigned char)bytes[size - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail < size && (unsigned char)bytes[size - 1 - tail] >= 0xc0) {
        unsigned char lead = (unsigned char)bytes[size - 1 - tail];
        size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (wanted > tail + 1)
            return size - tail - 1;
    }
    return size;
}

static void *read_output(void *argument)
{
    DapWire *w = argument;
    static const char *const categories[] = {"stdout", "stderr"};
    char bytes[2][8192 + 4];
    size_t kept[2] = {0, 0};
    struct pollfd polls[2] = {{.fd = w->pipes[0], .events = POLLIN}, {.fd = w->pipes[1], .events = POLLIN}};
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            break;
        for (int i = 0; i < 2; i++) {
            if (polls[i].fd < 0 || !(polls[i].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            pthread_mutex_lock(&w->lock); /* nobody finds the pipe empty before its contents have been sent */
            ssize_t n = read(polls[i].fd, bytes[i] + kept[i], 8192);
            if (n > 0) {
                size_t size = kept[i] + (size_t)n, whole = whole_characters(bytes[i], size);
                send_locked(w, new_event("output", json_pack("{s:s, s:o}", "category", categories[i], "output",
                                                             text_of(bytes[i], whole))));
                kept[i] = size - whole;
                memmove(bytes[i], bytes[i] + whole, kept[i]);
            } else if (n == 0) {
                polls[i].fd = -1;
            }
            pthread_mutex_unlock(&w->lock);
        }
    }
    return NULL;
}

bool ri_dap_capture_output(DapWire *w)
{
    int ends[2];
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        if (pipe(ends) < 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 || dup2(ends[1], i == 0 ? STDOUT_FILENO : STDERR_FILENO) < 0)
            return false;
        close(ends[1]);
        w->pipes[i] = ends[0];
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pthread_create(&thread, NULL, read_output, w) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

void ri_dap_drain_output(DapWire *w)
{
    fflush(stdout);
    fflush(stderr);
    for (int tries = 0; tries < 2000; tries++) {
        int left[2] = {0, 0};
        pthread_mutex_lock(&w->lock);
        ioctl(w->pipes[0], FIONREAD, &left[0]);
        ioctl(w->pipes[1], FIONREAD, &left[1]);
        pthread_mutex_unlock(&w->lock);
        if (left[0] + left[1] == 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

bool ri_dap_wire_start(DapWire *w)
{
    pthread_t thread;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    if (pthread_create(&thread, NULL, read_messages, w) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

#endif
