/* The C API: calls with and without protection, continuations, coroutines, errors, chunks. */
#include "vm/embed/capi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/embed/cxx.h"

/* -- How C functions are called ---------------------------------------------------------------------------------- */

static lua_CFunction function_of(const RiValue *self)
{
    const RiValue *f = self;
    lua_CFunction function;
    if (self->tag == RI_TAG_NATIVE) {
        const RiNative *closure = self->p;
        f = &closure->upvals[ri_native_upval_count(closure)];
    }
    memcpy(&function, &f->p, sizeof function); /* no cast leads from a data pointer to a function */
    return function;
}

/* A C function has left n results on top: they go where the fast ABI wants them. */
static RI_ALWAYS_INLINE int32_t take_results(RiThread *T, int n)
{
    if (RI_UNLIKELY(T->hook_is_wanted))
        ri_apply_wanted_hook(T);
    if (RI_UNLIKELY(T->tbc_count > 0))
        ri_capi_close_from(T, (uint32_t)(T->base - T->stack)) /* its results stay on top */;
    RI_API_CHECK_COUNT(T, n);
    const RiValue *from = T->top - n;
    RiValue *to = T->base - 2;
    for (int i = 0; i < n; i++)
        ri_copy(&to[i], &from[i]);
    return n;
}

static int32_t call_plainly(void *T, void *args, uint32_t nargs)
{
    (void)nargs;
    return function_of((RiValue *)args - 2)(ri_state_of(T));
}

static int32_t call_function(RiThread *T, RiValue *args, uint32_t nargs)
{
    T->is_exposed = true;
    if (RI_UNLIKELY(ri_cxx_stay != NULL))
        return take_results(T, ri_cxx_stay(T, call_plainly, args, nargs));
    return take_results(T, function_of(&args[-2])(ri_state_of(T)));
}

static int32_t continue_plainly(void *T, void *record, uint32_t count)
{
    const RiCRecord *r = record;
    (void)count;
    return r->k(ri_state_of(T), r->status, r->context);
}

/* Go on in the continuation that the current frame's record names. */
static int32_t call_continuation(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    RiCRecord record = *ri_c_record_of(T, (uint32_t)(T->base - T->stack));
    ri_c_records_drop(T, record.base - 1);
    if (RI_UNLIKELY(ri_cxx_stay != NULL))
        return take_results(T, ri_cxx_stay(T, continue_plainly, &record, 0));
    return take_results(T, continue_plainly(T, &record, 0));
}

const RiLibFn ri_capi_function = {.name = "C function", .usage = "(C function)", .doc = "A function written in C.",
                                  .call = call_function, .resume = call_continuation, .flags = RI_LIBFN_C};

/* -- Errors as C++ exceptions: cxx.h -------------------------------------------------------------------------------- */

void *ri_cxx_set_stay(void *thread, void *stay)
{
    RiProcess *process = ((RiThread *)thread)->process;
    void *before = process->host_stay;
    process->host_stay = stay;
    return before;
}

void ri_cxx_go_on(void *thread)
{
    ri_jump_on(thread);
}

void ri_cxx_error(void *thread, const char *message)
{
    ri_error_no_position(thread, "%s", message);
}

/* -- Calls ------------------------------------------------------------------------------------------------------- */

static RI_ALWAYS_INLINE RiValue *insert_link(RiThread *T, uint32_t nargs)
{
    RI_API_CHECK_COUNT(T, (int64_t)nargs + 1);
    if (RI_UNLIKELY(T->top > T->stack_limit + RI_STACK_RESERVE - 4))
        ri_stack_reserve(T, 4);
    RiValue *link = T->top - nargs;
    for (RiValue *p = T->top; p > link; p--)
        ri_copy(p, p - 1);
    link->u = 0;
    link->tag = RI_TAG_LINK;
    T->top++;
    return link - 1;
}

void ri_capi_insert_link(RiThread *T, uint32_t nargs)
{
    (void)insert_link(T, nargs);
}

/* Returns who runs, to be restored: the region of a call makes its thread the running one. */
static RiThread *begin_call(RiThread *T)
{
    RiThread *before = T->heap->running;
    if (RI_UNLIKELY(T->hook_is_wanted))
        ri_apply_wanted_hook(T);
    return before;
}

