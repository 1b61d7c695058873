/* The verifier: good functions pass, and each bad one is refused by the rule it breaks. No heap: prototypes and strings
 * are built by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/abstract.h"
#include "vm/exec/opcode.h"
#include "vm/exec/verify.h"

/* -- Building ---------------------------------------------------------------------------------------------------- */

static const RiString short_name = {
    .object = {.kind_byte = RI_KIND_BYTE(RI_TAG_STRING), .flags = RI_STR_INTERNED}, .size = 1, .bytes = "x"};
static const RiString long_name = {.object = {.kind_byte = RI_KIND_BYTE(RI_TAG_STRING)}, .size = 1, .bytes = "y"};

/* A function with one parameter, 12 slots, an upvalue, constants K0 "x", K1 7, K2 a long string; sites S0 … S3: x, none,
 * x, x; two nested functions, the first capturing slot 0, the second nothing. */
typedef struct Sample {
    RiValue constants[3];
    RiSite sites[4];
    RiUpvalDesc upvals[1], captured[1];
    uint32_t child_code[1];
    RiProto children[2];
    RiProto *protos[2];
    uint32_t code[40];
    RiProto proto;
    char message[128];
} Sample;

#define OP0(op) ((uint32_t)RI_OP_##op)
#define ABC(op, a, b, c) ((uint32_t)RI_OP_##op | (a) << 8 | (b) << 16 | (uint32_t)(c) << 24)
#define AD(op, a, d) ((uint32_t)RI_OP_##op | (a) << 8 | (uint32_t)(d) << 16)
#define E(op, e) ((uint32_t)RI_OP_##op | (uint32_t)(e) << 8)

static const char *verify_prepared(Sample *s, const uint32_t *code, uint32_t count)
{
    uint32_t pc;
    memcpy(s->code, code, count * sizeof *code);
    s->proto.code = s->code;
    s->proto.code_count = count;
    return ri_verify(&s->proto, s->message, &pc);
}

static void prepare(Sample *s)
{
    *s = (Sample){.sites = {{0}, {RI_NO_KEY}, {0}, {0}},
                  .constants = {ri_string_value(&short_name), ri_int(7), ri_string_value(&long_name)},
                  .captured = {{.in_stack = 1, .index = 0}},
                  .child_code = {RI_OP_RETURN0}};
    s->children[0] = (RiProto){.code = s->child_code, .code_count = 1, .upvals = s->captured, .upval_count = 1};
    s->children[1] = (RiProto){.code = s->child_code, .code_count = 1};
    s->protos[0] = &s->children[0];
    s->protos[1] = &s->children[1];
    s->proto = (RiProto){.param_count = 1, .frame_size = 12, .constants = s->constants, .constant_count = 3,
                         .sites = s->sites, .site_count = 4, .upvals = s->upvals, .upval_count = 1, .protos = s->protos,
                         .proto_count = 2};
}

typedef struct Case {
    const char *rule; /* NULL: accepted */
    uint32_t code[24];
    uint32_t count;
    bool is_vararg;
} Case;

#define CODE(...) {__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4

