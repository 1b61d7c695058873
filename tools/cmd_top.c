/* `rille top`: the processes of a machine that runs, on a terminal, once a second. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/client.h"
#include "tools/help.h"
#include "vm/base/quantity.h"
#include "vm/host/host.h"
#include "vm/host/terminal.h"

#define HEAD_LINES 4
#define SCREEN_BYTES 65536

typedef struct Top {
    const RiTool *tool;
    const char *path;
    uint64_t delay_ns;
    bool once;     /* print one snapshot */
    int http_port; /* -1: no page */
    RiClient client;
    RiClientSnapshot now;
    RiClientOrder order;
    bool reverse;
    uint32_t selected; /* its pid; 0: the first row */
    size_t first_row;  /* of those shown */
    char message[120];
    double switch_rate, call_rate, cpu_share;
    int rows, columns;
    char screen[SCREEN_BYTES]; /* what is drawn at once */
    size_t size;
} Top;

/* -- The command line ------------------------------------------------------------------------------------------------
 */

static bool parse_port(const char *word, int *port)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);
    *port = (int)n;
    return *word >= '0' && *word <= '9' && *end == '\0' && n < 65536;
}

/* --http, --http=PORT, --http PORT */
static bool take_http(Top *top, int *i)
{
    const RiTool *tool = top->tool;
    const char *word = tool->argv[*i];
    top->http_port = 0;
    if (word[6] == '=')
        return parse_port(word + 7, &top->http_port);
    int port;
    if (*i + 1 < tool->argc && parse_port(tool->argv[*i + 1], &port)) {
        top->http_port = port;
        ++*i;
    }
    return true;
}

static int parse(Top *top, int first)
{
    const RiTool *tool = top->tool;
    for (int i = first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "--once") == 0) {
            top->once = true;
        } else if (strncmp(word, "--http", 6) == 0 && (word[6] == '\0' || word[6] == '=')) {
            if (!take_http(top, &i))
                return ri_help_complain(tool, "top", "no port:", word);
        } else if (strcmp(word, "-d") == 0) {
            if (i + 1 >= tool->argc || !ri_parse_duration(tool->argv[++i], &top->delay_ns) || top->delay_ns < 50000000)
                return ri_help_complain(tool, "top", "-d needs a time of at least 50ms", NULL);
        } else if (word[0] == '-' || top->path != NULL) {
            return ri_help_complain(tool, "top", "unexpected", word);
        } else {
            top->path = word;
        }
    }
    return 0;
}

/* -- Drawing ---------------------------------------------------------------------------------------------------------
 */

static void put(Top *top, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(top->screen + top->size, sizeof top->screen - top->size, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof top->screen - top->size)
        top->size += (size_t)size;
}

/* One line of the screen, cut to its width. */
static void put_line(Top *top, const char *style, const char *text)
{
    put(top, "%s%.*s\033[K%s\r\n", style, top->columns, text, *style != '\0' ? "\033[0m" : "");
}

static void put_head(Top *top)
{
    char text[300];
    unsigned running = 0;
    for (size_t i = 0; i < top->now.count; i++)
        running += strcmp(top->now.rows[i].state, "running") == 0 || strcmp(top->now.rows[i].state, "ready") == 0;
    snprintf(text, sizeof text, "rille top: %s, host process %u", top->client.path, top->now.host_pid);
    put_line(top, "\033[1m", text);
    snprintf(text, sizeof text, "%u processes, %u want to run; cpu %.0f %%, %.0f switches/s, %.0f calls/s; by %s%s",
             top->now.processes, running, top->cpu_share * 100, top->switch_rate, top->call_rate,
             ri_client_orders[top->order], top->reverse ? ", reversed" : "");
    put_line(top, "", text);
    put_line(top, "\033[33m", top->message);
    snprintf(text, sizeof text, "%6s %6s %-8s %3s %6s %9s %7s %7s %8s %9s %8s  %s", "PID", "PARENT", "STATE", "THR",
             "CPU%", "TIME", "MEMORY", "PAGES", "FAULTS", "CALLS", "CALLS/s", "NAME");
    put_line(top, "\033[7m", text);
}

