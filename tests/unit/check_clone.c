/* Processes cloned in the middle of things: parent and clone go on from there, each by itself, and get to the same results.
 * Before either does, a walk compares all that can be reached in both. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/random_graph.h"
#include "vm/embed/open.h"
#include "vm/exec/call.h"
#include "vm/exec/clone.h"
#include "vm/object/shape.h"

static RiHeap *heap;
static struct { /* a root */
    RiProcess *parent, *child;
    RiString *refusal;
} world;

static bool is_child_first;  /* it runs to its end inside of fork() */
static bool is_fork_allowed; /* one clone a program */
static char child_result[2000], parent_result[2000];
static double clone_ns;

/* -- Comparing -------------------------------------------------------------------------------------------------------- */

enum { CELLS = 1 << 21, PAIRS_MAX = 1 << 20 };
static struct {
    const void *a[PAIRS_MAX], *b[PAIRS_MAX];
    uint32_t cells_a[CELLS], cells_b[CELLS]; /* 1 + index */
    uint32_t count;
} seen;

static uint32_t *find_cell(uint32_t *cells, const void *const *objects, const void *object)
{
    uint32_t i = (uint32_t)(((uintptr_t)object >> 4) * 0x9e3779b97f4a7c15u >> 40);
    while (cells[i % CELLS] != 0 && objects[cells[i % CELLS] - 1] != object)
        i++;
    return &cells[i % CELLS];
}

/* x and y must stand for each other, wherever they are met. */
static void note_pair(const void *x, const void *y)
{
    uint32_t *cell_x = find_cell(seen.cells_a, seen.a, x), *cell_y = find_cell(seen.cells_b, seen.b, y);
    if (*cell_x != *cell_y)
        ck_abort_msg("not the same graph: objects of tags %d and %d", ri_object_tag(x), ri_object_tag(y));
    if (*cell_x != 0)
        return;
    if (x == y || seen.count >= PAIRS_MAX || ri_object_tag(x) != ri_object_tag(y))
        ck_abort_msg("object of tag %d is shared or another", ri_object_tag(x));
    seen.a[seen.count] = x;
    seen.b[seen.count] = y;
    *cell_x = *cell_y = ++seen.count;
}

static void check_same(RiValue x, RiValue y)
{
    if (x.tag != y.tag)
        ck_abort_msg("tags %d, %d", (int)x.tag, (int)y.tag);
    if ((uint8_t)x.tag >= RI_TAG_TABLE)
        note_pair(x.p, y.p);
    else if (x.tag > RI_TAG_TRUE && x.u != y.u)
        ck_abort_msg("values of tag %d differ", (int)x.tag);
}

static uint32_t serial_of(const void *object)
{
    return *(const uint32_t *)((const char *)object + sizeof(RiObject));
}

static void compare_tables(const RiTable *x, const RiTable *y)
{
    uint64_t i = 0, k = 0;
    RiValue key_x, key_y, value_x, value_y;
    if (serial_of(x) != serial_of(y) || ri_table_length(x) != ri_table_length(y) || y->owner == x->owner ||
        ((x->flags ^ y->flags) & ~(RI_TABLE_DELEGATE | RI_TABLE_SAMPLED)) != 0 || (x->meta == NULL) != (y->meta == NULL))
        ck_abort_msg("tables differ");
    if (x->meta != NULL)
        note_pair(x->meta, y->meta);
    for (;;) {
        bool more_x = ri_table_next_at(x, &i, &key_x, &value_x), more_y = ri_table_next_at(y, &k, &key_y, &value_y);
        if (more_x != more_y)
            ck_abort_msg("numbers of pairs differ");
        if (!more_x)
            break;
        check_same(key_x, key_y);
        check_same(value_x, value_y);
        if (i != k || ri_table_get(y, key_y).u != value_y.u)
            ck_abort_msg("a key is not found");
    }
}