static const Case good[] = {
    {NULL, CODE(OP0(RETURN0)), false},
    {NULL, CODE(AD(ADD_LK, 0, 1), OP0(RETURN1)), false},
    /* if L0 then L0 := 1 end; return L0 */
    {NULL, CODE(ABC(TEST_L, 0, 0, 0), 1, AD(SETLOCALI, 0, 1), ABC(RETURN_L, 0, 0, 0)), false},
    /* for i = 1, 2, 3 do local j = i end */
    {NULL, CODE(E(LOADINT, 1), E(LOADINT, 2), E(LOADINT, 3), ABC(FORPREP, 1, 0, 0), 3, ABC(GETLOCAL, 4, 0, 0),
                ABC(FORLOOP, 1, 0, 0), (uint32_t)-3, OP0(RETURN0)), false},
    /* for k, v in L0 do local x = k end */
    {NULL, CODE(ABC(GETLOCAL, 0, 0, 0), ABC(LOADNIL, 3, 0, 0), ABC(TFORPREP, 1, 0, 0), 1, ABC(GETLOCAL, 5, 0, 0),
                ABC(TFORCALL, 1, 2, 0), ABC(TFORLOOP, 1, 2, 0), (uint32_t)-4, ABC(CLOSE, 4, 0, 0),
                ABC(POP, 4, 0, 0), OP0(RETURN0)), false},
    /* while true do local x = nil end */
    {NULL, CODE(ABC(LOADNIL, 1, 0, 0), ABC(LOOP, 1, 0, 0), (uint32_t)-3), false},
    /* return L0(L0), and L0(...) */
    {NULL, CODE(ABC(GETLOCAL_M, 0, 0, 0), ABC(GETLOCAL, 0, 0, 0), ABC(TAILCALL, 1, 0, 0)), false},
    {NULL, CODE(ABC(GETLOCAL_M, 0, 0, 0), ABC(VARARG, 0, 0, 0), AD(CALLV, 0, 1), E(RETURNV, 1)), true},
    /* {x = L0, 1, ...} */
    {NULL, CODE(AD(NEWTABLE, 0, 1), ABC(GETLOCAL, 0, 0, 0), E(INITFIELD, 0), E(LOADINT, 1), ABC(VARARG, 0, 0, 0),
                E(SETLISTV, 1), 1, OP0(RETURN1)), true},
    /* L0 or {} as a value, then stored in */
    {NULL, CODE(ABC(GETLOCAL, 0, 0, 0), ABC(TESTKEEP, 0, 0, 1), 1, AD(NEWTABLE, 0, 1), OP0(RETURN1)), false},
    /* a captured parameter */
    {NULL, CODE(ABC(NEWCELL, 0, 0, 0), E(CLOSURE, 0), OP0(LOADTRUE), ABC(SETCELL, 0, 0, 0), OP0(RETURN1)), false},
    /* a method call */
    {NULL, CODE(AD(SELF_L, 0, 0), ABC(CALL, 1, 2, 0), OP0(RETURN1)), false},
    /* a variable to be closed */
    {NULL, CODE(ABC(TBC, 0, 0, 0), ABC(CLOSE, 0, 0, 0), OP0(RETURN0)), false},
    /* return ... past a variable to be closed */
    {NULL, CODE(ABC(TBC, 0, 0, 0), ABC(VARARG, 0, 0, 0), ABC(CLOSE, 0, 0, 0), E(RETURNV, 1)), true},
    /* for i = 1, 2, 3 do local j = i if L0 then goto continue end local k = i ::continue:: end */
    {NULL, CODE(E(LOADINT, 1), E(LOADINT, 2), E(LOADINT, 3), ABC(FORPREP, 1, 0, 0), 6, ABC(GETLOCAL, 4, 0, 0),
                ABC(TEST_L, 0, 0, 1), 1, ABC(GETLOCAL, 4, 0, 0), ABC(FORLOOP, 1, 0, 0), (uint32_t)-6, OP0(RETURN0)), false},
    /* code that is never reached only needs operands in range */
    {NULL, CODE(OP0(RETURN0), OP0(ADD), OP0(RETURN0)), false},
};

