/* Lexer, parser, code generator: any text is compiled or refused with a message; what is compiled passes the verifier, and
 * saved and loaded it is saved the same again. Input: a byte of flags, then the text. */
#include <lauxlib.h>

#include "tests/fuzz/fuzz.h"

typedef struct Bytes {
    char *at;
    size_t size;
} Bytes;

static int write_bytes(lua_State *L, const void *from, size_t size, void *to)
{
    Bytes *b = to;
    (void)L;
    b->at = realloc(b->at, b->size + size + 1);
    memcpy(b->at + b->size, from, size);
    b->size += size;
    return 0;
}

static Bytes dump(lua_State *L, bool strip)
{
    Bytes b = {NULL, 0};
    FUZZ_CHECK(lua_dump(L, write_bytes, &b, strip) == 0, "dump");
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    static unsigned inputs;
    if (inputs++ % 20000 == 0) {
        if (L != NULL)
            lua_close(L);
        L = luaL_newstate();
    }
    if (size == 0)
        return 0;
    bool strip = data[0] & 1, is_binary = size > 1 && data[1] == LUA_SIGNATURE[0];
    lua_settop(L, 0);
    int status = luaL_loadbufferx(L, (const char *)data + 1, size - 1, "=text", "t");
    if (status != LUA_OK) { /* a message has a position, but for two */
        const char *message = lua_tostring(L, -1);
        bool is_placed = message && (strncmp(message, "text:", 5) == 0 || strcmp(message, "C stack overflow") == 0);
        FUZZ_CHECK(status == LUA_ERRMEM || is_binary || is_placed, "message: %s", message);
        return 0;
    }
    Bytes first = dump(L, strip);
    FUZZ_CHECK(luaL_loadbufferx(L, first.at, first.size, "=saved", "b") == LUA_OK, "refused: %s", lua_tostring(L, -1));
    Bytes second = dump(L, strip);
    FUZZ_CHECK(first.size == second.size && memcmp(first.at, second.at, first.size) == 0, "saved otherwise");
    free(first.at);
    free(second.at);
    return 0;
}
