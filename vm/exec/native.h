/* What library functions are written with: arguments, results, errors, calls. See RiLibFn in object/func.h for the ABI.
 *
 *     static int32_t math_floor(RiThread *T, RiValue *args, uint32_t nargs)
 *     {
 *         if (nargs > 0 && ri_is_int(args[0]))
 *             return ri_return1(args, args[0]);
 *         double n = floor(ri_arg_float(T, args, nargs, 0));
 *         …
 *     }
 *
 * Argument indices count from 0; messages count from 1, as Lua users do ("bad argument #1 to 'floor'"). `args` beyond
 * nargs is NOT nil: use ri_arg or the checkers. All ri_arg_* that fail throw. */
#ifndef RI_EXEC_NATIVE_H
#define RI_EXEC_NATIVE_H

#include "vm/exec/state.h"

enum { RI_LIB_CALL = -1, RI_LIB_YIELD = -2, RI_LIB_RESUME = -3, RI_LIB_POLL = -4, RI_LIB_BLOCK = -5 }; /* RiLibSignal */
enum {
    RI_LIBFN_CATCHES = 1, /* errors inside its callee come back to its `resume` (pcall, xpcall): exec layer only */
    RI_LIBFN_CATCHES_AS_NIL = 4, /* with RI_LIBFN_CATCHES: nil and the error are its results, and the error passes the
                                    message handlers around it (load) */
    RI_LIBFN_HANDLER = 8, /* with RI_LIBFN_CATCHES: its first slot is the message handler of what it calls (xpcall) */
    RI_LIBFN_CONTROL = 2  /* handled inside the dispatch loop: exec layer only */
    /* RI_LIBFN_C = 16: object/func.h */
};

/* -- Results --------------------------------------------------------------------------------------------------- */
static RI_ALWAYS_INLINE int32_t ri_return1(RiValue *args, RiValue v)
{
    ri_store(&args[-2], v);
    return 1;
}
static inline int32_t ri_return_nil(RiValue *args)
{
    ri_set_nil(&args[-2]);
    return 1;
}
static inline int32_t ri_return_int(RiValue *args, int64_t i)
{
    ri_set_int(&args[-2], i);
    return 1;
}
static inline int32_t ri_return_float(RiValue *args, double n)
{
    ri_set_float(&args[-2], n);
    return 1;
}
static inline int32_t ri_return_bool(RiValue *args, bool b)
{
    ri_set_bool(&args[-2], b);
    return 1;
}
static inline int32_t ri_return_string(RiValue *args, const RiString *s)
{
    args[-2].cp = s;
    args[-2].tag = RI_TAG_STRING;
    return 1;
}
/* Two and three results. */
static inline int32_t ri_return2(RiValue *args, RiValue v, RiValue w)
{
    ri_store(&args[-2], v);
    ri_store(&args[-1], w);
    return 2;
}
static inline int32_t ri_return3(RiValue *args, RiValue v, RiValue w, RiValue x)
{
    ri_store(&args[-2], v);
    ri_store(&args[-1], w);
    ri_store(&args[0], x);
    return 3;
}
/* The `count` topmost stack values (below T->top) are the results: moves them down. Uses T->base. */
int32_t ri_return_top(RiThread *T, uint32_t count);

/* -- Stack ----------------------------------------------------------------------------------------------------- */
/* Room for `slots` more values above T->top; the stack may move (re-read args = T->base). Throws "stack overflow". */
void ri_stack_reserve(RiThread *T, uint32_t slots);
bool ri_stack_try_reserve(RiThread *T, uint32_t slots); /* false instead of throwing */
static RI_ALWAYS_INLINE void ri_push(RiThread *T, RiValue v) /* within the reserve */
{
    ri_store(T->top, v);
    T->top++;
}

