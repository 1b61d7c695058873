/* The compiler: what instructions come out, what the debug data say, how errors are worded, and that nothing in the text
 * can make it fall over. Everything compiled here goes through the verifier. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compile.h"
#include "compiler/diag.h"
#include "vm/exec/opcode.h"
#include "vm/exec/verify.h"

static RiHeap *heap;
static RiCompileError last_error;

static void setup(void)
{
    heap = ri_heap_create(4711);
    ck_assert_ptr_nonnull(heap);
}

static void teardown(void)
{
    ri_heap_destroy(heap);
}

static RiProto *compile_bytes(const char *source, size_t size)
{
    char message[128];
    uint32_t pc;
    /* A copy of exactly this size: reading past it is noticed by the sanitizers. */
    char *copy = malloc(size + (size == 0));
    memcpy(copy, source, size);
    RiProto *p = ri_compile(heap, copy, size, "=x", &last_error);
    free(copy);
    if (p != NULL) {
        const char *rule = ri_verify(p, message, &pc);
        ck_assert_msg(rule == NULL, "%.200s: %s", source, rule);
    }
    return p;
}

static RiProto *compile(const char *source)
{
    RiProto *p = compile_bytes(source, strlen(source));
    ck_assert_msg(p != NULL, "%.200s: %s", source, p ? "" : ri_str_cstr(heap, last_error.message));
    return p;
}

static void assert_error(const char *source, const char *message)
{
    ck_assert_msg(compile_bytes(source, strlen(source)) == NULL, "compiled: %.200s", source);
    ck_assert_str_eq(ri_str_cstr(heap, last_error.message), message);
}

/* Names of the instructions, separated by spaces; without the return at the end that every function has. */
static const char *listing(const RiProto *p)
{
    static _Thread_local char text[4096];
    text[0] = '\0';
    for (uint32_t pc = 0; pc + 1 < p->code_count; pc += ri_op_info[RI_WORD_OP(p->code[pc])].words) {
        if (pc > 0)
            strncat(text, " ", sizeof text - strlen(text) - 1);
        strncat(text, ri_op_info[RI_WORD_OP(p->code[pc])].name, sizeof text - strlen(text) - 1);
    }
    return text;
}

#define assert_code(source, expected) ck_assert_str_eq(listing(compile(source)), expected)
#define assert_inner_code(source, expected) ck_assert_str_eq(listing(compile(source)->protos[0]), expected)

/* `text` with `part` repeated `count` times between `before` and `after`, the latter repeated as well. */
static char *repeated(const char *before, const char *part, const char *middle, const char *after, unsigned count)
{
    size_t size = strlen(before) + strlen(middle) + count * (strlen(part) + strlen(after)) + 1;
    char *text = malloc(size), *at = text;
    at += sprintf(at, "%s", before);
    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, "%s", part);
    at += sprintf(at, "%s", middle);
    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, "%s", after);
    return text;
}

/* -- Instructions ------------------------------------------------------------------------------------------------ */

START_TEST(locals_and_constants)
{
    assert_code("local a, b = 1, 2.0", "LOADINT LOADFLT");
    assert_code("local a, b", "LOADNIL");
    assert_code("local a = 'x' local b = a local c, d = a, b", "LOADK GETLOCAL2 GETLOCAL");
    assert_code("local a = 1 local b = a local c = b", "LOADINT GETLOCAL GETLOCAL"); /* b is not there yet */
    assert_code("local a, b = 1 a = b a = 5 a = 'k' a = nil", "LOADINT LOADNIL MOVELOCAL SETLOCALI SETLOCALK SETLOCALK");
    assert_code("local a <const> = 5 local b = a + 1", "LOADINT");
    assert_code("local a = 1, 2", "LOADINT LOADINT POP");
    assert_code("do local a = 1 end", "LOADINT POP");
    assert_code("local a = 9007199254740993", "LOADK");
    assert_code("local a = -0.0", "LOADFLT UNM"); /* a zero is not folded */
}
END_TEST

