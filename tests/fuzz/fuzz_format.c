/* string.format: each conversion against what the rules of C's printf make of digits worked out here: fuzz_format.lua. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_lua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_lua(__FILE__, data, size);
}
