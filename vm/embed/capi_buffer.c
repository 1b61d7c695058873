/* Buffers of the auxiliary library: a string grows in luaL_Buffer.init, then in a collected block. The one stack slot of a
 * buffer holds a placeholder at first, the block later; what calls these has it on top. */
#include "vm/embed/capi.h"

#include <string.h>

/* The slot of the buffer is where it should be. */
#define RI_API_CHECK_BUFFER(B, box) \
    RI_API_CHECK((B)->b == (B)->init.b ? (box)->tag == RI_TAG_LIGHT && (box)->cp == (B) : (box)->tag == RI_TAG_BUFFER, \
                 "the buffer's place is not on top of the stack")

void luaL_buffinit(lua_State *L, luaL_Buffer *B)
{
    B->L = L;
    B->b = B->init.b;
    B->n = 0;
    B->size = LUAL_BUFFERSIZE;
    lua_pushlightuserdata(L, B);
}

/* Make room for `size` more bytes; the buffer's slot is at `slot`, counted from the top. */
static char *reserve(luaL_Buffer *B, size_t size, int slot)
{
    if (RI_LIKELY(B->size - B->n >= size))
        return B->b + B->n;
    RiThread *T = ri_thread_of(B->L);
    if (RI_UNLIKELY(SIZE_MAX - size < B->n))
        luaL_error(B->L, "buffer too large");
    size_t grown = B->size / 2 * 3;
    if (grown < B->n + size)
        grown = B->n + size;
    RiBuffer *block = ri_heap_alloc(T->heap, sizeof(RiBuffer) + grown, RI_SPACE_LEAF);
    ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
    block->capacity = grown;
    block->used = 0;
    memcpy(block->bytes, B->b, B->n);
    RiValue *box = T->top + slot;
    RI_API_CHECK_BUFFER(B, box);
    if (box->tag == RI_TAG_BUFFER) {
        RiBuffer *old = box->p;
        ri_set_object(box, block, RI_TAG_BUFFER);
        ri_heap_free(T->heap, old, sizeof(RiBuffer) + old->capacity);
    } else {
        ri_set_object(box, block, RI_TAG_BUFFER);
    }
    B->b = block->bytes;
    B->size = grown;
    return B->b + B->n;
}

char *luaL_prepbuffsize(luaL_Buffer *B, size_t size)
{
    return reserve(B, size, -1);
}

char *luaL_buffinitsize(lua_State *L, luaL_Buffer *B, size_t size)
{
    luaL_buffinit(L, B);
    return reserve(B, size, -1);
}

void luaL_addlstring(luaL_Buffer *B, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    memcpy(reserve(B, size, -1), bytes, size);
    B->n += size;
}

void luaL_addstring(luaL_Buffer *B, const char *text)
{
    luaL_addlstring(B, text, strlen(text));
}

/* The value lies above the buffer's slot. */
void luaL_addvalue(luaL_Buffer *B)
{
    size_t size;
    const char *text = lua_tolstring(B->L, -1, &size);
    char *to = reserve(B, size, -2);
    memcpy(to, text, size);
    B->n += size;
    lua_pop(B->L, 1);
}

void luaL_pushresult(luaL_Buffer *B)
{
    RiThread *T = ri_thread_of(B->L);
    RiString *s = B->n == 0 ? T->heap->empty : ri_str_new(T->heap, B->b, B->n);
    RiValue *box = T->top - 1;
    RI_API_CHECK_BUFFER(B, box);
    if (box->tag == RI_TAG_BUFFER) {
        RiBuffer *block = box->p;
        ri_set_string(box, s);
        ri_heap_free(T->heap, block, sizeof(RiBuffer) + block->capacity);
    } else {
        ri_set_string(box, s);
    }
    ri_capi_settle(T);
}

void luaL_pushresultsize(luaL_Buffer *B, size_t size)
{
    luaL_addsize(B, size);
    luaL_pushresult(B);
}

void luaL_addgsub(luaL_Buffer *B, const char *text, const char *pattern, const char *replacement)
{
    const char *found;
    size_t size = strlen(pattern);
    while ((found = strstr(text, pattern)) != NULL) {
        luaL_addlstring(B, text, (size_t)(found - text));
        luaL_addstring(B, replacement);
        text = found + size;
    }
    luaL_addstring(B, text);
}

const char *luaL_gsub(lua_State *L, const char *text, const char *pattern, const char *replacement)
{
    luaL_Buffer B;
    luaL_buffinit(L, &B);
    luaL_addgsub(&B, text, pattern, replacement);
    luaL_pushresult(&B);
    return lua_tostring(L, -1);
}
