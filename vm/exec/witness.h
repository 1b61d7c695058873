/* A witness: what the state was before each instruction, to compare two runs of a program, of either engine.
 *
 * Before each instruction of a Lua function the interpreter, by its hooked dispatch, and machine code made for it
 * (jit/witness.c) tell the witness. It folds the instruction's place, the frame's link, locals and operands into a number of 64 bits; these
 * go to a file, one after the other, but for repetitions in a frame: who leaves machine code, or calls a hook, sees the same
 * state twice. Two runs that do the same write the same file. Objects count by their serials, strings by their contents. */
#ifndef RI_EXEC_WITNESS_H
#define RI_EXEC_WITNESS_H

#include "vm/exec/state.h"

typedef struct RiWitness RiWitness;

/* Write to `path`, at most `limit` states. From number `from` on (0: never) `count` states are described on stderr.
 * NULL: the file cannot be made. */
RiWitness *ri_witness_open(const char *path, uint64_t limit, uint64_t from, uint64_t count);
void ri_witness_close(RiWitness *witness); /* NULL: nothing */
/* T is about to do instruction T->pc; T->base and T->top are exact. Collects: no. */
void ri_witness_tell(RiWitness *witness, const RiThread *T);

#endif
