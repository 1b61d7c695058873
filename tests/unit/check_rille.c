/* rille.h as a host uses it: machines, limits, rights, stepping, kills from other threads, messages, calls, devices. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/lauxlib.h"
#include "include/lualib.h"
#include "include/rille.h"

static rille_machine *machine;
static char output[4096]; /* what guests have written: "1:text2:text" */
static size_t output_size;

static void collect_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data;
    (void)process;
    int n = snprintf(output + output_size, sizeof output - output_size, "%d:%.*s", stream, (int)size, bytes);
    output_size += (size_t)n;
}

static void open_with(const rille_config *config)
{
    machine = rille_machine_new(config);
    ck_assert_msg(machine != NULL, "%s", rille_config_error());
}

static void setup(void)
{
    rille_config config = RILLE_CONFIG_SANDBOX;
    output_size = 0;
    output[0] = '\0';
    open_with(&config);
}

static void teardown(void)
{
    rille_machine_free(machine);
    machine = NULL;
}

/* For tests whose machine is another than the usual one. */
static void reopen(const rille_config *config)
{
    teardown();
    open_with(config);
}

static rille_process *spawn(const char *text)
{
    rille_process *process = rille_spawn_text(machine, "=guest", text, strlen(text));
    ck_assert_msg(process != NULL, "%s", rille_error(machine));
    return process;
}

static rille_result run(const char *text)
{
    return rille_run(spawn(text), RILLE_UNTIL_EXIT);
}

static void expect(const char *text, rille_status status, int exit_status, const char *part)
{
    rille_result r = run(text);
    ck_assert_msg(r.status == status, "%s: %s (%s)", text, rille_status_name(r.status), r.message);
    ck_assert_int_eq(r.exit_status, exit_status);
    ck_assert_msg(strstr(r.message, part) != NULL, "%s: '%s' is not in '%s'", text, part, r.message);
}

/* -- Results --------------------------------------------------------------------------------------------------------
 */

START_TEST(test_results)
{
    expect("return 1", RILLE_OK, 0, "");
    expect("os.exit(3)", RILLE_ERROR, 3, "exit status 3");
    expect("error('oops')", RILLE_ERROR, 1, "guest:1: oops");
    expect("error({})", RILLE_ERROR, 1, "table");
    expect("error(setmetatable({}, {__tostring = function() return 'made' end}))", RILLE_ERROR, 1, "made");
    expect("require'process'.exit(0)", RILLE_OK, 0, "");
    expect("local p = require'process' p.kill(p.self(), 'KILL')", RILLE_KILLED, 137, "KILL");
    ck_assert_ptr_null(rille_spawn_text(machine, "=bad", "x = = 1", 7));
    ck_assert_msg(strstr(rille_error(machine), "bad:1:") != NULL, "%s", rille_error(machine));
    ck_assert_ptr_null(rille_spawn_file(machine, "/no/such/file.lua"));
    ck_assert_msg(strstr(rille_error(machine), "/no/such/file.lua") != NULL, "%s", rille_error(machine));
}
END_TEST

START_TEST(test_arguments)
{
    rille_process *p =
        spawn("local a, b = ... assert(a == 'x' and b == 'y' and arg[1] == 'x' and arg[0] == '=guest' and #arg == 2)");
    ck_assert(rille_argument(p, "x") && rille_argument(p, "y"));
    rille_result r = rille_run(p, RILLE_UNTIL_EXIT);
    ck_assert_msg(r.status == RILLE_OK, "%s", r.message);
    ck_assert(!rille_argument(p, "z"));
}
END_TEST

/* -- Limits and rights
 * ------------------------------------------------------------------------------------------------- */

