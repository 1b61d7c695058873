# embed: lua.h and rille.h in terms of the layers below; installs the public headers and librille.a.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_embed.a
LIB_EMBED = librille_embed.a
OBJECTS_EMBED = $(librille_embed_a_OBJECTS)
librille_embed_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_EMBED)
librille_embed_a_SOURCES = \
	%D%/capi.h \
	%D%/capi_aux.c \
	%D%/capi_buffer.c \
	%D%/capi_call.c \
	%D%/capi_debug.c \
	%D%/capi_libs.c \
	%D%/capi_operate.c \
	%D%/capi_push.c \
	%D%/capi_stack.c \
	%D%/capi_state.c \
	%D%/capi_table.c \
	%D%/cxx.h \
	%D%/open.c \
	%D%/open.h \
	%D%/rille_call.c \
	%D%/rille_impl.h \
	%D%/rille_machine.c \
	%D%/rille_process.c \
	%D%/rille_state.c \
	%D%/rille_value.c
luainclude_HEADERS += \
	include/lauxlib.h \
	include/lua.h \
	include/lua.hpp \
	include/luaconf.h \
	include/lualib.h
include_HEADERS += \
	include/rille.h
lib_LIBRARIES += librille.a
librille_a_SOURCES =
librille_a_LIBADD = \
	$(OBJECTS_BASE) \
	$(OBJECTS_HOST) \
	$(OBJECTS_MACHINE) \
	$(OBJECTS_OBJECT) \
	$(OBJECTS_EXEC) \
	$(OBJECTS_COMPILER) \
	$(OBJECTS_JIT) \
	$(OBJECTS_FFI) \
	$(OBJECTS_STDLIB) \
	$(OBJECTS_EMBED)
librille_a_DEPENDENCIES = $(librille_a_LIBADD)
# sources end