static void compare_threads(const RiThread *x, const RiThread *y)
{
    ptrdiff_t used = x->top - x->stack;
    if (serial_of(x) != serial_of(y) || y->top - y->stack != used || x->base - x->stack != y->base - y->stack ||
        x->pc != y->pc || x->status != y->status || x->tbc_count != y->tbc_count || y->process != world.child)
        ck_abort_msg("threads differ");
    for (ptrdiff_t i = 0; i < used; i++)
        check_same(x->stack[i], y->stack[i]);
    if (x->tbc_count > 0)
        ck_assert_mem_eq(x->tbc->bytes, y->tbc->bytes, x->tbc_count * sizeof(uint32_t));
    check_same(x->hook, y->hook);
    if (x->resumer != NULL)
        note_pair(x->resumer, y->resumer);
}

static void compare_values(const RiValue *x, const RiValue *y, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        check_same(x[i], y[i]);
}

static void compare_pair(const void *x, const void *y)
{
    const RiClosure *f = x, *g = y;
    uint16_t count = f->object.aux;
    if (ri_object_tag(x) != RI_TAG_BLOCK)
        ck_assert_uint_eq(((const RiObject *)y)->aux, ri_object_tag(x) == RI_TAG_TABLE ? ((const RiTable *)y)->absent : count);
    switch (ri_object_tag(x)) {
    case RI_TAG_TABLE:
        compare_tables(x, y);
        break;
    case RI_TAG_CLOSURE:
        ck_assert(serial_of(x) == serial_of(y) && f->feedback != g->feedback && f->feedback->proto == g->feedback->proto);
        for (uint32_t i = 0; i < count; i++)
            note_pair(f->upvals[i], g->upvals[i]);
        break;
    case RI_TAG_CELL:
        check_same(((const RiCell *)x)->value, ((const RiCell *)y)->value);
        break;
    case RI_TAG_NATIVE:
        compare_values(((const RiNative *)x)->upvals, ((const RiNative *)y)->upvals, count);
        break;
    case RI_TAG_USERDATA:
        compare_values(((const RiUserdata *)x)->uservalues, ((const RiUserdata *)y)->uservalues, count);
        note_pair(((const RiUserdata *)x)->meta ? (const void *)((const RiUserdata *)x)->meta : x,
                  ((const RiUserdata *)y)->meta ? (const void *)((const RiUserdata *)y)->meta : y);
        break;
    case RI_TAG_THREAD:
        compare_threads(x, y);
        break;
    case RI_TAG_BLOCK: /* its own affair: that it works is seen when it goes on */
        break;
    default:
        ck_abort_msg("object of tag %d", ri_object_tag(x));
    }
}

static void compare_processes(const RiThread *running, const RiThread *clone)
{
    memset(&seen, 0, sizeof seen);
    note_pair(world.parent->registry, world.child->registry);
    note_pair(running, clone);
    for (uint32_t i = 0; i < seen.count; i++)
        compare_pair(seen.a[i], seen.b[i]);
}

/* -- Running ---------------------------------------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, RiValue v)
{
    snprintf(to, size, "%s", ri_is_string(v) ? ri_str_cstr(heap, v.p) : ri_type_names[ri_type(v)]);
}

static void go_on(RiThread *T, void *unused)
{
    RiThread *running = T->heap->running;
    (void)unused;
    ri_push(running, ri_string_value(ri_str_from_cstr(heap, "C")));
    ri_run_again(T, 1);
    copy_text(child_result, sizeof child_result, T->lib_nargs > 0 ? T->top[-1] : ri_nil());
}

static void run_child(void)
{
    RiAccount *mine = heap->account;
    RiThread *T = world.child->main;
    ri_heap_switch(heap, &world.child->account);
    RiCallStatus status = ri_try(T, go_on, NULL);
    if (status != RI_OK)
        copy_text(child_result, sizeof child_result, T->error);
    ri_process_close(world.child);
    ri_heap_switch(heap, mine);
    ri_account_close(&world.child->account);
    world.child = NULL;
}

/* fork(): "P" in the parent, "C" in the clone; nil and why not if it is refused. */
static int32_t lib_fork(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiThread *running;
    struct timespec start, end;
    (void)nargs;
    if (T->process != world.parent || !is_fork_allowed)
        return ri_return1(args, ri_string_value(ri_str_from_cstr(heap, "again")));
    clock_gettime(CLOCK_MONOTONIC, &start);
    world.child = ri_process_clone(T->process, &running, &world.refusal);
    clock_gettime(CLOCK_MONOTONIC, &end);
    clone_ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    if (world.child == NULL)
        return ri_return2(args, ri_nil(), ri_string_value(world.refusal));
    is_fork_allowed = false;
    compare_processes(T, running);
    if (is_child_first)
        run_child();
    return ri_return1(T->base, ri_string_value(ri_str_from_cstr(heap, "P")));
}

