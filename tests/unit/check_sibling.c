/* Processes made from a heap's template: they have all the libraries, and what one does to its own is not seen by
 * another, by the first process, or by processes made later. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/embed/open.h"
#include "vm/exec/call.h"

static RiThread *first;
static RiHeap *heap;

static void open_libraries(RiThread *T, void *unused)
{
    (void)unused;
    ri_open_libraries(T);
}

static void setup(void)
{
    first = ri_open();
    ck_assert_ptr_nonnull(first);
    heap = first->heap;
    ck_assert_int_eq(ri_try(first, open_libraries, NULL), RI_OK);
}

static void teardown(void)
{
    ri_close(first);
}

static RiProcess *sibling(void)
{
    RiProcess *process = ri_open_sibling(first->process);
    ck_assert_ptr_nonnull(process);
    return process;
}

/* Run a chunk in a process; what it returns must be true. */
static void run(RiProcess *process, const char *source)
{
    RiThread *T = process->main;
    RiAccount *mine = heap->account;
    ri_heap_switch(heap, &process->account);
    heap->running = T;
    ri_stack_reserve(T, 8);
    RiCallStatus status = ri_load(T, source, strlen(source), "=test", "t");
    if (status == RI_OK) {
        ri_push_link(T);
        status = ri_pcall(T, 0, 1, ri_nil(), NULL);
    }
    RiValue result = T->top[-1];
    if (status != RI_OK || result.tag != RI_TAG_TRUE)
        ck_abort_msg("%s\n%s", source, ri_is_string(result) ? ri_str_cstr(heap, result.p) : "(not true)");
    T->top--;
    ri_heap_switch(heap, mine);
}

/* What everybody should find, whatever others have done: names and types of all that is in the libraries. */
static const char description[] =
    "local names = {}\n"
    "local function walk(t, prefix, seen)\n"
    "  seen[t] = true\n"
    "  local keys = {}\n"
    "  for k in next, t do keys[#keys + 1] = k end\n"
    "  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)\n"
    "  for _, k in ipairs(keys) do\n"
    "    local v = rawget(t, k)\n"
    "    local shown = (type(v) == 'string' or type(v) == 'number') and v or type(v)\n"
    "    names[#names + 1] = prefix .. tostring(k) .. '=' .. tostring(shown)\n"
    "    if type(v) == 'table' and not seen[v] then walk(v, prefix .. tostring(k) .. '.', seen) end\n"
    "  end\n"
    "end\n"
    "walk(_G, '', {})\n"
    "walk(getmetatable(''), 'strings.', {})\n"
    "walk(getmetatable(io.stdout), 'files.', {})\n"
    "return table.concat(names, '\\n')\n";

/* The description as the process sees it. */
static RiString *describe(RiProcess *process)
{
    RiThread *T = process->main;
    RiAccount *mine = heap->account;
    ri_heap_switch(heap, &process->account);
    heap->running = T;
    ri_stack_reserve(T, 8);
    ck_assert_int_eq(ri_load(T, description, sizeof description - 1, "=describe", "t"), RI_OK);
    ri_push_link(T);
    ck_assert_int_eq(ri_pcall(T, 0, 1, ri_nil(), NULL), RI_OK);
    RiString *text = T->top[-1].p;
    T->top--;
    ri_heap_switch(heap, mine);
    return text;
}

static void check_unchanged(RiProcess *process, RiString *expected)
{
    ck_assert_str_eq(ri_str_cstr(heap, describe(process)), ri_str_cstr(heap, expected));
}

START_TEST(siblings_have_what_the_first_has)
{
    RiString *expected = describe(first->process);
    ck_assert_uint_gt(expected->size, 2000);
    for (int i = 0; i < 3; i++)
        check_unchanged(sibling(), expected);
    run(sibling(),
        "assert(_G._G == _G and package.loaded._G == _G and package.loaded.string == string)\n"
        "assert(getmetatable('').__index == string and ('x'):rep(3) == 'xxx' and '10' + 1 == 11)\n"
        "assert(require 'math' == math and io.type(io.stdout) == 'file' and io.output() == io.stdout)\n"
        "assert(io.stdout.write == getmetatable(io.stderr).__index.write)\n"
        "assert(debug.getregistry()[2] == _G and debug.getregistry()[1] == coroutine.running())\n"
        "assert(#package.searchers == 4 and package.searchers[1] ~= package.searchers[2])\n"
        "assert(debug.getregistry()._LOADED == package.loaded and debug.getregistry()._PRELOAD == package.preload)\n"
        "package.preload.mine = function(...) return {...} end\n"
        "assert(require 'mine'[1] == 'mine' and package.loaded.mine)\n"
        "assert(coroutine.wrap(function(...) return select('#', ...) end)(1, 2) == 2)\n"
        "return true\n");
}
END_TEST

