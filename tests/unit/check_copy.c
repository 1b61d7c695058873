/* Copies between two processes of one heap: graphs keep their form and order, nothing mutable is shared, what cannot be
 * copied is named, and a refusal leaves nothing behind. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stdlib/libs.h"
#include "tests/support/random_graph.h"
#include "vm/embed/open.h"
#include "vm/exec/call.h"
#include "vm/exec/copy.h"

static RiHeap *heap;
static struct { /* a root */
    RiProcess *a, *b;
    RiValue copy;
    RiString *refusal;
} world;

static void enter(RiProcess *process)
{
    ri_heap_switch(heap, &process->account);
    heap->running = process->main;
}

static void open_libraries(RiThread *T, void *unused)
{
    (void)unused;
    ri_open_libraries(T);
}

static void setup(void)
{
    RiThread *T = ri_open();
    ck_assert_ptr_nonnull(T);
    heap = T->heap;
    ri_heap_add_root(heap, &world, sizeof world);
    world.a = T->process;
    ck_assert_int_eq(ri_try(T, open_libraries, NULL), RI_OK);
    world.b = ri_open_sibling(world.a);
    ck_assert_ptr_nonnull(world.b);
    enter(world.a);
}

static void teardown(void)
{
    enter(world.a);
    ri_heap_remove_root(heap, &world, sizeof world);
    ri_close(world.a->main);
}

/* Run `source` in a process with one argument; its first result. */
static RiValue run(RiProcess *process, const char *source, RiValue argument)
{
    enter(process);
    RiThread *T = process->main;
    T->top = T->stack + 1;
    ri_store(T->top - 1, argument); /* kept alive */
    ck_assert_msg(ri_load(T, source, strlen(source), "=program", "t") == RI_OK, "%s", ri_str_data(T->top[-1].p));
    ri_push_link(T);
    ri_push(T, argument);
    RiCallStatus status = ri_pcall(T, 1, 1, ri_nil(), NULL);
    if (status != RI_OK)
        ck_abort_msg("%s", ri_is_string(T->top[-1]) ? ri_str_data(T->top[-1].p) : "error");
    return T->top[-1];
}

static bool copy_from_a(RiValue v)
{
    enter(world.a);
    uint32_t owner = heap->owner;
    bool done = ri_copy_value(world.a, world.b, v, &world.copy, &world.refusal);
    ck_assert_uint_eq(heap->owner, owner);
    return done;
}

/* Make a value in process a, copy it, and give it to a program in process b that checks it and returns true. */
static void send(const char *maker, const char *checker)
{
    RiValue v = run(world.a, maker, ri_nil());
    if (!copy_from_a(v))
        ck_abort_msg("%s", ri_str_data(world.refusal));
    RiValue answer = run(world.b, checker, world.copy);
    ck_assert_msg(answer.tag == RI_TAG_TRUE, "%s", checker);
}

static void refused(const char *maker, const char *expected)
{
    RiValue v = run(world.a, maker, ri_nil());
    ck_assert_msg(!copy_from_a(v), "%s", maker);
    ck_assert_str_eq(ri_str_cstr(heap, world.refusal), expected);
}

START_TEST(plain_values)
{
    send("return nil", "return ... == nil");
    send("return true", "return ... == true");
    send("return -5", "return math.type(...) == 'integer' and ... == -5");
    send("return 0.5", "return ... == 0.5");
    send("return 'text'", "return ... == 'text'");
    send("return ('long'):rep(100)", "return ... == ('long'):rep(100)");
    send("return print", "return ... == print");
    send("return string.rep", "return ... == string.rep");
}
END_TEST

