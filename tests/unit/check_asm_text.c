/* The assembler against a disassembler: every form, with many registers and addresses, reads back as what was meant. Where there
 * is no objdump, or one that does not know this processor, there is nothing to do. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jit/asm_x64.h"

#define LINES_MAX 20000
#define TEXT_MAX 96

static uint8_t bytes[1 << 19];
static RiAsm as = {.code = bytes};
static char (*expected)[TEXT_MAX];
static int line_count;

static const char *const r64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const r32[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"};
static const char *const r16[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"};
static const char *const r8[] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"};
static const char *const xmm[] = {"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"};

/* How each form of asm_x64.def reads: mnemonic; kinds of its register and of its register-or-memory operand (q, d, b, x); what
 * a memory operand's size is called; whether that operand comes first. */
typedef struct Reading {
    const char *mnemonic;
    char reg, rm;
    const char *size;
    bool stores;
} Reading;

static const Reading readings[RI_FORM_X_COUNT] = {
    [RI_X_LOAD] = {"mov", 'q', 'q', "QWORD PTR ", false},        [RI_X_LOAD32] = {"mov", 'd', 'd', "DWORD PTR ", false},
    [RI_X_STORE] = {"mov", 'q', 'q', "QWORD PTR ", true},        [RI_X_STORE32] = {"mov", 'd', 'd', "DWORD PTR ", true},
    [RI_X_LEA] = {"lea", 'q', 0, "", false},                     [RI_X_ADD] = {"add", 'q', 'q', "QWORD PTR ", false},
    [RI_X_OR] = {"or", 'q', 'q', "QWORD PTR ", false},           [RI_X_AND] = {"and", 'q', 'q', "QWORD PTR ", false},
    [RI_X_SUB] = {"sub", 'q', 'q', "QWORD PTR ", false},         [RI_X_XOR] = {"xor", 'q', 'q', "QWORD PTR ", false},
    [RI_X_XOR32] = {"xor", 'd', 'd', "DWORD PTR ", false},       [RI_X_CMP] = {"cmp", 'q', 'q', "QWORD PTR ", false},
    [RI_X_CMP32] = {"cmp", 'd', 'd', "DWORD PTR ", false},       [RI_X_TEST] = {"test", 'q', 'q', "QWORD PTR ", true},
    [RI_X_TEST32] = {"test", 'd', 'd', "DWORD PTR ", true},      [RI_X_IMUL] = {"imul", 'q', 'q', "QWORD PTR ", false},
    [RI_X_LOADBYTE] = {"movzx", 'd', 0, "BYTE PTR ", false},     [RI_X_LOADHALF] = {"movzx", 'd', 0, "WORD PTR ", false},
    [RI_X_CMOVL] = {"cmovl", 'q', 'q', "QWORD PTR ", false},     [RI_X_CMOVG] = {"cmovg", 'q', 'q', "QWORD PTR ", false},
    [RI_X_CMOVS] = {"cmovs", 'q', 'q', "QWORD PTR ", false},     [RI_X_MOVSD] = {"movsd", 'x', 0, "QWORD PTR ", false},
    [RI_X_MOVSD_ST] = {"movsd", 'x', 0, "QWORD PTR ", true},     [RI_X_MOVAPS] = {"movaps", 'x', 'x', NULL, false},
    [RI_X_ADDSD] = {"addsd", 'x', 'x', "QWORD PTR ", false},     [RI_X_MULSD] = {"mulsd", 'x', 'x', "QWORD PTR ", false},
    [RI_X_SUBSD] = {"subsd", 'x', 'x', "QWORD PTR ", false},     [RI_X_DIVSD] = {"divsd", 'x', 'x', "QWORD PTR ", false},
    [RI_X_SQRTSD] = {"sqrtsd", 'x', 'x', "QWORD PTR ", false},   [RI_X_UCOMISD] = {"ucomisd", 'x', 'x', "QWORD PTR ", false},
    [RI_X_XORPS] = {"xorps", 'x', 'x', NULL, false},             [RI_X_ANDPS] = {"andps", 'x', 'x', NULL, false},
    [RI_X_CVTSI2SD] = {"cvtsi2sd", 'x', 'q', "QWORD PTR ", false}, [RI_X_CVTTSD2SI] = {"cvttsd2si", 'q', 'x', "QWORD PTR ", false},
    [RI_X_MOVQ_X] = {"movq", 'x', 'q', NULL, false},             [RI_X_MOVQ_R] = {"movq", 'x', 'q', NULL, true},
    [RI_X_ZEROBYTE] = {"movzx", 'd', 'b', NULL, false},
    [RI_X_STOREBYTE] = {"mov", 'b', 0, "BYTE PTR ", true},       [RI_X_STOREHALF] = {"mov", 'w', 0, "WORD PTR ", true},
    [RI_X_LOADSBYTE] = {"movsx", 'q', 0, "BYTE PTR ", false},    [RI_X_LOADSHALF] = {"movsx", 'q', 0, "WORD PTR ", false},
    [RI_X_LOADS32] = {"movsxd", 'q', 'd', "DWORD PTR ", false},  [RI_X_CMOVE] = {"cmove", 'q', 'q', "QWORD PTR ", false},
    [RI_X_CVTSS2SD] = {"cvtss2sd", 'x', 'x', "DWORD PTR ", false}, [RI_X_CVTSD2SS] = {"cvtsd2ss", 'x', 'x', "QWORD PTR ", false},
    [RI_X_MOVSS_ST] = {"movss", 'x', 0, "DWORD PTR ", true},
};

