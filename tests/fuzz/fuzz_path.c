/* Paths and mounts: a guest that sees one host folder as /data, and an empty one as /out, opens, lists, makes, renames, links and
 * removes by arbitrary paths, among them ones with "..", symbolic links of its own making and of the host's. What lies outside is
 * never read, and never changed. Input: operations with paths made of parts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include <rille.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define SECRET "what no guest may read"

static const char guest[] =
    "local sys = require 'sys'\n"
    "local input = (...):gsub('..', function(hex) return string.char(tonumber(hex, 16)) end)\n"
    "local parts = {'..', '.', 'data', 'out', 'a', 'b', 'up', 'abs', 'etc', 'secret', '', 'proc', 'self', 'root', 'dev', 'new'}\n"
    "local at = 1\n"
    "local function byte() local b = input:byte(at) or 0; at = at + 1; return b end\n"
    "local function path()\n"
    "  local n, list = byte() % 7 + 1, {}\n"
    "  for i = 1, n do list[i] = parts[byte() % #parts + 1] end\n"
    "  return (byte() % 2 == 0 and '/' or '') .. table.concat(list, '/')\n"
    "end\n"
    "while at <= #input do\n"
    "  local op = byte() % 10\n"
    "  pcall(function()\n"
    "    if op < 3 then local f = io.open(path()) if f then print(f:read 'a') f:close() end\n"
    "    elseif op == 3 then local f = io.open(path(), 'w') if f then f:write 'guest' f:close() end\n"
    "    elseif op == 4 then os.remove(path())\n"
    "    elseif op == 5 then os.rename(path(), path())\n"
    "    elseif op == 6 then sys.symlink(path(), path())\n"
    "    elseif op == 7 then sys.mkdir(path(), 511)\n"
    "    elseif op == 8 then sys.chdir(path())\n"
    "    else sys.link(path(), path()) end\n"
    "  end)\n"
    "end\n";

static char folder[] = "/tmp/rille-fuzz-path-XXXXXX";
static char path_buffer[300];

static const char *in_folder(const char *name)
{
    snprintf(path_buffer, sizeof path_buffer, "%s/%s", folder, name);
    return path_buffer;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "w");
    FUZZ_CHECK(f != NULL, "%s", name);
    fputs(text, f);
    fclose(f);
}

static void look_at_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream;
    FUZZ_CHECK(memmem(bytes, size, SECRET, strlen(SECRET)) == NULL, "a secret was read");
}

static void clean_up(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        perror(folder);
}

static void make_folder(void)
{
    FUZZ_CHECK(mkdtemp(folder) != NULL, "no folder");
    atexit(clean_up);
    mkdir(in_folder("data"), 0755);
    mkdir(in_folder("data/a"), 0755);
    mkdir(in_folder("out"), 0755);
    write_file("secret", SECRET);
    write_file("data/b", "not secret");
    char target[300];
    snprintf(target, sizeof target, "%s/secret", folder);
    FUZZ_CHECK(symlink("../..", in_folder("data/up")) == 0 && symlink(target, in_folder("data/abs")) == 0 &&
                   symlink("../../secret", in_folder("data/a/secret")) == 0,
               "links");
}

static void check_outside(void)
{
    char text[100] = "";
    FILE *f = fopen(in_folder("secret"), "r");
    FUZZ_CHECK(f != NULL && fgets(text, sizeof text, f) != NULL && strcmp(text, SECRET) == 0, "the secret was changed");
    fclose(f);
    FUZZ_CHECK(access(in_folder("new"), F_OK) != 0 && access(in_folder("a"), F_OK) != 0, "something was made outside");
    struct stat st;
    FUZZ_CHECK(stat(in_folder("secret"), &st) == 0 && st.st_nlink == 1, "a link to the secret was made");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    if (inputs == 0)
        make_folder();
    if (inputs++ % 1000 == 0) {
        static char data_mount[200], out_mount[200];
        snprintf(data_mount, sizeof data_mount, "%s/data:/data:ro", folder);
        snprintf(out_mount, sizeof out_mount, "%s/out:/out", folder);
        const char *const mounts[] = {data_mount, out_mount, NULL};
        const char *const allow[] = {"read", "write", NULL};
        rille_config config = {.wall_ms = 2000, .mounts = mounts, .allow = allow, .output = look_at_output, .memory_bytes = 16 << 20};
        rille_machine_free(machine);
        machine = rille_machine_new(&config);
        FUZZ_CHECK(machine != NULL, "%s", rille_config_error());
    }
    char text[2 * 400 + 1];
    size_t used = size < 400 ? size : 400;
    for (size_t i = 0; i < used; i++)
        sprintf(text + 2 * i, "%02x", data[i]);
    text[2 * used] = '\0';
    rille_process *p = rille_spawn_text(machine, "=guest", guest, sizeof guest - 1);
    FUZZ_CHECK(p != NULL, "%s", rille_error(machine));
    FUZZ_CHECK(rille_argument(p, text), "%s", rille_error(machine));
    rille_run(p, RILLE_UNTIL_EXIT);
    rille_process_free(p);
    check_outside();
    return 0;
}
