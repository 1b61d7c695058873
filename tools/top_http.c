/* `rille top --http`: the processes of a machine as a page of the web, on this computer alone.
 *
 * Whoever can connect to a port of 127.0.0.1 is not yet who may end processes: other users of the computer can, and any
 * page of the web that is open in a browser. So
 *  - all but the page's own files needs a token, which only the address that is printed has; it is sent in a header
 * that pages from elsewhere cannot set without being asked about, and these questions are not answered;
 *  - the name in Host must be this computer's (others can be made to point here), and Origin, where there is one, the
 * same;
 *  - requests that change something are POST, and JSON. */
#include "tools/client.h"

#include <stdio.h>
#include <string.h>

#include "vm/host/files.h"
#include "vm/host/host.h"
#include "vm/host/lineserver.h"

#if defined(HAVE_MICROHTTPD) && defined(HAVE_JANSSON)
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>

#define BODY_MAX 4096
#define TOKEN_BYTES 16

static const char page_html[] = {
#include "tools/web/top_html.inc"
};
static const char page_js[] = {
#include "tools/web/top_js.inc"
};
static const char page_css[] = {
#include "tools/web/top_css.inc"
};

/* libmicrohttpd is looked for when it is needed: with all that it brings along, each program that only runs would take three
 * megabytes more. */
#define MHD_FUNCTIONS(X)                                                                                                       \
    X(start_daemon) \
    X(get_daemon_info) \
    X(create_response_from_buffer) \
    X(add_response_header) \
    X(queue_response) \
    X(destroy_response) \
    X(lookup_connection_value)
#define DECLARE(name) __typeof__(MHD_##name) *name;
static struct {
    MHD_FUNCTIONS(DECLARE)
} mhd;

