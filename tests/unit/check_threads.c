/* Two states on two host threads, each with a heap of its own, at the same time: what one allocates and collects is
 * nothing to the other. Check's macros are for one thread only, so the threads note what went wrong. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "vm/embed/open.h"

enum { PROGRAM_COUNT = 1000, FEWER = 240, THREAD_COUNT = 2 };

/* Each is called with a number n, checks itself, and returns n + 1. What must last from one program to the next lies in
 * the global `keep`. */
static const char *const programs[] = {
    /* allocation */
    "local n = ...\n"
    "local list\n"
    "for i = 1, 300 do list = {next = list, value = i, {i}, 'item' .. i} end\n"
    "local sum, node = 0, list\n"
    "while node do\n"
    "  assert(node[1][1] == node.value and node[2] == 'item' .. node.value)\n"
    "  sum, node = sum + node.value, node.next\n"
    "end\n"
    "assert(sum == 300 * 301 // 2)\n"
    "keep = keep or {}\n"
    "keep[n % 97] = {n = n, text = 'kept' .. n, list = list}\n"
    "return n + 1\n",
    /* strings */
    "local n = ...\n"
    "local parts = {}\n"
    "for i = 1, 60 do parts[i] = ('%d:%s'):format(n + i, ('x'):rep(i % 17)) end\n"
    "local text = table.concat(parts, ',')\n"
    "local count = 0\n"
    "for number, tail in text:gmatch('(%d+):(x*)') do\n"
    "  count = count + 1\n"
    "  assert(tonumber(number) == n + count and #tail == count % 17)\n"
    "end\n"
    "assert(count == 60)\n"
    "local grown = ''\n"
    "for i = 1, 200 do grown = grown .. i .. ';' end\n"
    "assert(select(2, grown:gsub(';', '')) == 200 and grown:sub(1, 6) == '1;2;3;')\n"
    "assert(text:upper():lower() == text)\n"
    "return n + 1\n",
    /* tables: arrays, fields, dictionaries */
    "local n = ...\n"
    "local t = {}\n"
    "for i = 1, 200 do t[i] = (i * 7919 + n) % 1009 end\n"
    "table.sort(t)\n"
    "for i = 2, #t do assert(t[i - 1] <= t[i]) end\n"
    "local d = {}\n"
    "for i = 1, 200 do d['key' .. i .. '.' .. n] = i end\n"
    "for i = 1, 200, 2 do d['key' .. i .. '.' .. n] = nil end\n"
    "local count = 0\n"
    "for k, v in pairs(d) do count = count + 1; assert(v % 2 == 0 and k == 'key' .. v .. '.' .. n) end\n"
    "assert(count == 100)\n"
    "while #t > 0 do table.remove(t) end\n"
    "return n + 1\n",
    /* objects: inline caches over shapes that both states make */
    "local n = ...\n"
    "local Point = {}\n"
    "Point.__index = Point\n"
    "function Point.new(x, y) return setmetatable({x = x, y = y}, Point) end\n"
    "function Point.__add(a, b) return Point.new(a.x + b.x, a.y + b.y) end\n"
    "function Point.__eq(a, b) return a.x == b.x and a.y == b.y end\n"
    "function Point:scaled(f) return Point.new(self.x * f, self.y * f) end\n"
    "local p = Point.new(0, n)\n"
    "p['field' .. n % 40] = n\n"
    "for i = 1, 100 do p = p + Point.new(i, -i):scaled(2) end\n"
    "assert(p == Point.new(10100, n - 10100))\n"
    "return n + 1\n",
    /* coroutines, some of them given up halfway */
    "local n = ...\n"
    "local function numbers(limit)\n"
    "  return coroutine.wrap(function() for i = 1, limit do coroutine.yield(i) end return nil end)\n"
    "end\n"
    "local sum = 0\n"
    "for k = 1, 10 do\n"
    "  for i in numbers(30) do sum = sum + i if k % 2 == 0 and i == 15 then break end end\n"
    "end\n"
    "assert(sum == 5 * 465 + 5 * 120)\n"
    "local function deep(d) if d == 0 then coroutine.yield('bottom') return 0 end return 1 + deep(d - 1) end\n"
    "local co = coroutine.create(deep)\n"
    "assert(select(2, coroutine.resume(co, 200)) == 'bottom')\n"
    "assert(select(2, coroutine.resume(co)) == 200 and coroutine.status(co) == 'dead')\n"
    "return n + 1\n",
    /* errors */
    "local n = ...\n"
    "local closed = 0\n"
    "for i = 1, 30 do\n"
    "  local ok, e = pcall(function()\n"
    "    local c <close> = setmetatable({}, {__close = function(_, err) closed = closed + (err.code == i and 1 or 0) end})\n"
    "    error({code = i})\n"
    "  end)\n"
    "  assert(not ok and e.code == i)\n"
    "end\n"
    "assert(closed == 30)\n"
    "local ok, text = pcall(function() local t = nil; return t.x end)\n"
    "assert(not ok and text:find('attempt to index a nil value %(local \\'t\\'%)'))\n"
    "ok, text = xpcall(function() error('boo') end, debug.traceback)\n"
    "assert(not ok and text:find('stack traceback:'))\n"
    "ok, text = pcall(load, function() error('in reader') end)\n"
    "assert(ok and text == nil)\n"
    "local function forever() return 1 + forever() end\n"
    "if n % 16 == 5 then ok, text = pcall(forever) assert(not ok and text:find('stack overflow')) end\n"
    "return n + 1\n",
    /* collections: weak tables, finalizers, and what earlier programs kept */
    "local n = ...\n"
    "finalized = finalized or 0\n"
    "local before = finalized\n"
    "local weak = setmetatable({}, {__mode = 'v'})\n"
    "local ephemeron = setmetatable({}, {__mode = 'k'})\n"
    "local held = {}\n"
    "for i = 1, 50 do\n"
    "  local object = {i}\n"
    "  weak[i] = object\n"
    "  ephemeron[object] = {object}\n"
    "  if i % 2 == 0 then held[#held + 1] = object end\n"
    "  setmetatable({}, {__gc = function() finalized = finalized + 1 end})\n"
    "end\n"
    "collectgarbage()\n"
    "for i = 2, 50, 2 do assert(weak[i][1] == i and ephemeron[weak[i]][1] == weak[i]) end\n"
    "for i, object in ipairs(held) do assert(object[1] == 2 * i) end\n"
    "assert(finalized <= before + 50 + 50)\n"
    "for k, v in pairs(keep or {}) do\n"
    "  assert(v.n % 97 == k and v.text == 'kept' .. v.n and v.list[1][1] == 300 and v.list.next.value == 299)\n"
    "end\n"
    "assert(collectgarbage('count') > 0)\n"
    "return n + 1\n",
    /* code made at run time */
    "local n = ...\n"
    "local sum = 0\n"
    "for i = 1, 5 do\n"
    "  local f = assert(load('local a = ... ; local function g(x) return x + a + ' .. i .. ' end return g'))\n"
    "  local g = assert(load(string.dump(f), 'saved', 'b'))(n)\n"
    "  sum = sum + g(0)\n"
    "end\n"
    "assert(sum == 5 * n + 15)\n"
    "assert(not load('return return'))\n"
    "return n + 1\n",
};