static const Case bad[] = {
    {"control falls off the end", CODE(OP0(NOP)), false},
    {"control falls off the end", CODE(ABC(TEST_L, 0, 0, 0), 0, OP0(LOADTRUE)), false},
    {"no such instruction", CODE(250, OP0(RETURN0)), false},
    {"internal instruction", CODE(OP0(WARM), OP0(RETURN0)), false},
    {"half an instruction", CODE(ABC(TEST_L, 0, 0, 0)), false},
    {"jump out of the function", CODE(E(JMP, 5), OP0(RETURN0)), false},
    {"jump out of the function", CODE(ABC(LOOP, 0, 0, 0), (uint32_t)-9), false},
    {"jump into the middle", CODE(E(JMP, 1), ABC(TEST_L, 0, 0, 0), 0, OP0(RETURN0)), false},
    {"backward jump without a safe point", CODE(OP0(NOP), E(JMP, -2)), false},
    {"stack underflow", CODE(OP0(ADD), OP0(RETURN0)), false},
    {"stack underflow", CODE(ABC(POP, 2, 0, 0), OP0(RETURN0)), false},
    {"stack underflow", CODE(AD(RETURN, 0, 2)), false},
    {"stack deeper than the frame", CODE(ABC(LOADNIL, 12, 0, 0), OP0(RETURN0)), false},
    {"stack depths differ", CODE(ABC(TEST_L, 0, 0, 0), 1, OP0(LOADTRUE), OP0(RETURN0)), false},
    {"stack depths differ", CODE(OP0(LOADTRUE), ABC(LOOP, 2, 0, 0), (uint32_t)-3), false},
    {"no such constant", CODE(E(LOADK, 3), OP0(RETURN1)), false},
    {"no such site", CODE(AD(GETFIELD_L, 0, 4), OP0(RETURN1)), false},
    {"no such upvalue", CODE(ABC(GETUPVAL, 1, 0, 0), OP0(RETURN1)), false},
    {"no such nested function", CODE(E(CLOSURE, 2), OP0(RETURN1)), false},
    {"sense is not 0 or 1", CODE(ABC(TEST_L, 0, 0, 2), 0, OP0(RETURN0)), false},
    {"site used twice", CODE(AD(GETFIELD_L, 0, 0), E(GETFIELD, 0), OP0(RETURN1)), false},
    {"site without a key", CODE(AD(GETFIELD_L, 0, 1), OP0(RETURN1)), false},
    {"site of NEWTABLE has a key", CODE(AD(NEWTABLE, 0, 0), OP0(RETURN1)), false},
    {"record without fields", CODE(AD(NEWRECORD, 0, 0), OP0(RETURN1)), false},
    {"key of a site is not a short string", CODE(ABC(LOADNIL, 2, 0, 0), AD(NEWRECORD, 2, 0), OP0(RETURN1)), false},
    {"local slot above the stack", CODE(ABC(GETLOCAL, 1, 0, 0), OP0(RETURN1)), false},
    {"local slot above the stack", CODE(OP0(LOADTRUE), ABC(SETLOCAL, 1, 0, 0), OP0(RETURN0)), false},
    {"no such local slot", CODE(ABC(GETLOCAL, 12, 0, 0), OP0(RETURN1)), false},
    {"local slot read does not hold a value", CODE(ABC(NEWCELL, 0, 0, 0), ABC(GETLOCAL, 0, 0, 0), OP0(RETURN1)), false},
    {"local slot written does not hold a value", CODE(ABC(NEWCELL, 0, 0, 0), AD(SETLOCALI, 0, 1), OP0(RETURN0)), false},
    {"does not hold a cell", CODE(ABC(GETCELL, 0, 0, 0), OP0(RETURN1)), false},
    {"does not hold a cell", CODE(E(CLOSURE, 0), OP0(RETURN1)), false},
    {"kinds of a slot differ", CODE(ABC(TEST_L, 0, 0, 0), 1, ABC(NEWCELL, 0, 0, 0), OP0(RETURN0)), false},
    {"operand is not a value", CODE(OP0(LOADTRUE), OP0(MARK), OP0(ADD), OP0(RETURN1)), false},
    {"no frame link", CODE(OP0(LOADTRUE), OP0(LOADTRUE), ABC(CALL, 0, 1, 0), OP0(RETURN0)), false},
    {"no frame link", CODE(ABC(GETLOCAL_M, 0, 0, 0), OP0(LOADTRUE), ABC(CALL, 0, 1, 0), OP0(RETURN0)), false},
    {"no function below", CODE(OP0(MARK), OP0(MARK), ABC(CALL, 0, 1, 0), OP0(RETURN0)), false},
    {"no table under construction", CODE(ABC(GETLOCAL, 0, 0, 0), ABC(GETLOCAL, 0, 0, 0), E(INITFIELD, 0), OP0(RETURN1)),
     false},
    /* a table on one path only */
    {"no table under construction", CODE(ABC(GETLOCAL, 0, 0, 0), ABC(TESTKEEP, 0, 0, 1), 1, AD(NEWTABLE, 0, 1),
                                         OP0(LOADTRUE), E(INITFIELD, 0), OP0(RETURN1)), false},
    {"list does not start", CODE(AD(NEWTABLE, 0, 1), OP0(LOADTRUE), ABC(SETLIST, 1, 0, 0), 0, OP0(RETURN1)), false},
    {"list starts beyond", CODE(AD(NEWTABLE, 0, 1), OP0(LOADTRUE), ABC(SETLIST, 1, 0, 0), 2, OP0(RETURN1)), false},
    {"list starts beyond", CODE(AD(NEWTABLE, 0, 1), ABC(VARARG, 0, 0, 0), E(SETLISTV, 0), 1073741825, OP0(RETURN1)), true},
    {"concatenation of fewer", CODE(OP0(LOADTRUE), ABC(CONCAT, 1, 0, 0), OP0(RETURN1)), false},
    {"varargs in a function without", CODE(ABC(VARARG, 2, 0, 0), OP0(RETURN1)), false},
    {"open stack not taken at once", CODE(ABC(VARARG, 0, 0, 0), OP0(NOP), E(RETURNV, 1)), true},
    {"open stack not taken at once", CODE(ABC(VARARG, 0, 0, 0), ABC(CLOSE, 0, 0, 0), OP0(RETURN0)), true},
    {"no open stack to take", CODE(OP0(LOADTRUE), E(RETURNV, 1)), false},
    {"open stack at a join", CODE(ABC(TEST_L, 0, 0, 0), 1, ABC(VARARG, 0, 0, 0), E(RETURNV, 1)), true},
    {"stack underflow", CODE(ABC(VARARG, 0, 0, 0), E(RETURNV, 2)), true},
    {"depth at FORPREP", CODE(E(LOADINT, 1), E(LOADINT, 2), ABC(FORPREP, 1, 0, 0), 0, OP0(RETURN0)), false},
    {"no loop state", CODE(ABC(LOADNIL, 4, 0, 0), ABC(FORLOOP, 1, 0, 0), (uint32_t)-3, OP0(RETURN0)), false},
    {"local slot written", CODE(E(LOADINT, 1), E(LOADINT, 2), E(LOADINT, 3), ABC(FORPREP, 1, 0, 0), 3,
                                AD(SETLOCALI, 1, 5), ABC(FORLOOP, 1, 0, 0), (uint32_t)-3, OP0(RETURN0)), false},
    {"TFORCALL without", CODE(ABC(LOADNIL, 4, 0, 0), ABC(TFORPREP, 1, 0, 0), 0, ABC(TFORCALL, 1, 2, 0), OP0(RETURN0)),
     false},
    {"TFORLOOP without", CODE(ABC(LOADNIL, 4, 0, 0), ABC(TFORPREP, 1, 0, 0), 1, ABC(TFORCALL, 1, 1, 0),
                                ABC(TFORLOOP, 1, 1, 0), (uint32_t)-3, OP0(RETURN0)), false},
    {"dropped without CLOSE", CODE(ABC(TBC, 0, 0, 0), OP0(RETURN0)), false},
    {"dropped without CLOSE", CODE(ABC(GETLOCAL, 0, 0, 0), ABC(TBC, 1, 0, 0), ABC(POP, 1, 0, 0), OP0(RETURN0)), false},
    {"to-be-closed variable written", CODE(ABC(TBC, 0, 0, 0), AD(SETLOCALI, 0, 1), ABC(CLOSE, 0, 0, 0), OP0(RETURN0)),
     false},
    {"does not hold a variable", CODE(OP0(MARK), ABC(TBC, 1, 0, 0), OP0(RETURN0)), false},
};

