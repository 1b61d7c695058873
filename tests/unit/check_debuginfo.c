/* Names of operands and short forms of chunk names. Prototypes are built by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/debuginfo.h"
#include "vm/exec/opcode.h"

#define ABC(op, a, b, c) ((uint32_t)RI_OP_##op | (a) << 8 | (b) << 16 | (uint32_t)(c) << 24)
#define AD(op, a, d) ((uint32_t)RI_OP_##op | (a) << 8 | (uint32_t)(d) << 16)
#define E(op, e) ((uint32_t)RI_OP_##op | (uint32_t)(e) << 8)

#define NAME(text)                                                                                 \
    {                                                                                              \
        .object = {.kind_byte = RI_KIND_BYTE(RI_TAG_STRING), .flags = RI_STR_INTERNED}, .size = sizeof(text) - 1,      \
        .bytes = text                                                                              \
    }

static RiString name_print = NAME("print"), name_x = NAME("x"), name_y = NAME("y"), name_env = NAME("_ENV"),
                name_up = NAME("up"), name_t = NAME("t");

/* Slots 0 "t" and 1 "x" are parameters; upvalues 0 _ENV, 1 up; constants K0 "print", K1 "y", K2 7; site i has key i % 2. */
static RiProto *make(const uint32_t *code, uint32_t count)
{
    static RiValue constants[3];
    static RiSite sites[4];
    static RiUpvalDesc upvals[2];
    static RiLocalVar locals[2];
    static uint32_t words[32];
    static RiProto proto;
    constants[0] = ri_string_value(&name_print);
    constants[1] = ri_string_value(&name_y);
    constants[2] = ri_int(7);
    for (uint32_t i = 0; i < 4; i++)
        sites[i].key = i % 2;
    upvals[0].name = &name_env;
    upvals[1].name = &name_up;
    locals[0] = (RiLocalVar){&name_t, 0, count, 0};
    locals[1] = (RiLocalVar){&name_x, 0, count, 1};
    memcpy(words, code, count * sizeof *code);
    proto = (RiProto){.code = words, .code_count = count, .constants = constants, .constant_count = 3, .sites = sites,
                      .site_count = 4, .upvals = upvals, .upval_count = 2, .locals = locals, .local_count = 2,
                      .param_count = 2, .frame_size = 12, .is_vararg = 1};
    return &proto;
}

typedef struct Case {
    uint32_t code[8];
    uint32_t count, pc, index;
    const char *kind, *name; /* NULL: nothing is known */
} Case;

#define CODE(...) {__VA_ARGS__, RI_OP_RETURN0}, sizeof((uint32_t[]){__VA_ARGS__, 0}) / 4