/* -- Arguments ------------------------------------------------------------------------------------------------- */
static RI_ALWAYS_INLINE RiValue ri_arg(const RiValue *args, uint32_t nargs, uint32_t i)
{
    return i < nargs ? args[i] : ri_nil();
}
static inline bool ri_arg_is_none_or_nil(const RiValue *args, uint32_t nargs, uint32_t i)
{
    return i >= nargs || ri_is_nil(args[i]);
}
/* luaL_check* / luaL_opt*; strings convert to numbers and numbers to strings (in place: args[i] becomes the string). */
int64_t ri_arg_int_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
double ri_arg_float_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
RiString *ri_arg_str_slow(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
static RI_ALWAYS_INLINE int64_t ri_arg_int(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return i < nargs && ri_is_int(args[i]) ? args[i].i : ri_arg_int_slow(T, args, nargs, i);
}
static RI_ALWAYS_INLINE double ri_arg_float(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return i < nargs && ri_is_float(args[i]) ? args[i].n : ri_arg_float_slow(T, args, nargs, i);
}
static RI_ALWAYS_INLINE RiString *ri_arg_str(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return i < nargs && ri_is_string(args[i]) ? (RiString *)args[i].p : ri_arg_str_slow(T, args, nargs, i);
}
static inline int64_t ri_arg_opt_int(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, int64_t fallback)
{
    return ri_arg_is_none_or_nil(args, nargs, i) ? fallback : ri_arg_int(T, args, nargs, i);
}
RiTable *ri_arg_table(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
void ri_arg_check_function(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i);
void ri_arg_check_any(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i); /* "value expected" */
/* luaL_checkoption over a NULL-terminated list; fallback may be NULL. */
int ri_arg_option(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *fallback, const char *const *list);
/* Userdata whose metatable is registry[type_name]: its data, else throws (or NULL for the test). What has an RiUserType must
 * have one of that name, too. */
void *ri_arg_udata(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, const char *type_name);
void *ri_test_udata(RiThread *T, RiValue v, const char *type_name);
/* registry[type_name] as a table, made if missing (luaL_newmetatable; sets __name). */
RiTable *ri_type_metatable(RiThread *T, const char *type_name);

/* -- Errors ---------------------------------------------------------------------------------------------------- */
RI_NORETURN void ri_throw(RiThread *T, RiValue error);
/* luaL_error: message with the position of the current Lua caller (level 1) in front. Formats: printf's, plus none. */
RI_NORETURN void ri_error(RiThread *T, const char *format, ...) RI_PRINTF(2, 3);
RI_NORETURN void ri_error_no_position(RiThread *T, const char *format, ...) RI_PRINTF(2, 3);
RI_NORETURN void ri_error_memory(RiThread *T); /* "not enough memory" */
RI_NORETURN void ri_arg_error(RiThread *T, uint32_t i, const char *extra);           /* luaL_argerror */
RI_NORETURN void ri_arg_type_error(RiThread *T, const RiValue *args, uint32_t nargs, uint32_t i,
                                   const char *expected);                             /* luaL_typeerror */
#define RI_ARG_CHECK(T, cond, i, extra)                                                            \
    do {                                                                                           \
        if (RI_UNLIKELY(!(cond)))                                                                  \
            ri_arg_error(T, i, extra);                                                             \
    } while (0)
/* "chunk:line: " of the function at `level` (1: the caller of the library function), or "". luaL_where */
RiString *ri_where(RiThread *T, int level);

/* -- Operations with metamethods (may call Lua through C; not yieldable across) --------------------------------- */
RiValue ri_index(RiThread *T, RiValue object, RiValue key);                /* object[key] */
void ri_set_index(RiThread *T, RiValue object, RiValue key, RiValue value); /* object[key] = value */
RiValue ri_index_int(RiThread *T, RiValue object, int64_t key);
void ri_set_index_int(RiThread *T, RiValue object, int64_t key, RiValue value);
int64_t ri_length(RiThread *T, RiValue object); /* luaL_len: "object length is not an integer" */
bool ri_equal(RiThread *T, RiValue a, RiValue b);
bool ri_less(RiThread *T, RiValue a, RiValue b);
RiString *ri_tostring(RiThread *T, RiValue v);  /* luaL_tolstring: __tostring, __name */
RiValue ri_metafield(RiThread *T, RiValue v, RiMetamethod event); /* nil if none */
const char *ri_type_name(RiThread *T, RiValue v); /* __name or the basic type, for messages (luaT_objtypename) */
bool ri_to_int(RiValue v, int64_t *out);      /* exact: int, integral float, or numeric string */
bool ri_to_float(RiValue v, double *out);     /* number or numeric string */
RiString *ri_to_string_raw(RiThread *T, RiValue v); /* string, or number converted; NULL else */

/* -- Calls ----------------------------------------------------------------------------------------------------- */
/* From C: push the function, ri_push_link, the arguments; then call. Results replace function and link: they lie at
 * T->top - count … T->top. wanted -1: all, returns the count. Not yieldable across. The stack may move. */
static RI_ALWAYS_INLINE void ri_push_link(RiThread *T)
{
    T->top->u = 0;
    T->top->tag = RI_TAG_LINK;
    T->top++;
}
uint32_t ri_call(RiThread *T, uint32_t nargs, int32_t wanted);
typedef enum RiCallStatus {
    RI_OK = 0,
    RI_YIELD = 1,
    RI_ERRRUN = 2,
    RI_ERRSYNTAX = 3,
    RI_ERRMEM = 4,
    RI_ERRERR = 5,
    RI_KILLED = 7 /* the process is doomed: no code of it is to run any more (6 is LUA_ERRFILE) */
} RiCallStatus;
/* The same, protected; on failure the error object replaces function and link. `handler` (nil: none) is called on errors. */
RiCallStatus ri_pcall(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count);

/* A call that needs no C stack and may be yielded across: push function, link, arguments; `return ri_lib_call(T, nargs,
 * wanted)`. When the callee has returned, fn->resume(T, args, nargs') is entered: args is the same frame (maybe moved),
 * args[nargs'] == T->top, the results are the topmost values. ri_lib_step is a number kept with the frame (0 at first). */
int32_t ri_lib_call(RiThread *T, uint32_t nargs, int32_t wanted);
static inline uint32_t ri_lib_step(const RiThread *T)
{
    return RI_LINK_OF(T->base)->extra;
}
static inline void ri_lib_set_step(RiThread *T, uint32_t step) /* below 2^20 */
{
    RI_LINK_OF(T->base)->extra = step & 0xfffff;
}

/* A safe point that cannot be left (the loop's state is on the C stack); call it every few hundred steps. May run other processes, never collects
 * what is reachable from the VM stack or the C stack; throws when the process is to be stopped. */
void ri_poll_slow(RiThread *T);
static RI_ALWAYS_INLINE void ri_poll(RiThread *T)
{
    if (RI_BUDGET_IS_SPENT(T->heap))
        ri_poll_slow(T);
}

/* A resumable safe point, for loops that keep their state in the frame: when it says true, save the state (in slots of the
 * own frame below T->top, large parts in a RI_TAG_BLOCK block that such a slot holds) and `return RI_LIB_POLL`. The
 * dispatch loop serves what asked for attention (timers, other processes, finalizers, collections; the stack may move) and
 * enters fn->resume(T, args, T->top - args), which goes on where the state says. */
static RI_ALWAYS_INLINE bool ri_poll_due(RiThread *T)
{
    return RI_BUDGET_IS_SPENT(T->heap);
}

/* To wait: declare what for with ri_task_wait (machine/sched.h), then `return RI_LIB_BLOCK`. Only the calling guest thread is
 * parked; when it has been woken, fn->resume(T, args, T->top - args) is entered, which looks at its condition again. A
 * state without a machine (T->process->proc == NULL) cannot wait: it must block in the host instead. */
static inline struct RiTask *ri_current_task(const RiThread *T) /* NULL: no machine */
{
    return T->process->proc != NULL ? T->process->proc->machine->current : NULL;
}

/* Upvalues of a RiNative being called. */
static inline RiNative *ri_self_native(RiThread *T)
{
    return (RiNative *)T->base[-2].p;
}

/* -- Loading --------------------------------------------------------------------------------------------------- */
/* Source or saved chunk to a closure, pushed. mode as for load ("b", "t", "bt"). On failure pushes the message. */
RiCallStatus ri_load(RiThread *T, const char *bytes, size_t size, const char *chunkname, const char *mode);
/* A saved chunk of a Lua function. */
RiString *ri_dump(RiThread *T, const RiProto *proto, bool strip);

/* -- Libraries ------------------------------------------------------------------------------------------------- */
typedef struct RiLibrary {
    const char *name; /* "string"; "_G" for the basic functions */
    const RiLibFn *functions;
    uint32_t count;
    /* Constants, metatables; may be NULL. It is called in the first process of a heap, and once for all others, which get
     * copies of what it has put into the registry, the globals and metatables: exec/template.h says what can be copied.
     * Fields of RiProcess it sets are not, except `io`: what needs one makes it at the first use. */
    void (*open)(RiThread *T, RiTable *library);
} RiLibrary;
/* Make the table, set it in globals and package.loaded. */
void ri_library_open(RiThread *T, const RiLibrary *library);
/* Make the table only, for `require`. */
RiTable *ri_library_make(RiThread *T, const RiLibrary *library);
/* Put functions into a table (a library, or the methods of a type) under the last part of their names. */
void ri_library_fill(RiThread *T, RiTable *table, const RiLibFn *functions, uint32_t count);

#define RI_FN(c_name, lua_name, usage_text, doc_text)                                              \
    {.name = lua_name, .usage = usage_text, .doc = doc_text, .call = c_name}
#define RI_FN_RESUMABLE(c_name, c_resume, lua_name, usage_text, doc_text)                          \
    {.name = lua_name, .usage = usage_text, .doc = doc_text, .call = c_name, .resume = c_resume}

#endif
