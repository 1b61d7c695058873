/* Native stacks and switching between them, without the operating system. A context is a stack that is suspended: its
 * callee-saved registers lie on it, `sp` points to them. */
#ifndef RI_HOST_CONTEXT_H
#define RI_HOST_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RI_CONTEXT_STACK_BYTES ((size_t)512 << 10) /* address space; pages come when touched */

typedef struct RiContext {
    void *sp;               /* while suspended: its lowest live address */
    char *stack;            /* lowest address, above a guard page; NULL: the host thread's own */
    char *end;              /* one past the highest address */
    struct RiContext *next; /* for the owner's lists */
    void *owner;            /* for the owner */
    void (*entry)(void *argument);
    void *argument;
    void *fake_stack;       /* of the address sanitizer */
} RiContext;

/* A stack that will run entry(argument) when first switched to; entry never returns. The RiContext lies at the top of the
 * stack itself. NULL if memory is short (errno). */
RiContext *ri_context_new(void (*entry)(void *argument), void *argument);
/* Let *context stand for the host thread's own stack, the running one: its bounds stay NULL (except for the address
 * sanitizer, which has to know them). */
void ri_context_init_host(RiContext *context);
/* Not the running one. */
void ri_context_free(RiContext *context);
/* Give the pages of a suspended, fresh or dead context's stack below sp back to the host. */
void ri_context_trim(RiContext *context);
/* Suspend the running stack as *from and go on with `to`. Returns when somebody switches back to `from`. */
void ri_context_switch(RiContext *from, RiContext *to);
/* The same, but the running stack is never resumed: for tasks that have died deep inside C. It may be re-used by
 * ri_context_reset. */
void ri_context_reset(RiContext *context);

#endif
