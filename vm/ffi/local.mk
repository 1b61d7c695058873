# ffi: C types, declarations and calls through libffi.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_ffi.a
LIB_FFI = librille_ffi.a
OBJECTS_FFI = $(librille_ffi_a_OBJECTS)
librille_ffi_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_FFI)
librille_ffi_a_SOURCES = \
	%D%/basictypes.def \
	%D%/call.c \
	%D%/callback.c \
	%D%/cdata.c \
	%D%/cdata.h \
	%D%/ctype.c \
	%D%/ctype.h \
	%D%/foreign.c \
	%D%/foreign.h \
	%D%/invoke.c \
	%D%/invoke.h \
	%D%/native.c \
	%D%/native.h \
	%D%/operator.c \
	%D%/parse.c
# sources end
