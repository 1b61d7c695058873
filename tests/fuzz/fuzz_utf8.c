/* utf8 library: against a decoder written from the manual: fuzz_utf8.lua. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_lua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_lua(__FILE__, data, size);
}
