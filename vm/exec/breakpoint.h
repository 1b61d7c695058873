/* What a debugger needs of the execution layer: breakpoints, and a word at every event that it may want to stop at.
 *
 * With a debugger in the heap, each function gets a copy of its code when it is first called in its process
 * (RiFeedback.has_own_code), and a breakpoint is the opcode BREAK in the first word of an instruction there; what it covers
 * is read in the prototype, which is never changed. So a breakpoint costs whoever does not meet it nothing: there are no
 * line hooks, and machine code is made of all that lies between breakpoints. Without a debugger nothing of this exists.
 *
 * All calls of a debugger come on the native stack of the thread that met the event, with its frames exact, while no other
 * code of the machine runs. They may run Lua (ri_pcall above T->top) and look at any other thread. No event is told while
 * another one is (`is_busy`). They must not throw, except by ri_debugger_end. */
#ifndef RI_EXEC_BREAKPOINT_H
#define RI_EXEC_BREAKPOINT_H

#include "vm/exec/native.h"
#include "vm/exec/opcode.h"

typedef struct RiDebugger RiDebugger;
struct RiDebugger {
    RiHeap *heap;
    void *data;              /* of whoever debugs */
    bool is_busy;            /* an event is being told, or the debugger runs code of its own */
    volatile int wants_pause; /* ri_debugger_ask_pause */
    /* Each may be NULL. */
    /* A function is about to run for the first time in its process, and has code of its own now. */
    void (*on_function)(RiDebugger *d, RiFeedback *feedback);
    /* The instruction before T->pc, which has a breakpoint, is about to be done. */
    void (*on_break)(RiDebugger *d, RiThread *T);
    /* T has RI_HOOK_ENTER in its hook_mask: the frame of a Lua function has been set up (T->pc is 0); or (is_resumed) it is a
     * coroutine that goes on, and has just taken over the flag. */
    void (*on_enter)(RiDebugger *d, RiThread *T, bool is_resumed);
    /* A safe point after ri_debugger_ask_pause. */
    void (*on_pause)(RiDebugger *d, RiThread *T);
    /* An error is about to be thrown: the frames are all there. `is_caught`: by a pcall, xpcall or coroutine.resume of the
     * program, or by C code. */
    void (*on_throw)(RiDebugger *d, RiThread *T, RiCallStatus status, RiValue error, bool is_caught);
    /* A guest signal is about to be delivered to T's task, to its handler or by its default action. */
    void (*on_signal)(RiDebugger *d, RiThread *T, uint32_t number);
    /* A coroutine has been made. Not to run anything. */
    void (*on_coroutine)(RiDebugger *d, RiThread *co);
    /* A library function has been refused a store to a page of T's process. True: the page can be written now, the function is
     * carried out again, and then this is called once more, with `is_done`. Told even while another event is. */
    bool (*on_store)(RiDebugger *d, RiThread *T, uint32_t address, bool is_done);
};

/* From here on functions that are called for the first time are `d`'s to see; before any has been. `d` must stay. */
void ri_debugger_attach(RiHeap *heap, RiDebugger *d);
/* Nothing is told any more; breakpoints that are left have no effect. */
void ri_debugger_detach(RiHeap *heap);
static inline RiDebugger *ri_debugger_of(const RiHeap *heap)
{
    return heap->debugger;
}
/* Have on_pause called at the next safe point, wherever that is. From any host thread, or a signal handler; whoever waits in
 * the scheduler has to be woken by ri_machine_request. */
void ri_debugger_ask_pause(RiDebugger *d);

/* Set, or remove, a breakpoint at the instruction whose first word is `pc`, in the function's own code. Setting one ends machine code made of the function: that is left before it goes on, wherever it stands. A function
 * without code of its own is left alone. Collects: no. */
void ri_breakpoint_set(RiHeap *heap, RiFeedback *feedback, uint32_t pc);
void ri_breakpoint_clear(RiFeedback *feedback, uint32_t pc);
static inline bool ri_breakpoint_is_set(const RiFeedback *feedback, uint32_t pc)
{
    return feedback->has_own_code && RI_WORD_OP(feedback->code[pc]) == RI_OP_BREAK;
}

/* The first word of the instruction after that at `pc`. */
uint32_t ri_code_next(const RiProto *proto, uint32_t pc);
/* Does the instruction at `pc` begin a run of instructions of one line, other than that of the one before it? `last` is the
 * instruction before it; UINT32_MAX: it is the first. */
bool ri_code_begins_line(const RiProto *proto, uint32_t last, uint32_t pc);
/* The first instruction to stop at when the function is entered: parameters lie where they belong. */
uint32_t ri_code_entry(const RiProto *proto);

/* Would an error thrown in T now be caught by the program (pcall, resume) or C code in it? Not by what runs its main function. */
bool ri_is_error_caught(const RiThread *T);

/* -- For the execution layer ---------------------------------------------------------------------------------------- */
void ri_breakpoint_hit(RiThread *T);     /* the interpreter, at BREAK */
void ri_debugger_entered(RiThread *T);   /* see on_enter */
void ri_debugger_resumed(RiThread *co);
void ri_debugger_look(RiThread *T);      /* at safe points */
void ri_debugger_thrown(RiThread *T, RiCallStatus status, RiValue error);
void ri_debugger_signalled(RiThread *T, uint32_t number);
/* The library function of T's current frame has met a fault of a store: true if it has been carried out all the same, and
 * *signal is what it has returned. Traps. */
bool ri_debugger_store(RiThread *T, uint32_t address, int32_t *signal);

#endif
