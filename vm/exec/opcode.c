/* The instruction table in memory, made from opcodes.def and formats.def. */
#include "vm/exec/opcode.h"

#include <string.h>

#define FORMAT(name, text) static const char operands_##name[] = text;
#include "vm/exec/formats.def"
#undef FORMAT

/* The formats with a `w` operand. Not derived from the texts, as C has no constant expression for that; check_opcode
 * compares. */
#define BIT(name) ((uint64_t)1 << RI_FORMAT_##name)
#define TWO_WORDS                                                                                  \
    (BIT(NI) | BIT(MI) | BIT(MJ) | BIT(LJ) | BIT(LNJ) | BIT(XJ) | BIT(LXJ) | BIT(KXJ) | BIT(LLXJ) | BIT(LKXJ))
_Static_assert(RI_FORMAT_COUNT <= 64, "one bit a format");

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
                         .words = TWO_WORDS & BIT(op_format) ? 2 : 1},
#include "vm/exec/opcodes.def"
#undef OP
};

#undef V

bool ri_op_has_flag(RiOpcode op, char flag)
{
    return strchr(ri_op_info[op].flags, flag) != NULL;
}

int64_t ri_op_read_field(const RiWord *code, char field)
{
    RiWord word = code[0];
    switch (field) {
    case 'a':
        return RI_WORD_A(word);
    case 'b':
        return RI_WORD_B(word);
    case 'c':
        return RI_WORD_C(word);
    case 'd':
        return RI_WORD_D(word);
    case 's':
        return RI_WORD_S(word);
    case 'u':
        return RI_WORD_U(word);
    case 'e':
        return RI_WORD_E(word);
    case 'w':
        return (int32_t)code[1];
    default:
        ri_unreachable();
    }
}