START_TEST(good_code_is_accepted)
{
    Sample s;
    prepare(&s);
    s.proto.is_vararg = good[_i].is_vararg;
    const char *rule = verify_prepared(&s, good[_i].code, good[_i].count);
    ck_assert_msg(rule == NULL, "case %d: %s", _i, rule);
}
END_TEST

START_TEST(bad_code_is_refused)
{
    Sample s;
    prepare(&s);
    s.proto.is_vararg = bad[_i].is_vararg;
    const char *rule = verify_prepared(&s, bad[_i].code, bad[_i].count);
    ck_assert_msg(rule != NULL, "case %d was accepted, expected: %s", _i, bad[_i].rule);
    ck_assert_msg(strstr(rule, bad[_i].rule) != NULL, "case %d: got '%s', expected '%s'", _i, rule, bad[_i].rule);
}
END_TEST

/* -- Around the code --------------------------------------------------------------------------------------------- */

static const uint32_t just_return[] = {RI_OP_RETURN0, RI_OP_RETURN0};

static void check_refused(Sample *s, const char *expected)
{
    const char *rule = verify_prepared(s, just_return, 2);
    ck_assert_msg(rule != NULL && strstr(rule, expected) != NULL, "got '%s', expected '%s'", rule ? rule : "-", expected);
}

