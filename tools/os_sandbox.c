/* --os-sandbox: from policies and mounts to what the kernel shall allow. See os_sandbox.h.
 *
 * The kernel's rules are coarser than the machine's: they know no exceptions (--deny-read=DIR), no addresses, and no processes
 * that have less than the first one. So they allow whatever some process of the machine may need. */
#include "tools/os_sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/options_policy.h"
#include "vm/host/files.h"
#include "vm/host/wall.h"
#include "vm/machine/mount.h"
#include "vm/machine/policy.h"

typedef struct Builder {
    RiWall wall;
    const RiMachine *machine;
    const RiPolicy *policy;
    unsigned access;               /* of the names that are gone through */
    const char *guest, *host;      /* of the mount that is gone through */
    uint32_t made_count;
    char *made[RI_WALL_PATHS_MAX]; /* paths that are to be freed */
    bool failed;
} Builder;

static void add(Builder *b, const char *path, unsigned access)
{
    if (ri_wall_add(&b->wall, path, access) < 0)
        b->failed = true;
}

/* -- Files --------------------------------------------------------------------------------------------------------- */

static void add_host_name(void *argument, const char *path)
{
    Builder *b = argument;
    add(b, path, b->access);
}

/* What guests call `path` may be had: the part of it in the current mount, or all of the mount if that lies below `path`. */
static void add_guest_name(void *argument, const char *path)
{
    Builder *b = argument;
    size_t size = strlen(b->guest), path_size = strlen(path);
    while (path_size > 0 && path[path_size - 1] == '/')
        path_size--;
    if (strncmp(b->guest, path, path_size) == 0 && (b->guest[path_size] == '\0' || b->guest[path_size] == '/')) {
        add(b, b->host, b->access);
    } else if (strncmp(path, b->guest, size) == 0 && path[size] == '/' && b->made_count < RI_WALL_PATHS_MAX) {
        size_t host_size = strlen(b->host);
        char *joined = malloc(host_size + strlen(path + size) + 1);
        if (joined == NULL) {
            b->failed = true;
            return;
        }
        memcpy(joined, b->host, host_size);
        strcpy(joined + host_size, path + size);
        b->made[b->made_count++] = joined;
        add(b, joined, b->access);
    }
}

static const struct {
    RiCapability capability;
    unsigned access;
} file_capabilities[] = {{RI_CAP_READ, RI_WALL_READ}, {RI_CAP_WRITE, RI_WALL_WRITE}};

static void add_mount(void *argument, const char *guest, const char *host, bool read_only)
{
    Builder *b = argument;
    for (size_t i = 0; i < RI_COUNTOF(file_capabilities); i++) {
        b->guest = guest;
        b->host = host;
        b->access = file_capabilities[i].access;
        if (read_only && b->access == RI_WALL_WRITE)
            continue;
        if (!ri_policy_each_name(b->policy, file_capabilities[i].capability, add_guest_name, b))
            add(b, host, b->access);
    }
}

static void add_files(Builder *b)
{
    if (b->machine->mounts != NULL) {
        ri_mount_each(b->machine, add_mount, b);
        return;
    }
    for (size_t i = 0; i < RI_COUNTOF(file_capabilities); i++) {
        b->access = file_capabilities[i].access;
        if (!ri_policy_each_name(b->policy, file_capabilities[i].capability, add_host_name, b))
            add(b, "/", b->access);
    }
}

/* -- What the host process needs for itself ------------------------------------------------------------------------ */

/* Its memory and limits, the time zone; of the system's tables, those for names. */
static void add_own_files(Builder *b)
{
    static const char *const always[] = {"/proc/self/statm", "/proc/self/maps", "/proc/stat", "/proc/sys/vm/max_map_count",
                                         "/etc/localtime", "/usr/share/zoneinfo", "/usr/lib/locale",
                                         "/sys/devices/system/cpu"};
    static const char *const names[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
                                        "/etc/gai.conf", "/etc/services", "/etc/protocols", "/run/systemd/resolve"};
    for (size_t i = 0; i < RI_COUNTOF(always); i++)
        add(b, always[i], RI_WALL_READ);
    for (size_t i = 0; b->wall.has_net && i < RI_COUNTOF(names); i++)
        add(b, names[i], RI_WALL_READ);
}

