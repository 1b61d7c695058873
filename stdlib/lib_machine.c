/* How programs get at the libraries of the machine: `require "process"` and its like find loaders in package.preload.
 * They are no globals, so a portable program sees nothing of them. */
#include "stdlib/libs.h"

#define LOADER(name)                                                                               \
    static int32_t load_##name(RiThread *T, RiValue *args, uint32_t nargs)                         \
    {                                                                                              \
        (void)nargs;                                                                               \
        (void)args;                                                                                \
        RiTable *library = ri_library_make(T, &ri_lib_##name);                                     \
        return ri_return1(T->base, ri_table_value(library));                                       \
    }
RI_MACHINE_LIBRARIES(LOADER)
#undef LOADER

#define ROW(name) RI_FN(load_##name, "package.preload." #name, "(loader)()", "Makes the library '" #name "'."),
static const RiLibFn loaders[] = {RI_MACHINE_LIBRARIES(ROW)};
#undef ROW

void ri_open_machine_preloads(RiThread *T, RiTable *preload)
{
    ri_library_fill(T, preload, loaders, RI_COUNTOF(loaders));
}
