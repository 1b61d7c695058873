/* mem.pointer: guest memory for C functions.
 *
 * The pages are pinned: they keep their frames, whatever happens to the mapping. Frames that follow each other are there for C
 * already, in the view of the machine; others are mapped once more, one behind the other. Either is given back by the
 * finalizer of a userdata that the pointer, and all that are computed from it, keep alive. */
#include "stdlib/mempointer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/memory.h"
#include "vm/exec/trap.h"
#include "vm/ffi/cdata.h"
#include "vm/host/pages.h"
#include "vm/machine/frame.h"

#define PIN_TYPE "mem.pin"

typedef struct Pin {
    RiPin *pin;   /* NULL: given back */
    char *mapped; /* NULL: the pages lie in the view */
    size_t mapped_bytes;
} Pin;

static const RiUserType pin_type = {.name = PIN_TYPE};

static void give_back(Pin *p)
{
    if (p->mapped != NULL)
        ri_pages_release(p->mapped, p->mapped_bytes);
    p->mapped = NULL;
    if (p->pin != NULL) {
        ri_space_unpin(p->pin, 0);
        free(p->pin);
    }
    p->pin = NULL;
}

static int32_t pin_gc(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)T;
    if (nargs > 0 && ri_is_userdata(args[0]) && ((RiUserdata *)args[0].p)->type == &pin_type)
        give_back((Pin *)(void *)((RiUserdata *)args[0].p)->data);
    return 0;
}

static const RiLibFn pin_gc_fn = RI_FN(pin_gc, "mem.pin.__gc", "(collection)(pin)", "Lets pages go that C could see.");

static Pin *new_pin(RiThread *T, RiUserdata **out)
{
    RiTable *meta = ri_type_metatable(T, PIN_TYPE);
    ri_push(T, ri_table_value(meta));
    ri_table_set_str(T->heap, meta, T->heap->mm_names[RI_MM_GC], ri_object(&pin_gc_fn, RI_TAG_LIBFN));
    RiUserdata *u = ri_udata_new(T->heap, sizeof(Pin), 0);
    u->type = &pin_type;
    u->meta = meta;
    ri_push(T, ri_object(u, RI_TAG_USERDATA));
    ri_heap_register_finalizer(T->heap, ri_object(u, RI_TAG_USERDATA));
    *out = u;
    return (Pin *)(void *)u->data;
}

/* All parts one behind the other, mapped for C. NULL, errno. */
static char *map_parts(Pin *p, unsigned prot)
{
    const RiPin *pin = p->pin;
    uint32_t offset = pin->address % RI_PAGE_BYTES;
    size_t bytes = ((size_t)offset + pin->size + RI_PAGE_BYTES - 1) & ~(size_t)(RI_PAGE_BYTES - 1);
    char *start = ri_pages_reserve(bytes), *at = start;
    if (start == NULL)
        return NULL;
    p->mapped = start;
    p->mapped_bytes = bytes;
    for (uint32_t i = 0; i < pin->count; i++) {
        const RiPinPart *part = &pin->parts[i];
        uint64_t place = (uint64_t)(part->bytes - pin->frames->view), first = place & ~(uint64_t)(RI_PAGE_BYTES - 1);
        size_t size = (size_t)((place + part->size - first + RI_PAGE_BYTES - 1) & ~(uint64_t)(RI_PAGE_BYTES - 1));
        if (!ri_pages_map(at, size, pin->frames->fd, first, prot))
            return NULL;
        at += size;
    }
    return start + offset;
}

static bool has_bounces(const RiPin *pin)
{
    for (uint32_t i = 0; i < pin->count; i++) {
        if (pin->parts[i].frame == 0)
            return true;
    }
    return false;
}

int32_t ri_mem_pointer(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const prots[] = {"r", "rw", NULL};
    RiTrap trap;
    RiUserdata *u;
    int64_t address = ri_arg_int(T, args, nargs, 0), size = ri_arg_int(T, args, nargs, 1);
    bool writes = ri_arg_option(T, args, nargs, 2, "rw", prots) == 1;
    RI_ARG_CHECK(T, address >= 0 && address <= UINT32_MAX, 0, "address out of range");
    RI_ARG_CHECK(T, size > 0 && (uint64_t)size <= RI_SPACE_BYTES - (uint64_t)address, 1, "size out of range");
    RiFfi *ffi = ri_ffi_state(T);
    if (T->process->metatables[RI_TYPE_CDATA] == NULL)
        ri_error(T, "mem.pointer needs the ffi library: require \"ffi\" first");
    RiSpace *space = ri_memory_need_space(T);
    Pin *p = new_pin(T, &u);
    RiPin *pin = malloc(sizeof *pin);
    if (pin == NULL)
        ri_error_memory(T);
    if (!ri_space_pin(space, (RiAddr)address, (uint64_t)size, writes ? RI_ACCESS_WRITE : RI_ACCESS_READ, pin, &trap)) {
        free(pin);
        T->top -= 2;
        return ri_exec_trap(T, &trap);
    }
    p->pin = pin;
    if (has_bounces(pin)) {
        give_back(p);
        ri_error(T, "pages of a file that are not in memory cannot be shared with C");
    }
    char *bytes = pin->count == 1 ? pin->parts[0].bytes : map_parts(p, writes ? RI_PROT_READ | RI_PROT_WRITE : RI_PROT_READ);
    if (bytes == NULL) {
        const char *why = strerror(errno);
        give_back(p);
        ri_error(T, "%s", why);
    }
    RiCtype *byte = ri_ctype_qualified(T, ffi->basic[RI_C_UCHAR], writes ? 0 : RI_CQ_CONST);
    return ri_return1(T->base, ri_cdata_value(ri_cdata_pointer(T, ri_ctype_pointer(T, byte), bytes, u)));
}
