# stdlib: the libraries that Lua programs see.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_stdlib.a
LIB_STDLIB = librille_stdlib.a
OBJECTS_STDLIB = $(librille_stdlib_a_OBJECTS)
librille_stdlib_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_STDLIB)
librille_stdlib_a_SOURCES = \
	%D%/collect.c \
	%D%/collect.h \
	%D%/docs.def \
	%D%/handle.c \
	%D%/handle.h \
	%D%/lib_base.c \
	%D%/lib_bundle.c \
	%D%/lib_coroutine.c \
	%D%/lib_debug.c \
	%D%/lib_device.c \
	%D%/lib_ffi.c \
	%D%/lib_io.c \
	%D%/lib_machine.c \
	%D%/lib_math.c \
	%D%/lib_mem.c \
	%D%/lib_os.c \
	%D%/lib_package.c \
	%D%/lib_process.c \
	%D%/lib_signal.c \
	%D%/lib_string.c \
	%D%/lib_string.h \
	%D%/lib_sys.c \
	%D%/lib_table.c \
	%D%/lib_thread.c \
	%D%/lib_utf8.c \
	%D%/libs.h \
	%D%/mempointer.c \
	%D%/mempointer.h \
	%D%/policy_option.c \
	%D%/policy_option.h \
	%D%/state.c \
	%D%/state.h \
	%D%/stream.c \
	%D%/stream.h \
	%D%/strformat.c \
	%D%/strpack.c \
	%D%/strpattern.c \
	%D%/strpattern.h
# sources end
