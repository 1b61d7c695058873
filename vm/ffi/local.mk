# ffi: C types, declarations and calls through libffi.

# sources begin (kept by tools/update-sources)
LIB_FFI =
OBJECTS_FFI =
# sources end