START_TEST(arithmetic)
{
    assert_code("local a, b = 1, 2 a = a + b", "LOADINT LOADINT ADD_LLT");
    assert_code("local a = 1 a = a + 1", "LOADINT ADD_LKT");
    assert_code("local a, b = 1, 2 local c = a * b", "LOADINT LOADINT MUL_LL");
    assert_code("local a = 1 local c = a // 2", "LOADINT IDIV_LK");
    assert_code("local a = 1 local c = x - a", "LOADINT GETFIELD_U SUB_L");
    assert_code("local c = x ^ 2", "GETFIELD_U POW_K");
    assert_code("local c = x >> y", "GETFIELD_U GETFIELD_U SHR");
    assert_code("local c = 2 + 3 * 4 - 1 // 1", "LOADINT");
    assert_code("local c = 1 // 0", "LOADINT IDIV_K");
    assert_code("local s = x .. 'b' .. y", "GETFIELD_U LOADK GETFIELD_U CONCAT");
    assert_code("local t = {} local n = #t", "NEWTABLE LEN_L");
}
END_TEST

START_TEST(fields_and_indexing)
{
    assert_code("local t = {} t.x = t.y", "NEWTABLE GETFIELD_L SETFIELD_L");
    assert_code("x = y.z", "GETFIELD_U GETFIELD SETFIELD_U");
    assert_code("local t, i = {}, 1 t[i] = i t[1] = t[i] t[i + 1] = t[2]",
                "NEWTABLE LOADINT SETINDEX_LLL GETINDEX_LL SETINDEX_LI ADD_LK GETINDEX_LI SETINDEX_OL");
    assert_code("local i = 1 local v = x[i] v = x[1] v = x[y]",
                "LOADINT GETFIELD_U GETINDEX_KL GETFIELD_U GETINDEX_I SETLOCAL GETFIELD_U GETFIELD_U GETINDEX SETLOCAL");
    assert_code("local t = {} local v = t['name']", "NEWTABLE GETFIELD_L");
    assert_code("local t, i, j = {}, 1, 2 t[i], t[j] = t[j], t[i]",
                "NEWTABLE LOADINT LOADINT GETINDEX_LL GETINDEX_LL SETINDEX_LL SETINDEX_LL");
    /* What a statement assigns is copied before; temporaries are named by their slots. */
    assert_code("local t = {} t, t.x = 1, 2", "NEWTABLE GETLOCAL LOADINT LOADINT SETFIELD_L SETLOCAL POP");
}
END_TEST

START_TEST(long_names_are_not_fields)
{
    char *source = repeated("local o = {} o.", "k", " = 1 o:", "m", 41);
    source = realloc(source, strlen(source) + 3);
    strcat(source, "()");
    assert_code(source, "NEWTABLE LOADK LOADINT SETINDEX_OL GETLOCAL MARK GETLOCAL GETLOCAL LOADK GETINDEX SETLOCAL CALL");
    free(source);
}
END_TEST

START_TEST(tables)
{
    assert_code("local t = {x = 1, y = 2}", "LOADINT LOADINT NEWRECORD");
    assert_code("local t = {1, 2, 3}", "LOADINT LOADINT LOADINT NEWARRAY");
    assert_code("local t = {1, x = 2}", "NEWTABLE LOADINT SETLIST LOADINT INITFIELD");
    assert_code("local t = {f()}", "NEWTABLE GETFIELD_UM CALL SETLISTV");
    assert_code("local t = {(f())}", "GETFIELD_UM CALL NEWARRAY");
    assert_code("local t = {[1] = 2, x}", "NEWTABLE LOADINT SETINDEX_LI GETFIELD_U SETLIST");
    assert_code("local t = {x = 1, x = 2}", "NEWTABLE LOADINT INITFIELD LOADINT INITFIELD");
    RiProto *p = compile("local t, u = {ab = 1, cd = 2}, {ab = 3, cd = 4}");
    ck_assert_int_eq(p->site_count, 2);
    ck_assert_int_eq(p->sites[0].key, p->sites[1].key); /* the names lie in consecutive constants, once */
    ck_assert_int_eq(p->constant_count, 2);
}
END_TEST