/* Every kind of store to a library table, with what it must lead to; `s` stands for the table. */
static const char *const stores[] = {
    "s.rep = 1; return s.rep == 1",
    "s.rep = nil; return s.rep == nil and s.sub ~= nil and not pcall(function() return ('x'):rep(2) end)",
    "s.fresh = 1; return s.fresh == 1 and ('x').fresh == 1",
    "s['com' .. 'puted'] = 1; return s.computed == 1",
    "s[('long'):rep(20)] = 1; return s[('long'):rep(20)] == 1",
    "s[1] = 'one'; s[2.5] = 'float'; s[true] = 'bool'; s[s] = 'self'; return #s == 1 and s[s] == 'self'",
    "rawset(s, 'rep', 2); rawset(s, 'other', 3); return s.rep == 2 and s.other == 3",
    "table.insert(s, 'x'); table.insert(s, 1, 'y'); return s[1] == 'y' and s[2] == 'x' and table.remove(s) == 'x'",
    "table.move({1, 2, 3}, 1, 3, 1, s); table.sort(s, function(a, b) return a > b end); return s[1] == 3",
    "setmetatable(s, {__index = function(t, k) return k .. '!' end})\n"
    "return s.nothing == 'nothing!' and ('x').y == 'y!'",
    "setmetatable(s, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}); s.n = 4; s.rep = 5\n"
    "return s.n == 8 and s.rep == 5",
    "setmetatable(s, {__mode = 'kv'}); s.dies = {}; collectgarbage(); return s.dies == nil and s.rep ~= nil",
    "debug.setmetatable(s, {__metatable = 'locked'}); return getmetatable(s) == 'locked'",
    "for k, v in pairs(s) do s[k] = nil end; return next(s) == nil",
    "local n, seen = 0, {}\n"
    "for k, v in pairs(s) do n = n + 1; assert(not seen[k]); seen[k] = true; s[k] = n end\n"
    "local sum = 0; for k, v in next, s do sum = sum + v end\n"
    "return n >= 17 and sum == n * (n + 1) // 2",
    "local function set(t, v) t.rep = v end\n" /* one site, tables of its own and shared ones in turn */
    "for i = 1, 50 do local t = {rep = 0}; set(t, i); assert(t.rep == i) end\n"
    "set(s, 7); for i = 1, 50 do set(s, i); set(math, i) end return s.rep == 50 and math.rep == 50 and utf8.rep == nil",
    "local function get(t) return t.rep end\n" /* and loads that have learned the shared shape before */
    "local old = s.rep; for i = 1, 100 do assert(get(s) == old) end\n"
    "s.rep = 9; for i = 1, 100 do assert(get(s) == 9) end s.rep = nil; return get(s) == nil",
    "local function call(x) return x:rep(2) end\n"
    "for i = 1, 100 do assert(call('ab') == 'abab') end\n"
    "function s.rep(x, n) return x .. n end\n"
    "for i = 1, 100 do assert(call('ab') == 'ab2') end return true",
    "getmetatable('').__index = function(x, k) return k end; return ('x').size == 'size'",
    "getmetatable('').__add = function() return 'sum' end; getmetatable('').__concat = nil; return 'a' + 'b' == 'sum'",
    "local meta = getmetatable(io.stdout); meta.__index.write = nil; meta.__name = 'F'; return io.stdout.write == nil",
    "for i = 1, 300 do s['k' .. i] = i end for i = 1, 300 do assert(s['k' .. i] == i) end return s.rep ~= nil",
    "string = {}; print = nil; return ('x').rep ~= nil and print == nil",
    "for i = 1, 200 do _G['g' .. i] = i end g1 = nil; for i = 2, 200 do assert(_G['g' .. i] == i) end\n"
    "return g1 == nil and math ~= nil and assert ~= nil",
    "package.loaded.string = nil; package.loaded.mine = 1; package.path = 'x'; package.searchers[2] = nil\n"
    "return require 'mine' == 1 and #package.searchers >= 1",
    "io.stdin = nil; io.output(io.stderr); return io.output() == io.stderr",
    "math.randomseed(42); local a = math.random(1 << 40); math.randomseed(42); return a == math.random(1 << 40)",
    "local m = debug.getregistry(); m.x = 1; m[7] = 2; return debug.getregistry().x == 1",
    "coroutine.wrap = nil; os.time = nil; utf8.char = nil; debug.getinfo = nil; table.concat = nil\n"
    "return os.time == nil and os.clock ~= nil",
};

