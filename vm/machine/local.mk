# machine: processes, paged memory, traps, system calls, devices.  Knows nothing of Lua.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_machine.a
LIB_MACHINE = librille_machine.a
OBJECTS_MACHINE = $(librille_machine_a_OBJECTS)
librille_machine_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_MACHINE)
librille_machine_a_SOURCES = \
	%D%/engine.h \
	%D%/limits.def \
	%D%/machine.c \
	%D%/machine.h \
	%D%/proc.c \
	%D%/proc.h \
	%D%/sched.c \
	%D%/sched.h \
	%D%/signal.c \
	%D%/signal.h \
	%D%/signals.def
# sources end