static int32_t lib_collect(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    ri_heap_collect(T->heap);
    return ri_return_nil(args);
}

/* A userdata of nobody's. */
static int32_t lib_userdata(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiUserdata *u = ri_udata_new(T->heap, 8, 0);
    (void)nargs;
    u->meta = ri_type_metatable(T, "socket");
    return ri_return1(args, ri_object(u, RI_TAG_USERDATA));
}

static const RiLibFn functions[] = {
    {.name = "fork", .call = lib_fork},
    {.name = "collect", .call = lib_collect},
    {.name = "userdata", .call = lib_userdata},
};

static void open_libraries(RiThread *T, void *unused)
{
    (void)unused;
    ri_open_libraries(T);
    for (size_t i = 0; i < RI_COUNTOF(functions); i++)
        ri_table_set_str(T->heap, T->process->globals, ri_str_from_cstr(T->heap, functions[i].name),
                         (RiValue){.cp = &functions[i], .tag = RI_TAG_LIBFN});
}

static void setup(void)
{
    RiThread *T = ri_open();
    ck_assert_ptr_nonnull(T);
    heap = T->heap;
    ri_heap_add_root(heap, &world, sizeof world);
    world.parent = T->process;
    ck_assert_int_eq(ri_try(T, open_libraries, NULL), RI_OK);
}

static void teardown(void)
{
    ri_heap_remove_root(heap, &world, sizeof world);
    ri_close(world.parent->main);
}

/* Run a program in the parent; what it and its clone return, or throw. */
static void run(const char *source, bool child_first)
{
    RiThread *T = world.parent->main;
    is_child_first = child_first;
    is_fork_allowed = true;
    strcpy(child_result, "none");
    T->top = T->stack + 1;
    if (ri_load(T, source, strlen(source), "=program", "t") == RI_OK) {
        ri_push_link(T);
        (void)ri_pcall(T, 0, 1, ri_nil(), NULL);
    }
    copy_text(parent_result, sizeof parent_result, T->top[-1]);
    if (world.child != NULL)
        run_child();
}

/* `expected` with "@" for "P" in the parent and "C" in the clone, whichever runs first. */
static void check_result(const char *source, const char *actual, const char *expected, char who)
{
    char text[2000];
    size_t i = 0;
    for (; expected[i] != '\0'; i++)
        text[i] = expected[i] == '@' ? who : expected[i];
    text[i] = '\0';
    ck_assert_msg(strcmp(text, actual) == 0, "%s\n%c: expected '%s', got '%s'", source, who, text, actual);
}

static void forks(const char *source, const char *expected)
{
    for (int child_first = 0; child_first < 2; child_first++) {
        teardown();
        setup();
        run(source, child_first);
        check_result(source, child_result, expected, 'C');
        check_result(source, parent_result, expected, 'P');
    }
}

static void refuses(const char *source, const char *expected)
{
    run(source, false);
    ck_assert_str_eq(parent_result, expected);
    ck_assert_str_eq(child_result, "none");
    ck_assert(heap->account == &world.parent->account);
}

START_TEST(values_and_tables)
{
    forks("return fork()", "@");
    forks("local a, b = 1, {2} local who = fork() return who .. a .. b[1]", "@12");
    forks("x = 1 local who = fork() x = x + 1 return who .. x", "@2");
    forks("local t = {n = 1} local who = fork() t.n = t.n + 1 t[#t + 1] = who return who .. t.n .. t[1] .. #t", "@2@1");
    forks("local t = {} for i = 1, 100 do t['k' .. i] = i end local who = fork() t[who] = 1 t.k1 = nil local n = 0 "
          "for k in pairs(t) do n = n + 1 end return who .. n", "@100");
    forks("local keys, t = {}, {} for i = 1, 50 do keys[i] = {i} t[keys[i]] = i t[keys[i][1] + 0.5] = i end "
          "local who, s = fork(), 0 for i = 1, 50 do s = s + t[keys[i]] + t[i + 0.5] end return who .. s", "@2550");
    forks("local t = setmetatable({}, {__index = string}) local who = fork() return who .. t.rep('x', 3)", "@xxx");
    forks("local who = fork() string.mine = who return who .. string.mine .. ('x'):mine()",
          "program:1: attempt to call a string value (method 'mine')");
    forks("math.randomseed(42) local who = fork() local a = math.random(1000) math.randomseed(42) "
          "return who .. tostring(a == math.random(1000))", "@true");
}
END_TEST

