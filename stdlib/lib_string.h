/* The parts of the string library that have files of their own, and what they share. */
#ifndef RI_STDLIB_LIB_STRING_H
#define RI_STDLIB_LIB_STRING_H

#include "vm/exec/native.h"

int32_t ri_string_format(RiThread *T, RiValue *args, uint32_t nargs);   /* strformat.c */
int32_t ri_string_pack(RiThread *T, RiValue *args, uint32_t nargs);     /* strpack.c */
int32_t ri_string_packsize(RiThread *T, RiValue *args, uint32_t nargs); /* strpack.c */
int32_t ri_string_unpack(RiThread *T, RiValue *args, uint32_t nargs);   /* strpack.c */

/* A position counted from 1, or from the end if negative, as a 1-based start: at least 1. */
static inline size_t ri_string_start(int64_t position, size_t size)
{
    if (position > 0)
        return (size_t)position;
    if (position == 0 || position < -(int64_t)size)
        return 1;
    return size + (size_t)position + 1;
}

/* The same as a 1-based inclusive end: 0 to size. */
static inline size_t ri_string_end(int64_t position, size_t size)
{
    if (position > (int64_t)size)
        return size;
    if (position >= 0)
        return (size_t)position;
    if (position < -(int64_t)size)
        return 0;
    return size + (size_t)position + 1;
}

#endif