static bool find_all(void *library)
{
    const char *error;
    void *address;
#define FIND(name)                                                                                                             \
    address = ri_host_find_symbol(library, "MHD_" #name, &error);                                                              \
    if (address == NULL)                                                                                                       \
        return false;                                                                                                          \
    memcpy(&mhd.name, &address, sizeof address);
    MHD_FUNCTIONS(FIND)
    return true;
}

static bool load_microhttpd(void)
{
    static const char *const library_names[] = {"libmicrohttpd.so.12", "libmicrohttpd.so"};
    const char *error;
    void *library = NULL;
    for (size_t i = 0; i < RI_COUNTOF(library_names) && library == NULL; i++)
        library = ri_host_load_library(library_names[i], false, &error);
    return library != NULL && find_all(library);
}

typedef struct Server {
    const RiTool *tool;
    const char *path; /* of the control socket */
    unsigned port;
    char token[TOKEN_BYTES * 2 + 1];
} Server;

/* The body of a request, while it comes. */
typedef struct Body {
    char text[BODY_MAX];
    size_t size;
    bool too_long;
} Body;

/* -- Answers ---------------------------------------------------------------------------------------------------------
 */

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type, const char *text,
                               size_t size)
{
    struct MHD_Response *response =
        mhd.create_response_from_buffer(size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    mhd.add_response_header(response, "Content-Type", type);
    mhd.add_response_header(response, "Cache-Control", "no-store");
    mhd.add_response_header(response, "X-Content-Type-Options", "nosniff");
    mhd.add_response_header(response, "X-Frame-Options", "DENY");
    mhd.add_response_header(response, "Referrer-Policy", "no-referrer");
    mhd.add_response_header(
        response, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'");
    enum MHD_Result result = mhd.queue_response(connection, status, response);
    mhd.destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    char text[200];
    int size = snprintf(text, sizeof text, "{\"ok\": false, \"error\": \"refused\", \"message\": \"%s\"}\n", why);
    return respond(connection, status, "application/json", text, (size_t)size);
}

/* -- Who asks --------------------------------------------------------------------------------------------------------
 */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return mhd.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_own_host(const Server *server, const char *host)
{
    char numeric[40], named[40];
    snprintf(numeric, sizeof numeric, "127.0.0.1:%u", server->port);
    snprintf(named, sizeof named, "localhost:%u", server->port);
    return host != NULL && (strcmp(host, numeric) == 0 || strcmp(host, named) == 0);
}

/* In a time that does not depend on where they differ. */
static bool has_token(const Server *server, const char *token)
{
    unsigned char differs = 0;
    if (token == NULL || strlen(token) != sizeof server->token - 1)
        return false;
    for (size_t i = 0; i < sizeof server->token - 1; i++)
        differs |= (unsigned char)(token[i] ^ server->token[i]);
    return differs == 0;
}

/* NULL, or why it is refused. */
static const char *look_at(const Server *server, struct MHD_Connection *connection, bool needs_token)
{
    const char *origin = header(connection, "Origin"), *site = header(connection, "Sec-Fetch-Site");
    if (!is_own_host(server, header(connection, "Host")))
        return "another host was meant";
    if (origin != NULL && (strncmp(origin, "http://", 7) != 0 || !is_own_host(server, origin + 7)))
        return "asked for by a page from elsewhere";
    if (needs_token && site != NULL && strcmp(site, "same-origin") != 0)
        return "asked for by a page from elsewhere";
    if (needs_token && !has_token(server, header(connection, "X-Rille-Token")))
        return "the token is missing or wrong";
    return NULL;
}

/* -- Requests --------------------------------------------------------------------------------------------------------
 */

static enum MHD_Result pass_on(const Server *server, struct MHD_Connection *connection, const char *request)
{
    RiClient client = {
        .tool = server->tool, .command = "top", .path = server->path, .fd = ri_lineserver_connect(server->path)};
    const char *problem = "the machine has ended";
    char *answer = client.fd >= 0 ? ri_client_ask(&client, request, &problem) : NULL;
    ri_client_close(&client);
    enum MHD_Result result = answer != NULL
                                 ? respond(connection, MHD_HTTP_OK, "application/json", answer, strlen(answer))
                                 : refuse(connection, MHD_HTTP_BAD_GATEWAY, problem);
    free(answer);
    return result;
}

/* Only what is understood is passed on, and written anew. */
static enum MHD_Result kill_process(const Server *server, struct MHD_Connection *connection, const Body *body)
{
    json_t *object = json_loadb(body->text, body->size, 0, NULL);
    const json_t *pid = json_object_get(object, "pid");
    const char *signal = json_string_value(json_object_get(object, "signal"));
    const char *type = header(connection, "Content-Type");
    enum MHD_Result result;
    if (type == NULL || strncmp(type, "application/json", 16) != 0 || !json_is_integer(pid) || signal == NULL) {
        result = refuse(connection, MHD_HTTP_BAD_REQUEST, "JSON is needed: {pid, signal}");
    } else {
        json_t *request = json_pack("{s:s, s:I, s:s}", "op", "kill", "pid", json_integer_value(pid), "signal", signal);
        char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
        result = text != NULL ? pass_on(server, connection, text)
                              : refuse(connection, MHD_HTTP_BAD_REQUEST, "not understood");
        free(text);
        json_decref(request);
    }
    json_decref(object);
    return result;
}

static enum MHD_Result answer_get(const Server *server, struct MHD_Connection *connection, const char *url)
{
    static const struct {
        const char *url, *type, *text;
        size_t size;
    } files[] = {{"/", "text/html; charset=utf-8", page_html, sizeof page_html - 1},
                 {"/top.js", "text/javascript; charset=utf-8", page_js, sizeof page_js - 1},
                 {"/top.css", "text/css; charset=utf-8", page_css, sizeof page_css - 1}};
    bool asks = strcmp(url, "/api/ps") == 0;
    const char *why = look_at(server, connection, asks);
    if (why != NULL)
        return refuse(connection, MHD_HTTP_FORBIDDEN, why);
    if (asks)
        return pass_on(server, connection, "{\"op\": \"ps\", \"limit\": 2000}");
    for (size_t i = 0; i < RI_COUNTOF(files); i++) {
        if (strcmp(files[i].url, url) == 0)
            return respond(connection, MHD_HTTP_OK, files[i].type, files[i].text, files[i].size);
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, "no such page");
}

/* Called first without a body, then for each part of it, then once more. */
static enum MHD_Result on_request(void *argument, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *data_size,
                                  void **state)
{
    const Server *server = argument;
    Body *body = *state;
    (void)version;
    if (body == NULL) {
        *state = calloc(1, sizeof *body);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size > 0) {
        if (*data_size > sizeof body->text - body->size)
            body->too_long = true;
        else
            memcpy(body->text + body->size, data, *data_size), body->size += *data_size;
        *data_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0)
        return answer_get(server, connection, url);
    const char *why = look_at(server, connection, true);
    if (strcmp(method, "POST") != 0 || strcmp(url, "/api/kill") != 0)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "no such request");
    if (why != NULL)
        return refuse(connection, MHD_HTTP_FORBIDDEN, why);
    if (body->too_long)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too long");
    return kill_process(server, connection, body);
}

static void on_completed(void *argument, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)argument;
    (void)connection;
    (void)code;
    free(*state);
    *state = NULL;
}

/* -- The whole -------------------------------------------------------------------------------------------------------
 */

static bool make_token(Server *server)
{
    unsigned char bytes[TOKEN_BYTES];
    if (ri_host_random(bytes, sizeof bytes) != (int64_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(server->token + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

const char *ri_top_http_missing(void)
{
    return load_microhttpd() ? NULL : "top: --http is not possible: libmicrohttpd is not installed";
}

int ri_top_http(const RiTool *tool, const char *path, unsigned port)
{
    Server server = {.tool = tool, .path = path};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = NULL;
    if (make_token(&server))
        daemon = mhd.start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL, on_request, &server,
                                  MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED,
                                  on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_CONNECTION_TIMEOUT,
                                  30u, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = daemon != NULL ? mhd.get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        fprintf(stderr, "%s: top: cannot serve 127.0.0.1:%u\n", tool->name, port);
        return EXIT_FAILURE;
    }
    server.port = info->port;
    printf("http://127.0.0.1:%u/#%s\n", server.port, server.token);
    fflush(stdout);
    fprintf(stderr, "Open this address; it is for you alone, as who has it may end processes. Ctrl-C ends.\n");
    ri_host_sleep_for_ever();
}

#else

const char *ri_top_http_missing(void)
{
    return "top: --http is not possible, as rille was built without libmicrohttpd (HTTP) or jansson (JSON)";
}

int ri_top_http(const RiTool *tool, const char *path, unsigned port)
{
    (void)path;
    (void)port;
    ri_tool_message(tool, ri_top_http_missing());
    return EXIT_FAILURE;
}
#endif