START_TEST(test_limits)
{
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.memory_bytes = 8 << 20;
    config.cpu_ms = 50;
    config.output_bytes = 1000;
    config.processes = 5;
    config.output = collect_output;
    reopen(&config);
    expect("while true do end", RILLE_CPU, 137, "cpu limit 50 ms");
    expect("while true do pcall(function() while true do end end) end", RILLE_CPU, 137, "cpu limit");
    expect("local t = {} while true do t[#t + 1] = {} end", RILLE_MEMORY, 137, "memory limit 8 MiB");
    expect("assert(not pcall(string.rep, 'x', 1 << 30))", RILLE_OK, 0, "");
    expect("local p = require'process' local n = 0 while p.spawn(function() require'process'.sleep(9) end) do n = n + "
           "1 end "
           "assert(n == 4)",
           RILLE_OK, 0, "");
    rille_process *p = spawn("while true do end");
    ck_assert(rille_set_limit(p, RILLE_LIMIT_FUEL, 100000));
    ck_assert_int_eq(rille_run(p, RILLE_UNTIL_EXIT).status, RILLE_FUEL);
    p = spawn("require'process'.sleep(9)");
    ck_assert(rille_set_limit(p, RILLE_LIMIT_WALL_MS, 20));
    ck_assert_int_eq(rille_run(p, RILLE_UNTIL_EXIT).status, RILLE_WALL);
}
END_TEST

START_TEST(test_rights)
{
    const char *const allow[] = {"read=/usr", NULL}, *const deny[] = {"read=/usr/share", NULL};
    const char *const bad[] = {"fly", NULL};
    expect("assert(io.open('/etc/passwd'))", RILLE_DENIED, 1, "--allow-read");
    expect("assert(os.execute('true'))", RILLE_DENIED, 1, "--allow-run");
    expect("assert(not pcall(io.popen, 'true') or not io.popen('true'))", RILLE_OK, 0, "");
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.allow = allow;
    config.deny = deny;
    reopen(&config);
    expect("assert(require'sys'.call('stat', '/usr/lib', 0) or io.open('/usr/lib'))", RILLE_OK, 0, "");
    expect("assert(io.open('/usr/share'))", RILLE_DENIED, 1, "permission denied");
    rille_process *p = spawn("assert(io.open('/etc/passwd'))");
    ck_assert(rille_allow(p, "read"));
    ck_assert_int_eq(rille_run(p, RILLE_UNTIL_EXIT).status, RILLE_OK);
    ck_assert(!rille_deny(p, "read"));
    config.allow = bad;
    ck_assert_ptr_null(rille_machine_new(&config));
    ck_assert_msg(strstr(rille_config_error(), "fly") != NULL, "%s", rille_config_error());
}
END_TEST

/* -- Running by turns
 * ---------------------------------------------------------------------------------------------------- */

START_TEST(test_steps)
{
    rille_process *a = spawn("n = 0 for i = 1, 1000 do n = n + 1 end"), *b = spawn("while true do end");
    int steps = 1;
    while (rille_step(a, 100, RILLE_FUEL_UNITS).status == RILLE_RUNNING)
        ck_assert_int_lt(++steps, 100);
    ck_assert_int_ge(steps, 9);
    ck_assert_int_eq(rille_process_result(a).status, RILLE_OK);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(rille_step(b, 20, RILLE_MICROSECONDS).status, RILLE_RUNNING);
    rille_stats before, after;
    rille_get_stats(b, &before);
    rille_step(b, 5000, RILLE_FUEL_UNITS);
    rille_get_stats(b, &after);
    ck_assert_uint_eq(after.fuel - before.fuel, 5000);
    rille_process *c = spawn("require'process'.sleep(0.03) x = 1");
    ck_assert_int_eq(rille_step(c, 1000, RILLE_FUEL_UNITS).status, RILLE_WAITING);
    usleep(40000);
    ck_assert_int_eq(rille_step(c, 1000, RILLE_FUEL_UNITS).status, RILLE_OK);
}
END_TEST

/* A step in the middle of a library function goes on there. */
START_TEST(test_steps_in_library)
{
    rille_process *p = spawn("local t = {} for i = 1, 20000 do t[i] = (i * 7919) % 20011 end "
                             "table.sort(t, function(a, b) return a < b end) "
                             "for i = 2, #t do assert(t[i - 1] < t[i]) end "
                             "assert(#('x'):rep(3000000):gsub('x', 'yy') == 6000000)");
    rille_result r;
    int steps = 0;
    while ((r = rille_step(p, 777, RILLE_FUEL_UNITS)).status == RILLE_RUNNING)
        steps++;
    ck_assert_msg(r.status == RILLE_OK, "%s", r.message);
    ck_assert_int_gt(steps, 100);
}
END_TEST

