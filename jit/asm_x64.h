/* The assembler: machine instructions of x86-64 as bytes.
 *
 * Nothing here knows of Lua. Code is written through one mapping and runs at another (host/codepages.h), so all that is
 * relative is computed from offsets into the code memory, which are the same in both. Forms with a register and a
 * register-or-memory operand come from asm_x64.def; the others have functions of their own. No checks of space: who
 * emits sees to it beforehand. */
#ifndef RI_JIT_ASM_X64_H
#define RI_JIT_ASM_X64_H

#include "vm/base/check.h"

typedef enum RiReg {
    RI_RAX, RI_RCX, RI_RDX, RI_RBX, RI_RSP, RI_RBP, RI_RSI, RI_RDI,
    RI_R8, RI_R9, RI_R10, RI_R11, RI_R12, RI_R13, RI_R14, RI_R15,
    RI_NO_REG = -1
} RiReg;
typedef int RiXmm; /* 0 … 15 */

typedef enum RiForm {
#define FORM(name, prefix, opcode, flags) RI_X_##name,
#include "jit/asm_x64.def"
#undef FORM
    RI_FORM_X_COUNT
} RiForm;

/* The eight operations of group 1, and the shifts of group 2, by their number in ModRM. */
typedef enum RiAlu { RI_ALU_ADD, RI_ALU_OR, RI_ALU_AND = 4, RI_ALU_SUB, RI_ALU_XOR, RI_ALU_CMP } RiAlu;
typedef enum RiShift { RI_SHIFT_LEFT = 4, RI_SHIFT_RIGHT = 5, RI_SHIFT_ARITHMETIC = 7 } RiShift;

/* Condition codes. */
typedef enum RiCond {
    RI_CC_O, RI_CC_NO, RI_CC_B, RI_CC_AE, RI_CC_E, RI_CC_NE, RI_CC_BE, RI_CC_A,
    RI_CC_S, RI_CC_NS, RI_CC_P, RI_CC_NP, RI_CC_L, RI_CC_GE, RI_CC_LE, RI_CC_G
} RiCond;
static inline RiCond ri_cond_not(RiCond cc)
{
    return (RiCond)(cc ^ 1);
}

/* base + index * scale + disp; without an index: RI_NO_REG. */
typedef struct RiMem {
    RiReg base, index;
    int scale; /* 1, 2, 4, 8 */
    int32_t disp;
} RiMem;
static inline RiMem ri_mem(RiReg base, int64_t disp)
{
    return (RiMem){base, RI_NO_REG, 1, (int32_t)disp};
}
static inline RiMem ri_mem_index(RiReg base, RiReg index, int scale, int64_t disp)
{
    return (RiMem){base, index, scale, (int32_t)disp};
}

typedef struct RiAsm {
    uint8_t *code; /* where offset 0 can be written */
    uint32_t at;   /* offset of the next byte */
} RiAsm;

void ri_x_rr(RiAsm *as, RiForm form, int reg, int rm);         /* reg := reg op rm; STORE forms: rm := reg */
void ri_x_rm(RiAsm *as, RiForm form, int reg, RiMem mem);
void ri_x_alu(RiAsm *as, RiAlu op, RiReg reg, int32_t imm);    /* 64 bits, sign-extended immediate */
void ri_x_alu32(RiAsm *as, RiAlu op, RiReg reg, int32_t imm);
void ri_x_alu_mem(RiAsm *as, RiAlu op, RiMem mem, int32_t imm);   /* 64 bits */
void ri_x_alu32_mem(RiAsm *as, RiAlu op, RiMem mem, int32_t imm);
void ri_x_alu8_mem(RiAsm *as, RiAlu op, RiMem mem, int8_t imm);
void ri_x_test8_mem(RiAsm *as, RiMem mem, int8_t imm);
void ri_x_test_imm_mem(RiAsm *as, RiMem mem, int32_t imm);      /* 32 bits */
void ri_x_test_imm(RiAsm *as, RiReg reg, int32_t imm);         /* 32 bits */
void ri_x_imm(RiAsm *as, RiReg reg, int64_t imm);              /* shortest form; leaves the flags alone */
void ri_x_store_imm(RiAsm *as, RiMem mem, int32_t imm);        /* 64 bits, sign-extended */
void ri_x_store32_imm(RiAsm *as, RiMem mem, int32_t imm);
void ri_x_store8_imm(RiAsm *as, RiMem mem, int8_t imm);
void ri_x_shift(RiAsm *as, RiShift op, RiReg reg, int count);
void ri_x_shift_cl(RiAsm *as, RiShift op, RiReg reg);
void ri_x_imul(RiAsm *as, RiReg reg, RiReg rm, int32_t imm);   /* reg := rm * imm */
void ri_x_neg(RiAsm *as, RiReg reg);
void ri_x_not(RiAsm *as, RiReg reg);
void ri_x_idiv(RiAsm *as, RiReg reg);                          /* rdx:rax by reg */
void ri_x_div32(RiAsm *as, RiReg reg);                         /* edx:eax by reg, unsigned */
void ri_x_cqo(RiAsm *as);
void ri_x_setcc(RiAsm *as, RiCond cc, RiReg reg);              /* low byte */
void ri_x_roundsd(RiAsm *as, RiXmm to, RiXmm from, int mode);  /* mode 9: floor, 10: ceil; SSE 4.1 */
void ri_x_push(RiAsm *as, RiReg reg);
void ri_x_pop(RiAsm *as, RiReg reg);
void ri_x_fs(RiAsm *as, bool stores, RiReg reg, int32_t offset); /* 32 bits of the host thread's own memory */
void ri_x_ret(RiAsm *as);
void ri_x_call_reg(RiAsm *as, RiReg reg);
void ri_x_jmp_reg(RiAsm *as, RiReg reg);

/* Jumps to an offset; they return where their 32-bit displacement lies, for ri_x_patch. A target not known yet: 0. */
uint32_t ri_x_jmp(RiAsm *as, uint32_t target);
uint32_t ri_x_jcc(RiAsm *as, RiCond cc, uint32_t target);
uint32_t ri_x_call(RiAsm *as, uint32_t target);
/* The next instruction accesses memory that may not be there: where it is not, go on at `target` (vm/host/fault.h). */
uint32_t ri_x_if_refused(RiAsm *as, uint32_t target);
/* Let the jump whose displacement lies at `where` lead to `target`. */
void ri_x_patch(RiAsm *as, uint32_t where, uint32_t target);
static inline void ri_x_land(RiAsm *as, uint32_t where) /* … to here */
{
    ri_x_patch(as, where, as->at);
}

#endif