START_TEST(calls_and_returns)
{
    assert_code("f(1, 2)", "GETFIELD_UM LOADINT LOADINT CALL");
    assert_code("local f, o = g, h f(o.x) o.f() o:m(1)",
                "GETFIELD_U GETFIELD_U GETLOCAL_M GETFIELD_L CALL GETFIELD_LM CALL SELF_L LOADINT CALL");
    assert_code("f(g())", "GETFIELD_UM GETFIELD_UM CALL CALLV");
    assert_code("f(...)", "GETFIELD_UM VARARG CALLV");
    assert_code("return f(x)", "GETFIELD_UM GETFIELD_U TAILCALL");
    assert_code("return (f(x))", "GETFIELD_UM GETFIELD_U CALL RETURN1");
    assert_code("return f(...)", "GETFIELD_UM VARARG TAILCALLV");
    assert_code("return 1, f()", "LOADINT GETFIELD_UM CALL RETURNV");
    assert_code("local a return a", "LOADNIL RETURN_L");
    assert_code("return 1, 2", "LOADINT LOADINT RETURN");
    assert_inner_code("local g function f(...) g(1) return g.x end", "GETUPVAL_M LOADINT CALL GETFIELD_U RETURN1");
}
END_TEST

START_TEST(conditions)
{
    assert_code("local a, b = 1, 2 if a < b then a = 3 end", "LOADINT LOADINT JLT_LL SETLOCALI");
    assert_code("local a = 1 if a == nil then a = 3 end", "LOADINT JEQ_LK SETLOCALI");
    assert_code("local a = 1 if 5 > a then a = 3 end", "LOADINT JLT_LK SETLOCALI");
    assert_code("local a = 1 if a then a = 3 end", "LOADINT TEST_L SETLOCALI");
    assert_code("local a = 1 if not x or a then a = 3 end", "LOADINT GETFIELD_U TEST TEST_L SETLOCALI");
    assert_code("local a = 1 if #x > a then end", "LOADINT GETFIELD_U LEN JGT_L");
    assert_code("local a = 1 if a <= #x then end", "LOADINT GETFIELD_U LEN JGE_L");
    assert_code("local a = x or 1", "GETFIELD_U TESTKEEP LOADINT");
    assert_code("local a = x == 1 and y or z", "GETFIELD_U JEQ_K GETFIELD_U TESTKEEP GETFIELD_U");
    assert_code("local a = x == y", "GETFIELD_U GETFIELD_U EQ");
    assert_code("local a = not (x == y)", "GETFIELD_U GETFIELD_U NE");
    assert_code("local a = nil or false or 3", "LOADINT");
    assert_code("if false then x = 1 end", "JMP LOADINT SETFIELD_U");
}
END_TEST

START_TEST(loops)
{
    assert_code("for i = 1, 3 do end", "LOADINT LOADINT LOADINT FORPREP FORLOOP");
    assert_code("for k, v in x do end", "GETFIELD_U LOADNIL TFORPREP TFORCALL TFORLOOP CLOSE POP");
    assert_code("local a = 1 while a < 3 do a = a + 1 end", "LOADINT JLT_LK ADD_LKT LOOP");
    assert_code("repeat local a = x until a", "GETFIELD_U TEST_L LOOP POP");
    assert_code("while true do if x then break end end", "GETFIELD_U TEST LOOP");
    assert_code("while true do local a = 1 if a then break end end", "LOADINT TEST_L POP JMP LOOP");
    RiProto *p = compile("local a, b, c for i = 1, 3 do b = i while c do c = c.x end end");
    ck_assert_int_eq(p->loop_count, 2);
    ck_assert_uint_eq(p->loops[0].used_locals, 0x7e); /* b, c, the state, i */
    ck_assert_uint_eq(p->loops[1].used_locals, 0x4);
    ck_assert(p->loops[0].start_pc < p->loops[1].start_pc && p->loops[1].end_pc < p->loops[0].end_pc);
}
END_TEST

