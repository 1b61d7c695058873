# compiler: source text to verified bytecode.

# sources begin (kept by tools/update-sources)
noinst_LIBRARIES += librille_compiler.a
LIB_COMPILER = librille_compiler.a
OBJECTS_COMPILER = $(librille_compiler_a_OBJECTS)
librille_compiler_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_COMPILER)
librille_compiler_a_SOURCES = \
	%D%/ast.c \
	%D%/ast.h \
	%D%/code.c \
	%D%/code.h \
	%D%/compile.c \
	%D%/compile.h \
	%D%/diag.c \
	%D%/diag.h \
	%D%/emit.h \
	%D%/emit_expr.c \
	%D%/emit_stat.c \
	%D%/emit_table.c \
	%D%/fold.c \
	%D%/fold.h \
	%D%/lex.c \
	%D%/lex.h \
	%D%/mem.c \
	%D%/mem.h \
	%D%/parse.c \
	%D%/parse.h \
	%D%/scope.c \
	%D%/scope.h \
	%D%/tokens.def \
	%D%/unit.h
# sources end
