/* What the client of the Debug Adapter Protocol asks for, one function a request: dap.h. */
#include "tools/debugger.h"

#ifdef HAVE_JANSSON

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/dap.h"
#include "vm/exec/traceback.h"

#define THREADS_MAX 1000
#define FRAMES_MAX 1000 /* in one response */

static char *copy_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

/* -- Sources -------------------------------------------------------------------------------------------------------- */

/* The number of a chunk that is no file; 0: no memory. */
static int source_reference(Dap *dap, RiString *source)
{
    for (uint32_t i = 0; i < dap->source_count; i++) {
        if (dap->sources[i] == source)
            return (int)i + 1;
    }
    if (dap->source_count == dap->source_capacity) {
        uint32_t capacity = dap->source_capacity * 2 + 16;
        RiString **moved = calloc(capacity, sizeof *moved);
        if (moved == NULL)
            return 0;
        if (dap->sources != NULL) {
            memcpy(moved, dap->sources, dap->source_count * sizeof *moved);
            ri_heap_remove_root(dap->debug.heap, dap->sources, dap->source_capacity * sizeof *moved);
            free(dap->sources);
        }
        dap->sources = moved;
        dap->source_capacity = capacity;
        ri_heap_add_root(dap->debug.heap, moved, capacity * sizeof *moved);
    }
    dap->sources[dap->source_count++] = source;
    return (int)dap->source_count;
}

json_t *ri_dap_source(Dap *dap, const RiProto *proto)
{
    char name[4200];
    if (proto == NULL || proto->source == NULL)
        return NULL;
    ri_scope_source_name(proto, name, sizeof name);
    json_t *json = json_object();
    const char *slash = strrchr(name, '/');
    if (ri_str_data(proto->source)[0] == '@') {
        char *path = realpath(name, NULL);
        json_object_set_new(json, "name", json_string(slash != NULL ? slash + 1 : name));
        json_object_set_new(json, "path", json_string(path != NULL ? path : name));
        free(path);
    } else {
        json_object_set_new(json, "name", json_string(name));
        json_object_set_new(json, "sourceReference", json_integer(source_reference(dap, proto->source)));
    }
    return json;
}

static void do_source(Dap *dap, const json_t *request, const json_t *arguments)
{
    json_t *inner = json_object_get(json_object_get(arguments, "source"), "sourceReference");
    json_int_t id = json_integer_value(json_object_get(arguments, "sourceReference"));
    size_t size;
    if (inner != NULL && id == 0)
        id = json_integer_value(inner);
    const char *text = id >= 1 && id <= dap->source_count ? ri_source_text(&dap->debug.source, dap->sources[id - 1], &size) : NULL;
    json_t *content = text != NULL ? json_stringn(text, size) : NULL;
    if (content == NULL)
        ri_dap_refuse(&dap->wire, request, "the text of this source is not there");
    else
        ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "content", content));
}

static void do_loaded_sources(Dap *dap, const json_t *request, const json_t *arguments)
{
    json_t *list = json_array();
    (void)arguments;
    for (uint32_t i = 0; i < dap->debug.known_count; i++) {
        const RiProto *proto = dap->debug.known[i]->proto;
        json_t *source = proto->line_defined == 0 ? ri_dap_source(dap, proto) : NULL;
        bool is_new = source != NULL;
        for (size_t k = 0; is_new && k < json_array_size(list); k++)
            is_new = !json_equal(json_array_get(list, k), source);
        if (is_new)
            json_array_append(list, source);
        json_decref(source);
    }
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "sources", list));
}

/* -- Breakpoints ----------------------------------------------------------------------------------------------------- */

static json_t *describe_point(const RiDebugPoint *point)
{
    json_t *json = json_pack("{s:i, s:b}", "id", point->id, "verified", point->bound > 0);
    if (point->bound > 0 || point->line > 0)
        json_object_set_new(json, "line", json_integer(point->bound > 0 ? point->bound : point->line));
    if (point->bound == 0)
        json_object_set_new(json, "message", json_string("not loaded, or not called, yet"));
    return json;
}