START_TEST(goto_and_labels)
{
    assert_code("::a:: local x = y if x then goto a end", "GETFIELD_U TEST_L LOOP");
    assert_code("for i = 1, 3 do if x then goto c end local y ::c:: end",
                "LOADINT LOADINT LOADINT FORPREP GETFIELD_U TEST LOADNIL POP FORLOOP");
    compile("do goto e end local x ::e::");
    compile("goto a ::b:: do return end ::a:: goto b");
    compile("repeat if x then goto c end do local z end ::c:: local y until y");
}
END_TEST

START_TEST(captured_variables)
{
    assert_code("local a = 1 function f() return a end", "LOADINT NEWCELL CLOSURE SETFIELD_U");
    assert_code("local a = 1 a = a + 1 function f() return a end",
                "LOADINT NEWCELL GETCELL ADD_K SETCELL CLOSURE SETFIELD_U");
    assert_code("local function f() return f() end", "LOADNIL NEWCELL CLOSURE SETCELL");
    assert_code("local function f() end", "CLOSURE");
    assert_inner_code("function f(a, b) return function() b = a end end", "NEWCELL NEWCELL CLOSURE RETURN1");
    assert_code("for i = 1, 3 do f(function() return i end) end",
                "LOADINT LOADINT LOADINT FORPREP NEWCELL GETFIELD_UM CLOSURE CALL FORLOOP");
    RiProto *p = compile("local a, b function f() return function() return b, x end end");
    const RiProto *outer = p->protos[0], *inner = outer->protos[0];
    ck_assert_int_eq(outer->upval_count, 2);
    ck_assert_str_eq(ri_str_data(outer->upvals[0].name), "b");
    ck_assert(outer->upvals[0].in_stack && outer->upvals[0].index == 1);
    ck_assert_str_eq(ri_str_data(outer->upvals[1].name), "_ENV");
    ck_assert(!outer->upvals[1].in_stack && outer->upvals[1].index == 0);
    ck_assert(!inner->upvals[0].in_stack && inner->upvals[0].index == 0);
}
END_TEST

START_TEST(to_be_closed)
{
    assert_code("local x <close> = y", "GETFIELD_U TBC CLOSE");
    assert_code("do local x <close> = y end", "GETFIELD_U TBC CLOSE POP");
    assert_code("local x <close> = y return f()", "GETFIELD_U TBC GETFIELD_UM CALL CLOSE RETURNV");
    assert_code("for k in x do return k end", "GETFIELD_U LOADNIL TFORPREP GETLOCAL CLOSE RETURN1 TFORCALL TFORLOOP CLOSE POP");
    assert_code("while true do local x <close> = y break end", "GETFIELD_U TBC CLOSE POP JMP");
    RiProto *p = compile("local a <const> = f() local b <close> = nil function g() return a, b end");
    ck_assert_int_eq(p->protos[0]->upvals[0].kind, 1);
    ck_assert_int_eq(p->protos[0]->upvals[1].kind, 2);
}
END_TEST

/* -- Debug data -------------------------------------------------------------------------------------------------- */

static int32_t line_of(const RiProto *p, RiOpcode op)
{
    for (uint32_t pc = 0; pc < p->code_count; pc += ri_op_info[RI_WORD_OP(p->code[pc])].words) {
        if (RI_WORD_OP(p->code[pc]) == op)
            return ri_proto_line(p, pc);
    }
    return -2;
}

START_TEST(lines)
{
    ck_assert_int_eq(line_of(compile("a\n(\n23)"), RI_OP_CALL), 2);
    ck_assert_int_eq(line_of(compile("local a, b\na\n=\nx\n+\nb"), RI_OP_ADD_L), 5);
    ck_assert_int_eq(line_of(compile("local a = x\n..\ny\n..\nz"), RI_OP_CONCAT), 4);
    ck_assert_int_eq(line_of(compile("local a = x\n.y\n.z"), RI_OP_GETFIELD), 2);
    ck_assert_int_eq(line_of(compile("if x\n<\ny then\nend"), RI_OP_JLT), 3);
    ck_assert_int_eq(line_of(compile("\nfor i = 1, 2 do\nf()\nend"), RI_OP_FORLOOP), 2);
    ck_assert_int_eq(line_of(compile("\nfunction f()\nend"), RI_OP_SETFIELD_U), 2);
    ck_assert_int_eq(line_of(compile("x = 1\n\n\n"), RI_OP_RETURN0), 1);
    char *source = repeated("x = 1", "\n", "y = ...", "", 300);
    ck_assert_int_eq(line_of(compile(source), RI_OP_VARARG), 301); /* more than a difference of one byte */
    free(source);
    source = repeated("", "x = y\n", "y = ...", "", 400);
    ck_assert_int_eq(line_of(compile(source), RI_OP_VARARG), 401); /* more than a mark can serve */
    free(source);
    RiProto *p = compile("\nfunction f()\n\nend")->protos[0];
    ck_assert_int_eq(p->line_defined, 2);
    ck_assert_int_eq(p->last_line_defined, 4);
}
END_TEST