START_TEST(tables)
{
    send("return {}", "return next(...) == nil");
    send("return {job = 1}", "return (...).job == 1");
    send("return {1, 2, 3}", "local t = ... return #t == 3 and t[1] + t[2] + t[3] == 6");
    send("return {1.5, 2, nil, 'x'}", "local t = ... return t[1] == 1.5 and t[2] == 2 and t[3] == nil and t[4] == 'x'");
    send("local t = {} for i = 1, 1000 do t['k' .. i] = i end for i = 2, 1000, 2 do t['k' .. i] = nil end return t",
         "local n = 0 for k, v in pairs(...) do assert(k == 'k' .. v and v == 2 * n + 1) n = n + 1 end return n == 500");
    send("local t = {} for i = 1, 50 do t['k' .. i] = i end return t",
         "local n = 0 for k, v in pairs(...) do n = n + 1 assert(k == 'k' .. n and v == n) end return n == 50");
    send("local t = {} for i = 1, 300 do t[i * 1.5] = i t[-i] = i end return t",
         "local t = ... for i = 1, 300 do assert(t[i * 1.5] == i and t[-i] == i) end return true");
    send("local t = {} for i = 1, 300 do t[('x'):rep(50 + i)] = i end return t",
         "local t = ... for i = 1, 300 do assert(t[('x'):rep(50 + i)] == i) end return true");
    send("return {[true] = 1, [false] = 2, [1e100] = 3, [math.mininteger] = 4, [print] = 5}",
         "local t = ... return t[true] == 1 and t[false] == 2 and t[1e100] == 3 and t[math.mininteger] == 4 and "
         "t[print] == 5");
    send("local t = {} for i = 1, 100 do t[i] = i end for i = 100, 51, -1 do t[i] = nil end return t",
         "local t = ... t[51] = 'x' return #t == 51 and t[50] == 50");
    send("local t = {a = 1, b = 2, c = 3} t.b = nil return t",
         "local t = ... t.b = 5 t.d = 4 return t.a == 1 and t.b == 5 and t.c == 3 and t.d == 4");
    send("local t = {a = 1} t.a = nil return t", "return next(...) == nil");
}
END_TEST

START_TEST(cycles_and_sharing)
{
    send("local t = {} t.self = t return t", "local t = ... return t.self == t");
    send("local s = {} return {s, s, x = s}", "local t = ... return t[1] == t[2] and t.x == t[1] and t[1] ~= t");
    send("local a, b = {}, {} a[b], b[a] = a, b return {a, b}",
         "local t = ... local a, b = t[1], t[2] return a[b] == a and b[a] == b and next(a) == b");
    send("local t, keys = {}, {} for i = 1, 200 do keys[i] = {i} t[keys[i]] = i end return {t, keys}",
         "local t, keys = table.unpack(...) local n = 0 "
         "for k, v in pairs(t) do n = n + 1 assert(k[1] == v and v == n and keys[n] == k and t[keys[n]] == n) end "
         "t[{}] = 1 return n == 200");
    send("local t = {} t[t] = t t[1] = t setmetatable(t, t) return t",
         "local t = ... return rawget(t, t) == t and t[1] == t and getmetatable(t) == t");
}
END_TEST

START_TEST(nesting_takes_no_stack)
{
    send("local t for i = 1, 1000000 do t = {next = t} end return t",
         "local t, n = ..., 0 while t do t, n = t.next, n + 1 end return n == 1000000");
    send("local f for i = 1, 100000 do local g = f f = function() return g, i end end return f",
         "local f, n, i = ..., 0 while f do f, i = f() n = n + 1 assert(i == 100001 - n) end return n == 100000");
}
END_TEST

START_TEST(metatables)
{
    send("local Point = {} Point.__index = Point function Point:sum() return self.x + self.y end "
         "Point.__add = function(a, b) return setmetatable({x = a.x + b.x, y = a.y + b.y}, getmetatable(a)) end "
         "local function new(x, y) return setmetatable({x = x, y = y}, Point) end return {new(1, 2), new(3, 4)}",
         "local t = ... assert(getmetatable(t[1]) == getmetatable(t[2])) local s = t[1] + t[2] "
         "return s.x == 4 and s.y == 6 and s:sum() == 10 and getmetatable(s) == getmetatable(t[1])");
    send("return setmetatable({}, {__metatable = 'locked', __index = function(t, k) return k .. '!' end})",
         "return getmetatable(...) == 'locked' and (...).x == 'x!'");
    send("return getmetatable('')", "return ... == getmetatable('')");
}
END_TEST