static void take_conditions(RiDebugPoint *point, const json_t *wanted)
{
    point->condition = copy_of(wanted, "condition");
    point->hit_condition = copy_of(wanted, "hitCondition");
    point->log = copy_of(wanted, "logMessage");
    point->is_told = true;
}

static void do_set_breakpoints(Dap *dap, const json_t *request, const json_t *arguments)
{
    RiDebug *d = &dap->debug;
    json_t *source = json_object_get(arguments, "source"), *list = json_array(), *wanted;
    char *path = copy_of(source, "path");
    json_int_t reference = json_integer_value(json_object_get(source, "sourceReference"));
    size_t i;
    if (path == NULL && reference >= 1 && reference <= dap->source_count)
        path = strdup(ri_str_cstr(d->heap, dap->sources[reference - 1]));
    if (path == NULL) {
        json_decref(list);
        ri_dap_refuse(&dap->wire, request, "setBreakpoints needs the path of a source");
        return;
    }
    for (uint32_t k = d->point_count; k-- > 0;) {
        if (d->points[k]->file != NULL && strcmp(d->points[k]->file, path) == 0)
            ri_debug_delete_point(d, d->points[k]);
    }
    json_array_foreach(json_object_get(arguments, "breakpoints"), i, wanted) {
        json_int_t line = json_integer_value(json_object_get(wanted, "line"));
        RiDebugPoint *point = line > 0 && line < INT32_MAX ? ri_debug_add_point(d, path, (int)line, NULL) : NULL;
        if (point != NULL)
            take_conditions(point, wanted);
        json_array_append_new(list, point != NULL ? describe_point(point)
                                                  : json_pack("{s:b, s:s}", "verified", 0, "message", "no such line"));
    }
    free(path);
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "breakpoints", list));
}

static void do_set_function_breakpoints(Dap *dap, const json_t *request, const json_t *arguments)
{
    RiDebug *d = &dap->debug;
    json_t *list = json_array(), *wanted;
    size_t i;
    for (uint32_t k = d->point_count; k-- > 0;) {
        if (d->points[k]->function != NULL)
            ri_debug_delete_point(d, d->points[k]);
    }
    json_array_foreach(json_object_get(arguments, "breakpoints"), i, wanted) {
        char *name = copy_of(wanted, "name");
        RiDebugPoint *point = name != NULL ? ri_debug_add_point(d, NULL, 0, name) : NULL;
        if (point != NULL)
            take_conditions(point, wanted);
        json_array_append_new(list, point != NULL ? describe_point(point)
                                                  : json_pack("{s:b, s:s}", "verified", 0, "message", "a name is needed"));
        free(name);
    }
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "breakpoints", list));
}

static void do_set_exception_breakpoints(Dap *dap, const json_t *request, const json_t *arguments)
{
    json_t *filter;
    size_t i;
    dap->debug.catches_caught = dap->debug.catches_uncaught = false;
    json_array_foreach(json_object_get(arguments, "filters"), i, filter) {
        const char *name = json_string_value(filter);
        dap->debug.catches_caught |= name != NULL && strcmp(name, "caught") == 0;
        dap->debug.catches_uncaught |= name != NULL && strcmp(name, "uncaught") == 0;
    }
    ri_dap_respond(&dap->wire, request, NULL);
}

/* -- Threads and frames ------------------------------------------------------------------------------------------------ */

static void do_threads(Dap *dap, const json_t *request, const json_t *arguments)
{
    RiDebugThread *list = calloc(THREADS_MAX, sizeof *list);
    uint32_t count = list != NULL ? ri_debug_threads(&dap->debug, list, THREADS_MAX) : 0;
    json_t *threads = json_array();
    (void)arguments;
    for (uint32_t i = 0; i < count; i++) {
        char name[300];
        if (list[i].is_coroutine)
            snprintf(name, sizeof name, "coroutine %u of process %u (%.200s)", list[i].thread->serial, list[i].pid, list[i].name);
        else
            snprintf(name, sizeof name, "process %u (%.200s)%s", list[i].pid, list[i].name,
                     list[i].thread->process->main == list[i].thread ? "" : " thread");
        json_t *text = json_string(name);
        json_array_append_new(threads, json_pack("{s:i, s:o}", "id", list[i].id, "name", text != NULL ? text : json_string("?")));
    }
    free(list);
    ri_dap_respond(&dap->wire, request, json_pack("{s:o}", "threads", threads));
}

