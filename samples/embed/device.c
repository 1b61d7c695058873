/* A device of the host's: guests open /dev/thermometer and read lines from it, and set its unit by an ioctl. Only who has
 * been allowed to read that path can. */
#include <errno.h>
#include <rille.h>
#include <stdio.h>
#include <string.h>

typedef struct thermometer {
    double celsius;
    bool fahrenheit;
    char line[40]; /* what is left of the reading under way */
} thermometer;

static int64_t read_it(void *data, void *to, size_t size)
{
    thermometer *t = data;
    if (t->line[0] == '\0') {
        t->celsius += 0.5;
        snprintf(t->line, sizeof t->line, "%.1f\n", t->fahrenheit ? t->celsius * 1.8 + 32 : t->celsius);
    }
    size_t n = strlen(t->line) < size ? strlen(t->line) : size;
    memcpy(to, t->line, n);
    memmove(t->line, t->line + n, strlen(t->line + n) + 1);
    return (int64_t)n;
}

static int64_t control(void *data, uint32_t request, void *argument, size_t size)
{
    thermometer *t = data;
    (void)argument;
    (void)size;
    if (request > 1)
        return -EINVAL;
    t->fahrenheit = request == 1;
    return 0;
}

static void run(rille_machine *machine, const char *text)
{
    rille_process *process = rille_spawn_text(machine, "=guest", text, strlen(text));
    rille_result r = rille_run(process, RILLE_UNTIL_EXIT);
    if (r.status != RILLE_OK)
        printf("%s: %.*s\n", rille_status_name(r.status), (int)strcspn(r.message, "\n"), r.message);
    rille_process_free(process);
}

int main(void)
{
    static const char reading[] = "local f = assert(io.open '/dev/thermometer') f:setvbuf 'no' print(f:read 'n', f:read 'n')";
    static const char *const allowed[] = {"read=/dev/thermometer", NULL};
    thermometer t = {.celsius = 20};
    rille_device device = {.name = "thermometer", .read = read_it, .ioctl = control, .data = &t};
    for (int i = 0; i < 2; i++) {
        rille_config config = RILLE_CONFIG_SANDBOX;
        config.allow = i == 1 ? allowed : NULL;
        rille_machine *machine = rille_machine_new(&config);
        rille_add_device(machine, &device);
        run(machine, reading);
        run(machine, "local sys = require 'sys' local fd = assert(sys.call('open', '/dev/thermometer', sys.O_RDONLY)) "
                     "print(sys.call('ioctl', fd, 1, 0, 0), sys.call('ioctl', fd, 9, 0, 0))");
        run(machine, reading);
        rille_machine_free(machine);
    }
    return 0;
}