static const Case cases[] = {
    /* named in the word */
    {CODE(AD(ADD_LK, 1, 2)), 0, 0, "local", "x"},
    {CODE(AD(ADD_LK, 1, 2)), 0, 1, NULL, NULL},
    {CODE(ABC(ADD_LLT, 0, 1, 0)), 0, 0, "local", "x"},
    {CODE(ABC(ADD_LLT, 0, 1, 0)), 0, 1, "local", "t"},
    {CODE(AD(GETFIELD_U, 1, 0)), 0, 0, "upvalue", "up"},
    {CODE(AD(GETFIELD_L, 0, 0)), 0, 0, "local", "t"},
    {CODE(ABC(GETINDEX_LL, 0, 1, 0)), 0, 1, "local", "x"},
    {CODE(ABC(LEN_L, 1, 0, 0)), 0, 0, "local", "x"},
    /* pushed before */
    {CODE(AD(GETFIELD_U, 0, 0), ABC(ADD_L, 1, 0, 0)), 1, 0, "global", "print"},
    {CODE(AD(GETFIELD_U, 0, 0), ABC(ADD_L, 1, 0, 0)), 1, 1, "local", "x"},
    {CODE(AD(GETFIELD_U, 1, 1), RI_OP_UNM), 1, 0, "field", "y"},
    {CODE(AD(GETFIELD_L, 0, 1), E(GETFIELD, 0)), 1, 0, "field", "y"},
    {CODE(ABC(GETLOCAL2, 0, 1, 0), RI_OP_ADD), 1, 0, "local", "t"},
    {CODE(ABC(GETLOCAL2, 0, 1, 0), RI_OP_ADD), 1, 1, "local", "x"},
    {CODE(ABC(GETUPVAL, 1, 0, 0), RI_OP_UNM), 1, 0, "upvalue", "up"},
    {CODE(E(LOADK, 1), RI_OP_UNM), 1, 0, "constant", "y"},
    {CODE(E(LOADK, 2), RI_OP_UNM), 1, 0, NULL, NULL},
    {CODE(AD(GETINDEX_LI, 0, 3), RI_OP_UNM), 1, 0, "field", "integer index"},
    {CODE(ABC(GETINDEX_LL, 0, 1, 0), RI_OP_UNM), 1, 0, "field", "?"},
    {CODE(ABC(GETLOCAL, 0, 0, 0), E(LOADK, 1), RI_OP_GETINDEX, RI_OP_UNM), 3, 0, "field", "y"},
    {CODE(ABC(GETUPVAL, 0, 0, 0), E(GETFIELD, 0), RI_OP_UNM), 2, 0, "global", "print"},
    {CODE(ABC(GETLOCAL, 0, 0, 0), ABC(VARARG, 2, 0, 0), RI_OP_ADD), 2, 1, NULL, NULL},
    /* stores */
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETLOCAL, 1, 0, 0), E(SETFIELD, 0)), 2, 0, "field", "y"},
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETLOCAL, 1, 0, 0), E(SETFIELD, 0)), 2, 1, "constant", "print"},
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETLOCAL, 1, 0, 0), E(SETFIELD, 0)), 2, 2, "local", "x"},
    {CODE(ABC(GETLOCAL, 1, 0, 0), ABC(SETINDEX_LL, 0, 1, 0)), 1, 0, "local", "t"},
    {CODE(ABC(GETUPVAL, 1, 0, 0), ABC(SETINDEX_LL, 0, 1, 0)), 1, 2, "upvalue", "up"},
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETUPVAL, 1, 0, 0), ABC(SETINDEX_OL, 0, 0, 0)), 2, 1, "field", "y"},
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETINDEX_OL, 0, 0, 0)), 1, 0, "local", "t"},
    {CODE(AD(GETFIELD_L, 0, 1), ABC(GETINDEX_OL, 0, 0, 0)), 1, 1, "field", "y"},
    /* calls */
    {CODE(AD(GETFIELD_UM, 0, 0), ABC(GETLOCAL, 1, 0, 0), ABC(CALL, 1, 1, 0)), 2, 0, "global", "print"},
    {CODE(AD(GETFIELD_UM, 0, 0), ABC(GETLOCAL, 1, 0, 0), ABC(CALL, 1, 1, 0)), 2, 1, "local", "x"},
    {CODE(AD(SELF_L, 0, 1), ABC(CALL, 1, 1, 0)), 1, 0, "method", "y"},
    {CODE(AD(GETFIELD_L, 0, 1), E(SELF, 0), ABC(TAILCALL, 1, 0, 0)), 2, 0, "method", "print"},
    {CODE(ABC(GETUPVAL_M, 1, 0, 0), ABC(VARARG, 0, 0, 0), AD(CALLV, 1, 2)), 2, 0, "upvalue", "up"},
    {CODE(ABC(GETLOCAL, 0, 0, 0), ABC(GETUPVAL, 1, 0, 0), E(LOADK, 1), ABC(CONCAT, 3, 0, 0)), 3, 1, "upvalue", "up"},
    {CODE(ABC(LOADNIL, 4, 0, 0), ABC(TFORPREP, 2, 0, 0), 0, ABC(TFORCALL, 2, 1, 0), ABC(TFORLOOP, 2, 1, 0), 0), 3, 0,
     "for iterator", "for iterator"},
    /* two ways in: unknown */
    {CODE(AD(GETFIELD_L, 0, 1), ABC(TESTKEEP, 0, 0, 1), 1, ABC(GETUPVAL, 1, 0, 0), RI_OP_UNM), 4, 0, NULL, NULL},
};

START_TEST(operands_are_described)
{
    const Case *c = &cases[_i];
    const char *kind = NULL, *name = NULL;
    bool known = ri_describe_operand(NULL, make(c->code, c->count), c->pc, c->index, &kind, &name);
    ck_assert_msg(known == (c->kind != NULL), "case %d: %s '%s'", _i, known ? kind : "unknown", known ? name : "");
    if (known) {
        ck_assert_msg(strcmp(kind, c->kind) == 0 && strcmp(name, c->name) == 0, "case %d: %s '%s'", _i, kind, name);
    }
}
END_TEST

