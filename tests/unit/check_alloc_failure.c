/* After an allocation has failed anywhere, the state is whole: what was being built is either there or not, what was
 * there before still is, and programs run as they should, in this state and in new ones. For each n the n-th allocation
 * fails (RILLE_FAIL_ALLOC, in builds with --enable-stress; in others nothing fails, and these tests do not prove much). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/embed/open.h"

enum { ALLOCATIONS_MAX = 100000 };

/* Works its way towards a goal from wherever an earlier run has been interrupted. */
static const char work[] =
    "S = S or {list = {}, floats = {}, mixed = {}, dict = {}, record = {}, queue = {}, text = '', made = 0}\n"
    "local s = S\n"
    "while #s.list < 70 do s.list[#s.list + 1] = #s.list + 1 end\n"
    "while #s.floats < 40 do s.floats[#s.floats + 1] = (#s.floats + 1) / 4 end\n"
    "while #s.mixed < 20 do table.insert(s.mixed, 1, 'm' .. #s.mixed + 1) end\n"
    "for i = 1, 50 do local k = 'key' .. i if not s.dict[k] then s.dict[k] = {k} end end\n"
    "for i = 1, 50, 2 do s.dict['key' .. i] = nil end\n"
    "for i = 1, 20 do s.record['field' .. i] = i end\n"
    "s.record.a = s.record.a or {b = {c = 'd'}}\n"
    "for i = 1, 12 do s.queue[#s.queue + 1] = {i, tag = 'q' .. i} end\n"
    "while #s.queue > 5 do table.remove(s.queue, 1) end\n"
    "while #s.text < 500 do s.text = s.text .. 'xyzzy' end\n"
    "Class = Class or {}\n"
    "Class.__index = Class\n"
    "Class.__gc = function(o) closed = (closed or 0) + o.n end\n"
    "function Class.new(n) local o = {} o.n = n o.left = n - 1 o.right = n + 1 o.name = 'o' .. n return setmetatable(o, Class) end\n"
    "function Class:sum() return self.n + self.left + self.right end\n"
    "for i = 1, 12 do s.object = Class.new(i) assert(s.object:sum() == 3 * i) end\n"
    "if not s.co or coroutine.status(s.co) == 'dead' then\n"
    "  s.made = 0\n"
    "  s.co = coroutine.create(function() for i = 1, 1e9 do coroutine.yield(('%d'):format(i)) end end)\n"
    "end\n"
    "for _ = 1, 5 do\n"
    "  local ok, text = coroutine.resume(s.co)\n"
    "  if not ok then error(text, 0) end\n"
    "  s.made = s.made + 1\n"
    "  assert(tonumber(text) == s.made)\n"
    "end\n"
    "local count = 0\n"
    "local function up() count = count + 1 return count end\n"
    "local function deep(d) if d == 0 then return up() end return deep(d - 1) + 0 end\n"
    "assert(deep(150) == 1 and up() == 2)\n"
    "local sorted = table.move(s.list, 1, 30, 1, {})\n"
    "table.sort(sorted, function(a, b) return a > b end)\n"
    "assert(sorted[1] == 30 and sorted[30] == 1 and select('#', table.unpack(s.list)) == 70)\n"
    "assert(('a-b-c'):gsub('%-', {['-'] = '+'}) == 'a+b+c')\n"
    "assert(table.concat(s.mixed, ',', 1, 2) == 'm20,m19')\n"
    "local made, message = load('local n = ... return function() return n, {n} end')\n"
    "if not made then error(message, 0) end\n"
    "local again, problem = load(string.dump(made), 'dumped', 'b')\n"
    "if not again then error(problem, 0) end\n"
    "assert(again(7)() == 7)\n"
    "local closed_with\n"
    "local ok, e = pcall(function()\n"
    "  local c <close> = setmetatable({}, {__close = function(_, err) closed_with = err end})\n"
    "  error({code = 5})\n"
    "end)\n"
    "if e == 'not enough memory' then error(e, 0) end\n"
    "assert(not ok and closed_with == e and e.code == 5)\n"
    "collectgarbage()\n"
    "return 'done'\n";

/* Whatever has become of that so far, these things hold. */
static const char verify[] =
    "local s = S\n"
    "if not s then return 'fine' end\n"
    "for i = 1, #s.list do assert(s.list[i] == i) end\n"
    "for i = 1, #s.floats do assert(s.floats[i] == i / 4) end\n"
    "local n, count = #s.mixed, 0\n"
    "for i = 1, n do assert(type(s.mixed[i]) == 'string') end\n"
    "for k, v in pairs(s.dict) do assert(v[1] == k and s.dict[k] == v) count = count + 1 end\n"
    "assert(count <= 50)\n"
    "for k, v in pairs(s.record) do assert(k == 'a' and v.b.c == 'd' or k == 'field' .. v) end\n"
    "for i = 1, #s.queue do assert(s.queue[i].tag == 'q' .. s.queue[i][1]) end\n"
    "assert(s.text == ('xyzzy'):rep(#s.text // 5))\n"
    "if s.object then assert(s.object:sum() == 3 * s.object.n) end\n"
    "local t = {}\n"
    "for i = 1, 100 do t[i] = {i, x = i} end\n"
    "collectgarbage()\n"
    "for i = 1, 100 do assert(t[i][1] == t[i].x) end\n"
    "return 'fine'\n";

