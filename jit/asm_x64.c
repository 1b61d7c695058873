/* Encoding of x86-64: prefixes, REX, opcode, ModRM, SIB, displacement, immediate. */
#include "jit/asm_x64.h"

#include <string.h>

#include "vm/host/fault.h"

enum { FLAG_X = 0, FLAG_W = 1, FLAG_B = 2 };

static const struct Form {
    uint8_t prefix, flags;
    uint16_t opcode;
} forms[RI_FORM_X_COUNT] = {
#define FORM(name, prefix, opcode, flags) {prefix, FLAG_##flags, opcode},
#include "jit/asm_x64.def"
#undef FORM
};

static void byte(RiAsm *as, unsigned value)
{
    as->code[as->at++] = (uint8_t)value;
}

static void word32(RiAsm *as, int32_t value)
{
    memcpy(as->code + as->at, &value, 4);
    as->at += 4;
}

static void word64(RiAsm *as, int64_t value)
{
    memcpy(as->code + as->at, &value, 8);
    as->at += 8;
}

/* -- REX, ModRM, SIB --------------------------------------------------------------------------------------------- */

static void rex(RiAsm *as, bool wide, int reg, int index, int base, bool force)
{
    unsigned bits = (unsigned)wide << 3 | (unsigned)(reg >> 3 & 1) << 2 | (unsigned)(index >> 3 & 1) << 1 |
                    (unsigned)(base >> 3 & 1);
    if (bits || force)
        byte(as, 0x40 | bits);
}

static void modrm(RiAsm *as, int mod, int reg, int rm)
{
    byte(as, (unsigned)mod << 6 | (unsigned)(reg & 7) << 3 | (unsigned)(rm & 7));
}

/* ModRM and what follows it for a memory operand. */
static void address(RiAsm *as, int reg, RiMem m)
{
    bool has_index = m.index != RI_NO_REG, needs_sib = has_index || (m.base & 7) == RI_RSP;
    bool short_disp = m.disp >= -128 && m.disp < 128;
    int mod = m.disp == 0 && (m.base & 7) != RI_RBP ? 0 : short_disp ? 1 : 2;
    modrm(as, mod, reg, needs_sib ? RI_RSP : m.base);
    if (needs_sib) {
        int log = m.scale == 8 ? 3 : m.scale == 4 ? 2 : m.scale == 2 ? 1 : 0;
        modrm(as, log, has_index ? m.index : RI_RSP, m.base);
    }
    if (mod == 1)
        byte(as, (unsigned)m.disp);
    else if (mod == 2)
        word32(as, m.disp);
}

static void opcode_of(RiAsm *as, unsigned opcode)
{
    if (opcode > 0xff)
        byte(as, opcode >> 8);
    byte(as, opcode);
}

static int index_of(RiMem m)
{
    return m.index == RI_NO_REG ? 0 : m.index;
}

static void op_mem(RiAsm *as, bool wide, unsigned opcode, int reg, RiMem m)
{
    rex(as, wide, reg, index_of(m), m.base, false);
    opcode_of(as, opcode);
    address(as, reg, m);
}

static void op_reg(RiAsm *as, bool wide, unsigned opcode, int reg, int rm)
{
    rex(as, wide, reg, 0, rm, false);
    opcode_of(as, opcode);
    modrm(as, 3, reg, rm);
}

/* -- Forms of the table ------------------------------------------------------------------------------------------- */

void ri_x_rr(RiAsm *as, RiForm form, int reg, int rm)
{
    const struct Form *f = &forms[form];
    if (f->prefix)
        byte(as, f->prefix);
    rex(as, f->flags & FLAG_W, reg, 0, rm, f->flags & FLAG_B && rm >= RI_RSP);
    opcode_of(as, f->opcode);
    modrm(as, 3, reg, rm);
}

