/* Pieces of machine code as they are made, told to those who want to know: maps for profilers and debuggers.
 *
 * Nothing is told, and nothing is kept, unless somebody has asked for it at the start. */
#include <stdio.h>
#include <string.h>

#include "jit/core.h"
#include "vm/exec/debuginfo.h"

void ri_jit_piece_name(const RiJitPiece *piece, bool line, char out[RI_JIT_NAME_BYTES])
{
    if (!piece->proto) {
        snprintf(out, RI_JIT_NAME_BYTES, "rille: %s", piece->what);
        return;
    }
    char source[RI_JIT_NAME_BYTES / 2] = "?";
    const RiProto *proto = piece->proto;
    if (proto->source)
        ri_chunk_id(source, ri_str_data(proto->source), proto->source->size);
    int32_t at = line ? ri_proto_line(proto, piece->pc) : -1;
    if (proto->line_defined == 0)
        snprintf(out, RI_JIT_NAME_BYTES, "lua: %s main", source);
    else
        snprintf(out, RI_JIT_NAME_BYTES, "lua: %s:%u", source, proto->line_defined);
    size_t size = strlen(out);
    if (at >= 0)
        snprintf(out + size, RI_JIT_NAME_BYTES - size, " line %d", at);
    if (piece->what)
        strncat(out, " (cold)", RI_JIT_NAME_BYTES - strlen(out) - 1);
}

static void tell(RiJit *j, RiJitPiece piece)
{
    if (piece.start >= piece.end)
        return;
    if (j->perf_map)
        ri_jit_perf_add(j->perf_map, j, piece);
    if (j->tells_gdb)
        ri_jit_gdb_add(j, piece);
}

RiJitMark ri_jit_mark(const RiJit *j)
{
    return (RiJitMark){.hot = j->hot.at, .cold = j->cold.at, .cold_end = j->cold_end};
}

void ri_jit_tell(RiJit *j, RiJitMark since, const RiProto *proto, uint32_t pc)
{
    if (!j->perf_map && !j->tells_gdb)
        return;
    uint32_t hot = since.hot < j->hot.at ? since.hot : j->hot.at; /* a piece may take the place of the jump before it */
    uint32_t cold = since.cold_end == j->cold_end ? since.cold : j->cold_bottom; /* else this chunk was begun meanwhile */
    tell(j, (RiJitPiece){.start = hot, .end = j->hot.at, .proto = proto, .pc = pc});
    tell(j, (RiJitPiece){.start = cold, .end = j->cold.at, .proto = proto, .pc = pc, .what = "cold"});
}

void ri_jit_tell_routines(RiJit *j)
{
    tell(j, (RiJitPiece){.start = j->enter_address, .end = j->exit_address, .what = "enter machine code"});
    tell(j, (RiJitPiece){.start = j->exit_address, .end = j->bottom_address, .what = "leave machine code"});
    tell(j, (RiJitPiece){.start = j->bottom_address, .end = j->thunk_address, .what = "return"});
    tell(j, (RiJitPiece){.start = j->thunk_address, .end = j->call_address, .what = "stubs"});
    tell(j, (RiJitPiece){.start = j->call_address, .end = j->prologue_end, .what = "call"});
}
