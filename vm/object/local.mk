# object: values, strings, tables, functions and the heap.  Does not see the machine.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_object.a
LIB_OBJECT = librille_object.a
OBJECTS_OBJECT = $(librille_object_a_OBJECTS)
librille_object_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_OBJECT)
librille_object_a_SOURCES = \
	%D%/account.c \
	%D%/collector.h \
	%D%/func.c \
	%D%/func.h \
	%D%/gcworld.h \
	%D%/heap.c \
	%D%/heap.h \
	%D%/heap_commons.c \
	%D%/heap_mark.c \
	%D%/heap_pages.c \
	%D%/heap_roots.c \
	%D%/heap_settle.c \
	%D%/heap_spare.c \
	%D%/heap_world.c \
	%D%/lender.c \
	%D%/metamethods.def \
	%D%/objects.def \
	%D%/quota.c \
	%D%/shape.c \
	%D%/shape.h \
	%D%/str.c \
	%D%/str.h \
	%D%/table.c \
	%D%/table.h \
	%D%/thread.c \
	%D%/thread.h \
	%D%/udata.c \
	%D%/udata.h \
	%D%/value.c \
	%D%/value.h
# sources end
