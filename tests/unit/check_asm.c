/* The assembler, byte for byte: every form at least once, and the odd registers (rsp, r12: SIB; rbp, r13: displacement). */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/asm_x64.h"
#include "vm/host/codepages.h"

static uint8_t bytes[64];
static RiAsm as;

static void expect(const char *hex)
{
    char got[160] = "";
    for (uint32_t i = 0; i < as.at; i++)
        sprintf(got + 2 * i, "%02x", bytes[i]);
    ck_assert_str_eq(got, hex);
    as.at = 0;
}

#define LINE(call, hex)                                                                            \
    do {                                                                                           \
        call;                                                                                      \
        expect(hex);                                                                               \
    } while (0)

static void setup(void)
{
    as = (RiAsm){.code = bytes, .at = 0};
}

START_TEST(moves)
{
    LINE(ri_x_rr(&as, RI_X_LOAD, RI_RAX, RI_R15), "498bc7");
    LINE(ri_x_rm(&as, RI_X_LOAD, RI_RAX, ri_mem(RI_RBX, 0)), "488b03");
    LINE(ri_x_rm(&as, RI_X_LOAD, RI_R9, ri_mem(RI_R12, 8)), "4d8b4c2408");
    LINE(ri_x_rm(&as, RI_X_LOAD, RI_RCX, ri_mem(RI_R13, 0)), "498b4d00");
    LINE(ri_x_rm(&as, RI_X_LOAD, RI_RCX, ri_mem(RI_RSP, 256)), "488b8c2400010000");
    LINE(ri_x_rm(&as, RI_X_LOAD, RI_RCX, ri_mem_index(RI_RAX, RI_R10, 8, 16)), "4a8b4cd010");
    LINE(ri_x_rm(&as, RI_X_LOAD32, RI_RDX, ri_mem(RI_RSI, 4)), "8b5604");
    LINE(ri_x_rm(&as, RI_X_STORE, RI_R8, ri_mem(RI_RBP, 0)), "4c894500");
    LINE(ri_x_rm(&as, RI_X_STORE32, RI_RAX, ri_mem(RI_R12, 52)), "4189442434");
    LINE(ri_x_rm(&as, RI_X_LEA, RI_RAX, ri_mem_index(RI_RBX, RI_RCX, 4, -8)), "488d448bf8");
    LINE(ri_x_rm(&as, RI_X_LOADBYTE, RI_RAX, ri_mem(RI_RDI, 3)), "0fb64703");
    LINE(ri_x_rm(&as, RI_X_LOADHALF, RI_RAX, ri_mem(RI_RDI, 2)), "0fb74702");
    LINE(ri_x_rm(&as, RI_X_LOADSBYTE, RI_RAX, ri_mem(RI_RDI, 3)), "480fbe4703");
    LINE(ri_x_rm(&as, RI_X_LOADSHALF, RI_R9, ri_mem(RI_RDI, 2)), "4c0fbf4f02");
    LINE(ri_x_rm(&as, RI_X_LOADS32, RI_RAX, ri_mem(RI_RDI, 4)), "48634704");
    LINE(ri_x_rr(&as, RI_X_LOADS32, RI_RAX, RI_R9), "4963c1");
    LINE(ri_x_rm(&as, RI_X_STOREBYTE, RI_RDX, ri_mem(RI_RAX, 1)), "885001");
    LINE(ri_x_rm(&as, RI_X_STOREHALF, RI_R8, ri_mem(RI_RAX, 2)), "6644894002");
    LINE(ri_x_rr(&as, RI_X_CMOVE, RI_RCX, RI_R8), "490f44c8");
    LINE(ri_x_if_refused(&as, 0), "0f1f845df8ffffff");
    LINE(ri_x_fs(&as, false, RI_RAX, -64), "648b0425c0ffffff");
    LINE(ri_x_fs(&as, true, RI_R9, 16), "6444890c2510000000");
    LINE(ri_x_rr(&as, RI_X_ZEROBYTE, RI_RAX, RI_RSI), "400fb6c6");
    LINE(ri_x_rr(&as, RI_X_ZEROBYTE, RI_RCX, RI_RAX), "0fb6c8");
    LINE(ri_x_rr(&as, RI_X_XCHG, RI_RCX, RI_R8), "4987c8");
    LINE(ri_x_imm(&as, RI_RAX, 5), "b805000000");
    LINE(ri_x_imm(&as, RI_R9, -1), "49c7c1ffffffff");
    LINE(ri_x_imm(&as, RI_R10, 0x123456789ab), "49baab89674523010000");
    LINE(ri_x_imm(&as, RI_RDX, 0xffffffff), "baffffffff");
    LINE(ri_x_store_imm(&as, ri_mem(RI_RBX, 24), 3), "48c7431803000000");
    LINE(ri_x_store32_imm(&as, ri_mem(RI_R12, 52), 7), "41c744243407000000");
    LINE(ri_x_store8_imm(&as, ri_mem_index(RI_RSI, RI_RCX, 1, 16), 2), "c6440e1002");
}
END_TEST