typedef struct State {
    RiThread *T;
    int number;
    int count; /* of programs to run */
    int done; /* programs that were right */
    char problem[400];
} State;

static int32_t open_libraries(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_open_libraries(T);
    return 0;
}

static void note(State *s, int program)
{
    const RiValue v = s->T->top[-1];
    snprintf(s->problem, sizeof s->problem, "state %d, program %d: %.300s", s->number, program,
             ri_is_string(v) ? ri_str_cstr(s->T->heap, v.p) : "a value");
}

static bool open_state(State *s)
{
    static const RiLibFn opener = {.name = "?", .call = open_libraries};
    s->T = ri_open();
    if (s->T == NULL)
        return false;
    ri_push(s->T, ri_object(&opener, RI_TAG_LIBFN));
    ri_push_link(s->T);
    return ri_pcall(s->T, 0, 0, ri_nil(), NULL) == RI_OK;
}

/* Run the programs [first, end) of a state. */
static bool run_programs(State *s, int first, int end)
{
    RiThread *T = s->T;
    for (int i = first; i < end; i++) {
        const char *source = programs[(i + s->number) % (int)RI_COUNTOF(programs)];
        bool ok = ri_load(T, source, strlen(source), "=program", "t") == RI_OK;
        if (ok) {
            ri_push_link(T);
            ri_push(T, ri_int(i));
            ok = ri_pcall(T, 1, 1, ri_nil(), NULL) == RI_OK && ri_is_int(T->top[-1]) && T->top[-1].i == i + 1;
        }
        if (!ok) {
            note(s, i);
            return false;
        }
        T->top--;
        s->done++;
    }
    return true;
}

