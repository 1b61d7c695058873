/* What a running frame is and how the operands of an instruction are called, for messages, tracebacks, debug.getinfo. */
#ifndef RI_EXEC_DEBUGINFO_H
#define RI_EXEC_DEBUGINFO_H

#include "vm/exec/state.h"

/* One activation, found by walking links. Offsets are from thread->stack, so that they survive a moving stack. */
typedef struct RiFrame {
    uint32_t base;     /* slot offset */
    uint32_t top;      /* first slot above this frame's values */
    uint32_t pc;       /* Lua functions: index of the word after the instruction being executed */
    bool is_lua;
    bool is_tail;      /* reached by a tail call */
} RiFrame;

/* The index that the resume point of `link` is in the code of the function `caller`; 0 if that is no Lua function. */
uint32_t ri_link_pc(RiValue caller, const RiLink *link);
/* Make the caller of T's current frame the current one: T->base and T->pc. */
void ri_leave_frame(RiThread *T, const RiLink *link);

/* Level 0 is the running function. False if there is no such level. */
bool ri_frame_at(RiThread *T, int level, RiFrame *frame);
/* Go on to the caller of `frame`; false, and `frame` as it was, if it is the first one of its thread. */
bool ri_frame_caller(const RiThread *T, RiFrame *frame);
RiValue ri_frame_function(const RiThread *T, const RiFrame *frame);

/* How the value that operand `index` (0: deepest) of the instruction at `pc` was obtained: writes kind ("local",
 * "upvalue", "global", "field", "method", "constant") and name; false if unknown. Works by running the verifier's
 * abstract stack over the function up to pc, remembering who pushed each slot. For superinstructions with named
 * operands (locals, constants, upvalues) the names come from the word. Operand numbering follows the plain form of
 * the instruction: for ADD_LK operand 0 is L(A), operand 1 is K(D); for SETINDEX_LL 0 is the table, 1 the key, 2 the
 * value; for calls 0 is the function. `process` remembers the last answers; NULL: it need not. Collects: yes. */
bool ri_describe_operand(RiProcess *process, const RiProto *proto, uint32_t pc, uint32_t index, const char **kind,
                         const char **name);

typedef enum RiSlotUse {
    RI_SLOT_VALUE, /* may be read and written */
    RI_SLOT_CELL,  /* a captured local: its RiCell */
    RI_SLOT_STATE, /* of a loop: may be read, must not be written */
    RI_SLOT_FIXED, /* a table under construction, a variable to be closed: may be read, must not be written */
    RI_SLOT_NONE   /* a frame link, or above the stack at this point */
} RiSlotUse;

/* What slot `slot` holds while the instruction that starts at `pc` is executed: debug.getlocal and setlocal must not
 * take more liberties than this. `process` as above. Collects: yes. */
RiSlotUse ri_slot_use(RiProcess *process, const RiProto *proto, uint32_t pc, uint32_t slot);

/* Name of active local variable number `n` (1-based) at pc, and its slot; NULL if none. luaF_getlocalname */
const char *ri_local_name(const RiProto *proto, uint32_t n, uint32_t pc, uint32_t *slot);
/* Name of the local in slot `slot` at pc, or NULL. */
const char *ri_local_name_of_slot(const RiProto *proto, uint32_t slot, uint32_t pc);

/* "[string \"…\"]", "file", … luaO_chunkid into out[60]. */
void ri_chunk_id(char *out, const char *source, size_t size);
#define RI_ID_SIZE 60

#endif
