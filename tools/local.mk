# tools: the command `rille`, one cmd_*.c a sub-command.

# C modules loaded at run time find the API in the command itself: keep and export all of it.
FLAGS_COMMAND = -rdynamic
LIBS_COMMAND = $(WHOLE_ARCHIVE) $(LIB_EMBED) $(NO_WHOLE_ARCHIVE) $(LIBS_UNDER_EMBED) \
	$(READLINE_LIBS) $(JANSSON_LIBS) $(OUTSIDE_LIBS)

# Parts of the command that are written in Lua, as C arrays.
LUA_ARRAYS = tools/lua/test.inc tools/lua/describe.inc tools/lua/bench.inc tools/lua/bundle.inc tools/lua/reload.inc
BUILT_SOURCES += $(LUA_ARRAYS)
CLEANFILES += $(LUA_ARRAYS)
EXTRA_DIST += %D%/embed-lua
WEB_ARRAYS = tools/web/top_html.inc tools/web/top_js.inc tools/web/top_css.inc
BUILT_SOURCES += $(WEB_ARRAYS)
CLEANFILES += $(WEB_ARRAYS)
tools/web/top_html.inc: tools/web/top.html
tools/web/top_js.inc: tools/web/top.js
tools/web/top_css.inc: tools/web/top.css
$(WEB_ARRAYS):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SHELL) $(srcdir)/tools/embed-lua $< >$@.new && mv $@.new $@
tools/top_http.$(OBJEXT): $(WEB_ARRAYS)
SUFFIXES += .lua .inc
.lua.inc:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SHELL) $(srcdir)/tools/embed-lua $< >$@.new && mv $@.new $@
tools/script.$(OBJEXT) tools/repl_reload.$(OBJEXT): $(LUA_ARRAYS)

# What `rille bundle` puts programs behind: it needs nothing but libc.
pkglibexec_PROGRAMS += rille-stub
rille_stub_SOURCES = tools/stub/stub.c tools/tool.c tools/limits.c tools/stats.c
rille_stub_LDFLAGS = $(AM_LDFLAGS) $(FLAGS_COMMAND) -s
rille_stub_LDADD = $(WHOLE_ARCHIVE) $(LIB_EMBED) $(NO_WHOLE_ARCHIVE) $(LIBS_UNDER_EMBED) $(STUB_LIBS) $(SYSTEM_LIBS)

# sources begin (kept by tools/update-sources)
bin_PROGRAMS += rille
rille_LDFLAGS = $(AM_LDFLAGS) $(FLAGS_COMMAND)
rille_LDADD = $(LIBS_COMMAND)
rille_SOURCES = \
	%D%/client.c \
	%D%/client.h \
	%D%/cmd_bench.c \
	%D%/cmd_bundle.c \
	%D%/cmd_compile.c \
	%D%/cmd_completion.c \
	%D%/cmd_cover.c \
	%D%/cmd_dap.c \
	%D%/cmd_debug.c \
	%D%/cmd_dis.c \
	%D%/cmd_doc.c \
	%D%/cmd_help.c \
	%D%/cmd_kill.c \
	%D%/cmd_mem.c \
	%D%/cmd_prof.c \
	%D%/cmd_ps.c \
	%D%/cmd_run.c \
	%D%/cmd_test.c \
	%D%/cmd_top.c \
	%D%/cmd_trace.c \
	%D%/commands.def \
	%D%/control.c \
	%D%/control.h \
	%D%/cover.c \
	%D%/cover.h \
	%D%/cover_html.c \
	%D%/dap.h \
	%D%/dap_requests.c \
	%D%/dap_variables.c \
	%D%/dap_wire.c \
	%D%/debug_scope.c \
	%D%/debug_scope.h \
	%D%/debugger.c \
	%D%/debugger.h \
	%D%/devices.c \
	%D%/devices.h \
	%D%/docs.c \
	%D%/docs.h \
	%D%/help.c \
	%D%/help.def \
	%D%/help.h \
	%D%/help_completion.c \
	%D%/help_man.c \
	%D%/limits.c \
	%D%/limits.h \
	%D%/markup.c \
	%D%/markup.h \
	%D%/memory_map.c \
	%D%/memory_map.h \
	%D%/options_jit.c \
	%D%/options_jit.h \
	%D%/options_policy.c \
	%D%/options_policy.h \
	%D%/os_sandbox.c \
	%D%/os_sandbox.h \
	%D%/profile.c \
	%D%/profile.h \
	%D%/profile_sample.c \
	%D%/profile_svg.c \
	%D%/profile_text.c \
	%D%/repl.c \
	%D%/repl.h \
	%D%/repl_commands.c \
	%D%/repl_commands.def \
	%D%/repl_complete.c \
	%D%/repl_complete.h \
	%D%/repl_error.c \
	%D%/repl_history.c \
	%D%/repl_history.h \
	%D%/repl_input.c \
	%D%/repl_measure.c \
	%D%/repl_plain.c \
	%D%/repl_print.c \
	%D%/repl_print.h \
	%D%/repl_reload.c \
	%D%/repl_session.c \
	%D%/repl_settings.def \
	%D%/repl_style.c \
	%D%/repl_style.h \
	%D%/rille.c \
	%D%/script.c \
	%D%/script.h \
	%D%/scripts.def \
	%D%/stats.c \
	%D%/tool.c \
	%D%/tool.h \
	%D%/top_http.c
# sources end
