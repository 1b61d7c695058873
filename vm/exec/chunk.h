/* Saved chunks: string.dump, load, `rille compile`. Endian-neutral, versioned, verified on loading.
 *
 *     bytes  0..30   the header that PUC's Lua 5.4 writes: "\x1bLua" 0x54 0x00 "\x19\x93\r\n\x1a\n", sizes 4 8 8, the integer
 *                    0x5678 and the float 370.5 (always little-endian here)
 *     31..35  "RILLE"     36  format version     37  flags     38..41  size of the body, little-endian
 *     42..    body: string table, then the main function; nested functions follow the data of their parent
 *     4 bytes checksum of everything before, which doc/bytecode.md defines
 *
 * In the body counts and unsigned numbers are varints (LEB128), integers zigzag varints, floats little-endian IEEE
 * doubles, instruction words four bytes little-endian. What follows the checksum is ignored, as PUC does. */
#ifndef RI_EXEC_CHUNK_H
#define RI_EXEC_CHUNK_H

#include "vm/object/func.h"

#define RI_CHUNK_VERSION 2 /* raise with every change of the instruction set or of this format */

/* The saved form of a function; stripped: without names, lines and source. Collects: yes. */
RiString *ri_chunk_dump(RiHeap *heap, const RiProto *proto, bool strip);

/* NULL and the reason in *error if refused ("truncated chunk" for every proper prefix of a chunk); the caller makes
 * "NAME: bad binary format (REASON)" of it. The result is verified. Collects: yes. */
RiProto *ri_chunk_load(RiHeap *heap, const char *bytes, size_t size, const char **error, char message[160]);

#endif