/* Note the continuation of a call of the function below nargs values. False: there is none that could be used. */
static bool begin_continuation(RiThread *T, RiCRecordKind kind, uint32_t nargs, intptr_t context, lua_KFunction k)
{
    if (RI_LIKELY(k == NULL) || !ri_is_yieldable(T))
        return false;
    RiCRecord *record = ri_c_record_push(T);
    record->kind = (uint8_t)kind;
    record->func = (uint32_t)(T->top - nargs - 1 - T->stack);
    record->status = RI_YIELD;
    record->context = context;
    record->k = k;
    return true;
}

void lua_callk(lua_State *L, int nargs, int result_count, lua_KContext context, lua_KFunction k)
{
    RiThread *T = ri_thread_of(L), *before = begin_call(T);
    RI_API_CHECK(nargs >= 0 && result_count >= LUA_MULTRET, "invalid number of arguments or results");
    if (begin_continuation(T, RI_C_CALL, (uint32_t)nargs, context, k)) {
        ri_capi_insert_link(T, (uint32_t)nargs);
        ri_call_yieldable(T, (uint32_t)nargs, result_count);
        T->c_record_count--;
    } else {
        RiValue *func = insert_link(T, (uint32_t)nargs);
        if (func->tag == RI_TAG_CLOSURE || before != T || !ri_call_c_function(T, func, (uint32_t)nargs, result_count))
            ri_run_call(T, func, (uint32_t)nargs, result_count, false);
    }
    T->heap->running = before;
}

int lua_pcallk(lua_State *L, int nargs, int result_count, int handler_index, lua_KContext context, lua_KFunction k)
{
    RiThread *T = ri_thread_of(L), *before = begin_call(T);
    RI_API_CHECK(nargs >= 0 && result_count >= LUA_MULTRET, "invalid number of arguments or results");
    RI_API_CHECK(handler_index == 0 || ri_is_function(*ri_capi_at(T, handler_index)), "error handler must be a function");
    RiValue handler = handler_index != 0 ? *ri_capi_at(T, handler_index) : ri_nil();
    uint32_t handler_slot = handler_index != 0 ? (uint32_t)(ri_capi_at(T, handler_index) - T->stack) : 0;
    RiCallStatus status;
    if (begin_continuation(T, RI_C_PCALL, (uint32_t)nargs, context, k)) {
        ri_c_record_of(T, (uint32_t)(T->base - T->stack))->handler = handler_slot;
        ri_capi_insert_link(T, (uint32_t)nargs);
        status = ri_pcall_yieldable(T, (uint32_t)nargs, result_count, handler, NULL);
        T->c_record_count--;
    } else {
        (void)insert_link(T, (uint32_t)nargs);
        status = ri_pcall(T, (uint32_t)nargs, result_count, handler, NULL);
    }
    T->heap->running = before;
    return RI_UNLIKELY(status == RI_KILLED) ? ri_capi_stopped(T) : (int)status;
}

/* -- Coroutines -------------------------------------------------------------------------------------------------- */

int lua_yieldk(lua_State *L, int result_count, lua_KContext context, lua_KFunction k)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, result_count);
    if (!ri_is_yieldable(T))
        ri_runtime_error(T, T == T->process->main ? "attempt to yield from outside a coroutine"
                                                  : "attempt to yield across a C-call boundary");
    if (T->in_hook && T->base[-2].tag == RI_TAG_CLOSURE) {
        if (T->hook_event == RI_HOOKED_LINE || T->hook_event == RI_HOOKED_COUNT)
            T->hook_yields = true;
        return 0;
    }
    T->yield_count = (uint32_t)result_count;
    if (k != NULL) {
        RiCRecord *record = ri_c_record_push(T);
        record->kind = RI_C_YIELD;
        record->status = RI_YIELD;
        record->context = context;
        record->k = k;
    }
    ri_yield(T);
}

static int refuse_resume(RiThread *co, const char *message, int narg)
{
    co->top -= narg;
    ri_push(co, ri_string_value(ri_str_from_cstr(co->heap, message)));
    return LUA_ERRRUN;
}

