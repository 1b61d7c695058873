/* Saved chunks: what is written comes back; prefixes, flipped bits and lies about counts are refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/chunk.h"
#include "vm/exec/opcode.h"
#include "vm/exec/verify.h"

#define ABC(op, a, b, c) ((uint32_t)RI_OP_##op | (a) << 8 | (b) << 16 | (uint32_t)(c) << 24)
#define AD(op, a, d) ((uint32_t)RI_OP_##op | (a) << 8 | (uint32_t)(d) << 16)
#define HEADER_SIZE 42 /* up to the body */

static RiHeap *heap;

static void set_up(void)
{
    heap = ri_heap_create(1);
    ck_assert_ptr_nonnull(heap);
}

static void tear_down(void)
{
    ri_heap_destroy(heap);
}

static void *copy_array(const void *from, size_t size, bool has_pointers)
{
    void *to = ri_proto_alloc(heap, size, has_pointers);
    memcpy(to, from, size);
    return to;
}

/* A function with everything in it, and one nested function. */
static RiProto *make_sample(void)
{
    static const char long_text[] = "a string that is longer than the forty bytes up to which strings are interned";
    RiString *name = ri_str_from_cstr(heap, "x");
    RiString *source = ri_str_from_cstr(heap, "@sample.lua");

    RiProto *child = ri_proto_new(heap);
    const uint32_t child_code[] = {RI_OP_RETURN0};
    child->code = copy_array(child_code, sizeof child_code, false);
    child->code_count = 1;
    child->source = source;
    child->line_defined = 2;
    child->last_line_defined = 300;
    const RiUpvalDesc captured[] = {{.name = name, .in_stack = 1, .index = 0, .kind = 1}};
    child->upvals = copy_array(captured, sizeof captured, true);
    child->upval_count = 1;

    RiProto *p = ri_proto_new(heap);
    const uint32_t code[] = {ABC(NEWCELL, 0, 0, 0), (uint32_t)RI_OP_CLOSURE, AD(GETFIELD_U, 0, 0), ABC(TEST_L, 2, 0, 1),
                             1, RI_OP_NOP, RI_OP_RETURN1};
    const RiValue constants[] = {ri_string_value(name), ri_int(INT64_MIN), ri_int(-1), ri_int(INT64_MAX), ri_float(-0.0),
                                 ri_float(1e308), ri_nil(), ri_bool(false), ri_bool(true),
                                 ri_string_value(ri_str_from_cstr(heap, long_text))};
    const RiSite sites[] = {{0}, {RI_NO_KEY}};
    const RiUpvalDesc upvals[] = {{.name = ri_str_from_cstr(heap, "_ENV"), .in_stack = 1}};
    const int8_t deltas[] = {0, 1, 0, INT8_MIN, 0, -2, 1};
    const RiLineMark marks[] = {{0, 1}, {3, 1000}};
    const RiLocalVar locals[] = {{name, 0, 7, 0}, {name, 2, 7, 1}};
    const RiLoop loops[] = {{1, 5, 0x8000000000000001u}};
    RiProto *protos[] = {child};
    p->code = copy_array(code, sizeof code, false);
    p->code_count = RI_COUNTOF(code);
    p->constants = copy_array(constants, sizeof constants, true);
    p->constant_count = RI_COUNTOF(constants);
    p->sites = copy_array(sites, sizeof sites, false);
    p->site_count = RI_COUNTOF(sites);
    p->upvals = copy_array(upvals, sizeof upvals, true);
    p->upval_count = 1;
    p->protos = copy_array(protos, sizeof protos, true);
    p->proto_count = 1;
    p->has_lines = 1;
    p->line_deltas = copy_array(deltas, sizeof deltas, false);
    p->line_marks = copy_array(marks, sizeof marks, false);
    p->line_mark_count = RI_COUNTOF(marks);
    p->locals = copy_array(locals, sizeof locals, true);
    p->local_count = RI_COUNTOF(locals);
    p->loops = copy_array(loops, sizeof loops, false);
    p->loop_count = 1;
    p->source = source;
    p->param_count = 1;
    p->is_vararg = 1;
    p->frame_size = 5;
    return p;
}

static RiProto *load(const char *bytes, size_t size, const char **why)
{
    static char message[160];
    *why = NULL;
    return ri_chunk_load(heap, bytes, size, why, message);
}

static RiProto *reload(const RiProto *p, bool strip)
{
    RiString *saved = ri_chunk_dump(heap, p, strip);
    const char *why;
    RiProto *loaded = load(ri_str_data(saved), saved->size, &why);
    ck_assert_msg(loaded != NULL, "%s", why);
    return loaded;
}

START_TEST(sample_is_valid)
{
    char message[128];
    uint32_t pc;
    const char *rule = ri_verify(make_sample(), message, &pc);
    ck_assert_msg(rule == NULL, "%s", rule);
}
END_TEST

