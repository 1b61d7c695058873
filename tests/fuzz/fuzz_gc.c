/* The collector against a model of reachability: weak keys, weak values, ephemerons, finalizers, resurrection: fuzz_gc.lua. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_lua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_lua(__FILE__, data, size);
}
