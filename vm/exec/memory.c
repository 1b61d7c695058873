/* Loads and stores of Lua values in guest memory. */
#include "vm/exec/memory.h"

#include <errno.h>

#include "vm/exec/intrinsics.h"

#define MEM_SET_INT(out, v) ri_set_int(out, (int64_t)(v))
#define MEM_SET_FLOAT(out, v) ri_set_float(out, (double)(v))

const RiMemTypeInfo ri_mem_types[RI_MEM_COUNT] = {
#define MEMTYPE(id, type_name, bits, c_type, set) {type_name, bits / 8, (c_type)0.5 != 0},
#include "vm/exec/memtypes.def"
#undef MEMTYPE
};

/* Addresses mean the same to a child made by fork, or where the same segment lies at the same place; anywhere else they are
 * merely addresses. */
static RiUserdata *copy_view(RiProcess *to, const RiUserdata *u, const char **why)
{
    (void)why;
    RiUserdata *copy = ri_udata_new(to->heap, sizeof(RiView), 0);
    memcpy(copy->data, u->data, sizeof(RiView));
    copy->type = &ri_view_type;
    return copy;
}

static bool fork_view(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    (void)clone, (void)why;
    memcpy(u->data, from->data, sizeof(RiView));
    return true;
}

const RiUserType ri_view_type = {.name = "mem.view", .copy = copy_view, .fork = fork_view};

/* -- The space ---------------------------------------------------------------------------------------------------- */

RiSpace *ri_memory_need_space(RiThread *T)
{
    RiProc *proc = T->process->proc;
    if (proc == NULL)
        ri_error(T, "no address space: the state has no machine");
    if (proc->space != NULL)
        return proc->space;
    RiSpace *space = ri_space_of(proc);
    if (space != NULL)
        return space;
    if (errno == ENOMEM)
        ri_error_memory(T);
    ri_error(T, "no address space: %s", strerror(errno)); /* the swap file */
}

/* -- Values and bits ---------------------------------------------------------------------------------------------- */

static RI_ALWAYS_INLINE void value_of_bits(RiMemType type, uint64_t bits_read, RiValue *out)
{
    switch (type) {
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    case RI_MEM_##id: {                                                                            \
        uint##bits##_t narrow = (uint##bits##_t)bits_read;                                         \
        c_type v;                                                                                  \
        memcpy(&v, &narrow, sizeof v);                                                             \
        set(out, v);                                                                               \
        return;                                                                                    \
    }
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    case RI_MEM_COUNT:
        break;
    }
    ri_unreachable();
}

static RI_ALWAYS_INLINE bool bits_of_number(RiMemType type, const RiValue *v, uint64_t *bits)
{
    if (type != RI_MEM_F32 && type != RI_MEM_F64) {
        *bits = v->u;
        return v->tag == RI_TAG_INT;
    }
    if (v->tag != RI_TAG_FLOAT && v->tag != RI_TAG_INT)
        return false;
    double n = v->tag == RI_TAG_FLOAT ? v->n : (double)v->i;
    if (type == RI_MEM_F64) {
        memcpy(bits, &n, sizeof n);
    } else {
        float f = (float)n;
        uint32_t narrow;
        memcpy(&narrow, &f, sizeof f);
        *bits = narrow;
    }
    return true;
}

bool ri_memory_bits(RiMemType type, RiValue v, uint64_t *bits)
{
    if (bits_of_number(type, &v, bits))
        return true;
    double n;
    int64_t i;
    if (ri_mem_types[type].is_float ? !ri_to_float(v, &n) : !ri_to_int(v, &i))
        return false;
    RiValue number = ri_mem_types[type].is_float ? ri_float(n) : ri_int(i);
    return bits_of_number(type, &number, bits);
}

/* -- Complete accesses -------------------------------------------------------------------------------------------- */

bool ri_memory_load(RiSpace *space, RiMemType type, RiAddr address, RiValue *out, RiTrap *trap)
{
    uint64_t bits = 0;
    space->has_missed = false;
    if (!ri_space_load_slow(space, address, &bits, ri_mem_types[type].size, trap))
        return false;
    value_of_bits(type, bits, out);
    return true;
}

bool ri_memory_store(RiSpace *space, RiMemType type, RiAddr address, uint64_t bits, RiTrap *trap)
{
    space->has_missed = false;
    return ri_space_store_slow(space, address, &bits, ri_mem_types[type].size, trap);
}

/* -- Fast paths --------------------------------------------------------------------------------------------------- */