static void put_row(Top *top, const RiClientRow *row)
{
    char text[400], memory[16], pages[16];
    snprintf(text, sizeof text, "%6u %6u %-8s %3u %6.1f %9.2f %7s %7s %8llu %9llu %8.0f  %s", row->pid, row->parent,
             row->state, row->threads, row->cpu_share * 100, row->cpu, ri_client_size_text(row->memory, memory),
             ri_client_size_text(row->pages, pages), (unsigned long long)row->faults, (unsigned long long)row->calls,
             row->call_rate, row->name);
    put_line(top, row->pid == top->selected ? "\033[30;46m" : "", text);
}

/* Where the selected process stands; the first if it has gone. */
static size_t selected_index(Top *top)
{
    for (size_t i = 0; i < top->now.count; i++) {
        if (top->now.rows[i].pid == top->selected)
            return i;
    }
    top->selected = top->now.count > 0 ? top->now.rows[0].pid : 0;
    return 0;
}

static void draw(Top *top)
{
    ri_terminal_size(&top->rows, &top->columns);
    size_t room = top->rows > HEAD_LINES + 1 ? (size_t)top->rows - HEAD_LINES - 1 : 1, at = selected_index(top);
    if (at < top->first_row)
        top->first_row = at;
    else if (at >= top->first_row + room)
        top->first_row = at + 1 - room;
    top->size = 0;
    put(top, "\033[H");
    put_head(top);
    for (size_t i = top->first_row; i < top->now.count && i < top->first_row + room; i++)
        put_row(top, &top->now.rows[i]);
    put(top, "\033[J\033[%d;1H\033[2m%.*s\033[0m", top->rows, top->columns - 1,
        "up/down select  k signal  K kill  s stop  c continue  sort: P cpu T time M memory F faults C calls N name I "
        "pid  r reverse  q quit");
    fwrite(top->screen, 1, top->size, stdout);
    fflush(stdout);
}

/* -- What happens ----------------------------------------------------------------------------------------------------
 */

static bool refresh(Top *top, const char **problem)
{
    RiClientSnapshot fresh;
    if (!ri_client_snapshot(&top->client, &top->now, &fresh, problem))
        return false;
    double passed = top->now.rows != NULL ? fresh.clock - top->now.clock : 0;
    top->switch_rate = passed > 0 ? (double)(fresh.switches - top->now.switches) / passed : 0;
    top->call_rate = passed > 0 ? (double)(fresh.calls - top->now.calls) / passed : 0;
    top->cpu_share = 0;
    for (size_t i = 0; i < fresh.count; i++)
        top->cpu_share += passed > 0 ? fresh.rows[i].cpu_share : 0;
    ri_client_forget(&top->now);
    top->now = fresh;
    ri_client_sort(&top->now, top->order, top->reverse);
    return true;
}

static void send_signal(Top *top, const char *signal)
{
    const char *problem;
    uint32_t pid = top->selected;
    if (pid == 0)
        return;
    if (ri_client_kill(&top->client, pid, signal, &problem))
        snprintf(top->message, sizeof top->message, "sent %s to process %u", signal, pid);
    else
        snprintf(top->message, sizeof top->message, "process %u: %s", pid, problem);
}

/* Ask for a signal's name in the line of messages; nothing is sent after Escape. */
static void ask_signal(Top *top)
{
    char name[16] = "";
    size_t size = 0;
    for (;;) {
        snprintf(top->message, sizeof top->message, "signal to process %u (TERM): %s_", top->selected, name);
        draw(top);
        int key = ri_terminal_key(60000);
        if (key == '\r' || key == '\n')
            break;
        if (key == 27 || key == RI_KEY_NONE) {
            top->message[0] = '\0';
            return;
        }
        if ((key == 127 || key == 8) && size > 0)
            name[--size] = '\0';
        else if (key > ' ' && key < 127 && size + 1 < sizeof name) {
            name[size++] = (char)key;
            name[size] = '\0';
        }
    }
    send_signal(top, size > 0 ? name : "TERM");
}

static void move_to(Top *top, size_t index)
{
    if (top->now.count > 0)
        top->selected = top->now.rows[index < top->now.count ? index : top->now.count - 1].pid;
}

static void set_order(Top *top, RiClientOrder order)
{
    top->order = order;
    ri_client_sort(&top->now, order, top->reverse);
}