static int32_t open_libraries(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_open_libraries(T);
    return 0;
}

static const RiLibFn opener = {.name = "?", .call = open_libraries};

/* A state whose n-th allocation will fail (0: none); NULL if it was needed for opening it. */
static RiThread *open_state(int n)
{
    char text[20];
    snprintf(text, sizeof text, "%d", n);
    if (n > 0)
        setenv("RILLE_FAIL_ALLOC", text, 1);
    RiThread *T = ri_open();
    unsetenv("RILLE_FAIL_ALLOC");
    if (T == NULL)
        return NULL;
    ri_push(T, ri_object(&opener, RI_TAG_LIBFN));
    ri_push_link(T);
    if (ri_pcall(T, 0, 0, ri_nil(), NULL) == RI_OK)
        return T;
    ck_assert_str_eq(ri_str_cstr(T->heap, T->top[-1].p), "not enough memory");
    T->top--;
    ri_close(T);
    return NULL;
}

/* Run a program that returns `result`. False if memory was too short for that; anything else fails the test. */
static bool run(RiThread *T, const char *source, const char *result, int n)
{
    uint32_t depth = (uint32_t)(T->top - T->stack);
    int status = ri_load(T, source, strlen(source), "=program", "t");
    if (status == RI_OK) {
        ri_push_link(T);
        status = ri_pcall(T, 0, 1, ri_nil(), NULL);
    }
    ck_assert_uint_eq((uint32_t)(T->top - T->stack), depth + 1);
    ck_assert(ri_is_string(T->top[-1]));
    const char *text = ri_str_cstr(T->heap, T->top[-1].p);
    T->top--;
    if (status == RI_OK && strcmp(text, result) == 0)
        return true;
    if (strcmp(text, "not enough memory") == 0)
        return false;
    ck_abort_msg("allocation %d: status %d, %s", n, status, text);
}

static void run_right(RiThread *T, int n)
{
    ck_assert(run(T, verify, "fine", n));
    ck_assert(run(T, work, "done", n));
    ck_assert(run(T, work, "done", n));
    ck_assert(run(T, verify, "fine", n));
}

START_TEST(a_state_goes_on_after_a_failure)
{
    int failures = 0, n;
    for (n = 1; n < ALLOCATIONS_MAX; n++) {
        RiThread *T = open_state(n);
        if (T == NULL) {
            failures++;
            continue;
        }
        bool failed = !run(T, work, "done", n);
        failures += failed;
        run_right(T, n);
        ri_close(T);
        if (!failed)
            break;
    }
    ck_assert_int_lt(n, ALLOCATIONS_MAX);
#if defined(RI_STRESS) && RI_STRESS
    ck_assert_int_gt(failures, 500);
#endif
}
END_TEST

START_TEST(other_states_do_not_notice)
{
    RiThread *beside = open_state(0);
    ck_assert_ptr_nonnull(beside);
    for (int n = 1; n < ALLOCATIONS_MAX; n += 7) {
        RiThread *T = open_state(n);
        bool done = T != NULL && run(T, work, "done", n);
        if (T != NULL)
            ri_close(T);
        RiThread *next = open_state(0);
        ck_assert_ptr_nonnull(next);
        run_right(next, n);
        ri_close(next);
        if (n % 35 == 1)
            run_right(beside, n);
        if (done)
            break;
    }
    run_right(beside, 0);
    ri_close(beside);
}
END_TEST

/* A process made from a template, and the template itself, are there or not. */
START_TEST(a_sibling_is_made_or_not)
{
    int failures = 0, n;
    for (n = 1; n < ALLOCATIONS_MAX; n++) {
        RiThread *T = open_state(n);
        if (T == NULL)
            continue;
        RiHeap *heap = T->heap;
        uint32_t owner = heap->owner;
        RiProcess *process = ri_open_sibling(T->process);
        ck_assert_ptr_eq(heap->running, T);
        ck_assert_uint_eq(heap->owner, owner);
        bool failed = process == NULL;
        failures += failed;
        if (failed)
            process = ri_open_sibling(T->process);
        ck_assert_ptr_nonnull(process);
        ck_assert_uint_gt(process->id, owner);
        ri_heap_switch(heap, &process->account);
        const char *test = "string.x = 1 return #('x'):rep(3) == 3 and 'fine'";
        if (!run(process->main, test, "fine", n)) /* the failure was yet to come */
            ck_assert(!failed && run(process->main, test, "fine", n));
        ri_heap_switch(heap, &T->process->account);
        run_right(T, n);
        ck_assert(run(T, "return string.x == nil and 'fine'", "fine", n));
        ri_close(T);
        if (!failed)
            break;
    }
    ck_assert_int_lt(n, ALLOCATIONS_MAX);
#if defined(RI_STRESS) && RI_STRESS
    ck_assert_int_gt(failures, 200);
#else
    (void)failures;
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alloc_failure");
    TCase *tcase = tcase_create("alloc_failure");
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, a_state_goes_on_after_a_failure);
    tcase_add_test(tcase, other_states_do_not_notice);
    tcase_add_test(tcase, a_sibling_is_made_or_not);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
