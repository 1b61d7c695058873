/* `rille dap`: the session of the Debug Adapter Protocol. What it is made of: dap.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/debugger.h"
#include "tools/help.h"

#ifdef HAVE_JANSSON

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/dap.h"

#define END_PATIENCE_S 3 /* with a program that is to end */

/* -- The end ----------------------------------------------------------------------------------------------------------- */

/* The program is over: tell so, once. */
static void tell_end(Dap *dap, int status)
{
    if (dap->has_ended)
        return;
    dap->has_ended = true;
    dap->is_running = dap->is_stopped = false;
    ri_dap_drain_output(&dap->wire);
    ri_dap_event(&dap->wire, "exited", json_pack("{s:i}", "exitCode", status));
    ri_dap_event(&dap->wire, "terminated", NULL);
}

/* After the program's end: until the client leaves. */
static void wait_for_end(Dap *dap)
{
    json_t *request;
    while (!dap->wants_end && (request = ri_dap_take(&dap->wire, true)) != NULL) {
        const char *command = json_string_value(json_object_get(request, "command"));
        if (strcmp(command, "disconnect") == 0 || strcmp(command, "terminate") == 0) {
            ri_dap_handle(dap, request);
        } else if (strcmp(command, "threads") == 0) {
            ri_dap_respond(&dap->wire, request, json_pack("{s:[]}", "threads"));
        } else {
            ri_dap_refuse(&dap->wire, request, "%.200s: the program has ended", command);
        }
        json_decref(request);
    }
}

/* on_exit: the program has ended the host process itself. */
static void at_exit(int status, void *context)
{
    Dap *dap = context;
    if (!dap->is_launched || !dap->is_configured || dap->has_ended)
        return;
    tell_end(dap, status);
    wait_for_end(dap);
}

static RI_NORETURN void end_now(Dap *dap)
{
    dap->debug.is_ending = true;
    tell_end(dap, 0);
    _exit(0);
}

/* -- Messages and events ------------------------------------------------------------------------------------------------ */

/* All that has come. */
static void handle_all(Dap *dap)
{
    json_t *request;
    while ((request = ri_dap_take(&dap->wire, false)) != NULL) {
        ri_dap_handle(dap, request);
        json_decref(request);
    }
    if (dap->wants_end || dap->wire.is_over)
        end_now(dap);
}

static void on_served(RiDebug *d, RiThread *T)
{
    Dap *dap = d->front;
    dap->T = T;
    handle_all(dap);
    if (dap->wants_pause) {
        dap->wants_pause = false;
        ri_debug_ask(d, false);
    }
}

static const char *reason_text(const RiDebugStop *how)
{
    switch (how->reason) {
    case RI_DEBUG_ENTRY:
        return "entry";
    case RI_DEBUG_BREAKPOINT:
        return how->point->function != NULL ? "function breakpoint" : "breakpoint";
    case RI_DEBUG_PAUSE:
        return "pause";
    case RI_DEBUG_ERROR:
        return "exception";
    case RI_DEBUG_SIGNAL:
        return "signal";
    case RI_DEBUG_WATCH:
    case RI_DEBUG_MEMORY:
        return "data breakpoint";
    default:
        return "step";
    }
}

static int id_of(Dap *dap, const RiThread *T)
{
    (void)dap;
    uint32_t pid = T->process->proc != NULL ? T->process->proc->pid : 0;
    return (int)(pid * 1000000u + T->serial % 1000000u);
}

static void on_stop(RiDebug *d, const RiDebugStop *how)
{
    Dap *dap = d->front;
    json_t *body = json_pack("{s:s, s:i, s:b}", "reason", reason_text(how), "threadId", id_of(dap, how->T), "allThreadsStopped", 1);
    json_t *text = how->text != NULL ? json_string(how->text) : NULL;
    if (text != NULL) {
        json_object_set_new(body, "description", json_string(how->reason == RI_DEBUG_ERROR ? "error" : how->text));
        json_object_set_new(body, "text", text);
    }
    if (how->point != NULL)
        json_object_set_new(body, "hitBreakpointIds", json_pack("[i]", how->point->id));
    ri_dap_drain_output(&dap->wire); /* what the program has written before comes before */
    dap->T = how->T;
    dap->how = how;
    dap->is_stopped = true;
    dap->is_running = dap->goes_on = false;
    ri_dap_event(&dap->wire, "stopped", body);
    while (!dap->goes_on) {
        json_t *request = ri_dap_take(&dap->wire, true);
        if (request == NULL)
            end_now(dap);
        ri_dap_handle(dap, request);
        json_decref(request);
        if (dap->wants_end)
            end_now(dap);
    }
    dap->is_stopped = false;
    dap->is_running = true;
    dap->how = NULL;
    ri_dap_forget(dap);
    ri_debug_ask(d, true); /* what has come since is looked at soon */
}

