# base: error codes, growable bytes and arrays, numbers as text.  Uses libc alone.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_base.a
LIB_BASE = librille_base.a
OBJECTS_BASE = $(librille_base_a_OBJECTS)
librille_base_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_BASE)
librille_base_a_SOURCES = \
	%D%/check.c \
	%D%/check.h \
	%D%/num.c \
	%D%/num.h \
	%D%/planted.c \
	%D%/planted.def \
	%D%/planted.h \
	%D%/quantity.c \
	%D%/quantity.h
# sources end
