/* table.sort and other library functions with callbacks that lie, fail, yield or change the table: fuzz_sort.lua. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_lua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_lua(__FILE__, data, size);
}