START_TEST(a_store_is_seen_by_its_process_only)
{
    RiProcess *early = sibling();
    RiString *expected = describe(first->process);
    RiProcess *changed = sibling();
    char source[2000];
    snprintf(source, sizeof source, "local s = string\n%s", stores[_i]);
    run(changed, source);
    check_unchanged(early, expected);
    check_unchanged(first->process, expected);
    check_unchanged(sibling(), expected);
    ri_heap_collect(heap);
    RiProcess *again = sibling();
    run(again, source);
    check_unchanged(early, expected);
    check_unchanged(sibling(), expected);
}
END_TEST

START_TEST(the_first_process_spoils_nothing)
{
    RiString *expected = describe(first->process);
    run(first->process, "string.rep = nil; math.pi = 3; getmetatable('').__index = nil; x = 1; print = nil\n"
                        "package.loaded.os = nil; _G.load = nil; return true");
    check_unchanged(sibling(), expected);
}
END_TEST

/* Random numbers differ from process to process although nobody has seeded them. */
START_TEST(random_numbers_differ)
{
    RiProcess *a = sibling(), *b = sibling();
    run(a, "number = math.random(0); return math.type(number) == 'integer'");
    run(b, "number = math.random(0); return true");
    RiString *key = ri_str_from_cstr(heap, "number");
    ck_assert_int_ne(ri_table_get_str(a->globals, key).i, ri_table_get_str(b->globals, key).i);
}
END_TEST

/* Neither making processes nor what they load from their libraries voids the caches of others. */
START_TEST(caches_of_others_stay)
{
    RiProcess *a = sibling();
    run(a, "function f(x) return x:rep(2) .. string.format('%d', math.abs(-1)) end\n"
           "for i = 1, 100 do assert(f 'ab' == 'abab1') end return true");
    uint32_t epoch = heap->epoch;
    for (int i = 0; i < 100; i++)
        sibling();
    ck_assert_uint_eq(heap->epoch, epoch);
    run(a, "for i = 1, 100 do assert(f 'ab' == 'abab1') end return true");
    ck_assert_uint_eq(heap->epoch, epoch);
}
END_TEST

/* Many at a time survive collections, and use no more than they may. */
START_TEST(many_are_small)
{
    enum { COUNT = 1000, BYTES_MAX = 5 * 1024 };
    static RiProcess *all[COUNT];
    RiHeapStats before, after;
    sibling();
    ri_heap_collect(heap);
    ri_heap_stats(heap, &before);
    for (int i = 0; i < COUNT; i++)
        all[i] = sibling();
    ri_heap_stats(heap, &after);
    ck_assert_uint_le(after.allocated_bytes - before.allocated_bytes, (uint64_t)COUNT * BYTES_MAX);
    ri_heap_collect(heap);
    ri_heap_collect(heap);
    ri_heap_stats(heap, &after);
    ck_assert_uint_le(after.live_bytes - before.live_bytes, (uint64_t)COUNT * BYTES_MAX);
    for (int i = 0; i < COUNT; i += 37)
        run(all[i], "string.mine = true; mine = 1; return #('x'):rep(10) == 10 and string.mine and mine == 1");
    for (int i = 1; i < COUNT; i += 37)
        run(all[i], "return string.mine == nil and mine == nil");
    for (int i = 0; i < COUNT; i++)
        ri_account_close(&all[i]->account);
    memset(all, 0, sizeof all);
    ri_heap_collect(heap);
    ri_heap_stats(heap, &after);
    ck_assert_uint_le(after.live_bytes, before.live_bytes + 64 * BYTES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sibling");
    TCase *tests = tcase_create("sibling");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, siblings_have_what_the_first_has);
    tcase_add_loop_test(tests, a_store_is_seen_by_its_process_only, 0, (int)(sizeof stores / sizeof *stores));
    tcase_add_test(tests, the_first_process_spoils_nothing);
    tcase_add_test(tests, random_numbers_differ);
    tcase_add_test(tests, caches_of_others_stay);
    tcase_add_test(tests, many_are_small);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