static const char *name_of(char kind, int number)
{
    return (kind == 'q' ? r64 : kind == 'd' ? r32 : kind == 'w' ? r16 : kind == 'b' ? r8 : xmm)[number];
}

static void expect(const char *text)
{
    ck_assert_int_lt(line_count, LINES_MAX);
    snprintf(expected[line_count++], TEXT_MAX, "%s", text);
}

static void memory_text(char *out, const char *size, RiMem m)
{
    char index[24] = "", disp[24] = "";
    if (m.index != RI_NO_REG)
        snprintf(index, sizeof index, "+%s*%d", r64[m.index], m.scale);
    bool shown = m.disp != 0 || (m.base & 7) == RI_RBP;
    if (shown)
        snprintf(disp, sizeof disp, "%c0x%x", m.disp < 0 ? '-' : '+', m.disp < 0 ? (unsigned)-(int64_t)m.disp : (unsigned)m.disp);
    snprintf(out, 64, "%s[%s%s%s]", size, r64[m.base], index, disp);
}

static void form_with(const Reading *r, int reg, const char *other)
{
    char text[200];
    const char *name = name_of(r->reg, reg);
    snprintf(text, sizeof text, "%s %.70s,%.70s", r->mnemonic, r->stores ? other : name, r->stores ? name : other);
    expect(text);
}

static void emit_forms(void)
{
    static const int32_t disps[] = {0, 8, -16, 127, 128, -129, 70000};
    for (int form = 0; form < RI_FORM_X_COUNT; form++) {
        const Reading *r = &readings[form];
        ck_assert_msg(r->mnemonic || form == RI_X_XCHG, "form %d has no reading here", form);
        if (!r->mnemonic)
            continue;
        for (int reg = 0; reg < 16; reg++) {
            for (int rm = 0; rm < 16 && r->rm; rm += 1 + (reg & 1)) {
                ri_x_rr(&as, (RiForm)form, reg, rm);
                form_with(r, reg, name_of(r->rm, rm));
            }
            for (int i = 0; i < 16 && r->size; i++) {
                RiReg base = (RiReg)((reg + i) % 16), index = i % 3 ? RI_NO_REG : (RiReg)((i * 5 + reg) % 16);
                if (index == RI_RSP)
                    index = RI_R12;
                RiMem m = {base, index, index == RI_NO_REG ? 1 : 1 << i % 4, disps[(i + reg) % 7]};
                char text[64];
                ri_x_rm(&as, (RiForm)form, reg, m);
                memory_text(text, r->size, m);
                form_with(r, reg, text);
            }
        }
    }
}

