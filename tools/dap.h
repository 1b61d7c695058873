/* The Debug Adapter Protocol: messages in and out (dap_wire.c), what they ask for (dap_requests.c, dap_variables.c), the session
 * (cmd_dap.c).
 *
 * A reader thread takes messages from the client and puts them into a queue; the program's thread answers all of them, while
 * it stands still, or at a safe point. Another thread turns what the program writes into output events. */
#ifndef RI_TOOLS_DAP_H
#define RI_TOOLS_DAP_H

#include <jansson.h>
#include <pthread.h>

#include "tools/debugger.h"

typedef struct DapMessage {
    struct DapMessage *next;
    json_t *json;
} DapMessage;

typedef struct DapWire {
    int in, out;              /* descriptors of the client */
    int pipes[2];             /* the program's standard output and error, to be read */
    pthread_mutex_t lock;     /* of the queue and of writing */
    pthread_cond_t arrived;
    DapMessage *first, **last;
    bool is_over;             /* the client has gone, or sends no protocol */
    bool is_bad;
    int seq;
    void (*on_message)(void *context); /* from the reader's thread: there is something in the queue */
    void *context;
} DapWire;

typedef enum DapRefKind { DAP_LOCALS, DAP_UPVALUES, DAP_GLOBALS, DAP_VALUE } DapRefKind;

typedef struct DapRef { /* what a variablesReference stands for, until the program goes on */
    RiValue value;
    RiThread *thread;
    int level;
    DapRefKind kind;
} DapRef;

#define DAP_REFS_MAX 100000

typedef struct Dap {
    RiDebug debug;
    DapWire wire;
    RiTool *tool;
    RiThread *T;              /* while it stands still: on which code can be run */
    bool is_stopped, is_running, goes_on, wants_pause, is_launched, is_configured, has_ended, wants_end;
    const RiDebugStop *how;
    DapRef *refs;             /* a root; index + 1 is the reference */
    uint32_t ref_count, ref_capacity;
    DapRef *frames;           /* a root; index + 1 is the frame's id */
    uint32_t frame_count, frame_capacity;
    RiString **sources;       /* chunks that are no files; a root; index + 1 is the sourceReference */
    uint32_t source_count, source_capacity;
    char **words;             /* the command line of the program, of the launch request */
    int word_count;
    int exit_status;
} Dap;

/* -- dap_wire.c --------------------------------------------------------------------------------------------------------- */
/* Start the threads. False: none to be had. */
bool ri_dap_wire_start(DapWire *w);
/* The next message, or NULL: none is there, or (wait) none will ever come. To be released by the caller. */
json_t *ri_dap_take(DapWire *w, bool wait);
/* Send an event or a response; `body` is taken over, NULL: none. */
void ri_dap_event(DapWire *w, const char *event, json_t *body);
void ri_dap_respond(DapWire *w, const json_t *request, json_t *body);
void ri_dap_refuse(DapWire *w, const json_t *request, const char *format, ...) RI_PRINTF(3, 4);
/* The program's output goes to the client from now on; wait until all of it has. */
bool ri_dap_capture_output(DapWire *w);
void ri_dap_drain_output(DapWire *w);

/* -- dap_variables.c ---------------------------------------------------------------------------------------------------- */
void ri_dap_forget(Dap *dap); /* frames and references */
int ri_dap_add_frame(Dap *dap, RiThread *thread, int level);
bool ri_dap_frame(const Dap *dap, json_int_t id, RiThread **thread, int *level);
void ri_dap_scopes(Dap *dap, const json_t *request, const json_t *arguments);
void ri_dap_variables(Dap *dap, const json_t *request, const json_t *arguments);
void ri_dap_set_variable(Dap *dap, const json_t *request, const json_t *arguments);
void ri_dap_evaluate(Dap *dap, const json_t *request, const json_t *arguments);
void ri_dap_completions(Dap *dap, const json_t *request, const json_t *arguments);

/* -- dap_requests.c ----------------------------------------------------------------------------------------------------- */
void ri_dap_handle(Dap *dap, const json_t *request);
json_t *ri_dap_source(Dap *dap, const RiProto *proto);

#endif
