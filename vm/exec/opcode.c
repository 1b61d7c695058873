/* The instruction table in memory, made from opcodes.def and formats.def. */
#include "vm/exec/opcode.h"

#define FORMAT(name, text) static const char operands_##name[] = text;
#include "vm/exec/formats.def"
#undef FORMAT

/* The formats with a `w` operand. Not derived from the texts, as C has no constant expression for that; check_opcode
 * compares. */
#define BIT(name) ((uint64_t)1 << RI_FORMAT_##name)
#define TWO_WORDS                                                                                  \
    (BIT(NI) | BIT(MI) | BIT(MJ) | BIT(LJ) | BIT(LNJ) | BIT(XJ) | BIT(LXJ) | BIT(KXJ) | BIT(LLXJ) | BIT(LKXJ))
_Static_assert(RI_FORMAT_COUNT <= 64, "one bit a format");

#define FLAG_BIT(text, letter) (__builtin_strchr(text, letter) != NULL ? RI_OP_FLAG(letter) : 0)
#define FLAG_BITS(text)                                                                            \
    (FLAG_BIT(text, 'T') | FLAG_BIT(text, 'C') | FLAG_BIT(text, 'M') | FLAG_BIT(text, 'J') | FLAG_BIT(text, 'F') | \
     FLAG_BIT(text, 'P') | FLAG_BIT(text, 'O') | FLAG_BIT(text, 'I') | FLAG_BIT(text, 'Z'))

#define V RI_STACK_VARIES /* in the table: depends on the operands */

const RiOpInfo ri_op_info[RI_OP_COUNT] = {
#define OP(op_name, op_format, op_pops, op_pushes, op_flags, op_weight, op_effect, op_meaning)     \
    [RI_OP_##op_name] = {.name = #op_name,                                                         \
                         .flags = op_flags,                                                        \
                         .effect = op_effect,                                                      \
                         .meaning = op_meaning,                                                    \
                         .operands = operands_##op_format,                                         \
                         .format = RI_FORMAT_##op_format,                                          \
                         .pops = op_pops,                                                          \
                         .pushes = op_pushes,                                                      \
                         .weight = op_weight,                                                      \
                         .words = TWO_WORDS & BIT(op_format) ? 2 : 1,                              \
                         .flag_bits = FLAG_BITS(op_flags)},
#include "vm/exec/opcodes.def"
#undef OP
};

#undef V