START_TEST(test_children)
{
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.output = collect_output;
    reopen(&config);
    expect("local p = require'process' local c = p.spawn(function() print('child') end) p.wait(c) print('parent')",
           RILLE_OK, 0, "");
    ck_assert_str_eq(output, "1:child\n1:parent\n");
    rille_process *p = spawn("require'process'.spawn(function() while true do end end) while true do end");
    rille_step(p, 1000, RILLE_FUEL_UNITS);
    rille_process_free(p);
}
END_TEST

static void *kill_soon(void *process)
{
    usleep(30000);
    rille_kill(process);
    return NULL;
}

START_TEST(test_kill)
{
    static const char *const texts[] = {
        "while true do end", "require'process'.sleep(100)",
        "while true do pcall(function() local s = ('a'):rep(1000) s:find(('a-'):rep(20) .. 'b') end) end",
        "setmetatable({}, {__gc = function() while true do end end}) collectgarbage() while true do end"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rille_process *p = spawn(texts[i]);
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, kill_soon, p), 0);
        rille_result r = rille_run(p, RILLE_UNTIL_EXIT);
        pthread_join(thread, NULL);
        ck_assert_msg(r.status == RILLE_KILLED, "%s: %s", texts[i], rille_status_name(r.status));
        rille_process_free(p);
    }
}
END_TEST

/* -- Messages, calls, devices
 * ------------------------------------------------------------------------------------------------ */

START_TEST(test_messages)
{
    rille_process *p = spawn("local p = require'process' while true do local v = p.receive() v.sum = v[1] + v[2] "
                             "v.text = v.text .. '\\0!' p.parent():send(v) end");
    for (int i = 0; i < 3; i++) {
        rille_pair pairs[] = {{rille_integer(1), rille_integer(i)},
                              {rille_integer(2), rille_number(0.5)},
                              {rille_bytes("text", 4), rille_bytes("a\0b", 3)}};
        ck_assert(rille_send(p, rille_table(pairs, 3)));
        ck_assert_int_eq(rille_run(p, RILLE_UNTIL_MESSAGE).status, RILLE_WAITING);
        rille_value v;
        ck_assert(rille_receive(p, &v));
        ck_assert_int_eq(v.type, RILLE_TABLE);
        ck_assert_uint_eq(v.as.table.count, 4);
        for (size_t k = 0; k < 4; k++) {
            const rille_pair *pair = &v.as.table.pairs[k];
            if (pair->key.type == RILLE_STRING && strcmp(pair->key.as.string.bytes, "sum") == 0)
                ck_assert(pair->value.type == RILLE_NUMBER && pair->value.as.number == i + 0.5);
            if (pair->key.type == RILLE_STRING && strcmp(pair->key.as.string.bytes, "text") == 0)
                ck_assert(pair->value.as.string.size == 5 && memcmp(pair->value.as.string.bytes, "a\0b\0!", 6) == 0);
        }
        ck_assert(!rille_receive(p, &v));
    }
    rille_pair bad = {rille_nil(), rille_nil()};
    ck_assert(!rille_send(p, rille_table(&bad, 1)));
}
END_TEST

/* What is shared a million times over is refused, not copied a million times; what is in itself ends. */
START_TEST(test_odd_messages)
{
    rille_value v;
    rille_process *p =
        spawn("local p = require'process' local t = {} for i = 1, 60 do t = {t, t} end p.parent():send(t) "
              "local c = {} c.c = c c.f = print p.parent():send(c)");
    ck_assert_int_eq(rille_run(p, RILLE_UNTIL_EXIT).status, RILLE_OK);
    ck_assert(!rille_receive(p, &v));
    ck_assert_msg(strstr(rille_error(machine), "too large") != NULL, "%s", rille_error(machine));
    ck_assert(rille_receive(p, &v));
    ck_assert_int_eq(v.type, RILLE_TABLE);
    ck_assert_int_eq(v.as.table.pairs[0].value.type, RILLE_NIL);
}
END_TEST