START_TEST(local_names)
{
    static const struct {
        const char *name;
        uint32_t slot;
    } expected[] = {{"a", 0}, {"(for state)", 1}, {"(for state)", 2}, {"(for state)", 3}, {"i", 4}, {"b", 5}, {"c", 1}};
    RiProto *p = compile("local a for i = 1, 2 do local b end local c");
    ck_assert_int_eq(p->local_count, RI_COUNTOF(expected));
    for (uint32_t i = 0; i < p->local_count; i++) {
        ck_assert_str_eq(ri_str_data(p->locals[i].name), expected[i].name);
        ck_assert_int_eq(p->locals[i].slot, expected[i].slot);
        ck_assert(p->locals[i].start_pc <= p->locals[i].end_pc && p->locals[i].end_pc <= p->code_count);
    }
    ck_assert_int_eq(p->locals[0].end_pc, p->code_count);
    p = compile("function f(a, b, ...) end")->protos[0];
    ck_assert_int_eq(p->param_count, 2);
    ck_assert(p->is_vararg);
    ck_assert_int_eq(p->locals[1].start_pc, 0);
    ck_assert_int_eq(compile("function o:m(a) end")->protos[0]->param_count, 2);
    ck_assert_str_eq(ri_str_data(compile("")->source), "=x");
}
END_TEST

/* -- Errors ------------------------------------------------------------------------------------------------------ */

START_TEST(lexical_errors)
{
    assert_error("x = \"abc", "x:1: unfinished string near <eof>");
    assert_error("x = 'abc\n'", "x:1: unfinished string near ''abc'");
    assert_error("\n\nx = [[a\nb", "x:4: unfinished long string (starting at line 3) near <eof>");
    assert_error("--[==[\n", "x:2: unfinished long comment (starting at line 1) near <eof>");
    assert_error("x = [=a", "x:1: invalid long string delimiter near '[='");
    assert_error("x = 3x", "x:1: malformed number near '3x'");
    assert_error("x = 1..2", "x:1: malformed number near '1..2'");
    assert_error("x = 'a\\q'", "x:1: invalid escape sequence near ''a\\q'");
    assert_error("x = '\\300'", "x:1: decimal escape too large near ''\\300''");
    assert_error("x = '\\xg'", "x:1: hexadecimal digit expected near ''\\xg'");
    assert_error("x = '\\u{110000000}'", "x:1: UTF-8 value too large near ''\\u{110000000'");
    assert_error("x = @", "x:1: unexpected symbol near '@'");
    assert_error("x = \1", "x:1: unexpected symbol near '<\\1>'");
    assert_error("x = 1 [[b\n]]", "x:2: unexpected symbol near '[[b\n]]'");
}
END_TEST

START_TEST(syntax_errors)
{
    assert_error("x =", "x:1: unexpected symbol near <eof>");
    assert_error("x", "x:1: syntax error near <eof>");
    assert_error("if x then\n\n", "x:3: 'end' expected (to close 'if' at line 1) near <eof>");
    assert_error("if x then end end", "x:1: <eof> expected near 'end'");
    assert_error("for i in 3 do", "x:1: 'end' expected near <eof>");
    assert_error("for i = 1 do end", "x:1: ',' expected near 'do'");
    assert_error("for 1 do", "x:1: <name> expected near '1'");
    assert_error("for a.b = 1", "x:1: '=' or 'in' expected near '.'");
    assert_error("function f(a", "x:1: ')' expected near <eof>");
    assert_error("function f(1", "x:1: <name> or '...' expected near '1'");
    assert_error("function f() return ... end", "x:1: cannot use '...' outside a vararg function near '...'");
    assert_error("x = a:b", "x:1: function arguments expected near <eof>");
    assert_error("(a) = 1", "x:1: syntax error near '='");
    assert_error("a, f() = 1", "x:1: syntax error near '='");
    assert_error("return 1 x", "x:1: <eof> expected near 'x'");
    assert_error("x = }", "x:1: unexpected symbol near '}'");
}
END_TEST

