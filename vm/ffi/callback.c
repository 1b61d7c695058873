/* Lua functions that C can call.
 *
 * An error must not jump over the frames of C functions that know nothing of it: it is kept, the callback returns
 * zero, so do all further ones, and when the C function that was called from Lua has returned, the error goes on from
 * there. Called where no Lua can run, on another host thread or in another process, a callback does nothing but say so to the next
 * call. A freed callback keeps its code, which does nothing but leave such an error, until it is used for another
 * one. */
#include <string.h>

#include "vm/exec/call.h"
#include "vm/ffi/native.h"
#include "vm/host/host.h"

#define CALLBACKS_MAX 20000

typedef struct RiCallback {
    RiObject object; /* a RI_TAG_BLOCK, in a list from the state */
    struct RiCallback *next;
    RiProcess *process;
    RiFfi *ffi;
    RiCtype *type;
    ffi_closure *closure; /* libffi's, not collected */
    void *code;
    int64_t host_thread; /* that it may be called on */
    bool is_freed;
    RiValue function;
} RiCallback;

typedef struct Invocation {
    RiCallback *callback;
    void **args;
    void *result;
} Invocation;

static void clear_result(const RiCtype *t, void *result)
{
    if (t->kind != RI_CK_VOID)
        memset(result, 0, t->plain->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : t->plain->size);
}

/* libffi wants integers as wide as a register. */
static void widen(const RiCtype *t, void *result)
{
    uint64_t bits = 0;
    if (!ri_ctype_is_integer(t) || t->plain->size == 8)
        return;
    memcpy(&bits, result, t->plain->size);
    unsigned shift = 64 - 8 * (unsigned)t->plain->size;
    bits = t->plain->flags & RI_CT_UNSIGNED ? bits << shift >> shift : (uint64_t)((int64_t)(bits << shift) >> shift);
    memcpy(result, &bits, sizeof bits);
}

/* The value of an argument: structs as copies, as they are gone when the callback returns. */
static RiValue argument(RiThread *T, RiCtype *t, char *at)
{
    if (t->kind != RI_CK_STRUCT)
        return ri_ffi_load(T, t, at, NULL);
    RiCdata *c = ri_cdata_new(T, t->plain, t->plain->size);
    memcpy(c->at, at, t->plain->size);
    return ri_cdata_value(c);
}

static void run(RiThread *T, void *data)
{
    const Invocation *v = data;
    const RiCtype *type = v->callback->type;
    if (v->callback->is_freed)
        ri_error_no_position(T, "a callback that has been freed was called");
    ri_stack_reserve(T, (uint32_t)type->count + 8);
    ri_push(T, v->callback->function);
    ri_push_link(T);
    for (uint32_t i = 0; i < type->count; i++)
        ri_push(T, argument(T, type->fields[i].type, v->args[i]));
    bool has_result = type->base->kind != RI_CK_VOID;
    ri_call(T, (uint32_t)type->count, has_result);
    if (!has_result)
        return;
    T->top--;
    ri_ffi_store(T, type->base, v->result, *T->top, false);
    widen(type->base, v->result);
}

static void keep_error(RiFfi *ffi, RiCallStatus status, RiValue error)
{
    ffi->has_error = true;
    ffi->error_status = (int)status;
    ri_store(&ffi->error, error);
}

/* What C calls. */
static void enter(ffi_cif *cif, void *result, void **args, void *data)
{
    RiCallback *callback = data;
    RiFfi *ffi = callback->ffi;
    RiThread *T = callback->process->heap->running;
    Invocation invocation = {callback, args, result};
    (void)cif;
    clear_result(callback->type->base, result);
    bool is_ours = ri_host_thread_clock() == callback->host_thread && T != NULL && T->process == callback->process;
    if (!is_ours)
        ffi->has_error = true; /* all that can be done here; error_status says RI_OK */
    if (ffi->has_error)
        return;
    ptrdiff_t top = T->top - T->stack;
    RiCallStatus status = ri_try(T, run, &invocation);
    T->top = T->stack + top;
    if (status != RI_OK) {
        clear_result(callback->type->base, result);
        keep_error(ffi, status, T->error);
    }
}

/* -- Making and freeing ------------------------------------------------------------------------------------------- */

static RiCallback *find(const RiFfi *ffi, const void *code)
{
    for (RiCallback *c = ffi->callbacks; c != NULL; c = c->next) {
        if (c->code == code)
            return c;
    }
    return NULL;
}

static RiCallback *reuse_or_make(RiThread *T, RiFfi *ffi)
{
    uint32_t count = 0;
    for (RiCallback *c = ffi->callbacks; c != NULL; c = c->next) {
        if (c->is_freed)
            return c;
        count++;
    }
    if (count >= CALLBACKS_MAX)
        ri_error(T, "too many callbacks");
    RiCallback *c = ri_heap_alloc_block(T->heap, sizeof *c);
    c->closure = ffi_closure_alloc(sizeof *c->closure, &c->code);
    if (c->closure == NULL)
        ri_error_memory(T);
    c->is_freed = true;
    c->next = ffi->callbacks;
    ffi->callbacks = c;
    return c;
}

void *ri_ffi_callback(RiThread *T, RiCtype *type, RiValue f)
{
    RiFfi *ffi = ri_ffi_state(T);
    type = type->plain;
    if (type->flags & RI_CT_VARIADIC)
        ri_error(T, "cannot make a callback with variable arguments");
    RiCcall *call = ri_ffi_call_interface(T, type);
    RiCallback *c = reuse_or_make(T, ffi);
    if (ffi_prep_closure_loc(c->closure, &call->cif, enter, c, c->code) != FFI_OK)
        ri_error(T, "cannot make a callback of type '%s'", ri_ctype_text(T, type));
    c->process = T->process;
    c->ffi = ffi;
    c->type = type;
    c->host_thread = ri_host_thread_clock();
    ri_store(&c->function, f);
    c->is_freed = false;
    return c->code;
}

bool ri_ffi_callback_set(RiThread *T, const void *code, RiValue f)
{
    RiCallback *c = find(ri_ffi_state(T), code);
    if (c == NULL || c->is_freed)
        return false;
    c->is_freed = ri_is_nil(f);
    ri_store(&c->function, f);
    return true;
}

void ri_ffi_callbacks_close(RiThread *T)
{
    RiFfi *ffi = T->process->ffi;
    if (ffi == NULL)
        return;
    for (RiCallback *c = ffi->callbacks; c != NULL; c = c->next)
        ffi_closure_free(c->closure);
    ffi->callbacks = NULL;
}
