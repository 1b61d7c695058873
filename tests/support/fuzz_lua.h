/* Fuzz targets whose check is written in Lua: fuzz_NAME.lua beside fuzz_NAME.c. */
#ifndef TESTS_SUPPORT_FUZZ_LUA_H
#define TESTS_SUPPORT_FUZZ_LUA_H

#include <stddef.h>
#include <stdint.h>

/* Call the function that the Lua file beside the C file `source` returns with the input, as a string. If it raises an error,
 * that is a finding: the message, and abort. The state is used for many inputs. Returns 0. */
int fuzz_lua(const char *source, const uint8_t *data, size_t size);

#endif