static void *live(void *argument)
{
    State *s = argument;
    if (!open_state(s)) {
        snprintf(s->problem, sizeof s->problem, "state %d cannot be opened", s->number);
        return NULL;
    }
    run_programs(s, 0, s->count);
    ri_close(s->T);
    return NULL;
}

static void check_states(State *states, int count)
{
    for (int i = 0; i < count; i++) {
        ck_assert_str_eq(states[i].problem, "");
        ck_assert_int_eq(states[i].done, states[i].count);
    }
}

START_TEST(two_states_on_two_threads)
{
    State states[THREAD_COUNT] = {0};
    pthread_t threads[THREAD_COUNT];
    for (int i = 0; i < THREAD_COUNT; i++) {
        states[i] = (State){.number = i, .count = PROGRAM_COUNT};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, live, &states[i]), 0);
    }
    for (int i = 0; i < THREAD_COUNT; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    check_states(states, THREAD_COUNT);
}
END_TEST

/* The main thread's state lives on while others come and go. */
START_TEST(states_come_and_go_beside_one_that_stays)
{
    enum { ROUNDS = 4 };
    State home = {.number = 3, .count = FEWER}, states[ROUNDS] = {0};
    ck_assert(open_state(&home));
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        states[i] = (State){.number = 4 + i, .count = FEWER / 2};
        ck_assert_int_eq(pthread_create(&thread, NULL, live, &states[i]), 0);
        run_programs(&home, i * FEWER / ROUNDS, (i + 1) * FEWER / ROUNDS);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    ri_close(home.T);
    check_states(states, ROUNDS);
    check_states(&home, 1);
}
END_TEST

/* A state may be handed over, as long as one thread at a time runs it. */
static void *go_on(void *argument)
{
    State *s = argument;
    ri_heap_enter_thread();
    run_programs(s, s->count / 2, s->count);
    return NULL;
}

START_TEST(a_state_goes_on_on_another_thread)
{
    State s = {.number = 1, .count = FEWER};
    pthread_t thread;
    ck_assert(open_state(&s));
    run_programs(&s, 0, s.count / 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, go_on, &s), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ri_close(s.T);
    check_states(&s, 1);
}
END_TEST

START_TEST(two_states_take_turns_on_one_thread)
{
    State states[2] = {{.number = 0, .count = FEWER}, {.number = 5, .count = FEWER}};
    ck_assert(open_state(&states[0]) && open_state(&states[1]));
    for (int i = 0; i < FEWER; i += 10) {
        if (!run_programs(&states[0], i, i + 10) || !run_programs(&states[1], i, i + 10))
            break;
    }
    ri_close(states[0].T);
    ri_close(states[1].T);
    check_states(states, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("threads");
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, two_states_on_two_threads);
    tcase_add_test(tcase, states_come_and_go_beside_one_that_stays);
    tcase_add_test(tcase, a_state_goes_on_on_another_thread);
    tcase_add_test(tcase, two_states_take_turns_on_one_thread);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