/* Programs and libraries of the host, with what they cannot start without. */
static void add_code(Builder *b)
{
    static const char *const folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/gnu/store"};
    static const char *const files[] = {"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
                                        "/etc/alternatives", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"};
    for (size_t i = 0; i < RI_COUNTOF(folders); i++)
        add(b, folders[i], RI_WALL_READ | RI_WALL_RUN);
    for (size_t i = 0; i < RI_COUNTOF(files); i++)
        add(b, files[i], RI_WALL_READ);
    add(b, "/dev/null", RI_WALL_READ | RI_WALL_WRITE);
    add(b, "/dev/tty", RI_WALL_READ | RI_WALL_WRITE);
    for (RiCapability c = RI_CAP_RUN; c <= RI_CAP_NATIVE; c++) {
        b->access = RI_WALL_READ | (c == RI_CAP_RUN ? RI_WALL_RUN : 0u);
        ri_policy_each_name(b->policy, c, add_host_name, b); /* a name that is no path is not found: no rule */
    }
    if (ri_policy_allows(b->policy, RI_CAP_RUN, NULL) && ri_policy_allows(b->policy, RI_CAP_READ, NULL))
        add(b, "/", RI_WALL_RUN);
}

static void add_control(Builder *b, const char *socket)
{
    const char *slash = strrchr(socket, '/');
    b->wall.serves = true;
    if (slash == NULL || b->made_count == RI_WALL_PATHS_MAX) {
        add(b, ".", RI_WALL_SOCKETS);
        return;
    }
    char *folder = strndup(socket, slash > socket ? (size_t)(slash - socket) : 1);
    if (folder == NULL) {
        b->failed = true;
        return;
    }
    b->made[b->made_count++] = folder;
    add(b, folder, RI_WALL_SOCKETS);
}

/* Files that the command line names: the command itself opens them. */
static void add_named_files(Builder *b, const RiTool *tool)
{
    const char *init = getenv("LUA_INIT_5_4");
    init = init != NULL ? init : getenv("LUA_INIT");
    if (init != NULL && init[0] == '@')
        add(b, init + 1, RI_WALL_READ);
    for (int i = tool->limit; i < tool->argc && i <= tool->limit + 1; i++) { /* the script may stand behind a "--" */
        if (strcmp(tool->argv[i], "--") != 0) {
            add(b, tool->argv[i], RI_WALL_READ);
            break;
        }
    }
    for (size_t i = 0; i < RI_DISKS_MAX; i++) {
        if (tool->devices.disks[i] != NULL)
            add(b, tool->devices.disks[i], RI_WALL_READ | RI_WALL_WRITE);
    }
    if (tool->control_path != NULL)
        add_control(b, tool->control_path);
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static void build(Builder *b, const RiTool *tool)
{
    const RiPolicy *policy = b->policy;
    b->wall.is_wide = ri_policy_allows_some(policy, RI_CAP_RUN) || ri_policy_allows_some(policy, RI_CAP_FFI) ||
                      ri_policy_allows_some(policy, RI_CAP_NATIVE);
    b->wall.has_net = ri_policy_allows_some(policy, RI_CAP_NET);
    b->wall.may_write = ri_policy_allows_some(policy, RI_CAP_WRITE);
    b->wall.no_code = tool->jit_off;
    add_own_files(b);
    add_files(b);
    if (b->wall.is_wide)
        add_code(b);
    add_named_files(b, tool);
}

static bool raise_wall(const RiTool *tool, Builder *b)
{
    const char *what = "too many paths, or not enough memory";
    int status = -ENOMEM;
    if (!b->failed)
        status = ri_host_wall(&b->wall, &what);
    if (status == 0)
        return true;
    char text[300];
    const char *why = status == -ENOSYS       ? "this kernel does not have it"
                      : status == -EOPNOTSUPP ? "it is switched off in this kernel"
                                              : strerror(-status);
    snprintf(text, sizeof text, "--os-sandbox is not possible here: %.200s: %s", what, why);
    ri_tool_message(tool, text);
    return false;
}

bool ri_os_sandbox_raise(RiTool *tool, RiProc *proc)
{
    const char *bad, *error;
    RiPolicy *policy;
    if (!ri_policy_mount_options(proc, tool->argv, tool->first, tool->limit, &bad, &error) ||
        !ri_policy_of_options(proc, tool->argv, tool->first, tool->limit, &policy, &bad, &error)) {
        char text[400];
        snprintf(text, sizeof text, "%.200s: %.100s", bad, error);
        ri_tool_message(tool, text);
        return false;
    }
    Builder *b = calloc(1, sizeof *b);
    if (b == NULL) {
        ri_policy_release(policy);
        ri_tool_message(tool, "not enough memory");
        return false;
    }
    b->machine = proc->machine;
    b->policy = policy;
    build(b, tool);
    bool raised = raise_wall(tool, b);
    for (uint32_t i = 0; i < b->made_count; i++)
        free(b->made[i]);
    free(b);
    ri_policy_release(policy);
    return raised;
}
