/* See engine.h. */
#include "tests/support/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void engine_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static int32_t open_all(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_open_libraries(T);
    return 0;
}
static const RiLibFn open_fn = RI_FN(open_all, "open", "open()", "");

static char *read_file(const char *name)
{
    const char *folder = getenv("RILLE_SRCDIR");
    char path[4000];
    if (folder != NULL)
        snprintf(path, sizeof path, "%s/tests/fuzz/%s", folder, name);
    else /* beside this file, as the compiler was told */
        snprintf(path, sizeof path, "%.*s/../fuzz/%s", (int)(strlen(__FILE__) - strlen("/engine.c")), __FILE__, name);
    FILE *file = fopen(path, "r");
    if (!file)
        engine_die("RILLE_SRCDIR does not name the source tree");
    static const size_t size = 200000;
    char *text = calloc(1, size + 1);
    if (!text || fread(text, 1, size, file) == size)
        engine_die("a script is too long");
    fclose(file);
    return text;
}

static void call(RiThread *T, uint32_t nargs, int32_t wanted)
{
    if (ri_pcall(T, nargs, wanted, ri_nil(), NULL) != RI_OK)
        engine_die(ri_is_string(T->top[-1]) ? ri_str_cstr(T->heap, T->top[-1].p) : "an error");
}

Engine engine_open(const char *script, const RiJitOptions *options)
{
    Engine engine = {.T = ri_open()};
    RiThread *T = engine.T;
    if (!T || (options && !ri_jit_open(T->heap, options)))
        engine_die("no engine of this kind");
    ri_push(T, ri_object(&open_fn, RI_TAG_LIBFN));
    ri_push_link(T);
    call(T, 0, 0);
    char *text = read_file(script);
    if (ri_load(T, text, strlen(text), script, "t") != RI_OK)
        engine_die("a script does not compile");
    free(text);
    ri_push_link(T);
    call(T, 0, 1);
    return engine;
}

char *engine_ask(Engine engine, RiValue argument, RiValue name)
{
    RiThread *T = engine.T;
    ri_push(T, T->top[-1]);
    ri_push_link(T);
    ri_push(T, argument);
    ri_push(T, name);
    call(T, 2, 1);
    char *text = ri_is_string(T->top[-1]) ? strdup(ri_str_cstr(T->heap, T->top[-1].p)) : NULL;
    if (!text)
        engine_die("no transcript");
    T->top--;
    return text;
}

char *engine_transcript(Engine engine, const char *source)
{
    RiHeap *heap = engine.T->heap;
    RiString *s = ri_str_from_cstr(heap, source);
    ri_push(engine.T, ri_string_value(s));
    RiValue name = ri_string_value(ri_str_from_cstr(heap, "=program"));
    engine.T->top--;
    return engine_ask(engine, ri_string_value(s), name);
}
