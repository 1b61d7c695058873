/* Capabilities of processes: see policy.h. */
#include "vm/machine/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/host/files.h"
#include "vm/host/sockets.h"

const char *const ri_capability_names[RI_CAP_COUNT] = {
#define CAPABILITY(id, name, subject, doc) [RI_CAP_##id] = name,
#include "vm/machine/capabilities.def"
#undef CAPABILITY
};

typedef struct RiNames {
    bool all, is_given; /* is_given: by an option, even with an empty list */
    uint32_t count;
    char **items;
} RiNames;

struct RiPolicy {
    uint32_t refs;
    bool is_sandbox; /* what is not allowed is denied */
    RiPolicy *parent;
    RiNames allowed[RI_CAP_COUNT], denied[RI_CAP_COUNT];
};

bool ri_policy_is_within(const RiPolicy *policy, const RiPolicy *outer)
{
    while (policy != outer && policy != NULL)
        policy = policy->parent;
    return policy == outer;
}

/* -- Life -------------------------------------------------------------------------------------------------------- */

RiPolicy *ri_policy_new(RiPolicy *parent, bool deny_all)
{
    RiPolicy *policy = calloc(1, sizeof *policy);
    if (policy == NULL)
        return NULL;
    policy->refs = 1;
    policy->is_sandbox = deny_all;
    policy->parent = ri_policy_retain(parent);
    return policy;
}

RiPolicy *ri_policy_retain(RiPolicy *policy)
{
    if (policy != NULL)
        policy->refs++;
    return policy;
}

