/* Where the layers are joined: the only place that knows the compiler, the C API and all libraries at once. */
#include "vm/embed/open.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/compile.h"
#include "jit/jit.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"
#include "vm/embed/capi.h"
#include "vm/embed/cxx.h"
#include "vm/embed/rille_impl.h"
#include "vm/exec/call.h"
#include "vm/exec/engine.h"
#include "vm/exec/hooks.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/machine/space.h"
#include "vm/exec/template.h"

static RiProto *compile(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiString **message)
{
    RiCompileError error = {0};
    RiProto *proto = ri_compile(heap, source, size, chunkname, &error);
    if (proto == NULL)
        *message = error.message;
    return proto;
}

static const RiHooks hooks = {
    .compile = compile,
    .c_function = &ri_capi_function,
    .call_hook = ri_capi_call_hook,
    .leave_stay = ri_cxx_throw,
    .panic = ri_capi_panic,
    .open_sibling = ri_open_sibling,
    .enter_native = ri_jit_enter,
    .code_changed = ri_jit_code_changed,
    .files_forked = ri_stream_files_forked,
    .files_end = ri_stream_files_end,
};

static void make_process(RiHeap *heap, void *process)
{
    *(RiProcess **)process = ri_process_new(heap, &hooks);
}

RiThread *ri_open(void)
{
    const RiMachineConfig config = {.mmu = RI_MMU_SOFT}; /* SIGSEGV is the host's */
    return ri_open_machine(&config);
}

static RiThread *open_in(RiHeap *heap, const RiMachineConfig *config)
{
    RiProcess *process = NULL;
    if (!ri_heap_try(heap, make_process, &process)) {
        ri_heap_destroy(heap);
        return NULL;
    }
    if (!ri_machine_attach(process, config, "main")) {
        ri_heap_destroy(heap);
        return NULL;
    }
    return process->main;
}

RiThread *ri_open_machine(const RiMachineConfig *config)
{
    RiHeap *heap = ri_heap_create(ri_host_random_seed());
    return heap != NULL ? open_in(heap, config) : NULL;
}

void ri_close_for_host(RiThread *T)
{
    ri_rille_forget_state(T);
    ri_close(T);
}

/* Open a library, unless package.loaded has it: then it only becomes a global. */
static void open_once(RiThread *T, const RiLibrary *library)
{
    RiHeap *heap = T->heap;
    RiString *name = ri_str_from_cstr(heap, library->name);
    RiValue loaded = ri_table_get_str(T->process->registry, ri_str_from_cstr(heap, "_LOADED"));
    RiValue known = ri_is_table(loaded) ? ri_table_get_str(loaded.p, name) : ri_nil();
    if (ri_is_falsy(known))
        ri_library_open(T, library);
    else
        ri_table_set_str(heap, T->process->globals, name, known);
}

static void open_one_by_one(RiThread *T)
{
    static const RiLibrary *const libraries[] = {
        &ri_lib_base, &ri_lib_package, &ri_lib_coroutine, &ri_lib_table, &ri_lib_io,
        &ri_lib_os,   &ri_lib_string,  &ri_lib_utf8,      &ri_lib_math,  &ri_lib_debug,
    };
    for (size_t i = 0; i < RI_COUNTOF(libraries); i++)
        open_once(T, libraries[i]);
}

void ri_open_libraries(RiThread *T)
{
    if (T->heap->commons == NULL || !ri_template_fits(T->process)) {
        open_one_by_one(T);
        return;
    }
    ri_template_fill(T->process);
    ri_libraries_settle(T);
}

/* -- Siblings --------------------------------------------------------------------------------------------------- */

typedef struct TemplateRequest {
    const RiProcess *like; /* NULL: the commons' */
    bool done;
} TemplateRequest;

static RiValue ignores_environment(const RiProcess *process)
{
    return ri_table_get_str(process->registry, ri_str_from_cstr(process->heap, "LUA_NOENV"));
}

static void open_and_capture(RiThread *T, void *argument)
{
    TemplateRequest *request = argument;
    RiString *key = ri_str_from_cstr(T->heap, "LUA_NOENV");
    RiValue value = request->like != NULL ? ignores_environment(request->like) : ri_bool(true);
    ri_table_set_str(T->heap, T->process->registry, key, value);
    T->process->closing = true; /* nothing of it is finalized */
    open_one_by_one(T);
    if (request->like == NULL) /* of the commons: with the usual paths */
        ri_table_set_str(T->heap, T->process->registry, key, ri_nil());
    request->done = ri_template_capture(T->process);
}

/* Make the heap's template in a process of its own, which takes its environment as `like` does. */
static bool make_template(const RiProcess *like)
{
    RiHeap *heap = like->heap;
    RiAccount *mine = heap->account;
    void (*on_no_memory)(RiHeap *) = heap->on_no_memory;
    RiProcess *process = NULL;
    TemplateRequest request = {.like = like};
    RiCallStatus status = RI_ERRMEM;
    if (ri_heap_try(heap, make_process, &process))
        status = ri_try(process->main, open_and_capture, &request);
    ri_assert(status != RI_OK || request.done); /* else a library makes what cannot be copied */
    RiAccount *made = heap->account;
    ri_heap_switch(heap, mine);
    heap->on_no_memory = on_no_memory;
    if (made != mine)
        ri_account_close(made);
    return request.done;
}

/* The template of the commons knows nothing of the environment. */
static bool has_template(const RiProcess *like)
{
    const RiHeap *heap = like->heap;
    if (heap->process_template == NULL)
        return false;
    return heap->commons == NULL || heap->process_template != heap->commons->process_template ||
           (ri_package_has_default_paths() && ri_is_falsy(ignores_environment(like)));
}

/* What all states of a host begin with: in its first state. */
static bool fill_commons(RiHeap *heap)
{
    RiProcess *process = ri_process_new(heap, &hooks);
    TemplateRequest request = {.like = NULL};
    return ri_try(process->main, open_and_capture, &request) == RI_OK && request.done;
}

RiProcess *ri_open_sibling(RiProcess *like)
{
    if (!has_template(like) && !make_template(like))
        return NULL;
    return ri_process_new_like(like->heap, like);
}

/* A host that cannot have machine code made in it (a debugger's, a seccomp filter's) says so without being changed. */
static bool environment_allows_jit(void)
{
    const char *jit = getenv("RILLE_JIT");
    return jit == NULL || strcmp(jit, "off") != 0;
}

RiThread *ri_open_for_host(RiLend *allocate, void *data)
{
    const RiMachineConfig config = {.mmu = RI_MMU_SOFT};
    ri_commons_make(ri_host_random_seed(), fill_commons); /* without them all is there, and takes more */
    RiHeap *heap = ri_heap_create(ri_host_random_seed());
    if (heap == NULL)
        return NULL;
    if (allocate != NULL && !ri_heap_borrow(heap, allocate, data)) {
        ri_heap_destroy(heap);
        return NULL;
    }
    RiThread *T = open_in(heap, &config);
    if (T == NULL)
        return NULL;
    if (environment_allows_jit())
        ri_jit_await(heap); /* it has no functions yet that would have to know */
    T->process->is_embedded = true;
    T->process->allocate = allocate;
    T->process->allocate_data = data;
    return T;
}

void ri_close(RiThread *T)
{
    RiHeap *heap = T->heap;
    ri_process_close(T->process);
    ri_machine_detach(T->process);
    ri_jit_close(heap);
    ri_heap_destroy(heap);
}

void ri_interrupt(RiProcess *process)
{
    process->interrupt = true;
    process->heap->budget = 0;
    ri_machine_wake(process->proc->machine);
}
