/* What a debugger sees of functions: variables, upvalues, lines. For the debug library and the C API. */
#ifndef RI_EXEC_INSPECT_H
#define RI_EXEC_INSPECT_H

#include "vm/exec/debuginfo.h"

/* A value from a stack or upvalue as a program may see it: what a cell holds; nil for the machine's own objects. */
RiValue ri_visible_value(RiValue v);

typedef struct RiLocal {
    const char *name; /* NULL: there is no such variable */
    RiValue *slot;    /* NULL: nothing to see */
    bool is_writable;
} RiLocal;

/* Local variable number `n` of the frame at `level`: a named one, a vararg (n < 0), or what else lies in its slots. Collects. */
RiLocal ri_find_local(RiThread *of, int level, const RiFrame *frame, int64_t n, bool to_write);
/* Give a variable of `of` that was found `to_write` a value. */
void ri_set_local(RiThread *of, RiLocal *local, RiValue v);
/* Name of parameter `n` of a function that is not running; NULL if there is none. */
const char *ri_parameter_name(RiValue function, int64_t n);

uint32_t ri_upvalue_count(RiValue function);
/* Upvalue `n` (from 1) of a function: its name and where its value lies; false if there is none. Collects. */
bool ri_find_upvalue(RiThread *T, RiValue function, int64_t n, const char **name, RiValue **value);
/* May programs change its upvalues? Library functions rely on what they have put there. */
bool ri_may_set_upvalue(RiValue function);
/* What identifies upvalue `n`, its cell or its place in a C function; NULL if there is none. */
void *ri_upvalue_id(RiValue function, int64_t n);
/* The lines that have code, as keys of a table; nil for functions that are not Lua's. Collects. */
RiValue ri_active_lines(RiThread *T, RiValue function);

#endif
