/* Connections to control sockets: see client.h. */
#include "tools/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/files.h"
#include "vm/host/lineserver.h"

#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

#define TIMEOUT_MS 5000
#define LISTED "5000" /* processes in a snapshot */

const char *const ri_client_orders[RI_ORDER_COUNT] = {"pid",    "cpu",   "time", "memory",
                                                      "faults", "calls", "name", "state"};

const char *ri_client_missing(void)
{
#ifdef HAVE_JANSSON
    return NULL;
#else
    return "not possible, as rille was built without jansson (JSON)";
#endif
}

bool ri_client_open(RiClient *client, const RiTool *tool, const char *command, const char *path)
{
    const char *missing = ri_client_missing();
    char text[400];
    *client =
        (RiClient){.tool = tool, .command = command, .path = path != NULL ? path : getenv("RILLE_CONTROL"), .fd = -1};
    if (missing == NULL && client->path == NULL)
        missing = "which machine? Name the socket that it was started with (--control), here or in RILLE_CONTROL";
    if (missing == NULL)
        client->fd = ri_lineserver_connect(client->path);
    if (client->fd >= 0)
        return true;
    if (missing != NULL)
        snprintf(text, sizeof text, "%s: %s", command, missing);
    else
        snprintf(text, sizeof text, "%s: cannot connect to %.200s: %s", command, client->path,
                 client->fd == -ECONNREFUSED ? "the machine has ended" : strerror(-client->fd));
    ri_tool_message(tool, text);
    return false;
}

void ri_client_close(RiClient *client)
{
    if (client->fd >= 0)
        ri_host_fd_close(client->fd);
    client->fd = -1;
}

char *ri_client_ask(RiClient *client, const char *request, const char **problem)
{
    char *answer = ri_lineserver_ask(client->fd, request, TIMEOUT_MS);
    if (answer == NULL)
        *problem = errno == EPIPE || errno == ECONNRESET ? "the machine has ended" : strerror(errno);
    return answer;
}

void ri_client_forget(RiClientSnapshot *snapshot)
{
    free(snapshot->rows);
    *snapshot = (RiClientSnapshot){0};
}

const char *ri_client_size_text(uint64_t bytes, char out[16])
{
    static const char units[] = "BKMGTP";
    double size = (double)bytes;
    int unit = 0;
    while (size >= 999.5 && unit < 5) {
        size /= 1024;
        unit++;
    }
    snprintf(out, 16, size < 10 && unit > 0 ? "%.1f%c" : "%.0f%c", size, units[unit]);
    return out;
}

/* -- Order -----------------------------------------------------------------------------------------------------------
 */

static double key_of(const RiClientRow *row, RiClientOrder order)
{
    switch (order) {
    case RI_ORDER_CPU:
        return row->cpu_share;
    case RI_ORDER_TIME:
        return row->cpu;
    case RI_ORDER_MEMORY:
        return (double)row->memory;
    case RI_ORDER_FAULTS:
        return (double)row->faults;
    case RI_ORDER_CALLS:
        return (double)row->calls;
    default:
        return -(double)row->pid;
    }
}

typedef struct Order {
    RiClientOrder order;
    bool reverse;
} Order;

/* Most first; names and states from A to Z. Equals by their numbers. */
static int compare(const void *a, const void *b, void *argument)
{
    const RiClientRow *x = a, *y = b;
    const Order *order = argument;
    int result = 0;
    if (order->order == RI_ORDER_NAME)
        result = strcmp(x->name, y->name);
    else if (order->order == RI_ORDER_STATE)
        result = strcmp(x->state, y->state);
    else if (key_of(x, order->order) != key_of(y, order->order))
        result = key_of(x, order->order) > key_of(y, order->order) ? -1 : 1;
    if (result == 0)
        result = x->pid < y->pid ? -1 : x->pid > y->pid;
    return order->reverse ? -result : result;
}

/* A merge sort: qsort passes no argument. */
static void sort_rows(RiClientRow *rows, RiClientRow *scratch, size_t count, Order *order)
{
    if (count < 2)
        return;
    size_t half = count / 2, i = 0, j = half;
    sort_rows(rows, scratch, half, order);
    sort_rows(rows + half, scratch, count - half, order);
    for (size_t k = 0; k < count; k++) {
        bool left = j == count || (i < half && compare(&rows[i], &rows[j], order) <= 0);
        scratch[k] = left ? rows[i++] : rows[j++];
    }
    memcpy(rows, scratch, count * sizeof *rows);
}

void ri_client_sort(RiClientSnapshot *snapshot, RiClientOrder order, bool reverse)
{
    Order how = {order, reverse};
    RiClientRow *scratch = calloc(snapshot->count + 1, sizeof *scratch);
    if (scratch != NULL)
        sort_rows(snapshot->rows, scratch, snapshot->count, &how);
    free(scratch);
}

#ifdef HAVE_JANSSON

/* -- Answers ---------------------------------------------------------------------------------------------------------
 */

static uint64_t number(const json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));
    return n > 0 ? (uint64_t)n : 0;
}

static void copy_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(out, size, "%s", text != NULL ? text : "?");
    for (char *at = out; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?'; /* nothing that a terminal would obey */
    }
}

