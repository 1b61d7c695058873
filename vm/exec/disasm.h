/* The text form of a prototype.
 *
 *     main <fib.lua:0>  14 words, 0 parameters and more, 5 slots, 1 upvalue
 *       K0  "print"
 *       U0  _ENV
 *       L0  fib                    2..14
 *         0     1  CLOSURE       P0                 ; <fib.lua:1>
 *         1     4  GETFIELD_UM   U0 S0              ; _ENV.print
 *         2     4  JLT_LK        L0 K1 X1 -> 9      ; n < 2
 *
 * One line per instruction: pc, source line ("-" if stripped or unchanged lines are not repeated), name, operands as
 * field kinds of formats.def name them, jump targets as pcs, and after a semicolon what the operands stand for. */
#ifndef RI_EXEC_DISASM_H
#define RI_EXEC_DISASM_H

#include "vm/object/func.h"

/* Append one line for the instruction at `pc`, without newline; returns the pc of the next one. Collects: yes. */
uint32_t ri_disasm_instruction(RiSbuf *out, const RiProto *proto, uint32_t pc);

enum {
    RI_DISASM_NESTED = 1, /* nested functions after their parents */
    RI_DISASM_TABLES = 2, /* constants, upvalues, locals, loops */
    RI_DISASM_DEPTHS = 4  /* stack depth before each instruction */
};

/* Append the whole listing of `proto`, lines ending in newlines. Works on anything whose operands are in range. */
void ri_disasm_proto(RiSbuf *out, const RiProto *proto, unsigned flags);

#endif