static void on_log(RiDebug *d, RiThread *T, const RiDebugPoint *point, const char *text)
{
    Dap *dap = d->front;
    (void)T;
    json_t *output = json_sprintf("%s\n", text);
    if (output == NULL)
        output = json_string("(a log message that is no UTF-8)\n");
    json_t *body = json_pack("{s:s, s:o}", "category", "console", "output", output);
    if (point->file != NULL)
        json_object_set_new(body, "line", json_integer(point->bound));
    ri_dap_event(&dap->wire, "output", body);
}

static void on_bound(RiDebug *d, const RiDebugPoint *point)
{
    Dap *dap = d->front;
    json_t *breakpoint = json_pack("{s:i, s:b, s:i}", "id", point->id, "verified", 1, "line", point->bound);
    if (point->is_told || point->bound > 0)
        ri_dap_event(&dap->wire, "breakpoint", json_pack("{s:s, s:o}", "reason", "changed", "breakpoint", breakpoint));
    else
        json_decref(breakpoint);
}

static void on_loaded(RiDebug *d, const RiProto *main)
{
    Dap *dap = d->front;
    json_t *source = ri_dap_source(dap, main);
    if (source != NULL)
        ri_dap_event(&dap->wire, "loadedSource", json_pack("{s:s, s:o}", "reason", "new", "source", source));
}

/* From the reader's thread. A program that does not come to a safe point cannot keep a session alive. */
static void on_message(void *context)
{
    Dap *dap = context;
    if (dap->is_running && !dap->has_ended)
        ri_debug_ask(&dap->debug, true);
    if (dap->wire.is_over && dap->is_running) {
        sleep(END_PATIENCE_S);
        _exit(dap->wire.is_bad);
    }
}

/* -- The session --------------------------------------------------------------------------------------------------------- */

/* Until the program can be run. False: the client has left. */
static bool configure(Dap *dap)
{
    while (!dap->is_launched || !dap->is_configured) {
        json_t *request = ri_dap_take(&dap->wire, true);
        if (request == NULL)
            return false;
        ri_dap_handle(dap, request);
        json_decref(request);
        if (dap->wants_end)
            return false;
    }
    return true;
}

static int run_program(Dap *dap)
{
    RiTool *tool = dap->tool;
    dap->words[dap->word_count] = NULL;
    tool->argc = dap->word_count;
    tool->argv = dap->words;
    tool->on_machine = ri_debug_attach;
    tool->on_machine_argument = &dap->debug;
    tool->on_close = ri_debug_detach;
    dap->is_running = true;
    dap->debug.wants_service = true; /* what has come until now is looked at soon */
    on_exit(at_exit, dap);
    int status = ri_cmd_run(tool, 1);
    dap->debug.heap = NULL; /* gone */
    tell_end(dap, status);
    return status;
}

/* One client on a port of this machine. False: a message has been printed. */
static bool accept_client(const RiTool *tool, Dap *dap, const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (*end != '\0' || port[0] == '\0' || number > 65535) {
        fprintf(stderr, "%s: dap: '%s' is no port\n", tool->name, port);
        return false;
    }
    address.sin_port = htons((uint16_t)number);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        perror("rille: dap");
        return false;
    }
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    int client = accept(fd, NULL, NULL);
    fcntl(client, F_SETFD, FD_CLOEXEC);
    close(fd);
    dap->wire.in = dap->wire.out = client;
    return client >= 0;
}

/* The protocol has standard input and output; the program gets nothing to read, and writes to us. */
static bool take_standard_streams(Dap *dap)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dap->wire.in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    dap->wire.out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    return null >= 0 && dap->wire.in >= 0 && dap->wire.out >= 0 && dup2(null, STDIN_FILENO) >= 0;
}

int ri_cmd_dap(RiTool *tool, int first)
{
    const char *port = NULL;
    if (first < tool->argc && strcmp(tool->argv[first], "--port") == 0 && first + 1 < tool->argc)
        port = tool->argv[first + 1];
    if (first < tool->argc && (port == NULL || first + 2 < tool->argc))
        return ri_help_complain(tool, "dap", "unknown word", tool->argv[port == NULL ? first : first + 2]);
    Dap *dap = calloc(1, sizeof *dap);
    if (dap == NULL)
        return EXIT_FAILURE;
    dap->tool = tool;
    dap->debug = (RiDebug){.tool = tool, .front = dap, .stopped = on_stop, .logged = on_log, .bound = on_bound, .loaded = on_loaded,
                           .served = on_served, .catches_uncaught = true};
    dap->wire.on_message = on_message;
    dap->wire.context = dap;
    if (!(port != NULL ? accept_client(tool, dap, port) : take_standard_streams(dap)))
        return EXIT_FAILURE;
    if (!ri_dap_wire_start(&dap->wire) || !ri_dap_capture_output(&dap->wire))
        return EXIT_FAILURE;
    if (configure(dap)) {
        run_program(dap);
        wait_for_end(dap);
    }
    int status = dap->wire.is_bad;
    fflush(NULL);
    _exit(status); /* the other threads have no end */
}

#else

int ri_cmd_dap(RiTool *tool, int first)
{
    (void)first;
    fprintf(stderr, "%s: dap: this rille was built without JSON: install libjansson-dev, then configure and make again\n", tool->name);
    return EXIT_FAILURE;
}

#endif
