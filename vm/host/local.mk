# host: pages and code memory, clock, files, terminal.  The only folder with operating system headers.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_host.a
LIB_HOST = librille_host.a
OBJECTS_HOST = $(librille_host_a_OBJECTS)
librille_host_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_HOST)
librille_host_a_SOURCES = \
	%D%/child.c \
	%D%/child.h \
	%D%/codepages.c \
	%D%/codepages.h \
	%D%/context.c \
	%D%/context.h \
	%D%/fault.c \
	%D%/fault.h \
	%D%/files.c \
	%D%/files.h \
	%D%/host.c \
	%D%/host.h \
	%D%/host_flags.h \
	%D%/lineserver.c \
	%D%/lineserver.h \
	%D%/newfile.c \
	%D%/newfile.h \
	%D%/pages.c \
	%D%/pages.h \
	%D%/place.c \
	%D%/release.c \
	%D%/release.h \
	%D%/sampler.c \
	%D%/sampler.h \
	%D%/sockets.c \
	%D%/sockets.h \
	%D%/terminal.c \
	%D%/terminal.h \
	%D%/ticker.c \
	%D%/ticker.h \
	%D%/wall.c \
	%D%/wall.h \
	%D%/wall_calls.def
# sources end