START_TEST(calls)
{
    forks("local n = 0 local function up() n = n + 1 return n end up() local who = fork() up() return who .. up()", "@3");
    forks("local function f(...) local who = fork() return select('#', ...) .. who .. tostring((select(2, ...))) end "
          "return f(1, nil, 3) .. '!'", "3@nil!");
    forks("local function deep(n) if n == 0 then return fork() end local r = deep(n - 1) return r end return deep(10000)",
          "@");
    forks("local function tail(n) if n == 0 then return fork() end return tail(n - 1) end return tail(100)", "@");
    forks("local fs = {} for i = 1, 10 do fs[i] = function() i = i + 1 return i end end fs[3]() local who = fork() "
          "return who .. fs[3]() .. fs[4]()", "@55");
    forks("local function f(a, b, ...) local t = {...} return fork() .. a .. b .. #t .. select('#', ...) end "
          "return f(1, 2, 3, 4)", "@1222");
    forks("local t = {f = function(self, x) return self.n .. x .. fork() end, n = 5} return t:f(6)", "56@");
    forks("local who = fork() return load('local a = ... return a .. 1')(who)", "@1");
}
END_TEST

START_TEST(control)
{
    forks("local s = '' for i = 1, 3 do if i == 2 then s = s .. fork() goto continue end s = s .. i ::continue:: end "
          "return s", "1@3");
    forks("local s = '' for i = 1.5, 3 do s = s .. i if i < 2 then s = s .. fork() end end return s", "1.5@2.5");
    forks("local s = '' for i, v in ipairs{5, 6, 7} do s = s .. v if i == 1 then s = s .. fork() end end return s", "5@67");
    forks("local t, s = {a = 1, b = 2, c = 3}, '' for k, v in pairs(t) do s = s .. k t[k] = nil "
          "if v == 1 then s = s .. fork() end end return s", "a@bc");
    forks("local t, s = {}, '' for i = 1, 20 do t[{}] = i end for k, v in pairs(t) do t[k] = nil collect() "
          "if v == 9 then s = s .. fork() end s = s .. v end return s .. tostring(next(t))",
          "12345678@91011121314151617181920nil");
    forks("local t, s = {}, 0 for i = 1, 20 do t[{}] = i end local k = next(t) t[k] = nil local who = fork() "
          "while k do k = next(t, k) s = s + 1 end return who .. s", "@20");
    forks("local s = '' for a, b in ('k1k2k3'):gmatch('(%a)(%d)') do s = s .. b if b == '2' then s = s .. fork() end end "
          "return s", "12@3");
    forks("local i, s = 0, '' while i < 3 do i = i + 1 repeat local x = i if x == 2 then s = s .. fork() end until x s = s .. i "
          "end return s", "1@23");
}
END_TEST

START_TEST(errors)
{
    forks("local ok, e = pcall(function() local who = fork() error(who .. '!', 0) end) return tostring(ok) .. e", "false@!");
    forks("local ok, e = pcall(pcall, function() local who = fork() error({who}) end) return tostring(ok) .. tostring(e)",
          "truefalse");
    forks("local ok, e = xpcall(function() error('in ' .. fork(), 0) end, function(m) return m .. 'h' end) return e", "in @h");
    forks("local ok, e = pcall(function() local x = fork() .. nil end) return e",
          "program:1: attempt to concatenate a nil value");
    forks("fork() error('thrown', 0)", "thrown");
    forks("local who = fork() error({})", "table");
    forks("local function f() return pcall(error, fork()) end local ok, e = f() return e", "@");
    forks("local a = {} local ok, e = pcall(function() for i = 1, 2 do pcall(function() a[i] = fork and i error('x') end) end "
          "local who = fork() local t = nil; t.x = who end) return e .. #a",
          "program:1: attempt to index a nil value (local 't')2");
}
END_TEST

