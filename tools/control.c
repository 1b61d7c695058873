/* The control socket: see control.h. */
#include "tools/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/engine.h"
#include "vm/host/host.h"
#include "vm/host/lineserver.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"

#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

int ri_control_take_option(RiTool *tool, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strncmp(word, "--control", 9) != 0 || (word[9] != '=' && word[9] != '\0'))
        return 0;
    const char *path = word[9] == '=' ? word + 10 : argv[++*i];
    if (path == NULL || *path == '\0')
        return -1;
    tool->control_path = path;
    tool->start_control = ri_control_start;
    tool->stop_control = ri_control_stop;
    return 1;
}

void ri_control_skip_option(char **argv, int *i)
{
    if (strcmp(argv[*i], "--control") == 0)
        ++*i;
}

#ifdef HAVE_JANSSON
#define LISTED_MAX 1000  /* processes in an answer, if no other number is asked for */
#define PATIENCE_MS 2000 /* with a machine that comes to no safe point */

static const char late[] =
    "{\"ok\": false, \"error\": \"busy\", \"message\": \"the machine has not come to a safe point\"}\n";

/* -- Processes -------------------------------------------------------------------------------------------------------
 */

static const char *state_of(const RiProc *proc)
{
    if (proc->state == RI_PROC_ZOMBIE)
        return "zombie";
    if (proc->state == RI_PROC_STOPPED)
        return "stopped";
    const char *state = "waiting";
    for (const RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        const RiTask *task = ri_task_of_node((RiNode *)(uintptr_t)node);
        if (task->state == RI_TASK_RUNNING)
            return "running";
        if (task->state == RI_TASK_READY || task->state == RI_TASK_NEW)
            state = "ready";
    }
    return state;
}

static uint64_t memory_of(const RiProc *proc)
{
    RiAccountStats memory = {0};
    if (proc->engine != NULL)
        ri_account_stats(&((RiProcess *)proc->engine)->account, &memory);
    return memory.used_bytes;
}

/* Names may hold any bytes: what is no UTF-8 is shown as question marks. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    char shown[256];
    snprintf(shown, sizeof shown, "%s", text);
    for (char *at = shown; *at != '\0'; at++)
        *at = (unsigned char)*at < 128 ? *at : '?';
    return json_string(shown);
}

static json_t *describe(RiProc *proc)
{
    const RiUsage *u = &proc->usage;
    return json_pack("{s:i, s:i, s:o, s:s, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pid",
                     (int)proc->pid, "parent", proc->parent != NULL ? (int)proc->parent->pid : 0, "name",
                     text_of(proc->name), "state", state_of(proc), "threads", (int)proc->task_count, "priority",
                     (int)proc->priority, "cpu", (double)ri_proc_cpu_ns(proc) / 1e9, "elapsed",
                     (double)(ri_host_monotonic_ns() - u->start_ns) / 1e9, "memory", (json_int_t)memory_of(proc),
                     "pages", (json_int_t)proc->memory_bytes, "faults", (json_int_t)u->faults, "calls",
                     (json_int_t)u->syscalls, "switches", (json_int_t)u->switches, "signals", (json_int_t)u->signals,
                     "messages", (json_int_t)(u->messages_sent + u->messages_received));
}

static json_t *describe_machine(const RiMachine *machine)
{
    const RiMachineStats *s = &machine->stats;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "host_pid", (json_int_t)ri_host_process_id(),
                     "processes", (json_int_t)machine->process_count, "switches", (json_int_t)s->switches, "calls",
                     (json_int_t)s->syscalls, "made", (json_int_t)(1 + s->spawns + s->forks), "ended",
                     (json_int_t)s->exits, "messages", (json_int_t)s->messages, "clock",
                     (double)ri_host_monotonic_ns() / 1e9);
}

/* -- Requests --------------------------------------------------------------------------------------------------------
 */

static json_t *fail(const char *error, const char *message)
{
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "error", error, "message", message);
}

/* {"op": "ps", "limit": n}: processes in the order of their numbers. */
static json_t *answer_ps(RiMachine *machine, const json_t *request)
{
    const json_t *wanted = json_object_get(request, "limit");
    if (wanted != NULL && (!json_is_integer(wanted) || json_integer_value(wanted) < 1))
        return fail("invalid", "limit is a positive number");
    json_int_t limit = wanted != NULL ? json_integer_value(wanted) : LISTED_MAX;
    json_t *list = json_array();
    for (uint32_t i = 0; machine->table != NULL && i <= machine->table_mask; i++) {
        for (RiProc *proc = machine->table[i]; proc != NULL; proc = proc->next_in_bucket) {
            if ((json_int_t)json_array_size(list) < limit)
                json_array_append_new(list, describe(proc));
        }
    }
    return json_pack("{s:b, s:o, s:o}", "ok", 1, "machine", describe_machine(machine), "processes", list);
}

