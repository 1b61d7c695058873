/* Lua patterns (manual §6.4.1): compiled once per pattern string, matched without recursion.
 *
 * A pattern becomes a short program of instructions, with one bit of a byte-indexed table per character class. What is
 * known before matching is worked out then: which bytes a match can begin with, whether a repetition ever needs to give
 * back what it took (in `%w+=` it does not), which bytes the rest after a repetition can begin with, which capture a ')'
 * closes. Each instruction leaves at most one choice to come back to, so the backtrack stack is no larger than the
 * program, and no capture needs to be undone.
 *
 * Errors of a malformed pattern are instructions too: they are raised only if matching gets there, as in 5.4. */
#ifndef RI_STDLIB_STRPATTERN_H
#define RI_STDLIB_STRPATTERN_H

#include "vm/exec/native.h"

#define RI_CAPTURES_MAX 32

typedef enum RiCaptureKind { RI_CAPTURE_CLOSED, RI_CAPTURE_POSITION, RI_CAPTURE_UNFINISHED } RiCaptureKind;

typedef struct RiPatternOp RiPatternOp;

typedef struct RiPattern { /* one collected, pointer-free block: header, instructions, class tables, literal bytes */
    RiObject object;       /* with `capacity` and `used`, laid out as an RiBuffer */
    size_t capacity, used;
    uint32_t op_count, tables_at, literals_at; /* offsets in bytes from the pattern */
    uint8_t anchored;
    uint8_t is_deep; /* long enough to run into 5.4's limit of nested items, "pattern too complex" */
    uint8_t literal_anchor;
    uint8_t first;        /* how a search finds where a match may begin: strpattern.c */
    uint8_t first_byte, first_mask;
    uint8_t first_at_end; /* a match may begin at the end of the subject */
    uint8_t shape;        /* patterns that need no program: a literal, one class repeated */
    uint8_t capture_count;
    uint8_t capture_kinds[RI_CAPTURES_MAX];
    uint32_t first_table, first_length;
} RiPattern;

/* Compile. `literal_anchor`: a leading '^' stands for itself (gmatch). Never fails. Collects: yes. Traps: no memory. */
RiPattern *ri_pattern_compile(RiHeap *heap, const char *text, size_t size, bool literal_anchor);

/* The compiled form of `pattern`, from T's process's cache. It stays alive as long as the caller's C frame refers to it.
 * Collects: yes. */
RiPattern *ri_pattern_of(RiThread *T, RiString *pattern, bool literal_anchor);

/* Room beside the cache for one block that its owner (gsub) wants to use again; NULL if there is no cache yet. */
void **ri_pattern_spare(RiThread *T);

/* "^$*+?.([%-" do not occur: a plain search does. */
bool ri_pattern_is_plain(const char *text, size_t size);

typedef struct RiMatchFrame { /* a choice to come back to */
    const RiPatternOp *op;
    const char *at, *limit;
    uint32_t depth;
} RiMatchFrame;

#define RI_MATCH_FRAMES_INLINE 32

typedef struct RiMatch {
    const RiPattern *pattern;
    RiThread *thread; /* its safe points are looked at now and then; NULL: not at all */
    RiHeap *heap;
    const char *subject, *subject_end;
    const char *start, *end; /* the match found */
    const char *error;       /* what is wrong with the pattern, with one %d for error_index; ri_match_suspended; or NULL */
    int error_index;
    int32_t steps; /* until the next poll */
    uint32_t frame_count; /* of a suspended search */
    RiMatchFrame *frames;
    const char *capture_start[RI_CAPTURES_MAX], *capture_end[RI_CAPTURES_MAX];
    RiMatchFrame inline_frames[RI_MATCH_FRAMES_INLINE];
} RiMatch;

/* Prepare to search in `subject`; it must not move or change between this and the last search. Collects: yes. */
void ri_match_init(RiMatch *m, RiThread *T, RiHeap *heap, const RiPattern *pattern, const char *subject, size_t size);

/* Find the first match that begins at `from` or later (at `from` alone if the pattern is anchored); an empty match at
 * `refused` (NULL: none) does not count. Writes start, end and captures. False: there is none, or m->error is set: to
 * ri_match_suspended if the thread is to go through a safe point first. */
bool ri_match_search(RiMatch *m, const char *from, const char *refused);

/* A safe point is due; the search has stopped at a place where it can go on. For loops over matches: each is a step. */
extern const char ri_match_suspended[];
bool ri_match_poll(RiMatch *m);
static RI_ALWAYS_INLINE bool ri_match_poll_due(RiMatch *m)
{
    return RI_UNLIKELY(--m->steps < 0) && ri_match_poll(m);
}

/* A suspended search as a collected block without pointers into subject and stacks, to be kept in the frame. */
typedef struct RiMatchState RiMatchState;

/* Save it, in `state` if that has been used for the same pattern before (NULL: in a new one). Collects: yes. */
RiMatchState *ri_match_save(const RiMatch *m, RiMatchState *state);

/* Prepare m as the search was when it was saved, and go on: as ri_match_search. Collects: yes. */
bool ri_match_go_on(RiMatch *m, RiThread *T, RiHeap *heap, const RiMatchState *state, const char *subject, size_t size,
                    const char *refused);

/* Where `needle` first occurs in text, or NULL. */
const char *ri_find_bytes(const char *text, size_t size, const char *needle, size_t needle_size);

#endif
