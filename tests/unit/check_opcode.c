/* The instruction table: encoding, the derived columns, and that every row can be listed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/abstract.h"
#include "vm/exec/disasm.h"
#include "vm/exec/opcode.h"

START_TEST(rows_are_complete)
{
    const RiOpInfo *info = &ri_op_info[_i];
    ck_assert_ptr_nonnull(info->name);
    ck_assert_msg(info->meaning[0] != '\0', "%s has no meaning", info->name);
    ck_assert_ptr_nonnull(strstr(info->effect, "--"));
    ck_assert_msg(strspn(info->flags, "TCMJFPOIZ") == strlen(info->flags), "%s: unknown flag", info->name);
    for (char flag = 'A'; flag <= 'Z'; flag++)
        ck_assert_msg(ri_op_has_flag((RiOpcode)_i, flag) == (strchr(info->flags, flag) != NULL), "%s: %c", info->name, flag);
    ck_assert_int_eq(info->words, strchr(info->operands, 'w') != NULL ? 2 : 1);
    ck_assert_msg(strlen(info->operands) % 3 == 2 || info->operands[0] == '\0', "%s: operands", info->name);
    for (const char *o = info->operands; *o; o += o[2] ? 3 : 2) {
        ck_assert_ptr_nonnull(strchr("abcdsuew", o[0]));
        ck_assert_ptr_nonnull(strchr("LKSUPNIJXMR", o[1]));
    }
}
END_TEST

/* Rows that jump have a jump operand, and the other way round; a second word is last. */
START_TEST(jumps_have_targets)
{
    const RiOpInfo *info = &ri_op_info[_i];
    if (_i == RI_OP_TFORCALL)
        return;
    ck_assert_msg((strchr(info->operands, 'J') != NULL) == ri_op_has_flag((RiOpcode)_i, 'J'), "%s", info->name);
    const char *w = strchr(info->operands, 'w');
    ck_assert(w == NULL || w[2] == '\0');
}
END_TEST

/* Fixed effects agree with the text: as many words before "--" as the row pops. */
START_TEST(effect_matches_pops)
{
    const RiOpInfo *info = &ri_op_info[_i];
    if (info->pops < 0)
        return;
    int words = 0;
    const char *p = info->effect, *dashes = strstr(info->effect, "--");
    while (p < dashes) {
        words++;
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    if (_i != RI_OP_TFORPREP) /* shows the state it only looks at */
        ck_assert_msg(words == info->pops, "%s pops %d, shows %d", info->name, info->pops, words);
}
END_TEST

START_TEST(rows_can_be_listed)
{
    RiValue constants[4] = {ri_int(7), ri_float(0.5), ri_nil(), ri_bool(true)};
    RiSite sites[4] = {{RI_NO_KEY}, {0}, {1}, {2}};
    RiUpvalDesc upvals[4] = {{0}};
    RiProto child = {.line_defined = 3};
    RiProto *protos[4] = {&child, &child, &child, &child};
    uint32_t code[4] = {ri_word_abc((RiOpcode)_i, 1, 1, 1), 1, RI_OP_RETURN0, RI_OP_RETURN0};
    if (strchr(ri_op_info[_i].operands, 'u') || strchr(ri_op_info[_i].operands, 'd'))
        code[0] = ri_word_ad((RiOpcode)_i, 1, 0);
    if (strchr(ri_op_info[_i].operands, 'u'))
        code[0] = ri_word_e((RiOpcode)_i, 1);
    RiProto proto = {.code = code, .code_count = 4, .constants = constants, .constant_count = 4, .sites = sites,
                     .site_count = 4, .upvals = upvals, .upval_count = 4, .protos = protos, .proto_count = 4,
                     .frame_size = 10};
    RiSbuf out;
    ri_sbuf_init(&out, NULL); /* a line fits into the inline bytes: no heap is needed */
    uint32_t next = ri_disasm_instruction(&out, &proto, 0);
    ri_sbuf_add_char(&out, '\0');
    ck_assert_uint_eq(next, ri_op_info[_i].words);
    ck_assert_ptr_nonnull(strstr(out.data, ri_op_info[_i].name));
    ck_assert_msg(strchr(ri_op_info[_i].operands, 'J') == NULL || strstr(out.data, "-> ") != NULL, "%s", out.data);
}
END_TEST

START_TEST(words_are_cut_up)
{
    RiWord code[2] = {ri_word_abc(RI_OP_JLT_LL, 1, 200, 255), (RiWord)-7};
    ck_assert_int_eq(ri_op_read_field(code, 'a'), 1);
    ck_assert_int_eq(ri_op_read_field(code, 'b'), 200);
    ck_assert_int_eq(ri_op_read_field(code, 'c'), 255);
    ck_assert_int_eq(ri_op_read_field(code, 'd'), 0xffc8);
    ck_assert_int_eq(ri_op_read_field(code, 's'), (int16_t)0xffc8);
    ck_assert_int_eq(ri_op_read_field(code, 'w'), -7);
    code[0] = ri_word_e(RI_OP_LOADINT, -5);
    ck_assert_int_eq(ri_op_read_field(code, 'e'), -5);
    ck_assert_int_eq(ri_op_read_field(code, 'u'), 0xfffffb);
    ck_assert_int_eq(RI_WORD_OP(code[0]), RI_OP_LOADINT);
    code[0] = ri_word_ad(RI_OP_SETLOCALI, 9, (uint16_t)-300);
    ck_assert_int_eq(RI_WORD_S(code[0]), -300);
    ck_assert_int_eq(RI_WORD_A(code[0]), 9);
}
END_TEST

START_TEST(flags_are_found)
{
    ck_assert(ri_op_has_flag(RI_OP_CALLV, 'I'));
    ck_assert(ri_op_has_flag(RI_OP_LOOP, 'P'));
    ck_assert(!ri_op_has_flag(RI_OP_ADD, 'J'));
    ck_assert(ri_op_has_flag(RI_OP_RETURN0, 'F'));
}
END_TEST

/* Second words are data, even if they look like instructions. */
START_TEST(instructions_are_found_from_their_words)
{
    uint32_t code[] = {RI_OP_NOP, ri_word_abc(RI_OP_TEST_L, 0, 0, 1), ri_word_abc(RI_OP_LOOP, 0, 0, 0), RI_OP_NOP,
                       RI_OP_RETURN0};
    RiProto proto = {.code = code, .code_count = 5};
    ck_assert_uint_eq(ri_instruction_at(&proto, 0), 0);
    ck_assert_uint_eq(ri_instruction_at(&proto, 1), 1);
    ck_assert_uint_eq(ri_instruction_at(&proto, 2), 1);
    ck_assert_uint_eq(ri_instruction_at(&proto, 3), 3);
    ck_assert_uint_eq(ri_instruction_at(&proto, 4), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("opcode");
    TCase *tests = tcase_create("opcode");
    tcase_add_loop_test(tests, rows_are_complete, 0, RI_OP_COUNT);
    tcase_add_loop_test(tests, jumps_have_targets, 0, RI_OP_COUNT);
    tcase_add_loop_test(tests, effect_matches_pops, 0, RI_OP_COUNT);
    tcase_add_loop_test(tests, rows_can_be_listed, 0, RI_OP_COUNT);
    tcase_add_test(tests, words_are_cut_up);
    tcase_add_test(tests, flags_are_found);
    tcase_add_test(tests, instructions_are_found_from_their_words);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
