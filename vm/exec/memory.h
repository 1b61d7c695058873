/* Guest memory as Lua code sees it: typed scalars, and views, which are indexed like arrays. What is inline or fast here
 * only uses a translation that is there; whoever gets false goes the slow way through a library function, which walks the
 * page table and raises traps. */
#ifndef RI_EXEC_MEMORY_H
#define RI_EXEC_MEMORY_H

#include <string.h>

#include "vm/exec/native.h"
#include "vm/machine/space.h"

typedef enum RiMemType {
#define MEMTYPE(id, name, bits, c_type, set) RI_MEM_##id,
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    RI_MEM_COUNT
} RiMemType;

typedef struct RiMemTypeInfo {
    const char *name;
    uint32_t size; /* bytes */
    bool is_float;
} RiMemTypeInfo;
extern const RiMemTypeInfo ri_mem_types[RI_MEM_COUNT];

/* Data of a view: `count` elements of a type from `address` on. The memory is looked at when it is accessed. */
typedef struct RiView {
    RiAddr address;
    uint32_t count;
    uint8_t type; /* RiMemType */
} RiView;
extern const RiUserType ri_view_type;

static inline RiView *ri_view_of(RiUserdata *u) /* u->type == &ri_view_type */
{
    return (RiView *)(void *)u->data;
}

/* The address space, or NULL: nothing was mapped yet. */
static RI_ALWAYS_INLINE RiSpace *ri_memory_space(const RiThread *T)
{
    const RiProc *proc = T->process->proc;
    return RI_LIKELY(proc != NULL) ? proc->space : NULL;
}
/* The address space, made if needed. Traps: no memory; a state without a machine. */
RiSpace *ri_memory_need_space(RiThread *T);

/* Slow, complete accesses. False: the trap. Collect: yes (a quota). */
bool ri_memory_load(RiSpace *space, RiMemType type, RiAddr address, RiValue *out, RiTrap *trap);
bool ri_memory_store(RiSpace *space, RiMemType type, RiAddr address, uint64_t bits, RiTrap *trap);
/* A value as the bits to be stored. False: it is no number, or has no integer value. */
bool ri_memory_bits(RiMemType type, RiValue v, uint64_t *bits);

/* -- Fast paths of the engines: false if they cannot do it; then nothing has happened ------------------------------------- */
/* A library function with one of the intrinsics mem.load_… and mem.store_…, called at `func` with its arguments behind the
 * link: how many results there are, from `func` on; -1: call it. */
int32_t ri_memory_intrinsic(RiThread *T, uint32_t intrinsic, RiValue *func, uint32_t nargs);
/* The same from within the function. Who has just come from a failure above need not try: false at once. */
bool ri_memory_try_load(RiThread *T, RiMemType type, RiAddr address, RiValue *out);
bool ri_memory_try_store(RiThread *T, RiMemType type, RiAddr address, const RiValue *v);
/* view[key], view[key] = v. An index beyond the end reads nil. */
bool ri_view_try_get(RiThread *T, const RiUserdata *u, const RiValue *key, RiValue *out);
bool ri_view_try_set(RiThread *T, const RiUserdata *u, const RiValue *key, const RiValue *v);
/* Has one of these just failed by want of a translation? */
static inline bool ri_memory_has_missed(const RiThread *T)
{
    const RiSpace *space = ri_memory_space(T);
    return space == NULL || space->has_missed;
}

#endif
