/* A game loop: 1,000 scripts, each the mind of one creature, get a slice of every frame. None can take more than its slice:
 * the loop below has ten among them that try. A script that is in the middle of something when its slice ends goes on there in
 * the next frame, so nobody has to write its mind as a state machine.
 *
 *     ./game            three seconds' worth of frames, and what they cost
 *     ./game --time     the same with the times, which differ from run to run */
#include <rille.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CREATURES = 1000, HOSTILE = 10, FRAMES = 60, SLICE_FUEL = 100 };

static const char mind[] =
    "local move, id = require('host').move, ...\n"
    "local x, y = tonumber(id), 0\n"
    "while true do\n"
    "  for i = 1, 30 do x = (x * 1103515245 + 12345) % 2147483648 end  -- think\n"
    "  y = y + x % 3 - 1\n"
    "  move(tonumber(id), y)\n"
    "end\n";

static const char *const hostile[] = {
    "while true do end",
    "while true do pcall(function() error('x') end) end",
    "local t = {} while true do t[#t + 1] = {} end",
    "local s = 'x' while true do s = s .. s end",
    "while true do ('a'):rep(30):find(('a-'):rep(14) .. 'b') end",
    "local function f() return f() end f()",
    "local t = {} for i = 1, 1e7 do t[i] = -i end table.sort(t)",
    "setmetatable({}, {__gc = function() while true do end end}) while true do collectgarbage() end",
    "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
    "local p = require 'process' while true do p.spawn(function() while true do end end) end",
};

static int64_t position[CREATURES];
static int64_t moves;

static int move(rille_call *call, const rille_value *arguments, void *data)
{
    int64_t id = arguments[0].as.integer;
    (void)call;
    (void)data;
    if (id < 0 || id >= CREATURES)
        return 33; /* EDOM */
    position[id] = arguments[1].as.integer;
    moves++;
    return 0;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static rille_process *make_creature(rille_machine *machine, int i)
{
    char id[16];
    bool is_hostile = i % (CREATURES / HOSTILE) == 7;
    const char *text = is_hostile ? hostile[i / (CREATURES / HOSTILE)] : mind;
    rille_process *process = rille_spawn_text(machine, is_hostile ? "=hostile" : "=mind", text, strlen(text));
    snprintf(id, sizeof id, "%d", i);
    if (process != NULL)
        rille_argument(process, id);
    return process;
}

int main(int argc, char **argv)
{
    static rille_process *creatures[CREATURES];
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.memory_bytes = 1 << 20;
    config.processes = 3;
    rille_machine *machine = rille_machine_new(&config);
    if (machine == NULL || !rille_add_call(machine, "move", "ii", move, NULL))
        return 1;
    for (int i = 0; i < CREATURES; i++)
        creatures[i] = make_creature(machine, i);
    double worst = 0, sum = 0;
    for (int frame = 0; frame < FRAMES; frame++) {
        double start = now_ms();
        for (int i = 0; i < CREATURES; i++) {
            if (creatures[i] != NULL)
                rille_step(creatures[i], SLICE_FUEL, RILLE_FUEL_UNITS);
        }
        double spent = now_ms() - start;
        sum += spent;
        worst = spent > worst ? spent : worst;
    }
    int alive = 0, moved = 0;
    for (int i = 0; i < CREATURES; i++) {
        alive += rille_process_result(creatures[i]).status <= RILLE_WAITING;
        moved += position[i] != 0 || i % (CREATURES / HOSTILE) == 7;
    }
    printf("%d frames, %d creatures, more than half alive: %s\n", FRAMES, CREATURES, alive > CREATURES / 2 ? "yes" : "no");
    printf("all minds have moved: %s, %s moves\n", moved > CREATURES * 9 / 10 ? "yes" : "no", moves > 100000 ? "many" : "few");
    if (argc > 1 && strcmp(argv[1], "--time") == 0)
        printf("a frame: %.2f ms, the longest %.2f ms; %d alive, %lld moves\n", sum / FRAMES, worst, alive, (long long)moves);
    rille_machine_free(machine);
    return 0;
}
