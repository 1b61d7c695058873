/* Requests to `rille top --http`: nothing reaches the machine without the token, from elsewhere, or in another form than {pid, signal}.
 * libmicrohttpd is played by this file. Input: choices of method, path and headers, some of them free text; then a body in pieces. */
#include "tests/fuzz/fuzz.h"
#include "tools/client.h"

#if defined(HAVE_MICROHTTPD) && defined(HAVE_JANSSON)
#define ri_lineserver_connect fuzz_connect
static int fuzz_connect(const char *path)
{
    (void)path;
    return 99; /* of no descriptor; nobody uses it */
}
#include "tools/top_http.c"

#define TOKEN "0123456789abcdef0123456789abcdef"
enum { HOST, ORIGIN, SITE, SENT_TOKEN, TYPE, HEADER_COUNT };
static const char *const header_names[HEADER_COUNT] = {"Host", "Origin", "Sec-Fetch-Site", "X-Rille-Token", "Content-Type"};
static const char *const choices[HEADER_COUNT][4] = {
    {"127.0.0.1:8080", "localhost:8080", "evil.example:8080", NULL},
    {NULL, "http://127.0.0.1:8080", "http://evil.example", "null"},
    {NULL, "same-origin", "cross-site", "none"},
    {TOKEN, TOKEN "0", "0123456789abcdef0123456789abcdeF", NULL},
    {"application/json", "application/json; charset=utf-8", "text/plain", NULL},
};

typedef struct Exchange { /* what is asked, and what has come of it */
    char texts[HEADER_COUNT][60];
    const char *headers[HEADER_COUNT];
    unsigned status;
    int responses;
    char *passed_on;
} Exchange;
static Exchange *exchange; /* ri_client_ask is told of nothing of ours */

/* What the command's own modules would do. */
char *ri_client_ask(RiClient *client, const char *request, const char **problem)
{
    (void)client;
    FUZZ_CHECK(exchange->passed_on == NULL, "asked twice");
    exchange->passed_on = strdup(request);
    *problem = "no";
    return strdup("{\"ok\": true}");
}
void ri_client_close(RiClient *client)
{
    client->fd = -1;
}
void ri_tool_message(const RiTool *tool, const char *text)
{
    (void)tool;
    (void)text;
}

static struct MHD_Response *create(size_t size, void *text, enum MHD_ResponseMemoryMode mode)
{
    FUZZ_CHECK(text != NULL && mode == MHD_RESPMEM_MUST_COPY && size > 0, "an answer of %zu bytes", size);
    return (struct MHD_Response *)exchange;
}
static enum MHD_Result add_header(struct MHD_Response *response, const char *name, const char *value)
{
    FUZZ_CHECK(response != NULL && strpbrk(name, "\r\n") == NULL && strpbrk(value, "\r\n") == NULL, "%s: %s", name, value);
    return MHD_YES;
}
static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
    (void)connection;
    (void)response;
    exchange->status = status;
    exchange->responses++;
    return MHD_YES;
}
static void destroy(struct MHD_Response *response)
{
    (void)response;
}
static const char *look_up(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *name)
{
    (void)connection;
    (void)kind;
    for (int i = 0; i < HEADER_COUNT; i++) {
        if (strcmp(name, header_names[i]) == 0)
            return exchange->headers[i];
    }
    return NULL;
}

static bool is(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

/* What was passed on was allowed to be, and is what was asked for. */
static void check_passed_on(const Exchange *x, const char *method, const char *url, const char *body, size_t size)
{
    const char *origin = x->headers[ORIGIN], *site = x->headers[SITE];
    FUZZ_CHECK(is(x->headers[HOST], "127.0.0.1:8080") || is(x->headers[HOST], "localhost:8080"), "host");
    FUZZ_CHECK(origin == NULL || is(origin, "http://127.0.0.1:8080") || is(origin, "http://localhost:8080"), "origin %s", origin);
    FUZZ_CHECK(site == NULL || is(site, "same-origin"), "site %s", site);
    FUZZ_CHECK(is(x->headers[SENT_TOKEN], TOKEN), "token");
    if (is(method, "GET")) {
        FUZZ_CHECK(is(url, "/api/ps") && strstr(x->passed_on, "\"ps\"") != NULL, "%s", x->passed_on);
        return;
    }
    FUZZ_CHECK(is(method, "POST") && is(url, "/api/kill") && size <= BODY_MAX, "%s %s %zu", method, url, size);
    FUZZ_CHECK(x->headers[TYPE] != NULL && strncmp(x->headers[TYPE], "application/json", 16) == 0, "type");
    json_t *asked = json_loadb(body, size, 0, NULL), *passed = json_loads(x->passed_on, 0, NULL);
    FUZZ_CHECK(is(json_string_value(json_object_get(passed, "op")), "kill") && json_object_size(passed) == 3, "%s", x->passed_on);
    FUZZ_CHECK(json_equal(json_object_get(asked, "pid"), json_object_get(passed, "pid")) &&
                   json_equal(json_object_get(asked, "signal"), json_object_get(passed, "signal")), "%s", x->passed_on);
    json_decref(asked);
    json_decref(passed);
}

static void choose_headers(Exchange *x, FuzzInput *in)
{
    for (int i = 0; i < HEADER_COUNT; i++) {
        uint8_t how = fuzz_byte(in);
        x->headers[i] = choices[i][how % 4];
        if (how >= 224) { /* anything; a header ends at a zero */
            size_t size;
            const char *bytes = fuzz_bytes(in, sizeof x->texts[i] - 1, &size);
            memcpy(x->texts[i], bytes, size);
            x->headers[i] = x->texts[i];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "OPTIONS"};
    static const char *const urls[] = {"/", "/api/ps", "/api/kill", "/top.js", "/top.css", "/../etc/passwd", ""};
    FuzzInput in = fuzz_input(data, size);
    Exchange x = {.status = 0};
    Server server = {.path = "/nowhere", .port = 8080, .token = TOKEN};
    void *state = NULL;
    exchange = &x;
    mhd.create_response_from_buffer = create;
    mhd.add_response_header = add_header;
    mhd.queue_response = queue;
    mhd.destroy_response = destroy;
    mhd.lookup_connection_value = look_up;
    const char *method = methods[fuzz_byte(&in) % RI_COUNTOF(methods)], *url = urls[fuzz_byte(&in) % RI_COUNTOF(urls)];
    choose_headers(&x, &in);
    size_t piece = (size_t)fuzz_byte(&in) * 40 + 1, none = 0, body_size = (size_t)(in.end - in.at);
    const char *body = (const char *)in.at;
    FUZZ_CHECK(on_request(&server, NULL, url, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES, "the beginning");
    for (size_t at = 0; at < body_size; at += piece) {
        size_t part = body_size - at < piece ? body_size - at : piece;
        FUZZ_CHECK(on_request(&server, NULL, url, method, "HTTP/1.1", body + at, &part, &state) == MHD_YES && part == 0, "a piece");
    }
    FUZZ_CHECK(on_request(&server, NULL, url, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES && x.responses == 1, "no answer");
    if (x.passed_on != NULL)
        check_passed_on(&x, method, url, body, body_size);
    else
        FUZZ_CHECK(x.status != 200 || (is(method, "GET") && !is(url, "/api/ps")), "200 for nothing");
    on_completed(NULL, NULL, &state, MHD_REQUEST_TERMINATED_COMPLETED_OK);
    free(x.passed_on);
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
