# jit: blocks of bytecode to machine code.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_jit.a
LIB_JIT = librille_jit.a
OBJECTS_JIT = $(librille_jit_a_OBJECTS)
librille_jit_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_JIT)
librille_jit_a_SOURCES = \
	%D%/asm_x64.c \
	%D%/asm_x64.def \
	%D%/asm_x64.h \
	%D%/context.c \
	%D%/core.c \
	%D%/core.h \
	%D%/emit_alloc.c \
	%D%/emit_arith.c \
	%D%/emit_branch.c \
	%D%/emit_call.c \
	%D%/emit_ffi.c \
	%D%/emit_intrinsic.c \
	%D%/emit_loop.c \
	%D%/emit_memory.c \
	%D%/emit_meta.c \
	%D%/emit_stack.c \
	%D%/emit_table.c \
	%D%/exits.def \
	%D%/gdb.c \
	%D%/inline.c \
	%D%/jit.h \
	%D%/listing.c \
	%D%/perfmap.c \
	%D%/pieces.c \
	%D%/stats.c \
	%D%/switch.c \
	%D%/witness.c
# sources end
