/* A REPL inside a server: commands come in on any descriptor (here: standard input), are run in a sandboxed process that
 * keeps its variables from line to line, and the answers go back. The server stays in charge: a line that runs too long is
 * stopped, and the session starts anew. */
#include <rille.h>
#include <stdio.h>
#include <string.h>

static const char session_text[] =
    "local process = require 'process'\n"
    "while true do\n"
    "  local line = process.receive()\n"
    "  local f, message = load('return ' .. line, '=line')\n"
    "  if not f then f, message = load(line, '=line') end\n"
    "  local results = f and table.pack(pcall(f)) or {n = 2, false, message}\n"
    "  local out = {}\n"
    "  for i = 2, results.n do out[#out + 1] = tostring(results[i]) end\n"
    "  process.parent():send((results[1] and '' or 'error: ') .. table.concat(out, '\\t'))\n"
    "end\n";

static rille_process *begin(rille_machine *machine)
{
    return rille_spawn_text(machine, "=session", session_text, sizeof session_text - 1);
}

int main(void)
{
    char line[500];
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.memory_bytes = 8 << 20;
    rille_machine *machine = rille_machine_new(&config);
    rille_process *session = begin(machine);
    while (fgets(line, sizeof line, stdin) != NULL) {
        rille_value answer;
        line[strcspn(line, "\n")] = '\0';
        printf("> %s\n", line);
        rille_set_limit(session, RILLE_LIMIT_WALL_MS, 200);
        rille_send(session, rille_bytes(line, strlen(line)));
        rille_result r = rille_run(session, RILLE_UNTIL_MESSAGE);
        if (rille_receive(session, &answer)) {
            if (answer.as.string.size > 0)
                printf("%s\n", answer.as.string.bytes);
            continue;
        }
        printf("%s; a new session begins\n", rille_status_name(r.status));
        rille_process_free(session);
        session = begin(machine);
    }
    rille_machine_free(machine);
    return 0;
}