static void free_names(RiNames *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

void ri_policy_release(RiPolicy *policy)
{
    while (policy != NULL && --policy->refs == 0) { /* a chain of parents, not a recursion */
        RiPolicy *parent = policy->parent;
        for (int i = 0; i < RI_CAP_COUNT; i++) {
            free_names(&policy->allowed[i]);
            free_names(&policy->denied[i]);
        }
        free(policy);
        policy = parent;
    }
}

static int add_name(RiNames *names, const char *what)
{
    names->is_given = true;
    if (what == NULL) {
        names->all = true;
        return 0;
    }
    char **items = realloc(names->items, (names->count + 1) * sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    names->items = items;
    items[names->count] = strdup(what);
    if (items[names->count] == NULL)
        return -ENOMEM;
    names->count++;
    return 0;
}

static int copy_names(RiNames *to, const RiNames *from)
{
    int status = 0;
    for (uint32_t i = 0; i < from->count && status == 0; i++)
        status = add_name(to, from->items[i]);
    to->all = from->all;
    to->is_given = from->is_given;
    return status;
}

RiPolicy *ri_policy_copy(const RiPolicy *policy)
{
    RiPolicy *copy = ri_policy_new(policy->parent, policy->is_sandbox);
    int status = copy != NULL ? 0 : -ENOMEM;
    for (int i = 0; i < RI_CAP_COUNT && status == 0; i++) {
        status = copy_names(&copy->allowed[i], &policy->allowed[i]);
        if (status == 0)
            status = copy_names(&copy->denied[i], &policy->denied[i]);
    }
    if (status == 0)
        return copy;
    ri_policy_release(copy);
    return NULL;
}

int ri_policy_allow(RiPolicy *policy, RiCapability capability, const char *what)
{
    return add_name(&policy->allowed[capability], what);
}

int ri_policy_deny(RiPolicy *policy, RiCapability capability, const char *what)
{
    return add_name(&policy->denied[capability], what);
}

/* -- Matching ------------------------------------------------------------------------------------------------------ */

/* `path` is `folder` or lies in it. */
static bool path_is_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/')
        size--;
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* "127.0.0.1:80" against "127.0.0.1", "127.0.0.1:80" or ":80"; addresses of version 6 stand in brackets. */
static bool address_matches(const char *address, const char *item)
{
    size_t size = strlen(item);
    const char *port = strrchr(address, ':');
    if (strcmp(address, item) == 0)
        return true;
    if (port == NULL)
        return false;
    return item[0] == ':' ? strcmp(port, item) == 0 : size == (size_t)(port - address) && memcmp(address, item, size) == 0;
}

static bool variable_matches(const char *name, const char *item)
{
    size_t size = strlen(item);
    if (size > 0 && item[size - 1] == '*')
        return strncmp(name, item, size - 1) == 0;
    return strcmp(name, item) == 0;
}

/* The program that a shell command runs, if it is nothing but one program and its arguments; 0 bytes if it may be more. */
static size_t command_program(const char **command)
{
    static const char special[] = "|&;<>()$`\\\"'*?[]#~!{}\n\r";
    const char *text = *command;
    if (strpbrk(text, special) != NULL)
        return 0;
    text += strspn(text, " \t");
    size_t size = strcspn(text, " \t");
    *command = text;
    return memchr(text, '=', size) != NULL ? 0 : size;
}

/* Is the program of a command `item`: by name, or by its last component if `item` is a plain name? */
static bool command_matches(const char *command, const char *item)
{
    size_t size = command_program(&command);
    return size > 0 && size == strlen(item) && memcmp(command, item, size) == 0;
}

static bool matches(RiCapability capability, const char *what, const char *item)
{
    switch (capability) {
    case RI_CAP_NET:
        return address_matches(what, item);
    case RI_CAP_ENV:
        return variable_matches(what, item);
    case RI_CAP_RUN:
        return command_matches(what, item);
    default:
        return path_is_in(what, item);
    }
}

static bool is_named(const RiNames *names, RiCapability capability, const char *what)
{
    if (names->all)
        return true;
    for (uint32_t i = 0; what != NULL && i < names->count; i++) {
        if (matches(capability, what, names->items[i]))
            return true;
    }
    return false;
}

/* The last component of the program that a command names, against a denied name. */
static bool command_may_run(const char *command, const char *item)
{
    size_t size = command_program(&command);
    if (size == 0)
        return true; /* a shell could find many ways to say it */
    const char *name = command + size;
    while (name > command && name[-1] != '/')
        name--;
    const char *slash = strrchr(item, '/');
    const char *item_name = slash != NULL ? slash + 1 : item;
    size_t name_size = (size_t)(command + size - name);
    return name_size == strlen(item_name) && memcmp(name, item_name, name_size) == 0;
}

static bool is_denied(const RiNames *names, RiCapability capability, const char *what)
{
    if (names->all)
        return true;
    if (what == NULL)
        return names->count > 0; /* not everything, then */
    if (capability == RI_CAP_RUN) {
        for (uint32_t i = 0; i < names->count; i++) {
            if (command_may_run(what, names->items[i]))
                return true;
        }
        return false;
    }
    return is_named(names, capability, what);
}

/* By this policy alone, its parents aside. */
static bool allows_here(const RiPolicy *policy, RiCapability capability, const char *what)
{
    const RiNames *allowed = &policy->allowed[capability];
    if (is_denied(&policy->denied[capability], capability, what))
        return false;
    if (!policy->is_sandbox && !allowed->is_given)
        return true;
    return is_named(allowed, capability, what);
}

bool ri_policy_allows(const RiPolicy *policy, RiCapability capability, const char *what)
{
    for (; policy != NULL; policy = policy->parent) {
        if (!allows_here(policy, capability, what))
            return false;
    }
    return true;
}

bool ri_policy_allows_some(const RiPolicy *policy, RiCapability capability)
{
    for (; policy != NULL; policy = policy->parent) {
        const RiNames *allowed = &policy->allowed[capability];
        bool is_limited = policy->is_sandbox || allowed->is_given;
        if (policy->denied[capability].all || (is_limited && !allowed->all && allowed->count == 0))
            return false;
    }
    return true;
}

bool ri_policy_denies(const RiPolicy *policy, RiCapability capability, const char *what)
{
    for (; policy != NULL; policy = policy->parent) {
        if (is_denied(&policy->denied[capability], capability, what))
            return true;
    }
    return false;
}

bool ri_policy_each_name(const RiPolicy *policy, RiCapability capability, void (*each)(void *argument, const char *name),
                         void *argument)
{
    if (policy == NULL)
        return false;
    const RiNames *allowed = &policy->allowed[capability];
    if (policy->denied[capability].all)
        return true;
    if (allowed->all || (!policy->is_sandbox && !allowed->is_given))
        return false;
    for (uint32_t i = 0; i < allowed->count; i++)
        each(argument, allowed->items[i]);
    return true;
}

/* -- The command line ------------------------------------------------------------------------------------------------ */

static int capability_of(const char *name, size_t size)
{
    for (int i = 0; i < RI_CAP_COUNT; i++) {
        if (strlen(ri_capability_names[i]) == size && memcmp(ri_capability_names[i], name, size) == 0)
            return i;
    }
    return -1;
}

typedef struct Adding {
    RiPolicy *policy;
    RiCapability capability;
    bool denies;
} Adding;

static int add_to(const Adding *adding, const char *what)
{
    return adding->denies ? ri_policy_deny(adding->policy, adding->capability, what)
                          : ri_policy_allow(adding->policy, adding->capability, what);
}

static int add_address(void *argument, const char *address)
{
    return add_to(argument, address);
}

/* One item of a list, completed: a path made absolute and real, a host name turned into its addresses. */
static int add_item(const Adding *adding, const char *item, RiPathCompleter complete, void *argument)
{
    char path[RI_PATH_SIZE];
    switch (adding->capability) {
    case RI_CAP_ENV:
    case RI_CAP_RUN:
        return add_to(adding, item);
    case RI_CAP_NET:
        return ri_host_each_address(item, add_address, (void *)(uintptr_t)adding);
    default:
        if (complete != NULL) {
            int size = complete(argument, item, path);
            if (size < 0)
                return size;
            item = path;
        }
        return add_to(adding, item);
    }
}

static int add_list(const Adding *adding, const char *list, RiPathCompleter complete, void *argument)
{
    char item[RI_PATH_SIZE];
    int status = 0;
    (adding->denies ? adding->policy->denied : adding->policy->allowed)[adding->capability].is_given = true;
    while (status == 0 && *list != '\0') {
        size_t size = strcspn(list, ",");
        if (size >= sizeof item)
            return -ENAMETOOLONG;
        memcpy(item, list, size);
        item[size] = '\0';
        if (size > 0)
            status = add_item(adding, item, complete, argument);
        list += size + (list[size] == ',');
    }
    return status;
}

int ri_policy_parse_option(RiPolicy **policy, const char *word, RiPathCompleter complete, void *argument,
                           const char **error)
{
    bool allows = strncmp(word, "--allow-", 8) == 0, denies = strncmp(word, "--deny-", 7) == 0;
    bool sandbox = strcmp(word, "--sandbox") == 0;
    if (!allows && !denies && !sandbox)
        return 0;
    *error = "not enough memory";
    if (*policy == NULL && (*policy = ri_policy_new(NULL, false)) == NULL)
        return -ENOMEM;
    if (sandbox) {
        (*policy)->is_sandbox = true;
        return 1;
    }
    const char *name = word + (allows ? 8 : 7);
    size_t size = strcspn(name, "=");
    int capability = capability_of(name, size);
    if (capability < 0 && !(size == 3 && memcmp(name, "all", 3) == 0 && name[3] == '\0')) {
        *error = "no such capability (read, write, net, env, run, ffi, native, all)";
        return -EINVAL;
    }
    int status = 0;
    for (int i = 0; i < RI_CAP_COUNT && status == 0; i++) {
        Adding adding = {*policy, (RiCapability)i, denies};
        if (capability < 0 || (i == capability && name[size] == '\0'))
            status = add_to(&adding, NULL);
        else if (i == capability)
            status = add_list(&adding, name + size + 1, complete, argument);
    }
    if (status < 0)
        *error = strerror(-status);
    return status < 0 ? status : 1;
}
