/* Paths and mounts: a guest that sees one host folder as /data, and an empty one as /out, opens, lists, makes, renames, links and
 * removes by arbitrary paths, among them ones with "..", symbolic links of its own making and of the host's. What lies outside is
 * never read, and never changed. Input: operations with paths made of parts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_guest.h"

#define SECRET "what no guest may read"

static const char guest[] =
    "local sys = require 'sys'\n"
    "local parts = {'..', '.', 'data', 'out', 'a', 'b', 'up', 'abs', 'etc', 'secret', '', 'proc', 'self', 'root', 'dev', 'new'}\n"
    "local function path()\n"
    "  local n, list = byte() % 7 + 1, {}\n"
    "  for i = 1, n do list[i] = parts[byte() % #parts + 1] end\n"
    "  return (byte() % 2 == 0 and '/' or '') .. table.concat(list, '/')\n"
    "end\n"
    "while more() do\n"
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
    static char data_mount[200], out_mount[200];
    const char *const mounts[] = {data_mount, out_mount, NULL};
    const char *const allow[] = {"read", "write", NULL};
    const rille_config config = {.wall_ms = 2000, .mounts = mounts, .allow = allow, .output = look_at_output, .memory_bytes = 16 << 20};
    if (inputs == 0) {
        make_folder();
        snprintf(data_mount, sizeof data_mount, "%s/data:/data:ro", folder);
        snprintf(out_mount, sizeof out_mount, "%s/out:/out", folder);
    }
    fuzz_guest_machine(&machine, &inputs, &config);
    fuzz_guest_run(machine, guest, data, size, 400);
    check_outside();
    return 0;
}