static RiThread *thread_with_id(Dap *dap, json_int_t id)
{
    RiDebugThread *list = calloc(THREADS_MAX, sizeof *list);
    uint32_t count = list != NULL ? ri_debug_threads(&dap->debug, list, THREADS_MAX) : 0;
    RiThread *found = NULL;
    for (uint32_t i = 0; i < count && found == NULL; i++)
        found = list[i].id == id ? list[i].thread : NULL;
    free(list);
    return found;
}

static json_t *describe_frame(Dap *dap, RiThread *of, int level, const RiFrame *frame)
{
    const RiProto *proto = ri_function_proto(ri_frame_function(of, frame));
    char name[200];
    ri_scope_function_name(of, frame, name, sizeof name);
    int line = proto != NULL ? ri_proto_line(proto, frame->pc > 0 ? frame->pc - 1 : 0) : 0;
    json_t *text = json_string(name), *source = ri_dap_source(dap, proto);
    json_t *json = json_pack("{s:i, s:o, s:i, s:i}", "id", ri_dap_add_frame(dap, of, level), "name",
                             text != NULL ? text : json_string("?"), "line", line > 0 ? line : 0, "column", line > 0 ? 1 : 0);
    if (source != NULL)
        json_object_set_new(json, "source", source);
    else
        json_object_set_new(json, "presentationHint", json_string("subtle"));
    return json;
}

static void do_stack_trace(Dap *dap, const json_t *request, const json_t *arguments)
{
    RiThread *of = thread_with_id(dap, json_integer_value(json_object_get(arguments, "threadId")));
    json_int_t start = json_integer_value(json_object_get(arguments, "startFrame"));
    json_int_t levels = json_integer_value(json_object_get(arguments, "levels"));
    json_t *frames = json_array();
    RiFrame frame;
    if (of == NULL) {
        json_decref(frames);
        ri_dap_refuse(&dap->wire, request, "there is no such thread");
        return;
    }
    if (levels <= 0 || levels > FRAMES_MAX)
        levels = FRAMES_MAX;
    int level = 0;
    bool more = ri_scope_frame_at(of, 0, &frame);
    for (; more && level < start + levels; more = ri_scope_frame_caller(of, &frame), level++) {
        if (level >= start)
            json_array_append_new(frames, describe_frame(dap, of, level, &frame));
    }
    ri_dap_respond(&dap->wire, request, json_pack("{s:o, s:i}", "stackFrames", frames, "totalFrames",
                                                  (int)ri_scope_frame_count(of)));
}

static void do_exception_info(Dap *dap, const json_t *request, const json_t *arguments)
{
    (void)arguments;
    if (dap->how == NULL || dap->how->reason != RI_DEBUG_ERROR) {
        ri_dap_refuse(&dap->wire, request, "the program has not stopped at an error");
        return;
    }
    RiString *trace = ri_traceback(dap->T, dap->T, NULL, 0);
    json_t *text = json_string(dap->how->text), *stack = json_string(ri_str_cstr(dap->T->heap, trace));
    if (text == NULL)
        text = json_string("a message that is no UTF-8");
    if (stack == NULL)
        stack = json_string("");
    ri_dap_respond(&dap->wire, request,
                   json_pack("{s:s, s:O, s:s, s:{s:o, s:o}}", "exceptionId", dap->how->is_caught ? "caught error" : "error",
                             "description", text, "breakMode", dap->how->is_caught ? "always" : "unhandled", "details",
                             "message", text, "stackTrace", stack));
}

/* -- Going on --------------------------------------------------------------------------------------------------------- */