START_TEST(frame_must_hold_the_parameters)
{
    Sample s;
    prepare(&s);
    s.proto.frame_size = 0;
    check_refused(&s, "bad frame size");
    s.proto.frame_size = RI_FRAME_SIZE_MAX + 1;
    check_refused(&s, "bad frame size");
}
END_TEST

START_TEST(constants_must_be_plain)
{
    Sample s;
    prepare(&s);
    s.constants[2] = (RiValue){.tag = RI_TAG_TABLE};
    check_refused(&s, "constant of a kind");
    s.constants[2] = (RiValue){.tag = RI_TAG_STRING};
    check_refused(&s, "constant string is missing");
}
END_TEST

START_TEST(site_keys_must_be_short_strings)
{
    Sample s;
    prepare(&s);
    s.sites[3].key = 1;
    check_refused(&s, "key of a site");
    s.sites[3].key = 2;
    check_refused(&s, "key of a site");
    s.sites[3].key = 3;
    check_refused(&s, "key of a site");
}
END_TEST

START_TEST(debug_data_must_be_in_range)
{
    Sample s;
    prepare(&s);
    RiString name = short_name;
    RiLocalVar locals[2] = {{&name, 0, 3, 0}, {&name, 0, 1, 1}};
    RiLoop loop = {1, 9, 0};
    s.proto.locals = locals;
    s.proto.local_count = 1;
    check_refused(&s, "local variable out of range");
    locals[0] = (RiLocalVar){&name, 1, 2, 12};
    check_refused(&s, "local variable out of range");
    locals[0] = (RiLocalVar){NULL, 1, 2, 0};
    check_refused(&s, "local variable out of range");
    locals[0] = (RiLocalVar){&name, 1, 2, 0};
    s.proto.local_count = 2;
    check_refused(&s, "local variables out of order");
    s.proto.local_count = 0;
    s.proto.loops = &loop;
    s.proto.loop_count = 1;
    check_refused(&s, "loop out of range");
}
END_TEST

/* A debugger may write a named slot, so nothing may be stored raw into the table there. */
START_TEST(named_tables_are_plain_values)
{
    Sample s;
    prepare(&s);
    RiString name = short_name;
    RiLocalVar local = {&name, 1, 4, 1};
    const uint32_t code[] = {AD(NEWTABLE, 0, 1), OP0(NOP), OP0(LOADTRUE), E(INITFIELD, 0), OP0(RETURN1)};
    ck_assert_ptr_null(verify_prepared(&s, code, 5));
    s.proto.locals = &local;
    s.proto.local_count = 1;
    const char *rule = verify_prepared(&s, code, 5);
    ck_assert_ptr_nonnull(rule);
    ck_assert_ptr_nonnull(strstr(rule, "no table under construction"));
    local.start_pc = 4; /* named once it is finished */
    local.end_pc = 5;
    ck_assert_ptr_null(verify_prepared(&s, code, 5));
}
END_TEST

START_TEST(lines_must_be_complete)
{
    Sample s;
    prepare(&s);
    int8_t deltas[2] = {0, INT8_MIN};
    RiLineMark marks[2] = {{0, 1}, {0, 2}};
    s.proto.has_lines = 1;
    check_refused(&s, "line information does not start");
    s.proto.line_deltas = deltas;
    s.proto.line_marks = marks;
    s.proto.line_mark_count = 1;
    check_refused(&s, "line of an instruction is missing");
    s.proto.line_mark_count = 2;
    check_refused(&s, "line information out of order");
    marks[1].pc = 1;
    ck_assert_ptr_null(verify_prepared(&s, just_return, 2));
}
END_TEST

START_TEST(nested_functions_are_verified)
{
    Sample s;
    prepare(&s);
    s.child_code[0] = RI_OP_NOP;
    check_refused(&s, "control falls off the end");
    s.protos[1] = NULL;
    check_refused(&s, "nested function is missing");
}
END_TEST

START_TEST(captured_upvalue_must_exist)
{
    Sample s;
    prepare(&s);
    s.captured[0] = (RiUpvalDesc){.in_stack = 0, .index = 1};
    const uint32_t code[] = {E(CLOSURE, 0), OP0(RETURN1)};
    const char *rule = verify_prepared(&s, code, 2);
    ck_assert_ptr_nonnull(rule);
    ck_assert_ptr_nonnull(strstr(rule, "captured upvalue"));
    s.captured[0].index = 0;
    ck_assert_ptr_null(verify_prepared(&s, code, 2));
}
END_TEST