START_TEST(arithmetic)
{
    LINE(ri_x_rr(&as, RI_X_ADD, RI_RSI, RI_R14), "4903f6");
    LINE(ri_x_rm(&as, RI_X_OR, RI_RSI, ri_mem(RI_RBX, 16)), "480b7310");
    LINE(ri_x_rr(&as, RI_X_AND, RI_RAX, RI_RCX), "4823c1");
    LINE(ri_x_rr(&as, RI_X_SUB, RI_RBP, RI_RDI), "482bef");
    LINE(ri_x_rr(&as, RI_X_XOR, RI_RAX, RI_RDX), "4833c2");
    LINE(ri_x_rr(&as, RI_X_XOR32, RI_R8, RI_R8), "4533c0");
    LINE(ri_x_rr(&as, RI_X_CMP, RI_RAX, RI_RDX), "483bc2");
    LINE(ri_x_rm(&as, RI_X_CMP32, RI_RAX, ri_mem(RI_R13, 60)), "413b453c");
    LINE(ri_x_rr(&as, RI_X_TEST, RI_RAX, RI_RAX), "4885c0");
    LINE(ri_x_rr(&as, RI_X_TEST32, RI_RAX, RI_RAX), "85c0");
    LINE(ri_x_rr(&as, RI_X_IMUL, RI_R8, RI_R9), "4d0fafc1");
    LINE(ri_x_rr(&as, RI_X_CMOVL, RI_RAX, RI_RCX), "480f4cc1");
    LINE(ri_x_rr(&as, RI_X_CMOVG, RI_RAX, RI_RCX), "480f4fc1");
    LINE(ri_x_rr(&as, RI_X_CMOVS, RI_RAX, RI_RCX), "480f48c1");
    LINE(ri_x_imul(&as, RI_RSI, RI_RDI, 100), "486bf764");
    LINE(ri_x_imul(&as, RI_RSI, RI_R11, 1000), "4969f3e8030000");
    LINE(ri_x_alu(&as, RI_ALU_ADD, RI_R8, 1), "4983c001");
    LINE(ri_x_alu(&as, RI_ALU_CMP, RI_RAX, 1000), "4881f8e8030000");
    LINE(ri_x_alu32(&as, RI_ALU_AND, RI_RAX, 0x7fff00), "81e000ff7f00");
    LINE(ri_x_alu_mem(&as, RI_ALU_SUB, ri_mem(RI_R13, 1040), 16), "4983ad1004000010");
    LINE(ri_x_alu32_mem(&as, RI_ALU_CMP, ri_mem(RI_RBX, 8), 3), "837b0803");
    LINE(ri_x_alu32_mem(&as, RI_ALU_CMP, ri_mem(RI_RAX, 4), 70000), "81780470110100");
    LINE(ri_x_alu8_mem(&as, RI_ALU_CMP, ri_mem(RI_RAX, 15), 4), "80780f04");
    LINE(ri_x_test8_mem(&as, ri_mem(RI_RCX, 1), 1), "f6410101");
    LINE(ri_x_test_imm(&as, RI_RAX, 0x7f00), "f7c0007f0000");
    LINE(ri_x_test_imm_mem(&as, ri_mem(RI_RBX, -8), 0x7f00), "f743f8007f0000");
    LINE(ri_x_shift(&as, RI_SHIFT_LEFT, RI_RCX, 4), "48c1e104");
    LINE(ri_x_shift(&as, RI_SHIFT_ARITHMETIC, RI_R9, 1), "49c1f901");
    LINE(ri_x_shift_cl(&as, RI_SHIFT_RIGHT, RI_RDX), "48d3ea");
    LINE(ri_x_neg(&as, RI_RAX), "48f7d8");
    LINE(ri_x_not(&as, RI_R8), "49f7d0");
    LINE(ri_x_cqo(&as), "4899");
    LINE(ri_x_idiv(&as, RI_RCX), "48f7f9");
    LINE(ri_x_div32(&as, RI_RCX), "f7f1");
    LINE(ri_x_setcc(&as, RI_CC_L, RI_RAX), "0f9cc0");
    LINE(ri_x_setcc(&as, RI_CC_E, RI_RSI), "400f94c6");
}
END_TEST

