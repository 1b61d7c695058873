/* What every fuzz target (fuzz_NAME.c) uses. A target is one function, LLVMFuzzerTestOneInput: it does something with the bytes
 * and aborts, saying why, when what comes out is wrong. Built with clang's libFuzzer (./configure --enable-fuzzers) it is
 * driven by coverage; otherwise by fuzz_main.c, which replays files and mutates them at random. README.md has the list. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of an input, taken from the front; past the end there are zeros. */
typedef struct FuzzInput {
    const uint8_t *at, *end;
} FuzzInput;

static inline FuzzInput fuzz_input(const uint8_t *data, size_t size)
{
    return (FuzzInput){data, data + size};
}
static inline bool fuzz_is_empty(const FuzzInput *in)
{
    return in->at == in->end;
}
static inline uint8_t fuzz_byte(FuzzInput *in)
{
    return in->at < in->end ? *in->at++ : 0;
}
static inline uint64_t fuzz_word(FuzzInput *in, int bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < bytes; i++)
        word |= (uint64_t)fuzz_byte(in) << 8 * i;
    return word;
}
/* 0 … limit - 1. */
static inline uint32_t fuzz_below(FuzzInput *in, uint32_t limit)
{
    return (uint32_t)fuzz_word(in, limit > 256 ? 4 : 1) % limit;
}
/* A number of the kinds that break things: small, a power of two give or take one, the largest, anything. */
static inline int64_t fuzz_integer(FuzzInput *in)
{
    uint8_t how = fuzz_byte(in);
    if (how < 128)
        return how - 16;
    if (how < 192)
        return (int64_t)(((uint64_t)1 << (how & 63)) + (uint64_t)(int64_t)(fuzz_byte(in) % 3 - 1));
    if (how < 200)
        return INT64_MIN + fuzz_byte(in);
    if (how < 208)
        return INT64_MAX - fuzz_byte(in);
    return (int64_t)fuzz_word(in, 8);
}
/* At most `limit` bytes, as many as the first byte says; they stay where they are. */
static inline const char *fuzz_bytes(FuzzInput *in, size_t limit, size_t *size)
{
    size_t wanted = fuzz_byte(in);
    if (wanted > limit)
        wanted = limit;
    if (wanted > (size_t)(in->end - in->at))
        wanted = (size_t)(in->end - in->at);
    const char *bytes = (const char *)in->at;
    in->at += wanted;
    *size = wanted;
    return bytes;
}

/* What must hold does not: say so and stop. */
#define FUZZ_CHECK(condition, ...)                                                                                             \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                                      \
            fputc('\n', stderr);                                                                                               \
            abort();                                                                                                           \
        }                                                                                                                      \
    } while (0)

#endif
