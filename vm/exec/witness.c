/* Folding a frame into a number. */
#include "vm/exec/witness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/opcode.h"

#define STRING_BYTES_MAX 64 /* of a long string: its beginning and its end count */

struct RiWitness {
    FILE *file;
    uint64_t count, limit, from, until;
    uint64_t last[256]; /* state of frames by their place on the stack */
};

RiWitness *ri_witness_open(const char *path, uint64_t limit, uint64_t from, uint64_t count)
{
    RiWitness *witness = calloc(1, sizeof *witness);
    if (witness)
        witness->file = fopen(path, "wb");
    if (!witness || !witness->file) {
        free(witness);
        return NULL;
    }
    witness->limit = limit;
    witness->from = from ? from : UINT64_MAX;
    witness->until = from + count;
    return witness;
}

void ri_witness_close(RiWitness *witness)
{
    if (witness)
        fclose(witness->file);
    free(witness);
}

static void fold(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * 0x9e3779b97f4a7c15u;
    *hash ^= *hash >> 29;
}

static void fold_bytes(uint64_t *hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ (uint8_t)bytes[i]) * 0x100000001b3u;
}

static void fold_string(uint64_t *hash, const RiString *s)
{
    const char *bytes = ri_str_data(s), *colon = memchr(bytes, ':', s->size < 20 ? s->size : 20);
    if (colon && s->size > 20 && memcmp(colon, ": 0x", 4) == 0) { /* the text of an address */
        fold_bytes(hash, bytes, (size_t)(colon - bytes));
        return;
    }
    if (s->size > 8 && memcmp(bytes, "0x7f", 4) == 0) /* of one by itself, from %p */
        return;
    fold(hash, s->size);
    if (s->size <= STRING_BYTES_MAX) {
        fold_bytes(hash, bytes, s->size);
    } else {
        fold_bytes(hash, bytes, STRING_BYTES_MAX / 2);
        fold_bytes(hash, bytes + s->size - STRING_BYTES_MAX / 2, STRING_BYTES_MAX / 2);
    }
}

static void fold_value(uint64_t *hash, RiValue v)
{
    fold(hash, v.tag & 0xff);
    switch (v.tag & 0xff) {
    case RI_TAG_INT:
    case RI_TAG_FLOAT:
        fold(hash, v.u);
        break;
    case RI_TAG_STRING:
        fold_string(hash, v.cp);
        break;
    case RI_TAG_TABLE:
        fold(hash, ((const RiTable *)v.cp)->serial);
        break;
    case RI_TAG_CLOSURE:
        fold(hash, ((const RiClosure *)v.cp)->feedback->proto->line_defined);
        break;
    case RI_TAG_LIBFN:
        fold_bytes(hash, ((const RiLibFn *)v.cp)->name, strlen(((const RiLibFn *)v.cp)->name));
        break;
    case RI_TAG_CELL:
        fold(hash, ((const RiCell *)v.cp)->value.tag); /* its value is seen when it is read */
        break;
    default:
        break;
    }
}

static void describe(const RiWitness *witness, const RiThread *T, const RiProto *proto)
{
    fprintf(stderr, "state %" PRIu64 ": base %td, function at line %" PRIu32 ", pc %" PRIu32 " %s, line %d:", witness->count,
            T->base - T->stack, proto->line_defined, T->pc, ri_op_info[RI_WORD_OP(proto->code[T->pc])].name,
            (int)ri_proto_line(proto, T->pc));
    for (const RiValue *v = T->base; v < T->top; v++) {
        switch (v->tag & 0xff) {
        case RI_TAG_INT:
            fprintf(stderr, " %" PRId64, v->i);
            break;
        case RI_TAG_FLOAT:
            fprintf(stderr, " %.17g", v->n);
            break;
        case RI_TAG_STRING:
            fprintf(stderr, " '%.40s'", ri_str_data(v->cp));
            break;
        case RI_TAG_TABLE:
            fprintf(stderr, " table#%" PRIu32, ((const RiTable *)v->cp)->serial);
            break;
        default:
            fprintf(stderr, " tag%d", (int)(v->tag & 0xff));
        }
    }
    fputc('\n', stderr);
}

void ri_witness_tell(RiWitness *witness, const RiThread *T)
{
    if (witness->count >= witness->limit)
        return;
    const RiProto *proto = ((const RiClosure *)T->base[-2].cp)->feedback->proto;
    RiWord w = proto->code[T->pc];
    if (RI_WORD_OP(w) == RI_OP_TFORLOOP) /* done together with the TFORCALL before it, or not */
        return;
    const RiLink *link = (const RiLink *)&T->base[-1];
    uint64_t hash = T->serial;
    fold(&hash, (uint64_t)(T->base - T->stack) << 32 | T->pc);
    fold(&hash, (uint64_t)proto->line_defined << 32 | proto->code_count);
    fold(&hash, (uint64_t)link->extra << 40 | (uint64_t)link->delta << 8 | link->wanted_plus_1);
    const RiValue *top = RI_WORD_OP(w) == RI_OP_TFORCALL ? T->base + RI_WORD_A(w) + 4 : T->top; /* it drops the rest */
    for (const RiValue *v = T->base; v < top; v++)
        fold_value(&hash, *v);
    uint64_t *last = &witness->last[(T->base - T->stack) % (ptrdiff_t)RI_COUNTOF(witness->last)];
    if (hash == *last)
        return;
    *last = hash;
    witness->count++;
    fwrite(&hash, sizeof hash, 1, witness->file);
    if (witness->count >= witness->from && witness->count < witness->until)
        describe(witness, T, proto);
}