START_TEST(floats)
{
    LINE(ri_x_rm(&as, RI_X_MOVSD, 2, ri_mem(RI_RBX, 16)), "f20f105310");
    LINE(ri_x_rm(&as, RI_X_MOVSD_ST, 9, ri_mem(RI_RBX, 16)), "f2440f114b10");
    LINE(ri_x_rm(&as, RI_X_MOVSS_ST, 9, ri_mem(RI_RBX, 16)), "f3440f114b10");
    LINE(ri_x_rm(&as, RI_X_CVTSS2SD, 2, ri_mem(RI_RBX, 16)), "f30f5a5310");
    LINE(ri_x_rr(&as, RI_X_CVTSD2SS, 1, 9), "f2410f5ac9");
    LINE(ri_x_rr(&as, RI_X_MOVAPS, 3, 12), "410f28dc");
    LINE(ri_x_rr(&as, RI_X_ADDSD, 2, 3), "f20f58d3");
    LINE(ri_x_rr(&as, RI_X_MULSD, 8, 3), "f2440f59c3");
    LINE(ri_x_rr(&as, RI_X_SUBSD, 2, 3), "f20f5cd3");
    LINE(ri_x_rr(&as, RI_X_DIVSD, 2, 3), "f20f5ed3");
    LINE(ri_x_rr(&as, RI_X_SQRTSD, 2, 3), "f20f51d3");
    LINE(ri_x_rr(&as, RI_X_UCOMISD, 2, 10), "66410f2ed2");
    LINE(ri_x_rr(&as, RI_X_XORPS, 0, 1), "0f57c1");
    LINE(ri_x_rr(&as, RI_X_ANDPS, 0, 1), "0f54c1");
    LINE(ri_x_rr(&as, RI_X_CVTSI2SD, 2, RI_R8), "f2490f2ad0");
    LINE(ri_x_rr(&as, RI_X_CVTTSD2SI, RI_RAX, 9), "f2490f2cc1");
    LINE(ri_x_rr(&as, RI_X_MOVQ_X, 2, RI_RAX), "66480f6ed0");
    LINE(ri_x_rr(&as, RI_X_MOVQ_R, 2, RI_R8), "66490f7ed0");
    LINE(ri_x_roundsd(&as, 2, 9, 9), "66410f3a0bd109");
}
END_TEST

START_TEST(jumps)
{
    LINE(ri_x_push(&as, RI_RBX), "53");
    LINE(ri_x_push(&as, RI_R12), "4154");
    LINE(ri_x_pop(&as, RI_R15), "415f");
    LINE(ri_x_ret(&as), "c3");
    LINE(ri_x_call_reg(&as, RI_RAX), "ffd0");
    LINE(ri_x_jmp_reg(&as, RI_R8), "41ffe0");
    LINE(ri_x_jmp(&as, 0), "e9fbffffff");
    LINE(ri_x_call(&as, 0x105), "e800010000");
    uint32_t where = ri_x_jcc(&as, RI_CC_NE, 0);
    ri_x_ret(&as);
    LINE(ri_x_land(&as, where), "0f8501000000c3");
    ck_assert_int_eq(ri_cond_not(RI_CC_L), RI_CC_GE);
}
END_TEST

/* What is written through one view runs in the other; and after a switch with one view. */
START_TEST(runs)
{
    RiCodePages pages;
    RiCodeViews views = _i ? RI_CODE_SWITCHED : RI_CODE_TWO;
    if (!ri_host_code_map(&pages, 100000, views))
        return;
    ck_assert_int_eq(pages.write == pages.run, views == RI_CODE_SWITCHED);
    RiAsm code = {.code = pages.write};
    ri_host_code_touch(&pages, 0, 8192);
    ri_host_code_touch(&pages, pages.size - 4096, 4096);
    ck_assert_uint_eq(pages.low, 8192);
    ck_assert_uint_eq(pages.high, pages.size - 4096);
    ri_host_code_begin(&pages);
    ri_x_rm(&code, RI_X_LEA, RI_RAX, ri_mem_index(RI_RDI, RI_RSI, 8, 1));
    ri_x_ret(&code);
    memcpy(pages.write + 6000, pages.write, code.at);
    ri_host_code_end(&pages);
    int64_t (*fn)(int64_t, int64_t);
    const void *run = pages.run;
    memcpy(&fn, &run, sizeof fn);
    ck_assert_int_eq(fn(2, 5), 43);
    ri_host_code_clear(&pages, 100);
    ck_assert_int_eq(fn(2, 5), 43);
    ck_assert_int_eq(pages.run[pages.size - 1], 0);
    ck_assert_uint_eq(pages.high, pages.size);
    ri_host_code_unmap(&pages);
}
END_TEST

/* A forked child has a copy: neither sees what the other writes. */
START_TEST(forks)
{
    RiCodePages pages;
    if (!ri_host_code_map(&pages, 100000, _i ? RI_CODE_SWITCHED : RI_CODE_TWO))
        return;
    ri_host_code_touch(&pages, 0, 4096);
    ri_host_code_touch(&pages, pages.size - 4096, 4096);
    ri_host_code_begin(&pages);
    pages.write[10] = pages.write[pages.size - 1] = 1;
    ri_host_code_end(&pages);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        bool ok = !pages.is_lost && pages.run[10] == 1 && pages.run[pages.size - 1] == 1;
        ri_host_code_begin(&pages);
        pages.write[10] = 2;
        ri_host_code_end(&pages);
        _exit(ok && pages.run[10] == 2 ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(pages.run[10], 1);
    ri_host_code_unmap(&pages);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("asm");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, moves);
    tcase_add_test(all, arithmetic);
    tcase_add_test(all, floats);
    tcase_add_test(all, jumps);
#ifdef __x86_64__
    tcase_add_loop_test(all, runs, 0, 2);
    tcase_add_loop_test(all, forks, 0, 2);
#endif
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