static int add(rille_call *call, const rille_value *arguments, void *data)
{
    ++*(int *)data;
    int64_t second = arguments[1].type == RILLE_NIL ? 100 : arguments[1].as.integer;
    rille_call_return(call, rille_integer(arguments[0].as.integer + second));
    return 0;
}

static int later(rille_call *call, const rille_value *arguments, void *data)
{
    int *left = data;
    if (--*left > 0)
        return rille_call_again(call, 5);
    rille_call_return(call, arguments[0]);
    return 0;
}

static int refuse(rille_call *call, const rille_value *arguments, void *data)
{
    (void)arguments;
    (void)data;
    rille_call_message(call, "not today");
    return EPERM;
}

START_TEST(test_calls)
{
    int count = 0, left = 4;
    ck_assert(rille_add_call(machine, "add", "i?i", add, &count));
    ck_assert(rille_add_call(machine, "later", "v", later, &left));
    ck_assert(rille_add_call(machine, "refuse", "", refuse, NULL));
    ck_assert(!rille_add_call(machine, "bad", "xyz", add, NULL));
    expect("local h = require'host' assert(h.add(1, 2) == 3 and h.add(1) == 101 and h.add('7', 1.0) == 8)", RILLE_OK, 0,
           "");
    ck_assert_int_eq(count, 3);
    expect("require'host'.add('x')", RILLE_ERROR, 1, "bad argument #1 to 'add' (number expected, got string)");
    expect("require'host'.add(1.5)", RILLE_ERROR, 1, "no integer representation");
    ck_assert_int_eq(count, 3);
    expect("local v = require'host'.later({5, a = {b = true}}) assert(v[1] == 5 and v.a.b)", RILLE_OK, 0, "");
    ck_assert_int_eq(left, 0);
    expect("local a, b, c = require'host'.refuse() assert(a == nil and b == 'not today' and c == 1)", RILLE_OK, 0, "");
    expect("local p = require'process' local c = p.spawn(function() os.exit(require'host'.add(1, 1)) end) "
           "local _, _, status = p.wait(c) assert(status == 2)",
           RILLE_OK, 0, "");
    rille_process *p = spawn("require'host'.refuse()");
    ck_assert(rille_hide_call(p, "refuse") && !rille_hide_call(p, "nothing"));
    rille_result r = rille_run(p, RILLE_UNTIL_EXIT);
    ck_assert_msg(r.status == RILLE_ERROR && strstr(r.message, "permission denied") != NULL, "%s", r.message);
}
END_TEST

static char device_text[100];
static int device_opens;

static int64_t device_read(void *data, void *to, size_t size)
{
    (void)data;
    size_t n = strlen(device_text) < size ? strlen(device_text) : size;
    memcpy(to, device_text, n);
    memmove(device_text, device_text + n, strlen(device_text + n) + 1);
    return (int64_t)n;
}

static int64_t device_write(void *data, const void *from, size_t size)
{
    (void)data;
    if (size >= sizeof device_text)
        return -ENOSPC;
    memcpy(device_text, from, size);
    device_text[size] = '\0';
    return (int64_t)size;
}

static int64_t device_ioctl(void *data, uint32_t request, void *argument, size_t size)
{
    (void)data;
    (void)argument;
    return request == 7 ? (int64_t)size : -EINVAL;
}

static int device_open(void *data)
{
    (void)data;
    return ++device_opens > 3 ? -EBUSY : 0;
}

START_TEST(test_devices)
{
    const char *const allow[] = {"read=/dev/echo", "write=/dev/echo", NULL};
    rille_device device = {
        .name = "echo", .read = device_read, .write = device_write, .ioctl = device_ioctl, .open = device_open};
    ck_assert(rille_add_device(machine, &device));
    expect("assert(io.open('/dev/echo'))", RILLE_DENIED, 1, "--allow-read");
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.allow = allow;
    reopen(&config);
    ck_assert(rille_add_device(machine, &device));
    device.name = "a/b";
    ck_assert(!rille_add_device(machine, &device));
    expect(
        "local f = assert(io.open('/dev/echo', 'r+')) f:setvbuf('no') f:write('hello\\n') f:flush() f:seek('cur', 0) "
        "assert(f:read('l') == 'hello')",
        RILLE_OK, 0, "");
    expect("local sys = require'sys' local fd = assert(sys.call('open', '/dev/echo', 2, 0)) "
           "assert(sys.call('write', fd, 'abc') == 3 and sys.call('ioctl', fd, 7, require'mem'.map(4096), 8) == 8) "
           "local n, _, e = sys.call('ioctl', fd, 8, 0, 0) assert(not n)",
           RILLE_OK, 0, "");
    expect("assert(io.open('/dev/echo')) local f, m = io.open('/dev/echo') error(m)", RILLE_ERROR, 1, "busy");
}
END_TEST