START_TEST(errors_of_names)
{
    assert_error("local x <const> = 1; x = 2", "x:1: attempt to assign to const variable 'x'");
    assert_error("local x <close> = f(); function g() x = 2 end", "x:1: attempt to assign to const variable 'x'");
    assert_error("local x <foo> = 1", "x:1: unknown attribute 'foo'");
    assert_error("local x <close>, y <close> = 1", "x:1: multiple to-be-closed variables in local list");
    assert_error("goto x", "x:1: no visible label 'x' for <goto> at line 1");
    assert_error("goto x; local a; ::x:: print(a)", "x:1: <goto x> at line 1 jumps into the scope of local 'a'");
    assert_error("repeat goto x; local a; ::x:: until a", "x:1: <goto x> at line 1 jumps into the scope of local 'a'");
    assert_error("::a:: x = 1\n::a::", "x:2: label 'a' already defined on line 1");
    assert_error("\nbreak", "x:2: break outside loop at line 2");
    assert_error("while 1 do function f() break end end", "x:1: break outside loop at line 1");
}
END_TEST

START_TEST(limits)
{
    char *source = repeated("", "local a\n", "", "", 201);
    assert_error(source, "x:202: too many local variables (limit is 200) in main function near <eof>");
    free(source);
    static const char *const nests[][4] = {
        {"return ", "(", "1", ")"},  {"", "do ", "", " end"},       {"x = ", "{", "", "}"},
        {"local a; a", ",a", "= 1", ",1"}, {"x = ", "a ..", "a", ""}, {"", "function f() ", "", " end"},
        {"x = ", "- ", "a", ""},      {"", "while a do ", "", " end"}, {"x = ", "f(", "1", ")"},
    };
    for (size_t i = 0; i < RI_COUNTOF(nests); i++) {
        source = repeated(nests[i][0], nests[i][1], nests[i][2], nests[i][3], 180);
        compile(source);
        free(source);
        source = repeated(nests[i][0], nests[i][1], nests[i][2], nests[i][3], 100000);
        assert_error(source, "C stack overflow");
        free(source);
    }
}
END_TEST

START_TEST(long_chains)
{
    static const char *const chains[][2] = {
        {"local a = x", ".y"},      {"local a = x", "[1]"},   {"local a = x", "()"},     {"local a = x", ":m()"},
        {"local a = x", " + x"},    {"local a = x", " and x"}, {"local a = x", " or x"},  {"local a = x", " == x"},
        {"local a if a", " or a == 1"}, {"x", ".y"},
    };
    for (size_t i = 0; i < RI_COUNTOF(chains); i++) {
        const char *end = i == 8 ? " then end" : i == 9 ? " = 1" : "";
        char *source = repeated(chains[i][0], chains[i][1], end, "", 50000);
        compile(source);
        free(source);
    }
}
END_TEST

START_TEST(many_fields_and_constants)
{
    size_t size = 0, count = 70000;
    char *source = malloc(count * 40 + 100);
    size += (size_t)sprintf(source, "local t = {} ");
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(source + size, "t.f%zu = %zu.5\n", i, i);
    sprintf(source + size, "x = {y = 1} if t.f1 == 69999.5 then t.f2 = t.f3 + 69998.5 end");
    RiProto *p = compile(source);
    ck_assert_int_eq(p->constant_count, 2 * count + 2);
    ck_assert_int_gt(p->site_count, count);
    free(source);
}
END_TEST

