/* The parts of the string library that have files of their own, and what they share. */
#ifndef RI_STDLIB_LIB_STRING_H
#define RI_STDLIB_LIB_STRING_H

#include "vm/exec/native.h"

int32_t ri_string_format(RiThread *T, RiValue *args, uint32_t nargs);   /* strformat.c */
int32_t ri_string_pack(RiThread *T, RiValue *args, uint32_t nargs);     /* strpack.c */
int32_t ri_string_packsize(RiThread *T, RiValue *args, uint32_t nargs); /* strpack.c */
int32_t ri_string_unpack(RiThread *T, RiValue *args, uint32_t nargs);   /* strpack.c */
int32_t ri_string_format_resume(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_string_pack_resume(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_string_packsize_resume(RiThread *T, RiValue *args, uint32_t nargs);
int32_t ri_string_unpack_resume(RiThread *T, RiValue *args, uint32_t nargs);

/* -- Loops that leave at safe points: see RI_LIB_POLL in exec/native.h --------------------------------------------- */

/* Let `slot` of the current frame hold the state of a loop and be the frame's last slot. Those between the arguments and
 * it become nil. */
static inline void ri_string_keep(RiThread *T, uint32_t slot, void *block)
{
    for (; T->top < T->base + slot; T->top++)
        ri_set_nil(T->top);
    ri_set_object(&T->base[slot], block, RI_TAG_BLOCK);
    T->top = T->base + slot + 1;
}

/* How far a loop gets before it looks whether a safe point is due, in whatever it counts: if somebody waits, nowhere the
 * first time and not far when the loop goes on. */
static inline size_t ri_string_poll_after(const RiThread *T, size_t interval, bool resumed)
{
    return RI_LIKELY(T->heap->budget > 0) ? interval : resumed ? interval / 64 : 0;
}

/* State of a loop that makes a text: an RiSbuf, and where the loop is. */
typedef struct RiTextState {
    RiObject object; /* RI_TAG_BLOCK */
    RiBuffer *buffer; /* NULL: the text is in inline_bytes */
    size_t size, capacity;
    size_t at, total; /* in the format; of the text */
    uint32_t i;       /* argument */
    int alignment_max;
    bool little;
    char inline_bytes[sizeof((RiSbuf *)NULL)->inline_bytes];
} RiTextState;

RiTextState *ri_text_state_new(RiThread *T);
/* Keep it in `state` (NULL: in a new one). Collects: yes. */
RiTextState *ri_text_save(RiThread *T, const RiSbuf *sb, RiTextState *state);
void ri_text_restore(RiThread *T, RiSbuf *sb, RiTextState *state);

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
