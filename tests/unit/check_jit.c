/* The JIT from outside: that it compiles, that what it compiles is right where types change under it, that its memory is
 * bounded. The language tests run in full with --jit=always as well (tests/run-check). */
#include <check.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/jit.h"
#include "vm/embed/open.h"
#include "vm/exec/native.h"

static RiThread *T;
static bool has_jit;

static int32_t open_all(RiThread *thread, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_open_libraries(thread);
    return 0;
}
static const RiLibFn open_fn = RI_FN(open_all, "open", "open()", "");

static RiJitOptions options = {.always = true};

static void setup(void)
{
    T = ri_open();
    ck_assert_ptr_nonnull(T);
    has_jit = ri_jit_open(T->heap, &options);
    ri_push(T, ri_object(&open_fn, RI_TAG_LIBFN));
    ri_push_link(T);
    ck_assert_int_eq(ri_pcall(T, 0, 0, ri_nil(), NULL), RI_OK);
}
static void setup_switched(void)
{
    options.views = RI_CODE_SWITCHED;
    setup();
}
static void teardown(void)
{
    ri_close(T);
}

/* Run a program that must return "ok". */
static void run(const char *source)
{
    ck_assert_int_eq(ri_load(T, source, strlen(source), "=test", "t"), RI_OK);
    ri_push_link(T);
    RiCallStatus status = ri_pcall(T, 0, 1, ri_nil(), NULL);
    RiValue result = T->top[-1];
    ck_assert_msg(ri_is_string(result), "no string returned");
    ck_assert_str_eq(ri_str_cstr(T->heap, result.p), "ok");
    ck_assert_int_eq(status, RI_OK);
    T->top--;
}

static RiJitStats stats(void)
{
    RiJitStats s = {0};
    ck_assert(ri_jit_stats(T->heap, &s) == has_jit);
    return s;
}

START_TEST(compiles)
{
    run("local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end "
        "assert(fib(20) == 6765) return 'ok'");
    ck_assert(!has_jit || stats().functions >= 2);
    ck_assert(!has_jit || stats().code_bytes > 100);
}
END_TEST

START_TEST(types_change)
{
    run("local function add(a, b) return a + b end "
        "for i = 1, 3 do assert(add(1, 2) == 3) end "
        "assert(add(1, 2.5) == 3.5 and add(1.5, 2) == 3.5 and add('3', 4) == 7) "
        "local mt = setmetatable({}, {__add = function(x, y) return 'meta' end}) "
        "for i = 1, 10 do assert(add(mt, 1) == 'meta' and add(1, mt) == 'meta') end "
        "local x = 0 for i = 1, 100 do x = x + (i > 50 and 0.5 or 1) end assert(x == 75.0) "
        "assert(not pcall(add, {}, 1)) return 'ok'");
    ck_assert(!has_jit || stats().blocks > 3);
}
END_TEST

START_TEST(shapes_change)
{
    run("local function get(o) return o.x end "
        "local Class = {x = 'class'} Class.__index = Class "
        "for i = 1, 8 do "
        "  assert(get({x = i}) == i and get({y = 1, x = i}) == i and get({}) == nil) "
        "  assert(get({z = 1, y = 2, x = i}) == i and get({w = 1, x = i}) == i) "
        "  assert(get(setmetatable({}, Class)) == 'class') "
        "end "
        "Class.x = 'new' assert(get(setmetatable({}, Class)) == 'new') "
        "Class.x = nil assert(get(setmetatable({}, Class)) == nil) "
        "setmetatable(Class, {__index = function(_, k) return k .. '!' end}) "
        "assert(get(setmetatable({}, Class)) == 'x!') return 'ok'");
}
END_TEST

START_TEST(deep_and_thrown)
{
    run("local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end "
        "assert(deep(100000) == 100000) "
        "local function forever(n) return 1 + forever(n + 1) end "
        "local ok, message = pcall(forever, 1) "
        "assert(not ok and message:find('stack overflow', 1, true)) "
        "local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(i) end return 'end' end) "
        "for i = 1, 1000 do assert(co() == i) end assert(co() == 'end') "
        "assert(select(2, pcall(function() local t = nil; return t.x end)):find(\"local 't'\")) return 'ok'");
}
END_TEST

/* Code memory that runs full is given up; programs that make functions for ever do not notice. */
START_TEST(code_is_bounded)
{
    run("for i = 1, 30000 do "
        "  local f = load('local a = ... local t = {x = a, y = 2} for i = 1, 5 do t.x = t.x + i * t.y ' .. "
        "                 'if t.x > 1e9 then t.y = -t.y end end return t.x + ' .. i) "
        "  assert(f(1) == 31 + i and f(1.5) == 31.5 + i) "
        "end return 'ok'");
    ck_assert(!has_jit || stats().flushes > 0);
}
END_TEST

static int32_t fork_host(RiThread *thread, RiValue *args, uint32_t nargs)
{
    (void)thread;
    (void)nargs;
    return ri_return_int(args, fork());
}
static const RiLibFn fork_fn = RI_FN(fork_host, "fork", "fork()", "");

/* A function of C forks the host process, with machine code under way. Both go on, and both compile new code. */
START_TEST(forks)
{
    ri_set_index(T, ri_table_get_int(T->process->registry, 2), ri_string_value(ri_str_from_cstr(T->heap, "fork")),
                 ri_object(&fork_fn, RI_TAG_LIBFN));
    static const char source[] =
        "local function work(a, n) local s = a for i = 1, n do s = s + i * a end return s end "
        "local function outer(kind) "
        "  local pid = fork() "
        "  for i = 1, 200 do assert(work(kind == 'x' and 1 or 0.5, i) > 0) end "
        "  local f = load('local t = {} for i = 1, 300 do t[i] = i * ... end return #t') "
        "  for i = 1, 20 do assert(f(pid == 0 and 1.5 or 2) == 300) end "
        "  return pid "
        "end "
        "for i = 1, 40 do work(1, i) end "
        "local pid = outer('x') "
        "for i = 1, 500 do assert(work(2.5, 3) == 2.5 + 6 * 2.5 and work(pid == 0 and 1 or 1.0, 2) == 4) end "
        "return pid";
    ck_assert_int_eq(ri_load(T, source, strlen(source), "=test", "t"), RI_OK);
    ri_push_link(T);
    RiCallStatus status = ri_pcall(T, 0, 1, ri_nil(), NULL);
    if (T->top[-1].tag == RI_TAG_INT && T->top[-1].i == 0)
        _exit(status == RI_OK ? 0 : 1);
    ck_assert_int_eq(status, RI_OK);
    int child_status = -1;
    ck_assert_int_eq(waitpid((pid_t)T->top[-1].i, &child_status, 0), (pid_t)T->top[-1].i);
    ck_assert_int_eq(child_status, 0);
    T->top--;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jit");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, compiles);
    tcase_add_test(all, types_change);
    tcase_add_test(all, shapes_change);
    tcase_add_test(all, deep_and_thrown);
    tcase_add_test(all, code_is_bounded);
    tcase_add_test(all, forks);
    suite_add_tcase(suite, all);
    TCase *switched = tcase_create("one view of code memory");
    tcase_add_checked_fixture(switched, setup_switched, teardown);
    tcase_add_test(switched, compiles);
    tcase_add_test(switched, types_change);
    tcase_add_test(switched, forks);
    suite_add_tcase(suite, switched);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
