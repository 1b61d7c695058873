# machine: processes, paged memory, traps, system calls, devices.  Knows nothing of Lua.

# sources begin (kept by tools/update-sources)
LIB_MACHINE =
OBJECTS_MACHINE =
EXTRA_DIST += \
	%D%/engine.h \
	%D%/limits.def \
	%D%/machine.h \
	%D%/proc.h \
	%D%/sched.h
# sources end
