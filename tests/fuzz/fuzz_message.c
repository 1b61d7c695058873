/* Messages: a value made from the input goes to a guest, which sends it back, once more through a forked or spawned child now and
 * then; what comes back is the same. */
#include <rille.h>

#include "tests/fuzz/fuzz.h"

#define PAIRS_MAX 200
#define DEPTH_MAX 6

static const char guest[] =
    "local process = require 'process'\n"
    "local parent, n = process.parent(), 0\n"
    "while true do\n"
    "  local v = process.receive()\n"
    "  n = n + 1\n"
    "  if n % 16 == 0 then\n"
    "    local me = process.self()\n"
    "    local child = process.fork()\n"
    "    if child == 0 then me:send(v) os.exit(0) end\n"
    "    v = process.receive()\n"
    "    process.wait(child)\n"
    "  end\n"
    "  parent:send(v)\n"
    "end\n";

static rille_pair pairs[PAIRS_MAX];
static uint32_t pair_count;

static rille_value make(FuzzInput *in, int depth)
{
    uint8_t how = fuzz_byte(in);
    size_t size;
    if (how < 60)
        return rille_integer(fuzz_integer(in));
    if (how < 90)
        return rille_number((double)fuzz_integer(in) / 8 + 0.0625);
    if (how < 150) {
        const char *bytes = fuzz_bytes(in, 250, &size);
        return rille_bytes(bytes, size);
    }
    if (how < 170 || depth == DEPTH_MAX)
        return rille_boolean(how & 1);
    uint32_t count = fuzz_byte(in) % 8, first = pair_count;
    if (first + count > PAIRS_MAX)
        count = 0;
    pair_count += count;
    for (uint32_t i = 0; i < count; i++) /* keys differ */
        pairs[first + i] = (rille_pair){i % 2 ? rille_integer(i) : rille_number(i + 0.5), make(in, depth + 1)};
    return rille_table(pairs + first, count);
}

static bool same(rille_value a, rille_value b);

static bool has(rille_value table, rille_pair pair)
{
    for (size_t i = 0; i < table.as.table.count; i++) {
        if (same(table.as.table.pairs[i].key, pair.key))
            return same(table.as.table.pairs[i].value, pair.value);
    }
    return false;
}

static bool same(rille_value a, rille_value b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case RILLE_BOOLEAN:
        return a.as.boolean == b.as.boolean;
    case RILLE_INTEGER:
        return a.as.integer == b.as.integer;
    case RILLE_NUMBER:
        return memcmp(&a.as.number, &b.as.number, sizeof a.as.number) == 0;
    case RILLE_STRING:
        return a.as.string.size == b.as.string.size && memcmp(a.as.string.bytes, b.as.string.bytes, a.as.string.size) == 0;
    case RILLE_TABLE:
        for (size_t i = 0; i < a.as.table.count; i++) {
            if (!has(b, a.as.table.pairs[i]))
                return false;
        }
        return a.as.table.count == b.as.table.count;
    default:
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static rille_process *p;
    static unsigned inputs;
    if (inputs++ % 5000 == 0) {
        rille_config config = {.allow_all = true};
        rille_machine_free(machine);
        machine = rille_machine_new(&config);
        FUZZ_CHECK(machine != NULL, "%s", rille_config_error());
        p = rille_spawn_text(machine, "echo", guest, sizeof guest - 1);
        FUZZ_CHECK(p != NULL, "%s", rille_error(machine));
    }
    FuzzInput in = fuzz_input(data, size);
    pair_count = 0;
    rille_value v = make(&in, 0), back;
    FUZZ_CHECK(rille_send(p, v), "%s", rille_error(machine));
    for (int i = 0; i < 100; i++) { /* its child may not have come to an end */
        rille_result r = rille_run(p, RILLE_UNTIL_MESSAGE);
        FUZZ_CHECK(r.status == RILLE_WAITING || r.status == RILLE_RUNNING, "%s: %s", rille_status_name(r.status), r.message ? r.message : "");
        if (rille_receive(p, &back)) {
            FUZZ_CHECK(same(v, back), "something else came back");
            return 0;
        }
    }
    FUZZ_CHECK(false, "nothing came back: %s", rille_error(machine));
    return 0;
}
