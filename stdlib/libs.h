/* Every library there is; vm/embed opens them in this order. */
#ifndef RI_STDLIB_LIBS_H
#define RI_STDLIB_LIBS_H

#include "vm/exec/native.h"

extern const RiLibrary ri_lib_base;
extern const RiLibrary ri_lib_package;
extern const RiLibrary ri_lib_coroutine;
extern const RiLibrary ri_lib_table;
extern const RiLibrary ri_lib_io;
extern const RiLibrary ri_lib_os;
extern const RiLibrary ri_lib_string;
extern const RiLibrary ri_lib_utf8;
extern const RiLibrary ri_lib_math;
extern const RiLibrary ri_lib_debug;

/* Does the environment leave package.path and package.cpath as they are without it? */
bool ri_package_has_default_paths(void);
/* What the opening of the libraries does in a process of its own only, and a template does not hold: finalizers, paths,
 * settings. Collects. Traps: not enough memory. */
void ri_libraries_settle(RiThread *T);

/* Libraries of the machine: a program gets them by `require`, through package.preload. */
#define RI_MACHINE_LIBRARIES(X) X(bundle) X(device) X(ffi) X(process) X(signal) X(sys) X(thread) X(mem)
#define DECLARE(name) extern const RiLibrary ri_lib_##name;
RI_MACHINE_LIBRARIES(DECLARE)
#undef DECLARE
/* Fill package.preload. */
void ri_open_machine_preloads(RiThread *T, RiTable *preload);

#endif