START_TEST(closing)
{
    forks("local log = '' local function closer(n) return setmetatable({}, {__close = function(_, e) log = log .. n .. "
          "tostring(e) end}) end "
          "do local a <close> = closer('a') local b <close> = closer('b') log = log .. fork() end return log",
          "@bnilanil");
    forks("local log = '' local function closer(n) return setmetatable({}, {__close = function(_, e) log = log .. n .. e end}) "
          "end pcall(function() local a <close> = closer('a') local b <close> = closer('b') error(fork(), 0) end) return log",
          "b@a@");
    forks("local log = '' local function closer(n) return setmetatable({}, {__close = function(_, e) "
          "log = log .. n if n == 'b' then log = log .. fork() end end}) end "
          "do local a <close> = closer('a') local b <close> = closer('b') local c <close> = closer('c') end return log",
          "cb@a");
    forks("local log = '' local function closer(n) return setmetatable({}, {__close = function(_, e) "
          "log = log .. n .. tostring(e) if n == 'b' then log = log .. fork() end end}) end "
          "pcall(function() local a <close> = closer('a') local b <close> = closer('b') error('e', 0) end) return log",
          "be@ae");
    forks("local log = '' local f = coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() "
          "log = log .. 'closed' end}) coroutine.yield(1) end) f() local who = fork() pcall(f) return who .. log",
          "@closed");
    forks("local log = '' local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = function() "
          "log = log .. 'closed' end}) coroutine.yield(1) end) coroutine.resume(co) local who = fork() coroutine.close(co) "
          "return who .. log .. coroutine.status(co)", "@closeddead");
}
END_TEST

START_TEST(coroutines)
{
    forks("local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return a .. b end) local x = co(1) "
          "local who = fork() return co(who) .. x", "1@2");
    forks("local co = coroutine.wrap(function(a) local who = fork() coroutine.yield(who .. a) return 'end' .. who end) "
          "return co(5) .. co()", "@5end@");
    forks("local log = '' local function deep(n) return coroutine.wrap(function() if n == 0 then log = log .. fork() else "
          "deep(n - 1)() end log = log .. n end) end deep(20)() return log", "@01234567891011121314151617181920");
    forks("local co co = coroutine.create(function() local who = fork() return coroutine.status(co) .. who .. "
          "tostring(coroutine.running() == co) end) return select(2, coroutine.resume(co)) .. coroutine.status(co)",
          "running@truedead");
    forks("local list = {} for i = 1, 50 do list[i] = coroutine.create(function(x) for k = 1, 10 do x = x + coroutine.yield(x) "
          "end return x end) for k = 1, i % 11 do coroutine.resume(list[i], k) end end local who, s = fork(), 0 "
          "for i = 1, 50 do for k = i % 11 + 1, 11 do local _, v = coroutine.resume(list[i], k) s = s + v end "
          "assert(coroutine.status(list[i]) == (i % 11 == 0 and 'dead' or 'dead')) end return who .. s", "@11314");
    forks("local co = coroutine.create(function() error('oops', 0) end) local r, e = coroutine.resume(co) local who = fork() "
          "return who .. e .. select(2, coroutine.resume(co))", "@oopscannot resume dead coroutine");
    forks("local co = coroutine.wrap(function() return pcall(function() coroutine.yield(1) error(fork(), 0) end) end) co() "
          "local ok, e = co() return tostring(ok) .. e", "false@");
    forks("local fresh = coroutine.create(function(a) return a .. '!' end) local who = fork() "
          "return select(2, coroutine.resume(fresh, who))", "@!");
}
END_TEST