/* {"op": "kill", "pid": n, "signal": "TERM"} */
static json_t *answer_kill(RiMachine *machine, const json_t *request)
{
    const json_t *pid = json_object_get(request, "pid"), *signal = json_object_get(request, "signal");
    if (!json_is_integer(pid) || json_integer_value(pid) < 1 || json_integer_value(pid) > UINT32_MAX)
        return fail("invalid", "pid is the number of a process");
    uint32_t number = RI_SIGTERM;
    if (json_is_string(signal))
        number = ri_signal_number(json_string_value(signal));
    else if (json_is_integer(signal))
        number = json_integer_value(signal) > 0 && json_integer_value(signal) < RI_SIGNAL_COUNT
                     ? (uint32_t)json_integer_value(signal)
                     : 0;
    else if (signal != NULL)
        number = 0;
    if (number == 0)
        return fail("invalid", "there is no such signal");
    RiProc *proc = ri_proc_find(machine, (uint32_t)json_integer_value(pid));
    if (proc == NULL || proc->state == RI_PROC_ZOMBIE)
        return fail("gone", "there is no such process");
    if (ri_signal_send(proc, number) != 0)
        return fail("invalid", "there is no such signal");
    return json_pack("{s:b, s:i, s:s}", "ok", 1, "pid", (int)proc->pid, "signal", ri_signal_name(number));
}

static json_t *answer_request(RiMachine *machine, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    if (op == NULL)
        return fail("invalid", "a request is an object with \"op\"");
    if (strcmp(op, "ps") == 0)
        return answer_ps(machine, request);
    if (strcmp(op, "kill") == 0)
        return answer_kill(machine, request);
    if (strcmp(op, "machine") == 0)
        return json_pack("{s:b, s:o}", "ok", 1, "machine", describe_machine(machine));
    return fail("invalid", "op is ps, kill or machine");
}

static char *answer(void *argument, const char *line, size_t size)
{
    json_error_t error;
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    json_t *result = request != NULL ? answer_request(argument, request) : fail("malformed", error.text);
    char *text = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
    json_decref(request);
    json_decref(result);
    if (text == NULL)
        return NULL;
    size_t length = strlen(text);
    char *ended = realloc(text, length + 2);
    if (ended == NULL) {
        free(text);
        return NULL;
    }
    memcpy(ended + length, "\n", 2);
    return ended;
}

/* -- Serving ---------------------------------------------------------------------------------------------------------
 */

static void notify(void *machine)
{
    ri_machine_request(machine);
}

/* For os.exit, which ends the host process wherever it is: atexit passes no argument. */
static RiTool *served;

static void stop_at_exit(void)
{
    if (served != NULL)
        ri_control_stop(served);
}

static void on_request(RiMachine *machine)
{
    ri_lineserver_step(machine->control);
}

bool ri_control_start(RiTool *tool, RiMachine *machine)
{
    const RiLineServerConfig config = {.path = tool->control_path,
                                       .answer = answer,
                                       .notify = notify,
                                       .argument = machine,
                                       .late = late,
                                       .patience_ms = PATIENCE_MS};
    int error;
    char text[400];
    machine->request_fd = ri_host_notifier();
    machine->control = ri_lineserver_new(&config, &error);
    if (machine->control == NULL) {
        snprintf(text, sizeof text, "--control %.200s: %s", tool->control_path,
                 error == -EADDRINUSE ? "in use by another machine, or no socket" : strerror(-error));
        ri_tool_message(tool, text);
        return false;
    }
    machine->on_request = on_request;
    tool->controlled = machine;
    served = tool;
    atexit(stop_at_exit);
    return true;
}

void ri_control_stop(RiTool *tool)
{
    RiMachine *machine = tool->controlled;
    if (machine == NULL)
        return;
    tool->controlled = NULL;
    served = NULL;
    machine->on_request = NULL;
    ri_lineserver_free(machine->control);
    machine->control = NULL;
}

#else

bool ri_control_start(RiTool *tool, RiMachine *machine)
{
    (void)machine;
    ri_tool_message(tool, "--control: not possible, as rille was built without jansson (JSON)");
    return false;
}

void ri_control_stop(RiTool *tool)
{
    (void)tool;
}
#endif
