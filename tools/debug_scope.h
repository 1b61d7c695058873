/* What a debugger shows: frames, variables, values as text, expressions in the scope of a frame, lines of source. */
#ifndef RI_TOOLS_DEBUG_SCOPE_H
#define RI_TOOLS_DEBUG_SCOPE_H

#include <stdio.h>

#include "vm/exec/inspect.h"

/* Write a value: strings quoted, tables with a few of their fields, functions with their place. Runs no code of the program.
 * `depth`: of tables within tables. */
void ri_scope_write(FILE *out, RiThread *T, RiValue v, int depth);
/* The same as malloc'ed text; "?" without memory. */
char *ri_scope_text(RiThread *T, RiValue v, int depth);

/* "name" of the function of the frame, for people: written into out. */
void ri_scope_function_name(RiThread *of, const RiFrame *frame, char *out, size_t size);
/* Its source, as file name or "[string …]". */
void ri_scope_source_name(const RiProto *proto, char *out, size_t size);
/* As ri_frame_at and ri_frame_caller, but what has called the program's main function is no frame. */
bool ri_scope_frame_at(RiThread *of, int level, RiFrame *frame);
bool ri_scope_frame_caller(RiThread *of, RiFrame *frame);
uint32_t ri_scope_frame_count(RiThread *of);

/* Evaluate `text` (an expression, or statements) in the scope of the frame at `level` of `of` (-1: globals only), on T, which
 * stands still. True: *count results lie on top of T's stack; false: an error does. In `text` locals and upvalues of the
 * frame can be read and assigned to. */
bool ri_scope_eval(RiThread *T, RiThread *of, int level, const char *text, uint32_t *count);

/* A value by name, of the frame. False: no such local or upvalue. */
bool ri_scope_set(RiThread *of, int level, const char *name, RiValue v);
bool ri_scope_get(RiThread *of, int level, const char *name, RiValue *v);

/* The text last looked at; all zero at first. */
typedef struct RiSourceText {
    char *name, *text; /* malloc'ed; text NULL: not to be had */
    size_t size;
} RiSourceText;
/* The text of a source ("@file", or the chunk itself); NULL: not to be had. Valid until the next call. */
const char *ri_source_text(RiSourceText *s, const RiString *source, size_t *size);
/* Line `line` (from 1) of it, without its newline; NULL: there is none. */
const char *ri_source_line(RiSourceText *s, const RiString *source, int line, size_t *size);
void ri_source_forget(RiSourceText *s);

#endif
