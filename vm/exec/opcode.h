/* Instruction words: names, formats, encoding. Everything derives from opcodes.def and formats.def. */
#ifndef RI_EXEC_OPCODE_H
#define RI_EXEC_OPCODE_H

#include "vm/base/check.h"

typedef enum RiOpcode {
#define OP(name, format, pops, pushes, flags, weight, effect, meaning) RI_OP_##name,
#include "vm/exec/opcodes.def"
#undef OP
    RI_OP_COUNT
} RiOpcode;

typedef enum RiFormat {
#define FORMAT(name, operands) RI_FORMAT_##name,
#include "vm/exec/formats.def"
#undef FORMAT
    RI_FORMAT_COUNT
} RiFormat;

#define RI_STACK_VARIES (-1) /* pops or pushes depend on the operands */

typedef struct RiOpInfo {
    const char *name, *flags, *effect, *meaning;
    const char *operands; /* from formats.def */
    uint8_t format;
    int8_t pops, pushes; /* RI_STACK_VARIES: see ri_op_stack_effect */
    uint8_t weight;
    uint8_t words; /* 1, or 2 with a `w` operand */
    uint32_t flag_bits; /* RI_OP_FLAG of each of `flags` */
} RiOpInfo;

extern const RiOpInfo ri_op_info[RI_OP_COUNT];

#define RI_OP_FLAG(letter) (UINT32_C(1) << ((letter) - 'A'))
static inline bool ri_op_has_flag(RiOpcode op, char flag)
{
    return (ri_op_info[op].flag_bits & RI_OP_FLAG(flag)) != 0;
}

typedef uint32_t RiWord;

#define RI_WORD_OP(w) ((uint8_t)(w))
#define RI_WORD_A(w) ((uint8_t)((w) >> 8))
#define RI_WORD_B(w) ((uint8_t)((w) >> 16))
#define RI_WORD_C(w) ((uint8_t)((w) >> 24))
#define RI_WORD_D(w) ((uint16_t)((w) >> 16))
#define RI_WORD_S(w) ((int16_t)((w) >> 16))
#define RI_WORD_U(w) ((w) >> 8)
#define RI_WORD_E(w) ((int32_t)(w) >> 8)

static inline RiWord ri_word_abc(RiOpcode op, unsigned a, unsigned b, unsigned c)
{
    return (RiWord)op | (RiWord)(a & 0xff) << 8 | (RiWord)(b & 0xff) << 16 | (RiWord)(c & 0xff) << 24;
}
static inline RiWord ri_word_ad(RiOpcode op, unsigned a, unsigned d)
{
    return (RiWord)op | (RiWord)(a & 0xff) << 8 | (RiWord)(d & 0xffff) << 16;
}
static inline RiWord ri_word_e(RiOpcode op, int32_t e) /* also for unsigned 24-bit operands */
{
    return (RiWord)op | (RiWord)e << 8;
}

#define RI_E_MAX 0x7fffff
#define RI_U_MAX 0xffffff

/* Read one operand of the instruction at `code` by its descriptor field letter (a b c d s u e w). */
static inline int64_t ri_op_read_field(const RiWord *code, char field)
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

#endif