START_TEST(metamethods)
{
    forks("local t = setmetatable({}, {__index = function(t, k) return k .. fork() end}) return t.x .. 'y'", "x@y");
    forks("local log = '' local t = setmetatable({}, {__newindex = function(t, k, v) log = log .. fork() rawset(t, k, v) end}) "
          "t.x = 5 return log .. t.x", "@5");
    forks("local m = {} m.__add = function(a, b) return fork() end local t = setmetatable({}, m) local r = 1 + t return r", "@");
    forks("local m = {} m.__concat = function(a, b) return (type(a) == 'table' and 't' or a) .. fork() .. "
          "(type(b) == 'table' and 't' or b) end local t = setmetatable({}, m) return 'a' .. 'b' .. t .. 'c' .. 'd'", "abt@cd");
    forks("local m = {__eq = function() return fork() == 'C' end} local a, b = setmetatable({}, m), setmetatable({}, m) "
          "if a == b then return 'C' else return 'P' end", "@");
    forks("local m = {__lt = function() return fork() == 'C' end} local a, b = setmetatable({}, m), setmetatable({}, m) "
          "return (a < b) and 'C' or 'P'", "@");
    forks("local m = {__le = function() return fork() == 'C' end} local a, b = setmetatable({}, m), setmetatable({}, m) "
          "local r = not (a <= b) return r and 'P' or 'C'", "@");
    forks("local t = setmetatable({}, {__call = function(self, a) return a .. fork() end}) return t(1) .. 2", "1@2");
    forks("local t = setmetatable({}, {__len = function() return fork() end}) return #t .. '.'", "@.");
    forks("local t = setmetatable({}, {__unm = function() return fork() end}) return -t .. '.'", "@.");
    forks("local t = setmetatable({}, {__pairs = function() return function(_, k) if not k then return fork() end end end}) "
          "local s = '' for k in pairs(t) do s = s .. k end return s", "@");
    forks("return tostring(setmetatable({}, {__tostring = function() return 'is ' .. fork() end})) .. '.'", "is @.");
}
END_TEST

/* Library functions that keep a state of their own while they call Lua. */
START_TEST(library_loops)
{
    forks("local t, who = {}, nil for i = 1, 40 do t[i] = (i * 7) % 41 end "
          "table.sort(t, function(a, b) if not who and a == 20 then who = fork() end return a < b end) "
          "for i = 1, 40 do assert(t[i] == i) end return who .. #t", "@40");
    forks("local t, who = {}, nil for i = 1, 40 do t[i] = {(i * 7) % 41} end "
          "table.sort(t, function(a, b) if not who and a[1] == 20 then who = fork() end return a[1] > b[1] end) "
          "for i = 1, 40 do assert(t[i][1] == 41 - i) end return who .. #t", "@40");
    forks("return (('a1b2c3'):gsub('%d', function(d) if d == '2' then return fork() end return d + 1 end))", "a2b@c4");
    forks("local long = ('x'):rep(1000) return (('a1b2c3'):gsub('%d', function(d) if d == '2' then return long .. fork() end end)"
          ":gsub('x+', '+'))", "a1b+@c3");
    forks("local n = 0 return table.concat(setmetatable({}, {__len = function() return 5 end, __index = function(_, i) n = n + 1 "
          "if n == 3 then return fork() end return 'e' .. i end}), ',')", "e1,e2,@,e4,e5");
    forks("local long = ('y'):rep(2000) local s = table.concat(setmetatable({}, {__len = function() return 5 end, "
          "__index = function(_, i) if i == 3 then return fork() end return long end}), ',') return (s:gsub('y+', 'y'))",
          "y,y,@,y,y");
    forks("local parts = {'return ', 1, ' .. ', 2} local i = 0 local f = load(function() i = i + 1 local p = parts[i] "
          "if i == 2 then return \"'\" .. fork() .. \"'\" end return p end) return f()", "@2");
    forks("local src = ('x = 1 '):rep(1000) local i = 0 local f = load(function() i = i + 1 if i == 1 then return src elseif "
          "i == 2 then return \"return '\" .. fork() .. \"'\" end end) return f()", "@");
    forks("local t = table.move(setmetatable({}, {__index = function(_, i) if i == 2 then return fork() end return i end}), "
          "1, 3, 1, {}) return table.concat(t)", "1@3");
    forks("local t = setmetatable({}, {__index = function(_, i) if i == 2 then return fork() end return i end}) "
          "return table.concat({table.unpack(t, 1, 3)})", "1@3");
    forks("local s = '' print = function(...) end for w in ('a b c'):gmatch('%a') do s = s .. w .. (w == 'b' and fork() or '') "
          "end return s", "ab@c");
    forks("local s = '' debug.sethook(function() end, 'l') local who = fork() local hook = debug.gethook() debug.sethook() "
          "return who .. type(hook)", "@function");
}
END_TEST

