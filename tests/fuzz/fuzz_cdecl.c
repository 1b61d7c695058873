/* The parser of C declarations: any text is taken or refused with a line; sizes of what is declared can be asked for.
 * Input: the text. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/fuzz_lua.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_lua(__FILE__, data, size);
}
