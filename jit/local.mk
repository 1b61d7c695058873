# jit: blocks of bytecode to machine code.

# sources begin (kept by tools/update-sources)
LIB_JIT =
OBJECTS_JIT =
# sources end
