/* What ps, kill and top share: a connection to the control socket of a machine, and its processes as rows. */
#ifndef RI_TOOLS_CLIENT_H
#define RI_TOOLS_CLIENT_H

#include "tools/tool.h"

typedef struct RiClientRow {
    uint32_t pid, parent, threads, priority;
    char name[96], state[12];
    double cpu, elapsed;         /* seconds */
    uint64_t memory, pages, faults, calls, switches, signals, messages;
    double cpu_share, call_rate; /* since the snapshot before: of one processor, 0 … 1; calls a second */
} RiClientRow;

typedef struct RiClientSnapshot {
    RiClientRow *rows;
    size_t count;
    uint32_t processes, host_pid; /* all there are; `rows` may be fewer */
    uint64_t switches, calls, made;
    double clock;                 /* seconds of the machine's clock */
} RiClientSnapshot;

typedef struct RiClient {
    const RiTool *tool;
    const char *command, *path;
    int fd;
} RiClient;

/* The path of the socket: `path`, or RILLE_CONTROL. Connects; false: a message has been printed. */
bool ri_client_open(RiClient *client, const RiTool *tool, const char *command, const char *path);
void ri_client_close(RiClient *client);
/* Why a command that needs JSON cannot do anything; NULL if it can. */
const char *ri_client_missing(void);

/* The answer to a request, malloc'ed; NULL: *problem says why. */
char *ri_client_ask(RiClient *client, const char *request, const char **problem);

typedef enum RiClientOrder {
    RI_ORDER_PID, RI_ORDER_CPU, RI_ORDER_TIME, RI_ORDER_MEMORY, RI_ORDER_FAULTS, RI_ORDER_CALLS, RI_ORDER_NAME, RI_ORDER_STATE,
    RI_ORDER_COUNT
} RiClientOrder;
extern const char *const ri_client_orders[RI_ORDER_COUNT]; /* "pid", "cpu", … */

/* Take a snapshot, with rates against `before` (may be NULL). False: *problem. */
bool ri_client_snapshot(RiClient *client, const RiClientSnapshot *before, RiClientSnapshot *out, const char **problem);
void ri_client_sort(RiClientSnapshot *snapshot, RiClientOrder order, bool reverse);
void ri_client_forget(RiClientSnapshot *snapshot);

/* Send a signal. False: *problem. */
bool ri_client_kill(RiClient *client, uint32_t pid, const char *signal, const char **problem);

/* "12.3M", "1.2k": at most six columns. */
const char *ri_client_size_text(uint64_t bytes, char out[16]);

/* Why there is no page of the web; NULL if there is. */
const char *ri_top_http_missing(void);
/* The same machine as a page of the web, on a port of 127.0.0.1 (0: any). Runs until it is ended; returns an exit status. */
int ri_top_http(const RiTool *tool, const char *path, unsigned port);

#endif
