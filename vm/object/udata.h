/* Full userdata: bytes of a C library, a metatable, up to 65,535 user values. The bytes never move. */
#ifndef RI_OBJECT_UDATA_H
#define RI_OBJECT_UDATA_H

#include "vm/object/table.h"

enum { RI_UDATA_FINALIZER = 32 };

typedef struct RiUserdata {
    RiObject object; /* aux: number of user values */
    uint32_t serial;
    uint32_t owner;
    RiTable *meta;
    size_t size;         /* of data, bytes */
    RiValue *uservalues; /* aux values; they stand behind the data */
    uint64_t reserved;
    char data[]; /* 16-byte aligned; scanned conservatively, as C modules may keep pointers there */
} RiUserdata;

_Static_assert(offsetof(RiUserdata, data) % 16 == 0, "data is aligned like malloc's");

static inline size_t ri_udata_size(size_t data_size, uint32_t uservalue_count)
{
    return sizeof(RiUserdata) + ((data_size + 15) & ~(size_t)15) + uservalue_count * sizeof(RiValue);
}

RiUserdata *ri_udata_new(RiHeap *heap, size_t size, uint32_t uservalue_count); /* zeroed; Collects */

#endif
