/* A configuration file that is a program: it computes its values, and can do nothing else. What is wrong in it is told with
 * file and line, and a file that never ends or wants all memory is refused like one with a syntax error. */
#include <rille.h>
#include <stdio.h>
#include <string.h>

typedef struct settings {
    char title[40];
    int64_t width, height;
    bool fullscreen;
} settings;

static void take(settings *s, const rille_pair *pair)
{
    const char *key = pair->key.type == RILLE_STRING ? pair->key.as.string.bytes : "";
    const rille_value *v = &pair->value;
    if (strcmp(key, "title") == 0 && v->type == RILLE_STRING)
        snprintf(s->title, sizeof s->title, "%s", v->as.string.bytes);
    else if (strcmp(key, "width") == 0 && v->type == RILLE_INTEGER)
        s->width = v->as.integer;
    else if (strcmp(key, "height") == 0 && v->type == RILLE_INTEGER)
        s->height = v->as.integer;
    else if (strcmp(key, "fullscreen") == 0 && v->type == RILLE_BOOLEAN)
        s->fullscreen = v->as.boolean;
    else
        printf("  unknown setting '%s'\n", key);
}

/* The file is run with its globals gathered in a table, which is sent to us at the end. */
static const char wrapper[] =
    "local process, settings = require 'process', {}\n"
    "local f = assert(load(..., '=settings', 't', setmetatable(settings, {__index = {math = math, string = string}})))\n"
    "f()\n"
    "process.parent():send(setmetatable(settings, nil))\n";

static bool read_settings(rille_machine *machine, const char *text, settings *out)
{
    rille_process *process = rille_spawn_text(machine, "=reader", wrapper, sizeof wrapper - 1);
    rille_value message;
    if (process == NULL || !rille_argument(process, text))
        return false;
    rille_result result = rille_run(process, RILLE_UNTIL_EXIT);
    bool done = result.status == RILLE_OK && rille_receive(process, &message);
    if (done) {
        for (size_t i = 0; i < message.as.table.count; i++)
            take(out, &message.as.table.pairs[i]);
    } else {
        printf("  %s: %.*s\n", rille_status_name(result.status), (int)strcspn(result.message, "\n"), result.message);
    }
    rille_process_free(process);
    return done;
}

int main(void)
{
    static const char *const files[] = {
        "title = 'Asteroids ' .. 2 + 2\nwidth = 640\nheight = width * 3 // 4\nfullscreen = width > 1000",
        "title = 'no quote",
        "width = 640\nheight = io.open('/etc/passwd'):read('a')",
        "while true do end",
        "t = {} while true do t[#t + 1] = ('x'):rep(1000) end",
    };
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.cpu_ms = 50;
    config.memory_bytes = 4 << 20;
    rille_machine *machine = rille_machine_new(&config);
    if (machine == NULL) {
        fprintf(stderr, "%s\n", rille_config_error());
        return 1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        settings s = {"", 0, 0, false};
        printf("file %d\n", (int)i + 1);
        if (read_settings(machine, files[i], &s))
            printf("  '%s', %d x %d, %s\n", s.title, (int)s.width, (int)s.height, s.fullscreen ? "fullscreen" : "window");
    }
    rille_machine_free(machine);
    return 0;
}