START_TEST(functions)
{
    send("local n = 0 return {up = function() n = n + 1 return n end, get = function() return n end}",
         "local t = ... t.up() t.up() return t.get() == 2");
    send("counter = 5 return function() counter = (counter or 0) + 1 return counter end",
         "local f = ... assert(f() == 1 and counter == 1) return f() == 2 and counter == 2");
    send("local string, math = string, math return function() return string, math, _G, package.loaded, _ENV end",
         "local s, m, g, l, e = (...)() return s == string and m == math and g == _G and l == package.loaded and e == _G");
    send("return {string, io, package.loaded, _G}",
         "local t = ... return t[1] == string and t[2] == io and t[3] == package.loaded and t[4] == _G");
    send("local env = {print = print} local f = load('x = (x or 0) + 1 return x', 'f', 't', env) f() return {f, env}",
         "local t = ... assert(t[1]() == 2) return t[2].x == 2 and x == nil and t[2].print == print");
    send("local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end fib(10) return fib",
         "return (...)(15) == 610");
    send("local next = ('a1b2c3'):gmatch('%a%d') next() return next",
         "local next = ... return next() == 'b2' and next() == 'c3' and next() == nil");
    send("return function(...) return select('#', ...), ... end",
         "local n, a, b = (...)(nil, 2) return n == 2 and a == nil and b == 2");
    /* what is not reached by identity is data like any other */
    send("local old = utf8 package.loaded.utf8 = nil utf8 = nil return old",
         "local t = ... t.char = t.char return t ~= utf8 and t.char == utf8.char and t.len == utf8.len");
    send("local copy = {} for k, v in pairs(string) do copy[k] = v end return copy",
         "local t = ... return t ~= string and t.rep == string.rep");
    send("package.loaded.mine = {x = 1} return package.loaded.mine", "return (...).x == 1 and package.loaded.mine == nil");
}
END_TEST

/* The copy is the receiver's, whatever the sender does later. */
START_TEST(nothing_mutable_is_shared)
{
    RiValue v = run(world.a, "local n = 1 shared = {list = {1, 2, {3}}, f = function() n = n + 1 return n end, "
                             "d = {}} for i = 1, 100 do shared.d['k' .. i] = {i} end return shared", ri_nil());
    ck_assert(copy_from_a(v));
    run(world.a, "shared.list[1] = 'changed' shared.list[3][1] = 'changed' shared.f() shared.new = 1 "
                 "for k, v in pairs(shared.d) do v[1] = 'changed' end shared.d.more = 1 shared = nil "
                 "collectgarbage()", ri_nil());
    RiValue answer = run(world.b, "local t = ... assert(t.list[1] == 1 and t.list[3][1] == 3 and t.new == nil) "
                                  "assert(t.f() == 2 and t.d.more == nil) "
                                  "for i = 1, 100 do assert(t.d['k' .. i][1] == i) end return true", world.copy);
    ck_assert(answer.tag == RI_TAG_TRUE);
    ck_assert_uint_eq(((RiTable *)world.copy.p)->owner, world.b->id & 0xffffff);
}
END_TEST

START_TEST(weak_tables)
{
    send("local k = {} return {setmetatable({[k] = {1}, [{}] = {2}}, {__mode = 'k'}), k}",
         "local t = ... collectgarbage() local n = 0 for k, v in pairs(t[1]) do n = n + 1 assert(k == t[2] and v[1] == 1) "
         "end return n == 1");
    send("local v = {} return {setmetatable({v, {}, x = {}, y = v}, {__mode = 'v'}), v}",
         "local t = ... collectgarbage() return t[1][1] == t[2] and t[1][2] == nil and t[1].x == nil and t[1].y == t[2]");
}
END_TEST

START_TEST(finalizers)
{
    send("return {setmetatable({1}, {__gc = function(t) done = (done or 0) + t[1] end})}",
         "local t = ... assert(done == nil) t[1] = nil collectgarbage() collectgarbage() return true");
    ck_assert(run(world.b, "return done == 1", ri_nil()).tag == RI_TAG_TRUE);
    ck_assert(run(world.a, "collectgarbage() collectgarbage() return done == nil or done == 1", ri_nil()).tag ==
              RI_TAG_TRUE);
}
END_TEST