void ri_x_rm(RiAsm *as, RiForm form, int reg, RiMem m)
{
    const struct Form *f = &forms[form];
    if (f->prefix)
        byte(as, f->prefix);
    rex(as, f->flags & FLAG_W, reg, index_of(m), m.base, f->flags & FLAG_B && reg >= RI_RSP);
    opcode_of(as, f->opcode);
    address(as, reg, m);
}

/* -- Immediates ---------------------------------------------------------------------------------------------------- */

static bool is_byte(int32_t imm)
{
    return imm >= -128 && imm < 128;
}

static void alu_imm(RiAsm *as, bool wide, RiAlu op, RiReg reg, int32_t imm)
{
    op_reg(as, wide, is_byte(imm) ? 0x83 : 0x81, op, reg);
    if (is_byte(imm))
        byte(as, (unsigned)imm);
    else
        word32(as, imm);
}

static void alu_mem(RiAsm *as, bool wide, RiAlu op, RiMem m, int32_t imm)
{
    op_mem(as, wide, is_byte(imm) ? 0x83 : 0x81, op, m);
    if (is_byte(imm))
        byte(as, (unsigned)imm);
    else
        word32(as, imm);
}

void ri_x_alu(RiAsm *as, RiAlu op, RiReg reg, int32_t imm)
{
    alu_imm(as, true, op, reg, imm);
}
void ri_x_alu32(RiAsm *as, RiAlu op, RiReg reg, int32_t imm)
{
    alu_imm(as, false, op, reg, imm);
}
void ri_x_alu_mem(RiAsm *as, RiAlu op, RiMem m, int32_t imm)
{
    alu_mem(as, true, op, m, imm);
}
void ri_x_alu32_mem(RiAsm *as, RiAlu op, RiMem m, int32_t imm)
{
    alu_mem(as, false, op, m, imm);
}
void ri_x_alu8_mem(RiAsm *as, RiAlu op, RiMem m, int8_t imm)
{
    op_mem(as, false, 0x80, op, m);
    byte(as, (unsigned)imm);
}
void ri_x_test8_mem(RiAsm *as, RiMem m, int8_t imm)
{
    op_mem(as, false, 0xf6, 0, m);
    byte(as, (unsigned)imm);
}
void ri_x_test_imm_mem(RiAsm *as, RiMem m, int32_t imm)
{
    op_mem(as, false, 0xf7, 0, m);
    word32(as, imm);
}
void ri_x_test_imm(RiAsm *as, RiReg reg, int32_t imm)
{
    op_reg(as, false, 0xf7, 0, reg);
    word32(as, imm);
}

void ri_x_imm(RiAsm *as, RiReg reg, int64_t imm)
{
    if ((uint64_t)imm <= UINT32_MAX) {
        rex(as, false, 0, 0, reg, false);
        byte(as, 0xb8 | (reg & 7));
        word32(as, (int32_t)(uint32_t)imm);
    } else if (imm == (int32_t)imm) {
        op_reg(as, true, 0xc7, 0, reg);
        word32(as, (int32_t)imm);
    } else {
        rex(as, true, 0, 0, reg, false);
        byte(as, 0xb8 | (reg & 7));
        word64(as, imm);
    }
}

void ri_x_store_imm(RiAsm *as, RiMem m, int32_t imm)
{
    op_mem(as, true, 0xc7, 0, m);
    word32(as, imm);
}
void ri_x_store32_imm(RiAsm *as, RiMem m, int32_t imm)
{
    op_mem(as, false, 0xc7, 0, m);
    word32(as, imm);
}
void ri_x_store8_imm(RiAsm *as, RiMem m, int8_t imm)
{
    op_mem(as, false, 0xc6, 0, m);
    byte(as, (unsigned)imm);
}

/* -- Others -------------------------------------------------------------------------------------------------------- */