static void go(Dap *dap, const json_t *request, const json_t *arguments, RiDebugMode mode, json_t *body)
{
    RiThread *of = thread_with_id(dap, json_integer_value(json_object_get(arguments, "threadId")));
    ri_debug_set_step(&dap->debug, of != NULL ? of : dap->T, 0, mode, 0);
    dap->goes_on = true;
    ri_dap_respond(&dap->wire, request, body);
}

static void do_continue(Dap *dap, const json_t *request, const json_t *arguments)
{
    go(dap, request, arguments, RI_DEBUG_RUN, json_pack("{s:b}", "allThreadsContinued", 1));
}

static void do_next(Dap *dap, const json_t *request, const json_t *arguments)
{
    go(dap, request, arguments, RI_DEBUG_OVER, NULL);
}

static void do_step_in(Dap *dap, const json_t *request, const json_t *arguments)
{
    go(dap, request, arguments, RI_DEBUG_INTO, NULL);
}

static void do_step_out(Dap *dap, const json_t *request, const json_t *arguments)
{
    go(dap, request, arguments, RI_DEBUG_OUT, NULL);
}

static void do_pause(Dap *dap, const json_t *request, const json_t *arguments)
{
    (void)arguments;
    dap->wants_pause = dap->is_running;
    ri_dap_respond(&dap->wire, request, NULL);
}

/* -- The session ------------------------------------------------------------------------------------------------------ */

static void do_initialize(Dap *dap, const json_t *request, const json_t *arguments)
{
    static const char *const can[] = {
        "supportsConfigurationDoneRequest", "supportsFunctionBreakpoints", "supportsConditionalBreakpoints",
        "supportsHitConditionalBreakpoints", "supportsEvaluateForHovers", "supportsSetVariable", "supportsCompletionsRequest",
        "supportsExceptionInfoRequest", "supportsLogPoints", "supportsLoadedSourcesRequest", "supportsTerminateRequest",
        "supportTerminateDebuggee", "supportsDelayedStackTraceLoading"};
    (void)arguments;
    json_t *body = json_object();
    for (size_t i = 0; i < RI_COUNTOF(can); i++)
        json_object_set_new(body, can[i], json_true());
    json_object_set_new(body, "exceptionBreakpointFilters",
                        json_pack("[{s:s, s:s, s:b}, {s:s, s:s, s:b}]", "filter", "uncaught", "label", "Uncaught errors", "default",
                                  1, "filter", "caught", "label", "Caught errors", "default", 0));
    json_object_set_new(body, "completionTriggerCharacters", json_pack("[s, s]", ".", ":"));
    ri_dap_respond(&dap->wire, request, body);
    ri_dap_event(&dap->wire, "initialized", NULL);
}

/* The words of a list of strings, behind those that are there. False: one is no string. */
static bool take_words(Dap *dap, const json_t *list)
{
    json_t *word;
    size_t i, count = json_array_size(list);
    if (list != NULL && !json_is_null(list) && !json_is_array(list))
        return false;
    char **words = realloc(dap->words, ((size_t)dap->word_count + count + 2) * sizeof *words);
    if (words == NULL)
        return false;
    dap->words = words;
    json_array_foreach(list, i, word) {
        if (!json_is_string(word))
            return false;
        dap->words[dap->word_count++] = strdup(json_string_value(word));
    }
    return true;
}

static bool take_environment(const json_t *environment)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)environment, key, value) {
        if (json_is_string(value))
            setenv(key, json_string_value(value), 1);
        else if (json_is_null(value))
            unsetenv(key);
        else
            return false;
    }
    return true;
}