START_TEST(everything_comes_back)
{
    RiProto *p = make_sample(), *q = reload(p, false);
    ck_assert_uint_eq(q->code_count, p->code_count);
    ck_assert_mem_eq(q->code, p->code, p->code_count * sizeof *p->code);
    ck_assert_uint_eq(q->constant_count, p->constant_count);
    for (uint32_t i = 0; i < p->constant_count; i++) {
        ck_assert_uint_eq(q->constants[i].tag, p->constants[i].tag);
        if (ri_is_string(p->constants[i]))
            ck_assert(ri_str_equal(q->constants[i].p, p->constants[i].p));
        else
            ck_assert_uint_eq(q->constants[i].u, p->constants[i].u);
    }
    ck_assert_ptr_eq(q->constants[0].p, p->constants[0].p); /* short strings are interned again */
    ck_assert_uint_eq(q->site_count, 2);
    ck_assert_uint_eq(q->sites[0].key, 0);
    ck_assert_uint_eq(q->sites[1].key, RI_NO_KEY);
    ck_assert_uint_eq(q->upval_count, 1);
    ck_assert_ptr_eq(q->upvals[0].name, p->upvals[0].name);
    ck_assert_mem_eq(q->line_deltas, p->line_deltas, p->code_count);
    ck_assert_mem_eq(q->line_marks, p->line_marks, p->line_mark_count * sizeof *p->line_marks);
    ck_assert_uint_eq(q->has_lines, 1);
    ck_assert_uint_eq(q->local_count, 2);
    ck_assert_ptr_eq(q->locals[1].name, p->locals[1].name);
    ck_assert_uint_eq(q->locals[1].start_pc, 2);
    ck_assert_uint_eq(q->locals[1].slot, 1);
    ck_assert_uint_eq(q->loops[0].used_locals, 0x8000000000000001u);
    ck_assert_ptr_eq(q->source, p->source);
    ck_assert_uint_eq(q->param_count, 1);
    ck_assert_uint_eq(q->is_vararg, 1);
    ck_assert_uint_eq(q->frame_size, 5);
    ck_assert_uint_eq(q->proto_count, 1);
    ck_assert_uint_eq(q->protos[0]->line_defined, 2);
    ck_assert_uint_eq(q->protos[0]->last_line_defined, 300);
    ck_assert_uint_eq(q->protos[0]->upvals[0].in_stack, 1);
    ck_assert_uint_eq(q->protos[0]->upvals[0].kind, 1);
}
END_TEST

START_TEST(dumping_again_gives_the_same_bytes)
{
    RiProto *p = make_sample();
    RiString *once = ri_chunk_dump(heap, p, false), *twice = ri_chunk_dump(heap, reload(p, false), false);
    ck_assert(ri_str_equal(once, twice));
}
END_TEST

START_TEST(stripping_leaves_names_and_lines_out)
{
    RiProto *p = make_sample(), *q = reload(p, true);
    ck_assert_ptr_null(q->source);
    ck_assert_uint_eq(q->has_lines, 0);
    ck_assert_uint_eq(q->local_count, 0);
    ck_assert_ptr_null(q->upvals[0].name);
    ck_assert_uint_eq(q->loop_count, 1); /* the compiler to machine code wants them */
    ck_assert_mem_eq(q->code, p->code, p->code_count * sizeof *p->code);
    ck_assert_uint_lt(ri_chunk_dump(heap, p, true)->size, ri_chunk_dump(heap, p, false)->size);
}
END_TEST

START_TEST(header_begins_as_pucs_does)
{
    static const char puc[] = "\x1bLua\x54\x00\x19\x93\r\n\x1a\n\x04\x08\x08";
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    ck_assert_mem_eq(ri_str_data(saved), puc, sizeof puc - 1);
    int64_t integer;
    double number;
    memcpy(&integer, ri_str_data(saved) + 15, 8);
    memcpy(&number, ri_str_data(saved) + 23, 8);
    ck_assert_int_eq(integer, 0x5678);
    ck_assert(number == 370.5);
}
END_TEST

START_TEST(every_prefix_is_truncated)
{
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    for (size_t size = 0; size < saved->size; size++) {
        const char *why;
        ck_assert_ptr_null(load(ri_str_data(saved), size, &why));
        ck_assert_msg(strstr(why, "truncated") != NULL, "%zu bytes: %s", size, why);
    }
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    char *bytes = malloc(saved->size);
    memcpy(bytes, ri_str_data(saved), saved->size);
    for (size_t i = 0; i < saved->size * 8; i++) {
        const char *why;
        bytes[i / 8] ^= (char)(1 << i % 8);
        ck_assert_msg(load(bytes, saved->size, &why) == NULL, "bit %zu", i);
        bytes[i / 8] ^= (char)(1 << i % 8);
    }
    free(bytes);
}
END_TEST

START_TEST(what_follows_is_ignored)
{
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    RiString *longer = ri_str_concat2(heap, saved, ri_str_from_cstr(heap, "and so on"));
    const char *why;
    ck_assert_ptr_nonnull(load(ri_str_data(longer), longer->size, &why));
}
END_TEST

