/* The Debug Adapter Protocol's messages: any bytes are requests or are complained about, and whatever is sent is framed, is JSON and is
 * numbered. Input: a byte that says how (bare text of one message, or framed as it stands), then what the client sends. */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/fuzz.h"
#include "tools/debugger.h"

#ifdef HAVE_JANSSON
#include <sys/mman.h>

#include "tools/dap_wire.c"

static int new_file(const char *bytes, size_t size)
{
    int fd = memfd_create("fuzz", 0);
    FUZZ_CHECK(fd >= 0 && (size == 0 || write(fd, bytes, size) == (ssize_t)size) && lseek(fd, 0, SEEK_SET) == 0, "memfd");
    return fd;
}

/* What was sent, by a plain reader: the number of messages. */
static int check_sent(int fd)
{
    int count = 0;
    size_t size = (size_t)lseek(fd, 0, SEEK_END), at = 0;
    char *text = malloc(size + 1);
    FUZZ_CHECK(text != NULL && pread(fd, text, size, 0) == (ssize_t)size, "pread");
    text[size] = '\0';
    while (at < size) {
        size_t length = 0;
        int header = 0;
        FUZZ_CHECK(sscanf(text + at, "Content-Length: %zu\r\n\r\n%n", &length, &header) == 1 && header > 0, "no header at %zu", at);
        at += strstr(text + at, "\r\n\r\n") - (text + at) + 4;
        FUZZ_CHECK(length <= size - at, "%zu bytes are missing", length - (size - at));
        json_t *json = json_loadb(text + at, length, 0, NULL);
        FUZZ_CHECK(json_integer_value(json_object_get(json, "seq")) == ++count, "message %d: %.*s", count, (int)length, text + at);
        json_decref(json);
        at += length;
    }
    free(text);
    return count;
}

/* Output of the program may be any bytes; what is UTF-8 stays as it is. */
static void check_text(const char *bytes, size_t size)
{
    size_t whole = whole_characters(bytes, size);
    json_t *text = text_of(bytes, whole), *same = json_stringn(bytes, whole);
    FUZZ_CHECK(whole <= size && size - whole < 4 && json_is_string(text), "%zu of %zu", whole, size);
    FUZZ_CHECK(same == NULL || json_equal(same, text), "text that is UTF-8 was changed");
    json_decref(text);
    json_decref(same);
}

static void on_message(void *context)
{
    (void)context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *bytes = (const char *)data + 1;
    char header[60];
    int header_size = data[0] & 1 ? 0 : snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", size - 1);
    char *sent = malloc(size + sizeof header);
    memcpy(sent, header, (size_t)header_size);
    memcpy(sent + header_size, bytes, size - 1);
    DapWire w = {.in = new_file(sent, (size_t)header_size + size - 1), .out = new_file("", 0), .on_message = on_message};
    w.last = &w.first;
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.arrived, NULL);
    while (read_message(&w))
        continue;
    int answers = w.seq;
    for (json_t *request; (request = ri_dap_take(&w, false)) != NULL; answers++) {
        FUZZ_CHECK(json_is_string(json_object_get(request, "command")), "a request without a command");
        if (answers & 1)
            ri_dap_respond(&w, request, json_object());
        else
            ri_dap_refuse(&w, request, "%.*s", (int)(size - 1 < 50 ? size - 1 : 50), bytes);
        json_decref(request);
    }
    FUZZ_CHECK(check_sent(w.out) == answers && (!w.is_bad || answers > 0), "%d answers", answers);
    check_text(bytes, size - 1);
    close(w.in);
    close(w.out);
    free(sent);
    return 0;
}

#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
#endif
