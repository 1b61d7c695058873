# machine: processes, paged memory, traps, system calls, devices.  Knows nothing of Lua.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_machine.a
LIB_MACHINE = librille_machine.a
OBJECTS_MACHINE = $(librille_machine_a_OBJECTS)
librille_machine_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_MACHINE)
librille_machine_a_SOURCES = \
	%D%/access.c \
	%D%/bufcache.c \
	%D%/bufcache.h \
	%D%/capabilities.def \
	%D%/constants.def \
	%D%/dev_block.c \
	%D%/dev_clock.c \
	%D%/dev_console.c \
	%D%/dev_disk.c \
	%D%/dev_mailbox.c \
	%D%/dev_null.c \
	%D%/dev_ram.c \
	%D%/dev_random.c \
	%D%/dev_zero.c \
	%D%/device.c \
	%D%/device.h \
	%D%/devices.def \
	%D%/driver.h \
	%D%/engine.h \
	%D%/file.c \
	%D%/file.h \
	%D%/file_host.c \
	%D%/folder.c \
	%D%/folder.h \
	%D%/frame.c \
	%D%/frame.h \
	%D%/gate.c \
	%D%/gate.h \
	%D%/image.c \
	%D%/image.h \
	%D%/ioctls.def \
	%D%/layout.h \
	%D%/limits.def \
	%D%/machine.c \
	%D%/machine.h \
	%D%/mmu.c \
	%D%/mmu.h \
	%D%/mount.c \
	%D%/mount.h \
	%D%/pagetable.c \
	%D%/pagetable.h \
	%D%/pipe.c \
	%D%/policy.c \
	%D%/policy.h \
	%D%/proc.c \
	%D%/proc.h \
	%D%/region.c \
	%D%/region.h \
	%D%/registers.def \
	%D%/sched.c \
	%D%/sched.h \
	%D%/shm.c \
	%D%/shm.h \
	%D%/signal.c \
	%D%/signal.h \
	%D%/signals.def \
	%D%/socket.c \
	%D%/space.c \
	%D%/space.h \
	%D%/swap.c \
	%D%/swap.h \
	%D%/sys_file.c \
	%D%/sys_mem.c \
	%D%/sys_net.c \
	%D%/sys_proc.c \
	%D%/sys_time.c \
	%D%/syscall.c \
	%D%/syscall.h \
	%D%/syscalls.def \
	%D%/trace.c \
	%D%/trace.h \
	%D%/trap.c \
	%D%/trap.h \
	%D%/traps.def \
	%D%/user.c \
	%D%/user.h
# sources end
