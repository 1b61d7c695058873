/* Plug-ins with quotas: each is a process with memory, time and rights of its own. They answer to events that the host sends,
 * one after the other; who breaks a rule is thrown out, and the others do not notice. */
#include <rille.h>
#include <stdio.h>
#include <string.h>

typedef struct plugin {
    const char *name, *text;
    rille_process *process;
} plugin;

#define LOOP(body) "local process = require 'process' local host = process.parent() " \
                   "while true do local event = process.receive() " body " end"

static plugin plugins[] = {
    {"shout", LOOP("host:send(event.text:upper() .. '!')"), NULL},
    {"count", LOOP("n = (n or 0) + #event.text host:send('letters so far: ' .. n)"), NULL},
    {"greedy", LOOP("t = t or {} while true do t[#t + 1] = ('x'):rep(100) end"), NULL},
    {"stuck", LOOP("while true do pcall(function() while true do end end) end"), NULL},
    {"spy", LOOP("host:send(assert(io.open('/etc/passwd')):read('l'))"), NULL},
};

static void handle(plugin *p, const char *text)
{
    rille_pair event = {rille_bytes("text", 4), rille_bytes(text, strlen(text))};
    rille_value answer;
    if (p->process == NULL)
        return;
    rille_send(p->process, rille_table(&event, 1));
    rille_result r = rille_run(p->process, RILLE_UNTIL_MESSAGE);
    if (rille_receive(p->process, &answer)) {
        printf("  %s: %s\n", p->name, answer.as.string.bytes);
        return;
    }
    printf("  %s: thrown out (%s: %.*s)\n", p->name, rille_status_name(r.status), (int)strcspn(r.message, "\n"), r.message);
    rille_process_free(p->process);
    p->process = NULL;
}

int main(void)
{
    static const char *const events[] = {"hello", "world", "bye"};
    enum { COUNT = sizeof plugins / sizeof *plugins };
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.memory_bytes = 2 << 20;
    config.cpu_ms = 50;
    rille_machine *machine = rille_machine_new(&config);
    for (int i = 0; i < COUNT; i++)
        plugins[i].process = rille_spawn_text(machine, plugins[i].name, plugins[i].text, strlen(plugins[i].text));
    for (size_t e = 0; e < sizeof events / sizeof *events; e++) {
        printf("event '%s'\n", events[e]);
        for (int i = 0; i < COUNT; i++)
            handle(&plugins[i], events[e]);
    }
    rille_machine_free(machine);
    return 0;
}