static void read_row(const json_t *object, RiClientRow *row)
{
    *row = (RiClientRow){.pid = (uint32_t)number(object, "pid"),
                         .parent = (uint32_t)number(object, "parent"),
                         .threads = (uint32_t)number(object, "threads"),
                         .priority = (uint32_t)number(object, "priority"),
                         .cpu = json_number_value(json_object_get(object, "cpu")),
                         .elapsed = json_number_value(json_object_get(object, "elapsed")),
                         .memory = number(object, "memory"),
                         .pages = number(object, "pages"),
                         .faults = number(object, "faults"),
                         .calls = number(object, "calls"),
                         .switches = number(object, "switches"),
                         .signals = number(object, "signals"),
                         .messages = number(object, "messages")};
    copy_text(object, "name", row->name, sizeof row->name);
    copy_text(object, "state", row->state, sizeof row->state);
}

/* Rows of `before` and of `now` are in the order of their numbers here. */
static void add_rates(const RiClientSnapshot *before, RiClientSnapshot *now)
{
    double passed = before != NULL && before->count > 0 ? now->clock - before->clock : 0;
    size_t j = 0;
    for (size_t i = 0; i < now->count; i++) {
        RiClientRow *row = &now->rows[i];
        while (passed > 0 && j < before->count && before->rows[j].pid < row->pid)
            j++;
        if (passed > 0 && j < before->count && before->rows[j].pid == row->pid) {
            row->cpu_share = (row->cpu - before->rows[j].cpu) / passed;
            row->call_rate = (double)(row->calls - before->rows[j].calls) / passed;
        } else if (row->elapsed > 0) {
            row->cpu_share = row->cpu / row->elapsed;
            row->call_rate = (double)row->calls / row->elapsed;
        }
    }
}

static bool read_snapshot(const json_t *answer, RiClientSnapshot *out)
{
    const json_t *list = json_object_get(answer, "processes"), *machine = json_object_get(answer, "machine");
    size_t i;
    json_t *object;
    *out = (RiClientSnapshot){.processes = (uint32_t)number(machine, "processes"),
                              .host_pid = (uint32_t)number(machine, "host_pid"),
                              .switches = number(machine, "switches"),
                              .calls = number(machine, "calls"),
                              .made = number(machine, "made"),
                              .clock = json_number_value(json_object_get(machine, "clock"))};
    out->rows = calloc(json_array_size(list) + 1, sizeof *out->rows);
    if (out->rows == NULL)
        return false;
    json_array_foreach(list, i, object) read_row(object, &out->rows[out->count++]);
    return true;
}

/* Ask, and see whether the answer is that all is well; NULL: *problem. What it says must not outlive `text`. */
static json_t *ask(RiClient *client, const char *request, const char **problem)
{
    char *text = ri_client_ask(client, request, problem);
    json_t *answer = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (text != NULL && answer == NULL)
        *problem = "the answer is not understood";
    free(text);
    if (answer == NULL || json_is_true(json_object_get(answer, "ok")))
        return answer;
    const char *error = json_string_value(json_object_get(answer, "error"));
    bool gone = error != NULL && strcmp(error, "gone") == 0, busy = error != NULL && strcmp(error, "busy") == 0;
    *problem = gone ? "no such process" : busy ? "the machine is busy and does not answer" : "no such signal";
    json_decref(answer);
    return NULL;
}

bool ri_client_snapshot(RiClient *client, const RiClientSnapshot *before, RiClientSnapshot *out, const char **problem)
{
    RiClientSnapshot sorted = {0};
    json_t *answer = ask(client, "{\"op\": \"ps\", \"limit\": " LISTED "}", problem);
    if (answer == NULL)
        return false;
    bool ok = read_snapshot(answer, out);
    json_decref(answer);
    if (!ok) {
        *problem = "not enough memory";
        return false;
    }
    ri_client_sort(out, RI_ORDER_PID, false);
    if (before != NULL && before->count > 0) {
        sorted = *before;
        sorted.rows = malloc(before->count * sizeof *before->rows);
        if (sorted.rows != NULL) {
            memcpy(sorted.rows, before->rows, before->count * sizeof *before->rows);
            ri_client_sort(&sorted, RI_ORDER_PID, false);
        }
    }
    add_rates(sorted.rows != NULL ? &sorted : NULL, out);
    free(sorted.rows);
    return true;
}

bool ri_client_kill(RiClient *client, uint32_t pid, const char *signal, const char **problem)
{
    json_t *request = json_pack("{s:s, s:I, s:s}", "op", "kill", "pid", (json_int_t)pid, "signal", signal);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_t *answer = NULL;
    *problem = "no such signal";
    if (text != NULL)
        answer = ask(client, text, problem);
    bool ok = answer != NULL;
    free(text);
    json_decref(request);
    json_decref(answer);
    return ok;
}

#else

bool ri_client_snapshot(RiClient *client, const RiClientSnapshot *before, RiClientSnapshot *out, const char **problem)
{
    (void)client;
    (void)before;
    (void)out;
    *problem = ri_client_missing();
    return false;
}

bool ri_client_kill(RiClient *client, uint32_t pid, const char *signal, const char **problem)
{
    (void)client;
    (void)pid;
    (void)signal;
    *problem = ri_client_missing();
    return false;
}
#endif
