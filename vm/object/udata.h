/* Full userdata: bytes of a C library, a metatable, up to 65,535 user values. The bytes never move. */
#ifndef RI_OBJECT_UDATA_H
#define RI_OBJECT_UDATA_H

#include "vm/object/table.h"

enum { RI_UDATA_FINALIZER = 32 };

struct RiClone;
struct RiProcess;
struct RiUserdata;

/* A kind of userdata, known by the address of this constant, which a metatable cannot be relied on for
 * (debug.setmetatable). Userdata without one, as C modules make them, can be neither copied nor forked. */
typedef struct RiUserType {
    const char *name; /* "FILE*" */
    /* Make a copy of u for process `to`, in which it is called (exec/copy.h); its user values are not its business.
     * NULL: refused, *why (at first NULL) may tell. NULL instead of the function: always refused. Collects. Traps:
     * no memory. */
    struct RiUserdata *(*copy)(struct RiProcess *to, const struct RiUserdata *u, const char **why);
    /* Fill the data of u, of the same size and zeroed, in a clone of the process that `from` belongs to
     * (exec/clone.h: ri_clone_of gives what they refer to). Metatable and user values are not its business. False:
     * refused, as above. */
    bool (*fork)(struct RiClone *clone, const struct RiUserdata *from, struct RiUserdata *u, const char **why);
    /* Give back what fork has obtained outside the heap: the clone is not to be. NULL: nothing. Collects: no. */
    void (*drop)(struct RiUserdata *u);
} RiUserType;

typedef struct RiUserdata {
    RiObject object; /* aux: number of user values */
    uint32_t serial;
    uint32_t owner;
    RiTable *meta;
    size_t size;         /* of data, bytes */
    RiValue *uservalues; /* aux values; they stand behind the data */
    const RiUserType *type; /* NULL: not of ours */
    char data[]; /* 16-byte aligned; scanned conservatively, as C modules may keep pointers there */
} RiUserdata;

_Static_assert(offsetof(RiUserdata, data) % 16 == 0, "data is aligned like malloc's");

static inline size_t ri_udata_size(size_t data_size, uint32_t uservalue_count)
{
    return sizeof(RiUserdata) + ((data_size + 15) & ~(size_t)15) + uservalue_count * sizeof(RiValue);
}

/* A fork for data without references or resources: the same bytes. */
bool ri_udata_fork_bytes(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why);

RiUserdata *ri_udata_new(RiHeap *heap, size_t size, uint32_t uservalue_count); /* zeroed; Collects */

#endif