/* -- States of the C API ------------------------------------------------------------------------------------------- */

static void expect_stop(lua_State *L, const char *text, int status, const char *part)
{
    ck_assert_int_eq(luaL_loadstring(L, text), LUA_OK);
    int got = lua_pcall(L, 0, 0, 0);
    ck_assert_msg(got == status, "%s: %d", text, got);
    ck_assert_msg(strstr(lua_tostring(L, -1), part) != NULL, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

START_TEST(test_states)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    rille_process *p = rille_process_of(L);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_eq(p, rille_process_of(L));
    ck_assert(rille_set_limit(p, RILLE_LIMIT_CPU_MS, 50));
    expect_stop(L, "while true do end", LUA_ERRRUN, "stopped: cpu limit 50 ms");
    expect_stop(L, "while true do pcall(string.rep, 'x', 100) end", LUA_ERRRUN,
                "stopped: cpu limit"); /* it is used up */
    ck_assert(rille_set_limit(p, RILLE_LIMIT_CPU_MS, RILLE_NO_LIMIT));
    ck_assert_int_eq(luaL_dostring(L, "local s = 0 for i = 1, 1e6 do s = s + i end"), LUA_OK);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, kill_soon, p), 0);
    expect_stop(L, "while true do pcall(function() while true do end end) end", LUA_ERRRUN, "KILL");
    pthread_join(thread, NULL);
    ck_assert_int_eq(luaL_dostring(L, "assert(coroutine.wrap(function() return 1 end)() == 1)"), LUA_OK);
    ck_assert(rille_deny(p, "read"));
    ck_assert_int_eq(
        luaL_dostring(L, "local f, m = io.open('/etc/passwd') assert(not f and m:find('permission denied'))"), LUA_OK);
    rille_stats stats;
    rille_get_stats(p, &stats);
    ck_assert_uint_gt(stats.cpu_ns, 50000000);
    lua_close(L);
}
END_TEST

/* -- Several machines
 * --------------------------------------------------------------------------------------------------------- */

static void *run_machine(void *unused)
{
    (void)unused;
    rille_config config = RILLE_CONFIG_SANDBOX;
    rille_machine *m = rille_machine_new(&config);
    const char *text = "local s = 0 for i = 1, 300000 do s = s + #tostring(i) end os.exit(s % 7)";
    bool right = m != NULL;
    for (int i = 0; i < 5 && right; i++) {
        rille_process *p = rille_spawn_text(m, "=t", text, strlen(text));
        right = p != NULL && rille_run(p, RILLE_UNTIL_EXIT).exit_status == 1688895 % 7;
        rille_process_free(p);
    }
    rille_machine_free(m);
    return right ? NULL : (void *)1;
}

START_TEST(test_two_threads)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_machine, NULL), 0);
    for (int i = 0; i < 2; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rille.h");
    TCase *c = tcase_create("rille.h");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_results);
    tcase_add_test(c, test_arguments);
    tcase_add_test(c, test_limits);
    tcase_add_test(c, test_rights);
    tcase_add_test(c, test_steps);
    tcase_add_test(c, test_steps_in_library);
    tcase_add_test(c, test_children);
    tcase_add_test(c, test_kill);
    tcase_add_test(c, test_messages);
    tcase_add_test(c, test_odd_messages);
    tcase_add_test(c, test_calls);
    tcase_add_test(c, test_devices);
    tcase_add_test(c, test_states);
    tcase_add_test(c, test_two_threads);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
