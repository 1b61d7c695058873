/* [Rille only] A host that uses libgc itself, with settings of its own, before it makes its first state: its objects live as long as
 * they are reachable, die when they are not, and so do the states'. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#define NODES 20000

struct Node {
    struct Node *next;
    long number;
};

static struct Node *list; /* a root: of the host's data segment */
static long finalized;
static int failures;

static void *(*gc_malloc)(size_t size);
static void (*gc_gcollect)(void);
static void (*gc_register_finalizer)(void *object, void (*fn)(void *, void *), void *data, void *old_fn, void *old_data);
static int (*gc_get_all_interior_pointers)(void);

/* libgc comes with the library. */
static void find(const char *name, void *to)
{
    *(void **)to = dlsym(RTLD_DEFAULT, name);
    if (*(void **)to == NULL) {
        printf("no %s\n", name);
        exit(1);
    }
}

static void count(void *object, void *data)
{
    (void)object;
    (void)data;
    finalized++;
}

static void __attribute__((noinline)) make_garbage(int n)
{
    for (int i = 0; i < n; i++)
        gc_register_finalizer(gc_malloc(64), count, NULL, NULL, NULL);
}

static void check_list(const char *when)
{
    long n = 0;
    for (struct Node *node = list; node != NULL; node = node->next, n++) {
        if (node->number != NODES - 1 - n)
            break;
    }
    if (n != NODES) {
        printf("%s: %ld of %d nodes\n", when, n, NODES);
        failures++;
    }
}

static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != LUA_OK || !lua_toboolean(L, -1)) {
        printf("%s: %s\n", code, lua_tostring(L, -1));
        failures++;
    }
    lua_settop(L, 0);
}

int main(void)
{
    void (*gc_init)(void);
    find("GC_init", &gc_init);
    find("GC_malloc", &gc_malloc);
    find("GC_gcollect", &gc_gcollect);
    find("GC_register_finalizer", &gc_register_finalizer);
    find("GC_get_all_interior_pointers", &gc_get_all_interior_pointers);
    gc_init();
    int interior = gc_get_all_interior_pointers();
    for (long i = 0; i < NODES; i++) {
        struct Node *node = gc_malloc(sizeof *node);
        node->next = list;
        node->number = i;
        list = node;
    }
    lua_State *L = luaL_newstate(), *other = luaL_newstate();
    luaL_openlibs(L);
    luaL_openlibs(other);
    check_list("with states");
    run(L, "t = {} for i = 1, 20000 do t['k' .. i] = {i, {i}} end return t.k777[1] == 777");
    run(other, "t = {} for i = 1, 5000 do t[i] = ('x'):rep(100) .. i end return #t == 5000");
    make_garbage(2000);
    gc_gcollect();
    gc_gcollect();
    check_list("after the host's collections");
    run(L, "for i = 1, 20000 do if t['k' .. i][2][1] ~= i then return false end end return true");
    run(L, "for r = 1, 30 do local u = {} for i = 1, 5000 do u[i] = {tostring(i)} end end collectgarbage() return t.k1[1] == 1");
    run(other, "collectgarbage() return t[4999] == ('x'):rep(100) .. 4999");
    check_list("after the states' collections");
    if (finalized < 1000) {
        printf("%ld of the host's objects finalized\n", finalized);
        failures++;
    }
    if (gc_get_all_interior_pointers() != interior) {
        printf("the host's settings were changed\n");
        failures++;
    }
    lua_close(L);
    gc_gcollect();
    run(other, "return #t == 5000");
    lua_close(other);
    gc_gcollect();
    check_list("at the end");
    return failures != 0;
}
