/* Abstract execution: the kinds of what lies in a frame, and who put it there, at every instruction of a prototype.
 *
 * The verifier accepts what this walk gets through; error messages ask it who pushed an operand; debug.getlocal asks it
 * what a slot holds. Each reachable instruction is seen with the state before it. Where paths meet, depths must be
 * equal and kinds agree (a table just made and any other value meet as a value; producers that differ as unknown), so a
 * second look at an instruction is rare and the walk is about linear. */
#ifndef RI_EXEC_ABSTRACT_H
#define RI_EXEC_ABSTRACT_H

#include "vm/exec/opcode.h"
#include "vm/object/func.h"

typedef enum RiKind {
    RI_KIND_VALUE,
    RI_KIND_TABLE, /* a table made by this function: raw stores into it are allowed */
    RI_KIND_LINK,  /* room for a frame link, above the function to call */
    RI_KIND_CELL,  /* a captured local */
    RI_KIND_COUNTER, /* state of a numeric loop: this slot, limit, step */
    RI_KIND_LIMIT,
    RI_KIND_STEP,
    RI_KIND_ITERATOR, /* state of a generic loop: iterator function, state, control, closing value */
    RI_KIND_ITERATED,
    RI_KIND_CONTROL,
    RI_KIND_CLOSING,
    RI_KIND_COUNT
} RiKind;

#define RI_KIND_TBC 0x80 /* flag: must be closed before the slot goes */
#define RI_KIND_OF(k) ((RiKind)((k) & 0x7f))

#define RI_FRAME_SIZE_MAX 32767
#define RI_NO_PRODUCER (-1)

/* Who pushed a value: instruction and, where it pushes several, which one. */
#define RI_PRODUCER(pc, nth) ((int64_t)(pc)*4 + (nth))
#define RI_PRODUCER_PC(p) ((uint32_t)((p) >> 2))
#define RI_PRODUCER_NTH(p) ((uint32_t)(p)&3)

/* State before an instruction. Only valid during the visit. */
typedef struct RiAbstractState {
    uint32_t depth;
    bool open;                /* more values than `depth` lie on the stack: all results of a call or all varargs */
    const uint8_t *kinds;     /* of slots 0 … depth-1: RiKind and RI_KIND_TBC */
    const int64_t *producers; /* RI_PRODUCER or RI_NO_PRODUCER; NULL if not asked for */
} RiAbstractState;

/* Called before each reachable instruction, maybe more than once: the last call for a pc has the final state. */
typedef void RiAbstractVisit(void *context, uint32_t pc, const RiAbstractState *state);

/* Walk `proto`. Operand ranges and jump targets are checked too. Returns NULL, or the broken rule with *pc set.
 * `visit` may be NULL. Memory comes from malloc and is given back. Collects: no. Traps: no. */
const char *ri_abstract_walk(const RiProto *proto, bool want_producers, RiAbstractVisit *visit, void *context, uint32_t *pc);

/* How many values the instruction at `code` (depth before: `depth`) leaves, following its fall edge; for the JIT and
 * listings. RI_STACK_VARIES rows are resolved here. */
uint32_t ri_abstract_depth_after(const RiWord *code, uint32_t depth);

/* First word of the instruction that contains word `word`: second words are data, so this steps from the start. */
uint32_t ri_instruction_at(const RiProto *proto, uint32_t word);

#endif