START_TEST(endless_nesting_is_refused)
{
    Sample s;
    prepare(&s);
    s.children[1].protos = &s.protos[1]; /* contains itself */
    s.children[1].proto_count = 1;
    check_refused(&s, "nested too deep");
}
END_TEST

/* -- Producers --------------------------------------------------------------------------------------------------- */

typedef struct Seen {
    uint32_t pc, depth;
    int64_t top_producer;
} Seen;

static void remember(void *context, uint32_t pc, const RiAbstractState *state)
{
    Seen *seen = context;
    if (pc == seen->pc) {
        seen->depth = state->depth;
        seen->top_producer = state->producers[state->depth - 1];
    }
}

START_TEST(producers_are_known_until_paths_meet)
{
    Sample s;
    prepare(&s);
    const uint32_t code[] = {E(LOADINT, 1), ABC(TEST_L, 0, 0, 0), 1, OP0(NOP), OP0(LOADTRUE), ABC(TESTKEEP, 0, 0, 1), 1,
                             OP0(LOADFALSE), OP0(RETURN1)};
    memcpy(s.code, code, sizeof code);
    s.proto.code = s.code;
    s.proto.code_count = 9;
    Seen seen = {.pc = 4};
    uint32_t pc;
    ck_assert_ptr_null(ri_abstract_walk(&s.proto, true, remember, &seen, &pc));
    ck_assert_uint_eq(seen.depth, 2);
    ck_assert_int_eq(seen.top_producer, RI_PRODUCER(0, 0)); /* the same by both ways */
    seen.pc = 8;
    ck_assert_ptr_null(ri_abstract_walk(&s.proto, true, remember, &seen, &pc));
    ck_assert_uint_eq(seen.depth, 3);
    ck_assert_int_eq(seen.top_producer, RI_NO_PRODUCER);
}
END_TEST

/* The depth that ri_abstract_depth_after tells is the one the walk arrives at. */
typedef struct Depths {
    const RiProto *proto;
    uint32_t next_pc, expected;
    int compared;
} Depths;

static void compare_depth(void *context, uint32_t pc, const RiAbstractState *state)
{
    Depths *d = context;
    RiOpcode op = RI_WORD_OP(d->proto->code[pc]);
    bool drops = op == RI_OP_FORLOOP || op == RI_OP_TFORCALL || op == RI_OP_LOOP; /* leftovers, before it is seen */
    if (pc == d->next_pc && pc != 0) {
        ck_assert(drops ? state->depth <= d->expected : state->depth == d->expected);
        d->compared++;
    }
    d->next_pc = pc + ri_op_info[op].words;
    d->expected = ri_abstract_depth_after(d->proto->code + pc, state->depth);
    if (ri_op_has_flag(op, 'F'))
        d->next_pc = 0;
}

START_TEST(depth_after_agrees_with_the_walk)
{
    Sample s;
    prepare(&s);
    s.proto.is_vararg = good[_i].is_vararg;
    ck_assert_ptr_null(verify_prepared(&s, good[_i].code, good[_i].count));
    Depths d = {.proto = &s.proto};
    uint32_t pc;
    ck_assert_ptr_null(ri_abstract_walk(&s.proto, false, compare_depth, &d, &pc));
    ck_assert(d.compared > 0 || good[_i].count <= 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("verify");
    tcase_add_loop_test(tests, good_code_is_accepted, 0, (int)RI_COUNTOF(good));
    tcase_add_loop_test(tests, bad_code_is_refused, 0, (int)RI_COUNTOF(bad));
    tcase_add_test(tests, frame_must_hold_the_parameters);
    tcase_add_test(tests, constants_must_be_plain);
    tcase_add_test(tests, site_keys_must_be_short_strings);
    tcase_add_test(tests, debug_data_must_be_in_range);
    tcase_add_test(tests, named_tables_are_plain_values);
    tcase_add_test(tests, lines_must_be_complete);
    tcase_add_test(tests, nested_functions_are_verified);
    tcase_add_test(tests, captured_upvalue_must_exist);
    tcase_add_test(tests, endless_nesting_is_refused);
    tcase_add_test(tests, producers_are_known_until_paths_meet);
    tcase_add_loop_test(tests, depth_after_agrees_with_the_walk, 0, (int)RI_COUNTOF(good));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
