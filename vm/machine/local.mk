# machine: processes, paged memory, traps, system calls, devices.  Knows nothing of Lua.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_machine.a
LIB_MACHINE = librille_machine.a
OBJECTS_MACHINE = $(librille_machine_a_OBJECTS)
librille_machine_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_MACHINE)
librille_machine_a_SOURCES = \
	%D%/access.c \
	%D%/engine.h \
	%D%/frame.c \
	%D%/frame.h \
	%D%/layout.h \
	%D%/limits.def \
	%D%/machine.h \
	%D%/mmu.c \
	%D%/mmu.h \
	%D%/pagetable.c \
	%D%/pagetable.h \
	%D%/proc.h \
	%D%/region.c \
	%D%/region.h \
	%D%/sched.h \
	%D%/shm.c \
	%D%/shm.h \
	%D%/space.c \
	%D%/space.h \
	%D%/swap.c \
	%D%/swap.h \
	%D%/trap.c \
	%D%/trap.h \
	%D%/traps.def
# sources end