static bool is_order_key(int key, RiClientOrder *order)
{
    static const char keys[] = "IPTMFCNS"; /* in the order of RiClientOrder */
    const char *at = key > ' ' && key < 127 ? strchr(keys, key) : NULL;
    if (at != NULL)
        *order = (RiClientOrder)(at - keys);
    return at != NULL;
}

/* False: leave. */
static bool on_key(Top *top, int key)
{
    RiClientOrder order;
    size_t at = selected_index(top), page = top->rows > HEAD_LINES + 2 ? (size_t)top->rows - HEAD_LINES - 2 : 1;
    if (is_order_key(key, &order)) {
        set_order(top, order);
        return true;
    }
    switch (key) {
    case 'q':
        return false;
    case RI_KEY_UP:
        move_to(top, at > 0 ? at - 1 : 0);
        break;
    case RI_KEY_DOWN:
        move_to(top, at + 1);
        break;
    case RI_KEY_PAGE_UP:
        move_to(top, at > page ? at - page : 0);
        break;
    case RI_KEY_PAGE_DOWN:
        move_to(top, at + page);
        break;
    case RI_KEY_HOME:
        move_to(top, 0);
        break;
    case RI_KEY_END:
        move_to(top, top->now.count);
        break;
    case 'k':
        ask_signal(top);
        break;
    case 'K':
        send_signal(top, "KILL");
        break;
    case 's':
        send_signal(top, "STOP");
        break;
    case 'c':
        send_signal(top, "CONT");
        break;
    case 'r':
        top->reverse = !top->reverse;
        set_order(top, top->order);
        break;
    default:
        break;
    }
    return true;
}

static int run_on_terminal(Top *top)
{
    const char *problem = NULL;
    if (!ri_terminal_begin()) {
        ri_tool_message(top->tool, "top: standard input and output are no terminal; --once prints the table");
        return EXIT_FAILURE;
    }
    bool goes_on = true;
    while (goes_on && refresh(top, &problem)) {
        uint64_t end_ns = ri_host_monotonic_ns() + top->delay_ns;
        for (uint64_t now = 0; goes_on && now < end_ns; now = ri_host_monotonic_ns()) {
            draw(top);
            int key = ri_terminal_key((int)((end_ns - (now > 0 ? now : end_ns - top->delay_ns)) / 1000000) + 1);
            goes_on = on_key(top, key);
            if (key == ' ' || key == 'K' || key == 'k' || key == 's' || key == 'c')
                break; /* look at once */
        }
    }
    ri_terminal_end();
    if (problem != NULL)
        fprintf(stderr, "%s: top: %s\n", top->tool->name, problem);
    return EXIT_SUCCESS;
}

static int print_once(Top *top)
{
    const char *problem;
    if (!refresh(top, &problem)) {
        fprintf(stderr, "%s: top: %s\n", top->tool->name, problem);
        return EXIT_FAILURE;
    }
    top->columns = 200;
    put_head(top);
    for (size_t i = 0; i < top->now.count; i++)
        put_row(top, &top->now.rows[i]);
    for (char *at = top->screen; *at != '\0'; at++) { /* without the escapes of put_line */
        if (*at == 27) {
            while (*at != 'm' && *at != 'K')
                at++;
        } else if (*at != '\r') {
            putchar(*at);
        }
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int ri_cmd_top(RiTool *tool, int first)
{
    Top *top = calloc(1, sizeof *top);
    if (top == NULL)
        return EXIT_FAILURE;
    *top = (Top){.tool = tool, .delay_ns = 1000000000, .http_port = -1, .order = RI_ORDER_CPU, .client.fd = -1};
    int status = parse(top, first);
    if (status == 0 && top->http_port >= 0 && ri_top_http_missing() != NULL) {
        ri_tool_message(tool, ri_top_http_missing());
        status = EXIT_FAILURE;
    } else if (status == 0 && !ri_client_open(&top->client, tool, "top", top->path)) {
        status = EXIT_FAILURE;
    } else if (status == 0 && top->http_port >= 0) {
        status = ri_top_http(tool, top->client.path, (unsigned)top->http_port);
    } else if (status == 0) {
        status = top->once ? print_once(top) : run_on_terminal(top);
    }
    ri_client_close(&top->client);
    ri_client_forget(&top->now);
    free(top);
    return status;
}