START_TEST(weak_tables_and_finalizers)
{
    forks("local k = {} local w = setmetatable({[k] = 1, [{}] = 2}, {__mode = 'k'}) local who = fork() collectgarbage() "
          "collectgarbage() local n = 0 for _, v in pairs(w) do n = n + v end return who .. n", "@1");
    forks("local log = '' local a = setmetatable({}, {__gc = function() log = log .. 'a' end}) "
          "local b = setmetatable({}, {__gc = function() log = log .. 'b' end}) local who = fork() a, b = nil "
          "collectgarbage() collectgarbage() return who .. log", "@ba");
    forks("local log = '' do local a = setmetatable({}, {__gc = function() log = log .. 'a' end}) end local who = fork() "
          "collectgarbage() collectgarbage() return who .. log", "@a");
    forks("local count = 0 for i = 1, 100 do setmetatable({}, {__gc = function() count = count + 1 end}) end "
          "local who = fork() collectgarbage() collectgarbage() return who .. count", "@100");
}
END_TEST

START_TEST(streams)
{
    char source[1500], name[] = "/tmp/rille-check-clone-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    snprintf(source, sizeof source, "local f = assert(io.open('%s', 'w')) f:write('before ') local who = fork() "
             "f:write(who) f:close() local r = assert(io.open('%s')) local s = r:read('a') r:close() "
             "local first = s:sub(8, 8) return s:sub(1, 7) .. tostring(#s == 8 or #s == 9)", name, name);
    forks(source, "before true");
    snprintf(source, sizeof source, "local f = assert(io.open('%s', 'w')) f:write('one\\ntwo\\n') f:close() "
             "f = assert(io.open('%s')) local l = f:read() local who = fork() "
             "local r = f:read() if r == nil then f:seek('set', 4) r = f:read() end f:close() return who .. l .. r", name, name);
    forks(source, "@onetwo");
    forks("local who = fork() io.stdout:write('') io.stdout:flush() return who .. io.type(io.stdout) .. io.type(io.output())",
          "@filefile");
    forks("local f = io.tmpfile() f:close() local who = fork() return who .. io.type(f)", "@closed file");
    remove(name);
}
END_TEST

START_TEST(refusals)
{
    refuses("local why string.format('%s', setmetatable({}, {__tostring = function() local _ _, why = fork() return 'x' end})) "
            "return why", "cannot fork inside string.format");
    refuses("local why do setmetatable({}, {__gc = function() local _ _, why = fork() end}) end collectgarbage() collectgarbage() "
            "return why", "cannot fork inside a finalizer");
    refuses("local why xpcall(function() error('x', 0) end, function(m) local _ _, why = fork() end) return why",
            "cannot fork inside error");
    refuses("keep = {userdata()} local _, why = fork() keep = nil return why", "a userdata (socket) cannot be forked");
    refuses("local why debug.sethook(function() debug.sethook() local _ _, why = fork() end, 'l')\nlocal x = 1\n return why",
            "cannot fork inside a hook");
}
END_TEST

/* -- Large and random ------------------------------------------------------------------------------------------------- */

START_TEST(random_graphs)
{
    static const char program[] =
        "local seed = %d\n"
        RANDOM_GRAPH(80, "    nodes[#nodes + 1] = coroutine.create(function(x) while true do a = coroutine.yield(a, x, b) end end)\n"
                         "    coroutine.resume(nodes[#nodes], value())\n")
        "keep = nodes\n"
        "local who = fork()\n"
        "local work = 0\n"
        "for i, t in ipairs(nodes) do\n"
        "  if type(t) == 'table' then\n"
        "    setmetatable(t, nil)\n"
        "    t.new = i t[#t + 1] = 2 for k, v in pairs(t) do if v == 2 then t[k] = nil end end\n"
        "    for k, v in next, t do if type(v) == 'number' then work = work + v // 1 end end\n"
        "  elseif type(t) == 'thread' then work = work + select('#', coroutine.resume(t, i))\n"
        "  else t(i) end\n"
        "end\n"
        "collect()\n"
        "return string.format('%%.14g', work)\n";
    char source[sizeof program + 20], reference[sizeof parent_result];
    for (int seed = 1; seed <= 100; seed++) {
        snprintf(source, sizeof source, program, seed);
        run(source, seed % 2 == 0);
        strcpy(reference, parent_result);
        ck_assert_str_eq(reference, child_result);
        ck_assert_msg(reference[0] != 'p', "%d: %s", seed, reference);
    }
}
END_TEST