/* One function for each type, load_U8 … and store_U8 …, so that a switch over types has them inline. */
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    static RI_ALWAYS_INLINE bool load_##id(RiSpace *space, RiAddr address, RiValue *out)           \
    {                                                                                              \
        uint##bits##_t word;                                                                       \
        c_type v;                                                                                  \
        if (RI_UNLIKELY(!ri_space_try_load_u##bits(space, address, &word))) {                      \
            space->has_missed = true;                                                              \
            return false;                                                                          \
        }                                                                                          \
        memcpy(&v, &word, sizeof v);                                                               \
        set(out, v);                                                                               \
        return true;                                                                               \
    }                                                                                              \
    static RI_ALWAYS_INLINE bool store_##id(RiSpace *space, RiAddr address, const RiValue *v)      \
    {                                                                                              \
        uint64_t word;                                                                             \
        if (RI_UNLIKELY(!bits_of_number(RI_MEM_##id, v, &word)))                                   \
            return false;                                                                          \
        if (RI_LIKELY(ri_space_try_store_u##bits(space, address, (uint##bits##_t)word)))           \
            return true;                                                                           \
        space->has_missed = true;                                                                  \
        return false;                                                                              \
    }
#include "vm/exec/memtypes.def"
#undef MEMTYPE

static RI_ALWAYS_INLINE bool try_load(RiSpace *space, RiMemType type, RiAddr address, RiValue *out)
{
    switch (type) {
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    case RI_MEM_##id:                                                                              \
        return load_##id(space, address, out);
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    case RI_MEM_COUNT:
        break;
    }
    return false;
}

static RI_ALWAYS_INLINE bool try_store(RiSpace *space, RiMemType type, RiAddr address, const RiValue *v)
{
    switch (type) {
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    case RI_MEM_##id:                                                                              \
        return store_##id(space, address, v);
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    case RI_MEM_COUNT:
        break;
    }
    return false;
}

int32_t ri_memory_intrinsic(RiThread *T, uint32_t intrinsic, RiValue *func, uint32_t nargs)
{
    const RiValue *args = func + 2;
    RiSpace *space = ri_memory_space(T);
    uint32_t wanted = intrinsic < RI_INTRINSIC_MEM_STORE_U8 ? 1 : 2;
    if (RI_UNLIKELY(space == NULL || nargs != wanted || args->tag != RI_TAG_INT || args->u > UINT32_MAX))
        return -1;
    RiAddr address = (RiAddr)args->u;
    switch (intrinsic) {
#define MEMTYPE(id, name, bits, c_type, set)                                                       \
    case RI_INTRINSIC_MEM_LOAD_##id:                                                               \
        return RI_LIKELY(load_##id(space, address, func)) ? 1 : -1;                                \
    case RI_INTRINSIC_MEM_STORE_##id:                                                              \
        return RI_LIKELY(store_##id(space, address, args + 1)) ? 0 : -1;
#include "vm/exec/memtypes.def"
#undef MEMTYPE
    default:
        return -1;
    }
}

bool ri_memory_try_load(RiThread *T, RiMemType type, RiAddr address, RiValue *out)
{
    return !ri_memory_has_missed(T) && try_load(ri_memory_space(T), type, address, out);
}

bool ri_memory_try_store(RiThread *T, RiMemType type, RiAddr address, const RiValue *v)
{
    return !ri_memory_has_missed(T) && try_store(ri_memory_space(T), type, address, v);
}

static RI_ALWAYS_INLINE RiAddr element_address(const RiView *view, uint64_t index)
{
    return view->address + (RiAddr)(index * ri_mem_types[view->type].size);
}

bool ri_view_try_get(RiThread *T, const RiUserdata *u, const RiValue *key, RiValue *out)
{
    const RiView *view = (const RiView *)(const void *)u->data;
    if (RI_UNLIKELY(u->type != &ri_view_type || key->tag != RI_TAG_INT))
        return false;
    if (RI_UNLIKELY(key->u - 1 >= view->count)) {
        ri_set_nil(out);
        return true;
    }
    RiSpace *space = ri_memory_space(T);
    return RI_LIKELY(space != NULL) && try_load(space, (RiMemType)view->type, element_address(view, key->u - 1), out);
}

bool ri_view_try_set(RiThread *T, const RiUserdata *u, const RiValue *key, const RiValue *v)
{
    const RiView *view = (const RiView *)(const void *)u->data;
    if (RI_UNLIKELY(u->type != &ri_view_type || key->tag != RI_TAG_INT || key->u - 1 >= view->count))
        return false;
    RiSpace *space = ri_memory_space(T);
    return RI_LIKELY(space != NULL) && try_store(space, (RiMemType)view->type, element_address(view, key->u - 1), v);
}