static void do_launch(Dap *dap, const json_t *request, const json_t *arguments)
{
    const char *program = json_string_value(json_object_get(arguments, "program"));
    const char *folder = json_string_value(json_object_get(arguments, "cwd"));
    json_t *name = json_pack("[s, s]", dap->tool->name, program != NULL ? program : "");
    json_t *first = json_pack("[O]", json_array_get(name, 0)), *second = json_pack("[O]", json_array_get(name, 1));
    if (dap->is_launched)
        ri_dap_refuse(&dap->wire, request, "a program has been launched already");
    else if (program == NULL || program[0] == '\0')
        ri_dap_refuse(&dap->wire, request, "launch needs a program: the path of a script");
    else if (folder != NULL && chdir(folder) != 0)
        ri_dap_refuse(&dap->wire, request, "cannot go to the folder %s", folder);
    else if (access(program, R_OK) != 0)
        ri_dap_refuse(&dap->wire, request, "cannot read the program %s", program);
    else if (!take_words(dap, first) || !take_words(dap, json_object_get(arguments, "rilleOptions")) ||
             !take_words(dap, second) || !take_words(dap, json_object_get(arguments, "args")))
        ri_dap_refuse(&dap->wire, request, "args and rilleOptions are lists of strings");
    else if (!take_environment(json_object_get(arguments, "env")))
        ri_dap_refuse(&dap->wire, request, "env is an object of strings");
    else {
        dap->words[dap->word_count] = NULL;
        dap->is_launched = true;
        dap->debug.stops_at_entry = json_is_true(json_object_get(arguments, "stopOnEntry"));
        ri_dap_respond(&dap->wire, request, NULL);
    }
    json_decref(name);
    json_decref(first);
    json_decref(second);
}

static void do_configuration_done(Dap *dap, const json_t *request, const json_t *arguments)
{
    (void)arguments;
    dap->is_configured = true;
    ri_dap_respond(&dap->wire, request, NULL);
}

static void do_disconnect(Dap *dap, const json_t *request, const json_t *arguments)
{
    (void)arguments;
    dap->wants_end = true;
    ri_dap_respond(&dap->wire, request, NULL);
}

/* -- The table -------------------------------------------------------------------------------------------------------- */

enum { ANYTIME, STOPPED, STARTED }; /* when a request makes sense */

typedef struct Row {
    const char *command;
    int when;
    void (*handle)(Dap *dap, const json_t *request, const json_t *arguments);
} Row;

static const Row rows[] = {
    {"initialize", ANYTIME, do_initialize},
    {"launch", ANYTIME, do_launch},
    {"configurationDone", ANYTIME, do_configuration_done},
    {"setBreakpoints", ANYTIME, do_set_breakpoints},
    {"setFunctionBreakpoints", ANYTIME, do_set_function_breakpoints},
    {"setExceptionBreakpoints", ANYTIME, do_set_exception_breakpoints},
    {"threads", ANYTIME, do_threads},
    {"stackTrace", STOPPED, do_stack_trace},
    {"scopes", STOPPED, ri_dap_scopes},
    {"variables", STOPPED, ri_dap_variables},
    {"setVariable", STOPPED, ri_dap_set_variable},
    {"evaluate", STOPPED, ri_dap_evaluate},
    {"completions", STOPPED, ri_dap_completions},
    {"exceptionInfo", STOPPED, do_exception_info},
    {"continue", STOPPED, do_continue},
    {"next", STOPPED, do_next},
    {"stepIn", STOPPED, do_step_in},
    {"stepOut", STOPPED, do_step_out},
    {"pause", STARTED, do_pause},
    {"source", STARTED, do_source},
    {"loadedSources", ANYTIME, do_loaded_sources},
    {"terminate", ANYTIME, do_disconnect},
    {"disconnect", ANYTIME, do_disconnect},
};

void ri_dap_handle(Dap *dap, const json_t *request)
{
    const char *command = json_string_value(json_object_get(request, "command"));
    for (size_t i = 0; i < RI_COUNTOF(rows); i++) {
        if (strcmp(rows[i].command, command) != 0)
            continue;
        if (rows[i].when == STOPPED && !dap->is_stopped)
            ri_dap_refuse(&dap->wire, request, "%s: the program is not stopped", command);
        else if (rows[i].when == STARTED && !dap->is_running && !dap->is_stopped)
            ri_dap_refuse(&dap->wire, request, "%s: the program does not run", command);
        else
            rows[i].handle(dap, request, json_object_get(request, "arguments"));
        return;
    }
    ri_dap_refuse(&dap->wire, request, "%.200s is not supported", command);
}

#endif
