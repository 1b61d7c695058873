/* The whole way from source to prototype. */
#include "compiler/compile.h"

#include "compiler/parse.h"

#include <stddef.h>
#include <string.h>

static void start_unit(RiUnit *unit, RiHeap *heap, const char *source, size_t size, const char *chunkname,
                       RiCompileError *error)
{
    /* Everything but the storage that is written before it is read. */
    memset(unit, 0, offsetof(RiUnit, first_vars));
    unit->heap = heap;
    unit->failure.heap = heap;
    unit->failure.chunkname = chunkname;
    unit->failure.source = source;
    unit->failure.error = error;
    ri_vec_start(&unit->vars, unit->first_vars);
    ri_vec_start(&unit->actives, unit->first_actives);
    ri_vec_start(&unit->code.words, unit->first_words);
    ri_vec_start(&unit->constants, unit->first_constants);
    ri_vec_start(&unit->sites, unit->first_sites);
    ri_vec_start(&unit->children, unit->first_children);
    ri_arena_init(&unit->arena, heap);
    ri_lex_init(&unit->lexer, heap, &unit->failure, source, size);
    unit->source_name = ri_str_from_cstr(heap, chunkname);
    unit->env_name = ri_lex_string(&unit->lexer, "_ENV", 4);
    unit->state_name = ri_lex_string(&unit->lexer, "(for state)", 11);
}

RiProto *ri_compile_in_session(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiSession *session,
                               RiCompileError *error)
{
    RiUnit unit;
    uint32_t count = session->vars.count;
    error->message = NULL;
    error->line = error->column = 0;
    session->closed = NULL;
    start_unit(&unit, heap, source, size, chunkname, error);
    unit.session = session;
    if (setjmp(unit.failure.jump)) {
        session->vars.count = count;
        return NULL;
    }
    return ri_parse_chunk(&unit);
}

RiProto *ri_compile(RiHeap *heap, const char *source, size_t size, const char *chunkname, RiCompileError *error)
{
    RiUnit unit;
    error->message = NULL;
    error->line = error->column = 0;
    start_unit(&unit, heap, source, size, chunkname, error);
    if (setjmp(unit.failure.jump))
        return NULL;
    return ri_parse_chunk(&unit);
}