/* The n-th allocation fails (in builds with --enable-stress; in others nothing fails): there is a clone or there is none,
 * and the parent goes on. */
START_TEST(shortage_of_memory)
{
    static const char program[] =
        "local big = {} for i = 1, 40 do big[i] = {i, x = i} big[big[i]] = i end\n"
        "local co = coroutine.wrap(function(a) local c <close> = setmetatable({}, {__close = function() end})\n"
        "  while true do a = coroutine.yield(a) end end) co(1)\n"
        "local f = io.tmpfile() local gc = setmetatable({}, {__gc = function() end})\n"
        "local who, why = fork()\n"
        "if who then assert(co(who) == who and big[big[40]] == 40) f:write(who) f:close() end\n"
        "return who or why\n";
    uint32_t failed = 0;
    int clean = 0;
    teardown();
    for (int n = 1; n < 20000 && clean < 30; n += clean > 0 ? 1 : 3) {
        char number[20];
        snprintf(number, sizeof number, "%d", n);
        setenv("RILLE_FAIL_ALLOC", number, 1);
        RiThread *T = ri_open();
        unsetenv("RILLE_FAIL_ALLOC");
        if (T == NULL)
            continue;
        heap = T->heap;
        world.parent = T->process;
        if (ri_try(T, open_libraries, NULL) == RI_OK) {
            ri_heap_add_root(heap, &world, sizeof world);
            run(program, n % 2 == 0);
            bool is_clean = strcmp(parent_result, "P") == 0 && strcmp(child_result, "C") == 0;
            clean = is_clean ? clean + 1 : 0;
            if (!is_clean && strcmp(parent_result, "P") != 0) /* in the parent, or of the clone */
                ck_assert_msg(strstr(parent_result, "not enough memory") != NULL, "%d: %s", n, parent_result);
            failed += is_fork_allowed && world.refusal != NULL;
            ck_assert(heap->account == &world.parent->account);
            world.refusal = NULL;
            for (int again = 0; again < 2; again++) /* the one that fails may have been still to come */
                run("collect() return fork()", false);
            ck_assert_str_eq(parent_result, "P");
            ck_assert_str_eq(child_result, "C");
            ri_heap_remove_root(heap, &world, sizeof world);
        }
        ri_close(T);
    }
    ck_assert(clean >= 30);
    if (getenv("RILLE_TIMES") != NULL)
        printf("%u clones failed for want of memory\n", failed);
    setup();
}
END_TEST

START_TEST(speed)
{
    run("big = {} for i = 1, 60000 do big[i] = {i, x = i, y = 'v'} end return fork() .. #big", false);
    ck_assert_str_eq(child_result, "C60000");
    if (getenv("RILLE_TIMES") != NULL)
        printf("60000 tables with array and fields: %.1f ms\n", clone_ns / 1e6);
    ck_assert(clone_ns < 5e9);
    teardown();
    setup();
    run("return fork()", false);
    if (getenv("RILLE_TIMES") != NULL)
        printf("a process with its libraries: %.1f us\n", clone_ns / 1e3);
    run("local t for i = 1, 300000 do t = {next = t} end keep = t return fork()", false);
    ck_assert_str_eq(child_result, "C");
    if (getenv("RILLE_TIMES") != NULL)
        printf("a list of 300000: %.1f ms\n", clone_ns / 1e6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clone");
    TCase *tests = tcase_create("clone");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, values_and_tables);
    tcase_add_test(tests, calls);
    tcase_add_test(tests, control);
    tcase_add_test(tests, errors);
    tcase_add_test(tests, closing);
    tcase_add_test(tests, coroutines);
    tcase_add_test(tests, metamethods);
    tcase_add_test(tests, library_loops);
    tcase_add_test(tests, weak_tables_and_finalizers);
    tcase_add_test(tests, streams);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, random_graphs);
    tcase_add_test(tests, shortage_of_memory);
    tcase_add_test(tests, speed);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
