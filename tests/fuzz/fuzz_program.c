/* Whole programs, written by hot.lua, in the interpreter and as machine code: the transcripts are the same. Input: 8 bytes that choose
 * the program, one that chooses how the JIT is set up. (tests/fuzz/pair does the same for long times and counts what was reached;
 * tests/fuzz/differential compares with another Lua.) */
#include "tests/fuzz/fuzz.h"
#include "tests/support/engine.h"

#define INPUTS_PER_SESSION 200

static const RiJitOptions modes[] = {
    {.always = true},
    {.hot_calls = 2, .hot_loops = 3},
    {.always = true, .code_bytes = 1 << 20},
    {.always = true, .traps = true},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MODES = sizeof modes / sizeof *modes };
    static Engine generator, plain, native[MODES];
    static unsigned inputs;
    FuzzInput in = fuzz_input(data, size);
    if (inputs++ % INPUTS_PER_SESSION == 0) {
        for (int i = 0; i < MODES; i++) {
            if (inputs > 1)
                ri_close(native[i].T);
            native[i] = engine_open("pair.lua", &modes[i]);
        }
        if (inputs > 1) {
            ri_close(plain.T);
            ri_close(generator.T);
        }
        plain = engine_open("pair.lua", NULL);
        generator = engine_open("hot.lua", NULL);
    }
    uint64_t seed = fuzz_word(&in, 8);
    int mode = fuzz_byte(&in) % MODES;
    char *source = engine_ask(generator, ri_int((int64_t)seed), ri_nil());
    char *expected = engine_transcript(plain, source), *got = engine_transcript(native[mode], source);
    FUZZ_CHECK(strcmp(expected, got) == 0, "mode %d, program\n%s\n== interpreted\n%s\n== compiled\n%s", mode, source, expected, got);
    free(source);
    free(expected);
    free(got);
    return 0;
}
