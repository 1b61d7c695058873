/* Two engines side by side in one host process: a heap without a JIT and one with it, to run the same programs. */
#ifndef TESTS_SUPPORT_ENGINE_H
#define TESTS_SUPPORT_ENGINE_H

#include "jit/jit.h"
#include "vm/embed/open.h"

typedef struct Engine {
    RiThread *T; /* on its stack: the function that runs a program, or that writes one */
} Engine;

/* Say what is wrong and exit with 2. */
void engine_die(const char *what) __attribute__((noreturn));

/* A heap with all libraries and the function that tests/fuzz/`script` returns; with a JIT unless `options` is NULL. */
Engine engine_open(const char *script, const RiJitOptions *options);

/* Call the engine's function with `argument` (and `name`): the string it returns, to be freed. */
char *engine_ask(Engine engine, RiValue argument, RiValue name);

/* The same with a program's text: what pair.lua says of its run. */
char *engine_transcript(Engine engine, const char *source);

#endif
