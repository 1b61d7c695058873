/* Functions of the basic library that must lie below it, because the interpreter looks at their addresses. */
#include "vm/exec/intrinsics.h"

#include "vm/exec/memory.h"

/* -- Iteration ------------------------------------------------------------------------------------------------- */

static int32_t base_next(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *t = ri_arg_table(T, args, nargs, 0);
    RiValue key = ri_arg(args, nargs, 1), value;
    uint64_t position;
    if (!ri_table_position_after(t, key, &position))
        ri_error_no_position(T, "invalid key to 'next'");
    if (!ri_table_next_at(t, &position, &key, &value))
        return ri_return_nil(args);
    return ri_return2(args, key, value);
}

const RiLibFn ri_libfn_next = RI_FN_INTRINSIC(
    NEXT, base_next, "next", "next(table [, key])",
    "The key and value after `key` in some order of traversal; the first ones without `key`, nil at the end.");

static int32_t ipairs_iterator(RiThread *T, RiValue *args, uint32_t nargs)
{
    int64_t index = (int64_t)((uint64_t)ri_arg_int(T, args, nargs, 1) + 1);
    RiValue element;
    if (RI_LIKELY(ri_is_table(args[0]) && ((RiTable *)args[0].p)->meta == NULL))
        element = ri_table_get_int(args[0].p, index);
    else if (ri_is_userdata(args[0]) && ri_view_try_get(T, args[0].p, &(RiValue){.i = index, .tag = RI_TAG_INT}, &element))
        args = T->base;
    else
        element = ri_index_int(T, args[0], index);
    args = T->base;
    if (ri_is_nil(element))
        return ri_return_nil(args);
    return ri_return2(args, ri_int(index), element);
}

const RiLibFn ri_libfn_ipairs_iterator = RI_FN_INTRINSIC(
    IPAIRS_ITERATOR, ipairs_iterator, "ipairs iterator", "(iterator of ipairs)(t, i)",
    "i + 1 and t[i + 1], or nil where that is nil; what ipairs returns first.");

/* -- Metatables ------------------------------------------------------------------------------------------------ */

void ri_value_set_meta(RiThread *T, RiValue v, RiTable *meta)
{
    RiHeap *heap = T->heap;
    bool finalized = meta != NULL && !T->process->closing && !ri_is_nil(ri_meta_get(heap, meta, RI_MM_GC));
    switch (v.tag) {
    case RI_TAG_TABLE: {
        RiTable *t = v.p;
        ri_table_set_meta(heap, t, meta);
        if (finalized && !(t->flags & RI_TABLE_FINALIZER)) {
            ri_heap_register_finalizer(heap, v);
            t->flags |= RI_TABLE_FINALIZER;
        }
        break;
    }
    case RI_TAG_USERDATA: {
        RiUserdata *u = v.p;
        u->meta = meta;
        if (finalized && !(u->object.flags & RI_UDATA_FINALIZER)) {
            ri_heap_register_finalizer(heap, v);
            u->object.flags |= RI_UDATA_FINALIZER;
        }
        break;
    }
    default:
        T->process->metatables[ri_type(v)] = meta;
        heap->epoch++; /* inline caches of methods may have gone through the old one */
        break;
    }
}