/* A chunk with the given body and a right checksum. */
static RiProto *load_body(const void *body, size_t size, const char **why)
{
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    char bytes[400];
    ck_assert_uint_lt(HEADER_SIZE + size + 4, sizeof bytes);
    memcpy(bytes, ri_str_data(saved), HEADER_SIZE);
    for (int i = 0; i < 4; i++)
        bytes[HEADER_SIZE - 4 + i] = (char)(size >> 8 * i);
    memcpy(bytes + HEADER_SIZE, body, size);
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < HEADER_SIZE + size; i += 8) {
        uint64_t word = 0;
        for (size_t k = 0; k < 8 && i + k < HEADER_SIZE + size; k++)
            word |= (uint64_t)(unsigned char)bytes[i + k] << 8 * k;
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 32;
    }
    for (int i = 0; i < 4; i++)
        bytes[HEADER_SIZE + size + (size_t)i] = (char)(sum >> 8 * i);
    return load(bytes, HEADER_SIZE + size + 4, why);
}

typedef struct BadBody {
    const char *why;
    size_t size;
    unsigned char bytes[40];
} BadBody;

/* strings: 0; flags, parameters, frame size, lines, source; code; constants; upvalues; sites; locals; loops; nested */
static const BadBody bad_bodies[] = {
    {"ends too early", 0, {0}},
    {"count exceeds", 5, {0xff, 0xff, 0xff, 0xff, 0x07}},          /* two thousand million strings */
    {"number too large", 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
    {"integer overflow", 11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {"count exceeds", 3, {1, 9, 'a'}},                              /* a string of nine bytes, one there */
    {"no such string", 7, {0, 0, 0, 0, 0, 0, 3}},
    {"count exceeds", 8, {0, 0, 0, 0, 0, 0, 0, 100}},
    {"count exceeds", 11, {0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3}},       /* one word of code, three bytes */
    {"kind that is not allowed", 15, {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_RETURN0, 0, 0, 0, 1, RI_TAG_TABLE, 0}},
    {"constant string is missing", 15, {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_RETURN0, 0, 0, 0, 1, RI_TAG_STRING, 0}},
    {"ends too early", 18, {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_RETURN0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"data after the main function", 19, {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_RETURN0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"function without code", 14, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"control falls off the end", 18, {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_NOP, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
};

START_TEST(bad_bodies_are_refused)
{
    const BadBody *bad = &bad_bodies[_i];
    size_t size = bad->size;
    if (strcmp(bad->why, "ends too early") == 0 && size > 0)
        size--;
    const char *why;
    ck_assert_ptr_null(load_body(bad->bytes, size, &why));
    ck_assert_msg(strstr(why, bad->why) != NULL, "case %d: got '%s', expected '%s'", _i, why, bad->why);
}
END_TEST

START_TEST(smallest_function_is_loaded)
{
    static const unsigned char body[] = {0, 0, 0, 0, 0, 0, 0, 1, RI_OP_RETURN0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const char *why;
    RiProto *p = load_body(body, sizeof body, &why);
    ck_assert_msg(p != NULL, "%s", why);
    ck_assert_uint_eq(p->code_count, 1);
}
END_TEST

/* Functions in functions, each containing one more. */
START_TEST(deep_nesting_is_refused)
{
    RiProto *p = make_sample()->protos[0];
    for (int i = 0; i < 300; i++) {
        RiProto *outer = ri_proto_new(heap);
        const uint32_t code[] = {RI_OP_RETURN0};
        outer->code = copy_array(code, sizeof code, false);
        outer->code_count = 1;
        outer->protos = copy_array(&p, sizeof p, true);
        outer->proto_count = 1;
        p = outer;
    }
    RiString *saved = ri_chunk_dump(heap, p, false);
    const char *why;
    ck_assert_ptr_null(load(ri_str_data(saved), saved->size, &why));
    ck_assert_ptr_nonnull(strstr(why, "nested too deep"));
}
END_TEST

START_TEST(chunks_survive_collections)
{
    RiString *saved = ri_chunk_dump(heap, make_sample(), false);
    const char *why;
    RiProto *p = load(ri_str_data(saved), saved->size, &why);
    ri_heap_collect(heap);
    ri_heap_collect(heap);
    ck_assert_str_eq(ri_str_data(p->locals[0].name), "x");
    ck_assert_str_eq(ri_str_data(p->source), "@sample.lua");
    ck_assert_uint_eq(p->protos[0]->code[0], RI_OP_RETURN0);
    ck_assert(ri_str_equal(ri_chunk_dump(heap, p, false), saved));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chunk");
    TCase *tests = tcase_create("chunk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sample_is_valid);
    tcase_add_test(tests, everything_comes_back);
    tcase_add_test(tests, dumping_again_gives_the_same_bytes);
    tcase_add_test(tests, stripping_leaves_names_and_lines_out);
    tcase_add_test(tests, header_begins_as_pucs_does);
    tcase_add_test(tests, every_prefix_is_truncated);
    tcase_add_test(tests, every_flipped_bit_is_noticed);
    tcase_add_test(tests, what_follows_is_ignored);
    tcase_add_loop_test(tests, bad_bodies_are_refused, 0, (int)RI_COUNTOF(bad_bodies));
    tcase_add_test(tests, smallest_function_is_loaded);
    tcase_add_test(tests, deep_nesting_is_refused);
    tcase_add_test(tests, chunks_survive_collections);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