int lua_resume(lua_State *L, lua_State *from, int narg, int *result_count)
{
    RiThread *co = ri_thread_of(L);
    bool at_bottom = co->base == co->stack;
    RI_API_CHECK_COUNT(co, narg);
    bool is_idle = co->status == RI_THREAD_RUNNING && at_bottom && co->heap->running == co; /* the main thread */
    if (co->status == RI_THREAD_FAILED)
        return refuse_resume(co, "cannot resume dead coroutine", narg);
    if (co->status != RI_THREAD_READY && co->status != RI_THREAD_DEAD && !is_idle)
        return refuse_resume(co, "cannot resume non-suspended coroutine", narg);
    if (at_bottom && co->top - co->stack <= narg)
        return refuse_resume(co, "cannot resume dead coroutine", narg);
    if (co->process->c_depth >= RI_C_DEPTH_MAX)
        return refuse_resume(co, "C stack overflow", narg);
    if (RI_UNLIKELY(co->hook_is_wanted))
        ri_apply_wanted_hook(co);
    RiCallStatus status = ri_resume_from_c(co, from != NULL ? ri_thread_of(from) : NULL, (uint32_t)narg);
    if (RI_UNLIKELY(status == RI_KILLED)) {
        *result_count = 1;
        return ri_capi_stopped(co);
    }
    if (is_idle && status == RI_OK)
        co->status = RI_THREAD_RUNNING;
    *result_count = (int)(status == RI_YIELD ? co->yield_count : (uint32_t)(co->top - co->base));
    return (int)status;
}

int lua_status(lua_State *L)
{
    const RiThread *T = ri_thread_of(L);
    if (T->status == RI_THREAD_FAILED)
        return T->failure;
    return T->status == RI_THREAD_READY && T->base != T->stack ? LUA_YIELD : LUA_OK;
}

int lua_isyieldable(lua_State *L)
{
    return ri_is_yieldable(ri_thread_of(L));
}

/* -- Errors ------------------------------------------------------------------------------------------------------ */

int lua_error(lua_State *L)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    ri_throw(T, T->top[-1]);
}

void ri_capi_panic(RiThread *T, RiValue error)
{
    lua_CFunction panic = T->process->panic;
    if (panic == NULL)
        return;
    if (T->stack != NULL && T->top < T->stack_limit + RI_STACK_RESERVE)
        ri_push(T, error);
    panic(ri_state_of(T));
    abort();
}

/* -- Chunks ------------------------------------------------------------------------------------------------------ */

typedef struct Load {
    lua_Reader reader;
    void *data;
    const char *chunkname, *mode;
    int status;
    struct {
        const char *start;
        size_t size;
    } piece;
} Load;

static int32_t read_plainly(void *T, void *argument, uint32_t ignored)
{
    Load *load = argument;
    (void)ignored;
    load->piece.start = load->reader(ri_state_of(T), load->data, &load->piece.size);
    return load->piece.start != NULL && load->piece.size > 0;
}

static bool read_piece(RiThread *T, Load *load)
{
    return RI_UNLIKELY(ri_cxx_stay != NULL) ? ri_cxx_stay(T, read_plainly, load, 0) : read_plainly(T, load, 0);
}

/* Read everything and compile it; what it makes, or a message, is pushed. */
static void load_all(RiThread *T, void *argument)
{
    Load *load = argument;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    T->no_yield++;
    while (read_piece(T, load))
        ri_sbuf_add(&sb, load->piece.start, load->piece.size);
    T->no_yield--;
    load->status = (int)ri_load(T, sb.data, sb.size, load->chunkname, load->mode);
}

int lua_load(lua_State *L, lua_Reader reader, void *data, const char *chunkname, const char *mode)
{
    RiThread *T = ri_thread_of(L), *before = begin_call(T);
    Load load = {.reader = reader, .data = data, .chunkname = chunkname != NULL ? chunkname : "?", .mode = mode};
    uint32_t no_yield = T->no_yield;
    T->heap->running = T;
    RiCallStatus status = ri_try(T, load_all, &load);
    T->heap->running = before;
    T->no_yield = no_yield;
    if (status != RI_OK) {
        ri_push(T, T->error);
        return (int)status;
    }
    if (load.status == LUA_OK) {
        RiClosure *closure = T->top[-1].p;
        if (closure->object.aux > 0) {
            RiValue globals = ri_capi_globals(T);
            ri_store(&closure->upvals[0]->value, globals);
        }
    }
    ri_capi_settle(T);
    return load.status;
}

int lua_dump(lua_State *L, lua_Writer writer, void *data, int strip)
{
    RiThread *T = ri_thread_of(L);
    RI_API_CHECK_COUNT(T, 1);
    RiValue f = T->top[-1];
    if (f.tag != RI_TAG_CLOSURE)
        return 1;
    RiString *chunk = ri_dump(T, ((const RiClosure *)f.p)->feedback->proto, strip != 0);
    ri_store(&T->error, ri_string_value(chunk)); /* nothing on the stack, which is the writer's, keeps it alive */
    return writer(L, ri_str_data(chunk), chunk->size, data);
}
