# machine: processes, paged memory, traps, system calls, devices.  Knows nothing of Lua.

# sources begin (kept by tools/update-sources)
LIB_MACHINE =
OBJECTS_MACHINE =
# sources end