START_TEST(large_constructors)
{
    size_t size = 0, count = 20000;
    char *source = malloc(count * 60 + 300);
    size += (size_t)sprintf(source, "local a, b, f = 1, 2 return f(a, {");
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(source + size, "{x = a, y = %zu, f(b, f(a)), f()}, k%zu = b,\n", i, i);
    sprintf(source + size, "f()}), function() b = a end");
    RiProto *p = compile(source);
    /* a and b were found to be captured only after most of the table had been emitted. */
    unsigned cells = 0;
    for (uint32_t pc = 0; pc < p->code_count; pc += ri_op_info[RI_WORD_OP(p->code[pc])].words)
        cells += RI_WORD_OP(p->code[pc]) == RI_OP_GETCELL;
    ck_assert_int_eq(cells, 4 * count + 1);
    free(source);
}
END_TEST

START_TEST(equal_long_strings_are_one)
{
    RiProto *p = compile("local a = '0123456789012345678901234567890123456789x'\n"
                         "function f() return '0123456789012345678901234567890123456789x' end");
    ck_assert_ptr_eq(p->constants[0].p, p->protos[0]->constants[0].p);
}
END_TEST

START_TEST(positions_and_rendering)
{
    static const char source[] = "local a\n\tx = = 1\n";
    assert_error(source, "x:2: unexpected symbol near '='");
    ck_assert_int_eq(last_error.line, 2);
    ck_assert_int_eq(last_error.column, 6);
    RiSbuf out;
    ri_sbuf_init(&out, heap);
    ri_diag_render(&last_error, source, sizeof source - 1, &out);
    ck_assert_str_eq(ri_str_cstr(heap, ri_sbuf_finish(&out)),
                     "x:2: unexpected symbol near '='\n     2 | \tx = = 1\n       | \t    ^\n");
}
END_TEST

START_TEST(any_prefix_is_refused_or_compiled)
{
    static const char source[] =
        "local a <const>, b <close> = 1, nil\ngoto e\ndo local t = {1, x = 2, [3] = 'a\\u{48}\\x41\\z  b', f()} end\n"
        "for i = 1, 0x10p2 do for k, v in pairs(t) do if not (i == k) then break elseif v then t[i], b.c = v, k end end end\n"
        "local function f(...) return ..., #a, -a // 3 << ~2 end --[==[ c ]==]\nrepeat o:m [[s]] until a and b or c ::e::";
    for (size_t size = 0; size < sizeof source; size++)
        compile_bytes(source, size);
    for (size_t size = 0; size + 1 < sizeof source; size++) { /* and any with a byte missing */
        char *copy = strdup(source);
        memmove(copy + size, copy + size + 1, sizeof source - size - 1);
        compile_bytes(copy, sizeof source - 2);
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compile");
    TCase *code = tcase_create("code"), *debug = tcase_create("debug"), *errors = tcase_create("errors"),
          *large = tcase_create("large");
    TCase *cases[] = {code, debug, errors, large};
    for (size_t i = 0; i < RI_COUNTOF(cases); i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_test(code, locals_and_constants);
    tcase_add_test(code, arithmetic);
    tcase_add_test(code, fields_and_indexing);
    tcase_add_test(code, long_names_are_not_fields);
    tcase_add_test(code, tables);
    tcase_add_test(code, calls_and_returns);
    tcase_add_test(code, conditions);
    tcase_add_test(code, loops);
    tcase_add_test(code, goto_and_labels);
    tcase_add_test(code, captured_variables);
    tcase_add_test(code, to_be_closed);
    tcase_add_test(debug, lines);
    tcase_add_test(debug, local_names);
    tcase_add_test(errors, lexical_errors);
    tcase_add_test(errors, syntax_errors);
    tcase_add_test(errors, errors_of_names);
    tcase_add_test(errors, limits);
    tcase_add_test(errors, positions_and_rendering);
    tcase_add_test(errors, any_prefix_is_refused_or_compiled);
    tcase_add_test(large, long_chains);
    tcase_add_test(large, many_fields_and_constants);
    tcase_add_test(large, large_constructors);
    tcase_add_test(large, equal_long_strings_are_one);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