/* The functions of their own. */
static void emit_others(void)
{
    static const char *const conditions[] = {"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"};
    static const char *const alus[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
    char text[TEXT_MAX];
    for (int reg = 0; reg < 16; reg++) {
        for (int op = 0; op < 8; op++) {
            ri_x_alu(&as, (RiAlu)op, (RiReg)reg, 100 + op);
            snprintf(text, sizeof text, "%s %s,0x%x", alus[op], r64[reg], (unsigned)(100 + op));
            expect(text);
            ri_x_alu_mem(&as, (RiAlu)op, ri_mem((RiReg)reg, 8), 1000);
            snprintf(text, sizeof text, "%s QWORD PTR [%s+0x8],0x3e8", alus[op], r64[reg]);
            expect(text);
            ri_x_alu32_mem(&as, (RiAlu)op, ri_mem((RiReg)reg, 300), 1);
            snprintf(text, sizeof text, "%s DWORD PTR [%s+0x12c],0x1", alus[op], r64[reg]);
            expect(text);
            ri_x_alu8_mem(&as, (RiAlu)op, ri_mem((RiReg)reg, 3), 5);
            snprintf(text, sizeof text, "%s BYTE PTR [%s+0x3],0x5", alus[op], r64[reg]);
            expect(text);
        }
#define ONE(call, ...)                                                                             \
    do {                                                                                           \
        call;                                                                                      \
        snprintf(text, sizeof text, __VA_ARGS__);                                                  \
        expect(text);                                                                              \
    } while (0)
        ONE(ri_x_imm(&as, (RiReg)reg, 0x123456789abcdef), "movabs %s,0x123456789abcdef", r64[reg]);
        ONE(ri_x_imm(&as, (RiReg)reg, 77), "mov %s,0x4d", r32[reg]);
        ONE(ri_x_store_imm(&as, ri_mem((RiReg)reg, 16), 3), "mov QWORD PTR [%s+0x10],0x3", r64[reg]);
        ONE(ri_x_store32_imm(&as, ri_mem((RiReg)reg, 16), 3), "mov DWORD PTR [%s+0x10],0x3", r64[reg]);
        ONE(ri_x_store8_imm(&as, ri_mem((RiReg)reg, 16), 2), "mov BYTE PTR [%s+0x10],0x2", r64[reg]);
        ONE(ri_x_test8_mem(&as, ri_mem((RiReg)reg, 1), 1), "test BYTE PTR [%s+0x1],0x1", r64[reg]);
        ONE(ri_x_test_imm_mem(&as, ri_mem((RiReg)reg, 8), 0x7f00), "test DWORD PTR [%s+0x8],0x7f00", r64[reg]);
        ONE(ri_x_test_imm(&as, (RiReg)reg, 0x7f00), "test %s,0x7f00", r32[reg]);
        ONE(ri_x_shift(&as, RI_SHIFT_LEFT, (RiReg)reg, 4), "shl %s,0x4", r64[reg]);
        ONE(ri_x_shift(&as, RI_SHIFT_ARITHMETIC, (RiReg)reg, 63), "sar %s,0x3f", r64[reg]);
        ONE(ri_x_shift_cl(&as, RI_SHIFT_RIGHT, (RiReg)reg), "shr %s,cl", r64[reg]);
        ONE(ri_x_imul(&as, (RiReg)reg, (RiReg)(15 - reg), 1000), "imul %s,%s,0x3e8", r64[reg], r64[15 - reg]);
        ONE(ri_x_neg(&as, (RiReg)reg), "neg %s", r64[reg]);
        ONE(ri_x_not(&as, (RiReg)reg), "not %s", r64[reg]);
        ONE(ri_x_idiv(&as, (RiReg)reg), "idiv %s", r64[reg]);
        ONE(ri_x_div32(&as, (RiReg)reg), "div %s", r32[reg]);
        ONE(ri_x_setcc(&as, (RiCond)reg, (RiReg)reg), "set%s %s", conditions[reg], r8[reg]);
        ONE(ri_x_roundsd(&as, reg, 15 - reg, 9), "roundsd %s,%s,0x9", xmm[reg], xmm[15 - reg]);
        ONE(ri_x_push(&as, (RiReg)reg), "push %s", r64[reg]);
        ONE(ri_x_pop(&as, (RiReg)reg), "pop %s", r64[reg]);
        ONE(ri_x_call_reg(&as, (RiReg)reg), "call %s", r64[reg]);
        ONE(ri_x_jmp_reg(&as, (RiReg)reg), "jmp %s", r64[reg]);
        ONE(ri_x_jcc(&as, (RiCond)reg, 0x1000), "j%s 0x1000", conditions[reg]);
    }
    ONE(ri_x_jmp(&as, 0x1000), "jmp 0x1000");
    ONE(ri_x_call(&as, 0x1000), "call 0x1000");
    ONE(ri_x_cqo(&as), "cqo");
    ONE(ri_x_ret(&as), "ret");
}

/* "  1f:\t48 89 c1 \tmov    rcx,rax" -> "mov rcx,rax"; false for other lines, and for the rest of long ones. */
static bool read_line(char *line, char *out)
{
    char *tab = strchr(line, '\t'), *text = tab ? strchr(tab + 1, '\t') : NULL;
    if (!text)
        return false;
    text[strcspn(text, "\n#")] = 0;
    char mnemonic[40] = "", rest[TEXT_MAX] = "";
    if (sscanf(text + 1, "%39s %95[^\n]", mnemonic, rest) < 1)
        return false;
    size_t size = strlen(rest);
    while (size > 0 && rest[size - 1] == ' ')
        rest[--size] = 0;
    snprintf(out, TEXT_MAX, "%s%s%s", mnemonic, size ? " " : "", rest);
    return true;
}

START_TEST(reads_back)
{
    expected = calloc(LINES_MAX, sizeof *expected);
    ck_assert_ptr_nonnull(expected);
    emit_forms();
    emit_others();
    char path[] = "/tmp/rille-asm-XXXXXX", command[200], line[400], got[TEXT_MAX];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, as.at), (ssize_t)as.at);
    close(fd);
    snprintf(command, sizeof command, "objdump -D -w -b binary -m i386:x86-64 -M intel %s 2>&1", path);
    FILE *dump = popen(command, "r");
    ck_assert_ptr_nonnull(dump);
    int count = 0;
    while (fgets(line, sizeof line, dump)) {
        if (!read_line(line, got))
            continue;
        ck_assert_int_lt(count, line_count);
        ck_assert_msg(strcmp(got, expected[count]) == 0, "instruction %d: expected '%s', objdump reads '%s'", count, expected[count], got);
        count++;
    }
    if (pclose(dump) == 0) /* else there is none */
        ck_assert_int_eq(count, line_count);
    unlink(path);
    free(expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("asm text");
    TCase *all = tcase_create("all");
    tcase_add_test(all, reads_back);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
