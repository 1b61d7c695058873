/* Names of running functions and the stack traceback, as Lua's error messages show them. */
#ifndef RI_EXEC_TRACEBACK_H
#define RI_EXEC_TRACEBACK_H

#include "vm/exec/debuginfo.h"

/* What luaL_traceback makes: the text of the stack of `of` (may be T itself) from `level` on, after `msg` and a newline
 * unless msg is NULL. Collects: yes. Traps: no memory. */
RiString *ri_traceback(RiThread *T, RiThread *of, const char *msg, int level);

/* How the function of `frame` was called: returns the kind ("global", "local", "method", "field", "upvalue",
 * "metamethod", "for iterator", "hook", …) and sets *name; NULL if nothing is known. */
const char *ri_frame_name(RiThread *T, const RiFrame *frame, const char **name);

/* How the instruction at `pc` would call what it calls: "global", "method", "metamethod", "for iterator" …, and the
 * name; NULL if nothing is known. */
const char *ri_called_name(RiProcess *process, const RiProto *proto, uint32_t pc, const char **name);

/* Name of a function as found in package.loaded ("print", "string.rep"), or NULL. Collects: yes. */
RiString *ri_global_function_name(RiThread *T, RiValue function);

/* Source line a Lua frame is at, or -1. */
int32_t ri_frame_line(RiThread *T, const RiFrame *frame);

/* The prototype of a Lua function, NULL for any other value. */
static inline const RiProto *ri_function_proto(RiValue function)
{
    return function.tag == RI_TAG_CLOSURE ? ((const RiClosure *)function.p)->feedback->proto : NULL;
}

/* Where the text of a function comes from: "@file", "=[C]", … ; *size gets its length. */
const char *ri_function_source(RiThread *T, RiValue function, size_t *size);

/* Message handler of a program's outermost call: an error object becomes the text to be shown, with a traceback. */
extern const RiLibFn ri_traceback_handler;

#endif