void ri_x_shift(RiAsm *as, RiShift op, RiReg reg, int count)
{
    op_reg(as, true, 0xc1, op, reg);
    byte(as, (unsigned)count);
}
void ri_x_shift_cl(RiAsm *as, RiShift op, RiReg reg)
{
    op_reg(as, true, 0xd3, op, reg);
}
void ri_x_imul(RiAsm *as, RiReg reg, RiReg rm, int32_t imm)
{
    op_reg(as, true, is_byte(imm) ? 0x6b : 0x69, reg, rm);
    if (is_byte(imm))
        byte(as, (unsigned)imm);
    else
        word32(as, imm);
}
void ri_x_neg(RiAsm *as, RiReg reg)
{
    op_reg(as, true, 0xf7, 3, reg);
}
void ri_x_not(RiAsm *as, RiReg reg)
{
    op_reg(as, true, 0xf7, 2, reg);
}
void ri_x_idiv(RiAsm *as, RiReg reg)
{
    op_reg(as, true, 0xf7, 7, reg);
}
void ri_x_div32(RiAsm *as, RiReg reg)
{
    op_reg(as, false, 0xf7, 6, reg);
}
void ri_x_cqo(RiAsm *as)
{
    byte(as, 0x48);
    byte(as, 0x99);
}
void ri_x_setcc(RiAsm *as, RiCond cc, RiReg reg)
{
    rex(as, false, 0, 0, reg, reg >= RI_RSP);
    opcode_of(as, 0x0f90u | cc);
    modrm(as, 3, 0, reg);
}
void ri_x_roundsd(RiAsm *as, RiXmm to, RiXmm from, int mode)
{
    byte(as, 0x66);
    rex(as, false, to, 0, from, false);
    byte(as, 0x0f);
    opcode_of(as, 0x3a0b);
    modrm(as, 3, to, from);
    byte(as, (unsigned)mode);
}
void ri_x_push(RiAsm *as, RiReg reg)
{
    rex(as, false, 0, 0, reg, false);
    byte(as, 0x50 | (reg & 7));
}
void ri_x_pop(RiAsm *as, RiReg reg)
{
    rex(as, false, 0, 0, reg, false);
    byte(as, 0x58 | (reg & 7));
}
void ri_x_fs(RiAsm *as, bool stores, RiReg reg, int32_t offset)
{
    byte(as, 0x64);
    rex(as, false, reg, 0, 0, false);
    byte(as, stores ? 0x89 : 0x8b);
    modrm(as, 0, reg, 4);
    byte(as, 0x25);
    word32(as, offset);
}

void ri_x_ret(RiAsm *as)
{
    byte(as, 0xc3);
}
void ri_x_call_reg(RiAsm *as, RiReg reg)
{
    op_reg(as, false, 0xff, 2, reg);
}
void ri_x_jmp_reg(RiAsm *as, RiReg reg)
{
    op_reg(as, false, 0xff, 4, reg);
}

/* -- Jumps --------------------------------------------------------------------------------------------------------- */

static uint32_t displacement(RiAsm *as, uint32_t target)
{
    uint32_t where = as->at;
    as->at += 4;
    ri_x_patch(as, where, target);
    return where;
}

uint32_t ri_x_jmp(RiAsm *as, uint32_t target)
{
    byte(as, 0xe9);
    return displacement(as, target);
}
uint32_t ri_x_jcc(RiAsm *as, RiCond cc, uint32_t target)
{
    opcode_of(as, 0x0f80u | cc);
    return displacement(as, target);
}
uint32_t ri_x_call(RiAsm *as, uint32_t target)
{
    byte(as, 0xe8);
    return displacement(as, target);
}

uint32_t ri_x_if_refused(RiAsm *as, uint32_t target)
{
    for (const char *at = RI_FAULT_MARK; *at; at++)
        byte(as, (uint8_t)*at);
    return displacement(as, target);
}

void ri_x_patch(RiAsm *as, uint32_t where, uint32_t target)
{
    int32_t distance = (int32_t)(target - (where + 4));
    memcpy(as->code + where, &distance, 4);
}
