/* Capabilities: what a process may do, by Deno's names.
 *
 * A policy says for each capability what is allowed (everything, a list, or nothing) and what is denied (the same); what is
 * denied wins. It is immutable once a process has it, shared by reference, and points to the policy of the process that it
 * was made by: whatever that one lacks is lacking here too, so a child never has more than its parent.
 *
 * Paths in lists, and paths asked about, are absolute and without symbolic links, `.` and `..`: the caller finds out where a
 * path leads first (mount.h), and uses what it has asked about, not the path again. No policy (NULL): all is allowed. */
#ifndef RI_MACHINE_POLICY_H
#define RI_MACHINE_POLICY_H

#include "vm/base/check.h"

typedef enum RiCapability {
#define CAPABILITY(id, name, subject, doc) RI_CAP_##id,
#include "vm/machine/capabilities.def"
#undef CAPABILITY
    RI_CAP_COUNT
} RiCapability;

typedef struct RiPolicy RiPolicy;

extern const char *const ri_capability_names[RI_CAP_COUNT];

/* A policy that allows everything, or nothing (`deny_all`), as far as `parent` (may be NULL: everything) does. One
 * reference, the caller's. NULL if memory is short. */
RiPolicy *ri_policy_new(RiPolicy *parent, bool deny_all);
RiPolicy *ri_policy_copy(const RiPolicy *policy); /* to be changed: one reference. NULL: no memory */
RiPolicy *ri_policy_retain(RiPolicy *policy); /* NULL is fine */
void ri_policy_release(RiPolicy *policy);     /* NULL is fine */

/* Allow or deny one thing; `what` NULL: everything of that capability. The first ri_policy_allow with a name narrows a
 * capability to what is named. Paths are taken as absolute real paths. 0 or -ENOMEM. */
RI_MUST_CHECK int ri_policy_allow(RiPolicy *policy, RiCapability capability, const char *what);
RI_MUST_CHECK int ri_policy_deny(RiPolicy *policy, RiCapability capability, const char *what);

/* Is `what` allowed? NULL: is everything of that capability allowed without exception? `what` is a real path (READ, WRITE,
 * FFI, NATIVE), "address:port" (NET), a variable (ENV), a shell command (RUN). */
bool ri_policy_allows(const RiPolicy *policy, RiCapability capability, const char *what);
/* Is anything of that capability allowed at all? */
bool ri_policy_allows_some(const RiPolicy *policy, RiCapability capability);
/* Was it a deny rule that forbids `what`? For messages. */
bool ri_policy_denies(const RiPolicy *policy, RiCapability capability, const char *what);

/* Call each(argument, name) for every name that a capability is limited to by `policy` itself, its parents aside. True: it is
 * limited to these; false: to nothing but what is denied, and `each` was not called. */
bool ri_policy_each_name(const RiPolicy *policy, RiCapability capability, void (*each)(void *argument, const char *name),
                         void *argument);

/* Is `policy` that one, or one that was made under it? `outer` NULL, everything, is above all. */
bool ri_policy_is_within(const RiPolicy *policy, const RiPolicy *outer);

/* One word of a command line: "--sandbox", "--allow-read", "--allow-read=a,b", "--deny-net=…". Relative paths are completed
 * by `complete` (path, out of RI_PATH_SIZE bytes → length or -errno; NULL: taken as they are).
 * 1: taken; 0: not an option of policies; negative: -errno, and *error says what is wrong. The order of options does not
 * matter. `*policy` is made when first needed. */
typedef int (*RiPathCompleter)(void *argument, const char *path, char *out);
int ri_policy_parse_option(RiPolicy **policy, const char *word, RiPathCompleter complete, void *argument,
                           const char **error);

#endif
