# exec: bytecode, verifier, interpreter, slow paths of both engines.

# Values move as two words; the vectorizer would merge the stores and stall the loads after them.
FLAGS_EXEC = -fno-tree-slp-vectorize

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_exec.a
LIB_EXEC = librille_exec.a
OBJECTS_EXEC = $(librille_exec_a_OBJECTS)
librille_exec_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_EXEC)
librille_exec_a_SOURCES = \
	%D%/abstract.c \
	%D%/abstract.h \
	%D%/breakpoint.c \
	%D%/breakpoint.h \
	%D%/bundle.c \
	%D%/bundle.h \
	%D%/call.c \
	%D%/call.h \
	%D%/chunk.c \
	%D%/chunk.h \
	%D%/clone.c \
	%D%/clone.h \
	%D%/copy.c \
	%D%/copy.h \
	%D%/debuginfo.c \
	%D%/debuginfo.h \
	%D%/disasm.c \
	%D%/disasm.h \
	%D%/engine.c \
	%D%/engine.h \
	%D%/foreign.h \
	%D%/fork.c \
	%D%/formats.def \
	%D%/forward.c \
	%D%/forward.h \
	%D%/hook.c \
	%D%/hooks.h \
	%D%/inspect.c \
	%D%/inspect.h \
	%D%/interp.c \
	%D%/intrinsics.c \
	%D%/intrinsics.h \
	%D%/memory.c \
	%D%/memory.h \
	%D%/memtypes.def \
	%D%/native.c \
	%D%/native.h \
	%D%/opcode.c \
	%D%/opcode.h \
	%D%/opcodes.def \
	%D%/semantics.c \
	%D%/semantics.h \
	%D%/sigcall.c \
	%D%/stackwalk.c \
	%D%/stackwalk.h \
	%D%/state.c \
	%D%/state.h \
	%D%/step.c \
	%D%/step.h \
	%D%/stress.c \
	%D%/stress.h \
	%D%/template.c \
	%D%/template.h \
	%D%/traceback.c \
	%D%/traceback.h \
	%D%/trap.c \
	%D%/trap.h \
	%D%/unwind.c \
	%D%/verify.c \
	%D%/verify.h \
	%D%/warn.c \
	%D%/warn.h \
	%D%/witness.c \
	%D%/witness.h
# sources end