START_TEST(locals_are_counted_where_they_are_active)
{
    static const uint32_t code[] = {RI_OP_NOP, RI_OP_NOP, RI_OP_NOP, RI_OP_RETURN0};
    RiProto *p = make(code, 4);
    RiLocalVar locals[] = {{&name_t, 0, 4, 0}, {&name_x, 1, 2, 1}, {&name_y, 2, 4, 1}};
    uint32_t slot;
    p->locals = locals;
    p->local_count = 3;
    ck_assert_str_eq(ri_local_name(p, 1, 0, &slot), "t");
    ck_assert_ptr_null(ri_local_name(p, 2, 0, &slot));
    ck_assert_str_eq(ri_local_name(p, 2, 1, &slot), "x");
    ck_assert_str_eq(ri_local_name(p, 2, 3, &slot), "y");
    ck_assert_uint_eq(slot, 1);
    ck_assert_ptr_null(ri_local_name(p, 0, 1, &slot));
    ck_assert_str_eq(ri_local_name_of_slot(p, 1, 2), "y");
    ck_assert_ptr_null(ri_local_name_of_slot(p, 1, 0));
}
END_TEST

START_TEST(slots_have_uses)
{
    static const uint32_t code[] = {ABC(NEWCELL, 0, 0, 0), AD(NEWTABLE, 0, 3), RI_OP_MARK, ABC(POP, 2, 0, 0),
                                    ABC(LOADNIL, 3, 0, 0), ABC(FORPREP, 2, 0, 0), 2, ABC(FORLOOP, 2, 0, 0),
                                    (uint32_t)-2, RI_OP_RETURN0};
    RiProto *p = make(code, 10);
    p->sites[3].key = RI_NO_KEY;
    ck_assert_int_eq(ri_slot_use(NULL, p, 0, 0), RI_SLOT_VALUE);
    ck_assert_int_eq(ri_slot_use(NULL, p, 1, 0), RI_SLOT_CELL);
    ck_assert_int_eq(ri_slot_use(NULL, p, 1, 1), RI_SLOT_VALUE);
    ck_assert_int_eq(ri_slot_use(NULL, p, 2, 2), RI_SLOT_FIXED);
    ck_assert_int_eq(ri_slot_use(NULL, p, 3, 3), RI_SLOT_NONE);
    ck_assert_int_eq(ri_slot_use(NULL, p, 7, 2), RI_SLOT_STATE);
    ck_assert_int_eq(ri_slot_use(NULL, p, 7, 5), RI_SLOT_VALUE);
    ck_assert_int_eq(ri_slot_use(NULL, p, 9, 5), RI_SLOT_NONE);
}
END_TEST

static void check_id(const char *source, const char *expected)
{
    char id[RI_ID_SIZE];
    ri_chunk_id(id, source, strlen(source));
    ck_assert_str_eq(id, expected);
}

START_TEST(chunk_names_are_shortened)
{
    check_id("=stdin", "stdin");
    check_id("@prog.lua", "prog.lua");
    check_id("=", "");
    check_id("x = 1", "[string \"x = 1\"]");
    check_id("", "[string \"\"]");
    check_id("x = 1\ny = 2", "[string \"x = 1...\"]");
    check_id("\n", "[string \"...\"]");
    /* 59 characters fit for names, 44 for text */
    check_id("=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff",
             "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff");
    check_id("=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffffX",
             "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffff");
    check_id("@aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffffX",
             "...aaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffffffX");
    check_id("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee", "[string \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee\"]");
    check_id("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee",
             "[string \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee...\"]");
    check_id("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeX",
             "[string \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee...\"]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("debuginfo");
    TCase *tests = tcase_create("debuginfo");
    tcase_add_loop_test(tests, operands_are_described, 0, (int)RI_COUNTOF(cases));
    tcase_add_test(tests, locals_are_counted_where_they_are_active);
    tcase_add_test(tests, slots_have_uses);
    tcase_add_test(tests, chunk_names_are_shortened);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