START_TEST(refusals)
{
    refused("return io.stdout", "message: a userdata (FILE*) cannot be copied");
    refused("return coroutine.create(print)", "message: a coroutine cannot be copied");
    refused("return {items = {1, 2, {file = io.stdout}}}",
            "message.items[3].file: a userdata (FILE*) cannot be copied");
    refused("local co = coroutine.create(print) local function f() return co end return f",
            "upvalue 'co' of function <program:1>: a coroutine cannot be copied");
    refused("local t = {x = {io.stdin}} return {\nfunction() return t end}",
            "upvalue 't' of function <program:2>.x[1]: a userdata (FILE*) cannot be copied");
    refused("return {next = coroutine.wrap(print)}",
            "upvalue 1 of library function 'coroutine.wrap:call': a coroutine cannot be copied");
    refused("return {[io.stdout] = 1}", "message.(key): a userdata (FILE*) cannot be copied");
    refused("return setmetatable({}, {__index = {io.stdout}})",
            "message.(metatable).__index[1]: a userdata (FILE*) cannot be copied");
    refused("return {['a b'] = {[1.5] = {[true] = {[{}] = {['\\n'] = io.stdout}}}}}",
            "message[\"a b\"][1.5][true][table][\"?\"]: a userdata (FILE*) cannot be copied");
    refused("return {debug.getregistry()}", "message[1]: the registry cannot be copied");
    refused("local t = {leaf = io.stdout} for i = 1, 100000 do t = {n = t} end return t",
            "message....n.n.n.n.n.n.n.n.n.n.n.leaf: a userdata (FILE*) cannot be copied");
    run(world.b, "package.loaded.io = nil", ri_nil());
    refused("return {x = io}", "message.x: the receiver has no library 'io'");
}
END_TEST

START_TEST(refusal_leaves_nothing)
{
    RiValue v = run(world.a, "local t = {} for i = 1, 1000 do t[i] = setmetatable({}, {__gc = function() bad = 1 end}) "
                             "end t[1001] = io.stdout return t", ri_nil());
    ck_assert(!copy_from_a(v));
    run(world.b, "collectgarbage() collectgarbage()", ri_nil());
    ck_assert(run(world.b, "return bad == nil", ri_nil()).tag == RI_TAG_TRUE);
}
END_TEST

/* -- Random graphs ------------------------------------------------------------------------------------------------ */

static const char generator[] =
    "local seed = ...\n"
    RANDOM_GRAPH(60, "    nodes[#nodes + 1] = function() return a end\n")
    "return nodes\n";

enum { PAIRS_MAX = 20000 };
static struct {
    const void *a[PAIRS_MAX], *b[PAIRS_MAX];
    uint32_t count;
} seen;

static bool same_values(RiValue x, RiValue y);

/* x and y must stand for each other, wherever they are met. */
static bool note_pair(const void *x, const void *y)
{
    for (uint32_t i = 0; i < seen.count; i++) {
        if (seen.a[i] == x || seen.b[i] == y)
            return seen.a[i] == x && seen.b[i] == y;
    }
    ck_assert(x != y && seen.count < PAIRS_MAX);
    seen.a[seen.count] = x;
    seen.b[seen.count++] = y;
    return true;
}

static bool same_values(RiValue x, RiValue y)
{
    if (x.tag != y.tag)
        return false;
    if (x.tag >= RI_TAG_TABLE)
        return x.p == world.a->globals ? y.p == world.b->globals : note_pair(x.p, y.p);
    return x.tag <= RI_TAG_TRUE || x.u == y.u;
}

static void compare_tables(RiTable *x, RiTable *y)
{
    uint64_t i = 0, k = 0;
    RiValue key_x, key_y, value_x, value_y;
    ck_assert_int_eq(ri_table_length(x), ri_table_length(y));
    ck_assert((x->meta == NULL) == (y->meta == NULL));
    if (x->meta != NULL)
        ck_assert(same_values(ri_table_value(x->meta), ri_table_value(y->meta)));
    for (;;) {
        bool more_x = ri_table_next_at(x, &i, &key_x, &value_x), more_y = ri_table_next_at(y, &k, &key_y, &value_y);
        ck_assert(more_x == more_y);
        if (!more_x)
            break;
        ck_assert(same_values(key_x, key_y) && same_values(value_x, value_y));
        ck_assert(same_values(ri_table_get(x, key_x), ri_table_get(y, key_y)));
    }
}

static void compare_closures(const RiClosure *x, const RiClosure *y)
{
    ck_assert_ptr_eq(x->feedback->proto, y->feedback->proto);
    ck_assert_uint_eq(x->object.aux, y->object.aux);
    for (uint32_t i = 0; i < x->object.aux; i++)
        ck_assert(note_pair(x->upvals[i], y->upvals[i]));
}

static void compare_graphs(RiValue x, RiValue y)
{
    seen.count = 0;
    ck_assert(same_values(x, y));
    for (uint32_t i = 0; i < seen.count; i++) {
        ck_assert_int_eq(ri_object_tag(seen.a[i]), ri_object_tag(seen.b[i]));
        switch (ri_object_tag(seen.a[i])) {
        case RI_TAG_TABLE:
            compare_tables((RiTable *)(uintptr_t)seen.a[i], (RiTable *)(uintptr_t)seen.b[i]);
            break;
        case RI_TAG_CLOSURE:
            compare_closures(seen.a[i], seen.b[i]);
            break;
        case RI_TAG_CELL:
            ck_assert(same_values(((const RiCell *)seen.a[i])->value, ((const RiCell *)seen.b[i])->value));
            break;
        default:
            ck_abort();
        }
    }
}

START_TEST(random_graphs)
{
    for (int seed = 1; seed <= 400; seed++) {
        RiValue v = run(world.a, generator, ri_int(seed));
        ck_assert(copy_from_a(v));
        if (seed % 8 == 0)
            ri_heap_collect(heap);
        compare_graphs(v, world.copy);
        run(world.b, "local all, n = {}, 0 for _, t in ipairs(...) do if type(t) == 'table' then setmetatable(t, nil) "
                     "t.new = 1 t[#t + 1] = 2 n = n + 1 end end collectgarbage() return n", world.copy);
    }
}
END_TEST

/* -- Speed -------------------------------------------------------------------------------------------------------- */

static double measure_ns(const char *maker, int count)
{
    RiValue v = run(world.a, maker, ri_nil());
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int done = 0;
    for (int i = 0; i < count; i++)
        done += ri_copy_value(world.a, world.b, v, &world.copy, &world.refusal);
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_eq(done, count);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / count;
}

/* Prints when asked to; what it asserts is far above what is measured, for loaded and sanitized machines. */
START_TEST(speed)
{
    static const struct {
        const char *name, *maker;
        int count;
        double limit_ns;
    } cases[] = {
        {"5", "return 5", 1000000, 1000},
        {"{job = 1}", "return {job = 1}", 200000, 20000},
        {"{a = 1, b = {2, 3}, c = 'x'}", "return {a = 1, b = {2, 3}, c = 'x'}", 200000, 40000},
        {"1000 ints", "local t = {} for i = 1, 1000 do t[i] = i end return t", 10000, 1e6},
        {"1000 names", "local t = {} for i = 1, 1000 do t['k' .. i] = i end return t", 1000, 5e6},
        {"100000 tables", "local t = {} for i = 1, 100000 do t[i] = {i, x = i} end return t", 10, 5e9},
        {"100000 in a list", "local t for i = 1, 100000 do t = {next = t} end return t", 10, 5e9},
    };
    for (size_t i = 0; i < RI_COUNTOF(cases); i++) {
        double ns = measure_ns(cases[i].maker, cases[i].count);
        if (getenv("RILLE_TIMES") != NULL)
            printf("%-32s %12.1f ns\n", cases[i].name, ns);
        ck_assert(ns < cases[i].limit_ns);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("copy");
    TCase *tests = tcase_create("copy");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, plain_values);
    tcase_add_test(tests, tables);
    tcase_add_test(tests, cycles_and_sharing);
    tcase_add_test(tests, nesting_takes_no_stack);
    tcase_add_test(tests, metatables);
    tcase_add_test(tests, functions);
    tcase_add_test(tests, nothing_mutable_is_shared);
    tcase_add_test(tests, weak_tables);
    tcase_add_test(tests, finalizers);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, refusal_leaves_nothing);
    tcase_add_test(tests, random_graphs);
    tcase_add_test(tests, speed);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
